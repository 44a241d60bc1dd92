//! What receivers acknowledge holds a sender back.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE};
use rmc_core::{Config, EventMask, FlowControl};

use crate::lone::{EPOCH, Lone, MS, NS, OWN, SECOND, Sent, peer};
use crate::packets::{self, encode};

/// A sender whose backlog keeps `kept` packets.
pub(crate) fn flowing(kept: usize, change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.flow_control = FlowControl::default();
        config.backlog_packets = kept;
        config.max_burst = kept.min(10);
        change(config);
    })
}

/// Hands in so many messages, and lets leave what may.
pub(crate) fn give(lone: &mut Lone, count: u64) {
    for _ in 0..count {
        let seq = lone.node.next_seq();
        lone.node.send(lone.instant(), &packets::payload(seq)).expect("there is room");
    }
    lone.settle();
}

pub(crate) fn ack(lone: &mut Lone, from: u16, seq: u64, window: u32) {
    let body = Body::Ack { target_epoch: OWN, window, rtt: 0 };
    lone.hear_unicast(peer(from), &encode(Flags::NONE, NO_PROMISE, EPOCH, seq, body));
    lone.settle();
}

/// The highest number that has left.
pub(crate) fn last(lone: &Lone) -> u64 {
    lone.sent
        .iter()
        .filter_map(|sent| if let Sent::Data(seq) = sent.what { Some(seq) } else { None })
        .max()
        .unwrap_or(0)
}

// RMC-FLOW-1
#[test]
fn rmc_flow_1_the_lowest_limit_of_all_decides() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, 10);
    ack(&mut lone, 2, 55, 8);
    give(&mut lone, 100);
    assert_eq!(last(&lone), 63);
    ack(&mut lone, 2, 63, 100);
    assert_eq!(last(&lone), 70);
    ack(&mut lone, 1, 64, 20);
    assert_eq!(last(&lone), 84);
}

/// Nothing leaves the backlog that has not been acknowledged.
// RMC-FLOW-1, RMC-SEND-2
#[test]
fn flow_control_goes_as_far_as_the_backlog_keeps() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, u32::MAX);
    give(&mut lone, 200);
    assert_eq!(last(&lone), 160);
    let oldest = lone.sent.iter().rev().find_map(|sent| match sent.what {
        Sent::Heartbeat { oldest, .. } => Some(oldest),
        _ => None,
    });
    assert!(oldest.is_none_or(|oldest| oldest <= 61));
    ack(&mut lone, 1, 61, u32::MAX);
    assert_eq!(last(&lone), 161);
}

// RMC-FLOW-1
#[test]
fn rmc_flow_1_what_has_no_room_fills_the_queue() {
    let mut lone = flowing(10, |config| {
        config.send_queue_packets = 20;
        config.max_message = 1_000;
    });
    give(&mut lone, 10);
    ack(&mut lone, 1, 10, 0);
    give(&mut lone, 20);
    assert_eq!(lone.node.send(lone.instant(), b"x"), Err(rmc_core::SendError::Full));
    assert_eq!(lone.node.stats().held.queued_packets, 20);
    ack(&mut lone, 1, 10, 1);
    assert_eq!(lone.node.send(lone.instant(), b"x"), Ok(31));
}

/// While it waits heartbeats go on.
// RMC-FLOW-1, RMC-HB-5
#[test]
fn rmc_flow_1_heartbeats_tell_what_has_left() {
    let mut lone = flowing(10, |_| {});
    give(&mut lone, 10);
    ack(&mut lone, 1, 10, 0);
    give(&mut lone, 5);
    lone.sent();
    lone.run_for(100 * MS);
    let beats = lone.sent().into_iter().filter(|sent| matches!(sent, Sent::Heartbeat { seq: 10, .. })).count();
    assert_eq!(beats, 3, "after 10, 30 and 80 ms");
}

/// Also those of a private stream of which all that has left is acknowledged: the Ack that opens the window may be lost,
/// and a receiver that answers is not given up.
// RMC-HB-5, RMC-PRIV-4, RMC-PRIV-5
#[test]
fn rmc_hb_5_a_private_stream_without_room_asks_whether_there_is_some() {
    let mut lone = flowing(10, |_| {});
    let send = |lone: &mut Lone| {
        lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
        lone.settle();
    };
    let acked = |lone: &mut Lone, window| {
        let body = Body::Ack { target_epoch: OWN, window, rtt: 0 };
        lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 1, body));
        lone.settle();
    };
    send(&mut lone);
    acked(&mut lone, 0);
    lone.run_for(SECOND);
    assert_eq!(lone.sent(), [Sent::Data(1)], "nothing is owed");
    send(&mut lone);
    lone.run_for(10 * MS - NS);
    assert_eq!(lone.sent(), []);
    lone.run_for(NS);
    assert_eq!(lone.sent(), [Sent::Heartbeat { seq: 1, oldest: 2, interval: 20 * MS, end: false }]);
    for _ in 0..60 {
        lone.run_for(SECOND);
        acked(&mut lone, 0);
    }
    assert!(lone.sent().iter().all(|sent| matches!(sent, Sent::Heartbeat { seq: 1, .. })));
    acked(&mut lone, 1);
    assert_eq!(lone.sent(), [Sent::Data(2)], "as late as it is");
}

