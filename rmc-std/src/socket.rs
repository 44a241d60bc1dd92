//! The sockets: how they are made, joined, sent with and woken.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, UdpSocket};
use std::time::Duration;

use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, Type};

use crate::address;

/// What is asked of the sockets. `None`: the system's own way.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Options {
    /// Whether the group's family is IPv6.
    pub(crate) v6: bool,
    pub(crate) interface: Option<Ipv4Addr>,
    pub(crate) index: Option<u32>,
    pub(crate) ttl: Option<u32>,
    pub(crate) loopback: Option<bool>,
    pub(crate) receive_buffer: Option<usize>,
    pub(crate) send_buffer: Option<usize>,
}

/// What the system gave, in bytes of datagrams.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Buffers {
    pub(crate) receive: usize,
    pub(crate) send: usize,
}

impl Options {
    fn interface_or_any(&self) -> Ipv4Addr {
        self.interface.unwrap_or(Ipv4Addr::UNSPECIFIED)
    }

    fn index_or_any(&self) -> u32 {
        self.index.unwrap_or(0)
    }

    /// The group's address with the interface in it, which an IPv6 multicast address needs to be bound.
    fn scoped(&self, group: SocketAddr) -> SocketAddr {
        match group {
            SocketAddr::V6(v6) => SocketAddr::V6(SocketAddrV6::new(*v6.ip(), v6.port(), 0, self.index_or_any())),
            SocketAddr::V4(_) => group,
        }
    }
}

/// A new socket of the group's family, blocking, bound to `bind`.
pub(crate) fn bound(bind: SocketAddr, shared: bool) -> io::Result<UdpSocket> {
    let socket = Socket::new(Domain::for_address(bind), Type::DGRAM, Some(Protocol::UDP))?;
    if bind.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    if shared {
        // Several nodes on one host listen to one group. For multicast this is enough on Linux and Windows; the BSDs
        // want the other too.
        socket.set_reuse_address(true)?;
        #[cfg(any(target_vendor = "apple", target_os = "freebsd", target_os = "openbsd", target_os = "netbsd"))]
        socket.set_reuse_port(true)?;
    }
    socket.bind(&SockAddr::from(bind))?;
    Ok(socket.into())
}

/// Where the multicast socket is bound: on Unix to the group, so that it hears nothing else; elsewhere that is
/// impossible.
pub(crate) fn multicast_bind(group: SocketAddr, options: &Options) -> SocketAddr {
    if cfg!(unix) {
        return options.scoped(group);
    }
    SocketAddr::new(any(group), group.port())
}

/// Applies the options, and reads back what buffers the system gave (F28).
pub(crate) fn apply(socket: &UdpSocket, options: &Options) -> io::Result<Buffers> {
    let socket = SockRef::from(socket);
    socket.set_nonblocking(false)?;
    // A ready-made one may have others: each time one passed would count as a failure.
    socket.set_read_timeout(LONGEST_WAIT)?;
    socket.set_write_timeout(None)?;
    apply_multicast(&socket, options)?;
    if let Some(bytes) = options.receive_buffer {
        ask_for(bytes, |bytes| socket.set_recv_buffer_size(bytes));
    }
    if let Some(bytes) = options.send_buffer {
        ask_for(bytes, |bytes| socket.set_send_buffer_size(bytes));
    }
    Ok(Buffers { receive: usable(socket.recv_buffer_size()?), send: usable(socket.send_buffer_size()?) })
}

/// Hears only what this socket itself has joined, not what others of the host have.
pub(crate) fn hear_own_groups_only(socket: &UdpSocket, options: &Options) {
    #[cfg(target_os = "linux")]
    {
        let socket = SockRef::from(socket);
        // Old kernels do not know the one for IPv6. It only saves work: packets of other groups do not decode or are
        // strangers'.
        let _ = if options.v6 { socket.set_multicast_all_v6(false) } else { socket.set_multicast_all_v4(false) };
    }
    #[cfg(not(target_os = "linux"))]
    let _ = (socket, options);
}

/// Multicast leaves by the interface that has the address or index now.
pub(crate) fn set_interface(socket: &UdpSocket, options: &Options) -> io::Result<()> {
    apply_multicast(&SockRef::from(socket), &Options { ttl: None, loopback: None, ..*options })
}

