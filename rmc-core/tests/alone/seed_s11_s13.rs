//! The seed's rules S11 to S13: when NACKs are sent, for how much, and to whom.

use std::time::Duration;

use rmc_core::packet::Body;

use crate::given::{decoded, nack_times, sent_to};
use crate::lone::{Lone, MS, NS, SECOND, Sent, message, peer};
use crate::packets::{data, heartbeat, repair};

/// A node that asked for 1 at 0 ms, and that nobody answers.
fn asking(change: impl FnOnce(&mut rmc_core::Config)) -> Lone {
    let mut lone = Lone::new(change);
    lone.hear_all([2]);
    lone
}

/// The time between one NACK and the next.
fn delays(lone: &Lone) -> Vec<Duration> {
    nack_times(lone).windows(2).map(|pair| pair[1] - pair[0]).collect()
}

#[track_caller]
fn within(delay: Duration, least: Duration, most: Duration) {
    assert!(least <= delay && delay <= most, "{delay:?} is not from {least:?} to {most:?}");
}

/// Each delay is 1 to 1.5 times its base: 20, 20, 40, 80, 160, ... ms, with the default resend time.
// RMC-GAP-7, RMC-RTT-4
#[test]
fn seed_s11_a_gap_is_asked_for_again_after_the_resend_time_and_ever_more_rarely() {
    for seed in 0..200 {
        let mut lone = asking(|config| config.seed = seed);
        lone.run_to(900 * MS);
        let delays = delays(&lone);
        for (delay, base) in delays.iter().zip([20, 20, 40, 80, 160, 320]) {
            within(*delay, base * MS, base * 3 / 2 * MS);
        }
        assert!(delays.len() >= 5, "seed {seed}: {delays:?}");
    }
}

/// The random factor is drawn anew for each delay and each node, so that askers drift apart.
// RMC-GAP-7
#[test]
fn seed_s11_the_delays_are_random_over_the_whole_span() {
    let mut first = Vec::new();
    let mut second = Vec::new();
    for seed in 0..200 {
        let mut lone = asking(|config| config.seed = seed);
        lone.run_to(100 * MS);
        first.push(delays(&lone)[0]);
        second.push(delays(&lone)[1]);
    }
    for delays in [&first, &second] {
        assert!(delays.iter().any(|&delay| delay < 22 * MS), "some are near the base");
        assert!(delays.iter().any(|&delay| delay > 28 * MS), "some are near 1.5 times the base");
        assert!(delays.iter().any(|&delay| delay > 24 * MS && delay < 26 * MS), "some are between");
    }
    assert_ne!(first, second);
}

// RMC-GAP-7
#[test]
fn seed_s11_the_resend_time_is_configured() {
    let mut lone = asking(|config| config.nack_resend_time = 7 * MS);
    lone.run_to(50 * MS);
    within(delays(&lone)[0], 7 * MS, 10 * MS + 500 * Duration::from_micros(1));
}

// RMC-GAP-7
#[test]
fn seed_s11_no_delay_is_longer_than_the_longest() {
    let mut lone = asking(|config| {
        config.nack_max_delay = 100 * MS;
        config.nack_timeout = 60 * SECOND;
        config.peer_timeout = 3_600 * SECOND;
    });
    lone.run_to(10 * SECOND);
    let delays = delays(&lone);
    assert!(delays.len() > 90, "{} NACKs", delays.len());
    for delay in &delays[4..] {
        assert_eq!(*delay, 100 * MS, "the base has passed it by far");
    }
}

/// Where the first delay is above the longest one, it counts.
// RMC-GAP-7
#[test]
fn seed_s11_the_resend_time_may_be_above_the_longest_delay() {
    let mut lone = asking(|config| {
        config.nack_max_delay = 5 * MS;
        config.nack_resend_time = 30 * MS;
    });
    lone.run_to(SECOND);
    let delays = delays(&lone);
    assert!(delays.len() > 20 && delays.iter().all(|&delay| delay == 30 * MS), "{delays:?}");
}

