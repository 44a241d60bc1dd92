//! How an endpoint is put together.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rmc_core::{Config, EventMask, FlowControl, JoinPolicy};

use crate::address;
use crate::assembly;
use crate::driver::Owner;
use crate::endpoint::Endpoint;
use crate::epoch;
use crate::error::BuildError;
use crate::impair::Impairment;
use crate::offload::MAX_SEGMENTS;
use crate::socket::Options;

/// Options of an [`Endpoint`]. Made by [`Endpoint::builder`]; every option has a default that works on one network.
#[must_use = "nothing happens before build"]
pub struct Builder {
    config: Config,
    options: Options,
    bind: Option<SocketAddr>,
    ready_made: Option<(UdpSocket, Option<UdpSocket>)>,
    impairment: Option<Impairment>,
    pause: Duration,
}

/// How long what comes thick and fast gathers: half of what a wake-up costs on most machines.
const PAUSE: Duration = Duration::from_micros(50);
/// Longer than that is no longer about system calls.
const LONGEST_PAUSE: Duration = Duration::from_millis(10);
/// How many datagrams a node sends before it looks again at what came. More than the core's default, as other threads
/// read meanwhile: two full calls.
const MAX_BURST: usize = 128;

impl Builder {
    pub(crate) fn new(group: SocketAddr) -> Self {
        let group = address::normal(group);
        let mut config = Config::new(group, epoch::next(), epoch::entropy());
        config.max_segments = MAX_SEGMENTS;
        config.max_burst = MAX_BURST;
        Self {
            config,
            options: Options { v6: group.is_ipv6(), ..Options::default() },
            bind: None,
            ready_made: None,
            impairment: None,
            pause: PAUSE,
        }
    }

    /// The interface to send multicast from and to join the group on, by its IPv4 address. `127.0.0.1`: this host
    /// alone. Default: the one that the system's routes choose.
    pub fn interface(mut self, address: Ipv4Addr) -> Self {
        self.options.interface = Some(address);
        self
    }

    /// The same for an IPv6 group, by the interface's index. A multicast IPv6 group needs it.
    pub fn interface_index(mut self, index: u32) -> Self {
        self.options.index = Some(index);
        self
    }

    /// The address of the unicast socket, which is the node's identity. Default: the address that multicast leaves
    /// from, with a port that the system chooses. Bound to no address in particular (`0.0.0.0:PORT`), the node
    /// finds out its addresses when it is built.
    pub fn bind(mut self, address: SocketAddr) -> Self {
        self.bind = Some(address);
        self
    }

    /// How many routers multicast passes, plus one. Default 1: it stays on the local network.
    pub fn ttl(mut self, ttl: u32) -> Self {
        self.options.ttl = Some(ttl);
        self
    }

    /// Whether nodes on this host, this one included, hear what this one sends to the group. Default `true`.
    pub fn loopback(mut self, loopback: bool) -> Self {
        self.options.loopback = Some(loopback);
        self
    }

    /// The size of each socket's receive buffer in bytes. Default: the receive window's bytes (F28). What the system
    /// really gave stands in [`Endpoint::socket_stats`]; if that is less,
    /// [`Notice::ReceiveBufferSmall`](crate::Notice::ReceiveBufferSmall) says so.
    pub fn receive_buffer(mut self, bytes: usize) -> Self {
        self.options.receive_buffer = Some(bytes);
        self
    }

    /// The size of the unicast socket's send buffer in bytes. Default: 256 KiB, or one burst if that is more.
    pub fn send_buffer(mut self, bytes: usize) -> Self {
        self.options.send_buffer = Some(bytes);
        self
    }

    /// How long messages and datagrams may gather while they come thick and fast, so that one system call carries many.
    /// Zero: not at all. Default 50 us, at most 10 ms. What comes alone never waits: a message goes out at once unless
    /// eight before it came within 5 us of each other, and received datagrams gather only while a call for them comes
    /// within four times this of the one before.
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause.min(LONGEST_PAUSE);
        self
    }

    /// Ready-made sockets instead of new ones: `unicast` sends everything; `multicast` is bound and joined. Without
    /// `multicast`, `unicast` serves as both (S02). Only options that are set explicitly are applied to them.
    pub fn sockets(mut self, unicast: UdpSocket, multicast: Option<UdpSocket>) -> Self {
        self.ready_made = Some((unicast, multicast));
        self
    }

    /// Where to begin with senders that are new (S10). Default [`JoinPolicy::Oldest`].
    pub fn join_policy(mut self, policy: JoinPolicy) -> Self {
        self.config.join_policy = policy;
        self
    }

    /// Whether to make oneself known before the first message (S22). Default `false`.
    pub fn announce(mut self, announce: bool) -> Self {
        self.config.announce = announce;
        self
    }

    /// Never send anything (S28). Default `false`.
    pub fn silent(mut self, silent: bool) -> Self {
        self.config.silent = silent;
        self
    }

    /// The most bytes of datagrams a second. Default: no limit.
    pub fn max_rate(mut self, bytes_per_second: u64) -> Self {
        self.config.max_rate = Some(bytes_per_second);
        self
    }

    /// Whose windows bound what is sent to the group. Default: those of all receivers; one that has not advanced for 5
    /// s is let go.
    pub fn flow_control(mut self, flow_control: FlowControl) -> Self {
        self.config.flow_control = flow_control;
        self
    }

    /// How long a message may wait for others to be packed with it. Default 0: not at all.
    pub fn flush_after(mut self, flush_after: Duration) -> Self {
        self.config.flush_after = flush_after;
        self
    }

    /// Which events the protocol makes, for observers and `next_event` (S35). Default [`EventMask::DEFAULT`]: those
    /// that do not come per packet.
    pub fn events(mut self, events: EventMask) -> Self {
        self.config.events = events;
        self
    }

    /// Changes any option of the protocol.
    pub fn config(mut self, change: impl FnOnce(&mut Config)) -> Self {
        change(&mut self.config);
        self
    }

    /// The seed of all randomness. Default: the system's entropy.
    pub fn seed(mut self, seed: u64) -> Self {
        self.config.seed = seed;
        self
    }

    /// This incarnation of the node (S37). Default: the wall clock in ticks of 16 ms, always greater than the last one
    /// of this process.
    pub fn epoch(mut self, epoch: u32) -> Self {
        self.config.epoch = epoch;
        self
    }

    /// Test support: lose, duplicate and reorder what is received.
    pub fn impair(mut self, impairment: Impairment) -> Self {
        self.impairment = Some(impairment);
        self
    }

    /// Makes the sockets, joins the group, starts the threads.
    ///
    /// # Errors
    ///
    /// What is wrong with the options or what the system refuses, and what to do about it.
    pub fn build(mut self) -> Result<Endpoint, BuildError> {
        // The default, not what was asked for, gives way to a small backlog.
        if self.config.max_burst == MAX_BURST {
            self.config.max_burst = MAX_BURST.min(self.config.backlog_packets.max(1));
        }
        self.config.validate()?;
        let parts = match self.ready_made {
            Some((unicast, multicast)) => assembly::ready_made(&self.config, self.options, unicast, multicast)?,
            None => assembly::new_sockets(&self.config, self.options, self.bind)?,
        };
        Ok(Endpoint::new(Owner::start(self.config, parts, self.impairment, self.pause)?))
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("config", &self.config).finish_non_exhaustive()
    }
}
