//! Networks by name.

use core::fmt;
use core::str::FromStr;
use core::time::Duration;

use thiserror::Error;

use super::chance::Chance;
use super::link::Link;
use super::loss::Loss;

/// A network by name: what the links of its nodes are like. The figures are typical, not measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Preset {
    /// One switch in one room: 1 Gbit/s, 100 us, hardly a loss.
    Lan,
    /// Multicast over Wi-Fi, which repeats nothing on the air: 24 Mbit/s, 2 to 5 ms, 2 % lost in bursts of 4.
    Wifi,
    /// Across a continent: 100 Mbit/s, 40 ms, 0.1 % lost, some reordered.
    Wan,
    /// By a geostationary satellite: 20 Mbit/s, 270 ms, 0.5 % lost in bursts of 10.
    Satellite,
    /// Within a data center: 10 Gbit/s, 25 us, one loss in a million.
    Datacenter,
}

impl Preset {
    /// Every preset.
    pub const ALL: [Self; 5] = [Self::Lan, Self::Wifi, Self::Wan, Self::Satellite, Self::Datacenter];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Lan => "lan",
            Self::Wifi => "wifi",
            Self::Wan => "wan",
            Self::Satellite => "satellite",
            Self::Datacenter => "datacenter",
        }
    }

    /// The link out of each node.
    #[must_use]
    pub fn egress(self) -> Link {
        let (rate, queue) = match self {
            Self::Lan => (125_000_000, 512 << 10),
            Self::Wifi => (3_000_000, 256 << 10),
            Self::Wan => (12_500_000, 1 << 20),
            Self::Satellite => (2_500_000, 2 << 20),
            Self::Datacenter => (1_250_000_000, 4 << 20),
        };
        Link::IDEAL.with_rate(rate, queue).with_mtu(1_500)
    }

    /// The link into each node.
    #[must_use]
    pub fn ingress(self) -> Link {
        let link = Link::IDEAL.with_mtu(1_500);
        let millis = Duration::from_millis;
        let micros = Duration::from_micros;
        match self {
            Self::Lan => link.with_delay(micros(100)).with_jitter(micros(30)).with_loss(Loss::per_million(10)),
            Self::Wifi => link
                .with_delay(millis(2))
                .with_jitter(millis(3))
                .with_loss(Loss::bursts(Chance::percent(2), 4))
                .with_rate(3_000_000, 256 << 10),
            Self::Wan => link
                .with_delay(millis(40))
                .with_jitter(millis(2))
                .with_loss(Loss::per_million(1_000))
                .with_reordering(Chance::per_million(1_000), millis(2)),
            Self::Satellite => link
                .with_delay(millis(270))
                .with_jitter(millis(5))
                .with_loss(Loss::bursts(Chance::per_million(5_000), 10)),
            Self::Datacenter => link.with_delay(micros(25)).with_jitter(micros(5)).with_loss(Loss::per_million(1)),
        }
    }
}

impl fmt::Display for Preset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is not a preset's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("unknown network: the presets are lan, wifi, wan, satellite and datacenter")]
pub struct UnknownPreset;

impl FromStr for Preset {
    type Err = UnknownPreset;

    fn from_str(name: &str) -> Result<Self, UnknownPreset> {
        Self::ALL.into_iter().find(|preset| preset.name() == name).ok_or(UnknownPreset)
    }
}
