//! Encodes rows as documents of the Elastic Common Schema (docs/results.md), directly as JSON.
//!
//! Constant fields are encoded once per run; columns are looked up and converted once per batch; a row only copies.

mod cells;
mod lists;
mod tree;

use std::collections::{HashMap, HashSet};

use anomal_core::{Result, Table};
use anomal_spec::Include;
use polars::prelude::{
    BooleanChunked, DataFrame, Float64Chunked, StringChunked, TimeUnit, UInt32Chunked,
};
use serde_json::json;

use self::{
    cells::{Cells, PutOutcome, float, list, push_text},
    lists::{Flags, Reasons},
    tree::{RowNotes, Tree, key},
};
use super::ecs::{self, RelatedKind};
use crate::{
    RunInfo,
    sink::{ProjectedBatch, typed_columns},
    text,
};

const FEATURES: &str = "anomal.features.";
const CONTRIBUTIONS: &str = "anomal.contributions.";
/// Bytes of a name and value that a server indexes as one keyword. Its limit is 32,766, including a prefix.
const LONG: usize = 30_000;
/// The rule set of Anomal's flags.
const RULESET: &str = "anomal";
const DATASET: &str = "anomal.results";

/// Encodes the documents of a run; holds the fields that are the same in all of them.
pub(super) struct DocumentWriter {
    features: bool,
    contributions: bool,
    time_column: Option<String>,
    /// The start of the run, as JSON.
    started: Vec<u8>,
    /// The fields that describe Anomal and the job.
    observer: Vec<u8>,
    /// The first fields below `anomal`.
    ours: Vec<u8>,
    /// The prefix of the URL of a row's page.
    page: Option<String>,
}

impl DocumentWriter {
    pub fn new(run: &RunInfo, include: &[Include]) -> Self {
        let mut started = Vec::new();
        push_text(&mut started, &text::instant(run.started, TimeUnit::Microseconds));
        let mut observer = json!({
            "ecs": {"version": ecs::VERSION},
            "observer": {"vendor": "Anomal", "product": "anomal", "version": env!("CARGO_PKG_VERSION")},
            "labels": {"job": run.job},
        });
        if let Some(namespace) = &run.namespace {
            observer["orchestrator"] = json!({
                "type": "kubernetes",
                "namespace": namespace,
                "resource": {"type": "AnomalyJob", "name": run.job},
            });
        }
        let mut ours = json!({"job": run.job, "run": run.run});
        if let Some(engine) = &run.engine {
            ours["engine"] = engine.as_str().into();
        }
        if let Some(report) = &run.report {
            ours["report"] = report.id.as_str().into();
        }
        let page = run.report.as_ref().and_then(|report| {
            let address = report.address.as_ref()?.trim_end_matches('/');
            Some(format!("{address}/reports/{}/rows/", report.id))
        });
        Self {
            features: include.contains(&Include::Features),
            contributions: include.contains(&Include::Contributions),
            time_column: run.time_column.clone(),
            started,
            observer: inner(&observer),
            ours: inner(&ours),
            page,
        }
    }

    /// Prepares the columns of a batch for encoding row by row.
    pub fn batch<'a>(&'a self, batch: &ProjectedBatch) -> Result<DocumentBatch<'a>> {
        DocumentBatch::new(self, &batch.source, &batch.typed, &batch.results)
    }
}

/// The fields of a JSON object without the braces.
fn inner(object: &serde_json::Value) -> Vec<u8> {
    let text = object.to_string();
    text.trim_start_matches('{').strip_suffix('}').unwrap_or_default().as_bytes().to_vec()
}

/// A column under its own name.
struct NamedColumn {
    key: Vec<u8>,
    cells: Cells,
}

/// The contribution of a feature to each row.
struct Contribution {
    feature: Option<usize>,
    name: String,
    shares: Float64Chunked,
}

/// The columns of a batch.
pub(super) struct DocumentBatch<'a> {
    writer: &'a DocumentWriter,
    rows: Vec<u64>,
    tree: Tree,
    time: Option<Cells>,
    /// Columns that are not in the schema.
    others: Vec<NamedColumn>,
    /// The keys of columns in the schema, for values of the wrong type.
    known: HashMap<usize, Vec<u8>>,
    scores: Float64Chunked,
    ranks: Float64Chunked,
    clusters: UInt32Chunked,
    suspicious: BooleanChunked,
    severities: StringChunked,
    explanations: StringChunked,
    flags: Flags,
    reasons: Reasons,
    features: Vec<NamedColumn>,
    /// Positions of features by name.
    places: HashMap<String, usize>,
    contributions: Vec<Contribution>,
}

