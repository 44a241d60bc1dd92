//! Rules about news that anybody could have sent: what of it counts, and what is a hint that makes the node ask.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE};
use rmc_core::{EndCause, JoinPolicy, LossCause, MAX_SEQ, Path, StreamInfo};

use crate::given::{last_stamp, private_data, told_lost, window_of_ten};
use crate::lone::{EPOCH, Item, Lone, MS, SECOND, Sent, lost, message, peer};
use crate::packets::{self, data, encode, heartbeat, heartbeat_with, repair, reset};

const OURS: u8 = 1;
const FOREIGN: u8 = 2;

/// No stamp, that of the node's last NACK, or another one.
fn stamp(lone: &Lone, kind: u8) -> u32 {
    match kind {
        OURS => last_stamp(lone),
        FOREIGN => last_stamp(lone) ^ 1,
        _ => 0,
    }
}

/// A node that has 1 and 4, and has asked for 2 and 3.
fn asking() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 4]);
    assert_eq!(lone.take(), [message(1)]);
    lone
}

/// How news comes, and whether it counts.
const WAYS: [(Path, u8, bool); 6] = [
    (Path::Multicast, 0, true),
    (Path::Multicast, OURS, true),
    (Path::Multicast, FOREIGN, false),
    (Path::Unicast, 0, false),
    (Path::Unicast, OURS, true),
    (Path::Unicast, FOREIGN, false),
];

// RMC-LOST-4, RMC-LOST-5, RMC-LOST-7
#[test]
fn rmc_lost_7_a_lost_counts_if_it_was_asked_for_or_came_to_the_whole_group() {
    for (path, kind, counts) in WAYS {
        let mut lone = asking();
        let stamp = stamp(&lone, kind);
        lone.feed(peer(0), path, &packets::lost(1, 3, stamp));
        let items = if counts { vec![lost(2, 3, LossCause::Lost), message(4)] } else { vec![] };
        assert_eq!(lone.take(), items, "{path:?} {kind}");
        // What does not count changes nothing: what is missing is repaired.
        if !counts {
            lone.hear_unicast(peer(0), &repair(2));
            lone.hear_unicast(peer(0), &repair(3));
            assert_eq!(lone.take(), [2, 3, 4].map(message));
        }
    }
}

// RMC-LOST-4, RMC-LOST-5, RMC-LOST-7
#[test]
fn rmc_lost_7_so_does_a_reset() {
    for (path, kind, counts) in WAYS {
        let mut lone = asking();
        let stamp = stamp(&lone, kind);
        lone.feed(peer(0), path, &reset(6, stamp));
        let items = [lost(2, 3, LossCause::Reset), message(4), lost(5, 6, LossCause::Reset)];
        assert_eq!(lone.take(), if counts { items.to_vec() } else { vec![] }, "{path:?} {kind}");
        assert_eq!(lone.stream().known, 6, "it is a hint at least");
    }
}

/// It may be true: the node asks once, and the answer counts.
// RMC-LOST-7
#[test]
fn rmc_lost_7_what_does_not_count_makes_the_node_ask() {
    for news in [packets::lost(1, 9, 0), packets::lost(1, 9, 77), reset(9, 0), reset(9, 77)] {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1]);
        lone.take();
        lone.hear_unicast(peer(0), &news);
        assert_eq!((lone.take(), lone.stream().known), (vec![], 9));
        let stamp = last_stamp(&lone);
        assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 9)])], "once");
        lone.hear_unicast(peer(0), &packets::lost(1, 9, stamp));
        assert_eq!(lone.take(), [lost(2, 9, LossCause::Lost)]);
    }
}

/// Private packets come by unicast only: unasked they never count.
// RMC-LOST-7, RMC-PRIV-3, RMC-SEC-4
#[test]
fn rmc_lost_7_private_news_counts_with_a_stamp_only() {
    for kind in [0, OURS, FOREIGN] {
        for is_reset in [false, true] {
            let mut lone = Lone::new(|_| {});
            lone.hear_unicast(peer(0), &private_data(1));
            lone.hear_unicast(peer(0), &private_data(4));
            let stamp = stamp(&lone, kind);
            let (seq, body, cause) = if is_reset {
                (3, Body::Reset { stamp }, LossCause::Reset)
            } else {
                (4, Body::Lost { first: 1, stamp }, LossCause::Lost)
            };
            lone.hear_unicast(peer(0), &encode(Flags::PRIVATE, 0, EPOCH, seq, body));
            let items = if kind == OURS { vec![message(1), lost(2, 3, cause), message(4)] } else { vec![message(1)] };
            assert_eq!(lone.take(), items, "{kind}");
        }
    }
}

