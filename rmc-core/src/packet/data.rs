//! Data: the messages of a PACKED payload.

use core::iter::FusedIterator;

use super::DecodeError;

/// The messages of a PACKED payload, one after the other.
///
/// Total on any bytes: it stops where a record is cut short. After [`Packet::decode`](super::Packet::decode) none is.
#[must_use]
pub const fn records(payload: &[u8]) -> Records<'_> {
    Records { rest: payload }
}

/// Iterator over the messages of a PACKED payload, see [`records`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Records<'a> {
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    /// The bytes not yet read, from the next record's length on; not empty at the end if the last record is cut.
    #[must_use]
    pub const fn rest(&self) -> &'a [u8] {
        self.rest
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let (len, rest) = self.rest.split_first_chunk::<2>()?;
        let (record, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*len)))?;
        self.rest = rest;
        Some(record)
    }
}

impl FusedIterator for Records<'_> {}

/// One or more records, none cut short.
pub(super) fn check_packed(payload: &[u8]) -> Result<(), DecodeError> {
    if payload.is_empty() {
        return Err(DecodeError::PackedEmpty);
    }
    let mut records = records(payload);
    while records.next().is_some() {}
    if records.rest().is_empty() { Ok(()) } else { Err(DecodeError::PackedCut) }
}
