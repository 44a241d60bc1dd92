//! Small messages that share a datagram.

use rmc_core::packet::{Body, Flags, Packet, records};
use rmc_core::{Config, SendError};

use crate::lone::{Lone, MS, NS, Transmission, peer};

fn packing(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.packing = true;
        change(config);
    })
}

/// Puts messages of these lengths into the queue, all of them before anything leaves; returns their numbers.
fn queue(lone: &mut Lone, lens: &[usize]) -> Vec<u64> {
    let now = lone.instant();
    (0_u8..).zip(lens).map(|(tag, &len)| lone.node.send(now, &vec![tag; len]).expect("there is room")).collect()
}

/// The lengths of the messages in each data packet that left, and whether it says PACKED.
fn left(lone: &mut Lone) -> Vec<(Vec<usize>, bool)> {
    lone.settle();
    lone.sent.drain(..).filter_map(|sent| content(&sent)).collect()
}

fn content(sent: &Transmission) -> Option<(Vec<usize>, bool)> {
    let packet = Packet::decode(&sent.bytes).expect("it decodes");
    let Body::Data { payload } = packet.body else { return None };
    assert!(packet.flags.contains(Flags::FIRST | Flags::LAST));
    let packed = packet.flags.contains(Flags::PACKED);
    let lens = if packed { records(payload).map(<[u8]>::len).collect() } else { vec![payload.len()] };
    Some((lens, packed))
}

// RMC-PACK-3
#[test]
fn rmc_pack_3_what_waits_shares_a_datagram() {
    let mut lone = packing(|_| {});
    assert_eq!(queue(&mut lone, &[10, 0, 300]), [1, 1, 1]);
    assert_eq!(left(&mut lone), [(vec![10, 0, 300], true)]);
    let stats = lone.node.stats();
    assert_eq!((stats.tx.messages, stats.tx.packed, stats.tx.data), (3, 2, 1));
    // What has left is closed.
    assert_eq!(queue(&mut lone, &[10]), [2]);
    assert_eq!(left(&mut lone), [(vec![10], false)], "one alone is not packed");
}

/// 16 bytes of header, and 2 before each message.
// RMC-PACK-3
#[test]
fn packing_what_fills_the_datagram_exactly_is_packed() {
    let mut lone = packing(|config| (config.max_datagram, config.max_message) = (100, 1_000));
    assert_eq!(queue(&mut lone, &[40, 40]), [1, 1]);
    assert_eq!(left(&mut lone), [(vec![40, 40], true)]);
    assert_eq!(lone.node.stats().tx.bytes, 100);
}

// RMC-PACK-3
#[test]
fn packing_one_byte_more_than_the_datagram_holds_leaves_in_two() {
    let mut lone = packing(|config| (config.max_datagram, config.max_message) = (100, 1_000));
    assert_eq!(queue(&mut lone, &[40, 41, 1]), [1, 2, 2]);
    assert_eq!(left(&mut lone), [(vec![40], false), (vec![41, 1], true)]);
}

// RMC-PACK-3
#[test]
fn rmc_pack_3_fragments_resets_and_explicit_numbers_are_kept_apart() {
    let mut lone = packing(|config| (config.max_datagram, config.max_message) = (100, 1_000));
    let now = lone.instant();
    assert_eq!(lone.node.send(now, &[1; 90]), Ok(2), "84 bytes and 6");
    assert_eq!(lone.node.send(now, &[2; 5]), Ok(3), "not into a fragment");
    lone.node.reset(now).expect("it may");
    assert_eq!(lone.node.send(now, &[3; 5]), Ok(4), "behind the reset");
    assert_eq!(lone.node.send_at(now, 5, &[4; 5]), Ok(5), "as it was said");
    assert_eq!(lone.node.send(now, &[5; 5]), Ok(5));
    assert_eq!(lone.node.send_at(now, 9, &[6; 5]), Ok(9));
    lone.settle();
    let flags = |seq: u64| {
        lone.sent.iter().find_map(|sent| {
            let packet = Packet::decode(&sent.bytes).expect("it decodes");
            (packet.seq == seq && matches!(packet.body, Body::Data { .. })).then_some(packet.flags)
        })
    };
    let whole = Flags::FIRST | Flags::LAST;
    assert_eq!([1, 2, 3, 4].map(flags), [Flags::FIRST, Flags::LAST, whole, whole].map(Some));
    assert_eq!([5, 9].map(flags), [whole | Flags::PACKED, whole].map(Some));
}

