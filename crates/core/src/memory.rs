//! How much memory a run may use for the rows and tables that it holds.

use std::str::FromStr;

use sysinfo::{MemoryRefreshKind, ProcessRefreshKind, ProcessesToUpdate, System, get_current_pid};

/// Units and their bytes: decimal as in SI, binary as in IEC, both also without the `B`, as Kubernetes writes them.
const UNITS: &[(&str, u64)] = &[
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("ki", 1 << 10),
    ("kib", 1 << 10),
    ("mi", 1 << 20),
    ("mib", 1 << 20),
    ("gi", 1 << 30),
    ("gib", 1 << 30),
    ("ti", 1 << 40),
    ("tib", 1 << 40),
];

/// An amount of memory, absolute or relative to what the process may use.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum MemoryBudget {
    /// At least 1.
    Bytes(u64),
    /// Of [`available_bytes`], above 0 and at most 1.
    Share(f64),
}

impl Default for MemoryBudget {
    /// Three quarters: the rest is for code, stacks, buffers of the network and the page cache.
    fn default() -> Self {
        Self::Share(0.75)
    }
}

impl MemoryBudget {
    /// The default budget of this process in bytes.
    pub fn default_bytes() -> u64 {
        Self::default().bytes()
    }

    /// The budget in bytes, at least 1. A share is resolved against this machine.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Share(share) => share_of(share, available_bytes()),
        }
    }
}

/// Why a text is not a memory budget.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not an amount of memory; use a number with a unit, such as 512MiB or 2GiB, or a share of the available memory, \
     such as 50%"
)]
pub struct MemoryBudgetError;

impl FromStr for MemoryBudget {
    type Err = MemoryBudgetError;

    /// Reads `2GiB`, `1.5 GB`, `512Mi`, `1000000` (bytes) or `50%`. Units are read without regard to case.
    fn from_str(text: &str) -> Result<Self, MemoryBudgetError> {
        let text = text.trim();
        let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let number: f64 = number.parse().map_err(|_| MemoryBudgetError)?;
        let unit = unit.trim_start().to_ascii_lowercase();
        if unit == "%" {
            let share = number / 100.0;
            return if share > 0.0 && share <= 1.0 {
                Ok(Self::Share(share))
            } else {
                Err(MemoryBudgetError)
            };
        }
        let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit).ok_or(MemoryBudgetError)?;
        let bytes = number * *factor as f64;
        if !(1.0..u64::MAX as f64).contains(&bytes) {
            return Err(MemoryBudgetError);
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "in the range of u64"
        )]
        Ok(Self::Bytes(bytes as u64))
    }
}

/// Bytes of memory that this process may use: those of the machine, or the lowest limit of the control groups (version 1
/// or 2) that the process is in.
pub fn available_bytes() -> u64 {
    let mut system = System::new();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    // The limit of the root is that of the container where the group's own path is not visible.
    let root = system.cgroup_limits();
    let own = this_process(&mut system, ProcessRefreshKind::nothing())
        .and_then(sysinfo::Process::cgroup_limits);
    let limits = [root, own].into_iter().flatten().map(|limits| limits.total_memory);
    limits.fold(system.total_memory(), u64::min)
}

/// Bytes of memory that this process uses now; 0 where that is not known.
pub fn used_bytes() -> u64 {
    let mut system = System::new();
    let memory = ProcessRefreshKind::nothing().with_memory();
    this_process(&mut system, memory).map_or(0, sysinfo::Process::memory)
}

fn this_process(system: &mut System, what: ProcessRefreshKind) -> Option<&sysinfo::Process> {
    let pid = get_current_pid().ok()?;
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), false, what);
    system.process(pid)
}

/// At least 1: a budget of 0 would mean that a run can hold nothing.
fn share_of(share: f64, bytes: u64) -> u64 {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "at most `bytes`")]
    let part = (share * bytes as f64) as u64;
    part.max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn parse(text: &str) -> Result<MemoryBudget, MemoryBudgetError> {
        text.parse()
    }

    #[test]
    fn amounts_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("1", 1),
            ("4096", 4_096),
            ("10b", 10),
            ("2k", 2_000),
            ("2KB", 2_000),
            ("512MiB", 512 << 20),
            ("512Mi", 512 << 20),
            ("1.5 GiB", 3 << 29),
            (" 2GB ", 2_000_000_000),
            ("3Ti", 3 << 40),
        ] {
            assert_eq!(parse(text), Ok(MemoryBudget::Bytes(bytes)), "{text}");
        }
    }

    #[test]
    fn shares_are_above_nothing_and_at_most_everything() {
        assert_eq!(parse("50%"), Ok(MemoryBudget::Share(0.5)));
        assert_eq!(parse("100 %"), Ok(MemoryBudget::Share(1.0)));
        for wrong in ["0%", "101%", "%"] {
            assert_eq!(parse(wrong), Err(MemoryBudgetError), "{wrong}");
        }
    }

    #[test]
    fn other_texts_are_refused() {
        for wrong in [
            "",
            "GiB",
            "-1",
            "0",
            "0GiB",
            "0.1b",
            "1.2.3",
            "1e9",
            "2 Gib x",
            "2PiB!",
            "99999999TiB",
        ] {
            assert_eq!(parse(wrong), Err(MemoryBudgetError), "{wrong}");
        }
    }

    #[test]
    fn a_share_is_rounded_down_and_never_nothing() {
        assert_eq!(share_of(0.75, 1_000), 750);
        assert_eq!(share_of(0.5, 3), 1);
        assert_eq!(share_of(0.01, 1), 1);
    }

    #[test]
    fn the_default_is_below_what_there_is() {
        let available = available_bytes();
        assert!(available > 1 << 20, "{available}");
        let default = MemoryBudget::default_bytes();
        assert!(default > available / 2 && default < available, "{default} of {available}");
        assert_eq!(MemoryBudget::Bytes(7).bytes(), 7);
        let used = used_bytes();
        assert!(used > 1 << 20 && used < available, "{used} of {available}");
    }

    proptest! {
        #[test]
        fn whole_bytes_are_kept(bytes in 1_u64..1 << 53) {
            prop_assert_eq!(parse(&bytes.to_string()), Ok(MemoryBudget::Bytes(bytes)));
        }

        #[test]
        fn no_text_panics(text in "\\PC*") {
            let _ = parse(&text);
        }
    }
}
