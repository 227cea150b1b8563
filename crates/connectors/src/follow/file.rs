//! A file that is followed, under whatever name.

use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::{FileExt, MetadataExt},
    path::Path,
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

use super::{
    heading::{self, Bounds, Heading},
    place::{FilePlace, PRINT, Print},
};
use crate::lines::MAX_RECORD;

/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;
const BYTE_ORDER_MARK: &[u8] = "\u{feff}".as_bytes();

/// What a file has behind its place.
pub(super) enum FileRead {
    /// Whole lines, with the number of their records and that of the first line.
    Lines { text: Vec<u8>, records: u64, line: u64 },
    /// No whole line.
    Nothing,
    /// It is shorter than what was read, or has other contents.
    Replaced,
}

/// An open file.
pub(super) struct FollowedFile {
    file: File,
    pub place: FilePlace,
    /// Bytes behind the place.
    rest: u64,
    /// When it was seen to have changed.
    changed: Instant,
}

impl FollowedFile {
    /// Opens a file at its beginning, or behind its last line end.
    ///
    /// # Errors
    /// It can't be read.
    pub fn begin(path: &Path, from_end: bool) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut opened = Self::new(file, FilePlace::default())?;
        let size = opened.file.metadata()?.len();
        opened.extend_head(size)?;
        if from_end {
            opened.place.offset = last_line_end(&opened.file, size)?;
            opened.set_tail()?;
        }
        Ok(opened)
    }

    /// Opens a file at a place if it has the contents of that place.
    ///
    /// # Errors
    /// It can't be read.
    pub fn resume(path: &Path, place: &FilePlace) -> io::Result<Option<Self>> {
        let opened = Self::new(File::open(path)?, place.clone())?;
        let size = opened.file.metadata()?.len();
        let is_same = size >= place.offset && opened.is_same()?;
        Ok(is_same.then_some(opened))
    }

    fn new(file: File, mut place: FilePlace) -> io::Result<Self> {
        let metadata = file.metadata()?;
        (place.device, place.inode) = (metadata.dev(), metadata.ino());
        place.modified = modified(&metadata);
        Ok(Self { file, place, rest: 0, changed: Instant::now() })
    }

    pub fn is(&self, metadata: &Metadata) -> bool {
        (self.place.device, self.place.inode) == (metadata.dev(), metadata.ino())
    }

    /// Bytes of the last line, which has no line end.
    pub fn rest(&self) -> u64 {
        self.rest
    }

    /// Reads the lines behind the place.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read(&mut self, heading: Heading, now: Instant) -> io::Result<FileRead> {
        self.find_heading(heading)?;
        loop {
            let metadata = self.file.metadata()?;
            let size = metadata.len();
            let is_changed = modified(&metadata) != self.place.modified;
            if size < self.place.offset || is_changed && !self.is_same()? {
                return Ok(FileRead::Replaced);
            }
            if is_changed || size - self.place.offset != self.rest {
                self.changed = now;
            }
            let mut text = self.read_block(size)?;
            // The contents may have been replaced while they were read.
            if !text.is_empty() && !self.is_same()? {
                return Ok(FileRead::Replaced);
            }
            self.extend_head(size)?;
            self.place.modified = modified(&metadata);
            let end = memchr::memrchr(b'\n', &text).map(|end| end + 1);
            let Some(end) = end.or_else(|| (text.len() > MAX_RECORD).then_some(text.len())) else {
                self.rest = text.len() as u64;
                return Ok(FileRead::Nothing);
            };
            text.truncate(end);
            if let Some(read) = self.pass(text, heading)? {
                return Ok(read);
            }
        }
    }

    /// The last line, without a line end, of a file that does not change any more.
    ///
    /// # Errors
    /// It can't be read.
    pub fn read_rest(&mut self, heading: Heading) -> io::Result<FileRead> {
        let mut text = self.read_block(self.file.metadata()?.len())?;
        self.rest = 0;
        text.truncate(MAX_RECORD + 1);
        Ok(self.pass(text, heading)?.unwrap_or(FileRead::Nothing))
    }

    /// What precedes the next record.
    pub fn heading(&self) -> Option<Arc<str>> {
        self.place.heading.as_deref().map(Arc::from)
    }

    /// Of a file that is not read from its beginning: what it has there.
    fn find_heading(&mut self, heading: Heading) -> io::Result<()> {
        if self.place.heading.is_some() || self.place.offset == 0 || heading == Heading::None {
            return Ok(());
        }
        let mut text = vec![0; heading::LONGEST];
        let read = read_at(&self.file, &mut text, 0)?;
        let end = memchr::memrchr(b'\n', &text[..read]).map_or(0, |end| end + 1);
        let before = usize::try_from(self.place.offset).unwrap_or(usize::MAX);
        heading.take(&text[..end.min(before)], 0, &mut self.place.heading);
        // None is there, so that it is not looked for again.
        self.place.heading.get_or_insert_default();
        Ok(())
    }

    /// Whether neither contents nor name have changed for so long.
    ///
    /// # Errors
    /// It can't be read.
    pub fn is_settled(&self, idle: Duration, now: Instant) -> io::Result<bool> {
        let metadata = self.file.metadata()?;
        // A change of the name is one of the file's status.
        let status = Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or(0))
            + Duration::from_nanos(u64::try_from(metadata.ctime_nsec()).unwrap_or(0));
        let since = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().saturating_sub(status);
        Ok(since >= idle || now.saturating_duration_since(self.changed) >= idle)
    }

    /// Up to a block behind the place; more if a line is longer.
    fn read_block(&self, size: u64) -> io::Result<Vec<u8>> {
        let left = usize::try_from(size.saturating_sub(self.place.offset)).unwrap_or(usize::MAX);
        let mut text = Vec::new();
        while text.len() < left && text.len() <= MAX_RECORD {
            let start = text.len();
            text.resize(start + BLOCK.min(left - start), 0);
            let read = read_at(&self.file, &mut text[start..], self.place.offset + start as u64)?;
            text.truncate(start + read);
            if read == 0 || memchr::memchr(b'\n', &text[start..]).is_some() {
                break;
            }
        }
        Ok(text)
    }

    /// Moves the place behind a text, and returns its records; nothing if it has none.
    fn pass(&mut self, mut text: Vec<u8>, heading: Heading) -> io::Result<Option<FileRead>> {
        let begins = self.place.offset == 0;
        let records = if self.place.skipping {
            Bounds { start: 0, end: text.len() }
        } else {
            heading.take(&text, self.place.lines, &mut self.place.heading)
        };
        text.truncate(records.end);
        let headings = memchr::memchr_iter(b'\n', &text[..records.start]).count() as u64;
        let line = self.place.lines + headings + 1 + u64::from(self.place.skipping);
        let lines = memchr::memchr_iter(b'\n', &text).count() as u64;
        self.place.offset += text.len() as u64;
        self.place.lines += lines;
        self.rest = 0;
        self.set_tail()?;
        let ends = text.last() == Some(&b'\n');
        if std::mem::replace(&mut self.place.skipping, !ends && text.len() > MAX_RECORD) {
            let end = memchr::memchr(b'\n', &text).map_or(text.len(), |end| end + 1);
            text.drain(..end);
        }
        text.drain(..records.start);
        if begins && text.starts_with(BYTE_ORDER_MARK) {
            text.drain(..BYTE_ORDER_MARK.len());
        }
        let records = text.split(|byte| *byte == b'\n');
        let records = records.filter(|line| !line.trim_ascii().is_empty()).count() as u64;
        Ok((records > 0).then_some(FileRead::Lines { text, records, line }))
    }

    /// Of bytes that may not have been read: a file is known by them before it is.
    fn extend_head(&mut self, size: u64) -> io::Result<()> {
        if self.place.head.length < size.min(PRINT) {
            self.place.head = self.print(0, size.min(PRINT))?;
        }
        Ok(())
    }

    fn set_tail(&mut self) -> io::Result<()> {
        let offset = self.place.offset;
        let tail = offset.min(PRINT);
        self.place.tail = self.print(offset - tail, tail)?;
        Ok(())
    }

    /// Whether it has the contents that are known of it.
    fn is_same(&self) -> io::Result<bool> {
        let FilePlace { offset, head, tail, .. } = self.place;
        Ok(self.print(0, head.length)? == head
            && self.print(offset.saturating_sub(tail.length), tail.length)? == tail)
    }

    fn print(&self, offset: u64, length: u64) -> io::Result<Print> {
        let mut bytes = vec![0; usize::try_from(length).unwrap_or(0)];
        let read = read_at(&self.file, &mut bytes, offset)?;
        Ok(Print::new(&bytes[..read]))
    }
}

