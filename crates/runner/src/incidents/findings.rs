//! Findings: evidence with one cause about the same things, not apart in time.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::{
    input::{Code, IncidentInput, KeyPart, NONE},
    key::key,
    span::Span,
};

/// Rows of a pair of actor and target that no flag has hit are a burst from this number on, and fewer rows at the end of a
/// finding are no finding of their own.
const FEW: usize = 3;

/// Rows by their places in [`IncidentInput::evidence`].
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Finding {
    /// [`key`] over cause and things: parts of one finding that are apart in time have the same.
    pub key: String,
    pub cause: Cause,
    /// [`NONE`] where its rows have no value in common, or one that says nothing.
    pub actor: Code,
    pub target: Code,
    /// By time, then row; those without a time first.
    pub rows: Vec<usize>,
    pub span: Option<Span>,
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

/// How finely the rows of a cause are grouped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Level {
    #[default]
    Full,
    ActorAlone,
    CauseAlone,
}

/// What the rows of a finding have in common, but for time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Group {
    cause: Cause,
    actor: Code,
    target: Code,
    /// Of a flag that has a key: its values.
    values: Option<Vec<Code>>,
}

/// The findings in an order that does not depend on that of the rows, and the causes that were grouped more coarsely.
pub(super) fn findings(input: &IncidentInput) -> (Vec<Finding>, Vec<String>) {
    let mut levels: HashMap<Option<usize>, Level> = HashMap::new();
    loop {
        let findings = at_levels(input, &levels);
        if findings.len() <= input.max_findings {
            return (findings, coarser(input, &levels));
        }
        let mut counts: BTreeMap<Option<usize>, usize> = BTreeMap::new();
        for finding in &findings {
            *counts.entry(flag(finding.cause)).or_default() += 1;
        }
        let level = |cause: &Option<usize>| levels.get(cause).copied().unwrap_or_default();
        let finer = counts.into_iter().filter(|(cause, _)| level(cause) != Level::CauseAlone);
        let Some((cause, _)) =
            finer.max_by_key(|(cause, count)| (*count, std::cmp::Reverse(*cause)))
        else {
            return (findings, coarser(input, &levels));
        };
        let next = match level(&cause) {
            Level::Full => Level::ActorAlone,
            Level::ActorAlone | Level::CauseAlone => Level::CauseAlone,
        };
        levels.insert(cause, next);
    }
}

fn flag(cause: Cause) -> Option<usize> {
    match cause {
        Cause::Flag(flag) => Some(flag),
        Cause::Score | Cause::Alike(_) => None,
    }
}

fn coarser(input: &IncidentInput, levels: &HashMap<Option<usize>, Level>) -> Vec<String> {
    let name = |cause: &Option<usize>| {
        cause.map_or("the score".to_owned(), |flag| format!("flag {}", input.flags[flag].name))
    };
    let step = |level: &Level| match level {
        Level::ActorAlone => "by their actors alone",
        Level::Full | Level::CauseAlone => "without regard to what they are about",
    };
    let mut all: Vec<String> =
        levels.iter().map(|(cause, level)| format!("{}: {}", name(cause), step(level))).collect();
    all.sort();
    all
}

fn at_levels(input: &IncidentInput, levels: &HashMap<Option<usize>, Level>) -> Vec<Finding> {
    let mut groups: HashMap<Group, Vec<usize>> = HashMap::new();
    for (place, group) in first_groups(input, levels) {
        groups.entry(group).or_default().push(place);
    }
    let mut findings = Vec::new();
    let mut single = Vec::new();
    for (group, mut rows) in groups {
        rows.sort_unstable_by_key(|row| {
            let row = &input.evidence[*row];
            (row.time, row.row)
        });
        if group.cause == Cause::Score && !is_supported(input, &group) {
            let (bursts, rest) = bursts(input, rows);
            single.extend(rest);
            findings.extend(bursts.into_iter().map(|rows| finding(input, &group, rows)));
            continue;
        }
        let parts =
            if matches!(group.cause, Cause::Alike(_)) { vec![rows] } else { split(input, rows) };
        findings.extend(parts.into_iter().map(|rows| finding(input, &group, rows)));
    }
    findings.extend(alike(input, single));
    findings.sort_by(|a, b| {
        let start = |finding: &Finding| finding.span.map(|span| span.first);
        let row = |finding: &Finding| finding.rows.first().map(|row| input.evidence[*row].row);
        a.key.cmp(&b.key).then_with(|| start(a).cmp(&start(b))).then_with(|| row(a).cmp(&row(b)))
    });
    findings
}

/// The group of each evidence row, by its lead cause.
fn first_groups(
    input: &IncidentInput,
    levels: &HashMap<Option<usize>, Level>,
) -> impl Iterator<Item = (usize, Group)> {
    input.evidence.iter().enumerate().map(|(place, row)| {
        let lead = input.lead(&row.hits);
        let (mut actor, mut target) = (input.actor(row.actor), input.target(row.target));
        let mut values = None;
        if let Some(parts) = row.group.as_ref().filter(|_| lead.is_some()) {
            let side = |wanted: KeyPart| {
                let part = parts.iter().find(|part| part.part == wanted);
                part.map_or(NONE, |part| part.code)
            };
            actor = input.actor(side(KeyPart::Actor));
            target = input.target(side(KeyPart::Target));
            values = Some(parts.iter().map(|part| part.code).collect());
        }
        match levels.get(&lead).copied().unwrap_or_default() {
            Level::Full => {}
            Level::ActorAlone => (target, values) = (NONE, None),
            Level::CauseAlone => (actor, target, values) = (NONE, NONE, None),
        }
        let cause = lead.map_or(Cause::Score, Cause::Flag);
        (place, Group { cause, actor, target, values })
    })
}

