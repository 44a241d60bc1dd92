//! Rules of the seed about sending heartbeats: S22, S23, S24.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, NO_PROMISE, Packet};
use rmc_core::{Config, DEFAULT_HEARTBEAT_TIMES, Path};

use crate::lone::{EPOCH, Lone, MS, NS, OWN, SECOND, Sent, group, peer};
use crate::observed::{Beat, beat_times, beats, forget, index_of, misses, queue};
use crate::packets::{ack, data, data_with, encode, heartbeat_with, nack, times};

// RMC-HB-2, RMC-HB-3
#[test]
fn seed_s22_the_default_table_runs_down_and_its_last_interval_repeats() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.run_to(2_700 * MS);
    // At each deadline the heartbeat promises the next interval: 10 ms after the data it says 20, and so on.
    let expected = [
        (10, 20),
        (30, 50),
        (80, 50),
        (130, 75),
        (205, 100),
        (305, 200),
        (505, 250),
        (755, 500),
        (1_255, 500),
        (1_755, 500),
        (2_255, 500),
    ];
    assert_eq!(beat_times(&lone), expected);
    assert!(beats(&lone).iter().all(|beat| beat.seq == 3 && !beat.end));
    let table: Vec<_> = DEFAULT_HEARTBEAT_TIMES.iter().map(Duration::as_millis).collect();
    assert_eq!(table, [10, 20, 50, 50, 75, 100, 200, 250, 500]);
}

// RMC-HB-3
#[test]
fn seed_s22_new_data_starts_the_intervals_over() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.run_to(100 * MS);
    forget(&mut lone);
    lone.send_all(1);
    lone.run_to(180 * MS);
    assert_eq!(beat_times(&lone), [(110, 20), (130, 50), (180, 50)]);
}

/// A heartbeat is due when nothing has left for the interval in use, and not a tick before.
// RMC-HB-3
#[test]
fn seed_s22_data_within_the_interval_makes_heartbeats_needless() {
    let mut lone = Lone::new(|_| {});
    for step in 0..20_u32 {
        lone.run_to((10 * MS - NS) * step);
        lone.send_all(1);
    }
    assert_eq!(beats(&lone), []);
    lone.run_for(10 * MS - NS);
    assert_eq!(beats(&lone), []);
    lone.run_for(NS);
    assert_eq!(beats(&lone).len(), 1);
}

// RMC-HB-7
#[test]
fn seed_s22_there_is_none_before_the_first_data() {
    let mut lone = Lone::new(|_| {});
    assert!(!lone.node.config().announce, "off by default");
    lone.hear_all([1, 2, 3]);
    lone.run_to(20 * SECOND);
    assert_eq!(lone.sent(), []);
}

/// The packet before the wait is the one whose loss would never be seen.
// RMC-HB-5, RMC-HB-3
#[test]
fn seed_s22_heartbeats_are_due_while_data_waits_for_the_rate() {
    let mut lone = Lone::new(|config| {
        config.max_datagram = 1_016;
        config.max_message = 10_000;
        config.max_rate = Some(1_000);
        config.rate_burst = 1_016;
    });
    for seq in 1..=2 {
        assert_eq!(lone.node.send(lone.instant(), &[0; 1_000]), Ok(seq));
    }
    lone.run_to(310 * MS);
    assert_eq!(beat_times(&lone), [(10, 20), (30, 50), (80, 50), (130, 75), (205, 100), (305, 200)]);
    assert!(beats(&lone).iter().all(|beat| beat.seq == 1), "the last number that has left");
    assert_eq!(lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Data(_))).count(), 1);
}

/// The same while the driver's socket refuses a packet again and again: as soon as something can leave it leaves.
// RMC-HB-5, RMC-SEND-4
#[test]
fn seed_s22_heartbeats_are_due_while_data_waits_for_the_socket() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    forget(&mut lone);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 1)]));
    for _ in 0..5 {
        assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Repair(1)));
        lone.node.transmit_failed(lone.instant(), true);
        lone.drain();
        lone.now += 10 * MS;
        lone.node.handle_timeout(lone.instant());
    }
    queue(&mut lone, 1);
    lone.drain();
    assert!(
        matches!(lone.sent()[..], [Sent::Repair(1), Sent::Heartbeat { seq: 1, .. }, Sent::Data(2)]),
        "what came back, what was due, and what waited"
    );
}

fn announced(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.announce = true;
        change(config);
    })
}

