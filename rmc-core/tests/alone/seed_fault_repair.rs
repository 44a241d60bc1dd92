//! Faults of the seed in serving NACKs: F09 to F14, F30.

use rmc_core::packet::Flags;
use rmc_core::{LossCause, MAX_SEQ};

use crate::lone::{Lone, MS, NS, OWN, SECOND, Sent, group, lost, message, own, peer};
use crate::packets::{self, heartbeat, nack, payload};

/// A node that has sent `count` messages, all of which left at time 0.
fn sender(count: u64, change: impl FnOnce(&mut rmc_core::Config)) -> Lone {
    let mut lone = Lone::new(change);
    lone.send_all(count);
    lone.sent.clear();
    lone
}

/// The repairs that went to `peer(index)`, in order.
fn repairs_to(lone: &Lone, index: u16) -> Vec<u64> {
    let theirs = lone.sent.iter().filter(|transmission| transmission.to == peer(index));
    theirs.filter_map(|transmission| if let Sent::Repair(seq) = transmission.what { Some(seq) } else { None }).collect()
}

fn feed_nack(lone: &mut Lone, index: u16, ranges: &[(u64, u64)]) {
    lone.feed(peer(index), rmc_core::Path::Unicast, &nack(1, ranges));
}

// RMC-REPAIR-1, RMC-REPAIR-7
#[test]
fn seed_fault_f09_two_askers_of_one_packet_both_get_it() {
    let mut lone = sender(5, |_| {});
    feed_nack(&mut lone, 1, &[(3, 3)]);
    feed_nack(&mut lone, 2, &[(3, 4)]);
    lone.settle();
    assert_eq!(repairs_to(&lone, 1), [3]);
    assert_eq!(repairs_to(&lone, 2), [3, 4]);
    assert!(lone.sent.iter().all(|transmission| transmission.to != group()), "repairs go to the asker alone");
}

// RMC-REPAIR-7
#[test]
fn seed_fault_f09_what_one_asker_asks_for_twice_is_merged() {
    let mut lone = sender(5, |_| {});
    feed_nack(&mut lone, 1, &[(2, 4)]);
    feed_nack(&mut lone, 1, &[(1, 1), (3, 5)]);
    lone.settle();
    assert_eq!(repairs_to(&lone, 1), [1, 2, 3, 4, 5]);
    feed_nack(&mut lone, 1, &[(3, 3)]);
    lone.settle();
    assert_eq!(repairs_to(&lone, 1), [1, 2, 3, 4, 5, 3], "what was sent is owed again when it is asked for again");
}

/// The packet that holds the end, and the hole before it, of a node that sends 1 and then 10.
fn with_hole() -> Lone {
    let mut lone = sender(1, |_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 10, &payload(10)), Ok(10));
    lone.settle();
    lone
}

// RMC-SEND-3
#[test]
fn seed_fault_f10_a_hole_is_announced_before_the_packet_behind_it() {
    let mut lone = with_hole();
    let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.what, sent.stamp)).collect();
    assert_eq!(told, [(group(), Sent::Lost(2, 9), 0), (group(), Sent::Data(10), 0)]);
}

// RMC-SEND-3
#[test]
fn seed_fault_f10_a_number_without_a_hole_announces_nothing() {
    let mut lone = sender(1, |_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 2, &payload(2)), Ok(2));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Data(2)]);
}

// RMC-REPAIR-5
#[test]
fn seed_fault_f10_a_nack_for_the_hole_is_answered_with_exactly_the_hole() {
    for asked in [(2, 2), (5, 6), (9, 9), (2, 9)] {
        let mut lone = with_hole();
        lone.sent.clear();
        lone.hear_unicast(peer(1), &nack(77, &[asked]));
        let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.what, sent.stamp)).collect();
        assert_eq!(told, [(peer(1), Sent::Lost(2, 9), 77)], "{asked:?}");
    }
}

