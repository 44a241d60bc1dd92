//! Sockets that change (S30, S32) and fail (F19).

use std::net::UdpSocket;

use rmc_std::rmc_core::packet::{Body, Packet};
use rmc_std::{Event, EventMask, Notice, Received, SocketChangeError, SocketErrorKind, SocketOperation};

use super::fixture::{
    LO, eventually, expect_all, new_group, next_event, next_message, node, node_like_socket, on_lo, payload, send_all,
    take_until_quiet,
};

#[test]
fn seed_s32_another_unicast_socket_sends_and_is_read() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    a.send(b"from the old one").unwrap();
    assert_eq!(next_message(&b).peer, a.local_addr());
    let old = a.local_addr();
    let socket = UdpSocket::bind((LO, 0)).unwrap();
    let new = socket.local_addr().unwrap();
    a.set_unicast_socket(socket).unwrap();
    assert_eq!((a.local_addr(), a.local_addr() == old), (new, false));
    a.send_to(b.local_addr(), b"from the new one").unwrap();
    let message = next_message(&b);
    assert_eq!((message.peer, message.payload.as_slice()), (new, b"from the new one".as_slice()));
    b.send_to(new, b"to the new one").unwrap();
    assert_eq!(next_message(&a).payload, b"to the new one");
    assert_eq!(a.peers().len(), 1, "a node does not take its former self for a peer");
}

#[test]
fn seed_s32_a_socket_that_does_not_fit_is_refused() {
    let a = node(new_group());
    let before = a.local_addr();
    if let Ok(socket) = UdpSocket::bind("[::1]:0") {
        let error = a.set_unicast_socket(socket).unwrap_err();
        assert!(matches!(error, SocketChangeError::FamilyMismatch { .. }), "{error}");
    }
    assert_eq!(a.local_addr(), before);
    a.close();
    let error = a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()).unwrap_err();
    assert!(matches!(error, SocketChangeError::Closed), "{error}");
}

/// F28: its buffers are read back as those of the first one, and its senders know.
#[test]
fn seed_fault_f28_a_smaller_buffer_of_another_unicast_socket_counts_and_is_warned_of() {
    const TOO_MUCH: usize = 1 << 30;
    let group = new_group();
    let (unicast, multicast) = (UdpSocket::bind((LO, 0)).unwrap(), node_like_socket(group));
    let a = rmc_std::Endpoint::builder(group).interface(LO).sockets(unicast, Some(multicast)).build().unwrap();
    let before = a.config().socket_packets;
    let small = socket2::Socket::from(UdpSocket::bind((LO, 0)).unwrap());
    small.set_recv_buffer_size(4_096).unwrap();
    a.set_unicast_socket(small.into()).unwrap();
    assert!(a.config().socket_packets < before, "{} and {before}", a.config().socket_packets);
    a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()).unwrap();
    assert_eq!(a.config().socket_packets, before);
    assert!(a.try_next_event().is_err(), "nothing was asked of them");

    let a = on_lo(group).receive_buffer(TOO_MUCH).send_buffer(TOO_MUCH).build().unwrap();
    while a.try_next_event().is_ok() {}
    a.set_unicast_socket(UdpSocket::bind((LO, 0)).unwrap()).unwrap();
    let stats = a.socket_stats();
    if stats.unicast_receive_buffer >= TOO_MUCH || stats.send_buffer >= TOO_MUCH {
        eprintln!("SKIPPED: this system gives {stats:?}");
        return;
    }
    let notices = [
        Notice::ReceiveBufferSmall { asked: TOO_MUCH, got: stats.unicast_receive_buffer },
        Notice::SendBufferSmall { asked: TOO_MUCH, got: stats.send_buffer },
    ];
    for notice in notices {
        assert_eq!(a.try_next_event(), Ok(Event::Notice(notice)));
    }
}

