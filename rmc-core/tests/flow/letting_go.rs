//! Receivers that do not advance at all, and those that come late.

use std::time::Duration;

use rmc_core::{FlowControl, JoinPolicy};

use super::group::{Group, MS, SECOND, US, window};

/// It is named, once, and the others go on.
// RMC-FLOW-4
#[test]
fn an_application_that_takes_nothing_is_let_go() {
    let mut group = Group::new(1, |config| window(config, 256));
    let stuck = group.add(3_600 * SECOND, |config| window(config, 256));
    group.add_prompt(2);
    let took = group.send(20_000);
    let nodes = group.receivers[1..].to_vec();
    group.settle(&nodes, SECOND);
    assert_eq!(group.all()[1..], [(20_000, 0); 2]);
    let evicted: Vec<_> = group.source().evicted.iter().map(|&(_, peer, _)| peer).collect();
    assert_eq!(evicted, [group.sim.address(stuck).expect("it is there")]);
    assert!(took > 5 * SECOND && took < 5_600 * MS, "{took:?}: after a stall of 5 s");
    assert_eq!(group.stats().tx.let_go, 1);
}

// RMC-FLOW-4
#[test]
fn a_receiver_that_crashes_is_let_go() {
    let mut group = Group::new(1, |config| {
        window(config, 256);
        config.flow_control = FlowControl::Slowest { stall: 300 * MS };
    });
    group.add_prompt(2);
    group.send(1_000);
    let dead = group.receivers[1];
    group.sim.crash(dead).expect("it is up");
    let took = group.send(10_000);
    let alive = group.receivers[0];
    group.settle(&[alive], SECOND);
    assert!(took > 300 * MS && took < 700 * MS, "{took:?}");
    assert_eq!(group.source().evicted.len(), 1);
}

/// One that catches up is not waited for.
// RMC-FLOW-2
#[test]
fn a_late_joiner_stalls_nobody() {
    let mut group = Group::new(1, |config| window(config, 512));
    group.add_prompt(2);
    group.send(20_000);
    let before = group.send(20_000);
    let late = group.add(Duration::ZERO, |config| {
        window(config, 512);
        config.join_policy = JoinPolicy::FromStart;
    });
    let with_it = group.send(20_000);
    assert!(with_it < before + before / 2 + 5 * MS, "{with_it:?} after {before:?}");
    let nodes = [group.receivers[0], group.receivers[1]];
    group.settle(&nodes, SECOND);
    assert_eq!(group.all()[..2], [(60_000, 0); 2]);
    group.sim.run_for(SECOND);
    assert_eq!(group.taker(late).lost + group.taker(late).taken, 60_000, "it has what could be had");
    assert!(group.source().evicted.is_empty());
    // From now on it counts as any.
    let lost = group.taker(late).lost;
    group.send(5_000);
    let nodes = group.receivers.clone();
    group.settle(&nodes, SECOND);
    assert_eq!(group.taker(late).lost, lost);
}

/// One that was let go is repaired like anybody, and counts again when it has come back.
// RMC-FLOW-5
#[test]
fn who_was_let_go_may_come_back() {
    let mut group = Group::new(1, |config| {
        window(config, 256);
        config.flow_control = FlowControl::Slowest { stall: 300 * MS };
    });
    let node = group.add(3_600 * SECOND, |config| window(config, 256));
    group.add_prompt(1);
    group.send(2_000);
    assert_eq!(group.source().evicted.len(), 1);
    // It takes again, at once, and then slowly: the sender waits for it.
    group.sim.application_mut::<super::group::Taker>(node).expect("it runs there").pause = Duration::ZERO;
    group.sim.run_application(node, super::group::Taker::new(Duration::ZERO));
    group.sim.run_for(SECOND);
    let lost = group.taker(node).lost;
    group.sim.application_mut::<super::group::Taker>(node).expect("it runs there").pause = 100 * US;
    group.send(3_000);
    group.settle(&[node], 5 * SECOND);
    assert_eq!(group.taker(node).lost, lost, "nothing was lost since");
    assert_eq!(group.source().evicted.len(), 1);
}

/// The best n decide.
// RMC-FLOW-3
#[test]
fn a_quorum_does_not_wait_for_the_rest() {
    let mut group = Group::new(1, |config| {
        window(config, 256);
        config.flow_control = FlowControl::Quorum { n: 2 };
    });
    let pauses = [Duration::ZERO, 10 * US, 20 * US, 5 * MS];
    for pause in pauses {
        group.add(pause, |config| window(config, 256));
    }
    let took = group.send(20_000);
    assert!(took < 300 * MS, "{took:?}: as fast as the second best takes");
    let nodes = group.receivers[..2].to_vec();
    group.settle(&nodes, SECOND);
    assert_eq!(group.all()[..2], [(20_000, 0); 2]);
}