impl<'a> DocumentBatch<'a> {
    fn new(
        writer: &'a DocumentWriter,
        source: &Table,
        typed: &DataFrame,
        results: &DataFrame,
    ) -> Result<Self> {
        let (mut tree, mut others, mut known, mut time) =
            (Tree::default(), Vec::new(), HashMap::new(), None);
        let mut names = HashSet::new();
        for (place, column) in typed_columns(source, typed).iter().enumerate() {
            let name = column.name().as_str();
            if writer.time_column.as_deref() == Some(name) {
                time = Some(Cells::new(column)?);
                // It is the document's own time.
                if name == "@timestamp" {
                    continue;
                }
            }
            let own = key(&unique(&safe(name), &mut names));
            match ecs::field_type(name) {
                Some(kind) => {
                    tree.add(place, column, kind)?;
                    known.insert(place, own);
                }
                None => others.push(NamedColumn { key: own, cells: Cells::new(column)? }),
            }
        }
        let (mut features, mut places, mut keys) = (Vec::new(), HashMap::new(), HashSet::new());
        let mut contributions = Vec::new();
        for column in results.columns() {
            if let Some(name) = column.name().strip_prefix(FEATURES) {
                places.insert(name.to_owned(), features.len());
                let key = key(&unique(&safe(name).replace('.', "_"), &mut keys));
                features.push(NamedColumn { key, cells: Cells::new(column)? });
            } else if let Some(name) = column.name().strip_prefix(CONTRIBUTIONS)
                && writer.contributions
            {
                let shares = column.rechunk().f64()?.clone();
                let feature = places.get(name).copied();
                contributions.push(Contribution { feature, name: name.to_owned(), shares });
            }
        }
        Ok(Self {
            writer,
            rows: source.rows(),
            tree,
            time,
            others,
            known,
            scores: results.column("anomal.score")?.rechunk().f64()?.clone(),
            ranks: results.column("anomal.rank")?.rechunk().f64()?.clone(),
            clusters: results.column("anomal.cluster")?.rechunk().u32()?.clone(),
            suspicious: results.column("anomal.suspicious")?.rechunk().bool()?.clone(),
            severities: results.column("anomal.severity")?.rechunk().str()?.clone(),
            explanations: results.column("anomal.explanation")?.rechunk().str()?.clone(),
            flags: Flags::new(results.column("anomal.flags")?)?,
            reasons: Reasons::new(results.column("anomal.reasons")?)?,
            features,
            places,
            contributions,
        })
    }

    pub fn rows(&self) -> &[u64] {
        &self.rows
    }

    /// Appends the document of the row at `place` with this id.
    pub fn put(&self, place: usize, id: &str, out: &mut Vec<u8>) {
        let moment = self.time.as_ref().and_then(|cells| cells.moment(place));
        let time = moment.map(|moment| text::instant(moment, TimeUnit::Microseconds));
        out.extend_from_slice(b"{\"@timestamp\":");
        match &time {
            Some(time) => push_text(out, time),
            None => out.extend_from_slice(&self.writer.started),
        }
        out.push(b',');
        out.extend_from_slice(&self.writer.observer);
        self.event(place, id, time.as_deref(), out);
        let mut notes = RowNotes::default();
        self.tree.put(place, out, &mut notes);
        related(&notes, out);
        self.ours(place, &notes, out);
        out.push(b'}');
    }

