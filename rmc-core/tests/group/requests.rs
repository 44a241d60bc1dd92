//! What one sender is asked for, and what it may and must answer: each number in its time, to those whom the mode says,
//! and little to an address that has not proven that it receives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::{Instant, SeqRange, Stream};

use super::script::Repair;

/// How all nodes answer.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) mode: Repair,
    pub(super) verify: bool,
}

/// A NACK that a sender got.
pub(super) struct Nack {
    pub(super) from: SocketAddr,
    pub(super) stream: Stream,
    pub(super) ranges: Vec<SeqRange>,
    pub(super) cookie: u32,
    pub(super) rtt: Duration,
}

/// While no round trip is known a repair holds off for the default `nack_resend_time` (RMC-REPAIR-14).
const PATIENCE: Duration = Duration::from_millis(20);
/// No repair of the group's stream to the group, or to a proven asker, holds off for less.
const LEAST_HOLD_OFF: Duration = Duration::from_millis(1);
/// So much an asker may take at once before it may have to wait (RMC-BUDGET-1), and then not for longer than data flows
/// after its last packet, or until some more is sent.
const LEAST_BURST: usize = 32 << 10;
const FLOWS_FOR: Duration = Duration::from_millis(20);
/// The longest in a script.
const MAX_DATAGRAM: usize = 200;
/// So much fits, whatever is owed already: as much as one NACK names.
const MAX_RANGES: usize = 32;
/// The bytes that go to an unproven address, against those that came (RMC-PROOF-4).
const MOST_GAIN: usize = 3;

/// What a sender, in one epoch, was asked for and has answered.
#[derive(Default)]
pub(super) struct Requests {
    /// What it was asked for, has kept and not sent again: by whom (`None`: all who have not proven their addresses),
    /// of which stream, and the numbers.
    debts: BTreeMap<(Option<SocketAddr>, Stream), BTreeSet<u64>>,
    /// By the asker of a private stream (`None`: the group's), and the number.
    numbers: BTreeMap<(Option<SocketAddr>, u64), Asked>,
    askers: BTreeMap<SocketAddr, Asker>,
    /// The longest round trip that any NACK or Ack told.
    longest: Duration,
    /// Bytes of repairs that have left.
    repaired: usize,
}

/// One number.
#[derive(Default)]
struct Asked {
    nacks: u32,
    repairs: u32,
    /// When the last repair left to all, and to each alone.
    to_all: Option<Instant>,
    to: BTreeMap<SocketAddr, Instant>,
}

/// One address.
#[derive(Default)]
struct Asker {
    /// What came from it and what went there, in bytes, but for what the application sends.
    came: usize,
    went: usize,
    nacks: u32,
    confirms: u32,
    /// The cookies that it was told, by its epoch at that time, and those that it has shown again.
    told: BTreeSet<u32>,
    is_proven: bool,
}

impl Requests {
    /// A NACK or an Ack of so many bytes comes from an address, which may be new, and tells a round trip.
    pub(super) fn came(&mut self, from: SocketAddr, len: usize, is_nack: bool, rtt: Duration) {
        self.longest = self.longest.max(rtt);
        let asker = self.askers.entry(from).or_default();
        asker.came += len;
        asker.nacks += u32::from(is_nack);
    }

    /// A NACK is taken. Returns whether its address is proven.
    pub(super) fn prove(&mut self, nack: &Nack, rules: Rules) -> bool {
        let asker = self.askers.entry(nack.from).or_default();
        let is_proven = !rules.verify || asker.told.contains(&nack.cookie);
        asker.is_proven |= is_proven;
        is_proven
    }

    /// A NACK names a number that can be repaired. `must`: that must be so at once, or after what is owed before.
    pub(super) fn ask(&mut self, now: Instant, nack: &Nack, seq: u64, is_proven: bool, rules: Rules) {
        let is_private = nack.stream == Stream::Private;
        let asked = self.numbers.entry((is_private.then_some(nack.from), seq)).or_default();
        asked.nacks += 1;
        if is_private && !is_proven {
            // As much as the bytes that came allow, and then it is asked for again (RMC-PROOF-3).
            return;
        }
        let has_rounds = !is_private && (rules.mode != Repair::Unicast || !is_proven);
        let left = asked.to_all.max(asked.to.get(&nack.from).copied());
        if has_rounds && left.is_some_and(|left| now < left + asked.longest_hold_off(nack.rtt, self.longest)) {
            return;
        }
        let asker = (is_private || is_proven).then_some(nack.from);
        let debts = self.debts.entry((asker, nack.stream)).or_default();
        debts.insert(seq);
        // Of what does not fit the lowest stays, the rest is asked for again.
        while debts.len() > MAX_RANGES && count_ranges(debts) > MAX_RANGES {
            debts.pop_last();
        }
    }

