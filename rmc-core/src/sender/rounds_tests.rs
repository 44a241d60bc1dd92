use alloc::vec::Vec;

use super::*;

const MS: Duration = Duration::from_millis(1);
const HOLD_OFF: HoldOff = HoldOff { answered: MS.saturating_mul(6), unheard: MS.saturating_mul(4) };

fn at(micros: u64) -> Instant {
    Instant::from_origin(Duration::from_micros(micros))
}

fn asker(place: u32) -> AskerId {
    AskerId { place, generation: 0 }
}

/// Rounds, and how many NACKs those had that are over and led.
struct Table {
    rounds: Rounds,
    over: Vec<u16>,
    /// How many numbers were played.
    played: u64,
}

impl Table {
    fn new() -> Self {
        Self { rounds: Rounds::new(1), over: Vec::new(), played: 0 }
    }

    fn name(&mut self, seq: u64, place: u32, now: Instant) -> Named {
        self.verdict(seq, place, now).named
    }

    fn verdict(&mut self, seq: u64, place: u32, now: Instant) -> Verdict {
        let over = &mut self.over;
        self.rounds.name(seq, asker(place), true, HOLD_OFF, now, &mut |nacks| over.push(nacks))
    }

    fn sweep(&mut self, looks: usize, oldest: u64, now: Instant) {
        let over = &mut self.over;
        self.rounds.sweep(looks, oldest, HOLD_OFF.answered, now, &mut |nacks| over.push(nacks));
    }

    /// Rounds of one number each with so many NACKs, all over.
    fn play(&mut self, nacks: &[u32]) {
        for &nacks in nacks {
            self.played += 1;
            let seq = 1_000 + self.played;
            for place in 0..nacks {
                self.name(seq, place, at(0));
            }
            self.rounds.leave(seq, true, at(0));
        }
        self.sweep(usize::MAX, 0, at(10_000));
    }
}

// RMC-REPAIR-13
#[test]
fn a_second_asker_joins_while_the_repair_waits() {
    let mut table = Table::new();
    assert_eq!(table.name(5, 1, at(0)), Named::First);
    assert_eq!(table.name(5, 1, at(0)), Named::Again);
    assert_eq!(table.name(5, 2, at(0)), Named::Joined(asker(1)));
    assert_eq!(table.name(5, 1, at(0)), Named::ByMany);
    assert_eq!(table.name(6, 2, at(0)), Named::First, "each number has a round of its own");
}

/// Who is given another one's place is another one.
#[test]
fn an_asker_is_known_by_its_place_and_generation() {
    let mut table = Table::new();
    table.name(5, 1, at(0));
    let next = AskerId { place: 1, generation: 1 };
    let verdict = table.rounds.name(5, next, false, HOLD_OFF, at(0), &mut |_| {});
    assert_eq!(verdict.named, Named::Joined(asker(1)));
}

// RMC-REPAIR-14
#[test]
fn a_repair_to_all_holds_off_everybody() {
    for (place, held_off) in [(1, Named::Answered), (2, Named::Shared(asker(1)))] {
        let mut table = Table::new();
        table.name(5, 1, at(0));
        table.rounds.leave(5, true, at(100));
        assert_eq!(table.name(5, place, at(6_099)), held_off);
        assert_eq!(table.name(5, place, at(6_100)), Named::First);
        assert_eq!(table.name(5, 3, at(6_100)), Named::Joined(asker(place)), "a new round");
    }
}

// RMC-REPAIR-14
#[test]
fn a_repair_to_one_holds_that_one_off() {
    let mut table = Table::new();
    table.name(5, 1, at(0));
    table.rounds.leave(5, false, at(100));
    assert_eq!(table.name(5, 1, at(6_099)), Named::Answered);
    assert_eq!(table.name(5, 1, at(6_100)), Named::First, "it was lost");
}

// RMC-REPAIR-14
#[test]
fn another_asker_within_the_hold_off_of_a_repair_to_one_makes_one_for_all() {
    for (when, named) in [(100, Named::ByMany), (6_099, Named::ByMany), (6_100, Named::First)] {
        let mut table = Table::new();
        table.name(5, 1, at(0));
        table.rounds.leave(5, false, at(100));
        assert_eq!(table.name(5, 2, at(when)), named, "{when}");
        let next = if named == Named::First { Named::Joined(asker(2)) } else { Named::ByMany };
        assert_eq!(table.name(5, 1, at(when)), next, "it waits to leave again");
    }
}

