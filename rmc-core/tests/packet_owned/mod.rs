//! A packet that owns its parts, as tests read it from vectors or draw it at random.

use rmc_core::packet::{Body, Extension, Flags, IntervalsBuilder, Packet, RangesBuilder};

#[derive(Clone, Debug)]
pub(crate) struct OwnedPacket {
    pub(crate) flags: Flags,
    pub(crate) heartbeat: u8,
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
    /// The bytes of a legal extension block.
    pub(crate) extension: Option<Vec<u8>>,
    pub(crate) body: OwnedBody,
}

#[derive(Clone, Debug)]
pub(crate) enum OwnedBody {
    Data {
        payload: Vec<u8>,
    },
    HeartbeatTimes {
        intervals: Box<IntervalsBuilder>,
    },
    Nack {
        target_epoch: u32,
        stamp: u32,
        cookie: u32,
        rtt: u32,
        ranges: Box<RangesBuilder>,
    },
    Confirm {
        reason: u8,
        delay: u32,
        stamp: u32,
        cookie: u32,
        ranges: Box<RangesBuilder>,
    },
    /// A body that borrows nothing.
    Plain(Body<'static>),
}

impl OwnedPacket {
    pub(crate) fn packet(&self) -> Packet<'_> {
        Packet {
            flags: self.flags,
            heartbeat: self.heartbeat,
            epoch: self.epoch,
            seq: self.seq,
            extension: self.extension.as_deref().map(|block| Extension::new(block).expect("a legal extension block")),
            body: self.body.body(),
        }
    }

    /// The bytes of a packet that is legal.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        encode(&self.packet())
    }
}

impl OwnedBody {
    pub(crate) fn body(&self) -> Body<'_> {
        match self {
            Self::Data { payload } => Body::Data { payload },
            Self::HeartbeatTimes { intervals } => Body::HeartbeatTimes { intervals: intervals.as_intervals() },
            Self::Nack { target_epoch, stamp, cookie, rtt, ranges } => Body::Nack {
                target_epoch: *target_epoch,
                stamp: *stamp,
                cookie: *cookie,
                rtt: *rtt,
                ranges: ranges.as_ranges(),
            },
            Self::Confirm { reason, delay, stamp, cookie, ranges } => Body::Confirm {
                reason: *reason,
                delay: *delay,
                stamp: *stamp,
                cookie: *cookie,
                ranges: ranges.as_ranges(),
            },
            Self::Plain(body) => *body,
        }
    }
}

/// The bytes of a packet that is legal, in a buffer of exactly its length.
pub(crate) fn encode(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = vec![0xa5; packet.encoded_len()];
    let len = packet.encode(&mut bytes).expect("a legal packet");
    assert_eq!(len, bytes.len());
    bytes
}
