//! What is on its way: datagrams, and the times at which they get somewhere.

use alloc::collections::{BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::SocketAddr;

use super::node::NodeId;
use super::trace::fold_bytes;
use crate::event::Path;
use crate::time::{Instant, earlier};

/// A datagram in the store.
pub(super) type PacketId = u32;

/// Its bytes, kept once however many it is on its way to.
#[derive(Default)]
pub(super) struct Stored {
    pub(super) bytes: Vec<u8>,
    pub(super) head: Option<Head>,
    /// How many flights and holders need it.
    users: u32,
}

/// Where a datagram comes from and goes to.
#[derive(Clone, Copy)]
pub(super) struct Head {
    pub(super) source: SocketAddr,
    pub(super) destination: SocketAddr,
    /// The node that sent it; `None`: it is forged.
    pub(super) from: Option<NodeId>,
    pub(super) path: Path,
    /// Of its bytes: what the trace's digest knows it by.
    pub(super) digest: u64,
    /// Where the trace has it.
    pub(super) recorded: Option<u32>,
}

/// All datagrams on their way. Their buffers are used again.
#[derive(Default)]
pub(super) struct Packets {
    all: Vec<Stored>,
    idle: Vec<PacketId>,
}

impl Packets {
    /// Keeps a datagram, with one user.
    pub(super) fn keep(
        &mut self,
        (source, destination): (SocketAddr, SocketAddr),
        from: Option<NodeId>,
        path: Path,
        bytes: &[u8],
    ) -> PacketId {
        let id = self.idle.pop().unwrap_or_else(|| {
            self.all.push(Stored::default());
            PacketId::try_from(self.all.len() - 1).unwrap_or(PacketId::MAX)
        });
        let stored = &mut self.all[id as usize];
        stored.bytes.clear();
        stored.bytes.extend_from_slice(bytes);
        stored.head = Some(Head { source, destination, from, path, digest: fold_bytes(bytes), recorded: None });
        stored.users = 1;
        id
    }

    pub(super) fn head(&self, id: PacketId) -> Head {
        self.all[id as usize].head.expect("a packet with users has a head")
    }

    pub(super) fn head_mut(&mut self, id: PacketId) -> &mut Head {
        self.all[id as usize].head.as_mut().expect("a packet with users has a head")
    }

    pub(super) fn bytes(&self, id: PacketId) -> &[u8] {
        &self.all[id as usize].bytes
    }

    pub(super) fn share(&mut self, id: PacketId) {
        self.all[id as usize].users += 1;
    }

    pub(super) fn release(&mut self, id: PacketId) {
        let stored = &mut self.all[id as usize];
        stored.users -= 1;
        if stored.users == 0 {
            stored.head = None;
            self.idle.push(id);
        }
    }

    /// How many are on their way.
    pub(super) fn len(&self) -> usize {
        self.all.len() - self.idle.len()
    }
}

/// What comes next on the way of a datagram, or of an application.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// It has left its node's egress link, and goes to everybody it is for.
    Spread(PacketId),
    /// It comes to a node's ingress link.
    Enter(PacketId, NodeId),
    /// It arrives at a node.
    Arrive(PacketId, NodeId),
    /// The application of a node wanted to be woken, in this life of its.
    Wake(NodeId, u32),
}

/// What is due, in the order of time; at the same time in the order in which it was added.
///
/// A datagram for the group is due at all its receivers in a row, and without jitter at the same time: such a row is
/// one entry of the heap, however long it is.
pub(super) struct Agenda {
    heap: BinaryHeap<Reverse<Entry>>,
    rows: Vec<VecDeque<Due>>,
    /// Rows that are not in use. Their buffers are used again.
    idle: Vec<usize>,
    /// The row that was added to last, which is not in the heap.
    last: VecDeque<Due>,
    last_at: Instant,
    /// When it began, in the order of all rows.
    last_count: u64,
}

/// When it is due, the order in which it was added, and what it is.
type Entry = (Instant, u64, Held);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    One(Due),
    Row(usize),
}