// RMC-HB-7, RMC-HB-1
#[test]
fn seed_s22_a_node_that_announces_itself_is_heard_before_its_first_data() {
    let mut lone = announced(|_| {});
    lone.run_to(1_700 * MS);
    assert_eq!(beat_times(&lone), [(0, 500), (500, 500), (1_000, 500), (1_500, 500)]);
    assert!(beats(&lone).iter().all(|beat| (beat.seq, beat.index, beat.end) == (0, NO_PROMISE, false)));
    assert!(lone.sent.iter().all(|sent| matches!(sent.what, Sent::Heartbeat { oldest: 1, .. })));
    forget(&mut lone);
    lone.send_all(1);
    lone.run_to(1_780 * MS);
    assert_eq!(beat_times(&lone), [(1_710, 20), (1_730, 50), (1_780, 50)], "then the table");
}

/// When the announcements after `peers` have become known leave.
fn announcements(peers: u16, change: impl FnOnce(&mut Config)) -> Vec<(u128, u128)> {
    let mut lone = announced(|config| {
        config.peer_timeout = 3_600 * SECOND;
        change(config);
    });
    lone.settle();
    for index in 0..peers {
        lone.hear(peer(index), &heartbeat_with(Flags::NONE, 0, 1, Duration::ZERO));
    }
    lone.run_to(25 * SECOND);
    beat_times(&lone).into_iter().filter(|&(at, _)| at > 0).collect()
}

/// 10 ms for each peer, when that is more than the table's last interval.
// RMC-HB-7
#[test]
fn seed_s22_announcements_are_the_rarer_the_more_peers_there_are() {
    assert_eq!(announcements(50, |_| {})[..2], [(500, 500), (1_000, 500)]);
    assert_eq!(announcements(51, |_| {})[..2], [(500, 510), (1_010, 510)]);
    assert_eq!(announcements(200, |_| {})[..2], [(500, 2_000), (2_500, 2_000)]);
}

// RMC-HB-7
#[test]
fn seed_s22_announcements_are_never_rarer_than_10_s_and_a_third_of_the_timeout() {
    assert_eq!(announcements(1_000, |_| {})[..2], [(500, 10_000), (10_500, 10_000)]);
    assert_eq!(announcements(1_001, |_| {})[..2], [(500, 10_000), (10_500, 10_000)]);
    assert_eq!(announcements(300, |config| config.peer_timeout = 9 * SECOND)[..1], [(500, 3_000)]);
    assert_eq!(announcements(300, |config| config.peer_timeout = 6 * SECOND)[..1], [(500, 2_000)]);
}

/// Data, heartbeat, repair, LOST, RESET, NACK, table: each carries the index of the interval in use.
// RMC-HB-1, RMC-HB-3, RMC-NACK-3
#[test]
fn seed_s23_every_packet_carries_the_index_in_use() {
    let mut lone = Lone::new(|config| config.backlog_packets = 10);
    lone.hear_all([1, 3]);
    assert_eq!(index_of(&lone.sent[0]), NO_PROMISE, "a NACK of a node that has sent nothing");
    lone.send_all(11);
    assert!(lone.sent.iter().skip(1).all(|sent| index_of(sent) == 0), "data");
    forget(&mut lone);
    lone.run_to(135 * MS);
    let indices: Vec<_> = beats(&lone).iter().map(|beat| beat.index).collect();
    assert_eq!(indices, [1, 2, 3, 4]);
    forget(&mut lone);
    lone.hear_all([5]);
    assert!(matches!(lone.sent[0].what, Sent::Nack(_)));
    assert_eq!(index_of(&lone.sent[0]), 4);
    forget(&mut lone);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    let answers: Vec<_> = lone.sent.iter().map(|sent| (sent.what.clone(), index_of(sent))).collect();
    assert_eq!(answers, [(Sent::Lost(1, 1), 0), (Sent::Repair(2), 0)], "the shortest interval is in use again");
    lone.run_to(10 * SECOND);
    assert_eq!(beats(&lone).last().map(|beat| beat.index), Some(8), "the last one is repeated");
    forget(&mut lone);
    lone.node.reset(lone.instant()).expect("it may send");
    lone.drain();
    assert!(matches!(lone.sent[..], [ref sent] if sent.what == Sent::Reset(11) && index_of(sent) == 8));
}

