//! One sender and many receivers: what a scenario loses, counts and reports.
#![cfg(feature = "sim")]

use core::ops::ControlFlow;
use core::time::Duration;

use rmc_core::sim::{Link, Loss, Scenario};

fn every_tenth(messages: u64) -> Scenario {
    let mut scenario = Scenario::new(5, messages);
    // So slow that each loss is repaired before the next one.
    (scenario.rate, scenario.shared_every) = (100, 10);
    scenario
}

#[test]
fn every_nth_first_transmission_is_lost_for_all_and_nothing_else() {
    let report = every_tenth(59).run().expect("it is valid");
    assert!(report.ok);
    assert_eq!((report.lost_packets, report.first_transmissions), (5, 59));
    assert_eq!(report.recoveries.len(), 5 * 5, "each receiver misses each of them once");
    assert!(report.nacks >= 5 && report.repairs >= 5, "{report:?}");
    let none = Scenario::new(5, 59).run().expect("it is valid");
    assert_eq!((none.lost_packets, none.nacks, none.repairs, none.recovery(500)), (0, 0, 0, None));
}

#[test]
fn nacks_count_as_late_from_the_11th_lost_packet_on() {
    let ten = every_tenth(109).run().expect("it is valid");
    assert_eq!((ten.lost_packets, ten.nacks_from_11th), (10, 0));
    let eleven = every_tenth(119).run().expect("it is valid");
    assert_eq!((eleven.lost_packets, eleven.nacks_first_loss), (11, ten.nacks_first_loss));
    assert_eq!(eleven.nacks_from_11th, eleven.nacks - ten.nacks);
    assert!(eleven.nacks_from_11th > 0);
}

#[test]
fn whoever_watches_can_end_it() {
    let mut scenario = Scenario::new(3, 1_000);
    scenario.ingress = Link::IDEAL.with_loss(Loss::percent(100));
    let mut last = 0;
    let (report, sim) = scenario
        .play_watched(|course| {
            last = course.sent;
            if course.sent == 10 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("it is valid");
    assert_eq!((last, report.first_transmissions, report.ok, report.complete), (10, 10, false, 0));
    assert!(report.stuck.is_none(), "nobody was waited for");
    assert_eq!(report.elapsed, Duration::from_micros(900), "ten messages at 10,000 a second");
    // The same while it waits for those that never get anything.
    let mut steps = 0;
    let (report, later) = scenario
        .play_watched(|course| {
            steps += u32::from(course.sent == 1_000);
            if steps == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })
        .expect("it is valid");
    assert!(!report.ok && report.stuck.is_none());
    assert!(later.now() > sim.now() && report.elapsed < scenario.patience);
}

#[test]
fn who_never_gets_anything_is_named() {
    let mut scenario = Scenario::new(2, 10);
    scenario.slow = Some(Loss::percent(100));
    scenario.patience = Duration::from_secs(1);
    let report = scenario.run().expect("it is valid");
    assert_eq!((report.ok, report.complete), (false, 1));
    assert!(report.stuck.is_some());
}

#[test]
fn the_seed_decides_everything() {
    let run = |seed| {
        let mut scenario = Scenario::new(10, 200);
        scenario.ingress = scenario.ingress.with_loss(Loss::percent(5));
        scenario.seed = seed;
        scenario.run().expect("it is valid").digest
    };
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}
