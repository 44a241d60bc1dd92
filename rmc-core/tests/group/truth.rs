//! What was sent, and what its sender can still repair: the plain truth that senders and receivers are measured by.
//! Payloads are made from a number, never stored.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::{Instant, SeqRange};

/// A stream of one incarnation of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct StreamId {
    pub(super) sender: usize,
    pub(super) epoch: u32,
    /// The receiver's address; `None`: the group's stream.
    pub(super) to: Option<SocketAddr>,
}

/// The bounds of a backlog.
#[derive(Clone, Copy)]
pub(super) struct Limits {
    pub(super) packets: usize,
    pub(super) bytes: usize,
    pub(super) age: Option<Duration>,
}

/// All streams that there were.
pub(super) struct Truth {
    streams: BTreeMap<StreamId, Sent>,
    /// Of the nodes with an even number, and of the others.
    limits: [Limits; 2],
}

impl Truth {
    pub(super) fn new(limits: [Limits; 2]) -> Self {
        Self { streams: BTreeMap::new(), limits }
    }

    /// The stream, made if nothing was ever sent on it.
    pub(super) fn stream(&mut self, id: StreamId) -> &mut Sent {
        let limits = self.limits[id.sender % 2];
        self.streams.entry(id).or_insert_with(|| Sent::new(limits))
    }

    pub(super) fn get(&self, id: StreamId) -> Option<&Sent> {
        self.streams.get(&id)
    }

    /// The sender drops a private stream, and all that it had.
    pub(super) fn drop_private(&mut self, id: StreamId) {
        if let Some(sent) = self.streams.get_mut(&id) {
            sent.drop_all();
        }
    }

    /// The highest number that anybody can name: for private streams that of any of them, behind which new ones begin
    /// (RMC-PRIV-6).
    pub(super) fn highest(&self, id: StreamId) -> u64 {
        let StreamId { sender, epoch, to } = id;
        let first = StreamId { to: None, ..id };
        let of_sender = self.streams.range(first..).take_while(|(id, _)| (id.sender, id.epoch) == (sender, epoch));
        let alike = of_sender.filter(|(id, _)| id.to.is_some() == to.is_some());
        alike.map(|(_, sent)| sent.last()).max().unwrap_or(0)
    }
}

/// Before each packed message stands its length (RMC-PACK-1).
const LENGTH: usize = 2;

/// What was sent on one stream.
pub(super) struct Sent {
    /// By the number that holds a message's end: one, or those that are packed.
    messages: BTreeMap<u64, Vec<Message>>,
    /// All Data packets, ascending.
    packets: Vec<Packet>,
    /// How many of them have left.
    departed: usize,
    /// How many of those are gone from the backlog. What is too old may be.
    gone: usize,
    kept_bytes: usize,
    limits: Limits,
    /// A private stream's highest number that was acknowledged, or behind which it began.
    pub(super) acked: u64,
    /// There is no such stream: nothing was given since the beginning, or since its sender dropped it.
    is_dropped: bool,
}

#[derive(Clone, Copy)]
struct Packet {
    seq: u64,
    len: usize,
    /// When it left.
    at: Instant,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Message {
    pub(super) first: u64,
    /// Distinguishes it from every other message of the test.
    pub(super) id: u64,
    pub(super) len: usize,
}

impl Message {
    pub(super) fn payload(self) -> impl Iterator<Item = u8> {
        let seed = self.id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes();
        (0_u8..=255).cycle().zip(seed.into_iter().cycle()).map(|(index, byte)| index ^ byte).take(self.len)
    }
}

impl Sent {
    fn new(limits: Limits) -> Self {
        Self {
            messages: BTreeMap::new(),
            packets: Vec::new(),
            departed: 0,
            gone: 0,
            kept_bytes: 0,
            limits,
            acked: 0,
            is_dropped: true,
        }
    }

    /// A message was taken; `last` is the number of its end. Returns whether the stream begins with it, so that what
    /// was acknowledged of one before counts for nothing (RMC-PRIV-6, RMC-ACK-2).
    pub(super) fn give(&mut self, last: u64, message: Message, max_payload: usize) -> bool {
        let begins = std::mem::take(&mut self.is_dropped);
        if begins {
            self.acked = message.first - 1;
        }
        self.add(last, message, max_payload);
        begins
    }

    fn add(&mut self, last: u64, message: Message, max_payload: usize) {
        if message.first == self.last() && last == message.first {
            self.pack(last, message, max_payload);
            return;
        }
        assert!(message.first > self.last(), "numbers from {} are given twice", message.first);
        for seq in message.first..=last {
            let len =
                if seq < last { max_payload } else { message.len - (last - message.first) as usize * max_payload };
            self.packets.push(Packet { seq, len, at: Instant::ORIGIN });
        }
        self.messages.insert(last, vec![message]);
    }

