//! Rules of docs/protocol.md about heartbeats, liveness, ends and silence that no rule of the seed shows whole.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, Packet};
use rmc_core::{EndCause, Event, JoinPolicy, LossCause};

use crate::lone::{EPOCH, Item, Lone, MS, NS, OWN, SECOND, Sent, Transmission, US, lost, message, peer};
use crate::observed::{beat_times, beats, forget, index_of, misses};
use crate::packets::{ack, data, data_with, encode, heartbeat, heartbeat_with, nack, repair, reset};

/// (index, interval, backoff, group, rtt) of a Heartbeat.
fn fields(sent: &Transmission) -> (u8, u32, u32, u32, u32) {
    let packet = Packet::decode(&sent.bytes).expect("it was decoded when it left");
    let Body::Heartbeat { interval, backoff, group, rtt, .. } = packet.body else { panic!("{packet} is no heartbeat") };
    (packet.heartbeat, interval, backoff, group, rtt)
}

/// Answers to a NACK for what was never sent, at so long after the data: (index, interval in microseconds).
fn answer_at(time: Duration) -> (u8, u32) {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.run_to(time);
    forget(&mut lone);
    lone.hear_unicast(peer(1), &nack(1, &[(5, 5)]));
    let [ref answer] = lone.sent[..] else { panic!("{:?}", lone.sent) };
    let (index, interval, ..) = fields(answer);
    (index, interval)
}

/// What is left until the deadline, at least 1 ms.
// RMC-HB-6
#[test]
fn rmc_hb_6_an_answer_promises_what_is_left() {
    assert_eq!(answer_at(Duration::ZERO), (0, 10_000));
    assert_eq!(answer_at(4 * MS), (0, 6_000));
    assert_eq!(answer_at(9 * MS), (0, 1_000));
    assert_eq!(answer_at(9 * MS + 900 * US), (0, 1_000));
    assert_eq!(answer_at(12 * MS), (1, 18_000));
    assert_eq!(answer_at(40 * MS), (2, 40_000));
}

// RMC-HB-6, RMC-HB-4
#[test]
fn rmc_hb_6_an_answer_moves_no_deadline() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    for at in [3, 9, 12, 25] {
        lone.run_to(MS * at);
        lone.hear_unicast(peer(u16::try_from(at).expect("small")), &nack(1, &[(5, 5)]));
    }
    lone.run_to(90 * MS);
    assert_eq!(beat_times(&lone), [(10, 20), (30, 50), (80, 50)]);
}

// RMC-HB-6, RMC-HB-1
#[test]
fn rmc_hb_6_an_answer_before_the_first_data_promises_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(1), &nack(1, &[(5, 5)]));
    assert_eq!(lone.sent.iter().map(fields).collect::<Vec<_>>(), [(NO_PROMISE, 0, 0, 1, 0)]);
}

// RMC-HB-6
#[test]
fn rmc_hb_6_a_heartbeat_tells_how_many_peers_are_known() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.run_to(10 * MS);
    for index in 0..7 {
        lone.hear(peer(index), &data(1));
    }
    lone.run_to(30 * MS);
    let groups: Vec<_> =
        lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Heartbeat { .. })).map(fields).collect();
    assert_eq!(groups, [(1, 20_000, 0, 0, 0), (2, 50_000, 0, 7, 0)]);
}

// RMC-HB-4, RMC-REPAIR-11
#[test]
fn rmc_hb_4_nothing_but_data_and_heartbeats_moves_the_deadline_later() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(5);
    for at in 1..10_u32 {
        lone.run_to(MS * at);
        lone.hear_unicast(peer(1), &nack(at, &[(1, 5)]));
        lone.hear(peer(0), &data(u64::from(3 * at)));
        lone.node.reset(lone.instant()).expect("it may send");
        lone.settle();
    }
    assert_eq!(beats(&lone), []);
    lone.run_to(10 * MS - NS);
    assert_eq!(beats(&lone), []);
    lone.run_to(10 * MS);
    assert_eq!(beats(&lone).len(), 1);
}

