//! Faults of the seed in delivering: F02, F07, F29.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use rmc_core::packet::Flags;
use rmc_core::{Event, JoinPolicy, LossCause, Path, SeqRange};

use crate::lone::{GROUP, Item, Lone, MS, Output, SECOND, Sent, lost, message, peer};
use crate::packets::{self, data, heartbeat_with, part, repair};

// RMC-LOST-1, RMC-LOST-2
#[test]
fn seed_fault_f02_lost_delivers_what_was_received_and_names_the_ranges() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 3, 6]);
    lone.hear(peer(0), &packets::lost(1, 4, 0));
    let expected = [message(1), lost(2, 2, LossCause::Lost), message(3), lost(4, 4, LossCause::Lost)];
    assert_eq!(lone.take(), expected);
    assert_eq!(lone.node.stats().rx.lost, 2);
    let told = lone.told(|event| if let Event::GotLost { range, .. } = event { Some(range) } else { None });
    assert_eq!(told, [SeqRange::single(2), SeqRange::single(4)]);
    lone.hear(peer(0), &repair(5));
    assert_eq!(lone.take(), [message(5), message(6)]);
}

// RMC-LOST-1
#[test]
fn seed_fault_f02_lost_for_what_was_received_loses_nothing() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2, 3]);
    lone.hear(peer(0), &packets::lost(1, 3, 0));
    assert_eq!(lone.take(), [message(1), message(2), message(3)]);
    assert_eq!(lone.node.stats().rx.lost, 0);
}

// RMC-LOCAL-1, RMC-DATA-3
#[test]
fn seed_fault_f07_the_position_moves_before_the_event_is_told() {
    let mut lone = Lone::new(|_| {});
    lone.feed(peer(0), Path::Multicast, &data(1));
    let mut told = 0;
    while let Some(output) = lone.poll() {
        if let Output::Event(Event::NewPacket { seq, stream: GROUP, .. }) = output {
            assert_eq!((seq, lone.stream().delivered), (1, 1));
            told += 1;
        }
    }
    assert_eq!(told, 1);
    lone.hear(peer(0), &data(1));
    assert_eq!(lone.node.stats().rx.duplicates, 1, "whatever the application made of it, it came once");
    assert_eq!(lone.take(), [message(1)]);
}

// RMC-LOCAL-1
#[test]
fn seed_fault_f07_an_application_that_fails_does_not_see_the_message_twice() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    let failed = catch_unwind(AssertUnwindSafe(|| {
        let taken = lone.take_one();
        resume_unwind(Box::new(taken));
    }));
    let taken = failed.expect_err("it failed").downcast::<Option<Item>>().expect("what it had taken");
    assert_eq!(*taken, Some(message(1)));
    assert_eq!(lone.take(), [message(2)]);
}

// RMC-LOCAL-1
#[test]
fn seed_fault_f07_a_packet_that_was_polled_is_not_polled_again() {
    let mut lone = Lone::new(|_| {});
    lone.node.send(lone.instant(), b"once").expect("there is room");
    assert!(lone.poll_transmit().is_some_and(|transmission| transmission.what == Sent::Data(1)));
    // The driver fails here, and comes back.
    lone.drain();
    lone.run_for(SECOND);
    assert!(lone.sent().iter().all(|sent| matches!(sent, Sent::Heartbeat { seq: 1, .. })));
}

const FIRST: Flags = Flags::FIRST;
const MIDDLE: Flags = Flags::NONE;
const LAST: Flags = Flags::LAST;

/// The fragments of a message with numbers from `first` on come, but for those in `without`.
fn hear_message(lone: &mut Lone, first: u64, fragments: u64, size: usize, without: &[u64]) {
    for seq in first..first + fragments {
        let flags = match seq {
            _ if seq == first => FIRST,
            _ if seq == first + fragments - 1 => LAST,
            _ => MIDDLE,
        };
        if !without.contains(&seq) {
            lone.hear(peer(0), &part(flags, seq, &vec![seq.to_be_bytes()[7]; size]));
        }
    }
}

// RMC-FRAG-4
#[test]
fn seed_fault_f29_a_message_of_which_any_fragment_is_lost_is_lost_whole() {
    for missing in 1..=3 {
        let mut lone = Lone::new(|_| {});
        hear_message(&mut lone, 1, 3, 50, &[missing]);
        lone.hear_all([4]);
        lone.hear(peer(0), &packets::lost(missing, missing, 0));
        assert_eq!(lone.take(), [lost(1, 3, LossCause::Lost), message(4)], "{missing} was missing");
        assert_eq!(lone.node.stats().rx.lost, 3);
        assert_eq!(lone.node.stats().held.receive_bytes, 0);
    }
}

/// The loss is reported at once; what follows up to LAST is reported when it comes.
// RMC-FRAG-4
#[test]
fn seed_fault_f29_what_follows_the_lost_fragment_is_reported_when_it_comes() {
    let mut lone = Lone::new(|_| {});
    hear_message(&mut lone, 1, 6, 50, &[3, 4, 5, 6]);
    lone.hear(peer(0), &packets::lost(3, 3, 0));
    assert_eq!(lone.take(), [lost(1, 3, LossCause::Lost)]);
    lone.hear(peer(0), &part(MIDDLE, 4, b"4"));
    lone.hear(peer(0), &part(MIDDLE, 5, b"5"));
    lone.hear(peer(0), &part(LAST, 6, b"6"));
    assert_eq!(lone.take(), [lost(4, 6, LossCause::Lost)]);
    lone.hear_all([7]);
    assert_eq!(lone.take(), [message(7)]);
}

