//! Rate, queue and MTU, to the nanosecond and to the byte.

use std::net::SocketAddr;

use rmc_core::JoinPolicy;
use rmc_core::sim::{Fate, Link, Loss, Sim};

use super::world::{MS, NS, US, Watch, World, silent, since_start};

/// A line that takes one microsecond for each byte.
const RATE: u64 = 1_000_000;

#[test]
fn a_rate_spaces_datagrams_by_their_length() {
    let mut world = World::new(1, 2, Link::IDEAL.with_rate(RATE, 10_000), &Link::IDEAL.with_delay(5 * US));
    world.send(2, 100);
    world.send(1, 250);
    world.sim.run_for(MS);
    // An idle line begins anew: it has saved nothing up.
    world.send(2, 100);
    world.sim.run_for(MS);
    for receiver in 0..2 {
        let expected = [(1, 105), (2, 205), (3, 455), (4, 1_105), (5, 1_205)].map(|(seq, at)| (seq, at * US));
        assert_eq!(world.got(receiver), expected, "a multicast leaves once, however many it is for");
    }
}

#[test]
fn a_time_that_is_no_whole_nanosecond_is_rounded_up() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL.with_rate(3_000_000_000, 1_000));
    world.send(2, 100);
    world.sim.run_for(MS);
    // 100 bytes take 33 1/3 ns.
    assert_eq!(world.got(0), [(1, 34 * NS), (2, 68 * NS)]);
}

#[test]
fn a_queue_takes_what_fits_and_not_a_byte_more() {
    for (queue, taken) in [(300, 3), (299, 2), (200, 2), (199, 1), (0, 1)] {
        let mut world = World::new(1, 1, Link::IDEAL.with_rate(RATE, queue), &Link::IDEAL);
        world.send(5, 100);
        world.sim.run_for(MS);
        assert!(world.got_seqs(0).into_iter().eq(1..=taken), "a queue of {queue}: {:?}", world.got(0));
        let dropped: Vec<_> = (taken + 1..=5).map(|seq| (seq, Fate::QueueFull)).collect();
        assert_eq!(world.missed(None), dropped, "a queue of {queue}");
    }
}

#[test]
fn a_queue_has_room_again_as_soon_as_bytes_have_left() {
    // 300 bytes wait at first. One of 100 fits when 100 have left, and not a microsecond before.
    for (wait, fits) in [(100 * US, true), (99 * US, false)] {
        let mut world = World::new(1, 1, Link::IDEAL.with_rate(RATE, 300), &Link::IDEAL);
        world.send(3, 100);
        world.sim.run_for(wait);
        world.send(1, 100);
        world.sim.run_for(MS);
        assert_eq!(world.got_seqs(0).contains(&4), fits, "after {wait:?}");
    }
}

#[test]
fn ingress_and_path_have_queues_of_their_own() {
    let slow = Link::IDEAL.with_rate(RATE, 200);
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL);
    let [first, second] = world.receivers[..] else { panic!("two receivers") };
    world.sim.set_ingress(first, slow.clone()).expect("it is there");
    world.sim.set_path(world.sender, second, slow.with_rate(2 * RATE, 300)).expect("they are there");
    world.send(4, 100);
    world.sim.run_for(MS);
    assert_eq!(world.got(0), [(1, 100 * US), (2, 200 * US)]);
    assert_eq!(world.got(1), [(1, 50 * US), (2, 100 * US), (3, 150 * US)]);
    assert_eq!(world.missed(Some(first)), [(3, Fate::QueueFull), (4, Fate::QueueFull)]);
    assert_eq!(world.missed(Some(second)), [(4, Fate::QueueFull)]);
}

#[test]
fn what_is_lost_has_used_its_share_of_the_rate() {
    let link = Link::IDEAL.with_rate(RATE, 1_000).with_loss(Loss::Script([0].to_vec()));
    let mut world = World::new(1, 1, link, &Link::IDEAL);
    world.send(2, 100);
    world.sim.run_for(MS);
    assert_eq!(world.got(0), [(2, 200 * US)]);
}

#[test]
fn an_mtu_is_the_longest_ip_packet_that_passes() {
    for (mtu, passes) in [(100, true), (99, false)] {
        let link = Link::IDEAL.with_mtu(mtu);
        for (egress, ingress) in [(link.clone(), Link::IDEAL), (Link::IDEAL, link.clone())] {
            let is_shared = egress != Link::IDEAL;
            let mut world = World::new(1, 1, egress, &ingress);
            world.send(1, 100);
            world.sim.run_for(MS);
            assert_eq!(world.got_seqs(0).len(), usize::from(passes), "an MTU of {mtu}");
            let who = (!is_shared).then_some(world.receivers[0]);
            let dropped = if passes { vec![] } else { vec![(1, Fate::TooLong)] };
            assert_eq!(world.missed(who), dropped, "an MTU of {mtu}");
        }
    }
}

#[test]
fn what_is_too_long_takes_nothing_of_the_rate() {
    let mut world = World::new(1, 1, Link::IDEAL.with_rate(RATE, 1_000).with_mtu(100), &Link::IDEAL);
    world.send(1, 101);
    world.send(1, 100);
    world.sim.run_for(MS);
    assert_eq!(world.got(0), [(2, 100 * US)]);
}

