//! A group of nodes on a simulated network, in one process and in virtual time, where one seed replays every packet.
//!
//! It is what this crate's own claims about recovery and scale are shown with, and what you test your own program with:
//! thousands of nodes, any loss, delay, reordering and damage, partitions, crashes and restarts, without a socket, a
//! thread or a sleep. The same seed and the same calls give the same packets at the same times on every platform, and
//! [`Trace::digest`] proves it. No floats, no clock, no entropy.
//!
//! ```text
//!            egress              path               ingress
//!  node ──▶  one link  ──▶  a link per pair  ──▶  one link  ──▶ node
//!        shared by all that     of nodes,       independent loss
//!        it sends: what is      if set          of each receiver
//!        lost here is lost
//!        for all receivers
//! ```
//!
//! # Testing an application's own message flow
//!
//! An application that runs on the nodes is an [`Application`]: it takes what comes and says what it wants to do next.
//! This one is a counter that the group shares: each node multicasts what it adds, and all must agree in the end,
//! whatever the network does.
//!
//! ```
//! use core::time::Duration;
//! use rmc_core::sim::{Application, Link, Loss, Outbox, Sim};
//! use rmc_core::{JoinPolicy, Received};
//!
//! struct Counter {
//!     total: u64,
//!     adds: u64,
//! }
//!
//! impl Application for Counter {
//!     fn started(&mut self, outbox: &mut Outbox) {
//!         outbox.wake_at(outbox.now() + Duration::from_millis(10));
//!     }
//!
//!     fn woken(&mut self, outbox: &mut Outbox) {
//!         self.total += self.adds;
//!         outbox.send(self.adds.to_be_bytes());
//!     }
//!
//!     fn received(&mut self, received: &Received<'_>, _: &mut Outbox) {
//!         match received {
//!             Received::Message { payload, .. } => {
//!                 self.total += u64::from_be_bytes((*payload).try_into().expect("8 bytes"));
//!             }
//!             other => panic!("nothing may be lost here: {other:?}"),
//!         }
//!     }
//! }
//!
//! // Change the seed to replay another network; a failing test names its seed, and so can be run again.
//! let mut sim = Sim::new(0x5eed);
//! let bad = Link::IDEAL
//!     .with_delay(Duration::from_millis(5))
//!     .with_jitter(Duration::from_millis(2))
//!     .with_loss(Loss::percent(20));
//! sim.set_links(&Link::IDEAL, &bad);
//! let mut nodes = Vec::new();
//! for adds in 1..=10 {
//!     let node = sim.add(|config| config.join_policy = JoinPolicy::FromStart)?;
//!     sim.run_application(node, Counter { total: 0, adds });
//!     nodes.push(node);
//! }
//!
//! // Virtual time: this takes no time at all. What is not done within the limit is reported with who waits for what.
//! sim.run_for(Duration::from_millis(20));
//! sim.run_until_quiet(Duration::from_secs(10))?;
//! for &node in &nodes {
//!     let counter: &Counter = sim.application(node).expect("it runs there");
//!     assert_eq!(counter.total, 55, "node {node}");
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Without an application a node keeps what it receives until [`Sim::recv`] takes it; that is a slow application, if
//! you want one. [`Sim::with`] gives the [`Protocol`] itself, for every other call.
//!
//! # Looking and interfering
//!
//! A [`Tap`] sees each datagram, and may drop or delay it; [`Sim::inject`] brings in forged ones from any address; an
//! [`Observer`] learns everything that happens. [`Sim::record`] keeps a [`Trace`], which prints one line for each thing
//! that happened and exports a capture for Wireshark.

mod chance;
mod error;
mod link;
mod loss;
mod memory;
mod meter;
mod network;
mod node;
mod partition;
mod pcap;
mod preset;
mod queue;
mod quiet;
mod run;
mod scenario;
mod tap;
mod trace;
mod wiring;

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::any::Any;
use core::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use crate::config::Config;
use crate::error::ConfigError;
use crate::event::Received;
use crate::heap::Deadlines;
use crate::protocol::Protocol;
use crate::time::Instant;
pub(crate) use memory::Memory;
use network::{Network, derive};
use node::{Node, State};

