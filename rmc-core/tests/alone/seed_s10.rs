//! The seed's rule S10: where a stream begins.

use rmc_core::{Config, JoinPolicy, LossCause};

use crate::given::{confirm, hear_of, last_stamp, sent_to, told_lost};
use crate::lone::{Lone, MS, Sent, lost, message, peer};
use crate::packets::{self, data, heartbeat, heartbeat_with, repair, reset, times};

use rmc_core::packet::Flags;

fn joining(policy: JoinPolicy) -> Lone {
    Lone::new(|config| config.join_policy = policy)
}

/// The node follows from 10: 10 is delivered, nothing was asked for nor reported.
#[track_caller]
fn follows_from_ten(lone: &mut Lone) {
    lone.hear(peer(0), &data(10));
    lone.run_for(100 * MS);
    assert_eq!(lone.take(), [message(10)]);
    assert_eq!((lone.asked(), told_lost(lone)), (vec![], vec![]));
    // What lies before is old.
    lone.hear(peer(0), &data(9));
    assert_eq!((lone.take(), lone.node.stats().rx.duplicates), (vec![], 1));
    // What is missing from here on is seen.
    lone.hear(peer(0), &data(12));
    assert_eq!(lone.asked(), [11]);
}

// RMC-JOIN-1
#[test]
fn seed_s10_now_begins_with_the_first_data() {
    follows_from_ten(&mut joining(JoinPolicy::Now));
}

// RMC-JOIN-1
#[test]
fn seed_s10_now_begins_behind_the_first_heartbeat() {
    let mut lone = joining(JoinPolicy::Now);
    lone.hear(peer(0), &heartbeat(9));
    assert_eq!((lone.stream().delivered, lone.stream().known), (9, 9));
    follows_from_ten(&mut lone);
}

// RMC-JOIN-1
#[test]
fn seed_s10_now_begins_behind_the_first_heartbeat_times() {
    let mut lone = joining(JoinPolicy::Now);
    lone.hear(peer(0), &times(9, 0, &[20 * MS]));
    assert_eq!((lone.stream().delivered, lone.stream().known), (9, 9));
    follows_from_ten(&mut lone);
}

// RMC-JOIN-1
#[test]
fn seed_s10_now_begins_behind_the_first_reset() {
    let mut lone = joining(JoinPolicy::Now);
    lone.hear(peer(0), &reset(9, 0));
    assert_eq!((lone.stream().delivered, lone.stream().known), (9, 9));
    follows_from_ten(&mut lone);
}

/// The first packet's loss is seen when a heartbeat set the start (F08).
// RMC-JOIN-1
#[test]
fn seed_s10_now_asks_for_what_is_missing_behind_its_start() {
    for starter in [heartbeat(9), times(9, 0, &[20 * MS]), reset(9, 0)] {
        let mut lone = joining(JoinPolicy::Now);
        lone.hear(peer(0), &starter);
        lone.hear(peer(0), &data(12));
        assert_eq!(lone.asked(), [10, 11]);
    }
}

// RMC-JOIN-1
#[test]
fn seed_s10_now_never_begins_with_a_repair_a_lost_or_a_confirm() {
    for starter in [repair(5), packets::lost(1, 5, 0), packets::lost(3, 5, 7), confirm(5, 7, 1)] {
        let mut lone = joining(JoinPolicy::Now);
        lone.hear(peer(0), &starter);
        lone.hear_unicast(peer(0), &starter);
        let group = lone.node.peer(peer(0)).expect("it makes a peer").group;
        assert_eq!(group, None, "no stream has begun");
        assert_eq!((lone.take(), lone.sent()), (vec![], vec![]));
        follows_from_ten(&mut lone);
    }
}

// RMC-JOIN-2
#[test]
fn seed_s10_from_start_asks_for_everything_since_the_first_packet() {
    let mut lone = joining(JoinPolicy::FromStart);
    lone.hear(peer(0), &data(10));
    assert_eq!(lone.asked(), (1..=9).collect::<Vec<_>>());
    for starter in [heartbeat(9), times(9, 0, &[20 * MS]), repair(10)] {
        let mut lone = joining(JoinPolicy::FromStart);
        lone.hear(peer(0), &starter);
        assert_eq!(lone.asked(), (1..=9).collect::<Vec<_>>());
        lone.hear_unicast(peer(0), &repair(1));
        assert_eq!(lone.take(), [message(1)]);
    }
}

// RMC-JOIN-2, RMC-LOST-6
#[test]
fn seed_s10_from_start_reports_what_cannot_be_had() {
    for (answer, cause) in FIRST_ANSWERS.into_iter().zip([LossCause::Lost, LossCause::Lost, LossCause::Reset]) {
        for &asked in ways(answer) {
            let mut lone = joining(JoinPolicy::FromStart);
            lone.hear(peer(0), &data(10));
            hear_of(&mut lone, asked, answer);
            lone.hear_unicast(peer(0), &repair(8));
            assert_eq!(lone.take(), [lost(1, 7, cause), message(8)]);
            assert_eq!(told_lost(&mut lone), [(1, 7)]);
        }
    }
}

