//! Rules of docs/protocol.md about the encoding, as a node keeps them: what is refused is counted by its reason and
//! makes no peer.

use std::net::{Ipv6Addr, SocketAddr};

use rmc_core::packet::{DecodeError, Flags, MAX_DATAGRAM_LEN};
use rmc_core::{Action, Config, Instant, Protocol};

use crate::lone::{Item, Lone, MS, group, message, peer};
use crate::packets::{self, ack, data, heartbeat, nack, part, payload, reset, times};

/// What the node refuses, and why.
fn refuse(bytes: &[u8], reason: DecodeError) {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), bytes);
    let dropped = lone.node.stats().dropped.malformed;
    assert_eq!(dropped.iter().sum::<u64>(), 1, "{bytes:02x?} was taken");
    assert_eq!(dropped[reason.index()], 1, "{bytes:02x?} is no {reason:?}");
    assert_eq!(lone.node.peer(peer(0)), None);
    assert_eq!((lone.sent(), lone.take()), (vec![], vec![]));
}

/// What the node takes.
fn accept(bytes: &[u8]) -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(0), bytes);
    assert_eq!(lone.node.stats().dropped.malformed.iter().sum::<u64>(), 0, "{bytes:02x?}");
    assert!(lone.node.peer(peer(0)).is_some(), "{bytes:02x?}");
    lone
}

/// `bytes` with another byte at `index`.
fn with(mut bytes: Vec<u8>, index: usize, value: u8) -> Vec<u8> {
    bytes[index] = value;
    bytes
}

/// `bytes` with the extension block `block`, its length in front.
fn extended(bytes: &[u8], block: &[u8]) -> Vec<u8> {
    let mut extended = bytes.to_vec();
    extended[2] |= 0x40;
    extended.splice(16..16, block.iter().copied());
    extended
}

// RMC-ENC-1
#[test]
fn rmc_enc_1_the_header_is_16_bytes_big_endian() {
    let config = Config::new(group(), 0x0102_0304, 1);
    let mut node = Protocol::new(config, Instant::ORIGIN).expect("a legal configuration");
    node.send_at(Instant::ORIGIN, 0x0506_0708_090a_0b0c, b"xy").expect("it is free");
    let mut packets = Vec::new();
    loop {
        match node.poll_action() {
            Action::Transmit(transmit) => packets.push(transmit.contents.to_vec()),
            Action::Event(_) => {}
            Action::ArmTimer(_) => break,
        }
    }
    let header = [0x52, 0x10, 0x0c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];
    assert_eq!(packets.last().map(Vec::as_slice), Some(&[&header[..], b"xy"].concat()[..]));
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), packets.last().expect("it left"));
    assert_eq!(lone.stream().known, 0x0506_0708_090a_0b0c);
}

// RMC-ENC-2
#[test]
fn rmc_enc_2_a_datagram_has_16_to_65507_bytes() {
    let shortest = part(Flags::FIRST | Flags::LAST, 1, &[]);
    assert_eq!(shortest.len(), 16);
    accept(&shortest);
    refuse(&shortest[..15], DecodeError::TooShort);
    refuse(&[], DecodeError::TooShort);
    let longest = part(Flags::FIRST | Flags::LAST, 1, &vec![0; MAX_DATAGRAM_LEN - 16]);
    assert_eq!(longest.len(), 65_507);
    assert_eq!(accept(&longest).take().len(), 1);
    refuse(&[&longest[..], &[0]].concat(), DecodeError::TooLong);
}

// RMC-ENC-3
#[test]
fn rmc_enc_3_magic_and_version_are_these_and_no_others() {
    for magic in 0..=u8::MAX {
        match magic {
            0x52 => {}
            0x53 => refuse(&with(data(1), 0, magic), DecodeError::Sealed),
            _ => refuse(&with(data(1), 0, magic), DecodeError::UnknownMagic),
        }
    }
    for version in (0..16).filter(|&version| version != 1) {
        refuse(&with(data(1), 1, version << 4), DecodeError::UnknownVersion);
    }
}

