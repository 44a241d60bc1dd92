//! Delivery that does not wait for what is missing: each message as soon as it is whole (RMC-MODE-3), or only what is
//! newer than all before (RMC-MODE-4).

use alloc::collections::BTreeSet;
use core::ops::Bound;

use super::{Arrival, Cached, Window};
use crate::config::Delivery;
use crate::packet::Flags;
use crate::receiver::assembly::WHOLE;
use crate::receiver::nack;
use crate::seq::SeqRange;
use crate::shared::Shared;

/// The fragments that are cached, and where messages begin and end among them: so that a message that has become whole
/// is found without a walk over its fragments.
#[derive(Clone, Default)]
pub(super) struct Fragments {
    all: BTreeSet<u64>,
    firsts: BTreeSet<u64>,
    lasts: BTreeSet<u64>,
}

impl Fragments {
    pub(super) fn insert(&mut self, seq: u64, flags: Flags) {
        self.all.insert(seq);
        if flags.contains(Flags::FIRST) {
            self.firsts.insert(seq);
        }
        if flags.contains(Flags::LAST) {
            self.lasts.insert(seq);
        }
    }

    pub(super) fn remove(&mut self, seq: u64) {
        self.all.remove(&seq);
        self.firsts.remove(&seq);
        self.lasts.remove(&seq);
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// The message that fragment `seq` belongs to, as far as its ends are there.
    fn message_around(&self, seq: u64) -> Option<SeqRange> {
        let first = *self.firsts.range(..=seq).next_back()?;
        let last = *self.lasts.range(seq..).next()?;
        // Ends between would belong to a sender that makes no messages: what comes in order says so.
        let is_one = self.lasts.range(first..seq).next().is_none()
            && self.firsts.range((Bound::Excluded(first), Bound::Included(last))).next().is_none();
        SeqRange::new(first, last).filter(|_| is_one)
    }

    /// Whether all of `message` is cached. What was delivered before its turn is not: a message that spans another one
    /// is none.
    fn has_all(&self, message: SeqRange) -> bool {
        self.all.range(message.first()..=message.last()).count() as u64 == message.len()
    }
}

impl Window {
    /// A packet ahead of the stream was cached: what that makes whole is delivered.
    #[inline(never)]
    pub(super) fn deliver_ahead(&mut self, seq: u64, shared: &mut Shared) {
        let Some(message) = self.fragments.message_around(seq) else { return };
        let is_whole = self.gaps.find_from(message.first()).is_none_or(|gap| gap.range.first() > message.last())
            && self.fragments.has_all(message);
        if !is_whole {
            return;
        }
        let Some(&Cached { flags, path, .. }) = self.cache.get(&seq) else { return };
        let packed = flags.contains(Flags::PACKED);
        if !packed && self.cached_len(message) > shared.config.max_message {
            return;
        }
        let mut buffer = alloc::vec::Vec::new();
        for seq in message.first()..=message.last() {
            self.fragments.remove(seq);
            let Some(cached) = self.cache.get_mut(&seq) else { continue };
            let part = core::mem::take(&mut cached.buffer);
            cached.told = true;
            self.told += 1;
            shared.told += 1;
            self.cached_bytes -= part.len();
            shared.received_packets -= 1;
            shared.received_bytes -= part.len();
            if buffer.capacity() == 0 && message.len() == 1 {
                buffer = part;
                continue;
            }
            shared.pool.grow(&mut buffer, part.len());
            buffer.extend_from_slice(&part);
            shared.pool.put(part);
        }
        if packed {
            self.push_packed(message.last(), path, buffer, shared);
        } else {
            self.push_message(message.last(), path, buffer, shared);
        }
        if shared.config.delivery == Delivery::Latest {
            // The stream goes on behind it, so that what is lost from here on is reported (RMC-JOIN-3).
            self.begun = true;
            self.drop_up_to(message.last(), shared);
            self.advance(shared);
        }
    }

    /// A whole message ahead of the stream, which leaves what is older behind; whether it may.
    pub(super) fn jump(&mut self, arrival: &Arrival<'_>, shared: &mut Shared) -> bool {
        let latest = shared.config.delivery == Delivery::Latest;
        if !latest || !arrival.flags.contains(WHOLE) || arrival.seq > self.limit(shared) {
            return false;
        }
        if !self.could_have_room(arrival.payload.len(), shared) {
            return false;
        }
        self.drop_up_to(arrival.seq - 1, shared);
        true
    }

    /// Whether there would be room for so many bytes if nothing but what the application has not taken were held.
    fn could_have_room(&self, len: usize, shared: &Shared) -> bool {
        let config = &shared.config;
        let packets = shared.received_packets - self.cached_packets() + shared.told - self.told;
        let bytes = shared.received_bytes - self.cached_bytes - self.assembly.len();
        self.unread.bytes + len <= config.receive_window_bytes
            && packets < config.receive_total_packets
            && bytes + len <= config.receive_total_bytes
    }

    /// What was delivered already has its turn in the stream.
    pub(super) fn pass_told(&mut self, flags: Flags, shared: &mut Shared) {
        self.forget_told(shared);
        if flags.contains(Flags::FIRST) {
            shared.received_bytes -= self.assembly.len();
            if let Some((range, cause)) = self.assembly.interrupt(self.next, &mut shared.pool) {
                self.report(range, cause, shared);
            }
        }
        self.next += 1;
        self.begun = true;
    }

    /// Makes room by giving up the highest fragment that is cached: it becomes a gap again.
    pub(super) fn evict_fragment(&mut self, shared: &mut Shared) -> bool {
        let Some(seq) = self.fragments.all.last().copied() else { return false };
        self.fragments.remove(seq);
        let Some(Cached { buffer, .. }) = self.cache.remove(&seq) else { return false };
        self.forget_cached(buffer, shared);
        shared.stats.dropped.window += 1;
        self.open(SeqRange::single(seq), shared);
        true
    }

    /// Leaves out everything up to `last`, silently: what has not come, and what has and is not whole.
    fn drop_up_to(&mut self, last: u64, shared: &mut Shared) {
        shared.received_bytes -= self.assembly.len();
        self.assembly.skip();
        while self.next <= last {
            if let Some(Cached { buffer, told, .. }) = self.cache.remove(&self.next) {
                if told {
                    self.forget_told(shared);
                } else {
                    self.fragments.remove(self.next);
                    self.forget_cached(buffer, shared);
                }
                self.next += 1;
                continue;
            }
            let Some(gap) = self.gaps.first().filter(|gap| gap.range.first() <= last) else {
                self.next = last + 1;
                break;
            };
            self.gaps.remove(gap.range.first(), nack::turn(shared));
            if let Some(rest) = SeqRange::new(last + 1, gap.range.last()) {
                self.gaps.insert(super::Gap { range: rest, ..gap }, nack::turn(shared));
            }
            self.next = gap.range.last().min(last) + 1;
        }
        self.covered = self.covered.max(last);
        self.leave_turn(shared);
    }

    /// One that was delivered before its turn has left the cache.
    const fn forget_told(&mut self, shared: &mut Shared) {
        self.told -= 1;
        shared.told -= 1;
    }

    fn cached_len(&self, range: SeqRange) -> usize {
        (range.first()..=range.last()).filter_map(|seq| self.cache.get(&seq)).map(|cached| cached.buffer.len()).sum()
    }
}
