//! The protocol: a state machine that is fed packets and times, and returns actions.
//!
//! Here and below what is rare stands out of line (`inline(never)`): inlined, its variables made the frame of the
//! functions that every packet passes five times as large, and a packet a fifth dearer.

mod build;
#[cfg(feature = "sim")]
mod fingerprint;
mod finish;
mod heed;
mod input;
mod outgoing;
mod output;
mod rate;
mod segments;
mod serve;

use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use crate::config::{
    Config, JoinPolicy, MAX_LOCAL_ADDRS, MAX_SOCKET_PACKETS, MIN_SOCKET_PACKETS, validate_heartbeat_times,
};
use crate::error::{ConfigError, HeartbeatTimesError, SendError};
use crate::event::Received;
use crate::inbox::Taken;
use crate::receiver::Peers;
use crate::sender::{AdaptiveRate, Cookies, GROUP, Pacing, SendStreams};
use crate::seq::SeqRange;
use crate::shared::Shared;
#[cfg(feature = "sim")]
use crate::sim::Memory;
use crate::stats::{HeldStats, PeerInfo, SendCapacity, Stats};
use crate::time::Instant;
use finish::Phase;
use outgoing::Outgoing;
pub(crate) use segments::MAX_SEGMENTS;

/// A node: both a sender and a receiver of its group.
///
/// It owns no socket, reads no clock and has no thread. Its methods fall into three classes:
///
/// - **Inputs** change state: [`handle_datagram`](Self::handle_datagram), [`handle_timeout`](Self::handle_timeout),
///   [`send`](Self::send), [`send_to`](Self::send_to), [`send_at`](Self::send_at), [`flush`](Self::flush),
///   [`recv`](Self::recv), [`recv_into`](Self::recv_into), [`take`](Self::take), [`give_back`](Self::give_back),
///   [`reset`](Self::reset), [`set_heartbeat_times`](Self::set_heartbeat_times), [`set_silent`](Self::set_silent),
///   [`set_join_policy`](Self::set_join_policy), [`set_max_segments`](Self::set_max_segments),
///   [`set_socket_packets`](Self::set_socket_packets), [`segments_left`](Self::segments_left),
///   [`activate`](Self::activate), [`deactivate`](Self::deactivate), [`set_local_addr`](Self::set_local_addr),
///   [`transmit_failed`](Self::transmit_failed), [`remove_peer`](Self::remove_peer), [`finish`](Self::finish),
///   [`close`](Self::close).
/// - **Output**: [`poll_action`](Self::poll_action). Whatever leaves is built when polled, from pending state, so that
///   obsolete work is never sent and no queue of packets exists. [`swap_segments`](Self::swap_segments) takes over the
///   bytes of what was polled last.
/// - **Queries** change nothing: all others.
///
/// The contract: after one or more inputs call `poll_action` until it returns
/// [`Action::ArmTimer`](crate::Action::ArmTimer), and call `handle_timeout` at the time that this names. Times come
/// from one monotonic clock; one that goes backwards is clamped. The same inputs give the same outputs, byte for byte,
/// on every platform. `Clone` copies the whole state, so that it can be run on two ways.
///
/// A panic is a bug: no datagram and no call causes one.
#[derive(Clone)]
pub struct Protocol {
    shared: Shared,
    peers: Peers,
    streams: SendStreams,
    pacing: Pacing,
    adaptive: Option<AdaptiveRate>,
    cookies: Cookies,
    out: Outgoing,
    phase: Phase,
    /// When the next Heartbeat before the first data is due (S22).
    announce_at: Option<Instant>,
    /// When a Heartbeat answered somebody who is no peer (F13).
    stranger_answered: Option<Instant>,
    address_in_use_told: bool,
    /// Whether the application was told last that data waits for the token bucket.
    rate_limited: bool,
}

impl Protocol {
    /// A node that is active at once.
    ///
    /// # Errors
    ///
    /// The first rule of [`Config`] that is broken.
    pub fn new(config: Config, now: Instant) -> Result<Self, ConfigError> {
        config.validate()?;
        let mut config = config;
        if config.silent {
            config.join_policy = JoinPolicy::Now;
        }
        let shared = Shared::new(config, now);
        let adaptive = AdaptiveRate::new(&shared.config);
        let rate = adaptive.map(|adaptive| adaptive.get()).or(shared.config.max_rate);
        Ok(Self {
            peers: Peers::new(&shared),
            streams: SendStreams::new(&shared),
            pacing: Pacing::new(rate, shared.config.rate_burst, shared.now),
            adaptive,
            cookies: Cookies::new(shared.config.seed),
            out: Outgoing::new(&shared.config),
            phase: Phase::Open,
            announce_at: (shared.config.announce && !shared.config.silent).then_some(shared.now),
            stranger_answered: None,
            address_in_use_told: false,
            rate_limited: false,
            shared,
        })
    }

