//! The seed's rule S18: private streams, as their sender has them.

use rmc_core::packet::{Flags, NO_PROMISE};
use rmc_core::{Event, SendError};

use crate::given::{decoded, last_stamp, private_ack, private_nack, send_private, sent_to};
use crate::lone::{Lone, MS, OWN, SECOND, Sent, Transmission, peer};
use crate::packets::{self, nack};

/// A node that has sent `count` private messages to `peer(1)`.
fn with_private(count: u64) -> Lone {
    let mut lone = Lone::new(|_| {});
    for _ in 0..count {
        send_private(&mut lone, 1);
    }
    lone.sent.clear();
    lone.events.clear();
    lone
}

fn heartbeats(sent: &[Transmission]) -> Vec<(std::net::SocketAddr, bool, std::time::Duration)> {
    let beats = sent.iter().filter(|sent| matches!(sent.what, Sent::Heartbeat { .. }));
    beats.map(|sent| (sent.to, sent.private, sent.at)).collect()
}

// RMC-PRIV-1
#[test]
fn seed_s18_a_private_stream_has_numbers_from_1_and_heartbeats_of_its_own() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.run_to(5 * MS);
    lone.sent.clear();
    assert_eq!((send_private(&mut lone, 1), send_private(&mut lone, 1)), (1, 2));
    lone.run_to(40 * MS);
    let private: Vec<_> = lone.sent.iter().filter(|sent| sent.private).collect();
    assert!(private.iter().all(|sent| sent.to == peer(1)));
    assert!(private.iter().all(|sent| decoded(sent).flags.contains(Flags::PRIVATE)));
    let what: Vec<_> = private.iter().map(|sent| (sent.at, sent.what.clone())).collect();
    let beat = |interval| Sent::Heartbeat { seq: 2, oldest: 1, interval, end: false };
    assert_eq!(
        what,
        [(5 * MS, Sent::Data(1)), (5 * MS, Sent::Data(2)), (15 * MS, beat(20 * MS)), (35 * MS, beat(50 * MS)),]
    );
    // The group's go on by their own time.
    let group: Vec<_> = heartbeats(&lone.sent).into_iter().filter(|beat| !beat.1).map(|beat| beat.2).collect();
    assert_eq!(group, [10 * MS, 30 * MS]);
}

/// PRIVATE on a NACK means the stream of the one that is asked to the one that asks.
// RMC-PRIV-2, RMC-PRIV-1
#[test]
fn seed_s18_a_private_nack_is_for_the_stream_to_the_asker() {
    let mut lone = with_private(3);
    lone.send_all(3);
    lone.sent.clear();
    // The other direction has its own numbers, and does not matter.
    lone.hear_unicast(peer(1), &packets::data_with(Flags::PRIVATE, 0, crate::lone::EPOCH, 1));
    lone.hear_unicast(peer(1), &private_nack(5, 2, 2));
    lone.hear_unicast(peer(1), &nack(6, &[(3, 3)]));
    let told: Vec<_> = lone.sent.iter().map(|sent| (sent.private, sent.to, sent.what.clone())).collect();
    assert_eq!(told, [(true, peer(1), Sent::Repair(2)), (false, peer(1), Sent::Repair(3))]);
}

/// Each private stream is its receiver's alone.
// RMC-PRIV-1, RMC-PRIV-7
#[test]
fn seed_s18_nobody_else_gets_a_private_packet_by_asking() {
    let mut lone = with_private(3);
    lone.hear_unicast(peer(2), &private_nack(5, 1, 3));
    assert!(lone.sent.iter().all(|sent| !matches!(sent.what, Sent::Repair(_))), "{:?}", lone.sent);
}

// RMC-PRIV-4
#[test]
fn seed_s18_when_the_last_number_is_acknowledged_heartbeats_stop_and_the_backlog_is_freed() {
    let mut lone = with_private(3);
    assert_eq!(lone.node.stats().held.backlog_packets, 3);
    lone.hear_unicast(peer(1), &private_ack(3));
    assert_eq!((lone.node.stats().held.backlog_packets, lone.node.stats().held.backlog_bytes), (0, 0));
    lone.run_for(5 * SECOND);
    assert_eq!(lone.sent(), []);
    let acks = lone.told(|event| if let Event::GotAck { peer, seq, .. } = event { Some((peer, seq)) } else { None });
    assert_eq!(acks, [(peer(1), 3)]);
}

