//! The codec on arbitrary input: legal packets, illegal packets, any bytes, damaged datagrams.

mod packet_owned;

use packet_owned::{OwnedBody, OwnedPacket, encode};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rmc_core::packet::{
    Body, EncodeError, Extension, Flags, IntervalsBuilder, Kind, MAX_DELAY_MICROS, MAX_INTERVAL_MICROS, MAX_INTERVALS,
    MAX_RANGES, MAX_RTT_MICROS, MIN_INTERVAL_MICROS, Packet, RangesBuilder, records,
};
use rmc_core::{MAX_SEQ, SeqRange};

proptest! {
    #[test]
    fn legal_packets_come_back_as_they_were(owned in legal_packet()) {
        let packet = owned.packet();
        let bytes = owned.to_bytes();
        prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
    }

    #[test]
    fn encode_writes_its_own_length_or_nothing(owned in legal_packet(), room in any::<Index>()) {
        let packet = owned.packet();
        let needed = packet.encoded_len();
        let mut exact = vec![0; needed];
        prop_assert_eq!(packet.encode(&mut exact), Ok(needed));

        let mut long = vec![0xa5; needed + 3];
        prop_assert_eq!(packet.encode(&mut long), Ok(needed));
        prop_assert!(long.starts_with(&exact));
        prop_assert!(long.ends_with(&[0xa5; 3]));

        let available = room.index(needed);
        let mut short = vec![0xa5; available];
        let error = EncodeError::NoRoom { needed, available };
        prop_assert_eq!(packet.encode(&mut short), Err(error));
        prop_assert!(short.iter().all(|&byte| byte == 0xa5));
    }

    /// What encode lets pass, decode lets pass, and the other way round.
    #[test]
    fn encode_refuses_what_decode_refuses(owned in any_packet()) {
        check_encode(&owned.packet())?;
    }

    #[test]
    fn any_bytes_are_a_packet_or_refused(bytes in vec(any::<u8>(), 0..80)) {
        check_bytes(&bytes)?;
    }

    /// As above, behind a header that is likely to be legal, so that bodies are reached.
    #[test]
    fn any_body_is_a_packet_or_refused(
        (kind, flags, ext, seq) in (0..16_u8, 0..64_u8, any::<bool>(), any_seq()),
        body in vec(prop_oneof![3 => 0..4_u8, 1 => any::<u8>()], 0..120),
    ) {
        let kept = Kind::from_number(kind).map_or(0, |kind| kind.allowed_flags().bits());
        let ext = if ext { 0x40 } else { 0 };
        let mut bytes = vec![0x52, 0x10 | kind, (flags & kept) | ext, 0, 1, 2, 3, 4];
        bytes.extend(seq.to_be_bytes());
        bytes.extend(body);
        check_bytes(&bytes)?;
    }

    #[test]
    fn damaged_packets_are_packets_or_refused(
        owned in legal_packet(),
        flips in vec((any::<Index>(), 0..8_u8), 0..4),
        len in any::<Index>(),
        extra in vec(any::<u8>(), 0..3),
    ) {
        let mut bytes = owned.to_bytes();
        for (at, bit) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= 1 << bit;
        }
        check_bytes(&bytes)?;
        bytes.extend(extra);
        check_bytes(&bytes)?;
        bytes.truncate(len.index(bytes.len() + 1));
        check_bytes(&bytes)?;
    }

    /// Records are total: what they yield and what they leave is the payload.
    #[test]
    fn records_lose_nothing(payload in vec(prop_oneof![3 => 0..3_u8, 1 => any::<u8>()], 0..60)) {
        let mut iterator = records(&payload);
        let mut seen = Vec::new();
        while let Some(record) = iterator.next() {
            let len = u16::try_from(record.len()).expect("its length is a u16");
            seen.extend(len.to_be_bytes());
            seen.extend(record);
        }
        prop_assert_eq!(iterator.next(), None);
        seen.extend(iterator.rest());
        prop_assert_eq!(seen, payload);
    }

    /// The builder takes exactly what a packet can carry, and says so.
    #[test]
    fn ranges_builder_takes_what_a_packet_can_carry(
        base_seq in any_seq(),
        steps in vec((any_step(), any_step()), 1..40),
    ) {
        let mut builder = RangesBuilder::new(base_seq);
        let mut taken: Vec<SeqRange> = Vec::new();
        let mut first = base_seq;
        for (length, gap) in steps {
            let Some(range) = SeqRange::new(first, first.saturating_add(length)) else {
                continue;
            };
            let before = builder;
            if builder.push(range) {
                taken.push(range);
            } else {
                prop_assert_eq!(builder, before);
            }
            prop_assert_eq!(can_carry(base_seq, &taken), !taken.is_empty());
            if builder == before {
                let mut refused = taken.clone();
                refused.push(range);
                prop_assert!(!can_carry(base_seq, &refused), "{range:?} refused after {taken:?}");
            }
            first = first.saturating_add(length).saturating_add(gap);
        }
        prop_assert_eq!(builder.len(), taken.len());
        prop_assert!(builder.as_ranges().iter(base_seq).eq(taken.iter().copied()));
        if !builder.is_empty() {
            let body = Body::Nack { target_epoch: 1, stamp: 2, cookie: 0, rtt: 0, ranges: builder.as_ranges() };
            let packet = Packet { flags: Flags::NONE, heartbeat: 0, epoch: 0, seq: base_seq, extension: None, body };
            let bytes = encode(&packet);
            prop_assert_eq!(Packet::decode(&bytes), Ok(packet));
        }
    }

    #[test]
    fn intervals_builder_takes_what_a_packet_can_carry(micros in vec(any_micros(), 0..140)) {
        let mut builder = IntervalsBuilder::new();
        let mut taken = Vec::new();
        for micros in micros {
            let legal = (MIN_INTERVAL_MICROS..=MAX_INTERVAL_MICROS).contains(&micros);
            let pushed = builder.push(micros);
            prop_assert_eq!(pushed, legal && taken.len() < MAX_INTERVALS);
            if pushed {
                taken.push(micros);
            }
        }
        prop_assert!(builder.as_intervals().iter().eq(taken));
    }

    #[test]
    fn extension_takes_what_a_packet_can_carry(block in vec(prop_oneof![3 => 0..4_u8, 1 => any::<u8>()], 0..60)) {
        let mut bytes = vec![0x52, 0x10, 0x40, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
        bytes.extend(u16::try_from(block.len()).expect("short").to_be_bytes());
        bytes.extend(&block);
        let extension = Packet::decode(&bytes).map(|packet| packet.extension);
        prop_assert_eq!(extension, Extension::new(&block).map(Some));
    }
}