    /// Input: a message for the group. Returns the number of the packet that holds its end.
    ///
    /// # Errors
    ///
    /// `Full` is backpressure; the others say what is wrong with the call.
    pub fn send(&mut self, now: Instant, payload: &[u8]) -> Result<u64, SendError> {
        self.input(now);
        self.enqueue(GROUP, None, payload)
    }

    /// Input: a message for one node, on a private stream (S18). Returns that stream's number.
    ///
    /// # Errors
    ///
    /// As `send`, and `TooManyPrivate`, `InvalidDestination`.
    pub fn send_to(&mut self, now: Instant, peer: SocketAddr, payload: &[u8]) -> Result<u64, SendError> {
        self.input(now);
        self.may_send()?;
        if peer == self.shared.config.group || self.shared.config.local_addrs.contains(&peer) {
            return Err(SendError::InvalidDestination(peer));
        }
        let max = self.shared.config.max_message;
        if payload.len() > max {
            return Err(SendError::TooLarge { len: payload.len(), max });
        }
        let place = self.streams.make_private(peer, &mut self.shared)?;
        self.enqueue(place, None, payload)
    }

    /// Input: as `send`, with the number of its first packet; the numbers skipped are announced as lost (S18, F10).
    ///
    /// # Errors
    ///
    /// As `send`, and `SequencePassed`.
    pub fn send_at(&mut self, now: Instant, seq: u64, payload: &[u8]) -> Result<u64, SendError> {
        self.input(now);
        self.enqueue(GROUP, Some(seq), payload)
    }

