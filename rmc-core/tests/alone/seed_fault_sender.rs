//! Faults of the seed in sending: F15, F18, F19, F21, F23, F24.

use std::time::Duration;

use rmc_core::{Config, Event, EventKind, EventMask, Path, SendError};

use crate::lone::{Lone, MS, NS, SECOND, Sent, group, message, peer};
use crate::packets::{data, heartbeat, nack, payload, repair};

fn queue(lone: &mut Lone, count: u64) {
    for _ in 0..count {
        let seq = lone.node.next_seq();
        lone.node.send(lone.instant(), &payload(seq)).expect("there is room");
    }
}

/// (first transmissions, repairs) since the last call.
fn counted(lone: &mut Lone) -> (usize, usize) {
    let sent = lone.sent();
    let count = |kind: fn(&Sent) -> bool| sent.iter().filter(|sent| kind(sent)).count();
    (count(|sent| matches!(sent, Sent::Data(_))), count(|sent| matches!(sent, Sent::Repair(_))))
}

// RMC-REPAIR-10, RMC-PACE-1
#[test]
fn seed_fault_f15_repairs_take_half_of_a_burst_at_most_while_data_waits() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(200);
    lone.sent.clear();
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 200)]));
    queue(&mut lone, 100);
    for burst in 0..20 {
        lone.tick();
        assert_eq!(counted(&mut lone), (5, 5), "burst {burst}");
    }
    for burst in 0..10 {
        lone.tick();
        assert_eq!(counted(&mut lone), (0, 10), "no data waits any more, burst {burst}");
    }
    lone.settle();
    assert_eq!(counted(&mut lone), (0, 0));
}

fn short_queue(config: &mut Config) {
    config.max_message = 500;
    config.send_queue_packets = 16;
    config.send_queue_bytes = 1_000;
}

// RMC-SEND-6, RMC-LOCAL-6
#[test]
fn seed_fault_f15_send_says_full_at_the_bound_in_packets() {
    let mut lone = Lone::new(short_queue);
    let capacity = lone.node.send_capacity();
    assert_eq!((capacity.packets, capacity.bytes), (16, 1_000));
    queue(&mut lone, 16);
    assert_eq!(lone.node.send_capacity().packets, 0);
    assert_eq!(lone.node.send(lone.instant(), b"one more"), Err(SendError::Full));
    assert_eq!(lone.node.next_seq(), 17, "what is refused uses up no number");
    lone.settle();
    assert_eq!(lone.node.send(lone.instant(), b"one more"), Ok(17));
}

// RMC-SEND-6
#[test]
fn seed_fault_f15_send_says_full_at_the_bound_in_bytes() {
    let mut lone = Lone::new(short_queue);
    let mut send = |len: usize| lone.node.send(rmc_core::Instant::ORIGIN, &vec![0; len]);
    assert_eq!(send(500), Ok(1));
    assert_eq!(send(499), Ok(2));
    assert_eq!(send(2), Err(SendError::Full));
    assert_eq!(send(1), Ok(3));
    assert_eq!(send(1), Err(SendError::Full));
    assert_eq!(lone.node.send_capacity().bytes, 0);
}

/// A fragmented message is taken whole or not at all.
// RMC-SEND-6
#[test]
fn seed_fault_f15_a_message_that_does_not_fit_whole_is_not_taken_in_part() {
    let mut lone = Lone::new(|config| {
        short_queue(config);
        config.max_datagram = 66;
    });
    queue(&mut lone, 7);
    assert_eq!(lone.node.send(lone.instant(), &[0; 451]), Err(SendError::Full), "10 packets, 9 are free");
    assert_eq!(lone.node.next_seq(), 8);
    assert_eq!(lone.node.send(lone.instant(), &[0; 450]), Ok(16), "9 packets");
    assert_eq!(lone.node.send_capacity().packets, 0);
}

