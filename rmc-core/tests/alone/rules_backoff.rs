//! Rules about when a gap is asked for first: the backoff, the grace for reordering, and what others' repairs and
//! Confirms hold.

use std::time::Duration;

use rmc_core::packet::{Body, Flags, RangesBuilder};
use rmc_core::{Config, Path, SeqRange};

use crate::given::{last_stamp, nack_times, private_data, sent_to};
use crate::lone::{EPOCH, Lone, MS, NS, SECOND, Sent, US, message, peer};
use crate::packets::{data, encode, heartbeat, repair};

/// A heartbeat that advertises: backoff and round trip in microseconds.
fn told(seq: u64, backoff: u32, group: u32, rtt: u32) -> Vec<u8> {
    encode(Flags::NONE, 0, EPOCH, seq, Body::Heartbeat { oldest: 1, interval: 60_000_000, backoff, group, rtt })
}

/// A node that backs off as far as it is told to.
fn patient(change: impl FnOnce(&mut Config)) -> Lone {
    Lone::new(|config| {
        config.max_nack_backoff = 10 * SECOND;
        // Nothing but NACKs is due.
        config.heartbeat_tolerance = Some(60 * SECOND);
        change(config);
    })
}

/// How long a node with this seed waits before it asks first, when it was told this much.
fn first_delay(seed: u64, most: Duration, advertised: Option<(u32, u32)>) -> Duration {
    let mut lone = patient(|config| (config.seed, config.max_nack_backoff) = (seed, most));
    if let Some((backoff, group)) = advertised {
        lone.hear(peer(0), &told(0, backoff, group, 0));
        lone.hear(peer(0), &data(1));
        lone.hear(peer(0), &told(1, backoff, group, 0));
    } else {
        lone.hear(peer(0), &data(1));
    }
    lone.hear(peer(0), &data(3));
    while nack_times(&lone).is_empty() {
        let due = lone.deadline.expect("it asks");
        lone.run_to(due);
    }
    nack_times(&lone)[0]
}

