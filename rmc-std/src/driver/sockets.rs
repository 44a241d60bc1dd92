//! The sockets in use: membership of the group (S30), another unicast socket (S32, F25), closing.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use rmc_core::{Instant, Path};

use super::drain::{Effort, Outlet};
use super::owner::{self, Owner};
use super::reader::{Reading, Stop};
use super::{Shared, State};
use crate::address;
use crate::assembly::{self, Opened, Parts};
use crate::error::SocketChangeError;
use crate::event::SocketStats;
use crate::lock::lock;
use crate::own_filter;
use crate::socket::{self, Buffers, MAX_ADDRESSES, Options};

/// The sockets in use.
#[derive(Debug)]
pub(super) struct Sockets {
    options: Options,
    group: SocketAddr,
    unicast: Reading,
    unicast_buffers: Buffers,
    multicast: Option<Reading>,
    multicast_buffers: Option<Buffers>,
    /// What the application allows senders to assume of the buffers.
    most_packets: usize,
    /// The application brought them, with what filters they may have.
    ready_made: bool,
    /// Whether the group's datagrams come in (S30).
    joined: bool,
    closed: bool,
}

/// How long packets may be on their way that come from the node's former address, and are its own.
const FORMER_ADDRESS: Duration = Duration::from_secs(1);

impl Sockets {
    /// Takes over the sockets.
    pub(super) fn new(group: SocketAddr, parts: Parts, most_packets: usize) -> Self {
        Self {
            options: parts.options,
            group,
            unicast_buffers: parts.unicast.buffers,
            unicast: reading(parts.unicast, Path::Unicast),
            multicast_buffers: parts.multicast.as_ref().map(|opened| opened.buffers),
            multicast: parts.multicast.map(|opened| reading(opened, Path::Multicast)),
            most_packets,
            ready_made: parts.ready_made,
            joined: true,
            closed: false,
        }
    }

    pub(super) fn unicast(&self) -> &Reading {
        &self.unicast
    }

    pub(super) fn multicast(&self) -> Option<&Reading> {
        self.multicast.as_ref()
    }

    /// Wakes the threads that read, for good.
    pub(super) fn close(&mut self) {
        if self.closed {
            return;
        }
        self.closed = true;
        for reading in std::iter::once(&self.unicast).chain(&self.multicast) {
            reading.stop.closed.store(true, Ordering::SeqCst);
            self.wake(reading);
        }
    }

    /// Who waits for room in the socket's buffer waits no more, where the system can be told (Linux): the interface may
    /// send nothing for long. What the application brought is its own.
    pub(super) fn end_sending(&self) {
        if !self.ready_made {
            socket::end_sending(&self.unicast.socket);
        }
    }

    /// Leaves the group for good, once no thread reads any more: handles may keep the sockets for long. What the
    /// application brought is its own.
    pub(super) fn leave(&mut self) {
        if self.joined && !self.ready_made && self.group.ip().is_multicast() {
            // It may be gone with its interface.
            let _ = socket::leave(self.member(), self.group.ip(), &self.options);
        }
        self.joined = false;
    }

    fn wake(&self, reading: &Reading) {
        let group = (reading.path == Path::Multicast).then_some(self.group);
        socket::wake(&reading.socket, group, &self.options);
    }

    /// The socket that is a member of the group: without a multicast socket the unicast one serves as both (S02).
    fn member(&self) -> &UdpSocket {
        &self.multicast.as_ref().unwrap_or(&self.unicast).socket
    }

    /// Joins the group, and sends by its interface, as it is now: one that was made again has another index.
    fn join(&mut self) -> io::Result<()> {
        // A member once more elsewhere may be an error of any kind, and what an application has joined is its own.
        let again = !self.ready_made && cfg!(any(target_os = "linux", target_os = "android"));
        if self.closed || (self.joined && !again) {
            return Ok(());
        }
        if self.group.ip().is_multicast() {
            socket::set_interface(&self.unicast.socket, &self.options)?;
            join_if_not_member(self.member(), self.group, &self.options)?;
        }
        self.joined = true;
        Ok(())
    }

    fn leave_for_now(&mut self) -> io::Result<()> {
        if !self.joined || self.closed {
            return Ok(());
        }
        if self.group.ip().is_multicast() {
            match socket::leave(self.member(), self.group.ip(), &self.options) {
                // The membership has gone with the interface.
                Err(error) if socket::no_such_interface(&error) => {}
                result => result?,
            }
        }
        self.joined = false;
        Ok(())
    }
}

impl State {
    /// Forgets the former addresses once nothing of them can be on its way: another node may have them now.
    pub(super) fn forget_former(&mut self, now: Instant) {
        if self.former_until.is_some_and(|until| until <= now) {
            self.former_until = None;
            // They were taken before, and are not more than a node can have.
            let _ = self.protocol.set_local_addr(&self.local_addrs);
        }
    }

