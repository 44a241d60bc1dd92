//! From the window to the application: what is next in order becomes messages, and what is gone is reported in its
//! place.

use alloc::vec::Vec;

use super::{Arrival, Cached, Window};
use crate::event::{Event, EventKind, LossCause, Path};
use crate::inbox::What;
use crate::packet::{Flags, records};
use crate::receiver::assembly::{Step, WHOLE};
use crate::receiver::gaps::{Gap, GapState};
use crate::receiver::nack;
use crate::seq::SeqRange;
use crate::shared::Shared;

/// For how many packets and gaps a stream without any keeps its memory.
const KEPT: usize = 256;

/// What a data packet carries: lent by the datagram, or taken out of the cache.
enum Payload<'a> {
    Borrowed(&'a [u8]),
    Owned(Vec<u8>),
}

impl Window {
    /// Whether anything was delivered or reported.
    pub(crate) const fn has_begun(&self) -> bool {
        self.begun
    }

    /// Delivers the next packet, and what follows on it.
    #[inline]
    pub(super) fn deliver_next(&mut self, Arrival { seq, flags, path, payload }: Arrival<'_>, shared: &mut Shared) {
        self.received = self.received.max(seq);
        self.deliver(seq, flags, path, Payload::Borrowed(payload), shared);
        if !self.cache.is_empty() || !self.gaps.is_empty() {
            self.advance(shared);
        }
        self.leave_turn(shared);
    }

    /// Delivers what follows on: cached packets, and numbers that are gone.
    #[inline]
    pub(super) fn advance(&mut self, shared: &mut Shared) {
        loop {
            if !self.cache.is_empty()
                && let Some(Cached { flags, path, buffer, told }) = self.cache.remove(&self.next)
            {
                if told {
                    self.pass_told(flags, shared);
                    continue;
                }
                if shared.config.delivery.is_unordered() {
                    self.fragments.remove(self.next);
                }
                self.cached_bytes -= buffer.len();
                shared.received_packets -= 1;
                shared.received_bytes -= buffer.len();
                self.deliver(self.next, flags, path, Payload::Owned(buffer), shared);
                continue;
            }
            let Some(Gap { range, state: GapState::Gone(cause), .. }) =
                self.gaps.first().filter(|gap| gap.range.first() == self.next)
            else {
                break;
            };
            self.gaps.remove(range.first(), nack::turn(shared));
            self.next = range.last() + 1;
            shared.received_bytes -= self.assembly.len();
            if cause.is_none() && !self.begun {
                self.assembly.skip();
                continue;
            }
            let cause = cause.unwrap_or(LossCause::Lost);
            let range = self.assembly.lost(range, cause, &mut shared.pool);
            self.report(range, cause, shared);
        }
        if self.cache.is_empty() && self.gaps.is_empty() {
            self.shrink();
        }
    }

    /// Nothing is missing any more: the memory of a window that was full is not kept for each of many peers, while that
    /// of common losses is.
    fn shrink(&mut self) {
        if self.cache.capacity() > KEPT {
            self.cache.shrink_to_fit();
        }
        self.gaps.shrink(KEPT);
    }

    /// Hands the next packet to the application, or to the message that it is a part of. State moves first (F07).
    #[inline]
    fn deliver(&mut self, seq: u64, flags: Flags, path: Path, payload: Payload<'_>, shared: &mut Shared) {
        self.next = seq + 1;
        self.begun = true;
        if self.assembly.is_whole(flags) {
            self.deliver_whole(seq, flags, path, payload, shared);
        } else {
            self.assemble(seq, flags, path, payload, shared);
        }
    }

