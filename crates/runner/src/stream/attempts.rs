//! Records at which the process itself has ended, by a lack of memory or a defect that nothing can catch.
//!
//! What it was doing then is known by marks in the store of the checkpoints, which are removed when that is done. Each process sets
//! one. A process that begins where another has ended without a checkpoint sets one for each chunk too; a chunk at which a process
//! has ended is judged record by record, with a mark for each; and a record at which three have ended is left out, by a replay too.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    ops::Range,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use anomal_connectors::StreamResults;
use anomal_core::{Batch, Code, Error, Result};
use anomal_dataflow::{RecordAttributes, TextChunk};
use anomal_stream::{Cause, Chunk, Judge, Store};

use super::judge::StreamJudge;

/// A record at which so many processes have ended is left out.
const MOST: u32 = 3;
/// Behind so many checkpoints with new records nothing is marked any more: where another process has ended is passed.
const WATCHED_CHECKPOINTS: u32 = 2;
const ENDING: &str = ".mark";

/// What a process was doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mark {
    /// The how manieth process that began behind so many records.
    Process { records: u64, number: u32 },
    /// The records of a chunk, whose last is before `end`.
    Chunk { partition: u32, first: u64, end: u64 },
    /// The how manieth try to judge a record.
    Record { partition: u32, offset: u64, number: u32 },
    /// A record that is left out; never removed.
    LeftOut { partition: u32, offset: u64 },
}

impl fmt::Display for Mark {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Process { records, number } => write!(to, "process-{records}-{number}{ENDING}"),
            Self::Chunk { partition, first, end } => {
                write!(to, "chunk-{partition}-{first}-{end}{ENDING}")
            }
            Self::Record { partition, offset, number } => {
                write!(to, "record-{partition}-{offset}-{number}{ENDING}")
            }
            Self::LeftOut { partition, offset } => {
                write!(to, "omitted-{partition}-{offset}{ENDING}")
            }
        }
    }
}

impl Mark {
    /// The mark with a name.
    fn of_name(name: &str) -> Option<Self> {
        let mut parts = name.strip_suffix(ENDING)?.split('-');
        let kind = parts.next()?;
        let numbers = parts.map(|part| part.parse::<u64>().ok()).collect::<Option<Vec<u64>>>()?;
        let small = |number: u64| u32::try_from(number).ok();
        match (kind, numbers.as_slice()) {
            ("process", &[records, number]) => {
                Some(Self::Process { records, number: small(number)? })
            }
            ("chunk", &[partition, first, end]) => {
                Some(Self::Chunk { partition: small(partition)?, first, end })
            }
            ("record", &[partition, offset, number]) => {
                Some(Self::Record { partition: small(partition)?, offset, number: small(number)? })
            }
            ("omitted", &[partition, offset]) => {
                Some(Self::LeftOut { partition: small(partition)?, offset })
            }
            _ => None,
        }
    }
}

/// The marks of a stream, as a process continues it.
pub(super) struct Attempts {
    store: Arc<dyn Store>,
    /// Whether chunks are marked.
    is_watching: bool,
    /// Checkpoints that are begun with records of this process.
    checkpoints: AtomicU32,
    has_judged: bool,
    /// The chunks at which a process has ended.
    chunks: Vec<(u32, Range<u64>)>,
    /// How many processes have ended at a record.
    ends: BTreeMap<(u32, u64), u32>,
    left_out: BTreeSet<(u32, u64)>,
}

/// The mark of a process that runs. It stays if the process ends without a word.
pub(super) struct Running {
    store: Arc<dyn Store>,
    records: u64,
    number: u32,
}

impl Running {
    /// The process ends as it should, or says why it does not.
    pub fn end(self) {
        for number in 1..=self.number {
            let mark = Mark::Process { records: self.records, number };
            // It costs the next process some marks.
            let _ = self.store.remove(&mark.to_string());
        }
    }
}

impl Attempts {
    /// Sets the mark of a process that begins behind so many records.
    ///
    /// # Errors
    /// The store can't be read.
    pub fn begin(store: Arc<dyn Store>, records: u64) -> Result<(Self, Running), Cause> {
        let mut before = 0;
        let mut attempts = Self {
            store: Arc::clone(&store),
            is_watching: false,
            checkpoints: AtomicU32::new(0),
            has_judged: false,
            chunks: Vec::new(),
            ends: BTreeMap::new(),
            left_out: BTreeSet::new(),
        };
        for mark in store.list()?.iter().filter_map(|name| Mark::of_name(name)) {
            match mark {
                Mark::Process { records: begun, number } if begun == records => {
                    before = number.max(before);
                }
                Mark::Process { .. } => attempts.unset(mark),
                Mark::Chunk { partition, first, end } => {
                    attempts.chunks.push((partition, first..end));
                }
                Mark::Record { partition, offset, number } => {
                    let ends = attempts.ends.entry((partition, offset)).or_default();
                    *ends = number.max(*ends);
                }
                Mark::LeftOut { partition, offset } => {
                    attempts.left_out.insert((partition, offset));
                }
            }
        }
        attempts.is_watching = before > 0 || !attempts.chunks.is_empty();
        let number = before + 1;
        attempts.set(Mark::Process { records, number });
        Ok((attempts, Running { store, records, number }))
    }

