//! When a receiver acknowledges, and what it says.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, OPEN_WINDOW, Packet};
use rmc_core::{Config, Path};

use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, peer};
use crate::packets::{data, encode, heartbeat, part};

/// A receiver with a window of 100 packets that has heard of `group` receivers, and has told its sender of itself.
pub(crate) fn receiver(group: u32, change: impl FnOnce(&mut Config)) -> Lone {
    let mut lone = Lone::new(|config| {
        config.acknowledge = true;
        config.receive_window_packets = 100;
        config.backlog_packets = 100;
        change(config);
    });
    lone.hear(peer(0), &beat(0, group));
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &beat(1, group));
    lone.take();
    lone.run_for(2 * SECOND * group.div_ceil(1_000).max(1));
    lone.sent();
    lone
}

/// A Heartbeat that tells of so many receivers, and promises nothing.
pub(crate) fn beat(seq: u64, group: u32) -> Vec<u8> {
    encode(Flags::NONE, 0, EPOCH, seq, Body::Heartbeat { oldest: 1, interval: 0, backoff: 0, group, rtt: 0 })
}

/// The Acks that were sent since the last call: number and window.
pub(crate) fn acks(lone: &mut Lone) -> Vec<(u64, u32)> {
    let read = |bytes: &[u8]| match Packet::decode(bytes).expect("it decodes") {
        Packet { seq, body: Body::Ack { window, target_epoch: EPOCH, .. }, .. } => Some((seq, window)),
        _ => None,
    };
    lone.sent.drain(..).filter_map(|sent| read(&sent.bytes)).collect()
}

/// Numbers come and are taken at once.
pub(crate) fn come(lone: &mut Lone, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        lone.hear(peer(0), &data(seq));
        lone.take();
    }
}

// RMC-ACK-4
#[test]
fn acks_up_to_a_quarter_of_the_window_there_is_none() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 2..=25);
    assert_eq!(acks(&mut lone), []);
}

// RMC-ACK-4
#[test]
fn acks_at_a_quarter_of_the_window_there_is_one() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 2..=76);
    // One is due when the 26th comes; the next ones when what was told of the room has grown by a quarter.
    assert_eq!(acks(&mut lone), [(26, 99), (50, 100), (75, 99)]);
}

/// The window counts what the application has not taken.
// RMC-ACK-1, RMC-ACK-4
#[test]
fn rmc_ack_4_a_slow_application_is_told_of_and_so_is_the_room_that_it_makes() {
    let mut lone = receiver(1, |_| {});
    lone.hear_all(2..=101);
    assert_eq!(acks(&mut lone), [(26, 75), (51, 50), (76, 25), (101, 0)]);
    for _ in 0..24 {
        lone.take_one();
        lone.drain();
    }
    assert_eq!(acks(&mut lone), []);
    lone.take_one();
    lone.drain();
    assert_eq!(acks(&mut lone), [(101, 25)]);
}

/// What stands behind a gap is room that is used, but the numbers are not beyond what it can take.
// RMC-ACK-1, RMC-ACK-4
#[test]
fn rmc_ack_1_numbers_that_have_come_count_into_the_window() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 3..=27);
    assert_eq!(acks(&mut lone), [(1, 100)]);
}

/// 10 packets of 100 bytes fit.
// RMC-ACK-1
#[test]
fn rmc_ack_1_bytes_bound_the_window_too() {
    let mut lone = receiver(1, |config| {
        config.max_message = 100;
        (config.receive_window_bytes, config.backlog_bytes) = (1_000, 1_000);
    });
    let whole = |seq| part(Flags::FIRST | Flags::LAST, seq, &[7; 100]);
    lone.hear(peer(0), &whole(2));
    lone.hear(peer(0), &whole(3));
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), [(3, 8)]);
    lone.hear(peer(0), &whole(4));
    assert_eq!(acks(&mut lone), []);
    lone.hear(peer(0), &whole(5));
    assert_eq!(acks(&mut lone), [(5, 6)], "a quarter of 10");
}

