//! Threshold pairs of receiving: each bound of windows, peers and what waits to be taken holds exactly as much as it
//! says, and a heartbeat is late when its tolerance is over.

use std::time::Duration;

use rmc_core::packet::Flags;
use rmc_core::{JoinPolicy, LossCause};

use crate::given::{announcement, sized, window_of_1000_bytes, window_of_ten};
use crate::lone::{EPOCH, Item, Lone, MS, NS, SECOND, lost, message, peer};
use crate::observed::misses;
use crate::packets::{self, data, data_with, heartbeat, heartbeat_with, part, repair, reset};

/// A message that never comes is waited for, so that nothing leaves the windows.
fn cached(lone: &mut Lone, from: u16, count: u64) {
    for seq in 2..2 + count {
        lone.hear(peer(from), &data(seq));
    }
}

/// (packets held, packets refused) after nine of one peer and so many of another.
fn packets_of_two(count: u64) -> (usize, u64) {
    let mut lone = Lone::new(|config| {
        window_of_ten(config);
        config.receive_total_packets = 15;
    });
    cached(&mut lone, 0, 9);
    cached(&mut lone, 1, count);
    let stats = lone.node.stats();
    assert_eq!(stats.dropped.window, 0);
    (stats.held.receive_packets, stats.dropped.total)
}

// RMC-WIN-1
#[test]
fn receive_total_packets_holds_as_many() {
    assert_eq!(packets_of_two(6), (15, 0));
}

// RMC-WIN-1, RMC-WIN-2
#[test]
fn receive_total_packets_holds_not_one_more() {
    assert_eq!(packets_of_two(7), (15, 1));
}

/// (bytes held, packets refused) after 1,000 bytes of one peer and 400 and so many of another.
fn bytes_of_two(len: usize) -> (usize, u64) {
    let mut lone = Lone::new(|config| {
        window_of_1000_bytes(config);
        config.receive_total_bytes = 1_500;
    });
    for (from, seq, len) in [(0, 2, 500), (0, 3, 500), (1, 2, 400), (1, 3, len)] {
        lone.hear(peer(from), &sized(seq, len));
    }
    let stats = lone.node.stats();
    assert_eq!(stats.dropped.window, 0);
    (stats.held.receive_bytes, stats.dropped.total)
}

// RMC-WIN-1
#[test]
fn receive_total_bytes_holds_as_many() {
    assert_eq!(bytes_of_two(100), (1_500, 0));
}

// RMC-WIN-1, RMC-WIN-2
#[test]
fn receive_total_bytes_holds_not_one_more() {
    assert_eq!(bytes_of_two(101), (1_400, 1));
}

/// (bytes held, packets refused) after messages in parts have filled all windows together, and a datagram of so many
/// bytes of another peer that holds messages of its own.
fn past_the_total(len: u16) -> (usize, u64) {
    let mut lone = Lone::new(|config| {
        config.max_message = 1_000;
        config.backlog_bytes = 2_000;
        config.receive_window_bytes = 2_000;
        config.receive_total_bytes = 2_000;
    });
    for from in 0..4 {
        lone.hear(peer(from), &part(Flags::FIRST, 1, &[0; 500]));
    }
    let mut records = (len - 2).to_be_bytes().to_vec();
    records.resize(usize::from(len), 0);
    lone.hear(peer(9), &part(Flags::FIRST | Flags::LAST | Flags::PACKED, 1, &records));
    let stats = lone.node.stats();
    (stats.held.receive_bytes, stats.dropped.total)
}

// RMC-WIN-7
#[test]
fn receive_total_bytes_are_exceeded_by_one_message() {
    assert_eq!(past_the_total(1_000), (3_000, 0));
}

// RMC-WIN-7
#[test]
fn receive_total_bytes_are_exceeded_by_not_one_byte_more() {
    assert_eq!(past_the_total(1_001), (2_000, 1));
}

/// The length of a message of 100 bytes and so many more that is delivered, where 150 are allowed; `None`: it is lost.
fn reassembled(last: usize) -> Option<usize> {
    let mut lone = Lone::new(|config| config.max_message = 150);
    lone.hear(peer(0), &part(Flags::FIRST, 1, &[0; 100]));
    lone.hear(peer(0), &part(Flags::LAST, 2, &vec![0; last]));
    match lone.take_one() {
        Some(Item::Message { payload, .. }) => Some(payload.len()),
        Some(Item::Lost(..)) => None,
        other => panic!("{other:?}"),
    }
}

