//! One node under any list of operations, and what must hold after each of them. Whatever comes in, the node stays
//! within the bounds of its configuration, ends every drain, sends nothing but legal packets, and delivers every stream
//! forward only.
//!
//! The fuzz target `protocol` and tests/memory.rs drive it.

mod bounds;
mod check;
mod op;
mod reflection;
mod shape;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use arbitrary::{Arbitrary, Unstructured};
use rmc_core::packet::{Body, Packet};
use rmc_core::{
    Action, Config, Congestion, Delivery, EventMask, FlowControl, Instant, JoinPolicy, Path, Protocol, RepairMode,
    Transmit,
};

use check::Streams;
use op::Op;
use reflection::Reflection;

/// More operations than this in one list show nothing new.
const MAX_OPS: usize = 4_096;
/// So many times the node may ask to be called again at once: past that it works without end.
const MAX_ROUNDS: usize = 2_000;

/// Runs the operations that `bytes` spell. Panics when something does not hold.
pub(crate) fn run(bytes: &[u8]) {
    let mut input = Unstructured::new(bytes);
    let Ok(setup) = Setup::arbitrary(&mut input) else {
        return;
    };
    let mut model = Model::new(&setup);
    for _ in 0..MAX_OPS {
        if input.is_empty() {
            break;
        }
        let Ok(op) = Op::arbitrary(&mut input) else {
            break;
        };
        model.apply(&op);
    }
    model.settle();
    model.end();
}

/// What of the configuration varies; the bounds are always small, so that they are reached.
#[derive(Arbitrary, Debug)]
struct Setup {
    join: u8,
    silent: bool,
    announce: bool,
    rate: Option<u16>,
    aged: bool,
    events: bool,
    delivery: u8,
    deadline: bool,
    backoff: bool,
    repair: u8,
    trusts: bool,
    share: u8,
    flow: u8,
    stall: u8,
    acknowledges: bool,
    packing: bool,
    flush: u8,
    adapts: bool,
}

impl Setup {
    fn config(&self) -> Config {
        let mut config = Config::new(group(), OWN_EPOCH, 0x5eed);
        config.local_addrs = vec![address(0)];
        config.join_policy = join_policy(self.join);
        config.silent = self.silent;
        config.announce = self.announce;
        config.max_peers = 4;
        config.max_private = 2;
        config.max_message = 1_000;
        config.max_datagram = 96;
        config.receive_window_packets = 16;
        config.receive_window_bytes = 2_048;
        config.receive_total_packets = 40;
        config.receive_total_bytes = 4_096;
        config.backlog_packets = 16;
        config.backlog_bytes = 2_000;
        config.backlog_age = self.aged.then_some(Duration::from_millis(100));
        config.send_queue_packets = 16;
        config.send_queue_bytes = 2_000;
        config.max_burst = 4;
        config.packing = self.packing;
        config.flush_after = Duration::from_millis(u64::from(self.flush % 32));
        config.acknowledge = self.acknowledges;
        config.flow_control = match self.flow % 4 {
            0 | 1 => FlowControl::Slowest { stall: Duration::from_millis(10 + u64::from(self.stall) * 4) },
            2 => FlowControl::Quorum { n: 1 + usize::from(self.stall % 4) },
            _ => FlowControl::None,
        };
        if self.adapts {
            config.congestion = Congestion::Adaptive { floor: 2_000, ceiling: 1_000_000 };
        }
        config.max_rate = self.rate.map(|rate| 1 + u64::from(rate) * 100);
        config.rate_burst = 200;
        config.max_nacks = 4;
        config.max_nack_backoff = if self.backoff { config.max_nack_backoff } else { Duration::ZERO };
        config.delivery = delivery(self.delivery);
        config.recovery_deadline = self.deadline.then_some(Duration::from_millis(30));
        config.repair_mode = repair_mode(self.repair);
        config.verify_askers = !self.trusts;
        config.repair_share = 1 + self.share % 99;
        config.max_repairs_per_nack = 8;
        config.max_askers = 2;
        config.heartbeat_times = [1, 5, 20].map(Duration::from_millis).to_vec();
        config.peer_timeout = Duration::from_millis(300);
        config.sequence_limit = 1_000;
        config.events = if self.events { EventMask::ALL } else { EventMask::NONE };
        config.event_ring = 16;
        config
    }
}

const OWN_EPOCH: u32 = 7;

fn group() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000))
}

/// Most packets are of one epoch, or every stream would end at once.
fn usual(epoch: u8) -> u32 {
    if epoch < 224 { 1 } else { u32::from(epoch % 4) }
}

/// 0 is the node itself.
fn address(index: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, index % 8), 5000))
}

