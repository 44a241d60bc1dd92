//! Generated messages: 8 bytes index, filler, 4 bytes CRC-32 of all before. Their receiver needs nothing else to check
//! them.

/// The shortest generated message: an index and a checksum.
pub(crate) const MIN_GENERATED: usize = INDEX_LEN + CRC_LEN;

/// Writes the message `number` (from 0), `size` bytes long, over `buffer`.
pub(crate) fn generate(number: u64, size: usize, buffer: &mut Vec<u8>) {
    debug_assert!(size >= MIN_GENERATED, "the command line refuses shorter ones");
    buffer.clear();
    buffer.extend_from_slice(&number.to_be_bytes());
    // The filler depends on the number, so that a piece of another message in its place is noticed, whatever the
    // checksum.
    let filler = number.to_le_bytes()[0];
    buffer.extend((INDEX_LEN..size.saturating_sub(CRC_LEN)).map(|at| filler.wrapping_add(at.to_le_bytes()[0])));
    let crc = crc32fast::hash(buffer);
    buffer.extend_from_slice(&crc.to_be_bytes());
}

/// The number of a generated message, if it is one and intact.
pub(crate) fn number(payload: &[u8]) -> Option<u64> {
    if payload.len() < MIN_GENERATED {
        return None;
    }
    let (checked, crc) = payload.split_last_chunk::<CRC_LEN>()?;
    let (index, _) = payload.split_first_chunk::<INDEX_LEN>()?;
    (crc32fast::hash(checked) == u32::from_be_bytes(*crc)).then(|| u64::from_be_bytes(*index))
}

const INDEX_LEN: usize = 8;
const CRC_LEN: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_its_size_its_number_and_the_checksum_of_zlib() {
        let mut message = Vec::new();
        for (index, size) in [(0, 12), (1, 13), (70_000, 1_000), (u64::MAX, 9_000)] {
            generate(index, size, &mut message);
            assert_eq!(message.len(), size);
            assert_eq!(number(&message), Some(index));
        }
        // zlib.crc32(bytes(8)) is 0x6522df69.
        generate(0, 12, &mut message);
        assert_eq!(message, [0, 0, 0, 0, 0, 0, 0, 0, 0x65, 0x22, 0xdf, 0x69]);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_noticed() {
        let mut message = Vec::new();
        generate(5, 40, &mut message);
        for bit in 0..message.len() * 8 {
            message[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(number(&message), None, "bit {bit}");
            message[bit / 8] ^= 1 << (bit % 8);
        }
        assert_eq!(number(&message), Some(5));
    }

    #[test]
    fn what_is_too_short_is_no_generated_message() {
        assert_eq!(number(&[]), None);
        assert_eq!(number(&[0; 11]), None);
    }
}
