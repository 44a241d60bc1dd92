//! What can be typed.

mod bench;
mod sim;

use std::io::{IsTerminal as _, stdin};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use rmc_std::JoinPolicy;

use crate::message::MIN_GENERATED;
use crate::units;

pub(crate) use bench::{BenchArgs, Role};
pub(crate) use sim::{DEFAULT_DELAY, DEFAULT_LINK_RATE, DEFAULT_RECEIVERS, SimArgs};

/// Reliable multicast: one sends, many receive all of it, in order.
#[derive(Debug, Parser)]
#[command(name = "rmc", version, arg_required_else_help = true, after_help = STATUSES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

const STATUSES: &str = "Exit status: 0: all that was to come or to be sent did; 1: something is missing, lost or changed, or the time \
                        ran out; 2: it could not be done; 3: all was sent (send), but a receiver was let go, which may miss some of \
                        it; 130: interrupted before the end. Ctrl-C ends cleanly, a second one at once.";

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send a file, standard input, or generated messages to a group
    Send(SendArgs),
    /// Receive one sender's stream
    Recv(RecvArgs),
    /// Show a sender and several receivers at work on this host, with loss
    Demo(DemoArgs),
    /// Measure throughput and latency, in one process or between several
    Bench(BenchArgs),
    /// Show one sender and any number of receivers on a simulated network, in virtual time
    Sim(SimArgs),
}

#[derive(Debug, Args)]
#[command(after_help = SEND_HELP)]
pub(crate) struct SendArgs {
    /// The file to send; -: standard input. If it is empty, one empty message is sent (default, unless that is a
    /// terminal)
    #[arg(value_name = "INPUT", conflicts_with = "generate")]
    pub(crate) input: Option<PathBuf>,
    /// Send N generated messages instead: index, filler, checksum
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) generate: Option<u64>,
    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value = "1000", value_parser = size)]
    pub(crate) size: usize,
    /// One message for each line of the input, without its end
    #[arg(long, conflicts_with = "generate")]
    pub(crate) lines: bool,
    /// At most so many messages a second
    #[arg(long, value_name = "MSGS_PER_S", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    /// Begin when N receivers have announced themselves
    #[arg(long, value_name = "PEERS", default_value_t = 0)]
    pub(crate) wait: usize,
    /// How long to serve repairs after the last request for one
    #[arg(long, value_name = "DURATION", default_value = "3s", value_parser = units::duration)]
    pub(crate) linger: Duration,
    /// Keep the last N packets, up to 1 GiB, for receivers that come late (default: 8,192 packets, up to 16 MiB; those
    /// that are there are waited for)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=1 << 30))]
    pub(crate) backlog: Option<u64>,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

const SEND_HELP: &str = "Receivers that have acknowledged something are waited for. One that then does not go on for 5 s is let go: it \
                         is named on standard error, and gets what it misses only as long as that is kept. If all was sent the exit \
                         status is 3 then, instead of 0; not for those that have told their end, as rmc recv does when it ends.";

#[derive(Debug, Args)]
pub(crate) struct RecvArgs {
    /// Write the payloads to this file; -: standard output (default: nowhere)
    #[arg(long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Follow this sender (default: the first whose data comes)
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) from: Option<SocketAddr>,
    /// End when N messages of one sender have come complete, in order and intact
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) expect: Option<u64>,
    /// Where to begin with a sender that is new
    #[arg(long, value_enum, default_value_t = Join::Oldest)]
    pub(crate) join: Join,
    /// End after so long in all, whatever has come
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    pub(crate) timeout: Option<Duration>,
    /// With --json: show the payloads, in hex
    #[arg(long, requires = "json")]
    pub(crate) payload: bool,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// How many receivers
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) receivers: u16,
    /// How many messages
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: u64,
    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value = "1000", value_parser = size)]
    pub(crate) size: usize,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

