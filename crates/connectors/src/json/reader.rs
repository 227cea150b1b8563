//! Reads JSON records behind the first ones. Records are parsed and put into columns in parallel, some thousands at a time.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
};

use anomal_core::{Batch, Element, Result, proto::Diagnostic};
use anomal_dataflow::Reader;
use anomal_spec::DuplicateMembers;
use rayon::prelude::*;

use super::{
    columns::{ChunkColumns, Layout, Misfit},
    flat::FlatChunk,
    names::Names,
    settings::JsonSettings,
};
use crate::{
    datetime::Years,
    findings::TypeFindings,
    records::{BadRecord, Begin, RawBatch, RecordSpan, Records, remove},
    typing::{self, INFER_FROM, TypeRules, View},
};

/// Records that are parsed at a time.
const CHUNK: usize = 4096;
/// Names of a kind that are reported one by one.
const REPORTED: usize = 20;

pub(super) struct JsonReader {
    pub records: Records,
    pub settings: Arc<JsonSettings>,
    pub layout: Arc<Layout>,
    pub rules: Arc<TypeRules>,
    pub views: Vec<View>,
    /// Of times without a year.
    pub years: Years,
    /// The first records, which were read to determine the columns.
    pub first: VecDeque<ParsedBatch>,
    /// Names without a column, and names that a record had twice, that have been reported.
    pub reported: [HashSet<String>; 2],
}

/// Records and their values.
pub(super) struct ParsedBatch {
    pub raw: RawBatch,
    pub chunks: Vec<ParsedChunk>,
}

/// Up to [`CHUNK`] records.
pub(super) struct ParsedChunk {
    pub flat: FlatChunk,
    /// The places of the records in the chunk that have values, and those that have none with the reason.
    pub good: Vec<usize>,
    bad: Vec<(usize, String)>,
}

/// Why a record of a batch is not among its rows.
enum Problem {
    Invalid(String),
    Misfit(Misfit),
}

/// What is to be known of a chunk when its records are in columns.
struct ChunkReport {
    /// By place in the chunk, ascending.
    problems: Vec<(usize, Problem)>,
    unknown: Vec<String>,
    /// Whether there were more names than can be followed.
    full: bool,
    /// Names that a record had twice, with the place of the first such record.
    duplicates: Vec<(String, usize)>,
}

impl ParsedBatch {
    /// The chunks, each with the texts of its records that have values.
    pub fn good_records(&self) -> impl Iterator<Item = (&ParsedChunk, impl Iterator<Item = &str>)> {
        self.chunks.iter().zip(self.raw.records.chunks(CHUNK)).map(move |(chunk, spans)| {
            (chunk, chunk.good.iter().map(move |index| self.raw.record(&spans[*index])))
        })
    }

    /// The places of the records that have values.
    pub fn good_spans(&self) -> impl Iterator<Item = &RecordSpan> {
        let chunks = self.chunks.iter().zip(self.raw.records.chunks(CHUNK));
        chunks.flat_map(|(chunk, spans)| chunk.good.iter().map(move |index| &spans[*index]))
    }
}

impl ParsedChunk {
    fn parse(raw: &RawBatch, spans: &[RecordSpan], names: Names, settings: &JsonSettings) -> Self {
        let errors = settings.input.duplicate_names == DuplicateMembers::Error;
        let mut flat = FlatChunk::new(names, errors);
        let (mut good, mut bad) = (Vec::with_capacity(spans.len()), Vec::new());
        for (index, span) in spans.iter().enumerate() {
            match flat.push(raw.record(span)) {
                Ok(()) => good.push(index),
                Err(reason) => bad.push((index, reason)),
            }
        }
        Self { flat, good, bad }
    }

    fn columns(
        self,
        raw: &RawBatch,
        spans: &[RecordSpan],
        layout: &Layout,
    ) -> Result<(ChunkColumns, ChunkReport)> {
        let Self { flat, good, bad } = self;
        let mut columns =
            layout.columns(&flat, good.iter().map(|index| raw.record(&spans[*index])))?;
        let misfits = std::mem::take(&mut columns.misfits).into_iter();
        let misfits = misfits.map(|(index, misfit)| (good[index], Problem::Misfit(misfit)));
        let bad = bad.into_iter().map(|(index, reason)| (index, Problem::Invalid(reason)));
        let mut problems: Vec<(usize, Problem)> = misfits.chain(bad).collect();
        problems.sort_by_key(|(index, _)| *index);
        let duplicates = flat.duplicates.iter();
        let duplicates =
            duplicates.map(|(name, index)| (flat.names.path(*name).to_owned(), good[*index]));
        let (duplicates, unknown) = (duplicates.collect(), std::mem::take(&mut columns.unknown));
        let full = flat.names.is_full();
        Ok((columns, ChunkReport { problems, unknown, full, duplicates }))
    }
}

impl JsonReader {
    /// Reads the next records and parses them, without columns.
    pub fn read_parsed(&mut self, begin: Begin<'_>) -> Option<ParsedBatch> {
        let raw = self.records.read_batch(begin);
        if raw.is_end() {
            return None;
        }
        let settings = self.settings.as_ref();
        let chunks = raw.records.par_chunks(CHUNK);
        let chunks =
            chunks.map(|spans| ParsedChunk::parse(&raw, spans, Names::default(), settings));
        let chunks = chunks.collect();
        Some(ParsedBatch { raw, chunks })
    }

