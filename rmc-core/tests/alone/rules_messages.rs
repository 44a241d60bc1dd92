//! Rules of docs/protocol.md about messages, sending and the interface that no rule of the seed shows whole.

use rmc_core::packet::{DecodeError, Flags};
use rmc_core::{Config, EndCause, JoinPolicy, LossCause, MAX_SEQ, Path, SendError, Stats};

use crate::lone::{EPOCH, Item, Lone, MS, OWN, SECOND, Sent, Transmission, group, lost, message, own, peer};
use crate::observed::{copy_of, forget, index_of, queue};
use crate::packets::{self, ack, data, data_with, heartbeat, heartbeat_with, nack, nack_to, part, payload};

const PACKED: Flags = Flags::FIRST.union(Flags::LAST).union(Flags::PACKED);

/// None, or one cut short: not a message, and not a packet.
// RMC-PACK-1, RMC-ENC-4
#[test]
fn rmc_pack_1_records_fill_the_payload_exactly() {
    let bad: [(&[u8], DecodeError); 6] = [
        (&[], DecodeError::PackedEmpty),
        (&[0], DecodeError::PackedCut),
        (&[0, 1], DecodeError::PackedCut),
        (&[0, 2, b'a'], DecodeError::PackedCut),
        (&[0, 1, b'a', 0], DecodeError::PackedCut),
        (&[0, 1, b'a', 0xff, 0xff, b'b'], DecodeError::PackedCut),
    ];
    for (records, reason) in bad {
        let mut bytes = part(PACKED, 1, &[0, 0]);
        bytes.truncate(16);
        bytes.extend_from_slice(records);
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &bytes);
        assert_eq!(lone.node.stats().dropped.malformed[reason.index()], 1, "{records:?}");
        assert_eq!(lone.node.peer(peer(0)), None);
    }
    let good: [(&[u8], &[&[u8]]); 4] = [
        (&[0, 0], &[b""]),
        (&[0, 0, 0, 0], &[b"", b""]),
        (&[0, 1, b'a'], &[b"a"]),
        (&[0, 0, 0, 2, b'a', b'b', 0, 0], &[b"", b"ab", b""]),
    ];
    for (records, messages) in good {
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &part(PACKED, 1, records));
        let item = |(index, payload): (u16, &&[u8])| Item::Message { seq: 1, index, payload: payload.to_vec() };
        assert_eq!(lone.take(), (0..).zip(messages).map(item).collect::<Vec<_>>());
    }
}

/// Where the application wants a number for each.
// RMC-PACK-3
#[test]
fn rmc_pack_3_without_packing_each_message_has_a_number_of_its_own() {
    let mut lone = Lone::new(|_| {});
    for seq in 1..=20 {
        assert_eq!(lone.node.send(lone.instant(), b"x"), Ok(seq));
    }
    lone.settle();
    let packed = |sent: &&Transmission| {
        rmc_core::packet::Packet::decode(&sent.bytes).is_ok_and(|packet| packet.flags.contains(Flags::PACKED))
    };
    assert_eq!((lone.sent.len(), lone.sent.iter().filter(packed).count()), (20, 0));
}

/// 2 of a message that began at 1 is lost, 3 has come: what follows is reported when the end of the message is known.
fn torn() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &part(Flags::FIRST, 1, b"a"));
    lone.hear(peer(0), &part(Flags::NONE, 3, b"c"));
    lone.hear(peer(0), &packets::lost(2, 2, 0));
    assert_eq!(lone.take(), [lost(1, 2, LossCause::Lost)], "at once");
    lone
}

// RMC-FRAG-4
#[test]
fn rmc_frag_4_the_rest_of_a_lost_message_is_reported_at_its_last() {
    let mut lone = torn();
    lone.hear(peer(0), &part(Flags::LAST, 4, b"d"));
    lone.hear_all([5]);
    assert_eq!(lone.take(), [lost(3, 4, LossCause::Lost), message(5)]);
}

// RMC-FRAG-4
#[test]
fn rmc_frag_4_the_rest_of_a_lost_message_is_reported_at_the_next_first() {
    let mut lone = torn();
    lone.hear_all([4]);
    assert_eq!(lone.take(), [lost(3, 3, LossCause::Lost), message(4)]);
}

