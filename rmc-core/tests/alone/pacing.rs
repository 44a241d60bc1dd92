//! The token bucket (`max_rate`, `rate_burst`) and the burst (`max_burst`, rule S20), in virtual time.

use std::time::Duration;

use rmc_core::{Config, Congestion, Path};

use crate::lone::{Lone, MS, NS, SECOND, Sent, Transmission, US, peer};
use crate::packets::{data, nack};

/// 100,000 bytes a second, and 1,000 at once.
fn paced(config: &mut Config) {
    config.max_rate = Some(100_000);
    config.rate_burst = 1_000;
    config.max_datagram = 500;
    config.max_message = 10_000;
}

/// Queues `count` datagrams of 100 bytes.
fn queue(lone: &mut Lone, count: usize) {
    for _ in 0..count {
        lone.node.send(lone.instant(), &[0; 84]).expect("there is room");
    }
}

/// In every window that begins and ends with a packet, the bytes are at most rate x time + burst.
fn holds(sent: &[Transmission], rate: u64, burst: u64) {
    for (start, first) in sent.iter().enumerate() {
        let mut bytes = 0;
        for last in &sent[start..] {
            bytes += last.bytes.len() as u64;
            let micros = u64::try_from((last.at - first.at).as_nanos()).expect("short");
            let allowed = rate * micros / 1_000_000_000 + burst;
            assert!(bytes <= allowed, "{bytes} bytes from {:?} to {:?}, {allowed} are allowed", first.at, last.at);
        }
    }
}

fn data_times(lone: &Lone) -> Vec<Duration> {
    lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Data(_))).map(|sent| sent.at).collect()
}

// RMC-PACE-2
#[test]
fn the_bucket_s_burst_leaves_at_once_and_the_rest_at_the_rate() {
    let mut lone = Lone::new(paced);
    queue(&mut lone, 30);
    lone.settle();
    assert_eq!(data_times(&lone), [Duration::ZERO; 10], "1,000 bytes at once");
    // One of 100 bytes each millisecond; the deadline says so, to the nanosecond.
    assert_eq!(lone.deadline, Some(MS));
    lone.run_to(MS - NS);
    assert_eq!(data_times(&lone).len(), 10);
    lone.run_to(MS);
    assert_eq!(data_times(&lone).len(), 11);
    lone.run_to(15 * MS);
    let times = data_times(&lone);
    // The heartbeat that is due at 11 ms after a packet never comes: a packet leaves before.
    assert_eq!(times[10..], (1..=15).map(|step| MS * step).collect::<Vec<_>>());
    lone.run_to(SECOND);
    assert_eq!(data_times(&lone).len(), 30);
    holds(&lone.sent, 100_000, 1_000);
}

/// Sizes that do not divide the rate: nothing is lost by rounding, and nothing gained.
// RMC-PACE-2
#[test]
fn odd_sizes_and_rates_keep_the_rate_to_the_nanosecond() {
    for (rate, size) in [(99_991, 77), (33_333, 484), (1_000_003, 1), (7_777_777, 300)] {
        let mut lone = Lone::new(|config| {
            paced(config);
            config.max_rate = Some(rate);
            config.heartbeat_times = vec![20 * SECOND];
        });
        for _ in 0..200 {
            lone.node.send(lone.instant(), &vec![0; size]).expect("there is room");
        }
        lone.run_to(10 * SECOND);
        holds(&lone.sent, rate, 1_000);
        let times = data_times(&lone);
        assert_eq!(times.len(), 200);
        // The last one leaves when all bytes but the burst have been earned: not later than the next nanosecond for
        // each packet.
        let bytes = 200 * (size as u64 + 16);
        let earned = u128::from(bytes.saturating_sub(1_000)) * 1_000_000_000 / u128::from(rate);
        let last = times[199].as_nanos();
        assert!(last >= earned && last <= earned + 200, "rate {rate}, size {size}: {last} ns, earned at {earned} ns");
    }
}

