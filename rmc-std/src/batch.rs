//! Many items taken at once: one lock and no copy for all of them.

use rmc_core::{Protocol, Received, Taken};

/// Items that [`Receiver::recv_batch`](crate::Receiver::recv_batch) has taken, in their order. Reuse it: the memory of
/// what was looked at goes back to the endpoint with the next call.
///
/// What it holds is in no receive window any more: its room is what an application that stops looking keeps in memory.
#[derive(Debug)]
pub struct Batch {
    /// What was not looked at is the end, the next one first.
    taken: Vec<Taken>,
    /// How many of them have been looked at.
    done: usize,
    room: usize,
}

impl Batch {
    /// As many packets as make a lock cheap, and fit into a processor's caches.
    pub const DEFAULT_PACKETS: usize = 128;

    /// Room for what so many packets hold (at least one): a packet of small messages may hold hundreds.
    #[must_use]
    pub fn new(packets: usize) -> Self {
        Self { taken: Vec::new(), done: 0, room: packets.max(1) }
    }

    /// The next item, lent: a message is not copied.
    #[expect(clippy::should_implement_trait, reason = "it lends, which Iterator cannot")]
    pub fn next(&mut self) -> Option<Received<'_>> {
        // Two steps, as a loop that returns what it lends does not borrow-check.
        while self.taken.get(self.done)?.is_empty() {
            self.done += 1;
        }
        self.taken.get_mut(self.done)?.next()
    }

    /// Whether everything was looked at.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.taken[self.done..].iter().all(Taken::is_empty)
    }

    /// Takes what is there, if everything was looked at. Returns whether there is something to look at.
    pub(crate) fn fill(&mut self, protocol: &mut Protocol) -> bool {
        if !self.is_empty() {
            return true;
        }
        for taken in self.taken.drain(..) {
            protocol.give_back(taken);
        }
        self.done = 0;
        while self.taken.len() < self.room
            && let Some(taken) = protocol.take()
        {
            self.taken.push(taken);
        }
        !self.taken.is_empty()
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self::new(Self::DEFAULT_PACKETS)
    }
}
