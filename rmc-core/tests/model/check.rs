//! What must hold at all times.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use rmc_core::packet::Packet;
use rmc_core::{Protocol, Received, Stats, Stream};

/// The node holds no more than its configuration says, whatever came in.
pub(super) fn bounds(node: &Protocol) {
    let (config, held) = (node.config(), node.stats().held);
    let streams = 1 + held.private_streams;
    assert!(held.peers <= config.max_peers, "{held:?}");
    assert!(held.private_streams <= config.max_private, "{held:?}");
    assert!(held.queued_packets <= streams * config.send_queue_packets, "{held:?}");
    assert!(held.queued_bytes <= streams * config.send_queue_bytes, "{held:?}");
    assert!(held.backlog_packets <= streams * config.backlog_packets, "{held:?}");
    assert!(held.backlog_bytes <= streams * config.backlog_bytes, "{held:?}");
    // One message at a time may exceed it, to be brought to its end (RMC-WIN-7).
    assert!(held.receive_bytes <= config.receive_total_bytes + config.max_message, "{held:?}");
    assert_eq!(node.peers().count(), held.peers);
    for peer in node.peers() {
        assert_eq!(node.peer(peer.address), Some(peer));
        for stream in [peer.group, peer.private].into_iter().flatten() {
            assert!(stream.held_bytes <= config.receive_window_bytes, "{peer:?}");
            assert!(stream.cached_packets <= config.receive_window_packets, "{peer:?}");
            // Gaps may touch, each with its own history, but hold a number of the window each; what is gone behind it
            // is one.
            assert!(stream.gaps <= config.receive_window_packets + 1, "{peer:?}");
            assert!(stream.delivered <= stream.known, "{peer:?}");
        }
    }
    let capacity = node.send_capacity();
    assert!(capacity.packets <= config.send_queue_packets && capacity.bytes <= config.send_queue_bytes, "{capacity:?}");
}

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