// RMC-GAP-9
#[test]
fn seed_s11_after_the_nack_timeout_a_gap_counts_as_new() {
    let mut lone = asking(|config| config.peer_timeout = 60 * SECOND);
    // The round trip is known, so that RTO is 30 ms whatever happens.
    lone.run_to(10 * MS);
    lone.hear_unicast(peer(0), &repair(1));
    assert_eq!(lone.take().len(), 2);
    lone.sent.clear();
    lone.hear_all([4]);
    lone.run_to(10 * SECOND);
    let times = nack_times(&lone);
    let again = times.iter().position(|&at| at >= 5_010 * MS).expect("it is asked for without end");
    let delay = |index: usize| times[index + 1] - times[index];
    assert!(delay(again - 1) > 500 * MS, "just before, the delays were long");
    within(delay(again), 30 * MS, 45 * MS);
    within(delay(again + 1), 30 * MS, 45 * MS);
    within(delay(again + 2), 60 * MS, 90 * MS);
    within(delay(again + 3), 120 * MS, 180 * MS);
    // It is not given up for that.
    assert_eq!((lone.stream().gaps, lone.take()), (1, vec![]));
}

/// As many gaps as the limit.
fn gaps_of(lone: &mut Lone, count: u64) {
    lone.hear_all((1..=count).map(|index| 2 * index));
}

// RMC-GAP-4
#[test]
fn seed_s11_max_nacks_gaps_are_asked_for() {
    let mut lone = Lone::new(|config| config.max_nacks = 5);
    gaps_of(&mut lone, 5);
    assert_eq!((lone.asked(), lone.stream().gaps), (vec![1, 3, 5, 7, 9], 5));
}

// RMC-GAP-4
#[test]
fn seed_s11_not_one_gap_more_than_max_nacks_is_asked_for() {
    let mut lone = Lone::new(|config| config.max_nacks = 5);
    gaps_of(&mut lone, 6);
    assert_eq!((lone.asked(), lone.stream().gaps), (vec![1, 3, 5, 7, 9], 6));
    lone.run_for(4 * SECOND);
    assert!(!lone.asked().contains(&11));
    // One closes: the next one's turn has come, and it is asked for at once.
    lone.hear_unicast(peer(0), &repair(5));
    assert_eq!(lone.asked(), [11]);
}

/// The limit is each stream's own.
// RMC-GAP-4
#[test]
fn seed_s11_max_nacks_counts_for_each_peer() {
    let mut lone = Lone::new(|config| config.max_nacks = 1);
    lone.hear(peer(0), &data(2));
    lone.hear(peer(1), &data(2));
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(vec![(1, 1)])), (peer(1), Sent::Nack(vec![(1, 1)]))]);
}

// RMC-GAP-3
#[test]
fn seed_s11_a_gap_of_a_million_costs_what_a_gap_of_one_costs() {
    let wide = |config: &mut rmc_core::Config| {
        config.receive_window_packets = 1 << 21;
        config.receive_total_packets = 1 << 21;
    };
    let cost = |last: u64| {
        let mut lone = Lone::new(wide);
        lone.hear_all([1, last]);
        lone.run_for(SECOND);
        let lengths: Vec<usize> = lone.sent.iter().map(|sent| sent.bytes.len()).collect();
        assert!(lone.sent.iter().all(|sent| sent.what == Sent::Nack(vec![(2, last - 1)])));
        (lone.stream().gaps, lengths, lone.node.stats().repair.gaps)
    };
    let (gaps, lengths, opened) = cost(3);
    assert_eq!((gaps, opened), (1, 1));
    assert_eq!(cost(1_000_002), (gaps, lengths, opened));
}

// RMC-GAP-3
#[test]
fn seed_s11_a_gap_of_a_million_is_split_by_what_comes_and_no_finer() {
    let mut lone = Lone::new(|config| {
        config.receive_window_packets = 1 << 21;
        config.receive_total_packets = 1 << 21;
    });
    lone.hear_all([1, 1_000_002, 500_000, 250_000]);
    assert_eq!(lone.stream().gaps, 3);
    lone.hear_all([250_001]);
    assert_eq!(lone.stream().gaps, 3);
    lone.hear_all(2..=50);
    assert_eq!((lone.stream().gaps, lone.stream().delivered), (3, 50));
}

// RMC-GAP-6
#[test]
fn seed_s12_a_timer_asks_while_nothing_arrives() {
    let mut lone = asking(|_| {});
    lone.sent.clear();
    let due = lone.deadline.expect("a timer is armed");
    within(due, 10 * MS, 30 * MS);
    lone.run_to(3 * SECOND);
    assert!(nack_times(&lone).len() > 5);
    lone.hear_unicast(peer(0), &repair(1));
    assert_eq!(lone.take(), [message(1), message(2)], "recovered without a further packet of the stream");
}

