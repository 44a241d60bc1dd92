//! Rules about messages that do not wait for those before them: each as soon as it is whole, or only what is newest.

use rmc_core::packet::Flags;
use rmc_core::{Config, Delivery, JoinPolicy, LossCause, Path, Received};

use crate::given::{hear_of, private_data, sized, told_lost, window_of_1000_bytes, window_of_ten};
use crate::lone::{Item, Lone, MS, SECOND, lost, message, peer};
use crate::packets::{self, data, heartbeat, part, repair, reset};

const WHOLE: Flags = Flags::FIRST.union(Flags::LAST);
const MIDDLE: Flags = Flags::NONE;

fn unordered(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.delivery = Delivery::Unordered;
        change(config);
    })
}

fn of_bytes(seq: u64, payload: &[u8]) -> Item {
    Item::Message { seq, index: 0, payload: payload.to_vec() }
}

fn malformed(first: u64, last: u64) -> Item {
    lost(first, last, LossCause::Malformed)
}

/// Flags, number and payload of a Data packet.
type Part = (Flags, u64, &'static [u8]);

fn hear_parts(lone: &mut Lone, parts: &[(Flags, u64, &[u8])]) {
    for &(flags, seq, payload) in parts {
        lone.hear(peer(0), &part(flags, seq, payload));
    }
}

/// Nothing is held: neither packets nor bytes.
#[track_caller]
fn holds_nothing(lone: &Lone) {
    let held = lone.node.stats().held;
    assert_eq!((held.receive_packets, held.receive_bytes, held.readable), (0, 0, 0));
}

// RMC-MODE-3
#[test]
fn rmc_mode_3_messages_come_as_soon_as_they_are_whole_and_once() {
    let mut lone = unordered(|_| {});
    for seq in [3, 1, 7, 5] {
        lone.hear(peer(0), &data(seq));
        assert_eq!(lone.take(), [message(seq)]);
        holds_nothing(&lone);
    }
    assert_eq!((lone.stream().delivered, lone.stream().cached_packets), (1, 0));
    for seq in [1, 3, 5, 7] {
        lone.hear(peer(0), &data(seq));
        lone.hear_unicast(peer(0), &repair(seq));
    }
    assert_eq!((lone.take(), lone.node.stats().rx.duplicates), (vec![], 8));
    for seq in [6, 2, 4] {
        lone.hear_unicast(peer(0), &repair(seq));
        assert_eq!(lone.take(), [message(seq)]);
    }
    assert_eq!((lone.stream().delivered, lone.stream().gaps), (7, 0));
    lone.hear(peer(0), &data(5));
    assert_eq!((lone.take(), lone.node.stats().rx.duplicates), (vec![], 9), "nor when its turn has passed");
}

// RMC-MODE-3
#[test]
fn rmc_mode_3_what_is_missing_is_asked_for_and_reported_when_it_is_lost() {
    for asked in [true, false] {
        let mut lone = unordered(|_| {});
        lone.hear_all([1, 3, 6]);
        assert_eq!(lone.take(), [message(1), message(3), message(6)]);
        assert_eq!(lone.asked(), [2, 4, 5]);
        lone.run_for(100 * MS);
        hear_of(&mut lone, asked, |stamp| packets::lost(1, 4, stamp));
        assert_eq!(
            (lone.take(), told_lost(&mut lone)),
            (vec![lost(2, 2, LossCause::Lost), lost(4, 4, LossCause::Lost)], vec![(2, 2), (4, 4)])
        );
        lone.hear_unicast(peer(0), &repair(5));
        assert_eq!((lone.take(), lone.stream().delivered), (vec![message(5)], 6));
    }
}

// RMC-MODE-3, RMC-PRIV-3
#[test]
fn rmc_mode_3_private_streams_too() {
    let mut lone = unordered(|_| {});
    lone.hear_unicast(peer(0), &private_data(3));
    assert_eq!(lone.take(), [message(3)]);
    lone.hear_unicast(peer(0), &private_data(1));
    assert_eq!(lone.take(), [message(1)]);
}

/// With its own deadline too, which is about what is missing.
// RMC-MODE-3, RMC-MODE-2
#[test]
fn rmc_mode_3_what_is_missing_may_have_a_deadline() {
    let mut lone = unordered(|config| config.recovery_deadline = Some(50 * MS));
    lone.hear_all([1, 3]);
    lone.run_to(50 * MS - crate::lone::NS);
    assert_eq!(lone.take(), [message(1), message(3)]);
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [lost(2, 2, LossCause::Deadline)]);
}

