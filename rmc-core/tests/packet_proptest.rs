//! The codec on arbitrary input: legal packets, illegal packets, any bytes, damaged datagrams.

mod packet_owned;
mod packet_strategies;

use packet_owned::encode;
use packet_strategies::{any_micros, any_packet, any_seq, any_step, legal_packet};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rmc_core::packet::{
    Body, EncodeError, Extension, Flags, IntervalsBuilder, Kind, MAX_INTERVAL_MICROS, MAX_INTERVALS, MAX_RANGES,
    MIN_INTERVAL_MICROS, Packet, RangesBuilder, records,
};
use rmc_core::{MAX_SEQ, SeqRange};

proptest! {
    // RMC-ENC-5
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

    // RMC-ENC-5
    #[test]
    fn any_bytes_are_a_packet_or_refused(bytes in vec(any::<u8>(), 0..80)) {
        check_bytes(&bytes)?;
    }

    /// As above, behind a header that is likely to be legal, so that bodies are reached.
    // RMC-ENC-5
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

    // RMC-ENC-5
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
        for record in iterator.by_ref() {
            let len = u16::try_from(record.len()).expect("its length is a u16");
            seen.extend(len.to_be_bytes());
            seen.extend(record);
        }
        prop_assert_eq!(iterator.next(), None);
        seen.extend(iterator.rest());
        prop_assert_eq!(seen, payload);
    }

    /// The builder takes exactly what a packet can carry, and says so.
    // RMC-KIND-3
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
            bytes.extend([target_epoch, window, rtt].map(u32::to_be_bytes).concat());
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
