//! `rmc send`: a file, standard input, or generated messages.

mod source;

use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rmc_std::{Endpoint, Event, EventMask, PeerInfo, Received, RecvTimeoutError, SendError};
use serde_json::json;

use crate::args::SendArgs;
use crate::json::{self, Lines};
use crate::let_go::LetGo;
use crate::progress::{self, Screen, Unit};
use crate::units::{per_second, show_bytes};
use crate::{Failure, interrupt, message, node};
use source::Source;

/// How often a wait looks for Ctrl-C.
const GLANCE: Duration = Duration::from_millis(100);
/// Longer than anybody waits for a message.
const FOREVER: Duration = Duration::from_secs(1 << 32);
/// However many requests come, repairs end after so long.
const MAX_LINGER: Duration = Duration::from_secs(300);
/// The status where all was sent, and not all receivers were waited for to have it.
const LET_GO: u8 = 3;

pub(crate) fn run(options: &SendArgs) -> Result<ExitCode, Failure> {
    options.check()?;
    let source = Source::open(options)?;
    let start = Instant::now();
    let lines = Lines::new(options.node.output.json, start);
    let screen = Screen::new(options.node.output);
    let builder = node::builder(&options.node, EventMask::DEFAULT)?;
    let builder = node::sender(builder, options.backlog, options.node.max_rate);
    let builder = node::lossy(builder, options.node.drop.unwrap_or(0.0), options.node.seed);
    let node = node::build(builder)?;
    screen.say(&format!("sending from {} to {}", node.local_addr(), node.group()));
    let let_go = LetGo::default();
    let job = Job { options, node: &node, lines: &lines, screen: &screen };
    let outcome = thread::scope(|scope| {
        scope.spawn(|| {
            tell_events(&node, &lines, &screen, |event| {
                let_go.heed(event, &screen);
                true
            });
        });
        scope.spawn(|| tell_received(&node, &lines));
        let outcome = job.run(source);
        // Whatever happened, the two threads end when the node is closed.
        node.close();
        outcome
    })?;
    let let_go = let_go.count(&node.stats());
    job.summary(&outcome, let_go, start.elapsed())?;
    Ok(match (outcome.interrupted, outcome.sent_all) {
        (true, _) => ExitCode::from(interrupt::STATUS),
        (false, true) if let_go > 0 => ExitCode::from(LET_GO),
        (false, true) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    })
}

struct Job<'a> {
    options: &'a SendArgs,
    node: &'a Endpoint,
    lines: &'a Lines,
    screen: &'a Screen,
}

/// What became of it.
#[derive(Clone, Copy, Default)]
struct Outcome {
    messages: u64,
    bytes: u64,
    sending: Duration,
    sent_all: bool,
    interrupted: bool,
}

