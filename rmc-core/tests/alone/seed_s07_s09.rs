//! The seed's rules S07 to S09: packets in order, packets ahead of a gap, and packets that came before.

use rmc_core::packet::Flags;
use rmc_core::{Event, LossCause, Received};

use crate::given::{
    private_data, private_heartbeat, sent_to, sized, told_packets, window_of_1000_bytes, window_of_ten,
};
use crate::lone::{Lone, MS, SECOND, Sent, lost, message, peer};
use crate::packets::{self, data, data_with, heartbeat, repair};

// RMC-DATA-1
#[test]
fn seed_s07_what_follows_on_is_delivered_at_once() {
    let mut lone = Lone::new(|_| {});
    for seq in 1..=5 {
        lone.hear_all([seq]);
        assert_eq!(told_packets(&mut lone), [seq]);
        assert_eq!(lone.take(), [message(seq)]);
    }
    assert_eq!(lone.asked(), []);
}

// RMC-DATA-1, RMC-DATA-2
#[test]
fn seed_s07_every_cached_packet_that_follows_on_comes_with_it() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3, 4, 5, 7, 8]);
    assert_eq!(told_packets(&mut lone), [1]);
    assert_eq!(lone.take(), [message(1)]);
    // Up to the next gap, and no further.
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!(told_packets(&mut lone), [2, 3, 4, 5]);
    assert_eq!(lone.take(), (2..=5).map(message).collect::<Vec<_>>());
    lone.hear_unicast(peer(0), &repair(6));
    assert_eq!(told_packets(&mut lone), [6, 7, 8]);
    assert_eq!(lone.take(), (6..=8).map(message).collect::<Vec<_>>());
    assert_eq!((lone.stream().gaps, lone.stream().cached_packets, lone.stream().held_bytes), (0, 0, 0));
}

// RMC-DATA-1
#[test]
fn seed_s07_any_order_of_arrival_gives_the_order_of_the_numbers() {
    // Every order of six packets.
    for mut choice in 0..720_usize {
        let mut left: Vec<u64> = (1..=6).collect();
        let order: Vec<u64> = (1..=6)
            .rev()
            .map(|count| {
                let seq = left.remove(choice % count);
                choice /= count;
                seq
            })
            .collect();
        let mut lone = Lone::new(|_| {});
        lone.hear_all(order.iter().copied());
        assert_eq!(lone.take(), (1..=6).map(message).collect::<Vec<_>>(), "{order:?}");
    }
}

/// A gap of one peer, or of one of its two streams, holds nobody else up.
// RMC-PRIV-1
#[test]
fn seed_s07_each_stream_has_an_order_of_its_own() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &data(2));
    lone.hear(peer(1), &data(1));
    lone.hear_unicast(peer(0), &private_data(1));
    assert_eq!(lone.take().len(), 2);
    lone.hear_unicast(peer(0), &repair(1));
    assert_eq!(lone.take(), [message(1), message(2)]);
}

// RMC-DATA-2, RMC-GAP-1, RMC-GAP-2
#[test]
fn seed_s08_what_comes_ahead_is_cached_and_every_missing_number_asked_for_at_once() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 5]);
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(vec![(2, 4)]))]);
    assert_eq!((lone.stream().cached_packets, lone.stream().known, lone.stream().delivered), (1, 5, 1));
    lone.hear_all([9]);
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(vec![(6, 8)]))], "what is new, and nothing else");
    assert_eq!(lone.stream().cached_packets, 2);
}

// RMC-WIN-1
#[test]
fn seed_s08_the_window_holds_its_packets() {
    let mut lone = Lone::new(window_of_ten);
    lone.hear_all([10]);
    assert_eq!((lone.stream().cached_packets, lone.node.stats().dropped.window), (1, 0));
    lone.hear_all(2..=9);
    assert_eq!(lone.stream().cached_packets, 9);
    lone.hear_all([1]);
    assert_eq!(lone.take(), (1..=10).map(message).collect::<Vec<_>>());
}

// RMC-WIN-1, RMC-WIN-2
#[test]
fn seed_s08_the_window_holds_not_one_packet_more_and_asks_for_it_later() {
    let mut lone = Lone::new(window_of_ten);
    lone.hear_all([11]);
    assert_eq!((lone.stream().cached_packets, lone.node.stats().dropped.window), (0, 1));
    assert_eq!(lone.stream().known, 11);
    assert_eq!(lone.asked(), (1..=10).collect::<Vec<_>>(), "11 lies past the window");
    lone.hear_all(1..=10);
    lone.take();
    lone.run_for(MS);
    assert_eq!(lone.asked(), [11], "now there is room");
    lone.hear_unicast(peer(0), &repair(11));
    assert_eq!(lone.take(), [message(11)]);
}

