//! How many receivers a sender takes its group for, and tells it.

use std::time::Duration;

use rmc_core::Instant;
use rmc_core::packet::Body;
use rmc_core::sim::{Datagram, Discard, GROUP, Link, Loss, Observer, Sim};

use crate::table::{Hundredths, Row};

/// By then every receiver has acknowledged once, if it was not told of many.
const BEGIN: Duration = Duration::from_millis(100);

/// What Heartbeats told the group, and when.
#[derive(Default)]
struct Told(Vec<(Instant, u64)>);

impl Observer for Told {
    fn sent(&mut self, datagram: &Datagram<'_>) {
        let Ok(packet) = datagram.packet() else { return };
        if let Body::Heartbeat { group, .. } = packet.body
            && datagram.destination == GROUP
        {
            self.0.push((datagram.now, group.into()));
        }
    }
}

fn told(receivers: usize, messages: u64) {
    let mut sim = Sim::new(1);
    let link = Link::IDEAL.with_delay(Duration::from_micros(500));
    sim.set_links(&Link::IDEAL, &link.clone().with_loss(Loss::percent(10)));
    let sender = sim.add(|_| {}).expect("a valid configuration");
    sim.set_ingress(sender, link).expect("it is there");
    for _ in 0..receivers {
        let receiver = sim.add(|_| {}).expect("a valid configuration");
        sim.run_application(receiver, Discard);
    }
    sim.set_observer(Told::default());
    let begun = sim.now() + BEGIN;
    for _ in 0..messages {
        sim.send(sender, &[7; 100]).expect("the queue has room");
        sim.run_for(Duration::from_micros(100));
    }
    sim.run_for(BEGIN);
    let Told(told) = sim.observer().expect("it was set");
    let most = told.iter().map(|&(_, group)| group).max().expect("heartbeats");
    let least = told.iter().filter(|&&(at, _)| at >= begun).map(|&(_, group)| group).min().expect("heartbeats");
    let mut row = Row::new("told at the start", receivers, messages);
    row.at_most("the most", Hundredths::of(most, receivers as u64), Hundredths(150));
    row.at_least("the least after 100 ms", Hundredths::of(least, receivers as u64), Hundredths(75));
    row.check();
}

#[test]
fn of_100_at_most_150_are_told_of() {
    told(100, 2_000);
}

#[test]
fn of_1_000_at_most_1_500_are_told_of() {
    told(1_000, 2_000);
}
