//! The simulation, and what a script does to it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::sim::{Datagram, GROUP, Link, Loss, NodeId, Place, Sim, SimError, Verdict};
use rmc_core::{Config, Congestion, EventKind, EventMask, Instant, Protocol, SendError};

use super::bounds;
use super::owed::{self, MAX_LINGER};
use super::reader::Reader;
use super::requests::Rules;
use super::script::{Fate, Mode, Op, Policy, Setup, Target, Weather, Where, per_mille};
use super::seen::Seen;
use super::truth::{Limits, Message, StreamId, Truth};
use super::view::View;
use super::watch::{Member, Watch};

/// The longest message that is sent.
const MAX_MESSAGE: usize = 500;
/// Small, so that times of waiting show.
const NACK_MAX_DELAY: Duration = Duration::from_millis(300);
/// Small, as a silent node waits so long for each window of a hole that is larger.
const SILENT_GAP: Duration = Duration::from_millis(20);
/// Nodes at the same time, and in all.
const MAX_NODES: usize = 8;
const MAX_MEMBERS: usize = 12;
/// More addresses than a script has.
const MAX_PEERS: usize = 64;

/// Of nodes that look for a rate: bytes a second.
const LEAST_RATE: u64 = 20_000;
const MOST_RATE: u64 = 1_000_000;

/// What the nodes' events tell the observer.
const EVENTS: EventMask = EventMask::NONE
    .with(EventKind::NewSender)
    .with(EventKind::PeerExpired)
    .with(EventKind::PeerRestarted)
    .with(EventKind::PeerFinished)
    .with(EventKind::GotLost)
    .with(EventKind::GotAck)
    .with(EventKind::GotNack)
    .with(EventKind::NewPacket)
    .with(EventKind::PrivateAbandoned)
    .with(EventKind::PeerEvicted)
    .with(EventKind::Closed);

/// A simulation in the course of a script.
pub(super) struct World {
    pub(super) sim: Sim,
    setup: Setup,
    pub(super) nodes: Vec<NodeId>,
    weather: Weather,
    /// Paths that have a loss of their own.
    paths: BTreeSet<(NodeId, NodeId)>,
    fates: Rc<RefCell<VecDeque<Fate>>>,
    messages: u64,
    moves: u8,
}

impl World {
    pub(super) fn new(setup: &Setup) -> Self {
        let mut sim = Sim::new(setup.seed);
        sim.set_links(&Link::IDEAL, &setup.weather.link());
        sim.set_loopback(setup.loopback);
        let limits = [0, 1].map(|node| Limits {
            packets: setup.sizes(node).0,
            bytes: setup.bytes.unwrap_or(usize::MAX),
            age: setup.age.map(Duration::from_millis),
        });
        sim.set_observer(Watch {
            truth: Truth::new(limits),
            members: Vec::new(),
            addresses: BTreeMap::new(),
            departures: Vec::new(),
            peer_timeout: Duration::from_millis(setup.timeout),
            instant: (Instant::ORIGIN, 0),
            is_exact: !setup.tight && setup.bytes.is_none(),
            mode: setup.mode,
            gives_up: setup.mode == Mode::Deadline || setup.deadline.is_some(),
            rules: Rules { mode: setup.repair, verify: setup.verify, has_room: !setup.tight },
            control: setup.control,
            drops_private: setup.tight,
            ages: setup.age.is_some(),
            seen: Seen::default(),
        });
        let mut world = Self {
            sim,
            setup: setup.clone(),
            nodes: Vec::new(),
            weather: setup.weather,
            paths: BTreeSet::new(),
            fates: Rc::default(),
            messages: 0,
            moves: 0,
        };
        for &policy in &setup.nodes {
            world.add(policy);
        }
        world.check();
        world
    }

    pub(super) fn watch(&mut self) -> &mut Watch {
        self.sim.observer_mut().expect("it was set in the beginning")
    }

