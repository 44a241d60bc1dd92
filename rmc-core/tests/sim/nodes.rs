//! Nodes that come, crash, come back and go.

use std::net::SocketAddr;

use rmc_core::sim::{Fate, Link, Sim, SimError, What};
use rmc_core::{ConfigError, JoinPolicy, Received, SendError};

use super::world::{MS, SECOND, World};

fn address(text: &str) -> SocketAddr {
    text.parse().expect("an address")
}

#[test]
fn nodes_have_numbers_addresses_and_seeds_of_their_own() {
    let mut sim = Sim::new(1);
    let mut seeds = Vec::new();
    for number in 0..300 {
        let node = sim
            .add(|config| {
                assert_eq!(config.epoch, 1);
                seeds.push(config.seed);
            })
            .expect("a valid configuration");
        assert_eq!((node.index(), node.to_string()), (number, format!("n{number}")));
        assert_eq!(format!("{node:?}"), format!("n{number}"));
        let there = sim.address(node).expect("it is there");
        assert_eq!(sim.node_at(there), Some(node));
        assert_eq!(sim.protocol(node).expect("it is up").config().local_addrs, [there]);
    }
    seeds.sort_unstable();
    seeds.dedup();
    assert_eq!(seeds.len(), 300);
    let [first, last] = [0, 299].map(|index| sim.nodes().nth(index).and_then(|node| sim.address(node)));
    assert_eq!((first, last), (Some(address("10.0.0.1:5000")), Some(address("10.0.1.44:5000"))));
}

#[test]
fn a_configuration_that_cannot_work_adds_nothing() {
    let mut sim = Sim::new(1);
    let refused = sim.add(|config| config.max_burst = 0);
    assert!(matches!(refused, Err(ConfigError::OutOfBounds { option: "max_burst", .. })), "{refused:?}");
    assert_eq!(sim.nodes().count(), 0);
    assert_eq!(sim.add(|_| {}).expect("a valid configuration").index(), 0);
}

#[test]
fn what_flies_to_a_node_that_crashes_is_dropped() {
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL.with_delay(MS));
    let victim = world.receivers[0];
    world.send(1, 100);
    world.sim.crash(victim).expect("it is up");
    world.sim.run_for(10 * MS);
    assert_eq!((world.got_seqs(0), world.got_seqs(1)), (vec![], vec![1]));
    assert_eq!(world.missed(Some(victim)), [(1, Fate::Nobody)]);
    // It has left its group: nothing is sent to it any more.
    world.send(1, 100);
    world.sim.run_for(10 * MS);
    assert_eq!(world.missed(Some(victim)).len(), 1);
}

#[test]
fn what_a_node_sent_before_it_crashed_arrives() {
    for is_removed in [false, true] {
        let delay = Link::IDEAL.with_delay(MS);
        let mut world = World::new(1, 1, delay.clone(), &delay);
        world.send(3, 100);
        if is_removed {
            world.sim.remove(world.sender).expect("it is there");
        } else {
            world.sim.crash(world.sender).expect("it is up");
        }
        world.sim.run_for(SECOND);
        assert_eq!(world.got(0), [(1, 2 * MS), (2, 2 * MS), (3, 2 * MS)]);
    }
}

#[test]
fn a_node_that_is_down_says_nothing_and_takes_no_calls() {
    let mut sim = Sim::new(1);
    let [one, other] = [0; 2].map(|_| sim.add(|config| config.announce = true).expect("a valid configuration"));
    sim.crash(one).expect("it is up");
    let sent = |sim: &Sim| {
        sim.trace()
            .records()
            .iter()
            .filter(|record| matches!(record.what, What::Sent { from, .. } if from == Some(one)))
            .count()
    };
    sim.record(1_000);
    sim.run_for(5 * SECOND);
    assert_eq!(sent(&sim), 0);
    assert_eq!(sim.crash(one), Err(SimError::Down(one)));
    assert_eq!(sim.send(one, b"x"), Err(SimError::Down(one)));
    assert_eq!(sim.send_to(one, other, b"x"), Err(SimError::Down(one)));
    assert_eq!(sim.with(one, |_, _| ()), Err(SimError::Down(one)));
    assert!(sim.recv(one).is_none() && sim.protocol(one).is_none());
    // It is still known, and there.
    assert_eq!(sim.nodes().collect::<Vec<_>>(), [one, other]);
    assert!(sim.address(one).is_some());
    assert_eq!(sim.send_to(other, one, b"x"), Ok(1));
    assert_eq!(SimError::Down(one).to_string(), "node n0 is down: restart it first");
}

