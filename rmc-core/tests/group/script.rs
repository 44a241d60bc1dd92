//! A script: a group of nodes, its network, and what happens, one operation after the other.

use std::time::Duration;

use arbitrary::Arbitrary;
use rmc_core::sim::{Chance, Link, Loss};
use rmc_core::{Delivery, FlowControl, JoinPolicy, RepairMode};

/// Everything that a run depends on.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Script {
    pub(crate) setup: Setup,
    pub(crate) ops: Vec<Op>,
}

/// How a node follows others.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Policy {
    #[default]
    First,
    Oldest,
    Now,
    /// It never sends anything.
    Silent,
    /// As `First`, but it sends no Acks of its own accord, so that nobody waits for it.
    Mute,
}

impl Policy {
    pub(crate) const fn join(self) -> JoinPolicy {
        match self {
            Self::First | Self::Mute => JoinPolicy::FromStart,
            Self::Oldest => JoinPolicy::Oldest,
            Self::Now | Self::Silent => JoinPolicy::Now,
        }
    }
}

/// How all nodes deliver.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    #[default]
    Ordered,
    /// What is missing for 50 ms is given up.
    Deadline,
    Unordered,
    Latest,
}

impl Mode {
    pub(crate) const fn delivery(self) -> Delivery {
        match self {
            Self::Ordered => Delivery::Ordered,
            Self::Deadline => Delivery::Deadline(Duration::from_millis(50)),
            Self::Unordered => Delivery::Unordered,
            Self::Latest => Delivery::Latest,
        }
    }
}

/// To whom all nodes send repairs.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Repair {
    #[default]
    Unicast,
    Multicast,
    Adaptive,
}

impl Repair {
    pub(crate) const fn mode(self) -> RepairMode {
        match self {
            Self::Unicast => RepairMode::Unicast,
            Self::Multicast => RepairMode::Multicast,
            Self::Adaptive => RepairMode::Adaptive,
        }
    }
}

/// Whom all nodes wait for.
#[derive(Arbitrary, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Control {
    #[default]
    None,
    /// All receivers, each for so many milliseconds, but for 10 at least.
    Slowest(u16),
    /// So many of them, but one at least.
    Quorum(u8),
}

impl Control {
    pub(crate) fn flow_control(self) -> FlowControl {
        match self {
            Self::None => FlowControl::None,
            Self::Slowest(millis) => {
                FlowControl::Slowest { stall: Duration::from_millis(millis.into()).max(LEAST_STALL) }
            }
            Self::Quorum(n) => FlowControl::Quorum { n: usize::from(n).max(1) },
        }
    }
}

impl Control {
    /// For how long at least, and not much longer, one that does not advance is waited for.
    pub(crate) fn stall(self) -> Duration {
        match self {
            Self::None => Duration::ZERO,
            Self::Slowest(millis) => Duration::from_millis(millis.into()).max(TWO_ACK_INTERVALS),
            Self::Quorum(_) => QUORUM_STALL,
        }
    }

    /// The same for one that has announced its end.
    pub(crate) fn stall_of_ended(self) -> Duration {
        self.stall().min(LEAVING_WAIT)
    }
}

/// Nobody is let go sooner.
const TWO_ACK_INTERVALS: Duration = Duration::from_millis(200);
/// Who has ended is waited for no longer than this.
const LEAVING_WAIT: Duration = Duration::from_secs(1);
/// A quorum waits so long.
const QUORUM_STALL: Duration = Duration::from_secs(5);
/// The shortest that may be configured.
const LEAST_STALL: Duration = Duration::from_millis(10);

/// The group and its network, as they are in the beginning. What is not written in a script is as here by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub(crate) seed: u64,
    pub(crate) nodes: Vec<Policy>,
    /// Of each stream, in packets.
    pub(crate) backlog: usize,
    /// The receive window in packets. Where it is less than the backlog, the first node and every other one have one as
    /// large as the backlog, and the others a backlog as small as the window.
    pub(crate) window: usize,
    /// Backlog and receive window in bytes; `None`: without a bound that matters.
    pub(crate) bytes: Option<usize>,
    /// After so many milliseconds the backlog drops a packet.
    pub(crate) age: Option<u64>,
    pub(crate) datagram: usize,
    pub(crate) burst: usize,
    /// Bytes a second.
    pub(crate) rate: Option<u64>,
    pub(crate) announce: bool,
    pub(crate) mode: Mode,
    /// What is missing for so many milliseconds is given up in any mode.
    pub(crate) deadline: Option<u16>,
    /// The longest random backoff, in milliseconds; 0: what is missing is asked for at once.
    pub(crate) backoff: u16,
    pub(crate) repair: Repair,
    /// Who asks has to prove its address.
    pub(crate) verify: bool,
    /// What repairs may take while data waits, in percent.
    pub(crate) share: u8,
    /// Everything else that has a bound has a small one.
    pub(crate) tight: bool,
    /// Milliseconds; empty: the default table.
    pub(crate) heartbeats: Vec<u64>,
    pub(crate) control: Control,
    /// Small messages share a packet.
    pub(crate) packing: bool,
    /// A packet waits so many milliseconds for more messages.
    pub(crate) flush: u16,
    /// The rate is what receivers bear.
    pub(crate) adapts: bool,
    /// After so many milliseconds of silence a peer expires.
    pub(crate) timeout: u64,
    /// What a node multicasts comes back to it.
    pub(crate) loopback: bool,
    pub(crate) weather: Weather,
}

impl Setup {
    /// Backlog and receive window of a node, in packets.
    pub(crate) fn sizes(&self, node: usize) -> (usize, usize) {
        if node.is_multiple_of(2) {
            (self.backlog, self.window.max(self.backlog))
        } else {
            (self.backlog.min(self.window), self.window)
        }
    }