/// It may have lost its room while the rate let nothing leave.
// RMC-HB-5, RMC-PRIV-4
#[test]
fn rmc_hb_5_a_private_stream_whose_room_goes_while_it_waits_asks_too() {
    let mut lone = flowing(10, |config| {
        (config.max_rate, config.rate_burst) = (Some(1_000), config.max_datagram);
    });
    let body = |window| Body::Ack { target_epoch: OWN, window, rtt: 0 };
    lone.node.send_to(lone.instant(), peer(1), &[0; 1_400]).expect("there is room");
    lone.settle();
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 1, body(5)));
    lone.node.send_to(lone.instant(), peer(1), &[0; 1_400]).expect("there is room");
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Data(1)], "what the rate lets leave at once");
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 1, body(0)));
    lone.run_for(10 * MS);
    assert_eq!(lone.sent(), [Sent::Heartbeat { seq: 1, oldest: 2, interval: 20 * MS, end: false }]);
}

/// Nor does it matter that nothing has left: anybody can say that there is no room.
// RMC-HB-7, RMC-PRIV-4
#[test]
fn rmc_hb_7_a_first_private_message_without_room_asks_too() {
    for window in [0, 1] {
        let mut lone = flowing(10, |config| {
            (config.max_rate, config.rate_burst) = (Some(100_000), config.max_datagram);
        });
        lone.node.send(lone.instant(), &[0; 1_400]).expect("there is room");
        lone.node.send_to(lone.instant(), peer(1), &[0; 1_400]).expect("there is room");
        lone.settle();
        let body = Body::Ack { target_epoch: OWN, window, rtt: 0 };
        lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 0, body));
        lone.run_for(20 * MS);
        let private: Vec<_> = lone.sent.iter().filter(|sent| sent.private).map(|sent| sent.what.clone()).collect();
        let asks = Sent::Heartbeat { seq: 0, oldest: 1, interval: 20 * MS, end: false };
        assert_eq!(private, [if window == 0 { asks } else { Sent::Data(1) }]);
    }
}

// RMC-SILENT-1, RMC-PRIV-4
#[test]
fn rmc_priv_4_a_silent_node_asks_for_no_room() {
    let mut lone = flowing(10, |_| {});
    let body = Body::Ack { target_epoch: OWN, window: 0, rtt: 0 };
    for _ in 0..11 {
        lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    }
    lone.settle();
    lone.node.set_silent(lone.instant(), true);
    lone.sent();
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 10, body));
    assert_eq!(lone.deadline, Some(30 * SECOND), "its receiver's patience alone");
}

// RMC-FLOW-1
#[test]
fn rmc_flow_1_a_private_stream_waits_for_its_receiver() {
    let mut lone = flowing(10, |_| {});
    let data = |lone: &mut Lone| lone.sent().into_iter().filter(|sent| matches!(sent, Sent::Data(_))).count();
    for _ in 0..30 {
        lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    }
    lone.settle();
    assert_eq!(data(&mut lone), 10, "what is kept");
    let body = Body::Ack { target_epoch: OWN, window: 3, rtt: 0 };
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 5, body));
    lone.settle();
    assert_eq!(data(&mut lone), 0);
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 10, body));
    lone.settle();
    assert_eq!(data(&mut lone), 3);
}

/// What was overtaken on its way says nothing of the room that there is now.
// RMC-ACK-2, RMC-FLOW-1
#[test]
fn rmc_ack_2_an_older_private_ack_moves_no_limit_back() {
    let mut lone = flowing(10, |_| {});
    let data = |lone: &mut Lone| lone.sent().into_iter().filter(|sent| matches!(sent, Sent::Data(_))).count();
    let send = |lone: &mut Lone| {
        for _ in 0..10 {
            lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
        }
        lone.settle();
        data(lone)
    };
    assert_eq!(send(&mut lone), 10);
    for (seq, window) in [(10, 5), (9, 0)] {
        let body = Body::Ack { target_epoch: OWN, window, rtt: 0 };
        lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, seq, body));
    }
    assert_eq!(send(&mut lone), 5);
}