fn delays(most: Duration, advertised: Option<(u32, u32)>) -> Vec<Duration> {
    (0..200).map(|seed| first_delay(seed, most, advertised)).collect()
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_the_backoff_lies_between_nothing_and_what_the_sender_advertises() {
    for (backoff, group) in [(5_000, 1), (100_000, 10), (1_000_000, 1_000), (10_000_000, u32::MAX)] {
        let longest = Duration::from_micros(backoff.into());
        let delays = delays(10 * SECOND, Some((backoff, group)));
        assert!(delays.iter().all(|&delay| delay <= longest), "{backoff} {group}");
        assert!(delays.iter().any(|&delay| delay > longest * 9 / 10), "{backoff} {group}");
        // The larger the group the fewer are early; half of them wait for longer than T - T ln 2 / (1 + ln R).
        let median = {
            let mut sorted = delays.clone();
            sorted.sort_unstable();
            sorted[100]
        };
        assert!(median > longest / 2, "{backoff} {group}: {median:?}");
    }
    assert!(delays(10 * SECOND, Some((100_000, 10))).iter().any(|&delay| delay < 70 * MS), "some are early");
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_before_the_first_heartbeat_10_ms_and_a_thousand_receivers_are_assumed() {
    let untold = delays(10 * SECOND, None);
    assert!(untold.iter().all(|&delay| delay <= 10 * MS) && untold.iter().any(|&delay| delay > 9 * MS));
    assert_eq!(untold, delays(10 * SECOND, Some((10_000, 1_000))));
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_an_unknown_group_counts_as_a_thousand() {
    let unknown = delays(10 * SECOND, Some((50_000, 0)));
    assert_eq!(unknown, delays(10 * SECOND, Some((50_000, 1_000))));
    assert_ne!(unknown, delays(10 * SECOND, Some((50_000, 1_001))));
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_no_backoff_is_none() {
    assert!(delays(10 * SECOND, Some((0, 1_000))).iter().all(Duration::is_zero));
    assert!(!delays(10 * SECOND, Some((1, 1_000))).iter().all(Duration::is_zero));
}

// RMC-GAP-1
#[test]
fn rmc_gap_1_the_longest_backoff_is_configured() {
    let at_the_limit = delays(20 * MS, Some((20_000, 9)));
    assert_eq!(at_the_limit, delays(10 * SECOND, Some((20_000, 9))));
    assert_eq!(at_the_limit, delays(20 * MS, Some((20_001, 9))));
    assert_ne!(at_the_limit, delays(20 * MS + US, Some((20_001, 9))));
    assert!(delays(Duration::ZERO, Some((10_000_000, 9))).iter().all(Duration::is_zero), "0: at once");
}

/// Nobody else could ask for what is missing on a private stream.
// RMC-GAP-1
#[test]
fn rmc_gap_1_private_streams_have_no_backoff() {
    let mut lone = patient(|_| {});
    let body = Body::Heartbeat { oldest: 1, interval: 60_000_000, backoff: 10_000_000, group: 9, rtt: 0 };
    lone.hear_unicast(peer(0), &private_data(1));
    lone.hear_unicast(peer(0), &encode(Flags::PRIVATE, 0, EPOCH, 1, body));
    lone.sent.clear();
    lone.hear_unicast(peer(0), &private_data(3));
    assert_eq!(sent_to(&mut lone), [(peer(0), Sent::Nack(vec![(2, 2)]))]);
}

/// A gap of 2 to `last`, when it is due, and RTO (the resend time of 20 ms, as nothing was measured).
fn backing_off(last: u64) -> (Lone, Duration) {
    let mut lone = patient(|_| {});
    lone.hear(peer(0), &data(1));
    lone.hear(peer(0), &told(1, 5_000_000, 100, 0));
    lone.hear(peer(0), &data(last + 1));
    let due = lone.deadline.expect("a timer is armed");
    assert!(due > SECOND, "{due:?}: choose another seed");
    (lone, due)
}

// RMC-GAP-1, RMC-GAP-5
#[test]
fn rmc_gap_1_a_repair_that_others_asked_for_comes_before_the_nack() {
    let (mut lone, due) = backing_off(2);
    lone.run_to(due - NS);
    assert_eq!(lone.asked(), []);
    let mut other = Lone { node: lone.node.clone(), sent: vec![], events: vec![], ..lone };
    lone.hear(peer(0), &repair(2));
    lone.run_to(due + SECOND);
    assert_eq!((lone.take().len(), lone.asked()), (3, vec![]), "nobody asks for what came");
    other.run_to(due);
    assert_eq!(other.asked(), [2], "without it the node asks");
}

/// What is left of a gap that a repair fills in part is probably on its way as well.
// RMC-GAP-8
#[test]
fn rmc_gap_8_a_repair_that_others_asked_for_holds_the_rest() {
    for path in [Path::Multicast, Path::Unicast] {
        let (mut lone, due) = backing_off(6);
        lone.run_to(due - NS);
        lone.feed(peer(0), path, &repair(4));
        lone.run_to(due - NS + 20 * MS - NS);
        assert_eq!(lone.asked(), []);
        lone.run_to(due - NS + 20 * MS);
        assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 3), (5, 6)])]);
        // That counted as having asked once: the delay doubles after the second of these asks.
        let mut before = lone.now;
        lone.run_for(SECOND);
        let of_two =
            lone.sent.iter().filter(|sent| matches!(&sent.what, Sent::Nack(ranges) if ranges.contains(&(2, 3))));
        for (at, base) in of_two.map(|sent| sent.at).zip([20, 40, 80]) {
            assert!(at - before >= base * MS && at - before <= base * 3 / 2 * MS, "{:?}", at - before);
            before = at;
        }
    }
}

/// What was only late says nothing about repairs.
// RMC-GAP-8, RMC-GAP-12
#[test]
fn rmc_gap_8_a_first_transmission_holds_nothing() {
    let (mut lone, due) = backing_off(6);
    lone.run_to(due - NS);
    lone.hear(peer(0), &data(4));
    lone.run_to(due);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 3), (5, 6)])]);
}

