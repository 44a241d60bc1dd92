//! The messages of the benchmark: number, time, and a filler that follows from the number and the place.

use std::time::{SystemTime, UNIX_EPOCH};

/// Room for the number and the time.
pub(crate) const MIN_SIZE: usize = 16;
const KEY: u64 = 0x9E37_79B9_7F4A_7C15;

/// Nanoseconds of the wall clock: the only one that two processes or hosts have in common.
pub(super) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// Makes `message`, at least [`MIN_SIZE`] long, the one of this number, sent at `time`.
pub(super) fn fill(message: &mut [u8], number: u64, time: u64) {
    let key = number.wrapping_mul(KEY);
    let (words, rest) = message.as_chunks_mut::<8>();
    for (word, index) in words.iter_mut().zip(0_u64..) {
        let value = match index {
            0 => number,
            1 => time,
            _ => key.wrapping_add(index),
        };
        *word = value.to_le_bytes();
    }
    rest.fill(key.to_le_bytes()[7]);
}

/// The number and the time, if the message is what was sent.
pub(super) fn read(message: &[u8]) -> Option<(u64, u64)> {
    let (words, rest) = message.as_chunks::<8>();
    let [number, time, filler @ ..] = words else { return None };
    let (number, time) = (u64::from_le_bytes(*number), u64::from_le_bytes(*time));
    let key = number.wrapping_mul(KEY);
    let differs = |all, (&word, index): (&[u8; 8], u64)| all | (u64::from_le_bytes(word) ^ key.wrapping_add(index));
    let intact = filler.iter().zip(2..).fold(0, differs) == 0 && rest.iter().all(|&byte| byte == key.to_le_bytes()[7]);
    intact.then_some((number, time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_is_read_and_any_other_byte_is_noticed() {
        for size in [MIN_SIZE, 17, 64, 1_400, 1_403] {
            let mut message = vec![0; size];
            fill(&mut message, 77, 1_000);
            assert_eq!(read(&message), Some((77, 1_000)));
            for place in MIN_SIZE..size {
                message[place] ^= 1;
                assert_eq!(read(&message), None, "byte {place} of {size}");
                message[place] ^= 1;
            }
        }
        assert_eq!(read(&[0; MIN_SIZE - 1]), None);
    }
}