/// One that waits for the rate has its turn, and loses it.
// RMC-FLOW-1
#[test]
fn rmc_flow_1_a_private_stream_whose_limit_comes_down_waits() {
    let mut lone = flowing(10, |config| {
        (config.max_rate, config.rate_burst) = (Some(1_000), config.max_datagram);
        config.packing = false;
    });
    for _ in 0..10 {
        lone.node.send_to(lone.instant(), peer(1), &[0; 500]).expect("there is room");
    }
    lone.settle();
    let data = |lone: &mut Lone| lone.sent().into_iter().filter(|sent| matches!(sent, Sent::Data(_))).count();
    assert_eq!(data(&mut lone), 2, "what the rate lets leave at once");
    let body = Body::Ack { target_epoch: OWN, window: 0, rtt: 0 };
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 2, body));
    lone.run_for(SECOND);
    assert_eq!(data(&mut lone), 0, "no room");
    let body = Body::Ack { target_epoch: OWN, window: 1, rtt: 0 };
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 2, body));
    lone.run_for(3 * SECOND);
    assert_eq!(data(&mut lone), 1, "room for one");
}

/// Half of what is kept, 50 packets.
// RMC-FLOW-2
#[test]
fn flow_control_a_receiver_that_is_half_of_what_is_kept_behind_counts() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 100);
    ack(&mut lone, 1, 100, 1_000);
    give(&mut lone, 50);
    ack(&mut lone, 2, 100, 50);
    give(&mut lone, 1);
    assert_eq!(last(&lone), 150);
}

// RMC-FLOW-2
#[test]
fn flow_control_a_receiver_that_is_further_behind_does_not_count() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 100);
    ack(&mut lone, 1, 100, 1_000);
    give(&mut lone, 51);
    ack(&mut lone, 2, 100, 50);
    give(&mut lone, 1);
    assert_eq!(last(&lone), 152);
    assert_eq!(lone.node.stable_seq(), 100);
    ack(&mut lone, 2, 102, 50);
    give(&mut lone, 1);
    assert_eq!(last(&lone), 152, "now it is near enough");
}

// RMC-FLOW-2
#[test]
fn rmc_flow_2_who_is_gone_or_has_another_epoch_does_not_count() {
    let mut lone = flowing(50, |_| {});
    give(&mut lone, 50);
    ack(&mut lone, 1, 50, 10);
    give(&mut lone, 15);
    assert_eq!(last(&lone), 60);
    lone.node.remove_peer(lone.instant(), peer(1));
    lone.settle();
    assert_eq!(last(&lone), 65);
    ack(&mut lone, 2, 65, 0);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 65);
    let body = Body::Ack { target_epoch: OWN, window: 9, rtt: 0 };
    lone.hear_unicast(peer(2), &encode(Flags::NONE, NO_PROMISE, EPOCH + 1, 0, body));
    lone.settle();
    assert_eq!(last(&lone), 70, "its new epoch is far behind");
}

// RMC-FLOW-3
#[test]
fn flow_control_a_quorum_of_two_heeds_the_second_best() {
    let mut lone = flowing(100, |config| config.flow_control = FlowControl::Quorum { n: 2 });
    give(&mut lone, 60);
    for (receiver, window) in [(1, 0), (2, 5), (3, 20)] {
        ack(&mut lone, receiver, 60, window);
    }
    give(&mut lone, 40);
    assert_eq!(last(&lone), 65);
    ack(&mut lone, 1, 60, 10);
    assert_eq!(last(&lone), 70);
}

// RMC-FLOW-3
#[test]
fn rmc_flow_3_without_flow_control_nobody_is_heeded() {
    let mut lone = flowing(100, |config| config.flow_control = FlowControl::None);
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, 0);
    give(&mut lone, 100);
    assert_eq!(last(&lone), 160);
    assert_eq!(lone.node.stable_seq(), 60);
    lone.run_for(SECOND);
    assert_eq!(lone.node.stable_seq(), 60, "as long as what it lacks is kept");
    give(&mut lone, 1);
    lone.run_for(10 * MS);
    assert_eq!(lone.node.stable_seq(), 161, "it is not waited for any more");
}

// RMC-FLOW-7
#[test]
fn rmc_flow_7_stable_is_what_all_have() {
    let mut lone = flowing(100, |_| {});
    assert_eq!(lone.node.stable_seq(), 0);
    give(&mut lone, 60);
    assert_eq!(lone.node.stable_seq(), 60, "nobody is there");
    ack(&mut lone, 1, 55, 100);
    assert_eq!(lone.node.stable_seq(), 55);
    ack(&mut lone, 2, 50, 100);
    assert_eq!(lone.node.stable_seq(), 50);
    ack(&mut lone, 2, 60, 100);
    assert_eq!(lone.node.stable_seq(), 55);
}

