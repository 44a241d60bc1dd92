//! One stream that this node sends: to the group, or to one other node (S18). Both are this one piece.

use core::net::SocketAddr;
use core::time::Duration;

use super::ackers::reach;
use super::heartbeats::Heartbeats;
use super::log::Log;
use super::repairs::Repairs;
use crate::config::{Config, FlowControl};
use crate::error::SendError;
use crate::event::Stream;
use crate::packet::Flags;
use crate::seq::{MAX_SEQ, SeqRange};
use crate::shared::Shared;
use crate::time::{Instant, earlier};

#[derive(Clone)]
pub(crate) struct SendStream {
    pub(crate) kind: Stream,
    pub(crate) destination: SocketAddr,
    pub(crate) log: Log,
    pub(crate) beats: Heartbeats,
    pub(crate) repairs: Repairs,
    /// A Reset must be sent before anything else of this stream (S16).
    pub(crate) reset_due: bool,
    /// The group must be told of its backoff and size now, or at this time.
    pub(crate) telling_due: bool,
    pub(crate) tells_at: Option<Instant>,
    /// The hole just before the next packet was announced (F10).
    pub(crate) hole_told: bool,
    /// The node finishes: when the queue is empty, the end is announced.
    ending: bool,
    /// The highest number that may leave now, as far as receivers take it (RMC-FLOW-1).
    pub(crate) limit: u64,
    /// Since when what waits has had to wait for them.
    blocked_since: Option<Instant>,
    /// A private stream's highest number that its receiver acknowledged.
    acked: u64,
    /// Since when a private stream's receiver has owed an acknowledgement and given no sign.
    waiting_since: Instant,
    /// Whether it stands in the queues of what polls look at.
    pub(crate) in_control: bool,
    pub(crate) in_repairs: bool,
    pub(crate) in_data: bool,
}

impl SendStream {
    /// A stream whose first number is `floor` + 1.
    pub(crate) fn new(kind: Stream, destination: SocketAddr, floor: u64, shared: &Shared) -> Self {
        Self {
            kind,
            destination,
            log: Log::new(floor),
            beats: Heartbeats::default(),
            repairs: Repairs::new(kind, shared.config.seed),
            reset_due: floor > 0,
            telling_due: false,
            tells_at: None,
            hole_told: false,
            ending: false,
            limit: match kind {
                Stream::Group => u64::MAX,
                Stream::Private => limit_of(floor, u32::MAX, &shared.config),
            },
            blocked_since: None,
            acked: floor,
            waiting_since: shared.now,
            in_control: false,
            in_repairs: false,
            in_data: false,
        }
    }

    /// The flag that every packet of this stream carries.
    pub(crate) const fn flags(&self) -> Flags {
        match self.kind {
            Stream::Group => Flags::NONE,
            Stream::Private => Flags::PRIVATE,
        }
    }

    /// Puts a message into a packet that waits, if there is one that takes it. Returns that packet's number.
    #[inline]
    pub(crate) fn pack(&mut self, payload: &[u8], shared: &mut Shared) -> Option<u64> {
        let seq = self.log.pack(payload, shared)?;
        shared.stats.tx.messages += 1;
        shared.stats.tx.packed += 1;
        Some(seq)
    }

    /// Puts a message into the queue, in as many packets as it takes; all of it or nothing. Returns the number of the
    /// last one.
    pub(crate) fn enqueue(&mut self, at: Option<u64>, payload: &[u8], shared: &mut Shared) -> Result<u64, SendError> {
        let config = &shared.config;
        let (len, max) = (payload.len(), config.max_message);
        if len > max {
            return Err(SendError::TooLarge { len, max });
        }
        let next = self.log.last_given() + 1;
        let first = at.unwrap_or(next);
        if first < next {
            return Err(SendError::SequencePassed { seq: first, next });
        }
        let max_payload = config.max_payload();
        let fragments = if len <= max_payload { 1 } else { len.div_ceil(max_payload) };
        let last = first.saturating_add(fragments as u64 - 1);
        if last > MAX_SEQ {
            return Err(SendError::SequenceExhausted);
        }
        let queued = self.log.queued();
        if queued.packets + fragments > config.send_queue_packets || queued.bytes + len > config.send_queue_bytes {
            return Err(SendError::Full);
        }
        if self.is_acknowledged() {
            self.waiting_since = shared.now;
        }
        for index in 0..fragments {
            let mut flags = self.flags();
            if index == 0 {
                flags |= Flags::FIRST;
            }
            if index + 1 == fragments {
                flags |= Flags::LAST;
            }
            let begin = index * max_payload;
            let part = payload.get(begin..len.min(begin + max_payload)).unwrap_or_default();
            self.log.push(first + index as u64, flags, part, shared);
        }
        shared.stats.tx.messages += 1;
        Ok(last)
    }

    /// Whether something must be sent before any data.
    pub(crate) fn has_control(&self) -> bool {
        self.reset_due || self.beats.is_due() || self.telling_due || self.repairs.has_answers()
    }

    /// Whether a data packet may leave now.
    pub(crate) fn has_data(&self, shared: &Shared) -> bool {
        !self.is_empty() && self.has_room() && !self.is_held(shared)
    }

    /// As [`has_data`](Self::has_data), and notes since when what waits has had to wait for receivers.
    #[inline]
    pub(crate) fn may_send(&mut self, shared: &Shared) -> bool {
        if self.is_empty() {
            self.blocked_since = None;
            return false;
        }
        if !self.has_room() {
            self.blocked_since.get_or_insert(shared.now);
            self.ask_for_room(shared);
            return false;
        }
        self.blocked_since = None;
        !self.is_held(shared)
    }

    /// Since when what waits has had to wait for receivers.
    pub(crate) const fn blocked_since(&self) -> Option<Instant> {
        self.blocked_since
    }

