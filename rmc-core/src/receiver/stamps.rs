//! The stamps of the NACKs of one stream: which answers are answers, and how long they took (RMC-NACK-2, RMC-RTT-1).

use alloc::collections::VecDeque;
use core::time::Duration;

use crate::rng::Rng;
use crate::time::Instant;

/// How many NACKs an answer may refer to: at a long round trip many are under way at once.
const REMEMBERED: usize = 1 << PLACE_BITS;
/// So many bits of a stamp say which of them it is; nobody can guess the others.
const PLACE_BITS: u32 = 10;

/// The stamps of the last NACKs.
#[derive(Clone, Default)]
pub(crate) struct Stamps {
    /// Ascending by time.
    sent: VecDeque<Sent>,
    /// How many were sent.
    count: u32,
}

#[derive(Clone, Copy)]
struct Sent {
    stamp: u32,
    at: Instant,
    /// Whether an answer gave a sample already: one per NACK.
    sampled: bool,
}

impl Stamps {
    /// A NACK leaves: its stamp.
    pub(crate) fn add(&mut self, at: Instant, rng: &mut Rng) -> u32 {
        let stamp = rng.nonzero_u32() << PLACE_BITS | place(self.count);
        // Both parts may be 0.
        let stamp = if stamp == 0 { 1 << PLACE_BITS } else { stamp };
        if self.sent.len() == REMEMBERED {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { stamp, at, sampled: false });
        self.count = self.count.wrapping_add(1);
        stamp
    }

    /// Whether `stamp` is that of one of the last NACKs.
    pub(crate) fn knows(&self, stamp: u32) -> bool {
        self.find(stamp).is_some()
    }

    /// When the NACK with `stamp` left; `None`: before the last ones.
    pub(crate) fn sent_at(&self, stamp: u32) -> Option<Instant> {
        self.find(stamp).and_then(|index| self.sent.get(index)).map(|sent| sent.at)
    }

    /// The NACK with `stamp` was answered: the round trip, if this is its first answer, and it was sent at `from` or
    /// later.
    pub(crate) fn answered(&mut self, stamp: u32, from: Instant, now: Instant) -> Option<Duration> {
        let index = self.find(stamp)?;
        let sent = self.sent.get_mut(index).filter(|sent| !sent.sampled)?;
        sent.sampled = true;
        (sent.at >= from).then(|| now.saturating_since(sent.at))
    }

    fn find(&self, stamp: u32) -> Option<usize> {
        let back = place(self.count.wrapping_sub(1).wrapping_sub(stamp)) as usize;
        let index = self.sent.len().checked_sub(1 + back)?;
        self.sent.get(index).filter(|sent| sent.stamp == stamp).map(|_| index)
    }
}

const fn place(number: u32) -> u32 {
    number & ((1 << PLACE_BITS) - 1)
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Sent, Stamps};
    use crate::fingerprint::{Fingerprint, State};

    /// From the oldest to the last: how many were sent before shows in their values only.
    impl State for Stamps {
        fn put(&self, to: &mut Fingerprint) {
            let Self { sent, count: _ } = self;
            to.put(sent);
        }
    }

    impl State for Sent {
        fn put(&self, to: &mut Fingerprint) {
            let Self { stamp, at, sampled } = self;
            to.stamp(*stamp);
            // The time is for the sample, of which there is one.
            to.put(&(!sampled).then_some(*at));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    // RMC-NACK-2, RMC-RTT-1, RMC-LOST-4
    #[test]
    fn the_last_1024_are_known_and_each_gives_one_sample() {
        let (mut stamps, mut rng) = (Stamps::default(), Rng::new(1));
        let sent: Vec<u32> = (0..5_000).map(|millis| stamps.add(at(millis), &mut rng)).collect();
        for (millis, &stamp) in (0..).zip(&sent) {
            let is_known = millis >= 5_000 - 1_024;
            assert_eq!(stamps.knows(stamp), is_known, "{millis}");
            let round_trip = is_known.then(|| Duration::from_millis(6_000 - millis));
            assert_eq!(stamps.answered(stamp, Instant::ORIGIN, at(6_000)), round_trip, "{millis}");
            assert_eq!(stamps.answered(stamp, Instant::ORIGIN, at(6_000)), None, "once");
            assert_eq!(stamps.knows(stamp), is_known);
        }
    }

    // RMC-NACK-2
    #[test]
    fn none_is_0_and_none_is_like_another() {
        let (mut stamps, mut rng) = (Stamps::default(), Rng::new(2));
        let mut sent: Vec<u32> = (0..1_024).map(|_| stamps.add(at(0), &mut rng)).collect();
        assert!(!stamps.knows(0) && !sent.contains(&0));
        sent.sort_unstable();
        sent.dedup();
        assert_eq!(sent.len(), 1_024);
    }

    #[test]
    fn others_are_not_known() {
        let (mut stamps, mut rng) = (Stamps::default(), Rng::new(3));
        assert!(!stamps.knows(0) && !stamps.knows(1));
        let stamp = stamps.add(at(0), &mut rng);
        assert!((0..32).all(|bit| !stamps.knows(stamp ^ 1 << bit)));
    }
}
