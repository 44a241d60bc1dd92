//! One stream of one peer, as this node follows it: the group's and the private one alike (S18).

use core::time::Duration;

use super::gaps::{Asking, Gap, GapState};
use super::liveness::Liveness;
use super::nack::{self, Ask, Stamps};
use super::rtt::Rtt;
use super::window::{Arrival, Taken, Window};
use crate::event::{EndCause, Event, LossCause, Stream};
use crate::inbox::Owner;
use crate::packet::Flags;
use crate::seq::SeqRange;
use crate::shared::Shared;
use crate::stats::StreamInfo;
use crate::time::{Instant, earlier};

/// Where a stream begins (S10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At 1; what cannot be had is reported.
    First,
    /// At 1; what lies below the sender's first answer is not reported.
    Oldest,
    /// With this number, perhaps in the middle of a message.
    At(u64),
    /// Behind this number, up to which all was delivered or reported before the peer expired (S26).
    Behind(u64),
}

#[derive(Clone)]
pub(crate) struct RecvStream {
    window: Window,
    stamps: Stamps,
    liveness: Liveness,
    /// The first answer of the sender has not come yet, and nothing was delivered.
    joining: bool,
    end: Option<End>,
    /// Whether a PRIVATE Heartbeat waits for its Ack.
    ack_due: bool,
    /// Whether this stream stands in the queue of those with something to send.
    pub(crate) queued: bool,
}

/// The sender has finished.
#[derive(Clone, Copy)]
struct End {
    seq: u64,
    told: bool,
}

/// A Heartbeat, as a stream sees it.
#[derive(Clone, Copy)]
pub(crate) struct Beat {
    pub(crate) seq: u64,
    pub(crate) oldest: u64,
    pub(crate) end: bool,
    /// It came to this node alone, so it may be an answer (F13).
    pub(crate) unicast: bool,
}

impl RecvStream {
    pub(crate) fn new(owner: Owner, start: Start, shared: &Shared) -> Self {
        let next = match start {
            Start::First | Start::Oldest => 1,
            Start::At(seq) => seq,
            Start::Behind(seq) => seq + 1,
        };
        let mut window = Window::new(owner, next, shared);
        match start {
            Start::At(_) => window.assembly_mut().skip(),
            Start::Behind(_) => window.assembly_mut().resume(LossCause::Expired),
            Start::First | Start::Oldest => {}
        }
        Self {
            window,
            stamps: Stamps::default(),
            liveness: Liveness::default(),
            joining: start == Start::Oldest,
            end: None,
            ack_due: false,
            queued: false,
        }
    }

    pub(crate) const fn owner(&self) -> Owner {
        self.window.owner()
    }

    /// The highest number with nothing missing before it.
    pub(crate) const fn delivered(&self) -> u64 {
        self.window.next() - 1
    }

    pub(crate) const fn liveness(&self) -> &Liveness {
        &self.liveness
    }

    pub(crate) const fn liveness_mut(&mut self) -> &mut Liveness {
        &mut self.liveness
    }

    /// Whether the sender has finished and everything up to its end was told.
    pub(crate) fn is_finished(&self) -> bool {
        self.end.is_some_and(|end| end.told)
    }

    /// Whether the sender is known to have sent data.
    pub(crate) fn has_data(&self) -> bool {
        self.window.known() > 0
    }

    /// Whether the sender has finished.
    pub(crate) const fn has_end(&self) -> bool {
        self.end.is_some()
    }

    /// Numbers up to `seq` exist.
    pub(crate) fn learn(&mut self, seq: u64, shared: &mut Shared) {
        if self.follows_end(seq, shared) {
            return;
        }
        self.window.learn(seq);
        self.settle(shared);
    }

    /// A data packet.
    #[inline]
    pub(crate) fn data(&mut self, arrival: Arrival<'_>, rtt: &mut Rtt, shared: &mut Shared) {
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        if self.follows_end(arrival.seq, shared) {
            return;
        }
        match self.window.take(arrival, shared) {
            Taken::Duplicate => shared.stats.rx.duplicates += 1,
            Taken::Refused => {}
            Taken::New(gap) => {
                shared.stats.rx.data += 1;
                if let Some(gap) = gap {
                    self.filled(gap, arrival, rtt, shared);
                }
            }
        }
        self.settle(shared);
    }

    /// A packet came that promises the next one within `interval`. Returns whether this one had been missed. Who never
    /// sent data, or has finished, owes nothing (F20).
    #[inline]
    pub(crate) fn heard(&mut self, interval: Option<Duration>, shared: &Shared) -> bool {
        let owes = self.has_data() && !self.has_end();
        self.liveness.touch(shared.now, interval.filter(|_| owes), &shared.config)
    }

