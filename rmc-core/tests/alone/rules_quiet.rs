//! Groups of more than 100 receivers: who has room says so and then little, and is not heeded.

use std::time::Duration;

use rmc_core::packet::{Flags, NO_PROMISE, OPEN_WINDOW};
use rmc_core::{Config, FlowControl};

use crate::lone::{EPOCH, Lone, MS, NS, SECOND, peer};
use crate::packets::data_with;
use crate::rules_acks::{acks, beat, come, receiver};
use crate::rules_flow::{ack, flowing, give, last};
use crate::rules_let_go;

/// A sender that keeps 100 packets, has sent 60, and has told of so many receivers, in mode Unicast the number of
/// peers. All have room, and say so.
fn many(receivers: u16, change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = flowing(100, change);
    give(&mut lone, 60);
    for receiver in 1..=receivers {
        ack(&mut lone, receiver, 60, 100);
    }
    lone.run_for(10 * MS);
    all(&mut lone, receivers, 60);
    lone.events.clear();
    lone
}

fn all(lone: &mut Lone, receivers: u16, seq: u64) {
    (1..=receivers).for_each(|receiver| ack(lone, receiver, seq, OPEN_WINDOW));
}

/// What is told of room counts as far as the backlog keeps.
// RMC-FLOW-6
#[test]
fn flow_control_up_to_a_hundred_receivers_are_all_heeded() {
    let mut lone = many(100, |_| {});
    give(&mut lone, 200);
    assert_eq!(last(&lone), 160);
}

// RMC-FLOW-6
#[test]
fn flow_control_of_more_than_a_hundred_those_with_room_are_not() {
    let mut lone = many(101, |_| {});
    give(&mut lone, 200);
    assert_eq!(last(&lone), 260);
    // One has less than half of its window left.
    ack(&mut lone, 7, 260, 50);
    give(&mut lone, 60);
    assert_eq!(last(&lone), 310);
    ack(&mut lone, 7, 310, 70);
    give(&mut lone, 60);
    assert_eq!(last(&lone), 380, "a window that is told is heeded, however wide");
    ack(&mut lone, 7, 380, OPEN_WINDOW);
    give(&mut lone, 200);
    assert_eq!(last(&lone), 580, "and that it has room");
}

/// Nobody who is slow holds up a quorum of those that have room.
// RMC-FLOW-3, RMC-FLOW-6
#[test]
fn rmc_flow_6_those_with_room_are_the_best_of_a_quorum() {
    for (n, end) in [(96, 260), (97, 110)] {
        let mut lone = many(101, |config| config.flow_control = FlowControl::Quorum { n });
        (1..=5).for_each(|receiver| ack(&mut lone, receiver, 60, 50));
        give(&mut lone, 200);
        assert_eq!(last(&lone), end, "{n} of 101, of whom 5 have little room");
    }
}

/// One of 101 that has room, and is not heard of any more. The others have everything.
fn one_is_gone() -> Lone {
    let mut lone = many(101, |config| config.peer_timeout = Duration::from_secs(3_600));
    give(&mut lone, 10);
    all(&mut lone, 100, 70);
    // The first Heartbeat that it does not answer.
    lone.run_for(10 * MS);
    lone
}

fn evicted(lone: &mut Lone) -> Vec<std::net::SocketAddr> {
    rules_let_go::evicted(lone).into_iter().map(|(_, peer, _)| peer).collect()
}

/// 16 intervals of a second: its Acks come rarely, and some are lost.
// RMC-FLOW-4
#[test]
fn quiet_intervals_to_the_end_of_them_who_has_room_is_waited_for() {
    let mut lone = one_is_gone();
    lone.run_for(16 * SECOND - NS);
    assert_eq!((evicted(&mut lone), lone.node.stable_seq()), (vec![], 60));
    give(&mut lone, 200);
    assert_eq!(last(&lone), 270, "by who waits for all, not by what is sent");
}

// RMC-FLOW-4
#[test]
fn quiet_intervals_past_them_it_is_let_go() {
    let mut lone = one_is_gone();
    lone.run_for(16 * SECOND);
    assert_eq!((evicted(&mut lone), lone.node.stable_seq()), (vec![peer(101)], 70));
}

