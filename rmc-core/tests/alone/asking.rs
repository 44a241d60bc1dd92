//! What the tests of the repair engine share: receivers that ask one sender, as the defaults have it.

use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, Packet, RangesBuilder};
use rmc_core::{Config, Path, RepairMode, SeqRange};

use crate::lone::{EPOCH, Lone, OWN, Sent, Transmission, group, peer};
use crate::packets::encode;

/// A NACK, with what a receiver says of itself.
#[derive(Clone, Copy)]
pub(crate) struct Nack<'a> {
    pub(crate) epoch: u32,
    pub(crate) flags: Flags,
    pub(crate) stamp: u32,
    pub(crate) cookie: u32,
    pub(crate) rtt: Duration,
    pub(crate) ranges: &'a [(u64, u64)],
}

impl<'a> Nack<'a> {
    /// One of a receiver that knows nothing yet.
    pub(crate) const fn new(ranges: &'a [(u64, u64)]) -> Self {
        Self { epoch: EPOCH, flags: Flags::NONE, stamp: 7, cookie: 0, rtt: Duration::ZERO, ranges }
    }

    pub(crate) const fn cookie(self, cookie: u32) -> Self {
        Self { cookie, ..self }
    }

    pub(crate) const fn rtt(self, rtt: Duration) -> Self {
        Self { rtt, ..self }
    }

    pub(crate) fn private(self) -> Self {
        Self { flags: Flags::PRIVATE, ..self }
    }

    pub(crate) fn bytes(self) -> Vec<u8> {
        let mut builder = RangesBuilder::new(self.ranges[0].0);
        for &(first, last) in self.ranges {
            assert!(builder.push(SeqRange::new(first, last).expect("a range")), "{first}-{last} does not fit");
        }
        let rtt = u32::try_from(self.rtt.as_micros()).expect("a legal round trip");
        let Self { stamp, cookie, .. } = self;
        let body = Body::Nack { target_epoch: OWN, stamp, cookie, rtt, ranges: builder.as_ranges() };
        let packet = Packet {
            flags: self.flags,
            heartbeat: NO_PROMISE,
            epoch: self.epoch,
            seq: self.ranges[0].0,
            extension: None,
            body,
        };
        let mut datagram = vec![0; packet.encoded_len()];
        packet.encode(&mut datagram).expect("a legal packet");
        datagram
    }
}

/// A node that has sent `count` messages, of which nothing is noted; 20 ms have passed, so that data flows no more.
pub(crate) fn adaptive(count: u64, change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = Lone::new(|config| {
        config.repair_mode = RepairMode::Adaptive;
        config.verify_askers = true;
        change(config);
    });
    lone.send_all(count);
    lone.run_for(Duration::from_millis(20));
    lone.sent.clear();
    lone.events.clear();
    lone
}

/// The same with addresses that nobody forges.
pub(crate) fn trusting(count: u64, change: impl FnOnce(&mut Config)) -> Lone {
    adaptive(count, |config| {
        config.verify_askers = false;
        change(config);
    })
}

/// `peer(index)` asks, and what is due now is done. Returns what was sent because of it, but Heartbeats to the group.
pub(crate) fn ask(lone: &mut Lone, index: u16, nack: Nack<'_>) -> Vec<Transmission> {
    lone.sent.clear();
    lone.feed(peer(index), Path::Unicast, &nack.bytes());
    lone.settle();
    lone.sent.drain(..).filter(|sent| !is_group_heartbeat(sent)).collect()
}

/// The same, as whom what was sent.
pub(crate) fn answers(lone: &mut Lone, index: u16, nack: Nack<'_>) -> Vec<(SocketAddr, Sent)> {
    ask(lone, index, nack).into_iter().map(|sent| (sent.to, sent.what)).collect()
}

/// The cookie that `peer(index)` gets when it asks for `seq`.
pub(crate) fn cookie_of(lone: &mut Lone, index: u16, seq: u64) -> u32 {
    let told = ask(lone, index, Nack::new(&[(seq, seq)]));
    told.iter().find_map(|sent| cookie_in(&sent.what)).expect("a Confirm")
}

pub(crate) const fn cookie_in(sent: &Sent) -> Option<u32> {
    if let Sent::Confirm { cookie, .. } = sent { Some(*cookie) } else { None }
}

pub(crate) fn is_group_heartbeat(sent: &Transmission) -> bool {
    sent.to == group() && matches!(sent.what, Sent::Heartbeat { .. })
}

/// An Ack with a round trip.
pub(crate) fn ack_with(seq: u64, rtt: Duration) -> Vec<u8> {
    let rtt = u32::try_from(rtt.as_micros()).expect("a legal round trip");
    encode(Flags::NONE, NO_PROMISE, EPOCH, seq, Body::Ack { target_epoch: OWN, window: 1_000, rtt })
}
