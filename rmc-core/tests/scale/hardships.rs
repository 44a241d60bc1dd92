//! Losses in bursts, a receiver that loses half, a long round trip.

use std::ops::ControlFlow;
use std::time::Duration;

use rmc_core::FlowControl;
use rmc_core::sim::{Chance, Link, Loss, Scenario};

use crate::table::{Hundredths, Row};

#[test]
fn a_burst_that_all_lose_costs_at_most_ten_nacks() {
    const LENGTH: u32 = 20;
    let mut scenario = Scenario::new(100, 20_000);
    scenario.egress = Link::IDEAL.with_loss(Loss::bursts(Chance::percent(1), LENGTH));
    let report = scenario.run().expect("a valid configuration");
    assert!(report.ok, "{report:?}");
    let mut row = Row::new("shared bursts", 100, 20_000);
    let nacks = Hundredths::of(report.nacks * u64::from(LENGTH), report.lost_packets);
    row.at_most("NACKs per burst", nacks, Hundredths(1_000));
    row.check();
}

/// How long it takes until all but one of the receivers have everything.
fn all_but_one(slow: Option<Loss>) -> Duration {
    const PACKET: u64 = 144;
    let mut scenario = Scenario::new(100, 20_000);
    scenario.egress = Link::IDEAL.with_rate(12_000 * PACKET, 256 << 10);
    scenario.slow = slow;
    // With flow control all wait for the one that cannot follow, until it is let go.
    scenario.config.flow_control = FlowControl::None;
    let (report, _) = scenario
        .play_watched(|course| if course.complete < 99 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) })
        .expect("a valid configuration");
    assert_eq!(report.complete, 99, "{report:?}");
    report.elapsed
}

#[test]
fn one_receiver_that_loses_half_does_not_slow_down_the_others() {
    let with = all_but_one(Some(Loss::percent(50)));
    let without = all_but_one(None);
    let mut row = Row::new("one loses half", 100, 20_000);
    row.at_least("goodput of the others", Hundredths::times(without * 100, with), Hundredths(9_900));
    row.check();
}

#[test]
fn a_long_round_trip_makes_nothing_wait_for_long() {
    const TRIP: Duration = Duration::from_millis(250);
    let mut scenario = Scenario::new(4, 100_000);
    (scenario.config.backlog_packets, scenario.config.receive_window_packets) = (16_384, 16_384);
    scenario.ingress = Link::IDEAL.with_delay(TRIP / 2).with_loss(Loss::percent(5));
    scenario.feedback = Link::IDEAL.with_delay(TRIP / 2);
    let report = scenario.run().expect("a valid configuration");
    assert!(report.ok, "{report:?}");
    let mut row = Row::new("far", 4, 100_000);
    let after = |per_mille| Hundredths::times(report.recovery(per_mille).expect("some are lost"), TRIP);
    row.at_most("p99", after(990), Hundredths(300));
    row.at_most("longest", after(1_000), Hundredths(800));
    row.check();
}