    /// A repair leaves, of so many bytes, to `to` alone or to all.
    pub(super) fn repair(&mut self, at: Instant, place: &str, repair: Repaired, rules: Rules) {
        let Repaired { to, stream, seq, len } = repair;
        let is_private = stream == Stream::Private;
        self.repaired += len;
        let asked = self.numbers.entry((to.filter(|_| is_private), seq)).or_default();
        asked.repairs += 1;
        // RMC-REPAIR-7, RMC-REPAIR-17
        let copies = if is_private || rules.mode == Repair::Unicast { 1 } else { 2 };
        assert!(asked.repairs <= copies * asked.nacks, "{place}: repair {} of {seq}", asked.repairs);
        if !is_private {
            asked.check(at, place, &repair, rules);
            let is_proven = to.and_then(|to| self.askers.get(&to)).is_none_or(|asker| asker.is_proven);
            assert!(!rules.verify || is_proven, "{place}: it repairs {seq} for {to:?}, which may be forged");
        }
        match to {
            Some(to) => {
                asked.to.insert(to, at);
                if let Some(debts) = self.debts.get_mut(&(Some(to), stream)) {
                    debts.remove(&seq);
                }
            }
            None => {
                asked.to_all = Some(at);
                let of_group = self.debts.iter_mut().filter(|((_, stream), _)| *stream == Stream::Group);
                of_group.for_each(|(_, debts)| {
                    debts.remove(&seq);
                });
            }
        }
    }

    /// A datagram leaves to one address alone, and not because the application sends there.
    pub(super) fn went(&mut self, place: &str, to: SocketAddr, len: usize, rules: Rules) {
        let asker = self.askers.entry(to).or_default();
        asker.went += len;
        let (came, went) = (asker.came, asker.went);
        let may = !rules.verify || asker.is_proven || went <= MOST_GAIN * came;
        assert!(may, "{place}: {went} bytes go to {to}, of which {came} came");
    }

    /// A Confirm leaves: at most one for each NACK but for those that say how long somebody has to wait.
    pub(super) fn confirm(&mut self, place: &str, to: SocketAddr, cookie: u32) {
        let asker = self.askers.entry(to).or_default();
        asker.told.insert(cookie);
        if !asker.is_proven {
            asker.confirms += 1;
            assert!(asker.confirms <= asker.nacks, "{place}: Confirm {} to {to}", asker.confirms);
        }
    }

    /// The first of the repairs that it owes of what it still has, as `has` says.
    pub(super) fn owes(&mut self, mut has: impl FnMut(Option<SocketAddr>, u64) -> bool) -> Option<Debt> {
        self.debts.retain(|&(asker, stream), debts| {
            let to = asker.filter(|_| stream == Stream::Private);
            debts.retain(|&seq| has(to, seq));
            !debts.is_empty()
        });
        let wait = if self.repaired + MAX_DATAGRAM <= LEAST_BURST { Duration::ZERO } else { FLOWS_FOR };
        let (&(asker, stream), debts) = self.debts.first_key_value()?;
        debts.first().map(|&seq| Debt { asker, stream, seq, wait })
    }
}

/// A repair that is owed.
#[derive(Clone, Copy)]
pub(super) struct Debt {
    asker: Option<SocketAddr>,
    stream: Stream,
    seq: u64,
    /// For how long at most it may have to wait.
    pub(super) wait: Duration,
}

impl fmt::Display for Debt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { asker, stream, seq, .. } = self;
        match asker {
            Some(asker) => write!(f, "the repair of {seq} of its {stream:?} stream to {asker}"),
            None => write!(f, "the repair of {seq} to those that have not proven their addresses"),
        }
    }
}

fn count_ranges(numbers: &BTreeSet<u64>) -> usize {
    numbers.iter().filter(|&&seq| !numbers.contains(&(seq - 1))).count()
}

/// A repair that leaves.
#[derive(Clone, Copy)]
pub(super) struct Repaired {
    /// `None`: to all.
    pub(super) to: Option<SocketAddr>,
    pub(super) stream: Stream,
    pub(super) seq: u64,
    pub(super) len: usize,
}

impl Asked {
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