// RMC-FRAG-4, RMC-PEER-6
#[test]
fn rmc_frag_4_the_rest_of_a_lost_message_is_reported_at_the_stream_s_end() {
    let mut lone = torn();
    assert!(lone.node.remove_peer(lone.instant(), peer(0)));
    lone.drain();
    let items = lone.take();
    assert!(matches!(&items[..], [Item::Lost(ranges, _), Item::Ended(_)] if ranges[..] == [(3, 3)]), "{items:?}");
    // And a message that is only begun.
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &part(Flags::FIRST, 2, b"a"));
    lone.hear(peer(0), &part(Flags::NONE, 3, b"b"));
    lone.take();
    lone.node.remove_peer(lone.instant(), peer(0));
    let items = lone.take();
    assert!(matches!(&items[..], [Item::Lost(ranges, _), Item::Ended(_)] if ranges[..] == [(2, 3)]), "{items:?}");
    assert_eq!(lone.node.stats().held.receive_bytes, 0);
}

/// The bound is that of the message, not of its packets.
// RMC-FRAG-5
#[test]
fn rmc_frag_5_a_message_of_the_bound_is_delivered_and_one_byte_more_is_not() {
    for (extra, delivered) in [(0, true), (1, false)] {
        let mut lone = Lone::new(|config| config.max_message = 1_000);
        lone.hear(peer(0), &part(Flags::FIRST, 1, &[1; 500]));
        lone.hear(peer(0), &part(Flags::NONE, 2, &[2; 300]));
        lone.hear(peer(0), &part(Flags::LAST, 3, &vec![3; 200 + extra]));
        lone.hear_all([4]);
        let items = lone.take();
        if delivered {
            assert!(matches!(&items[0], Item::Message { seq: 3, payload, .. } if payload.len() == 1_000), "{items:?}");
        } else {
            assert_eq!(items[0], lost(1, 3, LossCause::TooLarge), "in one range");
        }
        assert_eq!(items[1..], [message(4)]);
        assert_eq!(lone.node.stats().held.receive_bytes, 0);
    }
}

/// A whole message in the middle of another ends that.
// RMC-FRAG-6
#[test]
fn rmc_frag_6_a_first_ends_the_message_before_it() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &part(Flags::FIRST, 1, b"a"));
    lone.hear(peer(0), &part(Flags::FIRST, 2, b"b"));
    lone.hear(peer(0), &part(Flags::LAST, 3, b"c"));
    lone.hear(peer(0), &part(Flags::FIRST, 4, b"d"));
    lone.hear(peer(0), &part(PACKED, 5, &[0, 1, b'e']));
    lone.hear(peer(0), &part(Flags::LAST, 6, b"f"));
    lone.hear_all([7]);
    let malformed = |seq| lost(seq, seq, LossCause::Malformed);
    let whole = |seq, payload: &[u8]| Item::Message { seq, index: 0, payload: payload.to_vec() };
    let expected = [malformed(1), whole(3, b"bc"), malformed(4), whole(5, b"e"), malformed(6), message(7)];
    assert_eq!(lone.take(), expected);
}

// RMC-SEND-1
#[test]
fn rmc_send_1_first_transmissions_ascend_to_their_stream_s_address() {
    let mut lone = Lone::new(|config| {
        config.max_datagram = 116;
        config.max_message = 1_000;
    });
    for len in [0, 250, 100, 101] {
        lone.node.send(lone.instant(), &vec![0; len]).expect("there is room");
        lone.node.send_to(lone.instant(), peer(1), &vec![0; len]).expect("there is room");
        lone.node.send_to(lone.instant(), peer(2), &vec![0; len]).expect("there is room");
    }
    lone.settle();
    for (to, private) in [(group(), false), (peer(1), true), (peer(2), true)] {
        let sent: Vec<_> = lone.sent.iter().filter(|sent| sent.to == to).collect();
        assert_eq!(
            sent.iter().map(|sent| sent.what.clone()).collect::<Vec<_>>(),
            (1..=7).map(Sent::Data).collect::<Vec<_>>()
        );
        assert!(sent.iter().all(|sent| sent.private == private && index_of(sent) == 0));
    }
}

