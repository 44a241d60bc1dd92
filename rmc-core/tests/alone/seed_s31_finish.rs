//! Rules of the seed about ends, addresses and names: S31, S32, S33.

use std::time::Duration;

use rmc_core::packet::{Flags, NO_PROMISE};
use rmc_core::{Config, ConfigError, Event, EventKind, Instant, Path, Protocol, SendError, UnknownEvent};

use crate::lone::{EPOCH, Lone, MS, NS, OWN, SECOND, Sent, group, message, own, peer};
use crate::observed::{Beat, beats, forget, index_of, queue};
use crate::packets::{ack, data, data_with, nack, nack_to};

/// A table of 10 and 20 ms, so that the END run is through after 30 ms.
fn sender() -> Lone {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![10 * MS, 20 * MS]);
    lone.send_all(5);
    // It knows the table, so that it is not told it.
    lone.hear_unicast(peer(1), &ack(Flags::NONE, OWN, 5));
    forget(&mut lone);
    lone
}

fn finish(lone: &mut Lone, linger: Duration) {
    lone.node.finish(lone.instant(), linger);
    lone.settle();
}

/// Closed at `end`, and not a tick before.
fn closes_at(mut lone: Lone, end: Duration) {
    lone.run_to(end - NS);
    assert!(!lone.node.is_closed(), "closed before {end:?}");
    lone.run_to(end);
    assert!(lone.node.is_closed(), "not closed at {end:?}");
    assert_eq!(lone.deadline, None);
    assert_eq!(lone.events.pop().map(|(_, event)| event), Some(Event::Closed));
}

// RMC-END-3
#[test]
fn seed_s31_close_drops_everything_at_once() {
    let mut lone = sender();
    lone.hear_all([1, 3]);
    queue(&mut lone, 20);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 5)]));
    lone.node.close(lone.instant());
    forget(&mut lone);
    lone.run_for(60 * SECOND);
    assert_eq!((lone.sent(), lone.events.len(), lone.deadline), (vec![], 0, None));
    assert!(lone.node.is_closed() && !lone.node.is_active());
    let held = lone.node.stats().held;
    assert_eq!((held.peers, held.queued_packets, held.queued_bytes), (0, 0, 0));
    assert_eq!((held.backlog_packets, held.backlog_bytes), (0, 0));
    assert_eq!(lone.take(), [message(1)], "what was ready stays readable");
    assert_eq!(lone.node.stats().held.receive_bytes, 0);
}

// RMC-END-1
#[test]
fn seed_s31_finish_announces_the_end_down_the_table_once() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    lone.run_to(900 * MS);
    let beat = |at: u32, index, interval: u32| Beat { at: MS * at, seq: 5, index, interval: MS * interval, end: true };
    assert_eq!(beats(&lone), [beat(0, 0, 10), beat(10, 1, 20), beat(30, NO_PROMISE, 0)]);
    assert_eq!(lone.sent.len(), 3, "and nothing else");
}

/// The default table, whole.
// RMC-END-1, RMC-END-3
#[test]
fn seed_s31_the_end_run_takes_the_table_s_time() {
    let mut lone = Lone::new(|_| {});
    lone.send_all(1);
    forget(&mut lone);
    finish(&mut lone, Duration::ZERO);
    // 10 + 20 + 50 + 50 + 75 + 100 + 200 + 250 + 500
    closes_at(lone, 1_255 * MS);
}

