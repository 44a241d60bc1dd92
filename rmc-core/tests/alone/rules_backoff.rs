//! Rules about when a gap is asked for first: the backoff, the grace for reordering, and what others' repairs hold.

use std::time::Duration;

use rmc_core::packet::{Body, Flags};
use rmc_core::{Config, Path};

use crate::given::{nack_times, private_data, sent_to};
use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, US, peer};
use crate::packets::{data, encode, heartbeat, repair};

/// A heartbeat that advertises: backoff and round trip in microseconds.
pub(crate) fn told(seq: u64, backoff: u32, group: u32, rtt: u32) -> Vec<u8> {
    encode(Flags::NONE, 0, EPOCH, seq, Body::Heartbeat { oldest: 1, interval: 60_000_000, backoff, group, rtt })
}

/// A node that backs off as far as it is told to.
pub(crate) fn patient(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.max_nack_backoff = 10 * SECOND;
        // Nothing but NACKs is due.
        config.heartbeat_tolerance = Some(60 * SECOND);
        change(config);
    })
}

/// How long a node with this seed waits before it asks first, when it was told this much.
fn first_delay(seed: u64, most: Duration, advertised: Option<(u32, u32)>) -> Duration {
    let mut lone = patient(|config| (config.seed, config.max_nack_backoff) = (seed, most));
    if let Some((backoff, group)) = advertised {
        lone.hear(peer(0), &told(0, backoff, group, 0));
        lone.hear(peer(0), &data(1));
        lone.hear(peer(0), &told(1, backoff, group, 0));
    } else {
        lone.hear(peer(0), &data(1));
    }
    lone.hear(peer(0), &data(3));
    while nack_times(&lone).is_empty() {
        let due = lone.deadline.expect("it asks");
        lone.run_to(due);
    }
    nack_times(&lone)[0]
}

