//! A sender at full speed, and receivers whose applications take what they like.

use std::time::Duration;

use rmc_core::sim::{Application, Link, NodeId, Outbox, Sim};
use rmc_core::{Config, Event, EventMask, Instant, Received};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const US: Duration = Duration::from_micros(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// Bytes of each message.
pub(crate) const LEN: usize = 1_400;

/// Takes messages at its own pace, and checks that each comes once, in order and intact.
pub(crate) struct Taker {
    /// Between two messages; zero: none.
    pub(crate) pause: Duration,
    ready_at: Instant,
    now: Instant,
    pub(crate) taken: u64,
    pub(crate) lost: u64,
    pub(crate) last_at: Instant,
    /// The first message, where it may begin late.
    pub(crate) first: Option<u64>,
}

impl Taker {
    pub(crate) fn new(pause: Duration) -> Self {
        let origin = Instant::ORIGIN;
        Self { pause, ready_at: origin, now: origin, taken: 0, lost: 0, last_at: origin, first: None }
    }
}

impl Application for Taker {
    fn is_ready(&self) -> bool {
        self.now >= self.ready_at
    }

    fn received(&mut self, received: &Received<'_>, outbox: &mut Outbox) {
        self.now = outbox.now();
        match received {
            Received::Message { payload, .. } => {
                let number = u64::from_be_bytes(payload[..8].try_into().expect("8 bytes"));
                let first = *self.first.get_or_insert(number);
                assert_eq!(number, first + self.taken + self.lost, "in order, each once");
                self.taken += 1;
                self.last_at = self.now;
            }
            Received::Lost { ranges, .. } => {
                self.first.get_or_insert(0);
                self.lost += ranges.iter().map(|range| range.len()).sum::<u64>();
            }
            _ => return,
        }
        if self.pause > Duration::ZERO {
            self.ready_at = self.now + self.pause;
            outbox.wake_at(self.ready_at);
        }
    }

    fn woken(&mut self, outbox: &mut Outbox) {
        self.now = outbox.now();
    }
}

/// Sends as fast as there is room: looks again each 100 us.
pub(crate) struct Source {
    pub(crate) sent: u64,
    pub(crate) evicted: Vec<(Duration, std::net::SocketAddr, u64)>,
}

impl Application for Source {
    fn received(&mut self, _: &Received<'_>, _: &mut Outbox) {}

    fn event(&mut self, event: &Event, outbox: &mut Outbox) {
        if let Event::PeerEvicted { peer, seq } = event {
            self.evicted.push((outbox.now().saturating_since(Instant::ORIGIN), *peer, *seq));
        }
    }
}

pub(crate) struct Group {
    pub(crate) sim: Sim,
    pub(crate) sender: NodeId,
    pub(crate) receivers: Vec<NodeId>,
}

/// What one node's configuration is changed by.
pub(crate) type Change = fn(&mut Config);

impl Group {
    /// A round trip of 1 ms.
    pub(crate) fn new(seed: u64, change: Change) -> Self {
        let mut sim = Sim::new(seed);
        let link = Link::IDEAL.with_delay(500 * US);
        sim.set_links(&Link::IDEAL, &link);
        let sender = sim
            .add(|config| {
                base(config);
                change(config);
            })
            .expect("a valid configuration");
        sim.run_application(sender, Source { sent: 0, evicted: Vec::new() });
        Self { sim, sender, receivers: Vec::new() }
    }

    pub(crate) fn add(&mut self, pause: Duration, change: Change) -> NodeId {
        let node = self
            .sim
            .add(|config| {
                base(config);
                change(config);
            })
            .expect("a valid configuration");
        self.sim.run_application(node, Taker::new(pause));
        self.receivers.push(node);
        node
    }

    /// So many receivers that take everything at once.
    pub(crate) fn add_prompt(&mut self, count: usize) {
        for _ in 0..count {
            self.add(Duration::ZERO, |_| {});
        }
    }

    /// Sends so many messages as fast as there is room; returns how long it took until all had left.
    pub(crate) fn send(&mut self, messages: u64) -> Duration {
        let begun = self.sim.now();
        let first = self.source().sent;
        let mut payload = [7; LEN];
        for number in first..first + messages {
            payload[..8].copy_from_slice(&number.to_be_bytes());
            while self.sim.send(self.sender, &payload).is_err() {
                self.sim.run_for(100 * US);
            }
        }
        while self.stats().held.queued_packets > 0 {
            self.sim.run_for(100 * US);
        }
        self.sim.application_mut::<Source>(self.sender).expect("it runs there").sent += messages;
        self.sim.now().saturating_since(begun)
    }

    /// Waits until these receivers have everything.
    pub(crate) fn settle(&mut self, nodes: &[NodeId], limit: Duration) {
        let end = self.sim.now() + limit;
        let sent = self.source().sent;
        while nodes.iter().any(|&node| self.has(node) < sent) {
            assert!(self.sim.now() < end, "{:?} of {sent}", self.all());
            self.sim.run_for(MS);
        }
    }

    fn has(&self, node: NodeId) -> u64 {
        let taker = self.taker(node);
        taker.first.unwrap_or(0) + taker.taken + taker.lost
    }

    pub(crate) fn all(&self) -> Vec<(u64, u64)> {
        self.receivers.iter().map(|&node| (self.taker(node).taken, self.taker(node).lost)).collect()
    }

    pub(crate) fn taker(&self, node: NodeId) -> &Taker {
        self.sim.application(node).expect("it runs there")
    }

    pub(crate) fn source(&self) -> &Source {
        self.sim.application(self.sender).expect("it runs there")
    }

    /// How many packets a node dropped because it had no room.
    pub(crate) fn dropped(&self, node: NodeId) -> u64 {
        let stats = self.sim.protocol(node).expect("it is up").stats();
        stats.dropped.window + stats.dropped.total
    }

    pub(crate) fn stats(&self) -> rmc_core::Stats {
        self.sim.protocol(self.sender).expect("it is up").stats()
    }
}

fn base(config: &mut Config) {
    config.events = EventMask::DEFAULT;
}

/// A window and a backlog of so many packets; messages fill one each.
pub(crate) fn window(config: &mut Config, packets: usize) {
    config.receive_window_packets = packets;
    config.backlog_packets = packets;
    config.max_burst = packets.min(10);
    config.max_message = LEN;
}