// RMC-END-1, RMC-END-2
#[test]
fn seed_s31_what_is_queued_leaves_before_the_end_is_announced() {
    let mut lone = sender();
    queue(&mut lone, 25);
    finish(&mut lone, SECOND);
    let sent = lone.sent();
    assert_eq!(sent[..25], (6..=30).map(Sent::Data).collect::<Vec<_>>());
    assert!(matches!(sent[25..], [Sent::Heartbeat { seq: 30, end: true, .. }]), "{sent:?}");
    for refused in [
        lone.node.send(lone.instant(), b"late"),
        lone.node.send_at(lone.instant(), 99, b"late"),
        lone.node.send_to(lone.instant(), peer(1), b"late"),
    ] {
        assert_eq!(refused, Err(SendError::Finished));
    }
    assert_eq!(lone.node.reset(lone.instant()), Err(SendError::Finished));
    lone.run_for(10 * SECOND);
    assert!(lone.sent().iter().all(|sent| matches!(sent, Sent::Heartbeat { seq: 30, end: true, .. })));
}

/// A queue that waits for the rate is sent to its end, however long that takes.
// RMC-END-1, RMC-END-3
#[test]
fn seed_s31_the_linger_begins_when_the_queue_is_empty() {
    let mut lone = finishing_slowly();
    lone.run_to(20 * SECOND);
    closed_behind_the_end(&lone);
}

/// One that comes while the queue waits makes it no shorter.
// RMC-END-3
#[test]
fn seed_s31_a_nack_before_the_queue_is_empty_does_not_begin_the_linger() {
    let mut lone = finishing_slowly();
    lone.run_to(500 * MS);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 1)]));
    lone.run_to(20 * SECOND);
    assert!(lone.sent.iter().any(|sent| sent.what == Sent::Repair(1)));
    closed_behind_the_end(&lone);
}

/// A node of which a datagram leaves each second, with four of them to send, and a linger of 3 s.
fn finishing_slowly() -> Lone {
    let mut lone = Lone::new(|config| {
        config.heartbeat_times = vec![10 * MS, 2 * SECOND];
        config.max_datagram = 116;
        config.max_message = 1_000;
        config.max_rate = Some(116);
        config.rate_burst = 116;
    });
    for _ in 0..4 {
        lone.node.send(lone.instant(), &[0; 100]).expect("there is room");
    }
    finish(&mut lone, 3 * SECOND);
    lone
}

fn closed_behind_the_end(lone: &Lone) {
    let data: Vec<_> = lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Data(_))).map(|sent| sent.at).collect();
    assert_eq!(data.len(), 4, "a second for each, and for the heartbeats between");
    assert!(data[3] >= 3 * SECOND);
    let end = beats(lone).into_iter().find(|beat| beat.end).expect("the end is announced");
    assert!(end.at >= data[3] && end.seq == 4);
    assert_eq!(
        lone.events.iter().find(|(_, event)| *event == Event::Closed).map(|&(at, _)| at),
        Some(end.at + 3 * SECOND)
    );
}

// RMC-END-3
#[test]
fn seed_s31_without_nacks_the_linger_counts_from_the_end_run() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    closes_at(lone, SECOND);
}

// RMC-END-3
#[test]
fn seed_s31_a_short_linger_waits_for_the_end_run() {
    for linger in [Duration::ZERO, MS, 29 * MS, 30 * MS] {
        let mut lone = sender();
        finish(&mut lone, linger);
        closes_at(lone, 30 * MS);
    }
    let mut lone = sender();
    finish(&mut lone, 31 * MS);
    closes_at(lone, 31 * MS);
}

// RMC-END-3
#[test]
fn seed_s31_the_linger_counts_from_the_last_nack() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    for at in [500 * MS, 900 * MS] {
        lone.run_to(at);
        forget(&mut lone);
        lone.hear_unicast(peer(1), &nack(1, &[(2, 3)]));
        assert_eq!(lone.sent(), [Sent::Repair(2), Sent::Repair(3)], "repairs are served");
    }
    closes_at(lone, 1_900 * MS);
}

// RMC-END-3
#[test]
fn seed_s31_it_lingers_at_most_ten_times_as_long() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    for round in 1..20_u32 {
        lone.run_to(500 * MS * round);
        lone.hear_unicast(peer(1), &nack(round, &[(2, 3)]));
    }
    closes_at(lone, 10 * SECOND);
}

