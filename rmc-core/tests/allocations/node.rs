//! The node that is measured.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rmc_core::packet::{Body, Flags, Packet, RangesBuilder};
use rmc_core::{Action, Config, FlowControl, Instant, JoinPolicy, Path, Protocol, Received, SeqRange};

use crate::{EPOCH, PAYLOAD, STEP};

pub(crate) const ACK: Body<'_> = Body::Ack { target_epoch: EPOCH, window: 0, rtt: 0 };

/// A node, its time, and what it delivered. Everything here works on the stack, so that what is counted is the node's.
pub(crate) struct Node {
    pub(crate) protocol: Protocol,
    pub(crate) now: Instant,
    pub(crate) deadline: Option<Instant>,
    pub(crate) taken: u64,
}

impl Node {
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000)), EPOCH, 1);
        config.max_nack_backoff = Duration::ZERO;
        config.local_addrs = vec![SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 5000))];
        config.join_policy = JoinPolicy::FromStart;
        // Nobody acknowledges what it sends.
        config.flow_control = FlowControl::None;
        change(&mut config);
        let protocol = Protocol::new(config, Instant::ORIGIN).expect("the configuration is valid");
        Self { protocol, now: Instant::ORIGIN, deadline: None, taken: 0 }
    }

    /// Drains the node and lets a step of time pass, with all timers that are due in it.
    pub(crate) fn step(&mut self, mut transmitted: impl FnMut(&[u8])) {
        let end = self.now + STEP;
        loop {
            self.drain(&mut transmitted);
            match self.deadline {
                Some(deadline) if deadline <= end => self.now = deadline.max(self.now),
                _ => break,
            }
            self.protocol.handle_timeout(self.now);
        }
        self.now = end;
    }

    pub(crate) fn drain(&mut self, transmitted: &mut impl FnMut(&[u8])) {
        loop {
            match self.protocol.poll_action() {
                Action::Transmit(transmit) => transmitted(transmit.contents),
                Action::Event(_) => {}
                Action::ArmTimer(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
    }

    pub(crate) fn take(&mut self) {
        while let Some(received) = self.protocol.recv() {
            assert!(matches!(received, Received::Message { .. }), "{received:?}");
            self.taken += 1;
        }
    }

    /// A whole message comes from the peer.
    pub(crate) fn data(&mut self, seq: u64, flags: Flags) {
        self.packet(seq, flags | Flags::FIRST | Flags::LAST);
    }

    pub(crate) fn packet(&mut self, seq: u64, flags: Flags) {
        self.handle(Path::Multicast, flags, seq, Body::Data { payload: &PAYLOAD });
    }

    pub(crate) fn lost(&mut self, first: u64, seq: u64) {
        self.handle(Path::Multicast, Flags::NONE, seq, Body::Lost { first, stamp: 0 });
    }

    pub(crate) fn nack(&mut self, stamp: u32, asked: &[(u64, u64)]) {
        let seq = asked[0].0;
        let mut ranges = RangesBuilder::new(seq);
        for &(first, last) in asked {
            assert!(ranges.push(SeqRange::new(first, last).expect("a range")));
        }
        let body = Body::Nack { target_epoch: EPOCH, stamp, cookie: 0, rtt: 0, ranges: ranges.as_ranges() };
        self.handle(Path::Unicast, Flags::NONE, seq, body);
    }

    pub(crate) fn handle(&mut self, path: Path, flags: Flags, seq: u64, body: Body<'_>) {
        let peer = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 2), 5000));
        self.handle_from(peer, path, flags, seq, body);
    }

    pub(crate) fn handle_from(&mut self, peer: SocketAddr, path: Path, flags: Flags, seq: u64, body: Body<'_>) {
        let mut datagram = [0; 1_472];
        let packet = Packet { flags, heartbeat: 0, epoch: 9, seq, extension: None, body };
        let len = packet.encode(&mut datagram).expect("a legal packet");
        self.protocol.handle_datagram(self.now, peer, path, &datagram[..len]);
    }
}
