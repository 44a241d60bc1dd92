//! Rules of the seed about nodes that say nothing, or listen to nothing: S28, S29, S30.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, RangesBuilder};
use rmc_core::{Config, Event, JoinPolicy, LossCause, Path, SendError, SeqRange};

use crate::lone::{EPOCH, Lone, MS, NS, OWN, SECOND, Sent, lost, message, peer};
use crate::observed::{beat_times, forget, misses};
use crate::packets::{self, ack, data, data_with, encode, heartbeat, nack, payload, repair, reset, times};

fn silent() -> Lone {
    Lone::new(|config| config.silent = true)
}

/// A Heartbeat of a private stream, which anybody else would acknowledge.
fn private_heartbeat() -> Vec<u8> {
    let body = Body::Heartbeat { oldest: 1, interval: 500_000, backoff: 0, group: 0, rtt: 0 };
    encode(Flags::PRIVATE, 0, EPOCH, 3, body)
}

// RMC-SILENT-1
#[test]
fn seed_s28_a_silent_node_never_sends_anything() {
    let mut lone = Lone::new(|config| {
        config.silent = true;
        config.announce = true;
    });
    lone.hear_all([1, 2, 5]);
    lone.hear(peer(0), &heartbeat(9));
    lone.hear_unicast(peer(0), &private_heartbeat());
    lone.hear_unicast(peer(1), &nack(1, &[(1, 3)]));
    lone.hear_unicast(peer(1), &packets::nack_to(OWN - 1, Flags::NONE, 1, &[(1, 3)]));
    lone.node.set_heartbeat_times(lone.instant(), &[SECOND], 0).expect("a legal table");
    lone.run_for(60 * SECOND);
    lone.node.finish(lone.instant(), SECOND);
    lone.run_for(60 * SECOND);
    assert_eq!(lone.sent(), []);
    assert_eq!(lone.node.stats().tx.packets, 0);
    assert!(lone.node.is_closed());
}

// RMC-SILENT-1, RMC-LOCAL-6
#[test]
fn seed_s28_send_says_that_the_node_is_silent() {
    let mut lone = silent();
    assert_eq!(lone.node.send(lone.instant(), b"a"), Err(SendError::Silent));
    assert_eq!(lone.node.send_to(lone.instant(), peer(1), b"a"), Err(SendError::Silent));
    assert_eq!(lone.node.send_at(lone.instant(), 5, b"a"), Err(SendError::Silent));
    assert_eq!(lone.node.reset(lone.instant()), Err(SendError::Silent));
    assert_eq!((lone.node.next_seq(), lone.node.send_capacity().packets), (1, 0));
}

/// The configuration said `FromStart`.
// RMC-SILENT-1, RMC-JOIN-1
#[test]
fn seed_s28_silence_turns_the_join_policy_to_now() {
    let mut lone = silent();
    assert_eq!(lone.node.config().join_policy, JoinPolicy::Now);
    lone.hear_all([7, 8]);
    assert_eq!(lone.take(), [message(7), message(8)]);
}

/// 2 is missing from the time 100 ms on.
fn waiting() -> Lone {
    let mut lone = silent();
    lone.hear_all([1]);
    lone.run_to(100 * MS);
    lone.hear_all([3]);
    assert_eq!(lone.take(), [message(1)]);
    lone
}

// RMC-SILENT-2
#[test]
fn seed_s28_within_the_silent_gap_somebody_else_s_repair_is_waited_for() {
    let mut lone = waiting();
    assert_eq!(lone.node.config().silent_gap, 500 * MS);
    lone.run_to(600 * MS - NS);
    assert_eq!(lone.take(), []);
    lone.hear(peer(0), &repair(2));
    assert_eq!(lone.take(), [message(2), message(3)]);
}

// RMC-SILENT-2
#[test]
fn seed_s28_past_the_silent_gap_the_range_is_reported_and_the_stream_goes_on() {
    let mut lone = waiting();
    lone.run_to(600 * MS);
    assert_eq!(lone.take(), [lost(2, 2, LossCause::Silent), message(3)]);
    lone.hear_all([4]);
    assert_eq!(lone.take(), [message(4)]);
    lone.hear(peer(0), &repair(2));
    assert_eq!(lone.take(), [], "too late");
}

/// Each gap has a wait of its own, and the configured one.
// RMC-SILENT-2
#[test]
fn seed_s28_each_gap_waits_for_itself() {
    let mut lone = Lone::new(|config| {
        config.silent = true;
        config.silent_gap = 50 * MS;
    });
    lone.hear_all([1, 4]);
    lone.run_to(20 * MS);
    lone.hear(peer(0), &heartbeat(7));
    lone.take();
    lone.run_to(50 * MS);
    assert_eq!(lone.take(), [lost(2, 3, LossCause::Silent), message(4)]);
    lone.run_to(70 * MS - NS);
    assert_eq!(lone.take(), []);
    lone.run_to(70 * MS);
    assert_eq!(lone.take(), [lost(5, 7, LossCause::Silent)]);
}

