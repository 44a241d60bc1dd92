//! Every bound of `Config` and every relation between its options: at the limit it works, one past it is exactly that
//! error.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use rmc_core::{Config, ConfigError, Delivery, HeartbeatTimesError, Instant, JoinPolicy, MAX_SEQ, Protocol};

const MS: Duration = Duration::from_millis(1);
const NS: Duration = Duration::from_nanos(1);
const SECOND: Duration = Duration::from_secs(1);
const MIB: usize = 1 << 20;

fn group() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000))
}

fn defaults() -> Config {
    Config::new(group(), 1, 1)
}

/// A configuration in which no relation stands in the way of any single bound.
fn roomy() -> Config {
    let mut config = defaults();
    config.max_message = 1;
    config.backlog_packets = 1;
    config.max_burst = 1;
    config.backlog_bytes = 2;
    config.receive_window_bytes = 2;
    config.send_queue_bytes = 1;
    config.receive_total_bytes = 2;
    config.receive_total_packets = 1 << 30;
    config.nack_timeout = 3_600 * SECOND;
    config.peer_timeout = 86_400 * SECOND;
    config.rate_burst = 65_507;
    config
}

fn check(base: &Config, change: impl FnOnce(&mut Config)) -> Result<(), ConfigError> {
    let mut config = base.clone();
    change(&mut config);
    let verdict = config.validate();
    let made = Protocol::new(config, Instant::ORIGIN).map(|_| ());
    assert_eq!(made, verdict, "Protocol::new and validate are one place");
    verdict
}

/// Values with the numbers that an error tells of them: the lowest and the highest that work, and those a tick past.
struct Bounds<T> {
    within: [(T, u64); 2],
    past: [(T, u64); 2],
}

/// What is within works; what is past is refused with the option, the value, and both bounds.
fn bounds<T: Copy>(option: &'static str, set: fn(&mut Config, T), Bounds { within, past }: Bounds<T>) {
    let base = roomy();
    let [(_, min), (_, max)] = within;
    for (value, told) in within {
        assert_eq!(check(&base, |config| set(config, value)), Ok(()), "{option} at {told}");
    }
    for (value, told) in past {
        let verdict = check(&base, |config| set(config, value));
        let refused = ConfigError::OutOfBounds { option, value: told, min, max };
        assert_eq!(verdict, Err(refused), "{option} past its bound");
    }
}

fn numbers(option: &'static str, set: fn(&mut Config, u64), min: u64, max: u64) {
    let told = |value| (value, value);
    bounds(option, set, Bounds { within: [min, max].map(told), past: [min - 1, max + 1].map(told) });
}

fn counts(option: &'static str, set: fn(&mut Config, usize), min: usize, max: usize) {
    let told = |value| (value, value as u64);
    bounds(option, set, Bounds { within: [min, max].map(told), past: [min - 1, max + 1].map(told) });
}

/// A tick is a nanosecond. An error tells microseconds, and none that look as if they were within.
fn durations(option: &'static str, set: fn(&mut Config, Duration), min: Duration, max: Duration) {
    let micros = |value: Duration| u64::try_from(value.as_micros()).expect("short");
    let within = [min, max].map(|value| (value, micros(value)));
    bounds(option, set, Bounds { within, past: [(min - NS, micros(min) - 1), (max + NS, micros(max) + 1)] });
}

#[test]
fn the_defaults_work_for_both_families() {
    assert_eq!(defaults().validate(), Ok(()));
    let six = Config::new(SocketAddr::from((Ipv6Addr::LOCALHOST, 8000)), 1, 1);
    assert_eq!(six.validate(), Ok(()));
    assert_eq!((defaults().max_datagram, six.max_datagram), (1_472, 1_452));
    assert_eq!((defaults().max_payload(), six.max_payload()), (1_456, 1_436));
}

