//! Packets that are legal more often than not.

use arbitrary::Arbitrary;
use rmc_core::SeqRange;
use rmc_core::packet::{Body, Flags, IntervalsBuilder, Packet, RangesBuilder};

/// A sequence number: most often one that matters.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Number {
    Near(u8),
    Middle(u16),
    Any(u64),
}

impl Number {
    pub(crate) fn value(self) -> u64 {
        match self {
            Self::Near(value) => u64::from(value % 64),
            Self::Middle(value) => u64::from(value),
            Self::Any(value) => value,
        }
    }
}

/// The stamp that an answer carries, or the cookie that a NACK does.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(crate) enum Stamp {
    Unasked,
    /// Of the last NACK or Confirm that the node sent.
    Echo,
    Any(u32),
}

impl Stamp {
    const fn value(self, echo: u32) -> u32 {
        match self {
            Self::Unasked => 0,
            Self::Echo => echo,
            Self::Any(value) => value,
        }
    }
}

/// A packet of each kind, without what its sender decides.
#[derive(Arbitrary, Clone, Debug)]
pub(crate) enum Shape {
    Data {
        seq: Number,
        flags: u8,
        payload: Vec<u8>,
    },
    /// A run of whole messages begins here: the common case, in few bytes.
    Small {
        seq: u8,
        resent: bool,
        private: bool,
    },
    /// A part of a message, most often one that others make whole.
    Part {
        seq: u8,
        ends: u8,
        len: u8,
        private: bool,
    },
    Heartbeat {
        seq: Number,
        behind: Number,
        interval: u32,
        end: bool,
        private: bool,
        told: u16,
    },
    Times {
        seq: Number,
        times: Vec<u16>,
        index: u8,
    },
    Nack {
        seq: Number,
        ranges: Vec<(Number, Number)>,
        wrong_target: bool,
        private: bool,
        cookie: Stamp,
        rtt: u16,
    },
    Lost {
        first: Number,
        count: Number,
        stamp: Stamp,
        private: bool,
    },
    Reset {
        seq: Number,
        stamp: Stamp,
        private: bool,
    },
    Ack {
        seq: Number,
        window: u32,
        wrong_target: bool,
        private: bool,
    },
    Confirm {
        seq: Number,
        reason: u8,
        delay: u32,
        stamp: Stamp,
        cookie: u8,
        ranges: Vec<(Number, Number)>,
        private: bool,
    },
}

impl Shape {
    /// The datagram; `None` if the parts make no legal packet.
    /// `echo`: the last stamp of the node; `shown`: the last cookie that it gave.
    pub(crate) fn encode(&self, epoch: u32, own_epoch: u32, echo: u32, shown: u32) -> Option<Vec<u8>> {
        let target = |wrong: bool| if wrong { own_epoch ^ 1 } else { own_epoch };
        match *self {
            Self::Data { seq, flags, ref payload } => {
                packet(Flags::from_bits(flags & 0x1f)?, epoch, seq.value(), Body::Data { payload })
            }
            Self::Small { seq, resent, private } => {
                let flags = Flags::FIRST | Flags::LAST | when(resent, Flags::RESENT) | when(private, Flags::PRIVATE);
                packet(flags, epoch, u64::from(seq % 64), Body::Data { payload: b"small" })
            }
            Self::Part { seq, ends, len, private } => {
                let (first, last) =
                    if ends < 192 { (seq % 3 == 0, seq % 3 == 2) } else { (ends & 1 > 0, ends & 2 > 0) };
                let flags = when(first, Flags::FIRST) | when(last, Flags::LAST) | when(private, Flags::PRIVATE);
                packet(flags, epoch, u64::from(seq % 32), Body::Data { payload: &[seq; 255][..len.into()] })
            }
            Self::Heartbeat { seq, behind, interval, end, private, told } => {
                let flags = when(end, Flags::END) | when(private, Flags::PRIVATE);
                let oldest = seq.value().saturating_add(1).saturating_sub(behind.value()).max(1);
                let interval = interval % 60_000_000;
                let told = u32::from(told);
                let body = Body::Heartbeat { oldest, interval, backoff: told, group: told % 7, rtt: told / 2 };
                packet(flags, epoch, seq.value(), body)
            }
            Self::Times { seq, ref times, index } => {
                let mut intervals = IntervalsBuilder::new();
                for &time in times {
                    let _full = intervals.push(u32::from(time) * 1_000);
                }
                let body = Body::HeartbeatTimes { intervals: intervals.as_intervals() };
                packet_with(Flags::NONE, index, epoch, seq.value(), body)
            }
            Self::Nack { seq, ref ranges, wrong_target, private, cookie, rtt } => {
                let ranges = build(seq, ranges);
                let (target_epoch, ranges) = (target(wrong_target), ranges.as_ranges());
                let (cookie, rtt) = (cookie.value(shown), u32::from(rtt) * 16);
                let body = Body::Nack { target_epoch, stamp: 99, cookie, rtt, ranges };
                packet(when(private, Flags::PRIVATE), epoch, seq.value(), body)
            }
            Self::Lost { first, count, stamp, private } => {
                let seq = first.value().saturating_add(count.value());
                let body = Body::Lost { first: first.value(), stamp: stamp.value(echo) };
                packet(when(private, Flags::PRIVATE), epoch, seq, body)
            }
            Self::Reset { seq, stamp, private } => {
                packet(when(private, Flags::PRIVATE), epoch, seq.value(), Body::Reset { stamp: stamp.value(echo) })
            }
            Self::Ack { seq, window, wrong_target, private } => {
                let body = Body::Ack { target_epoch: target(wrong_target), window, rtt: 0 };
                packet(when(private, Flags::PRIVATE), epoch, seq.value(), body)
            }
            Self::Confirm { seq, reason, delay, stamp, cookie, ref ranges, private } => {
                let ranges = build(seq, ranges);
                let (stamp, cookie) = (stamp.value(echo), cookie.into());
                let ranges = ranges.as_ranges();
                let body = Body::Confirm { reason, delay: delay % 10_000_000, stamp, cookie, ranges };
                packet(when(private, Flags::PRIVATE), epoch, seq.value(), body)
            }
        }
    }
}

const fn when(set: bool, flag: Flags) -> Flags {
    if set { flag } else { Flags::NONE }
}

fn packet(flags: Flags, epoch: u32, seq: u64, body: Body<'_>) -> Option<Vec<u8>> {
    packet_with(flags, 0, epoch, seq, body)
}

fn packet_with(flags: Flags, heartbeat: u8, epoch: u32, seq: u64, body: Body<'_>) -> Option<Vec<u8>> {
    let packet = Packet { flags, heartbeat, epoch, seq, extension: None, body };
    let mut datagram = vec![0; packet.encoded_len()];
    packet.encode(&mut datagram).ok()?;
    Some(datagram)
}

/// Ranges of (distance from the one before, length); those that do not fit are left out.
fn build(seq: Number, ranges: &[(Number, Number)]) -> RangesBuilder {
    let mut builder = RangesBuilder::new(seq.value());
    let mut first = seq.value();
    for (length, distance) in ranges.iter().take(40) {
        let Some(range) = SeqRange::new(first, first.saturating_add(length.value())) else {
            break;
        };
        if !builder.push(range) {
            break;
        }
        first = range.last().saturating_add(2).saturating_add(distance.value());
    }
    builder
}
