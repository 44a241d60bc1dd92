//! The threads that read: one for each socket, blocking, without a receive timeout.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rmc_core::Path;

use super::Shared;
use super::drain::Effort;
use crate::address;
use crate::event::SocketOperation;
use crate::impair::Stage;
use crate::lock::lock;
use crate::socket;

/// What a thread reads, and how it is told to stop.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) path: Path,
    pub(super) stop: Arc<Stop>,
}

/// How a thread is told to stop; its socket must be woken too.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// At once.
    pub(super) closed: AtomicBool,
    /// After what has been received already.
    pub(super) retired: AtomicBool,
}

/// The largest datagram there is.
const MAX_DATAGRAM: usize = 65_536;
/// How much a retired socket may still have.
const LAST_DATAGRAMS: u32 = 100_000;
/// From how many failures in a row on to pause between them: a socket that fails for good must not cost a processor.
const PATIENT_FAILURES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(10);

/// The thread's loop.
pub(super) fn run(shared: &Shared, reading: &Reading, mut stage: Option<Stage>) {
    let mut buffer = vec![0; MAX_DATAGRAM];
    let mut last = LAST_DATAGRAMS;
    let mut failures: u32 = 0;
    loop {
        let received = socket::receive(&reading.socket, &mut buffer);
        if reading.stop.closed.load(Ordering::SeqCst) {
            return;
        }
        let retired = reading.stop.retired.load(Ordering::SeqCst);
        let error = match received {
            Ok(None) if retired => return,
            // Where a retired socket is woken by a datagram, that is the last one.
            Ok(Some((0, _))) if retired => return,
            Ok(Some(_)) if retired && last == 0 => return,
            Ok(Some((len, source))) => {
                last -= u32::from(retired);
                failures = 0;
                let source = address::normal(source);
                match &mut stage {
                    None => shared.datagram(source, reading.path, &buffer[..len]),
                    Some(stage) => {
                        stage
                            .pass(source, &buffer[..len], |source, bytes| shared.datagram(source, reading.path, bytes));
                    }
                }
                continue;
            }
            // Somebody else who has the socket too has shut it down.
            Ok(None) => io::ErrorKind::NotConnected.into(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) if retired => return,
            Err(error) => error,
        };
        failures = failures.saturating_add(1);
        shared.receive_failed(&error);
        if failures >= PATIENT_FAILURES {
            thread::sleep(PAUSE);
        }
    }
}

impl Shared {
    fn datagram(&self, source: SocketAddr, path: Path, bytes: &[u8]) {
        let mut state = self.state();
        let now = self.clock.now();
        state.forget_former(now);
        state.protocol.handle_datagram(now, source, path, bytes);
        drop(state);
        if self.drain(Effort::Burst) {
            return;
        }
        // The one who drains may wait for the socket. That must not keep what came from those who wait for it.
        let state = self.state();
        if state.receivers_waiting > 0 && state.protocol.stats().held.readable > 0 {
            self.readable.notify_all();
        }
    }

    fn receive_failed(&self, error: &io::Error) {
        let now = self.clock.now();
        let notice = lock(&self.failures).record(now, SocketOperation::Receive, error, None);
        if let Some(notice) = notice {
            self.notice(notice);
        }
    }
}
