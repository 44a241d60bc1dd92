//! What people see while it runs: on standard error, and only if that is a terminal.

use std::fmt::Write;
use std::io::{IsTerminal as _, Write as _, stderr, stdout};
use std::time::Duration;

use indicatif::{HumanCount, MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::Failure;
use crate::args::OutputArgs;

/// Bars and messages.
pub(crate) struct Screen {
    bars: MultiProgress,
    quiet: bool,
}

impl Screen {
    pub(crate) fn new(options: OutputArgs) -> Self {
        // With JSON lines nobody looks at bars, and both may go to one terminal.
        let shown = !options.quiet && !options.json && stderr().is_terminal();
        let target = if shown { ProgressDrawTarget::stderr() } else { ProgressDrawTarget::hidden() };
        Self { bars: MultiProgress::with_draw_target(target), quiet: options.quiet }
    }

    /// A bar named `name`; without a length it only counts.
    pub(crate) fn bar(&self, name: &str, length: Option<u64>, unit: Unit) -> ProgressBar {
        let (position, rate) = match unit {
            Unit::Messages => ("{human_pos}", "{messages_per_sec}"),
            Unit::Bytes => ("{bytes}", "{bytes_per_sec}"),
        };
        let template = match length {
            Some(_) => format!("{{prefix:12}} {{bar:30}} {{percent:>3}} % {position:>12} {rate:>16}  {{msg}}"),
            None => format!("{{prefix:12}} {{spinner}} {position:>12} {rate:>16} {{elapsed}}  {{msg}}"),
        };
        let bar = length.map_or_else(ProgressBar::no_length, ProgressBar::new);
        let bar = self.bars.add(bar).with_prefix(name.to_owned());
        if let Ok(style) = ProgressStyle::with_template(&template) {
            bar.set_style(style.with_key("messages_per_sec", messages_per_sec));
        }
        if !self.bars.is_hidden() {
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        bar
    }

    /// Says something, above the bars.
    pub(crate) fn say(&self, text: &str) {
        if !self.quiet {
            self.insist(text);
        }
    }

    /// Says something that must be said even with --quiet: what is wrong.
    pub(crate) fn insist(&self, text: &str) {
        self.bars.suspend(|| eprintln!("{text}"));
    }

    /// Writes a result to standard output, above the bars.
    pub(crate) fn result(&self, text: &str) -> Result<(), Failure> {
        self.bars.suspend(|| print(text))
    }
}

/// Writes a result to standard output, which may be closed by now.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    writeln!(stdout(), "{text}").map_err(|error| format!("cannot write to standard output: {error}"))
}

/// What a bar counts.
#[derive(Clone, Copy)]
pub(crate) enum Unit {
    Messages,
    Bytes,
}

/// Whole messages: a person does not read fractions of them.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a rate for people; the cast saturates")]
fn messages_per_sec(state: &ProgressState, out: &mut dyn Write) {
    let _shown = write!(out, "{}/s", HumanCount(state.per_sec() as u64));
}
