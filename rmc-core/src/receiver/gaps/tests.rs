//! The tree against a plain sorted list.

use alloc::vec::Vec;

use super::*;
use crate::rng::Rng;

const NOW: Instant = Instant::from_nanos(500);

/// How long nothing is taken for lost, and the times around which gaps are seen then.
const GRACE: Duration = Duration::from_nanos(100);

fn at(nanos: u64) -> Instant {
    Instant::from_nanos(nanos)
}

fn armed(due: u64) -> GapState {
    asked(due, 1)
}

fn asked(due: u64, attempts: u32) -> GapState {
    GapState::Armed(Asking { due: at(due), attempts, asked: None })
}

fn all(gaps: &Gaps) -> Vec<Gap> {
    let mut list = Vec::new();
    let mut from = 0;
    while let Some(gap) = gaps.find_from(from) {
        from = gap.range.last() + 1;
        list.push(gap);
    }
    list
}

fn due_of(gap: &Gap) -> Option<Instant> {
    match gap.state {
        GapState::Armed(asking) => Some(asking.due),
        GapState::Waiting | GapState::Gone(_) => None,
    }
}

/// RMC-NACK-5
fn is_askable(gap: &Gap) -> bool {
    let GapState::Armed(asking) = gap.state else { return false };
    asking.due <= NOW || (asking.attempts == 0 && gap.seen + GRACE <= NOW)
}

/// RMC-NACK: at most `max_armed` are asked for, and those are the lowest.
fn check(gaps: &Gaps, model: &[Gap]) {
    let list = all(gaps);
    assert_eq!(gaps.len(), model.len());
    assert_eq!(
        list.iter().map(|gap| gap.range).collect::<Vec<_>>(),
        model.iter().map(|gap| gap.range).collect::<Vec<_>>()
    );
    assert!(list.iter().map(|gap| gap.seen).eq(model.iter().map(|gap| gap.seen)));
    assert_eq!(gaps.first(), list.first().copied());
    assert_eq!(gaps.last(), list.last().copied());
    assert_eq!(gaps.earliest(), list.iter().filter_map(due_of).min());
    assert_eq!(gaps.armed, list.iter().filter(|gap| due_of(gap).is_some()).count());
    assert!(gaps.armed <= gaps.max_armed);
    for from in [0, 300, 900] {
        let lowest = list.iter().find(|gap| gap.range.first() >= from && due_of(gap).is_some_and(|due| due <= NOW));
        assert_eq!(gaps.due(NOW, from), lowest.copied());
        let lowest = list.iter().find(|gap| gap.range.first() >= from && is_askable(gap));
        assert_eq!(gaps.askable(NOW, GRACE, from), lowest.copied());
    }
    let waiting = list.iter().filter(|gap| gap.state == GapState::Waiting).count();
    assert!(waiting == 0 || gaps.armed == gaps.max_armed, "a gap waits although there is room");
}

#[test]
fn it_behaves_as_a_sorted_list_does() {
    for seed in 0..20 {
        let mut rng = Rng::new(seed);
        let mut gaps = Gaps::new(if seed % 2 == 0 { 1_000 } else { 5 });
        let mut model: Vec<Gap> = Vec::new();
        for _ in 0..1_000 {
            let seq = rng.next_u64() % 1_000;
            if rng.next_u64().is_multiple_of(50) {
                gaps.see_anew(at(450));
                model.iter_mut().for_each(|gap| gap.seen = at(450));
            }
            let place = model.partition_point(|gap| gap.range.last() < seq);
            let hit = model.get(place).copied().filter(|gap| gap.range.contains(seq));
            assert_eq!(gaps.find(seq).map(|gap| gap.range), hit.map(|gap| gap.range), "seed {seed}");
            match (hit, rng.next_u64() % 4) {
                (None, _) => {
                    let above = model.get(place).map_or(1_000, |gap| gap.range.first());
                    let last = seq + rng.next_u64() % (above - seq).min(20);
                    let gap = Gap {
                        seen: at(rng.next_u64() % 500),
                        range: SeqRange::new(seq, last).expect("not empty"),
                        state: asked(rng.next_u64() % 1_000, u32::from(rng.next_u64().is_multiple_of(2))),
                    };
                    gaps.insert(gap, NOW);
                    model.insert(place, gap);
                }
                (Some(gap), 0) => {
                    gaps.remove(gap.range.first(), NOW);
                    model.remove(place);
                }
                (Some(gap), 1) => {
                    let state = GapState::Gone(Some(LossCause::Lost));
                    gaps.set_state(gap.range.first(), state, NOW);
                    model[place].state = state;
                }
                (Some(gap), _) => {
                    assert_eq!(gaps.fill(seq, NOW).map(|gap| gap.range), Some(gap.range));
                    model.remove(place);
                    for range in [
                        SeqRange::new(seq + 1, gap.range.last()),
                        SeqRange::new(gap.range.first(), seq.wrapping_sub(1)),
                    ] {
                        if let Some(range) = range.filter(|_| seq > 0 || range.is_some_and(|range| range.first() > seq))
                        {
                            model.insert(place, Gap { range, ..gap });
                        }
                    }
                }
            }
            check(&gaps, &model);
        }
        gaps.clear();
        check(&gaps, &[]);
    }
}

#[test]
fn a_gap_of_a_million_costs_what_a_gap_of_one_costs() {
    let mut gaps = Gaps::new(10);
    gaps.insert(Gap { range: SeqRange::new(1, 1_000_000).expect("ascending"), seen: NOW, state: armed(0) }, NOW);
    assert_eq!((gaps.len(), gaps.nodes.len()), (1, 1));
    gaps.fill(500_000, NOW);
    assert_eq!((gaps.len(), gaps.nodes.len()), (2, 2), "one more, in the node that became free and a new one");
}

/// The memory of so many gaps, once they are filled and no more than `kept` are to keep theirs.
fn places_after(count: u64, kept: usize) -> usize {
    let mut gaps = Gaps::new(1_000);
    for seq in 1..=count {
        gaps.insert(Gap { range: SeqRange::single(2 * seq), seen: NOW, state: armed(0) }, NOW);
    }
    gaps.shrink(kept);
    assert_eq!(all(&gaps).len() as u64, count, "no gap goes with its memory");
    for seq in 1..=count {
        gaps.fill(2 * seq, NOW);
    }
    gaps.shrink(kept);
    gaps.insert(Gap { range: SeqRange::single(1), seen: NOW, state: armed(0) }, NOW);
    assert_eq!(all(&gaps).len(), 1);
    gaps.nodes.len()
}

/// A gap takes the place of one that is gone.
#[test]
fn the_memory_of_many_gaps_is_given_back_and_that_of_few_is_kept() {
    assert_eq!(places_after(100, 10), 1);
    assert_eq!(places_after(4, 100), 4);
}

/// As the documentation of `Config::max_nacks` says.
#[test]
fn a_gap_costs_at_most_120_bytes() {
    assert!(size_of::<Node>() <= 120, "{}", size_of::<Node>());
}
