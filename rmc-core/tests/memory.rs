//! What a node holds stays within the bounds of its configuration under any input (rule S08; faults F06, F20).

mod model;

use std::fs;
use std::path::Path;

use rand_core::{Rng, SeedableRng};
use rand_xoshiro::Xoshiro256PlusPlus;

/// Lists of random operations. A failure names the seed that repeats it.
// RMC-SEC-1, RMC-ENC-5
#[test]
fn random_operations_keep_every_bound() {
    for seed in 0..5_000 {
        let mut bytes = vec![0; 4_000];
        Xoshiro256PlusPlus::seed_from_u64(seed).fill_bytes(&mut bytes);
        named(&format!("seed {seed}"), &bytes);
    }
}

/// Everything that the fuzzer ever found, and the lists that it begins with.
#[test]
fn the_corpus_of_the_fuzzer_keeps_every_bound() {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/protocol");
    let mut files: Vec<_> =
        fs::read_dir(corpus).expect("the corpus").map(|entry| entry.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "the corpus is empty");
    for file in files {
        named(&file.display().to_string(), &fs::read(&file).expect("a file of the corpus"));
    }
}

fn named(name: &str, bytes: &[u8]) {
    let outcome = std::panic::catch_unwind(|| model::run(bytes));
    assert!(outcome.is_ok(), "{name} breaks a rule (see above)");
}
