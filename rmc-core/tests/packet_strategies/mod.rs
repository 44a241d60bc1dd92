//! Packets, legal and illegal, drawn at random. Numbers gather at their bounds, where the faults are.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use rmc_core::packet::{
    Body, Flags, IntervalsBuilder, Kind, MAX_DELAY_MICROS, MAX_INTERVAL_MICROS, MAX_RTT_MICROS, MIN_INTERVAL_MICROS,
    RangesBuilder,
};
use rmc_core::{MAX_SEQ, SeqRange};

use crate::packet_owned::{OwnedBody, OwnedPacket};

/// Any u64, often near 0, near 2^63 or near 2^64.
pub(crate) fn any_seq() -> impl Strategy<Value = u64> {
    prop_oneof![
        4 => 0..4_u64,
        2 => MAX_SEQ - 40..MAX_SEQ + 3,
        1 => u64::MAX - 2..=u64::MAX,
        2 => any::<u64>(),
        2 => 0..=MAX_SEQ,
    ]
}

/// A number of this least value that a packet may name.
fn legal_seq(min: u64) -> impl Strategy<Value = u64> {
    prop_oneof![min..min + 4, MAX_SEQ - 3..=MAX_SEQ, min..=MAX_SEQ]
}

/// A distance or a length less one: mostly small, sometimes near the 32 bits that the wire has for it.
pub(crate) fn any_step() -> impl Strategy<Value = u64> {
    let limit = u64::from(u32::MAX);
    prop_oneof![8 => 0..4_u64, 1 => limit - 3..limit + 3, 1 => any::<u64>()]
}

/// Any u32, often near the bounds of intervals, delays and round trips.
pub(crate) fn any_micros() -> impl Strategy<Value = u32> {
    prop_oneof![
        1 => Just(0),
        1 => MIN_INTERVAL_MICROS - 2..MIN_INTERVAL_MICROS + 2,
        1 => MAX_DELAY_MICROS - 2..MAX_DELAY_MICROS + 2,
        1 => MAX_INTERVAL_MICROS - 2..MAX_INTERVAL_MICROS + 2,
        3 => MIN_INTERVAL_MICROS..=MAX_INTERVAL_MICROS,
        1 => any::<u32>(),
    ]
}

fn any_flags() -> impl Strategy<Value = Flags> {
    (0..64_u8).prop_map(|bits| Flags::from_bits(bits).expect("6 bits"))
}

fn extension() -> impl Strategy<Value = Option<Vec<u8>>> {
    let record = (0..128_u8, vec(any::<u8>(), 0..6));
    proptest::option::weighted(0.3, vec(record, 0..4)).prop_map(|records| {
        let block = records?.into_iter().flat_map(|(kind, bytes)| {
            let len = u8::try_from(bytes.len()).expect("short");
            [vec![kind, len], bytes].concat()
        });
        Some(block.collect())
    })
}

fn packed_payload() -> impl Strategy<Value = Vec<u8>> {
    vec(vec(any::<u8>(), 0..9), 1..5).prop_map(|records| {
        let framed = records.into_iter().map(|bytes| {
            let len = u16::try_from(bytes.len()).expect("short").to_be_bytes();
            [len.to_vec(), bytes].concat()
        });
        framed.collect::<Vec<_>>().concat()
    })
}

/// A number and ranges from it on. What goes past a bound is left out.
fn ranges_from(seq: impl Strategy<Value = u64>) -> impl Strategy<Value = (u64, Box<RangesBuilder>)> {
    let steps = vec((any_step(), any_step()), 0..40);
    (seq, steps).prop_map(|(seq, steps)| {
        let mut builder = Box::new(RangesBuilder::new(seq));
        let _ = builder.push(SeqRange::single(seq));
        let mut next = seq.saturating_add(2);
        for (length, gap) in steps {
            let last = next.saturating_add(length);
            let pushed = SeqRange::new(next, last).is_some_and(|range| builder.push(range));
            if pushed {
                next = last.saturating_add(2).saturating_add(gap);
            }
        }
        (seq, builder)
    })
}

fn intervals() -> impl Strategy<Value = Box<IntervalsBuilder>> {
    vec(any_micros(), 0..140).prop_map(|micros| {
        let mut builder = Box::new(IntervalsBuilder::new());
        assert!(builder.push(MIN_INTERVAL_MICROS));
        for micros in micros {
            let _ = builder.push(micros);
        }
        builder
    })
}

