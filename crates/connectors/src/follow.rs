//! Follows text files: a [`Log`] of the lines that are appended to them.
//!
//! Each path is a partition. Its records are numbered over all files that have had that name, so that a record keeps its
//! number however often the file is rotated.

mod file;
mod heading;
mod path;
mod place;
mod siblings;

use std::{
    collections::BTreeSet,
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use anomal_dataflow::TextChunk;
use anomal_stream::{Cause, Chunk, Log};

pub use self::heading::Heading;
use self::{path::PathFollower, place::PathPlace};
use crate::source::{FirstRecords, Sample};

/// How often new files are looked for.
const RESCAN: Duration = Duration::from_secs(1);
/// Records and bytes from which types are inferred at most.
const SAMPLE_RECORDS: usize = 1_000;
const SAMPLE_BYTES: u64 = 1 << 20;

/// What is followed.
pub struct FollowOptions {
    /// A file, a folder or a glob.
    pub path: String,
    /// The endings of the files of a folder.
    pub endings: &'static [&'static str],
    /// Whether the files that exist when a stream begins are read from their end.
    pub from_end: bool,
    /// What files have before their records.
    pub heading: Heading,
    /// How long a file that was renamed or removed has to be unchanged before the next one is read.
    pub idle: Duration,
    /// Whether a file is one of the job's own outputs.
    pub is_output: Box<dyn Fn(&Path) -> bool + Send>,
}

/// The files of an input that is followed.
pub struct FollowLog {
    options: FollowOptions,
    paths: Vec<PathFollower>,
    /// The one that is read first next time.
    turn: usize,
    rescan_at: Option<Instant>,
    /// Whether the files that exist at the start of the stream are known.
    begun: bool,
    /// Names that match and that a file got which was read under another one.
    aliases: BTreeSet<PathBuf>,
}

impl FollowLog {
    pub fn new(options: FollowOptions) -> Self {
        Self {
            options,
            paths: Vec::new(),
            turn: 0,
            rescan_at: None,
            begun: false,
            aliases: BTreeSet::new(),
        }
    }

    /// The first records of the first file that has any.
    ///
    /// # Errors
    /// A file can't be read.
    pub fn sample(&self) -> io::Result<FirstRecords> {
        for path in self.expand()? {
            if let Some(text) = file::first_lines(&path, SAMPLE_RECORDS, SAMPLE_BYTES)? {
                let records = self.options.heading.take(&text, 0, &mut None);
                if text[records.start..].trim_ascii().is_empty() {
                    continue;
                }
                let full = text.iter().filter(|byte| **byte == b'\n').count() >= SAMPLE_RECORDS
                    || text.len() as u64 >= SAMPLE_BYTES;
                let sample = Some(Sample { name: path, text: text.into() });
                return Ok(FirstRecords { sample, full, caught_up: true });
            }
        }
        Ok(FirstRecords { sample: None, full: false, caught_up: true })
    }

    /// The files whose last line has no line end yet, with the bytes of that line.
    pub fn unfinished_lines(&self) -> Vec<(PathBuf, u64)> {
        self.paths.iter().filter_map(PathFollower::unfinished_line).collect()
    }

    /// The paths that match now, in name order.
    fn expand(&self) -> io::Result<Vec<PathBuf>> {
        let path = &self.options.path;
        let plain = Path::new(path);
        let mut paths: Vec<PathBuf> = if plain.is_dir() {
            let entries = fs::read_dir(plain)?.map(|entry| Ok(entry?.path()));
            let mut paths = entries.collect::<io::Result<Vec<_>>>()?;
            paths.retain(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy();
                let endings = self.options.endings;
                !name.starts_with('.') && endings.iter().any(|ending| name.ends_with(ending))
            });
            paths
        } else if !plain.exists() && path.contains(['*', '?', '[']) {
            let matches = glob::glob(path).map_err(io::Error::other)?;
            matches
                .collect::<Result<_, _>>()
                .map_err(|error| io::Error::other(error.to_string()))?
        } else {
            return Ok(vec![plain.to_owned()]);
        };
        paths.retain(|path| {
            path.is_file() && !siblings::is_compressed(path) && !(self.options.is_output)(path)
        });
        paths.sort();
        Ok(paths)
    }

    /// Adds followers for files that are new.
    fn rescan(&mut self, now: Instant) -> io::Result<()> {
        if self.rescan_at.is_some_and(|at| now < at) {
            return Ok(());
        }
        let matching = self.expand()?;
        self.aliases.retain(|alias| matching.contains(alias));
        for path in matching {
            let is_known = self.paths.iter().any(|follower| follower.path() == path);
            if is_known || self.aliases.contains(&path) {
                continue;
            }
            if self.paths.iter().any(|follower| follower.has_read(&path)) {
                self.aliases.insert(path);
                continue;
            }
            let how = (self.options.idle, self.options.heading);
            let partition = u32::try_from(self.paths.len()).unwrap_or(u32::MAX);
            let from_end = self.options.from_end && !self.begun;
            let follower = PathFollower::begin(path, partition, how, from_end)?;
            self.paths.push(follower);
        }
        self.begun = true;
        self.rescan_at = Some(now + RESCAN);
        Ok(())
    }
}

impl Log for FollowLog {
    type Records = TextChunk;

    fn read(&mut self) -> Result<Option<Chunk<TextChunk>>, Cause> {
        let now = Instant::now();
        self.rescan(now)?;
        let mut failed = None;
        for step in 0..self.paths.len() {
            let place = (self.turn + step) % self.paths.len();
            match self.paths[place].read(now) {
                Ok(Some(chunk)) => {
                    self.turn = (place + 1) % self.paths.len();
                    return Ok(Some(chunk));
                }
                Ok(None) => {}
                // The other files go on.
                Err(error) => {
                    let path = self.paths[place].path().display().to_string();
                    failed.get_or_insert(format!("{path} can't be read: {error}"));
                }
            }
        }
        match failed {
            Some(error) => Err(error.into()),
            None => Ok(None),
        }
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        let places: Vec<PathPlace> = self.paths.iter().map(PathFollower::place).collect();
        Ok(serde_json::to_vec(&(self.begun, &self.aliases, places))?)
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        let places: Vec<PathPlace>;
        (self.begun, self.aliases, places) = serde_json::from_slice(place)?;
        let followers = places.into_iter().zip(0..);
        let how = (self.options.idle, self.options.heading);
        let followers = followers.map(|(place, number)| PathFollower::restore(place, number, how));
        self.paths = followers.collect::<io::Result<_>>()?;
        Ok(())
    }

    fn caught_up(&self) -> bool {
        self.begun && self.paths.iter().all(PathFollower::at_end)
    }
}

/// The place of a stream that has not begun has to be known before the first checkpoint.
impl FollowLog {
    /// Finds the files that exist now.
    ///
    /// # Errors
    /// One of them can't be read.
    pub fn begin(&mut self) -> io::Result<()> {
        self.rescan_at = None;
        self.rescan(Instant::now())
    }
}

#[cfg(test)]
mod tests;