    /// Judges a chunk by a judge, without the records at which processes have ended.
    pub async fn judge(
        &mut self,
        judge: &mut StreamJudge,
        chunk: Chunk<TextChunk>,
    ) -> Result<StreamResults, Cause> {
        self.has_judged = true;
        if self.checkpoints.load(Ordering::Relaxed) >= WATCHED_CHECKPOINTS {
            self.is_watching = false;
        }
        let (partition, first, end) = (chunk.partition, chunk.first, chunk.first + chunk.count);
        let has_ended = self
            .chunks
            .iter()
            .any(|(of, rows)| *of == partition && rows.start < end && first < rows.end);
        let mut left_out = self.left_out.range((partition, first)..(partition, end));
        if (has_ended || left_out.next().is_some())
            && let Some(records) = single_records(&chunk)
        {
            let results = self.each(judge, records, has_ended).await?;
            self.passed(partition, end);
            return Ok(results);
        }
        if !self.is_watching {
            return judge.judge(chunk).await;
        }
        let mark = Mark::Chunk { partition, first, end };
        self.set(mark);
        let results = judge.judge(chunk).await;
        self.unset(mark);
        results
    }

    /// A checkpoint is begun.
    pub fn saving(&self) {
        self.checkpoints.fetch_add(u32::from(self.has_judged), Ordering::Relaxed);
    }

    /// Judges records one by one. `marked`: a process has ended at one of them.
    async fn each(
        &mut self,
        judge: &mut StreamJudge,
        records: Vec<Chunk<TextChunk>>,
        marked: bool,
    ) -> Result<StreamResults, Cause> {
        let mut batches: Vec<Batch> = Vec::with_capacity(records.len());
        for record in records {
            let (partition, offset) = (record.partition, record.first);
            let ends = self.ends.get(&(partition, offset)).copied().unwrap_or(0);
            if ends >= MOST && self.left_out.insert((partition, offset)) {
                self.set(Mark::LeftOut { partition, offset });
            }
            let results = if self.left_out.contains(&(partition, offset)) {
                let message = format!(
                    "{MOST} processes have ended at it without a word, as by a lack of memory"
                );
                let error = Error::new(Code::Internal, "PROCESS_ENDED", message);
                judge.leave_out(record, error).await?
            } else if marked {
                let mark = Mark::Record { partition, offset, number: ends + 1 };
                self.set(mark);
                let results = judge.judge(record).await;
                self.unset(mark);
                results?
            } else {
                judge.judge(record).await?
            };
            for number in 1..=ends {
                self.unset(Mark::Record { partition, offset, number });
            }
            self.ends.remove(&(partition, offset));
            batches.extend(Arc::unwrap_or_clone(results.0));
        }
        Ok(StreamResults(Arc::new(batches)))
    }

    /// Forgets the chunks before an offset.
    fn passed(&mut self, partition: u32, end: u64) {
        let passed = |(of, rows): &(u32, Range<u64>)| *of == partition && rows.end <= end;
        for (partition, rows) in self.chunks.iter().filter(|chunk| passed(chunk)) {
            self.unset(Mark::Chunk { partition: *partition, first: rows.start, end: rows.end });
        }
        self.chunks.retain(|chunk| !passed(chunk));
    }

    /// Marks are for a case that is rare: a store that does not take them stops nothing.
    fn set(&self, mark: Mark) {
        if let Err(error) = self.store.mark(&mark.to_string()) {
            tracing::debug!("{mark} can't be created: {error}");
        }
    }

    fn unset(&self, mark: Mark) {
        if let Err(error) = self.store.remove(&mark.to_string()) {
            tracing::debug!("{mark} can't be removed: {error}");
        }
    }
}

/// A chunk of each record; none where the lines of a chunk are not its records.
fn single_records(chunk: &Chunk<TextChunk>) -> Option<Vec<Chunk<TextChunk>>> {
    let text = &chunk.records;
    let lines = text.text.split_inclusive(|byte| *byte == b'\n').zip(text.line..);
    let lines: Vec<(&[u8], u64)> =
        lines.filter(|(line, _)| !line.trim_ascii().is_empty()).collect();
    let attributes = text.attributes.as_deref();
    let offsets: Vec<u64> = match attributes {
        Some(attributes) => attributes.offsets.clone(),
        None => (chunk.first..chunk.first + chunk.count).collect(),
    };
    let last = offsets.last().copied()?;
    if lines.len() != offsets.len() {
        return None;
    }
    let mut rejected = attributes.map(|all| all.rejected.clone()).unwrap_or_default();
    rejected.sort_by_key(|record| record.row);
    let mut rejected = rejected.into_iter().peekable();
    let mut single = |place: usize, offset: u64, (line, number): (&[u8], u64)| {
        let attributes = attributes.map(|all| {
            let mut before = Vec::new();
            // Those that can't be read, with the one behind them, or the last one.
            while let Some(record) = rejected.next_if(|it| it.row < offset || offset == last) {
                before.push(record);
            }
            Box::new(RecordAttributes {
                offsets: vec![offset],
                columns: all.columns.slice(i64::try_from(place).unwrap_or(i64::MAX), 1),
                rejected: before,
                window: all.window,
            })
        });
        let records = TextChunk {
            partition: chunk.partition,
            first: offset,
            text: line.to_vec(),
            heading: text.heading.clone(),
            file: text.file.clone(),
            line: number,
            attributes,
        };
        Chunk { partition: chunk.partition, first: offset, count: 1, records }
    };
    let records = offsets.iter().zip(lines).enumerate();
    Some(records.map(|(place, (offset, line))| single(place, *offset, line)).collect())
}

