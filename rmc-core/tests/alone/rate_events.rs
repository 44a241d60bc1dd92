//! What an application with a rate limit is told (`RateLimited`, `Resumed`).

use std::time::Duration;

use rmc_core::{Config, Event, Path};

use crate::lone::{Lone, MS, NS, SECOND, peer};
use crate::packets::nack;

/// 100,000 bytes a second, and 1,000 at once.
fn paced(config: &mut Config) {
    config.max_rate = Some(100_000);
    config.rate_burst = 1_000;
    config.max_datagram = 500;
    config.max_message = 10_000;
    config.heartbeat_times = vec![20 * SECOND];
}

/// Queues `count` datagrams of 100 bytes.
fn queue(lone: &mut Lone, count: usize) {
    for _ in 0..count {
        lone.node.send(lone.instant(), &[0; 84]).expect("there is room");
    }
    lone.settle();
}

/// When which of the two was told since the last call.
fn told(lone: &mut Lone) -> Vec<(Duration, Event)> {
    lone.events.drain(..).filter(|(_, event)| matches!(event, Event::RateLimited | Event::Resumed)).collect()
}

// RMC-LOCAL-7
#[test]
fn data_that_waits_for_the_rate_is_told_once() {
    let mut lone = Lone::new(paced);
    queue(&mut lone, 10);
    assert_eq!(told(&mut lone), [], "the burst");
    queue(&mut lone, 1);
    assert_eq!(told(&mut lone), [(Duration::ZERO, Event::RateLimited)]);
    queue(&mut lone, 5);
    assert_eq!(told(&mut lone), []);
}

/// The last one leaves after 10 ms, with nothing left; half a burst is there 5 ms later, and not before.
// RMC-LOCAL-7
#[test]
fn it_is_told_when_half_of_the_burst_is_there_again() {
    let mut lone = Lone::new(paced);
    queue(&mut lone, 20);
    told(&mut lone);
    lone.run_to(15 * MS - NS);
    assert_eq!(told(&mut lone), []);
    lone.run_to(15 * MS);
    assert_eq!(told(&mut lone), [(15 * MS, Event::Resumed)]);
    lone.run_to(SECOND);
    assert_eq!(told(&mut lone), []);
    queue(&mut lone, 11);
    assert_eq!(told(&mut lone), [(SECOND, Event::RateLimited)], "and again");
}

/// While data comes that finds just enough, nothing is told of each packet.
// RMC-LOCAL-7
#[test]
fn data_at_the_rate_itself_is_limited_all_the_time() {
    let mut lone = Lone::new(paced);
    queue(&mut lone, 11);
    for _ in 0..100 {
        lone.run_for(MS);
        queue(&mut lone, 1);
    }
    assert_eq!(told(&mut lone), [(Duration::ZERO, Event::RateLimited)]);
}

/// Repairs that wait are nothing that the application could do anything about.
// RMC-LOCAL-7
#[test]
fn repairs_that_wait_are_not_told() {
    let mut lone = Lone::new(paced);
    queue(&mut lone, 10);
    lone.run_to(SECOND);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 10)]));
    lone.settle();
    lone.feed(peer(1), Path::Unicast, &nack(2, &[(1, 10)]));
    lone.settle();
    assert_eq!(told(&mut lone), []);
    queue(&mut lone, 1);
    assert_eq!(told(&mut lone), [(SECOND, Event::RateLimited)]);
    // Data leaves in turn with the repairs, which wait on.
    lone.run_to(SECOND + 5 * MS);
    assert_eq!(told(&mut lone), []);
    lone.run_for(SECOND);
    assert_eq!(told(&mut lone).len(), 1);
}

// RMC-LOCAL-7
#[test]
fn without_a_rate_nothing_is_told() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 1_000);
    lone.run_to(SECOND);
    assert_eq!(told(&mut lone), []);
}

/// A node that is closed tells nothing any more.
// RMC-LOCAL-7
#[test]
fn a_node_that_is_closed_does_not_resume() {
    let mut lone = Lone::new(paced);
    queue(&mut lone, 20);
    told(&mut lone);
    lone.node.close(lone.instant());
    lone.drain();
    assert_eq!((told(&mut lone), lone.deadline), (vec![], None));
}