/// Whether flagged rows are about the same pair.
fn is_supported(input: &IncidentInput, group: &Group) -> bool {
    group.actor != NONE
        && group.target != NONE
        && input.flagged_pairs().contains(&(group.actor, group.target))
}

/// Rows of one pair that are near in time, and the others.
fn bursts(input: &IncidentInput, rows: Vec<usize>) -> (Vec<Vec<usize>>, Vec<usize>) {
    let first = rows.first().map(|row| &input.evidence[*row]);
    let about =
        |row: &super::Evidence| input.actor(row.actor) != NONE || input.target(row.target) != NONE;
    if !first.is_some_and(about) {
        return (Vec::new(), rows);
    }
    let (mut bursts, mut rest) = (Vec::new(), Vec::new());
    for part in cut(input, rows, input.gap) {
        if part.len() >= FEW { bursts.push(part) } else { rest.extend(part) }
    }
    (bursts, rest)
}

/// Single rows by the way in which they are odd.
fn alike(input: &IncidentInput, rows: Vec<usize>) -> Vec<Finding> {
    let mut groups: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for row in rows {
        groups.entry(input.evidence[row].signature).or_default().push(row);
    }
    let of_signature = |(signature, mut rows): (Option<usize>, Vec<usize>)| {
        rows.sort_unstable_by_key(|row| {
            let row = &input.evidence[*row];
            (row.time, row.row)
        });
        let cause = Cause::Alike(signature.unwrap_or(usize::MAX));
        let group = Group { cause, actor: NONE, target: NONE, values: None };
        finding(input, &group, rows)
    };
    groups.into_iter().map(of_signature).collect()
}

/// Cuts rows, which are in the order of time, at pauses longer than `pause`. Rows without a time, which come first, are in the
/// first part.
fn cut(input: &IncidentInput, rows: Vec<usize>, pause: i64) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut last = None;
    for row in rows {
        let time = input.evidence[row].time;
        let apart = matches!((last, time), (Some(last), Some(time)) if i64::saturating_sub(time, last) > pause);
        last = time.or(last);
        match parts.last_mut() {
            Some(part) if !apart => part.push(row),
            _ => parts.push(vec![row]),
        }
    }
    parts
}

/// Parts of a group at pauses longer than the gap and three times the median pause. A few rows are no part of their own:
/// they stay with those before, the first with those behind.
fn split(input: &IncidentInput, rows: Vec<usize>) -> Vec<Vec<usize>> {
    let times: Vec<i64> = rows.iter().filter_map(|row| input.evidence[*row].time).collect();
    let mut pauses: Vec<i64> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0])).collect();
    let median = match pauses.len() {
        0 => return vec![rows],
        length => *pauses.select_nth_unstable((length - 1) / 2).1,
    };
    let mut parts: Vec<Vec<usize>> = Vec::new();
    for part in cut(input, rows, input.gap.max(median.saturating_mul(3))) {
        match parts.last_mut() {
            Some(before) if part.len() < FEW || before.len() < FEW => before.extend(part),
            _ => parts.push(part),
        }
    }
    parts
}

fn finding(input: &IncidentInput, group: &Group, rows: Vec<usize>) -> Finding {
    let span = Span::from_times(rows.iter().filter_map(|row| input.evidence[*row].time).collect());
    let value = |code: Code| input.values.get(code as usize);
    let mut parts: Vec<String> = Vec::new();
    match group.cause {
        Cause::Flag(flag) => parts.extend(["flag".to_owned(), input.flags[flag].name.clone()]),
        Cause::Score => parts.push("score".to_owned()),
        Cause::Alike(signature) => {
            parts.push("alike".to_owned());
            parts.extend(input.signatures.get(signature).map(super::Signature::describe));
        }
    }
    let codes = group.values.clone().unwrap_or_else(|| vec![group.actor, group.target]);
    for code in codes {
        let (kind, text) =
            value(code).map_or(("none", ""), |value| (value.kind.nouns().0, value.text.as_str()));
        parts.extend([kind.to_owned(), text.to_owned()]);
    }
    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
    let Group { cause, actor, target, .. } = *group;
    Finding { key: key(&parts), cause, actor, target, rows, span }
}

impl IncidentInput {
    /// Pairs of actor and target that a flag has hit.
    fn flagged_pairs(&self) -> &HashSet<(Code, Code)> {
        self.flagged_pairs.get_or_init(|| {
            let flagged = self.evidence.iter().filter(|row| !row.hits.is_empty());
            flagged.map(|row| (self.actor(row.actor), self.target(row.target))).collect()
        })
    }
}