impl Default for Agenda {
    fn default() -> Self {
        Self {
            heap: BinaryHeap::new(),
            rows: Vec::new(),
            idle: Vec::new(),
            last: VecDeque::new(),
            last_at: Instant::ORIGIN,
            last_count: 0,
        }
    }
}

impl Agenda {
    pub(super) fn add(&mut self, at: Instant, due: Due) {
        if self.last_at != at && !self.last.is_empty() {
            self.put_away_last();
        }
        if self.last.is_empty() {
            self.last_at = at;
            self.last_count += 1;
        }
        self.last.push_back(due);
    }

    fn put_away_last(&mut self) {
        let what = match self.last.pop_front() {
            Some(due) if self.last.is_empty() => Held::One(due),
            Some(due) => {
                self.last.push_front(due);
                let row = self.idle.pop().unwrap_or(self.rows.len());
                if row == self.rows.len() {
                    self.rows.push(VecDeque::new());
                }
                core::mem::swap(&mut self.rows[row], &mut self.last);
                Held::Row(row)
            }
            None => return,
        };
        self.heap.push(Reverse((self.last_at, self.last_count, what)));
    }

    pub(super) fn next(&self) -> Option<Instant> {
        let last = (!self.last.is_empty()).then_some(self.last_at);
        earlier(last, self.heap.peek().map(|Reverse((at, ..))| *at))
    }

    /// Takes out what is due first.
    pub(super) fn pop(&mut self) -> Option<(Instant, Due)> {
        let is_last = |&Reverse((at, count, _)): &Reverse<Entry>| (self.last_at, self.last_count) < (at, count);
        if !self.last.is_empty() && self.heap.peek().is_none_or(is_last) {
            return self.last.pop_front().map(|due| (self.last_at, due));
        }
        let &Reverse((at, _, what)) = self.heap.peek()?;
        let due = match what {
            Held::One(due) => {
                self.heap.pop();
                due
            }
            Held::Row(row) => {
                let due = self.rows[row].pop_front()?;
                if self.rows[row].is_empty() {
                    self.heap.pop();
                    self.idle.push(row);
                }
                due
            }
        };
        Some((at, due))
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use rand_core::SeedableRng as _;
    use rand_xoshiro::Xoshiro256PlusPlus;

    use super::super::chance::uniform;
    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::ORIGIN + Duration::from_millis(millis)
    }

    #[test]
    fn things_come_in_the_order_of_time_and_then_of_their_addition() {
        let mut agenda = Agenda::default();
        let times = [5, 5, 5, 7, 5, 3, 3, 7, 7, 5, 9];
        for (number, &time) in (0..).zip(&times) {
            agenda.add(at(time), Due::Spread(number));
        }
        let mut expected: Vec<_> = (0..).zip(&times).map(|(number, &time)| (at(time), Due::Spread(number))).collect();
        expected.sort();
        // What is added meanwhile comes behind what was there at its time.
        for (index, &(time, due)) in expected.iter().enumerate() {
            assert_eq!(agenda.next(), Some(time));
            assert!(agenda.pop() == Some((time, due)), "{index}");
            if index == 2 {
                agenda.add(at(9), Due::Spread(99));
            }
        }
        assert!(agenda.pop() == Some((at(9), Due::Spread(99))));
        assert!(agenda.pop().is_none() && agenda.next().is_none());
    }

    #[test]
    fn any_order_of_additions_and_removals_is_that_of_a_sorted_list() {
        let mut rng = Xoshiro256PlusPlus::seed_from_u64(11);
        let (mut agenda, mut sorted) = (Agenda::default(), Vec::new());
        for number in 0..2_000 {
            if uniform(&mut rng, 2) > 0 {
                let time = at(uniform(&mut rng, 3) + u64::from(number) / 100);
                for _ in 0..=uniform(&mut rng, 3) {
                    agenda.add(time, Due::Spread(number));
                    sorted.push((time, number));
                }
                sorted.sort_by_key(|&(time, _)| time);
            } else {
                let expected = (!sorted.is_empty()).then(|| sorted.remove(0));
                assert!(agenda.pop() == expected.map(|(time, number)| (time, Due::Spread(number))), "{number}");
            }
        }
    }
}