/// A repair of an ended stream promises nothing.
// RMC-HB-1, RMC-END-1
#[test]
fn seed_s31_after_the_end_run_no_heartbeat_is_promised() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    lone.run_to(500 * MS);
    forget(&mut lone);
    lone.hear_unicast(peer(1), &nack(1, &[(2, 2)]));
    assert!(matches!(lone.sent[..], [ref sent] if index_of(sent) == NO_PROMISE), "{:?}", lone.sent);
    lone.run_for(400 * MS);
    assert_eq!(beats(&lone), [], "and none comes");
}

/// Who asks for more than there ever will be learns that this is the end.
// RMC-END-1, RMC-REPAIR-6
#[test]
fn seed_s31_an_answer_in_the_linger_tells_the_end_too() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    lone.run_to(500 * MS);
    forget(&mut lone);
    lone.hear_unicast(peer(1), &nack_to(OWN, Flags::NONE, 1, &[(6, 9)]));
    let expected = Sent::Heartbeat { seq: 5, oldest: 1, interval: Duration::ZERO, end: true };
    assert_eq!(lone.sent(), [expected]);
}

// RMC-END-1
#[test]
fn seed_s31_who_never_spoke_has_nothing_to_announce() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1, 2]);
    forget(&mut lone);
    finish(&mut lone, 5 * SECOND);
    assert!(lone.node.is_closed(), "at once");
    assert_eq!(lone.sent(), []);
    assert_eq!(lone.events.pop().map(|(_, event)| event), Some(Event::Closed));
    assert_eq!(lone.take(), [message(1), message(2)]);
}

// RMC-END-1
#[test]
fn seed_s31_who_announced_itself_announces_its_end() {
    let mut lone = Lone::new(|config| {
        config.announce = true;
        config.heartbeat_times = vec![10 * MS, 20 * MS];
    });
    lone.settle();
    forget(&mut lone);
    finish(&mut lone, Duration::ZERO);
    lone.run_for(SECOND);
    assert!(lone.node.is_closed());
    assert_eq!(beats(&lone).iter().map(|beat| (beat.seq, beat.end)).collect::<Vec<_>>(), [(0, true); 3]);
}

/// A reset that waits behind the queue leaves before the end as well.
// RMC-END-1, RMC-RESET-2
#[test]
fn seed_s31_a_reset_in_the_queue_leaves_before_the_end_is_announced() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![20 * MS]);
    queue(&mut lone, 3);
    lone.node.reset(lone.instant()).expect("it may send");
    queue(&mut lone, 2);
    lone.node.reset(lone.instant()).expect("it may send");
    finish(&mut lone, SECOND);
    let data = |seqs: std::ops::RangeInclusive<u64>| seqs.map(Sent::Data).collect::<Vec<_>>();
    let end = Sent::Heartbeat { seq: 5, oldest: 6, interval: 20 * MS, end: true };
    let expected = [data(1..=3), vec![Sent::Reset(3)], data(4..=5), vec![Sent::Reset(5), end]].concat();
    assert_eq!(lone.sent(), expected);
}

/// The table may change during the END run: it ends with an index 255 all the same.
// RMC-END-1, RMC-HB-8
#[test]
fn seed_s31_the_end_run_ends_with_any_table() {
    for table in [vec![MS; 3], vec![5 * MS; 30], vec![SECOND]] {
        let mut lone = Lone::new(|_| {});
        lone.send_all(2);
        finish(&mut lone, SECOND);
        lone.run_to(100 * MS);
        lone.node.set_heartbeat_times(lone.instant(), &table, 0).expect("a legal table");
        lone.run_to(20 * SECOND);
        let beats = beats(&lone);
        let last = beats.last().map(|beat| (beat.seq, beat.index, beat.interval, beat.end));
        assert_eq!(last, Some((2, NO_PROMISE, Duration::ZERO, true)));
        assert!(beats.iter().all(|beat| beat.end) && lone.node.is_closed());
    }
}