/// The announcement of a hole that is lost on the way is not repeated, but answers stand in for it.
// RMC-SEND-3, RMC-SEND-4, RMC-REPAIR-5
#[test]
fn rmc_send_3_a_hole_is_announced_once() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.node.send_at(lone.instant(), 5, b"behind").expect("it is free");
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Lost(2, 4)));
    lone.node.transmit_failed(lone.instant(), false);
    forget(&mut lone);
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Data(5)]);
    lone.hear_unicast(peer(1), &nack(9, &[(3, 3)]));
    assert!(matches!(lone.sent[..], [ref sent] if sent.what == Sent::Lost(2, 4) && sent.stamp == 9), "{:?}", lone.sent);
}

// RMC-SEND-3, RMC-SEND-4
#[test]
fn rmc_send_3_an_announcement_that_comes_back_leaves_before_its_packet() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    forget(&mut lone);
    lone.node.send_at(lone.instant(), 5, b"behind").expect("it is free");
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Lost(2, 4)));
    lone.node.transmit_failed(lone.instant(), true);
    lone.run_to(9 * MS);
    assert_eq!(lone.sent(), []);
    lone.run_to(10 * MS);
    let order: Vec<_> = lone.sent().into_iter().filter(|sent| !matches!(sent, Sent::Heartbeat { .. })).collect();
    assert_eq!(order, [Sent::Lost(2, 4), Sent::Data(5)]);
}

/// Each private stream has a queue and a backlog of its own, and each is bounded.
// RMC-SEND-6, RMC-SEND-2
#[test]
fn rmc_send_6_every_stream_has_its_own_bound() {
    let mut lone = Lone::new(|config| {
        config.max_message = 100;
        config.send_queue_packets = 10;
        config.backlog_packets = 10;
    });
    queue(&mut lone, 10);
    assert_eq!(lone.node.send(lone.instant(), b"a"), Err(SendError::Full));
    for seq in 1..=10 {
        assert_eq!(lone.node.send_to(lone.instant(), peer(1), b"a"), Ok(seq));
    }
    assert_eq!(lone.node.send_to(lone.instant(), peer(1), b"a"), Err(SendError::Full));
    assert_eq!(lone.node.send_to(lone.instant(), peer(2), b"a"), Ok(1));
    lone.settle();
    assert_eq!(lone.node.send_to(lone.instant(), peer(1), b"a"), Ok(11));
    lone.settle();
    assert_eq!(lone.node.stats().held.backlog_packets, 10 + 10 + 1);
}

/// One drop of each reason: it is counted there and nowhere else.
// RMC-SEC-3
#[test]
fn rmc_sec_3_every_drop_has_its_reason() {
    type Case = (&'static str, fn(&mut Lone), fn(&Stats) -> u64);
    let cases: [Case; 13] = [
        ("malformed", |lone| lone.hear(peer(0), b"?"), |stats| stats.dropped.malformed.iter().sum()),
        ("own", |lone| lone.hear(own(), &data_with(Flags::NONE, 0, OWN, 1)), |stats| stats.dropped.own),
        ("address_in_use", |lone| lone.hear(own(), &data(1)), |stats| stats.dropped.address_in_use),
        ("peers_full", |lone| lone.hear(peer(9), &data(1)), |stats| stats.dropped.peers_full),
        (
            "stale_epoch",
            |lone| lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH - 1, 1)),
            |stats| stats.dropped.stale_epoch,
        ),
        (
            "wrong_target",
            |lone| lone.hear_unicast(peer(0), &nack_to(OWN - 1, Flags::NONE, 1, &[(1, 1)])),
            |stats| stats.dropped.wrong_target,
        ),
        ("wrong_path", |lone| lone.hear(peer(0), &nack(1, &[(1, 1)])), |stats| stats.dropped.wrong_path),
        ("window", |lone| lone.hear_all([18]), |stats| stats.dropped.window),
        (
            "inactive",
            |lone| {
                lone.node.deactivate(lone.instant());
                lone.hear_all([2]);
            },
            |stats| stats.dropped.inactive,
        ),
        (
            "askers_full",
            |lone| {
                lone.feed(peer(0), Path::Unicast, &nack(1, &[(1, 1)]));
                lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
            },
            |stats| stats.dropped.askers_full,
        ),
        ("ack_beyond", |lone| lone.hear_unicast(peer(0), &ack(Flags::NONE, OWN, 2)), |stats| stats.dropped.ack_beyond),
        (
            "closed",
            |lone| {
                lone.node.close(lone.instant());
                lone.hear_all([2]);
            },
            |stats| stats.dropped.closed,
        ),
        (
            "early_epoch",
            |lone| lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH + 1, 1)),
            |stats| stats.dropped.early_epoch,
        ),
    ];
    for (name, drop, count) in cases {
        let mut lone = Lone::new(|config| {
            config.max_peers = 1;
            config.max_askers = 1;
            config.max_burst = 4;
            (config.receive_window_packets, config.backlog_packets) = (16, 16);
        });
        lone.send_all(1);
        lone.hear_all([1]);
        lone.take();
        let before = lone.node.stats().dropped;
        drop(&mut lone);
        let dropped = lone.node.stats().dropped;
        assert_eq!(count(&lone.node.stats()), 1, "{name}");
        let peers_full = u64::from(name == "askers_full");
        let all = |dropped: &rmc_core::DroppedStats| {
            [
                dropped.malformed.iter().sum(),
                dropped.own,
                dropped.address_in_use,
                dropped.peers_full,
                dropped.stale_epoch,
                dropped.wrong_target,
                dropped.wrong_path,
                dropped.window,
                dropped.total,
                dropped.inactive,
                dropped.askers_full,
                dropped.ack_beyond,
                dropped.unread,
                dropped.closed,
                dropped.early_epoch,
                dropped.evicted_peers,
            ]
            .iter()
            .sum::<u64>()
        };
        assert_eq!((all(&before), all(&dropped)), (0, 1 + peers_full), "{name}: {dropped:?}");
    }
}