/// It never asks, so that it has to take what it hears, however far it goes.
// RMC-SILENT-3
#[test]
fn seed_s28_a_silent_node_takes_every_lost_and_every_reset_whole() {
    let far = 1_000_000;
    for (bytes, cause) in [(packets::lost(2, far, 0), LossCause::Lost), (reset(far, 0), LossCause::Reset)] {
        let mut lone = silent();
        lone.hear_all([1]);
        lone.hear(peer(0), &bytes);
        assert_eq!(lone.take(), [message(1), lost(2, far, cause)]);
        lone.hear_all([far + 1]);
        assert_eq!(lone.take(), [message(far + 1)]);
    }
}

/// What a node has to say when it falls silent: heartbeats, repairs, NACKs, an answer.
fn talkative() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.send_all(20);
    lone.hear_all([1, 3]);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 20), (30, 40)]));
    lone.feed(peer(2), Path::Unicast, &private_heartbeat());
    lone
}

// RMC-SILENT-1, RMC-SILENT-2
#[test]
fn seed_s28_who_falls_silent_says_nothing_more() {
    let mut lone = talkative();
    lone.sent.clear();
    lone.node.set_silent(lone.instant(), true);
    lone.drain();
    assert_eq!(lone.node.config().join_policy, JoinPolicy::Now);
    assert_eq!(lone.take(), [message(1)]);
    lone.run_to(500 * MS - NS);
    assert_eq!(lone.take(), []);
    lone.run_to(500 * MS);
    assert_eq!(lone.take()[..2], [lost(2, 2, LossCause::Silent), message(3)], "nobody is asked any more");
    lone.run_to(10 * SECOND);
    assert_eq!(lone.sent(), []);
    assert_eq!(lone.node.send(lone.instant(), b"a"), Err(SendError::Silent));
}

// RMC-SILENT-1, RMC-GAP-6
#[test]
fn seed_s28_who_speaks_again_asks_sends_and_sends_heartbeats() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    lone.node.set_silent(lone.instant(), true);
    lone.hear_all([1, 3]);
    lone.run_to(400 * MS);
    forget(&mut lone);
    lone.node.set_silent(lone.instant(), false);
    lone.run_for(SECOND);
    assert!(lone.sent.iter().any(|sent| sent.what == Sent::Nack(vec![(2, 2)])), "{:?}", lone.sent);
    let beats = beat_times(&lone);
    assert!(beats.len() > 3, "what was sent before can be missing somewhere: {beats:?}");
    assert_eq!(lone.take(), [message(1)], "nothing is given up any more");
    assert_eq!(lone.node.send(lone.instant(), &payload(3)), Ok(3));
    lone.settle();
    assert!(lone.sent.iter().any(|sent| sent.what == Sent::Data(3)));
    lone.hear_unicast(peer(1), &nack(1, &[(1, 3)]));
    assert_eq!(lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Repair(_))).count(), 3);
}

/// Repeating what is so already changes no deadline.
// RMC-SILENT-2
#[test]
fn seed_s28_falling_silent_twice_is_falling_silent_once() {
    let mut lone = waiting();
    lone.run_to(400 * MS);
    lone.node.set_silent(lone.instant(), true);
    lone.run_to(600 * MS);
    assert_eq!(lone.take(), [lost(2, 2, LossCause::Silent), message(3)]);
}

fn overflows(lone: &mut Lone) -> Vec<u64> {
    lone.settle();
    lone.told(|event| if let Event::SequenceOverflow { seq } = event { Some(seq) } else { None })
}

#[test]
fn seed_s29_up_to_the_limit_nothing_is_told() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 2_000_000_000, b"a"), Ok(2_000_000_000));
    assert_eq!(overflows(&mut lone), []);
}

#[test]
fn seed_s29_past_the_limit_it_is_told_once() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.send_at(lone.instant(), 2_000_000_000, b"a"), Ok(2_000_000_000));
    lone.send_all(1);
    assert_eq!(overflows(&mut lone), [2_000_000_001]);
    lone.send_all(100);
    assert_eq!(overflows(&mut lone), []);
    assert_eq!(lone.node.send_at(lone.instant(), 5_000_000_000, b"a"), Ok(5_000_000_000), "seq has 64 bits");
    assert_eq!(overflows(&mut lone), []);
    assert!(lone.sent.iter().any(|sent| sent.what == Sent::Data(5_000_000_000)));
}

