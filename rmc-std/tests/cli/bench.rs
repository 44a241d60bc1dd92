//! `rmc bench`.

use std::thread;
use std::time::{Duration, Instant};

use rmc_std::Endpoint;
use serde_json::Value;

use crate::program::{LONG, Program, group, run};

fn rate(of: &Value) -> u64 {
    of["messages_per_second"].as_u64().expect("a number")
}

#[test]
fn throughput_in_one_process_is_complete_and_has_a_rate() {
    let done = run(&format!("bench --receivers 2 --messages 20000 --size 64 --json --group {}", group(101)));
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"]), (Some(0), &true.into()), "{}\n{summary}", done.stderr);
    assert_eq!(summary["sender"]["messages"], 20_000);
    assert_eq!(summary["sender"]["acknowledged"], true);
    let receivers = summary["receivers"].as_array().expect("one for each");
    assert_eq!(receivers.len(), 2);
    for receiver in receivers {
        assert_eq!(
            (&receiver["messages"], &receiver["missing"], &receiver["wrong"]),
            (&20_000.into(), &0.into(), &0.into())
        );
        assert!(rate(receiver) > 0);
    }
    assert!(summary["sender"]["stats"]["sockets"]["send_calls"].as_u64() > Some(0));
}

#[test]
fn latency_has_quantiles_that_ascend_and_the_rate_that_was_asked_for() {
    let done = run(&format!("bench --rate 2000 --duration 1s --size 64 --json --group {}", group(102)));
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"]), (Some(0), &true.into()), "{}\n{summary}", done.stderr);
    let sent = summary["sender"]["messages"].as_u64().expect("a number");
    assert!((1..=2_001).contains(&sent), "{sent}");
    let latency = &summary["receivers"][0]["latency_us"];
    let quantiles = ["p50", "p90", "p99", "p999", "max"].map(|name| latency[name].as_f64().expect("a number"));
    assert!(quantiles.is_sorted() && quantiles[0] > 0.0, "{latency}");
}

#[test]
fn several_processes_measure_together() {
    let group = group(103);
    let receivers = [0, 1].map(|_| Program::start(&format!("bench --role recv --json --group {group}")));
    let sender = run(&format!("bench --role send --receivers 2 --messages 5000 --json --group {group}"));
    let summary = sender.summary();
    assert_eq!((sender.status, &summary["ok"]), (Some(0), &true.into()), "{}\n{summary}", sender.stderr);
    assert_eq!(summary["receivers"].as_array().map(Vec::len), Some(0));
    for receiver in receivers {
        let done = receiver.done();
        let summary = done.summary();
        assert_eq!((done.status, &summary["ok"]), (Some(0), &true.into()), "{}\n{summary}", done.stderr);
        assert_eq!(summary["receivers"][0]["messages"], 5_000);
        assert_eq!(summary["sender"], Value::Null);
    }
}

#[test]
fn loss_is_repaired_and_shown() {
    let done = run(&format!("bench --messages 5000 --drop 0.05 --seed 3 --json --group {}", group(104)));
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"]), (Some(0), &true.into()), "{}\n{summary}", done.stderr);
    assert!(summary["receivers"][0]["repaired"].as_u64() > Some(0), "{summary}");
}

/// The last message is larger than a receiver takes, and no later one has a number that would show the gap.
#[test]
fn a_tail_that_is_lost_is_missed() {
    let group = group(108);
    let receiver = Program::start(&format!("bench --role recv --json --group {group}"));
    let people = Program::start(&format!("bench --role recv --group {group}"));
    let builder = Endpoint::builder(group.parse().expect("it is an address")).interface([127, 0, 0, 1].into());
    let builder = builder.max_rate(50_000_000).config(|config| {
        config.max_message = 9 << 20;
        (config.backlog_packets, config.backlog_bytes) = (1 << 14, 32 << 20);
        (config.receive_window_packets, config.receive_window_bytes) = (1 << 14, 32 << 20);
    });
    let sender = builder.build().expect("it can be built");
    let deadline = Instant::now() + LONG;
    while sender.peers().len() < 2 {
        assert!(Instant::now() < deadline, "the receivers are not heard");
        thread::sleep(Duration::from_millis(2));
    }
    for number in 0..10_u64 {
        let message = [number.to_le_bytes(), [0; 8]].concat();
        sender.send(&message).expect("it is open");
    }
    sender.send(&vec![0; (8 << 20) + 1]).expect("it is open");
    sender.flush(Some(LONG)).expect("both get all of it");
    sender.start_finish(Duration::from_secs(1));
    let done = receiver.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"]), (Some(1), &false.into()), "{}\n{summary}", done.stderr);
    let receiver = &summary["receivers"][0];
    assert_eq!((&receiver["messages"], &receiver["finished"]), (&10.into(), &true.into()), "{summary}");
    assert_eq!((&receiver["missing"], &receiver["wrong"]), (&0.into(), &0.into()), "no number tells: {summary}");
    assert!(receiver["lost"].as_u64() > Some(5_000), "{summary}");
    let done = people.done();
    assert!(done.status == Some(1) && done.stdout[0].contains(" packets LOST, "), "{:?}", done.stdout);
}

#[test]
fn people_get_lines_and_quiet_says_nothing() {
    let done = run(&format!("bench --messages 1000 --group {}", group(105)));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout.len(), 3, "{:?}", done.stdout);
    assert!(done.stdout[0].starts_with("sent 1000 messages of 1400 bytes") && done.stdout[0].contains("messages/s"));
    assert!(done.stdout[1].contains("complete, in order, intact"));
    assert!(done.stdout[2].starts_with("latency in us: p50 "));
    let done = run(&format!("bench --messages 100 --quiet --group {}", group(106)));
    assert_eq!((done.status, done.stdout.len(), done.stderr.as_str()), (Some(0), 0, ""));
}

#[test]
fn ctrl_c_ends_it_with_a_summary() {
    let bench = Program::start(&format!("bench --duration 1h --json --group {}", group(107)));
    thread::sleep(Duration::from_secs(1));
    bench.signal("-INT");
    let done = bench.done();
    let summary = done.summary();
    assert_eq!(done.status, Some(130), "{}", done.stderr);
    assert!(summary["sender"]["messages"].as_u64() > Some(0), "{summary}");
    let receiver = Program::start(&format!("bench --role recv --json --group {}", group(107)));
    thread::sleep(Duration::from_millis(300));
    receiver.signal("-INT");
    let done = receiver.done();
    assert_eq!((done.status, &done.summary()["ok"]), (Some(130), &false.into()), "nothing came");
}

#[test]
fn errors_say_what_to_do() {
    let done = run("bench --size 15");
    assert_eq!(done.status, Some(2));
    assert!(done.stderr.contains("at least 16 bytes: raise --size"), "{}", done.stderr);
    let done = run("bench --interface 192.0.2.1 --duration 1s");
    assert_eq!(done.status, Some(2));
    assert!(done.stderr.contains("192.0.2.1") && done.stderr.contains("ip addr"), "{}", done.stderr);
}
