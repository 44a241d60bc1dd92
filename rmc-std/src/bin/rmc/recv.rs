//! `rmc recv`: one sender's stream, to a file or nowhere (S36).

mod output;
mod restarts;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rmc_std::{EndCause, Endpoint, EventMask, LossCause, Message, Received, RecvTimeoutError, SeqRange, Stream};
use serde_json::{Value, json};

use crate::args::RecvArgs;
use crate::json::{self, Lines};
use crate::progress::{self, Screen, Unit};
use crate::send::tell_events;
use crate::units::{per_second, show_bytes};
use crate::verify::StreamCheck;
use crate::{Failure, interrupt, node};
use output::Output;
use restarts::Restarts;

/// How often a wait looks for Ctrl-C, and lines are given to the system.
const GLANCE: Duration = Duration::from_millis(50);
/// How long the end is announced; then the others notice by themselves.
const FAREWELL: Duration = Duration::from_millis(50);

pub(crate) fn run(options: &RecvArgs) -> Result<ExitCode, Failure> {
    let to_stdout = options.output.as_deref() == Some(Path::new("-"));
    if to_stdout && options.node.output.json {
        return Err("--output - and --json both write to standard output: name a file for --output".to_owned());
    }
    let start = Instant::now();
    let lines = Lines::new(options.node.output.json, start);
    let screen = Screen::new(options.node.output);
    let builder = node::builder(&options.node, EventMask::DEFAULT)?.announce(true).join_policy(options.join.into());
    let builder = node::receiver(builder);
    let builder = node::lossy(builder, options.node.drop.unwrap_or(0.0), options.node.seed);
    let node = node::build(builder)?;
    screen.say(&format!("receiving from {} at {}", node.group(), node.local_addr()));
    let restarts = Restarts::default();
    let mut job = Job {
        options,
        node: &node,
        lines: &lines,
        screen: &screen,
        output: Output::open(options.output.as_deref())?,
        restarts: &restarts,
        streams: BTreeMap::new(),
        chosen: options.from,
        start,
    };
    let why = thread::scope(|scope| {
        scope.spawn(|| tell_events(&node, &lines, &screen, |event| restarts.tell_event(event)));
        let why = job.receive();
        node.start_finish(Duration::ZERO);
        node.wait_closed(Some(FAREWELL));
        node.close();
        why.and_then(|why| job.take_the_rest().map(|()| why))
    })?;
    job.output.flush()?;
    let ok = job.is_complete(why);
    job.summary(ok, why, to_stdout)?;
    Ok(match why {
        _ if ok => ExitCode::SUCCESS,
        Why::Interrupted => ExitCode::from(interrupt::STATUS),
        Why::Ended | Why::Expected | Why::TimedOut | Why::Closed => ExitCode::FAILURE,
    })
}

/// Why receiving ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// The sender's END was reached.
    Ended,
    /// What `--expect` asks for has come.
    Expected,
    /// `--timeout` ran out.
    TimedOut,
    Interrupted,
    Closed,
}

struct Job<'a> {
    options: &'a RecvArgs,
    node: &'a Endpoint,
    lines: &'a Lines,
    screen: &'a Screen,
    output: Output,
    restarts: &'a Restarts,
    /// The group streams of all senders, each in its latest epoch.
    streams: BTreeMap<SocketAddr, StreamCheck>,
    /// The sender that is written out.
    chosen: Option<SocketAddr>,
    start: Instant,
}

