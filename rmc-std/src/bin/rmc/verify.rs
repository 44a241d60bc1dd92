//! Whether a stream is whole: every message from where it was joined, in order, none lost, none changed.

use rmc_core::SeqRange;

use crate::message;

/// What is known of one stream of one sender in one epoch.
#[derive(Clone, Debug)]
pub(crate) struct StreamCheck {
    /// The sender's epoch, once it is known.
    pub(crate) epoch: Option<u32>,
    /// Messages delivered.
    pub(crate) messages: u64,
    /// Bytes in them.
    pub(crate) bytes: u64,
    /// Numbers that were given up.
    pub(crate) lost: u64,
    /// What else is wrong with the stream: the first thing only.
    pub(crate) fault: Option<Fault>,
    /// Whether its sender's END was reached.
    pub(crate) finished: bool,
    /// Whether it is over, by its END or because its sender was not heard any more.
    pub(crate) over: bool,
    /// The index of the stream's first message, if that was a generated one.
    pub(crate) first_number: Option<u64>,
    /// Where the last message stood: packet and place within it.
    last: Option<(u64, u16)>,
    /// The index that the next message has to have, if the stream's first message was a generated one.
    next_number: Option<u64>,
}

/// What can be wrong with a stream apart from loss that was reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// A message came again, or behind one that follows it.
    Order {
        /// The number of its packet.
        seq: u64,
    },
    /// Among generated messages came one that is none, or whose checksum does not fit.
    Corrupt {
        /// The number of its packet.
        seq: u64,
    },
    /// A generated message came that is not the next one.
    Index {
        /// The number of its packet.
        seq: u64,
        /// The index that was due.
        due: u64,
        /// The one that came.
        came: u64,
    },
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Order { seq } => write!(f, "message {seq} came out of order"),
            Self::Corrupt { seq } => write!(f, "message {seq} is not intact"),
            Self::Index { seq, due, came } => write!(f, "message {seq} has the index {came} where {due} was due"),
        }
    }
}

impl StreamCheck {
    /// A stream of which nothing has come.
    pub(crate) fn new(epoch: Option<u32>) -> Self {
        Self {
            epoch,
            messages: 0,
            bytes: 0,
            lost: 0,
            fault: None,
            finished: false,
            over: false,
            first_number: None,
            last: None,
            next_number: None,
        }
    }

    /// Takes a message; returns its index if it is a generated one.
    pub(crate) fn message(&mut self, seq: u64, index: u16, payload: &[u8]) -> Option<u64> {
        let number = message::number(payload);
        self.check_order(seq, index);
        self.check_content(seq, number);
        self.messages += 1;
        self.bytes += payload.len() as u64;
        self.last = Some((seq, index));
        number
    }

    /// Takes the report that numbers were given up.
    pub(crate) fn lost(&mut self, ranges: &[SeqRange]) {
        self.lost += ranges.iter().map(|range| range.len()).sum::<u64>();
    }

    /// Whether nothing is missing or wrong so far.
    pub(crate) fn is_sound(&self) -> bool {
        self.lost == 0 && self.fault.is_none()
    }

    /// Whether the stream came to its end and nothing is missing or wrong.
    pub(crate) fn is_whole(&self) -> bool {
        self.finished && self.is_sound()
    }

    /// Whether the messages are generated ones (the first one was).
    pub(crate) fn is_generated(&self) -> bool {
        self.first_number.is_some()
    }

    /// Whether so many messages have come with nothing missing or wrong.
    pub(crate) fn has(&self, expected: u64) -> bool {
        self.messages >= expected && self.is_sound()
    }

    fn check_order(&mut self, seq: u64, index: u16) {
        if self.last.is_some_and(|last| (seq, index) <= last) {
            self.fault.get_or_insert(Fault::Order { seq });
        }
    }

    fn check_content(&mut self, seq: u64, number: Option<u64>) {
        if self.last.is_none() {
            self.first_number = number;
            self.next_number = number.map(|number| number.wrapping_add(1));
            return;
        }
        let Some(due) = self.next_number else {
            return;
        };
        self.next_number = Some(number.unwrap_or(due).wrapping_add(1));
        match number {
            None => {
                self.fault.get_or_insert(Fault::Corrupt { seq });
            }
            // Behind a loss that was reported, higher ones are in order.
            Some(came) if came < due || (came > due && self.lost == 0) => {
                self.fault.get_or_insert(Fault::Index { seq, due, came });
            }
            Some(_) => {}
        }
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    fn generated(number: u64) -> Vec<u8> {
        let mut payload = Vec::new();
        message::generate(number, 20, &mut payload);
        payload
    }

    fn stream_of(numbers: &[u64]) -> StreamCheck {
        let mut check = StreamCheck::new(None);
        for (seq, &number) in (1..).zip(numbers) {
            check.message(seq, 0, &generated(number));
        }
        check
    }

    #[test]
    fn a_stream_of_generated_messages_in_order_is_sound() {
        let mut check = stream_of(&[7, 8, 9]);
        assert!(check.is_sound() && check.has(3) && !check.has(4) && !check.is_whole());
        assert_eq!((check.messages, check.bytes, check.first_number), (3, 60, Some(7)));
        check.finished = true;
        assert!(check.is_whole());
    }

    #[test]
    fn a_skipped_or_repeated_index_is_a_fault() {
        assert_eq!(stream_of(&[0, 1, 3]).fault, Some(Fault::Index { seq: 3, due: 2, came: 3 }));
        assert_eq!(stream_of(&[0, 1, 1]).fault, Some(Fault::Index { seq: 3, due: 2, came: 1 }));
    }

    #[test]
    fn a_changed_message_among_generated_ones_is_a_fault_and_those_behind_it_are_not() {
        let mut check = stream_of(&[0, 1]);
        assert_eq!(check.message(3, 0, b"something else that is long"), None);
        assert_eq!(check.message(4, 0, &generated(3)), Some(3));
        assert_eq!(check.fault, Some(Fault::Corrupt { seq: 3 }));
        assert!(!check.has(4));
    }

    #[test]
    fn other_messages_are_checked_for_order_only() {
        let mut check = StreamCheck::new(Some(1));
        check.message(1, 0, b"a");
        check.message(2, 0, &generated(5));
        check.message(2, 1, &generated(9));
        assert!(check.is_sound() && !check.is_generated());
        check.message(2, 1, b"b");
        assert_eq!(check.fault, Some(Fault::Order { seq: 2 }));
    }

    #[test]
    fn reported_loss_makes_a_stream_unsound_and_explains_a_skipped_index() {
        let mut check = stream_of(&[0, 1]);
        check.lost(&[SeqRange::single(3), SeqRange::new(5, 6).unwrap()]);
        check.message(7, 0, &generated(6));
        assert_eq!((check.lost, check.fault), (3, None));
        assert!(!check.has(1));
        check.message(8, 0, &generated(3));
        assert_eq!(check.fault, Some(Fault::Index { seq: 8, due: 7, came: 3 }));
    }
}
