//! When a receiver acknowledges a stream: how far everything came, and how much more it can take (RMC-ACK-4 to
//! RMC-ACK-7).

use core::time::Duration;

use crate::rng::Rng;
use crate::sender::{ACK_INTERVAL, MOST_DENSE, SPARSE_INTERVAL, ack_interval};
use crate::shared::Shared;
use crate::time::{Instant, earlier};

/// An Ack is due when such a part of the window has come, or become free.
const QUARTER: u64 = 4;
/// What came is acknowledged when nothing more has come for so long.
const PAUSE: Duration = Duration::from_millis(10);
/// Receivers spread over so long for each of them.
const SPREAD: Duration = Duration::from_millis(1);
/// A sender keeps so many packets at least, whatever it says.
const LEAST_KEPT: u64 = 64;
/// So many more Acks soon follow the one that opens the window again.
const REPEATS: u8 = 2;
/// So many it keeps by default.
const USUALLY_KEPT: u64 = 8_192;

/// Where a stream stands, and what room it has.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// Everything up to this number was delivered or given up.
    pub(crate) position: u64,
    /// The highest number that came, was delivered or given up.
    pub(crate) reached: u64,
    /// There is room up to this number, if packets are what counts.
    pub(crate) limit: u64,
    /// Less than half of the window is free.
    pub(crate) scarce: bool,
    /// So many packets fit into the whole window.
    pub(crate) whole: u64,
}

/// The Acks of one stream.
#[derive(Clone, Copy)]
pub(crate) struct Acks {
    /// This node sends Acks of its own accord.
    speaks: bool,
    /// So many packets the sender keeps until they are acknowledged, as far as it has shown.
    kept: u64,
    /// So many packets fit into the whole window.
    whole: u64,
    /// How many receivers the sender advertised; 0: it has told nothing yet.
    group: u32,
    /// An Ack is due when so high a number has come, or when there is room up to so high a one.
    next_reached: u64,
    next_limit: u64,
    /// What was told last.
    told: Option<u64>,
    told_at: Option<Instant>,
    /// The last one told that the sender need not heed this receiver.
    open: bool,
    /// So many times more it tells that soon, as it had told otherwise and the sender may wait for it.
    repeats: u8,
    /// One is due now.
    due: bool,
    /// One is due then.
    due_at: Option<Instant>,
    /// When to look whether more has come.
    pause_at: Option<Instant>,
}

impl Acks {
    /// `next`: the first number of the stream that is wanted. `group`: how many receivers it has, if that is known. The
    /// first Ack tells the sender of this one.
    pub(crate) fn new(next: u64, group: u32, shared: &mut Shared) -> Self {
        let whole = shared.config.receive_window_packets.min(shared.config.socket_packets) as u64;
        let mut acks = Self {
            speaks: shared.config.acknowledge,
            kept: USUALLY_KEPT,
            whole,
            group,
            next_reached: next - 1 + quarter(USUALLY_KEPT.min(whole)),
            next_limit: u64::MAX,
            told: None,
            told_at: None,
            open: false,
            repeats: 0,
            due: false,
            due_at: None,
            pause_at: None,
        };
        acks.schedule(shared.now, &mut shared.rng);
        acks
    }

    /// The sender tells of its group.
    pub(crate) fn advertise(&mut self, group: u32, shared: &mut Shared) {
        let was_sparse = self.is_sparse();
        self.group = group;
        // There are more than it had seemed, or fewer: then the sender waits for each, and not for a second, and must
        // know what this one has room for.
        if self.is_sparse() != was_sparse && (self.due_at.take().is_some() || self.open) {
            self.schedule(shared.now, &mut shared.rng);
        }
    }

    /// The backlog of the sender is full: it keeps so many packets.
    pub(crate) fn learn_kept(&mut self, packets: u64) {
        let before = self.quarter();
        self.kept = packets.max(LEAST_KEPT);
        // It waits for what it would have been told later.
        let sooner = before.saturating_sub(self.quarter());
        self.next_reached = self.next_reached.saturating_sub(sooner);
        self.next_limit = self.next_limit.saturating_sub(sooner);
    }

    /// A packet came, or the application has taken something. `scarce`: whether less than half of the window is free.
    #[inline]
    pub(crate) fn progress(&mut self, reached: u64, limit: u64, scarce: impl Fn(&Shared) -> bool, shared: &mut Shared) {
        if !self.speaks || self.due {
            return;
        }
        if reached >= self.next_reached || limit >= self.next_limit {
            let scarce = scarce(shared);
            self.stepped(reached, limit, scarce, shared);
        } else if self.is_quiet() && scarce(shared) {
            self.due = true;
        }
    }

