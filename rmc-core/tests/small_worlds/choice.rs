//! What may happen next in a world, and how it is written in a script.

use std::fmt;
use std::str::FromStr;

/// Something that happens, and what becomes of the datagrams that leave because of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Choice {
    pub(crate) event: Event,
    /// Of the datagrams that leave, in their order and one for each receiver: a bit for each that is lost.
    pub(crate) lost: u16,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// The sender's application does what is next in the plan.
    Step,
    /// The time of this node's deadline has come, or its driver is late with it.
    Timer(u8),
    /// The datagram at this place arrives.
    Arrive(u8),
    /// The datagram at this place arrives, and will arrive once more.
    Copy(u8),
    /// The application of this node takes one item.
    Take(u8),
    /// Nothing is heard of a closed sender for so long that it expires. Never a choice, only at the end of a way on a
    /// perfect network.
    Silence,
}

impl Event {
    /// The place of the datagram that arrives.
    pub(crate) const fn arrival(self) -> Option<u8> {
        match self {
            Self::Arrive(place) | Self::Copy(place) => Some(place),
            Self::Step | Self::Timer(_) | Self::Take(_) | Self::Silence => None,
        }
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.event {
            Event::Step => write!(f, "step")?,
            Event::Timer(node) => write!(f, "timer{node}")?,
            Event::Arrive(place) => write!(f, "arrive{place}")?,
            Event::Copy(place) => write!(f, "copy{place}")?,
            Event::Take(node) => write!(f, "take{node}")?,
            Event::Silence => write!(f, "silence")?,
        }
        let lost = (0..u16::BITS).filter(|bit| self.lost >> bit & 1 == 1);
        for (place, bit) in lost.enumerate() {
            write!(f, "{}{bit}", if place == 0 { "-lost" } else { "," })?;
        }
        Ok(())
    }
}

impl FromStr for Choice {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let wrong = || format!("'{word}' is no choice");
        let (event, lost) = word.split_once("-lost").unwrap_or((word, ""));
        let (name, number) = event.split_at(event.find(|c: char| c.is_ascii_digit()).unwrap_or(event.len()));
        let number = || number.parse().map_err(|_| wrong());
        let event = match name {
            "step" => Event::Step,
            "timer" => Event::Timer(number()?),
            "arrive" => Event::Arrive(number()?),
            "copy" => Event::Copy(number()?),
            "take" => Event::Take(number()?),
            _ => return Err(wrong()),
        };
        let mut bits = 0;
        for bit in lost.split(',').filter(|bit| !bit.is_empty()) {
            bits |= bit.parse().ok().and_then(|bit| 1_u16.checked_shl(bit)).ok_or_else(wrong)?;
        }
        Ok(Self { event, lost: bits })
    }
}
