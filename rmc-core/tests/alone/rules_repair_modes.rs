//! Rules about whom a repair goes to, and how long it holds off further NACKs.

use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::RepairMode;

use crate::asking::{Nack, ack_with, adaptive, answers, ask, trusting};
use crate::lone::{Lone, MS, NS, Sent, US, group, peer};

const FIVE: [(u64, u64); 1] = [(5, 5)];

fn repairs(sent: &[(SocketAddr, Sent)]) -> Vec<(SocketAddr, u64)> {
    let seq = |(to, what): &(SocketAddr, Sent)| if let Sent::Repair(seq) = what { Some((*to, *seq)) } else { None };
    sent.iter().filter_map(seq).collect()
}

/// The repairs that the NACK of `peer(index)` brings at once.
fn asked(lone: &mut Lone, index: u16, nack: Nack<'_>) -> Vec<(SocketAddr, u64)> {
    repairs(&answers(lone, index, nack))
}

/// A sender whose group's round trip is `rtt`, told by `peer(9)`.
fn at_rtt(rtt: Duration, mode: RepairMode) -> Lone {
    let mut lone = trusting(20, |config| config.repair_mode = mode);
    lone.hear_unicast(peer(9), &ack_with(1, rtt));
    lone
}

// RMC-REPAIR-13
#[test]
fn rmc_repair_13_multicast_repairs_go_to_the_group_and_unicast_ones_to_each_asker() {
    for (mode, first, second) in [
        (RepairMode::Multicast, vec![(group(), 5)], vec![]),
        (RepairMode::Unicast, vec![(peer(1), 5)], vec![(peer(2), 5)]),
        (RepairMode::Adaptive, vec![(peer(1), 5)], vec![(group(), 5)]),
    ] {
        let mut lone = trusting(20, |config| config.repair_mode = mode);
        assert_eq!(asked(&mut lone, 1, Nack::new(&FIVE)), first, "{mode:?}");
        assert_eq!(asked(&mut lone, 2, Nack::new(&FIVE)), second, "{mode:?}");
        assert_eq!(asked(&mut lone, 3, Nack::new(&FIVE)).len(), usize::from(mode == RepairMode::Unicast), "{mode:?}");
    }
}

/// While the first one's repair waits for its turn.
// RMC-REPAIR-13, RMC-REPAIR-7
#[test]
fn rmc_repair_13_what_a_second_one_asks_for_before_it_left_goes_to_all_once() {
    let mut lone = trusting(20, |_| {});
    for (index, ranges) in [(1, [(3, 6)]), (2, [(5, 8)])] {
        lone.feed(peer(index), rmc_core::Path::Unicast, &Nack::new(&ranges).bytes());
    }
    lone.settle();
    let mut left = repairs(&crate::given::sent_to(&mut lone));
    left.sort_by_key(|&(_, seq)| seq);
    let expected = [(peer(1), 3), (peer(1), 4), (group(), 5), (group(), 6), (peer(2), 7), (peer(2), 8)];
    assert_eq!(left, expected);
}

/// Rounds of one number each, with so many NACKs each.
fn play(lone: &mut Lone, first: u64, rounds: &[u16]) {
    for (seq, &nacks) in (first..).zip(rounds) {
        for index in 1..=nacks {
            ask(lone, index, Nack::new(&[(seq, seq)]));
        }
        lone.run_for(20 * MS);
    }
}

/// The mean is 1 at first; 5 NACKs make it 1.5, and 6 more than that.
// RMC-REPAIR-13
#[test]
fn rmc_repair_13_above_one_and_a_half_nacks_in_the_mean_repairs_go_to_the_group_at_once() {
    for (nacks, to) in [(5, peer(1)), (6, group())] {
        let mut lone = trusting(20, |_| {});
        play(&mut lone, 1, &[nacks]);
        // A NACK ends the rounds whose time has come.
        ask(&mut lone, 1, Nack::new(&[(2, 2)]));
        assert_eq!(asked(&mut lone, 1, Nack::new(&FIVE)), [(to, 5)], "{nacks}");
    }
}