/// What the application has not taken of another sender takes room in all windows together.
// RMC-ACK-1
#[test]
fn rmc_ack_1_all_windows_together_bound_it_too() {
    let told = |others: u64, change: fn(&mut Config)| {
        let mut lone = receiver(1, change);
        for seq in 1..=others {
            lone.hear(peer(1), &part(Flags::FIRST | Flags::LAST, seq, &[7; 100]));
        }
        acks(&mut lone);
        for seq in 2..=26 {
            lone.hear(peer(0), &part(Flags::FIRST | Flags::LAST, seq, &[7; 100]));
        }
        acks(&mut lone)
    };
    let packets: fn(&mut Config) = |config| config.receive_total_packets = 110;
    assert_eq!([10, 11, 60].map(|others| told(others, packets)), [[(26, 75)], [(26, 74)], [(26, 25)]]);
    let bytes: fn(&mut Config) = |config| {
        config.max_message = 100;
        (config.receive_window_bytes, config.receive_total_bytes, config.backlog_bytes) = (10_000, 11_000, 10_000);
    };
    assert_eq!([10, 11, 60].map(|others| told(others, bytes)), [[(26, 75)], [(26, 74)], [(26, 25)]]);
}

/// The backlog of the sender keeps 64 packets or fewer: more than that cannot be waited for.
// RMC-ACK-1, RMC-ACK-4
#[test]
fn socket_packets_so_many_are_told_beyond_what_came() {
    let mut lone = receiver(1, |config| config.socket_packets = 16);
    come(&mut lone, 2..=4);
    assert_eq!(acks(&mut lone), []);
    come(&mut lone, 5..=5);
    assert_eq!(acks(&mut lone), [(5, 16)], "a quarter of them");
    // 7 is missing: behind it they are fewer than it holds.
    come(&mut lone, 6..=6);
    come(&mut lone, 8..=9);
    assert_eq!(acks(&mut lone), [(6, 3 + 16)]);
}

// RMC-ACK-1
#[test]
fn socket_packets_may_change_and_are_brought_into_their_bounds() {
    let mut lone = receiver(1, |_| {});
    for (packets, held) in [(0, 16), (15, 16), (16, 16), (1 << 30, 1 << 30), (usize::MAX, 1 << 30)] {
        lone.node.set_socket_packets(packets);
        assert_eq!(lone.node.config().socket_packets, held);
    }
    lone.node.set_socket_packets(20);
    come(&mut lone, 2..=30);
    assert!(acks(&mut lone).iter().all(|&(_, window)| window == 20), "what is told from then on");
}

// RMC-ACK-1
#[test]
fn socket_packets_no_more_than_the_window_is_told() {
    // One packet has not been taken when the Ack leaves.
    for (socket, told) in [(98, (25, 98)), (99, (25, 99)), (100, (26, 99))] {
        let mut lone = receiver(1, |config| config.socket_packets = socket);
        come(&mut lone, 2..=26);
        assert_eq!(acks(&mut lone), [told]);
    }
}

// RMC-ACK-4
#[test]
fn rmc_ack_4_a_small_backlog_is_acknowledged_by_its_quarters() {
    let mut lone = receiver(1, |config| (config.receive_window_packets, config.backlog_packets) = (1_000, 1_000));
    come(&mut lone, 2..=200);
    let body = Body::Heartbeat { oldest: 191, interval: 0, backoff: 0, group: 1, rtt: 0 };
    lone.hear(peer(0), &encode(Flags::NONE, 0, EPOCH, 200, body));
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), [(200, 1_000)]);
    come(&mut lone, 201..=216);
    assert_eq!(acks(&mut lone), [(216, 999)], "a quarter of 64");
}

