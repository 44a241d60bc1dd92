//! Rules of the seed about what a receiver learns of a sender that says little or nothing: S25, S26, S27, S34.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, RangesBuilder};
use rmc_core::{EndCause, Event, JoinPolicy, LossCause, Path, SeqRange, Stream};

use crate::lone::{EPOCH, Item, Lone, MS, NS, OWN, SECOND, Sent, lost, message, peer};
use crate::observed::{copy_of, forget, misses, queue};
use crate::packets::{self, ack, data, data_with, encode, heartbeat, heartbeat_with, nack_to, repair, reset, times};

fn heartbeats_told(lone: &mut Lone) -> Vec<(Stream, u64)> {
    lone.told(|event| match event {
        Event::GotHeartbeat { peer: address, stream, seq } if address == peer(0) => Some((stream, seq)),
        _ => None,
    })
}

// RMC-GAP-10
#[test]
fn seed_s25_what_lies_between_the_last_seen_and_its_seq_is_asked_for() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    lone.hear(peer(0), &heartbeat(2));
    assert_eq!((lone.asked(), heartbeats_told(&mut lone)), (vec![], vec![(Stream::Group, 2)]));
    lone.hear(peer(0), &heartbeat(5));
    assert_eq!((lone.asked(), heartbeats_told(&mut lone)), (vec![3, 4, 5], vec![(Stream::Group, 5)]));
    assert_eq!(lone.stream().known, 5);
    assert_eq!(lone.take(), [message(1), message(2)]);
}

// RMC-GAP-10
#[test]
fn seed_s25_a_heartbeat_of_an_earlier_number_changes_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 4]);
    forget(&mut lone);
    let before = lone.stream();
    lone.hear(peer(0), &heartbeat(3));
    assert_eq!((lone.stream(), lone.sent()), (before, vec![]));
}

/// What is below `oldest` is given up at once, and what was received of it is delivered.
// RMC-LOST-6
#[test]
fn seed_s25_oldest_tells_at_once_what_cannot_be_repaired() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    forget(&mut lone);
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 8, 6, 500 * MS));
    assert_eq!(lone.asked(), [6, 7, 8], "the rest is asked for");
    let gone = |first, last| lost(first, last, LossCause::Lost);
    assert_eq!(lone.take(), [message(1), gone(2, 2), message(3), gone(4, 5)]);
    assert_eq!(lone.stream().delivered, 5);
}

/// `oldest` = seq + 1: nothing can be repaired. `oldest` = 1, or up to what is delivered: nothing is lost.
// RMC-LOST-6, RMC-SEQ-1
#[test]
fn seed_s25_oldest_at_its_bounds() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 1, 2, 500 * MS));
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 3, 2, 500 * MS));
    assert_eq!((lone.take(), lone.asked()), (vec![message(1)], vec![2, 3]));
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 3, 4, 500 * MS));
    assert_eq!(lone.take(), [lost(2, 3, LossCause::Lost)]);
    lone.run_for(SECOND);
    assert_eq!(lone.asked(), []);
}

// RMC-LIVE-4
#[test]
fn seed_s26_a_missing_heartbeat_is_told_once_and_then_once_for_each_interval() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat(1));
    let due = 750 * MS;
    assert_eq!(misses(&mut lone, due - NS), []);
    assert_eq!(misses(&mut lone, due), [(due, 1)]);
    for _ in 0..40 {
        lone.now += 10 * MS;
        lone.tick();
    }
    let expected: Vec<_> = (0..8).map(|step| (due + 500 * MS * step, step + 1)).collect();
    assert_eq!(misses(&mut lone, due + 3_500 * MS), expected, "however often it looks");
}

/// A driver that comes late tells all that was missed at once, in one count.
// RMC-LIVE-4
#[test]
fn seed_s26_the_count_is_of_intervals_and_not_of_looks() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat(1));
    lone.now = 2_760 * MS;
    lone.tick();
    let counts = lone.told(|event| if let Event::MissingHeartbeat { count, .. } = event { Some(count) } else { None });
    assert_eq!(counts.last(), Some(&5), "at 750, 1,250, 1,750, 2,250 and 2,750 ms: {counts:?}");
    assert!(counts.is_sorted_by(|a, b| a < b), "{counts:?}");
}