// RMC-ACTIVE-2, RMC-HB-3
#[test]
fn seed_fault_f18_a_deactivated_node_that_sends_sends_heartbeats() {
    let mut lone = Lone::new(|_| {});
    lone.node.deactivate(lone.instant());
    lone.send_all(1);
    lone.run_to(80 * MS);
    let beats: Vec<_> =
        lone.sent.iter().filter(|sent| sent.to == group()).map(|sent| (sent.at, sent.what.clone())).collect();
    let beat = |interval: u32| Sent::Heartbeat { seq: 1, oldest: 1, interval: MS * interval, end: false };
    let expected = [(Duration::ZERO, Sent::Data(1)), (10 * MS, beat(20)), (30 * MS, beat(50)), (80 * MS, beat(50))];
    assert_eq!(beats, expected);
}

// RMC-ACTIVE-1, RMC-ACTIVE-2
#[test]
fn seed_fault_f18_a_deactivated_node_serves_nacks() {
    let mut lone = Lone::new(|_| {});
    lone.node.deactivate(lone.instant());
    lone.send_all(2);
    lone.sent.clear();
    lone.hear_unicast(peer(1), &nack(1, &[(2, 2)]));
    assert_eq!(lone.sent(), [Sent::Repair(2)]);
    lone.hear(peer(1), &data(1));
    assert_eq!((lone.take(), lone.node.stats().dropped.inactive), (vec![], 1), "it follows no stream");
}

fn packets_sent(lone: &mut Lone) -> Vec<u64> {
    lone.told(|event| if let Event::PacketSent { seq, .. } = event { Some(seq) } else { None })
}

/// No heartbeat comes between what fails and what follows.
fn without_heartbeats() -> Lone {
    Lone::new(|config| config.heartbeat_times = vec![20 * SECOND])
}

// RMC-SEND-4
#[test]
fn seed_fault_f19_a_send_that_failed_comes_back_after_10_ms() {
    let mut lone = without_heartbeats();
    queue(&mut lone, 3);
    let failed = lone.poll_transmit().expect("a packet waits");
    assert_eq!(failed.what, Sent::Data(1));
    lone.node.transmit_failed(lone.instant(), true);
    lone.drain();
    assert_eq!(lone.sent(), [], "everything else waits as long");
    assert_eq!(packets_sent(&mut lone), [], "it has not left");
    assert_eq!(lone.deadline, Some(10 * MS));
    lone.run_to(10 * MS - NS);
    assert_eq!(lone.sent(), []);
    lone.run_to(10 * MS);
    assert_eq!(lone.sent[0].bytes, failed.bytes, "the same bytes");
    assert_eq!(lone.sent(), [Sent::Data(1), Sent::Data(2), Sent::Data(3)]);
    assert_eq!(packets_sent(&mut lone), [1, 2, 3]);
    assert_eq!(lone.node.stats().tx.data, 3);
}

// RMC-SEND-4
#[test]
fn seed_fault_f19_a_send_that_fails_again_comes_back_again() {
    let mut lone = without_heartbeats();
    queue(&mut lone, 1);
    for round in 1..=5 {
        assert!(lone.poll_transmit().is_some_and(|transmission| transmission.what == Sent::Data(1)));
        lone.node.transmit_failed(lone.instant(), true);
        lone.drain();
        lone.now = 10 * MS * round;
        lone.node.handle_timeout(lone.instant());
    }
    lone.drain();
    assert_eq!(lone.sent(), [Sent::Data(1)]);
}

/// What has not left has not been sent: the first heartbeat comes an interval after the packet has left.
// RMC-SEND-4, RMC-HB-3
#[test]
fn seed_fault_f19_the_heartbeat_counts_from_when_the_packet_has_left() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 1);
    assert!(lone.poll_transmit().is_some_and(|transmission| transmission.what == Sent::Data(1)));
    lone.node.transmit_failed(lone.instant(), true);
    lone.drain();
    lone.run_to(20 * MS);
    let sent: Vec<_> =
        lone.sent.iter().map(|sent| (sent.at, matches!(sent.what, Sent::Heartbeat { seq: 1, .. }))).collect();
    assert_eq!(sent, [(10 * MS, false), (20 * MS, true)]);
}

// RMC-SEND-4
#[test]
fn seed_fault_f19_a_send_that_failed_for_good_counts_as_lost_on_the_way() {
    let mut lone = Lone::new(|_| {});
    queue(&mut lone, 3);
    assert!(lone.poll_transmit().is_some_and(|transmission| transmission.what == Sent::Data(1)));
    lone.node.transmit_failed(lone.instant(), false);
    lone.drain();
    assert_eq!(
        lone.sent(),
        [Sent::Data(2), Sent::Data(3)],
        "the rest of the burst leaves at once, under its own numbers"
    );
    assert_eq!(lone.node.stats().tx.failed, 1);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    assert_eq!(lone.sent(), [Sent::Repair(1)], "and it can be repaired");
}