/// What the application does not take fills the window too: a slow one is backpressure, not memory.
// RMC-WIN-1, RMC-WIN-5
#[test]
fn seed_s08_what_was_not_taken_counts() {
    let mut lone = Lone::new(window_of_ten);
    lone.hear_all(1..=10);
    assert_eq!(lone.node.stats().dropped.window, 0);
    lone.hear_all([11]);
    assert_eq!(lone.node.stats().dropped.window, 1);
    lone.run_for(SECOND);
    assert_eq!(lone.asked(), [], "there is no room that could be asked for");
    assert_eq!(lone.take_one(), Some(message(1)));
    lone.settle();
    assert_eq!(lone.asked(), [11]);
}

// RMC-WIN-1
#[test]
fn seed_s08_the_window_holds_its_bytes() {
    let mut lone = Lone::new(window_of_1000_bytes);
    for seq in 2..=11 {
        lone.hear(peer(0), &sized(seq, 100));
    }
    assert_eq!((lone.stream().cached_packets, lone.node.stats().dropped.window), (10, 0));
    assert_eq!(lone.stream().held_bytes, 1_000);
}

// RMC-WIN-1, RMC-WIN-2
#[test]
fn seed_s08_the_window_holds_not_one_byte_more_and_asks_for_it_later() {
    let mut lone = Lone::new(window_of_1000_bytes);
    for seq in 2..=10 {
        lone.hear(peer(0), &sized(seq, 100));
    }
    lone.hear(peer(0), &sized(11, 101));
    assert_eq!((lone.stream().cached_packets, lone.node.stats().dropped.window), (9, 1));
    assert_eq!((lone.stream().known, lone.stream().held_bytes), (11, 900));
    lone.hear(peer(0), &sized(1, 100));
    while lone.node.recv().is_some() {}
    lone.drain();
    lone.sent.clear();
    lone.run_for(SECOND);
    let asked = lone.asked();
    assert!(!asked.is_empty() && asked.iter().all(|&seq| seq == 11), "{asked:?}");
    lone.hear(peer(0), &sized(11, 101));
    assert_eq!(lone.stream().delivered, 11);
}

/// The bytes of all streams together have a bound too.
// RMC-WIN-2
#[test]
fn seed_s08_all_windows_together_have_a_bound() {
    let shared = |config: &mut rmc_core::Config| {
        window_of_1000_bytes(config);
        config.receive_total_bytes = 1_500;
    };
    let mut lone = Lone::new(shared);
    for seq in 2..=11 {
        lone.hear(peer(0), &sized(seq, 100));
    }
    for seq in 2..=6 {
        lone.hear(peer(1), &sized(seq, 100));
    }
    assert_eq!((lone.node.stats().held.receive_bytes, lone.node.stats().dropped.total), (1_500, 0));
    lone.hear(peer(1), &sized(7, 1));
    let stats = lone.node.stats();
    assert_eq!((stats.held.receive_bytes, stats.dropped.total, stats.dropped.window), (1_500, 1, 0));
    assert_eq!(lone.node.peer(peer(1)).and_then(|peer| peer.group).map(|stream| stream.known), Some(7));
}

// RMC-WIN-2
#[test]
fn seed_s08_all_windows_together_have_a_bound_in_packets_too() {
    let mut lone = Lone::new(|config| {
        window_of_ten(config);
        config.receive_total_packets = 15;
    });
    lone.hear_all(2..=10);
    for seq in 2..=7 {
        lone.hear(peer(1), &data(seq));
    }
    assert_eq!(lone.node.stats().dropped.total, 0);
    lone.hear(peer(1), &data(8));
    let stats = lone.node.stats();
    assert_eq!((stats.dropped.total, stats.dropped.window, stats.rx.data), (1, 0, 15));
    // What the application takes makes room for everybody.
    lone.hear_all([1]);
    assert_eq!(lone.take().len(), 9, "10 made room for the one that all waited for");
    lone.hear(peer(1), &data(8));
    assert_eq!(lone.node.stats().dropped.total, 1);
}

