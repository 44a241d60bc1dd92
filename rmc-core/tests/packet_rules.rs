//! The rules of docs/protocol.md about the encoding, each at its limits. Bytes are put together by hand, without the
//! encoder.

use rmc_core::packet::{Body, DecodeError, Flags, Kind, Packet};

/// 2^63 - 1, the highest number there is.
const MAX: u64 = (1 << 63) - 1;

const EXT: u8 = 0x40;

/// The header of a packet of version 1.
fn header(kind: u8, flags: u8, seq: u64) -> Vec<u8> {
    let mut bytes = vec![0x52, 0x10 | kind, flags, 1, 0x1a, 0x2b, 0x3c, 0x4d];
    bytes.extend(seq.to_be_bytes());
    bytes
}

/// A legal body of each kind, for a packet with the number 5.
fn body(kind: Kind) -> Vec<u8> {
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>();
    // One range, 5 to 7.
    let ranges = [vec![1], words(&[0, 3])].concat();
    match kind {
        // As a record of PACKED it is legal too.
        Kind::Data => vec![0, 2, b'h', b'i'],
        Kind::Heartbeat => [5_u64.to_be_bytes().to_vec(), words(&[20_000, 5_000, 3, 900])].concat(),
        Kind::HeartbeatTimes => [vec![2], words(&[10_000, 20_000])].concat(),
        Kind::Nack => [words(&[7, 8, 9, 900]), ranges].concat(),
        Kind::Lost => [3_u64.to_be_bytes().to_vec(), words(&[8])].concat(),
        Kind::Reset => words(&[8]),
        Kind::Ack => words(&[7, 100, 900]),
        Kind::Confirm => [vec![0], words(&[1_000, 8, 9]), ranges].concat(),
    }
}

fn packet(kind: Kind, flags: u8, seq: u64) -> Vec<u8> {
    [header(kind.number(), flags, seq), body(kind)].concat()
}

/// The packet with these bytes from `at` on.
fn patched(kind: Kind, at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut datagram = packet(kind, 0, 5);
    datagram[at..at + bytes.len()].copy_from_slice(bytes);
    datagram
}

#[track_caller]
fn refused(datagram: &[u8], reason: DecodeError) {
    assert_eq!(Packet::decode(datagram), Err(reason), "{datagram:02x?}");
}

/// It decodes, and encodes back to the same bytes.
#[track_caller]
fn taken(datagram: &[u8]) -> Packet<'_> {
    let packet = match Packet::decode(datagram) {
        Ok(packet) => packet,
        Err(error) => panic!("{datagram:02x?}: {error}"),
    };
    let mut again = vec![0xa5; packet.encoded_len()];
    assert_eq!(packet.encode(&mut again), Ok(datagram.len()));
    assert_eq!(again, datagram);
    packet
}

// RMC-ENC-1
#[test]
fn rmc_enc_1_the_header_has_16_bytes_and_all_integers_are_big_endian() {
    let datagram = [
        0x52, 0x11, 0x20, 0x07, 0x01, 0x02, 0x03, 0x04, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, // header
        0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x00, // oldest
        0x00, 0x01, 0x02, 0x03, // interval
        0x00, 0x02, 0x03, 0x04, // backoff
        0x10, 0x11, 0x12, 0x13, // group
        0x00, 0x03, 0x04, 0x05, // rtt
    ];
    let packet = taken(&datagram);
    assert_eq!((packet.flags, packet.heartbeat), (Flags::END, 7));
    assert_eq!((packet.epoch, packet.seq), (0x0102_0304, 0x0102_0304_0506_0708));
    let expected = Body::Heartbeat {
        oldest: 0x0102_0304_0506_0700,
        interval: 0x0001_0203,
        backoff: 0x0002_0304,
        group: 0x1011_1213,
        rtt: 0x0003_0405,
    };
    assert_eq!(packet.body, expected);
}

// RMC-ENC-2
#[test]
fn rmc_enc_2_a_datagram_has_16_to_65507_bytes() {
    let mut datagram = header(0, 0x0c, 5);
    taken(&datagram);
    refused(&datagram[..15], DecodeError::TooShort);
    refused(&[], DecodeError::TooShort);
    datagram.resize(65_507, 7);
    taken(&datagram);
    datagram.push(7);
    refused(&datagram, DecodeError::TooLong);
}