// RMC-SEND-4
#[test]
fn seed_fault_f19_a_nack_or_a_repair_that_failed_comes_back_too() {
    let mut lone = without_heartbeats();
    lone.send_all(1);
    // The first NACK is answered with the heartbeat table as well.
    lone.hear_unicast(peer(1), &nack(1, &[(1, 1)]));
    lone.sent.clear();
    lone.feed(peer(0), Path::Multicast, &data(1));
    lone.feed(peer(0), Path::Multicast, &data(3));
    lone.feed(peer(1), Path::Unicast, &nack(2, &[(1, 1)]));
    for expected in [Sent::Nack(vec![(2, 2)]), Sent::Repair(1)] {
        let failed = lone.poll_transmit().expect("a packet waits");
        assert_eq!(failed.what, expected);
        lone.node.transmit_failed(lone.instant(), true);
        lone.drain();
        assert_eq!(lone.sent(), []);
        lone.now += 10 * MS;
        lone.node.handle_timeout(lone.instant());
        let again = lone.poll_transmit().expect("it comes back");
        assert_eq!((again.to, again.bytes), (failed.to, failed.bytes));
    }
}

#[test]
fn seed_fault_f19_it_is_too_late_after_the_next_action() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    lone.sent.clear();
    lone.node.transmit_failed(lone.instant(), true);
    lone.run_to(9 * MS);
    assert_eq!(lone.sent(), []);
    lone.run_to(100 * MS);
    assert!(lone.sent().iter().all(|sent| matches!(sent, Sent::Heartbeat { .. })));
}

/// Its stream was dropped between the transmission and the word that it failed: nobody wants it any more.
// RMC-SEND-4
#[test]
fn seed_fault_f19_what_nobody_wants_any_more_does_not_come_back() {
    let mut lone = Lone::new(|_| {});
    lone.node.send_to(lone.instant(), peer(1), b"private").expect("there is room");
    let sent = lone.poll_transmit().expect("it leaves at once");
    assert_eq!(sent.what, Sent::Data(1));
    assert!(lone.node.remove_peer(lone.instant(), peer(1)));
    lone.node.transmit_failed(lone.instant(), true);
    lone.sent.clear();
    lone.run_to(100 * MS);
    assert_eq!(lone.sent(), []);
}

fn overflows(lone: &mut Lone) -> Vec<u64> {
    lone.told(|event| if let Event::SequenceOverflow { seq } = event { Some(seq) } else { None })
}

#[test]
fn seed_fault_f21_sequence_overflow_can_be_subscribed_to() {
    let kind: EventKind = "sequence_overflow".parse().expect("the seed's name");
    assert_eq!(kind, EventKind::SequenceOverflow);
    let mut lone = Lone::new(|config| {
        config.sequence_limit = 3;
        config.events = EventMask::NONE.with(kind);
    });
    lone.send_all(3);
    assert_eq!(overflows(&mut lone), [], "3 is the limit, not past it");
    lone.send_all(1);
    assert_eq!(overflows(&mut lone), [4]);
    lone.send_all(3);
    assert_eq!(overflows(&mut lone), [], "once");
}

#[test]
fn seed_fault_f21_who_does_not_subscribe_hears_nothing() {
    let mut lone = Lone::new(|config| {
        config.sequence_limit = 3;
        config.events = EventMask::ALL.without(EventKind::SequenceOverflow);
    });
    lone.send_all(5);
    assert_eq!(overflows(&mut lone), []);
}

/// A node with everything pending: data, repairs, heartbeats, gaps, a peer that will be overdue.
fn busy() -> Lone {
    let mut lone = Lone::new(|_| {});
    lone.send_all(30);
    lone.hear_all([1, 3]);
    queue(&mut lone, 30);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 30)]));
    lone.sent.clear();
    lone.events.clear();
    lone
}

