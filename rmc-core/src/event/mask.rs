//! Which events an application wants.

use core::ops::BitOr;

use super::EventKind;

/// A set of event kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventMask(u64);

impl EventMask {
    /// None but `Readable` and `EventsDropped`, which always come.
    pub const NONE: Self = Self(0);
    /// All, the debug events `__received_packet__` and `__sent_packet__` included (S06).
    pub const ALL: Self = Self(u64::MAX);
    /// All that do not come per packet: the default (S35).
    pub const DEFAULT: Self = Self::ALL
        .without(EventKind::NewPacket)
        .without(EventKind::PacketSent)
        .without(EventKind::SentRepair)
        .without(EventKind::ReceivedPacket)
        .without(EventKind::SentPacket);

    /// This set and `kind`.
    #[must_use]
    pub const fn with(self, kind: EventKind) -> Self {
        Self(self.0 | 1 << kind as u64)
    }

    /// This set without `kind`.
    #[must_use]
    pub const fn without(self, kind: EventKind) -> Self {
        Self(self.0 & !(1 << kind as u64))
    }

    /// Whether `kind` is in the set.
    #[must_use]
    pub const fn contains(self, kind: EventKind) -> bool {
        self.0 & 1 << kind as u64 != 0
    }
}

impl BitOr for EventMask {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<EventKind> for EventMask {
    fn from_iter<I: IntoIterator<Item = EventKind>>(kinds: I) -> Self {
        kinds.into_iter().fold(Self::NONE, Self::with)
    }
}