/// A message in parts comes when its last missing part does, whichever that is; its number is that of its end, and its
/// path that of the part that made it whole.
// RMC-MODE-3, RMC-FRAG-3
#[test]
fn rmc_mode_3_messages_in_parts_come_whole() {
    let parts = [(Flags::FIRST, 3, "ab"), (MIDDLE, 4, "cd"), (Flags::LAST, 5, "e")];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let mut lone = unordered(|_| {});
        for (step, index) in order.into_iter().enumerate() {
            assert_eq!(lone.take(), [], "{order:?}");
            let (flags, seq, payload) = parts[index];
            let path = if step == 2 { Path::Unicast } else { Path::Multicast };
            lone.feed(peer(0), path, &part(flags, seq, payload.as_bytes()));
        }
        let Some(Received::Message { seq: 5, index: 0, path: Path::Unicast, payload: b"abcde", .. }) = lone.node.recv()
        else {
            panic!("{order:?}");
        };
        assert_eq!(lone.take(), []);
        holds_nothing(&lone);
        lone.hear_all([1, 2, 4, 6]);
        assert_eq!(lone.take(), [message(1), message(2), message(6)]);
        assert_eq!((lone.stream().delivered, lone.node.stats().rx.lost), (6, 0));
    }
}

/// The beginning came in order, the rest ahead of a gap: it is whole when the gap is filled.
// RMC-MODE-3, RMC-FRAG-3
#[test]
fn rmc_mode_3_a_message_that_has_begun_in_order_goes_on_in_order() {
    let mut lone = unordered(|_| {});
    hear_parts(&mut lone, &[(Flags::FIRST, 1, b"a"), (Flags::LAST, 3, b"c"), (WHOLE, 4, b"next")]);
    assert_eq!(lone.take(), [of_bytes(4, b"next")]);
    hear_parts(&mut lone, &[(MIDDLE, 2, b"b")]);
    assert_eq!((lone.take(), lone.stream().delivered), (vec![of_bytes(3, b"abc")], 4));
    holds_nothing(&lone);
}

/// A number of a message is lost: the message is, and those around it are not.
// RMC-MODE-3, RMC-FRAG-4
#[test]
fn rmc_mode_3_a_message_that_lost_a_part_is_reported_whole() {
    let mut lone = unordered(|_| {});
    hear_parts(&mut lone, &[(WHOLE, 1, b"1"), (Flags::FIRST, 2, b"a"), (Flags::LAST, 4, b"c"), (WHOLE, 5, b"5")]);
    assert_eq!(lone.take(), [of_bytes(1, b"1"), of_bytes(5, b"5")]);
    hear_of(&mut lone, true, |stamp| packets::lost(3, 3, stamp));
    assert_eq!(lone.take(), [lost(2, 4, LossCause::Lost)]);
    assert_eq!(lone.stream().delivered, 5);
    holds_nothing(&lone);
}

// RMC-MODE-3, RMC-PACK-2
#[test]
fn rmc_mode_3_packed_messages_come_one_by_one_and_once() {
    // Longer together than a message may be, which they need not be.
    let mut lone = unordered(|config| config.max_message = 8);
    let packed = part(WHOLE | Flags::PACKED, 2, b"\0\x03one\0\0\0\x05three");
    let record = |index, payload: &[u8]| Item::Message { seq: 2, index, payload: payload.to_vec() };
    for _ in 0..2 {
        lone.hear(peer(0), &packed);
    }
    assert_eq!(lone.take(), [record(0, b"one"), record(1, b""), record(2, b"three")]);
    lone.hear(peer(0), &part(WHOLE, 1, b"1"));
    lone.hear(peer(0), &packed);
    assert_eq!((lone.take(), lone.stream().delivered), (vec![of_bytes(1, b"1")], 2));
    assert_eq!(lone.node.stats().rx.messages, 4);
    holds_nothing(&lone);
}

