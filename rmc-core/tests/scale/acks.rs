//! How often a large group acknowledges (RMC-ACK-5).

use std::time::Duration;

use rmc_core::sim::{Discard, Link, Sim};

use crate::table::{Hundredths, Row};

const EACH: Duration = Duration::from_millis(50);

/// For `half` nobody counts, so that everybody knows how many they are, and for as long again they are counted.
fn acks(receivers: usize, half: u64) {
    let mut sim = Sim::new(1);
    sim.set_links(&Link::IDEAL, &Link::IDEAL.with_delay(Duration::from_micros(500)));
    let sender = sim.add(|_| {}).expect("a valid configuration");
    for _ in 0..receivers {
        let receiver = sim.add(|_| {}).expect("a valid configuration");
        sim.run_application(receiver, Discard);
    }
    let messages = half * 1_000 / EACH.as_millis() as u64;
    let mut send = || {
        for _ in 0..messages {
            sim.send(sender, &[7; 100]).expect("the queue has room");
            sim.run_for(EACH);
        }
        sim.protocol(sender).expect("it runs").stats().rx.acks
    };
    let before = send();
    let came = send() - before;
    let mut row = Row::new("acknowledged", receivers, 2 * messages);
    row.at_most("Acks a second", Hundredths::of(came, half), Hundredths::whole(1_100));
    row.check();
}

#[test]
fn acks_of_1_000_come_1_100_times_a_second_at_most() {
    acks(1_000, 10);
}

#[test]
#[ignore = "takes half a minute"]
fn acks_of_10_000_come_1_100_times_a_second_at_most() {
    acks(10_000, 20);
}
