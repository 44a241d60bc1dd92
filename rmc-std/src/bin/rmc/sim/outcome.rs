//! What a run came to, for people and for programs.

use std::fs;
use std::time::Duration;

use rmc_std::rmc_core::sim::Report;
use serde_json::{Value, json};

use super::goodput::Goodput;
use super::network::Plan;
use super::{Played, goodput};
use crate::args::SimArgs;
use crate::units;

/// What is going to be simulated.
pub(super) fn introduction(plan: &Plan, options: &SimArgs) -> String {
    let scenario = &plan.scenario;
    let pace = match plan.link_rate {
        Some(rate) => pace(rate),
        None => format!("{} a second", scenario.rate),
    };
    let mut text = format!(
        "{} messages of {} bytes, {pace}, to {} receivers; {:?} one way, {} % lost into each",
        scenario.messages,
        scenario.size,
        scenario.receivers,
        scenario.ingress.delay,
        percent(plan.loss),
    );
    if let Some(fraction) = options.slow {
        text += &format!(", {} % into one of them", percent(fraction));
    }
    if plan.shared_loss > 0.0 {
        text += &format!(", {} % for all", percent(plan.shared_loss));
    }
    if let Some(n) = options.shared_every {
        text += &format!(", each packet whose number is a multiple of {n} once for all");
    }
    if plan.burst > 1 {
        text += &format!(", in bursts of {}", plan.burst);
    }
    text += &format!("; seed {}", scenario.seed);
    text
}

/// The pace of a sender that always has something to send.
pub(super) fn pace(link_rate: u64) -> String {
    format!("as fast as they go over a link of {} a second", units::show_bytes(link_rate))
}

/// The fields of a JSON line: what came of it, then what was simulated.
pub(super) fn fields(plan: &Plan, options: &SimArgs, played: &Played) -> Value {
    let (report, scenario) = (&played.report, &plan.scenario);
    let goodput = Goodput::of(plan, report);
    json!({
        "ok": report.ok,
        "digest": format!("{:016x}", report.digest),
        "lost_packets": report.lost_packets,
        "nacks": report.nacks,
        "nacks_first_loss": report.nacks_first_loss,
        "nacks_from_11th": report.nacks_from_11th,
        "repairs": report.repairs,
        "transmissions_per_packet": transmissions_per_packet(report),
        "recovery_p50_us": report.recovery(500).map(micros),
        "recovery_p99_us": report.recovery(990).map(micros),
        "recovery_max_us": report.recovery(1_000).map(micros),
        "goodput_bytes_per_s": goodput.map(|goodput| goodput.bytes_per_s),
        "goodput_share": goodput.map(|goodput| goodput.share),
        "goodput_bound": goodput::bound(plan),
        "link_used": goodput.map(|goodput| goodput.used),
        "virtual_s": report.elapsed.as_secs_f64(),
        "wall_s": played.wall.as_secs_f64(),
        "peak_rss_mb": peak_memory().map(megabytes),
        "interrupted": played.is_interrupted,
        "complete": report.complete,
        "packets": report.first_transmissions,
        "given_up": report.given_up,
        "receivers": scenario.receivers,
        "messages": scenario.messages,
        "size": scenario.size,
        "rate": options.rate(),
        "link_rate": plan.link_rate,
        "loss": plan.loss,
        "shared_loss": plan.shared_loss,
        "shared_every": options.shared_every,
        "burst": plan.burst,
        "delay_us": micros(scenario.ingress.delay),
        "jitter_us": micros(scenario.ingress.jitter),
        "slow": options.slow,
        "preset": options.preset.map(|preset| preset.name()),
        "window": scenario.config.backlog_packets,
        "seed": scenario.seed,
    })
}

/// The same for people.
pub(super) fn table(plan: &Plan, played: &Played) -> String {
    let report = &played.report;
    let result = match (report.ok, played.is_interrupted) {
        (true, _) => "everything, in order, intact",
        (false, true) => "INTERRUPTED",
        (false, false) => "INCOMPLETE",
    };
    let lost = report.lost_packets;
    let mut rows = vec![
        ("complete receivers", format!("{} of {}: {result}", report.complete, plan.scenario.receivers)),
        ("packets", report.first_transmissions.to_string()),
        ("lost packets", format!("{lost}, each counted once, whoever missed it")),
        ("NACKs", format!("{} at the sender, {} per lost packet", report.nacks, per(report.nacks, lost))),
        ("  for the first loss", report.nacks_first_loss.to_string()),
        ("  from the 11th on", report.nacks_from_11th.to_string()),
        ("repairs", format!("{}, {} per lost packet", report.repairs, per(report.repairs, lost))),
        ("transmissions", format!("{} per packet", decimals(transmissions_per_packet(report)))),
        ("gap to delivery", format!("p50 {}, p99 {}, longest {}", at(report, 500), at(report, 990), at(report, 1_000))),
    ];
    rows.extend(goodput::lines(plan, report));
    rows.extend([
        ("virtual time", format!("{:.6} s", report.elapsed.as_secs_f64())),
        (
            "simulated in",
            format!("{:.3} s{}", played.wall.as_secs_f64(), peak_memory().map_or_else(String::new, in_memory)),
        ),
        ("digest", format!("{:016x}", report.digest)),
    ]);
    rows.into_iter().map(|(name, value)| format!("{name:<22} {value}")).collect::<Vec<_>>().join("\n")
}