// RMC-FRAG-5
#[test]
fn max_message_in_parts_of_as_many_bytes_is_delivered() {
    assert_eq!(reassembled(50), Some(150));
}

// RMC-FRAG-5
#[test]
fn max_message_in_parts_of_one_byte_more_is_lost() {
    assert_eq!(reassembled(51), None);
}

/// What is asked for once the application has taken so many of a full window, more of which is known to exist and one
/// of which is missing.
fn asked_with_free(window: usize, free: u64) -> Vec<u64> {
    let mut lone = Lone::new(|config| {
        config.backlog_packets = window;
        config.receive_window_packets = window;
    });
    lone.hear(peer(0), &heartbeat(1_000));
    for seq in 1..=free {
        lone.hear_unicast(peer(0), &repair(seq));
    }
    lone.sent.clear();
    lone.take();
    lone.asked()
}

// RMC-WIN-5
#[test]
fn the_window_does_not_move_on_by_one_packet_less_than_an_eighth() {
    assert_eq!((asked_with_free(80, 9), asked_with_free(81, 10)), (vec![], vec![]));
}

// RMC-WIN-5
#[test]
fn the_window_moves_on_by_an_eighth() {
    assert_eq!(asked_with_free(80, 10), (81..=90).collect::<Vec<_>>());
    assert_eq!(asked_with_free(81, 11), (82..=92).collect::<Vec<_>>());
}

/// What is asked for while so many of 1,000 bytes wait to be taken.
fn asked_with_unread(bytes: usize) -> Vec<u64> {
    let mut lone = Lone::new(window_of_1000_bytes);
    lone.hear(peer(0), &sized(1, 500));
    lone.hear(peer(0), &sized(2, bytes - 500));
    lone.hear(peer(0), &heartbeat(3));
    lone.asked()
}

// RMC-WIN-5
#[test]
fn nothing_is_asked_for_where_one_byte_less_than_an_eighth_is_free() {
    assert_eq!(asked_with_unread(876), []);
}

// RMC-WIN-5
#[test]
fn what_is_known_is_asked_for_where_an_eighth_of_the_bytes_is_free() {
    assert_eq!(asked_with_unread(875), [3]);
}

/// Numbers that are lost one by one for causes that differ, so that each is an item of its own: (items, packets
/// dropped).
fn losses(count: u64) -> (usize, u64) {
    let mut lone = Lone::new(window_of_ten);
    for seq in 1..=count {
        let bytes = if seq % 2 == 0 { reset(seq, 0) } else { packets::lost(seq, seq, 0) };
        lone.hear(peer(0), &bytes);
    }
    (lone.take().len(), lone.node.stats().dropped.unread)
}

// RMC-SEC-1
#[test]
fn a_window_of_losses_waits_to_be_taken() {
    assert_eq!(losses(10), (10, 0));
}

// RMC-SEC-1
#[test]
fn a_window_of_losses_and_not_one_more_waits_to_be_taken() {
    assert_eq!(losses(11), (10, 1));
}

// RMC-SEC-1
#[test]
fn losses_that_were_taken_count_no_more() {
    let mut lone = Lone::new(window_of_ten);
    for seq in 1..=30 {
        lone.hear(peer(0), &packets::lost(seq, seq, 0));
        assert_eq!(lone.take(), [lost(seq, seq, LossCause::Lost)]);
    }
    assert_eq!(lone.node.stats().dropped.unread, 0);
}

/// So long a known epoch is waited for after Data.
const PROMISED: Duration = Duration::from_millis(20);

/// The epoch that is followed after so many unread messages of the one before.
fn followed_after(messages: u64) -> Option<u32> {
    let mut lone = Lone::new(window_of_ten);
    lone.hear_all(1..=messages);
    lone.run_for(PROMISED);
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH + 1, 1));
    lone.node.peer(peer(0)).map(|peer| peer.epoch)
}

// RMC-EPOCH-3
#[test]
fn a_new_epoch_is_followed_while_less_than_a_window_is_unread() {
    assert_eq!(followed_after(9), Some(EPOCH + 1));
}

// RMC-EPOCH-3
#[test]
fn a_new_epoch_is_dropped_while_a_whole_window_is_unread() {
    assert_eq!(followed_after(10), Some(EPOCH));
}

/// (restarts told in band, packets dropped) of a node that knows one peer, which restarts so often.
fn restarts(count: u32) -> (usize, u64) {
    let mut lone = Lone::new(|config| config.max_peers = 1);
    for epoch in 0..=count {
        lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH + epoch, 1));
        lone.run_for(PROMISED);
    }
    let told = lone.take().iter().filter(|item| matches!(item, Item::Restarted(_))).count();
    (told, lone.node.stats().dropped.unread)
}

