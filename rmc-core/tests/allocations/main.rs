//! What a packet costs in allocations: nothing in the steady state, on either side; and a gap of a million numbers what
//! a gap of one costs. The dependency `allocation-counter` replaces the allocator of this test binary and counts by
//! thread.

mod left_behind;
mod node;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use allocation_counter::{AllocationInfo, measure};
use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::{Action, Delivery, FlowControl, Path, RepairMode, SeqRange};

use node::{ACK, Node};

const EPOCH: u32 = 3;
const PAYLOAD: [u8; 100] = [7; 100];
/// Between two packets.
const STEP: Duration = Duration::from_micros(100);
const WARM_UP: u64 = 30_000;
const MEASURED: u64 = 10_000;

#[test]
fn the_counter_counts() {
    let cost = measure(|| drop(std::hint::black_box(vec![0_u8; 100])));
    assert_eq!((cost.count_total, cost.bytes_total), (1, 100), "{cost:?}");
}

/// The cost is a promise of its own: no allocation per packet in the steady state.
#[test]
fn sending_allocates_nothing_per_packet() {
    let mut node = Node::new(|_| {});
    let mut send = |packets: u64| {
        for _ in 0..packets {
            node.protocol.send(node.now, &PAYLOAD).expect("the queue is drained after every message");
            node.step(|_| {});
        }
    };
    send(WARM_UP);
    let cost = measure(|| send(MEASURED));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    assert_eq!(node.protocol.stats().tx.data, WARM_UP + MEASURED);
}

/// A driver that takes the bytes of several datagrams over gets along with two buffers for all of them. A node whose
/// application takes whole packets recycles them as any does.
#[test]
fn segments_and_whole_packets_allocate_nothing_per_packet() {
    let mut sender = Node::new(|config| {
        config.max_segments = 16;
        config.max_burst = 64;
        config.packing = false;
    });
    let mut receiver = Node::new(|_| {});
    let mut buffer = Vec::new();
    let (mut segments, mut taken) = (0, 0);
    let mut pass = |count: usize| {
        for _ in 0..count / 32 {
            for _ in 0..32 {
                sender.protocol.send(sender.now, &PAYLOAD).expect("there is room");
            }
            loop {
                let (size, contents) = match sender.protocol.poll_action() {
                    Action::Transmit(transmit) => (transmit.segment_size, transmit.contents.first().copied()),
                    Action::Event(_) => continue,
                    Action::ArmTimer(_) => break,
                };
                assert_eq!(contents, Some(0x52));
                let Some(size) = size else { continue };
                assert!(sender.protocol.swap_segments(&mut buffer));
                for datagram in buffer.chunks(size) {
                    segments += 1;
                    let from = SocketAddr::from((Ipv4Addr::new(10, 0, 0, 9), 5000));
                    receiver.protocol.handle_datagram(receiver.now, from, Path::Multicast, datagram);
                }
            }
            while let Some(mut item) = receiver.protocol.take() {
                while item.next().is_some() {
                    taken += 1;
                }
                receiver.protocol.give_back(item);
            }
            sender.step(|_| {});
            receiver.step(|_| {});
        }
    };
    pass(20_000);
    let cost = measure(|| pass(3_200));
    assert_eq!((cost.count_total, segments), (0, 23_200), "{cost:?}");
    assert!(taken >= 23_000, "{taken} were taken");
}

#[test]
fn sending_fragments_allocates_nothing_per_packet() {
    let mut node = Node::new(|config| (config.max_datagram, config.max_message) = (116, 1_000));
    let message = [7; 950];
    let mut send = |messages: u64| {
        for _ in 0..messages {
            node.protocol.send(node.now, &message).expect("the queue is drained after every message");
            node.step(|_| {});
        }
    };
    send(3_000);
    let cost = measure(|| send(1_000));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    assert_eq!(node.protocol.stats().tx.data, 40_000);
}

#[test]
fn receiving_in_order_allocates_nothing_per_packet() {
    let mut node = Node::new(|_| {});
    let mut next = 1;
    let mut receive = |packets: u64| {
        for _ in 0..packets {
            node.data(next, Flags::NONE);
            next += 1;
            node.step(|_| {});
            node.take();
        }
    };
    receive(WARM_UP);
    let cost = measure(|| receive(MEASURED));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    assert_eq!(node.taken, WARM_UP + MEASURED);
}

/// Every message of ten fragments is reassembled in a buffer that serves the next one too.
#[test]
fn reassembling_allocates_nothing_per_packet() {
    let mut node = Node::new(|_| {});
    let mut next = 1;
    let mut receive = |packets: u64| {
        for _ in 0..packets {
            let flags = match next % 10 {
                1 => Flags::FIRST,
                0 => Flags::LAST,
                _ => Flags::NONE,
            };
            node.packet(next, flags);
            next += 1;
            node.step(|_| {});
            node.take();
        }
    };
    receive(WARM_UP);
    let cost = measure(|| receive(MEASURED));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    assert_eq!(node.taken, (WARM_UP + MEASURED) / 10);
}

