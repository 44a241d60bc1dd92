//! Rule S35 of the seed: all of its events, by their meanings, and what becomes of those that are not taken.

use rmc_core::packet::{Flags, Kind};
use rmc_core::{Config, Event, EventKind, EventMask, LossCause, Path, SeqRange, Stream};

use crate::lone::{EPOCH, Lone, MS, OWN, Output, SECOND, Sent, group, lost, message, own, peer};
use crate::observed::{forget, queue};
use crate::packets::{self, ack, data, data_with, heartbeat, heartbeat_with, nack, repair, reset};

fn range(first: u64, last: u64) -> SeqRange {
    SeqRange::new(first, last).expect("a range")
}

/// A node that tells `kinds` only.
fn telling(kinds: &[EventKind]) -> Lone {
    let mask = kinds.iter().copied().collect();
    Lone::new(|config| config.events = mask)
}

/// All that was told since the last call but `Readable`.
fn told(lone: &mut Lone) -> Vec<Event> {
    lone.told(|event| (event != Event::Readable).then_some(event))
}

#[test]
fn seed_s35_packet_sent_tells_of_first_transmissions() {
    let mut lone = telling(&[EventKind::PacketSent]);
    queue(&mut lone, 2);
    assert_eq!(told(&mut lone), [], "not yet");
    lone.settle();
    let sent = |destination, seq| Event::PacketSent { destination, seq };
    assert_eq!(told(&mut lone), [sent(group(), 1), sent(group(), 2)]);
    lone.node.send_to(lone.instant(), peer(3), b"private").expect("there is room");
    lone.settle();
    assert_eq!(told(&mut lone), [sent(peer(3), 1)]);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    lone.run_for(SECOND);
    assert_eq!(told(&mut lone), [], "repairs and heartbeats are none");
}

#[test]
fn seed_s35_sent_heartbeat_tells_of_each_heartbeat() {
    let mut lone = telling(&[EventKind::SentHeartbeat]);
    lone.send_all(3);
    lone.run_to(30 * MS);
    assert_eq!(told(&mut lone), [Event::SentHeartbeat { destination: group(), seq: 3 }; 2]);
    lone.hear_unicast(peer(1), &nack(1, &[(4, 4)]));
    assert_eq!(told(&mut lone), [Event::SentHeartbeat { destination: peer(1), seq: 3 }], "an answer is one too");
}

// RMC-REPAIR-3, RMC-SEND-3
#[test]
fn seed_s35_sent_lost_tells_whom_and_which_numbers() {
    let mut lone = Lone::new(|config| {
        config.events = EventMask::NONE.with(EventKind::SentLost);
        config.backlog_packets = 10;
    });
    lone.send_all(12);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 5)]));
    assert_eq!(told(&mut lone), [Event::SentLost { destination: peer(1), range: range(1, 2) }]);
    lone.node.send_at(lone.instant(), 20, b"a").expect("it is above 12");
    lone.settle();
    assert_eq!(told(&mut lone), [Event::SentLost { destination: group(), range: range(13, 19) }]);
}

#[test]
fn seed_s35_sent_reset_tells_where_the_stream_goes_on() {
    let mut lone = telling(&[EventKind::SentReset]);
    lone.send_all(4);
    lone.node.reset(lone.instant()).expect("it may send");
    lone.settle();
    assert_eq!(told(&mut lone), [Event::SentReset { destination: group(), seq: 4 }]);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert_eq!(told(&mut lone), [Event::SentReset { destination: peer(1), seq: 4 }]);
}

#[test]
fn seed_s35_sent_nack_tells_who_is_asked_for_what() {
    let mut lone = telling(&[EventKind::SentNack]);
    lone.hear_all([1, 4]);
    let asked = |seq, count| Event::SentNack { peer: peer(0), stream: Stream::Group, seq, count };
    assert_eq!(told(&mut lone), [asked(2, 2)]);
    lone.run_for(30 * MS);
    assert_eq!(told(&mut lone), [asked(2, 2)], "the retry is one of its own");
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 3));
    assert_eq!(told(&mut lone), [Event::SentNack { peer: peer(0), stream: Stream::Private, seq: 1, count: 2 }]);
}

#[test]
fn seed_s35_sent_repair_tells_of_repairs() {
    let mut lone = telling(&[EventKind::SentRepair]);
    lone.send_all(4);
    lone.hear_unicast(peer(1), &nack(1, &[(2, 3)]));
    let sent = |seq| Event::SentRepair { destination: peer(1), seq };
    assert_eq!(told(&mut lone), [sent(2), sent(3)]);
}

