//! Threshold pairs of asking: what each timer and bound of a receiver's NACKs does at its limit, and a tick past it.

use std::time::Duration;

use rmc_core::Config;

use crate::given::{confirm, last_stamp, nack_times};
use crate::lone::{Lone, MS, NS, SECOND, Sent, US, peer};
use crate::packets::{data, repair};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// No deadline but those of NACKs lies near.
fn patient(config: &mut Config) {
    config.peer_timeout = 24 * HOUR;
    config.heartbeat_tolerance = Some(HOUR);
}

/// A node whose delays are exactly RTO: a longest delay below it cuts the random factor off.
fn exact(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        patient(config);
        config.nack_max_delay = MS;
        change(config);
    })
}

/// When 1 is asked for, which is missing from time 0 on, up to `end`.
fn asked_until(end: Duration) -> Vec<Duration> {
    let mut lone = exact(|config| config.nack_resend_time = 30 * MS);
    lone.hear_all([2]);
    lone.run_to(end);
    nack_times(&lone)
}

// RMC-RTT-4, RMC-GAP-7
#[test]
fn nack_resend_time_a_tick_before_its_end_nothing_is_asked_again() {
    assert_eq!(asked_until(30 * MS - NS), [Duration::ZERO]);
    assert_eq!(asked_until(60 * MS - NS), [Duration::ZERO, 30 * MS]);
}

// RMC-RTT-4, RMC-GAP-7
#[test]
fn nack_resend_time_at_its_end_the_gap_is_asked_for_again() {
    assert_eq!(asked_until(30 * MS), [Duration::ZERO, 30 * MS]);
    assert_eq!(asked_until(60 * MS), [Duration::ZERO, 30 * MS, 60 * MS]);
}

/// A node that has taken one sample of the round trip, asks for 3, and has sent nothing else that is noted.
fn sampled(sample: Duration) -> Lone {
    let mut lone = exact(|config| config.nack_resend_time = SECOND);
    lone.hear_all([2]);
    let stamp = last_stamp(&lone);
    lone.now += sample;
    lone.hear_unicast(peer(0), &confirm(1, stamp, 0));
    lone.hear_unicast(peer(0), &repair(1));
    lone.sent.clear();
    lone.hear_all([4]);
    lone
}

/// RTO after one sample of the round trip.
fn timeout_after(sample: Duration) -> Duration {
    let mut lone = sampled(sample);
    // Deadlines from before that nothing is due at any more go.
    lone.tick();
    lone.deadline.expect("it asks without end") - lone.now
}

/// Times of round trips are kept in steps of so much; so is half a sample.
const STEP: Duration = Duration::from_nanos(16);

/// Of the first sample half is the deviation, of which four count: 500 us make 1 ms.
// RMC-RTT-4, RMC-RTT-3
#[test]
fn the_least_variation_counts_up_to_1_ms() {
    for sample in [62 * STEP, 500 * US - 2 * STEP, 500 * US] {
        assert_eq!(timeout_after(sample), sample + MS);
    }
}

// RMC-RTT-4, RMC-RTT-3
#[test]
fn the_least_variation_does_not_count_a_tick_past_1_ms() {
    assert_eq!(timeout_after(500 * US + 2 * STEP), 500 * US + 2 * STEP + MS + 4 * STEP);
}

fn smoothed_after(sample: Duration) -> Option<Duration> {
    sampled(sample).node.peer(peer(0)).and_then(|peer| peer.rtt)
}

/// The wire carries no more than 60 s.
// RMC-RTT-3, RMC-KIND-2
#[test]
fn a_sample_of_60_s_counts_whole() {
    for sample in [60 * SECOND - STEP, 60 * SECOND] {
        assert_eq!(smoothed_after(sample), Some(sample));
    }
}

