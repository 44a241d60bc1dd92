//! `rmc demo`.

use crate::program::{group, run};

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
