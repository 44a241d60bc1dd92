//! How many receivers there are, of which some have asked (RMC-HB-11).

/// More than so many are not told: it makes no difference to anybody.
const MOST: u64 = 1_000_000;

/// The receivers that are known, and how many of them have asked once or twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) known: u32,
    pub(crate) once: u32,
    pub(crate) twice: u32,
}

impl Census {
    /// Those that are known, and those that are not, guessed from how often the known ones were met (Chao's estimate):
    /// where nobody was met twice most are still unseen. 0: nobody is known.
    pub(crate) fn estimate(self) -> u32 {
        let (once, twice) = (u64::from(self.once), u64::from(self.twice));
        let unseen = once * once.saturating_sub(1) / (2 * (twice + 1));
        let all = u64::from(self.known).saturating_add(unseen).min(MOST);
        u32::try_from(all).unwrap_or(u32::MAX)
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { Census { known, once, twice } }

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::rng::Rng;

    const fn census(known: u32, once: u32, twice: u32) -> Census {
        Census { known, once, twice }
    }

    // RMC-HB-11
    #[test]
    fn nobody_and_somebody() {
        assert_eq!(census(0, 0, 0).estimate(), 0);
        assert_eq!(census(1, 1, 0).estimate(), 1);
        assert_eq!(census(7, 0, 0).estimate(), 7, "announced, and never asked");
        assert_eq!(census(2, 2, 0).estimate(), 3);
        assert_eq!(census(200, 199, 1).estimate(), 200 + 199 * 198 / 4);
        assert_eq!(census(100, 0, 50).estimate(), 100, "everybody was met again");
    }

    // RMC-HB-11
    #[test]
    fn it_has_a_bound() {
        assert_eq!(census(16_384, 16_384, 0).estimate(), 1_000_000);
        assert_eq!(census(u32::MAX, u32::MAX, 0).estimate(), 1_000_000);
    }

    /// 200 NACKs of random ones of 10,000: far nearer the truth than 200.
    // RMC-HB-11
    #[test]
    fn a_sample_tells_the_size_of_the_whole() {
        for seed in 0..20 {
            let mut rng = Rng::new(seed);
            let mut met = vec![0_u32; 10_000];
            for _ in 0..200 {
                met[(rng.next_u64() % 10_000) as usize] += 1;
            }
            let count = |times: u32| u32::try_from(met.iter().filter(|&&met| met == times).count()).expect("few");
            let known = 10_000 - count(0);
            let estimate = census(known, count(1), count(2)).estimate();
            assert!((1_500..=25_000).contains(&estimate), "seed {seed}: {estimate}");
        }
    }
}
