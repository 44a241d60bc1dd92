//! How far the applications of the receivers were told, and whether they may be told so.

use std::time::Duration;

use rmc_core::packet::Packet;
use rmc_core::{EndCause, Instant, JoinPolicy, LossCause, SeqRange, Stream};

use crate::model::{INCARNATIONS, Model, Numbers, payload};
use crate::node::Item;
use crate::plan::{Plan, epoch};
use crate::sight::{Sight, Sights};

/// No epoch that is not newer takes over before the one followed was silent for so long: the shortest interval of
/// heartbeats and the least tolerance.
const PATIENCE: Duration = Duration::from_millis(20);

/// How far the application of a receiver was told.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Followed {
    /// Which incarnation of the sender; `None`: none was heard.
    incarnation: Option<usize>,
    /// When it was heard last.
    heard: Option<Instant>,
    group: Told,
    private: Told,
    /// The next numbers to the group and private, by incarnation, where another one took over (RMC-PEER-7).
    remembered: [Option<[u64; 2]>; INCARNATIONS],
}

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    /// The next number; 0: the start is not known.
    next: u64,
    ended: bool,
}

impl Model {
    /// Whether a packet is of an epoch before the one that `receiver` follows.
    pub(crate) fn is_former(&self, receiver: usize, packet: &Packet<'_>) -> bool {
        self.followed[receiver].incarnation.is_some_and(|incarnation| packet.epoch < epoch(incarnation))
    }

    /// A packet of the sender has arrived at `receiver`.
    pub(crate) fn receiver_heard(&mut self, receiver: usize, packet: &Packet<'_>, now: Instant) {
        let followed = &mut self.followed[receiver];
        if followed.incarnation.map(epoch) == Some(packet.epoch) {
            followed.heard = Some(now);
        }
    }

    /// The application of `receiver` is told something. `had_stream`: it followed a stream of
    /// the sender before, so that a restart is told in its place.
    // RMC-DATA-1, RMC-LOST-1, RMC-EPOCH-3, RMC-EPOCH-4, RMC-END-4, RMC-SEQ-2
    pub(crate) fn told(
        &mut self,
        receiver: usize,
        item: &Item,
        had_stream: bool,
        now: Instant,
        plan: &Plan,
        sights: &mut Sights,
    ) {
        let followed = &mut self.followed[receiver];
        match *item {
            Item::Known { epoch } => {
                let known = followed.incarnation.is_some();
                if followed.incarnation.is_some_and(|incarnation| epoch < self::epoch(incarnation)) {
                    followed.check_silence(epoch, now);
                    sights.add(Sight::FormerEpochFollowed);
                }
                if !had_stream || !known {
                    followed.change(epoch, u64::from(known), now);
                }
            }
            Item::Restarted { epoch } => {
                followed.change(epoch, 1, now);
                sights.add(Sight::RestartTold);
            }
            Item::Message { stream, seq, ref payload } => {
                let incarnation = followed.incarnation.expect("the sender was announced");
                let to = (stream == Stream::Private).then_some(receiver);
                assert_eq!(*payload, self::payload(incarnation, to, seq, payload.len()), "not what was sent");
                let first = self.numbers(receiver, stream).first_of(seq);
                self.advance(receiver, stream, first, seq, plan);
            }
            Item::Lost { stream, range, cause } => {
                self.check_loss(receiver, stream, range, cause, plan);
                self.advance(receiver, stream, range.first(), range.last(), plan);
                sights.add(Sight::LossTold);
            }
            Item::Ended { stream, cause } => {
                assert!(self.finished && stream == Stream::Group, "an end that nobody said");
                assert!(self.closed || cause == EndCause::Finished, "{cause:?} while the sender lives");
                let left = self.history().group.left;
                let told = &mut self.followed[receiver].group;
                assert!(!told.ended, "it ends twice");
                let all = told.next == left + 1 || told.next == 0;
                assert!(all || self.closed, "the end at {}, but {left} is the last", told.next);
                told.ended = true;
                sights.add(Sight::EndTold);
            }
        }
    }

    fn numbers(&self, receiver: usize, stream: Stream) -> Numbers {
        let history = &self.histories[self.followed[receiver].incarnation.unwrap_or(0)];
        match stream {
            Stream::Group => history.group,
            Stream::Private => history.private[receiver],
        }
    }

    /// The numbers `first` to `last` are the next ones.
    fn advance(&mut self, receiver: usize, stream: Stream, first: u64, last: u64, plan: &Plan) {
        let numbers = self.numbers(receiver, stream);
        assert!(last <= numbers.left, "{last} has not left, {} is the last", numbers.left);
        let next = self.followed[receiver].told(stream).next;
        if next == 0 && first > 1 {
            self.check_start(receiver, stream, first, plan);
        } else {
            assert_eq!(next.max(1), first, "{first} to {last} are not the next numbers");
        }
        let told = self.followed[receiver].told_mut(stream);
        assert!(!told.ended, "{first} to {last} come behind the end");
        told.next = last + 1;
    }

