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
    /// A repair left for all.
    RepairForAll,
    /// A Confirm left, and a Nack with the cookie of one.
    Confirm,
    CookieShown,
    /// Data waited for a receiver.
    Blocked,
}

/// A set of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sights(u32);

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

    /// `packet` leaves, perhaps to all.
    pub(crate) fn see(&mut self, packet: &Packet<'_>, to_all: bool) {
        match packet.body {
            Body::Nack { ranges, cookie, .. } => {
                self.add(Sight::Nack);
                if cookie != 0 {
                    self.add(Sight::CookieShown);
                }
                if ranges.iter(packet.seq).count() > 1 {
                    self.add(Sight::NackOfTwoRanges);
                }
            }
            Body::Data { .. } if packet.flags.contains(Flags::RESENT) => {
                self.add(if to_all { Sight::RepairForAll } else { Sight::Repair });
            }
            Body::Confirm { .. } => self.add(Sight::Confirm),
            Body::Lost { .. } => self.add(Sight::Lost),
            Body::Reset { stamp: 0 } => self.add(Sight::ResetUnasked),
            Body::Reset { .. } => self.add(Sight::ResetAsked),
            Body::Ack { .. } => self.add(Sight::Ack),
            Body::Heartbeat { interval: 0, .. } if packet.flags.contains(Flags::END) => self.add(Sight::LastEnd),
            _ => {}
        }
    }
}
