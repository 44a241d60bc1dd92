//! What the receivers of the group's stream have acknowledged, and so how far this node may go on (RMC-FLOW-1 to
//! RMC-FLOW-9).
//!
//! An Ack says up to where nothing is missing, and how many packets more its receiver can take: both together are the
//! receiver's limit. The lowest limit of all that count is the sender's. What one Ack costs grows with the logarithm of
//! their number.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use super::clocks::{Clocks, Manner};
use super::selection::Selection;
use crate::config::{Config, FlowControl};
use crate::packet::OPEN_WINDOW;
use crate::time::{Instant, earlier};

/// Up to so many receivers each acknowledges what it gets; where there are more, who has room says so rarely.
pub(crate) const MOST_DENSE: u32 = 100;
/// So often a receiver may say that nothing has changed.
pub(crate) const ACK_INTERVAL: Duration = Duration::from_millis(100);
/// The same where there are many of them, at least.
pub(crate) const SPARSE_INTERVAL: Duration = Duration::from_secs(1);
/// So many Acks a second come from all receivers together.
const ACKS_A_SECOND: u32 = 1_000;
/// Before any receiver counts it is waited for so long from the first packet on.
const START_WAIT: Duration = Duration::from_millis(200);
/// A quorum waits so long for one that does not advance.
const QUORUM_STALL: Duration = Duration::from_secs(5);
/// Who was let go so often comes back as late as who was let go once more.
const MOST_DOUBLINGS: u8 = 6;
/// So many times the stall after one that had not proven its address was let go, no new ones of that kind count.
const DISTRUST: u32 = 12;

/// How often a receiver acknowledges what is not urgent, in a group of so many (RMC-ACK-5). 0: unknown.
pub(crate) fn ack_interval(group: u32) -> Duration {
    if group <= MOST_DENSE {
        return ACK_INTERVAL;
    }
    SPARSE_INTERVAL.max(Duration::from_secs(1) * group / ACKS_A_SECOND)
}

/// The receivers that acknowledge, by their places among the peers.
#[derive(Clone)]
pub(crate) struct Ackers {
    places: Vec<Place>,
    /// So many packets the backlog keeps for sure.
    reach: u64,
    /// The limits of those that count; of those that need not be heeded now there is none, and it is the highest number.
    limits: Selection,
    /// How far all have come that count.
    positions: Selection,
    /// Who advanced, or began to count, since the last Heartbeat.
    fresh: Vec<u32>,
    /// Who has not advanced since a Heartbeat.
    clocks: Clocks,
    /// The first Heartbeat since the last first transmission, and when that was.
    run: Option<Run>,
    /// Until when nobody new counts without having proven its address.
    distrust_until: Option<Instant>,
    start: Start,
    changed: bool,
}

/// Heartbeats without data between them.
#[derive(Clone, Copy)]
struct Run {
    began: Instant,
    behind: Option<Instant>,
}

/// How far a stream is that nobody acknowledges yet (RMC-FLOW-9).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The first packets, as many as the backlog keeps, leave whoever may be there.
    Free,
    /// They have left, and until then receivers may say that they are there.
    Waiting(Instant),
    /// Nobody has, or those that did have half of them.
    Over,
}

/// A place among the peers.
#[derive(Clone, Default)]
struct Place {
    acker: Option<Acker>,
    /// Whether it stands among the fresh, whoever has it.
    fresh: bool,
}

/// What is known of one receiver. There may be many that count for nothing, so that it is small.
#[derive(Clone)]
struct Acker {
    /// Nothing is missing up to this number.
    position: u64,
    /// It can take so many packets more, as far as the backlog keeps them.
    window: u32,
    past: Option<Box<Past>>,
    counts: bool,
    /// It has more room than matters, and says so when that changes.
    open: bool,
    /// It has announced its end.
    leaving: bool,
    proven: bool,
}

