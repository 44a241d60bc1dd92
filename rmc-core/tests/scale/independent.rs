//! What each receiver loses for itself: a repair should serve all that lost the same.

use rmc_core::sim::{Chance, Loss, Report, Scenario};

use crate::table::{Hundredths, Row};

fn lossy(receivers: usize, messages: u64, loss: Loss) -> Report {
    let mut scenario = Scenario::new(receivers, messages);
    scenario.ingress = scenario.ingress.with_loss(loss);
    let report = scenario.run().expect("a valid configuration");
    assert!(report.ok, "{report:?}");
    report
}

/// `limit` is a bound of any multicast repair, the sum over k of 1 - (1 - p^k)^R, and some more.
fn sent_per_packet(scenario: &str, report: &Report, receivers: usize, limit: Hundredths) {
    let packets = report.first_transmissions;
    let mut row = Row::new(scenario, receivers, packets);
    row.at_most("sent per packet", Hundredths::of(packets + report.repairs, packets), limit);
    row.check();
}

#[test]
fn one_per_cent_at_1_000_costs_at_most_a_tenth_more_than_it_must() {
    sent_per_packet("independent 1 %", &lossy(1_000, 1_000, Loss::percent(1)), 1_000, Hundredths(231));
}

#[test]
fn five_per_cent_at_10_costs_at_most_15_per_cent_more_than_it_must() {
    sent_per_packet("independent 5 %", &lossy(10, 20_000, Loss::percent(5)), 10, Hundredths(164));
}

#[test]
fn twenty_per_cent_at_10_costs_at_most_15_per_cent_more_than_it_must() {
    sent_per_packet("independent 20 %", &lossy(10, 20_000, Loss::percent(20)), 10, Hundredths(267));
}

#[test]
fn a_burst_is_asked_for_at_most_twice_by_each_receiver() {
    const LENGTH: u32 = 20;
    let report = lossy(100, 10_000, Loss::bursts(Chance::percent(1), LENGTH));
    let mut row = Row::new("independent bursts", 100, 10_000);
    let losses = report.recoveries.len() as u64;
    let nacks = Hundredths::of(report.nacks * u64::from(LENGTH), losses);
    row.at_most("NACKs per burst, receiver", nacks, Hundredths(200));
    row.check();
}
