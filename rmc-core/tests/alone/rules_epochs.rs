//! Rules about epochs that anybody could forge: a newer one waits while the known one speaks.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE};
use rmc_core::{Event, JoinPolicy, LossCause};

use crate::given::{private_data, sent_to};
use crate::lone::{EPOCH, Item, Lone, MS, NS, OWN, SECOND, Sent, US, lost, message, peer};
use crate::packets::{ack, data, data_with, encode, heartbeat, heartbeat_with, nack, repair, reset};

/// The same packet as another incarnation sends it.
fn of(epoch: u32, mut bytes: Vec<u8>) -> Vec<u8> {
    bytes[4..8].copy_from_slice(&epoch.to_be_bytes());
    bytes
}

fn newer(bytes: Vec<u8>) -> Vec<u8> {
    of(EPOCH + 1, bytes)
}

fn epoch(lone: &Lone) -> u32 {
    lone.node.peer(peer(0)).expect("it is known").epoch
}

/// What a peer said last, and how long it may be silent until a newer epoch takes over.
fn promises() -> Vec<(&'static str, Vec<u8>, Duration)> {
    let beat = |interval| heartbeat_with(Flags::NONE, 1, 1, interval);
    vec![
        ("10 ms, and 10 ms tolerance", data(1), 20 * MS),
        ("75 ms by index", data_with(Flags::NONE, 4, EPOCH, 1), 112 * MS + 500 * US),
        ("500 ms and half of it", beat(500 * MS), 750 * MS),
        ("a long promise", beat(20 * SECOND), 30 * SECOND - NS),
        ("no promise", data_with(Flags::NONE, NO_PROMISE, EPOCH, 1), SECOND),
        ("the end", heartbeat_with(Flags::END, 1, 1, 500 * MS), SECOND),
    ]
}

/// A node that heard this of `peer(0)`, which it does not forget for a minute.
fn heard(last: &[u8]) -> Lone {
    let mut lone = Lone::new(|config| {
        config.peer_timeout = 61 * SECOND;
        config.announce = true;
    });
    lone.hear(peer(0), last);
    lone.take();
    lone
}

// RMC-EPOCH-6
#[test]
fn rmc_epoch_6_a_newer_epoch_waits_for_as_long_as_the_known_one_promised_to_speak() {
    for (name, last, promise) in promises() {
        let mut lone = heard(&last);
        lone.run_to(promise - NS);
        lone.hear(peer(0), &newer(data(1)));
        assert_eq!((lone.take(), epoch(&lone)), (vec![], EPOCH), "{name}");
        let dropped = lone.node.stats().dropped;
        assert_eq!((dropped.early_epoch, dropped.stale_epoch), (1, 0), "{name}");
    }
}

// RMC-EPOCH-6, RMC-EPOCH-3
#[test]
fn rmc_epoch_6_a_newer_epoch_takes_over_one_tick_past_the_promise() {
    for (name, last, promise) in promises() {
        let mut lone = heard(&last);
        lone.run_to(promise + NS);
        lone.hear(peer(0), &newer(data(1)));
        assert_eq!(epoch(&lone), EPOCH + 1, "{name}");
        assert_eq!(lone.take().last(), Some(&message(1)), "{name}");
        assert_eq!(lone.node.stats().dropped.early_epoch, 0, "{name}");
    }
}

/// The moment itself is past it.
// RMC-EPOCH-6
#[test]
fn rmc_epoch_6_the_promise_is_over_at_its_moment() {
    for (at, expected) in [(20 * MS - NS, EPOCH), (20 * MS, EPOCH + 1)] {
        let mut lone = heard(&data(1));
        lone.run_to(at);
        lone.hear(peer(0), &newer(data(1)));
        assert_eq!(epoch(&lone), expected);
    }
}