pub(crate) fn join(socket: &UdpSocket, group: IpAddr, options: &Options) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => socket.join_multicast_v4(&group, &options.interface_or_any()),
        IpAddr::V6(group) => socket.join_multicast_v6(&group, options.index_or_any()),
    }
}

pub(crate) fn leave(socket: &UdpSocket, group: IpAddr, options: &Options) -> io::Result<()> {
    match group {
        IpAddr::V4(group) => socket.leave_multicast_v4(&group, &options.interface_or_any()),
        IpAddr::V6(group) => socket.leave_multicast_v6(&group, options.index_or_any()),
    }
}

/// The address that datagrams to the group leave from. A throw-away socket is connected to find out: nothing is sent.
pub(crate) fn source_towards(group: SocketAddr, options: &Options) -> io::Result<SocketAddr> {
    let socket = Socket::new(Domain::for_address(group), Type::DGRAM, Some(Protocol::UDP))?;
    apply_multicast(&SockRef::from(&socket), &Options { ttl: None, loopback: None, ..*options })?;
    socket.connect(&SockAddr::from(group))?;
    let address = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::AddrNotAvailable)?;
    Ok(address::named(address, options.index))
}

/// All addresses that packets from a socket bound to `bound` may come from, the likeliest first, at most 16 (S03, F26).
pub(crate) fn own_addresses(bound: SocketAddr, group: SocketAddr, options: &Options) -> io::Result<Vec<SocketAddr>> {
    let bound = address::named(bound, options.index);
    if !bound.ip().is_unspecified() {
        return Ok(vec![bound]);
    }
    let mut first = source_towards(group, options)?;
    first.set_port(bound.port());
    let mut addresses = vec![first];
    for interface in if_addrs::get_if_addrs()? {
        let other = address::named(SocketAddr::new(interface.ip(), bound.port()), interface.index);
        if other.is_ipv4() == bound.is_ipv4() && !addresses.contains(&other) && addresses.len() < MAX_ADDRESSES {
            addresses.push(other);
        }
    }
    Ok(addresses)
}

/// As many addresses as a node can have.
pub(crate) const MAX_ADDRESSES: usize = 16;

/// Sends one datagram. Without `wait`, a full send buffer is `WouldBlock`, where the system can say so.
#[cfg(unix)]
pub(crate) fn send(socket: &UdpSocket, bytes: &[u8], destination: SocketAddr, wait: bool) -> io::Result<()> {
    use rustix::net::{SendFlags, sendto};
    let flags = if wait { SendFlags::empty() } else { SendFlags::DONTWAIT };
    let sent = sendto(socket, bytes, flags, &destination)?;
    if sent < bytes.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
}

/// Others have no such flag. Windows hardly ever makes a datagram wait.
#[cfg(not(unix))]
pub(crate) fn send(socket: &UdpSocket, bytes: &[u8], destination: SocketAddr, _wait: bool) -> io::Result<()> {
    let sent = socket.send_to(bytes, destination)?;
    if sent < bytes.len() { Err(io::ErrorKind::WriteZero.into()) } else { Ok(()) }
}

/// Waits for a datagram, and says its length and source. `None`: the socket was shut down.
///
/// `UdpSocket::recv_from` cannot tell that: the system writes no address then, which std takes for one, and may panic.
#[cfg(all(unix, not(any(target_os = "linux", target_os = "android"))))]
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    use rustix::net::{RecvFlags, recvfrom};
    let (_, len, source) = recvfrom(socket, &mut *buffer, RecvFlags::empty())?;
    let Some(source) = source else { return Ok(None) };
    let source = SocketAddr::try_from(source).map_err(io::Error::from)?;
    Ok(Some((len, source)))
}

/// The same. Elsewhere a socket is woken by a datagram.
#[cfg(not(unix))]
pub(crate) fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Option<(usize, SocketAddr)>> {
    socket.recv_from(buffer).map(Some)
}

/// Whether nothing will ever be received from it again. Asked when something empty was received, which may be just
/// that.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn is_shut_down(socket: &UdpSocket) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut asked = [PollFd::new(socket, PollFlags::RDHUP)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut asked, Some(&at_once)).is_ok() && asked[0].revents().contains(PollFlags::RDHUP)
}

