//! Rules about the encoding that only a node can show: what it sends, and what it makes of what it reads.

use rmc_core::Config;
use rmc_core::packet::{Body, Extension, Flags, Packet};

use crate::given::{decoded, private_data, private_heartbeat, send_private};
use crate::lone::{EPOCH, Lone, MS, SECOND, message, peer};
use crate::packets::{data, heartbeat_with, nack, payload};

/// A node that sends every kind that this version sends: Data, Heartbeat, HeartbeatTimes, Nack, Lost, Reset, Ack.
fn busy(change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = Lone::new(|config| {
        config.announce = true;
        config.max_message = 100_000;
        change(config);
    });
    lone.node.send(lone.instant(), &[1; 100_000]).expect("there is room");
    lone.settle();
    let next = lone.node.next_seq() + 2;
    lone.node.send_at(lone.instant(), next, &payload(next)).expect("there is room");
    send_private(&mut lone, 1);
    lone.node.set_heartbeat_times(lone.instant(), &[20 * MS; 10], 0).expect("a table");
    lone.hear_unicast(peer(2), &nack(1, &[(1, 5), (next - 1, next)]));
    lone.hear_all((1..=60).map(|index| 2 * index));
    lone.now += SECOND;
    lone.tick();
    lone.hear_unicast(peer(3), &private_data(1));
    lone.hear_unicast(peer(3), &private_heartbeat(1, 1));
    lone.settle();
    lone.node.reset(lone.instant()).expect("it may");
    lone.node.finish(lone.instant(), SECOND);
    lone.run_for(3 * SECOND);
    lone
}

/// How many of each kind were sent.
fn kinds(lone: &Lone) -> std::collections::BTreeMap<&'static str, usize> {
    let mut kinds = std::collections::BTreeMap::new();
    for sent in &lone.sent {
        *kinds.entry(decoded(sent).kind().name()).or_default() += 1;
    }
    kinds
}

// RMC-ENC-6
#[test]
fn rmc_enc_6_no_datagram_is_longer_than_the_path_carries() {
    let ipv6 = std::net::SocketAddr::from((std::net::Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x77), 8_000));
    assert_eq!(Config::new(crate::lone::group(), 1, 1).max_datagram, 1_472);
    assert_eq!(Config::new(ipv6, 1, 1).max_datagram, 1_452);
    for max_datagram in [64, 576, 1_452, 1_472] {
        let lone = busy(|config| config.max_datagram = max_datagram);
        assert_eq!(kinds(&lone).len(), 7, "every kind was sent: {:?}", kinds(&lone));
        let longest = lone.sent.iter().map(|sent| sent.bytes.len()).max();
        assert_eq!(longest, Some(max_datagram), "fragments fill it, and nothing is longer");
    }
}

// RMC-EXT-3, RMC-KIND-1
#[test]
fn rmc_ext_3_version_1_sends_no_extension_and_no_parity() {
    let lone = busy(|_| {});
    assert!(lone.sent.iter().all(|sent| decoded(sent).extension.is_none()));
    let expected = ["ack", "data", "heartbeat", "heartbeat_times", "lost", "nack", "reset"];
    assert!(kinds(&lone).keys().eq(&expected), "{:?}", kinds(&lone));
}

/// The packet with an extension block of a type that is not known.
fn with_extension(datagram: &[u8], block: &[u8]) -> Vec<u8> {
    let packet = Packet::decode(datagram).expect("legal");
    let packet = Packet { extension: Some(Extension::new(block).expect("legal")), ..packet };
    let mut bytes = vec![0; packet.encoded_len()];
    packet.encode(&mut bytes).expect("legal");
    bytes
}

// RMC-EXT-2
#[test]
fn rmc_ext_2_a_packet_counts_as_if_the_extension_were_not_there() {
    let plain = [data(1), data(4), heartbeat_with(Flags::NONE, 5, 3, 500 * MS), nack(9, &[(1, 1)])];
    let run = |extend: bool| {
        let mut lone = Lone::new(|_| {});
        lone.send_all(1);
        for datagram in &plain {
            let datagram =
                if extend { with_extension(datagram, &[5, 2, 0xaa, 0xbb, 127, 0]) } else { datagram.clone() };
            lone.hear_unicast(peer(0), &datagram);
        }
        let sent: Vec<_> = lone.sent.iter().map(|sent| (sent.to, sent.bytes.clone())).collect();
        (lone.take(), sent, lone.events.clone())
    };
    let (items, sent, events) = run(true);
    assert!(items.contains(&message(1)));
    assert_eq!((items, sent, events), run(false));
}

// RMC-EXT-3, RMC-ENC-4
#[test]
fn rmc_ext_3_an_extension_that_must_be_understood_drops_the_datagram() {
    let mut lone = Lone::new(|_| {});
    let mut datagram = with_extension(&data(1), &[127, 0]);
    // The record's type: behind the header and the block's length.
    datagram[18] = 128;
    lone.hear(peer(0), &datagram);
    assert_eq!((lone.take(), lone.node.peers().count()), (vec![], 0));
    assert_eq!(lone.node.stats().dropped.malformed.iter().sum::<u64>(), 1);
    datagram[18] = 127;
    lone.hear(peer(0), &datagram);
    assert_eq!(lone.take(), [message(1)]);
}

/// Every packet has the node's own epoch; what it asks has that of whom it asks.
// RMC-KIND-4
#[test]
fn rmc_kind_4_the_header_has_the_epoch_of_the_node_that_built_the_packet() {
    let lone = busy(|_| {});
    let mut requests = 0;
    for sent in &lone.sent {
        let packet = decoded(sent);
        assert_eq!(packet.epoch, crate::lone::OWN);
        if let Body::Nack { target_epoch, .. } | Body::Ack { target_epoch, .. } = packet.body {
            requests += 1;
            assert_eq!(target_epoch, EPOCH);
        }
    }
    assert!(requests > 2);
}
