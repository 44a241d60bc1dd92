//! What the applications of nodes take.

use std::time::Duration;

use rmc_core::Received;
use rmc_core::sim::{Application, Outbox};

/// A node's application: it takes everything, one item after the other, or nothing. The observer looks at what it takes.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) is_paused: bool,
    /// Between two items.
    pub(super) pause: Duration,
    pub(super) is_resting: bool,
}

impl Application for Reader {
    fn is_ready(&self) -> bool {
        !self.is_paused && !self.is_resting
    }

    fn received(&mut self, _: &Received<'_>, outbox: &mut Outbox) {
        if !self.pause.is_zero() {
            self.is_resting = true;
            outbox.wake_at(outbox.now() + self.pause);
        }
    }

    fn woken(&mut self, _: &mut Outbox) {
        self.is_resting = false;
    }
}
