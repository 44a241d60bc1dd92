//! What one sender is asked for, and what it may and must answer: each number in its time, to those whom the mode says,
//! and little to an address that has not proven that it receives.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::{Instant, SeqRange, Stream};

use super::asked::{Asked, Asker, Stands};
use super::script::Repair;
use super::share::Share;

/// How all nodes answer.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) mode: Repair,
    pub(super) verify: bool,
    /// No NACK asks for more than is answered, and there is room for all that ask.
    pub(super) has_room: bool,
}

/// A NACK that a sender got.
pub(super) struct Nack {
    pub(super) from: SocketAddr,
    pub(super) stream: Stream,
    pub(super) ranges: Vec<SeqRange>,
    pub(super) cookie: u32,
    pub(super) rtt: Duration,
}

/// So much an asker may take at once before it may have to wait (RMC-BUDGET-1), and then not for longer than data flows
/// after its last packet, or until some more is sent.
const LEAST_BURST: usize = 32 << 10;
const FLOWS_FOR: Duration = Duration::from_millis(20);
/// The longest in a script.
const MAX_DATAGRAM: usize = 200;
/// The bytes that go to an unproven address, against those that came (RMC-PROOF-4).
const MOST_GAIN: usize = 3;

/// What a NACK names.
#[derive(Clone, Copy)]
pub(super) enum Named {
    /// It can be repaired.
    Kept(u64),
    /// The first of those that were skipped.
    Hole(u64),
}

/// What a sender, in one epoch, was asked for and has answered.
#[derive(Default)]
pub(super) struct Requests {
    /// What it was asked for, has kept and not sent again: by whom (`None`: all who have not proven their addresses),
    /// of which stream, and the numbers.
    debts: BTreeMap<(Asker, Stream), BTreeSet<u64>>,
    /// What each asker of a stream, and nobody else, is owed or may be owed.
    shares: BTreeMap<(Asker, Stream), Share>,
    /// By the asker of a private stream (`None`: the group's), and the number.
    numbers: BTreeMap<(Option<SocketAddr>, u64), Asked>,
    addresses: BTreeMap<SocketAddr, Address>,
    /// The longest round trip that any NACK or Ack told.
    longest: Duration,
    /// Bytes of repairs that have left.
    repaired: usize,
}

/// One address.
#[derive(Default)]
struct Address {
    /// What came from it and what went there, in bytes, but for what the application sends.
    came: usize,
    went: usize,
    nacks: u32,
    confirms: u32,
    /// The cookies that it was told, by its epoch at that time, and those that it has shown again.
    told: BTreeSet<u32>,
    is_proven: bool,
}

impl Requests {
    /// A NACK or an Ack of so many bytes comes from an address, which may be new, and tells a round trip.
    pub(super) fn came(&mut self, from: SocketAddr, len: usize, is_nack: bool, rtt: Duration) {
        self.longest = self.longest.max(rtt);
        let asker = self.addresses.entry(from).or_default();
        asker.came += len;
        asker.nacks += u32::from(is_nack);
    }

    /// A NACK is taken. Returns whether its address is proven.
    pub(super) fn prove(&mut self, nack: &Nack, rules: Rules) -> bool {
        let asker = self.addresses.entry(nack.from).or_default();
        // 0 is none (RMC-PROOF-1), though a Confirm to one that has proven itself may have it.
        let is_proven = !rules.verify || nack.cookie != 0 && asker.told.contains(&nack.cookie);
        asker.is_proven |= is_proven;
        is_proven
    }

    /// A NACK names these numbers, which follow one another: they are owed, as far as that fits.
    pub(super) fn ask(&mut self, now: Instant, nack: &Nack, range: &[Named], is_proven: bool, rules: Rules) {
        let is_private = nack.stream == Stream::Private;
        let asker = (is_private || is_proven).then_some(nack.from);
        let has_rounds = !is_private && (rules.mode != Repair::Unicast || !is_proven);
        for &named in range {
            match named {
                Named::Hole(first) => self.share(asker, nack.stream).add(first, false),
                Named::Kept(seq) if has_rounds => self.name(now, nack, seq, asker),
                Named::Kept(seq) => {
                    self.numbers.entry((is_private.then_some(nack.from), seq)).or_default().nacks += 1;
                    // To one that has not proven itself as much goes as the bytes that came allow, and then it is asked
                    // for again (RMC-PROOF-3).
                    self.share(asker, nack.stream).add(seq, is_proven);
                    if is_proven {
                        self.debts.entry((asker, nack.stream)).or_default().insert(seq);
                    }
                }
            }
            if has_rounds {
                self.fit(asker, nack.stream);
            }
        }
        self.fit(asker, nack.stream);
    }

