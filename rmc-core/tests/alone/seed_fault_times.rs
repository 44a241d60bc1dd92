//! Faults of the seed in heartbeats and clocks: F16, F17, F22, F27.

use std::time::Duration;

use rmc_core::packet::Flags;
use rmc_core::{EndCause, Event, HeartbeatTimesError, Instant, Path};

use crate::lone::{EPOCH, Item, Lone, MS, NS, SECOND, Sent, US, group, message, peer};
use crate::packets::{data, data_with, heartbeat, heartbeat_with, nack, times};

fn beats(lone: &Lone) -> Vec<(Duration, Duration)> {
    let beat = |sent: &crate::lone::Transmission| match sent.what {
        Sent::Heartbeat { interval, .. } if sent.to == group() => Some((sent.at, interval)),
        _ => None,
    };
    lone.sent.iter().filter_map(beat).collect()
}

// RMC-HB-3
#[test]
fn seed_fault_f16_the_idle_floor_is_the_last_interval() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![10 * MS, 2 * SECOND]);
    lone.send_all(1);
    lone.run_to(20 * SECOND);
    let expected: Vec<_> = (0..10).map(|beat| (10 * MS + 2 * SECOND * beat, 2 * SECOND)).collect();
    assert_eq!(beats(&lone), expected);
}

// RMC-END-1, RMC-END-3
#[test]
fn seed_fault_f16_end_ends_the_heartbeats() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![10 * MS, 20 * MS]);
    lone.send_all(3);
    lone.sent.clear();
    lone.node.finish(lone.instant(), 100 * MS);
    lone.drain();
    lone.run_for(10 * SECOND);
    assert!(lone.node.is_closed());
    assert_eq!(lone.deadline, None);
    let sent = lone.sent();
    assert!(
        !sent.is_empty() && sent.iter().all(|sent| matches!(sent, Sent::Heartbeat { seq: 3, end: true, .. })),
        "{sent:?}"
    );
    assert!(sent.len() <= 3, "the table once: {sent:?}");
    assert!(matches!(sent.last(), Some(Sent::Heartbeat { interval: Duration::ZERO, .. })), "nothing more is promised");
}

// RMC-END-4, RMC-LIVE-5
#[test]
fn seed_fault_f16_after_end_a_receiver_expects_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 2, 1, 500 * MS));
    assert_eq!(lone.take(), [message(1), message(2), Item::Ended(EndCause::Finished)]);
    assert!(lone.stream().finished);
    lone.run_for(60 * SECOND);
    let told =
        lone.told(|event| matches!(event, Event::MissingHeartbeat { .. } | Event::PeerExpired { .. }).then_some(event));
    assert_eq!(told, [], "it has said good-bye");
    assert_eq!(lone.take(), []);
}

/// The stream ends in its order: not before what is missing has come.
// RMC-END-4
#[test]
fn seed_fault_f16_end_waits_for_what_is_missing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 2, 1, 500 * MS));
    assert_eq!(lone.take(), [message(1)]);
    assert_eq!(lone.asked(), [2]);
    lone.hear(peer(0), &data_with(Flags::RESENT, 0, EPOCH, 2));
    assert_eq!(lone.take(), [message(2), Item::Ended(EndCause::Finished)]);
}

// RMC-HB-2, RMC-LOCAL-6
#[test]
fn seed_fault_f17_a_table_that_cannot_work_is_refused_and_changes_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    let mut set = |times: &[Duration], index| lone.node.set_heartbeat_times(Instant::ORIGIN, times, index);
    assert_eq!(set(&[], 0), Err(HeartbeatTimesError::Count(0)));
    assert_eq!(set(&[MS; 129], 0), Err(HeartbeatTimesError::Count(129)));
    let zero = HeartbeatTimesError::Interval { index: 1, interval: Duration::ZERO };
    assert_eq!(set(&[MS, Duration::ZERO], 0), Err(zero));
    let short = HeartbeatTimesError::Interval { index: 0, interval: MS - US };
    assert_eq!(set(&[MS - US], 0), Err(short));
    let long = HeartbeatTimesError::Interval { index: 0, interval: 60 * SECOND + US };
    assert_eq!(set(&[60 * SECOND + US], 0), Err(long));
    assert_eq!(set(&[MS, MS], 2), Err(HeartbeatTimesError::Index { index: 2, count: 2 }));
    let above = HeartbeatTimesError::AboveTimeout { interval: 30 * SECOND, peer_timeout: 30 * SECOND };
    assert_eq!(set(&[30 * SECOND], 0), Err(above));
    lone.sent.clear();
    lone.run_to(30 * MS);
    assert_eq!(beats(&lone), [(10 * MS, 20 * MS), (30 * MS, 50 * MS)], "the table of before");
    assert_eq!(lone.sent.len(), 2, "nobody was told");
}

