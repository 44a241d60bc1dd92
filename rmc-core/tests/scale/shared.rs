//! What is lost for all receivers at once: they must not all ask.

use std::time::Duration;

use rmc_core::packet::{Body, Flags};
use rmc_core::sim::{Datagram, Discard, Link, Loss, NodeId, Place, Report, Scenario, Sim, Verdict};

use crate::table::{Hundredths, Row};

const TRIP: Duration = Duration::from_millis(1);

/// What the NACKs of each loss and the repair may come to.
#[derive(Clone, Copy)]
struct Limits {
    nacks: Hundredths,
    p50: Hundredths,
}

const fn limits(nacks: u64, p50: u64) -> Limits {
    Limits { nacks: Hundredths(nacks), p50: Hundredths(p50) }
}

fn check(report: &Report, row: &mut Row, limits: Limits) {
    assert!(report.ok, "{report:?}");
    let late = report.lost_packets - 10;
    row.at_most("NACKs per loss", Hundredths::of(report.nacks_from_11th, late), limits.nacks);
    let p50 = report.recovery(500).expect("something was lost");
    row.at_most("p50", Hundredths::times(p50, TRIP), limits.p50);
}

fn alone(receivers: usize, messages: u64, limits: Limits) {
    let mut scenario = Scenario::new(receivers, messages);
    (scenario.rate, scenario.shared_every) = (100, 10);
    let report = scenario.run().expect("a valid configuration");
    let mut row = Row::new("shared alone", receivers, messages);
    check(&report, &mut row, limits);
    row.at_most("NACKs, first loss", Hundredths::whole(report.nacks_first_loss), Hundredths::whole(20));
    row.check();
}

fn stream(receivers: usize, messages: u64, limits: Limits) {
    let mut scenario = Scenario::new(receivers, messages);
    scenario.egress = Link::IDEAL.with_loss(Loss::percent(1));
    let report = scenario.run().expect("a valid configuration");
    let mut row = Row::new("shared stream", receivers, messages);
    check(&report, &mut row, limits);
    row.check();
}

#[test]
fn alone_1() {
    alone(1, 600, limits(110, 150));
}

#[test]
fn alone_10() {
    alone(10, 600, limits(400, 300));
}

#[test]
fn alone_100() {
    alone(100, 600, limits(500, 300));
}

#[test]
fn alone_1_000() {
    alone(1_000, 600, limits(600, 300));
}

#[test]
fn alone_10_000() {
    alone(10_000, 170, limits(800, 300));
}

#[test]
#[ignore = "takes half a minute"]
fn alone_10_000_in_full() {
    alone(10_000, 600, limits(800, 300));
}

#[test]
fn stream_1() {
    stream(1, 10_000, limits(110, 150));
}

#[test]
fn stream_10() {
    stream(10, 10_000, limits(400, 300));
}

#[test]
fn stream_100() {
    stream(100, 10_000, limits(600, 400));
}

#[test]
fn stream_1_000() {
    stream(1_000, 3_000, limits(1_000, 400));
}

#[test]
fn stream_10_000() {
    stream(10_000, 1_500, limits(1_500, 400));
}

#[test]
#[ignore = "takes minutes"]
fn stream_10_000_in_full() {
    stream(10_000, 10_000, limits(1_500, 400));
}

/// Nothing was lost for two receivers until then, so that nobody could know how many they are.
#[test]
fn a_group_whose_members_only_lost_for_themselves_is_not_taken_for_small() {
    const LOSSES: u64 = 200;
    const RECEIVERS: usize = 10_000;
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(TRIP / 2));
    let sender = sim.add(|_| {}).expect("a valid configuration");
    let receivers: Vec<NodeId> = (0..RECEIVERS).map(|_| sim.add(|_| {}).expect("a valid configuration")).collect();
    for &receiver in &receivers {
        sim.run_application(receiver, Discard);
    }
    // Multiplication by an odd number spreads them over the receivers.
    let victim = move |loss: u64| receivers[(loss.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize % RECEIVERS];
    sim.set_tap(move |datagram: &Datagram<'_>, place: Place| {
        let Some(seq) = first_transmission(datagram) else { return Verdict::Pass };
        let is_lost = match place {
            Place::Enters(node) => seq <= LOSSES && node == victim(seq),
            Place::Leaves => seq == LOSSES + 1,
        };
        if is_lost { Verdict::Drop } else { Verdict::Pass }
    });
    for _ in 0..LOSSES {
        sim.send(sender, &[7; 100]).expect("the queue has room");
        sim.run_for(2 * TRIP);
    }
    let before = nacks(&sim, sender);
    for _ in 0..2 {
        sim.send(sender, &[7; 100]).expect("the queue has room");
        sim.run_for(TRIP);
    }
    sim.run_for(200 * TRIP);
    let mut row = Row::new("shared after 200", RECEIVERS, LOSSES + 2);
    row.at_most("NACKs", Hundredths::whole(nacks(&sim, sender) - before), Hundredths::whole(150));
    row.check();
}

fn nacks(sim: &Sim, sender: NodeId) -> u64 {
    sim.protocol(sender).expect("it runs").stats().repair.nacks_received
}

fn first_transmission(datagram: &Datagram<'_>) -> Option<u64> {
    let packet = datagram.packet().ok()?;
    let is_first = matches!(packet.body, Body::Data { .. }) && !packet.flags.contains(Flags::RESENT);
    is_first.then_some(packet.seq)
}
