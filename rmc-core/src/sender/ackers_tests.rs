use core::net::SocketAddr;

use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn at(seconds: u64) -> Instant {
    Instant::from_origin(SECOND * u32::try_from(seconds).expect("not that long"))
}

/// A sender that waits for 1 s, and keeps 10 packets.
fn ackers() -> Ackers {
    let mut config = Config::new(SocketAddr::from(([239, 255, 77, 1], 8_000)), 1, 1);
    config.flow_control = FlowControl::Slowest { stall: SECOND };
    config.backlog_packets = 10;
    Ackers::new(&config)
}

fn acked(seq: u64) -> Acked {
    Acked { slot: 3, seq, window: 5, ended: false, proven: true }
}

// RMC-ACK-5
#[test]
fn the_interval_grows_with_the_group() {
    let millis = |group| ack_interval(group).as_millis();
    assert_eq!([0, 1, 100, 101, 1_000, 1_001, 10_000].map(millis), [100, 100, 100, 1_000, 1_000, 1_001, 10_000]);
}

/// The receiver is let go at `now`, where it had been asked before.
fn stall(ackers: &mut Ackers, last_sent: u64, now: Instant) {
    ackers.beat(1, last_sent, None, now);
    let progress = Progress { last_sent, blocked_since: None };
    assert_eq!(
        ackers.next_stalled(progress, |_| Some(Instant::ORIGIN), now + (SECOND - Duration::from_nanos(1))),
        None
    );
    let gone = ackers.next_stalled(progress, |_| Some(Instant::ORIGIN), now + SECOND);
    assert_eq!(gone, Some((3, last_sent - 1)));
    assert_eq!(ackers.stable(), None);
}

// RMC-FLOW-5
#[test]
fn who_is_let_go_again_and_again_comes_back_later_and_later() {
    let mut ackers = ackers();
    let mut now = at(1);
    let mut seq = 10;
    ackers.acked(acked(seq), seq, now);
    for times in [1, 2, 4, 8, 16, 32, 64, 64] {
        // It does not get the next one.
        stall(&mut ackers, seq + 1, now);
        now = now + SECOND;
        seq += 2;
        ackers.acked(acked(seq), seq, now + (SECOND * times - Duration::from_nanos(1)));
        assert_eq!(ackers.stable(), None, "{times}");
        now = now + SECOND * times;
        ackers.acked(acked(seq), seq, now);
        assert_eq!(ackers.stable(), Some(seq), "{times}");
    }
}

/// Places that others take over, and floods of Acks, cost no more than the table has places.
// RMC-FLOW-10
#[test]
fn a_flood_of_acks_grows_nothing() {
    let mut ackers = ackers();
    for round in 0..10_000 {
        let slot = round % 7;
        ackers.acked(Acked { slot, seq: 5, window: u32::MAX, ended: false, proven: false }, 5, at(1));
        if round % 3 == 0 {
            ackers.forget(slot);
        }
    }
    assert!(ackers.fresh.len() <= 7 && ackers.places.len() == 7);
    assert!(ackers.limit() <= 15, "the highest number that was acknowledged, and what is kept");
}

// RMC-REPAIR-18
#[test]
fn what_lies_above_the_stable_number_is_waited_for() {
    let mut ackers = ackers();
    assert!(!ackers.waits_for(11), "nobody counts");
    ackers.acked(acked(10), 10, at(1));
    assert_eq!((ackers.waits_for(10), ackers.waits_for(11)), (false, true));
}

// RMC-FLOW-10
#[test]
fn an_absurd_window_counts_as_far_as_the_backlog_keeps() {
    let mut ackers = ackers();
    ackers.acked(acked(10), 10, at(1));
    assert_eq!(ackers.limit(), 15);
    ackers.acked(Acked { window: u32::MAX, ..acked(10) }, 10, at(1));
    assert_eq!(ackers.limit(), 20);
}
