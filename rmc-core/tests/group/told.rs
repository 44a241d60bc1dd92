//! What an application gets of one stream of a peer: exactly what the events have told, in that order.

use std::collections::VecDeque;

use rmc_core::{EndCause, LossCause, SeqRange};

use super::tracker::Who;
use super::truth::Message;

/// What the application is owed, and has not taken.
#[derive(Default)]
pub(super) struct Told {
    owed: VecDeque<Entry>,
    /// The life of the peer that the application stands in.
    life: u32,
    ended: bool,
}

#[derive(Clone, Copy, Debug)]
enum Entry {
    /// The peer lives anew.
    Life {
        life: u32,
        restart: Option<Restart>,
    },
    Message {
        seq: u64,
        index: u16,
        message: Message,
    },
    Lost {
        range: SeqRange,
        cause: LossCause,
    },
    Finished,
}

/// A new epoch, which is told in band too if the peer had a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Restart {
    pub(super) epoch: u32,
    /// It surely had one.
    pub(super) is_certain: bool,
}

impl Entry {
    const fn seq(&self) -> Option<u64> {
        if let Self::Message { seq, .. } = *self { Some(seq) } else { None }
    }
}

impl Told {
    pub(super) fn owe_life(&mut self, life: u32, restart: Option<Restart>) {
        self.owed.push_back(Entry::Life { life, restart });
    }

    pub(super) fn owe_message(&mut self, (seq, index): (u64, u16), message: Message) {
        self.owed.push_back(Entry::Message { seq, index, message });
    }

    pub(super) fn owe_lost(&mut self, range: SeqRange, cause: LossCause) {
        self.owed.push_back(Entry::Lost { range, cause });
    }

    pub(super) fn owe_end(&mut self) {
        self.owed.push_back(Entry::Finished);
    }

    /// How many packets it has not taken, or messages in parts.
    pub(super) fn packets(&self) -> usize {
        let mut seqs: Vec<u64> = self.owed.iter().filter_map(Entry::seq).collect();
        seqs.dedup();
        seqs.len()
    }

    /// The same, of the present life of the peer only, and without a packet of which it has taken a part.
    pub(super) fn whole_packets(&self) -> usize {
        let present = self.owed.iter().rev().take_while(|entry| !matches!(entry, Entry::Life { .. }));
        present.filter(|entry| matches!(entry, Entry::Message { index: 0, .. })).count()
    }

    pub(super) fn message(&mut self, who: Who, got: (u64, u16), payload: &[u8]) {
        self.enter(who);
        match self.owed.pop_front() {
            Some(Entry::Message { seq, index, message }) if (seq, index) == got => {
                let is_intact = message.payload().eq(payload.iter().copied());
                assert!(is_intact, "{who}: message {seq}.{index} is not what was sent");
            }
            other => panic!("{who}: message {got:?} comes, but {other:?} is owed"),
        }
    }

    /// Ranges that touch come as one.
    pub(super) fn lost(&mut self, who: Who, got: SeqRange, cause: LossCause) {
        self.enter(who);
        let mut next = got.first();
        while next <= got.last() {
            match self.owed.pop_front() {
                Some(Entry::Lost { range, cause: owed })
                    if range.first() == next && range.last() <= got.last() && owed == cause =>
                {
                    next = range.last() + 1;
                }
                other => panic!("{who}: loss of {got} for {cause:?} comes, but {other:?} is owed at {next}"),
            }
        }
    }

    pub(super) fn restarted(&mut self, who: Who, got: u32) {
        loop {
            match self.owed.pop_front() {
                Some(Entry::Life { life, restart: Some(Restart { epoch, .. }) }) if epoch == got => {
                    (self.life, self.ended) = (life, false);
                    return;
                }
                Some(Entry::Life { restart: None | Some(Restart { is_certain: false, .. }), .. }) => {}
                other => panic!("{who}: epoch {got:#x} comes, but {other:?} is owed"),
            }
        }
    }

    pub(super) fn ended(&mut self, who: Who, cause: EndCause) {
        let next = self.owed.iter().find(|entry| !matches!(entry, Entry::Life { .. }));
        let is_told = cause == EndCause::Finished && matches!(next, Some(Entry::Finished));
        if is_told {
            self.enter(who);
            self.owed.pop_front();
        } else if (self.ended || self.life == 0) && matches!(self.owed.front(), Some(Entry::Life { .. })) {
            // A life of which only the end comes.
            self.enter_one(who);
        }
        assert!(!self.ended, "{who}: it ends twice");
        self.ended = true;
        let front = self.owed.front();
        assert!(
            matches!(front, None | Some(Entry::Life { .. })),
            "{who}: it ends for {cause:?}, but {front:?} is owed"
        );
    }

    /// Everything was taken: nothing may be owed.
    pub(super) fn is_through(&self, who: Who) {
        let missing = self.owed.iter().find(|entry| match entry {
            Entry::Life { restart, .. } => restart.is_some_and(|restart| restart.is_certain),
            Entry::Message { .. } | Entry::Lost { .. } | Entry::Finished => true,
        });
        assert!(missing.is_none(), "{who}: {missing:?} never came to the application");
    }

    /// Goes on to the life that the next item belongs to.
    fn enter(&mut self, who: Who) {
        while matches!(self.owed.front(), Some(Entry::Life { .. })) {
            self.enter_one(who);
        }
        assert!(!self.ended, "{who}: {:?} after the end", self.owed.front());
    }

    fn enter_one(&mut self, who: Who) {
        if let Some(Entry::Life { life, restart }) = self.owed.pop_front() {
            let is_told = restart.is_none_or(|restart| !restart.is_certain);
            assert!(is_told, "{who}: the application does not learn of {restart:?}");
            (self.life, self.ended) = (life, false);
        }
    }
}