    /// Input: takes the next item of any peer's stream. Frees receive window, so drain after it (or call it in the
    /// drain).
    pub fn recv(&mut self) -> Option<Received<'_>> {
        self.advance_inbox()?;
        self.shared.inbox.lend()
    }

    /// Input: as [`recv`](Self::recv), but hands over all messages of a packet at once. [`give_back`](Self::give_back)
    /// their memory, or it is allocated anew. What was handed over is in no window any more: do not keep many.
    pub fn take(&mut self) -> Option<Taken> {
        self.advance_inbox()?;
        self.shared.inbox.hand_over()
    }

    /// Input: the memory of what [`take`](Self::take) handed over, for later use.
    pub fn give_back(&mut self, taken: Taken) {
        if let Some(buffer) = taken.into_buffer() {
            self.shared.pool.put(buffer);
        }
    }

    /// Takes the next item of the inbox for lending, unless the one being lent has more.
    #[inline]
    fn advance_inbox(&mut self) -> Option<()> {
        if !self.shared.inbox.has_record() {
            let (owner, message) = self.shared.inbox.advance(&mut self.shared.pool)?;
            if let Some(bytes) = message {
                self.shared.received_packets -= 1;
                self.shared.received_bytes -= bytes;
            }
            self.peers.released(owner, message, &mut self.shared);
        }
        Some(())
    }

    /// Input: as [`recv`](Self::recv), with a message's payload in `buffer`, in place of what was in there, and lent
    /// from there: it stays when the next one is taken. Nothing is allocated where the buffer has the capacity.
    pub fn recv_into<'a>(&'a mut self, buffer: &'a mut Vec<u8>) -> Option<Received<'a>> {
        let received = self.recv()?;
        let Received::Message { peer, stream, path, seq, index, payload } = received else { return Some(received) };
        buffer.clear();
        buffer.extend_from_slice(payload);
        Some(Received::Message { peer, stream, path, seq, index, payload: buffer })
    }

    /// Input: what waits for more to be packed with it (`flush_after`) waits no longer.
    pub fn flush(&mut self, now: Instant) {
        self.input(now);
        self.streams.seal(&self.shared);
    }

    /// Input: receivers shall forget what went before: takes effect behind what is queued (S16).
    ///
    /// # Errors
    ///
    /// `Silent` or `Finished`.
    pub fn reset(&mut self, now: Instant) -> Result<(), SendError> {
        self.input(now);
        self.may_send()?;
        if let Some(group) = self.streams.get_mut(GROUP)
            && group.log.reset_behind_queue()
        {
            group.reset_due = true;
        }
        self.streams.touched(GROUP, &self.shared);
        Ok(())
    }

    /// Input: changes the heartbeat table and the index in use, and tells everybody (S24).
    ///
    /// # Errors
    ///
    /// A table or index that cannot work; nothing changes then.
    pub fn set_heartbeat_times(
        &mut self,
        now: Instant,
        times: &[Duration],
        index: usize,
    ) -> Result<(), HeartbeatTimesError> {
        let config = &self.shared.config;
        validate_heartbeat_times(times, index, config.peer_timeout, config.max_datagram)?;
        self.input(now);
        self.shared.config.heartbeat_times = times.to_vec();
        self.streams.table_changed(index, &self.shared);
        if !self.is_closed() {
            self.out.table_changed(index);
        }
        Ok(())
    }

    /// Input: never send again, or do (S28).
    pub fn set_silent(&mut self, now: Instant, silent: bool) {
        self.input(now);
        if self.shared.config.silent == silent || self.is_closed() {
            return;
        }
        self.shared.config.silent = silent;
        if silent && !self.phase.is_open() {
            // It has nothing more to say, not even its end.
            self.complete();
            return;
        }
        if silent {
            self.shared.config.join_policy = JoinPolicy::Now;
            self.streams.fall_silent(&mut self.shared);
            self.out.drop_pending();
            self.announce_at = None;
        } else {
            self.streams.speak_again(&self.shared);
            self.announce();
        }
        self.peers.restart_gaps(&mut self.shared);
    }

    /// Input: where to begin with senders that are new from now on (S10). A silent node begins with what comes next all
    /// the same.
    pub fn set_join_policy(&mut self, policy: JoinPolicy) {
        self.shared.config.join_policy = policy;
    }

    /// Input: follow streams again; the driver has joined the group (S30).
    pub fn activate(&mut self, now: Instant) {
        self.input(now);
        if self.shared.active || self.is_closed() {
            return;
        }
        self.shared.active = true;
        self.peers.restart_timers(&mut self.shared);
        self.announce();
    }

    /// Input: stop following streams; the driver leaves the group (S30). Sending goes on.
    pub fn deactivate(&mut self, now: Instant) {
        self.input(now);
        self.shared.active = false;
    }

    /// Input: the node's own addresses have changed, at most 16 (S03, S32).
    ///
    /// # Errors
    ///
    /// `TooManyLocalAddresses`; nothing changes then.
    pub fn set_local_addr(&mut self, addresses: &[SocketAddr]) -> Result<(), ConfigError> {
        if addresses.len() > MAX_LOCAL_ADDRS {
            return Err(ConfigError::TooManyLocalAddresses(addresses.len()));
        }
        self.shared.config.local_addrs = addresses.to_vec();
        Ok(())
    }

    /// Input: how many packets the sockets' receive buffers hold from now on: see
    /// [`Config::socket_packets`](crate::Config::socket_packets). Brought into its bounds, 16 to 2^30. For a driver whose
    /// sockets change.
    pub fn set_socket_packets(&mut self, packets: usize) {
        self.shared.config.socket_packets = packets.clamp(MIN_SOCKET_PACKETS, MAX_SOCKET_PACKETS);
    }

    /// Input: forget a peer (S27). `recv` reports what its streams still had. Returns whether it was known.
    pub fn remove_peer(&mut self, now: Instant, peer: SocketAddr) -> bool {
        self.input(now);
        let sends = self.streams.private(peer);
        if let Some(place) = sends {
            self.streams.drop_private(place, &mut self.shared);
        }
        self.peers.remove(peer, &mut self.shared) || sends.is_some()
    }

    /// Query: what is known of a peer.
    #[must_use]
    pub fn peer(&self, address: SocketAddr) -> Option<PeerInfo> {
        let slot = self.peers.find_recent(address)?;
        self.peers.get(slot).map(|peer| peer.info(&self.shared))
    }

    /// Query: all peers, in the order of a table that is the same for the same inputs.
    pub fn peers(&self) -> impl Iterator<Item = PeerInfo> + '_ {
        self.peers.iter().map(|peer| peer.info(&self.shared))
    }

    /// Query: all counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats {
            held: HeldStats {
                peers: self.peers.len(),
                private_streams: self.streams.private_count(),
                queued_packets: self.shared.queued.packets,
                queued_bytes: self.shared.queued.bytes,
                backlog_packets: self.shared.kept.packets,
                backlog_bytes: self.shared.kept.bytes,
                receive_packets: self.shared.received_packets,
                receive_bytes: self.shared.received_bytes,
                readable: self.shared.inbox.len(),
            },
            ..self.shared.stats
        }
    }

    /// Query: how many items are ready for [`recv`](Self::recv), what lies in one packet counted once: as
    /// [`HeldStats::readable`], without copying all the counters.
    #[must_use]
    pub fn readable(&self) -> usize {
        self.shared.inbox.len()
    }

    /// Query: how many datagrams could not be sent and wait to be sent again (see
    /// [`transmit_failed`](Self::transmit_failed)).
    #[must_use]
    pub fn retrying(&self) -> usize {
        self.out.retry.len()
    }

    /// Query: the number of the next packet of the group's stream: what the next message begins with, unless it is
    /// packed with one that waits.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.streams.group().log.last_given() + 1
    }

    /// Query: how much `send` takes now.
    #[must_use]
    pub fn send_capacity(&self) -> SendCapacity {
        if self.may_send().is_err() {
            return SendCapacity { packets: 0, bytes: 0 };
        }
        let queued = self.streams.group().log.queued();
        SendCapacity {
            packets: self.shared.config.send_queue_packets - queued.packets,
            bytes: self.shared.config.send_queue_bytes - queued.bytes,
        }
    }

    /// Query: what the receiver of a private stream has not acknowledged yet; `None`: nothing, or there is no stream to
    /// it.
    #[must_use]
    pub fn unacknowledged(&self, peer: SocketAddr) -> Option<SeqRange> {
        self.streams.get(self.streams.private(peer)?)?.unacknowledged()
    }

    /// Query: the most payload of one datagram, in bytes: what is longer is fragmented.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.shared.config.max_payload()
    }

    /// Query: the longest message, in bytes.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.shared.config.max_message
    }

    /// Query: the configuration, as it stands now.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.shared.config
    }

    /// Query: whether streams are followed (S30).
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.shared.active && !self.is_closed()
    }

    /// Query: whether the node has finished and still tells its end or serves repairs (S31).
    #[must_use]
    pub fn is_finishing(&self) -> bool {
        !self.phase.is_open() && !self.phase.is_closed()
    }

    /// Query: whether the node is closed: no output will ever come again (F23).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.phase.is_closed()
    }

    /// Lets a simulation swap the memory that its nodes use in turn with this node's.
    #[cfg(feature = "sim")]
    pub(crate) fn swap_memory(&mut self, memory: &mut Memory) {
        memory.swap(&mut self.shared.pool, self.shared.inbox.items_mut());
    }

    /// Every input with a time: others had their turn, so that a new burst may leave (S20).
    fn input(&mut self, now: Instant) {
        self.shared.advance(now);
        self.out.new_burst();
    }

    /// Lets others know at once of a node that has sent nothing yet, if it announces itself (S22).
    fn announce(&mut self) {
        let config = &self.shared.config;
        if config.announce && !config.silent && self.phase.is_open() && self.streams.group().log.last_given() == 0 {
            self.announce_at = Some(self.shared.now);
        }
    }

    fn may_send(&self) -> Result<(), SendError> {
        if !self.phase.is_open() {
            return Err(SendError::Finished);
        }
        if self.shared.config.silent {
            return Err(SendError::Silent);
        }
        Ok(())
    }

    fn enqueue(&mut self, place: u32, at: Option<u64>, payload: &[u8]) -> Result<u64, SendError> {
        self.may_send()?;
        let Some(stream) = self.streams.get_mut(place) else { return Err(SendError::Finished) };
        if at.is_none()
            && let Some(seq) = stream.pack(payload, &mut self.shared)
        {
            self.streams.queued(place, &self.shared);
            return Ok(seq);
        }
        let seq = stream.enqueue(at, payload, &mut self.shared)?;
        if place == GROUP {
            self.announce_at = None;
        }
        self.streams.queued(place, &self.shared);
        Ok(seq)
    }
}
