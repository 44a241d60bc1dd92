//! Times by how often they came: quantiles to 3 %, in 8 KiB, however many there are.

use std::time::Duration;

/// Each power of two is split into so many parts.
const PARTS_SHIFT: u32 = 5;
const PARTS: usize = 1 << PARTS_SHIFT;
/// Nanoseconds of up to 2^36 (a minute); what is longer counts as that.
const POWERS: usize = 36 - PARTS_SHIFT as usize + 1;

#[derive(Clone, Debug)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Histogram {
    pub(super) fn new() -> Self {
        Self { counts: vec![0; POWERS * PARTS], total: 0, longest: 0 }
    }

    pub(super) fn add(&mut self, nanos: u64) {
        let last = self.counts.len() - 1;
        self.counts[place(nanos).min(last)] += 1;
        self.total += 1;
        self.longest = self.longest.max(nanos);
    }

    pub(super) fn merge(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(&other.counts) {
            *count += more;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    /// The time that `per_mille` of a thousand do not exceed; `None`: there are none.
    pub(super) fn quantile(&self, per_mille: u64) -> Option<Duration> {
        let rank = (self.total * per_mille).div_ceil(1_000).max(1);
        let mut seen = 0;
        for (place, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return Some(Duration::from_nanos(upper_bound(place).min(self.longest)));
            }
        }
        None
    }

    pub(super) fn longest(&self) -> Option<Duration> {
        (self.total > 0).then(|| Duration::from_nanos(self.longest))
    }
}

fn place(nanos: u64) -> usize {
    let power = nanos.max(1).ilog2();
    let Some(shift) = power.checked_sub(PARTS_SHIFT) else { return usize::try_from(nanos).unwrap_or(0) };
    let part = usize::try_from(nanos >> shift).unwrap_or(0) - PARTS;
    (shift as usize + 1) * PARTS + part
}

/// The highest number that stands at this place.
fn upper_bound(place: usize) -> u64 {
    let (power, part) = (place / PARTS, (place % PARTS) as u64);
    match power.checked_sub(1) {
        None => part,
        Some(shift) => ((PARTS as u64 + part + 1) << shift) - 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_stands_below_its_place_s_bound_by_3_percent_at_most() {
        for nanos in (0..5_000).chain((1..1 << 35).step_by(77_777_777)) {
            let bound = upper_bound(place(nanos));
            assert!(bound >= nanos && bound - nanos <= nanos / 32, "{nanos} below {bound}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_numbers() {
        let (mut all, mut other) = (Histogram::new(), Histogram::new());
        assert_eq!((all.quantile(500), all.longest()), (None, None));
        (1..=500).for_each(|micros| all.add(micros * 1_000));
        (501..=1_000).for_each(|micros| other.add(micros * 1_000));
        all.merge(&other);
        let micros = |per_mille| all.quantile(per_mille).map(|time| time.as_micros());
        assert!(micros(500).is_some_and(|median| (500..516).contains(&median)), "{:?}", micros(500));
        assert!(micros(990).is_some_and(|high| (990..=1_000).contains(&high)));
        assert_eq!((micros(1_000), all.longest()), (Some(1_000), Some(Duration::from_millis(1))));
        all.add(u64::MAX);
        assert_eq!(all.longest(), Some(Duration::from_nanos(u64::MAX)), "and does not panic");
    }
}
