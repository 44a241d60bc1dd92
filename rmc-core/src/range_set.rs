//! A small ordered set of numbers, kept as ranges: what one asker is owed, or all are.

use alloc::vec::Vec;

use crate::seq::SeqRange;

/// Ascending ranges that neither touch nor overlap, and no more than fit. What does not fit is asked for again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RangeSet {
    ranges: Vec<SeqRange>,
    most: usize,
}

impl RangeSet {
    /// An empty set of at most `most` ranges, one or more; allocates nothing.
    pub(crate) const fn new(most: usize) -> Self {
        Self { ranges: Vec::new(), most }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// The lowest range.
    pub(crate) fn first(&self) -> Option<SeqRange> {
        self.ranges.first().copied()
    }

    /// The highest number.
    pub(crate) fn last(&self) -> Option<u64> {
        self.ranges.last().map(|range| range.last())
    }

    /// How many numbers there are.
    pub(crate) fn count(&self) -> u64 {
        self.ranges.iter().fold(0, |count, range| range.len().saturating_add(count))
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
            self.put(from, range);
            return;
        }
        let first = self.ranges[from].first().min(range.first());
        let last = self.ranges[to - 1].last().max(range.last());
        self.ranges.drain(from + 1..to);
        if let Some(merged) = SeqRange::new(first, last) {
            self.ranges[from] = merged;
        }
    }

    /// Takes out one number. Where that makes one range more than fit, the highest goes as well.
    pub(crate) fn remove(&mut self, seq: u64) {
        let place = self.ranges.partition_point(|have| have.last() < seq);
        let Some(&have) = self.ranges.get(place).filter(|have| have.contains(seq)) else { return };
        let below = seq.checked_sub(1).and_then(|last| SeqRange::new(have.first(), last));
        let above = SeqRange::new(seq.saturating_add(1), have.last());
        match (below, above) {
            (None, None) => {
                self.ranges.remove(place);
            }
            (Some(rest), None) | (None, Some(rest)) => self.ranges[place] = rest,
            (Some(below), Some(above)) => {
                self.ranges[place] = below;
                self.put(place + 1, above);
            }
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

    /// Puts in a range that touches none, where it belongs. A full set keeps its lowest ranges.
    fn put(&mut self, place: usize, range: SeqRange) {
        if self.ranges.len() == self.most {
            if place == self.most {
                return;
            }
            self.ranges.pop();
        }
        self.ranges.insert(place, range);
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { RangeSet { ranges; most } }

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
        let mut set = RangeSet::new(64);
        let mut model = BTreeSet::new();
        for _ in 0..20_000 {
            let first = rng.next_u64() % 100;
            if rng.next_u64().is_multiple_of(4) {
                set.remove(first);
                model.remove(&first);
            } else if rng.next_u64().is_multiple_of(4) {
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
            assert_eq!((set.last(), set.count()), (model.last().copied(), model.len() as u64));
        }
    }

    #[test]
    fn a_full_set_keeps_the_lowest() {
        let mut set = RangeSet::new(64);
        for seq in 1..=64 {
            set.insert(SeqRange::single(seq * 10));
        }
        set.insert(SeqRange::single(650));
        assert_eq!(numbers(&set).last(), Some(&640), "one past the bound, above: not taken");
        set.insert(SeqRange::single(5));
        assert_eq!((numbers(&set)[0], numbers(&set).len()), (5, 64));
        assert_eq!(numbers(&set).last(), Some(&630), "the highest made room");
    }

    #[test]
    fn a_full_set_that_a_hole_falls_into_gives_up_its_highest_range() {
        let mut set = RangeSet::new(3);
        for seq in [10, 20, 30] {
            set.insert(SeqRange::new(seq, seq + 4).expect("ascending"));
        }
        set.remove(12);
        assert_eq!(numbers(&set), [10, 11, 13, 14, 20, 21, 22, 23, 24]);
        set.remove(20);
        set.remove(24);
        assert_eq!(numbers(&set), [10, 11, 13, 14, 21, 22, 23], "what grows no more costs nothing");
    }
}
