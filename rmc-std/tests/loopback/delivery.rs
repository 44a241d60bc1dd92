//! Messages arrive.

use std::thread;
use std::time::{Duration, Instant};

use rmc_std::{Congestion, Endpoint, FlowControl, JoinPolicy, Path, Received, SendError, Stream};

use super::fixture::{LO, LONG, eventually_knows, expect_all, new_group, next_message, node, on_lo, payload, send_all};

#[test]
fn two_nodes_on_one_host() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    send_all(&a, 1, 500, 100);
    send_all(&b, 2, 500, 100);
    expect_all(&b, &[(a.local_addr(), 1)], 500, 100);
    expect_all(&a, &[(b.local_addr(), 2)], 500, 100);
    assert_eq!((a.group(), a.peers().len()), (group, 1), "its own packets made no peer of a node (S03)");
}

#[test]
fn three_nodes_all_to_all_from_three_threads() {
    const COUNT: u64 = 3_000;
    let group = new_group();
    let nodes = [node(group), node(group), node(group)];
    let tagged: Vec<_> = nodes.iter().map(Endpoint::local_addr).zip(1..).collect();
    thread::scope(|scope| {
        for (node, &(_, tag)) in nodes.iter().zip(&tagged) {
            let others: Vec<_> = tagged.iter().copied().filter(|&(_, other)| other != tag).collect();
            scope.spawn(move || send_all(node, tag, COUNT, 700));
            scope.spawn(move || expect_all(node, &others, COUNT, 700));
        }
    });
}

#[test]
fn a_message_says_where_it_stands() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let seq = a.send(b"first").unwrap();
    let message = next_message(&b);
    assert_eq!((message.peer, message.seq, message.index), (a.local_addr(), seq, 0));
    assert_eq!((message.stream, message.path), (Stream::Group, Path::Multicast));
    assert_eq!(a.next_seq(), seq + 1);
    // A number may be skipped; that is told in its place (S18).
    let seq = a.send_at(seq + 3, b"later").unwrap();
    let Received::Lost { ranges, .. } = b.recv_timeout(LONG).unwrap() else { panic!("no gap was told") };
    assert_eq!((ranges[0].first(), ranges[0].last()), (seq - 2, seq - 1));
    assert_eq!(next_message(&b).seq, seq);
    assert_eq!(a.send_at(1, b"again"), Err(SendError::SequencePassed { seq: 1, next: seq + 1 }));
}

#[test]
fn private_messages_both_ways_are_seen_by_nobody_else() {
    const COUNT: u64 = 300;
    let group = new_group();
    let (a, b, c) = (node(group), node(group), node(group));
    for number in 0..COUNT {
        a.send_to(b.local_addr(), &payload(1, number, 300)).unwrap();
        b.send_to(a.local_addr(), &payload(2, number, 300)).unwrap();
    }
    for (node, other, tag) in [(&b, &a, 1), (&a, &b, 2)] {
        for number in 0..COUNT {
            let message = next_message(node);
            assert_eq!(
                (message.peer, message.stream, message.path),
                (other.local_addr(), Stream::Private, Path::Unicast)
            );
            assert_eq!(message.payload, payload(tag, number, 300));
        }
    }
    a.send(b"for all").unwrap();
    assert_eq!(next_message(&c).payload, b"for all", "and nothing before it");
}

#[test]
fn a_message_of_8_mib() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let big = payload(1, 0, 8 << 20);
    assert_eq!(a.max_message(), big.len());
    a.send(&big).unwrap();
    a.send(b"behind it").unwrap();
    assert!(next_message(&b).payload == big);
    assert_eq!(next_message(&b).payload, b"behind it");
    let too_large = vec![0; big.len() + 1];
    assert_eq!(a.send(&too_large), Err(SendError::TooLarge { len: too_large.len(), max: big.len() }));
}

#[test]
fn seed_s02_one_socket_serves_as_both_where_the_group_is_one_node() {
    let b_addr = (LO, super::fixture::free_port()).into();
    // Each is the other's group.
    let a = Endpoint::builder(b_addr).bind((LO, 0).into()).seed(1).build().unwrap();
    let b = Endpoint::builder(a.local_addr()).bind(b_addr).seed(2).build().unwrap();
    send_all(&a, 1, 200, 2_000);
    expect_all(&b, &[(a.local_addr(), 1)], 200, 2_000);
    send_all(&b, 2, 200, 2_000);
    expect_all(&a, &[(b.local_addr(), 2)], 200, 2_000);
}

#[test]
fn halves_live_on_different_threads() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let (sender, receiver) = a.split();
    let b_addr = b.local_addr();
    let echo = thread::spawn(move || {
        for received in &b {
            let Received::Message(message) = received else { continue };
            b.send(&message.payload).unwrap();
            if message.payload == b"last" {
                b.flush(Some(LONG)).unwrap();
                // Its repairs are served until the other has read all.
                return b;
            }
        }
        panic!("closed before the last message");
    });
    let reader = thread::spawn(move || {
        let own =
            receiver.iter().filter_map(Received::into_message).inspect(|message| assert_eq!(message.peer, b_addr));
        let count = own.take_while(|message| message.payload != b"last").count();
        (count, receiver)
    });
    for number in 0..1_000 {
        sender.send(&payload(1, number, 50)).unwrap();
    }
    sender.send(b"last").unwrap();
    let (count, _receiver) = reader.join().unwrap();
    assert_eq!(count, 1_000);
    drop(echo.join().unwrap());
}

