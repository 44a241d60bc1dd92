//! The calls of the handles: what they wait for, and who does the work.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use rmc_core::{Instant, PeerInfo, Protocol, SendError};

use super::drain::Effort;
use super::load::Next;
use super::owner::Owner;
use super::{Shared, State};
use crate::batch::Batch;
use crate::clock::Patience;
use crate::error::{FlushError, RecvTimeoutError, TryRecvError};
use crate::event::Event;
use crate::lock::wait;
use crate::received::Received;

impl State {
    /// The next item, of a kind that this version knows.
    fn take(&mut self) -> Option<Received> {
        loop {
            let item = self.protocol.recv()?;
            if let Some(item) = Received::from_core(item) {
                return Some(item);
            }
        }
    }

    fn all_left(&self) -> bool {
        !self.in_flight && self.protocol.retrying() == 0 && self.protocol.stats().held.queued_packets == 0
    }
}

impl Owner {
    pub(crate) fn send(
        &self,
        peer: Option<SocketAddr>,
        payload: &[u8],
        timeout: Option<Duration>,
    ) -> Result<u64, SendError> {
        let shared = self.shared();
        let peer = peer.map(|peer| shared.named(peer));
        let patience = Patience::new(timeout);
        let mut state = shared.state();
        loop {
            let now = shared.clock.now();
            match send(&mut state.protocol, now, peer, payload) {
                Err(SendError::Full) => {}
                result => {
                    let next = if result.is_ok() { state.load.taken(payload.len(), now) } else { Next::Leave };
                    drop(state);
                    shared.follow(next, Effort::Much);
                    return result;
                }
            }
            if state.load.has_waiting() {
                // What gathered may leave first, and make room.
                state.load.flushed();
                drop(state);
                shared.drain(Effort::Much);
                state = shared.state();
                continue;
            }
            let Some(left) = patience.left() else { return Err(SendError::Full) };
            // Whoever drains wakes those who wait: after every input somebody drains, so there is nothing to do but to
            // wait.
            state.senders_waiting += 1;
            state = wait(&shared.writable, state, left);
            state.senders_waiting -= 1;
        }
    }

    pub(crate) fn try_send(&self, peer: Option<SocketAddr>, payload: &[u8]) -> Result<u64, SendError> {
        let shared = self.shared();
        let peer = peer.map(|peer| shared.named(peer));
        let mut state = shared.state();
        let now = shared.clock.now();
        let result = send(&mut state.protocol, now, peer, payload);
        let next = if result.is_ok() { state.load.taken(payload.len(), now) } else { Next::Leave };
        drop(state);
        shared.follow(next, Effort::Burst);
        result
    }

    pub(crate) fn send_at(&self, seq: u64, payload: &[u8]) -> Result<u64, SendError> {
        let shared = self.shared();
        let mut state = shared.state();
        loop {
            let now = shared.clock.now();
            match state.protocol.send_at(now, seq, payload) {
                Err(SendError::Full) => {}
                result => {
                    drop(state);
                    shared.drain(Effort::Much);
                    return result;
                }
            }
            state.senders_waiting += 1;
            state = wait(&shared.writable, state, None);
            state.senders_waiting -= 1;
        }
    }

    pub(crate) fn reset(&self) -> Result<(), SendError> {
        self.input(Protocol::reset)
    }

