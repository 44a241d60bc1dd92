//! The round trip of the group, as its receivers report it: how long an answer to any of them may take (RMC-REPAIR-16).

use core::time::Duration;

use crate::time::Instant;

/// A report above this is taken for this: nobody waits longer for an answer.
const MOST: Duration = Duration::from_secs(10);
/// The estimate falls at most once in so long, or in so many round trips.
const LEAST_INTERVAL: Duration = Duration::from_secs(1);
const ROUND_TRIPS: u32 = 8;
/// By such a part of the way to the highest report of an interval.
const GAIN: u32 = 8;

/// The estimate: it rises at once and falls slowly, as NORM's GRTT (RFC 5401 section 3.7).
#[derive(Clone, Copy, Default)]
pub(crate) struct GroupRtt {
    estimate: Option<Duration>,
    /// The highest report since the interval began.
    highest: Duration,
    interval_ends: Option<Instant>,
}

impl GroupRtt {
    /// `None`: nobody has reported yet.
    pub(crate) const fn get(&self) -> Option<Duration> {
        self.estimate
    }

    /// A receiver reports its round trip.
    pub(crate) fn report(&mut self, round_trip: Duration, now: Instant) {
        let reported = round_trip.min(MOST);
        let Some(estimate) = self.estimate else {
            self.begin(reported, now);
            return;
        };
        if self.interval_ends.is_some_and(|end| end <= now) {
            let fall = estimate.saturating_sub(self.highest) / GAIN;
            self.begin(estimate - fall, now);
        }
        self.highest = self.highest.max(reported);
        self.estimate = self.estimate.max(Some(reported));
    }

    fn begin(&mut self, estimate: Duration, now: Instant) {
        let interval = LEAST_INTERVAL.max(estimate * ROUND_TRIPS);
        *self = Self { estimate: Some(estimate), highest: Duration::ZERO, interval_ends: Some(now + interval) };
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for GroupRtt {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { estimate, highest, interval_ends } = self;
        to.put(&(*estimate, *highest));
        to.ahead(*interval_ends);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    // RMC-REPAIR-16
    #[test]
    fn it_rises_at_once() {
        let mut rtt = GroupRtt::default();
        assert_eq!(rtt.get(), None);
        for millis in [1, 5, 80] {
            rtt.report(MS * millis, at(0));
            assert_eq!(rtt.get(), Some(MS * millis));
        }
        rtt.report(3 * MS, at(0));
        assert_eq!(rtt.get(), Some(80 * MS));
    }

    // RMC-REPAIR-16
    #[test]
    fn it_falls_by_an_eighth_of_the_way_an_interval_and_not_sooner() {
        let mut rtt = GroupRtt::default();
        rtt.report(80 * MS, at(0));
        rtt.report(16 * MS, at(10));
        rtt.report(16 * MS, at(999));
        assert_eq!(rtt.get(), Some(80 * MS));
        rtt.report(16 * MS, at(1_000));
        assert_eq!(rtt.get(), Some(72 * MS), "80 - (80 - 16) / 8");
        // The report that ended the interval belongs to the next one; a higher one counts there too.
        rtt.report(40 * MS, at(1_500));
        rtt.report(1 * MS, at(2_000));
        assert_eq!(rtt.get(), Some(68 * MS), "72 - (72 - 40) / 8");
    }

    // RMC-REPAIR-16
    #[test]
    fn an_interval_has_eight_round_trips_at_least() {
        let mut rtt = GroupRtt::default();
        rtt.report(500 * MS, at(0));
        rtt.report(100 * MS, at(1));
        rtt.report(100 * MS, at(3_999));
        assert_eq!(rtt.get(), Some(500 * MS));
        rtt.report(100 * MS, at(4_000));
        assert_eq!(rtt.get(), Some(450 * MS));
    }

    // RMC-REPAIR-16
    #[test]
    fn an_absurd_report_is_bounded() {
        let mut rtt = GroupRtt::default();
        rtt.report(60_000 * MS, at(0));
        assert_eq!(rtt.get(), Some(10_000 * MS));
    }
}