#[cfg(test)]
mod tests {
    use anomal_core::RejectedRecord;
    use anomal_stream::FolderStore;
    use polars::prelude::df;

    use super::*;

    #[test]
    fn marks_have_names_of_their_own() {
        for mark in [
            Mark::Process { records: 7, number: 2 },
            Mark::Chunk { partition: 3, first: 10, end: u64::MAX },
            Mark::Record { partition: 0, offset: 5, number: 1 },
            Mark::LeftOut { partition: 1, offset: 0 },
        ] {
            assert_eq!(Mark::of_name(&mark.to_string()), Some(mark));
        }
        for name in ["0000000000000001.ckpt", "chunk-1-2.mark", "process-x-1.mark", "lock", ".mark"]
        {
            assert_eq!(Mark::of_name(name), None, "{name}");
        }
    }

    #[test]
    fn a_process_that_ends_without_a_word_is_known_by_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let store: Arc<dyn Store> = Arc::new(FolderStore::open(folder.path()).unwrap());
        let begin = |records| Attempts::begin(Arc::clone(&store), records).unwrap();
        assert!(!begin(0).0.is_watching);
        let (second, running) = begin(0);
        assert!(second.is_watching);
        running.end();
        assert!(!begin(0).0.is_watching);
        // It ended behind a checkpoint.
        assert!(!begin(100).0.is_watching);
        let (attempts, running) = begin(100);
        assert!(attempts.is_watching);
        attempts.set(Mark::Chunk { partition: 0, first: 100, end: 200 });
        attempts.set(Mark::Record { partition: 0, offset: 150, number: 1 });
        attempts.set(Mark::Record { partition: 0, offset: 150, number: 2 });
        running.end();
        let (mut attempts, running) = begin(100);
        assert!(attempts.is_watching);
        assert_eq!(attempts.ends, [((0, 150), 2)].into());
        attempts.passed(0, 199);
        assert_eq!(attempts.chunks, [(0, 100..200)]);
        attempts.passed(0, 200);
        running.end();
        let names = store.list().unwrap();
        let left: Vec<&String> = names.iter().filter(|name| name.starts_with("chunk")).collect();
        assert!(
            left.is_empty() && !names.iter().any(|name| name.starts_with("process")),
            "{names:?}"
        );
    }

    #[test]
    fn a_chunk_is_taken_apart_by_records() {
        let text = |text: &str, attributes| TextChunk {
            partition: 2,
            first: 10,
            text: text.as_bytes().to_vec(),
            heading: None,
            file: "app.ndjson".into(),
            line: 5,
            attributes,
        };
        let chunk = |count, records| Chunk { partition: 2, first: 10, count, records };
        let lines = "{\"a\":1}\n\n{\"a\":2}\n{\"a\":3}";
        let records = single_records(&chunk(3, text(lines, None))).unwrap();
        let places: Vec<(u64, u64)> =
            records.iter().map(|record| (record.first, record.records.line)).collect();
        assert_eq!(places, [(10, 5), (11, 7), (12, 8)]);
        assert_eq!(records[1].records.text, b"{\"a\":2}\n");
        assert!(single_records(&chunk(4, text(lines, None))).is_none());

        let rejected = |row| RejectedRecord {
            file: "t/0".into(),
            line: 1,
            row,
            column: None,
            reason: "a tombstone".into(),
            raw: String::new(),
        };
        let attributes = RecordAttributes {
            offsets: vec![11, 14, 15],
            columns: df!("key" => ["x", "y", "z"]).unwrap(),
            rejected: vec![rejected(16), rejected(10), rejected(12)],
            window: None,
        };
        let records = single_records(&chunk(7, text(lines, Some(Box::new(attributes))))).unwrap();
        let rows: Vec<Vec<u64>> = records
            .iter()
            .map(|record| {
                let attributes = record.records.attributes.as_ref().unwrap();
                assert_eq!(
                    (attributes.offsets.as_slice(), attributes.columns.height()),
                    (&[record.first][..], 1)
                );
                attributes.rejected.iter().map(|record| record.row).collect()
            })
            .collect();
        assert_eq!(rows, [vec![10], vec![12], vec![16]]);
        let total: u64 = records.iter().map(|record| record.records.records(record.count)).sum();
        assert_eq!(total, 6);
    }
}