const fn join_policy(choice: u8) -> JoinPolicy {
    match choice % 3 {
        0 => JoinPolicy::Oldest,
        1 => JoinPolicy::Now,
        _ => JoinPolicy::FromStart,
    }
}

const fn delivery(choice: u8) -> Delivery {
    match choice % 4 {
        0 => Delivery::Ordered,
        1 => Delivery::Deadline(Duration::from_millis(20)),
        2 => Delivery::Unordered,
        _ => Delivery::Latest,
    }
}

const fn repair_mode(choice: u8) -> RepairMode {
    match choice % 3 {
        0 => RepairMode::Adaptive,
        1 => RepairMode::Multicast,
        _ => RepairMode::Unicast,
    }
}

/// The node, and what is known about it from outside.
struct Model {
    node: Protocol,
    now: Instant,
    deadline: Option<Instant>,
    /// The stamp of the last NACK that the node sent, so that answers can carry it.
    stamp: u32,
    /// The cookie of the last Confirm that it sent, so that a NACK can carry it.
    cookie: u32,
    closed: bool,
    silent: bool,
    streams: Streams,
    /// `None`: addresses need not be proven.
    reflection: Option<Reflection>,
}

impl Model {
    fn new(setup: &Setup) -> Self {
        let now = Instant::from_nanos(1_000_000);
        let node = Protocol::new(setup.config(), now).expect("the small configuration is valid");
        let streams = Streams::new(node.config().delivery);
        let (closed, silent) = (false, setup.silent);
        let reflection = (!setup.trusts).then(Reflection::default);
        let mut model = Self { node, now, deadline: None, stamp: 0, cookie: 0, closed, silent, streams, reflection };
        model.drain();
        model
    }

    fn apply(&mut self, op: &Op) {
        let now = self.now;
        match op {
            Op::Datagram { source, multicast, bytes } => self.datagram(*source, *multicast, bytes),
            Op::Packet { source, multicast, epoch, shape } => {
                let epoch = usual(*epoch);
                if let Some(bytes) = shape.encode(epoch, OWN_EPOCH, self.stamp, self.cookie) {
                    self.datagram(*source, *multicast, &bytes);
                }
            }
            Op::Advance { micros } => {
                self.now = now + Duration::from_micros(u64::from(*micros));
                self.timeout();
            }
            Op::Leap { millis } => {
                self.now = now + Duration::from_millis(u64::from(*millis));
                self.timeout();
            }
            Op::ToDeadline => {
                self.now = self.deadline.map_or(now, |deadline| deadline.max(now));
                self.timeout();
            }
            Op::Backwards { micros } => {
                let earlier = now.as_nanos().saturating_sub(u64::from(*micros) * 1_000);
                self.node.handle_timeout(Instant::from_nanos(earlier));
                self.drain();
            }
            Op::Send { len } => {
                let _full_or_refused = self.node.send(now, &vec![1; usize::from(*len % 1_100)]);
            }
            Op::SendTo { peer, len } => {
                let _full_or_refused = self.node.send_to(now, address(*peer), &vec![2; usize::from(*len % 1_100)]);
            }
            Op::SendAt { skip, len } => {
                let seq = self.node.next_seq().saturating_add(skip.value()).saturating_sub(1);
                let _full_or_refused = self.node.send_at(now, seq, &vec![3; usize::from(*len % 300)]);
            }
            Op::Recv { count } => self.recv(usize::from(*count)),
            Op::Drain => self.drain(),
            Op::Fail { retry } => self.fail(*retry),
            Op::Settle => self.settle(),
            Op::Flush => self.node.flush(now),
            other => self.reconfigure(other),
        }
        bounds::hold(&self.node);
    }

    fn reconfigure(&mut self, op: &Op) {
        let now = self.now;
        match op {
            Op::Reset => {
                let _refused = self.node.reset(now);
            }
            Op::HeartbeatTimes { times, index } => {
                let times: Vec<Duration> = times.iter().map(|&ms| Duration::from_millis(u64::from(ms))).collect();
                let _refused = self.node.set_heartbeat_times(now, &times, usize::from(*index));
            }
            Op::Silent { silent } => {
                self.node.set_silent(now, *silent);
                self.silent = *silent;
            }
            Op::Join { policy } => self.node.set_join_policy(join_policy(*policy)),
            Op::Activate => self.node.activate(now),
            Op::Deactivate => self.node.deactivate(now),
            Op::Local { index } => self.node.set_local_addr(&[address(*index)]).expect("one address"),
            Op::Remove { peer } => {
                let known = self.node.peer(address(*peer)).is_some();
                // One that has expired may still be remembered.
                assert!(self.node.remove_peer(now, address(*peer)) || !known);
            }
            Op::Finish { really, millis } if really % 16 == 7 => {
                self.node.finish(now, Duration::from_millis(u64::from(*millis)));
            }
            Op::Close { really } if really % 16 == 7 => {
                self.node.close(now);
                self.closed = true;
            }
            Op::Finish { .. } | Op::Close { .. } => {}
            _ => unreachable!("apply knows the others"),
        }
    }

