//! All streams that this node sends, and whose turn it is.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::vec::Vec;
use core::net::SocketAddr;

use super::flow::Flow;
use super::group_size::Census;
use super::receivers::Receivers;
use super::repairs::{Answer, Nack, Next, Served, Serving, Terms};
use super::stream::SendStream;
use crate::error::SendError;
use crate::event::{Event, Stream};
use crate::hash::{Map, map};
use crate::heap::Deadlines;
use crate::shared::Shared;
use crate::time::{Instant, earlier};

/// The place of the group's stream; private streams follow.
pub(crate) const GROUP: u32 = 0;

#[derive(Clone)]
pub(crate) struct SendStreams {
    /// The group's stream first; it is always there.
    slots: Vec<Option<Box<SendStream>>>,
    free: Vec<u32>,
    lookup: Map<SocketAddr, u32>,
    timers: Deadlines,
    /// The highest number that a private stream used that is no more (S18).
    floor: u64,
    control: VecDeque<u32>,
    repairs: VecDeque<u32>,
    data: VecDeque<u32>,
    /// Of the group's stream.
    pub(crate) receivers: Receivers,
    pub(crate) flow: Flow,
}

impl SendStreams {
    pub(crate) fn new(shared: &Shared) -> Self {
        let group = SendStream::new(Stream::Group, shared.config.group, 0, shared);
        Self {
            slots: [Some(Box::new(group))].into(),
            free: Vec::new(),
            lookup: map(shared.config.seed),
            timers: Deadlines::default(),
            floor: 0,
            control: VecDeque::new(),
            repairs: VecDeque::new(),
            data: VecDeque::new(),
            receivers: Receivers::new(shared.config.repair_mode, shared.config.nack_resend_time),
            flow: Flow::new(&shared.config),
        }
    }

    pub(crate) fn group(&self) -> &SendStream {
        self.slots[GROUP as usize].as_ref().expect("the group's stream is never taken out")
    }

    pub(crate) fn get(&self, place: u32) -> Option<&SendStream> {
        self.slots.get(place as usize)?.as_deref()
    }

    pub(crate) fn get_mut(&mut self, place: u32) -> Option<&mut SendStream> {
        self.slots.get_mut(place as usize)?.as_deref_mut()
    }

    /// The private stream to `peer`.
    pub(crate) fn private(&self, peer: SocketAddr) -> Option<u32> {
        self.lookup.get(&peer).copied()
    }

    pub(crate) fn private_count(&self) -> usize {
        self.lookup.len()
    }

    /// The highest number that a private stream used that is no more.
    pub(crate) const fn floor(&self) -> u64 {
        self.floor
    }

    /// The private stream to `peer`, made if there is none (S18; RMC-PRIV-6, RMC-PRIV-8).
    pub(crate) fn make_private(&mut self, peer: SocketAddr, shared: &mut Shared) -> Result<u32, SendError> {
        if let Some(place) = self.private(peer) {
            return Ok(place);
        }
        let max = shared.config.max_private;
        if self.private_count() >= max {
            let idle = self.longest_idle().ok_or(SendError::TooManyPrivate(max))?;
            self.drop_private(idle, shared);
        }
        let stream = Some(Box::new(SendStream::new(Stream::Private, peer, self.floor, shared)));
        let place = match self.free.pop() {
            Some(place) => {
                self.slots[place as usize] = stream;
                place
            }
            None => {
                self.slots.push(stream);
                u32::try_from(self.slots.len() - 1).expect("max_private is at most 2^16")
            }
        };
        self.lookup.insert(peer, place);
        Ok(place)
    }

    /// Drops a private stream, and what it had.
    pub(crate) fn drop_private(&mut self, place: u32, shared: &mut Shared) {
        if place == GROUP {
            return;
        }
        let Some(mut stream) = self.slots.get_mut(place as usize).and_then(Option::take) else { return };
        self.floor = self.floor.max(stream.log.last_given());
        stream.log.clear(shared);
        self.lookup.remove(&stream.destination);
        self.timers.clear(place);
        self.free.push(place);
        for queue in [&mut self.control, &mut self.repairs, &mut self.data] {
            queue.retain(|&other| other != place);
        }
    }