/// One that was let go.
#[derive(Clone)]
struct Past {
    /// Where it stood.
    position: u64,
    /// How often it was.
    times: u8,
    /// When it may count again.
    returns_at: Instant,
}

/// An Ack of the group's stream.
#[derive(Clone, Copy)]
pub(crate) struct Acked {
    pub(crate) slot: u32,
    pub(crate) seq: u64,
    pub(crate) window: u32,
    /// Its own stream has ended, so that it may be gone soon.
    pub(crate) ended: bool,
    /// Its address has proven that it receives.
    pub(crate) proven: bool,
}

/// Where the group's stream stands.
#[derive(Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) last_sent: u64,
    /// Since when what waits in the queue has had to wait for receivers.
    pub(crate) blocked_since: Option<Instant>,
}

impl Ackers {
    pub(crate) fn new(config: &Config) -> Self {
        let (patience, most) = match config.flow_control {
            FlowControl::None => (None, usize::MAX),
            FlowControl::Slowest { stall } => (Some(stall), usize::MAX),
            FlowControl::Quorum { n } => (Some(QUORUM_STALL), n),
        };
        Self {
            places: Vec::new(),
            reach: reach(config),
            run: None,
            limits: Selection::new(most),
            positions: Selection::new(most),
            fresh: Vec::new(),
            clocks: Clocks::new(patience),
            distrust_until: None,
            start: if patience.is_none() { Start::Over } else { Start::Free },
            changed: true,
        }
    }

    /// The highest number that may be sent now.
    pub(crate) fn limit(&self) -> u64 {
        if self.clocks.patience().is_none() {
            return u64::MAX;
        }
        let most = if self.start == Start::Over { u64::MAX } else { self.reach };
        self.limits.lowest().map_or(most, |lowest| lowest.min(most))
    }

    /// Whether the first packets have not all left.
    #[inline]
    pub(crate) fn is_starting(&self) -> bool {
        self.start == Start::Free
    }

    /// The stream has to wait, perhaps for its first receiver. `began`: when it began; `None`: it need not wait.
    pub(crate) fn waits(&mut self, began: Option<Instant>, now: Instant) {
        if let Some(began) = began.filter(|_| self.is_starting()) {
            self.start = Start::Waiting(began + START_WAIT);
            self.start_if_due(now);
        }
    }

    /// Nobody has said that it is there: nobody is waited for.
    pub(crate) fn start_if_due(&mut self, now: Instant) {
        if let Start::Waiting(until) = self.start
            && until <= now
        {
            self.start = Start::Over;
            self.changed = true;
        }
    }

    /// The number up to which all that count have everything; `None`: nobody counts.
    pub(crate) fn stable(&self) -> Option<u64> {
        self.positions.lowest()
    }

    /// Whether a receiver that is waited for may lack `seq`: data can go on by so much only, as long as it does.
    pub(crate) fn waits_for(&self, seq: u64) -> bool {
        self.clocks.patience().is_some() && self.stable().is_some_and(|stable| seq > stable)
    }

    /// Whether something has changed since the last call that may move the limit.
    #[inline]
    pub(crate) const fn take_changed(&mut self) -> bool {
        core::mem::replace(&mut self.changed, false)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        let starts_at = if let Start::Waiting(until) = self.start { Some(until) } else { None };
        earlier(starts_at, self.clocks.deadline())
    }

