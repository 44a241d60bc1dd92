//! The seed's rules S15 to S17: LOST, RESET, ACK.

use rmc_core::packet::Flags;
use rmc_core::{Event, LossCause, Stream};

use crate::given::{hear_of, last_stamp, sender, sent_to, told_lost, told_packets, window_of_ten};
use crate::lone::{Lone, MS, OWN, SECOND, Sent, group, lost, message, peer};
use crate::packets::{self, ack, data, heartbeat, nack, payload, repair, reset};

/// Delivered up to 1, cached 3, 6 and 9; missing 2, 4, 5, 7, 8.
fn with_gaps() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3, 6, 9]);
    assert_eq!(lone.take(), [message(1)]);
    lone.events.clear();
    lone
}

// RMC-LOST-1
#[test]
fn seed_s15_what_was_not_received_is_gone_and_what_was_is_delivered_at_once() {
    for asked in [true, false] {
        let mut lone = with_gaps();
        hear_of(&mut lone, asked, |stamp| packets::lost(1, 5, stamp));
        assert_eq!(
            lone.take(),
            [lost(2, 2, LossCause::Lost), message(3), lost(4, 5, LossCause::Lost), message(6)],
            "6 follows without a gap; the seed would keep it until the next packet in order"
        );
        assert_eq!(told_lost(&mut lone), [(2, 2), (4, 5)]);
    }
}

// RMC-LOST-1
#[test]
fn seed_s15_the_order_of_the_events_is_that_of_the_stream() {
    let mut lone = with_gaps();
    hear_of(&mut lone, true, |stamp| packets::lost(1, 5, stamp));
    let told = lone.told(|event| match event {
        Event::GotLost { range, cause, stream, peer } => {
            assert_eq!((cause, stream, peer), (LossCause::Lost, Stream::Group, crate::lone::peer(0)));
            Some((range.first(), range.last()))
        }
        Event::NewPacket { seq, .. } => Some((seq, seq)),
        _ => None,
    });
    assert_eq!(told, [(2, 2), (3, 3), (4, 5), (6, 6)]);
}

// RMC-LOST-2
#[test]
fn seed_s15_below_first_nothing_changes() {
    let mut lone = with_gaps();
    hear_of(&mut lone, true, |stamp| packets::lost(4, 8, stamp));
    assert_eq!((lone.take(), lone.stream().delivered, lone.stream().gaps), (vec![], 1, 3));
    lone.sent.clear();
    lone.run_for(100 * MS);
    let asked = lone.asked();
    assert!(!asked.is_empty() && asked.iter().all(|&seq| seq == 2), "{asked:?}");
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!(
        lone.take(),
        [message(2), message(3), lost(4, 5, LossCause::Lost), message(6), lost(7, 8, LossCause::Lost), message(9)]
    );
}

/// The limits in pairs: 4 is not gone, 5 is; 7 is, 8 is not.
// RMC-LOST-1, RMC-LOST-2
#[test]
fn seed_s15_first_and_last_are_exact() {
    for asked in [true, false] {
        let mut lone = with_gaps();
        hear_of(&mut lone, asked, |stamp| packets::lost(5, 7, stamp));
        lone.sent.clear();
        lone.now += SECOND;
        lone.tick();
        assert_eq!(lone.asked(), [2, 4, 8]);
    }
}

// RMC-LOST-1, RMC-LOST-3
#[test]
fn seed_s15_what_is_missing_above_goes_on_being_asked_for() {
    let mut lone = with_gaps();
    hear_of(&mut lone, true, |stamp| packets::lost(1, 5, stamp));
    lone.sent.clear();
    lone.run_for(50 * MS);
    let asked = lone.asked();
    assert!(!asked.is_empty() && asked.iter().all(|&seq| seq == 7 || seq == 8), "{asked:?}");
}

// RMC-SEQ-2, RMC-LOST-1
#[test]
fn seed_s15_lost_never_moves_a_stream_backwards() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([2, 1]);
    lone.hear_all(3..=9);
    lone.take();
    lone.events.clear();
    for (first, last) in [(1, 1), (1, 9), (3, 5), (9, 9)] {
        for asked in [true, false] {
            hear_of(&mut lone, asked, |stamp| packets::lost(first, last, stamp));
            assert_eq!((lone.stream().delivered, lone.stream().known), (9, 9));
        }
    }
    assert_eq!((lone.take(), told_lost(&mut lone), told_packets(&mut lone)), (vec![], vec![], vec![]));
    lone.hear_all([10]);
    assert_eq!(lone.take(), [message(10)]);
}

