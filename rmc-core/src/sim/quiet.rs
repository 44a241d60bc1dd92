//! Whether anybody still waits for something, and for what.

use alloc::vec::Vec;
use core::fmt;

use thiserror::Error;

use super::Sim;
use super::node::NodeId;
use crate::config::JoinPolicy;
use crate::event::Stream;
use crate::protocol::Protocol;
use crate::stats::StreamInfo;
use crate::time::Instant;

/// Somebody still waited for something when the limit had passed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("at {at:?}: {}", List(waiting))]
#[non_exhaustive]
pub struct Stuck {
    /// The time.
    pub at: Instant,
    /// Who waits, and for what; in the order of nodes. Empty: all is quiet, and yet the condition did not come true.
    pub waiting: Vec<Waiting>,
}

/// One node that waits for something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Waiting {
    /// The node.
    pub node: NodeId,
    /// For what.
    pub waits_for: WaitsFor,
}

/// What a node can wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum WaitsFor {
    /// To send what is queued for the first time.
    Sending {
        /// So many packets.
        packets: usize,
    },
    /// For room to queue messages of its application.
    Room {
        /// So many messages.
        messages: usize,
    },
    /// Its receiver's word that it has all private messages.
    Acknowledgement {
        /// The receiver.
        peer: NodeId,
    },
    /// Packets of a sender.
    Packets {
        /// The sender.
        peer: NodeId,
        /// Of which stream.
        stream: Stream,
        /// It has everything up to here.
        delivered: u64,
        /// The highest number that it knows of.
        known: u64,
        /// The highest number that there is; of a private stream, that it knows of.
        last: u64,
        /// How many gaps it asks for.
        gaps: usize,
    },
    /// Its end: it has finished and is not closed yet.
    Closing,
}

impl Sim {
    /// Who waits for something, in the order of nodes.
    #[must_use]
    pub fn waiting(&self) -> Vec<Waiting> {
        self.waits().collect()
    }

    pub(super) fn is_quiet(&self) -> bool {
        self.waits().next().is_none()
    }

    pub(super) fn stuck(&self) -> Stuck {
        Stuck { at: self.net.now, waiting: self.waiting() }
    }

    fn waits(&self) -> impl Iterator<Item = Waiting> + '_ {
        let senders: Vec<_> =
            self.open().filter(|(_, protocol)| protocol.next_seq() > 1 && !protocol.config().silent).collect();
        self.open().flat_map(move |(node, protocol)| {
            let own = self.waits_as_sender(node, protocol);
            let others = senders.clone().into_iter();
            let streams = others
                .filter_map(move |(peer, sender)| self.waits_for_group(protocol, node, peer, sender.next_seq() - 1));
            let private = self.waits_for_private(node, protocol);
            let all: Vec<_> = own.into_iter().chain(streams).chain(private).collect();
            all.into_iter().map(move |waits_for| Waiting { node, waits_for })
        })
    }

    /// The nodes that are up and not closed.
    fn open(&self) -> impl Iterator<Item = (NodeId, &Protocol)> + '_ {
        self.nodes().filter_map(|node| Some((node, self.protocol(node)?))).filter(|(_, protocol)| !protocol.is_closed())
    }

    fn waits_as_sender(&self, node: NodeId, protocol: &Protocol) -> Vec<WaitsFor> {
        let mut waits = Vec::new();
        let packets = protocol.stats().held.queued_packets;
        if packets > 0 {
            waits.push(WaitsFor::Sending { packets });
        }
        let messages = self.nodes[node.index()].wishes();
        if messages > 0 {
            waits.push(WaitsFor::Room { messages });
        }
        if protocol.stats().held.private_streams > 0 {
            let others = self.nodes().filter(|other| *other != node);
            waits.extend(others.filter_map(|peer| {
                protocol.unacknowledged(self.address(peer)?).map(|_| WaitsFor::Acknowledgement { peer })
            }));
        }
        if protocol.is_finishing() {
            waits.push(WaitsFor::Closing);
        }
        waits
    }

    fn waits_for_group(&self, protocol: &Protocol, node: NodeId, peer: NodeId, last: u64) -> Option<WaitsFor> {
        if peer == node || !protocol.is_active() {
            return None;
        }
        let sender = self.protocol(peer)?;
        if sender.config().group != protocol.config().group {
            return None;
        }
        let info = protocol.peer(self.address(peer)?);
        let stream = info.filter(|info| info.epoch == sender.config().epoch).and_then(|info| info.group);
        let Some(stream) = stream else {
            // Who begins with what comes next waits for nothing that has been.
            let begins_anywhere = protocol.config().join_policy == JoinPolicy::Now;
            let nothing = StreamInfo { delivered: 0, known: 0, ..StreamInfo::default() };
            return (!begins_anywhere).then(|| packets(peer, Stream::Group, &nothing, last));
        };
        (stream.delivered < last).then(|| packets(peer, Stream::Group, &stream, last))
    }

    fn waits_for_private(&self, node: NodeId, protocol: &Protocol) -> Vec<WaitsFor> {
        let others = self.nodes().filter(|other| *other != node && protocol.stats().held.peers > 0);
        let streams = others.filter_map(|peer| {
            let stream = protocol.peer(self.address(peer)?)?.private?;
            (stream.delivered < stream.known).then(|| packets(peer, Stream::Private, &stream, stream.known))
        });
        streams.collect()
    }
}

const fn packets(peer: NodeId, stream: Stream, info: &StreamInfo, last: u64) -> WaitsFor {
    WaitsFor::Packets { peer, stream, delivered: info.delivered, known: info.known, last, gaps: info.gaps }
}

impl fmt::Display for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} waits for ", self.node)?;
        match self.waits_for {
            WaitsFor::Sending { packets } => write!(f, "its turn to send {packets} packets"),
            WaitsFor::Room { messages } => write!(f, "room in its send queue for {messages} messages"),
            WaitsFor::Acknowledgement { peer } => write!(f, "{peer} to acknowledge its private messages"),
            WaitsFor::Packets { peer, stream, delivered, known, last, gaps } => {
                let stream = match stream {
                    Stream::Group => "group",
                    Stream::Private => "private",
                };
                write!(f, "{peer}'s {stream} stream: has {delivered} of {last}, knows of {known}, asks for {gaps} gaps")
            }
            WaitsFor::Closing => f.write_str("its own end"),
        }
    }
}

/// How many are listed.
const LISTED: usize = 8;

struct List<'a>(&'a [Waiting]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return f.write_str("all is quiet, but the condition did not come true");
        }
        for (index, waiting) in self.0.iter().take(LISTED).enumerate() {
            write!(f, "{}{waiting}", if index == 0 { "" } else { "; " })?;
        }
        match self.0.len().saturating_sub(LISTED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}
