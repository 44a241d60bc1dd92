//! Receivers that do not advance: when they are let go, and when they count again.

use std::time::Duration;

use rmc_core::packet::Flags;
use rmc_core::{Event, FlowControl};

use crate::asking::{Nack, answers, cookie_of};
use crate::lone::{Lone, MS, NS, SECOND, peer};
use crate::packets;
use crate::rules_flow::{ack, flowing, give, last};

pub(crate) fn evicted(lone: &mut Lone) -> Vec<(Duration, std::net::SocketAddr, u64)> {
    let told = lone.events.drain(..).filter_map(|(at, event)| match event {
        Event::PeerEvicted { peer, seq } => Some((at, peer, seq)),
        _ => None,
    });
    told.collect()
}

/// The first heartbeat that it does not answer leaves 10 ms after the data.
fn stalled(stall: Duration, window: u32) -> Lone {
    let mut lone = flowing(10, |config| config.flow_control = FlowControl::Slowest { stall });
    give(&mut lone, 10);
    ack(&mut lone, 1, 10, window);
    give(&mut lone, 15);
    lone.events.clear();
    lone
}

// RMC-FLOW-4
#[test]
fn stall_to_the_end_of_it_a_receiver_is_waited_for() {
    let mut lone = stalled(SECOND, 5);
    lone.run_for(10 * MS + SECOND - NS);
    assert_eq!(evicted(&mut lone), []);
    assert_eq!(last(&lone), 15);
}

// RMC-FLOW-4
#[test]
fn stall_when_it_is_over_the_receiver_is_let_go_and_named() {
    let mut lone = stalled(SECOND, 5);
    lone.run_for(10 * MS + SECOND);
    assert_eq!(evicted(&mut lone), [(10 * MS + SECOND, peer(1), 10)]);
    assert_eq!(last(&lone), 25);
    assert_eq!(lone.node.stats().tx.let_go, 1);
}

// RMC-FLOW-4
#[test]
fn rmc_flow_4_a_quorum_waits_for_5_s() {
    let mut lone = flowing(10, |config| config.flow_control = FlowControl::Quorum { n: 1 });
    give(&mut lone, 10);
    ack(&mut lone, 1, 10, 5);
    give(&mut lone, 15);
    lone.run_for(10 * MS + 5 * SECOND - NS);
    assert_eq!(evicted(&mut lone), []);
    lone.run_for(NS);
    assert_eq!(evicted(&mut lone).len(), 1);
}

/// A window that stays shut is no advance, however often that is said.
// RMC-FLOW-4
#[test]
fn rmc_flow_4_an_answer_without_an_advance_is_none() {
    let mut lone = stalled(SECOND, 0);
    for _ in 0..10 {
        lone.run_for(100 * MS);
        ack(&mut lone, 1, 10, 0);
    }
    assert_eq!(evicted(&mut lone), []);
    lone.run_for(10 * MS);
    assert_eq!(evicted(&mut lone), [(10 * MS + SECOND, peer(1), 10)]);
}

// RMC-FLOW-4
#[test]
fn rmc_flow_4_any_advance_begins_it_anew() {
    let mut lone = stalled(SECOND, 5);
    lone.run_for(900 * MS);
    ack(&mut lone, 1, 11, 4);
    assert_eq!(last(&lone), 15, "the same limit, but more was received");
    lone.run_for(SECOND);
    assert_eq!(evicted(&mut lone), [], "the next heartbeat left later");
    lone.run_for(SECOND);
    assert_eq!(evicted(&mut lone).len(), 1);
}

/// Less room than it had told is none, and more than that is, though not as much as before.
// RMC-FLOW-4
#[test]
fn rmc_flow_4_room_that_grows_is_an_advance() {
    for (windows, is_one) in [([2, 2], false), ([2, 3], true)] {
        let mut lone = stalled(SECOND, 5);
        lone.run_for(900 * MS);
        windows.iter().for_each(|&window| ack(&mut lone, 1, 10, window));
        lone.run_for(110 * MS);
        assert_eq!(evicted(&mut lone).is_empty(), is_one, "{windows:?}");
    }
}

/// Two intervals of 100 ms.
// RMC-FLOW-4
#[test]
fn ack_interval_two_of_them_are_waited_for() {
    let mut lone = stalled(10 * MS, 5);
    lone.run_for(10 * MS + 200 * MS - NS);
    assert_eq!(evicted(&mut lone), []);
}

