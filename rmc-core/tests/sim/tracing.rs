//! The trace: its digest, its records, and its lines.

use std::collections::BTreeSet;
use std::time::Duration;

use rmc_core::packet::Packet;
use rmc_core::sim::{Discard, Fate, GROUP, Link, Loss, Record, Sim, What};
use rmc_core::{Config, FlowControl};

use super::world::{MS, SECOND, US, World};

/// A group that loses, crashes and recovers.
fn play(seed: u64, records: usize) -> Sim {
    let mut sim = Sim::new(seed);
    sim.record(records);
    let link = Link::IDEAL.with_delay(MS).with_jitter(MS).with_loss(Loss::percent(5));
    sim.set_links(&Link::IDEAL, &link);
    let nodes: Vec<_> = (0..4).map(|_| sim.add(|_| {}).expect("a valid configuration")).collect();
    for node in &nodes {
        sim.run_application(*node, Discard);
    }
    for index in 0..100_usize {
        sim.send(nodes[index % 4], b"payload").expect("there is room");
        sim.run_for(MS);
        if index == 50 {
            sim.restart(nodes[1]).expect("it is there");
        }
    }
    sim.run_for(SECOND);
    sim
}

#[test]
fn the_same_seed_is_the_same_digest_and_another_one_another() {
    let digests: BTreeSet<_> = (0..20).map(|seed| play(seed, 0).trace().digest()).collect();
    assert_eq!(digests.len(), 20);
    for seed in 0..20 {
        let (one, other) = (play(seed, 0), play(seed, 100_000));
        assert_eq!(one.trace().digest(), other.trace().digest(), "seed {seed}: recording changes it");
        assert_eq!(one.trace().count(), other.trace().count(), "seed {seed}");
        assert_eq!(play(seed, 100_000).trace().to_string(), other.trace().to_string(), "seed {seed}");
    }
}

#[test]
fn the_digest_tells_any_difference() {
    let digest = |payload: &[u8], wait, from: &str, to: &str| {
        let mut sim = Sim::new(1);
        sim.run_for(wait);
        sim.inject(from.parse().expect("an address"), to.parse().expect("an address"), payload);
        sim.trace().digest()
    };
    let [one, other, another] = ["10.0.0.1:1", "10.0.0.2:1", "10.0.0.1:2"];
    let digests: BTreeSet<_> = [
        digest(b"payload", MS, one, other),
        digest(b"paylord", MS, one, other),
        digest(b"payload\0", MS, one, other),
        digest(b"payload", 2 * MS, one, other),
        digest(b"payload", MS, another, other),
        digest(b"payload", MS, one, another),
        digest(b"payload", MS, other, one),
        digest(b"payload", MS, "[::1]:1", other),
    ]
    .into_iter()
    .collect();
    assert_eq!(digests.len(), 8);
    assert_ne!(Sim::new(1).trace().digest(), digest(b"payload", MS, one, other));
}

#[test]
fn a_record_is_as_small_as_promised() {
    assert!(size_of::<Record>() <= 48, "{}", size_of::<Record>());
}

#[test]
fn no_more_is_recorded_than_asked_for() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL);
    world.send(1, 100);
    world.sim.run_for(MS);
    assert_eq!((world.sim.trace().records(), world.sim.trace().count()), (&[][..], 4));
    world.sim.record(2);
    world.send(2, 100);
    world.sim.run_for(MS);
    assert_eq!((world.sim.trace().records().len(), world.sim.trace().count()), (2, 8));
    // So many more from now on.
    world.sim.record(3);
    world.send(2, 100);
    world.sim.run_for(MS);
    assert_eq!((world.sim.trace().records().len(), world.sim.trace().count()), (5, 12));
    world.sim.record(0);
    world.send(2, 100);
    world.sim.run_for(MS);
    assert_eq!((world.sim.trace().records().len(), world.sim.trace().count()), (5, 16));
}

#[test]
fn what_was_sent_before_recording_began_has_no_bytes() {
    let mut world = World::new(1, 1, Link::IDEAL, &Link::IDEAL.with_delay(MS).with_loss(Loss::Script(vec![1])));
    world.send(2, 45);
    world.sim.record(10);
    world.sim.run_for(MS);
    // What arrives after that is kept all the same: its bytes are still there.
    assert_eq!(
        world.sim.trace().to_string(),
        "0.001000000 n1 gets from 10.0.0.1:5000: RMC data seq 1 epoch 0x00000001 hb 0 [FIRST,LAST] len 1\n"
    );
}

