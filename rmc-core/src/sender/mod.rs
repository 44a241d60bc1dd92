//! The sending half: what waits, what is kept for repair, what is owed to whom, and when heartbeats are due.

mod heartbeats;
mod log;
mod pacing;
mod repairs;
mod stream;
mod streams;

pub(crate) use heartbeats::Promise;
pub(crate) use pacing::Pacing;
pub(crate) use repairs::{Answer, Owed};
pub(crate) use streams::{GROUP, SendStreams};
