//! Forged and malformed datagrams: what they cannot do.

use rmc_core::packet::{Body, DecodeError, Flags, NO_PROMISE, Packet, RangesBuilder};
use rmc_core::{EndCause, LossCause, MAX_SEQ, Path, SeqRange, Stats};

use crate::lone::{EPOCH, Item, Lone, MS, NS, OWN, SECOND, Sent, lost, message, peer};
use crate::packets::{self, ack, data, data_with, encode, heartbeat, heartbeat_with, nack, nack_to, reset};

/// A node that has sent 100 messages and follows `peer(0)` up to 3.
fn node() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.send_all(100);
    lone.hear_all([1, 2, 3]);
    assert_eq!(lone.take().len(), 3);
    lone.sent.clear();
    lone.events.clear();
    lone
}

/// The counters of `after` are those of `before` but for what `moved` moves.
fn only_moved(before: &Stats, after: &Stats, moved: impl FnOnce(&mut Stats)) {
    let mut expected = *before;
    moved(&mut expected);
    assert_eq!(*after, expected);
}

/// One of each reason, as bytes.
fn malformed() -> Vec<(DecodeError, Vec<u8>)> {
    let good = data(4);
    let with = |index: usize, value: u8| {
        let mut bytes = good.clone();
        bytes[index] = value;
        bytes
    };
    let mut trailing = reset(4, 0);
    trailing.push(0);
    let mut packed = good.clone();
    packed[2] |= 0x10;
    packed.truncate(16);
    let mut cut = with(2, 0x4c);
    cut[16] = 0xff;
    vec![
        (DecodeError::TooShort, vec![]),
        (DecodeError::TooShort, good[..15].to_vec()),
        (DecodeError::TooLong, [&good[..], &[0; 65_507]].concat()),
        (DecodeError::Sealed, with(0, 0x53)),
        (DecodeError::UnknownMagic, with(0, 0)),
        (DecodeError::UnknownVersion, with(1, 0x20)),
        (DecodeError::UnknownKind, with(1, 0x17)),
        (DecodeError::ReservedFlag, with(2, 0x8c)),
        (DecodeError::FlagNotAllowed, with(2, 0x2c)),
        (DecodeError::PackedFragment, with(2, 0x14)),
        (DecodeError::SeqTooLow, with(15, 0)),
        (DecodeError::SeqTooHigh, with(8, 0x80)),
        (DecodeError::ExtensionCut, cut),
        (DecodeError::TrailingBytes, trailing),
        (DecodeError::PackedEmpty, packed),
        (DecodeError::BodyCut, reset(4, 0)[..19].to_vec()),
    ]
}

// RMC-ENC-4, RMC-SEC-3
#[test]
fn a_malformed_datagram_moves_exactly_one_counter() {
    for (reason, bytes) in malformed() {
        for (source, path) in [(peer(0), Path::Multicast), (peer(0), Path::Unicast), (peer(7), Path::Multicast)] {
            let mut lone = node();
            let (before, known) = (lone.node.stats(), lone.node.peer(peer(0)));
            lone.feed(source, path, &bytes);
            lone.drain();
            only_moved(&before, &lone.node.stats(), |stats| {
                stats.rx.packets += 1;
                stats.rx.bytes += bytes.len() as u64;
                stats.dropped.malformed[reason.index()] += 1;
            });
            assert_eq!(lone.node.peer(peer(0)), known, "{reason}");
            assert_eq!((lone.sent(), lone.take()), (vec![], vec![]), "{reason}");
            assert!(lone.events.is_empty(), "{reason}: {:?}", lone.events);
        }
    }
}

/// A malformed datagram is no sign of life either.
// RMC-ENC-4, RMC-PEER-5
#[test]
fn a_malformed_datagram_proves_nothing() {
    let mut lone = node();
    for step in 1..=30 {
        lone.run_to(SECOND * step - NS);
        lone.feed(peer(0), Path::Multicast, &data(4)[..10]);
    }
    lone.run_to(30 * SECOND);
    assert_eq!(lone.node.peer(peer(0)), None, "it has expired");
}

