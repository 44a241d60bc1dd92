//! A small ordered set of numbers, kept as ranges: what one asker is owed.

use alloc::vec::Vec;

use crate::seq::SeqRange;

/// How many ranges one asker is owed at most: those of two full NACKs. What does not fit is asked for again.
const MAX_RANGES: usize = 64;

/// Ascending ranges that neither touch nor overlap, at most 64.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct RangeSet {
    ranges: Vec<SeqRange>,
}

impl RangeSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<SeqRange> {
        self.ranges.first().copied()
    }

    /// Forgets everything; keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.ranges.clear();
    }

    /// Adds `range`, merged with what it touches. A full set keeps its lowest ranges.
    pub(crate) fn insert(&mut self, range: SeqRange) {
        let from = self.ranges.partition_point(|have| have.last().saturating_add(1) < range.first());
        let to = self.ranges.partition_point(|have| have.first() <= range.last().saturating_add(1));
        if from == to {
            if self.ranges.len() == MAX_RANGES {
                if from == MAX_RANGES {
                    return;
                }
                self.ranges.pop();
            }
            self.ranges.insert(from, range);
            return;
        }
        let first = self.ranges[from].first().min(range.first());
        let last = self.ranges[to - 1].last().max(range.last());
        self.ranges.drain(from + 1..to);
        if let Some(merged) = SeqRange::new(first, last) {
            self.ranges[from] = merged;
        }
    }

    /// Takes out every number up to `last`, that included.
    pub(crate) fn remove_up_to(&mut self, last: u64) {
        let gone = self.ranges.partition_point(|have| have.last() <= last);
        self.ranges.drain(..gone);
        if let Some(lowest) = self.ranges.first_mut()
            && let Some(rest) = SeqRange::new(lowest.first().max(last.saturating_add(1)), lowest.last())
        {
            *lowest = rest;
        }
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { RangeSet { ranges } }

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;
    use alloc::vec::Vec;

    use super::*;
    use crate::rng::Rng;

    fn numbers(set: &RangeSet) -> Vec<u64> {
        set.ranges.iter().flat_map(|range| range.first()..=range.last()).collect()
    }

    #[test]
    fn it_behaves_as_a_set_of_numbers_does() {
        let mut rng = Rng::new(11);
        let mut set = RangeSet::default();
        let mut model = BTreeSet::new();
        for _ in 0..20_000 {
            let first = rng.next_u64() % 100;
            if rng.next_u64().is_multiple_of(4) {
                set.remove_up_to(first / 4);
                model.retain(|&seq| seq > first / 4);
            } else {
                let range = SeqRange::new(first, first + rng.next_u64() % 5).expect("ascending");
                set.insert(range);
                model.extend(range.first()..=range.last());
            }
            if rng.next_u64().is_multiple_of(40) {
                set.clear();
                model.clear();
            }
            assert_eq!(numbers(&set), model.iter().copied().collect::<Vec<_>>());
            assert!(set.ranges.windows(2).all(|pair| pair[0].last() + 1 < pair[1].first()));
            assert_eq!(set.is_empty(), model.is_empty());
            assert_eq!(set.first().map(SeqRange::first), model.first().copied());
        }
    }

    #[test]
    fn a_full_set_keeps_the_lowest() {
        let mut set = RangeSet::default();
        for seq in 1..=64 {
            set.insert(SeqRange::single(seq * 10));
        }
        set.insert(SeqRange::single(650));
        assert_eq!(numbers(&set).last(), Some(&640), "one past the bound, above: not taken");
        set.insert(SeqRange::single(5));
        assert_eq!((numbers(&set)[0], numbers(&set).len()), (5, 64));
        assert_eq!(numbers(&set).last(), Some(&630), "the highest made room");
    }
}
