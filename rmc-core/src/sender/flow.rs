//! How much of what leaves may be repairs, and how much of that one asker may take (RMC-REPAIR-10, RMC-REPAIR-18,
//! RMC-BUDGET-1, RMC-BUDGET-3).

use core::time::Duration;

use crate::config::Config;
use crate::time::Instant;

/// So long after a first transmission data still flows.
const FLOWS_FOR: Duration = Duration::from_millis(20);
/// The share of repairs that data waits for anyway, in percent.
const URGENT_SHARE: u8 = 90;
/// What an asker may save up, in bytes; at least two datagrams.
const BURST: usize = 32 << 10;
/// Bytes of repairs a second that are earned however little is sent.
const LEAST_RATE: u64 = 128 << 10;
/// The rate is measured over so long at least.
const WINDOW: Duration = Duration::from_millis(10);
const NANOS_PER_SECOND: u128 = 1_000_000_000;
/// In what is told of a wait.
const LEAST_WAIT: Duration = Duration::from_millis(1);
const MOST_WAIT: Duration = Duration::from_secs(1);

/// The first transmissions of a node, and what they earn for repairs.
///
/// Credit is counted in bytes times percent: a first transmission of n bytes earns n x share for all repairs, of which
/// an asker gets a part; a repair of n bytes that it pays for costs n x (100 - share).
#[derive(Clone, Copy)]
pub(crate) struct Flow {
    /// Of repairs, in percent: 1 to 99.
    share: u8,
    /// What an asker may save up, in bytes.
    burst: usize,
    /// Bytes of repairs a second that are earned at least.
    least_rate: u64,
    earned: u128,
    last: Option<Instant>,
    window: Option<(Instant, u128)>,
    /// Credit a second, as last measured.
    rate: u128,
    /// Negative: repairs have had more than their share, and it is the turn of data.
    balance: i64,
    /// The next repair is one that data waits for anyway.
    urgent: bool,
}

/// What one asker may still take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Account {
    credit: u128,
    /// What was earned when it was looked at last.
    seen: u128,
}

impl Flow {
    pub(crate) fn new(config: &Config) -> Self {
        let share = config.repair_share;
        let of_rate = config.max_rate.map_or(0, |rate| rate / 100 * u64::from(share));
        Self {
            share,
            burst: BURST.max(2 * config.max_datagram),
            least_rate: LEAST_RATE.max(of_rate),
            earned: 0,
            last: None,
            window: None,
            rate: 0,
            balance: 0,
            urgent: false,
        }
    }

    /// Until when data flows, as it stands now.
    pub(crate) fn flows_until(&self) -> Option<Instant> {
        self.last.map(|last| last + FLOWS_FOR)
    }

    pub(crate) fn flows(&self, now: Instant) -> bool {
        self.flows_until().is_some_and(|until| now < until)
    }

    pub(crate) const fn earned(&self) -> u128 {
        self.earned
    }

    /// A first transmission of `len` bytes leaves. `repairs_wait`: so do repairs.
    pub(crate) fn data_left(&mut self, len: usize, repairs_wait: bool, now: Instant) {
        let mut earned = len as u128 * u128::from(self.share);
        if let Some(last) = self.last.filter(|_| self.flows(now)) {
            // It flows, so that this is less than 20 ms, and 64 bits hold the product: they divide in a tenth of the
            // time.
            let nanos = u64::from(now.saturating_since(last).subsec_nanos());
            let least = nanos.saturating_mul(self.least_rate) / 1_000_000_000;
            earned = earned.max(u128::from(least) * u128::from(100 - self.share));
        } else {
            self.window = None;
        }
        self.earned += earned;
        self.last = Some(now);
        self.measure(now);
        if repairs_wait {
            self.balance += signed(len) * i64::from(self.share_in_turns());
        }
    }

    /// A repair of `len` bytes leaves. `data_waits`: so does data.
    pub(crate) fn repair_left(&mut self, len: usize, data_waits: bool) {
        if data_waits {
            self.balance -= signed(len) * i64::from(100 - self.share_in_turns());
        }
    }

