//! Rules about NACKs and the round trip that the seed's rules leave open.

use std::collections::BTreeSet;
use std::time::Duration;

use rmc_core::Path;
use rmc_core::packet::Body;

use crate::given::{confirm, decoded, last_stamp, nack_times, sender, sent_to};
use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, US, peer};
use crate::packets::{self, data, heartbeat, nack, repair, reset};

fn rtt(lone: &Lone) -> Option<Duration> {
    lone.node.peer(peer(0)).and_then(|peer| peer.rtt)
}

/// A node that has asked for 1 at time 0; 15 ms have passed. Returns the NACK's stamp too.
fn asked_15_ms_ago() -> (Lone, u32) {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([3]);
    lone.run_to(15 * MS);
    let stamp = last_stamp(&lone);
    (lone, stamp)
}

// RMC-RTT-1
#[test]
fn rmc_rtt_1_a_stamped_answer_is_a_sample() {
    let answer = |stamp| [packets::lost(1, 1, stamp), reset(1, stamp), confirm(1, stamp, 0)];
    for index in 0..3 {
        let (mut lone, stamp) = asked_15_ms_ago();
        assert_eq!(rtt(&lone), None);
        lone.hear_unicast(peer(0), &answer(stamp)[index]);
        assert_eq!(rtt(&lone), Some(15 * MS), "answer {index}");
    }
    for index in 0..3 {
        for foreign in [0, 1] {
            let (mut lone, stamp) = asked_15_ms_ago();
            lone.hear_unicast(peer(0), &answer(if foreign == 0 { 0 } else { stamp ^ 1 })[index]);
            assert_eq!(rtt(&lone), None, "answer {index} to no NACK of this node");
        }
    }
}

// RMC-RTT-1
#[test]
fn rmc_rtt_1_each_nack_gives_one_sample_at_most() {
    let (mut lone, stamp) = asked_15_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, stamp, 0));
    lone.run_to(19 * MS);
    lone.hear_unicast(peer(0), &confirm(1, stamp, 0));
    lone.hear_unicast(peer(0), &repair(1));
    lone.hear_unicast(peer(0), &packets::lost(1, 2, stamp));
    assert_eq!(rtt(&lone), Some(15 * MS));
}

/// `count` NACKs at time 0, each for a gap of its own; 5 ms have passed. Returns their stamps.
fn nacks(count: u64) -> (Lone, Vec<u32>) {
    let mut lone = Lone::new(|_| {});
    lone.hear_all((1..=count).map(|index| 2 * index));
    lone.now = 5 * MS;
    let stamps: Vec<u32> = lone.sent.iter().map(|sent| sent.stamp).collect();
    assert_eq!(stamps.len() as u64, count);
    (lone, stamps)
}

// RMC-RTT-1, RMC-LOST-4
#[test]
fn rmc_rtt_1_the_last_1024_nacks_are_remembered() {
    let (mut lone, stamps) = nacks(1_024);
    lone.hear_unicast(peer(0), &confirm(1, stamps[0], 0));
    assert_eq!(rtt(&lone), Some(5 * MS));
}

// RMC-RTT-1, RMC-LOST-4
#[test]
fn rmc_rtt_1_the_1025th_last_nack_is_forgotten() {
    let (mut lone, stamps) = nacks(1_025);
    lone.hear_unicast(peer(0), &confirm(1, stamps[0], 0));
    assert_eq!(rtt(&lone), None);
    lone.hear_unicast(peer(0), &confirm(1, stamps[1], 0));
    assert_eq!(rtt(&lone), Some(5 * MS));
}

// RMC-RTT-2
#[test]
fn rmc_rtt_2_a_repair_of_what_was_asked_for_once_is_a_sample() {
    let (mut lone, _) = asked_15_ms_ago();
    lone.hear_unicast(peer(0), &repair(2));
    assert_eq!(rtt(&lone), Some(15 * MS));
    // The other half of that NACK gives no second one.
    lone.run_to(19 * MS);
    lone.hear_unicast(peer(0), &repair(1));
    assert_eq!(rtt(&lone), Some(15 * MS));
}

// RMC-RTT-2
#[test]
fn rmc_rtt_2_a_repair_of_what_was_asked_for_twice_is_none() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([2]);
    lone.run_to(31 * MS);
    assert_eq!(nack_times(&lone).len(), 2);
    lone.hear_unicast(peer(0), &repair(1));
    assert_eq!(rtt(&lone), None, "it may answer either");
}