// RMC-HB-2, RMC-HB-8
#[test]
fn seed_fault_f17_tables_at_the_bounds_work() {
    let mut lone = Lone::new(|config| config.peer_timeout = 61 * SECOND);
    for table in [vec![MS], vec![MS; 128], vec![60 * SECOND], vec![MS, 60 * SECOND]] {
        lone.node.set_heartbeat_times(lone.instant(), &table, table.len() - 1).expect("it is within bounds");
        lone.drain();
        assert_eq!(lone.sent(), [Sent::Times(table)]);
    }
}

/// Who missed the table is told it when it asks for anything the first time; who has it is not told again.
// RMC-HB-9
#[test]
fn seed_fault_f17_a_peer_that_asks_for_the_first_time_is_told_the_table() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    let table = vec![5 * MS, 500 * MS];
    lone.node.set_heartbeat_times(lone.instant(), &table, 0).expect("it is within bounds");
    lone.settle();
    lone.sent.clear();
    for (stamp, expected) in [(1, vec![table]), (2, vec![])] {
        lone.hear_unicast(peer(1), &nack(stamp, &[(1, 1)]));
        lone.settle();
        let told = lone.sent.drain(..).filter(|sent| sent.to == peer(1)).filter_map(|sent| match sent.what {
            Sent::Times(table) => Some(table),
            _ => None,
        });
        assert_eq!(told.collect::<Vec<_>>(), expected, "NACK {stamp}");
    }
}

// RMC-HB-9
#[test]
fn seed_fault_f17_the_default_table_is_not_told() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert_eq!(lone.sent(), [Sent::Repair(1)]);
}

/// When the first miss is told, after `hear` has happened at time 0.
fn first_miss(lone: &mut Lone) -> Option<Duration> {
    lone.run_to(20 * SECOND);
    lone.events.iter().find(|(_, event)| matches!(event, Event::MissingHeartbeat { .. })).map(|&(at, _)| at)
}

/// A receiver without the sender's table uses the last interval that it was told for an index that it cannot resolve.
// RMC-LIVE-2
#[test]
fn seed_fault_f17_without_the_table_the_last_interval_told_counts() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 0, 1, 4 * SECOND));
    lone.hear(peer(0), &data_with(Flags::NONE, 20, EPOCH, 1));
    assert_eq!(first_miss(&mut lone), Some(6 * SECOND), "4 s and half of them");
}

// RMC-LIVE-2
#[test]
fn seed_fault_f17_with_the_table_the_index_counts() {
    let mut lone = Lone::new(|_| {});
    let table: Vec<_> = (1..=30).map(|step| 200 * MS * step).collect();
    lone.hear(peer(0), &times(0, 0, &table));
    lone.hear(peer(0), &data_with(Flags::NONE, 19, EPOCH, 1));
    assert_eq!(first_miss(&mut lone), Some(6 * SECOND), "4 s and half of them");
}

/// An index past the end of a table that is known means its last interval.
// RMC-HB-1, RMC-LIVE-2
#[test]
fn seed_fault_f17_an_index_past_the_table_means_its_last_interval() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &times(0, 0, &[200 * MS, SECOND]));
    lone.hear(peer(0), &data_with(Flags::NONE, 2, EPOCH, 1));
    assert_eq!(first_miss(&mut lone), Some(1_500 * MS));
}

/// (when, count) of every miss up to `end`.
fn misses(lone: &mut Lone, end: Duration) -> Vec<(Duration, u32)> {
    lone.run_to(end);
    let miss = |&(at, event): &(Duration, Event)| match event {
        Event::MissingHeartbeat { count, .. } => Some((at, count)),
        _ => None,
    };
    lone.events.iter().filter_map(miss).collect()
}

/// The tolerance is half the interval, at least 10 ms: (index, interval and tolerance together).
const DUE: [(u8, u32); 5] = [(0, 20), (1, 30), (2, 75), (6, 300), (8, 750)];