/// What is too large waits for its turn, and is reported then.
// RMC-MODE-3, RMC-FRAG-5
#[test]
fn rmc_mode_3_a_message_of_max_message_comes_and_a_larger_one_does_not() {
    for (len, items) in [(4, vec![of_bytes(3, b"aaaaaaaa")]), (5, vec![])] {
        let mut lone = unordered(|config| config.max_message = 8);
        hear_parts(&mut lone, &[(Flags::FIRST, 2, b"aaaa"), (Flags::LAST, 3, &b"aaaaa"[..len])]);
        assert_eq!(lone.take(), items);
        hear_parts(&mut lone, &[(WHOLE, 1, b"1")]);
        let rest = if len == 4 { vec![] } else { vec![lost(2, 3, LossCause::TooLarge)] };
        assert_eq!(lone.take(), [vec![of_bytes(1, b"1")], rest].concat());
        holds_nothing(&lone);
    }
}

/// Fragments that make no message are those of a faulty or hostile sender. In whatever order they come, nothing of them
/// is delivered that would not be in order.
// RMC-MODE-3, RMC-FRAG-6, RMC-SEC-1
#[test]
fn rmc_mode_3_parts_that_make_no_message_are_reported() {
    let cases: [(&[Part], Vec<Item>); 4] = [
        // A whole message within another one.
        (
            &[(Flags::FIRST, 2, b"a"), (WHOLE, 3, b"b"), (Flags::LAST, 4, b"c")],
            vec![malformed(2, 2), of_bytes(3, b"b"), malformed(4, 4)],
        ),
        (
            &[(Flags::FIRST, 2, b"a"), (Flags::FIRST, 3, b"b"), (Flags::LAST, 4, b"c")],
            vec![malformed(2, 2), of_bytes(4, b"bc")],
        ),
        (
            &[(Flags::FIRST, 2, b"a"), (Flags::LAST, 3, b"b"), (Flags::LAST, 4, b"c")],
            vec![of_bytes(3, b"ab"), malformed(4, 4)],
        ),
        (&[(MIDDLE, 2, b"a"), (MIDDLE, 3, b"b"), (Flags::LAST, 4, b"c")], vec![malformed(2, 4)]),
    ];
    for (parts, expected) in cases {
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let mut lone = unordered(|_| {});
            for index in order {
                hear_parts(&mut lone, &[parts[index]]);
            }
            hear_parts(&mut lone, &[(WHOLE, 1, b"1"), (WHOLE, 5, b"5")]);
            let mut items = lone.take();
            // Messages come before their turn, losses in it.
            let seq = |item: &Item| match item {
                Item::Message { seq, .. } => *seq,
                Item::Lost(ranges, _) => ranges[0].0,
                other => panic!("{other:?}"),
            };
            items.sort_by_key(seq);
            let all = [vec![of_bytes(1, b"1")], expected.clone(), vec![of_bytes(5, b"5")]].concat();
            assert_eq!(items, all, "{order:?}");
            assert_eq!(lone.stream().delivered, 5);
            holds_nothing(&lone);
        }
    }
}

/// What was delivered and not taken counts in the window.
// RMC-MODE-3, RMC-WIN-1
#[test]
fn rmc_mode_3_the_window_is_what_the_application_has_not_taken() {
    let mut lone = unordered(window_of_ten);
    lone.hear_all([2, 3, 4, 5, 6]);
    assert_eq!(lone.node.stats().dropped.window, 0);
    lone.hear_all([7]);
    assert_eq!(lone.node.stats().dropped.window, 1, "five are not taken: the window ends at 5");
    assert_eq!(lone.take().len(), 5);
    for seq in 7..=11 {
        lone.hear_all([seq]);
        assert_eq!(lone.take().len(), usize::from(seq <= 10), "1 is missing: the window ends at 10");
    }
    assert_eq!(lone.node.stats().dropped.window, 2);
    lone.hear_all([1, 11]);
    assert_eq!(lone.take(), [message(1), message(11)]);
}

