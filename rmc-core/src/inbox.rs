//! What `recv` gives out: one queue over all peers, in the order in which items became deliverable.
//!
//! It has no bound of its own: its messages count in the receive windows of their streams, and its other items in the bound
//! that [`Inbox::is_crowded`] and the streams watch.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use crate::event::{EndCause, LossCause, Path, Received, Stream};
use crate::packet::records;
use crate::pool::Pool;
use crate::seq::SeqRange;

/// Whose item it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) peer: SocketAddr,
    pub(crate) stream: Stream,
    /// Where the peer stands in the table.
    pub(crate) slot: u32,
    /// Tells one incarnation of a stream from the next in the same slot.
    pub(crate) stream_id: u64,
}

#[derive(Clone)]
pub(crate) struct Item {
    pub(crate) owner: Owner,
    pub(crate) what: What,
}

#[derive(Clone)]
pub(crate) enum What {
    Message { seq: u64, path: Path, packed: bool, buffer: Vec<u8> },
    Lost { range: SeqRange, cause: LossCause },
    Restarted { epoch: u32 },
    Ended { cause: EndCause },
}

#[derive(Clone)]
pub(crate) struct Inbox {
    items: VecDeque<Item>,
    /// How many items were ever taken: the number of the front one.
    taken: u64,
    /// How many items are no messages.
    marks: usize,
    /// How many items there are of the peer in each slot, former epochs included.
    of_slot: Vec<u32>,
    /// What was lent last.
    lent: Lent,
    /// Whether something came since the application was told last.
    news: bool,
}

/// The message that `recv` lends, or is working through.
#[derive(Clone)]
struct Lent {
    owner: Option<Owner>,
    seq: u64,
    path: Path,
    buffer: Vec<u8>,
    /// In a PACKED packet: where the next record begins, and its index.
    next: Option<(usize, u16)>,
    range: [SeqRange; 1],
}

impl Inbox {
    pub(crate) const fn new() -> Self {
        let lent = Lent {
            owner: None,
            seq: 0,
            path: Path::Unicast,
            buffer: Vec::new(),
            next: None,
            range: [SeqRange::single(0)],
        };
        Self { items: VecDeque::new(), taken: 0, marks: 0, of_slot: Vec::new(), lent, news: false }
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len() + usize::from(self.lent.next.is_some())
    }

    /// Whether so many items that are no messages wait that no more may be added by packets alone.
    pub(crate) const fn is_crowded(&self, bound: usize) -> bool {
        self.marks >= bound
    }

    /// How many items of the peer in `slot` wait, those of its former epochs included.
    pub(crate) fn waiting_of(&self, slot: u32) -> usize {
        self.of_slot.get(slot as usize).map_or(0, |&count| count as usize)
    }

    /// Whether something came since the last call.
    pub(crate) const fn take_news(&mut self) -> bool {
        core::mem::replace(&mut self.news, false)
    }

    /// Adds an item; returns its number.
    pub(crate) fn push(&mut self, owner: Owner, what: What) -> u64 {
        self.marks += usize::from(!matches!(what, What::Message { .. }));
        if self.of_slot.len() <= owner.slot as usize {
            self.of_slot.resize(owner.slot as usize + 1, 0);
        }
        self.of_slot[owner.slot as usize] += 1;
        self.items.push_back(Item { owner, what });
        self.news = true;
        self.taken + self.items.len() as u64 - 1
    }

    /// Lets the lost range that is item `number` grow by `range`, if it has not been taken, `range` follows on and the cause is the
    /// same.
    pub(crate) fn extend_lost(&mut self, number: u64, range: SeqRange, cause: LossCause) -> bool {
        let Some(place) = number.checked_sub(self.taken).and_then(|place| usize::try_from(place).ok()) else {
            return false;
        };
        let Some(Item { what: What::Lost { range: have, cause: had }, .. }) = self.items.get_mut(place) else {
            return false;
        };
        if *had != cause || have.last() + 1 != range.first() {
            return false;
        }
        let Some(longer) = SeqRange::new(have.first(), range.last()) else { return false };
        *have = longer;
        true
    }

    /// Takes the next item out for lending; returns its owner and what it frees: `Some(bytes)` for a message, `None` for a mark.
    pub(crate) fn advance(&mut self, pool: &mut Pool) -> Option<(Owner, Option<usize>)> {
        if self.lent.buffer.capacity() > 0 {
            pool.put(core::mem::take(&mut self.lent.buffer));
        }
        self.lent.owner = None;
        let Item { owner, .. } = self.items.front()?;
        let owner = *owner;
        if let Some(count) = self.of_slot.get_mut(owner.slot as usize) {
            *count -= 1;
        }
        if let Some(Item { what: What::Message { seq, path, packed, buffer }, .. }) = self.items.front_mut() {
            let len = buffer.len();
            self.lent = Lent {
                owner: Some(owner),
                seq: *seq,
                path: *path,
                buffer: core::mem::take(buffer),
                next: packed.then_some((0, 0)),
                range: self.lent.range,
            };
            self.items.pop_front();
            self.taken += 1;
            return Some((owner, Some(len)));
        }
        self.marks -= 1;
        Some((owner, None))
    }

    /// Whether the packet being lent holds more messages.
    pub(crate) const fn has_record(&self) -> bool {
        self.lent.next.is_some()
    }

    /// Lends what [`advance`](Self::advance) took out, or the next record of it.
    pub(crate) fn lend(&mut self) -> Option<Received<'_>> {
        let Some(owner) = self.lent.owner else { return self.lend_mark() };
        let (index, payload) = match self.lent.next {
            None => (0, self.lent.buffer.as_slice()),
            Some((at, index)) => {
                let mut rest = records(self.lent.buffer.get(at..)?);
                let record = rest.next()?;
                let left = rest.rest().len();
                let end = self.lent.buffer.len() - left;
                self.lent.next = (left > 0).then(|| (end, index.saturating_add(1)));
                (index, record)
            }
        };
        Some(Received::Message {
            peer: owner.peer,
            stream: owner.stream,
            path: self.lent.path,
            seq: self.lent.seq,
            index,
            payload,
        })
    }

    fn lend_mark(&mut self) -> Option<Received<'_>> {
        let Item { owner: Owner { peer, stream, .. }, what } = self.items.pop_front()?;
        self.taken += 1;
        Some(match what {
            What::Lost { range, cause } => {
                self.lent.range = [range];
                Received::Lost { peer, stream, ranges: &self.lent.range, cause }
            }
            What::Restarted { epoch } => Received::Restarted { peer, epoch },
            What::Ended { cause } => Received::Ended { peer, stream, cause },
            What::Message { .. } => return None,
        })
    }
}