/// What the default is, and that no more leaves.
// RMC-ENC-6
#[test]
fn rmc_enc_6_datagrams_are_as_long_as_one_frame_carries() {
    let of_ipv6 = SocketAddr::from((Ipv6Addr::new(0xff15, 0, 0, 0, 0, 0, 0, 1), 8000));
    for (address, longest) in [(group(), 1_472), (of_ipv6, 1_452)] {
        let mut lone = Lone::new(|config| {
            let events = config.events;
            *config = Config::new(address, config.epoch, config.seed);
            config.events = events;
        });
        lone.node.send(lone.instant(), &[0; 20_000]).expect("there is room");
        lone.settle();
        assert_eq!(lone.sent.iter().map(|sent| sent.bytes.len()).max(), Some(longest));
    }
    let mut lone = Lone::new(|config| {
        config.max_datagram = 64;
        config.max_message = 1_000;
        config.send_queue_packets = 100;
    });
    lone.node.send(lone.instant(), &[0; 1_000]).expect("there is room");
    lone.settle();
    assert_eq!(lone.sent.iter().map(|sent| sent.bytes.len()).max(), Some(64));
}

// RMC-KIND-1
#[test]
fn rmc_kind_1_reserved_kinds_are_dropped() {
    for kind in [7].into_iter().chain(9..16) {
        refuse(&with(data(1), 1, 0x10 | kind), DecodeError::UnknownKind);
        refuse(&with(heartbeat(1), 1, 0x10 | kind), DecodeError::UnknownKind);
    }
}

/// A byte less or more than the fields of its kind: not a packet. Data alone takes any length.
// RMC-KIND-2, RMC-ENC-4
#[test]
fn rmc_kind_2_a_body_has_exactly_its_fields() {
    let packets = [
        heartbeat(5),
        times(5, 0, &[MS; 3]),
        nack(1, &[(1, 2), (4, 4)]),
        packets::lost(1, 2, 0),
        reset(3, 0),
        ack(Flags::NONE, 7, 3),
    ];
    for bytes in packets {
        accept(&bytes);
        refuse(&bytes[..bytes.len() - 1], DecodeError::BodyCut);
        refuse(&[&bytes[..], &[0]].concat(), DecodeError::TrailingBytes);
    }
}

/// Each field at its bound and past it: (where it stands in the body, its last legal bytes, one past them, why not).
// RMC-KIND-2
#[test]
fn rmc_kind_2_every_field_keeps_its_bounds() {
    let at = |bytes: &[u8], offset: usize, value: &[u8]| {
        let mut bytes = bytes.to_vec();
        bytes[16 + offset..16 + offset + value.len()].copy_from_slice(value);
        bytes
    };
    let heartbeat = heartbeat(5);
    let cases: [(usize, &[u8], &[u8], DecodeError); 7] = [
        (0, &6_u64.to_be_bytes(), &7_u64.to_be_bytes(), DecodeError::OldestOutOfBounds),
        (0, &1_u64.to_be_bytes(), &0_u64.to_be_bytes(), DecodeError::OldestOutOfBounds),
        (8, &1_000_u32.to_be_bytes(), &999_u32.to_be_bytes(), DecodeError::IntervalOutOfBounds),
        (8, &60_000_000_u32.to_be_bytes(), &60_000_001_u32.to_be_bytes(), DecodeError::IntervalOutOfBounds),
        (8, &0_u32.to_be_bytes(), &1_u32.to_be_bytes(), DecodeError::IntervalOutOfBounds),
        (12, &10_000_000_u32.to_be_bytes(), &10_000_001_u32.to_be_bytes(), DecodeError::DelayOutOfBounds),
        (20, &60_000_000_u32.to_be_bytes(), &60_000_001_u32.to_be_bytes(), DecodeError::RttOutOfBounds),
    ];
    for (offset, legal, illegal, reason) in cases {
        accept(&at(&heartbeat, offset, legal));
        refuse(&at(&heartbeat, offset, illegal), reason);
    }
    let lost = packets::lost(8, 9, 0);
    accept(&at(&lost, 0, &9_u64.to_be_bytes()));
    refuse(&at(&lost, 0, &10_u64.to_be_bytes()), DecodeError::LostFirstOutOfBounds);
    refuse(&at(&lost, 0, &0_u64.to_be_bytes()), DecodeError::LostFirstOutOfBounds);
    refuse(&at(&times(5, 0, &[MS]), 0, &[0]), DecodeError::IntervalCount);
}

/// Ranges as (offset, length) behind a count of their own.
fn ranges(list: &[(u32, u32)]) -> Vec<u8> {
    let mut bytes = nack(1, &[(100, 100)])[..32].to_vec();
    bytes.push(u8::try_from(list.len()).expect("few"));
    for (offset, length) in list {
        bytes.extend_from_slice(&offset.to_be_bytes());
        bytes.extend_from_slice(&length.to_be_bytes());
    }
    bytes
}