    /// Whether it is the turn of data, where both wait and the next repair has `repair` bytes. Half a datagram makes no
    /// difference, so that those of nearly one size take turns strictly.
    pub(crate) fn is_data_s_turn(&self, repair: usize) -> bool {
        self.balance < -(signed(repair) * i64::from(100 - self.share_in_turns()) / 2)
    }

    /// Whether the next repair is one that data waits for anyway (RMC-REPAIR-18). It holds until the next call.
    pub(crate) const fn set_urgent(&mut self, urgent: bool) {
        self.urgent = urgent;
    }

    /// Whether an asker that gets one of so many parts of what repairs earn has the credit for `len` bytes now; if not,
    /// what has to be earned until it has. `burst`: what it may have saved up, if that is more than usual.
    pub(crate) fn afford(&self, account: &mut Account, len: usize, parts: u32, burst: usize) -> Result<(), u128> {
        let gained = (self.earned - account.seen) / u128::from(parts);
        account.seen = self.earned;
        account.credit = account.credit.saturating_add(gained).min(self.cost(self.burst.max(burst)));
        let lacking = self.cost(len).saturating_sub(account.credit);
        if lacking == 0 { Ok(()) } else { Err(self.earned + lacking * u128::from(parts)) }
    }

    /// An asker is sent `len` bytes on its own account.
    pub(crate) fn charge(&self, account: &mut Account, len: usize) {
        account.credit = account.credit.saturating_sub(self.cost(len));
    }

    /// What an asker paid for `len` bytes is given back.
    pub(crate) fn give_back(&self, account: &mut Account, len: usize) {
        account.credit = account.credit.saturating_add(self.cost(len));
    }

    /// How long it takes, at the present rate, to earn up to `target` and then what `more` bytes cost an asker that
    /// gets one of so many parts.
    pub(crate) fn wait(&self, target: u128, more: u64, parts: u32) -> Duration {
        let more = self.cost(1).saturating_mul(more.into()).saturating_mul(parts.into());
        let lacking = target.saturating_sub(self.earned).saturating_add(more);
        let nanos = lacking.saturating_mul(NANOS_PER_SECOND).checked_div(self.rate).unwrap_or(0);
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).clamp(LEAST_WAIT, MOST_WAIT)
    }

    /// How much of what leaves while both wait may be repairs now. What one asker may take does not depend on it.
    fn share_in_turns(&self) -> u8 {
        if self.urgent { self.share.max(URGENT_SHARE) } else { self.share }
    }

    fn cost(&self, len: usize) -> u128 {
        len as u128 * u128::from(100 - self.share)
    }

    fn measure(&mut self, now: Instant) {
        let Some((since, earned)) = self.window else {
            self.window = Some((now, self.earned));
            return;
        };
        let elapsed = now.saturating_since(since);
        if elapsed >= WINDOW {
            self.rate = (self.earned - earned) * NANOS_PER_SECOND / elapsed.as_nanos().max(1);
            self.window = Some((now, self.earned));
        }
    }
}

/// A datagram's length.
fn signed(len: usize) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX / 100)
}

impl Account {
    /// A full one.
    pub(crate) const fn new() -> Self {
        Self { credit: u128::MAX, seen: 0 }
    }
}

#[cfg(feature = "sim")]
mod fingerprint {
    use super::{Account, FLOWS_FOR, Flow};
    use crate::fingerprint::{Fingerprint, State};

    /// Of what was earned only differences matter; and of when data left, once it flows no more, nothing does.
    impl State for Flow {
        fn put(&self, to: &mut Fingerprint) {
            let Self { share: _, burst: _, least_rate: _, earned, last, window, rate, balance, urgent } = self;
            let flows_until = self.flows_until();
            to.ahead(flows_until);
            let window = window.filter(|_| last.is_some_and(|last| to.is_within(FLOWS_FOR, last)));
            to.put(&window.map(|(since, earned_then)| (since, earned - earned_then)));
            to.put(&(*rate, (*balance, *urgent)));
        }
    }

    impl State for Account {
        fn put(&self, to: &mut Fingerprint) {
            let Self { credit, seen } = self;
            to.put(credit);
            // A full one stays so.
            to.put(&(*credit < u128::MAX).then(|| to.earned - seen));
        }
    }
}

#[cfg(test)]
#[path = "flow_tests.rs"]
mod tests;
