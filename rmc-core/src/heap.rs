//! An indexed heap: the least of many values is found without a scan, and each moved in O(log n) without allocating.
//! Deadlines stand in one, and what receivers let a sender send.

use alloc::vec::Vec;

use crate::time::Instant;

/// Where an id that has no value stands.
const NOWHERE: u32 = u32::MAX;

/// At most one deadline for each of many small ids.
pub(crate) type Deadlines = Heap<Instant>;

/// At most one value for each of many small ids.
#[derive(Clone)]
pub(crate) struct Heap<V> {
    /// A binary heap, the least in front; equal values by id, so that the order depends on nothing else.
    heap: Vec<(V, u32)>,
    /// Where in the heap each id stands.
    places: Vec<u32>,
}

impl<V> Default for Heap<V> {
    fn default() -> Self {
        Self { heap: Vec::new(), places: Vec::new() }
    }
}

impl Deadlines {
    /// Takes out the id whose deadline is reached first, if one is.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<u32> {
        let &(at, id) = self.heap.first()?;
        if at > now {
            return None;
        }
        self.clear(id);
        Some(id)
    }
}

impl<V: Ord + Copy> Heap<V> {
    pub(crate) fn len(&self) -> usize {
        self.heap.len()
    }

    /// The least value.
    pub(crate) fn next(&self) -> Option<V> {
        self.heap.first().map(|&(value, _)| value)
    }

    /// The least value, and whose it is.
    #[inline]
    pub(crate) fn first(&self) -> Option<(V, u32)> {
        self.heap.first().copied()
    }

    /// The value of `id`.
    pub(crate) fn get(&self, id: u32) -> Option<V> {
        let place = *self.places.get(id as usize)?;
        self.heap.get(place as usize).map(|&(value, _)| value)
    }

    /// Sets or changes the value of `id`.
    pub(crate) fn set(&mut self, id: u32, value: V) {
        if self.places.len() <= id as usize {
            self.places.resize(id as usize + 1, NOWHERE);
        }
        let place = self.places[id as usize];
        if place == NOWHERE {
            self.heap.push((value, id));
            self.settle(self.heap.len() - 1);
            return;
        }
        self.heap[place as usize].0 = value;
        self.settle(place as usize);
    }

    /// Sets the value of `id` if it has none or a higher one. A deadline that is moved later stays: the owner looks
    /// again when it fires.
    #[inline]
    pub(crate) fn set_if_earlier(&mut self, id: u32, at: V) {
        // Most nodes follow one sender: its deadline is the first, and where it stands need not be looked up.
        if self.heap.first().is_some_and(|&(first, whose)| whose == id && first <= at) {
            return;
        }
        if self.get(id).is_none_or(|current| at < current) {
            self.set(id, at);
        }
    }

    /// Takes the value of `id` away.
    pub(crate) fn clear(&mut self, id: u32) {
        let Some(&place) = self.places.get(id as usize) else { return };
        if place == NOWHERE {
            return;
        }
        self.heap.swap_remove(place as usize);
        self.places[id as usize] = NOWHERE;
        if (place as usize) < self.heap.len() {
            self.settle(place as usize);
        }
    }

    /// Moves what stands at `place` up or down until the order holds, and notes where everything moved stands.
    fn settle(&mut self, mut place: usize) {
        while place > 0 {
            let parent = (place - 1) / 2;
            if self.heap[parent] <= self.heap[place] {
                break;
            }
            self.swap(parent, place);
            place = parent;
        }
        loop {
            let mut least = place;
            for child in [2 * place + 1, 2 * place + 2] {
                if child < self.heap.len() && self.heap[child] < self.heap[least] {
                    least = child;
                }
            }
            if least == place {
                break;
            }
            self.swap(least, place);
            place = least;
        }
        self.note(place);
    }

    fn swap(&mut self, a: usize, b: usize) {
        self.heap.swap(a, b);
        self.note(a);
        self.note(b);
    }

    fn note(&mut self, place: usize) {
        let id = self.heap[place].1;
        self.places[id as usize] = u32::try_from(place).expect("there are fewer than 2^32 ids");
    }
}

#[cfg(feature = "sim")]
impl<V: Ord + Copy + crate::fingerprint::State> crate::fingerprint::State for Heap<V> {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { heap, places } = self;
        to.put(&heap.len());
        for id in 0..u32::try_from(places.len()).unwrap_or(u32::MAX) {
            if let Some(value) = self.get(id) {
                to.put(&(id, value));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::collections::BTreeSet;

    use super::*;
    use crate::rng::Rng;

    #[test]
    fn it_behaves_as_an_ordered_set_does() {
        let mut rng = Rng::new(7);
        let mut deadlines = Deadlines::default();
        let mut model: BTreeSet<(Instant, u32)> = BTreeSet::new();
        for _ in 0..20_000 {
            let id = (rng.next_u64() % 50) as u32;
            let at = Instant::from_nanos(rng.next_u64() % 1_000);
            let old = model.iter().copied().find(|&(_, other)| other == id);
            match rng.next_u64() % 4 {
                0 => {
                    deadlines.clear(id);
                    old.map(|entry| model.remove(&entry));
                }
                1 => {
                    let due = model.first().copied().filter(|&(first, _)| first <= at);
                    assert_eq!(deadlines.pop_due(at), due.map(|(_, id)| id));
                    due.map(|entry| model.remove(&entry));
                }
                2 => {
                    deadlines.set_if_earlier(id, at);
                    if old.is_none_or(|(current, _)| at < current) {
                        old.map(|entry| model.remove(&entry));
                        model.insert((at, id));
                    }
                }
                _ => {
                    deadlines.set(id, at);
                    old.map(|entry| model.remove(&entry));
                    model.insert((at, id));
                }
            }
            assert_eq!(deadlines.next(), model.first().map(|&(at, _)| at));
            assert_eq!(deadlines.get(id), model.iter().find(|&&(_, other)| other == id).map(|&(at, _)| at));
        }
    }
}
