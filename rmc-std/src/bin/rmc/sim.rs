//! `rmc sim`: one sender and any number of receivers on a simulated network, in virtual time.

mod goodput;
mod goodput_plot;
mod network;
mod new_file;
mod outcome;
mod plot;
mod recording;
mod sweep;

use std::ops::ControlFlow;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use rmc_std::rmc_core::sim::{Course, Report, Sim};

use crate::args::{DEFAULT_RECEIVERS, SimArgs};
use crate::json::Lines;
use crate::progress::{Screen, Unit};
use crate::{Failure, interrupt};
use network::Plan;
use recording::Recording;

pub(crate) fn run(options: &SimArgs) -> Result<ExitCode, Failure> {
    options.check()?;
    if options.sweep { sweep::run(options) } else { run_once(options) }
}

fn run_once(options: &SimArgs) -> Result<ExitCode, Failure> {
    let lines = Lines::new(options.output.json, Instant::now());
    let screen = Screen::new(options.output);
    let receivers = options.receivers.unwrap_or(DEFAULT_RECEIVERS);
    let mut plan = network::plan(options, receivers, options.loss)?;
    let recording = Recording::open(options)?;
    plan.scenario.records = recording.records();
    screen.say(&outcome::introduction(&plan, options));
    let bar = screen.bar("messages", Some(options.messages()), Unit::Messages);
    let played = play(&plan, |sent| bar.set_position(sent), &bar)?;
    leave(&bar, played.is_interrupted);
    recording.write(played.sim.trace(), &screen)?;
    if lines.are_wanted() {
        lines.event("summary", outcome::fields(&plan, options, &played));
        lines.flush().map_err(|error| format!("cannot write to standard output: {error}"))?;
    } else if !options.output.quiet {
        screen.result(&outcome::table(&plan, &played))?;
    }
    if let Some(fault) = outcome::fault(&plan, &played) {
        screen.insist(&format!("rmc: {fault}"));
    }
    Ok(status(played.report.ok, played.is_interrupted))
}

fn status(ok: bool, is_interrupted: bool) -> ExitCode {
    match (ok, is_interrupted) {
        (_, true) => ExitCode::from(interrupt::STATUS),
        (true, false) => ExitCode::SUCCESS,
        (false, false) => ExitCode::FAILURE,
    }
}

/// Lets the bar stand: at its end, unless that was not reached.
fn leave(bar: &ProgressBar, is_interrupted: bool) {
    if is_interrupted { bar.abandon() } else { bar.finish() }
}

/// What came of a scenario.
struct Played {
    report: Report,
    sim: Sim,
    /// How long it took to simulate.
    wall: Duration,
    /// Whether Ctrl-C ended it early.
    is_interrupted: bool,
}

/// Plays a scenario to its end, or until Ctrl-C.
fn play(plan: &Plan, position: impl Fn(u64), bar: &ProgressBar) -> Result<Played, Failure> {
    let start = Instant::now();
    let mut is_interrupted = false;
    let mut shown = Course::default();
    let watch = |course: Course| {
        if course.sent != shown.sent {
            position(course.sent);
        } else if course.complete != shown.complete {
            bar.set_message(format!("{} of {} receivers have everything", course.complete, plan.scenario.receivers));
        }
        shown = course;
        is_interrupted = interrupt::asked();
        if is_interrupted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let (report, sim) = plan.scenario.play_watched(watch).map_err(|error| error.to_string())?;
    bar.set_message("");
    Ok(Played { report, sim, wall: start.elapsed(), is_interrupted })
}