// RMC-REPAIR-2, RMC-REPAIR-5
#[test]
fn seed_fault_f10_around_the_hole_there_are_repairs() {
    let mut lone = with_hole();
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(77, &[(1, 10)]));
    assert_eq!(lone.sent(), [Sent::Repair(1), Sent::Lost(2, 9), Sent::Repair(10)]);
}

/// A receiver that missed the announcement asks once, learns of the hole, and asks no more.
// RMC-LOST-1
#[test]
fn seed_fault_f10_a_hole_is_not_asked_for_without_end() {
    let mut receiver = Lone::new(|_| {});
    receiver.hear_all([1, 10]);
    let stamp = crate::given::last_stamp(&receiver);
    assert_eq!(receiver.asked(), (2..=9).collect::<Vec<_>>());
    receiver.hear_unicast(peer(0), &packets::lost(2, 9, stamp));
    assert_eq!(receiver.take(), [message(1), lost(2, 9, LossCause::Lost), message(10)]);
    receiver.run_for(10 * SECOND);
    assert_eq!(receiver.asked(), []);
}

fn backlog_of_ten() -> impl FnOnce(&mut rmc_core::Config) {
    |config| config.backlog_packets = 10
}

// RMC-SEND-2
#[test]
fn seed_fault_f11_the_backlog_holds_max_backlog_packets() {
    let mut lone = sender(10, backlog_of_ten());
    assert_eq!(lone.node.stats().held.backlog_packets, 10);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert_eq!(lone.sent(), [Sent::Repair(1)]);
}

// RMC-SEND-2, RMC-REPAIR-3
#[test]
fn seed_fault_f11_the_backlog_holds_not_one_packet_more() {
    let mut lone = sender(11, backlog_of_ten());
    assert_eq!(lone.node.stats().held.backlog_packets, 10);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert_eq!(lone.sent(), [Sent::Lost(1, 1)]);
    lone.hear_unicast(peer(1), &nack(2, &[(2, 2)]));
    assert_eq!(lone.sent(), [Sent::Repair(2)]);
}

// RMC-SEND-2
#[test]
fn seed_fault_f11_the_bound_in_bytes_is_exact_too() {
    for (size, oldest) in [(100, 1), (101, 2)] {
        let mut lone = Lone::new(|config| {
            config.max_message = 500;
            config.backlog_bytes = 1_000;
        });
        for _ in 0..10 {
            lone.node.send(lone.instant(), &vec![0; size]).expect("there is room");
            lone.settle();
        }
        let held = lone.node.stats().held;
        assert!(held.backlog_bytes <= 1_000, "{held:?}");
        assert_eq!(held.backlog_packets, 11 - usize::try_from(oldest).expect("small"), "{size} bytes each");
        lone.sent.clear();
        lone.hear_unicast(peer(1), &nack(1, &[(oldest, oldest)]));
        assert_eq!(lone.sent(), [Sent::Repair(oldest)]);
    }
}

fn group_heartbeats(lone: &Lone) -> Vec<std::time::Duration> {
    let beats = lone.sent.iter().filter(|sent| sent.to == group() && matches!(sent.what, Sent::Heartbeat { .. }));
    beats.map(|sent| sent.at).collect()
}

// RMC-REPAIR-11, RMC-HB-4
#[test]
fn seed_fault_f12_a_nack_does_not_postpone_the_heartbeat() {
    let mut lone = sender(1, |_| {});
    // Heartbeats are due at 10 and at 30 ms.
    lone.run_to(25 * MS);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.run_to(30 * MS);
    assert_eq!(group_heartbeats(&lone), [10 * MS, 30 * MS]);
}

// RMC-REPAIR-11, RMC-HB-4
#[test]
fn seed_fault_f12_a_stream_of_nacks_does_not_silence_the_heartbeat() {
    let mut lone = sender(1, |_| {});
    for step in 1..=200 {
        lone.run_to(5 * MS * step);
        lone.hear_unicast(peer(1), &nack(step, &[(1, 1)]));
    }
    let beats = group_heartbeats(&lone);
    // The second interval of the table is 20 ms, and no NACK lets it grow further.
    let longest = beats.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(longest <= Some(20 * MS), "{beats:?}");
    assert!(beats.len() >= 50, "{beats:?}");
}

