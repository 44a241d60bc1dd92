//! What leaves a node must be true: data in its turn, repairs of what the backlog holds, word of what is gone of that
//! alone, and requests for what is missing only.

use std::net::SocketAddr;
use std::ops::RangeInclusive;

use rmc_core::packet::{Body, Flags};
use rmc_core::sim::{Datagram, GROUP};
use rmc_core::{Instant, Protocol, SeqRange, Stream};

use super::receivers::limit;
use super::requests::{Debt, Named, Repaired};
use super::script::{Control, Mode, Policy};
use super::tracker::Who;
use super::truth::{Message, Sent, StreamId};
use super::view::Followed;
use super::watch::{Member, Watch};

/// A datagram that a node has sent.
pub(super) struct Departure {
    at: Instant,
    from: usize,
    to: SocketAddr,
    epoch: u32,
    seq: u64,
    is_private: bool,
    len: usize,
    what: Left,
}

enum Left {
    Data {
        len: usize,
    },
    Repair,
    Heartbeat {
        oldest: u64,
        end: bool,
    },
    Lost {
        first: u64,
    },
    /// Unasked: the sender cuts its stream.
    Reset,
    /// To one that has asked for what is gone, as everything is.
    AllLost,
    Nack {
        target: u32,
        ranges: Vec<SeqRange>,
    },
    Ack {
        target: u32,
        window: u32,
    },
    Confirm {
        reason: u8,
        cookie: u32,
    },
    Other,
}

impl Departure {
    pub(super) fn of(from: usize, datagram: &Datagram<'_>) -> Self {
        let packet = match datagram.packet() {
            Ok(packet) => packet,
            Err(error) => panic!("node {from} sends {:02x?}, which does not decode: {error}", datagram.bytes),
        };
        let what = match packet.body {
            Body::Data { .. } if packet.flags.contains(Flags::RESENT) => Left::Repair,
            Body::Data { payload } => Left::Data { len: payload.len() },
            Body::Heartbeat { oldest, .. } => Left::Heartbeat { oldest, end: packet.flags.contains(Flags::END) },
            Body::Lost { first, .. } => Left::Lost { first },
            Body::Reset { stamp: 0 } => Left::Reset,
            Body::Reset { .. } => Left::AllLost,
            Body::Nack { target_epoch, ranges, .. } => {
                Left::Nack { target: target_epoch, ranges: ranges.iter(packet.seq).collect() }
            }
            Body::Ack { target_epoch, window, .. } => Left::Ack { target: target_epoch, window },
            Body::Confirm { reason, cookie, .. } => Left::Confirm { reason, cookie },
            Body::HeartbeatTimes { .. } => Left::Other,
        };
        let is_private = packet.flags.contains(Flags::PRIVATE);
        let (epoch, seq) = (packet.epoch, packet.seq);
        let len = datagram.bytes.len();
        Self { at: datagram.now, from, to: datagram.destination, epoch, seq, is_private, len, what }
    }
}

impl Left {
    /// Whether it is sent because somebody asked, and not because the application sends to a receiver alone.
    const fn is_answer(&self, is_private: bool) -> bool {
        match self {
            Self::Nack { .. } | Self::Ack { .. } => false,
            Self::Repair | Self::Confirm { .. } | Self::Lost { .. } => true,
            Self::Data { .. } | Self::Heartbeat { .. } | Self::Reset | Self::AllLost | Self::Other => !is_private,
        }
    }
}

const fn stream_of(is_private: bool) -> Stream {
    if is_private { Stream::Private } else { Stream::Group }
}

/// What a range of numbers that have left is: what is kept, and what was skipped.
fn named(sent: &Sent, range: RangeInclusive<u64>, now: Instant) -> Vec<Named> {
    let mut named = Vec::new();
    for seq in range {
        if sent.has(seq, now) {
            named.push(Named::Kept(seq));
        } else if !matches!(named.last(), Some(Named::Hole(_))) {
            named.push(Named::Hole(seq));
        }
    }
    named
}

/// How many datagrams answer a NACK at most: the default.
const MAX_REPAIRS: u64 = 1_024;

impl Watch {
    /// A node takes a message to send. Before the first Ack a private stream goes no further than what is kept
    /// (RMC-FLOW-1).
    pub(super) fn given(&mut self, id: StreamId, last: u64, message: Message, max_payload: usize) {
        let begins = self.truth.stream(id).give(last, message, max_payload);
        let member = &mut self.members[id.sender];
        if let Some(to) = id.to.filter(|_| begins) {
            member.private_limits.insert(to, limit(message.first - 1, u32::MAX, member.kept));
        }
    }

