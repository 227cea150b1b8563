//! The log of a stream whose records are pushed: the journal's records as lines.

use std::{borrow::Cow, sync::Arc};

use anomal_core::{Code, Error, RejectedRecord, Result};
use anomal_dataflow::{RecordAttributes, TextChunk};
use anomal_ingest::{Journal, JournalLog, JournalOptions, OpenDoor, Record};
use anomal_spec::{InputDriver, time_zone};
use anomal_storage::Secrets;
use anomal_stream::{Cause, Chunk, Log, Positions};
use futures::future::join_all;
use tokio::sync::Mutex;

use super::{columns, door::ClosedDoor, syslog::SyslogReader};
use crate::{
    source::{FirstRecords, Sample, raw_text},
    value_line::{line, sample_lines},
};

/// Records and bytes from which types are inferred at most.
const SAMPLE_RECORDS: usize = 1_000;
const SAMPLE_BYTES: usize = 1 << 20;

/// The journal of an input, and its doors.
pub struct PushedLog {
    log: JournalLog,
    doors: PushedDoors,
    reader: RecordReader,
}

/// The doors of an input. Clones are the same doors.
#[derive(Clone)]
pub struct PushedDoors(Arc<Mutex<Doors>>);

#[derive(Default)]
struct Doors {
    closed: Vec<ClosedDoor>,
    open: Vec<OpenDoor>,
}

impl PushedDoors {
    /// Takes no more records, and waits for requests that are under way.
    pub async fn close(self) {
        let doors = std::mem::take(&mut *self.0.lock().await);
        join_all(doors.open.into_iter().map(OpenDoor::close)).await;
    }
}

/// How records become lines.
struct RecordReader {
    /// The driver.
    name: &'static str,
    /// Of messages; other records are JSON.
    syslog: Option<SyslogReader>,
}

impl PushedLog {
    /// Opens the journal of an input and takes its address. `listen`: whether the door will be opened.
    ///
    /// # Errors
    /// `InvalidSettings` if a secret is unusable; `Unavailable` if the address is taken; `Output` if the journal can't be
    /// opened.
    pub fn open(
        driver: InputDriver<'_>,
        journal: JournalOptions,
        secrets: &Secrets,
        listen: bool,
    ) -> Result<Self> {
        let journal = Journal::open(journal)
            .map_err(|error| Error::new(Code::Output, "JOURNAL", error.to_string()))?;
        let closed = if listen { ClosedDoor::bind(driver, secrets)? } else { Vec::new() };
        let syslog = match driver {
            InputDriver::Syslog(input) => {
                let zone = time_zone(&input.time_zone).map_err(|message| {
                    Error::settings("input.syslog.timeZone", "BAD_ZONE", message)
                })?;
                Some(SyslogReader::new(zone))
            }
            _ => None,
        };
        let doors = Arc::new(Mutex::new(Doors { closed, open: Vec::new() }));
        let doors = PushedDoors(doors);
        let reader = RecordReader { name: driver.name(), syslog };
        Ok(Self { log: JournalLog::new(journal), doors, reader })
    }

    /// Opens the doors, if they are to be opened and were not.
    ///
    /// # Errors
    /// `InvalidSettings` if a certificate can't be used.
    pub async fn listen(&self) -> Result<()> {
        let mut doors = self.doors.0.lock().await;
        if doors.closed.is_empty() {
            return Ok(());
        }
        let appender = self.log.journal().appender();
        let appender = appender.map_err(|error| Error::internal(error.to_string()))?;
        for closed in std::mem::take(&mut doors.closed) {
            doors.open.push(closed.open(appender.clone()).await?);
        }
        Ok(())
    }

    /// What closes the doors.
    pub fn doors(&self) -> PushedDoors {
        self.doors.clone()
    }

    /// Records that were taken since the journal began.
    pub(super) fn taken(&self) -> u64 {
        self.log.journal().next()
    }

    /// The first records that can be read; none if there are none.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn sample(&self) -> Result<FirstRecords, Cause> {
        let first = self.log.first(SAMPLE_RECORDS, SAMPLE_BYTES)?;
        let bytes: usize = first.iter().map(|record| record.text.len()).sum();
        let lines = first.iter().filter_map(|record| self.reader.line(record).ok());
        let sample =
            Sample { name: self.reader.name.into(), text: sample_lines(lines, true).into() };
        Ok(FirstRecords {
            sample: Some(sample).filter(|sample| !sample.text.is_empty()),
            full: first.len() >= SAMPLE_RECORDS || bytes >= SAMPLE_BYTES,
            caught_up: true,
        })
    }

    /// Records that were taken and are gone.
    pub fn lost(&self) -> u64 {
        self.log.lost()
    }
}

impl RecordReader {
    /// A record as a line of JSON.
    ///
    /// # Errors
    /// Why it can't be one.
    fn line<'a>(&self, record: &'a Record) -> Result<Cow<'a, [u8]>, &'a str> {
        match &self.syslog {
            _ if !record.refused.is_empty() => Err(&record.refused),
            Some(syslog) => Ok(Cow::Owned(syslog.object(record))),
            None => line(&record.text, true),
        }
    }

    /// # Errors
    /// A defect.
    fn chunk(&self, chunk: Chunk<Vec<Record>>) -> Result<Chunk<TextChunk>> {
        let Chunk { partition, first, count, records } = chunk;
        let name = self.name;
        let (mut text, mut rejected) = (Vec::new(), Vec::new());
        let mut good: Vec<&Record> = Vec::with_capacity(records.len());
        for record in &records {
            match self.line(record) {
                Ok(line) => {
                    text.extend_from_slice(&line);
                    text.push(b'\n');
                    good.push(record);
                }
                Err(reason) => rejected.push(RejectedRecord {
                    file: format!("{name} {}", record.sender).trim_end().to_owned(),
                    line: 1,
                    row: record.number,
                    column: None,
                    reason: reason.to_owned(),
                    raw: raw_text(&record.text),
                }),
            }
        }
        let attributes = RecordAttributes {
            offsets: good.iter().map(|record| record.number).collect(),
            columns: columns::frame(&good)?,
            rejected,
        };
        let attributes = Some(Box::new(attributes));
        let records = TextChunk { partition, first, text, file: name.into(), line: 1, attributes };
        Ok(Chunk { partition, first, count, records })
    }
}

impl PushedLog {
    /// All records so far as lines, for a file.
    ///
    /// # Errors
    /// The journal can't be read, or the file can't be written.
    pub(super) fn write_lines(&mut self, file: &mut impl std::io::Write) -> Result<(), Cause> {
        while let Some(chunk) = self.log.read()? {
            for record in chunk.records {
                let mut text = record.text.to_vec();
                text.iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
                file.write_all(&text)?;
                file.write_all(b"\n")?;
            }
        }
        Ok(())
    }
}

impl Log for PushedLog {
    type Records = TextChunk;

    fn read(&mut self) -> Result<Option<Chunk<TextChunk>>, Cause> {
        let Some(chunk) = self.log.read()? else { return Ok(None) };
        Ok(Some(self.reader.chunk(chunk)?))
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        self.log.place()
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        self.log.restore(place)
    }

    fn caught_up(&self) -> bool {
        self.log.caught_up()
    }

    fn keeps_records(&self) -> bool {
        self.log.keeps_records()
    }

    fn released(&mut self, positions: &Positions) {
        self.log.released(positions);
    }
}
