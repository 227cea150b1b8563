//! The names of the files of a stream's output: numbered, or by the time at which each was begun.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
};

use anomal_spec::{Rotation, has_times};
use glob::{MatchOptions, Pattern};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A file, or a series of them.
pub(crate) struct Series {
    path: PathBuf,
    rotation: Option<Rotation>,
    /// What follows the name of each file.
    suffix: &'static str,
}

/// A file of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Part {
    /// Its number, from 1.
    #[serde(rename = "part")]
    pub number: u64,
    /// Seconds since the epoch, when it was begun.
    pub since: u64,
    /// Its number among those with the same times in their names, from 0.
    #[serde(default)]
    pub again: u64,
}

impl Series {
    /// Without rotation, it is one file for ever.
    pub fn new(path: PathBuf, rotation: Option<Rotation>, suffix: &'static str) -> Self {
        Self { path, rotation, suffix }
    }

    pub fn rotation(&self) -> Option<Rotation> {
        self.rotation
    }

    /// The seconds of a file, if the names of files have times.
    pub fn period(&self) -> Option<u64> {
        match self.rotation {
            Some(Rotation::Every(seconds)) if has_times(&self.path.to_string_lossy()) => {
                Some(seconds)
            }
            _ => None,
        }
    }

    /// The path of a file.
    pub fn path(&self, part: Part) -> PathBuf {
        let path = match (self.period(), self.rotation) {
            (_, None) => return self.path.clone(),
            (None, _) => numbered(&self.path, part.number),
            (Some(period), _) => {
                let path = at(&self.path, part.since / period * period);
                match part.again {
                    0 => path,
                    again => numbered(&path, again + 1),
                }
            }
        };
        let mut path = path.into_os_string();
        path.push(self.suffix);
        path.into()
    }

    /// The file behind one, begun now.
    pub fn next(&self, part: Part, now: u64) -> Part {
        let mut next = Part { number: part.number + 1, since: now, again: 0 };
        if self.period().is_some() {
            // Also where a clock was set back.
            while self.path(next) == self.path(part) || self.path(next).exists() {
                next.again += 1;
            }
        }
        next
    }

    /// The files behind one that exist.
    pub fn behind(&self, part: Part, now: u64) -> Vec<PathBuf> {
        if self.rotation.is_none() {
            return Vec::new();
        }
        let Some(period) = self.period() else {
            let later = ((part.number + 1)..).map(|number| self.path(Part { number, ..part }));
            return later.take_while(|path| path.exists()).collect();
        };
        let existing = |since: u64, first: u64| {
            let paths = (first..).map(move |again| self.path(Part { since, again, ..part }));
            paths.take_while(|path| path.exists())
        };
        let mut found: Vec<PathBuf> = existing(part.since, part.again + 1).collect();
        let mut name = self.path(Part { again: 0, ..part });
        for place in (part.since / period + 1)..=(now / period) {
            let since = place * period;
            let next = self.path(Part { since, again: 0, ..part });
            if next != name {
                found.extend(existing(since, 0));
                name = next;
            }
        }
        found
    }
}

/// A path with the conversions of a time in UTC, in seconds since the epoch.
fn at(path: &Path, seconds: u64) -> PathBuf {
    let time = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    let text = path.to_string_lossy();
    PathBuf::from(time.unwrap_or_default().strftime(&*text).to_string())
}

/// The path of a file of a series, as `results-000001.ndjson`.
pub(crate) fn numbered(path: &Path, number: u64) -> PathBuf {
    suffixed(path, &format!("{number:06}"))
}

/// A path with an addition to its name before its ending.
pub fn suffixed(path: &Path, addition: &str) -> PathBuf {
    let (stem, ending) = affixes(path);
    path.with_file_name(format!("{stem}-{addition}{ending}"))
}

/// The name of a file up to its ending, and that, with the one before it where a file is compressed.
fn affixes(path: &Path) -> (String, String) {
    let text = |part: Option<&OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let ending =
        path.extension().map_or_else(String::new, |ending| format!(".{}", ending.display()));
    let stem = text(path.file_stem());
    match Path::new(&stem).extension() {
        Some(inner) if matches!(&*ending, ".gz" | ".zst") => {
            let inner = format!(".{}{ending}", inner.display());
            (text(Path::new(&stem).file_stem()), inner)
        }
        _ => (stem, ending),
    }
}

