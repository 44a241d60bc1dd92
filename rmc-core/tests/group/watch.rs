//! The observer of the simulation, which compares all that happens with the truth.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::packet::{Body, Flags};
use rmc_core::sim::{Datagram, NodeId, Observer};
use rmc_core::{EndCause, Event, Instant, LossCause, Path, Protocol, Received, SeqRange, Stream};

use super::departures::Departure;
use super::heard::News;
use super::receivers::{Acked, Progress, Receivers, limit};
use super::requests::{Nack, Requests, Rules};
use super::script::{Control, Mode, Policy};
use super::seen::Seen;
use super::tracker::{Who, is_of_sender};
use super::truth::{Sent, StreamId, Truth};
use super::view::View;

/// The least time for which an epoch is held on to though a packet comes of another one that is not newer: the shortest
/// interval that can be promised, and the least tolerance (RMC-EPOCH-4).
const LEAST_PATIENCE: Duration = Duration::from_millis(11);

/// So many datagrams at one point in time are a loop.
const MAX_AT_ONCE: u32 = 100_000;

/// Everything that is known about the group from outside.
pub(super) struct Watch {
    pub(super) truth: Truth,
    /// By the number of the node.
    pub(super) members: Vec<Member>,
    /// Whose address it is or was.
    pub(super) addresses: BTreeMap<SocketAddr, usize>,
    /// What has left, in order, and was not looked at yet: when it leaves, what it belongs to may not be noted.
    pub(super) departures: Vec<Departure>,
    pub(super) peer_timeout: Duration,
    /// How many datagrams have left at this point in time.
    pub(super) instant: (Instant, u32),
    /// Whether only the window in packets bounds what is taken, and nothing else what is asked for and repaired.
    pub(super) is_exact: bool,
    pub(super) mode: Mode,
    /// What is missing may be given up without a word of its sender.
    pub(super) gives_up: bool,
    pub(super) rules: Rules,
    pub(super) control: Control,
    /// Whether private streams are dropped to make room for others.
    pub(super) drops_private: bool,
    /// Messages that have left may leave the backlog by age.
    pub(super) ages: bool,
    pub(super) seen: Seen,
}

/// One node, in its present incarnation.
pub(super) struct Member {
    pub(super) address: SocketAddr,
    pub(super) policy: Policy,
    /// The receive window in packets.
    pub(super) window: u64,
    /// So many packets its backlog keeps for sure.
    pub(super) kept: u64,
    pub(super) epoch: u32,
    /// How many epochs it has had.
    pub(super) epochs: u32,
    pub(super) is_closed: bool,
    /// The number with which it has finished, once it has said so.
    pub(super) end: Option<u64>,
    pub(super) views: BTreeMap<SocketAddr, View>,
    /// Its application takes nothing.
    pub(super) is_paused: bool,
    /// The last packet of a stream that came.
    last: Option<Last>,
    /// The last NACK that came, until it is told that it is served.
    pub(super) nack: Option<Nack>,
    pub(super) requests: Requests,
    /// Of the group's stream.
    pub(super) receivers: Receivers,
    /// The room that the last private Ack told, until it is told that it is taken.
    room: Option<u32>,
    /// How far its private streams may go on.
    pub(super) private_limits: BTreeMap<SocketAddr, u64>,
    /// It has cut its stream.
    pub(super) has_reset: bool,
}

/// A packet of a stream.
#[derive(Clone, Copy)]
struct Last {
    peer: SocketAddr,
    epoch: u32,
    at: Instant,
    stream: Stream,
    news: News,
    /// The peer had no stream of that kind.
    is_first: bool,
}

impl Member {
    pub(super) fn new(
        address: SocketAddr,
        policy: Policy,
        (window, kept): (u64, u64),
        epoch: u32,
        epochs: u32,
    ) -> Self {
        Self {
            address,
            policy,
            window,
            kept,
            epoch,
            epochs,
            is_closed: false,
            end: None,
            views: BTreeMap::new(),
            is_paused: false,
            last: None,
            nack: None,
            requests: Requests::default(),
            receivers: Receivers::default(),
            room: None,
            private_limits: BTreeMap::new(),
            has_reset: false,
        }
    }

    /// It forgets everything.
    pub(super) fn is_down(&mut self) {
        self.views.clear();
        self.requests = Requests::default();
        self.receivers = Receivers::default();
        self.private_limits.clear();
    }
}

