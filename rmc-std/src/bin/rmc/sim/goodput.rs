//! What receivers get over the link of a sender that always has something to send, and the most that they can get.

use rmc_std::rmc_core::sim::{Loss, Report};

use super::network::Plan;
use super::outcome::{self, decimals, percent};
use crate::units;

/// What a scenario came to in which everybody got everything.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Goodput {
    /// Bytes of messages a second at the slowest receiver, from the first message until it has the last one.
    pub(super) bytes_per_s: f64,
    /// The share of what the link can carry in that time that first transmissions are, headers included: each of them
    /// is there in the end once.
    pub(super) share: f64,
    /// The same for all that the sender sent.
    pub(super) used: f64,
}

impl Goodput {
    /// `None`: it is not asked for, or not everybody got everything.
    #[expect(clippy::cast_precision_loss, reason = "counts of bytes are far below 2^53")]
    pub(super) fn of(plan: &Plan, report: &Report) -> Option<Self> {
        let rate = plan.link_rate.filter(|_| report.ok)?;
        let seconds = report.elapsed.as_secs_f64();
        let capacity = rate as f64 * seconds;
        let bytes = plan.scenario.messages as f64 * plan.scenario.size as f64;
        Some(Self {
            bytes_per_s: bytes / seconds,
            share: report.first_bytes as f64 / capacity,
            used: report.sent_bytes as f64 / capacity,
        })
    }
}

/// The largest share of the link that goodput can have in the mean with any repair by retransmission. `None`: goodput is
/// not asked for, or a receiver loses everything, or losses are not independent, so that it is not known.
pub(super) fn bound(plan: &Plan) -> Option<f64> {
    plan.link_rate?;
    let scenario = &plan.scenario;
    let is_independent = plan.burst == 1
        && scenario.shared_every == 0
        && [&scenario.ingress.loss, &scenario.egress.loss].iter().all(|loss| !matches!(loss, Loss::Script(_)));
    if !is_independent {
        return None;
    }
    let slow = scenario.slow.as_ref().map(|loss| f64::from(loss.mean().as_per_million()) / 1e6);
    let others = scenario.receivers - usize::from(slow.is_some());
    // What is lost for all has to leave so much more often.
    let passes = 1.0 - plan.shared_loss;
    Some(passes / transmissions(others, plan.loss, slow)?)
}

/// How often each packet leaves at least, in the mean, until `receivers` that lose `loss` each, and one that loses
/// `slow`, have it, each for itself. `None`: never ends, or nearly.
#[expect(clippy::cast_precision_loss, reason = "receivers are at most a million")]
fn transmissions(receivers: usize, loss: f64, slow: Option<f64>) -> Option<f64> {
    let mut sum = 0.0;
    let (mut lost, mut slow_lost) = (1.0, slow.map_or(0.0, |_| 1.0));
    for _ in 0..MOST_TERMS {
        // The chance that somebody still lacks it after so many transmissions: 1 - (1 - p^k)^R.
        let others_have = if receivers == 0 { 1.0 } else { (receivers as f64 * f64::ln_1p(-lost)).exp() };
        let term = 1.0 - others_have * (1.0 - slow_lost);
        if term < 1e-12 {
            return Some(sum);
        }
        sum += term;
        lost *= loss;
        slow_lost *= slow.unwrap_or(0.0);
    }
    None
}

/// Beyond that nobody waits for the end of the sum.
const MOST_TERMS: u32 = 1_000_000;

/// The lines for a single run; none if goodput is not asked for.
pub(super) fn lines(plan: &Plan, report: &Report) -> Vec<(&'static str, String)> {
    if plan.link_rate.is_none() {
        return Vec::new();
    }
    let goodput = Goodput::of(plan, report);
    let share = |share: Option<f64>| format!("{} of the sender's link", share_of(share));
    vec![
        ("goodput", format!("{} at the slowest receiver", speed(goodput))),
        ("  with headers", share(goodput.map(|goodput| goodput.share))),
        ("  at most", format!("{}, with any repair by retransmission", share(bound(plan)))),
        ("link used", share_of(goodput.map(|goodput| goodput.used))),
    ]
}

/// The table of a sweep: its head, and a row.
pub(super) fn head() -> String {
    format!(
        "{:>9} {:>7} {:>12} {:>8} {:>8} {:>9} {:>9} {:>13} {:>10} {:>10}  result",
        "receivers", "loss", "goodput", "of link", "bound", "of bound", "link used", "transmissions", "p99", "time"
    )
}

pub(super) fn row(plan: &Plan, report: &Report) -> String {
    let (goodput, bound) = (Goodput::of(plan, report), bound(plan));
    format!(
        "{:>9} {:>5} % {:>12} {:>8} {:>8} {:>9} {:>9} {:>13} {:>10} {:>8.3} s  {}",
        plan.scenario.receivers,
        percent(plan.loss),
        speed(goodput),
        share_of(goodput.map(|goodput| goodput.share)),
        share_of(bound),
        share_of(goodput.zip(bound).map(|(goodput, bound)| goodput.share / bound)),
        share_of(goodput.map(|goodput| goodput.used)),
        decimals(outcome::transmissions_per_packet(report)),
        outcome::at(report, 990),
        report.elapsed.as_secs_f64(),
        outcome::result(report),
    )
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people; the cast saturates")]
fn speed(goodput: Option<Goodput>) -> String {
    goodput.map_or_else(|| "-".to_owned(), |goodput| format!("{}/s", units::show_bytes(goodput.bytes_per_s as u64)))
}

fn share_of(share: Option<f64>) -> String {
    share.map_or_else(|| "-".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_near(value: Option<f64>, expected: f64) -> bool {
        value.is_some_and(|value| (value - expected).abs() < 1e-9)
    }

    #[test]
    fn transmissions_are_those_of_the_last_of_all() {
        assert!(is_near(transmissions(5, 0.0, None), 1.0));
        assert!(is_near(transmissions(1, 0.2, None), 1.25), "one over 1 - p");
        // Of two that lose half: 2 + 2 - 1 / (1 - 1/4).
        assert!(is_near(transmissions(2, 0.5, None), 4.0 - 4.0 / 3.0));
        assert!(is_near(transmissions(1, 0.5, Some(0.5)), 4.0 - 4.0 / 3.0), "one of two is as slow as the other");
        assert!(is_near(transmissions(0, 0.9, Some(0.2)), 1.25), "there is nobody but the slow one");
        assert!(transmissions(1_000, 0.01, None).is_some_and(|sum| (2.0..2.2).contains(&sum)));
        for (loss, slow) in [(1.0, None), (0.0, Some(1.0))] {
            assert_eq!(transmissions(1, loss, slow), None, "it never ends");
        }
    }
}
