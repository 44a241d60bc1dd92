//! The peer of a benchmark that compares systems of reliable multicast: one process sends, others receive, and a
//! program outside starts them, with the same options for every system, and reads a line of JSON from each.
//!
//! ```sh
//! cargo build --release -p rmc-std --example peer_bench
//! RMC_PEER=$PWD/target/release/examples/peer_bench ./run.py --scenario A1400 --system raw-mmsg rmc
//! ```
//!
//! The processes meet by a small shared file, the board: 64-byte slots of u64 in the machine's byte order. Slot 0: when
//! the sender started, and whether all shall stop; then a slot for each receiver: ready, count, done, time of the last
//! message. It tells when to start and to end, and nothing else.

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    match linux::run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("peer_bench: {error}");
            std::process::ExitCode::from(3)
        }
    }
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("peer_bench: the benchmark needs Linux");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::error::Error;
    use std::fmt::Write;
    use std::fs::File;
    use std::net::{Ipv4Addr, SocketAddr};
    use std::os::unix::fs::FileExt;
    use std::thread;
    use std::time::Duration;

    use nix::sys::resource::{UsageWho, getrusage};
    use nix::sys::time::TimeSpec;
    use nix::time::{ClockId, ClockNanosleepFlags, clock_gettime, clock_nanosleep};
    use rmc_std::{Batch, Endpoint, Lent, RecvTimeoutError};

    type Result<T> = std::result::Result<T, Box<dyn Error>>;

    const MS: Duration = Duration::from_millis(1);
    const MOST_RECEIVERS: u64 = 16;
    const SLOT: u64 = 64;

    #[derive(Debug)]
    struct Args {
        sender: bool,
        latency: bool,
        board: String,
        addr: Ipv4Addr,
        group: Ipv4Addr,
        port: u16,
        id: u64,
        receivers: u64,
        size: usize,
        count: u64,
        rate: f64,
        wire: u64,
        timeout: f64,
    }

    fn parse() -> Result<Args> {
        let mut args = Args {
            sender: false,
            latency: false,
            board: "board".to_owned(),
            addr: Ipv4Addr::LOCALHOST,
            group: Ipv4Addr::new(239, 192, 7, 7),
            port: 40_456,
            id: 0,
            receivers: 1,
            size: 1_400,
            count: 100_000,
            rate: 0.0,
            wire: 0,
            timeout: 60.0,
        };
        let mut words = std::env::args().skip(1);
        while let Some(word) = words.next() {
            match word.as_str() {
                "--send" => args.sender = true,
                "--recv" => args.sender = false,
                "--lat" => args.latency = true,
                _ => {
                    let value = words.next().ok_or_else(|| format!("{word} needs a value"))?;
                    match word.as_str() {
                        "--board" => args.board = value,
                        "--addr" => args.addr = value.parse()?,
                        "--group" => args.group = value.parse()?,
                        "--port" => args.port = value.parse()?,
                        "--id" => args.id = value.parse()?,
                        "--receivers" => args.receivers = value.parse()?,
                        "--size" => args.size = value.parse()?,
                        "--n" => args.count = value.parse()?,
                        "--rate" => args.rate = value.parse()?,
                        "--wire" => args.wire = value.parse()?,
                        "--timeout" => args.timeout = value.parse()?,
                        // The interface is named by its address.
                        "--iface" | "--window" | "--mode" | "--batch" => {}
                        _ => return Err(format!("unknown option {word}").into()),
                    }
                }
            }
        }
        if args.size < 24 || !args.size.is_multiple_of(8) {
            return Err("size must be a multiple of 8, at least 24".into());
        }
        Ok(args)
    }

    fn now() -> u64 {
        let time = clock_gettime(ClockId::CLOCK_MONOTONIC).map(Duration::from).unwrap_or_default();
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
    }

    struct Board(File);

    impl Board {
        fn open(path: &str) -> Result<Self> {
            let file = File::options().read(true).write(true).create(true).truncate(false).open(path)?;
            file.set_len(SLOT * (1 + MOST_RECEIVERS))?;
            Ok(Self(file))
        }

        fn get(&self, slot: u64, word: u64) -> Result<u64> {
            let mut bytes = [0; 8];
            self.0.read_exact_at(&mut bytes, slot * SLOT + word * 8)?;
            Ok(u64::from_ne_bytes(bytes))
        }

        fn set(&self, slot: u64, word: u64, value: u64) -> Result<()> {
            Ok(self.0.write_all_at(&value.to_ne_bytes(), slot * SLOT + word * 8)?)
        }

        fn is_stopped(&self) -> Result<bool> {
            Ok(self.get(0, 1)? != 0)
        }

        /// Whether the same word of every receiver is set.
        fn all(&self, receivers: u64, word: u64) -> Result<bool> {
            for receiver in 1..=receivers {
                if self.get(receiver, word)? == 0 {
                    return Ok(false);
                }
            }
            Ok(true)
        }
    }

    const READY: u64 = 0;
    const COUNT: u64 = 1;
    const DONE: u64 = 2;
    const LAST: u64 = 3;

    fn endpoint(args: &Args) -> Result<Endpoint> {
        let group = SocketAddr::from((args.group, args.port));
        let mut builder = Endpoint::builder(group).interface(args.addr);
        if args.wire > 0 {
            builder = builder.max_rate(args.wire);
        }
        Ok(builder.build()?)
    }

    fn usage() -> Result<String> {
        let usage = getrusage(UsageWho::RUSAGE_SELF)?;
        let seconds = |time: nix::sys::time::TimeVal| format!("{}.{:06}", time.tv_sec(), time.tv_usec());
        Ok(format!(
            "\"cpu_u\":{},\"cpu_s\":{},\"rss_kb\":{},\"nvcsw\":{},\"nivcsw\":{}",
            seconds(usage.user_time()),
            seconds(usage.system_time()),
            usage.max_rss(),
            usage.voluntary_context_switches(),
            usage.involuntary_context_switches()
        ))
    }

    const KEY: u64 = 0x9E37_79B9_7F4A_7C15;

    /// Word 0: the number; word 1: the time; the others follow from the number and their place.
    fn fill(message: &mut [u8], seq: u64, latency: bool) {
        let key = seq.wrapping_mul(KEY);
        let (words, _) = message.as_chunks_mut::<8>();
        for (word, index) in words.iter_mut().zip(0_u64..) {
            *word = match index {
                0 => seq,
                1 if latency => now(),
                1 => 0,
                _ => key.wrapping_add(index),
            }
            .to_ne_bytes();
        }
    }

    pub(super) fn run() -> Result<()> {
        let args = parse()?;
        let board = Board::open(&args.board)?;
        if args.sender { send(&args, &board) } else { receive(&args, &board) }
    }

    fn send(args: &Args, board: &Board) -> Result<()> {
        let node = endpoint(args)?;
        let waits_until = now() + 20_000_000_000;
        while !board.all(args.receivers, READY)? {
            if now() > waits_until {
                return Err("receivers not ready".into());
            }
            thread::sleep(2 * MS);
        }
        thread::sleep(100 * MS);
        let start = now();
        let until = start.saturating_add(Duration::from_secs_f64(args.timeout).as_nanos().try_into()?);
        board.set(0, 0, start)?;
        let mut message = vec![0; args.size];
        let mut sent = 0;
        while sent < args.count {
            if args.rate > 0.0 {
                wait_until(start.saturating_add(due(sent, args.rate)));
            }
            fill(&mut message, sent, args.latency);
            if node.send_timeout(&message, Duration::from_secs(1)).is_ok() {
                sent += 1;
            } else if board.is_stopped()? || now() > until {
                break;
            }
        }
        let sent_ns = now();
        while !board.all(args.receivers, DONE)? && !board.is_stopped()? && now() < until {
            thread::sleep(MS);
        }
        board.set(0, 1, 1)?;
        println!(
            "{{\"role\":\"send\",\"sent\":{sent},\"start_ns\":{start},\"sent_ns\":{sent_ns},{},{}}}",
            details(&node)?,
            usage()?
        );
        Ok(())
    }

    /// When a message is due, in nanoseconds since the start.
    fn due(number: u64, rate: f64) -> u64 {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53 messages")]
        let seconds = number as f64 / rate;
        Duration::try_from_secs_f64(seconds).map_or(u64::MAX, |time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX))
    }

    fn wait_until(time: u64) {
        if now() < time {
            let time = TimeSpec::from_duration(Duration::from_nanos(time));
            let _ = clock_nanosleep(ClockId::CLOCK_MONOTONIC, ClockNanosleepFlags::TIMER_ABSTIME, &time);
        }
    }

    fn details(node: &Endpoint) -> Result<String> {
        let (stats, sockets) = (node.stats(), node.socket_stats());
        let mut text = String::new();
        write!(
            text,
            "\"send_calls\":{},\"receive_calls\":{},\"segments\":{},\"coalesced\":{},\"packets\":{},\"data\":{},\
             \"repairs\":{},\"repairs_multicast\":{},\"nacks\":{},\"acks\":{},\"rx_packets\":{},\"duplicates\":{},\
             \"dropped_window\":{},\"send_errors\":{},\"receive_buffer\":{}",
            sockets.send_calls,
            sockets.receive_calls,
            sockets.segments,
            sockets.coalesced,
            stats.tx.packets,
            stats.tx.data,
            stats.repair.repairs_sent,
            stats.repair.multicast,
            stats.repair.nacks_sent,
            stats.tx.acks,
            stats.rx.packets,
            stats.rx.duplicates,
            stats.dropped.window,
            sockets.send_errors.total(),
            sockets.multicast_receive_buffer.unwrap_or_default(),
        )?;
        Ok(text)
    }

    /// What came, message by message.
    #[derive(Default)]
    struct Check {
        expect: u64,
        delivered: u64,
        gaps: u64,
        missing: u64,
        bad: u64,
        dup: u64,
        first_ns: u64,
        last_ns: u64,
        /// In units of 10 ns.
        latencies: Vec<u32>,
    }

    impl Check {
        fn message(&mut self, args: &Args, payload: &[u8]) {
            if payload.len() != args.size {
                self.bad += 1;
                return;
            }
            let (words, _) = payload.as_chunks::<8>();
            let [seq, time] = [words[0], words[1]].map(u64::from_ne_bytes);
            let key = seq.wrapping_mul(KEY);
            let wrong = words.iter().zip(0_u64..).skip(2);
            let wrong = wrong.fold(0, |all, (&word, index)| all | (u64::from_ne_bytes(word) ^ key.wrapping_add(index)));
            if wrong != 0 || seq >= args.count {
                self.bad += 1;
                return;
            }
            if seq < self.expect {
                self.dup += 1;
                return;
            }
            if seq > self.expect {
                self.gaps += 1;
                self.missing += seq - self.expect;
            }
            if self.first_ns == 0 {
                self.first_ns = now();
            }
            if args.latency && seq >= 1_000 {
                self.latencies.push(u32::try_from(now().saturating_sub(time) / 10).unwrap_or(u32::MAX));
            }
            self.expect = seq + 1;
            self.delivered += 1;
        }

        fn quantiles(&mut self) -> String {
            let Some(last) = self.latencies.len().checked_sub(1) else { return String::new() };
            self.latencies.sort_unstable();
            let at = |per_mille: usize| f64::from(self.latencies[last * per_mille / 1_000]) / 100.0;
            format!(
                "\"p50\":{:.2},\"p90\":{:.2},\"p99\":{:.2},\"p999\":{:.2},\"max\":{:.2},",
                at(500),
                at(900),
                at(990),
                at(999),
                at(1_000)
            )
        }
    }

    fn receive(args: &Args, board: &Board) -> Result<()> {
        let node = endpoint(args)?;
        let slot = 1 + args.id;
        board.set(slot, READY, 1)?;
        let mut check = Check::default();
        let mut batch = Batch::default();
        while check.expect < args.count {
            match node.recv_batch(&mut batch, Some(50 * MS)) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) if board.is_stopped()? => break,
                Err(RecvTimeoutError::Timeout) => continue,
                Err(error @ RecvTimeoutError::Disconnected) => return Err(error.into()),
            }
            while let Some(item) = batch.next() {
                if let Lent::Message { payload, .. } = item {
                    check.message(args, payload);
                }
            }
            check.last_ns = now();
        }
        check.last_ns = if check.last_ns == 0 { now() } else { check.last_ns };
        board.set(slot, COUNT, check.expect)?;
        board.set(slot, LAST, check.last_ns)?;
        let quantiles = check.quantiles();
        println!(
            "{{\"role\":\"recv\",\"id\":{},\"delivered\":{},\"gaps\":{},\"missing\":{},\"bad\":{},\"dup\":{},\
             \"first_ns\":{},\"last_ns\":{},{quantiles}{},{}}}",
            args.id,
            check.delivered,
            check.gaps,
            args.count - check.delivered,
            check.bad,
            check.dup,
            check.first_ns,
            check.last_ns,
            details(&node)?,
            usage()?
        );
        board.set(slot, DONE, 1)
    }
}