#[test]
fn seed_s29_the_limit_can_be_set_and_jumped_over() {
    let mut lone = Lone::new(|config| config.sequence_limit = 10);
    assert_eq!(lone.node.send_at(lone.instant(), 500, b"a"), Ok(500));
    assert_eq!(overflows(&mut lone), [500]);
    lone.node.send_to(lone.instant(), peer(1), b"a").expect("there is room");
    assert_eq!(overflows(&mut lone), []);
}

/// The numbers of private streams are not the group's.
#[test]
fn seed_s29_private_numbers_do_not_count() {
    let mut lone = Lone::new(|config| config.sequence_limit = 2);
    for _ in 0..5 {
        lone.node.send_to(lone.instant(), peer(1), b"a").expect("there is room");
    }
    assert_eq!(overflows(&mut lone), []);
}

/// One of each kind that a stream's sender sends.
fn stream_packets() -> [Vec<u8>; 6] {
    let mut ranges = RangesBuilder::new(4);
    assert!(ranges.push(SeqRange::single(4)));
    let confirm = Body::Confirm { reason: 0, delay: 1_000, stamp: 0, cookie: 7, ranges: ranges.as_ranges() };
    [
        data(2),
        heartbeat(9),
        times(9, 0, &[SECOND]),
        packets::lost(1, 7, 0),
        reset(9, 0),
        encode(Flags::NONE, NO_PROMISE, EPOCH, 4, confirm),
    ]
}

// RMC-ACTIVE-1
#[test]
fn seed_s30_a_deactivated_node_follows_no_stream() {
    let mut lone = Lone::new(|_| {});
    assert!(lone.node.is_active());
    lone.hear_all([1, 3]);
    lone.take();
    forget(&mut lone);
    lone.node.deactivate(lone.instant());
    assert!(!lone.node.is_active());
    let before = lone.stream();
    for (count, bytes) in (1..).zip(stream_packets()) {
        lone.hear(peer(0), &bytes);
        lone.hear(peer(5), &bytes);
        assert_eq!(lone.node.stats().dropped.inactive, 2 * count);
    }
    assert_eq!((lone.stream(), lone.node.peer(peer(5))), (before, None));
    lone.run_for(100 * SECOND);
    assert_eq!((lone.sent(), lone.take()), (vec![], vec![]), "it asks for nothing");
    let told = lone.told(|event| {
        matches!(event, Event::MissingHeartbeat { .. } | Event::PeerExpired { .. } | Event::GotHeartbeat { .. })
            .then_some(event)
    });
    assert_eq!(told, [], "and misses nobody");
}

// RMC-ACTIVE-2
#[test]
fn seed_s30_sending_heartbeats_and_repairs_go_on_while_deactivated() {
    let mut lone = Lone::new(|_| {});
    lone.node.deactivate(lone.instant());
    lone.send_all(2);
    lone.run_to(40 * MS);
    assert_eq!(beat_times(&lone), [(10, 20), (30, 50)]);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    assert_eq!(lone.sent(), [Sent::Repair(1), Sent::Repair(2)]);
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    lone.settle();
    let kept = lone.node.stats().held.backlog_packets;
    lone.hear_unicast(peer(1), &ack(Flags::PRIVATE, OWN, 1));
    assert_eq!(lone.node.stats().held.backlog_packets, kept - 1, "Acks are taken");
}

/// Deactivated for 100 s, much longer than any deadline.
fn back_again(change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = Lone::new(change);
    lone.hear_all([1, 3]);
    lone.hear(peer(0), &heartbeat(3));
    lone.node.deactivate(lone.instant());
    lone.run_to(100 * SECOND);
    lone.take();
    forget(&mut lone);
    lone.node.activate(lone.instant());
    lone.drain();
    lone
}

// RMC-ACTIVE-3
#[test]
fn seed_s30_activation_starts_the_heartbeat_s_deadline_afresh() {
    let mut lone = back_again(|_| {});
    assert!(lone.node.is_active());
    let due: Duration = 100 * SECOND + 750 * MS;
    assert_eq!(misses(&mut lone, due - NS), []);
    assert_eq!(misses(&mut lone, due), [(due, 1)]);
}

// RMC-ACTIVE-3
#[test]
fn seed_s30_activation_starts_the_peer_s_timeout_afresh() {
    let mut lone = back_again(|_| {});
    lone.run_to(130 * SECOND - NS);
    assert!(lone.node.peer(peer(0)).is_some());
    lone.run_to(130 * SECOND);
    assert_eq!(lone.node.peer(peer(0)), None);
}

