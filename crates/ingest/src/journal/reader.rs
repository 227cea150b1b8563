//! Reads the durable records of a journal from a place.

use std::{fs::File, io, os::unix::fs::FileExt, sync::Arc};

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::{
    Shared,
    frame::{self, Found},
    segment::{self, HEADER, Segment},
};
use crate::record::Record;

/// Bytes that are read at a time; more if a frame is longer.
const BLOCK: usize = 1 << 20;

/// Where reading is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The number of the first record of the segment.
    pub segment: u64,
    /// The offset in its file.
    pub offset: u64,
    /// The number of the next record.
    pub next: u64,
    /// Records that were taken and are gone.
    #[serde(default)]
    pub lost: u64,
}

#[derive(Clone)]
pub(super) struct Reader {
    shared: Arc<Shared>,
    place: Place,
    file: Option<(u64, Arc<File>)>,
}

/// What follows in a segment.
struct Part {
    records: Vec<Record>,
    /// Bytes that were passed.
    bytes: usize,
    damaged: bool,
    /// The next one is not to be read.
    ended: bool,
}

impl Reader {
    /// Reads from the oldest record.
    pub fn new(shared: Arc<Shared>) -> Self {
        let next = shared.lock().segments.front().map_or(0, |segment| segment.first);
        Self { shared, place: Place { next, ..Place::default() }, file: None }
    }

    pub fn place(&self) -> Place {
        self.place
    }

    /// Continues at a place. If it is not there any more, at the first record behind it.
    pub fn resume(&mut self, place: Place) {
        self.file = None;
        self.place = place;
    }

    /// The next records, about a block of them; none if there are no more.
    ///
    /// # Errors
    /// The segment can't be read.
    pub fn read(&mut self, most: usize) -> io::Result<Vec<Record>> {
        self.read_before(most, u64::MAX)
    }

    /// As [`Reader::read`], of the records before a number.
    ///
    /// # Errors
    /// The segment can't be read.
    pub fn read_before(&mut self, most: usize, number: u64) -> io::Result<Vec<Record>> {
        loop {
            let Some(segment) = self.segment() else {
                // An open file would keep its room on the disk.
                self.file = None;
                return Ok(Vec::new());
            };
            let part = self.part(&segment, most, number)?;
            if part.damaged {
                tracing::warn!(
                    "{}: at {} are {} damaged bytes; the records in them are left out",
                    self.shared.folder.join(segment::name(segment.first)).display(),
                    self.place.offset,
                    part.bytes
                );
            }
            self.place.offset += part.bytes as u64;
            let next = self.place.next;
            let mut records = part.records;
            records.retain(|record| record.number >= next);
            let Some(last) = records.last() else {
                if part.ended {
                    return Ok(records);
                }
                continue;
            };
            // Numbers follow each other, but for what is damaged.
            let end = last.number + 1;
            self.place.lost += end - next - records.len() as u64;
            self.place.next = end;
            return Ok(records);
        }
    }

    /// The segment of the place, or the next one if nothing is behind the place there.
    fn segment(&mut self) -> Option<Segment> {
        let state = self.shared.lock();
        let at = state.segments.iter().position(|segment| segment.first == self.place.segment);
        let current = at.and_then(|at| state.segments.get(at));
        let is_known =
            |segment: &&Segment| (HEADER as u64..=segment.bytes).contains(&self.place.offset);
        let segment = match (at, current.filter(is_known)) {
            (_, Some(segment)) if self.place.offset < segment.bytes => return Some(*segment),
            (Some(at), Some(_)) => state.segments.get(at + 1),
            // It was removed, or is not that one: the last that may have the record.
            _ => {
                let later = |segment: &&Segment| segment.first > self.place.next;
                let before = state.segments.iter().take_while(|segment| !later(segment)).last();
                before.or(state.segments.front())
            }
        };
        let segment = segment.copied()?;
        drop(state);
        self.place.segment = segment.first;
        self.place.offset = HEADER as u64;
        (segment.bytes > HEADER as u64).then_some(segment)
    }

    /// Whole frames from the place on, of records before a number.
    fn part(&mut self, segment: &Segment, most: usize, number: u64) -> io::Result<Part> {
        let left = usize::try_from(segment.bytes - self.place.offset).unwrap_or(usize::MAX);
        let mut wanted = BLOCK.min(left);
        loop {
            let bytes = self.bytes(segment.first, wanted)?;
            let (mut at, mut records, mut ended) = (0, Vec::new(), false);
            while records.len() < most && !ended {
                match frame::decode(segment.seed, &bytes, at) {
                    Found::Record(record, _) if record.number >= number => ended = true,
                    Found::Record(record, end) => {
                        records.push(record);
                        at = end;
                    }
                    _ if at > 0 => break,
                    Found::Short(needed) if wanted < left && needed > wanted => {
                        wanted = needed.min(left);
                        break;
                    }
                    Found::Short(_) | Found::Damaged => return self.behind(segment, left),
                }
            }
            if at > 0 || ended {
                return Ok(Part { records, bytes: at, damaged: false, ended });
            }
        }
    }

    /// The first whole frame behind a damaged one.
    fn behind(&mut self, segment: &Segment, left: usize) -> io::Result<Part> {
        let bytes = self.bytes(segment.first, left)?;
        let found = frame::search(segment.seed, &bytes, 0, self.place.next);
        let skipped = found.unwrap_or(left);
        Ok(Part { records: Vec::new(), bytes: skipped, damaged: true, ended: false })
    }

    fn bytes(&mut self, first: u64, length: usize) -> io::Result<Bytes> {
        let file = match &self.file {
            Some((known, file)) if *known == first => Arc::clone(file),
            _ => {
                let opened = Arc::new(File::open(self.shared.folder.join(segment::name(first)))?);
                self.file = Some((first, Arc::clone(&opened)));
                opened
            }
        };
        let mut bytes = vec![0; length];
        file.read_exact_at(&mut bytes, self.place.offset)?;
        Ok(bytes.into())
    }
}
