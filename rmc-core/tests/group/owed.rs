//! Who owes something has a timer for it, which is not later than it may be.

use std::time::Duration;

use rmc_core::sim::{NodeId, Sim};
use rmc_core::{Config, Congestion, FlowControl, Protocol, StreamInfo};

use super::requests::Debt;

/// How late a node that is paced may be, whatever it has to send.
const PACED: Duration = Duration::from_secs(1);
/// The longest that a gap is taken for reordering.
const MAX_GRACE: Duration = Duration::from_millis(100);
/// The longest that a node lingers in a script, 10 times (RMC-END-3).
pub(super) const MAX_LINGER: Duration = Duration::from_millis(200);

/// The node's deadline is near enough for all that it owes; `None` is right only where it owes nothing.
pub(super) fn deadline(sim: &Sim, node: NodeId, owes_repairs: Option<Debt>) {
    let Some(protocol) = sim.protocol(node) else { return };
    let (now, deadline) = (sim.now(), sim.deadline(node));
    if protocol.is_closed() {
        assert_eq!(deadline, None, "at {now:?} node {node} is closed, and waits");
        return;
    }
    // Who has left expects nothing of anybody, and forgets of what was due when it is called.
    let is_ahead = deadline.is_none_or(|at| at >= now || !protocol.is_active());
    assert!(is_ahead, "at {now:?} node {node} should have been called at {deadline:?}");
    let within = |most: Duration, what: &str| {
        let is_near = deadline.is_some_and(|at| at <= now + most);
        assert!(is_near, "at {now:?} node {node} owes {what} within {most:?}, but waits until {deadline:?}");
    };
    if let Some(debt) = owes_repairs {
        let wait = if is_paced(protocol.config()) { PACED } else { debt.wait };
        within(wait, &debt.to_string());
    }
    as_sender(sim, node, protocol, &within);
    as_receiver(protocol, &within);
}

fn as_sender(sim: &Sim, node: NodeId, protocol: &Protocol, within: &impl Fn(Duration, &str)) {
    let (config, held) = (protocol.config(), protocol.stats().held);
    if config.silent {
        return;
    }
    if held.queued_packets > 0 {
        within(patience(config), "its queue");
    }
    let interval = config.heartbeat_times.iter().copied().max().unwrap_or_default();
    if protocol.is_finishing() {
        within(interval.max(10 * MAX_LINGER), "its end");
        return;
    }
    let has_sent = protocol.next_seq() > 1;
    if has_sent && held.queued_packets == 0 {
        within(interval, "a heartbeat");
    }
    if config.announce && !has_sent {
        within(interval.max(Duration::from_millis(10) * 64), "an announcement");
    }
    let others = sim.nodes().filter(|other| *other != node).filter_map(|other| sim.address(other));
    for peer in others {
        if protocol.unacknowledged(peer).is_some() && held.queued_packets == 0 {
            within(interval, "a private heartbeat");
        }
    }
}

fn is_paced(config: &Config) -> bool {
    config.max_rate.is_some() || config.congestion != Congestion::None
}

/// How long what is queued may have to wait without anything happening: for the rate, for more messages, or, where
/// receivers have no room, for the next heartbeat.
fn patience(config: &Config) -> Duration {
    let paced = if is_paced(config) { PACED } else { Duration::ZERO };
    let waits = config.flow_control != FlowControl::None;
    let beat = config.heartbeat_times.iter().copied().max().filter(|_| waits).unwrap_or_default();
    paced.max(config.flush_after).max(beat)
}

fn as_receiver(protocol: &Protocol, within: &impl Fn(Duration, &str)) {
    let config = protocol.config();
    for peer in protocol.peers() {
        within(config.peer_timeout, "the end of a peer");
        let gaps = |stream: Option<StreamInfo>| stream.is_some_and(|stream| stream.gaps > 0);
        if !protocol.is_active() || !(gaps(peer.group) || gaps(peer.private)) {
            continue;
        }
        if config.silent {
            within(config.silent_gap, "the end of a gap");
            continue;
        }
        // RMC-RTT-3: the variation is never more than 14 times the smoothed round trip, as each sample is at most 8
        // times what it makes of that.
        let rto = peer.rtt.map_or(config.nack_resend_time, |rtt| 57 * rtt + Duration::from_millis(1));
        // RMC-GAP-1, RMC-GAP-12, RMC-GAP-15: before the first one.
        let first = (config.max_nack_backoff + MAX_GRACE).max(config.nack_interval);
        within(rto.max(config.nack_max_delay).max(first), "a NACK");
    }
}
