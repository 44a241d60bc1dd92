//! What a scenario reports, where every figure is known beforehand.

use std::ops::ControlFlow;
use std::time::Duration;

use rmc_core::sim::{Course, Link, Loss, Report, Scenario};
use rmc_core::{FlowControl, RepairMode};

use super::world::{MS, SECOND, US};

/// One packet each 100 us, 500 us each way.
fn play(receivers: usize, change: impl FnOnce(&mut Scenario)) -> Report {
    let mut scenario = Scenario::new(receivers, 100);
    // What is missing is asked for at once, and repaired for each that asks.
    scenario.config.max_nack_backoff = Duration::ZERO;
    (scenario.config.repair_mode, scenario.config.verify_askers) = (RepairMode::Unicast, false);
    change(&mut scenario);
    scenario.run().expect("a valid configuration")
}

fn lossy(loss: Loss) -> Link {
    Link::IDEAL.with_delay(500 * US).with_loss(loss)
}

#[test]
fn without_loss_nothing_is_asked_for() {
    let report = play(3, |_| {});
    assert!(report.ok && report.stuck.is_none());
    assert_eq!((report.complete, report.first_transmissions, report.elapsed), (3, 100, 99 * 100 * US + 500 * US));
    assert_eq!((report.lost_packets, report.nacks, report.repairs, report.given_up), (0, 0, 0, 0));
    assert_eq!((report.recoveries.len(), report.recovery(500)), (0, None));
}

// RMC-GAP-1
#[test]
fn one_packet_lost_by_all_is_asked_for_and_repaired_once_each() {
    let report = play(3, |scenario| scenario.egress = Link::IDEAL.with_loss(Loss::Script(vec![10])));
    assert!(report.ok);
    assert_eq!((report.lost_packets, report.nacks, report.nacks_first_loss, report.repairs), (1, 3, 3, 3));
    // The next packet shows the gap; then there is one round trip.
    assert_eq!(report.recoveries, [MS; 3]);
}

#[test]
fn what_two_receivers_lose_is_one_lost_packet() {
    let report = play(2, |scenario| scenario.ingress = lossy(Loss::Script(vec![10, 20])));
    assert!(report.ok);
    assert_eq!((report.lost_packets, report.nacks, report.nacks_first_loss, report.repairs), (2, 4, 2, 4));
    assert_eq!(report.recoveries, [MS; 4]);
}

#[test]
fn a_packet_behind_a_gap_waits_for_it_too() {
    // 11 and 12 are lost; both gaps are seen with 13.
    let report = play(1, |scenario| scenario.ingress = lossy(Loss::Script(vec![10, 11, 40])));
    assert!(report.ok);
    assert_eq!((report.lost_packets, report.nacks, report.repairs), (3, 2, 3));
    assert_eq!(report.recoveries, [MS; 3]);
}

// RMC-GAP-10
#[test]
fn the_last_packet_is_missed_when_the_heartbeat_comes() {
    let report = play(1, |scenario| scenario.ingress = lossy(Loss::Script(vec![99])));
    assert!(report.ok);
    assert_eq!(report.recoveries, [MS]);
    assert_eq!(report.elapsed, 99 * 100 * US + 10 * MS + 500 * US + MS);
}

#[test]
fn the_slow_one_is_the_first_receiver() {
    let report = play(4, |scenario| scenario.slow = Some(Loss::Every(10)));
    assert!(report.ok);
    assert_eq!((report.lost_packets, report.recoveries.len()), (10, 10));
}

#[test]
fn what_cannot_be_repaired_is_not_ok() {
    // The NACK arrives 1 ms after the last of the 40, when 10 others fill the backlog.
    let report = play(2, |scenario| {
        (scenario.config.backlog_packets, scenario.patience) = (10, SECOND);
        scenario.config.flow_control = FlowControl::None;
        scenario.egress = Link::IDEAL.with_loss(Loss::Script((20..60).collect()));
    });
    assert!(!report.ok);
    assert_eq!((report.complete, report.given_up, report.elapsed), (0, 2 * 40, 99 * 100 * US + SECOND));
    let stuck = report.stuck.expect("nobody is complete").to_string();
    assert!(stuck.contains("all is quiet"), "{stuck}");
}

#[test]
fn as_fast_as_the_queue_takes_it_is_at_once() {
    let report = play(2, |scenario| {
        (scenario.messages, scenario.rate) = (20_000, 0);
        (scenario.config.flow_control, scenario.config.packing) = (FlowControl::None, false);
    });
    assert!(report.ok);
    assert_eq!((report.first_transmissions, report.elapsed), (20_000, 500 * US));
}

