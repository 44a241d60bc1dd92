//! Sequence numbers and ranges of them.

use core::fmt;

/// The highest number that a packet may name: 2^63 - 1 (RMC-SEQ-1).
pub const MAX_SEQ: u64 = (1 << 63) - 1;

/// An inclusive, never empty range of sequence numbers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeqRange {
    first: u64,
    last: u64,
}

impl SeqRange {
    /// The range from `first` to `last`, both included; `None` if `last` lies below `first`.
    #[must_use]
    pub const fn new(first: u64, last: u64) -> Option<Self> {
        if last < first {
            return None;
        }
        Some(Self { first, last })
    }

    /// The range that holds one number.
    #[must_use]
    pub const fn single(seq: u64) -> Self {
        Self { first: seq, last: seq }
    }

    /// The lowest number in the range.
    #[must_use]
    pub const fn first(self) -> u64 {
        self.first
    }

    /// The highest number in the range.
    #[must_use]
    pub const fn last(self) -> u64 {
        self.last
    }

    /// How many numbers it holds, at least one (saturating: only 0 ..= 2^64 - 1 holds one more than fits).
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a range is never empty")]
    pub const fn len(self) -> u64 {
        (self.last - self.first).saturating_add(1)
    }

    /// Whether `seq` lies in the range.
    #[must_use]
    pub const fn contains(self, seq: u64) -> bool {
        self.first <= seq && seq <= self.last
    }
}

impl fmt::Debug for SeqRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for SeqRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            return write!(f, "{}", self.first);
        }
        write!(f, "{}-{}", self.first, self.last)
    }
}
