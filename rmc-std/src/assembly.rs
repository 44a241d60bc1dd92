//! From options to sockets, with errors that say what to do.

use std::io;
use std::net::{SocketAddr, UdpSocket};

use rmc_core::Config;

use crate::address;
use crate::error::BuildError;
use crate::event::Notice;
use crate::own_filter;
use crate::socket::{self, Buffers, Options};

/// What an endpoint is started with.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) options: Options,
    pub(crate) unicast: Opened,
    pub(crate) multicast: Option<Opened>,
    /// The first is the node's identity.
    pub(crate) local_addrs: Vec<SocketAddr>,
    /// The application brought the sockets.
    pub(crate) ready_made: bool,
}

impl Parts {
    /// Of the unicast socket, and of the multicast one, if there is one.
    pub(crate) fn buffers(&self) -> (Buffers, Option<Buffers>) {
        (self.unicast.buffers, self.multicast.as_ref().map(|multicast| multicast.buffers))
    }
}

/// A socket with its options applied.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) socket: UdpSocket,
    pub(crate) buffers: Buffers,
}

/// New sockets. Options that are not set take their defaults.
pub(crate) fn new_sockets(config: &Config, options: Options, bind: Option<SocketAddr>) -> Result<Parts, BuildError> {
    let group = config.group;
    check_families(group, &options, bind)?;
    let options = with_defaults(config, options);
    let source = socket::source_towards(group, &options).map_err(|source| unreachable(group, &options, source))?;
    let bind = bind.unwrap_or_else(|| with_port(source, 0));
    let unicast = socket::bound(bind, false).map_err(|source| refused(bind, source))?;
    let unicast = opened(unicast, &options)?;
    // The unicast socket serves as both, if the group is one node's address (S02).
    let multicast = if group.ip().is_multicast() { Some(new_multicast(group, &options)?) } else { None };
    let local_addrs = own_addresses(&unicast.socket, group, &options)?;
    if let Some(multicast) = &multicast {
        own_filter::drop_own(&multicast.socket, local_addrs[0], config.epoch);
    }
    Ok(Parts { options, unicast, multicast, local_addrs, ready_made: false })
}

/// Ready-made sockets. Only options that are set are applied.
pub(crate) fn ready_made(
    config: &Config,
    options: Options,
    unicast: UdpSocket,
    multicast: Option<UdpSocket>,
) -> Result<Parts, BuildError> {
    let group = config.group;
    check_families(group, &options, None)?;
    let unicast = opened(unicast, &options)?;
    let multicast = multicast.map(|multicast| opened(multicast, &options)).transpose()?;
    let local_addrs = own_addresses(&unicast.socket, group, &options)?;
    if local_addrs.iter().any(|address| address.is_ipv4() != group.is_ipv4()) {
        return Err(BuildError::FamilyMismatch { group, what: format!("the unicast socket at {}", local_addrs[0]) });
    }
    Ok(Parts { options, unicast, multicast, local_addrs, ready_made: true })
}

/// How many datagrams of this size the smaller of the receive buffers holds, by what the system counts for each.
pub(crate) fn packets_held(unicast: Buffers, multicast: Option<Buffers>, max_datagram: usize) -> usize {
    /// What Linux keeps with a datagram; its buffers have sizes of powers of two.
    const KEPT_WITH: usize = 256;
    const HEADERS: usize = 320;
    /// With fewer a sender would wait for each of its bursts.
    const LEAST: usize = 64;
    let buffer = smaller(unicast, multicast);
    let each = (max_datagram + HEADERS).next_power_of_two() + KEPT_WITH;
    // Linux counts what it keeps, and gives twice what is told as usable.
    let counted = if cfg!(any(target_os = "linux", target_os = "android")) { buffer.saturating_mul(2) } else { buffer };
    (counted / each).max(LEAST)
}

