//! JSON lines: one for every message of every sender, and a summary with all counters.

use serde_json::Value;

use crate::program::{Folder, Program, address, group, run};

#[test]
fn every_message_of_every_sender_has_its_line() {
    let (folder, group) = (Folder::new("json"), group(11));
    let output = folder.path("a");
    let chosen = address(11);
    let chosen = chosen.as_str();
    let receiver =
        Program::start(&format!("recv --group {group} --from {chosen} --output {output} --json --payload --drop 0.1"));
    let other = Program::start(&format!("send --generate 300 --size 20 --group {group} --wait 1 --rate 3000"));
    let sender = run(&format!("send --generate 500 --size 30 --group {group} --wait 1 --bind {chosen} --rate 3000"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    let done = receiver.done();
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert_eq!(other.done().status, Some(0));

    let messages = done.events("new_packet");
    let (mine, others): (Vec<_>, Vec<_>) = messages.iter().partition(|line| line["peer"] == chosen);
    assert_eq!(numbers(&mine), (0..500).collect::<Vec<_>>());
    // The other one may go on when the chosen one has ended; what came of it is there without a gap.
    assert_eq!(numbers(&others), (0..others.len() as u64).collect::<Vec<_>>());
    for line in &mine {
        let number = line["number"].as_u64().expect("it is a generated one");
        // Those that waited share a packet.
        let (seq, index) = (line["seq"].as_u64().expect("a number"), line["index"].as_u64().expect("an index"));
        assert!(seq >= 1 && seq + index <= number + 1, "{line}");
        assert_eq!(line["len"], 30);
        assert!(line["t"].as_f64() > Some(0.0) && line["stream"] == "group", "{line}");
        let payload = line["payload"].as_str().expect("it was asked for");
        assert_eq!((payload.len(), &payload[..16]), (60, format!("{number:016x}").as_str()));
    }
    let file = std::fs::read(&output).expect("it can be read");
    assert_eq!(file.len(), 500 * 30, "only the chosen sender's messages are written");

    let summary = done.summary();
    assert_eq!((&summary["ok"], &summary["generated"], &summary["peer"]), (&true.into(), &true.into(), &chosen.into()));
    for group in ["tx", "rx", "repair", "dropped", "held", "sockets"] {
        assert!(summary["stats"][group].is_object(), "{group} is missing");
    }
    assert!(summary["stats"]["rx"]["packets"].as_u64() >= Some(500), "{summary}");
}

/// Every node receives, a sender too.
#[test]
fn a_sender_has_lines_for_what_others_send() {
    let group = group(13);
    let one = Program::start(&format!("send --generate 200 --size 20 --group {group} --wait 1 --rate 400 --json"));
    let receiver = Program::start(&format!("recv --group {group} --json"));
    one.wait_for("\"event\":\"new_sender\"");
    let other = run(&format!("send --generate 50 --size 20 --group {group} --linger 100ms"));
    assert_eq!(other.status, Some(0), "{}", other.stderr);
    let done = one.done();
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let lines = done.events("new_packet");
    assert_eq!(numbers(&lines.iter().collect::<Vec<_>>()), (0..50).collect::<Vec<_>>());
    assert_eq!(receiver.done().status, Some(0));
}

/// The seed's receiver prints every event with a time stamp, and ends cleanly on Ctrl-C.
#[test]
fn seed_s36_events_have_time_stamps_and_ctrl_c_ends_cleanly() {
    let group = group(12);
    let receiver = Program::start(&format!("recv --group {group} --json"));
    let sender = Program::start(&format!("send --generate 100000 --group {group} --wait 1 --rate 500 --json"));
    receiver.wait_for("\"event\":\"new_packet\"");
    receiver.signal("-INT");
    let done = receiver.done();
    assert_eq!(done.status, Some(130), "the stream had not ended: {}", done.stderr);
    let times: Vec<_> = done.lines().iter().map(|line| line["t"].as_f64().expect("every line has a time")).collect();
    assert!(times.iter().all(|&t| t > 0.0));
    let summary = done.summary();
    assert_eq!((&summary["ok"], &summary["why"]), (&false.into(), &"interrupted".into()));
    // The sender is told of the receiver's end.
    sender.wait_for("\"event\":\"peer_finished\"");
    sender.signal("-INT");
    let done = sender.done();
    assert_eq!(done.status, Some(130), "{}", done.stderr);
    assert_eq!(done.summary()["interrupted"], true);
}

fn numbers(lines: &[&Value]) -> Vec<u64> {
    lines.iter().map(|line| line["number"].as_u64().expect("it is a generated one")).collect()
}
