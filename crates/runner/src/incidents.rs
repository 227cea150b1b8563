//! From suspicious and flagged rows to incidents: what an analyst judges (docs/incidents.md).
//!
//! Nothing here reads a clock or a random number, and files only hold rows that do not fit into memory: the same rows give the
//! same incidents, in whatever order and batches they come.

mod counts;
mod entities;
mod facts;
mod findings;
mod input;
mod key;
mod merge;
mod risk;
mod span;
mod titles;

#[cfg(test)]
mod tests;

use anomal_core::Result;
use serde::Serialize;

use anomal_spec::{EntityKind, Severity};

use counts::EntityCounts;
pub use entities::{EntityRisk, entity_risks};
pub use facts::IncidentFact;
pub(crate) use findings::FoundRow;
use findings::{Finding, Findings};
pub(crate) use input::{
    Code, Evidence, FlagInfo, HitKey, IncidentInput, KeyPart, NONE, Signature, SignatureState,
    Value,
};
use span::{Span, SpanBuilder};

use crate::spool::{Sorter, Spool};

/// Incidents that are described; of those beyond, rows are counted.
pub(crate) const DESCRIBED: usize = 10_000;
/// Values of a side that an incident lists.
const LISTED: usize = 100;

/// Rows with one cause, or several causes about the same things.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Incident {
    /// From 1, the highest risk first.
    #[serde(rename = "incident")]
    pub number: u64,
    /// Of its first finding; the same in another run with the same cause and things.
    pub key: String,
    /// Of all its findings, sorted.
    pub keys: Vec<String>,
    pub title: String,
    pub severity: Severity,
    /// 1..100: how much it deserves a look; the sum of its parts within these bounds.
    pub risk: i64,
    pub parts: RiskParts,
    pub actors: Vec<Entity>,
    /// More than are listed, where there are very many.
    pub actor_count: u64,
    pub targets: Vec<Entity>,
    pub target_count: u64,
    /// By severity, then in the order of the settings.
    pub flags: Vec<String>,
    pub rows: u64,
    pub suspicious: u64,
    /// Microseconds since the epoch; none where no row has a time.
    #[serde(skip)]
    pub(crate) span: Option<Span>,
    /// Microseconds of the unit that times count, where they are whole numbers.
    #[serde(skip)]
    pub(crate) time_step: Option<i64>,
    /// RFC 3339, or the number of units.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last: Option<String>,
    /// The shortest time that has 90 % of its rows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub core: Option<[String; 2]>,
    /// What the flag that leads it has measured, where that is the same for all of its rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<IncidentFact>,
    /// Why its findings are one incident.
    pub together: Vec<&'static str>,
    pub findings: u64,
    /// The row with the highest score; without scores the first.
    pub top_row: u64,
    /// Why the run is quiet about it; none: it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suppressed: Option<String>,
}

impl Incident {
    /// Microseconds since the epoch of the start of its core; none where no row has a time, or times are numbers of
    /// units.
    pub fn core_start(&self) -> Option<i64> {
        self.span.filter(|_| self.time_step.is_none()).map(|span| span.core_start)
    }

    /// The first and the last time of its rows in microseconds since the epoch, or since the start where times are numbers
    /// of units.
    pub fn extent(&self) -> Option<(i64, i64)> {
        self.span.map(|span| (span.first, span.last))
    }

    /// Microseconds of the unit that times count, where they are whole numbers.
    pub fn time_step(&self) -> Option<i64> {
        self.time_step
    }
}

/// A thing that rows are about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entity {
    pub kind: EntityKind,
    pub value: String,
    /// Of the incident.
    pub rows: u64,
}

/// The parts of a risk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RiskParts {
    /// Of the highest severity of its flags: 60, 40, 20 or 0.
    pub flag: i64,
    /// Of its highest score among those of suspicious rows: 0..30.
    pub score: i64,
    /// Of further kinds of evidence: 0, 10 or 20.
    pub more: i64,
    /// 10 for a target that no one else has, −10 for one that many have.
    pub rarity: i64,
}

/// The incidents of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct IncidentSet {
    /// By number; at most [`DESCRIBED`].
    pub incidents: Vec<Incident>,
    /// All of them.
    pub count: u64,
    /// All of them by severity: low, medium, high.
    pub by_severity: [u64; 3],
    /// Rows of incidents that are not described.
    pub rest_rows: u64,
    pub findings: u64,
    /// Causes whose findings were grouped more coarsely to stay within bounds.
    pub coarser: Vec<String>,
}

/// A row of evidence with its incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberedRow {
    pub row: u64,
    pub incident: u64,
    /// Microseconds since the epoch.
    pub time: Option<i64>,
    pub actor: Code,
    pub target: Code,
}

/// The rows of evidence by row, in memory or in a file.
#[derive(Debug)]
pub(crate) struct NumberedRows {
    rows: Spool<FoundRow>,
    /// By finding.
    numbers: Vec<u64>,
}

impl NumberedRows {
    pub fn iter(&self) -> impl Iterator<Item = Result<NumberedRow>> {
        self.rows.iter().map(|row| {
            let FoundRow { row, finding, time, actor, target } = *row?;
            let incident = self.numbers[finding as usize];
            let time = Some(time).filter(|time| *time != i64::MIN);
            Ok(NumberedRow { row, incident, time, actor, target })
        })
    }
}

