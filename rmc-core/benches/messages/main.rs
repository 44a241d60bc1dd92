//! The cost of a message through a sender and a receiver together, in one thread: `cargo bench -p rmc-core --bench
//! messages`. Small ones are packed as many to a datagram as wait; large ones go in fragments. What is compared runs in
//! turn, round after round, so that whatever else the machine does meets all alike; medians are printed.

use std::hint::black_box;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rmc_core::{Action, Config, Event, Instant, JoinPolicy, Path, Protocol, Received};

const GROUP: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(239, 255, 77, 1)), 8_000);
const ROUNDS: usize = 51;
/// Bytes of payload in one block, about.
const BLOCK: usize = 8 << 20;
/// Messages of so many bytes, of which so many wait when a drain begins.
const CASES: [(usize, usize); 7] = [(64, 1), (64, 4), (64, 100), (64, 1_000), (1_400, 1), (1_400, 100), (1 << 20, 1)];
/// What the others are compared with.
const REFERENCE: (usize, usize) = (1_400, 100);

struct Pair {
    sender: Protocol,
    receiver: Protocol,
    now: Instant,
    payload: Vec<u8>,
    burst: usize,
    taken: u64,
    datagrams: u64,
}

impl Pair {
    fn new(len: usize, burst: usize) -> Self {
        Self {
            sender: node(1),
            receiver: node(2),
            now: Instant::ORIGIN,
            payload: vec![7; len],
            burst,
            taken: 0,
            datagrams: 0,
        }
    }

    /// How many bursts make a block.
    fn bursts(&self) -> usize {
        (BLOCK / self.payload.len() / self.burst).clamp(1, 65_536 / self.burst)
    }

    fn run(&mut self) {
        for _ in 0..self.bursts() {
            self.now = self.now + Duration::from_micros(20);
            for _ in 0..self.burst {
                self.sender.send(self.now, black_box(&self.payload)).expect("the queue is drained after every burst");
            }
            self.drain_sender();
            self.drain_receiver();
        }
    }

    fn drain_sender(&mut self) {
        self.sender.handle_timeout(self.now);
        loop {
            match self.sender.poll_action() {
                Action::Transmit(transmit) => {
                    let len = transmit.contents.len();
                    self.datagrams += len.div_ceil(transmit.segment_size.unwrap_or(len)) as u64;
                    for datagram in transmit.contents.chunks(transmit.segment_size.unwrap_or(len)) {
                        self.receiver.handle_datagram(self.now, address(1), Path::Multicast, datagram);
                    }
                    take(&mut self.receiver, &mut self.taken);
                }
                Action::Event(_) => {}
                Action::ArmTimer(Some(deadline)) if deadline <= self.now => self.sender.handle_timeout(self.now),
                Action::ArmTimer(_) => return,
            }
        }
    }

    fn drain_receiver(&mut self) {
        self.receiver.handle_timeout(self.now);
        loop {
            match self.receiver.poll_action() {
                Action::Transmit(transmit) => {
                    self.sender.handle_datagram(self.now, address(2), Path::Unicast, transmit.contents);
                }
                Action::Event(Event::Readable) => take(&mut self.receiver, &mut self.taken),
                Action::Event(_) => {}
                Action::ArmTimer(Some(deadline)) if deadline <= self.now => self.receiver.handle_timeout(self.now),
                Action::ArmTimer(_) => return,
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.taken, self.sender.stats().tx.messages, "all arrived");
        assert_eq!(self.receiver.stats().rx.lost, 0);
    }
}

fn take(receiver: &mut Protocol, taken: &mut u64) {
    while let Some(received) = receiver.recv() {
        if let Received::Message { payload, .. } = received {
            black_box(payload.first());
            *taken += 1;
        }
    }
}

fn node(host: u8) -> Protocol {
    let mut config = Config::new(GROUP, 3, 7);
    config.local_addrs = vec![address(host)];
    config.join_policy = JoinPolicy::FromStart;
    Protocol::new(config, Instant::ORIGIN).expect("the configuration is valid")
}

fn address(host: u8) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, host), 5_000))
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let rounds = if std::env::args().any(|arg| arg == "--bench") { ROUNDS } else { 1 };
    let is_wanted = |(len, burst): &(usize, usize)| {
        wanted.is_empty() || wanted.iter().any(|word| *word == format!("{len}x{burst}"))
    };
    let cases: Vec<(usize, usize)> = CASES.into_iter().filter(is_wanted).collect();
    let mut pairs: Vec<Pair> = cases.iter().map(|&(len, burst)| Pair::new(len, burst)).collect();
    let mut costs = vec![Vec::new(); pairs.len()];
    for pair in &mut pairs {
        (0..4).for_each(|_| pair.run());
    }
    for _ in 0..rounds {
        for (pair, costs) in pairs.iter_mut().zip(&mut costs) {
            costs.push(time(pair));
        }
    }
    let reference = cases.iter().position(|&case| case == REFERENCE);
    println!(
        "| bytes | waiting | datagrams per message | ns per message | M messages/s | ns per KiB | to 1,400 x 100 |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for (index, pair) in pairs.iter().enumerate() {
        pair.check();
        let picos = median(costs[index].iter().copied());
        let per_byte = |index: usize, picos: u64| picos * 1_024 / pairs[index].payload.len() as u64;
        let kib = per_byte(index, picos);
        let ratio = reference
            .map_or(0, |reference| kib * 100 / per_byte(reference, median(costs[reference].iter().copied())).max(1));
        let per_message = pair.datagrams * 1_000 / pair.taken;
        println!(
            "| {} | {} | {} | {} | {} | {} | {} |",
            pair.payload.len(),
            pair.burst,
            thousandths(per_message),
            thousandths(picos),
            thousandths(1_000_000_000 / picos.max(1)),
            thousandths(kib),
            thousandths(ratio * 10),
        );
    }
}

/// Picoseconds per message.
#[expect(clippy::disallowed_types, reason = "a bench measures real time; the nodes that it measures never see it")]
fn time(pair: &mut Pair) -> u64 {
    let messages = (pair.bursts() * pair.burst) as u64;
    let start = std::time::Instant::now();
    pair.run();
    let nanos = u64::try_from(start.elapsed().as_nanos()).expect("a block takes milliseconds");
    nanos * 1_000 / messages
}

fn thousandths(value: u64) -> String {
    format!("{}.{:03}", value / 1_000, value % 1_000)
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
