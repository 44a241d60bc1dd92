//! The protocol: a state machine that is fed packets and times, and returns actions.

use core::net::SocketAddr;
use core::time::Duration;

use crate::action::Action;
use crate::config::{Config, JoinPolicy};
use crate::error::{ConfigError, HeartbeatTimesError, SendError};
use crate::event::{Path, Received};
use crate::stats::{PeerInfo, SendCapacity, Stats};
use crate::time::Instant;

/// A node (see the crate's docs).
#[derive(Clone)]
pub struct Protocol {
    config: Config,
}

#[expect(unused_variables, clippy::unimplemented, clippy::needless_pass_by_value, reason = "skeleton")]
impl Protocol {
    /// A node that is active at once.
    ///
    /// # Errors
    ///
    /// The first rule of [`Config`] that is broken.
    pub fn new(config: Config, now: Instant) -> Result<Self, ConfigError> {
        unimplemented!()
    }

    /// Input: a datagram came. Infallible: a hostile one moves a counter and nothing else.
    pub fn handle_datagram(&mut self, now: Instant, source: SocketAddr, path: Path, bytes: &[u8]) {}

    /// Input: time has passed. Spurious calls are harmless.
    pub fn handle_timeout(&mut self, now: Instant) {}

    /// Input: a message for the group. Returns the number of the packet that holds its end.
    ///
    /// # Errors
    ///
    /// `Full` is backpressure; the others say what is wrong with the call.
    pub fn send(&mut self, now: Instant, payload: &[u8]) -> Result<u64, SendError> {
        unimplemented!()
    }

    /// Input: a message for one node, on a private stream (S18). Returns that stream's number.
    ///
    /// # Errors
    ///
    /// As `send`, and `TooManyPrivate`, `InvalidDestination`.
    pub fn send_to(&mut self, now: Instant, peer: SocketAddr, payload: &[u8]) -> Result<u64, SendError> {
        unimplemented!()
    }

    /// Input: as `send`, with the number of its first packet; the numbers skipped are announced as lost (S18, F10).
    ///
    /// # Errors
    ///
    /// As `send`, and `SequencePassed`.
    pub fn send_at(&mut self, now: Instant, seq: u64, payload: &[u8]) -> Result<u64, SendError> {
        unimplemented!()
    }

    /// Input: takes the next item of any peer's stream. Frees receive window, so drain after it (or call it in the drain).
    pub fn recv(&mut self) -> Option<Received<'_>> {
        None
    }

    /// Input: receivers shall forget what went before: takes effect behind what is queued (S16).
    ///
    /// # Errors
    ///
    /// `Silent` or `Finished`.
    pub fn reset(&mut self, now: Instant) -> Result<(), SendError> {
        unimplemented!()
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
        unimplemented!()
    }

    /// Input: never send again, or do (S28).
    pub fn set_silent(&mut self, now: Instant, silent: bool) {}

    /// Input: where to begin with senders that are new from now on (S10).
    pub fn set_join_policy(&mut self, policy: JoinPolicy) {}

    /// Input: follow streams again; the driver has joined the group (S30).
    pub fn activate(&mut self, now: Instant) {}

    /// Input: stop following streams; the driver leaves the group (S30). Sending goes on.
    pub fn deactivate(&mut self, now: Instant) {}

    /// Input: the node's own addresses have changed, at most 16 (S03, S32).
    ///
    /// # Errors
    ///
    /// `TooManyLocalAddresses`; nothing changes then.
    pub fn set_local_addr(&mut self, addresses: &[SocketAddr]) -> Result<(), ConfigError> {
        unimplemented!()
    }

    /// Input: the last `Transmit` could not be sent. With `retry` it comes back after 10 ms, without it counts as lost on the way (F19).
    /// Legal until the next `poll_action`; otherwise nothing happens.
    pub fn transmit_failed(&mut self, now: Instant, retry: bool) {}

    /// Input: forget a peer (S27). `recv` reports what its streams still had. Returns whether it was known.
    pub fn remove_peer(&mut self, now: Instant, peer: SocketAddr) -> bool {
        false
    }

    /// Input: send what waits, announce the end, serve repairs for `linger` after the last NACK (at most 10 times as long), close (S31).
    pub fn finish(&mut self, now: Instant, linger: Duration) {}

    /// Input: stop at once. What `recv` has ready stays readable; everything else is dropped (S31, F23).
    pub fn close(&mut self, now: Instant) {}

    /// Output: what to do next. Call it until it says `ArmTimer`, which is always the last of a drain.
    pub fn poll_action(&mut self) -> Action<'_> {
        Action::ArmTimer(None)
    }

    /// Query: what is known of a peer.
    #[must_use]
    pub fn peer(&self, address: SocketAddr) -> Option<PeerInfo> {
        None
    }

    /// Query: all peers, in the order of a table that is the same for the same inputs.
    pub fn peers(&self) -> impl Iterator<Item = PeerInfo> + '_ {
        core::iter::empty()
    }

    /// Query: all counters.
    #[must_use]
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Query: the number that the next message to the group begins with.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        1
    }

    /// Query: how much `send` takes now.
    #[must_use]
    pub fn send_capacity(&self) -> SendCapacity {
        SendCapacity { packets: 0, bytes: 0 }
    }

    /// Query: the most payload of one datagram, in bytes: what is longer is fragmented.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.config.max_payload()
    }

    /// Query: the longest message, in bytes.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.config.max_message
    }

    /// Query: the configuration, as it stands now.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Query: whether streams are followed (S30).
    #[must_use]
    pub fn is_active(&self) -> bool {
        true
    }

    /// Query: whether the node is closed: no output will ever come again (F23).
    #[must_use]
    pub fn is_closed(&self) -> bool {
        false
    }
}