    /// After any change of a stream: it may have something to send, or need its timer sooner.
    #[inline]
    pub(crate) fn touched(&mut self, place: u32, shared: &Shared) {
        let Some(stream) = self.slots.get_mut(place as usize).and_then(Option::as_deref_mut) else { return };
        stream.repairs.release(&self.flow, shared.now);
        if stream.has_control() && !core::mem::replace(&mut stream.in_control, true) {
            self.control.push_back(place);
        }
        if stream.repairs.has_repairs() && !core::mem::replace(&mut stream.in_repairs, true) {
            self.repairs.push_back(place);
        }
        if !stream.in_data && stream.may_send(shared) {
            stream.in_data = true;
            self.data.push_back(place);
        }
        let held = stream.log.held_until(&shared.config).filter(|&until| until > shared.now);
        let released = earlier(stream.repairs.released_at(&self.flow), held);
        if let Some(deadline) = earlier(stream.deadline(&shared.config), released) {
            self.timers.set_if_earlier(place, deadline);
        }
    }

    /// After a message was queued: as [`touched`](Self::touched), for what that can change.
    #[inline]
    pub(crate) fn queued(&mut self, place: u32, shared: &Shared) {
        if place != GROUP || !shared.config.flush_after.is_zero() {
            self.touched(place, shared);
            return;
        }
        let Some(group) = self.slots.get_mut(GROUP as usize).and_then(Option::as_deref_mut) else { return };
        if !group.in_data && group.may_send(shared) {
            group.in_data = true;
            self.data.push_back(GROUP);
        }
    }

    /// After a data packet left: likewise.
    #[inline]
    pub(crate) fn data_sent(&mut self, place: u32, shared: &Shared) {
        let Some(stream) = self.slots.get_mut(place as usize).and_then(Option::as_deref_mut) else { return };
        if stream.has_control() {
            self.touched(place, shared);
            return;
        }
        if !stream.in_data && stream.may_send(shared) {
            stream.in_data = true;
            self.data.push_back(place);
        }
        let held = stream.log.held_until(&shared.config).filter(|&until| until > shared.now);
        if let Some(deadline) = earlier(stream.deadline(&shared.config), held) {
            self.timers.set_if_earlier(place, deadline);
        }
    }

    /// Whose control packets are next. Call [`touched`](Self::touched) after one was built.
    pub(crate) fn next_control(&mut self) -> Option<u32> {
        let place = self.control.pop_front()?;
        self.get_mut(place)?.in_control = false;
        Some(place)
    }

    /// Whose repair is next.
    pub(crate) fn next_repair(&mut self) -> Option<u32> {
        let place = self.repairs.pop_front()?;
        self.get_mut(place)?.in_repairs = false;
        Some(place)
    }

    /// The repair that is next to leave; `None`: there is none now.
    pub(crate) fn coming_repair(&mut self, shared: &mut Shared) -> Option<Next> {
        loop {
            let place = *self.repairs.front()?;
            let (flow, receivers, data_waits) = (&self.flow, self.receivers.known(), self.has_data());
            let stream = self.slots.get_mut(place as usize).and_then(Option::as_deref_mut)?;
            stream.log.drop_aged(shared);
            let SendStream { log, repairs, .. } = stream;
            let (mode, now) = (shared.config.repair_mode, shared.now);
            let terms = Terms { log, flow, receivers, mode, data_waits, now };
            let next = repairs.next(terms);
            if next.is_some() {
                return next;
            }
            self.next_repair();
            // Some may have to be told that they have to wait.
            self.touched(place, shared);
        }
    }

    /// A repair of the stream at `place` leaves.
    pub(crate) fn send_repair(&mut self, place: u32, shared: &Shared) -> Option<Answer> {
        let (flow, receivers, data_waits) = (&self.flow, self.receivers.known(), self.has_data());
        let (mode, now) = (shared.config.repair_mode, shared.now);
        let SendStream { log, repairs, .. } = self.slots.get_mut(place as usize)?.as_deref_mut()?;
        repairs.next_repair(Terms { log, flow, receivers, mode, data_waits, now })
    }

    /// Takes a NACK for the stream at `place`. `allowance`: how many bytes may go to an address that has not proven
    /// that it receives. Call [`touched`](Self::touched) after.
    pub(crate) fn ask(&mut self, place: u32, nack: &Nack<'_>, allowance: &mut u32, shared: &mut Shared) -> Served {
        let Some(stream) = self.slots.get_mut(place as usize).and_then(Option::as_deref_mut) else {
            return Served::default();
        };
        stream.log.drop_aged(shared);
        stream.heard(shared.now);
        let SendStream { log, repairs, beats, .. } = stream;
        let (config, flow, receivers, now) = (&shared.config, &self.flow, &mut self.receivers, shared.now);
        let served = repairs.ask(nack, &mut Serving { log, config, flow, receivers, allowance, now });
        if served.some && !served.refused {
            beats.hasten(now, &config.heartbeat_times);
        }
        if place == GROUP {
            self.tell_if_changed(shared);
        }
        served
    }

