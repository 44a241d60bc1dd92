//! Rules of the seed about what leaves, in which order, how much at once, and what is kept of it: S19, S20, S21.

use std::time::Duration;

use rmc_core::packet::{Body, Flags};
use rmc_core::{Config, ConfigError, Instant, Path, Protocol};

use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, group, peer};
use crate::observed::{copy_of, forget, queue};
use crate::packets::{data, encode, nack};

fn is_bulk(sent: &Sent) -> bool {
    matches!(sent, Sent::Data(_) | Sent::Repair(_))
}

/// A Heartbeat of the private stream of `peer(2)`, which wants an Ack.
fn private_heartbeat() -> Vec<u8> {
    let body = Body::Heartbeat { oldest: 1, interval: 500_000, backoff: 0, group: 0, rtt: 0 };
    encode(Flags::PRIVATE, 0, EPOCH, 1, body)
}

/// One of each control packet waits beside data and repairs: all of them leave first.
// RMC-SEND-5
#[test]
fn seed_s19_control_packets_leave_before_repairs_and_data() {
    let mut lone = Lone::new(|config| {
        config.max_burst = 64;
        config.backlog_packets = 64;
    });
    lone.send_all(70);
    forget(&mut lone);
    queue(&mut lone, 5);
    lone.feed(peer(1), Path::Unicast, &nack(7, &[(1, 10)]));
    lone.feed(peer(0), Path::Multicast, &data(1));
    lone.feed(peer(0), Path::Multicast, &data(3));
    lone.feed(peer(2), Path::Unicast, &private_heartbeat());
    let table = [20 * MS, 40 * MS];
    lone.node.set_heartbeat_times(lone.instant(), &table, 0).expect("a legal table");
    lone.now = 20 * MS;
    lone.tick();
    let sent = lone.sent();
    let bulk = sent.iter().position(is_bulk).expect("data waits");
    let (control, rest) = sent.split_at(bulk);
    let has = |kind: fn(&Sent) -> bool| control.iter().any(kind);
    assert!(has(|sent| matches!(sent, Sent::Heartbeat { seq: 70, .. })), "{sent:?}");
    assert!(has(|sent| matches!(sent, Sent::Times(_))), "{sent:?}");
    assert!(has(|sent| *sent == Sent::Lost(1, 6)), "{sent:?}");
    assert!(has(|sent| matches!(sent, Sent::Nack(_))), "{sent:?}");
    assert!(has(|sent| matches!(sent, Sent::Ack(_))), "{sent:?}");
    assert_eq!(rest.iter().filter(|sent| is_bulk(sent)).count(), 5 + 4, "{sent:?}");
    assert!(rest.iter().all(is_bulk), "{sent:?}");
}

/// While both wait they take turns; what is left over goes on alone.
// RMC-REPAIR-10
#[test]
fn seed_s19_repairs_and_data_take_turns() {
    let mut lone = Lone::new(|config| config.max_burst = 64);
    lone.send_all(20);
    forget(&mut lone);
    queue(&mut lone, 6);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 10)]));
    lone.settle();
    let kinds: String =
        lone.sent().iter().map(|sent| if matches!(sent, Sent::Repair(_)) { 'r' } else { 'd' }).collect();
    assert_eq!(kinds.len(), 16);
    assert!(!kinds[..12].contains("rr") && !kinds[..12].contains("dd"), "{kinds}");
    assert_eq!(&kinds[12..], "rrrr", "no data waits any more");
}

// RMC-REPAIR-10
#[test]
fn seed_s19_repairs_take_the_whole_burst_when_no_data_waits() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(40);
    forget(&mut lone);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 15)]));
    lone.feed(peer(2), Path::Unicast, &nack(1, &[(11, 25)]));
    for expected in [10, 10, 10, 0] {
        lone.tick();
        let sent = lone.sent();
        assert_eq!((sent.len(), sent.iter().all(|sent| matches!(sent, Sent::Repair(_)))), (expected, true), "{sent:?}");
    }
}