/// Private streams have an index and deadlines of their own.
// RMC-HB-1, RMC-PRIV-1
#[test]
fn rmc_hb_1_there_is_one_index_a_stream() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.run_to(100 * MS);
    forget(&mut lone);
    lone.node.send_to(lone.instant(), peer(3), b"private").expect("there is room");
    lone.run_to(135 * MS);
    let mut indices: Vec<_> = lone.sent.iter().map(|sent| (sent.at, sent.private, index_of(sent))).collect();
    indices.sort_unstable();
    let expected = [(100 * MS, true, 0), (110 * MS, true, 1), (130 * MS, false, 4), (130 * MS, true, 2)];
    assert_eq!(indices, expected);
}

// RMC-HB-1, RMC-PRIV-4
#[test]
fn rmc_hb_1_an_acknowledged_private_stream_promises_nothing() {
    let mut lone = Lone::new(|_| {});
    for _ in 0..2 {
        lone.node.send_to(lone.instant(), peer(3), b"private").expect("there is room");
    }
    lone.run_to(15 * MS);
    lone.hear_unicast(peer(3), &ack(Flags::PRIVATE, OWN, 1));
    lone.run_to(35 * MS);
    assert!(lone.sent.iter().any(|sent| sent.at == 30 * MS && sent.private), "2 waits for its Ack");
    lone.hear_unicast(peer(3), &ack(Flags::PRIVATE, OWN, 2));
    forget(&mut lone);
    lone.run_to(10 * SECOND);
    assert_eq!(lone.sent(), []);
    lone.node.send_to(lone.instant(), peer(3), b"more").expect("there is room");
    lone.settle();
    assert_eq!(index_of(&lone.sent[0]), 0, "until the next Data");
}

// RMC-LIVE-2
#[test]
fn rmc_live_2_an_index_beyond_everything_told_means_the_default_table_s_last_interval() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data_with(Flags::NONE, 77, EPOCH, 1));
    assert_eq!(misses(&mut lone, 750 * MS - NS), []);
    assert_eq!(misses(&mut lone, 750 * MS), [(750 * MS, 1)]);
}

fn recovered(lone: &mut Lone) -> usize {
    lone.told(|event| (event == Event::PeerRecovered { peer: peer(0) }).then_some(())).len()
}

/// Whatever kind it is.
// RMC-LIVE-4, RMC-PEER-5
#[test]
fn rmc_live_4_the_next_packet_of_the_stream_is_a_recovery() {
    let packets = [data(1), data(2), repair(2), heartbeat(1), reset(1, 0), crate::packets::lost(1, 1, 0)];
    for bytes in packets {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1]);
        lone.run_to(SECOND);
        lone.hear(peer(0), &bytes);
        assert_eq!(recovered(&mut lone), 1);
        assert_eq!(lone.stream().missed_heartbeats, 0);
    }
    for bytes in [nack(1, &[(1, 1)]), ack(Flags::NONE, OWN, 0), ack(Flags::PRIVATE, OWN, 0)] {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1]);
        lone.run_to(SECOND);
        lone.hear_unicast(peer(0), &bytes);
        assert_eq!(recovered(&mut lone), 1, "Nacks and Acks count for the group's stream");
    }
}

/// The count begins anew after a recovery.
// RMC-LIVE-4
#[test]
fn rmc_live_4_misses_in_a_row_are_counted() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat(1));
    assert_eq!(misses(&mut lone, 1_300 * MS), [(750 * MS, 1), (1_250 * MS, 2)]);
    lone.events.clear();
    lone.hear(peer(0), &heartbeat(1));
    assert_eq!(misses(&mut lone, 2_100 * MS), [(2_050 * MS, 1)]);
}

// RMC-LIVE-5
#[test]
fn rmc_live_5_nothing_is_expected_after_interval_0_or_end() {
    for last in [heartbeat_with(Flags::NONE, 3, 1, Duration::ZERO), heartbeat_with(Flags::END, 3, 1, 10 * MS)] {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1, 2, 3]);
        lone.hear(peer(0), &last);
        assert_eq!(misses(&mut lone, 29 * SECOND), []);
    }
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 3, 1, 10 * MS));
    lone.hear(peer(0), &repair(2));
    assert_eq!(misses(&mut lone, 29 * SECOND), [], "what is missing after the END is asked for, not waited for");
}

