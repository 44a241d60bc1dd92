//! How packets print, line by line.

use rmc_core::SeqRange;
use rmc_core::packet::{Body, Extension, Flags, IntervalsBuilder, NO_PROMISE, Packet, RangesBuilder};

fn line(flags: Flags, heartbeat: u8, seq: u64, body: Body<'_>) -> String {
    let packet = Packet { flags, heartbeat, epoch: 0x1a2b_3c4d, seq, extension: None, body };
    packet.to_string()
}

fn ranges(ranges: &[(u64, u64)]) -> RangesBuilder {
    let mut builder = RangesBuilder::new(ranges[0].0);
    for &(first, last) in ranges {
        assert!(builder.push(SeqRange::new(first, last).expect("first <= last")));
    }
    builder
}

#[test]
fn data_prints_the_length_of_its_payload() {
    let body = Body::Data { payload: &[0; 1400] };
    assert_eq!(
        line(Flags::FIRST | Flags::LAST, 0, 17, body),
        "RMC data seq 17 epoch 0x1a2b3c4d hb 0 [FIRST,LAST] len 1400"
    );
    assert_eq!(line(Flags::NONE, NO_PROMISE, 17, body), "RMC data seq 17 epoch 0x1a2b3c4d hb none len 1400");
}

#[test]
fn packed_data_prints_how_many_messages_it_holds() {
    let flags = Flags::FIRST | Flags::LAST | Flags::PACKED;
    let body = Body::Data { payload: &[0, 1, 7, 0, 0] };
    assert_eq!(line(flags, 0, 17, body), "RMC data seq 17 epoch 0x1a2b3c4d hb 0 [FIRST,LAST,PACKED] len 5 records 2");
}

#[test]
fn an_extension_block_prints_its_length() {
    let packet = Packet {
        flags: Flags::NONE,
        heartbeat: 1,
        epoch: 0,
        seq: 0,
        extension: Some(Extension::new(&[1, 0]).expect("legal")),
        body: Body::Reset { stamp: 0 },
    };
    assert_eq!(packet.to_string(), "RMC reset seq 0 epoch 0x00000000 hb 1 ext 2");
}

#[test]
fn heartbeat_leaves_out_what_is_unknown() {
    let full = Body::Heartbeat { oldest: 5, interval: 10_000, backoff: 2_000, group: 12, rtt: 850 };
    assert_eq!(
        line(Flags::PRIVATE | Flags::END, 2, 9, full),
        "RMC heartbeat seq 9 epoch 0x1a2b3c4d hb 2 [PRIVATE,END] oldest 5 interval 10000us backoff 2000us group 12 rtt 850us"
    );
    let bare = Body::Heartbeat { oldest: 1, interval: 0, backoff: 0, group: 0, rtt: 0 };
    assert_eq!(line(Flags::NONE, 2, 0, bare), "RMC heartbeat seq 0 epoch 0x1a2b3c4d hb 2 oldest 1");
}

#[test]
fn heartbeat_times_prints_its_table() {
    let mut table = IntervalsBuilder::new();
    assert!(table.push(10_000) && table.push(20_000));
    let body = Body::HeartbeatTimes { intervals: table.as_intervals() };
    assert_eq!(
        line(Flags::NONE, 0, 9, body),
        "RMC heartbeat_times seq 9 epoch 0x1a2b3c4d hb 0 intervals 10000us,20000us"
    );
}

#[test]
fn nack_prints_what_is_missing_and_how_much() {
    let missing = ranges(&[(5, 9), (12, 12)]);
    let body =
        Body::Nack { target_epoch: 0xcafe_0001, stamp: 7, cookie: 0xbeef, rtt: 900, ranges: missing.as_ranges() };
    assert_eq!(
        line(Flags::NONE, 0, 5, body),
        "RMC nack to 0xcafe0001 epoch 0x1a2b3c4d hb 0 stamp 7 cookie 0x0000beef rtt 900us missing 5-9,12 (6)"
    );
}

#[test]
fn confirm_says_why() {
    let of = ranges(&[(5, 5)]);
    for (reason, word) in [(0, "repairing"), (1, "busy"), (9, "busy(9)")] {
        let body = Body::Confirm { reason, delay: 2_000, stamp: 7, cookie: 0, ranges: of.as_ranges() };
        assert_eq!(
            line(Flags::NONE, 0, 5, body),
            format!("RMC confirm epoch 0x1a2b3c4d hb 0 {word} delay 2000us stamp 7 of 5 (1)")
        );
    }
}

#[test]
fn lost_and_ack_print_their_numbers() {
    assert_eq!(
        line(Flags::NONE, 0, 20, Body::Lost { first: 15, stamp: 7 }),
        "RMC lost seq 20 epoch 0x1a2b3c4d hb 0 first 15 stamp 7"
    );
    let body = Body::Ack { target_epoch: 1, window: 64, rtt: 900 };
    assert_eq!(
        line(Flags::PRIVATE, 0, 41, body),
        "RMC ack to 0x00000001 seq 41 epoch 0x1a2b3c4d hb 0 [PRIVATE] window 64 rtt 900us"
    );
}
