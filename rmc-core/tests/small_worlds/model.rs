//! What may be delivered, kept beside the protocol as plainly as can be, and compared with what it does.

use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::{Instant, RepairMode, Stream};

use crate::asked::Asked;
use crate::plan::{LINGER, Plan, epoch};
use crate::told::Followed;

const RECEIVERS: usize = 2;
pub(crate) const INCARNATIONS: usize = 2;

#[derive(Clone, Copy, Debug)]
pub(crate) struct Model {
    /// Of the sender, from 0.
    pub(crate) incarnation: usize,
    pub(crate) histories: [History; INCARNATIONS],
    /// Whether its application has said the end.
    pub(crate) finished: bool,
    /// Whether the last Heartbeat with END has left.
    end_left: bool,
    pub(crate) closed: bool,
    /// When its application said the end, or the last Nack came after that.
    quiet_since: Option<Instant>,
    pub(crate) followed: [Followed; RECEIVERS],
    pub(crate) asked: [Asked; RECEIVERS],
    /// By receiver, what the sender has been asked for and has not answered: repairs (a bit for each number), and word
    /// of what is gone.
    owed: [(u64, bool); RECEIVERS],
    /// By receiver, what was repaired for it or for all, so that a NACK may be taken as answered (RMC-REPAIR-14).
    repaired: [u64; RECEIVERS],
    /// By receiver, how far the sender may go on for it.
    room: [Room; RECEIVERS],
}

/// What a receiver has acknowledged.
#[derive(Clone, Copy, Debug, Default)]
struct Room {
    position: u64,
    limit: u64,
    counts: bool,
    let_go: bool,
}

/// What one incarnation of the sender has sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct History {
    pub(crate) group: Numbers,
    pub(crate) private: [Numbers; RECEIVERS],
}

/// The numbers of one stream.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Numbers {
    /// The last one given, and the last one that has left.
    given: u64,
    pub(crate) left: u64,
    /// Up to this one all were cut off by a Reset.
    cut: u64,
    /// A bit for each number that begins a message.
    begins: u64,
}

impl Numbers {
    fn give(&mut self, packets: u64) {
        self.begins |= 1 << (self.given + 1);
        self.given += packets;
    }

    /// The number with which the message begins that holds `seq`.
    pub(crate) fn first_of(&self, seq: u64) -> u64 {
        (1..=seq).rev().find(|&seq| self.begins >> seq & 1 == 1).expect("a message begins at 1")
    }

    /// Whether a number of the message that holds `seq` lies below `oldest` and is not one of those that came.
    pub(crate) fn is_broken(&self, seq: u64, oldest: u64, came: u64) -> bool {
        let last =
            (seq + 1..=self.given).find(|&next| self.begins >> next & 1 == 1).map_or(self.given, |next| next - 1);
        (self.first_of(seq)..=last.min(oldest - 1)).any(|seq| came >> seq & 1 == 0)
    }
}

impl Model {
    pub(crate) fn new() -> Self {
        Self {
            incarnation: 0,
            histories: [History::default(); INCARNATIONS],
            finished: false,
            end_left: false,
            closed: false,
            quiet_since: None,
            followed: [Followed::default(); RECEIVERS],
            asked: [Asked::default(); RECEIVERS],
            owed: [(0, false); RECEIVERS],
            repaired: [0; RECEIVERS],
            room: [Room::default(); RECEIVERS],
        }
    }

    pub(crate) fn history(&self) -> &History {
        &self.histories[self.incarnation]
    }

    pub(crate) const fn incarnation(&self) -> usize {
        self.incarnation
    }

    pub(crate) const fn has_finished(&self) -> bool {
        self.finished
    }

    pub(crate) const fn has_end_left(&self) -> bool {
        self.end_left
    }

    pub(crate) const fn is_closed(&self) -> bool {
        self.closed
    }

    /// The last number that has left, to the group or to `receiver` alone.
    pub(crate) fn left(&self, stream: Stream, receiver: usize) -> u64 {
        match stream {
            Stream::Group => self.history().group.left,
            Stream::Private => self.history().private[receiver].left,
        }
    }

    /// Whether the queue of the sender holds something.
    pub(crate) fn is_queued(&self) -> bool {
        let History { group, private } = self.history();
        group.given > group.left || private.iter().any(|numbers| numbers.given > numbers.left)
    }

