//! One sender and many receivers: the scenario that claims about recovery are measured in.

use alloc::vec::Vec;
use core::num::NonZeroU64;
use core::ops::ControlFlow;
use core::time::Duration;

use super::error::SimError;
use super::link::Link;
use super::loss::Loss;
use super::meter::{Meter, data_of};
use super::node::{Discard, NodeId};
use super::quiet::Stuck;
use super::tap::{Datagram, Place, Verdict};
use super::{GROUP, Sim};
use crate::config::Config;
use crate::error::SendError;

/// One sender, many receivers, and the links between them. [`run`](Self::run) plays it and measures.
///
/// ```
/// use core::time::Duration;
/// use rmc_core::sim::{Link, Loss, Scenario};
///
/// let mut scenario = Scenario::new(20, 500);
/// scenario.ingress = Link::IDEAL.with_delay(Duration::from_micros(500)).with_loss(Loss::percent(1));
/// let report = scenario.run()?;
/// assert!(report.ok);
/// assert!(report.repairs > 0);
/// # Ok::<(), rmc_core::sim::SimError>(())
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Scenario {
    /// How many receivers.
    pub receivers: usize,
    /// How many messages the sender sends.
    pub messages: u64,
    /// Bytes of a message. Default 100.
    pub size: usize,
    /// Messages a second. Default 10,000. 0: as fast as the send queue takes them.
    pub rate: u64,
    /// The link out of the sender: what is lost here is lost for all. Default [`Link::IDEAL`].
    pub egress: Link,
    /// How many bytes of IP packets may wait for the egress's rate before the sender waits as well, see
    /// [`Sim::set_send_buffer`]. Default `None`: it never does.
    pub send_buffer: Option<u64>,
    /// The link into each receiver. Default: 500 us, and nothing is lost.
    pub ingress: Link,
    /// The link into the sender, on which NACKs come. Default: 500 us, and nothing is lost.
    pub feedback: Link,
    /// The link out of each receiver, where NACKs leave. Default [`Link::IDEAL`].
    pub uplink: Link,
    /// The first transmission of each data packet whose number is a multiple of this is lost for all, beside what the
    /// links lose. Default 0: of none.
    pub shared_every: u64,
    /// What the first receiver loses in place of the ingress's loss. Default: `None`.
    pub slow: Option<Loss>,
    /// The configuration of every node, but for its addresses, epoch and seed.
    pub config: Config,
    /// The seed of the simulation. Default 1.
    pub seed: u64,
    /// How long after the last message it is waited for all to have everything. Default 60 s.
    pub patience: Duration,
    /// How many records of its [`Trace`](super::Trace) are kept. Default 0.
    pub records: usize,
}

/// How far a [`Scenario`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Course {
    /// How many messages were sent.
    pub sent: u64,
    /// How many receivers have everything.
    pub complete: usize,
}

/// What a [`Scenario`] came to.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Report {
    /// Whether every receiver got every message once, in order and intact.
    pub ok: bool,
    /// Of the whole [`Trace`](super::Trace).
    pub digest: u64,
    /// Packets whose first transmission was lost on the way to at least one receiver, each counted once.
    pub lost_packets: u64,
    /// NACK datagrams that reached the sender.
    pub nacks: u64,
    /// Those of them that name the packet that was lost first.
    pub nacks_first_loss: u64,
    /// Those of them that name the packet that was lost as the 11th, or one that was lost later.
    pub nacks_from_11th: u64,
    /// Data packets sent for the first time.
    pub first_transmissions: u64,
    /// Repairs sent: one to one receiver counts as much as one to all.
    pub repairs: u64,
    /// Bytes of the IP packets of the first transmissions, with IP and UDP headers.
    pub first_bytes: u64,
    /// Bytes of all that the sender sent until `elapsed` was over, likewise, but for those that waited for the rate of its
    /// egress then. Without drops there it is what the egress has carried.
    pub sent_bytes: u64,
    /// Numbers that receivers reported as lost for good.
    pub given_up: u64,
    /// How long after a receiver saw that a number was missing it had it; one for each number and receiver, ascending.
    /// From then on it is delivered as soon as nothing before it is missing: what it waits for then is another
    /// number's recovery, and counts there.
    pub recoveries: Vec<Duration>,
    /// When the last receiver had everything, since the first message was sent; or all the time there was.
    pub elapsed: Duration,
    /// Receivers that had everything.
    pub complete: usize,
    /// Who waited for what when patience had ended.
    pub stuck: Option<Stuck>,
}

