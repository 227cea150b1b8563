//! Processes that are killed, and the books of what they have read and written.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread,
    time::{Duration, Instant},
};

/// When a process is killed.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    After(Duration),
    /// As so many files have come and gone in a folder, such as that of checkpoints.
    Saving(u64),
    /// As an output has grown so many times.
    Writing(u64),
}

impl Moment {
    /// That of a round: each kind again and again.
    pub fn of_round(round: u64) -> Self {
        match round % 4 {
            0 | 2 => Self::After(Duration::from_millis(300 + round * 677 % 2_300)),
            1 => Self::Saving(1 + round / 4 % 9),
            _ => Self::Writing(1 + round / 4 % 5),
        }
    }

    /// Waits for it, a few seconds at most: there may be nothing to save or to write.
    pub fn wait(self, saved: &Path, written: &Path) {
        let (folder, prefix, mut left) = match self {
            Self::After(time) => return thread::sleep(time),
            Self::Saving(changes) => (saved, "", changes),
            Self::Writing(changes) => (written, "results-", changes),
        };
        let since = Instant::now();
        let mut before = sizes(folder, prefix);
        while left > 0 && since.elapsed() < Duration::from_secs(4) {
            thread::sleep(Duration::from_micros(200));
            let now = sizes(folder, prefix);
            left -= u64::from(now != before);
            before = now;
        }
    }
}

/// The sizes of files whose names begin so.
fn sizes(folder: &Path, prefix: &str) -> BTreeMap<String, u64> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let sizes = entries.filter_map(|entry| {
        let name = entry.file_name().to_string_lossy().into_owned();
        // It may be gone since.
        let size = entry.metadata().ok()?.len();
        // What a process does is marked beside what is saved.
        let is_mark = entry.path().extension().is_some_and(|it| it == "mark");
        (name.starts_with(prefix) && !is_mark).then_some((name, size))
    });
    sizes.collect()
}

/// Compares the numbers of results with those of all records that were sent, `0..sent`, and prints the books, with what went
/// wrong meanwhile and how often (`("SIGKILLs", 200)`), for `cargo xtask soak`.
///
/// # Panics
/// If they do not balance.
#[expect(clippy::print_stdout, reason = "it is read from the output of the test")]
pub fn balance(faults: &[(&str, u64)], sent: u64, results: &[u64]) {
    let mut times: BTreeMap<u64, u64> = (0..sent).map(|number| (number, 0)).collect();
    for number in results {
        *times.entry(*number).or_default() += 1;
    }
    let lost = times.values().filter(|times| **times == 0).count();
    let doubled = times.values().filter(|times| **times > 1).count();
    let faults: serde_json::Map<String, serde_json::Value> =
        faults.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
    let books =
        serde_json::json!({"faults": faults, "records": sent, "lost": lost, "doubled": doubled});
    println!("ledger: {books}");
    assert_eq!((lost, doubled, times.len() as u64), (0, 0, sent), "the books do not balance");
}

/// How long a server is away: the seconds of `ANOMAL_TEST_AWAY`, else so many.
///
/// # Panics
/// If the variable is no number.
pub fn away(seconds: u64) -> Duration {
    let set = std::env::var("ANOMAL_TEST_AWAY").ok();
    Duration::from_secs(set.map_or(seconds, |set| set.parse().expect("a number of seconds")))
}
