//! Building: what the system gives is told, and errors say what to do.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use rmc_std::{BuildError, ConfigError, Endpoint, Event, Notice};

use super::fixture::{LO, expect_all, new_group, node, on_lo, send_all};

/// More than any system gives.
const TOO_MUCH: usize = 1 << 30;

#[test]
fn seed_fault_f28_the_buffers_that_the_system_gave_are_read_back() {
    let a = on_lo(new_group()).receive_buffer(150_000).send_buffer(100_000).build().unwrap();
    let stats = a.socket_stats();
    assert!(stats.unicast_receive_buffer >= 150_000, "{stats:?}");
    assert!(stats.multicast_receive_buffer.unwrap() >= 150_000, "{stats:?}");
    assert!(stats.send_buffer >= 100_000, "{stats:?}");
    assert!(a.try_next_event().is_err(), "nothing to warn of");
}

#[test]
fn seed_fault_f28_a_smaller_buffer_than_asked_for_is_warned_of() {
    let a = on_lo(new_group()).receive_buffer(TOO_MUCH).build().unwrap();
    let got = a.socket_stats().multicast_receive_buffer.unwrap();
    if got >= TOO_MUCH {
        eprintln!("SKIPPED: this system gives {got} bytes");
        return;
    }
    assert_eq!(a.try_next_event(), Ok(Event::Notice(Notice::ReceiveBufferSmall { asked: TOO_MUCH, got })));
}

#[test]
fn seed_fault_f28_the_default_is_sized_for_the_receive_window() {
    let a = node(new_group());
    let window = a.config().receive_window_bytes;
    let got = a.socket_stats().multicast_receive_buffer.unwrap();
    match a.try_next_event() {
        Ok(Event::Notice(notice)) => assert_eq!(notice, Notice::ReceiveBufferSmall { asked: window, got }),
        _ => assert!(got >= window),
    }
}

/// F26, S03: bound to no address in particular, a node finds its addresses.
#[test]
fn seed_fault_f26_a_node_bound_to_any_address_does_not_take_itself_for_a_peer() {
    let group = new_group();
    let a = on_lo(group).bind((Ipv4Addr::UNSPECIFIED, 0).into()).build().unwrap();
    let b = node(group);
    assert_eq!(a.local_addr().ip(), LO, "the address that multicast leaves from");
    send_all(&a, 1, 50, 100);
    expect_all(&b, &[(a.local_addr(), 1)], 50, 100);
    assert_eq!(a.peers(), []);
    if cfg!(target_os = "linux") {
        let stats = a.stats();
        assert_eq!((stats.rx.packets, stats.dropped.own), (stats.rx.acks, 0), "the system throws them away before");
    }
}

#[test]
fn ready_made_sockets_are_used_as_they_are() {
    let group = new_group();
    let SocketAddr::V4(v4) = group else { panic!("{group}") };
    let unicast = socket2::Socket::from(UdpSocket::bind((LO, 0)).unwrap());
    unicast.set_multicast_if_v4(&LO).unwrap();
    unicast.set_nonblocking(true).unwrap();
    let unicast = UdpSocket::from(unicast);
    let (duplicate, timeout) = (unicast.try_clone().unwrap(), Some(Duration::from_secs(1)));
    unicast.set_read_timeout(timeout).unwrap();
    unicast.set_write_timeout(timeout).unwrap();
    let address = unicast.local_addr().unwrap();
    let multicast = UdpSocket::bind(group).unwrap();
    multicast.join_multicast_v4(v4.ip(), &LO).unwrap();
    let a = Endpoint::builder(group).sockets(unicast, Some(multicast)).build().unwrap();
    assert_eq!(a.local_addr(), address);
    assert!(a.try_next_event().is_err(), "nothing was asked of them");
    assert_ne!(duplicate.read_timeout().unwrap(), timeout, "nothing fails by waiting");
    assert_eq!(duplicate.write_timeout().unwrap(), None);
    // The group's port is taken without address reuse, so the other node has one socket for both (S02).
    let b = UdpSocket::bind((LO, 0)).unwrap();
    let b = Endpoint::builder(address).sockets(b, None).build().unwrap();
    send_all(&b, 2, 100, 100);
    expect_all(&a, &[(b.local_addr(), 2)], 100, 100);
}

#[test]
fn errors_say_what_to_do() {
    let group = new_group();
    let holder = UdpSocket::bind((LO, 0)).unwrap();
    let taken = holder.local_addr().unwrap();
    let error = on_lo(group).bind(taken).build().unwrap_err();
    assert!(matches!(error, BuildError::AddressInUse { address, .. } if address == taken), "{error}");
    assert!(error.to_string().contains("bind another port"));

    let foreign: SocketAddr = "203.0.113.7:0".parse().unwrap();
    let error = on_lo(group).bind(foreign).build().unwrap_err();
    assert!(matches!(error, BuildError::AddressNotAvailable { address, .. } if address == foreign), "{error}");

    let error = Endpoint::builder(group).interface(Ipv4Addr::new(203, 0, 113, 7)).build().unwrap_err();
    assert!(matches!(&error, BuildError::NoSuchInterface { interface, .. } if interface == "203.0.113.7"), "{error}");

    let error = on_lo(group).interface_index(1).build().unwrap_err();
    assert!(matches!(error, BuildError::FamilyMismatch { .. }), "{error}");
    let error = on_lo(group).bind("[::1]:0".parse().unwrap()).build().unwrap_err();
    assert!(matches!(error, BuildError::FamilyMismatch { .. }), "{error}");

    let error = on_lo(group).config(|config| config.max_message = 1 << 29).build().unwrap_err();
    assert!(matches!(error, BuildError::Config(ConfigError::MessageAboveSendQueue { .. })), "{error}");
}
