//! Rules about what a sender tells its group of itself: the backoff, how many receivers there are, and the round trip.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, Packet};
use rmc_core::{Path, RepairMode};

use crate::asking::{Nack, ack_with, is_group_heartbeat, trusting};
use crate::given::announcement;
use crate::lone::{EPOCH, Lone, MS, NS, OWN, Transmission, US, peer};
use crate::observed::beat_times;
use crate::packets::{encode, payload};

/// What a Heartbeat says of the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) backoff: Duration,
    pub(crate) group: u32,
    pub(crate) rtt: Duration,
}

/// Of a Heartbeat to the group.
pub(crate) fn fields(sent: &Transmission) -> Option<Fields> {
    let packet = Packet::decode(&sent.bytes).expect("it was decoded when it left");
    let Body::Heartbeat { backoff, group, rtt, .. } = packet.body else { return None };
    let micros = |micros: u32| Duration::from_micros(micros.into());
    is_group_heartbeat(sent).then(|| Fields { backoff: micros(backoff), group, rtt: micros(rtt) })
}

/// When the group was told what since the last call.
fn told(lone: &mut Lone) -> Vec<(Duration, Fields)> {
    lone.sent.drain(..).filter_map(|sent| fields(&sent).map(|fields| (sent.at, fields))).collect()
}

/// What the next Heartbeat says.
fn next(lone: &mut Lone) -> Fields {
    lone.sent.clear();
    lone.run_for(Duration::from_millis(600));
    told(lone).first().expect("a heartbeat").1
}

fn nack(lone: &mut Lone, index: u16, seq: u64) {
    lone.feed(peer(index), Path::Unicast, &Nack::new(&[(seq, seq)]).bytes());
    lone.settle();
}

// RMC-HB-6, RMC-HB-10, RMC-HB-11
#[test]
fn rmc_hb_6_a_heartbeat_tells_backoff_group_and_round_trip() {
    let mut lone = trusting(20, |_| {});
    assert_eq!(next(&mut lone), Fields { backoff: 10 * MS, group: 0, rtt: Duration::ZERO });
    (0..8).for_each(|index| lone.hear(peer(index), &announcement()));
    lone.hear_unicast(peer(3), &ack_with(1, 20 * MS));
    assert_eq!(next(&mut lone), Fields { backoff: 15 * MS, group: 8, rtt: 20 * MS });
}

// RMC-HB-6, RMC-HB-10, RMC-HB-11
#[test]
fn rmc_hb_6_in_unicast_mode_there_is_no_backoff_and_peers_are_counted() {
    let mut lone = trusting(20, |config| config.repair_mode = RepairMode::Unicast);
    (0..8).for_each(|index| nack(&mut lone, index, 5));
    lone.hear_unicast(peer(3), &ack_with(1, 20 * MS));
    assert_eq!(next(&mut lone), Fields { backoff: Duration::ZERO, group: 8, rtt: 20 * MS });
}

/// Peers that asked once, and once more so much later.
fn group_of(asked: u16, again: u16, later: Duration) -> u32 {
    let mut lone = trusting(100, |_| {});
    (0..asked).for_each(|index| nack(&mut lone, index, u64::from(index) + 1));
    lone.run_for(later);
    (0..again).for_each(|index| nack(&mut lone, index, u64::from(index) + 1));
    next(&mut lone).group
}

/// All of 40 once: 40 + 40 x 39 / 2. Twenty of them twice: 40 + 20 x 19 / 42.
// RMC-HB-11
#[test]
fn rmc_hb_11_the_unseen_are_guessed_from_who_was_met_once_and_twice() {
    assert_eq!(group_of(1, 0, MS), 1);
    assert_eq!(group_of(40, 0, MS), 820);
    assert_eq!(group_of(40, 20, 20 * MS), 49);
    assert_eq!(group_of(40, 40, 20 * MS), 40);
}

