//! How long a receiver waits before it first asks for a gap, so that few of many ask (RFC 5401 section 3.2.2;
//! RMC-GAP-1): the truncated exponential, in integers.

use core::time::Duration;

use crate::rng::Rng;

/// What a sender tells of its group in its Heartbeats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Advertised {
    /// The longest backoff.
    pub(crate) backoff: Duration,
    /// How many receivers there are; 0: unknown.
    pub(crate) group: u32,
    /// The round trip of the group; zero: unknown.
    pub(crate) rtt: Duration,
}

/// Before the first Heartbeat.
const UNTOLD: Advertised = Advertised { backoff: Duration::from_millis(10), group: 0, rtt: Duration::ZERO };
/// A group of unknown size counts as so many.
const UNKNOWN_GROUP: u32 = 1_000;
/// More receivers change nothing, and would not fit.
const MAX_GROUP: u32 = 1 << 30;

impl Default for Advertised {
    fn default() -> Self {
        UNTOLD
    }
}

impl Advertised {
    /// A stream to one receiver alone: nobody else could ask.
    pub(crate) const ALONE: Self = Self { backoff: Duration::ZERO, group: 1, rtt: Duration::ZERO };

    /// A random delay of at most the advertised backoff, and at most `most`: mostly long, rarely short, so that among
    /// many receivers about one is early.
    pub(crate) fn draw(&self, most: Duration, rng: &mut Rng) -> Duration {
        let longest = self.backoff.min(most);
        if longest == Duration::ZERO {
            return Duration::ZERO;
        }
        let receivers = if self.group == 0 { UNKNOWN_GROUP } else { self.group.min(MAX_GROUP) };
        delay(longest, receivers, rng.next_u64())
    }
}

#[cfg(feature = "sim")]
crate::fingerprint::state! { Advertised { backoff, group, rtt } }

/// t = T / (1 + ln R) x ln(1 + u (e R - 1)), with u = `random` / 2^64.
fn delay(longest: Duration, receivers: u32, random: u64) -> Duration {
    let all = u128::from(E) * u128::from(receivers);
    let part = ONE + (((all - ONE) * u128::from(random)) >> 64);
    // 1 + ln R = ln(e R).
    let nanos = longest.as_nanos() * u128::from(ln(part)) / u128::from(ln(all));
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
}

/// Numbers with 32 bits behind the point.
const ONE: u128 = 1 << 32;
const E: u64 = 0x2b7e15163;
const LN_2: u64 = 0xb17217f8;

/// The natural logarithm of `x` >= 1, both with 32 bits behind the point; to about 1 in 100,000.
fn ln(x: u128) -> u64 {
    let whole = x.ilog2();
    // 1 <= mantissa < 2 with 63 bits behind the point: seven of them choose the interval of the table.
    let mantissa = if whole <= 63 { x << (63 - whole) } else { x >> (whole - 63) };
    let fraction = u64::try_from(mantissa & ((1 << 63) - 1)).unwrap_or(u64::MAX >> 1);
    let (place, within) = ((fraction >> 56) as usize, fraction & ((1 << 56) - 1));
    let (low, high) = (u64::from(LOG2[place]), u64::from(LOG2[place + 1]));
    let between = (u128::from(high - low) * u128::from(within)) >> 56;
    let log2 = (u64::from(whole.saturating_sub(32)) << 32) + 2 * (low + u64::try_from(between).unwrap_or(0));
    u64::try_from((u128::from(log2) * u128::from(LN_2)) >> 32).unwrap_or(u64::MAX)
}

