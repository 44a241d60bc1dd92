//! How an endpoint is put together.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};

use rmc_core::{Config, EventMask, JoinPolicy};

use crate::endpoint::Endpoint;
use crate::error::BuildError;
use crate::impair::Impairment;

/// Options of an [`Endpoint`]. Made by [`Endpoint::builder`]; every option has a default that works on one network.
#[must_use = "nothing happens before build"]
pub struct Builder {
    config: Config,
}

#[expect(unused_variables, unused_mut, clippy::unimplemented, clippy::needless_pass_by_value, reason = "skeleton")]
impl Builder {
    pub(crate) fn new(group: SocketAddr) -> Self {
        unimplemented!()
    }

    /// The interface to send multicast from and to join the group on, by its IPv4 address. `127.0.0.1`: this host alone. Default:
    /// the one that the system's routes choose.
    pub fn interface(mut self, address: Ipv4Addr) -> Self {
        self
    }

    /// The same for an IPv6 group, by the interface's index. A multicast IPv6 group needs it.
    pub fn interface_index(mut self, index: u32) -> Self {
        self
    }

    /// The address of the unicast socket, which is the node's identity. Default: the interface's IPv4 address, else any, with a port that
    /// the system chooses.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self
    }

    /// How many routers multicast passes, plus one. Default 1: it stays on the local network.
    pub fn ttl(mut self, ttl: u32) -> Self {
        self
    }

    /// Whether nodes on this host hear this one. Default `true`.
    pub fn loopback(mut self, loopback: bool) -> Self {
        self
    }

    /// The size of each socket's receive buffer in bytes. Default: the receive window's bytes (F28). What the system really gave stands in
    /// [`Endpoint::socket_stats`]; if that is less, [`Notice::ReceiveBufferSmall`](crate::Notice::ReceiveBufferSmall) says so.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self
    }

    /// The size of the unicast socket's send buffer in bytes. Default: 256 KiB, or one burst if that is more.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self
    }

    /// Ready-made sockets instead of new ones: `unicast` sends everything; `multicast` is bound and joined. Without `multicast`, `unicast`
    /// serves as both (S02). Only options that are set explicitly are applied to them.
    pub fn sockets(mut self, unicast: UdpSocket, multicast: Option<UdpSocket>) -> Self {
        self
    }

    /// Where to begin with senders that are new (S10). Default [`JoinPolicy::Oldest`].
    pub fn join_policy(mut self, policy: JoinPolicy) -> Self {
        self
    }

    /// Whether to make oneself known before the first message (S22). Default `false`.
    pub fn announce(mut self, announce: bool) -> Self {
        self
    }

    /// Never send anything (S28). Default `false`.
    pub fn silent(mut self, silent: bool) -> Self {
        self
    }

    /// The most bytes of datagrams a second. Default: no limit.
    pub fn max_rate(mut self, bytes_per_second: u64) -> Self {
        self
    }

    /// Which events the protocol makes, for observers and `next_event` (S35). Default [`EventMask::DEFAULT`]: those that do not come per
    /// packet.
    pub fn events(mut self, events: EventMask) -> Self {
        self
    }

    /// Changes any option of the protocol.
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        self
    }

    /// The seed of all randomness. Default: the system's entropy.
    pub fn seed(mut self, seed: u64) -> Self {
        self
    }

    /// This incarnation of the node (S37). Default: the wall clock in ticks of 16 ms, always greater than the last one of this process.
    pub fn epoch(mut self, epoch: u32) -> Self {
        self
    }

    /// Test support: lose, duplicate and reorder what is received.
    pub fn impair(mut self, impairment: Impairment) -> Self {
        self
    }

    /// Makes the sockets, joins the group, starts the threads.
    ///
    /// # Errors
    ///
    /// What is wrong with the options or what the system refuses, and what to do about it.
    pub fn build(self) -> Result<Endpoint, BuildError> {
        unimplemented!()
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
