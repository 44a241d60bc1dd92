//! What the handles hold: when the last of them goes, the endpoint closes.

use std::io;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle, ThreadId};
use std::time::Duration;

use rmc_core::{Config, EventKind, Protocol};

use super::drain::{Effort, Outlet};
use super::load::SendLoad;
use super::reader::{self, Gear, Reading};
use super::seat::{Seat, Seating};
use super::sockets::Sockets;
use super::{Shared, State};
use crate::alarm::Alarm;
use crate::assembly::{self, Parts};
use crate::clock::Clock;
use crate::error::{BuildError, ObserveError};
use crate::event_ring::EventRing;
use crate::failures::Failures;
use crate::handles::Sender;
use crate::impair::{Impairment, Stage};
use crate::lock::{lock, wait};
use crate::observers::{Callback, ObserverId, Observers};
use crate::offload;
use crate::traffic::Traffic;

/// The handles' side of the driver: it holds the threads, which do not hold it.
#[derive(Debug)]
pub(crate) struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Threads>,
    /// With `threads`: those who wait for threads to end have.
    joined: Condvar,
    impairment: Option<Impairment>,
}

#[derive(Debug, Default)]
struct Threads {
    unicast: Option<JoinHandle<()>>,
    multicast: Option<JoinHandle<()>>,
    timer: Option<JoinHandle<()>>,
    observers: Option<JoinHandle<()>>,
    /// The thread that callbacks run on.
    called_by: Option<ThreadId>,
    /// How many wait for threads to end.
    joining: usize,
}

impl Owner {
    pub(crate) fn start(
        mut config: Config,
        parts: Parts,
        impairment: Option<Impairment>,
        pause: Duration,
    ) -> Result<Arc<Self>, BuildError> {
        let clock = Clock::start();
        let (group, event_ring) = (config.group, config.event_ring);
        let local_addrs = parts.local_addrs.clone();
        config.local_addrs = local_addrs.clone();
        if !offload::can_segment(&parts.unicast.socket) {
            config.max_segments = 1;
        }
        let most_segments = config.max_segments;
        let (most_packets, (unicast, multicast)) = (config.socket_packets, parts.buffers());
        config.socket_packets = most_packets.min(assembly::packets_held(unicast, multicast, config.max_datagram));
        let protocol = Protocol::new(config, clock.now())?;
        let seat = parts.multicast.as_ref().and_then(|_| Seat::new());
        let notices = assembly::buffer_notices(&parts.options, unicast, multicast);
        let sockets = Sockets::new(group, parts, most_packets);
        let load = SendLoad::new(pause);
        let shared = Shared {
            clock,
            waiting: load.waiting(),
            state: Mutex::new(State {
                protocol,
                in_flight: false,
                receivers_waiting: 0,
                senders_waiting: 0,
                finished: false,
                closed_by_call: false,
                local_addrs,
                former_until: None,
                load,
                seating: Seating::new(),
            }),
            readable: Condvar::new(),
            writable: Condvar::new(),
            outlet: Mutex::new(Outlet::new(Arc::clone(&sockets.unicast().socket), group, most_segments)),
            unpolled: AtomicBool::new(false),
            alarm: Alarm::default(),
            sockets: Mutex::new(sockets),
            events: EventRing::new(event_ring),
            observers: Observers::new(event_ring),
            failures: Mutex::new(Failures::default()),
            traffic: Traffic::default(),
            pause,
            seat,
        };
        shared.traffic.set_segmenting(most_segments > 1);
        let owner = Self { shared: Arc::new(shared), threads: Mutex::default(), joined: Condvar::new(), impairment };
        owner.start_threads().map_err(|source| BuildError::Socket { what: "start a thread", source })?;
        for notice in notices {
            owner.shared.notice(notice);
        }
        owner.shared.drain(Effort::Much);
        Ok(Arc::new(owner))
    }

    pub(crate) fn observe(
        self: &Arc<Self>,
        kind: Option<EventKind>,
        callback: Callback,
    ) -> Result<ObserverId, ObserveError> {
        let state = self.shared.state();
        if state.protocol.is_closed() {
            return Err(ObserveError::Closed);
        }
        let always = matches!(kind, None | Some(EventKind::Readable | EventKind::EventsDropped));
        if let Some(kind) = kind.filter(|&kind| !always && !state.protocol.config().events.contains(kind)) {
            return Err(ObserveError::NotEnabled(kind));
        }
        drop(state);
        // Before the registration, so that no event comes without a thread to take it.
        let mut threads = lock(&self.threads);
        if threads.called_by.is_none() {
            let (shared, owner) = (Arc::clone(&self.shared), Arc::downgrade(self));
            let sender = move || owner.upgrade().map(|owner| Sender { owner });
            let thread = self.spawn("obs", move || shared.observers.run(sender)).map_err(|_| ObserveError::NoThread)?;
            threads.called_by = Some(thread.thread().id());
            threads.observers = Some(thread);
        }
        drop(threads);
        let id = self.shared.observers.add(kind, callback);
        // The thread forgets all callbacks when it ends, which it may just have done.
        if self.shared.state().protocol.is_closed() {
            self.unobserve(id);
            return Err(ObserveError::Closed);
        }
        Ok(id)
    }

