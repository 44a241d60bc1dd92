//! What happened, in the order in which it did.

use alloc::vec::Vec;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use super::node::NodeId;
use super::tap::Fate;
use crate::event::{EndCause, LossCause, Received, Stream};
use crate::packet::Packet;
use crate::seq::SeqRange;
use crate::time::Instant;

/// What happened in a simulation.
///
/// A digest of everything is always kept: the same seed and the same calls give the same digest on every platform. The
/// records themselves are kept from [`Sim::record`](super::Sim::record) on.
///
/// [`Display`](fmt::Display) renders all records, one line each.
#[derive(Clone, Default)]
pub struct Trace {
    digest: u64,
    count: u64,
    limit: usize,
    records: Vec<Record>,
    packets: Vec<Recorded>,
    bytes: Vec<u8>,
}

/// What happened at one point in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// When.
    pub at: Instant,
    /// What.
    pub what: What,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// A node sends a datagram; `from` is `None` for one that was injected.
    Sent {
        /// The node.
        from: Option<NodeId>,
        /// The datagram.
        packet: PacketRef,
    },
    /// A datagram arrives at a node.
    Arrived {
        /// The node.
        to: NodeId,
        /// The datagram.
        packet: PacketRef,
    },
    /// A datagram goes no further.
    Dropped {
        /// The node that it does not get to; `None`: all.
        to: Option<NodeId>,
        /// The datagram.
        packet: PacketRef,
        /// Why.
        fate: Fate,
    },
    /// An application takes a message.
    Message {
        /// The node.
        node: NodeId,
        /// The sender; `None`: at its address there is no node.
        peer: Option<NodeId>,
        /// Of which stream.
        stream: Stream,
        /// The number of the packet that holds its end.
        seq: u64,
        /// Its length.
        len: u32,
    },
    /// An application learns that numbers are lost. Each range is a record.
    Lost {
        /// The node.
        node: NodeId,
        /// The sender.
        peer: Option<NodeId>,
        /// Of which stream.
        stream: Stream,
        /// The numbers.
        range: SeqRange,
        /// Why.
        cause: LossCause,
    },
    /// An application learns that a peer has a new epoch.
    PeerRestarted {
        /// The node.
        node: NodeId,
        /// The peer.
        peer: Option<NodeId>,
        /// Its new epoch.
        epoch: u32,
    },
    /// An application learns that a stream has ended.
    Ended {
        /// The node.
        node: NodeId,
        /// The sender.
        peer: Option<NodeId>,
        /// Which stream.
        stream: Stream,
        /// Why.
        cause: EndCause,
    },
    /// A node starts, or starts again.
    Started {
        /// The node.
        node: NodeId,
        /// Its epoch.
        epoch: u32,
    },
    /// A node crashes.
    Crashed {
        /// The node.
        node: NodeId,
    },
    /// A node is removed.
    Removed {
        /// The node.
        node: NodeId,
    },
}

/// A datagram of a [`Trace`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketRef(u32);

/// It happened while nothing was recorded.
const UNRECORDED: PacketRef = PacketRef(u32::MAX);

#[derive(Clone, Copy)]
struct Recorded {
    source: SocketAddr,
    destination: SocketAddr,
    start: usize,
    len: usize,
}

/// A recorded datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TracedPacket<'a> {
    /// Where it says it comes from.
    pub source: SocketAddr,
    /// Where it goes.
    pub destination: SocketAddr,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl Trace {
    /// A number that two simulations share if, and practically only if, the same happened in both.
    #[must_use]
    pub const fn digest(&self) -> u64 {
        fold(self.digest, self.count)
    }

    /// How many things have happened, recorded or not.
    #[must_use]
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// What is recorded.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// A datagram of a record; `None` if it was sent before recording began.
    #[must_use]
    pub fn packet(&self, packet: PacketRef) -> Option<TracedPacket<'_>> {
        let recorded = self.packets.get(packet.0 as usize)?;
        let bytes = &self.bytes[recorded.start..recorded.start + recorded.len];
        Some(TracedPacket { source: recorded.source, destination: recorded.destination, bytes })
    }

    /// Renders one record as a line.
    #[must_use]
    pub const fn line(&self, record: Record) -> Line<'_> {
        Line { trace: self, record }
    }

    pub(super) const fn record(&mut self, limit: usize) {
        self.limit = self.records.len().saturating_add(limit);
    }

    /// Keeps the bytes of a datagram, unless that was done; `recorded` says where they stand.
    pub(super) fn packet_ref(
        &mut self,
        recorded: &mut Option<u32>,
        (source, destination): (SocketAddr, SocketAddr),
        bytes: &[u8],
    ) -> PacketRef {
        if self.records.len() >= self.limit {
            return recorded.map_or(UNRECORDED, PacketRef);
        }
        let place = *recorded.get_or_insert_with(|| {
            let start = self.bytes.len();
            self.bytes.extend_from_slice(bytes);
            self.packets.push(Recorded { source, destination, start, len: bytes.len() });
            u32::try_from(self.packets.len() - 1).unwrap_or(UNRECORDED.0)
        });
        PacketRef(place)
    }

    /// Notes what happened; `words` say it to the digest.
    pub(super) fn note(&mut self, at: Instant, what: What, words: [u64; 4]) {
        self.count += 1;
        let digest = words.into_iter().fold(fold(self.digest, at.as_nanos()), fold);
        self.digest = digest;
        if self.records.len() < self.limit {
            self.records.push(Record { at, what });
        }
    }

    /// Notes what an application takes.
    pub(super) fn note_received(&mut self, at: Instant, node: NodeId, peer: Option<NodeId>, received: &Received<'_>) {
        let head = |tag: u64| tag << 56 | u64::from(node.0) << 24 | 0xff;
        let who = peer.map_or(u64::MAX, |peer| u64::from(peer.0));
        match *received {
            Received::Message { stream, seq, payload, .. } => {
                let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
                let words = [head(3) ^ stream as u64, who, seq, u64::from(len)];
                self.note(at, What::Message { node, peer, stream, seq, len }, words);
            }
            Received::Lost { stream, ranges, cause, .. } => {
                for &range in ranges {
                    let words = [head(4) ^ stream as u64, who ^ (cause as u64) << 32, range.first(), range.last()];
                    self.note(at, What::Lost { node, peer, stream, range, cause }, words);
                }
            }
            Received::Restarted { epoch, .. } => {
                self.note(at, What::PeerRestarted { node, peer, epoch }, [head(5), who, u64::from(epoch), 0]);
            }
            Received::Ended { stream, cause, .. } => {
                let words = [head(6) ^ stream as u64, who, cause as u64, 0];
                self.note(at, What::Ended { node, peer, stream, cause }, words);
            }
        }
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace")
            .field("digest", &self.digest())
            .field("count", &self.count)
            .field("records", &self.records.len())
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.records.iter().try_for_each(|&record| writeln!(f, "{}", self.line(record)))
    }
}