impl Last {
    fn tell(self, view: &mut View, window: u64) {
        let followed = view.followed(self.stream);
        if self.stream == Stream::Group && self.is_first && self.news.is_before_data() {
            followed.tracker.begin_at_first();
        }
        followed.acking.hears(self.news, self.stream);
        let is_new = followed.hear(self.news, window, self.at);
        if is_new {
            view.spoke = Some(self.at);
        }
    }

    /// Whether with it a peer came anew.
    fn opens(self, peer: SocketAddr, epoch: u32, at: Instant) -> bool {
        (self.peer, self.epoch, self.at) == (peer, epoch, at)
    }
}

impl Observer for Watch {
    fn sent(&mut self, datagram: &Datagram<'_>) {
        if self.instant.0 != datagram.now {
            self.instant = (datagram.now, 0);
        }
        self.instant.1 += 1;
        assert!(self.instant.1 < MAX_AT_ONCE, "at {:?} datagrams are sent without end", datagram.now);
        if let Some(from) = datagram.from {
            self.departures.push(Departure::of(from.index(), datagram));
        }
    }

    fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, protocol: &Protocol) {
        self.catch_up();
        let Ok(packet) = datagram.packet() else { return };
        let to_sender = matches!(packet.body, Body::Nack { .. } | Body::Ack { .. });
        let is_private = packet.flags.contains(Flags::PRIVATE);
        if datagram.path == Path::Multicast && (to_sender || is_private) || !to_sender && !protocol.is_active() {
            return;
        }
        let stream = if is_private { Stream::Private } else { Stream::Group };
        let member = &mut self.members[node.index()];
        let (now, source, epoch) = (datagram.now, datagram.source, packet.epoch);
        if protocol.peer(source).is_some_and(|peer| peer.epoch == epoch) {
            member.receivers.heard(source, now + self.peer_timeout, now);
        }
        if packet.flags.contains(Flags::END) && !is_private {
            member.receivers.ended(source, epoch);
        }
        if let Body::Nack { rtt, .. } | Body::Ack { rtt, .. } = packet.body {
            let is_nack = matches!(packet.body, Body::Nack { .. });
            member.requests.came(source, datagram.bytes.len(), is_nack, Duration::from_micros(rtt.into()));
        }
        if let Body::Ack { target_epoch, window, .. } = packet.body
            && target_epoch == member.epoch
            && !member.is_closed
        {
            if is_private {
                member.room = Some(window);
            } else if protocol.peer(source).is_some_and(|peer| peer.epoch == epoch) {
                let sent = self.truth.stream(StreamId { sender: node.index(), epoch: member.epoch, to: None });
                let acked = Acked { from: source, epoch, seq: packet.seq, window };
                member.receivers.acked(acked, progress_of(sent), member.kept, now + self.peer_timeout, now);
            }
        }
        if let Body::Nack { ranges, cookie, rtt, .. } = packet.body {
            let (ranges, rtt) = (ranges.iter(packet.seq).collect(), Duration::from_micros(rtt.into()));
            member.nack = Some(Nack { from: source, stream, ranges, cookie, rtt });
        }
        let Some(peer) = protocol.peer(source).filter(|peer| peer.epoch == epoch) else { return };
        let is_first = peer.group.is_none();
        // A repair begins no stream of which only what comes next is wanted (RMC-JOIN-1).
        let may_begin = is_private || !matches!(member.policy, Policy::Now | Policy::Silent);
        let is_ignored = is_first && !may_begin && packet.flags.contains(Flags::RESENT);
        let news = News::of(&packet, datagram.path).filter(|_| !is_ignored);
        member.last = news.map(|news| Last { peer: source, epoch, at: now, stream, news, is_first });
        let Some(view) = member.views.get_mut(&source).filter(|view| view.epoch == epoch) else { return };
        if !view.is_known(now, self.peer_timeout) {
            // It expires just now, before this or after it; if before, it is told to live anew.
            view.blur();
        } else if let Some(last) = member.last {
            last.tell(view, member.window);
        }
        view.heard = now;
    }

    fn event(&mut self, now: Instant, node: NodeId, event: &Event) {
        self.catch_up();
        let node = node.index();
        match *event {
            Event::NewSender { peer, epoch } => self.new_peer(now, node, peer, epoch),
            Event::PeerRestarted { peer, old_epoch, epoch } => self.restarted(now, node, peer, (old_epoch, epoch)),
            Event::PeerExpired { peer } => {
                if let Some(view) = self.members[node].views.get(&peer) {
                    assert!(now >= view.heard + self.peer_timeout, "at {now:?} node {node}: {peer} expires too early");
                    self.seen.count("a peer expires");
                }
                self.members[node].receivers.is_gone(peer, None);
                self.astray(node, peer);
            }
            Event::NewPacket { peer, stream, seq, index, len } => {
                self.message(now, node, (peer, stream), (seq, index), len);
            }
            Event::PeerEvicted { peer, seq } => self.let_go(now, node, peer, seq),
            Event::GotLost { peer, stream, range, cause } => self.lost(now, node, (peer, stream), range, cause),
            Event::PeerFinished { peer, seq } => self.finished(now, node, peer, seq),
            Event::GotNack { peer, stream, .. } => self.asked_by(now, node, (peer, stream)),
            Event::GotAck { peer, stream: Stream::Private, seq } => {
                let id = StreamId { sender: node, epoch: self.members[node].epoch, to: Some(peer) };
                let sent = self.truth.stream(id);
                let member = &mut self.members[node];
                if let Some(room) = member.room.take().filter(|_| seq <= sent.last_departed() && seq >= sent.acked) {
                    sent.acked = seq;
                    member.private_limits.insert(peer, limit(seq, room, member.kept));
                }
                if seq <= sent.last_departed() {
                    sent.drop_up_to(seq);
                }
            }
            Event::PrivateAbandoned { peer, .. } => {
                let id = StreamId { sender: node, epoch: self.members[node].epoch, to: Some(peer) };
                self.truth.drop_private(id);
                self.members[node].private_limits.remove(&peer);
                self.members[node].requests.drop_private(peer);
                self.seen.count("a private stream is abandoned");
            }
            Event::Closed => self.members[node].is_closed = true,
            Event::EventsDropped { .. } => panic!("at {now:?} node {node}: {event:?}"),
            _ => {}
        }
    }

    fn received(&mut self, now: Instant, node: NodeId, received: &Received<'_>) {
        self.catch_up();
        let (node, peer) = (node.index(), received.peer());
        let Some(&sender) = self.addresses.get(&peer) else { return };
        let member = &mut self.members[node];
        let view = member.views.get_mut(&peer).expect("an event tells of a peer before its streams");
        view.streams.iter_mut().for_each(|followed| followed.acking.is_read());
        let epoch = view.epoch;
        let who = |stream| {
            let to = (stream == Stream::Private).then_some(member.address);
            Who { receiver: node, id: StreamId { sender, epoch, to }, at: now }
        };
        match *received {
            Received::Message { stream, seq, index, payload, .. } => {
                view.followed(stream).told.message(who(stream), (seq, index), payload);
            }
            Received::Lost { stream, ranges, cause, .. } => {
                assert!(!ranges.is_empty(), "{}: nothing is lost", who(stream));
                for &range in ranges {
                    view.followed(stream).told.lost(who(stream), range, cause);
                }
            }
            Received::Restarted { epoch, .. } => {
                for stream in [Stream::Group, Stream::Private] {
                    view.followed(stream).told.restarted(who(stream), epoch);
                }
                self.seen.count("a restart in band");
            }
            Received::Ended { stream, cause, .. } => {
                view.followed(stream).told.ended(who(stream), cause);
                self.seen.count(match cause {
                    EndCause::Finished => "a stream ends: finished",
                    EndCause::Expired => "a stream ends: expired",
                    _ => "a stream ends: removed",
                });
            }
            _ => panic!("{received:?} is new to this test"),
        }
    }
}