    /// A message was put into the last packet, which must not have left, and has room (RMC-PACK-3).
    fn pack(&mut self, last: u64, message: Message, max_payload: usize) {
        assert!(self.departed < self.packets.len(), "{last} has left, and takes one more message");
        let messages = self.messages.get_mut(&last).expect("each packet is a message's");
        let is_whole = messages.iter().all(|message| message.first == last);
        assert!(is_whole, "{last} holds a part of a message, and takes another one");
        let packet = self.packets.last_mut().expect("it is there");
        let lengths = if messages.len() == 1 { 2 * LENGTH } else { LENGTH };
        packet.len += lengths + message.len;
        assert!(packet.len <= max_payload, "{last} has {} bytes", packet.len);
        messages.push(message);
    }

    /// A packet leaves for the first time; past a bound the lowest leave the backlog (RMC-SEND-1, RMC-SEND-2).
    pub(super) fn depart(&mut self, seq: u64, len: usize, now: Instant) {
        let packet = self.packets.get_mut(self.departed).expect("only what was given leaves");
        assert_eq!((packet.seq, packet.len), (seq, len), "it is not its turn to leave");
        packet.at = now;
        self.departed += 1;
        self.kept_bytes += len;
        while self.departed - self.gone > 1
            && (self.departed - self.gone > self.limits.packets || self.kept_bytes > self.limits.bytes)
        {
            self.drop_oldest();
        }
    }

    /// Everything up to this number that has left leaves the backlog: it is acknowledged, or cut off.
    pub(super) fn drop_up_to(&mut self, seq: u64) {
        while self.gone < self.departed && self.packets[self.gone].seq <= seq {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        self.kept_bytes -= self.packets[self.gone].len;
        self.gone += 1;
    }

    fn drop_all(&mut self) {
        self.departed = self.packets.len();
        (self.gone, self.kept_bytes, self.is_dropped) = (self.departed, 0, true);
    }

    /// The highest number given; 0: none.
    pub(super) fn last(&self) -> u64 {
        self.packets.last().map_or(0, |packet| packet.seq)
    }

    /// The highest number that has left; 0: none.
    pub(super) fn last_departed(&self) -> u64 {
        self.departed.checked_sub(1).map_or(0, |place| self.packets[place].seq)
    }

    /// The lowest number that can be repaired; else the next one.
    pub(super) fn oldest(&self, now: Instant) -> u64 {
        let kept = (self.gone..self.departed).find(|&place| !self.is_aged(place, now));
        kept.map_or(self.last_departed() + 1, |place| self.packets[place].seq)
    }

    /// The highest number that has left the backlog; 0: none.
    pub(super) fn last_gone(&self) -> u64 {
        self.gone.checked_sub(1).map_or(0, |place| self.packets[place].seq)
    }

    /// The messages that end with this number: one, or those that are packed.
    pub(super) fn messages(&self, last: u64) -> &[Message] {
        self.messages.get(&last).map_or(&[], Vec::as_slice)
    }

    /// Whether a packet of this range was given.
    pub(super) fn lowest_given(&self, range: SeqRange) -> Option<u64> {
        self.packets_of(range).next()
    }

    /// The message that `seq` belongs to, the first of those that are packed: its last number, and itself.
    pub(super) fn message_of(&self, seq: u64) -> Option<(u64, Message)> {
        let (&last, messages) = self.messages.range(seq..).next()?;
        let &message = messages.first()?;
        (message.first <= seq).then_some((last, message))
    }

    /// Whether the sender can repair `seq`, or will send it.
    pub(super) fn has(&self, seq: u64, now: Instant) -> bool {
        let place = self.packets.binary_search_by_key(&seq, |packet| packet.seq);
        place.is_ok_and(|place| place >= self.gone && !self.is_aged(place, now))
    }

    /// The lowest number of a range that the sender has.
    pub(super) fn lowest_had(&self, range: SeqRange, now: Instant) -> Option<u64> {
        self.packets_of(range).find(|&seq| self.has(seq, now))
    }

    /// The lowest number of a range that belongs to a message all of which the sender has, so that it must not be
    /// lost.
    pub(super) fn lowest_whole(&self, range: SeqRange, now: Instant) -> Option<u64> {
        self.packets_of(range).find(|&seq| {
            let (last, message) = self.message_of(seq).expect("each packet is a message's");
            (message.first..=last).all(|seq| self.has(seq, now))
        })
    }

    fn packets_of(&self, range: SeqRange) -> impl Iterator<Item = u64> + '_ {
        let from = self.packets.partition_point(|packet| packet.seq < range.first());
        self.packets[from..].iter().map(|packet| packet.seq).take_while(move |&seq| seq <= range.last())
    }

    fn is_aged(&self, place: usize, now: Instant) -> bool {
        let has_left = place < self.departed;
        has_left && self.limits.age.is_some_and(|age| self.packets[place].at + age <= now)
    }
}
