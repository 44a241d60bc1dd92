//! What is pending beside streams, and what left last.

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;
use core::time::Duration;

use super::segments::Segments;
use crate::config::Config;
use crate::event::Stream;
use crate::packet::{HEADER_LEN, Kind};
use crate::seq::SeqRange;
use crate::time::Instant;

/// The longest control packet: a heartbeat table of 128 intervals.
const SCRATCH_LEN: usize = HEADER_LEN + 1 + 4 * 128;
/// How many answers to others than askers of repairs wait at most; past that they are not given.
const MAX_ASIDES: usize = 1_024;

/// What is pending beside streams, and what left last.
#[derive(Clone)]
pub(super) struct Outgoing {
    pub(super) scratch: Vec<u8>,
    /// The last transmission, until the next poll (F19).
    pub(super) last: Option<Sent>,
    /// Datagrams that could not be sent and come back: one, or all of a transmission of several.
    pub(super) retry: VecDeque<(Vec<u8>, Sent)>,
    /// The bytes of a transmission of several datagrams.
    pub(super) gathered: Vec<u8>,
    pub(super) stalled_until: Option<Instant>,
    /// How many datagrams left since the last input (S20).
    pub(super) burst: usize,
    /// When the token bucket lets the next packet leave.
    pub(super) paced_until: Option<Instant>,
    pub(super) asides: VecDeque<Aside>,
    /// The table was changed, with this index; everybody must be told.
    pub(super) table_due: Option<usize>,
    /// The table is not the one that everybody takes for granted.
    own_table: bool,
    pub(super) announce_due: bool,
    pub(super) overflow_told: bool,
}

/// An answer to somebody who asked for something that is not in the backlog's hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Aside {
    /// A Heartbeat of the stream at this place (F13).
    Heartbeat {
        to: SocketAddr,
        place: u32,
    },
    /// The private stream asked for does not exist.
    NoStream {
        to: SocketAddr,
        stamp: u32,
    },
    /// The heartbeat table (S24).
    Table {
        to: SocketAddr,
    },
    Confirm(Confirm),
}

/// Word that a NACK for the stream at `place` was taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Confirm {
    pub(super) to: SocketAddr,
    pub(super) place: u32,
    pub(super) range: SeqRange,
    /// When to ask again; `None`: the repair is under way.
    pub(super) delay: Option<Duration>,
    pub(super) stamp: u32,
    /// 0: none.
    pub(super) cookie: u32,
}

/// A transmission: where its bytes stand, and what it is once it has really left.
#[derive(Clone, Copy)]
pub(super) struct Sent {
    pub(super) bytes: Source,
    pub(super) len: usize,
    pub(super) destination: SocketAddr,
    pub(super) kind: Kind,
    pub(super) seq: u64,
    pub(super) what: Note,
}

#[derive(Clone, Copy)]
pub(super) enum Source {
    Scratch,
    Log { stream: u32, place: usize },
    Retry,
    Segments(Segments),
}

impl Source {
    pub(super) const fn segment_size(self) -> Option<usize> {
        match self {
            Self::Segments(segments) => Some(segments.size),
            Self::Scratch | Self::Log { .. } | Self::Retry => None,
        }
    }

    pub(super) const fn datagrams(self) -> u64 {
        match self {
            Self::Segments(segments) => segments.count as u64,
            Self::Scratch | Self::Log { .. } | Self::Retry => 1,
        }
    }
}

/// What is counted and told of a transmission.
#[derive(Clone, Copy)]
pub(super) enum Note {
    /// Of the stream at this place.
    Data(u32),
    Repair,
    Heartbeat,
    Table,
    Lost(SeqRange),
    Reset,
    Confirm,
    Ack,
    Nack {
        stream: Stream,
        count: u64,
    },
}

