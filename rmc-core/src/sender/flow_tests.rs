use core::net::{Ipv4Addr, SocketAddr};

use super::*;

const US: Duration = Duration::from_micros(1);

fn at(micros: u64) -> Instant {
    Instant::from_origin(Duration::from_micros(micros))
}

fn flow(change: impl FnOnce(&mut Config)) -> Flow {
    let mut config = Config::new(SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8_000)), 1, 1);
    change(&mut config);
    Flow::new(&config)
}

fn with_share(share: u8) -> Flow {
    flow(|config| config.repair_share = share)
}

/// So many first transmissions of `len` bytes, one each 100 us.
fn send(flow: &mut Flow, from: u64, count: u64, len: usize) {
    (from..from + count).for_each(|index| flow.data_left(len, false, at(index * 100)));
}

/// How many datagrams of 100 bytes an asker gets that takes all it can.
fn taken(flow: &Flow, account: &mut Account, parts: u32) -> usize {
    let mut count = 0;
    while flow.afford(account, 100, parts, 0).is_ok() {
        flow.charge(account, 100);
        count += 1;
    }
    count
}

// RMC-REPAIR-10
#[test]
fn repairs_and_data_take_turns_by_their_shares() {
    for (share, repairs) in [(1, 1_u32), (25, 25), (50, 50), (75, 75), (99, 99)] {
        let mut flow = with_share(share);
        let mut count = 0;
        for step in 0..100 {
            if flow.is_data_s_turn(500) {
                flow.data_left(500, true, at(step));
            } else {
                flow.repair_left(500, true);
                count += 1;
            }
        }
        assert!(repairs.abs_diff(count) <= 1, "{share} %: {count}");
    }
}

// RMC-REPAIR-18
#[test]
fn what_data_waits_for_anyway_gets_nine_tenths_or_its_share_if_that_is_more() {
    for (share, urgent, repairs) in [(89, false, 89), (1, true, 90_u32), (89, true, 90), (90, true, 90), (91, true, 91)]
    {
        let mut flow = with_share(share);
        let mut count = 0;
        for step in 0..100 {
            flow.set_urgent(urgent);
            if flow.is_data_s_turn(500) {
                flow.data_left(500, true, at(step));
            } else {
                flow.repair_left(500, true);
                count += 1;
            }
        }
        assert!(repairs.abs_diff(count) <= 1, "{share} %, {urgent}: {count}");
    }
}

/// What is due to one asker alone is measured by the share that was configured.
// RMC-REPAIR-18, RMC-BUDGET-1
#[test]
fn one_asker_gets_no_more_because_data_waits_for_others() {
    let counts = [false, true].map(|urgent| {
        let mut flow = with_share(50);
        let mut account = Account::new();
        taken(&flow, &mut account, 8);
        flow.set_urgent(urgent);
        send(&mut flow, 0, 100, 1_000);
        taken(&flow, &mut account, 8)
    });
    assert_eq!(counts, [125, 125]);
}

/// Shares are of bytes.
// RMC-REPAIR-10
#[test]
fn large_repairs_leave_small_data_more_turns() {
    let mut flow = with_share(50);
    let (mut repairs, mut data) = (0, 0);
    for step in 0..1_100 {
        if flow.is_data_s_turn(1_000) {
            flow.data_left(100, true, at(step));
            data += 1;
        } else {
            flow.repair_left(1_000, true);
            repairs += 1;
        }
    }
    assert_eq!((repairs, data), (101, 999), "one sooner, as half a datagram makes no difference");
}

/// What leaves while nothing else waits is not counted: nobody saves up turns.
// RMC-REPAIR-10
#[test]
fn turns_are_counted_only_while_both_wait() {
    let mut flow = with_share(50);
    (0..100).for_each(|step| flow.data_left(500, false, at(step)));
    (0..100).for_each(|_| flow.repair_left(500, false));
    assert!(!flow.is_data_s_turn(500));
    flow.repair_left(500, true);
    assert!(flow.is_data_s_turn(500));
}

// RMC-BUDGET-1
#[test]
fn data_flows_for_20_ms() {
    let mut flow = with_share(50);
    assert!(!flow.flows(at(0)));
    flow.data_left(100, false, at(1_000));
    assert!(flow.flows(at(20_999)));
    assert!(!flow.flows(at(21_000)));
}