/// The defaults that the rules name: S05, S08, S10, S20, S21, S22, S26, S28, S29, S35.
#[test]
fn the_defaults_are_those_of_the_rules() {
    let config = defaults();
    assert_eq!(config.max_peers, 16_384);
    assert_eq!((config.receive_window_packets, config.receive_window_bytes), (8_192, 16 * MIB));
    assert_eq!((config.backlog_packets, config.backlog_bytes, config.backlog_age), (8_192, 16 * MIB, None));
    assert_eq!((config.max_burst, config.max_rate, config.max_segments), (10, None, 1));
    assert_eq!(config.max_message, 8 * MIB);
    assert_eq!(config.heartbeat_times, [10, 20, 50, 50, 75, 100, 200, 250, 500].map(Duration::from_millis));
    assert_eq!((config.peer_timeout, config.silent_gap), (30 * SECOND, 500 * MS));
    assert_eq!(config.sequence_limit, 2_000_000_000);
    assert_eq!(config.event_ring, 1_024);
    assert!(!config.announce && !config.silent);
    assert_eq!(config.join_policy, JoinPolicy::Oldest);
    assert_eq!((config.delivery, config.recovery_deadline), (Delivery::Ordered, None));
    assert_eq!((config.max_nack_backoff, config.nack_interval), (SECOND, 2 * MS));
}

#[test]
fn counts_have_both_bounds() {
    counts("max_peers", |config, value| config.max_peers = value, 1, MIB);
    counts("max_message", set_max_message, 1, 1 << 30);
    counts("max_datagram", |config, value| config.max_datagram = value, 64, 65_507);
    counts("receive_window_packets", |config, value| config.receive_window_packets = value, 1, 1 << 30);
    counts("backlog_packets", set_backlog_packets, 1, 1 << 30);
    counts("send_queue_packets", |config, value| config.send_queue_packets = value, 1, 1 << 30);
    counts("max_burst", set_max_burst, 1, 65_536);
    counts("socket_packets", |config, value| config.socket_packets = value, 16, 1 << 30);
    counts("max_segments", |config, value| config.max_segments = value, 1, 128);
    counts("max_nacks", |config, value| config.max_nacks = value, 1, MIB);
    let shares = Bounds { within: [(1, 1), (99, 99)], past: [(0, 0), (100, 100)] };
    bounds("repair_share", |config, value| config.repair_share = value, shares);
    counts("max_repairs_per_nack", |config, value| config.max_repairs_per_nack = value, 1, MIB);
    counts("max_askers", |config, value| config.max_askers = value, 1, MIB);
    counts("event_ring", |config, value| config.event_ring = value, 1, MIB);
}

// These keep the relations, so that the bound alone decides.
fn set_max_message(config: &mut Config, value: usize) {
    config.max_message = value;
    config.send_queue_bytes = 1 << 31;
    config.send_queue_packets = 1 << 30;
    config.backlog_bytes = 1 << 31;
    config.receive_window_bytes = 1 << 31;
    config.receive_total_bytes = 1 << 31;
}

fn set_backlog_packets(config: &mut Config, value: usize) {
    config.backlog_packets = value;
    config.receive_window_packets = 1 << 30;
    config.receive_total_packets = 1 << 30;
}

fn set_max_burst(config: &mut Config, value: usize) {
    config.max_burst = value;
    set_backlog_packets(config, 1 << 20);
}

#[test]
fn max_private_may_be_zero_and_has_an_upper_bound() {
    let base = roomy();
    assert_eq!(check(&base, |config| config.max_private = 0), Ok(()));
    assert_eq!(check(&base, |config| config.max_private = 65_536), Ok(()));
    let refused = ConfigError::OutOfBounds { option: "max_private", value: 65_537, min: 0, max: 65_536 };
    assert_eq!(check(&base, |config| config.max_private = 65_537), Err(refused));
}

#[test]
fn max_rate_and_sequence_limit_have_both_bounds() {
    numbers("max_rate", |config, rate| config.max_rate = Some(rate), 1, 1 << 50);
    numbers("sequence_limit", |config, seq| config.sequence_limit = seq, 1, MAX_SEQ);
}

#[test]
fn durations_have_both_bounds() {
    durations("silent_gap", |config, value| config.silent_gap = value, MS, 3_600 * SECOND);
    durations("nack_resend_time", |config, value| config.nack_resend_time = value, MS, 60 * SECOND);
    durations("nack_timeout", set_nack_timeout, MS, 3_600 * SECOND);
    durations("nack_max_delay", |config, value| config.nack_max_delay = value, MS, 60 * SECOND);
    durations("peer_timeout", set_peer_timeout, 10 * MS, 86_400 * SECOND);
    durations("backlog_age", |config, value| config.backlog_age = Some(value), MS, 86_400 * SECOND);
    durations("recovery_deadline", |config, value| config.recovery_deadline = Some(value), MS, 86_400 * SECOND);
    durations("delivery", |config, value| config.delivery = Delivery::Deadline(value), MS, 86_400 * SECOND);
}