/// F25: it reads and sends with the new one, and nothing that is queued is lost.
#[test]
fn seed_fault_f25_nothing_queued_is_lost_when_the_socket_changes() {
    const COUNT: u64 = 300;
    let group = new_group();
    // Slow enough that most still waits when the socket changes.
    let a = on_lo(group).max_rate(400_000).config(|config| config.rate_burst = 1_472).build().unwrap();
    let b = node(group);
    let old = a.local_addr();
    send_all(&a, 1, COUNT, 1_000);
    assert_eq!(next_message(&b).peer, old);
    assert!(a.stats().held.queued_packets > 100);
    let socket = UdpSocket::bind((LO, 0)).unwrap();
    a.set_unicast_socket(socket).unwrap();
    let new = a.local_addr();
    // At its new address it is another peer, whose stream is asked for from its oldest number.
    let mut next = 0;
    while next < COUNT {
        let message = next_message(&b);
        if message.peer == new {
            assert_eq!(message.payload, payload(1, next, 1_000));
            next += 1;
        }
    }
    // And it reads: the repairs above were asked for at the new address.
    assert!(a.stats().repair.nacks_received > 0);
}

/// The driver's part of S30: membership of the group.
#[test]
fn seed_s30_deactivate_leaves_the_group_and_activate_joins_again() {
    let group = new_group();
    let (a, b, c) = (node(group), node(group), node(group));
    a.send(&payload(1, 0, 100)).unwrap();
    for node in [&b, &c] {
        assert_eq!(next_message(node).payload, payload(1, 0, 100));
    }
    b.deactivate().unwrap();
    b.deactivate().unwrap();
    eventually("what was on its way is read", || {
        let before = b.stats().rx.packets;
        std::thread::sleep(std::time::Duration::from_millis(20));
        b.stats().rx.packets == before
    });
    let before = b.stats().rx.packets;
    for number in 1..=50 {
        a.send(&payload(1, number, 100)).unwrap();
    }
    for number in 1..=50 {
        assert_eq!(next_message(&c).payload, payload(1, number, 100));
    }
    assert_eq!(b.stats().rx.packets, before, "the socket hears nothing");
    // Sending goes on (F18).
    b.send(&payload(2, 0, 100)).unwrap();
    assert_eq!(next_message(&a).payload, payload(2, 0, 100));
    b.activate().unwrap();
    b.activate().unwrap();
    // What it missed is asked for.
    for number in 1..=50 {
        assert_eq!(next_message(&b).payload, payload(1, number, 100));
    }
}

/// F19: a datagram that the system refuses is counted and told, and takes nothing else with it.
#[test]
fn seed_fault_f19_a_failed_transmission_is_told_and_the_rest_goes_on() {
    let group = new_group();
    let a = on_lo(group).events(EventMask::NONE).receive_buffer(100_000).build().unwrap();
    let b = node(group);
    // The system denies broadcast to a socket that has not asked for it.
    let denied = (std::net::Ipv4Addr::BROADCAST, 9).into();
    a.send_to(denied, b"for nobody").unwrap();
    send_all(&a, 1, 100, 100);
    expect_all(&b, &[(a.local_addr(), 1)], 100, 100);
    let Event::Notice(Notice::SocketError { operation, kind, destination, count, .. }) = next_event(&a) else {
        panic!("not told")
    };
    assert_eq!((operation, kind, destination), (SocketOperation::Send, SocketErrorKind::Denied, Some(denied)));
    assert_eq!(count, 1);
    // Its heartbeats fail as well, and are not told within the same second.
    eventually("more fail", || a.socket_stats().send_errors.of(SocketErrorKind::Denied) > 2);
    assert_eq!(a.stats().tx.failed, a.socket_stats().send_errors.total());
    assert_eq!(a.socket_stats().retries, 0, "one node that cannot be reached does not hold up the group");
}

