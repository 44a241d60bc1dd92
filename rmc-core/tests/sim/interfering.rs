//! Taps, forged datagrams, loopback, and the observer.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use rmc_core::packet::{Body, Flags, Packet, RangesBuilder};
use rmc_core::sim::{Datagram, Fate, GROUP, Link, Loss, NodeId, Observer, Place, Sim, Tap, Verdict};
use rmc_core::{Event, Instant, Path, Protocol, Received, SeqRange, Stream};

use super::world::{MS, NS, SECOND, US, World, data_seq};

fn forger() -> SocketAddr {
    "192.0.2.1:4000".parse().expect("an address")
}

/// The bytes of a packet.
fn encoded(flags: Flags, seq: u64, body: Body<'_>) -> Vec<u8> {
    let packet = Packet { flags, heartbeat: 0, epoch: 9, seq, extension: None, body };
    let mut bytes = vec![0; packet.encoded_len()];
    packet.encode(&mut bytes).expect("a valid packet");
    bytes
}

fn data(seq: u64) -> Vec<u8> {
    encoded(Flags::FIRST | Flags::LAST, seq, Body::Data { payload: b"forged" })
}

/// Asks the node with epoch 1 for a number.
fn nack(seq: u64) -> Vec<u8> {
    let mut ranges = RangesBuilder::new(seq);
    assert!(ranges.push(SeqRange::single(seq)));
    let body = Body::Nack { target_epoch: 1, stamp: 1, cookie: 0, rtt: 0, ranges: ranges.as_ranges() };
    encoded(Flags::NONE, seq, body)
}

#[test]
fn a_tap_drops_for_one_where_it_enters_and_for_all_where_it_leaves() {
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL);
    let victim = world.receivers[1];
    world.sim.set_tap(move |datagram: &Datagram<'_>, place: Place| match (data_seq(datagram), place) {
        (Some(2), Place::Leaves) => Verdict::Drop,
        (Some(3), Place::Enters(node)) if node == victim => Verdict::Drop,
        _ => Verdict::Pass,
    });
    world.send(4, 100);
    world.sim.run_for(MS);
    assert_eq!((world.got_seqs(0), world.got_seqs(1)), (vec![1, 3, 4], vec![1, 4]));
    assert_eq!(world.missed(None), [(2, Fate::Tapped)]);
    assert_eq!(world.missed(Some(victim)), [(3, Fate::Tapped)]);
    world.sim.clear_tap();
    world.sim.send(world.sender, b"5").expect("there is room");
    world.sim.run_for(MS);
    assert_eq!(world.got_seqs(1), [1, 4, 5]);
}

#[test]
fn a_tap_delays_at_both_places() {
    let mut world = World::new(1, 2, Link::IDEAL.with_delay(MS), &Link::IDEAL.with_delay(MS));
    let late = world.receivers[1];
    world.sim.set_path(world.sender, world.receivers[0], Link::IDEAL.with_delay(5 * MS)).expect("they are there");
    world.sim.set_tap(move |datagram: &Datagram<'_>, place: Place| match (data_seq(datagram), place) {
        (Some(1), Place::Leaves) => Verdict::Delay(10 * MS),
        (Some(2), Place::Enters(node)) if node == late => Verdict::Delay(3 * MS + NS),
        (Some(3), Place::Enters(_)) => Verdict::Delay(3 * MS),
        _ => Verdict::Pass,
    });
    world.send(4, 100);
    world.sim.run_for(SECOND);
    assert_eq!(world.got(0), [(2, 7 * MS), (4, 7 * MS), (3, 10 * MS), (1, 17 * MS)]);
    assert_eq!(world.got(1), [(4, 2 * MS), (3, 5 * MS), (2, 5 * MS + NS), (1, 12 * MS)]);
}

/// Writes down what it sees leave (`None`) and enter, when, and by which path.
#[derive(Clone, Default)]
struct Counting(Rc<RefCell<Seen>>);

type Seen = BTreeMap<Option<NodeId>, Vec<(Instant, Path)>>;

impl Tap for Counting {
    fn datagram(&mut self, datagram: &Datagram<'_>, place: Place) -> Verdict {
        let place = match place {
            Place::Leaves => None,
            Place::Enters(node) => Some(node),
        };
        self.0.borrow_mut().entry(place).or_default().push((datagram.now, datagram.path));
        Verdict::Pass
    }
}