/// The bound of the queue in bytes counts the lengths too.
// RMC-PACK-3, RMC-SEND-6
#[test]
fn rmc_pack_3_the_queue_s_bytes_hold() {
    let mut lone = packing(|config| (config.send_queue_bytes, config.max_message) = (64, 64));
    assert_eq!(queue(&mut lone, &[30, 30]), [1, 1]);
    assert_eq!(lone.node.stats().held.queued_bytes, 64);
    assert_eq!(lone.node.send(lone.instant(), b""), Ok(2), "an empty one in a packet of its own has no length");
    assert_eq!(lone.node.send(lone.instant(), b"x"), Err(SendError::Full));
}

/// A repair is the same packet again.
// RMC-PACK-3, RMC-REPAIR-2
#[test]
fn rmc_pack_3_a_packed_packet_is_repaired_as_it_was() {
    let mut lone = packing(|_| {});
    queue(&mut lone, &[10, 20]);
    lone.settle();
    let first = lone.sent.remove(0).bytes;
    lone.hear_unicast(peer(1), &crate::packets::nack(1, &[(1, 1)]));
    let mut repair = lone.sent.remove(0).bytes;
    assert_eq!(repair[2], first[2] | Flags::RESENT.bits());
    repair[2] = first[2];
    assert_eq!(repair, first);
}

// RMC-PACK-3
#[test]
fn rmc_pack_3_private_messages_are_packed_among_themselves() {
    let mut lone = packing(|_| {});
    let now = lone.instant();
    for _ in 0..2 {
        lone.node.send(now, b"to all").expect("there is room");
        lone.node.send_to(now, peer(1), b"to one").expect("there is room");
    }
    assert_eq!(left(&mut lone), [(vec![6, 6], true), (vec![6, 6], true)]);
}

/// Without a time to wait nothing does.
// RMC-PACK-4
#[test]
fn flush_after_a_message_waits_until_then() {
    let mut lone = packing(|config| config.flush_after = 5 * MS);
    queue(&mut lone, &[10]);
    lone.run_for(5 * MS - NS);
    assert!(lone.sent.is_empty());
    queue(&mut lone, &[20]);
    lone.drain();
    assert!(lone.sent.is_empty());
}

// RMC-PACK-4
#[test]
fn flush_after_the_time_since_the_first_message_it_leaves() {
    let mut lone = packing(|config| config.flush_after = 5 * MS);
    queue(&mut lone, &[10]);
    lone.run_for(3 * MS);
    queue(&mut lone, &[20]);
    lone.run_for(2 * MS);
    assert_eq!(left(&mut lone), [(vec![10, 20], true)]);
    let mut lone = packing(|_| {});
    queue(&mut lone, &[10]);
    assert_eq!(left(&mut lone), [(vec![10], false)], "by default at once");
}

// RMC-PACK-4
#[test]
fn rmc_pack_4_what_is_full_does_not_wait() {
    let mut lone = packing(|config| {
        (config.flush_after, config.max_datagram, config.max_message) = (5 * MS, 100, 1_000);
    });
    queue(&mut lone, &[26, 26]);
    lone.drain();
    assert!(lone.sent.is_empty(), "one more of 26 bytes fits exactly");
    queue(&mut lone, &[26]);
    assert_eq!(left(&mut lone), [(vec![26, 26, 26], true)]);
    // A second packet shows that the first one is as full as it gets.
    queue(&mut lone, &[50, 40]);
    assert_eq!(left(&mut lone), [(vec![50], false)]);
    lone.run_for(5 * MS);
    assert_eq!(left(&mut lone), [(vec![40], false)]);
}

// RMC-PACK-4
#[test]
fn rmc_pack_4_it_leaves_when_the_application_wants_it_to() {
    let mut lone = packing(|config| config.flush_after = 5 * MS);
    queue(&mut lone, &[10]);
    lone.node.flush(lone.instant());
    assert_eq!(left(&mut lone), [(vec![10], false)]);
    queue(&mut lone, &[10]);
    lone.node.finish(lone.instant(), MS);
    assert_eq!(left(&mut lone), [(vec![10], false)]);
}

/// What is received into a buffer of the caller's stays there.
// RMC-PACK-2
#[test]
fn rmc_pack_2_messages_are_received_into_a_buffer() {
    let mut lone = packing(|_| {});
    let records = b"\x00\x03one\x00\x03two";
    let flags = Flags::FIRST | Flags::LAST | Flags::PACKED;
    lone.hear(peer(0), &crate::packets::part(flags, 1, records));
    let (mut first, mut second) = (b"something longer".to_vec(), Vec::new());
    assert!(lone.node.recv_into(&mut first).is_some());
    assert!(lone.node.recv_into(&mut second).is_some());
    assert!(lone.node.recv_into(&mut Vec::new()).is_none());
    assert_eq!((&first[..], &second[..]), (&b"one"[..], &b"two"[..]));
}