    /// How many packets a node's backlog keeps for sure.
    pub(crate) fn kept(&self, node: usize) -> u64 {
        let (backlog, _) = self.sizes(node);
        backlog.min(self.bytes.unwrap_or(usize::MAX) / (self.datagram - 16)).max(1) as u64
    }
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            seed: 0,
            nodes: vec![Policy::First; 2],
            backlog: 1_000,
            window: 1_000,
            bytes: None,
            age: None,
            datagram: 80,
            burst: 10,
            rate: None,
            announce: false,
            mode: Mode::Ordered,
            deadline: None,
            backoff: 0,
            repair: Repair::Unicast,
            verify: false,
            share: 50,
            tight: false,
            heartbeats: Vec::new(),
            control: Control::None,
            packing: false,
            flush: 0,
            adapts: false,
            timeout: 5_000,
            loopback: false,
            weather: Weather::default(),
        }
    }
}

/// What the network does to a datagram on its way into a node.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Weather {
    /// In microseconds.
    pub(crate) delay: u16,
    /// In microseconds.
    pub(crate) jitter: u16,
    /// Per mille.
    pub(crate) loss: u16,
    /// How many are lost in a row, on average.
    pub(crate) burst: u8,
    /// Per mille.
    pub(crate) duplication: u16,
    /// Per mille.
    pub(crate) reordering: u16,
    /// The longest that one is held back, in milliseconds.
    pub(crate) held: u8,
}

impl Default for Weather {
    fn default() -> Self {
        Self { delay: 200, jitter: 0, loss: 0, burst: 1, duplication: 0, reordering: 0, held: 0 }
    }
}

impl Weather {
    pub(crate) fn link(self) -> Link {
        Link::IDEAL
            .with_delay(Duration::from_micros(self.delay.into()))
            .with_jitter(Duration::from_micros(self.jitter.into()))
            .with_loss(Loss::bursts(per_mille(self.loss), self.burst.into()))
            .with_duplication(per_mille(self.duplication))
            .with_reordering(per_mille(self.reordering), Duration::from_millis(self.held.into()))
    }

    /// The same network when it is well again: nothing is lost, doubled or overtaken.
    pub(crate) fn healed(self) -> Self {
        Self { loss: 0, duplication: 0, reordering: 0, ..self }
    }
}

pub(crate) fn per_mille(value: u16) -> Chance {
    Chance::of(value.into(), 1_000)
}

/// Which datagrams a change of loss concerns.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// All that come in anywhere.
    Everywhere,
    /// Those into this node.
    Into(u8),
    /// Those out of this node: what is lost is lost for all.
    OutOf(u8),
    /// Those from the first to the second.
    Between(u8, u8),
}

/// What happens to one datagram on its way to one node.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    Pass,
    Drop,
    /// It comes so many milliseconds later.
    Delay(u8),
    /// It comes at once, and again so many milliseconds later.
    Twice(u8),
}

/// Where a forged datagram appears.
#[derive(Arbitrary, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Group,
    Node(u8),
}

/// One thing that happens. Nodes are counted in the order in which they came, modulo how many there were; what cannot
/// be done now is not done.
#[derive(Arbitrary, Clone, Debug, PartialEq)]
pub(crate) enum Op {
    /// So many messages of so many bytes to the group.
    Send {
        node: u8,
        count: u8,
        len: u16,
    },
    /// The same to one node.
    Private {
        node: u8,
        to: u8,
        count: u8,
        len: u16,
    },
    /// Numbers are skipped before the next message (S18).
    Skip {
        node: u8,
        by: u16,
        len: u16,
    },
    /// Receivers shall forget what went before (S16).
    Reset {
        node: u8,
    },
    /// The node has nothing more to say; it lingers for so many milliseconds.
    Finish {
        node: u8,
        linger: u16,
    },
    Crash {
        node: u8,
    },
    /// With a newer epoch, after a crash if need be.
    Restart {
        node: u8,
    },
    /// As `Restart`, at another address.
    Move {
        node: u8,
    },
    Add {
        policy: Policy,
    },
    Remove {
        node: u8,
    },
    /// Its application takes nothing.
    Pause {
        node: u8,
    },
    Resume {
        node: u8,
    },
    /// Its application takes one item each so many milliseconds.
    Slow {
        node: u8,
        millis: u8,
    },
    /// What waits for more messages does so no longer.
    Flush {
        node: u8,
    },
    /// The node leaves the group, and sends on (S30).
    Leave {
        node: u8,
    },
    Join {
        node: u8,
    },
    /// Its application removes a peer (S27).
    Forget {
        node: u8,
        peer: u8,
    },
    /// Another heartbeat table (S24), in milliseconds.
    Heartbeats {
        node: u8,
        table: Vec<u8>,
    },
    /// Nothing gets from these nodes to those: one bit for each node.
    Cut {
        from: u16,
        to: u16,
    },
    Heal,
    /// Other loss, per mille, so many in a row on average.
    Loss {
        at: Where,
        loss: u16,
        burst: u8,
    },
    /// Milliseconds.
    Wait {
        millis: u16,
    },
    /// What happens to each of the next datagrams, in the order in which they come to a node.
    Fates {
        fates: Vec<Fate>,
    },
    /// A datagram from an address that is no node's.
    Forge {
        stranger: u8,
        target: Target,
        bytes: Vec<u8>,
    },
    /// A NACK or an Ack of the group's stream that pretends to come from a node, which is in that epoch.
    Spoof {
        from: u8,
        target: Target,
        bytes: Vec<u8>,
    },
    /// Bytes that are no packet, from a node's address.
    Garbage {
        from: u8,
        target: Target,
        bytes: Vec<u8>,
    },
}
