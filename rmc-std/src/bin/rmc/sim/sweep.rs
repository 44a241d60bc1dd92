//! `rmc sim --sweep`: receivers x loss, one row each.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Instant;

use serde_json::{Value, json};

use super::network::Plan;
use super::new_file::NewFile;
use super::{goodput, goodput_plot, leave, network, outcome, play, plot, status};
use crate::Failure;
use crate::args::SimArgs;
use crate::json::Lines;
use crate::progress::{Screen, Unit};

pub(super) fn run(options: &SimArgs) -> Result<ExitCode, Failure> {
    let lines = Lines::new(options.output.json, Instant::now());
    let screen = Screen::new(options.output);
    let messages = options.messages();
    let plans = options
        .sweep_receivers()
        .iter()
        .flat_map(|&receivers| options.sweep_loss.iter().map(move |&loss| (receivers, loss)))
        .map(|(receivers, loss)| network::plan(options, receivers, Some(loss)))
        .collect::<Result<Vec<_>, _>>()?;
    let picture = options.plot.as_deref().map(NewFile::open).transpose()?;
    screen.say(&introduction(&plans, messages, options));
    let wants_table = !lines.are_wanted() && !options.output.quiet;
    if wants_table {
        screen.result(&if options.goodput { goodput::head() } else { outcome::head() })?;
    }
    let bar = screen.bar("messages", Some(messages.saturating_mul(plans.len() as u64)), Unit::Messages);
    let (mut ok, mut is_interrupted) = (true, false);
    let mut cells = Vec::new();
    for (number, plan) in (1..).zip(&plans) {
        bar.set_prefix(format!("cell {number} of {}", plans.len()));
        let before = bar.position();
        let played = play(plan, |sent| bar.set_position(before + sent), &bar)?;
        // Half a cell says nothing.
        is_interrupted = played.is_interrupted;
        if is_interrupted {
            break;
        }
        if lines.are_wanted() {
            lines.event("cell", outcome::fields(plan, options, &played));
            lines.flush().map_err(|error| format!("cannot write to standard output: {error}"))?;
        } else if wants_table {
            let row = if options.goodput { goodput::row(plan, &played.report) } else { outcome::row(plan, &played) };
            screen.result(&row)?;
        }
        if let Some(fault) = outcome::fault(plan, &played) {
            screen.insist(&format!("rmc: {} receivers, loss {}: {fault}", plan.scenario.receivers, plan.loss));
        }
        ok &= played.report.ok;
        cells.push(plot::Cell::new(plan, &played.report));
    }
    leave(&bar, is_interrupted);
    if lines.are_wanted() {
        lines.event("summary", summary(ok, is_interrupted, cells.len(), plans.len()));
        lines.flush().map_err(|error| format!("cannot write to standard output: {error}"))?;
    }
    if is_interrupted {
        screen.insist(&format!("rmc: interrupted after {} of {} cells", cells.len(), plans.len()));
    }
    if let Some(picture) = picture.filter(|_| !cells.is_empty()) {
        let svg = if options.goodput { goodput_plot::draw(&cells)? } else { plot::draw(&cells)? };
        picture.fill(|out| out.write_all(svg.as_bytes()))?;
    }
    Ok(status(ok, is_interrupted))
}

/// The last line: programs learn from it whether all cells are there.
fn summary(ok: bool, is_interrupted: bool, cells: usize, planned: usize) -> Value {
    json!({
        "ok": ok && !is_interrupted,
        "interrupted": is_interrupted,
        "cells": cells,
        "planned": planned,
    })
}

/// What is going to be simulated.
fn introduction(plans: &[Plan], messages: u64, options: &SimArgs) -> String {
    let link_rate = plans.first().and_then(|plan| plan.link_rate);
    let pace = link_rate.map_or_else(String::new, |rate| format!(", {}", outcome::pace(rate)));
    format!("{} cells, {messages} messages each{pace}; seed {}", plans.len(), options.seed)
}