impl Job<'_> {
    fn receive(&mut self) -> Result<Why, Failure> {
        let bar = self.screen.bar("receiving", self.options.expect, Unit::Messages);
        let mut flushed = Instant::now();
        let why = loop {
            if interrupt::asked() {
                break Why::Interrupted;
            }
            let Some(wait) = self.time_left() else { break Why::TimedOut };
            match self.node.recv_timeout(wait.min(GLANCE)) {
                Ok(item) => {
                    if let Some(why) = self.take(item)? {
                        break why;
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break Why::Closed,
            }
            // Whoever reads along must not wait for buffers to fill, however steady the stream is.
            if flushed.elapsed() >= GLANCE {
                self.flush()?;
                flushed = Instant::now();
            }
            self.show(&bar);
        };
        bar.finish_and_clear();
        Ok(why)
    }

    /// What came of other senders has its lines, also if the end of the chosen one was faster.
    fn take_the_rest(&mut self) -> Result<(), Failure> {
        while let Ok(item) = self.node.try_recv() {
            if self.chosen.is_some_and(|chosen| chosen != item.peer()) {
                self.take(item)?;
            }
        }
        Ok(())
    }

    /// Gives what was written to the system.
    fn flush(&mut self) -> Result<(), Failure> {
        self.output.flush()?;
        self.lines.flush().map_err(|error| format!("cannot write to standard output: {error}"))
    }

    /// The time that `--timeout` leaves; `None`: none.
    fn time_left(&self) -> Option<Duration> {
        match self.options.timeout {
            None => Some(GLANCE),
            Some(timeout) => timeout.checked_sub(self.start.elapsed()).filter(|left| !left.is_zero()),
        }
    }

    fn take(&mut self, item: Received) -> Result<Option<Why>, Failure> {
        match item {
            Received::Message(message) => self.message(&message),
            Received::Lost { peer, stream, ranges, cause } => {
                self.lost(peer, stream, &ranges, cause)?;
                Ok(None)
            }
            Received::Restarted { peer, epoch } => self.restarted(peer, epoch),
            Received::Ended { peer, stream, cause } => Ok(self.ended(peer, stream, cause)),
            _ => Ok(None),
        }
    }

    fn message(&mut self, message: &Message) -> Result<Option<Why>, Failure> {
        if message.stream == Stream::Private {
            self.lines.message(message, crate::message::number(&message.payload), self.options.payload);
            return Ok(None);
        }
        let peer = message.peer;
        self.returned(peer)?;
        let chosen = *self.chosen.get_or_insert(peer);
        let number = self.check(peer).message(message.seq, message.index, &message.payload);
        self.lines.message(message, number, self.options.payload);
        if peer != chosen {
            return Ok(None);
        }
        self.output.write(&message.payload)?;
        let has_all = self.options.expect.is_some_and(|expected| self.check(peer).has(expected));
        Ok(has_all.then_some(Why::Expected))
    }

    fn lost(&mut self, peer: SocketAddr, stream: Stream, ranges: &[SeqRange], cause: LossCause) -> Result<(), Failure> {
        self.lines.event("got_lost", json::lost_fields(peer, stream, ranges, cause));
        if stream == Stream::Private {
            return Ok(());
        }
        self.returned(peer)?;
        self.check(peer).lost(ranges);
        if self.chosen.is_none_or(|chosen| chosen == peer) {
            let ranges: Vec<_> = ranges.iter().map(ToString::to_string).collect();
            self.screen.insist(&format!(
                "rmc: {peer}: {} lost for good ({})",
                ranges.join(", "),
                json::loss_name(cause)
            ));
        }
        Ok(())
    }

    /// The stream begins again at 1, and so does everything that is known of it.
    fn restarted(&mut self, peer: SocketAddr, epoch: u32) -> Result<Option<Why>, Failure> {
        let former = self.streams.insert(peer, StreamCheck::new(Some(epoch)));
        if self.restarts.tell_in_stream(peer, epoch) {
            let old_epoch = former.and_then(|check| check.epoch);
            self.lines.event("peer_restarted", json!({ "peer": peer, "old_epoch": old_epoch, "epoch": epoch }));
        }
        if self.chosen == Some(peer) {
            self.screen.insist(&format!("rmc: {peer} has restarted: its stream begins anew"));
            self.output.restart()?;
        }
        Ok(None)
    }

    fn ended(&mut self, peer: SocketAddr, stream: Stream, cause: EndCause) -> Option<Why> {
        self.lines.event("ended", json::ended_fields(peer, stream, cause));
        if stream == Stream::Private {
            return None;
        }
        let finished = cause == EndCause::Finished;
        let check = self.check(peer);
        check.finished |= finished;
        check.over = true;
        if self.chosen != Some(peer) {
            return None;
        }
        if !finished {
            self.screen.insist(&format!("rmc: {peer} is not heard any more"));
            return None;
        }
        let Some(expected) = self.options.expect else { return Some(Why::Ended) };
        let came = self.check(peer).messages;
        self.screen.insist(&format!(
            "rmc: {peer} has ended after {came} of {expected} messages: waiting for it to start again (Ctrl-C ends)"
        ));
        None
    }

    /// What is known of the peer's stream.
    fn check(&mut self, peer: SocketAddr) -> &mut StreamCheck {
        let (node, restarts) = (self.node, self.restarts);
        self.streams.entry(peer).or_insert_with(|| {
            restarts.has_stream(peer);
            StreamCheck::new(epoch_of(node, peer))
        })
    }

    /// A peer that has expired and comes back goes on where it stood. With another epoch it is a new peer to the
    /// protocol, which then tells of no restart.
    fn returned(&mut self, peer: SocketAddr) -> Result<(), Failure> {
        let Some(check) = self.streams.get_mut(&peer).filter(|check| check.over) else { return Ok(()) };
        check.over = false;
        match epoch_of(self.node, peer) {
            Some(epoch) if check.epoch.is_some_and(|known| known != epoch) => self.restarted(peer, epoch).map(drop),
            _ => Ok(()),
        }
    }

    /// Whether the stream that was followed is whole, and what was expected came.
    fn is_complete(&self, why: Why) -> bool {
        let Some(check) = self.chosen.and_then(|chosen| self.streams.get(&chosen)) else { return false };
        match self.options.expect {
            Some(expected) => check.has(expected),
            None => why == Why::Ended && check.is_whole(),
        }
    }

    fn show(&self, bar: &ProgressBar) {
        let Some(check) = self.chosen.and_then(|chosen| self.streams.get(&chosen)) else { return };
        if !check.messages.is_multiple_of(64) {
            return;
        }
        bar.set_position(check.messages);
        let stats = self.node.stats();
        bar.set_message(format!(
            "{}, {} repaired, {} lost, {} peers",
            show_bytes(check.bytes),
            stats.repair.repaired,
            check.lost,
            stats.held.peers
        ));
    }

    fn summary(&self, ok: bool, why: Why, to_stdout: bool) -> Result<(), Failure> {
        let check = self.chosen.and_then(|chosen| self.streams.get(&chosen));
        let elapsed = self.start.elapsed();
        let stats = self.node.stats();
        if self.lines.are_wanted() {
            self.lines.event("summary", self.summary_fields(ok, why, check));
            return self.lines.flush().map_err(|error| format!("cannot write to standard output: {error}"));
        }
        if let Some(fault) = check.and_then(|check| check.fault) {
            self.screen.insist(&format!("rmc: {fault}"));
        }
        if why == Why::TimedOut {
            self.screen.insist("rmc: the time ran out (--timeout)");
        }
        let (messages, bytes, lost) = check.map_or((0, 0, 0), |check| (check.messages, check.bytes, check.lost));
        let text = format!(
            "{}: received {messages} messages, {} in {elapsed:.2?} ({}/s); {} repaired, {} NACKs, {lost} lost",
            if ok { "complete" } else { "INCOMPLETE" },
            show_bytes(bytes),
            show_bytes(per_second(bytes, elapsed)),
            stats.repair.repaired,
            stats.repair.nacks_sent,
        );
        match (self.options.node.output.quiet, to_stdout) {
            (true, _) => Ok(()),
            (false, true) => {
                self.screen.say(&text);
                Ok(())
            }
            (false, false) => progress::print(&text),
        }
    }

    fn summary_fields(&self, ok: bool, why: Why, check: Option<&StreamCheck>) -> Value {
        let senders: Vec<_> = self
            .streams
            .iter()
            .map(|(peer, check)| {
                json!({
                    "peer": peer, "epoch": check.epoch, "messages": check.messages, "bytes": check.bytes,
                    "lost": check.lost, "finished": check.finished,
                    "fault": check.fault.map(|fault| fault.to_string()),
                })
            })
            .collect();
        json!({
            "ok": ok,
            "why": match why {
                Why::Ended => "ended",
                Why::Expected => "expected",
                Why::TimedOut => "timeout",
                Why::Interrupted => "interrupted",
                Why::Closed => "closed",
            },
            "peer": self.chosen,
            "epoch": check.and_then(|check| check.epoch),
            "messages": check.map_or(0, |check| check.messages),
            "bytes": check.map_or(0, |check| check.bytes),
            "lost": check.map_or(0, |check| check.lost),
            "generated": check.is_some_and(StreamCheck::is_generated),
            "fault": check.and_then(|check| check.fault).map(|fault| fault.to_string()),
            "expected": self.options.expect,
            "seconds": self.start.elapsed().as_secs_f64(),
            "senders": senders,
            "stats": json::stats_value(&self.node.stats(), &self.node.socket_stats()),
        })
    }
}

fn epoch_of(node: &Endpoint, peer: SocketAddr) -> Option<u32> {
    node.peer(peer).map(|peer| peer.epoch)
}
