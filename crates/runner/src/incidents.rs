//! From suspicious and flagged rows to incidents: what an analyst judges (docs/incidents.md).
//!
//! Pure functions over plain values: nothing here reads a clock, a file or a random number. The same rows give the same
//! incidents, in whatever order and batches they come.

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

use serde::Serialize;

use anomal_spec::{EntityKind, Severity};

pub use entities::{EntityRisk, entity_risks};
pub use facts::IncidentFact;
pub(crate) use input::{
    Code, Evidence, FlagInfo, HitKey, IncidentInput, KeyPart, NONE, Signature, SignatureState,
    Value,
};
use span::Span;

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
    /// All of them, also those that are not described.
    pub count: u64,
    /// Number of incidents by severity: low, medium, high.
    pub by_severity: [u64; 3],
    /// For each evidence row of the input, in its order: the number of its incident.
    pub numbers: Vec<u64>,
    /// Rows of incidents that are not described.
    pub rest_rows: u64,
    pub findings: u64,
    /// Causes whose findings were grouped more coarsely to stay within bounds.
    pub coarser: Vec<String>,
}

/// Groups evidence rows into incidents.
pub(crate) fn incidents(input: &IncidentInput) -> IncidentSet {
    let (findings, coarser) = findings::findings(input);
    let groups = merge::merge(input, &findings);
    let mut drafts: Vec<risk::Draft> =
        groups.iter().map(|group| risk::draft(input, &findings, group)).collect();
    drafts.sort_by(risk::Draft::order);
    let mut set = IncidentSet {
        count: drafts.len() as u64,
        numbers: vec![0; input.evidence.len()],
        findings: findings.len() as u64,
        coarser,
        ..IncidentSet::default()
    };
    for (draft, number) in drafts.iter().zip(1..) {
        set.by_severity[risk::severity(draft.risk) as usize] += 1;
        for row in draft.members(&findings) {
            set.numbers[row] = number;
        }
        if set.incidents.len() < DESCRIBED {
            set.incidents.push(describe(input, &findings, draft, number));
        } else {
            set.rest_rows += draft.rows;
        }
    }
    set
}

fn describe(
    input: &IncidentInput,
    findings: &[findings::Finding],
    draft: &risk::Draft,
    number: u64,
) -> Incident {
    let (actors, actor_count) = entities(input, &draft.actors);
    let (targets, target_count) = entities(input, &draft.targets);
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
        title: titles::title(input, findings, draft, &facts),
        severity: risk::severity(draft.risk),
        risk: draft.risk,
        parts: draft.parts,
        actors,
        actor_count,
        targets,
        target_count,
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

/// Values by rows, then by text; and how many there are.
fn entities(input: &IncidentInput, counts: &[(Code, u64)]) -> (Vec<Entity>, u64) {
    let entity = |(code, rows): &(Code, u64)| {
        let value = &input.values[*code as usize];
        Entity { kind: value.kind, value: value.text.clone(), rows: *rows }
    };
    let mut all: Vec<Entity> = counts.iter().map(entity).collect();
    all.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| a.value.cmp(&b.value)));
    let count = all.len() as u64;
    all.truncate(LISTED);
    (all, count)
}