// RMC-REPAIR-11
#[test]
fn seed_fault_f12_a_nack_shortens_the_interval() {
    let mut lone = sender(1, |_| {});
    // By now the interval has grown to 500 ms: 1,755 was the last, 2,255 the next.
    lone.run_to(2_000 * MS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.run_to(2_040 * MS);
    assert_eq!(group_heartbeats(&lone), [2_010 * MS, 2_030 * MS]);
}

fn heartbeats_to(lone: &mut Lone, index: u16) -> Vec<u64> {
    let beats = lone.sent.drain(..).filter(|sent| sent.to == peer(index));
    beats
        .map(|sent| match sent.what {
            Sent::Heartbeat { seq, .. } => seq,
            other => panic!("{other:?} is no heartbeat"),
        })
        .collect()
}

// RMC-REPAIR-6
#[test]
fn seed_fault_f13_a_nack_for_a_number_not_yet_sent_is_answered_with_a_heartbeat() {
    let mut lone = sender(3, |_| {});
    lone.hear_unicast(peer(1), &nack(1, &[(4, 9)]));
    assert_eq!(heartbeats_to(&mut lone, 1), [3]);
    // At most one per peer and shortest interval, which is 10 ms.
    lone.run_to(10 * MS - NS);
    lone.hear_unicast(peer(1), &nack(2, &[(4, 9)]));
    assert_eq!(heartbeats_to(&mut lone, 1), []);
    lone.hear_unicast(peer(2), &nack(1, &[(4, 9)]));
    assert_eq!(heartbeats_to(&mut lone, 2), [3], "another peer has its own");
    lone.run_to(10 * MS);
    lone.hear_unicast(peer(1), &nack(3, &[(4, 9)]));
    assert_eq!(heartbeats_to(&mut lone, 1), [3]);
}

// RMC-GAP-11
#[test]
fn seed_fault_f13_the_heartbeat_lowers_what_the_asker_takes_for_known() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(5));
    assert_eq!(lone.asked(), [2, 3, 4, 5]);
    lone.hear_unicast(peer(0), &heartbeat(1));
    assert_eq!((lone.stream().known, lone.stream().gaps), (1, 0));
    lone.run_for(SECOND);
    assert_eq!(lone.asked(), []);
}

// RMC-GAP-11
#[test]
fn seed_fault_f13_it_lowers_down_to_the_highest_received_only() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    lone.hear(peer(0), &heartbeat(9));
    assert_eq!(lone.asked(), [2, 4, 5, 6, 7, 8, 9]);
    lone.hear_unicast(peer(0), &heartbeat(2));
    assert_eq!(lone.stream().known, 3);
    lone.run_for(SECOND);
    let asked = lone.asked();
    assert!(!asked.is_empty() && asked.iter().all(|&seq| seq == 2), "{asked:?}");
}

// RMC-GAP-11
#[test]
fn seed_fault_f13_it_cuts_a_gap_that_reaches_beyond() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(9));
    assert_eq!(lone.asked(), (2..=9).collect::<Vec<_>>());
    lone.hear_unicast(peer(0), &heartbeat(5));
    assert_eq!((lone.stream().known, lone.stream().gaps), (5, 1));
    lone.run_for(30 * MS);
    assert_eq!(lone.asked(), [2, 3, 4, 5]);
}

/// A heartbeat that was reordered on its way to the group is no answer.
// RMC-GAP-11
#[test]
fn seed_fault_f13_a_heartbeat_to_the_group_lowers_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(5));
    lone.hear(peer(0), &heartbeat(1));
    assert_eq!(lone.stream().known, 5);
}

// RMC-REPAIR-3
#[test]
fn seed_fault_f14_ninety_numbers_asked_for_get_one_lost() {
    let mut lone = sender(150, backlog_of_ten());
    lone.hear_unicast(peer(1), &nack(9, &[(1, 90)]));
    lone.settle();
    let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.what, sent.stamp)).collect();
    assert_eq!(told, [(peer(1), Sent::Lost(1, 140), 9)]);
}

