//! Scenarios in which everything happens, and their digests.

use std::fmt::Write as _;
use std::time::Duration;

use rmc_core::packet::{Body, Packet};
use rmc_core::sim::{
    Application, Chance, Datagram, Discard, Link, Loss, Outbox, Place, Preset, Scenario, Sim, Verdict,
};
use rmc_core::{JoinPolicy, Received, Stream};

const ABOUT: &str = "\
# Digests of whole simulations: every packet, delivery and report, and its time. They are the same on every platform.
# A change of anything that a node sends, or of when, changes them; so does a change of the simulator's randomness.
# RMC_GOLDEN=renew cargo test --all-features -p rmc-core --test golden

scenario                         things that happened  digest
";

const MS: Duration = Duration::from_millis(1);

pub(crate) fn table() -> String {
    let mut text = String::from(ABOUT);
    for (name, play) in [
        ("loss and recovery", recovery as fn() -> Sim),
        ("everything at once", everything),
        ("applications that answer", applications),
    ] {
        let sim = play();
        let trace = sim.trace();
        writeln!(text, "{name:32} {:>20}  {:016x}", trace.count(), trace.digest()).expect("a string takes everything");
    }
    text
}

/// One sender, ten receivers, bursts of loss.
fn recovery() -> Sim {
    let mut scenario = Scenario::new(10, 300);
    scenario.egress = Link::IDEAL.with_loss(Loss::percent(2));
    scenario.ingress = Link::IDEAL.with_delay(MS).with_loss(Loss::bursts(Chance::percent(5), 4));
    scenario.feedback = scenario.ingress.clone();
    let (report, sim) = scenario.play().expect("a valid configuration");
    assert!(report.ok, "{report:?}");
    sim
}

/// All links with all of their effects, partitions, crashes, restarts, a tap, and forged datagrams.
fn everything() -> Sim {
    let mut sim = Sim::new(0x5eed);
    sim.set_preset(Preset::Wifi);
    let policies = [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart];
    let nodes: Vec<_> = (0..6)
        .map(|index| sim.add(|config| config.join_policy = policies[index % 3]).expect("a valid configuration"))
        .collect();
    for node in &nodes[1..] {
        sim.run_application(*node, Discard);
    }
    let rough = Link::IDEAL
        .with_delay(3 * MS)
        .with_jitter(MS)
        .with_duplication(Chance::percent(5))
        .with_reordering(Chance::percent(10), 4 * MS)
        .with_damage(Chance::percent(1), Chance::percent(1))
        .with_rate(1_000_000, 20_000);
    sim.set_ingress(nodes[1], rough.clone()).expect("it is there");
    sim.set_path(nodes[0], nodes[2], rough.with_loss(Loss::Every(7))).expect("they are there");
    sim.set_tap(|datagram: &Datagram<'_>, place: Place| match datagram.packet() {
        Ok(Packet { seq: 40, body: Body::Data { .. }, .. }) if place == Place::Leaves => Verdict::Drop,
        Ok(Packet { body: Body::Nack { .. }, .. }) if place == Place::Leaves => Verdict::Delay(MS / 4),
        _ => Verdict::Pass,
    });
    for index in 0..120_usize {
        sim.send(nodes[0], &vec![7; index * 40]).expect("there is room");
        if index % 5 == 0 {
            sim.send_to(nodes[3], nodes[4], &vec![8; index]).expect("there is room");
        }
        match index {
            20 => {
                sim.partition(&nodes[..3], &nodes[3..]);
            }
            50 => sim.heal_all(),
            60 => sim.crash(nodes[2]).expect("it is up"),
            70 => sim.restart(nodes[2]).expect("it is down"),
            80 => sim.restart_at(nodes[4], "10.7.7.7:7000".parse().expect("an address")).expect("it is there"),
            90 => sim.remove(nodes[5]).expect("it is there"),
            100 => sim.inject("192.0.2.1:9".parse().expect("an address"), rmc_core::sim::GROUP, b"forged"),
            _ => {}
        }
        sim.run_for(7 * MS);
    }
    sim.run_for(3_000 * MS);
    sim
}

/// Sends on what it gets until enough was said.
struct Chatter {
    said: u32,
}

impl Application for Chatter {
    fn started(&mut self, outbox: &mut Outbox) {
        outbox.wake_at(outbox.now() + 2 * MS);
    }

    fn woken(&mut self, outbox: &mut Outbox) {
        outbox.send(vec![9; 100]);
    }

    fn received(&mut self, received: &Received<'_>, outbox: &mut Outbox) {
        let Received::Message { peer, stream, payload, .. } = received else { return };
        self.said += 1;
        match (stream, self.said) {
            (_, 40..) => {}
            (Stream::Group, _) => outbox.send_to(*peer, &payload[1..]),
            (Stream::Private, _) => outbox.send(*payload),
        }
        if self.said == 40 {
            outbox.finish(20 * MS);
        }
    }
}

/// Four nodes that answer each other, over IPv6.
fn applications() -> Sim {
    let mut sim = Sim::new(7);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(MS).with_loss(Loss::percent(3)));
    for index in 1..=4 {
        let address = format!("[fd00::{index}]:5000").parse().expect("an address");
        let node = sim
            .add_at(address, |config| {
                (config.group, config.max_datagram) = ("[ff02::77]:8000".parse().expect("an address"), 1_452);
            })
            .expect("a valid configuration");
        sim.run_application(node, Chatter { said: 0 });
    }
    sim.run_for(3_000 * MS);
    sim
}
