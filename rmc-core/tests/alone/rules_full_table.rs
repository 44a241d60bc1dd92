//! Rules about a table of peers that is full: who makes room for whom.

use std::time::Duration;

use rmc_core::packet::{Flags, NO_PROMISE};
use rmc_core::{EndCause, Event, LossCause, Path};

use crate::given::sent_to;
use crate::lone::{EPOCH, Item, Lone, MS, NS, OWN, SECOND, Sent, lost, message, peer};
use crate::packets::{ack, data, data_with, heartbeat, heartbeat_with, nack};

const TABLE: u16 = 4;

fn small_table() -> Lone {
    Lone::new(|config| config.max_peers = TABLE.into())
}

fn asks(lone: &mut Lone, index: u16) {
    lone.hear_unicast(peer(index), &ack(Flags::NONE, OWN, 0));
}

fn knows(lone: &Lone, index: u16) -> bool {
    lone.node.peer(peer(index)).is_some()
}

/// How many made room, and how many found none.
fn counted(lone: &Lone) -> (u64, u64) {
    let dropped = lone.node.stats().dropped;
    (dropped.evicted_peers, dropped.peers_full)
}

/// A table full of peers that only asked, at 1, 2, 3 and 4 s.
fn askers() -> Lone {
    let mut lone = small_table();
    for index in 1..=TABLE {
        lone.run_to(SECOND * index.into());
        asks(&mut lone, index);
    }
    assert_eq!((lone.node.stats().held.peers, counted(&lone)), (TABLE.into(), (0, 0)));
    lone.events.clear();
    lone
}

// RMC-PEER-10
#[test]
fn rmc_peer_10_the_asker_that_was_silent_longest_makes_room() {
    for newcomer_sends in [true, false] {
        let mut lone = askers();
        lone.run_to(5 * SECOND);
        asks(&mut lone, 1);
        if newcomer_sends {
            lone.hear(peer(9), &data(1));
        } else {
            asks(&mut lone, 9);
        }
        assert_eq!([1, 2, 3, 4, 9].map(|index| knows(&lone, index)), [true, false, true, true, true]);
        assert_eq!((lone.node.stats().held.peers, counted(&lone)), (TABLE.into(), (1, 0)));
        let told = lone.told(|event| matches!(event, Event::PeerExpired { .. }).then_some(event));
        assert_eq!(told, [Event::PeerExpired { peer: peer(2) }]);
    }
}

/// A table that has room evicts nobody, however long who is in it was silent.
// RMC-PEER-10, RMC-PEER-4
#[test]
fn rmc_peer_10_while_there_is_room_nobody_goes() {
    let mut lone = small_table();
    for index in 1..TABLE {
        asks(&mut lone, index);
    }
    lone.run_to(20 * SECOND);
    asks(&mut lone, 9);
    assert_eq!((lone.node.stats().held.peers, counted(&lone)), (TABLE.into(), (0, 0)));
    asks(&mut lone, 10);
    assert_eq!((lone.node.stats().held.peers, counted(&lone)), (TABLE.into(), (1, 0)));
}

/// Who sent is kept over all who only asked.
// RMC-PEER-10
#[test]
fn rmc_peer_10_askers_go_before_senders() {
    let mut lone = small_table();
    lone.hear_all([1]);
    for index in 1..TABLE {
        lone.run_to(SECOND * index.into());
        asks(&mut lone, index);
    }
    lone.run_to(10 * SECOND);
    for index in 10..10 + TABLE - 1 {
        for step in 0..5 {
            lone.run_for(MS);
            asks(&mut lone, 100 + 10 * index + step);
        }
        lone.hear(peer(index), &data(1));
        assert!(knows(&lone, 0) && knows(&lone, index), "{index}");
    }
    assert_eq!(counted(&lone).1, 0);
    asks(&mut lone, 99);
    assert_eq!(counted(&lone).1, 1, "now all have sent");
}

