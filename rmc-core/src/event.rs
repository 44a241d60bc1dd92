//! What the protocol tells its application: events beside the stream, and the items of the stream itself.

mod mask;

use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;

use thiserror::Error;

use crate::packet::Kind;
use crate::seq::SeqRange;
pub use mask::EventMask;

/// By which of the node's two addresses a datagram came (S04).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// On the group's address.
    Multicast,
    /// On the node's own address (also everything, where one socket serves as both: S02).
    Unicast,
}

/// To which of a peer's streams something belongs (S18).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Stream {
    /// The one that it sends to the group.
    Group,
    /// The one between two nodes alone.
    Private,
}

/// Why numbers of a stream were given up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LossCause {
    /// The sender said that it can no longer repair them (LOST, or the oldest number of a Heartbeat).
    Lost,
    /// The sender started its stream over behind them (RESET).
    Reset,
    /// The sender restarted: they belong to its former epoch.
    Restarted,
    /// Nothing was heard of the sender for `peer_timeout`.
    Expired,
    /// The application removed the peer.
    Removed,
    /// They belong to a message that is larger than `max_message` (F29).
    TooLarge,
    /// This node is silent and nobody else asked for them within `silent_gap` (S28).
    Silent,
    /// The sender's fragments make no message: it is faulty.
    Malformed,
    /// They were not repaired within [`Config::recovery_deadline`](crate::Config::recovery_deadline) or the time of
    /// [`Delivery::Deadline`](crate::Delivery::Deadline).
    Deadline,
}

/// Why a peer's stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum EndCause {
    /// The sender said so (END), and everything up to its end is delivered or reported.
    Finished,
    /// Nothing was heard of the sender for `peer_timeout`.
    Expired,
    /// The application removed the peer.
    Removed,
}

/// The next item of a peer's stream, lent by [`Protocol::recv`](crate::Protocol::recv). Per peer and stream they come
/// in order: nobody can miss a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Received<'a> {
    /// A whole message.
    Message {
        /// Its sender.
        peer: SocketAddr,
        /// The stream that it belongs to.
        stream: Stream,
        /// By which path the packet that completed it came.
        path: Path,
        /// The number of the packet that holds its end.
        seq: u64,
        /// Which message of that packet it is, from 0 (above 0 in a PACKED packet only).
        index: u16,
        /// Its bytes.
        payload: &'a [u8],
    },
    /// Numbers that will never be delivered, in their place.
    Lost {
        /// The sender.
        peer: SocketAddr,
        /// The stream.
        stream: Stream,
        /// Which numbers, ascending, at least one range.
        ranges: &'a [SeqRange],
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

impl Received<'_> {
    /// Whose stream it belongs to.
    #[must_use]
    pub const fn peer(&self) -> SocketAddr {
        match self {
            Self::Message { peer, .. }
            | Self::Lost { peer, .. }
            | Self::Restarted { peer, .. }
            | Self::Ended { peer, .. } => *peer,
        }
    }
}