fn delays(most: Duration, advertised: Option<(u32, u32)>) -> Vec<Duration> {
    (0..200).map(|seed| first_delay(seed, most, advertised)).collect()
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_the_backoff_lies_between_nothing_and_what_the_sender_advertises() {
    for (backoff, group) in [(5_000, 1), (100_000, 10), (1_000_000, 1_000), (10_000_000, u32::MAX)] {
        let longest = Duration::from_micros(backoff.into());
        let delays = delays(10 * SECOND, Some((backoff, group)));
        assert!(delays.iter().all(|&delay| delay <= longest), "{backoff} {group}");
        assert!(delays.iter().any(|&delay| delay > longest * 9 / 10), "{backoff} {group}");
        // The larger the group the fewer are early; half of them wait for longer than T - T ln 2 / (1 + ln R).
        let median = {
            let mut sorted = delays.clone();
            sorted.sort_unstable();
            sorted[100]
        };
        assert!(median > longest / 2, "{backoff} {group}: {median:?}");
    }
    assert!(delays(10 * SECOND, Some((100_000, 10))).iter().any(|&delay| delay < 70 * MS), "some are early");
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_before_the_first_heartbeat_10_ms_and_a_thousand_receivers_are_assumed() {
    let untold = delays(10 * SECOND, None);
    assert!(untold.iter().all(|&delay| delay <= 10 * MS) && untold.iter().any(|&delay| delay > 9 * MS));
    assert_eq!(untold, delays(10 * SECOND, Some((10_000, 1_000))));
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_an_unknown_group_counts_as_a_thousand() {
    assert_eq!(delays(10 * SECOND, Some((50_000, 0))), delays(10 * SECOND, Some((50_000, 1_000))));
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_an_unknown_group_does_not_count_as_one_more() {
    assert_ne!(delays(10 * SECOND, Some((50_000, 0))), delays(10 * SECOND, Some((50_000, 1_001))));
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_no_backoff_is_none() {
    assert!(delays(10 * SECOND, Some((0, 1_000))).iter().all(Duration::is_zero));
    assert!(!delays(10 * SECOND, Some((1, 1_000))).iter().all(Duration::is_zero));
}

// RMC-GAP-1
#[test]
fn max_nack_backoff_as_long_a_backoff_counts_whole() {
    let whole = delays(10 * SECOND, Some((20_000, 9)));
    assert_eq!(delays(20 * MS, Some((20_000, 9))), whole);
    assert_ne!(delays(20 * MS - NS, Some((20_000, 9))), whole);
}

// RMC-GAP-1
#[test]
fn max_nack_backoff_a_longer_backoff_counts_as_that() {
    let longest = delays(10 * SECOND, Some((20_000, 9)));
    assert_eq!(delays(20 * MS, Some((20_001, 9))), longest);
    assert_ne!(delays(20 * MS + US, Some((20_001, 9))), longest);
    assert!(delays(Duration::ZERO, Some((10_000_000, 9))).iter().all(Duration::is_zero), "0: at once");
}

/// Nobody else could ask for what is missing on a private stream.
// RMC-GAP-1
#[test]
fn rmc_gap_1_private_streams_have_no_backoff() {
    let mut lone = patient(|_| {});
    let body = Body::Heartbeat { oldest: 1, interval: 60_000_000, backoff: 10_000_000, group: 9, rtt: 0 };
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear_unicast(peer(0), &encode(Flags::PRIVATE, 0, EPOCH, 1, body));
    lone.sent.clear();
    lone.hear_unicast(peer(0), &private_data(3));
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(vec![(2, 2)]))]);
}

/// A gap of 2 to `last`, when it is due, and RTO (the resend time of 20 ms, as nothing was measured).
pub(crate) fn backing_off(last: u64) -> (Lone, Duration) {
    let mut lone = patient(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &told(1, 5_000_000, 100, 0));
    lone.hear(peer(0), &data(last + 1));
    let due = lone.deadline.expect("a timer is armed");
    assert!(due > SECOND, "{due:?}: choose another seed");
    (lone, due)
}

// RMC-GAP-1, RMC-GAP-5
#[test]
fn rmc_gap_1_a_repair_that_others_asked_for_comes_before_the_nack() {
    let (mut lone, due) = backing_off(2);
    lone.run_to(due - NS);
    assert_eq!(lone.asked(), []);
    let mut other = Lone { node: lone.node.clone(), sent: vec![], events: vec![], ..lone };
    lone.hear(peer(0), &repair(2));
    lone.run_to(due + SECOND);
    assert_eq!((lone.take().len(), lone.asked()), (3, vec![]), "nobody asks for what came");
    other.run_to(due);
    assert_eq!(other.asked(), [2], "without it the node asks");
}

/// What is left of a gap that a repair fills in part is probably on its way as well.
// RMC-GAP-8
#[test]
fn rmc_gap_8_a_repair_that_others_asked_for_holds_the_rest() {
    for path in [Path::Multicast, Path::Unicast] {
        let (mut lone, due) = backing_off(6);
        lone.run_to(due - NS);
        lone.feed(peer(0), path, &repair(4));
        lone.run_to(due - NS + 20 * MS - NS);
        assert_eq!(lone.asked(), []);
        lone.run_to(due - NS + 20 * MS);
        assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 3), (5, 6)])]);
        // That counted as having asked once: the delay doubles after the second of these asks.
        let mut before = lone.now;
        lone.run_for(SECOND);
        let of_two =
            lone.sent.iter().filter(|sent| matches!(&sent.what, Sent::Nack(ranges) if ranges.contains(&(2, 3))));
        for (at, base) in of_two.map(|sent| sent.at).zip([20, 40, 80]) {
            assert!(at - before >= base * MS && at - before <= base * 3 / 2 * MS, "{:?}", at - before);
            before = at;
        }
    }
}

/// What was only late says nothing about repairs.
// RMC-GAP-8, RMC-GAP-12
#[test]
fn rmc_gap_8_a_first_transmission_holds_nothing() {
    let (mut lone, due) = backing_off(6);
    lone.run_to(due - NS);
    lone.hear(peer(0), &data(4));
    lone.run_to(due);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 3), (5, 6)])]);
}

/// A node that saw number 2 come `late` behind 3, and then a gap at 4.
fn reordered(late: Duration, by: &[u8]) -> Lone {
    let mut lone = Lone::new(|config| config.nack_resend_time = 4 * SECOND);
    lone.hear_all([1, 3]);
    lone.run_to(late);
    lone.hear(peer(0), by);
    lone.sent.clear();
    lone.hear_all([5]);
    lone
}