/// What this node acknowledges changes nothing of what the sender has promised, and an Ack of 99 ms later does not
/// make up for what was missed.
// RMC-LIVE-4, RMC-PRIV-4
#[test]
fn rmc_live_4_of_the_group_s_stream_the_next_packet_is_expected_although_all_is_acknowledged() {
    for miss in [750 * MS, 15 * MS] {
        let mut lone = Lone::new(|config| config.acknowledge = true);
        let beat = heartbeat_with(Flags::NONE, 1, 1, if miss == 15 * MS { 5 * MS } else { 500 * MS });
        lone.hear_all([1]);
        lone.take();
        lone.hear(peer(0), &beat);
        assert_eq!(misses(&mut lone, miss), [(miss, 1)]);
        lone.run_to(SECOND);
        assert!(lone.node.stats().tx.acks > 0);
        let missed = lone.stream().missed_heartbeats;
        assert!(missed > 0);
        lone.run_to(2 * SECOND);
        assert!(lone.stream().missed_heartbeats > missed, "more of them");
        lone.hear(peer(0), &beat);
        let recovered = lone.told(|event| (event == Event::PeerRecovered { peer: peer(0) }).then_some(()));
        assert_eq!(recovered.len(), 1);
    }
}

/// 1, 3 and 5 have come, 7 is known to exist.
fn broken() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3, 5]);
    lone.hear(peer(0), &heartbeat(7));
    assert_eq!(lone.take(), [message(1)]);
    forget(&mut lone);
    lone
}

/// What a stream that ends so gives: what is cached in order, and every missing number in its place.
fn remains(cause: LossCause) -> Vec<Item> {
    vec![lost(2, 2, cause), message(3), lost(4, 4, cause), message(5), lost(6, 7, cause)]
}

fn expired(lone: &mut Lone) -> usize {
    lone.told(|event| matches!(event, Event::PeerExpired { peer: address } if address == peer(0)).then_some(())).len()
}

// RMC-PEER-6
#[test]
fn seed_s26_a_peer_that_is_silent_for_less_than_the_timeout_stays() {
    let mut lone = broken();
    lone.run_to(30 * SECOND - NS);
    assert_eq!((expired(&mut lone), lone.take()), (0, vec![]));
    assert!(lone.node.peer(peer(0)).is_some());
    lone.hear(peer(0), &heartbeat(7));
    lone.run_for(30 * SECOND - NS);
    assert_eq!(expired(&mut lone), 0);
}

/// Its NACKs end with it.
// RMC-PEER-6, RMC-LOCAL-2
#[test]
fn seed_s26_a_peer_that_is_silent_for_the_timeout_expires() {
    let mut lone = broken();
    lone.run_to(30 * SECOND);
    let events = lone.events.clone();
    assert_eq!(expired(&mut lone), 1);
    let lost_ranges = events.iter().filter_map(|&(_, event)| match event {
        Event::GotLost { range, cause: LossCause::Expired, .. } => Some((range.first(), range.last())),
        _ => None,
    });
    assert_eq!(lost_ranges.collect::<Vec<_>>(), [(2, 2), (4, 4), (6, 7)]);
    let mut expected = remains(LossCause::Expired);
    expected.push(Item::Ended(EndCause::Expired));
    assert_eq!(lone.take(), expected);
    assert_eq!(lone.node.peer(peer(0)), None);
    forget(&mut lone);
    lone.run_for(60 * SECOND);
    assert_eq!((lone.sent(), lone.events.len()), (vec![], 0), "nobody is asked or missed any more");
}

// RMC-PEER-6
#[test]
fn seed_s26_the_timeout_can_be_set() {
    for timeout in [SECOND, 60 * SECOND] {
        let mut lone = Lone::new(|config| config.peer_timeout = timeout);
        lone.hear_all([1]);
        lone.run_to(timeout - NS);
        assert_eq!(expired(&mut lone), 0);
        lone.run_to(timeout);
        assert_eq!(expired(&mut lone), 1);
    }
}

// RMC-EPOCH-3
#[test]
fn seed_s26_a_restart_ends_the_stream_like_an_expiry() {
    let mut lone = broken();
    // As long as its heartbeat had promised.
    lone.run_for(750 * MS);
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH + 1, 1));
    let mut expected = remains(LossCause::Restarted);
    expected.extend([Item::Restarted(EPOCH + 1), message(1)]);
    assert_eq!(lone.take(), expected);
}

/// The end was announced, but what is missing never came.
// RMC-END-4, RMC-PEER-6
#[test]
fn seed_s26_end_and_then_silence_ends_the_stream_too() {
    let mut lone = broken();
    lone.hear(peer(0), &heartbeat_with(Flags::END, 7, 1, 500 * MS));
    lone.run_to(30 * SECOND);
    let items = lone.take();
    assert_eq!(items[..5], remains(LossCause::Expired));
    assert!(matches!(items[5..], [Item::Ended(_)]), "{items:?}");
    assert_eq!(lone.node.peer(peer(0)), None);
}

