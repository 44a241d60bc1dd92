//! What holds for the state as a whole. A node can be copied and run on two ways: two clones that get the same inputs
//! give the same outputs, byte for byte, and what one does the other does not see (RMC-LOCAL-5).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;
use rmc_core::packet::{Body, Flags, Packet, RangesBuilder};
use rmc_core::{Action, Config, Delivery, EventMask, FlowControl, Instant, Path, Protocol, Received, SeqRange};

const OWN: u32 = 100;

#[test]
fn a_node_is_clone_and_send() {
    const fn holds<T: Clone + Send + 'static>() {}
    const { holds::<Protocol>() };
}

/// Each list of inputs runs on a node and, from a point in its midst on, on two clones of it, one of which was cloned
/// from the other. All three go on alike.
// RMC-LOCAL-5
#[test]
fn clones_with_the_same_inputs_give_the_same_outputs() {
    for seed in 0..100 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let inputs: Vec<Input> = (0..400).map(|_| Input::random(&mut random)).collect();
        let (before, after) = inputs.split_at(200);
        let mut node = node(seed);
        let mut now = Duration::ZERO;
        run(&mut node, &mut now, before);
        let untouched = node.clone();
        let first = run(&mut node.clone().clone(), &mut now.clone(), after);
        let second = run(&mut node, &mut now.clone(), after);
        let third = run(&mut { untouched }, &mut now.clone(), after);
        assert_eq!(first, second, "seed {seed}");
        assert_eq!(second, third, "seed {seed}: the clones share something");
        assert!(first.len() > 100, "seed {seed} gives {} outputs", first.len());
    }
}

/// Of two nodes that get the same at other times of day, and by other random numbers, each goes on as the other does:
/// their fingerprints are the same after every input.
// RMC-LOCAL-5
#[cfg(feature = "sim")]
#[test]
fn neither_the_time_of_day_nor_the_seed_shows_in_a_fingerprint() {
    let mut fingerprints = [rmc_core::Fingerprint::new(), rmc_core::Fingerprint::new()];
    let (mut changes, mut stamps) = (0, 0);
    for seed in 0..40 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let inputs: Vec<Input> = (0..300).map(|_| Input::random(&mut random)).collect();
        let mut clocks = [Duration::ZERO, Duration::from_secs(86_400)];
        let mut config = config(seed);
        config.nack_max_delay = Duration::from_millis(1);
        config.max_nack_backoff = Duration::ZERO;
        let mut nodes = clocks.map(|clock| {
            config.seed += 1_000;
            Protocol::new(config.clone(), Instant::from_origin(clock)).expect("the configuration is valid")
        });
        for &input in &inputs {
            let before = fingerprints[0].words().to_vec();
            for (node, (clock, fingerprint)) in nodes.iter_mut().zip(clocks.iter_mut().zip(&mut fingerprints)) {
                run(node, clock, &[input]);
                node.fingerprint(Instant::from_origin(*clock), fingerprint);
            }
            assert_eq!(fingerprints[0].words(), fingerprints[1].words(), "seed {seed}");
            assert_eq!(fingerprints[0].stamps().len(), fingerprints[1].stamps().len(), "seed {seed}");
            changes += usize::from(before != fingerprints[0].words());
            let own = fingerprints[0].stamps().iter().filter(|&stamp| !fingerprints[1].stamps().contains(stamp));
            stamps += own.count();
        }
    }
    assert!(changes > 3_000 && stamps > 1_000, "{changes} changes and {stamps} stamps are too few to show anything");
}

