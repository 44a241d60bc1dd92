//! What follows the header, kind by kind.

use super::cursor::{Reader, Writer};
use super::header::Header;
use super::{DecodeError, Flags, Intervals, Kind, Ranges, data, heartbeat};

/// The longest backoff or delay that a packet may ask for, in microseconds: 10 s.
pub const MAX_DELAY_MICROS: u32 = 10_000_000;
/// The longest round-trip time that a packet may tell, in microseconds: 60 s.
pub const MAX_RTT_MICROS: u32 = 60_000_000;
/// In an Ack: the receiver has more than half of its window free, and says nothing until that changes.
pub const OPEN_WINDOW: u32 = u32::MAX;

/// What follows the header (wire format, 'Kinds'). Each variant says what [`Packet::seq`](super::Packet::seq) is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body<'a> {
    /// A packet of the stream. `seq`: its number, 1 or more.
    Data {
        /// To the end of the datagram; may be empty. With PACKED the records of [`records`](super::records), one or
        /// more, none cut short.
        payload: &'a [u8],
    },
    /// The sender lives. `seq`: the last number sent; 0: none yet.
    Heartbeat {
        /// The lowest number that the sender can still repair, 1 to seq + 1. seq + 1: none; it is the one number that
        /// may be 2^63.
        oldest: u64,
        /// Microseconds until the next packet of this stream is due at the latest, 1 ms to 60 s, to be used as it
        /// stands (not through the table); 0: nothing promised.
        interval: u32,
        /// Microseconds, at most 10 s: the longest random delay that a receiver should put before its first NACK of a
        /// gap.
        backoff: u32,
        /// How many receivers there probably are, those included that the sender has not met; 0: unknown.
        group: u32,
        /// Microseconds, at most 60 s: the sender's estimate of the round trip for its group; 0: unknown.
        rtt: u32,
    },
    /// The sender's heartbeat table, into which the header's `heartbeat` is the new index. `seq`: the last number sent.
    HeartbeatTimes {
        /// 1 to 128 intervals of 1 ms to 60 s, in microseconds.
        intervals: Intervals<'a>,
    },
    /// A receiver asks for what it misses. `seq`: the first missing number, 1 or more. The header's epoch is the
    /// receiver's own.
    Nack {
        /// The epoch of the stream that is asked.
        target_epoch: u32,
        /// The asker's choice; comes back in what answers this Nack.
        stamp: u32,
        /// The last cookie that the sender gave the asker in a Confirm; 0: none.
        cookie: u32,
        /// The asker's round trip to the sender in microseconds, at most 60 s; 0: unknown.
        rtt: u32,
        /// What is missing, 1 to 32 ranges from `seq` on.
        ranges: Ranges<'a>,
    },
    /// `first` to `seq` - 1 cannot be had; what lies below `first` is not touched. `seq`: the first number after what
    /// is gone, 2 or more.
    Lost {
        /// The lowest number that is gone, 1 to seq - 1; 1 when everything below seq is gone.
        first: u64,
        /// The stamp of the Nack that this answers; 0: unasked.
        stamp: u32,
    },
    /// The stream goes on. `seq`: the number after which it does, the next data packet is seq + 1.
    Reset {
        /// The stamp of the Nack that this answers; 0: unasked.
        stamp: u32,
    },
    /// A receiver tells how far it is. `seq`: the highest number received with nothing missing before it. The header's
    /// epoch is the receiver's own.
    Ack {
        /// The epoch of the stream that this is about.
        target_epoch: u32,
        /// Packets beyond seq that the receiver can take, or [`OPEN_WINDOW`].
        window: u32,
        /// The receiver's round trip to the sender in microseconds, at most 60 s; 0: unknown.
        rtt: u32,
    },
    /// The sender has heard of a gap. `seq`: the first number concerned, 1 or more.
    Confirm {
        /// 0: a repair is under way. 1: busy, ask again after the delay. An unknown reason counts as 1.
        reason: u8,
        /// Microseconds, at most 10 s.
        delay: u32,
        /// The stamp of the Nack that this answers; 0: unasked.
        stamp: u32,
        /// Proves, when it comes back in a Nack, that the asker receives at its address; 0: none.
        cookie: u32,
        /// The numbers concerned, 1 to 32 ranges from `seq` on.
        ranges: Ranges<'a>,
    },
}

