use alloc::vec::Vec;

use super::*;
use crate::packet::{Flags, HEADER_LEN, RangesBuilder};
use crate::shared::Shared;

const MS: Duration = Duration::from_millis(1);
/// Bytes of each datagram.
const LEN: usize = HEADER_LEN + 100;

/// The group's stream of a sender, as far as it decides about repairs.
struct Desk {
    shared: Shared,
    log: Log,
    repairs: Repairs,
    receivers: Receivers,
    flow: Flow,
}

impl Desk {
    fn new(kind: Stream, change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(SocketAddr::from(([239, 255, 77, 1], 8_000)), 1, 1);
        change(&mut config);
        let shared = Shared::new(config, Instant::ORIGIN);
        Self {
            log: Log::new(0),
            repairs: Repairs::new(kind, 1),
            receivers: Receivers::new(shared.config.repair_mode, 20 * MS),
            flow: Flow::new(&shared.config),
            shared,
        }
    }

    fn send(&mut self, seq: u64) {
        self.log.push(seq, Flags::FIRST | Flags::LAST, &[0; LEN - HEADER_LEN], &mut self.shared);
        self.log.move_to_backlog(&mut self.shared);
        self.flow.data_left(LEN, false, self.shared.now);
    }

    fn ask(&mut self, host: u8, proven: bool, first: u64, last: u64) -> Served {
        self.ask_within(host, proven, first, last, &mut 0)
    }

    fn ask_within(&mut self, host: u8, proven: bool, first: u64, last: u64, allowance: &mut u32) -> Served {
        let mut ranges = RangesBuilder::new(first);
        assert!(ranges.push(SeqRange::new(first, last).expect("ascending")));
        let rtt = proven.then_some(MS);
        let nack = Nack { from: address(host), stamp: 7, rtt, proven, seq: first, ranges: ranges.as_ranges() };
        self.repairs.ask(
            &nack,
            &mut Serving {
                log: &self.log,
                config: &self.shared.config,
                flow: &self.flow,
                receivers: &mut self.receivers,
                allowance,
                now: self.shared.now,
            },
        )
    }

    /// What leaves next: to whom, and which number; of what is gone the last one.
    fn next(&mut self) -> Option<(Option<u8>, u64)> {
        let Self { shared, log, repairs, flow, .. } = self;
        let mode = shared.config.repair_mode;
        let terms = Terms { log, flow, receivers: 100, mode, data_waits: false, now: shared.now };
        repairs.release(flow, shared.now);
        let answer = repairs.next_repair(terms)?;
        let seq = match answer.what {
            Owed::Packet(at) => log.get(at).expect("it is there").seq,
            Owed::Lost(range) => range.last(),
            Owed::Reset | Owed::Wait(..) => panic!("these are no repairs"),
        };
        Some((answer.to.map(host), seq))
    }

    fn all(&mut self) -> Vec<(Option<u8>, u64)> {
        core::iter::from_fn(|| self.next()).collect()
    }

    /// Whom is said to wait, and for how long.
    fn waits(&mut self) -> Vec<(u8, Duration)> {
        let answers = core::iter::from_fn(|| self.repairs.next_answer(&self.log, self.shared.now));
        let wait = |answer: Answer| match answer.what {
            Owed::Wait(_, delay) => Some((host(answer.to?), delay)),
            _ => None,
        };
        answers.filter_map(wait).collect()
    }

    fn pass(&mut self, time: Duration) {
        self.shared.now = self.shared.now + time;
    }
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, host], 5_000))
}

fn host(address: SocketAddr) -> u8 {
    (1..=u8::MAX).find(|&host| address == self::address(host)).expect("a host of these tests")
}

/// A group's stream that has sent numbers 1 to `count`; data flows no more.
fn sent(count: u64, change: impl FnOnce(&mut Config)) -> Desk {
    let mut desk = Desk::new(Stream::Group, change);
    (1..=count).for_each(|seq| desk.send(seq));
    desk.pass(MS * 20);
    desk
}

// RMC-REPAIR-13
#[test]
fn what_one_asks_for_goes_to_that_one_and_what_two_ask_for_to_all_once() {
    let mut desk = sent(10, |_| {});
    desk.ask(1, true, 1, 3);
    desk.ask(2, true, 3, 5);
    let mut left = desk.all();
    left.sort_unstable();
    assert_eq!(left, [(None, 3), (Some(1), 1), (Some(1), 2), (Some(2), 4), (Some(2), 5)]);
}