// RMC-EPOCH-3
#[test]
fn a_restart_has_a_newer_epoch_and_keeps_its_address() {
    let mut sim = Sim::new(1);
    let [one, other] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    let (before, seed) = (sim.address(one), sim.protocol(one).expect("it is up").config().seed);
    sim.send(one, b"first life").expect("there is room");
    sim.run_for(MS);
    sim.with(one, |protocol, _| protocol.set_join_policy(JoinPolicy::FromStart)).expect("it is up");
    sim.restart(one).expect("it is there");
    let config = sim.protocol(one).expect("it is up").config();
    assert_eq!((config.epoch, config.join_policy), (2, JoinPolicy::FromStart), "as it was when it crashed");
    assert_ne!(config.seed, seed, "it would draw the same stamps again");
    assert_eq!(sim.address(one), before);
    // The first life had promised a packet within 10 ms, with 10 ms of tolerance.
    sim.run_for(20 * MS);
    assert_eq!(sim.send(one, b"second life"), Ok(1), "it has forgotten everything");
    sim.run_for(MS);
    let mut texts = Vec::new();
    while let Some(received) = sim.recv(other) {
        texts.push(match received {
            Received::Message { payload, seq, .. } => format!("{seq} {}", String::from_utf8_lossy(payload)),
            Received::Restarted { epoch, .. } => format!("restarted {epoch}"),
            item => panic!("{item:?}"),
        });
    }
    assert_eq!(texts, ["1 first life", "restarted 2", "1 second life"]);
}

#[test]
fn a_node_that_is_up_crashes_before_it_restarts() {
    let mut sim = Sim::new(1);
    let node = sim.add(|_| {}).expect("a valid configuration");
    sim.record(10);
    sim.restart(node).expect("it is there");
    sim.crash(node).expect("it is up");
    sim.run_for(SECOND);
    sim.restart(node).expect("it is there");
    let lines: Vec<_> = sim.trace().to_string().lines().map(str::to_owned).collect();
    assert_eq!(
        lines,
        [
            "0.000000000 n0 crashes",
            "0.000000000 n0 starts with epoch 0x00000002",
            "0.000000000 n0 crashes",
            "1.000000000 n0 starts with epoch 0x00000003",
        ]
    );
}

#[test]
fn a_restart_elsewhere_is_not_reached_at_the_former_address() {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(MS));
    let [one, other] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    let (former, new) = (sim.address(one).expect("it is there"), address("10.9.9.9:7000"));
    sim.send_to(other, one, b"on its way").expect("there is room");
    sim.record(100);
    sim.restart_at(one, new).expect("it is there");
    assert_eq!((sim.address(one), sim.node_at(new), sim.node_at(former)), (Some(new), Some(one), None));
    assert_eq!(sim.protocol(one).expect("it is up").config().local_addrs, [new]);
    sim.run_for(MS);
    let dropped =
        |what: &What| matches!(what, What::Dropped { to: Some(node), fate: Fate::Nobody, .. } if *node == one);
    assert!(sim.trace().records().iter().any(|record| dropped(&record.what)), "{}", sim.trace());
    assert!(sim.recv(one).is_none());
    // From now on it is found at the new one.
    sim.send_to(other, one, b"found").expect("there is room");
    sim.run_for(MS);
    assert!(matches!(sim.recv(one), Some(Received::Message { payload: b"found", .. })));
}

