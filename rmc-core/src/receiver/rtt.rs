//! The round trip to one sender, measured by the receiver (RFC 6298, in integers; RMC-RTT-3, RMC-RTT-4).

use core::time::Duration;

/// A sample above this is taken for this: no NACK waits that long.
const MAX_SAMPLE_NANOS: u64 = 60_000_000_000;
/// The least that a retry waits beyond the smoothed round trip: clocks and schedulers are not finer.
const MIN_VARIATION_NANOS: u64 = 1_000_000;

/// Smoothed round trip and its mean deviation, in nanoseconds.
#[derive(Clone, Copy, Default)]
pub(crate) struct Rtt {
    estimate: Option<Estimate>,
}

#[derive(Clone, Copy)]
struct Estimate {
    smoothed: u64,
    variation: u64,
}

impl Rtt {
    pub(crate) const fn new() -> Self {
        Self { estimate: None }
    }

    /// Takes a sample (RFC 6298 section 2: gains 1/8 and 1/4).
    pub(crate) fn sample(&mut self, round_trip: Duration) {
        let sample = u64::try_from(round_trip.as_nanos()).unwrap_or(u64::MAX).min(MAX_SAMPLE_NANOS);
        self.estimate = Some(match self.estimate {
            None => Estimate { smoothed: sample, variation: sample / 2 },
            Some(Estimate { smoothed, variation }) => Estimate {
                variation: (variation * 3 + smoothed.abs_diff(sample)) / 4,
                smoothed: (smoothed * 7 + sample) / 8,
            },
        });
    }

    /// The smoothed round trip, once there is a sample.
    pub(crate) fn smoothed(&self) -> Option<Duration> {
        self.estimate.map(|estimate| Duration::from_nanos(estimate.smoothed))
    }

    /// How long to wait for an answer: SRTT + max(1 ms, 4 RTTVAR); before the first sample `initial`.
    pub(crate) fn timeout(&self, initial: Duration) -> Duration {
        self.estimate.map_or(initial, |Estimate { smoothed, variation }| {
            Duration::from_nanos(smoothed + (4 * variation).max(MIN_VARIATION_NANOS))
        })
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Rtt { estimate }
    Estimate { smoothed, variation }
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
