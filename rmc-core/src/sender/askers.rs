//! Who asks for repairs of one stream: what each is owed, and what it has taken lately (RMC-REPAIR-7, RMC-REPAIR-9).

use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::flow::Account;
use super::ramp::Ramp;
use super::repair_loss::RepairLoss;
use super::rounds::AskerId;
use crate::hash::{Map, map};
use crate::range_set::RangeSet;
use crate::time::Instant;

/// The place of all addresses together that have not proven that they receive: who forges them gets no more than one
/// asker does.
pub(crate) const STRANGERS: u32 = 0;

/// How many ranges one asker is owed at most: those of two full NACKs. What does not fit is asked for again.
const MAX_RANGES: usize = 64;

/// All askers of one stream. They keep their places while there is room, so that what they have taken is not forgotten.
#[derive(Clone)]
pub(crate) struct Askers {
    slots: Vec<Asker>,
    lookup: Map<SocketAddr, u32>,
    /// Who may have to make room, the one that was done first in front. Who is owed something again stays in it until
    /// then.
    idle: VecDeque<u32>,
}

#[derive(Clone)]
pub(crate) struct Asker {
    /// `None`: strangers.
    pub(crate) address: Option<SocketAddr>,
    generation: u32,
    /// The stamp of its last NACK, which the answer carries.
    pub(crate) stamp: u32,
    pub(crate) owed: RangeSet,
    /// It asked for numbers below the backlog.
    pub(crate) below: bool,
    /// Until when word of what is gone holds off its NACKs for that: they were sent before it was heard.
    pub(crate) below_holds: Option<Instant>,
    /// It must be told that it has to wait.
    pub(crate) told_to_wait: bool,
    pub(crate) turn: Turn,
    pub(crate) account: Account,
    pub(crate) ramp: Ramp,
    pub(crate) repair_loss: RepairLoss,
    /// When it may be told again to wait.
    pub(crate) waits_until: Option<Instant>,
    idle: bool,
}

/// Where an asker stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// In no queue.
    Out,
    /// In the order of turns.
    Waiting,
    /// Among those that lack the credit: for a datagram of `len` bytes, until `target` is earned, at one of so many
    /// parts.
    Blocked { target: u128, len: usize, parts: u32 },
}

impl Askers {
    pub(crate) fn new(seed: u64) -> Self {
        Self { slots: [Asker::new(None)].into(), lookup: map(seed), idle: VecDeque::new() }
    }

    pub(crate) fn get(&self, place: u32) -> &Asker {
        &self.slots[place as usize]
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> &mut Asker {
        &mut self.slots[place as usize]
    }

    /// The asker at an address, if it has a place.
    pub(crate) fn at(&self, address: SocketAddr) -> Option<&Asker> {
        self.lookup.get(&address).map(|&place| self.get(place))
    }

    pub(crate) fn id(&self, place: u32) -> AskerId {
        AskerId { place, generation: self.get(place).generation }
    }

    /// The one with this id, if it still has its place.
    pub(crate) fn find(&mut self, id: AskerId) -> Option<&mut Asker> {
        self.slots.get_mut(id.place as usize).filter(|asker| asker.generation == id.generation)
    }

    /// The place of `address`, made if there is none and fewer than `most` others are owed anything.
    pub(crate) fn enter(&mut self, address: SocketAddr, most: usize) -> Option<u32> {
        if let Some(&place) = self.lookup.get(&address) {
            return Some(place);
        }
        let place = if self.lookup.len() < most {
            self.slots.push(Asker::new(Some(address)));
            u32::try_from(self.slots.len() - 1).expect("max_askers is at most 2^20")
        } else {
            let place = self.make_room()?;
            let asker = self.get_mut(place);
            let (generation, owed) = (asker.generation.wrapping_add(1), core::mem::replace(&mut asker.owed, NONE));
            *asker = Asker { generation, owed, ..Asker::new(Some(address)) };
            place
        };
        self.lookup.insert(address, place);
        Some(place)
    }

    /// An asker may be done: then it can make room for another one.
    pub(crate) fn rest_if_done(&mut self, place: u32) {
        let asker = self.get_mut(place);
        if place != STRANGERS && asker.is_done() && !core::mem::replace(&mut asker.idle, true) {
            self.idle.push_back(place);
        }
    }

    /// Nobody is owed anything any more.
    pub(crate) fn clear(&mut self) {
        self.slots.truncate(1);
        self.slots.iter_mut().for_each(|strangers| *strangers = Asker::new(None));
        self.lookup.clear();
        self.idle.clear();
    }

    fn make_room(&mut self) -> Option<u32> {
        loop {
            let place = self.idle.pop_front()?;
            let asker = self.get_mut(place);
            asker.idle = false;
            if asker.is_done() {
                let address = asker.address;
                address.and_then(|address| self.lookup.remove(&address));
                return Some(place);
            }
        }
    }
}

const NONE: RangeSet = RangeSet::new(MAX_RANGES);

impl Asker {
    const fn new(address: Option<SocketAddr>) -> Self {
        Self {
            address,
            generation: 0,
            stamp: 0,
            owed: NONE,
            below: false,
            below_holds: None,
            told_to_wait: false,
            turn: Turn::Out,
            account: Account::new(),
            ramp: Ramp::new(),
            repair_loss: RepairLoss::new(),
            waits_until: None,
            idle: false,
        }
    }

