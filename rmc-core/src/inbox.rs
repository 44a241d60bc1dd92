//! What `recv` gives out: one queue over all peers, in the order in which items became deliverable.
//!
//! It has no bound of its own: its messages count in the receive windows of their streams, and its other items in the
//! bound that [`Inbox::is_crowded`] and the streams watch.

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

/// Laid out as it stands here: with `owner` behind the bytes that `what` leaves unused both are copied as one, from where
/// an item is put together to its place, and a copy of what was just written has to wait until that is in the cache.
#[derive(Clone)]
#[repr(C)]
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

/// What waits, in order.
pub(crate) type Items = VecDeque<Item>;

#[derive(Clone)]
pub(crate) struct Inbox {
    items: Items,
    /// How many items have ever left: the number of the front one.
    left: u64,
    /// How many items are no messages.
    marks: usize,
    /// How many items there are of the peer in each slot, former epochs included.
    of_slot: Vec<u32>,
    /// Whether the front item has been taken and is being lent. It leaves when the next one is taken.
    lent: bool,
    /// In a PACKED packet that is being lent: where the next record begins, and its index.
    record: Option<(usize, u16)>,
    /// Whether something came since the application was told last.
    news: bool,
}

impl Inbox {
    pub(crate) const fn new() -> Self {
        Self { items: VecDeque::new(), left: 0, marks: 0, of_slot: Vec::new(), lent: false, record: None, news: false }
    }

    /// The number of the first item that has not been taken.
    #[cfg(feature = "sim")]
    pub(crate) fn front_number(&self) -> u64 {
        self.left + u64::from(self.lent)
    }

    /// The items, to put them elsewhere in memory.
    #[cfg(feature = "sim")]
    pub(crate) const fn items_mut(&mut self) -> &mut Items {
        &mut self.items
    }

    /// How many items wait.
    pub(crate) fn len(&self) -> usize {
        self.items.len() - usize::from(self.lent) + usize::from(self.record.is_some())
    }

    /// Whether so many items that are no messages wait that no more may be added by packets alone.
    pub(crate) const fn is_crowded(&self, bound: usize) -> bool {
        self.marks >= bound
    }

    /// How many items of the peer in `slot` wait, those of its former epochs included.
    pub(crate) fn waiting_of(&self, slot: u32) -> usize {
        self.of_slot.get(slot as usize).map_or(0, |&count| count as usize)
    }

    /// Whether a message waits whose taking would make room.
    pub(crate) fn has_messages(&self) -> bool {
        self.items.len() > self.marks + usize::from(self.lent)
    }

    /// Whether something came since the last call.
    pub(crate) const fn take_news(&mut self) -> bool {
        core::mem::replace(&mut self.news, false)
    }

    /// Adds an item that is no message; returns its number.
    pub(crate) fn push(&mut self, owner: Owner, what: What) -> u64 {
        debug_assert!(!matches!(what, What::Message { .. }), "messages have a way of their own");
        self.marks += 1;
        self.count(owner.slot);
        self.items.push_back(Item { owner, what });
        self.number_of_last()
    }

    /// Adds a message; returns the item's number. By a way of its own, as a packet on it must not be moved about.
    pub(crate) fn push_message(&mut self, owner: &Owner, seq: u64, path: Path, packed: bool, buffer: Vec<u8>) -> u64 {
        self.count(owner.slot);
        self.items.push_back(Item { owner: *owner, what: What::Message { seq, path, packed, buffer } });
        self.number_of_last()
    }

    #[inline]
    fn count(&mut self, slot: u32) {
        if self.of_slot.len() <= slot as usize {
            self.of_slot.resize(slot as usize + 1, 0);
        }
        self.of_slot[slot as usize] += 1;
        self.news = true;
    }

    /// Whoever takes each item as it comes finds the next one where the last one was, in the cache: not one place further
    /// in memory that was large enough once.
    #[inline]
    fn rewind(&mut self) {
        if self.items.is_empty() {
            self.items.clear();
        }
    }

    fn number_of_last(&self) -> u64 {
        self.left + self.items.len() as u64 - 1
    }

    /// Lets the lost range that is item `number` grow by `range`, if it has not been taken, `range` follows on and the
    /// cause is the same.
    pub(crate) fn extend_lost(&mut self, number: u64, range: SeqRange, cause: LossCause) -> bool {
        let Some(place) = number.checked_sub(self.left).and_then(|place| usize::try_from(place).ok()) else {
            return false;
        };
        if place == 0 && self.lent {
            return false;
        }
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

    /// Takes the next item for lending; returns its owner and what it frees: `Some(bytes)` for a message, `None` for a
    /// mark.
    #[inline]
    pub(crate) fn advance(&mut self, pool: &mut Pool) -> Option<(Owner, Option<usize>)> {
        if core::mem::take(&mut self.lent) {
            self.left += 1;
            if let Some(Item { what: What::Message { buffer, .. }, .. }) = self.items.pop_front() {
                pool.put(buffer);
            }
            self.rewind();
        }
        let item = self.items.front()?;
        self.lent = true;
        if let Some(count) = self.of_slot.get_mut(item.owner.slot as usize) {
            *count -= 1;
        }
        if let What::Message { packed, buffer, .. } = &item.what {
            self.record = packed.then_some((0, 0));
            return Some((item.owner, Some(buffer.len())));
        }
        self.marks -= 1;
        Some((item.owner, None))
    }

    /// Whether the packet being lent holds more messages.
    pub(crate) const fn has_record(&self) -> bool {
        self.record.is_some()
    }

    /// Lends what [`advance`](Self::advance) took, or the next record of it.
    #[inline]
    pub(crate) fn lend(&mut self) -> Option<Received<'_>> {
        self.items.front()?.lend(&mut self.record)
    }

