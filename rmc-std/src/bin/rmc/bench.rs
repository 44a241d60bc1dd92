//! `rmc bench`: how many messages a second get through, and how long each takes; in one process, or in several.

mod histogram;
mod message;
mod receiver;

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rmc_std::{Endpoint, Event, EventKind, EventMask, SendError};
use serde_json::{Value, json};

use crate::args::{BenchArgs, Role};
use crate::json::{self, Lines};
use crate::let_go::LetGo;
use crate::progress::{self, Screen, Unit};
use crate::units::{per_second, show_bytes};
use crate::{Failure, interrupt, node};
use histogram::Histogram;
pub(crate) use message::MIN_SIZE;
use receiver::Report;

/// How often waits look for Ctrl-C.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the sender waits for its receivers.
const GATHERING: Duration = Duration::from_secs(20);
/// How long the sender serves repairs after the last request.
const LINGER: Duration = Duration::from_secs(1);
/// How long all receivers may need for what was sent last.
const REST: Duration = Duration::from_secs(30);
/// How many messages are sent between two looks at the time.
const STRIDE: u64 = 64;

pub(crate) fn run(options: &BenchArgs) -> Result<ExitCode, Failure> {
    options.check()?;
    let lines = Lines::new(options.node.output.json, Instant::now());
    let screen = Screen::new(options.node.output);
    let outcome = match options.role {
        Role::All => all(options, &screen)?,
        Role::Send => Outcome { sent: Some(send_to_others(options, &screen)?), reports: Vec::new() },
        Role::Recv => Outcome { sent: None, reports: vec![receive_from_others(options, &screen)?] },
    };
    let ok = outcome.is_whole();
    if lines.are_wanted() {
        lines.event("summary", summary(options, &outcome));
        lines.flush().map_err(|error| format!("cannot write to standard output: {error}"))?;
    } else if !options.node.output.quiet {
        progress::print(&table(options, &outcome))?;
    }
    Ok(match (ok, interrupt::asked()) {
        (_, true) => ExitCode::from(interrupt::STATUS),
        (true, false) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}

/// What a sender has at the end.
struct Sent {
    messages: u64,
    /// From the first message until all receivers had the last, as far as that was waited for.
    elapsed: Duration,
    /// All that acknowledge have everything, and none of them was let go.
    acknowledged: bool,
    let_go: u64,
    stats: Value,
}

struct Outcome {
    sent: Option<Sent>,
    reports: Vec<Report>,
}

impl Outcome {
    fn is_whole(&self) -> bool {
        let has_all = |report: &Report| {
            report.is_whole() && self.sent.as_ref().is_none_or(|sent| sent.messages == report.messages)
        };
        self.sent.as_ref().is_none_or(|sent| sent.acknowledged) && self.reports.iter().all(has_all)
    }

    /// The latencies of all receivers.
    fn latency(&self) -> Histogram {
        let mut all = Histogram::new();
        self.reports.iter().for_each(|report| all.merge(&report.latency));
        all
    }
}

fn receiving_node(options: &BenchArgs, index: u16) -> Result<Endpoint, Failure> {
    // A port and a seed that were named are the sender's, if there is one here.
    let mut own = options.node.clone();
    if options.role == Role::All {
        own.bind = own.bind.map(|address| (address.ip(), 0).into());
        own.seed = own.seed.map(|seed| seed.wrapping_add(1 + u64::from(index)));
    }
    let builder = node::builder(&own, EventMask::NONE)?.announce(true);
    node::build(node::lossy(builder, own.drop.unwrap_or(0.0), own.seed))
}

fn sending_node(options: &BenchArgs) -> Result<Endpoint, Failure> {
    let events = EventMask::NONE.with(EventKind::PeerFinished).with(EventKind::PeerEvicted);
    node::build(node::builder(&options.node, events)?)
}

/// A small socket buffer is what most often keeps a benchmark slow.
fn say_what_is_small(node: &Endpoint, screen: &Screen) {
    while let Ok(event) = node.try_next_event() {
        if let Event::Notice(notice) = event {
            screen.say(&notice.to_string());
        }
    }
}

fn all(options: &BenchArgs, screen: &Screen) -> Result<Outcome, Failure> {
    let receivers =
        (0..options.receivers).map(|index| receiving_node(options, index)).collect::<Result<Vec<_>, _>>()?;
    let sender = sending_node(options)?;
    receivers.first().into_iter().for_each(|receiver| say_what_is_small(receiver, screen));
    let running = AtomicUsize::new(receivers.len());
    thread::scope(|scope| {
        let threads: Vec<_> = (1..)
            .zip(&receivers)
            .map(|(index, receiver): (usize, _)| {
                let bar = screen.bar(&format!("receiver {index}"), options.messages, Unit::Messages);
                let (running, sender) = (&running, &sender);
                scope.spawn(move || {
                    let report = receiver::receive(receiver, &bar, || sender.is_closed());
                    running.fetch_sub(1, Ordering::Relaxed);
                    report
                })
            })
            .collect();
        let sent = send(options, &sender, screen);
        sender.start_finish(LINGER);
        while running.load(Ordering::Relaxed) > 0 && !sender.wait_closed(Some(GLANCE)) && !interrupt::asked() {}
        sender.close();
        let reports = threads.into_iter().map(|thread| thread.join().map_err(|_| "a receiver panicked".to_owned()));
        let reports = reports.collect::<Result<_, _>>();
        Ok(Outcome { sent: Some(sent?), reports: reports? })
    })
}

fn send_to_others(options: &BenchArgs, screen: &Screen) -> Result<Sent, Failure> {
    let sender = sending_node(options)?;
    let sent = send(options, &sender, screen)?;
    sender.start_finish(LINGER);
    while !sender.wait_closed(Some(GLANCE)) && !interrupt::asked() {}
    Ok(sent)
}

fn receive_from_others(options: &BenchArgs, screen: &Screen) -> Result<Report, Failure> {
    let node = receiving_node(options, 0)?;
    say_what_is_small(&node, screen);
    screen.say(&format!("waiting for a sender to {}, Ctrl-C ends it", node.group()));
    let bar = screen.bar("received", options.messages, Unit::Messages);
    Ok(receiver::receive(&node, &bar, || false))
}

/// Sends until the time is over, all is sent, or Ctrl-C.
fn send(options: &BenchArgs, sender: &Endpoint, screen: &Screen) -> Result<Sent, Failure> {
    gather(options, sender)?;
    let bar = screen.bar("sender", options.messages, Unit::Messages);
    let mut message = vec![0; options.size];
    let most = options.messages.unwrap_or(u64::MAX);
    let begun = Instant::now();
    let until = options.time().and_then(|time| begun.checked_add(time));
    let mut sent = 0;
    // With a rate each message looks at the time, which there is enough of.
    let stride = if options.rate.is_some() { 1 } else { STRIDE };
    while sent < most {
        if sent.is_multiple_of(stride) {
            if interrupt::asked() || until.is_some_and(|until| Instant::now() >= until) {
                break;
            }
            if sent.is_multiple_of(stride * 16) {
                bar.set_position(sent);
            }
        }
        if let Some(rate) = options.rate {
            wait_for_turn(begun, sent, rate);
        }
        message::fill(&mut message, sent, message::now());
        match sender.send_timeout(&message, GLANCE) {
            Ok(_) => sent += 1,
            Err(SendError::Full) if interrupt::asked() => break,
            Err(SendError::Full) => {}
            Err(error) => return Err(error.to_string()),
        }
    }
    bar.set_position(sent);
    let all_have_it = all_have_it(sender);
    let elapsed = begun.elapsed();
    bar.finish();
    let let_go = LetGo::default();
    while let Ok(event) = sender.try_next_event() {
        let_go.heed(&event, screen);
    }
    // Whoever is not waited for any more holds nothing back: that need not mean that it has everything.
    let stats = sender.stats();
    let (let_go, acknowledged) = (stats.tx.let_go, all_have_it && stats.tx.let_go == 0);
    let stats = json::stats_value(&stats, &sender.socket_stats());
    Ok(Sent { messages: sent, elapsed, acknowledged, let_go, stats })
}

fn gather(options: &BenchArgs, sender: &Endpoint) -> Result<(), Failure> {
    let begun = Instant::now();
    while sender.peers().len() < usize::from(options.receivers) && !interrupt::asked() {
        if begun.elapsed() > GATHERING {
            return Err(format!(
                "only {} of {} receivers were heard: start them first (rmc bench --role recv), with the same --group, and see that {} carries multicast (on Linux for 127.0.0.1: `ip link set lo multicast on`)",
                sender.peers().len(),
                options.receivers,
                options.node.interface
            ));
        }
        thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

fn wait_for_turn(begun: Instant, sent: u64, rate: f64) {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
    let due = Duration::try_from_secs_f64(sent as f64 / rate).unwrap_or_default();
    thread::sleep(due.saturating_sub(begun.elapsed()));
}

fn all_have_it(sender: &Endpoint) -> bool {
    let begun = Instant::now();
    while begun.elapsed() < REST {
        if sender.flush(Some(GLANCE)).is_ok() {
            return true;
        }
        if interrupt::asked() {
            return false;
        }
    }
    false
}

fn micros(time: Option<Duration>) -> f64 {
    time.map_or(0.0, |time| time.as_secs_f64() * 1e6)
}

const QUANTILES: [(u64, &str); 4] = [(500, "p50"), (900, "p90"), (990, "p99"), (999, "p99.9")];

fn table(options: &BenchArgs, outcome: &Outcome) -> String {
    let mut lines = Vec::new();
    if let Some(sent) = &outcome.sent {
        let bytes = sent.messages * options.size as u64;
        lines.push(format!(
            "sent {} messages of {} bytes in {:.2} s: {} messages/s, {}/s{}",
            sent.messages,
            options.size,
            sent.elapsed.as_secs_f64(),
            per_second(sent.messages, sent.elapsed),
            show_bytes(per_second(bytes, sent.elapsed)),
            match (sent.acknowledged, sent.let_go) {
                (true, _) => String::new(),
                (false, 0) => "; NOT all was acknowledged".to_owned(),
                (false, let_go) => format!("; NOT all was acknowledged, {let_go} let go"),
            }
        ));
    }
    for (index, report) in (1..).zip(&outcome.reports) {
        let index: usize = index;
        let result = if report.is_whole() {
            "complete, in order, intact".to_owned()
        } else if report.messages == 0 {
            "NOTHING CAME".to_owned()
        } else {
            format!(
                "{} MISSING, {} packets LOST, {} WRONG{}",
                report.missing,
                report.lost,
                report.wrong,
                if report.finished { "" } else { ", NO END" }
            )
        };
        lines.push(format!(
            "receiver {index}: {} messages/s, {}/s, {} repaired, {result}",
            report.messages_per_second(),
            show_bytes(report.bytes_per_second()),
            report.stats.repair.repaired
        ));
    }
    let latency = outcome.latency();
    if latency.longest().is_some() {
        let quantiles = QUANTILES.map(|(per_mille, name)| format!("{name} {:.1}", micros(latency.quantile(per_mille))));
        let what =
            if options.rate.is_some() || options.role == Role::Recv { "" } else { " (at full speed: mostly queues)" };
        lines.push(format!("latency in us: {}, max {:.1}{what}", quantiles.join(", "), micros(latency.longest())));
    }
    lines.join("\n")
}

fn summary(options: &BenchArgs, outcome: &Outcome) -> Value {
    let latency = |histogram: &Histogram| {
        let mut fields: serde_json::Map<String, Value> = QUANTILES
            .iter()
            .map(|&(per_mille, name)| (name.replace('.', ""), json!(micros(histogram.quantile(per_mille)))))
            .collect();
        fields.insert("max".to_owned(), json!(micros(histogram.longest())));
        fields
    };
    let receivers: Vec<_> = outcome
        .reports
        .iter()
        .map(|report| {
            json!({
                "ok": report.is_whole(),
                "messages": report.messages,
                "bytes": report.bytes,
                "missing": report.missing,
                "lost": report.lost,
                "wrong": report.wrong,
                "finished": report.finished,
                "repaired": report.stats.repair.repaired,
                "nacks": report.stats.repair.nacks_sent,
                "seconds": report.elapsed.as_secs_f64(),
                "messages_per_second": report.messages_per_second(),
                "bytes_per_second": report.bytes_per_second(),
                "latency_us": latency(&report.latency),
            })
        })
        .collect();
    let sender = outcome.sent.as_ref().map(|sent| {
        json!({
            "messages": sent.messages,
            "seconds": sent.elapsed.as_secs_f64(),
            "messages_per_second": per_second(sent.messages, sent.elapsed),
            "bytes_per_second": per_second(sent.messages * options.size as u64, sent.elapsed),
            "acknowledged": sent.acknowledged,
            "let_go": sent.let_go,
            "stats": sent.stats,
        })
    });
    json!({
        "ok": outcome.is_whole(),
        "size": options.size,
        "rate": options.rate,
        "sender": sender,
        "receivers": receivers,
    })
}
