//! Messages larger than a datagram, from the sender to the receiver (see F29 for what becomes of those that are lost),
//! and datagrams that hold several messages.

use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::{Config, LossCause, Path, SendError};

use crate::lone::{Item, Lone, MS, Sent, lost, message, own, peer};
use crate::packets::{self, part};

/// 100 bytes of payload in a datagram.
fn hundred(config: &mut Config) {
    config.max_datagram = 116;
    config.max_message = 64 * 1_024;
}

/// A message whose bytes are made from its length.
fn made(len: usize) -> Vec<u8> {
    (0..len).map(|index| u8::try_from((index * 7 + len) % 251).expect("below 251")).collect()
}

/// Sends `payload` and returns its datagrams.
fn fragments(lone: &mut Lone, payload: &[u8]) -> Vec<Vec<u8>> {
    let last = lone.node.send(lone.instant(), payload).expect("there is room");
    lone.settle();
    let sent: Vec<_> = lone.sent.drain(..).collect();
    assert_eq!(sent.last().map(|sent| sent.what.clone()), Some(Sent::Data(last)));
    assert_eq!(lone.node.next_seq(), last + 1);
    sent.into_iter().map(|transmission| transmission.bytes).collect()
}

fn check_flags(datagrams: &[Vec<u8>]) {
    for (index, datagram) in datagrams.iter().enumerate() {
        let packet = Packet::decode(datagram).expect("a legal packet");
        assert_eq!(packet.flags.contains(Flags::FIRST), index == 0, "{packet}");
        assert_eq!(packet.flags.contains(Flags::LAST), index + 1 == datagrams.len(), "{packet}");
        let Body::Data { payload } = packet.body else {
            panic!("{packet} is no data");
        };
        assert!(payload.len() <= 100, "{packet}");
        assert!(index + 1 == datagrams.len() || payload.len() == 100, "only the last fragment is short: {packet}");
    }
}

/// A receiver of what `fragments` makes.
fn receiver() -> Lone {
    Lone::new(|config| {
        hundred(config);
        config.local_addrs = vec![peer(9)];
    })
}

// RMC-FRAG-1, RMC-FRAG-2, RMC-FRAG-3, RMC-FLAG-2
#[test]
fn messages_of_every_size_around_the_borders_arrive_whole() {
    let (mut sender, mut receiver) = (Lone::new(hundred), receiver());
    let mut seq = 0;
    let sizes = (0..=301).chain([499, 500, 501, 999, 1_000, 1_001, 9_999, 10_000, 10_001, 65_535, 65_536]);
    for size in sizes {
        let payload = made(size);
        let datagrams = fragments(&mut sender, &payload);
        assert_eq!(datagrams.len(), size.div_ceil(100).max(1), "a message of {size} bytes");
        check_flags(&datagrams);
        seq += datagrams.len() as u64;
        for datagram in &datagrams {
            receiver.hear(own(), datagram);
        }
        assert_eq!(receiver.take(), [Item::Message { seq, index: 0, payload }], "a message of {size} bytes");
    }
    assert_eq!(receiver.node.stats().held.receive_bytes, 0);
}

// RMC-LOCAL-6
#[test]
fn one_byte_more_than_max_message_is_refused() {
    let mut sender = Lone::new(hundred);
    let refused = SendError::TooLarge { len: 65_537, max: 65_536 };
    assert_eq!(sender.node.send(sender.instant(), &made(65_537)), Err(refused));
    assert_eq!(sender.node.send_at(sender.instant(), 5, &made(65_537)), Err(refused));
    assert_eq!(sender.node.send_to(sender.instant(), peer(1), &made(65_537)), Err(refused));
    assert_eq!((sender.node.next_seq(), sender.node.max_message()), (1, 65_536));
    assert_eq!(sender.node.max_payload(), 100);
}

// RMC-SEND-1, RMC-SEND-3
#[test]
fn send_at_numbers_the_first_fragment() {
    let mut sender = Lone::new(hundred);
    assert_eq!(sender.node.send_at(sender.instant(), 10, &made(250)), Ok(12));
    sender.settle();
    assert_eq!(sender.sent(), [Sent::Lost(1, 9), Sent::Data(10), Sent::Data(11), Sent::Data(12)]);
}

