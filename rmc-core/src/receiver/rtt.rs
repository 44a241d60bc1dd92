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

/// How long to wait before the first sample.
#[derive(Clone, Copy)]
pub(crate) struct Untold {
    pub(crate) initial: Duration,
    /// Doubled, it is at most this.
    pub(crate) most: Duration,
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

    /// How long to wait for an answer: SRTT + max(1 ms, 4 RTTVAR); before the first sample `first.initial`, doubled as
    /// often as it was in vain: else at a round trip far above it no first attempt would ever be clean, and none give a
    /// sample.
    pub(crate) fn timeout(&self, first: Untold) -> Duration {
        match self.estimate.map(Estimate::nanos) {
            Some((smoothed, variation)) => Duration::from_nanos(smoothed + (4 * variation).max(MIN_VARIATION_NANOS)),
            None => first.initial.saturating_mul(1 << self.doublings).min(first.most.max(first.initial)),
        }
    }

    /// The same for a retry whose delay is doubled `doublings` times.
    pub(crate) fn retry(&self, first: Untold, doublings: u32) -> Duration {
        let carried = if self.estimate.is_none() { u32::from(self.doublings) } else { 0 };
        self.timeout(first).saturating_mul(1 << doublings.saturating_sub(carried))
    }

    /// A gap had to be asked for so often that its delay was doubled `doublings` times (RMC-RTT-5). A delay that has
    /// reached the longest already grows no more.
    pub(crate) fn in_vain(&mut self, doublings: u32, first: Untold) {
        if self.estimate.is_some() {
            return;
        }
        while u32::from(self.doublings) < doublings && self.timeout(first) < first.most {
            self.doublings += 1;
        }
    }

    /// A repair came so long after its gap was asked for first, and may answer that ask or a later one: the next first
    /// ask waits for as long, so that it can be clean (RMC-RTT-5).
    pub(crate) fn at_most(&mut self, took: Duration, first: Untold) {
        while self.estimate.is_none() && self.timeout(first) < took.min(first.most) {
            self.doublings += 1;
        }
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Rtt { estimate, doublings }
    Estimate { smoothed, variation }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INITIAL: Duration = Duration::from_millis(20);
    const FIRST: Untold = Untold { initial: INITIAL, most: Duration::from_millis(100) };

    #[test]
    fn before_the_first_sample_it_is_the_configured_time() {
        assert_eq!(Rtt::default().timeout(FIRST), INITIAL);
        assert_eq!(Rtt::default().smoothed(), None);
    }

    // RMC-RTT-5
    #[test]
    fn it_doubles_up_to_the_longest_until_there_is_a_sample() {
        let mut rtt = Rtt::default();
        for (doublings, millis) in (0..).zip([20, 40, 80, 100, 100]) {
            rtt.in_vain(doublings, FIRST);
            assert_eq!(rtt.timeout(FIRST), Duration::from_millis(millis));
        }
        assert_eq!(rtt.retry(FIRST, 3), Duration::from_millis(100), "what was carried over is not doubled again");
        rtt.in_vain(0, FIRST);
        assert_eq!(rtt.timeout(FIRST), Duration::from_millis(100), "it carries over");
        rtt.sample(Duration::from_millis(8));
        rtt.in_vain(9, FIRST);
        assert_eq!(rtt.timeout(FIRST), Duration::from_millis(8 + 16));
    }

    // RMC-RTT-5
    #[test]
    fn it_doubles_past_what_an_answer_may_have_taken() {
        let mut rtt = Rtt::default();
        for (took, millis) in [(20, 20), (21, 40), (30, 40), (81, 100), (1_000, 100), (5, 100)] {
            rtt.at_most(Duration::from_millis(took), FIRST);
            assert_eq!(rtt.timeout(FIRST), Duration::from_millis(millis), "{took}");
        }
    }

    #[test]
    fn an_initial_time_above_the_longest_is_not_doubled() {
        let mut rtt = Rtt::default();
        let first = Untold { initial: Duration::from_millis(30), most: Duration::from_millis(5) };
        rtt.in_vain(5, first);
        assert_eq!(rtt.timeout(first), Duration::from_millis(30));
    }

    #[test]
    fn the_first_sample_counts_half_as_its_deviation() {
        let mut rtt = Rtt::default();
        rtt.sample(Duration::from_millis(8));
        assert_eq!(rtt.smoothed(), Some(Duration::from_millis(8)));
        assert_eq!(rtt.timeout(FIRST), Duration::from_millis(8 + 16));
    }

    #[test]
    fn a_steady_round_trip_leaves_the_least_variation() {
        let mut rtt = Rtt::default();
        for _ in 0..100 {
            rtt.sample(Duration::from_micros(100));
        }
        assert_eq!(rtt.timeout(FIRST), Duration::from_micros(1_100));
    }

    #[test]
    fn an_absurd_sample_is_bounded() {
        let mut rtt = Rtt::default();
        rtt.sample(Duration::MAX);
        assert_eq!(rtt.smoothed(), Some(Duration::from_secs(60)));
    }
}
