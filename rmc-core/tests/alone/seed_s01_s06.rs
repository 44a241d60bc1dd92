//! The seed's rules S01 to S06: roles, addresses, who is who, and the debug events.

use std::net::{Ipv4Addr, SocketAddr};

use rmc_core::packet::{Flags, Kind};
use rmc_core::{ConfigError, Event, EventMask, Path, SeqRange, Stream};

use crate::given::{Came, announcement, came, confirm, private_data, sender, sent_to};
use crate::lone::{EPOCH, Lone, MS, OWN, SECOND, Sent, group, own, peer};
use crate::packets::{ack, data, data_with, heartbeat, lost, nack, repair, reset, times};

fn new_senders(lone: &mut Lone) -> Vec<(SocketAddr, u32)> {
    lone.told(|event| if let Event::NewSender { peer, epoch } = event { Some((peer, epoch)) } else { None })
}

// RMC-KIND-4
#[test]
fn seed_s01_one_node_sends_receives_asks_and_repairs() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    lone.hear_all([1, 3]);
    lone.hear_unicast(peer(1), &nack(5, &[(2, 2)]));
    assert_eq!(
        sent_to(&mut lone),
        [
            (group(), Sent::Data(1)),
            (group(), Sent::Data(2)),
            (peer(0), Sent::Nack(vec![(2, 2)])),
            (peer(1), Sent::Repair(2)),
        ]
    );
    assert_eq!(came(&mut lone).len(), 1);
}

// RMC-PEER-1
#[test]
fn seed_s01_peers_are_told_apart_by_the_address_their_packets_come_from() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(1), &data(1));
    lone.hear(peer(2), &data(1));
    lone.hear_unicast(peer(1), &data(2));
    let seen: Vec<_> = came(&mut lone).into_iter().map(|message| (message.peer, message.seq)).collect();
    assert_eq!(seen, [(peer(1), 1), (peer(2), 1), (peer(1), 2)]);
    assert_eq!(new_senders(&mut lone), [(peer(1), EPOCH), (peer(2), EPOCH)]);
    assert_eq!(lone.node.peers().count(), 2);
}

// RMC-KIND-4, RMC-NACK-4
#[test]
fn seed_s02_what_is_for_all_goes_to_the_group_and_what_is_for_one_to_its_address() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.run_to(10 * MS);
    let heartbeat = Sent::Heartbeat { seq: 1, oldest: 1, interval: 20 * MS, end: false };
    assert_eq!(sent_to(&mut lone), [(group(), Sent::Data(1)), (group(), heartbeat)]);
    lone.node.set_heartbeat_times(lone.instant(), &[20 * MS], 0).expect("a table");
    lone.drain();
    assert_eq!(sent_to(&mut lone), [(group(), Sent::Times(vec![20 * MS]))]);
    lone.hear_all([2]);
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(vec![(1, 1)]))]);
}

/// With one socket for both there is no multicast path: what comes by unicast without PRIVATE belongs to the group's
/// stream.
#[test]
fn seed_s02_the_group_may_be_one_unicast_address() {
    let other = peer(7);
    let mut lone = Lone::new(|config| config.group = other);
    lone.send_all(1);
    assert_eq!(sent_to(&mut lone), [(other, Sent::Data(1))]);
    lone.hear_unicast(other, &data(1));
    assert_eq!(came(&mut lone), [Came { peer: other, stream: Stream::Group, path: Path::Unicast, seq: 1 }]);
}

fn one_of_each_kind() -> Vec<Vec<u8>> {
    vec![
        data(1),
        repair(1),
        heartbeat(3),
        times(3, 0, &[20 * MS]),
        lost(1, 3, 0),
        reset(3, 0),
        nack(1, &[(1, 1)]),
        ack(Flags::NONE, OWN, 0),
        confirm(1, 1, 1),
    ]
}

/// The packet with another epoch in its header.
fn of_epoch(epoch: u32, mut datagram: Vec<u8>) -> Vec<u8> {
    datagram[4..8].copy_from_slice(&epoch.to_be_bytes());
    datagram
}

// RMC-PEER-2
#[test]
fn seed_s03_the_own_address_with_the_own_epoch_is_ignored_whatever_it_brings() {
    for (index, datagram) in one_of_each_kind().into_iter().enumerate() {
        let mut lone = sender(1, |_| {});
        let before = lone.node.stats();
        lone.hear(own(), &of_epoch(OWN, datagram.clone()));
        lone.hear_unicast(own(), &of_epoch(OWN, datagram));
        let stats = lone.node.stats();
        assert_eq!(stats.dropped.own, 2, "packet {index}");
        assert_eq!((stats.held, stats.repair), (before.held, before.repair), "packet {index}");
        assert_eq!(lone.events, [], "packet {index}");
        assert_eq!(lone.sent(), [], "packet {index}");
        assert_eq!(lone.take(), [], "packet {index}");
    }
}

