//! What was seen to happen, so that a world that shows less than it is for does not pass.

use rmc_core::packet::{Body, Flags, Packet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sight {
    /// A Nack left, for one range or for more.
    Nack,
    NackOfTwoRanges,
    /// An answer to one left.
    Repair,
    Lost,
    ResetAsked,
    /// A Reset left that nobody had asked for.
    ResetUnasked,
    /// An Ack left.
    Ack,
    /// The last Heartbeat with END left.
    LastEnd,
    /// An application was told of a loss, of a restart, of the end.
    LossTold,
    RestartTold,
    EndTold,
    /// A packet of a former epoch came after one of the new.
    FormerEpoch,
    /// A former epoch took over after silence.
    FormerEpochFollowed,
    /// A gap was open while the window was full.
    WindowFull,
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sights(u16);

impl Sights {
    pub(crate) const fn add(&mut self, sight: Sight) {
        self.0 |= 1 << sight as u16;
    }

    pub(crate) const fn add_all(&mut self, others: Self) {
        self.0 |= others.0;
    }

    pub(crate) const fn has(self, sight: Sight) -> bool {
        self.0 >> sight as u16 & 1 == 1
    }

    /// `packet` leaves.
    pub(crate) fn see(&mut self, packet: &Packet<'_>) {
        match packet.body {
            Body::Nack { ranges, .. } => {
                self.add(Sight::Nack);
                if ranges.iter(packet.seq).count() > 1 {
                    self.add(Sight::NackOfTwoRanges);
                }
            }
            Body::Data { .. } if packet.flags.contains(Flags::RESENT) => self.add(Sight::Repair),
            Body::Lost { .. } => self.add(Sight::Lost),
            Body::Reset { stamp: 0 } => self.add(Sight::ResetUnasked),
            Body::Reset { .. } => self.add(Sight::ResetAsked),
            Body::Ack { .. } => self.add(Sight::Ack),
            Body::Heartbeat { interval: 0, .. } if packet.flags.contains(Flags::END) => self.add(Sight::LastEnd),
            _ => {}
        }
    }
}