    fn assemble(&mut self, seq: u64, flags: Flags, path: Path, payload: Payload<'_>, shared: &mut Shared) {
        let before = self.assembly.len();
        if flags.contains(Flags::FIRST)
            && let Some((range, cause)) = self.assembly.interrupt(seq, &mut shared.pool)
        {
            self.report(range, cause, shared);
        }
        if flags.contains(WHOLE) {
            shared.received_bytes -= before;
            self.deliver_whole(seq, flags, path, payload, shared);
            return;
        }
        let bytes = match &payload {
            Payload::Borrowed(bytes) => bytes,
            Payload::Owned(buffer) => buffer.as_slice(),
        };
        let step = self.assembly.take(seq, flags, bytes, shared.config.max_message, &mut shared.pool);
        if let Payload::Owned(buffer) = payload {
            shared.pool.put(buffer);
        }
        shared.received_bytes = shared.received_bytes + self.assembly.len() - before;
        match step {
            Step::Pending => {}
            Step::Whole => {
                let buffer = self.assembly.take_message();
                shared.received_bytes -= buffer.len();
                self.push_message(seq, path, buffer, shared);
            }
            Step::Discarded if flags.contains(Flags::LAST) => {
                if let Some((range, cause)) = self.assembly.end_discarded(seq) {
                    self.report(range, cause, shared);
                }
            }
            Step::Discarded => {}
        }
    }

    #[inline]
    fn deliver_whole(&mut self, seq: u64, flags: Flags, path: Path, payload: Payload<'_>, shared: &mut Shared) {
        let packed = flags.contains(Flags::PACKED);
        let max = if packed { shared.config.receive_window_bytes } else { shared.config.max_message };
        match payload {
            Payload::Borrowed(bytes) if bytes.len() <= max => {
                let mut buffer = shared.pool.take(bytes.len());
                buffer.extend_from_slice(bytes);
                self.push_whole(seq, packed, path, buffer, shared);
            }
            Payload::Owned(buffer) if buffer.len() <= max => self.push_whole(seq, packed, path, buffer, shared),
            Payload::Borrowed(_) => self.report(SeqRange::single(seq), LossCause::TooLarge, shared),
            Payload::Owned(buffer) => {
                shared.pool.put(buffer);
                self.report(SeqRange::single(seq), LossCause::TooLarge, shared);
            }
        }
    }

    #[inline]
    fn push_whole(&mut self, seq: u64, packed: bool, path: Path, buffer: Vec<u8>, shared: &mut Shared) {
        if packed {
            self.push_packed(seq, path, buffer, shared);
        } else {
            self.push_message(seq, path, buffer, shared);
        }
    }

    pub(super) fn push_packed(&mut self, seq: u64, path: Path, buffer: Vec<u8>, shared: &mut Shared) {
        let told = shared.events.mask().contains(EventKind::NewPacket);
        let (mut count, mut bytes) = (0, 0);
        for (index, record) in (0..=u16::MAX).zip(records(&buffer)) {
            count += 1;
            bytes += record.len() as u64;
            if told {
                self.tell_message(seq, index, record.len(), shared);
            }
        }
        shared.stats.rx.messages += count;
        shared.stats.rx.message_bytes += bytes;
        self.push(seq, path, true, buffer, shared);
    }

    #[inline]
    pub(super) fn push_message(&mut self, seq: u64, path: Path, buffer: Vec<u8>, shared: &mut Shared) {
        shared.stats.rx.messages += 1;
        shared.stats.rx.message_bytes += buffer.len() as u64;
        if shared.events.mask().contains(EventKind::NewPacket) {
            self.tell_message(seq, 0, buffer.len(), shared);
        }
        self.push(seq, path, false, buffer, shared);
    }

    #[inline(never)]
    fn tell_message(&self, seq: u64, index: u16, len: usize, shared: &mut Shared) {
        let (peer, stream) = (self.owner.peer, self.owner.stream);
        shared.event(Event::NewPacket { peer, stream, seq, index, len });
    }

    #[inline]
    fn push(&mut self, seq: u64, path: Path, packed: bool, buffer: Vec<u8>, shared: &mut Shared) {
        self.unread.add(buffer.len());
        shared.received_packets += 1;
        shared.received_bytes += buffer.len();
        self.tail = Some(shared.inbox.push_message(&self.owner, seq, path, packed, buffer));
    }

    /// Tells the application, in stream order, that `range` will never come.
    #[inline(never)]
    pub(super) fn report(&mut self, range: SeqRange, cause: LossCause, shared: &mut Shared) {
        self.begun = true;
        shared.stats.rx.lost = shared.stats.rx.lost.saturating_add(range.len());
        shared.event(Event::GotLost { peer: self.owner.peer, stream: self.owner.stream, range, cause });
        if self.tail.is_some_and(|tail| shared.inbox.extend_lost(tail, range, cause)) {
            return;
        }
        self.mark(What::Lost { range, cause }, shared);
    }
}