// RMC-RTT-3, RMC-KIND-2
#[test]
fn a_sample_a_tick_past_60_s_counts_as_60_s() {
    for past in [NS, STEP] {
        assert_eq!(smoothed_after(60 * SECOND + past), Some(60 * SECOND));
        assert_eq!(timeout_after(60 * SECOND + past), 180 * SECOND);
    }
}

/// RTO of what follows: the round trip is 8 ms.
const RTO: Duration = Duration::from_millis(24);

/// A node that asks for 3 at the given times after its first ask, each of which is past the deadline that it had:
/// nobody calls between. Returns how long it waits after the last one.
fn wait_after(times: &[Duration], change: impl FnOnce(&mut Config)) -> Duration {
    let mut lone = Lone::new(|config| {
        patient(config);
        change(config);
    });
    // Without a sample RTO itself would grow.
    lone.hear_all([2]);
    lone.now = RTO / 3;
    lone.hear_unicast(peer(0), &repair(1));
    lone.sent.clear();
    lone.hear_all([4]);
    for &time in times {
        lone.now = RTO / 3 + time;
        lone.tick();
    }
    assert_eq!(nack_times(&lone).len(), times.len() + 1);
    let last = lone.now;
    while nack_times(&lone).len() == times.len() + 1 {
        let due = lone.deadline.expect("it asks without end");
        lone.run_to(due);
    }
    lone.now - last
}

/// The wait after an ask at this time, the sixth of a gap that was asked for first at time 0.
fn wait_after_sixth(time: Duration) -> Duration {
    wait_after(&[100 * MS, 200 * MS, 400 * MS, SECOND, time], |config| config.nack_timeout = 5 * SECOND)
}

// RMC-GAP-9, RMC-GAP-7
#[test]
fn nack_timeout_a_tick_before_its_end_the_delays_go_on_growing() {
    let wait = wait_after_sixth(5 * SECOND - NS);
    assert!(wait >= 16 * RTO && wait <= 24 * RTO, "{wait:?}");
}

// RMC-GAP-9, RMC-GAP-7
#[test]
fn nack_timeout_at_its_end_the_gap_counts_as_new() {
    let wait = wait_after_sixth(5 * SECOND);
    assert!(wait >= RTO && wait <= RTO * 3 / 2, "{wait:?}");
}

/// How long 3 waits before and after the ask that follows on those at the given times and on a sample of 150 ms: RTO is
/// then 25.75 ms and four times 38.5 ms.
fn waits_around_a_long_sample(times: &[Duration]) -> (Duration, Duration) {
    let mut lone = Lone::new(|config| {
        patient(config);
        config.nack_max_delay = MINUTE;
    });
    lone.hear_all([2]);
    lone.now = RTO / 3;
    lone.hear_unicast(peer(0), &repair(1));
    lone.hear_all([4]);
    for &time in times {
        lone.now = time;
        lone.tick();
    }
    // Its NACK asks for 5 too, which only it does.
    lone.sent.clear();
    lone.now = SECOND;
    lone.hear_all([6]);
    lone.now += 150 * MS;
    lone.hear_unicast(peer(0), &repair(5));
    lone.run_for(10 * SECOND);
    let times = nack_times(&lone);
    (times[1] - times[0], times[2] - times[1])
}

const LONGER_RTO: Duration = Duration::from_micros(179_750);

/// Sixteen times the longer RTO would be 2.9 s.
// RMC-GAP-7
#[test]
fn a_delay_is_at_most_twice_the_one_before_whatever_becomes_of_the_round_trip() {
    let (before, after) = waits_around_a_long_sample(&[100 * MS, 200 * MS, 400 * MS]);
    assert!(before >= 8 * RTO && before <= 12 * RTO, "{before:?}");
    assert!(after >= 2 * before && after <= 3 * before, "{after:?} after {before:?}");
}

/// The ask before was overdue, so that its delay was RTO.
// RMC-GAP-7
#[test]
fn a_delay_is_at_least_rto_however_short_the_one_before_was() {
    let (before, after) = waits_around_a_long_sample(&[]);
    assert_eq!(before, 150 * MS);
    assert!(after >= LONGER_RTO && after <= LONGER_RTO * 3 / 2, "{after:?}");
}

