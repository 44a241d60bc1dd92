//! The NACK scheduler of one stream: when a gap is asked for, and what one NACK says. Everything that decides about
//! asking stands here.

use core::time::Duration;

use super::backoff::Advertised;
use super::gaps::{Asked, Asking, Gap, GapState, Gaps};
use super::grace::Grace;
use super::moderation::Moderation;
use super::rtt::{Rtt, Untold};
use super::stamps::Stamps;
use crate::packet::{HEADER_LEN, MAX_RANGES, Ranges, RangesBuilder};
use crate::seq::SeqRange;
use crate::shared::Shared;
use crate::time::Instant;

/// How often a gap is asked for before the delay doubles.
const STEADY_ATTEMPTS: u32 = 2;
/// The bytes of a NACK's body before its ranges, and of one range.
const FIXED_LEN: usize = 17;
const RANGE_LEN: usize = 8;
/// How many gaps one Confirm holds at most: what a NACK names may have fallen apart since.
const MAX_HELD: usize = 2 * MAX_RANGES;

/// When the gaps of one stream are asked for.
#[derive(Clone)]
pub(crate) struct Scheduler {
    stamps: Stamps,
    advertised: Advertised,
    grace: Grace,
    moderation: Moderation,
    /// Until then the sender has said that it lets this node wait: what it answers late tells nothing of the way.
    busy_until: Instant,
}

/// A NACK that is to be sent.
pub(crate) struct Ask {
    pub(crate) stamp: u32,
    pub(crate) ranges: RangesBuilder,
    /// The lowest number, and how many.
    pub(crate) first: u64,
    pub(crate) count: u64,
}

/// A Confirm, as the scheduler sees it.
#[derive(Clone, Copy)]
pub(crate) struct Confirmed<'a> {
    pub(crate) seq: u64,
    pub(crate) ranges: Ranges<'a>,
    /// When to ask again; `None`: when the answer is overdue.
    pub(crate) delay: Option<Duration>,
}

impl Scheduler {
    /// `advertised`: what holds until the sender tells.
    pub(crate) fn new(advertised: Advertised) -> Self {
        Self {
            stamps: Stamps::default(),
            advertised,
            grace: Grace::default(),
            moderation: Moderation::default(),
            busy_until: Instant::ORIGIN,
        }
    }

    /// The sender tells of its group.
    pub(crate) const fn advertise(&mut self, advertised: Advertised) {
        self.advertised = advertised;
    }

    /// A new gap, and when to ask for it first (RMC-GAP-1, RMC-GAP-15): when it is probably no reordering, after a
    /// random backoff, in which another receiver may have asked, and not before this one may ask again. A silent node
    /// waits for somebody else's repair (S28).
    pub(crate) fn new_gap(&self, range: SeqRange, shared: &mut Shared) -> Gap {
        let due = if shared.config.silent {
            shared.now + shared.config.silent_gap
        } else {
            let backoff = self.advertised.draw(shared.config.max_nack_backoff, &mut shared.rng);
            let opens = self.moderation.opens(shared.config.nack_interval);
            opens.max(shared.now + (self.grace.wait() + backoff))
        };
        let asking = Asking { due, attempts: 0, asked: None };
        Gap { range, seen: shared.now, state: GapState::Armed(asking) }
    }