/// F19 with a retry: while no route leads to the group, datagrams come back and wait, and none is lost.
#[test]
fn seed_fault_f19_what_cannot_leave_for_the_moment_comes_back() {
    let Some((a, b)) = super::ipv6::two_nodes() else { return };
    let socket = socket2::Socket::from(UdpSocket::bind("[::]:0").unwrap());
    // The endpoint sends by a duplicate, whose options this one shares.
    a.set_unicast_socket(socket.try_clone().unwrap().into()).unwrap();
    let index = socket.multicast_if_v6().unwrap();
    if socket.set_multicast_if_v6(1).is_err() || index == 1 {
        eprintln!("SKIPPED: no second interface to break the route with");
        return;
    }
    a.send(b"first").unwrap();
    if a.socket_stats().send_errors.total() == 0 {
        eprintln!("SKIPPED: lo has a route for IPv6 multicast");
        return;
    }
    send_all(&a, 1, 50, 1_000);
    assert!(a.stats().held.queued_packets > 0, "they wait");
    eventually("it is tried again and again", || a.socket_stats().retries >= 3);
    socket.set_multicast_if_v6(index).unwrap();
    assert_eq!(next_message(&b).payload, b"first");
    expect_all(&b, &[(a.local_addr(), 1)], 50, 1_000);
    assert_eq!(b.stats().repair.nacks_sent, 0, "nothing was lost on the way");
    assert_eq!(a.stats().tx.failed, a.socket_stats().retries, "every failure was one to try again");
}

/// A socket that fails for good is counted and told, costs no processor, and closes as any other.
#[cfg(target_os = "linux")]
#[test]
fn a_socket_that_cannot_receive_is_told_and_sending_goes_on() {
    let group = new_group();
    let b = node(group);
    let socket = UdpSocket::bind((LO, 0)).unwrap();
    let duplicate = socket2::Socket::from(socket.try_clone().unwrap());
    let a = rmc_std::Endpoint::builder(group).interface(LO).sockets(socket, None).build().unwrap();
    let _ = duplicate.shutdown(std::net::Shutdown::Read);
    let Event::Notice(Notice::SocketError { operation, count: 1, .. }) = next_event(&a) else { panic!("not told") };
    assert_eq!(operation, SocketOperation::Receive);
    eventually("more fail", || a.socket_stats().receive_errors.total() > 10);
    send_all(&a, 1, 10, 100);
    expect_all(&b, &[(a.local_addr(), 1)], 10, 100);
    a.close();
    let failed = a.socket_stats().receive_errors.total();
    std::thread::sleep(std::time::Duration::from_millis(50));
    assert_eq!(a.socket_stats().receive_errors.total(), failed, "the thread has ended");
}

/// Polling and sending are one: whoever sends, datagrams leave in the order in which the protocol made them.
#[test]
fn many_threads_send_in_the_order_of_the_numbers() {
    let group = new_group();
    let listener = node_like_socket(group);
    let a = on_lo(group).config(|config| config.packing = false).build().unwrap();
    std::thread::scope(|scope| {
        for tag in 1..=4 {
            let a = &a;
            scope.spawn(move || send_all(a, tag, 500, 100));
        }
        let mut buffer = [0; 2_000];
        let mut last = 0;
        while last < 2_000 {
            let len = listener.recv(&mut buffer).unwrap();
            let packet = Packet::decode(&buffer[..len]).unwrap();
            match packet.body {
                Body::Data { .. } => {
                    assert!(packet.seq > last, "{} after {last}", packet.seq);
                    last = packet.seq;
                }
                // It may have missed the last ones: nobody repairs for a plain socket.
                Body::Heartbeat { .. } if packet.seq == 2_000 => break,
                _ => {}
            }
        }
        assert!(last > 0);
    });
}

#[test]
fn a_silent_node_receives() {
    let group = new_group();
    let a = node(group);
    let b = on_lo(group).silent(true).build().unwrap();
    send_all(&a, 1, 10, 100);
    let received = take_until_quiet(&b, std::time::Duration::from_millis(300));
    let messages: Vec<_> = received.into_iter().filter_map(Received::into_message).collect();
    assert_eq!(messages.len(), 10);
    assert_eq!(b.send(b"never"), Err(rmc_std::SendError::Silent));
    assert_eq!(b.stats().tx.packets, 0);
}
