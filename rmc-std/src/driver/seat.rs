//! Who reads the multicast socket: a thread of the driver, or the application's own thread while it waits in `recv`.
//! The latter saves a wake-up for each message that comes alone, and half of them when many come.
//!
//! An application that finds nothing asks for the seat, and gets it with the next datagram that has something for it.
//! From then on it reads for itself. When it stays away for longer than `AWAY` the driver's thread takes the seat back,
//! so that gaps are asked for, and heartbeats heard, whatever the application does.

use std::io;
use std::net::UdpSocket;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rmc_core::{Instant, Path};

use super::reader::{Gear, Reader, Reading};
use super::{Shared, State};
use crate::bell::Bell;
use crate::lock::{lock, wait};

/// So long the application may be away before somebody else reads.
const AWAY: Duration = Duration::from_millis(2);
/// So long after the application has last read the driver's thread keeps looking by itself: nobody has to wake it.
const WATCHES: Duration = Duration::from_millis(100);
/// While little comes the driver's thread looks less often, up to so long apart: a look may be in the way of a message.
/// Not a number of milliseconds, as applications like to work in step with those.
const LOOKS_APART: Duration = Duration::from_micros(20_300);
/// So many reads since the last look are no longer little: what is not read must fit into the socket's buffer.
const MUCH: u32 = 32;

/// What is needed to read in place of the driver's thread.
#[derive(Debug)]
pub(super) struct Seat {
    bell: Bell,
    /// The driver's thread waits here, with the state's lock.
    free: Condvar,
    /// Of the thread that reads; whoever has the seat has it.
    place: Mutex<Option<Place>>,
}

/// What is read, and with what.
#[derive(Clone, Debug)]
struct Place {
    socket: Arc<UdpSocket>,
    gear: Arc<Mutex<Gear>>,
}

/// Who has it. Guarded by the state's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Holder {
    Driver,
    Application,
    /// Since then.
    Nobody(Instant),
}

/// What stands in the state of it.
#[derive(Debug)]
pub(super) struct Seating {
    holder: Holder,
    /// An application has found nothing, and would read itself.
    wanted: bool,
    /// The application waits for the socket and the bell.
    waits: bool,
    /// The driver's thread looks by itself whether the application is away.
    watched: bool,
    /// How often the application has read since that looked last.
    reads: u32,
}

impl Seating {
    pub(super) const fn new() -> Self {
        Self { holder: Holder::Driver, wanted: false, waits: false, watched: false, reads: 0 }
    }
}

impl Seat {
    /// `None`: nobody but the driver's thread can read here.
    pub(super) fn new() -> Option<Self> {
        Some(Self { bell: Bell::new()?, free: Condvar::new(), place: Mutex::default() })
    }

    /// The driver's thread says what it reads with.
    pub(super) fn prepare(&self, reading: &Reading, gear: &Arc<Mutex<Gear>>) {
        *lock(&self.place) = Some(Place { socket: Arc::clone(&reading.socket), gear: Arc::clone(gear) });
    }

    /// Everybody looks again.
    pub(super) fn ring(&self) {
        self.bell.ring();
        self.free.notify_all();
    }
}

impl Shared {
    /// For the driver's thread: waits until it is its turn to read, or to end.
    pub(super) fn take_seat(&self, reading: &Reading) {
        let Some(seat) = self.seat.as_ref().filter(|_| reading.path == Path::Multicast) else { return };
        let mut state = self.state();
        let (mut apart, mut watches_until) = (AWAY, self.clock.now());
        loop {
            let now = self.clock.now();
            let is_over = reading.stop.closed.load(Ordering::SeqCst) || state.protocol.is_closed();
            let holder = state.seating.holder;
            if is_over || holder == Holder::Driver || matches!(holder, Holder::Nobody(since) if now >= since + AWAY) {
                state.seating.holder = Holder::Driver;
                state.seating.watched = false;
                return;
            }
            let reads = std::mem::take(&mut state.seating.reads);
            if reads > 0 {
                watches_until = now + WATCHES;
            }
            apart = if reads < MUCH { (2 * apart).min(LOOKS_APART) } else { AWAY };
            let look = match holder {
                // An application that has got its message may never come back.
                Holder::Nobody(since) => Some(self.clock.until(since + AWAY)),
                Holder::Driver | Holder::Application => (now < watches_until).then_some(apart),
            };
            state.seating.watched = look.is_some();
            state = wait(&seat.free, state, look);
        }
    }

    /// For the driver's thread, which has handed in what came: leaves the seat to an application that has asked for it,
    /// if there is something for it now.
    pub(super) fn offer_seat(&self, state: &mut State, now: Instant) {
        let seating = &mut state.seating;
        if seating.wanted && seating.holder == Holder::Driver && state.protocol.readable() > 0 {
            seating.wanted = false;
            seating.holder = Holder::Nobody(now);
        }
    }

    /// For an application that has handed in what came: it needs no bell any more. Returns whether there is something
    /// for it.
    pub(super) fn hears(&self, state: &mut State) -> bool {
        state.seating.waits = false;
        state.protocol.readable() > 0
    }

    /// There is something to receive: whoever waits for it shall know.
    pub(super) fn wake_receivers(&self, state: &State) {
        if state.receivers_waiting > 0 {
            self.readable.notify_all();
        }
        if let Some(seat) = self.seat.as_ref().filter(|_| state.seating.waits) {
            seat.bell.ring();
        }
    }

    /// For an application that has found nothing: waits until there may be something, at most so long.
    pub(super) fn await_readable<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        left: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        if let Some(seat) = &self.seat
            && matches!(state.seating.holder, Holder::Nobody(_))
        {
            state.seating.holder = Holder::Application;
            drop(state);
            let reads = self.read_here(seat, left);
            let mut state = self.state();
            state.seating.waits = false;
            if reads {
                state.seating.holder = Holder::Nobody(self.clock.now());
                state.seating.reads = state.seating.reads.saturating_add(1);
                if state.receivers_waiting > 0 {
                    self.readable.notify_one();
                }
            } else {
                state.seating.holder = Holder::Driver;
            }
            if !reads || !state.seating.watched {
                seat.free.notify_one();
            }
            return state;
        }
        state.seating.wanted = self.seat.is_some();
        state.receivers_waiting += 1;
        state = wait(&self.readable, state, left);
        state.receivers_waiting -= 1;
        state
    }

    /// Reads what is there, or waits for it. Returns whether the application may go on reading.
    fn read_here(&self, seat: &Seat, left: Option<Duration>) -> bool {
        let Some(Place { socket, gear }) = lock(&seat.place).clone() else { return false };
        let mut gear = gear.lock().unwrap_or_else(PoisonError::into_inner);
        gear.pause();
        let (mut waited, mut ready) = (false, false);
        loop {
            match gear.read(self, &socket, Path::Multicast, Reader::Application) {
                Ok(ended) => return !ended,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => return true,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !waited => {
                    let mut state = self.state();
                    if state.protocol.is_closed() || state.protocol.readable() > 0 {
                        return true;
                    }
                    state.seating.waits = true;
                    drop(state);
                    ready = seat.bell.wait(&socket, left);
                    waited = true;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock && !ready => return true,
                // Also a socket that says it has something and has nothing, as one that is shut down does: who waits
                // for it here would not wait at all. It will be told by the thread that is there for it.
                Err(_) => return false,
            }
        }
    }
}