// RMC-PACE-2
#[test]
fn an_idle_bucket_fills_up_to_the_burst_and_no_further() {
    let mut lone = Lone::new(|config| {
        paced(config);
        config.heartbeat_times = vec![20 * SECOND];
    });
    lone.run_to(5 * SECOND);
    queue(&mut lone, 30);
    lone.settle();
    assert_eq!(data_times(&lone).len(), 10, "5 s have earned no more than the burst");
    lone.run_for(10 * MS);
    assert_eq!(data_times(&lone).len(), 20);
}

// RMC-PACE-2
#[test]
fn repairs_are_paced_as_data_is() {
    let mut lone = Lone::new(|config| {
        paced(config);
        config.heartbeat_times = vec![20 * SECOND];
    });
    queue(&mut lone, 50);
    lone.run_to(SECOND);
    lone.sent.clear();
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 50)]));
    lone.settle();
    assert_eq!(lone.sent.len(), 10, "each waits for its own length, not for that of the largest datagram");
    lone.run_for(SECOND);
    assert_eq!(lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Repair(_))).count(), 50);
    holds(&lone.sent, 100_000, 1_000);
}

/// Control packets do not wait for tokens, but what they take is paid back by data.
// RMC-PACE-3, RMC-SEND-5
#[test]
fn control_packets_do_not_wait_but_are_counted() {
    let mut lone = Lone::new(|config| {
        paced(config);
        config.heartbeat_times = vec![20 * SECOND];
    });
    queue(&mut lone, 12);
    lone.settle();
    assert_eq!(data_times(&lone).len(), 10);
    lone.hear_all([1, 3]);
    let asked: Vec<_> = lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Nack(_))).collect();
    assert_eq!((asked.len(), asked[0].at), (1, Duration::ZERO));
    let debt = u32::try_from(asked[0].bytes.len()).expect("small");
    assert_eq!(lone.deadline, Some(10 * US * (debt + 100)), "the NACK and the next packet have to be earned");
    lone.run_to(10 * US * (debt + 100) - NS);
    assert_eq!(data_times(&lone).len(), 10);
    lone.run_to(10 * US * (debt + 100));
    assert_eq!(data_times(&lone).len(), 11);
}

// RMC-PACE-2
#[test]
fn a_datagram_of_the_bucket_s_size_leaves() {
    let mut lone = Lone::new(|config| {
        paced(config);
        config.rate_burst = 500;
    });
    lone.node.send(lone.instant(), &[0; 484]).expect("there is room");
    lone.node.send(lone.instant(), &[0; 484]).expect("there is room");
    lone.run_to(5 * MS - NS);
    assert_eq!(data_times(&lone), [Duration::ZERO]);
    lone.run_to(5 * MS);
    assert_eq!(data_times(&lone), [Duration::ZERO, 5 * MS]);
}

#[test]
fn without_a_rate_only_the_burst_counts() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 1_000);
    lone.settle();
    assert_eq!(data_times(&lone), [Duration::ZERO; 1_000]);
}

/// While data waits for tokens heartbeats are due all the same, or the loss of the last packet before the wait is never
/// seen (S22).
// RMC-HB-5
#[test]
fn heartbeats_follow_while_data_waits_for_tokens() {
    let mut lone = Lone::new(|config| {
        paced(config);
        config.max_rate = Some(1_000);
        config.rate_burst = 500;
    });
    lone.node.send(lone.instant(), &[0; 484]).expect("there is room");
    lone.node.send(lone.instant(), &[0; 484]).expect("there is room");
    lone.run_to(400 * MS);
    let beats = lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Heartbeat { seq: 1, .. })).count();
    assert!(beats >= 3, "{:?}", lone.sent);
    assert_eq!(data_times(&lone), [Duration::ZERO]);
}

/// Polls one drain and says how many datagrams it had.
fn one_burst(lone: &mut Lone) -> usize {
    lone.sent.clear();
    lone.tick();
    lone.sent.len()
}