/// Four for each peer, and 1,024.
// RMC-SEC-1
#[test]
fn as_many_items_without_a_message_wait_as_the_peers_allow() {
    assert_eq!(restarts(1_028), (1_028, 0));
}

// RMC-SEC-1
#[test]
fn as_many_items_without_a_message_wait_and_not_one_more() {
    assert_eq!(restarts(1_029), (1_028, 1));
}

/// What the first of so many peers delivers when it returns, of a node that knows two at a time.
fn returns_after(expired: u16) -> Vec<Item> {
    let mut lone = Lone::new(|config| config.max_peers = 2);
    for index in 0..expired {
        lone.hear(peer(index), &data(1));
        lone.run_for(30 * SECOND);
    }
    lone.take();
    lone.hear(peer(0), &data(1));
    lone.take()
}

// RMC-PEER-7
#[test]
fn max_peers_four_times_as_many_are_remembered() {
    assert_eq!(returns_after(8), []);
}

// RMC-PEER-7
#[test]
fn max_peers_four_times_as_many_and_not_one_more_are_remembered() {
    assert_eq!(returns_after(9), [message(1)]);
}

/// Which epoch is followed after one that is so far ahead was heard too. The known one has no stream that could be
/// lost.
fn followed_of(ahead: u32) -> Option<u32> {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &announcement());
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH.wrapping_add(ahead), 1));
    lone.node.peer(peer(0)).map(|peer| peer.epoch)
}

// RMC-EPOCH-1
#[test]
fn epoch_half_the_circle_less_one_ahead_is_newer() {
    assert_eq!((followed_of(1), followed_of((1 << 31) - 1)), (Some(EPOCH + 1), Some(EPOCH + (1 << 31) - 1)));
}

// RMC-EPOCH-1
#[test]
fn epoch_half_the_circle_ahead_is_not_newer() {
    assert_eq!((followed_of(0), followed_of(1 << 31)), (Some(EPOCH), Some(EPOCH)));
}

/// What is delivered of a new sender, and what it is asked for, when these packets came.
fn joined(policy: JoinPolicy, packets: &[Vec<u8>]) -> (Vec<Item>, Vec<u64>) {
    let mut lone = Lone::new(|config| config.join_policy = policy);
    for bytes in packets {
        lone.hear(peer(0), bytes);
    }
    (lone.take(), lone.asked())
}

/// 8 to 10 can be repaired.
fn oldest_8() -> Vec<u8> {
    heartbeat_with(Flags::NONE, 10, 8, SECOND)
}

// RMC-JOIN-1, RMC-JOIN-3
#[test]
fn join_policy_what_is_at_the_start_is_delivered() {
    assert_eq!(joined(JoinPolicy::Now, &[data(10)]), (vec![message(10)], vec![]));
    assert_eq!(joined(JoinPolicy::Now, &[heartbeat(9), data(10)]), (vec![message(10)], vec![]));
    assert_eq!(joined(JoinPolicy::Oldest, &[oldest_8(), data(8)]), (vec![message(8)], vec![8, 9, 10]));
    assert_eq!(joined(JoinPolicy::FromStart, &[heartbeat(2), data(1)]), (vec![message(1)], vec![1, 2]));
}

// RMC-JOIN-1, RMC-JOIN-3
#[test]
fn join_policy_what_is_one_below_the_start_is_not_delivered() {
    assert_eq!(joined(JoinPolicy::Now, &[data(10), data(9)]), (vec![message(10)], vec![]));
    assert_eq!(joined(JoinPolicy::Now, &[heartbeat(9), data(9)]), (vec![], vec![]));
    assert_eq!(joined(JoinPolicy::Oldest, &[oldest_8(), data(7)]), (vec![], vec![8, 9, 10]));
}

/// Whether a heartbeat is told as missed at `end`, that was promised within 500 ms and may be 7 ms late.
fn missed_at(end: Duration) -> bool {
    let mut lone = Lone::new(|config| config.heartbeat_tolerance = Some(7 * MS));
    lone.hear(peer(0), &heartbeat(1));
    !misses(&mut lone, end).is_empty()
}

// RMC-LIVE-3
#[test]
fn heartbeat_tolerance_a_tick_before_its_end_nothing_is_missed() {
    assert!(!missed_at(507 * MS - NS));
}

// RMC-LIVE-3
#[test]
fn heartbeat_tolerance_at_its_end_a_heartbeat_is_missed() {
    assert!(missed_at(507 * MS));
}