/// Messages that were delivered before their turn hold no bytes, but their numbers count among the packets of all
/// windows: else many streams with a gap each could hold as much as they like.
// RMC-MODE-3, RMC-WIN-1, RMC-SEC-1
#[test]
fn rmc_mode_3_what_was_delivered_before_its_turn_counts_in_the_total() {
    let mut lone = unordered(|config| {
        window_of_ten(config);
        config.receive_total_packets = 10;
    });
    for seq in 2..=6 {
        for index in 0..2 {
            lone.hear(peer(index), &data(seq));
            assert_eq!(lone.take(), [message(seq)]);
        }
    }
    assert_eq!(lone.node.stats().dropped.total, 0);
    lone.hear(peer(1), &data(7));
    assert_eq!((lone.take(), lone.node.stats().dropped.total), (vec![], 1), "ten are held back by a gap");
    // What comes in order passes, and makes room for all that stood behind it.
    lone.hear(peer(0), &data(1));
    lone.hear(peer(1), &data(7));
    assert_eq!(lone.take(), [message(1), message(7)]);
    assert_eq!(lone.node.stats().dropped.total, 1);
    holds_nothing(&lone);
}

/// The window is full of parts of messages that are not whole: the number that everything waits for is taken all the
/// same, and what has to go for it is asked for again.
// RMC-MODE-3, RMC-WIN-4
#[test]
fn rmc_mode_3_a_window_full_of_parts_makes_room_for_the_next_number() {
    let mut lone = unordered(window_of_1000_bytes);
    let bytes = [7; 250];
    for (flags, seq) in [(Flags::FIRST, 2), (Flags::FIRST, 4), (Flags::FIRST, 6), (Flags::FIRST, 8)] {
        hear_parts(&mut lone, &[(flags, seq, &bytes)]);
    }
    assert_eq!((lone.stream().held_bytes, lone.stream().gaps), (1_000, 4));
    lone.sent.clear();
    hear_parts(&mut lone, &[(WHOLE, 1, &bytes[..249])]);
    assert_eq!((lone.take(), lone.stream().held_bytes), (vec![of_bytes(1, &bytes[..249])], 750));
    lone.run_for(MS);
    assert_eq!(lone.asked(), [8], "the highest one went");
    for (flags, seq) in [(Flags::LAST, 3), (Flags::LAST, 5), (Flags::LAST, 7), (Flags::FIRST, 8), (Flags::LAST, 9)] {
        hear_parts(&mut lone, &[(flags, seq, &bytes)]);
        lone.take();
    }
    assert_eq!((lone.stream().delivered, lone.node.stats().rx.messages), (9, 5));
    holds_nothing(&lone);
}

/// What has to go may stand below messages that were delivered already.
// RMC-MODE-3, RMC-WIN-4
#[test]
fn rmc_mode_3_what_makes_room_becomes_a_gap_where_it_stood() {
    let mut lone = unordered(window_of_1000_bytes);
    let bytes = [7; 500];
    hear_parts(&mut lone, &[(Flags::FIRST, 2, &bytes), (Flags::LAST, 5, &bytes), (WHOLE, 6, b"")]);
    assert_eq!(lone.take(), [of_bytes(6, b"")]);
    hear_parts(&mut lone, &[(WHOLE, 1, &bytes)]);
    lone.take();
    assert_eq!((lone.stream().cached_packets, lone.stream().gaps), (0, 2), "2 is assembled; 3 to 4, and 5");
    lone.sent.clear();
    lone.run_for(100 * MS);
    assert!(lone.asked().contains(&5));
    hear_parts(&mut lone, &[(Flags::LAST, 3, b""), (Flags::FIRST, 4, b""), (Flags::LAST, 5, &bytes)]);
    assert_eq!(lone.take(), [of_bytes(3, &bytes), of_bytes(5, &bytes)]);
    assert_eq!(lone.stream().delivered, 6);
    holds_nothing(&lone);
}

/// At the end of a stream everything is accounted for, once.
// RMC-MODE-3, RMC-PEER-6, RMC-PEER-9
#[test]
fn rmc_mode_3_at_its_end_a_stream_reports_what_never_came() {
    for removed in [true, false] {
        let mut lone = unordered(|_| {});
        hear_parts(&mut lone, &[(WHOLE, 2, b"2"), (Flags::FIRST, 4, b"a"), (WHOLE, 6, b"6")]);
        assert_eq!(lone.take(), [of_bytes(2, b"2"), of_bytes(6, b"6")]);
        let cause = if removed {
            lone.node.remove_peer(lone.instant(), peer(0));
            LossCause::Removed
        } else {
            lone.run_for(31 * SECOND);
            LossCause::Expired
        };
        let items = lone.take();
        assert_eq!(items[..2], [lost(1, 1, cause), lost(3, 5, cause)]);
        assert!(matches!(items[2..], [Item::Ended(_)]), "{items:?}");
        holds_nothing(&lone);
    }
}

