//! A result file: its rows that are suspicious or flagged, and their incidents as `anomal incidents` makes them.

use std::{cmp::Reverse, collections::BTreeMap, fs, path::Path};

use anomal_connectors::{OpenOptions, open, text::grouped};
use anomal_core::{Error, ROW, proto::DataType};
use anomal_report::view::incidents::Timeline;
use anomal_runner::ResultIncidents;
use anomal_spec::{Input, TimeStep};
use anomal_tui::{FlagCount, Incident, Query, Reason, Record, Report, Rows, Suspect};
use polars::prelude::{DataFrame, IdxCa, IdxSize, NewChunkedArray};

use super::{stored::line, times::timeline};
use crate::{
    commands::{incidents, ui::state},
    overrides,
    present::{error::Failure, incidents::severity_name},
    results::{ResultFile, RowCells},
};

/// Rows that are listed, the most suspicious ones, as a report lists them.
const MOST: usize = 50_000;
/// The columns by which a result file is known.
const OURS: [&str; 3] = [ROW, "anomal.suspicious", "anomal.flags"];

/// Whether a file on this machine is a result file of a run.
pub fn is_results(path: &str) -> bool {
    // A pipe has nothing left for whoever reads it next.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    let input = overrides::input(&Input::default(), path);
    let source = input.and_then(|input| open(&input, &OpenOptions::default()));
    source.is_ok_and(|source| {
        let columns = source.schema();
        OURS.iter().all(|name| columns.iter().any(|column| column.name == *name))
    })
}

/// A result file that is looked at.
pub struct ResultView {
    rows: Vec<Row>,
    /// The columns of the file as they were read, of the same rows.
    table: DataFrame,
    /// The searched text of each row, in lower case, once something is searched for.
    texts: Vec<String>,
}

/// A listed row.
#[derive(Clone, Debug, Default)]
struct Row {
    number: u64,
    score: Option<f64>,
    /// 0 without a flag to 3.
    severity: u8,
    flags: Vec<String>,
    incident: Option<u64>,
    time: Option<i64>,
}

/// What is counted of all suspicious or flagged rows.
#[derive(Default)]
struct Counts {
    suspicious: u64,
    flagged: u64,
    /// The least severity and the rows of each flag.
    flags: BTreeMap<String, (u8, u64)>,
}

impl ResultView {
    /// # Errors
    /// If the file can't be read, or is no result file.
    pub fn open(path: &str) -> Result<(Self, Report), Failure> {
        let found = incidents::read(path, None)?;
        let mut view = Self { rows: Vec::new(), table: DataFrame::empty(), texts: Vec::new() };
        let mut counts = Counts::default();
        let mut file = ResultFile::open(path, &[(ROW, DataType::Integer)])?;
        while let Some(batch) = file.next()? {
            let numbers = batch.typed.column(ROW).map_err(Error::from)?;
            let numbers = numbers.i64().map_err(Error::from)?;
            let numbers = numbers.iter().map(|row| row.unwrap_or_default().unsigned_abs());
            view.add(&batch.raw, numbers, &found, &mut counts)?;
        }
        view.keep_most_suspicious()?;
        let report = view.report(path, &found, counts);
        Ok((view, report))
    }

    /// Adds the rows of a table that are suspicious or flagged.
    fn add(
        &mut self,
        table: &DataFrame,
        numbers: impl Iterator<Item = u64>,
        found: &ResultIncidents,
        counts: &mut Counts,
    ) -> Result<(), Error> {
        let Some(evidence) = &found.details.evidence else { return Ok(()) };
        let mut places: Vec<IdxSize> = Vec::new();
        for (place, number) in numbers.enumerate() {
            let Ok(at) = evidence.rows.binary_search(&number) else { continue };
            let cells = RowCells::new(table, place)?;
            let row = Row {
                number,
                score: cells.get("anomal.score").and_then(|score| score.parse().ok()),
                severity: rank(cells.get("anomal.severity").unwrap_or_default()),
                flags: flags(&cells),
                incident: Some(evidence.incidents[at]),
                time: Some(evidence.times[at]).filter(|time| *time != i64::MIN),
            };
            counts.add(&row, &cells);
            self.rows.push(row);
            places.extend(IdxSize::try_from(place));
        }
        if !places.is_empty() {
            let taken = table.take(&IdxCa::from_slice("rows".into(), &places))?;
            if self.table.height() == 0 {
                self.table = taken;
            } else {
                self.table.vstack_mut(&taken)?;
            }
        }
        if self.rows.len() > 2 * MOST { self.keep_most_suspicious() } else { Ok(()) }
    }