/// Reversed, doubled, and in an order that mixes two messages.
// RMC-FRAG-3, RMC-DATA-1
#[test]
fn fragments_in_any_order_make_the_messages() {
    let (mut sender, fresh) = (Lone::new(hundred), receiver());
    let mut datagrams = fragments(&mut sender, &made(450));
    datagrams.extend(fragments(&mut sender, &made(50)));
    datagrams.extend(fragments(&mut sender, &made(730)));
    let expected = [(5, 450), (6, 50), (14, 730)].map(|(seq, len)| Item::Message { seq, index: 0, payload: made(len) });
    let reversed: Vec<usize> = (0..14).rev().collect();
    let doubled: Vec<usize> = (0..28).map(|index| index / 2).collect();
    let mixed: Vec<usize> = (0..14).map(|index| index * 5 % 14).collect();
    for order in [reversed, doubled, mixed] {
        let mut receiver = copy_of(&fresh);
        for index in &order {
            receiver.hear(own(), &datagrams[*index]);
        }
        assert_eq!(receiver.take(), expected, "{order:?}");
        assert_eq!(receiver.node.stats().held.receive_bytes, 0);
    }
}

/// A state can be copied and run on.
fn copy_of(lone: &Lone) -> Lone {
    Lone { node: lone.node.clone(), sent: Vec::new(), events: Vec::new(), now: lone.now, deadline: lone.deadline }
}