/// Only what the sender alone can know to be new shows that the known epoch speaks: a new number, or a heartbeat at or
/// above the highest one known.
// RMC-EPOCH-6
#[test]
fn rmc_epoch_6_what_is_not_new_does_not_prolong_the_known_epoch() {
    let says_nothing = [
        (data(2), false),
        (repair(2), false),
        (heartbeat_with(Flags::NONE, 1, 1, 10 * MS), false),
        (reset(1, 0), false),
        (crate::packets::lost(1, 2, 0), false),
        (nack(1, &[(1, 1)]), true),
        (ack(Flags::NONE, OWN, 1), true),
    ];
    let speaks = [(data(3), false), (repair(3), false), (heartbeat_with(Flags::NONE, 2, 1, 10 * MS), false)];
    let cases = says_nothing.map(|case| (case, EPOCH + 1)).into_iter().chain(speaks.map(|case| (case, EPOCH)));
    for ((bytes, unicast), expected) in cases {
        let mut lone = heard(&data(1));
        lone.hear_all([2]);
        lone.run_to(19 * MS);
        if unicast {
            lone.hear_unicast(peer(0), &bytes);
        } else {
            lone.hear(peer(0), &bytes);
        }
        // Nacks and Acks of these tests promise nothing: then it is a second since it spoke.
        lone.run_to(if unicast { SECOND } else { 20 * MS });
        lone.hear(peer(0), &newer(data(1)));
        assert_eq!(epoch(&lone), expected, "{bytes:02x?}");
        assert_eq!(lone.node.stats().dropped.early_epoch, u64::from(expected == EPOCH));
    }
}

/// Forged packets of a newer epoch, of every kind, at any time: the real sender is followed all the while, and loses
/// nothing.
// RMC-EPOCH-6, RMC-SEC-4
#[test]
fn rmc_epoch_6_forged_packets_never_drop_a_sender_that_speaks() {
    let forged = [
        (data(1), false),
        (data(1 << 40), false),
        (heartbeat(7), false),
        (heartbeat_with(Flags::END, 7, 1, 60 * SECOND), false),
        (crate::packets::times(7, 0, &[60 * SECOND]), false),
        (crate::packets::lost(1, 9, 0), false),
        (reset(9, 0), false),
        (private_data(1), true),
        (nack(1, &[(1, 1)]), true),
        (ack(Flags::NONE, OWN, 1), true),
    ];
    let mut lone = heard(&data(1));
    lone.events.clear();
    for round in 0..50 {
        for later in [1, 7, (1 << 31) - 1] {
            for (bytes, unicast) in &forged {
                let bytes = of(EPOCH.wrapping_add(later), bytes.clone());
                if *unicast {
                    lone.hear_unicast(peer(0), &bytes);
                } else {
                    lone.hear(peer(0), &bytes);
                }
            }
        }
        lone.run_for(10 * MS);
        lone.hear_all([round + 2]);
        assert_eq!(lone.take(), [message(round + 2)]);
    }
    assert_eq!((epoch(&lone), lone.stream().known, lone.stream().gaps), (EPOCH, 51, 0));
    let told = lone.told(|event| {
        matches!(event, Event::PeerRestarted { .. } | Event::NewSender { .. } | Event::PeerFinished { .. })
            .then_some(())
    });
    assert_eq!(told, []);
    assert_eq!(lone.node.stats().dropped.early_epoch, 50 * 3 * 10);
}

/// While it waits its Nacks are served all the same, as anybody's are.
// RMC-EPOCH-6, RMC-PEER-4
#[test]
fn rmc_epoch_6_the_nacks_of_an_epoch_that_waits_are_served() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.hear_all([1]);
    lone.sent.clear();
    lone.hear_unicast(peer(0), &newer(nack(1, &[(2, 3)])));
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Repair(2)), (peer(0), Sent::Repair(3))]);
    assert_eq!((epoch(&lone), lone.node.stats().dropped.early_epoch), (EPOCH, 1));
}

/// Who has no stream has nothing that could be lost.
// RMC-EPOCH-6, RMC-PEER-8
#[test]
fn rmc_epoch_6_a_peer_without_a_stream_changes_at_once() {
    for (bytes, unicast) in [(heartbeat(0), false), (nack(1, &[(1, 1)]), true), (ack(Flags::NONE, OWN, 0), true)] {
        let mut lone = Lone::new(|_| {});
        lone.send_all(1);
        if unicast {
            lone.hear_unicast(peer(0), &bytes);
        } else {
            lone.hear(peer(0), &bytes);
        }
        lone.hear(peer(0), &newer(data(1)));
        assert_eq!((epoch(&lone), lone.take()), (EPOCH + 1, vec![message(1)]));
    }
}

