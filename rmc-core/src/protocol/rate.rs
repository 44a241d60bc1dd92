//! Whether the configured rate keeps data waiting, as the application is told (RMC-LOCAL-7).

use super::Protocol;
use crate::event::Event;
use crate::time::Instant;

impl Protocol {
    /// The token bucket keeps what is next waiting.
    pub(super) fn note_rate_limit(&mut self) {
        if self.streams.has_data() && !core::mem::replace(&mut self.rate_limited, true) {
            self.shared.event(Event::RateLimited);
        }
    }

    /// Query: how many bytes of datagrams may leave in a second, as it stands now; `None`: no limit.
    #[must_use]
    pub fn rate(&self) -> Option<u64> {
        self.adaptive.map(|adaptive| adaptive.get()).or(self.shared.config.max_rate)
    }

    /// Data leaves: the rate may have to change (RMC-RATE-1).
    #[inline(never)]
    pub(super) fn adapt_rate(&mut self) {
        let (round_trip, now) = (self.streams.receivers.round_trip(), self.shared.now);
        if let Some(adaptive) = &mut self.adaptive
            && adaptive.data_left(round_trip, now)
        {
            self.pacing.set_rate(adaptive.get(), now);
        }
    }

    /// Tells that data need wait no more once none does and the bucket has filled up to its half: not at each packet
    /// that gets through.
    pub(super) fn resume_if_due(&mut self) {
        if self.resumes_at().is_some_and(|at| at <= self.shared.now) {
            self.rate_limited = false;
            self.shared.event(Event::Resumed);
        }
    }

    /// When that will be, if nothing else happens.
    pub(super) fn resumes_at(&self) -> Option<Instant> {
        let resumes = self.rate_limited && !self.streams.has_data() && !self.streams.has_repairs();
        resumes.then(|| self.pacing.half_full_at())
    }
}