// RMC-REPAIR-14
#[test]
fn rmc_repair_14_a_repair_to_all_holds_off_for_one_and_a_half_round_trips() {
    for (after, repaired) in [(12 * MS - NS, 0), (12 * MS, 1)] {
        let mut lone = at_rtt(8 * MS, RepairMode::Multicast);
        assert_eq!(asked(&mut lone, 1, Nack::new(&FIVE)), [(group(), 5)]);
        lone.run_for(after);
        assert_eq!(asked(&mut lone, 2, Nack::new(&FIVE)).len(), repaired, "{after:?}");
        assert_eq!(lone.node.stats().repair.held_off, 1 - repaired as u64);
    }
}

// RMC-REPAIR-14
#[test]
fn rmc_repair_14_it_holds_off_who_knows_its_round_trip_for_that_long() {
    for (after, repaired) in [(3 * MS - NS, 0), (3 * MS, 1)] {
        let mut lone = at_rtt(8 * MS, RepairMode::Multicast);
        asked(&mut lone, 1, Nack::new(&FIVE));
        lone.run_for(after);
        assert_eq!(asked(&mut lone, 2, Nack::new(&FIVE).rtt(3 * MS)).len(), repaired, "{after:?}");
    }
}

// RMC-REPAIR-14
#[test]
fn rmc_repair_14_a_hold_off_lasts_a_millisecond_at_least() {
    for (after, repaired) in [(MS - NS, 0), (MS, 1)] {
        let mut lone = at_rtt(MS / 10, RepairMode::Multicast);
        asked(&mut lone, 1, Nack::new(&FIVE));
        lone.run_for(after);
        assert_eq!(asked(&mut lone, 2, Nack::new(&FIVE)).len(), repaired, "{after:?}");
    }
}

// RMC-REPAIR-14
#[test]
fn rmc_repair_14_while_no_round_trip_is_known_it_lasts_as_long_as_nack_resend_time() {
    for (after, repaired) in [(30 * MS - NS, 0), (30 * MS, 1)] {
        let mut lone = trusting(20, |config| {
            config.repair_mode = RepairMode::Multicast;
            config.nack_resend_time = 30 * MS;
        });
        asked(&mut lone, 1, Nack::new(&FIVE));
        lone.run_for(after);
        assert_eq!(asked(&mut lone, 2, Nack::new(&FIVE)).len(), repaired, "{after:?}");
    }
}

/// The one that got it alone asks again: only later than its round trip can it have missed it.
// RMC-REPAIR-14
#[test]
fn rmc_repair_14_a_unicast_repair_holds_off_its_asker() {
    for (after, repaired) in [(3 * MS - NS, vec![]), (3 * MS, vec![(peer(1), 5)])] {
        let mut lone = at_rtt(8 * MS, RepairMode::Adaptive);
        let nack = Nack::new(&FIVE).rtt(3 * MS);
        assert_eq!(asked(&mut lone, 1, nack), [(peer(1), 5)]);
        lone.run_for(after);
        assert_eq!(asked(&mut lone, 1, nack), repaired, "{after:?}");
    }
}

/// Another one within the hold-off makes one for all; later it is the only one again.
// RMC-REPAIR-13, RMC-REPAIR-14
#[test]
fn rmc_repair_13_a_second_asker_within_the_hold_off_makes_a_repair_for_all() {
    for (after, to) in [(12 * MS - NS, group()), (12 * MS, peer(2))] {
        let mut lone = at_rtt(8 * MS, RepairMode::Adaptive);
        asked(&mut lone, 1, Nack::new(&FIVE));
        lone.run_for(after);
        assert_eq!(asked(&mut lone, 2, Nack::new(&FIVE)), [(to, 5)], "{after:?}");
    }
}

// RMC-REPAIR-15
#[test]
fn rmc_repair_15_from_the_fifth_round_on_the_hold_off_doubles() {
    let mut lone = at_rtt(8 * MS, RepairMode::Multicast);
    asked(&mut lone, 9, Nack::new(&FIVE));
    for (round, hold_off) in [12, 12, 12, 12, 24, 48].into_iter().enumerate() {
        lone.run_for(MS * hold_off - NS);
        assert_eq!(asked(&mut lone, 1, Nack::new(&FIVE)), [], "{round}");
        lone.run_for(NS);
        assert_eq!(asked(&mut lone, 1, Nack::new(&FIVE)), [(group(), 5)], "{round}");
    }
}

