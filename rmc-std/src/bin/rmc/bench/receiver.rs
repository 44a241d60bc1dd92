//! The receiving side: what one receiver counts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rmc_std::{Batch, EndCause, Endpoint, Lent, RecvTimeoutError, Stats};

use super::histogram::Histogram;
use super::message;
use crate::interrupt;
use crate::units::{per_second, show_bytes};

/// How often waits look for Ctrl-C.
const GLANCE: Duration = Duration::from_millis(50);
/// How often what people see is renewed.
const SHOWN: Duration = Duration::from_millis(200);

/// What one receiver has at the end.
pub(super) struct Report {
    pub(super) messages: u64,
    pub(super) bytes: u64,
    /// Messages that are not there: the numbers say so.
    pub(super) missing: u64,
    /// Packets that are lost for good: also those of the last messages, behind which no number tells.
    pub(super) lost: u64,
    /// Messages that are not what was sent, or came out of order.
    pub(super) wrong: u64,
    pub(super) latency: Histogram,
    /// From the first message to the last.
    pub(super) elapsed: Duration,
    /// The sender announced its end.
    pub(super) finished: bool,
    pub(super) stats: Stats,
}

impl Report {
    /// Everything up to the end came, in order and intact.
    pub(super) const fn is_whole(&self) -> bool {
        self.finished && self.missing == 0 && self.lost == 0 && self.wrong == 0 && self.messages > 0
    }

    pub(super) fn messages_per_second(&self) -> u64 {
        per_second(self.messages, self.elapsed)
    }

    pub(super) fn bytes_per_second(&self) -> u64 {
        per_second(self.bytes, self.elapsed)
    }
}

/// Receives one sender's stream to its end. `gone`: it will not come any more.
pub(super) fn receive(node: &Endpoint, bar: &ProgressBar, gone: impl Fn() -> bool) -> Report {
    let mut batch = Batch::default();
    let mut sender: Option<SocketAddr> = None;
    let (mut next, mut begun, mut last, mut shown) = (0, None, Instant::now(), Instant::now());
    let mut report = Report {
        messages: 0,
        bytes: 0,
        missing: 0,
        lost: 0,
        wrong: 0,
        latency: Histogram::new(),
        elapsed: Duration::ZERO,
        finished: false,
        stats: node.stats(),
    };
    'stream: loop {
        match node.recv_batch(&mut batch, Some(GLANCE)) {
            Ok(()) => {}
            Err(RecvTimeoutError::Timeout) if interrupt::asked() || gone() => break,
            Err(RecvTimeoutError::Timeout) => continue,
            Err(RecvTimeoutError::Disconnected) => break,
        }
        // Once for all that came together.
        let now = message::now();
        while let Some(item) = batch.next() {
            match item {
                Lent::Message { peer, payload, .. } if sender.is_none_or(|sender| sender == peer) => {
                    sender = Some(peer);
                    begun.get_or_insert_with(Instant::now);
                    report.messages += 1;
                    report.bytes += payload.len() as u64;
                    match message::read(payload) {
                        Some((number, time)) if number >= next => {
                            report.missing += number - next;
                            report.latency.add(now.saturating_sub(time));
                            next = number + 1;
                        }
                        _ => report.wrong += 1,
                    }
                }
                Lent::Lost { peer, ranges, .. } if sender.is_none_or(|sender| sender == peer) => {
                    sender = Some(peer);
                    report.lost += ranges.iter().map(|range| range.len()).sum::<u64>();
                }
                Lent::Ended { peer, cause, .. } if sender == Some(peer) => {
                    report.finished = cause == EndCause::Finished;
                    break 'stream;
                }
                _ => {}
            }
        }
        last = Instant::now();
        if last.duration_since(shown) >= SHOWN {
            shown = last;
            bar.set_position(report.messages);
            let elapsed = begun.map_or(Duration::ZERO, |begun| last - begun);
            bar.set_message(format!("{}/s", show_bytes(per_second(report.bytes, elapsed))));
        }
    }
    bar.set_position(report.messages);
    bar.finish();
    report.elapsed = begun.map_or(Duration::ZERO, |begun| last.saturating_duration_since(begun));
    report.stats = node.stats();
    report
}
