//! Faults of the seed in asking for what is missing: F01, F03, F04, F05, F06, F08.

use rmc_core::packet::Flags;
use rmc_core::{JoinPolicy, LossCause};

use crate::lone::{EPOCH, Lone, MS, NS, SECOND, lost, message, peer};
use crate::packets::{self, data, heartbeat, repair};

// RMC-GAP-2, RMC-GAP-7, RMC-DATA-2
#[test]
fn seed_fault_f01_packets_behind_a_hole_ask_for_nothing_more() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3]);
    assert_eq!(lone.asked(), [2]);
    lone.hear_all(4..=50);
    assert_eq!(lone.asked(), [], "they open no gap");
    // The first retry comes after the resend time (20 ms) times 1 to 1.5.
    lone.run_to(20 * MS - NS);
    assert_eq!(lone.asked(), []);
    lone.run_to(30 * MS);
    assert_eq!(lone.asked(), [2]);
    lone.hear(peer(0), &repair(2));
    assert_eq!(lone.take(), (1..=50).map(message).collect::<Vec<_>>());
    lone.run_for(10 * SECOND);
    assert_eq!(lone.asked(), [], "what is delivered is not asked for");
}

// RMC-GAP-2, RMC-NACK-1
#[test]
fn seed_fault_f01_what_is_cached_is_not_asked_for() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3, 5, 6, 9]);
    assert_eq!(lone.asked(), [2, 4, 7, 8]);
    lone.run_for(SECOND);
    let mut again = lone.asked();
    again.sort_unstable();
    again.dedup();
    assert_eq!(again, [2, 4, 7, 8]);
}

// RMC-LOST-3
#[test]
fn seed_fault_f03_lost_asks_for_nothing_that_was_never_sent() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(3));
    assert_eq!(lone.asked(), [2, 3]);
    lone.hear(peer(0), &packets::lost(1, 3, 0));
    assert_eq!(lone.take(), [message(1), lost(2, 3, LossCause::Lost)]);
    lone.run_for(5 * SECOND);
    assert_eq!(lone.asked(), [], "4 was never sent");
}

// RMC-LOST-3, RMC-GAP-2
#[test]
fn seed_fault_f03_lost_leaves_what_is_known_above_it_to_be_asked_for() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(5));
    assert_eq!(lone.asked(), [2, 3, 4, 5]);
    lone.hear(peer(0), &packets::lost(1, 4, 0));
    lone.run_for(SECOND);
    let asked = lone.asked();
    assert!(!asked.is_empty() && asked.iter().all(|&seq| seq == 5), "{asked:?}");
}

/// With room for one NACK, a leak of one would end all asking.
// RMC-GAP-5
#[test]
fn seed_fault_f04_state_of_what_is_behind_is_gone() {
    let mut lone = Lone::new(|config| config.max_nacks = 1);
    for round in 0..1_000 {
        let missing = 3 * round + 2;
        lone.hear_all([missing - 1, missing + 1]);
        assert_eq!(lone.asked(), [missing], "round {round}");
        if round % 2 == 0 {
            lone.hear(peer(0), &repair(missing));
        } else {
            lone.hear(peer(0), &packets::lost(1, missing, 0));
        }
        assert_eq!((lone.stream().delivered, lone.stream().gaps), (missing + 1, 0));
        assert_eq!(lone.take().len(), 3);
        lone.run_for(MS);
    }
    assert_eq!(lone.node.stats().held.receive_bytes, 0);
}

// RMC-GAP-4, RMC-GAP-9
#[test]
fn seed_fault_f05_the_lowest_gaps_are_asked_for_even_after_the_nack_timeout() {
    let mut lone = Lone::new(|config| config.max_nacks = 2);
    lone.hear_all([1, 3, 5, 7, 9]);
    assert_eq!(lone.asked(), [2, 4], "the two lowest of 2, 4, 6, 8");
    // 5 s is the nack timeout, after which a gap counts as new.
    lone.run_to(6 * SECOND);
    lone.asked();
    lone.run_to(12 * SECOND);
    let asked = lone.asked();
    assert!(asked.contains(&2) && asked.contains(&4), "{asked:?}");
    assert!(!asked.contains(&6) && !asked.contains(&8), "{asked:?}");
}

// RMC-GAP-4
#[test]
fn seed_fault_f05_the_next_lowest_gap_moves_up_when_one_closes() {
    let mut lone = Lone::new(|config| config.max_nacks = 2);
    lone.hear_all([1, 3, 5, 7, 9]);
    assert_eq!(lone.asked(), [2, 4]);
    lone.hear(peer(0), &repair(4));
    lone.run_for(MS);
    assert_eq!(lone.asked(), [6]);
    lone.hear(peer(0), &repair(2));
    lone.run_for(MS);
    // By now the round trip is known to be short, and 6 may be asked for again.
    assert_eq!(lone.asked().first(), Some(&8));
}

/// A node whose receive window has 16 packets, and whose application has taken number 1.
fn narrow() -> Lone {
    let mut lone = Lone::new(|config| {
        config.receive_window_packets = 16;
        config.backlog_packets = 16;
    });
    lone.hear_all([1]);
    assert_eq!(lone.take(), [message(1)]);
    lone
}

