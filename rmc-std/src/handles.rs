//! The two halves of an endpoint, for different threads.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rmc_core::{SendCapacity, SendError, Stats};

use crate::batch::Batch;
use crate::driver::Owner;
use crate::error::{FlushError, RecvError, RecvTimeoutError, TryRecvError};
use crate::received::Received;

/// Sends. Cheap to clone; every clone may live on a thread of its own.
///
/// The endpoint closes when its last handle is dropped: what still waits to be sent is lost then, so call
/// [`finish`](Self::finish) first.
#[derive(Clone, Debug)]
pub struct Sender {
    pub(crate) owner: Arc<Owner>,
}

impl Sender {
    /// Sends a message to the group; waits while the queue is full. Returns the number of the packet that holds the
    /// message's end.
    ///
    /// # Errors
    ///
    /// Never `Full`; `Finished` after `finish` or `close`, also while it waits.
    pub fn send(&self, payload: &[u8]) -> Result<u64, SendError> {
        self.owner.send(None, payload, None)
    }

    /// As [`send`](Self::send), without waiting.
    ///
    /// # Errors
    ///
    /// `Full` if the queue has no room now.
    pub fn try_send(&self, payload: &[u8]) -> Result<u64, SendError> {
        self.owner.try_send(None, payload)
    }

    /// As [`send`](Self::send), waiting at most so long.
    ///
    /// # Errors
    ///
    /// `Full` if the queue had no room in all that time.
    pub fn send_timeout(&self, payload: &[u8], timeout: Duration) -> Result<u64, SendError> {
        self.owner.send(None, payload, Some(timeout))
    }

    /// As [`send`](Self::send), giving the number of the message's first packet; the numbers skipped are announced as
    /// lost (S18).
    ///
    /// # Errors
    ///
    /// `SequencePassed` if the number is below the next one.
    pub fn send_at(&self, seq: u64, payload: &[u8]) -> Result<u64, SendError> {
        self.owner.send_at(seq, payload)
    }

    /// Sends a message to one node, on a private stream (S18); waits while its queue is full. Returns that stream's
    /// number.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send); `TooManyPrivate`, `InvalidDestination`.
    pub fn send_to(&self, peer: SocketAddr, payload: &[u8]) -> Result<u64, SendError> {
        self.owner.send(Some(peer), payload, None)
    }

    /// As [`send_to`](Self::send_to), without waiting.
    ///
    /// # Errors
    ///
    /// `Full` if the queue has no room now.
    pub fn try_send_to(&self, peer: SocketAddr, payload: &[u8]) -> Result<u64, SendError> {
        self.owner.try_send(Some(peer), payload)
    }

    /// As [`send_to`](Self::send_to), waiting at most so long.
    ///
    /// # Errors
    ///
    /// `Full` if the queue had no room in all that time.
    pub fn send_to_timeout(&self, peer: SocketAddr, payload: &[u8], timeout: Duration) -> Result<u64, SendError> {
        self.owner.send(Some(peer), payload, Some(timeout))
    }

    /// Receivers shall forget what went before; takes effect behind what is queued (S16).
    ///
    /// # Errors
    ///
    /// `Silent` or `Finished`.
    pub fn reset(&self) -> Result<(), SendError> {
        self.owner.reset()
    }

    /// Waits until everything that was queued has left, and what went to the group has arrived at all receivers that
    /// count (see [`FlowControl`](crate::FlowControl)); where none counts it need not have arrived. What went to one
    /// node alone has left, and need not have arrived. `None`: as long as it takes, which depends on flow control:
    ///
    /// - `Slowest`: all that count have it. Who does not advance for `stall` is let go, with the event `PeerEvicted`,
    ///   and waited for no longer: `Ok` means everybody only if that was not told.
    /// - `Quorum`: n of them have it, or all where fewer count. Who does not advance for 5 s is let go.
    /// - `None`: all that count have it. Nobody is let go: one that lives and does not advance, because its application
    ///   takes nothing, is waited for until more was sent than the backlog keeps. Give a timeout.
    ///
    /// A receiver counts when its first acknowledgement has come, which takes up to 0.1 s, and longer in large groups;
    /// one that joins far behind counts later. Before that nobody waits for it. Where it matters that a certain one has
    /// something, let its application answer.
    ///
    /// # Errors
    ///
    /// The time is over, the endpoint was closed before, or the node is silent.
    pub fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        self.owner.flush(timeout)
    }

    /// Sends what waits, announces the end, serves repairs for `linger` after the last request for one (at most 10
    /// times as long), and closes (S31). Blocks until then. Returns `false` if somebody called `close` before it
    /// was through.
    pub fn finish(&self, linger: Duration) -> bool {
        self.owner.finish(linger)
    }

    /// How much [`try_send`](Self::try_send) takes now.
    #[must_use]
    pub fn send_capacity(&self) -> SendCapacity {
        self.owner.query(rmc_core::Protocol::send_capacity)
    }

    /// The number of the next packet of the group's stream: what the next message begins with, unless it is packed with
    /// one that waits.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.owner.query(rmc_core::Protocol::next_seq)
    }

    /// The number up to which all receivers that count have everything that went to the group, as
    /// [`flush`](Self::flush) waits for it; where none counts, the last one sent. It goes back when one more begins to
    /// count.
    #[must_use]
    pub fn stable_seq(&self) -> u64 {
        self.owner.query(rmc_core::Protocol::stable_seq)
    }

    /// The longest message in bytes.
    #[must_use]
    pub fn max_message(&self) -> usize {
        self.owner.query(rmc_core::Protocol::max_message)
    }

    /// The most payload of one datagram in bytes: what is longer is fragmented.
    #[must_use]
    pub fn max_payload(&self) -> usize {
        self.owner.query(rmc_core::Protocol::max_payload)
    }

    /// All counters of the protocol.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.owner.query(rmc_core::Protocol::stats)
    }

    /// Closes the endpoint at once, for all its handles. What was received stays readable.
    pub fn close(&self) {
        self.owner.close();
    }
}