// RMC-WIN-3, RMC-SEC-2
#[test]
fn far_numbers_move_nothing_but_what_is_known() {
    for far in [1 << 20, 1 << 40, MAX_SEQ - 1, MAX_SEQ] {
        let lost_to_the_end = encode(Flags::NONE, 0, EPOCH, far, Body::Lost { first: far - 1, stamp: 0 });
        for bytes in [data(far), heartbeat(far), lost_to_the_end] {
            let mut lone = node();
            lone.hear(peer(0), &bytes);
            assert_eq!((lone.stream().delivered, lone.stream().cached_packets), (3, 0));
            assert_eq!(lone.node.stats().rx.lost, 0);
            lone.hear_all([4, 5]);
            assert_eq!(lone.take(), [message(4), message(5)]);
        }
    }
}

/// A heartbeat with the highest number that is possible: its oldest may be one above.
// RMC-LOST-5, RMC-LOST-6, RMC-SEQ-1
#[test]
fn the_highest_oldest_number_does_no_harm() {
    let mut lone = node();
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, MAX_SEQ, MAX_SEQ + 1, 500 * MS));
    let window = lone.node.config().receive_window_packets as u64;
    assert!(lone.stream().delivered <= 3 + window, "{:?}", lone.stream());
    lone.run_for(SECOND);
    assert!(lone.stream().delivered <= 3 + window, "one packet moves it once: {:?}", lone.stream());
}

/// The window's limit of `node`.
fn limit(lone: &Lone) -> u64 {
    3 + lone.node.config().receive_window_packets as u64
}

/// News that nobody asked for counts if all of it lies within the window.
// RMC-LOST-5
#[test]
fn an_unasked_lost_up_to_the_window_s_limit_counts() {
    let mut lone = node();
    let limit = limit(&lone);
    lone.hear(peer(0), &packets::lost(1, limit, 0));
    assert_eq!(lone.take(), [lost(4, limit, LossCause::Lost)]);
}

// RMC-LOST-5, RMC-SEC-2
#[test]
fn an_unasked_lost_past_the_window_is_a_hint() {
    for last in [limit(&node()) + 1, MAX_SEQ - 1] {
        let mut lone = node();
        lone.hear(peer(0), &packets::lost(1, last, 0));
        assert_eq!(lone.take(), []);
        assert_eq!((lone.stream().delivered, lone.stream().known), (3, last));
    }
}

/// What is known to exist counts as well: the sender has told of it before.
// RMC-LOST-5
#[test]
fn an_unasked_lost_of_what_is_known_counts() {
    let mut lone = node();
    lone.hear(peer(0), &heartbeat(20_000));
    lone.hear(peer(0), &packets::lost(1, 20_000, 0));
    assert_eq!(lone.take(), [lost(4, 20_000, LossCause::Lost)]);
}

// RMC-LOST-5, RMC-LOST-6
#[test]
fn a_heartbeat_s_oldest_counts_as_an_unasked_lost_does() {
    for (past, expected) in [(0, 1), (1, 0)] {
        let mut lone = node();
        let last = limit(&lone) + past;
        lone.hear(peer(0), &heartbeat_with(Flags::NONE, last, last + 1, 500 * MS));
        assert_eq!(lone.take().len(), expected, "{past} past the limit");
    }
}

// RMC-LOST-4, RMC-NACK-2
#[test]
fn a_lost_with_the_stamp_of_a_nack_gives_up_what_is_known() {
    let mut lone = node();
    lone.hear(peer(0), &heartbeat(1 << 30));
    let stamp = lone.sent.iter().find(|sent| matches!(sent.what, Sent::Nack(_))).expect("it asks").stamp;
    lone.hear_unicast(peer(0), &packets::lost(1, 1 << 30, stamp));
    assert_eq!(lone.take(), [lost(4, 1 << 30, LossCause::Lost)]);
    assert_eq!(lone.stream().delivered, 1 << 30);
}

// RMC-SEQ-2, RMC-RESET-1
#[test]
fn a_stream_never_moves_backwards() {
    let mut lone = node();
    lone.hear_all([4, 5, 6]);
    assert_eq!(lone.take().len(), 3);
    for bytes in [reset(2, 0), packets::lost(1, 3, 0), heartbeat(0), heartbeat(2), data(1), packets::repair(6)] {
        lone.hear(peer(0), &bytes);
        assert_eq!((lone.stream().delivered, lone.take()), (6, vec![]));
    }
    lone.hear_all([7]);
    assert_eq!(lone.take(), [message(7)]);
}

