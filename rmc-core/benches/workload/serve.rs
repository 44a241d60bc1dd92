//! Serving NACKs: one of 32 ranges is handed in, for single numbers all over a full backlog, and the node is drained of
//! the repairs.

use rmc_core::packet::{Body, Flags, MAX_RANGES, RangesBuilder};
use rmc_core::{Path, SeqRange};

use super::node::{Node, encode};
use super::{OWN_EPOCH, PEER_EPOCH, Workload, address, payload};

/// How many repairs one NACK brings.
pub(super) const REPAIRS: u64 = MAX_RANGES as u64;
/// From one number asked for to the next.
const DISTANCE: u64 = 7;
const STAMP_PLACE: usize = 20;

pub(super) struct Serve {
    node: Node,
    nack: Vec<u8>,
    oldest: u64,
    backlog: u64,
    nacks: u32,
    /// How many datagrams left.
    sent: u64,
}

impl Serve {
    pub(super) fn new(size: usize, peers: usize) -> Self {
        let mut node = Node::new(peers, 1);
        let payload = payload(size);
        let backlog = node.protocol.config().backlog_packets as u64;
        for _ in 0..backlog {
            node.protocol.send(node.now, &payload).expect("the queue is drained after every message");
            node.drain(&mut |_| {});
            node.pass(1, &mut |_| {});
        }
        // No data flows any more, so that nobody pays for repairs.
        node.pass(10_000, &mut |_| {});
        let mut serve = Self { node, nack: nack(), oldest: 1, backlog, nacks: 0, sent: 0 };
        serve.run(100 * REPAIRS);
        serve
    }

    fn ask(&mut self) {
        self.nacks = self.nacks.wrapping_add(1).max(1);
        // Anywhere in the backlog, at another place each time.
        let span = self.backlog - REPAIRS * DISTANCE;
        let first = self.oldest + u64::from(self.nacks).wrapping_mul(331) % span;
        self.nack[8..16].copy_from_slice(&first.to_be_bytes());
        self.nack[STAMP_PLACE..STAMP_PLACE + 4].copy_from_slice(&self.nacks.to_be_bytes());
        self.node.protocol.handle_datagram(self.node.now, address(0), Path::Unicast, &self.nack);
    }
}

impl Workload for Serve {
    fn run(&mut self, packets: u64) {
        let mut sent = 0;
        for _ in 0..packets / REPAIRS {
            self.ask();
            self.node.drain(&mut |_| sent += 1);
            self.node.pass(MAX_RANGES as u32, &mut |_| sent += 1);
        }
        self.sent += sent;
    }

    fn check(&self) {
        self.node.check();
        let stats = self.node.protocol.stats();
        let answered = stats.repair.repairs_sent + stats.repair.held_off;
        assert_eq!(answered, u64::from(self.nacks) * REPAIRS, "{stats:?}");
        assert!(self.sent >= stats.repair.repairs_sent);
    }
}

fn nack() -> Vec<u8> {
    let mut ranges = RangesBuilder::new(1);
    for index in 0..REPAIRS {
        assert!(ranges.push(SeqRange::single(1 + index * DISTANCE)));
    }
    let body = Body::Nack { target_epoch: OWN_EPOCH, stamp: 1, cookie: 0, rtt: 100, ranges: ranges.as_ranges() };
    encode(Flags::NONE, PEER_EPOCH, 1, body)
}
