//! A packet as one line, as tcpdump would print it.

use core::fmt;

use super::{Body, Flags, NO_PROMISE, Packet, Ranges, records};

/// One line with every field; of payload and extension block the lengths.
///
/// What is unknown, unasked or absent (0 by the wire format) is left out. Kinds that a receiver sends begin with whom
/// they are for.
impl fmt::Display for Packet<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RMC {}", self.kind())?;
        match self.body {
            Body::Nack { target_epoch, .. } => write!(f, " to {target_epoch:#010x}")?,
            Body::Ack { target_epoch, .. } => {
                write!(f, " to {target_epoch:#010x} seq {}", self.seq)?;
            }
            // The ranges, which come last, begin with the number.
            Body::Confirm { .. } => {}
            _ => write!(f, " seq {}", self.seq)?,
        }
        write!(f, " epoch {:#010x}", self.epoch)?;
        if self.heartbeat == NO_PROMISE {
            f.write_str(" hb none")?;
        } else {
            write!(f, " hb {}", self.heartbeat)?;
        }
        if !self.flags.is_empty() {
            write!(f, " [{}]", self.flags)?;
        }
        if let Some(extension) = self.extension {
            write!(f, " ext {}", extension.as_bytes().len())?;
        }
        self.fmt_body(f)
    }
}

impl Packet<'_> {
    fn fmt_body(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.body {
            Body::Data { payload } => {
                write!(f, " len {}", payload.len())?;
                if self.flags.contains(Flags::PACKED) {
                    write!(f, " records {}", records(payload).count())?;
                }
                Ok(())
            }
            Body::Heartbeat { oldest, interval, backoff, group, rtt } => {
                write!(f, " oldest {oldest}")?;
                micros(f, "interval", interval)?;
                micros(f, "backoff", backoff)?;
                unless_zero(f, "group", group)?;
                micros(f, "rtt", rtt)
            }
            Body::HeartbeatTimes { intervals } => {
                f.write_str(" intervals ")?;
                let mut separator = "";
                for interval in intervals {
                    write!(f, "{separator}{interval}us")?;
                    separator = ",";
                }
                Ok(())
            }
            Body::Nack { target_epoch: _, stamp, cookie, rtt, ranges } => {
                unless_zero(f, "stamp", stamp)?;
                fmt_cookie(f, cookie)?;
                micros(f, "rtt", rtt)?;
                fmt_ranges(f, "missing", self.seq, ranges)
            }
            Body::Lost { first, stamp } => {
                write!(f, " first {first}")?;
                unless_zero(f, "stamp", stamp)
            }
            Body::Reset { stamp } => unless_zero(f, "stamp", stamp),
            Body::Ack { target_epoch: _, window, rtt } => {
                write!(f, " window {window}")?;
                micros(f, "rtt", rtt)
            }
            Body::Confirm { reason, delay, stamp, cookie, ranges } => {
                match reason {
                    0 => f.write_str(" repairing")?,
                    1 => f.write_str(" busy")?,
                    _ => write!(f, " busy({reason})")?,
                }
                micros(f, "delay", delay)?;
                unless_zero(f, "stamp", stamp)?;
                fmt_cookie(f, cookie)?;
                fmt_ranges(f, "of", self.seq, ranges)
            }
        }
    }
}

fn unless_zero(f: &mut fmt::Formatter<'_>, name: &str, value: u32) -> fmt::Result {
    if value == 0 {
        return Ok(());
    }
    write!(f, " {name} {value}")
}

fn micros(f: &mut fmt::Formatter<'_>, name: &str, value: u32) -> fmt::Result {
    if value == 0 {
        return Ok(());
    }
    write!(f, " {name} {value}us")
}

fn fmt_cookie(f: &mut fmt::Formatter<'_>, cookie: u32) -> fmt::Result {
    if cookie == 0 {
        return Ok(());
    }
    write!(f, " cookie {cookie:#010x}")
}

/// The ranges, then how many numbers they hold: `missing 5-9,12 (6)`.
fn fmt_ranges(f: &mut fmt::Formatter<'_>, name: &str, base_seq: u64, ranges: Ranges<'_>) -> fmt::Result {
    write!(f, " {name} ")?;
    let mut separator = "";
    let mut total = 0_u64;
    for range in ranges.iter(base_seq) {
        write!(f, "{separator}{range}")?;
        separator = ",";
        total = total.saturating_add(range.len());
    }
    write!(f, " ({total})")
}
