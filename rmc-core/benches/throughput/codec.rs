//! The codec alone: packets to bytes and back.

use std::hint::black_box;

use criterion::{Criterion, Throughput};
use rmc_core::SeqRange;
use rmc_core::packet::{Body, Flags, MAX_RANGES, Packet, RangesBuilder};

use crate::workload::SIZES;

pub(crate) fn bench(criterion: &mut Criterion) {
    for size in SIZES {
        let payload = vec![7; size];
        let body = Body::Data { payload: &payload };
        bench_packet(criterion, &format!("data of {size} bytes"), Flags::FIRST | Flags::LAST, body);
    }
    let beat = Body::Heartbeat { oldest: 1, interval: 10_000, backoff: 0, group: 3, rtt: 300 };
    bench_packet(criterion, "heartbeat", Flags::NONE, beat);

    let mut ranges = RangesBuilder::new(17);
    for index in 0..MAX_RANGES as u64 {
        assert!(ranges.push(SeqRange::single(17 + 3 * index)));
    }
    let nack = Body::Nack { target_epoch: 3, stamp: 1, cookie: 0, rtt: 300, ranges: ranges.as_ranges() };
    bench_packet(criterion, "nack of 32 ranges", Flags::NONE, nack);
}

fn bench_packet(criterion: &mut Criterion, name: &str, flags: Flags, body: Body<'_>) {
    let packet = Packet { flags, heartbeat: 0, epoch: 9, seq: 17, extension: None, body };
    let mut datagram = vec![0; packet.encoded_len()];
    let mut group = criterion.benchmark_group(format!("codec, {name}"));
    group.throughput(Throughput::Elements(1));
    group.bench_function("encode", |bencher| {
        bencher.iter(|| black_box(&packet).encode(black_box(&mut datagram)).expect("a legal packet"));
    });
    group.bench_function("decode", |bencher| {
        bencher.iter(|| Packet::decode(black_box(&datagram)).map(black_box).expect("a legal packet"));
    });
    group.finish();
}
