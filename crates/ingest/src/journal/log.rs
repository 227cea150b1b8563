//! A journal as the log of a stream.

use std::{io, sync::Arc};

use anomal_stream::{Cause, Chunk, Log, Positions};

use super::{
    Journal,
    reader::{Place, Reader},
};
use crate::record::Record;

/// The number of a journal's only partition.
pub(super) const PARTITION: u32 = 0;
/// Records of a chunk.
pub(super) const RECORDS: usize = 4096;

/// The records of a journal, from the oldest on.
pub struct JournalLog {
    journal: Journal,
    reader: Reader,
    caught_up: bool,
}

impl JournalLog {
    pub fn new(journal: Journal) -> Self {
        let reader = Reader::new(Arc::clone(&journal.shared));
        Self { journal, reader, caught_up: false }
    }

    pub fn journal(&self) -> &Journal {
        &self.journal
    }

    /// The records that [`read`](Log::read) returns next, at most so many with about so many bytes. They are not consumed.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn first(&self, records: usize, bytes: usize) -> Result<Vec<Record>, Cause> {
        let mut reader = self.reader.clone();
        let (mut first, mut size): (Vec<Record>, usize) = (Vec::new(), 0);
        while first.len() < records && size < bytes {
            let more = reader.read(records - first.len())?;
            if more.is_empty() {
                break;
            }
            size += more.iter().map(|record| record.text.len()).sum::<usize>();
            first.extend(more);
        }
        Ok(first)
    }

    pub(super) fn reader(&self) -> &Reader {
        &self.reader
    }

    /// All records before a number.
    ///
    /// # Errors
    /// The journal can't be read. Then none is consumed.
    pub(super) fn read_to(&mut self, number: u64) -> io::Result<Vec<Record>> {
        let mut reader = self.reader.clone();
        let mut records = Vec::new();
        loop {
            let more = reader.read_before(RECORDS, number)?;
            if more.is_empty() {
                break;
            }
            records.extend(more);
        }
        self.reader = reader;
        Ok(records)
    }

    /// Records that were taken and are gone, since they are damaged or their segments were removed by others.
    pub fn lost(&self) -> u64 {
        self.reader.place().lost
    }
}

impl Log for JournalLog {
    type Records = Vec<Record>;

    fn read(&mut self) -> Result<Option<Chunk<Vec<Record>>>, Cause> {
        let records = self.reader.read(RECORDS)?;
        self.caught_up = records.is_empty();
        let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(None) };
        let (first, count) = (first.number, last.number + 1 - first.number);
        Ok(Some(Chunk { partition: PARTITION, first, count, records }))
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        Ok(serde_json::to_vec(&self.reader.place())?)
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        let place: Place = serde_json::from_slice(place)?;
        let folder = self.journal.shared.folder.display();
        let before = self.journal.next();
        if self.journal.advance_to(place.next)? {
            tracing::warn!(
                "{folder}: the journal ends at record {before}, and {} were read from it; numbers go on behind them",
                place.next
            );
        }
        self.reader.resume(place);
        Ok(())
    }

    fn caught_up(&self) -> bool {
        self.caught_up
    }

    fn keeps_records(&self) -> bool {
        true
    }

    fn released(&mut self, positions: &Positions) {
        self.journal.release(positions.next(PARTITION));
    }
}
