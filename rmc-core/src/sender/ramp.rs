//! How much more than its part an asker may take for itself (RMC-BUDGET-2).
//!
//! A sender does not know what the network bears. So an asker that its part does not do for gets more step by step, and
//! only as long as its round trip does not grow: that would show that its repairs stand in a queue, in the way of
//! others.

use core::time::Duration;

use crate::time::Instant;

/// The repairs of one asker are at first such a part of what all repairs together may be.
const MOST_PARTS: u32 = 8;
/// Twice as much after so long: soon enough that what waits meanwhile is little, late enough that a queue shows.
const STEP: Duration = Duration::from_millis(50);
/// The last step: no limit.
const UNLIMITED: u8 = 4;
/// Whom its part has done for so long begins again.
const FORGOTTEN: Duration = Duration::from_secs(1);
/// A round trip that has grown by so much, and to twice what it was, shows a queue.
const GROWN: Duration = Duration::from_millis(10);
/// What was too much is tried again after so long, twice as long each time.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const MOST_PAUSE: Duration = Duration::from_secs(64);
/// A round trip that stays longer becomes the usual one: by such a part of the way in each second.
const USUAL_GAIN: u32 = 64;
const USUAL_INTERVAL: Duration = Duration::from_secs(1);

/// How far one asker is.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ramp {
    steps: u8,
    next_step: Option<Instant>,
    lacking: Option<Instant>,
    pause: Duration,
    /// The round trip without a queue, as far as it was seen.
    usual: Option<Duration>,
    usual_until: Instant,
    /// The last round trip was longer.
    has_grown: bool,
}

impl Ramp {
    pub(crate) const fn new() -> Self {
        Self {
            steps: 0,
            next_step: None,
            lacking: None,
            pause: FIRST_PAUSE,
            usual: None,
            usual_until: Instant::ORIGIN,
            has_grown: false,
        }
    }

    /// The asker reports its round trip.
    pub(crate) fn report(&mut self, rtt: Duration, now: Instant) {
        let usual = self.usual.map_or(rtt, |usual| usual.min(rtt));
        self.has_grown = rtt > usual * 2 && rtt > usual + GROWN;
        if self.has_grown {
            self.fall(now);
        }
        if now >= self.usual_until {
            self.usual_until = now + USUAL_INTERVAL;
            self.usual = Some(usual + (rtt - usual) / USUAL_GAIN);
        } else {
            self.usual = Some(usual);
        }
    }

    /// Whether its round trip shows a queue.
    pub(crate) const fn sees_queue(&self) -> bool {
        self.has_grown
    }

    /// Its part does not do.
    pub(crate) fn lack(&mut self, now: Instant) {
        if self.lacking.is_none_or(|lacking| now >= lacking + FORGOTTEN) {
            self.steps = 0;
            self.next_step = self.next_step.max(Some(now + STEP));
        }
        self.lacking = Some(now);
        let next = *self.next_step.get_or_insert(now + STEP);
        if now >= next && self.steps < UNLIMITED {
            self.steps += 1;
            self.next_step = Some(now + STEP);
        }
    }

    /// In how many parts the repairs' share is divided for it, of so many receivers; `None`: it has no limit.
    pub(crate) fn parts(&self, receivers: u32) -> Option<u32> {
        // Who is the only one known may be one of thousands: the others have not lost anything.
        let parts = if receivers < 2 { MOST_PARTS } else { receivers.min(MOST_PARTS) };
        (self.steps < UNLIMITED).then(|| (parts >> self.steps).max(1))
    }

