//! `rmc`: reliable multicast from the command line.

mod args;
mod bench;
mod demo;
mod interrupt;
mod json;
mod let_go;
mod message;
mod node;
mod progress;
mod recv;
mod send;
mod sim;
mod units;
mod verify;

use std::process::ExitCode;

use clap::Parser as _;

use args::{Cli, Command};

/// What ends a command early: a text that says what is wrong and what to do.
type Failure = String;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Err(error) = interrupt::install() {
        eprintln!("rmc: {error}");
        return ExitCode::from(2);
    }
    let done = match &cli.command {
        Command::Send(options) => send::run(options),
        Command::Recv(options) => recv::run(options),
        Command::Demo(options) => demo::run(options),
        Command::Bench(options) => bench::run(options),
        Command::Sim(options) => sim::run(options),
    };
    match done {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("rmc: {failure}");
            ExitCode::from(2)
        }
    }
}
