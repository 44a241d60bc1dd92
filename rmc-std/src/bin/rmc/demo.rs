//! `rmc demo`: a sender and several receivers on this host, each with sockets of its own, and loss on the way in.

use std::process::ExitCode;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rmc_std::{EndCause, Endpoint, EventMask, Received, RecvTimeoutError, SendError, Stats, Stream};
use serde_json::{Value, json};

use crate::args::{DemoArgs, check_generated};
use crate::json::{self, Lines};
use crate::progress::{self, Screen, Unit};
use crate::units::{per_second, show_bytes};
use crate::verify::StreamCheck;
use crate::{Failure, interrupt, message, node};

const DEFAULT_DROP: f64 = 0.05;
/// How often waits look for Ctrl-C.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the sender waits for the receivers to announce themselves.
const GATHERING: Duration = Duration::from_secs(20);
/// How long the sender serves repairs after the last request.
const LINGER: Duration = Duration::from_secs(5);

pub(crate) fn run(options: &DemoArgs) -> Result<ExitCode, Failure> {
    check_generated(options.size)?;
    let start = Instant::now();
    let lines = Lines::new(options.node.output.json, start);
    let screen = Screen::new(options.node.output);
    let (sender, receivers) = build(options)?;
    screen.say(&format!(
        "{} receivers of {} at {}, each loses {} % of what comes in",
        receivers.len(),
        sender.local_addr(),
        sender.group(),
        options.node.drop.unwrap_or(DEFAULT_DROP) * 100.0
    ));
    let reports = perform(options, &sender, &receivers, &screen)?;
    let ok = reports.iter().all(|report| report.is_complete(options.messages));
    let stats = sender.stats();
    if lines.are_wanted() {
        lines.event("summary", summary_fields(options, ok, &reports, &sender, start.elapsed()));
        lines.flush().map_err(|error| format!("cannot write to standard output: {error}"))?;
    } else if !options.node.output.quiet {
        progress::print(&table(options, &reports, &stats))?;
    }
    Ok(match (ok, interrupt::asked()) {
        (true, _) => ExitCode::SUCCESS,
        (false, true) => ExitCode::from(interrupt::STATUS),
        (false, false) => ExitCode::FAILURE,
    })
}

/// What one receiver has at the end.
struct Report {
    check: StreamCheck,
    stats: Stats,
    elapsed: Duration,
}

impl Report {
    /// Every message came, in order and intact, and the end was told.
    fn is_complete(&self, messages: u64) -> bool {
        let check = &self.check;
        check.is_whole() && check.messages == messages && check.first_number == Some(0)
    }
}

fn build(options: &DemoArgs) -> Result<(Endpoint, Vec<Endpoint>), Failure> {
    let drop = options.node.drop.unwrap_or(DEFAULT_DROP);
    let receivers = (0..options.receivers)
        .map(|index| {
            // A port and a seed that were named are the sender's.
            let mut own = options.node.clone();
            own.bind = own.bind.map(|address| (address.ip(), 0).into());
            own.seed = own.seed.map(|seed| seed.wrapping_add(1 + u64::from(index)));
            let builder = node::receiver(node::builder(&own, EventMask::NONE)?.announce(true));
            node::build(node::lossy(builder, drop, own.seed))
        })
        .collect::<Result<Vec<_>, _>>()?;
    let sender = node::builder(&options.node, EventMask::NONE)?;
    let sender = node::build(node::sender(sender, None, options.node.max_rate))?;
    Ok((sender, receivers))
}

fn perform(
    options: &DemoArgs,
    sender: &Endpoint,
    receivers: &[Endpoint],
    screen: &Screen,
) -> Result<Vec<Report>, Failure> {
    let running = AtomicUsize::new(receivers.len());
    thread::scope(|scope| {
        let threads: Vec<_> = (1..)
            .zip(receivers)
            .map(|(index, receiver): (usize, _)| {
                let bar = screen.bar(&format!("receiver {index}"), Some(options.messages), Unit::Messages);
                let running = &running;
                scope.spawn(move || {
                    let report = receive(receiver, sender, &bar);
                    running.fetch_sub(1, Ordering::Relaxed);
                    report
                })
            })
            .collect();
        let sent = send(options, sender, receivers.len(), screen);
        if sent.is_ok() && !interrupt::asked() {
            sender.start_finish(LINGER);
            // Nobody asks any more when all receivers are done.
            while running.load(Ordering::Relaxed) > 0 && !sender.wait_closed(Some(GLANCE)) && !interrupt::asked() {}
        }
        sender.close();
        if sent.is_err() || interrupt::asked() {
            receivers.iter().for_each(Endpoint::close);
        }
        let reports = threads.into_iter().map(|thread| thread.join().map_err(|_| "a receiver panicked".to_owned()));
        let reports = reports.collect();
        sent.and(reports)
    })
}

