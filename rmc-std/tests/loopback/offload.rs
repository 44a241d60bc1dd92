//! Many datagrams with one call, and an application that reads for itself.
#![cfg(target_os = "linux")]

use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

use rmc_std::{Batch, Endpoint, Impairment, Lent, Received, RecvTimeoutError};

use super::fixture::{
    LO, LONG, eventually, eventually_knows, expect_all, new_group, next_message, node, node_like_socket, on_lo,
    payload, send_all,
};
use super::ipv6;

/// Lets `b` say what its buffers hold: what `a` sends before it has heard of that may be too much for a small one.
fn introduce(a: &Endpoint, b: &Endpoint) {
    a.send(b"who is there?").unwrap();
    assert_eq!(next_message(b).payload, b"who is there?");
    eventually("it has acknowledged", || a.stats().rx.acks > 0);
}

/// Whether this kernel cuts and puts together, after `a` has sent `count` messages to `b` that fill datagrams.
fn together(a: &Endpoint, b: &Endpoint, count: u64) -> bool {
    let (sent, got) = (a.socket_stats(), b.socket_stats());
    if !sent.segmentation || !got.coalescing {
        eprintln!("SKIPPED: this kernel has no UDP_SEGMENT or no UDP_GRO: {sent:?}");
        return false;
    }
    assert!(sent.segments > count / 2, "{} of {count} left together", sent.segments);
    assert!(sent.send_calls < count, "{} calls", sent.send_calls);
    true
}

/// Queues without a pause between, and so sends all of it at once.
fn burst(node: &Endpoint, tag: u8, count: u64, len: usize) {
    let messages: Vec<_> = (0..count).map(|number| payload(tag, number, len)).collect();
    for message in &messages {
        node.send(message).unwrap();
    }
}

/// 5,000 x 1,400 bytes are many times what one call, or one received buffer, holds.
#[test]
fn what_comes_together_is_delivered_one_by_one() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    introduce(&a, &b);
    thread::scope(|scope| {
        scope.spawn(|| burst(&a, 1, 5_000, 1_400));
        expect_all(&b, &[(a.local_addr(), 1)], 5_000, 1_400);
    });
    if together(&a, &b, 5_000) {
        assert!(b.socket_stats().coalesced > 2_500 && b.socket_stats().receive_calls < 5_000, "{:?}", b.socket_stats());
    }
    assert_eq!(b.stats().dropped.malformed, [0; rmc_std::rmc_core::packet::DecodeError::COUNT]);
}

#[test]
fn the_same_over_ipv6() {
    let Some((a, b)) = ipv6::two_nodes() else { return };
    introduce(&a, &b);
    thread::scope(|scope| {
        scope.spawn(|| burst(&a, 1, 3_000, 1_400));
        expect_all(&b, &[(a.local_addr(), 1)], 3_000, 1_400);
    });
    together(&a, &b, 3_000);
}

/// Ready-made sockets may have options that make the system tell more beside each datagram.
#[test]
fn what_comes_together_to_sockets_with_other_options_is_delivered_one_by_one() {
    use nix::sys::socket::{setsockopt, sockopt};
    let group = new_group();
    let a = node(group);
    let (unicast, multicast) = (std::net::UdpSocket::bind((LO, 0)).unwrap(), node_like_socket(group));
    for socket in [&unicast, &multicast] {
        setsockopt(socket, sockopt::Ipv4PacketInfo, &true).unwrap();
        setsockopt(socket, sockopt::ReceiveTimestamp, &true).unwrap();
    }
    let b = Endpoint::builder(group).interface(LO).sockets(unicast, Some(multicast)).build().unwrap();
    introduce(&a, &b);
    thread::scope(|scope| {
        scope.spawn(|| burst(&a, 1, 5_000, 1_400));
        expect_all(&b, &[(a.local_addr(), 1)], 5_000, 1_400);
    });
    if together(&a, &b, 5_000) {
        assert!(b.socket_stats().coalesced > 2_500, "{:?}", b.socket_stats());
    }
    assert_eq!(b.socket_stats().receive_errors.total(), 0);
}

/// Fragments of a large message leave together; its last one is shorter.
#[test]
fn fragments_leave_together() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    introduce(&a, &b);
    for number in 0..20 {
        a.send(&payload(1, number, 500_001)).unwrap();
    }
    expect_all(&b, &[(a.local_addr(), 1)], 20, 500_001);
    together(&a, &b, a.stats().tx.data);
}