/// A whole trace in words: a packet lost, asked for and repaired, and what else there is. Who asks is a stranger still:
/// the repair goes to all, and the cookie to it.
#[test]
fn a_trace_reads_like_this() {
    let mut sim = Sim::new(1);
    sim.record(100);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(500 * US));
    let [sender, receiver] =
        [0; 2].map(|_| sim.add(|config| config.max_nack_backoff = Duration::ZERO).expect("a valid configuration"));
    sim.run_application(receiver, Discard);
    sim.set_ingress(receiver, Link::IDEAL.with_delay(500 * US).with_loss(Loss::Script(vec![1]))).expect("it is there");
    for text in ["one", "two", "three"] {
        sim.send(sender, text.as_bytes()).expect("there is room");
    }
    sim.run_for(2 * MS);
    sim.inject("192.0.2.1:4000".parse().expect("an address"), GROUP, b"no packet");
    sim.crash(sender).expect("it is up");
    sim.run_for(Duration::ZERO);
    sim.remove(sender).expect("it is there");
    // They are drawn from the nodes' seeds.
    let text = sim.trace().to_string();
    let [stamp, cookie] = ["stamp ", "cookie "].map(|name| {
        let value = text.split(name).nth(1).and_then(|rest| rest.split(' ').next());
        value.unwrap_or_else(|| panic!("there is no {name}in\n{text}"))
    });
    let expected = "\
0.000000000 n0 starts with epoch 0x00000001
0.000000000 n1 starts with epoch 0x00000001
0.000000000 n0 sends 10.0.0.1:5000 > 239.255.77.1:8000: RMC data seq 1 epoch 0x00000001 hb 0 [FIRST,LAST] len 3
0.000000000 n0 sends 10.0.0.1:5000 > 239.255.77.1:8000: RMC data seq 2 epoch 0x00000001 hb 0 [FIRST,LAST] len 3
0.000000000 n1 misses (lost) from 10.0.0.1:5000: RMC data seq 2 epoch 0x00000001 hb 0 [FIRST,LAST] len 3
0.000000000 n0 sends 10.0.0.1:5000 > 239.255.77.1:8000: RMC data seq 3 epoch 0x00000001 hb 0 [FIRST,LAST] len 5
0.000500000 n1 gets from 10.0.0.1:5000: RMC data seq 1 epoch 0x00000001 hb 0 [FIRST,LAST] len 3
0.000500000 n1 delivers n0 group seq 1 len 3
0.000500000 n1 gets from 10.0.0.1:5000: RMC data seq 3 epoch 0x00000001 hb 0 [FIRST,LAST] len 5
0.000500000 n1 sends 10.0.0.2:5000 > 10.0.0.1:5000: RMC nack to 0x00000001 epoch 0x00000001 hb none stamp STAMP missing 2 (1)
0.001000000 n0 gets from 10.0.0.2:5000: RMC nack to 0x00000001 epoch 0x00000001 hb none stamp STAMP missing 2 (1)
0.001000000 n0 sends 10.0.0.1:5000 > 239.255.77.1:8000: RMC heartbeat seq 3 epoch 0x00000001 hb 0 oldest 1 interval 9000us \
        backoff 10000us group 1
0.001000000 n0 sends 10.0.0.1:5000 > 10.0.0.2:5000: RMC confirm epoch 0x00000001 hb 0 repairing stamp STAMP cookie COOKIE of \
        2 (1)
0.001000000 n0 sends 10.0.0.1:5000 > 239.255.77.1:8000: RMC data seq 2 epoch 0x00000001 hb 0 [RESENT,FIRST,LAST] len 3
0.001500000 n1 gets from 10.0.0.1:5000: RMC heartbeat seq 3 epoch 0x00000001 hb 0 oldest 1 interval 9000us backoff \
        10000us group 1
