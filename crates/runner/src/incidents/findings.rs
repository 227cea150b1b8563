//! Findings: evidence with one cause about the same things, not apart in time.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use super::{
    Evidence, Signature,
    input::{Code, HitKey, IncidentInput, KeyPart, NONE},
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
#[derive(Clone, Debug, PartialEq, Eq)]
struct Group {
    cause: Cause,
    actor: Code,
    target: Code,
    /// Of a flag that has a key: its values.
    values: Option<Arc<[HitKey]>>,
}

/// A finding without its key and its time.
struct Part {
    group: Group,
    rows: Vec<usize>,
}

/// The rows of a flag, or of the score.
#[derive(Default)]
struct CauseRows {
    rows: Vec<usize>,
    level: Level,
    parts: Vec<Part>,
}

/// By flag; none: the score.
type Causes = BTreeMap<Option<usize>, CauseRows>;

/// The findings in an order that does not depend on that of the rows, and the causes that were grouped more coarsely.
pub(super) fn findings(input: &IncidentInput) -> (Vec<Finding>, Vec<String>) {
    let mut causes = Causes::new();
    for (place, row) in input.evidence.iter().enumerate() {
        causes.entry(input.lead(&row.hits)).or_default().rows.push(place);
    }
    for (cause, all) in &mut causes {
        all.parts = parts(input, *cause, &all.rows, all.level);
    }
    while causes.values().map(|all| all.parts.len()).sum::<usize>() > input.max_findings {
        let finer = causes.iter_mut().filter(|(_, all)| all.level != Level::CauseAlone);
        let most = finer.max_by_key(|(cause, all)| (all.parts.len(), Reverse(**cause)));
        let Some((cause, all)) = most else { break };
        all.level = match all.level {
            Level::Full => Level::ActorAlone,
            Level::ActorAlone | Level::CauseAlone => Level::CauseAlone,
        };
        all.parts = parts(input, *cause, &all.rows, all.level);
    }
    let coarser = coarser(input, &causes);
    let parts = causes.into_values().flat_map(|all| all.parts);
    let mut findings: Vec<Finding> = parts.map(|part| finding(input, part)).collect();
    let start = |finding: &Finding| finding.span.map(|span| span.first);
    let row = |finding: &Finding| finding.rows.first().map(|row| input.evidence[*row].row);
    findings.sort_unstable_by(|a, b| {
        a.key.cmp(&b.key).then_with(|| start(a).cmp(&start(b))).then_with(|| row(a).cmp(&row(b)))
    });
    (findings, coarser)
}

fn coarser(input: &IncidentInput, causes: &Causes) -> Vec<String> {
    let name = |cause: &Option<usize>| {
        cause.map_or("the score".to_owned(), |flag| format!("flag {}", input.flags[flag].name))
    };
    let step = |(cause, all): (&Option<usize>, &CauseRows)| match all.level {
        Level::Full => None,
        Level::ActorAlone => Some(format!("{}: by their actors alone", name(cause))),
        Level::CauseAlone => {
            Some(format!("{}: without regard to what they are about", name(cause)))
        }
    };
    let mut all: Vec<String> = causes.iter().filter_map(step).collect();
    all.sort();
    all
}

/// A row with what it is grouped by, then its place in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct GroupedRow<'a> {
    actor: Code,
    target: Code,
    values: Option<&'a Arc<[HitKey]>>,
    time: Option<i64>,
    row: u64,
    place: usize,
}

impl<'a> GroupedRow<'a> {
    fn new(input: &'a IncidentInput, place: usize, is_flagged: bool, level: Level) -> Self {
        let evidence = &input.evidence[place];
        let Evidence { row, actor, target, .. } = *evidence;
        let mut grouped = Self {
            actor: input.actor(actor),
            target: input.target(target),
            values: evidence.group.as_ref().filter(|_| is_flagged),
            time: evidence.time.get(),
            row,
            place,
        };
        if let Some(parts) = grouped.values {
            let side = |wanted: KeyPart| {
                let part = parts.iter().find(|part| part.part == wanted);
                part.map_or(NONE, |part| part.code)
            };
            grouped.actor = input.actor(side(KeyPart::Actor));
            grouped.target = input.target(side(KeyPart::Target));
        }
        match level {
            Level::Full => {}
            Level::ActorAlone => (grouped.target, grouped.values) = (NONE, None),
            Level::CauseAlone => {
                (grouped.actor, grouped.target, grouped.values) = (NONE, NONE, None);
            }
        }
        grouped
    }

    fn is_with(&self, other: &Self) -> bool {
        (self.actor, self.target, self.values) == (other.actor, other.target, other.values)
    }
}

/// The findings of a cause.
fn parts(input: &IncidentInput, cause: Option<usize>, rows: &[usize], level: Level) -> Vec<Part> {
    let grouped = rows.iter().map(|row| GroupedRow::new(input, *row, cause.is_some(), level));
    let mut grouped: Vec<GroupedRow<'_>> = grouped.collect();
    grouped.sort_unstable();
    let (mut parts, mut single) = (Vec::new(), Vec::new());
    for same in grouped.chunk_by(GroupedRow::is_with) {
        let GroupedRow { actor, target, values, .. } = same[0];
        let cause = cause.map_or(Cause::Score, Cause::Flag);
        let group = Group { cause, actor, target, values: values.cloned() };
        let rows: Vec<usize> = same.iter().map(|row| row.place).collect();
        let together = if cause == Cause::Score && !is_supported(input, &group) {
            let (bursts, rest) = bursts(input, rows);
            single.extend(rest);
            bursts
        } else {
            split(input, rows)
        };
        parts.extend(together.into_iter().map(|rows| Part { group: group.clone(), rows }));
    }
    parts.extend(alike(input, single));
    parts
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
    let about = |row: &Evidence| input.actor(row.actor) != NONE || input.target(row.target) != NONE;
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
fn alike(input: &IncidentInput, rows: Vec<usize>) -> Vec<Part> {
    let mut groups: BTreeMap<Option<usize>, Vec<usize>> = BTreeMap::new();
    for row in rows {
        groups.entry(input.evidence[row].signature.get()).or_default().push(row);
    }
    let of_signature = |(signature, mut rows): (Option<usize>, Vec<usize>)| {
        rows.sort_unstable_by_key(|row| {
            let row = &input.evidence[*row];
            (row.time.get(), row.row)
        });
        let cause = Cause::Alike(signature.unwrap_or(usize::MAX));
        Part { group: Group { cause, actor: NONE, target: NONE, values: None }, rows }
    };
    groups.into_iter().map(of_signature).collect()
}

/// Cuts rows, which are in the order of time, at pauses longer than `pause`. Rows without a time, which come first, are in the
/// first part.
fn cut(input: &IncidentInput, rows: Vec<usize>, pause: i64) -> Vec<Vec<usize>> {
    let mut parts: Vec<Vec<usize>> = Vec::new();
    let mut last = None;
    for row in rows {
        let time = input.evidence[row].time.get();
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
    if rows.len() < 2 * FEW {
        return vec![rows];
    }
    let times: Vec<i64> = rows.iter().filter_map(|row| input.evidence[*row].time.get()).collect();
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

fn finding(input: &IncidentInput, part: Part) -> Finding {
    let Part { group: Group { cause, actor, target, values }, rows } = part;
    let times = rows.iter().filter_map(|row| input.evidence[*row].time.get());
    let span = Span::from_times(times.collect());
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
    match &values {
        Some(values) => values.iter().for_each(|part| add(part.code)),
        None => [actor, target].into_iter().for_each(add),
    }
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
