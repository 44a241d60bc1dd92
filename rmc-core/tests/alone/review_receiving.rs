//! Receiving at the edges: what can never be kept, and gaps past `max_nacks` of a silent node.

use rmc_core::LossCause;
use rmc_core::packet::Flags;

use crate::given::{sized, window_of_1000_bytes};
use crate::lone::{Lone, MS, lost, message, peer};
use crate::packets::{data, part, repair};

/// A message that no window could ever hold is reported as any message is that is too large; the stream goes on.
// RMC-FRAG-5
#[test]
fn a_datagram_larger_than_the_whole_window_does_not_stop_the_stream() {
    let mut lone = Lone::new(window_of_1000_bytes);
    lone.hear(peer(0), &sized(1, 1_001));
    lone.hear(peer(0), &data(2));
    assert_eq!(lone.take(), [lost(1, 1, LossCause::TooLarge), message(2)]);
    assert_eq!(lone.node.stats().dropped.window, 0);

    // Behind a gap it does not fit the cache, and is asked for again when its turn has come.
    lone.hear(peer(0), &sized(4, 1_001));
    lone.hear(peer(0), &data(3));
    lone.hear(peer(0), &sized(4, 1_001));
    lone.hear(peer(0), &data(5));
    assert_eq!(lone.take(), [message(3), lost(4, 4, LossCause::TooLarge), message(5)]);
}

// RMC-FRAG-5
#[test]
fn a_fragment_larger_than_the_whole_window_does_not_stop_the_stream() {
    let mut lone = Lone::new(window_of_1000_bytes);
    lone.hear(peer(0), &part(Flags::FIRST, 1, &[1; 400]));
    lone.hear(peer(0), &part(Flags::NONE, 2, &[2; 1_400]));
    lone.hear(peer(0), &part(Flags::LAST, 3, &[3; 1_400]));
    lone.hear(peer(0), &part(Flags::FIRST, 4, &[4; 1_400]));
    lone.hear(peer(0), &part(Flags::LAST, 5, &[5; 10]));
    lone.hear(peer(0), &data(6));
    assert_eq!(lone.take(), [lost(1, 5, LossCause::TooLarge), message(6)]);
    assert_eq!((lone.node.stats().held.receive_bytes, lone.node.stats().held.receive_packets), (0, 0));
}

// RMC-PACK-2
#[test]
fn a_packed_datagram_larger_than_the_whole_window_does_not_stop_the_stream() {
    let records: Vec<u8> = (0..3).flat_map(|_| [&500_u16.to_be_bytes()[..], &[7; 500]].concat()).collect();
    let mut lone = Lone::new(window_of_1000_bytes);
    lone.hear(peer(0), &part(Flags::FIRST | Flags::LAST | Flags::PACKED, 1, &records));
    lone.hear(peer(0), &data(2));
    assert_eq!(lone.take(), [lost(1, 1, LossCause::TooLarge), message(2)]);
}

/// Gaps past `max_nacks` wait for their turn. For a silent node, which asks for nothing, the wait for somebody else's
/// repair begins with the turn: no gap is given up the moment that it has it.
// RMC-SILENT-2
#[test]
fn a_silent_node_waits_for_each_gap() {
    let mut lone = Lone::new(|config| {
        config.silent = true;
        config.max_nacks = 1;
        config.silent_gap = 100 * MS;
    });
    lone.hear_all([1, 3]);
    lone.run_to(99 * MS);
    // A second gap opens just before the first is given up.
    lone.hear_all([5]);
    lone.run_to(100 * MS);
    assert_eq!(lone.take(), [message(1), lost(2, 2, LossCause::Silent), message(3)]);
    lone.run_to(199 * MS);
    lone.hear(peer(0), &repair(4));
    assert_eq!(lone.take(), [message(4), message(5)]);
}
