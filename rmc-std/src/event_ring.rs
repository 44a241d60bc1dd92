//! Events that wait for somebody to take them: bounded, and what finds no room is counted and told (S35).

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex};

use crate::clock::Patience;
use crate::error::{RecvTimeoutError, TryRecvError};
use crate::event::Event;
use crate::lock::{lock, wait};

#[derive(Debug)]
pub(crate) struct EventRing {
    waiting: Mutex<Waiting>,
    bell: Condvar,
    bound: usize,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Event>,
    /// How many found no room since the last one that was kept.
    missed: u64,
    dropped: u64,
    takers: usize,
    closed: bool,
}

impl EventRing {
    pub(crate) fn new(bound: usize) -> Self {
        Self { waiting: Mutex::default(), bell: Condvar::new(), bound: bound.max(2) }
    }

    pub(crate) fn push(&self, event: Event) {
        let mut waiting = lock(&self.waiting);
        if waiting.closed {
            return;
        }
        let room = self.bound - waiting.events.len();
        if room < 1 + usize::from(waiting.missed > 0) {
            // That the protocol dropped some is no event of its own: those are counted there.
            let (missed, dropped) = match event {
                Event::Protocol(rmc_core::Event::EventsDropped { count }) => (count, 0),
                _ => (1, 1),
            };
            waiting.missed += missed;
            waiting.dropped += dropped;
            return;
        }
        // What is missing is told in its place.
        if let Some(missed) = waiting.take_missed() {
            waiting.events.push_back(missed);
        }
        waiting.events.push_back(event);
        if waiting.takers > 0 {
            self.bell.notify_one();
        }
    }

    pub(crate) fn take(&self, patience: Patience) -> Result<Event, RecvTimeoutError> {
        let mut waiting = lock(&self.waiting);
        loop {
            if let Some(event) = waiting.next() {
                return Ok(event);
            }
            if waiting.closed {
                return Err(RecvTimeoutError::Disconnected);
            }
            let Some(left) = patience.left() else { return Err(RecvTimeoutError::Timeout) };
            waiting.takers += 1;
            waiting = wait(&self.bell, waiting, left);
            waiting.takers -= 1;
        }
    }

    pub(crate) fn try_take(&self) -> Result<Event, TryRecvError> {
        let mut waiting = lock(&self.waiting);
        match waiting.next() {
            Some(event) => Ok(event),
            None if waiting.closed => Err(TryRecvError::Disconnected),
            None => Err(TryRecvError::Empty),
        }
    }

    /// Nothing more comes; what is there can still be taken.
    pub(crate) fn close(&self) {
        lock(&self.waiting).closed = true;
        self.bell.notify_all();
    }

    pub(crate) fn dropped(&self) -> u64 {
        lock(&self.waiting).dropped
    }
}

impl Waiting {
    fn next(&mut self) -> Option<Event> {
        self.events.pop_front().or_else(|| self.take_missed())
    }

    fn take_missed(&mut self) -> Option<Event> {
        if self.missed == 0 {
            return None;
        }
        let count = std::mem::take(&mut self.missed);
        Some(Event::Protocol(rmc_core::Event::EventsDropped { count }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(seq: u64) -> Event {
        Event::Protocol(rmc_core::Event::SequenceOverflow { seq })
    }

    fn dropped(count: u64) -> Event {
        Event::Protocol(rmc_core::Event::EventsDropped { count })
    }

    #[test]
    fn seed_s35_what_finds_no_room_is_counted_and_told_in_its_place() {
        let ring = EventRing::new(3);
        for seq in 1..=5 {
            ring.push(event(seq));
        }
        assert_eq!(ring.dropped(), 2);
        assert_eq!(ring.try_take(), Ok(event(1)));
        assert_eq!(ring.try_take(), Ok(event(2)));
        ring.push(event(6));
        assert_eq!(ring.try_take(), Ok(event(3)));
        assert_eq!(ring.try_take(), Ok(dropped(2)));
        assert_eq!(ring.try_take(), Ok(event(6)));
        assert_eq!(ring.try_take(), Err(TryRecvError::Empty));
    }

    #[test]
    fn seed_s35_an_overflow_is_told_even_if_nothing_comes_after_it() {
        let ring = EventRing::new(2);
        for seq in 1..=3 {
            ring.push(event(seq));
        }
        assert_eq!(ring.try_take(), Ok(event(1)));
        assert_eq!(ring.try_take(), Ok(event(2)));
        assert_eq!(ring.try_take(), Ok(dropped(1)));
        assert_eq!(ring.try_take(), Err(TryRecvError::Empty));
    }

    #[test]
    fn what_is_there_can_be_taken_after_close() {
        let ring = EventRing::new(8);
        ring.push(event(1));
        ring.close();
        ring.push(event(2));
        assert_eq!(ring.take(Patience::new(None)), Ok(event(1)));
        assert_eq!(ring.take(Patience::new(None)), Err(RecvTimeoutError::Disconnected));
        assert_eq!(ring.try_take(), Err(TryRecvError::Disconnected));
    }
}
