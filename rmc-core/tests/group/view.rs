//! How one incarnation of a node sees one peer, from what its events tell.

use std::time::Duration;

use rmc_core::{Instant, Stream};

use super::acking::Acking;
use super::heard::{Heard, News};
use super::script::{Mode, Policy};
use super::told::{Restart, Told};
use super::tracker::{Start, Tracker};
use super::watch::is_newer;

/// One peer, by its address.
pub(super) struct View {
    pub(super) epoch: u32,
    /// Counts how often the peer came anew: as an unknown one, or with another epoch.
    life: u32,
    /// When it was heard last.
    pub(super) heard: Instant,
    /// When it surely spoke last, so that a newer epoch has to wait (RMC-EPOCH-6).
    pub(super) spoke: Option<Instant>,
    /// The application has removed it: nothing of it is remembered.
    pub(super) is_forgotten: bool,
    /// Where its streams stood in the epoch before.
    former: Option<(u32, [Tracker; 2])>,
    pub(super) streams: [Followed; 2],
}

/// One stream of a peer: what was heard of it, what the events have told, and what the application got.
pub(super) struct Followed {
    pub(super) tracker: Tracker,
    /// `None`: it cannot be said what of it was taken.
    pub(super) heard: Option<Heard>,
    pub(super) told: Told,
    pub(super) acking: Acking,
}

pub(super) const fn place(stream: Stream) -> usize {
    match stream {
        Stream::Group => 0,
        Stream::Private => 1,
    }
}

/// Where the streams of a peer begin that nothing is known of.
fn unknown((policy, mode): (Policy, Mode)) -> [Tracker; 2] {
    let group = match policy {
        Policy::First | Policy::Mute => Tracker::new(mode, Some(1), Start::Oldest),
        Policy::Oldest => Tracker::new(mode, None, Start::Oldest),
        Policy::Now | Policy::Silent => Tracker::new(mode, None, Start::Anywhere),
    };
    [group, Tracker::new(mode, None, Start::Oldest)]
}

impl View {
    /// The first time that this address is heard.
    pub(super) fn new(epoch: u32, how: (Policy, Mode), at: Instant) -> Self {
        let streams = unknown(how).map(Followed::new);
        let mut view = Self { epoch, life: 0, heard: at, spoke: None, is_forgotten: false, former: None, streams };
        view.live(epoch, at, None);
        view
    }

    /// A peer that had expired or was removed comes back (RMC-PEER-7, RMC-PEER-9). Returns whether it goes on where it
    /// stood.
    pub(super) fn returns(&mut self, epoch: u32, how: (Policy, Mode), at: Instant) -> bool {
        self.former = (!self.is_forgotten).then(|| (self.epoch, self.trackers()));
        let former = self.recall(epoch);
        let goes_on = former.is_some();
        self.follow(former, unknown(how));
        self.live(epoch, at, None);
        goes_on
    }

    /// A known peer has another epoch: it is followed from 1 (RMC-EPOCH-3), or, if that was followed before the present
    /// one, from where it stood (RMC-PEER-7).
    pub(super) fn restarts(&mut self, epoch: u32, how: (Policy, Mode), at: Instant) {
        let is_certain = self.streams.iter().any(|followed| followed.tracker.has_items);
        let former = self.recall(epoch);
        self.former = Some((self.epoch, self.trackers()));
        let [_, private] = unknown(how);
        self.follow(former, [Tracker::new(how.1, Some(1), Start::Oldest), private]);
        self.live(epoch, at, Some(Restart { epoch, is_certain }));
    }

    fn trackers(&self) -> [Tracker; 2] {
        self.streams.each_ref().map(|followed| followed.tracker.clone())
    }

    /// Where an epoch stood that comes back. A newer one lets it be forgotten, an older one does not.
    fn recall(&mut self, epoch: u32) -> Option<[Tracker; 2]> {
        let (former, _) = self.former.as_ref()?;
        if *former != epoch && !is_newer(epoch, *former) {
            return None;
        }
        self.former.take().filter(|(former, _)| *former == epoch).map(|(_, trackers)| trackers)
    }

    fn follow(&mut self, former: Option<[Tracker; 2]>, fresh: [Tracker; 2]) {
        let trackers = match former {
            None => fresh,
            Some([group, private]) => {
                let [new_group, new_private] = fresh;
                [Tracker::resumed(group, &new_group), Tracker::resumed(private, &new_private)]
            }
        };
        for (followed, tracker) in self.streams.iter_mut().zip(trackers) {
            followed.tracker = tracker;
        }
    }

    pub(super) fn followed(&mut self, stream: Stream) -> &mut Followed {
        &mut self.streams[place(stream)]
    }

    /// From now on it cannot be said what of it is taken.
    pub(super) fn blur(&mut self) {
        for followed in &mut self.streams {
            (followed.heard, followed.acking) = (None, Acking::default());
        }
    }

    /// Whether it has surely not expired.
    pub(super) fn is_known(&self, at: Instant, timeout: Duration) -> bool {
        !self.is_forgotten && at < self.heard + timeout
    }

    /// Nothing of the epoch that is followed has come for longer than a peer is known: packets of another one, which is
    /// refused, keep nobody known (RMC-PEER-5, RMC-EPOCH-4).
    pub(super) fn is_overdue(&self, at: Instant, timeout: Duration) -> bool {
        !self.is_forgotten && at > self.heard + timeout
    }

    fn live(&mut self, epoch: u32, at: Instant, restart: Option<Restart>) {
        self.life += 1;
        (self.epoch, self.heard, self.spoke, self.is_forgotten) = (epoch, at, None, false);
        for followed in &mut self.streams {
            (followed.heard, followed.acking) = (Some(Heard::default()), Acking::default());
            followed.told.owe_life(self.life, restart);
        }
    }
}

impl Followed {
    fn new(tracker: Tracker) -> Self {
        Self { tracker, heard: None, told: Told::default(), acking: Acking::default() }
    }

    /// A packet came, and `window` is how many the window holds. Returns whether it surely brought a new number that
    /// was taken.
    pub(super) fn hear(&mut self, news: News, window: u64, at: Instant) -> bool {
        let limit = self.limit(window);
        let position = self.tracker.position.unwrap_or(u64::MAX);
        let Some(heard) = &mut self.heard else { return false };
        let is_new = matches!(news, News::Data { seq } if seq >= position && seq <= limit && !heard.has(seq));
        heard.hear(news, limit, at);
        is_new
    }

    /// The number up to which the window surely has room.
    pub(super) fn limit(&self, window: u64) -> u64 {
        self.tracker.position.unwrap_or(1) - 1 + window.saturating_sub(self.told.packets() as u64)
    }
}
