//! The driver: threads, locks and waiting around one protocol (the crate's docs have the picture).
//!
//! Locks, in the order in which they may be taken while another is held: `outlet`, `sockets`, the owner's `threads`,
//! `state`, and then those of the alarm, the rings and the failures, which hold no other. Nothing waits for a socket
//! while it holds `state` or `sockets`, and no callback runs under any of them.

mod calls;
mod drain;
mod load;
mod owner;
mod reader;
mod seat;
mod sockets;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use rmc_core::{Instant, Protocol};

pub(crate) use self::owner::Owner;

use self::drain::Outlet;
use self::load::{SendLoad, Waiting};
use self::seat::{Seat, Seating};
use self::sockets::Sockets;
use crate::alarm::Alarm;
use crate::clock::Clock;
use crate::event::{Event, Notice};
use crate::event_ring::EventRing;
use crate::failures::Failures;
use crate::lock::lock;
use crate::observers::Observers;
use crate::traffic::Traffic;

/// What the endpoint's handles and threads share.
#[derive(Debug)]
struct Shared {
    clock: Clock,
    state: Mutex<State>,
    /// With `state`: there is something to receive, or there never will be.
    readable: Condvar,
    /// With `state`: the queue has room, or all has left, or the protocol is closed.
    writable: Condvar,
    /// The right to poll the protocol and to send, in this order.
    outlet: Mutex<Outlet>,
    /// Somebody changed the state and found `outlet` taken: its holder polls again.
    unpolled: AtomicBool,
    alarm: Alarm,
    sockets: Mutex<Sockets>,
    events: EventRing,
    observers: Observers,
    failures: Mutex<Failures>,
    traffic: Traffic,
    /// How long what comes thick and fast may gather.
    pause: Duration,
    /// What gathers before it leaves.
    waiting: Arc<Waiting>,
    /// Where an application may read the multicast socket itself.
    seat: Option<Seat>,
}

/// What the protocol's lock guards.
struct State {
    protocol: Protocol,
    /// A polled datagram has not left yet.
    in_flight: bool,
    /// How many threads wait at `readable` and `writable`: nobody is notified in vain.
    receivers_waiting: usize,
    senders_waiting: usize,
    /// The protocol closed by itself, at the end of `finish`.
    finished: bool,
    /// Somebody closed it.
    closed_by_call: bool,
    /// The node's addresses; the first is its identity.
    local_addrs: Vec<SocketAddr>,
    /// Until when the protocol knows the addresses before the last change too.
    former_until: Option<Instant>,
    load: SendLoad,
    seating: Seating,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State").field("local_addrs", &self.local_addrs).finish_non_exhaustive()
    }
}

impl Shared {
    /// Locks the protocol. A thread that panicked in it has left it half changed: that is a bug, and going on would
    /// hide it.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panics while it holds the protocol")
    }

    /// Gives the protocol something and lets it act. The calling thread does the work that follows from it.
    fn input<T>(&self, effort: drain::Effort, change: impl FnOnce(&mut Protocol, Instant) -> T) -> T {
        let mut state = self.state();
        let result = change(&mut state.protocol, self.clock.now());
        drop(state);
        self.drain_and_tell(effort);
        result
    }

    fn notice(&self, notice: Notice) {
        self.event(Event::Notice(notice));
    }

    fn event(&self, event: Event) {
        self.observers.notify(&event);
        self.events.push(event);
    }

    /// The protocol is closed: everybody who waits shall know, and every thread end. Nobody is waited for.
    fn shut_down(&self) {
        lock(&self.sockets).close();
        self.alarm.close();
        self.events.close();
        self.observers.close();
        // Taken once, so that nobody is between looking and waiting.
        drop(self.state.lock());
        self.readable.notify_all();
        self.writable.notify_all();
        if let Some(seat) = &self.seat {
            seat.ring();
        }
    }
}
