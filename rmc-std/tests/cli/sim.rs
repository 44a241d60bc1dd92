//! `rmc sim`.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::options::refused;
use crate::program::{Done, Folder, Program, run};

/// The only line of a run that is to succeed.
pub(crate) fn simulated(arguments: &str) -> Value {
    let done = run(&format!("sim --json --quiet {arguments}"));
    assert_eq!((done.status, done.stdout.len()), (Some(0), 1), "{arguments}: {}", done.stderr);
    done.summary()
}

/// The same, and the lines of its trace.
fn traced(name: &str, arguments: &str) -> (Value, Vec<String>) {
    let folder = Folder::new(name);
    let path = folder.path("trace");
    let summary = simulated(&format!("{arguments} --trace {path}"));
    let trace = fs::read_to_string(&path).expect("the trace was written");
    (summary, trace.lines().map(str::to_owned).collect())
}

/// Without what depends on the machine.
fn timeless(mut summary: Value) -> Value {
    let fields = summary.as_object_mut().expect("it is an object");
    for field in ["t", "wall_s", "peak_rss_mb"] {
        assert!(fields.remove(field).is_some(), "{field} is there");
    }
    summary
}

pub(crate) fn number(summary: &Value, field: &str) -> u64 {
    summary[field].as_u64().unwrap_or_else(|| panic!("{field} is a number: {summary}"))
}

fn containing<'a>(lines: &'a [String], part: &str) -> Vec<&'a String> {
    lines.iter().filter(|line| line.contains(part)).collect()
}

/// The number of the packet that a line of a trace is about.
fn seq(line: &str) -> u64 {
    let (_, rest) = line.split_once(" seq ").expect("the packet has a number");
    rest.split(' ').next().and_then(|seq| seq.parse().ok()).expect("it is a number")
}

/// The time of a line of a trace, in nanoseconds.
fn nanos(line: &str) -> u64 {
    let (seconds, nanos) = line.split(' ').next().and_then(|time| time.split_once('.')).expect("it begins with a time");
    seconds.parse::<u64>().expect("a number") * 1_000_000_000 + nanos.parse::<u64>().expect("a number")
}

#[test]
fn json_is_one_line_with_these_fields() {
    let summary = simulated("--receivers 5 --messages 200 --loss 0.05");
    assert_eq!(summary["ok"], true);
    let digest = summary["digest"].as_str().expect("a text");
    assert!(digest.len() == 16 && digest.bytes().all(|digit| digit.is_ascii_hexdigit()), "{digest}");
    for field in ["lost_packets", "nacks", "nacks_first_loss", "nacks_from_11th", "repairs"] {
        assert!(number(&summary, field) > 0, "{field}: {summary}");
    }
    let recoveries = ["recovery_p50_us", "recovery_p99_us", "recovery_max_us"].map(|field| number(&summary, field));
    assert!(recoveries[0] >= 1_000 && recoveries.is_sorted(), "at least a round trip: {summary}");
    for field in ["transmissions_per_packet", "virtual_s", "wall_s"] {
        assert!(summary[field].as_f64() > Some(0.0), "{field}: {summary}");
    }
    assert_eq!(summary["peak_rss_mb"].is_f64(), cfg!(target_os = "linux"), "{summary}");
    let sent = u32::try_from(200 + number(&summary, "repairs")).map(f64::from).expect("it is small");
    let per_packet = summary["transmissions_per_packet"].as_f64().expect("a number");
    assert!((per_packet * 200.0 - sent).abs() < 1e-6, "{summary}");
}

#[test]
fn without_loss_nothing_is_lost() {
    let summary = simulated("--receivers 5 --messages 200 --loss 0");
    for field in ["lost_packets", "nacks", "nacks_first_loss", "nacks_from_11th", "repairs"] {
        assert_eq!(number(&summary, field), 0, "{field}: {summary}");
    }
    for field in ["recovery_p50_us", "recovery_p99_us", "recovery_max_us"] {
        assert_eq!(summary[field], Value::Null, "{field}: {summary}");
    }
    assert_eq!(summary["transmissions_per_packet"], 1.0);
}

