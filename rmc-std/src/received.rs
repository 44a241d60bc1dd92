//! What `recv` hands out: the items of a stream, owned.

use std::net::SocketAddr;

use rmc_core::{EndCause, LossCause, Path, SeqRange, Stream};

/// The next item of a peer's stream. Per peer and stream they come in order: nobody can miss a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received {
    /// A whole message.
    Message(Message),
    /// Numbers that will never be delivered, in their place.
    Lost {
        /// The sender.
        peer: SocketAddr,
        /// The stream.
        stream: Stream,
        /// Which numbers, ascending, at least one range.
        ranges: Vec<SeqRange>,
        /// Why.
        cause: LossCause,
    },
    /// The peer restarted: what follows belongs to its new epoch and begins at 1 again (S37).
    Restarted {
        /// The peer.
        peer: SocketAddr,
        /// Its new epoch.
        epoch: u32,
    },
    /// The stream is over. A peer that comes back makes a new one.
    Ended {
        /// The sender.
        peer: SocketAddr,
        /// The stream.
        stream: Stream,
        /// Why.
        cause: EndCause,
    },
}

/// A whole message.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Message {
    /// Its sender.
    pub peer: SocketAddr,
    /// The stream that it belongs to.
    pub stream: Stream,
    /// By which path the packet that completed it came.
    pub path: Path,
    /// The number of the packet that holds its end.
    pub seq: u64,
    /// Which message of that packet it is, from 0 (above 0 in a PACKED packet only).
    pub index: u16,
    /// Its bytes.
    pub payload: Vec<u8>,
}

impl Received {
    /// Whose stream it belongs to.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        match self {
            Self::Message(Message { peer, .. })
            | Self::Lost { peer, .. }
            | Self::Restarted { peer, .. }
            | Self::Ended { peer, .. } => *peer,
        }
    }

    /// The message, if it is one.
    #[must_use]
    pub fn into_message(self) -> Option<Message> {
        match self {
            Self::Message(message) => Some(message),
            Self::Lost { .. } | Self::Restarted { .. } | Self::Ended { .. } => None,
        }
    }

    /// Copies an item out of the protocol. `None` for a kind that this version does not know.
    pub(crate) fn from_core(item: rmc_core::Received<'_>) -> Option<Self> {
        Some(match item {
            rmc_core::Received::Message { peer, stream, path, seq, index, payload } => {
                Self::Message(Message { peer, stream, path, seq, index, payload: payload.to_vec() })
            }
            rmc_core::Received::Lost { peer, stream, ranges, cause } => {
                Self::Lost { peer, stream, ranges: ranges.to_vec(), cause }
            }
            rmc_core::Received::Restarted { peer, epoch } => Self::Restarted { peer, epoch },
            rmc_core::Received::Ended { peer, stream, cause } => Self::Ended { peer, stream, cause },
            _ => return None,
        })
    }
}