/// Who asked first and sends then is a sender from then on; a heartbeat is of a stream as well.
// RMC-PEER-10
#[test]
fn rmc_peer_10_an_asker_that_sends_is_a_sender() {
    for bytes in [data(1), heartbeat(0)] {
        let mut lone = askers();
        lone.hear(peer(1), &bytes);
        lone.run_to(8 * SECOND);
        for index in 2..=TABLE {
            asks(&mut lone, index);
        }
        lone.run_for(MS);
        asks(&mut lone, 9);
        assert_eq!((knows(&lone, 1), knows(&lone, 2)), (true, false));
    }
}

/// A table full of senders: `promise` is what the first one said last, the others go on speaking.
fn senders(promise: &[u8]) -> Lone {
    let mut lone = small_table();
    lone.hear(peer(0), promise);
    for index in 1..TABLE {
        lone.hear(peer(index), &heartbeat_with(Flags::NONE, 1, 1, 60 * SECOND));
    }
    lone.take();
    lone
}

/// What the first one says, and when its next packet is overdue.
fn promises() -> [(Vec<u8>, Duration); 5] {
    let beat = |interval| heartbeat_with(Flags::NONE, 1, 1, interval);
    [
        (data(1), 20 * MS),
        (beat(500 * MS), 750 * MS),
        (beat(15 * SECOND), 22_500 * MS),
        (data_with(Flags::NONE, NO_PROMISE, EPOCH, 1), SECOND),
        (heartbeat_with(Flags::NONE, 0, 1, Duration::ZERO), SECOND),
    ]
}

/// Whether it makes room for another sender after so long.
fn makes_room(promise: &[u8], after: Duration) -> bool {
    let mut lone = senders(promise);
    lone.run_to(after);
    lone.hear(peer(9), &data(1));
    let goes = knows(&lone, 9);
    assert_eq!((knows(&lone, 0), counted(&lone)), (!goes, if goes { (1, 0) } else { (0, 1) }));
    goes
}

// RMC-PEER-10
#[test]
fn rmc_peer_10_a_sender_that_is_not_overdue_makes_room_for_nobody() {
    for (promise, overdue) in promises() {
        assert!(!makes_room(&promise, overdue - NS), "{overdue:?}");
    }
}

// RMC-PEER-10
#[test]
fn rmc_peer_10_a_sender_that_is_overdue_makes_room_for_another_one() {
    for (promise, overdue) in promises() {
        assert!(makes_room(&promise, overdue), "{overdue:?}");
    }
}

// RMC-PEER-10, RMC-PEER-4
#[test]
fn rmc_peer_10_no_sender_makes_room_for_who_only_asks() {
    let mut lone = senders(&data(1));
    lone.send_all(2);
    lone.run_to(20 * SECOND);
    lone.sent.clear();
    lone.hear_unicast(peer(9), &nack(1, &[(2, 2)]));
    assert_eq!(sent_to(&mut lone), [(peer(9), Sent::Repair(2))], "it is served all the same");
    assert_eq!((knows(&lone, 0), knows(&lone, 9), counted(&lone)), (true, false, (0, 1)));
}

/// Of several that are overdue the one that was silent longest.
// RMC-PEER-10
#[test]
fn rmc_peer_10_of_the_senders_the_one_silent_longest_goes() {
    let mut lone = small_table();
    for (at, index) in [(1, 2), (2, 0), (3, 3), (4, 1)] {
        lone.run_to(SECOND * at);
        lone.hear(peer(index), &data(1));
    }
    lone.run_to(5 * SECOND);
    lone.hear(peer(2), &data(2));
    lone.run_to(6 * SECOND);
    lone.hear(peer(9), &data(1));
    assert_eq!([0, 1, 2, 3, 9].map(|index| knows(&lone, index)), [false, true, true, true, true]);
}

