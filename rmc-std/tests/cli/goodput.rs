//! `rmc sim --goodput`: what a sender that always has a message to send gets over its link.

use std::fs;

use serde_json::Value;

use crate::options::refused;
use crate::program::{Folder, run};
use crate::sim::{counted, interrupted, number, simulated};

/// An IP packet of a message of 1,400 bytes: IP's and UDP's header, and RMC's.
const PACKET: f64 = 1_400.0 + 28.0 + 16.0;

fn goodput(arguments: &str) -> Value {
    simulated(&format!("--goodput {arguments}"))
}

fn fraction(summary: &Value, field: &str) -> f64 {
    summary[field].as_f64().unwrap_or_else(|| panic!("{field} is a number: {summary}"))
}

/// The numbers in front of a per cent sign.
fn percentages(row: &str) -> Vec<f64> {
    let words: Vec<&str> = row.split_whitespace().collect();
    let numbers = words.windows(2).filter(|pair| pair[1] == "%");
    numbers.map(|pair| pair[0].parse().expect("a number")).collect()
}

#[test]
fn without_loss_it_is_what_the_link_carries() {
    let summary = goodput("--receivers 3 --messages 1000");
    let [share, used] = ["goodput_share", "link_used"].map(|field| fraction(&summary, field));
    assert!(share > 0.99 && share <= used && used <= 1.0, "{summary}");
    assert_eq!((number(&summary, "link_rate"), &summary["rate"]), (12_500_000, &Value::Null));
    assert_eq!((number(&summary, "size"), number(&summary, "packets")), (1_400, 1_000), "a message fills a packet");
    assert_eq!((fraction(&summary, "goodput_bound"), number(&summary, "lost_packets")), (1.0, 0));
    // The same without headers, in bytes a second.
    let expected = share * 12.5e6 * 1_400.0 / PACKET;
    assert!((fraction(&summary, "goodput_bytes_per_s") - expected).abs() < 1.0, "{summary}");
    assert!((fraction(&summary, "virtual_s") * 12.5e6 * share - 1_000.0 * PACKET).abs() < 1.0, "{summary}");
}

#[test]
fn with_loss_it_is_less_and_never_more_than_retransmission_can_have() {
    // 1 - p for one receiver. For five, 1 over the sum over k of 1 - (1 - p^k)^5.
    for (receivers, loss, bound) in [(1, "0.1", 0.9), (5, "0.1", 0.683_03), (5, "0.01", 0.952_82)] {
        let summary = goodput(&format!("--receivers {receivers} --messages 3000 --loss {loss}"));
        assert!((fraction(&summary, "goodput_bound") - bound).abs() < 1e-4, "{summary}");
        // In so few packets some more may come than is to be expected.
        let share = fraction(&summary, "goodput_share");
        assert!(share < bound * 1.01 && share > bound * 0.75, "{summary}");
        assert!(number(&summary, "repairs") > 0 && fraction(&summary, "link_used") > share, "{summary}");
    }
}

#[test]
fn the_link_is_as_fast_as_it_is_said_to_be() {
    for (rate, bytes) in [("1M", 1e6), ("50M", 50e6)] {
        let summary = goodput(&format!("--receivers 2 --messages 1000 --link-rate {rate}"));
        let speed = fraction(&summary, "goodput_bytes_per_s");
        assert!(speed < bytes * 1_400.0 / PACKET && speed > bytes * 0.94, "{rate}: {summary}");
    }
    let satellite = goodput("--preset satellite --receivers 1 --messages 100");
    assert_eq!(number(&satellite, "link_rate"), 2_500_000);
    assert_eq!(simulated("--preset satellite --receivers 1 --messages 100")["link_rate"], Value::Null);
}

#[test]
fn flow_control_holds_it_back() {
    // At most 64 packets are on their way in a round trip of 40 ms.
    let summary = goodput("--receivers 2 --messages 500 --window 64 --delay 20ms");
    let most = 64.0 * PACKET / 0.040 / 12.5e6;
    let share = fraction(&summary, "goodput_share");
    assert!(share < most && share > most / 4.0, "{most}: {summary}");
    let wide = goodput("--receivers 2 --messages 500 --window 8192 --delay 20ms");
    assert!(fraction(&wide, "goodput_share") > 0.7, "{wide}");
}

#[test]
fn the_bound_is_of_all_losses_that_are_independent_and_else_unknown() {
    let bound =
        |arguments: &str| goodput(&format!("--receivers 2 --messages 200 {arguments}"))["goodput_bound"].clone();
    let is = |bound: Value, expected: f64| bound.as_f64().is_some_and(|bound| (bound - expected).abs() < 1e-6);
    assert!(is(bound("--shared-loss 0.1"), 0.9));
    assert!(is(bound("--slow 0.2"), 0.8));
    // What each of two needs for itself, less what both need together: twice 1 / (1 - 1/4), less 1 / (1 - 1/16).
    assert!(is(bound("--loss 0.25 --slow 0.25"), 1.0 / (8.0 / 3.0 - 16.0 / 15.0)));
    for unknown in ["--loss 0.1 --burst 3", "--shared-every 50"] {
        assert_eq!(bound(unknown), Value::Null, "{unknown}");
    }
    let paced = simulated("--receivers 2 --messages 200 --loss 0.1");
    for field in ["goodput_bytes_per_s", "goodput_share", "goodput_bound", "link_used", "link_rate"] {
        assert_eq!(paced.get(field), Some(&Value::Null), "{field} is not asked for: {paced}");
    }
}

