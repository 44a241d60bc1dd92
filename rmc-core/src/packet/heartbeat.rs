//! Heartbeat and HeartbeatTimes: intervals, and their bounds.

use core::iter::FusedIterator;

use super::DecodeError;
use super::cursor::Reader;

/// The most intervals that a heartbeat table holds.
pub const MAX_INTERVALS: usize = 128;
/// The shortest heartbeat interval, in microseconds: 1 ms.
pub const MIN_INTERVAL_MICROS: u32 = 1_000;
/// The longest heartbeat interval, in microseconds: 60 s.
pub const MAX_INTERVAL_MICROS: u32 = 60_000_000;

/// The intervals of a HeartbeatTimes packet, in microseconds: a view of their encoded form.
///
/// From [`Packet::decode`](super::Packet::decode): 1 to 128 of them, each from 1 ms to 60 s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervals<'a> {
    encoded: &'a [[u8; 4]],
}

impl<'a> Intervals<'a> {
    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.encoded.len()
    }

    /// Whether there is none, which no packet can carry.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// The intervals in microseconds, in the order of the table.
    #[must_use]
    pub fn iter(&self) -> IntervalsIter<'a> {
        IntervalsIter { encoded: self.encoded.iter() }
    }

    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, DecodeError> {
        let count = usize::from(reader.u8()?);
        check_count(count)?;
        let (encoded, _) = reader.bytes(count * 4)?.as_chunks();
        Ok(Self { encoded })
    }

    pub(super) fn check(&self) -> Result<(), DecodeError> {
        check_count(self.len())?;
        if self.iter().all(is_legal_interval) { Ok(()) } else { Err(DecodeError::IntervalOutOfBounds) }
    }

    pub(super) const fn as_bytes(&self) -> &'a [u8] {
        self.encoded.as_flattened()
    }
}

impl<'a> IntoIterator for Intervals<'a> {
    type Item = u32;
    type IntoIter = IntervalsIter<'a>;

    fn into_iter(self) -> IntervalsIter<'a> {
        self.iter()
    }
}

/// Iterator over [`Intervals`], in microseconds.
#[derive(Clone, Debug)]
pub struct IntervalsIter<'a> {
    encoded: core::slice::Iter<'a, [u8; 4]>,
}

impl Iterator for IntervalsIter<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        self.encoded.next().map(|bytes| u32::from_be_bytes(*bytes))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.encoded.size_hint()
    }
}

impl ExactSizeIterator for IntervalsIter<'_> {}
impl FusedIterator for IntervalsIter<'_> {}

/// Puts up to [`MAX_INTERVALS`] intervals together, on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IntervalsBuilder {
    encoded: [[u8; 4]; MAX_INTERVALS],
    len: usize,
}

impl IntervalsBuilder {
    /// A table without an interval.
    #[must_use]
    pub const fn new() -> Self {
        Self { encoded: [[0; 4]; MAX_INTERVALS], len: 0 }
    }

    /// Appends an interval of this many microseconds; `false`, and nothing is changed, if it is not from 1 ms to 60 s,
    /// or if the table is full.
    #[must_use = "false: the interval is not in the table"]
    pub fn push(&mut self, micros: u32) -> bool {
        if !is_legal_interval(micros) {
            return false;
        }
        let Some(slot) = self.encoded.get_mut(self.len) else {
            return false;
        };
        *slot = micros.to_be_bytes();
        self.len += 1;
        true
    }

    /// How many there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none yet.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The table as a packet's body takes it.
    #[must_use]
    pub fn as_intervals(&self) -> Intervals<'_> {
        Intervals { encoded: self.encoded.get(..self.len).unwrap_or_default() }
    }
}

impl Default for IntervalsBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// The rules of a Heartbeat's first two fields. `seq` is at most 2^63 - 1 here, so that seq + 1 is a number.
pub(super) fn check_heartbeat(seq: u64, oldest: u64, interval: u32) -> Result<(), DecodeError> {
    if oldest < 1 || oldest > seq.saturating_add(1) {
        return Err(DecodeError::OldestOutOfBounds);
    }
    // 0 promises nothing.
    if interval != 0 && !is_legal_interval(interval) {
        return Err(DecodeError::IntervalOutOfBounds);
    }
    Ok(())
}

const fn is_legal_interval(micros: u32) -> bool {
    MIN_INTERVAL_MICROS <= micros && micros <= MAX_INTERVAL_MICROS
}

const fn check_count(count: usize) -> Result<(), DecodeError> {
    if count == 0 || count > MAX_INTERVALS {
        return Err(DecodeError::IntervalCount);
    }
    Ok(())
}