// RMC-LIVE-1, RMC-LIVE-2
#[test]
fn seed_s23_the_index_says_when_the_next_packet_is_due() {
    for (index, interval) in (0..).zip(DEFAULT_HEARTBEAT_TIMES) {
        let due = interval + (interval / 2).max(10 * MS);
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &data_with(Flags::NONE, index, EPOCH, 1));
        assert_eq!(misses(&mut lone, due - NS), [], "index {index}");
        assert_eq!(misses(&mut lone, due), [(due, 1)], "index {index}");
    }
}

// RMC-LIVE-5, RMC-HB-1
#[test]
fn seed_s23_255_promises_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data_with(Flags::NONE, NO_PROMISE, EPOCH, 1));
    assert_eq!(misses(&mut lone, 29 * SECOND), []);
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data_with(Flags::NONE, NO_PROMISE - 1, EPOCH, 1));
    assert_eq!(misses(&mut lone, 750 * MS), [(750 * MS, 1)], "254 is an index beyond the table: its last interval");
}

// RMC-LIVE-5
#[test]
fn seed_s23_255_takes_back_what_was_promised() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data_with(Flags::NONE, 0, EPOCH, 1));
    lone.hear(peer(0), &data_with(Flags::NONE, NO_PROMISE, EPOCH, 2));
    assert_eq!(misses(&mut lone, 29 * SECOND), []);
}

/// The receiver uses the interval of a Heartbeat as it stands, whatever the index says.
// RMC-LIVE-1, RMC-LIVE-5
#[test]
fn seed_s23_a_heartbeat_carries_its_interval_itself() {
    for index in [0, 3, NO_PROMISE] {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1]);
        let mut bytes = heartbeat_with(Flags::NONE, 1, 1, 2 * SECOND);
        bytes[3] = index;
        lone.hear(peer(0), &bytes);
        assert_eq!(misses(&mut lone, 3 * SECOND - NS), [], "index {index}");
        assert_eq!(misses(&mut lone, 3 * SECOND), [(3 * SECOND, 1)], "index {index}");
    }
}

// RMC-HB-8
#[test]
fn seed_s24_a_changed_table_is_told_to_everybody_and_goes_on_from_its_index() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(2);
    lone.run_to(5 * MS);
    forget(&mut lone);
    let table = vec![40 * MS, 60 * MS, 80 * MS, SECOND];
    lone.node.set_heartbeat_times(lone.instant(), &table, 1).expect("a legal table");
    lone.drain();
    let told: Vec<_> = lone.sent.iter().map(|sent| (sent.to, sent.what.clone(), index_of(sent))).collect();
    assert_eq!(told, [(group(), Sent::Times(table.clone()), 1)]);
    assert_eq!(Packet::decode(&lone.sent[0].bytes).map(|packet| packet.seq), Ok(2), "the last number");
    assert_eq!(lone.node.config().heartbeat_times, table);
    lone.run_to(1_200 * MS);
    let beat = |at: u32, index, interval| Beat { at: MS * at, seq: 2, index, interval, end: false };
    assert_eq!(beats(&lone), [beat(65, 2, 80 * MS), beat(145, 3, SECOND), beat(1_145, 3, SECOND)]);
    forget(&mut lone);
    lone.send_all(1);
    lone.run_for(40 * MS);
    assert_eq!(beat_times(&lone), [(1_240, 60)], "new data begins at its first interval");
}

// RMC-HB-8, RMC-HB-7
#[test]
fn seed_s24_a_table_can_be_changed_before_the_first_data() {
    let mut lone = Lone::new(|_| {});
    lone.node.set_heartbeat_times(lone.instant(), &[30 * MS, SECOND], 0).expect("a legal table");
    lone.run_to(5 * SECOND);
    assert_eq!(lone.sent(), [Sent::Times(vec![30 * MS, SECOND])], "and no heartbeat follows");
    lone.send_all(1);
    lone.run_for(30 * MS);
    assert_eq!(beat_times(&lone), [(5_030, 1_000)]);
}

/// The Times that went to `peer(index)` since the last call.
fn tables_to(lone: &mut Lone, index: u16) -> usize {
    lone.settle();
    lone.sent.drain(..).filter(|sent| sent.to == peer(index) && matches!(sent.what, Sent::Times(_))).count()
}

