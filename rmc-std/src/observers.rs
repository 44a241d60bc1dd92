//! Callbacks by event kind (S33).

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use rmc_core::EventKind;

use crate::clock::Patience;
use crate::event::Event;
use crate::event_ring::EventRing;
use crate::handles::Sender;
use crate::lock::lock;

/// Names a registered observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObserverId(u64);

pub(crate) type Callback = Box<dyn FnMut(&Event, &Sender) -> ControlFlow<()> + Send>;

/// The registry, and the events that wait for its thread. They have a ring of their own, so that observers and
/// `next_event` do not take events from one another.
pub(crate) struct Observers {
    entries: Mutex<Vec<Entry>>,
    next_id: AtomicU64,
    /// One bit for each kind that is observed, so that others cost nothing.
    wanted: AtomicU64,
    ring: EventRing,
}

#[derive(Clone)]
struct Entry {
    id: ObserverId,
    /// `None`: the driver's notices.
    kind: Option<EventKind>,
    callback: Arc<Mutex<Callback>>,
}

impl Observers {
    pub(crate) fn new(bound: usize) -> Self {
        Self {
            entries: Mutex::default(),
            next_id: AtomicU64::new(0),
            wanted: AtomicU64::new(0),
            ring: EventRing::new(bound),
        }
    }

    pub(crate) fn add(&self, kind: Option<EventKind>, callback: Callback) -> ObserverId {
        let id = ObserverId(self.next_id.fetch_add(1, Ordering::Relaxed));
        let mut entries = lock(&self.entries);
        entries.push(Entry { id, kind, callback: Arc::new(Mutex::new(callback)) });
        self.note_wanted(&entries);
        id
    }

    pub(crate) fn remove(&self, id: ObserverId) -> bool {
        // Dropped without the lock: what the callback holds may call back.
        self.take(id).is_some()
    }

    fn take(&self, id: ObserverId) -> Option<Entry> {
        let mut entries = lock(&self.entries);
        let at = entries.iter().position(|entry| entry.id == id)?;
        let taken = entries.remove(at);
        self.note_wanted(&entries);
        Some(taken)
    }

    pub(crate) fn wants(&self, kind: Option<EventKind>) -> bool {
        self.wanted.load(Ordering::Relaxed) & bit(kind) != 0
    }

    /// Leaves an event for the thread.
    pub(crate) fn notify(&self, event: &Event) {
        if self.wants(kind_of(event)) {
            self.ring.push(event.clone());
        }
    }

    /// The thread's loop: until `close`, or until there is no endpoint any more to lend.
    pub(crate) fn run(&self, sender: impl Fn() -> Option<Sender>) {
        while let Ok(event) = self.ring.take(Patience::new(None)) {
            let Some(sender) = sender() else { break };
            self.dispatch(&event, &sender);
        }
        // Callbacks may hold handles of this very endpoint.
        let entries = std::mem::take(&mut *lock(&self.entries));
        entries.into_iter().for_each(drop_safely);
    }

    /// What waits is still told; then the thread ends.
    pub(crate) fn close(&self) {
        self.ring.close();
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.ring.dropped()
    }

    fn dispatch(&self, event: &Event, sender: &Sender) {
        let kind = kind_of(event);
        let of_kind: Vec<Entry> = lock(&self.entries).iter().filter(|entry| entry.kind == kind).cloned().collect();
        let mut stopped = false;
        for entry in of_kind {
            // One before it may have removed it.
            let calls = !stopped && lock(&self.entries).iter().any(|other| other.id == entry.id);
            let called = calls.then(|| catch_unwind(AssertUnwindSafe(|| lock(&entry.callback)(event, sender))));
            match called {
                None | Some(Ok(ControlFlow::Continue(()))) => {}
                Some(Ok(ControlFlow::Break(()))) => stopped = true,
                // The panic's message is printed already. The others go on without the one that broke.
                Some(Err(panic)) => {
                    drop_safely(panic);
                    drop_safely(self.take(entry.id));
                }
            }
            // It may be the last one, if the callback was removed meanwhile.
            drop_safely(entry);
        }
    }

    fn note_wanted(&self, entries: &[Entry]) {
        let wanted = entries.iter().fold(0, |wanted, entry| wanted | bit(entry.kind));
        self.wanted.store(wanted, Ordering::Relaxed);
    }
}

impl fmt::Debug for Observers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observers").field("count", &lock(&self.entries).len()).finish_non_exhaustive()
    }
}

/// Drops what is an application's: that may panic as well, and must not end the thread.
fn drop_safely<T>(of_application: T) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| drop(of_application))) {
        // Its own end may panic again.
        std::mem::forget(panic);
    }
}

fn kind_of(event: &Event) -> Option<EventKind> {
    match event {
        Event::Protocol(event) => Some(event.kind()),
        Event::Notice(_) => None,
    }
}

fn bit(kind: Option<EventKind>) -> u64 {
    kind.map_or(1 << 63, |kind| 1 << kind as u64)
}