    /// More is known of the receivers: they may have to be told. Call [`touched`](Self::touched) after.
    pub(crate) fn tell_if_changed(&mut self, shared: &Shared) {
        let tells_at = self.receivers.tells_at();
        if let Some(group) = self.get_mut(GROUP).filter(|group| group.beats.is_running()) {
            group.tells_at = tells_at;
            group.tell_if_due(shared.now);
        }
    }

    /// The receivers let the group's stream go on up to this number (RMC-FLOW-1).
    pub(crate) fn set_limit(&mut self, limit: u64, shared: &Shared) {
        let Some(group) = self.get_mut(GROUP) else { return };
        group.limit = limit;
        self.limited(GROUP, shared);
    }

    /// As [`touched`](Self::touched), where the stream's limit may have come down: what waited for its turn has no room
    /// any more.
    pub(crate) fn limited(&mut self, at: u32, shared: &Shared) {
        let Some(stream) = self.get_mut(at) else { return };
        if stream.in_data && !stream.has_data(shared) {
            stream.in_data = false;
            self.data.retain(|&place| place != at);
        }
        self.touched(at, shared);
    }

    /// Whether those that have not proven that they receive have to wait for what they ask the stream at `place` for.
    pub(crate) fn strangers_wait(&self, place: u32) -> bool {
        self.get(place).is_some_and(|stream| stream.repairs.strangers_wait())
    }

    /// Data of `len` bytes leaves. `census`: who is known, which is asked for only if the group may have to be told.
    pub(crate) fn data_left(&mut self, len: usize, census: impl FnOnce() -> Census, shared: &Shared) {
        self.flow.data_left(len, self.has_repairs(), shared.now);
        let is_stale = self.receivers.data_left(shared.now);
        if is_stale {
            self.receivers.counted(census());
        }
        // Who takes for granted what holds while nobody is known need not be told that.
        let tells = is_stale && self.receivers.known() > 0;
        let Some(group) = self.get_mut(GROUP) else { return };
        if tells && group.beats.is_running() {
            group.telling_due = true;
        } else if !group.repairs.has_blocked() {
            return;
        }
        self.touched(GROUP, shared);
    }

    /// A Heartbeat of the group's stream leaves.
    pub(crate) fn told(&mut self, now: Instant) {
        self.receivers.tell(now);
        if let Some(SendStream { log, repairs, telling_due, tells_at, .. }) = self.slots[GROUP as usize].as_deref_mut()
        {
            (*telling_due, *tells_at) = (false, None);
            repairs.sweep(log, &mut self.receivers, now);
        }
    }

    /// How long the next data packet is, header included.
    pub(crate) fn next_data_len(&self) -> usize {
        let stream = self.data.front().and_then(|&place| self.get(place));
        stream.and_then(|stream| stream.log.next_unsent()).map_or(0, |packet| packet.datagram().len())
    }

    /// The number and length of the packet that is next in the stream at `place`, if no other stream has data, and no
    /// hole before that has to be told of.
    pub(crate) fn only_data_of(&self, place: u32) -> Option<(u64, usize)> {
        if self.data.len() != 1 || self.data.front() != Some(&place) {
            return None;
        }
        let next = self.get(place)?.log.next_unsent()?;
        Some((next.seq, next.datagram().len()))
    }

    /// Whose data is next.
    pub(crate) fn next_data(&mut self) -> Option<u32> {
        let place = self.data.pop_front()?;
        self.get_mut(place)?.in_data = false;
        Some(place)
    }

    pub(crate) fn has_control(&self) -> bool {
        !self.control.is_empty()
    }

    pub(crate) fn has_repairs(&self) -> bool {
        !self.repairs.is_empty()
    }

    pub(crate) fn has_data(&self) -> bool {
        !self.data.is_empty()
    }

    /// Whether the group's data is next among what waits.
    pub(crate) fn is_group_next(&self) -> bool {
        self.data.front() == Some(&GROUP)
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        self.timers.next()
    }

