//! What a link does to the datagrams that pass it.

use alloc::vec::Vec;
use core::time::Duration;

use rand_core::SeedableRng as _;
use rand_xoshiro::Xoshiro256PlusPlus;

use super::chance::{Chance, uniform};
use super::loss::{Loss, LossState};
use crate::time::Instant;

/// What a link does to the datagrams that pass it. [`Link::IDEAL`] does nothing at all; change what you need.
///
/// A datagram passes, in this order: MTU, queue and rate, loss, damage, duplication, delay. What is lost has used up
/// its share of the rate, as on a real line.
///
/// ```
/// use core::time::Duration;
/// use rmc_core::sim::{Chance, Link, Loss};
///
/// let link = Link::IDEAL.with_delay(Duration::from_millis(5)).with_loss(Loss::percent(2));
/// assert_eq!(link.duplication, Chance::NEVER);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Link {
    /// How long each datagram takes.
    pub delay: Duration,
    /// The most that is added to the delay, uniformly at random. It keeps the order: what would overtake waits.
    pub jitter: Duration,
    /// What is lost.
    pub loss: Loss,
    /// The chance that a datagram comes twice, each with its own jitter.
    pub duplication: Chance,
    /// The chance that a datagram is held back, so that later ones overtake it.
    pub reordering: Chance,
    /// The longest that one is held back then, uniformly at random.
    pub held_back: Duration,
    /// The chance that one to three bits of a datagram are flipped. A real UDP checksum would catch most of that.
    pub bit_flips: Chance,
    /// The chance that a datagram is cut off at a random place.
    pub truncation: Chance,
    /// Bytes a second, IP and UDP headers included; 0 counts as 1. `None`: no limit.
    pub rate: Option<u64>,
    /// How many bytes wait for the rate at most, what is just being sent included; what does not fit is dropped (tail
    /// drop). Onto a line that is idle goes everything.
    pub queue: u64,
    /// The longest IP packet that passes; a longer one is dropped. An IPv4 and UDP header has 28 bytes, with IPv6 48.
    pub mtu: usize,
}

impl Link {
    /// Passes everything, at once and unharmed.
    pub const IDEAL: Self = Self {
        delay: Duration::ZERO,
        jitter: Duration::ZERO,
        loss: Loss::None,
        duplication: Chance::NEVER,
        reordering: Chance::NEVER,
        held_back: Duration::ZERO,
        bit_flips: Chance::NEVER,
        truncation: Chance::NEVER,
        rate: None,
        queue: 256 << 10,
        mtu: 65_575,
    };

    /// This link with another delay.
    #[must_use]
    pub fn with_delay(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }

    /// This link with another jitter.
    #[must_use]
    pub fn with_jitter(self, jitter: Duration) -> Self {
        Self { jitter, ..self }
    }

    /// This link with another loss.
    #[must_use]
    pub fn with_loss(self, loss: Loss) -> Self {
        Self { loss, ..self }
    }

    /// This link with another duplication.
    #[must_use]
    pub fn with_duplication(self, duplication: Chance) -> Self {
        Self { duplication, ..self }
    }

    /// This link, where some are held back by `held_back` at most.
    #[must_use]
    pub fn with_reordering(self, reordering: Chance, held_back: Duration) -> Self {
        Self { reordering, held_back, ..self }
    }

    /// This link, where some datagrams are damaged.
    #[must_use]
    pub fn with_damage(self, bit_flips: Chance, truncation: Chance) -> Self {
        Self { bit_flips, truncation, ..self }
    }

    /// This link with a rate in bytes a second, and a queue of so many bytes in front of it.
    #[must_use]
    pub fn with_rate(self, rate: u64, queue: u64) -> Self {
        Self { rate: Some(rate), queue, ..self }
    }

    /// This link with another MTU.
    #[must_use]
    pub fn with_mtu(self, mtu: usize) -> Self {
        Self { mtu, ..self }
    }

    const fn damages(&self) -> bool {
        self.bit_flips.threshold() | self.truncation.threshold() != 0
    }
}

impl Default for Link {
    fn default() -> Self {
        Self::IDEAL
    }
}

/// A link in use: how it is, and where it stands.
#[derive(Clone)]
pub(super) struct LinkState {
    pub(super) link: Link,
    rng: Xoshiro256PlusPlus,
    loss: LossState,
    /// When the rate has sent what waits.
    busy_until: Instant,
    /// When the last datagram that keeps the order comes out.
    last_out: Instant,
    /// How many bytes may wait for the rate before the node that sends waits; `None`: it never does.
    pub(super) send_buffer: Option<u64>,
}

/// How a datagram came through.
pub(super) struct Passage {
    pub(super) at: Instant,
    /// When its duplicate comes out.
    pub(super) twin: Option<Instant>,
    pub(super) flips_bits: bool,
    pub(super) truncates: bool,
}

/// Why one did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Lost,
    QueueFull,
    TooLong,
}

impl LinkState {
    pub(super) fn new(link: Link, seed: u64) -> Self {
        Self {
            link,
            rng: Xoshiro256PlusPlus::seed_from_u64(seed),
            loss: LossState::default(),
            busy_until: Instant::ORIGIN,
            last_out: Instant::ORIGIN,
            send_buffer: None,
        }
    }

    /// Changes the link; its randomness and its queue go on, its loss begins anew.
    pub(super) fn set(&mut self, link: Link) {
        if self.link.loss != link.loss {
            self.loss = LossState::default();
        }
        self.link = link;
    }