impl Scenario {
    /// `receivers` receivers and `messages` messages, everything else by default.
    #[must_use]
    pub fn new(receivers: usize, messages: u64) -> Self {
        let link = Link::IDEAL.with_delay(Duration::from_micros(500));
        Self {
            receivers,
            messages,
            size: 100,
            rate: 10_000,
            egress: Link::IDEAL,
            send_buffer: None,
            ingress: link.clone(),
            feedback: link,
            uplink: Link::IDEAL,
            shared_every: 0,
            slow: None,
            config: Config::new(GROUP, 1, 0),
            seed: 1,
            patience: Duration::from_secs(60),
            records: 0,
        }
    }

    /// Plays it.
    ///
    /// # Errors
    ///
    /// The configuration is invalid, or does not allow such messages.
    pub fn run(&self) -> Result<Report, SimError> {
        self.play().map(|(report, _)| report)
    }

    /// Plays it, and gives the simulation as well, as it stands in the end: for its trace.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn play(&self) -> Result<(Report, Sim), SimError> {
        self.play_watched(|_| ControlFlow::Continue(()))
    }

    /// The same, and tells `watch` how far it is: after each message, and after each step while the send queue is full
    /// and from the last message on. If it breaks, the scenario ends there, and the report is about what has happened
    /// until then.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn play_watched(&self, mut watch: impl FnMut(Course) -> ControlFlow<()>) -> Result<(Report, Sim), SimError> {
        let mut sim = Sim::new(self.seed);
        sim.record(self.records);
        let sender = self.build(&mut sim)?;
        sim.set_observer(Meter::new(sender, self.messages, self.size));
        let start = sim.now();
        let stuck = match self.send(&mut sim, sender, &mut watch)? {
            ControlFlow::Continue(()) => self.wait(&mut sim, &mut watch),
            ControlFlow::Break(()) => None,
        };
        let elapsed = sim.now().saturating_since(start);
        let sent_bytes = sent_bytes(&sim).saturating_sub(sim.net.queued(sender));
        if complete(&sim) == self.receivers {
            // Whoever was repaired by what others had asked for may have asked in vain: that has cost a NACK, too.
            sim.run_for(self.nack_delay());
        }
        let report = self.report(&mut sim, sent_bytes, elapsed, stuck);
        Ok((report, sim))
    }

    fn send(
        &self,
        sim: &mut Sim,
        sender: NodeId,
        watch: &mut impl FnMut(Course) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, SimError> {
        let start = sim.now();
        let mut payload = Vec::new();
        for index in 0..self.messages {
            if self.rate > 0 {
                sim.run_to(start + time_of(index, self.rate));
            }
            message(index, self.size, &mut payload);
            while let Err(error) = sim.send(sender, &payload) {
                if error != SimError::Send(SendError::Full) || sim.step().is_none() {
                    return Err(error);
                }
                if watch(Course { sent: index, complete: complete(sim) }).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
            if watch(Course { sent: index + 1, complete: complete(sim) }).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Waits for all to have everything; who has not when patience ends is told.
    fn wait(&self, sim: &mut Sim, watch: &mut impl FnMut(Course) -> ControlFlow<()>) -> Option<Stuck> {
        sim.run_until(self.patience, |sim| {
            let course = Course { sent: self.messages, complete: complete(sim) };
            course.complete == self.receivers || watch(course).is_break()
        })
        .err()
    }

    /// How long a NACK is on its way at most, where no link has a rate.
    fn nack_delay(&self) -> Duration {
        let parts =
            [&self.uplink, &self.feedback].into_iter().flat_map(|link| [link.delay, link.jitter, link.held_back]);
        parts.fold(Duration::ZERO, Duration::saturating_add)
    }

    fn build(&self, sim: &mut Sim) -> Result<NodeId, SimError> {
        sim.set_links(&self.uplink, &self.ingress);
        let sender = sim.add(|config| self.configure(config))?;
        sim.set_egress(sender, self.egress.clone())?;
        sim.set_send_buffer(sender, self.send_buffer)?;
        sim.set_ingress(sender, self.feedback.clone())?;
        for index in 0..self.receivers {
            let receiver = sim.add(|config| self.configure(config))?;
            sim.run_application(receiver, Discard);
            if let Some(loss) = self.slow.clone().filter(|_| index == 0) {
                sim.set_ingress(receiver, self.ingress.clone().with_loss(loss))?;
            }
        }
        if let Some(n) = NonZeroU64::new(self.shared_every) {
            sim.set_tap(move |datagram: &Datagram<'_>, place: Place| {
                let leaves = (place == Place::Leaves).then(|| data_of(sender, datagram)).flatten();
                match leaves {
                    Some((seq, false)) if seq % n == 0 => Verdict::Drop,
                    _ => Verdict::Pass,
                }
            });
        }
        Ok(sender)
    }

    fn configure(&self, config: &mut Config) {
        let own = core::mem::replace(config, self.config.clone());
        (config.local_addrs, config.epoch, config.seed) = (own.local_addrs, own.epoch, own.seed);
    }

    fn report(&self, sim: &mut Sim, sent_bytes: u64, elapsed: Duration, stuck: Option<Stuck>) -> Report {
        let digest = sim.trace().digest();
        let meter = sim.observer_mut::<Meter>().expect("it was set, and nobody else has had the simulation");
        let mut recoveries = core::mem::take(&mut meter.recoveries);
        recoveries.sort_unstable();
        let all = meter.complete == self.receivers;
        Report {
            ok: all && meter.wrong == 0 && meter.given_up == 0,
            digest,
            lost_packets: meter.lost_packets(),
            nacks: meter.nacks,
            nacks_first_loss: meter.nacks_first_loss,
            nacks_from_11th: meter.nacks_from_11th,
            first_transmissions: meter.first_transmissions,
            repairs: meter.repairs,
            first_bytes: meter.first_bytes,
            sent_bytes,
            given_up: meter.given_up,
            recoveries,
            elapsed,
            complete: meter.complete,
            stuck,
        }
    }
}

impl Report {
    /// The recovery that so many per mille of all were not longer than (nearest rank); `None`: nothing was recovered.
    #[must_use]
    pub fn recovery(&self, per_mille: usize) -> Option<Duration> {
        let rank = (self.recoveries.len() * per_mille).div_ceil(1_000).max(1);
        self.recoveries.get(rank - 1).copied()
    }
}

/// How many receivers have everything.
fn complete(sim: &Sim) -> usize {
    sim.observer().map_or(0, |meter: &Meter| meter.complete)
}

/// How many bytes the sender has sent.
fn sent_bytes(sim: &Sim) -> u64 {
    sim.observer().map_or(0, |meter: &Meter| meter.sent_bytes)
}

fn time_of(index: u64, rate: u64) -> Duration {
    Duration::from_nanos(u64::try_from(u128::from(index) * 1_000_000_000 / u128::from(rate)).unwrap_or(u64::MAX))
}

/// What message `index` says: its index, as far as there is room, and a filler made from it.
fn message(index: u64, size: usize, payload: &mut Vec<u8>) {
    payload.clear();
    payload.resize(size, filler(index));
    let head = size.min(8);
    payload[..head].copy_from_slice(&index.to_le_bytes()[..head]);
}

/// Whether a payload is what message `index` says.
pub(super) fn is_message(index: u64, size: usize, payload: &[u8]) -> bool {
    let head = size.min(8);
    payload.len() == size
        && payload[..head] == index.to_le_bytes()[..head]
        && payload[head..].iter().all(|byte| *byte == filler(index))
}

const fn filler(index: u64) -> u8 {
    (index.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8
}
