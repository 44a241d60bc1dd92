//! Exhaustive small worlds: one sender, one or two receivers, up to four messages, and everything that may happen to
//! them, one choice after the other up to a depth.
//!
//! Free is, at each step ([`choice`]), whether the sender's application does what is next in its plan, which of the
//! datagrams that are on their way arrives (so they overtake each other at will, and take as long as they like),
//! whether it will arrive once more, whose timer is next, whether a slow application takes an item, and which of the
//! datagrams that leave because of it are lost, each on its way to each receiver. Bounded is the number of choices, and
//! with it the world; that a datagram is doubled once; and that a driver is late with a timer by 10 ms, measured from
//! the earliest of all timers.
//!
//! A state is visited once: two states are the same if their [`Fingerprint`](rmc_core::Fingerprint)s, the datagrams
//! between them and what the applications were told are ([`world`]); [`merges`] shows that they then go on alike. In
//! each the rules hold that [`check`], [`model`] and [`told`] state, and from each everything arrives once the network
//! is perfect. What fails is printed as a script, which [`script`] runs again.
//!
//! ```sh
//! cargo test -p rmc-core --features sim --test small_worlds
//! SMALL_WORLDS_DEEPER=1 cargo test --release -p rmc-core --features sim --test small_worlds restart
//! SMALL_WORLDS_SCRIPT='restart: step timer0-lost0' cargo test -p rmc-core --features sim --test small_worlds by_hand -- --nocapture
//! ```

mod asked;
mod check;
mod choice;
mod flight;
mod merges;
mod model;
mod node;
mod plan;
mod script;
mod search;
mod sight;
mod told;
mod trail;
mod world;

use std::io::Write;

use choice::{Choice, Event};
use plan::{PLANS, Plan};
use sight::Sight;

/// All worlds together have at least so many states.
const AT_LEAST: usize = 1_000_000;

const _: () = {
    let (mut sum, mut place) = (0, 0);
    while place < PLANS.len() {
        sum += PLANS[place].at_least;
        place += 1;
    }
    assert!(sum >= AT_LEAST);
};

macro_rules! worlds {
    ($($name:ident)+) => {
        $(
            #[test]
            fn $name() {
                explore(stringify!($name));
            }
        )+

        #[test]
        fn every_world_has_its_test() {
            let names: Vec<_> = PLANS.iter().map(|plan| plan.name).collect();
            assert_eq!(names, [$(stringify!($name)),+]);
        }
    };
}

worlds! {
    four_messages
    two_receivers
    small_backlog
    late_joiners
    from_now
    finish
    finish_for_two
    private
    private_for_two
    restart
    restart_for_two
    reset
    slow_application
    fragments
    adaptive
    multicast_small_backlog
    proof
    proof_for_two
    flow
    flow_for_two
}

/// How many choices deeper than usual.
fn deeper() -> usize {
    std::env::var("SMALL_WORLDS_DEEPER").map_or(0, |choices| choices.parse().expect("a number of choices"))
}

/// Searches the world of this name, and reports how many states it has.
#[expect(clippy::disallowed_types, reason = "how long it takes is told, and decides nothing")]
fn explore(name: &str) {
    let plan = Plan::named(name);
    let depth = plan.depth + deeper();
    let begin = std::time::Instant::now();
    let found = search::search(plan, depth);
    let (visited, tried, perfect, took) = (found.visited, found.tried, found.perfect, begin.elapsed());
    let report = format!(
        "small world {name}: {visited} states to depth {depth}, {tried} choices; {perfect} states on the ways from them \
         to the end; {took:.1?}\n"
    );
    // Not by `println!`, which a test that passes keeps for itself.
    std::io::stderr().write_all(report.as_bytes()).expect("standard error is open");
    for &sight in plan.shows {
        assert!(found.sights.has(sight), "{name} never shows {sight:?}");
    }
    assert!(visited >= plan.at_least, "{visited} states are fewer than {}", plan.at_least);
}

/// Whatever may happen in one of two states that are taken for the same may happen in the other, and leads to states
/// that are taken for the same.
#[test]
fn what_is_taken_for_the_same_goes_on_alike() {
    let (mut pairs, mut at_other_times) = (0, 0);
    for plan in PLANS {
        let compared = merges::compare(plan, plan.depth - 2 + deeper());
        pairs += compared.pairs;
        at_other_times += compared.at_other_times;
    }
    assert!(at_other_times > 300, "{pairs} pairs, {at_other_times} at other times, are too few to show anything");
}

#[test]
fn a_script_runs_again() {
    let world = script::run("small_backlog: step-lost0 step step arrive1 arrive1 perfect");
    assert!(world.sights.has(Sight::LossTold));
    let world = script::run("restart: step-lost1 timer0-lost0 step step copy0 copy1 timer0 arrive0 perfect");
    assert!(world.sights.has(Sight::RestartTold));
}

#[test]
fn choices_are_read_as_they_are_written() {
    let events = [Event::Step, Event::Timer(0), Event::Arrive(12), Event::Copy(3), Event::Take(2)];
    for event in events {
        for lost in [0, 1, 0b101, 1 << 15] {
            let choice = Choice { event, lost };
            assert_eq!(choice.to_string().parse(), Ok(choice), "{choice}");
        }
    }
    for wrong in ["", "arrive", "arrive-1", "timer0-lostx", "step-lost16", "jump1"] {
        assert!(wrong.parse::<Choice>().is_err(), "{wrong}");
    }
}

/// Runs the script in `SMALL_WORLDS_SCRIPT`, if there is one.
#[test]
fn a_script_by_hand() {
    if let Ok(script) = std::env::var("SMALL_WORLDS_SCRIPT") {
        script::run(&script);
    }
}