/// One private stream waits for its Ack, the other has it.
// RMC-END-1, RMC-PRIV-4
#[test]
fn seed_s31_private_streams_announce_their_end_unless_acknowledged() {
    let mut lone = Lone::new(|config| config.heartbeat_times = vec![10 * MS, 20 * MS]);
    for index in [1, 2] {
        lone.node.send_to(lone.instant(), peer(index), b"private").expect("there is room");
    }
    lone.settle();
    lone.hear_unicast(peer(2), &ack(Flags::PRIVATE, OWN, 1));
    forget(&mut lone);
    finish(&mut lone, Duration::ZERO);
    lone.run_for(SECOND);
    let ends: Vec<_> = lone.sent.iter().filter(|sent| sent.private).map(|sent| (sent.to, sent.what.clone())).collect();
    assert_eq!(ends.len(), 3, "{ends:?}");
    assert!(ends.iter().all(|(to, what)| *to == peer(1) && matches!(what, Sent::Heartbeat { seq: 1, end: true, .. })));
}

// RMC-PEER-2
#[test]
fn seed_s32_the_local_address_changes_while_running() {
    let mut lone = Lone::new(|_| {});
    lone.hear(own(), &data_with(Flags::NONE, 0, OWN, 1));
    assert_eq!(lone.node.stats().dropped.own, 1);
    lone.node.set_local_addr(&[peer(7), peer(8)]).expect("two addresses");
    lone.hear(peer(7), &data_with(Flags::NONE, 0, OWN, 1));
    lone.hear(peer(8), &data_with(Flags::NONE, 0, OWN, 1));
    assert_eq!((lone.node.stats().dropped.own, lone.take()), (3, vec![]), "known by the new ones");
    lone.hear(own(), &data_with(Flags::NONE, 0, EPOCH, 1));
    assert_eq!(lone.take(), [message(1)], "and no longer by the old one");
    let refused = lone.node.send_to(lone.instant(), peer(8), b"to myself");
    assert_eq!(refused, Err(SendError::InvalidDestination(peer(8))));
}

/// Streams, queue and backlog do not care what the address is.
#[test]
fn seed_s32_what_was_under_way_goes_on_under_the_new_address() {
    let mut lone = sender();
    lone.hear_all([1, 3]);
    queue(&mut lone, 3);
    forget(&mut lone);
    lone.node.set_local_addr(&[peer(7)]).expect("one address");
    lone.settle();
    assert_eq!(lone.sent(), [6, 7, 8].map(Sent::Data));
    lone.hear_unicast(peer(1), &nack(1, &[(1, 2)]));
    assert_eq!(lone.sent(), [Sent::Repair(1), Sent::Repair(2)]);
    lone.hear_all([2]);
    assert_eq!(lone.take(), [message(1), message(2), message(3)]);
}

// RMC-LOCAL-6
#[test]
fn seed_s32_a_node_has_at_most_16_addresses() {
    let addresses: Vec<_> = (100..117).map(peer).collect();
    let mut lone = Lone::new(|_| {});
    lone.node.set_local_addr(&addresses[..16]).expect("16 addresses");
    let refused = lone.node.set_local_addr(&addresses);
    assert_eq!(refused, Err(ConfigError::TooManyLocalAddresses(17)));
    assert_eq!(lone.node.config().local_addrs, addresses[..16], "nothing has changed");
    for &address in &addresses {
        lone.hear(address, &data_with(Flags::NONE, 0, OWN, 1));
    }
    assert_eq!((lone.node.stats().dropped.own, lone.node.peers().count()), (16, 1));
    for (count, expected) in [(16, Ok(())), (17, Err(ConfigError::TooManyLocalAddresses(17)))] {
        let mut config = Config::new(group(), 1, 1);
        config.local_addrs = addresses[..count].to_vec();
        assert_eq!(Protocol::new(config, Instant::ORIGIN).map(drop), expected);
    }
}