#[test]
fn an_ipv6_header_is_20_bytes_longer() {
    for (mtu, passes) in [(120, true), (119, false)] {
        let mut sim = Sim::new(1);
        sim.set_observer(Watch::default());
        sim.set_links(&Link::IDEAL.with_rate(RATE, 1_000).with_mtu(mtu), &Link::IDEAL);
        let group: SocketAddr = "[ff02::77]:8000".parse().expect("an address");
        let [sender, receiver] = ["[fd00::1]:5000", "[fd00::2]:5000"].map(|address| {
            let address = address.parse().expect("an address");
            sim.add_at(address, |config| {
                (config.group, config.join_policy, config.max_datagram) = (group, JoinPolicy::Now, 1_452);
            })
            .expect("a valid configuration")
        });
        sim.send(sender, &[0; 100 - 28 - 16]).expect("there is room");
        sim.run_for(MS);
        let watch: &Watch = sim.observer().expect("it was set");
        let got: Vec<_> = watch.arrivals.iter().map(|arrival| (arrival.node, arrival.at)).collect();
        assert_eq!(got, if passes { vec![(receiver, 120 * US)] } else { vec![] }, "an MTU of {mtu}");
    }
}

#[test]
fn with_a_send_buffer_a_sender_waits_and_nothing_is_dropped() {
    // While 200 bytes wait the third may come to them, and the fourth may not.
    for (queue, taken) in [(300, 5), (299, 2)] {
        let mut world = World::new(1, 1, Link::IDEAL.with_rate(RATE, queue), &Link::IDEAL);
        world.sim.set_send_buffer(world.sender, Some(200)).expect("it is there");
        world.send(5, 100);
        let queued = world.sim.protocol(world.sender).expect("it is up").stats().held.queued_packets;
        assert_eq!(queued, if taken == 5 { 2 } else { 0 }, "what is dropped makes nobody wait");
        world.sim.run_for(MS);
        let expected: Vec<_> = (1..=taken).map(|seq| (seq, u32::try_from(seq).expect("small") * 100 * US)).collect();
        assert_eq!(world.got(0), expected, "the line is never idle");
        assert_eq!(world.missed(None).len() as u64, 5 - taken, "a queue of {queue}");
    }
}

#[test]
fn a_sender_goes_on_as_soon_as_enough_bytes_have_left() {
    for (wait, left) in [(100 * US, 2), (99 * US, 3)] {
        let mut world = World::new(1, 1, Link::IDEAL.with_rate(RATE, 1_000), &Link::IDEAL);
        world.sim.set_send_buffer(world.sender, Some(100)).expect("it is there");
        world.send(5, 100);
        let queued = |world: &World| world.sim.protocol(world.sender).expect("it is up").stats().held.queued_packets;
        assert_eq!(queued(&world), 3);
        world.sim.run_for(wait);
        assert_eq!(queued(&world), left, "after {wait:?}");
        // Without a bound everything goes to the link at once.
        world.sim.set_send_buffer(world.sender, None).expect("it is there");
        assert_eq!(queued(&world), 0);
    }
}

/// What waits for a link goes at once when that has no rate any more.
#[test]
fn a_sender_that_waits_heeds_a_change_of_its_link() {
    for all in [false, true] {
        for (rate, left) in [(Some(RATE), 3), (None, 0)] {
            let mut world = World::new(1, 1, Link::IDEAL.with_rate(RATE, 1_000), &Link::IDEAL);
            world.sim.set_send_buffer(world.sender, Some(100)).expect("it is there");
            world.send(5, 100);
            let link = rate.map_or(Link::IDEAL, |rate| Link::IDEAL.with_rate(rate, 1_000));
            if all {
                world.sim.set_links(&link, &Link::IDEAL);
            } else {
                world.sim.set_egress(world.sender, link).expect("it is there");
            }
            let queued = world.sim.protocol(world.sender).expect("it is up").stats().held.queued_packets;
            assert_eq!(queued, left, "{rate:?}, all: {all}");
        }
    }
}

/// A link that is changed goes on with what waits in front of it.
#[test]
fn a_queue_outlives_a_change_of_its_link() {
    let mut sim = Sim::new(1);
    sim.set_observer(Watch::default());
    sim.set_links(&Link::IDEAL.with_rate(RATE, 1_000), &Link::IDEAL);
    let sender = sim.add(|_| {}).expect("a valid configuration");
    silent(&mut sim);
    sim.send(sender, &[0; 100 - 28 - 16]).expect("there is room");
    sim.set_egress(sender, Link::IDEAL.with_rate(2 * RATE, 1_000)).expect("it is there");
    sim.send(sender, &[0; 100 - 28 - 16]).expect("there is room");
    sim.run_for(MS);
    let watch: &Watch = sim.observer().expect("it was set");
    let at: Vec<_> = watch.arrivals.iter().map(|arrival| arrival.at).collect();
    assert_eq!(at, [100 * US, 150 * US]);
    assert_eq!(since_start(sim.now()), MS);
}
