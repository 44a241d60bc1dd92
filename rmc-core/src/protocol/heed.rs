//! What receivers acknowledge, and how far this node goes on because of it (RMC-FLOW-1 to RMC-FLOW-9).

use super::Protocol;
use super::input::stream_of;
use super::serve::Asker;
use crate::event::{Event, Stream};
use crate::packet::{Body, Packet};
use crate::receiver::Peer;
use crate::sender::{Acked, GROUP, Progress};

impl Protocol {
    /// Query: the number up to which all receivers that count have everything of the group's stream (RMC-FLOW-7). Where
    /// none counts: the last one sent.
    ///
    /// [`Slowest`](crate::FlowControl::Slowest): all that count have it. [`Quorum`](crate::FlowControl::Quorum): n of
    /// them do. In both cases who does not advance is let go in time, and holds it back no longer.
    /// [`None`](crate::FlowControl::None): all that count have it, and who does not advance holds it back until more
    /// was sent than is kept, or it is no peer any more. It goes back when one more receiver begins to count.
    #[must_use]
    pub fn stable_seq(&self) -> u64 {
        let last_sent = self.streams.group().log.last_sent();
        self.peers.ackers.stable().map_or(last_sent, |stable| stable.min(last_sent))
    }

    /// An Ack came.
    pub(super) fn acknowledged(&mut self, asker: &Asker, packet: &Packet<'_>) {
        let Body::Ack { window, .. } = packet.body else { return };
        let (peer, stream, seq) = (asker.address, stream_of(packet), packet.seq);
        self.shared.stats.rx.acks += 1;
        self.shared.event(Event::GotAck { peer, stream, seq });
        let known = match stream {
            Stream::Group => self.group_acknowledged(asker, seq, window),
            Stream::Private => self.streams.private(peer).is_none_or(|place| {
                let shared = &mut self.shared;
                let known = self.streams.get_mut(place).is_none_or(|stream| stream.acknowledge(seq, window, shared));
                self.streams.limited(place, &self.shared);
                known
            }),
        };
        if !known {
            self.shared.stats.dropped.ack_beyond += 1;
        }
    }

    /// Before anything leaves: what has come in may have moved the limit.
    #[inline]
    pub(super) fn heed_receivers(&mut self) {
        self.follow_limit();
        // What waits for receivers is queued. A node that only receives looks no further, which would cost it two steps
        // through its memory for each packet.
        if self.shared.queued.packets > 0 && self.peers.ackers.is_starting() {
            let group = self.streams.group();
            // Looked up once it waits.
            let began = group.blocked_since().map(|since| group.log.sent_at(group.log.oldest()).unwrap_or(since));
            self.peers.ackers.waits(began, self.shared.now);
            self.follow_limit();
        }
    }

    #[inline]
    fn follow_limit(&mut self) {
        if self.peers.ackers.take_changed() {
            self.streams.set_limit(self.peers.ackers.limit(), &self.shared);
        }
    }

    /// A Heartbeat of the group's stream leaves.
    pub(super) fn beat(&mut self) {
        let group = self.streams.receivers.told_group();
        let log = &self.streams.group().log;
        let last_sent = log.last_sent();
        self.peers.ackers.beat(group, last_sent, log.sent_at(last_sent), self.shared.now);
    }

    /// Whoever has not advanced for too long is waited for no longer.
    pub(super) fn let_go_if_due(&mut self) {
        self.peers.ackers.start_if_due(self.shared.now);
        let group = self.streams.group();
        let progress = Progress { last_sent: group.log.last_sent(), blocked_since: group.blocked_since() };
        let log = &group.log;
        while let Some((slot, seq)) = self.peers.ackers.next_stalled(progress, |seq| log.sent_at(seq), self.shared.now)
        {
            let Some(peer) = self.peers.get(slot) else { continue };
            self.shared.stats.tx.let_go += 1;
            self.shared.event(Event::PeerEvicted { peer: peer.address, seq });
        }
    }

    /// Returns whether the number was sent.
    fn group_acknowledged(&mut self, asker: &Asker, seq: u64, window: u32) -> bool {
        let last_sent = self.streams.group().log.last_sent();
        if seq > last_sent {
            return false;
        }
        if let Some(slot) = asker.slot {
            let ended = self.peers.get(slot).is_some_and(Peer::has_end);
            let acked = Acked { slot, seq, window, ended, proven: asker.proven };
            self.peers.ackers.acked(acked, last_sent, self.shared.now);
            self.peers.count_acker(slot);
            self.streams.receivers.counted(self.peers.census());
        }
        self.streams.tell_if_changed(&self.shared);
        self.streams.touched(GROUP, &self.shared);
        true
    }
}
