//! The operations.

use arbitrary::Arbitrary;

use super::shape::{Number, Shape};

/// One operation on the node.
#[derive(Arbitrary, Clone, Debug)]
pub(super) enum Op {
    /// Any bytes.
    Datagram {
        source: u8,
        multicast: bool,
        bytes: Vec<u8>,
    },
    /// A packet put together.
    Packet {
        source: u8,
        multicast: bool,
        epoch: u8,
        shape: Shape,
    },
    /// Time passes.
    Advance {
        micros: u16,
    },
    /// Much time passes: everybody expires.
    Leap {
        millis: u16,
    },
    /// Time passes up to the deadline that the node asked for.
    ToDeadline,
    /// The clock is set back.
    Backwards {
        micros: u32,
    },
    Send {
        len: u16,
    },
    SendTo {
        peer: u8,
        len: u16,
    },
    SendAt {
        skip: Number,
        len: u16,
    },
    Recv {
        count: u8,
    },
    Drain,
    /// The next packet cannot be sent.
    Fail {
        retry: bool,
    },
    /// Everything that is due is done.
    Settle,
    /// What waits for more messages leaves.
    Flush,
    Reset,
    HeartbeatTimes {
        times: Vec<u8>,
        index: u8,
    },
    Silent {
        silent: bool,
    },
    Join {
        policy: u8,
    },
    Activate,
    Deactivate,
    Local {
        index: u8,
    },
    Remove {
        peer: u8,
    },
    /// Only one value in 16 does it, or no list would go on for long.
    Finish {
        really: u8,
        millis: u8,
    },
    /// As rarely.
    Close {
        really: u8,
    },
}