/// No panic, and what decodes encodes back to the same bytes.
fn check_bytes(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(packet) = Packet::decode(bytes) {
        prop_assert_eq!(encode(&packet), bytes);
        prop_assert!(packet.to_string().starts_with("RMC "));
    }
    Ok(())
}

fn check_encode(packet: &Packet<'_>) -> Result<(), TestCaseError> {
    let mut bytes = vec![0; packet.encoded_len()];
    // An illegal packet can be printed as well.
    prop_assert!(packet.to_string().starts_with("RMC "));
    match packet.encode(&mut bytes) {
        Ok(_) => prop_assert_eq!(Packet::decode(&bytes), Ok(*packet)),
        Err(EncodeError::Invalid(reason)) => {
            // Written without the checks, it must not decode, or not to this packet. Only what the types cannot
            // keep illegal is put on the wire by hand here: the numbers of kinds without lists.
            if let Some(bytes) = unchecked_bytes(packet) {
                prop_assert_eq!(Packet::decode(&bytes), Err(reason));
            }
        }
        Err(error) => prop_assert!(false, "the room was enough: {error}"),
    }
    Ok(())
}

/// The bytes of a packet whose body borrows nothing, legal or not.
fn unchecked_bytes(packet: &Packet<'_>) -> Option<Vec<u8>> {
    let ext = if packet.extension.is_some() { 0x40 } else { 0 };
    let mut bytes = vec![0x52, 0x10 | packet.kind().number(), packet.flags.bits() | ext, packet.heartbeat];
    bytes.extend(packet.epoch.to_be_bytes());
    bytes.extend(packet.seq.to_be_bytes());
    if let Some(extension) = packet.extension {
        let block = extension.as_bytes();
        bytes.extend(u16::try_from(block.len()).expect("short").to_be_bytes());
        bytes.extend(block);
    }
    match packet.body {
        Body::Data { payload } => bytes.extend(payload),
        Body::Heartbeat { oldest, interval, backoff, group, rtt } => {
            bytes.extend(oldest.to_be_bytes());
            bytes.extend([interval, backoff, group, rtt].map(u32::to_be_bytes).concat());
        }
        Body::Lost { first, stamp } => {
            bytes.extend(first.to_be_bytes());
            bytes.extend(stamp.to_be_bytes());
        }
        Body::Reset { stamp } => bytes.extend(stamp.to_be_bytes()),
        Body::Ack { target_epoch, window, rtt } => {
            bytes.extend([target_epoch, window, rtt].map(u32::to_be_bytes).concat())
        }
        Body::HeartbeatTimes { .. } | Body::Nack { .. } | Body::Confirm { .. } => return None,
    }
    Some(bytes)
}

