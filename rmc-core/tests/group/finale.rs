//! How a script ends: the network heals, everybody reads, and what can still be had is had; then all finish.

use std::collections::BTreeMap;
use std::time::Duration;

use rmc_core::sim::NodeId;
use rmc_core::{Config, Delivery, Instant, Protocol, SeqRange, Stream};

use super::owed::MAX_LINGER;
use super::tracker::{Tracker, Who};
use super::truth::{Sent, StreamId};
use super::world::World;

/// How often it is looked whether all is done.
const LOOK: Duration = Duration::from_millis(50);
/// Beside the time after which peers expire, and what a silent node takes.
const LIMIT: Duration = Duration::from_secs(300);

/// Beside the stall, and the time after which peers expire: a few heartbeats.
const QUIET: Duration = Duration::from_secs(2);

impl World {
    /// The network heals, everybody has joined, the applications read: everything that is kept for repair arrives, and
    /// every stream is accounted for to its end.
    pub(super) fn recovers(&mut self) {
        self.heal();
        for number in 0..self.nodes.len() {
            let number = u8::try_from(number).expect("they are few");
            self.join(number);
            self.pause(number, false, Duration::ZERO);
        }
        self.check();
        let limit = self.sim.now() + LIMIT + 2 * self.watch().peer_timeout + self.giving_up_takes();
        let mut progress = BTreeMap::new();
        while let Some(reason) = self.unsettled() {
            assert!(self.sim.now() < limit, "{reason}; {:?}", self.sim.waiting());
            self.goes_on(&mut progress);
            self.sim.run_for(LOOK);
            self.check();
        }
        self.is_complete();
        self.all_is_told();
    }

    /// How long those may take for all that was ever sent who do not wait for its sender's word: once a window is given
    /// up the next one is known from the next heartbeat only (RMC-MODE-2, RMC-SILENT-2).
    fn giving_up_takes(&self) -> Duration {
        let nodes = || self.nodes.iter().filter_map(|&node| self.sim.protocol(node));
        let last = nodes().map(Protocol::next_seq).max().unwrap_or(0);
        let beat = nodes().flat_map(|protocol| protocol.config().heartbeat_times.iter().copied()).max();
        let takes = nodes().filter_map(|protocol| {
            let config = protocol.config();
            let windows = last.div_ceil(config.receive_window_packets as u64);
            let each = patience(config)? + beat.unwrap_or_default();
            Some(each * u32::try_from(windows).unwrap_or(u32::MAX))
        });
        takes.max().unwrap_or_default()
    }

    /// Whoever has something to send does so, after the longest that it may wait for one who takes nothing (RMC-FLOW-4):
    /// flow control is no deadlock. Who does not wait for a sender's word gives up one window with each heartbeat
    /// (RMC-MODE-2), and is waited for as long as it advances.
    fn goes_on(&mut self, progress: &mut BTreeMap<NodeId, ((u64, u64), Instant)>) {
        let now = self.sim.now();
        let gives_up = self.watch().gives_up;
        let (stall, peer_timeout) = (self.watch().control.stall(), self.watch().peer_timeout);
        for &node in &self.nodes {
            let Some(protocol) = self.sim.protocol(node) else { continue };
            let stats = protocol.stats();
            // Repairs too: who is far behind with a small window takes one after the other.
            let left = stats.tx.data + stats.repair.repairs_sent;
            let left = (left, if gives_up { protocol.stable_seq() } else { 0 });
            let (sent, since) = progress.entry(node).or_insert((left, now));
            if stats.held.queued_packets == 0 || *sent != left {
                (*sent, *since) = (left, now);
            }
            let quiet = now.saturating_since(*since);
            let most = stall + peer_timeout + QUIET;
            assert!(quiet <= most, "at {now:?} node {node} has data, and has sent none for {quiet:?}");
        }
    }