// RMC-PACE-1
#[test]
fn a_burst_has_max_burst_datagrams_and_arms_a_deadline_that_is_reached() {
    for burst in [1, 10, 64] {
        let mut lone = Lone::new(|config| config.max_burst = burst);
        lone.run_to(7 * MS);
        queue(&mut lone, burst + 1);
        lone.drain();
        assert_eq!((lone.sent.len(), lone.deadline), (burst, Some(7 * MS)), "read, then handle_timeout at once");
        lone.drain();
        assert_eq!(lone.sent.len(), burst, "without an input nothing more leaves");
        assert_eq!(one_burst(&mut lone), 1);
        assert_eq!(lone.deadline, Some(17 * MS), "the heartbeat");
    }
}

// RMC-PACE-1
#[test]
fn a_burst_that_ends_exactly_arms_no_deadline_at_once() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 10);
    lone.drain();
    assert_eq!(lone.sent.len(), 10);
    assert!(lone.deadline.is_some_and(|deadline| deadline == 10 * MS), "{:?}", lone.deadline);
}

/// All that leaves counts for the burst, control packets included.
// RMC-PACE-1, RMC-SEND-5
#[test]
fn a_burst_counts_control_packets_and_repairs() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(20);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 20)]));
    lone.feed(peer(0), Path::Multicast, &data(1));
    lone.feed(peer(0), Path::Multicast, &data(3));
    assert_eq!(one_burst(&mut lone), 10);
    assert!(matches!(lone.sent[0].what, Sent::Nack(_)), "control leaves first");
    assert_eq!((one_burst(&mut lone), one_burst(&mut lone)), (10, 1));
}

/// A deadline is armed for the next thing to do, and a call that comes late or early does no harm.
// RMC-HB-3
#[test]
fn deadlines_are_those_of_the_next_heartbeat() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.deadline, None, "a node that has nothing to do waits for nothing");
    lone.send_all(1);
    assert_eq!(lone.deadline, Some(10 * MS));
    lone.run_to(3 * MS);
    assert_eq!(lone.deadline, Some(10 * MS), "a spurious call is harmless");
    lone.now = 12 * MS;
    lone.tick();
    assert_eq!(lone.deadline, Some(32 * MS), "late by 2 ms: the interval counts from what has left");
}

/// How many of 300 datagrams of 100 bytes leave in a second under an adaptive rate of 10,000 to 20,000 bytes a second,
/// 1,000 at once; and what the rate is said to be.
fn adaptive(max_rate: Option<u64>) -> (usize, Option<u64>) {
    let mut lone = Lone::new(|config| {
        paced(config);
        config.max_rate = max_rate;
        config.congestion = Congestion::Adaptive { floor: 10_000, ceiling: 20_000 };
        (config.packing, config.heartbeat_times) = (false, vec![20 * SECOND]);
    });
    queue(&mut lone, 300);
    lone.run_to(SECOND);
    holds(&lone.sent, max_rate.unwrap_or(u64::MAX >> 32), 1_000);
    (data_times(&lone).len(), lone.node.rate())
}

// RMC-RATE-2, RMC-PACE-2
#[test]
fn max_rate_as_high_as_the_floor_of_an_adaptive_rate_is_the_rate() {
    assert_eq!(adaptive(None), (210, Some(20_000)));
    assert_eq!(adaptive(Some(20_001)), (210, Some(20_000)));
    assert_eq!(adaptive(Some(19_999)), (209, Some(19_999)));
    assert_eq!(adaptive(Some(10_000)), (110, Some(10_000)));
}

/// Whoever sets a limit relies on it.
// RMC-RATE-2, RMC-PACE-2
#[test]
fn max_rate_below_the_floor_of_an_adaptive_rate_wins() {
    assert_eq!(adaptive(Some(9_999)), (109, Some(9_999)));
    assert_eq!(adaptive(Some(1_000)), (20, Some(1_000)));
}