/// The sender may stand still until it hears of what it would have heard of long ago.
// RMC-ACK-4
#[test]
fn rmc_ack_4_a_backlog_that_is_smaller_than_it_seemed_is_acknowledged_at_once() {
    for (came, told) in [(265, vec![]), (266, vec![(266, 1_000)])] {
        let mut lone = receiver(1, |config| (config.receive_window_packets, config.backlog_packets) = (1_000, 1_000));
        come(&mut lone, 2..=251);
        assert_eq!(acks(&mut lone), [(251, 999)], "a quarter of 1,000");
        come(&mut lone, 252..=came);
        let body = Body::Heartbeat { oldest: came - 63, interval: 0, backoff: 0, group: 1, rtt: 0 };
        lone.hear(peer(0), &encode(Flags::NONE, 0, EPOCH, came, body));
        assert_eq!(acks(&mut lone), told, "a quarter of 64 more than the room was, of which one was not taken");
    }
}

/// A window of 100,000 packets is no reason to wait for more than a quarter of 8,192.
// RMC-ACK-4
#[test]
fn rmc_ack_4_before_anything_is_seen_a_backlog_has_the_usual_size() {
    let mut lone = receiver(1, |config| config.receive_window_packets = 100_000);
    come(&mut lone, 2..=2_048);
    assert_eq!(acks(&mut lone), []);
    come(&mut lone, 2_049..=2_049);
    assert_eq!(acks(&mut lone), [(2_049, 99_999)]);
}

// RMC-ACK-6, RMC-ACK-5
#[test]
fn ack_interval_within_it_a_heartbeat_is_not_answered() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 2..=26);
    assert_eq!(acks(&mut lone), [(26, 99)]);
    lone.run_for(100 * MS - NS);
    lone.hear(peer(0), &beat(26, 1));
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), []);
}

// RMC-ACK-6, RMC-ACK-5
#[test]
fn ack_interval_after_it_a_heartbeat_that_brings_nothing_new_is_answered() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 2..=26);
    acks(&mut lone);
    lone.run_for(100 * MS);
    lone.hear(peer(0), &beat(26, 1));
    lone.settle();
    assert_eq!(acks(&mut lone), [(26, 100)]);
    lone.run_for(100 * MS);
    lone.hear(peer(0), &beat(27, 1));
    lone.settle();
    assert_eq!(acks(&mut lone), [], "27 is new: it is asked for");
}

/// 10 ms after the last packet, and 100 ms after the last Ack.
// RMC-ACK-7, RMC-ACK-5
#[test]
fn rmc_ack_7_a_pause_is_used_to_acknowledge() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 2..=5);
    lone.run_for(8 * MS);
    come(&mut lone, 6..=6);
    lone.run_for(10 * MS - NS);
    assert_eq!(acks(&mut lone), []);
    lone.run_for(NS);
    assert_eq!(acks(&mut lone), [(6, 100)]);
    come(&mut lone, 7..=7);
    lone.run_for(100 * MS - NS);
    assert_eq!(acks(&mut lone), []);
    lone.run_for(NS);
    assert_eq!(acks(&mut lone), [(7, 100)], "not sooner");
    lone.run_for(20 * SECOND);
    assert_eq!(acks(&mut lone), [], "and that was all");
}

/// What stands behind a gap moves nothing.
// RMC-ACK-7
#[test]
fn rmc_ack_7_after_a_pause_the_same_is_not_told_again() {
    let mut lone = receiver(1, |_| {});
    come(&mut lone, 2..=26);
    assert_eq!(acks(&mut lone), [(26, 99)]);
    come(&mut lone, 28..=29);
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), []);
    come(&mut lone, 27..=27);
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), [(29, 100)]);
}

/// The first one tells the sender of this node: within 99 ms where nothing is known of the group, at once where it is
/// alone.
// RMC-ACK-7, RMC-ACK-5
#[test]
fn rmc_ack_7_the_first_ack_comes_soon() {
    for index in 0..20 {
        let mut lone = Lone::new(|config| config.acknowledge = true);
        lone.hear(peer(index), &data(1));
        lone.run_for(99 * MS);
        assert_eq!(acks(&mut lone).len(), 1);
        let mut lone = Lone::new(|config| config.acknowledge = true);
        lone.hear(peer(index), &heartbeat(0));
        lone.run_for(SECOND);
        assert_eq!(acks(&mut lone), [], "nothing was sent yet");
    }
}