    pub(super) fn apply(&mut self, op: &Op) {
        match *op {
            Op::Send { node, count, len } => self.send(node, count, len, 0),
            Op::Skip { node, by, len } => self.send(node, 1, len, by),
            Op::Private { node, to, count, len } => self.send_to(node, to, count, len),
            Op::Reset { node } => self.call(node, |protocol, now| {
                let _refused = protocol.reset(now);
            }),
            Op::Finish { node, linger } => {
                let linger = Duration::from_millis(linger.into()).min(MAX_LINGER);
                self.call(node, |protocol, now| protocol.finish(now, linger));
            }
            Op::Leave { node } => self.call(node, |protocol, now| protocol.deactivate(now)),
            Op::Join { node } => self.join(node),
            Op::Heartbeats { node, ref table } => {
                let table: Vec<_> = table.iter().map(|&millis| Duration::from_millis(millis.into())).collect();
                self.call(node, |protocol, now| {
                    let _refused = protocol.set_heartbeat_times(now, &table, 0);
                });
            }
            Op::Forget { node, peer } => self.forget(node, peer),
            Op::Pause { node } => self.pause(node, true, Duration::ZERO),
            Op::Resume { node } => self.pause(node, false, Duration::ZERO),
            Op::Slow { node, millis } => self.pause(node, false, Duration::from_millis(millis.into())),
            Op::Flush { node } => self.call(node, Protocol::flush),
            Op::Wait { millis } => self.sim.run_for(Duration::from_millis(millis.into())),
            Op::Crash { .. } | Op::Restart { .. } | Op::Move { .. } | Op::Add { .. } | Op::Remove { .. } => {
                self.change_members(op);
            }
            Op::Cut { .. } | Op::Heal | Op::Loss { .. } | Op::Fates { .. } => self.change_network(op),
            Op::Forge { stranger, target, ref bytes } => {
                let source = SocketAddr::from((Ipv4Addr::new(10, 66, 0, stranger % 3), 5_000));
                self.inject(source, target, bytes);
            }
            Op::Spoof { from, target, ref bytes } => {
                let (from, _) = self.node(from);
                // Another epoch would take over from one that is silent.
                let epoch = self.sim.protocol(from).map(|protocol| protocol.config().epoch);
                let may = Packet::decode(bytes).is_ok_and(|packet| is_request(&packet) && Some(packet.epoch) == epoch);
                if let Some(source) = self.sim.address(from).filter(|_| may) {
                    self.watch().members.iter_mut().for_each(|member| member.receivers.is_forged(source));
                    self.inject(source, target, bytes);
                }
            }
            Op::Garbage { from, target, ref bytes } => {
                let (from, _) = self.node(from);
                if let Some(source) = self.sim.address(from).filter(|_| Packet::decode(bytes).is_err()) {
                    self.inject(source, target, bytes);
                }
            }
        }
        self.check();
    }

    /// What must hold after everything that happens.
    pub(super) fn check(&mut self) {
        self.watch().catch_up();
        let now = self.sim.now();
        for node in self.nodes.clone() {
            let owes_repairs = self.watch().owes_repairs(now, node.index());
            let most_stable = self.watch().most_stable(node.index(), now);
            if let Some(protocol) = self.sim.protocol(node) {
                bounds::hold(protocol);
                self.sim.observer::<Watch>().expect("it was set").nobody_outlives(now, node.index(), protocol);
                let stable = protocol.stable_seq();
                // Who is closed has forgotten its receivers.
                let may = protocol.is_closed() || most_stable.is_none_or(|most| stable <= most);
                assert!(may, "at {now:?} node {node}: {stable} is stable, and not all have {most_stable:?}");
            }
            owed::deadline(&self.sim, node, owes_repairs);
        }
    }

    /// A node by its number in a script.
    fn node(&self, number: u8) -> (NodeId, usize) {
        let place = usize::from(number) % self.nodes.len();
        (self.nodes[place], place)
    }

    /// Calls a node's protocol; one that is down is not called.
    fn call(&mut self, number: u8, call: impl FnOnce(&mut Protocol, Instant)) {
        let (node, _) = self.node(number);
        let _is_down = self.sim.with(node, call);
    }

