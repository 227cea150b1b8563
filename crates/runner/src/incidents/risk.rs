//! How much an incident deserves a look: a sum of parts that people can read.

use std::cmp::Ordering;

use anomal_spec::Severity;

use super::{
    RiskParts,
    findings::Finding,
    input::{Code, IncidentInput, NONE},
    merge::Group,
    span::Span,
};

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
    pub together: Vec<&'static str>,
    pub is_chain: bool,
    /// Of the finding that leads.
    pub key: String,
    /// The place of that finding.
    pub lead: usize,
    /// By severity, then place.
    pub flags: Vec<usize>,
    /// Values with their rows, by code.
    pub actors: Vec<(Code, u64)>,
    pub targets: Vec<(Code, u64)>,
    pub rows: u64,
    pub suspicious: u64,
    pub span: Option<Span>,
    pub parts: RiskParts,
    pub risk: i64,
    pub top_row: u64,
}

impl Draft {
    /// Its evidence rows by their places.
    pub fn members<'a>(&'a self, findings: &'a [Finding]) -> impl Iterator<Item = usize> + 'a {
        self.findings.iter().flat_map(|finding| findings[*finding].rows.iter().copied())
    }

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

pub(super) fn draft(input: &IncidentInput, findings: &[Finding], group: &Group) -> Draft {
    let rows = || group.findings.iter().flat_map(|finding| &findings[*finding].rows);
    let evidence = || rows().map(|row| &input.evidence[*row]);
    let mut flags: Vec<usize> = evidence().flat_map(|row| row.hits.iter().copied()).collect();
    flags.sort_unstable();
    flags.dedup();
    flags.sort_by_key(|flag| std::cmp::Reverse(input.flags[*flag].severity));
    let actors = counts(evidence().map(|row| row.actor));
    let targets = counts(evidence().map(|row| row.target));
    let lead = lead(input, findings, &group.findings);
    let mut draft = Draft {
        key: lead.map_or_else(String::new, |lead| findings[lead].key.clone()),
        lead: lead.unwrap_or_default(),
        rows: rows().count() as u64,
        suspicious: evidence().filter(|row| row.suspicious).count() as u64,
        span: match group.findings.as_slice() {
            [only] => findings[*only].span,
            _ => Span::from_times(evidence().filter_map(|row| row.time.get()).collect()),
        },
        top_row: top_row(input, rows().copied()),
        flags,
        actors,
        targets,
        parts: RiskParts::default(),
        risk: 1,
        together: group.together.clone(),
        is_chain: group.is_chain,
        findings: group.findings.clone(),
    };
    draft.parts = parts(input, findings, &draft);
    let RiskParts { flag, score, more, rarity } = draft.parts;
    draft.risk = (flag + score + more + rarity).clamp(1, 100);
    draft
}

/// Values with their rows, by code.
fn counts(codes: impl Iterator<Item = Code>) -> Vec<(Code, u64)> {
    let mut codes: Vec<Code> = codes.filter(|code| *code != NONE).collect();
    codes.sort_unstable();
    codes.chunk_by(|a, b| a == b).map(|same| (same[0], same.len() as u64)).collect()
}

/// The first finding by severity, rows and key.
fn lead(input: &IncidentInput, findings: &[Finding], places: &[usize]) -> Option<usize> {
    let order = |place: &usize| {
        let finding = &findings[*place];
        let severity = match finding.cause {
            super::findings::Cause::Flag(flag) => Some(input.flags[flag].severity),
            _ => None,
        };
        (std::cmp::Reverse((severity, finding.rows.len())), finding.key.as_str())
    };
    places.iter().copied().min_by(|a, b| order(a).cmp(&order(b)))
}

/// The row with the highest score, of equal ones the first.
fn top_row(input: &IncidentInput, rows: impl Iterator<Item = usize>) -> u64 {
    let score = |row: usize| input.evidence[row].score.get().unwrap_or(f64::NEG_INFINITY);
    let order = |a: &usize, b: &usize| {
        let rows = || input.evidence[*b].row.cmp(&input.evidence[*a].row);
        score(*a).total_cmp(&score(*b)).then_with(rows)
    };
    rows.max_by(order).map_or(0, |row| input.evidence[row].row)
}

fn parts(input: &IncidentInput, findings: &[Finding], draft: &Draft) -> RiskParts {
    let flag = draft.flags.first().map_or(0, |flag| FLAG[input.flags[*flag].severity as usize]);
    let highest = draft
        .members(findings)
        .map(|row| &input.evidence[row])
        .filter(|row| row.suspicious)
        .filter_map(|row| row.score.get())
        .max_by(f64::total_cmp);
    let score = highest.map_or(0, |highest| score_part(input.suspicious_scores(), highest));
    let agree = draft
        .members(findings)
        .map(|row| &input.evidence[row])
        .filter(|row| row.suspicious && !row.hits.is_empty())
        .count() as u64;
    let kinds = draft.flags.len().saturating_sub(1) + usize::from(agree >= AGREEING);
    let more = MOST_MORE.min(MORE * i64::try_from(kinds).unwrap_or(i64::MAX / MORE));
    let rarity = if draft.flags.is_empty() { 0 } else { rarity(input, findings, draft) };
    RiskParts { flag, score, more, rarity }
}

/// 30 times the share of suspicious rows that score no higher. `scores` ascend.
fn score_part(scores: &[f64], highest: f64) -> i64 {
    let below = scores.partition_point(|score| score.total_cmp(&highest).is_le());
    let share = below as f64 / scores.len().max(1) as f64;
    #[expect(clippy::cast_possible_truncation, reason = "0 to 30")]
    let part = (SCORE * share).round() as i64;
    part
}

fn rarity(input: &IncidentInput, findings: &[Finding], draft: &Draft) -> i64 {
    let of_target = |row: usize| match input.values.get(input.evidence[row].target as usize) {
        Some(value) if value.actors == 1 => RARITY,
        Some(value)
            if value.actors >= COMMON_ACTORS && u64::from(value.actors) * 10 > input.actors =>
        {
            -RARITY
        }
        _ => 0,
    };
    let mut all: Vec<i64> = draft.members(findings).map(of_target).collect();
    let middle = (all.len().max(1) - 1) / 2;
    all.sort_unstable();
    let median = all.get(middle).copied().unwrap_or_default();
    let alone = draft.actors.len() == 1 && draft.rows >= SEVERAL;
    if median > 0 && !alone { 0 } else { median }
}

impl IncidentInput {
    /// The scores of suspicious rows, ascending.
    fn suspicious_scores(&self) -> &[f64] {
        self.suspicious_scores.get_or_init(|| {
            let suspicious = self.evidence.iter().filter(|row| row.suspicious);
            let mut scores: Vec<f64> = suspicious.filter_map(|row| row.score.get()).collect();
            scores.sort_unstable_by(f64::total_cmp);
            scores
        })
    }
}