/// Receives. Cheap to clone: each item goes to one of the clones.
#[derive(Clone, Debug)]
pub struct Receiver {
    pub(crate) owner: Arc<Owner>,
}

impl Receiver {
    /// Takes the next item of any peer's stream; waits for one.
    ///
    /// # Errors
    ///
    /// The endpoint is closed, and everything that it had is taken.
    pub fn recv(&self) -> Result<Received, RecvError> {
        self.owner.recv(None).map_err(|_| RecvError)
    }

    /// As [`recv`](Self::recv), waiting at most so long.
    ///
    /// # Errors
    ///
    /// `Timeout` if nothing came in that time.
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Received, RecvTimeoutError> {
        self.owner.recv(Some(timeout))
    }

    /// As [`recv`](Self::recv), without waiting.
    ///
    /// # Errors
    ///
    /// `Empty` if nothing is there now.
    pub fn try_recv(&self) -> Result<Received, TryRecvError> {
        self.owner.try_recv()
    }

    /// Takes what is there, as much as the batch has room for; waits for something, at most so long (`None`: as long as
    /// it takes). The way to receive much: one lock, and no copy, for many messages. If the batch still has something
    /// that was not looked at, nothing is taken.
    ///
    /// ```no_run
    /// # fn run(receiver: &rmc_std::Receiver) -> Result<(), rmc_std::RecvTimeoutError> {
    /// let mut batch = rmc_std::Batch::default();
    /// loop {
    ///     receiver.recv_batch(&mut batch, None)?;
    ///     while let Some(item) = batch.next() {
    ///         println!("{item:?}");
    ///     }
    /// }
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// `Timeout` if nothing came in that time; `Disconnected` once the endpoint is closed and all is taken.
    pub fn recv_batch(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), RecvTimeoutError> {
        self.owner.recv_batch(batch, timeout)
    }

    /// Everything that comes, until the endpoint is closed.
    #[must_use]
    pub fn iter(&self) -> Iter<'_> {
        Iter { receiver: self }
    }

    /// Everything that is there now.
    #[must_use]
    pub fn try_iter(&self) -> TryIter<'_> {
        TryIter { receiver: self }
    }

    /// All counters of the protocol.
    #[must_use]
    pub fn stats(&self) -> Stats {
        self.owner.query(rmc_core::Protocol::stats)
    }

    /// Closes the endpoint at once, for all its handles. What was received stays readable.
    pub fn close(&self) {
        self.owner.close();
    }
}

impl<'a> IntoIterator for &'a Receiver {
    type Item = Received;
    type IntoIter = Iter<'a>;

    fn into_iter(self) -> Iter<'a> {
        self.iter()
    }
}

/// Everything that comes: see [`Receiver::iter`].
#[derive(Debug)]
pub struct Iter<'a> {
    receiver: &'a Receiver,
}

impl Iterator for Iter<'_> {
    type Item = Received;

    fn next(&mut self) -> Option<Received> {
        self.receiver.recv().ok()
    }
}

/// Everything that is there now: see [`Receiver::try_iter`].
#[derive(Debug)]
pub struct TryIter<'a> {
    receiver: &'a Receiver,
}

impl Iterator for TryIter<'_> {
    type Item = Received;

    fn next(&mut self) -> Option<Received> {
        self.receiver.try_recv().ok()
    }
}
