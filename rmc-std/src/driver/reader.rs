//! The threads that read: one for each socket, blocking. Where the system cannot be told to wake one, its waiting has an
//! end, so that it looks whether it is to stop.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rmc_core::{Instant, Path};

use super::drain::Effort;
use super::load::ReceiveLoad;
use super::{Shared, State};
use crate::address;
use crate::event::SocketOperation;
use crate::impair::Stage;
use crate::lock::lock;
use crate::offload::Receives;
use crate::socket;

/// What a thread reads, and how it is told to stop.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) socket: Arc<UdpSocket>,
    pub(super) path: Path,
    pub(super) stop: Arc<Stop>,
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// The driver's thread: it waits for what comes.
    Driver,
    /// A thread that waits in `recv`: it takes what is there, and drains when it has.
    Application,
}

/// What one call received.
#[derive(Clone, Copy, Debug)]
struct Call {
    path: Path,
    by: Reader,
    /// When the call returned. Others may have handed in something later meanwhile: the protocol's time does not go back.
    now: Instant,
    /// Nothing will come any more: what is empty says so, and is no datagram.
    ended: bool,
}

/// How a thread is told to stop; its socket must be woken too.
#[derive(Debug, Default)]
pub(super) struct Stop {
    /// At once.
    pub(super) closed: AtomicBool,
    /// After what has been received already.
    pub(super) retired: AtomicBool,
}

/// The largest datagram there is, and the most that the system puts together.
const MAX_DATAGRAM: usize = 65_536;
/// How many receives one call makes at most. Memory: 2 MiB a socket, once datagrams come that were put together.
const RECEIVES: usize = 32;
const NOBODY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED), 0);
/// How many calls a retired socket may still take.
const LAST_CALLS: u32 = 100_000;
/// From how many failures in a row on to pause between them: a socket that fails for good must not cost a processor.
const PATIENT_FAILURES: u32 = 8;
const PAUSE: Duration = Duration::from_millis(10);

/// What a socket is read with.
#[derive(Debug)]
pub(super) struct Gear {
    receives: Receives,
    load: ReceiveLoad,
    stage: Option<Stage>,
}

impl Gear {
    pub(super) fn new(pause: Duration, stage: Option<Stage>) -> Self {
        Self { receives: Receives::new(RECEIVES, MAX_DATAGRAM), load: ReceiveLoad::new(pause), stage }
    }

    /// Lets datagrams gather, if they come thick and fast.
    pub(super) fn pause(&self) {
        if let Some(pause) = self.load.pause() {
            thread::sleep(pause);
        }
    }

    /// Takes what is there with one call, and hands it in. Returns whether nothing will ever come again.
    pub(super) fn read(&mut self, shared: &Shared, socket: &UdpSocket, path: Path, by: Reader) -> io::Result<bool> {
        let arrivals = self.receives.receive(socket, by == Reader::Driver)?;
        let ended = arrivals.iter().any(|arrival| arrival.len == 0) && socket::is_shut_down(socket);
        let now = shared.clock.now();
        self.load.received(now);
        shared.batch(Call { path, by, now, ended }, &self.receives, &mut self.stage);
        Ok(ended)
    }
}

/// The thread's loop.
pub(super) fn run(shared: &Shared, reading: &Reading, gear: &Mutex<Gear>) {
    let looks = reading.socket.read_timeout().is_ok_and(|timeout| timeout.is_some());
    let mut last = LAST_CALLS;
    let mut failures: u32 = 0;
    loop {
        shared.take_seat(reading);
        let mut gear = lock(gear);
        gear.pause();
        let read = gear.read(shared, &reading.socket, reading.path, Reader::Driver);
        drop(gear);
        let error = match after(read, &reading.stop, &mut last, looks) {
            Next::End => return,
            Next::Read => {
                failures = 0;
                continue;
            }
            Next::Failed(error) => error,
        };
        failures = failures.saturating_add(1);
        shared.receive_failed(&error);
        if failures >= PATIENT_FAILURES {
            thread::sleep(PAUSE);
        }
    }
}

/// What a thread does after a call.
#[derive(Debug)]
enum Next {
    Read,
    End,
    Failed(io::Error),
}

/// `last`: how many calls it may still make once its socket is retired. `looks`: its waiting has an end, which is no
/// failure.
fn after(read: io::Result<bool>, stop: &Stop, last: &mut u32, looks: bool) -> Next {
    if stop.closed.load(Ordering::SeqCst) {
        return Next::End;
    }
    let retired = stop.retired.load(Ordering::SeqCst);
    match read {
        // It was woken, and has nothing more; or another thread keeps filling it.
        Ok(ended) if retired && (ended || *last == 0) => Next::End,
        Ok(false) => {
            *last -= u32::from(retired);
            Next::Read
        }
        // Somebody else who has the socket too has shut it down.
        Ok(true) => Next::Failed(io::ErrorKind::NotConnected.into()),
        Err(error) if error.kind() == io::ErrorKind::Interrupted => Next::Read,
        Err(_) if retired => Next::End,
        Err(error) if looks && matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
            Next::Read
        }
        Err(error) => Next::Failed(error),
    }
}

impl Shared {
    /// Hands in what one call received, under one lock.
    fn batch(&self, call: Call, receives: &Receives, stage: &mut Option<Stage>) {
        let Call { path, by, now, ended } = call;
        let (mut coalesced, mut truncated) = (0, 0);
        let mut state = self.state();
        state.forget_former(now);
        for arrival in receives.arrivals() {
            // The system does not name who sent an empty one; it is counted as malformed, from whomever it came.
            let source = arrival.source.map_or(NOBODY, address::normal);
            if arrival.truncated {
                truncated += 1;
                continue;
            }
            let bytes = receives.bytes_of(arrival);
            if arrival.segment < bytes.len() {
                coalesced += bytes.len().div_ceil(arrival.segment);
            }
            let State { protocol, .. } = &mut *state;
            let mut hand_in = |source: SocketAddr, bytes: &[u8]| protocol.handle_datagram(now, source, path, bytes);
            if bytes.is_empty() && !ended {
                hand_in(source, bytes);
            }
            for datagram in bytes.chunks(arrival.segment) {
                match stage {
                    None => hand_in(source, datagram),
                    Some(stage) => stage.pass(source, datagram, &mut hand_in),
                }
            }
        }
        let taken_next = by == Reader::Application && self.hears(&mut state);
        if path == Path::Multicast {
            self.offer_seat(&mut state, now);
        }
        drop(state);
        self.traffic.received(coalesced);
        for _ in 0..truncated {
            self.receive_failed(&io::ErrorKind::FileTooLarge.into());
        }
        // Who takes something drains after it: the application has its message first.
        if !taken_next {
            self.drain_and_tell(Effort::Burst);
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