    /// How many packets to the group the sender must be able to repair.
    pub(crate) fn kept(&self, plan: &Plan) -> u64 {
        self.history().group.left + 1 - self.oldest(plan)
    }

    /// The lowest of them.
    pub(crate) fn oldest(&self, plan: &Plan) -> u64 {
        let Numbers { left, cut, .. } = self.history().group;
        (left + 1).saturating_sub(plan.backlog as u64).max(cut + 1)
    }

    /// Whether the sender owes an answer to anybody.
    pub(crate) fn owes(&self) -> bool {
        self.owed != [(0, false); RECEIVERS]
    }

    /// The payload of the next message, of `len` bytes, in so many packets: which it is.
    pub(crate) fn give(&mut self, receiver: Option<usize>, packets: u64, len: usize) -> Vec<u8> {
        let history = &mut self.histories[self.incarnation];
        let numbers = receiver.map_or(&mut history.group, |receiver| &mut history.private[receiver]);
        numbers.give(packets);
        payload(self.incarnation, receiver, numbers.given, len)
    }

    pub(crate) const fn finish(&mut self, now: Instant) {
        self.finished = true;
        self.quiet_since = Some(now);
    }

    pub(crate) fn restart(&mut self) {
        self.incarnation += 1;
        self.owed = [(0, false); RECEIVERS];
        self.repaired = [0; RECEIVERS];
        self.room = [Room::default(); RECEIVERS];
    }

    /// The sender waits for a receiver no longer.
    // RMC-FLOW-4
    pub(crate) const fn let_go(&mut self, receiver: usize) {
        self.room[receiver] = Room { counts: false, let_go: true, ..self.room[receiver] };
    }

    /// The sender is handed a packet of `receiver`.
    pub(crate) fn sender_hears(&mut self, receiver: usize, packet: &Packet<'_>, now: Instant, plan: &Plan) {
        if let Body::Ack { target_epoch, window, .. } = packet.body
            && target_epoch == epoch(self.incarnation)
            && !packet.flags.contains(Flags::PRIVATE)
        {
            self.acknowledged(receiver, packet.seq, window, plan);
        }
        let Body::Nack { target_epoch, ranges, .. } = packet.body else { return };
        if target_epoch != epoch(self.incarnation) || self.closed || packet.flags.contains(Flags::PRIVATE) {
            return;
        }
        self.quiet_since = self.quiet_since.map(|_| now);
        let (oldest, left) = (self.oldest(plan), self.history().group.left);
        for seq in ranges.iter(packet.seq).flat_map(|range| range.first()..=range.last()).filter(|&seq| seq <= left) {
            let (repairs, word) = &mut self.owed[receiver];
            if seq < oldest {
                *word = true;
            } else if plan.repair == RepairMode::Unicast || self.repaired[receiver] >> seq & 1 == 0 {
                *repairs |= 1 << seq;
            }
        }
    }

    /// A receiver counts from its first Ack on that comes while what it lacks is kept.
    // RMC-FLOW-1, RMC-FLOW-2
    fn acknowledged(&mut self, receiver: usize, seq: u64, window: u32, plan: &Plan) {
        let left = self.history().group.left;
        let room = &mut self.room[receiver];
        if left == 0 || seq > left || seq < room.position {
            return;
        }
        let kept = plan.backlog as u64;
        let is_near = left <= kept || left - seq <= (kept / 2).max(1);
        (room.position, room.limit) = (seq, seq + kept.min(window.into()));
        room.counts |= is_near && !room.let_go;
    }

    /// A packet leaves for the first time: receivers have room for it, and have what leaves the backlog for it.
    // RMC-FLOW-1
    fn has_room(&self, plan: &Plan) {
        let (left, oldest) = (self.history().group.left, self.oldest(plan));
        for room in self.room.iter().filter(|room| plan.waits && room.counts) {
            assert!(left <= room.limit, "{left} leaves, and {room:?}");
            assert!(oldest <= room.position + 1, "the backlog begins with {oldest}, and {room:?}");
        }
    }