    fn change_addresses(&mut self, addresses: Vec<SocketAddr>, now: Instant) {
        let mut known = addresses.clone();
        known.extend(self.local_addrs.iter().filter(|former| !addresses.contains(former)));
        known.truncate(MAX_ADDRESSES);
        // Cannot fail: it is bounded one line before.
        let _ = self.protocol.set_local_addr(&known);
        self.local_addrs = addresses;
        self.former_until = Some(now + FORMER_ADDRESS);
    }
}

impl Shared {
    pub(super) fn activate(&self) -> io::Result<()> {
        let mut sockets = lock(&self.sockets);
        sockets.join()?;
        self.state().protocol.activate(self.clock.now());
        drop(sockets);
        self.drain_and_tell(Effort::Much);
        Ok(())
    }

    pub(super) fn deactivate(&self) -> io::Result<()> {
        let mut sockets = lock(&self.sockets);
        sockets.leave_for_now()?;
        self.state().protocol.deactivate(self.clock.now());
        drop(sockets);
        self.drain_and_tell(Effort::Much);
        Ok(())
    }

    pub(super) fn socket_stats(&self) -> SocketStats {
        let mut stats = SocketStats::default();
        let sockets = lock(&self.sockets);
        stats.unicast_receive_buffer = sockets.unicast_buffers.receive;
        stats.send_buffer = sockets.unicast_buffers.send;
        stats.multicast_receive_buffer = sockets.multicast_buffers.map(|buffers| buffers.receive);
        drop(sockets);
        let failures = lock(&self.failures);
        stats.send_errors = failures.send;
        stats.receive_errors = failures.receive;
        stats.retries = failures.retries;
        drop(failures);
        self.traffic.tell(&mut stats);
        stats.events_dropped = self.events.dropped() + self.observers.dropped();
        stats
    }

    /// An address as the application names it.
    pub(super) fn named(&self, address: SocketAddr) -> SocketAddr {
        match address {
            SocketAddr::V4(_) => address,
            SocketAddr::V6(_) => address::named(address, lock(&self.sockets).options.index),
        }
    }
}

impl Owner {
    /// S32, F25: the new socket is read before the first datagram leaves by it, and the old one until it has nothing
    /// more.
    pub(crate) fn set_unicast_socket(&self, socket: UdpSocket) -> Result<(), SocketChangeError> {
        let shared = self.shared();
        // Whoever has it may wait for the socket, and others want `sockets` meanwhile.
        let outlet = lock(&shared.outlet);
        let replaced = self.replace_unicast_socket(socket, outlet);
        // Whoever found the outlet taken has left it to this thread.
        shared.drain(Effort::Much);
        owner::join(replaced?);
        Ok(())
    }

    /// Returns the thread that read the old one: it ends.
    fn replace_unicast_socket(
        &self,
        socket: UdpSocket,
        mut outlet: MutexGuard<'_, Outlet>,
    ) -> Result<Option<JoinHandle<()>>, SocketChangeError> {
        let shared = self.shared();
        let mut sockets = lock(&shared.sockets);
        if sockets.closed {
            return Err(SocketChangeError::Closed);
        }
        let (group, options) = (sockets.group, sockets.options);
        let bound = socket.local_addr()?;
        if address::normal(bound).is_ipv4() != group.is_ipv4() {
            return Err(SocketChangeError::FamilyMismatch { address: bound, group });
        }
        let buffers = socket::apply(&socket, &options)?;
        let addresses = socket::own_addresses(bound, group, &options)?;
        if sockets.multicast.is_none() && group.ip().is_multicast() && sockets.joined {
            join_if_not_member(&socket, group, &options)?;
        }
        let new = reading(Opened { socket, buffers }, Path::Unicast);
        let thread = self.read(&new)?;
        outlet.set_socket(Arc::clone(&new.socket), &shared.traffic);
        let now = shared.clock.now();
        if let Some(multicast) = sockets.multicast.as_ref().filter(|_| !sockets.ready_made) {
            let epoch = shared.state().protocol.config().epoch;
            own_filter::drop_own(&multicast.socket, addresses[0], epoch);
        }
        let mut state = shared.state();
        state.change_addresses(addresses, now);
        let held = assembly::packets_held(buffers, sockets.multicast_buffers, state.protocol.config().max_datagram);
        state.protocol.set_socket_packets(sockets.most_packets.min(held));
        drop(state);
        drop(outlet);
        let old = std::mem::replace(&mut sockets.unicast, new);
        sockets.unicast_buffers = buffers;
        old.stop.retired.store(true, Ordering::SeqCst);
        sockets.wake(&old);
        // With the lock: another call that changes the socket, or closes, finds the thread that reads the one in use.
        let reader = self.swap_unicast_thread(thread);
        drop(sockets);
        for notice in assembly::buffer_notices(&options, buffers, None) {
            shared.notice(notice);
        }
        Ok(reader)
    }
}

fn join_if_not_member(socket: &UdpSocket, group: SocketAddr, options: &Options) -> io::Result<()> {
    match socket::join(socket, group.ip(), options) {
        // It came as a member already.
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(()),
        result => result,
    }
}

fn reading(opened: Opened, path: Path) -> Reading {
    Reading { socket: Arc::new(opened.socket), path, stop: Arc::new(Stop::default()) }
}
