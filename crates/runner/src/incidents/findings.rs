//! Findings: evidence with one cause about the same things, not apart in time.
//!
//! Rows pass by in order and are never all in memory: a finding is what is known of its rows.

mod grouped;
mod segments;
mod sums;

use std::{cmp::Reverse, collections::BTreeMap, sync::Arc};

use anomal_core::Result;

use super::{
    Evidence, Signature,
    input::{Code, HitKey, IncidentInput, NONE},
    key::key,
    span::Span,
};
use crate::spool::{Sorter, Spilled, Spool};
use grouped::{GroupedRow, Level, SCORE};
use segments::{Segments, segments};
use sums::SumsBuilder;
pub(super) use sums::{CommonFacts, Sums};

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    /// [`key`] over cause and things: parts of one finding that are apart in time have the same.
    pub key: String,
    pub cause: Cause,
    /// [`NONE`] where its rows have no value in common, or one that says nothing.
    pub actor: Code,
    pub target: Code,
    pub span: Option<Span>,
    pub sums: Sums,
    /// Its first row by time.
    first_row: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Cause {
    /// A flag by its place.
    Flag(usize),
    /// The score of rows about the same things.
    Score,
    /// The score of single rows: by their signature.
    Alike(usize),
}

/// A row that stands out, with its finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FoundRow {
    pub row: u64,
    /// The place of its finding in the order in which they were found.
    pub finding: u32,
    /// [`i64::MIN`]: none.
    pub time: i64,
    pub actor: Code,
    pub target: Code,
}

/// Rows of a finding, or of a group of findings, with a value: some of them, or all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct SideRows {
    pub group: u32,
    /// 0 of actors, 1 of targets.
    pub side: u8,
    pub code: Code,
    pub rows: u64,
}

pub(super) type EntityRows = Spool<SideRows>;

/// All findings.
pub(super) struct Findings {
    /// In an order that does not depend on that of the rows.
    pub all: Vec<Finding>,
    /// The place in `all` of each in the order in which they were found.
    pub places: Vec<u32>,
    /// Causes that were grouped more coarsely.
    pub coarser: Vec<String>,
    /// By row.
    pub rows: Spool<FoundRow>,
    /// Of findings in the order in which they were found.
    pub entities: EntityRows,
    /// The scores of suspicious rows, ascending.
    pub scores: Spool<f64>,
}

/// # Errors
/// `Output` if rows can't be written to a temporary file, or read again.
pub(super) fn findings(input: &IncidentInput, evidence: Spool<Evidence>) -> Result<Findings> {
    let mut levels = vec![Level::default(); input.flags.len() + 1];
    let mut scores = Sorter::new(input.memory / 4, f64::total_cmp);
    let mut pairs = Sorter::new(input.memory / 4, |a: &(Code, Code), b: &(Code, Code)| a.cmp(b));
    let mut rows = Sorter::new(input.memory, GroupedRow::order);
    let mut last_pair = None;
    evidence.drain(|evidence| {
        let row = GroupedRow::new(input, evidence, &levels);
        let pair = (input.actor(row.evidence.actor), input.target(row.evidence.target));
        let is_flagged = row.cause != SCORE && pair.0 != NONE && pair.1 != NONE;
        if is_flagged && last_pair.replace(pair) != Some(pair) {
            pairs.push(pair)?;
        }
        if let Some(score) = row.evidence.score.get().filter(|_| row.evidence.suspicious) {
            scores.push(score)?;
        }
        rows.push(row)
    })?;
    let (mut rows, pairs) = (rows.finish()?, pairs.finish()?);
    let cut = loop {
        let cut = segments(input, &rows, &pairs, input.max_findings)?;
        let finer = |cause: &usize| levels[*cause] != Level::CauseAlone && cut.findings[*cause] > 0;
        let most = (0..levels.len()).filter(finer);
        let most = most.max_by_key(|cause| (cut.findings[*cause], Reverse(*cause)));
        let Some(cause) = most.filter(|_| cut.count() > input.max_findings) else {
            break if cut.count() > input.max_findings {
                segments(input, &rows, &pairs, usize::MAX)?
            } else {
                cut
            };
        };
        levels[cause] = match levels[cause] {
            Level::Full => Level::ActorAlone,
            Level::ActorAlone | Level::CauseAlone => Level::CauseAlone,
        };
        let mut coarser = Sorter::new(input.memory, GroupedRow::order);
        rows.drain(|row| coarser.push(row.at(input, &levels)))?;
        rows = coarser.finish()?;
    };
    let mut found = Finder::new(input);
    found.add(rows, &cut)?;
    found.finish(coarser(input, &levels), scores.finish()?)
}

