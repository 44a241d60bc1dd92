//! When the messages in parts of many peers fill all windows together, they still come to their end, one at a time.

use rmc_core::Config;
use rmc_core::packet::Flags;

use crate::lone::{Item, Lone, peer};
use crate::packets::part;

const PEERS: u16 = 4;
/// Fragments of a message, each of 100 bytes: `max_message` in all.
const PARTS: u64 = 10;

/// All windows together hold two messages.
fn two_messages_in_all(config: &mut Config) {
    config.max_message = 1_000;
    config.backlog_bytes = 2_000;
    config.receive_window_bytes = 2_000;
    config.receive_total_bytes = 2_000;
}

fn feed(lone: &mut Lone, from: u16, seq: u64, more: Flags) {
    let flags = match seq {
        1 => Flags::FIRST,
        PARTS => Flags::LAST,
        _ => Flags::NONE,
    };
    lone.hear(peer(from), &part(flags | more, seq, &[from.to_le_bytes()[0]; 100]));
}

/// Half a message of each of four peers: exactly as much as there is room for.
fn full() -> Lone {
    let mut lone = Lone::new(two_messages_in_all);
    for seq in 1..=PARTS / 2 {
        (0..PEERS).for_each(|from| feed(&mut lone, from, seq, Flags::NONE));
    }
    assert_eq!(lone.node.stats().held.receive_bytes, 2_000);
    assert_eq!(lone.node.stats().dropped.total, 0);
    lone
}

fn messages(lone: &mut Lone) -> Vec<u8> {
    let whole = |item| match item {
        Item::Message { payload, .. } if payload.len() == 1_000 => payload[0],
        other => panic!("{other:?}"),
    };
    lone.take().into_iter().map(whole).collect()
}

// RMC-WIN-7
#[test]
fn rmc_win_7_all_messages_come_whole_though_together_they_do_not_fit() {
    let mut lone = full();
    let mut came = Vec::new();
    // What was refused is sent again, in whatever order the repairs come.
    for round in 0..PEERS * 10 {
        for seq in 1..=PARTS {
            (0..PEERS).for_each(|from| feed(&mut lone, (from + round) % PEERS, seq, Flags::RESENT));
        }
        came.extend(messages(&mut lone));
    }
    came.sort_unstable();
    assert_eq!(came, [0, 1, 2, 3]);
    assert_eq!(lone.node.stats().held.receive_bytes, 0);
    assert_eq!(lone.node.stats().rx.lost, 0);
}

// RMC-WIN-7
#[test]
fn rmc_win_7_one_stream_at_a_time_and_by_one_message_at_most() {
    let mut lone = full();
    let mut most = 0;
    for seq in PARTS / 2 + 1..PARTS {
        feed(&mut lone, 0, seq, Flags::NONE);
        // The others are refused meanwhile.
        let refused = lone.node.stats().dropped.total;
        (1..PEERS).for_each(|from| feed(&mut lone, from, PARTS / 2 + 1, Flags::NONE));
        assert_eq!(lone.node.stats().dropped.total, refused + u64::from(PEERS) - 1);
        most = most.max(lone.node.stats().held.receive_bytes);
    }
    feed(&mut lone, 0, PARTS, Flags::NONE);
    assert_eq!(most, 2_400);
    // Whole, but not taken: it is the application's turn, and nobody exceeds the total.
    assert_eq!(lone.node.stats().held.receive_bytes, 2_500);
    feed(&mut lone, 1, PARTS / 2 + 1, Flags::RESENT);
    assert_eq!(lone.node.stats().held.receive_bytes, 2_500);
    assert_eq!(messages(&mut lone), [0]);
    feed(&mut lone, 1, PARTS / 2 + 1, Flags::RESENT);
    assert_eq!(lone.node.stats().held.receive_bytes, 1_600, "it fits now");
}

// RMC-WIN-7
#[test]
fn rmc_win_7_a_stream_that_ends_leaves_its_turn() {
    let mut lone = full();
    feed(&mut lone, 0, PARTS / 2 + 1, Flags::NONE);
    feed(&mut lone, 1, PARTS / 2 + 1, Flags::NONE);
    assert_eq!(lone.node.stats().held.receive_bytes, 2_100, "the turn is the first one's");
    assert!(lone.node.remove_peer(lone.instant(), peer(0)));
    lone.take();
    // Five more parts fit; with the sixth the turn is another's.
    for from in 1..PEERS {
        (6..=7).for_each(|seq| feed(&mut lone, from, seq, Flags::RESENT));
    }
    assert_eq!(lone.node.stats().held.receive_bytes, 2_100);
    feed(&mut lone, 2, 8, Flags::RESENT);
    assert_eq!(lone.node.stats().held.receive_bytes, 2_100, "not this one's");
    feed(&mut lone, 3, 8, Flags::RESENT);
    assert_eq!(lone.node.stats().held.receive_bytes, 2_200);
}
