//! The packets of one stream: those that wait to be sent for the first time, and behind them the backlog that repairs
//! come from (S21, RMC-SEND-2).
//!
//! ```text
//!      oldest          last sent               last given
//!  ──────┼───────────────────┼──────────────────────┼──▶ numbers
//!  gone  │ backlog           │ queue                │
//! ```

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use crate::config::Config;
use crate::packet::{Flags, HEADER_LEN};
use crate::seq::SeqRange;
use crate::shared::{Held, Shared};
use crate::time::Instant;

#[derive(Clone)]
pub(crate) struct Log {
    /// Ascending by number: first the backlog, then the queue.
    packets: VecDeque<Logged>,
    /// How many of them are backlog.
    sent: usize,
    kept: Held,
    queued: Held,
    last_given: u64,
    last_sent: u64,
    /// Whether the last packet of the queue takes further messages (RMC-PACK-3).
    open: bool,
    /// The length of the last message in it.
    last_len: usize,
    /// The size of the last packet that left: the next one will probably be as large.
    hint: usize,
}

/// A packet, where it leaves from without a copy: room for its header, then its payload.
///
/// A packet of one message begins two bytes into its buffer. Where more are packed with it the header moves to the
/// front, and between stands the length of the first: nothing else has to move.
#[derive(Clone)]
pub(crate) struct Logged {
    pub(crate) seq: u64,
    pub(crate) flags: Flags,
    /// A reset takes effect behind it (S16).
    reset_after: bool,
    /// When it was put into the queue; once it has left, when it did.
    sent_at: Instant,
    buffer: Vec<u8>,
}

/// The length of a record stands before it in so many bytes.
const LENGTH_LEN: usize = 2;
/// Where the first message stands in a packet's buffer.
const CONTENT: usize = HEADER_LEN + LENGTH_LEN;

impl Logged {
    /// The datagram. Its header is written when it leaves.
    pub(crate) fn datagram(&self) -> &[u8] {
        self.buffer.get(self.begin()..).unwrap_or_default()
    }

    pub(crate) fn datagram_mut(&mut self) -> &mut [u8] {
        let begin = self.begin();
        self.buffer.get_mut(begin..).unwrap_or_default()
    }

    /// Bytes of payload, the lengths of records included.
    const fn payload_len(&self) -> usize {
        self.buffer.len() - self.begin() - HEADER_LEN
    }

    const fn begin(&self) -> usize {
        if self.flags.contains(Flags::PACKED) { 0 } else { LENGTH_LEN }
    }
}

/// What the log has for a number that was sent.
pub(crate) enum Found {
    /// The packet, at this place.
    At(usize),
    /// It was skipped by `send_at`, with these neighbours (F10).
    Hole(SeqRange),
    /// It is older than the backlog.
    Below,
}

impl Log {
    /// A log whose first number is `floor` + 1.
    pub(crate) const fn new(floor: u64) -> Self {
        Self {
            packets: VecDeque::new(),
            sent: 0,
            kept: Held { packets: 0, bytes: 0 },
            queued: Held { packets: 0, bytes: 0 },
            last_given: floor,
            last_sent: floor,
            open: false,
            last_len: 0,
            hint: 0,
        }
    }

    /// The last number given out.
    pub(crate) const fn last_given(&self) -> u64 {
        self.last_given
    }

    /// The last number sent.
    pub(crate) const fn last_sent(&self) -> u64 {
        self.last_sent
    }

    /// The lowest number that can be repaired; with an empty backlog the next one to be sent.
    pub(crate) fn oldest(&self) -> u64 {
        if self.sent == 0 {
            return self.last_sent + 1;
        }
        self.packets.front().map_or(self.last_sent + 1, |packet| packet.seq)
    }

    pub(crate) const fn has_backlog(&self) -> bool {
        self.sent > 0
    }

    pub(crate) const fn queued(&self) -> Held {
        self.queued
    }

    /// Adds a packet to the queue. Its number is above the last one given.
    pub(crate) fn push(&mut self, seq: u64, flags: Flags, payload: &[u8], shared: &mut Shared) {
        let config = &shared.config;
        self.open = config.packing && flags.contains(WHOLE);
        self.last_len = payload.len();
        let len = CONTENT + payload.len();
        let size = if self.open { len.max(self.hint.min(config.max_datagram)) } else { len };
        let mut buffer = shared.pool.take(size);
        buffer.extend_from_slice(&[0; CONTENT]);
        buffer.extend_from_slice(payload);
        self.queued.add(payload.len());
        shared.queued.add(payload.len());
        self.last_given = seq;
        self.packets.push_back(Logged { seq, flags, reset_after: false, sent_at: shared.now, buffer });
    }

