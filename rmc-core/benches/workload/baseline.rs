//! What everything is compared with: a lookup of the packet's source and a copy of its payload.

use std::hint::black_box;
use std::net::SocketAddr;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::{SEED, Workload, address, payload};

/// Buffers to copy into, in turn. Each begins 16 bytes further from a cache line's beginning than the one before, as
/// what an allocator gives may: at one such place the same copy of 1,400 bytes takes 19 ns, at another 27.
const BUFFERS: usize = 4;
/// As many as a node keeps packets for repair.
const KEPT: usize = 8_192;

/// Knows as many peers as the node, in a map with the core's own hasher.
pub(crate) struct Baseline {
    lookup: HashMap<SocketAddr, u32, FixedState>,
    source: SocketAddr,
    payload: Vec<u8>,
    buffers: Vec<u8>,
    /// From one buffer to the next.
    stride: usize,
    /// Where the next copy goes.
    place: usize,
    found: u64,
    done: u64,
}

impl Baseline {
    pub(crate) fn new(size: usize, peers: usize) -> Self {
        Self::over(BUFFERS, size, peers)
    }

    /// The same, but what is copied is kept, until as much came as a backlog holds: the copy goes to memory that is in
    /// no near cache.
    pub(super) fn keeping(size: usize, peers: usize) -> Self {
        Self::over(KEPT, size, peers)
    }

    fn over(buffers: usize, size: usize, peers: usize) -> Self {
        let mut lookup = HashMap::with_hasher(FixedState::with_seed(SEED));
        lookup.extend((0..peers).map(address).zip(0..));
        let stride = size.next_multiple_of(64) + 16;
        let (payload, buffers) = (payload(size), vec![0; buffers * stride]);
        Self { lookup, source: address(0), payload, buffers, stride, place: 0, found: 0, done: 0 }
    }
}

impl Workload for Baseline {
    fn run(&mut self, packets: u64) {
        for _ in 0..packets {
            self.found += u64::from(self.lookup.get(black_box(&self.source)).is_some());
            let payload = black_box(self.payload.as_slice());
            let buffer = &mut self.buffers[self.place..self.place + payload.len()];
            buffer.copy_from_slice(payload);
            black_box(buffer);
            self.place += self.stride;
            if self.place == self.buffers.len() {
                self.place = 0;
            }
        }
        self.done += packets;
    }

    fn check(&self) {
        assert_eq!(self.found, self.done);
        assert!(self.buffers.starts_with(&self.payload));
    }
}