/// Whichever of its streams speaks longer.
// RMC-EPOCH-6
#[test]
fn rmc_epoch_6_both_streams_of_a_peer_speak_for_it() {
    let beat = |flags, interval: Duration| {
        let interval = u32::try_from(interval.as_micros()).expect("a legal interval");
        let body = Body::Heartbeat { oldest: 1, interval, backoff: 0, group: 0, rtt: 0 };
        encode(flags, 0, EPOCH, 2, body)
    };
    for (group, private) in [(10, 100), (100, 10)] {
        for (at, expected) in [(150 * MS - NS, EPOCH), (150 * MS, EPOCH + 1)] {
            let mut lone = Lone::new(|_| {});
            lone.hear_all([1]);
            // A private stream that is acknowledged promises nothing: number 1 is missing.
            lone.hear_unicast(peer(0), &private_data(2));
            lone.hear(peer(0), &beat(Flags::NONE, group * MS));
            lone.hear_unicast(peer(0), &beat(Flags::PRIVATE, private * MS));
            lone.run_to(at);
            lone.hear(peer(0), &newer(data(1)));
            assert_eq!(epoch(&lone), expected, "{group} {private}");
        }
    }
}

/// A forged epoch that took over, as the known one had fallen silent, costs what was missing then: when the real one
/// speaks again it goes on where it stood.
// RMC-EPOCH-4, RMC-PEER-7, RMC-SEQ-2
#[test]
fn rmc_peer_7_an_epoch_that_comes_back_goes_on_where_it_stood() {
    for policy in [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart] {
        let mut lone = Lone::new(|config| config.join_policy = policy);
        lone.hear_all([1, 2, 4]);
        lone.hear_unicast(peer(0), &private_data(1));
        lone.take();
        lone.run_to(20 * MS);
        lone.hear(peer(0), &newer(data(1)));
        let head = lone.take();
        assert_eq!(head[head.len() - 2..], [Item::Restarted(EPOCH + 1), message(1)]);
        lone.sent.clear();
        // It is the older one: it waits until the other is silent.
        lone.hear_all([5]);
        assert_eq!(lone.node.stats().dropped.stale_epoch, 1);
        lone.run_for(20 * MS);
        lone.hear_all([3, 4, 5, 6]);
        assert_eq!(lone.take(), [Item::Restarted(EPOCH), message(5), message(6)], "{policy:?}");
        lone.hear_unicast(peer(0), &private_data(1));
        lone.hear_unicast(peer(0), &private_data(2));
        assert_eq!((lone.take(), lone.asked()), (vec![message(2)], vec![]), "{policy:?}");
    }
}

/// A stray packet of an older epoch does not make a node forget where a peer that expired stood.
// RMC-PEER-7
#[test]
fn rmc_peer_7_a_stray_packet_of_an_older_epoch_takes_no_position_away() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    lone.take();
    lone.run_to(31 * SECOND);
    lone.take();
    lone.hear(peer(0), &of(EPOCH - 1, data(9)));
    assert_eq!(epoch(&lone), EPOCH - 1);
    // The known epoch has a stream, so that the newer one waits.
    lone.hear_all([3]);
    assert_eq!(epoch(&lone), EPOCH - 1);
    lone.run_for(20 * MS);
    lone.hear_all([3]);
    let items = lone.take();
    assert_eq!(items[items.len() - 2..], [Item::Restarted(EPOCH), message(3)]);
    assert_eq!(lone.stream().delivered, 3);
}

/// A newer one does: the sender has restarted, and begins at 1.
// RMC-PEER-7, RMC-EPOCH-3
#[test]
fn rmc_peer_7_a_newer_epoch_does_not_go_on_where_an_older_one_stood() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    lone.run_to(31 * SECOND);
    lone.take();
    lone.hear(peer(0), &newer(data(2)));
    lone.sent.clear();
    lone.run_for(100 * MS);
    assert!(lone.asked().contains(&1));
    lone.hear(peer(0), &newer(data(1)));
    assert_eq!(lone.take(), [message(1), message(2)]);
}

/// What was missing when an epoch was taken over is reported, and stays lost when that comes back.
// RMC-EPOCH-3, RMC-PEER-7
#[test]
fn rmc_peer_7_what_was_reported_lost_stays_lost() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    lone.run_to(20 * MS);
    lone.hear(peer(0), &newer(data(1)));
    let expected = [message(1), lost(2, 2, LossCause::Restarted), message(3), Item::Restarted(EPOCH + 1), message(1)];
    assert_eq!(lone.take(), expected);
    lone.run_for(20 * MS);
    lone.hear_all([2, 3, 4]);
    assert_eq!(lone.take(), [Item::Restarted(EPOCH), message(4)]);
}