#[test]
fn seed_s35_got_nack_tells_who_asks_for_what() {
    let mut lone = telling(&[EventKind::GotNack]);
    lone.send_all(9);
    lone.hear_unicast(peer(1), &nack(1, &[(2, 3), (5, 5), (8, 20)]));
    assert_eq!(told(&mut lone), [Event::GotNack { peer: peer(1), stream: Stream::Group, seq: 2, count: 2 + 1 + 13 }]);
    lone.hear_unicast(peer(1), &packets::nack_to(OWN - 1, Flags::NONE, 1, &[(1, 1)]));
    assert_eq!(told(&mut lone), [], "one for another epoch is none");
}

#[test]
fn seed_s35_got_ack_tells_what_is_acknowledged() {
    let mut lone = telling(&[EventKind::GotAck]);
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    lone.settle();
    lone.hear_unicast(peer(1), &ack(Flags::PRIVATE, OWN, 1));
    assert_eq!(told(&mut lone), [Event::GotAck { peer: peer(1), stream: Stream::Private, seq: 1 }]);
}

// RMC-LOST-1
#[test]
fn seed_s35_got_lost_tells_each_range_that_was_given_up() {
    let mut lone = telling(&[EventKind::GotLost]);
    lone.hear_all([1, 3, 6]);
    lone.hear(peer(0), &packets::lost(1, 5, 0));
    let gone =
        |first, last, cause| Event::GotLost { peer: peer(0), stream: Stream::Group, range: range(first, last), cause };
    assert_eq!(told(&mut lone), [gone(2, 2, LossCause::Lost), gone(4, 5, LossCause::Lost)]);
    lone.hear(peer(0), &packets::lost(1, 5, 0));
    assert_eq!(told(&mut lone), [], "nothing was left to give up");
    lone.hear(peer(0), &reset(8, 0));
    assert_eq!(told(&mut lone), [gone(7, 8, LossCause::Reset)]);
}

// RMC-RESET-1
#[test]
fn seed_s35_got_reset_tells_of_resets_that_were_followed() {
    let mut lone = telling(&[EventKind::GotReset]);
    lone.hear_all([1, 2, 3]);
    lone.hear(peer(0), &reset(1, 0));
    assert_eq!(told(&mut lone), [], "a stream moves forward only");
    lone.hear(peer(0), &reset(5, 0));
    assert_eq!(told(&mut lone), [Event::GotReset { peer: peer(0), stream: Stream::Group, seq: 5 }]);
}

#[test]
fn seed_s35_got_heartbeat_tells_of_each_heartbeat() {
    let mut lone = telling(&[EventKind::GotHeartbeat]);
    lone.hear(peer(0), &heartbeat(0));
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(1));
    let got = |seq| Event::GotHeartbeat { peer: peer(0), stream: Stream::Group, seq };
    assert_eq!(told(&mut lone), [got(0), got(1)]);
}

// RMC-PEER-1
#[test]
fn seed_s35_new_sender_tells_of_each_unknown_address_once() {
    let mut lone = telling(&[EventKind::NewSender]);
    lone.hear_all([1, 2]);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.hear_all([3]);
    let new = |index| Event::NewSender { peer: peer(index), epoch: EPOCH };
    assert_eq!(told(&mut lone), [new(0), new(1)]);
}

// RMC-LIVE-4
#[test]
fn seed_s35_missing_heartbeat_recovery_and_expiry_are_told() {
    let kinds = [EventKind::MissingHeartbeat, EventKind::PeerRecovered, EventKind::PeerExpired];
    let mut lone = telling(&kinds);
    lone.hear(peer(0), &heartbeat(1));
    lone.run_to(SECOND);
    let missing = |count| Event::MissingHeartbeat { peer: peer(0), stream: Stream::Group, count };
    assert_eq!(told(&mut lone), [missing(1)]);
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 1, 1, 20 * SECOND));
    assert_eq!(told(&mut lone), [Event::PeerRecovered { peer: peer(0) }]);
    lone.run_for(60 * SECOND);
    assert_eq!(told(&mut lone), [Event::PeerExpired { peer: peer(0) }], "20 s and its tolerance are as long");
}