    /// All finish, those first who have something to end: every stream ends in band, and every node closes.
    pub(super) fn ends(&mut self) {
        let open = self.open();
        let (senders, others): (Vec<_>, Vec<_>) = open.into_iter().partition(|&node| self.has_sent(node));
        self.finish(&senders);
        pairs(&senders).for_each(|(receiver, sender)| self.has_ended(receiver, sender));
        for &receiver in &others {
            senders.iter().for_each(|&sender| self.has_ended(receiver, sender));
        }
        self.finish(&others);
        for node in self.nodes.clone() {
            let Some(held) = self.sim.protocol(node).map(|protocol| protocol.stats().held) else { continue };
            let rest = held.queued_packets + held.backlog_packets + held.receive_packets + held.readable + held.peers;
            assert_eq!(rest, 0, "node {node} is closed, and holds {held:?}");
        }
        self.all_is_told();
    }

    fn finish(&mut self, nodes: &[NodeId]) {
        for &node in nodes {
            let done = self.sim.with(node, |protocol, now| protocol.finish(now, MAX_LINGER));
            done.expect("it is up");
        }
        let limit = self.sim.now() + LIMIT;
        let is_closed = |world: &Self, node| world.sim.protocol(node).is_some_and(Protocol::is_closed);
        while let Some(&node) = nodes.iter().find(|node| !is_closed(self, **node)) {
            assert!(self.sim.now() < limit, "node {node} does not close");
            self.sim.run_for(LOOK);
            self.check();
        }
    }

    /// The nodes that are up and not closed.
    fn open(&self) -> Vec<NodeId> {
        let is_open = |node: &NodeId| self.sim.protocol(*node).is_some_and(|protocol| !protocol.is_closed());
        self.nodes.iter().copied().filter(is_open).collect()
    }

    fn has_sent(&self, node: NodeId) -> bool {
        self.sim.protocol(node).is_some_and(|protocol| protocol.next_seq() > 1)
    }

    /// Why it is not over yet.
    fn unsettled(&self) -> Option<String> {
        let open = self.open();
        open.iter().find_map(|&node| {
            let protocol = self.sim.protocol(node)?;
            let why = self.unsettled_sender(node, protocol).or_else(|| self.unsettled_receiver(&open, node, protocol));
            why.map(|why| format!("at {:?} node {node} {why}", self.sim.now()))
        })
    }

    fn unsettled_sender(&self, node: NodeId, protocol: &Protocol) -> Option<String> {
        if protocol.is_finishing() {
            return Some("is finishing".to_owned());
        }
        if protocol.stats().held.queued_packets > 0 {
            return Some("has packets queued".to_owned());
        }
        let others = self.nodes.iter().filter(|other| **other != node).filter_map(|&other| self.sim.address(other));
        let mut owed = others.filter_map(|peer| Some((peer, protocol.unacknowledged(peer)?)));
        owed.next().map(|(peer, range)| format!("waits for {peer} to acknowledge {range}"))
    }

    fn unsettled_receiver(&self, open: &[NodeId], node: NodeId, protocol: &Protocol) -> Option<String> {
        for peer in protocol.peers() {
            let sender = self.sim.node_at(peer.address).filter(|sender| open.contains(sender));
            let sender = sender.and_then(|sender| self.sim.protocol(sender));
            if sender.is_none_or(|sender| sender.config().epoch != peer.epoch) {
                return Some(format!("knows {} of epoch {:#x}, which is no more", peer.address, peer.epoch));
            }
            for (stream, info) in [(Stream::Group, peer.group), (Stream::Private, peer.private)] {
                if let Some(info) = info.filter(|info| info.delivered < info.known || info.gaps > 0) {
                    return Some(format!("lacks of {}'s {stream:?} stream: {info:?}", peer.address));
                }
            }
        }
        let senders = open.iter().filter(|sender| **sender != node && self.has_sent(**sender));
        senders.copied().find_map(|sender| {
            let last = self.sim.protocol(sender)?.next_seq() - 1;
            let stream = protocol.peer(self.sim.address(sender)?).and_then(|peer| peer.group);
            let lacks = stream.is_none_or(|stream| stream.delivered < last);
            lacks.then(|| format!("lacks of {sender}'s {last}: {stream:?}"))
        })
    }

