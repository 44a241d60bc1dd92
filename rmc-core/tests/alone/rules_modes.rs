//! Rules about how long what is missing is waited for: in order for ever, or until a deadline.

use std::time::Duration;

use rmc_core::packet::Flags;
use rmc_core::{Config, Delivery, LossCause, Path};

use crate::given::{hear_of, private_data, told_lost};
use crate::lone::{Item, Lone, MS, NS, SECOND, lost, message, peer};
use crate::packets::{self, data, heartbeat, heartbeat_with, part, repair};

fn deadline(wait: Duration) -> Lone {
    Lone::new(|config| config.delivery = Delivery::Deadline(wait))
}

fn late(first: u64, last: u64) -> Item {
    lost(first, last, LossCause::Deadline)
}

// RMC-MODE-1
#[test]
fn rmc_mode_1_in_order_is_the_default_and_waits_as_long_as_the_sender_lives() {
    let config = Config::new(crate::lone::group(), 1, 1);
    assert_eq!((config.delivery, config.recovery_deadline), (Delivery::Ordered, None));
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    for _ in 0..20 {
        lone.run_for(10 * SECOND);
        lone.hear(peer(0), &heartbeat(3));
    }
    assert_eq!(lone.take(), [message(1)]);
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!(lone.take(), [message(2), message(3)]);
}

/// 50 ms, as the mode; a longer deadline for all modes changes nothing.
fn by_mode() -> [fn(&mut Config); 2] {
    [
        |config| config.delivery = Delivery::Deadline(50 * MS),
        |config| (config.delivery, config.recovery_deadline) = (Delivery::Deadline(50 * MS), Some(SECOND)),
    ]
}

/// 50 ms, for any mode; a longer one of the mode changes nothing.
fn for_any_mode() -> [fn(&mut Config); 2] {
    [
        |config| config.recovery_deadline = Some(50 * MS),
        |config| (config.delivery, config.recovery_deadline) = (Delivery::Deadline(SECOND), Some(50 * MS)),
    ]
}

/// Nothing is given up a tick before the 50 ms are over.
fn waits(change: fn(&mut Config)) {
    let mut lone = Lone::new(change);
    lone.run_to(MS);
    lone.hear_all([1, 3]);
    lone.run_to(51 * MS - NS);
    assert_eq!((lone.take(), told_lost(&mut lone)), (vec![message(1)], vec![]));
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!(lone.take(), [message(2), message(3)]);
}

/// When they are, what is missing is reported in its place.
fn gives_up(change: fn(&mut Config)) {
    let mut lone = Lone::new(change);
    lone.run_to(MS);
    lone.hear_all([1, 4]);
    lone.run_to(51 * MS);
    assert_eq!(lone.take(), [message(1), late(2, 3), message(4)]);
    assert_eq!(told_lost(&mut lone), [(2, 3)]);
    // It is over: nothing is asked for any more, and what comes is too late.
    lone.sent.clear();
    lone.hear_unicast(peer(0), &repair(2));
    lone.run_for(SECOND);
    assert_eq!((lone.asked(), lone.take(), lone.node.stats().rx.duplicates), (vec![], vec![], 1));
}

// RMC-MODE-2
#[test]
fn delivery_a_tick_before_its_deadline_nothing_is_given_up() {
    by_mode().into_iter().for_each(waits);
}

// RMC-MODE-2
#[test]
fn delivery_at_its_deadline_what_is_missing_is_given_up() {
    by_mode().into_iter().for_each(gives_up);
}

// RMC-MODE-2
#[test]
fn recovery_deadline_a_tick_before_its_end_nothing_is_given_up() {
    for_any_mode().into_iter().for_each(waits);
}

// RMC-MODE-2
#[test]
fn recovery_deadline_at_its_end_what_is_missing_is_given_up() {
    for_any_mode().into_iter().for_each(gives_up);
}

/// Until then it is asked for as in any mode.
// RMC-MODE-2, RMC-GAP-7
#[test]
fn rmc_mode_2_what_is_missing_is_asked_for_until_the_deadline() {
    let mut lone = deadline(100 * MS);
    lone.hear_all([1, 3]);
    lone.run_to(100 * MS - NS);
    assert!(lone.asked().len() >= 3);
}

// RMC-MODE-2
#[test]
fn rmc_mode_2_each_gap_has_its_own_time() {
    let mut lone = deadline(50 * MS);
    lone.hear_all([1, 3]);
    lone.run_to(30 * MS);
    lone.hear_all([5]);
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [message(1), late(2, 2), message(3)]);
    lone.run_to(80 * MS - NS);
    assert_eq!(lone.take(), []);
    lone.run_to(80 * MS);
    assert_eq!(lone.take(), [late(4, 4), message(5)]);
}

/// What is repaired of a gap does not let the rest wait for longer.
// RMC-MODE-2
#[test]
fn rmc_mode_2_the_time_counts_from_when_the_gap_was_seen() {
    let mut lone = deadline(50 * MS);
    lone.hear_all([1, 5]);
    lone.run_to(40 * MS);
    lone.hear_unicast(peer(0), &repair(3));
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [message(1), late(2, 2), message(3), late(4, 4), message(5)]);
}

/// The loss of the last packet too, of which a heartbeat told.
// RMC-MODE-2, RMC-GAP-10
#[test]
fn rmc_mode_2_the_end_of_the_stream_does_not_wait_either() {
    let mut lone = deadline(50 * MS);
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 3, 1, 500 * MS));
    lone.run_to(50 * MS - NS);
    assert_eq!(lone.take(), [message(1)]);
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [late(2, 3), Item::Ended(rmc_core::EndCause::Finished)]);
}