    /// Until when the node that sends has to wait, for the bytes in front of it; `None`: not at all.
    pub(super) fn full_until(&self, now: Instant) -> Option<Instant> {
        let (buffer, rate) = (self.send_buffer?, self.link.rate?);
        let too_long = self.busy_until.saturating_since(now).saturating_sub(time_for(buffer, rate.max(1)));
        (too_long > Duration::ZERO).then(|| now + too_long)
    }

    /// How many bytes wait for the rate.
    pub(super) fn queued(&self, now: Instant) -> u64 {
        let waits = self.busy_until.saturating_since(now);
        self.link.rate.map_or(0, |rate| bytes_in(waits, rate.max(1)))
    }

    /// A datagram of `len` bytes, headers included, wants to pass.
    pub(super) fn pass(&mut self, now: Instant, len: usize) -> Result<Passage, Refusal> {
        if len > self.link.mtu {
            return Err(Refusal::TooLong);
        }
        let mut out = now;
        if let Some(rate) = self.link.rate {
            let rate = rate.max(1);
            let queued = self.queued(now);
            if queued > 0 && queued + len as u64 > self.link.queue {
                return Err(Refusal::QueueFull);
            }
            out = now.max(self.busy_until) + time_for(len as u64, rate);
            self.busy_until = out;
        }
        if self.loss.loses(&self.link.loss, &mut self.rng) {
            return Err(Refusal::Lost);
        }
        let (flips_bits, truncates) = if self.link.damages() {
            (self.link.bit_flips.happens(&mut self.rng), self.link.truncation.happens(&mut self.rng))
        } else {
            (false, false)
        };
        let is_doubled = self.link.duplication.happens(&mut self.rng);
        let at = self.delayed(out);
        let twin = is_doubled.then(|| self.delayed(out));
        Ok(Passage { at, twin, flips_bits, truncates })
    }

    fn delayed(&mut self, out: Instant) -> Instant {
        let mut at = out + self.link.delay;
        if self.link.jitter > Duration::ZERO {
            at = at + random_part(&mut self.rng, self.link.jitter);
        }
        // What is held back overtakes nothing either.
        at = at.max(self.last_out);
        if self.link.reordering.happens(&mut self.rng) {
            return at + random_part(&mut self.rng, self.link.held_back);
        }
        self.last_out = at;
        at
    }

    /// Damages a datagram as its passage says.
    pub(super) fn damage(&mut self, passage: &Passage, bytes: &mut Vec<u8>) {
        if passage.truncates && !bytes.is_empty() {
            let len = uniform(&mut self.rng, bytes.len() as u64 - 1);
            bytes.truncate(usize::try_from(len).unwrap_or(0));
        }
        if passage.flips_bits && !bytes.is_empty() {
            let (bits, count) = (bytes.len() as u64 * 8, 1 + uniform(&mut self.rng, 2));
            // Each in a part of its own, so that no flip takes another one back.
            for part in 0..count {
                let (start, end) = (bits * part / count, bits * (part + 1) / count);
                let bit = start + uniform(&mut self.rng, end - start - 1);
                bytes[usize::try_from(bit / 8).unwrap_or(0)] ^= 1 << (bit % 8);
            }
        }
    }
}

fn random_part(rng: &mut Xoshiro256PlusPlus, most: Duration) -> Duration {
    Duration::from_nanos(uniform(rng, nanos(most)))
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn bytes_in(time: Duration, rate: u64) -> u64 {
    u64::try_from(u128::from(nanos(time)) * u128::from(rate) / 1_000_000_000).unwrap_or(u64::MAX)
}

fn time_for(bytes: u64, rate: u64) -> Duration {
    let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(rate));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_back_overtakes_nothing() {
        let us = Duration::from_micros;
        let link = Link::IDEAL.with_jitter(us(100)).with_reordering(Chance::percent(30), us(10));
        let mut state = LinkState::new(link, 7);
        let (mut overtaken, mut latest) = (0, Instant::ORIGIN);
        for index in 0..1_000 {
            let Ok(passage) = state.pass(Instant::ORIGIN + us(10) * index, 100) else { panic!("{index} is lost") };
            // Nor is what keeps the order ever overtaken.
            assert!(passage.at >= state.last_out, "{index}");
            overtaken += u32::from(passage.at < latest);
            latest = latest.max(passage.at);
        }
        assert!(overtaken > 100, "{overtaken}");
    }

    #[test]
    fn a_rate_of_0_is_1() {
        for rate in [0, 1] {
            let mut state = LinkState::new(Link::IDEAL.with_rate(rate, 200), 7);
            let mut pass = || state.pass(Instant::ORIGIN, 100).map(|passage| passage.at);
            let second = |seconds| Ok(Instant::ORIGIN + Duration::from_secs(seconds));
            assert_eq!([pass(), pass(), pass()], [second(100), second(200), Err(Refusal::QueueFull)], "{rate}");
        }
    }

    #[test]
    fn one_to_three_bits_are_flipped() {
        let mut state = LinkState::new(Link::IDEAL, 3);
        let passage = Passage { at: Instant::ORIGIN, twin: None, flips_bits: true, truncates: false };
        let mut counts = [0; 4];
        for len in [1, 2, 100] {
            for _ in 0..300 {
                let mut bytes = alloc::vec![0; len];
                state.damage(&passage, &mut bytes);
                counts[bytes.iter().map(|byte| byte.count_ones() as usize).sum::<usize>()] += 1;
            }
        }
        assert_eq!(counts[0], 0);
        assert!(counts.iter().skip(1).all(|count| *count > 200), "{counts:?}");
    }
}