fn coarser(input: &IncidentInput, levels: &[Level]) -> Vec<String> {
    let step = |(cause, level): (usize, &Level)| {
        let name = match cause.checked_sub(1) {
            None => "the score".to_owned(),
            Some(flag) => format!("flag {}", input.flags[flag].name),
        };
        match level {
            Level::Full => None,
            Level::ActorAlone => Some(format!("{name}: by their actors alone")),
            Level::CauseAlone => Some(format!("{name}: without regard to what they are about")),
        }
    };
    let mut all: Vec<String> = levels.iter().enumerate().filter_map(step).collect();
    all.sort();
    all
}

type RowOrder = fn(&FoundRow, &FoundRow) -> std::cmp::Ordering;

/// Makes findings of rows as they pass by.
struct Finder<'a> {
    input: &'a IncidentInput,
    all: Vec<Finding>,
    rows: Sorter<FoundRow, RowOrder>,
    entities: EntityRows,
}

impl<'a> Finder<'a> {
    fn new(input: &'a IncidentInput) -> Self {
        let order: RowOrder = |a, b| a.row.cmp(&b.row);
        Self {
            input,
            all: Vec::new(),
            rows: Sorter::new(input.memory / 2, order),
            entities: Spool::new(input.memory / 4),
        }
    }

    /// Those of sorted rows.
    fn add(&mut self, rows: Spool<GroupedRow>, cut: &Segments) -> Result<()> {
        let by_signature = |row: &Evidence| (row.signature.get(), row.time.get(), row.row);
        let order = |a: &Evidence, b: &Evidence| by_signature(a).cmp(&by_signature(b));
        let mut alike = Sorter::new(self.input.memory, order);
        let mut alike_rows: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        let mut cut = cut.all.iter();
        let mut building: Option<(Building<'_>, usize)> = None;
        let mut singles = 0;
        rows.drain(|row| {
            if building.is_none() && singles == 0 {
                match cut.next() {
                    Some(segment) if segment.is_finding => {
                        let cause = row
                            .cause
                            .checked_sub(1)
                            .map_or(Cause::Score, |flag| Cause::Flag(flag as usize));
                        let values = row.values().cloned();
                        let builder =
                            self.building(cause, (row.actor, row.target), values, segment.rows);
                        building = Some((builder, segment.rows));
                    }
                    segment => singles = segment.map_or(usize::MAX, |segment| segment.rows),
                }
            }
            let Some((builder, left)) = &mut building else {
                singles -= 1;
                *alike_rows.entry(row.evidence.signature.get()).or_default() += 1;
                return alike.push(row.evidence);
            };
            self.add_row(builder, &row.evidence)?;
            *left -= 1;
            match building.take_if(|(_, left)| *left == 0) {
                Some((builder, _)) => self.close(builder),
                None => Ok(()),
            }
        })?;
        let mut alike_rows = alike_rows.into_iter();
        alike.finish()?.drain(|row| {
            if building.is_none() {
                let (signature, rows) = alike_rows.next().unwrap_or_default();
                let cause = Cause::Alike(signature.unwrap_or(usize::MAX));
                building = Some((self.building(cause, (NONE, NONE), None, rows), rows));
            }
            let Some((builder, left)) = &mut building else { return Ok(()) };
            self.add_row(builder, &row)?;
            *left -= 1;
            match building.take_if(|(_, left)| *left == 0) {
                Some((builder, _)) => self.close(builder),
                None => Ok(()),
            }
        })
    }

    fn building(
        &self,
        cause: Cause,
        (actor, target): (Code, Code),
        values: Option<Arc<[HitKey]>>,
        rows: usize,
    ) -> Building<'a> {
        let finding = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let sums = SumsBuilder::new(self.input, finding, rows);
        Building { cause, actor, target, values, finding, sums }
    }

