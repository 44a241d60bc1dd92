//! The ranges of numbers that Nack and Confirm carry.

use core::iter::FusedIterator;

use super::DecodeError;
use super::cursor::Reader;
use crate::{MAX_SEQ, SeqRange};

/// The most ranges that a packet carries.
pub const MAX_RANGES: usize = 32;

/// Ranges of sequence numbers: a view of their encoded form, (offset u32, length u32) each, relative to the header's
/// number.
///
/// From [`Packet::decode`](super::Packet::decode): 1 to 32 of them, ascending, none touching or overlapping another,
/// the first at offset 0, none empty, none beyond 2^63 - 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ranges<'a> {
    encoded: &'a [[u8; 8]],
}

impl<'a> Ranges<'a> {
    /// How many ranges there are (not how many numbers they hold).
    #[must_use]
    pub const fn len(&self) -> usize {
        self.encoded.len()
    }

    /// Whether there is none, which no packet can carry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// The ranges in absolute numbers, ascending. `base_seq` is the number in the header of the packet that they came
    /// in.
    #[must_use]
    pub fn iter(&self, base_seq: u64) -> RangesIter<'a> {
        RangesIter { base_seq, encoded: self.encoded.iter() }
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(reader.u8()?);
        check_count(count)?;
        let (encoded, _) = reader.bytes(count * 8)?.as_chunks();
        Ok(Self { encoded })
    }

    pub(super) fn check(&self, base_seq: u64) -> Result<(), DecodeError> {
        check_count(self.len())?;
        // The end of the range before, as an offset: the first number that it does not hold.
        let mut previous_end = None;
        for record in self.encoded {
            let (offset, length) = split(*record);
            match previous_end {
                None if offset != 0 => return Err(DecodeError::RangeFirstOffset),
                Some(end) if u64::from(offset) <= end => return Err(DecodeError::RangeOrder),
                _ => {}
            }
            if length == 0 {
                return Err(DecodeError::RangeEmpty);
            }
            let end = u64::from(offset) + u64::from(length);
            if base_seq.saturating_add(end - 1) > MAX_SEQ {
                return Err(DecodeError::RangeTooHigh);
            }
            previous_end = Some(end);
        }
        Ok(())
    }

    pub(super) const fn as_bytes(&self) -> &'a [u8] {
        self.encoded.as_flattened()
    }
}

/// Iterator over [`Ranges`] in absolute numbers.
#[derive(Clone, Debug)]
pub struct RangesIter<'a> {
    base_seq: u64,
    encoded: core::slice::Iter<'a, [u8; 8]>,
}

impl Iterator for RangesIter<'_> {
    type Item = SeqRange;

    fn next(&mut self) -> Option<SeqRange> {
        let (offset, length) = split(*self.encoded.next()?);
        // Saturating, as `base_seq` is the caller's: with the packet's own number nothing here can overflow.
        let first = self.base_seq.saturating_add(u64::from(offset));
        SeqRange::new(first, first.saturating_add(u64::from(length).saturating_sub(1)))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.encoded.size_hint()
    }
}

impl ExactSizeIterator for RangesIter<'_> {}
impl FusedIterator for RangesIter<'_> {}

/// Puts up to [`MAX_RANGES`] ranges together, on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangesBuilder {
    base_seq: u64,
    encoded: [[u8; 8]; MAX_RANGES],
    len: usize,
    /// The lowest number that the next range may begin with: one is left free after the last range.
    next_first: u64,
}

impl RangesBuilder {
    /// No range yet. `base_seq` is the number that the packet's header will hold, 1 to 2^63 - 1; the first range must
    /// begin there.
    #[must_use]
    pub const fn new(base_seq: u64) -> Self {
        Self { base_seq, encoded: [[0; 8]; MAX_RANGES], len: 0, next_first: base_seq }
    }

    /// Appends a range; `false`, and nothing is changed, if the packet cannot carry it:
    ///
    /// - there are [`MAX_RANGES`] already;
    /// - it is the first and does not begin at `base_seq`, or begins at 0;
    /// - it begins before, in or right after the last one;
    /// - it ends above 2^63 - 1;
    /// - its distance from `base_seq` or its length does not fit 32 bits. A longer range can be put in pieces into
    ///   several packets.
    #[must_use = "false: the range is not in the packet"]
    pub fn push(&mut self, range: SeqRange) -> bool {
        let misplaced = if self.is_empty() {
            range.first() != self.base_seq || range.first() == 0
        } else {
            range.first() < self.next_first
        };
        if misplaced || range.last() > MAX_SEQ {
            return false;
        }
        let (Ok(offset), Ok(length)) = (u32::try_from(range.first() - self.base_seq), u32::try_from(range.len()))
        else {
            return false;
        };
        let Some(slot) = self.encoded.get_mut(self.len) else {
            return false;
        };
        *slot = join(offset, length);
        self.len += 1;
        // At most MAX_SEQ + 2.
        self.next_first = range.last() + 2;
        true
    }

    /// How many ranges there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The number that the packet's header must hold.
    #[must_use]
    pub const fn base_seq(&self) -> u64 {
        self.base_seq
    }

    /// The ranges as a packet's body takes them.
    #[must_use]
    pub fn as_ranges(&self) -> Ranges<'_> {
        Ranges { encoded: self.encoded.get(..self.len).unwrap_or_default() }
    }
}

const fn check_count(count: usize) -> Result<(), DecodeError> {
    if count == 0 || count > MAX_RANGES {
        return Err(DecodeError::RangeCount);
    }
    Ok(())
}

/// (offset, length) of a record.
const fn split([o0, o1, o2, o3, l0, l1, l2, l3]: [u8; 8]) -> (u32, u32) {
    (u32::from_be_bytes([o0, o1, o2, o3]), u32::from_be_bytes([l0, l1, l2, l3]))
}

/// The record of (offset, length).
const fn join(offset: u32, length: u32) -> [u8; 8] {
    let [o0, o1, o2, o3] = offset.to_be_bytes();
    let [l0, l1, l2, l3] = length.to_be_bytes();
    [o0, o1, o2, o3, l0, l1, l2, l3]
}