    fn fall(&mut self, now: Instant) {
        if self.steps > 0 {
            self.steps = 0;
            self.next_step = Some(now + self.pause);
            self.pause = (self.pause * 2).min(MOST_PAUSE);
        }
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Ramp {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { steps, next_step, lacking, pause, usual, usual_until, has_grown } = self;
        to.put(&(*steps, next_step.is_some()));
        to.ahead(*next_step);
        to.ahead(lacking.map(|lacking| lacking + FORGOTTEN));
        to.put(&(*pause, (*usual, *has_grown)));
        to.ahead(Some(*usual_until));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn at(millis: u64) -> Instant {
        Instant::from_origin(Duration::from_millis(millis))
    }

    /// Lacks something each 10 ms, with a round trip of `rtt`; returns its parts in the end.
    fn lack(ramp: &mut Ramp, from: u64, until: u64, rtt: Duration) -> Option<u32> {
        for step in from / 10..=until / 10 {
            ramp.report(rtt, at(step * 10));
            ramp.lack(at(step * 10));
        }
        ramp.parts(100)
    }

    // RMC-BUDGET-2
    #[test]
    fn an_asker_gets_one_of_eight_parts_or_of_so_many_as_there_are_receivers() {
        for (receivers, parts) in [(0, 8), (1, 8), (2, 2), (7, 7), (8, 8), (9, 8), (10_000, 8)] {
            assert_eq!(Ramp::new().parts(receivers), Some(parts), "{receivers}");
        }
    }

    // RMC-BUDGET-2
    #[test]
    fn what_does_not_do_is_doubled_each_20th_of_a_second() {
        let mut ramp = Ramp::new();
        for (from, until, parts) in [
            (5_000, 5_040, Some(8)),
            (5_050, 5_050, Some(4)),
            (5_060, 5_090, Some(4)),
            (5_100, 5_140, Some(2)),
            (5_150, 5_190, Some(1)),
            (5_200, 5_200, None),
            (5_210, 9_000, None),
        ] {
            assert_eq!(lack(&mut ramp, from, until, MS), parts, "{until}");
        }
    }

    // RMC-BUDGET-2
    #[test]
    fn a_round_trip_that_grows_ends_that() {
        for (before, after, grows) in [(1, 11, false), (1, 12, true), (20, 40, false), (20, 41, true)] {
            let mut ramp = Ramp::new();
            lack(&mut ramp, 1_000, 3_000, MS * before);
            ramp.report(MS * after, at(3_001));
            assert_eq!(ramp.parts(100), grows.then_some(8), "{before} {after}");
        }
    }

    /// After 2 s, 4 s, and so on.
    // RMC-BUDGET-2
    #[test]
    fn what_was_too_much_is_tried_again_later_and_later() {
        let mut ramp = Ramp::new();
        let mut now = 1_000;
        lack(&mut ramp, now, now + 40, MS);
        now += 50;
        for pause in [2_000, 4_000, 8_000, 16_000, 32_000, 64_000, 64_000] {
            assert_eq!(lack(&mut ramp, now, now, MS), Some(4), "{now}");
            ramp.report(50 * MS, at(now));
            assert_eq!(ramp.parts(100), Some(8));
            assert_eq!(lack(&mut ramp, now, now + pause - 10, MS), Some(8), "{pause}");
            now += pause;
        }
    }

    /// Also by one whom its part has done for more than a second meanwhile.
    // RMC-BUDGET-2
    #[test]
    fn a_pause_lasts_though_nothing_is_lacking_for_a_second() {
        let mut ramp = Ramp::new();
        lack(&mut ramp, 1_000, 3_000, MS);
        ramp.report(50 * MS, at(3_000));
        assert_eq!(lack(&mut ramp, 4_500, 4_990, MS), Some(8));
        assert_eq!(lack(&mut ramp, 5_000, 5_000, MS), Some(4));
    }

    // RMC-BUDGET-2
    #[test]
    fn whom_its_part_has_done_for_a_second_begins_again() {
        for (pause, parts) in [(990, None), (1_000, Some(8))] {
            let mut ramp = Ramp::new();
            lack(&mut ramp, 1_000, 3_000, MS);
            ramp.lack(at(3_000 + pause));
            assert_eq!(ramp.parts(100), parts);
        }
    }

    /// A route that is longer from now on is no queue for ever.
    // RMC-BUDGET-2
    #[test]
    fn a_longer_round_trip_becomes_the_usual_one_in_a_minute_or_two() {
        let mut ramp = Ramp::new();
        ramp.report(MS, at(0));
        let mut seconds = 0;
        while ramp.steps == 0 {
            seconds += 1;
            assert!(seconds < 200);
            lack(&mut ramp, seconds * 1_000, seconds * 1_000 + 990, 100 * MS);
        }
        assert!(seconds > 1);
        while lack(&mut ramp, seconds * 1_000, seconds * 1_000 + 990, 100 * MS).is_some() {
            seconds += 1;
            assert!(seconds < 200);
        }
        assert!((40..150).contains(&seconds), "{seconds}");
    }
}
