//! The node's randomness: a stream of numbers that the seed in the config decides.

use core::time::Duration;

use rand_core::{Rng as _, SeedableRng as _};
use rand_xoshiro::Xoshiro256PlusPlus;

/// A seeded generator, the same on every platform.
#[derive(Clone)]
pub(crate) struct Rng(Xoshiro256PlusPlus);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number that the wire does not take for 'none'.
    pub(crate) fn nonzero_u32(&mut self) -> u32 {
        self.0.next_u32().max(1)
    }

    /// `duration` times a uniform factor in [1, 1.5): spreads receivers that ask at the same time.
    pub(crate) fn stretch(&mut self, duration: Duration) -> Duration {
        duration.saturating_add(self.share(duration / 2))
    }

    /// `duration` times a uniform factor in [0, 1).
    pub(crate) fn share(&mut self, duration: Duration) -> Duration {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX / 2);
        let share = (u128::from(nanos) * u128::from(self.next_u64())) >> 64;
        Duration::from_nanos(u64::try_from(share).unwrap_or(u64::MAX))
    }
}

#[cfg(feature = "sim")]
impl Rng {
    /// What comes next out of it, as far as it tells one generator from another.
    pub(crate) fn outlook(&self) -> [u64; 4] {
        let mut copy = self.clone();
        core::array::from_fn(|_| copy.next_u64())
    }
}