pub use chance::Chance;
pub use error::SimError;
pub use link::Link;
pub use loss::{Bursts, Loss};
pub use node::{Application, Discard, NodeId, Outbox};
pub use partition::CutId;
pub use pcap::Capture;
pub use preset::{Preset, UnknownPreset};
pub use quiet::{Stuck, Waiting, WaitsFor};
pub use scenario::{Course, Report, Scenario};
pub use tap::{Datagram, Fate, Observer, Place, Tap, Verdict};
pub use trace::{Line, PacketRef, Record, Trace, TracedPacket, What};

/// The group of every node that is not configured otherwise.
pub const GROUP: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::new(239, 255, 77, 1), 8000));

/// The port of every node's own address, where it is not given.
const PORT: u16 = 5000;

/// A group of nodes on a simulated network. See the [module](self) for how to use it.
///
/// Time stands still but in [`step`](Self::step) and in the methods that begin with `run_`. Every other call happens at
/// the present time, and what it makes a node send is sent before it returns.
pub struct Sim {
    net: Network,
    nodes: Vec<Node>,
    deadlines: Deadlines,
    memory: Memory,
    /// A node from whose protocol something was lent: it has to be drained.
    lent: Option<NodeId>,
}

impl Sim {
    /// An empty network at the time [`Instant::ORIGIN`]. All links are [`Link::IDEAL`] until
    /// [`set_links`](Self::set_links).
    ///
    /// All randomness comes from `seed`: each link's and each node's own, derived from the seed and from what the link
    /// connects or the node's number, so that another node or another link reshuffles none of the others.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self {
            net: Network::new(seed),
            nodes: Vec::new(),
            deadlines: Deadlines::default(),
            memory: Memory::default(),
            lent: None,
        }
    }

    /// Adds a node and starts it. Its configuration is that of [`Config::new`] for [`GROUP`], with the node's address
    /// and a seed of its own, as `change` leaves it.
    ///
    /// # Errors
    ///
    /// `change` broke a rule of [`Config`].
    pub fn add(&mut self, change: impl FnOnce(&mut Config)) -> Result<NodeId, ConfigError> {
        let number = u32::try_from(self.nodes.len()).unwrap_or(u32::MAX);
        let [_, b, c, d] = number.saturating_add(1).to_be_bytes();
        self.add_at(SocketAddr::from((Ipv4Addr::new(10, b, c, d), PORT)), change)
    }

    /// As [`add`](Self::add), at an address of your choice. If a node is there already, it is reached no more.
    ///
    /// # Errors
    ///
    /// As `add`.
    pub fn add_at(&mut self, address: SocketAddr, change: impl FnOnce(&mut Config)) -> Result<NodeId, ConfigError> {
        self.settle_lent();
        let node = NodeId(u32::try_from(self.nodes.len()).unwrap_or(u32::MAX));
        let mut config = Config::new(GROUP, 1, derive(derive(self.net.seed, 0), u64::from(node.0)));
        config.local_addrs.push(address);
        change(&mut config);
        let epoch = config.epoch;
        let protocol = Protocol::new(config, self.net.now)?;
        self.nodes.push(Node {
            address,
            epoch,
            state: State::Up(Box::new(protocol)),
            joined: None,
            application: None,
            life: 0,
            outbox: Outbox::default(),
        });
        self.net.add_node(node);
        self.net.bind(address, node);
        self.started(node);
        Ok(node)
    }

    /// Takes a node away for good, and its address with it. What it has sent still arrives.
    ///
    /// # Errors
    ///
    /// There is no such node.
    pub fn remove(&mut self, node: NodeId) -> Result<(), SimError> {
        self.settle_lent();
        let index = self.known(node)?;
        self.net.note_removed(node);
        self.take_down(node);
        self.nodes[index].state = State::Removed;
        self.nodes[index].application = None;
        self.net.unbind(self.nodes[index].address, node);
        Ok(())
    }

    /// Kills a node: it says nothing more, and forgets everything. What it has sent still arrives.
    ///
    /// # Errors
    ///
    /// There is no such node, or it is down.
    pub fn crash(&mut self, node: NodeId) -> Result<(), SimError> {
        self.settle_lent();
        let index = self.up(node)?;
        let Some(protocol) = self.nodes[index].protocol() else { return Err(SimError::Down(node)) };
        let config = protocol.config().clone();
        self.net.note_crashed(node);
        self.take_down(node);
        self.nodes[index].state = State::Down(Box::new(config));
        Ok(())
    }

    /// Starts a node that has crashed, or one that has not, which then crashes first: with a new epoch, at its address,
    /// with its configuration and its application as they were.
    ///
    /// # Errors
    ///
    /// There is no such node.
    pub fn restart(&mut self, node: NodeId) -> Result<(), SimError> {
        let address = self.address(node).ok_or(SimError::NoSuchNode(node))?;
        self.restart_at(node, address)
    }

    /// As [`restart`](Self::restart), at another address.
    ///
    /// # Errors
    ///
    /// As `restart`.
    pub fn restart_at(&mut self, node: NodeId, address: SocketAddr) -> Result<(), SimError> {
        let index = self.known(node)?;
        if self.nodes[index].protocol().is_some() {
            self.crash(node)?;
        }
        let now = self.net.now;
        let entry = &mut self.nodes[index];
        let State::Down(config) = &entry.state else { return Err(SimError::NoSuchNode(node)) };
        let mut config = (**config).clone();
        entry.epoch = entry.epoch.wrapping_add(1);
        config.epoch = entry.epoch;
        config.seed = derive(config.seed, u64::from(entry.epoch));
        if let Some(place) = config.local_addrs.iter().position(|local| *local == entry.address) {
            config.local_addrs[place] = address;
        }
        let former = core::mem::replace(&mut entry.address, address);
        entry.state = State::Up(Box::new(Protocol::new(config, now)?));
        self.net.unbind(former, node);
        self.net.bind(address, node);
        self.started(node);
        Ok(())
    }

    /// Sends a message to the group. Returns the number of the packet that holds its end.
    ///
    /// # Errors
    ///
    /// There is no such node, it is down, or its protocol refuses.
    pub fn send(&mut self, node: NodeId, payload: &[u8]) -> Result<u64, SimError> {
        Ok(self.with(node, |protocol, now| protocol.send(now, payload))??)
    }

    /// Sends a message from one node to another one alone. Returns the number of the packet that holds its end.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub fn send_to(&mut self, node: NodeId, to: NodeId, payload: &[u8]) -> Result<u64, SimError> {
        let peer = self.address(to).ok_or(SimError::NoSuchNode(to))?;
        Ok(self.with(node, |protocol, now| protocol.send_to(now, peer, payload))??)
    }

    /// Calls anything of a node's protocol at the present time, and does what it then says.
    ///
    /// # Errors
    ///
    /// There is no such node, or it is down.
    pub fn with<T>(&mut self, node: NodeId, call: impl FnOnce(&mut Protocol, Instant) -> T) -> Result<T, SimError> {
        self.settle_lent();
        let index = self.up(node)?;
        let now = self.net.now;
        let Some(protocol) = self.nodes[index].protocol_mut() else { return Err(SimError::Down(node)) };
        let result = call(protocol, now);
        self.settle(node);
        Ok(result)
    }

    /// Takes the next item that a node without an application has received; `None`: nothing is there.
    pub fn recv(&mut self, node: NodeId) -> Option<Received<'_>> {
        self.settle_lent();
        self.lent = Some(node);
        let Self { net, nodes, .. } = self;
        let received = nodes.get_mut(node.index())?.protocol_mut()?.recv()?;
        net.note_received(node, &received);
        Some(received)
    }

    /// Gives a node an application. What the node has received and nobody has taken goes to it at once. Another one
    /// that runs there ends.
    ///
    /// Nothing happens if there is no such node.
    pub fn run_application(&mut self, node: NodeId, application: impl Application) {
        self.settle_lent();
        let Ok(index) = self.known(node) else { return };
        let entry = &mut self.nodes[index];
        entry.application = Some(Box::new(application));
        if entry.protocol().is_some() {
            self.start_application(node);
            self.settle(node);
        }
    }

    /// The application of a node, if it is a `T`.
    #[must_use]
    pub fn application<T: Application>(&self, node: NodeId) -> Option<&T> {
        let application: &dyn Any = &**self.nodes.get(node.index())?.application.as_ref()?;
        application.downcast_ref()
    }

    /// The same, to change it.
    pub fn application_mut<T: Application>(&mut self, node: NodeId) -> Option<&mut T> {
        let application: &mut dyn Any = &mut **self.nodes.get_mut(node.index())?.application.as_mut()?;
        application.downcast_mut()
    }

    /// Lets a tap see each datagram from now on, in place of one that did. Events of the same time come in the order of
    /// their causes, so that a tap that changes nothing changes nothing.
    pub fn set_tap(&mut self, tap: impl Tap + 'static) {
        self.net.tap = Some(Box::new(tap));
    }

    /// Takes the tap away.
    pub fn clear_tap(&mut self) {
        self.net.tap = None;
    }

    /// Lets an observer learn what happens from now on, in place of one that did.
    pub fn set_observer(&mut self, observer: impl Observer) {
        self.net.observer = Some(Box::new(observer));
    }

    /// The observer, if it is a `T`.
    #[must_use]
    pub fn observer<T: Observer>(&self) -> Option<&T> {
        let observer: &dyn Any = &**self.net.observer.as_ref()?;
        observer.downcast_ref()
    }

    /// The same, to change it.
    pub fn observer_mut<T: Observer>(&mut self) -> Option<&mut T> {
        let observer: &mut dyn Any = &mut **self.net.observer.as_mut()?;
        observer.downcast_mut()
    }

    /// A datagram that no node sent appears at the node at `destination`, or at all members of the group that this is,
    /// as if it came from `source`. It passes no link, no partition and no tap.
    pub fn inject(&mut self, source: SocketAddr, destination: SocketAddr, bytes: &[u8]) {
        self.settle_lent();
        self.net.inject(source, destination, bytes);
    }

    /// Keeps up to `limit` records of what happens from now on, in [`trace`](Self::trace). Memory: 48 bytes a record,
    /// and each datagram once.
    pub const fn record(&mut self, limit: usize) {
        self.net.trace.record(limit);
    }

    /// What has happened.
    #[must_use]
    pub const fn trace(&self) -> &Trace {
        &self.net.trace
    }

    /// The time.
    #[must_use]
    pub const fn now(&self) -> Instant {
        self.net.now
    }

    /// All nodes that were ever added and not removed.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> + '_ {
        let there = |(index, node): (usize, &Node)| match node.state {
            State::Removed => None,
            State::Up(_) | State::Down(_) => u32::try_from(index).ok().map(NodeId),
        };
        self.nodes.iter().enumerate().filter_map(there)
    }

    /// A node's address; `None`: there is no such node.
    #[must_use]
    pub fn address(&self, node: NodeId) -> Option<SocketAddr> {
        let index = self.known(node).ok()?;
        Some(self.nodes[index].address)
    }

    /// The node at an address.
    #[must_use]
    pub fn node_at(&self, address: SocketAddr) -> Option<NodeId> {
        self.net.node_at(address)
    }

    /// A node's protocol; `None`: it is down, or there is no such node.
    #[must_use]
    pub fn protocol(&self, node: NodeId) -> Option<&Protocol> {
        self.nodes.get(node.index())?.protocol()
    }

    /// When a node wants to be called next, if nothing comes for it before; `None`: never, it is down, or there is no
    /// such node.
    #[must_use]
    pub fn deadline(&self, node: NodeId) -> Option<Instant> {
        self.deadlines.get(node.0)
    }

    fn known(&self, node: NodeId) -> Result<usize, SimError> {
        match self.nodes.get(node.index()).map(|node| &node.state) {
            Some(State::Up(_) | State::Down(_)) => Ok(node.index()),
            Some(State::Removed) | None => Err(SimError::NoSuchNode(node)),
        }
    }

    fn up(&self, node: NodeId) -> Result<usize, SimError> {
        let index = self.known(node)?;
        self.nodes[index].protocol().map(|_| index).ok_or(SimError::Down(node))
    }
}

impl core::fmt::Debug for Sim {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Sim")
            .field("now", &self.net.now)
            .field("nodes", &self.nodes.len())
            .field("flying", &self.net.packets.len())
            .field("trace", &self.net.trace)
            .finish_non_exhaustive()
    }
}

/// Whether an address is one that several nodes can have.
const fn is_group(address: SocketAddr) -> bool {
    match address.ip() {
        IpAddr::V4(ip) => ip.is_multicast(),
        IpAddr::V6(ip) => ip.is_multicast(),
    }
}
