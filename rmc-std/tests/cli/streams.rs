//! What a receiver's lines say about where one stream ends and the next begins.

use crate::program::{Program, address, group, run};

/// The line of a restart stands between the last message of the former epoch and the first of the new one.
#[test]
fn a_restart_has_one_line_in_its_place() {
    let (group, address) = (group(81), address(81));
    let receiver = Program::start(&format!("recv --group {group} --expect 30000 --drop 0.5 --seed 3 --json"));
    let first = Program::start(&format!(
        "send --generate 1000000 --rate 2000 --size 200 --group {group} --wait 1 --bind {address}"
    ));
    let mut lines = receiver.lines_until("\"number\":300");
    first.signal("-KILL");
    assert_eq!(first.done().status, None);
    let second = run(&format!("send --generate 30000 --size 200 --group {group} --bind {address}"));
    assert_eq!(second.status, Some(0), "{}", second.stderr);
    let done = receiver.done();
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    lines.extend(done.stdout);

    let lines: Vec<serde_json::Value> =
        lines.iter().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect();
    let restarts: Vec<_> = (0..lines.len()).filter(|&at| lines[at]["event"] == "peer_restarted").collect();
    let &[restart] = &restarts[..] else { panic!("{restarts:?}") };
    assert!(lines[restart]["epoch"].is_u64() && lines[restart]["old_epoch"].is_u64(), "{}", lines[restart]);
    let numbers = |part: &[serde_json::Value]| -> Vec<u64> {
        part.iter().filter(|line| line["event"] == "new_packet").filter_map(|line| line["number"].as_u64()).collect()
    };
    let (former, new) = (numbers(&lines[..restart]), numbers(&lines[restart..]));
    assert!(former.is_sorted() && former.len() > 300, "{}", former.len());
    assert_eq!(new, (0..30_000).collect::<Vec<_>>());
}

/// The queue is no longer than what leaves in a moment: 100 kB/s would need 160 s for all that it can hold.
#[test]
fn ctrl_c_ends_a_slow_sender_with_its_end() {
    let group = group(83);
    let receiver = Program::start(&format!("recv --group {group} --json"));
    let sender =
        Program::start(&format!("send --generate 1000000 --group {group} --wait 1 --max-rate 100k --linger 0s --json"));
    receiver.wait_for("\"event\":\"new_packet\"");
    sender.signal("-INT");
    let sent = sender.done();
    assert_eq!(sent.status, Some(130), "{}", sent.stderr);
    let done = receiver.done();
    assert_eq!((done.status, &done.summary()["why"]), (Some(0), &"ended".into()), "{}", done.stderr);
    assert_eq!(done.summary()["messages"], sent.summary()["messages"]);
}
