//! When a stream's heartbeats are due (S22, S23, F12, F16, F18; RMC-HB-3 to RMC-HB-5, RMC-END-1).

use core::time::Duration;

use crate::packet::NO_PROMISE;
use crate::time::{Instant, micros};

/// The heartbeats of one stream.
#[derive(Clone, Copy, Default)]
pub(crate) struct Heartbeats {
    phase: Phase,
    /// The index of the interval in use.
    index: usize,
    /// When the next one is due, unless data leaves before.
    deadline: Option<Instant>,
    /// It is due and waits to be polled.
    due: bool,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Phase {
    /// Nothing was sent yet, everything was acknowledged, or the end was announced: nothing is promised.
    #[default]
    Quiet,
    /// Down the table, then its last interval again and again.
    Running,
    /// Down the table once, with END.
    Ending,
    /// The end was announced.
    Ended,
}

/// What a Heartbeat says about the next packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Promise {
    pub(crate) index: u8,
    /// Microseconds; 0: nothing.
    pub(crate) interval: u32,
    pub(crate) end: bool,
}

impl Heartbeats {
    /// The index that every packet of the stream carries.
    pub(crate) fn index(&self) -> u8 {
        match self.phase {
            Phase::Running | Phase::Ending => wire_index(self.index),
            Phase::Quiet | Phase::Ended => NO_PROMISE,
        }
    }

    /// The index into the table that is in use, promised or not.
    pub(crate) fn table_index(&self) -> u8 {
        wire_index(self.index)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.due
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.phase == Phase::Ended
    }

    /// Whether heartbeats go on.
    pub(crate) fn is_running(&self) -> bool {
        self.phase == Phase::Running
    }

    /// New data leaves: the intervals start over (S22).
    pub(crate) fn data_left(&mut self, now: Instant, table: &[Duration]) {
        self.begin(now, table, 0);
    }

    /// The intervals go on with `index`.
    pub(crate) fn begin(&mut self, now: Instant, table: &[Duration], index: usize) {
        if self.phase == Phase::Ended {
            return;
        }
        *self = Self { phase: Phase::Running, index, deadline: Some(now + interval(table, index)), due: false };
    }

    /// A NACK was served: the shortest interval is in use again. It brings the next heartbeat nearer, never further
    /// (F12).
    pub(crate) fn hasten(&mut self, now: Instant, table: &[Duration]) {
        if self.phase != Phase::Running || self.due {
            return;
        }
        self.index = 0;
        let soon = now + interval(table, 0);
        self.deadline = Some(self.deadline.map_or(soon, |deadline| deadline.min(soon)));
    }

    /// Everything is acknowledged: nothing more is promised (S18).
    pub(crate) fn stop(&mut self) {
        *self = Self { phase: if self.has_ended() { Phase::Ended } else { Phase::Quiet }, ..Self::default() };
    }

    /// Announces the end: one Heartbeat at once, then one after each interval of the table (S31).
    pub(crate) fn end(&mut self) {
        *self = Self { phase: Phase::Ending, index: 0, deadline: None, due: true };
    }

    /// The end needs no announcement.
    pub(crate) fn skip_end(&mut self) {
        *self = Self { phase: Phase::Ended, ..Self::default() };
    }

    /// Looks at the time; returns whether a heartbeat has become due.
    pub(crate) fn check(&mut self, now: Instant) -> bool {
        if self.deadline.is_none_or(|deadline| deadline > now) {
            return false;
        }
        self.deadline = None;
        self.due = true;
        true
    }

    /// The heartbeat that is due leaves now: what it promises.
    pub(crate) fn leave(&mut self, now: Instant, table: &[Duration]) -> Promise {
        self.due = false;
        let end = self.phase == Phase::Ending;
        if end {
            let step = self.index;
            self.index += 1;
            let Some(&interval) = table.get(step) else {
                *self = Self { phase: Phase::Ended, ..Self::default() };
                return Promise { index: NO_PROMISE, interval: 0, end };
            };
            self.deadline = Some(now + interval);
            return Promise { index: wire_index(step), interval: micros(interval), end };
        }
        self.index = (self.index + 1).min(table.len().saturating_sub(1));
        let interval = interval(table, self.index);
        self.deadline = Some(now + interval);
        Promise { index: wire_index(self.index), interval: micros(interval), end }
    }

    /// What a Heartbeat says that is sent out of turn, as an answer: it changes nothing.
    pub(crate) fn aside(&self, now: Instant) -> Promise {
        let left = self.deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_since(now));
        let end = matches!(self.phase, Phase::Ending | Phase::Ended);
        if self.due {
            // One is about to leave: a promise of the least that the wire can say.
            return Promise { index: self.index(), interval: MIN_INTERVAL, end };
        }
        let interval = if self.deadline.is_some() { micros(left).max(MIN_INTERVAL) } else { 0 };
        Promise { index: self.index(), interval, end }
    }
}

/// 1 ms, the least interval that the wire can carry, in microseconds.
const MIN_INTERVAL: u32 = 1_000;

fn interval(table: &[Duration], index: usize) -> Duration {
    table.get(index).or(table.last()).copied().unwrap_or(Duration::from_secs(1))
}

/// The table has at most 128 entries, so that an index fits.
fn wire_index(index: usize) -> u8 {
    u8::try_from(index).unwrap_or(NO_PROMISE - 1)
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Heartbeats { phase, index, deadline, due }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Phase {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        to.word(*self as u64);
    }
}
