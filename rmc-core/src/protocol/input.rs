//! What datagrams and the clock change; what asks this node as a sender stands in `serve`.

use core::net::SocketAddr;
use core::time::Duration;

use super::Protocol;
use crate::event::{Event, EventKind, Path, Stream};
use crate::packet::{Body, Flags, Packet};
use crate::receiver::{Advertised, Arrival, Beat, Confirmed, Opening, Word, promised};
use crate::time::Instant;

impl Protocol {
    /// Input: a datagram came. Infallible: a hostile one moves a counter and nothing else.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, path: Path, bytes: &[u8]) {
        self.input(now);
        if self.is_closed() {
            self.shared.stats.dropped.closed += 1;
            return;
        }
        self.shared.stats.rx.packets += 1;
        self.shared.stats.rx.bytes += bytes.len() as u64;
        // It stays where it was put: moving it on would wait for the writes.
        let decoded = Packet::decode(bytes);
        let packet = match &decoded {
            Ok(packet) => packet,
            Err(error) => {
                self.shared.stats.dropped.malformed[error.index()] += 1;
                return;
            }
        };
        if self.shared.config.local_addrs.contains(&source) {
            self.own_packet(source, packet);
            return;
        }
        if self.shared.events.mask().contains(EventKind::ReceivedPacket) {
            self.shared.event(Event::ReceivedPacket { peer: source, path, kind: packet.kind(), seq: packet.seq });
        }
        let to_sender = matches!(packet.body, Body::Nack { .. } | Body::Ack { .. });
        if path == Path::Multicast && (to_sender || packet.flags.contains(Flags::PRIVATE)) {
            self.shared.stats.dropped.wrong_path += 1;
            return;
        }
        if to_sender {
            self.packet_for_sender(source, bytes.len(), packet);
            return;
        }
        if !self.shared.active {
            self.shared.stats.dropped.inactive += 1;
            return;
        }
        if let Ok(slot) = self.peers.admit(source, packet.epoch, true, &mut self.shared) {
            self.packet_of_stream(slot, path, packet);
        }
    }

    /// Input: time has passed. Spurious calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {
        self.input(now);
        if self.is_closed() {
            return;
        }
        self.peers.handle_timeout(&mut self.shared);
        self.streams.handle_timeout(&mut self.shared);
        self.let_go_if_due();
        self.announce_if_due();
        self.finish_if_due();
    }

    /// Multicast loops back. Another epoch under this node's address is another node (S03, F26; RMC-PEER-2,
    /// RMC-PEER-3).
    #[inline(never)]
    fn own_packet(&mut self, source: SocketAddr, packet: &Packet<'_>) {
        if packet.epoch == self.shared.config.epoch {
            self.shared.stats.dropped.own += 1;
            return;
        }
        self.shared.stats.dropped.address_in_use += 1;
        if !core::mem::replace(&mut self.address_in_use_told, true) {
            self.shared.event(Event::AddressInUse { address: source });
        }
    }

    /// A packet that belongs to a stream of the peer in `slot`.
    fn packet_of_stream(&mut self, slot: u32, path: Path, packet: &Packet<'_>) {
        let stream = stream_of(packet);
        let seq = packet.seq;
        if seq > 0
            && stream == Stream::Group
            && let Some(peer) = self.peers.get_mut(slot)
        {
            // Whoever sends data has not finished before.
            peer.finished = false;
        }
        match packet.body {
            Body::Data { payload } => {
                let arrival = Arrival { seq, flags: packet.flags, path, payload };
                self.peers.data(slot, stream, arrival, packet.heartbeat, &mut self.shared);
                return;
            }
            Body::Heartbeat { oldest, interval, backoff, group, rtt } => {
                let micros = |micros: u32| Duration::from_micros(micros.into());
                let advertised = Advertised { backoff: micros(backoff), group, rtt: micros(rtt) };
                let end = packet.flags.contains(Flags::END);
                let beat = Beat { seq, oldest, end, unicast: path == Path::Unicast, advertised };
                self.heartbeat(slot, stream, beat, interval);
            }
            Body::HeartbeatTimes { intervals } => {
                self.shared.stats.rx.heartbeat_times += 1;
                if seq == 0 && !self.follows(slot, stream) {
                    self.heard_before_data(slot);
                }
                if let Some((followed, _)) = self.peers.follow(slot, stream, Opening::Behind(seq), &mut self.shared) {
                    followed.learn(seq, &mut self.shared);
                    if let Some(peer) = self.peers.get_mut(slot) {
                        peer.times = Some(intervals.iter().collect());
                    }
                }
            }
            Body::Lost { first, stamp } => {
                self.shared.stats.repair.lost_received += 1;
                if let Some((followed, rtt)) = self.peers.follow(slot, stream, Opening::Nothing, &mut self.shared) {
                    followed.lost(first, seq, Word { stamp, path }, rtt, &mut self.shared);
                }
            }
            Body::Reset { stamp } => {
                self.shared.stats.repair.resets_received += 1;
                if let Some((followed, rtt)) = self.peers.follow(slot, stream, Opening::Behind(seq), &mut self.shared) {
                    followed.reset(seq, Word { stamp, path }, rtt, &mut self.shared);
                }
            }
            Body::Confirm { reason, delay, stamp, cookie, ranges } => {
                self.shared.stats.rx.confirms += 1;
                let told = Duration::from_micros(delay.into());
                // A repair that is under way is overdue as any is, unless it is told when it comes.
                let delay = (reason > 0 || delay > 0).then_some(told);
                let confirmed = Confirmed { seq, ranges, delay };
                let asked = self.follows(slot, stream)
                    && self.peers.follow(slot, stream, Opening::Nothing, &mut self.shared).is_some_and(
                        |(followed, rtt)| followed.confirm(confirmed, Word { stamp, path }, rtt, &self.shared),
                    );
                if let Some(peer) = self.peers.get_mut(slot).filter(|_| asked && cookie > 0) {
                    peer.cookie = cookie;
                }
            }
            Body::Nack { .. } | Body::Ack { .. } => {}
        }
        self.heard(slot, stream, packet);
        self.peers.touched(slot, stream, &self.shared);
    }

    #[inline(never)]
    fn heartbeat(&mut self, slot: u32, stream: Stream, beat: Beat, interval: u32) {
        let Beat { seq, end, .. } = beat;
        self.shared.stats.rx.heartbeats += 1;
        let Some(peer) = self.peers.get_mut(slot) else { return };
        let address = peer.address;
        if interval > 0 {
            peer.told_interval = interval;
        }
        self.shared.event(Event::GotHeartbeat { peer: address, stream, seq });
        if seq == 0 && !self.follows(slot, stream) {
            if stream == Stream::Group {
                self.heard_before_data(slot);
                self.ended_before_data(slot, end);
            }
            return;
        }
        if let Some((followed, _)) = self.peers.follow(slot, stream, Opening::Behind(seq), &mut self.shared) {
            followed.heartbeat(beat, &mut self.shared);
            if stream == Stream::Group && followed.has_end() {
                self.peers.ackers.leaves(slot);
            }
        }
    }

    /// A peer that is heard before its first data is followed from 1: nothing of it is missed (F08, RMC-JOIN-4).
    fn heard_before_data(&mut self, slot: u32) {
        if let Some(peer) = self.peers.get_mut(slot) {
            peer.from_first = true;
        }
    }

    fn ended_before_data(&mut self, slot: u32, end: bool) {
        let Some(peer) = self.peers.get_mut(slot).filter(|_| end) else { return };
        if !core::mem::replace(&mut peer.finished, true) {
            let peer = peer.address;
            self.shared.event(Event::PeerFinished { peer, seq: 0 });
        }
        self.peers.ackers.leaves(slot);
    }

    fn follows(&self, slot: u32, stream: Stream) -> bool {
        self.peers.get(slot).is_some_and(|peer| peer.stream(stream).is_some())
    }

    /// Every packet proves that its sender lives, and says when the next one is due (S34; RMC-PEER-5, RMC-LIVE-1).
    #[inline]
    pub(super) fn heard(&mut self, slot: u32, stream: Stream, packet: &Packet<'_>) {
        let Some(peer) = self.peers.get_mut(slot) else { return };
        let address = peer.address;
        let interval = match packet.body {
            Body::Heartbeat { interval, .. } => promised(interval),
            _ => peer.interval(packet.heartbeat),
        };
        if peer.stream_mut(stream).as_mut().is_some_and(|followed| followed.heard(interval, &self.shared)) {
            self.shared.event(Event::PeerRecovered { peer: address });
        }
    }
}

pub(super) const fn stream_of(packet: &Packet<'_>) -> Stream {
    if packet.flags.contains(Flags::PRIVATE) { Stream::Private } else { Stream::Group }
}
