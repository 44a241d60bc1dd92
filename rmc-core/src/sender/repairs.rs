//! What one stream owes, to whom and how: everything that decides about answers to NACKs stands here (S14, F09, F14,
//! F30; RMC-REPAIR-1 to RMC-REPAIR-9).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::log::{Found, Log};
use crate::hash::{Map, map};
use crate::range_set::RangeSet;
use crate::seq::SeqRange;

/// The askers of one stream and what each is owed.
#[derive(Clone)]
pub(crate) struct Repairs {
    askers: Vec<Asker>,
    free: Vec<u32>,
    lookup: Map<SocketAddr, u32>,
    /// Who is owed numbers, in the order of their turns.
    turns: VecDeque<u32>,
    /// Who is owed word of what is gone.
    answers: VecDeque<u32>,
}

#[derive(Clone)]
struct Asker {
    address: SocketAddr,
    /// The stamp of its last NACK, which the answer carries.
    stamp: u32,
    owed: RangeSet,
    /// It asked for numbers below the backlog.
    below: bool,
    /// It stands in the order of turns.
    in_turn: bool,
}

/// An answer to a NACK, for one asker.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) to: SocketAddr,
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
}

/// What a NACK asked for, in part.
#[derive(Clone, Copy, Default)]
pub(crate) struct Served {
    /// Numbers that were sent, which are answered.
    pub(crate) some: bool,
    /// Numbers that were not sent yet (F13).
    pub(crate) unsent: bool,
    /// There was no room for another asker.
    pub(crate) refused: bool,
}

