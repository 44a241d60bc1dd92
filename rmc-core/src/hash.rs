//! The core's one hash map: seeded, so that nobody who lacks the seed can make keys collide. Its order is never used.

use foldhash::fast::FixedState;

/// A map with the node's own hasher.
pub(crate) type Map<K, V> = hashbrown::HashMap<K, V, FixedState>;

/// An empty map; allocates nothing.
pub(crate) fn map<K, V>(seed: u64) -> Map<K, V> {
    Map::with_hasher(FixedState::with_seed(seed))
}
