//! Since when receivers have not advanced, and until when they are waited for (RMC-FLOW-4).

use core::time::Duration;

use super::ack_interval;
use crate::heap::Deadlines;
use crate::time::{Instant, earlier};

/// Who need not be heeded is let go after so many intervals: Acks that come rarely are lost as easily as others.
const QUIET_INTERVALS: u32 = 16;
/// Who has announced its end is waited for so long at most.
const LEAVING_WAIT: Duration = Duration::from_secs(1);

/// Why a receiver is waited for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// Its window holds up what is sent.
    Heeded,
    /// It has room, speaks rarely, and holds up only what waits until all have everything.
    Quiet,
    /// It has announced its end, and may be gone already.
    Leaving,
}

/// When a Heartbeat left since which receivers have not advanced, by their places among the peers.
#[derive(Clone)]
pub(super) struct Clocks {
    /// How long who does not advance is waited for; `None`: nobody is.
    patience: Option<Duration>,
    /// How many receivers were told last that there are.
    group: u32,
    heeded: Deadlines,
    quiet: Deadlines,
    leaving: Deadlines,
}

impl Clocks {
    pub(super) fn new(patience: Option<Duration>) -> Self {
        let (heeded, quiet, leaving) = (Deadlines::default(), Deadlines::default(), Deadlines::default());
        Self { patience, group: 0, heeded, quiet, leaving }
    }

    pub(super) const fn patience(&self) -> Option<Duration> {
        self.patience
    }

    pub(super) const fn group(&self) -> u32 {
        self.group
    }

    pub(super) const fn set_group(&mut self, group: u32) {
        self.group = group;
    }

    /// Whether it has not advanced since some Heartbeat.
    pub(super) fn runs(&self, slot: u32) -> bool {
        self.since(slot).is_some()
    }

    pub(super) fn start(&mut self, slot: u32, manner: Manner, at: Instant) {
        self.stop(slot);
        self.of_mut(manner).set(slot, at);
    }

    pub(super) fn stop(&mut self, slot: u32) {
        [&mut self.heeded, &mut self.quiet, &mut self.leaving].into_iter().for_each(|clock| clock.clear(slot));
    }

    /// It is waited for in another manner from now on.
    pub(super) fn turn(&mut self, slot: u32, manner: Manner) {
        if let Some(since) = self.since(slot) {
            self.start(slot, manner, since);
        }
    }

    #[inline]
    pub(super) fn deadline(&self) -> Option<Instant> {
        // Asked after each packet, and mostly by those that nobody acknowledges or who have just been acknowledged.
        if self.heeded.len() + self.quiet.len() + self.leaving.len() == 0 {
            return None;
        }
        let of = |manner| self.of(manner).next().and_then(|since| Some(since + self.wait(manner)?));
        earlier(of(Manner::Heeded), earlier(of(Manner::Quiet), of(Manner::Leaving)))
    }

    /// The next one that has not advanced for too long, and since when.
    pub(super) fn pop_late(&mut self, now: Instant) -> Option<(Instant, u32)> {
        let late = |manner| {
            let wait = self.wait(manner)?;
            self.of(manner).first().filter(|&(since, _)| since + wait <= now)
        };
        let found = late(Manner::Heeded).or_else(|| late(Manner::Quiet)).or_else(|| late(Manner::Leaving))?;
        self.stop(found.1);
        Some(found)
    }

    /// How long after a Heartbeat who has not advanced is let go; never before it had to acknowledge twice.
    fn wait(&self, manner: Manner) -> Option<Duration> {
        let patience = self.patience?;
        let interval = ack_interval(self.group);
        Some(match manner {
            Manner::Heeded => patience.max(interval * 2),
            Manner::Quiet => patience.max(interval * QUIET_INTERVALS),
            Manner::Leaving => patience.min(LEAVING_WAIT).max(interval * 2),
        })
    }

    fn since(&self, slot: u32) -> Option<Instant> {
        self.heeded.get(slot).or_else(|| self.quiet.get(slot)).or_else(|| self.leaving.get(slot))
    }

    const fn of(&self, manner: Manner) -> &Deadlines {
        match manner {
            Manner::Heeded => &self.heeded,
            Manner::Quiet => &self.quiet,
            Manner::Leaving => &self.leaving,
        }
    }

    const fn of_mut(&mut self, manner: Manner) -> &mut Deadlines {
        match manner {
            Manner::Heeded => &mut self.heeded,
            Manner::Quiet => &mut self.quiet,
            Manner::Leaving => &mut self.leaving,
        }
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { Clocks { group, heeded, quiet, leaving; patience } }
