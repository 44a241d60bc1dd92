//! Events, and callbacks for them (S33).

use std::ops::ControlFlow;
use std::sync::mpsc;

use rmc_std::rmc_core;
use rmc_std::{Event, EventKind, EventMask, ObserveError, Sender, UnknownEvent};

use super::fixture::{
    LONG, eventually, expect_all, new_group, next_event, next_message, node, on_lo, payload, send_all,
};

/// A callback that passes on what it is called for.
fn telling(
    tell: &mpsc::Sender<&'static str>,
    what: &'static str,
    flow: ControlFlow<()>,
) -> impl FnMut(&Event, &Sender) -> ControlFlow<()> + Send + use<> {
    let tell = tell.clone();
    move |_, _| {
        let _ = tell.send(what);
        flow
    }
}

const GO_ON: ControlFlow<()> = ControlFlow::Continue(());
const STOP: ControlFlow<()> = ControlFlow::Break(());

#[test]
fn seed_s33_a_callback_stops_those_after_it() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let (tell, told) = mpsc::channel();
    let kind = "New_Sender".parse().unwrap();
    b.observe(kind, telling(&tell, "first", GO_ON)).unwrap();
    b.observe(kind, telling(&tell, "second", STOP)).unwrap();
    b.observe(kind, telling(&tell, "third", GO_ON)).unwrap();
    b.observe(EventKind::Closed, telling(&tell, "closed", GO_ON)).unwrap();
    a.send(b"here I am").unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("first"));
    assert_eq!(told.recv_timeout(LONG), Ok("second"));
    // What happens later is told, so the third would have been told by then.
    assert!(b.finish(std::time::Duration::ZERO));
    drop(tell);
    assert_eq!(told.iter().collect::<Vec<_>>(), ["closed"]);
}

#[test]
fn seed_s33_a_removed_callback_is_not_called() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let (tell, told) = mpsc::channel();
    let removed = b.observe(EventKind::NewSender, telling(&tell, "removed", GO_ON)).unwrap();
    b.observe(EventKind::NewSender, telling(&tell, "kept", GO_ON)).unwrap();
    assert!(b.unobserve(removed));
    assert!(!b.unobserve(removed), "once");
    a.send(b"here I am").unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("kept"));
    b.close();
    drop(tell);
    assert_eq!(told.iter().count(), 0);
}

#[test]
fn seed_s33_an_unknown_name_is_an_error_and_so_is_a_kind_that_does_not_come() {
    assert_eq!("got_lots".parse::<EventKind>(), Err(UnknownEvent));
    let a = node(new_group());
    let observe = |kind| a.observe(kind, |_, _| GO_ON);
    assert_eq!(observe(EventKind::NewPacket).unwrap_err(), ObserveError::NotEnabled(EventKind::NewPacket));
    observe(EventKind::GotLost).unwrap();
    a.close();
    assert_eq!(observe(EventKind::GotLost).unwrap_err(), ObserveError::Closed);
}

#[test]
fn seed_s33_a_callback_may_send_by_the_handle_it_is_lent() {
    let group = new_group();
    let a = node(group);
    let b = on_lo(group).events(EventMask::NONE.with(EventKind::NewPacket)).build().unwrap();
    b.observe(EventKind::NewPacket, |event, sender| {
        let Event::Protocol(rmc_core::Event::NewPacket { seq, .. }) = event else { panic!("{event:?}") };
        // It waits for room in the queue, if need be: no lock is held.
        sender.send(&payload(2, seq - 1, 1_000)).unwrap();
        GO_ON
    })
    .unwrap();
    send_all(&a, 1, 500, 1_000);
    expect_all(&a, &[(b.local_addr(), 2)], 500, 1_000);
}