/// The rules for ranges, said once more.
fn can_carry(base_seq: u64, ranges: &[SeqRange]) -> bool {
    let fits = |range: &SeqRange| {
        range.last() <= MAX_SEQ && u32::try_from(range.len()).is_ok() && u32::try_from(range.first() - base_seq).is_ok()
    };
    let apart = |pair: &[SeqRange]| match pair {
        [before, after] => before.last().checked_add(1).is_some_and(|end| after.first() > end),
        _ => false,
    };
    base_seq >= 1
        && !ranges.is_empty()
        && ranges.len() <= MAX_RANGES
        && ranges.first().map(|range| range.first()) == Some(base_seq)
        && ranges.iter().all(fits)
        && ranges.windows(2).all(apart)
}

// Strategies: numbers gather at their bounds, where the faults are.

/// Any u64, often near 0, near 2^63 or near 2^64.
fn any_seq() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..4_u64,
        2 => MAX_SEQ - 40..MAX_SEQ + 3,
        1 => u64::MAX - 2..=u64::MAX,
        2 => any::<u64>(),
        2 => 0..=MAX_SEQ,
    ]
}

/// A number of this least value that a packet may name.
fn legal_seq(min: u64) -> impl Strategy<Value = u64> {
    prop_oneof![min..min + 4, MAX_SEQ - 3..=MAX_SEQ, min..=MAX_SEQ]
}

/// A distance or a length less one: mostly small, sometimes near the 32 bits that the wire has for it.
fn any_step() -> impl Strategy<Value = u64> {
    let limit = u64::from(u32::MAX);
    prop_oneof![8 => 0..4_u64, 1 => limit - 3..limit + 3, 1 => any::<u64>()]
}

/// Any u32, often near the bounds of intervals, delays and round trips.
fn any_micros() -> impl Strategy<Value = u32> {
    prop_oneof![
        1 => Just(0),
        1 => MIN_INTERVAL_MICROS - 2..MIN_INTERVAL_MICROS + 2,
        1 => MAX_DELAY_MICROS - 2..MAX_DELAY_MICROS + 2,
        1 => MAX_INTERVAL_MICROS - 2..MAX_INTERVAL_MICROS + 2,
        3 => MIN_INTERVAL_MICROS..=MAX_INTERVAL_MICROS,
        1 => any::<u32>(),
    ]
}

