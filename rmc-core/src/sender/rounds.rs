//! What was asked for and by whom, number by number, so that a number is repaired once for all who ask at the same time
//! (RMC-REPAIR-13 to RMC-REPAIR-15).
//!
//! ```text
//!  first NACK        repair leaves                              round is over
//!  ────┼───────────────────┼──────────────────────────────────────────┼──▶
//!      │ further askers    │ hold-off: askers count as answered       │ who asks now lost the repair
//!      │ join              │                                          │ as well: a further round
//! ```
//!
//! After some further rounds of a number each holds off twice as long: if the round trip has grown, so that repairs are
//! under way for longer than is known, sending them again and again would make it grow for ever.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::time::Duration;

use super::askers::STRANGERS;
use crate::hash::{Map, map};
use crate::time::Instant;

/// An asker, for as long as it keeps its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct AskerId {
    pub(crate) place: u32,
    pub(crate) generation: u32,
}

/// A round is remembered for so many times its hold-off, so that the next one is known to be a further one.
const REMEMBERED: u32 = 4;
/// After so many further rounds the hold-off doubles with each, at most so often.
const STEADY_REPEATS: u8 = 3;
const MOST_DOUBLINGS: u8 = 6;

/// The rounds of the numbers of one stream.
#[derive(Clone)]
pub(crate) struct Rounds {
    rounds: Vec<Round>,
    free: Vec<u32>,
    lookup: Map<u64, u32>,
    /// All that are open, the next to be looked at in front.
    open: VecDeque<u32>,
    mean: Mean,
}

#[derive(Clone, Copy)]
struct Round {
    seq: u64,
    /// The only one who asked; `None`: several did.
    asker: Option<AskerId>,
    /// NACK datagrams that named the number, without repetitions of the only one who asked.
    nacks: u16,
    left: Option<Left>,
    /// How many rounds of the number went before.
    repeats: u8,
    /// Its only asker was that of the round before as well, and so has lost a repair; until a first copy has left.
    lost: bool,
    /// Its end was told; it is kept so that a further round knows of it.
    over: bool,
    /// It is the first of those that its first NACK opened, and counts for all of them.
    leads: bool,
}

/// A repair has left.
#[derive(Clone, Copy)]
struct Left {
    at: Instant,
    to_all: bool,
}

/// How long repairs hold off one asker, from when they leave.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HoldOff {
    /// A NACK that comes later was sent when the repair should have been there.
    pub(crate) answered: Duration,
    /// Until then it could be heard by nobody who asked.
    pub(crate) unheard: Duration,
}

/// What a number is that a NACK names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Named {
    /// Nobody else has asked for it lately: it is owed to this asker.
    First,
    /// It is owed to this asker already.
    Again,
    /// This one had asked for it alone: it is owed to all now.
    Joined(AskerId),
    /// It is owed to all: several have asked.
    ByMany,
    /// Its repair has just left.
    Answered,
    /// The same, and this one had asked for it alone: it went to all, and is of use to more than that one.
    Shared(AskerId),
}

/// What came of a NACK for one number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Verdict {
    pub(crate) named: Named,
    /// How many NACKs have named it, this one included, before its repair could be heard; 0: it could be.
    pub(crate) unheard: u16,
    /// Its repair has left some time ago, and is asked for again.
    pub(crate) repeated: bool,
    /// The same, and only this one had asked for it: that repair was lost.
    pub(crate) lost: bool,
}

impl Verdict {
    const FIRST: Self = Self { named: Named::First, unheard: 1, repeated: false, lost: false };
}

impl Rounds {
    pub(crate) fn new(seed: u64) -> Self {
        Self { rounds: Vec::new(), free: Vec::new(), lookup: map(seed), open: VecDeque::new(), mean: Mean::default() }
    }

    /// Whether so many ask for one number that its repair is best sent to all at once.
    pub(crate) const fn are_crowded(&self) -> bool {
        self.mean.is_crowded()
    }

    /// A NACK of `asker` names `seq`. `leads`: it is the first new one that it names. `over` learns how many NACKs a
    /// round had that is over for it and led.
    pub(crate) fn name(
        &mut self,
        seq: u64,
        asker: AskerId,
        leads: bool,
        hold_off: HoldOff,
        now: Instant,
        over: &mut impl FnMut(u16),
    ) -> Verdict {
        let new = Round { seq, asker: Some(asker), nacks: 1, left: None, repeats: 0, lost: false, over: false, leads };
        let Some(&place) = self.lookup.get(&seq) else {
            self.open(new);
            return Verdict::FIRST;
        };
        let round = &mut self.rounds[place as usize];
        let is_same = round.asker == Some(asker);
        // Strangers are many. One that asks again and again does not speak for any other.
        let counts = !is_same || asker.place == STRANGERS;
        let Some(left) = round.left else {
            round.nacks = round.nacks.saturating_add(counts.into());
            let named = match round.asker {
                Some(_) if is_same => Named::Again,
                Some(other) => Named::Joined(other),
                None => Named::ByMany,
            };
            if !is_same {
                round.asker = None;
            }
            return Verdict { named, unheard: round.nacks, repeated: false, lost: false };
        };
        if now >= left.at + round.stretch(hold_off.answered) {
            let repeats = round.repeats.saturating_add(1);
            let ended = core::mem::replace(round, Round { repeats, lost: is_same, ..new });
            self.ended(ended, over);
            return Verdict { repeated: true, lost: is_same, ..Verdict::FIRST };
        }
        round.nacks = round.nacks.saturating_add(counts.into());
        let unheard = if now < left.at + hold_off.unheard { round.nacks } else { 0 };
        if is_same || left.to_all {
            let first = round.asker.take_if(|_| !is_same);
            let named = first.map_or(Named::Answered, Named::Shared);
            return Verdict { named, unheard, repeated: false, lost: false };
        }
        (round.asker, round.left) = (None, None);
        Verdict { named: Named::ByMany, unheard, repeated: false, lost: false }
    }

