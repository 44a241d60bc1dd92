//! The seed's rule S18: private streams, as their receiver follows them.

use rmc_core::packet::{Body, Flags};
use rmc_core::{Event, JoinPolicy, LossCause, Path, Stream};

use crate::given::{Came, came, decoded, last_stamp, private_data, private_heartbeat, sent_to, told_lost};
use crate::lone::{EPOCH, Item, Lone, MS, SECOND, Sent, lost, message, peer};
use crate::packets::{self, data_with, encode};

const POLICIES: [JoinPolicy; 3] = [JoinPolicy::Now, JoinPolicy::Oldest, JoinPolicy::FromStart];

fn joining(policy: JoinPolicy) -> Lone {
    Lone::new(|config| config.join_policy = policy)
}

fn private_repair(seq: u64) -> Vec<u8> {
    data_with(Flags::PRIVATE | Flags::RESENT, 0, EPOCH, seq)
}

// RMC-PRIV-3
#[test]
fn seed_s18_a_private_stream_is_followed_from_1_whatever_the_policy() {
    for policy in POLICIES {
        let mut lone = joining(policy);
        lone.hear_unicast(peer(0), &private_data(3));
        let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.private, sent.what)).collect();
        assert_eq!(told, [(peer(0), true, Sent::Nack(vec![(1, 2)]))], "{policy:?}");
        lone.hear_unicast(peer(0), &private_repair(1));
        lone.hear_unicast(peer(0), &private_repair(2));
        let seen: Vec<_> = came(&mut lone).into_iter().map(|message| (message.stream, message.seq)).collect();
        assert_eq!(seen, [1, 2, 3].map(|seq| (Stream::Private, seq)), "{policy:?}");
    }
}

// RMC-PRIV-3
#[test]
fn seed_s18_or_from_the_oldest_number_that_the_first_answer_tells() {
    for policy in POLICIES {
        let mut lone = joining(policy);
        lone.hear_unicast(peer(0), &private_heartbeat(6, 5));
        let stamp = last_stamp(&lone);
        let asked: Vec<_> = sent_to(&mut lone).into_iter().map(|(_, what)| what).collect();
        assert!(asked.contains(&Sent::Nack(vec![(1, 6)])), "anybody could say so; {policy:?}: {asked:?}");
        lone.hear_unicast(peer(0), &private_answer(5, Body::Lost { first: 1, stamp }));
        lone.hear_unicast(peer(0), &private_repair(5));
        assert_eq!((lone.take(), told_lost(&mut lone)), (vec![message(5)], vec![]), "{policy:?}");
    }
}

fn private_answer(seq: u64, body: Body<'_>) -> Vec<u8> {
    encode(Flags::PRIVATE, 255, EPOCH, seq, body)
}

/// The RESET that a stream made again begins with makes the receiver ask once, and the answer counts.
// RMC-PRIV-3, RMC-PRIV-6, RMC-LOST-7
#[test]
fn seed_s18_the_first_reset_sets_the_start_unreported() {
    for policy in POLICIES {
        let mut lone = joining(policy);
        lone.hear_unicast(peer(0), &private_answer(7, Body::Reset { stamp: 0 }));
        lone.hear_unicast(peer(0), &private_data(8));
        let stamp = last_stamp(&lone);
        assert_eq!((lone.take(), lone.sent()), (vec![], vec![Sent::Nack(vec![(1, 7)])]));
        lone.hear_unicast(peer(0), &private_answer(7, Body::Reset { stamp }));
        assert_eq!((lone.take(), told_lost(&mut lone), lone.sent()), (vec![message(8)], vec![], vec![]));
    }
}