impl Watch {
    fn new_peer(&mut self, now: Instant, node: usize, peer: SocketAddr, epoch: u32) {
        if !self.addresses.contains_key(&peer) {
            return;
        }
        let member = &mut self.members[node];
        let policy = member.policy;
        let mut goes_on = false;
        let mode = self.mode;
        let view = member.views.entry(peer).and_modify(|view| goes_on = view.returns(epoch, (policy, mode), now));
        let view = view.or_insert_with(|| View::new(epoch, (policy, mode), now));
        self.seen.count_if(goes_on, "a peer comes back in the same epoch");
        let is_exact = self.is_exact && !member.is_paused;
        begins(view, is_exact, member.last.filter(|last| last.opens(peer, epoch, now)), member.window);
    }

    fn restarted(&mut self, now: Instant, node: usize, peer: SocketAddr, (old, new): (u32, u32)) {
        self.members[node].receivers.is_gone(peer, Some(new));
        if !self.addresses.contains_key(&peer) {
            return;
        }
        let member = &mut self.members[node];
        let view = member.views.get_mut(&peer).expect("an event tells of a peer before it restarts");
        assert_eq!(view.epoch, old, "at {now:?} node {node} of {peer}: the former epoch");
        if !is_newer(new, old) {
            let patience = now.saturating_since(view.heard);
            assert!(patience >= LEAST_PATIENCE, "at {now:?} node {node} of {peer}: {new:#x} after {old:#x}");
            self.seen.count("an older epoch takes over");
        }
        if let Some(spoke) = view.spoke.filter(|_| is_newer(new, old)) {
            let silence = now.saturating_since(spoke);
            assert!(silence >= LEAST_PATIENCE, "at {now:?} node {node} of {peer}: {new:#x} {silence:?} after {old:#x}");
        }
        view.restarts(new, (member.policy, self.mode), now);
        let is_exact = self.is_exact && !member.is_paused;
        begins(view, is_exact, member.last.filter(|last| last.opens(peer, new, now)), member.window);
        self.seen.count("a peer restarts");
    }

