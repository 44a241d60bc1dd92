//! The search: breadth first, so that what fails is found by a shortest path, and each state once.
//!
//! It is one of its own, and not the crate `stateright`, which was looked at: that keeps whole states in its queue and
//! takes their `Hash` for what they are. Here a state is hashed by what its nodes will do, with times and stamps made
//! relative, its last level is never kept, one event of a node serves all choices of what of its datagrams is lost, and
//! 'everything arrives in the end' is checked from every state, along one way that is known: all that in two hundred
//! lines, and without its web server among the dependencies.

use std::sync::{Arc, Mutex};

use foldhash::fast::FixedState;

use crate::check::MAX_EVENTS;
use crate::choice::Choice;
use crate::plan::Plan;
use crate::sight::Sights;
use crate::trail::{Trail, lock, watch};
use crate::world::{Scratch, World};

type Digests = hashbrown::HashSet<u128, FixedState>;

pub(crate) struct Found {
    /// States that differ.
    pub(crate) visited: usize,
    /// Choices that were tried.
    pub(crate) tried: usize,
    /// States from which on the network was perfect, those on the way to the end included.
    pub(crate) perfect: usize,
    pub(crate) sights: Sights,
}

struct Search {
    visited: Digests,
    tried: usize,
    sights: Sights,
    /// From these on everything arrives on a perfect network; from those of the second, in which the sender's last
    /// word had left, everything ends at least.
    live: [Digests; 2],
    way: Vec<u128>,
    trail: Arc<Mutex<Trail>>,
    scratch: Scratch,
    live_scratch: Scratch,
}

/// Visits every state up to `depth` choices from the beginning; panics at the first that breaks a rule.
pub(crate) fn search(plan: &'static Plan, depth: usize) -> Found {
    let digests = || Digests::with_hasher(FixedState::with_seed(1));
    let mut search = Search {
        visited: digests(),
        tried: 0,
        sights: Sights::default(),
        live: [digests(), digests()],
        way: Vec::new(),
        trail: Arc::new(Mutex::new(Trail::new(plan))),
        scratch: Scratch::default(),
        live_scratch: Scratch::default(),
    };
    let mut first = World::new(plan);
    first.take_in(&mut search.scratch);
    search.visited.insert(first.digest(&[], 0, &mut search.scratch));
    watch(&search.trail);
    let mut level = vec![(first, 0)];
    for deeper in (0..depth).rev() {
        let mut next = Vec::new();
        for (world, at) in level {
            search.expand(&world, at, deeper > 0, &mut next);
        }
        level = next;
    }
    Found {
        visited: search.visited.len(),
        tried: search.tried,
        perfect: search.live.iter().map(Digests::len).sum(),
        sights: search.sights,
    }
}

impl Search {
    /// Tries everything that may happen in `world`, which stands at `at`. What is new is put into `next`, if the search
    /// goes deeper.
    fn expand(&mut self, world: &World, at: u32, deeper: bool, next: &mut Vec<(World, u32)>) {
        for event in world.events() {
            lock(&self.trail).try_out(at, Choice { event, lost: 0 });
            let mut after = world.clone();
            let left = after.happen(event);
            self.sights.add_all(after.sights);
            after.take_in(&mut self.scratch);
            assert!(left.len() < 16, "a bit for each datagram");
            for lost in 0..1 << left.len() {
                let choice = Choice { event, lost };
                self.tried += 1;
                if !self.visited.insert(after.digest(&left, lost, &mut self.scratch)) {
                    continue;
                }
                let number = lock(&self.trail).reach(at, choice);
                let mut new = after.clone();
                new.send(&left, lost);
                if deeper {
                    next.push((new.clone(), number));
                }
                self.check_live(new);
            }
        }
    }

    /// From here on, on a perfect network, everything arrives.
    fn check_live(&mut self, mut world: World) {
        let is_late = world.is_late();
        let live = &mut self.live[usize::from(is_late)];
        lock(&self.trail).perfect(true);
        self.way.clear();
        loop {
            world.take_in(&mut self.live_scratch);
            let digest = world.digest(&[], 0, &mut self.live_scratch);
            if live.contains(&digest) {
                break;
            }
            // Not among the live ones before the end is reached: the way may run in a circle.
            self.way.push(digest);
            if world.is_at_end(is_late) {
                break;
            }
            let events = self.way.len();
            assert!(events < MAX_EVENTS, "after {events} events on a perfect network not everything has arrived");
            world.choose(Choice { event: world.next_if_perfect(), lost: 0 });
        }
        live.extend(self.way.drain(..));
        lock(&self.trail).perfect(false);
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", lock(&self.trail).report());
        }
    }
}