#[test]
fn seed_s35_new_packet_tells_of_each_message_when_it_becomes_deliverable() {
    let mut lone = telling(&[EventKind::NewPacket]);
    lone.hear_all([2, 3]);
    assert_eq!(told(&mut lone), []);
    lone.hear_all([1]);
    let new = |seq, index, len| Event::NewPacket { peer: peer(0), stream: Stream::Group, seq, index, len };
    let expected: Vec<_> = (1..=3).map(|seq| new(seq, 0, packets::payload(seq).len())).collect();
    assert_eq!(told(&mut lone), expected);
    let packed = [&[0, 1][..], b"a", &[0, 0]].concat();
    lone.hear(peer(0), &packets::part(Flags::FIRST | Flags::LAST | Flags::PACKED, 4, &packed));
    assert_eq!(told(&mut lone), [new(4, 0, 1), new(4, 1, 0)]);
    lone.hear(peer(0), &packets::part(Flags::FIRST, 5, b"abc"));
    assert_eq!(told(&mut lone), []);
    lone.hear(peer(0), &packets::part(Flags::LAST, 6, b"de"));
    assert_eq!(told(&mut lone), [new(6, 0, 5)]);
}

#[test]
fn seed_s35_sequence_overflow_is_told() {
    let mut lone = telling(&[EventKind::SequenceOverflow]);
    lone.node.send_at(lone.instant(), 2_000_000_001, b"a").expect("it is free");
    lone.settle();
    assert_eq!(told(&mut lone), [Event::SequenceOverflow { seq: 2_000_000_001 }]);
}

#[test]
fn seed_s35_debug_events_tell_of_every_packet() {
    let mut lone = telling(&[EventKind::ReceivedPacket, EventKind::SentPacket]);
    let received = |path, kind, seq| Event::ReceivedPacket { peer: peer(0), path, kind, seq };
    let sent = |destination, kind, seq| Event::SentPacket { destination, kind, seq };
    lone.hear_all([1, 3]);
    lone.hear_unicast(peer(0), &repair(2));
    let expected = [
        received(Path::Multicast, Kind::Data, 1),
        received(Path::Multicast, Kind::Data, 3),
        sent(peer(0), Kind::Nack, 2),
        received(Path::Unicast, Kind::Data, 2),
    ];
    assert_eq!(told(&mut lone), expected);
    lone.send_all(1);
    lone.run_for(10 * MS);
    assert_eq!(told(&mut lone), [sent(group(), Kind::Data, 1), sent(group(), Kind::Heartbeat, 1)]);
    lone.hear(own(), &data_with(Flags::NONE, 0, OWN, 1));
    lone.hear(peer(0), b"rubbish");
    assert_eq!(told(&mut lone), [], "own packets and those that do not decode are none");
}

// RMC-PEER-3, RMC-EPOCH-3, RMC-END-4, RMC-PRIV-5
#[test]
fn seed_s35_further_events_stand_beside_the_seed_s() {
    let kinds = [
        EventKind::AddressInUse,
        EventKind::PeerRestarted,
        EventKind::PeerFinished,
        EventKind::PrivateAbandoned,
        EventKind::Closed,
    ];
    let mut lone = telling(&kinds);
    lone.hear(own(), &data_with(Flags::NONE, 0, OWN + 1, 1));
    assert_eq!(told(&mut lone), [Event::AddressInUse { address: own() }]);
    lone.hear_all([1]);
    // As long as the old epoch had promised to say something.
    lone.run_for(20 * MS);
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH + 1, 1));
    assert_eq!(told(&mut lone), [Event::PeerRestarted { peer: peer(0), old_epoch: EPOCH, epoch: EPOCH + 1 }]);
    lone.hear(peer(1), &data(1));
    lone.hear(peer(1), &heartbeat_with(Flags::END, 1, 1, 10 * MS));
    assert_eq!(told(&mut lone), [Event::PeerFinished { peer: peer(1), seq: 1 }]);
    for _ in 0..3 {
        lone.node.send_to(lone.instant(), peer(2), b"private").expect("there is room");
    }
    lone.run_for(30 * SECOND);
    assert_eq!(told(&mut lone), [Event::PrivateAbandoned { peer: peer(2), unacknowledged: range(1, 3) }]);
    lone.node.finish(lone.instant(), SECOND);
    lone.run_for(10 * SECOND);
    assert_eq!(told(&mut lone), [Event::Closed]);
}

const PER_PACKET: [EventKind; 5] = [
    EventKind::NewPacket,
    EventKind::PacketSent,
    EventKind::SentRepair,
    EventKind::ReceivedPacket,
    EventKind::SentPacket,
];

