//! The table of peers: who is known, which epoch is followed, who is overdue, and who expires.

mod asked;
mod room;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::lookup::Lookup;
use super::peer::{Opening, Peer, Positions};
use super::remembered::Remembered;
use super::stream::RecvStream;
use super::window::Arrival;
use crate::config::JoinPolicy;
use crate::event::{EndCause, Event, LossCause, Stream};
use crate::heap::Deadlines;
use crate::inbox::{Owner, What};
use crate::packet::Flags;
use crate::sender::{Ackers, Census, Met};
use crate::shared::Shared;
use crate::time::Instant;
use room::idle_key;

/// Why a packet's source is not treated as a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no room for it. What concerns this node's own sending is served all the same.
    NoRoom,
    /// The packet is of an epoch that is not the one followed.
    Stale,
}

/// All peers.
#[derive(Clone)]
pub(crate) struct Peers {
    slots: Vec<Option<Peer>>,
    free: Vec<u32>,
    lookup: Lookup,
    /// Whose packet came last: the next one is probably from the same.
    recent: u32,
    timers: Deadlines,
    /// Who has not proven its address, by when it was heard: those that only asked, and far behind them those that
    /// sent.
    idle: Deadlines,
    remembered: Remembered,
    /// Streams with a NACK or an Ack to send: (slot, stream id).
    sending: VecDeque<(u32, u64)>,
    last_stream_id: u64,
    /// How many peers were met how; how many are known stands in the lookup.
    met: Census,
    /// What they have acknowledged of this node's stream to the group.
    pub(crate) ackers: Ackers,
}

impl Peers {
    pub(crate) fn new(shared: &Shared) -> Self {
        let config = &shared.config;
        Self {
            slots: Vec::new(),
            free: Vec::new(),
            lookup: Lookup::new(config.seed),
            recent: 0,
            timers: Deadlines::default(),
            idle: Deadlines::default(),
            remembered: Remembered::new(config.max_peers.saturating_mul(4), config.seed),
            sending: VecDeque::new(),
            last_stream_id: 0,
            met: Census::default(),
            ackers: Ackers::new(config),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.lookup.len()
    }

    pub(crate) fn find(&self, address: SocketAddr) -> Option<u32> {
        self.lookup.find(address, |slot| self.get(slot).map(|peer| peer.address))
    }

    pub(crate) fn get(&self, slot: u32) -> Option<&Peer> {
        self.slots.get(slot as usize)?.as_ref()
    }

    pub(crate) fn get_mut(&mut self, slot: u32) -> Option<&mut Peer> {
        self.slots.get_mut(slot as usize)?.as_mut()
    }

    /// All peers, by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.slots.iter().flatten()
    }

    /// The peer that a packet of `epoch` came from, made or restarted if need be. Who is refused was counted (S05, S37;
    /// RMC-PEER-1, RMC-PEER-4). `of_stream`: the packet belongs to a stream that it sends; else it only asks.
    #[inline]
    pub(crate) fn admit(
        &mut self,
        address: SocketAddr,
        epoch: u32,
        of_stream: bool,
        shared: &mut Shared,
    ) -> Result<u32, Refused> {
        let Some(slot) = self.find_recent(address) else { return self.add(address, epoch, of_stream, shared) };
        self.recent = slot;
        let peer = self.get_mut(slot).ok_or(Refused::NoRoom)?;
        if peer.epoch != epoch {
            self.change_epoch(slot, epoch, shared)?;
        }
        let peer = self.get_mut(slot).ok_or(Refused::NoRoom)?;
        peer.heard = shared.now;
        if of_stream && !core::mem::replace(&mut peer.sends, true) && !peer.proven {
            let key = idle_key(peer);
            self.idle.set(slot, key);
        }
        Ok(slot)
    }

    /// A data packet of the peer in `slot`, with the heartbeat index that it carries: everything that it changes of the
    /// peer at one go, as most packets are such.
    pub(crate) fn data(
        &mut self,
        slot: u32,
        stream: Stream,
        arrival: Arrival<'_>,
        heartbeat: u8,
        shared: &mut Shared,
    ) -> Option<()> {
        if self.get(slot)?.stream(stream).is_none() {
            let resent = arrival.flags.contains(Flags::RESENT);
            let opening = if resent { Opening::Nothing } else { Opening::Data(arrival.seq) };
            self.follow(slot, stream, opening, shared)?;
        }
        let peer = self.slots.get_mut(slot as usize)?.as_mut()?;
        let (address, interval) = (peer.address, peer.interval(heartbeat));
        let followed = match stream {
            Stream::Group => peer.group.as_mut()?,
            Stream::Private => peer.private.as_mut()?,
        };
        followed.data(arrival, &mut peer.rtt, shared);
        if followed.heard(interval, shared) {
            shared.event(Event::PeerRecovered { peer: address });
        }
        enqueue(followed, &mut self.sending, shared);
        if let Some(deadline) = followed.deadline(&shared.config) {
            self.timers.set_if_earlier(slot, deadline);
        }
        Some(())
    }