// RMC-END-4
#[test]
fn rmc_end_4_what_is_missing_up_to_the_end_is_asked_for() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 4, 1, 10 * MS));
    assert_eq!(lone.asked(), [2, 3, 4]);
    lone.hear_all([3, 4]);
    assert_eq!(lone.take(), [message(1)]);
    lone.hear(peer(0), &crate::packets::lost(2, 2, 0));
    let expected = [lost(2, 2, LossCause::Lost), message(3), message(4), Item::Ended(EndCause::Finished)];
    assert_eq!(lone.take(), expected, "given up is as good as delivered");
}

// RMC-END-4: a forged END mutes nobody.
#[test]
fn rmc_end_4_a_number_above_the_end_shows_that_it_was_none() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 2, 1, 10 * MS));
    lone.hear_all([3]);
    assert_eq!((lone.node.stats().rx.ends_withdrawn, lone.stream().known, lone.stream().finished), (1, 3, false));
    lone.hear_all([2]);
    assert_eq!(lone.take(), [message(1), message(2), message(3)]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 3, 1, 10 * MS));
    assert_eq!(lone.take(), [Item::Ended(EndCause::Finished)]);
    lone.sent.clear();
    lone.hear_all([5]);
    // 2 was only late, so that 4 may be.
    lone.run_for(MS);
    assert_eq!((lone.asked(), lone.node.stats().rx.ends_withdrawn), (vec![4], 2), "it goes on, and nothing is missed");
    lone.hear_all([4]);
    assert_eq!(lone.take(), [message(4), message(5)]);
}

// RMC-END-4
#[test]
fn rmc_end_4_an_end_below_what_is_known_is_none() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2, 3]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 2, 1, 10 * MS));
    assert_eq!(lone.take(), [message(1), message(2), message(3)]);
    assert!(!lone.stream().finished);
    lone.hear_all([4]);
    assert_eq!(lone.take(), [message(4)]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 4, 1, 10 * MS));
    assert_eq!(lone.take(), [Item::Ended(EndCause::Finished)], "one at what is known is one");
}

/// Each END of the run says the same; it is told once, and the peer expires without another word.
// RMC-END-4
#[test]
fn rmc_end_4_the_end_is_told_once() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    for interval in [10 * MS, 20 * MS, Duration::ZERO] {
        lone.hear(peer(0), &heartbeat_with(Flags::END, 1, 1, interval));
    }
    assert_eq!(lone.take(), [message(1), Item::Ended(EndCause::Finished)]);
    let finished = lone.told(|event| matches!(event, Event::PeerFinished { .. }).then_some(event));
    assert_eq!(finished, [Event::PeerFinished { peer: peer(0), seq: 1 }]);
    lone.run_for(31 * SECOND);
    assert_eq!(lone.node.peer(peer(0)), None);
    assert_eq!(lone.take(), []);
    assert_eq!(lone.told(|event| matches!(event, Event::PeerExpired { .. }).then_some(())), []);
}

/// A sender that restarts after its END is a new one.
// RMC-END-4, RMC-EPOCH-3
#[test]
fn rmc_end_4_a_finished_sender_may_come_again_with_a_new_epoch() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 1, 1, 10 * MS));
    // After END nothing is promised.
    lone.run_to(SECOND);
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH + 1, 1));
    let ended = Item::Ended(EndCause::Finished);
    assert_eq!(lone.take(), [message(1), ended, Item::Restarted(EPOCH + 1), message(1)]);
}

/// What is cached of a broken private stream ends with its peer too.
// RMC-PEER-6, RMC-PEER-9
#[test]
fn rmc_peer_6_private_streams_end_with_their_peer() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 1));
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 3));
    lone.run_to(30 * SECOND);
    let gone = lost(2, 2, LossCause::Expired);
    assert_eq!(lone.take(), [message(1), gone, message(3), Item::Ended(EndCause::Expired)]);
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 3));
    assert_eq!(lone.take(), [], "and is remembered");
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 4));
    assert_eq!(lone.take(), [message(4)]);
}