    /// Puts a message into the last packet of the queue, if that takes it (RMC-PACK-3). Returns the packet's number.
    #[inline]
    pub(crate) fn pack(&mut self, payload: &[u8], shared: &mut Shared) -> Option<u64> {
        if !self.open {
            return None;
        }
        let packet = self.packets.back_mut()?;
        let len = packet.buffer.len() + LENGTH_LEN + payload.len();
        let first = !packet.flags.contains(Flags::PACKED);
        let added = LENGTH_LEN + payload.len() + if first { LENGTH_LEN } else { 0 };
        let config = &shared.config;
        if len > config.max_datagram || self.queued.bytes + added > config.send_queue_bytes {
            return None;
        }
        let length = u16::try_from(payload.len()).ok()?;
        if first {
            let before = u16::try_from(packet.buffer.len() - CONTENT).ok()?;
            packet.buffer.get_mut(HEADER_LEN..CONTENT)?.copy_from_slice(&before.to_be_bytes());
            packet.flags |= Flags::PACKED;
        }
        if len > packet.buffer.capacity() {
            enlarge(&mut packet.buffer, len, shared);
        }
        packet.buffer.extend_from_slice(&length.to_be_bytes());
        packet.buffer.extend_from_slice(payload);
        self.last_len = payload.len();
        self.queued.bytes += added;
        shared.queued.bytes += added;
        Some(packet.seq)
    }

    /// The last packet of the queue takes nothing more.
    pub(crate) const fn seal(&mut self) {
        self.open = false;
    }

    /// Until when what is queued waits for more to be packed with it (RMC-PACK-4); `None`: it does not.
    #[inline]
    pub(crate) fn held_until(&self, config: &Config) -> Option<Instant> {
        if !self.open || config.flush_after.is_zero() || self.queued.packets != 1 {
            return None;
        }
        let packet = self.packets.back()?;
        // What is full leaves, if one more message like the last one is what will come.
        let has_room = packet.buffer.len() + LENGTH_LEN + self.last_len <= config.max_datagram;
        has_room.then(|| packet.sent_at + config.flush_after)
    }

    /// A reset takes effect behind what is queued; returns whether nothing is, so that it takes effect now.
    pub(crate) fn reset_behind_queue(&mut self) -> bool {
        if self.queued.packets == 0 {
            return true;
        }
        if let Some(last) = self.packets.back_mut() {
            last.reset_after = true;
        }
        self.open = false;
        false
    }

    /// The next packet to be sent for the first time.
    pub(crate) fn next_unsent(&self) -> Option<&Logged> {
        self.packets.get(self.sent)
    }

    /// The numbers that were skipped just before it (RMC-SEND-3).
    pub(crate) fn hole_before_next(&self) -> Option<SeqRange> {
        let next = self.next_unsent()?;
        SeqRange::new(self.last_sent + 1, next.seq - 1)
    }

    /// Moves the next packet from the queue to the backlog, and what no longer fits out of that. Returns the packet's
    /// place, and whether a reset takes effect behind it.
    pub(crate) fn move_to_backlog(&mut self, shared: &mut Shared) -> Option<(usize, bool)> {
        let now = shared.now;
        let packet = self.packets.get_mut(self.sent)?;
        packet.sent_at = now;
        let len = packet.payload_len();
        let reset_after = packet.reset_after;
        self.last_sent = packet.seq;
        self.hint = packet.buffer.len();
        self.sent += 1;
        self.open &= self.sent < self.packets.len();
        self.queued.sub(len);
        shared.queued.sub(len);
        self.kept.add(len);
        shared.kept.add(len);
        while self.sent > 1
            && (self.kept.packets > shared.config.backlog_packets || self.kept.bytes > shared.config.backlog_bytes)
        {
            self.drop_oldest(shared);
        }
        self.drop_aged(shared);
        Some((self.sent - 1, reset_after))
    }

    /// Drops what is older than `backlog_age`.
    pub(crate) fn drop_aged(&mut self, shared: &mut Shared) {
        let Some(age) = shared.config.backlog_age else { return };
        while self.sent > 0 && self.packets.front().is_some_and(|packet| packet.sent_at + age <= shared.now) {
            self.drop_oldest(shared);
        }
    }

