//! Addresses in one form, so that a node is known by its address whatever the system adds to it.

use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// IPv4 that came through an IPv6 socket is IPv4; no flow label; a scope only where an address means nothing without
/// it.
pub(crate) fn normal(address: SocketAddr) -> SocketAddr {
    let SocketAddr::V6(v6) = address else { return address };
    if let Some(v4) = v6.ip().to_ipv4_mapped() {
        return SocketAddr::new(IpAddr::V4(v4), v6.port());
    }
    let scope = if needs_scope(v6.ip()) { v6.scope_id() } else { 0 };
    SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, scope))
}

/// The same for an address that the application names: a link-local one without a scope lies on the endpoint's own
/// interface.
pub(crate) fn named(address: SocketAddr, interface: Option<u32>) -> SocketAddr {
    let mut address = normal(address);
    if let (SocketAddr::V6(v6), Some(index)) = (&mut address, interface)
        && needs_scope(v6.ip())
        && v6.scope_id() == 0
    {
        v6.set_scope_id(index);
    }
    address
}

/// The form that a socket of the other family takes: IPv4 through an IPv6 socket is mapped.
pub(crate) fn for_socket(address: SocketAddr, socket_is_v6: bool) -> SocketAddr {
    match address {
        SocketAddr::V4(v4) if socket_is_v6 => SocketAddr::new(IpAddr::V6(v4.ip().to_ipv6_mapped()), v4.port()),
        SocketAddr::V4(_) | SocketAddr::V6(_) => address,
    }
}

/// A multicast address names its interface by the socket's option, a link-local unicast one by its scope.
fn needs_scope(ip: &Ipv6Addr) -> bool {
    ip.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn v6(ip: &str, flow: u32, scope: u32) -> SocketAddr {
        SocketAddr::V6(SocketAddrV6::new(ip.parse().unwrap(), 5, flow, scope))
    }

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(normal(v6("::ffff:192.0.2.1", 0, 0)), "192.0.2.1:5".parse().unwrap());
        assert_eq!(normal(v6("2001:db8::1", 9, 3)), v6("2001:db8::1", 0, 0));
        assert_eq!(normal(v6("fe80::1", 9, 3)), v6("fe80::1", 0, 3));
    }

    #[test]
    fn a_link_local_address_gets_the_interface_if_it_names_none() {
        assert_eq!(named(v6("fe80::1", 0, 0), Some(4)), v6("fe80::1", 0, 4));
        assert_eq!(named(v6("fe80::1", 0, 3), Some(4)), v6("fe80::1", 0, 3));
        assert_eq!(named(v6("2001:db8::1", 0, 0), Some(4)), v6("2001:db8::1", 0, 0));
        assert_eq!(named(v6("ff02::1", 0, 7), Some(4)), v6("ff02::1", 0, 0));
    }

    #[test]
    fn a_socket_gets_addresses_of_its_family() {
        let v4: SocketAddr = "192.0.2.1:5".parse().unwrap();
        assert_eq!(for_socket(v4, false), v4);
        assert_eq!(for_socket(v4, true), v6("::ffff:192.0.2.1", 0, 0));
    }
}