/// What was overtaken changes nothing.
// RMC-FLOW-7, RMC-ACK-2
#[test]
fn rmc_flow_7_an_older_ack_moves_nothing_back() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, 10);
    ack(&mut lone, 1, 50, 0);
    give(&mut lone, 20);
    assert_eq!((last(&lone), lone.node.stable_seq()), (70, 60));
}

// RMC-FLOW-8
#[test]
fn rmc_flow_8_behind_a_hole_one_packet_leaves() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, 1);
    lone.node.send_at(lone.instant(), 1_000_000, b"far").expect("there is room");
    give(&mut lone, 5);
    assert_eq!(last(&lone), 1_000_000);
    assert!(lone.sent().contains(&Sent::Lost(61, 999_999)));
    ack(&mut lone, 1, 1_000_000, 1);
    assert_eq!(last(&lone), 1_000_001);
}

// RMC-FLOW-9
#[test]
fn flow_control_at_the_start_what_is_kept_leaves_and_waits() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 300);
    assert_eq!(last(&lone), 100);
    lone.run_for(200 * MS - NS);
    assert_eq!(last(&lone), 100);
    ack(&mut lone, 1, 49, 1_000);
    assert_eq!(last(&lone), 100, "one that has got less than half of it");
    ack(&mut lone, 1, 50, 1_000);
    assert_eq!(last(&lone), 150);
}

// RMC-FLOW-9
#[test]
fn flow_control_at_the_start_for_no_longer_than_200_ms() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 300);
    lone.run_for(200 * MS);
    assert_eq!(last(&lone), 300);
}

/// What one node has sent that sent its first packet at time 0, and more than it keeps from this time on, by the end.
fn sent_by(full: Duration, end: Duration) -> u64 {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 1);
    lone.run_to(full);
    give(&mut lone, 299);
    lone.run_to(end);
    last(&lone)
}

/// The time since the first packet left counts, however little of it was spent waiting.
// RMC-FLOW-9
#[test]
fn rmc_flow_9_whoever_is_there_has_200_ms_from_the_first_packet_on() {
    assert_eq!(sent_by(150 * MS, 200 * MS - NS), 100);
    assert_eq!(sent_by(150 * MS, 200 * MS), 300);
    assert_eq!(sent_by(200 * MS, 200 * MS), 300, "it need not wait at all");
}

/// The table of peers is full: one that is none holds nobody back.
// RMC-FLOW-10, RMC-PEER-4
#[test]
fn rmc_flow_10_acks_of_no_peers_count_for_nothing() {
    let mut lone = flowing(100, |config| config.max_peers = 1);
    lone.hear(peer(0), &packets::data(1));
    give(&mut lone, 60);
    ack(&mut lone, 1, 60, 0);
    give(&mut lone, 5);
    assert_eq!(last(&lone), 65);
}

/// Beyond the last number sent: dropped and counted.
// RMC-ACK-2
#[test]
fn rmc_ack_2_an_ack_of_what_was_not_sent_is_dropped() {
    let mut lone = flowing(100, |_| {});
    give(&mut lone, 60);
    ack(&mut lone, 1, 61, 0);
    give(&mut lone, 5);
    assert_eq!((last(&lone), lone.node.stats().dropped.ack_beyond), (65, 1));
}

/// Also where the driver looks again only when that is over, whether a heartbeat is due then or nothing else is.
// RMC-FLOW-9
#[test]
fn rmc_flow_9_the_end_of_the_start_is_never_a_deadline_in_the_past() {
    for interval in [10 * MS, 20 * SECOND] {
        let mut lone = flowing(2, |config| {
            (config.packing, config.max_burst) = (false, 2);
            config.heartbeat_times = vec![interval];
            // Each would be one more look.
            config.events = EventMask::NONE;
        });
        for seq in 1..=3 {
            lone.node.send(lone.instant(), &packets::payload(seq)).expect("there is room");
        }
        assert!(lone.poll_transmit().is_some() && lone.poll_transmit().is_some());
        lone.now += SECOND;
        lone.node.handle_timeout(lone.instant());
        lone.drain();
        assert!(lone.deadline.is_some_and(|deadline| deadline >= lone.now), "{:?} at {:?}", lone.deadline, lone.now);
        assert_eq!(last(&lone), 3, "{interval:?}");
    }
}