    /// Where several may ask for the same, each number is one of its own: with whom it stands depends on them.
    fn name(&mut self, now: Instant, nack: &Nack, seq: u64, asker: Asker) {
        let asked = self.numbers.entry((None, seq)).or_default();
        asked.nacks += 1;
        let must = asked.must_answer(now, nack.from, nack.rtt, self.longest);
        let (before, after) = asked.name(now, asker, nack.rtt, self.longest);
        match (before, after) {
            (_, Stands::With(asker)) => self.share(asker, nack.stream).add(seq, true),
            (_, Stands::Unsure) => self.share(asker, nack.stream).add(seq, false),
            (Stands::With(other), _) => {
                self.share(other, nack.stream).remove(seq);
                // It may have left a hole.
                self.fit(other, nack.stream);
            }
            (_, Stands::Common | Stands::Nowhere) => {}
        }
        if must {
            self.debts.entry((asker, nack.stream)).or_default().insert(seq);
        }
    }

    fn share(&mut self, asker: Asker, stream: Stream) -> &mut Share {
        self.shares.entry((asker, stream)).or_default()
    }

    /// What does not fit is not owed, and is asked for again (RMC-REPAIR-9). What all are owed has room for more numbers
    /// than any script has.
    fn fit(&mut self, asker: Asker, stream: Stream) {
        let excess = self.share(asker, stream).fit();
        if let Some(debts) = self.debts.get_mut(&(asker, stream)) {
            excess.iter().for_each(|seq| {
                debts.remove(seq);
            });
        }
    }

    /// A repair leaves, of so many bytes, to `to` alone or to all.
    pub(super) fn repair(&mut self, at: Instant, place: &str, repair: Repaired, rules: Rules) {
        let Repaired { to, stream, seq, len } = repair;
        self.repaired += len;
        if !repair.is_private() {
            let is_proven = to.and_then(|to| self.addresses.get(&to)).is_none_or(|address| address.is_proven);
            assert!(!rules.verify || is_proven, "{place}: it repairs {seq} for {to:?}, which may be forged");
        }
        let asked = self.numbers.entry((to.filter(|_| repair.is_private()), seq)).or_default();
        let before = asked.leaves(at, place, &repair, rules);
        let may_again = repair.is_of_round(rules) && asked.may_leave_again(before);
        match to {
            Some(_) => {
                let share = self.share(to, stream);
                let is_owed = !rules.has_room || share.has(seq);
                assert!(is_owed, "{place}: it repairs {seq} for {to:?}, which it does not owe that one");
                share.remove_up_to(if may_again { seq - 1 } else { seq });
                share.doubt(seq);
                if let Some(debts) = self.debts.get_mut(&(to, stream)) {
                    debts.remove(&seq);
                }
            }
            None => {
                self.repaired_for_all(place, seq, rules);
                let of_group = self.debts.iter_mut().filter(|((_, stream), _)| *stream == Stream::Group);
                of_group.for_each(|(_, debts)| {
                    debts.remove(&seq);
                });
            }
        }
    }

    /// It stood with one of those that may be owed it alone, or was owed to all.
    fn repaired_for_all(&mut self, place: &str, seq: u64, rules: Rules) {
        let asked = self.numbers.entry((None, seq)).or_default();
        let only_strangers = rules.mode == Repair::Unicast;
        let candidates = self.shares.iter_mut().filter(|((asker, stream), share)| {
            *stream == Stream::Group && share.has(seq) && (asker.is_none() || !only_strangers)
        });
        let mut candidates: Vec<_> = candidates.map(|(_, share)| share).collect();
        match &mut candidates[..] {
            [] => {
                let is_owed = std::mem::take(&mut asked.may_be_common) || !rules.has_room;
                assert!(is_owed, "{place}: it repairs {seq} for all, which it does not owe");
            }
            [share] if !asked.may_be_common => share.remove_up_to(seq),
            shares => shares.iter_mut().for_each(|share| share.doubt(seq)),
        }
    }

