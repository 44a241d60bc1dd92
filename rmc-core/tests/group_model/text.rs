//! Scripts as text, one operation per line, so that a failure can be run again. What `#` begins is a comment.

use std::fmt;
use std::str::FromStr;

use crate::group::script::{Control, Fate, Mode, Op, Policy, Repair, Script, Setup, Target, Weather, Where};

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.setup)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "{op}"))
    }
}

/// What proptest prints of a failure.
impl fmt::Debug for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\n{self}")
    }
}

/// What differs from the default.
impl fmt::Display for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let default = Self::default();
        writeln!(f, "seed {}", self.seed)?;
        let nodes: Vec<_> = self.nodes.iter().map(|policy| policy.name()).collect();
        writeln!(f, "nodes {}", nodes.join(" "))?;
        for (key, value, usual) in [
            ("backlog", self.backlog, default.backlog),
            ("window", self.window, default.window),
            ("datagram", self.datagram, default.datagram),
            ("burst", self.burst, default.burst),
        ] {
            if value != usual {
                writeln!(f, "{key} {value}")?;
            }
        }
        if self.timeout != default.timeout {
            writeln!(f, "timeout {}", self.timeout)?;
        }
        if let Some(bytes) = self.bytes {
            writeln!(f, "bytes {bytes}")?;
        }
        if let Some(age) = self.age {
            writeln!(f, "age {age}")?;
        }
        if let Some(rate) = self.rate {
            writeln!(f, "rate {rate}")?;
        }
        if self.mode != default.mode {
            writeln!(f, "mode {}", self.mode.name())?;
        }
        if let Some(deadline) = self.deadline {
            writeln!(f, "deadline {deadline}")?;
        }
        if self.backoff != default.backoff {
            writeln!(f, "backoff {}", self.backoff)?;
        }
        if self.repair != default.repair {
            writeln!(f, "repair {}", self.repair.name())?;
        }
        if self.share != default.share {
            writeln!(f, "share {}", self.share)?;
        }
        match self.control {
            Control::None => {}
            Control::Slowest(millis) => writeln!(f, "slowest {millis}")?,
            Control::Quorum(n) => writeln!(f, "quorum {n}")?,
        }
        if self.flush != default.flush {
            writeln!(f, "flush_after {}", self.flush)?;
        }
        for (key, is_set) in [
            ("announce", self.announce),
            ("verify", self.verify),
            ("tight", self.tight),
            ("loopback", self.loopback),
            ("packing", self.packing),
            ("adapts", self.adapts),
        ] {
            if is_set {
                writeln!(f, "{key}")?;
            }
        }
        if !self.heartbeats.is_empty() {
            writeln!(f, "heartbeats {}", joined(&self.heartbeats))?;
        }
        if self.weather != default.weather {
            let Weather { delay, jitter, loss, burst, duplication, reordering, held } = self.weather;
            writeln!(f, "weather {delay} {jitter} {loss} {burst} {duplication} {reordering} {held}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Send { node, count, len } => write!(f, "send {node} {count} {len}"),
            Self::Private { node, to, count, len } => write!(f, "private {node} {to} {count} {len}"),
            Self::Skip { node, by, len } => write!(f, "skip {node} {by} {len}"),
            Self::Reset { node } => write!(f, "reset {node}"),
            Self::Finish { node, linger } => write!(f, "finish {node} {linger}"),
            Self::Crash { node } => write!(f, "crash {node}"),
            Self::Restart { node } => write!(f, "restart {node}"),
            Self::Move { node } => write!(f, "move {node}"),
            Self::Add { policy } => write!(f, "add {}", policy.name()),
            Self::Remove { node } => write!(f, "remove {node}"),
            Self::Pause { node } => write!(f, "pause {node}"),
            Self::Resume { node } => write!(f, "resume {node}"),
            Self::Slow { node, millis } => write!(f, "slow {node} {millis}"),
            Self::Flush { node } => write!(f, "flush {node}"),
            Self::Leave { node } => write!(f, "leave {node}"),
            Self::Join { node } => write!(f, "join {node}"),
            Self::Forget { node, peer } => write!(f, "forget {node} {peer}"),
            Self::Heartbeats { node, table } => write!(f, "table {node} {}", joined(table)),
            Self::Cut { from, to } => write!(f, "cut {} {}", set(*from), set(*to)),
            Self::Heal => f.write_str("heal"),
            Self::Loss { at, loss, burst } => {
                f.write_str("loss ")?;
                match at {
                    Where::Everywhere => f.write_str("everywhere")?,
                    Where::Into(node) => write!(f, "into {node}")?,
                    Where::OutOf(node) => write!(f, "outof {node}")?,
                    Where::Between(from, to) => write!(f, "between {from} {to}")?,
                }
                write!(f, " {loss} {burst}")
            }
            Self::Wait { millis } => write!(f, "wait {millis}"),
            Self::Fates { fates } => {
                f.write_str("fates")?;
                fates.iter().try_for_each(|fate| match fate {
                    Fate::Pass => f.write_str(" ."),
                    Fate::Drop => f.write_str(" x"),
                    Fate::Delay(millis) => write!(f, " +{millis}"),
                    Fate::Twice(millis) => write!(f, " ={millis}"),
                })
            }
            Self::Forge { stranger, target, bytes } => write!(f, "forge {stranger} {target} {}", Hex(bytes)),
            Self::Spoof { from, target, bytes } => write!(f, "spoof {from} {target} {}", Hex(bytes)),
            Self::Garbage { from, target, bytes } => write!(f, "garbage {from} {target} {}", Hex(bytes)),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group => f.write_str("group"),
            Self::Node(node) => write!(f, "{node}"),
        }
    }
}

struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Policy {
    const ALL: [Self; 5] = [Self::First, Self::Oldest, Self::Now, Self::Silent, Self::Mute];

    const fn name(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Oldest => "oldest",
            Self::Now => "now",
            Self::Silent => "silent",
            Self::Mute => "mute",
        }
    }
}

impl Mode {
    const ALL: [Self; 4] = [Self::Ordered, Self::Deadline, Self::Unordered, Self::Latest];

    const fn name(self) -> &'static str {
        match self {
            Self::Ordered => "ordered",
            Self::Deadline => "deadline",
            Self::Unordered => "unordered",
            Self::Latest => "latest",
        }
    }
}

impl Repair {
    const ALL: [Self; 3] = [Self::Unicast, Self::Multicast, Self::Adaptive];

    const fn name(self) -> &'static str {
        match self {
            Self::Unicast => "unicast",
            Self::Multicast => "multicast",
            Self::Adaptive => "adaptive",
        }
    }
}

fn joined<T: fmt::Display>(values: &[T]) -> String {
    values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// The nodes of a set, as `0,3,4`; `-`: none.
fn set(bits: u16) -> String {
    let nodes: Vec<_> = (0..16).filter(|node| bits & 1 << node != 0).map(|node: u16| node.to_string()).collect();
    if nodes.is_empty() { "-".to_owned() } else { nodes.join(",") }
}

/// A line that is no line of a script.
#[derive(Debug)]
pub(crate) struct BadLine(String);

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no line of a script: {}", self.0)
    }
}

impl FromStr for Script {
    type Err = BadLine;

    fn from_str(text: &str) -> Result<Self, BadLine> {
        let mut script = Self::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(verb) = words.next() else { continue };
            let mut words = Words(words);
            let read = script.setup.read(verb, &mut words).or_else(|| {
                script.ops.push(Op::read(verb, &mut words)?);
                Some(())
            });
            if read.is_none() || words.0.next().is_some() {
                return Err(BadLine(line.to_owned()));
            }
        }
        Ok(script)
    }
}

struct Words<'a>(std::str::SplitWhitespace<'a>);

impl Words<'_> {
    fn word<T: FromStr>(&mut self) -> Option<T> {
        self.0.next()?.parse().ok()
    }

    fn rest<T: FromStr>(&mut self) -> Option<Vec<T>> {
        self.0.by_ref().map(|word| word.parse().ok()).collect()
    }

    fn policy(word: &str) -> Option<Policy> {
        Policy::ALL.into_iter().find(|policy| policy.name() == word)
    }

    fn set(&mut self) -> Option<u16> {
        let word = self.0.next()?;
        if word == "-" {
            return Some(0);
        }
        word.split(',').try_fold(0, |bits, node| Some(bits | 1_u16.checked_shl(node.parse().ok()?)?))
    }

    fn target(&mut self) -> Option<Target> {
        match self.0.next()? {
            "group" => Some(Target::Group),
            node => Some(Target::Node(node.parse().ok()?)),
        }
    }

    fn place(&mut self) -> Option<Where> {
        match self.0.next()? {
            "everywhere" => Some(Where::Everywhere),
            "into" => Some(Where::Into(self.word()?)),
            "outof" => Some(Where::OutOf(self.word()?)),
            "between" => Some(Where::Between(self.word()?, self.word()?)),
            _ => None,
        }
    }

    fn fate(word: &str) -> Option<Fate> {
        match word.split_at_checked(1)? {
            (".", "") => Some(Fate::Pass),
            ("x", "") => Some(Fate::Drop),
            ("+", millis) => Some(Fate::Delay(millis.parse().ok()?)),
            ("=", millis) => Some(Fate::Twice(millis.parse().ok()?)),
            _ => None,
        }
    }

    /// Bytes in hex; no word at all: none.
    fn bytes(&mut self) -> Option<Vec<u8>> {
        let word = self.0.next().unwrap_or_default();
        let byte = |at| u8::from_str_radix(word.get(at..at + 2)?, 16).ok();
        (0..word.len()).step_by(2).map(byte).collect()
    }
}

