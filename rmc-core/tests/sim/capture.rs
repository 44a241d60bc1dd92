//! The capture file, read back byte by byte.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use rmc_core::packet::Packet;
use rmc_core::sim::{Capture, Discard, GROUP, Link, Loss, NodeId, Sim, What};

use super::world::{MS, SECOND, US};

/// One packet of a capture file.
#[derive(Debug, PartialEq, Eq)]
struct Captured {
    nanos: u64,
    source: SocketAddr,
    destination: SocketAddr,
    payload: Vec<u8>,
}

fn le32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("4 bytes"))
}

fn be16(bytes: &[u8]) -> u16 {
    u16::from_be_bytes(bytes[..2].try_into().expect("2 bytes"))
}

/// The sum in ones' complement (RFC 1071): all ones over anything with a correct checksum in it.
fn sum(parts: &[&[u8]]) -> u16 {
    let mut sum: u32 = 0;
    for part in parts {
        assert!(part.len() % 2 == 0 || std::ptr::eq(*part, *parts.last().expect("parts")), "only the last may be odd");
        for pair in part.chunks(2) {
            sum += u32::from(be16(&[pair[0], pair.get(1).copied().unwrap_or(0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    u16::try_from(sum).expect("it is folded")
}

/// Reads a whole file, and checks everything that a reader may check.
fn read(file: &[u8]) -> Vec<Captured> {
    let (header, mut rest) = file.split_at(24);
    assert_eq!(le32(header), 0xa1b2_3c4d, "times in nanoseconds, little-endian");
    assert_eq!((header[4..6].to_vec(), header[6..8].to_vec()), (vec![2, 0], vec![4, 0]), "version 2.4");
    assert_eq!((le32(&header[8..]), le32(&header[12..])), (0, 0), "time zone and accuracy");
    assert!(le32(&header[16..]) >= 65_575, "the snapshot length");
    assert_eq!(le32(&header[20..]), 101, "raw IP");
    let mut all = Vec::new();
    while !rest.is_empty() {
        let (head, body) = rest.split_at(16);
        let (seconds, nanos, kept, len) = (le32(head), le32(&head[4..]), le32(&head[8..]), le32(&head[12..]));
        assert!(nanos < 1_000_000_000);
        assert_eq!(kept, len, "nothing is cut off");
        let (packet, others) = body.split_at(kept as usize);
        let (source, destination, payload) = datagram(packet);
        all.push(Captured {
            nanos: u64::from(seconds) * 1_000_000_000 + u64::from(nanos),
            source,
            destination,
            payload,
        });
        rest = others;
    }
    all
}

/// Source, destination and payload of an IP packet.
fn datagram(packet: &[u8]) -> (SocketAddr, SocketAddr, Vec<u8>) {
    let (source, destination, udp): (IpAddr, IpAddr, &[u8]) = match packet[0] >> 4 {
        4 => {
            let (header, udp) = packet.split_at(20);
            assert_eq!(header[0], 0x45, "no options");
            assert_eq!(usize::from(be16(&header[2..])), packet.len(), "total length");
            assert_eq!(be16(&header[6..]) & 0x3fff, 0, "no fragment");
            assert_eq!((header[8], header[9]), (1, 17), "time to live, UDP");
            assert_eq!(sum(&[header]), 0xffff, "the header's checksum");
            let address = |at: usize| Ipv4Addr::from(<[u8; 4]>::try_from(&header[at..at + 4]).expect("4 bytes"));
            let pseudo = [0, 17, udp[4], udp[5]];
            assert_eq!(sum(&[&header[12..20], &pseudo, udp]), 0xffff, "the UDP checksum");
            (address(12).into(), address(16).into(), udp)
        }
        6 => {
            let (header, udp) = packet.split_at(40);
            assert_eq!(header[..4], [0x60, 0, 0, 0], "no traffic class, no flow label");
            assert_eq!(usize::from(be16(&header[4..])), udp.len(), "payload length");
            assert_eq!((header[6], header[7]), (17, 1), "UDP, hop limit");
            let address = |at: usize| Ipv6Addr::from(<[u8; 16]>::try_from(&header[at..at + 16]).expect("16 bytes"));
            let pseudo = [0, 0, udp[4], udp[5], 0, 0, 0, 17];
            assert_eq!(sum(&[&header[8..40], &pseudo, udp]), 0xffff, "the UDP checksum");
            (address(8).into(), address(24).into(), udp)
        }
        other => panic!("IP version {other}"),
    };
    assert_eq!(usize::from(be16(&udp[4..])), udp.len(), "the UDP length");
    assert_ne!(be16(&udp[6..]), 0, "0 would mean no checksum");
    let port = |at: usize| be16(&udp[at..]);
    (SocketAddr::new(source, port(0)), SocketAddr::new(destination, port(2)), udp[8..].to_vec())
}

/// What the trace says that a capture must show.
fn expected(sim: &Sim, capture: Capture) -> Vec<Captured> {
    let shows = |what: &What| match (*what, capture) {
        (What::Sent { packet, .. }, Capture::Sent) => Some(packet),
        (What::Sent { from, packet }, Capture::At(node)) if from == Some(node) => Some(packet),
        (What::Arrived { to, packet }, Capture::At(node)) if to == node => Some(packet),
        _ => None,
    };
    let records = sim.trace().records().iter();
    let shown = records.filter_map(|record| Some((record.at, sim.trace().packet(shows(&record.what)?)?)));
    shown
        .map(|(at, packet)| Captured {
            nanos: at.as_nanos(),
            source: packet.source,
            destination: packet.destination,
            payload: packet.bytes.to_vec(),
        })
        .collect()
}

fn busy_group() -> (Sim, Vec<NodeId>) {
    let mut sim = Sim::new(4);
    sim.record(100_000);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(700 * US).with_loss(Loss::percent(10)));
    let nodes: Vec<_> = (0..3).map(|_| sim.add(|_| {}).expect("a valid configuration")).collect();
    for node in &nodes {
        sim.run_application(*node, Discard);
    }
    for index in 0..50_usize {
        sim.send(nodes[0], &vec![0xa5; index * 31]).expect("there is room");
        sim.send_to(nodes[1], nodes[2], &[7; 33][..index % 34]).expect("there is room");
        sim.run_for(40 * MS);
    }
    (sim, nodes)
}

#[test]
fn a_capture_of_all_that_is_sent_has_each_datagram_once() {
    let (sim, _) = busy_group();
    let captured = read(&sim.trace().pcap(Capture::Sent));
    assert!(captured.len() > 200, "{}", captured.len());
    assert_eq!(captured, expected(&sim, Capture::Sent));
    assert!(captured.iter().all(|packet| Packet::decode(&packet.payload).is_ok()));
    assert!(captured.iter().any(|packet| packet.destination == GROUP));
    assert!(captured.last().is_some_and(|packet| packet.nanos > 1_900_000_000), "seconds are used");
}

#[test]
fn a_capture_at_a_node_has_what_it_sends_and_gets() {
    let (sim, nodes) = busy_group();
    for node in nodes {
        let captured = read(&sim.trace().pcap(Capture::At(node)));
        assert_eq!(captured, expected(&sim, Capture::At(node)), "{node}");
        let own = sim.address(node).expect("it is there");
        assert!(captured.iter().all(|packet| packet.source == own || [own, GROUP].contains(&packet.destination)));
        assert!(captured.iter().any(|packet| packet.source == own), "{node}");
        assert!(captured.iter().any(|packet| packet.source != own), "{node}");
        assert!(captured.is_sorted_by_key(|packet| packet.nanos));
    }
}

#[test]
fn ipv6_has_its_own_headers() {
    let mut sim = Sim::new(1);
    sim.record(100);
    let group: SocketAddr = "[ff02::77]:8000".parse().expect("an address");
    let [one, other] = ["[fd00::1]:5000", "[fd00::2]:5001"].map(|address| {
        sim.add_at(address.parse().expect("an address"), |config| (config.group, config.max_datagram) = (group, 1_452))
            .expect("a valid configuration")
    });
    sim.send(one, b"odd").expect("there is room");
    sim.send(one, b"even").expect("there is room");
    sim.send_to(other, one, &[0xff; 1_400]).expect("there is room");
    sim.run_for(SECOND);
    let captured = read(&sim.trace().pcap(Capture::Sent));
    assert_eq!(captured, expected(&sim, Capture::Sent));
    assert!(captured.iter().all(|packet| packet.source.is_ipv6() && packet.destination.is_ipv6()));
}

#[test]
fn families_that_do_not_match_are_written_as_ipv6() {
    let mut sim = Sim::new(1);
    sim.record(100);
    let [v4, v6]: [SocketAddr; 2] = ["192.0.2.1:4000", "[fd00::1]:5000"].map(|text| text.parse().expect("an address"));
    sim.inject(v4, v6, b"mixed");
    let [captured] = &read(&sim.trace().pcap(Capture::Sent))[..] else { panic!("one packet") };
    assert_eq!(captured.source.to_string(), "[::ffff:192.0.2.1]:4000");
    assert_eq!(captured.destination, v6);
}

/// Every payload has some checksum; one in 65,536 of them would be 0, which means that there is none.
#[test]
fn a_checksum_that_would_be_0_is_written_as_all_ones() {
    let mut sim = Sim::new(1);
    sim.record(1 << 17);
    let [from, to]: [SocketAddr; 2] = ["10.0.0.1:1", "10.0.0.2:2"].map(|text| text.parse().expect("an address"));
    for word in 0..=u16::MAX {
        sim.inject(from, to, &word.to_be_bytes());
    }
    let file = sim.trace().pcap(Capture::Sent);
    let captured = read(&file);
    assert_eq!(captured.len(), 1 << 16);
    // `read` has checked that none is 0. Both words whose sum is all ones or 0 have this one.
    let all_ones = file[24..].chunks(16 + 30).filter(|record| record[16 + 26..16 + 28] == [0xff; 2]).count();
    assert_eq!(all_ones, 1);
}

#[test]
fn the_longest_and_the_shortest_datagram_fit() {
    let mut sim = Sim::new(1);
    sim.record(100);
    let [from, to]: [SocketAddr; 2] = ["10.0.0.1:1", "10.0.0.2:2"].map(|text| text.parse().expect("an address"));
    for len in [0, 1, 65_507] {
        sim.inject(from, to, &vec![0xff; len]);
    }
    let lengths: Vec<_> = read(&sim.trace().pcap(Capture::Sent)).iter().map(|packet| packet.payload.len()).collect();
    assert_eq!(lengths, [0, 1, 65_507]);
}

#[test]
fn a_capture_of_nothing_is_a_header() {
    let sim = Sim::new(1);
    assert_eq!(read(&sim.trace().pcap(Capture::Sent)), []);
}