#[test]
fn a_full_queue_is_backpressure() {
    let group = new_group();
    let a = on_lo(group)
        .max_rate(50_000)
        .config(|config| {
            config.rate_burst = 1_472;
            config.max_message = 1_000;
            config.send_queue_packets = 16;
        })
        .build()
        .unwrap();
    let mut sent = 0;
    let full = loop {
        match a.try_send(&payload(1, sent, 1_000)) {
            Ok(_) => sent += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(full, SendError::Full);
    assert!(a.send_capacity().packets == 0 && sent >= 16);
    assert_eq!(a.send_timeout(&payload(1, sent, 1_000), Duration::from_millis(1)), Err(SendError::Full));
    assert_eq!(a.flush(Some(Duration::ZERO)), Err(rmc_std::FlushError::Timeout));
    // These wait for room, and for the last to leave.
    let b = on_lo(group).join_policy(JoinPolicy::Oldest).build().unwrap();
    for number in sent..sent + 20 {
        a.send(&payload(1, number, 1_000)).unwrap();
    }
    a.flush(Some(LONG)).unwrap();
    assert_eq!(a.stats().held.queued_packets, 0);
    expect_all(&b, &[(a.local_addr(), 1)], sent + 20, 1_000);
}

#[test]
fn a_slow_receiver_gets_or_is_told_of_every_number() {
    const COUNT: u64 = 3_000;
    let group = new_group();
    let small = |node: rmc_std::Builder| {
        node.config(|config| {
            config.max_message = 1_000;
            config.backlog_packets = 64;
            config.receive_window_packets = 64;
            // The sender waits for nobody.
            config.flow_control = FlowControl::None;
            config.packing = false;
        })
        .build()
        .unwrap()
    };
    let (a, b) = (small(on_lo(group)), small(on_lo(group)));
    a.send(&payload(1, 0, 100)).unwrap();
    eventually_knows(&b, &a);
    for number in 1..COUNT {
        a.send(&payload(1, number, 100)).unwrap();
    }
    a.flush(Some(LONG)).unwrap();
    // It begins to read when most is forgotten already. The numbers must come without a gap that is not told.
    let mut next = 1;
    let mut lost = 0;
    while next <= COUNT {
        match b.recv_timeout(LONG).unwrap() {
            Received::Message(message) => {
                assert_eq!(message.seq, next);
                assert_eq!(message.payload, payload(1, next - 1, 100));
                next += 1;
            }
            Received::Lost { ranges, .. } => {
                for range in ranges {
                    assert_eq!(range.first(), next, "told in its place");
                    lost += range.len();
                    next = range.last() + 1;
                }
            }
            other => panic!("{other:?}"),
        }
        assert!(b.stats().held.readable <= 64 + 1, "the window bounds what waits");
    }
    assert!(lost > 0 && lost < COUNT, "{lost} lost: a window of 64 cannot hold {COUNT}, and is not empty either");
}

/// Where nobody's window bounds a sender, a rate that adapts does: many datagrams that leave as one count as so many.
#[test]
fn a_rate_that_adapts_is_never_above_its_ceiling() {
    const COUNT: u64 = 1_500;
    const LEN: u64 = 1_400;
    const CEILING: u64 = 4_000_000;
    let group = new_group();
    let a = on_lo(group)
        .flow_control(FlowControl::None)
        .config(|config| config.congestion = Congestion::Adaptive { floor: 100_000, ceiling: CEILING })
        .build()
        .unwrap();
    let b = node(group);
    let burst = a.config().rate_burst as u64;
    thread::scope(|scope| {
        let start = Instant::now();
        scope.spawn(|| send_all(&a, 1, COUNT, 1_400));
        let mut next = 0;
        while next < COUNT {
            match b.recv_timeout(LONG).unwrap() {
                Received::Message(message) => {
                    assert!(message.payload == payload(1, next, 1_400), "{next}");
                    next += 1;
                }
                // Reported in its place: one message is one packet.
                Received::Lost { ranges, .. } => {
                    for range in ranges {
                        assert_eq!(range.first(), next + 1);
                        next = range.last();
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        // All but what the rate lets leave at once has taken its time.
        let least = Duration::from_millis((COUNT * LEN - 2 * burst) * 1_000 / CEILING);
        assert!(start.elapsed() >= least, "{:?}, and not {least:?}", start.elapsed());
    });
    assert_eq!(a.stats().tx.failed, 0);
    if a.socket_stats().segmentation {
        assert!(a.socket_stats().segments > 0, "{:?}", a.socket_stats());
    }
}