// RMC-PRIV-4
#[test]
fn seed_s18_one_number_less_acknowledged_and_they_go_on() {
    let mut lone = with_private(3);
    lone.hear_unicast(peer(1), &private_ack(2));
    assert_eq!(lone.node.stats().held.backlog_packets, 1, "what is acknowledged is freed");
    lone.run_for(SECOND);
    assert!(heartbeats(&lone.sent).len() > 5);
    let Some(Sent::Heartbeat { seq, oldest, .. }) = lone.sent().into_iter().next() else { panic!("a heartbeat") };
    assert_eq!((seq, oldest), (3, 3));
    lone.hear_unicast(peer(1), &private_ack(3));
    lone.run_for(5 * SECOND);
    assert_eq!(lone.sent(), []);
}

/// Until the next data: then all of it goes on, with the next number.
// RMC-PRIV-4, RMC-HB-1
#[test]
fn seed_s18_an_acknowledged_stream_promises_nothing_until_its_next_data() {
    let mut lone = with_private(3);
    lone.hear_unicast(peer(1), &private_ack(3));
    // Its Ack says more than it had: it asks for what is gone.
    lone.hear_unicast(peer(1), &private_nack(9, 3, 3));
    let answer = lone.sent.remove(0);
    assert_eq!((answer.what.clone(), answer.private, answer.stamp), (Sent::Reset(3), true, 9));
    assert_eq!(decoded(&answer).heartbeat, NO_PROMISE);
    lone.sent.clear();
    assert_eq!(send_private(&mut lone, 1), 4);
    let data = lone.sent.remove(0);
    assert_eq!((data.what.clone(), decoded(&data).heartbeat), (Sent::Data(4), 0));
    lone.run_for(10 * MS);
    assert_eq!(heartbeats(&lone.sent).len(), 1);
}

/// An Ack that is older than one before, or for more than was sent, changes nothing.
// RMC-ACK-2
#[test]
fn seed_s18_acks_only_move_forward_and_never_past_the_last_number() {
    let mut lone = with_private(5);
    lone.hear_unicast(peer(1), &private_ack(3));
    lone.hear_unicast(peer(1), &private_ack(1));
    assert_eq!(lone.node.stats().held.backlog_packets, 2);
    lone.hear_unicast(peer(1), &private_ack(6));
    assert_eq!((lone.node.stats().held.backlog_packets, lone.node.stats().dropped.ack_beyond), (2, 1));
    lone.hear_unicast(peer(1), &private_ack(5));
    assert_eq!(lone.node.stats().held.backlog_packets, 0);
}

/// What was acknowledged stays so: nothing is abandoned, nor told, for an older Ack.
// RMC-ACK-2, RMC-PRIV-4, RMC-PRIV-5
#[test]
fn seed_s18_an_older_ack_takes_nothing_back() {
    let mut lone = with_private(5);
    lone.hear_unicast(peer(1), &private_ack(5));
    lone.hear_unicast(peer(1), &private_ack(3));
    assert_eq!(lone.node.unacknowledged(peer(1)), None);
    lone.run_for(100 * SECOND);
    assert!(!lone.events.iter().any(|(_, event)| matches!(event, Event::PrivateAbandoned { .. })));
    assert_eq!(lone.node.stats().held.private_streams, 1);
}

/// A node with two private streams at most.
fn with_two_private() -> Lone {
    let mut lone = Lone::new(|config| config.max_private = 2);
    for index in [1, 1, 1, 2] {
        send_private(&mut lone, index);
    }
    lone.sent.clear();
    lone
}

// RMC-PRIV-8
#[test]
fn seed_s18_there_are_max_private_streams() {
    let mut lone = with_two_private();
    assert_eq!(lone.node.stats().held.private_streams, 2);
    assert_eq!((send_private(&mut lone, 1), send_private(&mut lone, 2)), (4, 2));
}