/// Packets that keep every rule, of all kinds.
pub(crate) fn legal_packet() -> impl Strategy<Value = OwnedPacket> {
    let common = (any_flags(), any::<u8>(), any::<u32>(), extension(), vec(any::<u8>(), 0..40));
    let values = (
        any::<[u32; 3]>(),
        any::<u8>(),
        0..=MAX_RTT_MICROS,
        0..=MAX_DELAY_MICROS,
        prop_oneof![
            1 => Just(0),
            1 => Just(MIN_INTERVAL_MICROS),
            4 => MIN_INTERVAL_MICROS..=MAX_INTERVAL_MICROS
        ],
    );
    let lists = (ranges_from(legal_seq(1)), intervals(), packed_payload());
    let numbers = (legal_seq(0), any::<Index>());
    let kind = proptest::sample::select(&Kind::ALL[..]);
    (kind, common, values, lists, numbers).prop_map(
        |(
            kind,
            (flags, heartbeat, epoch, extension, payload),
            ([target_epoch, stamp, cookie], reason, rtt, delay, interval),
            ((ranges_seq, ranges), intervals, packed),
            (seq, below),
        )| {
            let mut flags = Flags::from_bits(flags.bits() & kind.allowed_flags().bits()).expect("fewer flags");
            let mut seq = seq.max(kind.min_seq());
            // A number from 1 to `limit`.
            let below = |limit: u64| 1 + u64::try_from(below.index(usize::MAX)).expect("64 bits at most") % limit;
            let body = match kind {
                Kind::Data if flags.contains(Flags::PACKED) => {
                    flags = flags | Flags::FIRST | Flags::LAST;
                    OwnedBody::Data { payload: packed }
                }
                Kind::Data => OwnedBody::Data { payload },
                Kind::Heartbeat => OwnedBody::Plain(Body::Heartbeat {
                    oldest: below(seq + 1),
                    interval,
                    backoff: delay,
                    group: stamp,
                    rtt,
                }),
                Kind::HeartbeatTimes => OwnedBody::HeartbeatTimes { intervals },
                Kind::Nack => {
                    seq = ranges_seq;
                    OwnedBody::Nack { target_epoch, stamp, cookie, rtt, ranges }
                }
                Kind::Lost => OwnedBody::Plain(Body::Lost { first: below(seq - 1), stamp }),
                Kind::Reset => OwnedBody::Plain(Body::Reset { stamp }),
                Kind::Ack => OwnedBody::Plain(Body::Ack { target_epoch, window: cookie, rtt }),
                Kind::Confirm => {
                    seq = ranges_seq;
                    OwnedBody::Confirm { reason, delay, stamp, cookie, ranges }
                }
            };
            OwnedPacket { flags, heartbeat, epoch, seq, extension, body }
        },
    )
}

/// Packets that can be put together from the types, whether they keep the rules or not.
pub(crate) fn any_packet() -> impl Strategy<Value = OwnedPacket> {
    let numbers = (any_seq(), any_seq());
    let values = (any::<[u32; 2]>(), any_micros(), any_micros(), any_micros());
    let payload = prop_oneof![packed_payload(), vec(0..3_u8, 0..6)];
    let lists = (ranges_from(any_seq()), payload);
    let wild = (legal_packet(), any_flags(), numbers, values, lists);
    wild.prop_map(|(legal, flags, (seq, number), (any, a, b, c), lists)| {
        let ((ranges_seq, ranges), payload) = lists;
        let [target_epoch, stamp] = any;
        let body = match legal.body {
            OwnedBody::Data { .. } => OwnedBody::Data { payload },
            OwnedBody::Plain(Body::Heartbeat { .. }) => {
                OwnedBody::Plain(Body::Heartbeat { oldest: number, interval: a, backoff: b, group: stamp, rtt: c })
            }
            OwnedBody::Plain(Body::Lost { .. }) => OwnedBody::Plain(Body::Lost { first: number, stamp }),
            OwnedBody::Plain(Body::Ack { .. }) => OwnedBody::Plain(Body::Ack { target_epoch, window: stamp, rtt: a }),
            OwnedBody::Nack { .. } => OwnedBody::Nack { target_epoch, stamp, cookie: 0, rtt: a, ranges },
            OwnedBody::Confirm { reason, .. } => OwnedBody::Confirm { reason, delay: b, stamp, cookie: 0, ranges },
            other => other,
        };
        let allowed = body.body().kind().allowed_flags();
        // Half of them with legal flags, and with the ranges' own number, so that the other rules are reached.
        let tame = stamp % 2 == 0;
        let flags = if tame { Flags::from_bits(flags.bits() & allowed.bits()).expect("fewer flags") } else { flags };
        let seq =
            if tame && matches!(body, OwnedBody::Nack { .. } | OwnedBody::Confirm { .. }) { ranges_seq } else { seq };
        OwnedPacket { flags, seq, body, ..legal }
    })
}