#[test]
fn percentiles_are_those_of_the_nearest_rank() {
    let mut report = play(1, |_| {});
    report.recoveries = (1..=10).map(Duration::from_millis).collect();
    let at = |per_mille| report.recovery(per_mille).expect("there are some").as_millis();
    assert_eq!([0, 100, 101, 500, 501, 900, 901, 1_000].map(at), [1, 1, 2, 5, 6, 9, 10, 10]);
}

#[test]
fn a_scenario_that_cannot_be_is_refused() {
    let mut scenario = Scenario::new(1, 1);
    scenario.config.max_burst = 0;
    assert!(scenario.run().is_err());
    let mut scenario = Scenario::new(1, 1);
    scenario.size = 9 << 20;
    assert!(scenario.run().is_err());
}

#[test]
fn the_seed_decides() {
    let run = |seed| {
        let report = play(3, |scenario| (scenario.seed, scenario.ingress) = (seed, lossy(Loss::percent(10))));
        (report.digest, report.recoveries, report.repairs)
    };
    assert_eq!(run(1), run(1));
    assert_ne!(run(1), run(2));
}

#[test]
fn bytes_are_those_of_the_ip_packets_that_the_sender_sent() {
    // One packet of 100 bytes, 16 of RMC's header, 28 of IP's and UDP's.
    const PACKET: u64 = 144;
    let report = play(3, |scenario| scenario.egress = Link::IDEAL.with_loss(Loss::Script(vec![10])));
    assert_eq!(report.first_bytes, 100 * PACKET, "what is lost was sent");
    assert_eq!(report.sent_bytes, (100 + report.repairs) * PACKET, "no Heartbeat is due, and the others' do not count");
    let slow = play(3, |scenario| scenario.rate = 20);
    assert_eq!(slow.first_bytes, 100 * PACKET);
    assert!(slow.sent_bytes > 100 * PACKET, "Heartbeats count");
}

/// A sender whose messages never end, with a link of 1 MB/s.
fn saturated(receivers: usize, messages: u64) -> Scenario {
    let mut scenario = Scenario::new(receivers, messages);
    (scenario.size, scenario.rate, scenario.send_buffer) = (1_400, 0, Some(16_384));
    scenario.egress = Link::IDEAL.with_rate(1_000_000, 32_768);
    scenario
}

#[test]
fn a_sender_that_waits_for_its_link_uses_it_and_loses_nothing() {
    let report = saturated(2, 500).run().expect("a valid configuration");
    assert!(report.ok);
    assert_eq!((report.lost_packets, report.repairs), (0, 0));
    // A byte takes a microsecond.
    let link = Duration::from_micros(report.sent_bytes);
    assert!(report.elapsed >= Duration::from_micros(report.first_bytes), "the link cannot carry more: {report:?}");
    assert!(report.elapsed <= link + MS, "it is never idle but for the last trip: {report:?}");
}

/// Repairs that nobody needs any more wait when the last receiver has everything.
#[test]
fn what_still_waits_for_the_link_in_the_end_was_not_carried() {
    let mut most_used = 0;
    for seed in 1..=6 {
        let mut scenario = saturated(20, 50);
        (scenario.seed, scenario.send_buffer) = (seed, Some(1 << 17));
        scenario.egress = Link::IDEAL.with_rate(1_000_000, 1 << 20).with_loss(Loss::percent(30));
        let report = scenario.run().expect("a valid configuration");
        let link = Duration::from_micros(report.sent_bytes);
        assert!(report.ok && link <= report.elapsed + US, "the link cannot carry more: {report:?}");
        most_used = most_used.max(u128::from(report.sent_bytes) * 100 / report.elapsed.as_micros());
    }
    assert!(most_used >= 95, "it was in use nearly all the time: {most_used} %");
}

#[test]
fn who_watches_can_end_it_while_the_send_queue_is_full() {
    let mut scenario = saturated(1, 1_000);
    (scenario.config.send_queue_packets, scenario.config.max_message) = (10, 1_400);
    let mut before = Course::default();
    let watch = |course: Course| {
        let is_full = course.sent == before.sent;
        before = course;
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (report, _) = scenario.play_watched(watch).expect("a valid configuration");
    assert!(report.stuck.is_none() && report.complete == 0 && report.first_transmissions < 1_000, "{report:?}");
}
