//! Faults of the seed in who is who: F20, F25, F26.

use std::net::{Ipv4Addr, SocketAddr};

use rmc_core::packet::Flags;
use rmc_core::{Event, Path};

use crate::lone::{EPOCH, Lone, MS, NS, OWN, SECOND, Sent, message, own, peer};
use crate::packets::{ack, data, data_with, nack, payload, times};

/// A node that has sent five messages and gives peers up after a second.
fn impatient() -> Lone {
    let mut lone = Lone::new(|config| config.peer_timeout = SECOND);
    lone.send_all(5);
    lone.sent.clear();
    lone.events.clear();
    lone
}

// RMC-PEER-1, RMC-PEER-8
#[test]
fn seed_fault_f20_who_only_asks_is_a_peer_up_to_the_timeout() {
    let mut lone = impatient();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert!(lone.node.peer(peer(1)).is_some_and(|peer| peer.group.is_none()), "a peer without a stream");
    lone.run_to(SECOND - NS);
    assert!(lone.node.peer(peer(1)).is_some());
}

// RMC-PEER-6, RMC-PEER-8
#[test]
fn seed_fault_f20_who_only_asks_is_gone_after_the_timeout() {
    let mut lone = impatient();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.run_to(SECOND);
    assert_eq!(lone.node.peer(peer(1)), None);
    assert_eq!((lone.node.peers().count(), lone.node.stats().held.peers), (0, 0));
    assert_eq!(lone.take(), [], "it had no stream that could end");
    let expired = lone.told(|event| if let Event::PeerExpired { peer } = event { Some(peer) } else { None });
    assert_eq!(expired, [peer(1)]);
}

// RMC-PEER-5
#[test]
fn seed_fault_f20_whoever_asks_again_stays() {
    let mut lone = impatient();
    for round in 0..10 {
        lone.run_to(900 * MS * round);
        lone.hear_unicast(peer(1), &nack(round, &[(1, 1)]));
    }
    lone.run_for(900 * MS);
    assert!(lone.node.peer(peer(1)).is_some());
}

// RMC-PEER-8
#[test]
fn seed_fault_f20_a_peer_that_never_sent_data_misses_no_heartbeat() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(5);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.hear_unicast(peer(2), &ack(Flags::PRIVATE, OWN, 0));
    lone.run_to(29 * SECOND);
    let missing = lone.told(|event| matches!(event, Event::MissingHeartbeat { .. }).then_some(event));
    assert_eq!(missing, []);
}

/// Its heartbeat table carries an index even where nothing is promised.
// RMC-PEER-8, RMC-HB-1
#[test]
fn seed_fault_f20_who_told_its_table_before_any_data_misses_no_heartbeat() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &times(0, 0, &[10 * MS]));
    assert_eq!(lone.stream().known, 0, "it has a stream");
    lone.run_to(29 * SECOND);
    let missing = lone.told(|event| matches!(event, Event::MissingHeartbeat { .. }).then_some(event));
    assert_eq!(missing, []);
}

// RMC-PEER-4
#[test]
fn seed_fault_f20_peers_are_bounded_and_past_that_nacks_are_served_all_the_same() {
    let mut lone = Lone::new(|config| config.max_peers = 3);
    lone.send_all(1);
    for index in 1..=100 {
        lone.sent.clear();
        lone.hear_unicast(peer(index), &nack(1, &[(1, 1)]));
        let answers: Vec<_> = lone.sent.iter().map(|sent| (sent.to, sent.what.clone())).collect();
        assert_eq!(answers, [(peer(index), Sent::Repair(1))]);
        assert_eq!(lone.node.stats().held.peers, 3.min(usize::from(index)));
    }
}