    fn event(&self, place: usize, id: &str, time: Option<&str>, out: &mut Vec<u8>) {
        let severity = self.severities.get(place);
        let alert = severity.is_some() || self.suspicious.get(place) == Some(true);
        out.extend_from_slice(b",\"event\":{\"kind\":");
        out.extend_from_slice(if alert {
            b"\"alert\",\"category\":[\"intrusion_detection\"],\"type\":[\"info\"]"
        } else {
            b"\"event\""
        });
        out.extend_from_slice(b",\"module\":\"anomal\",\"dataset\":\"");
        out.extend_from_slice(DATASET.as_bytes());
        out.extend_from_slice(b"\",\"id\":\"");
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(b"\",\"created\":");
        out.extend_from_slice(&self.writer.started);
        if let Some(time) = time {
            for name in [&b",\"start\":"[..], b",\"end\":"] {
                out.extend_from_slice(name);
                push_text(out, time);
            }
        }
        if let Some(severity) = severity {
            out.extend_from_slice(b",\"severity\":");
            out.extend_from_slice(match severity {
                "high" => b"73",
                "medium" => b"47",
                _ => b"21",
            });
        }
        optional(out, b",\"risk_score\":", self.scores.get(place));
        optional(out, b",\"risk_score_norm\":", self.ranks.get(place).map(|rank| 100.0 * rank));
        self.reason(place, out);
        if let Some(page) = &self.writer.page {
            out.extend_from_slice(b",\"url\":");
            push_text(out, &format!("{page}{}", self.rows[place]));
        }
        out.push(b'}');
        if severity.is_some() {
            out.extend_from_slice(b",\"rule\":{\"name\":");
            list(out, self.flags.get(place), push_text);
            out.extend_from_slice(b",\"ruleset\":\"");
            out.extend_from_slice(RULESET.as_bytes());
            out.extend_from_slice(b"\"}");
        }
    }

    /// One sentence: the flags, and the explanation.
    fn reason(&self, place: usize, out: &mut Vec<u8>) {
        let mut flags = self.flags.get(place).peekable();
        let flagged = flags.peek().is_some();
        let mut reason = String::new();
        if flagged {
            reason.push_str("flagged by ");
            for (index, flag) in flags.enumerate() {
                reason.push_str(if index > 0 { ", " } else { "" });
                reason.push_str(flag);
            }
        }
        if let Some(explanation) = self.explanations.get(place).filter(|text| !text.is_empty()) {
            reason.push_str(if flagged { "; " } else { "" });
            reason.push_str(explanation);
        }
        if !reason.is_empty() {
            out.extend_from_slice(b",\"reason\":");
            push_text(out, &reason);
        }
    }

    fn ours(&self, place: usize, notes: &RowNotes, out: &mut Vec<u8>) {
        out.extend_from_slice(b",\"anomal\":{");
        out.extend_from_slice(&self.writer.ours);
        out.extend_from_slice(format!(",\"row\":{}", self.rows[place]).as_bytes());
        optional(out, b",\"score\":", self.scores.get(place));
        optional(out, b",\"rank\":", self.ranks.get(place));
        if let Some(cluster) = self.clusters.get(place) {
            out.extend_from_slice(format!(",\"cluster\":{cluster}").as_bytes());
        }
        let suspicious = self.suspicious.get(place) == Some(true);
        out.extend_from_slice(b",\"suspicious\":");
        out.extend_from_slice(if suspicious { b"true" } else { b"false" });
        if let Some(severity) = self.severities.get(place) {
            out.extend_from_slice(b",\"severity\":");
            push_text(out, severity);
            out.extend_from_slice(b",\"flags\":");
            list(out, self.flags.get(place), push_text);
        }
        if let Some(explanation) = self.explanations.get(place) {
            out.extend_from_slice(b",\"explanation\":");
            push_text(out, explanation);
        }
        self.contributions(place, out);
        let mut long = Vec::new();
        if self.writer.features {
            let features = self.features.iter().map(|feature| (&*feature.key, &feature.cells));
            flat(out, "features", &mut long, place, features);
        }
        let others = self.others.iter().map(|other| (&*other.key, &other.cells));
        let mismatched = notes.mismatched.iter().filter_map(|mismatched| {
            Some((self.known.get(mismatched)?.as_slice(), self.tree.cells(*mismatched)?))
        });
        flat(out, "source", &mut long, place, others.chain(mismatched));
        if !long.is_empty() {
            object(out, b",\"long\":{", |out| out.append(&mut long));
        }
        out.push(b'}');
    }

    fn contributions(&self, place: usize, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(b",\"contributions\":[");
        let inner = out.len();
        if self.writer.contributions {
            for contribution in &self.contributions {
                let share = contribution.shares.get(place).filter(|share| *share != 0.0);
                if let Some(share) = share.filter(|share| share.is_finite()) {
                    self.contribution(place, &contribution.name, contribution.feature, share, out);
                }
            }
        } else {
            for (name, share) in self.reasons.get(place) {
                self.contribution(place, name, self.places.get(name).copied(), share, out);
            }
        }
        if out.len() == inner {
            out.truncate(start);
            return;
        }
        // The last comma.
        out.truncate(out.len() - 1);
        out.push(b']');
    }