impl Repairs {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            askers: Vec::new(),
            free: Vec::new(),
            lookup: map(seed),
            turns: VecDeque::new(),
            answers: VecDeque::new(),
        }
    }

    /// Takes a NACK. The work is bounded by the number of its ranges, what is owed for it by `max_repairs`
    /// datagrams (F30).
    pub(crate) fn ask(
        &mut self,
        from: SocketAddr,
        stamp: u32,
        ranges: impl Iterator<Item = SeqRange>,
        log: &Log,
        max_repairs: usize,
        max_askers: usize,
    ) -> Served {
        let (oldest, last_sent) = (log.oldest(), log.last_sent());
        let mut served = Served::default();
        let mut budget = max_repairs as u64;
        let mut asker = None;
        let mut told_below = false;
        for range in ranges {
            served.unsent |= range.last() > last_sent;
            if range.first() > last_sent || budget == 0 {
                continue;
            }
            if asker.is_none() {
                asker = self.enter(from, max_askers);
            }
            let Some(place) = asker else {
                served.refused = true;
                return served;
            };
            served.some = true;
            let asker = &mut self.askers[place as usize];
            asker.stamp = stamp;
            if range.first() < oldest && !core::mem::replace(&mut told_below, true) {
                // The word of what is gone is one datagram, for all such numbers together.
                budget -= 1;
                if !core::mem::replace(&mut asker.below, true) {
                    self.answers.push_back(place);
                }
            }
            let Some(more) = budget.checked_sub(1) else { continue };
            let first = range.first().max(oldest);
            let last = range.last().min(last_sent).min(first.saturating_add(more));
            if let Some(range) = SeqRange::new(first, last) {
                budget -= range.len();
                asker.owed.insert(range);
                if !core::mem::replace(&mut asker.in_turn, true) {
                    self.turns.push_back(place);
                }
            }
        }
        served
    }

    pub(crate) fn has_answers(&self) -> bool {
        !self.answers.is_empty()
    }

    pub(crate) fn has_repairs(&self) -> bool {
        !self.turns.is_empty()
    }

    /// Word for an asker of what is gone below the backlog, as it stands now.
    pub(crate) fn next_answer(&mut self, log: &Log) -> Option<Answer> {
        let place = self.answers.pop_front()?;
        let asker = &mut self.askers[place as usize];
        asker.below = false;
        let answer = below(asker, log);
        self.leave_if_done(place);
        answer
    }

    /// How long the datagram of the next repair is, header included; 0 for what is no packet.
    pub(crate) fn next_len(&self, log: &Log) -> usize {
        let mut turns = self.turns.iter().map(|&place| &self.askers[place as usize]);
        let next = turns.find_map(|asker| asker.owed.first());
        match next.map(|range| log.find(range.first())) {
            Some(Found::At(at)) => log.get(at).map_or(0, |packet| packet.buffer.len()),
            _ => 0,
        }
    }

    /// The next thing owed, lowest number first (F05), askers in turn.
    pub(crate) fn next_repair(&mut self, log: &Log) -> Option<Answer> {
        let (place, seq) = self.next_turn()?;
        let asker = &mut self.askers[place as usize];
        let answer = match log.find(seq) {
            Found::At(at) => {
                asker.owed.remove_up_to(seq);
                Some(Answer { to: asker.address, stamp: asker.stamp, what: Owed::Packet(at) })
            }
            Found::Hole(range) => {
                asker.owed.remove_up_to(range.last());
                Some(Answer { to: asker.address, stamp: asker.stamp, what: Owed::Lost(range) })
            }
            Found::Below => below(asker, log),
        };
        if !asker.owed.is_empty() {
            asker.in_turn = true;
            self.turns.push_back(place);
        }
        self.leave_if_done(place);
        answer
    }

    /// Nothing is owed any more.
    pub(crate) fn clear(&mut self) {
        self.askers.clear();
        self.free.clear();
        self.lookup.clear();
        self.turns.clear();
        self.answers.clear();
    }

    /// Whose turn it is, and the lowest number owed. Who was told meanwhile that all is gone loses the turn.
    fn next_turn(&mut self) -> Option<(u32, u64)> {
        loop {
            let place = self.turns.pop_front()?;
            let asker = &mut self.askers[place as usize];
            asker.in_turn = false;
            if let Some(lowest) = asker.owed.first() {
                return Some((place, lowest.first()));
            }
        }
    }

    fn enter(&mut self, address: SocketAddr, max_askers: usize) -> Option<u32> {
        if let Some(&place) = self.lookup.get(&address) {
            return Some(place);
        }
        if self.lookup.len() >= max_askers {
            return None;
        }
        let place = match self.free.pop() {
            Some(place) => {
                self.askers[place as usize].address = address;
                place
            }
            None => {
                self.askers.push(Asker { address, stamp: 0, owed: RangeSet::default(), below: false, in_turn: false });
                u32::try_from(self.askers.len() - 1).expect("max_askers is at most 2^20")
            }
        };
        self.lookup.insert(address, place);
        Some(place)
    }

    fn leave_if_done(&mut self, place: u32) {
        let asker = &mut self.askers[place as usize];
        if asker.below || !asker.owed.is_empty() {
            return;
        }
        self.lookup.remove(&asker.address);
        self.free.push(place);
    }
}

/// Everything below the backlog is gone; without a backlog, everything.
fn below(asker: &mut Asker, log: &Log) -> Option<Answer> {
    let (to, stamp) = (asker.address, asker.stamp);
    if !log.has_backlog() {
        asker.owed.clear();
        return Some(Answer { to, stamp, what: Owed::Reset });
    }
    let last = log.oldest() - 1;
    asker.owed.remove_up_to(last);
    SeqRange::new(1, last).map(|range| Answer { to, stamp, what: Owed::Lost(range) })
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Asker, Repairs};
    use crate::fingerprint::{Fingerprint, State};

    impl State for Repairs {
        fn put(&self, to: &mut Fingerprint) {
            let Self { askers, free, lookup: _, turns, answers } = self;
            to.put(&askers.len());
            for (place, asker) in (0..).zip(askers) {
                let Asker { address, stamp, owed, below, in_turn } = asker;
                // Who comes next into a free place keeps its turn, if it has one, and nothing else.
                to.put(in_turn);
                if !free.contains(&place) {
                    to.put(address);
                    to.stamp(*stamp);
                    to.put(owed);
                    to.put(below);
                }
            }
            to.put(free);
            to.put(turns);
            to.put(answers);
        }
    }
}