    /// Word leaves that everything up to `last` is gone, or a hole that ends there, to `to` alone or to all.
    pub(super) fn told_lost(&mut self, to: Option<SocketAddr>, stream: Stream, last: u64) {
        match to {
            Some(_) => self.share(to, stream).remove_up_to(last),
            // It may be an answer to strangers, or to what was owed to all.
            None => self.share(None, stream).doubt_up_to(last),
        }
    }

    /// Word leaves to `to` that everything is gone.
    pub(super) fn told_all_lost(&mut self, to: SocketAddr, stream: Stream) {
        self.share(Some(to), stream).clear();
    }

    /// There is no private stream to this address any more.
    pub(super) fn drop_private(&mut self, to: SocketAddr) {
        self.shares.remove(&(Some(to), Stream::Private));
    }

    /// A datagram leaves to one address alone, and not because the application sends there.
    pub(super) fn went(&mut self, place: &str, to: SocketAddr, len: usize, rules: Rules) {
        let asker = self.addresses.entry(to).or_default();
        asker.went += len;
        let (came, went) = (asker.came, asker.went);
        let may = !rules.verify || asker.is_proven || went <= MOST_GAIN * came;
        assert!(may, "{place}: {went} bytes go to {to}, of which {came} came");
    }

    /// A Confirm leaves: at most one for each NACK but for those that say how long somebody has to wait.
    pub(super) fn confirm(&mut self, place: &str, to: SocketAddr, cookie: u32) {
        let asker = self.addresses.entry(to).or_default();
        asker.told.insert(cookie);
        if !asker.is_proven {
            asker.confirms += 1;
            assert!(asker.confirms <= asker.nacks, "{place}: Confirm {} to {to}", asker.confirms);
        }
    }

    /// The first of the repairs that it owes of what it still has, as `has` says.
    pub(super) fn owes(&mut self, mut has: impl FnMut(Option<SocketAddr>, u64) -> bool) -> Option<Debt> {
        self.debts.retain(|&(asker, stream), debts| {
            let to = asker.filter(|_| stream == Stream::Private);
            debts.retain(|&seq| has(to, seq));
            !debts.is_empty()
        });
        let wait = if self.repaired + MAX_DATAGRAM <= LEAST_BURST { Duration::ZERO } else { FLOWS_FOR };
        let (&(asker, stream), debts) = self.debts.first_key_value()?;
        debts.first().map(|&seq| Debt { asker, stream, seq, wait })
    }
}

/// A repair that is owed.
#[derive(Clone, Copy)]
pub(super) struct Debt {
    asker: Asker,
    stream: Stream,
    seq: u64,
    /// For how long at most it may have to wait.
    pub(super) wait: Duration,
}

impl fmt::Display for Debt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let &Self { asker, stream, seq, .. } = self;
        match asker {
            Some(asker) => write!(f, "the repair of {seq} of its {stream:?} stream to {asker}"),
            None => write!(f, "the repair of {seq} to those that have not proven their addresses"),
        }
    }
}

/// A repair that leaves.
#[derive(Clone, Copy)]
pub(super) struct Repaired {
    /// `None`: to all.
    pub(super) to: Option<SocketAddr>,
    pub(super) stream: Stream,
    pub(super) seq: u64,
    pub(super) len: usize,
}

impl Repaired {
    pub(super) fn is_private(&self) -> bool {
        self.stream == Stream::Private
    }

    /// Where each asker is answered alone, rounds are those of strangers (RMC-REPAIR-15).
    pub(super) fn is_of_round(&self, rules: Rules) -> bool {
        !self.is_private() && (rules.mode != Repair::Unicast || self.to.is_none())
    }
}
