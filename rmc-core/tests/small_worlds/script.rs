//! Scripts: a path of choices, as a search prints it, runs again with a line for each.

use crate::check::MAX_EVENTS;
use crate::choice::{Choice, Event};
use crate::flight::Flight;
use crate::plan::Plan;
use crate::world::World;

/// The last word of a script: from here on the network is perfect.
const PERFECT: &str = "perfect";

/// Runs `script`, `WORLD: CHOICE CHOICE ...`, and prints what happens; panics where the search did.
pub(crate) fn run(script: &str) -> World {
    let (name, words) = script.split_once(':').expect("a script begins with the name of its world and a colon");
    let plan = Plan::named(name.trim());
    let mut world = World::new(plan);
    world.told = Some(Vec::new());
    println!("{script}");
    for word in words.split_whitespace() {
        if word == PERFECT {
            run_perfect(&mut world);
        } else {
            step(&mut world, word.parse().unwrap_or_else(|error| panic!("{error}")));
        }
    }
    world
}

fn run_perfect(world: &mut World) {
    println!("the network is perfect:");
    let is_late = world.is_late();
    for _ in 0..MAX_EVENTS {
        if world.is_at_end(is_late) {
            return;
        }
        step(world, Choice { event: world.next_if_perfect(), lost: 0 });
    }
    panic!("after {MAX_EVENTS} events on a perfect network not everything has arrived");
}

fn step(world: &mut World, choice: Choice) {
    let events = world.events();
    let may_be = events.contains(&choice.event) || choice.event == world.next_if_perfect();
    assert!(may_be, "'{choice}' is none of the choices: {events:?}");
    print!("{choice}: ");
    if let Some(flight) = choice.event.arrival().and_then(|place| world.flights.get(usize::from(place))) {
        print!("{}", way(flight));
    } else if choice.event == Event::Step {
        print!("{:?}", world.next_step());
    }
    println!();
    let left = world.choose(choice);
    println!("    at {:?}", world.now);
    for (bit, flight) in left.iter().enumerate() {
        let lost = if choice.lost >> bit & 1 == 1 { "lost: " } else { "" };
        println!("    {lost}{}", way(flight));
    }
    for (number, item) in world.told.iter_mut().flat_map(|told| told.drain(..)) {
        println!("    node {number} is told {item:?}");
    }
}

fn way(flight: &Flight) -> String {
    format!("{} to {} by {:?}: {}", flight.from(), flight.to(), flight.path, flight.packet())
}
