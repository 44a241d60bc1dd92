//! The sources of the workspace, as text: for tests that check what the sources say.

use std::fs;
use std::path::{Path, PathBuf};

/// The names of the functions of a text that are tests: `#[test]` stands among the attributes above them.
pub(crate) fn test_functions(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_test = false;
    for line in text.lines().map(str::trim) {
        if line == "#[test]" {
            is_test = true;
            continue;
        }
        if line.starts_with("#[") || line.starts_with("//") {
            continue;
        }
        if let Some(name) = line.strip_prefix("fn ").filter(|_| is_test) {
            names.push(name.chars().take_while(|&c| c.is_ascii_alphanumeric() || c == '_').collect());
        }
        is_test = false;
    }
    names
}

/// Every file of one kind below some directories, in the order of their paths.
pub(crate) fn files(directories: &[&str], extension: &str) -> Vec<(PathBuf, String)> {
    let mut waiting: Vec<PathBuf> = directories.iter().map(|directory| root().join(directory)).collect();
    let mut found = Vec::new();
    while let Some(path) = waiting.pop() {
        if path.is_dir() {
            let entries = fs::read_dir(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            waiting.extend(entries.map(|entry| entry.expect("an entry of a directory just opened").path()));
            continue;
        }
        if path.extension().is_some_and(|found| found == extension) {
            let text = read(&path);
            found.push((path, text));
        }
    }
    found.sort();
    found
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate lies in the workspace").to_owned()
}

pub(crate) fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}
