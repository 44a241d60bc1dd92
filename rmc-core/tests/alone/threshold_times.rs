//! Threshold pairs of what a node sends by its clock: a tick before each deadline nothing happens, at it something
//! does.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::{Config, DEFAULT_HEARTBEAT_TIMES, Event};

use crate::given::{private_ack, send_private, sender};
use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, US, group, peer};
use crate::observed::{beats, queue};
use crate::packets::{encode, nack};

/// Two tables, and when their heartbeats are due after data that left at time 0: all intervals, then the last one
/// again.
fn tables() -> [(Vec<Duration>, Vec<Duration>); 2] {
    [DEFAULT_HEARTBEAT_TIMES.to_vec(), vec![7 * MS, MS, 60 * MS + US]].map(|table| {
        let last = *table.last().expect("it has intervals");
        let mut at = Duration::ZERO;
        let due = table.iter().copied().chain([last]).map(|interval| {
            at += interval;
            at
        });
        (table.clone(), due.collect())
    })
}

/// How many heartbeats have left at `end`.
fn beats_until(table: &[Duration], end: Duration) -> usize {
    let mut lone = Lone::new(|config| config.heartbeat_times = table.to_vec());
    lone.send_all(1);
    lone.run_to(end);
    beats(&lone).len()
}

// RMC-HB-3
#[test]
fn heartbeat_times_a_tick_before_an_interval_ends_no_heartbeat_leaves() {
    for (table, due) in tables() {
        for (before, &at) in due.iter().enumerate() {
            assert_eq!(beats_until(&table, at - NS), before, "{table:?}, {at:?}");
        }
    }
}

// RMC-HB-3
#[test]
fn heartbeat_times_at_the_end_of_an_interval_a_heartbeat_leaves() {
    for (table, due) in tables() {
        for (before, &at) in due.iter().enumerate() {
            assert_eq!(beats_until(&table, at), before + 1, "{table:?}, {at:?}");
        }
    }
}

/// The time from the second announcement to the third, with so many peers known from the beginning.
fn announced_every(peers: u16, timeout: Duration) -> Duration {
    let mut lone = Lone::new(|config| {
        config.announce = true;
        config.peer_timeout = timeout;
    });
    lone.settle();
    for index in 0..peers {
        let body = Body::Heartbeat { oldest: 1, interval: 0, backoff: 0, group: 0, rtt: 0 };
        lone.hear(peer(index), &encode(Flags::NONE, 0, EPOCH, 0, body));
    }
    lone.run_to(11 * SECOND);
    let times: Vec<_> = beats(&lone).iter().map(|beat| beat.at).collect();
    times[2] - times[1]
}

/// The table's last interval is 500 ms.
// RMC-HB-7
#[test]
fn announcements_of_50_peers_are_no_rarer_than_heartbeats() {
    assert_eq!(announced_every(49, 60 * SECOND), 500 * MS);
    assert_eq!(announced_every(50, 60 * SECOND), 500 * MS);
}

// RMC-HB-7
#[test]
fn announcements_of_one_peer_more_are_rarer_by_10_ms() {
    assert_eq!(announced_every(51, 60 * SECOND), 510 * MS);
}

// RMC-HB-7
#[test]
fn announcements_of_1000_peers_come_every_10_s() {
    assert_eq!(announced_every(999, 60 * SECOND), 9_990 * MS);
    assert_eq!(announced_every(1_000, 60 * SECOND), 10 * SECOND);
}

// RMC-HB-7
#[test]
fn announcements_of_one_peer_more_are_no_rarer_than_every_10_s() {
    assert_eq!(announced_every(1_001, 60 * SECOND), 10 * SECOND);
}

// RMC-HB-7
#[test]
fn announcements_may_be_as_rare_as_a_third_of_the_peer_timeout() {
    assert_eq!(announced_every(60, 1_800 * MS), 600 * MS);
}

// RMC-HB-7
#[test]
fn announcements_are_not_a_tick_rarer_than_a_third_of_the_peer_timeout() {
    assert_eq!(announced_every(60, 1_800 * MS - 3 * NS), 600 * MS - NS);
    assert_eq!(announced_every(61, 1_800 * MS), 600 * MS);
}

