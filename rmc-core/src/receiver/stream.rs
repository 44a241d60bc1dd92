//! One stream of one peer, as this node follows it: the group's and the private one alike (S18).

mod acknowledging;
mod words;

use core::time::Duration;

use super::acks::Acks;
use super::backoff::Advertised;
use super::gaps::{Asking, Gap, GapState};
use super::liveness::Liveness;
use super::nack::{self, Ask, Scheduler};
use super::rtt::Rtt;
use super::window::{Arrival, Taken, Window};
use crate::config::Config;
use crate::event::{EndCause, Event, LossCause, Path, Stream};
use crate::inbox::Owner;
use crate::packet::Flags;
use crate::seq::SeqRange;
use crate::shared::Shared;
use crate::stats::StreamInfo;
use crate::time::{Instant, earlier};

pub(crate) use words::Word;

/// Where a stream begins (S10).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// At 1; what cannot be had is reported.
    First,
    /// At 1; what the sender says that it no longer has, before anything is delivered, is not reported.
    Oldest,
    /// With this number, perhaps in the middle of a message.
    At(u64),
    /// Behind this number, up to which all was delivered or reported before the peer expired (S26).
    Behind(u64),
}

#[derive(Clone)]
pub(crate) struct RecvStream {
    window: Window,
    liveness: Liveness,
    /// When it last said something that only its sender can know to be new (RMC-EPOCH-6).
    spoke: Instant,
    /// Nothing was delivered or reported yet, and the sender has not said that it has everything: its answers move the
    /// start (RMC-JOIN-3).
    joining: bool,
    end: Option<End>,
    acks: Acks,
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
    pub(crate) advertised: Advertised,
}

