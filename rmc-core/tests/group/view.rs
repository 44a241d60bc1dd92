//! How one incarnation of a node sees one peer, from what its events tell.

use std::time::Duration;

use rmc_core::{Instant, Stream};

use super::heard::{Heard, News};
use super::script::Policy;
use super::told::{Restart, Told};
use super::tracker::{Start, Tracker};

/// One peer, by its address.
pub(super) struct View {
    pub(super) epoch: u32,
    /// Counts how often the peer came anew: as an unknown one, or with another epoch.
    life: u32,
    /// When it was heard last.
    pub(super) heard: Instant,
    /// The application has removed it: nothing of it is remembered.
    pub(super) is_forgotten: bool,
    pub(super) streams: [Followed; 2],
}

/// One stream of a peer: what was heard of it, what the events have told, and what the application got.
pub(super) struct Followed {
    pub(super) tracker: Tracker,
    /// `None`: it cannot be said what of it was taken.
    pub(super) heard: Option<Heard>,
    pub(super) told: Told,
}

pub(super) const fn place(stream: Stream) -> usize {
    match stream {
        Stream::Group => 0,
        Stream::Private => 1,
    }
}

/// Where the streams of a peer begin that nothing is known of.
fn unknown(policy: Policy) -> [Tracker; 2] {
    let group = match policy {
        Policy::First => Tracker::new(Some(1), Start::Oldest),
        Policy::Oldest => Tracker::new(None, Start::Oldest),
        Policy::Now | Policy::Silent => Tracker::new(None, Start::Anywhere),
    };
    [group, Tracker::new(None, Start::Oldest)]
}

impl View {
    /// The first time that this address is heard.
    pub(super) fn new(epoch: u32, policy: Policy, at: Instant) -> Self {
        let streams = unknown(policy).map(|tracker| Followed { tracker, heard: None, told: Told::default() });
        let mut view = Self { epoch, life: 0, heard: at, is_forgotten: false, streams };
        view.live(epoch, at, None);
        view
    }

    /// A peer that had expired or was removed comes back (RMC-PEER-7, RMC-PEER-9). Returns whether it goes on where it
    /// stood.
    pub(super) fn returns(&mut self, epoch: u32, policy: Policy, at: Instant) -> bool {
        let goes_on = self.epoch == epoch && !self.is_forgotten;
        let fresh = unknown(policy);
        for (followed, fresh) in self.streams.iter_mut().zip(fresh) {
            followed.tracker = if goes_on { Tracker::resumed(followed.tracker, fresh) } else { fresh };
        }
        self.live(epoch, at, None);
        goes_on
    }

    /// A known peer has another epoch: it is followed from 1 (RMC-EPOCH-3).
    pub(super) fn restarts(&mut self, epoch: u32, policy: Policy, at: Instant) {
        let is_certain = self.streams.iter().any(|followed| followed.tracker.has_items);
        let [_, private] = unknown(policy);
        let trackers = [Tracker::new(Some(1), Start::Oldest), private];
        for (followed, tracker) in self.streams.iter_mut().zip(trackers) {
            followed.tracker = tracker;
        }
        self.live(epoch, at, Some(Restart { epoch, is_certain }));
    }

    pub(super) fn followed(&mut self, stream: Stream) -> &mut Followed {
        &mut self.streams[place(stream)]
    }

    /// From now on it cannot be said what of it is taken.
    pub(super) fn blur(&mut self) {
        self.streams.iter_mut().for_each(|followed| followed.heard = None);
    }

    /// Whether it has surely not expired.
    pub(super) fn is_known(&self, at: Instant, timeout: Duration) -> bool {
        !self.is_forgotten && at < self.heard + timeout
    }

    fn live(&mut self, epoch: u32, at: Instant, restart: Option<Restart>) {
        self.life += 1;
        (self.epoch, self.heard, self.is_forgotten) = (epoch, at, false);
        for followed in &mut self.streams {
            followed.heard = Some(Heard::default());
            followed.told.owe_life(self.life, restart);
        }
    }
}

impl Followed {
    /// A packet came, and `window` is how many the window holds.
    pub(super) fn hear(&mut self, news: News, window: u64) {
        let limit = self.limit(window);
        if let Some(heard) = &mut self.heard {
            heard.hear(news, limit);
        }
    }

    /// The number up to which the window surely has room.
    pub(super) fn limit(&self, window: u64) -> u64 {
        self.tracker.position.unwrap_or(1) - 1 + window.saturating_sub(self.told.messages() as u64)
    }
}
