//! Rules about Confirms, as a receiver takes them: what they hold, and for how long.

use std::time::Duration;

use rmc_core::Path;
use rmc_core::SeqRange;
use rmc_core::packet::{Body, Flags, RangesBuilder};

use crate::given::{last_stamp, nack_times};
use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, US, message, peer};
use crate::packets::{data, encode, repair};
use crate::rules_backoff::{backing_off, patient};

pub(crate) fn confirm(reason: u8, delay: Duration, stamp: u32, ranges: &[(u64, u64)]) -> Vec<u8> {
    let mut builder = RangesBuilder::new(ranges[0].0);
    for &(first, last) in ranges {
        assert!(builder.push(SeqRange::new(first, last).expect("a range")));
    }
    let delay = u32::try_from(delay.as_micros()).expect("a legal delay");
    let body = Body::Confirm { reason, delay, stamp, cookie: 0, ranges: builder.as_ranges() };
    encode(Flags::NONE, 0, EPOCH, ranges[0].0, body)
}

/// A node that asked for 2 and 4 at time 0; 10 ms have passed. If that is a sample RTO is 30 ms.
pub(crate) fn asked_10_ms_ago() -> (Lone, u32) {
    let mut lone = Lone::new(|_| {});
    for seq in [1, 3, 5] {
        lone.feed(peer(0), Path::Multicast, &data(seq));
    }
    lone.settle();
    let stamp = last_stamp(&lone);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2), (4, 4)])]);
    lone.run_to(10 * MS);
    (lone, stamp)
}

/// Reason and delay of a Confirm, and for how long it holds: where it names no delay, for RTO; at most for the longest
/// delay between two NACKs. Busy, and no delay: at once, as with a new cookie.
fn held() -> [(u8, Duration, Duration); 8] {
    [
        (1, 70 * MS, 70 * MS),
        (9, 70 * MS, 70 * MS),
        (0, 70 * MS, 70 * MS),
        (0, Duration::ZERO, 30 * MS),
        (1, MS, MS),
        (1, SECOND, SECOND),
        (1, SECOND + US, SECOND),
        (1, 10 * SECOND, SECOND),
    ]
}

/// What is sent up to so long after a Confirm for what was asked for.
fn sent_after(reason: u8, delay: Duration, time: Duration) -> Vec<Sent> {
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear_unicast(peer(0), &confirm(reason, delay, stamp, &[(1, 9)]));
    lone.run_for(time);
    lone.sent()
}

// RMC-GAP-13
#[test]
fn rmc_gap_13_a_confirm_holds_what_it_names_up_to_a_tick_before_its_delay() {
    for (reason, delay, held) in held() {
        assert_eq!(sent_after(reason, delay, held - NS), [], "{reason} {delay:?}");
    }
}

// RMC-GAP-13
#[test]
fn rmc_gap_13_a_confirm_holds_what_it_names_for_its_delay_and_no_longer() {
    let asks = [Sent::Nack(vec![(2, 2), (4, 4)])];
    for (reason, delay, held) in held() {
        assert_eq!(sent_after(reason, delay, held), asks, "{reason} {delay:?}");
    }
    assert_eq!(sent_after(1, Duration::ZERO, Duration::ZERO), asks);
}

// RMC-GAP-13
#[test]
fn rmc_gap_13_what_a_confirm_does_not_name_is_not_held() {
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, 70 * MS, stamp, &[(1, 2), (5, 9)]));
    lone.run_to(45 * MS);
    assert!(!lone.sent.is_empty());
    assert!(lone.sent().into_iter().all(|sent| sent == Sent::Nack(vec![(4, 4)])));
    lone.run_to(80 * MS);
    assert!(lone.asked().contains(&2));
}

/// What it names counts as asked for once: the delay doubles after the second of the node's own asks, whose answers may
/// be others'.
// RMC-GAP-14
#[test]
fn rmc_gap_14_while_the_sender_is_busy_delays_do_not_grow() {
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, 300 * MS, stamp, &[(1, 2)]));
    lone.run_to(310 * MS - NS);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(4, 4)])], "what is asked for again is due when the sender is free");
    lone.run_to(310 * MS);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2), (4, 4)])]);
    lone.run_to(310 * MS + 45 * MS);
    // RTO is 30 ms after a first sample of 10 ms.
    let times = nack_times(&lone);
    assert!(times[0] >= 340 * MS, "{times:?}");
    assert_eq!(lone.asked(), [2, 4], "not doubled");
}

/// What the round trip is thought to be, where a NACK leaves so long after a Confirm that names 70 ms, and its repair
/// comes 5 ms later.
fn sampled_after(time: Duration) -> Option<Duration> {
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, 70 * MS, stamp, &[(2, 4)]));
    assert_eq!(lone.node.peer(peer(0)).and_then(|peer| peer.rtt), Some(10 * MS), "the Confirm is a sample");
    lone.run_for(time);
    lone.hear(peer(0), &data(7));
    assert!(lone.asked().contains(&6));
    lone.run_for(5 * MS);
    lone.hear_unicast(peer(0), &repair(6));
    lone.node.peer(peer(0)).and_then(|peer| peer.rtt)
}

