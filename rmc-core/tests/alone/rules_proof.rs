//! Rules about askers whose addresses may be forged.

use std::time::Duration;

use rmc_core::packet::Flags;
use rmc_core::{Path, RepairMode};

use crate::asking::{Nack, adaptive, answers, ask, cookie_in, cookie_of, trusting};
use crate::lone::{EPOCH, Lone, MS, NS, OWN, SECOND, Sent, group, peer};
use crate::packets::{ack, nack_to};

const ONE: [(u64, u64); 1] = [(5, 5)];

// RMC-PROOF-2, RMC-REPAIR-12
#[test]
fn rmc_proof_2_what_an_unproven_address_asks_for_goes_to_all_and_it_gets_a_cookie() {
    for mode in [RepairMode::Unicast, RepairMode::Multicast, RepairMode::Adaptive] {
        let mut lone = adaptive(10, |config| config.repair_mode = mode);
        let told = ask(&mut lone, 1, Nack::new(&ONE));
        let [ref confirm, ref repair] = told[..] else { panic!("{mode:?} {told:?}") };
        assert_eq!((confirm.to, confirm.stamp), (peer(1), 7));
        let Sent::Confirm { seq, reason, delay, cookie } = confirm.what else { panic!("{confirm:?}") };
        assert_eq!((seq, reason, delay), (5, 0, Duration::ZERO));
        assert_ne!(cookie, 0);
        assert_eq!((repair.to, &repair.what), (group(), &Sent::Repair(5)));
    }
}

// RMC-PROOF-1, RMC-REPAIR-13
#[test]
fn rmc_proof_1_the_cookie_proves_the_address() {
    for mode in [RepairMode::Unicast, RepairMode::Adaptive] {
        let mut lone = adaptive(10, |config| config.repair_mode = mode);
        let cookie = cookie_of(&mut lone, 1, 5);
        assert_eq!(answers(&mut lone, 1, Nack::new(&[(6, 6)]).cookie(cookie)), [(peer(1), Sent::Repair(6))]);
    }
}

/// Whoever forges a NACK of an address that has proven itself gets no unicast repair to it.
// RMC-PROOF-1
#[test]
fn rmc_proof_1_it_is_proven_for_that_nack_and_address_and_epoch_only() {
    let mut lone = adaptive(10, |_| {});
    let cookie = cookie_of(&mut lone, 1, 1);
    let unproven = [
        (2, Nack::new(&ONE).cookie(cookie)),
        (1, Nack::new(&ONE).cookie(cookie ^ 1)),
        (1, Nack::new(&ONE)),
        (1, Nack { epoch: EPOCH + 1, ..Nack::new(&ONE).cookie(cookie) }),
    ];
    for (index, (from, nack)) in unproven.into_iter().enumerate() {
        lone.run_for(SECOND);
        let told = answers(&mut lone, from, nack);
        assert!(told.contains(&(group(), Sent::Repair(5))), "{index}: {told:?}");
        assert!(!told.contains(&(peer(from), Sent::Repair(5))), "{index}: {told:?}");
    }
}

/// No longer than the shortest NACK that there is.
// RMC-PROOF-2
#[test]
fn rmc_proof_2_a_confirm_is_no_longer_than_the_nack() {
    for ranges in [&ONE[..], &[(1, 2), (4, 5), (7, 10)], &[(5, u64::from(u32::MAX))]] {
        let mut lone = adaptive(10, |_| {});
        let told = ask(&mut lone, 1, Nack::new(ranges));
        let confirm = told.iter().find(|sent| cookie_in(&sent.what).is_some()).expect("a Confirm");
        assert!(confirm.bytes.len() <= Nack::new(ranges).bytes().len());
        assert_eq!(told.iter().filter(|sent| sent.to == peer(1)).count(), 1);
    }
}

// RMC-REPAIR-12, RMC-PROOF-2
#[test]
fn rmc_repair_12_a_peer_gets_one_confirm_in_20_ms() {
    let confirms = |time: Duration| {
        let mut lone = adaptive(10, |_| {});
        ask(&mut lone, 1, Nack::new(&ONE));
        lone.run_for(time);
        ask(&mut lone, 1, Nack::new(&ONE)).iter().filter(|sent| cookie_in(&sent.what).is_some()).count()
    };
    assert_eq!((confirms(20 * MS - MS), confirms(20 * MS)), (0, 1));
}