/// Data of a private stream is data: repairs of the group's stream leave it its half.
// RMC-REPAIR-10
#[test]
fn seed_s19_private_data_has_its_share_too() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(40);
    forget(&mut lone);
    for _ in 0..5 {
        lone.node.send_to(lone.instant(), peer(3), b"private").expect("there is room");
    }
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 40)]));
    lone.tick();
    let private = lone.sent.iter().filter(|sent| sent.private && matches!(sent.what, Sent::Data(_))).count();
    assert_eq!((private, lone.sent.len()), (5, 10));
}

// RMC-PACE-1
#[test]
fn seed_s20_max_burst_datagrams_leave_and_then_others_have_their_turn() {
    for burst in [1, 2, 10, 33] {
        let mut lone = Lone::new(|config| config.max_burst = burst);
        lone.run_to(3 * MS);
        queue(&mut lone, 3 * burst as u64);
        for round in 1..=3 {
            lone.drain();
            assert_eq!(lone.sent.len(), round * burst, "burst {burst}");
            let reached = lone.deadline == Some(3 * MS);
            assert_eq!(reached, round < 3, "burst {burst}: a deadline that is reached says that more waits");
            lone.node.handle_timeout(lone.instant());
        }
    }
}

/// Default 10, as in the seed.
// RMC-PACE-1
#[test]
fn seed_s20_the_default_burst_is_ten() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 11);
    lone.drain();
    assert_eq!(lone.sent.len(), 10);
    lone.drain();
    assert_eq!(lone.sent.len(), 10, "draining again is no input");
}

/// What is read between two bursts counts at once: a NACK is served before the data that waits.
// RMC-PACE-1, RMC-SEND-5
#[test]
fn seed_s20_what_is_read_between_bursts_is_heeded() {
    let mut lone = Lone::new(|config| config.backlog_packets = 10);
    lone.send_all(15);
    forget(&mut lone);
    queue(&mut lone, 30);
    lone.drain();
    assert_eq!(lone.sent(), (16..=25).map(Sent::Data).collect::<Vec<_>>());
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 1)]));
    lone.drain();
    assert_eq!(lone.sent()[..2], [Sent::Lost(1, 15), Sent::Data(26)]);
}

/// A small backlog: 10 packets, 1,000 bytes.
fn small(config: &mut Config) {
    config.max_message = 500;
    config.backlog_packets = 10;
    config.backlog_bytes = 1_000;
    config.receive_window_bytes = 1_000;
}

/// What the node answers to a NACK for `seq`; the node itself is left as it is.
fn answer(lone: &Lone, seq: u64) -> Vec<Sent> {
    let mut copy = copy_of(lone);
    copy.hear_unicast(peer(1), &nack(9, &[(seq, seq)]));
    copy.sent()
}

// RMC-SEND-2
#[test]
fn seed_s21_the_backlog_keeps_exactly_its_bound_in_packets() {
    let mut lone = Lone::new(small);
    lone.send_all(10);
    assert_eq!(lone.node.stats().held.backlog_packets, 10);
    assert_eq!(answer(&lone, 1), [Sent::Repair(1)]);
    lone.send_all(1);
    assert_eq!(lone.node.stats().held.backlog_packets, 10);
    assert_eq!(answer(&lone, 1), [Sent::Lost(1, 1)]);
    assert_eq!(answer(&lone, 2), [Sent::Repair(2)]);
}

fn send_sizes(lone: &mut Lone, sizes: &[usize]) {
    for &size in sizes {
        lone.node.send(lone.instant(), &vec![1; size]).expect("there is room");
        lone.settle();
    }
}