// RMC-RTT-2, RMC-DATA-4
#[test]
fn rmc_rtt_2_data_that_is_no_repair_is_none() {
    let (mut lone, _) = asked_15_ms_ago();
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &data(2));
    assert_eq!((rtt(&lone), lone.take().len()), (None, 3), "it was only late");
}

// RMC-RTT-2
#[test]
fn rmc_rtt_2_a_repair_that_fills_no_gap_is_none() {
    let (mut lone, _) = asked_15_ms_ago();
    lone.hear_unicast(peer(0), &repair(3));
    lone.hear_unicast(peer(0), &repair(4));
    assert_eq!(rtt(&lone), None);
}

/// A node that has taken these samples of the round trip.
fn sampled(seed: u64, samples: &[Duration]) -> Lone {
    let mut lone = Lone::new(|config| {
        config.seed = seed;
        config.nack_resend_time = SECOND;
    });
    for (round, &sample) in (1..).zip(samples) {
        lone.hear_all([2 * round]);
        let stamp = last_stamp(&lone);
        lone.now += sample;
        lone.hear_unicast(peer(0), &confirm(2 * round - 1, stamp, 0));
        lone.hear_unicast(peer(0), &repair(2 * round - 1));
    }
    lone
}

/// The time from the first NACK for a new gap to the second.
fn first_delay(mut lone: Lone) -> Duration {
    let next = lone.stream().known + 1;
    lone.sent.clear();
    lone.hear_all([next + 1]);
    lone.run_for(SECOND);
    let times = nack_times(&lone);
    times[1] - times[0]
}

// RMC-RTT-3
#[test]
fn rmc_rtt_3_the_estimate_is_that_of_rfc_6298() {
    // SRTT and RTTVAR by hand: 10, 5; 11.25, 6.25; 10.46875, 6.25.
    let samples = [10 * MS, 20 * MS, 5 * MS];
    for (count, smoothed) in [(1, 10 * MS), (2, 11_250 * US), (3, 10_468_750 * NS)] {
        let estimate = rtt(&sampled(1, &samples[..count])).expect("there were samples");
        assert!(estimate.abs_diff(smoothed) <= 16 * NS, "{estimate:?}: times are kept in steps of 16 ns");
    }
}

/// The delay is r x RTO with r in [1, 1.5]; over many seeds it comes near both ends.
// RMC-RTT-4, RMC-RTT-3, RMC-GAP-7
#[test]
fn rmc_rtt_4_the_timeout_is_srtt_and_four_times_rttvar() {
    for (samples, timeout) in [
        (vec![10 * MS], 30 * MS),
        (vec![10 * MS, 20 * MS], 36_250 * US),
        (vec![10 * MS, 20 * MS, 5 * MS], 35_468_750 * NS),
        // The least variation is 1 ms.
        (vec![2 * MS; 100], 3 * MS),
    ] {
        let delays: Vec<Duration> = (0..100).map(|seed| first_delay(sampled(seed, &samples))).collect();
        let (least, most) = (delays.iter().min().copied(), delays.iter().max().copied());
        let (least, most) = least.zip(most).expect("a hundred of them");
        // Times are kept in steps of 16 ns: one of SRTT, and four times one of RTTVAR.
        let step = 5 * 16 * NS;
        assert!(least + step >= timeout && least <= timeout * 21 / 20, "{samples:?}: {least:?}, RTO {timeout:?}");
        assert!(most <= timeout * 3 / 2 && most >= timeout * 29 / 20, "{samples:?}: {most:?}, RTO {timeout:?}");
    }
}

/// Asked for often, then a part is repaired: the rest is put off to RTO from then, and its delays begin anew.
// RMC-GAP-8
#[test]
fn rmc_gap_8_a_repair_puts_off_what_is_left_of_its_gap() {
    let mut lone = Lone::new(|config| config.peer_timeout = 60 * SECOND);
    lone.hear_all([2, 7]);
    lone.run_to(10 * MS);
    lone.hear_unicast(peer(0), &repair(1));
    assert_eq!(rtt(&lone), Some(10 * MS));
    lone.run_to(SECOND);
    assert!(nack_times(&lone).len() > 5);
    lone.sent.clear();
    lone.hear_unicast(peer(0), &repair(4));
    lone.run_to(1_500 * MS);
    let times = nack_times(&lone);
    let ranges: Vec<_> = lone.sent.iter().map(|sent| sent.what.clone()).collect();
    assert_eq!(ranges[0], Sent::Nack(vec![(3, 3), (5, 6)]));
    assert_eq!(times[0], 1_030 * MS, "RTO is 30 ms");
    // From here on each of the two has its own random delays: those after the second ask, then after the third.
    let of_two: Vec<Duration> = lone
        .sent
        .iter()
        .filter(|sent| matches!(&sent.what, Sent::Nack(ranges) if ranges.iter().any(|&(first, _)| first == 3)))
        .map(|sent| sent.at)
        .collect();
    assert!(of_two.len() >= 4, "{of_two:?}");
    for (pair, base) in of_two.windows(2).zip([30, 60, 120]) {
        let delay = pair[1] - pair[0];
        assert!(delay >= base * MS && delay <= base * 3 / 2 * MS, "{of_two:?}");
    }
}