/// Elsewhere `receive` says so, or a socket is woken by a datagram.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn is_shut_down(_socket: &UdpSocket) -> bool {
    false
}

/// How long a thread waits for a datagram at most before it looks whether it is to end. Only on Linux is it woken for
/// sure.
const LONGEST_WAIT: Option<Duration> =
    if cfg!(any(target_os = "linux", target_os = "android")) { None } else { Some(Duration::from_millis(100)) };

/// Wakes the thread that waits in `recv_from`, now and whenever it comes back there.
///
/// `shutdown` on a socket without a connection is answered with ENOTCONN on Linux, and works all the same.
#[cfg(any(target_os = "linux", target_os = "android"))]
pub(crate) fn wake(socket: &UdpSocket, _group: Option<SocketAddr>, _options: &Options) {
    let _ = SockRef::from(socket).shutdown(std::net::Shutdown::Read);
}

/// Elsewhere a datagram to oneself does it: to the group for a socket that is bound to that. It may not arrive, as when
/// the group has been left or the interface's address has changed; then the thread looks by itself a little later.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(crate) fn wake(socket: &UdpSocket, group: Option<SocketAddr>, options: &Options) {
    let _ = SockRef::from(socket).shutdown(std::net::Shutdown::Read);
    let Ok(mut to) = socket.local_addr() else { return };
    if to.ip().is_unspecified() {
        to.set_ip(if to.is_ipv4() { Ipv4Addr::LOCALHOST.into() } else { Ipv6Addr::LOCALHOST.into() });
    }
    let to = group.unwrap_or(to);
    let Ok(sender) = bound(SocketAddr::new(any(to), 0), false) else { return };
    let options = Options { ttl: Some(0), loopback: Some(true), receive_buffer: None, send_buffer: None, ..*options };
    if apply(&sender, &options).is_ok() {
        let _ = sender.send_to(&[], to);
    }
}

/// What an interface that is gone is answered with, and a membership of it.
#[cfg(unix)]
pub(crate) fn no_such_interface(error: &io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error().map(Errno::from_raw_os_error);
    error.kind() == io::ErrorKind::AddrNotAvailable || matches!(code, Some(Errno::NODEV | Errno::NXIO))
}

#[cfg(not(unix))]
pub(crate) fn no_such_interface(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::AddrNotAvailable | io::ErrorKind::InvalidInput)
}

/// Ends the wait of a thread that sends. As above: ENOTCONN does not say that it was in vain.
pub(crate) fn end_sending(socket: &UdpSocket) {
    let _ = SockRef::from(socket).shutdown(std::net::Shutdown::Write);
}

pub(crate) fn any(like: SocketAddr) -> IpAddr {
    match like {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn apply_multicast(socket: &SockRef<'_>, options: &Options) -> io::Result<()> {
    if options.v6 {
        if let Some(index) = options.index {
            socket.set_multicast_if_v6(index)?;
        }
        if let Some(ttl) = options.ttl {
            socket.set_multicast_hops_v6(ttl)?;
        }
        if let Some(loopback) = options.loopback {
            socket.set_multicast_loop_v6(loopback)?;
        }
        return Ok(());
    }
    if let Some(interface) = options.interface {
        socket.set_multicast_if_v4(&interface)?;
    }
    if let Some(ttl) = options.ttl {
        socket.set_multicast_ttl_v4(ttl)?;
    }
    if let Some(loopback) = options.loopback {
        socket.set_multicast_loop_v4(loopback)?;
    }
    Ok(())
}

/// Some systems refuse what is above their limit instead of giving what they can.
fn ask_for(bytes: usize, set: impl Fn(usize) -> io::Result<()>) {
    let mut bytes = bytes.min(MOST_BUFFER);
    while set(bytes).is_err() && bytes > LEAST_BUFFER {
        bytes /= 2;
    }
}

const MOST_BUFFER: usize = 1 << 30;
const LEAST_BUFFER: usize = 1 << 14;

/// Linux reserves twice what is asked for, for its own bookkeeping, and says the double.
fn usable(bytes: usize) -> usize {
    if cfg!(any(target_os = "linux", target_os = "android")) { bytes / 2 } else { bytes }
}
