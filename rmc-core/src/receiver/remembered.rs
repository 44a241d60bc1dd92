//! Where the streams of expired peers stood, so that one that returns in the same epoch goes on there, without
//! duplicates (S26, RMC-PEER-7).

use alloc::collections::VecDeque;
use core::net::SocketAddr;

use super::peer::Positions;
use super::peers::is_newer;
use crate::hash::{Map, map};

/// The last ones to expire, up to a bound.
#[derive(Clone)]
pub(crate) struct Remembered {
    entries: Map<SocketAddr, Entry>,
    /// In the order of expiry; an entry that was taken or replaced leaves its place here.
    order: VecDeque<(SocketAddr, u64)>,
    bound: usize,
    serial: u64,
}

#[derive(Clone)]
struct Entry {
    epoch: u32,
    positions: Positions,
    serial: u64,
}

impl Remembered {
    pub(crate) fn new(bound: usize, seed: u64) -> Self {
        Self { entries: map(seed), order: VecDeque::new(), bound, serial: 0 }
    }

    pub(crate) fn put(&mut self, address: SocketAddr, epoch: u32, positions: Positions) {
        self.serial += 1;
        self.entries.insert(address, Entry { epoch, positions, serial: self.serial });
        self.order.push_back((address, self.serial));
        if self.order.len() > self.bound
            && let Some((oldest, serial)) = self.order.pop_front()
            && self.entries.get(&oldest).is_some_and(|entry| entry.serial == serial)
        {
            self.entries.remove(&oldest);
        }
    }

    /// Takes out what is known of `address`, if it stood in `epoch`. A stray packet of an older one takes nothing away.
    pub(crate) fn take(&mut self, address: SocketAddr, epoch: u32) -> Option<Positions> {
        let known = self.entries.get(&address)?.epoch;
        if known != epoch && !is_newer(epoch, known) {
            return None;
        }
        let entry = self.entries.remove(&address)?;
        (entry.epoch == epoch).then_some(entry.positions)
    }

    pub(crate) fn forget(&mut self, address: SocketAddr) {
        self.entries.remove(&address);
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::Remembered;
    use crate::fingerprint::{Fingerprint, State};

    /// In the order of expiry; what was taken or replaced keeps its place until it is the oldest.
    impl State for Remembered {
        fn put(&self, to: &mut Fingerprint) {
            let Self { entries, order, bound: _, serial: _ } = self;
            to.put(&order.len());
            for (address, serial) in order {
                let entry = entries.get(address).filter(|entry| entry.serial == *serial);
                to.put(address);
                to.put(&entry.map(|entry| (entry.epoch, entry.positions)));
            }
        }
    }
}