impl Job<'_> {
    fn run(&self, source: Source) -> Result<Outcome, Failure> {
        if !self.wait_for_receivers() {
            return Ok(Outcome { interrupted: true, ..Outcome::default() });
        }
        let mut outcome = self.send_all(source)?;
        if !self.linger(outcome.interrupted) {
            outcome.interrupted = true;
        }
        Ok(outcome)
    }

    /// Waits for `--wait` receivers; `false`: interrupted.
    fn wait_for_receivers(&self) -> bool {
        let wanted = self.options.wait;
        let bar = self.screen.bar("receivers", Some(wanted as u64), Unit::Messages);
        loop {
            let announced = self.node.peers().iter().filter(|peer| is_receiver(peer)).count();
            bar.set_position(announced.min(wanted) as u64);
            if announced >= wanted {
                bar.finish_and_clear();
                return true;
            }
            if interrupt::asked() {
                bar.finish_and_clear();
                return false;
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    fn send_all(&self, mut source: Source) -> Result<Outcome, Failure> {
        let bar = match source.bytes {
            Some(bytes) => self.screen.bar("sending", Some(bytes), Unit::Bytes),
            None => self.screen.bar("sending", self.options.generate, Unit::Messages),
        };
        let start = Instant::now();
        let mut pace = Pace::new(self.options.rate, start);
        let mut outcome = Outcome::default();
        let mut buffer = Vec::new();
        let finished = loop {
            if interrupt::asked() {
                outcome.interrupted = true;
                break false;
            }
            match source.next(&mut buffer) {
                Ok(true) => {}
                // An empty input is one empty message: without any, receivers would never learn of its end.
                Ok(false) if outcome.messages == 0 => buffer.clear(),
                Ok(false) => break true,
                // Input that did not come: Ctrl-C is looked for above.
                Err(_) if interrupt::asked() => continue,
                Err(error) => return Err(error),
            }
            if !pace.wait() || !self.send(&buffer)? {
                outcome.interrupted = true;
                break false;
            }
            outcome.messages += 1;
            outcome.bytes += buffer.len() as u64;
            self.show(&bar, &source, &outcome);
        };
        // All of it must have left before the end is announced and the linger begins.
        while finished && self.node.flush(Some(GLANCE)).is_err() {
            if interrupt::asked() || self.node.is_closed() {
                outcome.interrupted = true;
                break;
            }
        }
        outcome.sent_all = finished && !outcome.interrupted;
        outcome.sending = start.elapsed();
        bar.finish_and_clear();
        Ok(outcome)
    }

    /// Sends one message, with patience; `false`: interrupted.
    fn send(&self, payload: &[u8]) -> Result<bool, Failure> {
        let limit = node::queue_limit(&self.options.node);
        loop {
            if limit.is_some_and(|limit| self.is_behind(limit, payload.len())) {
                if interrupt::asked() {
                    return Ok(false);
                }
                thread::sleep(Duration::from_millis(2));
                continue;
            }
            match self.node.send_timeout(payload, GLANCE) {
                Ok(_) => return Ok(true),
                Err(SendError::Full) if interrupt::asked() => return Ok(false),
                Err(SendError::Full) => {}
                Err(error) => return Err(error.to_string()),
            }
        }
    }

    /// Whether so much waits to leave that one more message would be too much.
    fn is_behind(&self, limit: usize, len: usize) -> bool {
        let queued = self.node.stats().held.queued_bytes;
        queued > 0 && queued + len > limit
    }

    fn show(&self, bar: &ProgressBar, source: &Source, outcome: &Outcome) {
        if !outcome.messages.is_multiple_of(64) {
            return;
        }
        bar.set_position(if source.bytes.is_some() { outcome.bytes } else { outcome.messages });
        let stats = self.node.stats();
        bar.set_message(format!("{} repairs, {} peers", stats.repair.repairs_sent, stats.held.peers));
    }

    /// Announces the end and serves repairs; `false`: Ctrl-C cut it short. One that ended the sending does not count
    /// here.
    fn linger(&self, was_interrupted: bool) -> bool {
        let bar = self.screen.bar("finishing", None, Unit::Messages);
        let limit = Instant::now() + MAX_LINGER;
        self.node.start_finish(self.options.linger);
        let mut patient = true;
        while patient && !self.node.wait_closed(Some(GLANCE)) && Instant::now() < limit {
            bar.set_message(format!("{} repairs", self.node.stats().repair.repairs_sent));
            patient = was_interrupted || !interrupt::asked();
        }
        bar.finish_and_clear();
        patient
    }

    fn summary(&self, outcome: &Outcome, let_go: u64, elapsed: Duration) -> Result<(), Failure> {
        let stats = self.node.stats();
        if self.lines.are_wanted() {
            let fields = json!({
                "ok": outcome.sent_all && !outcome.interrupted && let_go == 0,
                "messages": outcome.messages,
                "bytes": outcome.bytes,
                "interrupted": outcome.interrupted,
                "let_go": let_go,
                "sending_s": outcome.sending.as_secs_f64(),
                "seconds": elapsed.as_secs_f64(),
                "stats": json::stats_value(&stats, &self.node.socket_stats()),
            });
            self.lines.event("summary", fields);
            return self.lines.flush().map_err(|error| format!("cannot write to standard output: {error}"));
        }
        if !self.options.node.output.quiet {
            let text = format!(
                "sent {} messages, {} in {:.2?} ({}/s); {} NACKs, {} repairs, {} told lost, {let_go} let go",
                outcome.messages,
                show_bytes(outcome.bytes),
                outcome.sending,
                show_bytes(per_second(outcome.bytes, outcome.sending)),
                stats.repair.nacks_received,
                stats.repair.repairs_sent,
                stats.repair.lost_sent,
            );
            return progress::print(&text);
        }
        Ok(())
    }
}

/// Spreads messages over time (`--rate`).
struct Pace {
    interval: Option<Duration>,
    /// When the next message may be sent.
    due: Instant,
}

impl Pace {
    /// A sleep that was too long may be made up for; input that did not come may not, or it would all leave at once.
    const ARREARS: Duration = Duration::from_millis(100);

    fn new(rate: Option<f64>, start: Instant) -> Self {
        let interval = rate.map(|rate| Duration::try_from_secs_f64(rate.recip()).unwrap_or(FOREVER).min(FOREVER));
        Self { interval, due: start }
    }

    /// Waits until the next message is due; `false`: interrupted.
    fn wait(&mut self) -> bool {
        let Some(interval) = self.interval else { return true };
        let now = Instant::now();
        self.due = self.due.max(now.checked_sub(Self::ARREARS).unwrap_or(now));
        loop {
            let left = self.due.saturating_duration_since(Instant::now());
            if left.is_zero() {
                self.due += interval;
                return true;
            }
            if interrupt::asked() {
                return false;
            }
            thread::sleep(left.min(GLANCE));
        }
    }
}

/// Whether a peer has made itself known without sending anything: another sender is none to wait for.
fn is_receiver(peer: &PeerInfo) -> bool {
    peer.group.is_none_or(|stream| stream.known == 0)
}

/// Takes what others send, so that it does not pile up, and writes its lines.
fn tell_received(node: &Endpoint, lines: &Lines) {
    for item in node {
        match item {
            Received::Message(message) => lines.message(&message, message::number(&message.payload), false),
            Received::Lost { peer, stream, ranges, cause } => {
                lines.event("got_lost", json::lost_fields(peer, stream, &ranges, cause));
            }
            Received::Ended { peer, stream, cause } => lines.event("ended", json::ended_fields(peer, stream, cause)),
            _ => {}
        }
    }
}

/// Writes a line for each event that is to be told until the node is closed; says what a person must know.
pub(crate) fn tell_events(node: &Endpoint, lines: &Lines, screen: &Screen, is_told: impl Fn(&Event) -> bool) {
    loop {
        match node.next_event_timeout(GLANCE) {
            Ok(event) => {
                if let Event::Notice(notice) = &event {
                    screen.say(&format!("rmc: {notice}"));
                }
                if is_told(&event)
                    && lines.are_wanted()
                    && let Some((name, fields)) = json::event_fields(&event)
                {
                    lines.event(name, fields);
                }
            }
            Err(RecvTimeoutError::Timeout) => drop(lines.flush()),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