impl<'a> Body<'a> {
    /// The kind of packet that has this body.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Data { .. } => Kind::Data,
            Self::Heartbeat { .. } => Kind::Heartbeat,
            Self::HeartbeatTimes { .. } => Kind::HeartbeatTimes,
            Self::Nack { .. } => Kind::Nack,
            Self::Lost { .. } => Kind::Lost,
            Self::Reset { .. } => Kind::Reset,
            Self::Ack { .. } => Kind::Ack,
            Self::Confirm { .. } => Kind::Confirm,
        }
    }

    /// Takes the body under this header, which has been checked, apart and checks it.
    #[inline]
    pub(super) fn decode(header: &Header, bytes: &'a [u8]) -> Result<Self, DecodeError> {
        // The hot path: a payload that is not PACKED has no form to be checked.
        if header.kind == Kind::Data && !header.flags.contains(Flags::PACKED) {
            return Ok(Self::Data { payload: bytes });
        }
        let mut reader = Reader::new(bytes);
        let body = Self::read(header.kind, &mut reader)?;
        reader.finish()?;
        body.check(header.flags, header.seq)?;
        Ok(body)
    }

    /// Takes a body of this kind apart. Its values are still unchecked, but for counts.
    fn read(kind: Kind, reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        // The fields of an initializer are evaluated in the order in which they are written: the order on the wire.
        Ok(match kind {
            Kind::Data => Self::Data { payload: reader.rest() },
            Kind::Heartbeat => Self::Heartbeat {
                oldest: reader.u64()?,
                interval: reader.u32()?,
                backoff: reader.u32()?,
                group: reader.u32()?,
                rtt: reader.u32()?,
            },
            Kind::HeartbeatTimes => Self::HeartbeatTimes { intervals: Intervals::read(reader)? },
            Kind::Nack => Self::Nack {
                target_epoch: reader.u32()?,
                stamp: reader.u32()?,
                cookie: reader.u32()?,
                rtt: reader.u32()?,
                ranges: Ranges::read(reader)?,
            },
            Kind::Lost => Self::Lost { first: reader.u64()?, stamp: reader.u32()? },
            Kind::Reset => Self::Reset { stamp: reader.u32()? },
            Kind::Ack => Self::Ack { target_epoch: reader.u32()?, window: reader.u32()?, rtt: reader.u32()? },
            Kind::Confirm => Self::Confirm {
                reason: reader.u8()?,
                delay: reader.u32()?,
                stamp: reader.u32()?,
                cookie: reader.u32()?,
                ranges: Ranges::read(reader)?,
            },
        })
    }

    /// The rules of the values, under a header with these flags and this number, which have been checked.
    pub(super) fn check(&self, flags: Flags, seq: u64) -> Result<(), DecodeError> {
        match *self {
            Self::Data { payload } => {
                if flags.contains(Flags::PACKED) {
                    data::check_packed(payload)?;
                }
                Ok(())
            }
            Self::Heartbeat { oldest, interval, backoff, group: _, rtt } => {
                heartbeat::check_heartbeat(seq, oldest, interval)?;
                check_delay(backoff)?;
                check_rtt(rtt)
            }
            Self::HeartbeatTimes { intervals } => intervals.check(),
            Self::Nack { rtt, ranges, .. } => {
                check_rtt(rtt)?;
                ranges.check(seq)
            }
            Self::Lost { first, stamp: _ } => {
                if first < 1 || first >= seq {
                    return Err(DecodeError::LostFirstOutOfBounds);
                }
                Ok(())
            }
            Self::Reset { stamp: _ } => Ok(()),
            Self::Ack { rtt, .. } => check_rtt(rtt),
            Self::Confirm { delay, ranges, .. } => {
                check_delay(delay)?;
                ranges.check(seq)
            }
        }
    }

    /// The length on the wire in bytes.
    pub(super) const fn encoded_len(&self) -> usize {
        match self {
            Self::Data { payload } => payload.len(),
            Self::Heartbeat { .. } => 24,
            Self::HeartbeatTimes { intervals } => 1 + intervals.as_bytes().len(),
            Self::Nack { ranges, .. } => 17 + ranges.as_bytes().len(),
            Self::Lost { .. } | Self::Ack { .. } => 12,
            Self::Reset { .. } => 4,
            Self::Confirm { ranges, .. } => 14 + ranges.as_bytes().len(),
        }
    }

    /// Writes a body that has been checked.
    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        match *self {
            Self::Data { payload } => writer.put(payload),
            Self::Heartbeat { oldest, interval, backoff, group, rtt } => {
                writer.u64(oldest);
                writer.u32(interval);
                writer.u32(backoff);
                writer.u32(group);
                writer.u32(rtt);
            }
            Self::HeartbeatTimes { intervals } => {
                write_list(writer, intervals.len(), intervals.as_bytes());
            }
            Self::Nack { target_epoch, stamp, cookie, rtt, ranges } => {
                writer.u32(target_epoch);
                writer.u32(stamp);
                writer.u32(cookie);
                writer.u32(rtt);
                write_list(writer, ranges.len(), ranges.as_bytes());
            }
            Self::Lost { first, stamp } => {
                writer.u64(first);
                writer.u32(stamp);
            }
            Self::Reset { stamp } => writer.u32(stamp),
            Self::Ack { target_epoch, window, rtt } => {
                writer.u32(target_epoch);
                writer.u32(window);
                writer.u32(rtt);
            }
            Self::Confirm { reason, delay, stamp, cookie, ranges } => {
                writer.u8(reason);
                writer.u32(delay);
                writer.u32(stamp);
                writer.u32(cookie);
                write_list(writer, ranges.len(), ranges.as_bytes());
            }
        }
    }
}

const fn check_delay(micros: u32) -> Result<(), DecodeError> {
    if micros > MAX_DELAY_MICROS {
        return Err(DecodeError::DelayOutOfBounds);
    }
    Ok(())
}

const fn check_rtt(micros: u32) -> Result<(), DecodeError> {
    if micros > MAX_RTT_MICROS {
        return Err(DecodeError::RttOutOfBounds);
    }
    Ok(())
}

/// A u8 count, then the encoded elements.
fn write_list(writer: &mut Writer<'_>, count: usize, elements: &[u8]) {
    // Both lists' bounds, which have been checked, lie below 256.
    writer.u8(u8::try_from(count).unwrap_or(u8::MAX));
    writer.put(elements);
}
