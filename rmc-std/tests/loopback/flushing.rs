//! What `flush` waits for, where one of two receivers does not take what it gets.

use std::time::{Duration, Instant};

use rmc_std::rmc_core;
use rmc_std::{Endpoint, Event, EventKind, EventMask, FlowControl, FlushError, Received};

use super::fixture::{LONG, eventually, new_group, next_event, on_lo, payload, take_until_quiet};

/// More than the stuck receiver has room for, and less than the sender keeps: so nobody is left behind without flow
/// control, however late its Acks come.
const COUNT: u64 = 100;
const ROOM: usize = 64;
const BACKLOG: usize = 256;

/// A sender, one receiver that takes everything, and one whose application takes nothing: both count.
fn group_of(flow_control: FlowControl) -> [Endpoint; 3] {
    let group = new_group();
    let build = |room| {
        let small = on_lo(group).config(|config| {
            config.max_message = 1_000;
            (config.backlog_packets, config.receive_window_packets) = (room, room);
            (config.flow_control, config.packing) = (flow_control, false);
            config.events = EventMask::NONE.with(EventKind::PeerEvicted);
        });
        small.build().unwrap()
    };
    let [sender, prompt, stuck] = [build(BACKLOG), build(BACKLOG), build(ROOM)];
    sender.send(&payload(1, 0, 100)).unwrap();
    eventually("both have acknowledged", || sender.peers().len() == 2);
    [sender, prompt, stuck]
}

/// Sends the rest while the prompt one takes it, flushes, and returns how long that took.
fn flush(sender: &Endpoint, prompt: &Endpoint, timeout: Duration) -> (Result<(), FlushError>, Duration) {
    std::thread::scope(|scope| {
        let taking = scope.spawn(|| take_all(prompt));
        for number in 1..COUNT {
            sender.send(&payload(1, number, 100)).unwrap();
        }
        let begun = Instant::now();
        let flushed = sender.flush(Some(timeout));
        let took = begun.elapsed();
        taking.join().unwrap();
        (flushed, took)
    })
}

/// Takes everything; without flow control some of it may be lost.
fn take_all(node: &Endpoint) {
    let mut taken = 0;
    while taken < COUNT {
        taken += match node.recv_timeout(LONG).unwrap() {
            Received::Lost { ranges, .. } => ranges.iter().map(|range| range.len()).sum(),
            _ => 1,
        };
    }
}

// RMC-FLOW-7, RMC-FLOW-4
#[test]
fn with_slowest_until_the_stuck_one_is_let_go() {
    let stall = Duration::from_millis(300);
    let [sender, prompt, stuck] = group_of(FlowControl::Slowest { stall });
    let (flushed, took) = flush(&sender, &prompt, LONG);
    assert_eq!(flushed, Ok(()));
    assert!(took >= stall / 2, "{took:?}");
    let told = next_event(&sender);
    assert!(
        matches!(told, Event::Protocol(rmc_core::Event::PeerEvicted { peer, .. }) if peer == stuck.local_addr()),
        "{told:?}"
    );
    assert!(sender.stable_seq() >= COUNT);
}

// RMC-FLOW-7, RMC-FLOW-3
#[test]
fn with_a_quorum_of_one_until_the_prompt_one_has_it() {
    let [sender, prompt, _stuck] = group_of(FlowControl::Quorum { n: 1 });
    let (flushed, _) = flush(&sender, &prompt, LONG);
    assert_eq!(flushed, Ok(()));
    assert_eq!(sender.stats().tx.let_go, 0, "nobody had to be");
}

/// What waits leaves when the node is silent no more.
#[test]
fn a_silent_node_says_so_to_who_waits() {
    let sender = on_lo(new_group()).max_rate(1_472).config(|config| config.rate_burst = 1_472).build().unwrap();
    for number in 0..4 {
        sender.send(&payload(1, number, 1_400)).unwrap();
    }
    std::thread::scope(|scope| {
        let waits = scope.spawn(|| sender.flush(None));
        // Whether it waits already or not.
        sender.set_silent(true);
        assert_eq!(waits.join().unwrap(), Err(FlushError::Silent));
    });
    assert_eq!(sender.flush(Some(LONG)), Err(FlushError::Silent));
    assert!(sender.stats().held.queued_packets > 0);
    sender.set_silent(false);
    assert_eq!(sender.flush(Some(LONG)), Ok(()));
}

/// Nobody is let go: that is the application's to decide.
// RMC-FLOW-7, RMC-FLOW-3
#[test]
fn without_flow_control_until_the_stuck_one_takes_it() {
    let [sender, prompt, stuck] = group_of(FlowControl::None);
    let (flushed, _) = flush(&sender, &prompt, Duration::from_millis(700));
    assert_eq!(flushed, Err(FlushError::Timeout));
    assert_eq!((sender.send_capacity().packets > 0, sender.stats().tx.let_go), (true, 0), "it has left");
    take_until_quiet(&stuck, Duration::from_millis(200));
    assert_eq!(sender.flush(Some(LONG)), Ok(()));
}
