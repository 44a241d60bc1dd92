//! JSON lines: one object a line and event, named as the seed names events.

use std::io::{self, BufWriter, Stdout, Write, stdout};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rmc_std::rmc_core::{self, packet::DecodeError};
use rmc_std::{EndCause, Event, LossCause, Notice, Path, SeqRange, SocketStats, Stats, Stream};
use serde_json::{Map, Value, json};

/// The lines on standard output. Several threads may write; each line is whole.
pub(crate) struct Lines {
    start: Instant,
    out: Option<Mutex<BufWriter<Stdout>>>,
}

impl Lines {
    /// Lines that are written only if `wanted`.
    pub(crate) fn new(wanted: bool, start: Instant) -> Self {
        Self { start, out: wanted.then(|| Mutex::new(BufWriter::with_capacity(1 << 16, stdout()))) }
    }

    /// Whether lines are written at all.
    pub(crate) fn are_wanted(&self) -> bool {
        self.out.is_some()
    }

    /// Writes one event. `fields` is an object, to which its name and time are added.
    pub(crate) fn event(&self, name: &str, fields: Value) {
        let Some(mut out) = self.lock() else { return };
        let mut line = Map::new();
        line.insert("event".to_owned(), name.into());
        line.insert("t".to_owned(), self.start.elapsed().as_secs_f64().into());
        if let Value::Object(fields) = fields {
            line.extend(fields);
        }
        if serde_json::to_writer(&mut *out, &Value::Object(line)).is_ok() {
            drop(out.write_all(b"\n"));
        }
    }

    /// Writes the line of one message. There may be a hundred thousand a second, so that it is put together by hand.
    pub(crate) fn message(&self, message: &rmc_std::Message, number: Option<u64>, with_payload: bool) {
        let Some(mut out) = self.lock() else { return };
        // A line that cannot be written is noticed when the lines are flushed.
        drop(write_message(&mut *out, self.start.elapsed(), message, number, with_payload));
    }

    /// Gives everything to the system.
    pub(crate) fn flush(&self) -> io::Result<()> {
        self.lock().map_or(Ok(()), |mut out| out.flush())
    }