#[test]
fn the_same_seed_gives_the_same_run_and_another_one_another() {
    let options = "--receivers 10 --messages 300 --loss 0.05 --shared-loss 0.01 --jitter 1ms --burst 3 --slow 0.2";
    let one = simulated(&format!("{options} --seed 7"));
    let again = simulated(&format!("{options} --seed 7"));
    let other = simulated(&format!("{options} --seed 8"));
    assert_ne!(one["digest"], other["digest"]);
    assert_eq!(timeless(one), timeless(again));
    assert_eq!(simulated("--receivers 1 --messages 1")["seed"], 1, "unless told otherwise");
}

#[test]
fn recording_changes_nothing() {
    let options = "--receivers 3 --messages 100 --loss 0.1";
    let (recorded, trace) = traced("recording", options);
    assert_eq!(timeless(recorded), timeless(simulated(options)));
    assert!(trace[0].starts_with("0.000000000 n0 starts"), "{}", trace[0]);
}

#[test]
fn loss_is_each_receiver_s_own_and_not_the_sender_s() {
    let (summary, trace) = traced("loss", "--receivers 4 --messages 500 --loss 0.1");
    assert!(containing(&trace, " all miss (").is_empty());
    assert!(containing(&trace, " n0 misses (").is_empty(), "no NACK is lost");
    for receiver in 1..=4 {
        let missed = containing(&trace, &format!(" n{receiver} misses (lost)")).len();
        assert!((25..=100).contains(&missed), "n{receiver} has missed {missed}, about 55 are to be expected");
    }
    let first: Vec<_> = containing(&trace, " misses (").into_iter().filter(|line| !line.contains("RESENT")).collect();
    let lost: BTreeSet<_> = first.iter().filter(|line| line.contains("RMC data")).map(|line| seq(line)).collect();
    assert_eq!(number(&summary, "lost_packets"), lost.len() as u64, "each counts once, whoever missed it");
    assert!(lost.len() < first.len());
}

#[test]
fn shared_loss_is_the_same_for_all() {
    let (summary, trace) = traced("shared", "--receivers 4 --messages 500 --shared-loss 0.1");
    assert!(containing(&trace, " misses (").is_empty());
    let missed = containing(&trace, " all miss (lost)");
    assert!(missed.iter().all(|line| line.contains("from 10.0.0.1:")), "only what leaves the sender");
    let first = missed.iter().filter(|line| line.contains("RMC data") && !line.contains("RESENT"));
    let lost: BTreeSet<_> = first.map(|line| seq(line)).collect();
    assert_eq!(number(&summary, "lost_packets"), lost.len() as u64);
    assert!((25..=100).contains(&lost.len()), "{} are lost, about 50 are to be expected", lost.len());
}

#[test]
fn every_nth_is_lost_once_for_all_and_nothing_else() {
    let (summary, trace) = traced("every", "--receivers 3 --messages 119 --rate 100 --shared-every 10");
    assert!(containing(&trace, " misses (").is_empty());
    let missed = containing(&trace, " all miss (");
    assert_eq!(missed.iter().map(|line| seq(line)).collect::<Vec<_>>(), (10..119).step_by(10).collect::<Vec<_>>());
    assert!(missed.iter().all(|line| line.contains("RMC data")), "{missed:?}");
    assert_eq!(number(&summary, "lost_packets"), 11);
    let nacks = containing(&trace, " n0 gets").into_iter().filter(|line| line.contains("RMC nack"));
    assert_eq!(nacks.clone().count() as u64, number(&summary, "nacks"));
    let naming = |seq: u64| nacks.clone().filter(|line| line.contains(&format!("missing {seq} "))).count() as u64;
    assert_eq!((naming(10), naming(110)), (number(&summary, "nacks_first_loss"), number(&summary, "nacks_from_11th")));
    assert!(naming(10) > 0 && naming(110) > 0);
}

