//! Draining: what the protocol wants to be done is done, by the thread that made it want it.
//!
//! Who holds the outlet polls, and sends what it polled before it polls again. That keeps datagrams in the order in
//! which the protocol made them, and makes `transmit_failed` legal, which must come before the next poll (F19). The
//! protocol's lock is free while the system sends, so that receiving goes on. Who finds the outlet taken leaves a note
//! and does not wait: the holder polls again.
//!
//! Copying each datagram out and locking for each costs less than a tenth of the system call that sends it.

use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rmc_core::{Action, Instant};

use super::{Shared, State};
use crate::address;
use crate::alarm::Sleeps;
use crate::event::{Event, SocketErrorKind, SocketOperation};
use crate::failures::kind_of;
use crate::lock::{lock, try_lock};
use crate::offload;
use crate::socket;
use crate::traffic::Traffic;

/// How much a thread may do for all before it leaves the rest to the timer thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effort {
    /// All there is. For the timer thread.
    All,
    /// Many datagrams, waiting for the socket if its buffer is full. For calls that may wait.
    Much,
    /// One burst, without waiting. For threads that read, and calls that must not wait.
    Burst,
}

impl Effort {
    const fn datagrams(self) -> u32 {
        match self {
            Self::All => u32::MAX,
            Self::Much => 1_024,
            Self::Burst => 32,
        }
    }

    const fn rounds(self) -> u32 {
        match self {
            Self::All => u32::MAX,
            Self::Much | Self::Burst => 4,
        }
    }
}

/// Where datagrams leave: one at a time, in order.
#[derive(Debug)]
pub(super) struct Outlet {
    socket: Arc<UdpSocket>,
    socket_is_v6: bool,
    contents: Vec<u8>,
    /// How much of `contents` has left.
    sent: usize,
    segment: usize,
    /// The system cuts one buffer into many datagrams, as far as is known.
    segmenting: bool,
    /// That has changed, and the protocol has not been told.
    changed: bool,
    /// As many as a transmission may have while it does. 1: nobody wants that.
    most_segments: usize,
    /// It has refused to cut these contents.
    single: bool,
    /// How often in a row it has refused what was for the group.
    refusals: u32,
    destination: SocketAddr,
    group: SocketAddr,
    failures_in_a_row: u32,
    #[cfg(test)]
    refusal_for_tests: Option<i32>,
    #[cfg(test)]
    failure_for_tests: Option<(usize, i32)>,
    #[cfg(test)]
    full_for_tests: Option<std::sync::mpsc::Receiver<()>>,
}

/// The protocol's next wish.
enum Wish {
    /// The outlet holds a datagram.
    Transmit,
    /// Its deadline is over.
    Timeout,
    /// Until the deadline that the alarm is set to.
    Nothing(Sleeps),
    Closed,
}

/// How often a datagram is tried again, which is 10 ms later each time. After that it counts as lost on the way, or a
/// network that is down would keep `finish` from ever coming to an end.
const MOST_RETRIES: u32 = 100;

/// From how many refusals in a row on nothing more is cut for the group. Fewer may come from a passing moment; one costs
/// a call more for its datagrams.
const MOST_REFUSALS: u32 = 8;

impl Outlet {
    pub(super) fn new(socket: Arc<UdpSocket>, group: SocketAddr, most_segments: usize) -> Self {
        Self {
            socket_is_v6: is_v6(&socket),
            socket,
            contents: Vec::new(),
            sent: 0,
            segment: 1,
            segmenting: most_segments > 1,
            changed: false,
            most_segments,
            single: false,
            refusals: 0,
            destination: group,
            group,
            failures_in_a_row: 0,
            #[cfg(test)]
            refusal_for_tests: None,
            #[cfg(test)]
            failure_for_tests: None,
            #[cfg(test)]
            full_for_tests: None,
        }
    }

    /// From now on by another socket, a datagram included that has not left yet. What the system refused to cut for the
    /// last one it may cut for this.
    pub(super) fn set_socket(&mut self, socket: Arc<UdpSocket>, traffic: &Traffic) {
        self.socket_is_v6 = is_v6(&socket);
        self.refusals = 0;
        self.set_segmenting(self.most_segments > 1 && offload::can_segment(&socket), traffic);
        self.socket = socket;
    }

    fn set_segmenting(&mut self, on: bool, traffic: &Traffic) {
        self.changed |= self.segmenting != on;
        self.segmenting = on;
        traffic.set_segmenting(on);
    }

    fn is_empty(&self) -> bool {
        self.sent == self.contents.len()
    }

    fn clear(&mut self) {
        self.contents.clear();
        self.sent = 0;
        self.single = false;
    }

    /// Takes a transmission over; the bytes of several datagrams are still the protocol's. Returns whether they are.
    fn fill(&mut self, transmit: rmc_core::Transmit<'_>) -> bool {
        self.clear();
        self.destination = address::for_socket(transmit.destination, self.socket_is_v6);
        self.segment = transmit.segment_size.unwrap_or(transmit.contents.len()).max(1);
        if transmit.segment_size.is_none() {
            self.contents.extend_from_slice(transmit.contents);
        }
        transmit.segment_size.is_some()
    }