fn any_flags() -> impl Strategy<Value = Flags> {
    (0..64_u8).prop_map(|bits| Flags::from_bits(bits).expect("6 bits"))
}

fn extension() -> impl Strategy<Value = Option<Vec<u8>>> {
    let record = (0..128_u8, vec(any::<u8>(), 0..6));
    proptest::option::weighted(0.3, vec(record, 0..4)).prop_map(|records| {
        let block = records?.into_iter().flat_map(|(kind, bytes)| {
            let len = u8::try_from(bytes.len()).expect("short");
            [vec![kind, len], bytes].concat()
        });
        Some(block.collect())
    })
}

fn packed_payload() -> impl Strategy<Value = Vec<u8>> {
    vec(vec(any::<u8>(), 0..9), 1..5).prop_map(|records| {
        let framed = records.into_iter().map(|bytes| {
            let len = u16::try_from(bytes.len()).expect("short").to_be_bytes();
            [len.to_vec(), bytes].concat()
        });
        framed.collect::<Vec<_>>().concat()
    })
}

/// A number and ranges from it on. What goes past a bound is left out.
fn ranges_from(seq: impl Strategy<Value = u64>) -> impl Strategy<Value = (u64, Box<RangesBuilder>)> {
    let steps = vec((any_step(), any_step()), 0..40);
    (seq, steps).prop_map(|(seq, steps)| {
        let mut builder = Box::new(RangesBuilder::new(seq));
        let _ = builder.push(SeqRange::single(seq));
        let mut next = seq.saturating_add(2);
        for (length, gap) in steps {
            let last = next.saturating_add(length);
            let pushed = SeqRange::new(next, last).is_some_and(|range| builder.push(range));
            if pushed {
                next = last.saturating_add(2).saturating_add(gap);
            }
        }
        (seq, builder)
    })
}

fn intervals() -> impl Strategy<Value = Box<IntervalsBuilder>> {
    vec(any_micros(), 0..140).prop_map(|micros| {
        let mut builder = Box::new(IntervalsBuilder::new());
        assert!(builder.push(MIN_INTERVAL_MICROS));
        for micros in micros {
            let _ = builder.push(micros);
        }
        builder
    })
}

/// Packets that keep every rule, of all kinds.
fn legal_packet() -> impl Strategy<Value = OwnedPacket> {
    let common = (any_flags(), any::<u8>(), any::<u32>(), extension(), vec(any::<u8>(), 0..40));
    let values = (
        any::<[u32; 3]>(),
        any::<u8>(),
        0..=MAX_RTT_MICROS,
        0..=MAX_DELAY_MICROS,
        prop_oneof![
            1 => Just(0),
            1 => Just(MIN_INTERVAL_MICROS),
            4 => MIN_INTERVAL_MICROS..=MAX_INTERVAL_MICROS
        ],
    );
    let lists = (ranges_from(legal_seq(1)), intervals(), packed_payload());
    let numbers = (legal_seq(0), any::<Index>());
    let kind = proptest::sample::select(&Kind::ALL[..]);
    (kind, common, values, lists, numbers).prop_map(
        |(
            kind,
            (flags, heartbeat, epoch, extension, payload),
            ([target_epoch, stamp, cookie], reason, rtt, delay, interval),
            ((ranges_seq, ranges), intervals, packed),
            (seq, below),
        )| {
            let mut flags = Flags::from_bits(flags.bits() & kind.allowed_flags().bits()).expect("fewer flags");
            let mut seq = seq.max(kind.min_seq());
            // A number from 1 to `limit`.
            let below = |limit: u64| 1 + u64::try_from(below.index(usize::MAX)).expect("64 bits at most") % limit;
            let body = match kind {
                Kind::Data if flags.contains(Flags::PACKED) => {
                    flags = flags | Flags::FIRST | Flags::LAST;
                    OwnedBody::Data { payload: packed }
                }
                Kind::Data => OwnedBody::Data { payload },
                Kind::Heartbeat => OwnedBody::Plain(Body::Heartbeat {
                    oldest: below(seq + 1),
                    interval,
                    backoff: delay,
                    group: stamp,
                    rtt,
                }),
                Kind::HeartbeatTimes => OwnedBody::HeartbeatTimes { intervals },
                Kind::Nack => {
                    seq = ranges_seq;
                    OwnedBody::Nack { target_epoch, stamp, cookie, rtt, ranges }
                }
                Kind::Lost => OwnedBody::Plain(Body::Lost { first: below(seq - 1), stamp }),
                Kind::Reset => OwnedBody::Plain(Body::Reset { stamp }),
                Kind::Ack => OwnedBody::Plain(Body::Ack { target_epoch, window: cookie, rtt }),
                Kind::Confirm => {
                    seq = ranges_seq;
                    OwnedBody::Confirm { reason, delay, stamp, cookie, ranges }
                }
            };
            OwnedPacket { flags, heartbeat, epoch, seq, extension, body }
        },
    )
}