#[test]
fn slow_is_one_receiver() {
    let (_, trace) = traced("slow", "--receivers 4 --messages 200 --slow 0.5");
    assert!(containing(&trace, " all miss (").is_empty());
    let missed = containing(&trace, " misses (").len();
    assert!(missed > 80, "{missed}");
    assert_eq!(containing(&trace, " n1 misses (lost)").len(), missed, "nobody else misses anything");
}

#[test]
fn bursts_lose_as_much_in_fewer_places() {
    let runs = |trace: &[String]| {
        let first = containing(trace, " n1 misses").into_iter().filter(|line| !line.contains("RESENT"));
        let lost: Vec<_> = first.filter(|line| line.contains("RMC data")).map(|line| seq(line)).collect();
        let gaps = lost.windows(2).filter(|pair| pair[0] + 1 != pair[1]).count();
        (lost.len(), gaps + 1)
    };
    let (_, trace) = traced("burst", "--receivers 1 --messages 4000 --loss 0.1 --burst 10");
    let (lost, bursts) = runs(&trace);
    assert!((200..=800).contains(&lost), "{lost} are lost, about 400 are to be expected");
    assert!((5..=20).contains(&(lost / bursts)), "{lost} are lost in {bursts} bursts");
    let (_, trace) = traced("burst", "--receivers 1 --messages 4000 --loss 0.1");
    let (lost, bursts) = runs(&trace);
    assert!(lost / bursts < 2, "{lost} are lost in {bursts} bursts");
}

/// When something that `from` sends leaves it and comes to `to`, in nanoseconds from one to the other.
fn ways(trace: &[String], from: &str, to: &str, kind: &str) -> Vec<u64> {
    let sent = containing(trace, &format!(" {from} sends ")).into_iter().filter(|line| line.contains(kind));
    let got = containing(trace, &format!(" {to} gets ")).into_iter().filter(|line| line.contains(kind));
    sent.zip(got).map(|(sent, got)| nanos(got) - nanos(sent)).collect()
}

#[test]
fn the_delay_is_that_of_each_way() {
    let (summary, trace) = traced("delay", "--receivers 1 --messages 50 --shared-every 10 --delay 7ms --rate 50");
    for way in [ways(&trace, "n1", "n0", "nack"), ways(&trace, "n0", "n1", "RESENT")] {
        assert!(!way.is_empty() && way.iter().all(|&nanos| nanos == 7_000_000), "{way:?}");
    }
    assert_eq!(number(&summary, "recovery_p50_us"), 14_000, "a round trip");
    let options = "--receivers 1 --messages 50 --shared-every 10 --delay 7ms --jitter 2ms --rate 50";
    let (_, trace) = traced("delay", options);
    for way in [ways(&trace, "n1", "n0", "nack"), ways(&trace, "n0", "n1", "RESENT")] {
        assert!(way.iter().all(|nanos| (7_000_000..=9_000_000).contains(nanos)), "{way:?}");
        assert!(way.iter().any(|&nanos| nanos != way[0]), "{way:?}");
    }
}

#[test]
fn a_preset_is_a_network_that_options_change() {
    for preset in ["lan", "wifi", "wan", "satellite", "datacenter"] {
        let summary = simulated(&format!("--preset {preset} --receivers 3 --messages 200"));
        assert_eq!((&summary["preset"], &summary["ok"]), (&preset.into(), &true.into()));
    }
    let wan = simulated("--preset wan --receivers 3 --messages 200 --loss 0 --shared-every 50");
    assert_eq!((number(&wan, "delay_us"), number(&wan, "lost_packets")), (40_000, 4));
    assert!(number(&wan, "recovery_p50_us") >= 80_000, "{wan}");
    let near = simulated("--preset wan --receivers 3 --messages 200 --loss 0 --shared-every 50 --delay 1ms");
    assert!(number(&near, "recovery_p50_us") < 20_000, "{near}");
}

