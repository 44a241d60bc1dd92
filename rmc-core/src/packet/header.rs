//! The 16 bytes that every packet begins with.

use super::{DecodeError, Flags, Kind};
use crate::MAX_SEQ;

/// The length of the header in bytes.
pub const HEADER_LEN: usize = 16;
/// The first byte of every packet: `R`.
pub const MAGIC: u8 = 0x52;
/// The first byte of a sealed envelope: `S`. Reserved: version 1 refuses it.
pub const MAGIC_SEALED: u8 = 0x53;
/// The version that this codec speaks.
pub const VERSION: u8 = 1;
/// The heartbeat index that promises nothing: the stream has never sent, has ended, or is private and acknowledged.
pub const NO_PROMISE: u8 = 255;

/// The flag EXT. It never meets [`Flags`]: whether there is an extension block says the same.
const EXT: u8 = 0x40;
/// The one flag without a meaning.
const RESERVED: u8 = 0x80;

/// Writes the header of a Data packet without an extension block, in place.
///
/// This is the sender's hot path: it keeps `[16 bytes of room][payload]` and patches the header at every transmission.
/// The caller keeps the rules that [`Packet::encode`](super::Packet::encode) would check: flags legal for Data
/// (PACKED with FIRST and LAST only), `seq` from 1 to [`MAX_SEQ`].
///
/// # Panics
///
/// With debug assertions, if one of these is broken.
pub fn write_data_header(out: &mut [u8; HEADER_LEN], flags: Flags, heartbeat: u8, epoch: u32, seq: u64) {
    let header = Header { kind: Kind::Data, flags, heartbeat, epoch, seq };
    debug_assert_eq!(header.check(), Ok(()), "the caller keeps Data's rules");
    *out = header.to_bytes(false);
}

/// The header, but for EXT.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: Kind,
    pub(super) flags: Flags,
    pub(super) heartbeat: u8,
    pub(super) epoch: u32,
    pub(super) seq: u64,
}

impl Header {
    /// Takes the header apart; the second value says whether an extension block follows. Flags and seq are still
    /// unchecked.
    pub(super) fn read(bytes: &[u8; HEADER_LEN]) -> Result<(Self, bool), DecodeError> {
        let &[magic, version_and_kind, bits, heartbeat, e0, e1, e2, e3, s0, s1, s2, s3, s4, s5, s6, s7] = bytes;
        match magic {
            MAGIC => {}
            MAGIC_SEALED => return Err(DecodeError::Sealed),
            _ => return Err(DecodeError::UnknownMagic),
        }
        if version_and_kind >> 4 != VERSION {
            return Err(DecodeError::UnknownVersion);
        }
        let kind = Kind::from_number(version_and_kind & 0x0f).ok_or(DecodeError::UnknownKind)?;
        if bits & RESERVED != 0 {
            return Err(DecodeError::ReservedFlag);
        }
        let flags = Flags::from_bits(bits & !EXT).ok_or(DecodeError::ReservedFlag)?;
        let header = Self {
            kind,
            flags,
            heartbeat,
            epoch: u32::from_be_bytes([e0, e1, e2, e3]),
            seq: u64::from_be_bytes([s0, s1, s2, s3, s4, s5, s6, s7]),
        };
        Ok((header, bits & EXT != 0))
    }

    /// The rules that need the header alone.
    pub(super) fn check(&self) -> Result<(), DecodeError> {
        if !self.kind.allowed_flags().contains(self.flags) {
            return Err(DecodeError::FlagNotAllowed);
        }
        if self.flags.contains(Flags::PACKED) && !self.flags.contains(Flags::FIRST | Flags::LAST) {
            return Err(DecodeError::PackedFragment);
        }
        if self.seq < self.kind.min_seq() {
            return Err(DecodeError::SeqTooLow);
        }
        if self.seq > MAX_SEQ {
            return Err(DecodeError::SeqTooHigh);
        }
        Ok(())
    }

    pub(super) fn to_bytes(self, has_extension: bool) -> [u8; HEADER_LEN] {
        let ext = if has_extension { EXT } else { 0 };
        let [e0, e1, e2, e3] = self.epoch.to_be_bytes();
        let [s0, s1, s2, s3, s4, s5, s6, s7] = self.seq.to_be_bytes();
        [
            MAGIC,
            VERSION << 4 | self.kind.number(),
            self.flags.bits() | ext,
            self.heartbeat,
            e0,
            e1,
            e2,
            e3,
            s0,
            s1,
            s2,
            s3,
            s4,
            s5,
            s6,
            s7,
        ]
    }
}