/// The first other one that would have asked for a repair to all is told of, as it is of use to that one too.
// RMC-BUDGET-1
#[test]
fn who_paid_for_a_repair_that_others_use_is_told_once() {
    let mut table = Table::new();
    table.name(5, 1, at(0));
    table.rounds.leave(5, true, at(0));
    assert_eq!(table.name(5, 1, at(1)), Named::Answered);
    assert_eq!(table.name(5, 2, at(1)), Named::Shared(asker(1)));
    assert_eq!(table.name(5, 3, at(1)), Named::Answered);
}

/// A round trip that has grown would bring the same repair again and again.
// RMC-REPAIR-15
#[test]
fn from_the_fourth_further_round_on_the_hold_off_doubles() {
    let mut table = Table::new();
    table.name(5, 1, at(0));
    let mut now = 0;
    for (round, factor) in [1, 1, 1, 1, 2, 4, 8, 16, 32, 64, 64, 64].into_iter().enumerate() {
        table.rounds.leave(5, true, at(now));
        now += 6_000 * factor;
        assert_eq!(table.name(5, 1, at(now - 1)), Named::Answered, "{round}");
        assert_eq!(table.name(5, 1, at(now)), Named::First, "{round}");
    }
}

/// A number that nobody has asked for since four times its hold-off begins afresh.
// RMC-REPAIR-15
#[test]
fn rounds_are_remembered_for_a_while() {
    for (when, repeated) in [(24_000 - 1, true), (24_000, false)] {
        let mut table = Table::new();
        table.name(5, 1, at(0));
        table.rounds.leave(5, true, at(0));
        table.sweep(usize::MAX, 0, at(when));
        assert_eq!(table.over, [1], "it is over all the same");
        let verdict = table.verdict(5, 1, at(when));
        assert_eq!((verdict.named, verdict.repeated), (Named::First, repeated), "{when}");
        assert_eq!(table.over, [1], "which is told once");
    }
}

// RMC-REPAIR-17
#[test]
fn a_repair_after_one_that_was_lost_is_followed_by_another_one() {
    let mut table = Table::new();
    table.name(5, 1, at(0));
    assert!(!table.rounds.is_followed(5));
    table.rounds.leave(5, false, at(0));
    table.name(5, 1, at(6_000));
    assert!(table.rounds.is_followed(5));
    assert!(!table.rounds.is_followed(5), "and not more often");
    assert!(!table.rounds.is_followed(6), "what was not asked for");
}

/// Between its copies the repair still waits, however long: a second asker gets it with the first one.
// RMC-REPAIR-13, RMC-REPAIR-17
#[test]
fn a_second_asker_joins_while_the_second_copy_waits() {
    for when in [6_000, 11_999, 12_000] {
        let mut table = further_round();
        assert!(table.rounds.is_followed(5));
        assert_eq!(table.name(5, 1, at(when)), Named::Again, "{when}");
        assert_eq!(table.name(5, 2, at(when)), Named::Joined(asker(1)), "{when}");
    }
}

// RMC-REPAIR-14, RMC-REPAIR-17
#[test]
fn a_repair_holds_off_from_its_second_copy_on() {
    let mut table = further_round();
    assert!(table.rounds.is_followed(5));
    table.rounds.leave(5, false, at(7_000));
    assert_eq!(table.name(5, 1, at(12_999)), Named::Answered);
    assert_eq!(table.name(5, 1, at(13_000)), Named::First);
}

/// One has asked for 5, lost the repair, and asks again.
fn further_round() -> Table {
    let mut table = Table::new();
    table.name(5, 1, at(0));
    table.rounds.leave(5, false, at(0));
    assert_eq!(table.name(5, 1, at(6_000)), Named::First);
    table
}

// RMC-HB-10
#[test]
fn nacks_count_until_the_repair_could_be_heard() {
    let mut table = Table::new();
    let unheard = |table: &mut Table, place, now| table.verdict(5, place, at(now)).unheard;
    assert_eq!(unheard(&mut table, 1, 0), 1);
    assert_eq!(unheard(&mut table, 1, 0), 1, "one that repeats itself is no second one");
    assert_eq!(unheard(&mut table, 2, 0), 2);
    assert_eq!(unheard(&mut table, 2, 0), 3);
    table.rounds.leave(5, true, at(0));
    assert_eq!(unheard(&mut table, 3, 3_999), 4);
    assert_eq!(unheard(&mut table, 4, 4_000), 0);
    assert_eq!(unheard(&mut table, 4, 6_000), 1, "a new round");
}