/// Who has not proven its address cannot make everybody wait.
// RMC-REPAIR-16
#[test]
fn rmc_repair_16_only_proven_addresses_tell_the_group_s_round_trip() {
    let told = |verify_askers| {
        let mut lone = adaptive(20, |config| config.verify_askers = verify_askers);
        lone.hear_unicast(peer(1), &Nack::new(&FIVE).rtt(8 * MS).bytes());
        lone.hear_unicast(peer(1), &ack_with(1, 9 * MS));
        lone.sent.clear();
        lone.run_for(10 * MS);
        lone.sent.iter().find_map(crate::rules_advertised::fields).expect("a heartbeat").rtt
    };
    assert_eq!((told(true), told(false)), (Duration::ZERO, 9 * MS));
}

/// Unicast repairs that are asked for again go twice to one that loses many, which seven are that were named before and
/// six are not; and not while the asker's round trip shows a queue.
// RMC-REPAIR-17
#[test]
fn rmc_repair_17_what_one_that_loses_many_lost_once_goes_twice_unless_there_is_a_queue() {
    for (count, rtt, copies) in [(7, 13 * MS, 2), (6, 13 * MS, 1), (7, 13 * MS + US, 1)] {
        let mut lone = trusting(20, |_| {});
        let ranges = [(5, 4 + count)];
        assert_eq!(asked(&mut lone, 1, Nack::new(&ranges).rtt(3 * MS)).len() as u64, count);
        lone.run_for(14 * MS);
        let mut again = asked(&mut lone, 1, Nack::new(&ranges).rtt(rtt));
        again.sort_unstable();
        let each = (5..5 + count).flat_map(|seq| vec![(peer(1), seq); copies]);
        assert_eq!(again, each.collect::<Vec<_>>(), "{count} numbers, {rtt:?}");
    }
}

/// The NACKs that come within a round trip were sent before the Lost could be heard.
// RMC-REPAIR-3
#[test]
fn rmc_repair_3_one_lost_answers_all_nacks_of_a_round_trip() {
    for (after, told) in [(8 * MS - NS, 0), (8 * MS, 1)] {
        let mut lone = trusting(20, |config| config.backlog_packets = 10);
        let nack = Nack::new(&[(3, 4)]).rtt(8 * MS);
        assert_eq!(answers(&mut lone, 1, nack), [(peer(1), Sent::Lost(1, 10))]);
        lone.run_for(after);
        assert_eq!(answers(&mut lone, 1, nack).len(), told, "{after:?}");
    }
}

/// What the group was owed is gone before its turn came: the group is told.
// RMC-REPAIR-3
#[test]
fn rmc_repair_3_what_all_were_owed_and_is_gone_is_told_to_all() {
    let mut lone = trusting(20, |config| {
        config.repair_mode = RepairMode::Multicast;
        config.backlog_packets = 20;
    });
    for index in 1..=2 {
        lone.feed(peer(index), rmc_core::Path::Unicast, &Nack::new(&[(1, 1), (20, 20)]).bytes());
    }
    lone.node.reset(lone.instant()).expect("it may");
    lone.settle();
    let told = crate::given::sent_to(&mut lone);
    assert!(told.contains(&(group(), Sent::Lost(1, 20))), "{told:?}");
    assert_eq!(repairs(&told), []);
}

/// A hole in the group's numbers, asked for by one with a proven address and by one without.
// RMC-REPAIR-5, RMC-PROOF-2
#[test]
fn rmc_repair_5_a_hole_is_told_to_the_asker_or_to_all() {
    for (verify_askers, to, stamp) in [(false, peer(1), 7), (true, group(), 0)] {
        let mut lone = adaptive(1, |config| config.verify_askers = verify_askers);
        lone.node.send_at(lone.instant(), 1_000_000, b"behind a hole").expect("it is free");
        lone.settle();
        let told = ask(&mut lone, 1, Nack::new(&[(2, 999_999)]));
        let lost = told.iter().find(|sent| matches!(sent.what, Sent::Lost(..))).expect("a Lost");
        assert_eq!((lost.to, &lost.what, lost.stamp), (to, &Sent::Lost(2, 999_999), stamp));
    }
}
