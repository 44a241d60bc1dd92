//! The best of many: what the n highest of some numbers have in common (RMC-FLOW-3).

use core::cmp::Reverse;

use crate::heap::Heap;

/// At most one number for each of many small ids. The highest `most` of them are chosen.
#[derive(Clone)]
pub(crate) struct Selection {
    most: usize,
    chosen: Heap<u64>,
    /// All are lower than those, or equal.
    others: Heap<Reverse<u64>>,
}

impl Selection {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, chosen: Heap::default(), others: Heap::default() }
    }

    /// The lowest of the chosen ones; `None`: there is no number at all.
    pub(crate) fn lowest(&self) -> Option<u64> {
        self.chosen.next()
    }

    /// The lowest of the chosen ones, and whose it is.
    pub(crate) fn first(&self) -> Option<(u64, u32)> {
        self.chosen.first()
    }

    /// Sets or changes the number of `id`.
    pub(crate) fn set(&mut self, id: u32, number: u64) {
        if self.chosen.get(id).is_some() {
            self.chosen.set(id, number);
        } else {
            self.others.set(id, Reverse(number));
        }
        self.settle();
    }

    /// Takes the number of `id` away.
    pub(crate) fn clear(&mut self, id: u32) {
        self.chosen.clear(id);
        self.others.clear(id);
        self.settle();
    }

    /// At most one stands on the wrong side, or one place is free.
    fn settle(&mut self) {
        let Some((Reverse(best), id)) = self.others.first() else { return };
        if self.chosen.len() < self.most {
            self.others.clear(id);
            self.chosen.set(id, best);
            return;
        }
        let Some((worst, other)) = self.chosen.first() else { return };
        if worst < best {
            self.others.set(other, Reverse(worst));
            self.chosen.clear(other);
            self.others.clear(id);
            self.chosen.set(id, best);
        }
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { Selection { chosen, others; most } }

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeMap;
    use alloc::vec::Vec;

    use super::*;
    use crate::rng::Rng;

    // RMC-FLOW-3
    #[test]
    fn it_agrees_with_sorting() {
        for most in [1, 2, 7, usize::MAX] {
            let mut rng = Rng::new(most as u64);
            let mut selection = Selection::new(most);
            let mut model = BTreeMap::new();
            for step in 0..20_000 {
                let id = (rng.next_u64() % 12) as u32;
                if rng.next_u64().is_multiple_of(4) {
                    selection.clear(id);
                    model.remove(&id);
                } else {
                    let number = rng.next_u64() % 20;
                    selection.set(id, number);
                    model.insert(id, number);
                }
                let mut numbers: Vec<u64> = model.values().copied().collect();
                numbers.sort_unstable_by_key(|&number| Reverse(number));
                numbers.truncate(most);
                assert_eq!(selection.lowest(), numbers.last().copied(), "{most}, step {step}");
            }
        }
    }
}
