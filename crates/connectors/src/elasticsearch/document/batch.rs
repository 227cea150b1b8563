//! The documents of a batch.

use std::collections::{HashMap, HashSet};

use anomal_core::{Batch, Result, proto::DataType, time_view};
use anomal_spec::Include;
use polars::prelude::{
    BooleanChunked, DataFrame, Float64Chunked, StringChunked, TimeUnit, UInt32Chunked,
};

use super::{
    cells::{Cells, list},
    ecs,
    incidents::RowIncidents,
    lists::{Details, Flags, Reasons},
    object::{field, flat, object, optional, safe, unique},
    related::related,
    run_fields::RunFields,
    tree::{RowNotes, Tree, key},
};
use crate::{json_value::push_text, sink::simple_columns, text};

const FEATURES: &str = "anomal.features.";
const CONTRIBUTIONS: &str = "anomal.contributions.";
/// The rule set of Anomal's flags.
const RULESET: &str = "anomal";
const DATASET: &str = "anomal.results";

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
pub(in crate::elasticsearch) struct DocumentBatch<'a> {
    run: &'a RunFields,
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
    /// Of a stream.
    partitions: Option<UInt32Chunked>,
    /// Of a stream that learns: by which model the row is scored, and how unusual its score is.
    models: Option<UInt32Chunked>,
    p_values: Option<Float64Chunked>,
    entities: Option<StringChunked>,
    /// Of a stream: whether its warm-up was over, and whether the row's time is too far behind or ahead.
    marks: Vec<(&'static str, BooleanChunked)>,
    /// Of a stream that judges windows as a whole: their beginning and their end.
    window: Vec<(&'static str, Cells)>,
    strays: Option<StringChunked>,
    flags: Flags,
    incidents: Option<RowIncidents>,
    details: Option<Details>,
    reasons: Reasons,
    features: Vec<NamedColumn>,
    /// Positions of features by name.
    places: HashMap<String, usize>,
    contributions: Vec<Contribution>,
}

impl<'a> DocumentBatch<'a> {
    pub(super) fn new(run: &'a RunFields, batch: &Batch) -> Result<Self> {
        let results = &batch.results;
        let (mut tree, mut others, mut known, mut time) =
            (Tree::default(), Vec::new(), HashMap::new(), None);
        let mut names = HashSet::new();
        for (place, column) in simple_columns(batch, DataType::Float)?.iter().enumerate() {
            let name = column.name().as_str();
            if run.time_column.as_deref() == Some(name) {
                let read = batch.typed.column(&time_view(name)).unwrap_or(column);
                time = Some(Cells::new(read)?);
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
                && run.includes(Include::Contributions)
            {
                let shares = column.rechunk().f64()?.clone();
                let feature = places.get(name).copied();
                contributions.push(Contribution { feature, name: name.to_owned(), shares });
            }
        }
        Ok(Self {
            run,
            rows: batch.offsets(),
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
            partitions: optional_numbers(results, "anomal.partition")?,
            models: optional_numbers(results, "anomal.model")?,
            p_values: match results.column("anomal.pvalue") {
                Ok(p_values) => Some(p_values.rechunk().f64()?.clone()),
                Err(_) => None,
            },
            entities: match results.column("anomal.entity") {
                Ok(entities) => Some(entities.rechunk().str()?.clone()),
                Err(_) => None,
            },
            marks: marks(results)?,
            window: window(results)?,
            strays: match results.column("anomal.strays") {
                Ok(strays) if run.includes(Include::Strays) => {
                    Some(strays.rechunk().str()?.clone())
                }
                _ => None,
            },
            flags: Flags::new(results.column("anomal.flags")?)?,
            incidents: RowIncidents::find(results)?,
            details: match results.column("anomal.details") {
                Ok(details) if run.includes(Include::Details) => Some(Details::new(details)?),
                _ => None,
            },
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
            None => out.extend_from_slice(&self.run.started),
        }
        out.push(b',');
        out.extend_from_slice(&self.run.observer);
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
        out.extend_from_slice(&self.run.started);
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
        if let Some(page) = &self.run.page {
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
        out.extend_from_slice(&self.run.ours);
        let partitions = self.partitions.as_ref();
        if let Some(partition) = partitions.and_then(|partitions| partitions.get(place)) {
            out.extend_from_slice(format!(",\"partition\":{partition}").as_bytes());
        }
        out.extend_from_slice(format!(",\"row\":{}", self.rows[place]).as_bytes());
        optional(out, b",\"score\":", self.scores.get(place));
        optional(out, b",\"rank\":", self.ranks.get(place));
        optional(out, b",\"pvalue\":", self.p_values.as_ref().and_then(|p| p.get(place)));
        if let Some(model) = self.models.as_ref().and_then(|models| models.get(place)) {
            out.extend_from_slice(format!(",\"model\":{model}").as_bytes());
        }
        if let Some(cluster) = self.clusters.get(place) {
            out.extend_from_slice(format!(",\"cluster\":{cluster}").as_bytes());
        }
        let suspicious = self.suspicious.get(place) == Some(true);
        out.extend_from_slice(b",\"suspicious\":");
        out.extend_from_slice(if suspicious { b"true" } else { b"false" });
        for (name, mark) in &self.marks {
            let Some(mark) = mark.get(place) else { continue };
            out.extend_from_slice(format!(",\"{name}\":{mark}").as_bytes());
        }
        if let Some(entity) = self.entities.as_ref().and_then(|entities| entities.get(place)) {
            out.extend_from_slice(b",\"entity\":");
            push_text(out, entity);
        }
        if !self.window.is_empty() {
            object(out, b",\"window\":{", |out| {
                for (name, times) in &self.window {
                    field(out, format!("\"{name}\":").as_bytes(), |out| times.put(place, out));
                }
            });
        }
        if let Some(severity) = self.severities.get(place) {
            out.extend_from_slice(b",\"severity\":");
            push_text(out, severity);
            out.extend_from_slice(b",\"flags\":");
            list(out, self.flags.get(place), push_text);
        }
        if let Some(incidents) = &self.incidents {
            incidents.put(place, &self.run.run, out);
        }
        if let Some(details) = &self.details {
            details.put(place, out);
        }
        if let Some(explanation) = self.explanations.get(place) {
            out.extend_from_slice(b",\"explanation\":");
            push_text(out, explanation);
        }
        if let Some(strays) = self.strays.as_ref().and_then(|strays| strays.get(place)) {
            out.extend_from_slice(b",\"strays\":");
            push_text(out, strays);
        }
        self.contributions(place, out);
        let mut long = Vec::new();
        if self.run.includes(Include::Features) {
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
        if self.run.includes(Include::Contributions) {
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

fn optional_numbers(results: &DataFrame, name: &str) -> Result<Option<UInt32Chunked>> {
    match results.column(name) {
        Ok(numbers) => Ok(Some(numbers.rechunk().u32()?.clone())),
        Err(_) => Ok(None),
    }
}

fn window(results: &DataFrame) -> Result<Vec<(&'static str, Cells)>> {
    let mut window = Vec::new();
    for name in ["start", "end"] {
        if let Ok(times) = results.column(&format!("anomal.window.{name}")) {
            window.push((name, Cells::new(times)?));
        }
    }
    Ok(window)
}

fn marks(results: &DataFrame) -> Result<Vec<(&'static str, BooleanChunked)>> {
    let mut marks = Vec::new();
    for name in ["warm", "late", "skewed"] {
        if let Ok(mark) = results.column(&format!("anomal.{name}")) {
            marks.push((name, mark.rechunk().bool()?.clone()));
        }
    }
    Ok(marks)
}