// RMC-ENC-3
#[test]
fn rmc_enc_3_only_one_magic_and_one_version_are_known() {
    for magic in 0..=u8::MAX {
        let mut datagram = packet(Kind::Data, 0x0c, 5);
        datagram[0] = magic;
        match magic {
            0x52 => _ = taken(&datagram),
            0x53 => refused(&datagram, DecodeError::Sealed),
            _ => refused(&datagram, DecodeError::UnknownMagic),
        }
    }
    for version in 0..16_u8 {
        let mut datagram = packet(Kind::Data, 0x0c, 5);
        datagram[1] = version << 4;
        match version {
            1 => _ = taken(&datagram),
            _ => refused(&datagram, DecodeError::UnknownVersion),
        }
    }
}

// RMC-KIND-1
#[test]
fn rmc_kind_1_reserved_kinds_are_refused() {
    let known: Vec<u8> = Kind::ALL.iter().map(|kind| kind.number()).collect();
    assert_eq!(known, [0, 1, 2, 3, 4, 5, 6, 8]);
    for kind in (0..16_u8).filter(|kind| !known.contains(kind)) {
        // With the body of any kind, or none.
        refused(&header(kind, 0, 5), DecodeError::UnknownKind);
        for body in Kind::ALL.map(body) {
            refused(&[header(kind, 0, 5), body].concat(), DecodeError::UnknownKind);
        }
    }
}

// RMC-ENC-4, RMC-KIND-2
#[test]
fn rmc_kind_2_a_body_has_exactly_its_fields() {
    for kind in Kind::ALL.into_iter().filter(|&kind| kind != Kind::Data) {
        let mut datagram = packet(kind, 0, 5);
        taken(&datagram);
        for len in 16..datagram.len() {
            refused(&datagram[..len], DecodeError::BodyCut);
        }
        datagram.push(0);
        refused(&datagram, DecodeError::TrailingBytes);
    }
}

/// A field of `kind` at an offset, at its limits and one past them.
#[track_caller]
fn bounded_u32(kind: Kind, at: usize, legal: &[u32], illegal: &[u32], reason: DecodeError) {
    for value in legal {
        taken(&patched(kind, at, &value.to_be_bytes()));
    }
    for value in illegal {
        refused(&patched(kind, at, &value.to_be_bytes()), reason);
    }
}

// RMC-KIND-2
#[test]
fn rmc_kind_2_intervals_delays_and_round_trips_have_bounds() {
    const ANY: [u32; 3] = [0, 1, u32::MAX];
    let interval = DecodeError::IntervalOutOfBounds;
    bounded_u32(Kind::Heartbeat, 24, &[0, 1_000, 60_000_000], &[1, 999, 60_000_001, u32::MAX], interval);
    for at in [17, 21] {
        bounded_u32(Kind::HeartbeatTimes, at, &[1_000, 60_000_000], &[0, 1, 999, 60_000_001, u32::MAX], interval);
    }
    for (kind, at) in [(Kind::Heartbeat, 28), (Kind::Confirm, 17)] {
        bounded_u32(kind, at, &[0, 10_000_000], &[10_000_001, u32::MAX], DecodeError::DelayOutOfBounds);
    }
    for (kind, at) in [(Kind::Heartbeat, 36), (Kind::Nack, 28), (Kind::Ack, 24)] {
        bounded_u32(kind, at, &[0, 60_000_000], &[60_000_001, u32::MAX], DecodeError::RttOutOfBounds);
    }
    // Group, target, stamps, cookies and window may be anything.
    let free = [(Kind::Heartbeat, 32), (Kind::Nack, 16), (Kind::Nack, 20), (Kind::Nack, 24), (Kind::Lost, 24)];
    let more = [(Kind::Reset, 16), (Kind::Ack, 16), (Kind::Ack, 20), (Kind::Confirm, 21), (Kind::Confirm, 25)];
    for (kind, at) in free.into_iter().chain(more) {
        bounded_u32(kind, at, &ANY, &[], interval);
    }
    for reason in 0..=u8::MAX {
        taken(&patched(Kind::Confirm, 16, &[reason]));
    }
}

// RMC-KIND-2
#[test]
fn rmc_kind_2_oldest_and_first_have_bounds() {
    let at = |kind, value: u64| patched(kind, 16, &value.to_be_bytes());
    for oldest in [1, 5, 6] {
        taken(&at(Kind::Heartbeat, oldest));
    }
    for oldest in [0, 7, u64::MAX] {
        refused(&at(Kind::Heartbeat, oldest), DecodeError::OldestOutOfBounds);
    }
    for first in [1, 4] {
        taken(&at(Kind::Lost, first));
    }
    for first in [0, 5, 6, u64::MAX] {
        refused(&at(Kind::Lost, first), DecodeError::LostFirstOutOfBounds);
    }
}