    /// The rows of records that have been parsed.
    pub fn parsed_batch(&mut self, parsed: ParsedBatch) -> Result<Batch> {
        let ParsedBatch { raw, chunks } = parsed;
        let spans = raw.records.par_chunks(CHUNK);
        let chunks = chunks.into_par_iter().zip(spans);
        let chunks = chunks.map(|(chunk, spans)| chunk.columns(&raw, spans, &self.layout));
        let chunks = chunks.collect::<Result<_>>()?;
        self.batch(raw, chunks)
    }

    /// The rows of the next records; nothing at the end.
    pub fn read_batch(&mut self) -> Result<Option<Batch>> {
        let settings = Arc::clone(&self.settings);
        let raw = self.records.read_batch(&mut |file| settings.begin(file));
        if raw.is_end() {
            return Ok(None);
        }
        let chunks = raw.records.par_chunks(CHUNK).map(|spans| {
            let chunk = ParsedChunk::parse(&raw, spans, self.layout.names(), &self.settings);
            chunk.columns(&raw, spans, &self.layout)
        });
        let chunks = chunks.collect::<Result<_>>()?;
        self.batch(raw, chunks).map(Some)
    }

    fn batch(
        &mut self,
        mut raw: RawBatch,
        chunks: Vec<(ChunkColumns, ChunkReport)>,
    ) -> Result<Batch> {
        let mut bad = Vec::new();
        let mut diagnostics = Vec::new();
        let mut columns = Vec::with_capacity(chunks.len());
        let mut ended = false;
        for (place, (chunk, report)) in chunks.into_iter().enumerate() {
            let first = place * CHUNK;
            for (name, index) in report.duplicates {
                if let Some(span) = raw.records.get(first + index) {
                    let place = self.records.policy.place(span);
                    self.note_duplicate(&name, &place);
                }
            }
            for name in report.unknown {
                diagnostics.extend(self.unknown_name(name));
            }
            if report.full {
                self.note_full();
            }
            for (index, problem) in report.problems {
                let index = first + index;
                let reason = match problem {
                    Problem::Invalid(reason) => BadRecord::new(reason),
                    Problem::Misfit(Misfit { column, class, text, .. })
                        if self.layout.can_restart =>
                    {
                        let place = self.records.policy.place(&raw.records[index]);
                        return Err(TypeFindings::widen(&column, class, &text, &place));
                    }
                    Problem::Misfit(Misfit { column, text, wanted, .. }) => {
                        let reason = typing::mismatch_message(&text, wanted);
                        BadRecord { column: Some(column), reason }
                    }
                };
                bad.push(index);
                ended = self.records.policy.reject(&mut raw, index, reason);
                if ended {
                    break;
                }
            }
            columns.push(chunk);
            if ended {
                break;
            }
        }
        let height = raw.records.len() - bad.len();
        remove(&mut raw.records, &bad);
        let source = self.layout.concat(columns, height)?;
        let batch = self.records.policy.batch(raw, source, &self.views, &self.rules)?;
        Ok(batch.with_diagnostics(diagnostics))
    }

    fn note_duplicate(&mut self, name: &str, place: &str) {
        let reported = &mut self.reported[1];
        if reported.len() < REPORTED && reported.insert(name.to_owned()) {
            self.rules.findings.note(Diagnostic {
                path: self.settings.place.to_owned(),
                reason: "DUPLICATE_NAME".to_owned(),
                message: format!(
                    "`{name}` is in a record twice ({place}), and the last value is read; `duplicateNames: error` rejects \
                     such records"
                ),
                count: 0,
            });
        }
    }

    fn note_full(&self) {
        self.rules.findings.note(Diagnostic {
            path: self.settings.place.to_owned(),
            reason: "TOO_MANY_NAMES".to_owned(),
            message: "records have so many different names that the values of some are dropped; names are those of \
                      members, and no values such as ids"
                .to_owned(),
            count: 0,
        });
    }

    /// The note for a name without a column, if it is the first time.
    fn unknown_name(&mut self, name: String) -> Option<Diagnostic> {
        let reported = &mut self.reported[0];
        if reported.len() > REPORTED || reported.contains(&name) {
            return None;
        }
        let message = if reported.len() == REPORTED {
            format!("more names than these {REPORTED} have no column, and their values are dropped")
        } else {
            format!(
                "`{name}`: no column, since the first {INFER_FROM} records do not have it, and its values are dropped; name \
                 it in types to read it"
            )
        };
        reported.insert(name);
        let (path, reason) = (self.settings.place.to_owned(), "UNKNOWN_NAME".to_owned());
        Some(Diagnostic { path, reason, message, count: 0 })
    }
}

impl Reader for JsonReader {
    fn next(&mut self) -> Result<Element> {
        let batch = match self.first.pop_front() {
            Some(parsed) => Some(self.parsed_batch(parsed)?),
            None => self.read_batch()?,
        };
        let Some(batch) = batch else { return Ok(Element::End) };
        let batch = typing::resolve_years(&mut self.years, batch, &self.rules)?;
        let batch = batch.with_progress(self.records.files.progress());
        Ok(Element::Batch(Box::new(batch)))
    }
}
