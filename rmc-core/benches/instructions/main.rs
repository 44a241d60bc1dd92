//! So many packets of one workload, and nothing else: to count instructions, which no other program on the machine
//! disturbs. `docs/benchmarks.md` has the commands.
//!
//! ```sh
//! cargo bench -p rmc-core --bench instructions -- receive 1400 1 65536
//! ```

#[expect(dead_code, reason = "the other benches use the rest")]
#[path = "../workload/mod.rs"]
mod workload;

use workload::Kind;

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let [name, size, peers, packets] = &args[..] else {
        // `cargo test --benches`: that everything works.
        Kind::ALL.into_iter().for_each(|kind| run(kind, 64, 1, kind.step()));
        return;
    };
    let kind = Kind::ALL.into_iter().find(|kind| kind.name() == name).unwrap_or_else(|| panic!("no workload {name}"));
    let [size, peers, packets] = [size, peers, packets].map(|arg| arg.parse::<u64>().expect("a number"));
    let [size, peers] = [size, peers].map(|number| usize::try_from(number).expect("a size"));
    run(kind, size, peers, packets.next_multiple_of(kind.step()));
}

fn run(kind: Kind, size: usize, peers: usize, packets: u64) {
    let mut workload = kind.start(size, peers);
    workload.run(packets);
    workload.check();
}