// RMC-SEND-2
#[test]
fn seed_s21_the_backlog_keeps_exactly_its_bound_in_bytes() {
    let mut lone = Lone::new(small);
    send_sizes(&mut lone, &[300, 200, 500]);
    assert_eq!((lone.node.stats().held.backlog_bytes, answer(&lone, 1)), (1_000, vec![Sent::Repair(1)]));
    let mut one_more = copy_of(&lone);
    send_sizes(&mut one_more, &[1]);
    assert_eq!((one_more.node.stats().held.backlog_bytes, answer(&one_more, 1)), (701, vec![Sent::Lost(1, 1)]));
    assert_eq!(answer(&one_more, 2), [Sent::Repair(2)], "no more than must goes");
    send_sizes(&mut lone, &[0]);
    assert_eq!(answer(&lone, 1), [Sent::Repair(1)], "an empty message takes no bytes");
}

fn aged() -> Lone {
    let mut lone = Lone::new(|config| config.backlog_age = Some(SECOND));
    lone.send_all(2);
    lone.run_to(400 * MS);
    lone.send_all(1);
    lone
}

// RMC-SEND-2
#[test]
fn seed_s21_what_is_younger_than_the_age_is_repaired() {
    let mut lone = aged();
    lone.run_to(SECOND - NS);
    assert_eq!(answer(&lone, 1), [Sent::Repair(1)]);
}

// RMC-SEND-2, RMC-REPAIR-3, RMC-HB-6
#[test]
fn seed_s21_what_is_past_the_age_is_gone() {
    let mut lone = aged();
    lone.run_to(SECOND + NS);
    assert_eq!(answer(&lone, 1), [Sent::Lost(1, 2)]);
    assert_eq!(answer(&lone, 3), [Sent::Repair(3)]);
    forget(&mut lone);
    lone.run_to(1_400 * MS);
    assert!(lone.sent.iter().all(|sent| matches!(sent.what, Sent::Heartbeat { seq: 3, oldest: 3, .. })));
    lone.run_to(1_400 * MS + NS);
    assert_eq!(answer(&lone, 3), [Sent::Reset(3)], "the backlog is empty");
    forget(&mut lone);
    lone.run_for(SECOND);
    assert!(!lone.sent.is_empty());
    assert!(lone.sent.iter().all(|sent| matches!(sent.what, Sent::Heartbeat { seq: 3, oldest: 4, .. })));
}

/// The age of a repair is that of the first transmission.
// RMC-SEND-2
#[test]
fn seed_s21_a_repair_makes_nothing_younger() {
    let mut lone = aged();
    lone.run_to(900 * MS);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    lone.run_to(SECOND + NS);
    assert_eq!(answer(&lone, 2), [Sent::Lost(1, 2)]);
}

fn made(change: impl FnOnce(&mut Config)) -> Result<(), ConfigError> {
    let mut config = Config::new(group(), 1, 1);
    change(&mut config);
    Protocol::new(config, Instant::ORIGIN).map(drop)
}

/// A receiver can hold what a sender like it can repair.
// RMC-WIN-1
#[test]
fn seed_s21_the_receive_window_is_at_least_the_backlog() {
    let config = Config::new(group(), 1, 1);
    assert_eq!((config.backlog_packets, config.backlog_bytes, config.backlog_age), (8_192, 16 << 20, None));
    assert_eq!((config.receive_window_packets, config.receive_window_bytes), (8_192, 16 << 20));
    assert_eq!(made(|config| config.backlog_packets = 8_192), Ok(()));
    assert_eq!(
        made(|config| config.backlog_packets = 8_193),
        Err(ConfigError::WindowBelowBacklog {
            window: "receive_window_packets",
            window_value: 8_192,
            backlog: "backlog_packets",
            backlog_value: 8_193
        })
    );
    let above = made(|config| config.receive_window_bytes = (16 << 20) - 1);
    assert!(matches!(above, Err(ConfigError::WindowBelowBacklog { window: "receive_window_bytes", .. })), "{above:?}");
    assert_eq!(made(|config| config.backlog_age = Some(Duration::from_millis(1))), Ok(()));
}