/// A stamped Lost counts up to what was known before it came, hints included, or the window's limit: after a long
/// partition anything else would take hundreds of round trips.
// RMC-LOST-4
#[test]
fn rmc_lost_4_an_answer_counts_up_to_what_was_known_or_the_window_s_limit() {
    for (known, last, given_up) in [(5, 10, 10), (5, 11, 10), (50, 49, 49), (50, 50, 50), (50, 51, 50)] {
        let mut lone = Lone::new(window_of_ten);
        lone.hear(peer(0), &heartbeat(known));
        let stamp = last_stamp(&lone);
        lone.hear_unicast(peer(0), &packets::lost(1, last, stamp));
        assert_eq!(lone.take(), [lost(1, given_up, LossCause::Lost)], "{known} {last}");
        assert_eq!(lone.stream().known, known.max(last));
    }
}

// RMC-LOST-6
#[test]
fn rmc_lost_6_the_oldest_number_of_a_heartbeat_counts_by_multicast_only() {
    for (path, counts) in [(Path::Multicast, true), (Path::Unicast, false)] {
        let mut lone = asking();
        lone.feed(peer(0), path, &heartbeat_with(Flags::NONE, 4, 3, 500 * MS));
        assert_eq!(lone.take(), if counts { vec![lost(2, 2, LossCause::Lost)] } else { vec![] });
    }
}

/// Nor is one by unicast the first answer, by which a stream begins.
// RMC-LOST-6, RMC-JOIN-3
#[test]
fn rmc_lost_6_a_heartbeat_by_unicast_does_not_end_joining() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Oldest);
    lone.hear(peer(0), &data(10));
    lone.hear_unicast(peer(0), &heartbeat_with(Flags::NONE, 10, 8, 500 * MS));
    assert_eq!((lone.stream().delivered, lone.take()), (0, vec![]));
    let stamp = last_stamp(&lone);
    lone.hear_unicast(peer(0), &packets::lost(1, 9, stamp));
    assert_eq!((lone.take(), told_lost(&mut lone)), (vec![message(10)], vec![]), "this one is the first answer");
}

/// Numbers far ahead are a hint, which costs a counter and an ask. The answer to that corrects it.
// RMC-WIN-3, RMC-GAP-11, RMC-SEC-4
#[test]
fn rmc_gap_11_the_answer_to_a_nack_corrects_a_forged_number() {
    let forged = [
        data(1 << 62),
        heartbeat(1 << 62),
        heartbeat_with(Flags::END, 1 << 62, 1, 500 * MS),
        packets::lost(1, 1 << 62, 0),
        packets::lost(1, 1 << 62, 9),
        reset(1 << 62, 0),
        packets::times(1 << 62, 0, &[500 * MS]),
    ];
    for path in [Path::Multicast, Path::Unicast] {
        for bytes in &forged {
            let mut lone = Lone::new(|_| {});
            lone.hear_all([1, 2, 3]);
            lone.take();
            let before: StreamInfo = lone.stream();
            lone.feed(peer(0), path, bytes);
            lone.drain();
            let window = lone.node.config().receive_window_packets as u64;
            assert_eq!(lone.sent(), [Sent::Nack(vec![(4, 3 + window)])]);
            assert_eq!((lone.stream().known, lone.stream().delivered, lone.stream().gaps), (1 << 62, 3, 1));
            // Its sender has never sent these: with its end or without.
            for answer in [heartbeat(3), heartbeat_with(Flags::END, 3, 1, 500 * MS)] {
                let mut lone = Lone { node: lone.node.clone(), sent: vec![], events: vec![], ..lone };
                lone.hear_unicast(peer(0), &answer);
                let now = lone.stream();
                assert_eq!((now.known, now.gaps, now.delivered), (before.known, 0, 3));
                lone.run_for(500 * MS);
                assert_eq!((lone.asked(), lone.node.stats().rx.lost), (vec![], 0));
            }
        }
    }
}

/// By multicast an older heartbeat that was overtaken would look the same.
// RMC-GAP-11
#[test]
fn rmc_gap_11_by_multicast_a_lower_number_corrects_nothing() {
    let mut lone = asking();
    lone.hear(peer(0), &heartbeat(9));
    lone.hear(peer(0), &heartbeat(4));
    assert_eq!(lone.stream().known, 9);
    lone.hear_unicast(peer(0), &heartbeat(4));
    assert_eq!(lone.stream().known, 4);
}