// RMC-END-3
#[test]
fn seed_fault_f23_after_close_no_output_ever_comes_again() {
    let mut lone = busy();
    lone.node.close(lone.instant());
    assert!(lone.node.is_closed());
    stays_closed(&mut lone);
}

fn stays_closed(lone: &mut Lone) {
    for _ in 0..100 {
        lone.tick();
        assert_eq!(lone.deadline, None);
        lone.feed(peer(0), Path::Multicast, &data(5));
        lone.feed(peer(0), Path::Multicast, &heartbeat(9));
        lone.feed(peer(1), Path::Unicast, &nack(2, &[(1, 30)]));
        assert_eq!(lone.node.send(lone.instant(), b"late"), Err(SendError::Finished));
        assert_eq!(lone.node.send_to(lone.instant(), peer(1), b"late"), Err(SendError::Finished));
        assert_eq!(lone.node.reset(lone.instant()), Err(SendError::Finished));
        lone.node.activate(lone.instant());
        lone.node.set_silent(lone.instant(), false);
        lone.node.transmit_failed(lone.instant(), true);
        lone.node.finish(lone.instant(), SECOND);
        lone.now += 700 * MS;
    }
    assert!(lone.sent.is_empty(), "{:?}", lone.sent);
    assert!(lone.events.is_empty(), "{:?}", lone.events);
}

// RMC-END-3
#[test]
fn seed_fault_f23_after_finish_has_ended_no_output_ever_comes_again() {
    let mut lone = busy();
    lone.node.finish(lone.instant(), SECOND);
    lone.run_for(60 * SECOND);
    assert!(lone.node.is_closed());
    assert_eq!(lone.events.pop().map(|(_, event)| event), Some(Event::Closed), "the last word");
    lone.sent.clear();
    lone.events.clear();
    stays_closed(&mut lone);
}

/// What was ready stays readable, so that nothing that was received is lost by closing.
#[test]
fn seed_fault_f23_what_was_ready_stays_readable() {
    let mut lone = busy();
    lone.node.close(lone.instant());
    lone.hear(peer(0), &repair(2));
    assert_eq!(lone.take(), [message(1)]);
}

fn sent_nacks(lone: &mut Lone) -> Vec<(u64, u64)> {
    lone.told(|event| if let Event::SentNack { seq, count, .. } = event { Some((seq, count)) } else { None })
}

// RMC-LOCAL-4, RMC-SILENT-1
#[test]
fn seed_fault_f24_a_silent_node_tells_of_no_nack() {
    let mut lone = Lone::new(|config| config.silent = true);
    lone.hear_all([1, 3]);
    lone.run_for(5 * SECOND);
    assert_eq!(sent_nacks(&mut lone), []);
    assert_eq!(lone.sent(), []);
    assert_eq!(lone.node.stats().repair.nacks_sent, 0);
}

// RMC-LOCAL-4
#[test]
fn seed_fault_f24_a_nack_is_told_when_it_was_sent() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 4]);
    assert_eq!(sent_nacks(&mut lone), [(2, 2)]);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 3)])]);
}

/// While the driver cannot send, nothing is told; when it can, it is told once.
// RMC-LOCAL-4, RMC-SEND-4
#[test]
fn seed_fault_f24_a_nack_that_could_not_be_sent_is_told_when_it_is() {
    let mut lone = Lone::new(|_| {});
    lone.feed(peer(0), Path::Multicast, &data(1));
    lone.feed(peer(0), Path::Multicast, &data(3));
    assert!(lone.poll_transmit().is_some_and(|transmission| transmission.what == Sent::Nack(vec![(2, 2)])));
    lone.node.transmit_failed(lone.instant(), true);
    lone.drain();
    assert_eq!(sent_nacks(&mut lone), []);
    lone.run_to(10 * MS);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2)])]);
    assert_eq!(sent_nacks(&mut lone), [(2, 1)]);
}

// RMC-LOCAL-4
#[test]
fn seed_fault_f24_every_packet_sent_is_told_once() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    lone.hear_all([1, 3]);
    lone.run_for(SECOND);
    let packets = lone.sent.len();
    let told = lone.told(|event| matches!(event, Event::SentPacket { .. }).then_some(()));
    assert_eq!(told.len(), packets);
}