// RMC-MODE-2, RMC-FRAG-4
#[test]
fn rmc_mode_2_a_message_goes_whole() {
    let mut lone = deadline(50 * MS);
    lone.hear(peer(0), &part(Flags::FIRST, 1, b"a"));
    lone.hear(peer(0), &part(Flags::LAST, 3, b"c"));
    lone.hear_all([4]);
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [late(1, 3), message(4)]);
}

// RMC-MODE-2, RMC-PRIV-3
#[test]
fn rmc_mode_2_private_streams_do_not_wait_either() {
    let mut lone = deadline(50 * MS);
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear_unicast(peer(0), &private_data(3));
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [message(1), late(2, 2), message(3)]);
}

/// Numbers past the window are not waited for yet.
// RMC-MODE-2, RMC-WIN-5
#[test]
fn rmc_mode_2_what_comes_into_the_window_has_its_time_from_then_on() {
    let mut lone = Lone::new(|config| {
        crate::given::window_of_ten(config);
        config.delivery = Delivery::Deadline(50 * MS);
    });
    lone.hear_all(1..=10);
    lone.hear(peer(0), &heartbeat(12));
    lone.run_to(SECOND);
    assert_eq!((lone.take().len(), lone.asked()), (10, vec![11, 12]));
    lone.run_to(1_050 * MS - NS);
    assert_eq!(lone.take(), []);
    lone.run_to(1_050 * MS);
    assert_eq!(lone.take(), [late(11, 12)]);
}

/// The sender's word is told as such, though it comes late.
// RMC-MODE-2, RMC-LOST-1
#[test]
fn rmc_mode_2_what_the_sender_says_to_be_lost_is_reported_at_once() {
    for asked in [true, false] {
        let mut lone = deadline(50 * MS);
        lone.hear_all([1, 4]);
        lone.run_to(10 * MS);
        hear_of(&mut lone, asked, |stamp| packets::lost(1, 2, stamp));
        assert_eq!(lone.take(), [message(1), lost(2, 2, LossCause::Lost)]);
        lone.run_to(50 * MS);
        assert_eq!(lone.take(), [late(3, 3), message(4)]);
    }
}

/// What was missing while the node did not follow streams could not be had then.
// RMC-MODE-2, RMC-ACTIVE-3
#[test]
fn rmc_mode_2_the_time_while_deactivated_does_not_count() {
    let mut lone = deadline(50 * MS);
    lone.hear_all([1, 3]);
    lone.run_to(40 * MS);
    lone.node.deactivate(lone.instant());
    lone.run_to(SECOND);
    lone.node.activate(lone.instant());
    lone.drain();
    lone.run_to(1_050 * MS - NS);
    assert_eq!(lone.take(), [message(1)]);
    lone.run_to(1_050 * MS);
    assert_eq!(lone.take(), [late(2, 2), message(3)]);
}

/// Who only listens gives up at the earlier of both times.
// RMC-MODE-2, RMC-SILENT-2
#[test]
fn rmc_mode_2_a_silent_node_has_both_times() {
    for (wait, at, cause) in [(100 * MS, 100 * MS, LossCause::Deadline), (SECOND, 500 * MS, LossCause::Silent)] {
        let mut lone = Lone::new(|config| {
            config.silent = true;
            config.recovery_deadline = Some(wait);
        });
        lone.hear_all([1, 3]);
        lone.run_to(at - NS);
        assert_eq!(lone.take(), [message(1)]);
        lone.run_to(at);
        assert_eq!(lone.take(), [lost(2, 2, cause), message(3)]);
    }
}

/// One forged number far ahead moves the stream by a window at most, where nobody waits for the sender's word.
// RMC-SEC-2, RMC-MODE-2, RMC-SILENT-2
#[test]
fn rmc_sec_2_a_forged_number_makes_a_node_give_up_one_window_at_most() {
    let given_up: [fn(&mut Config); 2] =
        [|config| config.delivery = Delivery::Deadline(50 * MS), |config| config.silent = true];
    let forged = [
        data(1 << 40),
        heartbeat(1 << 40),
        heartbeat_with(Flags::END, 1 << 40, 1, 500 * MS),
        packets::lost(1, 1 << 40, 7),
        packets::times(1 << 40, 0, &[10 * MS]),
    ];
    for change in given_up {
        for bytes in &forged {
            let mut lone = Lone::new(|config| {
                crate::given::window_of_ten(config);
                change(config);
            });
            lone.hear_all([1]);
            lone.take();
            lone.feed(peer(0), Path::Multicast, bytes);
            lone.run_for(20 * SECOND);
            lone.take();
            assert!(lone.stream().delivered <= 11, "{:?}", lone.stream());
            // The real one goes on.
            let next = lone.stream().delivered + 1;
            lone.hear_all([next]);
            assert_eq!(lone.take(), [message(next)]);
        }
    }
}

/// What is true is told again, and asked for then.
// RMC-SEC-2, RMC-MODE-2, RMC-END-4
#[test]
fn rmc_sec_2_numbers_past_the_window_are_not_forgotten_for_good() {
    let mut lone = Lone::new(|config| {
        crate::given::window_of_ten(config);
        config.delivery = Delivery::Deadline(50 * MS);
    });
    lone.hear_all([1]);
    assert_eq!(lone.take(), [message(1)]);
    lone.hear_all([30]);
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [late(2, 11)]);
    lone.sent.clear();
    lone.hear(peer(0), &heartbeat(30));
    assert_eq!(lone.asked(), (12..=21).collect::<Vec<_>>());
    // And the end that was told stays, though it lies past the window.
    lone.hear(peer(0), &heartbeat_with(Flags::END, 30, 1, 10 * MS));
    lone.run_for(100 * MS);
    let items = lone.take();
    assert_eq!(items, [late(12, 30), Item::Ended(rmc_core::EndCause::Finished)]);
}