// RMC-PRIV-8
#[test]
fn seed_s18_there_is_not_one_private_stream_more() {
    let mut lone = with_two_private();
    let before = lone.node.stats();
    assert_eq!(lone.node.send_to(lone.instant(), peer(3), b"x"), Err(SendError::TooManyPrivate(2)));
    lone.settle();
    assert_eq!((lone.sent(), lone.node.stats().held), (vec![], before.held));
    // Acknowledged in part is not idle.
    lone.hear_unicast(peer(1), &private_ack(2));
    assert_eq!(lone.node.send_to(lone.instant(), peer(3), b"x"), Err(SendError::TooManyPrivate(2)));
    let mut none = Lone::new(|config| config.max_private = 0);
    assert_eq!(none.node.send_to(none.instant(), peer(1), b"x"), Err(SendError::TooManyPrivate(0)));
}

// RMC-PRIV-8
#[test]
fn seed_s18_the_one_that_is_idle_and_acknowledged_longest_makes_room() {
    for (early, late) in [(1, 2), (2, 1)] {
        let mut lone = with_two_private();
        let last = |index: u16| if index == 1 { 3 } else { 1 };
        lone.hear_unicast(peer(early), &private_ack(last(early)));
        lone.run_for(MS);
        lone.hear_unicast(peer(late), &private_ack(last(late)));
        lone.run_for(MS);
        send_private(&mut lone, 3);
        assert_eq!(lone.node.stats().held.private_streams, 2);
        // The later one goes on, the earlier one is gone.
        lone.sent.clear();
        assert_eq!(send_private(&mut lone, late), last(late) + 1);
        assert_eq!(sent_to(&mut lone), [(peer(late), Sent::Data(last(late) + 1))]);
        assert_eq!(lone.node.send_to(lone.instant(), peer(early), b"x"), Err(SendError::TooManyPrivate(2)));
    }
}

// RMC-PRIV-6
#[test]
fn seed_s18_one_made_again_begins_above_all_that_dropped_ones_used_and_says_so() {
    let mut lone = with_two_private();
    lone.hear_unicast(peer(1), &private_ack(3));
    assert_eq!(send_private(&mut lone, 3), 4, "peer 3 never had one, but it may have had one of this epoch");
    let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.private, sent.what, sent.stamp)).collect();
    assert_eq!(told, [(peer(3), true, Sent::Reset(3), 0), (peer(3), true, Sent::Data(4), 0)]);
    // The one of peer 1 is made again, in place of that of peer 2, which had used less.
    lone.hear_unicast(peer(2), &private_ack(1));
    assert_eq!(send_private(&mut lone, 1), 4);
    assert_eq!(sent_to(&mut lone), [(peer(1), Sent::Reset(3)), (peer(1), Sent::Data(4))]);
}

/// Its receiver takes it up there, and delivers nothing twice.
// RMC-PRIV-6, RMC-PRIV-3
#[test]
fn seed_s18_the_receiver_goes_on_with_one_made_again() {
    let mut lone = with_two_private();
    let mut receiver = Lone::new(|_| {});
    for seq in 1..=3 {
        let first = packets::data_with(Flags::PRIVATE, 0, crate::lone::EPOCH, seq);
        receiver.hear_unicast(peer(0), &first);
    }
    assert_eq!(receiver.take().len(), 3);
    lone.hear_unicast(peer(1), &private_ack(3));
    send_private(&mut lone, 3);
    lone.hear_unicast(peer(3), &private_ack(4));
    lone.sent.clear();
    assert_eq!(send_private(&mut lone, 1), 5);
    let hear = |receiver: &mut Lone, lone: &mut Lone| {
        for sent in lone.sent.drain(..) {
            let mut bytes = sent.bytes;
            bytes[4..8].copy_from_slice(&crate::lone::EPOCH.to_be_bytes());
            receiver.hear_unicast(peer(0), &bytes);
        }
    };
    hear(&mut receiver, &mut lone);
    // The Reset that nobody asked for makes it ask once; then it knows.
    let stamp = last_stamp(&receiver);
    assert_eq!(receiver.sent(), [Sent::Nack(vec![(4, 4)])]);
    lone.hear_unicast(peer(1), &private_nack(stamp, 4, 4));
    hear(&mut receiver, &mut lone);
    let items = receiver.take();
    let [crate::lone::Item::Lost(gone, _), crate::lone::Item::Message { seq: 5, .. }] = &items[..] else {
        panic!("{items:?}");
    };
    assert_eq!(gone[..], [(4, 4)]);
    assert_eq!(receiver.sent(), []);
}

