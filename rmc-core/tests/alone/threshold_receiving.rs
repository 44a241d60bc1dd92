//! Threshold pairs of receiving: each bound of windows, peers and what waits to be taken holds exactly as much as it
//! says.

use crate::lone::{Lone, peer};
use crate::packets::heartbeat;

/// What is asked for once the application has taken so many of a full window, more of which is known to exist and one
/// of which is missing.
fn asked_with_free(window: usize, free: u64) -> Vec<u64> {
    let mut lone = Lone::new(|config| {
        config.backlog_packets = window;
        config.receive_window_packets = window;
    });
    lone.hear(peer(0), &heartbeat(1_000));
    lone.hear_all(1..=free);
    lone.sent.clear();
    lone.take();
    lone.asked()
}

// RMC-WIN-5
#[test]
fn the_window_does_not_move_on_by_one_packet_less_than_an_eighth() {
    assert_eq!((asked_with_free(80, 9), asked_with_free(81, 10)), (vec![], vec![]));
}

// RMC-WIN-5
#[test]
fn the_window_moves_on_by_an_eighth() {
    assert_eq!(asked_with_free(80, 10), (81..=90).collect::<Vec<_>>());
    assert_eq!(asked_with_free(81, 11), (82..=92).collect::<Vec<_>>());
}
