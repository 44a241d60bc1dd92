//! Probabilities as integers.

use core::fmt;

use rand_core::Rng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

/// A probability, in steps of 2^-32: no floats, so that a seed means the same on every platform.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Chance(u64);

/// What is certain.
const ONE: u64 = 1 << 32;

impl Chance {
    /// It never happens.
    pub const NEVER: Self = Self(0);
    /// It always happens.
    pub const ALWAYS: Self = Self(ONE);

    /// `numerator` of `denominator` times; more than all is always, and so is a `denominator` of 0.
    #[must_use]
    pub const fn of(numerator: u32, denominator: u32) -> Self {
        if numerator >= denominator {
            return Self::ALWAYS;
        }
        Self(((numerator as u64) << 32) / denominator as u64)
    }

    /// So many times in a hundred.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self::of(percent, 100)
    }

    /// So many times in a million.
    #[must_use]
    pub const fn per_million(count: u32) -> Self {
        Self::of(count, 1_000_000)
    }

    /// How many times in a million, rounded.
    #[must_use]
    pub const fn as_per_million(self) -> u32 {
        ((self.0 * 1_000_000 + ONE / 2) >> 32) as u32
    }

    /// Whether it happens this time. What cannot happen or is certain draws no number.
    pub(super) fn happens(self, rng: &mut Xoshiro256PlusPlus) -> bool {
        match self.0 {
            0 => false,
            ONE.. => true,
            threshold => u64::from(rng.next_u32()) < threshold,
        }
    }

    pub(super) const fn threshold(self) -> u64 {
        self.0
    }

    pub(super) const fn from_threshold(threshold: u64) -> Self {
        Self(if threshold > ONE { ONE } else { threshold })
    }
}

impl fmt::Debug for Chance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} per million", self.as_per_million())
    }
}

/// A uniform number from 0 to `max`.
pub(super) fn uniform(rng: &mut Xoshiro256PlusPlus, max: u64) -> u64 {
    if max == 0 {
        return 0;
    }
    let span = u128::from(max) + 1;
    u64::try_from((span * u128::from(rng.next_u64())) >> 64).unwrap_or(max)
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;

    use super::*;

    #[test]
    fn a_chance_happens_as_often_as_it_says() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(5);
        for percent in [0, 1, 20, 50, 99, 100] {
            let count = (0..100_000).filter(|_| Chance::percent(percent).happens(&mut rng)).count();
            let expected = percent as usize * 1_000;
            assert!(count.abs_diff(expected) < 600, "{percent} %: {count}");
        }
        assert_eq!(Chance::of(7, 7), Chance::ALWAYS);
        assert_eq!(Chance::of(1, 0), Chance::ALWAYS);
        assert_eq!(Chance::per_million(12_345).as_per_million(), 12_345);
    }

    #[test]
    fn uniform_numbers_reach_both_ends() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(6);
        let drawn: alloc::collections::BTreeSet<u64> = (0..1_000).map(|_| uniform(&mut rng, 9)).collect();
        assert_eq!(drawn.into_iter().collect::<alloc::vec::Vec<_>>(), (0..10).collect::<alloc::vec::Vec<_>>());
        assert_eq!(uniform(&mut rng, 0), 0);
    }
}
