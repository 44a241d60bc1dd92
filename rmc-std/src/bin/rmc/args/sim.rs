//! What can be typed behind `rmc sim`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use rmc_std::rmc_core::sim::Preset;

use super::{OutputArgs, fraction, max_rate, size};
use crate::units;

/// How many receivers, unless told otherwise.
pub(crate) const DEFAULT_RECEIVERS: u32 = 100;
/// How many messages, unless told otherwise: a second of them.
const DEFAULT_MESSAGES: u64 = 10_000;
/// The same for each cell of a sweep, of which there are many.
const DEFAULT_SWEEP_MESSAGES: u64 = 1_000;
/// The same for goodput: more than twice of what is kept, or flow control would not come into it.
const DEFAULT_GOODPUT_MESSAGES: u64 = 20_000;
/// The numbers of receivers of a sweep, unless told otherwise.
const DEFAULT_SWEEP_RECEIVERS: &[u32] = &[1, 10, 100, 1_000];
/// The same for goodput, whose cells have many more messages: a picture within a minute or so.
const DEFAULT_GOODPUT_SWEEP_RECEIVERS: &[u32] = &[1, 10, 100];
/// Bytes of a message, unless told otherwise.
const DEFAULT_SIZE: usize = 100;
/// The same for goodput: one message fills a packet.
const DEFAULT_GOODPUT_SIZE: usize = 1_400;
/// Messages a second, unless told otherwise.
const DEFAULT_RATE: u64 = 10_000;
/// The rate of the sender's link for goodput, in bytes a second, unless told otherwise: 100 Mbit/s.
pub(crate) const DEFAULT_LINK_RATE: u64 = 12_500_000;
/// How long each way takes, unless told otherwise: a round trip of 1 ms.
pub(crate) const DEFAULT_DELAY: Duration = Duration::from_micros(500);

/// Longer ways make no sense to a protocol whose timers end at a minute.
const MAX_DELAY: Duration = Duration::from_secs(60);
const MAX_RECEIVERS: i64 = 1_000_000;
const MAX_RATE: u64 = 1_000_000_000;

#[derive(Debug, Args)]
pub(crate) struct SimArgs {
    /// How many receivers (default: 100)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=MAX_RECEIVERS))]
    pub(crate) receivers: Option<u32>,
    /// How many messages (default: 10000; 1000 for each cell of a sweep; 20000 with --goodput, for each cell
    /// too)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    messages: Option<u64>,
    /// Bytes of a message (default: 100; 1400 with --goodput)
    #[arg(long, value_name = "BYTES", value_parser = size)]
    size: Option<usize>,
    /// So many messages a second (default: 10000)
    #[arg(long, value_name = "MSGS_PER_S", value_parser = clap::value_parser!(u64).range(1..=MAX_RATE))]
    rate: Option<u64>,
    /// Send as fast as flow control and the sender's link let it, and show what the slowest receiver gets of that link
    #[arg(long)]
    pub(crate) goodput: bool,
    /// With --goodput: the rate of the link out of the sender, IP and UDP headers included; k, M, G, Ki, Mi, Gi may
    /// follow (default: 12.5M, or the preset's)
    #[arg(long, value_name = "BYTES_PER_S", requires = "goodput", value_parser = max_rate)]
    pub(crate) link_rate: Option<u64>,
    /// Lose this fraction of the datagrams into each receiver, each on its own (default: 0, or the preset's)
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub(crate) loss: Option<f64>,
    /// Lose this fraction of the datagrams that leave the sender, for all receivers (default: 0)
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub(crate) shared_loss: Option<f64>,
    /// Lose the first transmission of each packet whose number is a multiple of N, for all receivers
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) shared_every: Option<u64>,
    /// Lose in bursts of so many datagrams on average, at the same fractions (default: 1, or the preset's)
    #[arg(long, value_name = "PACKETS", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub(crate) burst: Option<u32>,
    /// How long a datagram takes from node to node; a round trip is twice that (default: 500us, or the preset's)
    #[arg(long, value_name = "DURATION", value_parser = delay)]
    pub(crate) delay: Option<Duration>,
    /// The most that is added to that, at random (default: 0s, or the preset's)
    #[arg(long, value_name = "DURATION", value_parser = delay)]
    pub(crate) jitter: Option<Duration>,
    /// Let one of the receivers lose this fraction instead
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub(crate) slow: Option<f64>,
    /// Begin with the links of this network: lan, wifi, wan, satellite or datacenter
    #[arg(long, value_name = "NAME", value_parser = preset)]
    pub(crate) preset: Option<Preset>,
    /// How many packets the sender keeps for repair, and a receiver behind a gap (default: 8192)
    #[arg(long, value_name = "PACKETS", value_parser = clap::value_parser!(u32).range(16..=1 << 24))]
    pub(crate) window: Option<u32>,
    /// The seed of all randomness: the same one gives the same packets at the same times
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write what happened to this file, a line each
    #[arg(long, value_name = "FILE")]
    pub(crate) trace: Option<PathBuf>,
    /// Write every datagram that was sent to this file, as a capture for tcpdump and Wireshark
    #[arg(long, value_name = "FILE")]
    pub(crate) pcap: Option<PathBuf>,
    /// Run receivers x loss, one row each
    #[arg(long)]
    pub(crate) sweep: bool,
    /// The numbers of receivers of a sweep (default: 1,10,100,1000; 1,10,100 with --goodput, since 1000 take many times
    /// as long as all the others)
    #[arg(long, value_name = "N,N,...", requires = "sweep", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..=MAX_RECEIVERS))]
    sweep_receivers: Vec<u32>,
    /// The losses of a sweep
    #[arg(long, value_name = "FRACTION,...", requires = "sweep", value_delimiter = ',', default_value = "0,0.001,0.01,0.05,0.1,0.2", value_parser = fraction)]
    pub(crate) sweep_loss: Vec<f64>,
    /// Draw the sweep into this file
    #[arg(long, value_name = "FILE.svg", requires = "sweep")]
    pub(crate) plot: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