/// The seed's names, as its users subscribe to them.
const SEED_NAMES: [(&str, EventKind); 14] = [
    ("packet_sent", EventKind::PacketSent),
    ("sent_heartbeat", EventKind::SentHeartbeat),
    ("sent_lost", EventKind::SentLost),
    ("sent_nack", EventKind::SentNack),
    ("got_nack", EventKind::GotNack),
    ("got_lost", EventKind::GotLost),
    ("got_reset", EventKind::GotReset),
    ("got_heartbeat", EventKind::GotHeartbeat),
    ("new_sender", EventKind::NewSender),
    ("missing_heartbeat", EventKind::MissingHeartbeat),
    ("new_packet", EventKind::NewPacket),
    ("sequence_overflow", EventKind::SequenceOverflow),
    ("__received_packet__", EventKind::ReceivedPacket),
    ("__sent_packet__", EventKind::SentPacket),
];

/// The core's part: the names. The registry of callbacks is the driver's.
#[test]
fn seed_s33_the_seed_s_names_are_event_kinds() {
    for (name, kind) in SEED_NAMES {
        assert_eq!(name.parse(), Ok(kind));
        assert_eq!((kind.name(), kind.to_string()), (name, name.to_owned()));
    }
    for &kind in EventKind::ALL {
        assert_eq!(kind.name().parse(), Ok(kind), "every kind is parsed by its name");
    }
    let mut names: Vec<_> = EventKind::ALL.iter().map(|kind| kind.name()).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), EventKind::ALL.len(), "no two kinds share a name");
}

#[test]
fn seed_s33_white_space_and_capitals_do_not_matter() {
    assert_eq!(" Got_Nack\n".parse(), Ok(EventKind::GotNack));
    assert_eq!("__SENT_PACKET__".parse(), Ok(EventKind::SentPacket));
}

#[test]
fn seed_s33_an_unknown_name_is_an_error() {
    for name in ["", " ", "got", "got_nacks", "got nack", "gotnack", "__got_nack__", "new_packet,got_lost", "GotNack"] {
        assert_eq!(name.parse::<EventKind>(), Err(UnknownEvent), "{name:?}");
    }
    assert!(UnknownEvent.to_string().contains("unknown event"), "{UnknownEvent}");
}

/// The kind of an event is that of its name: what is subscribed to is what comes.
#[test]
fn seed_s33_a_subscription_by_name_gets_that_event() {
    for (name, wanted) in SEED_NAMES {
        let mut lone = Lone::new(|config| {
            config.events = [name.parse::<EventKind>().expect("the seed's name")].into_iter().collect();
            config.backlog_packets = 10;
            config.sequence_limit = 10;
        });
        lone.send_all(12);
        lone.hear(peer(0), &data(1));
        lone.hear(peer(0), &crate::packets::lost(2, 2, 0));
        lone.hear(peer(0), &crate::packets::reset(4, 0));
        lone.hear(peer(0), &data(7));
        lone.hear(peer(0), &crate::packets::heartbeat(7));
        lone.hear_unicast(peer(1), &nack(1, &[(1, 12)]));
        lone.run_for(SECOND);
        let kinds: Vec<_> = lone.told(|event| Some(event.kind()));
        assert!(kinds.contains(&wanted), "{name} never came: {kinds:?}");
        let others = kinds.iter().filter(|&&kind| kind != wanted && kind != EventKind::Readable).count();
        assert_eq!(others, 0, "{name}: {kinds:?}");
    }
}

/// A NACK that can be answered with a heartbeat only is one too: its asker still listens.
// RMC-END-3
#[test]
fn seed_s31_the_linger_counts_from_any_nack() {
    let mut lone = sender();
    finish(&mut lone, SECOND);
    lone.run_to(900 * MS);
    lone.hear_unicast(peer(1), &nack(1, &[(7, 7)]));
    closes_at(lone, 1_900 * MS);
}
