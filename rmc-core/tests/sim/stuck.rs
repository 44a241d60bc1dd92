//! Who waits, and for what: each kind, and in words.

use rmc_core::sim::{Application, Link, Loss, Outbox, Sim, Waiting, WaitsFor};
use rmc_core::{JoinPolicy, Received, Stream};

use super::world::{MS, SECOND};

/// A network in which nothing arrives.
fn deaf() -> Sim {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_loss(Loss::percent(100)));
    sim
}

#[test]
fn a_receiver_waits_for_packets_that_it_knows_of_or_not() {
    let mut sim = Sim::new(1);
    let sender = sim.add(|_| {}).expect("a valid configuration");
    let receiver = sim.add(|config| config.join_policy = JoinPolicy::FromStart).expect("a valid configuration");
    sim.send(sender, b"1").expect("there is room");
    sim.run_for(MS);
    // The second is lost on the way, the third comes, the fourth is lost, and nothing comes back.
    for (index, loss) in [(2, 100), (3, 0), (4, 100)] {
        sim.set_ingress(receiver, Link::IDEAL.with_loss(Loss::percent(loss))).expect("it is there");
        sim.send(sender, &[index]).expect("there is room");
        sim.set_ingress(sender, Link::IDEAL.with_loss(Loss::percent(100))).expect("it is there");
        sim.run_for(MS);
    }
    let stuck = sim.run_until_quiet(5 * MS).expect_err("it cannot get them");
    let waits_for = WaitsFor::Packets { peer: sender, stream: Stream::Group, delivered: 1, known: 3, last: 4, gaps: 1 };
    assert_eq!(stuck.waiting, [Waiting { node: receiver, waits_for }]);
    assert_eq!(
        stuck.to_string(),
        "at 0.009000000s: n1 waits for n0's group stream: has 1 of 4, knows of 3, asks for 1 gaps"
    );
}

#[test]
fn who_has_heard_nothing_waits_for_everything_but_under_now() {
    for (policy, waits) in [(JoinPolicy::Oldest, true), (JoinPolicy::FromStart, true), (JoinPolicy::Now, false)] {
        let mut sim = deaf();
        let sender = sim.add(|_| {}).expect("a valid configuration");
        sim.add(|config| config.join_policy = policy).expect("a valid configuration");
        sim.send(sender, b"unheard").expect("there is room");
        let quiet = sim.run_until_quiet(SECOND).map_err(|stuck| stuck.to_string());
        let text = "at 1.000000000s: n1 waits for n0's group stream: has 0 of 1, knows of 0, asks for 0 gaps";
        assert_eq!(quiet, if waits { Err(text.to_owned()) } else { Ok(()) }, "{policy:?}");
    }
}

#[test]
fn a_private_message_waits_for_its_acknowledgement_and_its_parts() {
    let mut sim = Sim::new(1);
    let [one, other] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    // Of three parts the second does not come.
    let lossy = Link::IDEAL.with_loss(Loss::Script((1..1_000).filter(|place| *place != 2).collect()));
    sim.set_ingress(other, lossy).expect("it is there");
    sim.send_to(one, other, &[7; 4_000]).expect("there is room");
    let stuck = sim.run_until_quiet(100 * MS).expect_err("it cannot get it");
    assert_eq!(
        stuck.to_string(),
        "at 0.100000000s: n0 waits for n1 to acknowledge its private messages; \
         n1 waits for n0's private stream: has 1 of 3, knows of 3, asks for 1 gaps"
    );
    sim.set_ingress(other, Link::IDEAL).expect("it is there");
    assert_eq!(sim.run_until_quiet(SECOND), Ok(()));
}

/// Sends more than there is room for.
struct Eager;

impl Application for Eager {
    fn started(&mut self, outbox: &mut Outbox) {
        for index in 0..10_u8 {
            outbox.send([index; 84]);
        }
    }

    fn received(&mut self, _: &Received<'_>, _: &mut Outbox) {}
}

#[test]
fn a_sender_waits_for_its_rate_and_for_room() {
    let mut sim = Sim::new(1);
    let sender = sim
        .add(|config| {
            (config.send_queue_packets, config.max_message, config.max_datagram) = (4, 100, 200);
            (config.max_rate, config.rate_burst, config.packing) = (Some(10_000), 200, false);
        })
        .expect("a valid configuration");
    sim.run_application(sender, Eager);
    let stuck = sim.run_until_quiet(MS).expect_err("10 of them take 80 ms");
    assert_eq!(
        stuck.to_string(),
        "at 0.001000000s: n0 waits for its turn to send 4 packets; n0 waits for room in its send queue for 4 messages"
    );
    assert_eq!(sim.run_until_quiet(200 * MS), Ok(()));
}

#[test]
fn a_node_that_has_finished_waits_for_its_end() {
    let mut sim = Sim::new(1);
    let node = sim.add(|_| {}).expect("a valid configuration");
    sim.send(node, b"x").expect("there is room");
    sim.with(node, |protocol, now| protocol.finish(now, SECOND)).expect("it is up");
    let stuck = sim.run_until_quiet(MS).expect_err("it lingers");
    assert_eq!(stuck.waiting, [Waiting { node, waits_for: WaitsFor::Closing }]);
    assert_eq!(stuck.to_string(), "at 0.001000000s: n0 waits for its own end");
    assert_eq!(sim.run_until_quiet(10 * SECOND), Ok(()));
    assert!(sim.protocol(node).expect("it is up").is_closed());
}

#[test]
fn a_condition_that_never_comes_true_is_told() {
    let mut sim = Sim::new(1);
    sim.add(|_| {}).expect("a valid configuration");
    let stuck = sim.run_until(SECOND, |_| false).expect_err("it never comes true");
    assert_eq!(stuck.waiting, []);
    assert_eq!(stuck.to_string(), "at 1.000000000s: all is quiet, but the condition did not come true");
}

#[test]
fn eight_are_listed_and_the_others_counted() {
    for (receivers, ending) in [(8, "asks for 0 gaps"), (9, "asks for 0 gaps; and 1 more"), (20, "; and 12 more")] {
        let mut sim = deaf();
        let sender = sim.add(|_| {}).expect("a valid configuration");
        for _ in 0..receivers {
            sim.add(|_| {}).expect("a valid configuration");
        }
        sim.send(sender, b"unheard").expect("there is room");
        let stuck = sim.run_until_quiet(MS).expect_err("nobody hears it");
        assert_eq!(stuck.waiting.len(), receivers);
        let text = stuck.to_string();
        assert!(text.ends_with(ending) && text.matches("waits for").count() == 8, "{text}");
    }
}

#[test]
fn nobody_waits_for_those_that_are_down_gone_or_elsewhere() {
    let mut sim = deaf();
    let mut sender = || {
        let node = sim.add(|_| {}).expect("a valid configuration");
        sim.send(node, b"unheard").expect("there is room");
        node
    };
    let [down, gone] = [sender(), sender()];
    let inactive = sim.add(|_| {}).expect("a valid configuration");
    sim.with(inactive, |protocol, now| protocol.deactivate(now)).expect("it is up");
    sim.add(|config| config.group = "239.1.2.3:8000".parse().expect("an address")).expect("a valid configuration");
    let waits = |sim: &Sim| sim.waiting().iter().map(|waiting| waiting.node.index()).collect::<Vec<_>>();
    assert_eq!(waits(&sim), [0, 1], "the two senders wait for each other");
    sim.crash(down).expect("it is up");
    sim.remove(gone).expect("it is there");
    assert_eq!(waits(&sim), Vec::<usize>::new());
}