/// Data that is no repair puts off nothing.
// RMC-GAP-8
#[test]
fn rmc_gap_8_only_a_repair_puts_off() {
    let late = |datagram: &[u8]| {
        let mut lone = Lone::new(|_| {});
        lone.hear_all([1, 6]);
        lone.run_to(19 * MS);
        lone.sent.clear();
        lone.hear(peer(0), datagram);
        lone.run_to(30 * MS);
        nack_times(&lone).len()
    };
    assert_eq!(late(&data(3)), 1, "asked for again within 1.5 times 20 ms");
    assert_eq!(late(&repair(3)), 0, "RTO is above 19 ms now");
}

/// Two gaps that touch: 2 and 3, asked for at once, and 4 and 5, asked for at 10 ms. Each has its own history.
// RMC-GAP-8
#[test]
fn rmc_gap_8_a_gap_that_touches_is_not_put_off() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([1]);
    lone.hear(peer(0), &heartbeat(3));
    lone.run_to(10 * MS);
    lone.hear(peer(0), &heartbeat(5));
    lone.run_to(15 * MS);
    lone.sent.clear();
    lone.hear_unicast(peer(0), &repair(3));
    lone.run_to(40 * MS);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(4, 5)])], "after at most 1.5 times 20 ms");
}

// RMC-NACK-2
#[test]
fn rmc_nack_2_stamps_are_never_0_and_differ() {
    let mut of_seeds = BTreeSet::new();
    for seed in 0..50 {
        let mut lone = Lone::new(|config| config.seed = seed);
        lone.hear_all((1..=100).map(|index| 2 * index));
        lone.run_for(100 * MS);
        let stamps: Vec<u32> = lone.sent.iter().map(|sent| sent.stamp).collect();
        assert!(stamps.len() > 100);
        assert!(!stamps.contains(&0));
        for last_nine in stamps.windows(9) {
            let different: BTreeSet<_> = last_nine.iter().collect();
            assert_eq!(different.len(), 9, "seed {seed}");
        }
        of_seeds.insert(stamps[0]);
    }
    assert_eq!(of_seeds.len(), 50, "the first stamp cannot be guessed without the seed");
}

/// Target, rtt and cookie of the last NACK or Ack.
fn request(lone: &Lone) -> (u32, u32, Option<u32>) {
    let last = lone.sent.iter().rfind(|sent| matches!(sent.what, Sent::Nack(_) | Sent::Ack(_))).expect("a request");
    match decoded(last).body {
        Body::Nack { target_epoch, rtt, cookie, .. } => (target_epoch, rtt, Some(cookie)),
        Body::Ack { target_epoch, rtt, .. } => (target_epoch, rtt, None),
        other => panic!("{other:?}"),
    }
}

// RMC-NACK-3, RMC-GAP-13
#[test]
fn rmc_nack_3_a_nack_carries_epoch_cookie_and_round_trip() {
    let mut lone = Lone::new(|_| {});
    lone.hear_all([2]);
    assert_eq!(request(&lone), (EPOCH, 0, Some(0)), "nothing is known yet");
    lone.run_to(15 * MS);
    let stamp = last_stamp(&lone);
    lone.hear_unicast(peer(0), &confirm(1, stamp, 0xc00c_1e00));
    lone.hear_all([4]);
    assert_eq!(request(&lone), (EPOCH, 15_000, Some(0xc00c_1e00)));
    let stamp = last_stamp(&lone);
    lone.hear_unicast(peer(0), &confirm(3, stamp, 7));
    lone.hear_all([6]);
    assert_eq!(request(&lone).2, Some(7), "the last one");
    // Whoever did not get a NACK of this node cannot know its stamp; and no cookie is none.
    for path in [Path::Unicast, Path::Multicast] {
        for (stamp, cookie) in [(0, 8), (last_stamp(&lone) ^ 1, 8), (last_stamp(&lone), 0)] {
            lone.feed(peer(0), path, &confirm(5, stamp, cookie));
        }
    }
    let next = lone.stream().known + 2;
    lone.hear_all([next]);
    assert_eq!(request(&lone).2, Some(7));
    // The cookie is that peer's alone.
    lone.hear(peer(1), &data(2));
    assert_eq!(request(&lone), (EPOCH, 0, Some(0)));
}

