//! What a node will do, as numbers: nobody can tell two nodes with the same numbers apart, whatever comes next.
//!
//! Each part of the state says what of it decides about the future, and takes itself apart field by field, so that a
//! new field has to be thought of. What is left out, and why:
//!
//! - counters, memory that is kept for reuse, and lookups that repeat what stands elsewhere: no output depends on them;
//! - the shape of trees, and the order of hash maps: their content is put in ascending order;
//! - absolute times: they stand as the distance from now, as no output depends on anything else; those up to which
//!   something holds, or after which something may be done again, not at all once they have come;
//! - how much was earned for repairs in all: what each asker has seen of it, and what it waits for, stand as distances;
//! - the values of stamps: they are compared with each other only, so that it matters which are the same;
//! - the generator of random numbers where no number of it shows but in stamps (see [`Fingerprint`]).

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;

use crate::config::{Config, JoinPolicy};
use crate::event::{EndCause, LossCause, Path, Stream};
use crate::packet::{Flags, Kind};
use crate::seq::SeqRange;
use crate::time::Instant;

/// Everything that decides what a node does from some time on, as numbers.
///
/// [`Protocol::fingerprint`](crate::Protocol::fingerprint) fills it. Two nodes with the same words, each at its time,
/// go on alike: the same inputs at the same distances from then on give the same outputs, but for the values of stamps,
/// which [`stamps`](Self::stamps) pairs. That holds
///
/// - for nodes made with the same [`Config`] but for `epoch`, as long as it is not changed;
/// - when they are drained: `poll_action` has said `ArmTimer` since the last input;
/// - as long as no stamp is drawn by chance that an earlier NACK of the node has: 1 in 2^22, once in 1,024 NACKs.
///
/// With [`Config::nack_max_delay`] at its least, 1 ms, every retry comes after exactly the retransmission timeout
/// (RMC-GAP-7: no delay is longer than that or 1 ms), and with [`Config::max_nack_backoff`] 0 nothing waits at random
/// before it is asked for first (RMC-GAP-1), so that no random number shows in a time. Then the state of the
/// generator is left out, and how often a gap was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    words: Vec<u64>,
    stamps: Vec<u32>,
    now: u64,
    /// The number of the first item of the inbox that the application has not taken.
    pub(crate) front: u64,
    /// Whether delays are random: of NACKs, which grow besides, or of Acks.
    pub(crate) delays_vary: bool,
    /// Whether what was sent becomes too old for repair.
    pub(crate) ages: bool,
    /// What first transmissions have earned for repairs so far: what askers have of it stands as the distance from it.
    pub(crate) earned: u128,
}

impl Fingerprint {
    /// An empty one, to be filled again and again without allocating.
    #[must_use]
    pub const fn new() -> Self {
        Self { words: Vec::new(), stamps: Vec::new(), now: 0, front: 0, delays_vary: false, ages: false, earned: 0 }
    }

    /// The numbers. A stamp stands in them as its place in [`stamps`](Self::stamps), from 1.
    #[must_use]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// The stamps that the node knows, its own and those of askers, in the order in which they first stand.
    #[must_use]
    pub fn stamps(&self) -> &[u32] {
        &self.stamps
    }

    pub(crate) fn begin(&mut self, config: &Config, now: Instant, front: u64) {
        self.words.clear();
        self.stamps.clear();
        self.now = now.as_nanos();
        self.front = front;
        let nacks_vary = config.nack_max_delay > Duration::from_millis(1) || config.max_nack_backoff > Duration::ZERO;
        self.delays_vary = nacks_vary || config.acknowledge;
        self.ages = config.backlog_age.is_some();
    }

    pub(crate) fn word(&mut self, word: u64) {
        self.words.push(word);
    }

    pub(crate) fn put(&mut self, state: &(impl State + ?Sized)) {
        state.put(self);
    }

    /// A time up to which something holds or is put off: once it has come it is as if there were none.
    pub(crate) fn ahead(&mut self, time: Option<Instant>) {
        let time = time.filter(|time| time.as_nanos() > self.now);
        self.put(&time);
    }

    /// A time of which it matters for so long how long ago it is; `None`: it never was, which is another matter.
    pub(crate) fn for_as_long_as(&mut self, matters: Duration, time: Option<Instant>) {
        self.put(&time.is_some());
        let time = time.filter(|&time| self.is_within(matters, time));
        self.put(&time);
    }

