//! What the application of a node is told, and what becomes of what it wants.

use std::time::Duration;

use rmc_core::sim::{Application, Discard, Link, NodeId, Outbox, Sim};
use rmc_core::{EndCause, Event, JoinPolicy, Received, SendError};

use super::world::{MS, NS, SECOND, since_start};

/// Writes down what it is told, and when; does once it has started what it was made with.
struct Diary {
    first: fn(&mut Outbox),
    lines: Vec<String>,
}

impl Diary {
    fn new(first: fn(&mut Outbox)) -> Self {
        Self { first, lines: Vec::new() }
    }

    fn note(&mut self, outbox: &Outbox, text: &str) {
        self.lines.push(format!("{:?} {text}", since_start(outbox.now())));
    }
}

impl Application for Diary {
    fn started(&mut self, outbox: &mut Outbox) {
        self.note(outbox, "started");
        (self.first)(outbox);
    }

    fn received(&mut self, received: &Received<'_>, outbox: &mut Outbox) {
        let text = match received {
            Received::Message { payload, .. } => String::from_utf8_lossy(payload).into_owned(),
            Received::Ended { stream, cause: EndCause::Finished, .. } => format!("the {stream:?} stream's end"),
            item => panic!("{item:?}"),
        };
        self.note(outbox, &text);
    }

    fn event(&mut self, event: &Event, outbox: &mut Outbox) {
        if !matches!(event, Event::Readable | Event::SentHeartbeat { .. } | Event::GotHeartbeat { .. }) {
            self.note(outbox, event.kind().name());
        }
    }

    fn woken(&mut self, outbox: &mut Outbox) {
        self.note(outbox, "woken");
    }

    fn refused(&mut self, error: &SendError) {
        self.lines.push(error.to_string());
    }
}

fn add(sim: &mut Sim, first: fn(&mut Outbox)) -> NodeId {
    let node = sim.add(|config| config.join_policy = JoinPolicy::FromStart).expect("a valid configuration");
    sim.run_application(node, Diary::new(first));
    node
}

fn lines(sim: &Sim, node: NodeId) -> &[String] {
    &sim.application::<Diary>(node).expect("it runs there").lines
}

fn nothing(_: &mut Outbox) {}

#[test]
fn an_application_is_told_everything_and_answers_in_order() {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(MS));
    sim.run_for(MS);
    let listener = add(&mut sim, nothing);
    let talker = add(&mut sim, |outbox| {
        outbox.send("one");
        outbox.send(vec![b'x'; 9 << 20]);
        outbox.send_to("10.0.0.1:5000".parse().expect("an address"), "private");
        outbox.send_to("10.0.0.2:5000".parse().expect("an address"), "to itself");
        outbox.send("two");
        outbox.finish(Duration::from_millis(10));
        outbox.send("too late");
    });
    sim.run_for(2 * MS);
    // Each stream is in order; between the two there is none.
    let (private, group): (Vec<_>, Vec<_>) =
        lines(&sim, listener).iter().skip(1).partition(|line| line.to_lowercase().contains("private"));
    assert_eq!(private, ["2ms private", "2ms the Private stream's end"]);
    assert_eq!(group[..3], ["2ms new_sender", "2ms one", "2ms two"]);
    assert_eq!(
        lines(&sim, talker)[..4],
        [
            "1ms started",
            "the message has 9437184 bytes, more than max_message (8388608)",
            "10.0.0.2:5000 is this node itself or the group: a private message goes to one other node",
            "the node has finished: it takes no more messages",
        ]
    );
    sim.run_for(20 * SECOND);
    let ends = lines(&sim, listener).iter().filter(|line| line.ends_with("the Group stream's end")).count();
    assert_eq!(ends, 1, "{:?}", lines(&sim, listener));
    assert!(lines(&sim, talker).last().expect("lines").ends_with("closed"), "{:?}", lines(&sim, talker));
}

