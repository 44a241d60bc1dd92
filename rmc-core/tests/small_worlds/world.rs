//! A world: the nodes, the datagrams between them, the time, and what the applications did.

use std::time::Duration;

use rmc_core::packet::{Flags, Packet};
use rmc_core::{Fingerprint, Instant, Path, Protocol};

use crate::choice::{Choice, Event};
use crate::flight::{Flight, decode, name};
use crate::model::Model;
use crate::node::{Item, Node, Output, digest};
use crate::plan::{LINGER, LONG, Plan, SENDER, Step, address};
use crate::sight::{Sight, Sights};

/// How late the driver of a node may be with its timer, behind the earliest of all: so far their order is free.
const LATE: Duration = Duration::from_millis(10);
/// Longer than `peer_timeout`.
const SILENCE: Duration = Duration::from_secs(31);

#[derive(Clone)]
pub(crate) struct World {
    pub(crate) plan: &'static Plan,
    pub(crate) now: Instant,
    /// The sender, then the receivers.
    pub(crate) nodes: Vec<Node>,
    pub(crate) flights: Vec<Flight>,
    /// How many steps of the plan are done.
    done: usize,
    pub(crate) model: Model,
    /// What was seen since the first event.
    pub(crate) sights: Sights,
    /// What the receivers were told last, if somebody wants to know.
    pub(crate) told: Option<Vec<(usize, Item)>>,
}

impl World {
    pub(crate) fn new(plan: &'static Plan) -> Self {
        let now = Instant::ORIGIN + Duration::from_secs(1);
        Self {
            plan,
            now,
            nodes: (0..=plan.receivers).map(|node| Node::new(plan.config(node, 0), now)).collect(),
            flights: Vec::new(),
            done: 0,
            model: Model::new(),
            sights: Sights::default(),
            told: None,
        }
    }

    pub(crate) fn next_step(&self) -> Option<Step> {
        self.plan.steps.get(self.done).copied()
    }

    /// Everything that may happen next.
    pub(crate) fn events(&self) -> Vec<Event> {
        let mut events = Vec::new();
        if self.next_step().is_some() {
            events.push(Event::Step);
        }
        for (place, flight) in self.flights.iter().enumerate() {
            // Of two that are alike one stands for both.
            if self.flights[..place].iter().any(|other| other.is_like(flight)) {
                continue;
            }
            let place = u8::try_from(place).expect("few datagrams");
            events.push(Event::Arrive(place));
            if !flight.copied {
                events.push(Event::Copy(place));
            }
        }
        let earliest = self.nodes.iter().filter_map(Node::deadline).min();
        let latest = earliest.map(|earliest| earliest.max(self.now) + LATE);
        for (number, node) in (0..).zip(&self.nodes) {
            if latest.is_some_and(|latest| node.is_due_by(latest)) {
                events.push(Event::Timer(number));
            }
            if self.plan.slow && node.is_readable() {
                events.push(Event::Take(number));
            }
        }
        events
    }

    /// What happens next on a perfect network, with prompt drivers and applications.
    pub(crate) fn next_if_perfect(&self) -> Event {
        if let Some((number, _)) = (0..).zip(&self.nodes).find(|(_, node)| node.is_readable()) {
            return Event::Take(number);
        }
        if !self.flights.is_empty() {
            return Event::Arrive(0);
        }
        if self.model.is_closed() {
            return Event::Silence;
        }
        let timers = (0..).zip(&self.nodes).filter_map(|(number, node)| Some((node.deadline()?, number)));
        timers.min().map_or(Event::Silence, |(_, number)| Event::Timer(number))
    }

    /// `event` happens; returns the datagrams that leave because of it, which are not on their way yet.
    pub(crate) fn happen(&mut self, event: Event) -> Vec<Flight> {
        let mut left = Vec::new();
        match event {
            Event::Step => self.step(&mut left),
            Event::Timer(number) => self.timer(usize::from(number), &mut left),
            Event::Arrive(place) => {
                let flight = self.flights.remove(usize::from(place));
                self.arrive(&flight, &mut left);
            }
            Event::Copy(place) => {
                let flight = &mut self.flights[usize::from(place)];
                flight.copied = true;
                let flight = flight.clone();
                self.arrive(&flight, &mut left);
            }
            Event::Take(number) => {
                let output = self.nodes[usize::from(number)].take();
                self.settle(usize::from(number), output, true, None, &mut left);
            }
            Event::Silence => {
                self.now = self.now + SILENCE;
                let now = self.now;
                for number in 1..self.nodes.len() {
                    self.input(number, &mut left, |protocol| protocol.handle_timeout(now));
                }
            }
        }
        left
    }