    /// Whether that much time has not passed since then.
    pub(crate) fn is_within(&self, duration: Duration, since: Instant) -> bool {
        self.now < (since + duration).as_nanos()
    }

    /// A stamp, by its name; 0 is none.
    pub(crate) fn stamp(&mut self, stamp: u32) {
        if stamp == 0 {
            self.word(0);
            return;
        }
        let known = self.stamps.iter().position(|&known| known == stamp);
        let place = known.unwrap_or_else(|| {
            self.stamps.push(stamp);
            self.stamps.len() - 1
        });
        self.word(place as u64 + 1);
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.word(bytes.len() as u64);
        for chunk in bytes.chunks(8) {
            self.word(chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte)));
        }
    }

    pub(crate) fn all<'a, T: State + 'a>(&mut self, parts: impl ExactSizeIterator<Item = &'a T>) {
        self.word(parts.len() as u64);
        for part in parts {
            part.put(self);
        }
    }
}

/// A part of a node's state.
pub(crate) trait State {
    /// Puts what decides about the future, in an order that depends on nothing else.
    fn put(&self, to: &mut Fingerprint);
}

/// Structs of which some fields are put, in this order, and the others, behind a semicolon, are not.
macro_rules! state {
    ($($type:ty { $($field:ident),* $(; $($unused:ident),+)? })+) => {$(
        impl crate::fingerprint::State for $type {
            fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
                let Self { $($field),* $(, $($unused: _),+)? } = self;
                $(crate::fingerprint::State::put($field, to);)*
            }
        }
    )+};
}

pub(crate) use state;

/// Enums without fields, and numbers.
macro_rules! plain {
    ($($type:ty),+) => {$(
        impl State for $type {
            fn put(&self, to: &mut Fingerprint) {
                to.word(*self as u64);
            }
        }
    )+};
}

plain!(bool, u8, u16, u32, u64, usize, JoinPolicy, Path, Stream, LossCause, EndCause, Kind);

impl State for u128 {
    fn put(&self, to: &mut Fingerprint) {
        to.bytes(&self.to_be_bytes());
    }
}

impl State for core::cmp::Reverse<u64> {
    fn put(&self, to: &mut Fingerprint) {
        to.word(self.0);
    }
}

impl State for i64 {
    fn put(&self, to: &mut Fingerprint) {
        to.word(u64::from_ne_bytes(self.to_ne_bytes()));
    }
}

impl State for Instant {
    fn put(&self, to: &mut Fingerprint) {
        to.word(self.as_nanos().wrapping_sub(to.now));
    }
}

impl State for Duration {
    fn put(&self, to: &mut Fingerprint) {
        to.word(u64::try_from(self.as_nanos()).unwrap_or(u64::MAX));
    }
}

impl State for Flags {
    fn put(&self, to: &mut Fingerprint) {
        to.word(u64::from(self.bits()));
    }
}

impl State for SeqRange {
    fn put(&self, to: &mut Fingerprint) {
        to.word(self.first());
        to.word(self.last());
    }
}

impl State for SocketAddr {
    fn put(&self, to: &mut Fingerprint) {
        match self.ip() {
            IpAddr::V4(ip) => to.word(u64::from(ip.to_bits())),
            IpAddr::V6(ip) => to.bytes(&ip.octets()),
        }
        to.word(u64::from(self.port()));
    }
}

impl<T: State> State for Option<T> {
    fn put(&self, to: &mut Fingerprint) {
        to.word(u64::from(self.is_some()));
        if let Some(value) = self {
            value.put(to);
        }
    }
}

impl<T: State + ?Sized> State for Box<T> {
    fn put(&self, to: &mut Fingerprint) {
        (**self).put(to);
    }
}

impl<T: State, const N: usize> State for [T; N] {
    fn put(&self, to: &mut Fingerprint) {
        to.all(self.iter());
    }
}

impl<T: State> State for [T] {
    fn put(&self, to: &mut Fingerprint) {
        to.all(self.iter());
    }
}

impl<T: State> State for Vec<T> {
    fn put(&self, to: &mut Fingerprint) {
        to.all(self.iter());
    }
}

impl<T: State> State for VecDeque<T> {
    fn put(&self, to: &mut Fingerprint) {
        to.all(self.iter());
    }
}

impl<A: State, B: State> State for (A, B) {
    fn put(&self, to: &mut Fingerprint) {
        self.0.put(to);
        self.1.put(to);
    }
}