// RMC-REPAIR-3
#[test]
fn seed_fault_f14_thirty_two_ranges_get_one_lost() {
    let mut lone = sender(150, backlog_of_ten());
    let ranges: Vec<_> = (0..32).map(|index| (1 + 3 * index, 2 + 3 * index)).collect();
    lone.hear_unicast(peer(1), &nack(9, &ranges));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Lost(1, 140)]);
}

// RMC-REPAIR-4, RMC-RESET-2
#[test]
fn seed_fault_f14_an_empty_backlog_gives_one_reset() {
    let mut lone = sender(150, |_| {});
    lone.node.reset(lone.instant()).expect("it may");
    lone.settle();
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(9, &[(1, 90), (95, 100)]));
    lone.settle();
    let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.what, sent.stamp)).collect();
    assert_eq!(told, [(peer(1), Sent::Reset(150), 9)]);
}

fn eight_repairs_a_nack() -> impl FnOnce(&mut rmc_core::Config) {
    |config| config.max_repairs_per_nack = 8
}

// RMC-REPAIR-8, RMC-SEC-1
#[test]
fn seed_fault_f30_a_nack_is_answered_up_to_its_bound() {
    for (asked, answered) in [(7, 7), (8, 8), (9, 8), (100, 8), (u64::from(u32::MAX), 8)] {
        let mut lone = sender(100, eight_repairs_a_nack());
        lone.hear_unicast(peer(1), &nack(1, &[(1, asked)]));
        lone.settle();
        assert_eq!(lone.sent(), (1..=answered).map(Sent::Repair).collect::<Vec<_>>(), "{asked} asked for");
    }
}

// RMC-REPAIR-8
#[test]
fn seed_fault_f30_the_bound_counts_over_all_ranges() {
    let mut lone = sender(100, eight_repairs_a_nack());
    lone.hear_unicast(peer(1), &nack(1, &[(1, 3), (11, 13), (21, 23), (31, 33)]));
    lone.settle();
    assert_eq!(lone.sent(), [1, 2, 3, 11, 12, 13, 21, 22].map(Sent::Repair));
}

// RMC-REPAIR-6, RMC-SEC-1
#[test]
fn seed_fault_f30_a_nack_for_the_highest_numbers_is_no_work() {
    let mut lone = sender(100, |_| {});
    lone.hear_unicast(peer(1), &nack(1, &[(MAX_SEQ - u64::from(u32::MAX) + 1, MAX_SEQ)]));
    lone.settle();
    assert_eq!(heartbeats_to(&mut lone, 1), [100]);
}

/// What a thousand NACKs ask for before the node can answer is owed once.
// RMC-REPAIR-7
#[test]
fn seed_fault_f30_a_stream_of_nacks_is_owed_once() {
    let mut lone = sender(100, |_| {});
    for _ in 0..1_000 {
        feed_nack(&mut lone, 1, &[(1, 100)]);
    }
    lone.settle();
    assert_eq!(repairs_to(&lone, 1), (1..=100).collect::<Vec<_>>());
    assert_eq!(lone.node.stats().repair.nacks_received, 1_000);
}

/// The asker's own packets, and NACKs that concern another epoch, are no NACKs.
// RMC-EPOCH-5, RMC-PEER-2
#[test]
fn seed_fault_f30_a_nack_that_is_not_for_this_node_is_not_served() {
    let mut lone = sender(5, |_| {});
    lone.hear_unicast(peer(1), &packets::nack_to(OWN + 1, Flags::NONE, 1, &[(1, 5)]));
    assert_eq!(heartbeats_to(&mut lone, 1), [5], "so that it learns of the restart");
    lone.hear_unicast(own(), &packets::data_with(Flags::NONE, 0, OWN, 1));
    let stats = lone.node.stats();
    assert_eq!((stats.dropped.wrong_target, stats.dropped.own, stats.repair.repairs_sent), (1, 1, 0));
}