    /// A NACK is served: what it names and the backlog holds is owed (RMC-REPAIR-2, RMC-REPAIR-8), unless its repair
    /// holds that off (RMC-REPAIR-14).
    pub(super) fn asked_by(&mut self, now: Instant, node: usize, about: (SocketAddr, Stream)) {
        let (member, rules) = (&mut self.members[node], self.rules);
        let Some(nack) = member.nack.take() else { return };
        assert_eq!((nack.from, nack.stream), about, "at {now:?} node {node}: the NACK that it got");
        let is_proven = member.requests.prove(&nack, rules);
        self.seen.count_if(is_proven && rules.verify, "an address is proven");
        let to = (nack.stream == Stream::Private).then_some(nack.from);
        let sent = self.truth.stream(StreamId { sender: node, epoch: member.epoch, to });
        let oldest = sent.oldest(now);
        // The word of what is gone below the backlog is a datagram too.
        let tells_below = nack.ranges.iter().any(|range| range.first() < oldest);
        let mut budget = MAX_REPAIRS - u64::from(tells_below);
        for range in &nack.ranges {
            let first = range.first().max(oldest);
            let last = range.last().min(sent.last_departed()).min(first + budget - 1);
            member.requests.ask(now, &nack, &named(sent, first..=last, now), is_proven, rules);
            budget -= (last + 1).saturating_sub(first);
            if budget == 0 {
                break;
            }
        }
    }

    /// A repair that a node owes, of what it still has.
    pub(super) fn owes_repairs(&mut self, now: Instant, node: usize) -> Option<Debt> {
        let member = &mut self.members[node];
        let (epoch, truth) = (member.epoch, &self.truth);
        let debt = member
            .requests
            .owes(|to, seq| truth.get(StreamId { sender: node, epoch, to }).is_some_and(|sent| sent.has(seq, now)));
        debt.filter(|_| self.is_exact)
    }

    /// Whoever is known to an active node has been heard within the time for which a peer is.
    pub(super) fn nobody_outlives(&self, now: Instant, node: usize, protocol: &Protocol) {
        let views = &self.members[node].views;
        for peer in protocol.peers().filter(|_| protocol.is_active()) {
            let view = views.get(&peer.address).filter(|view| view.epoch == peer.epoch);
            let is_overdue = view.is_some_and(|view| view.is_overdue(now, self.peer_timeout));
            assert!(!is_overdue, "at {now:?} node {node}: {} is still known, of {:#x}", peer.address, peer.epoch);
        }
    }

    /// Looks at all that has left and was not looked at yet.
    pub(super) fn catch_up(&mut self) {
        for departure in std::mem::take(&mut self.departures) {
            self.departed(&departure);
        }
    }

    fn departed(&mut self, departure: &Departure) {
        let &Departure { at, from, to, epoch, seq, is_private, len, ref what } = departure;
        let (member, rules) = (&mut self.members[from], self.rules);
        let place = format_args!("at {at:?} node {from}").to_string();
        assert_eq!(epoch, member.epoch, "{place}: the epoch of what it sends");
        assert!(!member.is_closed, "{place}: it is closed, and sends");
        assert!(member.policy != Policy::Silent, "{place}: it is silent, and sends");
        let id = StreamId { sender: from, epoch, to: is_private.then_some(to) };
        if to != GROUP && what.is_answer(is_private) {
            member.requests.went(&place, to, len, rules);
        }
        match *what {
            Left::Data { len } => {
                let is_after_end = !is_private && member.end.is_some_and(|end| seq > end);
                assert!(!is_after_end, "{place}: data {seq} after the end");
                self.data_leaves(&place, id, (seq, len), at);
            }
            Left::Repair => {
                assert!(self.truth.stream(id).has(seq, at), "{place}: a repair of {seq}, which it does not keep");
                let (stream, to) = (stream_of(is_private), (to != GROUP).then_some(to));
                self.members[from].requests.repair(at, &place, Repaired { to, stream, seq, len }, rules);
                self.seen.count(if to.is_some() { "a repair" } else { "a repair for all" });
            }
            Left::Heartbeat { oldest, end } => {
                if end && !is_private {
                    member.end = Some(seq);
                }
                let sent = self.truth.stream(id);
                if let Some(range) = SeqRange::new(1, oldest - 1) {
                    let had = sent.lowest_had(range, at);
                    assert_eq!(had, None, "{place}: its oldest is {oldest}");
                }
                if !is_private {
                    assert_eq!(seq, sent.last_departed(), "{place}: the last that it sent");
                    assert!(!end || seq == sent.last(), "{place}: it ends with {seq}");
                    assert!(oldest <= sent.oldest(at), "{place}: {oldest} is the oldest");
                }
            }
            Left::Lost { first } => {
                let range = SeqRange::new(first, seq - 1).expect("the codec holds first below seq");
                let had = self.truth.stream(id).lowest_had(range, at);
                assert_eq!(had, None, "{place}: it says that {range} is gone");
                self.members[from].requests.told_lost((to != GROUP).then_some(to), stream_of(is_private), seq - 1);
                self.seen.count("word of what is gone");
            }
            Left::Reset => {
                member.has_reset |= !is_private;
                self.truth.stream(id).drop_up_to(seq);
            }
            Left::AllLost => member.requests.told_all_lost(to, stream_of(is_private)),
            Left::Nack { target, ref ranges } => self.asks(departure, target, ranges),
            Left::Ack { target, window } => self.acknowledges(departure, target, window),
            Left::Confirm { reason, cookie } => {
                member.requests.confirm(&place, to, cookie);
                self.seen.count(if reason == 0 { "a Confirm" } else { "a Confirm: busy" });
            }
            Left::Other => {}
        }
    }

