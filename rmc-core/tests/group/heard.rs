//! What a receiver has heard of one stream, in one life of its peer: whether what it asks for is missing, and all that
//! is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rmc_core::packet::{Body, Packet};
use rmc_core::{Instant, Path, SeqRange};

use super::tracker::Who;

/// What a packet says of its stream.
#[derive(Clone, Copy)]
pub(super) enum News {
    Data {
        seq: u64,
    },
    /// `answer`: it may lower what is known (RMC-GAP-11).
    Heartbeat {
        seq: u64,
        oldest: u64,
        answer: bool,
    },
    Times {
        seq: u64,
    },
    Lost {
        range: SeqRange,
    },
    Reset {
        seq: u64,
    },
}

impl News {
    pub(super) fn of(packet: &Packet<'_>, path: Path) -> Option<Self> {
        let seq = packet.seq;
        Some(match packet.body {
            Body::Data { .. } => Self::Data { seq },
            Body::Heartbeat { oldest, .. } => {
                let answer = path == Path::Unicast;
                Self::Heartbeat { seq, oldest, answer }
            }
            Body::HeartbeatTimes { .. } => Self::Times { seq },
            Body::Lost { first, .. } => Self::Lost { range: SeqRange::new(first, seq - 1)? },
            Body::Reset { .. } => Self::Reset { seq },
            Body::Confirm { .. } | Body::Nack { .. } | Body::Ack { .. } => return None,
        })
    }

    /// A peer that is heard before its first data (RMC-JOIN-4).
    pub(super) const fn is_before_data(self) -> bool {
        matches!(self, Self::Heartbeat { seq: 0, .. } | Self::Times { seq: 0 })
    }
}

/// A number that is missing may be reordered (RMC-GAP-12), or held as repairs come around it (RMC-GAP-8); not for
/// longer.
const LONGEST_HOLD: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(super) struct Heard {
    /// The highest number known to exist.
    known: u64,
    /// When each highest number was known first.
    since: BTreeMap<u64, Instant>,
    /// Data that came, whether it was taken or not, and what of it was surely taken.
    came: BTreeSet<u64>,
    taken: BTreeSet<u64>,
    /// What was named as gone.
    gone: Vec<SeqRange>,
    asked: Vec<SeqRange>,
}

impl Heard {
    /// Whether a number came.
    pub(super) fn has(&self, seq: u64) -> bool {
        self.came.contains(&seq)
    }

    /// `limit`: what the window surely has room for.
    pub(super) fn hear(&mut self, news: News, limit: u64, at: Instant) {
        let gone = match news {
            News::Data { seq } => {
                self.known = self.known.max(seq);
                self.came.insert(seq);
                if seq <= limit {
                    self.taken.insert(seq);
                }
                None
            }
            News::Heartbeat { seq, oldest, answer } => {
                if answer {
                    self.known = self.known.min(seq.max(self.taken.last().copied().unwrap_or(0)));
                }
                self.known = self.known.max(seq);
                SeqRange::new(1, oldest - 1)
            }
            News::Times { seq } => {
                self.known = self.known.max(seq);
                None
            }
            News::Lost { range } => {
                self.known = self.known.max(range.last());
                Some(range)
            }
            News::Reset { seq } => {
                self.known = self.known.max(seq);
                SeqRange::new(1, seq)
            }
        };
        self.gone.extend(gone.filter(|range| !self.gone.contains(range)));
        self.since.entry(self.known).or_insert(at);
    }

    /// A NACK leaves: it names nothing that was taken (RMC-GAP-2), and where a range ends nothing follows that was
    /// never asked for though it has been missing for long (RMC-GAP-1).
    pub(super) fn ask(&mut self, who: Who, ranges: &[SeqRange], limit: u64) {
        for range in ranges {
            let taken = self.taken.range(range.first()..=range.last()).next();
            assert_eq!(taken, None, "{who}: it asks for {range}, of which it has that");
            let next = range.last() + 1;
            let is_known = next <= self.known && self.known <= limit && !self.came.contains(&next);
            let holds = |ranges: &[SeqRange]| ranges.iter().any(|range| range.contains(next));
            let since = self.since.range(next..).next().map_or(who.at, |(_, &since)| since);
            let is_late = who.at >= since + LONGEST_HOLD;
            let is_missing = is_known && is_late && !holds(&self.gone) && !holds(&self.asked) && !holds(ranges);
            assert!(!is_missing, "{who}: it asks for {range}, and not for {next}, which is missing too");
        }
        for range in ranges {
            if !self.asked.contains(range) {
                self.asked.push(*range);
            }
        }
    }
}
