//! What the protocol asks its driver to do.

use core::net::SocketAddr;

use crate::event::Event;
use crate::time::Instant;

/// One output of [`Protocol::poll_action`](crate::Protocol::poll_action).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send this from the unicast socket. If the system refuses it, tell
    /// [`Protocol::transmit_failed`](crate::Protocol::transmit_failed) before the next `poll_action`.
    Transmit(Transmit<'a>),
    /// Something happened that the application may want to know.
    Event(Event),
    /// Call `handle_timeout` at this time (`None`: never). It replaces the one before and is the last of a drain. A
    /// time that is already reached means: read what is there, then call `handle_timeout`, in the same thread, at
    /// once.
    ArmTimer(Option<Instant>),
}

/// A datagram, or several of one size, to one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Transmit<'a> {
    /// Where it goes: the group's address or one node's.
    pub destination: SocketAddr,
    /// The bytes, lent until the next call.
    pub contents: &'a [u8],
    /// `None`: `contents` is one datagram. `Some(n)`: several of `n` bytes each, the last of which may be shorter, at
    /// most [`Config::max_segments`](crate::Config::max_segments) of them.
    pub segment_size: Option<usize>,
}