/// Every other fragment of three messages is lost, asked for, and repaired by the sender.
// RMC-FRAG-3, RMC-DATA-4
#[test]
fn lost_fragments_are_repaired() {
    let (mut sender, mut receiver) = (Lone::new(hundred), receiver());
    let sizes = [950, 80, 333];
    let mut seq = 0;
    for size in sizes {
        for datagram in fragments(&mut sender, &made(size)) {
            seq += 1;
            if seq % 2 == 1 {
                receiver.hear(own(), &datagram);
            }
        }
    }
    for _ in 0..100 {
        receiver.run_for(10 * MS);
        for nack in receiver.sent.drain(..).collect::<Vec<_>>() {
            sender.hear_unicast(peer(9), &nack.bytes);
        }
        sender.run_for(10 * MS);
        for answer in sender.sent.drain(..).collect::<Vec<_>>() {
            receiver.hear_unicast(own(), &answer.bytes);
        }
    }
    let messages: Vec<_> = receiver.take();
    let payloads: Vec<_> = messages
        .into_iter()
        .map(|item| match item {
            Item::Message { payload, .. } => payload,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(payloads, sizes.map(made));
}

/// Losses of several messages at once: each message is delivered or reported, whole and in its place.
// RMC-FRAG-4
#[test]
fn interleaved_losses_report_whole_messages() {
    let mut receiver = receiver();
    // Messages of three fragments each begin at 1, 4, 7, 10. The second and the fourth lose one.
    for seq in (1..=12).filter(|seq| ![5, 12].contains(seq)) {
        let flags = [Flags::FIRST, Flags::NONE, Flags::LAST][usize::try_from((seq - 1) % 3).expect("small")];
        receiver.hear(peer(0), &part(flags, seq, &[b'a'; 10]));
    }
    receiver.hear_all([13]);
    receiver.hear(peer(0), &packets::lost(5, 5, 0));
    receiver.hear(peer(0), &packets::lost(12, 12, 0));
    let whole = |seq| Item::Message { seq, index: 0, payload: vec![b'a'; 30] };
    let gone = |first, last| lost(first, last, LossCause::Lost);
    assert_eq!(receiver.take(), [whole(3), gone(4, 6), whole(9), gone(10, 12), message(13)]);
}

/// A message without its LAST, before a FIRST: the sender's fragments make no message.
// RMC-FRAG-6
#[test]
fn fragments_that_make_no_message_are_reported() {
    let mut receiver = receiver();
    receiver.hear(peer(0), &part(Flags::FIRST, 1, b"begun"));
    receiver.hear(peer(0), &part(Flags::NONE, 2, b"and never ended"));
    receiver.hear_all([3]);
    receiver.hear(peer(0), &part(Flags::NONE, 4, b"never begun"));
    receiver.hear(peer(0), &part(Flags::LAST, 5, b"never begun"));
    receiver.hear_all([6]);
    let malformed = |first, last| lost(first, last, LossCause::Malformed);
    assert_eq!(receiver.take(), [malformed(1, 2), message(3), malformed(4, 5), message(6)]);
    assert_eq!(receiver.node.stats().held.receive_bytes, 0);
}

/// A datagram of several messages: each has its index, an empty one too.
// RMC-PACK-2
#[test]
fn packed_messages_are_delivered_one_by_one() {
    let mut receiver = receiver();
    let packed = [&[0, 3][..], b"one", &[0, 0], &[0, 5], b"three"].concat();
    let flags = Flags::FIRST | Flags::LAST | Flags::PACKED;
    receiver.hear_all([1]);
    receiver.hear(peer(0), &part(flags, 2, &packed));
    receiver.hear_all([3]);
    let inside = |index, payload: &[u8]| Item::Message { seq: 2, index, payload: payload.to_vec() };
    assert_eq!(receiver.take(), [message(1), inside(0, b"one"), inside(1, b""), inside(2, b"three"), message(3)]);
    assert_eq!(receiver.node.stats().rx.messages, 5);
    assert_eq!(receiver.node.stats().held.receive_bytes, 0);
}

/// Behind a gap they wait like any other packet, and come once.
// RMC-PACK-2, RMC-DATA-3
#[test]
fn packed_messages_behind_a_gap_wait_and_come_once() {
    let mut receiver = receiver();
    let packed = [&[0, 1][..], b"a", &[0, 1], b"b"].concat();
    let flags = Flags::FIRST | Flags::LAST | Flags::PACKED;
    receiver.hear(peer(0), &part(flags, 2, &packed));
    receiver.hear(peer(0), &part(flags | Flags::RESENT, 2, &packed));
    assert_eq!(receiver.take(), []);
    receiver.hear_all([1]);
    receiver.hear(peer(0), &part(flags | Flags::RESENT, 2, &packed));
    let inside = |index, payload: &[u8]| Item::Message { seq: 2, index, payload: payload.to_vec() };
    assert_eq!(receiver.take(), [message(1), inside(0, b"a"), inside(1, b"b")]);
}

/// What came in fragments by both paths says the path of the packet that completed it.
#[test]
fn the_path_is_that_of_the_packet_that_completed_the_message() {
    for (completed_by, expected) in [(Path::Unicast, Path::Unicast), (Path::Multicast, Path::Multicast)] {
        let mut receiver = receiver();
        receiver.hear(peer(0), &part(Flags::FIRST, 1, b"a"));
        receiver.feed(peer(0), completed_by, &part(Flags::LAST, 2, b"b"));
        let Some(rmc_core::Received::Message { path, payload, .. }) = receiver.node.recv() else {
            panic!("the message is complete");
        };
        assert_eq!((path, payload), (expected, &b"ab"[..]));
    }
}

/// The private stream is the same machinery: numbers of its own, every packet PRIVATE and to the receiver alone.
// RMC-PRIV-1, RMC-FRAG-1
#[test]
fn private_messages_are_fragmented_too() {
    let (mut sender, mut receiver) = (Lone::new(hundred), receiver());
    sender.send_all(1);
    sender.sent.clear();
    let payload = made(250);
    assert_eq!(sender.node.send_to(sender.instant(), peer(9), &payload), Ok(3));
    sender.settle();
    assert!(sender.sent.iter().all(|sent| sent.private && sent.to == peer(9)), "{:?}", sender.sent);
    for sent in sender.sent.drain(..).rev() {
        receiver.hear_unicast(own(), &sent.bytes);
    }
    assert_eq!(receiver.take(), [Item::Message { seq: 3, index: 0, payload }]);
    let streams = receiver.node.peer(own()).expect("the sender is known");
    assert!(streams.group.is_none() && streams.private.is_some_and(|stream| stream.delivered == 3));
}
