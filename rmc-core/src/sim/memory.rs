//! Memory that all nodes of a simulation use in turn.

use crate::inbox::Items;
use crate::pool::Pool;

/// What a node needs while it is called, and nothing that it does depends on: idle buffers, and the place of what its
/// application takes at once.
///
/// In a process of its own a node keeps as much of it as it has ever needed. Ten thousand nodes do not need the most at
/// the same time, and only what was used just now is in the cache.
#[derive(Default)]
pub(crate) struct Memory {
    pool: Pool,
    items: Items,
}

impl Memory {
    /// Before a node is called and after: swaps this memory with the node's.
    pub(crate) fn swap(&mut self, pool: &mut Pool, items: &mut Items) {
        core::mem::swap(&mut self.pool, pool);
        // What waits to be taken stays where it is.
        if items.is_empty() && self.items.is_empty() {
            core::mem::swap(&mut self.items, items);
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;
    use crate::event::{EndCause, Stream};
    use crate::inbox::{Item, Owner, What};

    #[test]
    fn buffers_go_round_and_what_waits_to_be_taken_stays() {
        let mut memory = Memory::default();
        let (mut pool, mut items) = (Pool::new(), Items::with_capacity(16));
        pool.put(Vec::with_capacity(1 << 10));
        memory.swap(&mut pool, &mut items);
        assert_eq!((pool.take_recycled(1 << 10).capacity(), items.capacity()), (0, 0));
        // The next node has them.
        memory.swap(&mut pool, &mut items);
        assert_eq!((pool.take_recycled(1 << 10).capacity(), items.capacity()), (1 << 10, 16));
        let owner = Owner { peer: ([10, 0, 0, 1], 1).into(), stream: Stream::Group, slot: 0, stream_id: 1 };
        items.push_back(Item { owner, what: What::Ended { cause: EndCause::Finished } });
        memory.swap(&mut pool, &mut items);
        assert_eq!(items.len(), 1);
    }
}
