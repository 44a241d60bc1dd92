//! Reliable multicast over blocking std UDP sockets.

mod builder;
mod driver;
mod endpoint;
mod error;
mod event;
mod handles;
mod impair;
mod received;

pub use builder::Builder;
pub use endpoint::Endpoint;
pub use error::{BuildError, FlushError, ObserveError, RecvError, RecvTimeoutError, SocketChangeError, TryRecvError};
pub use event::{Event, Notice, SocketErrorCounts, SocketErrorKind, SocketOperation, SocketStats};
pub use handles::{Iter, Receiver, Sender, TryIter};
pub use impair::Impairment;
pub use observers::ObserverId;
pub use received::{Message, Received};
/// The protocol itself, for its types that stand in this crate's interface.
pub use rmc_core;
pub use rmc_core::{
    Config, ConfigError, EndCause, EventKind, EventMask, HeartbeatTimesError, JoinPolicy, LossCause, Path, PeerInfo,
    SendCapacity, SendError, SeqRange, Stats, Stream, UnknownEvent,
};

mod observers;
