//! How time goes on.

use std::time::Duration;

use rmc_core::sim::{Link, Sim};
use rmc_core::{Config, Instant, Received};

use super::world::{MS, NS, SECOND, US, World, since_start};

#[test]
fn nothing_happens_by_itself_in_an_empty_network() {
    let mut sim = Sim::new(1);
    assert_eq!((sim.now(), sim.step()), (Instant::ORIGIN, None));
    sim.run_for(SECOND);
    assert_eq!(since_start(sim.now()), SECOND, "time goes on all the same");
    assert_eq!(sim.step(), None);
    assert_eq!(sim.run_until_quiet(SECOND), Ok(()));
    assert_eq!(sim.run_until(SECOND, |_| true), Ok(()));
}

#[test]
fn a_step_goes_to_what_comes_next() {
    let mut world = World::new(1, 1, Link::IDEAL.with_delay(MS), &Link::IDEAL.with_delay(2 * MS));
    world.send(1, 100);
    assert_eq!(world.sim.step().map(since_start), Some(MS), "it has left the egress");
    assert_eq!(world.got(0), []);
    assert_eq!(world.sim.step().map(since_start), Some(3 * MS));
    assert_eq!(world.got(0), [(1, 3 * MS)]);
    assert_eq!(world.sim.step().map(since_start), Some(10 * MS), "the first heartbeat");
}

#[test]
fn running_to_a_time_includes_what_is_due_then() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL.with_delay(MS));
    world.send(1, 100);
    world.sim.run_to(Instant::ORIGIN + (MS - NS));
    assert_eq!(world.got(0), []);
    world.sim.run_to(Instant::ORIGIN + MS);
    assert_eq!(world.got(0), [(1, MS)]);
    world.sim.run_to(Instant::ORIGIN);
    assert_eq!(since_start(world.sim.now()), MS, "time does not go back");
}

#[test]
fn running_until_a_condition_stops_where_it_comes_true() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL.with_delay(MS));
    world.send(1, 100);
    let node = world.receivers[0];
    let readable = |sim: &Sim| sim.protocol(node).is_some_and(|protocol| protocol.stats().held.readable > 0);
    assert!(world.sim.run_until(MS - NS, readable).is_err());
    assert_eq!(since_start(world.sim.now()), MS - NS, "all the time there was");
    assert_eq!(world.sim.run_until(NS, readable), Ok(()), "exactly at the limit");
    assert_eq!(since_start(world.sim.now()), MS);
    assert_eq!(world.sim.run_until(SECOND, readable), Ok(()), "it is so already");
    assert_eq!(since_start(world.sim.now()), MS);
    // A condition that is about time itself comes true at the limit.
    let end = world.sim.now() + 500 * US;
    assert_eq!(world.sim.run_until(500 * US, |sim| sim.now() >= end), Ok(()));
}

#[test]
fn quiet_means_that_nobody_waits_for_anything() {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(3 * MS));
    let [one, other] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    assert_eq!(sim.run_until_quiet(SECOND), Ok(()), "nobody has said anything");
    let start = sim.now();
    sim.send(one, b"group").expect("there is room");
    assert_eq!(sim.run_until_quiet(SECOND), Ok(()));
    assert_eq!(sim.now().saturating_since(start), 3 * MS);
    sim.send_to(other, one, b"private").expect("there is room");
    assert_eq!(sim.run_until_quiet(SECOND), Ok(()));
    // 3 ms there; the first packet of a stream is acknowledged, which has to come back.
    assert_eq!(sim.now().saturating_since(start), (3 + 3 + 3) * MS);
}

#[test]
fn what_is_lent_is_done_before_time_goes_on() {
    let mut sim = Sim::new(1);
    let [sender, receiver] = [0; 2].map(|_| {
        let small = |config: &mut Config| {
            (config.receive_window_packets, config.backlog_packets) = (10, 10);
            config.max_nack_backoff = Duration::ZERO;
        };
        sim.add(small).expect("a valid one")
    });
    for index in 0..20_u8 {
        sim.send(sender, &[index]).expect("there is room");
    }
    sim.run_for(MS);
    for index in 0..10_u8 {
        assert!(matches!(sim.recv(receiver), Some(Received::Message { payload, .. }) if payload == [index]));
    }
    assert!(sim.recv(receiver).is_none());
    // The window has moved: what did not fit is asked for at once, and here comes at once.
    sim.run_for(Duration::ZERO);
    assert!(matches!(sim.recv(receiver), Some(Received::Message { payload: [10], .. })));
}

#[test]
fn a_simulation_says_where_it_stands() {
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL.with_delay(MS));
    world.send(2, 100);
    let text = format!("{:?}", world.sim);
    assert!(text.starts_with("Sim { now: 0.000000000s, nodes: 3, flying: 2, trace: Trace {"), "{text}");
}