    /// A Heartbeat (S25; RMC-GAP-10, RMC-LOST-6, RMC-ACK-1).
    pub(crate) fn heartbeat(&mut self, beat: Beat, shared: &mut Shared) {
        if self.owner().stream == Stream::Private {
            self.ack_due = true;
        }
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        if self.follows_end(beat.seq, shared) {
            return;
        }
        let bound = self.unasked_bound(shared);
        if beat.unicast && !beat.end && self.end.is_none() {
            self.window.unlearn(beat.seq, shared);
        }
        self.window.learn(beat.seq);
        if beat.end && self.end.is_none() && beat.seq >= self.window.known() {
            self.end = Some(End { seq: beat.seq, told: false });
        }
        if let Some(gone) = SeqRange::new(1, beat.oldest - 1) {
            if self.joining {
                self.window.give_up(gone, None, shared);
            } else if gone.last() <= bound {
                self.window.give_up(gone, Some(LossCause::Lost), shared);
            }
        }
        self.joining = false;
        self.settle(shared);
    }

    /// A Lost: numbers from `first` to `seq` - 1 cannot be had (S15; RMC-LOST-2 to RMC-LOST-5).
    pub(crate) fn lost(&mut self, first: u64, seq: u64, stamp: u32, rtt: &mut Rtt, shared: &mut Shared) {
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        let asked = self.answered(stamp, rtt, shared);
        if self.follows_end(seq - 1, shared) {
            return;
        }
        if self.joining && first == 1 {
            if let Some(gone) = SeqRange::new(1, seq - 1) {
                self.window.give_up(gone, None, shared);
            }
            self.joining = false;
            self.settle(shared);
            return;
        }
        // Unasked, a Lost past the window is a hint, as any number is (F06). An answer counts up to what is known to
        // exist; a silent node never asks, so that it must take what it hears.
        let last = seq - 1;
        let bound = self.unasked_bound(shared);
        let counts_to = match (asked, shared.config.silent) {
            (true, _) => last.min(bound),
            (false, true) => last,
            (false, false) if last <= bound => last,
            (false, false) => 0,
        };
        self.window.learn(last);
        if let Some(gone) = SeqRange::new(first, counts_to) {
            self.window.give_up(gone, Some(LossCause::Lost), shared);
        }
        self.settle(shared);
    }

    /// A Reset: the stream goes on behind `seq` (S16, RMC-RESET-1).
    pub(crate) fn reset(&mut self, seq: u64, stamp: u32, rtt: &mut Rtt, shared: &mut Shared) {
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        let asked = self.answered(stamp, rtt, shared);
        if seq < self.delivered() || self.follows_end(seq, shared) {
            return;
        }
        let counts = asked || self.joining || shared.config.silent || seq <= self.unasked_bound(shared);
        self.window.learn(seq);
        if counts {
            let owner = self.owner();
            shared.event(Event::GotReset { peer: owner.peer, stream: owner.stream, seq });
            if let Some(gone) = SeqRange::new(1, seq) {
                let cause = (!self.joining).then_some(LossCause::Reset);
                self.window.give_up(gone, cause, shared);
            }
            self.joining = false;
        }
        self.settle(shared);
    }

    /// A Confirm: an answer to a NACK of ours, of which only the round trip is used.
    pub(crate) fn confirm(&mut self, stamp: u32, rtt: &mut Rtt, shared: &Shared) {
        self.answered(stamp, rtt, shared);
    }

    /// The application has taken an item of this stream. Returns whether that made room for a gap that can now be asked
    /// for.
    #[inline]
    pub(crate) fn released(&mut self, message: Option<usize>, shared: &mut Shared) -> bool {
        self.window.release(message);
        self.window.extend(shared)
    }

    /// The stream is over. Nothing may be handed to it after.
    pub(crate) fn close(&mut self, loss: LossCause, end: Option<EndCause>, shared: &mut Shared) {
        self.window.end(loss, shared);
        self.tell_end(shared);
        if let Some(cause) = end.filter(|_| !self.is_finished()) {
            self.window.mark_end(cause, shared);
        }
    }

    /// Forgets everything that the application cannot have yet, unreported (`close` of the node).
    pub(crate) fn abandon(&mut self, shared: &mut Shared) {
        self.window.drop_all(shared);
    }

    /// Reports the gaps that nobody else had repaired in time (S28, RMC-SILENT-2): for silent nodes.
    pub(crate) fn give_up_due(&mut self, shared: &mut Shared) {
        while let Some(gap) = self.window.gaps().due(shared.now, 0) {
            self.window.give_up(gap.range, Some(LossCause::Silent), shared);
        }
        self.settle(shared);
    }

