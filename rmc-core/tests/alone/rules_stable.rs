//! The number up to which everything is stable, and so what a program that flushes waits for: with each kind of flow
//! control, and with receivers that are let go, are gone, or come later.

use rmc_core::{Config, FlowControl};

use crate::lone::{Lone, MS, NS, SECOND, peer};
use crate::rules_flow::{ack, flowing, give, last};

/// Of 60 that left these receivers have so many.
fn acknowledged(positions: &[u64], change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = flowing(100, change);
    give(&mut lone, 60);
    for (from, &position) in (1..).zip(positions) {
        ack(&mut lone, from, position, 100);
    }
    lone
}

/// Where all say the same again for so long, each 100 ms, so that none expires.
fn repeated(lone: &mut Lone, positions: &[u64], times: u32) {
    for _ in 0..times {
        lone.run_for(100 * MS);
        for (from, &position) in (1..).zip(positions) {
            ack(lone, from, position, 100);
        }
    }
}

// RMC-FLOW-7, RMC-FLOW-3
#[test]
fn rmc_flow_7_of_a_quorum_the_nth_best_is_stable() {
    let stable = |n, positions: &[u64]| {
        acknowledged(positions, |config| config.flow_control = FlowControl::Quorum { n }).node.stable_seq()
    };
    let positions = [30, 60, 50, 40];
    assert_eq!([1, 2, 3, 4].map(|n| stable(n, &positions)), [60, 50, 40, 30]);
    assert_eq!(stable(5, &positions), 30, "where fewer count, all");
    assert_eq!(stable(2, &[]), 60, "and where none does, what has left");
}

/// What waits in the queue is not stable because nobody is there.
// RMC-FLOW-7
#[test]
fn rmc_flow_7_what_has_not_left_is_not_stable() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 150);
    assert_eq!((lone.node.stable_seq(), lone.node.next_seq()), (100, 151));
    lone.run_for(200 * MS);
    assert_eq!(lone.node.stable_seq(), 150);
}

/// Which happens when the heartbeat after 10 ms was not answered for the stall. It is told.
// RMC-FLOW-7, RMC-FLOW-4
#[test]
fn stall_to_the_end_of_it_what_the_slowest_lacks_is_not_stable() {
    let mut lone = acknowledged(&[60, 55], |config| config.flow_control = FlowControl::Slowest { stall: SECOND });
    lone.run_for(10 * MS + SECOND - NS);
    assert_eq!((lone.node.stable_seq(), lone.node.stats().tx.let_go), (55, 0));
}

// RMC-FLOW-7, RMC-FLOW-4
#[test]
fn stall_when_it_is_over_what_the_others_have_is_stable() {
    let mut lone = acknowledged(&[60, 55], |config| config.flow_control = FlowControl::Slowest { stall: SECOND });
    lone.run_for(10 * MS + SECOND);
    assert_eq!((lone.node.stable_seq(), lone.node.stats().tx.let_go), (60, 1));
    let mut lone = acknowledged(&[55], |config| config.flow_control = FlowControl::Slowest { stall: SECOND });
    lone.run_for(10 * MS + SECOND);
    assert_eq!(lone.node.stable_seq(), 60, "nobody else is there: what has left");
}

/// The best are not waited for by a quorum, but they are if it cannot do without them.
// RMC-FLOW-7, RMC-FLOW-4
#[test]
fn rmc_flow_7_a_quorum_that_lacks_one_waits_for_5_s() {
    let mut lone = acknowledged(&[60, 55], |config| config.flow_control = FlowControl::Quorum { n: 2 });
    lone.run_for(10 * MS + 5 * SECOND - NS);
    assert_eq!(lone.node.stable_seq(), 55);
    lone.run_for(NS);
    assert_eq!(lone.node.stable_seq(), 60);
}

/// Without flow control nobody is let go for want of an advance.
// RMC-FLOW-3, RMC-FLOW-7
#[test]
fn rmc_flow_7_without_flow_control_one_that_lives_holds_it_back() {
    let mut lone = acknowledged(&[60, 55], |config| config.flow_control = FlowControl::None);
    repeated(&mut lone, &[60, 55], 1_000);
    assert_eq!((lone.node.stable_seq(), lone.node.stats().tx.let_go), (55, 0));
    lone.node.remove_peer(lone.instant(), peer(2));
    assert_eq!(lone.node.stable_seq(), 60);
}

// RMC-FLOW-2, RMC-FLOW-7, RMC-PEER-6
#[test]
fn peer_timeout_to_its_end_what_a_receiver_lacks_is_not_stable() {
    let mut lone = acknowledged(&[55], |config| config.flow_control = FlowControl::None);
    lone.run_for(30 * SECOND - NS);
    assert_eq!(lone.node.stable_seq(), 55);
}

// RMC-FLOW-2, RMC-FLOW-7, RMC-PEER-6
#[test]
fn peer_timeout_when_it_is_over_a_receiver_holds_nothing_back() {
    let mut lone = acknowledged(&[55], |config| config.flow_control = FlowControl::None);
    lone.run_for(30 * SECOND);
    assert_eq!(lone.node.stable_seq(), 60);
}

/// Who begins to count moves it back: it says what those have that count now.
// RMC-FLOW-7, RMC-FLOW-2
#[test]
fn rmc_flow_7_it_goes_back_when_one_more_counts() {
    let mut lone = acknowledged(&[60], |_| {});
    assert_eq!(lone.node.stable_seq(), 60);
    ack(&mut lone, 2, 20, 100);
    assert_eq!(lone.node.stable_seq(), 20);
}

/// Messages to one node alone have numbers of their own.
// RMC-FLOW-7, RMC-PRIV-1
#[test]
fn rmc_flow_7_private_messages_are_no_part_of_it() {
    let mut lone = acknowledged(&[60], |_| {});
    for _ in 0..3 {
        lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    }
    lone.settle();
    assert_eq!((lone.node.stable_seq(), last(&lone)), (60, 60));
    assert!(lone.node.unacknowledged(peer(1)).is_some());
}