    pub(crate) fn unobserve(&self, id: ObserverId) -> bool {
        self.shared.observers.remove(id)
    }

    pub(crate) fn finish(&self, linger: Duration) -> bool {
        self.start_finish(linger);
        self.wait_closed(None);
        self.close();
        self.shared.state().finished
    }

    pub(crate) fn close(&self) {
        // One who panicked in the protocol cannot keep the threads from ending.
        if let Ok(mut state) = self.shared.state.lock() {
            state.closed_by_call |= !state.protocol.is_closed();
            state.protocol.close(self.shared.clock.now());
        }
        self.shared.shut_down();
        lock(&self.shared.sockets).end_sending();
        self.join_all();
        lock(&self.shared.sockets).leave();
    }

    /// Waits until every thread has ended, whoever else does. A callback waits for no other who closes: that one waits
    /// for it.
    fn join_all(&self) {
        let mut threads = lock(&self.threads);
        let is_callback = threads.called_by.is_some_and(|id| id == thread::current().id());
        let observers = if is_callback { None } else { threads.observers.take() };
        let ending = [threads.unicast.take(), threads.multicast.take(), threads.timer.take(), observers];
        threads.joining += 1;
        drop(threads);
        ending.into_iter().for_each(join);
        let mut threads = lock(&self.threads);
        threads.joining -= 1;
        self.joined.notify_all();
        while threads.joining > 0 && !is_callback {
            threads = wait(&self.joined, threads, None);
        }
    }

    /// Starts a thread that reads.
    pub(super) fn read(&self, reading: &Reading) -> io::Result<JoinHandle<()>> {
        let (name, socket) = match reading.path {
            rmc_core::Path::Unicast => ("uni", 0),
            rmc_core::Path::Multicast => ("mul", 1),
        };
        self.shared.traffic.set_coalescing(offload::coalesce(&reading.socket));
        let stage = self.impairment.map(|impairment| Stage::new(impairment, socket));
        let (shared, reading) = (Arc::clone(&self.shared), reading.clone());
        let gear = Arc::new(Mutex::new(Gear::new(shared.pause, stage)));
        if let Some(seat) = shared.seat.as_ref().filter(|_| reading.path == rmc_core::Path::Multicast) {
            seat.prepare(&reading, &gear);
        }
        self.spawn(name, move || reader::run(&shared, &reading, &gear))
    }

    /// Another thread reads the unicast socket now. Returns the one before, which ends.
    pub(super) fn swap_unicast_thread(&self, thread: JoinHandle<()>) -> Option<JoinHandle<()>> {
        lock(&self.threads).unicast.replace(thread)
    }

    pub(super) fn shared(&self) -> &Shared {
        &self.shared
    }

    #[cfg(test)]
    pub(super) fn shared_for_tests(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    #[cfg(test)]
    pub(super) fn hold_threads_for_tests(&self) -> impl Sized + '_ {
        lock(&self.threads)
    }

    fn start_threads(&self) -> io::Result<()> {
        let sockets = lock(&self.shared.sockets);
        let (unicast, multicast) = (sockets.unicast().clone(), sockets.multicast().cloned());
        drop(sockets);
        let mut threads = lock(&self.threads);
        threads.unicast = Some(self.read(&unicast)?);
        threads.multicast = multicast.as_ref().map(|multicast| self.read(multicast)).transpose()?;
        let shared = Arc::clone(&self.shared);
        threads.timer = Some(self.spawn("tim", move || keep_time(&shared))?);
        Ok(())
    }

    /// Names the thread after the node's port, so that `top -H` and debuggers tell nodes apart. 15 characters are kept
    /// on Linux.
    fn spawn(&self, what: &str, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
        let port = self.shared.state().local_addrs[0].port();
        thread::Builder::new().name(format!("rmc-{what}-{port}")).spawn(run)
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

/// The timer thread's loop.
fn keep_time(shared: &Shared) {
    while shared.alarm.wait(&shared.clock) {
        let now = shared.clock.now();
        let mut state = shared.state();
        state.protocol.handle_timeout(now);
        drop(state);
        shared.drain_and_tell(Effort::All);
        shared.watch_stream();
    }
}

/// A callback may close the endpoint or drop its last handle: no thread waits for itself. One that panicked has said so
/// itself.
pub(super) fn join(thread: Option<JoinHandle<()>>) {
    if let Some(thread) = thread.filter(|other| other.thread().id() != thread::current().id()) {
        let _ = thread.join();
    }
}