    /// A data packet came: what nothing follows is acknowledged after a pause.
    #[inline]
    pub(crate) fn data(&mut self, now: Instant) {
        if self.pause_at.is_none() && self.speaks && !self.due && self.due_at.is_none() {
            self.pause_at = Some(now + PAUSE);
        }
    }

    /// A Heartbeat came that brought nothing new: what it answers may have been lost (RMC-ACK-6).
    pub(crate) fn heartbeat(&mut self, shared: &mut Shared) {
        let interval = self.interval();
        if self.told_at.is_none_or(|at| at + interval <= shared.now) {
            self.schedule(shared.now, &mut shared.rng);
        }
    }

    /// An Ack is wanted at once.
    pub(crate) const fn demand(&mut self) {
        self.due = true;
    }

    /// Looks at the time. `heard`: when something new came last.
    pub(crate) fn check(&mut self, position: u64, heard: Instant, shared: &mut Shared) {
        let now = shared.now;
        if self.due_at.is_some_and(|at| at <= now) {
            self.due_at = None;
            self.due = true;
        }
        if self.pause_at.is_some_and(|at| at <= now) {
            self.pause_at = None;
            if heard + PAUSE > now {
                self.pause_at = Some(heard + PAUSE);
            } else if self.told != Some(position) {
                self.schedule(now, &mut shared.rng);
            }
        }
    }

    pub(crate) const fn is_due(&self) -> bool {
        self.due
    }

    /// Until when one waits that is not urgent.
    #[inline]
    pub(crate) const fn waits_until(&self) -> Option<Instant> {
        self.due_at
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        if self.due { None } else { earlier(self.due_at, self.pause_at) }
    }

    /// The Ack that is due leaves. Returns whether it tells that this receiver need not be heeded: it will say so at once
    /// if that changes.
    pub(crate) fn take(&mut self, room: Room, shared: &mut Shared) -> bool {
        self.due = false;
        let Room { position, reached, limit, scarce, whole } = room;
        self.whole = whole;
        let quarter = self.quarter();
        // Receivers that get the same do not all speak at the same time.
        let early = if self.group > 1 { shared.rng.next_u64() % (quarter / QUARTER + 1) } else { 0 };
        self.next_reached = reached + quarter - early;
        self.next_limit = limit + quarter - early;
        let open = self.is_sparse() && !scarce;
        let opens = open && !self.open && self.told.is_some();
        self.repeats = if opens { REPEATS } else { self.repeats.saturating_sub(1) };
        (self.told, self.told_at, self.open) = (Some(position), Some(shared.now), open);
        (self.due_at, self.pause_at) = (None, None);
        open
    }

    /// So many packets from one Ack to the next.
    fn quarter(&self) -> u64 {
        quarter(self.whole.min(self.kept))
    }

    const fn is_sparse(&self) -> bool {
        self.group > MOST_DENSE
    }

    /// The sender does not heed this one, as it was told so or knows nothing of it yet.
    const fn is_quiet(&self) -> bool {
        self.is_sparse() && (self.told.is_none() || self.open)
    }

    /// How long behind the last one an Ack comes that is not urgent.
    fn interval(&self) -> Duration {
        if self.is_quiet() && self.repeats == 0 { ack_interval(self.group) } else { ACK_INTERVAL }
    }

    #[inline(never)]
    fn stepped(&mut self, reached: u64, limit: u64, scarce: bool, shared: &mut Shared) {
        if !self.is_quiet() || scarce {
            self.due = true;
            return;
        }
        // The sender knows that there is room as long as it hears nothing else.
        let quarter = self.quarter();
        (self.next_reached, self.next_limit) = (reached + quarter, limit + quarter);
        self.schedule(shared.now, &mut shared.rng);
    }

    /// Sets the time of an Ack that is not urgent, if none is set: not too soon behind the last one, and spread.
    fn schedule(&mut self, now: Instant, rng: &mut Rng) {
        if !self.speaks || self.due || self.due_at.is_some() {
            return;
        }
        let interval = self.interval();
        let soonest = self.told_at.map_or(now, |at| now.max(at + interval));
        let others = if self.group == 0 { MOST_DENSE } else { self.group } - 1;
        let most = if self.is_sparse() { interval.max(SPARSE_INTERVAL) } else { interval };
        let spread = SPREAD.saturating_mul(others).min(most);
        self.due_at = Some(soonest + rng.share(spread));
    }
}

/// Packets of a quarter of a window.
fn quarter(whole: u64) -> u64 {
    (whole / QUARTER).max(1)
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Acks {
        kept, whole, group, next_reached, next_limit, told, told_at, open, repeats, due, due_at, pause_at; speaks
    }
}