/// What is held is counted where it comes and where it goes: whatever happened between, nothing is left when all peers
/// are removed, everything is taken, and all that was sent is dropped.
// RMC-SEC-1
#[test]
fn what_is_held_is_given_back() {
    let mut held = (0, 0);
    for seed in 0..300 {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(seed);
        let mut node = node(seed);
        let mut now = Duration::ZERO;
        let inputs: Vec<Input> = (0..300).map(|_| Input::random(&mut random)).collect();
        for &input in &inputs {
            if let Input::Wait { micros } = input {
                now += Duration::from_micros(micros);
            }
            apply(&mut node, Instant::from_origin(now), input, &mut Vec::new());
            // The application takes little, and not all leaves at once.
            for _ in 0..random.next_u64() % 3 {
                let _item = node.recv();
                let _action = node.poll_action();
            }
            let stats = node.stats().held;
            held = (held.0.max(stats.receive_bytes), held.1.max(stats.backlog_bytes));
        }
        node.reset(Instant::from_origin(now)).expect("the node is open");
        for peer in 0..5 {
            node.remove_peer(Instant::from_origin(now), address(peer));
        }
        while node.recv().is_some() {}
        for _ in 0..3_000 {
            now += Duration::from_millis(1);
            node.handle_timeout(Instant::from_origin(now));
            while !matches!(node.poll_action(), Action::ArmTimer(_)) {}
        }
        let left = node.stats().held;
        let received = (left.peers, left.receive_packets, left.receive_bytes, left.readable);
        let sent = (left.private_streams, left.queued_packets, left.queued_bytes);
        assert_eq!((received, sent), ((0, 0, 0, 0), (0, 0, 0)), "seed {seed}");
        assert_eq!((left.backlog_packets, left.backlog_bytes), (0, 0), "seed {seed}");
    }
    assert!(held.0 > 100 && held.1 > 1_000, "{held:?} bytes at most were held, too few to show anything");
}

#[derive(Clone, Copy)]
enum Input {
    Wait { micros: u64 },
    Data { peer: u8, seq: u64, flags: Flags, unicast: bool },
    Lost { peer: u8, first: u64 },
    Nack { peer: u8, first: u64, last: u64, private: bool },
    Ack { peer: u8, seq: u64 },
    Send { len: usize },
    SendTo { peer: u8, len: usize },
    Fail { retry: bool },
    Reset,
    Remove { peer: u8 },
}

impl Input {
    fn random(random: &mut Xoshiro256PlusPlus) -> Self {
        let mut below = |bound: u64| random.next_u64() % bound;
        let peer = u8::try_from(below(5)).expect("small");
        match below(16) {
            0..4 => Self::Wait { micros: below(20_000) },
            4..8 => {
                let whole = Flags::FIRST | Flags::LAST;
                let kinds = [whole, whole, whole, Flags::FIRST, Flags::LAST, Flags::NONE];
                let flags = kinds[usize::try_from(below(6)).expect("small")];
                let private = below(4) == 0;
                let flags = if private { flags | Flags::PRIVATE } else { flags };
                Self::Data { peer, seq: 1 + below(30), flags, unicast: private || below(8) == 0 }
            }
            8 => Self::Lost { peer, first: 1 + below(20) },
            9 => Self::Nack { peer, first: 1 + below(20), last: 20 + below(20), private: below(2) == 0 },
            10 => Self::Ack { peer, seq: below(10) },
            11 => Self::Send { len: usize::try_from(below(4_000)).expect("small") },
            12 => Self::SendTo { peer, len: usize::try_from(below(3_000)).expect("small") },
            13 => Self::Fail { retry: below(2) == 0 },
            14 if below(8) == 0 => Self::Reset,
            15 if below(8) == 0 => Self::Remove { peer },
            _ => Self::Wait { micros: below(200) },
        }
    }
}

fn address(peer: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 1, peer), 5000))
}

fn node(seed: u64) -> Protocol {
    Protocol::new(config(seed), Instant::ORIGIN).expect("the configuration is valid")
}