// RMC-PEER-9
#[test]
fn seed_s26_remove_peer_ends_the_stream_too() {
    let mut lone = broken();
    assert!(lone.node.remove_peer(lone.instant(), peer(0)));
    lone.drain();
    let mut expected = remains(LossCause::Removed);
    expected.push(Item::Ended(EndCause::Removed));
    assert_eq!(lone.take(), expected);
    assert_eq!(lone.node.peer(peer(0)), None);
}

/// Whatever the join policy says, and whatever comes first.
// RMC-PEER-7
#[test]
fn seed_s26_a_peer_that_returns_in_its_epoch_goes_on_without_duplicates() {
    for policy in [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart] {
        let mut lone = broken();
        lone.run_to(30 * SECOND);
        lone.take();
        forget(&mut lone);
        lone.node.set_join_policy(policy);
        for bytes in [repair(1), data(3), repair(7)] {
            lone.hear(peer(0), &bytes);
        }
        assert_eq!((lone.take(), lone.asked()), (vec![], vec![]), "{policy:?}");
        lone.hear(peer(0), &data(9));
        assert_eq!(lone.asked(), [8], "{policy:?}: what came in its absence is asked for");
        lone.hear(peer(0), &repair(8));
        assert_eq!(lone.take(), [message(8), message(9)], "{policy:?}");
        let told = lone.told(|event| match event {
            Event::NewSender { .. } | Event::PeerRestarted { .. } => Some(event),
            _ => None,
        });
        assert_eq!(told, [Event::NewSender { peer: peer(0), epoch: EPOCH }]);
    }
}

/// It stays remembered when it returns and expires again without a word of data.
// RMC-PEER-7
#[test]
fn seed_s26_a_peer_that_returns_only_to_expire_again_is_still_remembered() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    lone.run_to(30 * SECOND);
    lone.hear_unicast(peer(0), &ack(Flags::NONE, OWN, 0));
    lone.run_for(30 * SECOND);
    lone.take();
    lone.hear_all([1, 2, 3]);
    assert_eq!(lone.take(), [message(3)]);
}

// RMC-PEER-9
#[test]
fn seed_s26_remove_peer_forgets() {
    let mut lone = broken();
    lone.node.remove_peer(lone.instant(), peer(0));
    lone.take();
    lone.hear_all([1]);
    assert_eq!(lone.take(), [message(1)], "a new peer, from its start");
    lone.run_for(30 * SECOND);
    lone.take();
    lone.node.remove_peer(lone.instant(), peer(0));
    lone.hear_all([1]);
    assert_eq!(lone.take(), [message(1)], "an expired one is forgotten too");
}

/// With one peer at a time, the last four that expired are remembered.
// RMC-PEER-7
#[test]
fn seed_s26_four_times_max_peers_are_remembered() {
    for (count, remembered) in [(4, true), (5, false)] {
        let mut lone = Lone::new(|config| config.max_peers = 1);
        for index in 0..count {
            lone.hear(peer(index), &data(1));
            lone.run_for(30 * SECOND);
        }
        lone.take();
        let mut last = copy_of(&lone);
        lone.hear(peer(0), &data(1));
        assert_eq!(lone.take(), if remembered { vec![] } else { vec![message(1)] }, "{count} have expired");
        last.hear(peer(count - 1), &data(1));
        assert_eq!(last.take(), [], "the last one always is");
    }
}

#[test]
fn seed_s27_get_peer_looks_up() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.peer(peer(0)), None);
    lone.hear_all([1, 2, 4]);
    lone.hear(peer(1), &heartbeat_with(Flags::NONE, 0, 1, 500 * MS));
    lone.run_for(7 * MS);
    let info = lone.node.peer(peer(0)).expect("it was heard");
    assert_eq!((info.address, info.epoch, info.silence), (peer(0), EPOCH, 7 * MS));
    let stream = info.group.expect("it sent data");
    assert_eq!((stream.delivered, stream.known, stream.gaps, stream.cached_packets), (2, 4, 1, 1));
    assert_eq!(info.private, None);
    assert!(lone.node.peer(peer(1)).is_some_and(|info| info.group.is_none()), "it has no stream yet");
    let mut known: Vec<_> = lone.node.peers().map(|info| info.address).collect();
    known.sort_unstable();
    assert_eq!(known, [peer(0), peer(1)]);
}

// RMC-PEER-9
#[test]
fn seed_s27_del_peer_forgets() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    lone.hear(peer(1), &data(1));
    assert!(!lone.node.remove_peer(lone.instant(), peer(9)), "nobody knows it");
    assert!(lone.node.remove_peer(lone.instant(), peer(0)));
    assert!(!lone.node.remove_peer(lone.instant(), peer(0)), "once");
    assert_eq!(lone.node.peers().map(|info| info.address).collect::<Vec<_>>(), [peer(1)]);
    forget(&mut lone);
    lone.run_for(10 * SECOND);
    assert_eq!(lone.asked(), [], "nothing is asked of it any more");
    lone.hear_all([1]);
    let new = lone.told(|event| if let Event::NewSender { peer, .. } = event { Some(peer) } else { None });
    assert_eq!(new, [peer(0)]);
}

