//! What must hold at all times.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use rmc_core::packet::Packet;
use rmc_core::{Delivery, Received, Stats, Stream};

/// Bytes that do not decode move exactly one counter besides those of what came in, and nothing else.
pub(super) fn malformed_changes_nothing(before: &Stats, after: &Stats, bytes: &[u8]) {
    let Err(error) = Packet::decode(bytes) else {
        return;
    };
    let mut expected = *before;
    expected.rx.packets += 1;
    expected.rx.bytes += bytes.len() as u64;
    expected.dropped.malformed[error.index()] += 1;
    assert_eq!(*after, expected, "{bytes:02x?}");
}

/// What has come out of `recv` of each stream.
pub(super) struct Streams {
    delivery: Delivery,
    followed: BTreeMap<(SocketAddr, Stream), Followed>,
}

#[derive(Default)]
struct Followed {
    /// How far it is told in order.
    position: Option<Position>,
    /// What was delivered where messages do not wait for their turn, and what was lost.
    delivered: BTreeSet<Position>,
    lost: Vec<(Position, Position)>,
}

/// The last number, and the index of the last message in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Position(u64, u16);

impl Streams {
    pub(super) fn new(delivery: Delivery) -> Self {
        Self { delivery, followed: BTreeMap::new() }
    }

    /// Nothing comes twice, nothing is both delivered and lost. Each stream moves forward only; where messages do not
    /// wait for their turn, that is what is lost.
    pub(super) fn take(&mut self, received: &Received<'_>) {
        match *received {
            Received::Message { peer, stream, seq, index, .. } => {
                let followed = self.followed.entry((peer, stream)).or_default();
                let at = Position(seq, index);
                if self.delivery == Delivery::Unordered {
                    assert!(followed.delivered.insert(at), "{received:?} came before");
                    let is_lost = followed.lost.iter().any(|&(first, last)| (first..=last).contains(&at));
                    assert!(!is_lost, "{received:?} was lost");
                } else {
                    followed.forward(at, at);
                }
            }
            Received::Lost { peer, stream, ranges, .. } => {
                assert!(!ranges.is_empty(), "{received:?}");
                let followed = self.followed.entry((peer, stream)).or_default();
                for range in ranges {
                    let (first, last) = (Position(range.first(), 0), Position(range.last(), u16::MAX));
                    followed.forward(first, last);
                    followed.lost.push((first, last));
                    assert_eq!(followed.delivered.range(first..=last).next(), None, "{received:?} was delivered");
                }
            }
            Received::Restarted { peer, .. } => {
                self.followed.remove(&(peer, Stream::Group));
                self.followed.remove(&(peer, Stream::Private));
            }
            Received::Ended { peer, stream, .. } => {
                self.followed.remove(&(peer, stream));
            }
            _ => panic!("{received:?} is new to this test"),
        }
    }
}

impl Followed {
    fn forward(&mut self, from: Position, to: Position) {
        assert!(self.position.is_none_or(|before| from > before), "{from:?} after {:?}", self.position);
        self.position = Some(to);
    }
}
