//! What a receiver got, and what it asked for.

use rmc_core::Stream;
use rmc_core::packet::{Body, Flags, Packet};

/// Of one epoch of the sender: a bit for each number, to the group and private.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    epoch: u32,
    came: [u64; 2],
    asked: [u64; 2],
    /// Something came late, so that what is missing may be on its way (RMC-GAP-12), or its repair (RMC-GAP-8).
    late: [bool; 2],
}

impl Asked {
    /// A packet of the sender, of a number that was neither delivered nor given up, is handed to the receiver, which
    /// follows `epoch` then. `is_late`: it was known to exist.
    pub(crate) fn hand(&mut self, packet: &Packet<'_>, epoch: Option<u32>, is_late: bool) {
        if matches!(packet.body, Body::Data { .. }) && epoch == Some(packet.epoch) {
            self.follow(packet.epoch);
            self.came[place_of(packet)] |= 1 << packet.seq;
            self.late[place_of(packet)] |= is_late;
        }
    }

    /// A packet leaves the receiver.
    pub(crate) fn ask(&mut self, packet: &Packet<'_>) {
        let Body::Nack { target_epoch, ranges, .. } = packet.body else { return };
        self.follow(target_epoch);
        for seq in ranges.iter(packet.seq).flat_map(|range| range.first()..=range.last()) {
            self.asked[place_of(packet)] |= 1 << seq;
        }
    }

    /// Which numbers came, if they are of `epoch`.
    pub(crate) fn came(&self, epoch: u32, stream: Stream) -> u64 {
        if self.epoch == epoch { self.came[stream as usize] } else { 0 }
    }

    /// Whether what is missing of `epoch` may be waited for before it is asked for.
    pub(crate) fn may_wait(&self, epoch: u32, stream: Stream) -> bool {
        self.epoch == epoch && self.late[stream as usize]
    }

    /// The lowest of the numbers `first` to `last` that neither came nor was asked for.
    pub(crate) fn first_unasked(&self, epoch: u32, stream: Stream, first: u64, last: u64) -> Option<u64> {
        let known = if self.epoch == epoch { self.came[stream as usize] | self.asked[stream as usize] } else { 0 };
        (first..=last).find(|seq| known >> seq & 1 == 0)
    }

    pub(crate) fn put(&self, words: &mut Vec<u64>) {
        let Self { epoch, came, asked, late } = self;
        words.push(u64::from(*epoch));
        words.extend(late.map(u64::from));
        words.extend(came.iter().chain(asked));
    }

    fn follow(&mut self, epoch: u32) {
        if self.epoch != epoch {
            *self = Self { epoch, ..Self::default() };
        }
    }
}

/// Where the bits of a packet's stream stand.
fn place_of(packet: &Packet<'_>) -> usize {
    let stream = if packet.flags.contains(Flags::PRIVATE) { Stream::Private } else { Stream::Group };
    stream as usize
}
