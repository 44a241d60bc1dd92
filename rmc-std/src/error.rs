//! What a call is answered with when it cannot do what it was asked to, and what to do then.

use std::io;
use std::net::SocketAddr;

use rmc_core::{ConfigError, EventKind};
use thiserror::Error;

/// Why an endpoint could not be built, and what to do.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// An option of the protocol cannot work.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// No route leads to the group.
    #[error(
        "no route to the group {group}: name an interface that does multicast (127.0.0.1 for this host alone), or add a route, such as `ip route add 224.0.0.0/4 dev eth0` (IPv6: `ip -6 route add multicast ff00::/8 dev eth0 table local`)"
    )]
    NoRoute {
        /// The group's address.
        group: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The address to bind is taken.
    #[error("address {address} is in use: stop the program that holds it, or bind another port (0: any that is free)")]
    AddressInUse {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The address to bind is not one of this host's.
    #[error("address {address} is none of this host's: `ip addr` lists those that are")]
    AddressNotAvailable {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The interface does not exist, or does no multicast.
    #[error("no interface {interface} that does multicast: `ip addr` lists the interfaces with addresses and indices")]
    NoSuchInterface {
        /// The interface, as it was asked for: its IPv4 address or its index.
        interface: String,
        /// What the system said.
        source: io::Error,
    },
    /// An IPv6 group without `interface_index`, or an IPv4 one without an IPv4 interface.
    #[error(
        "the IPv6 group {0} needs the interface's index: call interface_index (`ip link` shows the indices; lo has 1)"
    )]
    InterfaceIndexMissing(SocketAddr),
    /// The options mix IPv4 and IPv6.
    #[error("the group {group} and {what} are not of one family: take IPv4 for both, or IPv6")]
    FamilyMismatch {
        /// The group's address.
        group: SocketAddr,
        /// What does not go with it.
        what: String,
    },
    /// Something else that the system refused.
    #[error("cannot {what}: {source}")]
    Socket {
        /// What was tried.
        what: &'static str,
        /// What the system said.
        source: io::Error,
    },
}

/// Why another unicast socket was not taken. The endpoint goes on with the one it has.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum SocketChangeError {
    /// The socket is of the other family, IPv4 or IPv6.
    #[error("the socket's address {address} and the group {group} are not of one family")]
    FamilyMismatch {
        /// The socket's address.
        address: SocketAddr,
        /// The group's address.
        group: SocketAddr,
    },
    /// The endpoint is closed.
    #[error("the endpoint is closed")]
    Closed,
    /// The system refused something.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// The endpoint is closed, and everything that it had is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the endpoint is closed, and everything that it had is taken")]
pub struct RecvError;

/// Why nothing came within the time given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RecvTimeoutError {
    /// The time is over.
    #[error("nothing came within the time given")]
    Timeout,
    /// The endpoint is closed, and everything that it had is taken.
    #[error("the endpoint is closed, and everything that it had is taken")]
    Disconnected,
}

/// Why there is nothing to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TryRecvError {
    /// Nothing is there now.
    #[error("nothing is there now")]
    Empty,
    /// The endpoint is closed, and everything that it had is taken.
    #[error("the endpoint is closed, and everything that it had is taken")]
    Disconnected,
}

/// Why not everything has left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FlushError {
    /// The time is over, and something still waits.
    #[error("something still waits to be sent")]
    Timeout,
    /// The endpoint was closed before everything had left.
    #[error("the endpoint was closed before everything had left")]
    Closed,
    /// The node is silent, and something waits: it leaves when the node is silent no more (S28).
    #[error("the node is silent, and something waits to be sent")]
    Silent,
}

/// Why an observer was not registered (S33).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ObserveError {
    /// The endpoint does not ask the protocol for events of this kind.
    #[error("events of kind {0} are not enabled: name them in Builder::events")]
    NotEnabled(EventKind),
    /// The system gives no thread for the callbacks to run on.
    #[error("the system gives no thread for the callbacks to run on")]
    NoThread,
    /// The endpoint is closed: no event will ever come.
    #[error("the endpoint is closed")]
    Closed,
}
