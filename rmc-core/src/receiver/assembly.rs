//! Messages made of the packets of one stream, in order (F29; RMC-FRAG-3 to RMC-FRAG-6, RMC-JOIN-5).
//!
//! What is dropped of a message counts in no window, so its buffer goes back to the pool and does not stay here.

use alloc::vec::Vec;

use crate::event::LossCause;
use crate::packet::Flags;
use crate::pool::Pool;
use crate::seq::SeqRange;

/// What becomes of the next packet.
#[derive(Clone, Default)]
pub(crate) struct Assembly {
    state: State,
    buffer: Vec<u8>,
    /// The length of the last message that came in fragments: the next one is probably as long.
    hint: usize,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum State {
    /// Between two messages.
    #[default]
    Between,
    /// Within a message that began with number `first`.
    Within { first: u64 },
    /// Behind numbers that were reported lost: if what comes next is no FIRST, it belongs to a message that is lost.
    Behind { cause: LossCause },
    /// Within a message that is lost; numbers from `from` on have not been reported yet.
    Discarding { from: u64, cause: LossCause },
    /// Within a message whose beginning was never asked for: nothing is reported.
    Skipping,
}

/// What taking a packet gave.
pub(crate) enum Step {
    /// More is needed.
    Pending,
    /// The buffer now holds a whole message.
    Whole,
    /// The packet is not part of any message that can be delivered.
    Discarded,
}

impl Assembly {
    /// Whether a message is complete in `flags` alone and nothing stands before it: the fast way.
    pub(crate) fn is_whole(&self, flags: Flags) -> bool {
        flags.contains(WHOLE) && self.state == State::Between
    }

    /// Bytes held.
    pub(crate) const fn len(&self) -> usize {
        self.buffer.len()
    }

    /// Call before a packet that begins a message, or at the stream's end (`next`: the number that is next). What was
    /// being assembled or discarded ends here; returns what of it must be reported.
    pub(crate) fn interrupt(&mut self, next: u64, pool: &mut Pool) -> Option<(SeqRange, LossCause)> {
        let unreported = match self.state {
            State::Within { first } => Some((first, LossCause::Malformed)),
            State::Discarding { from, cause } => Some((from, cause)),
            State::Between | State::Behind { .. } | State::Skipping => None,
        };
        self.release(pool);
        let (from, cause) = unreported?;
        Some((SeqRange::new(from, next.checked_sub(1)?)?, cause))
    }

    /// The stream ends in the middle of a message: as [`interrupt`](Self::interrupt), with the end's cause for what was
    /// incomplete.
    pub(crate) fn finish(&mut self, next: u64, cause: LossCause, pool: &mut Pool) -> Option<(SeqRange, LossCause)> {
        if let State::Within { first } = self.state {
            self.state = State::Discarding { from: first, cause };
        }
        self.interrupt(next, pool)
    }

    /// Numbers `range` of the stream, the next ones, are lost. Returns what to report: with it goes what was assembled
    /// of its message.
    pub(crate) fn lost(&mut self, range: SeqRange, cause: LossCause, pool: &mut Pool) -> SeqRange {
        let first = match self.state {
            State::Within { first } => first,
            State::Discarding { from, .. } => from,
            State::Between | State::Behind { .. } | State::Skipping => range.first(),
        };
        self.release(pool);
        self.state = State::Behind { cause };
        SeqRange::new(first, range.last()).unwrap_or(range)
    }

    /// The stream goes on behind numbers that were reported lost when it ended (a peer that returns).
    pub(crate) fn resume(&mut self, cause: LossCause) {
        self.state = State::Behind { cause };
    }

    /// Numbers were left out that nobody asked for: go on with the next message that is there from its beginning.
    pub(crate) fn skip(&mut self) {
        self.buffer.clear();
        self.state = State::Skipping;
    }

    /// Whether `len` bytes of payload (of a packet with `flags`) would be kept, so that there must be room for them.
    /// What makes its message too large is not.
    pub(crate) fn keeps(&self, flags: Flags, len: usize, max_message: usize) -> bool {
        if flags.contains(Flags::FIRST) {
            return len <= max_message;
        }
        matches!(self.state, State::Within { .. }) && self.buffer.len() + len <= max_message
    }

    /// Takes the next packet of the stream, one that is no whole message by itself. Call [`interrupt`](Self::interrupt)
    /// before one with FIRST.
    pub(crate) fn take(&mut self, seq: u64, flags: Flags, payload: &[u8], max_message: usize, pool: &mut Pool) -> Step {
        if flags.contains(Flags::FIRST) {
            self.state = State::Within { first: seq };
            if self.buffer.capacity() == 0 {
                self.buffer = pool.take_recycled(self.hint);
            }
        }
        self.state = match self.state {
            State::Between => State::Discarding { from: seq, cause: LossCause::Malformed },
            State::Behind { cause } => State::Discarding { from: seq, cause },
            State::Within { first } if self.buffer.len() + payload.len() > max_message => {
                pool.put(core::mem::take(&mut self.buffer));
                State::Discarding { from: first, cause: LossCause::TooLarge }
            }
            other => other,
        };
        if let State::Within { .. } = self.state {
            pool.grow(&mut self.buffer, payload.len());
            self.buffer.extend_from_slice(payload);
            if flags.contains(Flags::LAST) {
                self.state = State::Between;
                self.hint = self.buffer.len();
                return Step::Whole;
            }
            return Step::Pending;
        }
        Step::Discarded
    }

    /// After a `Discarded` packet with LAST and number `seq`: the message ends. Returns what to report.
    pub(crate) fn end_discarded(&mut self, seq: u64) -> Option<(SeqRange, LossCause)> {
        let state = core::mem::take(&mut self.state);
        match state {
            State::Discarding { from, cause } => SeqRange::new(from, seq).map(|range| (range, cause)),
            State::Between | State::Within { .. } | State::Behind { .. } | State::Skipping => None,
        }
    }

    /// Takes the whole message out.
    pub(crate) fn take_message(&mut self) -> Vec<u8> {
        core::mem::take(&mut self.buffer)
    }

    /// Gives the memory back.
    pub(crate) fn release(&mut self, pool: &mut Pool) {
        pool.put(core::mem::take(&mut self.buffer));
        self.state = State::Between;
    }
}

/// The flags of a message in one packet.
pub(crate) const WHOLE: Flags = Flags::FIRST.union(Flags::LAST);

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Assembly, State as Assembling};
    use crate::fingerprint::{Fingerprint, State};

    impl State for Assembly {
        fn put(&self, to: &mut Fingerprint) {
            let Self { state, buffer, hint: _ } = self;
            match state {
                Assembling::Between => to.word(0),
                Assembling::Within { first } => to.put(&(1_u8, *first)),
                Assembling::Behind { cause } => to.put(&(2_u8, *cause)),
                Assembling::Discarding { from, cause } => to.put(&(3_u8, (*from, *cause))),
                Assembling::Skipping => to.word(4),
            }
            to.bytes(buffer);
        }
    }
}