/// Reads until the buffer is full or the file ends.
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
    let mut read = 0;
    while read < buffer.len() {
        match file.read_at(&mut buffer[read..], offset + read as u64) {
            Ok(0) => break,
            Ok(count) => read += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// The place behind the last line end.
fn last_line_end(file: &File, size: u64) -> io::Result<u64> {
    let mut end = size;
    let mut buffer = vec![0; 1 << 16];
    while end > 0 {
        let start = end.saturating_sub(buffer.len() as u64);
        let length = usize::try_from(end - start).unwrap_or(0);
        let read = read_at(file, &mut buffer[..length], start)?;
        if let Some(found) = memchr::memrchr(b'\n', &buffer[..read]) {
            return Ok(start + found as u64 + 1);
        }
        end = start;
    }
    Ok(0)
}

/// The first whole lines of a file; nothing if it does not exist or has none.
///
/// # Errors
/// It can't be read.
pub(super) fn first_lines(path: &Path, most: usize, bytes: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    file.take(bytes).read_to_end(&mut text)?;
    let Some(end) = memchr::memchr_iter(b'\n', &text).take(most).last() else { return Ok(None) };
    text.truncate(end + 1);
    Ok((!text.trim_ascii().is_empty()).then_some(text))
}

/// Nanoseconds since the epoch.
pub(super) fn modified(metadata: &Metadata) -> i64 {
    metadata.mtime().saturating_mul(1_000_000_000).saturating_add(metadata.mtime_nsec())
}