/// How many answers `from` gets that asks for what was never sent at time 0 and again at `again`.
fn answers(from: u16, again: Duration) -> usize {
    let mut lone = sender(3, |config| config.max_peers = 1);
    lone.hear_unicast(peer(0), &nack(1, &[(1, 1)]));
    lone.run_to(5 * MS);
    lone.sent.clear();
    for time in [5 * MS, 5 * MS + again] {
        lone.run_to(time);
        lone.hear_unicast(peer(from), &nack(2, &[(4, 9)]));
    }
    lone.sent.iter().filter(|sent| sent.to == peer(from)).count()
}

/// Peer 0 is one, peer 1 finds no room; the shortest interval of the table is 10 ms.
// RMC-REPAIR-6, RMC-EPOCH-5
#[test]
fn the_shortest_interval_a_tick_before_its_end_there_is_no_second_answer() {
    assert_eq!((answers(0, 10 * MS - NS), answers(1, 10 * MS - NS)), (1, 1));
}

// RMC-REPAIR-6, RMC-EPOCH-5
#[test]
fn the_shortest_interval_at_its_end_there_is_a_second_answer() {
    assert_eq!((answers(0, 10 * MS), answers(1, 10 * MS)), (2, 2));
}

/// The interval that an answer promises so long before the next heartbeat.
fn promised(left: Duration) -> u32 {
    let mut lone = sender(1, |_| {});
    lone.run_to(10 * MS - left);
    lone.hear_unicast(peer(1), &nack(1, &[(5, 5)]));
    match Packet::decode(&lone.sent[0].bytes).map(|packet| packet.body) {
        Ok(Body::Heartbeat { interval, .. }) => interval,
        other => panic!("{other:?} is no heartbeat"),
    }
}

// RMC-HB-6
#[test]
fn an_answer_promises_what_is_left_down_to_1_ms() {
    assert_eq!((promised(MS + US), promised(MS)), (1_001, 1_000));
}

// RMC-HB-6
#[test]
fn an_answer_promises_1_ms_where_less_is_left() {
    assert_eq!((promised(MS - US), promised(US)), (1_000, 1_000));
}

/// What has left so long after the socket had refused the first packet.
fn left_after(time: Duration) -> Vec<Sent> {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![SECOND]);
    lone.run_to(3 * MS);
    queue(&mut lone, 2);
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Data(1)));
    lone.node.transmit_failed(lone.instant(), true);
    lone.run_to(3 * MS + time);
    lone.sent()
}

// RMC-SEND-4
#[test]
fn retry_delay_a_tick_before_its_end_nothing_leaves() {
    assert_eq!(left_after(10 * MS - NS), []);
}

// RMC-SEND-4
#[test]
fn retry_delay_at_its_end_the_packet_comes_back() {
    assert_eq!(left_after(10 * MS), [Sent::Data(1), Sent::Data(2)]);
}

/// The answer to a NACK for 1, which left at time 0, so much later.
fn answer_at(time: Duration) -> Vec<Sent> {
    let mut lone = sender(1, |config| {
        config.backlog_age = Some(SECOND);
        config.heartbeat_times = vec![20 * SECOND];
    });
    // It knows the table, so that it is not told it.
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.sent.clear();
    lone.run_to(time);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.sent()
}

// RMC-SEND-2
#[test]
fn backlog_age_a_tick_before_it_a_packet_is_repaired() {
    assert_eq!(answer_at(SECOND - NS), [Sent::Repair(1)]);
}

// RMC-SEND-2
#[test]
fn backlog_age_at_its_end_a_packet_is_gone() {
    assert_eq!(answer_at(SECOND), [Sent::Reset(1)]);
}

/// Whether a node is closed at `end`, that has finished at time 0 with a linger of 1 s and was asked at these times.
fn closed_at(asked: &[Duration], end: Duration) -> bool {
    let mut lone = sender(5, |config| config.heartbeat_times = vec![10 * MS, 20 * MS]);
    lone.node.finish(lone.instant(), SECOND);
    lone.settle();
    for &time in asked {
        lone.run_to(time);
        lone.hear_unicast(peer(1), &nack(1, &[(2, 3)]));
    }
    lone.run_to(end);
    lone.node.is_closed()
}

