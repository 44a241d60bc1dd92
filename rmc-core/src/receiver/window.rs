//! The receive window of one stream: what is missing, what is cached behind it, and what is delivered in order.
//!
//! ```text
//!        next             covered      limit            known
//!  ───────┼──────────────────┼───────────┼────────────────┼──▶ numbers
//!  done   │ gaps and cached  │ nothing   │ past the       │
//!         │ packets          │ held      │ window: a hint │
//! ```

mod delivery;
mod room;
mod unordered;

use alloc::vec::Vec;

use super::assembly::Assembly;
use super::gaps::{Gap, GapState, Gaps};
use super::nack::{self, Scheduler};
use crate::config::Delivery;
use crate::event::{EndCause, LossCause, Path};
use crate::hash::{Map, map};
use crate::inbox::{Owner, What};
use crate::packet::Flags;
use crate::seq::SeqRange;
use crate::shared::{Held, Shared};
use unordered::Fragments;

/// One step of the window may wait until this share of it is free, so that a window that slides does not ask for every
/// number alone.
const STEP: usize = 8;

#[derive(Clone)]
pub(crate) struct Window {
    owner: Owner,
    /// The lowest number that is neither delivered nor reported.
    next: u64,
    /// Every number up to here is delivered, reported, cached, or in a gap.
    covered: u64,
    /// The highest number known to exist. Past `covered` it is a hint only (F06).
    known: u64,
    /// The highest number that came.
    received: u64,
    /// Whether anything was delivered or reported: from then on nothing is left out silently.
    begun: bool,
    gaps: Gaps,
    nacks: Scheduler,
    cache: Map<u64, Cached>,
    cached_bytes: usize,
    /// Of the cached packets: those whose message was delivered before its turn. Nothing but their flags is kept.
    told: usize,
    /// Of those that were not, where delivery does not wait for order.
    fragments: Fragments,
    assembly: Assembly,
    /// Messages in the inbox that the application has not taken.
    unread: Held,
    /// Other items in the inbox that it has not taken.
    marks: usize,
    /// The number of this stream's last item in the inbox.
    tail: Option<u64>,
    /// The most payload that a packet had.
    largest: usize,
}

#[derive(Clone)]
struct Cached {
    flags: Flags,
    path: Path,
    buffer: Vec<u8>,
    /// Its message was delivered already.
    told: bool,
}

/// A data packet, as the window sees it.
#[derive(Clone, Copy)]
pub(crate) struct Arrival<'a> {
    pub(crate) seq: u64,
    pub(crate) flags: Flags,
    pub(crate) path: Path,
    pub(crate) payload: &'a [u8],
}

/// What became of a data packet.
pub(crate) enum Taken {
    /// It came before.
    Duplicate,
    /// There is no room for it now.
    Refused,
    /// It was new; `Some`: it filled a part of this gap.
    New(Option<Gap>),
}

impl Window {
    pub(crate) fn new(owner: Owner, next: u64, nacks: Scheduler, shared: &Shared) -> Self {
        Self {
            owner,
            next,
            covered: next - 1,
            known: next - 1,
            received: next - 1,
            begun: false,
            gaps: Gaps::new(shared.config.max_nacks),
            nacks,
            cache: map(shared.config.seed),
            cached_bytes: 0,
            told: 0,
            fragments: Fragments::default(),
            assembly: Assembly::default(),
            unread: Held::default(),
            marks: 0,
            tail: None,
            largest: 1,
        }
    }

    pub(crate) const fn owner(&self) -> Owner {
        self.owner
    }

    pub(crate) const fn next(&self) -> u64 {
        self.next
    }

    pub(crate) const fn known(&self) -> u64 {
        self.known
    }

    pub(crate) const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// What asks for the gaps, and the gaps.
    pub(crate) const fn asking(&mut self) -> (&mut Scheduler, &mut Gaps) {
        (&mut self.nacks, &mut self.gaps)
    }

    pub(crate) const fn nacks(&self) -> &Scheduler {
        &self.nacks
    }

    pub(crate) const fn assembly_mut(&mut self) -> &mut Assembly {
        &mut self.assembly
    }

    pub(crate) fn cached_packets(&self) -> usize {
        self.cache.len() - self.told
    }

    /// Bytes of payload: cached, being reassembled, and not taken by the application.
    pub(crate) const fn held_bytes(&self) -> usize {
        self.cached_bytes + self.assembly.len() + self.unread.bytes
    }

    /// Whether the application must take something before packets may move this stream on: what is no message has a
    /// bound too.
    pub(crate) const fn is_crowded(&self, shared: &Shared) -> bool {
        self.marks >= shared.config.receive_window_packets
    }

