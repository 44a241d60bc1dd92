//! Half of a group that hears nothing for a while, and a sender that starts anew.

use std::time::Duration;

use rmc_core::sim::{Application, Link, NodeId, Outbox, Sim};
use rmc_core::{FlowControl, Received};

use crate::table::{Hundredths, Row};

const RECEIVERS: usize = 100;
const SECOND: Duration = Duration::from_secs(1);
const HALF_A_TRIP: Duration = Duration::from_micros(500);

/// What an application got.
#[derive(Default)]
struct Delivered {
    /// Of the present stream, ascending.
    numbers: Vec<u64>,
    /// Numbers reported as lost for good.
    lost: u64,
    /// The last of them.
    last_lost: u64,
    restarts: u64,
}

impl Application for Delivered {
    fn received(&mut self, received: &Received<'_>, _: &mut Outbox) {
        match received {
            Received::Message { seq, .. } => self.numbers.push(*seq),
            Received::Lost { ranges, .. } => {
                self.lost += ranges.iter().map(|range| range.len()).sum::<u64>();
                self.last_lost = ranges.last().map_or(self.last_lost, |range| range.last());
            }
            Received::Restarted { .. } => *self = Self { restarts: self.restarts + 1, ..Self::default() },
            _ => {}
        }
    }
}

/// A sender that waits for nobody, and its receivers.
fn group() -> (Sim, NodeId, Vec<NodeId>) {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(HALF_A_TRIP));
    let sender = sim.add(|config| config.flow_control = FlowControl::None).expect("a valid configuration");
    let receivers: Vec<NodeId> = (0..RECEIVERS).map(|_| sim.add(|_| {}).expect("a valid configuration")).collect();
    for &receiver in &receivers {
        sim.run_application(receiver, Delivered::default());
    }
    (sim, sender, receivers)
}

/// Sends for so long.
fn stream(sim: &mut Sim, sender: NodeId, rate: u32, seconds: u32) {
    let start = sim.now();
    for index in 0..rate * seconds {
        sim.run_to(start + SECOND * index / rate);
        sim.send(sender, &[7; 100]).expect("the queue has room");
    }
    sim.run_to(start + SECOND * seconds);
}

fn nacks(sim: &Sim, sender: NodeId) -> u64 {
    sim.protocol(sender).expect("it runs").stats().repair.nacks_received
}

/// Sends at `rate` for 1 s to all, for 5 s to half of them, and for 2 s to all again. What the others then have.
fn partition(name: &str, rate: u32) -> Vec<Delivered> {
    let (mut sim, sender, receivers) = group();
    stream(&mut sim, sender, rate, 1);
    let (apart, rest) = receivers.split_at(RECEIVERS / 2);
    sim.partition(apart, &[rest, &[sender]].concat());
    stream(&mut sim, sender, rate, 5);
    sim.heal_all();
    let before = nacks(&sim, sender);
    stream(&mut sim, sender, rate, 1);
    let mut row = Row::new(name, RECEIVERS, u64::from(rate) * 8);
    row.at_most("NACKs", Hundredths::whole(nacks(&sim, sender) - before), Hundredths::whole(500));
    stream(&mut sim, sender, rate, 1);
    sim.run_for(SECOND);
    row.check();
    apart.iter().map(|&node| core::mem::take(sim.application_mut(node).expect("it runs"))).collect()
}

#[test]
fn who_was_apart_gets_everything_that_the_backlog_holds() {
    for delivered in partition("partition, 1,000 a second", 1_000) {
        assert_eq!((delivered.numbers, delivered.lost), ((1..=8_000).collect(), 0));
    }
}

/// The backlog holds 8,192 packets, and what is at its end leaves it while it is asked for.
#[test]
fn who_was_apart_for_longer_than_the_backlog_gets_what_it_held() {
    let oldest = 60_000 - 8_192;
    let margin = 150;
    for delivered in partition("partition, 10,000 a second", 10_000) {
        assert!(delivered.last_lost < oldest + margin, "{} was lost", delivered.last_lost);
        let last = delivered.last_lost;
        let held: Vec<u64> = (1..=10_000).chain(last + 1..=80_000).collect();
        let (got, lost) = (delivered.numbers, delivered.lost);
        assert!(got.ends_with(&held[10_000..]), "something is missing above {last}");
        assert_eq!(got.len() as u64 + lost, 80_000, "each number is delivered or reported");
    }
}

#[test]
fn a_stream_that_begins_anew_is_delivered_from_its_first_number_on() {
    let (mut sim, sender, receivers) = group();
    stream(&mut sim, sender, 10_000, 1);
    sim.crash(sender).expect("it runs");
    sim.run_for(SECOND);
    sim.restart(sender).expect("it was there");
    stream(&mut sim, sender, 10_000, 1);
    sim.run_for(SECOND);
    let mut row = Row::new("restart", RECEIVERS, 20_000);
    row.at_most("NACKs", Hundredths::whole(nacks(&sim, sender)), Hundredths::whole(500));
    row.check();
    for receiver in receivers {
        let delivered: &Delivered = sim.application(receiver).expect("it runs");
        assert_eq!((delivered.restarts, delivered.lost), (1, 0));
        assert!(delivered.numbers.iter().copied().eq(1..=10_000), "{:?}", delivered.numbers.len());
    }
}
