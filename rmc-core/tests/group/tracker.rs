//! What one receiver has got of one stream, number by number.

use std::collections::BTreeSet;
use std::fmt;

use rmc_core::{Instant, LossCause, SeqRange, Stream};

use super::script::Mode;
use super::truth::{Message, Sent, StreamId};

/// Where a stream may begin, as long as nothing of it was delivered or reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// Behind what its sender cannot repair any more.
    Oldest,
    Anywhere,
}

/// How far one stream of a peer was delivered or reported, in one life of the peer.
#[derive(Clone, Debug)]
pub(super) struct Tracker {
    mode: Mode,
    /// The next number that is not accounted for; `None`: the start is not known yet.
    pub(super) position: Option<u64>,
    /// Where messages do not wait for their turn: every number that was delivered or reported, and the lowest that may
    /// still be reported.
    accounted: BTreeSet<u64>,
    lost_from: u64,
    start: Start,
    /// The peer had expired and came back: it goes on where it stood.
    goes_on: bool,
    /// The last message of a packet that holds several.
    packed: Option<(u64, u16)>,
    /// Whether anything was delivered or reported before it expired.
    was_begun: bool,
    /// Whether anything was delivered or reported in this life.
    pub(super) has_items: bool,
    /// Its last number, once the receiver has told its end.
    pub(super) finished: Option<u64>,
}

/// Whose tracker it is: for messages about what is wrong.
#[derive(Clone, Copy)]
pub(super) struct Who {
    pub(super) receiver: usize,
    pub(super) id: StreamId,
    pub(super) at: Instant,
}

impl Who {
    pub(super) const fn stream(self) -> Stream {
        if self.id.to.is_some() { Stream::Private } else { Stream::Group }
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let StreamId { sender, epoch, .. } = self.id;
        let (at, receiver, stream) = (self.at, self.receiver, self.stream());
        write!(f, "at {at:?} node {receiver} of node {sender}'s {stream:?} stream of epoch {epoch:#x}")
    }
}

impl Tracker {
    pub(super) const fn new(mode: Mode, position: Option<u64>, start: Start) -> Self {
        Self {
            mode,
            position,
            accounted: BTreeSet::new(),
            lost_from: 1,
            start,
            goes_on: false,
            packed: None,
            was_begun: false,
            has_items: false,
            finished: None,
        }
    }

    /// The peer has expired and comes back in the same epoch: nothing is delivered twice (RMC-PEER-7). What was not
    /// begun is `fresh`.
    pub(super) fn resumed(former: Self, fresh: &Self) -> Self {
        let (was_begun, begins_anywhere) = (former.has_items || former.was_begun, former.begins_anywhere());
        // What it left out without a report (RMC-JOIN-5) may be remembered too.
        let position = if was_begun { former.position } else { former.position.and(fresh.position) };
        Self {
            position,
            lost_from: former.lost_from,
            accounted: former.accounted,
            packed: None,
            goes_on: true,
            was_begun,
            has_items: false,
            finished: None,
            // It may have begun anywhere, with nothing to show for it: with a part of a message (RMC-JOIN-5).
            start: if begins_anywhere { Start::Anywhere } else { fresh.start },
            ..*fresh
        }
    }

    /// Whether nothing need be delivered of what was sent so far.
    pub(super) fn begins_anywhere(&self) -> bool {
        self.position.is_none() && self.start == Start::Anywhere
    }

    /// The peer was heard before its first data (RMC-JOIN-4).
    pub(super) fn begin_at_first(&mut self) {
        self.position = self.position.or(Some(1));
    }

    /// The message that was sent, and the next one.
    pub(super) fn message(&mut self, who: Who, sent: &Sent, (seq, index): (u64, u16), len: usize) -> Message {
        let Some(&message) = sent.messages(seq).get(usize::from(index)) else {
            panic!("{who}: message {seq}.{index} was never sent");
        };
        assert_eq!(len, message.len, "{who}: the length of message {seq}");
        if index > 0 {
            // RMC-PACK-2
            assert_eq!(self.packed, Some((seq, index - 1)), "{who}: before {seq}.{index}");
            self.packed = Some((seq, index));
            return message;
        }
        self.is_unpacked(who, sent);
        self.packed = Some((seq, 0));
        match self.mode {
            Mode::Ordered | Mode::Deadline => self.next(who, sent, message.first),
            Mode::Latest => self.newer(who, message.first),
            Mode::Unordered => {
                self.account(who, message.first, seq);
                return message;
            }
        }
        self.position = Some(seq + 1);
        message
    }

