//! A node, its time, and the peers that it knows.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::{Action, Config, Event, FlowControl, Instant, JoinPolicy, Path, Protocol, Received};

use super::{OWN_EPOCH, PACKET_INTERVAL, PEER_EPOCH, SEED, address};

/// How often a peer that sends no data sends a heartbeat. Each one, and the timer that waits for it, is part of what is
/// measured.
const BEAT_INTERVAL: Duration = Duration::from_secs(10);
const GROUP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(239, 255, 77, 1)), 8_000);

pub(super) struct Node {
    pub(super) protocol: Protocol,
    pub(super) now: Instant,
    /// How many messages were received.
    pub(super) delivered: u64,
    deadline: Option<Instant>,
    peers: usize,
    beats: Beats,
}

/// The heartbeats of those peers that send no data, evenly spread over time.
struct Beats {
    from: Vec<SocketAddr>,
    datagram: Vec<u8>,
    next: usize,
    due: Instant,
    spacing: Duration,
}

impl Node {
    /// A node that knows `peers` peers by their heartbeats. Those from `first_idle` on go on with them.
    pub(super) fn new(peers: usize, first_idle: usize) -> Self {
        let mut config = Config::new(GROUP, OWN_EPOCH, SEED);
        // What is missing is asked for at once, so that its repair comes in its place.
        (config.max_nack_backoff, config.nack_interval) = (Duration::ZERO, Duration::ZERO);
        // Everybody has proven where it is.
        config.verify_askers = false;
        // Its peers acknowledge nothing.
        config.flow_control = FlowControl::None;
        config.local_addrs = vec![SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 5_000))];
        config.join_policy = JoinPolicy::Now;
        let now = Instant::ORIGIN;
        let protocol = Protocol::new(config, now).expect("the configuration is valid");
        let idle = u32::try_from(peers - first_idle).expect("there are few peers");
        let beats = Beats {
            from: (first_idle..peers).map(address).collect(),
            datagram: beat(),
            next: 0,
            due: now,
            spacing: BEAT_INTERVAL.checked_div(idle).unwrap_or(BEAT_INTERVAL),
        };
        let mut node = Self { protocol, now, delivered: 0, deadline: None, peers, beats };
        for peer in 0..first_idle {
            node.protocol.handle_datagram(node.now, address(peer), Path::Multicast, &beat());
            node.drain(&mut |_| {});
        }
        for _ in first_idle..peers {
            node.now = node.beats.due;
            node.beat();
            node.drain(&mut |_| {});
        }
        node
    }

    /// Does what the node says, as the event loop in the core's documentation does.
    pub(super) fn drain(&mut self, sent: &mut impl FnMut(&[u8])) {
        loop {
            match self.protocol.poll_action() {
                Action::Transmit(transmit) => sent(black_box(transmit.contents)),
                Action::Event(Event::Readable) => {
                    while let Some(received) = self.protocol.recv() {
                        if let Received::Message { payload, .. } = received {
                            black_box(payload.first());
                            self.delivered += 1;
                        }
                    }
                }
                Action::Event(_) => {}
                Action::ArmTimer(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
    }

    /// Lets the time of so many packets pass: with the other peers' heartbeats, and with the timers that are due.
    pub(super) fn pass(&mut self, packets: u32, sent: &mut impl FnMut(&[u8])) {
        self.now = self.now + PACKET_INTERVAL * packets;
        while !self.beats.from.is_empty() && self.beats.due <= self.now {
            self.beat();
            self.drain(sent);
        }
        while self.deadline.is_some_and(|deadline| deadline <= self.now) {
            self.protocol.handle_timeout(self.now);
            self.drain(sent);
        }
    }

    /// Panics if a peer was forgotten or missed, or anything was lost or dropped.
    pub(super) fn check(&self) {
        let stats = self.protocol.stats();
        let missed: u32 =
            self.protocol.peers().filter_map(|peer| peer.group).map(|stream| stream.missed_heartbeats).sum();
        assert_eq!((stats.held.peers, missed, stats.rx.lost), (self.peers, 0, 0), "{stats:?}");
        assert_eq!(stats.dropped, rmc_core::DroppedStats::default());
    }

    fn beat(&mut self) {
        let beats = &mut self.beats;
        let Some(&from) = beats.from.get(beats.next) else { return };
        self.protocol.handle_datagram(self.now, from, Path::Multicast, &beats.datagram);
        beats.next = (beats.next + 1) % beats.from.len();
        beats.due = beats.due + beats.spacing;
    }
}

/// The heartbeat of a peer that has sent one packet and promises another heartbeat in [`BEAT_INTERVAL`].
fn beat() -> Vec<u8> {
    let interval = u32::try_from(BEAT_INTERVAL.as_micros()).expect("a short interval");
    let body = Body::Heartbeat { oldest: 1, interval, backoff: 0, group: 0, rtt: 0 };
    encode(Flags::NONE, PEER_EPOCH, 1, body)
}

/// A datagram of a peer.
pub(super) fn encode(flags: Flags, epoch: u32, seq: u64, body: Body<'_>) -> Vec<u8> {
    let packet = Packet { flags, heartbeat: 0, epoch, seq, extension: None, body };
    let mut datagram = vec![0; packet.encoded_len()];
    packet.encode(&mut datagram).expect("a legal packet");
    datagram
}
