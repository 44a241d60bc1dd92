//! Receiving: a datagram is handed in, the node is drained, and the message is taken. In order, or with every hundredth
//! number missing at first: it is asked for, and repaired 30 packets (300 us) later.

use rmc_core::Path;
use rmc_core::packet::{Body, Flags, Packet};

use super::node::{Node, encode};
use super::{PEER_EPOCH, Workload, address, payload};

const WARM_UP: u64 = 10_000;
/// One number of so many is missing at first.
const CYCLE: u64 = 100;
/// Which one of them.
const LOST: u64 = 50;
/// In the place of which one its repair comes.
const REPAIRED: u64 = 80;

pub(super) struct Receive {
    node: Node,
    data: Vec<u8>,
    repair: Vec<u8>,
    gaps: bool,
    /// How many packets were handed in.
    given: u64,
    /// What the node asked for.
    asked: Option<u64>,
}

impl Receive {
    pub(super) fn in_order(size: usize, peers: usize) -> Self {
        Self::new(size, peers, false)
    }

    pub(super) fn with_gaps(size: usize, peers: usize) -> Self {
        Self::new(size, peers, true)
    }

    fn new(size: usize, peers: usize, gaps: bool) -> Self {
        let whole = Flags::FIRST | Flags::LAST;
        let payload = payload(size);
        let body = Body::Data { payload: &payload };
        let data = encode(whole, PEER_EPOCH, 2, body);
        let repair = encode(whole | Flags::RESENT, PEER_EPOCH, 2, body);
        let mut receive = Self { node: Node::new(peers, 1), data, repair, gaps, given: 0, asked: None };
        receive.run(WARM_UP);
        receive
    }

    fn packet(&mut self) {
        let place = self.given % CYCLE;
        let is_repair = self.gaps && place == REPAIRED;
        let number = match place {
            REPAIRED if self.gaps => self.asked.take().expect("it was asked for"),
            LOST..REPAIRED if self.gaps => first_number() + self.given + 1,
            _ => first_number() + self.given,
        };
        let (path, datagram) =
            if is_repair { (Path::Unicast, &mut self.repair) } else { (Path::Multicast, &mut self.data) };
        // The header's sequence number.
        datagram[8..16].copy_from_slice(&number.to_be_bytes());
        self.node.protocol.handle_datagram(self.node.now, address(0), path, datagram);
        self.given += 1;
    }
}

impl Workload for Receive {
    fn run(&mut self, packets: u64) {
        for _ in 0..packets {
            self.packet();
            let asked = &mut self.asked;
            let mut sent = |datagram: &[u8]| *asked = asked_for(datagram).or(*asked);
            self.node.drain(&mut sent);
            self.node.pass(1, &mut sent);
        }
    }

    fn check(&self) {
        self.node.check();
        let stats = self.node.protocol.stats();
        assert_eq!(stats.rx.data, self.given);
        let cached = if self.gaps { (self.given % CYCLE).saturating_sub(LOST).min(REPAIRED - LOST) } else { 0 };
        assert!(self.node.delivered + cached >= self.given - 1, "{} of {}", self.node.delivered, self.given);
        let repaired = if self.gaps { (self.given + CYCLE - REPAIRED - 1) / CYCLE } else { 0 };
        assert_eq!(stats.repair.repaired, repaired, "{stats:?}");
    }
}

/// Behind the heartbeat by which the peer became known.
const fn first_number() -> u64 {
    2
}

/// What a NACK asks for; an Ack asks for nothing.
fn asked_for(datagram: &[u8]) -> Option<u64> {
    let packet = Packet::decode(datagram).expect("a node sends legal packets");
    match packet.body {
        Body::Nack { .. } => Some(packet.seq),
        Body::Ack { .. } => None,
        _ => panic!("{packet}"),
    }
}