// RMC-LIVE-3
#[test]
fn seed_fault_f22_a_heartbeat_within_its_tolerance_is_not_missed() {
    for (index, due) in DUE {
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &data_with(Flags::NONE, index, EPOCH, 1));
        assert_eq!(misses(&mut lone, MS * due - NS), [], "index {index}");
    }
}

// RMC-LIVE-3
#[test]
fn seed_fault_f22_a_heartbeat_past_its_tolerance_is_missed() {
    for (index, due) in DUE {
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &data_with(Flags::NONE, index, EPOCH, 1));
        assert_eq!(misses(&mut lone, MS * due), [(MS * due, 1)], "index {index}");
    }
}

// RMC-LIVE-1, RMC-LIVE-3
#[test]
fn seed_fault_f22_the_tolerance_can_be_set() {
    for tolerance in [Duration::ZERO, 7 * MS, 3 * SECOND] {
        let mut lone = Lone::new(|config| config.heartbeat_tolerance = Some(tolerance));
        lone.hear_all([1]);
        lone.hear(peer(0), &heartbeat_with(Flags::NONE, 1, 1, 500 * MS));
        let due = 500 * MS + tolerance;
        assert_eq!(misses(&mut lone, due - NS), []);
        assert_eq!(misses(&mut lone, due), [(due, 1)]);
    }
}

/// Once when it is overdue, then once for each further interval, with the count.
// RMC-LIVE-4
#[test]
fn seed_fault_f22_each_further_interval_is_told_once() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data_with(Flags::NONE, 6, EPOCH, 1));
    let expected = [(300 * MS, 1), (500 * MS, 2), (700 * MS, 3), (900 * MS, 4)];
    assert_eq!(misses(&mut lone, 1_100 * MS - NS), expected);
}

fn recovered(lone: &mut Lone) -> usize {
    lone.told(|event| matches!(event, Event::PeerRecovered { peer: address } if address == peer(0)).then_some(())).len()
}

// RMC-LIVE-4
#[test]
fn seed_fault_f22_a_peer_that_is_heard_again_has_recovered() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.run_to(SECOND);
    assert!(lone.stream().missed_heartbeats > 0);
    lone.hear(peer(0), &heartbeat(1));
    assert_eq!((recovered(&mut lone), lone.stream().missed_heartbeats), (1, 0));
    lone.hear_all([2, 3]);
    assert_eq!(recovered(&mut lone), 0, "once");
}

// RMC-LIVE-4
#[test]
fn seed_fault_f22_a_peer_that_missed_nothing_does_not_recover() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.run_to(20 * MS - NS);
    lone.hear(peer(0), &heartbeat(1));
    lone.run_for(700 * MS);
    lone.hear(peer(0), &heartbeat(1));
    assert_eq!(recovered(&mut lone), 0);
}

/// The core knows no wall clock; a clock that the driver sets back stands still for it.
// RMC-LOCAL-3
#[test]
fn seed_fault_f27_a_clock_set_back_stands_still() {
    let mut lone = Lone::new(|_| {});
    lone.run_to(SECOND);
    lone.send_all(1);
    let back = Instant::from_origin(100 * MS);
    lone.node.handle_timeout(back);
    lone.node.handle_datagram(back, peer(0), Path::Multicast, &data(1));
    lone.drain();
    assert_eq!(lone.deadline, Some(1_010 * MS), "the heartbeat is due when it was");
    lone.run_to(1_030 * MS);
    assert_eq!(beats(&lone), [(1_010 * MS, 20 * MS), (1_030 * MS, 50 * MS)]);
}

/// What is sent while the clock is back counts as sent at the latest time that was seen.
// RMC-LOCAL-3
#[test]
fn seed_fault_f27_deadlines_count_from_the_latest_time_seen() {
    let mut lone = Lone::new(|_| {});
    lone.run_to(SECOND);
    lone.now = 100 * MS;
    lone.send_all(1);
    lone.now = SECOND;
    lone.drain();
    assert_eq!(lone.deadline, Some(1_010 * MS));
}

/// A jump to the far end of time neither overflows nor loops.
#[test]
fn seed_fault_f27_the_end_of_time_is_survived() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.hear_all([1, 3]);
    let end = Instant::from_nanos(u64::MAX);
    for _ in 0..100 {
        lone.node.handle_timeout(end);
        lone.drain();
    }
    assert!(lone.node.peers().next().is_none(), "everybody has been silent for ever");
}