// RMC-END-3
#[test]
fn linger_a_tick_before_its_end_the_node_is_open_and_serves() {
    assert!(!closed_at(&[], SECOND - NS));
    // A NACK in the last tick is one.
    assert!(!closed_at(&[SECOND - NS], 2 * SECOND - 2 * NS));
}

// RMC-END-3
#[test]
fn linger_at_its_end_the_node_is_closed() {
    assert!(closed_at(&[], SECOND));
    assert!(closed_at(&[SECOND - NS], 2 * SECOND - NS));
}

/// Asked twice a second, without end.
fn always_asked() -> Vec<Duration> {
    (1..20).map(|round| 500 * MS * round).collect()
}

// RMC-END-3
#[test]
fn ten_lingers_a_tick_before_their_end_the_node_is_open() {
    assert!(!closed_at(&always_asked(), 10 * SECOND - NS));
}

// RMC-END-3
#[test]
fn ten_lingers_at_their_end_the_node_is_closed() {
    assert!(closed_at(&always_asked(), 10 * SECOND));
}

/// Whether a private stream was abandoned at `end`, whose receiver was heard last at 2 s.
fn abandoned_at(end: Duration) -> bool {
    let mut lone = Lone::new(|config| config.peer_timeout = 5 * SECOND);
    send_private(&mut lone, 1);
    send_private(&mut lone, 1);
    lone.run_to(2 * SECOND);
    lone.hear_unicast(peer(1), &private_ack(1));
    lone.run_to(end);
    lone.events.iter().any(|(_, event)| matches!(event, Event::PrivateAbandoned { .. }))
}

// RMC-PRIV-5
#[test]
fn peer_timeout_a_tick_before_its_end_a_private_stream_is_kept() {
    assert!(!abandoned_at(7 * SECOND - NS));
}

// RMC-PRIV-5
#[test]
fn peer_timeout_at_its_end_a_private_stream_is_abandoned() {
    assert!(abandoned_at(7 * SECOND));
}

/// How many datagrams of 100 bytes have left at `end`, of 20 that were queued at time 0.
fn data_until(end: Duration, change: impl FnOnce(&mut Config)) -> usize {
    let mut lone = Lone::new(|config| {
        config.max_datagram = 116;
        config.max_message = 100;
        config.heartbeat_times = vec![20 * SECOND];
        config.max_rate = Some(100_000);
        config.rate_burst = 1_000;
        change(config);
    });
    for _ in 0..20 {
        lone.node.send(lone.instant(), &[0; 84]).expect("there is room");
    }
    lone.run_to(end);
    lone.sent.iter().filter(|sent| sent.to == group()).count()
}

// RMC-PACE-2
#[test]
fn max_rate_a_tick_before_its_bytes_are_earned_a_datagram_waits() {
    for step in 1..=9 {
        assert_eq!(data_until(step * MS - NS, |_| {}), 9 + usize::try_from(step).expect("small"));
    }
    // With a byte a second less, 10.0001 ns are missing at the millisecond.
    assert_eq!(data_until(MS + 10 * NS, |config| config.max_rate = Some(99_999)), 10);
}

// RMC-PACE-2
#[test]
fn max_rate_as_soon_as_its_bytes_are_earned_a_datagram_leaves() {
    for step in 1..=9 {
        assert_eq!(data_until(step * MS, |_| {}), 10 + usize::try_from(step).expect("small"));
    }
    assert_eq!(data_until(MS + 11 * NS, |config| config.max_rate = Some(99_999)), 11);
}

// RMC-PACE-2
#[test]
fn rate_burst_lets_as_many_bytes_leave_at_once() {
    assert_eq!(data_until(Duration::ZERO, |config| config.rate_burst = 1_000), 10);
    assert_eq!(data_until(Duration::ZERO, |config| config.rate_burst = 1_099), 10);
}

// RMC-PACE-2
#[test]
fn rate_burst_lets_not_one_byte_more_leave_at_once() {
    assert_eq!(data_until(Duration::ZERO, |config| config.rate_burst = 999), 9);
}