impl Setup {
    /// Takes a line of the setup; `None`: it is none.
    fn read(&mut self, key: &str, words: &mut Words<'_>) -> Option<()> {
        match key {
            "seed" => self.seed = words.word()?,
            "nodes" => self.nodes = words.0.by_ref().map(Words::policy).collect::<Option<_>>()?,
            "backlog" => self.backlog = words.word()?,
            "window" => self.window = words.word()?,
            "bytes" => self.bytes = Some(words.word()?),
            "age" => self.age = Some(words.word()?),
            "datagram" => self.datagram = words.word()?,
            "burst" => self.burst = words.word()?,
            "rate" => self.rate = Some(words.word()?),
            "announce" => self.announce = true,
            "deadline" => self.deadline = Some(words.word()?),
            "backoff" => self.backoff = words.word()?,
            "repair" => {
                let word = words.0.next()?;
                self.repair = Repair::ALL.into_iter().find(|repair| repair.name() == word)?;
            }
            "verify" => self.verify = true,
            "share" => self.share = words.word()?,
            "mode" => {
                let word = words.0.next()?;
                self.mode = Mode::ALL.into_iter().find(|mode| mode.name() == word)?;
            }
            "tight" => self.tight = true,
            "slowest" => self.control = Control::Slowest(words.word()?),
            "quorum" => self.control = Control::Quorum(words.word()?),
            "flush_after" => self.flush = words.word()?,
            "packing" => self.packing = true,
            "adapts" => self.adapts = true,
            "heartbeats" => self.heartbeats = words.rest()?,
            "timeout" => self.timeout = words.word()?,
            "loopback" => self.loopback = true,
            "weather" => {
                self.weather = Weather {
                    delay: words.word()?,
                    jitter: words.word()?,
                    loss: words.word()?,
                    burst: words.word()?,
                    duplication: words.word()?,
                    reordering: words.word()?,
                    held: words.word()?,
                }
            }
            _ => return None,
        }
        Some(())
    }
}

impl Op {
    fn read(verb: &str, words: &mut Words<'_>) -> Option<Self> {
        Some(match verb {
            "send" => Self::Send { node: words.word()?, count: words.word()?, len: words.word()? },
            "private" => {
                Self::Private { node: words.word()?, to: words.word()?, count: words.word()?, len: words.word()? }
            }
            "skip" => Self::Skip { node: words.word()?, by: words.word()?, len: words.word()? },
            "reset" => Self::Reset { node: words.word()? },
            "finish" => Self::Finish { node: words.word()?, linger: words.word()? },
            "crash" => Self::Crash { node: words.word()? },
            "restart" => Self::Restart { node: words.word()? },
            "move" => Self::Move { node: words.word()? },
            "add" => Self::Add { policy: Words::policy(words.0.next()?)? },
            "remove" => Self::Remove { node: words.word()? },
            "pause" => Self::Pause { node: words.word()? },
            "resume" => Self::Resume { node: words.word()? },
            "slow" => Self::Slow { node: words.word()?, millis: words.word()? },
            "flush" => Self::Flush { node: words.word()? },
            "leave" => Self::Leave { node: words.word()? },
            "join" => Self::Join { node: words.word()? },
            "forget" => Self::Forget { node: words.word()?, peer: words.word()? },
            "table" => Self::Heartbeats { node: words.word()?, table: words.rest()? },
            "cut" => Self::Cut { from: words.set()?, to: words.set()? },
            "heal" => Self::Heal,
            "loss" => Self::Loss { at: words.place()?, loss: words.word()?, burst: words.word()? },
            "wait" => Self::Wait { millis: words.word()? },
            "fates" => Self::Fates { fates: words.0.by_ref().map(Words::fate).collect::<Option<_>>()? },
            "forge" => Self::Forge { stranger: words.word()?, target: words.target()?, bytes: words.bytes()? },
            "spoof" => Self::Spoof { from: words.word()?, target: words.target()?, bytes: words.bytes()? },
            "garbage" => Self::Garbage { from: words.word()?, target: words.target()?, bytes: words.bytes()? },
            _ => return None,
        })
    }
}
