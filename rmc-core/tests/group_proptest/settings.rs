//! What differs from plan to plan: the network, and how the nodes are configured.

use std::time::Duration;

use rmc_core::{Delivery, JoinPolicy};

/// What the network does to each datagram on its way to each receiver. Loss and duplication per mille.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Weather {
    pub(crate) loss: u32,
    pub(crate) duplication: u32,
    pub(crate) delay: Duration,
    /// The most that is added to the delay, at random: this reorders.
    pub(crate) jitter: Duration,
}

/// What is the same for all nodes.
#[derive(Clone, Copy)]
pub(crate) struct Settings {
    /// Backlog and receive window.
    pub(crate) backlog: usize,
    pub(crate) announce: bool,
    /// Whether what is missing is asked for after a backoff, or at once.
    pub(crate) backoff: bool,
}

/// How a node receives.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Role {
    pub(crate) policy: JoinPolicy,
    pub(crate) delivery: Delivery,
}