    /// A packet of the sender leaves, to `receiver` or to the group.
    pub(crate) fn sender_says(&mut self, receiver: Option<usize>, packet: &Packet<'_>, plan: &Plan) {
        let private = packet.flags.contains(Flags::PRIVATE);
        let history = &mut self.histories[self.incarnation];
        let numbers = match receiver {
            Some(receiver) if private => &mut history.private[receiver],
            _ => &mut history.group,
        };
        match packet.body {
            Body::Data { .. } if !packet.flags.contains(Flags::RESENT) => {
                assert_eq!(packet.seq, numbers.left + 1, "data leaves in order");
                assert!(packet.seq <= numbers.given, "{packet} was never given");
                numbers.left = packet.seq;
            }
            Body::Reset { stamp: 0 } if !private => numbers.cut = packet.seq,
            Body::Heartbeat { interval: 0, .. } if packet.flags.contains(Flags::END) && !private => {
                self.end_left = true;
            }
            _ => {}
        }
        if matches!(packet.body, Body::Data { .. }) && !packet.flags.contains(Flags::RESENT) && !private {
            self.has_room(plan);
        }
        let oldest = self.oldest(plan);
        for owed in &mut self.owed {
            let gone = owed.0 & ((1 << oldest) - 1);
            *owed = (owed.0 & !gone, owed.1 || gone != 0);
        }
        if private {
            return;
        }
        let receivers = receiver.map_or(0..RECEIVERS, |receiver| receiver..receiver + 1);
        for (owed, repaired) in self.owed[receivers.clone()].iter_mut().zip(&mut self.repaired[receivers]) {
            match packet.body {
                Body::Data { .. } if packet.flags.contains(Flags::RESENT) => {
                    owed.0 &= !(1 << packet.seq);
                    *repaired |= 1 << packet.seq;
                }
                Body::Lost { .. } => *owed = (owed.0 & !((1 << packet.seq) - 1), false),
                Body::Reset { .. } => *owed = (0, false),
                _ => {}
            }
        }
    }

    /// The sender has closed: nothing is owed, and nothing can be had any more.
    // RMC-END-3
    pub(crate) fn close(&mut self, now: Instant) {
        let quiet = self.quiet_since.filter(|_| self.end_left).map(|since| now.saturating_since(since));
        assert!(self.closed || quiet >= Some(LINGER), "it closes after {quiet:?}");
        self.closed = true;
        self.owed = [(0, false); RECEIVERS];
    }

    /// A number above `delivered` and up to `known` that the sender can repair, and that `receiver` neither got nor
    /// ever asked for.
    pub(crate) fn first_unasked(
        &self,
        receiver: usize,
        stream: Stream,
        delivered: u64,
        known: u64,
        plan: &Plan,
    ) -> Option<u64> {
        let oldest = if stream == Stream::Group { self.oldest(plan) } else { 1 };
        self.asked[receiver].first_unasked(epoch(self.incarnation), stream, oldest.max(delivered + 1), known)
    }

    /// What of it decides about what comes next.
    pub(crate) fn put(&self, now: Instant, words: &mut Vec<u64>) {
        let Self {
            incarnation,
            histories,
            finished,
            end_left,
            closed,
            quiet_since,
            followed,
            asked,
            owed,
            repaired,
            room,
        } = self;
        words.push(*incarnation as u64);
        for History { group, private } in histories {
            for Numbers { given, left, cut, begins } in private.iter().chain([group]) {
                words.extend([*given, *left, *cut, *begins]);
            }
        }
        let quiet = quiet_since.map_or(LINGER, |since| now.saturating_since(since).min(LINGER));
        words.push(u64::from(quiet.subsec_nanos()));
        words.push(u64::from(*finished) | u64::from(*end_left) << 1 | u64::from(*closed) << 2);
        for (followed, (repairs, word)) in followed.iter().zip(owed) {
            followed.put(now, words);
            words.push(repairs << 1 | u64::from(*word));
        }
        words.extend(repaired);
        for Room { position, limit, counts, let_go } in room {
            words.extend([*position, *limit, u64::from(*counts) | u64::from(*let_go) << 1]);
        }
        asked.iter().for_each(|asked| asked.put(words));
    }
}

/// Says which message it is, by its last number.
pub(crate) fn payload(incarnation: usize, receiver: Option<usize>, last: u64, len: usize) -> Vec<u8> {
    let byte = |number: usize| u8::try_from(number).expect("small");
    let mut payload = vec![byte(incarnation), byte(receiver.map_or(0, |receiver| receiver + 1)), last as u8];
    payload.resize(len, 0);
    payload
}
