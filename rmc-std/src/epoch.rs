//! What tells this incarnation of a node from the others: its epoch and its randomness.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// A new epoch: the wall clock in ticks of 16 ms, always greater (RFC 1982, 32 bits) than the last one of this process
/// (S37).
pub(crate) fn next() -> u32 {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    next_of(&LAST, tick(since_1970.as_millis()))
}

/// Randomness from the system: std draws the keys of its hash maps from it.
pub(crate) fn entropy() -> u64 {
    RandomState::new().build_hasher().finish()
}

/// The last epoch made, with `MADE` set; 0: none yet.
static LAST: AtomicU64 = AtomicU64::new(0);
const MADE: u64 = 1 << 32;
const TICK_MS: u128 = 16;

fn tick(millis: u128) -> u32 {
    // The clock wraps around every two years, as RFC 1982 numbers do.
    u32::try_from(millis / TICK_MS % (1 << 32)).unwrap_or(0)
}

fn next_of(last: &AtomicU64, tick: u32) -> u32 {
    let made = |before: u64| {
        if before & MADE == 0 {
            return tick;
        }
        let before = u32::try_from(before % MADE).unwrap_or(0);
        if newer(tick, before) { tick } else { before.wrapping_add(1) }
    };
    let before = last
        .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |before| Some(MADE | u64::from(made(before))))
        .unwrap_or_else(|before| before);
    made(before)
}

/// Whether `a` is greater than `b` in the sense of RFC 1982.
fn newer(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 1 << 31
}

#[cfg(test)]
mod tests {
    use super::*;

    // RMC-EPOCH-2
    #[test]
    fn seed_s37_epochs_of_one_process_always_grow() {
        let mut last = next();
        for _ in 0..1_000 {
            let epoch = next();
            assert!(newer(epoch, last), "{epoch} after {last}");
            last = epoch;
        }
    }

    #[test]
    fn seed_s37_epochs_grow_past_a_clock_set_back_and_past_the_wrap() {
        let last = AtomicU64::new(0);
        assert_eq!(next_of(&last, 1_000), 1_000);
        assert_eq!(next_of(&last, 1_005), 1_005);
        assert_eq!(next_of(&last, 900), 1_006, "a clock set back");
        assert_eq!(next_of(&last, 1_006), 1_007, "the same tick");
        let last = AtomicU64::new(MADE | u64::from(u32::MAX));
        assert_eq!(next_of(&last, u32::MAX), 0, "the wrap");
        assert_eq!(next_of(&last, 7), 7);
    }

    // RMC-EPOCH-2
    #[test]
    fn ticks_last_16_ms_and_wrap() {
        assert_eq!(tick(15), 0);
        assert_eq!(tick(16), 1);
        assert_eq!(tick(16 << 32), 0);
    }

    #[test]
    fn entropy_differs_from_call_to_call() {
        let drawn: std::collections::HashSet<u64> = (0..8).map(|_| entropy()).collect();
        assert!(drawn.len() > 1);
    }
}
