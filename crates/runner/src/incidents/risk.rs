//! How much an incident deserves a look: a sum of parts that people can read.

use std::{borrow::Cow, cmp::Ordering};

use anomal_core::Result;
use anomal_spec::Severity;

use super::{
    RiskParts,
    findings::{Finding, Sums},
    input::{Code, IncidentInput},
    merge::Group,
    span::Span,
};
use crate::spool::Spool;

const HIGH: i64 = 70;
const MEDIUM: i64 = 40;
/// For the highest severity of a flag: low, medium, high.
const FLAG: [i64; 3] = [20, 40, 60];
const SCORE: f64 = 30.0;
const MORE: i64 = 10;
const MOST_MORE: i64 = 20;
const RARITY: i64 = 10;
/// Rows from which a target that no one else has is worth a mention, and rows in which score and flag agree.
const SEVERAL: u64 = 3;
const AGREEING: u64 = 2;
/// Actors from which a target is common, if they are also more than a tenth of all.
const COMMON_ACTORS: u32 = 5;

/// An incident without words.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Draft {
    pub findings: Vec<usize>,
    /// The place of its group of findings.
    pub group: u32,
    pub together: Vec<&'static str>,
    pub is_chain: bool,
    /// Of the finding that leads.
    pub key: String,
    /// The place of that finding.
    pub lead: usize,
    /// By severity, then place.
    pub flags: Vec<usize>,
    pub things: Things,
    pub rows: u64,
    pub suspicious: u64,
    pub span: Option<Span>,
    pub parts: RiskParts,
    pub risk: i64,
    pub top_row: u64,
    /// The highest score of a suspicious row.
    highest: Option<f64>,
}

/// How many different values rows have: actors and targets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Things {
    pub actors: u64,
    pub targets: u64,
}

impl Draft {
    /// The highest risk first; of equal ones more rows, the earlier, the smaller key.
    pub fn order(&self, other: &Self) -> Ordering {
        let start = |draft: &Self| draft.span.map_or(i64::MAX, |span| span.first);
        (other.risk.cmp(&self.risk))
            .then_with(|| other.rows.cmp(&self.rows))
            .then_with(|| start(self).cmp(&start(other)))
            .then_with(|| self.key.cmp(&other.key))
            .then_with(|| self.top_row.cmp(&other.top_row))
    }
}

pub(super) fn severity(risk: i64) -> Severity {
    match risk {
        HIGH.. => Severity::High,
        MEDIUM.. => Severity::Medium,
        _ => Severity::Low,
    }
}

/// Incidents of groups of findings, in their order. `spans` and `things` are those of the groups; `scores` those of suspicious
/// rows, ascending.
///
/// # Errors
/// `Output` if scores can't be read again.
pub(super) fn drafts(
    input: &IncidentInput,
    findings: &[Finding],
    groups: &[Group],
    (spans, things): (&[Option<Span>], &[Things]),
    scores: &Spool<f64>,
) -> Result<Vec<Draft>> {
    let place = |group: usize| u32::try_from(group).unwrap_or(u32::MAX);
    let draft = |(group, ((of_it, span), things)): (usize, ((&Group, &Option<Span>), &Things))| {
        draft(input, findings, (place(group), of_it), *span, *things)
    };
    let mut drafts: Vec<Draft> =
        groups.iter().zip(spans).zip(things).enumerate().map(draft).collect();
    add_scores(&mut drafts, scores)?;
    for draft in &mut drafts {
        let RiskParts { flag, score, more, rarity } = draft.parts;
        draft.risk = (flag + score + more + rarity).clamp(1, 100);
    }
    Ok(drafts)
}

fn draft(
    input: &IncidentInput,
    findings: &[Finding],
    (place, group): (u32, &Group),
    span: Option<Span>,
    things: Things,
) -> Draft {
    let mut sums = Sums::default();
    group.findings.iter().for_each(|finding| sums.merge(&findings[*finding].sums));
    let mut flags = std::mem::take(&mut sums.flags);
    flags.sort_by_key(|flag| std::cmp::Reverse(input.flags[*flag].severity));
    let lead = lead(input, findings, &group.findings);
    Draft {
        key: lead.map_or_else(String::new, |lead| findings[lead].key.clone()),
        lead: lead.unwrap_or_default(),
        parts: parts(input, &flags, things, &sums),
        rows: sums.rows,
        suspicious: sums.suspicious,
        span,
        top_row: sums.top.map_or(0, |(_, row)| row),
        highest: sums.highest,
        flags,
        things,
        group: place,
        risk: 1,
        together: group.together.clone(),
        is_chain: group.is_chain,
        findings: group.findings.clone(),
    }
}

/// The first finding by severity, rows and key.
fn lead(input: &IncidentInput, findings: &[Finding], places: &[usize]) -> Option<usize> {
    let order = |place: &usize| {
        let finding = &findings[*place];
        let severity = match finding.cause {
            super::findings::Cause::Flag(flag) => Some(input.flags[flag].severity),
            _ => None,
        };
        (std::cmp::Reverse((severity, finding.sums.rows)), finding.key.as_str())
    };
    places.iter().copied().min_by(|a, b| order(a).cmp(&order(b)))
}

/// All but that of the score.
fn parts(input: &IncidentInput, flags: &[usize], things: Things, sums: &Sums) -> RiskParts {
    let flag = flags.first().map_or(0, |flag| FLAG[input.flags[*flag].severity as usize]);
    let kinds = flags.len().saturating_sub(1) + usize::from(sums.agreeing >= AGREEING);
    let more = MOST_MORE.min(MORE * i64::try_from(kinds).unwrap_or(i64::MAX / MORE));
    let rarity = if flags.is_empty() { 0 } else { rarity(things, sums) };
    RiskParts { flag, score: 0, more, rarity }
}

/// For each 30 times the share of suspicious rows that score no higher than its highest.
fn add_scores(drafts: &mut [Draft], scores: &Spool<f64>) -> Result<()> {
    let highest = |(place, draft): (usize, &Draft)| Some((draft.highest?, place));
    let mut wanted: Vec<(f64, usize)> = drafts.iter().enumerate().filter_map(highest).collect();
    wanted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let mut all = scores.iter().peekable();
    let mut below = 0_u64;
    for (highest, place) in wanted {
        let no_higher = |score: &Result<Cow<'_, f64>>| {
            score.as_ref().map_or(true, |score| score.total_cmp(&highest).is_le())
        };
        while let Some(score) = all.next_if(no_higher) {
            score?;
            below += 1;
        }
        let share = below as f64 / scores.len().max(1) as f64;
        #[expect(clippy::cast_possible_truncation, reason = "0 to 30")]
        let part = (SCORE * share).round() as i64;
        drafts[place].parts.score = part;
    }
    Ok(())
}

/// Whether a target is common, neither, or rare: 0, 1, 2.
pub(super) fn rarity_of(input: &IncidentInput, target: Code) -> usize {
    match input.values.get(target as usize) {
        Some(value) if value.actors == 1 => 2,
        Some(value)
            if value.actors >= COMMON_ACTORS && u64::from(value.actors) * 10 > input.actors =>
        {
            0
        }
        _ => 1,
    }
}

/// That of the median of its rows.
fn rarity(things: Things, sums: &Sums) -> i64 {
    let [common, neither, _] = sums.rarity;
    let middle = (sums.rows.max(1) - 1) / 2;
    let alone = things.actors == 1 && sums.rows >= SEVERAL;
    match middle {
        middle if middle < common => -RARITY,
        middle if middle < common + neither || !alone => 0,
        _ => RARITY,
    }
}