    /// What lies before the start is left out silently only if it cannot be had, or was not asked for.
    // RMC-JOIN-1, RMC-JOIN-2, RMC-JOIN-3, RMC-PRIV-3
    fn check_start(&self, receiver: usize, stream: Stream, first: u64, plan: &Plan) {
        match (stream, plan.policy) {
            (Stream::Group, JoinPolicy::Now) => {}
            (Stream::Group, JoinPolicy::Oldest) => {
                let missing = SeqRange::new(1, first - 1).expect("it is above 1");
                self.check_loss(receiver, stream, missing, LossCause::Lost, plan);
            }
            _ => panic!("a stream begins at {first}"),
        }
    }

    /// Only what cannot be had any more is given up.
    fn check_loss(&self, receiver: usize, stream: Stream, range: SeqRange, cause: LossCause, plan: &Plan) {
        let followed = self.followed[receiver].incarnation;
        assert!(followed.is_some(), "{range} of an unknown sender");
        // Another epoch has taken over; whether it may was checked.
        if self.closed || followed != Some(self.incarnation) || cause == LossCause::Restarted {
            return;
        }
        assert_eq!(stream, Stream::Group, "{range} of a private stream is lost ({cause:?})");
        let (oldest, numbers) = (self.oldest(plan), self.history().group);
        // What came to a full window is not held.
        let came = if plan.slow { 0 } else { self.asked[receiver].came(epoch(self.incarnation), stream) };
        let whole = (range.first()..=range.last()).find(|&seq| !numbers.is_broken(seq, oldest, came));
        assert_eq!(
            whole, None,
            "{range} lost ({cause:?}), but it came or the sender, which keeps {oldest} and up, has it"
        );
    }

    /// Whether the application of `receiver` was told everything up to the last number that has left.
    pub(crate) fn is_told(&self, receiver: usize, stream: Stream, plan: &Plan) -> bool {
        let followed = self.followed[receiver];
        let left = self.left(stream, receiver);
        if left == 0 {
            return true;
        }
        // A start that lies behind everything gives the application nothing.
        let may_begin_behind = match plan.policy {
            JoinPolicy::Now => true,
            JoinPolicy::Oldest => self.oldest(plan) > left,
            JoinPolicy::FromStart => false,
        };
        let next = followed.told(stream).next;
        let all = next == left + 1 || (next == 0 && may_begin_behind && stream == Stream::Group);
        all && followed.incarnation == Some(self.incarnation)
    }

    pub(crate) fn has_ended(&self, receiver: usize) -> bool {
        self.followed[receiver].group.ended
    }
}

impl Followed {
    /// From now on `epoch` is followed: from where it stood, or, if it is new, from `first`.
    fn change(&mut self, epoch: u32, first: u64, now: Instant) {
        let mut remembered = self.remembered;
        if let Some(former) = self.incarnation {
            remembered[former] = Some([self.group.next, self.private.next]);
        }
        let incarnation = (0..INCARNATIONS).find(|&incarnation| self::epoch(incarnation) == epoch);
        let place = incarnation.unwrap_or_else(|| panic!("nobody has epoch {epoch}"));
        let [group, private] = remembered[place].unwrap_or([first, 0]);
        let told = |next| Told { next, ended: false };
        *self = Self { incarnation, heard: Some(now), group: told(group), private: told(private), remembered };
    }

    /// An epoch that is not newer takes over after silence only.
    fn check_silence(&self, epoch: u32, now: Instant) {
        let silence = self.heard.map_or(PATIENCE, |heard| now.saturating_since(heard));
        assert!(silence >= PATIENCE, "epoch {epoch} takes over {silence:?} after the last packet of a newer one");
    }

    const fn told(&self, stream: Stream) -> &Told {
        match stream {
            Stream::Group => &self.group,
            Stream::Private => &self.private,
        }
    }

    const fn told_mut(&mut self, stream: Stream) -> &mut Told {
        match stream {
            Stream::Group => &mut self.group,
            Stream::Private => &mut self.private,
        }
    }

    pub(crate) fn put(&self, now: Instant, words: &mut Vec<u64>) {
        let Self { incarnation, heard, group, private, remembered } = self;
        words.push(incarnation.map_or(0, |incarnation| incarnation as u64 + 1));
        let silence = heard.map_or(PATIENCE, |heard| now.saturating_since(heard).min(PATIENCE));
        words.push(u64::from(silence.subsec_nanos()));
        words.extend(remembered.iter().flat_map(|next| next.unwrap_or([u64::MAX; 2])));
        words.extend([group, private].map(|told| told.next << 1 | u64::from(told.ended)));
    }
}
