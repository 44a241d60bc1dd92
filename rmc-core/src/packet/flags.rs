//! The header's flags.

use core::fmt;
use core::ops::{BitOr, BitOrAssign};

/// A set of flags (wire format, 'Flags').
///
/// EXT (0x40) is not among them: on the wire it is set if and only if the packet has an
/// [`extension`](super::Packet::extension). The reserved bit 0x80 cannot be represented.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Flags(u8);

impl Flags {
    /// No flag.
    pub const NONE: Self = Self(0);
    /// Data: a repair, not the first transmission.
    pub const RESENT: Self = Self(0x01);
    /// Any kind but HeartbeatTimes: of the private stream between the packet's sender and its receiver.
    pub const PRIVATE: Self = Self(0x02);
    /// Data: the first fragment of a message.
    pub const FIRST: Self = Self(0x04);
    /// Data: the last fragment of a message. An unfragmented message has FIRST and LAST.
    pub const LAST: Self = Self(0x08);
    /// Data: the body holds several messages, see [`records`](super::records). Only with FIRST and LAST.
    pub const PACKED: Self = Self(0x10);
    /// Heartbeat: the sender has finished, seq is the last it will ever send in this epoch.
    pub const END: Self = Self(0x20);

    /// The names, in the order of the bits.
    const NAMES: [(Self, &'static str); 6] = [
        (Self::RESENT, "RESENT"),
        (Self::PRIVATE, "PRIVATE"),
        (Self::FIRST, "FIRST"),
        (Self::LAST, "LAST"),
        (Self::PACKED, "PACKED"),
        (Self::END, "END"),
    ];
    const KNOWN_BITS: u8 = 0x3f;

    /// The flags with these bits; `None` if a bit is not one of the constants above (EXT, reserved).
    #[must_use]
    pub const fn from_bits(bits: u8) -> Option<Self> {
        if bits & !Self::KNOWN_BITS != 0 {
            return None;
        }
        Some(Self(bits))
    }

    /// The bits as on the wire, without EXT.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all flags of `other` are set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether no flag is set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags of both.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags without those of `other`.
    #[must_use]
    pub const fn difference(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        self.union(other)
    }
}

impl BitOrAssign for Flags {
    fn bitor_assign(&mut self, other: Self) {
        *self = self.union(other);
    }
}

/// The names, with a comma between them: `FIRST,LAST`.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (flag, name) in Self::NAMES {
            if self.contains(flag) {
                write!(f, "{separator}{name}")?;
                separator = ",";
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}