    /// Lets the waits of all gaps begin anew (S28, S30).
    pub(crate) fn restart_gaps(&mut self, shared: &Shared) {
        let mut from = 0;
        while let Some(gap) = self.window.gaps().find_from(from) {
            from = gap.range.last() + 1;
            if let GapState::Armed(asking) = gap.state
                && let Gap { state: GapState::Armed(Asking { due, .. }), .. } = nack::new_gap(gap.range, shared)
            {
                let state = GapState::Armed(Asking { due, ..asking });
                self.window.gaps_mut().set_state(gap.range.first(), state, nack::turn(shared));
            }
        }
    }

    /// Whether there is something to send to the peer now.
    pub(crate) fn wants_to_send(&self, shared: &Shared) -> bool {
        self.ack_due || self.window.gaps().earliest().is_some_and(|due| due <= shared.now)
    }

    /// The NACK that is due, if one is.
    pub(crate) fn ask(&mut self, rtt: Rtt, shared: &mut Shared) -> Option<Ask> {
        nack::ask(self.window.gaps_mut(), &mut self.stamps, rtt, shared)
    }

    /// The Ack that is due, if one is: the highest number with nothing missing before it, and how many packets fit
    /// behind it.
    pub(crate) fn take_ack(&mut self, shared: &Shared) -> Option<(u64, u32)> {
        if !core::mem::take(&mut self.ack_due) {
            return None;
        }
        if self.delivered() == self.window.known() {
            // The sender stops its heartbeats when this arrives; if it does not arrive, the next one comes
            // (RMC-PRIV-4).
            self.liveness.touch(shared.now, None, &shared.config);
        }
        Some((self.delivered(), self.window.free_packets(shared)))
    }

    /// When this stream needs `handle_timeout` next.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        // While it waits to be polled, its gaps are no reason to wake up.
        let gaps = if self.queued { None } else { self.window.gaps().earliest() };
        earlier(gaps, self.liveness.deadline())
    }

    pub(crate) fn info(&self) -> StreamInfo {
        StreamInfo {
            delivered: self.delivered(),
            known: self.window.known(),
            gaps: self.window.gaps().len(),
            cached_packets: self.window.cached_packets(),
            held_bytes: self.window.held_bytes(),
            missed_heartbeats: self.liveness.missed(),
            finished: self.end.is_some(),
        }
    }

    /// Whether `seq` lies behind the number with which the sender finished: what says so is dropped, as nothing can
    /// follow.
    fn follows_end(&self, seq: u64, shared: &mut Shared) -> bool {
        let follows = self.end.is_some_and(|end| seq > end.seq);
        shared.stats.dropped.after_end += u64::from(follows);
        follows
    }

    /// How far news counts that nobody asked for (RMC-LOST-5).
    fn unasked_bound(&self, shared: &Shared) -> u64 {
        self.window.known().max(self.window.limit(shared))
    }

    /// Something was filled (RMC-RTT-2, RMC-GAP-8): takes the round trip of a first attempt, and holds what is left of
    /// the gap.
    #[inline(never)]
    fn filled(&mut self, gap: Gap, arrival: Arrival<'_>, rtt: &mut Rtt, shared: &mut Shared) {
        if !arrival.flags.contains(Flags::RESENT) {
            return;
        }
        shared.stats.repair.repaired += 1;
        let GapState::Armed(Asking { asked: Some(asked), .. }) = gap.state else { return };
        if asked.once
            && let Some(round_trip) = self.stamps.answered(asked.stamp, shared.now)
        {
            rtt.sample(round_trip);
        }
        nack::hold(self.window.gaps_mut(), gap, arrival.seq, *rtt, shared);
    }

    fn answered(&mut self, stamp: u32, rtt: &mut Rtt, shared: &Shared) -> bool {
        if let Some(round_trip) = self.stamps.answered(stamp, shared.now) {
            rtt.sample(round_trip);
        }
        self.stamps.knows(stamp)
    }

    fn settle(&mut self, shared: &mut Shared) {
        if self.window.next() > 1 {
            self.joining = false;
        }
        self.window.extend(shared);
        self.tell_end(shared);
    }

    /// Tells the end of the stream (RMC-END-4) once everything up to it was delivered or reported.
    fn tell_end(&mut self, shared: &mut Shared) {
        let delivered = self.delivered();
        let Some(end) = self.end.as_mut().filter(|end| !end.told && delivered >= end.seq) else { return };
        end.told = true;
        let seq = end.seq;
        let owner = self.owner();
        self.window.mark_end(EndCause::Finished, shared);
        if owner.stream == Stream::Group {
            shared.event(Event::PeerFinished { peer: owner.peer, seq });
        }
    }
}

/// The interval that a packet promises, if it promises any.
pub(crate) fn promised(micros: u32) -> Option<Duration> {
    (micros > 0).then(|| Duration::from_micros(u64::from(micros)))
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    RecvStream { window, stamps, liveness, joining, end, ack_due, queued }
    End { seq, told }
}
