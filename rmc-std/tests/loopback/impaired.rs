//! Messages arrive all the same when datagrams are lost, doubled and come late.

use std::thread;
use std::time::Duration;

use rmc_std::{Impairment, Received};

use super::fixture::{LONG, expect_all, new_group, next_message, node, on_lo, payload, send_all};

#[test]
fn a_fifth_lost_each_way() {
    const COUNT: u64 = 2_000;
    let group = new_group();
    let lossy = |seed| on_lo(group).impair(Impairment::loss(seed, 0.2)).build().unwrap();
    let (a, b) = (lossy(11), lossy(12));
    thread::scope(|scope| {
        scope.spawn(|| send_all(&a, 1, COUNT, 1_000));
        scope.spawn(|| send_all(&b, 2, COUNT, 1_000));
        scope.spawn(|| expect_all(&a, &[(b.local_addr(), 2)], COUNT, 1_000));
        scope.spawn(|| expect_all(&b, &[(a.local_addr(), 1)], COUNT, 1_000));
    });
    assert!(a.stats().repair.repaired > COUNT / 10 && b.stats().repair.repaired > COUNT / 10);
}

#[test]
fn lost_doubled_and_late_with_fragments() {
    let group = new_group();
    let harsh = Impairment { loss: 0.1, duplicate: 0.1, reorder: 0.1, ..Impairment::new(21) };
    let a = on_lo(group).impair(harsh).build().unwrap();
    let b = on_lo(group).impair(Impairment { seed: 22, ..harsh }).build().unwrap();
    send_all(&a, 1, 300, 5_000);
    expect_all(&b, &[(a.local_addr(), 1)], 300, 5_000);
    let stats = b.stats();
    assert!(stats.repair.repaired > 0 && stats.rx.duplicates > 0, "{stats:?}");
}

#[test]
fn private_messages_with_loss_are_acknowledged_in_the_end() {
    const COUNT: u64 = 200;
    let group = new_group();
    let lossy = |seed| on_lo(group).impair(Impairment::loss(seed, 0.2)).build().unwrap();
    let (a, b) = (lossy(31), lossy(32));
    for number in 0..COUNT {
        a.send_to(b.local_addr(), &payload(1, number, 500)).unwrap();
    }
    for number in 0..COUNT {
        assert_eq!(next_message(&b).payload, payload(1, number, 500));
    }
    super::fixture::eventually("the private backlog is freed (S18)", || a.stats().held.backlog_packets == 0);
}

/// The end comes through: END is repeated, and the linger serves what is asked for meanwhile (S31).
#[test]
fn finish_serves_repairs_until_the_receiver_has_all() {
    const COUNT: u64 = 1_000;
    let group = new_group();
    let a = node(group);
    let b = on_lo(group).impair(Impairment::loss(41, 0.2)).build().unwrap();
    let a_addr = a.local_addr();
    send_all(&a, 1, COUNT, 1_000);
    thread::scope(|scope| {
        scope.spawn(|| assert!(a.finish(Duration::from_secs(1)), "finished by itself"));
        expect_all(&b, &[(a_addr, 1)], COUNT, 1_000);
        assert!(matches!(b.recv_timeout(LONG), Ok(Received::Ended { peer, .. }) if peer == a_addr));
    });
    assert!(a.is_closed());
}