/// Every hundredth packet is lost, asked for, and repaired while others come: which wait for it, or do not.
#[test]
fn receiving_with_repairs_allocates_nothing_per_packet() {
    for delivery in [Delivery::Ordered, Delivery::Deadline(Duration::from_secs(1)), Delivery::Unordered] {
        receiving_with_repairs(delivery);
    }
}

fn receiving_with_repairs(delivery: Delivery) {
    let mut node = Node::new(|config| config.delivery = delivery);
    let (mut next, mut owed, mut asked) = (1, None, 0);
    let mut receive = |packets: u64| {
        for _ in 0..packets {
            if next % 100 == 50 {
                next += 1;
            }
            node.data(next, Flags::NONE);
            next += 1;
            node.step(|datagram| {
                let packet = Packet::decode(datagram).expect("the node sends legal packets");
                if let Body::Nack { ranges, .. } = packet.body {
                    let range = ranges.iter(packet.seq).next().expect("a NACK has a range");
                    owed = Some(range.first());
                    asked += range.len();
                }
            });
            // The round trip takes 30 packets.
            if next % 100 == 80
                && let Some(seq) = owed.take()
            {
                node.data(seq, Flags::RESENT);
                node.step(|_| {});
            }
            node.take();
        }
    };
    receive(WARM_UP);
    let cost = measure(|| receive(MEASURED));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    let stats = node.protocol.stats();
    assert!(asked >= 400, "{asked} numbers asked for");
    assert_eq!((stats.repair.repaired, stats.rx.lost), ((WARM_UP + MEASURED) / 99, 0), "{stats:?}");
}

#[test]
fn serving_nacks_allocates_nothing_per_packet() {
    for (repair_mode, verify_askers) in
        [(RepairMode::Unicast, false), (RepairMode::Multicast, false), (RepairMode::Adaptive, true)]
    {
        let mut node = Node::new(|config| (config.repair_mode, config.verify_askers) = (repair_mode, verify_askers));
        for _ in 0..10_000 {
            node.protocol.send(node.now, &PAYLOAD).expect("the queue is drained after every message");
            node.step(|_| {});
        }
        // Data flows no more, so that one asker may have everything.
        (0..200).for_each(|_| node.step(|_| {}));
        let (mut stamp, mut repairs) = (0, 0_u64);
        let mut serve = |nacks: u32| {
            for _ in 0..nacks {
                stamp += 1;
                let first = 5_000 + u64::from(stamp % 1_000);
                node.nack(stamp, &[(first, first), (first + 7, first + 9)]);
                node.step(|datagram| {
                    let packet = Packet::decode(datagram).expect("the node sends legal packets");
                    repairs += u64::from(packet.flags.contains(Flags::RESENT));
                });
            }
        };
        serve(5_000);
        let cost = measure(|| serve(2_500));
        assert_eq!(cost.count_total, 0, "{repair_mode:?} {cost:?}");
        // What was repaired just before is not repaired again, unless each asker is answered alone.
        let expected = if repair_mode == RepairMode::Unicast { 7_500 * 4 } else { 7_500 };
        assert!((expected..=expected + 7_500).contains(&repairs), "{repair_mode:?}: {repairs}");
    }
}

/// What a gap costs does not depend on its length: from seeing it, over asking for it, to giving it up.
// RMC-GAP-3
#[test]
fn a_gap_of_a_million_numbers_costs_what_a_gap_of_one_costs() {
    let (one, million) = (cost_of_gap(1), cost_of_gap(1_000_000));
    assert_eq!(million.count_total, one.count_total, "{million:?} {one:?}");
    assert_eq!(million.bytes_total, one.bytes_total, "{million:?} {one:?}");
}

fn cost_of_gap(len: u64) -> AllocationInfo {
    let mut node = Node::new(|config| {
        config.receive_window_packets = 1 << 21;
        config.receive_total_packets = 1 << 21;
    });
    node.data(1, Flags::NONE);
    node.step(|_| {});
    let mut asked = 0;
    let cost = measure(|| {
        node.data(len + 2, Flags::NONE);
        for _ in 0..100 {
            node.step(|datagram| {
                let packet = Packet::decode(datagram).expect("the node sends legal packets");
                if let Body::Nack { ranges, .. } = packet.body {
                    asked = ranges.iter(packet.seq).map(SeqRange::len).sum();
                }
            });
        }
        node.lost(2, len + 2);
        node.step(|_| {});
        while node.protocol.recv().is_some() {}
    });
    assert_eq!(asked, len, "the whole gap is asked for");
    assert_eq!(node.protocol.stats().rx.lost, len);
    cost
}

/// A hole of a million numbers costs the sender what a hole of one costs (F10), and so does a NACK for it.
#[test]
fn a_hole_of_a_million_numbers_costs_what_a_hole_of_one_costs() {
    let (one, million) = (cost_of_hole(1), cost_of_hole(1_000_000));
    assert_eq!(million.count_total, one.count_total, "{million:?} {one:?}");
    assert_eq!(million.bytes_total, one.bytes_total, "{million:?} {one:?}");
}

