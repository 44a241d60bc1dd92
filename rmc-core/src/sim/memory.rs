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
