//! What NACKs and Acks bring: what this node is asked as a sender, and what it answers at once.
//!
//! An address can be forged, and then whatever is sent there hits somebody who did not ask. So an asker has to prove
//! that it receives (RMC-PROOF-1): until then it gets little more than it sent.

use core::net::SocketAddr;
use core::time::Duration;

use super::Protocol;
use super::input::stream_of;
use super::outgoing::{Aside, Confirm};
use crate::event::{Event, Stream};
use crate::packet::{Body, HEADER_LEN, Packet};
use crate::receiver::Refused;
use crate::sender::{GROUP, Nack, SendStream, Served};

/// So many times the bytes that an address sent may go there before it has proven that it receives (RMC-PROOF-4).
const MOST_GAIN: u32 = 3;

/// A peer is sent a Confirm at most once in so long.
const CONFIRM_INTERVAL: Duration = Duration::from_millis(20);

/// The lengths of answers: of a Lost, which is longer than a Reset, a Heartbeat, and a Confirm of one range.
const LOST_LEN: u32 = 28;
const HEARTBEAT_LEN: u32 = 40;
const CONFIRM_LEN: u32 = 38;

/// Who asks.
#[derive(Clone, Copy)]
pub(super) struct Asker {
    pub(super) address: SocketAddr,
    /// Its place among the peers, if it has one.
    pub(super) slot: Option<u32>,
    /// It receives at this address.
    pub(super) proven: bool,
    /// What proves it.
    cookie: u32,
    /// What may be sent to one that is no peer and has not proven it: a part of what it sent just now.
    room: u32,
}

impl Protocol {
    /// A Nack or an Ack: it concerns what this node sends. It is served even if the peer table is full (S05;
    /// RMC-PEER-4, RMC-EPOCH-5).
    #[inline(never)]
    pub(super) fn packet_for_sender(&mut self, source: SocketAddr, len: usize, packet: &Packet<'_>) {
        let slot = match self.peers.admit(source, packet.epoch, false, &mut self.shared) {
            Ok(slot) => Some(slot),
            Err(Refused::NoRoom) => None,
            Err(Refused::Stale) => return,
        };
        if let Some(slot) = slot {
            self.heard(slot, Stream::Group, packet);
            self.peers.touched(slot, Stream::Group, &self.shared);
        }
        let mut asker = self.prove(source, slot, len, packet);
        let (Body::Nack { target_epoch, rtt, .. } | Body::Ack { target_epoch, rtt, .. }) = packet.body else { return };
        if target_epoch != self.shared.config.epoch {
            self.shared.stats.dropped.wrong_target += 1;
            self.answer_with_heartbeat(&mut asker, Aside::Heartbeat { to: source, place: GROUP });
            return;
        }
        let rtt = (rtt > 0).then(|| Duration::from_micros(rtt.into()));
        self.count_receiver(&asker, rtt, packet);
        if let Body::Nack { .. } = packet.body {
            self.asked(&mut asker, rtt, packet);
        } else {
            self.acknowledged(&asker, packet);
        }
        self.tell_table(&mut asker);
    }

    /// Whether the asker receives at its address, and what may go there if not (RMC-PROOF-1, RMC-PROOF-4).
    fn prove(&mut self, address: SocketAddr, slot: Option<u32>, len: usize, packet: &Packet<'_>) -> Asker {
        let cookie = self.cookies.cookie(address, packet.epoch);
        let is_right = matches!(packet.body, Body::Nack { cookie: told, .. } if told == cookie);
        let room = u32::try_from(len).unwrap_or(u32::MAX / MOST_GAIN).saturating_mul(MOST_GAIN);
        let mut proven = is_right || !self.shared.config.verify_askers;
        if is_right && let Some(slot) = slot {
            self.peers.prove(slot);
        }
        if let Some(peer) = slot.and_then(|slot| self.peers.get_mut(slot)) {
            // An Ack has no cookie.
            proven |= peer.proven && matches!(packet.body, Body::Ack { .. });
            peer.allowance = peer.allowance.saturating_add(room);
        }
        Asker { address, slot, proven, cookie, room }
    }

    /// A receiver made itself known (RMC-REPAIR-16, RMC-HB-11).
    fn count_receiver(&mut self, asker: &Asker, rtt: Option<Duration>, packet: &Packet<'_>) {
        let now = self.shared.now;
        let receivers = &mut self.streams.receivers;
        if let Some(rtt) = rtt.filter(|_| asker.proven) {
            receivers.report_rtt(rtt, now);
        }
        if let (Body::Nack { .. }, Some(slot)) = (packet.body, asker.slot) {
            self.peers.count_asker(slot, receivers.counting_interval(), now);
        }
        receivers.counted(self.peers.census());
    }

    fn asked(&mut self, asker: &mut Asker, rtt: Option<Duration>, packet: &Packet<'_>) {
        let Body::Nack { stamp, ranges, .. } = packet.body else { return };
        let stream = stream_of(packet);
        self.shared.stats.repair.nacks_received += 1;
        self.phase.asked(self.shared.now);
        let count = ranges.iter(packet.seq).map(|range| range.len()).sum();
        self.shared.event(Event::GotNack { peer: asker.address, stream, seq: packet.seq, count });
        if self.shared.config.silent {
            return;
        }
        let place = match stream {
            Stream::Group => GROUP,
            Stream::Private => match self.streams.private(asker.address) {
                Some(place) => place,
                None => {
                    self.answer_with_heartbeat(asker, Aside::NoStream { to: asker.address, stamp });
                    return;
                }
            },
        };
        let nack = Nack { from: asker.address, stamp, rtt, proven: asker.proven, seq: packet.seq, ranges };
        self.serve(place, &nack, asker);
    }

