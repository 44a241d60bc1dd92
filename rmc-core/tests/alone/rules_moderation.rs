//! Rules about how many NACKs there are where losses come thick: what goes together, and what waits for that.

use std::time::Duration;

use crate::given::nack_times;
use crate::lone::{Lone, MS, NS, SECOND, Sent, peer};
use crate::packets::{data, repair};
use crate::rules_backoff::{patient, told};

const INTERVAL: Duration = Duration::from_millis(10);

/// A node that asks at once, and that has just sent `nacks` NACKs, each for one number: 2, 4, ...
fn asked_often(nacks: u64, interval: Duration) -> Lone {
    let mut lone = patient(|config| {
        (config.max_nack_backoff, config.nack_interval) = (Duration::ZERO, interval);
        // Nothing is asked for again meanwhile.
        config.nack_resend_time = 4 * SECOND;
    });
    lone.hear_all((0..=nacks).map(|index| 2 * index + 1));
    lone
}

// RMC-GAP-15
#[test]
fn rmc_gap_15_eight_nacks_leave_at_once() {
    let mut lone = asked_often(8, INTERVAL);
    assert_eq!(nack_times(&lone), [Duration::ZERO; 8]);
    assert_eq!(lone.asked(), [2, 4, 6, 8, 10, 12, 14, 16]);
}

// RMC-GAP-15
#[test]
fn rmc_gap_15_the_ninth_waits_and_asks_for_all_that_is_missing_by_then() {
    let mut lone = asked_often(9, INTERVAL);
    assert_eq!(nack_times(&lone), [Duration::ZERO; 8]);
    lone.sent.clear();
    lone.run_to(INTERVAL - MS);
    lone.hear_all([21]);
    lone.run_to(INTERVAL);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(18, 18), (20, 20)])]);
}

/// Whether a ninth NACK has left after so long.
fn ninth_left(interval: Duration, after: Duration) -> bool {
    let mut lone = asked_often(9, interval);
    lone.run_to(after);
    nack_times(&lone).len() == 9
}

// RMC-GAP-15
#[test]
fn nack_interval_a_tick_before_its_end_a_new_gap_is_not_asked_for() {
    assert!(!ninth_left(INTERVAL, INTERVAL - NS));
    assert!(!ninth_left(NS, Duration::ZERO));
}

// RMC-GAP-15
#[test]
fn nack_interval_at_its_end_a_new_gap_is_asked_for() {
    assert!(ninth_left(INTERVAL, INTERVAL));
    assert!(ninth_left(Duration::ZERO, Duration::ZERO), "0: each is asked for at once");
}

/// Each interval without a NACK pays for one more, up to eight.
// RMC-GAP-15
#[test]
fn rmc_gap_15_what_is_paid_for_may_leave_at_once_again() {
    for (intervals, paid) in [(1, 1), (2, 2), (8, 8), (1_000, 8)] {
        let mut lone = asked_often(8, INTERVAL);
        lone.run_to(intervals * INTERVAL);
        lone.sent.clear();
        lone.hear_all((9..=18).map(|index| 2 * index + 1));
        assert_eq!(nack_times(&lone).len(), paid, "{intervals} intervals");
    }
}

/// A retry waits for nobody, and counts; but all of them together put new gaps off for one interval only.
// RMC-GAP-15
#[test]
fn rmc_gap_15_retries_count_and_do_not_wait() {
    let mut lone = Lone::new(|config| {
        config.nack_interval = SECOND;
        (config.nack_resend_time, config.nack_max_delay) = (MS, MS);
    });
    lone.hear_all([1, 3]);
    lone.run_to(100 * MS);
    assert_eq!(nack_times(&lone).len(), 101, "each millisecond");
    lone.hear(peer(0), &repair(2));
    lone.sent.clear();
    lone.hear_all([5]);
    lone.run_to(SECOND);
    assert_eq!(lone.sent(), []);
    lone.run_to(100 * MS + SECOND);
    assert_eq!(nack_times(&lone)[0], 100 * MS + SECOND);
}

/// A node that waits up to 5 s before it asks, and misses 2 and 4. The first of the two is due at the time.
fn two_back_off() -> (Lone, Duration) {
    let mut lone = patient(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &told(1, 5_000_000, 100, 0));
    lone.hear_all([3, 5]);
    let due = lone.deadline.expect("a timer is armed");
    (lone, due)
}

// RMC-NACK-5
#[test]
fn rmc_nack_5_what_was_never_asked_for_goes_with_what_is_due() {
    let (mut lone, due) = two_back_off();
    lone.run_to(due - NS);
    assert_eq!(lone.sent(), []);
    lone.run_to(due);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2), (4, 4)])]);
    // Both count as asked for: RTO is 20 ms.
    lone.run_to(due + 20 * MS - NS);
    assert_eq!(lone.sent(), []);
}

/// What was asked for waits for its answer, whatever else is asked for.
// RMC-NACK-5
#[test]
fn rmc_nack_5_what_was_asked_for_does_not_go_again() {
    let (mut lone, due) = two_back_off();
    lone.run_to(due);
    lone.sent.clear();
    lone.hear(peer(0), &told(6, 0, 100, 0));
    lone.run_to(due + MS);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(6, 6)])]);
}

/// A node that takes a gap for reordering for 5 ms, and waits up to 5 s more before it asks; it misses 4. What it asks
/// for when that is due, if it sees 6 missing so long before.
fn asked_with_the_first(before: Duration) -> Vec<u64> {
    let mut lone = patient(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &told(1, 5_000_000, 100, 0));
    lone.hear_all([3]);
    lone.run_to(4 * MS);
    lone.hear_all([2, 5]);
    let due = lone.deadline.expect("a timer is armed");
    lone.run_to(due - before);
    lone.hear_all([7]);
    lone.run_to(due);
    lone.asked()
}

// RMC-NACK-5, RMC-GAP-12
#[test]
fn rmc_nack_5_what_is_no_reordering_any_more_goes_along() {
    assert_eq!(asked_with_the_first(5 * MS), [4, 6]);
}

// RMC-NACK-5, RMC-GAP-12
#[test]
fn rmc_nack_5_what_may_be_reordering_does_not_go_along() {
    assert_eq!(asked_with_the_first(5 * MS - NS), [4]);
}