// RMC-WIN-2, RMC-WIN-3, RMC-SEC-2
#[test]
fn seed_fault_f06_a_far_number_is_a_hint_and_nothing_more() {
    let mut lone = narrow();
    let far = 1 << 60;
    lone.hear(peer(0), &data(far));
    let (stats, stream) = (lone.node.stats(), lone.stream());
    assert_eq!(stats.dropped.window, 1);
    assert_eq!((stats.held.receive_bytes, stats.rx.lost), (0, 0));
    assert_eq!((stream.delivered, stream.known, stream.cached_packets), (1, far, 0));
    assert_eq!(lone.asked(), (2..=17).collect::<Vec<_>>(), "no NACK beyond the window");
    lone.hear_all([2]);
    assert_eq!(lone.take(), [message(2)]);
}

// RMC-WIN-3, RMC-LOST-5
#[test]
fn seed_fault_f06_a_far_heartbeat_lost_or_reset_is_a_hint_too() {
    for hostile in [heartbeat(1 << 60), packets::lost(1 << 59, 1 << 60, 0), packets::lost(2, 1 << 60, 0)] {
        let mut lone = narrow();
        lone.hear(peer(0), &hostile);
        assert_eq!(lone.node.stats().held.receive_bytes, 0);
        assert!(lone.stream().delivered <= 17, "{:?} moves past the window", lone.stream());
        assert!(lone.asked().into_iter().all(|seq| seq <= 17 + 16));
    }
}

/// The window reaches from the next number on: with 1 delivered and taken, 17 is its last.
// RMC-WIN-1
#[test]
fn seed_fault_f06_the_last_number_of_the_window_is_kept() {
    let mut lone = narrow();
    lone.hear_all([17]);
    assert_eq!((lone.node.stats().dropped.window, lone.stream().cached_packets), (0, 1));
}

// RMC-WIN-1, RMC-WIN-2
#[test]
fn seed_fault_f06_the_first_number_past_the_window_is_dropped() {
    let mut lone = narrow();
    lone.hear_all([18]);
    assert_eq!((lone.node.stats().dropped.window, lone.stream().cached_packets), (1, 0));
    assert_eq!(lone.stream().known, 18);
}

/// What was dropped past the window is asked for when the window reaches it.
// RMC-WIN-2, RMC-WIN-5
#[test]
fn seed_fault_f06_what_was_dropped_past_the_window_comes_later() {
    let mut lone = narrow();
    lone.hear_all([18]);
    lone.asked();
    for seq in 2..=17 {
        lone.hear(peer(0), &repair(seq));
    }
    assert_eq!(lone.take(), (2..=17).map(message).collect::<Vec<_>>());
    lone.run_for(SECOND);
    assert!(lone.asked().contains(&18));
    lone.hear(peer(0), &repair(18));
    assert_eq!(lone.take(), [message(18)]);
}

fn joining_now() -> Lone {
    Lone::new(|config| config.join_policy = JoinPolicy::Now)
}

/// 'Nothing sent yet' is a state that is known: the first packet's loss is seen.
// RMC-JOIN-4
#[test]
fn seed_fault_f08_the_loss_of_the_first_packet_is_seen() {
    let mut lone = joining_now();
    lone.hear(peer(0), &heartbeat(0));
    lone.hear_all([2]);
    assert_eq!(lone.asked(), [1]);
    lone.hear(peer(0), &repair(1));
    assert_eq!(lone.take(), [message(1), message(2)]);
}

/// 'Unknown' is the other state: the first packet sets the start, and nothing before it is asked for or reported.
// RMC-JOIN-1, RMC-JOIN-4
#[test]
fn seed_fault_f08_an_unknown_stream_starts_with_its_first_packet() {
    let mut lone = joining_now();
    lone.hear_all([7, 9]);
    assert_eq!(lone.asked(), [8]);
    lone.hear(peer(0), &repair(8));
    assert_eq!(lone.take(), [message(7), message(8), message(9)]);
}

// RMC-JOIN-1
#[test]
fn seed_fault_f08_a_repair_never_sets_the_start() {
    let mut lone = joining_now();
    lone.hear(peer(0), &repair(3));
    lone.hear_all([9, 10]);
    assert_eq!(lone.take(), [message(9), message(10)]);
    lone.run_for(SECOND);
    assert_eq!(lone.asked(), [], "nothing from 3 to 8 is missing");
}

// RMC-JOIN-1, RMC-DATA-3
#[test]
fn seed_fault_f08_an_old_reordered_packet_does_not_move_the_start() {
    let mut lone = joining_now();
    lone.hear(peer(0), &heartbeat(9));
    lone.hear_all([8, 10]);
    assert_eq!(lone.take(), [message(10)]);
    assert_eq!(lone.asked(), []);
    assert_eq!(lone.node.stats().rx.duplicates, 1);
}

/// The same packet without RESENT does set it: the flag alone decides.
// RMC-JOIN-1
#[test]
fn seed_fault_f08_the_same_packet_sent_for_the_first_time_sets_the_start() {
    let mut lone = joining_now();
    lone.hear(peer(0), &packets::data_with(Flags::NONE, 0, EPOCH, 3));
    assert_eq!(lone.take(), [message(3)]);
    lone.hear_all([5]);
    assert_eq!(lone.asked(), [4]);
}
