//! The driver's clock: monotonic, since an origin of its own (seed fault F27).

use std::time::{Duration, Instant as StdInstant};

use rmc_core::Instant;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    origin: StdInstant,
}

impl Clock {
    pub(crate) fn start() -> Self {
        Self { origin: StdInstant::now() }
    }

    pub(crate) fn now(&self) -> Instant {
        Instant::from_origin(self.origin.elapsed())
    }

    /// How long it is until `instant`; zero if it is reached.
    pub(crate) fn until(&self, instant: Instant) -> Duration {
        instant.saturating_since(self.now())
    }
}

/// The end of a wait: `None` waits as long as it takes, and so does a time too far off to be told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Patience(Option<StdInstant>);

impl Patience {
    pub(crate) fn new(timeout: Option<Duration>) -> Self {
        Self(timeout.and_then(|timeout| StdInstant::now().checked_add(timeout)))
    }

    /// How much longer to wait: `Some(None)` without end, `None` not at all.
    #[expect(clippy::option_option, reason = "two questions: whether to wait, and whether that has an end")]
    pub(crate) fn left(self) -> Option<Option<Duration>> {
        let Some(end) = self.0 else { return Some(None) };
        let left = end.saturating_duration_since(StdInstant::now());
        if left.is_zero() { None } else { Some(Some(left)) }
    }
}