/// For a silent node a stream's oldest number is what nobody will repair.
// RMC-SILENT-2, RMC-LOST-6
#[test]
fn rmc_silent_2_a_gap_that_is_repaired_in_part_waits_for_the_rest_only() {
    let mut lone = Lone::new(|config| config.silent = true);
    lone.hear_all([1, 5]);
    lone.run_to(300 * MS);
    lone.hear(peer(0), &repair(3));
    lone.run_to(499 * MS);
    lone.take();
    lone.run_to(SECOND);
    let gone = |seq| lost(seq, seq, LossCause::Silent);
    assert_eq!(lone.take(), [gone(2), message(3), gone(4), message(5)]);
    assert_eq!(lone.sent(), []);
}

/// A PRIVATE Heartbeat and its Ack do not tell the group's liveness.
// RMC-ACTIVE-1
#[test]
fn rmc_active_1_private_packets_are_dropped_too() {
    let mut lone = Lone::new(|_| {});
    lone.node.deactivate(lone.instant());
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 1));
    let body = Body::Heartbeat { oldest: 1, interval: 500_000, backoff: 0, group: 0, rtt: 0 };
    lone.hear_unicast(peer(0), &encode(Flags::PRIVATE, 0, EPOCH, 1, body));
    assert_eq!(lone.node.stats().dropped.inactive, 2);
    assert_eq!((lone.take(), lone.sent()), (vec![], vec![]), "nothing is delivered, and nothing acknowledged");
}

/// A finishing node that follows nothing announces its end all the same.
// RMC-ACTIVE-2, RMC-END-1
#[test]
fn rmc_active_2_a_deactivated_node_finishes_as_any_other() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    lone.node.deactivate(lone.instant());
    lone.node.finish(lone.instant(), 2 * SECOND);
    lone.run_to(500 * MS);
    let ends = beats(&lone).iter().filter(|beat| beat.end).count();
    assert_eq!(ends, 7, "at 0, 10, 30, 80, 130, 205 and 305 ms");
    forget(&mut lone);
    lone.hear_unicast(peer(1), &nack(1, &[(2, 2)]));
    assert_eq!(lone.sent(), [Sent::Repair(2)]);
    lone.run_to(2_500 * MS - NS);
    assert!(!lone.node.is_closed());
    lone.run_to(2_500 * MS);
    assert!(lone.node.is_closed());
}

/// A packet that the socket refused does not keep a node from ending.
// RMC-END-1, RMC-SEND-4
#[test]
fn rmc_end_1_what_comes_back_leaves_before_the_end() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![20 * MS]);
    for _ in 0..3 {
        lone.node.send(lone.instant(), b"a").expect("there is room");
    }
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Data(1)));
    lone.node.transmit_failed(lone.instant(), true);
    lone.node.finish(lone.instant(), Duration::ZERO);
    lone.run_for(SECOND);
    assert!(lone.node.is_closed());
    let sent = lone.sent();
    assert_eq!(sent[..3], [1, 2, 3].map(Sent::Data));
    assert!(sent[3..].iter().all(|sent| matches!(sent, Sent::Heartbeat { seq: 3, end: true, .. })), "{sent:?}");
    assert_eq!(sent.len(), 5);
}

/// A private stream whose receiver never acknowledges is dropped in the linger as at any other time.
// RMC-END-3, RMC-PRIV-5
#[test]
fn rmc_end_3_an_abandoned_private_stream_does_not_keep_a_node_open() {
    let mut lone = Lone::new(|_| {});
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    lone.settle();
    lone.node.finish(lone.instant(), 100 * SECOND);
    lone.run_to(100 * SECOND - NS);
    assert!(!lone.node.is_closed());
    let abandoned = lone.events.iter().filter(|(_, event)| matches!(event, Event::PrivateAbandoned { .. }));
    assert_eq!(abandoned.map(|&(at, _)| at).collect::<Vec<_>>(), [30 * SECOND]);
    lone.run_to(100 * SECOND);
    assert!(lone.node.is_closed());
}