// RMC-MODE-3, RMC-RESET-1
#[test]
fn rmc_mode_3_a_reset_reports_what_is_missing_below_it() {
    let mut lone = unordered(|_| {});
    lone.hear_all([2, 5]);
    lone.hear(peer(0), &reset(3, 0));
    assert_eq!(lone.take(), [message(2), message(5), lost(1, 1, LossCause::Reset), lost(3, 3, LossCause::Reset)]);
    lone.hear_all([4]);
    assert_eq!((lone.take(), lone.stream().delivered), (vec![message(4)], 5));
}

fn latest(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.delivery = Delivery::Latest;
        change(config);
    })
}

// RMC-MODE-4
#[test]
fn rmc_mode_4_only_what_is_newer_than_all_before_comes() {
    let mut lone = latest(|_| {});
    for (seq, items) in [(2, vec![message(2)]), (1, vec![]), (5, vec![message(5)]), (4, vec![]), (6, vec![message(6)])]
    {
        lone.hear_all([seq]);
        assert_eq!(lone.take(), items, "{seq}");
    }
    lone.run_for(SECOND);
    assert_eq!((lone.asked(), told_lost(&mut lone)), (vec![], vec![]), "nobody waits for what is left behind");
    assert_eq!((lone.stream().delivered, lone.stream().gaps, lone.node.stats().rx.duplicates), (6, 0, 2));
    holds_nothing(&lone);
}

/// The newest one, of which a heartbeat tells, is asked for.
// RMC-MODE-4, RMC-GAP-10
#[test]
fn rmc_mode_4_what_is_newer_and_missing_is_asked_for() {
    let mut lone = latest(|_| {});
    lone.hear_all([3]);
    lone.hear(peer(0), &heartbeat(5));
    assert_eq!((lone.take(), lone.asked()), (vec![message(3)], vec![4, 5]));
    lone.hear_unicast(peer(0), &repair(5));
    lone.run_for(SECOND);
    assert_eq!((lone.take(), lone.asked()), (vec![message(5)], vec![]));
    // What its sender cannot repair is reported.
    lone.hear(peer(0), &heartbeat(7));
    hear_of(&mut lone, true, |stamp| packets::lost(1, 6, stamp));
    assert_eq!(lone.take(), [lost(6, 6, LossCause::Lost)]);
}

/// A stream has begun with what was delivered, in one part or two: what is lost behind it is reported.
// RMC-MODE-4, RMC-JOIN-3
#[test]
fn rmc_mode_4_what_is_lost_behind_the_first_message_is_reported() {
    for parts in [&[(WHOLE, 6, &b"de"[..])][..], &[(Flags::FIRST, 5, b"d"), (Flags::LAST, 6, b"e")]] {
        let mut lone = latest(|config| config.join_policy = JoinPolicy::Oldest);
        hear_parts(&mut lone, parts);
        hear_parts(&mut lone, &[(Flags::FIRST, 9, b"f")]);
        assert_eq!(lone.take(), [of_bytes(6, b"de")]);
        hear_of(&mut lone, true, |stamp| packets::lost(1, 7, stamp));
        assert_eq!(lone.take(), [lost(7, 7, LossCause::Lost)]);
    }
}