/// Those of a group of 50 within 49 ms, not all at the same time.
// RMC-ACK-5
#[test]
fn rmc_ack_5_acks_are_spread_over_a_millisecond_for_each_receiver() {
    let times: Vec<Duration> = (1..=40)
        .map(|seed| {
            let mut lone = receiver(50, |config| config.seed = seed);
            let begun = lone.now;
            lone.hear(peer(0), &beat(1, 50));
            lone.run_for(SECOND);
            let sent: Vec<Duration> = lone.sent.iter().map(|sent| sent.at - begun).collect();
            assert_eq!(sent.len(), 1);
            sent[0]
        })
        .collect();
    assert!(times.iter().all(|&time| time < 49 * MS), "{times:?}");
    assert!(times.iter().any(|&time| time < 12 * MS) && times.iter().any(|&time| time > 36 * MS), "{times:?}");
}

/// The quarters of more than one receiver differ.
// RMC-ACK-4
#[test]
fn rmc_ack_4_quarters_are_shortened_by_chance() {
    let mut firsts: Vec<u64> = (1..=40)
        .map(|seed| {
            let mut lone = receiver(2, |config| config.seed = seed);
            come(&mut lone, 2..=26);
            acks(&mut lone)[0].0
        })
        .collect();
    firsts.sort_unstable();
    firsts.dedup();
    assert_eq!((firsts[0], firsts[firsts.len() - 1]), (20, 26), "{firsts:?}");
}

/// At 100 receivers each quarter; at 101 once a second while there is room.
// RMC-ACK-5
#[test]
fn acks_of_a_hundred_receivers_come_at_each_quarter() {
    let mut lone = receiver(100, |_| {});
    come(&mut lone, 2..=100);
    assert!(acks(&mut lone).len() >= 3);
}

// RMC-ACK-5
#[test]
fn acks_of_more_than_a_hundred_receivers_come_each_second() {
    let mut lone = receiver(101, |_| {});
    let begun = lone.now;
    for seq in 2..=2_000 {
        come(&mut lone, seq..=seq);
        lone.run_for(5 * MS);
    }
    let times: Vec<Duration> =
        lone.sent.iter().filter(|sent| matches!(sent.what, Sent::Ack(_))).map(|s| s.at - begun).collect();
    assert!((7..=11).contains(&times.len()), "{times:?} in 10 s");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] >= SECOND), "{times:?}");
}

/// 3,000 receivers: each 3 s.
// RMC-ACK-5
#[test]
fn rmc_ack_5_a_large_group_acknowledges_a_thousand_times_a_second() {
    let mut lone = receiver(3_000, |_| {});
    for seq in 2..=2_000 {
        come(&mut lone, seq..=seq);
        lone.run_for(15 * MS);
    }
    let count = acks(&mut lone).len();
    assert!((5..=11).contains(&count), "{count} in 30 s");
}

/// Half of the window is 50 packets.
// RMC-ACK-5
#[test]
fn acks_while_half_of_the_window_is_free_are_not_urgent() {
    let mut lone = receiver(101, |_| {});
    lone.hear_all(2..=51);
    assert_eq!(acks(&mut lone), []);
}

// RMC-ACK-5
#[test]
fn acks_when_less_than_half_of_the_window_is_free_are_urgent() {
    let mut lone = receiver(101, |_| {});
    lone.hear_all(2..=52);
    assert_eq!(acks(&mut lone), [(52, 49)]);
    // From then on at each quarter, until there is room again.
    lone.hear_all(53..=76);
    assert_eq!(acks(&mut lone).len(), 1);
    lone.take();
    assert_eq!(acks(&mut lone), [(76, OPEN_WINDOW)]);
    come(&mut lone, 77..=150);
    assert_eq!(acks(&mut lone), []);
}

