//! Which slot of the table of peers an address has. Only the slot is kept here: the address stands in it, and a table
//! at most half empty would hold it twice more.

use core::hash::BuildHasher;
use core::net::SocketAddr;

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// Slots by address. `address_of`, in each call: the address in a slot that is in use.
#[derive(Clone)]
pub(super) struct Lookup {
    slots: HashTable<u32>,
    hasher: FixedState,
}

impl Lookup {
    pub(super) fn new(seed: u64) -> Self {
        Self { slots: HashTable::new(), hasher: FixedState::with_seed(seed) }
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(super) fn find(&self, address: SocketAddr, address_of: impl Fn(u32) -> Option<SocketAddr>) -> Option<u32> {
        self.slots.find(self.hasher.hash_one(address), |&slot| address_of(slot) == Some(address)).copied()
    }

    /// Adds an address that is not there yet; its slot is in use already.
    pub(super) fn add(&mut self, address: SocketAddr, slot: u32, address_of: impl Fn(u32) -> Option<SocketAddr>) {
        let hasher = &self.hasher;
        let hash = |&slot: &u32| hasher.hash_one(address_of(slot).expect("a slot in the lookup is in use"));
        self.slots.insert_unique(hasher.hash_one(address), slot, hash);
    }

    /// Takes the address in `slot` out.
    pub(super) fn remove(&mut self, address: SocketAddr, slot: u32) {
        if let Ok(entry) = self.slots.find_entry(self.hasher.hash_one(address), |&other| other == slot) {
            entry.remove();
        }
    }
}
