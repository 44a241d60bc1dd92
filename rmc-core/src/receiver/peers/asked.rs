//! Which of the peers have asked this node for something or acknowledged it, and which of them have proven their
//! addresses.

use core::time::Duration;

use super::Peers;
use crate::sender::{Census, Met};
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
            let before = peer.met;
            let after = Met { nacks: (before.nacks + 1).min(MOST_COUNTED), ..before };
            peer.met = after;
            self.met.recount(before, after);
        }
    }

    /// An Ack of the group's stream came from a peer (RMC-HB-11).
    pub(crate) fn count_acker(&mut self, slot: u32) {
        let Some(peer) = self.get_mut(slot) else { return };
        let before = peer.met;
        let after = Met { acks: true, ..before };
        peer.met = after;
        self.met.recount(before, after);
    }

    /// Who is known, and who of them was met how.
    pub(crate) fn census(&self) -> Census {
        Census { known: u32::try_from(self.len()).unwrap_or(u32::MAX), ..self.met }
    }
}
