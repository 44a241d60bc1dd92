//! The kinds of packets, and what the header of each may hold.

use core::fmt;

use super::Flags;

/// What a packet is for (wire format, 'Kinds'). 7 (Parity) and 9 to 15 are reserved and do not decode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Kind {
    /// A packet of the stream.
    Data = 0,
    /// The sender lives, and this is the last number it sent.
    Heartbeat = 1,
    /// The sender's table of heartbeat intervals.
    HeartbeatTimes = 2,
    /// A receiver asks for missing numbers.
    Nack = 3,
    /// The sender cannot repair these numbers.
    Lost = 4,
    /// The stream goes on after this number.
    Reset = 5,
    /// A receiver has everything up to this number.
    Ack = 6,
    /// The sender has heard a Nack: a repair is under way, or it is busy.
    Confirm = 8,
}

impl Kind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Data,
        Self::Heartbeat,
        Self::HeartbeatTimes,
        Self::Nack,
        Self::Lost,
        Self::Reset,
        Self::Ack,
        Self::Confirm,
    ];

    /// The kind of this number, 0 to 15; `None` if it is reserved or out of range.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        Some(match number {
            0 => Self::Data,
            1 => Self::Heartbeat,
            2 => Self::HeartbeatTimes,
            3 => Self::Nack,
            4 => Self::Lost,
            5 => Self::Reset,
            6 => Self::Ack,
            8 => Self::Confirm,
            _ => return None,
        })
    }

    /// The number on the wire.
    #[must_use]
    pub const fn number(self) -> u8 {
        self as u8
    }

    /// The flags that a packet of this kind may carry (wire format, 'Flags'); EXT, which any may, is not among
    /// [`Flags`].
    #[must_use]
    pub const fn allowed_flags(self) -> Flags {
        match self {
            Self::Data => {
                Flags::RESENT.union(Flags::PRIVATE).union(Flags::FIRST).union(Flags::LAST).union(Flags::PACKED)
            }
            Self::Heartbeat => Flags::PRIVATE.union(Flags::END),
            // There is one heartbeat table per node, not one per stream.
            Self::HeartbeatTimes => Flags::NONE,
            Self::Nack | Self::Lost | Self::Reset | Self::Ack | Self::Confirm => Flags::PRIVATE,
        }
    }

    /// The lowest sequence number that the header of this kind may hold: 1 where a packet of the stream is named, 2
    /// where one before it is, 0 where 'none yet' makes sense.
    #[must_use]
    pub const fn min_seq(self) -> u64 {
        match self {
            Self::Data | Self::Nack | Self::Confirm => 1,
            Self::Lost => 2,
            Self::Heartbeat | Self::HeartbeatTimes | Self::Reset | Self::Ack => 0,
        }
    }

    /// The name in `snake_case`, as in logs and in the golden vectors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Heartbeat => "heartbeat",
            Self::HeartbeatTimes => "heartbeat_times",
            Self::Nack => "nack",
            Self::Lost => "lost",
            Self::Reset => "reset",
            Self::Ack => "ack",
            Self::Confirm => "confirm",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
