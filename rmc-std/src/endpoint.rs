//! The endpoint: everything that a node can do.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use rmc_core::{Config, EventKind, HeartbeatTimesError, JoinPolicy, PeerInfo, SendCapacity, SendError, Stats};

use crate::batch::Batch;
use crate::builder::Builder;
use crate::driver::Owner;
use crate::error::{FlushError, ObserveError, RecvError, RecvTimeoutError, SocketChangeError, TryRecvError};
use crate::event::{Event, SocketStats};
use crate::handles::{Iter, Receiver, Sender, TryIter};
use crate::observers::ObserverId;
use crate::received::Received;

/// A node of a group: sends and receives on real sockets, with threads of its own (see the crate's docs).
///
/// All methods take `&self`: share it between threads by reference, by cloning it, or as its two halves. The endpoint
/// closes when its last handle ([`Endpoint`], [`Sender`], [`Receiver`]) is dropped: what still waits to be sent is lost
/// then, so call [`finish`](Self::finish) first.
#[derive(Clone, Debug)]
pub struct Endpoint {
    sender: Sender,
    receiver: Receiver,
}

/// Sending.
impl Endpoint {
    /// Options for a node of the group at `group`: a multicast address with the group's port, or one node's unicast
    /// address (S02).
    pub fn builder(group: SocketAddr) -> Builder {
        Builder::new(group)
    }

    /// See [`Sender::send`].
    ///
    /// # Errors
    ///
    /// Never `Full`; `Finished` after `finish` or `close`, also while it waits.
    pub fn send(&self, payload: &[u8]) -> Result<u64, SendError> {
        self.sender.send(payload)
    }

    /// See [`Sender::try_send`].
    ///
    /// # Errors
    ///
    /// `Full` if the queue has no room now.
    pub fn try_send(&self, payload: &[u8]) -> Result<u64, SendError> {
        self.sender.try_send(payload)
    }

    /// See [`Sender::send_timeout`].
    ///
    /// # Errors
    ///
    /// `Full` if the queue had no room in all that time.
    pub fn send_timeout(&self, payload: &[u8], timeout: Duration) -> Result<u64, SendError> {
        self.sender.send_timeout(payload, timeout)
    }

    /// See [`Sender::send_at`].
    ///
    /// # Errors
    ///
    /// `SequencePassed` if the number is below the next one.
    pub fn send_at(&self, seq: u64, payload: &[u8]) -> Result<u64, SendError> {
        self.sender.send_at(seq, payload)
    }

    /// See [`Sender::send_to`].
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `TooManyPrivate`, `InvalidDestination`.
    pub fn send_to(&self, peer: SocketAddr, payload: &[u8]) -> Result<u64, SendError> {
        self.sender.send_to(peer, payload)
    }

    /// See [`Sender::try_send_to`].
    ///
    /// # Errors
    ///
    /// `Full` if the queue has no room now.
    pub fn try_send_to(&self, peer: SocketAddr, payload: &[u8]) -> Result<u64, SendError> {
        self.sender.try_send_to(peer, payload)
    }

    /// See [`Sender::send_to_timeout`].
    ///
    /// # Errors
    ///
    /// `Full` if the queue had no room in all that time.
    pub fn send_to_timeout(&self, peer: SocketAddr, payload: &[u8], timeout: Duration) -> Result<u64, SendError> {
        self.sender.send_to_timeout(peer, payload, timeout)
    }

    /// See [`Sender::reset`].
    ///
    /// # Errors
    ///
    /// `Silent` or `Finished`.
    pub fn reset(&self) -> Result<(), SendError> {
        self.sender.reset()
    }

    /// See [`Sender::flush`].
    ///
    /// # Errors
    ///
    /// The time is over, the endpoint was closed before, or the node is silent.
    pub fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        self.sender.flush(timeout)
    }

    /// How much [`try_send`](Self::try_send) takes now.
    #[must_use]
    pub fn send_capacity(&self) -> SendCapacity {
        self.sender.send_capacity()
    }

    /// See [`Sender::next_seq`].
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.sender.next_seq()
    }

    /// See [`Sender::stable_seq`].
    #[must_use]
    pub fn stable_seq(&self) -> u64 {
        self.sender.stable_seq()
    }

    /// The longest message in bytes.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.sender.max_message()
    }

    /// The most payload of one datagram in bytes: what is longer is fragmented.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.sender.max_payload()
    }

    /// Changes the heartbeat table and the index in use, and tells everybody (S24).
    ///
    /// # Errors
    ///
    /// A table or index that cannot work; nothing changes then.
    pub fn set_heartbeat_times(&self, times: &[Duration], index: usize) -> Result<(), HeartbeatTimesError> {
        self.owner().input(|protocol, now| protocol.set_heartbeat_times(now, times, index))
    }

    /// Never send again, or do (S28). What waits to be sent waits until then; [`flush`](Self::flush) says so.
    pub fn set_silent(&self, silent: bool) {
        self.owner().input(|protocol, now| protocol.set_silent(now, silent));
    }
}

