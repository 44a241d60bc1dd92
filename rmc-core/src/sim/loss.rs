//! Which datagrams a link loses.

use alloc::vec::Vec;

use rand_xoshiro::Xoshiro256PlusPlus;

use super::chance::Chance;

/// Which datagrams a link loses.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Loss {
    /// None.
    #[default]
    None,
    /// Each with the same chance (Bernoulli).
    Random(Chance),
    /// In bursts (Gilbert-Elliott).
    Bursts(Bursts),
    /// Each `n`th: the `n`th, the `2n`th and so on. 0 loses none.
    Every(u64),
    /// Those whose position on this link, counted from 0, stands here; in ascending order.
    Script(Vec<u64>),
}

/// The Gilbert-Elliott model: the link is good or bad, and in each state loses with another chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bursts {
    /// The chance to turn bad, per datagram.
    pub to_bad: Chance,
    /// The chance to turn good again, per datagram.
    pub to_good: Chance,
    /// The loss while it is good.
    pub good: Chance,
    /// The loss while it is bad.
    pub bad: Chance,
}

impl Loss {
    /// Random loss of so many datagrams in a million.
    #[must_use]
    pub const fn per_million(count: u32) -> Self {
        Self::Random(Chance::per_million(count))
    }

    /// Random loss of so many datagrams in a hundred.
    #[must_use]
    pub const fn percent(percent: u32) -> Self {
        Self::Random(Chance::percent(percent))
    }

    /// Bursts that lose `mean` of all datagrams, `length` in a row on average: everything while the link is bad,
    /// nothing while it is good. A `length` of 0 or 1 is random loss.
    #[must_use]
    pub fn bursts(mean: Chance, length: u32) -> Self {
        if length <= 1 || mean == Chance::NEVER || mean == Chance::ALWAYS {
            return Self::Random(mean);
        }
        // In the long run the share of bad time is to_bad / (to_bad + to_good).
        let to_good = Chance::of(1, length);
        let (lost, kept) = (u128::from(mean.threshold()), u128::from((1 << 32) - mean.threshold()));
        let to_bad = u128::from(to_good.threshold()) * lost / kept;
        Self::Bursts(Bursts {
            to_bad: Chance::from_threshold(u64::try_from(to_bad).unwrap_or(u64::MAX)),
            to_good,
            good: Chance::NEVER,
            bad: Chance::ALWAYS,
        })
    }

    /// The share of all datagrams that it loses in the long run. A script loses none in the long run.
    #[must_use]
    pub fn mean(&self) -> Chance {
        match self {
            Self::None | Self::Script(_) | Self::Every(0) => Chance::NEVER,
            Self::Random(chance) => *chance,
            Self::Bursts(bursts) => bursts.mean(),
            Self::Every(n) => Chance::from_threshold(Chance::ALWAYS.threshold() / n),
        }
    }

    /// How many datagrams in a row a burst lasts on average, rounded; 1 if it is not in bursts.
    #[must_use]
    pub const fn burst_length(&self) -> u32 {
        match self {
            Self::Bursts(bursts) => bursts.length(),
            Self::None | Self::Random(_) | Self::Every(_) | Self::Script(_) => 1,
        }
    }
}

impl Bursts {
    fn mean(&self) -> Chance {
        let (to_bad, to_good) = (u128::from(self.to_bad.threshold()), u128::from(self.to_good.threshold()));
        let (good, bad) = (u128::from(self.good.threshold()), u128::from(self.bad.threshold()));
        // It begins good, and stays so if it never turns.
        let mean = (to_bad * bad + to_good * good).checked_div(to_bad + to_good).unwrap_or(good);
        Chance::from_threshold(u64::try_from(mean).unwrap_or(u64::MAX))
    }

    const fn length(&self) -> u32 {
        let to_good = self.to_good.threshold();
        if to_good == 0 {
            return u32::MAX;
        }
        let length = (Chance::ALWAYS.threshold() + to_good / 2) / to_good;
        if length > u32::MAX as u64 { u32::MAX } else { length as u32 }
    }
}