#[test]
fn a_removed_node_is_gone() {
    let mut sim = Sim::new(1);
    let [one, other] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    let place = sim.address(one).expect("it is there");
    sim.remove(one).expect("it is there");
    let gone = SimError::NoSuchNode(one);
    assert_eq!(sim.remove(one), Err(gone));
    assert_eq!(sim.crash(one), Err(gone));
    assert_eq!(sim.restart(one), Err(gone));
    assert_eq!(sim.restart_at(one, place), Err(gone));
    assert_eq!(sim.send(one, b"x"), Err(gone));
    assert_eq!(sim.send_to(other, one, b"x"), Err(gone));
    assert_eq!(sim.set_path(one, other, Link::IDEAL), Err(gone));
    assert_eq!(sim.set_path(other, one, Link::IDEAL), Err(gone));
    assert_eq!((sim.address(one), sim.node_at(place)), (None, None));
    assert!(sim.recv(one).is_none() && sim.protocol(one).is_none());
    assert_eq!(sim.nodes().collect::<Vec<_>>(), [other]);
    assert_eq!(gone.to_string(), "there is no node n0");
    // Numbers are never given again; addresses may be.
    let next = sim.add_at(place, |_| {}).expect("a valid configuration");
    assert_eq!((next.index(), sim.node_at(place)), (2, Some(next)));
}

#[test]
fn who_comes_to_an_address_is_reached_there() {
    let mut sim = Sim::new(1);
    let [sender, former] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    let place = sim.address(former).expect("it is there");
    let new = sim.add_at(place, |config| config.epoch = 5).expect("a valid configuration");
    let comes_to = |sim: &mut Sim, node| {
        sim.with(sender, |protocol, now| protocol.send_to(now, place, b"who is there?").map(|_| ()))
            .expect("it is up")
            .expect("there is room");
        sim.run_for(MS);
        matches!(sim.recv(node), Some(Received::Message { .. }))
    };
    assert!(comes_to(&mut sim, new));
    // The one that lost it takes nothing with it when it goes.
    sim.remove(former).expect("it is there");
    assert_eq!(sim.node_at(place), Some(new));
    assert!(comes_to(&mut sim, new));
}

#[test]
fn a_protocol_that_refuses_says_why() {
    let mut sim = Sim::new(1);
    let [one, other] = [0; 2].map(|_| sim.add(|config| config.silent = true).expect("a valid configuration"));
    assert_eq!(sim.send(one, b"x"), Err(SimError::Send(SendError::Silent)));
    assert_eq!(sim.send_to(one, other, b"x"), Err(SimError::Send(SendError::Silent)));
    assert_eq!(sim.send(one, b"x").expect_err("it is silent").to_string(), SendError::Silent.to_string());
}

/// A node is a member of its group for as long as it is active.
// RMC-ACTIVE-1
#[test]
fn a_node_that_is_deactivated_leaves_its_group() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL);
    let node = world.receivers[0];
    world.sim.with(node, |protocol, now| protocol.deactivate(now)).expect("it is up");
    world.send(1, 100);
    world.sim.run_for(MS);
    world.sim.with(node, |protocol, now| protocol.activate(now)).expect("it is up");
    world.send(1, 100);
    world.sim.run_for(MS);
    assert_eq!(world.got_seqs(0), [2]);
}

/// Nodes of other groups do not hear each other.
#[test]
fn groups_are_apart() {
    let mut sim = Sim::new(1);
    let groups = ["239.1.1.1:8000", "239.1.1.1:8001", "239.1.1.2:8000"];
    let pairs = groups.map(|group| [0; 2].map(|_| sim.add(|config| config.group = address(group)).expect("valid")));
    for (index, [sender, _]) in (0..).zip(pairs) {
        sim.send(sender, &[index]).expect("there is room");
    }
    sim.run_until_quiet(SECOND).expect("nobody waits for another group");
    for (index, [_, receiver]) in (0..).zip(pairs) {
        assert!(matches!(sim.recv(receiver), Some(Received::Message { payload, .. }) if payload == [index]));
        assert!(sim.recv(receiver).is_none());
    }
}