// RMC-ACTIVE-3
#[test]
fn seed_s30_activation_goes_on_where_the_stream_stood() {
    let mut lone = back_again(|_| {});
    lone.run_for(20 * MS);
    assert_eq!(lone.asked(), [2], "what was missing is asked for again");
    lone.hear_all([4, 2]);
    assert_eq!(lone.take(), [message(2), message(3), message(4)]);
}

// RMC-HB-7
#[test]
fn seed_s30_activation_announces_the_node_again() {
    let mut lone = back_again(|config| config.announce = true);
    lone.settle();
    let at: Vec<_> = beat_times(&lone).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, [100_000]);
}

/// A node may be new, deactivated, and told of what it will follow: the first packet after the activation begins the
/// stream.
// RMC-ACTIVE-1, RMC-JOIN-1
#[test]
fn seed_s30_what_comes_while_deactivated_begins_nothing() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Now);
    lone.node.deactivate(lone.instant());
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH, 4));
    lone.node.activate(lone.instant());
    lone.hear_all([9]);
    assert_eq!(lone.take(), [message(9)]);
    assert_eq!(lone.asked(), []);
}

/// What was missed before is not counted on.
// RMC-ACTIVE-3, RMC-LIVE-4
#[test]
fn seed_s30_activation_counts_missed_heartbeats_afresh() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat(1));
    assert_eq!(misses(&mut lone, 2 * SECOND).last(), Some(&(1_750 * MS, 3)));
    lone.node.deactivate(lone.instant());
    lone.run_to(4 * SECOND);
    lone.node.activate(lone.instant());
    lone.drain();
    forget(&mut lone);
    assert_eq!(misses(&mut lone, 5 * SECOND), [(4_750 * MS, 1)]);
}

/// A silent node has nothing to announce and serves nobody: there is nothing to linger for.
// RMC-SILENT-1, RMC-END-1, RMC-END-3
#[test]
fn seed_s28_who_falls_silent_while_finishing_closes() {
    for queued in [0, 400] {
        let mut lone = Lone::new(|config| {
            config.max_rate = Some(2_000);
            config.rate_burst = 2_000;
        });
        lone.send_all(3);
        crate::observed::queue(&mut lone, queued);
        lone.node.finish(lone.instant(), SECOND);
        lone.run_to(15 * MS);
        lone.node.set_silent(lone.instant(), true);
        lone.drain();
        forget(&mut lone);
        lone.run_to(60 * SECOND);
        assert_eq!(lone.sent(), []);
        assert!(lone.node.is_closed(), "{queued} were queued");
        assert_eq!(lone.deadline, None);
    }
}

/// To and fro: it has said that this is the end, and does not go back on it.
// RMC-END-1, RMC-END-3
#[test]
fn seed_s28_who_falls_silent_while_finishing_does_not_speak_again() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.node.finish(lone.instant(), SECOND);
    lone.run_to(15 * MS);
    lone.node.set_silent(lone.instant(), true);
    lone.run_to(50 * MS);
    forget(&mut lone);
    lone.node.set_silent(lone.instant(), false);
    lone.run_to(60 * SECOND);
    let beats = crate::observed::beats(&lone);
    assert!(beats.iter().all(|beat| beat.end), "heartbeats without END after the END: {beats:?}");
    assert!(lone.node.is_closed());
}

/// Of a silent node it is `Now`, whatever is set.
// RMC-SILENT-1
#[test]
fn seed_s28_a_silent_node_s_join_policy_stays_now() {
    let mut lone = silent();
    lone.node.set_join_policy(JoinPolicy::FromStart);
    lone.hear_all([7]);
    assert_eq!(lone.take(), [message(7)]);
}

/// Also those of a private stream, as long as its receiver has not acknowledged everything.
// RMC-HB-3, RMC-PRIV-4
#[test]
fn seed_s28_who_speaks_again_goes_on_with_the_heartbeats_of_private_streams() {
    for is_acknowledged in [false, true] {
        let mut lone = Lone::new(|_| {});
        lone.node.send_to(lone.instant(), peer(0), b"for one").expect("there is room");
        lone.settle();
        if is_acknowledged {
            lone.hear_unicast(peer(0), &ack(Flags::PRIVATE, OWN, 1));
        }
        lone.node.set_silent(lone.instant(), true);
        lone.run_to(50 * MS);
        forget(&mut lone);
        lone.node.set_silent(lone.instant(), false);
        lone.run_for(10 * MS);
        let beats = lone.sent.iter().filter(|sent| sent.private && matches!(sent.what, Sent::Heartbeat { .. })).count();
        assert_eq!(beats, usize::from(!is_acknowledged), "acknowledged: {is_acknowledged}");
    }
}