/// Something that happened. `Readable` and `EventsDropped` always come; the others only if [`Config::events`] asks for
/// them.
///
/// Loss is never an event only: it comes in band too, from [`Protocol::recv`](crate::Protocol::recv).
///
/// [`Config::events`]: crate::Config::events
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// `recv` has something new.
    Readable,
    /// The ring of events was full: so many were not kept (S35).
    EventsDropped {
        /// How many.
        count: u64,
    },
    /// A packet came from an unknown address (S05).
    NewSender {
        /// The new peer.
        peer: SocketAddr,
        /// Its epoch.
        epoch: u32,
    },
    /// A peer's next packet is overdue (S26).
    MissingHeartbeat {
        /// The peer.
        peer: SocketAddr,
        /// The stream whose packet is overdue.
        stream: Stream,
        /// How many intervals in a row were missed, from 1.
        count: u32,
    },
    /// A peer whose heartbeat was missed is heard again (F22).
    PeerRecovered {
        /// The peer.
        peer: SocketAddr,
    },
    /// Nothing was heard of a peer for `peer_timeout`: its streams have ended (S26).
    PeerExpired {
        /// The peer.
        peer: SocketAddr,
    },
    /// A peer has a new epoch (S37).
    PeerRestarted {
        /// The peer.
        peer: SocketAddr,
        /// Its former epoch.
        old_epoch: u32,
        /// Its new epoch.
        epoch: u32,
    },
    /// A peer has finished (END) and its stream is delivered or reported to the end.
    PeerFinished {
        /// The peer.
        peer: SocketAddr,
        /// Its last number.
        seq: u64,
    },
    /// A Heartbeat came (S25).
    GotHeartbeat {
        /// Its sender.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The last number sent.
        seq: u64,
    },
    /// A Reset came and was followed (S16).
    GotReset {
        /// Its sender.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The number after which the stream goes on.
        seq: u64,
    },
    /// Numbers were given up; one event for each range (S15). `recv` reports the same range in its place.
    GotLost {
        /// The sender.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The numbers.
        range: SeqRange,
        /// Why.
        cause: LossCause,
    },
    /// Somebody asks for a repair (S14).
    GotNack {
        /// The asker.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The lowest number asked for.
        seq: u64,
        /// How many numbers are asked for.
        count: u64,
    },
    /// An Ack came (S17).
    GotAck {
        /// The receiver.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The highest number that it has with nothing missing before it.
        seq: u64,
    },
    /// A message became deliverable (S07). Per message.
    NewPacket {
        /// Its sender.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The number of the packet that holds its end.
        seq: u64,
        /// Which message of that packet, from 0.
        index: u16,
        /// Its length in bytes.
        len: usize,
    },
    /// A data packet was sent for the first time. Per packet.
    PacketSent {
        /// Where to.
        destination: SocketAddr,
        /// Its number.
        seq: u64,
    },
    /// A repair was sent. Per packet.
    SentRepair {
        /// Where to.
        destination: SocketAddr,
        /// Its number.
        seq: u64,
    },
    /// A Heartbeat was sent.
    SentHeartbeat {
        /// Where to.
        destination: SocketAddr,
        /// The last number sent.
        seq: u64,
    },
    /// A Lost was sent.
    SentLost {
        /// Where to.
        destination: SocketAddr,
        /// The numbers that it names.
        range: SeqRange,
    },
    /// A Reset was sent.
    SentReset {
        /// Where to.
        destination: SocketAddr,
        /// The number after which the stream goes on.
        seq: u64,
    },
    /// A Nack was sent.
    SentNack {
        /// The sender that is asked.
        peer: SocketAddr,
        /// Of which stream.
        stream: Stream,
        /// The lowest number asked for.
        seq: u64,
        /// How many numbers are asked for.
        count: u64,
    },
    /// The group's stream has passed `sequence_limit` (S29). Once.
    SequenceOverflow {
        /// The number that passed it.
        seq: u64,
    },
    /// Another node uses this node's address with another epoch (S03). Once.
    AddressInUse {
        /// The address.
        address: SocketAddr,
    },
    /// A private stream's receiver was not heard for `peer_timeout` while it still owed acknowledgement: the stream is
    /// dropped.
    PrivateAbandoned {
        /// The receiver.
        peer: SocketAddr,
        /// The numbers that it never acknowledged.
        unacknowledged: SeqRange,
    },
    /// Data waits because [`Config::max_rate`](crate::Config::max_rate), or the rate that
    /// [`Config::congestion`](crate::Config::congestion) has found, lets no more leave now. Once, until `Resumed`.
    RateLimited,
    /// No data waits any more, and half of [`Config::rate_burst`](crate::Config::rate_burst) may leave at once again.
    Resumed,
    /// A receiver of the group's stream has not advanced for the time that
    /// [`FlowControl`](crate::FlowControl) gives it: this node waits for it no longer, and what it misses may be lost
    /// to it.
    PeerEvicted {
        /// The receiver.
        peer: SocketAddr,
        /// The number up to which it has acknowledged everything.
        seq: u64,
    },
    /// The node has said all it had to say, and is closed (S31).
    Closed,
    /// Any valid packet was received (S06).
    ReceivedPacket {
        /// Its source.
        peer: SocketAddr,
        /// By which path.
        path: Path,
        /// Its kind.
        kind: Kind,
        /// Its header's number.
        seq: u64,
    },
    /// Any packet was sent (S06).
    SentPacket {
        /// Where to.
        destination: SocketAddr,
        /// Its kind.
        kind: Kind,
        /// Its header's number.
        seq: u64,
    },
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// The kinds of [`Event`], with the seed's names (S35).
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[non_exhaustive]
        pub enum EventKind {
            $($(#[$doc])* $variant,)+
        }

        impl EventKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Its name, as the seed writes it.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }

        impl Event {
            /// Its kind.
            #[must_use]
            pub const fn kind(&self) -> EventKind {
                match self {
                    $(Self::$variant { .. } => EventKind::$variant,)+
                }
            }
        }
    };
}