/// 40 have asked once, and some of them acknowledge: all 40, and 30 / 11 if ten do, and only if it is the group's stream.
// RMC-HB-11
#[test]
fn rmc_hb_11_who_acknowledges_is_not_guessed() {
    let group_of = |acks: u16, flags: Flags| {
        let mut lone = trusting(100, |_| {});
        (0..40).for_each(|index| nack(&mut lone, index, u64::from(index) + 1));
        let ack = Body::Ack { target_epoch: OWN, window: 1_000, rtt: 0 };
        (0..acks).for_each(|index| lone.hear_unicast(peer(index), &encode(flags, NO_PROMISE, EPOCH, 1, ack)));
        next(&mut lone).group
    };
    assert_eq!([0, 10, 20, 40].map(|acks| group_of(acks, Flags::NONE)), [820, 42, 40, 40]);
    assert_eq!(group_of(40, Flags::PRIVATE), 820);
}

/// Those that have acknowledged, and then expired, and come back with a NACK.
// RMC-HB-11, RMC-PEER-6
#[test]
fn rmc_hb_11_who_has_acknowledged_and_expired_is_guessed_again() {
    let mut lone = trusting(100, |config| config.peer_timeout = Duration::from_secs(2));
    (0..10).for_each(|index| lone.hear_unicast(peer(index), &ack_with(1, 20 * MS)));
    (0..10).for_each(|index| nack(&mut lone, index, 5));
    assert_eq!(next(&mut lone).group, 10);
    lone.run_for(Duration::from_secs(2));
    (0..10).for_each(|index| nack(&mut lone, index, 5));
    assert_eq!(next(&mut lone).group, 55);
}

// RMC-HB-11
#[test]
fn rmc_hb_11_a_peer_counts_once_in_20_ms() {
    assert_eq!((group_of(10, 10, 19 * MS), group_of(10, 10, 20 * MS)), (55, 10));
}

/// Those that have expired are no longer there.
// RMC-HB-11, RMC-PEER-6
#[test]
fn rmc_hb_11_who_has_expired_counts_no_more() {
    let mut lone = trusting(20, |config| config.peer_timeout = Duration::from_secs(2));
    (0..10).for_each(|index| nack(&mut lone, index, 5));
    assert_eq!(next(&mut lone).group, 55);
    lone.run_for(Duration::from_secs(2));
    assert_eq!(next(&mut lone).group, 0);
}

/// Five NACKs for one number.
// RMC-HB-10, RMC-HB-12
#[test]
fn rmc_hb_10_the_backoff_doubles_with_the_fifth_nack_for_a_number() {
    let mut lone = trusting(20, |_| {});
    (0..8).for_each(|index| lone.hear(peer(index), &announcement()));
    next(&mut lone);
    (0..4).for_each(|index| nack(&mut lone, index, 5));
    assert_eq!(next(&mut lone).backoff, 10 * MS);
    (0..4).for_each(|index| nack(&mut lone, index, 7));
    lone.sent.clear();
    nack(&mut lone, 4, 7);
    let told: Vec<_> = told(&mut lone).into_iter().map(|(_, fields)| fields.backoff).collect();
    assert_eq!(told, [20 * MS], "at once");
}

/// One receiver that loses something from time to time.
// RMC-HB-10
#[test]
fn rmc_hb_10_two_quiet_rounds_take_the_backoff_of_a_single_receiver_away() {
    let mut lone = trusting(100, |_| {});
    for (seq, backoff) in [(1, 10 * MS), (2, 10 * MS), (3, Duration::ZERO)] {
        nack(&mut lone, 0, seq);
        lone.run_for(25 * MS);
        assert_eq!(next(&mut lone).backoff, backoff, "{seq}");
    }
    nack(&mut lone, 1, 9);
    assert_eq!(next(&mut lone).backoff, 10 * MS, "there is a second one");
}

