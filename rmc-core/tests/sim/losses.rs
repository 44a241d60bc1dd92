//! Loss: which datagrams, and for whom.

use std::collections::BTreeSet;

use rmc_core::sim::{Bursts, Chance, Fate, Link, Loss};

use super::world::{MS, US, World};

fn lossy(loss: Loss) -> Link {
    Link::IDEAL.with_loss(loss)
}

/// The numbers from 1 to `count` that did not come to a receiver.
fn lost(world: &World, receiver: usize, count: u64) -> Vec<u64> {
    let got: BTreeSet<_> = world.got_seqs(receiver).into_iter().collect();
    (1..=count).filter(|seq| !got.contains(seq)).collect()
}

#[test]
fn no_loss_loses_nothing() {
    for none in [Loss::None, Loss::Every(0), Loss::percent(0), Loss::Script(vec![])] {
        let mut world = World::new(1, 2, lossy(none.clone()), &lossy(none));
        world.send_each(100 * US, 500);
        assert_eq!((lost(&world, 0, 500), lost(&world, 1, 500)), (vec![], vec![]));
        assert_eq!(world.watch().drops, []);
    }
}

#[test]
fn certain_loss_loses_everything() {
    for all in [Loss::percent(100), Loss::percent(150), Loss::Every(1), Loss::per_million(1_000_000)] {
        let mut world = World::new(1, 1, lossy(all), &Link::IDEAL);
        world.send(20, 100);
        world.sim.run_for(MS);
        assert_eq!(lost(&world, 0, 20).len(), 20);
    }
}

#[test]
fn what_the_egress_loses_is_lost_for_all() {
    for seed in 1..=5 {
        let mut world = World::new(seed, 3, lossy(Loss::percent(10)), &Link::IDEAL);
        world.send_each(MS, 2_000);
        let missing = lost(&world, 0, 2_000);
        assert!((140..260).contains(&missing.len()), "seed {seed}: {} lost", missing.len());
        assert_eq!(lost(&world, 1, 2_000), missing, "seed {seed}");
        assert_eq!(lost(&world, 2, 2_000), missing, "seed {seed}");
        let told: Vec<_> = missing.into_iter().map(|seq| (seq, Fate::Lost)).collect();
        assert_eq!(world.missed(None), told, "seed {seed}");
    }
}

#[test]
fn what_the_ingress_loses_is_each_receivers_own() {
    for seed in 1..=5 {
        let mut world = World::new(seed, 2, Link::IDEAL, &lossy(Loss::percent(10)));
        world.send_each(MS, 5_000);
        let [one, other] = [0, 1].map(|receiver| lost(&world, receiver, 5_000).into_iter().collect::<BTreeSet<_>>());
        for missing in [&one, &other] {
            assert!((400..600).contains(&missing.len()), "seed {seed}: {} lost", missing.len());
        }
        // Independent: one in ten of what one has lost the other one has lost too.
        let both = one.intersection(&other).count();
        assert!((20..85).contains(&both), "seed {seed}: {both} lost by both");
        assert_eq!(world.missed(None), [], "seed {seed}");
        let told: BTreeSet<_> = world.missed(Some(world.receivers[0])).into_iter().map(|(seq, _)| seq).collect();
        assert_eq!(told, one, "seed {seed}");
    }
}

#[test]
fn what_a_path_loses_is_lost_for_that_pair_only() {
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL);
    let talker = world.sim.add(|_| {}).expect("a valid configuration");
    let [first, second] = world.receivers[..] else { panic!("two receivers") };
    world.sim.set_path(world.sender, first, lossy(Loss::Script(vec![1, 3]))).expect("they are there");
    // The other way is a path of its own.
    world.sim.set_path(first, world.sender, lossy(Loss::percent(100))).expect("they are there");
    world.send(5, 100);
    world.sim.run_for(MS);
    assert_eq!((lost(&world, 0, 5), lost(&world, 1, 5)), (vec![2, 4], vec![]));
    assert_eq!(world.missed(Some(first)), [(2, Fate::Lost), (4, Fate::Lost)]);
    world.sim.send(talker, b"from elsewhere").expect("there is room");
    world.sim.run_for(MS);
    let came = |node| world.watch().arrivals.iter().filter(|arrival| arrival.node == node).count();
    assert_eq!([came(first), came(second), came(world.sender)], [4, 6, 1]);
}

#[test]
fn every_nth_is_counted_on_each_link() {
    let mut world = World::new(1, 2, lossy(Loss::Every(4)), &Link::IDEAL);
    world.sim.set_ingress(world.receivers[1], lossy(Loss::Every(3))).expect("it is there");
    world.send(12, 100);
    world.sim.run_for(MS);
    assert_eq!(lost(&world, 0, 12), [4, 8, 12]);
    // Of what the egress has let through, 1 2 3 5 6 7 9 10 11, the 3rd, 6th and 9th.
    assert_eq!(lost(&world, 1, 12), [3, 4, 7, 8, 11, 12]);
}

#[test]
fn a_script_counts_from_0_and_begins_anew_when_it_changes() {
    let script = |positions: &[u64]| lossy(Loss::Script(positions.to_vec()));
    let mut world = World::new(1, 1, script(&[0, 2, 3]), &Link::IDEAL);
    world.send(5, 100);
    // The same again is no change.
    world.sim.set_egress(world.sender, script(&[0, 2, 3])).expect("it is there");
    world.send(1, 100);
    world.sim.set_egress(world.sender, script(&[0])).expect("it is there");
    world.send(2, 100);
    world.sim.run_for(MS);
    assert_eq!(lost(&world, 0, 8), [1, 3, 4, 7]);
}

#[test]
fn bursts_come_in_a_row_with_the_mean_asked_for() {
    for (percent, length) in [(5_u32, 10_u32), (20, 4)] {
        let mut world = World::new(7, 1, lossy(Loss::bursts(Chance::percent(percent), length)), &Link::IDEAL);
        world.send_each(100 * US, 40_000);
        let missing = lost(&world, 0, 40_000);
        let mean = percent as usize * 400;
        assert!(missing.len().abs_diff(mean) * 5 < mean, "{} lost, not {mean}", missing.len());
        let bursts = 1 + missing.windows(2).filter(|pair| pair[1] > pair[0] + 1).count();
        let expected = missing.len() / length as usize;
        assert!(bursts.abs_diff(expected) * 5 < expected, "{bursts} bursts, not {expected}");
    }
}

#[test]
fn bursts_lose_in_each_state_what_they_say() {
    let bursts = Bursts { to_bad: Chance::ALWAYS, to_good: Chance::ALWAYS, good: Chance::NEVER, bad: Chance::ALWAYS };
    let mut world = World::new(1, 1, lossy(Loss::Bursts(bursts)), &Link::IDEAL);
    world.send(6, 100);
    world.sim.run_for(MS);
    // It turns before each datagram: bad, good, bad, good.
    assert_eq!(lost(&world, 0, 6), [1, 3, 5]);
    let turned = Bursts { to_good: Chance::NEVER, good: Chance::ALWAYS, bad: Chance::NEVER, ..bursts };
    let mut world = World::new(1, 1, lossy(Loss::Bursts(turned)), &Link::IDEAL);
    world.send(6, 100);
    world.sim.run_for(MS);
    assert_eq!(lost(&world, 0, 6), []);
}
