//! Who cannot reach whom.

use rmc_core::Received;
use rmc_core::sim::{Fate, Link, NodeId, Sim};

use super::world::{MS, World};

/// Nodes that all begin with what comes next, and have heard of nobody.
fn nodes(sim: &mut Sim, count: usize) -> Vec<NodeId> {
    (0..count).map(|_| sim.add(|_| {}).expect("a valid configuration")).collect()
}

/// The payloads that a node has got.
fn taken(sim: &mut Sim, node: NodeId) -> Vec<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(received) = sim.recv(node) {
        if let Received::Message { payload, .. } = received {
            all.push(payload.to_vec());
        }
    }
    all
}

#[test]
fn a_cut_is_one_way_and_for_those_named() {
    let mut world = World::new(1, 3, Link::IDEAL, &Link::IDEAL);
    let [first, second, _] = world.receivers[..] else { panic!("three receivers") };
    let talker = world.sim.add(|_| {}).expect("a valid configuration");
    world.sim.cut(&[world.sender], &[first, second]);
    world.send(1, 100);
    world.sim.send(talker, b"from elsewhere").expect("there is room");
    world.sim.run_for(MS);
    assert_eq!([0, 1, 2].map(|receiver| world.got(receiver).len()), [1, 1, 2]);
    for node in [first, second] {
        assert_eq!(world.missed(Some(node)), [(1, Fate::Cut)]);
    }
}

#[test]
fn a_one_way_cut_lets_the_other_way_pass() {
    let mut sim = Sim::new(1);
    let [one, other] = nodes(&mut sim, 2)[..] else { panic!("two nodes") };
    let cut = sim.cut(&[one], &[other]);
    sim.send(one, b"unheard").expect("there is room");
    sim.send(other, b"heard").expect("there is room");
    sim.send_to(one, other, b"private, unheard").expect("there is room");
    sim.send_to(other, one, b"private, heard").expect("there is room");
    sim.run_for(MS);
    assert_eq!(taken(&mut sim, one), [b"heard".to_vec(), b"private, heard".to_vec()]);
    assert_eq!(taken(&mut sim, other), Vec::<Vec<u8>>::new());
    assert!(sim.heal(cut));
    sim.run_until_quiet(10_000 * MS).expect("heartbeats tell of it");
    assert_eq!(taken(&mut sim, other).len(), 2);
}

#[test]
fn a_partition_cuts_both_ways_and_heals_by_its_ids() {
    let mut sim = Sim::new(1);
    let all = nodes(&mut sim, 4);
    let [there, back] = sim.partition(&all[..2], &all[2..]);
    assert_ne!(there, back);
    for node in &all {
        sim.send(*node, &[u8::try_from(node.index()).expect("few")]).expect("there is room");
    }
    sim.run_for(MS);
    let heard = |sim: &mut Sim| all.iter().map(|node| taken(sim, *node).concat()).collect::<Vec<_>>();
    assert_eq!(heard(&mut sim), [vec![1], vec![0], vec![3], vec![2]]);

    assert!(sim.heal(there));
    assert!(!sim.heal(there), "it is healed already");
    sim.run_for(2_000 * MS);
    // Only heartbeats get there, but they tell what is missing; the answers cannot come back.
    assert_eq!(heard(&mut sim), [vec![], vec![], vec![], vec![]]);
    assert!(sim.heal(back));
    sim.run_until_quiet(10_000 * MS).expect("all is healed");
    let mut sorted = heard(&mut sim);
    sorted.iter_mut().for_each(|heard| heard.sort_unstable());
    assert_eq!(sorted, [vec![2, 3], vec![2, 3], vec![0, 1], vec![0, 1]]);
}

#[test]
fn cuts_that_overlap_are_healed_one_by_one() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL);
    let (from, to) = (world.sender, world.receivers[0]);
    let cuts = [world.sim.cut(&[from], &[to]), world.sim.cut(&[from, to], &[from, to])];
    for (healed, passes) in [(0, false), (1, true)] {
        assert!(world.sim.heal(cuts[healed]));
        world.send(1, 100);
        world.sim.run_for(MS);
        assert_eq!(!world.got(0).is_empty(), passes, "{healed} is healed");
    }
    world.sim.cut(&[from], &[to]);
    world.sim.cut(&[from], &[to]);
    world.sim.heal_all();
    world.send(1, 100);
    world.sim.run_for(MS);
    assert_eq!(world.got_seqs(0), [2, 3]);
}

#[test]
fn what_is_past_the_middle_still_arrives() {
    let delay = Link::IDEAL.with_delay(MS);
    let mut world = World::new(1, 1, delay.clone(), &delay);
    world.send(1, 100);
    world.sim.run_for(MS);
    // The first is on the receiver's own link now, the second still on the sender's.
    world.send(1, 100);
    world.sim.cut(&[world.sender], &[world.receivers[0]]);
    world.sim.run_for(10 * MS);
    assert_eq!(world.got(0), [(1, 2 * MS)]);
}

#[test]
fn many_nodes_can_be_cut_off() {
    let mut world = World::new(1, 200, Link::IDEAL, &Link::IDEAL);
    let behind: Vec<_> = world.receivers.iter().copied().filter(|node| node.index().is_multiple_of(7)).collect();
    world.sim.cut(&[world.sender], &behind);
    world.send(1, 100);
    world.sim.run_for(MS);
    for receiver in 0..200 {
        let node = world.receivers[receiver];
        assert_eq!(world.got(receiver).is_empty(), node.index().is_multiple_of(7), "{node}");
    }
}
