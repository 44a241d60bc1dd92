//! The seed's rule S14: how a NACK is served.

use rmc_core::Event;
use rmc_core::packet::{Flags, Packet};

use crate::given::{backlog_of_ten, decoded, send_private, sender, sent_to};
use crate::lone::{Lone, MS, SECOND, Sent, group, message, peer};
use crate::packets::{self, data, nack, payload};

/// What was sent, to whom, with which stamp.
fn answers(lone: &mut Lone) -> Vec<(std::net::SocketAddr, Sent, u32)> {
    lone.sent.drain(..).map(|sent| (sent.to, sent.what, sent.stamp)).collect()
}

/// A sender whose backlog `reset` has emptied after 5 packets.
fn emptied() -> Lone {
    let mut lone = sender(5, |_| {});
    lone.node.reset(lone.instant()).expect("it may");
    lone.settle();
    lone.sent.clear();
    lone
}

// RMC-REPAIR-1, RMC-REPAIR-4
#[test]
fn seed_s14_an_empty_backlog_is_answered_with_reset_to_the_asker_alone() {
    let mut lone = emptied();
    assert_eq!(lone.node.stats().held.backlog_packets, 0);
    lone.hear_unicast(peer(1), &nack(77, &[(2, 3)]));
    assert_eq!(answers(&mut lone), [(peer(1), Sent::Reset(5), 77)]);
}

// RMC-REPAIR-4
#[test]
fn seed_s14_a_backlog_that_aged_away_is_answered_with_reset() {
    let mut lone = sender(5, |config| config.backlog_age = Some(50 * MS));
    lone.run_to(49 * MS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(77, &[(5, 5)]));
    assert_eq!(answers(&mut lone), [(peer(1), Sent::Repair(5), 0)]);
    lone.run_to(51 * MS);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(78, &[(5, 5)]));
    assert_eq!(answers(&mut lone), [(peer(1), Sent::Reset(5), 78)]);
}

/// In the seed it takes a number, and makes a gap for everybody else.
// RMC-REPAIR-4
#[test]
fn seed_s14_a_reset_as_an_answer_uses_up_no_number() {
    let mut lone = emptied();
    for round in 1..=5 {
        lone.run_for(20 * MS);
        lone.hear_unicast(peer(1), &nack(round, &[(1, 1)]));
    }
    lone.sent.clear();
    assert_eq!(lone.node.next_seq(), 6);
    lone.send_all(1);
    assert_eq!(lone.sent(), [Sent::Data(6)]);
}

// RMC-REPAIR-1, RMC-REPAIR-3
#[test]
fn seed_s14_what_is_older_than_the_backlog_is_answered_with_lost_to_the_asker_alone() {
    let mut lone = sender(30, backlog_of_ten);
    lone.hear_unicast(peer(1), &nack(77, &[(3, 4), (9, 9), (20, 20)]));
    assert_eq!(answers(&mut lone), [(peer(1), Sent::Lost(1, 20), 77)]);
}

// RMC-REPAIR-3
#[test]
fn seed_s14_the_answers_name_the_oldest_number_as_it_stands_when_they_leave() {
    let mut lone = sender(30, backlog_of_ten);
    lone.feed(peer(1), rmc_core::Path::Unicast, &nack(77, &[(5, 5), (21, 22)]));
    // Before it is polled a further packet pushes 21 out. Answers are control packets, but repairs wait for their turn.
    lone.node.send(lone.instant(), &payload(31)).expect("there is room");
    lone.settle();
    let told = answers(&mut lone);
    assert_eq!(told[0], (peer(1), Sent::Lost(1, 20), 77));
    assert!(told.contains(&(group(), Sent::Data(31), 0)));
    assert!(told.contains(&(peer(1), Sent::Repair(22), 0)), "{told:?}");
    let of_21 = |what: &Sent| matches!(what, Sent::Repair(21) | Sent::Lost(1, 21));
    assert_eq!(told.iter().filter(|(_, what, _)| of_21(what)).count(), 1, "{told:?}");
}

// RMC-REPAIR-2, RMC-REPAIR-3
#[test]
fn seed_s14_the_oldest_number_of_the_backlog_is_repaired() {
    let mut lone = sender(30, backlog_of_ten);
    lone.hear_unicast(peer(1), &nack(1, &[(21, 21)]));
    assert_eq!(answers(&mut lone), [(peer(1), Sent::Repair(21), 0)]);
}

// RMC-REPAIR-3
#[test]
fn seed_s14_the_number_below_the_oldest_is_lost() {
    let mut lone = sender(30, backlog_of_ten);
    lone.hear_unicast(peer(1), &nack(2, &[(20, 20)]));
    assert_eq!(answers(&mut lone), [(peer(1), Sent::Lost(1, 20), 2)]);
}

/// A NACK that reaches from below the backlog into it gets both answers.
// RMC-REPAIR-3, RMC-REPAIR-2
#[test]
fn seed_s14_lost_and_repairs_may_answer_one_nack() {
    let mut lone = sender(30, backlog_of_ten);
    lone.hear_unicast(peer(1), &nack(3, &[(18, 23)]));
    let told: Vec<_> = answers(&mut lone).into_iter().map(|(to, what, _)| (to, what)).collect();
    assert_eq!(
        told,
        [Sent::Lost(1, 20), Sent::Repair(21), Sent::Repair(22), Sent::Repair(23)].map(|what| (peer(1), what))
    );
}

