//! A node, its clock, and all that came out of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use rmc_core::packet::{Body, Flags, Packet};
use rmc_core::{
    Action, Config, EndCause, Event, EventMask, FlowControl, Instant, JoinPolicy, LossCause, Path, Protocol, Received,
    RepairMode, Stream, StreamInfo,
};

pub(crate) const MS: Duration = Duration::from_millis(1);
pub(crate) const US: Duration = Duration::from_micros(1);
pub(crate) const NS: Duration = Duration::from_nanos(1);
pub(crate) const SECOND: Duration = Duration::from_secs(1);

/// The node's own epoch.
pub(crate) const OWN: u32 = 100;
/// The epoch of its peers.
pub(crate) const EPOCH: u32 = 50;

pub(crate) fn group() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(239, 255, 77, 1), 8000))
}

/// The node itself.
pub(crate) fn own() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::new(10, 0, 0, 1), 5000))
}

/// The `index`-th of many peers.
pub(crate) fn peer(index: u16) -> SocketAddr {
    let [high, low] = index.to_be_bytes();
    SocketAddr::from((Ipv4Addr::new(10, 1, high, low), 5000))
}

/// A packet that the node sent, by what matters of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Sent {
    Data(u64),
    Repair(u64),
    Heartbeat {
        seq: u64,
        oldest: u64,
        interval: Duration,
        end: bool,
    },
    Times(Vec<Duration>),
    /// The ranges, both ends included.
    Nack(Vec<(u64, u64)>),
    /// The range that is gone, both ends included.
    Lost(u64, u64),
    Reset(u64),
    Ack(u64),
    Confirm {
        seq: u64,
        reason: u8,
        delay: Duration,
        cookie: u32,
    },
}

/// When, where to, and what.
#[derive(Clone, Debug)]
pub(crate) struct Transmission {
    pub(crate) at: Duration,
    pub(crate) to: SocketAddr,
    pub(crate) what: Sent,
    pub(crate) private: bool,
    pub(crate) stamp: u32,
    pub(crate) bytes: Vec<u8>,
}

/// An item of `recv` that owns its parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    Message { seq: u64, index: u16, payload: Vec<u8> },
    Lost(Vec<(u64, u64)>, LossCause),
    Restarted(u32),
    Ended(EndCause),
}

/// A message of one packet, as `packets::data` makes it.
pub(crate) fn message(seq: u64) -> Item {
    Item::Message { seq, index: 0, payload: crate::packets::payload(seq) }
}

pub(crate) fn lost(first: u64, last: u64, cause: LossCause) -> Item {
    Item::Lost(vec![(first, last)], cause)
}

pub(crate) struct Lone {
    pub(crate) node: Protocol,
    pub(crate) sent: Vec<Transmission>,
    pub(crate) events: Vec<(Duration, Event)>,
    pub(crate) now: Duration,
    /// What the last drain asked for.
    pub(crate) deadline: Option<Duration>,
}

impl Lone {
    /// A node that follows streams from their start, tells every event, and whose configuration `change` changes. Its
    /// time begins at 0.
    pub(crate) fn new(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::new(group(), OWN, 4711);
        // Most rules are about what is asked, not about when: at once.
        config.max_nack_backoff = Duration::ZERO;
        config.nack_interval = Duration::ZERO;
        config.local_addrs = vec![own()];
        config.join_policy = JoinPolicy::FromStart;
        config.events = EventMask::ALL;
        // What the seed did: each asker is answered alone and is who it says it is.
        config.repair_mode = RepairMode::Unicast;
        config.verify_askers = false;
        // One message, one number.
        config.packing = false;
        // Nobody is told what came, nor waited for.
        config.acknowledge = false;
        config.flow_control = FlowControl::None;
        change(&mut config);
        let node = Protocol::new(config, Instant::ORIGIN).expect("the configuration is valid");
        let mut lone = Self { node, sent: Vec::new(), events: Vec::new(), now: Duration::ZERO, deadline: None };
        lone.drain();
        lone
    }

    pub(crate) fn instant(&self) -> Instant {
        Instant::from_origin(self.now)
    }

    /// Lets time pass up to `time`, with every deadline on the way at its moment, and does all that is due then.
    pub(crate) fn run_to(&mut self, time: Duration) {
        assert!(time >= self.now, "{time:?} lies before {:?}", self.now);
        self.tick_all(time);
        self.now = time;
        self.tick_all(time);
    }

    fn tick_all(&mut self, time: Duration) {
        for _ in 0..1_000_000 {
            self.tick();
            let Some(deadline) = self.deadline.filter(|&deadline| deadline <= time) else {
                return;
            };
            self.now = self.now.max(deadline);
        }
        panic!("called again without end at {:?}", self.now);
    }

    pub(crate) fn run_for(&mut self, duration: Duration) {
        self.run_to(self.now + duration);
    }

    /// Time has passed; one drain.
    pub(crate) fn tick(&mut self) {
        self.node.handle_timeout(self.instant());
        self.drain();
    }

    /// One drain.
    pub(crate) fn drain(&mut self) {
        while let Some(action) = self.poll() {
            match action {
                Output::Transmit(transmission) => self.sent.push(transmission),
                Output::Event(event) => self.events.push((self.now, event)),
            }
        }
    }

    /// One action; `None` at the end of the drain.
    pub(crate) fn poll(&mut self) -> Option<Output> {
        match self.node.poll_action() {
            Action::Transmit(transmit) => {
                assert_eq!(transmit.segment_size, None);
                Some(Output::Transmit(read(self.now, transmit.destination, transmit.contents)))
            }
            Action::Event(event) => Some(Output::Event(event)),
            Action::ArmTimer(deadline) => {
                self.deadline = deadline.map(|deadline| deadline.saturating_since(Instant::ORIGIN));
                None
            }
        }
    }