    /// The stream that a packet belongs to, begun if the packet may begin it.
    #[inline]
    pub(crate) fn follow(
        &mut self,
        slot: u32,
        stream: Stream,
        opening: Opening,
        shared: &mut Shared,
    ) -> Option<(&mut Box<RecvStream>, &mut super::rtt::Rtt)> {
        let peer = self.slots.get_mut(slot as usize)?.as_mut()?;
        if peer.stream(stream).is_none() {
            let policy = if shared.config.silent { JoinPolicy::Now } else { shared.config.join_policy };
            let start = peer.start(stream, opening, policy)?;
            self.last_stream_id += 1;
            let owner = Owner { peer: peer.address, stream, slot, stream_id: self.last_stream_id };
            *peer.stream_mut(stream) = Some(Box::new(RecvStream::new(owner, start, shared)));
        }
        let rtt = &mut peer.rtt;
        let stream = match stream {
            Stream::Group => &mut peer.group,
            Stream::Private => &mut peer.private,
        };
        stream.as_mut().map(|stream| (stream, rtt))
    }

    /// After an input to a stream: it may have something to send, or need its timer sooner.
    #[inline]
    pub(crate) fn touched(&mut self, slot: u32, stream: Stream, shared: &Shared) {
        let Some(peer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        let Some(stream) = peer.stream_mut(stream) else { return };
        enqueue(stream, &mut self.sending, shared);
        if let Some(deadline) = stream.deadline(&shared.config) {
            self.timers.set_if_earlier(slot, deadline);
        }
    }

    /// The next stream that may have something to send: (slot, stream id).
    pub(crate) fn next_sending(&self) -> Option<(u32, u64)> {
        self.sending.front().copied()
    }

    /// The front of that queue has said what it had, or has more and goes to the end.
    pub(crate) fn sent(&mut self, shared: &Shared) {
        let Some((slot, id)) = self.sending.pop_front() else { return };
        let Some(peer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        let Some(stream) = peer.stream_by_id(id) else { return };
        stream.queued = false;
        enqueue(stream, &mut self.sending, shared);
        if let Some(deadline) = stream.deadline(&shared.config) {
            self.timers.set_if_earlier(slot, deadline);
        }
    }

    /// The application took an item of a stream.
    #[inline]
    pub(crate) fn released(&mut self, owner: Owner, message: Option<usize>, shared: &mut Shared) {
        let Some(peer) = self.get_mut(owner.slot) else { return };
        let Some(stream) = peer.stream_by_id(owner.stream_id) else { return };
        if stream.released(message, shared) {
            self.touched(owner.slot, owner.stream, shared);
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does what is due; only peers that are due are looked at.
    pub(crate) fn handle_timeout(&mut self, shared: &mut Shared) {
        while let Some(slot) = self.timers.pop_due(shared.now) {
            self.check(slot, shared);
        }
    }

    /// Forgets a peer (S27); what its streams still had is reported (S26).
    pub(crate) fn remove(&mut self, address: SocketAddr, shared: &mut Shared) -> bool {
        self.remembered.forget(address);
        let Some(slot) = self.find(address) else { return false };
        let Some(mut peer) = self.take(slot) else { return false };
        for stream in [peer.group.as_mut(), peer.private.as_mut()].into_iter().flatten() {
            stream.close(LossCause::Removed, Some(EndCause::Removed), shared);
        }
        true
    }

    /// Lets all waits of all peers begin anew: nobody is late for the time between (S30).
    pub(crate) fn restart_timers(&mut self, shared: &mut Shared) {
        for peer in self.slots.iter_mut().flatten() {
            peer.heard = shared.now;
            for stream in [peer.group.as_mut(), peer.private.as_mut()].into_iter().flatten() {
                stream.liveness_mut().restart(shared.now, &shared.config);
            }
        }
        self.restart_gaps(shared);
    }

    /// Lets the waits for repairs begin anew: now somebody else asks for them, or this node does again (S28).
    pub(crate) fn restart_gaps(&mut self, shared: &mut Shared) {
        self.sending.clear();
        for slot in 0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX) {
            let Some(peer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { continue };
            for stream in [peer.group.as_mut(), peer.private.as_mut()].into_iter().flatten() {
                stream.queued = false;
                stream.restart_gaps(shared);
                // One whose time came meanwhile is due now.
                stream.check_acks(shared);
                enqueue(stream, &mut self.sending, shared);
            }
            self.timers.set(slot, peer.deadline(&shared.config));
        }
    }

    /// Forgets all peers and what they cached, unreported.
    pub(crate) fn clear(&mut self, shared: &mut Shared) {
        for peer in self.slots.iter_mut().flatten() {
            for stream in [peer.group.as_mut(), peer.private.as_mut()].into_iter().flatten() {
                stream.abandon(shared);
            }
        }
        *self = Self::new(shared);
    }

    /// As [`find`](Self::find), with a look at who was heard last before.
    #[inline]
    pub(crate) fn find_recent(&self, address: SocketAddr) -> Option<u32> {
        if self.get(self.recent).is_some_and(|peer| peer.address == address) {
            return Some(self.recent);
        }
        self.find(address)
    }

    /// A packet of another epoch than the known one: whether that is taken over now (S37; RMC-EPOCH-3, RMC-EPOCH-4,
    /// RMC-EPOCH-6).
    #[inline(never)]
    fn change_epoch(&mut self, slot: u32, epoch: u32, shared: &mut Shared) -> Result<(), Refused> {
        let peer = self.slots.get_mut(slot as usize).and_then(Option::as_mut).ok_or(Refused::NoRoom)?;
        if is_newer(epoch, peer.epoch) {
            if peer.speaks_until().is_some_and(|until| shared.now < until) {
                shared.stats.dropped.early_epoch += 1;
                return Err(Refused::NoRoom);
            }
        } else if shared.now.saturating_since(peer.heard) < peer.patience() {
            shared.stats.dropped.stale_epoch += 1;
            return Err(Refused::Stale);
        }
        // Each epoch has a window of its own: the application must not fall behind by one after the other.
        let waiting = shared.inbox.waiting_of(slot);
        if waiting >= shared.config.receive_window_packets || shared.inbox.is_crowded(crowd(shared)) {
            shared.stats.dropped.unread += 1;
            return Err(Refused::NoRoom);
        }
        let resume = self.remembered.take(peer.address, epoch);
        let former = peer.epoch;
        // It may come back, if this one was not its sender's (RMC-PEER-7).
        if let Some(positions) = restart(peer, slot, epoch, shared) {
            self.remembered.put(peer.address, former, positions);
        }
        self.ackers.forget(slot);
        peer.resume = resume.map(Box::new);
        let key = idle_key(peer);
        self.idle.set(slot, key);
        Ok(())
    }

    fn add(&mut self, address: SocketAddr, epoch: u32, of_stream: bool, shared: &mut Shared) -> Result<u32, Refused> {
        // Before anybody makes room for it.
        if shared.inbox.is_crowded(crowd(shared)) {
            shared.stats.dropped.unread += 1;
            return Err(Refused::NoRoom);
        }
        if self.len() >= shared.config.max_peers && !self.make_room(of_stream, shared) {
            shared.stats.dropped.peers_full += 1;
            return Err(Refused::NoRoom);
        }
        let mut peer = Peer::new(address, epoch, shared.now);
        peer.sends = of_stream;
        peer.resume = self.remembered.take(address, epoch).map(Box::new);
        let (deadline, key) = (peer.deadline(&shared.config), idle_key(&peer));
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = Some(peer);
                slot
            }
            None => {
                self.slots.push(Some(peer));
                u32::try_from(self.slots.len() - 1).expect("max_peers is at most 2^20")
            }
        };
        let slots = &self.slots;
        self.lookup.add(address, slot, |slot| slots.get(slot as usize)?.as_ref().map(|peer| peer.address));
        self.timers.set(slot, deadline);
        self.idle.set(slot, key);
        shared.event(Event::NewSender { peer: address, epoch });
        Ok(slot)
    }

    fn take(&mut self, slot: u32) -> Option<Peer> {
        let peer = self.slots.get_mut(slot as usize)?.take()?;
        self.met.recount(peer.met, Met::default());
        self.lookup.remove(peer.address, slot);
        self.timers.clear(slot);
        self.idle.clear(slot);
        self.ackers.forget(slot);
        self.free.push(slot);
        Some(peer)
    }

    fn check(&mut self, slot: u32, shared: &mut Shared) {
        let Some(peer) = self.slots.get_mut(slot as usize).and_then(Option::as_mut) else { return };
        let now = shared.now;
        if !shared.active {
            // Nothing is expected of anybody; `activate` starts the waits afresh.
            self.timers.set(slot, now + shared.config.peer_timeout);
            return;
        }
        if peer.heard + shared.config.peer_timeout <= now {
            if shared.inbox.is_crowded(crowd(shared)) {
                self.timers.set(slot, now + shared.config.peer_timeout);
                return;
            }
            self.expire(slot, shared);
            return;
        }
        let address = peer.address;
        for stream in [peer.group.as_mut(), peer.private.as_mut()].into_iter().flatten() {
            if shared.config.silent {
                stream.give_up_due(shared);
            }
            if let Some(patience) = shared.config.patience() {
                stream.give_up_late(patience, shared);
            }
            if let Some(count) = stream.liveness_mut().check(now) {
                shared.event(Event::MissingHeartbeat { peer: address, stream: stream.owner().stream, count });
            }
            stream.check_acks(shared);
            enqueue(stream, &mut self.sending, shared);
        }
        self.timers.set(slot, peer.deadline(&shared.config));
    }

    fn expire(&mut self, slot: u32, shared: &mut Shared) {
        let Some(mut peer) = self.take(slot) else { return };
        let quiet = peer.is_finished();
        let positions = close(&mut peer, LossCause::Expired, Some(EndCause::Expired), shared);
        if !quiet {
            shared.event(Event::PeerExpired { peer: peer.address });
        }
        if let Some(positions) = positions {
            self.remembered.put(peer.address, peer.epoch, positions);
        }
    }
}

/// So many items that are no messages may wait in the inbox: two of each peer, and some.
fn crowd(shared: &Shared) -> usize {
    shared.config.max_peers.saturating_mul(4).saturating_add(1_024)
}

/// RFC 1982 with 32 bits; a distance of exactly 2^31 counts as older (RMC-EPOCH-1).
pub(crate) const fn is_newer(epoch: u32, than: u32) -> bool {
    let distance = epoch.wrapping_sub(than);
    distance != 0 && distance < 1 << 31
}

/// Ends the streams of a peer. Returns where they and those before its last expiry stood, if there was any.
fn close(peer: &mut Peer, loss: LossCause, end: Option<EndCause>, shared: &mut Shared) -> Option<Positions> {
    let mut positions = peer.resume.as_deref().copied().unwrap_or_default();
    for stream in [peer.group.as_mut(), peer.private.as_mut()].into_iter().flatten() {
        stream.close(loss, end, shared);
        match stream.owner().stream {
            Stream::Group => positions.group = Some(stream.delivered()),
            Stream::Private => positions.private = Some(stream.delivered()),
        }
    }
    (positions.group.is_some() || positions.private.is_some()).then_some(positions)
}

/// The peer has another epoch: its streams are over, and begin at 1 again (S37, RMC-EPOCH-3). Returns where they stood.
fn restart(peer: &mut Peer, slot: u32, epoch: u32, shared: &mut Shared) -> Option<Positions> {
    let had_stream = peer.group.is_some() || peer.private.is_some();
    let positions = close(peer, LossCause::Restarted, None, shared);
    if had_stream {
        let owner = Owner { peer: peer.address, stream: Stream::Group, slot, stream_id: 0 };
        shared.inbox.push(owner, What::Restarted { epoch });
    }
    shared.event(Event::PeerRestarted { peer: peer.address, old_epoch: peer.epoch, epoch });
    let Peer { address, rtt, met, counted, .. } = *peer;
    *peer = Peer { rtt, met, counted, from_first: true, ..Peer::new(address, epoch, shared.now) };
    positions
}

/// Puts a stream that has something to send into the queue, once.
fn enqueue(stream: &mut RecvStream, sending: &mut VecDeque<(u32, u64)>, shared: &Shared) {
    if stream.queued || shared.config.silent || !stream.wants_to_send(shared) {
        return;
    }
    stream.queued = true;
    sending.push_back((stream.owner().slot, stream.owner().stream_id));
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Peers { slots, free, timers, idle, remembered, sending, last_stream_id, met, ackers; lookup, recent }
}

#[cfg(test)]
mod tests {
    use core::mem::size_of;

    use super::*;

    /// S05: the slot, the place in the lookup (at most half empty), and the deadline.
    #[test]
    fn a_peer_without_a_stream_costs_at_most_256_bytes() {
        let lookup = 2 * (size_of::<u32>() + 1);
        // Its deadline, and its place among the idle.
        let timers = 2 * (size_of::<(Instant, u32)>() + 2 * size_of::<u32>());
        assert!(
            size_of::<Option<Peer>>() + lookup + timers <= 256,
            "{} + {lookup} + {timers}",
            size_of::<Option<Peer>>()
        );
    }

    #[test]
    fn epochs_compare_as_serial_numbers() {
        assert!(is_newer(1, 0) && is_newer(0, u32::MAX) && is_newer((1 << 31) - 1, 0));
        assert!(!is_newer(0, 0) && !is_newer(1 << 31, 0) && !is_newer(0, 1) && !is_newer(u32::MAX, 0));
    }
}
