//! What leaves, in which order: everything is built when it is polled, from pending state.

use core::time::Duration;

use super::Protocol;
use super::build::flags_of;
use super::outgoing::{Note, Sent, Source};
use crate::action::{Action, Transmit};
use crate::event::{Event, EventKind};
use crate::packet::{Body, Flags, MAX_RTT_MICROS, NO_PROMISE, Packet};
use crate::sender::{GROUP, Logged, Next, Promise};
use crate::time::{Instant, earlier, micros};

/// How long a transmission that the system refused waits (F19).
const RETRY_DELAY: Duration = Duration::from_millis(10);
/// Announcements of all nodes together: at most one in so long.
const ANNOUNCE_SPACING: Duration = Duration::from_millis(10);
const MAX_ANNOUNCE_INTERVAL: Duration = Duration::from_secs(10);

impl Protocol {
    /// Output: what to do next. Call it until it says `ArmTimer`, which is always the last of a drain.
    pub fn poll_action(&mut self) -> Action<'_> {
        self.commit();
        self.heed_receivers();
        self.resume_if_due();
        if let Some(event) = self.shared.events.pop() {
            return Action::Event(event);
        }
        if self.shared.inbox.take_news() {
            return Action::Event(Event::Readable);
        }
        let pending = self.has_pending();
        if !pending {
            // The common end of a drain.
            if self.shared.queued.packets == 0 {
                self.phase.drained(self.shared.now);
            }
        } else if self.next_transmission().is_some() {
            return self.transmission();
        }
        // The last END may have left in this drain, or data have begun to wait.
        self.finish_if_due();
        if let Some(event) = self.shared.events.pop() {
            return Action::Event(event);
        }
        Action::ArmTimer(self.deadline(pending && self.has_pending()))
    }

    /// What was just built.
    #[inline]
    fn transmission(&self) -> Action<'_> {
        let Some(sent) = &self.out.last else { return Action::ArmTimer(self.deadline(true)) };
        let (destination, contents) = (sent.destination, self.bytes_of(sent));
        Action::Transmit(Transmit { destination, contents, segment_size: sent.bytes.segment_size() })
    }

    /// Input: the last `Transmit` could not be sent. With `retry` it comes back after 10 ms, without it counts as lost
    /// on the way (F19, RMC-SEND-4). Legal until the next `poll_action`; otherwise nothing happens.
    pub fn transmit_failed(&mut self, now: Instant, retry: bool) {
        self.input(now);
        let Some(sent) = self.out.last.take() else { return };
        self.shared.stats.tx.failed += sent.bytes.datagrams();
        if !retry {
            if matches!(sent.bytes, Source::Retry) {
                self.out.retry.pop_front();
            }
            return;
        }
        self.out.stalled_until = Some(self.shared.now + RETRY_DELAY);
        if matches!(sent.bytes, Source::Retry) {
            return;
        }
        if let Source::Segments(segments) = sent.bytes {
            self.retry_segments(sent, segments);
            return;
        }
        if self.bytes_of(&sent).len() != sent.len {
            // An input between dropped its stream, or its receiver has acknowledged it: nobody wants it any more.
            return;
        }
        let mut bytes = self.shared.pool.take(sent.len);
        bytes.extend_from_slice(self.bytes_of(&sent));
        self.out.retry.push_back((bytes, Sent { bytes: Source::Retry, ..sent }));
    }

    pub(super) fn announce_if_due(&mut self) {
        if self.announce_at.is_none_or(|at| at > self.shared.now) {
            return;
        }
        self.announce_at = Some(self.shared.now + self.announce_interval());
        self.out.announce_due = !self.shared.config.silent;
    }

    /// What left last has really left: it is counted and told now (F24).
    fn commit(&mut self) {
        let Some(sent) = &self.out.last else { return };
        match sent.bytes {
            Source::Scratch | Source::Log { .. } => {}
            Source::Retry => {
                if let Some((bytes, _)) = self.out.retry.pop_front() {
                    self.shared.pool.put(bytes);
                }
            }
            Source::Segments(segments) => {
                let (seq, len) = (sent.seq, sent.len);
                for (seq, len) in segments.datagrams_of(seq, len) {
                    self.has_left(seq, len);
                }
                self.out.last = None;
                return;
            }
        }
        let (seq, len) = (sent.seq, sent.len);
        self.has_left(seq, len);
        self.out.last = None;
    }

    /// A datagram of the last transmission has left.
    pub(super) fn has_left(&mut self, seq: u64, len: usize) {
        let Some(sent) = &self.out.last else { return };
        let (destination, kind) = (sent.destination, sent.kind);
        let stats = &mut self.shared.stats;
        stats.tx.packets += 1;
        stats.tx.bytes += len as u64;
        let event = match sent.what {
            Note::Data(place) => {
                stats.tx.data += 1;
                if matches!(sent.bytes, Source::Retry) {
                    self.left_late(place);
                }
                self.watch_sequence(place, seq);
                Some(Event::PacketSent { destination, seq })
            }
            Note::Repair => {
                stats.repair.repairs_sent += 1;
                stats.repair.multicast += u64::from(destination == self.shared.config.group);
                Some(Event::SentRepair { destination, seq })
            }
            Note::Heartbeat => {
                stats.tx.heartbeats += 1;
                Some(Event::SentHeartbeat { destination, seq })
            }
            Note::Table => {
                stats.tx.heartbeat_times += 1;
                None
            }
            Note::Lost(range) => {
                stats.repair.lost_sent += 1;
                Some(Event::SentLost { destination, range })
            }
            Note::Reset => {
                stats.repair.resets_sent += 1;
                Some(Event::SentReset { destination, seq })
            }
            Note::Ack => {
                stats.tx.acks += 1;
                None
            }
            Note::Confirm => {
                stats.repair.confirms_sent += 1;
                None
            }
            Note::Nack { stream, count } => {
                stats.repair.nacks_sent += 1;
                stats.repair.numbers_asked += count;
                Some(Event::SentNack { peer: destination, stream, seq, count })
            }
        };
        if let Some(event) = event {
            self.shared.event(event);
        }
        if self.shared.events.mask().contains(EventKind::SentPacket) {
            self.shared.event(Event::SentPacket { destination, kind, seq });
        }
    }

    /// A data packet left when it was sent again: its heartbeats count from now (F19).
    fn left_late(&mut self, place: u32) {
        let Some(stream) = self.streams.get_mut(place) else { return };
        if stream.beats.is_running() {
            stream.beats.data_left(self.shared.now, &self.shared.config.heartbeat_times);
        }
        self.streams.touched(place, &self.shared);
    }

    /// Tells once that the group's numbers have passed the limit (S29).
    fn watch_sequence(&mut self, place: u32, seq: u64) {
        let limit = self.shared.config.sequence_limit;
        if place == GROUP && seq > limit && !core::mem::replace(&mut self.out.overflow_told, true) {
            self.shared.event(Event::SequenceOverflow { seq });
        }
    }

    /// Builds the next transmission: it stands in `out.last`. Returns its length, or of its first datagram.
    fn next_transmission(&mut self) -> Option<usize> {
        if self.shared.config.silent || self.is_closed() {
            return None;
        }
        if self.out.stalled_until.is_some_and(|until| until > self.shared.now) {
            return None;
        }
        self.out.stalled_until = None;
        if self.out.burst >= self.shared.config.max_burst {
            return None;
        }
        if let Some(&(_, sent)) = self.out.retry.front() {
            self.out.last = Some(sent);
            self.leaves(sent.len);
            return Some(sent.len);
        }
        let len = self.next_control().or_else(|| self.next_bulk());
        if let Some(len) = len {
            self.leaves(len);
            if self.shared.config.max_segments > 1 {
                self.gather();
            }
        }
        if !self.streams.has_data() {
            self.phase.drained(self.shared.now);
        }
        len
    }

    /// Control packets leave before everything else (S19, RMC-SEND-5).
    fn next_control(&mut self) -> Option<usize> {
        if let Some(index) = self.out.table_due.take()
            && let Some(len) = self.build_table(self.shared.config.group, index)
        {
            return Some(len);
        }
        if core::mem::take(&mut self.out.announce_due) {
            let interval = micros(self.announce_interval());
            let promise = Promise { index: NO_PROMISE, interval, end: false };
            return self.build_heartbeat(GROUP, self.shared.config.group, promise);
        }
        while let Some(place) = self.streams.next_control() {
            let len = self.stream_control(place);
            self.streams.touched(place, &self.shared);
            if len.is_some() {
                return len;
            }
        }
        if let Some(len) = self.next_request() {
            return Some(len);
        }
        while let Some(aside) = self.out.asides.pop_front() {
            if let Some(len) = self.build_aside(aside) {
                return Some(len);
            }
        }
        None
    }

    #[inline(never)]
    fn stream_control(&mut self, place: u32) -> Option<usize> {
        let stream = self.streams.get_mut(place)?;
        let destination = stream.destination;
        if stream.reset_due {
            let seq = stream.send_reset(&mut self.shared);
            return self.build_reset(place, destination, seq, 0);
        }
        let now = self.shared.now;
        if stream.beats.is_due() || stream.telling_due {
            stream.log.drop_aged(&mut self.shared);
            let promise = if stream.beats.is_due() {
                stream.beats.leave(now, &self.shared.config.heartbeat_times)
            } else {
                stream.beats.aside(now)
            };
            let len = self.build_heartbeat(place, destination, promise);
            if place == GROUP {
                self.streams.told(now);
                self.beat();
            }
            return len;
        }
        let answer = stream.repairs.next_answer(&stream.log, now)?;
        self.build_answer(place, answer)
    }

    /// NACKs and Acks to the senders that this node follows.
    fn next_request(&mut self) -> Option<usize> {
        if !self.shared.active {
            return None;
        }
        while let Some((slot, id)) = self.peers.next_sending() {
            let len = self.stream_request(slot, id);
            self.peers.sent(&self.shared);
            if len.is_some() {
                return len;
            }
        }
        None
    }

    #[inline(never)]
    fn stream_request(&mut self, slot: u32, id: u64) -> Option<usize> {
        let heartbeat = self.streams.group().beats.index();
        let own_epoch = self.shared.config.epoch;
        let peer = self.peers.get_mut(slot)?;
        let (destination, target_epoch, rtt, cookie) = (peer.address, peer.epoch, peer.rtt, peer.cookie);
        let rtt_micros = rtt.smoothed().map_or(0, micros).min(MAX_RTT_MICROS);
        let followed = peer.stream_by_id(id)?;
        let stream = followed.owner().stream;
        let flags = flags_of(stream);
        if let Some((seq, window)) = followed.take_ack(&mut self.shared) {
            let body = Body::Ack { target_epoch, window, rtt: rtt_micros };
            let packet = Packet { flags, heartbeat, epoch: own_epoch, seq, extension: None, body };
            return self.build(&packet, destination, Note::Ack);
        }
        let mut rtt = rtt;
        let ask = followed.ask(&mut rtt, &mut self.shared);
        peer.rtt = rtt;
        let ask = ask?;
        let ranges = ask.ranges.as_ranges();
        let body = Body::Nack { target_epoch, stamp: ask.stamp, cookie, rtt: rtt_micros, ranges };
        let packet = Packet { flags, heartbeat, epoch: own_epoch, seq: ask.first, extension: None, body };
        self.build(&packet, destination, Note::Nack { stream, count: ask.count })
    }

    /// Repairs and data, in turn while both wait (S19, RMC-REPAIR-10).
    fn next_bulk(&mut self) -> Option<usize> {
        loop {
            let (repair, has_data) = (self.streams.coming_repair(&mut self.shared), self.streams.has_data());
            if repair.is_none() && !has_data {
                return None;
            }
            let data_turn = has_data && self.is_data_s_turn(repair);
            if self.pacing.is_limited() {
                let len = if data_turn { self.streams.next_data_len() } else { repair.map_or(0, |next| next.len) };
                self.out.paced_until = self.pacing.wait(len, self.shared.now);
                if self.out.paced_until.is_some() {
                    self.note_rate_limit();
                    return None;
                }
            }
            let place = if data_turn { self.streams.next_data()? } else { self.streams.next_repair()? };
            let len = if data_turn { self.next_data(place) } else { self.next_repair(place) };
            if data_turn {
                self.streams.data_sent(place, &self.shared);
            } else {
                self.streams.touched(place, &self.shared);
            }
            if len.is_some() {
                return len;
            }
        }
    }

    /// Whether data that waits is next. A repair that the data itself has to wait for in the end, as receivers do not let
    /// it go on by more than their windows without it, gets more than its share (RMC-REPAIR-18).
    #[inline]
    fn is_data_s_turn(&mut self, repair: Option<Next>) -> bool {
        let ackers = &self.peers.ackers;
        let is_waited_for = repair.and_then(|next| next.common).is_some_and(|seq| ackers.waits_for(seq));
        self.streams.flow.set_urgent(is_waited_for && self.streams.is_group_next());
        repair.is_none_or(|next| self.streams.flow.is_data_s_turn(next.len))
    }

    #[inline(never)]
    fn next_repair(&mut self, place: u32) -> Option<usize> {
        let answer = self.streams.send_repair(place, &self.shared)?;
        let len = self.build_answer(place, answer)?;
        self.streams.flow.repair_left(len, self.streams.has_data());
        if let Some(adaptive) = &mut self.adaptive {
            adaptive.repair_left();
        }
        Some(len)
    }

    pub(super) fn next_data(&mut self, place: u32) -> Option<usize> {
        let stream = self.streams.get_mut(place)?;
        let destination = stream.destination;
        if let Some(hole) = stream.untold_hole() {
            stream.hole_told = true;
            return self.build_lost(place, destination, hole, 0);
        }
        let at = stream.send_next(&mut self.shared)?;
        let len = self.build_data(place, at, destination, Flags::NONE, Note::Data(place))?;
        self.streams.data_left(len, || self.peers.census(), &self.shared);
        if self.adaptive.is_some() {
            self.adapt_rate();
        }
        Some(len)
    }

    /// A datagram of `len` bytes is about to leave.
    pub(super) fn leaves(&mut self, len: usize) {
        self.pacing.spend(len, self.shared.now);
        self.out.burst += 1;
    }

    pub(super) fn bytes_of(&self, sent: &Sent) -> &[u8] {
        let bytes = match sent.bytes {
            Source::Scratch => self.out.scratch.get(..sent.len),
            Source::Log { stream, place } => {
                self.streams.get(stream).and_then(|stream| stream.log.look_up(place, sent.seq)).map(Logged::datagram)
            }
            Source::Retry => self.out.retry.front().map(|(bytes, _)| bytes.as_slice()),
            Source::Segments(_) => Some(self.out.gathered.as_slice()),
        };
        bytes.unwrap_or_default()
    }

    /// Before the first data: more rarely the more peers there are, but always sooner than anybody expires (S22).
    fn announce_interval(&self) -> Duration {
        let config = &self.shared.config;
        let last = config.heartbeat_times.last().copied().unwrap_or_default();
        let peers = u32::try_from(self.peers.len()).unwrap_or(u32::MAX);
        last.max(ANNOUNCE_SPACING.saturating_mul(peers))
            .min(MAX_ANNOUNCE_INTERVAL)
            .min(config.peer_timeout / 3)
            .max(Duration::from_millis(1))
    }

    fn has_pending(&self) -> bool {
        let out = &self.out;
        out.has_retry()
            || out.table_due.is_some()
            || out.announce_due
            || !out.asides.is_empty()
            || self.streams.has_control()
            || self.streams.has_repairs()
            || self.streams.has_data()
            || (self.shared.active && self.peers.next_sending().is_some())
    }

    fn deadline(&self, pending: bool) -> Option<Instant> {
        if self.is_closed() {
            return None;
        }
        let waits = !self.shared.config.silent && pending;
        let pending = waits.then(|| self.out.stalled_until.or(self.out.paced_until).unwrap_or(self.shared.now));
        let streams = earlier(earlier(self.peers.deadline(), self.peers.ackers.deadline()), self.streams.deadline());
        let resumes = earlier(self.resumes_at(), self.announce_at);
        earlier(earlier(streams, resumes), earlier(self.closes_at(), pending))
    }
}
