//! Criterion benches. A group for each size of payload and number of peers, with the baseline in it: `cargo bench -p
//! rmc-core --bench throughput`. For the ratios alone, in interleaved rounds, there is the bench `ratios`.

mod codec;
#[path = "../workload/mod.rs"]
mod workload;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use workload::{Baseline, Kind, PEERS, SIZES, Workload};

fn main() {
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    codec::bench(&mut criterion);
    for size in SIZES {
        for peers in PEERS {
            bench(&mut criterion, size, peers);
        }
    }
    criterion.final_summary();
}

fn bench(criterion: &mut Criterion, size: usize, peers: usize) {
    let mut group = criterion.benchmark_group(format!("{size} bytes, {peers} peers"));
    group.throughput(Throughput::Elements(1));
    group.bench_function("baseline", |bencher| {
        let mut baseline = Baseline::new(size, peers);
        bencher.iter(|| baseline.run(1));
        baseline.check();
    });
    for kind in Kind::ALL {
        let step = kind.step();
        group.throughput(Throughput::Elements(step));
        group.bench_with_input(BenchmarkId::from_parameter(kind.name()), &kind, |bencher, kind| {
            let mut workload = kind.start(size, peers);
            bencher.iter(|| workload.run(step));
            workload.check();
        });
    }
    group.finish();
}