/// Private packets, NACKs and ACKs by multicast are dropped, counted, and change nothing.
// RMC-KIND-5
#[test]
fn what_must_not_come_by_multicast_is_dropped() {
    let private = [
        data_with(Flags::PRIVATE, 0, EPOCH, 1),
        heartbeat_with(Flags::PRIVATE, 5, 1, 500 * MS),
        encode(Flags::PRIVATE, 0, EPOCH, 5, Body::Lost { first: 1, stamp: 0 }),
        encode(Flags::PRIVATE, 0, EPOCH, 5, Body::Reset { stamp: 0 }),
    ];
    let others = [nack(1, &[(1, 5)]), ack(Flags::NONE, OWN, 3), nack_to(OWN, Flags::PRIVATE, 1, &[(1, 1)])];
    for bytes in private.into_iter().chain(others) {
        let mut lone = node();
        lone.hear(peer(0), &bytes);
        let packet = Packet::decode(&bytes).expect("a legal packet");
        assert_eq!(lone.node.stats().dropped.wrong_path, 1, "{packet}");
        assert_eq!((lone.sent(), lone.take()), (vec![], vec![]), "{packet}");
        assert!(lone.node.peer(peer(0)).is_some_and(|peer| peer.private.is_none()), "{packet}");
    }
}

/// Each NACK datagram gets one bounded answer, whatever it asks for.
// RMC-REPAIR-8, RMC-SEC-1
#[test]
fn a_storm_of_nacks_gets_bounded_answers() {
    let mut lone = node();
    let everything: Vec<_> = (0..32).map(|index| (1 + 10 * index, 9 + 10 * index)).collect();
    for stamp in 0..500 {
        lone.feed(peer(1), Path::Unicast, &nack(stamp, &everything));
        lone.feed(peer(2), Path::Unicast, &nack(stamp, &[(1, u64::from(u32::MAX))]));
        lone.feed(peer(3), Path::Unicast, &nack(stamp, &[(MAX_SEQ - 5, MAX_SEQ)]));
    }
    lone.settle();
    let to = |index| lone.sent.iter().filter(|sent| sent.to == peer(index)).count();
    assert_eq!((to(1), to(2), to(3)), (90, 100, 1));
}

// RMC-REPAIR-6
#[test]
fn a_nack_for_numbers_never_sent_is_answered_with_a_heartbeat_and_no_repair() {
    let mut lone = node();
    lone.hear_unicast(peer(1), &nack(1, &[(101, 200)]));
    assert!(matches!(lone.sent()[..], [Sent::Heartbeat { seq: 100, oldest: 1, end: false, .. }]));
}

/// Before anything was sent the same answer says so.
// RMC-REPAIR-6, RMC-HB-6
#[test]
fn a_nack_before_anything_was_sent_is_answered_with_a_heartbeat_of_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(1), &nack(1, &[(1, 5)]));
    assert!(matches!(lone.sent()[..], [Sent::Heartbeat { seq: 0, oldest: 1, .. }]), "{:?}", lone.sent);
}

/// One heartbeat per address and shortest interval (10 ms) tells of the restart; nothing is served.
// RMC-EPOCH-5
#[test]
fn another_epoch_s_nack_or_ack_is_answered_with_one_heartbeat() {
    let mut lone = node();
    let wrong =
        [nack_to(OWN - 1, Flags::NONE, 1, &[(1, 5)]), ack(Flags::NONE, OWN + 1, 3), ack(Flags::PRIVATE, OWN - 1, 3)];
    for bytes in &wrong {
        lone.hear_unicast(peer(1), bytes);
    }
    assert!(matches!(lone.sent()[..], [Sent::Heartbeat { seq: 100, .. }]), "one for all three");
    assert_eq!(lone.node.stats().dropped.wrong_target, 3);
    lone.hear_unicast(peer(2), &wrong[0]);
    assert_eq!(lone.sent().len(), 1, "another address has its own");
    lone.run_for(10 * MS - NS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &wrong[0]);
    assert_eq!(lone.sent().len(), 0);
    lone.run_for(NS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &wrong[0]);
    assert_eq!(lone.sent().len(), 1);
}