#[derive(Clone, Debug, Args)]
pub(crate) struct NodeArgs {
    /// The group's address
    #[arg(long, value_name = "ADDR:PORT", default_value = "239.255.77.1:8000")]
    pub(crate) group: SocketAddr,
    /// The interface: its IPv4 address, or its index for an IPv6 group
    #[arg(long, value_name = "ADDR|INDEX", default_value = "127.0.0.1")]
    pub(crate) interface: String,
    /// The address to send from (default: the interface's, any port)
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) bind: Option<SocketAddr>,
    /// How many routers a packet may pass
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(0..=255))]
    pub(crate) ttl: u32,
    /// Send at most so many bytes a second; k, M, G, Ki, Mi, Gi may follow (default: 100M for send and demo)
    #[arg(long, value_name = "BYTES_PER_S", value_parser = max_rate)]
    pub(crate) max_rate: Option<u64>,
    /// Lose this fraction of what is received (default: 0; demo: 0.05)
    #[arg(long, value_name = "FRACTION", value_parser = fraction)]
    pub(crate) drop: Option<f64>,
    /// The seed of --drop and of the protocol's randomness (default: another one each time)
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
}

#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write JSON lines to standard output
    #[arg(long)]
    pub(crate) json: bool,
    /// No progress, and no messages but errors
    #[arg(long)]
    pub(crate) quiet: bool,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Join {
    /// With what comes next
    Now,
    /// With the oldest that the sender can still repair
    Oldest,
    /// With the first; what cannot be had any more counts as lost
    Start,
}

impl From<Join> for JoinPolicy {
    fn from(join: Join) -> Self {
        match join {
            Join::Now => Self::Now,
            Join::Oldest => Self::Oldest,
            Join::Start => Self::FromStart,
        }
    }
}

/// The largest message: what a receiver with the default configuration takes.
const MAX_SIZE: usize = 8 << 20;

impl SendArgs {
    /// What cannot be said in the type of a single option.
    pub(crate) fn check(&self) -> Result<(), String> {
        if self.generate.is_some() {
            return check_generated(self.size);
        }
        if self.input.is_none() && stdin().is_terminal() {
            return Err("nothing to send: name a file, - for what you type, or --generate N".to_owned());
        }
        Ok(())
    }
}

/// A generated message has room for an index and a checksum.
pub(crate) fn check_generated(size: usize) -> Result<(), String> {
    if size < MIN_GENERATED {
        return Err(format!("a generated message has at least {MIN_GENERATED} bytes: raise --size"));
    }
    Ok(())
}

fn size(text: &str) -> Result<usize, String> {
    let bytes = units::bytes(text)?;
    match usize::try_from(bytes) {
        Ok(size) if (1..=MAX_SIZE).contains(&size) => Ok(size),
        _ => Err(format!("a message has 1 to {MAX_SIZE} bytes")),
    }
}

fn max_rate(text: &str) -> Result<u64, String> {
    match units::bytes(text)? {
        0 => Err("a rate of 0 would never send: leave the option out, or name a high rate".to_owned()),
        rate => Ok(rate.min(1 << 50)),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("a rate is a number above 0, in messages a second".to_owned()),
    }
}

fn fraction(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(fraction) if (0.0..=1.0).contains(&fraction) => Ok(fraction),
        _ => Err("a fraction lies between 0 and 1, such as 0.05".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_definition_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn bounds_of_options() {
        assert_eq!(fraction("0"), Ok(0.0));
        assert_eq!(fraction("1"), Ok(1.0));
        assert!(fraction("1.01").is_err() && fraction("-0.1").is_err() && fraction("x").is_err());
        assert_eq!(size("8Mi"), Ok(8 << 20));
        assert!(size("8388609").is_err() && size("0").is_err());
        assert!(rate("0").is_err() && rate("inf").is_err());
        assert_eq!(rate("0.5"), Ok(0.5));
        assert!(max_rate("0").is_err());
        assert_eq!(max_rate("100M"), Ok(100_000_000));
        assert!(check_generated(11).is_err());
        assert_eq!(check_generated(12), Ok(()));
    }

    #[test]
    fn an_input_and_generated_messages_exclude_each_other() {
        assert!(Cli::try_parse_from(["rmc", "send", "-"]).is_ok());
        assert!(Cli::try_parse_from(["rmc", "send", "--generate", "5"]).is_ok());
        assert!(Cli::try_parse_from(["rmc", "send", "-", "--generate", "5"]).is_err());
    }
}
