//! When the commands end, and with which status.

use std::io::Write as _;

use crate::program::{Program, address, group, run};

#[test]
fn expect_ends_when_so_many_have_come_intact() {
    let group = group(21);
    let receiver = Program::start(&format!("recv --group {group} --expect 200 --json"));
    let sender = Program::start(&format!("send --generate 100000 --group {group} --wait 1 --rate 2000"));
    let done = receiver.done();
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let summary = done.summary();
    assert_eq!(
        (&summary["ok"], &summary["why"], &summary["messages"]),
        (&true.into(), &"expected".into(), &200.into())
    );
    drop(sender);
}

#[test]
fn expect_counts_a_restarted_sender_anew() {
    let bind = address(22);
    let group = group(22);
    let receiver = Program::start(&format!("recv --group {group} --expect 300 --json"));
    let first = Program::start(&format!("send --generate 250 --group {group} --wait 1 --rate 500 --bind {bind}"));
    receiver.wait_for("\"event\":\"new_packet\"");
    first.signal("-KILL");
    assert_eq!(first.done().status, None);
    let second = run(&format!("send --generate 300 --group {group} --bind {bind}"));
    assert_eq!(second.status, Some(0), "{}", second.stderr);
    let done = receiver.done();
    assert_eq!((done.status, &done.summary()["messages"]), (Some(0), &300.into()), "{}", done.stderr);
}

#[test]
fn with_expect_a_sender_s_end_does_not_end_it() {
    let bind = address(23);
    let group = group(23);
    let short = format!("recv --group {group} --expect 11 --timeout 4s --json");
    let enough = format!("recv --group {group} --expect 30 --json");
    let (short, enough) = (Program::start(&short), Program::start(&enough));
    let send = format!("--group {group} --wait 2 --linger 10ms --bind {bind}");
    let sender = run(&format!("send --generate 10 {send}"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    let done = short.done();
    assert_eq!((done.status, &done.summary()["ok"]), (Some(1), &false.into()));
    assert_eq!(done.summary()["why"], "timeout");
    assert!(done.stderr.contains("after 10 of 11 messages"), "{}", done.stderr);
    // It starts again, and counts anew.
    let sender = run(&format!("send --generate 30 {send}").replace("--wait 2", "--wait 1"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    let done = enough.done();
    assert_eq!((done.status, &done.summary()["messages"]), (Some(0), &30.into()), "{}", done.stderr);
}

#[test]
fn the_time_runs_out_with_a_summary_and_a_status() {
    let done = run(&format!("recv --group {} --timeout 300ms --json", group(24)));
    assert_eq!(done.status, Some(1));
    assert_eq!(done.summary()["why"], "timeout");
}

/// A late joiner with a sender that keeps 90 packets only: each policy begins where it says.
#[test]
fn each_join_policy_begins_where_it_says() {
    let group = group(25);
    let sender =
        Program::start(&format!("send --generate 1500 --size 100 --group {group} --rate 1000 --backlog 90 --json"));
    let early = Program::start(&format!("recv --group {group} --expect 600 --join now --json"));
    let early = early.done();
    assert_eq!(early.status, Some(0), "{}", early.stderr);
    let late: Vec<_> = ["now", "oldest", "start"]
        .map(|join| Program::start(&format!("recv --group {group} --join {join} --json")))
        .into_iter()
        .map(Program::done)
        .collect();
    assert_eq!(sender.done().status, Some(0));
    let firsts: Vec<_> = late.iter().map(|done| done.events("new_packet")[0]["seq"].as_u64()).collect();
    assert!(firsts.iter().all(|&first| first > Some(500)), "{firsts:?}");
    assert_eq!(late[0].status, Some(0), "whole from where it was joined: {}", late[0].stderr);
    assert_eq!(late[1].status, Some(0), "whole from where it was joined: {}", late[1].stderr);
    assert_eq!(late[2].status, Some(1), "what cannot be had counts as lost");
    let lost = late[2].events("got_lost");
    assert_eq!((&lost[0]["ranges"][0][0], &lost[0]["cause"]), (&1.into(), &"lost".into()));
    assert!(late[2].stderr.contains("lost for good"), "{}", late[2].stderr);
}

/// Nothing comes on standard input, and nothing ends it: Ctrl-C does not wait for it.
#[test]
fn ctrl_c_ends_a_sender_that_waits_for_input() {
    let group = group(26);
    let receiver = Program::start(&format!("recv --group {group} --output -"));
    let (input, mut typed) = std::io::pipe().expect("a pipe can be made");
    let sender = Program::start_with(&format!("send - --lines --group {group} --wait 1 --json"), input.into());
    typed.write_all(b"one\ntwo\nhalf a li").expect("the program reads");
    // A heartbeat follows what was sent: the sender has nothing to do but to wait for more.
    sender.wait_for("\"event\":\"sent_heartbeat\"");
    sender.signal("-INT");
    let sent = sender.done();
    assert_eq!((sent.status, &sent.summary()["interrupted"]), (Some(130), &true.into()), "{}", sent.stderr);
    assert_eq!(sent.summary()["messages"], 2);
    let done = receiver.done();
    assert_eq!(done.status, Some(0), "the sender told its end: {}", done.stderr);
    assert_eq!(done.stdout[0], "onetwo");
    drop(typed);
}

/// Whoever was to read the results has gone: an error, and no panic.
#[test]
fn a_closed_standard_output_is_an_error() {
    let (reader, writer) = std::io::pipe().expect("a pipe can be made");
    drop(reader);
    let sent = Program::start_to(&format!("send --generate 1 --group {} --linger 0s", group(27)), writer.into()).done();
    assert_eq!(sent.status, Some(2));
    assert!(sent.stderr.contains("rmc: cannot write to standard output"), "{}", sent.stderr);
}

/// The time counts from start to end, whatever comes meanwhile.
#[test]
fn the_time_runs_out_in_the_middle_of_a_stream() {
    let group = group(28);
    let receiver = Program::start(&format!("recv --group {group} --timeout 3s --json"));
    let _sender = Program::start(&format!("send --generate 90000 --group {group} --rate 200 --wait 1"));
    let done = receiver.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["why"], &summary["ok"]), (Some(1), &"timeout".into(), &false.into()));
    assert!(summary["messages"].as_u64() > Some(0), "{summary}");
}
