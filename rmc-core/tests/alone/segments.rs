//! Several datagrams of one size that leave as one (RMC-SEND-7).

use rmc_core::{Action, Config, Congestion, Event, EventMask, Path};

use crate::lone::{Lone, MS, SECOND, peer};
use crate::packets::nack;

/// What one drain hands out: the length of each datagram, and their numbers.
type Transmitted = Vec<Vec<(usize, u64)>>;

/// The length of one.
const HEARTBEAT: usize = 40;

fn many(config: &mut Config) {
    config.max_segments = 4;
    config.max_burst = 64;
    config.max_datagram = 116;
    config.max_message = 1 << 17;
}

fn queue(lone: &mut Lone, lengths: &[usize]) {
    for &len in lengths {
        lone.node.send(lone.instant(), &vec![7; len]).expect("there is room");
    }
}

fn datagrams(contents: &[u8], segment_size: Option<usize>) -> Vec<(usize, u64)> {
    let size = segment_size.unwrap_or(contents.len());
    let seq = |bytes: &[u8]| u64::from_be_bytes(*bytes[8..].first_chunk().expect("a header"));
    contents.chunks(size).map(|bytes| (bytes.len(), seq(bytes))).collect()
}

/// One drain; `fails` says what becomes of a transmission.
fn drain(lone: &mut Lone, fails: Option<bool>) -> Transmitted {
    let mut transmitted = Vec::new();
    loop {
        match lone.node.poll_action() {
            Action::Transmit(transmit) => {
                transmitted.push(datagrams(transmit.contents, transmit.segment_size));
                if let Some(retry) = fails {
                    let now = lone.instant();
                    lone.node.transmit_failed(now, retry);
                }
            }
            Action::Event(event) => lone.events.push((lone.now, event)),
            Action::ArmTimer(_) => return transmitted,
        }
    }
}

// RMC-SEND-7
#[test]
fn max_segments_as_many_leave_as_one() {
    let mut lone = Lone::new(many);
    queue(&mut lone, &[50; 4]);
    assert_eq!(drain(&mut lone, None), [[(66, 1), (66, 2), (66, 3), (66, 4)]]);
}

// RMC-SEND-7
#[test]
fn max_segments_and_not_one_more() {
    let mut lone = Lone::new(many);
    queue(&mut lone, &[50; 5]);
    assert_eq!(drain(&mut lone, None), [vec![(66, 1), (66, 2), (66, 3), (66, 4)], vec![(66, 5)]]);
}

// RMC-SEND-7
#[test]
fn the_last_may_be_shorter_and_none_longer() {
    let mut lone = Lone::new(many);
    queue(&mut lone, &[50, 50, 49, 50, 51, 51]);
    let expected = [vec![(66, 1), (66, 2), (65, 3)], vec![(66, 4)], vec![(67, 5), (67, 6)]];
    assert_eq!(drain(&mut lone, None), expected);
}

/// RMC-SEND-7: 65,487 bytes is what IPv6 carries; 3 x 21,829.
#[test]
fn segments_of_as_many_bytes_as_a_datagram_may_have_leave_as_one() {
    let mut lone = Lone::new(|config| {
        many(config);
        config.max_datagram = 30_000;
    });
    queue(&mut lone, &[21_829 - 16; 3]);
    assert_eq!(drain(&mut lone, None), [[(21_829, 1), (21_829, 2), (21_829, 3)]]);
}

// RMC-SEND-7
#[test]
fn segments_of_one_byte_more_than_a_datagram_may_have_do_not_leave_as_one() {
    let mut lone = Lone::new(|config| {
        many(config);
        config.max_datagram = 65_000;
    });
    queue(&mut lone, &[65_000 - 16, 488 - 16, 65_000 - 16, 487 - 16]);
    assert_eq!(drain(&mut lone, None), [vec![(65_000, 1)], vec![(488, 2)], vec![(65_000, 3), (487, 4)]]);
}

