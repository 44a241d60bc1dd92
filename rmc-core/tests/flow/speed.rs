//! A sender at full speed with receivers that are fast enough does not feel flow control.

use std::time::Duration;

use rmc_core::sim::Link;
use rmc_core::{Congestion, FlowControl};

use super::group::{Change, Group, SECOND, US};

/// How long `messages` take to `receivers` with 1 Gbit/s.
fn time(receivers: usize, messages: u64, change: Change) -> (Duration, Group) {
    let mut group = Group::new(1, change);
    group.sim.set_egress(group.sender, Link::IDEAL.with_rate(125_000_000, 1 << 20)).expect("it is there");
    group.add_prompt(receivers);
    group.send(messages);
    let nodes = group.receivers.clone();
    group.settle(&nodes, 10 * SECOND);
    assert!(group.all().iter().all(|&all| all == (messages, 0)));
    let end = group.receivers.iter().map(|&node| group.taker(node).last_at).max().expect("there are some");
    (end.saturating_since(rmc_core::Instant::ORIGIN), group)
}

// RMC-FLOW-1
#[test]
fn fast_receivers_cost_no_speed() {
    let rate: Change = |config| config.max_rate = Some(120_000_000);
    let without: Change = |config| {
        config.max_rate = Some(120_000_000);
        config.flow_control = FlowControl::None;
    };
    for receivers in [1, 8] {
        let (with, group) = time(receivers, 50_000, rate);
        let (reference, _) = time(receivers, 50_000, without);
        assert!(with <= reference + reference / 100, "{receivers}: {with:?}, without {reference:?}");
        assert_eq!(group.stats().tx.let_go, 0);
        let acks = group.stats().rx.acks;
        assert!(acks <= 40 * receivers as u64, "{acks} acks of {receivers}");
    }
}

/// Above 100 receivers those that have room acknowledge rarely, and do not hold anybody up.
// RMC-ACK-5, RMC-FLOW-6
#[test]
fn many_receivers_acknowledge_rarely() {
    let mut group = Group::new(1, |config| config.max_rate = Some(7_500_000));
    group.add_prompt(400);
    // About 5,000 packets a second, for 4 s: twice what the backlog keeps, and more.
    let took = group.send(20_000);
    assert!(took > 3_700 * 1_000 * US && took < 3_900 * 1_000 * US, "{took:?}");
    let nodes = group.receivers.clone();
    group.settle(&nodes, 10 * SECOND);
    assert!(group.all().iter().all(|&all| all == (20_000, 0)));
    // One a second each, and what they said before they knew how many they are.
    let acks = group.stats().rx.acks;
    assert!((1_000..=2_500).contains(&acks), "{acks} acks in about 4 s");
}

/// A link of 10 MB/s, and a sender that might send 40: it finds a rate at which less than 1 % is repaired.
// RMC-RATE-1
#[test]
fn an_adaptive_rate_finds_what_the_network_bears() {
    let mut group = Group::new(1, |config| {
        config.flow_control = FlowControl::None;
        config.congestion = Congestion::Adaptive { floor: 1_000_000, ceiling: 40_000_000 };
    });
    group.sim.set_egress(group.sender, Link::IDEAL.with_rate(10_000_000, 200_000)).expect("it is there");
    group.add_prompt(4);
    group.send(20_000);
    let (before, at) = (group.stats(), group.sim.now());
    group.send(40_000);
    let after = group.stats();
    let took = group.sim.now().saturating_since(at);
    let repairs = after.repair.repairs_sent - before.repair.repairs_sent;
    assert!(repairs * 100 < after.tx.data - before.tx.data, "{repairs} repairs");
    let rate = (after.tx.bytes - before.tx.bytes) as u128 * 1_000 / took.as_millis();
    assert!(rate > 8_000_000 && rate < 10_500_000, "{rate} B/s");
    let nodes = group.receivers.clone();
    group.settle(&nodes, 10 * SECOND);
    assert!(group.all().iter().all(|&all| all == (60_000, 0)), "{:?}", group.all());
}