    fn serve(&mut self, place: u32, nack: &Nack<'_>, asker: &mut Asker) {
        // Room for this answer is kept before repairs get any.
        let may_confirm = self.allow(asker, CONFIRM_LEN);
        let mut allowance = self.allowance(asker);
        let served = self.streams.ask(place, nack, &mut allowance, &mut self.shared);
        self.set_allowance(asker, allowance);
        self.shared.stats.dropped.askers_full += u64::from(served.refused);
        self.shared.stats.repair.held_off += served.held_off;
        if served.below {
            self.owe_below(place, nack, asker);
        }
        if may_confirm && (served.repeated || (served.some && !asker.proven)) {
            self.confirm(place, nack, asker, served);
        }
        self.streams.touched(place, &self.shared);
        if served.unsent && !served.some {
            self.answer_with_heartbeat(asker, Aside::Heartbeat { to: asker.address, place });
        }
    }

    /// What is gone is told to the asker alone, if that much may go there.
    fn owe_below(&mut self, place: u32, nack: &Nack<'_>, asker: &mut Asker) {
        let now = self.shared.now;
        let is_owed = self.streams.get(place).is_none_or(|stream| stream.repairs.owes_below(asker.address, now));
        if is_owed || !self.allow(asker, LOST_LEN) {
            return;
        }
        let max_askers = self.shared.config.max_askers;
        let has_room = |stream: &mut SendStream| stream.repairs.owe_below(nack, max_askers, now);
        if !self.streams.get_mut(place).is_some_and(has_room) {
            self.shared.stats.dropped.askers_full += 1;
        }
    }

    /// An asker that has not proven that it receives gets a cookie to prove it with. What it asked for is on its way to
    /// all; what may only go to it alone, or has to wait with what others ask for that have not proven it either, is
    /// there for the cookie (RMC-PROOF-2, RMC-PROOF-3). One that has, and asks again for what has left, learns its
    /// round trip as it is now (RMC-REPAIR-12).
    fn confirm(&mut self, place: u32, nack: &Nack<'_>, asker: &Asker, served: Served) {
        let Some(range) = nack.ranges.iter(nack.seq).next() else { return };
        let now = self.shared.now;
        let peer = asker.slot.and_then(|slot| self.peers.get_mut(slot));
        if peer.is_some_and(|peer| !peer.confirmed.again(CONFIRM_INTERVAL, now)) {
            return;
        }
        let waits = served.withheld || (!asker.proven && self.streams.strangers_wait(place));
        let delay = waits.then_some(Duration::ZERO);
        let (Nack { from: to, stamp, .. }, cookie) = (*nack, asker.cookie);
        self.out.add_aside(Aside::Confirm(Confirm { to, place, range, delay, stamp, cookie }));
    }

    /// At most one Heartbeat per peer and shortest interval (F13; RMC-EPOCH-5, RMC-REPAIR-6); all who are no peers
    /// share one.
    fn answer_with_heartbeat(&mut self, asker: &mut Asker, aside: Aside) {
        if self.shared.config.silent {
            return;
        }
        let now = self.shared.now;
        let shortest = self.shared.config.heartbeat_times.first().copied().unwrap_or_default();
        asker.slot = asker.slot.or_else(|| self.peers.find(asker.address));
        let peer = asker.slot.and_then(|slot| self.peers.get_mut(slot));
        let answered = peer.map_or(&mut self.stranger_answered, |peer| &mut peer.answered);
        if answered.is_some_and(|at| now < at + shortest) {
            return;
        }
        *answered = Some(now);
        if self.allow(asker, HEARTBEAT_LEN) {
            self.out.add_aside(aside);
        }
    }

    /// The heartbeat table is sent again to a new peer that asks for anything (S24, RMC-HB-9).
    fn tell_table(&mut self, asker: &mut Asker) {
        let knows = asker.slot.and_then(|slot| self.peers.get(slot)).is_none_or(|peer| peer.knows_table);
        if knows || self.shared.config.silent {
            return;
        }
        if self.out.has_own_table() {
            if !self.allow(asker, table_len(self.shared.config.heartbeat_times.len())) {
                return;
            }
            self.out.add_aside(Aside::Table { to: asker.address });
        }
        if let Some(peer) = asker.slot.and_then(|slot| self.peers.get_mut(slot)) {
            peer.knows_table = true;
        }
    }

    /// Whether `len` bytes may go to an asker; if so, they count as sent.
    fn allow(&mut self, asker: &mut Asker, len: u32) -> bool {
        if asker.proven {
            return true;
        }
        let Some(rest) = self.allowance(asker).checked_sub(len) else { return false };
        self.set_allowance(asker, rest);
        true
    }

    fn allowance(&self, asker: &Asker) -> u32 {
        let peer = asker.slot.and_then(|slot| self.peers.get(slot));
        peer.map_or(asker.room, |peer| peer.allowance)
    }

    fn set_allowance(&mut self, asker: &mut Asker, allowance: u32) {
        match asker.slot.and_then(|slot| self.peers.get_mut(slot)) {
            Some(peer) => peer.allowance = allowance,
            None => asker.room = allowance,
        }
    }
}

/// The length of a HeartbeatTimes.
fn table_len(intervals: usize) -> u32 {
    u32::try_from(HEADER_LEN + 1 + 4 * intervals).unwrap_or(u32::MAX)
}
