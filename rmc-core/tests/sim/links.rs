//! Delay, jitter, duplication and reordering.

use std::collections::BTreeSet;
use std::time::Duration;

use rmc_core::sim::{Chance, Link};

use super::world::{MS, NS, SECOND, US, World};

#[test]
fn an_ideal_link_takes_no_time() {
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL);
    world.send(2, 100);
    world.sim.run_for(Duration::ZERO);
    for receiver in 0..2 {
        assert_eq!(world.got(receiver), [(1, Duration::ZERO), (2, Duration::ZERO)]);
    }
}

#[test]
fn delays_are_exact_and_add_up() {
    let slow = |delay| Link::IDEAL.with_delay(delay);
    let mut world = World::new(1, 2, slow(3 * MS + NS), &slow(7 * MS));
    world.sim.set_path(world.sender, world.receivers[1], slow(2 * MS)).expect("they are there");
    world.send(1, 100);
    world.sim.run_for(10 * MS);
    assert_eq!(world.got(0), []);
    world.sim.run_for(NS);
    assert_eq!(world.got(0), [(1, 10 * MS + NS)]);
    world.sim.run_for(2 * MS);
    assert_eq!(world.got(1), [(1, 12 * MS + NS)]);
}

#[test]
fn a_delay_that_shrinks_keeps_the_order() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL.with_delay(5 * MS));
    world.send(1, 100);
    world.sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(MS));
    world.send(1, 100);
    world.sim.run_for(4_500 * US);
    world.send(1, 100);
    world.sim.run_for(SECOND);
    assert_eq!(world.got(0), [(1, 5 * MS), (2, 5 * MS), (3, 5_500 * US)]);
}

#[test]
fn jitter_stays_within_its_bounds_and_is_each_receivers_own() {
    for seed in 1..=5 {
        let mut world = World::new(seed, 3, Link::IDEAL, &Link::IDEAL.with_delay(5 * MS).with_jitter(2 * MS));
        world.send_each(3 * MS, 100);
        world.sim.run_for(SECOND);
        let mut patterns = BTreeSet::new();
        for receiver in 0..3 {
            let took: Vec<_> = (0..).zip(world.got(receiver)).map(|(index, (_, at))| at - 3 * MS * index).collect();
            assert!(took.iter().all(|took| (5 * MS..=7 * MS).contains(took)), "seed {seed}: {took:?}");
            assert!(took.iter().any(|took| *took < 5_200 * US), "seed {seed}: none is early");
            assert!(took.iter().any(|took| *took > 6_800 * US), "seed {seed}: none is late");
            patterns.insert(took);
        }
        assert_eq!(patterns.len(), 3, "seed {seed}: receivers share their jitter");
    }
}

#[test]
fn jitter_keeps_the_order() {
    for seed in 1..=5 {
        let mut world = World::new(seed, 2, Link::IDEAL.with_jitter(2 * MS), &Link::IDEAL.with_jitter(2 * MS));
        world.send_each(100 * US, 300);
        world.sim.run_for(SECOND);
        for receiver in 0..2 {
            let got = world.got(receiver);
            assert!(got.iter().map(|(seq, _)| *seq).eq(1..=300), "seed {seed}: out of order");
            let took = (0..).zip(got).map(|(index, (_, at))| at - 100 * US * index);
            assert!(took.max() <= Some(4 * MS), "seed {seed}: what waits for others is later than jitter allows");
        }
    }
}

#[test]
fn jitter_at_the_end_of_its_range_is_reached() {
    let mut world = World::new(3, 1, Link::IDEAL, &Link::IDEAL.with_jitter(2 * NS));
    world.send_each(100 * US, 100);
    let took: BTreeSet<_> =
        (1..).zip(world.got(0)).map(|(index, (_, at))| at.as_nanos() - 100_000 * (index - 1)).collect();
    assert_eq!(took.into_iter().collect::<Vec<_>>(), [0, 1, 2]);
}

#[test]
fn duplication_at_the_ingress_is_each_receivers_own() {
    let mut world = World::new(2, 2, Link::IDEAL, &Link::IDEAL.with_duplication(Chance::percent(30)));
    world.send_each(100 * US, 1_000);
    let twice = |receiver| {
        let seqs = world.got_seqs(receiver);
        let unique: BTreeSet<_> = seqs.iter().copied().collect();
        assert_eq!(unique.len(), 1_000, "a packet is missing");
        assert!((250..350).contains(&(seqs.len() - 1_000)), "{} duplicates", seqs.len() - 1_000);
        seqs.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect::<Vec<_>>()
    };
    assert_ne!(twice(0), twice(1));
    let stats = world.sim.protocol(world.receivers[0]).expect("it is up").stats();
    // RMC-DATA-3
    assert_eq!(stats.rx.duplicates, twice(0).len() as u64);
}

#[test]
fn duplication_at_the_egress_is_the_same_for_all() {
    let mut world = World::new(2, 2, Link::IDEAL.with_duplication(Chance::ALWAYS), &Link::IDEAL);
    world.send_each(100 * US, 3);
    for receiver in 0..2 {
        assert_eq!(world.got_seqs(receiver), [1, 1, 2, 2, 3, 3]);
    }
}

#[test]
fn a_duplicate_has_a_jitter_of_its_own() {
    let link = Link::IDEAL.with_duplication(Chance::ALWAYS).with_jitter(MS);
    let mut world = World::new(2, 1, Link::IDEAL, &link);
    world.send_each(5 * MS, 50);
    let later = world.got(0).chunks(2).filter(|twins| twins[0].0 == twins[1].0 && twins[0].1 < twins[1].1).count();
    // It keeps the order, too: where its own jitter is shorter, it comes right behind the first.
    assert!((15..35).contains(&later), "{later} of 50 come later than the first");
}

#[test]
fn what_is_held_back_is_overtaken_and_the_rest_keeps_the_order() {
    for seed in 1..=5 {
        let link = Link::IDEAL.with_delay(MS).with_reordering(Chance::percent(20), 3 * MS);
        let mut world = World::new(seed, 1, Link::IDEAL, &link);
        world.send_each(100 * US, 1_000);
        world.sim.run_for(SECOND);
        let got = world.got(0);
        assert_eq!(got.len(), 1_000, "seed {seed}");
        let sent = |seq: u64| 100 * US * u32::try_from(seq - 1).expect("few");
        let (held, prompt): (Vec<_>, Vec<_>) = got.iter().partition(|(seq, at)| *at > sent(*seq) + MS);
        assert!((150..250).contains(&held.len()), "seed {seed}: {} held back", held.len());
        assert!(held.iter().all(|(seq, at)| *at <= sent(*seq) + 4 * MS), "seed {seed}: held back for too long");
        assert!(held.iter().any(|(seq, at)| *at > sent(*seq) + 3 * MS), "seed {seed}: none held back for long");
        assert!(prompt.iter().all(|(seq, at)| *at == sent(*seq) + MS), "seed {seed}: early");
        assert!(prompt.is_sorted(), "seed {seed}: out of order");
        assert!(!got.is_sorted_by_key(|(seq, _)| *seq), "seed {seed}: nothing was overtaken");
    }
}