// RMC-FLOW-4
#[test]
fn ack_interval_past_two_of_them_it_is_let_go() {
    let mut lone = stalled(10 * MS, 5);
    lone.run_for(10 * MS + 200 * MS);
    assert_eq!(evicted(&mut lone).len(), 1);
}

/// It stalls, and announces its end before that is told, or after: with a stream of its own, or none.
fn ended(stall: Duration) -> Vec<Lone> {
    let last = [Vec::new(), vec![packets::data(1)]].map(|data| (data.len() as u64, data));
    let scripts = last.into_iter().flat_map(|(seq, data)| [(seq, data.clone(), false), (seq, data, true)]);
    scripts
        .map(|(seq, data, late)| {
            let mut lone = stalled(stall, 5);
            if late {
                lone.run_for(10 * MS);
            }
            data.iter().for_each(|bytes| lone.hear(peer(1), bytes));
            lone.hear(peer(1), &packets::heartbeat_with(Flags::END, seq, 1, Duration::ZERO));
            if !late {
                lone.run_for(10 * MS);
            }
            lone
        })
        .collect()
}

// RMC-FLOW-4
#[test]
fn leaving_wait_to_the_end_of_it_who_ended_is_waited_for() {
    for mut lone in ended(5 * SECOND) {
        lone.run_for(SECOND - NS);
        assert_eq!(evicted(&mut lone), []);
    }
}

// RMC-FLOW-4
#[test]
fn leaving_wait_past_it_who_ended_is_let_go() {
    for mut lone in ended(5 * SECOND) {
        lone.run_for(SECOND);
        assert_eq!(evicted(&mut lone), [(10 * MS + SECOND, peer(1), 10)]);
    }
}

// RMC-FLOW-4
#[test]
fn rmc_flow_4_who_ended_is_not_waited_for_longer_than_others() {
    for mut lone in ended(300 * MS) {
        lone.run_for(300 * MS);
        assert_eq!(evicted(&mut lone).len(), 1);
    }
}

/// It had not ended: somebody else said so, until it sends Data with a higher number.
// RMC-FLOW-4, RMC-END-4
#[test]
fn rmc_flow_4_an_end_that_is_withdrawn_shortens_nothing() {
    let mut lone = stalled(5 * SECOND, 5);
    lone.hear(peer(1), &packets::data(1));
    lone.hear(peer(1), &packets::heartbeat_with(Flags::END, 1, 1, Duration::ZERO));
    lone.hear(peer(1), &packets::data(2));
    ack(&mut lone, 1, 10, 5);
    lone.run_for(10 * MS + 5 * SECOND - NS);
    assert_eq!(evicted(&mut lone), []);
    lone.run_for(NS);
    assert_eq!(evicted(&mut lone).len(), 1);
}

/// The first Ack may come after the end: it lingers.
// RMC-FLOW-4
#[test]
fn rmc_flow_4_who_acknowledges_first_when_it_has_ended_is_leaving_too() {
    let mut lone = flowing(10, |config| config.flow_control = FlowControl::Slowest { stall: 5 * SECOND });
    give(&mut lone, 10);
    lone.hear(peer(1), &packets::heartbeat_with(Flags::END, 0, 1, Duration::ZERO));
    ack(&mut lone, 1, 9, 5);
    lone.run_for(10 * MS + SECOND);
    assert_eq!(evicted(&mut lone).len(), 1);
}

/// Who has everything owes nothing, however long nothing is sent.
// RMC-FLOW-4
#[test]
fn rmc_flow_4_an_idle_receiver_is_not_let_go() {
    let mut lone = flowing(10, |config| config.flow_control = FlowControl::Slowest { stall: SECOND });
    give(&mut lone, 10);
    ack(&mut lone, 1, 10, 10);
    lone.run_for(20 * SECOND);
    assert_eq!(evicted(&mut lone), []);
    give(&mut lone, 1);
    lone.run_for(10 * MS + SECOND - NS);
    assert_eq!(evicted(&mut lone), [], "what it owes it owes since now");
    lone.run_for(NS);
    assert_eq!(evicted(&mut lone).len(), 1);
}