#[test]
fn people_see_it_beside_the_bound() {
    let options = "--receivers 2 --messages 500 --loss 0.05";
    let done = run(&format!("sim --goodput {options}"));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    assert!(done.stderr.contains("as fast as they go over a link of 12.50 MB a second"), "{}", done.stderr);
    let summary = goodput(options);
    // Cut off behind the second digit, as all sizes.
    let speed = (fraction(&summary, "goodput_bytes_per_s") / 1e4).floor() / 1e2;
    let share = |field| format!("{:.1} %", fraction(&summary, field) * 100.0);
    for (name, value) in [
        ("goodput", format!("{speed:.2} MB/s at the slowest receiver")),
        ("  with headers", format!("{} of the sender's link", share("goodput_share"))),
        ("  at most", format!("{} of the sender's link, with any repair by retransmission", share("goodput_bound"))),
        ("link used", share("link_used")),
    ] {
        assert!(done.stdout.contains(&format!("{name:<22} {value}")), "{name}, {value}: {:#?}", done.stdout);
    }
}

#[test]
fn a_sweep_has_it_in_rows_lines_and_a_picture() {
    let folder = Folder::new("goodput");
    let plot = folder.path("goodput.svg");
    let options = "--goodput --sweep --sweep-receivers 1,3 --sweep-loss 0,0.1 --messages 300 --seed 3";
    let done = run(&format!("sim {options} --json --quiet --plot {plot}"));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let cells = done.events("cell");
    let bounds: Vec<_> = cells.iter().map(|cell| fraction(cell, "goodput_bound")).collect();
    assert_eq!((bounds.len(), bounds[0], bounds[2]), (4, 1.0, 1.0));
    assert!(bounds[1] > bounds[3], "more receivers need more repairs: {bounds:?}");
    let alone = goodput("--receivers 3 --loss 0.1 --messages 300 --seed 3");
    assert_eq!((&cells[3]["digest"], &cells[3]["goodput_share"]), (&alone["digest"], &alone["goodput_share"]));
    let picture = fs::read_to_string(plot).expect("it is there");
    for part in ["loss 10 %", "3 receivers", "1 receiver\n", "loss into each receiver", "goodput, % of the sender"] {
        assert!(picture.contains(part), "{part}: {picture}");
    }
    let done = run(&format!("sim {options}"));
    assert_eq!((done.status, done.stdout.len()), (Some(0), 5), "a head and four rows: {:?}", done.stdout);
    assert!(done.stderr.contains("4 cells, 300 messages each, as fast as they go over a link of"), "{}", done.stderr);
    for (cell, row) in cells.iter().zip(&done.stdout[1..]) {
        let [share, bound, used] = ["goodput_share", "goodput_bound", "link_used"].map(|field| fraction(cell, field));
        let shown = [fraction(cell, "loss"), share, bound, share / bound, used].map(|value| value * 100.0);
        let is: Vec<f64> = percentages(row);
        let is_near = is.iter().zip(shown).all(|(is, shown)| (is - shown).abs() < 0.051);
        assert!(is.len() == shown.len() && is_near, "{row}: {shown:?}");
    }
    assert!(
        ["goodput", "of link", "bound", "of bound", "link used"].iter().all(|part| done.stdout[0].contains(part)),
        "{:?}",
        done.stdout
    );
    assert!(done.stdout[1..].iter().all(|row| row.contains("MB/s") && row.ends_with(" complete")), "{:?}", done.stdout);
}

#[test]
fn what_contradicts_it_is_refused() {
    refused("sim --goodput --rate 1000", &["--goodput", "--rate", "--link-rate"]);
    refused("sim --link-rate 1M", &["--goodput"]);
    refused("sim --goodput --link-rate 0", &["--link-rate"]);
    refused("sim --goodput --link-rate fast", &["--link-rate"]);
    refused("sim --goodput --sweep --loss 0.1", &["--sweep-loss"]);
}

/// The sender is mostly at a full queue.
#[test]
fn ctrl_c_ends_it_without_a_figure() {
    let done = interrupted("sim --goodput --receivers 5 --messages 4000000000 --link-rate 1M --json");
    let summary = done.summary();
    assert_eq!((done.status, &summary["interrupted"]), (Some(130), &true.into()));
    assert_eq!(summary["goodput_share"], Value::Null, "half a transfer says nothing");
    assert!(number(&summary, "packets") > 0, "{summary}");
}

/// Each cell would last for weeks.
#[test]
fn ctrl_c_ends_a_sweep_in_the_middle_of_a_cell() {
    let done = interrupted("sim --goodput --sweep --messages 4000000000 --link-rate 1M --json");
    assert_eq!((done.status, done.stdout.len()), (Some(130), 1), "a summary alone: {:?}", done.stdout);
    assert_eq!(counted(&done.summary()), (false, true, 0, 18));
    assert!(done.stderr.contains("18 cells, ") && done.stderr.contains("after 0 of 18 cells"), "{}", done.stderr);
}

/// Nobody would ever be through: all that is sent is lost, and yet it ends.
#[test]
fn who_gets_nothing_has_no_goodput() {
    let done = run("sim --goodput --receivers 2 --messages 50 --loss 1 --json");
    let summary = done.summary();
    assert_eq!(
        (done.status, &summary["goodput_share"], &summary["goodput_bound"]),
        (Some(1), &Value::Null, &Value::Null)
    );
}