    fn add_row(&mut self, building: &mut Building<'_>, row: &Evidence) -> Result<()> {
        self.rows.push(FoundRow {
            row: row.row,
            finding: building.finding,
            time: row.time.get().unwrap_or(i64::MIN),
            actor: row.actor,
            target: row.target,
        })?;
        building.sums.add(row, &mut self.entities)
    }

    fn close(&mut self, building: Building<'_>) -> Result<()> {
        let Building { cause, actor, target, values, sums, .. } = building;
        let key = key_of(self.input, cause, (actor, target), values.as_deref());
        let (sums, first_row, span) = sums.finish(&mut self.entities)?;
        self.all.push(Finding { key, cause, actor, target, span, sums, first_row });
        Ok(())
    }

    fn finish(self, coarser: Vec<String>, scores: Spool<f64>) -> Result<Findings> {
        let mut order: Vec<u32> = (0..).take(self.all.len()).collect();
        let start = |finding: &Finding| finding.span.map(|span| span.first);
        let by = |place: &u32| {
            let finding = &self.all[*place as usize];
            (finding.key.as_str(), start(finding), finding.first_row)
        };
        order.sort_unstable_by(|a, b| by(a).cmp(&by(b)));
        let mut places = vec![0; order.len()];
        for (place, found) in (0..).zip(&order) {
            places[*found as usize] = place;
        }
        let mut all: Vec<Option<Finding>> = self.all.into_iter().map(Some).collect();
        Ok(Findings {
            all: order.iter().filter_map(|place| all[*place as usize].take()).collect(),
            places,
            coarser,
            rows: self.rows.finish()?,
            entities: self.entities,
            scores,
        })
    }
}

/// A finding whose rows pass by.
struct Building<'a> {
    cause: Cause,
    actor: Code,
    target: Code,
    /// Of a flag that has a key: its values.
    values: Option<Arc<[HitKey]>>,
    finding: u32,
    sums: SumsBuilder<'a>,
}

fn key_of(
    input: &IncidentInput,
    cause: Cause,
    (actor, target): (Code, Code),
    values: Option<&[HitKey]>,
) -> String {
    let signature = match cause {
        Cause::Alike(signature) => input.signatures.get(signature).map(Signature::describe),
        Cause::Flag(_) | Cause::Score => None,
    };
    let mut parts: Vec<&str> = match cause {
        Cause::Flag(flag) => vec!["flag", &input.flags[flag].name],
        Cause::Score => vec!["score"],
        Cause::Alike(_) => ["alike"].into_iter().chain(signature.as_deref()).collect(),
    };
    let mut add = |code: Code| {
        let value = input.values.get(code as usize);
        parts.extend(value.map_or(["none", ""], |value| [value.kind.nouns().0, &value.text]));
    };
    match values {
        Some(values) => values.iter().for_each(|part| add(part.code)),
        None => [actor, target].into_iter().for_each(add),
    }
    key(&parts)
}

impl Spilled for FoundRow {
    fn write(&self, out: &mut Vec<u8>) {
        self.row.write(out);
        self.finding.write(out);
        self.time.write(out);
        self.actor.write(out);
        self.target.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            row: Spilled::read(input)?,
            finding: Spilled::read(input)?,
            time: Spilled::read(input)?,
            actor: Spilled::read(input)?,
            target: Spilled::read(input)?,
        })
    }
}

impl Spilled for SideRows {
    fn write(&self, out: &mut Vec<u8>) {
        self.group.write(out);
        self.side.write(out);
        self.code.write(out);
        self.rows.write(out);
    }

    fn read(input: &mut &[u8]) -> Option<Self> {
        Some(Self {
            group: Spilled::read(input)?,
            side: Spilled::read(input)?,
            code: Spilled::read(input)?,
            rows: Spilled::read(input)?,
        })
    }
}