/// Data of 10 MB/s, for one second.
// RMC-BUDGET-1
#[test]
fn an_asker_gets_its_part_of_what_repairs_may_be() {
    for (share, parts, expected) in [(50, 8, 12_500), (50, 1, 100_000), (20, 8, 3_125), (80, 4, 100_000)] {
        let mut flow = with_share(share);
        let mut account = Account::new();
        taken(&flow, &mut account, parts);
        let mut count = 0;
        for step in 0..1_000 {
            send(&mut flow, step * 10, 10, 1_000);
            count += taken(&flow, &mut account, parts);
        }
        assert!(count.abs_diff(expected) <= expected / 1_000 + 1, "{share} %, {parts}: {count}, not {expected}");
    }
}

/// However little is sent, all repairs together get 128 KiB/s, or their share of a configured rate.
// RMC-BUDGET-1
#[test]
fn little_data_allows_for_some_repairs_all_the_same() {
    for (max_rate, least) in [(None, 128 << 10), (Some(200_000), 128 << 10), (Some(100_000_000), 50_000_000)] {
        let mut flow = flow(|config| config.max_rate = max_rate);
        let mut account = Account::new();
        taken(&flow, &mut account, 8);
        let mut bytes = 0;
        for step in 0..1_000 {
            flow.data_left(100, false, at(step * 1_000));
            bytes += taken(&flow, &mut account, 8) * 100;
        }
        assert!(bytes.abs_diff(least / 8) < least / 800 + 100, "{max_rate:?}: {bytes}");
    }
}

// RMC-BUDGET-1
#[test]
fn what_is_saved_up_has_a_bound() {
    for (max_datagram, burst) in [(1_472, 32 << 10), (16_384, 32 << 10), (16_385, 32_770)] {
        let mut flow = flow(|config| config.max_datagram = max_datagram);
        let mut account = Account::new();
        assert_eq!(taken(&flow, &mut account, 8), burst / 100, "at first");
        send(&mut flow, 0, 100_000, 1_000);
        assert_eq!(taken(&flow, &mut account, 8), burst / 100, "and after any time");
    }
    let flow = with_share(50);
    assert!(flow.afford(&mut Account::new(), 100_000, 8, 99_999).is_err());
    assert!(flow.afford(&mut Account::new(), 100_000, 8, 100_000).is_ok(), "a bound of its own");
}

/// What is saved up does not depend on how many receivers were known in between.
// RMC-BUDGET-1
#[test]
fn what_is_saved_up_stays_when_parts_change() {
    let flow = with_share(50);
    let mut account = Account::new();
    for parts in [8, 2, 8] {
        assert!(flow.afford(&mut account, 1, parts, 0).is_ok());
    }
    assert_eq!(taken(&flow, &mut account, 8), (32 << 10) / 100);
}

// RMC-BUDGET-1
#[test]
fn what_others_use_too_is_given_back() {
    let flow = with_share(50);
    let mut account = Account::new();
    taken(&flow, &mut account, 8);
    flow.give_back(&mut account, 500);
    assert_eq!(taken(&flow, &mut account, 8), 5);
}

/// What is told of a wait is right while the rate lasts.
// RMC-BUDGET-3
#[test]
fn a_wait_is_as_long_as_the_rate_makes_it() {
    let mut flow = with_share(50);
    let mut account = Account::new();
    send(&mut flow, 0, 200, 1_000);
    taken(&flow, &mut account, 8);
    let target = flow.afford(&mut account, 1_000, 8, 0).expect_err("it has taken all");
    // 10 MB/s: an eighth of that for 1,000 bytes, and for 9,000 bytes more.
    let (wait, long) = (flow.wait(target, 0, 8), flow.wait(target, 9_000, 8));
    assert!(wait <= US * 1_000 && wait >= LEAST_WAIT, "{wait:?}");
    assert!((US * 7_000..=US * 8_000).contains(&long), "{long:?}");
    let mut index = 200;
    while flow.afford(&mut account, 10_000, 8, 0).is_err() {
        send(&mut flow, index, 1, 1_000);
        index += 1;
    }
    let waited = US * u32::try_from((index - 199) * 100).expect("small");
    assert!(waited.abs_diff(long) <= US * 200, "{waited:?} {long:?}");
}

// RMC-BUDGET-3
#[test]
fn a_wait_lies_between_1_ms_and_1_s() {
    let mut flow = with_share(50);
    assert_eq!(flow.wait(u128::MAX, 0, 8), Duration::from_millis(1), "no rate was measured yet");
    send(&mut flow, 0, 200, 1_000);
    assert_eq!(flow.wait(u128::MAX, u64::MAX, 8), Duration::from_secs(1));
    assert_eq!(flow.wait(flow.earned() + 1, 0, 8), Duration::from_millis(1));
    assert_eq!(flow.wait(0, 0, 8), Duration::from_millis(1));
}
