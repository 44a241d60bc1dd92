//! One number that a sender is asked for: to whom its repair is owed since the last one left, and where it may go.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::Instant;

use super::requests::{Repaired, Rules};
use super::script::Repair;

/// While no round trip is known a repair holds off for the default `nack_resend_time` (RMC-REPAIR-14).
const PATIENCE: Duration = Duration::from_millis(20);
/// No repair of the group's stream to the group, or to a proven asker, holds off for less.
const LEAST_HOLD_OFF: Duration = Duration::from_millis(1);
/// A repair is remembered for as long as it holds off four times at least.
const LEAST_MEMORY: Duration = Duration::from_millis(4);

/// `None`: all together that have not proven their addresses.
pub(super) type Asker = Option<SocketAddr>;

/// One number.
#[derive(Default)]
pub(super) struct Asked {
    pub(super) nacks: u32,
    repairs: u32,
    /// When the last repair left to all, and to each alone.
    to_all: Option<Instant>,
    to: BTreeMap<SocketAddr, Instant>,
    /// Since the last repair left.
    stands: Stands,
    last: Option<(Instant, Went)>,
    /// It may be owed to all, whatever else is known.
    pub(super) may_be_common: bool,
}

/// To whom a number is owed (RMC-REPAIR-13), where it was asked for since its last repair left.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Stands {
    /// Nobody has asked.
    #[default]
    Nowhere,
    /// Only this one has.
    With(Asker),
    /// Several have.
    Common,
    /// Somebody has, but its last repair may hold that off.
    Unsure,
}

/// To whom a repair went.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Went {
    ToAll,
    /// To the only one that had asked.
    To(SocketAddr),
    /// To one alone, and who else had asked is not known.
    Astray,
}

impl Asked {
    /// Whether a NACK that comes now is answered for sure: no repair that its asker may have heard can hold it off.
    pub(super) fn must_answer(&self, now: Instant, from: SocketAddr, own: Duration, longest: Duration) -> bool {
        let left = self.to_all.max(self.to.get(&from).copied());
        left.is_none_or(|left| now >= left + self.longest_hold_off(own, longest))
    }

    /// An asker names it. Returns how it stood, and how it stands.
    pub(super) fn name(&mut self, now: Instant, asker: Asker, own: Duration, longest: Duration) -> (Stands, Stands) {
        let before = self.stands;
        self.stands = match (before, self.last) {
            (Stands::Nowhere, Some((left, went))) if now < left + self.longest_hold_off(own, longest) => {
                let is_held = now < left + shortest_hold_off(own);
                match went {
                    Went::ToAll if is_held => Stands::Nowhere,
                    Went::To(to) if is_held && asker == Some(to) => Stands::Nowhere,
                    Went::To(_) if is_held => Stands::Common,
                    _ => Stands::Unsure,
                }
            }
            (Stands::Nowhere, _) => Stands::With(asker),
            (Stands::With(other), _) if other != asker => Stands::Common,
            _ => before,
        };
        self.may_be_common |= matches!(self.stands, Stands::Common | Stands::Unsure);
        (before, self.stands)
    }

    /// A repair leaves. Returns how it stood.
    pub(super) fn leaves(&mut self, at: Instant, place: &str, repair: &Repaired, rules: Rules) -> Stands {
        self.repairs += 1;
        // RMC-REPAIR-7, RMC-REPAIR-17
        let copies = if repair.is_private() || rules.mode == Repair::Unicast { 1 } else { 2 };
        assert!(self.repairs <= copies * self.nacks, "{place}: repair {} of {}", self.repairs, repair.seq);
        if !repair.is_private() {
            self.check(at, place, repair, rules);
        }
        match repair.to {
            Some(to) => {
                self.to.insert(to, at);
            }
            None => self.to_all = Some(at),
        }
        if !repair.is_of_round(rules) {
            return self.stands;
        }
        let before = std::mem::take(&mut self.stands);
        let went = match repair.to {
            None => Went::ToAll,
            Some(to) if before == Stands::With(Some(to)) => Went::To(to),
            // Once more.
            Some(to) if before == Stands::Nowhere && self.last.is_some_and(|(_, went)| went == Went::To(to)) => {
                Went::To(to)
            }
            Some(_) => Went::Astray,
        };
        self.last = Some((at, went));
        before
    }

    /// Whether its last repair, which went to one alone, may be owed once more (RMC-REPAIR-17).
    pub(super) fn may_leave_again(&self, before: Stands) -> bool {
        self.repairs > 1 && before != Stands::Nowhere
    }

    /// How long its last repair holds off a NACK at most. From the fifth round on each holds off for longer
    /// (RMC-REPAIR-15); each round has a repair.
    fn longest_hold_off(&self, own: Duration, longest: Duration) -> Duration {
        let known = if own > Duration::ZERO { own } else { PATIENCE.max(longest * 3 / 2) };
        known.max(LEAST_HOLD_OFF) * (1 << self.repairs.saturating_sub(4).min(6))
    }

    /// RMC-REPAIR-13, RMC-REPAIR-14.
    fn check(&self, at: Instant, place: &str, repair: &Repaired, rules: Rules) {
        let &Repaired { to, seq, .. } = repair;
        match rules.mode {
            Repair::Unicast => assert!(rules.verify || to.is_some(), "{place}: it repairs {seq} for all"),
            Repair::Multicast => assert_eq!(to, None, "{place}: it repairs {seq} for one"),
            Repair::Adaptive => {}
        }
        if to.is_none() {
            let is_held = self.to_all.is_some_and(|left| at < left + LEAST_HOLD_OFF);
            assert!(!is_held, "{place}: it repairs {seq} for all, as it just did");
        }
    }
}

/// For how long a repair holds off at least one that tells this round trip.
fn shortest_hold_off(own: Duration) -> Duration {
    own.clamp(LEAST_HOLD_OFF, LEAST_MEMORY)
}