/// A full window must not refuse the one packet that it waits for.
// RMC-WIN-4
#[test]
fn seed_s08_the_very_next_packet_is_taken_and_the_highest_cached_one_makes_room() {
    let mut lone = Lone::new(window_of_1000_bytes);
    for seq in 2..=11 {
        lone.hear(peer(0), &sized(seq, 100));
    }
    assert_eq!(lone.stream().cached_packets, 10);
    lone.sent.clear();
    lone.hear(peer(0), &sized(1, 150));
    assert_eq!((lone.stream().delivered, lone.stream().cached_packets), (9, 0), "10 and 11 made room");
    let mut delivered = Vec::new();
    while let Some(Received::Message { seq, payload, .. }) = lone.node.recv() {
        delivered.push((seq, payload.len()));
    }
    assert_eq!(delivered, [(1, 150)].into_iter().chain((2..=9).map(|seq| (seq, 100))).collect::<Vec<_>>());
    lone.run_for(SECOND);
    let asked = lone.asked();
    assert!(asked.contains(&10) && asked.contains(&11), "{asked:?}");
    assert!(asked.iter().all(|&seq| seq == 10 || seq == 11), "{asked:?}");
}

/// A packet above `next` evicts nothing.
// RMC-WIN-4, RMC-WIN-2
#[test]
fn seed_s08_any_other_packet_is_dropped_where_there_is_no_room() {
    let mut lone = Lone::new(window_of_1000_bytes);
    for seq in 3..=12 {
        lone.hear(peer(0), &sized(seq, 100));
    }
    lone.hear(peer(0), &sized(2, 100));
    assert_eq!((lone.stream().cached_packets, lone.node.stats().dropped.window), (10, 1));
}

// RMC-DATA-3
#[test]
fn seed_s09_what_was_delivered_or_is_cached_changes_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2, 4]);
    lone.take();
    lone.sent.clear();
    lone.events.clear();
    let before = lone.stream();
    for datagram in [data(1), data(2), data(4), repair(1), repair(2), repair(4)] {
        lone.hear(peer(0), &datagram);
        lone.hear_unicast(peer(0), &datagram);
    }
    assert_eq!(lone.stream(), before);
    assert_eq!(lone.node.stats().rx.duplicates, 12);
    assert_eq!((lone.sent(), lone.take(), told_packets(&mut lone)), (vec![], vec![], vec![]));
}

/// What was given up is not taken either, when it comes in the end.
// RMC-DATA-3, RMC-SEQ-2
#[test]
fn seed_s09_what_was_given_up_stays_lost() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    lone.hear(peer(0), &packets::lost(1, 2, 0));
    assert_eq!(lone.take(), [message(1), lost(2, 2, LossCause::Lost), message(3)]);
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!((lone.take(), lone.node.stats().rx.duplicates), (vec![], 1));
}

fn missing(lone: &mut Lone) -> usize {
    lone.told(|event| matches!(event, Event::MissingHeartbeat { .. }).then_some(())).len()
}

// RMC-DATA-3, RMC-PEER-5
#[test]
fn seed_s09_a_duplicate_proves_that_the_sender_lives() {
    let mut lone = Lone::new(|config| config.peer_timeout = 2 * SECOND);
    lone.hear(peer(0), &data(1));
    // Index 8 of the default table promises the next packet within 500 ms.
    for _ in 0..20 {
        lone.run_for(500 * MS);
        lone.hear(peer(0), &data_with(Flags::NONE, 8, crate::lone::EPOCH, 1));
        assert_eq!(lone.node.peer(peer(0)).map(|peer| peer.silence), Some(std::time::Duration::ZERO));
    }
    // The first packet has promised 10 ms, which no duplicate had changed yet.
    assert!(missing(&mut lone) > 0);
    lone.run_for(500 * MS);
    lone.hear(peer(0), &data_with(Flags::NONE, 8, crate::lone::EPOCH, 1));
    assert_eq!(missing(&mut lone), 0);
    // Without them it expires.
    lone.run_for(2 * SECOND);
    assert_eq!(lone.node.peer(peer(0)), None);
}

/// A heartbeat for what was delivered is no news either.
// RMC-DATA-3, RMC-GAP-10
#[test]
fn seed_s09_news_of_what_is_known_asks_for_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2, 3]);
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear(peer(0), &heartbeat(3));
    lone.hear(peer(0), &heartbeat(2));
    assert_eq!(lone.asked(), []);
    lone.hear_unicast(peer(0), &private_heartbeat(1, 1));
    assert_eq!(lone.sent(), [Sent::Ack(1)]);
    lone.hear(peer(0), &heartbeat(4));
    assert_eq!(lone.asked(), [4]);
}
