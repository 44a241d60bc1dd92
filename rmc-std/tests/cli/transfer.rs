//! Files and lines, from one to others.

use std::fs::{self, File};
use std::process::Stdio;

use crate::program::{Folder, Program, address, group, run, same};

#[test]
fn a_file_reaches_two_receivers_with_loss_on_all_three() {
    let (folder, group) = (Folder::new("loss"), group(1));
    let input = folder.file("in", 3_000_000);
    let outputs = [folder.path("a"), folder.path("b")];
    let receivers: Vec<_> = (1..)
        .zip(&outputs)
        .map(|(seed, output): (u8, _)| {
            Program::start(&format!("recv --group {group} --output {output} --drop 0.2 --seed {seed} --json"))
        })
        .collect();
    let sender = run(&format!("send {input} --group {group} --wait 2 --drop 0.2 --seed 9 --max-rate 20M --json"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    assert_eq!(sender.summary()["messages"], 3_000);
    for (receiver, output) in receivers.into_iter().zip(&outputs) {
        let done = receiver.done();
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        let summary = done.summary();
        assert_eq!((&summary["ok"], &summary["bytes"]), (&true.into(), &3_000_000.into()), "{summary}");
        assert!(summary["stats"]["repair"]["repaired"].as_u64() > Some(0), "nothing was lost: {summary}");
        assert!(same(&input, output));
    }
}

#[test]
fn lines_are_messages_and_standard_output_takes_them() {
    let (folder, group) = (Folder::new("lines"), group(2));
    let input = folder.path("in");
    fs::write(&input, "one\n\ntwo words\nlast").expect("it can be written");
    let receiver = Program::start(&format!("recv --group {group} --output -"));
    let source = File::open(&input).expect("it can be read");
    let sender = Program::start_with(&format!("send - --lines --group {group} --wait 1 --json"), Stdio::from(source));
    let sender = sender.done();
    assert_eq!((sender.status, &sender.summary()["messages"]), (Some(0), &4.into()));
    let done = receiver.done();
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!(done.stdout, ["onetwo wordslast"], "payloads only, without the lines' ends");
}

/// One empty message: without any, receivers would never learn of the end.
#[test]
fn an_empty_file_arrives_too() {
    let (folder, group) = (Folder::new("empty"), group(3));
    let (input, output) = (folder.file("in", 0), folder.path("out"));
    let receiver = Program::start(&format!("recv --group {group} --output {output} --json"));
    let sender = run(&format!("send {input} --group {group} --wait 1 --linger 100ms --json"));
    assert_eq!((sender.status, &sender.summary()["messages"]), (Some(0), &1.into()), "{}", sender.stderr);
    let done = receiver.done();
    assert_eq!((done.status, &done.summary()["bytes"]), (Some(0), &0.into()), "{}", done.stderr);
    assert!(same(&input, &output));
}

#[test]
fn a_killed_receiver_leaves_the_others_whole() {
    let (folder, group) = (Folder::new("receiver"), group(4));
    let input = folder.file("in", 2_000_000);
    let output = folder.path("a");
    let kept = Program::start(&format!("recv --group {group} --output {output} --json"));
    let killed = Program::start(&format!("recv --group {group} --json"));
    let sender = Program::start(&format!("send {input} --group {group} --wait 2 --rate 2000 --json"));
    killed.wait_for("new_packet");
    killed.signal("-KILL");
    assert_eq!(killed.done().status, None);
    let sent = sender.done();
    // The killed one was let go, unless that was before its first Ack or behind all of the stream.
    let status = if sent.summary()["let_go"] == 0 { 0 } else { 3 };
    assert_eq!(sent.status, Some(status), "{}", sent.stderr);
    assert_eq!(kept.done().status, Some(0));
    assert!(same(&input, &output));
}

#[test]
fn a_killed_sender_that_starts_again_at_its_port_is_recognised() {
    let bind = address(5);
    let (folder, group) = (Folder::new("sender"), group(5));
    let (first, second) = (folder.file("first", 2_000_000), folder.file("second", 1_000_000));
    let outputs = [folder.path("a"), folder.path("b")];
    let receivers = [0, 1].map(|i| {
        let (output, drop) = (&outputs[i], ["0", "0.2"][i]);
        Program::start(&format!("recv --group {group} --output {output} --drop {drop} --json"))
    });
    let sender = Program::start(&format!("send {first} --group {group} --wait 2 --rate 1000 --bind {bind}"));
    for receiver in &receivers {
        let before = receiver.wait_for("\"event\":\"new_packet\"");
        assert!(before.contains("\"seq\":1,"), "{before}");
    }
    sender.signal("-KILL");
    assert_eq!(sender.done().status, None);
    let sender = run(&format!("send {second} --group {group} --bind {bind} --drop 0.2"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    for (receiver, output) in receivers.into_iter().zip(&outputs) {
        let done = receiver.done();
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        let restarted = done.events("peer_restarted");
        assert_eq!(restarted.len(), 1);
        let summary = done.summary();
        assert_eq!(summary["epoch"], restarted[0]["epoch"], "the summary is of the new epoch");
        assert_eq!((&summary["ok"], &summary["messages"]), (&true.into(), &1_000.into()));
        assert!(same(&second, output), "the file begins anew");
    }
}

/// A device takes nothing back: its stream just goes on with the new one.
#[test]
fn a_device_as_output_outlives_a_restart_of_the_sender() {
    let bind = address(6);
    let group = group(6);
    let receiver = Program::start(&format!("recv --group {group} --output /dev/null --json"));
    let sender = Program::start(&format!("send --generate 90000 --group {group} --wait 1 --rate 500 --bind {bind}"));
    receiver.wait_for("\"event\":\"new_packet\"");
    sender.signal("-KILL");
    assert_eq!(sender.done().status, None);
    let sender = run(&format!("send --generate 20 --group {group} --bind {bind}"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    let done = receiver.done();
    assert_eq!((done.status, &done.summary()["messages"]), (Some(0), &20.into()), "{}", done.stderr);
}

/// Whoever reads along gets a slow and steady stream as it comes, not when 64 KiB are full (which would take minutes
/// here).
#[test]
fn a_slow_steady_stream_is_not_held_back() {
    let group = group(7);
    let receiver = Program::start(&format!("recv --group {group} --output -"));
    let _sender = Program::start(&format!("send --generate 90000 --size 12 --group {group} --wait 1 --rate 30"));
    // The index of message 10 is the first byte that ends a line.
    receiver.wait_for("");
}
