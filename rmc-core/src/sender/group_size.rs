//! How many receivers there are, of which some have asked, or acknowledged (RMC-HB-11).

/// More than so many are not told: it makes no difference to anybody.
const MOST: u64 = 1_000_000;
/// Where of so many that ask not even one acknowledges, Acks say nothing of how many there are.
const MOST_ASKERS: u64 = 64;

/// The receivers that are known, by how they were met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census {
    pub(crate) known: u32,
    /// Those that have asked once, twice, or more often, and never acknowledged.
    pub(crate) once: u32,
    pub(crate) twice: u32,
    pub(crate) often: u32,
    /// Those that have only acknowledged, and those that have done both.
    pub(crate) acked: u32,
    pub(crate) both: u32,
}

/// How one of them was met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Met {
    /// How often its NACKs were counted.
    pub(crate) nacks: u8,
    /// Whether it has acknowledged the group's stream.
    pub(crate) acks: bool,
}

impl Census {
    /// Those that are known, and those that are not, guessed from how often those were met that do not acknowledge
    /// (Chao's estimate): where nobody was met twice most are still unseen. 0: nobody is known.
    ///
    /// All that acknowledge have done so after a while, and need no guess. Until then they tell what part of the
    /// group has asked: of the `unseen` as large a part would have asked as of them (Chapman's estimate). When a stream
    /// begins nobody can have been met twice yet, and 100 that have all asked would be taken for 5,050.
    pub(crate) fn estimate(self) -> u32 {
        let (once, twice) = (u64::from(self.once), u64::from(self.twice));
        let guess = once * once.saturating_sub(1) / (2 * (twice + 1));
        let unseen = self.most_unseen().map_or(guess, |most| most.min(guess));
        let all = u64::from(self.known).saturating_add(unseen).min(MOST);
        u32::try_from(all).unwrap_or(u32::MAX)
    }

    /// A receiver that was met in one way is met in another one now.
    pub(crate) fn recount(&mut self, before: Met, after: Met) {
        if let Some(count) = self.those(before) {
            *count -= 1;
        }
        if let Some(count) = self.those(after) {
            *count += 1;
        }
    }

    /// How many can be unseen if as large a part of them would have asked as of those that acknowledge; `None`: those
    /// are too few to say.
    fn most_unseen(self) -> Option<u64> {
        let [acked, both] = [self.acked, self.both].map(u64::from);
        let silent = [self.once, self.twice, self.often].map(u64::from).iter().sum::<u64>();
        let is_sample = (acked + both) * MOST_ASKERS >= silent + both;
        is_sample.then(|| (acked + 1) * silent / (both + 1))
    }

    const fn those(&mut self, met: Met) -> Option<&mut u32> {
        match (met.nacks, met.acks) {
            (0, false) => None,
            (1, false) => Some(&mut self.once),
            (2, false) => Some(&mut self.twice),
            (_, false) => Some(&mut self.often),
            (0, true) => Some(&mut self.acked),
            (_, true) => Some(&mut self.both),
        }
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Census { known, once, twice, often, acked, both }
    Met { nacks, acks }
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;
    use crate::rng::Rng;

    const fn census(known: u32, once: u32, twice: u32) -> Census {
        Census { known, once, twice, often: 0, acked: 0, both: 0 }
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

    // RMC-HB-11
    #[test]
    fn who_acknowledges_is_not_guessed() {
        let acknowledging = |acked, both| Census { acked, both, ..census(acked + both, 0, 0) };
        assert_eq!(acknowledging(0, 100).estimate(), 100, "all have asked");
        assert_eq!(acknowledging(60, 0).estimate(), 60, "none has");
        let others = Census { acked: 2, both: 5, ..census(207, 199, 1) };
        assert_eq!(others.estimate(), 207 + 3 * 200 / 6);
        let few = Census { acked: 100, ..census(103, 3, 0) };
        assert_eq!(few.estimate(), 106, "not more than without them");
    }

    /// Of 64 that asked one has acknowledged, and of 65.
    // RMC-HB-11
    #[test]
    fn acks_are_a_sample_where_one_in_64_that_asked_acknowledges() {
        let begun = |once| Census { both: 1, ..census(once + 1, once, 0) };
        assert_eq!(begun(63).estimate(), 64 + 63 / 2);
        assert_eq!(begun(64).estimate(), 65 + 64 * 63 / 2);
    }

    /// The first milliseconds: a quarter of 1,000 has acknowledged, and many have asked, once each.
    // RMC-HB-11
    #[test]
    fn a_group_whose_acks_are_still_to_come_is_not_taken_for_larger() {
        for (seed, share) in (0..20).flat_map(|seed| [(seed, 25), (seed, 50), (seed, 100)]) {
            let mut rng = Rng::new(seed);
            let mut of = |share| rng.next_u64() % 100 < share;
            let mut begun = Census::default();
            for _ in 0..1_000 {
                let met = Met { nacks: of(share).into(), acks: of(25) };
                begun.recount(Met::default(), met);
                begun.known += u32::from(met != Met::default());
            }
            let estimate = begun.estimate();
            assert!((700..=1_400).contains(&estimate), "seed {seed}: {estimate}");
            let silent = Census { once: begun.once + begun.both, both: 0, acked: 0, ..begun };
            assert!(silent.estimate() > 25_000, "without their Acks");
        }
    }

    // RMC-HB-11
    #[test]
    fn who_leaves_counts_for_nothing() {
        let mut census = Census::default();
        let all = [(0, true), (1, false), (1, true), (2, false), (3, false), (3, true)];
        let all = all.map(|(nacks, acks)| Met { nacks, acks });
        all.iter().for_each(|&met| census.recount(Met::default(), met));
        assert_eq!(census, Census { known: 0, once: 1, twice: 1, often: 1, acked: 1, both: 2 });
        all.iter().for_each(|&met| census.recount(met, Met::default()));
        assert_eq!(census, Census::default());
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
