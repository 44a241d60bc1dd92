//! What can be typed behind `rmc bench`.

use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{NodeArgs, rate, size};
use crate::bench::MIN_SIZE;
use crate::units;

#[derive(Debug, Args)]
#[command(after_help = BENCH_HELP)]
pub(crate) struct BenchArgs {
    /// What this process does
    #[arg(long, value_enum, default_value_t = Role::All)]
    pub(crate) role: Role,
    /// How many receivers: to run here, or for --role send to wait for
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=100))]
    pub(crate) receivers: u16,
    /// Bytes of a message
    #[arg(long, value_name = "BYTES", default_value = "1400", value_parser = size)]
    pub(crate) size: usize,
    /// Send for so long (default: 5s, unless --messages is given)
    #[arg(long, value_name = "DURATION", value_parser = units::duration)]
    pub(crate) duration: Option<Duration>,
    /// Send at most N messages
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) messages: Option<u64>,
    /// Send so many messages a second, to measure latency (default: as many as there is room for)
    #[arg(long, value_name = "MSGS_PER_S", value_parser = rate)]
    pub(crate) rate: Option<f64>,
    #[command(flatten)]
    pub(crate) node: NodeArgs,
}

const BENCH_HELP: &str = "Throughput: without --rate. Latency: with --rate, such as 1000; without it latency is mostly what waits in \
                          queues. Between hosts, start `rmc bench --role recv --interface ADDR` on each receiver, then `rmc bench \
                          --role send --receivers N --interface ADDR`; latency is then as good as their clocks agree.";

/// What a process of the benchmark does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Role {
    /// A sender and all receivers
    All,
    /// Send, to receivers in other processes
    Send,
    /// Receive, from a sender in another process
    Recv,
}

impl BenchArgs {
    pub(crate) const DEFAULT_DURATION: Duration = Duration::from_secs(5);

    pub(crate) fn check(&self) -> Result<(), String> {
        if self.size < MIN_SIZE {
            return Err(format!("a message of the benchmark has at least {MIN_SIZE} bytes: raise --size"));
        }
        Ok(())
    }

    /// How long to send at most.
    pub(crate) fn time(&self) -> Option<Duration> {
        self.duration.or_else(|| self.messages.is_none().then_some(Self::DEFAULT_DURATION))
    }
}
