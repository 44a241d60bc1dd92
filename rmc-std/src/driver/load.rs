//! What a node does when messages and datagrams come thick and fast: it lets some gather, as network cards do with
//! their interrupts. While they come one by one nothing waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rmc_core::Instant;

/// So many in a row make a stream.
const STREAM: u32 = 8;
/// A call of `send` that comes so soon after the one before was through belongs to one stream with it.
const SEND_GAP: Duration = Duration::from_micros(5);
/// So many bytes of messages are worth a system call at once.
const ENOUGH: usize = 60_000;
/// What a message takes besides its payload where it is packed with others.
const RECORD: usize = 2;
/// After so long without a message a stream of them is over.
const OVER: Duration = Duration::from_millis(1);

/// The messages that one thread after the other hands in.
#[derive(Debug)]
pub(super) struct SendLoad {
    pause: Duration,
    in_a_row: u32,
    /// When the last call was through.
    last: Instant,
    /// The messages that wait for more of them.
    bytes: usize,
    waiting: Arc<Waiting>,
    /// The timer thread looks again by itself.
    pub(super) watched: bool,
}

/// What the timer thread looks at, without the lock that every message takes: waiting for that would make both slow.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    /// Since when messages wait, in nanoseconds; 0: none does.
    since: AtomicU64,
    /// When the last one was told to.
    last: AtomicU64,
}

impl Waiting {
    /// Whether messages have waited long enough.
    pub(super) fn is_due(&self, now: Instant, pause: Duration) -> bool {
        self.since().is_some_and(|since| now >= since + pause)
    }

    /// Whether messages come thick and fast.
    pub(super) fn streams(&self, now: Instant, pause: Duration) -> bool {
        let last = Instant::from_nanos(self.last.load(Ordering::Relaxed));
        last > Instant::ORIGIN && now.saturating_since(last) < OVER.max(4 * pause)
    }

    fn since(&self) -> Option<Instant> {
        let nanos = self.since.load(Ordering::Relaxed);
        (nanos > 0).then(|| Instant::from_nanos(nanos))
    }
}

/// What is to become of a message that the protocol has taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// It leaves now, by the thread that brought it.
    Leave,
    /// It waits for more, and somebody will look after it.
    Wait,
    /// It waits for more, until this time at the latest: somebody must be told.
    WaitUntil(Instant),
}

impl SendLoad {
    /// `pause`: how long messages may wait at most; zero: not at all.
    pub(super) fn new(pause: Duration) -> Self {
        Self { pause, in_a_row: 0, last: Instant::ORIGIN, bytes: 0, waiting: Arc::default(), watched: false }
    }

    pub(super) fn waiting(&self) -> Arc<Waiting> {
        Arc::clone(&self.waiting)
    }

    /// A message of `len` bytes was taken.
    pub(super) fn taken(&mut self, len: usize, now: Instant) -> Next {
        if self.pause.is_zero() {
            return Next::Leave;
        }
        let gap = now.saturating_since(self.last);
        self.last = now;
        // A thread that had to wait for a processor once does not end a stream.
        self.in_a_row = if gap <= SEND_GAP {
            (self.in_a_row + 1).min(4 * STREAM)
        } else if gap < OVER {
            self.in_a_row.saturating_sub(STREAM / 2)
        } else {
            0
        };
        if self.in_a_row < STREAM {
            return Next::Leave;
        }
        self.bytes += len + RECORD;
        self.waiting.last.store(now.as_nanos(), Ordering::Relaxed);
        let Some(since) = self.waiting.since() else {
            self.waiting.since.store(now.as_nanos(), Ordering::Relaxed);
            return if self.watched { Next::Wait } else { Next::WaitUntil(now + self.pause) };
        };
        if self.bytes < ENOUGH && now < since + self.pause {
            return Next::Wait;
        }
        // Nobody else need look after them.
        self.flushed();
        Next::Leave
    }

