//! What one receiver has got of one stream of one epoch, checked item by item.

use std::collections::BTreeSet;

use rmc_core::{Delivery, EndCause, SeqRange};

use crate::history::History;

pub(crate) struct Tracker {
    delivery: Delivery,
    pub(crate) epoch: u32,
    /// The next number that is not accounted for; `None`: the start is not known yet. Where messages do not wait for
    /// their turn: the next number that may be lost.
    position: Option<u64>,
    /// By the numbers of their ends.
    delivered: BTreeSet<u64>,
    /// All numbers delivered or lost, where messages do not wait for their turn.
    accounted: BTreeSet<u64>,
    ended: Option<EndCause>,
}

impl Tracker {
    pub(crate) fn new(delivery: Delivery, epoch: u32, position: Option<u64>) -> Self {
        Self { delivery, epoch, position, delivered: BTreeSet::new(), accounted: BTreeSet::new(), ended: None }
    }

    /// A message that was sent, one that may come now, and intact.
    pub(crate) fn message(&mut self, history: &History, seq: u64, payload: &[u8]) {
        assert_eq!(self.ended, None, "message {seq} after the end");
        let Some(message) = history.message(seq) else {
            panic!("message {seq} was never sent");
        };
        assert!(payload == message.payload(), "message {seq} is not what was sent");
        assert!(self.delivered.insert(seq), "message {seq} came before");
        let position = self.position.unwrap_or(message.first);
        match self.delivery {
            Delivery::Ordered | Delivery::Deadline(_) => {
                assert_eq!(position, message.first, "message {seq} is not the next");
            }
            Delivery::Latest => assert!(message.first >= position, "message {seq} is not newer than all before"),
            Delivery::Unordered => {
                self.account(message.first, seq);
                return;
            }
        }
        self.position = Some(seq + 1);
    }

    /// The next numbers, which exist.
    pub(crate) fn lost(&mut self, history: &History, range: SeqRange) {
        assert_eq!(self.ended, None, "loss of {range} after the end");
        assert!(range.last() <= history.last(), "loss of {range}, but {} is the last", history.last());
        let position = self.position.unwrap_or(range.first());
        match self.delivery {
            Delivery::Ordered | Delivery::Deadline(_) => {
                assert_eq!(position, range.first(), "loss of {range} is not the next");
            }
            Delivery::Latest => assert!(range.first() >= position, "loss of {range}, which was left behind"),
            Delivery::Unordered => {
                assert!(range.first() >= position, "loss of {range} after that of higher numbers");
                self.account(range.first(), range.last());
            }
        }
        self.position = Some(range.last() + 1);
    }

    fn account(&mut self, first: u64, last: u64) {
        for seq in first..=last {
            assert!(self.accounted.insert(seq), "{seq} was delivered or lost before");
        }
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
        let missing: Vec<_> = match self.delivery {
            Delivery::Ordered | Delivery::Unordered => {
                history.kept(backlog).filter(|seq| !self.delivered.contains(seq)).collect()
            }
            Delivery::Latest => {
                history.kept(backlog).filter(|&seq| seq == history.last() && !self.delivered.contains(&seq)).collect()
            }
            Delivery::Deadline(_) => Vec::new(),
        };
        assert!(
            missing.is_empty(),
            "{who} still lacks {missing:?}, which can be repaired; it stands at {:?}",
            self.position
        );
        match self.delivery {
            Delivery::Ordered | Delivery::Deadline(_) => {
                if let Some(position) = self.position {
                    assert_eq!(position, history.last() + 1, "{who}: not accounted for to the end");
                }
            }
            Delivery::Unordered => {
                if let Some(&first) = self.accounted.first() {
                    let gaps: Vec<_> = (first..=history.last()).filter(|seq| !self.accounted.contains(seq)).collect();
                    assert_eq!(gaps, [], "{who}: neither delivered nor lost");
                }
            }
            Delivery::Latest => {}
        }
    }
}
