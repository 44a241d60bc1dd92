//! Which of the peers have asked this node for something, and which of them have proven their addresses.

use core::time::Duration;

use super::Peers;
use crate::sender::Census;
use crate::time::Instant;

/// More often than that a peer's NACKs are not counted.
const MOST_COUNTED: u8 = 3;

impl Peers {
    /// A peer has proven that it receives at its address (RMC-PROOF-1): it makes room for nobody (RMC-PEER-10).
    pub(crate) fn prove(&mut self, slot: u32) {
        let Some(peer) = self.get_mut(slot) else { return };
        if !core::mem::replace(&mut peer.proven, true) {
            self.idle.clear(slot);
        }
    }

    /// A NACK came from a peer: it counts at most once in `interval`, so that its repetitions are not taken for others'
    /// (RMC-HB-11).
    pub(crate) fn count_asker(&mut self, slot: u32, interval: Duration, now: Instant) {
        let Some(peer) = self.get_mut(slot) else { return };
        if peer.counted.again(interval, now) {
            let before = peer.nacks;
            let after = (before + 1).min(MOST_COUNTED);
            peer.nacks = after;
            self.recount(before, after);
        }
    }

    /// Who is known, and who of them has asked how often.
    pub(crate) fn census(&self) -> Census {
        let [once, twice] = self.asked;
        Census { known: u32::try_from(self.len()).unwrap_or(u32::MAX), once, twice }
    }

    /// A peer that had asked `before` times now has `after` times.
    pub(super) fn recount(&mut self, before: u8, after: u8) {
        for (times, count) in (1..).zip(&mut self.asked) {
            *count -= u32::from(before == times);
            *count += u32::from(after == times);
        }
    }
}
