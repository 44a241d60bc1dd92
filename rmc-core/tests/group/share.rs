//! What stands with one asker alone, and how much of it fits (RMC-REPAIR-9).

use std::collections::BTreeMap;

/// One asker is owed so many ranges at most: of what does not fit the lowest stays.
const MAX_RANGES: usize = 64;

/// The numbers that one asker of a stream, and nobody else, is owed or may be owed. A sender knows better than the model
/// for how long a repair holds off, so that the model is not always sure; then each number may be there or not.
#[derive(Default)]
pub(super) struct Share {
    /// Whether each is there for sure. A hole counts as its first number: it can be no more than one range.
    numbers: BTreeMap<u64, bool>,
}

impl Share {
    pub(super) fn has(&self, seq: u64) -> bool {
        self.numbers.contains_key(&seq)
    }

    pub(super) fn add(&mut self, seq: u64, is_sure: bool) {
        *self.numbers.entry(seq).or_default() |= is_sure;
    }

    pub(super) fn remove(&mut self, seq: u64) {
        self.numbers.remove(&seq);
    }

    /// The lowest leaves first: when a number does, nothing below it is owed any more.
    pub(super) fn remove_up_to(&mut self, last: u64) {
        self.numbers = self.numbers.split_off(&(last + 1));
    }

    /// It may be there, or not.
    pub(super) fn doubt(&mut self, seq: u64) {
        if let Some(is_sure) = self.numbers.get_mut(&seq) {
            *is_sure = false;
        }
    }

    pub(super) fn doubt_up_to(&mut self, last: u64) {
        self.numbers.range_mut(..=last).for_each(|(_, is_sure)| *is_sure = false);
    }

    pub(super) fn clear(&mut self) {
        self.numbers.clear();
    }

    /// Takes out what does not fit. Returns that, and what may not fit.
    pub(super) fn fit(&mut self) -> Vec<u64> {
        if self.numbers.len() <= MAX_RANGES {
            return Vec::new();
        }
        let (least, most) = (self.ranges_up_to(usize::min), self.ranges_up_to(usize::max));
        let excess: Vec<_> = most.into_iter().filter(|&(_, ranges)| ranges > MAX_RANGES).map(|(seq, _)| seq).collect();
        excess.iter().for_each(|&seq| self.doubt(seq));
        for (seq, _) in least.into_iter().filter(|&(_, ranges)| ranges > MAX_RANGES) {
            self.remove(seq);
        }
        excess
    }

    /// The ranges up to each number, if that is there: the fewest or the most that there may be, as `choose` says.
    fn ranges_up_to(&self, choose: fn(usize, usize) -> usize) -> Vec<(u64, usize)> {
        let mut former = None;
        // The ranges so far, if the former number is there, and if it is not; `None`: that cannot be.
        let (mut with, mut without) = (None, Some(0));
        let either = |one: Option<usize>, other: Option<usize>| match (one, other) {
            (Some(one), Some(other)) => Some(choose(one, other)),
            _ => one.or(other),
        };
        let mut ranges = Vec::with_capacity(self.numbers.len());
        for (&seq, &is_sure) in &self.numbers {
            let touches = former.is_some_and(|former| former + 1 == seq);
            let grown = with.map(|ranges| ranges + usize::from(!touches));
            let begun = without.map(|ranges| ranges + 1);
            (with, without) = (either(grown, begun), either(with, without).filter(|_| !is_sure));
            ranges.push((seq, with.expect("it can be there")));
            former = Some(seq);
        }
        ranges
    }
}