    /// Puts datagrams on their way, but for those that are lost: a bit for each.
    pub(crate) fn send(&mut self, left: &[Flight], lost: u16) {
        let arriving = left.iter().enumerate().filter(|(bit, _)| lost >> bit & 1 == 0);
        self.flights.extend(arriving.map(|(_, flight)| flight.clone()));
    }

    /// `choice` as a whole; returns what has left.
    pub(crate) fn choose(&mut self, choice: Choice) -> Vec<Flight> {
        let left = self.happen(choice.event);
        self.send(&left, choice.lost);
        left
    }

    fn step(&mut self, left: &mut Vec<Flight>) {
        let step = self.next_step().expect("a step is left");
        let now = self.now;
        self.done += 1;
        match step {
            Step::Send => self.send_messages(1, left),
            Step::SendTwo => self.send_messages(2, left),
            Step::SendLong => {
                let payload = self.model.give(None, 2, LONG);
                self.input(SENDER, left, |sender| assert!(sender.send(now, &payload).is_ok()));
            }
            Step::SendTo(receiver) => {
                let payload = self.model.give(Some(receiver - 1), 1, 3);
                self.input(SENDER, left, |sender| assert!(sender.send_to(now, address(receiver), &payload).is_ok()));
            }
            Step::Reset => self.input(SENDER, left, |sender| assert!(sender.reset(now).is_ok())),
            Step::Finish => {
                self.model.finish(now);
                self.input(SENDER, left, |sender| sender.finish(now, LINGER));
            }
            Step::Restart => {
                self.model.restart();
                self.nodes[SENDER] = Node::new(self.plan.config(SENDER, self.model.incarnation()), now);
            }
        }
    }

    fn send_messages(&mut self, count: usize, left: &mut Vec<Flight>) {
        let payloads: Vec<_> = (0..count).map(|_| self.model.give(None, 1, 3)).collect();
        let now = self.now;
        self.input(SENDER, left, |sender| {
            for payload in payloads {
                assert!(sender.send(now, &payload).is_ok());
            }
        });
    }

    /// The driver of a node calls at its deadline, or as soon after it as the time is now.
    fn timer(&mut self, number: usize, left: &mut Vec<Flight>) {
        self.now = self.now.max(self.nodes[number].deadline().expect("it has a deadline"));
        let now = self.now;
        self.input(number, left, |protocol| protocol.handle_timeout(now));
        let is_idle = left.is_empty() && self.nodes[number].is_due_by(now);
        assert!(!is_idle, "node {number} did nothing at its deadline, and is due again at once");
    }

    fn arrive(&mut self, flight: &Flight, left: &mut Vec<Flight>) {
        let (from, to, now) = (flight.from(), flight.to(), self.now);
        if to == SENDER {
            self.model.sender_hears(from - 1, &flight.packet(), now, self.plan);
        } else if self.model.is_former(to - 1, &flight.packet()) {
            self.sights.add(Sight::FormerEpoch);
        }
        let had_stream = self.has_stream(to);
        let (is_new, is_late) = (self.is_new(flight), self.is_late_for(flight));
        let output = self.nodes[to].input(!self.plan.slow, |protocol| {
            protocol.handle_datagram(now, address(from), flight.path, &flight.bytes);
        });
        if to != SENDER && is_new {
            let epoch = self.nodes[to].protocol().peer(address(SENDER)).map(|peer| peer.epoch);
            self.model.asked[to - 1].hand(&flight.packet(), epoch, is_late);
        }
        self.settle(to, output, had_stream, Some(flight), left);
    }

    /// Whether its receiver has neither delivered nor given up the number of a packet.
    fn is_new(&self, flight: &Flight) -> bool {
        let packet = flight.packet();
        let peer = self.nodes[flight.to()].protocol().peer(address(flight.from()));
        let Some(peer) = peer.filter(|peer| peer.epoch == packet.epoch) else { return true };
        let stream = if is_private(&packet) { peer.private } else { peer.group };
        stream.is_none_or(|stream| packet.seq > stream.delivered)
    }

    /// Whether its receiver knows that there is a number as high as that of a packet, or a higher one.
    fn is_late_for(&self, flight: &Flight) -> bool {
        let packet = flight.packet();
        let peer = self.nodes[flight.to()].protocol().peer(address(flight.from()));
        let peer = peer.filter(|peer| peer.epoch == packet.epoch);
        let stream = peer.and_then(|peer| if is_private(&packet) { peer.private } else { peer.group });
        stream.is_some_and(|stream| packet.seq <= stream.known)
    }

