//! Whose turn it is among those that are owed something, and who has to wait because it has taken its part
//! (RMC-BUDGET-1 to RMC-BUDGET-4).

use core::time::Duration;

use super::{Answer, Owed, Repairs, below};
use crate::config::RepairMode;
use crate::event::Stream;
use crate::sender::askers::{STRANGERS, Turn};
use crate::sender::flow::Flow;
use crate::sender::log::{Found, Log};
use crate::sender::rounds::AskerId;
use crate::seq::SeqRange;
use crate::time::Instant;

/// All strangers together may save up such a part of the backlog: many askers are strangers at first.
const STRANGERS_BURST: usize = 4;

/// What decides about the next repair, beside what is owed.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) log: &'a Log,
    pub(crate) flow: &'a Flow,
    /// Receivers known.
    pub(crate) receivers: u32,
    pub(crate) mode: RepairMode,
    /// Data waits, so that repairs take its place and add nothing to what leaves.
    pub(crate) data_waits: bool,
    pub(crate) now: Instant,
}

/// The repair that is next.
#[derive(Clone, Copy)]
pub(crate) struct Next {
    /// How long its datagram is.
    pub(crate) len: usize,
    /// The lowest number that is owed to all, if one is.
    pub(crate) common: Option<u64>,
}

/// Whose turn it is, and for which number.
#[derive(Clone, Copy)]
enum Choice {
    Common(u64),
    Asker(u32, u64),
}

impl Repairs {
    /// Whether anybody is owed a number and has the credit for it, as far as was looked.
    pub(crate) fn has_repairs(&self) -> bool {
        !self.turns.is_empty() || !self.common.is_empty()
    }

    /// The next repair; `None`: there is none now.
    pub(crate) fn next(&mut self, terms: Terms<'_>) -> Option<Next> {
        let (Choice::Common(seq) | Choice::Asker(_, seq)) = self.choose(terms)?;
        let common = self.common.first().map(|range| range.first());
        Some(Next { len: terms.log.len_of(seq), common })
    }

    /// The next thing owed, lowest number first (F05), askers in turn.
    pub(crate) fn next_repair(&mut self, terms: Terms<'_>) -> Option<Answer> {
        match self.choose(terms)? {
            Choice::Common(seq) => self.take_common(seq, terms),
            Choice::Asker(place, seq) => self.take(place, seq, terms),
        }
    }

    /// Gives those their turn who have the credit by now.
    pub(crate) fn release(&mut self, flow: &Flow, now: Instant) {
        while let Some(&place) = self.blocked.front() {
            let asker = self.askers.get_mut(place);
            if matches!(asker.turn, Turn::Blocked { target, .. } if flow.earned() < target && flow.flows(now)) {
                break;
            }
            asker.turn = Turn::Waiting;
            self.blocked.pop_front();
            self.turns.push_back(place);
        }
    }

    /// When somebody that is blocked may go on, whatever is sent until then.
    pub(crate) fn released_at(&self, flow: &Flow) -> Option<Instant> {
        self.blocked.front().and_then(|_| flow.flows_until())
    }

    /// Whether anybody lacks the credit for what it is owed.
    pub(crate) fn has_blocked(&self) -> bool {
        !self.blocked.is_empty()
    }

    /// Whether those have to wait that have not proven that they receive.
    pub(crate) fn strangers_wait(&self) -> bool {
        matches!(self.askers.get(STRANGERS).turn, Turn::Blocked { .. })
    }

    /// An asker that has to wait is told so, unless it was told lately.
    pub(super) fn tell_to_wait(&mut self, place: u32, flow: &Flow, now: Instant) {
        let Some(wait) = self.wait_of(place, flow) else { return };
        let asker = self.askers.get_mut(place);
        if place == STRANGERS || asker.waits_until.is_some_and(|until| now < until) {
            return;
        }
        asker.waits_until = Some(now + wait);
        if !core::mem::replace(&mut asker.told_to_wait, true) {
            self.answers.push_back(place);
        }
    }

    /// How long it takes until an asker has got all that it is owed, if it has to wait.
    fn wait_of(&self, place: u32, flow: &Flow) -> Option<Duration> {
        let asker = self.askers.get(place);
        let Turn::Blocked { target, len, parts } = asker.turn else { return None };
        let more = asker.owed.count().saturating_sub(1).saturating_mul(len as u64);
        Some(flow.wait(target, more, parts))
    }

    /// Who is next: every other turn belongs to what is owed to all. Those that turn out to lack the credit are set
    /// aside.
    fn choose(&mut self, terms: Terms<'_>) -> Option<Choice> {
        loop {
            let common = self.common.first().map(|range| Choice::Common(range.first()));
            if common.is_some() && self.common_is_next {
                return common;
            }
            let Some(&place) = self.turns.front() else { return common };
            let Some(lowest) = self.askers.get(place).owed.first() else {
                // It was told meanwhile that all is gone.
                self.turns.pop_front();
                self.askers.get_mut(place).turn = Turn::Out;
                self.askers.rest_if_done(place);
                continue;
            };
            let seq = lowest.first();
            let Some(blocked) = self.block(place, terms.log.len_of(seq), terms) else {
                return Some(Choice::Asker(place, seq));
            };
            self.turns.pop_front();
            self.blocked.push_back(place);
            self.askers.get_mut(place).turn = blocked;
            self.tell_to_wait(place, terms.flow, terms.now);
        }
    }