/// Who turns out to have little room is waited for as those are, from the next Heartbeat on.
// RMC-FLOW-4
#[test]
fn rmc_flow_4_who_has_no_room_any_more_is_let_go_as_soon_as_others() {
    let mut lone = one_is_gone();
    ack(&mut lone, 101, 60, 20);
    lone.run_for(5 * SECOND);
    assert_eq!(evicted(&mut lone), []);
    lone.run_for(SECOND);
    assert_eq!(evicted(&mut lone), [peer(101)]);
}

/// The sender heeds what it was told last, so that it is told once more, when that would have been due anyway.
// RMC-ACK-1, RMC-ACK-5
#[test]
fn rmc_ack_5_who_was_heeded_says_that_it_need_not_be_before_it_is_quiet() {
    for (group, told) in [(100, vec![false, false]), (101, vec![true])] {
        let mut lone = receiver(1, |_| {});
        acks(&mut lone);
        lone.hear(peer(0), &beat(1, group));
        come(&mut lone, 2..=51);
        let sent = acks(&mut lone);
        assert_eq!(
            sent.iter().map(|&(_, window)| window == OPEN_WINDOW).collect::<Vec<_>>(),
            told,
            "{group}: {sent:?}"
        );
    }
}

/// What opens the window may be lost, and the sender waits for it: two Heartbeats more are answered soon, and then no
/// other before its time.
// RMC-ACK-6
#[test]
fn rmc_ack_6_that_there_is_room_again_is_repeated_twice() {
    for seed in 1..=20 {
        let mut lone = receiver(10_000, |config| config.seed = seed);
        lone.hear_all(2..=100);
        lone.take();
        assert_eq!(acks(&mut lone).last(), Some(&(100, OPEN_WINDOW)));
        for _ in 0..2 {
            lone.run_for(100 * MS);
            lone.hear(peer(0), &beat(100, 10_000));
            lone.run_for(SECOND);
            let sent = acks(&mut lone);
            assert_eq!(sent.len(), 1, "seed {seed}: within a second");
            assert_eq!(sent[0].1, OPEN_WINDOW);
        }
        lone.run_for(100 * MS);
        lone.hear(peer(0), &beat(100, 10_000));
        lone.run_for(8 * SECOND);
        assert_eq!(acks(&mut lone), [], "seed {seed}: not before 10 s");
    }
}

/// As long as it has little room the sender waits for it.
// RMC-ACK-6
#[test]
fn rmc_ack_6_who_has_little_room_answers_within_a_second() {
    let mut lone = receiver(10_000, |_| {});
    lone.hear_all(2..=80);
    acks(&mut lone);
    for _ in 0..5 {
        lone.run_for(100 * MS);
        lone.hear(peer(0), &beat(80, 10_000));
        lone.run_for(SECOND);
        assert_eq!(acks(&mut lone).len(), 1);
    }
}

/// Where there are few again the sender heeds all of them, and must know how much room each has.
// RMC-ACK-5
#[test]
fn rmc_ack_5_where_there_are_fewer_again_the_window_is_told() {
    for (group, told) in [(100, Some(100)), (101, None)] {
        let mut lone = receiver(200, |_| {});
        lone.run_for(5 * SECOND);
        acks(&mut lone);
        // One that brings something new needs no answer.
        lone.hear(peer(0), &beat(2, group));
        lone.run_for(100 * MS);
        assert_eq!(acks(&mut lone).first().map(|&(_, window)| window), told, "{group}");
    }
}

/// An application that takes something may be what makes an Ack due, and then a timer is armed for it.
// RMC-ACK-5
#[test]
fn rmc_ack_5_what_the_application_takes_is_told_in_time() {
    let mut lone = receiver(101, |_| {});
    lone.run_for(5 * SECOND);
    // A third of the window, after which nothing is promised that would wake the node.
    (2..=35).for_each(|seq| lone.hear(peer(0), &data_with(Flags::NONE, NO_PROMISE, EPOCH, seq)));
    lone.run_for(10 * SECOND);
    acks(&mut lone);
    lone.take();
    lone.run_for(3 * SECOND);
    assert_eq!(acks(&mut lone).len(), 1);
}