#[test]
fn a_tap_sees_each_datagram_once_at_each_place() {
    let egress = Link::IDEAL.with_delay(MS).with_loss(Loss::Script(vec![1]));
    let mut world = World::new(1, 2, egress, &Link::IDEAL.with_delay(MS).with_loss(Loss::percent(100)));
    let counting = Counting::default();
    world.sim.set_tap(counting.clone());
    world.send(2, 100);
    let receiver = world.sim.address(world.receivers[0]).expect("it is there");
    world
        .sim
        .with(world.sender, |protocol, now| protocol.send_to(now, receiver, b"private").map(|_| ()))
        .expect("it is up")
        .expect("there is room");
    world.sim.run_for(2 * MS);
    let (start, middle) = (Instant::ORIGIN, Instant::ORIGIN + MS);
    let (all, one) = (Path::Multicast, Path::Unicast);
    let seen: Vec<_> = counting.0.borrow().clone().into_iter().collect();
    // In front of the links: it sees what they lose.
    assert_eq!(
        seen,
        [
            (None, vec![(start, all), (start, all), (start, one)]),
            (Some(world.receivers[0]), vec![(middle, all), (middle, one)]),
            (Some(world.receivers[1]), vec![(middle, all)]),
        ]
    );
}

#[test]
fn a_tap_that_changes_nothing_changes_nothing() {
    for seed in 1..=5 {
        let digest = |with_tap: bool| {
            let link = Link::IDEAL.with_delay(MS).with_jitter(MS).with_loss(Loss::percent(10));
            let mut world = World::new(seed, 3, Link::IDEAL, &link);
            if with_tap {
                world.sim.set_tap(|_: &Datagram<'_>, _: Place| Verdict::Pass);
            }
            world.send_each(MS, 100);
            world.sim.trace().digest()
        };
        assert_eq!(digest(true), digest(false), "seed {seed}");
    }
}

#[test]
fn a_forged_datagram_comes_from_any_address_past_everything() {
    let mut world = World::new(1, 3, Link::IDEAL, &Link::IDEAL.with_loss(Loss::percent(100)));
    world.sim.set_tap(|_: &Datagram<'_>, _: Place| Verdict::Drop);
    let all: Vec<_> = world.sim.nodes().collect();
    world.sim.partition(&all, &all);
    let to = world.sim.address(world.receivers[1]).expect("it is there");
    world.sim.inject(forger(), to, &data(1));
    assert_eq!(world.got(1), [], "it has still to arrive");
    world.sim.run_for(Duration::ZERO);
    assert_eq!([0, 1, 2].map(|receiver| world.got_seqs(receiver)), [vec![], vec![1], vec![]]);
    world.sim.inject(forger(), GROUP, &data(2));
    world.sim.run_for(MS);
    assert_eq!([0, 1, 2].map(|receiver| world.got_seqs(receiver)), [vec![2], vec![1, 2], vec![2]]);
    let came_to_sender = world.watch().arrivals.iter().filter(|arrival| arrival.node == world.sender).count();
    assert_eq!(came_to_sender, 1, "it is a member of its group, too");
    for expected in [Path::Unicast, Path::Multicast] {
        assert!(
            matches!(world.sim.recv(world.receivers[1]), Some(Received::Message { peer, path, payload: b"forged", .. })
            if peer == forger() && path == expected)
        );
    }
}

// RMC-KIND-5
#[test]
fn a_forged_datagram_comes_by_the_path_of_its_destination() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL);
    world.send(1, 100);
    let place = world.sim.address(world.sender).expect("it is there");
    let nack = nack(1);
    let counters = |world: &World| {
        let stats = world.sim.protocol(world.sender).expect("it is up").stats();
        (stats.dropped.wrong_path, stats.repair.nacks_received)
    };
    for (destination, expected) in [(GROUP, (1, 0)), (place, (1, 1))] {
        world.sim.inject(forger(), destination, &nack);
        world.sim.run_for(MS);
        assert_eq!(counters(&world), expected, "{destination}");
    }
}

