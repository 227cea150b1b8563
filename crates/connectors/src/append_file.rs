//! Files of a stream's output: they are appended to, and continue at a mark after a crash.

use std::{
    fs::{self, File, OpenOptions},
    io::{BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anomal_core::{Code, Error, Result};
use anomal_spec::Rotation;
use serde::{Deserialize, Serialize};

/// A file, or a series of numbered ones.
pub(crate) struct AppendFile {
    path: PathBuf,
    rotation: Option<Rotation>,
    open: Option<BufWriter<File>>,
    mark: Mark,
}

/// Where writing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    /// The number of the file, from 1.
    part: u64,
    /// Its bytes.
    length: u64,
    /// Seconds since the epoch, when it was begun.
    since: u64,
}

impl AppendFile {
    /// Without rotation, it is one file for ever.
    pub fn new(path: PathBuf, rotation: Option<Rotation>) -> Self {
        Self { path, rotation, open: None, mark: Mark::default() }
    }

    /// Continues at a mark, and removes what was written behind it; begins without one.
    ///
    /// # Errors
    /// `Output` if a file is there that is not the stream's, or has lost bytes.
    pub fn restore(&mut self, mark: Option<&[u8]>) -> Result<()> {
        self.open = None;
        let Some(mark) = mark else { return self.begin(1) };
        let mark: Mark = serde_json::from_slice(mark)
            .map_err(|error| Error::internal(format!("the mark of an output: {error}")))?;
        let path = self.part(mark.part);
        let failed = |error: &std::io::Error| write_error(&path, &error.to_string());
        let mut file = OpenOptions::new().write(true).open(&path).map_err(|error| {
            let why = format!("{error}, and the stream continues it: put it back, or begin anew with another state folder");
            write_error(&path, &why)
        })?;
        let length = file.metadata().map_err(|error| failed(&error))?.len();
        if length < mark.length {
            let why = format!(
                "it has {length} bytes, and {} were written: put it back, or begin anew with another state folder",
                mark.length
            );
            return Err(write_error(&path, &why));
        }
        file.set_len(mark.length).map_err(|error| failed(&error))?;
        file.seek(SeekFrom::End(0)).map_err(|error| failed(&error))?;
        // From the last one on, so that a crash leaves no gap behind which others would stay.
        let later = ((mark.part + 1)..).map(|part| self.part(part));
        let later = later.take_while(|path| self.rotation.is_some() && path.exists());
        for path in later.collect::<Vec<_>>().iter().rev() {
            fs::remove_file(path).map_err(|error| write_error(path, &error.to_string()))?;
        }
        self.mark = mark;
        self.open = Some(BufWriter::new(file));
        Ok(())
    }

    /// Appends whole lines.
    ///
    /// # Errors
    /// `Output`; some of them may have been written.
    pub fn write(&mut self, lines: &[u8]) -> Result<()> {
        if let Some(Rotation::Every(seconds)) = self.rotation
            && self.mark.since / seconds != now() / seconds
            && !lines.is_empty()
        {
            if self.mark.length > 0 {
                self.next_part()?;
            } else {
                self.mark.since = now();
            }
        }
        let Some(Rotation::Bytes(most)) = self.rotation else { return self.append(lines) };
        let mut rest = lines;
        while !rest.is_empty() {
            let room = usize::try_from(most.saturating_sub(self.mark.length)).unwrap_or(usize::MAX);
            let fits = rest.len().min(room);
            let end = if fits == rest.len() {
                fits
            } else {
                memchr::memrchr(b'\n', &rest[..fits]).map_or(0, |end| end + 1)
            };
            if end == 0 && self.mark.length > 0 {
                self.next_part()?;
                continue;
            }
            // A line that is longer than a file has one of its own.
            let line = || memchr::memchr(b'\n', rest).map_or(rest.len(), |end| end + 1);
            let end = if end == 0 { line() } else { end };
            self.append(&rest[..end])?;
            rest = &rest[end..];
        }
        Ok(())
    }

    /// Makes everything durable, and returns the mark behind it.
    ///
    /// # Errors
    /// `Output`; the file is not the one under its name any more.
    pub fn flush(&mut self) -> Result<Vec<u8>> {
        self.sync()?;
        serde_json::to_vec(&self.mark)
            .map_err(|error| Error::internal(format!("the mark of an output: {error}")))
    }

    fn append(&mut self, lines: &[u8]) -> Result<()> {
        let path = self.part(self.mark.part);
        let written = match &mut self.open {
            Some(file) => file.write_all(lines),
            None => return Err(Error::internal("an output that is not open")),
        };
        written.map_err(|error| write_error(&path, &error.to_string()))?;
        self.mark.length += lines.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        let path = self.part(self.mark.part);
        let Some(file) = &mut self.open else { return Ok(()) };
        let synced = file.flush().and_then(|()| {
            let file = file.get_ref();
            file.sync_data()?;
            Ok((file.metadata()?, path.metadata()?))
        });
        match synced {
            Ok((open, named)) if (open.dev(), open.ino()) == (named.dev(), named.ino()) => Ok(()),
            Ok(_) => Err(write_error(&path, "another file has its name now: put it back")),
            Err(error) => Err(write_error(&path, &error.to_string())),
        }
    }

    fn next_part(&mut self) -> Result<()> {
        self.sync()?;
        self.open = None;
        self.begin(self.mark.part + 1)
    }

    fn begin(&mut self, part: u64) -> Result<()> {
        let path = self.part(part);
        let failed = |error: &std::io::Error| write_error(&path, &error.to_string());
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| failed(&error))?;
        if file.metadata().map_err(|error| failed(&error))?.len() > 0 {
            let why = "it exists, and is not from this stream: move it away, or name another file";
            return Err(write_error(&path, why));
        }
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let synced =
            File::open(folder.unwrap_or(Path::new("."))).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(&error))?;
        self.mark = Mark { part, length: 0, since: now() };
        self.open = Some(BufWriter::new(file));
        Ok(())
    }

    /// The path of a file of the series.
    fn part(&self, part: u64) -> PathBuf {
        if self.rotation.is_none() {
            return self.path.clone();
        }
        let (stem, ending) = affixes(&self.path);
        self.path.with_file_name(format!("{stem}{part:06}{ending}"))
    }
}