/// A sender of one packet each 5 ms to a group that has 10 known receivers.
fn flowing(lone: &mut Lone, time: Duration) {
    let end = lone.now + time;
    while lone.now < end {
        let seq = lone.node.next_seq();
        lone.node.send(lone.instant(), &payload(seq)).expect("there is room");
        lone.run_for(5 * MS);
    }
}

// RMC-HB-12
#[test]
fn rmc_hb_12_while_data_flows_everything_is_told_each_half_second() {
    let mut lone = trusting(0, |_| {});
    (0..600).for_each(|index| lone.hear(peer(index), &announcement()));
    let start = lone.now;
    flowing(&mut lone, Duration::from_millis(1_600));
    let times: Vec<_> = told(&mut lone).into_iter().map(|(at, _)| at - start).collect();
    assert_eq!(times, [500, 1_000, 1_500].map(|at| at * MS));
}

// RMC-HB-12
#[test]
fn rmc_hb_12_but_not_while_nobody_is_known() {
    let mut lone = trusting(0, |_| {});
    flowing(&mut lone, Duration::from_millis(1_600));
    assert_eq!(told(&mut lone), []);
}

/// Before anything is told, 1,000 receivers are taken for granted.
// RMC-HB-12
#[test]
fn rmc_hb_12_a_change_by_a_factor_of_two_is_told_at_once() {
    for (known, tells) in [(501, false), (500, true)] {
        let mut lone = trusting(0, |_| {});
        lone.send_all(10);
        lone.run_for(2 * MS);
        (1..known).for_each(|index| lone.hear(peer(index), &announcement()));
        lone.sent.clear();
        nack(&mut lone, 0, 5);
        assert_eq!(!told(&mut lone).is_empty(), tells, "{known}");
    }
}

/// From 1 to 2 and on to 4, each told after a round trip of the group.
// RMC-HB-12
#[test]
fn rmc_hb_12_it_is_told_once_in_a_round_trip() {
    let mut lone = trusting(10, |_| {});
    lone.hear_unicast(peer(0), &ack_with(1, 3 * MS));
    nack(&mut lone, 0, 1);
    let first = told(&mut lone);
    assert_eq!(first.len(), 1, "{first:?}");
    (1..=4).for_each(|index| nack(&mut lone, index, 2));
    lone.run_for(3 * MS - NS);
    assert_eq!(told(&mut lone), []);
    lone.run_for(NS);
    let told = told(&mut lone);
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].0 - first[0].0, 3 * MS);
}

/// What is told so promises no more and no less than the heartbeats that are due.
// RMC-HB-12, RMC-HB-6
#[test]
fn rmc_hb_12_telling_moves_no_deadline() {
    let mut lone = trusting(0, |_| {});
    lone.send_all(10);
    lone.run_to(24 * MS);
    nack(&mut lone, 0, 5);
    lone.run_to(55 * MS);
    assert_eq!(beat_times(&lone), [(24, 6), (30, 20), (50, 50)]);
}

/// Nor is anything told before the first data.
// RMC-HB-7, RMC-HB-12
#[test]
fn rmc_hb_7_nothing_is_told_before_the_first_data() {
    let mut lone = trusting(0, |_| {});
    nack(&mut lone, 0, 5);
    lone.run_for(Duration::from_secs(2));
    assert_eq!(told(&mut lone), []);
}

// RMC-HB-10
#[test]
fn rmc_hb_10_with_more_receivers_it_is_never_below_what_their_number_asks_for() {
    let mut lone = trusting(1_000, |_| {});
    (0..8).for_each(|index| lone.hear(peer(index), &announcement()));
    lone.hear_unicast(peer(0), &ack_with(1, 2 * MS));
    for seq in 1..100 {
        nack(&mut lone, 0, seq);
        lone.run_for(5 * MS);
    }
    // 2 ms x log2(8) / 4.
    assert_eq!(next(&mut lone).backoff, 1_500 * US);
}