/// The last Ack comes while the end is being announced: there is nothing more to announce.
// RMC-END-1, RMC-PRIV-4
#[test]
fn rmc_end_1_an_ack_ends_the_run_of_its_private_stream() {
    let mut lone = Lone::new(|_| {});
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    lone.settle();
    lone.node.finish(lone.instant(), 2 * SECOND);
    lone.run_to(15 * MS);
    lone.hear_unicast(peer(1), &ack(Flags::PRIVATE, OWN, 1));
    forget(&mut lone);
    lone.run_to(2 * SECOND - NS);
    assert_eq!((lone.sent(), lone.node.is_closed()), (vec![], false));
    lone.run_to(2 * SECOND);
    assert!(lone.node.is_closed());
}

/// A linger without end is possible; `close` ends it.
// RMC-END-3
#[test]
fn rmc_end_3_a_linger_without_end() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.node.finish(lone.instant(), Duration::MAX);
    lone.run_to(100_000 * SECOND);
    assert!(!lone.node.is_closed());
    lone.hear_unicast(peer(1), &nack(1, &[(2, 2)]));
    assert_eq!(lone.sent.last().map(|sent| sent.what.clone()), Some(Sent::Repair(2)));
    lone.node.close(lone.instant());
    assert!(lone.node.is_closed());
}

/// Whatever it is that a peer returns with, its stream goes on where it stood.
// RMC-PEER-7
#[test]
fn rmc_peer_7_a_peer_may_return_with_any_packet() {
    let gone = |cause| vec![lost(3, 3, cause)];
    let cases = [
        (heartbeat(4), vec![3, 4], vec![]),
        (crate::packets::lost(1, 3, 0), vec![], gone(LossCause::Lost)),
        (reset(3, 0), vec![], gone(LossCause::Reset)),
        (repair(2), vec![], vec![]),
    ];
    for policy in [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart] {
        for (bytes, asked, items) in &cases {
            let mut lone = Lone::new(|config| config.join_policy = policy);
            lone.hear_all([1, 2]);
            lone.run_to(30 * SECOND);
            lone.take();
            lone.hear(peer(0), bytes);
            assert_eq!((&lone.asked(), &lone.take()), (asked, items), "{policy:?}");
        }
    }
}

// RMC-HB-6
#[test]
fn rmc_hb_6_a_private_heartbeat_names_one_receiver() {
    let mut lone = Lone::new(|_| {});
    for index in 0..7 {
        lone.hear(peer(index), &data(1));
    }
    lone.node.send_to(lone.instant(), peer(3), b"private").expect("there is room");
    lone.run_to(10 * MS);
    let beats: Vec<_> =
        lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Heartbeat { .. })).map(fields).collect();
    assert_eq!(beats, [(1, 20_000, 0, 1, 0)]);
}

/// What this node says or does not say is no sign of life of its peers.
// RMC-PEER-6, RMC-PEER-5
#[test]
fn rmc_peer_6_set_silent_does_not_prolong_a_peer_s_life() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    for (at, silent) in [(10, true), (20, false)] {
        lone.run_to(SECOND * at);
        lone.node.set_silent(lone.instant(), silent);
        lone.drain();
        assert_eq!(lone.node.peer(peer(0)).map(|peer| peer.silence), Some(SECOND * at));
    }
    lone.run_to(30 * SECOND - NS);
    assert!(lone.node.peer(peer(0)).is_some());
    lone.run_to(30 * SECOND);
    assert_eq!(lone.node.peer(peer(0)), None);
}

/// What is over is over: nothing is asked for and nothing comes behind `Ended`, until a number above END's shows that
/// it was none. Then what is missing up to there is asked for, and the stream may end a second time.
// RMC-END-4
#[test]
fn rmc_end_4_nothing_is_asked_for_behind_an_end_that_stands() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 1, 1, 10 * MS));
    assert_eq!(lone.take(), [message(1), Item::Ended(EndCause::Finished)]);
    lone.hear(peer(0), &heartbeat(1));
    lone.run_for(SECOND);
    assert_eq!((lone.asked(), lone.take()), (vec![], vec![]));
    lone.hear(peer(0), &heartbeat(9));
    assert_eq!(lone.asked(), (2..=9).collect::<Vec<_>>());
    lone.hear_all(2..=9);
    lone.hear(peer(0), &heartbeat_with(Flags::END, 9, 1, 10 * MS));
    assert_eq!(lone.take()[8..], [Item::Ended(EndCause::Finished)]);
}
