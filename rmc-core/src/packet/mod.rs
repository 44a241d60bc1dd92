//! The wire format, RMC/1: one datagram is one [`Packet`].
//!
//! ```text
//!  0       1       2       3       4               8                              16
//! +-------+-------+-------+-------+---------------+------------------------------+----------- - -
//! | magic |ver|knd| flags | hbeat |     epoch     |             seq              | [ext] body
//! +-------+-------+-------+-------+---------------+------------------------------+----------- - -
//! ```
//!
//! All integers are unsigned and big-endian. [`Packet::decode`] is total: any bytes give a packet or a [`DecodeError`],
//! never a panic, and nothing is copied or allocated. A datagram is checked wholly before anything of it can be seen,
//! so that what uses a packet need not check it again. What decodes encodes back to the same bytes, and
//! [`Packet::encode`] refuses what `decode` would refuse: both go through the same checks.
//!
//! ```
//! use rmc_core::packet::{Body, Flags, Packet};
//!
//! let packet = Packet {
//!     flags: Flags::FIRST | Flags::LAST,
//!     heartbeat: 0,
//!     epoch: 0x1a2b_3c4d,
//!     seq: 17,
//!     extension: None,
//!     body: Body::Data { payload: b"hello" },
//! };
//! let mut datagram = [0; 64];
//! let len = packet.encode(&mut datagram)?;
//! assert_eq!(Packet::decode(&datagram[..len]), Ok(packet));
//! assert_eq!(packet.to_string(), "RMC data seq 17 epoch 0x1a2b3c4d hb 0 [FIRST,LAST] len 5");
//! # Ok::<(), rmc_core::packet::EncodeError>(())
//! ```

mod body;
mod cursor;
mod data;
mod display;
mod error;
mod extension;
mod flags;
mod header;
mod heartbeat;
mod kind;
mod ranges;

use cursor::Writer;
use header::Header;

pub use body::{Body, MAX_DELAY_MICROS, MAX_RTT_MICROS, OPEN_WINDOW};
pub use data::{Records, records};
pub use error::{DecodeError, EncodeError};
pub use extension::{Extension, ExtensionRecords};
pub use flags::Flags;
pub use header::{HEADER_LEN, MAGIC, MAGIC_SEALED, NO_PROMISE, VERSION, write_data_header};
pub use heartbeat::{
    Intervals, IntervalsBuilder, IntervalsIter, MAX_INTERVAL_MICROS, MAX_INTERVALS, MIN_INTERVAL_MICROS,
};
pub use kind::Kind;
pub use ranges::{MAX_RANGES, Ranges, RangesBuilder, RangesIter};

/// The longest datagram there is, in bytes: what UDP over IPv4 can carry. A longer one is refused.
pub const MAX_DATAGRAM_LEN: usize = 65_507;

/// One packet, which borrows its payload, its lists and its extension block from the datagram.
///
/// The fields are public and any values can be put together; what comes out of [`decode`](Self::decode) keeps all rules
/// of the wire format, and [`encode`](Self::encode) refuses what does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Packet<'a> {
    /// The flags. Which are legal depends on the kind: [`Kind::allowed_flags`].
    pub flags: Flags,
    /// Index into the sender's heartbeat table: by that interval at the latest its next packet of this stream is due.
    /// An index past the table's end means the last interval; [`NO_PROMISE`] (255) promises nothing.
    pub heartbeat: u8,
    /// The incarnation of the node that built this packet; a restarted node uses a newer one. 0 is an ordinary value.
    pub epoch: u32,
    /// The sequence number, whose meaning depends on the kind (see [`Body`]): from [`Kind::min_seq`] to
    /// [`MAX_SEQ`](crate::MAX_SEQ).
    pub seq: u64,
    /// The extension block between header and body, if there is one. The flag EXT on the wire is derived from it.
    pub extension: Option<Extension<'a>>,
    /// What follows, which decides the kind.
    pub body: Body<'a>,
}

impl<'a> Packet<'a> {
    /// Decodes one datagram, which it borrows.
    ///
    /// # Errors
    ///
    /// The first rule of the wire format found broken. Total: no input makes it panic, and its work is bounded by the
    /// datagram's length.
    #[inline]
    pub fn decode(datagram: &'a [u8]) -> Result<Self, DecodeError> {
        if datagram.len() > MAX_DATAGRAM_LEN {
            return Err(DecodeError::TooLong);
        }
        let (header, rest) = datagram.split_first_chunk::<HEADER_LEN>().ok_or(DecodeError::TooShort)?;
        let (header, has_extension) = Header::read(header)?;
        header.check()?;
        let (extension, rest) = if has_extension {
            let (extension, rest) = Extension::read(rest)?;
            (Some(extension), rest)
        } else {
            (None, rest)
        };
        let body = Body::decode(&header, rest)?;
        Ok(Self {
            flags: header.flags,
            heartbeat: header.heartbeat,
            epoch: header.epoch,
            seq: header.seq,
            extension,
            body,
        })
    }

    /// How many bytes [`encode`](Self::encode) writes.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let extension = self.extension.map_or(0, |extension| extension.encoded_len());
        HEADER_LEN + extension + self.body.encoded_len()
    }

    /// Writes the packet to the start of `out` and returns its length. Bytes of `out` past that stay as they are.
    ///
    /// # Errors
    ///
    /// [`EncodeError::Invalid`] if `decode` would refuse it, [`EncodeError::NoRoom`] if `out` is too short. Nothing has
    /// been written then.
    pub fn encode(&self, out: &mut [u8]) -> Result<usize, EncodeError> {
        let header = self.header();
        header.check()?;
        self.body.check(self.flags, self.seq)?;
        let needed = self.encoded_len();
        if needed > MAX_DATAGRAM_LEN {
            return Err(EncodeError::Invalid(DecodeError::TooLong));
        }
        let available = out.len();
        let out = out.get_mut(..needed).ok_or(EncodeError::NoRoom { needed, available })?;
        let mut writer = Writer::new(out);
        writer.put(&header.to_bytes(self.extension.is_some()));
        if let Some(extension) = self.extension {
            extension.write(&mut writer);
        }
        self.body.write(&mut writer);
        debug_assert!(writer.is_full(), "encoded_len and encode disagree");
        Ok(needed)
    }

    /// The kind, which the body decides.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        self.body.kind()
    }

    const fn header(&self) -> Header {
        Header { kind: self.kind(), flags: self.flags, heartbeat: self.heartbeat, epoch: self.epoch, seq: self.seq }
    }
}
