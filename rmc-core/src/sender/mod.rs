//! The sending half: what waits, what is kept for repair, what is owed to whom, and when heartbeats are due.

mod ackers;
mod askers;
mod backoff;
mod clocks;
mod congestion;
mod cookies;
mod flow;
mod group_rtt;
mod group_size;
mod heartbeats;
mod log;
mod pacing;
mod ramp;
mod receivers;
mod repair_loss;
mod repairs;
mod rounds;
mod selection;
mod stream;
mod streams;

pub(crate) use ackers::{ACK_INTERVAL, Acked, Ackers, MOST_DENSE, Progress, SPARSE_INTERVAL, ack_interval};
pub(crate) use congestion::AdaptiveRate;
pub(crate) use cookies::Cookies;
pub(crate) use group_size::{Census, Met};
pub(crate) use heartbeats::Promise;
pub(crate) use log::Logged;
pub(crate) use pacing::Pacing;
pub(crate) use repairs::{Answer, Nack, Next, Owed, Served};
pub(crate) use stream::SendStream;
pub(crate) use streams::{GROUP, SendStreams};
