//! The NACK scheduler of one stream: when a gap is asked for, and what one NACK says. Everything that decides about
//! asking stands here.

use core::time::Duration;

use super::gaps::{Asked, Asking, Gap, GapState, Gaps};
use super::rtt::Rtt;
use crate::packet::{HEADER_LEN, MAX_RANGES, RangesBuilder};
use crate::rng::Rng;
use crate::seq::SeqRange;
use crate::shared::Shared;
use crate::time::Instant;

/// How many NACKs an answer may refer to.
const REMEMBERED: usize = 8;
/// How often a gap is asked for before the delay doubles.
const STEADY_ATTEMPTS: u32 = 2;
/// The bytes of a NACK's body before its ranges, and of one range.
const FIXED_LEN: usize = 17;
const RANGE_LEN: usize = 8;

/// The stamps of the last NACKs.
#[derive(Clone, Copy, Default)]
pub(crate) struct Stamps {
    sent: [Option<Sent>; REMEMBERED],
    next: usize,
}

#[derive(Clone, Copy)]
struct Sent {
    stamp: u32,
    at: Instant,
    /// Whether an answer gave a sample already: one per NACK.
    sampled: bool,
}

/// A NACK that is to be sent.
pub(crate) struct Ask {
    pub(crate) stamp: u32,
    pub(crate) ranges: RangesBuilder,
    /// The lowest number, and how many.
    pub(crate) first: u64,
    pub(crate) count: u64,
}

impl Stamps {
    /// Whether `stamp` is that of one of the last NACKs.
    pub(crate) fn knows(&self, stamp: u32) -> bool {
        stamp != 0 && self.sent.iter().flatten().any(|sent| sent.stamp == stamp)
    }

    /// The NACK with `stamp` was answered: the round trip, if this is its first answer.
    pub(crate) fn answered(&mut self, stamp: u32, now: Instant) -> Option<Duration> {
        let sent = self.sent.iter_mut().flatten().find(|sent| sent.stamp == stamp && !sent.sampled)?;
        sent.sampled = true;
        Some(now.saturating_since(sent.at))
    }

    fn add(&mut self, at: Instant, rng: &mut Rng) -> u32 {
        let stamp = rng.nonzero_u32();
        self.sent[self.next % REMEMBERED] = Some(Sent { stamp, at, sampled: false });
        self.next = (self.next + 1) % REMEMBERED;
        stamp
    }
}

/// A new gap: when to ask for it first (RMC-GAP-1). At once, as the seed does; a silent node waits for somebody else's
/// repair (S28).
pub(crate) fn new_gap(range: SeqRange, shared: &Shared) -> Gap {
    Gap { range, state: GapState::Armed(Asking { due: turn(shared), attempts: 0, asked: None }) }
}

/// When a gap is due whose turn it is now.
pub(crate) fn turn(shared: &Shared) -> Instant {
    let wait = if shared.config.silent { shared.config.silent_gap } else { Duration::ZERO };
    shared.now + wait
}

/// Puts all gaps that are due into one NACK (RMC-NACK-1), lowest first, and sets when they are due again.
pub(crate) fn ask(gaps: &mut Gaps, stamps: &mut Stamps, rtt: Rtt, shared: &mut Shared) -> Option<Ask> {
    let now = shared.now;
    let lowest = gaps.due(now, 0)?;
    let stamp = stamps.add(now, &mut shared.rng);
    let mut builder = RangesBuilder::new(lowest.range.first());
    let mut count = 0;
    // Neighbours that touch have histories of their own, but stand in a NACK as one range.
    let mut open = lowest.range;
    let mut from = 0;
    let room = shared.config.max_datagram.saturating_sub(HEADER_LEN + FIXED_LEN) / RANGE_LEN;
    let max_ranges = room.clamp(1, MAX_RANGES);
    while let Some(gap) = gaps.due(now, from) {
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
        let asked = next_attempt(gap, stamp, rtt, shared);
        gaps.set_state(gap.range.first(), asked, turn(shared));
    }
    let _fits = builder.push(open);
    debug_assert!(_fits, "one place was kept for it");
    Some(Ask { stamp, ranges: builder, first: lowest.range.first(), count })
}

/// A repair came for a part of `gap` (RMC-GAP-8): what is left of it, around `seq`, is probably on its way too. The
/// sender answers, so that the delays begin anew: a long gap may have been asked for often before its turn came.
pub(crate) fn hold(gaps: &mut Gaps, gap: Gap, seq: u64, rtt: Rtt, shared: &Shared) {
    let until = shared.now + rtt.timeout(shared.config.nack_resend_time);
    for part in [gap.range.first(), seq + 1] {
        let Some(Gap { range, state: GapState::Armed(asking) }) = gaps.find(part) else { continue };
        if gap.range.contains(range.first()) && asking.asked.is_some() {
            let asking = Asking { due: until, attempts: asking.attempts.min(1), ..asking };
            gaps.set_state(range.first(), GapState::Armed(asking), turn(shared));
        }
    }
}

/// The delays grow from the third ask on, and begin anew after `nack_timeout` (RMC-GAP-7, RMC-GAP-9).
fn next_attempt(gap: Gap, stamp: u32, rtt: Rtt, shared: &mut Shared) -> GapState {
    let now = shared.now;
    let (mut attempts, mut first, once) = match gap.state {
        GapState::Armed(Asking { attempts, asked: Some(asked), .. }) => (attempts, asked.first, false),
        GapState::Armed(_) | GapState::Waiting | GapState::Gone(_) => (0, now, true),
    };
    if now.saturating_since(first) >= shared.config.nack_timeout {
        (attempts, first) = (0, now);
    }
    attempts = attempts.saturating_add(1);
    let doublings = attempts.saturating_sub(STEADY_ATTEMPTS).min(16);
    let base = rtt.timeout(shared.config.nack_resend_time);
    let delay = shared.rng.stretch(base.saturating_mul(1 << doublings)).min(shared.config.nack_max_delay.max(base));
    GapState::Armed(Asking { due: now + delay, attempts, asked: Some(Asked { first, stamp, once }) })
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{REMEMBERED, Sent, Stamps};
    use crate::fingerprint::{Fingerprint, State};

    /// From the oldest to the last: where in the ring they stand shows nowhere.
    impl State for Stamps {
        fn put(&self, to: &mut Fingerprint) {
            let Self { sent, next } = self;
            for offset in 0..REMEMBERED {
                to.put(&sent[(next + offset) % REMEMBERED]);
            }
        }
    }

    impl State for Sent {
        fn put(&self, to: &mut Fingerprint) {
            let Self { stamp, at, sampled } = self;
            to.stamp(*stamp);
            // The time is for the sample, of which there is one.
            to.put(&(!sampled).then_some(*at));
        }
    }
}
