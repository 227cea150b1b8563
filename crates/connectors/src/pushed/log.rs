//! The log of a stream whose records are pushed: the journal's records as lines.

use std::{borrow::Cow, sync::Arc};

use anomal_core::{Code, Error, RejectedRecord, Result};
use anomal_dataflow::{RecordAttributes, TextChunk};
use anomal_ingest::{
    Collected, Journal, JournalLog, JournalOptions, OpenDoor, Record, Window, WindowLog,
    WindowOptions,
};
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
    log: Records,
    doors: PushedDoors,
    reader: RecordReader,
}

/// The records of a journal.
enum Records {
    /// As they come.
    Each(JournalLog),
    /// Those of a window at once.
    Windows(WindowLog),
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

impl Records {
    fn each(&self) -> &JournalLog {
        match self {
            Self::Each(records) => records,
            Self::Windows(windows) => windows.records(),
        }
    }
}

impl PushedLog {
    /// Opens the journal of an input and takes its address. `listen`: whether the door will be opened. `windows`: how records
    /// are collected, if they are judged together.
    ///
    /// # Errors
    /// `InvalidSettings` if a secret is unusable; `Unavailable` if the address is taken; `Output` if the journal can't be
    /// opened.
    pub fn open(
        driver: InputDriver<'_>,
        journal: JournalOptions,
        secrets: &Secrets,
        windows: Option<WindowOptions>,
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
                Some(SyslogReader::new(zone, input.rfc, input.parse))
            }
            _ => None,
        };
        let doors = Arc::new(Mutex::new(Doors { closed, open: Vec::new() }));
        let doors = PushedDoors(doors);
        let reader = RecordReader { name: driver.name(), syslog };
        let records = JournalLog::new(journal);
        let log = match windows {
            Some(options) => Records::Windows(WindowLog::new(records, options)),
            None => Records::Each(records),
        };
        Ok(Self { log, doors, reader })
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
        let appender = self.log.each().journal().appender();
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
        self.log.each().journal().next()
    }

    /// The first records that can be read; none if there are none.
    ///
    /// # Errors
    /// The journal can't be read.
    pub fn sample(&self) -> Result<FirstRecords, Cause> {
        let first = self.log.each().first(SAMPLE_RECORDS, SAMPLE_BYTES)?;
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
        self.log.each().lost()
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
    fn chunk(&self, chunk: Chunk<Vec<Record>>, window: Option<Window>) -> Result<Chunk<TextChunk>> {
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
            window: window.map(|window| (window.from, window.to)),
        };
        let attributes = Some(Box::new(attributes));
        let records = TextChunk {
            partition,
            first,
            text,
            heading: None,
            file: name.into(),
            line: 1,
            attributes,
        };
        Ok(Chunk { partition, first, count, records })
    }
}

impl PushedLog {
    /// All records so far as lines, for a file.
    ///
    /// # Errors
    /// The journal can't be read, or the file can't be written.
    pub(super) fn write_lines(&mut self, file: &mut impl std::io::Write) -> Result<(), Cause> {
        let Records::Each(log) = &mut self.log else { return Ok(()) };
        while let Some(chunk) = log.read()? {
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
        match &mut self.log {
            Records::Each(log) => {
                let Some(chunk) = log.read()? else { return Ok(None) };
                Ok(Some(self.reader.chunk(chunk, None)?))
            }
            Records::Windows(log) => {
                let Some(chunk) = log.read()? else { return Ok(None) };
                let Chunk { partition, first, count, records: Collected { window, records } } =
                    chunk;
                if window.cut {
                    tracing::warn!(
                        "a window ends after {} records, since more do not fit into memory; those behind them are another:                          a shorter `collectionTime` has fewer",
                        records.len()
                    );
                }
                let chunk = Chunk { partition, first, count, records };
                Ok(Some(self.reader.chunk(chunk, Some(window))?))
            }
        }
    }

    fn place(&self) -> Result<Vec<u8>, Cause> {
        match &self.log {
            Records::Each(log) => log.place(),
            Records::Windows(log) => log.place(),
        }
    }

    fn restore(&mut self, place: &[u8]) -> Result<(), Cause> {
        match &mut self.log {
            Records::Each(log) => log.restore(place),
            Records::Windows(log) => log.restore(place),
        }
    }

    fn replays_to(&mut self, newest: &[u8]) -> Result<(), Cause> {
        match &mut self.log {
            Records::Each(log) => log.replays_to(newest),
            Records::Windows(log) => log.replays_to(newest),
        }
    }

    fn caught_up(&self) -> bool {
        match &self.log {
            Records::Each(log) => log.caught_up(),
            Records::Windows(log) => log.caught_up(),
        }
    }

    fn must_save(&self) -> bool {
        match &self.log {
            Records::Each(log) => log.must_save(),
            Records::Windows(log) => log.must_save(),
        }
    }

    fn saving(&mut self) {
        match &mut self.log {
            Records::Each(log) => log.saving(),
            Records::Windows(log) => log.saving(),
        }
    }

    fn saved(&mut self, positions: &Positions) {
        match &mut self.log {
            Records::Each(log) => log.saved(positions),
            Records::Windows(log) => log.saved(positions),
        }
    }

    fn keeps_records(&self) -> bool {
        self.log.each().keeps_records()
    }

    fn released(&mut self, positions: &Positions) {
        match &mut self.log {
            Records::Each(log) => log.released(positions),
            Records::Windows(log) => log.released(positions),
        }
    }
}