// RMC-ACK-2
#[test]
fn an_ack_beyond_the_last_number_sent_is_counted_and_changes_nothing() {
    let mut lone = node();
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    lone.settle();
    let held = lone.node.stats().held;
    lone.hear_unicast(peer(1), &ack(Flags::PRIVATE, OWN, 2));
    assert_eq!(
        (lone.node.stats().dropped.ack_beyond, lone.node.stats().held.backlog_packets),
        (1, held.backlog_packets)
    );
    lone.hear_unicast(peer(1), &ack(Flags::PRIVATE, OWN, 1));
    assert_eq!(
        (lone.node.stats().dropped.ack_beyond, lone.node.stats().held.backlog_packets),
        (1, held.backlog_packets - 1)
    );
}

/// Another receiver's ACK is not the receiver's.
// RMC-ACK-2, RMC-PRIV-1
#[test]
fn an_ack_of_a_stranger_acknowledges_nothing() {
    let mut lone = node();
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    lone.settle();
    let held = lone.node.stats().held.backlog_packets;
    lone.hear_unicast(peer(2), &ack(Flags::PRIVATE, OWN, 1));
    assert_eq!(lone.node.stats().held.backlog_packets, held);
}

/// Ten thousand addresses that nobody has: the table keeps to its bound, and who was there before stays.
// RMC-PEER-4, RMC-SEC-1
#[test]
fn spoofed_addresses_do_not_push_out_peers() {
    let mut lone = Lone::new(|config| config.max_peers = 100);
    lone.hear_all([1]);
    for index in 1..10_000 {
        lone.feed(peer(index), Path::Multicast, &data(1));
        lone.feed(peer(index), Path::Multicast, &data(9));
    }
    lone.settle();
    let stats = lone.node.stats();
    assert_eq!((stats.held.peers, lone.node.peers().count()), (100, 100));
    assert_eq!(stats.dropped.peers_full, 2 * 9_900);
    lone.hear_all([2]);
    assert_eq!(lone.stream().delivered, 2);
}

/// The table has room again when the spoofed ones have expired.
// RMC-PEER-6
#[test]
fn spoofed_addresses_expire() {
    let mut lone = Lone::new(|config| config.max_peers = 100);
    for index in 1..=100 {
        lone.hear(peer(index), &data(1));
    }
    lone.hear_all([1]);
    assert_eq!(lone.node.peer(peer(0)), None);
    lone.run_for(30 * SECOND);
    lone.hear_all([1]);
    assert!(lone.node.peer(peer(0)).is_some());
}

/// A packet of an older epoch while the known one is heard does nothing; afterwards it is taken over.
// RMC-EPOCH-1, RMC-EPOCH-4
#[test]
fn an_old_epoch_is_dropped_while_the_known_one_is_heard() {
    let mut lone = node();
    for epoch in [EPOCH - 1, EPOCH.wrapping_add(1 << 31), EPOCH.wrapping_sub(1_000)] {
        lone.hear(peer(0), &data_with(Flags::NONE, 0, epoch, 1));
    }
    assert_eq!(lone.node.stats().dropped.stale_epoch, 3);
    assert_eq!(lone.take(), []);
    assert!(lone.node.peer(peer(0)).is_some_and(|peer| peer.epoch == EPOCH));
}

/// A kind and flags that are legal but make no sense for the receiver's state: nothing is missing, and nobody was
/// asked.
// RMC-GAP-13
#[test]
fn a_confirm_that_nobody_asked_for_changes_nothing() {
    let mut lone = node();
    let mut ranges = RangesBuilder::new(4);
    assert!(ranges.push(SeqRange::single(4)));
    let body = Body::Confirm { reason: 0, delay: 1_000, stamp: 0, cookie: 7, ranges: ranges.as_ranges() };
    lone.hear_unicast(peer(0), &encode(Flags::NONE, NO_PROMISE, EPOCH, 4, body));
    assert_eq!((lone.stream().delivered, lone.node.stats().rx.confirms), (3, 1));
    assert_eq!((lone.sent(), lone.take()), (vec![], vec![]));
}

