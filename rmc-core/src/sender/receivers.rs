//! What a sender knows of its receivers together, and what it tells them of it (RMC-HB-6, RMC-HB-10 to RMC-HB-12).

use core::time::Duration;

use super::backoff::{self, Backoff};
use super::group_rtt::GroupRtt;
use super::group_size::Census;
use super::rounds::HoldOff;
use crate::config::RepairMode;
use crate::time::Instant;

/// A repair holds off for so long at least.
const LEAST_HOLD_OFF: Duration = Duration::from_millis(1);
/// What has changed is told once in so long, or in a round trip.
const LEAST_TELLING: Duration = Duration::from_millis(1);
/// While data flows everything is told again after so long.
const MOST_TELLING: Duration = Duration::from_millis(500);

/// The receivers of the group's stream.
#[derive(Clone)]
pub(crate) struct Receivers {
    mode: RepairMode,
    /// How long a receiver that has no estimate waits for an answer.
    patience: Duration,
    rtt: GroupRtt,
    backoff: Backoff,
    census: Census,
    told: Advertised,
    told_at: Option<Instant>,
}

/// What a Heartbeat of the group's stream says of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advertised {
    pub(crate) backoff: Duration,
    pub(crate) group: u32,
    /// Zero: unknown.
    pub(crate) rtt: Duration,
}

/// What receivers take for granted before they are told anything.
const UNTOLD: Advertised = Advertised { backoff: backoff::INITIAL, group: 1_000, rtt: Duration::ZERO };

const LEAST_COUNTING: Duration = Duration::from_millis(20);

impl Receivers {
    pub(crate) fn new(mode: RepairMode, patience: Duration) -> Self {
        Self {
            mode,
            patience,
            rtt: GroupRtt::default(),
            backoff: Backoff::default(),
            census: Census::default(),
            told: UNTOLD,
            told_at: None,
        }
    }

    pub(crate) const fn known(&self) -> u32 {
        self.census.known
    }

    /// In such a time a receiver's NACKs count once.
    pub(crate) fn counting_interval(&self) -> Duration {
        self.rtt.get().map_or(LEAST_COUNTING, |rtt| (rtt * 4).max(LEAST_COUNTING))
    }

    /// So many are known now.
    pub(crate) const fn counted(&mut self, census: Census) {
        self.census = census;
    }

    /// One of them reports its round trip.
    pub(crate) fn report_rtt(&mut self, round_trip: Duration, now: Instant) {
        self.rtt.report(round_trip, now);
    }

    /// A number was asked for the `nacks`th time before its repair could be heard.
    pub(crate) fn asked(&mut self, nacks: u16, now: Instant) {
        self.backoff.asked(nacks, self.group(), now);
    }

    /// A round is over in which so many asked.
    pub(crate) fn round_over(&mut self, nacks: u16) {
        self.backoff.round_over(nacks, self.group());
    }

    /// How long a repair holds off an asker: as long as its own round trip; where it does not know that, one and a half
    /// of the group's. While nothing is known of round trips: as long as receivers without an estimate wait before they
    /// ask again.
    pub(crate) fn hold_off(&self, own: Option<Duration>) -> HoldOff {
        let group = self.rtt.get();
        let answered = own.or(group.map(|rtt| rtt + rtt / 2));
        HoldOff {
            answered: answered.map_or(self.patience, |rtt| rtt.max(LEAST_HOLD_OFF)),
            unheard: group.map_or(self.patience, |rtt| rtt.max(LEAST_HOLD_OFF)),
        }
    }

    /// What holds now. Where each asker is answered alone none can spare another one its NACK, so that none need wait.
    pub(crate) fn advertised(&self) -> Advertised {
        let rtt = self.rtt.get().unwrap_or_default();
        match self.mode {
            RepairMode::Unicast => Advertised { backoff: Duration::ZERO, group: self.census.known, rtt },
            RepairMode::Multicast | RepairMode::Adaptive => {
                let group = self.group();
                Advertised { backoff: self.backoff.get(group), group: group.size, rtt }
            }
        }
    }

    /// A Heartbeat to the group leaves.
    pub(crate) fn tell(&mut self, now: Instant) {
        self.told = self.advertised();
        self.told_at = Some(now);
    }

    /// The round trip of the group, if any of them reported it.
    pub(crate) const fn round_trip(&self) -> Option<Duration> {
        self.rtt.get()
    }

    /// How many receivers they were told that there are; 0: nothing was told yet.
    pub(crate) const fn told_group(&self) -> u32 {
        if self.told_at.is_some() { self.told.group } else { 0 }
    }

    /// When the group must be told of what has changed; `None`: nothing has that matters.
    pub(crate) fn tells_at(&self) -> Option<Instant> {
        let now = self.advertised();
        let told = self.told;
        let backoff = has_changed(micros(told.backoff), micros(now.backoff));
        let group = has_changed(told.group.into(), now.group.into()) && now.backoff > Duration::ZERO;
        if self.mode == RepairMode::Unicast || (!backoff && !group) {
            return None;
        }
        let pause = self.rtt.get().unwrap_or_default().max(LEAST_TELLING);
        Some(self.told_at.map_or(Instant::ORIGIN, |at| at + pause))
    }

    /// Data leaves; returns whether the group was told nothing for so long that it must be again, if anybody is known.
    pub(crate) fn data_left(&mut self, now: Instant) -> bool {
        now >= *self.told_at.get_or_insert(now) + MOST_TELLING
    }

    fn group(&self) -> backoff::Group {
        backoff::Group { known: self.census.known, size: self.census.estimate(), rtt: self.rtt.get() }
    }
}

/// By a factor of two, or from or to nothing.
const fn has_changed(before: u64, after: u64) -> bool {
    before != after && (before == 0 || after == 0 || after >= before * 2 || before >= after * 2)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX / 2)
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Advertised, MOST_TELLING, Receivers};
    use crate::fingerprint::{Fingerprint, State, state};

    impl State for Receivers {
        fn put(&self, to: &mut Fingerprint) {
            let Self { mode: _, patience, rtt, backoff, census, told, told_at } = self;
            to.put(&(*patience, *told));
            to.put(rtt);
            to.put(backoff);
            to.put(census);
            to.for_as_long_as(rtt.get().unwrap_or_default().max(MOST_TELLING), *told_at);
        }
    }

    state! {
        Advertised { backoff, group, rtt }
    }
}

#[cfg(test)]
#[path = "receivers_tests.rs"]
mod tests;