/// A packet of every kind that a peer can send, with the path that it comes by.
fn every_kind() -> Vec<(&'static str, Path, Vec<u8>)> {
    let mut ranges = RangesBuilder::new(4);
    assert!(ranges.push(SeqRange::single(4)));
    let confirm = Body::Confirm { reason: 0, delay: 1_000, stamp: 0, cookie: 7, ranges: ranges.as_ranges() };
    let beat = Body::Heartbeat { oldest: 1, interval: 0, backoff: 0, group: 0, rtt: 0 };
    vec![
        ("data", Path::Multicast, data(4)),
        ("duplicate", Path::Multicast, data(1)),
        ("repair", Path::Unicast, repair(2)),
        ("heartbeat", Path::Multicast, heartbeat(3)),
        ("times", Path::Multicast, times(3, 0, &[500 * MS])),
        ("lost", Path::Unicast, packets::lost(1, 1, 0)),
        ("reset", Path::Unicast, reset(1, 0)),
        ("confirm", Path::Unicast, encode(Flags::NONE, NO_PROMISE, EPOCH, 4, confirm)),
        ("nack", Path::Unicast, nack_to(OWN, Flags::NONE, 1, &[(1, 1)])),
        ("ack", Path::Unicast, ack(Flags::NONE, OWN, 0)),
        ("private data", Path::Unicast, data_with(Flags::PRIVATE, 0, EPOCH, 1)),
        ("private heartbeat", Path::Unicast, encode(Flags::PRIVATE, NO_PROMISE, EPOCH, 0, beat)),
        ("private nack", Path::Unicast, nack_to(OWN, Flags::PRIVATE, 1, &[(1, 1)])),
        ("private ack", Path::Unicast, ack(Flags::PRIVATE, OWN, 0)),
    ]
}

// RMC-PEER-5
#[test]
fn seed_s34_every_packet_proves_that_its_sender_lives() {
    for (name, path, bytes) in every_kind() {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1, 3]);
        lone.run_to(29 * SECOND);
        lone.feed(peer(0), path, &bytes);
        lone.run_to(59 * SECOND - NS);
        assert_eq!(expired(&mut lone), 0, "{name}");
        lone.run_to(59 * SECOND);
        assert_eq!(expired(&mut lone), 1, "{name}");
    }
}

// RMC-LIVE-1
#[test]
fn seed_s34_every_packet_of_the_group_s_stream_carries_its_heartbeat_index() {
    for (name, path, mut bytes) in every_kind() {
        let is_heartbeat = name.contains("heartbeat");
        let of_the_group = name.contains("ack") || !name.contains("private");
        if is_heartbeat || !of_the_group || name == "times" {
            continue;
        }
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1, 3]);
        bytes[3] = 6;
        lone.feed(peer(0), path, &bytes);
        let due: Duration = 300 * MS;
        assert_eq!(misses(&mut lone, due - NS), [], "{name}");
        assert_eq!(misses(&mut lone, due), [(due, 1)], "{name}");
    }
}

/// Data of a private stream says when the private stream's next packet is due, and nothing of the group's.
// RMC-LIVE-1
#[test]
fn seed_s34_a_private_packet_says_nothing_of_the_group_s_stream() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 8, EPOCH, 1));
    lone.run_to(SECOND);
    let told = lone.events.iter().filter_map(|&(at, event)| match event {
        Event::MissingHeartbeat { stream, count: 1, .. } => Some((at, stream)),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [(20 * MS, Stream::Group), (750 * MS, Stream::Private)]);
}

/// What a node that sends nothing of its own owes is nothing, but its NACKs carry the index that it stands at.
// RMC-NACK-3
#[test]
fn seed_s34_the_node_s_own_nacks_prove_that_it_lives() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 1);
    lone.settle();
    lone.hear_all([1, 3]);
    let nack = lone.sent.iter().find(|sent| matches!(sent.what, Sent::Nack(_))).expect("2 is missing").bytes.clone();
    let mut other = Lone::new(|config| config.local_addrs = vec![peer(0)]);
    other.hear(crate::lone::own(), &lone.sent[0].bytes);
    other.run_to(15 * MS);
    other.hear_unicast(crate::lone::own(), &nack);
    other.run_to(35 * MS - NS);
    let missed = |other: &Lone| other.events.iter().any(|(_, event)| matches!(event, Event::MissingHeartbeat { .. }));
    assert!(!missed(&other));
    other.run_to(35 * MS);
    assert!(missed(&other), "index 0 promises 10 ms, from the NACK on");
}
