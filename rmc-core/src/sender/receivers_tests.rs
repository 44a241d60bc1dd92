use super::*;

const MS: Duration = Duration::from_millis(1);
const US: Duration = Duration::from_micros(1);

fn at(micros: u64) -> Instant {
    Instant::from_origin(Duration::from_micros(micros))
}

fn adaptive() -> Receivers {
    Receivers::new(RepairMode::Adaptive, 20 * MS)
}

/// So many are known, and all of them have asked often.
fn know(receivers: &mut Receivers, known: u32) {
    receivers.counted(Census { known, twice: known, ..Census::default() });
}

// RMC-REPAIR-14
#[test]
fn a_repair_holds_off_for_one_and_a_half_round_trips_of_the_group() {
    let mut receivers = adaptive();
    receivers.report_rtt(8 * MS, at(0));
    assert_eq!(receivers.hold_off(None).answered, 12 * MS);
    assert_eq!(receivers.hold_off(None).unheard, 8 * MS);
}

// RMC-REPAIR-14
#[test]
fn who_knows_its_own_round_trip_is_held_off_for_that_long() {
    let mut receivers = adaptive();
    assert_eq!(receivers.hold_off(Some(3 * MS)).answered, 3 * MS);
    receivers.report_rtt(8 * MS, at(0));
    assert_eq!(receivers.hold_off(Some(3 * MS)).answered, 3 * MS);
    assert_eq!(receivers.hold_off(Some(3 * MS)).unheard, 8 * MS);
}

// RMC-REPAIR-14
#[test]
fn a_hold_off_lasts_a_millisecond_at_least() {
    let mut receivers = adaptive();
    for (rtt, group, own) in [(100 * US, MS, MS), (800 * US, 1_200 * US, MS), (1_100 * US, 1_650 * US, 1_100 * US)] {
        receivers.report_rtt(rtt, at(0));
        assert_eq!(receivers.hold_off(None).answered, group);
        assert_eq!(receivers.hold_off(Some(rtt)).answered, own);
    }
}

/// Receivers without an estimate do not ask again sooner.
// RMC-REPAIR-14
#[test]
fn while_nothing_is_known_a_hold_off_lasts_as_long_as_nack_resend_time() {
    let hold_off = adaptive().hold_off(None);
    assert_eq!((hold_off.answered, hold_off.unheard), (20 * MS, 20 * MS));
}

// RMC-HB-6
#[test]
fn it_advertises_what_receivers_take_for_granted_until_something_is_known() {
    let mut receivers = adaptive();
    let expected = Advertised { backoff: 10 * MS, group: 0, rtt: Duration::ZERO };
    assert_eq!(receivers.advertised(), expected);
    know(&mut receivers, 8);
    receivers.report_rtt(20 * MS, at(0));
    assert_eq!(receivers.advertised(), Advertised { backoff: 15 * MS, group: 8, rtt: 20 * MS });
}

// RMC-HB-6
#[test]
fn in_unicast_mode_nobody_need_wait() {
    let mut receivers = Receivers::new(RepairMode::Unicast, 20 * MS);
    know(&mut receivers, 8);
    assert_eq!(receivers.advertised(), Advertised { backoff: Duration::ZERO, group: 8, rtt: Duration::ZERO });
    assert_eq!(receivers.tells_at(), None);
}

// RMC-HB-12
#[test]
fn what_changes_by_a_factor_of_two_is_told_at_once() {
    let mut receivers = adaptive();
    receivers.report_rtt(MS, at(0));
    know(&mut receivers, 100);
    receivers.tell(at(0));
    for (known, told) in [(199, false), (200, true), (51, false), (50, true), (0, true)] {
        know(&mut receivers, known);
        assert_eq!(receivers.tells_at().is_some(), told, "{known}");
    }
    know(&mut receivers, 100);
    receivers.asked(5, at(0));
    assert!(receivers.tells_at().is_some(), "the backoff has doubled");
    receivers.tell(at(0));
    assert_eq!(receivers.tells_at(), None);
}

// RMC-HB-12
#[test]
fn it_is_told_once_in_a_round_trip_or_a_millisecond() {
    for (rtt, pause) in [(100 * US, MS), (7 * MS, 7 * MS)] {
        let mut receivers = adaptive();
        receivers.report_rtt(rtt, at(0));
        receivers.tell(at(1_000));
        know(&mut receivers, 1_000);
        assert_eq!(receivers.tells_at(), Some(at(1_000) + pause));
    }
}

// RMC-HB-12
#[test]
fn before_the_first_heartbeat_receivers_take_1000_and_10_ms_for_granted() {
    let mut receivers = adaptive();
    know(&mut receivers, 501);
    assert_eq!(receivers.tells_at(), None);
    know(&mut receivers, 500);
    assert_eq!(receivers.tells_at(), Some(Instant::ORIGIN), "at once");
}

/// Without a backoff it makes no difference how many there are.
// RMC-HB-12
#[test]
fn the_size_of_the_group_is_not_news_while_there_is_no_backoff() {
    let mut receivers = adaptive();
    know(&mut receivers, 1);
    (0..2).for_each(|_| receivers.round_over(1));
    receivers.tell(at(0));
    assert_eq!(receivers.advertised().backoff, Duration::ZERO);
    know(&mut receivers, 0);
    assert!(receivers.tells_at().is_some(), "nobody is known any more: they may be many");
    know(&mut receivers, 1);
    assert_eq!(receivers.tells_at(), None);
    know(&mut receivers, 2);
    assert!(receivers.tells_at().is_some(), "there is a backoff again");
}

// RMC-HB-12
#[test]
fn while_data_flows_everything_is_told_again_each_half_second() {
    let mut receivers = adaptive();
    know(&mut receivers, 3);
    assert!(!receivers.data_left(at(7)), "what holds at first is known to all");
    assert!(!receivers.data_left(at(500_006)));
    assert!(receivers.data_left(at(500_007)));
    receivers.tell(at(600_000));
    assert!(!receivers.data_left(at(1_099_999)));
    assert!(receivers.data_left(at(1_100_000)));
}

// RMC-HB-11
#[test]
fn a_receiver_counts_once_in_four_round_trips_or_20_ms() {
    let mut receivers = adaptive();
    assert_eq!(receivers.counting_interval(), 20 * MS);
    receivers.report_rtt(5 * MS, at(0));
    assert_eq!(receivers.counting_interval(), 20 * MS);
    receivers.report_rtt(6 * MS, at(0));
    assert_eq!(receivers.counting_interval(), 24 * MS);
}
