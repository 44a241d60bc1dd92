//! What must hold at all times.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rmc_core::packet::Packet;
use rmc_core::{Received, Stats, Stream};

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

/// How far each stream has come out of `recv`.
#[derive(Default)]
pub(super) struct Streams {
    positions: BTreeMap<(SocketAddr, Stream), Position>,
}

/// The last number, and the index of the last message in it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Position(u64, u16);

impl Streams {
    /// Each stream moves forward only: nothing comes twice, nothing is both delivered and lost.
    pub(super) fn take(&mut self, received: &Received<'_>) {
        match *received {
            Received::Message { peer, stream, seq, index, .. } => {
                self.forward((peer, stream), seq, index, seq, index);
            }
            Received::Lost { peer, stream, ranges, .. } => {
                assert!(!ranges.is_empty(), "{received:?}");
                for range in ranges {
                    self.forward((peer, stream), range.first(), 0, range.last(), u16::MAX);
                }
            }
            Received::Restarted { peer, .. } => {
                self.positions.remove(&(peer, Stream::Group));
                self.positions.remove(&(peer, Stream::Private));
            }
            Received::Ended { peer, stream, .. } => {
                self.positions.remove(&(peer, stream));
            }
            _ => panic!("{received:?} is new to this test"),
        }
    }

    fn forward(&mut self, key: (SocketAddr, Stream), first: u64, index: u16, last: u64, last_index: u16) {
        let from = Position(first, index);
        if let Some(&before) = self.positions.get(&key) {
            assert!(from > before, "{key:?}: {first}/{index} after {}/{}", before.0, before.1);
        }
        self.positions.insert(key, Position(last, last_index));
    }
}
