//! What the tests of the rules need beside the harness.

use std::net::SocketAddr;
use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, Packet, RangesBuilder};
use rmc_core::{Config, Event, Path, Received, SeqRange, Stream};

use crate::lone::{EPOCH, Lone, OWN, Sent, Transmission, peer};
use crate::packets;

/// A message, by whose it is and how it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Came {
    pub(crate) peer: SocketAddr,
    pub(crate) stream: Stream,
    pub(crate) path: Path,
    pub(crate) seq: u64,
}

/// Every message that `recv` has; anything else fails.
pub(crate) fn came(lone: &mut Lone) -> Vec<Came> {
    let mut all = Vec::new();
    while let Some(received) = lone.node.recv() {
        match received {
            Received::Message { peer, stream, path, seq, payload, .. } => {
                assert_eq!(payload, packets::payload(seq), "the payload of {seq}");
                all.push(Came { peer, stream, path, seq });
            }
            other => panic!("{other:?} is no message"),
        }
    }
    lone.drain();
    all
}

/// The packet that was sent.
pub(crate) fn decoded(sent: &Transmission) -> Packet<'_> {
    Packet::decode(&sent.bytes).expect("the harness has decoded it")
}

/// What was sent to whom since the last call, in order.
pub(crate) fn sent_to(lone: &mut Lone) -> Vec<(SocketAddr, Sent)> {
    lone.sent.drain(..).map(|sent| (sent.to, sent.what)).collect()
}

/// When NACKs were sent, and their ranges.
pub(crate) fn nack_times(lone: &Lone) -> Vec<Duration> {
    lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Nack(_))).map(|sent| sent.at).collect()
}

/// The stamp of the last NACK sent.
pub(crate) fn last_stamp(lone: &Lone) -> u32 {
    let nack = lone.sent.iter().rfind(|sent| matches!(sent.what, Sent::Nack(_)));
    nack.expect("a NACK was sent").stamp
}

/// News of what is gone comes, as its sender sends it: in answer to the last NACK, or to the whole group, unasked.
/// `news` makes it with a stamp.
pub(crate) fn hear_of(lone: &mut Lone, asked: bool, news: impl FnOnce(u32) -> Vec<u8>) {
    if asked {
        let stamp = last_stamp(lone);
        lone.hear_unicast(peer(0), &news(stamp));
    } else {
        lone.hear(peer(0), &news(0));
    }
}

/// The ranges that `GotLost` told since the last call, both ends included. Forgets all other events.
pub(crate) fn told_lost(lone: &mut Lone) -> Vec<(u64, u64)> {
    lone.told(|event| if let Event::GotLost { range, .. } = event { Some((range.first(), range.last())) } else { None })
}

/// The numbers of the messages that `NewPacket` told since the last call. Forgets all other events.
pub(crate) fn told_packets(lone: &mut Lone) -> Vec<u64> {
    lone.told(|event| if let Event::NewPacket { seq, .. } = event { Some(seq) } else { None })
}

/// A node that has sent `count` messages to the group, all of which left at time 0 and are noted no more.
pub(crate) fn sender(count: u64, change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = Lone::new(change);
    lone.send_all(count);
    lone.sent.clear();
    lone.events.clear();
    lone
}

/// A backlog of ten packets.
pub(crate) fn backlog_of_ten(config: &mut Config) {
    config.backlog_packets = 10;
}

/// A receive window of ten packets.
pub(crate) fn window_of_ten(config: &mut Config) {
    config.backlog_packets = 10;
    config.receive_window_packets = 10;
}

/// A receive window of 1,000 bytes.
pub(crate) fn window_of_1000_bytes(config: &mut Config) {
    config.max_message = 500;
    config.backlog_bytes = 1_000;
    config.receive_window_bytes = 1_000;
}

/// A Data packet that holds a whole message of `len` bytes.
pub(crate) fn sized(seq: u64, len: usize) -> Vec<u8> {
    packets::part(Flags::FIRST | Flags::LAST, seq, &vec![0; len])
}

/// A whole message on the private stream of a peer to this node.
pub(crate) fn private_data(seq: u64) -> Vec<u8> {
    packets::data_with(Flags::PRIVATE, 0, EPOCH, seq)
}

/// A heartbeat of the private stream of a peer to this node.
pub(crate) fn private_heartbeat(seq: u64, oldest: u64) -> Vec<u8> {
    packets::heartbeat_with(Flags::PRIVATE, seq, oldest, Duration::from_millis(20))
}

/// A NACK for the private stream of this node to the peer that asks.
pub(crate) fn private_nack(stamp: u32, first: u64, last: u64) -> Vec<u8> {
    packets::nack_to(OWN, Flags::PRIVATE, stamp, &[(first, last)])
}

/// An Ack for the private stream of this node to the peer that sends it.
pub(crate) fn private_ack(seq: u64) -> Vec<u8> {
    packets::ack(Flags::PRIVATE, OWN, seq)
}

/// A Confirm for one number.
pub(crate) fn confirm(seq: u64, stamp: u32, cookie: u32) -> Vec<u8> {
    let mut builder = RangesBuilder::new(seq);
    assert!(builder.push(SeqRange::new(seq, seq).expect("a range")));
    let body = Body::Confirm { reason: 0, delay: 0, stamp, cookie, ranges: builder.as_ranges() };
    packets::encode(Flags::NONE, 0, EPOCH, seq, body)
}

/// A heartbeat of a peer that has sent nothing yet.
pub(crate) fn announcement() -> Vec<u8> {
    let body = Body::Heartbeat { oldest: 1, interval: 500_000, backoff: 0, group: 0, rtt: 0 };
    packets::encode(Flags::NONE, NO_PROMISE, EPOCH, 0, body)
}

/// Sends a message to `peer(index)` alone, on the private stream, and lets it leave.
pub(crate) fn send_private(lone: &mut Lone, index: u16) -> u64 {
    let seq = lone.node.send_to(lone.instant(), peer(index), &[7; 30]).expect("there is room");
    lone.settle();
    seq
}