// RMC-REPAIR-13
#[test]
fn what_is_owed_to_all_has_every_other_turn() {
    let mut desk = sent(10, |_| {});
    desk.ask(1, true, 1, 6);
    desk.ask(2, true, 4, 6);
    desk.ask(3, true, 7, 8);
    let left = desk.all();
    assert_eq!(left.len(), 8);
    let to_all: Vec<bool> = left.iter().map(|(to, _)| to.is_none()).collect();
    assert_eq!(to_all, [false, true, false, true, false, true, false, false], "{left:?}");
}

// RMC-PROOF-2
#[test]
fn what_strangers_ask_for_goes_to_all() {
    for mode in [RepairMode::Unicast, RepairMode::Multicast, RepairMode::Adaptive] {
        let mut desk = sent(10, |config| config.repair_mode = mode);
        desk.ask(1, false, 1, 2);
        assert_eq!(desk.all(), [(None, 1), (None, 2)], "{mode:?}");
    }
}

// RMC-REPAIR-14
#[test]
fn a_repair_for_another_one_alone_holds_off_no_stranger() {
    let mut desk = sent(1, |config| config.repair_mode = RepairMode::Unicast);
    desk.ask(1, false, 1, 1);
    assert_eq!(desk.all(), [(None, 1)]);
    desk.pass(15 * MS);
    desk.ask(2, true, 1, 1);
    assert_eq!(desk.all(), [(Some(2), 1)]);
    // So long the repair to all has held off.
    desk.pass(5 * MS);
    desk.ask(3, false, 1, 1);
    assert_eq!(desk.all(), [(None, 1)]);
}

/// A hole of a million numbers costs what a hole of one does.
// RMC-REPAIR-5, RMC-SEC-1
#[test]
fn a_hole_opens_no_rounds() {
    for (proven, to) in [(true, Some(1)), (false, None)] {
        let mut desk = sent(1, |_| {});
        desk.send(1_000_000);
        desk.pass(MS * 20);
        desk.ask(1, proven, 2, 999_999);
        assert_eq!(desk.all(), [(to, 999_999)]);
        assert_eq!(desk.repairs.rounds.len(), 0);
    }
}

/// What no set has room for is owed when it is asked for again.
// RMC-SEC-1
#[test]
fn what_did_not_fit_is_asked_for_again() {
    let mut desk = sent(200, |_| {});
    for seq in (1..=200).step_by(2) {
        desk.ask(1, true, seq, seq);
    }
    assert_eq!(desk.all().len(), 64);
    for seq in (1..=200).step_by(2) {
        desk.ask(1, true, seq, seq);
    }
    assert_eq!(desk.all().len(), 36, "the others were answered just now");
}

// RMC-SEC-1
#[test]
fn all_are_owed_1024_ranges_and_not_one_more() {
    for (count, owed) in [(1_024, 1_024), (1_025, 1_024)] {
        let mut desk = sent(2 * count, |_| {});
        for host in 1..=2 {
            for seq in (1..=2 * count).step_by(2) {
                desk.ask(host, true, seq, seq);
            }
        }
        let left = desk.all();
        let to_all = left.iter().filter(|(to, _)| to.is_none()).count() as u64;
        assert_eq!(to_all, owed, "{count}");
    }
}

/// 20 numbers more than may be saved up, while data flows.
fn greedy() -> (Desk, u64) {
    let burst = (32 << 10) / LEN as u64;
    let mut desk = Desk::new(Stream::Group, |config| config.max_repairs_per_nack = 10_000);
    (1..=burst + 20).for_each(|seq| desk.send(seq));
    desk.ask(1, true, 1, burst + 20);
    (desk, burst)
}

// RMC-BUDGET-1, RMC-BUDGET-3
#[test]
fn who_has_taken_its_part_waits_and_others_do_not() {
    let (mut desk, burst) = greedy();
    assert_eq!(desk.all().len() as u64, burst);
    assert!(!desk.repairs.has_repairs());
    desk.ask(2, true, 5, 6);
    assert_eq!(desk.all(), [(None, 5), (None, 6)], "the second one to ask within the hold-off");
    desk.ask(3, true, burst + 20, burst + 20);
    assert_eq!(desk.all(), [(None, burst + 20)], "what two ask for is paid for by none");
    // An eighth of what is sent.
    (0..8).for_each(|more| desk.send(1_000 + more));
    assert_eq!(desk.all(), [(Some(1), burst + 1)]);
    desk.pass(MS * 20);
    assert_eq!(desk.all().len(), 18, "no data flows any more");
}