    /// Drops the backlog up to number `seq`, that included.
    pub(crate) fn drop_up_to(&mut self, seq: u64, shared: &mut Shared) {
        while self.sent > 0 && self.packets.front().is_some_and(|packet| packet.seq <= seq) {
            self.drop_oldest(shared);
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self, shared: &mut Shared) {
        self.drop_up_to(u64::MAX, shared);
        self.open = false;
        while let Some(packet) = self.packets.pop_front() {
            self.queued.sub(packet.payload_len());
            shared.queued.sub(packet.payload_len());
            shared.pool.put(packet.buffer);
        }
    }

    /// What there is for `seq`, a number that was sent.
    pub(crate) fn find(&self, seq: u64) -> Found {
        let Some(oldest) = self.packets.front().filter(|_| self.sent > 0) else { return Found::Below };
        if seq < oldest.seq {
            return Found::Below;
        }
        // Without holes the place follows from the number.
        let guess = usize::try_from(seq - oldest.seq).unwrap_or(usize::MAX);
        if self.packets.get(guess).is_some_and(|packet| packet.seq == seq) {
            return Found::At(guess);
        }
        let place = self.packets.partition_point(|packet| packet.seq < seq);
        match (self.packets.get(place), place.checked_sub(1).and_then(|below| self.packets.get(below))) {
            (Some(packet), _) if packet.seq == seq => Found::At(place),
            (Some(above), Some(below)) => SeqRange::new(below.seq + 1, above.seq - 1).map_or(Found::Below, Found::Hole),
            _ => Found::Below,
        }
    }

    /// When `seq`, a number that was sent, did so; `None`: it is not kept any more.
    pub(crate) fn sent_at(&self, seq: u64) -> Option<Instant> {
        match self.find(seq) {
            Found::At(place) => self.get(place).map(|packet| packet.sent_at),
            Found::Hole(hole) => self.sent_at(hole.last() + 1),
            Found::Below => None,
        }
    }

    /// How long the datagram of `seq`, a number that was sent, is; 0: there is none.
    pub(crate) fn len_of(&self, seq: u64) -> usize {
        match self.find(seq) {
            Found::At(place) => self.get(place).map_or(0, |packet| packet.datagram().len()),
            Found::Hole(_) | Found::Below => 0,
        }
    }

    /// How many bytes of datagrams the backlog holds.
    pub(crate) const fn backlog_bytes(&self) -> usize {
        self.kept.bytes + self.kept.packets * HEADER_LEN
    }

    pub(crate) fn get(&self, place: usize) -> Option<&Logged> {
        self.packets.get(place)
    }

    /// The packet with number `seq`, which stood at `place` when it was built.
    pub(crate) fn look_up(&self, place: usize, seq: u64) -> Option<&Logged> {
        if let Some(packet) = self.get(place).filter(|packet| packet.seq == seq) {
            return Some(packet);
        }
        match self.find(seq) {
            Found::At(place) => self.get(place),
            Found::Hole(_) | Found::Below => None,
        }
    }

    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut Logged> {
        self.packets.get_mut(place)
    }

    fn drop_oldest(&mut self, shared: &mut Shared) {
        let Some(packet) = self.packets.pop_front() else { return };
        let len = packet.payload_len();
        self.sent -= 1;
        self.kept.sub(len);
        shared.kept.sub(len);
        shared.pool.put(packet.buffer);
    }
}

/// The flags of a packet that holds one message, or several.
const WHOLE: Flags = Flags::FIRST.union(Flags::LAST);

/// Makes room for `len` bytes, and for those that will probably follow: few steps, so that little is copied, but none
/// to far more than is there.
#[inline(never)]
fn enlarge(buffer: &mut Vec<u8>, len: usize, shared: &mut Shared) {
    let size = (4 * buffer.capacity()).min(shared.config.max_datagram).max(len);
    let mut larger = shared.pool.take(size);
    larger.extend_from_slice(buffer);
    shared.pool.put(core::mem::replace(buffer, larger));
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{CONTENT, Flags, HEADER_LEN, Log, Logged};
    use crate::fingerprint::{Fingerprint, State, state};

    state! { Log { packets, sent, kept, queued, last_given, last_sent, open, last_len; hint } }

    impl State for Logged {
        fn put(&self, to: &mut Fingerprint) {
            let Self { seq, flags, reset_after, sent_at, buffer } = self;
            to.put(&((*seq, *flags), *reset_after));
            if to.ages {
                to.put(sent_at);
            }
            // The header is written whenever it leaves.
            let begin = if flags.contains(Flags::PACKED) { HEADER_LEN } else { CONTENT };
            to.bytes(buffer.get(begin..).unwrap_or_default());
        }
    }
}
