//! Datagrams as peers send them.

use std::time::Duration;

use rmc_core::SeqRange;
use rmc_core::packet::{Body, Flags, IntervalsBuilder, NO_PROMISE, Packet, RangesBuilder};

use crate::lone::{EPOCH, OWN};

/// What a message of one packet holds: made from its number, so that arrival can be checked without keeping it.
pub(crate) fn payload(seq: u64) -> Vec<u8> {
    let len = 20 + usize::try_from(seq % 7).expect("small");
    seq.to_be_bytes().into_iter().cycle().take(len).collect()
}

/// A whole message of one packet.
pub(crate) fn data(seq: u64) -> Vec<u8> {
    data_with(Flags::NONE, 0, EPOCH, seq)
}

pub(crate) fn repair(seq: u64) -> Vec<u8> {
    data_with(Flags::RESENT, 0, EPOCH, seq)
}

/// A whole message with further flags, a heartbeat index, and an epoch.
pub(crate) fn data_with(flags: Flags, heartbeat: u8, epoch: u32, seq: u64) -> Vec<u8> {
    let body = Body::Data { payload: &payload(seq) };
    encode(flags | Flags::FIRST | Flags::LAST, heartbeat, epoch, seq, body)
}

/// Any Data packet.
pub(crate) fn part(flags: Flags, seq: u64, payload: &[u8]) -> Vec<u8> {
    encode(flags, 0, EPOCH, seq, Body::Data { payload })
}

/// A heartbeat that promises the next packet within 500 ms.
pub(crate) fn heartbeat(seq: u64) -> Vec<u8> {
    heartbeat_with(Flags::NONE, seq, 1, Duration::from_millis(500))
}

pub(crate) fn heartbeat_with(flags: Flags, seq: u64, oldest: u64, interval: Duration) -> Vec<u8> {
    let interval = u32::try_from(interval.as_micros()).expect("a legal interval");
    let index = if interval == 0 { NO_PROMISE } else { 0 };
    encode(flags, index, EPOCH, seq, Body::Heartbeat { oldest, interval, backoff: 0, group: 0, rtt: 0 })
}

pub(crate) fn times(seq: u64, index: u8, intervals: &[Duration]) -> Vec<u8> {
    let mut builder = IntervalsBuilder::new();
    for interval in intervals {
        assert!(builder.push(u32::try_from(interval.as_micros()).expect("a legal interval")));
    }
    encode(Flags::NONE, index, EPOCH, seq, Body::HeartbeatTimes { intervals: builder.as_intervals() })
}

/// LOST for a range, both ends included.
pub(crate) fn lost(first: u64, last: u64, stamp: u32) -> Vec<u8> {
    encode(Flags::NONE, 0, EPOCH, last + 1, Body::Lost { first, stamp })
}

pub(crate) fn reset(seq: u64, stamp: u32) -> Vec<u8> {
    encode(Flags::NONE, 0, EPOCH, seq, Body::Reset { stamp })
}

/// A NACK to the node for these ranges, both ends included.
pub(crate) fn nack(stamp: u32, ranges: &[(u64, u64)]) -> Vec<u8> {
    nack_to(OWN, Flags::NONE, stamp, ranges)
}

pub(crate) fn nack_to(target_epoch: u32, flags: Flags, stamp: u32, ranges: &[(u64, u64)]) -> Vec<u8> {
    let mut builder = RangesBuilder::new(ranges[0].0);
    for &(first, last) in ranges {
        assert!(builder.push(SeqRange::new(first, last).expect("a range")), "{first}-{last} does not fit");
    }
    let body = Body::Nack { target_epoch, stamp, cookie: 0, rtt: 0, ranges: builder.as_ranges() };
    encode(flags, NO_PROMISE, EPOCH, ranges[0].0, body)
}

pub(crate) fn ack(flags: Flags, target_epoch: u32, seq: u64) -> Vec<u8> {
    encode(flags, NO_PROMISE, EPOCH, seq, Body::Ack { target_epoch, window: 1_000, rtt: 0 })
}

pub(crate) fn encode(flags: Flags, heartbeat: u8, epoch: u32, seq: u64, body: Body<'_>) -> Vec<u8> {
    let packet = Packet { flags, heartbeat, epoch, seq, extension: None, body };
    let mut datagram = vec![0; packet.encoded_len()];
    packet.encode(&mut datagram).expect("a legal packet");
    datagram
}