#[test]
fn a_forged_datagram_for_nobody_is_dropped() {
    let mut sim = Sim::new(1);
    sim.record(10);
    for destination in ["10.0.0.1:5000", "239.255.77.1:8000"] {
        sim.inject(forger(), destination.parse().expect("an address"), &data(1));
    }
    let told: Vec<_> = sim.trace().to_string().lines().map(str::to_owned).collect();
    let packet = "RMC data seq 1 epoch 0x00000009 hb 0 [FIRST,LAST] len 6";
    assert_eq!(
        told,
        [
            format!("0.000000000 injected 192.0.2.1:4000 > 10.0.0.1:5000: {packet}"),
            format!("0.000000000 all miss (nobody there) from 192.0.2.1:4000: {packet}"),
            format!("0.000000000 injected 192.0.2.1:4000 > 239.255.77.1:8000: {packet}"),
            format!("0.000000000 all miss (nobody there) from 192.0.2.1:4000: {packet}"),
        ]
    );
}

// RMC-PEER-2
#[test]
fn loopback_brings_back_what_a_node_multicasts_past_its_links() {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL.with_delay(MS), &Link::IDEAL.with_delay(MS).with_loss(Loss::percent(100)));
    let [one, other] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    let own = |sim: &Sim, node| sim.protocol(node).expect("it is up").stats().dropped.own;
    sim.send(one, b"not back").expect("there is room");
    sim.run_for(2 * MS);
    assert_eq!(own(&sim, one), 0, "the default");
    sim.set_loopback(true);
    sim.send(one, b"back").expect("there is room");
    sim.send_to(one, other, b"private does not come back").expect("there is room");
    sim.run_for(MS);
    assert_eq!(own(&sim, one), 1, "it has passed the egress, and not the ingress");
    sim.set_loopback(false);
    sim.send(one, b"not back").expect("there is room");
    sim.run_for(2 * MS);
    assert_eq!((own(&sim, one), own(&sim, other)), (1, 0));
}

/// Writes down what it learns.
#[derive(Default)]
struct Diary(Vec<String>);

impl Observer for Diary {
    fn sent(&mut self, datagram: &Datagram<'_>) {
        self.0.push(format!("sent by {:?} to {}", datagram.from, datagram.destination));
    }

    fn dropped(&mut self, _: &Datagram<'_>, to: Option<NodeId>, fate: Fate) {
        self.0.push(format!("dropped for {to:?}: {fate:?}"));
    }

    fn arrived(&mut self, datagram: &Datagram<'_>, node: NodeId, protocol: &Protocol) {
        let known = protocol.peer(datagram.source).and_then(|peer| peer.group).map(|stream| stream.known);
        self.0.push(format!("arrived at {node}, which knows {known:?}"));
    }

    fn received(&mut self, now: Instant, node: NodeId, received: &Received<'_>) {
        let Received::Message { stream: Stream::Group, seq, .. } = received else { panic!("{received:?}") };
        self.0.push(format!("{node} takes {seq} at {now:?}"));
    }

    fn event(&mut self, now: Instant, node: NodeId, event: &Event) {
        self.0.push(format!("{node} tells {} at {now:?}", event.kind()));
    }
}

#[test]
fn an_observer_learns_everything_in_order() {
    let mut world = World::new(1, 2, Link::IDEAL, &Link::IDEAL.with_delay(2 * US));
    world.sim.set_observer(Diary::default());
    world.sim.set_ingress(world.receivers[1], Link::IDEAL.with_loss(Loss::percent(100))).expect("it is there");
    world.send(1, 100);
    world.sim.run_for(MS);
    assert!(world.sim.recv(world.receivers[0]).is_some());
    let diary: &Diary = world.sim.observer().expect("it was set");
    assert_eq!(
        diary.0,
        [
            "sent by Some(n0) to 239.255.77.1:8000",
            "dropped for Some(n2): Lost",
            "arrived at n1, which knows Some(1)",
            "n1 tells new_sender at 0.000002000s",
            "n1 tells readable at 0.000002000s",
            "n1 takes 1 at 0.001000000s",
        ]
    );
    assert!(world.sim.observer::<super::world::Watch>().is_none(), "another one is there");
    world.sim.observer_mut::<Diary>().expect("it was set").0.clear();
}