fn set_nack_timeout(config: &mut Config, value: Duration) {
    config.nack_timeout = value;
    config.nack_resend_time = MS;
}

fn set_peer_timeout(config: &mut Config, value: Duration) {
    config.peer_timeout = value;
    config.heartbeat_times = vec![MS];
}

#[test]
fn heartbeat_tolerance_may_be_zero_and_has_an_upper_bound() {
    let base = roomy();
    assert_eq!(check(&base, |config| config.heartbeat_tolerance = Some(Duration::ZERO)), Ok(()));
    assert_eq!(check(&base, |config| config.heartbeat_tolerance = Some(3_600 * SECOND)), Ok(()));
    let (value, max) = (3_600_000_001, 3_600_000_000);
    let refused = ConfigError::OutOfBounds { option: "heartbeat_tolerance", value, min: 0, max };
    assert_eq!(check(&base, |config| config.heartbeat_tolerance = Some(3_600 * SECOND + NS)), Err(refused));
}

#[test]
fn max_nack_backoff_may_be_zero_and_has_an_upper_bound() {
    let base = roomy();
    assert_eq!(check(&base, |config| config.max_nack_backoff = Duration::ZERO), Ok(()));
    assert_eq!(check(&base, |config| config.max_nack_backoff = 10 * SECOND), Ok(()));
    let (value, max) = (10_000_001, 10_000_000);
    let refused = ConfigError::OutOfBounds { option: "max_nack_backoff", value, min: 0, max };
    assert_eq!(check(&base, |config| config.max_nack_backoff = 10 * SECOND + NS), Err(refused));
}

#[test]
fn nack_interval_may_be_zero_and_has_an_upper_bound() {
    let base = roomy();
    assert_eq!(check(&base, |config| config.nack_interval = Duration::ZERO), Ok(()));
    assert_eq!(check(&base, |config| config.nack_interval = SECOND), Ok(()));
    let (value, max) = (1_000_001, 1_000_000);
    let refused = ConfigError::OutOfBounds { option: "nack_interval", value, min: 0, max };
    assert_eq!(check(&base, |config| config.nack_interval = SECOND + NS), Err(refused));
}

/// Only what waits has a bound.
#[test]
fn every_other_mode_of_delivery_works() {
    for delivery in [Delivery::Ordered, Delivery::Unordered, Delivery::Latest] {
        assert_eq!(check(&defaults(), |config| config.delivery = delivery), Ok(()));
    }
}

#[test]
fn the_largest_message_fits_the_send_queue() {
    let base = defaults();
    let limit = 8 * MIB;
    assert_eq!(check(&base, |config| config.send_queue_bytes = limit), Ok(()));
    let refused = ConfigError::MessageAboveSendQueue { max_message: limit, send_queue_bytes: limit - 1 };
    assert_eq!(check(&base, |config| config.send_queue_bytes = limit - 1), Err(refused));
}

#[test]
fn the_fragments_of_the_largest_message_fit_the_send_queue() {
    let base = defaults();
    let fragments = (8 * MIB).div_ceil(1_456);
    assert_eq!(check(&base, |config| config.send_queue_packets = fragments), Ok(()));
    let refused = ConfigError::FragmentsAboveSendQueue { fragments, send_queue_packets: fragments - 1 };
    assert_eq!(check(&base, |config| config.send_queue_packets = fragments - 1), Err(refused));
}

#[test]
fn the_largest_message_is_half_of_the_backlog_at_most() {
    let mut base = defaults();
    base.max_message = 1_000;
    assert_eq!(check(&base, |config| config.backlog_bytes = 2_000), Ok(()));
    let refused = ConfigError::MessageAboveBacklog { max_message: 1_000, backlog_bytes: 1_999 };
    assert_eq!(check(&base, |config| config.backlog_bytes = 1_999), Err(refused));
}

#[test]
fn the_largest_message_fits_the_receive_window() {
    let mut base = defaults();
    base.max_message = 1_000;
    base.backlog_bytes = 2_000;
    assert_eq!(check(&base, |config| config.receive_window_bytes = 2_000), Ok(()));
    // Between a message and a backlog it is the backlog's relation that speaks, below a message the message's.
    let refused = bytes_below_backlog(1_000, 2_000);
    assert_eq!(check(&base, |config| config.receive_window_bytes = 1_000), Err(refused));
    let refused = ConfigError::MessageAboveReceiveWindow { max_message: 1_000, receive_window_bytes: 999 };
    assert_eq!(check(&base, |config| config.receive_window_bytes = 999), Err(refused));
}

