//! The packets themselves: control packets into a scratch buffer, data where it is kept.
//!
//! What is built is the next transmission: it stands in `Outgoing::last`, and its length is returned. It is not handed
//! on by value: whoever reads a structure that was just written has to wait until the writes before it are done, and so
//! for the copy of the payload.

use core::net::SocketAddr;

use super::Protocol;
use super::outgoing::{Aside, Confirm, Note, Sent, Source};
use crate::event::Stream;
use crate::packet::{
    Body, Flags, HEADER_LEN, IntervalsBuilder, Kind, MAX_DELAY_MICROS, NO_PROMISE, Packet, RangesBuilder,
    write_data_header,
};
use crate::sender::{Answer, GROUP, Owed, Promise};
use crate::seq::SeqRange;
use crate::time::micros;

impl Protocol {
    pub(super) fn build_answer(&mut self, place: u32, answer: Answer) -> Option<usize> {
        let stamp = answer.stamp;
        let to = match answer.to {
            Some(to) => to,
            None => self.streams.get(place)?.destination,
        };
        match answer.what {
            Owed::Packet(at) => self.build_data(place, at, to, Flags::RESENT, Note::Repair),
            Owed::Lost(range) => self.build_lost(place, to, range, stamp),
            Owed::Reset => {
                let seq = self.streams.get(place)?.log.last_sent();
                self.build_reset(place, to, seq, stamp)
            }
            Owed::Wait(range, delay) => {
                self.build_confirm(Confirm { to, place, range, delay: Some(delay), stamp, cookie: 0 })
            }
        }
    }

    #[inline(never)]
    pub(super) fn build_aside(&mut self, aside: Aside) -> Option<usize> {
        match aside {
            Aside::Heartbeat { to, place } => {
                // The stream may be gone since, and its place be another one's.
                let stream = self.streams.get(place).filter(|stream| place == GROUP || stream.destination == to)?;
                let promise = stream.beats.aside(self.shared.now);
                self.build_heartbeat(place, to, promise)
            }
            Aside::Confirm(confirm) => self.build_confirm(confirm),
            Aside::Table { to } => self.build_table(to, usize::from(self.streams.group().beats.table_index())),
            Aside::NoStream { to, stamp } => {
                let (seq, epoch) = (self.streams.floor(), self.shared.config.epoch);
                let (body, note) = if seq == 0 {
                    let body = Body::Heartbeat { oldest: 1, interval: 0, backoff: 0, group: 1, rtt: 0 };
                    (body, Note::Heartbeat)
                } else {
                    (Body::Reset { stamp }, Note::Reset)
                };
                let flags = Flags::PRIVATE;
                self.build(&Packet { flags, heartbeat: NO_PROMISE, epoch, seq, extension: None, body }, to, note)
            }
        }
    }

    #[inline(never)]
    pub(super) fn build_heartbeat(&mut self, place: u32, destination: SocketAddr, promise: Promise) -> Option<usize> {
        self.streams.receivers.counted(self.peers.census());
        let stream = self.streams.get(place)?;
        let end = if promise.end { Flags::END } else { Flags::NONE };
        let (backoff, group, rtt) = match stream.kind {
            Stream::Group => {
                let told = self.streams.receivers.advertised();
                (micros(told.backoff), told.group, micros(told.rtt))
            }
            Stream::Private => (0, 1, 0),
        };
        let oldest = stream.log.oldest();
        let body = Body::Heartbeat { oldest, interval: promise.interval, backoff, group, rtt };
        let packet = Packet {
            flags: stream.flags() | end,
            heartbeat: promise.index,
            epoch: self.shared.config.epoch,
            seq: stream.log.last_sent(),
            extension: None,
            body,
        };
        self.build(&packet, destination, Note::Heartbeat)
    }

