//! How often one stream asks for new gaps: a few times at once, then so many a second (RMC-GAP-15). What is lost
//! meanwhile is asked for together, as network cards moderate their interrupts: where losses come thick, a NACK for
//! each costs both sides more than the repairs.

use core::time::Duration;

use crate::time::Instant;

/// So many NACKs may leave at once.
const BURST: u32 = 8;

/// The NACKs of one stream, of which one is paid for in each interval.
#[derive(Clone, Copy)]
pub(crate) struct Moderation {
    /// When all are.
    paid: Instant,
}

impl Default for Moderation {
    fn default() -> Self {
        Self { paid: Instant::ORIGIN }
    }
}

impl Moderation {
    /// From when on a new gap may be asked for.
    pub(crate) fn opens(self, interval: Duration) -> Instant {
        let ahead = u64::try_from(((BURST - 1) * interval).as_nanos()).unwrap_or(u64::MAX);
        Instant::from_nanos(self.paid.as_nanos().saturating_sub(ahead))
    }

    /// A NACK leaves. More debt than a burst is not kept: retries, which do not wait, must not put new gaps off for
    /// longer than one interval.
    pub(crate) fn sent(&mut self, interval: Duration, now: Instant) {
        self.paid = (self.paid.max(now) + interval).min(now + BURST * interval);
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Moderation {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { paid } = self;
        to.ahead(Some(*paid));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INTERVAL: Duration = Duration::from_millis(2);

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    // RMC-GAP-15
    #[test]
    fn eight_leave_at_once_and_then_one_in_each_interval() {
        let mut moderation = Moderation::default();
        for _ in 0..8 {
            assert!(moderation.opens(INTERVAL) <= at(100));
            moderation.sent(INTERVAL, at(100));
        }
        assert_eq!(moderation.opens(INTERVAL), at(102));
        moderation.sent(INTERVAL, at(102));
        assert_eq!(moderation.opens(INTERVAL), at(104));
        // Two are paid for while nothing leaves.
        moderation.sent(INTERVAL, at(108));
        moderation.sent(INTERVAL, at(108));
        assert_eq!(moderation.opens(INTERVAL), at(108));
        moderation.sent(INTERVAL, at(108));
        assert_eq!(moderation.opens(INTERVAL), at(110));
    }

    // RMC-GAP-15
    #[test]
    fn retries_put_new_gaps_off_for_one_interval_at_most() {
        let mut moderation = Moderation::default();
        (0..1_000).for_each(|_| moderation.sent(INTERVAL, at(100)));
        assert_eq!(moderation.opens(INTERVAL), at(102));
    }

    // RMC-GAP-15
    #[test]
    fn without_an_interval_nothing_waits() {
        let mut moderation = Moderation::default();
        (0..1_000).for_each(|_| moderation.sent(Duration::ZERO, at(100)));
        assert!(moderation.opens(Duration::ZERO) <= at(100));
    }
}