fn send(options: &DemoArgs, sender: &Endpoint, receivers: usize, screen: &Screen) -> Result<(), Failure> {
    let gathering = Instant::now();
    while sender.peers().len() < receivers && !interrupt::asked() {
        if gathering.elapsed() > GATHERING {
            return Err(format!(
                "only {} of {receivers} receivers were heard: does {} carry multicast? (127.0.0.1 does on Linux: `ip link set lo multicast on`)",
                sender.peers().len(),
                options.node.interface
            ));
        }
        thread::sleep(Duration::from_millis(5));
    }
    let bar = screen.bar("sender", Some(options.messages), Unit::Messages);
    let mut buffer = Vec::new();
    for number in 0..options.messages {
        message::generate(number, options.size, &mut buffer);
        loop {
            if interrupt::asked() {
                return Ok(());
            }
            match sender.send_timeout(&buffer, GLANCE) {
                Ok(_) => break,
                Err(SendError::Full) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
        if number.is_multiple_of(256) {
            bar.set_position(number);
        }
    }
    bar.finish();
    Ok(())
}

/// Receives until the sender's end, or until there is nothing more to wait for.
fn receive(receiver: &Endpoint, sender: &Endpoint, bar: &ProgressBar) -> Report {
    let mut check = StreamCheck::new(None);
    let mut begun = None;
    loop {
        match receiver.recv_timeout(GLANCE) {
            Ok(item) if item.peer() != sender.local_addr() => {}
            Ok(Received::Message(message)) if message.stream == Stream::Group => {
                begun.get_or_insert_with(Instant::now);
                check.message(message.seq, message.index, &message.payload);
                if check.messages.is_multiple_of(256) {
                    bar.set_position(check.messages);
                }
            }
            Ok(Received::Lost { ranges, .. }) => check.lost(&ranges),
            Ok(Received::Ended { cause, .. }) => {
                check.finished = cause == EndCause::Finished;
                break;
            }
            Ok(_) => {}
            Err(RecvTimeoutError::Timeout) if sender.is_closed() || interrupt::asked() => break,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    bar.set_position(check.messages);
    bar.finish();
    let elapsed = begun.map_or(Duration::ZERO, |begun| begun.elapsed());
    let stats = receiver.stats();
    receiver.close();
    Report { check, stats, elapsed }
}

fn table(options: &DemoArgs, reports: &[Report], sender: &Stats) -> String {
    let mut lines = vec![format!(
        "{:<10} {:>10} {:>10} {:>10} {:>8} {:>10} {:>12}  result",
        "receiver", "delivered", "repaired", "NACKs", "lost", "time", "rate"
    )];
    for (index, report) in (1..).zip(reports) {
        let index: usize = index;
        let result = match report.check.fault {
            None if report.is_complete(options.messages) => "complete, in order, intact".to_owned(),
            None => "INCOMPLETE".to_owned(),
            Some(fault) => format!("FAULTY: {fault}"),
        };
        lines.push(format!(
            "{index:<10} {:>10} {:>10} {:>10} {:>8} {:>8.2} s {:>10}/s  {result}",
            report.check.messages,
            report.stats.repair.repaired,
            report.stats.repair.nacks_sent,
            report.check.lost,
            report.elapsed.as_secs_f64(),
            show_bytes(per_second(report.check.bytes, report.elapsed)),
        ));
    }
    lines.push(format!(
        "sender: {} messages in {} packets, {} repairs for {} NACKs",
        sender.tx.messages, sender.tx.packets, sender.repair.repairs_sent, sender.repair.nacks_received
    ));
    lines.join("\n")
}

fn summary_fields(options: &DemoArgs, ok: bool, reports: &[Report], sender: &Endpoint, elapsed: Duration) -> Value {
    let receivers: Vec<_> = reports
        .iter()
        .map(|report| {
            json!({
                "ok": report.is_complete(options.messages),
                "delivered": report.check.messages,
                "bytes": report.check.bytes,
                "lost": report.check.lost,
                "fault": report.check.fault.map(|fault| fault.to_string()),
                "repaired": report.stats.repair.repaired,
                "nacks": report.stats.repair.nacks_sent,
                "seconds": report.elapsed.as_secs_f64(),
                "bytes_per_second": per_second(report.check.bytes, report.elapsed),
            })
        })
        .collect();
    json!({
        "ok": ok,
        "messages": options.messages,
        "size": options.size,
        "drop": options.node.drop.unwrap_or(DEFAULT_DROP),
        "seconds": elapsed.as_secs_f64(),
        "receivers": receivers,
        "sender": json::stats_value(&sender.stats(), &sender.socket_stats()),
    })
}