/// Let go at 1.01 s, for 1 s.
fn let_go() -> Lone {
    let mut lone = stalled(SECOND, 5);
    lone.run_for(10 * MS + SECOND);
    assert_eq!(evicted(&mut lone).len(), 1);
    lone
}

// RMC-FLOW-5
#[test]
fn stall_for_as_long_it_does_not_count() {
    let mut lone = let_go();
    lone.run_for(SECOND - NS);
    ack(&mut lone, 1, 25, 1);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 30);
}

// RMC-FLOW-5
#[test]
fn stall_after_it_it_counts_again() {
    let mut lone = let_go();
    lone.run_for(SECOND);
    ack(&mut lone, 1, 25, 1);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 26);
    // The next time it takes twice as long.
    lone.run_for(SECOND + 10 * MS);
    assert_eq!(evicted(&mut lone).len(), 1);
    assert_eq!(last(&lone), 30);
    lone.run_for(2 * SECOND - 20 * MS);
    ack(&mut lone, 1, 30, 1);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 35);
    lone.run_for(20 * MS);
    ack(&mut lone, 1, 35, 1);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 36);
}

// RMC-FLOW-5
#[test]
fn rmc_flow_5_without_an_advance_or_room_it_does_not_come_back() {
    let mut lone = let_go();
    lone.run_for(2 * SECOND);
    ack(&mut lone, 1, 10, 100);
    give(&mut lone, 1);
    assert_eq!(last(&lone), 26, "it stands where it stood");
    ack(&mut lone, 1, 26, 0);
    give(&mut lone, 1);
    assert_eq!(last(&lone), 27, "it has no room");
    ack(&mut lone, 1, 27, 1);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 28);
}

/// It is near enough and has room, and yet it has not got anything since.
// RMC-FLOW-5
#[test]
fn rmc_flow_5_room_alone_is_not_enough_to_come_back() {
    for (position, counts) in [(60, false), (61, true)] {
        let mut lone = flowing(100, |config| config.flow_control = FlowControl::Slowest { stall: SECOND });
        give(&mut lone, 60);
        ack(&mut lone, 1, 60, 0);
        give(&mut lone, 5);
        lone.run_for(SECOND + 10 * MS);
        assert_eq!((evicted(&mut lone).len(), last(&lone)), (1, 65));
        lone.run_for(SECOND);
        ack(&mut lone, 1, position, 10);
        give(&mut lone, 100);
        assert_eq!(last(&lone), if counts { 71 } else { 165 }, "{position}");
    }
}

/// Forged ones stop a sender for one stall, and then no more for twelve.
// RMC-FLOW-10
#[test]
fn rmc_flow_10_after_one_that_was_not_proven_no_new_ones_count_for_twelve_stalls() {
    let forged = |lone: &mut Lone, from: u16| {
        ack(lone, from, last(lone), 0);
        give(lone, 5);
    };
    let mut lone = flowing(100, |config| {
        config.flow_control = FlowControl::Slowest { stall: SECOND };
        config.verify_askers = true;
    });
    give(&mut lone, 60);
    forged(&mut lone, 1);
    assert_eq!(last(&lone), 60);
    lone.run_for(SECOND + 10 * MS);
    assert_eq!((evicted(&mut lone).len(), last(&lone)), (1, 65));
    lone.run_for(12 * SECOND - NS);
    forged(&mut lone, 2);
    assert_eq!(last(&lone), 70, "it does not count");
    lone.run_for(NS);
    forged(&mut lone, 3);
    assert_eq!(last(&lone), 70, "it does");
}

// RMC-FLOW-10
#[test]
fn rmc_flow_10_who_has_proven_its_address_counts_all_the_same() {
    let mut lone = flowing(100, |config| {
        config.flow_control = FlowControl::Slowest { stall: SECOND };
        config.verify_askers = true;
    });
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, 0);
    give(&mut lone, 5);
    lone.run_for(SECOND + 10 * MS);
    assert_eq!(evicted(&mut lone).len(), 1);
    let cookie = cookie_of(&mut lone, 2, 60);
    answers(&mut lone, 2, Nack::new(&[(60, 60)]).cookie(cookie));
    ack(&mut lone, 2, 65, 0);
    give(&mut lone, 5);
    assert_eq!(lone.node.stats().held.queued_packets, 5);
}
