//! Ends: every thread ends, everybody who waits learns of it, and a new beginning is recognised.

use std::thread;
use std::time::Duration;

use rmc_std::{EndCause, EventMask, FlushError, Received, RecvError, RecvTimeoutError, SendError, TryRecvError};

use super::fixture::{LONG, eventually, new_group, next_message, node, on_lo, payload, send_all};

/// The threads of the node at `port`: their names end with it.
#[cfg(target_os = "linux")]
fn threads(port: u16) -> Vec<std::path::PathBuf> {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().filter_map(Result::ok).map(|task| task.path());
    let name = |task: &std::path::Path| std::fs::read_to_string(task.join("comm")).unwrap_or_default();
    tasks
        .filter(|task| name(task).starts_with("rmc-") && name(task).trim_end().ends_with(&format!("-{port}")))
        .collect()
}

#[cfg(target_os = "linux")]
#[test]
fn every_thread_ends_on_close_on_drop_and_on_finish() {
    let ends: [fn(rmc_std::Endpoint); 3] = [|node| node.close(), drop, |node| assert!(node.finish(Duration::ZERO))];
    for end in ends {
        let a = node(new_group());
        a.observe_notices(|_, _| std::ops::ControlFlow::Continue(())).unwrap();
        a.send(b"something").unwrap();
        let port = a.local_addr().port();
        eventually("four threads run", || threads(port).len() == 4);
        end(a);
        // The kernel lists a thread for a moment after it was joined.
        eventually("no thread runs", || threads(port).is_empty());
    }
}

/// No busy wait: a node that has nothing to do does not wake up at all.
#[cfg(target_os = "linux")]
#[test]
fn an_idle_node_sleeps() {
    let a = node(new_group());
    let switches = || -> u64 {
        let counted = threads(a.local_addr().port()).into_iter().map(|task| {
            let status = std::fs::read_to_string(task.join("status")).unwrap();
            let of = |line: &str| line.split_whitespace().last().unwrap().parse::<u64>().unwrap();
            status.lines().filter(|line| line.contains("ctxt_switches")).map(of).sum::<u64>()
        });
        counted.sum()
    };
    eventually("three threads run", || threads(a.local_addr().port()).len() == 3);
    thread::sleep(Duration::from_millis(100));
    let before = switches();
    thread::sleep(Duration::from_millis(500));
    let woken = switches() - before;
    assert!(woken <= 5, "woken {woken} times in half a second");
}

#[test]
fn close_ends_every_wait_and_leaves_what_was_received() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    send_all(&a, 1, 3, 10);
    eventually("all have come", || b.stats().held.readable == 3);
    b.close();
    b.close();
    assert!(b.is_closed() && b.wait_closed(None));
    for number in 0..3 {
        assert_eq!(next_message(&b).payload, payload(1, number, 10));
    }
    assert_eq!(b.recv(), Err(RecvError));
    assert_eq!(b.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
    assert_eq!(b.try_recv(), Err(TryRecvError::Disconnected));
    assert_eq!(b.send(b"late"), Err(SendError::Finished));
    assert!(!b.finish(LONG), "it was closed, not finished");
}

/// Handles that are kept do not keep the host in the group.
#[cfg(target_os = "linux")]
#[test]
fn close_leaves_the_group() {
    let group = new_group();
    let std::net::IpAddr::V4(ip) = group.ip() else { panic!("{group}") };
    let listed = format!("{:08X}", u32::from_le_bytes(ip.octets()));
    let is_member = || std::fs::read_to_string("/proc/net/igmp").unwrap().contains(&listed);
    let a = node(group);
    assert!(is_member());
    a.close();
    assert!(!is_member());
}

#[test]
fn close_wakes_those_who_wait_on_other_threads() {
    let a = on_lo(new_group())
        .max_rate(1_472)
        .config(|config| {
            config.rate_burst = 1_472;
            config.max_message = 1_000;
            config.send_queue_packets = 16;
        })
        .build()
        .unwrap();
    thread::scope(|scope| {
        let receiver = scope.spawn(|| a.recv());
        let events = scope.spawn(|| while a.next_event().is_ok() {});
        let sender = scope.spawn(|| {
            loop {
                if let Err(error) = a.send(&payload(1, 0, 1_000)) {
                    return error;
                }
            }
        });
        eventually("the queue is full", || a.send_capacity().packets == 0);
        let flusher = scope.spawn(|| a.flush(None));
        let finisher = scope.spawn(|| a.wait_closed(None));
        thread::sleep(Duration::from_millis(20));
        a.close();
        assert_eq!(receiver.join().unwrap(), Err(RecvError));
        assert_eq!(sender.join().unwrap(), SendError::Finished);
        assert_eq!(flusher.join().unwrap(), Err(FlushError::Closed));
        assert!(finisher.join().unwrap());
        events.join().unwrap();
    });
}

#[test]
fn finish_tells_the_end_and_takes_no_more() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    send_all(&a, 1, 10, 100);
    a.start_finish(Duration::from_millis(10));
    assert_eq!(a.send(b"late"), Err(SendError::Finished));
    assert!(a.wait_closed(Some(LONG)));
    let mut all = Vec::new();
    loop {
        match b.recv_timeout(LONG).unwrap() {
            Received::Message(message) => all.push(message.payload),
            Received::Ended { peer, cause, .. } => {
                assert_eq!((peer, cause), (a.local_addr(), EndCause::Finished));
                break;
            }
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(all, (0..10).map(|number| payload(1, number, 100)).collect::<Vec<_>>());
}

#[test]
fn finish_comes_to_its_end_without_any_event() {
    let a = on_lo(new_group()).events(EventMask::NONE).build().unwrap();
    send_all(&a, 1, 3, 10);
    assert!(a.finish(Duration::ZERO), "it finished, though nobody wants to hear of it");
}

/// S37, with the epochs that the driver makes: the second incarnation has a newer one at the same address.
#[test]
fn seed_s37_a_sender_that_dies_and_comes_back_at_its_port_is_recognised() {
    let group = new_group();
    let b = node(group);
    let a = node(group);
    let a_addr = a.local_addr();
    send_all(&a, 1, 5, 100);
    for _ in 0..5 {
        next_message(&b);
    }
    let epoch = b.peer(a_addr).unwrap().epoch;
    // Without finish, as if killed.
    drop(a);
    let a = on_lo(group).bind(a_addr).build().unwrap();
    assert_eq!(a.local_addr(), a_addr);
    send_all(&a, 2, 5, 100);
    let Received::Restarted { peer, epoch: newer } = b.recv_timeout(LONG).unwrap() else { panic!("not recognised") };
    assert_eq!(peer, a_addr);
    assert!(newer.wrapping_sub(epoch) < 1 << 31 && newer != epoch, "{newer} is newer than {epoch}");
    for number in 0..5 {
        let message = next_message(&b);
        assert_eq!((message.payload, message.seq), (payload(2, number, 100), number + 1));
    }
}
