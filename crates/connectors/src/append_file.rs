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

/// Where records end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Records {
    /// With the line.
    Lines,
    /// With the line, but for line ends within quotes.
    QuotedLines,
}

/// A file, or a series of numbered ones.
pub(crate) struct AppendFile {
    path: PathBuf,
    rotation: Option<Rotation>,
    records: Records,
    /// What each file begins with.
    header: Vec<u8>,
    /// What follows the name of each file.
    suffix: &'static str,
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
        Self {
            path,
            rotation,
            records: Records::Lines,
            header: Vec::new(),
            suffix: "",
            open: None,
            mark: Mark::default(),
        }
    }

    #[must_use]
    pub fn with_records(self, records: Records) -> Self {
        Self { records, ..self }
    }

    #[must_use]
    pub fn with_suffix(self, suffix: &'static str) -> Self {
        Self { suffix, ..self }
    }

    /// What each file begins with from now on, that of the next record too if it is the first.
    pub fn set_header(&mut self, header: Vec<u8>) {
        self.header = header;
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
        lock(&path, &file)?;
        // A process that continued behind this mark has the last of these open and locked.
        let later = self.lock_behind(mark.part)?;
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
        for (path, _locked) in later.iter().rev() {
            fs::remove_file(path).map_err(|error| write_error(path, &error.to_string()))?;
        }
        self.mark = mark;
        self.open = Some(BufWriter::new(file));
        Ok(())
    }

    /// Whether this machine has the file that a mark is of, with all that was written by then.
    pub fn has(&self, mark: &[u8]) -> bool {
        let mark = serde_json::from_slice::<Mark>(mark);
        mark.is_ok_and(|mark| {
            let file = self.part(mark.part).metadata();
            file.is_ok_and(|file| file.len() >= mark.length)
        })
    }

    /// The files behind one of the series, locked.
    fn lock_behind(&self, part: u64) -> Result<Vec<(PathBuf, File)>> {
        let later = ((part + 1)..).map(|part| self.part(part));
        let later = later.take_while(|path| self.rotation.is_some() && path.exists());
        let locked = later.map(|path| {
            let file = OpenOptions::new().write(true).open(&path);
            let file = file.map_err(|error| write_error(&path, &error.to_string()))?;
            lock(&path, &file)?;
            Ok((path, file))
        });
        locked.collect()
    }

    /// Appends whole records.
    ///
    /// # Errors
    /// `Output`; some of them may have been written.
    pub fn write(&mut self, records: &[u8]) -> Result<()> {
        if records.is_empty() {
            return Ok(());
        }
        if self.is_late() {
            self.next_part()?;
        }
        let Some(Rotation::Bytes(most)) = self.rotation else { return self.append(records) };
        let mut rest = records;
        while !rest.is_empty() {
            let room = usize::try_from(most.saturating_sub(self.size())).unwrap_or(usize::MAX);
            let end = self.records.last_end(rest, room);
            if end == 0 && self.mark.length > 0 {
                self.next_part()?;
                continue;
            }
            // A record that is longer than a file has one of its own.
            let end = if end == 0 { self.records.first_end(rest) } else { end };
            self.append(&rest[..end])?;
            rest = &rest[end..];
        }
        Ok(())
    }

    /// Whether the time of the file is over, and it has something.
    pub fn is_late(&mut self) -> bool {
        let Some(Rotation::Every(seconds)) = self.rotation else { return false };
        let late = self.mark.since / seconds != now() / seconds;
        if late && self.mark.length == 0 {
            self.mark.since = now();
        }
        late && self.mark.length > 0
    }

    /// Whether so many more bytes belong in the next file.
    pub fn is_full(&self, more: usize) -> bool {
        let over = |most| self.size().saturating_add(more as u64) > most;
        matches!(self.rotation, Some(Rotation::Bytes(most)) if self.mark.length > 0 && over(most))
    }

    /// The number of the file that is written, from 1.
    pub fn number(&self) -> u64 {
        self.mark.part
    }

    pub fn is_empty(&self) -> bool {
        self.mark.length == 0
    }

    /// The bytes of the file, or those with which it will begin.
    fn size(&self) -> u64 {
        self.mark.length.max(self.header.len() as u64)
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

    /// Appends to the file that is open.
    ///
    /// # Errors
    /// `Output`.
    pub fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let path = self.part(self.mark.part);
        let header: &[u8] = if self.mark.length == 0 { &self.header } else { &[] };
        let written = match &mut self.open {
            Some(file) => file.write_all(header).and_then(|()| file.write_all(bytes)),
            None => return Err(Error::internal("an output that is not open")),
        };
        written.map_err(|error| write_error(&path, &error.to_string()))?;
        self.mark.length += (header.len() + bytes.len()) as u64;
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

    /// Ends the file and begins the next one.
    ///
    /// # Errors
    /// `Output`.
    pub fn next_part(&mut self) -> Result<()> {
        self.sync()?;
        self.open = None;
        self.begin(self.mark.part + 1)
    }

    fn begin(&mut self, part: u64) -> Result<()> {
        let path = self.part(part);
        let failed = |error: &std::io::Error| write_error(&path, &error.to_string());
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| failed(&error))?;
        lock(&path, &file)?;
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
    pub fn part(&self, part: u64) -> PathBuf {
        if self.rotation.is_none() {
            return self.path.clone();
        }
        let mut path = numbered(&self.path, part).into_os_string();
        path.push(self.suffix);
        path.into()
    }
}

