//! The seed's rule S18, on the group's stream: numbers, `send_at`, and `reset`.

use rmc_core::packet::{Flags, NO_PROMISE};
use rmc_core::{LossCause, MAX_SEQ, Path, SendError};

use crate::given::{decoded, sender, sent_to};
use crate::lone::{EPOCH, Lone, MS, Sent, group, lost, message, peer};
use crate::packets::{self, nack, payload};

// RMC-SEND-1, RMC-SEQ-1
#[test]
fn seed_s18_data_gets_the_next_number_from_1_on() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.next_seq(), 1);
    for seq in 1..=20 {
        assert_eq!(lone.node.send(lone.instant(), &payload(seq)), Ok(seq));
        assert_eq!(lone.node.next_seq(), seq + 1);
    }
    lone.settle();
    assert_eq!(sent_to(&mut lone), (1..=20).map(|seq| (group(), Sent::Data(seq))).collect::<Vec<_>>());
}

// RMC-SEND-1
#[test]
fn seed_s18_a_first_transmission_has_index_0_and_is_no_repair() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    for sent in &lone.sent {
        let packet = decoded(sent);
        assert_eq!((packet.heartbeat, packet.flags), (0, Flags::FIRST | Flags::LAST));
    }
}

// RMC-SEND-3
#[test]
fn seed_s18_an_explicit_number_may_be_the_next_one() {
    let mut lone = sender(4, |_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 5, &payload(5)), Ok(5));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Data(5)]);
}

// RMC-LOCAL-6
#[test]
fn seed_s18_an_explicit_number_must_not_be_lower_than_the_next_one() {
    let mut lone = sender(4, |_| {});
    for seq in [0, 1, 4] {
        let refused = lone.node.send_at(lone.instant(), seq, &payload(5));
        assert_eq!(refused, Err(SendError::SequencePassed { seq, next: 5 }));
    }
    lone.settle();
    assert_eq!((lone.sent(), lone.node.next_seq()), (vec![], 5));
}

// RMC-SEND-3, RMC-SEND-1
#[test]
fn seed_s18_an_explicit_number_may_be_higher_and_the_numbers_go_on_behind_it() {
    let mut lone = sender(4, |_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 6, &payload(6)), Ok(6));
    assert_eq!(lone.node.next_seq(), 7);
    assert_eq!(lone.node.send(lone.instant(), &payload(7)), Ok(7));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Lost(5, 5), Sent::Data(6), Sent::Data(7)]);
}

/// The stream may begin with a hole.
// RMC-SEND-3
#[test]
fn seed_s18_the_first_number_may_be_above_1() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 100, &payload(100)), Ok(100));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Lost(1, 99), Sent::Data(100)]);
    lone.hear_unicast(peer(1), &nack(3, &[(1, 100)]));
    assert_eq!(lone.sent(), [Sent::Lost(1, 99), Sent::Repair(100)]);
}

// RMC-SEQ-3
#[test]
fn seed_s18_the_highest_number_can_be_sent() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.send_at(lone.instant(), MAX_SEQ, b"last"), Ok(MAX_SEQ));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Lost(1, MAX_SEQ - 1), Sent::Data(MAX_SEQ)]);
    // Its heartbeat says 2^63 where nothing older can be had, and no more.
    lone.run_for(10 * MS);
    let beat = Sent::Heartbeat { seq: MAX_SEQ, oldest: MAX_SEQ, interval: 20 * MS, end: false };
    assert_eq!(lone.sent(), [beat]);
}

// RMC-SEQ-3, RMC-LOCAL-6
#[test]
fn seed_s18_there_is_no_number_above_the_highest() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.send_at(lone.instant(), MAX_SEQ + 1, b"x"), Err(SendError::SequenceExhausted));
    assert_eq!(lone.node.next_seq(), 1);
    // Two fragments do not fit into one number.
    let two = vec![0; lone.node.max_payload() + 1];
    assert_eq!(lone.node.send_at(lone.instant(), MAX_SEQ, &two), Err(SendError::SequenceExhausted));
    assert_eq!(lone.node.send_at(lone.instant(), MAX_SEQ, b"last"), Ok(MAX_SEQ));
    assert_eq!(lone.node.send(lone.instant(), b"x"), Err(SendError::SequenceExhausted));
}

/// From one end to the other: whoever heard the announcement asks for nothing.
// RMC-SEND-3, RMC-LOST-1
#[test]
fn seed_s18_a_receiver_of_a_hole_asks_for_nothing() {
    let mut sender = Lone::new(|_| {});
    let mut receiver = Lone::new(|_| {});
    sender.send_all(1);
    assert_eq!(sender.node.send_at(sender.instant(), 9, &payload(9)), Ok(9));
    sender.settle();
    for sent in &sender.sent {
        receiver.hear(peer(0), &sent.bytes);
    }
    assert_eq!(receiver.take(), [message(1), lost(2, 8, LossCause::Lost), message(9)]);
    assert_eq!(receiver.sent(), []);
}