    /// Hands over what [`advance`](Self::advance) took, or what is left of it.
    pub(crate) fn hand_over(&mut self) -> Option<Taken> {
        if !core::mem::take(&mut self.lent) {
            return None;
        }
        self.left += 1;
        let item = self.items.pop_front()?;
        self.rewind();
        Some(Taken { item, record: self.record.take(), given: false })
    }
}

impl Item {
    /// `record`: in a PACKED packet, where the next record begins, and its index.
    #[inline]
    fn lend(&self, position: &mut Option<(usize, u16)>) -> Option<Received<'_>> {
        let Self { owner: Owner { peer, stream, .. }, what } = self;
        let (peer, stream) = (*peer, *stream);
        Some(match what {
            What::Message { seq, path, buffer, .. } => {
                let (index, payload) = match *position {
                    None => (0, buffer.as_slice()),
                    Some((at, index)) => {
                        let mut rest = records(buffer.get(at..)?);
                        let record = rest.next()?;
                        let left = rest.rest().len();
                        *position = (left > 0).then(|| (buffer.len() - left, index.saturating_add(1)));
                        (index, record)
                    }
                };
                Received::Message { peer, stream, path: *path, seq: *seq, index, payload }
            }
            What::Lost { range, cause } => {
                Received::Lost { peer, stream, ranges: core::slice::from_ref(range), cause: *cause }
            }
            What::Restarted { epoch } => Received::Restarted { peer, epoch: *epoch },
            What::Ended { cause } => Received::Ended { peer, stream, cause: *cause },
        })
    }
}

/// An item that [`Protocol::take`](crate::Protocol::take) has handed over: all messages of one packet, or one other
/// item.
///
/// It needs the protocol no more, so that a driver can let go of its lock before the application looks at them.
#[derive(Clone)]
pub struct Taken {
    item: Item,
    /// In a PACKED packet: where the next record begins, and its index.
    record: Option<(usize, u16)>,
    /// Its last part was given out.
    given: bool,
}

impl Taken {
    /// The next message, or the item itself; `None` when everything was given out.
    #[expect(clippy::should_implement_trait, reason = "it lends, which Iterator cannot")]
    #[inline]
    pub fn next(&mut self) -> Option<Received<'_>> {
        if self.given {
            return None;
        }
        let Self { item, record, given } = self;
        let received = item.lend(record);
        *given = record.is_none() || received.is_none();
        received
    }

    /// Whether everything was given out.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.given
    }

    /// Its buffer, for the pool.
    pub(crate) fn into_buffer(self) -> Option<Vec<u8>> {
        match self.item.what {
            What::Message { buffer, .. } => Some(buffer),
            What::Lost { .. } | What::Restarted { .. } | What::Ended { .. } => None,
        }
    }
}

impl core::fmt::Debug for Taken {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Taken").field("peer", &self.item.owner.peer).field("given", &self.given).finish_non_exhaustive()
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Inbox, Item, Owner, What};
    use crate::fingerprint::{Fingerprint, State, state};

    state! {
        Owner { peer, stream, slot, stream_id }
        Item { owner, what }
    }

    impl State for Inbox {
        fn put(&self, to: &mut Fingerprint) {
            let Self { items, left: _, marks, of_slot, lent, record, news } = self;
            // What is lent and has no more records is as good as gone.
            let skipped = usize::from(*lent && record.is_none());
            to.put(&(items.len() - skipped));
            items.iter().skip(skipped).for_each(|item| to.put(item));
            to.put(&(record.map(|(at, index)| (at, u32::from(index))), *lent && record.is_some()));
            to.put(marks);
            // A slot without items may stand in it or not.
            let used = of_slot.iter().rposition(|&count| count > 0).map_or(0, |last| last + 1);
            to.put(&of_slot[..used]);
            to.put(news);
        }
    }

    impl State for What {
        fn put(&self, to: &mut Fingerprint) {
            match self {
                Self::Message { seq, path, packed, buffer } => {
                    to.put(&((0_u8, *seq), (*path, *packed)));
                    to.bytes(buffer);
                }
                Self::Lost { range, cause } => to.put(&(1_u8, (*range, *cause))),
                Self::Restarted { epoch } => to.put(&(2_u8, *epoch)),
                Self::Ended { cause } => to.put(&(3_u8, *cause)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Puts a message in; returns where in memory it stands.
    fn put(inbox: &mut Inbox, seq: u64) -> *const Item {
        let owner = Owner { peer: ([10, 0, 0, 1], 1).into(), stream: Stream::Group, slot: 0, stream_id: 1 };
        inbox.push_message(&owner, seq, Path::Multicast, false, Vec::new());
        core::ptr::from_ref(inbox.items.back().expect("it was put in"))
    }

    #[test]
    fn who_takes_each_item_as_it_comes_finds_it_where_the_last_one_was() {
        let (mut inbox, mut pool) = (Inbox::new(), Pool::new());
        let first = put(&mut inbox, 1);
        for seq in 2..20 {
            while inbox.advance(&mut pool).is_some() {}
            assert_eq!(put(&mut inbox, seq), first, "{seq}");
        }
        for seq in 20..40 {
            while inbox.advance(&mut pool).is_some() {
                assert!(inbox.hand_over().is_some());
            }
            assert_eq!(put(&mut inbox, seq), first, "{seq}");
        }
        // What still waits is not moved.
        assert_ne!(put(&mut inbox, 40), first);
    }
}