    /// No further than receivers take it, and so that nothing leaves the backlog which one of them needs (RMC-FLOW-1).
    fn data_leaves(&mut self, place: &str, id: StreamId, (seq, len): (u64, usize), at: Instant) {
        let control = self.control;
        let member = &mut self.members[id.sender];
        let kept = member.kept;
        let sent = self.truth.stream(id);
        let (last_sent, gone) = (sent.last_departed(), sent.last_gone());
        sent.depart(seq, len, at);
        if let Some(to) = id.to {
            let limit = member.private_limits.get(&to).filter(|_| control != Control::None && !self.drops_private);
            let may = limit.is_none_or(|&limit| last_sent < limit);
            assert!(may, "{place}: private data {seq}, but its receiver takes {limit:?} at most");
            return;
        }
        if let Err(why) = member.receivers.may_leave(last_sent, control, kept, at) {
            panic!("{place}: data {seq} after {last_sent}: {why}");
        }
        if sent.last_gone() > gone {
            let misses = member.receivers.misses(sent.last_gone(), control, at);
            assert_eq!(misses, None, "{place}: {} leaves its backlog, which that one needs", sent.last_gone());
        }
        self.seen.count_if(control != Control::None && sent.last() > seq, "data has to wait");
    }

    /// RMC-GAP-2.
    fn asks(&mut self, departure: &Departure, target: u32, ranges: &[SeqRange]) {
        let window = self.members[departure.from].window;
        let Some((who, followed)) = self.asked(departure, target) else { return };
        let (position, limit) = (followed.tracker.position, followed.limit(window));
        if let Some(heard) = &mut followed.heard {
            heard.ask(who, ranges, limit);
        }
        let highest = self.truth.highest(who.id);
        for &range in ranges {
            assert!(range.last() <= highest, "{who}: it asks for {range}, but {highest} is the last");
            let is_missing = position.is_none_or(|position| range.first() >= position);
            assert!(is_missing, "{who}: it asks for {range}, but stands at {position:?}");
        }
        self.seen.count("a NACK");
    }

    /// RMC-ACK-1, RMC-ACK-7: what is acknowledged was delivered or reported, or could not be had; there is room for what it
    /// says; and it has a cause.
    fn acknowledges(&mut self, departure: &Departure, target: u32, room: u32) {
        let Member { window, policy, address, .. } = self.members[departure.from];
        let is_unordered = self.mode == Mode::Unordered;
        let Some((who, followed)) = self.asked(departure, target) else { return };
        let wrong = followed.acking.leaves(policy == Policy::Mute, who.at);
        assert!(wrong.is_none(), "{who}: an Ack: {}", wrong.unwrap_or_default());
        let begins_anywhere = followed.tracker.begins_anywhere();
        let position = followed.tracker.position;
        let unread = followed.told.whole_packets() as u64;
        let (seq, sent) = (departure.seq, self.truth.stream(who.id));
        // The beginning of a message may be there, and its end not.
        let first = match position {
            _ if begins_anywhere => None,
            Some(position) => (position <= seq).then_some(position),
            // What was delivered before its turn may be acknowledged in it.
            None if is_unordered => None,
            None => SeqRange::new(1, seq).and_then(|range| sent.lowest_whole(range, who.at)),
        };
        let is_within = first.is_none_or(|first| sent.message_of(first).is_some_and(|(last, _)| last > seq));
        assert!(is_within, "{who}: it acknowledges {seq}, and stands at {position:?}");
        let most = window.saturating_sub(unread);
        assert!(u64::from(room) <= most, "{who}: it has room for {room}, and {unread} of {window} are not taken");
        let is_behind = position.is_none_or(|position| seq + 1 >= position);
        assert!(is_behind, "{who}: it acknowledges {seq}, and stands at {position:?}");
        let sender = &mut self.members[who.id.sender];
        if who.stream() == Stream::Group && who.id.epoch == sender.epoch {
            sender.receivers.is_told(address, departure.epoch, seq);
        }
    }

    /// The stream that a NACK or an Ack is about, as its receiver sees it; `None`: it is nobody's.
    fn asked(&mut self, departure: &Departure, target: u32) -> Option<(Who, &mut Followed)> {
        let &Departure { at, from, to, is_private, .. } = departure;
        let &sender = self.addresses.get(&to)?;
        let member = &mut self.members[from];
        let to_member = is_private.then_some(member.address);
        let who = Who { receiver: from, id: StreamId { sender, epoch: target, to: to_member }, at };
        let stream = stream_of(is_private);
        let view = member.views.get_mut(&to).expect("an event tells of a peer before it is asked");
        assert_eq!(view.epoch, target, "{who}: the epoch that it is asked in");
        Some((who, view.followed(stream)))
    }
}
