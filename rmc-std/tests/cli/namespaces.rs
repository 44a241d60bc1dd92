//! A bridge with a network namespace for each node, made for one test and removed with it. Needs root, `ip` and `nft`.

use std::io::Write as _;
use std::process::{Command, Stdio};

/// Namespaces on one bridge.
pub(crate) struct Bridge {
    names: Vec<String>,
}

impl Bridge {
    /// A bridge with `nodes` nodes: node `i` has the address [`address`](Self::address) and a name
    /// [`of`](Self::of). `Err`: what is missing on this machine.
    pub(crate) fn new(nodes: usize) -> Result<Self, String> {
        let root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.starts_with(b"0"));
        if !root {
            return Err("only root can make network namespaces".to_owned());
        }
        for tool in ["ip", "nft"] {
            if Command::new(tool).arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
                return Err(format!("the program {tool} is missing"));
            }
        }
        // Removed when it is dropped, whatever has happened.
        let names = (0..=nodes).map(|index| format!("rmct-{}-{index}", std::process::id())).collect();
        let bridge = Self { names };
        let hub = &bridge.names[nodes];
        for name in &bridge.names {
            run("ip", &format!("netns add {name}"))?;
        }
        run("ip", &format!("-n {hub} link add br0 type bridge mcast_snooping 0"))?;
        run("ip", &format!("-n {hub} link set br0 up"))?;
        for (index, name) in bridge.names[..nodes].iter().enumerate() {
            let address = Self::address(index);
            run("ip", &format!("-n {hub} link add p{index} type veth peer name veth0 netns {name}"))?;
            run("ip", &format!("-n {hub} link set p{index} master br0 up"))?;
            run("ip", &format!("-n {name} addr add {address}/24 dev veth0"))?;
            run("ip", &format!("-n {name} link set veth0 up"))?;
            run("ip", &format!("-n {name} link set lo up"))?;
            run("ip", &format!("-n {name} route add 224.0.0.0/4 dev veth0"))?;
        }
        Ok(bridge)
    }

    /// The namespace of a node.
    pub(crate) fn of(&self, node: usize) -> &str {
        &self.names[node]
    }

    pub(crate) fn address(node: usize) -> String {
        format!("10.88.0.{}", node + 1)
    }

    /// Loses so many datagrams of a million on their way into a node.
    pub(crate) fn lose(&self, node: usize, per_million: u32) {
        let rules = format!(
            "table inet loss {{\n chain input {{\n type filter hook input priority 0;\n \
             meta l4proto udp numgen random mod 1000000 < {per_million} drop\n }}\n }}\n"
        );
        let mut nft = Command::new("ip")
            .args(["netns", "exec", self.of(node), "nft", "-f", "-"])
            .stdin(Stdio::piped())
            .spawn()
            .expect("ip runs");
        nft.stdin.take().expect("it is piped").write_all(rules.as_bytes()).expect("nft reads");
        assert!(nft.wait().expect("it ends").success(), "nft refuses: {rules}");
    }
}

impl Drop for Bridge {
    fn drop(&mut self) {
        for name in &self.names {
            let _gone = Command::new("ip").args(["netns", "del", name]).stderr(Stdio::null()).status();
        }
    }
}

fn run(program: &str, arguments: &str) -> Result<(), String> {
    let output =
        Command::new(program).args(arguments.split_whitespace()).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!("{program} {arguments}: {}", String::from_utf8_lossy(&output.stderr).trim()))
}
