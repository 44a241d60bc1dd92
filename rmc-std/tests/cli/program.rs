//! Runs the program, and never leaves one behind.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

/// Nothing in these tests may last longer. It is a bound for what hangs, not a measure of speed.
pub(crate) const LONG: Duration = Duration::from_secs(120);

/// A group of its own for each test and each run, so that tests run side by side.
pub(crate) fn group(test: u8) -> String {
    format!("239.255.{}.{test}:{}", 64 + std::process::id() % 128, port(test))
}

/// An address to send from, of its own likewise.
pub(crate) fn address(test: u8) -> String {
    format!("127.0.0.1:{}", port(test))
}

/// Below the ports that the system gives out by itself.
fn port(test: u8) -> u32 {
    20_000 + std::process::id() % 45 * 256 + u32::from(test)
}

/// A running `rmc`.
pub(crate) struct Program {
    child: Child,
    stdout: Option<Receiver<String>>,
    stderr: Option<thread::JoinHandle<String>>,
}

/// What a program left.
pub(crate) struct Done {
    /// `None`: killed by a signal.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Done {
    /// The lines of standard output as JSON, every one.
    pub(crate) fn lines(&self) -> Vec<Value> {
        self.stdout.iter().map(|line| serde_json::from_str(line).expect("each line is JSON")).collect()
    }

    /// The last line, which is the summary.
    pub(crate) fn summary(&self) -> Value {
        let last = self.lines().pop().expect("there is a summary");
        assert_eq!(last["event"], "summary", "{last}");
        last
    }

    /// The lines of the event `name`.
    pub(crate) fn events(&self, name: &str) -> Vec<Value> {
        self.lines().into_iter().filter(|line| line["event"] == name).collect()
    }
}

impl Program {
    /// Starts `rmc` with `arguments`, split at spaces.
    pub(crate) fn start(arguments: &str) -> Self {
        Self::start_with(arguments, Stdio::null())
    }

    pub(crate) fn start_with(arguments: &str, stdin: Stdio) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_rmc")), arguments, stdin, Stdio::piped())
    }

    /// Starts `rmc` in a network namespace.
    pub(crate) fn start_in(namespace: &str, arguments: &str) -> Self {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", namespace, env!("CARGO_BIN_EXE_rmc")]);
        Self::spawn(command, arguments, Stdio::null(), Stdio::piped())
    }

    /// Starts `rmc` with a standard output of its own, of which nothing is read here.
    pub(crate) fn start_to(arguments: &str, stdout: Stdio) -> Self {
        Self::spawn(Command::new(env!("CARGO_BIN_EXE_rmc")), arguments, Stdio::null(), stdout)
    }

    fn spawn(mut command: Command, arguments: &str, stdin: Stdio, stdout: Stdio) -> Self {
        let mut child = command
            .args(arguments.split_whitespace())
            .stdin(stdin)
            .stdout(stdout)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program starts");
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            thread::spawn(move || {
                for line in BufReader::new(stdout).split(b'\n').map_while(Result::ok) {
                    if sender.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                        return;
                    }
                }
            });
        }
        let mut stderr = child.stderr.take().expect("it is piped");
        let stderr = thread::spawn(move || {
            let mut text = String::new();
            let _read = stderr.read_to_string(&mut text);
            text
        });
        Self { child, stdout: Some(receiver), stderr: Some(stderr) }
    }

    /// Waits until the program has written a line that contains `text`, and returns that line.
    pub(crate) fn wait_for(&self, text: &str) -> String {
        self.lines_until(text).pop().expect("it ends with that line")
    }

    /// Waits until the program has written a line that contains `text`, and returns all lines up to that one.
    pub(crate) fn lines_until(&self, text: &str) -> Vec<String> {
        let deadline = Instant::now() + LONG;
        let stdout = self.stdout.as_ref().expect("it was not waited for yet");
        let mut lines = Vec::new();
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(line) = stdout.recv_timeout(left) else { panic!("no line with {text} came: {lines:?}") };
            let found = line.contains(text);
            lines.push(line);
            if found {
                return lines;
            }
        }
    }

    pub(crate) fn signal(&self, signal: &str) {
        let id = self.child.id().to_string();
        let status = Command::new("kill").args([signal, &id]).status().expect("kill runs");
        assert!(status.success());
    }

    /// Waits for the end. Lines that were waited for are not in what it returns.
    pub(crate) fn done(mut self) -> Done {
        let deadline = Instant::now() + LONG;
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("the child can be waited for") {
                break status;
            }
            assert!(Instant::now() < deadline, "the program does not end");
            thread::sleep(Duration::from_millis(5));
        };
        let stdout = self.stdout.take().expect("once").iter().collect();
        let stderr = self.stderr.take().expect("once").join().expect("it only reads");
        Done { status: status.code(), stdout, stderr }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _killed = self.child.kill();
        let _reaped = self.child.wait();
    }
}

/// Runs `rmc` to its end.
pub(crate) fn run(arguments: &str) -> Done {
    Program::start(arguments).done()
}

/// A folder that goes with the test.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("rmc-cli-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a temporary folder can be made");
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    /// A file of bytes that depend on their place, of which no two stretches are alike.
    pub(crate) fn file(&self, name: &str, len: usize) -> String {
        let path = self.path(name);
        let bytes: Vec<u8> = (0..len as u64)
            .map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56).to_le_bytes()[0] ^ at.to_le_bytes()[1])
            .collect();
        fs::write(&path, bytes).expect("the file can be written");
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// Two files are the same, byte for byte.
pub(crate) fn same(a: &str, b: &str) -> bool {
    let read = |path: &str| fs::read(Path::new(path)).expect("the file can be read");
    read(a) == read(b)
}