/// One that has proven its address, and asks again for what left a round trip ago.
// RMC-REPAIR-12
#[test]
fn rmc_repair_12_who_asks_again_learns_its_round_trip() {
    let mut lone = trusting(10, |_| {});
    let nack = Nack::new(&ONE).rtt(MS);
    assert_eq!(answers(&mut lone, 1, nack), [(peer(1), Sent::Repair(5))]);
    lone.run_for(MS);
    let told = ask(&mut lone, 1, Nack { stamp: 99, ..nack });
    let confirm =
        Sent::Confirm { seq: 5, reason: 0, delay: Duration::ZERO, cookie: cookie_in(&told[0].what).unwrap_or(0) };
    assert_eq!((told[0].to, &told[0].what, told[0].stamp), (peer(1), &confirm, 99));
}

// RMC-PROOF-1
#[test]
fn rmc_proof_1_without_verify_askers_every_address_is_proven() {
    let mut lone = trusting(10, |_| {});
    assert_eq!(answers(&mut lone, 1, Nack::new(&ONE)), [(peer(1), Sent::Repair(5))]);
}

/// A private stream whose packets have `len` bytes.
fn private(len: usize) -> Lone {
    let mut lone = adaptive(0, |_| {});
    for _ in 0..3 {
        lone.node.send_to(lone.instant(), peer(1), &vec![1; len - 16]).expect("there is room");
    }
    lone.settle();
    lone.sent.clear();
    lone
}

/// Three times the 41 bytes of the NACK, less the 38 of the Confirm.
// RMC-PROOF-3, RMC-PROOF-4
#[test]
fn rmc_proof_3_a_private_repair_goes_to_an_unproven_address_within_the_limit() {
    for (len, reason, repaired) in [(85, 0, true), (86, 1, false)] {
        let mut lone = private(len);
        let told = ask(&mut lone, 1, Nack::new(&[(2, 2)]).private());
        assert!(told.iter().all(|sent| sent.to == peer(1) && sent.private), "{told:?}");
        assert_eq!(told.iter().any(|sent| sent.what == Sent::Repair(2)), repaired, "{len}");
        let Sent::Confirm { reason: told, delay, .. } = told[0].what else { panic!("{told:?}") };
        assert_eq!((told, delay), (reason, Duration::ZERO), "{len}: what is withheld is asked for again at once");
    }
}

// RMC-PROOF-3
#[test]
fn rmc_proof_3_with_the_cookie_a_private_stream_is_repaired_whole() {
    let mut lone = private(1_000);
    let told = ask(&mut lone, 1, Nack::new(&[(1, 3)]).private());
    let cookie = cookie_in(&told[0].what).expect("a Confirm");
    assert_eq!(told.len(), 1);
    let told = answers(&mut lone, 1, Nack::new(&[(1, 3)]).private().cookie(cookie));
    assert_eq!(told, (1..=3).map(|seq| (peer(1), Sent::Repair(seq))).collect::<Vec<_>>());
}

/// A table of 128 intervals is a datagram of 529 bytes.
// RMC-PROOF-4, RMC-HB-9
#[test]
fn rmc_proof_4_the_heartbeat_table_waits_until_it_may_go() {
    let table = |config: &mut rmc_core::Config| config.heartbeat_times = vec![20 * MS; 128];
    let has_table = |sent: &[crate::lone::Transmission]| sent.iter().any(|sent| matches!(sent.what, Sent::Times(_)));
    let mut lone = adaptive(10, table);
    // Each Ack of 28 bytes allows for 84: seven of them do.
    for count in 1..=7 {
        lone.sent.clear();
        lone.feed(peer(1), Path::Unicast, &ack(Flags::NONE, OWN, 1));
        lone.settle();
        assert_eq!(has_table(&lone.sent), count == 7, "{count}");
    }
    let mut lone = adaptive(10, table);
    let cookie = cookie_of(&mut lone, 1, 5);
    assert!(has_table(&ask(&mut lone, 1, Nack::new(&[(6, 6)]).cookie(cookie))));
}