/// log2(1 + i / 128), with 31 bits behind the point.
const LOG2: [u32; 129] = [
    0x0000_0000,
    0x016f_e50b,
    0x02dc_f2d1,
    0x0447_3475,
    0x05ae_b4dd,
    0x0713_7eae,
    0x0875_9c50,
    0x09d5_17ef,
    0x0b31_fb7d,
    0x0c8c_50b7,
    0x0de4_2120,
    0x0f39_7609,
    0x108c_588d,
    0x11dc_d197,
    0x132a_e9e2,
    0x1476_a9fa,
    0x15c0_1a3a,
    0x1707_42d5,
    0x184c_2bd0,
    0x198e_dd07,
    0x1acf_5e2e,
    0x1c0d_b6ce,
    0x1d49_ee4c,
    0x1e84_0be7,
    0x1fbc_16b9,
    0x20f2_15b7,
    0x2226_0fb6,
    0x2358_0b65,
    0x2488_0f56,
    0x25b6_21f9,
    0x26e2_499d,
    0x280c_8c76,
    0x2934_f098,
    0x2a5b_7bf9,
    0x2b80_3474,
    0x2ca3_1fc9,
    0x2dc4_439b,
    0x2ee3_a575,
    0x3001_4ac6,
    0x311d_38e6,
    0x3237_7512,
    0x3350_0472,
    0x3466_ec15,
    0x357c_30f3,
    0x368f_d7ee,
    0x37a1_e5d4,
    0x38b2_5f5a,
    0x39c1_4924,
    0x3ace_a7c0,
    0x3bda_7fa9,
    0x3ce4_d544,
    0x3ded_ace6,
    0x3ef5_0ad2,
    0x3ffa_f335,
    0x40ff_6a2e,
    0x4202_73ca,
    0x4304_1403,
    0x4404_4ec5,
    0x4503_27eb,
    0x4600_a33e,
    0x46fc_c47a,
    0x47f7_8f4c,
    0x48f1_0751,
    0x49e9_3016,
    0x4ae0_0d1d,
    0x4bd5_a1d8,
    0x4cc9_f1ab,
    0x4dbc_ffee,
    0x4eae_cfeb,
    0x4f9f_64de,
    0x508e_c1fa,
    0x517c_ea63,
    0x5269_e12f,
    0x5355_a96d,
    0x5440_461c,
    0x5529_ba33,
    0x5612_089a,
    0x56f9_3433,
    0x57df_3fd0,
    0x58c4_2e3d,
    0x59a8_0239,
    0x5a8a_be79,
    0x5b6c_65aa,
    0x5c4c_fa6c,
    0x5d2c_7f59,
    0x5e0a_f6ff,
    0x5ee8_63e5,
    0x5fc4_c886,
    0x60a0_2757,
    0x617a_82c3,
    0x6253_dd2c,
    0x632c_38ed,
    0x6403_9858,
    0x64d9_fdb7,
    0x65af_6b4b,
    0x6683_e34f,
    0x6757_67f5,
    0x6829_fb69,
    0x68fb_9fce,
    0x69cc_5741,
    0x6a9c_23d6,
    0x6b6b_079c,
    0x6c39_049b,
    0x6d06_1cd3,
    0x6dd2_523d,
    0x6e9d_a6ce,
    0x6f68_1c73,
    0x7031_b512,
    0x70fa_728c,
    0x71c2_56ba,
    0x7289_6373,
    0x734f_9a83,
    0x7414_fdb5,
    0x74d9_8eca,
    0x759d_4f81,
    0x7660_4191,
    0x7722_66ad,
    0x77e3_c082,
    0x78a4_50b8,
    0x7964_18f2,
    0x7a23_1ace,
    0x7ae1_57e3,
    0x7b9e_d1c7,
    0x7c5b_8a07,
    0x7d17_822f,
    0x7dd2_bbc4,
    0x7e8d_3846,
    0x7f46_f932,
    0x8000_0000,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// log2 bit by bit: the square of a mantissa doubles its logarithm.
    fn slow_log2(x: u128) -> u64 {
        let whole = x.ilog2();
        let mut mantissa = if whole <= 62 { x << (62 - whole) } else { x >> (whole - 62) };
        let mut log2 = u64::from(whole - 32) << 32;
        for bit in (0..32).rev() {
            mantissa = (mantissa * mantissa) >> 62;
            if mantissa >= 2 << 62 {
                mantissa >>= 1;
                log2 |= 1 << bit;
            }
        }
        log2
    }

    #[test]
    fn the_logarithm_is_right_to_one_in_a_hundred_thousand() {
        let mut rng = Rng::new(3);
        for _ in 0..20_000 {
            let x = ONE + (u128::from(rng.next_u64()) >> (rng.next_u64() % 60));
            let exact = (u128::from(slow_log2(x)) * u128::from(LN_2)) >> 32;
            assert!(u128::from(ln(x)).abs_diff(exact) < ONE / 100_000, "{x}: {} {exact}", ln(x));
        }
        assert_eq!(ln(ONE), 0);
        assert_eq!(ln(2 * ONE), LN_2);
    }

    /// RMC-GAP-1: from nothing to the whole backoff, longer with a larger `random`.
    #[test]
    fn a_delay_lies_between_nothing_and_the_backoff() {
        let longest = Duration::from_millis(10);
        for receivers in [1, 2, 1_000, MAX_GROUP] {
            assert_eq!(delay(longest, receivers, 0), Duration::ZERO);
            let last = delay(longest, receivers, u64::MAX);
            assert!(last <= longest && last > longest - Duration::from_micros(1), "{last:?}");
            let mut before = Duration::ZERO;
            for step in 0..1_000 {
                let delay = delay(longest, receivers, step * (u64::MAX / 1_000));
                assert!(delay >= before);
                before = delay;
            }
        }
    }

    /// Of R receivers about e are within the first 1 / (1 + ln R) of the backoff, however many there are: what keeps
    /// the NACKs few.
    #[test]
    fn few_of_many_are_early() {
        for receivers in [10, 1_000, 100_000] {
            let mut rng = Rng::new(u64::from(receivers));
            let longest = Duration::from_secs(1);
            let early = longest.as_nanos() * ONE / u128::from(ln(u128::from(E) * u128::from(receivers)));
            let rounds = 2_000_000 / receivers;
            let count = (0..receivers * rounds)
                .filter(|_| delay(longest, receivers, rng.next_u64()).as_nanos() < early)
                .count();
            // (e - 1) / (e R - 1) of them.
            let expected = 632 * rounds as usize / 1_000;
            assert!(count.abs_diff(expected) * 5 < expected, "{receivers}: {count}, not {expected}");
        }
    }

    #[test]
    fn an_unknown_group_counts_as_a_thousand_and_no_backoff_is_none() {
        let drawn =
            |group, backoff| Advertised { backoff, group, rtt: Duration::ZERO }.draw(Duration::MAX, &mut Rng::new(9));
        let backoff = Duration::from_millis(10);
        assert_eq!(drawn(0, backoff), drawn(1_000, backoff));
        assert_ne!(drawn(0, backoff), drawn(1_001, backoff));
        assert_eq!(drawn(0, Duration::ZERO), Duration::ZERO);
    }
}