#[test]
fn the_files_are_a_trace_and_a_capture() {
    let folder = Folder::new("files");
    let (trace, pcap) = (folder.path("trace.txt"), folder.path("capture.pcap"));
    // What was there goes.
    fs::write(&trace, "x".repeat(1 << 20)).expect("it can be written");
    let summary = simulated(&format!("--receivers 2 --messages 20 --size 50 --trace {trace} --pcap {pcap}"));
    assert_eq!(number(&summary, "lost_packets"), 0);
    let trace = fs::read_to_string(trace).expect("it is there");
    let sent = trace.lines().filter(|line| line.contains(" sends ")).count();
    assert_eq!(trace.lines().filter(|line| line.contains(" n2 delivers n0 group ")).count(), 20);
    assert!(trace.starts_with("0.000000000 n0 starts with epoch 0x00000001\n") && !trace.contains("xx"));
    let pcap = fs::read(pcap).expect("it is there");
    let magic = 0xa1b2_3c4d_u32.to_le_bytes();
    assert!(pcap.starts_with(&magic), "a capture with nanoseconds");
    let mut rest = &pcap[24..];
    let mut packets = 0;
    while let Some((header, body)) = rest.split_first_chunk::<16>() {
        let len = u32::from_le_bytes([header[8], header[9], header[10], header[11]]);
        let len = usize::try_from(len).expect("it is short");
        assert_eq!((body[0], body[9]), (0x45, 17), "IPv4 and UDP");
        rest = &body[len..];
        packets += 1;
    }
    assert_eq!((packets, rest.len()), (sent, 0), "each datagram that was sent, once");
}

#[test]
fn a_sweep_has_a_line_for_each_cell_and_a_picture() {
    let folder = Folder::new("sweep");
    let plot = folder.path("sweep.svg");
    let options = "--sweep --sweep-receivers 1,3 --sweep-loss 0,0.1 --messages 50 --seed 3";
    let done = run(&format!("sim {options} --json --quiet --plot {plot}"));
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let cells = done.events("cell");
    let places: Vec<_> = cells.iter().map(|cell| (number(cell, "receivers"), cell["loss"].as_f64())).collect();
    assert_eq!(places, [(1, Some(0.0)), (1, Some(0.1)), (3, Some(0.0)), (3, Some(0.1))]);
    let alone = simulated("--receivers 3 --loss 0.1 --messages 50 --seed 3");
    assert_eq!(cells[3]["digest"], alone["digest"], "a cell is a run like any other");
    assert_eq!(done.lines().len(), 5, "four cells and a summary");
    assert_eq!(counted(&done.summary()), (true, false, 4, 4));
    let picture = fs::read_to_string(plot).expect("it is there");
    assert!(picture.starts_with("<svg ") && picture.trim_end().ends_with("</svg>"));
    let done = run(&format!("sim {options}"));
    assert_eq!((done.status, done.stdout.len()), (Some(0), 5), "a head and four rows: {:?}", done.stdout);
    assert_eq!(done.stdout.iter().filter(|line| line.ends_with(" complete")).count(), 4, "{:?}", done.stdout);
}

