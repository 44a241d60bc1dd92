//! The options of a node that are one of several ways to do something.

use core::time::Duration;

/// Where a receiver begins to follow the group's stream of a sender that is new to it (S10). Private streams ignore it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum JoinPolicy {
    /// With what comes next: the first Data that is no repair, or behind the first Heartbeat, HeartbeatTimes or Reset.
    Now,
    /// With the oldest number that the sender can still repair. What lies below is not reported as lost, nor what
    /// leaves the sender's backlog before the first message could be had (RMC-JOIN-3).
    #[default]
    Oldest,
    /// With number 1. What cannot be had any more is reported as lost.
    FromStart,
}

/// In which order messages reach the application, and how long what is missing is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Delivery {
    /// In order: what is missing is waited for until it is repaired or its sender says that it is lost.
    #[default]
    Ordered,
    /// In order, but what is missing for so long is given up and reported as lost. 1 ms to 24 h.
    Deadline(Duration),
    /// Each message once, as soon as it is whole, with its number. What is missing is asked for all the same, and
    /// reported when it is lost.
    Unordered,
    /// Only what is newer than everything delivered, as soon as it is whole. What it leaves behind is neither waited
    /// for nor reported.
    Latest,
}

impl Delivery {
    pub(crate) const fn is_unordered(self) -> bool {
        matches!(self, Self::Unordered | Self::Latest)
    }
}

/// Whom a repair of the group's stream is sent to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum RepairMode {
    /// To each asker alone (S14). Right where multicast costs much, or where few ever lose the same packet.
    Unicast,
    /// To the group, once for all who ask at the same time.
    Multicast,
    /// To the asker alone while mostly one asks for a packet, to the group when several do.
    #[default]
    Adaptive,
}

/// Which receivers of the group's stream a sender waits for, so that it sends no more than they can take, and keeps for
/// repair what they have not acknowledged.
///
/// A receiver counts from its first acknowledgement on (see [`acknowledge`](crate::Config::acknowledge)) that comes
/// before more was sent than the backlog keeps, or when it is behind by at most half of that (RMC-FLOW-2). Whoever
/// never acknowledges, or joins further behind, holds nobody up. Who counts is waited for until it is let go or gone.
/// In groups of more than 100 those that have room for more than half of their window acknowledge rarely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum FlowControl {
    /// None: what leaves is bounded by the queue, the rate and the socket only. A receiver that has fallen behind by
    /// more than the backlog keeps counts no longer for what waits until everything has arrived.
    None,
    /// All of them. Whoever has not advanced for `stall` since a heartbeat that it should have answered is let go, with
    /// the event [`PeerEvicted`](crate::Event::PeerEvicted), and gets what it misses as far as it is still there.
    Slowest {
        /// 10 ms to 1 h, default 5 s; at least two intervals of acknowledgements in any case, which are 0.2 s, and more
        /// in large groups.
        stall: Duration,
    },
    /// The `n` of them that let it go furthest. Who has not advanced for 5 s is let go as with `Slowest`, be it one of
    /// these or not.
    Quorum {
        /// 1 to 2^20. Where fewer count: all of them.
        n: usize,
    },
}

/// Whether a sender looks for a rate of its own. Meant for [`FlowControl::None`]: there nothing else slows it down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Congestion {
    /// It does not: it sends as fast as flow control and `max_rate` let it.
    #[default]
    None,
    /// It begins at `ceiling`, falls by an eighth as long as more than 0.5 % is repaired, and rises slowly while next
    /// to nothing is, so that less than 1 % is repaired in the mean. Losses that do not come from its rate bring it
    /// down to the floor.
    Adaptive {
        /// Bytes a second: not below this, whatever is lost. 1 to `ceiling`. Where `max_rate` is less, that is the rate.
        floor: u64,
        /// Bytes a second: not above this, nor ever above `max_rate`. At most 2^50.
        ceiling: u64,
    },
}

impl Default for FlowControl {
    fn default() -> Self {
        Self::Slowest { stall: Duration::from_secs(5) }
    }
}
