//! How many of its repairs an asker loses (RMC-REPAIR-17).

/// A share, with 16 bits behind the point.
const ONE: u32 = 1 << 16;
/// Each number that is asked for counts by so much.
const GAIN: u32 = 64;
/// What is above this is much.
const MUCH: u32 = ONE / 10;

/// The share of an asker's repairs that were lost on the way lately.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RepairLoss(u32);

impl RepairLoss {
    pub(crate) const fn new() -> Self {
        Self(0)
    }

    /// A number is asked for; `lost`: its repair had left, and was lost.
    pub(crate) const fn add(&mut self, lost: bool) {
        self.0 = (self.0 * (GAIN - 1) + if lost { ONE } else { 0 }) / GAIN;
    }

    /// Whether a second repair is lost so often that a copy of it is worth its place on the wire.
    pub(crate) const fn is_much(self) -> bool {
        self.0 > MUCH
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for RepairLoss {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        to.put(&self.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // RMC-REPAIR-17
    #[test]
    fn six_losses_are_not_much_and_seven_are() {
        let mut loss = RepairLoss::new();
        for lost in 1..=7 {
            loss.add(true);
            assert_eq!(loss.is_much(), lost == 7, "{lost}");
        }
        loss.add(false);
        assert!(loss.is_much());
        (0..3).for_each(|_| loss.add(false));
        assert!(!loss.is_much());
    }

    // RMC-REPAIR-17
    #[test]
    fn a_loss_of_a_20th_is_not_much_and_of_a_5th_is() {
        for (of, much) in [(20, false), (5, true)] {
            let mut loss = RepairLoss::new();
            (0..1_000).for_each(|number| loss.add(number % of == 0));
            assert_eq!(loss.is_much(), much, "1 of {of}");
        }
    }
}