fn bytes_below_backlog(window_value: usize, backlog_value: usize) -> ConfigError {
    ConfigError::WindowBelowBacklog {
        window: "receive_window_bytes",
        window_value,
        backlog: "backlog_bytes",
        backlog_value,
    }
}

#[test]
fn the_backlog_holds_a_burst() {
    let base = defaults();
    assert_eq!(check(&base, |config| config.backlog_packets = 10), Ok(()));
    let refused = ConfigError::BacklogBelowBurst { backlog_packets: 9, max_burst: 10 };
    assert_eq!(check(&base, |config| config.backlog_packets = 9), Err(refused));
}

// Rule S21: the receive window is at least as large as the backlog, in packets and in bytes.
#[test]
fn the_receive_window_holds_the_backlog() {
    let base = defaults();
    assert_eq!(check(&base, |config| config.receive_window_packets = 8_192), Ok(()));
    let refused = ConfigError::WindowBelowBacklog {
        window: "receive_window_packets",
        window_value: 8_191,
        backlog: "backlog_packets",
        backlog_value: 8_192,
    };
    assert_eq!(check(&base, |config| config.receive_window_packets = 8_191), Err(refused));
    assert_eq!(check(&base, |config| config.receive_window_bytes = 16 * MIB), Ok(()));
    let refused = bytes_below_backlog(16 * MIB - 1, 16 * MIB);
    assert_eq!(check(&base, |config| config.receive_window_bytes = 16 * MIB - 1), Err(refused));
}

#[test]
fn all_windows_together_hold_one() {
    let base = defaults();
    assert_eq!(check(&base, |config| config.receive_total_packets = 8_192), Ok(()));
    let refused = ConfigError::TotalPacketsBelowWindow { total: 8_191, window: 8_192 };
    assert_eq!(check(&base, |config| config.receive_total_packets = 8_191), Err(refused));
    assert_eq!(check(&base, |config| config.receive_total_bytes = 16 * MIB), Ok(()));
    let refused = ConfigError::TotalBelowWindow { total: 16 * MIB - 1, window: 16 * MIB };
    assert_eq!(check(&base, |config| config.receive_total_bytes = 16 * MIB - 1), Err(refused));
}

#[test]
fn the_token_bucket_holds_a_datagram_if_there_is_a_rate() {
    let mut base = defaults();
    base.rate_burst = 1_471;
    assert_eq!(base.validate(), Ok(()), "without a rate there is no bucket");
    base.max_rate = Some(1);
    assert_eq!(check(&base, |config| config.rate_burst = 1_472), Ok(()));
    let refused = ConfigError::RateBurstBelowDatagram { rate_burst: 1_471, max_datagram: 1_472 };
    assert_eq!(base.validate(), Err(refused));
}

#[test]
fn a_gap_is_asked_for_a_second_time_before_it_counts_as_new() {
    let base = defaults();
    assert_eq!(check(&base, |config| config.nack_timeout = 20 * MS), Ok(()));
    let refused = ConfigError::NackTimeoutBelowResend { nack_timeout: 20 * MS - NS, nack_resend_time: 20 * MS };
    assert_eq!(check(&base, |config| config.nack_timeout = 20 * MS - NS), Err(refused));
}

#[test]
fn a_peer_outlives_its_longest_heartbeat_interval() {
    let base = defaults();
    let interval = 500 * MS;
    assert_eq!(check(&base, |config| config.peer_timeout = interval + NS), Ok(()));
    let refused = ConfigError::TimeoutBelowHeartbeat { peer_timeout: interval, interval };
    assert_eq!(check(&base, |config| config.peer_timeout = interval), Err(refused));
}

