//! The nodes of a simulated group.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::any::Any;
use core::fmt;
use core::net::SocketAddr;
use core::time::Duration;

use crate::config::Config;
use crate::error::SendError;
use crate::event::{Event, Received};
use crate::protocol::Protocol;
use crate::time::Instant;

/// A node of a simulated group. Numbers are given in order from 0 and never again.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub(super) u32);

impl NodeId {
    /// Its number.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Debug for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "n{}", self.0)
    }
}

/// The application of a node: it takes what the node receives, as soon as that is there.
///
/// What it wants to do in turn goes into the [`Outbox`]. All methods but `received` may be left out. A node without one
/// keeps what it receives until [`Sim::recv`](super::Sim::recv) takes it.
pub trait Application: Any {
    /// Whether it takes the next item now. While it does not, the node keeps what it receives: a slow application. It
    /// is asked before each item, and again after everything that happens at its node.
    fn is_ready(&self) -> bool {
        true
    }

    /// The node has started, or started again.
    fn started(&mut self, outbox: &mut Outbox) {
        let _ = outbox;
    }

    /// The next item of a peer's stream.
    fn received(&mut self, received: &Received<'_>, outbox: &mut Outbox);

    /// Something happened.
    fn event(&mut self, event: &Event, outbox: &mut Outbox) {
        let _ = (event, outbox);
    }

    /// The time that it asked for with [`Outbox::wake_at`] has come.
    fn woken(&mut self, outbox: &mut Outbox) {
        let _ = outbox;
    }

    /// A message of its could not be sent, for another reason than that the queue is full.
    fn refused(&mut self, error: &SendError) {
        let _ = error;
    }
}

/// What an application wants to do next. It is done in order; messages for which there is no room wait.
#[derive(Debug, Default)]
pub struct Outbox {
    now: Option<Instant>,
    pub(super) wishes: VecDeque<Wish>,
    pub(super) wakes: Vec<Instant>,
}

#[derive(Debug)]
pub(super) enum Wish {
    Send(Vec<u8>),
    SendTo(SocketAddr, Vec<u8>),
    Finish(Duration),
}

impl Outbox {
    /// The time.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.now.unwrap_or(Instant::ORIGIN)
    }

    pub(super) const fn set_now(&mut self, now: Instant) {
        self.now = Some(now);
    }

    /// Sends a message to the group.
    pub fn send(&mut self, payload: impl Into<Vec<u8>>) {
        self.wishes.push_back(Wish::Send(payload.into()));
    }

    /// Sends a message to one node.
    pub fn send_to(&mut self, peer: SocketAddr, payload: impl Into<Vec<u8>>) {
        self.wishes.push_back(Wish::SendTo(peer, payload.into()));
    }

    /// Finishes: what is queued is sent, then the end, and after `linger` the node is closed.
    pub fn finish(&mut self, linger: Duration) {
        self.wishes.push_back(Wish::Finish(linger));
    }

    /// Calls [`Application::woken`] at this time. Several times may be asked for.
    pub fn wake_at(&mut self, at: Instant) {
        self.wakes.push(at);
    }
}

/// An application that takes everything and does nothing: for nodes that are only counted.
#[derive(Clone, Copy, Debug, Default)]
pub struct Discard;

impl Application for Discard {
    fn received(&mut self, _: &Received<'_>, _: &mut Outbox) {}
}

pub(super) struct Node {
    pub(super) address: SocketAddr,
    pub(super) epoch: u32,
    pub(super) state: State,
    /// The group that it is a member of.
    pub(super) joined: Option<SocketAddr>,
    pub(super) application: Option<Box<dyn Application>>,
    /// How many times an application has started here: what a former one asked for is not for the present one.
    pub(super) life: u32,
    pub(super) outbox: Outbox,
}

pub(super) enum State {
    Up(Box<Protocol>),
    /// It has crashed, and may start again with this.
    Down(Box<Config>),
    Removed,
}

impl Node {
    pub(super) fn protocol(&self) -> Option<&Protocol> {
        match &self.state {
            State::Up(protocol) => Some(protocol),
            State::Down(_) | State::Removed => None,
        }
    }

    pub(super) fn protocol_mut(&mut self) -> Option<&mut Protocol> {
        match &mut self.state {
            State::Up(protocol) => Some(protocol),
            State::Down(_) | State::Removed => None,
        }
    }

    /// How much its application still wants to do.
    pub(super) fn wishes(&self) -> usize {
        self.outbox.wishes.len()
    }
}

#[cfg(test)]
mod tests {
    use super::super::Sim;
    use super::*;

    #[derive(Default)]
    struct Slow {
        is_ready: bool,
        taken: usize,
    }

    impl Application for Slow {
        fn is_ready(&self) -> bool {
            self.is_ready
        }

        fn received(&mut self, _: &Received<'_>, _: &mut Outbox) {
            self.taken += 1;
            self.is_ready = self.taken < 2;
        }
    }

    #[test]
    fn what_an_application_does_not_take_stays_in_its_node() {
        let mut sim = Sim::new(1);
        let sender = sim.add(|_| {}).expect("the default is valid");
        let receiver = sim.add(|_| {}).expect("the default is valid");
        sim.run_application(receiver, Slow::default());
        for _ in 0..3 {
            sim.send(sender, b"one").expect("there is room");
        }
        let taken_and_left = |sim: &Sim| {
            let slow = sim.application::<Slow>(receiver).expect("it runs there");
            (slow.taken, sim.protocol(receiver).expect("it is up").stats().held.readable)
        };
        sim.run_for(Duration::from_millis(1));
        assert_eq!(taken_and_left(&sim), (0, 3));
        sim.application_mut::<Slow>(receiver).expect("it runs there").is_ready = true;
        sim.run_for(Duration::from_secs(1));
        assert_eq!(taken_and_left(&sim), (2, 1), "a heartbeat came, and after two it was ready no more");
    }
}