    fn lock(&self) -> Option<MutexGuard<'_, BufWriter<Stdout>>> {
        self.out.as_ref().map(|out| out.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn write_message(
    out: &mut impl Write,
    t: Duration,
    message: &rmc_std::Message,
    number: Option<u64>,
    with_payload: bool,
) -> io::Result<()> {
    let (stream, path) = (stream_name(message.stream), path_name(message.path));
    let (peer, seq, index, len) = (message.peer, message.seq, message.index, message.payload.len());
    write!(
        out,
        r#"{{"event":"new_packet","t":{}.{:06},"peer":"{peer}","stream":"{stream}","path":"{path}","seq":{seq},"index":{index},"len":{len}"#,
        t.as_secs(),
        t.subsec_micros(),
    )?;
    if let Some(number) = number {
        write!(out, r#","number":{number}"#)?;
    }
    if with_payload {
        out.write_all(br#","payload":""#)?;
        for byte in &message.payload {
            write!(out, "{byte:02x}")?;
        }
        out.write_all(b"\"")?;
    }
    out.write_all(b"}\n")
}

/// The name and the fields of an event; `None` for those whose matter is told in another way.
pub(crate) fn event_fields(event: &Event) -> Option<(&'static str, Value)> {
    let event = match event {
        Event::Protocol(event) => event,
        Event::Notice(notice) => return Some(notice_fields(notice)),
        _ => return None,
    };
    let fields = match *event {
        // Their matter comes in band.
        rmc_core::Event::Readable | rmc_core::Event::GotLost { .. } | rmc_core::Event::NewPacket { .. } => return None,
        rmc_core::Event::EventsDropped { count } => json!({ "count": count }),
        rmc_core::Event::NewSender { peer, epoch } => json!({ "peer": peer, "epoch": epoch }),
        rmc_core::Event::MissingHeartbeat { peer, stream, count } => {
            json!({ "peer": peer, "stream": stream_name(stream), "count": count })
        }
        rmc_core::Event::PeerRecovered { peer } | rmc_core::Event::PeerExpired { peer } => json!({ "peer": peer }),
        rmc_core::Event::PeerRestarted { peer, old_epoch, epoch } => {
            json!({ "peer": peer, "old_epoch": old_epoch, "epoch": epoch })
        }
        rmc_core::Event::PeerFinished { peer, seq } => json!({ "peer": peer, "seq": seq }),
        rmc_core::Event::GotHeartbeat { peer, stream, seq }
        | rmc_core::Event::GotReset { peer, stream, seq }
        | rmc_core::Event::GotAck { peer, stream, seq } => {
            json!({ "peer": peer, "stream": stream_name(stream), "seq": seq })
        }
        rmc_core::Event::GotNack { peer, stream, seq, count }
        | rmc_core::Event::SentNack { peer, stream, seq, count } => {
            json!({ "peer": peer, "stream": stream_name(stream), "seq": seq, "count": count })
        }
        rmc_core::Event::PacketSent { destination, seq }
        | rmc_core::Event::SentRepair { destination, seq }
        | rmc_core::Event::SentHeartbeat { destination, seq }
        | rmc_core::Event::SentReset { destination, seq } => json!({ "peer": destination, "seq": seq }),
        rmc_core::Event::SentLost { destination, range } => {
            json!({ "peer": destination, "ranges": ranges_value(&[range]) })
        }
        rmc_core::Event::SequenceOverflow { seq } => json!({ "seq": seq }),
        rmc_core::Event::AddressInUse { address } => json!({ "peer": address }),
        rmc_core::Event::PrivateAbandoned { peer, unacknowledged } => {
            json!({ "peer": peer, "ranges": ranges_value(&[unacknowledged]) })
        }
        rmc_core::Event::PeerEvicted { peer, seq } => json!({ "peer": peer, "seq": seq }),
        _ => json!({}),
    };
    Some((event.kind().name(), fields))
}

/// The fields of the line that says which numbers of a stream are lost for good.
pub(crate) fn lost_fields(peer: SocketAddr, stream: Stream, ranges: &[SeqRange], cause: LossCause) -> Value {
    json!({
        "peer": peer,
        "stream": stream_name(stream),
        "ranges": ranges_value(ranges),
        "cause": loss_name(cause),
    })
}

/// The fields of the line that says that a stream is over.
pub(crate) fn ended_fields(peer: SocketAddr, stream: Stream, cause: EndCause) -> Value {
    json!({ "peer": peer, "stream": stream_name(stream), "cause": end_name(cause) })
}

/// All counters of a node.
pub(crate) fn stats_value(stats: &Stats, sockets: &SocketStats) -> Value {
    let (tx, rx, repair, dropped, held) = (stats.tx, stats.rx, stats.repair, stats.dropped, stats.held);
    let malformed: Map<String, Value> = DecodeError::ALL
        .iter()
        .filter_map(|reason| Some((reason.name().to_owned(), Value::from(*dropped.malformed.get(reason.index())?))))
        .collect();
    json!({
        "tx": {
            "messages": tx.messages, "packed": tx.packed, "packets": tx.packets, "bytes": tx.bytes, "data": tx.data,
            "heartbeats": tx.heartbeats, "heartbeat_times": tx.heartbeat_times, "acks": tx.acks, "failed": tx.failed,
            "let_go": tx.let_go,
        },
        "rx": {
            "packets": rx.packets, "bytes": rx.bytes, "data": rx.data, "messages": rx.messages,
            "message_bytes": rx.message_bytes, "heartbeats": rx.heartbeats, "heartbeat_times": rx.heartbeat_times,
            "acks": rx.acks, "confirms": rx.confirms, "duplicates": rx.duplicates, "lost": rx.lost,
        },
        "repair": {
            "gaps": repair.gaps, "nacks_sent": repair.nacks_sent, "nacks_received": repair.nacks_received,
            "numbers_asked": repair.numbers_asked, "repairs_sent": repair.repairs_sent, "repaired": repair.repaired,
            "lost_sent": repair.lost_sent, "lost_received": repair.lost_received,
            "resets_sent": repair.resets_sent, "resets_received": repair.resets_received,
        },
        "dropped": {
            "malformed": malformed, "own": dropped.own, "address_in_use": dropped.address_in_use,
            "peers_full": dropped.peers_full, "stale_epoch": dropped.stale_epoch, "wrong_target": dropped.wrong_target,
            "wrong_path": dropped.wrong_path, "window": dropped.window, "total": dropped.total,
            "inactive": dropped.inactive, "askers_full": dropped.askers_full, "ack_beyond": dropped.ack_beyond,
            "unread": dropped.unread, "closed": dropped.closed, "early_epoch": dropped.early_epoch, "evicted_peers": dropped.evicted_peers,
            "events": dropped.events,
        },
        "held": {
            "peers": held.peers, "private_streams": held.private_streams, "queued_packets": held.queued_packets,
            "queued_bytes": held.queued_bytes, "backlog_packets": held.backlog_packets,
            "backlog_bytes": held.backlog_bytes, "receive_packets": held.receive_packets, "receive_bytes": held.receive_bytes, "readable": held.readable,
        },
        "sockets": {
            "send_errors": sockets.send_errors.total(), "receive_errors": sockets.receive_errors.total(),
            "retries": sockets.retries, "events_dropped": sockets.events_dropped,
            "unicast_receive_buffer": sockets.unicast_receive_buffer,
            "multicast_receive_buffer": sockets.multicast_receive_buffer, "send_buffer": sockets.send_buffer,
            "segmentation": sockets.segmentation, "coalescing": sockets.coalescing, "send_calls": sockets.send_calls,
            "receive_calls": sockets.receive_calls, "segments": sockets.segments, "coalesced": sockets.coalesced,
        },
    })
}

/// A loss cause's name.
pub(crate) const fn loss_name(cause: LossCause) -> &'static str {
    match cause {
        LossCause::Lost => "lost",
        LossCause::Reset => "reset",
        LossCause::Restarted => "restarted",
        LossCause::Expired => "expired",
        LossCause::Removed => "removed",
        LossCause::TooLarge => "too_large",
        LossCause::Silent => "silent",
        LossCause::Malformed => "malformed",
        _ => "other",
    }
}

const fn end_name(cause: EndCause) -> &'static str {
    match cause {
        EndCause::Finished => "finished",
        EndCause::Expired => "expired",
        EndCause::Removed => "removed",
        _ => "other",
    }
}

const fn stream_name(stream: Stream) -> &'static str {
    match stream {
        Stream::Group => "group",
        Stream::Private => "private",
    }
}

const fn path_name(path: Path) -> &'static str {
    match path {
        Path::Multicast => "multicast",
        Path::Unicast => "unicast",
    }
}

fn notice_fields(notice: &Notice) -> (&'static str, Value) {
    let text = notice.to_string();
    match *notice {
        Notice::ReceiveBufferSmall { asked, got } => {
            ("receive_buffer_small", json!({ "asked": asked, "got": got, "text": text }))
        }
        Notice::SendBufferSmall { asked, got } => {
            ("send_buffer_small", json!({ "asked": asked, "got": got, "text": text }))
        }
        Notice::SocketError { count, .. } => ("socket_error", json!({ "count": count, "text": text })),
        _ => ("notice", json!({ "text": text })),
    }
}

fn ranges_value(ranges: &[SeqRange]) -> Value {
    ranges.iter().map(|range| json!([range.first(), range.last()])).collect()
}