#[test]
fn seed_s33_a_callback_that_panics_is_removed_and_the_others_go_on() {
    let group = new_group();
    let (a, b, c) = (node(group), node(group), node(group));
    let (tell, told) = mpsc::channel();
    let panics = b.observe(EventKind::NewSender, |_, _| panic!("a callback of this test panics on purpose")).unwrap();
    b.observe(EventKind::NewSender, telling(&tell, "called", GO_ON)).unwrap();
    a.send(b"here I am").unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("called"));
    c.send(b"and I").unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("called"));
    assert!(!b.unobserve(panics));
}

/// What a callback owns is dropped with it.
#[test]
fn seed_s33_what_panics_when_it_is_dropped_ends_no_observer() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("a drop of this test panics on purpose");
        }
    }
    let group = new_group();
    let (a, b, c) = (node(group), node(group), node(group));
    let (tell, told) = mpsc::channel();
    let owned = Panics;
    let panics = b.observe(EventKind::NewSender, move |_, _| {
        let _owned = &owned;
        std::panic::panic_any(Panics)
    });
    b.observe(EventKind::NewSender, telling(&tell, "called", GO_ON)).unwrap();
    a.send(b"here I am").unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("called"));
    c.send(b"and I").unwrap();
    assert_eq!(told.recv_timeout(LONG), Ok("called"));
    assert!(!b.unobserve(panics.unwrap()));
}

#[test]
fn seed_s33_a_callback_may_close_the_endpoint_and_hold_a_handle_of_it() {
    let group = new_group();
    let (a, b) = (node(group), node(group));
    let held = b.clone();
    b.observe(EventKind::NewSender, move |_, _| {
        held.close();
        GO_ON
    })
    .unwrap();
    a.send(b"here I am").unwrap();
    assert!(b.wait_closed(Some(LONG)));
    assert_eq!(b.observe(EventKind::NewSender, |_, _| GO_ON).unwrap_err(), ObserveError::Closed);
}

#[test]
fn next_event_tells_what_happens_in_order() {
    let group = new_group();
    let a = node(group);
    let b = on_lo(group).events(EventMask::ALL).build().unwrap();
    a.send(b"one").unwrap();
    next_message(&b);
    // Closing drops what has not been told yet, and the message may be there before its event is.
    let mut kinds = Vec::new();
    while kinds.last() != Some(&EventKind::NewPacket) {
        match next_event(&b) {
            Event::Protocol(event) => kinds.push(event.kind()),
            other => panic!("{other:?}"),
        }
    }
    let at = |kind| kinds.iter().position(|&other| other == kind).unwrap_or_else(|| panic!("no {kind} in {kinds:?}"));
    assert!(at(EventKind::NewSender) < at(EventKind::NewPacket));
    at(EventKind::ReceivedPacket);
    assert!(!kinds.contains(&EventKind::Readable), "that is what recv waits for");
    assert!(b.remove_peer(a.local_addr()));
    b.close();
    // Those that were told can still be taken, and then it says that no more will come.
    while b.next_event().is_ok() {}
}

#[test]
fn seed_s35_events_that_nobody_takes_are_counted() {
    let group = new_group();
    let a = on_lo(group).config(|config| config.packing = false).build().unwrap();
    let b = on_lo(group)
        .receive_buffer(100_000)
        .events(EventMask::NONE.with(EventKind::NewPacket))
        .config(|config| config.event_ring = 8)
        .build()
        .unwrap();
    send_all(&a, 1, 100, 10);
    expect_all(&b, &[(a.local_addr(), 1)], 100, 10);
    let mut kept = 0;
    let mut dropped = 0;
    while kept + dropped < 100 {
        match next_event(&b) {
            Event::Protocol(rmc_core::Event::NewPacket { .. }) => kept += 1,
            Event::Protocol(rmc_core::Event::EventsDropped { count }) => dropped += count,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(kept + dropped, 100);
    assert!(kept <= 8);
    eventually("the counters agree", || b.socket_stats().events_dropped + b.stats().dropped.events == dropped);
}
