//! Rule S37 of the seed: a sender that restarts, and how its receivers see it.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, Packet};
use rmc_core::{Event, JoinPolicy, LossCause};

use crate::lone::{EPOCH, Item, Lone, MS, NS, OWN, SECOND, Sent, US, lost, message, peer};
use crate::observed::forget;
use crate::packets::{data, data_with, encode, heartbeat, heartbeat_with, nack, repair};

/// A whole message of `peer(0)` in some epoch.
fn of(epoch: u32, seq: u64) -> Vec<u8> {
    data_with(Flags::NONE, 0, epoch, seq)
}

/// Which epoch `peer(0)` is followed in.
fn epoch(lone: &Lone) -> u32 {
    lone.node.peer(peer(0)).expect("it is known").epoch
}

/// As long as a known epoch keeps its promise a newer one waits: Data promises the next packet within 10 ms, with 10 ms
/// of tolerance.
fn wait(lone: &mut Lone) {
    lone.run_for(20 * MS);
}

fn restarts(lone: &mut Lone) -> Vec<(u32, u32)> {
    lone.told(|event| match event {
        Event::PeerRestarted { peer: address, old_epoch, epoch } if address == peer(0) => Some((old_epoch, epoch)),
        _ => None,
    })
}

// RMC-EPOCH-3
#[test]
fn seed_s37_a_newer_epoch_starts_the_stream_afresh() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    wait(&mut lone);
    lone.hear(peer(0), &of(EPOCH + 1, 1));
    lone.hear(peer(0), &of(EPOCH + 1, 2));
    let expected = [message(1), message(2), Item::Restarted(EPOCH + 1), message(1), message(2)];
    assert_eq!(lone.take(), expected, "told in its place");
    assert_eq!(restarts(&mut lone), [(EPOCH, EPOCH + 1)], "once");
    assert_eq!(epoch(&lone), EPOCH + 1);
}

/// What the old epoch still had is delivered and reported before the new one begins.
// RMC-EPOCH-3, RMC-LOCAL-2
#[test]
fn seed_s37_the_old_stream_is_told_to_its_end_before_the_new_one() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 4]);
    lone.hear(peer(0), &heartbeat(6));
    lone.run_for(750 * MS);
    lone.hear(peer(0), &of(EPOCH + 1, 1));
    let gone = |first, last| lost(first, last, LossCause::Restarted);
    let expected = [message(1), gone(2, 3), message(4), gone(5, 6), Item::Restarted(EPOCH + 1), message(1)];
    assert_eq!(lone.take(), expected);
    forget(&mut lone);
    lone.run_for(SECOND);
    assert_eq!(lone.asked(), [], "nobody is asked for the old epoch's numbers");
}

/// A restart need not show itself by Data.
// RMC-EPOCH-3
#[test]
fn seed_s37_any_packet_of_a_newer_epoch_tells_of_the_restart() {
    let with_epoch = |mut bytes: Vec<u8>| {
        bytes[4..8].copy_from_slice(&(EPOCH + 1).to_be_bytes());
        bytes
    };
    for (bytes, unicast) in [(heartbeat(0), false), (heartbeat(3), false), (nack(1, &[(1, 1)]), true)] {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1]);
        lone.take();
        wait(&mut lone);
        let bytes = with_epoch(bytes);
        if unicast {
            lone.hear_unicast(peer(0), &bytes);
        } else {
            lone.hear(peer(0), &bytes);
        }
        assert_eq!(lone.take(), [Item::Restarted(EPOCH + 1)]);
        assert_eq!(restarts(&mut lone), [(EPOCH, EPOCH + 1)]);
    }
}

// RMC-EPOCH-3, RMC-JOIN-2
#[test]
fn seed_s37_the_new_epoch_of_a_known_peer_is_followed_from_1_whatever_the_policy() {
    for policy in [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart] {
        let mut lone = Lone::new(|config| config.join_policy = policy);
        lone.hear_all([1]);
        wait(&mut lone);
        lone.hear(peer(0), &of(EPOCH + 1, 4));
        assert_eq!(lone.asked(), [1, 2, 3], "{policy:?}");
        lone.hear(peer(0), &encode(Flags::NONE, 0, EPOCH + 1, 3, Body::Lost { first: 1, stamp: 0 }));
        lone.take();
        assert_eq!(lone.stream().delivered, 2, "{policy:?}");
        assert_eq!(lone.node.stats().rx.lost, 2, "{policy:?}: what cannot be had is reported");
    }
}

/// A peer that is new is another matter.
// RMC-JOIN-1
#[test]
fn seed_s37_an_unknown_peer_is_followed_by_the_policy() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Now);
    lone.hear(peer(0), &of(EPOCH, 4));
    assert_eq!((lone.take(), lone.asked()), (vec![message(4)], vec![]));
}

