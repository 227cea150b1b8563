//! Files of a stream's output: they are appended to, and continue at a mark after a crash.

mod records;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, Seek, SeekFrom, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    time::SystemTime,
};

use anomal_core::{Code, Error, Result};
use anomal_spec::Rotation;
use serde::{Deserialize, Serialize};

pub(crate) use self::records::Records;
use crate::{
    compression::Compressor,
    series::{Part, Series},
};

/// A file, or a series of them. One whose name ends in `.gz` or `.zst` is compressed: what is between two marks is a
/// separate member or frame, so that it can be continued at each of them.
pub(crate) struct AppendFile {
    series: Series,
    records: Records,
    /// What each file begins with.
    header: Vec<u8>,
    open: Option<Open>,
    mark: Mark,
}

/// A file that is appended to.
enum Open {
    /// Its last member or frame is complete.
    Whole(BufWriter<File>),
    Partial(Box<Compressor<BufWriter<File>>>),
}

/// Where writing is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mark {
    #[serde(flatten)]
    part: Part,
    /// The bytes of the file.
    length: u64,
    /// Those that were written to it, before they were compressed.
    #[serde(default)]
    written: u64,
}

impl AppendFile {
    /// Without rotation, it is one file for ever.
    pub fn new(path: PathBuf, rotation: Option<Rotation>) -> Self {
        Self::from_series(Series::new(path, rotation, ""))
    }

    pub fn from_series(series: Series) -> Self {
        let (header, mark) = (Vec::new(), Mark::default());
        Self { series, records: Records::Lines, header, open: None, mark }
    }

    #[must_use]
    pub fn with_records(self, records: Records) -> Self {
        Self { records, ..self }
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
        let first = Part { number: 1, since: now(), again: 0 };
        let Some(mark) = mark else { return self.begin(first) };
        let mut mark: Mark = serde_json::from_slice(mark)
            .map_err(|error| Error::internal(format!("the mark of an output: {error}")))?;
        if mark.written == 0 {
            // A mark of before files were compressed.
            mark.written = mark.length;
        }
        let path = self.series.path(mark.part);
        if mark.length == 0 && self.series.period().is_some() && !path.exists() {
            // It had no record, and its time was over.
            remove(&self.lock_behind(mark.part)?)?;
            return self.begin(mark.part);
        }
        let failed = |error: &io::Error| write_error(&path, &error.to_string());
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
        remove(&later)?;
        self.mark = mark;
        self.open = Some(Open::Whole(BufWriter::new(file)));
        Ok(())
    }

    /// Whether this machine has the file that a mark is of, with all that was written by then.
    pub fn has(&self, mark: &[u8]) -> bool {
        let mark = serde_json::from_slice::<Mark>(mark);
        mark.is_ok_and(|mark| {
            let file = self.series.path(mark.part).metadata();
            file.is_ok_and(|file| file.len() >= mark.length)
        })
    }

