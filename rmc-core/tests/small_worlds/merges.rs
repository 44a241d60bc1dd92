//! Are states that are taken for the same really so? Whatever may happen next in one of them may in the other, and
//! leads to states that are taken for the same.

use std::collections::BTreeSet;

use foldhash::fast::FixedState;

use crate::plan::Plan;
use crate::world::{Scratch, World};

/// How many pairs were compared.
#[derive(Default)]
pub(crate) struct Compared {
    pub(crate) pairs: usize,
    /// Of them of states at different times.
    pub(crate) at_other_times: usize,
}

/// Searches to `depth`, and compares what may happen next in each state that was met before and in the one that it is
/// taken for.
pub(crate) fn compare(plan: &'static Plan, depth: usize) -> Compared {
    let mut first_of = hashbrown::HashMap::<u128, World, FixedState>::with_hasher(FixedState::with_seed(1));
    let mut scratch = Scratch::default();
    let mut level = vec![World::new(plan)];
    let mut compared = Compared::default();
    for _ in 0..depth {
        let mut next = Vec::new();
        for world in &level {
            for new in successors(world) {
                let digest = digest(&mut new.clone(), &mut scratch);
                let Some(first) = first_of.get(&digest) else {
                    first_of.insert(digest, new.clone());
                    next.push(new);
                    continue;
                };
                compared.pairs += 1;
                compared.at_other_times += usize::from(first.now != new.now);
                assert_eq!(outlook(first, &mut scratch), outlook(&new, &mut scratch), "{}", plan.name);
            }
        }
        level = next;
    }
    compared
}

fn successors(world: &World) -> Vec<World> {
    let mut successors = Vec::new();
    for event in world.events() {
        let mut after = world.clone();
        let left = after.happen(event);
        for lost in 0..1 << left.len() {
            let mut successor = after.clone();
            successor.send(&left, lost);
            successors.push(successor);
        }
    }
    successors
}

/// What may come of it.
fn outlook(world: &World, scratch: &mut Scratch) -> BTreeSet<u128> {
    successors(world).iter_mut().map(|successor| digest(successor, scratch)).collect()
}

fn digest(world: &mut World, scratch: &mut Scratch) -> u128 {
    world.take_in(scratch);
    world.digest(&[], 0, scratch)
}