/// The receiver's NACKs are for the epoch that it follows.
// RMC-NACK-3
#[test]
fn seed_s37_the_new_epoch_is_asked_by_its_number() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    wait(&mut lone);
    lone.hear(peer(0), &of(EPOCH + 1, 2));
    let [ref nack] = lone.sent[..] else { panic!("{:?}", lone.sent) };
    let packet = Packet::decode(&nack.bytes).expect("it was decoded when it left");
    assert!(matches!(packet.body, Body::Nack { target_epoch, .. } if target_epoch == EPOCH + 1), "{packet}");
    assert_eq!(packet.epoch, OWN);
}

/// Known, received, and whether that is newer.
const SERIAL: [(u32, u32, bool); 12] = [
    (0, 1, true),
    (1, 0, false),
    (u32::MAX, 0, true),
    (0, u32::MAX, false),
    (u32::MAX - 5, 5, true),
    (5, u32::MAX - 5, false),
    (0, (1 << 31) - 1, true),
    (0, 1 << 31, false),
    (0, (1 << 31) + 1, false),
    (1 << 31, 0, false),
    ((1 << 31) + 1, 0, true),
    (3_000_000_000, 3_000_000_000 - (1 << 31), false),
];

/// It is the peer's, not the stream's: the way to it is the same.
// RMC-EPOCH-3, RMC-NACK-3
#[test]
fn seed_s37_the_round_trip_outlives_a_restart() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([2]);
    lone.run_to(15 * MS);
    lone.hear_unicast(peer(0), &repair(1));
    lone.hear(peer(0), &of(EPOCH + 1, 1));
    assert_eq!(lone.node.peer(peer(0)).and_then(|peer| peer.rtt), Some(15 * MS));
}

// RMC-EPOCH-1
#[test]
fn seed_s37_newer_and_older_are_as_in_rfc_1982() {
    for (known, received, newer) in SERIAL {
        // A peer without a stream has nothing that could be lost: a newer epoch is followed at once.
        let mut lone = Lone::new(|_| {});
        let mut announced = heartbeat(0);
        announced[4..8].copy_from_slice(&known.to_be_bytes());
        lone.hear(peer(0), &announced);
        lone.hear(peer(0), &of(received, 1));
        let expected = if newer { vec![message(1)] } else { vec![] };
        assert_eq!(lone.take(), expected, "{received} after {known}");
        assert_eq!(restarts(&mut lone), if newer { vec![(known, received)] } else { vec![] });
        assert_eq!(epoch(&lone), if newer { received } else { known });
        assert_eq!(lone.node.stats().dropped.stale_epoch, u64::from(!newer));
        // With a stream, a newer one waits.
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &of(known, 1));
        lone.hear(peer(0), &of(received, 1));
        let dropped = lone.node.stats().dropped;
        assert_eq!((dropped.early_epoch, dropped.stale_epoch), (u64::from(newer), u64::from(!newer)));
    }
}

/// What a peer said last, and how long it may be silent until another epoch, not a newer one, takes over.
fn promises() -> Vec<(&'static str, Vec<u8>, Duration)> {
    let beat = |interval| heartbeat_with(Flags::NONE, 1, 1, interval);
    vec![
        ("10 ms, and 10 ms tolerance", data(1), 20 * MS),
        ("75 ms by index", data_with(Flags::NONE, 4, EPOCH, 1), 112 * MS + 500 * US),
        ("500 ms and half of it", beat(500 * MS), 750 * MS),
        ("600 ms and half of it", beat(600 * MS), 900 * MS),
        ("700 ms would be 1,050", beat(700 * MS), SECOND),
        ("a long promise", beat(20 * SECOND), SECOND),
        ("no promise", data_with(Flags::NONE, NO_PROMISE, EPOCH, 1), SECOND),
        ("no stream at all", heartbeat_with(Flags::NONE, 0, 1, Duration::ZERO), SECOND),
    ]
}

// RMC-EPOCH-4
#[test]
fn seed_s37_another_epoch_is_dropped_while_the_known_one_is_heard() {
    for (name, last, patience) in promises() {
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &last);
        lone.take();
        lone.run_to(patience - NS);
        lone.hear(peer(0), &of(EPOCH - 1, 1));
        assert_eq!((lone.take(), epoch(&lone)), (vec![], EPOCH), "{name}");
        assert_eq!(lone.node.stats().dropped.stale_epoch, 1, "{name}");
        assert_eq!(restarts(&mut lone), [], "{name}");
    }
}

// RMC-EPOCH-4
#[test]
fn seed_s37_another_epoch_takes_over_when_the_known_one_is_silent() {
    for (name, last, patience) in promises() {
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &last);
        lone.take();
        lone.run_to(patience);
        lone.hear(peer(0), &of(EPOCH - 1, 1));
        assert_eq!(restarts(&mut lone), [(EPOCH, EPOCH - 1)], "{name}");
        assert_eq!(epoch(&lone), EPOCH - 1, "{name}");
        assert_eq!(lone.take().last(), Some(&message(1)), "{name}");
    }
}