/// Whether a file is that of an output with this path, or one of its series.
pub fn is_output_file(file: &Path, output: &Path) -> bool {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    if has_times(&output.to_string_lossy()) {
        let fixed = fixed_folder(output);
        let rest = output.strip_prefix(&fixed).unwrap_or(output).to_path_buf();
        let fixed = if fixed.as_os_str().is_empty() { Path::new(".") } else { &fixed };
        let within = folder(file).zip(fixed.canonicalize().ok());
        let within =
            within.and_then(|(folder, fixed)| Some(folder.strip_prefix(fixed).ok()?.join(&*name)));
        return within.is_some_and(|within| {
            matches(&rest, &within) || matches(&suffixed(&rest, "%S"), &within)
        });
    }
    let (stem, ending) = affixes(output);
    let number = name.strip_prefix(&format!("{stem}-"));
    let number = number.and_then(|rest| rest.strip_suffix(&ending));
    let is_part = number.is_some_and(|number| {
        number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    (is_part || file.file_name() == output.file_name()) && folder(file) == folder(output)
}

/// The folder of an output that has no times in its name, which has to exist.
pub fn fixed_folder(output: &Path) -> PathBuf {
    let folders = output.parent().into_iter().flat_map(Path::components);
    folders.take_while(|folder| !has_times(&folder.as_os_str().to_string_lossy())).collect()
}

/// Whether a path may be one of a pattern with times.
fn matches(pattern: &Path, path: &Path) -> bool {
    let text = pattern.to_string_lossy();
    let mut pieces = text.split('%');
    let mut pattern = Pattern::escape(pieces.next().unwrap_or_default());
    for piece in pieces {
        pattern.push('*');
        pattern += &Pattern::escape(piece.get(1..).unwrap_or_default());
    }
    let options = MatchOptions { require_literal_separator: true, ..MatchOptions::new() };
    Pattern::new(&pattern).is_ok_and(|pattern| pattern.matches_path_with(path, options))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 3_600;

    #[test]
    fn names_have_numbers_or_times() {
        let part = |number, since, again| Part { number, since, again };
        let numbered = Series::new("a/r.csv.gz".into(), Some(Rotation::Bytes(9)), ".rows");
        assert_eq!(numbered.path(part(12, 0, 0)), Path::new("a/r-000012.csv.gz.rows"));
        let single = Series::new("r".into(), None, "");
        assert_eq!(single.path(part(12, 0, 0)), Path::new("r"));
        let path = "a/%Y-%m-%d/%H.ndjson.zst";
        let timed = Series::new(path.into(), Some(Rotation::Every(6 * HOUR)), "");
        let second = 1_795_000_000;
        let name = timed.path(part(1, second, 0));
        assert_eq!(name, Path::new("a/2026-11-18/06.ndjson.zst"));
        assert_eq!(timed.path(part(2, second, 1)), Path::new("a/2026-11-18/06-000002.ndjson.zst"));
        let next = timed.next(part(1, second, 0), second + 1);
        assert_eq!(next, part(2, second + 1, 1));
        assert_eq!(timed.next(next, second + 6 * HOUR), part(3, second + 6 * HOUR, 0));
    }

    #[test]
    fn files_of_a_series_are_recognised() {
        let folder = tempfile::tempdir().unwrap();
        let day = folder.path().join("2026-11-18");
        std::fs::create_dir(&day).unwrap();
        let output = folder.path().join("%Y-%m-%d/r.%H.ndjson");
        for name in ["r.06.ndjson", "r.06-000002.ndjson"] {
            assert!(is_output_file(&day.join(name), &output), "{name}");
        }
        assert!(!is_output_file(&day.join("other.ndjson"), &output));
        assert!(!is_output_file(&folder.path().join("r.06.ndjson"), &output));
        assert_eq!(fixed_folder(&output), folder.path());
        let numbered = folder.path().join("r.ndjson.gz");
        assert!(is_output_file(&folder.path().join("r-000001.ndjson.gz"), &numbered));
        assert!(!is_output_file(&folder.path().join("r-x.ndjson.gz"), &numbered));
    }

    #[test]
    fn files_behind_one_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("%H.ndjson");
        let series = Series::new(path, Some(Rotation::Every(HOUR / 2)), "");
        for name in [
            "00.ndjson",
            "00-000002.ndjson",
            "01.ndjson",
            "03.ndjson",
            "03-000002.ndjson",
            "05.ndjson",
        ] {
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        let part = Part { number: 4, since: 60, again: 0 };
        let names = |now| {
            let paths = series.behind(part, now).into_iter();
            paths
                .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        let early = ["00-000002.ndjson", "01.ndjson"];
        assert_eq!(names(HOUR + 60), early);
        assert_eq!(
            names(4 * HOUR),
            [early.as_slice(), &["03.ndjson", "03-000002.ndjson"]].concat()
        );
    }
}
