//! Every counter of what is sent and received counts each one.

use rmc_core::SeqRange;
use rmc_core::packet::{Body, Flags, RangesBuilder};

use crate::lone::{EPOCH, Lone, MS, OWN, peer};
use crate::packets::{ack, data, encode, heartbeat, heartbeat_with, lost, nack, part, repair, reset, times};

#[test]
fn what_is_sent_is_counted_by_kind() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(3);
    lone.run_to(40 * MS);
    for interval in [20 * MS, 30 * MS] {
        lone.node.set_heartbeat_times(lone.instant(), &[interval], 0).expect("it is legal");
        lone.settle();
    }
    for stamp in [1, 2] {
        lone.hear_unicast(peer(0), &nack(stamp, &[(1, 2)]));
    }
    for _ in 0..2 {
        lone.node.reset(lone.instant()).expect("it is open");
        lone.settle();
        lone.node.send_at(lone.instant(), lone.node.next_seq() + 2, b"behind a hole").expect("there is room");
        lone.settle();
        lone.hear_unicast(peer(1), &heartbeat_with(Flags::PRIVATE, 1, 1, 50 * MS));
    }
    let (tx, sent) = (lone.node.stats().tx, lone.node.stats().repair);
    // The asker is new, so it is told the table too.
    assert_eq!((tx.messages, tx.data, tx.heartbeats, tx.heartbeat_times, tx.acks), (5, 5, 2, 3, 2));
    // The private stream lacks number 1, which is asked for once.
    assert_eq!((sent.repairs_sent, sent.lost_sent, sent.resets_sent), (4, 2, 2));
    assert_eq!((sent.nacks_received, sent.nacks_sent, sent.numbers_asked), (2, 1, 1));
    assert_eq!(tx.packets, lone.sent.len() as u64);
    assert_eq!(tx.bytes, lone.sent.iter().map(|sent| sent.bytes.len() as u64).sum::<u64>());
}

#[test]
fn what_is_received_is_counted_by_kind() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    let mut fed = (0, 0);
    let mut feed = |lone: &mut Lone, datagram: &[u8], multicast: bool| {
        fed = (fed.0 + 1, fed.1 + datagram.len() as u64);
        if multicast { lone.hear(peer(0), datagram) } else { lone.hear_unicast(peer(0), datagram) }
    };
    for round in 0..2 {
        let first = round * 10;
        feed(&mut lone, &data(first + 1), true);
        feed(&mut lone, &data(first + 1), true);
        feed(&mut lone, &data(first + 3), true);
        feed(&mut lone, &repair(first + 2), false);
        feed(&mut lone, &heartbeat(first + 3), true);
        feed(&mut lone, &times(first + 3, 0, &[20 * MS]), true);
        feed(&mut lone, &lost(first + 4, first + 5, 0), true);
        feed(&mut lone, &reset(first + 10, 0), true);
        feed(&mut lone, &nack(1, &[(1, 1)]), false);
        feed(&mut lone, &ack(Flags::NONE, OWN, 1), false);
        let mut ranges = RangesBuilder::new(1);
        assert!(ranges.push(SeqRange::single(1)));
        let body = Body::Confirm { reason: 0, delay: 0, stamp: 0, cookie: 0, ranges: ranges.as_ranges() };
        feed(&mut lone, &encode(Flags::NONE, 0, EPOCH, 1, body), false);
    }
    let stats = lone.node.stats();
    let rx = stats.rx;
    assert_eq!((rx.packets, rx.bytes), fed);
    assert_eq!((rx.data, rx.messages, rx.duplicates), (6, 6, 2));
    assert_eq!((rx.heartbeats, rx.heartbeat_times, rx.acks, rx.confirms), (2, 2, 2, 2));
    assert_eq!((stats.repair.gaps, stats.repair.repaired), (2, 2));
    assert_eq!((stats.repair.lost_received, stats.repair.resets_received, stats.repair.nacks_received), (2, 2, 2));
    // 4 to 10 of each ten numbers.
    assert_eq!(rx.lost, 14);
}

/// What waits behind a gap, and the part of a message that is there, go with a node that closes.
#[test]
fn a_closed_node_holds_nothing_of_what_nobody_took() {
    let mut lone = Lone::new(|_| {});
    lone.hear(peer(0), &part(Flags::FIRST, 1, b"the first of two parts"));
    lone.hear_all([3, 4]);
    let held = lone.node.stats().held;
    assert!(held.receive_bytes > 22 && held.receive_packets == 2, "{held:?}");
    lone.node.close(lone.instant());
    let held = lone.node.stats().held;
    assert_eq!((held.receive_bytes, held.receive_packets, held.peers), (0, 0, 0));
}
