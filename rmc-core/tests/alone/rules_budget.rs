//! Rules about how much of what leaves may be repairs, and how much of that one asker gets.

use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::{Config, Path};

use crate::asking::{Nack, ack_with, adaptive, answers, cookie_of, trusting};
use crate::lone::{Lone, MS, NS, Sent, group, peer};

/// Bytes of each datagram.
const LEN: usize = 1_016;
/// How many of them an asker may save up: 32 KiB.
const BURST: usize = 32;

/// Sends `count` messages now.
fn send(lone: &mut Lone, count: usize) {
    for _ in 0..count {
        lone.node.send(lone.instant(), &[1; LEN - 16]).expect("there is room");
        lone.settle();
    }
}

/// A node that has just sent 100 messages to a group of which `peer(0)` and `peer(1)` are known.
fn flowing(change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = trusting(0, change);
    send(&mut lone, 100);
    (0..2).for_each(|index| lone.hear_unicast(peer(index), &ack_with(1, MS)));
    lone.sent.clear();
    lone
}

/// The repairs that left since the last call.
fn repairs(lone: &mut Lone) -> Vec<(SocketAddr, u64)> {
    let seq =
        |sent: crate::lone::Transmission| if let Sent::Repair(seq) = sent.what { Some((sent.to, seq)) } else { None };
    lone.sent.drain(..).filter_map(seq).collect()
}

fn ask(lone: &mut Lone, index: u16, first: u64, last: u64) {
    lone.feed(peer(index), Path::Unicast, &Nack::new(&[(first, last)]).rtt(MS).bytes());
    lone.settle();
}

// RMC-BUDGET-1
#[test]
fn rmc_budget_1_while_data_flows_an_asker_gets_what_it_saved_up_and_its_part() {
    let mut lone = flowing(|_| {});
    ask(&mut lone, 0, 1, 60);
    assert_eq!(repairs(&mut lone), (1..=BURST as u64).map(|seq| (peer(0), seq)).collect::<Vec<_>>());
    // Two receivers are known: half of what is sent.
    for count in 1..=10 {
        send(&mut lone, 1);
        assert_eq!(repairs(&mut lone).len(), usize::from(count % 2 == 0), "{count}");
    }
}

// RMC-BUDGET-1
#[test]
fn rmc_budget_1_another_asker_need_not_wait_for_it() {
    let mut lone = flowing(|_| {});
    ask(&mut lone, 0, 1, 60);
    repairs(&mut lone);
    ask(&mut lone, 1, 70, 72);
    assert_eq!(repairs(&mut lone), [(peer(1), 70), (peer(1), 71), (peer(1), 72)]);
    ask(&mut lone, 1, 59, 60);
    assert_eq!(repairs(&mut lone), [(group(), 59), (group(), 60)], "nobody pays for what two ask for");
}

// RMC-BUDGET-1
#[test]
fn rmc_budget_1_data_flows_for_20_ms() {
    for (after, rest) in [(20 * MS - NS, 0), (20 * MS, 60 - BURST)] {
        let mut lone = flowing(|_| {});
        ask(&mut lone, 0, 1, 60);
        repairs(&mut lone);
        // Nothing comes in: the node itself knows when.
        lone.run_for(after);
        assert_eq!(repairs(&mut lone).len(), rest, "{after:?}");
    }
}

/// What one pays for with `parts` parts, with a rate of 1 MB/s for 50 ms.
fn part(share: u8, receivers: u16) -> usize {
    let mut lone = flowing(|config| config.repair_share = share);
    (2..receivers).for_each(|index| lone.hear_unicast(peer(index), &ack_with(1, MS)));
    ask(&mut lone, 0, 1, 60);
    repairs(&mut lone);
    let mut count = 0;
    for step in 0..48 {
        lone.run_for(MS);
        send(&mut lone, 1);
        ask(&mut lone, 0, 1 + step % 60, 100);
        count += repairs(&mut lone).len();
    }
    count
}

// RMC-BUDGET-1
#[test]
fn rmc_budget_1_the_part_is_that_of_the_share_and_the_number_of_receivers() {
    for (share, receivers, expected) in [(50, 2, 24), (50, 4, 12), (50, 8, 6), (50, 100, 6), (80, 8, 24), (20, 2, 6)] {
        let count = part(share, receivers);
        assert!(count.abs_diff(expected) <= 1, "{share} %, {receivers}: {count}, not {expected}");
    }
}

/// Only the asker is known, and all its repairs take the place of data.
// RMC-BUDGET-1, RMC-REPAIR-10
#[test]
fn rmc_budget_1_where_data_waits_and_one_is_known_nobody_pays() {
    let mut lone = trusting(0, |_| {});
    send(&mut lone, 100);
    lone.hear_unicast(peer(0), &ack_with(1, MS));
    lone.sent.clear();
    for _ in 0..100 {
        lone.node.send(lone.instant(), &[1; LEN - 16]).expect("there is room");
    }
    ask(&mut lone, 0, 1, 90);
    assert_eq!(repairs(&mut lone).len(), 90);
}