    /// Whether receivers have room for a packet. Behind a hole too one may leave as long as they have room for one: how
    /// far it is makes no difference to them (RMC-FLOW-8).
    #[inline]
    const fn has_room(&self) -> bool {
        self.log.last_sent() < self.limit
    }

    /// Whether what waits does so for more to be packed with it.
    #[inline]
    fn is_held(&self, shared: &Shared) -> bool {
        self.log.held_until(&shared.config).is_some_and(|until| until > shared.now)
    }

    fn is_empty(&self) -> bool {
        self.log.queued().packets == 0
    }

    /// The hole before the next packet, if the group does not know of it yet.
    pub(crate) fn untold_hole(&self) -> Option<SeqRange> {
        if self.hole_told { None } else { self.log.hole_before_next() }
    }

    /// The next data packet leaves: returns its place in the log.
    pub(crate) fn send_next(&mut self, shared: &mut Shared) -> Option<usize> {
        let (place, reset_after) = self.log.move_to_backlog(shared)?;
        self.hole_told = false;
        self.reset_due |= reset_after;
        self.beats.data_left(shared.now, &shared.config.heartbeat_times);
        self.announce_end_if_done();
        Some(place)
    }

    /// What the group must be told of becomes due when its time has come.
    pub(crate) fn tell_if_due(&mut self, now: Instant) {
        if self.tells_at.is_some_and(|at| at <= now) {
            self.tells_at = None;
            self.telling_due = true;
        }
    }

    /// The Reset leaves: the backlog is gone. Returns the number after which the stream goes on.
    pub(crate) fn send_reset(&mut self, shared: &mut Shared) -> u64 {
        self.reset_due = false;
        self.log.drop_up_to(u64::MAX, shared);
        self.log.last_sent()
    }

    /// An Ack of a private stream (S17, S18; RMC-ACK-2, RMC-PRIV-4). Returns whether it names a number that was sent.
    pub(crate) fn acknowledge(&mut self, seq: u64, window: u32, shared: &mut Shared) -> bool {
        if seq > self.log.last_sent() {
            return false;
        }
        self.waiting_since = shared.now;
        if seq >= self.acked {
            self.limit = limit_of(seq, window, &shared.config);
        }
        self.acked = self.acked.max(seq);
        self.log.drop_up_to(self.acked, shared);
        if self.is_acknowledged() && !self.reset_due {
            self.beats.stop();
            if self.ending {
                self.beats.skip_end();
            }
        }
        true
    }

    /// The receiver of a private stream gave a sign.
    pub(crate) fn heard(&mut self, now: Instant) {
        self.waiting_since = now;
    }

    /// Whether everything that was ever given is acknowledged.
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.acked >= self.log.last_given()
    }

    /// What the receiver of a private stream has not acknowledged.
    pub(crate) fn unacknowledged(&self) -> Option<SeqRange> {
        SeqRange::new(self.acked + 1, self.log.last_given())
    }

    /// Since when a private stream has been idle or waiting.
    pub(crate) const fn waiting_since(&self) -> Instant {
        self.waiting_since
    }

    /// Announces the end once the queue is empty (S31). Without anything to end, there is none.
    pub(crate) fn end(&mut self, announced: bool) {
        if self.ending {
            return;
        }
        self.ending = true;
        self.log.seal();
        let nothing_sent = self.log.last_given() == 0 && !announced;
        let all_acknowledged = self.kind == Stream::Private && self.is_acknowledged();
        if nothing_sent || all_acknowledged {
            self.beats.skip_end();
            return;
        }
        self.announce_end_if_done();
    }

    /// When it needs `handle_timeout` next.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        let abandon = self.abandon_at(config.peer_timeout);
        earlier(earlier(self.beats.deadline(), self.tells_at), abandon)
    }

    /// When a private stream whose receiver owes an acknowledgement is dropped (RMC-PRIV-5).
    pub(crate) fn abandon_at(&self, timeout: Duration) -> Option<Instant> {
        (self.kind == Stream::Private && !self.is_acknowledged()).then(|| self.waiting_since + timeout)
    }

    /// What opens the window again may be lost, and a private stream that is acknowledged has no heartbeats that bring it
    /// once more (RMC-PRIV-4): they begin again.
    fn ask_for_room(&mut self, shared: &Shared) {
        if self.kind == Stream::Private && !self.beats.is_running() && !shared.config.silent {
            self.beats.begin(shared.now, &shared.config.heartbeat_times, 0);
        }
    }

    fn announce_end_if_done(&mut self) {
        if self.ending && self.is_empty() {
            self.beats.end();
        }
    }
}

/// How far a private stream may go on whose receiver has everything up to `position`, and room for `window` packets.
fn limit_of(position: u64, window: u32, config: &Config) -> u64 {
    if config.flow_control == FlowControl::None {
        return u64::MAX;
    }
    position.saturating_add(reach(config).min(window.into()))
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for SendStream {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self {
            kind,
            destination,
            log,
            beats,
            repairs,
            reset_due,
            hole_told,
            ending,
            limit,
            blocked_since,
            acked,
            waiting_since,
            telling_due,
            tells_at,
            in_control,
            in_repairs,
            in_data,
        } = self;
        to.put(&(*kind, *destination));
        to.put(log);
        to.put(beats);
        to.put(repairs);
        to.put(&((*reset_due, *hole_told), (*ending, *telling_due)));
        to.put(&tells_at.is_some());
        to.ahead(*tells_at);
        to.put(limit);
        to.put(blocked_since);
        // The group is never waited for.
        if *kind == Stream::Private {
            to.put(&(*acked, *waiting_since));
        }
        to.put(&((*in_control, *in_repairs), *in_data));
    }
}
