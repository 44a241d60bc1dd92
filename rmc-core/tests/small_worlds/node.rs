//! One node of a world: its protocol, shared between the states in which it is the same.

use std::hash::{BuildHasher, Hasher};
use std::rc::Rc;

use foldhash::quality::FixedState;
use rmc_core::{
    Action, Config, EndCause, Event, Fingerprint, Instant, LossCause, Protocol, Received, SeqRange, Stream,
};

use crate::plan::{group, node_of};

/// More polls than any drain of so small a world needs.
const MAX_POLLS: usize = 100;

#[derive(Clone)]
pub(crate) struct Node {
    protocol: Rc<Protocol>,
    deadline: Option<Instant>,
    /// Of which time the next two are.
    seen_at: Option<Instant>,
    digest: u128,
    stamps: Rc<[u32]>,
}

/// What a node did because of one input.
#[derive(Default)]
pub(crate) struct Output {
    /// To which node (`None`: the group), and what.
    pub(crate) left: Vec<(Option<usize>, Rc<[u8]>)>,
    pub(crate) items: Vec<Item>,
    /// Receivers that the sender waits for no longer.
    pub(crate) let_go: Vec<usize>,
}

/// What the application and the model are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// Beside the stream: the sender is known by this epoch from now on.
    Known {
        epoch: u32,
    },
    Message {
        stream: Stream,
        seq: u64,
        payload: Vec<u8>,
    },
    Lost {
        stream: Stream,
        range: SeqRange,
        cause: LossCause,
    },
    Restarted {
        epoch: u32,
    },
    Ended {
        stream: Stream,
        cause: EndCause,
    },
}

impl Node {
    pub(crate) fn new(config: Config, now: Instant) -> Self {
        let protocol = Rc::new(Protocol::new(config, now).expect("the configuration is valid"));
        let mut node = Self { protocol, deadline: None, seen_at: None, digest: 0, stamps: [].into() };
        let output = node.input(true, |_| ());
        assert!(output.left.is_empty(), "a new node has nothing to say");
        node
    }

    pub(crate) fn protocol(&self) -> &Protocol {
        &self.protocol
    }

    pub(crate) const fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(crate) fn is_due_by(&self, time: Instant) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= time)
    }

    pub(crate) fn is_readable(&self) -> bool {
        self.protocol.stats().held.readable > 0
    }

    /// The stamps that the node knew when its digest was taken last.
    pub(crate) fn stamps(&self) -> &[u32] {
        &self.stamps
    }

    /// One input, the drain after it, and what a prompt application takes.
    pub(crate) fn input(&mut self, takes: bool, input: impl FnOnce(&mut Protocol)) -> Output {
        let mut output = Output::default();
        let protocol = Rc::make_mut(&mut self.protocol);
        input(protocol);
        self.deadline = drain(protocol, &mut output);
        while takes && take(protocol, &mut output) {
            self.deadline = drain(protocol, &mut output);
        }
        self.seen_at = None;
        output
    }

    /// The application takes one item.
    pub(crate) fn take(&mut self) -> Output {
        let mut output = Output::default();
        let protocol = Rc::make_mut(&mut self.protocol);
        take(protocol, &mut output);
        self.deadline = drain(protocol, &mut output);
        self.seen_at = None;
        output
    }

    /// A digest of everything that decides what it does from `now` on, but for the values of stamps.
    pub(crate) fn digest(&mut self, now: Instant, scratch: &mut Fingerprint) -> u128 {
        if self.seen_at != Some(now) {
            self.protocol.fingerprint(now, scratch);
            self.digest = digest(scratch.words());
            if *self.stamps != *scratch.stamps() {
                self.stamps = scratch.stamps().into();
            }
            self.seen_at = Some(now);
        }
        self.digest
    }
}

/// 128 bits of a list of numbers: two hashes with different seeds.
pub(crate) fn digest(words: &[u64]) -> u128 {
    let half = |seed| {
        let mut hasher = FixedState::with_seed(seed).build_hasher();
        words.iter().for_each(|&word| hasher.write_u64(word));
        u128::from(hasher.finish())
    };
    half(1) << 64 | half(2)
}

// RMC-SEC-1
fn drain(protocol: &mut Protocol, output: &mut Output) -> Option<Instant> {
    for _ in 0..MAX_POLLS {
        match protocol.poll_action() {
            Action::Transmit(transmit) => {
                let to = (transmit.destination != group()).then(|| node_of(transmit.destination));
                output.left.push((to, transmit.contents.into()));
            }
            Action::Event(Event::NewSender { epoch, .. } | Event::PeerRestarted { epoch, .. }) => {
                output.items.push(Item::Known { epoch });
            }
            Action::Event(Event::PeerEvicted { peer, .. }) => output.let_go.push(node_of(peer)),
            Action::Event(_) => {}
            Action::ArmTimer(deadline) => return deadline,
        }
    }
    panic!("a drain does not end");
}

fn take(protocol: &mut Protocol, output: &mut Output) -> bool {
    let Some(received) = protocol.recv() else { return false };
    output.items.push(match received {
        Received::Message { stream, seq, payload, .. } => Item::Message { stream, seq, payload: payload.to_vec() },
        Received::Lost { stream, ranges, cause, .. } => {
            let [range] = ranges else { panic!("one range an item: {ranges:?}") };
            Item::Lost { stream, range: *range, cause }
        }
        Received::Restarted { epoch, .. } => Item::Restarted { epoch },
        Received::Ended { stream, cause, .. } => Item::Ended { stream, cause },
        other => panic!("{other:?} is new to this test"),
    });
    true
}