    /// An Ack came, of a number that was sent (RMC-FLOW-2, RMC-FLOW-5).
    pub(crate) fn acked(&mut self, acked: Acked, last_sent: u64, now: Instant) {
        let Acked { slot, seq, window, ended, proven } = acked;
        if last_sent == 0 {
            // Nothing was sent that it could have got.
            return;
        }
        let index = slot as usize;
        if self.places.len() <= index {
            self.places.resize_with(index + 1, Place::default);
        }
        let Place { acker, fresh } = &mut self.places[index];
        let acker = acker.get_or_insert_with(Acker::new);
        if seq < acker.position {
            // It was overtaken on its way.
            return;
        }
        let open = window == OPEN_WINDOW && self.clocks.group() > MOST_DENSE;
        let window = window.min(u32::try_from(self.reach).unwrap_or(u32::MAX));
        let limit = seq.saturating_add(window.into());
        let advanced = seq > acker.position || limit > acker.limit();
        let turned = core::mem::replace(&mut acker.open, open) != open;
        // Somebody else may have announced its end, and then that is withdrawn (RMC-END-4).
        if core::mem::replace(&mut acker.leaving, ended) != ended {
            self.clocks.turn(slot, acker.manner());
        }
        (acker.position, acker.window) = (seq, window);
        acker.proven |= proven;
        if !acker.counts {
            let distrusted = !acker.proven && self.distrust_until.is_some_and(|until| now < until);
            if distrusted || !acker.may_count(self.reach, last_sent, now) {
                return;
            }
            acker.counts = true;
        }
        if advanced || turned {
            self.clocks.stop(slot);
        }
        if !self.clocks.runs(slot) && !core::mem::replace(fresh, true) {
            self.fresh.push(slot);
        }
        self.limits.set(slot, if open { u64::MAX } else { limit });
        self.positions.set(slot, seq);
        self.changed = true;
        if self.start != Start::Over && self.stable().is_some_and(|stable| stable >= half(self.reach)) {
            self.start = Start::Over;
        }
    }

    /// A Heartbeat to the group leaves, which tells of `group` receivers: whoever advanced since the last one has until
    /// the end of the patience to do so again (RMC-FLOW-4).
    /// `data_at`: when the last number sent was.
    pub(crate) fn beat(&mut self, group: u32, last_sent: u64, data_at: Option<Instant>, now: Instant) {
        self.clocks.set_group(group);
        if self.clocks.patience().is_none() {
            self.leave_behind(last_sent);
            return;
        }
        if self.run.is_none_or(|run| run.behind != data_at) {
            self.run = Some(Run { began: now, behind: data_at });
        }
        while let Some(slot) = self.fresh.pop() {
            let Some(place) = self.places.get_mut(slot as usize) else { continue };
            place.fresh = false;
            if let Some(acker) = place.acker.as_ref().filter(|acker| acker.counts) {
                self.clocks.start(slot, acker.manner(), now);
            }
        }
    }

    /// The next receiver that is let go, as it has not advanced for too long though it should (RMC-FLOW-4): its place
    /// among the peers, and how far it had come. `sent_at`: when a number was sent, if it is still kept.
    pub(crate) fn next_stalled(
        &mut self,
        progress: Progress,
        sent_at: impl Fn(u64) -> Option<Instant>,
        now: Instant,
    ) -> Option<(u32, u64)> {
        let patience = self.clocks.patience()?;
        loop {
            let (asked_at, slot) = self.clocks.pop_late(now)?;
            let Some(Place { acker: Some(acker), fresh }) = self.places.get_mut(slot as usize) else { continue };
            // What it does not owe, or only since then, is no stall.
            let owes_since = acker.owes_since(progress, &sent_at);
            if owes_since.is_none_or(|since| since > asked_at) {
                match self.run.filter(|run| owes_since.is_some_and(|since| since <= run.began)) {
                    Some(run) => self.clocks.start(slot, acker.manner(), run.began),
                    None if !core::mem::replace(fresh, true) => self.fresh.push(slot),
                    None => {}
                }
                continue;
            }
            if !acker.proven {
                self.distrust_until = Some(now + patience * DISTRUST);
            }
            let position = acker.position;
            acker.let_go(now, patience);
            self.discount(slot);
            return Some((slot, position));
        }
    }