/// What to tell of buffers that are smaller than asked for (F28).
pub(crate) fn buffer_notices(options: &Options, unicast: Buffers, multicast: Option<Buffers>) -> Vec<Notice> {
    let mut notices = Vec::new();
    let receive = smaller(unicast, multicast);
    if let Some(asked) = options.receive_buffer.filter(|&asked| receive < asked) {
        notices.push(Notice::ReceiveBufferSmall { asked, got: receive });
    }
    if let Some(asked) = options.send_buffer.filter(|&asked| unicast.send < asked) {
        notices.push(Notice::SendBufferSmall { asked, got: unicast.send });
    }
    notices
}

/// The receive buffer that holds less.
fn smaller(unicast: Buffers, multicast: Option<Buffers>) -> usize {
    multicast.map_or(unicast.receive, |multicast| unicast.receive.min(multicast.receive))
}

fn new_multicast(group: SocketAddr, options: &Options) -> Result<Opened, BuildError> {
    let bind = socket::multicast_bind(group, options);
    let multicast = socket::bound(bind, true).map_err(|source| refused(bind, source))?;
    socket::hear_own_groups_only(&multicast, options);
    let multicast = opened(multicast, options)?;
    socket::join(&multicast.socket, group.ip(), options).map_err(|source| unreachable(group, options, source))?;
    Ok(multicast)
}

fn opened(socket: UdpSocket, options: &Options) -> Result<Opened, BuildError> {
    let buffers = socket::apply(&socket, options).map_err(|source| failed("set the options of a socket", source))?;
    Ok(Opened { socket, buffers })
}

fn own_addresses(unicast: &UdpSocket, group: SocketAddr, options: &Options) -> Result<Vec<SocketAddr>, BuildError> {
    let bound = unicast.local_addr().map_err(|source| failed("read the unicast socket's address", source))?;
    socket::own_addresses(bound, group, options).map_err(|source| unreachable(group, options, source))
}

fn check_families(group: SocketAddr, options: &Options, bind: Option<SocketAddr>) -> Result<(), BuildError> {
    let mismatch = |what: String| Err(BuildError::FamilyMismatch { group, what });
    if let Some(bind) = bind.filter(|bind| address::normal(*bind).is_ipv4() != group.is_ipv4()) {
        return mismatch(format!("the address to bind, {bind}"));
    }
    if let Some(interface) = options.interface.filter(|_| group.is_ipv6()) {
        return mismatch(format!("the interface {interface}"));
    }
    if let Some(index) = options.index.filter(|_| group.is_ipv4()) {
        return mismatch(format!("the interface index {index}"));
    }
    if group.is_ipv6() && group.ip().is_multicast() && options.index.is_none() {
        return Err(BuildError::InterfaceIndexMissing(group));
    }
    Ok(())
}

fn with_defaults(config: &Config, options: Options) -> Options {
    let burst = config.max_burst.saturating_mul(config.max_datagram);
    Options {
        ttl: options.ttl.or(Some(1)),
        loopback: options.loopback.or(Some(true)),
        receive_buffer: options.receive_buffer.or(Some(config.receive_window_bytes)),
        send_buffer: options.send_buffer.or(Some(burst.max(SEND_BUFFER))),
        ..options
    }
}

const SEND_BUFFER: usize = 256 << 10;

fn with_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}

fn refused(address: SocketAddr, source: io::Error) -> BuildError {
    match source.kind() {
        io::ErrorKind::AddrInUse => BuildError::AddressInUse { address, source },
        io::ErrorKind::AddrNotAvailable => BuildError::AddressNotAvailable { address, source },
        _ => failed("bind a socket", source),
    }
}

/// An error of finding the way to the group: what it means depends on whether an interface was named.
fn unreachable(group: SocketAddr, options: &Options, source: io::Error) -> BuildError {
    let interface = options.interface.map(|ip| ip.to_string());
    let interface = interface.or_else(|| options.index.map(|index| format!("with index {index}")));
    match interface {
        Some(interface) if socket::no_such_interface(&source) => BuildError::NoSuchInterface { interface, source },
        _ if source.kind() == io::ErrorKind::NetworkUnreachable || socket::no_such_interface(&source) => {
            BuildError::NoRoute { group, source }
        }
        _ => failed("find the way to the group", source),
    }
}

fn failed(what: &'static str, source: io::Error) -> BuildError {
    BuildError::Socket { what, source }
}