impl SimArgs {
    /// How many messages, in each cell if it is a sweep.
    pub(crate) fn messages(&self) -> u64 {
        self.messages.unwrap_or(match (self.goodput, self.sweep) {
            (true, _) => DEFAULT_GOODPUT_MESSAGES,
            (false, true) => DEFAULT_SWEEP_MESSAGES,
            (false, false) => DEFAULT_MESSAGES,
        })
    }

    /// How many receivers the cells of a sweep have.
    pub(crate) fn sweep_receivers(&self) -> &[u32] {
        match (self.sweep_receivers.as_slice(), self.goodput) {
            ([], true) => DEFAULT_GOODPUT_SWEEP_RECEIVERS,
            ([], false) => DEFAULT_SWEEP_RECEIVERS,
            (named, _) => named,
        }
    }

    /// Bytes of a message.
    pub(crate) fn size(&self) -> usize {
        self.size.unwrap_or(if self.goodput { DEFAULT_GOODPUT_SIZE } else { DEFAULT_SIZE })
    }

    /// Messages a second; `None`: as many as go.
    pub(crate) fn rate(&self) -> Option<u64> {
        (!self.goodput).then_some(self.rate.unwrap_or(DEFAULT_RATE))
    }

    /// What cannot be said in the type of a single option.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.goodput && self.rate.is_some() {
            return Err(
                "--goodput does not go with --rate: it always has a message to send. Set --link-rate, or leave \
                        one of the two out"
                    .to_owned(),
            );
        }
        if !self.sweep {
            return Ok(());
        }
        let single = [
            (self.receivers.is_some(), "--receivers: name its numbers with --sweep-receivers"),
            (self.loss.is_some(), "--loss: name its losses with --sweep-loss"),
            (self.trace.is_some(), "--trace: run the cell that you want to see alone"),
            (self.pcap.is_some(), "--pcap: run the cell that you want to see alone"),
        ];
        match single.iter().find(|(is_given, _)| *is_given) {
            Some((_, hint)) => Err(format!("--sweep does not go with {hint}")),
            None => Ok(()),
        }
    }
}

fn delay(text: &str) -> Result<Duration, String> {
    match units::duration(text)? {
        delay if delay <= MAX_DELAY => Ok(delay),
        _ => Err(format!("at most {} s", MAX_DELAY.as_secs())),
    }
}

fn preset(name: &str) -> Result<Preset, String> {
    name.parse::<Preset>().map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::{Cli, Command};

    fn is_taken(arguments: &str) -> bool {
        let cli = Cli::try_parse_from(["rmc", "sim"].into_iter().chain(arguments.split_whitespace()));
        cli.is_ok_and(|cli| matches!(cli.command, Command::Sim(options) if options.check().is_ok()))
    }

    #[test]
    fn bounds_of_options() {
        assert_eq!(delay("60s"), Ok(MAX_DELAY));
        assert!(delay("60.000000001s").is_err());
        assert!(is_taken("--receivers 1 --messages 1 --rate 1 --burst 1 --window 16 --shared-every 1"));
        for refused in ["--receivers 0", "--messages 0", "--rate 0", "--burst 0", "--window 15", "--shared-every 0"] {
            assert!(!is_taken(refused), "{refused}");
        }
        assert!(is_taken("--loss 0 --shared-loss 1 --slow 0.5"));
        for refused in ["--loss 1.1", "--shared-loss -1", "--slow x", "--preset moon"] {
            assert!(!is_taken(refused), "{refused}");
        }
    }

    #[test]
    fn goodput_has_its_own_defaults_and_no_pace() {
        let options = |arguments: &str| {
            let cli = Cli::try_parse_from(["rmc", "sim"].into_iter().chain(arguments.split_whitespace()));
            let Command::Sim(options) = cli.expect("the options are valid").command else { panic!("it is sim") };
            (options.messages(), options.size(), options.rate(), options.sweep_receivers().len())
        };
        assert_eq!(options(""), (10_000, 100, Some(10_000), 4));
        assert_eq!(options("--sweep"), (1_000, 100, Some(10_000), 4));
        assert_eq!(options("--goodput"), (20_000, 1_400, None, 3));
        assert_eq!(options("--goodput --sweep --messages 5 --size 7 --sweep-receivers 1000"), (5, 7, None, 1));
        assert!(is_taken("--goodput --link-rate 1"));
        for refused in ["--goodput --rate 5", "--link-rate 1M", "--goodput --link-rate 0", "--goodput --sweep --loss 0"]
        {
            assert!(!is_taken(refused), "{refused}");
        }
    }

    #[test]
    fn a_sweep_has_its_own_lists() {
        assert!(is_taken("--sweep --sweep-receivers 1,5 --sweep-loss 0,0.5 --plot x.svg --shared-loss 0.1"));
        for refused in ["--sweep --receivers 5", "--sweep --loss 0.1", "--sweep --trace x", "--sweep --pcap x"] {
            assert!(!is_taken(refused), "{refused}");
        }
        for refused in ["--plot x.svg", "--sweep-loss 0.1", "--sweep-receivers 5", "--sweep --sweep-receivers 1,0"] {
            assert!(!is_taken(refused), "{refused}");
        }
    }
}