    /// Sorts the rows, and drops those that are not listed.
    fn keep_most_suspicious(&mut self) -> Result<(), Error> {
        let mut order: Vec<usize> = (0..self.rows.len()).collect();
        order.sort_by(|a, b| {
            let (a, b) = (&self.rows[*a], &self.rows[*b]);
            let score = |row: &Row| row.score.unwrap_or(f64::NEG_INFINITY);
            score(b).total_cmp(&score(a)).then(a.number.cmp(&b.number))
        });
        order.truncate(MOST);
        let places: Vec<IdxSize> =
            order.iter().filter_map(|place| IdxSize::try_from(*place).ok()).collect();
        self.table.rechunk_mut();
        self.table = self.table.take(&IdxCa::from_slice("rows".into(), &places))?;
        self.rows = order.into_iter().map(|place| std::mem::take(&mut self.rows[place])).collect();
        Ok(())
    }

    fn report(&self, path: &str, found: &ResultIncidents, counts: Counts) -> Report {
        let step = found.roles.time.as_ref().and_then(|time| time.unit).map(TimeStep::micros);
        let step = step.and_then(|step| u64::try_from(step).ok()).unwrap_or(0);
        let evidence = found.details.evidence.clone().unwrap_or_default();
        let times = evidence.times.iter().map(|time| (Some(*time).filter(|it| *it != i64::MIN), 0));
        let rows_by_time =
            found.details.timeline.as_ref().map(|all| Timeline::new(all, times, step));
        let mut notes: Vec<String> = found.notes.clone();
        for note in &mut notes {
            *note = note.replace("--job has", "`anomal incidents --job` has");
        }
        if self.rows.len() < evidence.rows.len() {
            notes.push(format!(
                "{} of {} rows are listed, the most suspicious ones; `anomal explain` shows any row",
                grouped(self.rows.len()),
                grouped(evidence.rows.len())
            ));
        }
        let flag = |(name, (severity, rows)): (String, (u8, u64))| FlagCount {
            name,
            severity: name_of(severity).to_owned(),
            rows,
            description: String::new(),
        };
        Report {
            id: path.to_owned(),
            is_file: true,
            notes,
            title: Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned(),
            input: path.to_owned(),
            created: state::moment(state::changed(Path::new(path))),
            rows: found.rows,
            suspicious: counts.suspicious,
            flagged: counts.flagged,
            suspects: self.rows.len() as u64,
            timeline: rows_by_time.and_then(|rows| timeline(&rows, step)),
            incidents: found.incidents.iter().map(incident).collect(),
            flags: counts.flags.into_iter().map(flag).collect(),
            ..Report::default()
        }
    }

    /// # Errors
    /// `Internal`.
    pub fn rows(&mut self, query: &Query) -> Result<Rows, Error> {
        let search = query.search.to_lowercase();
        if !search.is_empty() && self.texts.is_empty() {
            let text = |place| Ok(RowCells::new(&self.table, place)?.text().to_lowercase());
            self.texts = (0..self.rows.len()).map(text).collect::<Result<_, Error>>()?;
        }
        let fits = |place: &usize| {
            let row = &self.rows[*place];
            query.incident.is_none_or(|incident| row.incident == Some(incident))
                && query.flag.as_ref().is_none_or(|flag| row.flags.contains(flag))
                && query.times.as_ref().is_none_or(|times| {
                    row.time.is_some_and(|time| (times.from..times.to).contains(&time))
                })
                && (search.is_empty() || self.texts[*place].contains(&search))
        };
        let mut order: Vec<usize> = (0..self.rows.len()).filter(fits).collect();
        match query.sort.as_str() {
            "severity" => order.sort_by_key(|place| Reverse(self.rows[*place].severity)),
            "row" => order.sort_by_key(|place| self.rows[*place].number),
            _ => {}
        }
        let page = order.iter().skip(query.offset).take(query.limit);
        let rows = page.map(|place| self.suspect(*place)).collect::<Result<_, Error>>()?;
        Ok(Rows { offset: query.offset, total: order.len(), rows })
    }