    /// A message became deliverable.
    fn message(
        &mut self,
        now: Instant,
        node: usize,
        (peer, stream): (SocketAddr, Stream),
        (seq, index): (u64, u16),
        len: usize,
    ) {
        let Some((who, view)) = look(&self.addresses, &mut self.members, now, node, (peer, stream)) else { return };
        let Some(sent) = self.truth.get(who.id) else { panic!("{who}: message {seq}, but nothing was sent") };
        let followed = view.followed(stream);
        let is_new = followed.tracker.position.is_none();
        let message = followed.tracker.message(who, sent, (seq, index), len);
        followed.told.owe_message((seq, index), message);
        self.seen.count_if(index > 0, "a packed message");
        self.seen.count_if(is_new && message.first > 1, "a stream begins behind what is gone");
        self.seen.count(match (stream, message.first < seq) {
            (Stream::Group, false) => "a message",
            (Stream::Group, true) => "a message in parts",
            (Stream::Private, false) => "a private message",
            (Stream::Private, true) => "a private message in parts",
        });
    }

    fn lost(
        &mut self,
        now: Instant,
        node: usize,
        (peer, stream): (SocketAddr, Stream),
        range: SeqRange,
        cause: LossCause,
    ) {
        let epochs = self.addresses.get(&peer).map(|&sender| self.members[sender].epochs);
        let policy = self.members[node].policy;
        let is_guarded = stream == Stream::Group && self.is_guarded(node, peer, now);
        let Some((who, view)) = look(&self.addresses, &mut self.members, now, node, (peer, stream)) else { return };
        let highest = self.truth.highest(who.id);
        let sent = self.truth.stream(who.id);
        let may_be_lost = self.gives_up || self.ages || !is_guarded || sent.lowest_given(range).is_none();
        assert!(!is_of_sender(cause) || may_be_lost, "{who}: {range} is lost, though its sender waits for it");
        let (heard, is_forgotten) = (view.heard, view.is_forgotten);
        let followed = view.followed(stream);
        let may = match cause {
            // What follows of a message that was given up has the cause of what it is reported with.
            _ if is_of_sender(cause) => self.gives_up || sent.lowest_whole(range, now).is_none(),
            LossCause::Deadline => self.gives_up,
            LossCause::Restarted => epochs.is_some_and(|epochs| epochs > 1),
            LossCause::Expired => now >= heard + self.peer_timeout || followed.tracker.is_rest(sent, range),
            LossCause::Removed => is_forgotten,
            LossCause::Silent => policy == Policy::Silent,
            _ => false,
        };
        assert!(may, "{who}: {range} is not lost for {cause:?}: {:?} can be had", sent.lowest_whole(range, now));
        followed.acking.moves();
        followed.tracker.lost(who, sent, range, highest);
        followed.told.owe_lost(range, cause);
        self.seen.count(match cause {
            LossCause::Lost => "a loss: lost",
            LossCause::Reset => "a loss: reset",
            LossCause::Restarted => "a loss: restarted",
            LossCause::Expired => "a loss: expired",
            LossCause::Removed => "a loss: removed",
            LossCause::Deadline => "a loss: deadline",
            _ => "a loss: silent",
        });
    }

