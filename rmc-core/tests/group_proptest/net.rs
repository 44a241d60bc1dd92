//! The nodes and the network between them, in virtual time.

use std::collections::{BTreeMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rmc_core::{
    Action, Config, Delivery, EndCause, Event, Instant, JoinPolicy, LossCause, Path, Protocol, Received, SendError,
    SeqRange, Stream,
};

use crate::history::History;
use crate::settings::{Role, Settings, Weather};
use crate::tracker::Tracker;

pub(crate) struct Net {
    nodes: Vec<Node>,
    pub(crate) weather: Weather,
    now: Duration,
    flying: BTreeMap<(Duration, u64), Flight>,
    flights: u64,
    messages: u64,
    settings: Settings,
    seed: u64,
    rng: Xoshiro256PlusPlus,
}

struct Node {
    protocol: Protocol,
    role: Role,
    deadline: Option<Duration>,
    paused: bool,
    /// What it sent, in all its incarnations: by epoch, stream, and for a private one its receiver.
    sent: BTreeMap<(u32, Stream, usize), History>,
    /// What it got in this incarnation.
    trackers: Trackers,
    incarnation: u32,
    /// Whether the datagram just handled came from a peer without a stream, whose restart is an event only.
    streamless: bool,
    restarts: Restarts,
    /// The sender's epoch and the own incarnation when the first private message came from each node.
    private_since: BTreeMap<usize, (u32, u32)>,
}

type Trackers = BTreeMap<(usize, Stream), Tracker>;

struct Flight {
    from: usize,
    to: usize,
    path: Path,
    bytes: Rc<[u8]>,
}

/// What `recv` said, with its parts.
enum Item {
    Message { stream: Stream, seq: u64, payload: Vec<u8> },
    Lost { stream: Stream, ranges: Vec<SeqRange>, cause: LossCause },
    Restarted { epoch: u32 },
    Ended { stream: Stream, cause: EndCause },
}

impl From<Received<'_>> for Item {
    fn from(received: Received<'_>) -> Self {
        match received {
            Received::Message { stream, seq, payload, .. } => Self::Message { stream, seq, payload: payload.to_vec() },
            Received::Lost { stream, ranges, cause, .. } => Self::Lost { stream, ranges: ranges.to_vec(), cause },
            Received::Restarted { epoch, .. } => Self::Restarted { epoch },
            Received::Ended { stream, cause, .. } => Self::Ended { stream, cause },
            other => panic!("{other:?} is new to this test"),
        }
    }
}

/// A restart of a peer, told by an event and not yet in band.
struct Restart {
    epoch: u32,
    /// The peer had no stream, so that nothing comes in band.
    streamless: bool,
}

type Restarts = BTreeMap<usize, VecDeque<Restart>>;

/// The new epoch of a known peer is followed from 1.
fn restarted(trackers: &mut Trackers, delivery: Delivery, sender: usize, epoch: u32) {
    trackers.insert((sender, Stream::Group), Tracker::new(delivery, epoch, Some(1)));
    trackers.insert((sender, Stream::Private), Tracker::new(delivery, epoch, None));
}

/// Past the restarts that are not told in band.
fn advance(trackers: &mut Trackers, restarts: &mut Restarts, delivery: Delivery, sender: usize) {
    let waiting = restarts.entry(sender).or_default();
    while waiting.front().is_some_and(|restart| restart.streamless)
        && let Some(restart) = waiting.pop_front()
    {
        restarted(trackers, delivery, sender, restart.epoch);
    }
}

fn group() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000))
}

fn address(node: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 5_000 + u16::try_from(node).expect("few nodes")))
}

fn index(address: SocketAddr) -> usize {
    usize::from(address.port() - 5_000)
}

impl Net {
    pub(crate) fn new(seed: u64, settings: Settings, weather: Weather, roles: &[Role]) -> Self {
        let mut net = Self {
            nodes: Vec::new(),
            weather,
            now: Duration::ZERO,
            flying: BTreeMap::new(),
            flights: 0,
            messages: 0,
            settings,
            seed,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
        };
        for (node, &role) in roles.iter().enumerate() {
            let started = net.start(node, role, 0);
            net.nodes.push(started);
        }
        net
    }

