//! Rules about how long to wait for an answer before the round trip was measured, and what measures it.

use std::time::Duration;

use crate::given::nack_times;
use crate::lone::{Lone, MS, SECOND, Sent, US, peer};
use crate::packets::{data, repair};
use crate::rules_backoff::told;
use crate::rules_confirm::{asked_10_ms_ago, confirm};

/// RTO before the first sample, exactly: for so long a repair for all holds the rest of its gap.
fn untold(rtt: u32) -> Duration {
    let mut lone = Lone::new(|config| config.heartbeat_tolerance = Some(60 * SECOND));
    lone.hear_all([1]);
    lone.hear(peer(0), &told(1, 0, 5, rtt));
    lone.hear_all([5]);
    lone.hear(peer(0), &repair(3));
    lone.tick();
    lone.deadline.expect("it asks again")
}

// RMC-RTT-4
#[test]
fn rmc_rtt_4_at_least_1_ms_is_allowed_beyond_the_round_trip_of_the_group() {
    assert_eq!([1, 1_998, 2_000].map(untold), [MS + US, 2_998 * US, 3 * MS]);
}

// RMC-RTT-4
#[test]
fn rmc_rtt_4_past_2_ms_half_of_it_is_allowed_beyond_the_round_trip_of_the_group() {
    assert_eq!([2_002, 100_000].map(untold), [3_003 * US, 150 * MS]);
    // At most `nack_max_delay`; and nothing told is the resend time.
    assert_eq!([666_666, 666_668, 60_000_000, 0].map(untold), [999_999 * US, SECOND, SECOND, 20 * MS]);
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
