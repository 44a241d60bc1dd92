//! A sender at full speed with receivers that are fast enough does not feel flow control.

use std::time::Duration;

use rmc_core::FlowControl;
use rmc_core::sim::Link;

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
    assert!(took > 3_900 * 1_000 * US && took < 4_100 * 1_000 * US, "{took:?}");
    let nodes = group.receivers.clone();
    group.settle(&nodes, 10 * SECOND);
    assert!(group.all().iter().all(|&all| all == (20_000, 0)));
    // One a second each, and what they said before they knew how many they are.
    let acks = group.stats().rx.acks;
    assert!((1_000..=2_500).contains(&acks), "{acks} acks in about 4 s");
}