/// What came is known, whatever a heartbeat says.
// RMC-GAP-11
#[test]
fn rmc_gap_11_what_was_received_stays_known() {
    for answer in [heartbeat(1), heartbeat_with(Flags::END, 1, 1, 500 * MS)] {
        let mut lone = asking();
        lone.hear_unicast(peer(0), &answer);
        assert_eq!((lone.stream().known, lone.stream().gaps, lone.stream().finished), (4, 1, false));
        lone.hear_unicast(peer(0), &repair(2));
        lone.hear_unicast(peer(0), &repair(3));
        assert_eq!(lone.take(), [2, 3, 4].map(message));
    }
}

/// An END that is the first to tell of numbers past the window is a hint, as those are. A true one comes again.
// RMC-END-4
#[test]
fn rmc_end_4_an_end_past_the_window_counts_when_it_was_known_before() {
    for (seq, ends, counts) in [(11, 1, true), (12, 1, false), (12, 2, true), (MAX_SEQ - 1, 1, false)] {
        let mut lone = Lone::new(window_of_ten);
        lone.hear_all([1]);
        lone.take();
        for _ in 0..ends {
            lone.hear(peer(0), &heartbeat_with(Flags::END, seq, 1, 10 * MS));
        }
        assert_eq!((lone.stream().finished, lone.stream().known), (counts, seq), "{seq} {ends}");
    }
    // By Data, say.
    let mut lone = Lone::new(window_of_ten);
    lone.hear_all([1, 12]);
    lone.take();
    lone.hear(peer(0), &heartbeat_with(Flags::END, 12, 1, 10 * MS));
    assert!(lone.stream().finished);
    lone.hear_all(2..=10);
    lone.take();
    lone.hear_all([11, 12]);
    assert_eq!(lone.take(), [message(11), message(12), Item::Ended(EndCause::Finished)]);
}

/// How a stream ends: its peer expires, is removed, or restarts.
const ENDS: [LossCause; 3] = [LossCause::Expired, LossCause::Removed, LossCause::Restarted];

fn end(lone: &mut Lone, cause: LossCause) {
    match cause {
        LossCause::Removed => assert!(lone.node.remove_peer(lone.instant(), peer(0))),
        LossCause::Restarted => {
            lone.run_for(SECOND);
            lone.hear(peer(0), &packets::data_with(Flags::NONE, 0, EPOCH + 1, 1));
        }
        _ => lone.run_for(30 * SECOND),
    }
}

/// At its end every number that is known is reported, but no hint: nobody knows whether it exists.
// RMC-PEER-6, RMC-PEER-9, RMC-EPOCH-3, RMC-WIN-3
#[test]
fn rmc_peer_6_what_is_missing_within_the_window_is_reported_and_no_hint_is() {
    for cause in ENDS {
        for (known, last) in [(5, 5), (11, 11), (12, 11), (1 << 62, 11)] {
            let mut lone = Lone::new(window_of_ten);
            lone.hear_all([1]);
            lone.take();
            lone.hear(peer(0), &heartbeat_with(Flags::NONE, known, 1, 500 * MS));
            end(&mut lone, cause);
            assert_eq!(lone.take()[0], lost(2, last, cause), "{known}");
        }
    }
}

/// The window of an application that has taken nothing ends earlier; what it has is not missing.
// RMC-PEER-6
#[test]
fn rmc_peer_6_what_was_not_taken_is_not_reported() {
    for cause in ENDS {
        let mut lone = Lone::new(window_of_ten);
        lone.hear_all([1, 2, 3, 5]);
        lone.hear(peer(0), &heartbeat(20));
        end(&mut lone, cause);
        let items = lone.take();
        assert_eq!(items[..5], [message(1), message(2), message(3), lost(4, 4, cause), message(5)]);
        let Item::Lost(ranges, _) = &items[5] else { panic!("{items:?}") };
        assert_eq!(ranges[0].0, 6);
        assert!(ranges[0].1 <= 15, "{items:?}");
    }
}

/// A forged END by unicast ends nothing for good either.
// RMC-END-4
#[test]
fn rmc_end_4_an_end_by_unicast_is_withdrawn_as_well() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear_unicast(peer(0), &heartbeat_with(Flags::END, 1, 1, Duration::ZERO));
    assert_eq!(lone.take(), [message(1), Item::Ended(EndCause::Finished)]);
    lone.hear(peer(0), &packets::data_with(Flags::NONE, NO_PROMISE, EPOCH, 2));
    assert_eq!((lone.take(), lone.node.stats().rx.ends_withdrawn), (vec![message(2)], 1));
}