/// The core's part of it: the node's address changes, and what was queued, owed and kept stays. The sockets are the
/// driver's.
#[test]
fn seed_fault_f25_a_new_address_loses_nothing_queued() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    lone.sent.clear();
    for seq in 3..=5 {
        lone.node.send(lone.instant(), &payload(seq)).expect("there is room");
    }
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 2)]));
    lone.feed(peer(0), Path::Multicast, &data(1));
    lone.feed(peer(0), Path::Multicast, &data(3));
    lone.node.set_local_addr(&[peer(9)]).expect("one address");
    lone.settle();
    let mut sent = lone.sent();
    sent.sort_by_key(|sent| format!("{sent:?}"));
    let expected =
        [3, 4, 5].map(Sent::Data).into_iter().chain([Sent::Nack(vec![(2, 2)])]).chain([1, 2].map(Sent::Repair));
    assert_eq!(sent, expected.collect::<Vec<_>>());
    assert_eq!(lone.node.stats().held.backlog_packets, 5);
    assert_eq!(lone.take(), [message(1)]);
}

#[test]
fn seed_fault_f25_it_receives_under_the_new_address_and_knows_itself_by_it() {
    let mut lone = Lone::new(|_| {});
    let renumbered = peer(9);
    lone.node.set_local_addr(&[renumbered]).expect("one address");
    lone.hear(renumbered, &data_with(Flags::NONE, 0, OWN, 1));
    assert_eq!((lone.node.stats().dropped.own, lone.node.peers().count()), (1, 0));
    lone.hear_all([1]);
    assert_eq!(lone.take(), [message(1)]);
    // The old address may be somebody else's now.
    lone.hear(own(), &data_with(Flags::NONE, 0, EPOCH, 1));
    assert_eq!(lone.take(), [message(1)]);
}

/// A node bound to 0.0.0.0 sends from any of its host's addresses.
// RMC-PEER-2
#[test]
fn seed_fault_f26_a_node_with_several_addresses_is_no_peer_of_its_own() {
    let addresses = [[127, 0, 0, 1], [10, 0, 0, 1], [192, 168, 1, 5]];
    let addresses = addresses.map(|octets| SocketAddr::from((Ipv4Addr::from(octets), 5000)));
    let mut lone = Lone::new(|config| config.local_addrs = addresses.to_vec());
    lone.send_all(1);
    let own_packet = lone.sent.remove(0).bytes;
    for (count, address) in (1..).zip(addresses) {
        lone.hear(address, &own_packet);
        assert_eq!(lone.node.stats().dropped.own, count);
    }
    assert_eq!((lone.node.peers().count(), lone.take()), (0, vec![]));
    assert!(
        lone.events.iter().all(|(_, event)| !matches!(event, Event::NewSender { .. } | Event::AddressInUse { .. }))
    );
}

/// Two hosts with the same port and the same epoch are two nodes: the address tells them apart.
// RMC-PEER-1, RMC-PEER-2
#[test]
fn seed_fault_f26_another_host_with_the_same_port_and_epoch_is_heard() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(own().port(), peer(0).port());
    lone.hear(peer(0), &data_with(Flags::NONE, 0, OWN, 1));
    assert_eq!(lone.take(), [message(1)]);
    assert_eq!(lone.node.peers().count(), 1);
}

/// The same host with another port is another node too.
// RMC-PEER-1
#[test]
fn seed_fault_f26_another_port_of_the_same_host_is_heard() {
    let mut lone = Lone::new(|_| {});
    let mut neighbour = own();
    neighbour.set_port(own().port() + 1);
    lone.hear(neighbour, &data_with(Flags::NONE, 0, OWN, 1));
    assert_eq!(lone.take(), [message(1)]);
}

/// The own address with another epoch: a stranger that uses it. Dropped, counted, told once.
// RMC-PEER-3
#[test]
fn seed_fault_f26_a_stranger_under_the_own_address_is_told_once() {
    let mut lone = Lone::new(|_| {});
    for seq in 1..=3 {
        lone.hear(own(), &data_with(Flags::NONE, 0, OWN + 1, seq));
    }
    let stats = lone.node.stats();
    assert_eq!((stats.dropped.address_in_use, stats.dropped.own, stats.held.peers), (3, 0, 0));
    let told = lone.told(|event| if let Event::AddressInUse { address } = event { Some(address) } else { None });
    assert_eq!(told, [own()]);
    assert_eq!(lone.take(), []);
}