// RMC-REPAIR-1, RMC-REPAIR-2
#[test]
fn seed_s14_what_is_in_the_backlog_is_sent_again_as_it_was_to_the_asker_alone() {
    let mut lone = Lone::new(|config| {
        config.max_datagram = 64;
        config.max_message = 1_000;
    });
    // Three fragments, and a message of one packet.
    lone.node.send(lone.instant(), &[7; 120]).expect("there is room");
    lone.node.send(lone.instant(), b"one").expect("there is room");
    lone.settle();
    let first: Vec<_> = lone.sent.drain(..).collect();
    lone.hear_unicast(peer(1), &nack(1, &[(1, 4)]));
    assert_eq!(lone.sent.len(), 4);
    for (first, again) in first.iter().zip(&lone.sent) {
        let (first, repair): (Packet<'_>, Packet<'_>) = (decoded(first), decoded(again));
        assert_eq!(again.to, peer(1));
        assert_eq!(repair.flags, first.flags | Flags::RESENT);
        assert_eq!((repair.epoch, repair.seq, repair.body), (first.epoch, first.seq, first.body));
    }
}

// RMC-REPAIR-2
#[test]
fn seed_s14_a_private_repair_stays_private() {
    let mut lone = Lone::new(|_| {});
    send_private(&mut lone, 1);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &crate::given::private_nack(9, 1, 1));
    let repair = decoded(&lone.sent[0]);
    assert_eq!((lone.sent[0].to, repair.seq), (peer(1), 1));
    assert_eq!(repair.flags, Flags::RESENT | Flags::PRIVATE | Flags::FIRST | Flags::LAST);
}

fn group_heartbeats(lone: &Lone) -> Vec<std::time::Duration> {
    let beats = lone.sent.iter().filter(|sent| sent.to == group() && matches!(sent.what, Sent::Heartbeat { .. }));
    beats.map(|sent| sent.at).collect()
}

/// Every repair, Lost and Reset counts: they say that somebody is missing something.
// RMC-REPAIR-11
#[test]
fn seed_s14_serving_starts_the_heartbeat_over_at_its_shortest_interval() {
    for asked in [(25, 25), (3, 3)] {
        let mut lone = sender(30, backlog_of_ten);
        // By now the interval has grown to 500 ms: 1,755 was the last, 2,255 the next.
        lone.run_to(2 * SECOND);
        lone.sent.clear();
        lone.hear_unicast(peer(1), &nack(1, &[asked]));
        let header = decoded(&lone.sent[0]).heartbeat;
        assert_eq!(header, 0, "the answer promises the shortest interval");
        lone.run_to(2_200 * MS);
        // 10 ms after the answer, and then down the table: 20, 50, 50, 75.
        assert_eq!(group_heartbeats(&lone), [2_010, 2_030, 2_080, 2_130].map(|at| at * MS));
    }
}

// RMC-REPAIR-6
#[test]
fn seed_s14_in_no_case_is_there_silence() {
    let cases: [(Lone, (u64, u64)); 6] = [
        (sender(0, |_| {}), (1, 1)),
        (sender(3, |_| {}), (1, 2)),
        (sender(3, |_| {}), (4, 9)),
        (sender(3, |_| {}), (3, 9)),
        (sender(30, backlog_of_ten), (1, 2)),
        (emptied(), (1, 2)),
    ];
    for (index, (mut lone, asked)) in cases.into_iter().enumerate() {
        lone.hear_unicast(peer(1), &nack(1, &[asked]));
        assert!(!lone.sent.is_empty(), "case {index}");
        assert!(lone.sent.iter().all(|sent| sent.to == peer(1)), "case {index}");
    }
}

#[test]
fn seed_s14_the_events_tell_who_asked_and_what_was_answered() {
    let mut lone = sender(30, backlog_of_ten);
    lone.hear_unicast(peer(1), &nack(3, &[(20, 20), (22, 23)]));
    let told = lone.told(|event| match event {
        Event::GotNack { peer, seq, count, .. } => Some(("nack", peer, seq, count)),
        Event::SentLost { destination, range } => Some(("lost", destination, range.first(), range.len())),
        Event::SentRepair { destination, seq } => Some(("repair", destination, seq, 1)),
        _ => None,
    });
    assert_eq!(
        told,
        [("nack", peer(1), 20, 3), ("lost", peer(1), 1, 20), ("repair", peer(1), 22, 1), ("repair", peer(1), 23, 1),]
    );
    let repair = lone.node.stats().repair;
    assert_eq!((repair.nacks_received, repair.lost_sent, repair.repairs_sent), (1, 1, 2));
}

/// Both ends together: what one asks for the other answers.
// RMC-REPAIR-2, RMC-DATA-4
#[test]
fn seed_s14_the_answer_fills_the_gap_of_the_asker() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    lone.hear_unicast(peer(0), &packets::repair(2));
    lone.hear(peer(0), &data(4));
    assert_eq!(lone.take(), (1..=4).map(message).collect::<Vec<_>>());
    assert_eq!(sent_to(&mut lone).len(), 1);
}