    /// Where an asker stands that lacks the credit for a datagram of `len` bytes; `None`: it does not.
    fn block(&mut self, place: u32, len: usize, terms: Terms<'_>) -> Option<Turn> {
        let parts = self.parts(place, terms)?;
        let burst = if place == STRANGERS { terms.log.backlog_bytes() / STRANGERS_BURST } else { 0 };
        let asker = self.askers.get_mut(place);
        let target = terms.flow.afford(&mut asker.account, len, parts, burst).err()?;
        if place != STRANGERS {
            asker.ramp.lack(terms.now);
        }
        Some(Turn::Blocked { target, len, parts })
    }

    /// A repair of `len` bytes that one paid for is of use to others as well.
    pub(super) fn give_back(&mut self, asker: AskerId, len: usize, flow: &Flow) {
        if let Some(asker) = self.askers.find(asker) {
            flow.give_back(&mut asker.account, len);
        }
    }

    /// Which part of the repairs' share an asker pays from; `None`: it need not, as no data flows that its repairs
    /// could stand in the way of, or as nobody else is known and its repairs add nothing.
    fn parts(&self, place: u32, terms: Terms<'_>) -> Option<u32> {
        let is_alone = terms.data_waits && terms.receivers < 2;
        if self.kind == Stream::Private || is_alone || !terms.flow.flows(terms.now) {
            return None;
        }
        self.askers.get(place).ramp.parts(terms.receivers)
    }

    fn take_common(&mut self, seq: u64, terms: Terms<'_>) -> Option<Answer> {
        self.common_is_next = false;
        let what = match terms.log.find(seq) {
            Found::At(at) => {
                self.common.remove_up_to(seq);
                self.rounds.leave(seq, true, terms.now);
                Owed::Packet(at)
            }
            Found::Hole(range) => {
                self.common.remove_up_to(range.last());
                Owed::Lost(range)
            }
            Found::Below => {
                let last = terms.log.oldest() - 1;
                self.common.remove_up_to(last);
                Owed::Lost(SeqRange::new(1, last)?)
            }
        };
        Some(Answer { to: None, stamp: 0, what })
    }

    fn take(&mut self, place: u32, seq: u64, terms: Terms<'_>) -> Option<Answer> {
        self.common_is_next = true;
        let to_all = self.goes_to_all(place, terms.mode);
        let pays = self.parts(place, terms).is_some();
        let asker = self.askers.get_mut(place);
        let (to, stamp) = (asker.address, asker.stamp);
        let answer = match terms.log.find(seq) {
            Found::At(at) => {
                // Where each is answered alone the rounds are those of strangers: what goes to another one is no answer
                // to them.
                let is_of_round = to_all || terms.mode != RepairMode::Unicast;
                // What was lost twice is late, so that the second repair goes twice to one that loses much, unless
                // there is a queue.
                let may_again = is_of_round && !to_all && asker.repair_loss.is_much() && !asker.ramp.sees_queue();
                if !(may_again && self.rounds.is_followed(seq)) {
                    asker.owed.remove_up_to(seq);
                    if is_of_round {
                        self.rounds.leave(seq, to_all, terms.now);
                    }
                }
                if pays {
                    terms.flow.charge(&mut asker.account, terms.log.len_of(seq));
                }
                let (to, stamp) = if to_all { (None, 0) } else { (to, stamp) };
                Some(Answer { to, stamp, what: Owed::Packet(at) })
            }
            Found::Hole(range) => {
                asker.owed.remove_up_to(range.last());
                let stamp = if to.is_some() { stamp } else { 0 };
                Some(Answer { to, stamp, what: Owed::Lost(range) })
            }
            Found::Below => below(asker, terms.log),
        };
        self.turns.pop_front();
        let asker = self.askers.get_mut(place);
        if asker.owed.is_empty() {
            asker.turn = Turn::Out;
        } else {
            self.turns.push_back(place);
        }
        self.askers.rest_if_done(place);
        answer
    }

    /// Whether a repair that one asker is owed is sent to all, as others will probably ask for it too, or as that
    /// asker's address may be forged.
    const fn goes_to_all(&self, place: u32, mode: RepairMode) -> bool {
        if matches!(self.kind, Stream::Private) {
            return false;
        }
        match mode {
            RepairMode::Unicast => place == STRANGERS,
            RepairMode::Multicast => true,
            RepairMode::Adaptive => place == STRANGERS || self.rounds.are_crowded(),
        }
    }
}
