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
    /// At least 2.
    pub(super) count: usize,
}

impl Segments {
    /// The datagrams of `sent`, one by one, as they are counted and told.
    pub(super) fn datagrams_of(self, sent: Sent) -> impl Iterator<Item = Sent> {
        (0..self.count).map(move |index| Sent {
            bytes: Source::Scratch,
            len: self.size.min(sent.len - index * self.size),
            seq: sent.seq + index as u64,
            ..sent
        })
    }
}

impl Protocol {
    /// Takes over the bytes of the last `Transmit`, if it had several datagrams, and leaves `buffer` for the next one:
    /// nothing is copied. Returns whether it did. A driver that lets go of the protocol while it sends saves a copy
    /// this way; one that fails then gives the bytes back, by the same call, before it tells
    /// [`transmit_failed`](Self::transmit_failed).
    pub fn swap_segments(&mut self, buffer: &mut Vec<u8>) -> bool {
        let several = self.out.last.is_some_and(|sent| matches!(sent.bytes, Source::Segments(_)));
        if several {
            // Never are bytes of before taken for those of now.
            if !self.out.gathered.is_empty() {
                buffer.clear();
            }
            core::mem::swap(&mut self.out.gathered, buffer);
        }
        several
    }

    /// Input: how many datagrams a `Transmit` holds at most from now on: see
    /// [`Config::max_segments`](crate::Config::max_segments). Brought into its bounds, 1 to 128. For a driver that
    /// learns at run time what its system can do.
    pub fn set_max_segments(&mut self, segments: usize) {
        self.shared.config.max_segments = segments.clamp(1, MAX_SEGMENTS);
    }

    /// Lets the data packets that follow on `sent` leave with it, as long as they are as long: the last one may be
    /// shorter. Whatever has a right to leave before the next of them ends it.
    pub(super) fn gather(&mut self, sent: &mut Sent) {
        let (Note::Data(place), Source::Log { .. }) = (sent.what, sent.bytes) else { return };
        let size = sent.len;
        let mut segments = Segments { size, count: 1 };
        while self.may_join(place, *sent, segments) {
            if segments.count == 1 {
                self.begin_gathering(*sent);
            }
            let Some(next) = self.streams.next_data().and_then(|place| self.next_data(place)) else { break };
            self.streams.touched(place, &self.shared);
            self.leaves(next.len);
            self.add(next);
            segments.count += 1;
            sent.len += next.len;
        }
        if segments.count > 1 {
            sent.bytes = Source::Segments(segments);
        }
    }

    /// Whether the packet that is next in the stream at `place` leaves with what was gathered.
    fn may_join(&mut self, place: u32, sent: Sent, segments: Segments) -> bool {
        let Segments { size, count } = segments;
        let config = &self.shared.config;
        if count >= config.max_segments || self.out.burst >= config.max_burst || !sent.len.is_multiple_of(size) {
            return false;
        }
        // Repairs take turns with data. A part of a transmission is a turn then: one packet each would make as many
        // calls as there are packets whenever something is lost.
        let turn = config.max_segments.div_ceil(TURN_OF_SEGMENTS);
        if self.streams.has_control() || (self.streams.has_repairs() && count >= turn) {
            return false;
        }
        let Some((seq, len)) = self.streams.only_data_of(place) else { return false };
        seq == sent.seq + count as u64
            && len <= size
            && sent.len + len <= MAX_BYTES
            && (self.shared.config.max_rate.is_none() || self.pacing.wait(len, self.shared.now).is_none())
    }

    fn begin_gathering(&mut self, first: Sent) {
        let mut gathered = core::mem::take(&mut self.out.gathered);
        gathered.clear();
        // Once: it never grows again.
        gathered.reserve(MAX_BYTES);
        gathered.extend_from_slice(self.bytes_of(first));
        self.out.gathered = gathered;
    }

    fn add(&mut self, next: Sent) {
        let mut gathered = core::mem::take(&mut self.out.gathered);
        gathered.extend_from_slice(self.bytes_of(next));
        self.out.gathered = gathered;
    }

    /// All of them come back, each on its own, from the bytes that were gathered.
    pub(super) fn retry_segments(&mut self, sent: Sent, segments: Segments) {
        for (one, bytes) in segments.datagrams_of(sent).zip(self.out.gathered.chunks(segments.size)) {
            let mut buffer = self.shared.pool.take(bytes.len());
            buffer.extend_from_slice(bytes);
            self.out.retry.push_back((buffer, Sent { bytes: Source::Retry, ..one }));
        }
    }
}