impl RecvStream {
    pub(crate) fn new(owner: Owner, start: Start, shared: &mut Shared) -> Self {
        let next = match start {
            Start::First | Start::Oldest => 1,
            Start::At(seq) => seq,
            Start::Behind(seq) => seq + 1,
        };
        let (advertised, group) = match owner.stream {
            Stream::Group => (Advertised::default(), 0),
            Stream::Private => (Advertised::ALONE, 1),
        };
        let mut window = Window::new(owner, next, Scheduler::new(advertised), shared);
        match start {
            Start::At(_) => window.assembly_mut().skip(),
            Start::Behind(_) => window.assembly_mut().resume(LossCause::Expired),
            Start::First | Start::Oldest => {}
        }
        Self {
            window,
            liveness: Liveness::default(),
            spoke: shared.now,
            joining: start == Start::Oldest,
            end: None,
            acks: Acks::new(next, group, shared),
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

    /// Until when a newer epoch waits: as long as this one keeps its promise. `otherwise`: where nothing is promised.
    pub(crate) fn speaks_until(&self, otherwise: Duration) -> Instant {
        self.spoke + self.liveness.promise(otherwise)
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
        self.outlive_end(seq, shared);
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
        self.outlive_end(arrival.seq, shared);
        match self.window.take(arrival, shared) {
            Taken::Duplicate => shared.stats.rx.duplicates += 1,
            Taken::Refused => {}
            Taken::New(gap) => {
                shared.stats.rx.data += 1;
                self.spoke = shared.now;
                self.acks.data(shared.now);
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
        match self.owner().stream {
            Stream::Group => {
                self.window.asking().0.advertise(beat.advertised);
                self.acks.advertise(beat.advertised.group, shared);
                if beat.seq <= self.window.known() {
                    self.acks.heartbeat(shared);
                }
            }
            Stream::Private => self.acks.demand(),
        }
        if beat.oldest > 1 && beat.seq >= beat.oldest {
            self.acks.learn_kept(beat.seq - beat.oldest + 1);
        }
        if self.window.is_crowded(shared) {
            shared.stats.dropped.unread += 1;
            return;
        }
        self.outlive_end(beat.seq, shared);
        let bound = self.unasked_bound(shared);
        if beat.unicast && self.end.is_none() {
            self.window.unlearn(beat.seq, shared);
        }
        if beat.seq >= self.window.known() {
            self.spoke = shared.now;
        }
        self.window.learn(beat.seq);
        // An END that is the first to tell of numbers past the window is a hint, as they are; it is sent more than
        // once.
        if beat.end && self.end.is_none() && beat.seq >= self.window.known() && beat.seq <= bound {
            self.end = Some(End { seq: beat.seq, told: false });
        }
        // By unicast everybody could say so; who asks is told.
        if let Some(gone) = SeqRange::new(1, beat.oldest - 1).filter(|_| !beat.unicast)
            && (self.is_first_answer() || gone.last() <= bound)
        {
            self.window.give_up(gone, self.cause(LossCause::Lost), shared);
        }
        self.joining &= beat.unicast || beat.oldest > 1;
        self.settle(shared);
    }

    /// The application has taken an item of this stream. Returns whether there is something to send because of that, now
    /// or later: a gap can now be asked for, or the sender is to be told of the room.
    #[inline]
    pub(crate) fn released(&mut self, message: Option<usize>, shared: &mut Shared) -> bool {
        self.window.release(message);
        let extended = self.window.extend(shared);
        let waited = self.acks.waits_until();
        self.note_progress(shared);
        extended || self.acks.is_due() || self.acks.waits_until() != waited
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
        if self.window.gaps().due(shared.now, 0).is_none() {
            return;
        }
        self.forget_hints(shared);
        while let Some(gap) = self.window.gaps().due(shared.now, 0) {
            self.window.give_up(gap.range, Some(LossCause::Silent), shared);
        }
        self.settle(shared);
    }

    /// Gives up what was not repaired in time, where the application does not wait for ever (RMC-MODE-2).
    pub(crate) fn give_up_late(&mut self, patience: Duration, shared: &mut Shared) {
        let now = shared.now;
        let is_late = |gap: &Gap| gap.seen + patience <= now;
        if self.window.gaps().first().is_none_or(|gap| !is_late(&gap)) {
            return;
        }
        self.forget_hints(shared);
        while let Some(gap) = self.window.gaps().first().filter(is_late) {
            self.window.give_up(gap.range, Some(LossCause::Deadline), shared);
        }
        self.settle(shared);
    }

    /// Before numbers are given up without their sender's word: what is known to exist only past the window may be
    /// forged, and must not become the next window of numbers to give up (RMC-SEC-2). If it is true it is told again.
    fn forget_hints(&mut self, shared: &Shared) {
        self.window.forget_hints(self.end.map_or(0, |end| end.seq), shared);
    }

    /// Lets the waits of all gaps begin anew (S28, S30).
    pub(crate) fn restart_gaps(&mut self, shared: &mut Shared) {
        self.window.asking().1.see_anew(shared.now);
        let mut from = 0;
        while let Some(gap) = self.window.gaps().find_from(from) {
            from = gap.range.last() + 1;
            if let GapState::Armed(asking) = gap.state
                && let Gap { state: GapState::Armed(Asking { due, .. }), .. } =
                    self.window.nacks().new_gap(gap.range, shared)
            {
                let state = GapState::Armed(Asking { due, ..asking });
                self.window.asking().1.set_state(gap.range.first(), state, nack::turn(shared));
            }
        }
    }

    /// The NACK that is due, if one is.
    pub(crate) fn ask(&mut self, rtt: &mut Rtt, shared: &mut Shared) -> Option<Ask> {
        let (nacks, gaps) = self.window.asking();
        nacks.ask(gaps, rtt, shared)
    }

    /// When this stream needs `handle_timeout` next.
    pub(crate) fn deadline(&self, config: &Config) -> Option<Instant> {
        // While it waits to be polled, its gaps are no reason to wake up.
        let gaps = if self.queued { None } else { self.window.gaps().earliest() };
        let late = self.window.gaps().first().and_then(|gap| Some(gap.seen + config.patience()?));
        earlier(earlier(gaps, late), earlier(self.acks.deadline(), self.liveness.deadline()))
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

    /// A packet names `seq`: if that lies behind the number with which the sender finished, it did not finish, as it
    /// would give no such number then (RMC-END-4). Somebody else had said so.
    fn outlive_end(&mut self, seq: u64, shared: &mut Shared) {
        if self.end.is_some_and(|end| seq > end.seq) {
            self.end = None;
            shared.stats.rx.ends_withdrawn += 1;
        }
    }

    /// Something was filled (RMC-RTT-2, RMC-GAP-8): takes the round trip of a first attempt, and holds what is left of
    /// the gap.
    #[inline(never)]
    fn filled(&mut self, gap: Gap, arrival: Arrival<'_>, rtt: &mut Rtt, shared: &mut Shared) {
        if !arrival.flags.contains(Flags::RESENT) {
            self.window.asking().0.reordered(gap.seen, shared);
            return;
        }
        shared.stats.repair.repaired += 1;
        let GapState::Armed(asking) = gap.state else { return };
        let (nacks, gaps) = self.window.asking();
        if let Some(asked) = asking.asked {
            // What comes by multicast may be an answer to somebody else.
            let is_clean = asked.once && arrival.path == Path::Unicast;
            match is_clean.then(|| nacks.answered(asked.stamp, shared.now)).flatten() {
                Some(round_trip) => rtt.sample(round_trip),
                None => nacks.no_sample(asked, rtt, shared),
            }
        }
        nacks.hold(gaps, gap, arrival.seq, *rtt, shared);
    }

    fn settle(&mut self, shared: &mut Shared) {
        self.joining &= !self.window.has_begun();
        self.window.extend(shared);
        self.note_progress(shared);
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
    RecvStream { window, liveness, spoke, joining, end, acks, queued }
    End { seq, told }
}
