//! The token bucket: how many bytes may leave when (RMC-PACE-2, RMC-PACE-3).

use core::time::Duration;

use crate::time::Instant;

/// One byte of credit, in bytes times nanoseconds: so that no fraction of a byte is lost.
const BYTE: i128 = 1_000_000_000;

/// A bucket that fills with `rate` bytes a second up to `burst`.
#[derive(Clone, Copy)]
pub(crate) struct Pacing {
    rate: Option<u64>,
    burst: i128,
    credit: i128,
    filled: Instant,
}

impl Pacing {
    /// A full bucket.
    pub(crate) const fn new(rate: Option<u64>, burst: usize, now: Instant) -> Self {
        let burst = burst as i128 * BYTE;
        Self { rate, burst, credit: burst, filled: now }
    }

    /// Whether there is a rate at all.
    #[inline]
    pub(crate) const fn is_limited(&self) -> bool {
        self.rate.is_some()
    }

    /// From now on the bucket fills at this rate.
    pub(crate) fn set_rate(&mut self, rate: u64, now: Instant) {
        self.fill(self.rate.unwrap_or(rate), now);
        self.rate = Some(rate);
    }

    /// When `len` bytes may leave: `None`: now.
    pub(crate) fn wait(&mut self, len: usize, now: Instant) -> Option<Instant> {
        let rate = self.rate?;
        self.fill(rate, now);
        let lacking = len as i128 * BYTE - self.credit;
        if lacking <= 0 {
            return None;
        }
        let nanos = u64::try_from((lacking + i128::from(rate) - 1) / i128::from(rate)).unwrap_or(u64::MAX);
        Some(now + Duration::from_nanos(nanos.max(1)))
    }

    /// `len` bytes leave, whether there is credit or not.
    pub(crate) fn spend(&mut self, len: usize, now: Instant) {
        if let Some(rate) = self.rate {
            self.fill(rate, now);
            self.credit -= len as i128 * BYTE;
        }
    }

    /// When half of the burst is there, if nothing leaves until then.
    pub(crate) fn half_full_at(&self) -> Instant {
        let lacking = u128::try_from(self.burst / 2 - self.credit).unwrap_or(0);
        let nanos = lacking.div_ceil(self.rate.map_or(u128::MAX, u128::from));
        self.filled + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    fn fill(&mut self, rate: u64, now: Instant) {
        let nanos = now.saturating_since(self.filled).as_nanos();
        self.filled = now;
        let gained = i128::try_from(nanos).unwrap_or(i128::MAX >> 64).saturating_mul(i128::from(rate));
        self.credit = self.credit.saturating_add(gained).min(self.burst);
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Pacing {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { rate, burst: _, credit, filled } = self;
        if rate.is_some() {
            to.put(filled);
            to.bytes(&credit.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RMC-RATE-1, RMC-PACE-2
    #[test]
    fn a_new_rate_holds_from_now_on() {
        for (rate, credit) in [(100, 500), (1_000, 500), (10_000, 500)] {
            let mut pacing = Pacing::new(Some(1_000), 1_000, Instant::ORIGIN);
            pacing.spend(1_000, Instant::ORIGIN);
            let now = Instant::from_origin(Duration::from_millis(500));
            pacing.set_rate(rate, now);
            assert_eq!(pacing.wait(credit, now), None, "{rate}");
            let wait = Duration::from_nanos(1_000_000_000 / rate);
            assert_eq!(pacing.wait(credit + 1, now), Some(now + wait), "{rate}");
        }
    }
}
