//! A rate at which little has to be repaired (RMC-RATE-1, RMC-RATE-2): slowly up, quickly down.

use core::time::Duration;

use crate::config::{Config, Congestion};
use crate::time::Instant;

/// The rate is looked at once in so long, or in so many round trips of the group.
const LEAST_INTERVAL: Duration = Duration::from_millis(50);
const ROUND_TRIPS: u32 = 4;
/// And not before so many packets have left: of fewer, one is too much.
const LEAST_PACKETS: u64 = 200;
/// One repair in so many packets is too much: half of what is meant, as it is seen when it has happened.
const TOO_MANY: u64 = 200;
/// One in so many is little.
const FEW: u64 = 500;
/// By such a part it falls.
const FALL: u64 = 8;
/// By such a part of all that lies between floor and ceiling it rises.
const RISE: u64 = 256;

/// The rate of first transmissions and repairs together, in bytes a second.
#[derive(Clone, Copy)]
pub(crate) struct AdaptiveRate {
    floor: u64,
    ceiling: u64,
    rate: u64,
    packets: u64,
    repairs: u64,
    /// When the rate is looked at next.
    ends: Option<Instant>,
}

impl AdaptiveRate {
    /// Begins at the ceiling. `None`: the rate does not adapt.
    pub(crate) fn new(config: &Config) -> Option<Self> {
        let Congestion::Adaptive { floor, ceiling } = config.congestion else { return None };
        // A floor above `max_rate` is brought down to that: whoever sets a limit relies on it.
        let most = config.max_rate.unwrap_or(u64::MAX);
        let (floor, ceiling) = (floor.min(most), ceiling.min(most));
        Some(Self { floor, ceiling, rate: ceiling, packets: 0, repairs: 0, ends: None })
    }

    pub(crate) const fn get(&self) -> u64 {
        self.rate
    }

    /// A repair leaves.
    pub(crate) const fn repair_left(&mut self) {
        self.repairs += 1;
    }

    /// A packet leaves for the first time. Returns whether the rate has changed.
    pub(crate) fn data_left(&mut self, round_trip: Option<Duration>, now: Instant) -> bool {
        self.packets += 1;
        let interval = LEAST_INTERVAL.max(round_trip.unwrap_or_default() * ROUND_TRIPS);
        if now < *self.ends.get_or_insert(now + interval) || self.packets < LEAST_PACKETS {
            return false;
        }
        let before = self.rate;
        if self.repairs * TOO_MANY > self.packets {
            self.rate = (self.rate - self.rate / FALL).max(self.floor);
        } else if self.repairs * FEW <= self.packets {
            let step = ((self.ceiling - self.floor) / RISE).max(1);
            self.rate = self.rate.saturating_add(step).min(self.ceiling);
        }
        (self.packets, self.repairs, self.ends) = (0, 0, Some(now + interval));
        self.rate != before
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { AdaptiveRate { rate, packets, repairs, ends; floor, ceiling } }

#[cfg(test)]
mod tests {
    use core::net::SocketAddr;

    use super::*;

    fn rate() -> AdaptiveRate {
        limited(None)
    }

    fn limited(max_rate: Option<u64>) -> AdaptiveRate {
        let mut config = Config::new(SocketAddr::from(([239, 255, 77, 1], 8_000)), 1, 1);
        config.congestion = Congestion::Adaptive { floor: 1_000, ceiling: 257_000 };
        config.max_rate = max_rate;
        AdaptiveRate::new(&config).expect("it adapts")
    }

    const MS: Duration = Duration::from_millis(1);

    /// An interval in which so many of 1,000 packets are repaired.
    fn interval(rate: &mut AdaptiveRate, repairs: u64, from: Instant) -> u64 {
        for _ in 0..repairs {
            rate.repair_left();
        }
        for _ in 0..999 {
            assert!(!rate.data_left(None, from + 49 * MS));
        }
        rate.data_left(None, from + 50 * MS);
        rate.get()
    }

    fn at(intervals: u64) -> Instant {
        // Each is a little longer than the least, so that the next one begins behind it.
        Instant::from_origin(50 * MS * u32::try_from(intervals).expect("few"))
    }

    fn begun() -> AdaptiveRate {
        let mut rate = rate();
        assert!(!rate.data_left(None, at(0)));
        rate.packets = 0;
        rate
    }

    // RMC-RATE-1
    #[test]
    fn it_falls_by_an_eighth_when_more_than_one_in_two_hundred_is_repaired() {
        assert_eq!(interval(&mut begun(), 6, at(0)), 257_000 - 257_000 / 8);
    }

    // RMC-RATE-1
    #[test]
    fn one_in_two_hundred_changes_nothing() {
        assert_eq!(interval(&mut begun(), 5, at(0)), 257_000);
        let mut rate = begun();
        interval(&mut rate, 6, at(0));
        let low = rate.get();
        assert_eq!(interval(&mut rate, 3, at(1)), low, "3 are more than one in 500");
        assert_eq!(interval(&mut rate, 2, at(2)), low + 1_000, "a 256th of what lies between");
    }

    // RMC-RATE-2
    #[test]
    fn congestion_brings_the_rate_down_to_the_floor() {
        let mut rate = begun();
        for step in 0..100 {
            interval(&mut rate, 500, at(step));
        }
        assert_eq!(rate.get(), 1_000);
    }

    // RMC-RATE-2
    #[test]
    fn congestion_keeps_it_above_the_floor_and_below_the_ceiling() {
        let mut rate = begun();
        for step in 0..100 {
            assert!(interval(&mut rate, 500, at(step)) >= 1_000);
        }
        for step in 100..400 {
            assert!(interval(&mut rate, 0, at(step)) <= 257_000);
        }
        assert_eq!(rate.get(), 257_000);
    }

    /// Down to the floor as long as that is lower, and never up beyond it.
    // RMC-RATE-2
    #[test]
    fn a_limit_below_the_floor_is_the_rate_whatever_is_repaired() {
        for (max_rate, least) in [(1_001, 1_000), (1_000, 1_000), (999, 999), (1, 1)] {
            let mut rate = limited(Some(max_rate));
            rate.data_left(None, at(0));
            assert_eq!(rate.get(), max_rate);
            for step in 0..200 {
                let repairs = if step < 100 { 500 } else { 0 };
                interval(&mut rate, repairs, at(step));
                assert!((least..=max_rate).contains(&rate.get()), "{} under {max_rate}", rate.get());
            }
            assert_eq!(rate.get(), max_rate);
        }
    }

    // RMC-RATE-1
    #[test]
    fn an_interval_has_four_round_trips_and_two_hundred_packets_at_least() {
        let mut rate = rate();
        (0..11).for_each(|_| rate.repair_left());
        rate.data_left(Some(20 * MS), Instant::ORIGIN);
        for _ in 1..200 {
            rate.data_left(Some(20 * MS), Instant::ORIGIN);
        }
        assert!(!rate.data_left(Some(20 * MS), Instant::from_origin(80 * MS - Duration::from_nanos(1))));
        assert!(rate.data_left(Some(20 * MS), Instant::from_origin(80 * MS)));
        let mut rate = super::tests::rate();
        (0..11).for_each(|_| rate.repair_left());
        for _ in 0..199 {
            assert!(!rate.data_left(None, Instant::from_origin(500 * MS)), "too few");
        }
    }
}