// RMC-SEND-7, RMC-PACE-1
#[test]
fn a_burst_ends_them() {
    let mut lone = Lone::new(|config| {
        many(config);
        config.max_burst = 6;
    });
    queue(&mut lone, &[50; 9]);
    let lengths = |transmitted: Transmitted| transmitted.iter().map(Vec::len).collect::<Vec<_>>();
    assert_eq!(lengths(drain(&mut lone, None)), [4, 2]);
    lone.node.handle_timeout(lone.instant());
    assert_eq!(lengths(drain(&mut lone, None)), [3]);
}

/// Whether it is set or looked for.
// RMC-SEND-7, RMC-PACE-2, RMC-RATE-1
#[test]
fn the_rate_ends_them() {
    let adaptive = Congestion::Adaptive { floor: 100_000, ceiling: 100_000 };
    for (max_rate, congestion) in [(Some(100_000), Congestion::None), (None, adaptive)] {
        let mut lone = Lone::new(|config| {
            many(config);
            (config.max_rate, config.congestion) = (max_rate, congestion);
            config.rate_burst = 3 * 66 + 65;
        });
        queue(&mut lone, &[50; 5]);
        assert_eq!(drain(&mut lone, None), [[(66, 1), (66, 2), (66, 3)]], "{congestion:?}");
        lone.now += MS;
        lone.node.handle_timeout(lone.instant());
        assert_eq!(drain(&mut lone, None), [[(66, 4), (66, 5)]], "65 and 100 bytes more");
    }
}

// RMC-SEND-7, RMC-SEND-3
#[test]
fn a_hole_comes_between() {
    let mut lone = Lone::new(many);
    queue(&mut lone, &[50; 2]);
    lone.node.send_at(lone.instant(), 5, &[7; 50]).expect("ahead");
    let transmitted = drain(&mut lone, None);
    assert_eq!(transmitted[0], [(66, 1), (66, 2)]);
    assert_eq!((transmitted[1].len(), &transmitted[2]), (1, &vec![(66, 5)]));
}

/// How many datagrams each transmission of data has, first ones and repairs, while `repairs` of them wait.
fn beside_repairs(repairs: u64) -> Vec<usize> {
    let mut lone = Lone::new(|config| {
        many(config);
        config.max_segments = 8;
    });
    queue(&mut lone, &[50; 8]);
    drain(&mut lone, None);
    lone.feed(peer(1), Path::Unicast, &nack(1, &[(1, repairs)]));
    queue(&mut lone, &[50; 5]);
    drain(&mut lone, None).iter().filter(|sent| sent[0].0 == 66).map(Vec::len).collect()
}

// RMC-SEND-7, RMC-REPAIR-10
#[test]
fn while_a_repair_waits_a_quarter_leaves_as_one() {
    assert!(beside_repairs(4).contains(&2));
}

// RMC-SEND-7, RMC-REPAIR-10
#[test]
fn while_a_repair_waits_not_one_more_leaves_as_one() {
    let sent = beside_repairs(8);
    assert_eq!(sent.iter().sum::<usize>(), 13, "{sent:?}");
    assert!(sent.iter().all(|&datagrams| datagrams <= 2), "{sent:?}");
}

/// F19: they come back one by one, and each is counted and told when it has left.
// RMC-SEND-4, RMC-SEND-7
#[test]
fn what_could_not_be_sent_comes_back_datagram_by_datagram() {
    let mut lone = Lone::new(|config| {
        many(config);
        config.events = EventMask::ALL;
        config.heartbeat_times = vec![20 * SECOND];
    });
    queue(&mut lone, &[50, 50, 49]);
    assert_eq!(drain(&mut lone, Some(true)).len(), 1);
    let stats = lone.node.stats().tx;
    assert_eq!((stats.failed, stats.packets, stats.data), (3, 0, 0));
    lone.events.clear();
    lone.now += 10 * MS;
    lone.node.handle_timeout(lone.instant());
    assert_eq!(drain(&mut lone, None), [[(66, 1)], [(66, 2)], [(65, 3)]]);
    let stats = lone.node.stats().tx;
    assert_eq!((stats.packets, stats.data, stats.bytes), (3, 3, 66 + 66 + 65));
    let told = lone.events.iter().filter_map(|(_, event)| match event {
        Event::PacketSent { seq, .. } => Some(*seq),
        _ => None,
    });
    assert_eq!(told.collect::<Vec<_>>(), [1, 2, 3]);
}