/// In the long run repairs have `repair_share` of the bytes while data waits.
// RMC-REPAIR-10
#[test]
fn rmc_repair_10_repairs_take_their_share_while_data_waits() {
    for share in [1, 10, 50, 90, 99_u8] {
        let mut lone = trusting(0, |config| {
            config.repair_share = share;
            config.max_burst = 200;
        });
        send(&mut lone, 500);
        lone.run_for(Duration::from_secs(1));
        lone.sent.clear();
        for _ in 0..500 {
            lone.node.send(lone.instant(), &[1; LEN - 16]).expect("there is room");
        }
        lone.feed(peer(0), Path::Unicast, &Nack::new(&[(1, 500)]).bytes());
        lone.tick();
        let count = repairs(&mut lone).len();
        assert!(count.abs_diff(2 * usize::from(share)) <= 1, "{share} %: {count} of 200");
    }
}

// RMC-BUDGET-3
#[test]
fn rmc_budget_3_who_has_to_wait_is_told_for_how_long() {
    let mut lone = flowing(|_| {});
    // 1 MB/s, of which a half is its part: 28 of 60 datagrams are left.
    for _ in 0..30 {
        lone.run_for(MS);
        send(&mut lone, 1);
    }
    lone.sent.clear();
    ask(&mut lone, 0, 1, 60);
    let told: Vec<_> = lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Confirm { .. })).cloned().collect();
    let [ref confirm] = told[..] else { panic!("{told:?}") };
    let Sent::Confirm { seq, reason, delay, .. } = confirm.what else { panic!("{confirm:?}") };
    assert_eq!((confirm.to, confirm.stamp, seq, reason), (peer(0), 7, 1 + BURST as u64, 1));
    assert!((50 * MS..60 * MS).contains(&delay), "{delay:?}");
    // One in that time.
    for (after, count) in [(delay - MS, 0), (2 * MS, 1)] {
        lone.sent.clear();
        lone.run_for(after - MS);
        send(&mut lone, 1);
        lone.run_for(MS);
        ask(&mut lone, 0, 90, 90);
        let told = lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Confirm { reason: 1, .. })).count();
        assert_eq!(told, count, "{after:?}");
    }
}

/// After a 20th of a second an asker that has to wait gets twice as much, unless its round trip has grown.
// RMC-BUDGET-2
#[test]
fn rmc_budget_2_who_has_to_wait_gets_more_step_by_step() {
    for (rtt, grows) in [(MS, true), (50 * MS, false)] {
        let mut lone = flowing(|_| {});
        (2..8).for_each(|index| lone.hear_unicast(peer(index), &ack_with(1, MS)));
        ask(&mut lone, 0, 1, 100);
        let mut counts = Vec::new();
        for step in 0..20 {
            lone.sent.clear();
            for _ in 0..48 {
                lone.run_for(MS);
                send(&mut lone, 1);
                let last = lone.node.next_seq() - 1;
                let rtt = if step == 0 { MS } else { rtt };
                lone.feed(peer(0), Path::Unicast, &Nack::new(&[(last - 90, last)]).rtt(rtt).bytes());
                lone.settle();
            }
            counts.push(repairs(&mut lone).len());
        }
        assert!((5..=7).contains(&counts[0]), "{counts:?}");
        assert_eq!(counts[19] > 5 * counts[0], grows, "{counts:?}");
        assert!(grows || counts.iter().all(|count| *count <= 7), "{counts:?}");
    }
}

/// However many addresses are forged.
// RMC-BUDGET-4
#[test]
fn rmc_budget_4_all_unproven_addresses_together_are_one_asker() {
    let mut lone = adaptive(0, |_| {});
    send(&mut lone, 1_000);
    lone.sent.clear();
    for index in 0..500 {
        let first = 1 + 2 * u64::from(index);
        lone.feed(peer(index), Path::Unicast, &Nack::new(&[(first, first)]).bytes());
        lone.settle();
    }
    let left = repairs(&mut lone);
    assert!(left.iter().all(|&(to, _)| to == group()));
    assert!((245..=255).contains(&left.len()), "a quarter of the backlog: {}", left.len());
    for _ in 0..80 {
        send(&mut lone, 1);
    }
    assert_eq!(repairs(&mut lone).len(), 10, "and an eighth of what is sent");
}

/// Who has to wait so, and proves its address, waits no more.
// RMC-BUDGET-4, RMC-PROOF-2
#[test]
fn rmc_proof_2_while_unproven_askers_wait_the_confirm_says_to_come_with_the_cookie() {
    let mut lone = adaptive(0, |_| {});
    send(&mut lone, 1_000);
    lone.sent.clear();
    lone.feed(peer(1), Path::Unicast, &Nack::new(&[(1, 900)]).bytes());
    lone.settle();
    assert!(repairs(&mut lone).len() < 300);
    let told = answers(&mut lone, 2, Nack::new(&[(950, 950)]));
    let Sent::Confirm { reason, delay, cookie, .. } = told[0].1 else { panic!("{told:?}") };
    assert_eq!((told.len(), reason, delay), (1, 1, Duration::ZERO));
    let told = answers(&mut lone, 2, Nack::new(&[(950, 950)]).cookie(cookie));
    assert_eq!(told, [(group(), Sent::Repair(950))]);
    let cookie = cookie_of(&mut lone, 3, 960);
    assert_eq!(answers(&mut lone, 3, Nack::new(&[(970, 970)]).cookie(cookie)), [(peer(3), Sent::Repair(970))]);
}