// RMC-KIND-2
#[test]
fn rmc_kind_2_a_table_has_1_to_128_intervals() {
    for count in 0..=u8::MAX {
        let intervals = [0, 0, 0x27, 0x10].repeat(usize::from(count));
        let datagram = [header(2, 0, 5), vec![count], intervals].concat();
        match count {
            1..=128 => _ = taken(&datagram),
            _ => refused(&datagram, DecodeError::IntervalCount),
        }
    }
}

/// A NACK and a Confirm with these ranges, as (offset, length).
fn with_ranges(seq: u64, count: u8, ranges: &[(u32, u32)]) -> [Vec<u8>; 2] {
    let ranges: Vec<u8> =
        ranges.iter().flat_map(|(offset, length)| [offset.to_be_bytes(), length.to_be_bytes()].concat()).collect();
    let nack = [header(3, 0, seq), vec![0; 16], vec![count], ranges.clone()].concat();
    let confirm = [header(8, 0, seq), vec![0; 13], vec![count], ranges].concat();
    [nack, confirm]
}

// RMC-KIND-3
#[test]
fn rmc_kind_3_there_are_1_to_32_ranges() {
    for count in 0..=u8::MAX {
        let ranges: Vec<_> = (0..u32::from(count)).map(|index| (2 * index, 1)).collect();
        for datagram in with_ranges(5, count, &ranges) {
            match count {
                1..=32 => _ = taken(&datagram),
                _ => refused(&datagram, DecodeError::RangeCount),
            }
        }
    }
}