/// An announced hole ahead of what was received: it is gone before anybody asks.
// RMC-LOST-1, RMC-LOST-3
#[test]
fn seed_s15_lost_ahead_of_the_stream_is_remembered() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &packets::lost(3, 6, 0));
    assert_eq!(lone.asked(), [2], "2 must exist if 3 to 6 did");
    lone.hear_all([2, 7]);
    assert_eq!(lone.take(), [message(1), message(2), lost(3, 6, LossCause::Lost), message(7)]);
    assert_eq!(lone.asked(), []);
}

// RMC-LOST-5
#[test]
fn seed_s15_an_unasked_lost_up_to_the_window_s_limit_counts() {
    let mut lone = Lone::new(window_of_ten);
    lone.hear(peer(0), &packets::lost(1, 10, 0));
    assert_eq!(lone.take(), [lost(1, 10, LossCause::Lost)]);
}

// RMC-LOST-5
#[test]
fn seed_s15_an_unasked_lost_one_past_the_window_s_limit_is_a_hint() {
    let mut lone = Lone::new(window_of_ten);
    lone.hear(peer(0), &packets::lost(1, 11, 0));
    assert_eq!((lone.take(), lone.stream().delivered, lone.stream().known), (vec![], 0, 11));
    // What the next NACK brings counts.
    let stamp = last_stamp(&lone);
    lone.hear_unicast(peer(0), &packets::lost(1, 11, stamp));
    assert_eq!(lone.take(), [lost(1, 11, LossCause::Lost)]);
}

// RMC-RESET-1
#[test]
fn seed_s16_reset_delivers_what_is_cached_reports_what_is_missing_and_goes_on_behind() {
    let mut lone = with_gaps();
    lone.hear(peer(0), &reset(7, 0));
    assert_eq!(
        lone.take(),
        [
            lost(2, 2, LossCause::Reset),
            message(3),
            lost(4, 5, LossCause::Reset),
            message(6),
            lost(7, 7, LossCause::Reset)
        ]
    );
    assert_eq!((lone.stream().delivered, lone.stream().cached_packets), (7, 1), "9 stays");
    let told = lone.told(|event| if let Event::GotReset { peer, seq, .. } = event { Some((peer, seq)) } else { None });
    assert_eq!(told, [(peer(0), 7)]);
    lone.hear_all([8]);
    assert_eq!(lone.take(), [message(8), message(9)]);
}

/// What is cached right behind it follows at once.
// RMC-RESET-1
#[test]
fn seed_s16_what_is_cached_above_stays() {
    let mut lone = with_gaps();
    lone.hear(peer(0), &reset(8, 0));
    let items = lone.take();
    assert_eq!(items.last(), Some(&message(9)));
    assert_eq!((lone.stream().delivered, lone.stream().gaps), (9, 0));
}

// RMC-RESET-1, RMC-SEQ-2
#[test]
fn seed_s16_a_reset_at_the_position_changes_nothing_but_is_told() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all(1..=5);
    lone.take();
    lone.events.clear();
    lone.hear(peer(0), &reset(5, 0));
    let resets = lone.told(|event| matches!(event, Event::GotReset { .. }).then_some(())).len();
    assert_eq!((lone.take(), lone.stream().delivered, resets), (vec![], 5, 1));
}

// RMC-RESET-1, RMC-SEQ-2
#[test]
fn seed_s16_a_reset_below_the_position_is_ignored() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all(1..=5);
    lone.take();
    lone.events.clear();
    lone.hear(peer(0), &reset(4, 0));
    let resets = lone.told(|event| matches!(event, Event::GotReset { .. }).then_some(())).len();
    assert_eq!((lone.take(), lone.stream().delivered, resets), (vec![], 5, 0));
    lone.hear_all([6]);
    assert_eq!(lone.take(), [message(6)]);
}

// RMC-RESET-1
#[test]
fn seed_s16_a_reset_ahead_of_everything_reports_all_between() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &reset(20, 0));
    assert_eq!(lone.take(), [message(1), lost(2, 20, LossCause::Reset)]);
    lone.run_for(SECOND);
    assert_eq!(lone.asked(), []);
    lone.hear_all([22]);
    assert_eq!(lone.asked(), [21]);
}