fn small_messages() -> Lone {
    Lone::new(|config| config.max_message = 150)
}

// RMC-FRAG-5
#[test]
fn seed_fault_f29_a_message_of_max_message_is_delivered() {
    let mut lone = small_messages();
    hear_message(&mut lone, 1, 3, 50, &[]);
    let payload = [[1; 50], [2; 50], [3; 50]].concat();
    assert_eq!(lone.take(), [Item::Message { seq: 3, index: 0, payload }]);
}

// RMC-FRAG-5
#[test]
fn seed_fault_f29_a_message_larger_than_max_message_is_dropped_to_its_last_and_reported() {
    let mut lone = small_messages();
    lone.hear(peer(0), &part(FIRST, 1, &[1; 50]));
    lone.hear(peer(0), &part(MIDDLE, 2, &[2; 50]));
    lone.hear(peer(0), &part(MIDDLE, 3, &[3; 50]));
    lone.hear(peer(0), &part(MIDDLE, 4, &[4; 1]));
    lone.hear(peer(0), &part(LAST, 5, &[5; 50]));
    lone.hear_all([6]);
    assert_eq!(lone.take(), [lost(1, 5, LossCause::TooLarge), message(6)]);
    assert_eq!(lone.node.stats().held.receive_bytes, 0);
}

// RMC-FRAG-5
#[test]
fn seed_fault_f29_a_single_packet_larger_than_max_message_is_reported() {
    let mut lone = small_messages();
    lone.hear(peer(0), &part(FIRST | LAST, 1, &[1; 150]));
    lone.hear(peer(0), &part(FIRST | LAST, 2, &[2; 151]));
    lone.hear_all([3]);
    let whole = Item::Message { seq: 1, index: 0, payload: vec![1; 150] };
    assert_eq!(lone.take(), [whole, lost(2, 2, LossCause::TooLarge), message(3)]);
}

// RMC-JOIN-5
#[test]
fn seed_fault_f29_who_joins_now_in_the_middle_of_a_message_discards_to_the_next_first() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Now);
    lone.hear(peer(0), &part(MIDDLE, 5, b"5"));
    lone.hear(peer(0), &part(LAST, 6, b"6"));
    lone.hear_all([7]);
    assert_eq!(lone.take(), [message(7)], "and nothing is reported");
    assert_eq!(lone.node.stats().rx.lost, 0);
}

// RMC-JOIN-5, RMC-JOIN-3
#[test]
fn seed_fault_f29_who_joins_at_the_oldest_number_discards_to_the_next_first() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Oldest);
    lone.hear(peer(0), &heartbeat_with(Flags::NONE, 7, 5, 500 * MS));
    assert_eq!(lone.asked(), [5, 6, 7]);
    lone.hear(peer(0), &part(Flags::RESENT, 5, b"5"));
    lone.hear(peer(0), &part(Flags::RESENT | LAST, 6, b"6"));
    lone.hear(peer(0), &repair(7));
    assert_eq!(lone.take(), [message(7)], "and nothing is reported");
    assert_eq!(lone.node.stats().rx.lost, 0);
}

/// A whole message that follows the middle of another at once is a FIRST too.
// RMC-JOIN-5
#[test]
fn seed_fault_f29_who_joins_in_the_middle_takes_up_with_the_next_fragmented_message() {
    let mut lone = Lone::new(|config| config.join_policy = JoinPolicy::Now);
    lone.hear(peer(0), &part(LAST, 9, b"9"));
    hear_message(&mut lone, 10, 2, 3, &[]);
    let payload = vec![10, 10, 10, 11, 11, 11];
    assert_eq!(lone.take(), [Item::Message { seq: 11, index: 0, payload }]);
}

fn narrow() -> Lone {
    Lone::new(|config| {
        config.receive_window_packets = 16;
        config.backlog_packets = 16;
    })
}

// RMC-WIN-6
#[test]
fn seed_fault_f29_a_message_larger_than_the_window_arrives() {
    let mut lone = narrow();
    hear_message(&mut lone, 1, 100, 20, &[]);
    assert_eq!(lone.node.stats().dropped.window, 0);
    let payload: Vec<u8> = (1..=100).flat_map(|seq| [seq; 20]).collect();
    assert_eq!(lone.take(), [Item::Message { seq: 100, index: 0, payload }]);
}

// RMC-WIN-6
#[test]
fn seed_fault_f29_a_message_larger_than_the_window_arrives_with_repairs() {
    let mut lone = narrow();
    hear_message(&mut lone, 1, 60, 20, &[30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40]);
    for seq in 30..60 {
        lone.hear(peer(0), &part(Flags::RESENT, seq, &[seq.to_be_bytes()[7]; 20]));
    }
    lone.hear(peer(0), &part(Flags::RESENT | LAST, 60, &[60; 20]));
    let payload: Vec<u8> = (1..=60).flat_map(|seq| [seq; 20]).collect();
    assert_eq!(lone.take(), [Item::Message { seq: 60, index: 0, payload }]);
}