// RMC-RESET-2
#[test]
fn seed_s18_reset_clears_what_is_older_and_the_numbers_go_on() {
    let mut lone = sender(5, |_| {});
    lone.node.reset(lone.instant()).expect("it may");
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Reset(5)]);
    lone.send_all(2);
    assert_eq!(lone.sent(), [Sent::Data(6), Sent::Data(7)]);
    assert_eq!(lone.node.stats().held.backlog_packets, 2);
    lone.hear_unicast(peer(1), &nack(1, &[(5, 6)]));
    assert_eq!(lone.sent(), [Sent::Lost(1, 5), Sent::Repair(6)]);
}

// RMC-RESET-2, RMC-RESET-1
#[test]
fn seed_s18_a_receiver_goes_on_behind_the_reset() {
    let mut sender = Lone::new(|_| {});
    let mut receiver = Lone::new(|_| {});
    sender.send_all(3);
    sender.node.reset(sender.instant()).expect("it may");
    sender.settle();
    sender.send_all(1);
    // 2 and 3 are lost on the way.
    for index in [0, 3, 4] {
        receiver.hear(peer(0), &sender.sent[index].bytes);
    }
    assert_eq!(receiver.take(), [message(1), lost(2, 3, LossCause::Reset), message(4)]);
    assert_eq!(receiver.sent(), []);
}

/// Before anything was sent a Reset says that the stream begins with 1: nothing of it breaks.
// RMC-RESET-2, RMC-HB-1
#[test]
fn seed_s18_reset_of_an_empty_stream_does_no_harm() {
    let mut lone = Lone::new(|_| {});
    lone.node.reset(lone.instant()).expect("it may");
    lone.settle();
    for sent in &lone.sent {
        assert_eq!((sent.to, &sent.what), (group(), &Sent::Reset(0)));
        assert_eq!(decoded(sent).heartbeat, NO_PROMISE);
    }
    lone.sent.clear();
    lone.send_all(1);
    assert_eq!(lone.sent(), [Sent::Data(1)]);
}

/// In the seed everybody else sees a gap, asks for it, and so gets the private packet.
// RMC-PRIV-1
#[test]
fn seed_s18_data_to_one_address_uses_no_number_of_the_group_s_stream() {
    let mut lone = sender(2, |_| {});
    assert_eq!(lone.node.send_to(lone.instant(), peer(1), &payload(1)), Ok(1));
    assert_eq!(lone.node.send_to(lone.instant(), peer(2), &payload(1)), Ok(1));
    assert_eq!(lone.node.send_to(lone.instant(), peer(1), &payload(2)), Ok(2));
    assert_eq!((lone.node.next_seq(), lone.node.send(lone.instant(), &payload(3))), (3, Ok(3)));
    lone.settle();
    let mut all: Vec<_> = lone.sent.drain(..).map(|sent| (sent.private, sent.to, sent.what)).collect();
    all.sort_by_key(|(private, to, what)| (*private, *to, format!("{what:?}")));
    assert_eq!(
        all,
        [
            (false, group(), Sent::Data(3)),
            (true, peer(1), Sent::Data(1)),
            (true, peer(1), Sent::Data(2)),
            (true, peer(2), Sent::Data(1)),
        ]
    );
    // Nobody gets it by asking for the group's number.
    lone.hear_unicast(peer(3), &nack(1, &[(1, 3)]));
    assert!(lone.sent.iter().all(|sent| !sent.private));
}

// RMC-PRIV-1
#[test]
fn seed_s18_a_private_message_goes_to_one_other_node() {
    let mut lone = Lone::new(|_| {});
    for address in [group(), crate::lone::own()] {
        assert_eq!(lone.node.send_to(lone.instant(), address, b"x"), Err(SendError::InvalidDestination(address)));
    }
    assert_eq!(lone.node.stats().held.private_streams, 0);
}

/// A packet with PRIVATE by the group's path could be read by all: it is no private packet.
// RMC-KIND-5, RMC-PRIV-1
#[test]
fn seed_s18_private_packets_by_multicast_are_dropped() {
    let mut lone = Lone::new(|_| {});
    let private = packets::data_with(Flags::PRIVATE, 0, EPOCH, 1);
    lone.feed(peer(0), Path::Multicast, &private);
    lone.drain();
    assert_eq!((lone.take(), lone.node.stats().dropped.wrong_path), (vec![], 1));
    lone.hear_unicast(peer(0), &private);
    assert_eq!(lone.take(), [message(1)]);
}