0.001500000 n1 gets from 10.0.0.1:5000: RMC confirm epoch 0x00000001 hb 0 repairing stamp STAMP cookie COOKIE of 2 (1)
0.001500000 n1 gets from 10.0.0.1:5000: RMC data seq 2 epoch 0x00000001 hb 0 [RESENT,FIRST,LAST] len 3
0.001500000 n1 delivers n0 group seq 2 len 3
0.001500000 n1 delivers n0 group seq 3 len 5
0.002000000 injected 192.0.2.1:4000 > 239.255.77.1:8000: 9 bytes that are no packet: shorter than a header
0.002000000 n0 crashes
0.002000000 n0 misses (nobody there) from 192.0.2.1:4000: 9 bytes that are no packet: shorter than a header
0.002000000 n1 gets from 192.0.2.1:4000: 9 bytes that are no packet: shorter than a header
0.002000000 n0 is removed
";
    assert_eq!(text, expected.replace("STAMP", stamp).replace("COOKIE", cookie));
    assert_eq!(sim.trace().records().len(), text.lines().count());
}

#[test]
fn losses_restarts_and_ends_have_their_lines() {
    let mut sim = Sim::new(1);
    let small = |config: &mut Config| {
        (config.backlog_packets, config.max_nack_backoff) = (10, Duration::ZERO);
        config.flow_control = FlowControl::None;
    };
    let [sender, receiver] = [0; 2].map(|_| sim.add(small).expect("a valid one"));
    sim.run_application(receiver, Discard);
    sim.send(sender, b"x").expect("there is room");
    sim.run_for(MS);
    sim.record(1_000);
    // 20 are lost on the way, and only 10 can be repaired.
    sim.set_egress(sender, Link::IDEAL.with_loss(Loss::Script((0..20).collect()))).expect("it is there");
    for _ in 0..21 {
        sim.send(sender, b"x").expect("there is room");
    }
    sim.run_for(MS);
    sim.restart(sender).expect("it is there");
    // The first life had promised a packet within 10 ms, with 10 ms of tolerance.
    sim.run_for(20 * MS);
    sim.send(sender, b"x").expect("there is room");
    sim.run_for(MS);
    sim.with(sender, |protocol, now| protocol.finish(now, SECOND)).expect("it is up");
    sim.run_for(10 * SECOND);
    let text = sim.trace().to_string();
    for line in [
        "0.001000000 n1 gives up n0 group 2-12: Lost\n",
        "0.001000000 n1 delivers n0 group seq 13 len 1\n",
        "0.022000000 n1 learns that n0 restarted with epoch 0x00000002\n",
        " n1 ends n0 group: Finished\n",
        "0.001000000 all miss (lost) from 10.0.0.1:5000: RMC data seq 2 ",
    ] {
        assert!(text.contains(line), "{line:?} is not in\n{text}");
    }
}

#[test]
fn who_is_no_node_is_somebody() {
    let mut sim = Sim::new(1);
    let [sender, receiver] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    sim.send(sender, b"x").expect("there is room");
    sim.remove(sender).expect("it is there");
    sim.record(10);
    sim.run_for(MS);
    assert!(sim.recv(receiver).is_some());
    assert!(sim.trace().to_string().ends_with("n1 delivers somebody group seq 1 len 1\n"), "{}", sim.trace());
}

/// Every packet of a busy group is named as `Display` does.
#[test]
fn packets_are_named_as_they_print() {
    let sim = play(3, 100_000);
    let trace = sim.trace();
    let mut kinds = BTreeSet::new();
    for &record in trace.records() {
        let (What::Sent { packet, .. } | What::Arrived { packet, .. } | What::Dropped { packet, .. }) = record.what
        else {
            continue;
        };
        let traced = trace.packet(packet).expect("it is recorded");
        let packet = Packet::decode(traced.bytes).expect("nothing was damaged");
        let line = trace.line(record).to_string();
        assert!(line.ends_with(&format!(": {packet}")), "{line}");
        kinds.insert(packet.kind().to_string());
    }
    assert!(kinds.len() >= 3, "{kinds:?}");
    assert_eq!(trace.to_string().lines().count(), trace.records().len());
    assert!(format!("{trace:?}").starts_with("Trace { digest: "));
}

#[test]
fn fates_have_names() {
    let fates = [Fate::Lost, Fate::QueueFull, Fate::TooLong, Fate::Tapped, Fate::Cut, Fate::Nobody];
    let names = ["lost", "queue full", "too long", "dropped by the tap", "cut off", "nobody there"];
    assert_eq!(fates.map(Fate::name), names);
}