// RMC-GAP-14, RMC-RTT-2
#[test]
fn rmc_gap_14_what_was_asked_for_while_the_sender_is_busy_is_no_sample() {
    assert_eq!(sampled_after(70 * MS - NS), Some(10 * MS));
}

// RMC-GAP-14, RMC-RTT-2
#[test]
fn rmc_gap_14_what_is_asked_for_after_that_is_a_sample() {
    assert_eq!(sampled_after(70 * MS), Some(9_374_992 * NS));
}

// RMC-GAP-13, RMC-RTT-2, RMC-GAP-7
#[test]
fn rmc_gap_13_what_a_confirm_holds_counts_as_asked_for() {
    let confirmed = || {
        let (mut lone, due) = backing_off(4);
        lone.hear(peer(0), &confirm(0, MS, 0, &[(1, 9)]));
        lone.run_to(due);
        assert_eq!(nack_times(&lone), [due]);
        (lone, due)
    };
    let (mut lone, _) = confirmed();
    lone.run_for(5 * MS);
    lone.hear_unicast(peer(0), &repair(3));
    assert_eq!(lone.node.peer(peer(0)).and_then(|peer| peer.rtt), None, "it may answer who was confirmed");
    let (mut lone, mut before) = confirmed();
    lone.run_for(SECOND);
    let times = nack_times(&lone);
    assert!(times.len() > 4, "{times:?}");
    for (at, base) in times[1..].iter().zip([20, 40, 80]) {
        assert!(*at - before >= base * MS && *at - before <= base * 3 / 2 * MS, "{times:?}");
        before = *at;
    }
}

/// Who did not get a NACK of this node cannot answer it.
// RMC-GAP-13, RMC-SEC-2
#[test]
fn rmc_gap_13_a_confirm_by_unicast_without_a_stamp_of_ours_holds_nothing() {
    for forged in [0, 1] {
        let (mut lone, stamp) = asked_10_ms_ago();
        let due = lone.deadline;
        let stamp = if forged == 0 { 0 } else { stamp ^ 1 };
        for reason in [0, 1, 200] {
            lone.hear_unicast(peer(0), &confirm(reason, SECOND, stamp, &[(1, 9)]));
        }
        assert_eq!((lone.deadline, lone.node.stats().rx.confirms), (due, 3), "the NACK comes when it would have come");
        assert_eq!((lone.take(), lone.stream().gaps), (vec![message(1)], 2));
    }
}

/// One for the whole group tells what others asked for: it puts off, and never brings forward.
// RMC-GAP-13
#[test]
fn rmc_gap_13_a_confirm_by_multicast_holds_and_never_hastens() {
    let (mut lone, _) = asked_10_ms_ago();
    lone.hear(peer(0), &confirm(1, 70 * MS, 0, &[(1, 9)]));
    lone.run_to(80 * MS - NS);
    assert_eq!(lone.asked(), []);
    lone.run_to(80 * MS);
    assert_eq!(lone.asked(), [2, 4]);
    let (mut lone, due) = backing_off(2);
    lone.hear(peer(0), &confirm(1, Duration::ZERO, 0, &[(1, 9)]));
    lone.run_to(due - NS);
    assert_eq!(lone.asked(), []);
    lone.run_to(due);
    assert_eq!(lone.asked(), [2]);
}

/// What of so many gaps is asked for though a Confirm names them all.
fn not_held(gaps: u64) -> Vec<u64> {
    let mut lone = patient(|config| config.max_nack_backoff = Duration::ZERO);
    for seq in 0..=gaps {
        lone.feed(peer(0), Path::Multicast, &data(2 * seq + 1));
    }
    lone.settle();
    let stamp = last_stamp(&lone);
    lone.sent.clear();
    lone.hear_unicast(peer(0), &confirm(1, SECOND, stamp, &[(1, 1_000)]));
    lone.run_to(30 * MS);
    let mut asked = lone.asked();
    asked.dedup();
    asked
}

/// A Confirm names at most 32 ranges, and each may have fallen apart.
// RMC-GAP-13, RMC-SEC-1
#[test]
fn rmc_gap_13_one_confirm_holds_64_gaps() {
    assert_eq!(not_held(64), []);
}

// RMC-GAP-13, RMC-SEC-1
#[test]
fn rmc_gap_13_one_confirm_holds_not_one_gap_more() {
    assert_eq!(not_held(65), [130], "the lowest ones are held");
}

/// A silent node waits for somebody else's repair as long as it is configured to.
// RMC-GAP-13, RMC-GAP-8, RMC-SILENT-2
#[test]
fn rmc_gap_13_neither_confirms_nor_repairs_change_the_patience_of_a_silent_node() {
    for bytes in [confirm(1, MS, 0, &[(1, 9)]), confirm(0, SECOND, 0, &[(1, 9)]), repair(3)] {
        let mut lone = Lone::new(|config| config.silent = true);
        lone.hear_all([1, 4]);
        lone.run_to(100 * MS);
        lone.hear(peer(0), &bytes);
        lone.run_to(500 * MS - NS);
        assert_eq!(lone.take(), [message(1)]);
        lone.run_to(500 * MS);
        assert!(lone.take().len() >= 2);
    }
}
