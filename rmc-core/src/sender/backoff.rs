//! The longest backoff that receivers shall put before a NACK: how it follows from how many asked (RMC-HB-10).

use core::time::Duration;

use crate::time::Instant;

/// Where it begins, and where it begins again when a second receiver is known.
pub(crate) const INITIAL: Duration = Duration::from_millis(10);
/// Longer it never is.
const MOST: Duration = Duration::from_secs(1);
/// More NACKs than this for one number, before its repair could be heard, double it.
const MANY: u16 = 4;
/// At most so many, in so many rounds in a row, halve it.
const FEW: u16 = 2;
const CALM_ROUNDS: u8 = 2;

/// What is known of those for whom it is meant.
#[derive(Clone, Copy)]
pub(crate) struct Group {
    /// Receivers known.
    pub(crate) known: u32,
    /// Receivers there probably are.
    pub(crate) size: u32,
    pub(crate) rtt: Option<Duration>,
}

/// The backoff that is advertised.
#[derive(Clone, Copy)]
pub(crate) struct Backoff {
    longest: Duration,
    doubled: Option<Instant>,
    /// Rounds in a row in which few asked.
    calm: u8,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { longest: INITIAL, doubled: None, calm: 0 }
    }
}

impl Backoff {
    /// None while one receiver is known and nothing speaks for another; else never below what keeps the NACKs of so
    /// many few.
    pub(crate) fn get(&self, group: Group) -> Duration {
        if group.known == 1 {
            return self.longest;
        }
        let longest = if self.longest == Duration::ZERO { INITIAL } else { self.longest };
        longest.max(least(group))
    }

    /// A NACK came: the `nacks`th for a number whose repair could not be heard yet.
    pub(crate) fn asked(&mut self, nacks: u16, group: Group, now: Instant) {
        if nacks <= MANY {
            return;
        }
        self.calm = 0;
        let longest = self.get(group);
        // One burst of losses brings so many for each of its numbers, and counts once.
        let pause = longest.max(group.rtt.unwrap_or_default());
        if self.doubled.is_some_and(|doubled| now < doubled + pause) {
            return;
        }
        self.doubled = Some(now);
        self.longest = if longest == Duration::ZERO { INITIAL } else { (longest * 2).min(MOST) };
    }

    /// What was asked for with one NACK first was asked for `nacks` times in all.
    pub(crate) fn round_over(&mut self, nacks: u16, group: Group) {
        if nacks > FEW {
            self.calm = 0;
            return;
        }
        self.calm += 1;
        if self.calm < CALM_ROUNDS {
            return;
        }
        self.calm = 0;
        self.longest = if group.known == 1 { Duration::ZERO } else { (self.get(group) / 2).max(least(group)) };
    }
}

/// A quarter of a round trip for each doubling of the group: at a third, one lost repair in a small group would make
/// what it was to repair wait for more than three round trips. While the round trip is unknown it does not fall at all.
fn least(group: Group) -> Duration {
    let Some(rtt) = group.rtt else { return INITIAL };
    let nanos = rtt.as_nanos().saturating_mul(u128::from(log2(group.size.max(1)))) / (4 << FRACTION);
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(MOST)
}

/// Bits behind the point.
const FRACTION: u32 = 16;