    fn start(&self, node: usize, role: Role, incarnation: u32) -> Node {
        // Epochs that wrap around.
        let epoch = u32::MAX.wrapping_add(incarnation);
        let mut config = Config::new(group(), epoch, self.seed ^ (node as u64) << 32 ^ u64::from(incarnation));
        config.max_nack_backoff = if self.settings.backoff { config.max_nack_backoff } else { Duration::ZERO };
        config.local_addrs = vec![address(node)];
        config.join_policy = role.policy;
        config.delivery = role.delivery;
        config.max_datagram = 80;
        config.max_message = 1_000;
        config.announce = self.settings.announce;
        config.backlog_packets = self.settings.backlog;
        config.receive_window_packets = self.settings.backlog;
        let protocol = Protocol::new(config, Instant::from_origin(self.now)).expect("the configuration is valid");
        Node {
            protocol,
            role,
            deadline: None,
            paused: false,
            sent: BTreeMap::new(),
            trackers: BTreeMap::new(),
            incarnation,
            streamless: false,
            restarts: BTreeMap::new(),
            private_since: BTreeMap::new(),
        }
    }

    pub(crate) fn send(&mut self, node: usize, len: usize) {
        let first = self.nodes[node].protocol.next_seq();
        self.send_at(node, first, len);
    }

    pub(crate) fn skip(&mut self, node: usize, by: u64, len: usize) {
        let first = self.nodes[node].protocol.next_seq() + by;
        self.send_at(node, first, len);
    }

    fn send_at(&mut self, node: usize, first: u64, len: usize) {
        let payload = self.next_message(len);
        let now = Instant::from_origin(self.now);
        let last = self.nodes[node].protocol.send_at(now, first, &payload).expect("the queue is drained each time");
        self.record(node, Stream::Group, 0, first, last, len);
    }

    pub(crate) fn send_to(&mut self, node: usize, to: usize, len: usize) {
        let payload = self.next_message(len);
        let now = Instant::from_origin(self.now);
        let last = match self.nodes[node].protocol.send_to(now, address(to), &payload) {
            Ok(last) => last,
            // A receiver that is away for long: its queue is bounded.
            Err(SendError::Full) => return,
            Err(error) => panic!("{error}"),
        };
        let packets = (len as u64).div_ceil(64).max(1);
        let since = (self.epoch(node), self.nodes[to].incarnation);
        if !self.nodes[node].sent.contains_key(&(since.0, Stream::Private, to)) {
            self.nodes[to].private_since.insert(node, since);
        }
        self.record(node, Stream::Private, to, last + 1 - packets, last, len);
    }

    fn next_message(&mut self, len: usize) -> Vec<u8> {
        self.messages += 1;
        crate::history::Message { first: 0, id: self.messages, len }.payload()
    }

    fn record(&mut self, node: usize, stream: Stream, to: usize, first: u64, last: u64, len: usize) {
        let epoch = self.epoch(node);
        self.nodes[node].sent.entry((epoch, stream, to)).or_default().add(first, last, self.messages, len);
        self.settle(node);
    }

    pub(crate) fn reset(&mut self, node: usize) {
        let epoch = self.epoch(node);
        self.nodes[node].protocol.reset(Instant::from_origin(self.now)).expect("it may");
        self.nodes[node].sent.entry((epoch, Stream::Group, 0)).or_default().cut();
        self.settle(node);
    }

    /// The node is killed, with all that is on its way from and to it, and started again.
    pub(crate) fn restart(&mut self, node: usize) {
        self.flying.retain(|_, flight| flight.from != node && flight.to != node);
        let old = &self.nodes[node];
        let mut started = self.start(node, old.role, old.incarnation + 1);
        std::mem::swap(&mut started.sent, &mut self.nodes[node].sent);
        self.nodes[node] = started;
        self.settle(node);
    }

    pub(crate) fn pause(&mut self, node: usize) {
        self.nodes[node].paused = true;
    }

    pub(crate) fn activate(&mut self, node: usize, active: bool) {
        let (state, now) = (&mut self.nodes[node].protocol, Instant::from_origin(self.now));
        if active {
            state.activate(now);
        } else {
            state.deactivate(now);
        }
        self.settle(node);
    }

    pub(crate) fn resume(&mut self) {
        for node in 0..self.nodes.len() {
            self.nodes[node].paused = false;
            self.activate(node, true);
        }
    }

    pub(crate) fn finish(&mut self, node: usize, linger: Duration) {
        self.nodes[node].protocol.finish(Instant::from_origin(self.now), linger);
        self.settle(node);
    }