/// Where a link's loss stands.
#[derive(Clone, Default)]
pub(super) struct LossState {
    /// How many datagrams came.
    count: u64,
    is_bad: bool,
}

impl LossState {
    /// Whether the next datagram is lost.
    pub(super) fn loses(&mut self, loss: &Loss, rng: &mut Xoshiro256PlusPlus) -> bool {
        let position = self.count;
        self.count += 1;
        match loss {
            Loss::None => false,
            Loss::Random(chance) => chance.happens(rng),
            Loss::Bursts(bursts) => {
                let turn = if self.is_bad { bursts.to_good } else { bursts.to_bad };
                self.is_bad ^= turn.happens(rng);
                if self.is_bad { bursts.bad } else { bursts.good }.happens(rng)
            }
            Loss::Every(n) => self.count.checked_rem(*n) == Some(0),
            Loss::Script(positions) => positions.binary_search(&position).is_ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;

    use super::*;

    fn lost(loss: &Loss, count: usize) -> Vec<bool> {
        let (mut state, mut rng) = (LossState::default(), Xoshiro256PlusPlus::seed_from_u64(3));
        (0..count).map(|_| state.loses(loss, &mut rng)).collect()
    }

    fn positions(lost: &[bool]) -> Vec<usize> {
        lost.iter().enumerate().filter(|(_, lost)| **lost).map(|(position, _)| position).collect()
    }

    #[test]
    fn every_nth_and_scripted_ones_are_lost_where_they_stand() {
        assert_eq!(positions(&lost(&Loss::Every(4), 12)), [3, 7, 11]);
        assert_eq!(positions(&lost(&Loss::Every(0), 12)), []);
        assert_eq!(positions(&lost(&Loss::Script([0, 5, 6].to_vec()), 12)), [0, 5, 6]);
        assert_eq!(positions(&lost(&Loss::None, 12)), []);
    }

    #[test]
    fn bursts_have_the_mean_and_the_length_that_was_asked_for() {
        for (percent, length) in [(1, 20), (5, 4), (20, 10)] {
            let all = lost(&Loss::bursts(Chance::percent(percent), length), 1_000_000);
            let count = all.iter().filter(|lost| **lost).count();
            let runs = all.windows(2).filter(|pair| pair == &[false, true]).count();
            let (mean, long) = (percent as usize * 10_000, runs * length as usize);
            assert!(count.abs_diff(mean) * 10 < mean, "{percent} %: {count} lost");
            assert!(count.abs_diff(long) * 10 < long, "{percent} %: {count} in {runs} bursts");
        }
    }

    #[test]
    fn a_loss_says_what_it_loses_in_the_long_run() {
        let bursts = Loss::bursts(Chance::percent(5), 4);
        assert_eq!((bursts.mean().as_per_million(), bursts.burst_length()), (50_000, 4));
        assert_eq!((Loss::percent(7).mean(), Loss::percent(7).burst_length()), (Chance::percent(7), 1));
        assert_eq!(Loss::Every(4).mean(), Chance::percent(25));
        for none in [Loss::None, Loss::Every(0), Loss::Script([1].to_vec())] {
            assert_eq!((none.mean(), none.burst_length()), (Chance::NEVER, 1));
        }
        let for_ever = Bursts { to_good: Chance::NEVER, ..burst_of(&bursts) };
        assert_eq!((Loss::Bursts(for_ever).mean(), Loss::Bursts(for_ever).burst_length()), (Chance::ALWAYS, u32::MAX));
        let never = Bursts { to_bad: Chance::NEVER, ..for_ever };
        assert_eq!(Loss::Bursts(never).mean(), Chance::NEVER);
    }

    fn burst_of(loss: &Loss) -> Bursts {
        let Loss::Bursts(bursts) = loss else { panic!("{loss:?} is not in bursts") };
        *bursts
    }

    #[test]
    fn short_bursts_are_random_loss() {
        assert_eq!(Loss::bursts(Chance::percent(5), 1), Loss::percent(5));
        assert_eq!(Loss::bursts(Chance::NEVER, 20), Loss::Random(Chance::NEVER));
    }
}