#[test]
fn what_was_there_already_goes_to_a_new_application() {
    let mut sim = Sim::new(1);
    let [sender, receiver] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    sim.send(sender, b"waits").expect("there is room");
    sim.run_for(5 * MS);
    sim.run_application(receiver, Diary::new(nothing));
    assert_eq!(lines(&sim, receiver), ["5ms started", "5ms waits"]);
    assert!(sim.recv(receiver).is_none(), "it has taken everything");
}

#[test]
fn an_application_is_woken_when_it_asked_for() {
    let mut sim = Sim::new(1);
    sim.run_for(10 * MS);
    let node = add(&mut sim, |outbox| {
        let now = outbox.now();
        outbox.wake_at(now + 3 * MS);
        outbox.wake_at(now + NS);
        // What is over is now.
        outbox.wake_at(rmc_core::Instant::ORIGIN);
        outbox.wake_at(now + 3 * MS);
    });
    assert_eq!(lines(&sim, node), ["10ms started"], "not before the time goes on");
    sim.run_for(Duration::ZERO);
    assert_eq!(lines(&sim, node)[1..], ["10ms woken"]);
    sim.run_for(3 * MS - NS);
    assert_eq!(lines(&sim, node)[2..], ["10.000001ms woken"]);
    sim.run_for(NS);
    assert_eq!(lines(&sim, node)[3..], ["13ms woken", "13ms woken"]);
}

#[test]
fn a_restart_starts_the_application_again_and_forgets_what_it_wanted() {
    let mut sim = Sim::new(1);
    let node = add(&mut sim, |outbox| outbox.wake_at(outbox.now() + 10 * MS));
    sim.run_for(MS);
    sim.crash(node).expect("it is up");
    sim.run_for(4 * MS);
    sim.restart(node).expect("it is there");
    sim.run_for(SECOND);
    assert_eq!(lines(&sim, node), ["0ns started", "5ms started", "15ms woken"]);
    sim.restart(node).expect("it is there");
    sim.crash(node).expect("it is up");
    sim.run_for(SECOND);
    assert_eq!(lines(&sim, node)[3..], ["1.005s started"]);
}

#[test]
fn another_application_ends_the_one_before_with_what_it_wanted() {
    let mut sim = Sim::new(1);
    let node = sim
        .add(|config| {
            (config.send_queue_packets, config.max_message, config.max_rate) = (1, 100, Some(1_000));
            config.packing = false;
        })
        .expect("a valid configuration");
    sim.run_application(
        node,
        Diary::new(|outbox| {
            for _ in 0..2_000 {
                outbox.send("more than the rate lets pass");
            }
            outbox.wake_at(outbox.now() + MS);
        }),
    );
    let waits = |sim: &Sim| sim.waiting().iter().any(|waiting| waiting.to_string().contains("room in its send queue"));
    assert!(waits(&sim));
    sim.run_application(node, Diary::new(|outbox| outbox.wake_at(outbox.now() + 2 * MS)));
    assert!(!waits(&sim));
    sim.run_for(SECOND);
    assert_eq!(lines(&sim, node), ["0ns started", "2ms woken"]);
}

#[test]
fn an_application_is_found_by_its_type() {
    let mut sim = Sim::new(1);
    let [node, bare] = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    sim.run_application(node, Diary::new(nothing));
    assert!(sim.application::<Diary>(node).is_some() && sim.application::<Discard>(node).is_none());
    assert!(sim.application::<Diary>(bare).is_none());
    sim.application_mut::<Diary>(node).expect("it runs there").lines.clear();
    assert!(lines(&sim, node).is_empty());
    sim.crash(node).expect("it is up");
    assert!(sim.application::<Diary>(node).is_some(), "it can be asked after a crash");
    sim.remove(node).expect("it is there");
    assert!(sim.application::<Diary>(node).is_none());
    sim.run_application(node, Discard);
    assert!(sim.application::<Discard>(node).is_none(), "nobody is there to run it");
}

