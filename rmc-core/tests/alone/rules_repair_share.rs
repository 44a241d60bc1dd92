//! Rules about repairs that data waits for anyway: they get more than their share while data waits.

use rmc_core::{Config, FlowControl, Path, RepairMode};

use crate::lone::{Lone, SECOND, Sent, peer};
use crate::observed::queue;
use crate::packets::{nack, payload};
use crate::rules_flow::{ack, flowing, give};

/// How many datagrams leave at once.
const BURST: usize = 200;
/// How many of them are repairs.
const HALF: usize = 100;
const NINE_TENTHS: usize = 180;

/// Of 500 messages that left, `peer(1)` and those after it have acknowledged up to these.
fn acknowledged(positions: &[u64], change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = flowing(2_000, |config| {
        config.repair_mode = RepairMode::Adaptive;
        config.max_burst = BURST;
        change(config);
    });
    give(&mut lone, 500);
    for (from, &position) in (1..).zip(positions) {
        ack(&mut lone, from, position, 2_000);
    }
    lone.run_for(SECOND);
    lone.sent.clear();
    lone
}

/// These peers ask for 101 to 400. Returns how many repairs are in the next burst.
fn repairs(lone: &mut Lone, askers: &[u16]) -> usize {
    for &from in askers {
        lone.feed(peer(from), Path::Unicast, &nack(1, &[(101, 400)]));
    }
    lone.tick();
    assert_eq!(lone.sent.len(), BURST);
    lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Repair(_))).count()
}

/// The same where data of the group waits.
fn beside_data(positions: &[u64], askers: &[u16], change: impl FnOnce(&mut Config)) -> usize {
    let mut lone = acknowledged(positions, change);
    queue(&mut lone, 300);
    repairs(&mut lone, askers)
}

fn assert_about(count: usize, expected: usize) {
    assert!(count.abs_diff(expected) <= 2, "{count} of {BURST}, not {expected}");
}

// RMC-REPAIR-18
#[test]
fn rmc_repair_18_what_receivers_lack_that_are_waited_for_gets_nine_tenths() {
    assert_about(beside_data(&[100, 100], &[1, 2], |_| {}), NINE_TENTHS);
    assert_about(beside_data(&[100, 500], &[1, 3], |_| {}), NINE_TENTHS);
}

/// As one does that has come late, or was let go.
// RMC-REPAIR-18
#[test]
fn rmc_repair_18_what_all_have_that_are_waited_for_gets_its_share() {
    assert_about(beside_data(&[400, 500], &[3, 4], |_| {}), HALF);
    assert_about(beside_data(&[], &[3, 4], |_| {}), HALF);
}

// RMC-REPAIR-18
#[test]
fn rmc_repair_18_without_flow_control_nobody_is_waited_for() {
    assert_about(beside_data(&[100, 100], &[1, 2], |config| config.flow_control = FlowControl::None), HALF);
}

// RMC-REPAIR-18
#[test]
fn rmc_repair_18_a_quorum_waits_for_its_members_only() {
    for (n, expected) in [(1, HALF), (2, NINE_TENTHS)] {
        let count = beside_data(&[100, 400], &[1, 3], |config| config.flow_control = FlowControl::Quorum { n });
        assert_about(count, expected);
    }
}

/// Whose repairs are many must not stand in the way of others.
// RMC-REPAIR-18
#[test]
fn rmc_repair_18_what_one_alone_asks_for_gets_its_share() {
    assert_about(beside_data(&[100, 100], &[1], |_| {}), HALF);
}

// RMC-REPAIR-18, RMC-REPAIR-13
#[test]
fn rmc_repair_18_beside_what_several_lack_one_alone_gets_half_of_that_at_most() {
    let mut lone = acknowledged(&[100, 100], |_| {});
    queue(&mut lone, 300);
    lone.feed(peer(3), Path::Unicast, &nack(1, &[(401, 500)]));
    assert_about(repairs(&mut lone, &[1, 2]), NINE_TENTHS);
    let alone = lone.sent.iter().filter(|sent| sent.to == peer(3)).count();
    assert_about(alone, NINE_TENTHS / 2);
}

/// A private stream does not wait for the group.
// RMC-REPAIR-18, RMC-REPAIR-10
#[test]
fn rmc_repair_18_private_data_leaves_repairs_their_share_only() {
    let mut lone = acknowledged(&[100, 100], |_| {});
    for _ in 0..300 {
        lone.node.send_to(lone.instant(), peer(3), &payload(1)).expect("there is room");
    }
    let count = repairs(&mut lone, &[1, 2]);
    assert_about(count, HALF);
}

/// A higher `repair_share` holds here too.
// RMC-REPAIR-18, RMC-REPAIR-10
#[test]
fn rmc_repair_18_who_gives_repairs_more_keeps_that() {
    for (share, expected) in [(1, NINE_TENTHS), (90, NINE_TENTHS), (99, 198)] {
        assert_about(beside_data(&[100, 100], &[1, 2], |config| config.repair_share = share), expected);
    }
}