    fn datagram(&mut self, source: u8, multicast: bool, bytes: &[u8]) {
        let path = if multicast { Path::Multicast } else { Path::Unicast };
        let (before, closed) = (self.node.stats(), self.node.is_closed());
        if let Some(reflection) = self.reflection.as_mut().filter(|_| !multicast) {
            reflection.came(address(source), bytes);
        }
        self.node.handle_datagram(self.now, address(source), path, bytes);
        if !closed {
            check::malformed_changes_nothing(&before, &self.node.stats(), bytes);
        }
    }

    fn recv(&mut self, count: usize) {
        for _ in 0..count {
            let Some(received) = self.node.recv() else {
                return;
            };
            self.streams.take(&received);
        }
    }

    /// After `handle_timeout` and a drain no deadline lies in the past, and one that is now has packets behind it that
    /// the burst held back.
    fn timeout(&mut self) {
        self.node.handle_timeout(self.now);
        let sent = self.drain_counted();
        if let Some(deadline) = self.deadline {
            assert!(deadline >= self.now, "deadline {deadline:?} at {:?}", self.now);
            let burst = self.node.config().max_burst;
            assert!(deadline > self.now || sent == burst, "called again at once, though only {sent} of {burst} left");
        }
    }

    fn drain(&mut self) {
        self.drain_counted();
    }

    fn drain_counted(&mut self) -> usize {
        let (ring, burst) = (self.node.config().event_ring, self.node.config().max_burst);
        let bound = ring + 8 * burst + 8;
        let mut sent = 0;
        for _ in 0..bound {
            match self.node.poll_action() {
                Action::Transmit(transmit) => {
                    sent += 1;
                    assert!(!self.closed, "a closed node sends");
                    assert!(!self.silent, "a silent node sends");
                    match legal(&transmit).body {
                        Body::Nack { stamp, .. } => self.stamp = stamp,
                        Body::Confirm { cookie, .. } => self.cookie = cookie,
                        _ => {}
                    }
                    if let Some(reflection) = self.reflection.as_mut().filter(|_| transmit.destination != group()) {
                        reflection.went(transmit.destination, transmit.contents);
                    }
                }
                Action::Event(event) => assert!(!self.closed, "a closed node tells {event:?}"),
                Action::ArmTimer(deadline) => {
                    assert!(sent <= burst, "{sent} datagrams in one burst");
                    assert!(!self.closed || deadline.is_none(), "a closed node waits");
                    self.deadline = deadline;
                    self.closed = self.node.is_closed();
                    return sent;
                }
            }
        }
        panic!("a drain of more than {bound} actions");
    }

    /// Polls up to the first packet and lets it fail.
    fn fail(&mut self, retry: bool) {
        let ring = self.node.config().event_ring;
        for _ in 0..ring + 8 {
            match self.node.poll_action() {
                Action::Transmit(transmit) => {
                    if let Body::Nack { stamp, .. } = legal(&transmit).body {
                        self.stamp = stamp;
                    }
                    self.node.transmit_failed(self.now, retry);
                    break;
                }
                Action::Event(_) => {}
                Action::ArmTimer(deadline) => {
                    self.deadline = deadline;
                    return;
                }
            }
        }
    }

    /// All that the node has to do now ends.
    fn settle(&mut self) {
        for _ in 0..MAX_ROUNDS {
            self.timeout();
            if self.deadline.is_none_or(|deadline| deadline > self.now) {
                bounds::hold(&self.node);
                return;
            }
        }
        panic!("the node works without end at {:?}", self.now);
    }

    /// Nobody is followed any more, and the application takes everything: nothing that was received is left.
    fn end(&mut self) {
        for peer in 0..8 {
            self.node.remove_peer(self.now, address(peer));
        }
        self.recv(usize::MAX);
        let held = self.node.stats().held;
        assert_eq!((held.peers, held.receive_packets, held.receive_bytes, held.readable), (0, 0, 0, 0), "{held:?}");
    }
}

/// What leaves is a legal packet of this node.
fn legal<'a>(transmit: &Transmit<'a>) -> Packet<'a> {
    assert_eq!(transmit.segment_size, None);
    let packet = match Packet::decode(transmit.contents) {
        Ok(packet) => packet,
        Err(error) => panic!("sent {:02x?}, which does not decode: {error}", transmit.contents),
    };
    assert_eq!(packet.epoch, OWN_EPOCH, "{packet}");
    packet
}
