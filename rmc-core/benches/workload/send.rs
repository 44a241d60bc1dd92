//! Sending: a message is handed in, and the node is drained: that gives the datagram.

use super::node::Node;
use super::{Workload, payload};

/// Enough packets to fill the backlog.
const WARM_UP: u64 = 10_000;

pub(super) struct Send {
    node: Node,
    payload: Vec<u8>,
    given: u64,
}

impl Send {
    pub(super) fn new(size: usize, peers: usize) -> Self {
        let mut send = Self { node: Node::new(peers, 0), payload: payload(size), given: 0 };
        send.run(WARM_UP);
        send
    }
}

impl Workload for Send {
    fn run(&mut self, packets: u64) {
        for _ in 0..packets {
            self.node.protocol.send(self.node.now, &self.payload).expect("the queue is drained after every message");
            self.node.drain(&mut |_| {});
            self.node.pass(1, &mut |_| {});
        }
        self.given += packets;
    }

    fn check(&self) {
        self.node.check();
        let stats = self.node.protocol.stats();
        assert_eq!(stats.tx.data, self.given);
        assert_eq!(stats.held.backlog_packets, self.node.protocol.config().backlog_packets);
    }
}
