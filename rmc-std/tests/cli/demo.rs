//! `rmc demo`.

use std::thread;
use std::time::Duration;

use crate::program::{Program, group, run};

#[test]
fn every_receiver_gets_every_message() {
    let done = run(&format!("demo --receivers 2 --messages 2000 --drop 0.1 --group {} --json", group(41)));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let summary = done.summary();
    assert_eq!(summary["ok"], true);
    let receivers = summary["receivers"].as_array().expect("one for each");
    assert_eq!(receivers.len(), 2);
    for receiver in receivers {
        assert_eq!((&receiver["ok"], &receiver["delivered"]), (&true.into(), &2_000.into()), "{summary}");
        assert!(receiver["repaired"].as_u64() > Some(0), "a tenth was lost: {summary}");
    }
}

#[test]
fn people_get_a_table() {
    let done = run(&format!("demo --receivers 3 --messages 500 --drop 0.05 --group {}", group(42)));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let complete = done.stdout.iter().filter(|line| line.contains("complete, in order, intact")).count();
    assert_eq!((done.stdout.len(), complete), (5, 3), "{:?}", done.stdout);
}

#[test]
fn quiet_says_nothing() {
    let done = run(&format!("demo --receivers 1 --messages 100 --quiet --group {}", group(43)));
    assert_eq!((done.status, done.stdout.len(), done.stderr.as_str()), (Some(0), 0, ""));
}

#[test]
fn ctrl_c_ends_it_with_a_summary_that_is_not_ok() {
    let demo = Program::start(&format!("demo --receivers 2 --messages 4000000000 --json --group {}", group(44)));
    // However far it is by then: it cannot be through.
    thread::sleep(Duration::from_secs(2));
    demo.signal("-INT");
    let done = demo.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"]), (Some(130), &false.into()), "{}", done.stderr);
    assert_eq!(summary["receivers"].as_array().map(Vec::len), Some(2));
}