/// A node that saw number 2 come `late` behind 3, and then a gap at 4.
fn reordered(late: Duration, by: &[u8]) -> Lone {
    let mut lone = Lone::new(|config| config.nack_resend_time = 4 * SECOND);
    lone.hear_all([1, 3]);
    lone.run_to(late);
    lone.hear(peer(0), by);
    lone.sent.clear();
    lone.hear_all([5]);
    lone
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_a_gap_may_be_reordering_for_as_long_as_it_was_before() {
    for (late, grace) in [(4 * MS, 5 * MS), (80 * MS, 100 * MS), (SECOND, 100 * MS), (Duration::ZERO, 20 * US)] {
        let mut lone = reordered(late, &data(2));
        lone.run_to(late + grace - NS);
        assert_eq!(lone.asked(), [], "{late:?}");
        lone.run_to(late + grace);
        assert_eq!(lone.asked(), [4], "{late:?}");
    }
}

// RMC-GAP-12
#[test]
fn rmc_gap_12_there_is_no_grace_while_there_is_no_reordering() {
    let mut lone = reordered(4 * MS, &repair(2));
    assert_eq!(lone.asked(), [4], "a repair is not late");
    lone.hear_all([7]);
    assert_eq!(lone.asked(), [6]);
}

/// What comes within the grace is not asked for; what is lost lets it fade.
// RMC-GAP-12
#[test]
fn rmc_gap_12_the_grace_fades_with_each_gap_that_was_loss() {
    let mut lone = reordered(4 * MS, &data(2));
    lone.run_for(4 * MS);
    lone.hear_all([4]);
    assert_eq!((lone.asked(), lone.take().len()), (vec![], 5));
    let mut grace = 5 * MS;
    for seq in (7..100).step_by(2) {
        lone.sent.clear();
        let now = lone.now;
        lone.hear_all([seq]);
        lone.run_for(10 * MS);
        assert_eq!(nack_times(&lone), [now + grace], "{seq}");
        grace -= grace / 16;
    }
    assert!(grace < MS);
}

fn confirm(reason: u8, delay: Duration, stamp: u32, ranges: &[(u64, u64)]) -> Vec<u8> {
    let mut builder = RangesBuilder::new(ranges[0].0);
    for &(first, last) in ranges {
        assert!(builder.push(SeqRange::new(first, last).expect("a range")));
    }
    let delay = u32::try_from(delay.as_micros()).expect("a legal delay");
    let body = Body::Confirm { reason, delay, stamp, cookie: 0, ranges: builder.as_ranges() };
    encode(Flags::NONE, 0, EPOCH, ranges[0].0, body)
}

/// A node that asked for 2 and 4 at time 0; 10 ms have passed. If that is a sample RTO is 30 ms.
fn asked_10_ms_ago() -> (Lone, u32) {
    let mut lone = Lone::new(|_| {});
    for seq in [1, 3, 5] {
        lone.feed(peer(0), Path::Multicast, &data(seq));
    }
    lone.settle();
    let stamp = last_stamp(&lone);
    assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2), (4, 4)])]);
    lone.run_to(10 * MS);
    (lone, stamp)
}

/// The delay that a Confirm names, exactly; where it names none, RTO; at most the longest delay between two NACKs.
// RMC-GAP-13
#[test]
fn rmc_gap_13_a_confirm_holds_what_it_names_for_its_delay() {
    let cases = [
        (1, 70 * MS, 70 * MS),
        (9, 70 * MS, 70 * MS),
        (0, 70 * MS, 70 * MS),
        (0, Duration::ZERO, 30 * MS),
        (1, MS, MS),
        (1, SECOND, SECOND),
        (1, SECOND + US, SECOND),
        (1, 10 * SECOND, SECOND),
    ];
    for (reason, delay, held) in cases {
        let (mut lone, stamp) = asked_10_ms_ago();
        lone.hear_unicast(peer(0), &confirm(reason, delay, stamp, &[(1, 9)]));
        lone.run_to(10 * MS + held - NS);
        assert_eq!(lone.asked(), [], "{reason} {delay:?}");
        lone.run_to(10 * MS + held);
        assert_eq!(lone.sent(), [Sent::Nack(vec![(2, 2), (4, 4)])], "{reason} {delay:?}");
    }
    // Busy, and no delay: at once, as with a new cookie.
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, Duration::ZERO, stamp, &[(2, 4)]));
    assert_eq!(lone.asked(), [2, 4]);
}

// RMC-GAP-13
#[test]
fn rmc_gap_13_what_a_confirm_does_not_name_is_not_held() {
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear_unicast(peer(0), &confirm(1, 70 * MS, stamp, &[(1, 2), (5, 9)]));
    lone.run_to(45 * MS);
    assert!(!lone.sent.is_empty());
    assert!(lone.sent().into_iter().all(|sent| sent == Sent::Nack(vec![(4, 4)])));
    lone.run_to(80 * MS);
    assert!(lone.asked().contains(&2));
}

