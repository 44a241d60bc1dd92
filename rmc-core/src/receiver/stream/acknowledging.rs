//! What a followed stream tells its sender of itself: the Acks of the stream, and what they say.

use super::RecvStream;
use crate::event::Stream;
use crate::packet::OPEN_WINDOW;
use crate::receiver::acks::Room;
use crate::shared::Shared;

impl RecvStream {
    /// Whether there is something to send to the peer now.
    pub(crate) fn wants_to_send(&self, shared: &Shared) -> bool {
        self.acks.is_due() || self.window.gaps().earliest().is_some_and(|due| due <= shared.now)
    }

    /// The Ack that is due, if one is: the highest number with nothing missing before it, and how many packets fit
    /// behind it, or that it need not be heeded.
    pub(crate) fn take_ack(&mut self, shared: &mut Shared) -> Option<(u64, u32)> {
        if !self.acks.is_due() {
            return None;
        }
        let room = Room {
            position: self.delivered(),
            reached: self.window.reached(),
            limit: self.window.limit(shared),
            scarce: self.window.is_scarce(shared),
            whole: self.window.whole(shared),
        };
        let open = self.acks.take(room, shared);
        if self.owner().stream == Stream::Private && self.delivered() == self.window.known() {
            // The sender stops its heartbeats when this arrives; if it does not arrive, the next one comes
            // (RMC-PRIV-4).
            self.liveness.expect_nothing();
        }
        Some((room.position, if open { OPEN_WINDOW } else { self.window.room(shared) }))
    }

    /// Whether an Ack is due is looked at.
    pub(crate) fn check_acks(&mut self, shared: &mut Shared) {
        self.acks.check(self.delivered(), self.spoke, shared);
    }

    #[inline]
    pub(super) fn note_progress(&mut self, shared: &mut Shared) {
        let (reached, limit) = (self.window.reached(), self.window.limit(shared));
        let Self { window, acks, .. } = self;
        acks.progress(reached, limit, |shared| window.is_scarce(shared), shared);
    }
}
