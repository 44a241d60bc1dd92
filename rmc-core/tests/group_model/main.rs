//! Random scripts of a group in the simulation against a plain model of what may be delivered: see tests/group/mod.rs.

#[path = "../group/mod.rs"]
mod group;
mod strategies;
mod text;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::thread;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestError, TestRunner};

use group::script::Script;

/// So many scripts, if `PROPTEST_CASES` does not say otherwise.
const CASES: u32 = 10_000;
/// What so many scripts, those that are the same in every run, must have shown, or the test looks at nothing.
const SHOWN: [&str; 31] = [
    "a Confirm",
    "a Confirm: busy",
    "a NACK",
    "a loss: deadline",
    "a loss: expired",
    "a loss: lost",
    "a loss: removed",
    "a loss: reset",
    "a loss: restarted",
    "a loss: silent",
    "a message",
    "a message in parts",
    "a peer comes back in the same epoch",
    "a peer expires",
    "a peer restarts",
    "a packed message",
    "a private message",
    "a private message in parts",
    "a private stream is abandoned",
    "a receiver is let go",
    "a repair",
    "a repair for all",
    "a restart in band",
    "a stream begins behind what is gone",
    "a stream ends: expired",
    "a stream ends: finished",
    "a stream ends: removed",
    "an address is proven",
    "an older epoch takes over",
    "data has to wait",
    "word of what is gone",
];

// RMC-DATA-1, RMC-LOST-1, RMC-GAP-6, RMC-SEQ-2, RMC-EPOCH-3, RMC-END-4, RMC-MODE-1, RMC-MODE-2, RMC-MODE-3, RMC-MODE-4
// RMC-REPAIR-9
#[test]
fn random_scripts_hold() {
    let config = config();
    let cases = config.cases;
    let seen = RefCell::new(BTreeMap::<&str, u64>::new());
    let failure = quietly(|| {
        let mut runner = TestRunner::new(config);
        let result = runner.run(&strategies::script(), |script| {
            let outcome = panic::catch_unwind(AssertUnwindSafe(|| group::run(&script, 0)));
            let shown = outcome.map_err(|reason| TestCaseError::fail(message(&*reason)))?;
            for (what, count) in shown.0 {
                *seen.borrow_mut().entry(what).or_default() += count;
            }
            Ok(())
        });
        result.err()
    });
    match failure {
        None => {}
        Some(TestError::Fail(reason, script)) => panic!("{reason}\n\nRun it again with {REPLAY}:\n\n{script}"),
        Some(TestError::Abort(reason)) => panic!("{reason}"),
    }
    println!("{:#?}", seen.borrow());
    let missing: Vec<_> = SHOWN.iter().filter(|what| !seen.borrow().contains_key(**what)).collect();
    // Other scripts may miss what is rare.
    let is_committed = cases >= CASES && !is_set("PROPTEST_RNG_SEED");
    assert!(!is_committed || missing.is_empty(), "never happened: {missing:?}");
}

const REPLAY: &str = "`RMC_SCRIPT=FILE cargo test --all-features -p rmc-core --test group_model replay -- --nocapture`, and \
                      this in FILE";

/// The same scripts in every run, if the environment does not say otherwise.
fn config() -> Config {
    let mut config = Config { failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    if !is_set("PROPTEST_CASES") {
        config.cases = CASES;
    }
    if !is_set("PROPTEST_RNG_SEED") {
        config.rng_seed = RngSeed::Fixed(0x1_2024);
    }
    config
}

fn is_set(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Runs the script in the file that `RMC_SCRIPT` names, or the input of the fuzzer there, and prints what happens.
#[test]
fn replay() {
    let Some(file) = std::env::var_os("RMC_SCRIPT") else { return };
    let bytes = fs::read(&file).expect("RMC_SCRIPT names a file");
    let text = std::str::from_utf8(&bytes).ok().and_then(|text| text.parse::<Script>().ok());
    let script = text.unwrap_or_else(|| group::bytes::script(&bytes));
    println!("{script}");
    group::run(&script, usize::MAX);
}

/// Scripts that failed once, and such as stand at a limit that random ones seldom reach.
#[test]
fn scripts_that_failed_once_hold() {
    for (file, bytes) in files("tests/group_model/scripts") {
        let text = String::from_utf8(bytes).expect("a text");
        let script: Script = text.parse().unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        holds(&file, &script);
    }
}

/// What is printed can be run again.
#[test]
fn a_script_is_read_as_it_is_written() {
    TestRunner::new(Config { cases: 300, ..config() })
        .run(&strategies::script(), |script| {
            let text = script.to_string();
            let read = text.parse::<Script>().map_err(|error| TestCaseError::fail(error.to_string()))?;
            proptest::prop_assert_eq!(read, script);
            Ok(())
        })
        .expect("every script is read as it was written");
}

/// What the fuzzer begins with.
#[test]
fn the_corpus_of_the_fuzzer_holds() {
    for (file, bytes) in files("../fuzz/corpus/session") {
        holds(&file, &group::bytes::script(&bytes));
    }
}

fn files(folder: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(folder).expect("the folder is there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "no file is there");
    files.into_iter().map(|file| (file.clone(), fs::read(&file).expect("a file"))).collect()
}

fn holds(file: &Path, script: &Script) {
    let outcome = panic::catch_unwind(AssertUnwindSafe(|| group::run(script, 0)));
    assert!(outcome.is_ok(), "{} does not hold (see above)", file.display());
}

fn message(reason: &(dyn std::any::Any + Send)) -> String {
    let text = reason.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| reason.downcast_ref::<String>().cloned()).unwrap_or_default()
}

/// Panics of this thread say nothing meanwhile: there are many while a failure is made smaller.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    let quiet = thread::current().id();
    let former = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if thread::current().id() != quiet {
            former(info);
        }
    }));
    let result = run();
    drop(panic::take_hook());
    result
}