    /// Polls up to the next packet, which is not noted.
    pub(crate) fn poll_transmit(&mut self) -> Option<Transmission> {
        loop {
            match self.poll()? {
                Output::Transmit(transmission) => return Some(transmission),
                Output::Event(event) => self.events.push((self.now, event)),
            }
        }
    }

    /// A datagram comes, without a drain.
    pub(crate) fn feed(&mut self, from: SocketAddr, path: Path, bytes: &[u8]) {
        self.node.handle_datagram(Instant::from_origin(self.now), from, path, bytes);
    }

    /// A packet comes by the group's address; then a drain.
    pub(crate) fn hear(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.feed(from, Path::Multicast, bytes);
        self.drain();
    }

    /// A packet comes to the node alone; then a drain.
    pub(crate) fn hear_unicast(&mut self, from: SocketAddr, bytes: &[u8]) {
        self.feed(from, Path::Unicast, bytes);
        self.drain();
    }

    /// Whole messages of `peer(0)`, one after the other.
    pub(crate) fn hear_all(&mut self, seqs: impl IntoIterator<Item = u64>) {
        for seq in seqs {
            self.hear(peer(0), &crate::packets::data(seq));
        }
    }

    /// Sends `count` messages of one packet each, all of which leave.
    pub(crate) fn send_all(&mut self, count: u64) {
        for _ in 0..count {
            let seq = self.node.next_seq();
            self.node.send(self.instant(), &crate::packets::payload(seq)).expect("there is room");
            self.settle();
        }
    }

    /// Everything that is due now is done.
    pub(crate) fn settle(&mut self) {
        self.run_to(self.now);
    }

    /// Everything that `recv` has.
    pub(crate) fn take(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while let Some(item) = self.take_one() {
            items.push(item);
        }
        self.drain();
        items
    }

    pub(crate) fn take_one(&mut self) -> Option<Item> {
        let ends = |ranges: &[rmc_core::SeqRange]| ranges.iter().map(|range| (range.first(), range.last())).collect();
        self.node.recv().map(|received| match received {
            Received::Message { seq, index, payload, .. } => Item::Message { seq, index, payload: payload.to_vec() },
            Received::Lost { ranges, cause, .. } => Item::Lost(ends(ranges), cause),
            Received::Restarted { epoch, .. } => Item::Restarted(epoch),
            Received::Ended { cause, .. } => Item::Ended(cause),
            other => panic!("{other:?} is new to these tests"),
        })
    }

    /// What was sent since the last call, without where and when.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        self.sent.drain(..).map(|transmission| transmission.what).collect()
    }

    /// Every number that NACKs sent since the last call ask for, in order, repetitions included. Forgets all that was
    /// sent.
    pub(crate) fn asked(&mut self) -> Vec<u64> {
        let ranges =
            self.sent().into_iter().filter_map(|sent| if let Sent::Nack(ranges) = sent { Some(ranges) } else { None });
        ranges.flatten().flat_map(|(first, last)| first..=last).collect()
    }

    /// The events since the last call that `choose` chooses.
    pub(crate) fn told<T>(&mut self, choose: impl FnMut(Event) -> Option<T>) -> Vec<T> {
        self.events.drain(..).map(|(_, event)| event).filter_map(choose).collect()
    }

    /// The group's stream of `peer(0)`.
    pub(crate) fn stream(&self) -> StreamInfo {
        self.node.peer(peer(0)).and_then(|peer| peer.group).expect("the peer has a stream")
    }
}

/// An action that is not the end of a drain.
pub(crate) enum Output {
    Transmit(Transmission),
    Event(Event),
}

fn read(at: Duration, to: SocketAddr, bytes: &[u8]) -> Transmission {
    let packet = match Packet::decode(bytes) {
        Ok(packet) => packet,
        Err(error) => panic!("sent {bytes:02x?}, which does not decode: {error}"),
    };
    assert_eq!(packet.epoch, OWN, "{packet}");
    let seq = packet.seq;
    let mut answers = 0;
    let what = match packet.body {
        Body::Data { .. } if packet.flags.contains(Flags::RESENT) => Sent::Repair(seq),
        Body::Data { .. } => Sent::Data(seq),
        Body::Heartbeat { oldest, interval, .. } => {
            let interval = Duration::from_micros(u64::from(interval));
            Sent::Heartbeat { seq, oldest, interval, end: packet.flags.contains(Flags::END) }
        }
        Body::HeartbeatTimes { intervals } => {
            Sent::Times(intervals.iter().map(|micros| Duration::from_micros(u64::from(micros))).collect())
        }
        Body::Nack { ranges, stamp, .. } => {
            answers = stamp;
            Sent::Nack(ranges.iter(seq).map(|range| (range.first(), range.last())).collect())
        }
        Body::Lost { first, stamp } => {
            answers = stamp;
            Sent::Lost(first, seq - 1)
        }
        Body::Reset { stamp } => {
            answers = stamp;
            Sent::Reset(seq)
        }
        Body::Ack { .. } => Sent::Ack(seq),
        Body::Confirm { reason, delay, stamp, cookie, .. } => {
            answers = stamp;
            Sent::Confirm { seq, reason, delay: Duration::from_micros(u64::from(delay)), cookie }
        }
    };
    let private = packet.flags.contains(Flags::PRIVATE);
    Transmission { at, to, what, private, stamp: answers, bytes: bytes.to_vec() }
}

/// The stream of an event, where tests ask for it.
pub(crate) const GROUP: Stream = Stream::Group;