/// The default: those that do not come per packet.
#[test]
fn seed_s35_the_default_mask_leaves_out_what_comes_per_packet() {
    assert_eq!(Config::new(group(), 1, 1).events, EventMask::DEFAULT);
    for &kind in EventKind::ALL {
        assert_eq!(EventMask::DEFAULT.contains(kind), !PER_PACKET.contains(&kind), "{kind}");
    }
    let mut lone = Lone::new(|config| config.events = EventMask::DEFAULT);
    lone.send_all(3);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    lone.hear_all([1, 3]);
    lone.run_for(15 * MS);
    let kinds: Vec<_> = told(&mut lone).iter().map(Event::kind).collect();
    assert!(kinds.iter().all(|kind| !PER_PACKET.contains(kind)), "{kinds:?}");
    for wanted in [EventKind::GotNack, EventKind::NewSender, EventKind::SentNack, EventKind::SentHeartbeat] {
        assert!(kinds.contains(&wanted), "{wanted} is missing: {kinds:?}");
    }
}

/// Feeds so many heartbeats before a drain: an event each.
fn unpolled(lone: &mut Lone, count: usize) -> (usize, Vec<u64>) {
    for _ in 0..count {
        lone.feed(peer(0), Path::Multicast, &heartbeat(1));
    }
    lone.drain();
    let mut dropped = Vec::new();
    let kept = lone.told(|event| match event {
        Event::GotHeartbeat { .. } => Some(()),
        Event::EventsDropped { count } => {
            dropped.push(count);
            None
        }
        _ => None,
    });
    (kept.len(), dropped)
}

// RMC-LOCAL-2
#[test]
fn seed_s35_a_ring_of_1024_events_keeps_all_up_to_its_bound() {
    let mut lone = telling(&[EventKind::GotHeartbeat]);
    assert_eq!(lone.node.config().event_ring, 1_024);
    assert_eq!(unpolled(&mut lone, 1_024), (1_024, vec![]));
    assert_eq!(lone.node.stats().dropped.events, 0);
}

// RMC-LOCAL-2
#[test]
fn seed_s35_what_does_not_fit_the_ring_is_counted_and_told() {
    let mut lone = telling(&[EventKind::GotHeartbeat]);
    assert_eq!(unpolled(&mut lone, 1_025), (1_024, vec![1]));
    assert_eq!(lone.node.stats().dropped.events, 1);
    assert_eq!(unpolled(&mut lone, 3_000), (1_024, vec![1_976]));
    assert_eq!(lone.node.stats().dropped.events, 1_977);
    assert_eq!(unpolled(&mut lone, 10), (10, vec![]), "told once");
}

/// Events that nobody wants do not fill the ring.
#[test]
fn seed_s35_unwanted_events_take_no_room() {
    let mut lone = telling(&[EventKind::NewSender]);
    assert_eq!(unpolled(&mut lone, 5_000), (0, vec![]));
    assert_eq!(lone.node.stats().dropped.events, 0);
}

/// With no event wanted, and with the ring full, `recv` has every message and every loss in its place.
// RMC-LOCAL-2
#[test]
fn seed_s35_loss_is_never_an_event_only() {
    for (events, ring) in [(EventMask::NONE, 1_024), (EventMask::ALL, 1)] {
        let mut lone = Lone::new(|config| {
            config.events = events;
            config.event_ring = ring;
        });
        for bytes in [data(1), data(3), data(6), packets::lost(2, 2, 0), packets::lost(4, 5, 0)] {
            lone.feed(peer(0), Path::Multicast, &bytes);
        }
        lone.drain();
        let readable = lone.told(|event| (event == Event::Readable).then_some(()));
        assert_eq!(readable.len(), 1, "that there is something to read is always told");
        let gone = |first, last| lost(first, last, LossCause::Lost);
        assert_eq!(lone.take(), [message(1), gone(2, 2), message(3), gone(4, 5), message(6)]);
    }
}

/// What has come is told before anything leaves because of it.
#[test]
fn seed_s35_events_come_before_what_is_sent() {
    let mut lone = telling(&[EventKind::NewSender]);
    lone.feed(peer(0), Path::Multicast, &data(1));
    lone.feed(peer(0), Path::Multicast, &data(3));
    let first = |lone: &mut Lone| match lone.poll() {
        Some(Output::Event(event)) => Some(event),
        _ => None,
    };
    let two = [first(&mut lone), first(&mut lone)];
    assert!(two.contains(&Some(Event::Readable)), "{two:?}");
    assert!(two.contains(&Some(Event::NewSender { peer: peer(0), epoch: EPOCH })), "{two:?}");
    forget(&mut lone);
    lone.drain();
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2)])]);
}