// Fault F17: an empty or negative table broke the seed's handler.
#[test]
fn the_heartbeat_table_has_1_to_128_intervals_of_1_ms_to_60_s() {
    let base = roomy();
    let table = |times: Vec<Duration>| check(&base, |config| config.heartbeat_times = times);
    let refused = |error| Err(ConfigError::HeartbeatTimes(error));
    assert_eq!(table(vec![]), refused(HeartbeatTimesError::Count(0)));
    assert_eq!(table(vec![MS; 1]), Ok(()));
    assert_eq!(table(vec![MS; 128]), Ok(()));
    assert_eq!(table(vec![MS; 129]), refused(HeartbeatTimesError::Count(129)));
    assert_eq!(table(vec![60 * SECOND]), Ok(()));
    let wrong = |index, interval| refused(HeartbeatTimesError::Interval { index, interval });
    assert_eq!(table(vec![MS, MS - NS]), wrong(1, MS - NS));
    assert_eq!(table(vec![MS, MS, 60 * SECOND + NS]), wrong(2, 60 * SECOND + NS));
}

/// 16 bytes of header, one for the count, four for each interval.
#[test]
fn the_heartbeat_table_fits_a_datagram() {
    let mut base = defaults();
    base.max_message = 1_000;
    base.heartbeat_times = vec![MS; 12];
    assert_eq!(check(&base, |config| config.max_datagram = 65), Ok(()));
    let refused = HeartbeatTimesError::AboveDatagram { count: 12, max_datagram: 64 };
    assert_eq!(check(&base, |config| config.max_datagram = 64), Err(ConfigError::HeartbeatTimes(refused)));
}

#[test]
fn sixteen_local_addresses_are_the_most() {
    let base = defaults();
    let addresses = |count: u16| -> Vec<SocketAddr> {
        (0..count).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, 1 + port))).collect()
    };
    assert_eq!(check(&base, |config| config.local_addrs = addresses(16)), Ok(()));
    let refused = Err(ConfigError::TooManyLocalAddresses(17));
    assert_eq!(check(&base, |config| config.local_addrs = addresses(17)), refused);
    let mut node = Protocol::new(base, Instant::ORIGIN).expect("the defaults work");
    assert_eq!(node.set_local_addr(&addresses(16)), Ok(()));
    assert_eq!(node.set_local_addr(&addresses(17)), refused);
    assert_eq!(node.config().local_addrs, addresses(16), "what is refused changes nothing");
}

#[test]
fn the_group_has_a_port() {
    let mut base = defaults();
    base.group.set_port(1);
    assert_eq!(base.validate(), Ok(()));
    base.group.set_port(0);
    assert_eq!(base.validate(), Err(ConfigError::GroupWithoutPort(base.group)));
}

/// An error names the options as `Config` does, and says which way to change them.
#[test]
fn errors_say_what_to_change() {
    says(|config| config.send_queue_bytes = 1, ["send_queue_bytes (1)", "raise", "lower max_message"]);
    says(|config| config.send_queue_packets = 1, ["send_queue_packets (1)", "raise", "lower max_message"]);
    says(|config| config.backlog_bytes = 1, ["max_message (8388608)", "raise backlog_bytes", "lower max_message"]);
    says(|config| config.receive_window_bytes = 1, ["receive_window_bytes (1)", "raise", "lower max_message"]);
    says(|config| config.backlog_packets = 9, ["backlog_packets (9)", "max_burst (10)", "raise the backlog"]);
    says(|config| config.receive_window_packets = 1, ["receive_window_packets (1)", "raise", "lower the backlog"]);
    says(|config| config.receive_total_bytes = 1, ["receive_total_bytes (1)", "raise the total", "lower the window"]);
    says(|config| config.nack_timeout = MS, ["nack_timeout (1ms)", "nack_resend_time (20ms)", "raise nack_timeout"]);
    says(|config| config.peer_timeout = 10 * MS, ["peer_timeout (10ms)", "raise peer_timeout", "heartbeat_times"]);
    says(|config| config.heartbeat_times.clear(), ["heartbeat table", "1 to 128", "not 0"]);
    says(|config| config.max_peers = 0, ["max_peers is 0", "from 1", "to 1048576"]);
    says(|config| config.group.set_port(0), ["239.255.77.1:0", "port 0", "name the port"]);
    says(|config| config.local_addrs = vec![group(); 17], ["17", "at most 16", "name only"]);
    says(
        |config| (config.max_rate, config.rate_burst) = (Some(1), 1),
        ["rate_burst (1)", "max_datagram (1472)", "raise the burst"],
    );
}

fn says(change: fn(&mut Config), parts: [&str; 3]) {
    let message = check(&defaults(), change).expect_err("this breaks a rule").to_string();
    for part in parts {
        assert!(message.contains(part), "{message:?} does not say {part:?}");
    }
}