/// How often 1 is asked for until so long after the fourth ask, whose delay would be at least 80 ms.
fn asks_in(end: Duration) -> usize {
    let mut lone = Lone::new(|config| {
        patient(config);
        config.nack_max_delay = 50 * MS;
    });
    lone.hear_all([2]);
    for time in [100 * MS, 200 * MS, 400 * MS] {
        lone.now = time;
        lone.tick();
    }
    lone.run_for(end);
    nack_times(&lone).len()
}

// RMC-GAP-7
#[test]
fn nack_max_delay_a_tick_before_its_end_nothing_is_asked_again() {
    assert_eq!(asks_in(50 * MS - NS), 4);
}

// RMC-GAP-7
#[test]
fn nack_max_delay_at_its_end_the_gap_is_asked_for_again() {
    assert_eq!(asks_in(50 * MS), 5);
}

/// After the first and the second ask alike.
// RMC-GAP-7
#[test]
fn the_second_ask_is_the_last_whose_delay_is_the_first_one() {
    for seed in 0..100 {
        for times in [&[][..], &[100 * MS]] {
            let wait = wait_after(times, |config| config.seed = seed);
            assert!(wait >= RTO && wait <= RTO * 3 / 2, "seed {seed}, {times:?}: {wait:?}");
        }
    }
}

// RMC-GAP-7
#[test]
fn the_third_ask_is_the_first_whose_delay_is_doubled() {
    for seed in 0..100 {
        let wait = wait_after(&[100 * MS, 200 * MS], |config| config.seed = seed);
        assert!(wait >= 2 * RTO && wait <= 3 * RTO, "seed {seed}: {wait:?}");
    }
}

/// 2 to 5 were asked for at time 0, and 3 was repaired at 15 ms, which is a sample too: RTO is 45 ms. When the rest is
/// asked for, up to `end`.
fn rest_asked_until(end: Duration) -> Vec<Duration> {
    let mut lone = exact(|config| config.nack_resend_time = 20 * MS);
    lone.hear_all([1, 6]);
    lone.run_to(15 * MS);
    lone.sent.clear();
    lone.hear_unicast(peer(0), &repair(3));
    lone.run_to(end);
    nack_times(&lone)
}

// RMC-GAP-8
#[test]
fn a_repair_puts_the_rest_off_and_a_tick_before_rto_it_is_not_asked_for() {
    assert_eq!(rest_asked_until(60 * MS - NS), []);
}

// RMC-GAP-8
#[test]
fn a_repair_puts_the_rest_off_and_at_rto_it_is_asked_for() {
    assert_eq!(rest_asked_until(60 * MS), [60 * MS]);
}

/// How many of 40 ranges that are missing the first NACK has.
fn ranges_in(max_datagram: usize) -> usize {
    let mut lone = Lone::new(|config| {
        config.max_datagram = max_datagram;
        config.max_message = 1_000;
    });
    for index in 1..=40 {
        lone.feed(peer(0), rmc_core::Path::Multicast, &data(2 * index));
    }
    lone.settle();
    let Some(Sent::Nack(ranges)) = lone.sent().into_iter().next() else { panic!("a NACK") };
    ranges.len()
}

/// 16 bytes of header, 17 before the ranges, 8 for each.
// RMC-NACK-1
#[test]
fn a_range_that_fills_the_datagram_exactly_stands_in_the_nack() {
    assert_eq!((ranges_in(65), ranges_in(73), ranges_in(33 + 8 * 31)), (4, 5, 31));
}

// RMC-NACK-1
#[test]
fn a_range_that_is_a_byte_too_long_for_the_datagram_waits_for_the_next_nack() {
    assert_eq!((ranges_in(64), ranges_in(72), ranges_in(33 + 8 * 31 - 1)), (3, 4, 30));
}