/// Groups evidence rows into incidents. Beyond [`IncidentInput::memory`] rows are in temporary files, with the same result.
///
/// # Errors
/// `Output` if these can't be written, or read again.
pub(crate) fn incidents(
    input: &IncidentInput,
    evidence: Spool<Evidence>,
) -> Result<(IncidentSet, NumberedRows)> {
    let Findings { all: findings, places, coarser, rows, entities, scores } =
        findings::findings(input, evidence)?;
    let groups = merge::merge(input, &findings);
    let mut group_of = vec![0; findings.len()];
    for (place, group) in (0_u32..).zip(&groups) {
        group.findings.iter().for_each(|finding| group_of[*finding] = place);
    }
    let found_in: Vec<u32> = places.iter().map(|place| group_of[*place as usize]).collect();
    let spans = spans(input, &findings, &groups, &rows, &found_in)?;
    let sides = EntityCounts::new(input, entities, &found_in)?;
    let things = sides.things(groups.len())?;
    let mut drafts = risk::drafts(input, &findings, &groups, (&spans, &things), &scores)?;
    drop((groups, scores));
    drafts.sort_by(risk::Draft::order);
    let mut set = IncidentSet {
        count: drafts.len() as u64,
        findings: findings.len() as u64,
        coarser,
        ..IncidentSet::default()
    };
    let mut numbers = vec![0; drafts.len()];
    for (draft, number) in drafts.iter().zip(1..) {
        set.by_severity[risk::severity(draft.risk) as usize] += 1;
        numbers[draft.group as usize] = number;
        if number > DESCRIBED as u64 {
            set.rest_rows += draft.rows;
        }
    }
    drafts.truncate(DESCRIBED);
    let mut listed = sides.listed(input, &drafts)?;
    for (draft, number) in drafts.iter().zip(1..) {
        let sides = listed.remove(&draft.group).unwrap_or_default();
        set.incidents.push(describe(input, &findings, draft, number, sides));
    }
    let numbers = found_in.iter().map(|group| numbers[*group as usize]).collect();
    Ok((set, NumberedRows { rows, numbers }))
}

/// When the rows of groups are.
fn spans(
    input: &IncidentInput,
    findings: &[Finding],
    groups: &[merge::Group],
    rows: &Spool<FoundRow>,
    found_in: &[u32],
) -> Result<Vec<Option<Span>>> {
    let only = |group: &merge::Group| match group.findings.as_slice() {
        [only] => findings[*only].span,
        _ => None,
    };
    let mut spans: Vec<Option<Span>> = groups.iter().map(only).collect();
    let several = |group: u32| groups[group as usize].findings.len() > 1;
    let mut times = Sorter::new(input.memory / 2, |a: &(u32, i64), b: &(u32, i64)| a.cmp(b));
    if groups.len() < findings.len() {
        for row in rows.iter() {
            let row = row?;
            let group = found_in[row.finding as usize];
            if row.time != i64::MIN && several(group) {
                times.push((group, row.time))?;
            }
        }
    }
    let mut building: Option<(u32, SpanBuilder)> = None;
    times.finish()?.drain(|(group, time)| {
        if let Some((known, done)) = building.take_if(|(known, _)| *known != group) {
            spans[known as usize] = done.finish();
        }
        let timed = |finding: &usize| findings[*finding].sums.timed;
        let rows = || groups[group as usize].findings.iter().map(timed).sum();
        building.get_or_insert_with(|| (group, SpanBuilder::new(rows()))).1.add(time);
        Ok(())
    })?;
    if let Some((group, done)) = building {
        spans[group as usize] = done.finish();
    }
    Ok(spans)
}

fn describe(
    input: &IncidentInput,
    findings: &[Finding],
    draft: &risk::Draft,
    number: u64,
    [actors, targets]: [Vec<(Code, u64)>; 2],
) -> Incident {
    let flag_name = |flag: &usize| input.flags[*flag].name.clone();
    let time = |micros| span::text(micros, input.time_step);
    let mut keys: Vec<String> =
        draft.findings.iter().map(|finding| findings[*finding].key.clone()).collect();
    keys.sort();
    keys.dedup();
    keys.truncate(LISTED);
    let facts = facts::common(input, findings, draft);
    Incident {
        number,
        key: draft.key.clone(),
        keys,
        title: titles::title(input, findings, draft, &facts, &actors),
        severity: risk::severity(draft.risk),
        risk: draft.risk,
        parts: draft.parts,
        actors: named(input, &actors),
        actor_count: draft.things.actors,
        targets: named(input, &targets),
        target_count: draft.things.targets,
        flags: draft.flags.iter().map(flag_name).collect(),
        rows: draft.rows,
        suspicious: draft.suspicious,
        first: draft.span.map(|span| time(span.first)),
        last: draft.span.map(|span| time(span.last)),
        core: draft.span.map(|span| [span.core_start, span.core_end].map(time)),
        span: draft.span,
        time_step: input.time_step,
        facts,
        together: draft.together.clone(),
        findings: draft.findings.len() as u64,
        top_row: draft.top_row,
        suppressed: None,
    }
}

fn named(input: &IncidentInput, counts: &[(Code, u64)]) -> Vec<Entity> {
    let entity = |(code, rows): &(Code, u64)| {
        let value = &input.values[*code as usize];
        Entity { kind: value.kind, value: value.text.clone(), rows: *rows }
    };
    counts.iter().map(entity).collect()
}