// RMC-KIND-3, RMC-SEQ-1
#[test]
fn rmc_kind_3_ranges_ascend_and_neither_touch_nor_overlap() {
    let legal: [(u64, &[(u32, u32)]); 6] = [
        (5, &[(0, 1)]),
        (5, &[(0, 3), (4, 1)]),
        (5, &[(0, 1), (2, 1), (u32::MAX, u32::MAX)]),
        (MAX, &[(0, 1)]),
        (MAX - 9, &[(0, 10)]),
        (MAX - 9, &[(0, 1), (9, 1)]),
    ];
    for (seq, ranges) in legal {
        let count = u8::try_from(ranges.len()).expect("few");
        for datagram in with_ranges(seq, count, ranges) {
            let packet = taken(&datagram);
            let (Body::Nack { ranges: found, .. } | Body::Confirm { ranges: found, .. }) = packet.body else {
                panic!("{packet}");
            };
            let ends: Vec<_> = found.iter(seq).map(|range| (range.first(), range.last())).collect();
            let end = |&(offset, length): &(u32, u32)| {
                (seq + u64::from(offset), seq + u64::from(offset) + u64::from(length) - 1)
            };
            assert_eq!(ends, ranges.iter().map(end).collect::<Vec<_>>());
        }
    }
    use DecodeError as E;
    type Case = (u64, &'static [(u32, u32)], DecodeError);
    let illegal: [Case; 9] = [
        (5, &[(1, 1)], E::RangeFirstOffset),
        (5, &[(0, 0)], E::RangeEmpty),
        (5, &[(0, 1), (2, 0)], E::RangeEmpty),
        (5, &[(0, 3), (3, 1)], E::RangeOrder),
        (5, &[(0, 3), (2, 1)], E::RangeOrder),
        (5, &[(0, 3), (0, 3)], E::RangeOrder),
        (5, &[(0, 1), (4, 1), (2, 1)], E::RangeOrder),
        (MAX, &[(0, 2)], E::RangeTooHigh),
        (MAX - 9, &[(0, 1), (10, 1)], E::RangeTooHigh),
    ];
    for (seq, ranges, reason) in illegal {
        let count = u8::try_from(ranges.len()).expect("few");
        for datagram in with_ranges(seq, count, ranges) {
            refused(&datagram, reason);
        }
    }
}

// RMC-SEQ-1
#[test]
fn rmc_seq_1_a_number_is_at_most_2_to_the_63_less_1() {
    for kind in Kind::ALL {
        let lowest = kind.min_seq();
        let mut body = body(kind);
        let mut at = |seq: u64| {
            match kind {
                Kind::Heartbeat => body[..8].copy_from_slice(&1_u64.to_be_bytes()),
                Kind::Lost => body[..8].copy_from_slice(&1_u64.to_be_bytes()),
                // One number, so that the range's end is the header's number.
                Kind::Nack | Kind::Confirm => {
                    let at = body.len() - 4;
                    body[at..].copy_from_slice(&1_u32.to_be_bytes());
                }
                _ => {}
            }
            [header(kind.number(), 0, seq), body.clone()].concat()
        };
        taken(&at(MAX));
        refused(&at(MAX + 1), DecodeError::SeqTooHigh);
        refused(&at(u64::MAX), DecodeError::SeqTooHigh);
        taken(&at(lowest));
        if lowest > 0 {
            refused(&at(lowest - 1), DecodeError::SeqTooLow);
        }
    }
    // The one exception: a Heartbeat's oldest number may be seq + 1.
    let beat = [header(1, 0, MAX), (MAX + 1).to_be_bytes().to_vec(), vec![0; 16]].concat();
    taken(&beat);
}

/// Which flags a kind may have, from the table of the specification: RESENT, PRIVATE, FIRST, LAST, PACKED, END.
const fn allowed(kind: Kind) -> u8 {
    match kind {
        Kind::Data => 0x01 | 0x02 | 0x04 | 0x08 | 0x10,
        Kind::Heartbeat => 0x02 | 0x20,
        Kind::HeartbeatTimes => 0,
        Kind::Nack | Kind::Lost | Kind::Reset | Kind::Ack | Kind::Confirm => 0x02,
    }
}

// RMC-FLAG-1, RMC-FLAG-2
#[test]
fn rmc_flag_1_a_flag_where_it_does_not_belong_makes_the_datagram_invalid() {
    for kind in Kind::ALL {
        for bits in 0..=u8::MAX {
            let block = if bits & EXT == 0 { vec![] } else { vec![0, 0] };
            let datagram = [header(kind.number(), bits, 5), block, body(kind)].concat();
            let flags = bits & !EXT;
            let decoded = Packet::decode(&datagram);
            if flags & 0x80 != 0 {
                assert_eq!(decoded, Err(DecodeError::ReservedFlag), "{kind} {bits:#x}");
            } else if flags & !allowed(kind) != 0 {
                assert_eq!(decoded, Err(DecodeError::FlagNotAllowed), "{kind} {bits:#x}");
            } else if flags & 0x10 != 0 && flags & 0x0c != 0x0c {
                assert_eq!(decoded, Err(DecodeError::PackedFragment), "{kind} {bits:#x}");
            } else {
                let packet = taken(&datagram);
                assert_eq!((packet.flags.bits(), packet.extension.is_some()), (flags, bits & EXT != 0));
            }
        }
    }
}

/// A packet of `kind` with an extension block.
fn extended(kind: Kind, length: u16, block: &[u8]) -> Vec<u8> {
    let head = [header(kind.number(), EXT, 5), length.to_be_bytes().to_vec()].concat();
    [head, block.to_vec(), body(kind)].concat()
}

// RMC-EXT-1
#[test]
fn rmc_ext_1_records_fill_the_block_exactly() {
    for kind in Kind::ALL {
        taken(&extended(kind, 0, &[]));
        taken(&extended(kind, 2, &[7, 0]));
        taken(&extended(kind, 7, &[7, 0, 8, 3, 1, 2, 3]));
        refused(&extended(kind, 1, &[7]), DecodeError::ExtensionCut);
        refused(&extended(kind, 3, &[7, 2, 1]), DecodeError::ExtensionCut);
        refused(&extended(kind, 5, &[7, 2, 1, 2, 8]), DecodeError::ExtensionCut);
        // Longer than the datagram.
        let mut cut = [header(kind.number(), EXT, 5), vec![0, 3], vec![7, 0]].concat();
        refused(&cut, DecodeError::ExtensionCut);
        cut.truncate(17);
        refused(&cut, DecodeError::ExtensionCut);
        cut.truncate(16);
        refused(&cut, DecodeError::ExtensionCut);
    }
}

// RMC-EXT-2, RMC-EXT-3
#[test]
fn rmc_ext_2_a_type_below_128_is_skipped_and_one_from_128_on_is_refused() {
    for kind in Kind::ALL {
        let bare = packet(kind, 0, 5);
        let bare = Packet::decode(&bare).expect("legal");
        for record in 0..=u8::MAX {
            // Alone, and behind one that is skipped.
            for datagram in [extended(kind, 4, &[record, 2, 1, 2]), extended(kind, 6, &[0, 0, record, 2, 1, 2])] {
                if record >= 128 {
                    refused(&datagram, DecodeError::ExtensionUnknown);
                    continue;
                }
                let packet = taken(&datagram);
                assert_eq!(Packet { extension: None, ..packet }, bare, "all else is as if it were not there");
            }
        }
    }
}
