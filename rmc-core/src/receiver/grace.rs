//! How long a gap may be nothing but reordering (RMC-GAP-12).

use core::time::Duration;

/// No network that is worth waiting for holds a packet back for longer.
const MOST: Duration = Duration::from_millis(100);
/// Less than this is not worth a timer.
const LEAST: Duration = Duration::from_micros(20);

/// The reordering that was really seen: zero while there was none.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Grace(Duration);

impl Grace {
    /// How long to wait before a gap counts as loss.
    pub(crate) const fn wait(self) -> Duration {
        self.0
    }

    /// A first transmission came so late behind one that it should have come before: waiting a quarter longer would
    /// have shown it.
    pub(crate) fn reordered(&mut self, late: Duration) {
        self.0 = self.0.max((late + late / 4).min(MOST)).max(LEAST);
    }

    /// A gap was loss, not reordering: who reorders no more is waited for less and less.
    pub(crate) fn lost(&mut self) {
        self.0 -= self.0 / 16;
        if self.0 < LEAST {
            self.0 = Duration::ZERO;
        }
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Grace {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        to.put(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_nothing_until_something_is_reordered_and_fades_while_nothing_is() {
        let mut grace = Grace::default();
        grace.lost();
        assert_eq!(grace.wait(), Duration::ZERO);
        grace.reordered(Duration::from_millis(4));
        grace.reordered(Duration::from_millis(1));
        assert_eq!(grace.wait(), Duration::from_millis(5));
        (0..30).for_each(|_| grace.lost());
        assert!(grace.wait() < Duration::from_millis(1));
        (0..100).for_each(|_| grace.lost());
        assert_eq!(grace.wait(), Duration::ZERO);
    }

    #[test]
    fn it_has_a_bound() {
        let mut grace = Grace::default();
        grace.reordered(Duration::from_secs(3));
        assert_eq!(grace.wait(), MOST);
    }
}
