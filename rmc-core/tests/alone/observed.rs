//! What the tests of rules S19 to S37 share beside the node itself.

use std::time::Duration;

use rmc_core::Event;
use rmc_core::packet::Packet;

use crate::lone::{Lone, Sent, Transmission, group, peer};
use crate::packets::payload;

/// A Heartbeat of the group's stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Beat {
    pub(crate) at: Duration,
    pub(crate) seq: u64,
    pub(crate) index: u8,
    pub(crate) interval: Duration,
    pub(crate) end: bool,
}

/// All Heartbeats to the group that were noted.
pub(crate) fn beats(lone: &Lone) -> Vec<Beat> {
    let beat = |sent: &Transmission| match sent.what {
        Sent::Heartbeat { seq, interval, end, .. } if sent.to == group() => {
            Some(Beat { at: sent.at, seq, index: index_of(sent), interval, end })
        }
        _ => None,
    };
    lone.sent.iter().filter_map(beat).collect()
}

/// When each of them left and what it promised, in milliseconds.
pub(crate) fn beat_times(lone: &Lone) -> Vec<(u128, u128)> {
    beats(lone).iter().map(|beat| (beat.at.as_millis(), beat.interval.as_millis())).collect()
}

/// The heartbeat index in a packet's header.
pub(crate) fn index_of(sent: &Transmission) -> u8 {
    Packet::decode(&sent.bytes).expect("it was decoded when it left").heartbeat
}

/// Hands in `count` messages of one packet each, without a drain.
pub(crate) fn queue(lone: &mut Lone, count: u64) {
    for _ in 0..count {
        let seq = lone.node.next_seq();
        lone.node.send(lone.instant(), &payload(seq)).expect("there is room");
    }
}

/// What the node says next: everything that it said before is forgotten.
pub(crate) fn forget(lone: &mut Lone) {
    lone.sent.clear();
    lone.events.clear();
}

/// (when, count) of every missed heartbeat of `peer(0)` that was told, up to `end`.
pub(crate) fn misses(lone: &mut Lone, end: Duration) -> Vec<(Duration, u32)> {
    lone.run_to(end);
    let miss = |&(at, event): &(Duration, Event)| match event {
        Event::MissingHeartbeat { peer: address, count, .. } if address == peer(0) => Some((at, count)),
        _ => None,
    };
    lone.events.iter().filter_map(miss).collect()
}

/// A state can be copied and run on.
pub(crate) fn copy_of(lone: &Lone) -> Lone {
    Lone { node: lone.node.clone(), sent: Vec::new(), events: Vec::new(), now: lone.now, deadline: lone.deadline }
}
