//! What a sender waits for, at which pace it sends, and how its end can be cut short.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use crate::program::{Program, address, group, run};

const HEARTBEAT: &str = "\"event\":\"sent_heartbeat\"";
const MESSAGE: &str = "\"event\":\"new_packet\"";

/// Another sender is no receiver: `--wait` does not count it.
#[test]
fn wait_counts_receivers_only() {
    let bind = address(51);
    let group = group(51);
    let other = Program::start(&format!("send --generate 90000 --group {group} --rate 200"));
    let sender = Program::start(&format!("send --generate 10 --group {group} --wait 1 --json --bind {bind}"));
    // Half a second of the other one's messages, in which heartbeats would follow if anything had been sent.
    for _ in 0..100 {
        for line in sender.lines_until(MESSAGE) {
            assert!(!line.contains(HEARTBEAT), "it did not wait: {line}");
        }
    }
    let receiver = run(&format!("recv --group {group} --from {bind} --json"));
    assert_eq!((receiver.status, &receiver.summary()["messages"]), (Some(0), &10.into()), "{}", receiver.stderr);
    assert_eq!(sender.done().status, Some(0));
    drop(other);
}

/// Messages that were due while there was no input do not all leave at once when it comes.
#[test]
fn the_rate_holds_after_a_pause_of_the_input() {
    let (input, mut typed) = std::io::pipe().expect("a pipe can be made");
    let arguments = format!("send - --lines --rate 50 --group {} --linger 0s --json", group(53));
    let sender = Program::start_with(&arguments, input.into());
    typed.write_all(b"first\n").expect("the program reads");
    sender.wait_for(HEARTBEAT);
    thread::sleep(Duration::from_millis(1_500));
    typed.write_all(&b"x\n".repeat(60)).expect("the program reads");
    drop(typed);
    let done = sender.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["messages"]), (Some(0), &61.into()));
    // At 50 a second the 60 need 1.2 s, of which a tenth of a second may be made up for. A slow machine needs longer.
    assert!(summary["sending_s"].as_f64() > Some(2.4), "{summary}");
}

#[test]
fn without_an_input_standard_input_is_read() {
    let (input, mut typed) = std::io::pipe().expect("a pipe can be made");
    let group = group(54);
    let receiver = Program::start(&format!("recv --group {group} --output - --quiet"));
    let sender = Program::start_with(&format!("send --size 3 --wait 1 --group {group} --json"), input.into());
    typed.write_all(b"some bytes").expect("the program reads");
    drop(typed);
    let sent = sender.done();
    assert_eq!((sent.status, &sent.summary()["messages"]), (Some(0), &4.into()), "{}", sent.stderr);
    let done = receiver.done();
    assert_eq!((done.status, done.stdout.as_slice()), (Some(0), ["some bytes".to_owned()].as_slice()));
}

#[test]
fn ctrl_c_cuts_the_linger_short() {
    let sender = Program::start(&format!("send --generate 10 --group {} --linger 5m --json", group(57)));
    // All is sent, and the end announced.
    for _ in 0..5 {
        sender.wait_for(HEARTBEAT);
    }
    sender.signal("-INT");
    let done = sender.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["interrupted"], &summary["messages"]), (Some(130), &true.into(), &10.into()));
}

/// 100 kB at 20 kB a second need 5 s; a burst of 64 KiB may be ahead of it. A slow machine needs longer.
#[test]
fn the_rate_in_bytes_holds() {
    let sent = run(&format!("send --generate 100 --max-rate 20k --linger 0s --group {} --json", group(55)));
    assert_eq!(sent.status, Some(0), "{}", sent.stderr);
    assert!(sent.summary()["sending_s"].as_f64() > Some(1.0), "{}", sent.summary());
}

#[test]
fn repairs_are_served_for_the_linger() {
    let sent = run(&format!("send --generate 10 --linger 2s --group {} --json", group(56)));
    let summary = sent.summary();
    assert_eq!((sent.status, &summary["ok"]), (Some(0), &true.into()), "{}", sent.stderr);
    assert!(summary["seconds"].as_f64() >= Some(2.0), "{summary}");
}
