//! What one stream owes, to whom and how: everything that decides about answers to NACKs stands here (S14, F09, F14,
//! F30; RMC-REPAIR-2 to RMC-REPAIR-18, RMC-BUDGET-1 to RMC-BUDGET-4).
//!
//! A number of the group's stream is owed to the one that asked for it alone, or to all once several have. Whoever is
//! owed something stands in the order of turns; what is owed to all has every other turn.

use alloc::collections::VecDeque;
use core::net::SocketAddr;
use core::time::Duration;

use super::askers::{Asker, Askers, STRANGERS, Turn};
use super::flow::Flow;
use super::log::{Found, Log};
use super::receivers::Receivers;
use super::rounds::{HoldOff, Named, Rounds};
use crate::config::{Config, RepairMode};
use crate::event::Stream;
use crate::packet::Ranges;
use crate::range_set::RangeSet;
use crate::seq::SeqRange;
use crate::time::Instant;

mod turns;

pub(crate) use turns::{Next, Terms};

/// How many ranges are owed to all at most. What does not fit is asked for again.
const MAX_COMMON_RANGES: usize = 1_024;
/// Open rounds that are looked at for one NACK, besides two for each number that it names.
const LOOKS: usize = 2;

/// The askers of one stream and what each is owed.
#[derive(Clone)]
pub(crate) struct Repairs {
    kind: Stream,
    askers: Askers,
    /// What is owed to all.
    common: RangeSet,
    common_is_next: bool,
    rounds: Rounds,
    /// Who is owed numbers, in the order of their turns.
    turns: VecDeque<u32>,
    /// Who lacks the credit for what it is owed, in the order in which they will have it.
    blocked: VecDeque<u32>,
    /// Who is owed word of what is gone, or that it has to wait.
    answers: VecDeque<u32>,
}

/// A NACK for one stream.
#[derive(Clone, Copy)]
pub(crate) struct Nack<'a> {
    pub(crate) from: SocketAddr,
    pub(crate) stamp: u32,
    /// The asker's own round trip, if it knows it.
    pub(crate) rtt: Option<Duration>,
    /// It receives at its address.
    pub(crate) proven: bool,
    pub(crate) seq: u64,
    pub(crate) ranges: Ranges<'a>,
}

/// An answer to NACKs.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    /// `None`: all who get the stream.
    pub(crate) to: Option<SocketAddr>,
    /// Of the NACK that is answered; 0: of none alone.
    pub(crate) stamp: u32,
    pub(crate) what: Owed,
}

#[derive(Clone, Copy)]
pub(crate) enum Owed {
    /// The packet at this place of the log, again.
    Packet(usize),
    /// These numbers are gone.
    Lost(SeqRange),
    /// Everything sent is gone.
    Reset,
    /// These numbers have to wait for so long.
    Wait(SeqRange, Duration),
}

/// What a NACK asked for, in part.
#[derive(Clone, Copy, Default)]
pub(crate) struct Served {
    /// Numbers that were sent.
    pub(crate) some: bool,
    /// Numbers that were sent and are gone (`owe_below`).
    pub(crate) below: bool,
    /// Numbers that were not sent yet (F13).
    pub(crate) unsent: bool,
    /// There was no room for another asker.
    pub(crate) refused: bool,
    /// More than may be sent to an address that has not proven that it receives.
    pub(crate) withheld: bool,
    /// How many numbers are taken as answered, as their repair has just left.
    pub(crate) held_off: u64,
    /// Numbers whose repair has left some time ago.
    pub(crate) repeated: bool,
}

/// What decides beside the NACK itself about what is owed for it.
pub(crate) struct Serving<'a> {
    pub(crate) log: &'a Log,
    pub(crate) config: &'a Config,
    pub(crate) flow: &'a Flow,
    pub(crate) receivers: &'a mut Receivers,
    /// How many bytes may go to an address that has not proven that it receives.
    pub(crate) allowance: &'a mut u32,
    pub(crate) now: Instant,
}

/// A NACK that is being served.
struct Asking {
    place: u32,
    /// Whether it has opened a round.
    has_opened: bool,
    hold_off: HoldOff,
}

