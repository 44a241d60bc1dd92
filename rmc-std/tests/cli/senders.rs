//! Several senders, and senders that end, vanish and come back.

use crate::program::{Folder, Program, address, group, run, same};

#[test]
fn two_senders_at_once_do_not_disturb_each_other() {
    let (folder, group) = (Folder::new("two"), group(61));
    let senders = [address(61), address(62)];
    let inputs = [folder.file("in0", 1_000_000), folder.file("in1", 700_000)];
    let outputs = [folder.path("out0"), folder.path("out1")];
    let receivers = [0, 1].map(|i| {
        Program::start(&format!("recv --group {group} --from {} --output {} --drop 0.1 --json", senders[i], outputs[i]))
    });
    let senders = [0, 1].map(|i| {
        Program::start(&format!("send {} --group {group} --bind {} --wait 2 --rate 2000", inputs[i], senders[i]))
    });
    for sender in senders {
        let done = sender.done();
        assert_eq!(done.status, Some(0), "{}", done.stderr);
    }
    for (i, receiver) in receivers.into_iter().enumerate() {
        let done = receiver.done();
        assert_eq!((done.status, &done.summary()["ok"]), (Some(0), &true.into()), "{}", done.stderr);
        assert!(same(&inputs[i], &outputs[i]));
        // Not one message of either has no line.
        let summary = done.summary();
        assert_eq!(summary["stats"]["rx"]["messages"], done.events("new_packet").len(), "{summary}");
        // On a busy machine one may have ended before the other began.
        let senders = summary["senders"].as_array().map_or(0, Vec::len);
        assert!((1..=2).contains(&senders), "{summary}");
    }
}

/// Without `--from` it is the first one whose data comes, whatever a second one does.
#[test]
fn the_first_sender_whose_data_comes_is_followed() {
    let bind = address(63);
    let (folder, group) = (Folder::new("first"), group(62));
    let output = folder.path("out");
    let receiver = Program::start(&format!("recv --group {group} --output {output} --json"));
    let first =
        Program::start(&format!("send --generate 1500 --size 20 --group {group} --wait 1 --rate 1000 --bind {bind}"));
    receiver.wait_for("\"event\":\"new_packet\"");
    let second = Program::start(&format!("send --generate 50000 --size 30 --group {group} --rate 1000"));
    receiver.wait_for("\"len\":30");
    // A stranger that breaks off changes nothing.
    second.signal("-KILL");
    // It took part, so that the first one may have had to let it go.
    let sent = first.done();
    assert!(matches!(sent.status, Some(0 | 3)), "{}", sent.stderr);
    let done = receiver.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["peer"]), (Some(0), &address(63).into()), "{}", done.stderr);
    assert_eq!(std::fs::read(&output).map(|bytes| bytes.len()).ok(), Some(1_500 * 20));
}

#[test]
fn a_sender_that_is_interrupted_tells_its_end() {
    let group = group(63);
    let receiver = Program::start(&format!("recv --group {group} --json"));
    let sender = Program::start(&format!("send --generate 90000 --group {group} --wait 1 --rate 500 --json"));
    let mut lines = receiver.lines_until("\"event\":\"new_packet\"");
    sender.signal("-INT");
    let sent = sender.done();
    assert_eq!(sent.status, Some(130), "{}", sent.stderr);
    let done = receiver.done();
    let summary = done.summary();
    assert_eq!((done.status, &summary["why"]), (Some(0), &"ended".into()), "{}", done.stderr);
    assert_eq!(summary["messages"], sent.summary()["messages"], "all that had been sent has come");
    lines.extend(done.stdout);
    assert!(lines.iter().any(|line| line.contains("\"event\":\"peer_finished\"")));
}

/// The protocol has forgotten the stream of a sender that was silent for 30 s: its restart is recognised all the same.
#[test]
fn a_sender_that_comes_back_after_it_expired_begins_anew() {
    let bind = address(64);
    let (folder, group) = (Folder::new("expired"), group(64));
    let (second, output) = (folder.file("second", 50_000), folder.path("out"));
    let receiver = Program::start(&format!("recv --group {group} --output {output} --json"));
    let sender = Program::start(&format!("send --generate 90000 --group {group} --wait 1 --rate 500 --bind {bind}"));
    receiver.wait_for("\"event\":\"new_packet\"");
    sender.signal("-KILL");
    assert_eq!(sender.done().status, None);
    receiver.wait_for("\"event\":\"peer_expired\"");
    let sender = run(&format!("send {second} --group {group} --bind {bind}"));
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    let done = receiver.done();
    assert_eq!((done.status, &done.summary()["messages"]), (Some(0), &50.into()), "{}", done.stderr);
    assert!(same(&second, &output));
}