    /// The range is cut where the packet cannot say more.
    #[inline(never)]
    pub(super) fn build_confirm(&mut self, confirm: Confirm) -> Option<usize> {
        let Confirm { to, place, range, delay, stamp, cookie } = confirm;
        // The stream may be gone since, and its place be another one's.
        self.streams.get(place).filter(|stream| place == GROUP || stream.destination == to)?;
        let seq = range.first();
        let mut ranges = RangesBuilder::new(seq);
        if !ranges.push(SeqRange::new(seq, range.last().min(seq.saturating_add(u32::MAX.into()) - 1))?) {
            return None;
        }
        let (reason, delay) = delay.map_or((0, 0), |delay| (1, micros(delay).min(MAX_DELAY_MICROS)));
        let body = Body::Confirm { reason, delay, stamp, cookie, ranges: ranges.as_ranges() };
        let packet = self.packet_of(place, seq, body)?;
        self.build(&packet, to, Note::Confirm)
    }

    #[inline(never)]
    pub(super) fn build_lost(
        &mut self,
        place: u32,
        destination: SocketAddr,
        range: SeqRange,
        stamp: u32,
    ) -> Option<usize> {
        let body = Body::Lost { first: range.first(), stamp };
        let packet = self.packet_of(place, range.last() + 1, body)?;
        self.build(&packet, destination, Note::Lost(range))
    }

    pub(super) fn build_reset(&mut self, place: u32, destination: SocketAddr, seq: u64, stamp: u32) -> Option<usize> {
        let packet = self.packet_of(place, seq, Body::Reset { stamp })?;
        self.build(&packet, destination, Note::Reset)
    }

    #[inline(never)]
    pub(super) fn build_table(&mut self, destination: SocketAddr, index: usize) -> Option<usize> {
        let mut intervals = IntervalsBuilder::new();
        for &interval in &self.shared.config.heartbeat_times {
            if !intervals.push(micros(interval)) {
                break;
            }
        }
        let packet = Packet {
            flags: Flags::NONE,
            heartbeat: u8::try_from(index).unwrap_or(NO_PROMISE),
            epoch: self.shared.config.epoch,
            seq: self.streams.group().log.last_sent(),
            extension: None,
            body: Body::HeartbeatTimes { intervals: intervals.as_intervals() },
        };
        self.build(&packet, destination, Note::Table)
    }

    /// A data packet leaves from where it is kept, without a copy.
    pub(super) fn build_data(
        &mut self,
        stream: u32,
        place: usize,
        to: SocketAddr,
        resent: Flags,
        what: Note,
    ) -> Option<usize> {
        let epoch = self.shared.config.epoch;
        let sender = self.streams.get_mut(stream)?;
        let heartbeat = sender.beats.index();
        let packet = sender.log.get_mut(place)?;
        let (flags, seq) = (packet.flags | resent, packet.seq);
        let header = packet.datagram_mut().first_chunk_mut::<HEADER_LEN>()?;
        write_data_header(header, flags, heartbeat, epoch, seq);
        let (bytes, len) = (Source::Log { stream, place }, packet.datagram().len());
        self.out.last = Some(Sent { bytes, len, destination: to, kind: Kind::Data, seq, what });
        Some(len)
    }

    fn packet_of<'a>(&self, place: u32, seq: u64, body: Body<'a>) -> Option<Packet<'a>> {
        let stream = self.streams.get(place)?;
        let epoch = self.shared.config.epoch;
        Some(Packet { flags: stream.flags(), heartbeat: stream.beats.index(), epoch, seq, extension: None, body })
    }

    pub(super) fn build(&mut self, packet: &Packet<'_>, destination: SocketAddr, what: Note) -> Option<usize> {
        let Ok(len) = packet.encode(&mut self.out.scratch) else {
            debug_assert!(false, "a node builds valid packets only: {packet}");
            return None;
        };
        let (kind, seq) = (packet.kind(), packet.seq);
        self.out.last = Some(Sent { bytes: Source::Scratch, len, destination, kind, seq, what });
        Some(len)
    }
}

/// The flag that every packet of a stream of this kind carries.
pub(super) const fn flags_of(stream: Stream) -> Flags {
    match stream {
        Stream::Group => Flags::NONE,
        Stream::Private => Flags::PRIVATE,
    }
}