    /// `{"feature":…,"value":…,"number":…,"share":…},`
    fn contribution(
        &self,
        place: usize,
        name: &str,
        feature: Option<usize>,
        share: f64,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"{\"feature\":");
        push_text(out, name);
        if let Some(feature) = feature.and_then(|feature| self.features.get(feature)) {
            field(out, b"\"value\":", |out| {
                feature.cells.put_as(ecs::FieldType::Keyword, place, out)
            });
            optional(out, b",\"number\":", feature.cells.float(place));
        }
        optional(out, b",\"share\":", Some(share));
        out.extend_from_slice(b"},");
    }
}

fn optional(out: &mut Vec<u8>, name: &[u8], value: Option<f64>) {
    let start = out.len();
    out.extend_from_slice(name);
    if value.is_none_or(|value| float(out, value) != PutOutcome::Written) {
        out.truncate(start);
    }
}

/// Appends a field to an open object, if it has a value.
fn field(out: &mut Vec<u8>, key: &[u8], put: impl FnOnce(&mut Vec<u8>) -> PutOutcome) {
    let start = out.len();
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(key);
    if put(out) != PutOutcome::Written {
        out.truncate(start);
    }
}

/// Appends an object whose values are indexed as keywords. Values that are too long for that go to `long`, under the same
/// name.
fn flat<'a>(
    out: &mut Vec<u8>,
    name: &str,
    long: &mut Vec<u8>,
    place: usize,
    fields: impl Iterator<Item = (&'a [u8], &'a Cells)>,
) {
    let mut long_fields = Vec::new();
    object(out, format!(",\"{name}\":{{").as_bytes(), |out| {
        for (key, cells) in fields {
            let start = out.len();
            field(out, key, |out| cells.put(place, out));
            if out.len() - start > LONG {
                let field = out.split_off(start);
                let field = field.strip_prefix(b",").unwrap_or(&field);
                if !long_fields.is_empty() {
                    long_fields.push(b',');
                }
                long_fields.extend_from_slice(field);
            }
        }
    });
    if !long_fields.is_empty() {
        if !long.is_empty() {
            long.push(b',');
        }
        long.extend_from_slice(format!("\"{name}\":{{").as_bytes());
        long.append(&mut long_fields);
        long.push(b'}');
    }
}

/// Appends an object unless it is empty.
fn object(out: &mut Vec<u8>, begin: &[u8], fill: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(begin);
    let inner = out.len();
    fill(out);
    if out.len() == inner {
        out.truncate(start);
    } else {
        out.push(b'}');
    }
}

/// Appends addresses, users and hosts again, without duplicates, copied from their fields.
fn related(notes: &RowNotes, out: &mut Vec<u8>) {
    if notes.related.is_empty() {
        return;
    }
    let kinds =
        [(RelatedKind::Ip, "ip"), (RelatedKind::User, "user"), (RelatedKind::Hosts, "hosts")];
    out.extend_from_slice(b",\"related\":{");
    for (kind, name) in kinds {
        let of_kind = notes.related.iter().filter(|(of, ..)| *of == kind);
        let places: Vec<(usize, usize)> = of_kind.map(|(_, start, end)| (*start, *end)).collect();
        if places.is_empty() {
            continue;
        }
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":[");
        for (index, (start, end)) in places.iter().enumerate() {
            let duplicate = places[..index].iter().any(|(a, b)| out[*a..*b] == out[*start..*end]);
            if duplicate {
                continue;
            }
            // Several values are a list.
            let several = out[*start] == b'[';
            let (start, end) = if several { (start + 1, end - 1) } else { (*start, *end) };
            out.extend_from_within(start..end);
            out.push(b',');
        }
        let last = out.len() - 1;
        out[last] = b']';
    }
    out.push(b'}');
}

/// A valid field name: not empty, and without NUL, which servers do not allow.
fn safe(name: &str) -> String {
    if name.is_empty() { "_".to_owned() } else { name.replace('\0', "_") }
}

/// Makes a name unique, since servers refuse objects with duplicate names.
fn unique(name: &str, taken: &mut HashSet<String>) -> String {
    let mut candidate = name.to_owned();
    let mut count = 2;
    while !taken.insert(candidate.clone()) {
        candidate = format!("{name}_{count}");
        count += 1;
    }
    candidate
}

#[cfg(test)]
mod tests;