    fn suspect(&self, place: usize) -> Result<Suspect, Error> {
        let (row, cells) = (&self.rows[place], RowCells::new(&self.table, place)?);
        let values: Vec<_> = cells.record().map(|(_, value)| Some(value.clone())).collect();
        Ok(Suspect {
            row: row.number,
            score: row.score,
            severity: name_of(row.severity).to_owned(),
            flags: row.flags.clone(),
            why: cells.get("anomal.explanation").unwrap_or_default().to_owned(),
            record: line(&values),
            incident: row.incident,
        })
    }

    /// # Errors
    /// `NotFound` if the row is not listed.
    pub fn record(&self, number: u64) -> Result<Record, Error> {
        let place = self.rows.iter().position(|row| row.number == number);
        let missing = || Error::not_found(format!("row {number} is not among the listed ones"));
        let place = place.ok_or_else(missing)?;
        let (row, cells) = (&self.rows[place], RowCells::new(&self.table, place)?);
        let reasons = cells.shares().into_iter().map(|(feature, share)| {
            let value = cells.get(&format!("anomal.features.{feature}"));
            let value = value.or_else(|| cells.get(feature)).unwrap_or_default();
            Reason {
                feature: feature.to_owned(),
                share,
                value: value.to_owned(),
                typical: String::new(),
            }
        });
        Ok(Record {
            row: row.number,
            score: row.score,
            rank: cells.get("anomal.rank").and_then(|rank| rank.parse().ok()),
            suspicious: cells.get("anomal.suspicious") == Some("true"),
            severity: name_of(row.severity).to_owned(),
            flags: row.flags.clone(),
            explanation: cells.get("anomal.explanation").unwrap_or_default().to_owned(),
            incident: row.incident,
            reasons: reasons.collect(),
            values: cells.record().cloned().collect(),
        })
    }
}

impl Counts {
    fn add(&mut self, row: &Row, cells: &RowCells) {
        self.suspicious += u64::from(cells.get("anomal.suspicious") == Some("true"));
        self.flagged += u64::from(!row.flags.is_empty());
        for flag in &row.flags {
            let known = self.flags.entry(flag.clone()).or_insert((row.severity, 0));
            *known = (known.0.min(row.severity), known.1 + 1);
        }
    }
}

fn flags(cells: &RowCells) -> Vec<String> {
    let flags = cells.get("anomal.flags").unwrap_or_default().split(';');
    flags.filter(|flag| !flag.is_empty()).map(str::to_owned).collect()
}

fn incident(incident: &anomal_runner::Incident) -> Incident {
    Incident {
        number: incident.number,
        title: incident.title.clone(),
        severity: severity_name(incident.severity).to_owned(),
        risk: u32::try_from(incident.risk).unwrap_or(0),
        rows: incident.rows,
        first: incident.first.clone().unwrap_or_default(),
        last: incident.last.clone().unwrap_or_default(),
        span: incident.extent(),
        decision: None,
    }
}

/// Severities in their order, from 1.
const SEVERITIES: [&str; 4] = ["", "low", "medium", "high"];

fn rank(severity: &str) -> u8 {
    (0_u8..).zip(SEVERITIES).find(|(_, name)| *name == severity).map_or(0, |(rank, _)| rank)
}

fn name_of(rank: u8) -> &'static str {
    SEVERITIES.get(usize::from(rank)).copied().unwrap_or_default()
}
