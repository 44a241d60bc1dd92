//! What a sender says of numbers that it will not send again, and of NACKs that it took (LOST, RESET, CONFIRM).

use super::RecvStream;
use crate::event::{Event, LossCause, Path};
use crate::receiver::nack::Confirmed;
use crate::receiver::rtt::Rtt;
use crate::seq::SeqRange;
use crate::shared::Shared;

/// How a Lost, a Reset or a Confirm came.
#[derive(Clone, Copy)]
pub(crate) struct Word {
    pub(crate) stamp: u32,
    pub(crate) path: Path,
}

/// What weight it has.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// It answers a NACK of ours.
    Asked,
    /// Its sender told the whole group.
    Public,
    /// Anybody could have sent it.
    Nothing,
}

impl RecvStream {
    /// A Lost: numbers from `first` to `seq` - 1 cannot be had (S15; RMC-LOST-2 to RMC-LOST-5).
    pub(crate) fn lost(&mut self, first: u64, seq: u64, word: Word, rtt: &mut Rtt, shared: &mut Shared) {
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        let standing = self.standing(word, rtt, shared);
        self.outlive_end(seq - 1, shared);
        if standing == Standing::Nothing {
            // It may be true: asking tells (RMC-LOST-7).
            self.window.learn(seq - 1);
            self.settle(shared);
            return;
        }
        // Unasked, a Lost past the window is a hint, as any number is (F06). An answer counts up to what is known to
        // exist; a silent node never asks, so that it must take what it hears.
        let last = seq - 1;
        let bound = self.unasked_bound(shared);
        let is_start = first == 1;
        let counts_to = match standing {
            _ if is_start && self.is_first_answer() => last,
            Standing::Asked => last.min(bound),
            _ if shared.config.silent || last <= bound => last,
            _ => 0,
        };
        self.window.learn(last);
        if let Some(gone) = SeqRange::new(first, counts_to) {
            let cause = if is_start { self.cause(LossCause::Lost) } else { Some(LossCause::Lost) };
            self.window.give_up(gone, cause, shared);
        }
        self.settle(shared);
    }

    /// A Reset: the stream goes on behind `seq` (S16, RMC-RESET-1).
    pub(crate) fn reset(&mut self, seq: u64, word: Word, rtt: &mut Rtt, shared: &mut Shared) {
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        let standing = self.standing(word, rtt, shared);
        if seq < self.delivered() {
            return;
        }
        self.outlive_end(seq, shared);
        let counts = match standing {
            Standing::Asked => true,
            Standing::Public => self.is_first_answer() || shared.config.silent || seq <= self.unasked_bound(shared),
            Standing::Nothing => false,
        };
        self.window.learn(seq);
        if counts {
            let owner = self.owner();
            shared.event(Event::GotReset { peer: owner.peer, stream: owner.stream, seq });
            if let Some(gone) = SeqRange::new(1, seq) {
                self.window.give_up(gone, self.cause(LossCause::Reset), shared);
            }
        }
        self.settle(shared);
    }

    /// A Confirm (RMC-GAP-13). By unicast it counts as an answer to a NACK of ours only. Returns whether it is one.
    pub(crate) fn confirm(&mut self, confirmed: Confirmed<'_>, word: Word, rtt: &mut Rtt, shared: &Shared) -> bool {
        let asked = self.answered(word.stamp, rtt, shared);
        if asked || word.path == Path::Multicast {
            let (nacks, gaps) = self.window.asking();
            nacks.confirm(gaps, confirmed, asked, *rtt, shared);
        }
        asked
    }

    /// What weight a Lost or a Reset has (RMC-LOST-4, RMC-LOST-5, RMC-LOST-7).
    fn standing(&mut self, word: Word, rtt: &mut Rtt, shared: &Shared) -> Standing {
        if self.answered(word.stamp, rtt, shared) {
            return Standing::Asked;
        }
        match word {
            Word { stamp: 0, path: Path::Multicast } => Standing::Public,
            _ => Standing::Nothing,
        }
    }

    /// Whether an answer would be the first one to a stream that joins: it counts however far it is (RMC-JOIN-3).
    pub(super) const fn is_first_answer(&self) -> bool {
        self.joining && self.window.next() == 1
    }

    /// What is reported of numbers that the sender no longer has: nothing of those that move the start (RMC-JOIN-3).
    pub(super) fn cause(&self, cause: LossCause) -> Option<LossCause> {
        (!self.joining).then_some(cause)
    }

    /// How far news counts that nobody asked for (RMC-LOST-5).
    pub(super) fn unasked_bound(&self, shared: &Shared) -> u64 {
        self.window.known().max(self.window.limit(shared))
    }

    fn answered(&mut self, stamp: u32, rtt: &mut Rtt, shared: &Shared) -> bool {
        let nacks = self.window.asking().0;
        if let Some(round_trip) = nacks.answered(stamp, shared.now) {
            rtt.sample(round_trip);
        }
        nacks.knows(stamp)
    }
}
