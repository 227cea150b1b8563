//! A path whose files are read one after the other, as rotation replaces them.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, Instant},
};

use anomal_dataflow::TextChunk;
use anomal_stream::Chunk;

use super::{
    file::{FileRead, FollowedFile},
    heading::Heading,
    place::{PathPlace, REMEMBERED},
    siblings,
};

pub(super) struct PathFollower {
    partition: u32,
    idle: Duration,
    heading: Heading,
    /// Without the file that is read.
    place: PathPlace,
    file: Option<FollowedFile>,
    at_end: bool,
}

impl PathFollower {
    /// Follows a path, which need not exist, from its beginning or its end.
    ///
    /// # Errors
    /// It can't be read.
    pub fn begin(
        path: PathBuf,
        partition: u32,
        (idle, heading): (Duration, Heading),
        from_end: bool,
    ) -> io::Result<Self> {
        let file = match FollowedFile::begin(&path, from_end) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let place = PathPlace { path, next: 0, file: None, finished: Vec::new() };
        Ok(Self { partition, idle, heading, place, file, at_end: false })
    }

    /// Continues from a place.
    ///
    /// # Errors
    /// The files can't be read.
    pub fn restore(
        mut place: PathPlace,
        partition: u32,
        (idle, heading): (Duration, Heading),
    ) -> io::Result<Self> {
        let file = place.file.take();
        let mut follower = Self { partition, idle, heading, place, file: None, at_end: false };
        // An empty file may have been filled and copied since.
        let Some(place) = file.filter(|place| !place.is_blank()) else { return Ok(follower) };
        follower.file = siblings::find(&follower.place.path, &place)?;
        if follower.file.is_none() {
            tracing::warn!(
                "{}: the file that was read to byte {} is gone; records behind that may be lost",
                follower.path().display(),
                place.offset
            );
            follower.remember(place);
        }
        Ok(follower)
    }

    pub fn path(&self) -> &Path {
        &self.place.path
    }

    pub fn place(&self) -> PathPlace {
        let file = self.file.as_ref().map(|file| file.place.clone());
        PathPlace { file, ..self.place.clone() }
    }

    /// Whether the last read has found that there is nothing more.
    pub fn at_end(&self) -> bool {
        self.at_end
    }

    pub fn unfinished_line(&self) -> Option<(PathBuf, u64)> {
        let rest = self.file.as_ref()?.rest();
        (rest > 0).then(|| (self.place.path.clone(), rest))
    }

    /// Whether a file is that of this follower, or one that it has read.
    pub fn has_read(&self, path: &Path) -> bool {
        let Ok(metadata) = path.metadata() else { return false };
        self.file.as_ref().is_some_and(|file| file.is(&metadata))
            || siblings::is_finished(path, &self.place.finished).unwrap_or(false)
    }

    /// The next records.
    ///
    /// # Errors
    /// A file can't be read; nothing was consumed.
    pub fn read(&mut self, now: Instant) -> io::Result<Option<Chunk<TextChunk>>> {
        self.at_end = false;
        let mut replaced = false;
        // As when it is restored.
        self.file.take_if(|file| file.place.is_blank());
        loop {
            let Some(file) = &mut self.file else {
                self.file = siblings::successor(&self.place.path, &self.place.finished)?;
                if self.file.is_none() {
                    self.at_end = true;
                    return Ok(None);
                }
                continue;
            };
            match file.read(self.heading, now)? {
                FileRead::Lines { text, records, line } => {
                    let heading = file.heading();
                    return Ok(Some(self.chunk(text, heading, records, line)));
                }
                FileRead::Replaced => {
                    self.replaced()?;
                    if self.file.is_none() && replaced {
                        // It changes while it is read: later.
                        return Ok(None);
                    }
                    replaced = true;
                }
                FileRead::Nothing => {
                    let current = fs::metadata(&self.place.path);
                    if current.is_ok_and(|current| file.is(&current)) {
                        self.at_end = true;
                        return Ok(None);
                    }
                    if !file.is_settled(self.idle, now)? {
                        return Ok(None);
                    }
                    if file.rest() > 0
                        && let FileRead::Lines { text, records, line } =
                            file.read_rest(self.heading)?
                    {
                        let heading = file.heading();
                        return Ok(Some(self.chunk(text, heading, records, line)));
                    }
                    let place = file.place.clone();
                    self.remember(place);
                    self.file = None;
                }
            }
        }
    }

    fn chunk(
        &mut self,
        text: Vec<u8>,
        heading: Option<Arc<str>>,
        records: u64,
        line: u64,
    ) -> Chunk<TextChunk> {
        let first = self.place.next;
        self.place.next += records;
        let (partition, file) = (self.partition, self.place.path.clone());
        let records_of_text =
            TextChunk { partition, first, text, heading, file, line, attributes: None };
        Chunk { partition, first, count: records, records: records_of_text }
    }

    /// Goes on where the contents of the file have gone that is read: to a copy that has more of them, or to the new contents.
    fn replaced(&mut self) -> io::Result<()> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let place = file.place;
        self.file = siblings::find(&self.place.path, &place)?;
        if self.file.is_none() {
            tracing::warn!(
                "{} was truncated at byte {} or later, and no copy is beside it; records behind that may be lost",
                self.path().display(),
                place.offset
            );
            self.remember(place);
        }
        Ok(())
    }

    fn remember(&mut self, place: super::place::FilePlace) {
        let finished = &mut self.place.finished;
        finished.push(place);
        if finished.len() > REMEMBERED {
            finished.remove(0);
        }
    }
}
