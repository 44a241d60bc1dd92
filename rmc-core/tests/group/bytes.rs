//! Scripts that bytes spell, for the fuzzer: one sender and three receivers, and a schedule for each datagram.

use arbitrary::{Arbitrary, Unstructured};

use super::script::{Control, Mode, Op, Policy, Repair, Script, Setup, Target, Weather};
use super::shape::Shape;

/// More operations than this in one script show nothing new.
const MAX_OPS: usize = 256;
/// What nodes begin with.
const EPOCH: u32 = u32::MAX;

/// What of the setup varies; the bounds are always small, so that they are reached.
#[derive(Arbitrary)]
struct Choices {
    seed: u8,
    policies: [Policy; 3],
    backlog: u8,
    bytes: bool,
    age: bool,
    paced: bool,
    announce: bool,
    tight: bool,
    heartbeats: bool,
    loopback: bool,
    burst: u8,
    jitter: u8,
    mode: Mode,
    backoff: u8,
    /// The defaults, which are Adaptive and to be proven, are 0.
    repair: u8,
    trusts: bool,
    share: u8,
    deadline: u8,
    control: Control,
    window: u8,
    packing: bool,
    flush: u8,
    adapts: bool,
}

/// An operation, or a packet that is legal more often than not, from an address that is no node's.
#[derive(Arbitrary)]
enum Step {
    Op(Op),
    Forge { stranger: u8, target: Target, epoch: u8, shape: Shape },
    Spoof { from: u8, epoch: u8, shape: Shape },
}

/// The script that these bytes spell.
pub(crate) fn script(bytes: &[u8]) -> Script {
    let mut input = Unstructured::new(bytes);
    let Ok(choices) = Choices::arbitrary(&mut input) else { return Script::default() };
    let mut ops = Vec::new();
    while !input.is_empty() && ops.len() < MAX_OPS {
        let Ok(step) = Step::arbitrary(&mut input) else { break };
        ops.extend(op(step));
    }
    Script { setup: choices.setup(), ops }
}

impl Choices {
    fn setup(&self) -> Setup {
        let backlog = 10 + usize::from(self.backlog % 32);
        let [one, two, three] = self.policies;
        Setup {
            seed: self.seed.into(),
            nodes: vec![Policy::First, one, two, three],
            backlog,
            window: if self.window > 0 { usize::from(self.window) } else { backlog + usize::from(self.backlog / 32) },
            bytes: self.bytes.then_some(1_200),
            age: self.age.then_some(200),
            burst: usize::from(self.burst % 10) + 1,
            rate: self.paced.then_some(50_000),
            announce: self.announce,
            mode: self.mode,
            deadline: (self.deadline > 0).then_some(u16::from(self.deadline)),
            backoff: 4 * u16::from(self.backoff),
            repair: [Repair::Adaptive, Repair::Multicast, Repair::Unicast][usize::from(self.repair % 3)],
            verify: !self.trusts,
            share: 1 + self.share % 99,
            tight: self.tight,
            heartbeats: if self.heartbeats { vec![5, 20, 80] } else { Vec::new() },
            control: match self.control {
                Control::Slowest(millis) => Control::Slowest(millis % 3_000),
                Control::Quorum(n) => Control::Quorum(n % 4),
                Control::None => Control::None,
            },
            packing: self.packing,
            flush: u16::from(self.flush),
            adapts: self.adapts && self.control == Control::None,
            timeout: 600,
            loopback: self.loopback,
            weather: Weather { jitter: u16::from(self.jitter) * 20, held: 1, ..Weather::default() },
            ..Setup::default()
        }
    }
}

fn op(step: Step) -> Option<Op> {
    // The first node is the sender.
    Some(match step {
        Step::Forge { stranger, target, epoch, shape } => {
            Op::Forge { stranger, target, bytes: shape.encode(u32::from(epoch % 4), EPOCH, 0, 0)? }
        }
        // To the sender, with the first epoch of a node, or the next ones.
        Step::Spoof { from, epoch, shape } => {
            let bytes = shape.encode(EPOCH.wrapping_add(u32::from(epoch % 3)), EPOCH, 0, 0)?;
            Op::Spoof { from, target: Target::Node(0), bytes }
        }
        Step::Op(Op::Send { count, len, .. }) => Op::Send { node: 0, count: count % 16, len },
        Step::Op(Op::Private { to, count, len, .. }) => Op::Private { node: 0, to, count: count % 16, len },
        Step::Op(Op::Skip { by, len, .. }) => Op::Skip { node: 0, by: by % 2_000, len },
        Step::Op(Op::Reset { .. }) => Op::Reset { node: 0 },
        Step::Op(Op::Wait { millis }) => Op::Wait { millis: millis % 1_000 },
        Step::Op(Op::Loss { at, loss, burst }) => Op::Loss { at, loss: loss % 1_000, burst: burst % 16 },
        Step::Op(Op::Heartbeats { node, table }) => Op::Heartbeats { node, table: table.into_iter().take(4).collect() },
        Step::Op(op) => op,
    })
}