fn cost_of_hole(len: u64) -> AllocationInfo {
    let mut node = Node::new(|_| {});
    node.protocol.send(node.now, &PAYLOAD).expect("the queue is empty");
    node.step(|_| {});
    let mut told = 0;
    let cost = measure(|| {
        node.protocol.send_at(node.now, len + 2, &PAYLOAD).expect("the queue is empty");
        node.step(|_| {});
        node.nack(1, &[(2, len + 1)]);
        node.step(|datagram| {
            let packet = Packet::decode(datagram).expect("the node sends legal packets");
            told += u64::from(matches!(packet.body, Body::Lost { .. }));
        });
    });
    assert_eq!(told, 1, "one answer for the whole hole");
    cost
}

/// Whoever only asks or acknowledges costs at most 256 bytes, its places in every table included (rule S05).
// RMC-PEER-4
#[test]
fn a_peer_without_a_stream_costs_at_most_256_bytes() {
    let mut node = Node::new(|_| {});
    node.handle(Path::Unicast, Flags::NONE, 0, ACK);
    let before = node.protocol.stats().held.peers;
    // The tables are fullest, and so cheapest for each, just before they grow; here they have just grown.
    let cost = measure(|| {
        for peer in 0..15_000 {
            let [high, low] = u16::to_be_bytes(peer);
            let peer = SocketAddr::from((Ipv4Addr::new(10, 1, high, low), 5000));
            node.handle_from(peer, Path::Unicast, Flags::NONE, 0, ACK);
            node.step(|_| {});
        }
    });
    assert_eq!(node.protocol.stats().held.peers - before, 15_000);
    assert!(cost.bytes_current <= 15_000 * 256, "{} bytes for each", cost.bytes_current / 15_000);
}

/// Whoever acknowledges what this node sends costs 128 bytes more.
// RMC-PEER-4
#[test]
fn a_receiver_that_acknowledges_costs_at_most_384_bytes() {
    let mut node = Node::new(|config| config.flow_control = FlowControl::default());
    node.protocol.send(node.now, &PAYLOAD).expect("the queue is empty");
    node.step(|_| {});
    let ack = Body::Ack { target_epoch: EPOCH, window: 100, rtt: 0 };
    node.handle(Path::Unicast, Flags::NONE, 1, ack);
    let cost = measure(|| {
        for peer in 0..15_000 {
            let [high, low] = u16::to_be_bytes(peer);
            let peer = SocketAddr::from((Ipv4Addr::new(10, 1, high, low), 5000));
            node.handle_from(peer, Path::Unicast, Flags::NONE, 1, ack);
            node.step(|_| {});
        }
    });
    assert_eq!(node.protocol.stats().held.peers, 15_001);
    assert!(cost.bytes_current <= 15_000 * 384, "{} bytes for each", cost.bytes_current / 15_000);
}

/// Four messages wait each time, and leave in one datagram; with each a receiver acknowledges, and one asks for a
/// repair of it.
// RMC-PACK-3, RMC-FLOW-1
#[test]
fn packing_and_acknowledging_allocate_nothing_per_message() {
    let mut node = Node::new(|config| {
        config.flow_control = FlowControl::default();
        (config.repair_mode, config.verify_askers) = (RepairMode::Unicast, false);
    });
    let (mut stamp, mut packed) = (0, 0_u64);
    let mut send = |datagrams: u64| {
        for _ in 0..datagrams {
            let mut seq = 0;
            for _ in 0..4 {
                seq = node.protocol.send(node.now, &PAYLOAD).expect("there is room");
            }
            node.step(|datagram| {
                let packet = Packet::decode(datagram).expect("the node sends legal packets");
                packed += u64::from(packet.flags.contains(Flags::PACKED));
            });
            stamp += 1;
            node.nack(stamp, &[(seq, seq)]);
            node.handle(Path::Unicast, Flags::NONE, seq, Body::Ack { target_epoch: EPOCH, window: 100, rtt: 0 });
        }
    };
    send(WARM_UP);
    let cost = measure(|| send(MEASURED));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    assert!(packed > 2 * (WARM_UP + MEASURED) - 100, "{packed}: each, and most of them again");
    assert_eq!(node.protocol.stats().tx.data, WARM_UP + MEASURED);
}

/// And those that come are lent from the datagram's one buffer.
// RMC-PACK-2
#[test]
fn receiving_packed_messages_allocates_nothing_per_message() {
    let mut node = Node::new(|_| {});
    let mut payload = [7; 4 * (2 + 60)];
    for record in payload.chunks_mut(62) {
        record[..2].copy_from_slice(&60_u16.to_be_bytes());
    }
    let mut next = 1;
    let mut receive = |packets: u64| {
        for _ in 0..packets {
            let flags = Flags::FIRST | Flags::LAST | Flags::PACKED;
            node.handle(Path::Multicast, flags, next, Body::Data { payload: &payload });
            next += 1;
            node.step(|_| {});
            node.take();
        }
    };
    receive(WARM_UP);
    let cost = measure(|| receive(MEASURED));
    assert_eq!(cost.count_total, 0, "{cost:?}");
    assert_eq!(node.taken, 4 * (WARM_UP + MEASURED));
    assert!(node.protocol.stats().tx.acks >= 20, "a quarter of the window each");
}