#[test]
fn messages_for_which_there_is_no_room_wait_in_order() {
    let mut sim = Sim::new(1);
    let receiver = add(&mut sim, nothing);
    let sender = sim
        .add(|config| {
            (config.send_queue_packets, config.max_message) = (4, 100);
            (config.max_rate, config.rate_burst, config.packing) = (Some(100_000), config.max_datagram, false);
        })
        .expect("a valid configuration");
    sim.run_application(
        sender,
        Diary::new(|outbox| {
            for index in 0..200 {
                outbox.send(format!("{index:084}"));
            }
            outbox.finish(Duration::from_millis(10));
        }),
    );
    // 200 datagrams of 100 bytes take 200 ms, less the burst.
    sim.run_for(100 * MS);
    let got = |sim: &Sim| lines(sim, receiver).iter().filter(|line| line.len() > 84).count();
    assert!((100..120).contains(&got(&sim)), "{} at half of the time", got(&sim));
    sim.run_until_quiet(20 * SECOND).expect("there is room in the end");
    let numbers: Vec<usize> = lines(&sim, receiver)
        .iter()
        .filter(|line| line.len() > 84)
        .map(|line| line[line.len() - 84..].parse().expect("a number"))
        .collect();
    assert!(numbers.into_iter().eq(0..200));
    assert!(lines(&sim, receiver).iter().any(|line| line.ends_with("the Group stream's end")));
    let refused = lines(&sim, sender).iter().filter(|line| line.contains("full")).count();
    assert_eq!(refused, 0, "Full is no refusal");
}

/// Answers what it gets, over and over.
struct Echo(u32);

impl Application for Echo {
    fn received(&mut self, received: &Received<'_>, outbox: &mut Outbox) {
        let Received::Message { peer, payload, .. } = received else { panic!("{received:?}") };
        self.0 += 1;
        if self.0 < 10 {
            outbox.send_to(*peer, *payload);
        }
    }
}

#[test]
fn applications_can_talk_to_each_other() {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(MS));
    let nodes = [0; 2].map(|_| sim.add(|_| {}).expect("a valid configuration"));
    for node in nodes {
        sim.run_application(node, Echo(0));
    }
    sim.send_to(nodes[0], nodes[1], b"ping").expect("there is room");
    sim.run_for(18 * MS);
    let counts = |sim: &Sim| nodes.map(|node| sim.application::<Echo>(node).expect("it runs there").0);
    assert_eq!(counts(&sim), [9, 9]);
    sim.run_for(SECOND);
    assert_eq!(counts(&sim), [9, 10]);
}

// RMC-WIN-2, RMC-WIN-5
#[test]
fn a_node_without_an_application_is_a_slow_one() {
    let mut sim = Sim::new(1);
    let sender = sim.add(|_| {}).expect("a valid configuration");
    let receiver = sim
        .add(|config| {
            config.join_policy = JoinPolicy::FromStart;
            (config.receive_window_packets, config.backlog_packets, config.max_burst) = (16, 16, 10);
        })
        .expect("a valid configuration");
    for index in 0..100_u8 {
        sim.send(sender, &[index]).expect("there is room");
    }
    sim.run_for(5 * SECOND);
    let held = sim.protocol(receiver).expect("it is up").stats().held;
    assert_eq!((held.readable, held.receive_packets), (16, 16), "no more than its window");
    assert!(sim.run_until_quiet(SECOND).is_err(), "it waits for the rest");
    let mut got = Vec::new();
    for _ in 0..200 {
        while let Some(received) = sim.recv(receiver) {
            let Received::Message { payload, .. } = received else { panic!("{received:?}") };
            got.extend_from_slice(payload);
        }
        sim.run_for(100 * MS);
    }
    assert!(got.into_iter().eq(0..100));
    assert_eq!(sim.run_until_quiet(SECOND), Ok(()));
}