// RMC-SEND-4, RMC-SEND-7
#[test]
fn what_is_lost_on_the_way_is_not_sent_again_and_can_be_asked_for() {
    let mut lone = Lone::new(many);
    queue(&mut lone, &[50; 3]);
    assert_eq!(drain(&mut lone, Some(false)).len(), 1);
    assert_eq!(lone.node.stats().tx.failed, 3);
    assert!(drain(&mut lone, None).is_empty());
    assert_eq!(lone.node.stats().held.backlog_packets, 3);
}

/// A driver takes the bytes over without a copy, and gives them back if it fails.
// RMC-SEND-7
#[test]
fn the_bytes_can_be_taken_over_and_given_back() {
    let mut lone = Lone::new(many);
    queue(&mut lone, &[50; 3]);
    let mut buffer = b"of before".to_vec();
    assert!(!lone.node.swap_segments(&mut buffer), "nothing was polled");
    while !matches!(lone.node.poll_action(), Action::Transmit(_)) {}
    assert!(lone.node.swap_segments(&mut buffer));
    assert_eq!(datagrams(&buffer, Some(66)), [(66, 1), (66, 2), (66, 3)]);
    assert!(lone.node.swap_segments(&mut buffer), "given back");
    lone.node.transmit_failed(lone.instant(), true);
    lone.now += 10 * MS;
    lone.node.handle_timeout(lone.instant());
    assert_eq!(drain(&mut lone, None), [[(66, 1)], [(66, 2)], [(66, 3)]]);
    assert!(!lone.node.swap_segments(&mut buffer), "one alone");
}

/// A driver that sends them one by one has failed on the way: what has left does not come back, and is counted (F24).
// RMC-SEND-4, RMC-SEND-7
#[test]
fn seed_fault_f19_what_has_left_of_several_does_not_come_back() {
    for (left, back) in [(0, vec![1, 2, 3]), (1, vec![2, 3]), (2, vec![3]), (3, vec![]), (9, vec![])] {
        let mut lone = Lone::new(many);
        queue(&mut lone, &[50, 50, 40]);
        while !matches!(lone.node.poll_action(), Action::Transmit(_)) {}
        let mut buffer = Vec::new();
        assert!(lone.node.swap_segments(&mut buffer) && lone.node.swap_segments(&mut buffer));
        lone.node.segments_left(left);
        lone.node.transmit_failed(lone.instant(), true);
        assert_eq!(lone.node.stats().tx.failed, back.len() as u64);
        lone.now += 10 * MS;
        lone.node.handle_timeout(lone.instant());
        let expected: Vec<_> = back.into_iter().map(|seq| vec![(if seq == 3 { 56 } else { 66 }, seq)]).collect();
        let mut again = drain(&mut lone, None);
        again.retain(|transmission| transmission[0].0 != HEARTBEAT);
        assert_eq!(again, expected, "{left} have left");
        assert_eq!(lone.node.stats().tx.data, 3);
    }
    let mut lone = Lone::new(many);
    lone.node.segments_left(1);
    queue(&mut lone, &[50]);
    while !matches!(lone.node.poll_action(), Action::Transmit(_)) {}
    lone.node.segments_left(1);
    lone.node.transmit_failed(lone.instant(), false);
    assert_eq!(lone.node.stats().tx.failed, 1, "one alone");
}

/// A driver that learns at run time that its system refuses them.
// RMC-SEND-7
#[test]
fn a_driver_may_end_them_and_the_number_is_brought_into_its_bounds() {
    let mut lone = Lone::new(many);
    lone.node.set_max_segments(0);
    assert_eq!(lone.node.config().max_segments, 1);
    queue(&mut lone, &[50; 2]);
    assert_eq!(drain(&mut lone, None), [[(66, 1)], [(66, 2)]]);
    lone.node.set_max_segments(1_000);
    assert_eq!(lone.node.config().max_segments, 128);
}