/// A run with a bit of everything; what comes out, byte for byte.
fn scenario(seed: u64) -> (Vec<Transmission>, String, Vec<Item>) {
    let mut lone = Lone::new(|config: &mut Config| config.seed = seed);
    queue(&mut lone, 30);
    for round in 1..60_u64 {
        lone.hear(peer(u16::try_from(round % 5).expect("small")), &data(1 + round * 3 % 40));
        if round % 7 == 0 {
            lone.hear(peer(0), &heartbeat(round));
            lone.hear_unicast(peer(2), &nack(7, &[(1, round)]));
            lone.node.send_to(lone.instant(), peer(3), &payload(round)).expect("there is room");
        }
        lone.run_for(3 * MS);
    }
    lone.run_for(2 * SECOND);
    let events = format!("{:?}", lone.events);
    let items = lone.take();
    (lone.sent, events, items)
}

/// (when, where to, bytes) of everything.
fn trace(sent: &[Transmission]) -> Vec<(std::time::Duration, std::net::SocketAddr, Vec<u8>)> {
    sent.iter().map(|sent| (sent.at, sent.to, sent.bytes.clone())).collect()
}

// RMC-LOCAL-5
#[test]
fn rmc_local_5_the_same_inputs_give_the_same_outputs() {
    let [first, second] = [scenario(1), scenario(1)];
    assert_eq!(trace(&first.0), trace(&second.0));
    assert_eq!((&first.1, &first.2), (&second.1, &second.2));
    let other = scenario(2);
    assert_ne!(trace(&first.0), trace(&other.0), "another seed gives other stamps and delays");
    assert_eq!(first.2, other.2, "and the same messages");
}

/// A copy goes on as the original does.
// RMC-LOCAL-5
#[test]
fn rmc_local_5_a_copy_runs_as_its_original() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 30);
    lone.hear_all([1, 4, 9]);
    lone.feed(peer(2), Path::Unicast, &nack(7, &[(1, 20)]));
    let mut copy = copy_of(&lone);
    forget(&mut lone);
    for node in [&mut lone, &mut copy] {
        node.run_for(SECOND);
        node.hear_all([2, 3]);
        node.run_for(SECOND);
    }
    assert_eq!(trace(&lone.sent), trace(&copy.sent));
    assert_eq!(lone.take(), copy.take());
}