    fn input(&mut self, number: usize, left: &mut Vec<Flight>, input: impl FnOnce(&mut Protocol)) {
        let had_stream = self.has_stream(number);
        let output = self.nodes[number].input(!self.plan.slow, input);
        self.settle(number, output, had_stream, None, left);
    }

    /// Whether a node follows a stream of the sender.
    fn has_stream(&self, number: usize) -> bool {
        let peer = self.nodes[number].protocol().peer(address(SENDER));
        peer.is_some_and(|peer| peer.group.is_some() || peer.private.is_some())
    }

    /// What a node did, perhaps because of a datagram, is told to the model, and checked. `had_stream`: it followed the
    /// sender before.
    fn settle(
        &mut self,
        number: usize,
        output: Output,
        had_stream: bool,
        arrived: Option<&Flight>,
        left: &mut Vec<Flight>,
    ) {
        for (to, bytes) in &output.left {
            let packet = decode(bytes);
            self.sights.see(&packet, to.is_none());
            if number == SENDER {
                self.model.sender_says(to.map(|to| to - 1), &packet, self.plan);
            } else {
                assert_eq!(*to, Some(SENDER), "a receiver says something to others: {packet}");
                self.check_request(number, &packet);
                self.model.asked[number - 1].ask(&packet);
            }
            let receivers = to.map_or(1..self.nodes.len(), |to| to..to + 1);
            let path = if to.is_some() { Path::Unicast } else { Path::Multicast };
            left.extend(receivers.map(|to| Flight::new(number, to, path, bytes)));
        }
        output.let_go.iter().for_each(|receiver| self.model.let_go(receiver - 1));
        if number == SENDER {
            if self.nodes[SENDER].protocol().is_closed() {
                self.model.close(self.now);
            }
            self.check_sender();
            return;
        }
        for item in &output.items {
            self.model.told(number - 1, item, had_stream, self.now, self.plan, &mut self.sights);
        }
        if let Some(flight) = arrived {
            self.model.receiver_heard(number - 1, &flight.packet(), self.now);
        }
        if let Some(told) = &mut self.told {
            told.extend(output.items.into_iter().map(|item| (number, item)));
        }
        self.check_receiver(number);
    }

    /// Prepares `scratch` for [`digest`](Self::digest).
    pub(crate) fn take_in(&mut self, scratch: &mut Scratch) {
        let Scratch { words, fixed, fingerprint, flights, .. } = scratch;
        words.clear();
        for node in &mut self.nodes {
            put(node.digest(self.now, fingerprint), words);
            words.push(node.deadline().map_or(u64::MAX, |at| at.as_nanos().wrapping_sub(self.now.as_nanos())));
        }
        let (sender, receivers) = self.nodes.split_at(1);
        words.extend(sender[0].stamps().iter().map(|&stamp| name(stamp, receivers)));
        words.push(self.done as u64);
        self.model.put(self.now, words);
        *fixed = words.len();
        flights.clear();
        flights.extend(self.flights.iter().map(|flight| flight.key(receivers)));
    }

    /// A digest of everything that decides what may happen from here on, what the applications were told included, if
    /// what has `left` is on its way besides, but for what is `lost`.
    pub(crate) fn digest(&self, left: &[Flight], lost: u16, scratch: &mut Scratch) -> u128 {
        let Scratch { words, fixed, flights, sorted, .. } = scratch;
        words.truncate(*fixed);
        sorted.clone_from(flights);
        let arriving = left.iter().enumerate().filter(|(bit, _)| lost >> bit & 1 == 0);
        sorted.extend(arriving.map(|(_, flight)| flight.key(&self.nodes[1..])));
        // Any may arrive next, so that their order shows nowhere.
        sorted.sort_unstable();
        for &(digest, name) in sorted.iter() {
            put(digest, words);
            words.push(name);
        }
        digest(words)
    }
}

fn is_private(packet: &Packet<'_>) -> bool {
    packet.flags.contains(Flags::PRIVATE)
}

/// Memory for digests.
#[derive(Default)]
pub(crate) struct Scratch {
    words: Vec<u64>,
    /// How many of them are of the world without what is on its way.
    fixed: usize,
    fingerprint: Fingerprint,
    flights: Vec<(u128, u64)>,
    sorted: Vec<(u128, u64)>,
}

fn put(digest: u128, words: &mut Vec<u64>) {
    words.extend([digest as u64, (digest >> 64) as u64]);
}
