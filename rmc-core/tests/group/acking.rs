//! When a receiver acknowledges a stream: within an interval of the last Ack only because of something that came or was
//! taken since (RMC-ACK-4 to RMC-ACK-6); and one that is told not to only where it is asked (RMC-ACK-7).

use std::time::Duration;

use rmc_core::{Instant, Stream};

use super::heard::News;

/// In a group of up to 100, which no script has more than (RMC-ACK-5).
const INTERVAL: Duration = Duration::from_millis(100);

/// The Acks of one stream, in one life of its sender.
#[derive(Default)]
pub(super) struct Acking {
    /// When the last one left, as far as it is known.
    last: Option<Instant>,
    /// Something has moved since.
    has_cause: bool,
    /// The application has taken something since.
    is_timeless: bool,
    /// A PRIVATE Heartbeat has come since.
    is_asked: bool,
}

impl Acking {
    /// A packet of the stream came.
    pub(super) fn hears(&mut self, news: News, stream: Stream) {
        let is_heartbeat = matches!(news, News::Heartbeat { .. });
        self.is_asked |= is_heartbeat && stream == Stream::Private;
        // One that shows a small backlog may make due what was not yet, and give up what was waited for.
        self.has_cause |= !matches!(news, News::Heartbeat { oldest: ..=1, .. });
    }

    /// Something was given up.
    pub(super) const fn moves(&mut self) {
        self.has_cause = true;
    }

    /// The application took something. That has no time: what leaves because of it does so at the last one that the
    /// node knows.
    pub(super) const fn is_read(&mut self) {
        (self.has_cause, self.is_timeless) = (true, true);
    }

    /// An Ack leaves. Returns what is wrong with that.
    pub(super) fn leaves(&mut self, is_mute: bool, at: Instant) -> Option<&'static str> {
        let is_early = self.last.is_some_and(|last| at < last + INTERVAL);
        let Self { has_cause, is_timeless, is_asked, .. } = std::mem::take(self);
        self.last = (!is_timeless).then_some(at);
        if is_mute && !is_asked {
            return Some("it is told not to acknowledge, and was not asked");
        }
        (is_early && !has_cause && !is_asked).then_some("nothing has moved since the last one, a moment ago")
    }
}