/// The table of a sweep: its head, and a row.
pub(super) fn head() -> String {
    format!(
        "{:>9} {:>7} {:>8} {:>11} {:>13} {:>15} {:>10} {:>10} {:>10}  result",
        "receivers", "loss", "lost", "NACKs/lost", "repairs/lost", "transmissions", "p50", "p99", "time"
    )
}

pub(super) fn row(plan: &Plan, played: &Played) -> String {
    let report = &played.report;
    format!(
        "{:>9} {:>5} % {:>8} {:>11} {:>13} {:>15} {:>10} {:>10} {:>8.3} s  {}",
        plan.scenario.receivers,
        percent(plan.loss),
        report.lost_packets,
        per(report.nacks, report.lost_packets),
        per(report.repairs, report.lost_packets),
        decimals(transmissions_per_packet(report)),
        at(report, 500),
        at(report, 990),
        report.elapsed.as_secs_f64(),
        result(report),
    )
}

/// The last column of a row.
pub(super) const fn result(report: &Report) -> &'static str {
    if report.ok { "complete" } else { "INCOMPLETE" }
}

/// What went wrong, if anything did.
pub(super) fn fault(plan: &Plan, played: &Played) -> Option<String> {
    let report = &played.report;
    if report.ok {
        return None;
    }
    if played.is_interrupted {
        return Some(format!("interrupted after {:.6} s of virtual time", report.elapsed.as_secs_f64()));
    }
    let mut text = format!("{} of {} receivers have everything", report.complete, plan.scenario.receivers);
    if report.given_up > 0 {
        text += &format!(", {} packets were lost for good", report.given_up);
    }
    if let Some(stuck) = &report.stuck {
        text += &format!("; {stuck}");
    }
    Some(text)
}

/// How often a packet was sent on average; `None`: none was.
pub(super) fn transmissions_per_packet(report: &Report) -> Option<f64> {
    ratio(report.first_transmissions + report.repairs, report.first_transmissions)
}

/// `None`: there is nothing to share it among.
#[expect(clippy::cast_precision_loss, reason = "counts of packets are far below 2^53")]
pub(super) fn ratio(amount: u64, among: u64) -> Option<f64> {
    (among > 0).then(|| amount as f64 / among as f64)
}

fn per(amount: u64, among: u64) -> String {
    decimals(ratio(amount, among))
}

pub(super) fn decimals(number: Option<f64>) -> String {
    number.map_or_else(|| "-".to_owned(), |number| format!("{number:.3}"))
}

pub(super) fn at(report: &Report, per_mille: usize) -> String {
    let recovery = report.recovery(per_mille);
    recovery.map_or_else(|| "-".to_owned(), |recovery| format!("{:.2} ms", recovery.as_secs_f64() * 1e3))
}

/// Without the noise of binary fractions.
pub(super) fn percent(fraction: f64) -> f64 {
    (fraction * 1e9).round() / 1e7
}

/// Rounded to whole microseconds.
fn micros(duration: Duration) -> u64 {
    u64::try_from((duration.as_nanos() + 500) / 1_000).unwrap_or(u64::MAX)
}

fn in_memory(bytes: u64) -> String {
    format!(", with {:.1} MB at most", megabytes(bytes))
}

#[expect(clippy::cast_precision_loss, reason = "a size of memory is far below 2^53")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The most memory that this process has had, in bytes; `None` where the system does not tell.
fn peak_memory() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1_024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fractions_are_shown_as_they_were_typed() {
        for (fraction, shown) in [(0.001, "0.1"), (0.07, "7"), (0.29, "29"), (1.0, "100"), (0.0, "0")] {
            assert_eq!(percent(fraction).to_string(), shown);
        }
    }

    #[test]
    fn times_are_rounded_and_shares_of_nothing_are_left_out() {
        assert_eq!((micros(Duration::from_nanos(1_499)), micros(Duration::from_nanos(1_500))), (1, 2));
        assert_eq!((per(3, 2).as_str(), per(3, 0).as_str()), ("1.500", "-"));
    }

    #[test]
    fn the_system_tells_the_memory_where_it_has_proc() {
        assert_eq!(peak_memory().is_some(), cfg!(target_os = "linux"));
    }
}
