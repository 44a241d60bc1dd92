//! The worlds that are searched.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rmc_core::{Config, FlowControl, JoinPolicy, RepairMode};

use crate::sight::Sight;

/// What the sender's application does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// One message of one packet to the group.
    Send,
    /// Two of them at once.
    SendTwo,
    /// One message of two packets to the group.
    SendLong,
    /// One message to this receiver alone.
    SendTo(usize),
    /// Cuts the stream.
    Reset,
    /// Says its end, and closes.
    Finish,
    /// Is killed and started again in a new epoch. What it had sent may still arrive.
    Restart,
}

#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) name: &'static str,
    /// 1 or 2.
    pub(crate) receivers: usize,
    pub(crate) steps: &'static [Step],
    pub(crate) policy: JoinPolicy,
    pub(crate) backlog: usize,
    pub(crate) window: usize,
    /// Whether the applications of the receivers take an item when it is chosen, and not at once.
    pub(crate) slow: bool,
    /// The sender's heartbeat table, in ms; empty: the default one.
    pub(crate) table: &'static [u64],
    pub(crate) repair: RepairMode,
    /// Whether who asks has to prove its address.
    pub(crate) verify: bool,
    /// Whether receivers acknowledge, and the sender waits for all of them.
    pub(crate) waits: bool,
    /// How many choices deep the search goes.
    pub(crate) depth: usize,
    /// How many states it visits at least.
    pub(crate) at_least: usize,
    /// What happens in some of them.
    pub(crate) shows: &'static [Sight],
}

/// So that the run of ENDs is soon over.
const SHORT: &[u64] = &[10, 20];

const PLAIN: Plan = Plan {
    name: "",
    receivers: 1,
    steps: &[],
    policy: JoinPolicy::FromStart,
    backlog: 8,
    window: 8,
    slow: false,
    table: &[],
    repair: RepairMode::Unicast,
    verify: false,
    waits: false,
    depth: 0,
    at_least: 0,
    shows: &[],
};

use Sight::{
    Ack, Blocked, Confirm, CookieShown, EndTold, FormerEpoch, FormerEpochFollowed, LastEnd, LossTold, Lost,
    NackOfTwoRanges, Repair, RepairForAll, ResetAsked, ResetUnasked, RestartTold, WindowFull,
};
use Step::{Finish, Reset, Restart, Send, SendLong, SendTo, SendTwo};

