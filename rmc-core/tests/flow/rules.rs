//! Receivers that are slow: nothing is lost, and little is sent in vain.

use std::time::Duration;

use rmc_core::FlowControl;
use rmc_core::sim::{Link, Loss};

use super::group::{Group, MS, SECOND, US, window};

/// A slow application is back-pressure: no memory, no loss.
// RMC-FLOW-1
#[test]
fn a_slow_application_holds_the_sender_back() {
    for seed in 0..5 {
        let mut group = Group::new(seed, |config| window(config, 256));
        let slow = group.add(200 * US, |config| window(config, 256));
        group.add(Duration::ZERO, |config| window(config, 256));
        group.send(5_000);
        let nodes = group.receivers.clone();
        group.settle(&nodes, 2 * SECOND);
        assert_eq!(group.all(), [(5_000, 0), (5_000, 0)], "seed {seed}");
        assert_eq!(group.dropped(slow), 0, "seed {seed}: nothing was sent that found no room");
        let took = group.sim.now().saturating_since(rmc_core::Instant::ORIGIN);
        assert!(took >= 1_000 * MS && took < 1_150 * MS, "seed {seed}: {took:?}, as fast as it takes");
        assert!(group.source().evicted.is_empty());
    }
}

// RMC-FLOW-1
#[test]
fn windows_of_one_packet_get_everything() {
    for seed in 0..5 {
        let mut group = Group::new(seed, |config| window(config, 1));
        group.add(Duration::ZERO, |config| window(config, 1));
        group.add(3 * MS, |config| window(config, 1));
        group.send(50);
        let nodes = group.receivers.clone();
        group.settle(&nodes, 30 * SECOND);
        assert_eq!(group.all(), [(50, 0), (50, 0)], "seed {seed}");
    }
}

/// An Ack that opens the window comes again.
// RMC-ACK-6
#[test]
fn lost_acks_come_again() {
    for seed in 0..5 {
        let mut group = Group::new(seed, |config| window(config, 64));
        group.add(50 * US, |config| window(config, 64));
        group.add_prompt(1);
        let feedback = Link::IDEAL.with_delay(500 * US).with_loss(Loss::percent(50));
        group.sim.set_ingress(group.sender, feedback).expect("it is there");
        group.send(2_000);
        let nodes = group.receivers.clone();
        group.settle(&nodes, 60 * SECOND);
        assert_eq!(group.all(), [(2_000, 0), (2_000, 0)], "seed {seed}");
        assert!(group.source().evicted.is_empty(), "seed {seed}");
    }
}

/// Whoever has everything in the end has it in spite of losses, with a window that is often full.
// RMC-FLOW-1
#[test]
fn losses_and_slow_applications_together_lose_nothing() {
    for seed in 0..5 {
        let mut group = Group::new(seed, |config| window(config, 128));
        for _ in 0..4 {
            let node = group.add(20 * US, |config| window(config, 128));
            let ingress = Link::IDEAL.with_delay(500 * US).with_loss(Loss::percent(5));
            group.sim.set_ingress(node, ingress).expect("it is there");
        }
        group.send(5_000);
        let nodes = group.receivers.clone();
        group.settle(&nodes, 60 * SECOND);
        assert_eq!(group.all(), [(5_000, 0); 4], "seed {seed}");
    }
}

/// Without flow control the same receiver loses what the backlog does not keep.
#[test]
fn without_it_a_slow_application_loses() {
    let mut group = Group::new(1, |config| {
        window(config, 256);
        config.flow_control = FlowControl::None;
    });
    let slow = group.add(200 * US, |config| window(config, 256));
    group.send(5_000);
    group.settle(&[slow], 5 * SECOND);
    assert!(group.taker(slow).lost > 1_000, "{:?}", group.all());
}

/// The sender knows when all have everything.
// RMC-FLOW-7
#[test]
fn what_all_have_is_stable() {
    let mut group = Group::new(1, |_| {});
    group.add_prompt(3);
    group.send(1_000);
    let stable = |group: &Group| group.sim.protocol(group.sender).expect("it is up").stable_seq();
    group.sim.run_for(300 * MS);
    let last = group.sim.protocol(group.sender).expect("it is up").next_seq() - 1;
    assert_eq!(stable(&group), last);
    let slow = group.receivers[1];
    group.sim.set_ingress(slow, Link::IDEAL.with_loss(Loss::percent(100))).expect("it is there");
    group.send(10);
    group.sim.run_for(300 * MS);
    assert!(stable(&group) <= last, "one of them has not got it");
}
