//! What one simulated delivery costs: one sender, 10,000 receivers, 1,000 packets of 100 bytes, 1 % of them lost on the
//! way into each receiver.
//!
//! ```sh
//! cargo bench -p rmc-core --features sim --bench sim
//! cargo bench -p rmc-core --features sim --bench sim -- 1000 5000
//! ```
//!
//! The second one takes 1,000 receivers and 5,000 packets.

use std::env;
use std::fs;
use std::time::Duration;

use rmc_core::sim::{Loss, Report, Scenario};

fn main() {
    let mut counts = env::args().filter_map(|argument| argument.parse::<u64>().ok());
    let receivers = counts.next().unwrap_or(10_000);
    let messages = counts.next().unwrap_or(1_000);
    let mut scenario = Scenario::new(usize::try_from(receivers).expect("so many fit"), messages);
    scenario.ingress.loss = Loss::percent(1);
    let (report, wall) = timed(&scenario);
    assert!(report.ok, "{} of {receivers} receivers have everything", report.complete);
    let deliveries = receivers * messages;
    println!("receivers              {receivers:>12}");
    println!("packets                {messages:>12}");
    println!("deliveries             {deliveries:>12}");
    println!("recovered              {:>12}", report.recoveries.len());
    println!("simulated, ms          {:>12}", report.elapsed.as_millis());
    println!("wall clock, ms         {:>12}", wall.as_millis());
    let per_delivery = |nanos: u128| nanos / u128::from(deliveries.max(1));
    println!("wall clock, ns/delivery{:>12}", per_delivery(wall.as_nanos()));
    if let Some(nanos) = cpu_nanos() {
        // What others on the machine take does not count here.
        println!("CPU, ns/delivery       {:>12}", per_delivery(u128::from(nanos)));
    }
    match peak_rss_kib() {
        Some(kib) => println!("peak memory, MiB       {:>12}", kib / 1_024),
        None => println!("peak memory                 unknown"),
    }
}

#[expect(clippy::disallowed_types, reason = "a bench measures real time; the nodes that it measures never see it")]
fn timed(scenario: &Scenario) -> (Report, Duration) {
    let start = std::time::Instant::now();
    let report = scenario.run().expect("a valid configuration");
    (report, start.elapsed())
}

/// How long this thread, the only one, was on a CPU, as Linux counts it.
fn cpu_nanos() -> Option<u64> {
    fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
}

/// The most memory that this process ever had, as Linux counts it.
fn peak_rss_kib() -> Option<u64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.parse().ok()
}
