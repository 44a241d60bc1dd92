//! `--trace` and `--pcap`: what happened, in files.

use std::io::Write as _;

use rmc_std::rmc_core::sim::{Capture, Trace};

use super::new_file::{self, NewFile};
use crate::Failure;
use crate::args::SimArgs;
use crate::progress::Screen;

/// How much is recorded at most: some 200 MB of records, and the datagrams.
const RECORDS: usize = 4_000_000;

/// The files that were asked for.
pub(super) struct Recording {
    trace: Option<NewFile>,
    pcap: Option<NewFile>,
}

impl Recording {
    pub(super) fn open(options: &SimArgs) -> Result<Self, Failure> {
        let (trace, pcap) = (options.trace.as_deref(), options.pcap.as_deref());
        new_file::differ(trace, pcap)?;
        Ok(Self { trace: trace.map(NewFile::open).transpose()?, pcap: pcap.map(NewFile::open).transpose()? })
    }

    /// How many records are needed.
    pub(super) const fn records(&self) -> usize {
        if self.trace.is_some() || self.pcap.is_some() { RECORDS } else { 0 }
    }

    pub(super) fn write(self, trace: &Trace, screen: &Screen) -> Result<(), Failure> {
        let (recorded, all) = (trace.records().len(), trace.count());
        if self.records() > 0 && u64::try_from(recorded).is_ok_and(|recorded| recorded < all) {
            screen.insist(&format!(
                "rmc: --trace and --pcap hold the first {recorded} of {all} records: simulate less to have all"
            ));
        }
        if let Some(file) = self.trace {
            file.fill(|out| trace.records().iter().try_for_each(|&record| writeln!(out, "{}", trace.line(record))))?;
        }
        if let Some(file) = self.pcap {
            file.fill(|out| out.write_all(&trace.pcap(Capture::Sent)))?;
        }
        Ok(())
    }
}
