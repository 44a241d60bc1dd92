//! Receivers that a sender waits for no longer: nothing else tells that they may lack something.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use rmc_std::{Event, Stats, rmc_core};

use crate::progress::Screen;

/// Tells those that did not go on from those that had said their end. The latter left as they pleased, so that nobody
/// has failed them; they are told as well, and do not count.
#[derive(Debug, Default)]
pub(crate) struct LetGo {
    ended: Mutex<BTreeSet<SocketAddr>>,
    left: AtomicU64,
}

impl LetGo {
    /// Takes note of an event, and says who was let go.
    pub(crate) fn heed(&self, event: &Event, screen: &Screen) {
        let Event::Protocol(event) = event else { return };
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        match *event {
            rmc_core::Event::PeerFinished { peer, .. } => drop(ended.insert(peer)),
            rmc_core::Event::NewSender { peer, .. } | rmc_core::Event::PeerRestarted { peer, .. } => {
                ended.remove(&peer);
            }
            rmc_core::Event::PeerEvicted { peer, seq } if ended.contains(&peer) => {
                self.left.fetch_add(1, Ordering::Relaxed);
                screen.say(&format!("rmc: {peer} has ended: it had acknowledged everything up to packet {seq}"));
            }
            rmc_core::Event::PeerEvicted { peer, seq } => screen.insist(&format!(
                "rmc: {peer} was let go: it has acknowledged nothing beyond packet {seq} for too long, and is not waited \
                 for any more. It gets what it misses only as long as that is kept: see that it runs and takes what \
                 comes, and send it again what is lost to it"
            )),
            _ => {}
        }
    }

    /// How many were let go without having said their end; also those whose event found no room.
    pub(crate) fn count(&self, stats: &Stats) -> u64 {
        stats.tx.let_go.saturating_sub(self.left.load(Ordering::Relaxed))
    }
}