    /// Whether a peer waits for this node, and has from the beginning, so that nothing of its stream is lost.
    fn is_guarded(&self, node: usize, peer: SocketAddr, now: Instant) -> bool {
        let Some(&sender) = self.addresses.get(&peer) else { return false };
        let (receiver, sender) = (&self.members[node], &self.members[sender]);
        let follows = receiver.views.get(&peer).is_some_and(|view| view.epoch == sender.epoch);
        follows && !sender.has_reset && sender.receivers.is_guarded(receiver.address, receiver.epoch, self.control, now)
    }

    /// A node has forgotten where a peer's streams stood.
    pub(super) fn astray(&mut self, node: usize, peer: SocketAddr) {
        let Member { address, epoch, .. } = self.members[node];
        if let Some(&sender) = self.addresses.get(&peer) {
            self.members[sender].receivers.is_astray(address, epoch);
        }
    }

    /// The highest that a node's stable number may be.
    pub(super) fn most_stable(&self, node: usize, now: Instant) -> Option<u64> {
        let is_known = self.control != Control::None;
        self.members[node].receivers.most_stable(self.control, now).filter(|_| is_known)
    }

    fn let_go(&mut self, now: Instant, node: usize, peer: SocketAddr, seq: u64) {
        let member = &mut self.members[node];
        let sent = self.truth.stream(StreamId { sender: node, epoch: member.epoch, to: None });
        let done = member.receivers.let_go(peer, seq, self.control, progress_of(sent), now);
        assert!(done.is_ok(), "at {now:?} node {node} lets {peer} go: {done:?}");
        self.seen.count("a receiver is let go");
    }

    fn finished(&mut self, now: Instant, node: usize, peer: SocketAddr, seq: u64) {
        let sender = self.addresses.get(&peer).map(|&sender| (self.members[sender].epoch, self.members[sender].end));
        let about = (peer, Stream::Group);
        let Some((who, view)) = look(&self.addresses, &mut self.members, now, node, about) else { return };
        if let Some((epoch, end)) = sender
            && epoch == view.epoch
        {
            assert_eq!(end, Some(seq), "{who}: the end that its sender has told");
        }
        let followed = view.followed(Stream::Group);
        let position = followed.tracker.position.unwrap_or(seq + 1);
        assert_eq!(position, seq + 1, "{who}: it finishes with {seq}");
        followed.tracker.finished = Some(seq);
        if seq > 0 {
            followed.told.owe_end();
        }
    }
}

/// A peer begins to live, perhaps with a packet of a stream.
fn begins(view: &mut View, is_exact: bool, first: Option<Last>, window: u64) {
    if !is_exact {
        view.blur();
    }
    if let Some(first) = first {
        first.tell(view, window);
    }
}

pub(super) fn progress_of(sent: &Sent) -> Progress {
    Progress {
        last_sent: sent.last_departed(),
        keeps_all: sent.last_gone() == 0,
        waits: sent.last() > sent.last_departed(),
    }
}

/// A peer's stream as a node sees it; `None`: it is nobody's.
fn look<'a>(
    addresses: &BTreeMap<SocketAddr, usize>,
    members: &'a mut [Member],
    at: Instant,
    node: usize,
    (peer, stream): (SocketAddr, Stream),
) -> Option<(Who, &'a mut View)> {
    let &sender = addresses.get(&peer)?;
    let member = &mut members[node];
    let to = (stream == Stream::Private).then_some(member.address);
    let view = member.views.get_mut(&peer).expect("an event tells of a peer before its streams");
    Some((Who { receiver: node, id: StreamId { sender, epoch: view.epoch, to }, at }, view))
}

/// RMC-EPOCH-1.
pub(super) const fn is_newer(epoch: u32, than: u32) -> bool {
    matches!(epoch.wrapping_sub(than), 1..0x8000_0000)
}