    /// The repair of `seq` leaves.
    pub(crate) fn leave(&mut self, seq: u64, to_all: bool, now: Instant) {
        if let Some(&place) = self.lookup.get(&seq) {
            self.rounds[place as usize].left = Some(Left { at: now, to_all });
        }
    }

    /// A copy of the repair of `seq` leaves for one alone. Returns whether that is the first one and its only asker has
    /// lost a repair before, so that a further one is due: the repair has not left before that has, and who joins
    /// meanwhile gets it in its place.
    pub(crate) fn is_followed(&mut self, seq: u64) -> bool {
        let Some(&place) = self.lookup.get(&seq) else { return false };
        let round = &mut self.rounds[place as usize];
        round.left.is_none() && core::mem::take(&mut round.lost)
    }

    /// Looks at some of the open rounds, and ends those whose time has come or whose number is gone: more than a NACK
    /// opens, so that no more rounds are open than there are numbers in the backlog, and some.
    pub(crate) fn sweep(
        &mut self,
        looks: usize,
        oldest: u64,
        hold_off: Duration,
        now: Instant,
        over: &mut impl FnMut(u16),
    ) {
        for _ in 0..looks.min(self.open.len()) {
            let Some(place) = self.open.pop_front() else { return };
            let round = &mut self.rounds[place as usize];
            let is_gone = round.seq < oldest;
            let passed = round.left.map(|left| (now.saturating_since(left.at), round.stretch(hold_off)));
            let is_over = is_gone || passed.is_some_and(|(since, holds)| since >= holds);
            let is_forgotten = is_gone || passed.is_some_and(|(since, holds)| since >= holds * REMEMBERED);
            let ended = *round;
            round.over |= is_over;
            if is_forgotten {
                self.lookup.remove(&ended.seq);
                self.free.push(place);
            } else {
                self.open.push_back(place);
            }
            if is_over {
                self.ended(ended, over);
            }
        }
    }

    /// How many are remembered.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.lookup.len()
    }

    pub(crate) fn clear(&mut self) {
        self.rounds.clear();
        self.free.clear();
        self.lookup.clear();
        self.open.clear();
    }

    fn open(&mut self, round: Round) {
        let place = match self.free.pop() {
            Some(place) => {
                self.rounds[place as usize] = round;
                place
            }
            None => {
                self.rounds.push(round);
                // All may be free at the same time: room for that is made here and not in the steady state.
                self.free.reserve(self.rounds.capacity());
                u32::try_from(self.rounds.len() - 1).expect("few more rounds are open than the backlog has packets")
            }
        };
        self.lookup.insert(round.seq, place);
        self.open.push_back(place);
    }

    fn ended(&mut self, round: Round, over: &mut impl FnMut(u16)) {
        if round.over {
            return;
        }
        self.mean.add(round.nacks);
        if round.leads {
            over(round.nacks);
        }
    }
}

impl Round {
    /// How long it holds off where a first round would so long.
    fn stretch(&self, hold_off: Duration) -> Duration {
        hold_off * (1 << self.repeats.saturating_sub(STEADY_REPEATS).min(MOST_DOUBLINGS))
    }
}

/// The mean number of NACK datagrams per number, with 16 bits behind the point.
#[derive(Clone, Copy)]
struct Mean(u64);

const ONE: u64 = 1 << 16;
/// Each number counts by so much.
const GAIN: u64 = 8;

impl Default for Mean {
    fn default() -> Self {
        Self(ONE)
    }
}

impl Mean {
    fn add(&mut self, nacks: u16) {
        self.0 = (self.0 * (GAIN - 1) + u64::from(nacks) * ONE) / GAIN;
    }

    /// Above 1.5 a unicast repair is probably followed by another one.
    const fn is_crowded(&self) -> bool {
        self.0 > ONE + ONE / 2
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{AskerId, Left, Mean, Round, Rounds};
    use crate::fingerprint::{Fingerprint, State, state};

    /// The open ones in their order: in which places they stand shows nowhere.
    impl State for Rounds {
        fn put(&self, to: &mut Fingerprint) {
            let Self { rounds, free: _, lookup: _, open, mean: Mean(mean) } = self;
            to.all(open.iter().map(|&place| &rounds[place as usize]));
            to.put(mean);
        }
    }

    state! {
        Round { seq, asker, nacks, left, repeats, lost, over, leads }
        AskerId { place, generation }
        Left { at, to_all }
    }
}

#[cfg(test)]
#[path = "rounds_tests.rs"]
mod tests;