fn config(seed: u64) -> Config {
    let mut config = Config::new(SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000)), OWN, seed);
    config.max_nack_backoff = if seed % 8 < 4 { Duration::ZERO } else { config.max_nack_backoff };
    config.nack_interval = if seed % 16 < 8 { Duration::ZERO } else { Duration::from_millis(50) };
    config.delivery = match seed % 4 {
        0 => Delivery::Ordered,
        1 => Delivery::Deadline(Duration::from_millis(100)),
        2 => Delivery::Unordered,
        _ => Delivery::Latest,
    };
    config.max_private = 3;
    // When an Ack is sent is random, and nobody here sends any.
    config.acknowledge = false;
    config.flow_control = FlowControl::None;
    config.events = EventMask::ALL;
    config.max_rate = Some(1_000_000);
    config
}

/// Hands all inputs in; gives everything that came out, in order.
fn run(node: &mut Protocol, clock: &mut Duration, inputs: &[Input]) -> Vec<String> {
    let mut out = Vec::new();
    for &input in inputs {
        if let Input::Wait { micros } = input {
            *clock += Duration::from_micros(micros);
        }
        let now = Instant::from_origin(*clock);
        apply(node, now, input, &mut out);
        while let Some(received) = node.recv() {
            out.push(told(&received));
        }
        loop {
            let (said, is_last) = poll(node);
            out.push(said);
            if is_last {
                break;
            }
        }
        out.push(format!("{:?}", node.stats()));
    }
    out.extend(node.peers().map(|peer| format!("{peer:?}")));
    out
}

fn apply(node: &mut Protocol, now: Instant, input: Input, out: &mut Vec<String>) {
    match input {
        Input::Wait { .. } => node.handle_timeout(now),
        Input::Data { peer, seq, flags, unicast } => {
            let path = if unicast { Path::Unicast } else { Path::Multicast };
            hear(node, now, peer, path, flags, seq, Body::Data { payload: &seq.to_be_bytes() });
        }
        Input::Lost { peer, first } => {
            hear(node, now, peer, Path::Multicast, Flags::NONE, first + 2, Body::Lost { first, stamp: 0 });
        }
        Input::Nack { peer, first, last, private } => {
            let mut ranges = RangesBuilder::new(first);
            assert!(ranges.push(SeqRange::new(first, last).expect("ascending")));
            let body = Body::Nack { target_epoch: OWN, stamp: 9, cookie: 0, rtt: 0, ranges: ranges.as_ranges() };
            let flags = if private { Flags::PRIVATE } else { Flags::NONE };
            hear(node, now, peer, Path::Unicast, flags, first, body);
        }
        Input::Ack { peer, seq } => {
            let body = Body::Ack { target_epoch: OWN, window: 9, rtt: 0 };
            hear(node, now, peer, Path::Unicast, Flags::PRIVATE, seq, body);
        }
        Input::Send { len } => out.push(format!("{:?}", node.send(now, &vec![1; len]))),
        Input::SendTo { peer, len } => out.push(format!("{:?}", node.send_to(now, address(peer), &vec![2; len]))),
        Input::Fail { retry } => {
            let _said = poll(node);
            node.transmit_failed(now, retry);
        }
        Input::Reset => out.push(format!("{:?}", node.reset(now))),
        Input::Remove { peer } => out.push(format!("{:?}", node.remove_peer(now, address(peer)))),
    }
}

fn hear(node: &mut Protocol, now: Instant, peer: u8, path: Path, flags: Flags, seq: u64, body: Body<'_>) {
    let packet = Packet { flags, heartbeat: 0, epoch: 50, seq, extension: None, body };
    let mut datagram = vec![0; packet.encoded_len()];
    packet.encode(&mut datagram).expect("a legal packet");
    node.handle_datagram(now, address(peer), path, &datagram);
}

fn told(received: &Received<'_>) -> String {
    format!("{received:?}")
}

/// What is next, with every byte, and whether it is the last of a drain.
fn poll(node: &mut Protocol) -> (String, bool) {
    let action = node.poll_action();
    (format!("{action:?}"), matches!(action, Action::ArmTimer(_)))
}