/// The binary logarithm, between powers of two on a straight line (at most 9 % of one below).
fn log2(number: u32) -> u64 {
    let whole = number.ilog2();
    let fraction = (u64::from(number) << FRACTION >> whole) - (1 << FRACTION);
    (u64::from(whole) << FRACTION) + fraction
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { Backoff { longest, doubled, calm } }

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const ALONE: Group = Group { known: 1, size: 1, rtt: Some(MS) };
    const MANY_KNOWN: Group = Group { known: 1_024, size: 1_024, rtt: Some(MS) };

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    // RMC-HB-10
    #[test]
    fn it_doubles_when_more_than_four_ask_for_one_number() {
        let mut backoff = Backoff::default();
        (1..=4).for_each(|nacks| backoff.asked(nacks, MANY_KNOWN, at(0)));
        assert_eq!(backoff.get(MANY_KNOWN), 10 * MS);
        backoff.asked(5, MANY_KNOWN, at(0));
        assert_eq!(backoff.get(MANY_KNOWN), 20 * MS);
    }

    /// Twenty numbers of one burst are asked for by five each: that is once.
    // RMC-HB-10
    #[test]
    fn it_doubles_once_in_a_backoff_or_a_round_trip() {
        for (rtt, pause) in [(MS, 20), (30 * MS, 30)] {
            let group = Group { rtt: Some(rtt), size: 2, ..MANY_KNOWN };
            let mut backoff = Backoff::default();
            backoff.asked(5, group, at(0));
            let first = backoff.get(group);
            backoff.asked(9, group, at(pause - 1));
            assert_eq!(backoff.get(group), first);
            backoff.asked(9, group, at(pause));
            assert_eq!(backoff.get(group), first * 2);
        }
    }

    // RMC-HB-10
    #[test]
    fn a_second_is_the_most() {
        let mut backoff = Backoff::default();
        (0..20).for_each(|second| backoff.asked(5, MANY_KNOWN, at(2_000 * second)));
        assert_eq!(backoff.get(MANY_KNOWN), 1_000 * MS);
        let slow = Group { rtt: Some(10_000 * MS), ..MANY_KNOWN };
        assert_eq!(Backoff::default().get(slow), 1_000 * MS);
    }

    // RMC-HB-10
    #[test]
    fn it_halves_after_two_rounds_in_a_row_with_at_most_two() {
        let after = |rounds: &[u16]| {
            let mut backoff = Backoff::default();
            rounds.iter().for_each(|&nacks| backoff.round_over(nacks, MANY_KNOWN));
            backoff.get(MANY_KNOWN)
        };
        assert_eq!(after(&[2]), 10 * MS);
        assert_eq!(after(&[2, 2]), 5 * MS);
        assert_eq!(after(&[2, 3, 2]), 10 * MS, "not in a row");
        assert_eq!(after(&[3, 3, 3, 3]), 10 * MS);
    }

    /// A round with many in it ends the row at once, not when it is over.
    // RMC-HB-10
    #[test]
    fn many_end_the_row() {
        let mut backoff = Backoff::default();
        backoff.round_over(1, MANY_KNOWN);
        backoff.asked(5, MANY_KNOWN, at(0));
        backoff.round_over(1, MANY_KNOWN);
        assert_eq!(backoff.get(MANY_KNOWN), 20 * MS);
    }

    // RMC-HB-10
    #[test]
    fn it_never_falls_below_a_quarter_of_a_round_trip_for_each_doubling_of_the_group() {
        for (size, least) in [(2, 250_000), (3, 375_000), (1_024, 2_500_000), (1_536, 2_625_000)] {
            let group = Group { size, ..MANY_KNOWN };
            let mut backoff = Backoff::default();
            (0..40).for_each(|_| backoff.round_over(1, group));
            assert_eq!(backoff.get(group), Duration::from_nanos(least), "{size}");
            // The group has grown since.
            assert!(backoff.get(Group { size: size * 4, ..group }) > backoff.get(group));
        }
    }

    // RMC-HB-10
    #[test]
    fn while_the_round_trip_is_unknown_it_does_not_fall() {
        let unknown = Group { rtt: None, ..MANY_KNOWN };
        let mut backoff = Backoff::default();
        (0..40).for_each(|_| backoff.round_over(1, unknown));
        assert_eq!(backoff.get(unknown), 10 * MS);
    }

    // RMC-HB-10
    #[test]
    fn it_is_nothing_only_while_one_receiver_is_known() {
        let mut backoff = Backoff::default();
        backoff.round_over(1, ALONE);
        assert_eq!(backoff.get(ALONE), 10 * MS);
        backoff.round_over(1, ALONE);
        assert_eq!(backoff.get(ALONE), Duration::ZERO);
        let two = Group { known: 2, size: 2, ..ALONE };
        assert_eq!(backoff.get(two), 10 * MS, "it begins again");
        backoff.asked(5, ALONE, at(0));
        assert_eq!(backoff.get(ALONE), 10 * MS, "others ask that cannot be known");
    }
}