#[test]
fn people_get_a_table() {
    let done = run("sim --receivers 2 --messages 100 --loss 0.05");
    assert_eq!(done.status, Some(0), "{}", done.stderr);
    let table = done.stdout.join("\n");
    for part in ["2 of 2: everything, in order, intact", "lost packets", "NACKs", "p99", "digest"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    assert!(done.stderr.contains("seed 1"), "{}", done.stderr);
    let done = run("sim --receivers 2 --messages 100 --quiet");
    assert_eq!((done.status, done.stdout.len(), done.stderr.as_str()), (Some(0), 0, ""));
}

#[test]
fn who_gets_nothing_is_named() {
    let done = run("sim --receivers 3 --messages 5 --slow 1 --json");
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"], number(&summary, "complete")), (Some(1), &false.into(), 2));
    assert!(done.stderr.contains("2 of 3 receivers have everything"), "{}", done.stderr);
    assert!(done.stderr.contains("n1 waits for n0's group stream"), "{}", done.stderr);
}

#[test]
fn what_cannot_be_is_refused_and_leaves_no_file() {
    refused("sim --loss 1.1", &["--loss", "between 0 and 1"]);
    refused("sim --shared-loss 2", &["--shared-loss", "between 0 and 1"]);
    refused("sim --slow much", &["--slow", "between 0 and 1"]);
    refused("sim --receivers 0", &["--receivers"]);
    refused("sim --messages 0", &["--messages"]);
    refused("sim --rate 0", &["--rate"]);
    refused("sim --size 9Mi", &["1 to 8388608"]);
    refused("sim --delay 5", &["5 has no unit"]);
    refused("sim --preset moon", &["lan, wifi, wan, satellite and datacenter"]);
    refused("sim --sweep --receivers 5", &["--sweep-receivers"]);
    refused("sim --sweep --loss 0.1", &["--sweep-loss"]);
    refused("sim --sweep --trace x", &["--trace", "alone"]);
    refused("sim --plot x.svg", &["--sweep"]);
    refused("sim --trace /no/such/folder/trace", &["/no/such/folder/trace"]);
    let folder = Folder::new("refused");
    let path = folder.path("trace");
    refused(&format!("sim --loss 0.9 --burst 2 --trace {path}"), &["--loss", "set --burst to 9"]);
    refused(&format!("sim --trace {path} --pcap {path}"), &["named twice"]);
    refused(&format!("sim --trace {path} --pcap /no/such/folder/pcap"), &["/no/such/folder/pcap"]);
    assert!(!Path::new(&path).exists());
}

pub(crate) fn interrupted(arguments: &str) -> Done {
    let program = Program::start(arguments);
    // However far it is by then: it cannot be through.
    thread::sleep(Duration::from_secs(2));
    program.signal("-INT");
    program.done()
}

#[test]
fn ctrl_c_ends_it_with_what_there_is() {
    let folder = Folder::new("interrupted");
    let trace = folder.path("trace");
    let done = interrupted(&format!("sim --receivers 50 --messages 4000000000 --rate 100 --json --trace {trace}"));
    let summary = done.summary();
    assert_eq!((done.status, &summary["ok"], &summary["interrupted"]), (Some(130), &false.into(), &true.into()));
    assert!(number(&summary, "packets") > 0, "{summary}");
    assert!(done.stderr.contains("interrupted"), "{}", done.stderr);
    let trace = fs::read_to_string(trace).expect("it is there");
    assert!(trace.starts_with("0.000000000 n0 starts") && trace.ends_with('\n'));
}

#[test]
fn ctrl_c_ends_a_sweep_between_its_lines() {
    let folder = Folder::new("interrupted-sweep");
    let plot = folder.path("sweep.svg");
    let done = interrupted(&format!("sim --sweep --sweep-receivers 1000 --messages 4000000000 --json --plot {plot}"));
    assert_eq!((done.status, done.stdout.len()), (Some(130), 1), "a summary alone: {:?}", done.stdout);
    assert_eq!(counted(&done.summary()), (false, true, 0, 6));
    assert!(done.stderr.contains("after 0 of 6 cells"), "{}", done.stderr);
    assert!(!Path::new(&plot).exists(), "there is nothing to draw");
}

/// The first cell is through when the signal comes, the second one lasts for minutes.
#[test]
fn ctrl_c_ends_a_sweep_after_the_cells_that_are_through() {
    let program = Program::start("sim --sweep --sweep-receivers 1,1000 --sweep-loss 0 --messages 50000 --json");
    program.wait_for("\"event\":\"cell\"");
    program.signal("-INT");
    let done = program.done();
    assert_eq!(done.status, Some(130), "{}", done.stderr);
    assert_eq!(counted(&done.summary()), (false, true, 1, 2), "the one that was complete is not enough");
    assert!(done.stderr.contains("after 1 of 2 cells"), "{}", done.stderr);
}

/// What the summary of a sweep says: whether all is well, whether it was interrupted, how many cells it has, of how many.
pub(crate) fn counted(summary: &Value) -> (bool, bool, u64, u64) {
    let is = |name: &str| summary[name].as_bool().expect("yes or no");
    (is("ok"), is("interrupted"), number(summary, "cells"), number(summary, "planned"))
}
