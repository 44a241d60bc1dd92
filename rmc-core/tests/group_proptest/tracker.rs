//! What one receiver has got of one stream of one epoch, checked item by item.

use std::collections::BTreeSet;

use rmc_core::{EndCause, SeqRange};

use crate::history::History;

pub(crate) struct Tracker {
    pub(crate) epoch: u32,
    /// The next number that is not accounted for; `None`: the start is not known yet.
    position: Option<u64>,
    delivered: BTreeSet<u64>,
    ended: Option<EndCause>,
}

impl Tracker {
    pub(crate) fn new(epoch: u32, position: Option<u64>) -> Self {
        Self { epoch, position, delivered: BTreeSet::new(), ended: None }
    }

    /// The message that was sent, the next one, and intact.
    pub(crate) fn message(&mut self, history: &History, seq: u64, payload: &[u8]) {
        assert_eq!(self.ended, None, "message {seq} after the end");
        let Some(message) = history.message(seq) else {
            panic!("message {seq} was never sent");
        };
        assert_eq!(self.position.unwrap_or(message.first), message.first, "message {seq} is not the next");
        assert!(payload == message.payload(), "message {seq} is not what was sent");
        self.position = Some(seq + 1);
        self.delivered.insert(seq);
    }

    /// The next numbers, which exist.
    pub(crate) fn lost(&mut self, history: &History, range: SeqRange) {
        assert_eq!(self.ended, None, "loss of {range} after the end");
        assert_eq!(self.position.unwrap_or(range.first()), range.first(), "loss of {range} is not the next");
        assert!(range.last() <= history.last(), "loss of {range}, but {} is the last", history.last());
        self.position = Some(range.last() + 1);
    }

    pub(crate) fn end(&mut self, cause: EndCause) {
        assert_eq!(self.ended, None, "it ends twice");
        self.ended = Some(cause);
    }

    pub(crate) fn ended(&self) -> Option<EndCause> {
        self.ended
    }

    /// Everything up to the last number is delivered or reported, and what is kept for repair is delivered.
    pub(crate) fn check_complete(&self, history: &History, backlog: usize, who: &str) {
        let missing: Vec<_> = history.kept(backlog).filter(|seq| !self.delivered.contains(seq)).collect();
        assert!(
            missing.is_empty(),
            "{who} still lacks {missing:?}, which can be repaired; it stands at {:?}",
            self.position
        );
        if let Some(position) = self.position {
            assert_eq!(position, history.last() + 1, "{who}: not accounted for to the end");
        }
    }
}
