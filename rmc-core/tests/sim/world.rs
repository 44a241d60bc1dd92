//! One sender and receivers that never say anything, so that only what the network does shows: which of the sender's
//! Data packets gets where, and when.

use std::time::Duration;

use rmc_core::packet::{Body, Flags};
use rmc_core::sim::{Datagram, Fate, Link, NodeId, Observer, Sim};
use rmc_core::{Config, FlowControl, Instant, Protocol};

pub(crate) const NS: Duration = Duration::from_nanos(1);
pub(crate) const US: Duration = Duration::from_micros(1);
pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Bytes of an IPv4 and UDP header and of RMC's: what a message of one packet has besides itself.
pub(crate) const OVERHEAD: usize = 28 + 16;

pub(crate) struct World {
    pub(crate) sim: Sim,
    pub(crate) sender: NodeId,
    pub(crate) receivers: Vec<NodeId>,
}

/// A Data packet that came to a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Arrival {
    pub(crate) node: NodeId,
    pub(crate) seq: u64,
    pub(crate) at: Duration,
}

/// A Data packet that did not; `node`: none for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Drop {
    pub(crate) node: Option<NodeId>,
    pub(crate) seq: u64,
    pub(crate) fate: Fate,
}

/// What became of the Data packets of all nodes.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) arrivals: Vec<Arrival>,
    pub(crate) drops: Vec<Drop>,
}

impl Observer for Watch {
    fn dropped(&mut self, datagram: &Datagram<'_>, node: Option<NodeId>, fate: Fate) {
        self.drops.extend(data_seq(datagram).map(|seq| Drop { node, seq, fate }));
    }

    fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, _: &Protocol) {
        let at = since_start(datagram.now);
        self.arrivals.extend(data_seq(datagram).map(|seq| Arrival { node, seq, at }));
    }
}

/// The number of a Data packet that is no repair.
pub(crate) fn data_seq(datagram: &Datagram<'_>) -> Option<u64> {
    let packet = datagram.packet().ok()?;
    let is_data = matches!(packet.body, Body::Data { .. }) && !packet.flags.contains(Flags::RESENT);
    is_data.then_some(packet.seq)
}

pub(crate) fn since_start(at: Instant) -> Duration {
    at.saturating_since(Instant::ORIGIN)
}

impl World {
    /// A sender with `egress`, and receivers with `ingress`.
    pub(crate) fn new(seed: u64, receivers: usize, egress: Link, ingress: &Link) -> Self {
        let mut sim = Sim::new(seed);
        sim.set_observer(Watch::default());
        sim.set_links(&Link::IDEAL, ingress);
        // One packet for each message, at once.
        let plain = |config: &mut Config| (config.flow_control, config.packing) = (FlowControl::None, false);
        let sender = sim.add(plain).expect("a valid configuration");
        sim.set_egress(sender, egress).expect("it is there");
        let receivers = (0..receivers).map(|_| silent(&mut sim)).collect();
        Self { sim, sender, receivers }
    }

    /// Sends so many messages at once, each so long that its IP packet has `len` bytes.
    pub(crate) fn send(&mut self, count: usize, len: usize) {
        for _ in 0..count {
            self.sim.send(self.sender, &vec![7; len - OVERHEAD]).expect("there is room");
        }
    }

    /// Sends one message of 1 byte each `gap`.
    pub(crate) fn send_each(&mut self, gap: Duration, count: usize) {
        for _ in 0..count {
            self.send(1, OVERHEAD + 1);
            self.sim.run_for(gap);
        }
    }

    pub(crate) fn watch(&self) -> &Watch {
        self.sim.observer().expect("it was set")
    }

    /// The numbers that came to a receiver, in the order in which they did, and when.
    pub(crate) fn got(&self, receiver: usize) -> Vec<(u64, Duration)> {
        let node = self.receivers[receiver];
        self.watch().arrivals.iter().filter(|arrival| arrival.node == node).map(|a| (a.seq, a.at)).collect()
    }

    /// The same without the times.
    pub(crate) fn got_seqs(&self, receiver: usize) -> Vec<u64> {
        self.got(receiver).into_iter().map(|(seq, _)| seq).collect()
    }

    /// The numbers that were dropped on the way to `node` (`None`: to all), and why.
    pub(crate) fn missed(&self, node: Option<NodeId>) -> Vec<(u64, Fate)> {
        self.watch().drops.iter().filter(|drop| drop.node == node).map(|drop| (drop.seq, drop.fate)).collect()
    }
}

/// A node that never says anything.
pub(crate) fn silent(sim: &mut Sim) -> NodeId {
    sim.add(|config| config.silent = true).expect("a valid configuration")
}