/// Who did not get a NACK of this node cannot answer it.
// RMC-GAP-13, RMC-SEC-2
#[test]
fn rmc_gap_13_a_confirm_by_unicast_without_a_stamp_of_ours_holds_nothing() {
    for forged in [0, 1] {
        let (mut lone, stamp) = asked_10_ms_ago();
        let due = lone.deadline;
        let stamp = if forged == 0 { 0 } else { stamp ^ 1 };
        for reason in [0, 1, 200] {
            lone.hear_unicast(peer(0), &confirm(reason, SECOND, stamp, &[(1, 9)]));
        }
        assert_eq!((lone.deadline, lone.node.stats().rx.confirms), (due, 3), "the NACK comes when it would have come");
        assert_eq!((lone.take(), lone.stream().gaps), (vec![message(1)], 2));
    }
}

/// One for the whole group tells what others asked for: it puts off, and never brings forward.
// RMC-GAP-13
#[test]
fn rmc_gap_13_a_confirm_by_multicast_holds_and_never_hastens() {
    let (mut lone, _) = asked_10_ms_ago();
    lone.hear(peer(0), &confirm(1, 70 * MS, 0, &[(1, 9)]));
    lone.run_to(80 * MS - NS);
    assert_eq!(lone.asked(), []);
    lone.run_to(80 * MS);
    assert_eq!(lone.asked(), [2, 4]);
    let (mut lone, due) = backing_off(2);
    lone.hear(peer(0), &confirm(1, Duration::ZERO, 0, &[(1, 9)]));
    lone.run_to(due - NS);
    assert_eq!(lone.asked(), []);
    lone.run_to(due);
    assert_eq!(lone.asked(), [2]);
}

/// A Confirm names at most 32 ranges, and each may have fallen apart: 64 gaps are held, lowest first.
// RMC-GAP-13, RMC-SEC-1
#[test]
fn rmc_gap_13_one_confirm_holds_64_gaps_and_no_more() {
    for (gaps, held) in [(64, true), (65, false)] {
        let mut lone = patient(|config| config.max_nack_backoff = Duration::ZERO);
        for seq in 0..=gaps {
            lone.feed(peer(0), Path::Multicast, &data(2 * seq + 1));
        }
        lone.settle();
        let stamp = last_stamp(&lone);
        lone.sent.clear();
        lone.hear_unicast(peer(0), &confirm(1, SECOND, stamp, &[(1, 1_000)]));
        lone.run_to(30 * MS);
        let mut asked = lone.asked();
        asked.dedup();
        assert_eq!(asked, if held { vec![] } else { vec![130] });
    }
}

/// A silent node waits for somebody else's repair as long as it is configured to.
// RMC-GAP-13, RMC-GAP-8, RMC-SILENT-2
#[test]
fn rmc_gap_13_neither_confirms_nor_repairs_change_the_patience_of_a_silent_node() {
    for bytes in [confirm(1, MS, 0, &[(1, 9)]), confirm(0, SECOND, 0, &[(1, 9)]), repair(3)] {
        let mut lone = Lone::new(|config| config.silent = true);
        lone.hear_all([1, 4]);
        lone.run_to(100 * MS);
        lone.hear(peer(0), &bytes);
        lone.run_to(500 * MS - NS);
        assert_eq!(lone.take(), [message(1)]);
        lone.run_to(500 * MS);
        assert!(lone.take().len() >= 2);
    }
}

/// The delays between the first and the second ask of many nodes that were told this round trip.
fn retries(rtt: u32) -> (Duration, Duration) {
    let delays = (0..100).map(|seed| {
        let mut lone = Lone::new(|config| config.seed = seed);
        lone.hear_all([1]);
        lone.hear(peer(0), &told(1, 0, 5, rtt));
        lone.hear_all([3]);
        lone.run_for(2 * SECOND);
        let times = nack_times(&lone);
        times[1] - times[0]
    });
    let delays: Vec<_> = delays.collect();
    delays.iter().min().copied().zip(delays.iter().max().copied()).expect("a hundred of them")
}

/// What the sender tells of its group is better than nothing; what was measured is better.
// RMC-RTT-4, RMC-GAP-7
#[test]
fn rmc_rtt_4_before_the_first_sample_the_round_trip_of_the_group_counts() {
    for (rtt, timeout) in [
        (0, 20 * MS),
        (1, MS + US),
        (1_000, 2 * MS),
        (2_000, 3 * MS),
        (2_002, 3_003 * US),
        (100_000, 150 * MS),
        (60_000_000, SECOND),
    ] {
        let (least, most) = retries(rtt);
        assert!(least >= timeout && most <= (timeout * 3 / 2).min(SECOND.max(timeout)), "{rtt}: {least:?} {most:?}");
        assert!(least <= timeout * 21 / 20, "{rtt}: {least:?}");
    }
    let (mut lone, stamp) = asked_10_ms_ago();
    lone.hear(peer(0), &told(5, 0, 5, 500_000));
    lone.hear_unicast(peer(0), &confirm(0, Duration::ZERO, stamp, &[(2, 4)]));
    lone.run_to(40 * MS);
    assert_eq!(lone.asked(), [2, 4], "SRTT 10 ms, RTTVAR 5 ms");
}