/// A message in parts is newer than all before when it is whole. Then what is left of those before is dropped.
// RMC-MODE-4, RMC-FRAG-3
#[test]
fn rmc_mode_4_messages_in_parts_come_whole_if_nothing_newer_came() {
    let mut lone = latest(|_| {});
    hear_parts(&mut lone, &[(Flags::FIRST, 1, b"a"), (Flags::FIRST, 4, b"d"), (Flags::LAST, 5, b"e")]);
    assert_eq!((lone.take(), lone.stream().delivered), (vec![of_bytes(5, b"de")], 5));
    holds_nothing(&lone);
    hear_parts(&mut lone, &[(MIDDLE, 2, b"b"), (Flags::LAST, 3, b"c")]);
    assert_eq!(lone.take(), []);
    // Two are under way, and the later one is overtaken by a newer one.
    hear_parts(
        &mut lone,
        &[(Flags::FIRST, 6, b"a"), (Flags::FIRST, 8, b"c"), (WHOLE, 10, b"f"), (Flags::LAST, 9, b"d")],
    );
    assert_eq!((lone.take(), lone.stream().delivered), (vec![of_bytes(10, b"f")], 10));
    holds_nothing(&lone);
    hear_parts(&mut lone, &[(Flags::FIRST, 11, b"g"), (Flags::LAST, 12, b"h")]);
    assert_eq!((lone.take(), told_lost(&mut lone)), (vec![of_bytes(12, b"gh")], vec![]));
}

// RMC-MODE-4, RMC-PACK-2
#[test]
fn rmc_mode_4_packed_messages_are_as_new_as_their_packet() {
    let mut lone = latest(|_| {});
    lone.hear(peer(0), &part(WHOLE | Flags::PACKED, 3, b"\0\x01a\0\x01b"));
    lone.hear(peer(0), &part(WHOLE | Flags::PACKED, 2, b"\0\x01c"));
    let record = |index, payload: &[u8]| Item::Message { seq: 3, index, payload: payload.to_vec() };
    assert_eq!(lone.take(), [record(0, b"a"), record(1, b"b")]);
}

/// The end of the window is not passed: a number beyond is a hint in this mode too.
// RMC-MODE-4, RMC-WIN-3, RMC-SEC-2
#[test]
fn rmc_mode_4_what_lies_past_the_window_moves_nothing() {
    for (seq, items) in [(11, vec![message(11)]), (12, vec![])] {
        let mut lone = latest(window_of_ten);
        lone.hear_all([1]);
        assert_eq!(lone.take(), [message(1)]);
        lone.hear_all([seq]);
        assert_eq!(lone.take(), items);
    }
}

/// Parts of what is older do not keep out what is newer.
// RMC-MODE-4, RMC-WIN-4
#[test]
fn rmc_mode_4_a_window_full_of_parts_makes_room_for_what_is_newer() {
    let mut lone = latest(window_of_1000_bytes);
    let bytes = [7; 500];
    hear_parts(&mut lone, &[(Flags::FIRST, 1, &bytes), (MIDDLE, 3, &bytes)]);
    assert_eq!(lone.stream().held_bytes, 1_000);
    lone.hear(peer(0), &sized(6, 500));
    assert_eq!((lone.take(), lone.stream().delivered), (vec![of_bytes(6, &[0; 500])], 6));
    holds_nothing(&lone);
    // What the application has not taken does.
    lone.hear(peer(0), &sized(7, 500));
    hear_parts(&mut lone, &[(Flags::FIRST, 9, &bytes)]);
    lone.hear(peer(0), &sized(11, 500));
    assert_eq!((lone.node.stats().dropped.window, lone.stream().delivered), (0, 11));
    lone.hear(peer(0), &sized(13, 1));
    assert_eq!((lone.node.stats().dropped.window, lone.stream().delivered), (1, 11));
    assert_eq!(lone.take(), [of_bytes(7, &[0; 500]), of_bytes(11, &[0; 500])]);
}

/// A number that comes again as something else changes nothing.
// RMC-MODE-4, RMC-DATA-3, RMC-SEC-1
#[test]
fn rmc_mode_4_a_number_that_came_is_a_duplicate_whatever_it_is_now() {
    let mut lone = latest(|_| {});
    hear_parts(&mut lone, &[(Flags::FIRST, 3, b"a"), (WHOLE, 3, b"b")]);
    assert_eq!((lone.take(), lone.node.stats().rx.duplicates, lone.stream().cached_packets), (vec![], 1, 1));
    hear_parts(&mut lone, &[(Flags::LAST, 4, b"c")]);
    assert_eq!((lone.take(), lone.stream().delivered), (vec![of_bytes(4, b"ac")], 4));
    holds_nothing(&lone);
}