// RMC-REPAIR-13
#[test]
fn above_one_and_a_half_nacks_in_the_mean_they_are_crowded() {
    // From 1 on: 1 + 4 / 8 is 1.5 exactly, and not above.
    for (rounds, crowded) in [(&[5][..], false), (&[6], true), (&[5, 1], false), (&[5, 2], true)] {
        let mut table = Table::new();
        assert!(!table.rounds.are_crowded());
        table.play(rounds);
        assert_eq!(table.rounds.are_crowded(), crowded, "{rounds:?}");
    }
}

/// All strangers have one place, and each of their NACKs may be another one's.
// RMC-HB-10
#[test]
fn strangers_are_many() {
    let mut table = Table::new();
    let unheard = |table: &mut Table| table.verdict(5, STRANGERS, at(0)).unheard;
    assert_eq!([unheard(&mut table), unheard(&mut table), unheard(&mut table)], [1, 2, 3]);
}

#[test]
fn the_mean_comes_down_again() {
    let mut table = Table::new();
    table.play(&[40; 20]);
    assert!(table.rounds.are_crowded());
    table.play(&[1; 40]);
    assert!(!table.rounds.are_crowded());
}

/// A round ends when its hold-off is over, or when its number leaves the backlog; else it stays.
// RMC-REPAIR-15
#[test]
fn a_sweep_ends_what_is_over() {
    let mut table = Table::new();
    for seq in 1..=4 {
        table.name(seq, 1, at(0));
    }
    table.rounds.leave(2, true, at(0));
    table.rounds.leave(3, true, at(1));
    table.sweep(usize::MAX, 2, at(6_000));
    assert_eq!(table.over, [1, 1], "1 is gone, 2 is over");
    assert_eq!(table.name(1, 1, at(6_000)), Named::First);
    assert_eq!(table.name(2, 1, at(6_000)), Named::First);
    assert_eq!(table.name(3, 1, at(6_000)), Named::Answered);
    assert_eq!(table.name(4, 1, at(6_000)), Named::Again);
}

/// What is still open goes to the end, so that a few looks at a time reach everything.
#[test]
fn a_sweep_has_a_bound_and_gets_round() {
    let mut table = Table::new();
    for seq in 1..=10 {
        table.name(seq, 1, at(0));
        if seq > 5 {
            table.rounds.leave(seq, true, at(0));
        }
    }
    for (looks, over) in [(5, 0), (3, 3), (2, 5), (5, 5), (5, 5)] {
        table.sweep(looks, 0, at(6_000));
        assert_eq!(table.over.len(), over);
    }
    assert_eq!(table.rounds.open.len(), 10);
    table.sweep(10, 0, at(24_000));
    assert_eq!((table.over.len(), table.rounds.open.len()), (5, 5), "forgotten");
}

/// Only those that lead tell how many asked: one NACK for a burst of twenty counts once.
// RMC-HB-10
#[test]
fn only_the_first_of_a_nack_s_numbers_is_told() {
    let mut table = Table::new();
    for seq in 1..=20 {
        table.rounds.name(seq, asker(1), seq == 1, HOLD_OFF, at(0), &mut |_| {});
        table.rounds.leave(seq, true, at(0));
    }
    table.sweep(usize::MAX, 0, at(6_000));
    assert_eq!(table.over, [1]);
}

/// However long nobody ends anything: what a NACK opens, its sweeps end twice over.
// RMC-SEC-1
#[test]
fn open_rounds_are_bounded_by_the_backlog() {
    let mut table = Table::new();
    for seq in 1..10_000_u64 {
        table.name(seq, 1, at(0));
        // A backlog of 100 packets, and no repair ever leaves.
        table.sweep(2, seq.saturating_sub(100), at(0));
        assert!(table.rounds.open.len() <= 202, "{}", table.rounds.open.len());
        assert_eq!(table.rounds.lookup.len(), table.rounds.open.len());
    }
}