// RMC-LOST-4, RMC-LOST-5
#[test]
fn seed_s16_a_far_reset_counts_if_it_was_asked_for() {
    let mut lone = Lone::new(window_of_ten);
    lone.hear_all([2]);
    let stamp = last_stamp(&lone);
    lone.hear_unicast(peer(0), &reset(1_000, 0));
    assert_eq!((lone.take(), lone.stream().known), (vec![], 1_000));
    lone.hear_unicast(peer(0), &reset(1_000, stamp));
    assert_eq!(lone.take(), [lost(1, 1, LossCause::Reset), message(2), lost(3, 1_000, LossCause::Reset)]);
}

// RMC-RESET-2
#[test]
fn seed_s16_the_sender_s_reset_takes_effect_behind_what_is_queued() {
    let mut lone = sender(2, |_| {});
    for seq in 3..=4 {
        lone.node.send(lone.instant(), &payload(seq)).expect("there is room");
    }
    lone.node.reset(lone.instant()).expect("it may");
    lone.node.send(lone.instant(), &payload(5)).expect("there is room");
    lone.settle();
    let all: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.what, sent.stamp)).collect();
    let expected = [Sent::Data(3), Sent::Data(4), Sent::Reset(4), Sent::Data(5)].map(|what| (group(), what, 0));
    assert_eq!(all, expected);
    // Only what followed is left in the backlog.
    lone.hear_unicast(peer(1), &nack(7, &[(1, 5)]));
    assert_eq!(sent_to(&mut lone), [(peer(1), Sent::Lost(1, 4)), (peer(1), Sent::Repair(5))]);
}

// RMC-RESET-2
#[test]
fn seed_s16_with_nothing_queued_it_leaves_at_once_and_drops_the_backlog() {
    let mut lone = sender(3, |_| {});
    lone.node.reset(lone.instant()).expect("it may");
    lone.drain();
    assert_eq!(sent_to(&mut lone), [(group(), Sent::Reset(3))]);
    assert_eq!((lone.node.stats().held.backlog_packets, lone.node.next_seq()), (0, 4));
    let told = lone.told(|event| if let Event::SentReset { seq, .. } = event { Some(seq) } else { None });
    assert_eq!(told, [3]);
    lone.run_for(10 * MS);
    let beat = lone.sent().into_iter().find_map(|sent| match sent {
        Sent::Heartbeat { seq, oldest, .. } => Some((seq, oldest)),
        _ => None,
    });
    assert_eq!(beat, Some((3, 4)), "it can repair none");
}

/// Decoded, told and counted: and nothing else without flow control.
// RMC-ACK-3, RMC-FLOW-3
#[test]
fn seed_s17_an_ack_of_the_group_s_stream_changes_nothing() {
    let mut lone = sender(5, |_| {});
    let quiet = sender(5, |_| {});
    lone.hear_unicast(peer(1), &ack(Flags::NONE, OWN, 5));
    let stats = lone.node.stats();
    assert_eq!((stats.rx.acks, stats.dropped.ack_beyond), (1, 0));
    assert_eq!(stats.held.backlog_packets, quiet.node.stats().held.backlog_packets);
    assert_eq!(lone.sent(), []);
    let told = lone.told(|event| match event {
        Event::GotAck { peer, stream, seq } => Some((peer, stream, seq)),
        _ => None,
    });
    assert_eq!(told, [(peer(1), Stream::Group, 5)]);
    // Everything is repaired as before, and heartbeats go on as before.
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    assert_eq!(lone.sent(), [Sent::Repair(1), Sent::Repair(2)]);
    lone.run_for(500 * MS);
    assert!(lone.sent().iter().any(|sent| matches!(sent, Sent::Heartbeat { .. })));
}

// RMC-ACK-3, RMC-PEER-5
#[test]
fn seed_s17_an_ack_proves_that_its_sender_lives() {
    let mut lone = sender(1, |config| config.peer_timeout = SECOND);
    for _ in 0..5 {
        lone.hear_unicast(peer(1), &ack(Flags::NONE, OWN, 1));
        lone.run_for(900 * MS);
        assert!(lone.node.peer(peer(1)).is_some());
    }
    lone.run_for(100 * MS);
    assert_eq!(lone.node.peer(peer(1)), None);
}

/// A node that is told so acknowledges nothing of the group's stream.
// RMC-ACK-7
#[test]
fn seed_s17_without_acknowledge_no_ack_of_the_group_s_stream_is_sent() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all(1..=10);
    lone.hear(peer(0), &heartbeat(10));
    lone.hear_unicast(peer(0), &heartbeat(10));
    lone.hear(peer(0), &data(12));
    lone.run_for(SECOND);
    assert!(lone.sent().iter().all(|sent| matches!(sent, Sent::Nack(_))));
    assert_eq!(lone.node.stats().tx.acks, 0);
}