    fn send(&mut self, number: u8, count: u8, len: u16, skip: u16) {
        let (node, place) = self.node(number);
        for _ in 0..count {
            let Some(protocol) = self.sim.protocol(node) else { return };
            let first = protocol.next_seq() + u64::from(skip);
            let message = self.next_message(first, len);
            let payload: Vec<u8> = message.payload().collect();
            let sent = self.sim.with(node, |protocol, now| match skip {
                0 => protocol.send(now, &payload),
                _ => protocol.send_at(now, first, &payload),
            });
            match sent.expect("it is up") {
                Ok(last) => self.give(place, None, last, message),
                Err(SendError::Full | SendError::Finished | SendError::Silent) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn send_to(&mut self, number: u8, to: u8, count: u8, len: u16) {
        let ((node, place), (to, _)) = (self.node(number), self.node(to));
        let Some(address) = self.sim.address(to).filter(|_| node != to) else { return };
        for _ in 0..count {
            let message = self.next_message(0, len);
            let payload: Vec<u8> = message.payload().collect();
            match self.sim.send_to(node, to, &payload) {
                Ok(last) => self.give(place, Some(address), last, message),
                Err(
                    SimError::Down(_)
                    | SimError::NoSuchNode(_)
                    | SimError::Send(
                        SendError::Full | SendError::Finished | SendError::Silent | SendError::TooManyPrivate(_),
                    ),
                ) => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn next_message(&mut self, first: u64, len: u16) -> Message {
        self.messages += 1;
        Message { first, id: self.messages, len: usize::from(len) % (MAX_MESSAGE + 1) }
    }

    fn give(&mut self, place: usize, to: Option<SocketAddr>, last: u64, message: Message) {
        let max_payload = self.max_payload();
        let packets = message.len.div_ceil(max_payload).max(1) as u64;
        let message = Message { first: last + 1 - packets, ..message };
        let watch = self.watch();
        let id = StreamId { sender: place, epoch: watch.members[place].epoch, to };
        watch.given(id, last, message, max_payload);
        watch.catch_up();
    }

    fn max_payload(&self) -> usize {
        self.setup.datagram - 16
    }

    fn forget(&mut self, number: u8, peer: u8) {
        let ((node, place), (peer, _)) = (self.node(number), self.node(peer));
        let Some(address) = self.sim.address(peer).filter(|_| self.sim.protocol(node).is_some()) else { return };
        let watch = self.watch();
        watch.catch_up();
        watch.members[place].receivers.is_gone(address, None);
        watch.astray(place, address);
        if let Some(view) = watch.members[place].views.get_mut(&address) {
            view.is_forgotten = true;
        }
        self.call(number, |protocol, now| {
            protocol.remove_peer(now, address);
        });
        let watch = self.watch();
        let id = StreamId { sender: place, epoch: watch.members[place].epoch, to: Some(address) };
        watch.truth.drop_private(id);
        watch.members[place].private_limits.remove(&address);
        watch.members[place].requests.drop_private(address);
    }

    pub(super) fn join(&mut self, number: u8) {
        let (node, place) = self.node(number);
        if self.sim.protocol(node).is_none_or(|protocol| protocol.is_active()) {
            return;
        }
        let now = self.sim.now();
        // RMC-ACTIVE-3: nobody is late for the time between.
        self.watch().members[place].views.values_mut().for_each(|view| view.heard = now);
        self.call(number, |protocol, now| protocol.activate(now));
    }

    pub(super) fn pause(&mut self, number: u8, is_paused: bool, pause: Duration) {
        let (node, place) = self.node(number);
        if let Some(reader) = self.sim.application_mut::<Reader>(node) {
            *reader = Reader { is_paused, pause, is_resting: false };
        }
        let member = &mut self.watch().members[place];
        member.is_paused = is_paused || !pause.is_zero();
        member.views.values_mut().for_each(View::blur);
        // `recv` has no time: what it opens is due at the last one that the node knows.
        self.call(number, |protocol, now| protocol.handle_timeout(now));
    }

    fn add(&mut self, policy: Policy) {
        if self.nodes.len() >= MAX_MEMBERS || self.sim.nodes().count() >= MAX_NODES {
            return;
        }
        let setup = self.setup.clone();
        let place = self.nodes.len();
        let node = self.sim.add(|config| configure(config, &setup, policy, place)).expect("the configuration is valid");
        self.nodes.push(node);
        self.started(node, policy, 1);
        self.sim.run_application(node, Reader::default());
    }

    /// A node has started, perhaps again.
    fn started(&mut self, node: NodeId, policy: Policy, epochs: u32) {
        let address = self.sim.address(node).expect("it has just started");
        let epoch = self.sim.protocol(node).expect("it has just started").config().epoch;
        let (_, window) = self.setup.sizes(node.index());
        let sizes = (window as u64, self.setup.kept(node.index()));
        let watch = self.watch();
        watch.addresses.insert(address, node.index());
        let member = Member::new(address, policy, sizes, epoch, epochs);
        match watch.members.get_mut(node.index()) {
            Some(place) => *place = member,
            None => watch.members.push(member),
        }
    }

    fn change_members(&mut self, op: &Op) {
        match *op {
            Op::Crash { node } => {
                let (node, place) = self.node(node);
                if self.sim.crash(node).is_ok() {
                    self.watch().members[place].is_down();
                }
            }
            Op::Restart { node } => {
                let (node, _) = self.node(node);
                let address = self.sim.address(node);
                self.restart(node, address);
            }
            Op::Move { node } => {
                let (node, _) = self.node(node);
                self.moves = self.moves.saturating_add(1);
                let address = SocketAddr::from((Ipv4Addr::new(10, 77, 0, self.moves), 5_000));
                self.restart(node, Some(address));
            }
            Op::Add { policy } => self.add(policy),
            Op::Remove { node } => {
                let (node, place) = self.node(node);
                if self.sim.nodes().count() > 1 && self.sim.remove(node).is_ok() {
                    self.watch().members[place].is_down();
                }
            }
            _ => unreachable!("apply knows the others"),
        }
    }

    fn restart(&mut self, node: NodeId, address: Option<SocketAddr>) {
        let Some(address) = address else { return };
        let member = &mut self.watch().members[node.index()];
        let (policy, epochs, is_paused) = (member.policy, member.epochs + 1, member.is_paused);
        if self.sim.restart_at(node, address).is_ok() {
            self.started(node, policy, epochs);
            self.watch().members[node.index()].is_paused = is_paused;
        }
    }

    fn change_network(&mut self, op: &Op) {
        match *op {
            Op::Cut { from, to } => {
                let set = |bits: u16| -> Vec<NodeId> {
                    self.nodes.iter().copied().filter(|node| bits & 1 << node.index() != 0).collect()
                };
                self.sim.cut(&set(from), &set(to));
            }
            Op::Heal => self.sim.heal_all(),
            Op::Loss { at, loss, burst } => self.set_loss(at, Loss::bursts(per_mille(loss), burst.into())),
            Op::Fates { ref fates } => {
                self.fates.borrow_mut().extend(fates);
                let fates = Rc::clone(&self.fates);
                self.sim.set_tap(move |_: &Datagram<'_>, place: Place| match place {
                    Place::Leaves => Verdict::Pass,
                    Place::Enters(_) => verdict(fates.borrow_mut().pop_front()),
                });
            }
            _ => unreachable!("apply knows the others"),
        }
    }

    fn set_loss(&mut self, at: Where, loss: Loss) {
        let link = self.weather.link().with_loss(loss.clone());
        let done = match at {
            Where::Everywhere => {
                self.sim.set_links(&Link::IDEAL, &link);
                Ok(())
            }
            Where::Into(node) => self.sim.set_ingress(self.node(node).0, link),
            Where::OutOf(node) => self.sim.set_egress(self.node(node).0, Link::IDEAL.with_loss(loss)),
            Where::Between(from, to) => {
                let (from, to) = (self.node(from).0, self.node(to).0);
                self.paths.insert((from, to));
                self.sim.set_path(from, to, Link::IDEAL.with_loss(loss))
            }
        };
        assert!(!matches!(done, Err(error) if !matches!(error, SimError::NoSuchNode(_))), "{done:?}");
    }

    /// Nothing is lost, held back or doubled any more.
    pub(super) fn heal(&mut self) {
        self.sim.heal_all();
        self.sim.clear_tap();
        self.weather = self.weather.healed();
        self.sim.set_links(&Link::IDEAL, &self.weather.link());
        for &(from, to) in &self.paths {
            let _is_gone = self.sim.set_path(from, to, Link::IDEAL);
        }
    }

    fn inject(&mut self, source: SocketAddr, target: Target, bytes: &[u8]) {
        let destination = match target {
            Target::Group => Some(GROUP),
            Target::Node(node) => self.sim.address(self.node(node).0),
        };
        if let Some(destination) = destination {
            self.sim.inject(source, destination, bytes);
        }
    }
}

/// Whether it goes to a sender, and is of the group's stream if it acknowledges.
fn is_request(packet: &Packet<'_>) -> bool {
    match packet.body {
        Body::Nack { .. } => true,
        Body::Ack { .. } => !packet.flags.contains(Flags::PRIVATE),
        _ => false,
    }
}

fn verdict(fate: Option<Fate>) -> Verdict {
    match fate {
        None | Some(Fate::Pass) => Verdict::Pass,
        Some(Fate::Drop) => Verdict::Drop,
        Some(Fate::Delay(millis)) => Verdict::Delay(Duration::from_millis(millis.into())),
        Some(Fate::Twice(millis)) => Verdict::Twice(Duration::from_millis(millis.into())),
    }
}

fn configure(config: &mut Config, setup: &Setup, policy: Policy, node: usize) {
    // Epochs that wrap around.
    config.epoch = u32::MAX;
    config.join_policy = policy.join();
    config.silent = policy == Policy::Silent;
    config.announce = setup.announce;
    config.max_peers = MAX_PEERS;
    config.max_message = MAX_MESSAGE;
    config.max_datagram = setup.datagram;
    (config.backlog_packets, config.receive_window_packets) = setup.sizes(node);
    if let Some(bytes) = setup.bytes {
        (config.backlog_bytes, config.receive_window_bytes) = (bytes, bytes);
        config.receive_total_bytes = 4 * bytes;
    }
    config.backlog_age = setup.age.map(Duration::from_millis);
    config.max_burst = setup.burst.min(config.backlog_packets);
    config.max_rate = setup.rate;
    config.rate_burst = 2 * setup.datagram;
    config.nack_max_delay = NACK_MAX_DELAY;
    config.max_nack_backoff = Duration::from_millis(setup.backoff.into());
    config.nack_interval = config.max_nack_backoff / 10;
    config.delivery = setup.mode.delivery();
    config.recovery_deadline = setup.deadline.map(|millis| Duration::from_millis(millis.into()));
    config.repair_mode = setup.repair.mode();
    config.verify_askers = setup.verify;
    config.repair_share = setup.share;
    config.silent_gap = SILENT_GAP;
    config.packing = setup.packing;
    config.flush_after = Duration::from_millis(setup.flush.into());
    config.acknowledge = policy != Policy::Mute;
    config.flow_control = setup.control.flow_control();
    if setup.adapts {
        config.congestion = Congestion::Adaptive { floor: LEAST_RATE, ceiling: MOST_RATE };
    }
    if !setup.heartbeats.is_empty() {
        config.heartbeat_times = setup.heartbeats.iter().copied().map(Duration::from_millis).collect();
    }
    config.peer_timeout = Duration::from_millis(setup.timeout);
    if setup.tight {
        config.max_private = 2;
        config.send_queue_packets = 16;
        config.send_queue_bytes = 2 * MAX_MESSAGE;
        config.receive_total_packets = config.receive_window_packets;
        config.receive_total_bytes = config.receive_window_bytes;
        config.max_nacks = 2;
        config.max_repairs_per_nack = 4;
        config.max_askers = 2;
    }
    config.events = EVENTS;
    config.event_ring = 1 << 16;
}