/// Packets that can be put together from the types, whether they keep the rules or not.
fn any_packet() -> impl Strategy<Value = OwnedPacket> {
    let numbers = (any_seq(), any_seq());
    let values = (any::<[u32; 2]>(), any_micros(), any_micros(), any_micros());
    let payload = prop_oneof![packed_payload(), vec(0..3_u8, 0..6)];
    let lists = (ranges_from(any_seq()), payload);
    let wild = (legal_packet(), any_flags(), numbers, values, lists);
    wild.prop_map(|(legal, flags, (seq, number), (any, a, b, c), lists)| {
        let ((ranges_seq, ranges), payload) = lists;
        let [target_epoch, stamp] = any;
        let body = match legal.body {
            OwnedBody::Data { .. } => OwnedBody::Data { payload },
            OwnedBody::Plain(Body::Heartbeat { .. }) => {
                OwnedBody::Plain(Body::Heartbeat { oldest: number, interval: a, backoff: b, group: stamp, rtt: c })
            }
            OwnedBody::Plain(Body::Lost { .. }) => OwnedBody::Plain(Body::Lost { first: number, stamp }),
            OwnedBody::Plain(Body::Ack { .. }) => OwnedBody::Plain(Body::Ack { target_epoch, window: stamp, rtt: a }),
            OwnedBody::Nack { .. } => OwnedBody::Nack { target_epoch, stamp, cookie: 0, rtt: a, ranges },
            OwnedBody::Confirm { reason, .. } => OwnedBody::Confirm { reason, delay: b, stamp, cookie: 0, ranges },
            other => other,
        };
        let allowed = body_kind_flags(&body);
        // Half of them with legal flags, and with the ranges' own number, so that the other rules are reached.
        let tame = stamp % 2 == 0;
        let flags = if tame { Flags::from_bits(flags.bits() & allowed.bits()).expect("fewer flags") } else { flags };
        let seq =
            if tame && matches!(body, OwnedBody::Nack { .. } | OwnedBody::Confirm { .. }) { ranges_seq } else { seq };
        OwnedPacket { flags, seq, body, ..legal }
    })
}

fn body_kind_flags(body: &OwnedBody) -> Flags {
    match body {
        OwnedBody::Data { .. } => Kind::Data.allowed_flags(),
        OwnedBody::HeartbeatTimes { .. } => Kind::HeartbeatTimes.allowed_flags(),
        OwnedBody::Nack { .. } => Kind::Nack.allowed_flags(),
        OwnedBody::Confirm { .. } => Kind::Confirm.allowed_flags(),
        OwnedBody::Plain(body) => body.kind().allowed_flags(),
    }
}