/// Nothing is promised and nothing kept: the answer says where a stream would begin.
// RMC-PRIV-7
#[test]
fn seed_s18_a_private_nack_without_a_stream_is_answered_with_heartbeat_0() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &private_nack(7, 1, 2));
    assert_eq!(lone.sent.len(), 1);
    let answer = &lone.sent[0];
    let beat = Sent::Heartbeat { seq: 0, oldest: 1, interval: std::time::Duration::ZERO, end: false };
    assert_eq!((answer.to, answer.private, &answer.what), (peer(1), true, &beat));
    assert_eq!(decoded(answer).heartbeat, NO_PROMISE);
    // At most one in the shortest interval.
    lone.run_for(9 * MS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &private_nack(8, 1, 2));
    assert_eq!(lone.sent(), []);
    lone.run_for(MS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &private_nack(9, 1, 2));
    assert_eq!(lone.sent(), [beat]);
}

// RMC-PRIV-7
#[test]
fn seed_s18_a_private_nack_for_a_dropped_stream_is_answered_with_reset() {
    let mut lone = with_two_private();
    lone.hear_unicast(peer(1), &private_ack(3));
    send_private(&mut lone, 3);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &private_nack(7, 2, 3));
    let told: Vec<_> = lone.sent.iter().map(|sent| (sent.to, sent.private, sent.what.clone(), sent.stamp)).collect();
    assert_eq!(told, [(peer(1), true, Sent::Reset(3), 7)]);
}

fn abandoned(lone: &mut Lone) -> Vec<(u64, u64)> {
    lone.told(|event| match event {
        Event::PrivateAbandoned { peer: receiver, unacknowledged } => {
            assert_eq!(receiver, peer(1));
            Some((unacknowledged.first(), unacknowledged.last()))
        }
        _ => None,
    })
}

// RMC-PRIV-5
#[test]
fn seed_s18_a_stream_that_nobody_acknowledges_is_dropped_and_told_after_the_timeout() {
    let mut lone = with_private(3);
    lone.hear_unicast(peer(1), &private_ack(1));
    lone.run_to(30 * SECOND - MS);
    assert_eq!((abandoned(&mut lone), lone.node.stats().held.private_streams), (vec![], 1));
    lone.run_to(30 * SECOND);
    assert_eq!(abandoned(&mut lone), [(2, 3)]);
    assert_eq!((lone.node.stats().held.private_streams, lone.node.stats().held.backlog_packets), (0, 0));
    lone.sent.clear();
    lone.run_for(5 * SECOND);
    assert_eq!(lone.sent(), []);
}

// RMC-PRIV-5
#[test]
fn seed_s18_a_private_ack_or_nack_keeps_it() {
    for sign in [private_ack(1), private_nack(1, 2, 2)] {
        let mut lone = with_private(3);
        lone.run_to(29 * SECOND);
        lone.hear_unicast(peer(1), &sign);
        lone.run_to(58 * SECOND);
        assert_eq!(abandoned(&mut lone), []);
        lone.run_to(59 * SECOND);
        assert_eq!(abandoned(&mut lone).len(), 1);
    }
}

/// That the node lives is not enough: of the private stream nothing was heard.
// RMC-PRIV-5
#[test]
fn seed_s18_other_packets_do_not_keep_it() {
    let mut lone = with_private(1);
    for second in 1..30 {
        lone.run_to(second * SECOND);
        lone.hear_unicast(peer(1), &packets::ack(Flags::NONE, OWN, 0));
        lone.hear(peer(1), &packets::data(1));
    }
    lone.run_to(30 * SECOND);
    assert_eq!(abandoned(&mut lone), [(1, 1)]);
}

// RMC-PRIV-5
#[test]
fn seed_s18_an_acknowledged_stream_waits_for_nobody() {
    let mut lone = with_private(3);
    lone.hear_unicast(peer(1), &private_ack(3));
    lone.run_to(100 * SECOND);
    assert_eq!((abandoned(&mut lone), lone.node.stats().held.private_streams), (vec![], 1));
    // The wait begins with the next message.
    send_private(&mut lone, 1);
    lone.run_to(130 * SECOND - MS);
    assert_eq!(abandoned(&mut lone), []);
    lone.run_to(130 * SECOND);
    assert_eq!(abandoned(&mut lone), [(4, 4)]);
}
