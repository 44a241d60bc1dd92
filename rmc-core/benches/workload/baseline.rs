//! What everything is compared with: a lookup of the packet's source and a copy of its payload.

use std::hint::black_box;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{SEED, Workload, address, payload};

/// Knows as many peers as the node, in a map with the core's own hasher, and one buffer that is used again and again.
pub(crate) struct Baseline {
    lookup: HashMap<SocketAddr, u32, FixedState>,
    source: SocketAddr,
    payload: Vec<u8>,
    buffer: Vec<u8>,
    found: u64,
    done: u64,
}

impl Baseline {
    pub(crate) fn new(size: usize, peers: usize) -> Self {
        let mut lookup = HashMap::with_hasher(FixedState::with_seed(SEED));
        lookup.extend((0..peers).map(address).zip(0..));
        Self { lookup, source: address(0), payload: payload(size), buffer: Vec::new(), found: 0, done: 0 }
    }
}

impl Workload for Baseline {
    fn run(&mut self, packets: u64) {
        for _ in 0..packets {
            self.found += u64::from(self.lookup.get(black_box(&self.source)).is_some());
            self.buffer.clear();
            self.buffer.extend_from_slice(black_box(&self.payload));
            black_box(&mut self.buffer);
        }
        self.done += packets;
    }

    fn check(&self) {
        assert_eq!(self.found, self.done);
        assert_eq!(self.buffer, self.payload);
    }
}
