//! One other node: its epoch, what it promised, and its streams.

use alloc::boxed::Box;
use core::net::SocketAddr;
use core::time::Duration;

use super::rtt::Rtt;
use super::stream::{RecvStream, Start, promised};
use crate::config::{Config, JoinPolicy};
use crate::event::Stream;
use crate::packet::NO_PROMISE;
use crate::sender::Met;
use crate::shared::Shared;
use crate::stats::PeerInfo;
use crate::time::Instant;

/// Another epoch takes over at the latest after the known one was silent for so long (S37).
const MAX_PATIENCE: Duration = Duration::from_secs(1);

/// A node that was heard. Without a stream it costs at most 256 bytes, its places in the table included (S05).
#[derive(Clone)]
pub(crate) struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) epoch: u32,
    /// When it was heard last.
    pub(crate) heard: Instant,
    pub(crate) rtt: Rtt,
    pub(crate) group: Option<Box<RecvStream>>,
    pub(crate) private: Option<Box<RecvStream>>,
    /// Where its streams go on, if it expired and came back in the same epoch.
    pub(crate) resume: Option<Box<Positions>>,
    /// Its heartbeat table in microseconds; `None`: the default one, as far as this node was told (S24).
    pub(crate) times: Option<Box<[u32]>>,
    /// The last interval that a Heartbeat named, in microseconds.
    pub(crate) told_interval: u32,
    /// The last cookie that it gave in a Confirm; 0: none.
    pub(crate) cookie: u32,
    /// When it was sent a Heartbeat as an answer (F13).
    pub(crate) answered: Option<Instant>,
    /// Its group stream begins at 1, whatever the join policy: it restarted, or it was heard before its first data.
    pub(crate) from_first: bool,
    /// It said that it has finished, and has no stream that could tell.
    pub(crate) finished: bool,
    /// Whether it was told of this node's heartbeat table.
    pub(crate) knows_table: bool,
    /// Whether anything of a stream of its own came.
    pub(crate) sends: bool,
    /// Whether a NACK of this epoch has proven that it receives at its address (RMC-PROOF-1).
    pub(crate) proven: bool,
    /// How it was met as a receiver; its NACKs count at most three times (RMC-HB-11).
    pub(crate) met: Met,
    /// When last.
    pub(crate) counted: Last,
    /// When it was sent a Confirm.
    pub(crate) confirmed: Last,
    /// So many bytes may still go to it before it has proven that (RMC-PROOF-4).
    pub(crate) allowance: u32,
}

/// When something happened last, to the millisecond, in four bytes. It is wrong after 49 days, longer than which no
/// peer is known unless it is heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Last(u32);

impl Last {
    const NEVER: Self = Self(0);

    /// Whether it may happen again now, at most once in `interval`; if so, it does.
    pub(crate) fn again(&mut self, interval: Duration, now: Instant) -> bool {
        let millis = |nanos: u128| u32::try_from((nanos / 1_000_000) & u128::from(u32::MAX)).unwrap_or(u32::MAX);
        // 0 is never.
        let now = millis(now.as_nanos().into()).wrapping_add(1).max(1);
        if *self != Self::NEVER && now.wrapping_sub(self.0) < millis(interval.as_nanos()) {
            return false;
        }
        self.0 = now;
        true
    }
}

/// How far the streams of a peer were told to the application.
#[derive(Clone, Copy, Default)]
pub(crate) struct Positions {
    pub(crate) group: Option<u64>,
    pub(crate) private: Option<u64>,
}

/// What a packet says about where its stream begins.
#[derive(Clone, Copy)]
pub(crate) enum Opening {
    /// Its first transmission of a data packet: with this number.
    Data(u64),
    /// A Heartbeat, HeartbeatTimes or Reset: behind this number.
    Behind(u64),
    /// A repair or a Lost: nothing (F08).
    Nothing,
}

impl Peer {
    pub(crate) const fn new(address: SocketAddr, epoch: u32, heard: Instant) -> Self {
        Self {
            address,
            epoch,
            heard,
            rtt: Rtt::new(),
            group: None,
            private: None,
            resume: None,
            times: None,
            told_interval: 0,
            cookie: 0,
            answered: None,
            from_first: false,
            finished: false,
            knows_table: false,
            sends: false,
            proven: false,
            met: Met { nacks: 0, acks: false },
            counted: Last::NEVER,
            confirmed: Last::NEVER,
            allowance: 0,
        }
    }

    pub(crate) const fn stream(&self, stream: Stream) -> &Option<Box<RecvStream>> {
        match stream {
            Stream::Group => &self.group,
            Stream::Private => &self.private,
        }
    }

    pub(crate) const fn stream_mut(&mut self, stream: Stream) -> &mut Option<Box<RecvStream>> {
        match stream {
            Stream::Group => &mut self.group,
            Stream::Private => &mut self.private,
        }
    }

