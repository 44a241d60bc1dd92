//! Sending at the edges: inputs between a transmission and its failure, answers that outlive their stream, silence, and
//! the end of time.

use std::time::Duration;

use rmc_core::packet::Flags;
use rmc_core::{Instant, Path};

use crate::given::{private_ack, private_nack, send_private};
use crate::lone::{Lone, MS, NS, OWN, Sent, peer};
use crate::packets::{ack, data, nack_to};

/// `transmit_failed` is legal until the next poll, whatever came between: an Ack that frees what stood before the
/// packet moves it within the log.
// RMC-SEND-4
#[test]
fn a_packet_that_failed_comes_back_though_others_were_acknowledged_meanwhile() {
    let mut lone = Lone::new(|_| {});
    send_private(&mut lone, 0);
    send_private(&mut lone, 0);
    lone.node.send_to(lone.instant(), peer(0), &[9; 30]).expect("there is room");
    let failed = lone.poll_transmit().expect("a packet");
    assert_eq!(failed.what, Sent::Data(3));
    lone.feed(peer(0), Path::Unicast, &private_ack(2));
    lone.node.transmit_failed(lone.instant(), true);
    assert_eq!(lone.node.retrying(), 1);
    lone.sent.clear();
    lone.run_for(10 * MS);
    assert_eq!(lone.node.retrying(), 0);
    let back = lone.sent.first().expect("it comes back");
    assert_eq!((&back.what, &back.bytes), (&Sent::Data(3), &failed.bytes));
}

/// Who waits until everything has left need not wait for what nobody wants any more, nor for what a silent node drops.
// RMC-SEND-4, RMC-SILENT-1
#[test]
fn what_failed_and_nobody_wants_any_more_does_not_wait_to_be_sent_again() {
    let mut lone = Lone::new(|_| {});
    send_private(&mut lone, 0);
    lone.node.send_to(lone.instant(), peer(0), &[9; 30]).expect("there is room");
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Data(2)));
    lone.feed(peer(0), Path::Unicast, &private_ack(2));
    lone.node.transmit_failed(lone.instant(), true);
    assert_eq!(lone.node.retrying(), 0, "it has come");
    lone.node.send(lone.instant(), &[9; 30]).expect("there is room");
    lone.run_for(10 * MS - NS);
    lone.now += NS;
    lone.node.handle_timeout(lone.instant());
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Data(1)));
    lone.node.transmit_failed(lone.instant(), true);
    assert_eq!(lone.node.retrying(), 1);
    lone.node.set_silent(lone.instant(), true);
    assert_eq!(lone.node.retrying(), 0, "it never sends");
}

/// The place of a stream that was removed may go to another one before the answer is polled.
// RMC-REPAIR-6
#[test]
fn an_answer_for_a_stream_that_was_removed_does_not_speak_of_another() {
    let mut lone = Lone::new(|_| {});
    send_private(&mut lone, 0);
    // It asks for what was never sent: a Heartbeat of its stream is to answer.
    lone.feed(peer(0), Path::Unicast, &private_nack(5, 9, 9));
    assert!(lone.node.remove_peer(lone.instant(), peer(0)));
    lone.node.send_to(lone.instant(), peer(1), &[1; 30]).expect("there is room");
    lone.sent.clear();
    lone.settle();
    assert!(lone.sent.iter().all(|sent| sent.to == peer(1)), "{:?}", lone.sent);
}

/// Nobody waits any more for what a node was asked while it was silent.
// RMC-SILENT-1
#[test]
fn what_was_asked_of_a_silent_node_is_not_answered_later() {
    let table = vec![20 * MS, 40 * MS];
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![20 * MS, 40 * MS]);
    lone.send_all(1);
    lone.node.set_silent(lone.instant(), true);
    lone.hear_unicast(peer(0), &ack(Flags::NONE, 99, 0));
    lone.hear_unicast(peer(1), &nack_to(99, Flags::NONE, 7, &[(1, 1)]));
    lone.hear_unicast(peer(2), &ack(Flags::NONE, OWN, 1));
    lone.run_for(100 * MS);
    lone.sent.clear();
    lone.node.set_silent(lone.instant(), false);
    lone.settle();
    assert_eq!(lone.sent(), []);
    // Who could not be told of the table is told when it asks again.
    lone.hear_unicast(peer(2), &ack(Flags::NONE, OWN, 1));
    assert_eq!(lone.sent(), [Sent::Times(table)]);
}

/// Times saturate, and a deadline at the end of time must not be due for ever.
// RMC-LOCAL-3
#[test]
fn at_the_end_of_time_nothing_loops() {
    for deactivated in [false, true] {
        let mut lone = Lone::new(|_| {});
        lone.hear(peer(0), &data(1));
        lone.hear(peer(0), &data(3));
        lone.send_all(2);
        lone.node.send_to(lone.instant(), peer(1), &[1; 30]).expect("there is room");
        lone.settle();
        if deactivated {
            lone.node.deactivate(lone.instant());
        }
        let end = Instant::from_nanos(u64::MAX);
        for _ in 0..3 {
            lone.node.handle_timeout(end);
            lone.drain();
        }
        lone.node.finish(end, Duration::MAX);
        lone.node.handle_timeout(end);
        lone.drain();
        assert!(!lone.node.is_closed(), "the linger is not over");
    }
}

/// A node closes when its end run is through: not while the last packet of it waits to be sent again.
// RMC-END-3
#[test]
fn the_last_end_is_sent_again_before_the_node_closes() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![20 * MS]);
    lone.send_all(1);
    lone.node.finish(lone.instant(), Duration::ZERO);
    lone.settle();
    lone.now += 20 * MS;
    lone.node.handle_timeout(lone.instant());
    let last = lone.poll_transmit().expect("the last END");
    assert!(matches!(last.what, Sent::Heartbeat { interval: Duration::ZERO, end: true, .. }), "{last:?}");
    lone.node.transmit_failed(lone.instant(), true);
    lone.drain();
    assert!(!lone.node.is_closed());
    lone.sent.clear();
    lone.run_for(10 * MS);
    assert_eq!(lone.sent(), [last.what]);
    assert!(lone.node.is_closed());
    assert_eq!(lone.deadline, None);
}