// RMC-PEER-3
#[test]
fn seed_s03_the_own_address_with_another_epoch_is_dropped_and_told_once() {
    for (index, datagram) in one_of_each_kind().into_iter().enumerate() {
        let mut lone = sender(1, |_| {});
        for epoch in [OWN - 1, OWN + 1, OWN + 1] {
            lone.hear(own(), &of_epoch(epoch, datagram.clone()));
        }
        let stats = lone.node.stats();
        assert_eq!((stats.dropped.address_in_use, stats.dropped.own), (3, 0), "packet {index}");
        assert_eq!(lone.told(Some), [Event::AddressInUse { address: own() }], "packet {index}");
        assert_eq!(lone.sent(), [], "packet {index}");
        assert_eq!((lone.take(), lone.node.peers().count()), (vec![], 0), "packet {index}");
    }
}

fn addresses(count: u8) -> Vec<SocketAddr> {
    (1..=count).map(|last| SocketAddr::from((Ipv4Addr::new(10, 9, 0, last), 5000))).collect()
}

// RMC-PEER-2
#[test]
fn seed_s03_sixteen_own_addresses_are_all_known() {
    let mut lone = Lone::new(|config| config.local_addrs = addresses(16));
    for (count, address) in (1..).zip(addresses(16)) {
        lone.hear(address, &of_epoch(OWN, data(1)));
        assert_eq!(lone.node.stats().dropped.own, count);
    }
    // The next one is somebody else.
    lone.hear(addresses(17)[16], &of_epoch(OWN, data(1)));
    assert_eq!((lone.node.stats().dropped.own, lone.node.peers().count()), (16, 1));
}

// RMC-LOCAL-6
#[test]
fn seed_s03_seventeen_own_addresses_are_refused() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.set_local_addr(&addresses(17)), Err(ConfigError::TooManyLocalAddresses(17)));
    // Nothing has changed.
    lone.hear(own(), &of_epoch(OWN, data(1)));
    assert_eq!(lone.node.stats().dropped.own, 1);
    assert_eq!(lone.node.set_local_addr(&addresses(16)), Ok(()));
}

// RMC-DATA-4
#[test]
fn seed_s04_every_message_says_by_which_path_it_came() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear_unicast(peer(0), &repair(2));
    lone.hear(peer(0), &repair(3));
    let paths: Vec<_> = came(&mut lone).into_iter().map(|message| (message.stream, message.path)).collect();
    assert_eq!(
        paths,
        [(Stream::Group, Path::Multicast), (Stream::Group, Path::Unicast), (Stream::Group, Path::Multicast)]
    );
}

// RMC-PRIV-1
#[test]
fn seed_s04_a_message_to_one_address_is_of_a_stream_of_its_own() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear(peer(0), &data(2));
    let of = |stream, path, seq| Came { peer: peer(0), stream, path, seq };
    assert_eq!(
        came(&mut lone),
        [
            of(Stream::Group, Path::Multicast, 1),
            of(Stream::Private, Path::Unicast, 1),
            of(Stream::Group, Path::Multicast, 2),
        ]
    );
}

// RMC-PEER-1
#[test]
fn seed_s05_the_first_packet_of_any_kind_makes_a_peer_and_is_told_once() {
    let mut all = one_of_each_kind();
    all.push(announcement());
    for (index, datagram) in all.iter().enumerate() {
        let mut lone = Lone::new(|_| {});
        lone.hear_unicast(peer(1), datagram);
        lone.hear_unicast(peer(1), datagram);
        lone.hear(peer(1), &data(1));
        assert_eq!(new_senders(&mut lone), [(peer(1), EPOCH)], "packet {index}");
        assert_eq!(lone.node.peers().count(), 1, "packet {index}");
    }
}

fn three_peers() -> Lone {
    let mut lone = Lone::new(|config| config.max_peers = 3);
    for index in 1..=3 {
        lone.hear(peer(index), &data(1));
    }
    lone
}

// RMC-PEER-4
#[test]
fn seed_s05_up_to_max_peers_every_sender_is_a_peer() {
    let mut lone = three_peers();
    assert_eq!(came(&mut lone).len(), 3);
    assert_eq!(new_senders(&mut lone).len(), 3);
    assert_eq!((lone.node.stats().held.peers, lone.node.stats().dropped.peers_full), (3, 0));
}

