//! Random scripts.

use proptest::collection::vec;
use proptest::prelude::*;

use rmc_core::SeqRange;
use rmc_core::packet::{Body, Flags, Packet, RangesBuilder};

use crate::group::script::{Control, Fate, Mode, Op, Policy, Repair, Script, Setup, Target, Weather, Where};

pub(crate) fn script() -> impl Strategy<Value = Script> {
    (setup(), vec(op(), 1..32)).prop_map(|(setup, ops)| Script { setup, ops })
}

fn setup() -> impl Strategy<Value = Setup> {
    let nodes = prop_oneof![6 => vec(policy(), 2..4), 3 => vec(policy(), 4..6), 1 => vec(policy(), 6..9)];
    let backlog = prop_oneof![2 => Just(1_000_usize), 1 => Just(40), 2 => Just(10)];
    // A window of one packet, a small one, and those that hold the backlog.
    let window = prop_oneof![
        1 => Just(Window::Of(1)),
        2 => (2..12_usize).prop_map(Window::Of),
        5 => (1..3_usize).prop_map(Window::Backlogs),
    ];
    let memory = (backlog, window, option(1, 5, 1_000..4_000_usize), option(1, 8, 50..500_u64));
    let sending = (prop_oneof![Just(80_usize), Just(64), Just(200)], 1..11_usize, option(1, 6, 20_000..200_000_u64));
    let flags = (any::<bool>(), option(1, 4, Just(())), option(1, 8, Just(())));
    let times =
        (option(1, 4, vec(5..100_u64, 1..5)), prop_oneof![3 => Just(5_000_u64), 2 => Just(1_500), 1 => Just(600)]);
    let mode = prop_oneof![
        4 => Just(Mode::Ordered),
        1 => Just(Mode::Deadline),
        2 => Just(Mode::Unordered),
        1 => Just(Mode::Latest),
    ];
    let receiving = (mode, option(1, 8, 1..200_u16), prop_oneof![3 => Just(1_000_u16), 2 => Just(0), 1 => 1..300_u16]);
    let repair = prop_oneof![3 => Just(Repair::Adaptive), 1 => Just(Repair::Multicast), 1 => Just(Repair::Unicast)];
    let serving = (repair, any::<bool>(), prop_oneof![2 => Just(50_u8), 1 => 1..100_u8]);
    let stall = prop_oneof![1 => Just(10_u16), 2 => 200..600_u16, 1 => Just(2_000), 1 => Just(5_000)];
    let control = prop_oneof![
        2 => Just(Control::None),
        5 => stall.prop_map(Control::Slowest),
        1 => (1..4_u8).prop_map(Control::Quorum),
    ];
    let flush = prop_oneof![3 => Just(0_u16), 1 => 1..100_u16];
    let flow = (control, any::<bool>(), flush, option(1, 6, Just(())));
    (any::<u64>(), nodes, memory, sending, flags, times, weather(), (receiving, serving, flow)).prop_map(
        |(
            seed,
            nodes,
            (backlog, window, bytes, age),
            (datagram, burst, rate),
            flags,
            (heartbeats, timeout),
            weather,
            ((mode, deadline, backoff), (repair, verify, share), (control, packing, flush, adapts)),
        )| {
            let (announce, tight, loopback) = flags;
            Setup {
                seed,
                nodes,
                backlog,
                window: match window {
                    Window::Of(packets) => packets,
                    Window::Backlogs(times) => times * backlog,
                },
                bytes,
                age,
                datagram,
                burst,
                rate,
                announce,
                mode,
                deadline,
                backoff,
                repair,
                verify,
                share,
                tight: tight.is_some(),
                heartbeats: heartbeats.unwrap_or_default(),
                control,
                packing,
                flush,
                adapts: adapts.is_some() && control == Control::None,
                timeout,
                loopback: loopback.is_some(),
                weather,
            }
        },
    )
}

#[derive(Clone, Debug)]
enum Window {
    Of(usize),
    Backlogs(usize),
}

fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        4 => Just(Policy::First),
        4 => Just(Policy::Oldest),
        2 => Just(Policy::Now),
        1 => Just(Policy::Silent),
        1 => Just(Policy::Mute),
    ]
}

fn weather() -> impl Strategy<Value = Weather> {
    let loss = prop_oneof![1 => Just(0_u16), 2 => 0..500_u16];
    let jitter = prop_oneof![1 => Just(0_u16), 2 => 0..20_000_u16];
    let some = || prop_oneof![1 => Just(0_u16), 1 => 0..200_u16];
    (0..3_000_u16, jitter, loss, 1..8_u8, some(), some(), 1..40_u8).prop_map(
        |(delay, jitter, loss, burst, duplication, reordering, held)| Weather {
            delay,
            jitter,
            loss,
            burst,
            duplication,
            reordering,
            held,
        },
    )
}