    pub(crate) fn len(&self) -> usize {
        self.nodes.len()
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let arrival = self.flying.first_key_value().map(|(&(at, _), _)| at);
            let timeouts = self.nodes.iter().enumerate().filter_map(|(node, state)| Some((state.deadline?, node)));
            let timeout = timeouts.min();
            let next = arrival.into_iter().chain(timeout.map(|(at, _)| at)).min();
            let Some(next) = next.filter(|&next| next <= end) else {
                break;
            };
            self.now = self.now.max(next);
            if let Some((at, node)) = timeout
                && arrival.is_none_or(|arrival| at <= arrival)
            {
                self.nodes[node].protocol.handle_timeout(Instant::from_origin(self.now));
                self.settle(node);
            } else {
                self.arrive();
            }
        }
        self.now = end;
    }

    fn arrive(&mut self) {
        let (_, flight) = self.flying.pop_first().expect("a datagram is on its way");
        let (now, from) = (Instant::from_origin(self.now), address(flight.from));
        let node = &mut self.nodes[flight.to];
        node.streamless = node.protocol.peer(from).is_some_and(|peer| peer.group.is_none() && peer.private.is_none());
        node.protocol.handle_datagram(now, from, flight.path, &flight.bytes);
        self.settle(flight.to);
    }

    /// One drain, then what the application takes, which may make the node send again. The next burst comes with the
    /// next timeout.
    fn settle(&mut self, node: usize) {
        self.drain(node);
        while !self.nodes[node].paused && self.take(node) {
            self.drain(node);
        }
    }

    fn drain(&mut self, node: usize) {
        let streamless = self.nodes[node].streamless;
        loop {
            match self.nodes[node].protocol.poll_action() {
                Action::Transmit(transmit) => {
                    let (to, bytes) = (transmit.destination, Rc::from(transmit.contents));
                    self.transmit(node, to, &bytes);
                }
                Action::Event(Event::NewSender { peer, epoch }) => self.new_sender(node, index(peer), epoch),
                Action::Event(Event::PeerRestarted { peer, epoch, .. }) => {
                    let node = &mut self.nodes[node];
                    node.restarts.entry(index(peer)).or_default().push_back(Restart { epoch, streamless });
                    advance(&mut node.trackers, &mut node.restarts, node.role.delivery, index(peer));
                }
                Action::Event(_) => {}
                Action::ArmTimer(deadline) => {
                    self.nodes[node].deadline = deadline.map(|deadline| deadline.saturating_since(Instant::ORIGIN));
                    return;
                }
            }
        }
    }

    fn transmit(&mut self, from: usize, to: SocketAddr, bytes: &Rc<[u8]>) {
        if to != group() {
            self.fly(from, index(to), Path::Unicast, bytes);
            return;
        }
        for node in 0..self.nodes.len() {
            self.fly(from, node, Path::Multicast, bytes);
        }
    }

    fn fly(&mut self, from: usize, to: usize, path: Path, bytes: &Rc<[u8]>) {
        if self.chance(self.weather.loss) {
            return;
        }
        let copies = if self.chance(self.weather.duplication) { 2 } else { 1 };
        for _ in 0..copies {
            let jitter = u64::try_from(self.weather.jitter.as_micros()).expect("short");
            let jitter = Duration::from_micros(self.rng.next_u64() % (jitter + 1));
            self.flights += 1;
            let flight = Flight { from, to, path, bytes: Rc::clone(bytes) };
            self.flying.insert((self.now + self.weather.delay + jitter, self.flights), flight);
        }
    }

    fn chance(&mut self, per_mille: u32) -> bool {
        self.rng.next_u32() % 1_000 < per_mille
    }

    fn new_sender(&mut self, node: usize, sender: usize, epoch: u32) {
        let Role { policy, delivery } = self.nodes[node].role;
        let start = (policy == JoinPolicy::FromStart).then_some(1);
        let trackers = &mut self.nodes[node].trackers;
        trackers.insert((sender, Stream::Group), Tracker::new(delivery, epoch, start));
        trackers.insert((sender, Stream::Private), Tracker::new(delivery, epoch, None));
    }

    /// Takes everything that is readable, and says whether that was anything.
    fn take(&mut self, node: usize) -> bool {
        let mut items = Vec::new();
        while let Some(received) = self.nodes[node].protocol.recv() {
            items.push((index(received.peer()), Item::from(received)));
        }
        // Taken out, so that the others' histories can be looked at meanwhile.
        let mut trackers = std::mem::take(&mut self.nodes[node].trackers);
        let mut restarts = std::mem::take(&mut self.nodes[node].restarts);
        for (sender, item) in &items {
            self.track((&mut trackers, &mut restarts), node, *sender, item);
        }
        self.nodes[node].trackers = trackers;
        self.nodes[node].restarts = restarts;
        !items.is_empty()
    }

    fn track(&self, (trackers, restarts): (&mut Trackers, &mut Restarts), node: usize, sender: usize, item: &Item) {
        let known = "a peer is told before its stream";
        let delivery = self.nodes[node].role.delivery;
        match item {
            Item::Message { stream, seq, payload } => {
                let tracker = trackers.get_mut(&(sender, *stream)).expect(known);
                tracker.message(self.history(sender, tracker.epoch, *stream, node), *seq, payload);
            }
            Item::Lost { stream, ranges, cause } => {
                let tracker = trackers.get_mut(&(sender, *stream)).expect(known);
                let history = self.history(sender, tracker.epoch, *stream, node);
                for &range in ranges {
                    tracker.lost(history, range);
                    self.check_lost((node, sender, *stream), tracker.epoch, history, range, *cause);
                }
            }
            Item::Restarted { epoch } => {
                let restart = restarts.get_mut(&sender).and_then(VecDeque::pop_front).expect("an event tells it too");
                assert_eq!(restart.epoch, *epoch);
                restarted(trackers, delivery, sender, *epoch);
                advance(trackers, restarts, delivery, sender);
            }
            Item::Ended { stream, cause } => trackers.get_mut(&(sender, *stream)).expect(known).end(*cause),
        }
    }

    /// Only what nobody can repair any more is given up, or what the receiver does not wait for.
    fn check_lost(
        &self,
        (receiver, sender, stream): (usize, usize, Stream),
        epoch: u32,
        history: &History,
        range: SeqRange,
        cause: LossCause,
    ) {
        let waits = !matches!(self.nodes[receiver].role.delivery, Delivery::Deadline(_));
        let is_private = stream == Stream::Private;
        if epoch != self.epoch(sender)
            || (!waits && cause == LossCause::Deadline)
            || (is_private && self.is_older_than_receiver(sender, receiver))
        {
            return;
        }
        assert!(matches!(cause, LossCause::Lost | LossCause::Reset), "{range}: {cause:?}");
        for seq in range.first()..=range.last() {
            assert!(history.may_be_lost(seq, self.settings.backlog), "{seq} of {range} can be repaired");
        }
    }

    fn history(&self, sender: usize, epoch: u32, stream: Stream, to: usize) -> &History {
        let to = if stream == Stream::Group { 0 } else { to };
        match self.nodes[sender].sent.get(&(epoch, stream, to)) {
            Some(history) => history,
            None => panic!("node {sender} sent nothing on this stream in epoch {epoch}"),
        }
    }

    fn epoch(&self, node: usize) -> u32 {
        self.nodes[node].protocol.config().epoch
    }

    pub(crate) fn pairs(&self) -> Vec<(usize, usize)> {
        let all = 0..self.nodes.len();
        all.clone()
            .flat_map(|receiver| all.clone().map(move |sender| (receiver, sender)))
            .filter(|(a, b)| a != b)
            .collect()
    }

    pub(crate) fn has_sent(&self, sender: usize) -> bool {
        self.nodes[sender].sent.get(&(self.epoch(sender), Stream::Group, 0)).is_some_and(|history| history.last() > 0)
    }

    pub(crate) fn tracker(&self, receiver: usize, sender: usize, stream: Stream) -> Option<&Tracker> {
        self.nodes[receiver].trackers.get(&(sender, stream))
    }

    /// The receiver has everything of the sender's stream in its present epoch.
    pub(crate) fn check_complete(&self, receiver: usize, sender: usize, stream: Stream) {
        let to = if stream == Stream::Group { 0 } else { receiver };
        let epoch = self.epoch(sender);
        let Some(history) = self.nodes[sender].sent.get(&(epoch, stream, to)).filter(|history| history.last() > 0)
        else {
            return;
        };
        if stream == Stream::Private && self.is_older_than_receiver(sender, receiver) {
            return;
        }
        let who = format!("node {receiver} of node {sender}, {stream:?}");
        let Some(tracker) = self.tracker(receiver, sender, stream) else {
            panic!("{who}: it does not know the sender");
        };
        assert_eq!(tracker.epoch, epoch, "{who}: another epoch");
        tracker.check_complete(history, self.settings.backlog, &who);
    }

    /// Whether the private stream began before the receiver did: then a former incarnation of that may have
    /// acknowledged some of it.
    fn is_older_than_receiver(&self, sender: usize, receiver: usize) -> bool {
        let since = self.nodes[receiver].private_since.get(&sender);
        since != Some(&(self.epoch(sender), self.nodes[receiver].incarnation))
    }

    /// What each node holds is what its streams hold, as the applications have taken everything.
    pub(crate) fn check_held(&self) {
        for node in &self.nodes {
            let held = node.protocol.stats().held;
            let streams = node.protocol.peers().flat_map(|peer| [peer.group, peer.private]).flatten();
            let (packets, bytes) = streams
                .fold((0, 0), |(packets, bytes), stream| (packets + stream.cached_packets, bytes + stream.held_bytes));
            assert_eq!((held.receive_packets, held.receive_bytes, held.readable), (packets, bytes, 0));
        }
    }
}