pub(crate) const PLANS: &[Plan] = &[
    Plan {
        name: "four_messages",
        steps: &[Send, Send, Send, Send],
        depth: 7,
        at_least: 220_000,
        shows: &[Repair, NackOfTwoRanges],
        ..PLAIN
    },
    Plan {
        name: "two_receivers",
        receivers: 2,
        steps: &[Send, SendTwo],
        depth: 5,
        at_least: 280_000,
        shows: &[Repair],
        ..PLAIN
    },
    Plan {
        name: "small_backlog",
        steps: &[Send, Send, Send, Send],
        backlog: 2,
        depth: 7,
        at_least: 210_000,
        shows: &[Repair, Lost, LossTold],
        ..PLAIN
    },
    Plan {
        name: "late_joiners",
        receivers: 2,
        steps: &[Send, Send, Send],
        policy: JoinPolicy::Oldest,
        backlog: 1,
        depth: 5,
        at_least: 75_000,
        shows: &[Repair, Lost],
        ..PLAIN
    },
    Plan {
        name: "from_now",
        steps: &[Send, Send, Send, Send],
        policy: JoinPolicy::Now,
        depth: 7,
        at_least: 50_000,
        shows: &[Repair],
        ..PLAIN
    },
    Plan {
        name: "finish",
        steps: &[Send, Send, Finish],
        table: SHORT,
        depth: 7,
        at_least: 250_000,
        shows: &[Repair, LastEnd, EndTold],
        ..PLAIN
    },
    Plan {
        name: "finish_for_two",
        receivers: 2,
        steps: &[Send, Finish],
        table: SHORT,
        depth: 5,
        at_least: 48_000,
        shows: &[Repair, EndTold],
        ..PLAIN
    },
    Plan {
        name: "private",
        steps: &[SendTo(1), Send, SendTo(1)],
        depth: 6,
        at_least: 78_000,
        shows: &[Repair, Ack],
        ..PLAIN
    },
    Plan {
        name: "private_for_two",
        receivers: 2,
        steps: &[SendTo(1), SendTo(2), SendTo(1)],
        depth: 6,
        at_least: 90_000,
        shows: &[Repair, Ack],
        ..PLAIN
    },
    Plan {
        name: "restart",
        steps: &[SendTwo, Restart, Send, Send],
        depth: 7,
        at_least: 330_000,
        shows: &[Repair, RestartTold, LossTold, FormerEpoch, FormerEpochFollowed],
        ..PLAIN
    },
    Plan {
        name: "restart_for_two",
        receivers: 2,
        steps: &[Send, Restart, Send],
        policy: JoinPolicy::Now,
        depth: 6,
        at_least: 70_000,
        shows: &[RestartTold, FormerEpoch],
        ..PLAIN
    },
    Plan {
        name: "reset",
        steps: &[SendTwo, Reset, Send],
        depth: 6,
        at_least: 90_000,
        shows: &[Repair, ResetUnasked, ResetAsked, LossTold],
        ..PLAIN
    },
    Plan {
        name: "slow_application",
        steps: &[SendTwo, Send, Send],
        backlog: 2,
        window: 2,
        slow: true,
        depth: 6,
        at_least: 135_000,
        shows: &[Repair, Lost, LossTold, WindowFull],
        ..PLAIN
    },
    Plan {
        name: "fragments",
        steps: &[SendLong, SendLong],
        backlog: 3,
        depth: 6,
        at_least: 270_000,
        shows: &[Repair, Lost, LossTold],
        ..PLAIN
    },
    Plan {
        name: "adaptive",
        receivers: 2,
        steps: &[SendTwo],
        repair: RepairMode::Adaptive,
        depth: 5,
        at_least: 320_000,
        shows: &[Repair, RepairForAll],
        ..PLAIN
    },
    Plan {
        name: "multicast_small_backlog",
        receivers: 2,
        steps: &[Send, Send, Send],
        backlog: 1,
        repair: RepairMode::Multicast,
        depth: 5,
        at_least: 86_000,
        shows: &[RepairForAll, Lost, LossTold],
        ..PLAIN
    },
    Plan {
        name: "proof",
        steps: &[Send, Send, Send],
        backlog: 2,
        repair: RepairMode::Adaptive,
        verify: true,
        depth: 6,
        at_least: 36_000,
        shows: &[RepairForAll, Lost, Confirm, CookieShown],
        ..PLAIN
    },
    Plan {
        name: "proof_for_two",
        receivers: 2,
        steps: &[Send, Send],
        repair: RepairMode::Adaptive,
        verify: true,
        depth: 5,
        at_least: 95_000,
        shows: &[RepairForAll, Confirm],
        ..PLAIN
    },
    Plan {
        name: "flow",
        steps: &[SendTwo, SendTwo],
        backlog: 2,
        window: 2,
        slow: true,
        waits: true,
        depth: 6,
        at_least: 150_000,
        shows: &[Repair, Ack, Blocked],
        ..PLAIN
    },
    Plan {
        name: "flow_for_two",
        receivers: 2,
        steps: &[SendTwo, Send],
        backlog: 2,
        window: 2,
        slow: true,
        waits: true,
        depth: 4,
        at_least: 45_000,
        shows: &[Repair, Ack, Blocked],
        ..PLAIN
    },
];

/// The node that sends; the others are receivers, from 1.
pub(crate) const SENDER: usize = 0;
/// For one that does not advance; it lasts 200 ms in any case.
const STALL: Duration = Duration::from_millis(10);
/// How long a closing node serves NACKs after the last one.
pub(crate) const LINGER: Duration = Duration::from_millis(20);
/// More than fits one packet.
pub(crate) const LONG: usize = 60;

pub(crate) fn group() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000))
}

pub(crate) fn address(node: usize) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 5_000 + u16::try_from(node).expect("few nodes")))
}

pub(crate) fn node_of(address: SocketAddr) -> usize {
    usize::from(address.port() - 5_000)
}

/// The epoch of the sender's n-th incarnation, from 0.
pub(crate) fn epoch(incarnation: usize) -> u32 {
    100 + u32::try_from(incarnation).expect("few restarts")
}

impl Plan {
    pub(crate) fn named(name: &str) -> &'static Self {
        PLANS.iter().find(|plan| plan.name == name).unwrap_or_else(|| panic!("no world has the name {name}"))
    }

    pub(crate) fn config(&self, node: usize, incarnation: usize) -> Config {
        let epoch = if node == SENDER { epoch(incarnation) } else { u32::try_from(node).expect("few nodes") };
        let mut config = Config::new(group(), epoch, (node * 16 + incarnation) as u64);
        config.local_addrs = vec![address(node)];
        config.join_policy = self.policy;
        config.max_datagram = 64;
        config.max_message = 200;
        config.backlog_packets = self.backlog;
        config.receive_window_packets = self.window;
        if node == SENDER && !self.table.is_empty() {
            config.heartbeat_times = self.table.iter().map(|&millis| Duration::from_millis(millis)).collect();
        }
        config.max_burst = self.backlog.min(10);
        config.packing = false;
        config.acknowledge = self.waits;
        config.flow_control = if self.waits { FlowControl::Slowest { stall: STALL } } else { FlowControl::None };
        // Every retry after exactly the round trip's timeout: no random number shows in a time, so that states do not
        // differ by what was drawn on the way to them.
        config.nack_max_delay = Duration::from_millis(1);
        config.max_nack_backoff = Duration::ZERO;
        config.nack_interval = Duration::ZERO;
        config.repair_mode = self.repair;
        config.verify_askers = self.verify;
        config
    }
}