    /// Does what is due; only streams that are due are looked at.
    pub(crate) fn handle_timeout(&mut self, shared: &mut Shared) {
        while let Some(place) = self.timers.pop_due(shared.now) {
            let Some(stream) = self.get_mut(place) else { continue };
            if let Some(unacknowledged) = stream.unacknowledged()
                && stream.abandon_at(shared.config.peer_timeout).is_some_and(|at| at <= shared.now)
            {
                let peer = stream.destination;
                self.drop_private(place, shared);
                shared.event(Event::PrivateAbandoned { peer, unacknowledged });
                continue;
            }
            stream.log.drop_aged(shared);
            stream.beats.check(shared.now);
            stream.tell_if_due(shared.now);
            self.touched(place, shared);
        }
    }

    /// The table has changed: streams whose heartbeats run go on with `index` of it.
    pub(crate) fn table_changed(&mut self, index: usize, shared: &Shared) {
        for place in self.places() {
            let Some(stream) = self.get_mut(place) else { continue };
            if stream.beats.is_running() {
                stream.beats.begin(shared.now, &shared.config.heartbeat_times, index);
            }
            self.touched(place, shared);
        }
    }

    /// Every stream announces its end once its queue is empty (S31). `announced`: others know of this node without any
    /// data.
    pub(crate) fn finish(&mut self, announced: bool, shared: &Shared) {
        for place in self.places() {
            if let Some(stream) = self.get_mut(place) {
                stream.end(announced && place == GROUP);
            }
            self.touched(place, shared);
        }
    }

    /// What waits for more to be packed with it leaves.
    pub(crate) fn seal(&mut self, shared: &Shared) {
        for place in self.places() {
            if let Some(stream) = self.get_mut(place) {
                stream.log.seal();
            }
            self.touched(place, shared);
        }
    }

    /// Whether any stream was ever given anything.
    pub(crate) fn has_ever_sent(&self) -> bool {
        self.group().log.last_given() > 0 || self.private_count() > 0
    }

    /// Whether every stream's end was announced.
    pub(crate) fn all_ended(&self) -> bool {
        self.slots.iter().flatten().all(|stream| stream.beats.has_ended())
    }

    /// A silent node sends nothing: what waits is dropped, and nothing is due (S28).
    pub(crate) fn fall_silent(&mut self, shared: &mut Shared) {
        for place in self.places() {
            let Some(stream) = self.get_mut(place) else { continue };
            stream.beats.stop();
            stream.repairs.clear();
            stream.reset_due = false;
            (stream.telling_due, stream.tells_at) = (false, None);
            (stream.in_control, stream.in_repairs) = (false, false);
            self.timers.clear(place);
        }
        self.control.clear();
        self.repairs.clear();
        self.timers = Deadlines::default();
        self.touched(GROUP, shared);
    }

    /// The node is silent no more: heartbeats go on for what was sent.
    pub(crate) fn speak_again(&mut self, shared: &Shared) {
        for place in self.places() {
            let Some(stream) = self.get_mut(place) else { continue };
            let waits = stream.kind == Stream::Group || !stream.is_acknowledged();
            if waits && stream.log.last_sent() > 0 {
                stream.beats.begin(shared.now, &shared.config.heartbeat_times, 0);
            }
            stream.heard(shared.now);
            self.touched(place, shared);
        }
    }

    /// Drops everything.
    pub(crate) fn clear(&mut self, shared: &mut Shared) {
        for stream in self.slots.iter_mut().flatten() {
            stream.log.clear(shared);
        }
        let last = self.group().log.last_given();
        *self = Self::new(shared);
        if let Some(group) = self.get_mut(GROUP) {
            *group = SendStream::new(Stream::Group, shared.config.group, last, shared);
            group.reset_due = false;
        }
    }

    fn places(&self) -> core::ops::Range<u32> {
        0..u32::try_from(self.slots.len()).unwrap_or(u32::MAX)
    }

    fn longest_idle(&self) -> Option<u32> {
        self.places()
            .skip(1)
            .filter_map(|place| Some((self.get(place)?, place)))
            .filter(|(stream, _)| stream.is_acknowledged())
            .min_by_key(|&(stream, place)| (stream.waiting_since(), place))
            .map(|(_, place)| place)
    }
}

#[cfg(feature = "sim")]
impl crate::fingerprint::State for SendStreams {
    fn put(&self, to: &mut crate::fingerprint::Fingerprint) {
        let Self { slots, free, lookup: _, timers, floor, control, repairs, data, receivers, flow } = self;
        to.earned = flow.earned();
        to.put(slots);
        to.put(free);
        to.put(floor);
        to.put(timers);
        to.put(control);
        to.put(repairs);
        to.put(data);
        to.put(receivers);
        to.put(flow);
    }
}
