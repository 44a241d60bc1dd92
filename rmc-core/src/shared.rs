//! What all parts of a node share: its configuration, its time, its buffers, its randomness, and where they report to.

use alloc::collections::VecDeque;

use crate::config::Config;
use crate::event::{Event, EventMask};
use crate::inbox::Inbox;
use crate::pool::Pool;
use crate::rng::Rng;
use crate::stats::Stats;
use crate::time::Instant;

#[derive(Clone)]
pub(crate) struct Shared {
    pub(crate) config: Config,
    /// The time of the last input; never goes back.
    pub(crate) now: Instant,
    pub(crate) pool: Pool,
    pub(crate) rng: Rng,
    pub(crate) inbox: Inbox,
    pub(crate) events: Events,
    pub(crate) stats: Stats,
    /// Packets and bytes of payload that all receive windows hold; a message being reassembled counts in bytes only.
    pub(crate) received_packets: usize,
    pub(crate) received_bytes: usize,
    /// Packets of messages that were delivered before their turn, in all windows: nothing but their numbers is held.
    pub(crate) told: usize,
    /// The stream that may exceed the bounds of all windows together, to bring its message to an end (RMC-WIN-7).
    pub(crate) completing: Option<u64>,
    /// Bytes and packets that all send queues and all backlogs hold.
    pub(crate) queued: Held,
    pub(crate) kept: Held,
    /// Whether streams are followed (S30).
    pub(crate) active: bool,
}

/// The latest time that a node knows: 292 years after the origin. Every wait that it has fits behind it.
const LAST: Instant = Instant::from_nanos(u64::MAX / 2);

/// How much of something is held.
#[derive(Clone, Copy, Default)]
pub(crate) struct Held {
    pub(crate) packets: usize,
    pub(crate) bytes: usize,
}

impl Held {
    pub(crate) const fn add(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes;
    }

    pub(crate) const fn sub(&mut self, bytes: usize) {
        self.packets -= 1;
        self.bytes -= bytes;
    }
}

impl Shared {
    pub(crate) fn new(config: Config, now: Instant) -> Self {
        Self {
            now: now.min(LAST),
            pool: Pool::new(),
            rng: Rng::new(config.seed),
            inbox: Inbox::new(),
            events: Events::new(config.events, config.event_ring),
            stats: Stats::default(),
            received_packets: 0,
            received_bytes: 0,
            told: 0,
            completing: None,
            queued: Held::default(),
            kept: Held::default(),
            active: true,
            config,
        }
    }

    /// Time that goes backwards is clamped (F27). So is time near its end, so that what lies ahead always does: a
    /// deadline that saturates would be due again and again.
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = self.now.max(now.min(LAST));
    }
}

/// The ring of events: bounded, and what does not fit is counted (S35).
#[derive(Clone)]
pub(crate) struct Events {
    ring: VecDeque<Event>,
    mask: EventMask,
    bound: usize,
    dropped: u64,
}

impl Events {
    const fn new(mask: EventMask, bound: usize) -> Self {
        Self { ring: VecDeque::new(), mask, bound, dropped: 0 }
    }

    pub(crate) const fn mask(&self) -> EventMask {
        self.mask
    }

    /// Keeps `event` if it is wanted and there is room; returns whether it was wanted and there was none.
    pub(crate) fn push(&mut self, event: Event) -> bool {
        if !self.mask.contains(event.kind()) {
            return false;
        }
        if self.ring.len() >= self.bound {
            self.dropped += 1;
            return true;
        }
        self.ring.push_back(event);
        false
    }

    pub(crate) fn pop(&mut self) -> Option<Event> {
        if let Some(event) = self.ring.pop_front() {
            return Some(event);
        }
        let count = core::mem::take(&mut self.dropped);
        (count > 0).then_some(Event::EventsDropped { count })
    }

    pub(crate) fn clear(&mut self) {
        self.ring.clear();
        self.dropped = 0;
    }

    /// Whether nothing waits to be polled.
    #[cfg(feature = "sim")]
    pub(crate) fn is_empty(&self) -> bool {
        self.ring.is_empty() && self.dropped == 0
    }
}

impl Shared {
    pub(crate) fn event(&mut self, event: Event) {
        self.stats.dropped.events += u64::from(self.events.push(event));
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { Held { packets, bytes } }