/// How long 4 is waited for before it is asked for.
fn grace(late: Duration) -> Duration {
    let mut lone = reordered(late, &data(2));
    lone.run_for(SECOND);
    nack_times(&lone)[0] - late
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_a_gap_may_be_reordering_for_a_quarter_longer_than_before() {
    let mut lone = reordered(4 * MS, &data(2));
    lone.run_for(5 * MS - NS);
    assert_eq!(lone.asked(), []);
    lone.run_for(NS);
    assert_eq!(lone.asked(), [4]);
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_the_grace_grows_up_to_100_ms() {
    assert_eq!((grace(80 * MS - 4 * NS), grace(80 * MS)), (100 * MS - 5 * NS, 100 * MS));
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_the_grace_does_not_grow_past_100_ms() {
    assert_eq!((grace(80 * MS + NS), grace(3 * SECOND)), (100 * MS, 100 * MS));
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_a_grace_of_20_us_is_waited_for() {
    assert_eq!((grace(16 * US + 4 * NS), grace(16 * US)), (20 * US + 5 * NS, 20 * US));
    assert_eq!(grace_after_loss(17_067 * NS), 20 * US);
}

/// Shorter ones are made as long; one that has faded to less is none.
// RMC-GAP-12
#[test]
fn rmc_gap_12_a_grace_of_less_than_20_us_is_not_waited_for() {
    assert_eq!((grace(16 * US - 4 * NS), grace(Duration::ZERO)), (20 * US, 20 * US));
    assert_eq!(grace_after_loss(17_066 * NS), Duration::ZERO);
}

/// Only the first ask for a gap, that nobody else had asked for, is taken for loss.
// RMC-GAP-12
#[test]
fn rmc_gap_12_a_gap_lowers_the_grace_once() {
    for (asks, held, grace) in [(1, false, 4_688 * US), (5, false, 4_688 * US), (5, true, 5 * MS)] {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1, 3]);
        lone.run_to(4 * MS);
        lone.hear_all([2, 7]);
        if held {
            lone.hear(peer(0), &repair(5));
        }
        while nack_times(&lone).len() < asks + 1 {
            let due = lone.deadline.expect("it asks again");
            lone.run_to(due);
        }
        lone.sent.clear();
        let now = lone.now;
        lone.hear_all([9]);
        lone.run_for(grace - US);
        let asked = lone.asked();
        assert!(!asked.contains(&8), "{asks} {held}");
        lone.run_to(now + grace);
        assert!(lone.asked().contains(&8), "{asks} {held}");
    }
}

/// How long the gap after the next one is waited for, where that was loss.
fn grace_after_loss(late: Duration) -> Duration {
    let mut lone = reordered(late, &data(2));
    lone.run_for(MS);
    lone.sent.clear();
    let now = lone.now;
    lone.hear_all([7]);
    lone.run_for(MS);
    nack_times(&lone)[0] - now
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_there_is_no_grace_while_there_is_no_reordering() {
    let mut lone = reordered(4 * MS, &repair(2));
    assert_eq!(lone.asked(), [4], "a repair is not late");
    lone.hear_all([7]);
    assert_eq!(lone.asked(), [6]);
}

/// What comes within the grace is not asked for; what is lost lets it fade.
// RMC-GAP-12
#[test]
fn rmc_gap_12_the_grace_fades_with_each_gap_that_was_loss() {
    let mut lone = reordered(4 * MS, &data(2));
    lone.run_for(4 * MS);
    lone.hear_all([4]);
    assert_eq!((lone.asked(), lone.take().len()), (vec![], 5));
    let mut grace = 5 * MS;
    for seq in (7..100).step_by(2) {
        lone.sent.clear();
        let now = lone.now;
        lone.hear_all([seq]);
        lone.run_for(10 * MS);
        assert_eq!(nack_times(&lone), [now + grace], "{seq}");
        grace -= grace / 16;
    }
    assert!(grace < MS);
}

/// What was told holds for the gaps that open from then on.
// RMC-GAP-1, RMC-NACK-5
#[test]
fn rmc_gap_1_a_backoff_that_is_drawn_stays() {
    let (mut lone, due) = backing_off(2);
    lone.hear(peer(0), &told(3, 0, 1, 0));
    lone.run_to(due - NS);
    assert_eq!(lone.asked(), []);
    let mut other = Lone { node: lone.node.clone(), sent: vec![], events: vec![], ..lone };
    lone.run_to(due);
    assert_eq!(lone.asked(), [2]);
    other.hear(peer(0), &heartbeat(5));
    assert_eq!(other.asked(), [2, 4, 5], "the new ones are asked for at once, and it goes with them");
}