/// By NACK or by ACK, once, and by unicast; a table that was configured counts as one that was set.
// RMC-HB-9
#[test]
fn seed_s24_the_table_is_repeated_to_a_new_peer_that_asks_for_anything() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![7 * MS, 70 * MS]);
    lone.send_all(2);
    lone.hear(peer(1), &data(1));
    assert_eq!(tables_to(&mut lone, 1), 0, "it asked for nothing");
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert_eq!(tables_to(&mut lone, 1), 1);
    lone.hear_unicast(peer(1), &nack(2, &[(1, 1)]));
    assert_eq!(tables_to(&mut lone, 1), 0, "once");
    lone.hear_unicast(peer(2), &ack(Flags::NONE, OWN, 1));
    assert_eq!(tables_to(&mut lone, 2), 1);
    let beats = beats(&lone);
    assert_eq!(beats, [], "no heartbeat was due in all that");
}

/// Whether anything was sent before or not.
// RMC-HB-1, RMC-HB-9
#[test]
fn seed_s24_a_table_that_is_repeated_carries_the_index_in_use() {
    let repeated = |sent, at| {
        let mut lone = Lone::new(|config| config.heartbeat_times = vec![7 * MS, 70 * MS, 700 * MS]);
        lone.send_all(sent);
        lone.run_to(at);
        forget(&mut lone);
        lone.hear_unicast(peer(1), &ack(Flags::NONE, OWN, 0));
        lone.sent.iter().map(index_of).collect::<Vec<_>>()
    };
    assert_eq!(repeated(0, SECOND), [0]);
    assert_eq!([repeated(1, 6 * MS), repeated(1, 76 * MS), repeated(1, 77 * MS)], [[0], [1], [2]]);
}

/// The receiver's side: a table that was told holds for the indices of that peer and epoch, and for nobody else's.
// RMC-LIVE-2
#[test]
fn seed_s24_a_told_table_holds_for_its_peer_and_epoch() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &times(1, 0, &[SECOND, 4 * SECOND]));
    lone.hear(peer(0), &data_with(Flags::NONE, 1, EPOCH, 2));
    assert_eq!(misses(&mut lone, 6 * SECOND - NS), []);
    assert_eq!(misses(&mut lone, 6 * SECOND), [(6 * SECOND, 1)]);
    lone.events.clear();
    let start = lone.now;
    lone.hear(peer(0), &data_with(Flags::NONE, 1, EPOCH + 1, 1));
    assert_eq!(misses(&mut lone, start + 30 * MS), [(start + 30 * MS, 1)], "a new epoch: the default table's 20 ms");
}

/// A receiver that lacks the table takes the interval that it was told last for an index that it cannot resolve.
// RMC-LIVE-2
#[test]
fn seed_s24_without_the_table_an_unknown_index_means_the_last_interval_told() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 1, 1, 6 * SECOND));
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 1, 1, 2 * SECOND));
    lone.hear(peer(0), &data_with(Flags::NONE, 100, EPOCH, 2));
    assert_eq!(misses(&mut lone, 3 * SECOND - NS), []);
    assert_eq!(misses(&mut lone, 3 * SECOND), [(3 * SECOND, 1)]);
    lone.events.clear();
    lone.hear(peer(0), &data_with(Flags::NONE, 8, EPOCH, 3));
    assert_eq!(misses(&mut lone, 3_750 * MS), [(3_750 * MS, 1)], "one that the default table has is looked up there");
}

/// Nacks and Acks of a private stream carry the index of the group's stream of the node that sends them.
// RMC-HB-1, RMC-NACK-3
#[test]
fn seed_s23_private_nacks_and_acks_carry_the_group_s_index() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.run_to(100 * MS);
    forget(&mut lone);
    let body = Body::Heartbeat { oldest: 1, interval: 500_000, backoff: 0, group: 0, rtt: 0 };
    lone.hear_unicast(peer(1), &encode(Flags::PRIVATE, 0, EPOCH, 1, body));
    let told: Vec<_> = lone.sent.iter().map(|sent| (sent.what.clone(), sent.private, index_of(sent))).collect();
    assert_eq!(told, [(Sent::Ack(0), true, 3), (Sent::Nack(vec![(1, 1)]), true, 3)]);
}

/// A peer that restarts has forgotten the table.
// RMC-HB-9, RMC-EPOCH-3
#[test]
fn seed_s24_a_restarted_peer_is_told_the_table_again() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![7 * MS, 70 * MS]);
    lone.send_all(2);
    let mut asks = nack(1, &[(1, 1)]);
    lone.hear_unicast(peer(1), &asks);
    assert_eq!(tables_to(&mut lone, 1), 1);
    asks[4..8].copy_from_slice(&(EPOCH + 1).to_be_bytes());
    for expected in [1, 0] {
        lone.hear_unicast(peer(1), &asks);
        assert_eq!(tables_to(&mut lone, 1), expected);
    }
}