// RMC-NACK-3, RMC-ACK-1
#[test]
fn rmc_nack_3_an_ack_carries_epoch_and_round_trip_too() {
    let (mut lone, stamp) = asked_15_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, stamp, 9));
    lone.hear_unicast(peer(0), &crate::given::private_data(1));
    lone.hear_unicast(peer(0), &crate::given::private_heartbeat(1, 1));
    assert_eq!(request(&lone), (EPOCH, 15_000, None));
}

fn two_askers() -> Lone {
    let mut lone = sender(5, |config| config.max_askers = 2);
    for index in 1..=2 {
        lone.feed(peer(index), Path::Unicast, &nack(1, &[(1, 1)]));
    }
    lone
}

// RMC-REPAIR-9
#[test]
fn rmc_repair_9_max_askers_are_owed_at_the_same_time() {
    let mut lone = two_askers();
    lone.settle();
    assert_eq!(lone.node.stats().dropped.askers_full, 0);
    assert_eq!(sent_to(&mut lone), [(peer(1), Sent::Repair(1)), (peer(2), Sent::Repair(1))]);
}

// RMC-REPAIR-9
#[test]
fn rmc_repair_9_one_asker_more_is_dropped_and_may_ask_again() {
    let mut lone = two_askers();
    lone.feed(peer(3), Path::Unicast, &nack(1, &[(1, 5)]));
    // Who is among them already may ask for more.
    lone.feed(peer(2), Path::Unicast, &nack(2, &[(2, 2)]));
    lone.settle();
    assert_eq!(lone.node.stats().dropped.askers_full, 1);
    let sent = sent_to(&mut lone);
    assert!(sent.iter().all(|(to, _)| *to != peer(3)), "{sent:?}");
    assert_eq!(sent.len(), 3);
    lone.hear_unicast(peer(3), &nack(2, &[(1, 1)]));
    assert_eq!(sent_to(&mut lone), [(peer(3), Sent::Repair(1))]);
}

/// Who got all that it asked for makes room for the next asker.
// RMC-REPAIR-9
#[test]
fn rmc_repair_9_who_is_owed_nothing_counts_no_more() {
    let mut lone = sender(5, |config| config.max_askers = 1);
    for index in 1..=3 {
        lone.hear_unicast(peer(index), &nack(1, &[(1, 2)]));
        assert_eq!(sent_to(&mut lone), [(peer(index), Sent::Repair(1)), (peer(index), Sent::Repair(2))]);
    }
    assert_eq!(lone.node.stats().dropped.askers_full, 0);
}

/// Who got a part of it does not.
// RMC-REPAIR-9
#[test]
fn rmc_repair_9_who_is_still_owed_something_counts() {
    let mut lone = sender(5, |config| config.max_askers = 1);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, 2)]));
    assert_eq!(lone.poll_transmit().map(|sent| sent.what), Some(Sent::Repair(1)));
    lone.feed(peer(2), Path::Unicast, &nack(1, &[(1, 1)]));
    lone.settle();
    assert_eq!(lone.node.stats().dropped.askers_full, 1);
    assert_eq!(sent_to(&mut lone), [(peer(1), Sent::Repair(2))]);
}

// RMC-WIN-5
#[test]
fn rmc_win_5_the_window_moves_on_in_steps_of_an_eighth() {
    let mut lone = Lone::new(|config| {
        config.backlog_packets = 80;
        config.receive_window_packets = 80;
    });
    lone.hear(peer(0), &heartbeat(1_000));
    assert_eq!(lone.asked(), (1..=80).collect::<Vec<_>>());
    for seq in 1..=9 {
        lone.hear_unicast(peer(0), &repair(seq));
        lone.take();
    }
    assert_eq!(lone.asked(), [], "nine packets of room are less than an eighth");
    lone.hear_unicast(peer(0), &repair(10));
    lone.take();
    assert_eq!(lone.sent(), [Sent::Nack(vec![(81, 90)])]);
}