impl Repairs {
    pub(crate) fn new(kind: Stream, seed: u64) -> Self {
        Self {
            kind,
            askers: Askers::new(seed),
            common: RangeSet::new(MAX_COMMON_RANGES),
            common_is_next: false,
            rounds: Rounds::new(seed),
            turns: VecDeque::new(),
            blocked: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    /// Takes a NACK. The work is bounded by the number of its ranges and `max_repairs_per_nack`, and so is what is owed
    /// for it (F30, RMC-REPAIR-8).
    pub(crate) fn ask(&mut self, nack: &Nack<'_>, with: &mut Serving<'_>) -> Served {
        let (oldest, last_sent) = (with.log.oldest(), with.log.last_sent());
        let max_repairs = with.config.max_repairs_per_nack as u64;
        let mut served = Served::default();
        let mut left = max_repairs;
        let mut asking = None;
        for range in nack.ranges.iter(nack.seq) {
            served.unsent |= range.last() > last_sent;
            if range.first() > last_sent || left == 0 {
                continue;
            }
            served.some = true;
            if range.first() < oldest && !core::mem::replace(&mut served.below, true) {
                // The word of what is gone is one datagram, for all such numbers together.
                left -= 1;
            }
            let Some(more) = left.checked_sub(1) else { continue };
            let first = range.first().max(oldest);
            let last = range.last().min(last_sent).min(first.saturating_add(more));
            let Some(range) = SeqRange::new(first, last) else { continue };
            left -= range.len();
            if asking.is_none() {
                asking = self.begin(nack, with);
            }
            let Some(asking) = &mut asking else {
                served.refused = true;
                return served;
            };
            self.owe_range(asking, range, nack, with, &mut served);
        }
        if let Some(Asking { place, .. }) = asking {
            self.asked(place, max_repairs - left, nack.rtt, with);
        }
        served
    }

    /// Word of what is gone below the backlog is owed to who sent a NACK, if there is room for one more asker. It holds
    /// off further ones for the asker's round trip.
    pub(crate) fn owe_below(&mut self, nack: &Nack<'_>, max_askers: usize, now: Instant) -> bool {
        let Some(place) = self.askers.enter(nack.from, max_askers) else { return false };
        let asker = self.askers.get_mut(place);
        asker.stamp = nack.stamp;
        asker.below_holds = nack.rtt.map(|rtt| now + rtt);
        if !core::mem::replace(&mut asker.below, true) {
            self.answers.push_back(place);
        }
        true
    }

    /// Whether word of what is gone is owed to `from` already, or has just left.
    pub(crate) fn owes_below(&self, from: SocketAddr, now: Instant) -> bool {
        let is_held_off = |holds: Option<Instant>| holds.is_some_and(|until| now < until);
        self.askers.at(from).is_some_and(|asker| asker.below || is_held_off(asker.below_holds))
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    /// Word for an asker: of what is gone below the backlog, as it stands now, or that it has to wait.
    pub(crate) fn next_answer(&mut self, log: &Log, now: Instant) -> Option<Answer> {
        while let Some(place) = self.answers.pop_front() {
            let asker = self.askers.get_mut(place);
            let answer = if core::mem::take(&mut asker.below) {
                below(asker, log)
            } else if core::mem::take(&mut asker.told_to_wait) {
                wait(asker, now)
            } else {
                None
            };
            self.askers.rest_if_done(place);
            if answer.is_some() {
                return answer;
            }
        }
        None
    }

    /// Ends rounds whose time has come, as many as a NACK for no number would.
    pub(crate) fn sweep(&mut self, log: &Log, receivers: &mut Receivers, now: Instant) {
        let hold_off = receivers.hold_off(None).answered;
        self.rounds.sweep(LOOKS, log.oldest(), hold_off, now, &mut |nacks| receivers.round_over(nacks));
    }

    /// Nothing is owed any more.
    pub(crate) fn clear(&mut self) {
        self.askers.clear();
        self.common.clear();
        self.rounds.clear();
        self.turns.clear();
        self.blocked.clear();
        self.answers.clear();
    }

    /// The asker's place, if there is one for it. Whose address is forged, perhaps, has a place together with all such.
    fn begin(&mut self, nack: &Nack<'_>, with: &Serving<'_>) -> Option<Asking> {
        let is_stranger = self.kind == Stream::Group && !nack.proven;
        let place = if is_stranger { STRANGERS } else { self.askers.enter(nack.from, with.config.max_askers)? };
        let asker = self.askers.get_mut(place);
        asker.stamp = nack.stamp;
        Some(Asking { place, has_opened: false, hold_off: with.receivers.hold_off(nack.rtt) })
    }

    fn owe_range(
        &mut self,
        asking: &mut Asking,
        range: SeqRange,
        nack: &Nack<'_>,
        with: &mut Serving<'_>,
        served: &mut Served,
    ) {
        if self.kind == Stream::Private {
            let allowed = if nack.proven { Some(range) } else { within(range, with.allowance, with.log) };
            served.withheld |= allowed != Some(range);
            if let Some(range) = allowed {
                self.owe(asking.place, range);
            }
            return;
        }
        if with.config.repair_mode == RepairMode::Unicast && nack.proven {
            self.owe(asking.place, range);
            return;
        }
        let mut seq = range.first();
        while seq <= range.last() {
            if let Found::Hole(hole) = with.log.find(seq) {
                // Its answer needs no round, and there may be millions of such numbers.
                let last = hole.last().min(range.last());
                self.owe(asking.place, SeqRange::new(seq, last).unwrap_or(SeqRange::single(seq)));
                seq = last + 1;
                continue;
            }
            self.name(seq, asking, with, served);
            seq += 1;
        }
    }

    /// A NACK names a number of the group's backlog (RMC-REPAIR-13, RMC-REPAIR-14).
    fn name(&mut self, seq: u64, asking: &mut Asking, with: &mut Serving<'_>, served: &mut Served) {
        let Serving { receivers, now, .. } = with;
        let id = self.askers.id(asking.place);
        let leads = !asking.has_opened;
        let over = &mut |nacks| receivers.round_over(nacks);
        let verdict = self.rounds.name(seq, id, leads, asking.hold_off, *now, over);
        receivers.asked(verdict.unheard, *now);
        served.repeated |= verdict.repeated;
        match verdict.named {
            Named::First => {
                asking.has_opened = true;
                self.askers.get_mut(asking.place).repair_loss.add(verdict.lost);
                self.owe(asking.place, SeqRange::single(seq));
            }
            Named::Again => self.owe(asking.place, SeqRange::single(seq)),
            Named::Joined(other) => {
                if let Some(other) = self.askers.find(other) {
                    other.owed.remove(seq);
                }
                self.common.insert(SeqRange::single(seq));
            }
            Named::ByMany => self.common.insert(SeqRange::single(seq)),
            Named::Answered => served.held_off += 1,
            Named::Shared(first) => {
                served.held_off += 1;
                self.give_back(first, with.log.len_of(seq), with.flow);
            }
        }
    }

    fn owe(&mut self, place: u32, range: SeqRange) {
        let asker = self.askers.get_mut(place);
        asker.owed.insert(range);
        if asker.turn == Turn::Out {
            asker.turn = Turn::Waiting;
            self.turns.push_back(place);
        }
    }

    /// A NACK for so many numbers was taken.
    fn asked(&mut self, place: u32, numbers: u64, rtt: Option<Duration>, with: &mut Serving<'_>) {
        let Serving { log, flow, receivers, now, .. } = with;
        if let Some(rtt) = rtt.filter(|_| place != STRANGERS) {
            self.askers.get_mut(place).ramp.report(rtt, *now);
        }
        self.tell_to_wait(place, flow, *now);
        self.askers.rest_if_done(place);
        let looks = usize::try_from(numbers).unwrap_or(usize::MAX).saturating_mul(2).saturating_add(LOOKS);
        let hold_off = receivers.hold_off(None).answered;
        self.rounds.sweep(looks, log.oldest(), hold_off, *now, &mut |nacks| receivers.round_over(nacks));
    }
}

/// As much of a range as `allowance` bytes hold, which it uses up.
fn within(range: SeqRange, allowance: &mut u32, log: &Log) -> Option<SeqRange> {
    let mut fitting = None;
    for seq in range.first()..=range.last() {
        let Some(rest) = u32::try_from(log.len_of(seq)).ok().and_then(|len| allowance.checked_sub(len)) else { break };
        *allowance = rest;
        fitting = SeqRange::new(range.first(), seq);
    }
    fitting
}

/// Everything below the backlog is gone; without a backlog, everything.
fn below(asker: &mut Asker, log: &Log) -> Option<Answer> {
    let (to, stamp) = (asker.address, asker.stamp);
    if !log.has_backlog() && to.is_some() {
        asker.owed.clear();
        return Some(Answer { to, stamp, what: Owed::Reset });
    }
    let last = log.oldest() - 1;
    asker.owed.remove_up_to(last);
    let stamp = if to.is_some() { stamp } else { 0 };
    SeqRange::new(1, last).map(|range| Answer { to, stamp, what: Owed::Lost(range) })
}

/// An asker is told how long what it is owed has to wait.
fn wait(asker: &Asker, now: Instant) -> Option<Answer> {
    let range = SeqRange::new(asker.owed.first()?.first(), asker.owed.last()?)?;
    let delay = asker.waits_until?.saturating_since(now);
    Some(Answer { to: Some(asker.address?), stamp: asker.stamp, what: Owed::Wait(range, delay) })
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Repairs { kind, askers, common, common_is_next, rounds, turns, blocked, answers }
}

#[cfg(test)]
mod tests;