    /// The stream of the number `id`, wherever it stands.
    pub(crate) fn stream_by_id(&mut self, id: u64) -> Option<&mut RecvStream> {
        [self.group.as_deref_mut(), self.private.as_deref_mut()]
            .into_iter()
            .flatten()
            .find(|stream| stream.owner().stream_id == id)
    }

    /// Where a stream of this peer begins; `None`: not with this packet (S10; RMC-JOIN-1 to RMC-JOIN-4, RMC-PRIV-3).
    pub(crate) fn start(&self, stream: Stream, opening: Opening, policy: JoinPolicy) -> Option<Start> {
        let position = self.resume.as_deref().and_then(|positions| match stream {
            Stream::Group => positions.group,
            Stream::Private => positions.private,
        });
        if let Some(position) = position {
            return Some(Start::Behind(position));
        }
        if stream == Stream::Group && self.from_first {
            return Some(Start::First);
        }
        match (stream, policy) {
            (Stream::Private, _) | (Stream::Group, JoinPolicy::Oldest) => Some(Start::Oldest),
            (Stream::Group, JoinPolicy::FromStart) => Some(Start::First),
            (Stream::Group, JoinPolicy::Now) => match opening {
                Opening::Data(seq) => Some(Start::At(seq)),
                Opening::Behind(seq) => Some(Start::At(seq + 1)),
                Opening::Nothing => None,
            },
        }
    }

    /// The interval that heartbeat index `index` of this peer stands for (S23, S24; RMC-HB-1, RMC-LIVE-2).
    pub(crate) fn interval(&self, index: u8) -> Option<Duration> {
        if index == NO_PROMISE {
            return None;
        }
        let place = usize::from(index);
        if let Some(times) = &self.times {
            return times.get(place).or(times.last()).copied().and_then(promised);
        }
        if let Some(&interval) = crate::config::DEFAULT_HEARTBEAT_TIMES.get(place) {
            return Some(interval);
        }
        promised(self.told_interval).or(crate::config::DEFAULT_HEARTBEAT_TIMES.last().copied())
    }

    /// Until when a newer epoch waits (RMC-EPOCH-6): this one still speaks. `None`: it has no stream that could be
    /// lost.
    pub(crate) fn speaks_until(&self) -> Option<Instant> {
        let streams = [self.group.as_deref(), self.private.as_deref()].into_iter().flatten();
        streams.map(|stream| stream.speaks_until(MAX_PATIENCE)).max()
    }

    /// How long this epoch may be silent before another one that is not newer takes its place (S37).
    pub(crate) fn patience(&self) -> Duration {
        self.group.as_ref().map_or(MAX_PATIENCE, |stream| stream.liveness().patience(MAX_PATIENCE))
    }

    /// Whether its next packet is overdue, or would be if it had promised one.
    pub(crate) fn is_overdue(&self, now: Instant) -> bool {
        let promise = self.group.as_ref().map_or(MAX_PATIENCE, |stream| stream.liveness().promise(MAX_PATIENCE));
        now.saturating_since(self.heard) >= promise
    }

    /// Whether it has announced its end, though something of its stream may still be missing.
    pub(crate) fn has_end(&self) -> bool {
        self.finished || self.group.as_ref().is_some_and(|stream| stream.has_end())
    }

    /// Whether it has finished, so that its silence is no news.
    pub(crate) fn is_finished(&self) -> bool {
        self.finished || self.group.as_ref().is_some_and(|stream| stream.is_finished())
    }

    /// When this peer needs `handle_timeout` next.
    pub(crate) fn deadline(&self, config: &Config) -> Instant {
        let expiry = self.heard + config.peer_timeout;
        [self.group.as_deref(), self.private.as_deref()]
            .into_iter()
            .flatten()
            .filter_map(|stream| stream.deadline(config))
            .fold(expiry, Instant::min)
    }

    pub(crate) fn info(&self, shared: &Shared) -> PeerInfo {
        PeerInfo {
            address: self.address,
            epoch: self.epoch,
            silence: shared.now.saturating_since(self.heard),
            rtt: self.rtt.smoothed(),
            group: self.group.as_ref().map(|stream| stream.info()),
            private: self.private.as_ref().map(|stream| stream.info()),
        }
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! {
    Peer {
        address, epoch, heard, rtt, group, private, resume, times, told_interval, cookie, answered, from_first, finished,
        knows_table, sends, proven, met, counted, confirmed, allowance
    }
    Positions { group, private }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for Last {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self(millis) = self;
        let at = Instant::from_origin(Duration::from_millis(millis.saturating_sub(1).into()));
        to.put(&(*self != Self::NEVER).then_some(at));
    }
}
