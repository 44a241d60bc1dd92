//! The extension block: the one door for what comes later.

use core::iter::FusedIterator;

use super::cursor::Writer;
use super::{DecodeError, MAX_DATAGRAM_LEN};

/// From this type on, an extension that is not known makes the datagram invalid.
const FIRST_MANDATORY_TYPE: u8 = 128;

/// A checked extension block: records of (type u8, length u8, bytes), none cut short, none of type 128 or more.
///
/// Version 1 defines no extension and sends none, reads past those it finds, and keeps the block as it is when it
/// encodes. A block without a record is legal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extension<'a> {
    /// What follows the block's u16 length; at most `u16::MAX` bytes.
    block: &'a [u8],
}

impl<'a> Extension<'a> {
    /// The block that consists of these bytes (its u16 length not included).
    ///
    /// # Errors
    ///
    /// [`DecodeError::ExtensionCut`], [`DecodeError::ExtensionUnknown`], or [`DecodeError::TooLong`] for a block that
    /// no datagram can hold.
    pub fn new(block: &'a [u8]) -> Result<Self, DecodeError> {
        if block.len() > MAX_DATAGRAM_LEN {
            return Err(DecodeError::TooLong);
        }
        let extension = Self { block };
        let mut records = extension.records();
        for (kind, _) in records.by_ref() {
            if kind >= FIRST_MANDATORY_TYPE {
                return Err(DecodeError::ExtensionUnknown);
            }
        }
        if !records.rest.is_empty() {
            return Err(DecodeError::ExtensionCut);
        }
        Ok(extension)
    }

    /// The block's bytes, without its u16 length.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.block
    }

    /// The records, as (type, bytes).
    #[must_use]
    pub const fn records(&self) -> ExtensionRecords<'a> {
        ExtensionRecords { rest: self.block }
    }

    /// Splits the block off the bytes after the header.
    pub(super) fn read(bytes: &'a [u8]) -> Result<(Self, &'a [u8]), DecodeError> {
        let (len, rest) = bytes.split_first_chunk::<2>().ok_or(DecodeError::ExtensionCut)?;
        let (block, rest) =
            rest.split_at_checked(usize::from(u16::from_be_bytes(*len))).ok_or(DecodeError::ExtensionCut)?;
        Ok((Self::new(block)?, rest))
    }

    /// The length on the wire in bytes, the u16 included.
    pub(super) const fn encoded_len(&self) -> usize {
        2 + self.block.len()
    }

    pub(super) fn write(&self, writer: &mut Writer<'_>) {
        // `new` lets no block pass that is longer than a datagram, which is less than u16::MAX.
        writer.u16(u16::try_from(self.block.len()).unwrap_or(u16::MAX));
        writer.put(self.block);
    }
}

/// Iterator over the records of an extension block, as (type, bytes).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionRecords<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for ExtensionRecords<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[kind, len], rest) = self.rest.split_first_chunk::<2>()?;
        let (record, rest) = rest.split_at_checked(usize::from(len))?;
        self.rest = rest;
        Some((kind, record))
    }
}

impl FusedIterator for ExtensionRecords<'_> {}
