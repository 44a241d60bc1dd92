//! Every link draws from a stream of its own: who comes later, or another link, reshuffles nothing.

use std::collections::{BTreeMap, BTreeSet};

use rmc_core::packet::{Kind, Packet};
use rmc_core::sim::{Chance, Discard, Link, Loss, NodeId, Sim, What};
use rmc_core::{Config, RepairMode};

use super::world::{MS, US, Watch};

/// Which Data packets, repairs too, each node missed at its own link, in order: when, and which numbers. (Heartbeats
/// differ: they follow the NACKs, and say how large the group is.)
type Missed = BTreeMap<NodeId, Vec<(u64, u64)>>;

/// Nobody is told how large the group is.
fn each_alone(config: &mut Config) {
    (config.repair_mode, config.verify_askers) = (RepairMode::Unicast, false);
}

/// One sender and four receivers that recover from what they lose, each for itself: what leaves is not more where more
/// listen. `change` comes before the first message.
fn play(seed: u64, change: impl FnOnce(&mut Sim, &[NodeId])) -> Missed {
    let mut sim = Sim::new(seed);
    let link = Link::IDEAL
        .with_delay(500 * US)
        .with_jitter(100 * US)
        .with_duplication(Chance::percent(3))
        .with_loss(Loss::percent(10));
    sim.set_links(&Link::IDEAL, &link);
    let nodes: Vec<_> = (0..5).map(|_| sim.add(each_alone).expect("a valid configuration")).collect();
    // The sender hears everybody, so that what others say to it changes nothing.
    sim.set_ingress(nodes[0], Link::IDEAL.with_delay(500 * US)).expect("it is there");
    for node in &nodes[1..] {
        sim.run_application(*node, Discard);
    }
    change(&mut sim, &nodes);
    sim.set_path(nodes[0], nodes[1], Link::IDEAL.with_loss(Loss::percent(10))).expect("they are there");
    sim.record(100_000);
    for index in 0..200_u32 {
        sim.send(nodes[0], &index.to_be_bytes()).expect("there is room");
        sim.run_for(MS);
    }
    let mut missed = Missed::new();
    for record in sim.trace().records() {
        if let What::Dropped { to: Some(node), packet, .. } = record.what {
            let bytes = sim.trace().packet(packet).expect("it is recorded").bytes;
            let packet = Packet::decode(bytes).expect("nothing is damaged");
            assert_eq!(packet.kind(), Kind::Data, "no heartbeat is due");
            missed.entry(node).or_default().push((record.at.as_nanos(), packet.seq));
        }
    }
    missed.retain(|node, _| nodes.contains(node));
    assert!(missed.len() == 4 && missed.values().all(|missed| missed.len() > 10), "seed {seed}: too little is lost");
    missed
}

#[test]
fn a_node_that_comes_later_reshuffles_nothing() {
    for seed in 1..=5 {
        let plain = play(seed, |_, _| {});
        let with_others = play(seed, |sim, _| {
            for _ in 0..3 {
                let node = sim.add(each_alone).expect("a valid configuration");
                sim.run_application(node, Discard);
            }
        });
        assert_eq!(with_others, plain, "seed {seed}");
    }
}

#[test]
fn another_links_randomness_reshuffles_nothing() {
    let lossy = Link::IDEAL.with_delay(500 * US).with_loss(Loss::percent(50));
    for seed in 1..=5 {
        let mut plain = play(seed, |_, _| {});
        let mut with_path = play(seed, |sim, nodes| {
            sim.set_ingress(nodes[4], lossy.clone()).expect("it is there");
            sim.set_path(nodes[0], nodes[4], lossy.clone()).expect("they are there");
            sim.set_egress(nodes[4], lossy.clone()).expect("it is there");
        });
        let last = *plain.keys().next_back().expect("four nodes");
        assert_ne!(with_path.remove(&last), plain.remove(&last), "seed {seed}");
        assert_eq!(with_path, plain, "seed {seed}");
    }
}

#[test]
fn another_seed_is_another_network() {
    assert_ne!(play(1, |_, _| {}), play(2, |_, _| {}));
    assert_eq!(play(1, |_, _| {}), play(1, |_, _| {}));
}

#[test]
fn nodes_lose_each_something_else() {
    let missed = play(1, |_, _| {});
    let each: BTreeSet<_> = missed.values().collect();
    assert_eq!(each.len(), 4);
}

/// Which of 200 numbers are lost on the way from one of two nodes to the other, where only one link loses: the egress,
/// the path, or the ingress.
fn lost_at(from: usize, place: usize) -> Vec<u64> {
    let mut sim = Sim::new(1);
    sim.set_observer(Watch::default());
    let nodes = [0, 1].map(|index| sim.add(|config| config.silent = index != from).expect("a valid configuration"));
    let (sender, receiver) = (nodes[from], nodes[1 - from]);
    let lossy = Link::IDEAL.with_loss(Loss::percent(20));
    match place {
        0 => sim.set_egress(sender, lossy),
        1 => sim.set_path(sender, receiver, lossy),
        _ => sim.set_ingress(receiver, lossy),
    }
    .expect("they are there");
    for _ in 0..200 {
        sim.send(sender, b"x").expect("there is room");
        sim.run_for(MS);
    }
    let watch: &Watch = sim.observer().expect("it was set");
    watch.drops.iter().map(|drop| drop.seq).collect()
}

#[test]
fn links_of_the_same_nodes_lose_each_something_else() {
    let patterns: BTreeSet<_> =
        [0, 1].into_iter().flat_map(|from| [0, 1, 2].map(|place| lost_at(from, place))).collect();
    assert_eq!(patterns.len(), 6);
    assert!(patterns.iter().all(|lost| (20..60).contains(&lost.len())), "{patterns:?}");
}