    /// A call has done what followed from its message.
    pub(super) const fn through(&mut self, now: Instant) {
        self.last = now;
    }

    /// Everything that could leave has.
    pub(super) fn flushed(&mut self) {
        self.bytes = 0;
        self.waiting.since.store(0, Ordering::Relaxed);
    }

    /// Whether messages wait for more.
    pub(super) fn has_waiting(&self) -> bool {
        self.waiting.since().is_some()
    }
}

/// The datagrams that one socket receives.
#[derive(Debug)]
pub(super) struct ReceiveLoad {
    pause: Duration,
    in_a_row: u32,
    last: Instant,
}

impl ReceiveLoad {
    pub(super) const fn new(pause: Duration) -> Self {
        Self { pause, in_a_row: 0, last: Instant::ORIGIN }
    }

    /// A call has returned with datagrams.
    pub(super) fn received(&mut self, now: Instant) {
        let follows = now.saturating_since(self.last) < 4 * self.pause;
        self.in_a_row = if follows { self.in_a_row.saturating_add(1) } else { 0 };
        self.last = now;
    }

    /// How long to wait before the next call, so that it finds more.
    pub(super) fn pause(&self) -> Option<Duration> {
        (self.in_a_row >= STREAM && !self.pause.is_zero()).then_some(self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_micros(50);

    fn at(micros: u64) -> Instant {
        Instant::from_nanos(micros * 1_000)
    }

    #[test]
    fn messages_that_come_one_by_one_leave_at_once() {
        let mut load = SendLoad::new(PAUSE);
        for step in 1..100 {
            assert_eq!(load.taken(100, at(6 * step)), Next::Leave, "6 us are no stream");
        }
        assert!(!load.waiting.streams(at(600), PAUSE));
    }

    #[test]
    fn a_stream_of_messages_gathers_until_it_is_worth_a_call_or_has_waited() {
        let mut load = SendLoad::new(PAUSE);
        // The first one, far from any before, and seven that follow.
        for step in 100..108 {
            assert_eq!(load.taken(100, at(step)), Next::Leave);
        }
        assert_eq!(load.taken(100, at(108)), Next::WaitUntil(at(158)));
        for step in 109..158 {
            assert_eq!(load.taken(100, at(step)), Next::Wait);
        }
        assert!(load.waiting.is_due(at(158), PAUSE) && !load.waiting.is_due(at(157), PAUSE));
        assert_eq!(load.taken(100, at(158)), Next::Leave, "they have waited");
        load.flushed();
        load.watched = true;
        assert_eq!(load.taken(59_000, at(159)), Next::Wait, "the timer thread looks again by itself");
        assert_eq!(load.taken(996, at(159)), Next::Leave, "60,000 bytes with what they take besides");
        load.flushed();
        let waiting = load.waiting();
        assert!(!waiting.is_due(at(300), PAUSE));
        assert!(waiting.streams(at(1_158), PAUSE) && !waiting.streams(at(1_159), PAUSE));
    }

    #[test]
    fn without_a_pause_nothing_waits() {
        let mut load = SendLoad::new(Duration::ZERO);
        assert!((0..100).all(|_| load.taken(100, at(1)) == Next::Leave));
        let mut load = ReceiveLoad::new(Duration::ZERO);
        (0..100).for_each(|_| load.received(at(1)));
        assert_eq!(load.pause(), None);
    }

    #[test]
    fn receives_pause_while_they_follow_on_each_other() {
        let mut load = ReceiveLoad::new(PAUSE);
        for step in 1..20 {
            load.received(at(200 * step));
            assert_eq!(load.pause(), None, "200 us apart");
        }
        for step in 1..=8 {
            assert_eq!(load.pause(), None);
            load.received(at(3_800 + 199 * step));
        }
        assert_eq!(load.pause(), Some(PAUSE));
        load.received(at(100_000));
        assert_eq!(load.pause(), None);
    }
}
