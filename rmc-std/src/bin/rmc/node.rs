//! The node behind a command.

use std::hash::{BuildHasher as _, RandomState};

use rmc_std::{Builder, Endpoint, EventMask, Impairment};

use crate::Failure;
use crate::args::NodeArgs;

/// What `send` and `demo` send at most, unless told otherwise: 100 MB a second, which receivers on the same host can
/// follow.
pub(crate) const DEFAULT_RATE: u64 = 100_000_000;

/// How many bytes of sent packets are kept for repair where their number was named.
const BACKLOG_BYTES: usize = 1 << 30;
/// The default of `send_queue_bytes`.
const QUEUE_BYTES: usize = 16 << 20;
/// A sender hears NACKs only: it needs no socket buffer for all of its window.
const RECEIVE_BUFFER: usize = 4 << 20;
/// What a receiver asks the system for: room for a burst, not for all of its window.
const DATA_BUFFER: usize = 16 << 20;
/// A second and more at the default rate, with the sizes of messages that are usual.
const WINDOW_PACKETS: usize = 1 << 17;
const WINDOW_BYTES: usize = 192 << 20;

/// A builder with everything that the options say.
pub(crate) fn builder(options: &NodeArgs, events: EventMask) -> Result<Builder, Failure> {
    let mut builder = Endpoint::builder(options.group).ttl(options.ttl).events(events);
    builder = if options.group.is_ipv4() {
        let interface = options.interface.parse().map_err(|_| {
            format!(
                "--interface {}: an IPv4 group needs the interface's IPv4 address, such as 127.0.0.1",
                options.interface
            )
        })?;
        builder.interface(interface)
    } else {
        let index = options.interface.parse().map_err(|_| {
            format!(
                "--interface {}: an IPv6 group needs the interface's index, such as 1 for lo (see `ip link`)",
                options.interface
            )
        })?;
        builder.interface_index(index)
    };
    if let Some(address) = options.bind {
        builder = builder.bind(address);
    }
    if let Some(rate) = options.max_rate {
        builder = builder.max_rate(rate);
    }
    if let Some(seed) = options.seed {
        builder = builder.seed(seed);
    }
    Ok(builder)
}

/// Lets the node lose a fraction of what it receives. Without a seed each node loses other packets: two receivers that
/// lose the same ones would be half a test.
pub(crate) fn lossy(builder: Builder, fraction: f64, seed: Option<u64>) -> Builder {
    let seed = seed.unwrap_or_else(|| RandomState::new().hash_one(0));
    if fraction > 0.0 { builder.impair(Impairment::loss(seed, fraction)) } else { builder }
}

/// A sender waits for its receivers, so that the default backlog serves them all; or it keeps the last `packets`, up to
/// 1 GiB, for those that come late, and so has a receive window to match.
pub(crate) fn sender(builder: Builder, packets: Option<u64>, max_rate: Option<u64>) -> Builder {
    let builder = builder.receive_buffer(RECEIVE_BUFFER).max_rate(max_rate.unwrap_or(DEFAULT_RATE));
    let Some(packets) = packets.and_then(|packets| usize::try_from(packets).ok()) else { return builder };
    builder.config(|config| {
        config.backlog_packets = packets;
        config.backlog_bytes = BACKLOG_BYTES;
        config.max_burst = config.max_burst.min(packets);
        config.receive_window_packets = config.receive_window_packets.max(packets);
        config.receive_window_bytes = BACKLOG_BYTES;
        config.receive_total_packets = config.receive_total_packets.max(config.receive_window_packets);
        config.receive_total_bytes = BACKLOG_BYTES;
    })
}

/// How many bytes a sender queues: at a low `--max-rate` no more than leave in a quarter of a second, or Ctrl-C would
/// have to wait for all of the queue before the end can be announced. `None`: as many as the queue holds.
pub(crate) fn queue_limit(options: &NodeArgs) -> Option<usize> {
    let rate = usize::try_from(options.max_rate.unwrap_or(DEFAULT_RATE)).unwrap_or(usize::MAX);
    Some(rate / 4).filter(|&limit| limit < QUEUE_BYTES)
}

/// A receiver keeps far more behind a gap than by default: what does not fit is not lost, as its senders wait for it,
/// but those that have a large backlog need not.
pub(crate) fn receiver(builder: Builder) -> Builder {
    builder.receive_buffer(DATA_BUFFER).config(|config| {
        config.receive_window_packets = WINDOW_PACKETS;
        config.receive_window_bytes = WINDOW_BYTES;
    })
}

/// Builds the node.
pub(crate) fn build(builder: Builder) -> Result<Endpoint, Failure> {
    builder.build().map_err(|error| error.to_string())
}
