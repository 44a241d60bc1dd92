//! Why a datagram is refused, and why a packet cannot be written.

use thiserror::Error;

/// Why a datagram is not a packet: one variant per rule.
///
/// A datagram that breaks several rules is refused for the one found first. That order is not part of the wire format;
/// here the header's rules come first, in the order of the variants, then the extension block, then the body's form
/// (counts before lengths, so that a count out of bounds is not mistaken for a cut body), then its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// Less than the 16 bytes of a header.
    #[error("shorter than a header")]
    TooShort,
    /// More than 65,507 bytes.
    #[error("longer than a datagram can be")]
    TooLong,
    /// A sealed envelope (magic 0x53), which version 1 cannot open.
    #[error("a sealed envelope, which this version cannot open")]
    Sealed,
    /// The first byte is no magic that is known: not a packet of this protocol.
    #[error("unknown magic")]
    UnknownMagic,
    /// A version other than 1.
    #[error("unknown version")]
    UnknownVersion,
    /// A reserved kind, Parity included.
    #[error("unknown kind")]
    UnknownKind,
    /// The reserved flag 0x80 is set.
    #[error("a reserved flag is set")]
    ReservedFlag,
    /// A flag on a kind that it is not listed for.
    #[error("a flag that does not belong on this kind")]
    FlagNotAllowed,
    /// PACKED without both FIRST and LAST.
    #[error("PACKED without FIRST and LAST")]
    PackedFragment,
    /// The header's number is below the kind's lowest.
    #[error("sequence number below the lowest of this kind")]
    SeqTooLow,
    /// The header's number is above 2^63 - 1.
    #[error("sequence number above 2^63 - 1")]
    SeqTooHigh,
    /// The extension block is longer than the datagram, or its last record longer than the block.
    #[error("extension block or record cut short")]
    ExtensionCut,
    /// An extension of a type from 128 to 255 that is not known, and must not be skipped.
    #[error("unknown extension that must be understood")]
    ExtensionUnknown,
    /// A count of heartbeat intervals that is not 1 to 128.
    #[error("count of intervals out of bounds")]
    IntervalCount,
    /// A count of ranges that is not 1 to 32.
    #[error("count of ranges out of bounds")]
    RangeCount,
    /// The body is shorter than its kind or its count asks for.
    #[error("body cut short")]
    BodyCut,
    /// Bytes are left over after the body.
    #[error("bytes left over after the body")]
    TrailingBytes,
    /// PACKED without a single record.
    #[error("PACKED without a record")]
    PackedEmpty,
    /// A PACKED record longer than what is left of the payload.
    #[error("PACKED record cut short")]
    PackedCut,
    /// The heartbeat's oldest number is not 1 to seq + 1.
    #[error("oldest number out of bounds")]
    OldestOutOfBounds,
    /// A heartbeat interval that is not 1 ms to 60 s (nor 0 where that is allowed).
    #[error("heartbeat interval out of bounds")]
    IntervalOutOfBounds,
    /// A backoff or a delay of more than 10 s.
    #[error("delay out of bounds")]
    DelayOutOfBounds,
    /// A round-trip time of more than 60 s.
    #[error("round-trip time out of bounds")]
    RttOutOfBounds,
    /// The first lost number is not 1 to seq - 1.
    #[error("first lost number out of bounds")]
    LostFirstOutOfBounds,
    /// The first range does not begin at the header's number.
    #[error("first range with an offset other than 0")]
    RangeFirstOffset,
    /// A range of length 0.
    #[error("empty range")]
    RangeEmpty,
    /// A range that begins before, in or right after the one before it.
    #[error("ranges that do not ascend, or touch or overlap")]
    RangeOrder,
    /// A range that ends above 2^63 - 1.
    #[error("range ends above 2^63 - 1")]
    RangeTooHigh,
}

impl DecodeError {
    /// Every reason, in the order of [`index`](Self::index).
    pub const ALL: [Self; 28] = [
        Self::TooShort,
        Self::TooLong,
        Self::Sealed,
        Self::UnknownMagic,
        Self::UnknownVersion,
        Self::UnknownKind,
        Self::ReservedFlag,
        Self::FlagNotAllowed,
        Self::PackedFragment,
        Self::SeqTooLow,
        Self::SeqTooHigh,
        Self::ExtensionCut,
        Self::ExtensionUnknown,
        Self::IntervalCount,
        Self::RangeCount,
        Self::BodyCut,
        Self::TrailingBytes,
        Self::PackedEmpty,
        Self::PackedCut,
        Self::OldestOutOfBounds,
        Self::IntervalOutOfBounds,
        Self::DelayOutOfBounds,
        Self::RttOutOfBounds,
        Self::LostFirstOutOfBounds,
        Self::RangeFirstOffset,
        Self::RangeEmpty,
        Self::RangeOrder,
        Self::RangeTooHigh,
    ];

    /// How many reasons there are: the length of an array that counts by reason.
    pub const COUNT: usize = Self::ALL.len();

    /// This reason's place in such an array, below [`COUNT`](Self::COUNT). It may change from one release to the next;
    /// [`name`](Self::name) does not.
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// The stable name in `snake_case`, as in statistics and in the golden vectors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::TooLong => "too_long",
            Self::Sealed => "sealed",
            Self::UnknownMagic => "unknown_magic",
            Self::UnknownVersion => "unknown_version",
            Self::UnknownKind => "unknown_kind",
            Self::ReservedFlag => "reserved_flag",
            Self::FlagNotAllowed => "flag_not_allowed",
            Self::PackedFragment => "packed_fragment",
            Self::SeqTooLow => "seq_too_low",
            Self::SeqTooHigh => "seq_too_high",
            Self::ExtensionCut => "extension_cut",
            Self::ExtensionUnknown => "extension_unknown",
            Self::IntervalCount => "interval_count",
            Self::RangeCount => "range_count",
            Self::BodyCut => "body_cut",
            Self::TrailingBytes => "trailing_bytes",
            Self::PackedEmpty => "packed_empty",
            Self::PackedCut => "packed_cut",
            Self::OldestOutOfBounds => "oldest_out_of_bounds",
            Self::IntervalOutOfBounds => "interval_out_of_bounds",
            Self::DelayOutOfBounds => "delay_out_of_bounds",
            Self::RttOutOfBounds => "rtt_out_of_bounds",
            Self::LostFirstOutOfBounds => "lost_first_out_of_bounds",
            Self::RangeFirstOffset => "range_first_offset",
            Self::RangeEmpty => "range_empty",
            Self::RangeOrder => "range_order",
            Self::RangeTooHigh => "range_too_high",
        }
    }
}

/// Why a packet cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The packet breaks a rule of the wire format: decoding would refuse it for this reason.
    #[error("not a legal packet: {0}")]
    Invalid(#[from] DecodeError),
    /// The buffer is too short.
    #[error("needs {needed} bytes, {available} are there")]
    NoRoom {
        /// The packet's length in bytes.
        needed: usize,
        /// The buffer's length in bytes.
        available: usize,
    },
}
