//! Who makes room for others when the table of peers is full (RMC-PEER-10).

use core::time::Duration;

use super::{Peer, Peers};
use crate::shared::Shared;
use crate::time::Instant;

/// So many peers are looked at for one packet, at most.
const MAX_LOOKED_AT: usize = 256;

impl Peers {
    /// Makes room for one more peer (RMC-PEER-10): who was silent longest of those that only asked goes. Where all have
    /// sent, who was silent longest goes for another one that sends, if it is overdue.
    #[inline(never)]
    pub(super) fn make_room(&mut self, of_stream: bool, shared: &mut Shared) -> bool {
        let Some(slot) = self.longest_idle() else { return false };
        let Some(peer) = self.get(slot) else { return false };
        let goes = !peer.sends || (of_stream && peer.is_overdue(shared.now));
        if goes {
            self.evict(slot, shared);
        }
        goes
    }

    /// Who was not heard for longest. Their times are brought up to date on the way: they stand
    /// still while somebody speaks, so that no packet costs anything here.
    fn longest_idle(&mut self) -> Option<u32> {
        for _ in 0..MAX_LOOKED_AT {
            let (at, slot) = self.idle.first()?;
            let key = idle_key(self.get(slot)?);
            if key <= at {
                return Some(slot);
            }
            self.idle.set(slot, key);
        }
        None
    }

    fn evict(&mut self, slot: u32, shared: &mut Shared) {
        shared.stats.dropped.evicted_peers += 1;
        self.expire(slot, shared);
    }
}

/// Who goes first when the table is full: those that only asked, in the order in which they were heard, then those that
/// sent.
pub(super) fn idle_key(peer: &Peer) -> Instant {
    const BEHIND_ALL: Duration = Duration::from_nanos(u64::MAX / 2);
    if peer.sends { peer.heard + BEHIND_ALL } else { peer.heard }
}