fn op() -> impl Strategy<Value = Op> {
    let node = 0..8_u8;
    let len = || prop_oneof![2 => 0..100_u16, 1 => 0..500_u16];
    let count = || prop_oneof![16 => 1..12_u8, 4 => 1..40_u8, 1 => 100..=255_u8];
    let skip = prop_oneof![4 => 1..20_u16, 1 => 1..5_000_u16];
    let at = prop_oneof![
        2 => Just(Where::Everywhere),
        2 => node.clone().prop_map(Where::Into),
        1 => node.clone().prop_map(Where::OutOf),
        1 => (node.clone(), node.clone()).prop_map(|(from, to)| Where::Between(from, to)),
    ];
    let wait = prop_oneof![4 => 0..300_u16, 1 => 0..3_000_u16];
    prop_oneof![
        10 => (node.clone(), count(), len()).prop_map(|(node, count, len)| Op::Send { node, count, len }),
        6 => (node.clone(), node.clone(), 1..10_u8, len())
            .prop_map(|(node, to, count, len)| Op::Private { node, to, count, len }),
        10 => wait.prop_map(|millis| Op::Wait { millis }),
        2 => (node.clone(), skip, len()).prop_map(|(node, by, len)| Op::Skip { node, by, len }),
        1 => node.clone().prop_map(|node| Op::Reset { node }),
        1 => (node.clone(), 0..200_u16).prop_map(|(node, linger)| Op::Finish { node, linger }),
        1 => node.clone().prop_map(|node| Op::Crash { node }),
        2 => node.clone().prop_map(|node| Op::Restart { node }),
        1 => node.clone().prop_map(|node| Op::Move { node }),
        1 => policy().prop_map(|policy| Op::Add { policy }),
        1 => node.clone().prop_map(|node| Op::Remove { node }),
        2 => node.clone().prop_map(|node| Op::Pause { node }),
        1 => node.clone().prop_map(|node| Op::Resume { node }),
        2 => (node.clone(), 1..100_u8).prop_map(|(node, millis)| Op::Slow { node, millis }),
        1 => node.clone().prop_map(|node| Op::Flush { node }),
        1 => node.clone().prop_map(|node| Op::Leave { node }),
        1 => node.clone().prop_map(|node| Op::Join { node }),
        1 => (node.clone(), node.clone()).prop_map(|(node, peer)| Op::Forget { node, peer }),
        1 => (node, vec(5..100_u8, 1..5)).prop_map(|(node, table)| Op::Heartbeats { node, table }),
        2 => (any::<u16>(), any::<u16>()).prop_map(|(from, to)| Op::Cut { from, to }),
        2 => Just(Op::Heal),
        3 => (at, 0..1_000_u16, 1..8_u8).prop_map(|(at, loss, burst)| Op::Loss { at, loss, burst }),
        1 => vec(fate(), 1..20).prop_map(|fates| Op::Fates { fates }),
        2 => (0..8_u8, 0..8_u8, any::<bool>(), prop_oneof![3 => nack().boxed(), 2 => ack().boxed()]).prop_map(|(from, to, is_stranger, bytes)| {
            let target = Target::Node(to);
            if is_stranger { Op::Forge { stranger: from, target, bytes } } else { Op::Spoof { from, target, bytes } }
        }),
    ]
}

/// A NACK that somebody forges, to a node that has not restarted, or once.
fn nack() -> impl Strategy<Value = Vec<u8>> {
    let cookie = prop_oneof![1 => Just(0_u32), 1 => any::<u32>()];
    let rtt = prop_oneof![1 => Just(0_u32), 1 => 0..2_000_000_u32];
    (0..3_u32, 0..2_u32, 1..60_u64, 1..40_u64, cookie, rtt).prop_map(|(epoch, target, seq, count, cookie, rtt)| {
        let mut ranges = RangesBuilder::new(seq);
        assert!(ranges.push(SeqRange::new(seq, seq + count).expect("it ascends")));
        let (target_epoch, ranges) = (u32::MAX.wrapping_add(target), ranges.as_ranges());
        let body = Body::Nack { target_epoch, stamp: 7, cookie, rtt, ranges };
        let epoch = u32::MAX.wrapping_add(epoch);
        encoded(&Packet { flags: Flags::NONE, heartbeat: 255, epoch, seq, extension: None, body })
    })
}

/// An Ack that somebody forges: of what was sent, or beyond; with no room, some, or all that there is.
fn ack() -> impl Strategy<Value = Vec<u8>> {
    let window = prop_oneof![2 => Just(0_u32), 2 => 1..40_u32, 1 => Just(u32::MAX)];
    let seq = prop_oneof![4 => 0..60_u64, 1 => Just((1 << 63) - 1)];
    (0..3_u32, 0..2_u32, seq, window).prop_map(|(epoch, target, seq, window)| {
        let body = Body::Ack { target_epoch: u32::MAX.wrapping_add(target), window, rtt: 0 };
        let epoch = u32::MAX.wrapping_add(epoch);
        encoded(&Packet { flags: Flags::NONE, heartbeat: 255, epoch, seq, extension: None, body })
    })
}

fn encoded(packet: &Packet<'_>) -> Vec<u8> {
    let mut bytes = std::vec![0; packet.encoded_len()];
    packet.encode(&mut bytes).expect("it is a packet");
    bytes
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        2 => Just(Fate::Pass),
        2 => Just(Fate::Drop),
        1 => any::<u8>().prop_map(Fate::Delay),
        1 => any::<u8>().prop_map(Fate::Twice),
    ]
}

/// A value in `of` cases of `all`.
fn option<T: std::fmt::Debug + Clone>(
    of: u32,
    all: u32,
    value: impl Strategy<Value = T>,
) -> impl Strategy<Value = Option<T>> {
    let chance = f64::from(of) / f64::from(all);
    proptest::option::weighted(chance, value)
}
