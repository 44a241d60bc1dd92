//! The end of a node: announced, or at once (S31, F23; RMC-END-1 to RMC-END-3).

use core::time::Duration;

use super::Protocol;
use crate::event::Event;
use crate::time::Instant;

/// How many times the linger a node goes on at most, however many NACKs come.
const MAX_LINGERS: u32 = 10;

#[derive(Clone, Copy)]
pub(super) enum Phase {
    Open,
    Finishing(Finishing),
    Closed,
}

#[derive(Clone, Copy)]
pub(super) struct Finishing {
    linger: Duration,
    /// When the queue was empty, so that the end was announced.
    drained: Option<Instant>,
    /// When the last NACK came.
    nack: Option<Instant>,
}

impl Phase {
    pub(super) const fn is_open(&self) -> bool {
        matches!(self, Self::Open)
    }

    pub(super) const fn is_closed(&self) -> bool {
        matches!(self, Self::Closed)
    }

    /// A NACK came.
    pub(super) const fn asked(&mut self, now: Instant) {
        if let Self::Finishing(finishing) = self {
            finishing.nack = Some(now);
        }
    }

    /// Nothing waits to be sent for the first time.
    pub(super) const fn drained(&mut self, now: Instant) {
        if let Self::Finishing(finishing) = self
            && finishing.drained.is_none()
        {
            finishing.drained = Some(now);
        }
    }
}

impl Protocol {
    /// Input: send what waits, announce the end, serve repairs for `linger` after the last NACK (at most 10 times as
    /// long), close (S31).
    pub fn finish(&mut self, now: Instant, linger: Duration) {
        self.input(now);
        if !self.phase.is_open() {
            return;
        }
        self.phase = Phase::Finishing(Finishing { linger, drained: None, nack: None });
        self.announce_at = None;
        let announced = self.shared.config.announce;
        if self.shared.config.silent || (!announced && !self.streams.has_ever_sent()) {
            self.complete();
            return;
        }
        self.streams.finish(announced, &self.shared);
        if self.shared.queued.packets == 0 {
            self.phase.drained(self.shared.now);
        }
    }

    /// Input: stop at once. What `recv` has ready stays readable; everything else is dropped (S31, F23).
    pub fn close(&mut self, now: Instant) {
        self.input(now);
        if !self.is_closed() {
            self.shut();
        }
        self.shared.events.clear();
        self.shared.inbox.take_news();
    }

    /// When a finishing node closes, if nothing else happens.
    pub(super) fn closes_at(&self) -> Option<Instant> {
        let Phase::Finishing(Finishing { linger, drained: Some(drained), nack }) = self.phase else { return None };
        if self.out.has_retry() || !self.streams.all_ended() {
            return None;
        }
        let quiet = nack.map_or(drained, |nack| nack.max(drained)) + linger;
        Some(quiet.min(drained + linger.saturating_mul(MAX_LINGERS)))
    }

    /// Closes the node if it has said all it had to say and its linger is over.
    pub(super) fn finish_if_due(&mut self) {
        if self.closes_at().is_some_and(|at| at <= self.shared.now) {
            self.complete();
        }
    }

    pub(super) fn complete(&mut self) {
        self.shut();
        self.shared.event(Event::Closed);
    }

    fn shut(&mut self) {
        self.phase = Phase::Closed;
        self.announce_at = None;
        self.rate_limited = false;
        self.out.close();
        self.streams.clear(&mut self.shared);
        self.peers.clear(&mut self.shared);
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Finishing, Phase};
    use crate::fingerprint::{Fingerprint, State, state};

    state! { Finishing { linger, drained, nack } }

    impl State for Phase {
        fn put(&self, to: &mut Fingerprint) {
            match self {
                Self::Open => to.word(0),
                Self::Finishing(finishing) => to.put(&(1_u8, *finishing)),
                Self::Closed => to.word(2),
            }
        }
    }
}
