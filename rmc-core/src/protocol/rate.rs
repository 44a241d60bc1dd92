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
