//! Reliable multicast as a sans-IO state machine.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod action;
mod config;
mod error;
mod event;
mod hash;
mod inbox;
pub mod packet;
mod pool;
mod protocol;
mod range_set;
mod receiver;
mod rng;
mod sender;
mod seq;
mod shared;
mod stats;
mod time;
mod timer;

pub use action::{Action, Transmit};
pub use config::{Config, DEFAULT_HEARTBEAT_TIMES, JoinPolicy};
pub use error::{ConfigError, HeartbeatTimesError, SendError};
pub use event::{EndCause, Event, EventKind, EventMask, LossCause, Path, Received, Stream, UnknownEvent};
pub use protocol::Protocol;
pub use seq::{MAX_SEQ, SeqRange};
pub use stats::{DroppedStats, HeldStats, PeerInfo, RepairStats, RxStats, SendCapacity, Stats, StreamInfo, TxStats};
pub use time::Instant;