#[test]
fn seed_s10_oldest_is_the_default() {
    let config = rmc_core::Config::new(crate::lone::group(), 1, 1);
    assert_eq!(config.join_policy, JoinPolicy::Oldest);
}

// RMC-JOIN-3
#[test]
fn seed_s10_oldest_asks_for_everything_too() {
    let mut lone = joining(JoinPolicy::Oldest);
    lone.hear(peer(0), &data(10));
    assert_eq!(lone.asked(), (1..=9).collect::<Vec<_>>());
}

/// Makes, with a stamp, what says that 1 to 7 are gone.
type Answer = fn(u32) -> Vec<u8>;

const FIRST_ANSWERS: [Answer; 3] =
    [|stamp| packets::lost(1, 7, stamp), |_| heartbeat_with(Flags::NONE, 10, 8, 500 * MS), |stamp| reset(7, stamp)];

/// Whether it may come in answer to a NACK, unasked, or both: a Heartbeat has no stamp, so it counts only where the
/// whole group hears it.
fn ways(answer: Answer) -> &'static [bool] {
    if answer(0) == answer(1) { &[false] } else { &[true, false] }
}

// RMC-JOIN-3
#[test]
fn seed_s10_oldest_does_not_report_what_lies_below_the_first_answer() {
    for answer in FIRST_ANSWERS {
        for &asked in ways(answer) {
            let mut lone = joining(JoinPolicy::Oldest);
            lone.hear(peer(0), &data(10));
            hear_of(&mut lone, asked, answer);
            lone.sent.clear();
            assert_eq!((lone.take(), told_lost(&mut lone)), (vec![], vec![]));
            assert_eq!(lone.stream().delivered, 7);
            lone.hear_unicast(peer(0), &repair(8));
            lone.hear_unicast(peer(0), &repair(9));
            assert_eq!(lone.take(), [message(8), message(9), message(10)]);
            lone.run_for(100 * MS);
            assert_eq!(lone.asked(), []);
        }
    }
}

/// It may be the very first packet heard.
// RMC-JOIN-3
#[test]
fn seed_s10_oldest_takes_the_first_answer_before_any_data() {
    for answer in FIRST_ANSWERS {
        let mut lone = joining(JoinPolicy::Oldest);
        lone.hear(peer(0), &answer(0));
        assert_eq!(lone.stream().delivered, 7);
        assert_eq!((lone.take(), told_lost(&mut lone)), (vec![], vec![]));
    }
}

// RMC-JOIN-3, RMC-LOST-5
#[test]
fn seed_s10_oldest_believes_the_first_answer_however_far_it_is() {
    let far = 1_000_000_000;
    for answer in [packets::lost(1, far, 0), heartbeat_with(Flags::NONE, far + 3, far + 1, 500 * MS), reset(far, 0)] {
        let mut lone = joining(JoinPolicy::Oldest);
        lone.hear(peer(0), &answer);
        assert_eq!(lone.stream().delivered, far);
        assert_eq!((lone.take(), told_lost(&mut lone)), (vec![], vec![]));
    }
}

/// What leaves the backlog while the first NACK is under way, or its repairs, never was within reach.
// RMC-JOIN-3
#[test]
fn seed_s10_oldest_begins_later_if_more_is_gone_before_anything_is_delivered() {
    for first in [packets::lost(1, 4, 0), heartbeat_with(Flags::NONE, 10, 5, 500 * MS), reset(4, 0)] {
        for answer in FIRST_ANSWERS {
            for &asked in ways(answer) {
                let mut lone = joining(JoinPolicy::Oldest);
                lone.hear(peer(0), &data(10));
                lone.hear(peer(0), &first);
                assert_eq!(lone.stream().delivered, 4);
                hear_of(&mut lone, asked, answer);
                assert_eq!(lone.stream().delivered, 7);
                hear_of(&mut lone, asked, |stamp| packets::lost(1, 9, stamp));
                assert_eq!((lone.take(), told_lost(&mut lone)), (vec![message(10)], vec![]));
            }
        }
    }
}

/// The limit of what an unasked one may declare gone holds from the second on.
// RMC-JOIN-3, RMC-LOST-5
#[test]
fn seed_s10_oldest_believes_a_second_answer_up_to_the_window_only() {
    let limit = 7 + Config::new(crate::lone::group(), 1, 1).receive_window_packets as u64;
    for (gone, counts) in [(limit, true), (limit + 1, false)] {
        let answers =
            [packets::lost(1, gone, 0), heartbeat_with(Flags::NONE, gone + 3, gone + 1, 500 * MS), reset(gone, 0)];
        for answer in answers {
            let mut lone = joining(JoinPolicy::Oldest);
            lone.hear(peer(0), &packets::lost(1, 7, 0));
            lone.hear(peer(0), &answer);
            assert_eq!(lone.stream().delivered, if counts { gone } else { 7 });
            assert_eq!((lone.take(), told_lost(&mut lone)), (vec![], vec![]));
        }
    }
}

