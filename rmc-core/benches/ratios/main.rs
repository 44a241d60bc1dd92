//! The cost of a packet against the baseline, as a table: `cargo bench -p rmc-core --bench ratios`.
//!
//! What is compared runs in turn, in short blocks, round after round, so that whatever else the machine does meets all
//! alike; the medians are printed. After `--`: words of the rows that are wanted (`-- send 1400`), and `--rounds N`.

#[path = "../workload/mod.rs"]
mod workload;

use std::time::Duration;

use workload::{Baseline, Kind, PEERS, SIZES, Workload};

/// Packets in one block: some milliseconds. As many are done before, untimed, so that the block finds its own memory in
/// the caches.
const BLOCK: u64 = 16_384;
const ROUNDS: usize = 101;

struct Options {
    words: Vec<String>,
    rounds: usize,
}

/// One block of each, in hundredths of a nanosecond per packet.
#[derive(Clone, Copy)]
struct Cost {
    baseline: u64,
    workload: u64,
}

fn main() {
    let options = options();
    println!("| what | bytes | peers | ns per packet | baseline, ns | times baseline | times 1 peer |");
    println!("| --- | ---: | ---: | ---: | ---: | ---: | ---: |");
    for size in SIZES {
        for kind in Kind::ALL {
            measure(kind, size, &options);
        }
    }
}

/// Measures for all numbers of peers at the same time, and prints their rows.
fn measure(kind: Kind, size: usize, options: &Options) {
    assert_eq!(BLOCK % kind.step(), 0, "a block is a whole number of steps");
    let peers: Vec<usize> = PEERS.into_iter().filter(|&peers| options.want(kind, size, peers)).collect();
    let mut pairs: Vec<(Baseline, Box<dyn Workload>)> =
        peers.iter().map(|&peers| (Baseline::new(size, peers), kind.start(size, peers))).collect();
    let mut costs = vec![Vec::new(); pairs.len()];
    for _ in 0..options.rounds {
        for ((baseline, workload), costs) in pairs.iter_mut().zip(&mut costs) {
            costs.push(Cost { baseline: time(baseline), workload: time(workload.as_mut()) });
        }
    }
    for (index, peers) in peers.into_iter().enumerate() {
        let (baseline, workload) = &pairs[index];
        baseline.check();
        workload.check();
        print_row(&format!("{} | {size} | {peers}", kind.name()), &costs[index], &costs[0]);
    }
}

fn print_row(name: &str, costs: &[Cost], of_first: &[Cost]) {
    let workload = median(costs.iter().map(|cost| cost.workload));
    let baseline = median(costs.iter().map(|cost| cost.baseline));
    // Of each round by itself: what disturbed a round did so to both.
    let ratio = median(costs.iter().map(|cost| cost.workload * 100 / cost.baseline));
    let to_first = median(costs.iter().zip(of_first).map(|(cost, first)| cost.workload * 100 / first.workload));
    println!("| {name} | {workload} | {baseline} | {ratio} | {to_first} |");
}

/// Hundredths of a nanosecond per packet.
fn time(workload: &mut dyn Workload) -> u64 {
    workload.run(BLOCK);
    let elapsed = stopwatch(|| workload.run(BLOCK));
    let nanos = u64::try_from(elapsed.as_nanos()).expect("a block takes milliseconds");
    (nanos * 100 / BLOCK).max(1)
}

#[expect(clippy::disallowed_types, reason = "a bench measures real time; the node that it measures never sees it")]
fn stopwatch(work: impl FnOnce()) -> Duration {
    let start = std::time::Instant::now();
    work();
    start.elapsed()
}

/// Of hundredths; prints as a decimal number.
fn median(values: impl Iterator<Item = u64>) -> String {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    let median = values.get(values.len() / 2).copied().unwrap_or_default();
    format!("{}.{:02}", median / 100, median % 100)
}

fn options() -> Options {
    // Without cargo's `--bench` (`cargo test --benches`) one round shows that everything works.
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    let mut options = Options { words: Vec::new(), rounds };
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--rounds" => options.rounds = args.next().and_then(|rounds| rounds.parse().ok()).expect("--rounds N"),
            _ => options.words.push(arg),
        }
    }
    options
}

impl Options {
    fn want(&self, kind: Kind, size: usize, peers: usize) -> bool {
        let name = [kind.name(), &size.to_string(), &peers.to_string()];
        self.words.iter().all(|word| name.contains(&word.as_str()))
    }
}