    /// The peer at this place has announced its end: it is not waited for as long as others (RMC-FLOW-4).
    pub(crate) fn leaves(&mut self, slot: u32) {
        let acker = self.places.get_mut(slot as usize).and_then(|place| place.acker.as_mut());
        if let Some(acker) = acker.filter(|acker| !acker.leaving) {
            acker.leaving = true;
            self.clocks.turn(slot, acker.manner());
        }
    }

    /// The peer at this place is gone, or another one.
    pub(crate) fn forget(&mut self, slot: u32) {
        let Some(place) = self.places.get_mut(slot as usize) else { return };
        if place.acker.take().is_some() {
            self.discount(slot);
        }
    }

    /// Nobody is waited for: who does not keep up with what the backlog keeps counts no more.
    fn leave_behind(&mut self, last_sent: u64) {
        while let Some((position, slot)) = self.positions.first()
            && position.saturating_add(self.reach) < last_sent
        {
            if let Some(acker) = self.places.get_mut(slot as usize).and_then(|place| place.acker.as_mut()) {
                acker.counts = false;
            }
            self.discount(slot);
        }
    }

    fn discount(&mut self, slot: u32) {
        self.limits.clear(slot);
        self.positions.clear(slot);
        self.clocks.stop(slot);
        self.changed = true;
    }
}

impl Acker {
    const fn new() -> Self {
        Self { position: 0, window: 0, past: None, counts: false, open: false, leaving: false, proven: false }
    }

    const fn manner(&self) -> Manner {
        match (self.leaving, self.open) {
            (true, _) => Manner::Leaving,
            (false, true) => Manner::Quiet,
            (false, false) => Manner::Heeded,
        }
    }

    /// It can take packets up to this number.
    fn limit(&self) -> u64 {
        self.position.saturating_add(self.window.into())
    }

    /// One that is new counts while everything is still kept, and later when no more than half of what is kept lies
    /// ahead of it, so that nobody waits for it to catch up. One that was let go counts when it has advanced and
    /// has room for more, and after some time (RMC-FLOW-2, RMC-FLOW-5).
    fn may_count(&self, reach: u64, last_sent: u64, now: Instant) -> bool {
        let behind = last_sent.saturating_sub(self.position);
        let is_near = last_sent <= reach || behind <= half(reach);
        is_near
            && self
                .past
                .as_ref()
                .is_none_or(|past| past.returns_at <= now && self.position > past.position && self.limit() > last_sent)
    }

    fn let_go(&mut self, now: Instant, patience: Duration) {
        let times = self.past.as_ref().map_or(0, |past| past.times);
        let returns_at = now + patience * (1 << times);
        let times = (times + 1).min(MOST_DOUBLINGS);
        self.counts = false;
        self.past = Some(Box::new(Past { position: self.position, times, returns_at }));
    }

    /// Since when it has owed an advance.
    fn owes_since(&self, progress: Progress, sent_at: impl Fn(u64) -> Option<Instant>) -> Option<Instant> {
        if self.position < progress.last_sent {
            return Some(sent_at(self.position + 1).unwrap_or(Instant::ORIGIN));
        }
        progress.blocked_since.filter(|_| self.limit() <= progress.last_sent)
    }
}

/// Half of so many packets, but one at least.
fn half(packets: u64) -> u64 {
    (packets / 2).max(1)
}

/// How many packets the backlog keeps for sure: what a receiver has not acknowledged must not leave it.
pub(super) fn reach(config: &Config) -> u64 {
    config.backlog_packets.min(config.backlog_bytes / config.max_payload()).max(1) as u64
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Ackers {
        places, limits, positions, fresh, clocks, run, distrust_until, start, changed;
        reach
    }
    Place { acker, fresh }
    Run { began, behind }
    Acker { position, window, past, counts, open, leaving, proven }
    Past { position, times, returns_at }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Start {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        match self {
            Self::Free => to.word(0),
            Self::Waiting(until) => to.put(&(1_u8, *until)),
            Self::Over => to.word(2),
        }
    }
}

#[cfg(test)]
#[path = "ackers_tests.rs"]
mod tests;