/// At its time, and not a nanosecond before.
// RMC-GAP-6
#[test]
fn seed_s12_the_armed_deadline_is_that_of_the_next_nack() {
    let mut lone = asking(|config| config.heartbeat_tolerance = Some(SECOND));
    lone.sent.clear();
    let due = lone.deadline.expect("a timer is armed");
    lone.now = due - NS;
    lone.tick();
    assert_eq!((lone.sent(), lone.deadline), (vec![], Some(due)));
    lone.now = due;
    lone.tick();
    assert_eq!(lone.sent(), [Sent::Nack(vec![(1, 1)])]);
}

/// The loss of the last packet is asked for as soon as a heartbeat tells of it, and then by the timer.
// RMC-GAP-6, RMC-GAP-10
#[test]
fn seed_s12_what_a_heartbeat_tells_of_is_asked_for_by_the_timer_too() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(3));
    assert_eq!(lone.asked(), [2, 3]);
    lone.run_for(30 * MS);
    assert_eq!(lone.asked(), [2, 3]);
}

/// Every second number up to `2 * ranges` is known, so that as many ranges are missing, and all of them are due.
fn ranges_due(ranges: u64, change: impl FnOnce(&mut rmc_core::Config)) -> Lone {
    let mut lone = Lone::new(change);
    for index in 1..=ranges {
        lone.feed(peer(0), rmc_core::Path::Multicast, &data(2 * index));
    }
    lone.settle();
    lone
}

fn odd(from: u64, ranges: u64) -> Vec<(u64, u64)> {
    (0..ranges).map(|index| (from + 2 * index, from + 2 * index)).collect()
}

// RMC-NACK-1
#[test]
fn seed_s13_one_nack_carries_32_ranges() {
    let mut lone = ranges_due(32, |_| {});
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(odd(1, 32)))]);
}

// RMC-NACK-1
#[test]
fn seed_s13_the_33rd_range_goes_into_a_second_nack() {
    let mut lone = ranges_due(33, |_| {});
    let stamps: Vec<u32> = lone.sent.iter().map(|sent| sent.stamp).collect();
    assert_ne!(stamps[0], stamps[1]);
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(odd(1, 32))), (peer(0), Sent::Nack(vec![(65, 65)]))]);
}

/// 16 bytes of header, 17 before the ranges, 8 for each range: 64 bytes have room for three, one more has it for four.
// RMC-NACK-1
#[test]
fn seed_s13_a_nack_is_no_longer_than_a_datagram_may_be() {
    for (max_datagram, ranges) in [(64, 3), (65, 4), (72, 4), (73, 5), (289, 32), (1_472, 32)] {
        let mut lone = ranges_due(40, |config| {
            config.max_datagram = max_datagram;
            config.max_message = 1_000;
        });
        assert!(lone.sent.iter().all(|sent| sent.bytes.len() <= max_datagram), "{max_datagram}");
        let Some(Sent::Nack(first)) = lone.sent().into_iter().next() else { panic!("a NACK") };
        assert_eq!(first, odd(1, ranges), "{max_datagram}");
    }
}

/// Two gaps side by side, known at different times, are one range when both are due.
// RMC-NACK-1
#[test]
fn seed_s13_gaps_that_touch_make_one_range() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat(3));
    lone.run_for(5 * MS);
    lone.hear(peer(0), &heartbeat(6));
    assert_eq!(lone.sent(), [Sent::Nack(vec![(1, 3)]), Sent::Nack(vec![(4, 6)])]);
    assert_eq!(lone.stream().gaps, 2);
    // Nobody called in time.
    lone.now += 100 * MS;
    lone.tick();
    assert_eq!(lone.sent(), [Sent::Nack(vec![(1, 6)])]);
}

// RMC-NACK-4, RMC-KIND-4
#[test]
fn seed_s13_a_nack_goes_to_the_sender_that_it_concerns() {
    let mut lone = Lone::new(|_| {});
    for index in 1..=3 {
        lone.hear(peer(index), &data(u64::from(index) + 1));
    }
    lone.run_for(SECOND);
    for sent in &lone.sent {
        let Sent::Nack(ranges) = &sent.what else { panic!("{sent:?} is no NACK") };
        let index = u16::try_from(ranges[0].1).expect("small");
        assert_eq!((sent.to, ranges.len()), (peer(index), 1));
        let Body::Nack { target_epoch, .. } = decoded(sent).body else { panic!("a NACK") };
        assert_eq!(target_epoch, crate::lone::EPOCH);
    }
    assert!(lone.sent.len() > 9);
}
