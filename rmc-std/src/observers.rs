//! Callbacks by event kind (S33).

/// Names a registered observer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ObserverId(u64);

use std::ops::ControlFlow;

use crate::event::Event;
use crate::handles::Sender;

pub(crate) type Callback = Box<dyn FnMut(&Event, &Sender) -> ControlFlow<()> + Send>;