    fn datagrams(&self) -> usize {
        self.contents.len().div_ceil(self.segment)
    }

    /// Sends what is left of the contents.
    fn send(&mut self, wait: bool, traffic: &Traffic) -> io::Result<()> {
        #[cfg(test)]
        if let Some(full) = &self.full_for_tests {
            if !wait {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let _ = full.recv();
        }
        while !self.is_empty() {
            let many = self.segmenting && !self.single && self.sent == 0 && self.segment < self.contents.len();
            let end = if many { self.contents.len() } else { self.contents.len().min(self.sent + self.segment) };
            let sent = if many { self.send_segments(wait) } else { self.send_one(end, wait) };
            match sent {
                Ok(()) => {
                    traffic.sent(if many { self.datagrams() } else { 1 });
                    self.sent = end;
                    if many && self.is_for_group() {
                        self.refusals = 0;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // Each on its own then, these too.
                Err(error) if many && offload::is_refusal(&error) => self.refused(&error, traffic),
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next datagram, up to `end`.
    fn send_one(&mut self, end: usize, wait: bool) -> io::Result<()> {
        #[cfg(test)]
        if let Some((_, code)) = self.failure_for_tests.take_if(|(after, _)| *after * self.segment == self.sent) {
            return Err(io::Error::from_raw_os_error(code));
        }
        socket::send(&self.socket, &self.contents[self.sent..end], self.destination, wait)
    }

    fn send_segments(&self, wait: bool) -> io::Result<()> {
        #[cfg(test)]
        if let Some(code) = self.refusal_for_tests {
            return Err(io::Error::from_raw_os_error(code));
        }
        offload::send_segments(&self.socket, &self.contents, self.segment, self.destination, wait)
    }

    /// In what `Effort::datagrams` counts. Many that leave by one call cost less than as many calls.
    fn cost(&self) -> u32 {
        1 + u32::try_from(self.datagrams() / 8).unwrap_or(u32::MAX)
    }

    /// The contents leave one by one then. Not what follows: the way to one node, or to the group at this moment, may
    /// take less than others.
    fn refused(&mut self, error: &io::Error, traffic: &Traffic) {
        self.single = true;
        if self.is_for_group() {
            self.refusals += 1;
            if offload::is_final(error) || self.refusals >= MOST_REFUSALS {
                self.set_segmenting(false, traffic);
            }
        }
    }

    fn is_for_group(&self) -> bool {
        self.destination == address::for_socket(self.group, self.socket_is_v6)
    }

    /// Whether a failed datagram is worth another try. One node that cannot be reached must not hold up the group.
    pub(super) fn worth_retrying(&self, error: &io::Error) -> bool {
        let passing = match kind_of(error) {
            SocketErrorKind::NoBuffers => true,
            SocketErrorKind::Unreachable => self.is_for_group(),
            SocketErrorKind::TooLarge | SocketErrorKind::Denied | SocketErrorKind::Refused | SocketErrorKind::Other => {
                false
            }
        };
        passing && self.failures_in_a_row < MOST_RETRIES
    }
}

#[cfg(test)]
impl Outlet {
    /// As if a datagram could not leave without waiting.
    pub(super) fn hold_for_tests(&mut self, contents: &[u8], destination: SocketAddr) {
        self.fill(rmc_core::Transmit { destination, contents, segment_size: None });
    }

    /// As if the system refused to cut buffers, with this error.
    pub(super) fn refuse_for_tests(&mut self, code: i32) {
        self.refusal_for_tests = Some(code);
    }

    pub(super) const fn accept_for_tests(&mut self) {
        self.refusal_for_tests = None;
    }

    /// As if the system had no room for one datagram: once, when so many of several have left.
    pub(super) fn fail_after_for_tests(&mut self, datagrams: usize, code: i32) {
        self.failure_for_tests = Some((datagrams, code));
    }

    /// As if the socket's buffer were full until the other end of the channel is dropped.
    pub(super) fn fill_up_for_tests(&mut self, full: std::sync::mpsc::Receiver<()>) {
        self.full_for_tests = Some(full);
    }

    pub(super) fn fail_for_tests(&mut self, times: u32) {
        self.failures_in_a_row = times;
    }
}

impl Shared {
    /// Does what the protocol wants, or leaves it to somebody who will. Returns whether it was done here: if not, those
    /// who wait to receive do not know yet of what there is for them.
    pub(super) fn drain(&self, effort: Effort) -> bool {
        for _ in 0..effort.rounds() {
            self.unpolled.store(true, Ordering::SeqCst);
            let Some(mut outlet) = try_lock(&self.outlet) else { return false };
            // Cleared before polling: who sets it from here on has changed the state in time for it, or is polled for
            // in the next round.
            self.unpolled.store(false, Ordering::SeqCst);
            let closed = self.drain_into(&mut outlet, effort);
            drop(outlet);
            if closed {
                self.shut_down();
                return true;
            }
            if !self.unpolled.load(Ordering::SeqCst) {
                return true;
            }
        }
        self.alarm.ring();
        true
    }

    /// As `drain`, after something that may have made items for those who wait to receive. The one who drains may wait
    /// for the socket: that must not keep the items from them.
    pub(super) fn drain_and_tell(&self, effort: Effort) {
        if !self.drain(effort) {
            self.tell_receivers();
        }
    }

    /// Who waits to receive shall know, if there is something, whoever polls next.
    fn tell_receivers(&self) {
        let state = self.state();
        if state.protocol.readable() > 0 {
            self.wake_receivers(&state);
        }
    }

    /// Returns whether the protocol has closed.
    fn drain_into(&self, outlet: &mut Outlet, effort: Effort) -> bool {
        if !outlet.is_empty() {
            // It leaves before the protocol is polled, which may take a while.
            self.tell_receivers();
        }
        if !self.transmit(outlet, effort) {
            self.alarm.ring();
            return false;
        }
        let mut left = effort.datagrams();
        loop {
            if left == 0 {
                self.alarm.ring();
                return false;
            }
            match self.next_wish(outlet, effort) {
                Wish::Closed => return true,
                Wish::Transmit => {
                    left = left.saturating_sub(outlet.cost());
                    if !self.transmit(outlet, effort) {
                        self.alarm.ring();
                        return false;
                    }
                }
                Wish::Timeout => {
                    // What is there has been read meanwhile: the threads that read had the lock while this one sent.
                    let mut state = self.state();
                    state.protocol.handle_timeout(self.clock.now());
                }
                Wish::Nothing(sleeps) => {
                    self.alarm.wake(sleeps);
                    return false;
                }
            }
        }
    }

    fn next_wish(&self, outlet: &mut Outlet, effort: Effort) -> Wish {
        let mut state = self.state();
        state.in_flight = false;
        if std::mem::take(&mut outlet.changed) {
            state.protocol.set_max_segments(if outlet.segmenting { outlet.most_segments } else { 1 });
        }
        loop {
            match state.protocol.poll_action() {
                Action::Transmit(transmit) => {
                    if outlet.fill(transmit) {
                        state.protocol.swap_segments(&mut outlet.contents);
                    }
                    state.in_flight = true;
                    return Wish::Transmit;
                }
                Action::Event(rmc_core::Event::Readable) => {
                    self.wake_receivers(&state);
                    self.observers.notify(&Event::Protocol(rmc_core::Event::Readable));
                }
                Action::Event(event) => self.event(Event::Protocol(event)),
                Action::ArmTimer(deadline) => {
                    // Not by its event, which may not be wanted.
                    if state.protocol.is_closed() {
                        state.finished |= !state.closed_by_call;
                        return Wish::Closed;
                    }
                    state.load.flushed();
                    self.wake_senders(&state, deadline);
                    if effort != Effort::Burst && deadline.is_some_and(|deadline| deadline <= self.clock.now()) {
                        return Wish::Timeout;
                    }
                    // With the lock: who brings a message that is to gather sets the alarm after this, and not before.
                    return Wish::Nothing(self.alarm.put(deadline));
                }
            }
        }
    }

    /// Wakes those who wait for room when there is enough of it to make it worth while, or nothing more to wait for.
    fn wake_senders(&self, state: &State, deadline: Option<Instant>) {
        if state.senders_waiting == 0 {
            return;
        }
        let idle = deadline.is_none_or(|deadline| deadline > self.clock.now());
        let config = state.protocol.config();
        let room = state.protocol.send_capacity();
        if idle || (room.packets >= config.send_queue_packets / 2 && room.bytes >= config.send_queue_bytes / 2) {
            self.writable.notify_all();
        }
    }

    /// Sends what the outlet holds. `false`: it cannot leave without waiting, and stays.
    fn transmit(&self, outlet: &mut Outlet, effort: Effort) -> bool {
        if outlet.is_empty() {
            return true;
        }
        match outlet.send(effort != Effort::Burst, &self.traffic) {
            Ok(()) => {
                outlet.failures_in_a_row = 0;
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && effort == Effort::Burst => return false,
            Err(error) => self.transmit_failed(outlet, &error),
        }
        outlet.clear();
        true
    }

    /// Seed fault F19: the protocol keeps the datagram, or knows that it is lost; the rest of the burst is not touched.
    fn transmit_failed(&self, outlet: &mut Outlet, error: &io::Error) {
        let retry = outlet.worth_retrying(error);
        outlet.failures_in_a_row = outlet.failures_in_a_row.saturating_add(1);
        let now = self.clock.now();
        let mut state = self.state();
        state.protocol.swap_segments(&mut outlet.contents);
        // Those before it left one by one.
        state.protocol.segments_left(outlet.sent / outlet.segment);
        state.protocol.transmit_failed(now, retry);
        drop(state);
        let mut failures = lock(&self.failures);
        failures.retries += u64::from(retry);
        let destination = address::normal(outlet.destination);
        let notice = failures.record(now, SocketOperation::Send, error, Some(destination));
        drop(failures);
        if let Some(notice) = notice {
            self.notice(notice);
        }
    }
}

fn is_v6(socket: &UdpSocket) -> bool {
    socket.local_addr().is_ok_and(|address| address.is_ipv6())
}