impl Outgoing {
    pub(super) fn new(config: &Config) -> Self {
        Self {
            scratch: alloc::vec![0; SCRATCH_LEN],
            last: None,
            retry: VecDeque::new(),
            gathered: Vec::new(),
            stalled_until: None,
            burst: 0,
            paced_until: None,
            asides: VecDeque::new(),
            table_due: None,
            own_table: config.heartbeat_times != crate::config::DEFAULT_HEARTBEAT_TIMES,
            announce_due: false,
            overflow_told: false,
        }
    }

    pub(super) const fn new_burst(&mut self) {
        self.burst = 0;
        self.paced_until = None;
    }

    pub(super) fn has_retry(&self) -> bool {
        !self.retry.is_empty()
    }

    pub(super) const fn has_own_table(&self) -> bool {
        self.own_table
    }

    pub(super) const fn table_changed(&mut self, index: usize) {
        self.table_due = Some(index);
        self.own_table = true;
    }

    pub(super) fn add_aside(&mut self, aside: Aside) {
        if self.asides.len() < MAX_ASIDES {
            self.asides.push_back(aside);
        }
    }

    pub(super) fn drop_pending(&mut self) {
        self.asides.clear();
        self.retry.clear();
        self.stalled_until = None;
        self.announce_due = false;
    }

    pub(super) fn close(&mut self) {
        self.drop_pending();
        self.table_due = None;
        self.last = None;
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Aside, Confirm, Note, Outgoing, Sent, Source};
    use crate::fingerprint::{Fingerprint, State, state};

    state! { Sent { bytes, len, destination, kind, seq, what } }

    /// Without what the next input with a time sets afresh: see `Protocol::fingerprint`.
    impl State for Outgoing {
        fn put(&self, to: &mut Fingerprint) {
            let Self {
                scratch: _,
                last,
                retry,
                gathered: _,
                stalled_until,
                burst: _,
                paced_until: _,
                asides,
                table_due,
                own_table,
                announce_due,
                overflow_told,
            } = self;
            debug_assert!(last.is_none(), "it is drained");
            to.put(&retry.len());
            for (bytes, sent) in retry {
                to.bytes(bytes);
                to.put(sent);
            }
            to.put(stalled_until);
            to.put(asides);
            to.put(table_due);
            to.put(&((*own_table, *announce_due), *overflow_told));
        }
    }

    impl State for Aside {
        fn put(&self, to: &mut Fingerprint) {
            match self {
                Self::Heartbeat { to: asker, place } => to.put(&(0_u8, (*asker, *place))),
                Self::NoStream { to: asker, stamp } => {
                    to.put(&(1_u8, *asker));
                    to.stamp(*stamp);
                }
                Self::Table { to: asker } => to.put(&(2_u8, *asker)),
                Self::Confirm(Confirm { to: asker, place, range, delay, stamp, cookie }) => {
                    to.put(&(3_u8, (*asker, *place)));
                    to.put(&(*range, (*delay, *cookie)));
                    to.stamp(*stamp);
                }
            }
        }
    }

    impl State for Source {
        fn put(&self, to: &mut Fingerprint) {
            match self {
                Self::Scratch => to.word(0),
                Self::Log { stream, place } => to.put(&(1_u8, (*stream, *place))),
                Self::Retry => to.word(2),
                Self::Segments(segments) => to.put(&(3_u8, (segments.size, segments.count))),
            }
        }
    }

    impl State for Note {
        fn put(&self, to: &mut Fingerprint) {
            match self {
                Self::Data(place) => to.put(&(0_u8, *place)),
                Self::Repair => to.word(1),
                Self::Heartbeat => to.word(2),
                Self::Table => to.word(3),
                Self::Lost(range) => to.put(&(4_u8, *range)),
                Self::Reset => to.word(5),
                Self::Confirm => to.word(8),
                Self::Ack => to.word(6),
                Self::Nack { stream, count } => to.put(&(7_u8, (*stream, *count))),
            }
        }
    }
}