    /// The files behind one of the series, locked.
    fn lock_behind(&self, part: Part) -> Result<Vec<(PathBuf, File)>> {
        let locked = self.series.behind(part, now()).into_iter().map(|path| {
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
        let Some(Rotation::Bytes(most)) = self.series.rotation() else {
            return self.append(records);
        };
        let mut rest = records;
        while !rest.is_empty() {
            let room = usize::try_from(most.saturating_sub(self.size())).unwrap_or(usize::MAX);
            let end = self.records.last_end(rest, room);
            if end == 0 && !self.is_empty() {
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

    /// Whether the time of the file is over, and it has something or its name has that time.
    pub fn is_late(&mut self) -> bool {
        let Some(Rotation::Every(seconds)) = self.series.rotation() else { return false };
        let late = self.mark.part.since / seconds != now() / seconds;
        if late && self.is_empty() && self.series.period().is_none() {
            self.mark.part.since = now();
            return false;
        }
        late
    }

    /// Whether so many more bytes belong in the next file.
    pub fn is_full(&self, more: usize) -> bool {
        let over = |most| self.size().saturating_add(more as u64) > most;
        matches!(self.series.rotation(), Some(Rotation::Bytes(most)) if !self.is_empty() && over(most))
    }

    /// The number of the file that is written, from 1.
    pub fn number(&self) -> u64 {
        self.mark.part.number
    }

    /// The path of a numbered file.
    pub fn path(&self, number: u64) -> PathBuf {
        self.series.path(Part { number, ..self.mark.part })
    }

    pub fn is_empty(&self) -> bool {
        self.mark.written == 0
    }

    /// The bytes that were written to the file, or those with which it will begin.
    fn size(&self) -> u64 {
        self.mark.written.max(self.header.len() as u64)
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
        let path = self.series.path(self.mark.part);
        let Some(open) = self.open.take() else {
            return Err(Error::internal("an output that is not open"));
        };
        let header: &[u8] = if self.is_empty() { &self.header } else { &[] };
        let written = open.partial(&path).and_then(|mut partial| {
            partial.write_all(header)?;
            partial.write_all(bytes)?;
            Ok(partial)
        });
        let partial = written.map_err(|error| write_error(&path, &error.to_string()))?;
        self.open = Some(Open::Partial(partial));
        self.mark.written += (header.len() + bytes.len()) as u64;
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        let path = self.series.path(self.mark.part);
        let Some(open) = self.open.take() else { return Ok(()) };
        let synced = open.whole().and_then(|mut file| {
            self.mark.length = file.stream_position()?;
            let open = file.get_ref();
            open.sync_data()?;
            let same = [open.metadata()?, path.metadata()?].map(|file| (file.dev(), file.ino()));
            self.open = Some(Open::Whole(file));
            Ok(same[0] == same[1])
        });
        match synced {
            Ok(true) => Ok(()),
            Ok(false) => Err(write_error(&path, "another file has its name now: put it back")),
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
        let part = self.mark.part;
        if !self.is_empty() {
            return self.begin(self.series.next(part, now()));
        }
        // Its name has a time that is over.
        let path = self.series.path(part);
        fs::remove_file(&path).map_err(|error| write_error(&path, &error.to_string()))?;
        let next = self.series.next(part, now());
        self.begin(Part { number: part.number, ..next })
    }

    fn begin(&mut self, part: Part) -> Result<()> {
        let path = self.series.path(part);
        let failed = |error: &io::Error| write_error(&path, &error.to_string());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        if self.series.period().is_some() {
            fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        let opened = OpenOptions::new().create(true).truncate(false).write(true).open(&path);
        let file = opened.map_err(|error| failed(&error))?;
        lock(&path, &file)?;
        if file.metadata().map_err(|error| failed(&error))?.len() > 0 {
            let why = "it exists, and is not from this stream: move it away, or name another file";
            return Err(write_error(&path, why));
        }
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(|error| failed(&error))?;
        self.mark = Mark { part, ..Mark::default() };
        self.open = Some(Open::Whole(BufWriter::new(file)));
        Ok(())
    }
}

impl Open {
    /// In a member or frame, a new one if the last is complete.
    fn partial(self, path: &Path) -> io::Result<Box<Compressor<BufWriter<File>>>> {
        match self {
            Self::Whole(file) => Compressor::new(file, path).map(Box::new),
            Self::Partial(partial) => Ok(partial),
        }
    }

    /// All of it in the file.
    fn whole(self) -> io::Result<BufWriter<File>> {
        let mut file = match self {
            Self::Whole(file) => file,
            Self::Partial(partial) => partial.finish()?,
        };
        file.flush()?;
        Ok(file)
    }
}

/// Removes files, from the last one on, so that a crash leaves no gap behind which others would stay.
fn remove(files: &[(PathBuf, File)]) -> Result<()> {
    files.iter().rev().try_for_each(|(path, _locked)| {
        fs::remove_file(path).map_err(|error| write_error(path, &error.to_string()))
    })
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

/// Seconds since the epoch.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().map_or(0, |since| since.as_secs())
}

#[cfg(test)]
mod tests;