/// Wrong calls leave no trace in what comes out afterwards.
// RMC-LOCAL-6
#[test]
fn rmc_local_6_a_wrong_call_changes_nothing() {
    let mut lone = Lone::new(|config| {
        config.max_message = 1_000;
        config.max_private = 1;
    });
    lone.send_all(5);
    lone.node.send_to(lone.instant(), peer(1), b"waits for its Ack").expect("there is room");
    lone.settle();
    lone.hear_all([1, 3]);
    let mut wronged = copy_of(&lone);
    forget(&mut lone);
    let node = &mut wronged.node;
    let now = lone.instant();
    assert_eq!(node.send_at(now, 5, b"a"), Err(SendError::SequencePassed { seq: 5, next: 6 }));
    assert_eq!(node.send_at(now, 0, b"a"), Err(SendError::SequencePassed { seq: 0, next: 6 }));
    assert_eq!(node.send_at(now, MAX_SEQ + 1, b"a"), Err(SendError::SequenceExhausted));
    assert_eq!(node.send(now, &[0; 1_001]), Err(SendError::TooLarge { len: 1_001, max: 1_000 }));
    assert_eq!(node.send_to(now, peer(2), b"a"), Err(SendError::TooManyPrivate(1)));
    assert_eq!(node.send_to(now, group(), b"a"), Err(SendError::InvalidDestination(group())));
    assert_eq!(node.send_to(now, own(), b"a"), Err(SendError::InvalidDestination(own())));
    assert!(node.set_heartbeat_times(now, &[], 0).is_err());
    assert!(node.set_local_addr(&[own(); 17]).is_err());
    assert!(!node.remove_peer(now, peer(77)));
    for node in [&mut lone, &mut wronged] {
        node.run_for(SECOND);
        node.send_all(1);
        node.run_for(SECOND);
    }
    assert_eq!(trace(&lone.sent), trace(&wronged.sent));
    assert_eq!(lone.node.stats(), wronged.node.stats());
}

/// The number before the last one that there is.
// RMC-SEQ-3, RMC-SEQ-1, RMC-LOCAL-6
#[test]
fn rmc_seq_3_after_the_last_number_there_is_no_other() {
    let mut lone = Lone::new(|_| {});
    assert_eq!(lone.node.send_at(lone.instant(), MAX_SEQ - 1, b"a"), Ok(MAX_SEQ - 1));
    let long = vec![0; lone.node.max_payload() + 1];
    assert_eq!(lone.node.send(lone.instant(), &long), Err(SendError::SequenceExhausted), "it needs two");
    assert_eq!(lone.node.send(lone.instant(), b"a"), Ok(MAX_SEQ));
    assert_eq!(lone.node.send(lone.instant(), b"a"), Err(SendError::SequenceExhausted));
    lone.settle();
    assert_eq!(lone.sent(), [Sent::Lost(1, MAX_SEQ - 2), Sent::Data(MAX_SEQ - 1), Sent::Data(MAX_SEQ)]);
    lone.hear_unicast(peer(1), &nack(1, &[(MAX_SEQ, MAX_SEQ)]));
    assert_eq!(lone.sent(), [Sent::Repair(MAX_SEQ)]);
    lone.node.reset(lone.instant()).expect("a reset uses up no number");
    lone.run_for(10 * MS);
    let sent = lone.sent();
    assert_eq!(sent[0], Sent::Reset(MAX_SEQ));
    let oldest = MAX_SEQ + 1;
    assert!(matches!(sent[1], Sent::Heartbeat { seq: MAX_SEQ, oldest: told, .. } if told == oldest), "{sent:?}");
    lone.node.finish(lone.instant(), SECOND);
    lone.run_for(2 * SECOND);
    assert!(lone.node.is_closed());
}

/// The receiver's side of the same.
// RMC-SEQ-1, RMC-SEQ-3
#[test]
fn rmc_seq_3_the_last_number_is_received_as_any_other() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Now);
    lone.hear_all([MAX_SEQ - 2, MAX_SEQ]);
    assert_eq!(lone.asked(), [MAX_SEQ - 1]);
    lone.hear_all([MAX_SEQ - 1]);
    lone.hear(peer(0), &heartbeat_with(Flags::END, MAX_SEQ, MAX_SEQ + 1, 10 * MS));
    let messages = [MAX_SEQ - 2, MAX_SEQ - 1, MAX_SEQ].map(message);
    let items = lone.take();
    assert_eq!(items[..3], messages);
    assert_eq!(items[3..], [Item::Ended(EndCause::Finished)]);
    lone.hear_all([MAX_SEQ]);
    lone.run_for(60 * SECOND);
    assert_eq!(lone.take(), []);
}