    /// The highest number that there is room for (S08, RMC-WIN-1).
    pub(crate) fn limit(&self, shared: &Shared) -> u64 {
        self.next - 1 + shared.config.receive_window_packets.saturating_sub(self.unread.packets) as u64
    }

    /// Numbers up to `seq` exist.
    pub(crate) fn learn(&mut self, seq: u64) {
        self.known = self.known.max(seq);
    }

    /// What was only said to exist, past the window and past `kept`, is not known any more.
    pub(crate) fn forget_hints(&mut self, kept: u64, shared: &Shared) {
        self.known = self.known.min(self.limit(shared).max(self.covered).max(kept));
    }

    /// The sender says that `seq` is its last number (F13, RMC-GAP-11): what was taken for known above it, and never
    /// came, is not.
    pub(crate) fn unlearn(&mut self, seq: u64, shared: &Shared) {
        let floor = seq.max(self.received).max(self.next - 1);
        if self.known <= floor {
            return;
        }
        self.known = floor;
        while let Some(gap) = self.gaps.last().filter(|gap| gap.range.last() > floor) {
            self.gaps.remove(gap.range.first(), nack::turn(shared));
            if let Some(range) = SeqRange::new(gap.range.first(), floor) {
                self.gaps.insert(Gap { range, ..gap }, nack::turn(shared));
            }
        }
        self.covered = self.covered.min(floor);
    }

    /// Takes a data packet (S07, S08, S09; RMC-DATA-1 to RMC-DATA-3, RMC-WIN-2).
    pub(crate) fn take(&mut self, arrival: Arrival<'_>, shared: &mut Shared) -> Taken {
        if arrival.seq < self.next {
            return Taken::Duplicate;
        }
        self.learn(arrival.seq);
        self.largest = self.largest.max(arrival.payload.len());
        if arrival.seq == self.next {
            return self.take_next(arrival, shared);
        }
        if arrival.seq <= self.covered && self.gaps.find(arrival.seq).is_none() {
            return Taken::Duplicate;
        }
        if shared.config.delivery == Delivery::Latest && self.jump(&arrival, shared) {
            return self.take_next(arrival, shared);
        }
        self.take_ahead(arrival, shared)
    }

    /// Opens gaps for what is known to exist and fits the window: asks for what is neither delivered nor cached,
    /// nothing else (F01, F03; RMC-GAP-2, RMC-WIN-5).
    /// Returns whether there was one to open.
    #[inline]
    pub(crate) fn extend(&mut self, shared: &mut Shared) -> bool {
        // The rule: everything that is known to exist is accounted for.
        self.known > self.covered && self.extend_to(self.limit(shared), shared)
    }

    #[inline(never)]
    fn extend_to(&mut self, limit: u64, shared: &mut Shared) -> bool {
        let Some(range) = SeqRange::new(self.covered + 1, self.known.min(limit)) else { return false };
        let step = shared.config.receive_window_packets.div_ceil(STEP) as u64;
        if !self.gaps.is_empty() && self.known > limit && limit - self.covered < step {
            return false;
        }
        let bytes = shared.config.receive_window_bytes;
        let waits_for_bytes = self.unread.bytes > 0 || !self.gaps.is_empty();
        if waits_for_bytes && bytes.saturating_sub(self.held_bytes()) < bytes / STEP {
            return false;
        }
        self.open(range, shared);
        self.covered = range.last();
        true
    }

    /// The numbers of `range` that did not come never will. Without a cause they are left out silently. What was
    /// received is delivered in order, at once (S15, RMC-LOST-1).
    pub(crate) fn give_up(&mut self, range: SeqRange, cause: Option<LossCause>, shared: &mut Shared) {
        let Some(range) = SeqRange::new(range.first().max(self.next), range.last()) else { return };
        self.learn(range.last());
        if range.last() > self.covered {
            if let Some(below) = SeqRange::new(self.covered + 1, range.first() - 1) {
                if below.last() > self.limit(shared) {
                    return;
                }
                self.open(below, shared);
                self.covered = below.last();
            }
            self.append_gone(range.last(), cause, shared);
        }
        let mut from = range.first();
        while let Some(gap) = self.gaps.find_from(from).filter(|gap| gap.range.first() <= range.last()) {
            from = gap.range.last() + 1;
            if !matches!(gap.state, GapState::Gone(_)) {
                self.split_off(gap, range, GapState::Gone(cause), shared);
            }
        }
        self.advance(shared);
        self.leave_turn(shared);
    }

