//! A group of nodes in the simulation, driven by a script, and a plain model of what may be delivered to whom: after
//! every operation each receiver has got, of each stream of each sender's epoch, the messages that were sent, in order,
//! each once and intact; what is missing was reported as exactly those numbers, and none of them could be had; what
//! nodes hold is within their bounds; and who owes something has a timer for it. When the network has healed,
//! everything that can still be had arrives.
//!
//! tests/group_model.rs drives it with random scripts, the fuzz target `session` with those that its bytes spell.

mod acking;
mod asked;
#[path = "../model/bounds.rs"]
mod bounds;
pub(crate) mod bytes;
mod departures;
mod finale;
mod heard;
mod owed;
mod reader;
mod receivers;
mod requests;
pub(crate) mod script;
pub(crate) mod seen;
#[path = "../model/shape.rs"]
mod shape;
mod share;
mod told;
mod tracker;
mod truth;
mod view;
mod watch;
mod world;

use std::panic::{self, AssertUnwindSafe};

use script::Script;
use seen::Seen;
use world::World;

/// Runs a script to its end. Panics when something does not hold; up to `records` things that happened are printed in
/// any case.
pub(crate) fn run(script: &Script, records: usize) -> Seen {
    let mut world = World::new(&script.setup);
    world.sim.record(records);
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| {
        script.ops.iter().for_each(|op| world.apply(op));
        world.recovers();
        world.ends();
    }));
    if records > 0 {
        print!("{}", world.sim.trace());
    }
    if let Err(reason) = outcome {
        panic::resume_unwind(reason);
    }
    std::mem::take(&mut world.watch().seen)
}