    /// The packet that came last was given whole.
    pub(super) fn is_unpacked(&mut self, who: Who, sent: &Sent) {
        if let Some((seq, index)) = self.packed.take() {
            let count = sent.messages(seq).len();
            assert_eq!(usize::from(index) + 1, count, "{who}: messages of {seq}");
        }
    }

    /// The next numbers, which exist.
    pub(super) fn lost(&mut self, who: Who, sent: &Sent, range: SeqRange, highest: u64) {
        self.is_unpacked(who, sent);
        assert!(range.last() <= highest, "{who}: loss of {range}, but {highest} is the last");
        match self.mode {
            Mode::Ordered | Mode::Deadline => self.next(who, sent, range.first()),
            Mode::Latest => self.newer(who, range.first()),
            Mode::Unordered => {
                assert!(range.first() >= self.lost_from, "{who}: loss of {range} after that of higher numbers");
                self.lost_from = range.last() + 1;
                self.position = self.position.or(Some(range.first()));
                self.account(who, range.first(), range.last());
                return;
            }
        }
        self.position = Some(range.last() + 1);
    }

    /// The lowest number up to `last` that should have been delivered or reported.
    pub(super) fn lowest_owed(&self, who: Who, sent: &Sent, last: u64) -> Option<u64> {
        let mut from = match self.mode {
            // Only the newest message.
            Mode::Latest => sent.message_of(last).map_or(last, |(_, message)| message.first),
            Mode::Ordered | Mode::Deadline | Mode::Unordered => 1,
        };
        from = from.max(self.position.unwrap_or(1));
        loop {
            let seq = SeqRange::new(from, last).and_then(|rest| sent.lowest_whole(rest, who.at))?;
            if !self.accounted.contains(&seq) {
                return Some(seq);
            }
            from = seq + 1;
        }
    }

    /// Whether a range that is reported because its peer had expired is the rest of a message the beginning of which
    /// was reported when it did, or left out before.
    pub(super) fn is_rest(&self, sent: &Sent, range: SeqRange) -> bool {
        let message = sent.message_of(range.first());
        let is_of_message =
            message.is_some_and(|(last, message)| message.first < range.first() && range.last() <= last);
        // Others may be delivered before its turn.
        let is_first = !self.has_items || self.mode == Mode::Unordered;
        self.goes_on && is_first && is_of_message
    }

    /// Messages that do not wait for their turn: each number once.
    fn account(&mut self, who: Who, first: u64, last: u64) {
        self.begin(who, first);
        for seq in first..=last {
            assert!(self.accounted.insert(seq), "{who}: {seq} was delivered or reported before");
        }
        while let Some(position) = self.position.filter(|position| self.accounted.contains(position)) {
            self.position = Some(position + 1);
        }
    }

    /// Numbers only ascend.
    fn newer(&mut self, who: Who, first: u64) {
        self.begin(who, first);
        let position = self.position.unwrap_or(1);
        assert!(first >= position, "{who}: {first} is not newer than all before {position}");
    }

    fn begin(&mut self, who: Who, first: u64) {
        assert_eq!(self.finished, None, "{who}: {first} after the end");
        self.has_items = true;
    }

    fn next(&mut self, who: Who, sent: &Sent, first: u64) {
        self.begin(who, first);
        match (self.position, self.start) {
            (Some(position), _) => assert_eq!(first, position, "{who}: {first} is not the next"),
            // RMC-JOIN-3, RMC-JOIN-5: what is left out cannot be had.
            (None, Start::Oldest) => {
                let left_out = SeqRange::new(1, first - 1).and_then(|range| sent.lowest_whole(range, who.at));
                assert_eq!(left_out, None, "{who}: it begins with {first}, though more can be had");
            }
            (None, Start::Anywhere) => {}
        }
    }
}

/// Why numbers may be given up.
pub(super) fn is_of_sender(cause: LossCause) -> bool {
    matches!(cause, LossCause::Lost | LossCause::Reset)
}