    /// Nothing that was sent is left: it was delivered, reported, or left out because nobody could repair it.
    fn is_complete(&mut self) {
        let (open, at) = (self.open(), self.sim.now());
        let addresses: Vec<_> = open.iter().map(|&node| self.sim.address(node).expect("it is up")).collect();
        let watch = self.watch();
        for (receiver, &own) in open.iter().map(|node| node.index()).zip(&addresses) {
            for (sender, &address) in open.iter().map(|node| node.index()).zip(&addresses) {
                let epoch = watch.members[sender].epoch;
                let views = &mut watch.members[receiver].views;
                for to in [None, Some(own)].into_iter().filter(|_| sender != receiver) {
                    let who = Who { receiver, id: StreamId { sender, epoch, to }, at };
                    let view = views.get_mut(&address).filter(|view| view.epoch == epoch);
                    let tracker = view.map(|view| &mut view.followed(who.stream()).tracker);
                    is_accounted_for(who, watch.truth.stream(who.id), tracker);
                }
            }
        }
    }

    /// The applications have all that the events told.
    fn all_is_told(&mut self) {
        let at = self.sim.now();
        let watch = self.watch();
        for (receiver, member) in watch.members.iter().enumerate() {
            for (address, view) in &member.views {
                let id = StreamId { sender: watch.addresses[address], epoch: view.epoch, to: None };
                view.streams.iter().for_each(|followed| followed.told.is_through(Who { receiver, id, at }));
            }
        }
    }

    fn has_ended(&mut self, receiver: NodeId, sender: NodeId) {
        let (address, at) = (self.sim.address(sender).expect("it is there"), self.sim.now());
        let watch = self.watch();
        let epoch = watch.members[sender.index()].epoch;
        let who = Who { receiver: receiver.index(), id: StreamId { sender: sender.index(), epoch, to: None }, at };
        let last = watch.truth.stream(who.id).last();
        let view = watch.members[receiver.index()].views.get_mut(&address).filter(|view| view.epoch == epoch);
        let finished = view.and_then(|view| view.followed(Stream::Group).tracker.finished);
        assert_eq!(finished, Some(last), "{who}: its end");
    }
}

/// After how long a node gives up what is missing, without its sender's word.
fn patience(config: &Config) -> Option<Duration> {
    let deadline = match config.delivery {
        Delivery::Deadline(deadline) => Some(deadline),
        _ => None,
    };
    let silent = config.silent.then_some(config.silent_gap);
    [deadline, config.recovery_deadline, silent].into_iter().flatten().min()
}

fn is_accounted_for(who: Who, sent: &Sent, tracker: Option<&mut Tracker>) {
    let last = sent.last();
    let position = tracker.as_ref().and_then(|tracker| tracker.position);
    if let (Some(position), Stream::Group) = (position, who.stream()) {
        assert_eq!(position, last + 1, "{who}: it stands not at the end");
    }
    if tracker.as_ref().is_some_and(|tracker| tracker.begins_anywhere()) {
        return;
    }
    let had = match &tracker {
        Some(tracker) => tracker.lowest_owed(who, sent, last),
        None => SeqRange::new(1, last).and_then(|all| sent.lowest_whole(all, who.at)),
    };
    assert_eq!(had, None, "{who}: it stands at {position:?} of {last}, and more can be had");
    if let Some(tracker) = tracker {
        tracker.is_unpacked(who, sent);
    }
}

fn pairs(nodes: &[NodeId]) -> impl Iterator<Item = (NodeId, NodeId)> + '_ {
    nodes.iter().flat_map(|&one| nodes.iter().map(move |&other| (one, other))).filter(|(one, other)| one != other)
}