kinds! {
    /// [`Event::Readable`].
    Readable = "readable",
    /// [`Event::EventsDropped`].
    EventsDropped = "events_dropped",
    /// [`Event::NewSender`].
    NewSender = "new_sender",
    /// [`Event::MissingHeartbeat`].
    MissingHeartbeat = "missing_heartbeat",
    /// [`Event::PeerRecovered`].
    PeerRecovered = "peer_recovered",
    /// [`Event::PeerExpired`].
    PeerExpired = "peer_expired",
    /// [`Event::PeerRestarted`].
    PeerRestarted = "peer_restarted",
    /// [`Event::PeerFinished`].
    PeerFinished = "peer_finished",
    /// [`Event::GotHeartbeat`].
    GotHeartbeat = "got_heartbeat",
    /// [`Event::GotReset`].
    GotReset = "got_reset",
    /// [`Event::GotLost`].
    GotLost = "got_lost",
    /// [`Event::GotNack`].
    GotNack = "got_nack",
    /// [`Event::GotAck`].
    GotAck = "got_ack",
    /// [`Event::NewPacket`].
    NewPacket = "new_packet",
    /// [`Event::PacketSent`].
    PacketSent = "packet_sent",
    /// [`Event::SentRepair`].
    SentRepair = "sent_repair",
    /// [`Event::SentHeartbeat`].
    SentHeartbeat = "sent_heartbeat",
    /// [`Event::SentLost`].
    SentLost = "sent_lost",
    /// [`Event::SentReset`].
    SentReset = "sent_reset",
    /// [`Event::SentNack`].
    SentNack = "sent_nack",
    /// [`Event::SequenceOverflow`].
    SequenceOverflow = "sequence_overflow",
    /// [`Event::AddressInUse`].
    AddressInUse = "address_in_use",
    /// [`Event::PrivateAbandoned`].
    PrivateAbandoned = "private_abandoned",
    /// [`Event::RateLimited`].
    RateLimited = "rate_limited",
    /// [`Event::Resumed`].
    Resumed = "resumed",
    /// [`Event::PeerEvicted`].
    PeerEvicted = "peer_evicted",
    /// [`Event::Closed`].
    Closed = "closed",
    /// [`Event::ReceivedPacket`].
    ReceivedPacket = "__received_packet__",
    /// [`Event::SentPacket`].
    SentPacket = "__sent_packet__",
}

/// A name that is not an event's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown event: the names are those of EventKind::ALL, such as new_packet or got_lost")]
pub struct UnknownEvent;

impl FromStr for EventKind {
    type Err = UnknownEvent;

    /// Parses the seed's name; white space around it and capitals do not matter, as in the seed (S33).
    fn from_str(name: &str) -> Result<Self, UnknownEvent> {
        let name = name.trim();
        Self::ALL.iter().copied().find(|kind| kind.name().eq_ignore_ascii_case(name)).ok_or(UnknownEvent)
    }
}

impl fmt::Display for EventKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