    /// The application has taken an item: a message of so many bytes, or a mark.
    pub(crate) fn release(&mut self, message: Option<usize>) {
        match message {
            Some(bytes) => self.unread.sub(bytes),
            None => self.marks -= 1,
        }
    }

    /// The stream is over: delivers what is cached in order, and reports every number up to the highest known that did
    /// not come (S26, RMC-PEER-6).
    pub(crate) fn end(&mut self, cause: LossCause, shared: &mut Shared) {
        // Past the window a number is a hint, and no hint is reported as lost.
        let window = self.next.saturating_add(shared.config.receive_window_packets as u64 - 1);
        if let Some(range) = SeqRange::new(self.next, self.known.min(window).max(self.covered)) {
            self.give_up(range, Some(cause), shared);
        }
        let held = self.assembly.len();
        let rest = self.assembly.finish(self.next, cause, &mut shared.pool);
        shared.received_bytes -= held;
        self.leave_turn(shared);
        if let Some((range, cause)) = rest {
            self.report(range, cause, shared);
        }
        debug_assert!(self.cache.is_empty() && self.cached_bytes == 0 && self.told == 0, "all had its turn");
    }

    /// Drops everything that is not in the inbox, unreported.
    pub(crate) fn drop_all(&mut self, shared: &mut Shared) {
        shared.received_packets -= self.cached_packets();
        shared.received_bytes -= self.cached_bytes + self.assembly.len();
        shared.told -= self.told;
        (self.cached_bytes, self.told) = (0, 0);
        self.cache.clear();
        self.fragments.clear();
        self.gaps.clear();
        self.assembly.release(&mut shared.pool);
        self.leave_turn(shared);
    }

    /// Puts an item that is no message into the inbox.
    pub(crate) fn mark(&mut self, what: What, shared: &mut Shared) {
        self.marks += 1;
        self.tail = Some(shared.inbox.push(self.owner, what));
    }

    /// Puts the end of the stream into the inbox.
    pub(crate) fn mark_end(&mut self, cause: EndCause, shared: &mut Shared) {
        self.mark(What::Ended { cause }, shared);
    }

    #[inline]
    fn take_next(&mut self, arrival: Arrival<'_>, shared: &mut Shared) -> Taken {
        let len = arrival.payload.len();
        // What no window could ever hold needs no room: it is reported as too large, and the stream goes on.
        let keeps = if arrival.flags.contains(Flags::PACKED) {
            len <= shared.config.receive_window_bytes
        } else {
            self.assembly.keeps(arrival.flags, len, shared.config.max_message)
        };
        if self.unread.packets >= shared.config.receive_window_packets {
            shared.stats.dropped.window += 1;
            return Taken::Refused;
        }
        if keeps && !self.make_room(len, shared) {
            return Taken::Refused;
        }
        if self.covered < arrival.seq {
            self.covered = arrival.seq;
            self.deliver_next(arrival, shared);
            return Taken::New(None);
        }
        let gap = self.gaps.fill(arrival.seq, nack::turn(shared));
        self.deliver_next(arrival, shared);
        Taken::New(gap)
    }

    #[inline(never)]
    fn take_ahead(&mut self, arrival: Arrival<'_>, shared: &mut Shared) -> Taken {
        let seq = arrival.seq;
        let in_gap = seq <= self.covered;
        if seq > self.limit(shared) {
            shared.stats.dropped.window += 1;
            return Taken::Refused;
        }
        if !self.has_room(arrival.payload.len(), shared) {
            self.count_refused(arrival.payload.len(), shared);
            return Taken::Refused;
        }
        let gap = if in_gap { self.gaps.fill(seq, nack::turn(shared)) } else { None };
        if !in_gap {
            if let Some(range) = SeqRange::new(self.covered + 1, seq - 1) {
                self.open(range, shared);
            }
            self.covered = seq;
        }
        self.received = self.received.max(seq);
        let mut buffer = shared.pool.take(arrival.payload.len());
        buffer.extend_from_slice(arrival.payload);
        self.cached_bytes += buffer.len();
        shared.received_packets += 1;
        shared.received_bytes += buffer.len();
        self.cache.insert(seq, Cached { flags: arrival.flags, path: arrival.path, buffer, told: false });
        if shared.config.delivery.is_unordered() {
            self.fragments.insert(seq, arrival.flags);
            self.deliver_ahead(seq, shared);
        }
        Taken::New(gap)
    }

    fn open(&mut self, range: SeqRange, shared: &mut Shared) {
        shared.stats.repair.gaps += 1;
        self.gaps.insert(self.nacks.new_gap(range, shared), nack::turn(shared));
    }

