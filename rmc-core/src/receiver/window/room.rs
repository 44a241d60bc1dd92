//! How much room a window has, as its sender is told (RMC-ACK-1).

use super::Window;
use crate::shared::Shared;

impl Window {
    /// The highest number that came, was delivered or given up.
    pub(crate) fn reached(&self) -> u64 {
        self.received.max(self.next - 1)
    }

    /// How many packets behind `next - 1` this node can take, those that it has behind gaps included (RMC-ACK-1).
    pub(crate) fn room(&self, shared: &Shared) -> u32 {
        let config = &shared.config;
        let by_bytes = config.receive_window_bytes.saturating_sub(self.held_bytes()) / self.largest;
        let by_total = config.receive_total_packets.saturating_sub(shared.received_packets + shared.told);
        let by_total_bytes = config.receive_total_bytes.saturating_sub(shared.received_bytes) / self.largest;
        let free = by_bytes.min(by_total).min(by_total_bytes).saturating_add(self.cache.len());
        let room = free.min(config.receive_window_packets.saturating_sub(self.unread.packets));
        // What the sockets hold unseen comes behind what has come.
        let unseen = (self.reached() - (self.next - 1)).saturating_add(config.socket_packets as u64);
        u32::try_from(unseen.min(room as u64)).unwrap_or(u32::MAX)
    }

    /// How many packets fit into the whole window.
    pub(crate) fn whole(&self, shared: &Shared) -> u64 {
        let config = &shared.config;
        config.receive_window_packets.min(config.receive_window_bytes / self.largest).min(config.socket_packets) as u64
    }

    /// Whether less than half of the window is free.
    pub(crate) fn is_scarce(&self, shared: &Shared) -> bool {
        let config = &shared.config;
        self.unread.packets + self.cache.len() > config.receive_window_packets / 2
            || self.held_bytes() > config.receive_window_bytes / 2
    }
}
