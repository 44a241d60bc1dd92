//! Room for what comes, and who has to go for it (RMC-WIN-4 to RMC-WIN-7).

use alloc::vec::Vec;

use super::{Cached, Window};
use crate::receiver::nack;
use crate::shared::Shared;

impl Window {
    pub(super) fn has_room(&self, len: usize, shared: &Shared) -> bool {
        self.held_bytes() + len <= shared.config.receive_window_bytes
            && shared.received_packets + shared.told < shared.config.receive_total_packets
            && shared.received_bytes + len <= shared.config.receive_total_bytes
    }

    /// Room for the packet that everything waits for (RMC-WIN-4): what is cached goes, the highest first, and is asked
    /// for again.
    pub(super) fn make_room(&mut self, len: usize, shared: &mut Shared) -> bool {
        while !self.has_room(len, shared) {
            if self.evict_highest(shared) {
                continue;
            }
            if self.may_exceed_total(len, shared) {
                shared.completing = Some(self.owner.stream_id);
                return true;
            }
            self.count_refused(len, shared);
            return false;
        }
        true
    }

    /// When the messages in parts of many streams fill all windows together, none would ever be whole, and the
    /// application has nothing to take that would make room: one of them at a time is brought to its end
    /// (RMC-WIN-7).
    #[inline(never)]
    fn may_exceed_total(&self, len: usize, shared: &Shared) -> bool {
        let config = &shared.config;
        self.held_bytes() + len <= config.receive_window_bytes
            && shared.received_bytes + len <= config.receive_total_bytes.saturating_add(config.max_message)
            && !shared.inbox.has_messages()
            && shared.completing.is_none_or(|stream| stream == self.owner.stream_id)
    }

    /// A stream that exceeds the total and has nothing in parts any more leaves the turn to others.
    pub(super) fn leave_turn(&self, shared: &mut Shared) {
        if shared.completing == Some(self.owner.stream_id) && self.assembly.len() == 0 {
            shared.completing = None;
        }
    }

    /// Counts what found no room by whose bound that was.
    pub(super) fn count_refused(&self, len: usize, shared: &mut Shared) {
        let dropped = &mut shared.stats.dropped;
        if self.held_bytes() + len <= shared.config.receive_window_bytes {
            dropped.total += 1;
        } else {
            dropped.window += 1;
        }
    }

    pub(super) fn evict_highest(&mut self, shared: &mut Shared) -> bool {
        if shared.config.delivery.is_unordered() {
            return self.evict_fragment(shared);
        }
        if self.cache.is_empty() {
            return false;
        }
        while let Some(gap) = self.gaps.last().filter(|gap| gap.range.last() == self.covered) {
            self.gaps.remove(gap.range.first(), nack::turn(shared));
            self.covered = gap.range.first() - 1;
        }
        let Some(Cached { buffer, .. }) = self.cache.remove(&self.covered) else { return false };
        self.covered -= 1;
        self.forget_cached(buffer, shared);
        shared.stats.dropped.window += 1;
        true
    }

    /// A packet has left the cache and nobody gets it.
    pub(super) fn forget_cached(&mut self, buffer: Vec<u8>, shared: &mut Shared) {
        self.cached_bytes -= buffer.len();
        shared.received_packets -= 1;
        shared.received_bytes -= buffer.len();
        shared.pool.put(buffer);
    }
}