/// The configured tolerance counts, up to the second.
// RMC-EPOCH-4, RMC-LIVE-3
#[test]
fn seed_s37_the_patience_follows_the_tolerance() {
    for (tolerance, patience) in [(Duration::ZERO, 10 * MS), (300 * MS, 310 * MS), (5 * SECOND, SECOND)] {
        for (at, expected) in [(patience - NS, EPOCH), (patience, EPOCH - 1)] {
            let mut lone = Lone::new(|config| config.heartbeat_tolerance = Some(tolerance));
            lone.hear_all([1]);
            lone.run_to(at);
            lone.hear(peer(0), &of(EPOCH - 1, 1));
            assert_eq!(epoch(&lone), expected, "{tolerance:?}");
        }
    }
}

/// What is dropped is no sign of life of the known epoch, however often it comes.
// RMC-EPOCH-4
#[test]
fn seed_s37_a_stale_packet_does_not_prolong_the_known_epoch() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &heartbeat(1));
    for step in 1..75 {
        lone.run_to(10 * MS * step);
        lone.hear(peer(0), &of(EPOCH - 1, 1));
        assert_eq!(epoch(&lone), EPOCH);
    }
    lone.run_to(750 * MS);
    lone.hear(peer(0), &of(EPOCH - 1, 1));
    assert_eq!(epoch(&lone), EPOCH - 1);
}

/// As long as the known epoch speaks it stays, and the other one is not heard: its NACKs are not served either.
// RMC-EPOCH-4
#[test]
fn seed_s37_the_known_epoch_stays_as_long_as_it_speaks() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    for round in 1..=20 {
        lone.hear(peer(0), &data(round));
        lone.run_for(15 * MS);
        lone.hear(peer(0), &of(EPOCH - 1, round));
    }
    assert_eq!((epoch(&lone), restarts(&mut lone)), (EPOCH, vec![]));
    assert_eq!(lone.take(), (1..=20).map(message).collect::<Vec<_>>());
    forget(&mut lone);
    let mut stale = nack(1, &[(1, 3)]);
    stale[4..8].copy_from_slice(&(EPOCH - 1).to_be_bytes());
    lone.hear_unicast(peer(0), &stale);
    assert_eq!(lone.sent(), [], "no repair, and no answer");
    lone.hear_unicast(peer(0), &nack(1, &[(1, 1)]));
    assert_eq!(lone.sent(), [Sent::Repair(1)]);
}

/// A clock that was set back makes a sender unheard for a second, not for ever: it is followed from 1 under its older
/// epoch.
// RMC-EPOCH-3, RMC-EPOCH-4, RMC-PEER-7
#[test]
fn seed_s37_an_older_epoch_that_took_over_is_followed_from_1_and_the_first_one_from_where_it_stood() {
    for policy in [JoinPolicy::Now, JoinPolicy::FromStart] {
        let mut lone = Lone::new(|config| config.join_policy = policy);
        lone.hear_all([1, 2, 3]);
        lone.take();
        lone.run_to(SECOND);
        forget(&mut lone);
        lone.hear(peer(0), &of(EPOCH - 40, 2));
        assert_eq!(lone.asked(), [1], "{policy:?}");
        lone.hear(peer(0), &of(EPOCH - 40, 1));
        assert_eq!(lone.take(), [Item::Restarted(EPOCH - 40), message(1), message(2)], "{policy:?}");
        wait(&mut lone);
        lone.hear(peer(0), &data(4));
        assert_eq!(lone.take(), [Item::Restarted(EPOCH), message(4)], "{policy:?}: nothing comes twice");
        assert_eq!((epoch(&lone), lone.asked()), (EPOCH, vec![]), "{policy:?}");
        lone.run_for(SECOND);
        lone.hear(peer(0), &of(EPOCH - 40, 4));
        assert_eq!((epoch(&lone), lone.asked()), (EPOCH - 40, vec![3]), "{policy:?}");
    }
}

/// The private stream of the old epoch is over too, and that of the new one begins at 1.
// RMC-EPOCH-3, RMC-PRIV-3
#[test]
fn seed_s37_private_streams_restart_as_well() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 1));
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH, 3));
    wait(&mut lone);
    lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH + 1, 1));
    let expected = [message(1), lost(2, 2, LossCause::Restarted), message(3), Item::Restarted(EPOCH + 1), message(1)];
    assert_eq!(lone.take(), expected);
}

/// Two restarts are two.
// RMC-EPOCH-3
#[test]
fn seed_s37_every_restart_is_told() {
    let mut lone = Lone::new(|_| {});
    for epoch in EPOCH..EPOCH + 5 {
        lone.hear(peer(0), &of(epoch, 1));
        wait(&mut lone);
    }
    let mut expected = vec![message(1)];
    for epoch in EPOCH + 1..EPOCH + 5 {
        expected.extend([Item::Restarted(epoch), message(1)]);
    }
    assert_eq!(lone.take(), expected);
    assert_eq!(restarts(&mut lone).len(), 4);
}
