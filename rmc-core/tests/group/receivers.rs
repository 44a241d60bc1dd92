//! How far a sender may go, as its receivers have acknowledged it (RMC-FLOW-1 to RMC-FLOW-9).
//!
//! It is known from outside who counts for sure; who may count besides is known too. So the limit of `Slowest` is known
//! to be no higher than that of those that count for sure, and that of a quorum no higher than that of its n best.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::Instant;

use super::script::Control;

/// Who waits for nobody goes on so long after it has sent as much as it keeps (RMC-FLOW-9).
const START_WAIT: Duration = Duration::from_millis(200);

/// How far the sender's stream has come.
#[derive(Clone, Copy)]
pub(super) struct Progress {
    pub(super) last_sent: u64,
    /// Nothing has left its backlog.
    pub(super) keeps_all: bool,
    /// More waits.
    pub(super) waits: bool,
}

/// An Ack of the group's stream.
#[derive(Clone, Copy)]
pub(super) struct Acked {
    pub(super) from: SocketAddr,
    pub(super) epoch: u32,
    pub(super) seq: u64,
    pub(super) window: u32,
}

/// The receivers of one sender, in one epoch of it.
#[derive(Default)]
pub(super) struct Receivers {
    /// Whose own streams have ended, by what was told, so that they may be gone.
    ended: BTreeSet<(SocketAddr, u32)>,
    known: BTreeMap<SocketAddr, Receiver>,
    /// Who may have expired meanwhile, or not.
    unsure: BTreeSet<SocketAddr>,
    /// In whose name somebody has acknowledged.
    forged: BTreeSet<SocketAddr>,
    /// Who has acknowledged something in an epoch of its own, whether that has arrived or not.
    told: BTreeSet<(SocketAddr, u32)>,
    /// Who has forgotten what it had acknowledged: its sender need not keep that, nor what such an Ack still on its way
    /// lets go.
    astray: BTreeSet<(SocketAddr, u32)>,
    /// One was let go: who begins to count cannot be said any more (RMC-FLOW-5, RMC-FLOW-10).
    has_let_go: bool,
    /// When the first packet left: it had to wait for receivers later than that.
    begun_at: Option<Instant>,
    has_started: bool,
}

struct Receiver {
    epoch: u32,
    position: u64,
    limit: u64,
    advanced_at: Instant,
    /// Until when it surely is a peer: one that has finished expires without an event.
    known_until: Instant,
    /// For sure.
    counts: bool,
    /// It has counted since before anything left the backlog.
    is_whole: bool,
}

/// How far a private stream's receiver has room.
pub(super) fn limit(seq: u64, window: u32, kept: u64) -> u64 {
    seq.saturating_add(kept.min(window.into()))
}

impl Receivers {
    /// An Ack comes from a peer (RMC-FLOW-2).
    pub(super) fn acked(&mut self, acked: Acked, progress: Progress, kept: u64, known_until: Instant, now: Instant) {
        let Acked { from, epoch, seq, window } = acked;
        let Progress { last_sent, keeps_all, .. } = progress;
        if last_sent == 0 || seq > last_sent {
            return;
        }
        if self.known.get(&from).is_some_and(|receiver| receiver.epoch != epoch) {
            self.known.remove(&from);
        }
        let receiver = self.known.entry(from).or_insert(Receiver {
            epoch,
            position: 0,
            limit: 0,
            advanced_at: now,
            known_until,
            counts: false,
            is_whole: false,
        });
        if seq < receiver.position {
            return;
        }
        let limit = limit(seq, window, kept);
        if seq > receiver.position || limit > receiver.limit {
            receiver.advanced_at = now;
        }
        (receiver.position, receiver.limit) = (seq, limit);
        self.has_started |= seq >= (kept / 2).max(1);
        let is_near = last_sent <= kept || last_sent - seq <= (kept / 2).max(1);
        if !receiver.counts && is_near && !self.has_let_go {
            (receiver.counts, receiver.is_whole) = (true, keeps_all);
        }
    }

    /// Something comes from a peer, which keeps it known until then.
    pub(super) fn heard(&mut self, peer: SocketAddr, known_until: Instant, now: Instant) {
        if self.known.get(&peer).is_some_and(|receiver| receiver.known_until <= now) {
            self.known.remove(&peer);
            self.unsure.insert(peer);
        }
        if let Some(receiver) = self.known.get_mut(&peer) {
            receiver.known_until = known_until;
        }
    }

    /// The sender forgets a peer, or takes over another epoch of it.
    pub(super) fn is_gone(&mut self, peer: SocketAddr, epoch: Option<u32>) {
        if self.known.get(&peer).is_some_and(|receiver| epoch != Some(receiver.epoch)) {
            self.known.remove(&peer);
        }
    }

    /// Somebody acknowledges in its name.
    pub(super) fn is_forged(&mut self, peer: SocketAddr) {
        self.forged.insert(peer);
    }

