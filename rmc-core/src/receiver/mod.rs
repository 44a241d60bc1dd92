//! The receiving half: who is heard, what of their streams is missing, and what is asked for.

mod acks;
mod assembly;
mod backoff;
mod gaps;
mod grace;
mod liveness;
mod lookup;
mod moderation;
mod nack;
mod peer;
mod peers;
mod remembered;
mod rtt;
mod stamps;
mod stream;
mod window;

pub(crate) use backoff::Advertised;
pub(crate) use nack::Confirmed;
pub(crate) use peer::{Opening, Peer};
pub(crate) use peers::{Peers, Refused};
pub(crate) use stream::{Beat, Word, promised};
pub(crate) use window::Arrival;
