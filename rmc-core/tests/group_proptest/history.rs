//! What was sent: the truth that receivers are measured by. Payloads are made from who, when and what, never stored.

use std::collections::BTreeMap;

/// One stream of one incarnation of a node.
#[derive(Default)]
pub(crate) struct History {
    /// By the number that holds a message's end.
    messages: BTreeMap<u64, Message>,
    /// The numbers of all Data packets, ascending.
    numbers: Vec<u64>,
    /// What `reset` has cut off.
    cut: u64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Message {
    pub(crate) first: u64,
    /// Distinguishes it from every other message of the test.
    pub(crate) id: u64,
    pub(crate) len: usize,
}

impl Message {
    pub(crate) fn payload(self) -> Vec<u8> {
        let mut bytes = self.id.wrapping_mul(0x9e37_79b9_7f4a_7c15).to_le_bytes().into_iter().cycle();
        (0..self.len)
            .map(|index| bytes.next().expect("endless") ^ u8::try_from(index % 256).expect("below 256"))
            .collect()
    }
}

impl History {
    /// A message was taken; `last` is the number of its end.
    pub(crate) fn add(&mut self, first: u64, last: u64, id: u64, len: usize) {
        self.numbers.extend(first..=last);
        self.messages.insert(last, Message { first, id, len });
    }

    pub(crate) fn cut(&mut self) {
        self.cut = self.last();
    }

    /// The highest number; 0: none.
    pub(crate) fn last(&self) -> u64 {
        self.numbers.last().copied().unwrap_or(0)
    }

    pub(crate) fn message(&self, last: u64) -> Option<Message> {
        self.messages.get(&last).copied()
    }

    /// The messages all of whose numbers can still be repaired, by their last numbers.
    pub(crate) fn kept(&self, backlog: usize) -> impl Iterator<Item = u64> + '_ {
        let kept =
            move |&(&last, &message): &(&u64, &Message)| (message.first..=last).all(|seq| !self.is_gone(seq, backlog));
        self.messages.iter().filter(kept).map(|(&last, _)| last)
    }

    /// Whether `seq` may be reported lost: it cannot be repaired any more, or another number of its message cannot.
    pub(crate) fn may_be_lost(&self, seq: u64, backlog: usize) -> bool {
        if self.is_gone(seq, backlog) {
            return true;
        }
        let (&last, message) = self.messages.range(seq..).next().expect("the number is a message's");
        (message.first..=last).any(|seq| self.is_gone(seq, backlog))
    }

    /// Never a Data packet, cut off, or pushed out of the backlog.
    fn is_gone(&self, seq: u64, backlog: usize) -> bool {
        let oldest = self.numbers.len().checked_sub(backlog).map_or(0, |index| self.numbers[index]);
        seq <= self.cut || seq < oldest || self.numbers.binary_search(&seq).is_err()
    }
}