    /// An Ack of it leaves.
    pub(super) fn is_told(&mut self, peer: SocketAddr, epoch: u32, seq: u64) {
        if seq > 0 {
            self.told.insert((peer, epoch));
        }
    }

    /// It has forgotten where it stood.
    pub(super) fn is_astray(&mut self, peer: SocketAddr, epoch: u32) {
        if self.told.contains(&(peer, epoch)) {
            self.astray.insert((peer, epoch));
        }
    }

    /// Whether nothing may be lost to it: back-pressure, not loss.
    pub(super) fn is_guarded(&self, peer: SocketAddr, epoch: u32, control: Control, now: Instant) -> bool {
        let receiver = self.known.get(&peer).filter(|receiver| receiver.epoch == epoch);
        matches!(control, Control::Slowest(_))
            && !self.forged.contains(&peer)
            && !self.astray.contains(&(peer, epoch))
            && receiver.is_some_and(|receiver| receiver.counts_at(now) && receiver.is_whole)
    }

    /// A receiver announces its end, or somebody does in its name.
    pub(super) fn ended(&mut self, peer: SocketAddr, epoch: u32) {
        self.ended.insert((peer, epoch));
    }

    /// A receiver is let go: it has not advanced, and should have (RMC-FLOW-4). Returns what is wrong with that.
    pub(super) fn let_go(
        &mut self,
        peer: SocketAddr,
        seq: u64,
        control: Control,
        progress: Progress,
        now: Instant,
    ) -> Result<(), String> {
        self.has_let_go = true;
        if control == Control::None {
            return Err("nobody is waited for".to_owned());
        }
        if self.unsure.contains(&peer) {
            self.known.remove(&peer);
            return Ok(());
        }
        let receiver = self.known.get_mut(&peer).ok_or("it has never acknowledged")?;
        let patience = now.saturating_since(receiver.advanced_at);
        receiver.counts = false;
        let stall =
            if self.ended.contains(&(peer, receiver.epoch)) { control.stall_of_ended() } else { control.stall() };
        if patience < stall {
            return Err(format!("it has advanced {patience:?} ago"));
        }
        if receiver.position != seq {
            return Err(format!("it stands at {}, not at {seq}", receiver.position));
        }
        let owes = receiver.position < progress.last_sent || progress.waits && receiver.limit <= progress.last_sent;
        if owes { Ok(()) } else { Err("it owes nothing".to_owned()) }
    }

    /// A first transmission leaves, after `last_sent` (RMC-FLOW-1, RMC-FLOW-8, RMC-FLOW-9). Returns what is wrong with
    /// that.
    pub(super) fn may_leave(
        &mut self,
        last_sent: u64,
        control: Control,
        kept: u64,
        now: Instant,
    ) -> Result<(), String> {
        if control == Control::None {
            return Ok(());
        }
        let limit = self.bound(control, now, |receiver| receiver.limit);
        if let Some(limit) = limit.filter(|&limit| last_sent >= limit) {
            return Err(format!("receivers take {limit} at most"));
        }
        if last_sent >= kept && !self.has_started {
            let waited = self.begun_at.map_or(Duration::ZERO, |begun_at| now.saturating_since(begun_at));
            if waited < START_WAIT {
                return Err(format!("{kept} are kept, and nobody has had time to say that it is there: {waited:?}"));
            }
            self.has_started = true;
        }
        self.begun_at.get_or_insert(now);
        Ok(())
    }

    /// Whoever counts for sure and has not acknowledged `gone`, which leaves the backlog for want of room.
    pub(super) fn misses(&self, gone: u64, control: Control, now: Instant) -> Option<SocketAddr> {
        let is_slowest = matches!(control, Control::Slowest(_));
        let mut counting = self.known.iter().filter(|(_, receiver)| is_slowest && receiver.counts_at(now));
        counting.find(|(_, receiver)| receiver.position < gone).map(|(peer, _)| *peer)
    }

    /// The highest that the stable number may be (RMC-FLOW-7); `None`: it cannot be said.
    pub(super) fn most_stable(&self, control: Control, now: Instant) -> Option<u64> {
        self.bound(control, now, |receiver| receiver.position)
    }

    fn bound(&self, control: Control, now: Instant, of: impl Fn(&Receiver) -> u64) -> Option<u64> {
        let lowest = self.known.values().filter(|receiver| receiver.counts_at(now)).map(&of).min()?;
        let Control::Quorum(n) = control else { return Some(lowest) };
        // Who may have expired, or not, may be one of the best.
        let unsure = self.unsure.iter().filter(|peer| !self.known.contains_key(peer)).count();
        let place = usize::from(n).max(1).checked_sub(unsure + 1)?;
        let mut all: Vec<_> = self.known.values().map(&of).collect();
        all.sort_unstable_by_key(|&limit| std::cmp::Reverse(limit));
        Some(all.get(place).map_or(lowest, |&best| best.max(lowest)))
    }
}

impl Receiver {
    fn counts_at(&self, now: Instant) -> bool {
        self.counts && now < self.known_until
    }
}