    /// Puts all gaps that are due into one NACK (RMC-NACK-1), lowest first, and sets when they are due again. What would
    /// be due soon goes with them.
    pub(crate) fn ask(&mut self, gaps: &mut Gaps, rtt: &mut Rtt, shared: &mut Shared) -> Option<Ask> {
        let now = shared.now;
        gaps.due(now, 0)?;
        let grace = self.grace.wait();
        let lowest = gaps.askable(now, grace, 0)?;
        self.moderation.sent(shared.config.nack_interval, now);
        let stamp = self.stamps.add(now, &mut shared.rng);
        let mut builder = RangesBuilder::new(lowest.range.first());
        let mut count = 0;
        // Neighbours that touch have histories of their own, but stand in a NACK as one range.
        let mut open = lowest.range;
        let mut from = 0;
        let room = shared.config.max_datagram.saturating_sub(HEADER_LEN + FIXED_LEN) / RANGE_LEN;
        let max_ranges = room.clamp(1, MAX_RANGES);
        while let Some(gap) = gaps.askable(now, grace, from) {
            let touches = gap.range.first() <= open.last().saturating_add(1);
            if !touches && builder.len() + 1 == max_ranges {
                break;
            }
            if touches {
                open = SeqRange::new(open.first(), gap.range.last()).unwrap_or(open);
            } else {
                if !builder.push(open) {
                    break;
                }
                open = gap.range;
            }
            count += gap.range.len();
            from = gap.range.last() + 1;
            let asked = self.next_attempt(gap, stamp, rtt, shared);
            gaps.set_state(gap.range.first(), asked, turn(shared));
        }
        let _fits = builder.push(open);
        debug_assert!(_fits, "one place was kept for it");
        Some(Ask { stamp, ranges: builder, first: lowest.range.first(), count })
    }

    /// A repair came for a part of `gap` (RMC-GAP-8): what is left of it, around `seq`, is probably on its way too,
    /// whoever asked for it. The sender answers, so that the delays begin anew: a long gap may have been asked for
    /// often before its turn came.
    pub(crate) fn hold(&self, gaps: &mut Gaps, gap: Gap, seq: u64, rtt: Rtt, shared: &Shared) {
        if shared.config.silent {
            return;
        }
        let until = shared.now + self.timeout(rtt, shared);
        for part in [gap.range.first(), seq + 1] {
            let Some(Gap { range, state: GapState::Armed(asking), .. }) = gaps.find(part) else { continue };
            if gap.range.contains(range.first()) {
                let asking = Asking { due: until, attempts: 1, ..asking };
                gaps.set_state(range.first(), GapState::Armed(asking), turn(shared));
            }
        }
    }

    /// A Confirm came (RMC-GAP-13): its numbers count as asked for. One that does not answer a NACK of ours can only
    /// put an ask off: else it could make all receivers ask at once.
    pub(crate) fn confirm(
        &mut self,
        gaps: &mut Gaps,
        confirmed: Confirmed<'_>,
        is_answer: bool,
        rtt: Rtt,
        shared: &Shared,
    ) {
        if shared.config.silent {
            return;
        }
        let wait = confirmed.delay.unwrap_or_else(|| self.timeout(rtt, shared));
        let until = shared.now + wait.min(shared.config.nack_max_delay.max(self.timeout(rtt, shared)));
        if is_answer && confirmed.delay.is_some() {
            self.busy_until = self.busy_until.max(until);
        }
        let mut held = 0;
        for range in confirmed.ranges.iter(confirmed.seq) {
            let mut from = range.first();
            while let Some(gap) = gaps.find_from(from).filter(|gap| gap.range.first() <= range.last()) {
                from = gap.range.last() + 1;
                if held == MAX_HELD {
                    return;
                }
                held += 1;
                if let GapState::Armed(asking) = gap.state {
                    let due = if is_answer { until } else { until.max(asking.due) };
                    let asking = Asking { due, attempts: asking.attempts.max(1), ..asking };
                    gaps.set_state(gap.range.first(), GapState::Armed(asking), turn(shared));
                }
            }
        }
    }

    /// A first transmission came behind one that it should have come before, which left a gap since `seen`.
    pub(crate) fn reordered(&mut self, seen: Instant, shared: &Shared) {
        self.grace.reordered(shared.now.saturating_since(seen));
    }

    /// Whether `stamp` is that of one of the last NACKs.
    pub(crate) fn knows(&self, stamp: u32) -> bool {
        self.stamps.knows(stamp)
    }