    /// Whether nothing is owed to it and it stands in no queue.
    fn is_done(&self) -> bool {
        self.owed.is_empty() && !self.below && !self.told_to_wait && self.turn == Turn::Out
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Asker, Askers, Turn};
    use crate::fingerprint::{Fingerprint, State, state};

    state! { Askers { slots, idle; lookup } }

    impl State for Asker {
        fn put(&self, to: &mut Fingerprint) {
            let Self {
                address,
                generation,
                stamp,
                owed,
                below,
                below_holds,
                told_to_wait,
                turn,
                account,
                ramp,
                repair_loss,
                waits_until,
                idle,
            } = self;
            to.put(&(*address, *generation));
            to.stamp(*stamp);
            to.put(owed);
            to.put(below);
            to.ahead(*below_holds);
            to.put(told_to_wait);
            to.ahead(*waits_until);
            to.put(turn);
            to.put(account);
            to.put(ramp);
            to.put(repair_loss);
            to.put(idle);
        }
    }

    impl State for Turn {
        fn put(&self, to: &mut Fingerprint) {
            match self {
                Self::Out => to.word(0),
                Self::Waiting => to.word(1),
                Self::Blocked { target, len, parts } => {
                    to.put(&(2_u8, (target.saturating_sub(to.earned), (*len, *parts))));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seq::SeqRange;

    fn address(host: u8) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, host], 5_000))
    }

    fn owe(askers: &mut Askers, place: u32) {
        askers.get_mut(place).owed.insert(SeqRange::single(1));
    }

    // RMC-REPAIR-9
    #[test]
    fn so_many_are_owed_something_and_not_one_more() {
        let mut askers = Askers::new(1);
        for host in 1..=3 {
            let place = askers.enter(address(host), 3).expect("there is room");
            owe(&mut askers, place);
        }
        assert_eq!(askers.enter(address(4), 3), None);
        assert_eq!(askers.enter(address(2), 3), Some(2), "it has its place");
        askers.get_mut(2).owed.clear();
        askers.rest_if_done(2);
        assert_eq!(askers.enter(address(4), 3), Some(2));
        assert_eq!(askers.enter(address(2), 3), None);
    }

    #[test]
    fn who_was_done_first_makes_room_unless_it_asked_again() {
        let mut askers = Askers::new(1);
        for host in 1..=3 {
            let place = askers.enter(address(host), 3).expect("there is room");
            askers.rest_if_done(place);
        }
        owe(&mut askers, 1);
        let before = askers.id(2);
        assert_eq!(askers.enter(address(4), 3), Some(2));
        assert!(askers.find(before).is_none(), "it is another one now");
        let id = askers.id(2);
        assert!(askers.find(id).is_some());
        askers.get_mut(1).owed.clear();
        askers.rest_if_done(1);
        assert_eq!(askers.enter(address(5), 3), Some(3), "it is the last now");
        assert_eq!(askers.enter(address(6), 3), Some(1));
    }

    #[test]
    fn strangers_never_make_room() {
        let mut askers = Askers::new(1);
        askers.rest_if_done(STRANGERS);
        assert_eq!(askers.enter(address(1), 1), Some(1));
        assert_eq!(askers.enter(address(2), 1), None, "it has not rested");
        askers.clear();
        assert_eq!(askers.enter(address(2), 1), Some(1));
    }
}
