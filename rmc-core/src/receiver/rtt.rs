//! The round trip to one sender, measured by the receiver (RFC 6298, in integers; RMC-RTT-3, RMC-RTT-4).

use core::time::Duration;

/// A sample above this is taken for this: no NACK waits that long.
const MAX_SAMPLE_NANOS: u64 = 60_000_000_000;
/// The least that a retry waits beyond the smoothed round trip: clocks and schedulers are not finer.
const MIN_VARIATION_NANOS: u64 = 1_000_000;

/// There may be many peers: times are kept in steps of so many nanoseconds, so that 32 bits hold the longest sample.
const STEP_NANOS: u64 = 16;

/// Smoothed round trip and its mean deviation.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rtt {
    estimate: Option<Estimate>,
    /// Before the first sample: how often the initial time was doubled in vain (RFC 6298 section 5.7).
    doublings: u8,
}

#[derive(Clone, Copy)]
struct Estimate {
    smoothed: u32,
    variation: u32,
}

impl Estimate {
    const fn nanos(self) -> (u64, u64) {
        (self.smoothed as u64 * STEP_NANOS, self.variation as u64 * STEP_NANOS)
    }

    fn of(smoothed: u64, variation: u64) -> Self {
        let steps = |nanos: u64| u32::try_from(nanos / STEP_NANOS).unwrap_or(u32::MAX);
        Self { smoothed: steps(smoothed), variation: steps(variation) }
    }
}

impl Rtt {
    pub(crate) const fn new() -> Self {
        Self { estimate: None, doublings: 0 }
    }

    /// Takes a sample (RFC 6298 section 2: gains 1/8 and 1/4).
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        let sample = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX).min(MAX_SAMPLE_NANOS);
        self.estimate = Some(match self.estimate.map(Estimate::nanos) {
            None => Estimate::of(sample, sample / 2),
            Some((smoothed, variation)) => {
                Estimate::of((smoothed * 7 + sample) / 8, (variation * 3 + smoothed.abs_diff(sample)) / 4)
            }
        });
    }

    /// The smoothed round trip, once there is a sample.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.estimate.map(|estimate| Duration::from_nanos(estimate.nanos().0))
    }

    /// How long to wait for an answer: SRTT + max(1 ms, 4 RTTVAR); before the first sample `initial`, doubled as often
    /// as it was in vain: else at a round trip far above it no first attempt would ever be clean, and none give a
    /// sample.
    pub(crate) fn timeout(&self, initial: Duration) -> Duration {
        match self.estimate.map(Estimate::nanos) {
            Some((smoothed, variation)) => Duration::from_nanos(smoothed + (4 * variation).max(MIN_VARIATION_NANOS)),
            None => initial.saturating_mul(1 << self.doublings),
        }
    }

    /// The same for a retry whose delay is doubled `doublings` times.
    pub(crate) fn retry(&self, initial: Duration, doublings: u32) -> Duration {
        let carried = if self.estimate.is_none() { u32::from(self.doublings) } else { 0 };
        self.timeout(initial).saturating_mul(1 << doublings.saturating_sub(carried))
    }

    /// A gap had to be asked for so often that its delay was doubled `doublings` times (RMC-RTT-5). A delay that has
    /// reached `most` already grows no more.
    pub(crate) fn in_vain(&mut self, doublings: u32, initial: Duration, most: Duration) {
        if self.estimate.is_some() {
            return;
        }
        while u32::from(self.doublings) < doublings && self.timeout(initial) < most {
            self.doublings += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: Duration = Duration::from_millis(20);

    #[test]
    fn before_the_first_sample_it_is_the_configured_time() {
        assert_eq!(Rtt::default().timeout(INITIAL), INITIAL);
        assert_eq!(Rtt::default().smoothed(), None);
    }

    #[test]
    fn the_first_sample_counts_half_as_its_deviation() {
        let mut rtt = Rtt::default();
        rtt.sample(Duration::from_millis(8));
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(8)));
        assert_eq!(rtt.timeout(INITIAL), Duration::from_millis(8 + 16));
    }

    #[test]
    fn a_steady_round_trip_leaves_the_least_variation() {
        let mut rtt = Rtt::default();
        for _ in 0..100 {
            rtt.sample(Duration::from_micros(100));
        }
        assert_eq!(rtt.timeout(INITIAL), Duration::from_micros(1_100));
    }

    #[test]
    fn an_absurd_sample_is_bounded() {
        let mut rtt = Rtt::default();
        rtt.sample(Duration::MAX);
        assert_eq!(rtt.smoothed(), Some(Duration::from_secs(60)));
    }
}