// RMC-JOIN-3
#[test]
fn seed_s10_oldest_reports_once_something_was_delivered() {
    for answer in FIRST_ANSWERS {
        for &asked in ways(answer) {
            let mut lone = joining(JoinPolicy::Oldest);
            lone.hear(peer(0), &data(10));
            hear_of(&mut lone, asked, answer);
            lone.hear_unicast(peer(0), &repair(8));
            hear_of(&mut lone, asked, |stamp| packets::lost(1, 9, stamp));
            assert_eq!(lone.take(), [message(8), lost(9, 9, LossCause::Lost), message(10)]);
        }
    }
}

/// Who was there from the first packet on joins nothing.
// RMC-JOIN-3
#[test]
fn seed_s10_oldest_reports_everything_once_the_sender_said_that_nothing_is_gone() {
    for asked in [true, false] {
        let mut lone = joining(JoinPolicy::Oldest);
        lone.hear(peer(0), &data(10));
        lone.hear(peer(0), &heartbeat(10));
        assert_eq!(lone.stream().delivered, 0);
        hear_of(&mut lone, asked, |stamp| packets::lost(1, 9, stamp));
        assert_eq!(lone.take(), [lost(1, 9, LossCause::Lost), message(10)]);
    }
}

// RMC-JOIN-3
#[test]
fn seed_s10_oldest_reports_if_something_was_delivered_before_the_first_answer() {
    let mut lone = joining(JoinPolicy::Oldest);
    lone.hear(peer(0), &data(10));
    lone.hear_unicast(peer(0), &repair(1));
    lone.hear_unicast(peer(0), &packets::lost(1, 7, last_stamp(&lone)));
    assert_eq!(lone.take(), [message(1), lost(2, 7, LossCause::Lost)]);
}

/// A repair that overtakes the first answer: what is missing behind it cannot be left out silently.
// RMC-JOIN-3
#[test]
fn seed_s10_oldest_reports_what_is_missing_behind_a_number_that_it_has() {
    for (answer, asked) in
        FIRST_ANSWERS.into_iter().flat_map(|answer| ways(answer).iter().map(move |&asked| (answer, asked)))
    {
        let mut lone = joining(JoinPolicy::Oldest);
        lone.hear(peer(0), &data(10));
        for seq in [3, 4, 6] {
            lone.hear_unicast(peer(0), &repair(seq));
        }
        hear_of(&mut lone, asked, answer);
        let items = lone.take();
        let [a, b, crate::lone::Item::Lost(five, _), d, crate::lone::Item::Lost(seven, _)] = &items[..] else {
            panic!("{items:?}");
        };
        assert_eq!([a, b, d], [&message(3), &message(4), &message(6)]);
        assert_eq!((&five[..], &seven[..]), (&[(5, 5)][..], &[(7, 7)][..]));
        assert_eq!(told_lost(&mut lone), [(5, 5), (7, 7)]);
    }
}

/// Only a LOST for all that lies below is about the start.
// RMC-JOIN-3, RMC-LOST-2
#[test]
fn seed_s10_oldest_takes_a_lost_in_the_middle_for_no_first_answer() {
    let mut lone = joining(JoinPolicy::Oldest);
    lone.hear(peer(0), &data(10));
    lone.hear(peer(0), &packets::lost(3, 5, 0));
    assert_eq!(lone.stream().delivered, 0);
    hear_of(&mut lone, true, |stamp| packets::lost(1, 1, stamp));
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!(lone.take(), [message(2), lost(3, 5, LossCause::Lost)]);
}

/// Those that are known keep the start that they have.
#[test]
fn seed_s10_a_new_policy_is_for_senders_that_are_new() {
    let mut lone = joining(JoinPolicy::FromStart);
    lone.hear(peer(0), &data(3));
    lone.node.set_join_policy(JoinPolicy::Now);
    lone.hear(peer(0), &data(4));
    lone.hear(peer(1), &data(3));
    let sent = sent_to(&mut lone);
    assert_eq!(sent, [(peer(0), Sent::Nack(vec![(1, 2)]))]);
    assert_eq!(lone.take(), [message(3)], "of the second peer");
}

// RMC-SILENT-1
#[test]
fn seed_s10_silence_turns_the_policy_to_now() {
    let mut lone = Lone::new(|config| {
        config.silent = true;
        config.join_policy = JoinPolicy::FromStart;
    });
    assert_eq!(lone.node.config().join_policy, JoinPolicy::Now);
    lone.hear(peer(0), &data(5));
    assert_eq!(lone.take(), [message(5)]);
}