    /// The NACK with `stamp` was answered: the round trip, if this is its first answer, and the sender did not let it
    /// wait.
    pub(crate) fn answered(&mut self, stamp: u32, now: Instant) -> Option<Duration> {
        self.stamps.answered(stamp, self.busy_until, now)
    }

    /// The delays grow from the third ask on, and begin anew after `nack_timeout` (RMC-GAP-7, RMC-GAP-9).
    fn next_attempt(&mut self, gap: Gap, stamp: u32, rtt: &mut Rtt, shared: &mut Shared) -> GapState {
        let now = shared.now;
        let (mut attempts, mut first, once) = match gap.state {
            GapState::Armed(Asking { attempts, asked: Some(asked), .. }) => (attempts, asked.first, false),
            // Held, so that an answer may be another one's.
            GapState::Armed(Asking { attempts, .. }) => (attempts, now, attempts == 0),
            GapState::Waiting | GapState::Gone(_) => (0, now, true),
        };
        if attempts == 0 {
            self.grace.lost();
        }
        if now.saturating_since(first) >= shared.config.nack_timeout {
            (attempts, first) = (0, now);
        }
        // Nobody has refused to answer: the sender has said that it will, later.
        attempts = if now < self.busy_until { 1 } else { attempts.saturating_add(1) };
        let doublings = attempts.saturating_sub(STEADY_ATTEMPTS).min(16);
        let first_time = self.untold(shared);
        rtt.in_vain(doublings, first_time);
        let doubled = rtt.retry(first_time, doublings).min(self.twice_the_last(gap).max(rtt.timeout(first_time)));
        let delay = shared.rng.stretch(doubled);
        let delay = delay.min(first_time.most.max(rtt.timeout(first_time)));
        let due = self.busy_until.max(now + delay);
        GapState::Armed(Asking { due, attempts, asked: Some(Asked { first, stamp, once }) })
    }

    /// Twice as long as a gap was to wait after its last ask. A delay that was doubled while the sender was held up must
    /// not be multiplied with the longer round trip that its answers tell then.
    fn twice_the_last(&self, gap: Gap) -> Duration {
        let GapState::Armed(Asking { due, asked: Some(asked), .. }) = gap.state else { return Duration::MAX };
        let last = self.stamps.sent_at(asked.stamp);
        last.map_or(Duration::MAX, |at| due.saturating_since(at).saturating_mul(2))
    }

    /// A repair came for what `asked` tells of, and is no sample.
    pub(crate) fn no_sample(&self, asked: Asked, rtt: &mut Rtt, shared: &Shared) {
        rtt.at_most(shared.now.saturating_since(asked.first), self.untold(shared));
    }

    fn timeout(&self, rtt: Rtt, shared: &Shared) -> Duration {
        rtt.timeout(self.untold(shared))
    }

    /// How long to wait for an answer before there is a sample (RMC-RTT-4): what others say of the round trip is better
    /// than nothing.
    fn untold(&self, shared: &Shared) -> Untold {
        let (told, most) = (self.advertised.rtt, shared.config.nack_max_delay);
        let initial = match told {
            Duration::ZERO => shared.config.nack_resend_time,
            told => (told + (told / 2).max(LEAST_MARGIN)).min(most),
        };
        Untold { initial, most }
    }
}

/// How much later than the group's round trip an answer may come, at least.
const LEAST_MARGIN: Duration = Duration::from_millis(1);

/// When a gap is due whose turn it is now.
pub(crate) fn turn(shared: &Shared) -> Instant {
    let wait = if shared.config.silent { shared.config.silent_gap } else { Duration::ZERO };
    shared.now + wait
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Scheduler {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { stamps, advertised, grace, moderation, busy_until } = self;
        to.put(stamps);
        to.put(advertised);
        to.put(grace);
        to.put(moderation);
        // The origin is no time of its own: the sender has never said so.
        to.put(&(*busy_until > Instant::ORIGIN).then_some(*busy_until));
    }
}