/// Receiving.
impl Endpoint {
    /// See [`Receiver::recv`].
    ///
    /// # Errors
    ///
    /// The endpoint is closed, and everything that it had is taken.
    pub fn recv(&self) -> Result<Received, RecvError> {
        self.receiver.recv()
    }

    /// See [`Receiver::recv_timeout`].
    ///
    /// # Errors
    ///
    /// `Timeout` if nothing came in that time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received, RecvTimeoutError> {
        self.receiver.recv_timeout(timeout)
    }

    /// See [`Receiver::try_recv`].
    ///
    /// # Errors
    ///
    /// `Empty` if nothing is there now.
    pub fn try_recv(&self) -> Result<Received, TryRecvError> {
        self.receiver.try_recv()
    }

    /// See [`Receiver::recv_batch`].
    ///
    /// # Errors
    ///
    /// `Timeout` if nothing came in that time; `Disconnected` once the endpoint is closed and all is taken.
    pub fn recv_batch(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), RecvTimeoutError> {
        self.receiver.recv_batch(batch, timeout)
    }

    /// Everything that comes, until the endpoint is closed.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        self.receiver.iter()
    }

    /// Everything that is there now.
    #[must_use]
    pub fn try_iter(&self) -> TryIter<'_> {
        self.receiver.try_iter()
    }

    /// Where to begin with senders that are new from now on (S10).
    pub fn set_join_policy(&self, policy: JoinPolicy) {
        self.owner().input(|protocol, _| protocol.set_join_policy(policy));
    }

    /// Follows streams again, and joins the group again (S30).
    ///
    /// On Linux an interface that was deleted and made again is another one, even with the same address: the node sends
    /// and hears nothing by it until this is called, whether or not it was deactivated before. An IPv6 group's interface
    /// is known by its index: it must have the same one again.
    ///
    /// # Errors
    ///
    /// The system refuses to join; nothing changes then.
    pub fn activate(&self) -> io::Result<()> {
        self.owner().activate()
    }

    /// Leaves the group and stops following streams (S30). Sending goes on, repairs included. A membership that has gone
    /// with its interface counts as left.
    ///
    /// # Errors
    ///
    /// The system refuses to leave; nothing changes then.
    pub fn deactivate(&self) -> io::Result<()> {
        self.owner().deactivate()
    }

    /// What is known of all peers.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        self.owner().query(|protocol| protocol.peers().collect())
    }

    /// What is known of one peer.
    #[must_use]
    pub fn peer(&self, address: SocketAddr) -> Option<PeerInfo> {
        self.owner().peer(address)
    }

    /// Forgets a peer (S27). `recv` reports what its streams still had. Returns whether it was known.
    pub fn remove_peer(&self, address: SocketAddr) -> bool {
        self.owner().remove_peer(address)
    }
}

/// Events beside the streams. Loss comes from [`recv`](Self::recv) too: nobody needs events to notice it.
impl Endpoint {
    /// Takes the next event; waits for one. All kinds that [`Builder::events`] names come, and every notice, but not
    /// `Readable`, which is what [`recv`](Self::recv) waits for.
    ///
    /// Events wait in a ring of `Config::event_ring`; those that find it full are not kept, which `EventsDropped`
    /// tells.
    ///
    /// # Errors
    ///
    /// The endpoint is closed, and everything that it had is taken.
    pub fn next_event(&self) -> Result<Event, RecvError> {
        self.owner().next_event(None).map_err(|_| RecvError)
    }

    /// As [`next_event`](Self::next_event), waiting at most so long.
    ///
    /// # Errors
    ///
    /// `Timeout` if nothing happened in that time.
    pub fn next_event_timeout(&self, timeout: Duration) -> Result<Event, RecvTimeoutError> {
        self.owner().next_event(Some(timeout))
    }

    /// As [`next_event`](Self::next_event), without waiting.
    ///
    /// # Errors
    ///
    /// `Empty` if nothing is there now.
    pub fn try_next_event(&self) -> Result<Event, TryRecvError> {
        self.owner().try_next_event()
    }