fn write_error(path: &Path, why: &str) -> Error {
    Error::new(Code::Output, "OUTPUT", format!("cannot write {}: {why}", path.display()))
}

/// What precedes and follows the number in the names of a series.
fn affixes(path: &Path) -> (String, String) {
    let part =
        |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
    let ending = path.extension().map(|_| format!(".{}", part(path.extension())));
    (format!("{}-", part(path.file_stem())), ending.unwrap_or_default())
}

/// Whether a file is that of an output with this path, or one of its series.
pub fn is_output_file(file: &Path, output: &Path) -> bool {
    let folder = |path: &Path| {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        folder.unwrap_or(Path::new(".")).canonicalize().ok()
    };
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let (stem, ending) = affixes(output);
    let number = name.strip_prefix(&stem).and_then(|rest| rest.strip_suffix(&ending));
    let is_part = number.is_some_and(|number| {
        number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit())
    });
    (is_part || file.file_name() == output.file_name()) && folder(file) == folder(output)
}

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_series_continues_at_its_mark_with_the_same_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let open = || AppendFile::new(path.clone(), Some(Rotation::Bytes(10)));
        let mut file = open();
        file.restore(None).unwrap();
        file.write(b"1234\n67\n").unwrap();
        let mark = file.flush().unwrap();
        file.write(b"90\na line that is too long\n1\n2\n").unwrap();
        file.flush().unwrap();
        let read = |part: u32| {
            fs::read_to_string(folder.path().join(format!("r-{part:06}.ndjson"))).unwrap()
        };
        let texts = || [1, 2, 3, 4].map(read);
        let expected = ["1234\n67\n", "90\n", "a line that is too long\n", "1\n2\n"];
        assert_eq!(texts(), expected);
        drop(file);
        let mut file = open();
        file.restore(Some(&mark)).unwrap();
        assert_eq!(names(folder.path()), ["r-000001.ndjson"]);
        // In other pieces.
        for line in ["90\n", "a line that is too long\n", "1\n", "2\n"] {
            file.write(line.as_bytes()).unwrap();
        }
        file.flush().unwrap();
        assert_eq!(texts(), expected);
        assert!(is_output_file(&folder.path().join("r-000003.ndjson"), &path));
        assert!(!is_output_file(&folder.path().join("r-x.ndjson"), &path));
    }

    #[test]
    fn foreign_and_shortened_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let mut file = AppendFile::new(path.clone(), None);
        file.restore(None).unwrap();
        file.write(b"1\n2\n").unwrap();
        let mark = file.flush().unwrap();
        let error = AppendFile::new(path.clone(), None).restore(None).unwrap_err();
        assert!(error.message.contains("not from this stream"), "{error}");
        fs::write(&path, "1\n").unwrap();
        let error = file.restore(Some(&mark)).unwrap_err();
        assert!(error.message.contains("has 2 bytes, and 4 were written"), "{error}");
        fs::write(&path, "1\n2\n").unwrap();
        file.restore(Some(&mark)).unwrap();
        fs::remove_file(&path).unwrap();
        file.write(b"3\n").unwrap();
        assert!(file.flush().is_err());
    }
}