/// A record as a line, see [`Trace::line`].
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    trace: &'a Trace,
    record: Record,
}

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.record.at.as_nanos();
        write!(f, "{}.{:09} ", nanos / 1_000_000_000, nanos % 1_000_000_000)?;
        match self.record.what {
            What::Sent { from, packet } => {
                match from {
                    Some(from) => write!(f, "{from} sends")?,
                    None => f.write_str("injected")?,
                }
                self.packet(f, packet, true)
            }
            What::Arrived { to, packet } => {
                write!(f, "{to} gets")?;
                self.packet(f, packet, false)
            }
            What::Dropped { to, packet, fate } => {
                match to {
                    Some(to) => write!(f, "{to} misses ({})", fate.name())?,
                    None => write!(f, "all miss ({})", fate.name())?,
                }
                self.packet(f, packet, false)
            }
            What::Message { node, peer, stream, seq, len } => {
                write!(f, "{node} delivers {} {} seq {seq} len {len}", Peer(peer), name(stream))
            }
            What::Lost { node, peer, stream, range, cause } => {
                write!(f, "{node} gives up {} {} {range}: {cause:?}", Peer(peer), name(stream))
            }
            What::PeerRestarted { node, peer, epoch } => {
                write!(f, "{node} learns that {} restarted with epoch {epoch:#010x}", Peer(peer))
            }
            What::Ended { node, peer, stream, cause } => {
                write!(f, "{node} ends {} {}: {cause:?}", Peer(peer), name(stream))
            }
            What::Started { node, epoch } => write!(f, "{node} starts with epoch {epoch:#010x}"),
            What::Crashed { node } => write!(f, "{node} crashes"),
            What::Removed { node } => write!(f, "{node} is removed"),
        }
    }
}

impl Line<'_> {
    fn packet(&self, f: &mut fmt::Formatter<'_>, packet: PacketRef, with_target: bool) -> fmt::Result {
        let Some(TracedPacket { source, destination, bytes }) = self.trace.packet(packet) else {
            return f.write_str(" a datagram sent before recording began");
        };
        if with_target {
            write!(f, " {source} > {destination}")?;
        } else {
            write!(f, " from {source}")?;
        }
        match Packet::decode(bytes) {
            Ok(packet) => write!(f, ": {packet}"),
            Err(error) => write!(f, ": {} bytes that are no packet: {error}", bytes.len()),
        }
    }
}

struct Peer(Option<NodeId>);

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(node) => write!(f, "{node}"),
            None => f.write_str("somebody"),
        }
    }
}

const fn name(stream: Stream) -> &'static str {
    match stream {
        Stream::Group => "group",
        Stream::Private => "private",
    }
}

/// One step of the digest: a bijection of the state for each word, so that no difference is lost at once.
const fn fold(state: u64, word: u64) -> u64 {
    let mixed = (state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

/// The digest of some addresses.
pub(super) fn fold_addresses(addresses: [SocketAddr; 2]) -> u64 {
    addresses.into_iter().fold(0, |state, address| {
        let ip = match address.ip() {
            IpAddr::V4(ip) => u128::from(ip.to_bits()),
            IpAddr::V6(ip) => ip.to_bits(),
        };
        [(ip >> 64) as u64, ip as u64, u64::from(address.port())].into_iter().fold(state, fold)
    })
}

/// The digest of some bytes.
pub(super) fn fold_bytes(bytes: &[u8]) -> u64 {
    bytes.chunks(8).fold(bytes.len() as u64, |state, chunk| {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        fold(state, u64::from_le_bytes(word))
    })
}