impl Records {
    /// The end of the last record that ends within so many bytes; 0 if none does.
    fn last_end(self, bytes: &[u8], within: usize) -> usize {
        if bytes.len() <= within {
            return bytes.len();
        }
        match self {
            Self::Lines => memchr::memrchr(b'\n', &bytes[..within]).map_or(0, |end| end + 1),
            Self::QuotedLines => Self::quoted_ends(&bytes[..within]).last().unwrap_or(0),
        }
    }

    fn first_end(self, bytes: &[u8]) -> usize {
        let end = match self {
            Self::Lines => memchr::memchr(b'\n', bytes).map(|end| end + 1),
            Self::QuotedLines => Self::quoted_ends(bytes).next(),
        };
        end.unwrap_or(bytes.len())
    }

    /// The ends of records. A quote within quotes is doubled, so that each quote begins or ends a quoted part.
    fn quoted_ends(bytes: &[u8]) -> impl Iterator<Item = usize> {
        let mut quoted = false;
        memchr::memchr2_iter(b'"', b'\n', bytes).filter_map(move |place| {
            quoted ^= bytes[place] == b'"';
            (!quoted && bytes[place] == b'\n').then_some(place + 1)
        })
    }
}

/// The path of a file of the series that an output names.
pub(crate) fn numbered(output: &Path, number: u64) -> PathBuf {
    let (stem, ending) = affixes(output);
    output.with_file_name(format!("{stem}{number:06}{ending}"))
}

/// Keeps others out as long as the file is open: with checkpoints in an object store, no folder is locked.
fn lock(path: &Path, file: &File) -> Result<()> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(fs::TryLockError::WouldBlock) => {
            let message = format!(
                "cannot write {}: another process writes it: stop that one first",
                path.display()
            );
            Err(Error::new(Code::Output, "IN_USE", message))
        }
        Err(fs::TryLockError::Error(error)) => Err(write_error(path, &error.to_string())),
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
    fn records_with_line_ends_in_quotes_stay_whole_behind_a_header() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.csv");
        let new = AppendFile::new(path, Some(Rotation::Bytes(24)));
        let mut file = new.with_records(Records::QuotedLines);
        file.restore(None).unwrap();
        file.set_header(b"a,b\n".to_vec());
        file.write(
            b"1,\"x\ny\"\n2,\"\"\"\n\"\"\"\n\"3\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\n\",z\n4,w\n",
        )
        .unwrap();
        file.flush().unwrap();
        let texts: Vec<String> = names(folder.path())
            .iter()
            .map(|name| fs::read_to_string(folder.path().join(name)).unwrap())
            .collect();
        let long = format!("a,b\n\"3{}\",z\n", "\n".repeat(20));
        assert_eq!(texts, ["a,b\n1,\"x\ny\"\n2,\"\"\"\n\"\"\"\n", &long, "a,b\n4,w\n"]);
    }

    #[test]
    fn a_file_has_one_writer() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let mut file = AppendFile::new(path.clone(), None);
        file.restore(None).unwrap();
        let mark = file.flush().unwrap();
        let mut other = AppendFile::new(path, None);
        let error = other.restore(Some(&mark)).unwrap_err();
        assert!(error.message.contains("another process writes it"), "{error}");
        drop(file);
        other.restore(Some(&mark)).unwrap();
    }

    #[test]
    fn a_series_has_one_writer_though_it_is_at_a_later_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let open = || AppendFile::new(path.clone(), Some(Rotation::Bytes(10)));
        let mut file = open();
        file.restore(None).unwrap();
        file.write(b"12345678\n").unwrap();
        let mark = file.flush().unwrap();
        file.write(b"abcdefgh\n12345678\n").unwrap();
        let mut other = open();
        let error = other.restore(Some(&mark)).unwrap_err();
        assert!(error.message.contains("another process writes it"), "{error}");
        assert_eq!(names(folder.path()).len(), 3);
        drop(file);
        other.restore(Some(&mark)).unwrap();
        assert_eq!(names(folder.path()).len(), 1);
    }

    #[test]
    fn foreign_and_shortened_files_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let mut file = AppendFile::new(path.clone(), None);
        file.restore(None).unwrap();
        file.write(b"1\n2\n").unwrap();
        let mark = file.flush().unwrap();
        drop(file);
        let mut file = AppendFile::new(path.clone(), None);
        let error = file.restore(None).unwrap_err();
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