/// Each datagram meets its own fate, also of those that came as one.
#[test]
fn impairments_strike_single_datagrams() {
    let group = new_group();
    let a = node(group);
    let b = on_lo(group).impair(Impairment::loss(5, 0.05)).build().unwrap();
    introduce(&a, &b);
    thread::scope(|scope| {
        scope.spawn(|| burst(&a, 1, 4_000, 1_400));
        expect_all(&b, &[(a.local_addr(), 1)], 4_000, 1_400);
    });
    let repaired = b.stats().repair.repaired;
    assert!((80..800).contains(&repaired), "{repaired} of 4,000: a twentieth, not whole buffers");
    if b.socket_stats().coalescing {
        assert!(b.socket_stats().coalesced > 1_000);
    }
}

/// `max_segments` 1 and no pause: plain calls, and nothing else is different.
#[test]
fn without_any_of_it_all_arrives_too() {
    let group = new_group();
    let plain = || on_lo(group).pause(Duration::ZERO).config(|config| config.max_segments = 1).build().unwrap();
    let (a, b) = (plain(), plain());
    thread::scope(|scope| {
        scope.spawn(|| burst(&a, 1, 2_000, 1_400));
        expect_all(&b, &[(a.local_addr(), 1)], 2_000, 1_400);
    });
    let stats = a.socket_stats();
    assert!(!stats.segmentation && stats.segments == 0 && stats.send_calls >= 2_000, "{stats:?}");
}

/// A stream of small messages gathers, and none waits for the next: the last ones of a stream leave by themselves.
#[test]
fn the_last_messages_of_a_stream_do_not_wait_for_more() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    for round in 0..20 {
        for number in 0..100 {
            a.send(&payload(round, number, 40)).unwrap();
        }
        expect_all(&b, &[(a.local_addr(), round)], 100, 40);
    }
    assert_eq!(a.stats().held.queued_packets, 0);
}

#[test]
fn a_batch_has_everything_in_order_and_is_reused() {
    const COUNT: u64 = 20_000;
    let group = new_group();
    let (a, b) = (node(group), node(group));
    thread::scope(|scope| {
        scope.spawn(|| send_all(&a, 1, COUNT, 60));
        let mut batch = Batch::new(4);
        assert!(batch.next().is_none() && batch.is_empty());
        let (mut next, mut alone) = (0, 0);
        while next < COUNT {
            // Beside it single items are taken, also in the middle of a packet of many.
            if next % 7 == 3 {
                let message = next_message(&b);
                assert_eq!(message.payload, payload(1, next, 60));
                (next, alone) = (next + 1, alone + 1);
                continue;
            }
            b.recv_batch(&mut batch, Some(LONG)).unwrap();
            while let Some(item) = batch.next() {
                let Lent::Message { peer, payload: bytes, .. } = item else { panic!("{item:?}") };
                assert_eq!((peer, bytes), (a.local_addr(), payload(1, next, 60).as_slice()));
                next += 1;
            }
        }
        assert!(alone > 0);
    });
    let mut batch = Batch::default();
    assert_eq!(b.recv_batch(&mut batch, Some(Duration::from_millis(1))), Err(RecvTimeoutError::Timeout));
    b.close();
    assert_eq!(b.recv_batch(&mut batch, None), Err(RecvTimeoutError::Disconnected));
}

/// What was not looked at is not thrown away.
#[test]
fn a_batch_that_was_not_looked_at_keeps_what_it_has() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    send_all(&a, 1, 2, 10);
    let mut batch = Batch::default();
    b.recv_batch(&mut batch, Some(LONG)).unwrap();
    assert!(!batch.is_empty());
    b.recv_batch(&mut batch, Some(LONG)).unwrap();
    let Some(Lent::Message { payload: bytes, .. }) = batch.next() else { panic!("it is gone") };
    assert_eq!(bytes, payload(1, 0, 10));
}

/// A node whose application reads for itself: it has waited, and something came.
fn with_application_that_reads(group: std::net::SocketAddr) -> (Endpoint, Endpoint) {
    let (a, b) = (node(group), node(group));
    let_it_read(&a, &b);
    (a, b)
}

fn let_it_read(a: &Endpoint, b: &Endpoint) {
    for number in 0..5 {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(5));
                a.send(&payload(1, number, 20)).unwrap();
            });
            assert_eq!(next_message(b).payload, payload(1, number, 20));
        });
    }
}

/// Somebody else who has the multicast socket shuts it down: whoever waits at it gives it up to the driver's thread,
/// which tells and pauses, instead of asking it without end.
#[test]
fn an_application_that_reads_gives_up_a_socket_that_is_shut_down() {
    let group = new_group();
    let a = node(group);
    let (unicast, multicast) = (std::net::UdpSocket::bind((LO, 0)).unwrap(), node_like_socket(group));
    let duplicate = socket2::Socket::from(multicast.try_clone().unwrap());
    let b = Endpoint::builder(group).interface(LO).sockets(unicast, Some(multicast)).build().unwrap();
    let_it_read(&a, &b);
    thread::scope(|scope| {
        let waits = scope.spawn(|| next_message(&b));
        thread::sleep(Duration::from_millis(20));
        let _ = duplicate.shutdown(std::net::Shutdown::Read);
        eventually("it is told", || b.socket_stats().receive_errors.total() > 0);
        a.send_to(b.local_addr(), b"by the other socket").unwrap();
        assert_eq!(waits.join().unwrap().payload, b"by the other socket");
    });
}