    pub(crate) fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        let shared = self.shared();
        let patience = Patience::new(timeout);
        // What waits for more to be packed with it need not.
        self.input(Protocol::flush);
        let mut state = shared.state();
        let last = state.protocol.next_seq() - 1;
        loop {
            if state.protocol.is_closed() && !state.finished {
                return Err(FlushError::Closed);
            }
            if state.finished || (state.all_left() && state.protocol.stable_seq() >= last) {
                return Ok(());
            }
            if state.protocol.config().silent {
                return Err(FlushError::Silent);
            }
            let Some(left) = patience.left() else { return Err(FlushError::Timeout) };
            state.senders_waiting += 1;
            state = wait(&shared.writable, state, left);
            state.senders_waiting -= 1;
        }
    }

    pub(crate) fn recv(&self, timeout: Option<Duration>) -> Result<Received, RecvTimeoutError> {
        let shared = self.shared();
        let patience = Patience::new(timeout);
        let mut state = shared.state();
        loop {
            if let Some(item) = state.take() {
                drop(state);
                // Taking it frees room in the receive window: there may be something to ask for.
                shared.drain(Effort::Burst);
                return Ok(item);
            }
            if state.protocol.is_closed() {
                return Err(RecvTimeoutError::Disconnected);
            }
            let Some(left) = patience.left() else { return Err(RecvTimeoutError::Timeout) };
            state = shared.await_readable(state, left);
        }
    }

    /// Takes at least one item, or says why there is none.
    pub(crate) fn recv_batch(&self, batch: &mut Batch, timeout: Option<Duration>) -> Result<(), RecvTimeoutError> {
        let shared = self.shared();
        let patience = Patience::new(timeout);
        let mut state = shared.state();
        loop {
            if batch.fill(&mut state.protocol) {
                drop(state);
                shared.drain(Effort::Burst);
                return Ok(());
            }
            if state.protocol.is_closed() {
                return Err(RecvTimeoutError::Disconnected);
            }
            let Some(left) = patience.left() else { return Err(RecvTimeoutError::Timeout) };
            state = shared.await_readable(state, left);
        }
    }

    pub(crate) fn try_recv(&self) -> Result<Received, TryRecvError> {
        let shared = self.shared();
        let mut state = shared.state();
        let Some(item) = state.take() else {
            return Err(if state.protocol.is_closed() { TryRecvError::Disconnected } else { TryRecvError::Empty });
        };
        drop(state);
        shared.drain(Effort::Burst);
        Ok(item)
    }

    pub(crate) fn next_event(&self, timeout: Option<Duration>) -> Result<Event, RecvTimeoutError> {
        self.shared().events.take(Patience::new(timeout))
    }

    pub(crate) fn try_next_event(&self) -> Result<Event, TryRecvError> {
        self.shared().events.try_take()
    }

    pub(crate) fn peer(&self, address: SocketAddr) -> Option<PeerInfo> {
        let address = self.shared().named(address);
        self.query(|protocol| protocol.peer(address))
    }

    pub(crate) fn remove_peer(&self, address: SocketAddr) -> bool {
        let address = self.shared().named(address);
        self.input(|protocol, now| protocol.remove_peer(now, address))
    }

    pub(crate) fn local_addr(&self) -> SocketAddr {
        self.shared().state().local_addrs[0]
    }

    pub(crate) fn activate(&self) -> std::io::Result<()> {
        self.shared().activate()
    }

    pub(crate) fn deactivate(&self) -> std::io::Result<()> {
        self.shared().deactivate()
    }

    pub(crate) fn socket_stats(&self) -> crate::event::SocketStats {
        self.shared().socket_stats()
    }

    pub(crate) fn start_finish(&self, linger: Duration) {
        self.input(|protocol, now| protocol.finish(now, linger));
        self.shared().wake_all_senders();
    }

    /// Waits until the protocol is closed, by itself or not.
    pub(crate) fn wait_closed(&self, timeout: Option<Duration>) -> bool {
        let shared = self.shared();
        let patience = Patience::new(timeout);
        let mut state = shared.state();
        loop {
            // Not as soon as it is: whoever polls it tells what happened last.
            if state.protocol.is_closed() && (state.finished || state.closed_by_call) {
                return true;
            }
            let Some(left) = patience.left() else { return false };
            state.senders_waiting += 1;
            state = wait(&shared.writable, state, left);
            state.senders_waiting -= 1;
        }
    }

    pub(crate) fn query<T>(&self, query: impl FnOnce(&Protocol) -> T) -> T {
        query(&self.shared().state().protocol)
    }

    pub(crate) fn input<T>(&self, change: impl FnOnce(&mut Protocol, Instant) -> T) -> T {
        self.shared().input(Effort::Much, change)
    }
}

impl Shared {
    /// A message was taken: it leaves now, or waits for more.
    fn follow(&self, next: Next, effort: Effort) {
        match next {
            Next::Wait => {}
            Next::WaitUntil(latest) => self.alarm.set_if_earlier(latest),
            Next::Leave => {
                self.drain(effort);
                self.state().load.through(self.clock.now());
            }
        }
    }

    /// For the timer thread: looks after messages that gather, for as long as they come thick and fast. It wakes by
    /// itself meanwhile, so that nobody has to wake it.
    pub(super) fn watch_stream(&self) {
        let set_watched = |on| self.state().load.watched = on;
        if !self.waiting.streams(self.clock.now(), self.pause) {
            return;
        }
        set_watched(true);
        while self.waiting.streams(self.clock.now(), self.pause) && !self.alarm.is_due(&self.clock) {
            thread::sleep(self.pause);
            if self.waiting.is_due(self.clock.now(), self.pause) {
                self.drain(Effort::All);
            }
        }
        set_watched(false);
        // Between the last look and this nobody was told of what came.
        self.drain(Effort::All);
    }

    /// Those who wait for room learn that no more messages are taken.
    fn wake_all_senders(&self) {
        drop(self.state());
        self.writable.notify_all();
    }
}

fn send(protocol: &mut Protocol, now: Instant, peer: Option<SocketAddr>, payload: &[u8]) -> Result<u64, SendError> {
    match peer {
        None => protocol.send(now, payload),
        Some(peer) => protocol.send_to(now, peer, payload),
    }
}