    /// Everything behind `covered` up to `last` is gone. It joins a gap before it that is gone for the same cause:
    /// there may be many such news past the window, and they must not cost memory each.
    fn append_gone(&mut self, last: u64, cause: Option<LossCause>, shared: &Shared) {
        if last <= self.covered {
            return;
        }
        let state = GapState::Gone(cause);
        let before = self.gaps.last().filter(|gap| gap.state == state && gap.range.last() == self.covered);
        let first = before.map_or(self.covered + 1, |gap| gap.range.first());
        if before.is_some() {
            self.gaps.remove(first, nack::turn(shared));
        }
        if let Some(range) = SeqRange::new(first, last) {
            self.gaps.insert(Gap { range, seen: shared.now, state }, nack::turn(shared));
        }
        self.covered = last;
    }

    /// Gives the part of `gap` that lies within `range` another state.
    fn split_off(&mut self, gap: Gap, range: SeqRange, state: GapState, shared: &Shared) {
        let (first, last) = (gap.range.first().max(range.first()), gap.range.last().min(range.last()));
        self.gaps.remove(gap.range.first(), nack::turn(shared));
        let parts = [
            (SeqRange::new(gap.range.first(), first - 1), gap.state),
            (SeqRange::new(first, last), state),
            (SeqRange::new(last + 1, gap.range.last()), gap.state),
        ];
        for (range, state) in parts {
            if let Some(range) = range {
                self.gaps.insert(Gap { range, state, ..gap }, nack::turn(shared));
            }
        }
    }

    fn has_room(&self, len: usize, shared: &Shared) -> bool {
        self.held_bytes() + len <= shared.config.receive_window_bytes
            && shared.received_packets + shared.told < shared.config.receive_total_packets
            && shared.received_bytes + len <= shared.config.receive_total_bytes
    }

    /// Room for the packet that everything waits for (RMC-WIN-4): what is cached goes, the highest first, and is asked
    /// for again.
    fn make_room(&mut self, len: usize, shared: &mut Shared) -> bool {
        while !self.has_room(len, shared) {
            if self.evict_highest(shared) {
                continue;
            }
            if self.may_exceed_total(len, shared) {
                shared.completing = Some(self.owner.stream_id);
                return true;
            }
            self.count_refused(len, shared);
            return false;
        }
        true
    }

    /// When the messages in parts of many streams fill all windows together, none would ever be whole, and the
    /// application has nothing to take that would make room: one of them at a time is brought to its end
    /// (RMC-WIN-7).
    #[inline(never)]
    fn may_exceed_total(&self, len: usize, shared: &Shared) -> bool {
        let config = &shared.config;
        self.held_bytes() + len <= config.receive_window_bytes
            && shared.received_bytes + len <= config.receive_total_bytes.saturating_add(config.max_message)
            && !shared.inbox.has_messages()
            && shared.completing.is_none_or(|stream| stream == self.owner.stream_id)
    }

    /// A stream that exceeds the total and has nothing in parts any more leaves the turn to others.
    fn leave_turn(&self, shared: &mut Shared) {
        if shared.completing == Some(self.owner.stream_id) && self.assembly.len() == 0 {
            shared.completing = None;
        }
    }

    /// Counts what found no room by whose bound that was.
    fn count_refused(&self, len: usize, shared: &mut Shared) {
        let dropped = &mut shared.stats.dropped;
        if self.held_bytes() + len <= shared.config.receive_window_bytes {
            dropped.total += 1;
        } else {
            dropped.window += 1;
        }
    }

    fn evict_highest(&mut self, shared: &mut Shared) -> bool {
        if shared.config.delivery.is_unordered() {
            return self.evict_fragment(shared);
        }
        if self.cache.is_empty() {
            return false;
        }
        while let Some(gap) = self.gaps.last().filter(|gap| gap.range.last() == self.covered) {
            self.gaps.remove(gap.range.first(), nack::turn(shared));
            self.covered = gap.range.first() - 1;
        }
        let Some(Cached { buffer, .. }) = self.cache.remove(&self.covered) else { return false };
        self.covered -= 1;
        self.forget_cached(buffer, shared);
        shared.stats.dropped.window += 1;
        true
    }

    /// A packet has left the cache and nobody gets it.
    fn forget_cached(&mut self, buffer: Vec<u8>, shared: &mut Shared) {
        self.cached_bytes -= buffer.len();
        shared.received_packets -= 1;
        shared.received_bytes -= buffer.len();
        shared.pool.put(buffer);
    }
}

#[cfg(feature = "sim")]
mod fingerprint;