// RMC-BUDGET-3
#[test]
fn it_is_told_once_while_it_waits() {
    let (mut desk, _) = greedy();
    desk.all();
    let told = desk.waits();
    assert_eq!(told.len(), 1, "{told:?}");
    let (host, delay) = told[0];
    assert_eq!(host, 1);
    desk.ask(1, true, 3, 3);
    assert_eq!(desk.waits(), []);
    desk.pass(delay);
    desk.ask(1, true, 3, 3);
    assert_eq!(desk.waits().len(), 1);
}

// RMC-BUDGET-4
#[test]
fn all_strangers_together_are_one_asker() {
    let mut desk = Desk::new(Stream::Group, |_| {});
    (1..=2_000).for_each(|seq| desk.send(seq));
    for host in 1..=200 {
        let first = u64::from(host) * 10 - 9;
        desk.ask(host, false, first, first + 9);
    }
    // A quarter of the backlog.
    let left = desk.all().len();
    assert!((495..=505).contains(&left), "{left}");
    assert!(desk.repairs.strangers_wait());
    assert_eq!(desk.waits(), [], "there is nobody to tell");
    desk.ask(7, true, 1_001, 1_010);
    let left = desk.all();
    assert_eq!(left, (1_001..=1_010).map(|seq| (None, seq)).collect::<Vec<_>>(), "one that has proven itself");
}

/// Each number leaves again when it is asked for a round trip later, then twice, but only to one alone that loses many.
// RMC-REPAIR-17
#[test]
fn repairs_after_ones_that_were_lost_go_twice_to_one_alone() {
    for (mode, to, last, rounds) in [
        (RepairMode::Adaptive, Some(1), 7, [1, 2, 2]),
        (RepairMode::Adaptive, Some(1), 6, [1, 1, 2]),
        (RepairMode::Multicast, None, 7, [1, 1, 1]),
    ] {
        let mut desk = sent(10, |config| config.repair_mode = mode);
        for copies in rounds {
            desk.ask(1, true, 1, last);
            let mut left = desk.all();
            left.sort_unstable();
            let each = (1..=last).flat_map(|seq| core::iter::repeat_n((to, seq), copies));
            assert_eq!(left, each.collect::<Vec<_>>());
            desk.pass(MS);
        }
    }
}

/// Also where that copy has waited for longer than its repair would have held off.
// RMC-REPAIR-7, RMC-REPAIR-13, RMC-REPAIR-17
#[test]
fn who_asks_before_the_second_copy_has_left_gets_it_with_the_first_one() {
    for wait in [Duration::ZERO, 2 * MS] {
        let mut desk = sent(10, |_| {});
        desk.ask(1, true, 1, 7);
        assert_eq!(desk.all().len(), 7);
        desk.pass(MS);
        desk.ask(1, true, 1, 7);
        assert_eq!(desk.next(), Some((Some(1), 1)), "the first copy");
        desk.pass(wait);
        desk.ask(2, true, 1, 1);
        let left = desk.all();
        let of_it: Vec<_> = left.iter().filter(|(_, seq)| *seq == 1).collect();
        assert_eq!(of_it, [&(None, 1)], "{wait:?}");
        assert_eq!(left.len(), 1 + 2 * 6, "{wait:?}: the others go twice to the first one");
        desk.ask(2, true, 1, 1);
        assert_eq!(desk.all(), [], "{wait:?}: it holds off");
    }
}

/// To the byte.
// RMC-PROOF-3
#[test]
fn a_private_stream_s_repairs_keep_to_what_may_be_sent() {
    for (allowance, count) in [(LEN - 1, 0), (LEN, 1), (3 * LEN - 1, 2), (3 * LEN, 3), (1_000_000, 10)] {
        let mut desk = Desk::new(Stream::Private, |_| {});
        (1..=10).for_each(|seq| desk.send(seq));
        let mut left = u32::try_from(allowance).expect("small");
        let served = desk.ask_within(1, false, 1, 10, &mut left);
        assert_eq!((desk.all().len(), served.withheld), (count, count < 10), "{allowance}");
        assert_eq!(left as usize, allowance - count * LEN);
        desk.ask_within(1, true, 1, 10, &mut 0);
        assert_eq!(desk.all().len(), 10, "who has proven itself gets everything");
    }
}
