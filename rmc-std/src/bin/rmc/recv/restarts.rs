//! Where the line of a restart belongs: between the messages of the former epoch and those of the new one.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use rmc_std::{Event, rmc_core};

/// Which restarts are told by the stream itself. The event of a restart comes when it is noticed, and what was received
/// of the former epoch is taken later: its line there would make those messages look like the new epoch's. Peers
/// without a stream have the event only.
#[derive(Debug, Default)]
pub(super) struct Restarts(Mutex<BTreeMap<SocketAddr, Peer>>);

#[derive(Debug, Default)]
struct Peer {
    /// Whether something came in its stream.
    has_stream: bool,
    /// The last epoch whose line was written.
    told: Option<u32>,
}

impl Restarts {
    /// Something came in the peer's stream: its restarts will come there too.
    pub(super) fn has_stream(&self, peer: SocketAddr) {
        self.with(peer, |peer| peer.has_stream = true);
    }

    /// Whether the line of a restart that came in the stream is still to be written.
    pub(super) fn tell_in_stream(&self, peer: SocketAddr, epoch: u32) -> bool {
        self.with(peer, |peer| peer.told.replace(epoch) != Some(epoch))
    }

    /// Whether the line of an event is to be written.
    pub(super) fn tell_event(&self, event: &Event) -> bool {
        let &Event::Protocol(rmc_core::Event::PeerRestarted { peer, epoch, .. }) = event else { return true };
        self.with(peer, |peer| !peer.has_stream && peer.told.replace(epoch) != Some(epoch))
    }

    fn with<T>(&self, address: SocketAddr, act: impl FnOnce(&mut Peer) -> T) -> T {
        act(self.0.lock().unwrap_or_else(PoisonError::into_inner).entry(address).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_restart_has_one_line_and_the_streams_is_preferred() {
        let (restarts, peer) = (Restarts::default(), SocketAddr::from(([127, 0, 0, 1], 9)));
        let event = |epoch| Event::Protocol(rmc_core::Event::PeerRestarted { peer, old_epoch: 1, epoch });
        assert!(restarts.tell_event(&event(2)), "it has no stream");
        assert!(!restarts.tell_in_stream(peer, 2), "it was told");
        restarts.has_stream(peer);
        assert!(!restarts.tell_event(&event(3)), "the stream will tell");
        assert!(restarts.tell_in_stream(peer, 3));
        assert!(restarts.tell_event(&Event::Protocol(rmc_core::Event::PeerExpired { peer })));
    }
}