/// It ends as if it had expired, and goes on where it stood when it comes back.
// RMC-PEER-10, RMC-PEER-6, RMC-PEER-7
#[test]
fn rmc_peer_10_who_made_room_is_told_to_its_end_and_remembered() {
    let mut lone = senders(&data(1));
    lone.hear_all([3]);
    lone.run_to(SECOND);
    lone.hear(peer(9), &data(1));
    let expected = [lost(2, 2, LossCause::Expired), message(3), Item::Ended(EndCause::Expired), message(1)];
    assert_eq!(lone.take(), expected);
    // The newcomer is overdue in its turn, and the others are not.
    lone.run_for(SECOND);
    for index in 1..TABLE {
        lone.hear(peer(index), &heartbeat_with(Flags::NONE, 1, 1, 60 * SECOND));
    }
    lone.sent.clear();
    lone.hear_all([2, 3, 4]);
    assert_eq!((lone.take(), lone.asked()), (vec![Item::Ended(EndCause::Expired), message(4)], vec![]));
    assert_eq!((knows(&lone, 0), knows(&lone, 9)), (true, false));
}

/// Ten thousand addresses that nobody has ask for something, over and over: who sends and speaks is not touched.
// RMC-PEER-10, RMC-SEC-1
#[test]
fn rmc_peer_10_spoofed_askers_push_out_askers_only() {
    let mut lone = Lone::new(|config| config.max_peers = 100);
    for index in 0..50 {
        lone.hear(peer(index), &data(1));
    }
    for round in 0..3_u16 {
        for index in 1_000..4_000 {
            lone.feed(peer(index), Path::Unicast, &nack(u32::from(index), &[(1, 1)]));
        }
        lone.run_for(5 * MS);
        for index in 0..50 {
            lone.hear(peer(index), &data(u64::from(round) + 2));
        }
    }
    let stats = lone.node.stats();
    assert_eq!((stats.held.peers, stats.dropped.peers_full), (100, 0));
    assert!(stats.dropped.evicted_peers > 8_000, "{stats:?}");
    for index in 0..50 {
        assert_eq!(lone.node.peer(peer(index)).and_then(|peer| peer.group).map(|group| group.delivered), Some(4));
    }
}

/// Whether a newcomer finds room in a table of so many askers, all of which were heard a second time.
fn finds_room(askers: u16) -> bool {
    let mut lone = Lone::new(|config| config.max_peers = askers.into());
    for at in 0..2 {
        lone.run_to(at * SECOND);
        for index in 1..=askers {
            asks(&mut lone, index);
        }
    }
    lone.run_to(2 * SECOND);
    asks(&mut lone, 10_000);
    knows(&lone, 10_000)
}

/// Who was silent longest is looked for among those whose time is not up to date; at most 256 of them for one packet.
// RMC-PEER-10, RMC-SEC-1
#[test]
fn rmc_peer_10_255_peers_are_brought_up_to_date_for_one_packet() {
    assert!(finds_room(255));
}

// RMC-PEER-10, RMC-SEC-1
#[test]
fn rmc_peer_10_not_more_are_brought_up_to_date_for_one_packet() {
    assert!(!finds_room(256));
}

/// Senders that make room leave the application what to take: past a bound they stay until it does.
// RMC-PEER-10, RMC-SEC-1
#[test]
fn rmc_peer_10_what_the_application_has_to_take_stays_bounded() {
    let mut lone = Lone::new(|config| config.max_peers = 2);
    for index in 0..10_000 {
        lone.now += SECOND;
        lone.feed(peer(index), Path::Multicast, &data(2));
    }
    lone.drain();
    let stats = lone.node.stats();
    // Two items and a message of each that made room.
    let bound = 4 * 2 + 1_024;
    assert!(stats.held.readable <= bound / 2 * 3 + 2, "{stats:?}");
    assert!(stats.dropped.unread > 8_000 && stats.held.peers == 2, "{stats:?}");
    assert!(lone.take().len() >= bound);
    lone.hear(peer(10_000), &data(2));
    assert!(knows(&lone, 10_000), "it has taken them");
}