/// While the application stays away the driver reads, keeps up and acknowledges.
#[test]
fn what_comes_while_the_application_is_away_is_read_all_the_same() {
    let (a, b) = with_application_that_reads(new_group());
    let before = b.stats().rx.data;
    for number in 5..105 {
        a.send(&payload(1, number, 1_400)).unwrap();
    }
    eventually("it is read", || b.stats().rx.data >= before + 100);
    a.flush(Some(LONG)).unwrap();
    for number in 5..105 {
        assert_eq!(next_message(&b).payload, payload(1, number, 1_400));
    }
}

/// It has asked to read itself, and got its message instead: it may never come back.
#[test]
fn what_comes_after_the_application_has_gone_for_good_is_read_all_the_same() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    thread::scope(|scope| {
        let waits = scope.spawn(|| next_message(&b));
        // It must wait already, or it would find its message without asking.
        thread::sleep(Duration::from_millis(50));
        a.send(&payload(1, 0, 100)).unwrap();
        assert_eq!(waits.join().unwrap().payload, payload(1, 0, 100));
    });
    for number in 1..100 {
        a.send(&payload(1, number, 100)).unwrap();
    }
    eventually("it is read", || b.stats().rx.messages >= 100);
}

/// What comes by the other socket, or by another thread, wakes an application that waits at the multicast socket.
#[test]
fn an_application_that_reads_hears_of_private_messages_and_of_the_end() {
    let (a, b) = with_application_that_reads(new_group());
    eventually_knows(&a, &b);
    for _ in 0..5 {
        thread::scope(|scope| {
            scope.spawn(|| {
                thread::sleep(Duration::from_millis(5));
                a.send_to(b.local_addr(), b"private").unwrap();
            });
            assert_eq!(next_message(&b).payload, b"private");
        });
    }
    assert_eq!(b.recv_timeout(Duration::from_millis(20)), Err(RecvTimeoutError::Timeout));
    thread::scope(|scope| {
        scope.spawn(|| {
            thread::sleep(Duration::from_millis(20));
            b.close();
        });
        assert!(b.recv().is_err(), "closed while it waits");
    });
}

/// Every message to one of them, whoever of them has the socket.
#[test]
fn several_threads_receive_side_by_side() {
    const COUNT: u64 = 3_000;
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let mut all = BTreeMap::new();
    thread::scope(|scope| {
        let threads: Vec<_> = (0..3)
            .map(|_| {
                scope.spawn(|| {
                    let mut got = Vec::new();
                    while let Ok(Received::Message(message)) = b.recv() {
                        got.push(message.payload);
                    }
                    got
                })
            })
            .collect();
        for number in 0..COUNT {
            a.send(&payload(1, number, 50)).unwrap();
            if number % 100 == 0 {
                thread::sleep(Duration::from_millis(1));
            }
        }
        eventually("all is taken", || b.stats().rx.messages == COUNT && b.stats().held.readable == 0);
        b.close();
        for thread in threads {
            for message in thread.join().unwrap() {
                *all.entry(message).or_insert(0) += 1;
            }
        }
    });
    assert_eq!(all.len() as u64, COUNT);
    assert!((0..COUNT).all(|number| all.get(&payload(1, number, 50)) == Some(&1)));
}

/// S03: what a node sent itself is thrown away by its socket, but what another node sends from its address is not
/// (RMC-PEER-3).
#[test]
fn seed_s03_an_address_that_is_used_twice_is_noticed_although_own_packets_are_filtered() {
    let group = new_group();
    let a = node(group);
    let socket = std::net::UdpSocket::bind((LO, 0)).unwrap();
    a.set_unicast_socket(socket.try_clone().unwrap()).unwrap();
    let b = node(group);
    send_all(&a, 1, 100, 100);
    expect_all(&b, &[(a.local_addr(), 1)], 100, 100);
    assert_eq!((a.stats().dropped.own, a.stats().dropped.address_in_use), (0, 0));
    // A Heartbeat of epoch 7.
    let mut heartbeat = vec![0x52, 0x11, 0, 1, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 3];
    heartbeat.extend([0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0x4E, 0x20, 0, 0, 0x27, 0x10, 0, 0, 0, 1, 0, 0, 0, 0]);
    socket.send_to(&heartbeat, group).unwrap();
    eventually("it is noticed", || a.stats().dropped.address_in_use == 1);
}