/// Three incarnations of one peer, each of which lost nearly all numbers that there are: more than a counter holds.
// RMC-SEC-1
#[test]
fn the_count_of_what_is_lost_does_not_overflow() {
    let mut lone = Lone::new(|_| {});
    let last = MAX_SEQ - 1;
    for epoch in [EPOCH, EPOCH + 1, EPOCH + 2] {
        // The epoch before has broken its promise.
        lone.run_for(750 * MS);
        let body = Body::Heartbeat { oldest: 1, interval: 500_000, backoff: 0, group: 0, rtt: 0 };
        lone.hear(peer(0), &encode(Flags::NONE, 0, epoch, last, body));
        let stamp = lone.sent.iter().rev().find(|sent| matches!(sent.what, Sent::Nack(_))).expect("it asks").stamp;
        lone.hear_unicast(peer(0), &encode(Flags::NONE, 0, epoch, last + 1, Body::Lost { first: 1, stamp }));
        assert_eq!(lone.stream().delivered, last);
        lone.take();
    }
    assert_eq!(lone.node.stats().rx.lost, u64::MAX, "it stays at the highest count");
}

/// A peer that restarts without end, while the application takes nothing: empty messages have no bytes that would bound
/// them.
// RMC-SEC-1
#[test]
fn restarts_do_not_multiply_what_waits_to_be_taken() {
    let (window, max_peers) = (16, 4);
    let mut lone = Lone::new(|config| {
        config.max_peers = max_peers;
        config.receive_window_packets = window;
        config.backlog_packets = window;
    });
    for epoch in 1..5_000 {
        for seq in 1..=20 {
            lone.feed(peer(0), Path::Multicast, &encode(WHOLE, 0, epoch, seq, Body::Data { payload: b"" }));
        }
        lone.drain();
        lone.run_for(20 * MS);
    }
    assert!(lone.node.stats().dropped.unread > 0, "it came to the bound");
    let readable = lone.node.stats().held.readable;
    // Two streams of each peer, and the ends and restarts that have to be told in their order.
    assert!(readable <= 2 * max_peers * window + 4 * max_peers + 1_024, "{readable} items wait");
}

const WHOLE: Flags = Flags::FIRST.union(Flags::LAST);

/// The number that END names is the last one of its epoch: what names a higher one afterwards shows that somebody else
/// had sent the END. It counts as if there had been none.
// RMC-END-4, RMC-SEC-4
#[test]
fn a_forged_end_mutes_nobody_whatever_shows_it() {
    let gone = |last, cause| vec![lost(4, last, cause)];
    let ended = |cause| Item::Ended(cause);
    let beyond = [
        (heartbeat(9), vec![4, 5, 6, 7, 8, 9], vec![]),
        (data(4), vec![], vec![message(4)]),
        (packets::lost(1, 8, 0), vec![], gone(8, LossCause::Lost)),
        (reset(9, 0), vec![], gone(9, LossCause::Reset)),
        (
            heartbeat_with(Flags::END, 9, 10, 500 * MS),
            vec![],
            [gone(9, LossCause::Lost), vec![ended(EndCause::Finished)]].concat(),
        ),
    ];
    for (bytes, asked, items) in beyond {
        let mut lone = node();
        lone.hear(peer(0), &heartbeat_with(Flags::END, 3, 1, 500 * MS));
        assert_eq!(lone.take(), [ended(EndCause::Finished)]);
        lone.hear(peer(0), &bytes);
        let packet = Packet::decode(&bytes).expect("a legal packet");
        assert_eq!((lone.take(), lone.asked()), (items, asked), "{packet}");
        assert_eq!(lone.node.stats().rx.ends_withdrawn, 1, "{packet}");
        assert_eq!(lone.stream().finished, packet.flags.contains(Flags::END), "{packet}");
    }
}

/// What names no higher number leaves the end what it was.
// RMC-END-4
#[test]
fn an_end_stands_while_nothing_names_a_higher_number() {
    for bytes in
        [heartbeat(3), data(3), packets::lost(1, 3, 0), reset(3, 0), heartbeat_with(Flags::END, 3, 4, 500 * MS)]
    {
        let mut lone = node();
        lone.hear(peer(0), &heartbeat_with(Flags::END, 3, 1, 500 * MS));
        assert_eq!(lone.take(), [Item::Ended(EndCause::Finished)]);
        lone.hear(peer(0), &bytes);
        lone.run_for(60 * SECOND);
        let packet = Packet::decode(&bytes).expect("a legal packet");
        assert_eq!((lone.take(), lone.asked()), (vec![], vec![]), "{packet}");
        assert_eq!(lone.node.stats().rx.ends_withdrawn, 0, "{packet}");
    }
}