/// As long as nothing was measured, a delay that was doubled in vain is where the next gap begins.
// RMC-RTT-5, RMC-GAP-7
#[test]
fn rmc_rtt_5_doubled_delays_carry_over_until_there_is_a_sample() {
    for (asks, initial) in [(2, 20), (3, 40), (4, 80), (5, 160), (8, 1_000), (12, 1_000)] {
        let mut lone = Lone::new(|config| config.nack_timeout = 3_600 * SECOND);
        lone.hear_all([2]);
        while nack_times(&lone).len() < asks {
            let due = lone.deadline.expect("it asks again");
            lone.run_to(due);
        }
        lone.sent.clear();
        lone.hear_all([4]);
        lone.run_for(2 * SECOND);
        let times: Vec<_> = lone
            .sent
            .iter()
            .filter(|sent| matches!(&sent.what, Sent::Nack(ranges) if ranges.contains(&(3, 3))))
            .map(|sent| sent.at)
            .collect();
        let delay = times[1] - times[0];
        let initial = initial * MS;
        assert!(delay >= initial && delay <= (initial * 3 / 2).min(SECOND), "{asks}: {delay:?}");
    }
}

/// A node that is answered after `round_trip`, whenever it asks, for 20 s in which every fourth packet is lost.
fn far_away(round_trip: Duration) -> Lone {
    let mut lone = Lone::new(|_| {});
    let mut answers: Vec<(Duration, u64)> = Vec::new();
    for step in 1..=1_000 {
        let now = 20 * MS * step;
        while let Some(at) = answers.first().map(|&(at, _)| at).filter(|&at| at <= now) {
            let (_, seq) = answers.remove(0);
            lone.run_to(at);
            lone.hear_unicast(peer(0), &repair(seq));
        }
        lone.run_to(now);
        if step % 4 != 2 {
            lone.hear(peer(0), &data(step.into()));
        }
        let asked = lone.asked();
        answers.extend(asked.into_iter().map(|seq| (now + round_trip, seq)));
    }
    lone
}

/// Far above the resend time, no first attempt would ever be clean without that.
// RMC-RTT-5, RMC-RTT-2
#[test]
fn rmc_rtt_5_a_round_trip_far_above_the_initial_delay_is_measured_in_the_end() {
    for round_trip in [250 * MS, 600 * MS] {
        let lone = far_away(round_trip);
        let rtt = lone.node.peer(peer(0)).and_then(|peer| peer.rtt).expect("it was measured");
        assert!(rtt >= round_trip && rtt <= round_trip + 40 * MS, "{rtt:?}");
        let stats = lone.node.stats().repair;
        assert!(stats.numbers_asked < 2 * 250, "{stats:?}");
    }
}

/// A repair for all may answer somebody else, who asked before.
// RMC-RTT-2
#[test]
fn rmc_rtt_2_a_repair_by_multicast_is_no_sample() {
    let (mut lone, _) = asked_10_ms_ago();
    lone.hear(peer(0), &repair(2));
    assert_eq!(lone.node.peer(peer(0)).and_then(|peer| peer.rtt), None);
    lone.hear_unicast(peer(0), &repair(4));
    assert_eq!(lone.node.peer(peer(0)).and_then(|peer| peer.rtt), Some(10 * MS));
}

/// What was told holds for the gaps that open from then on.
// RMC-GAP-1
#[test]
fn rmc_gap_1_a_backoff_that_is_drawn_stays() {
    let (mut lone, due) = backing_off(2);
    lone.hear(peer(0), &told(3, 0, 1, 0));
    lone.run_to(due - NS);
    assert_eq!(lone.asked(), []);
    lone.hear(peer(0), &heartbeat(5));
    assert_eq!(lone.asked(), [4, 5], "and these are asked for at once");
    lone.run_to(due);
    assert!(lone.asked().contains(&2));
}