// RMC-PEER-4
#[test]
fn seed_s05_past_max_peers_data_is_dropped_and_counted() {
    let mut lone = three_peers();
    lone.take();
    lone.events.clear();
    lone.hear(peer(4), &data(1));
    assert_eq!((lone.take(), new_senders(&mut lone), lone.node.peer(peer(4))), (vec![], vec![], None));
    assert_eq!((lone.node.stats().held.peers, lone.node.stats().dropped.peers_full), (3, 1));
    // Those that are known are heard as before.
    lone.hear(peer(3), &data(2));
    assert_eq!(came(&mut lone).len(), 1);
}

// RMC-PEER-4
#[test]
fn seed_s05_past_max_peers_nacks_are_served_all_the_same() {
    let mut lone = three_peers();
    lone.send_all(2);
    lone.sent.clear();
    lone.hear_unicast(peer(4), &nack(9, &[(1, 2)]));
    assert_eq!(sent_to(&mut lone), [(peer(4), Sent::Repair(1)), (peer(4), Sent::Repair(2))]);
    assert_eq!(lone.node.stats().held.peers, 3);
}

// RMC-PEER-4, RMC-PEER-6
#[test]
fn seed_s05_a_peer_that_expires_makes_room() {
    let mut lone = three_peers();
    lone.run_to(31 * SECOND);
    assert_eq!(lone.node.stats().held.peers, 0);
    lone.hear(peer(4), &data(1));
    assert!(lone.node.peer(peer(4)).is_some());
}

fn debug_events(lone: &mut Lone) -> Vec<Event> {
    lone.told(|event| matches!(event, Event::ReceivedPacket { .. } | Event::SentPacket { .. }).then_some(event))
}

#[test]
fn seed_s06_every_packet_received_and_sent_is_told() {
    let mut lone = Lone::new(|_| {});
    for (index, datagram) in one_of_each_kind().iter().enumerate() {
        lone.events.clear();
        lone.hear_unicast(peer(1), datagram);
        let packet = rmc_core::packet::Packet::decode(datagram).expect("valid");
        let received =
            Event::ReceivedPacket { peer: peer(1), path: Path::Unicast, kind: packet.kind(), seq: packet.seq };
        assert_eq!(debug_events(&mut lone).first(), Some(&received), "packet {index}");
    }
    lone.sent.clear();
    lone.events.clear();
    lone.send_all(1);
    lone.run_for(10 * MS);
    lone.hear(peer(2), &data_with(Flags::NONE, 0, EPOCH, 2));
    let sent = |destination, kind, seq| Event::SentPacket { destination, kind, seq };
    let expected = [
        sent(group(), Kind::Data, 1),
        sent(group(), Kind::Heartbeat, 1),
        Event::ReceivedPacket { peer: peer(2), path: Path::Multicast, kind: Kind::Data, seq: 2 },
        sent(peer(2), Kind::Nack, 1),
    ];
    let told: Vec<_> = debug_events(&mut lone).into_iter().filter(|event| expected.contains(event)).collect();
    assert_eq!(told, expected);
}

/// With all events there are as many of them as packets; by default there is none.
#[test]
fn seed_s06_debug_events_are_off_unless_asked_for() {
    for (mask, wanted) in [(EventMask::ALL, true), (EventMask::DEFAULT, false), (EventMask::NONE, false)] {
        let mut lone = Lone::new(|config| config.events = mask);
        lone.send_all(3);
        lone.hear_all([1, 2, 5]);
        let told = debug_events(&mut lone).len();
        let stats = lone.node.stats();
        assert_eq!((stats.tx.packets, stats.rx.packets), (4, 3));
        assert_eq!(told, if wanted { 7 } else { 0 });
    }
}

/// What is no packet is not told, and makes nobody known.
// RMC-ENC-4
#[test]
fn seed_s06_what_does_not_decode_is_not_told() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(1), b"noise that is long enough to be a packet");
    assert_eq!((lone.events.len(), lone.node.peers().count()), (0, 0));
}

#[test]
fn seed_s05_new_sender_comes_before_all_else_that_its_packet_causes() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(1), &lost(1, 3, 0));
    let told = lone.told(|event| match event {
        Event::NewSender { .. } => Some(None),
        Event::GotLost { range, .. } => Some(Some(range)),
        _ => None,
    });
    assert_eq!(told, [None, SeqRange::new(1, 3)]);
}
