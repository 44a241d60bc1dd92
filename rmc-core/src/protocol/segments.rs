//! Several datagrams of one size that leave as one (RMC-SEND-7): the system cuts them, which costs far less than a call
//! for each.

use alloc::vec::Vec;

use super::Protocol;
use super::outgoing::{Note, Sent, Source};

/// The most that any system takes in one call: Linux's `UDP_MAX_SEGMENTS`.
pub(crate) const MAX_SEGMENTS: usize = 128;
/// The most bytes of them together: what one datagram may have over IPv6, whose limit is the lower one.
const MAX_BYTES: usize = 65_487;

/// While repairs wait, such a part of `max_segments` leaves as one.
const TURN_OF_SEGMENTS: usize = 4;

/// Data packets of one stream with numbers that follow on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segments {
    /// The length of each but the last, which may be shorter.
    pub(super) size: usize,
    /// At least 2, unless some have left alone.
    pub(super) count: usize,
}

impl Segments {
    /// The datagrams of a transmission of `len` bytes that begins with number `seq`: the number and the length of each.
    pub(super) fn datagrams_of(self, seq: u64, len: usize) -> impl Iterator<Item = (u64, usize)> {
        (0..self.count).map(move |index| (seq + index as u64, self.size.min(len - index * self.size)))
    }
}

impl Protocol {
    /// Output: takes over the bytes of the last `Transmit`, if it had several datagrams, and leaves `buffer` for the
    /// next one: nothing is copied. Returns whether it did. A driver that lets go of the protocol while it sends saves
    /// a copy this way; one that fails then gives the bytes back, by the same call, before it tells
    /// [`transmit_failed`](Self::transmit_failed).
    pub fn swap_segments(&mut self, buffer: &mut Vec<u8>) -> bool {
        let several = matches!(self.out.last, Some(Sent { bytes: Source::Segments(_), .. }));
        if several {
            // Never are bytes of before taken for those of now.
            if !self.out.gathered.is_empty() {
                buffer.clear();
            }
            core::mem::swap(&mut self.out.gathered, buffer);
        }
        several
    }

    /// Input: the first `count` datagrams of the last `Transmit`, if it had several, have left: what is told of it from here on
    /// is about the others. For a driver that sends them one by one and fails on the way, before it tells
    /// [`transmit_failed`](Self::transmit_failed); it has given the bytes back.
    pub fn segments_left(&mut self, count: usize) {
        let Some(Sent { bytes: Source::Segments(Segments { size, count: all }), seq, len, .. }) = self.out.last else {
            return;
        };
        let count = count.min(all);
        for (seq, len) in (Segments { size, count }).datagrams_of(seq, len) {
            self.has_left(seq, len);
        }
        if count == all {
            self.out.last = None;
        } else if let Some(last) = &mut self.out.last {
            self.out.gathered.drain(..(count * size).min(self.out.gathered.len()));
            last.bytes = Source::Segments(Segments { size, count: all - count });
            (last.seq, last.len) = (seq + count as u64, len - count * size);
        }
    }

    /// Input: how many datagrams a `Transmit` holds at most from now on: see
    /// [`Config::max_segments`](crate::Config::max_segments). Brought into its bounds, 1 to 128. For a driver that
    /// learns at run time what its system can do.
    pub fn set_max_segments(&mut self, segments: usize) {
        self.shared.config.max_segments = segments.clamp(1, MAX_SEGMENTS);
    }

    /// Lets the data packets that follow on the last one built leave with it, as long as they are as long: the last one
    /// may be shorter. Whatever has a right to leave before the next of them ends it.
    pub(super) fn gather(&mut self) {
        let Some(Sent { what: Note::Data(place), bytes: Source::Log { .. }, seq, len: size, .. }) = self.out.last
        else {
            return;
        };
        let (mut segments, mut len) = (Segments { size, count: 1 }, size);
        while self.may_join(place, (seq, len), segments) {
            if segments.count == 1 {
                // Once: it never grows again.
                self.out.gathered.clear();
                self.out.gathered.reserve(MAX_BYTES);
                self.add_last();
            }
            let Some(added) = self.streams.next_data().and_then(|place| self.next_data(place)) else { break };
            self.streams.touched(place, &self.shared);
            self.leaves(added);
            self.add_last();
            segments.count += 1;
            len += added;
        }
        if segments.count > 1
            && let Some(last) = &mut self.out.last
        {
            (last.bytes, last.seq, last.len) = (Source::Segments(segments), seq, len);
        }
    }

    /// Whether the packet that is next in the stream at `place` leaves with what was gathered.
    fn may_join(&mut self, place: u32, (seq, len): (u64, usize), segments: Segments) -> bool {
        let Segments { size, count } = segments;
        let config = &self.shared.config;
        if count >= config.max_segments || self.out.burst >= config.max_burst || !len.is_multiple_of(size) {
            return false;
        }
        // Repairs take turns with data. A part of a transmission is a turn then: one packet each would make as many
        // calls as there are packets whenever something is lost.
        let turn = config.max_segments.div_ceil(TURN_OF_SEGMENTS);
        if self.streams.has_control() || (self.streams.has_repairs() && count >= turn) {
            return false;
        }
        let Some((next, added)) = self.streams.only_data_of(place) else { return false };
        next == seq + count as u64
            && added <= size
            && len + added <= MAX_BYTES
            && (!self.pacing.is_limited() || self.pacing.wait(added, self.shared.now).is_none())
    }

    /// Adds the packet that was just built.
    fn add_last(&mut self) {
        let mut gathered = core::mem::take(&mut self.out.gathered);
        if let Some(last) = &self.out.last {
            gathered.extend_from_slice(self.bytes_of(last));
        }
        self.out.gathered = gathered;
    }

    /// All that have not left come back, each on its own, from the bytes that were gathered.
    pub(super) fn retry_segments(&mut self, sent: Sent, segments: Segments) {
        for ((seq, len), bytes) in
            segments.datagrams_of(sent.seq, sent.len).zip(self.out.gathered.chunks(segments.size))
        {
            let mut buffer = self.shared.pool.take(bytes.len());
            buffer.extend_from_slice(bytes);
            self.out.retry.push_back((buffer, Sent { bytes: Source::Retry, seq, len, ..sent }));
        }
    }
}
