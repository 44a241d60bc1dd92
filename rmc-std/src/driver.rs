//! The driver.
#![expect(unused_variables, clippy::unimplemented, reason = "skeleton")]

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::time::Duration;

use rmc_core::{EventKind, Instant, Protocol, SendError};

use crate::error::{FlushError, ObserveError, RecvTimeoutError, SocketChangeError, TryRecvError};
use crate::event::{Event, SocketStats};
use crate::observers::{Callback, ObserverId};
use crate::received::Received;

#[derive(Debug)]
pub(crate) struct Owner;

impl Owner {
    pub(crate) fn send(&self, p: Option<SocketAddr>, payload: &[u8], t: Option<Duration>) -> Result<u64, SendError> {
        unimplemented!()
    }
    pub(crate) fn try_send(&self, p: Option<SocketAddr>, payload: &[u8]) -> Result<u64, SendError> {
        unimplemented!()
    }
    pub(crate) fn send_at(&self, seq: u64, payload: &[u8]) -> Result<u64, SendError> {
        unimplemented!()
    }
    pub(crate) fn reset(&self) -> Result<(), SendError> {
        unimplemented!()
    }
    pub(crate) fn flush(&self, timeout: Option<Duration>) -> Result<(), FlushError> {
        unimplemented!()
    }
    pub(crate) fn recv(&self, timeout: Option<Duration>) -> Result<Received, RecvTimeoutError> {
        unimplemented!()
    }
    pub(crate) fn try_recv(&self) -> Result<Received, TryRecvError> {
        unimplemented!()
    }
    pub(crate) fn query<T>(&self, f: impl FnOnce(&Protocol) -> T) -> T {
        unimplemented!()
    }
    pub(crate) fn input<T>(&self, f: impl FnOnce(&mut Protocol, Instant) -> T) -> T {
        unimplemented!()
    }
    pub(crate) fn activate(&self) -> io::Result<()> {
        unimplemented!()
    }
    pub(crate) fn deactivate(&self) -> io::Result<()> {
        unimplemented!()
    }
    pub(crate) fn peer(&self, address: SocketAddr) -> Option<rmc_core::PeerInfo> {
        unimplemented!()
    }
    pub(crate) fn remove_peer(&self, address: SocketAddr) -> bool {
        unimplemented!()
    }
    pub(crate) fn next_event(&self, timeout: Option<Duration>) -> Result<Event, RecvTimeoutError> {
        unimplemented!()
    }
    pub(crate) fn try_next_event(&self) -> Result<Event, TryRecvError> {
        unimplemented!()
    }
    pub(crate) fn observe(&self, kind: Option<EventKind>, callback: Callback) -> Result<ObserverId, ObserveError> {
        unimplemented!()
    }
    pub(crate) fn unobserve(&self, id: ObserverId) -> bool {
        unimplemented!()
    }
    pub(crate) fn local_addr(&self) -> SocketAddr {
        unimplemented!()
    }
    pub(crate) fn set_unicast_socket(&self, socket: UdpSocket) -> Result<(), SocketChangeError> {
        unimplemented!()
    }
    pub(crate) fn socket_stats(&self) -> SocketStats {
        unimplemented!()
    }
    pub(crate) fn start_finish(&self, linger: Duration) {
        unimplemented!()
    }
    pub(crate) fn wait_closed(&self, timeout: Option<Duration>) -> bool {
        unimplemented!()
    }
    pub(crate) fn finish(&self, linger: Duration) -> bool {
        unimplemented!()
    }
    pub(crate) fn close(&self) {
        unimplemented!()
    }
}
