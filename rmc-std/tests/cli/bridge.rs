//! Real sockets on a real bridge, with real loss.

use crate::namespaces::Bridge;
use crate::program::Program;

const RECEIVERS: usize = 4;
const SIZE: usize = 1_400;
/// 200 MB.
const MESSAGES: usize = 200_000_000 / SIZE;

/// One sender and four receivers, of which each loses 5 % of what comes in: every message arrives, in order and intact.
#[test]
fn two_hundred_megabytes_reach_four_receivers_that_lose_five_percent_each() {
    let bridge = match Bridge::new(RECEIVERS + 1) {
        Ok(bridge) => bridge,
        Err(missing) => {
            eprintln!("!!! SKIPPED: the transfer over a bridge: {missing}");
            return;
        }
    };
    (1..=RECEIVERS).for_each(|node| bridge.lose(node, 50_000));
    let group = "239.255.88.1:8000";
    let receivers: Vec<_> = (1..=RECEIVERS)
        .map(|node| {
            let interface = Bridge::address(node);
            let command = format!("recv --group {group} --interface {interface} --expect {MESSAGES} --json --quiet");
            Program::start_in(bridge.of(node), &command)
        })
        .collect();
    let interface = Bridge::address(0);
    let command = format!(
        "send --generate {MESSAGES} --size {SIZE} --group {group} --interface {interface} --wait {RECEIVERS} --json --quiet"
    );
    let sender = Program::start_in(bridge.of(0), &command).done();
    assert_eq!(sender.status, Some(0), "{}", sender.stderr);
    let repair = &sender.summary()["stats"]["repair"];
    eprintln!(
        "{MESSAGES} messages: {} NACK datagrams came, {} repairs were sent",
        repair["nacks_received"], repair["repairs_sent"]
    );
    for receiver in receivers {
        let done = receiver.done();
        assert_eq!(done.status, Some(0), "{}", done.stderr);
        let summary = done.summary();
        assert_eq!((&summary["ok"], &summary["messages"]), (&true.into(), &MESSAGES.into()), "{summary}");
        let repaired = summary["stats"]["repair"]["repaired"].as_u64().expect("a count");
        assert!(repaired as usize > MESSAGES / 40, "hardly anything was lost: {summary}");
    }
}