/// Whatever comes from an address that proves nothing, at most three times as much goes there: for a peer in all, for
/// one that the table has no room for at each packet.
// RMC-PROOF-4
#[test]
fn rmc_proof_4_no_more_than_three_times_what_came_goes_to_an_unproven_address() {
    for is_peer in [true, false] {
        let mut lone = adaptive(0, |config| {
            config.backlog_packets = 10;
            config.max_peers = 1;
            config.heartbeat_times = vec![20 * MS; 100];
            config.max_message = 1_000;
        });
        // The one peer has proven itself, so that it makes room for nobody.
        let known = u16::from(!is_peer);
        lone.send_all(30);
        let cookie = cookie_of(&mut lone, known, 25);
        ask(&mut lone, known, Nack::new(&[(26, 26)]).cookie(if is_peer { 0 } else { cookie }));
        for _ in 0..5 {
            lone.node.send_to(lone.instant(), peer(0), &[1; 10]).expect("there is room");
        }
        lone.settle();
        let (mut came, mut went) = (if is_peer { 41 + 41 } else { 0 }, if is_peer { 41 } else { 0 });
        let sent = [
            Nack::new(&[(1, 3)]).bytes(),
            Nack::new(&[(25, 30)]).bytes(),
            Nack::new(&[(99, 99)]).bytes(),
            Nack::new(&[(1, 5)]).private().bytes(),
            Nack::new(&[(9, 9)]).private().bytes(),
            nack_to(OWN + 1, Flags::NONE, 1, &[(1, 1)]),
            ack(Flags::NONE, OWN, 30),
            ack(Flags::NONE, OWN + 1, 30),
            ack(Flags::PRIVATE, OWN, 1),
        ];
        for step in 0..900 {
            let bytes = &sent[step % sent.len()];
            lone.run_for(MS * u32::try_from(step % 7).expect("small"));
            lone.sent.clear();
            lone.feed(peer(0), Path::Unicast, bytes);
            lone.settle();
            let now: usize = lone.sent.iter().filter(|sent| sent.to == peer(0)).map(|sent| sent.bytes.len()).sum();
            came += bytes.len();
            went += now;
            if is_peer {
                assert!(went <= 3 * came, "step {step}: {went} bytes for {came}");
            } else {
                assert!(now <= 3 * bytes.len(), "step {step}: {now} bytes for {}", bytes.len());
            }
        }
        assert!(went > came / 2, "it does get answers: {went} for {came}");
    }
}

/// The table of peers is full of others: who proves its address is served all the same, and nothing is kept of it.
// RMC-PROOF-1, RMC-PEER-4
#[test]
fn rmc_proof_1_it_takes_no_place_among_the_peers() {
    let mut lone = adaptive(10, |config| config.max_peers = 1);
    let known = cookie_of(&mut lone, 0, 1);
    ask(&mut lone, 0, Nack::new(&[(2, 2)]).cookie(known));
    let cookie = cookie_of(&mut lone, 1, 5);
    assert_eq!(answers(&mut lone, 1, Nack::new(&[(6, 6)]).cookie(cookie)), [(peer(1), Sent::Repair(6))]);
    assert_eq!(lone.node.stats().held.peers, 1);
}

/// Who asked and proved its address is known for longer than who only asked.
// RMC-PROOF-1, RMC-PEER-10
#[test]
fn rmc_peer_10_a_proven_address_makes_room_for_nobody() {
    for proves in [true, false] {
        let mut lone = adaptive(10, |config| config.max_peers = 2);
        let cookie = cookie_of(&mut lone, 0, 1);
        if proves {
            ask(&mut lone, 0, Nack::new(&[(2, 2)]).cookie(cookie));
        }
        lone.run_for(NS);
        ask(&mut lone, 1, Nack::new(&[(3, 3)]));
        ask(&mut lone, 2, Nack::new(&[(4, 4)]));
        assert_eq!(lone.node.peer(peer(0)).is_some(), proves);
        assert!(lone.node.peer(peer(2)).is_some());
    }
}