/// The sender heeds it until it says so.
// RMC-ACK-5
#[test]
fn rmc_ack_5_that_more_than_half_is_free_again_is_urgent_too() {
    let mut lone = receiver(101, |_| {});
    lone.hear_all(2..=52);
    assert_eq!(acks(&mut lone), [(52, 49)]);
    let mut taken = 0;
    let told = loop {
        taken += 1;
        lone.take_one().expect("51 have come");
        lone.drain();
        if let Some(told) = acks(&mut lone).pop() {
            break told;
        }
    };
    assert_eq!(told, (52, OPEN_WINDOW));
    assert!((19..=25).contains(&taken), "{taken}: a quarter, shortened by chance");
    lone.take();
    assert_eq!(acks(&mut lone), [], "it has said so");
}

/// More are advertised than it had seemed: an Ack that waits for its time waits for another one.
// RMC-ACK-5
#[test]
fn rmc_ack_5_what_is_advertised_holds_at_once() {
    let mut soon = 0;
    for seed in 1..=40 {
        let mut lone = Lone::new(|config| (config.acknowledge, config.seed) = (true, seed));
        lone.hear(peer(0), &data(1));
        lone.hear(peer(0), &beat(1, 10_000));
        lone.run_for(100 * MS);
        soon += acks(&mut lone).len();
        lone.run_for(10 * SECOND);
        assert!(acks(&mut lone).len() <= 1);
    }
    assert!(soon <= 4, "{soon} of 40 within 100 ms: 1 % is what should be");
}

/// Fewer are advertised: what would have waited for up to 10 s comes after 100 ms at most, where it is 100, not 101.
// RMC-ACK-5
#[test]
fn rmc_ack_5_that_there_are_fewer_holds_at_once() {
    let soon = |fewer| {
        (1..=40).map(move |seed| {
            let mut lone = Lone::new(|config| (config.acknowledge, config.seed) = (true, seed));
            lone.hear(peer(0), &data(1));
            lone.hear(peer(0), &beat(1, 10_000));
            lone.hear(peer(0), &beat(1, fewer));
            lone.run_for(100 * MS);
            acks(&mut lone).len()
        })
    };
    assert_eq!(soon(100).sum::<usize>(), 40);
    assert!(soon(101).sum::<usize>() <= 4, "1 % is what should be");
}

// RMC-ACK-7
#[test]
fn rmc_ack_7_a_silent_node_and_one_that_left_the_group_send_none() {
    let mut lone = Lone::new(|config| (config.acknowledge, config.silent) = (true, true));
    lone.hear_all(1..=10);
    lone.hear(peer(0), &heartbeat(10));
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), []);
    let mut lone = receiver(1, |_| {});
    lone.node.deactivate(lone.instant());
    lone.feed(peer(0), Path::Multicast, &beat(1, 1));
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), []);
}

/// A private stream is acknowledged like any, and at each Heartbeat.
// RMC-ACK-1, RMC-ACK-4
#[test]
fn rmc_ack_4_private_streams_too() {
    let mut lone = Lone::new(|config| {
        config.acknowledge = true;
        (config.receive_window_packets, config.backlog_packets) = (100, 100);
    });
    for seq in 1..=50 {
        lone.hear_unicast(peer(0), &crate::given::private_data(seq));
    }
    assert!(lone.sent.iter().all(|sent| sent.private && sent.to == peer(0)));
    assert_eq!(acks(&mut lone), [(25, 75), (50, 50)]);
    lone.hear_unicast(peer(0), &crate::given::private_heartbeat(50, 1));
    assert_eq!(acks(&mut lone), [(50, 50)]);
}

/// The time of an Ack that passed while the node was deactivated is now.
// RMC-ACTIVE-3, RMC-ACK-7
#[test]
fn rmc_ack_7_what_was_due_while_deactivated_is_sent_when_activated() {
    let mut lone = Lone::new(|config| config.acknowledge = true);
    lone.hear_all(1..=1);
    lone.node.deactivate(lone.instant());
    lone.run_for(SECOND);
    assert_eq!(acks(&mut lone), []);
    lone.node.activate(lone.instant());
    lone.drain();
    assert!(lone.deadline.is_none_or(|deadline| deadline >= lone.now), "no deadline is in the past");
    assert_eq!(acks(&mut lone).len(), 1);
}