/// The private stream of a new epoch may have been made again before this node heard of it.
// RMC-PRIV-3, RMC-EPOCH-3
#[test]
fn seed_s18_so_does_the_first_answer_after_a_restart() {
    let answers: [fn(u32) -> (u64, Body<'static>); 2] =
        [|stamp| (7, Body::Reset { stamp }), |stamp| (8, Body::Lost { first: 1, stamp })];
    for answer in answers {
        let mut lone = Lone::new(|_| {});
        lone.hear_unicast(peer(0), &private_data(1));
        lone.take();
        // As long as the old epoch had promised to say something.
        lone.run_for(20 * MS);
        lone.hear_unicast(peer(0), &data_with(Flags::PRIVATE, 0, EPOCH + 1, 8));
        let (seq, body) = answer(last_stamp(&lone));
        lone.sent.clear();
        lone.hear_unicast(peer(0), &encode(Flags::PRIVATE, 255, EPOCH + 1, seq, body));
        assert_eq!(lone.take(), [Item::Restarted(EPOCH + 1), message(8)]);
        assert_eq!((told_lost(&mut lone), lone.sent()), (vec![], vec![]));
    }
}

// RMC-ACK-1
#[test]
fn seed_s18_a_private_heartbeat_is_answered_with_a_private_ack() {
    let mut lone = Lone::new(|_| {});
    for seq in [1, 2, 3, 5] {
        lone.hear_unicast(peer(0), &private_data(seq));
    }
    came(&mut lone);
    lone.sent.clear();
    lone.hear_unicast(peer(0), &private_heartbeat(5, 1));
    assert_eq!(lone.sent.len(), 1);
    let sent = &lone.sent[0];
    assert_eq!((sent.to, sent.private, &sent.what), (peer(0), true, &Sent::Ack(3)));
    let Body::Ack { target_epoch, .. } = decoded(sent).body else { panic!("an Ack") };
    assert_eq!(target_epoch, EPOCH);
    assert_eq!(lone.node.stats().tx.acks, 1);
}

/// It tells how much more the window takes: what waits behind a gap and what was not taken is not free.
// RMC-ACK-1
#[test]
fn seed_s18_the_ack_tells_the_room_left() {
    let mut lone = Lone::new(crate::given::window_of_ten);
    let window = |lone: &mut Lone| {
        lone.sent.clear();
        lone.hear_unicast(peer(0), &private_heartbeat(5, 1));
        let ack = lone.sent.iter().find(|sent| matches!(sent.what, Sent::Ack(_))).expect("an Ack");
        let Body::Ack { window, .. } = decoded(ack).body else { panic!("an Ack") };
        (ack.what.clone(), window)
    };
    for seq in 1..=3 {
        lone.hear_unicast(peer(0), &private_data(seq));
    }
    assert_eq!(window(&mut lone), (Sent::Ack(3), 7));
    came(&mut lone);
    assert_eq!(window(&mut lone), (Sent::Ack(3), 10));
}

/// One Ack for each heartbeat, and none for anything else.
// RMC-ACK-1
#[test]
fn seed_s18_nothing_else_is_acknowledged() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear_unicast(peer(0), &private_repair(1));
    lone.hear_unicast(peer(0), &packets::heartbeat(0));
    lone.hear(peer(0), &packets::data(1));
    lone.run_for(50 * MS);
    assert_eq!(lone.sent(), []);
    for _ in 0..3 {
        lone.hear_unicast(peer(0), &private_heartbeat(1, 1));
        assert_eq!(lone.sent(), [Sent::Ack(1)]);
    }
}

/// What is missing is asked for with PRIVATE, and reported in its stream.
// RMC-PRIV-1, RMC-PRIV-2
#[test]
fn seed_s18_its_gaps_are_its_own() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &packets::data(1));
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear_unicast(peer(0), &private_data(4));
    let stamp = last_stamp(&lone);
    let told: Vec<_> = lone.sent.drain(..).map(|sent| (sent.to, sent.private, sent.what)).collect();
    assert_eq!(told, [(peer(0), true, Sent::Nack(vec![(2, 3)]))]);
    lone.hear_unicast(peer(0), &encode(Flags::PRIVATE, 0, EPOCH, 4, Body::Lost { first: 1, stamp }));
    assert_eq!(lone.take(), [message(1), message(1), lost(2, 3, LossCause::Lost), message(4)]);
    let streams = lone.told(|event| if let Event::GotLost { stream, .. } = event { Some(stream) } else { None });
    assert_eq!(streams, [Stream::Private]);
    assert_eq!(lone.stream().known, 1, "the group's stream is where it was");
}

fn missing(lone: &mut Lone) -> Vec<Stream> {
    lone.told(|event| if let Event::MissingHeartbeat { stream, .. } = event { Some(stream) } else { None })
}

// RMC-PRIV-4
#[test]
fn seed_s18_who_has_acknowledged_all_expects_nothing_more() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear_unicast(peer(0), &private_heartbeat(1, 1));
    assert_eq!(lone.sent(), [Sent::Ack(1)]);
    lone.run_for(5 * SECOND);
    assert_eq!(missing(&mut lone), []);
    // Until it learns of a higher number.
    lone.hear_unicast(peer(0), &private_data(2));
    lone.run_for(SECOND);
    assert!(missing(&mut lone).contains(&Stream::Private));
}

// RMC-PRIV-4
#[test]
fn seed_s18_who_still_misses_something_expects_the_next_heartbeat() {
    let mut lone = Lone::new(|_| {});
    lone.hear_unicast(peer(0), &private_data(2));
    lone.hear_unicast(peer(0), &private_heartbeat(2, 1));
    assert!(lone.sent().contains(&Sent::Ack(0)));
    // 20 ms were promised, with 10 ms of tolerance.
    lone.run_for(30 * MS - crate::lone::NS);
    assert_eq!(missing(&mut lone), []);
    lone.run_for(crate::lone::NS);
    assert_eq!(missing(&mut lone), [Stream::Private]);
}

/// From one node to another and back: data, heartbeat, Ack, silence.
// RMC-PRIV-1, RMC-PRIV-4, RMC-ACK-1
#[test]
fn seed_s18_both_ends_together() {
    let (sender_address, receiver_address) = (peer(8), peer(9));
    let mut sender = Lone::new(|_| {});
    let mut receiver = Lone::new(|config| config.join_policy = JoinPolicy::Now);
    assert_eq!(sender.node.send_to(sender.instant(), receiver_address, &packets::payload(1)), Ok(1));
    let mut datagrams = 0;
    for step in 0..200_u32 {
        let now = 5 * MS * step;
        sender.run_to(now);
        receiver.run_to(now);
        for sent in std::mem::take(&mut sender.sent) {
            datagrams += 1;
            assert_eq!(sent.to, receiver_address);
            receiver.hear_unicast(sender_address, &sent.bytes);
        }
        for sent in std::mem::take(&mut receiver.sent) {
            datagrams += 1;
            assert_eq!(sent.to, sender_address);
            sender.hear_unicast(receiver_address, &sent.bytes);
        }
    }
    let expected = Came { peer: sender_address, stream: Stream::Private, path: Path::Unicast, seq: 1 };
    assert_eq!(came(&mut receiver), [expected]);
    assert_eq!(datagrams, 3, "Data, Heartbeat, Ack");
    assert_eq!((sender.node.stats().held.backlog_packets, missing(&mut receiver)), (0, vec![]));
}
