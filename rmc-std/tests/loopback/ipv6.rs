//! IPv6, where an interface does multicast in it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use rmc_std::{BuildError, Endpoint};

use super::fixture::{expect_all, free_port, next_message, send_all};

/// Two nodes on the first interface that takes them: lo, if it has a route for IPv6 multicast, else another.
pub(crate) fn two_nodes() -> Option<(Endpoint, Endpoint)> {
    let process = u16::try_from(std::process::id() % 65_536).unwrap();
    let group = SocketAddr::new(Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, process, 0x77).into(), free_port());
    let mut interfaces = if_addrs::get_if_addrs().unwrap();
    interfaces.retain(|interface| interface.ip().is_ipv6());
    interfaces.sort_by_key(|interface| !interface.is_loopback());
    for interface in interfaces {
        let Some(index) = interface.index else { continue };
        let node = || Endpoint::builder(group).interface_index(index).seed(1).build();
        match (node(), node()) {
            (Ok(a), Ok(b)) => return Some((a, b)),
            (Err(error), _) | (_, Err(error)) => eprintln!("no IPv6 multicast on {}: {error}", interface.name),
        }
    }
    eprintln!("SKIPPED: no interface of this host does IPv6 multicast");
    None
}

#[test]
fn two_nodes_over_ipv6() {
    let Some((a, b)) = two_nodes() else { return };
    assert!(a.local_addr().is_ipv6() && a.local_addr() != b.local_addr());
    send_all(&a, 1, 200, 3_000);
    expect_all(&b, &[(a.local_addr(), 1)], 200, 3_000);
    // The address by which it is known is one that it can be answered at.
    let peer = b.peers()[0].address;
    b.send_to(peer, b"private").unwrap();
    assert_eq!(next_message(&a).payload, b"private");
    assert_eq!((a.peers().len(), b.peers().len()), (1, 1));
}

#[test]
fn an_ipv6_group_needs_an_interface_that_exists() {
    let group = SocketAddr::new(Ipv6Addr::new(0xFF02, 0, 0, 0, 0, 0, 1, 0x77).into(), free_port());
    let error = Endpoint::builder(group).build().unwrap_err();
    assert!(matches!(error, BuildError::InterfaceIndexMissing(of) if of == group), "{error}");
    if !if_addrs::get_if_addrs().unwrap().iter().any(|interface| matches!(interface.ip(), IpAddr::V6(_))) {
        eprintln!("SKIPPED: this host has no IPv6");
        return;
    }
    let error = Endpoint::builder(group).interface_index(999_999).build().unwrap_err();
    assert!(matches!(&error, BuildError::NoSuchInterface { interface, .. } if interface.contains("999999")), "{error}");
}