// RMC-KIND-3
#[test]
fn rmc_kind_3_ranges_ascend_and_neither_touch_nor_overlap() {
    let many = |count: u32| (0..count).map(|index| (2 * index, 1)).collect::<Vec<_>>();
    for legal in [vec![(0, 1)], vec![(0, 2), (3, 1)], vec![(0, u32::MAX)], many(32)] {
        accept(&ranges(&legal));
    }
    refuse(&ranges(&[]), DecodeError::RangeCount);
    refuse(&ranges(&many(33)), DecodeError::RangeCount);
    refuse(&ranges(&[(1, 1)]), DecodeError::RangeFirstOffset);
    refuse(&ranges(&[(0, 0)]), DecodeError::RangeEmpty);
    refuse(&ranges(&[(0, 2), (2, 1)]), DecodeError::RangeOrder);
    refuse(&ranges(&[(0, 3), (2, 1)]), DecodeError::RangeOrder);
    refuse(&ranges(&[(0, 1), (5, 1), (3, 1)]), DecodeError::RangeOrder);
}

/// Which flags each kind may carry: (a packet, the flags).
// RMC-FLAG-1
#[test]
fn rmc_flag_1_a_flag_where_it_does_not_belong_is_refused() {
    let packets = [
        (part(Flags::NONE, 1, b"a"), 0x0f),
        (heartbeat(5), 0x22),
        (times(5, 0, &[MS]), 0x00),
        (nack(1, &[(1, 2)]), 0x02),
        (packets::lost(1, 2, 0), 0x02),
        (reset(3, 0), 0x02),
        (ack(Flags::NONE, 7, 3), 0x02),
    ];
    for (bytes, allowed) in packets {
        for flag in [0x01, 0x02, 0x04, 0x08, 0x20] {
            let flagged = with(bytes.clone(), 2, bytes[2] | flag);
            if allowed & flag == 0 { refuse(&flagged, DecodeError::FlagNotAllowed) } else { drop(accept(&flagged)) }
        }
        refuse(&with(bytes.clone(), 2, bytes[2] | 0x80), DecodeError::ReservedFlag);
        if allowed & 0x01 == 0 {
            refuse(&with(bytes.clone(), 2, bytes[2] | 0x10), DecodeError::FlagNotAllowed);
        }
    }
}

// RMC-EXT-1
#[test]
fn rmc_ext_1_the_records_fill_the_block_exactly() {
    let plain = data(1);
    let taken = |block: &[u8]| assert_eq!(accept(&extended(&plain, block)).take(), [message(1)], "{block:?}");
    taken(&[0, 0]);
    taken(&[0, 2, 5, 0]);
    taken(&[0, 3, 5, 1, 9]);
    taken(&[0, 5, 5, 1, 9, 6, 0]);
    for cut in [&[0, 1, 5][..], &[0, 2, 5, 1], &[0, 3, 5, 2, 9], &[0, 3, 5, 0, 6]] {
        refuse(&extended(&plain, cut), DecodeError::ExtensionCut);
    }
    let mut beyond = extended(&plain, &[0xff, 0xff]);
    refuse(&beyond, DecodeError::ExtensionCut);
    beyond.truncate(17);
    refuse(&beyond, DecodeError::ExtensionCut);
}

// RMC-EXT-2
#[test]
fn rmc_ext_2_unknown_types_below_128_are_skipped() {
    for kind in [0, 1, 127] {
        assert_eq!(accept(&extended(&data(1), &[0, 4, kind, 2, 7, 7])).take(), [message(1)]);
    }
    let mut lone = accept(&extended(&data(1), &[0, 2, 3, 0]));
    lone.hear(peer(0), &extended(&heartbeat(3), &[0, 2, 3, 0]));
    assert_eq!(lone.asked(), [2, 3], "whatever the kind");
    lone.hear(peer(0), &extended(&part(Flags::FIRST | Flags::LAST, 2, b""), &[0, 2, 3, 0]));
    assert_eq!(lone.take(), [message(1), Item::Message { seq: 2, index: 0, payload: vec![] }]);
}

// RMC-EXT-3
#[test]
fn rmc_ext_3_unknown_types_of_128_or_more_are_refused() {
    for kind in [128, 255] {
        refuse(&extended(&data(1), &[0, 2, kind, 0]), DecodeError::ExtensionUnknown);
        refuse(&extended(&data(1), &[0, 4, 1, 0, kind, 0]), DecodeError::ExtensionUnknown);
    }
    let mut lone = Lone::new(|_| {});
    lone.node.send(lone.instant(), &payload(1)).expect("there is room");
    lone.settle();
    assert!(lone.sent.iter().all(|sent| sent.bytes[2] & 0x40 == 0), "version 1 sends no extension");
}