    /// Calls `callback` at every event of one kind from now on (S33). Parse the seed's names with `EventKind`'s
    /// `FromStr`.
    ///
    /// Callbacks run on a thread of their own, one at a time, in the order in which they were registered, and without
    /// any lock of the driver: they may call everything, also what waits. `Break` stops those that come after it,
    /// for this event. They do not take events away from `next_event`. Use the `Sender` that is lent for answering;
    /// one that is moved into the callback keeps the endpoint open until `unobserve` or `close`.
    ///
    /// # Errors
    ///
    /// The kind is not among [`Builder::events`], or the endpoint is closed.
    pub fn observe<F>(&self, kind: EventKind, callback: F) -> Result<ObserverId, ObserveError>
    where
        F: FnMut(&Event, &Sender) -> ControlFlow<()> + Send + 'static,
    {
        self.owner().observe(Some(kind), Box::new(callback))
    }

    /// As [`observe`](Self::observe), for the driver's own notices. Those of building come only from
    /// [`next_event`](Self::next_event).
    ///
    /// # Errors
    ///
    /// The endpoint is closed.
    pub fn observe_notices<F>(&self, callback: F) -> Result<ObserverId, ObserveError>
    where
        F: FnMut(&Event, &Sender) -> ControlFlow<()> + Send + 'static,
    {
        self.owner().observe(None, Box::new(callback))
    }

    /// Removes an observer (S33). It is not called again, once a call that runs now has returned. Returns whether it
    /// was registered.
    pub fn unobserve(&self, id: ObserverId) -> bool {
        self.owner().unobserve(id)
    }
}

/// The node itself.
impl Endpoint {
    /// Its two halves. The endpoint stays open until both are dropped.
    #[must_use]
    pub fn split(self) -> (Sender, Receiver) {
        (self.sender, self.receiver)
    }

    /// A handle that sends.
    #[must_use]
    pub fn sender(&self) -> Sender {
        self.sender.clone()
    }

    /// A handle that receives.
    #[must_use]
    pub fn receiver(&self) -> Receiver {
        self.receiver.clone()
    }

    /// The address that its packets come from, which is its identity (S01). Bound to no address in particular, it is
    /// the one that multicast leaves from.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.owner().local_addr()
    }

    /// The group's address.
    #[must_use]
    pub fn group(&self) -> SocketAddr {
        self.owner().query(|protocol| protocol.config().group)
    }

    /// The protocol's options.
    #[must_use]
    pub fn config(&self) -> Config {
        self.owner().query(|protocol| protocol.config().clone())
    }

    /// Sends and receives unicast by another socket from now on (S32). Nothing that is queued is lost, and what the old
    /// one has received is still read. The endpoint's options for the interface, TTL, loopback and buffers are
    /// applied to it, unless the sockets were ready-made and the options not set.
    ///
    /// # Errors
    ///
    /// The socket does not go with the group, or the system refuses; the old one stays in use then.
    pub fn set_unicast_socket(&self, socket: UdpSocket) -> Result<(), SocketChangeError> {
        self.owner().set_unicast_socket(socket)
    }

    /// All counters of the protocol.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.sender.stats()
    }

    /// What became of the sockets' work that failed, and the sizes of their buffers.
    #[must_use]
    pub fn socket_stats(&self) -> SocketStats {
        self.owner().socket_stats()
    }

    /// Sends what waits, announces the end, serves repairs for `linger` after the last request for one (at most 10
    /// times as long), and closes (S31). Blocks until then. Returns `false` if somebody called
    /// [`close`](Self::close) before it was through.
    pub fn finish(&self, linger: Duration) -> bool {
        self.owner().finish(linger)
    }

    /// As [`finish`](Self::finish), without waiting: see [`wait_closed`](Self::wait_closed).
    pub fn start_finish(&self, linger: Duration) {
        self.owner().start_finish(linger);
    }

    /// Waits until the endpoint is closed, at most so long (`None`: as long as it takes). Returns whether it is.
    pub fn wait_closed(&self, timeout: Option<Duration>) -> bool {
        self.owner().wait_closed(timeout)
    }

    /// Whether the endpoint is closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.owner().query(rmc_core::Protocol::is_closed)
    }

    /// Closes at once, for all handles, and ends every thread. What was received stays readable, everything else is
    /// dropped (S31): events too that were not told yet, which may be those of messages that have just been taken.
    ///
    /// Every caller waits for the threads, but for a callback; then the node is a member of the group no more. Its sockets
    /// stay open, and its port is taken, until the last handle is dropped.
    pub fn close(&self) {
        self.owner().close();
    }

    pub(crate) fn new(owner: Arc<Owner>) -> Self {
        Self { sender: Sender { owner: Arc::clone(&owner) }, receiver: Receiver { owner } }
    }

    fn owner(&self) -> &Arc<Owner> {
        &self.sender.owner
    }
}

impl<'a> IntoIterator for &'a Endpoint {
    type Item = Received;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}
