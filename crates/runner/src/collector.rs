//! Collects the evidence of a run, row by row, and makes its incidents.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use anomal_core::{
    Hit, Result,
    proto::{self, plan::Flag},
};
use anomal_spec::{EntityKind, Side, TimeStep};
use polars::prelude::{DataFrame, Float64Chunked};

use crate::{
    explain::Explainer,
    incidents::{
        Code, Evidence, FlagInfo, HitKey, IncidentInput, IncidentSet, NONE, NumberedRows,
        Signature, Value, incidents,
    },
    operators::results::{largest, severity, shares},
    report_incidents::{self, TimeBins},
    role_values::{self, RoleValues, TIME},
    roles::{ColumnRoles, RoleOrigin},
    spool::{RowNumbers, Spool},
    suppressions::{SuppressionList, SuppressionSummary},
};

/// Actors of a target that are counted exactly.
const ACTORS: usize = 64;
/// Findings of a run, beyond which causes are grouped more coarsely.
const FINDINGS: usize = 200_000;
/// Bytes of evidence in memory, while more comes, and in each step of grouping it.
const MEMORY: usize = 64 << 20;
/// A column that was chosen by its name has no role if this share of the rows or more have a value of their own.
const UNIQUE: f64 = 0.9;
/// Rows from which that is judged.
const JUDGED: u64 = 50;

/// Rows with what is known of them when results are made.
pub(crate) struct RowsWithHits<'a> {
    pub rows: &'a [u64],
    pub features: &'a DataFrame,
    pub scores: &'a DataFrame,
    pub hits: Vec<&'a [Hit]>,
    pub reasons: Reasons<'a>,
}

/// From what the signatures of rows without a flag are known.
#[derive(Clone, Copy)]
pub(crate) enum Reasons<'a> {
    /// Rows that were not scored have none.
    None,
    /// The contributions of features, which are among the scores.
    Explained(&'a Explainer),
    /// Of each row.
    Signatures(&'a [Option<Signature>]),
}

impl<'a> From<Option<&'a Explainer>> for Reasons<'a> {
    fn from(explainer: Option<&'a Explainer>) -> Self {
        explainer.map_or(Self::None, Self::Explained)
    }
}

/// The rows of a run that are suspicious or flagged.
pub(crate) struct Collector {
    roles: ColumnRoles,
    values: Arc<RoleValues>,
    flags: Vec<Flag>,
    /// All features, in order.
    features: Vec<String>,
    gap: i64,
    rows: u64,
    counts: Vec<ValueCounts>,
    evidence: Spool<Evidence>,
    signatures: HashMap<Signature, usize>,
    hit_sets: Shared<usize>,
    groups: Shared<HitKey>,
    /// Counted for a report.
    timeline: Option<TimeBins>,
    suppressions: Option<Arc<SuppressionList>>,
}

/// Equal lists once.
type Shared<T> = HashSet<Arc<[T]>>;

fn shared<T: Copy + Eq + std::hash::Hash>(known: &mut Shared<T>, items: &[T]) -> Arc<[T]> {
    if let Some(known) = known.get(items) {
        return Arc::clone(known);
    }
    let items: Arc<[T]> = items.into();
    known.insert(Arc::clone(&items));
    items
}

#[derive(Clone, Debug, Default)]
struct ValueCounts {
    actor_rows: u64,
    target_rows: u64,
    /// Of rows that have it as target; at most one more than are counted exactly.
    actors: Vec<Code>,
}

/// The incidents of a run with the rows that they are made from.
#[derive(Clone, Debug, Default)]
pub(crate) struct IncidentRows {
    pub set: IncidentSet,
    /// Of the rows that stand out.
    pub numbers: RowNumbers,
    /// Roles that were given up since their values do not distinguish or group rows.
    pub unused: Vec<String>,
    /// What a report has beside the described incidents, where one is made.
    pub report: Option<Arc<proto::Incidents>>,
    /// What became of suppressions, where there are some.
    pub suppressions: Option<SuppressionSummary>,
}

impl Collector {
    pub fn new(
        roles: &ColumnRoles,
        values: &Arc<RoleValues>,
        flags: &[Flag],
        features: &[String],
        gap: i64,
    ) -> Self {
        Self {
            roles: roles.clone(),
            values: Arc::clone(values),
            flags: flags.to_vec(),
            features: features.to_vec(),
            gap,
            rows: 0,
            counts: Vec::new(),
            evidence: Spool::new(MEMORY),
            signatures: HashMap::new(),
            hit_sets: Shared::new(),
            groups: Shared::new(),
            timeline: None,
            suppressions: None,
        }
    }

    /// Is quiet about what these name.
    pub fn with_suppressions(self, suppressions: Option<Arc<SuppressionList>>) -> Self {
        Self { suppressions, ..self }
    }

    /// Counts what a report shows, too.
    pub fn for_report(self) -> Self {
        Self { timeline: Some(TimeBins::default()), ..self }
    }

    /// Adds rows that no call before had.
    ///
    /// # Errors
    /// `Internal` if a column is missing; `Output` if there are very many and they can't be written to a file.
    pub fn add(&mut self, rows: &RowsWithHits<'_>) -> Result<()> {
        let columns = Columns::new(self, rows)?;
        for (place, row) in rows.rows.iter().enumerate() {
            let (actor, target) = (
                columns.first(&self.values.actors, place),
                columns.first(&self.values.targets, place),
            );
            self.count(actor, target);
            let time = columns.times.as_ref().and_then(|times| times[place]);
            if let Some(timeline) = &mut self.timeline {
                timeline.add(time);
            }
            let hits = rows.hits[place];
            let suspicious = columns.suspicious.as_ref().is_some_and(|all| all[place]);
            if !suspicious && hits.is_empty() {
                continue;
            }
            let flags: Vec<usize> = hits.iter().map(|hit| hit.flag).collect();
            let lead = self.lead(&flags);
            let group = lead.and_then(|lead| self.values.keys.get(lead)?.as_ref()).map(|parts| {
                let part = |(column, part): &(usize, _)| HitKey {
                    code: columns.codes[*column][place],
                    part: *part,
                };
                let group: Vec<HitKey> = parts.iter().map(part).collect();
                shared(&mut self.groups, &group)
            });
            let signature = match rows.reasons {
                _ if !flags.is_empty() => None,
                Reasons::None => None,
                Reasons::Explained(explainer) => Some(columns.signature(explainer, place)),
                Reasons::Signatures(signatures) => signatures.get(place).cloned().flatten(),
            };
            let signature = signature.map(|signature| {
                let next = self.signatures.len();
                *self.signatures.entry(signature).or_insert(next)
            });
            let facts = hits.iter().find(|hit| Some(hit.flag) == lead);
            let facts = facts.and_then(|hit| hit.facts.clone());
            self.evidence.push(Evidence {
                row: *row,
                time: time.into(),
                actor,
                target,
                suspicious,
                score: columns.scores.as_ref().and_then(|scores| scores.get(place)).into(),
                hits: shared(&mut self.hit_sets, &flags),
                group,
                facts,
                signature: signature.into(),
            })?;
        }
        Ok(())
    }

    /// Only rows that are evidence were added, of so many: how many rows and actors a value has is not known.
    pub fn assume_rows(&mut self, rows: u64) {
        self.rows = rows;
        self.counts.iter_mut().for_each(|counts| counts.actors.clear());
    }

    fn count(&mut self, actor: Code, target: Code) {
        self.rows += 1;
        let largest = [actor, target].into_iter().filter(|code| *code != NONE).max();
        let needed = largest.map_or(0, |code| code as usize + 1);
        if self.counts.len() < needed {
            self.counts.resize(needed, ValueCounts::default());
        }
        if actor != NONE {
            self.counts[actor as usize].actor_rows += 1;
        }
        if target != NONE {
            let counts = &mut self.counts[target as usize];
            counts.target_rows += 1;
            if actor != NONE && counts.actors.len() <= ACTORS && !counts.actors.contains(&actor) {
                counts.actors.push(actor);
            }
        }
    }

    fn lead(&self, flags: &[usize]) -> Option<usize> {
        let rank = |flag: &usize| (std::cmp::Reverse(severity(&self.flags[*flag])), *flag);
        flags.iter().copied().min_by_key(rank)
    }

    /// The incidents of all rows that were added.
    ///
    /// # Errors
    /// `Output` if rows that were written to a file can't be read again.
    pub fn finish(mut self) -> Result<IncidentRows> {
        let evidence = std::mem::replace(&mut self.evidence, Spool::new(0));
        let (unused, without) = self.unused();
        let values = self.values.values();
        let counts = |code: usize| self.counts.get(code).cloned().unwrap_or_default();
        let value = |(code, (kind, text)): (usize, &(_, Arc<str>))| {
            let counts = counts(code);
            Value {
                kind: *kind,
                text: text.to_string(),
                actor_rows: counts.actor_rows,
                target_rows: counts.target_rows,
                actors: u32::try_from(counts.actors.len()).unwrap_or(u32::MAX),
            }
        };
        let values = values.all.iter().enumerate().map(value).collect();
        let mut signatures: Vec<(Signature, usize)> = self.signatures.into_iter().collect();
        signatures.sort_by_key(|(_, place)| *place);
        let flag = |flag: &Flag| FlagInfo {
            name: flag.name.clone(),
            severity: severity(flag),
            title: flag.title.clone(),
            message: flag.message.clone(),
            description: flag.description.clone(),
            facts: flag.facts.clone(),
        };
        let input = IncidentInput {
            flags: self.flags.iter().map(flag).collect(),
            values,
            signatures: signatures.into_iter().map(|(signature, _)| signature).collect(),
            rows: self.rows,
            actors: self.counts.iter().filter(|counts| counts.actor_rows > 0).count() as u64,
            gap: self.gap,
            time_step: self.roles.time.as_ref().and_then(|time| time.unit).map(TimeStep::micros),
            actor_nouns: actor_nouns(&self.roles),
            max_findings: FINDINGS,
            memory: MEMORY,
            without,
        };
        let (mut set, rows) = incidents(&input, evidence)?;
        let report = self.timeline.map(|timeline| {
            report_incidents::evidence(&input, &rows, &timeline, &self.values.keys).map(Arc::new)
        });
        let report = report.transpose()?;
        let suppressions = self.suppressions.map(|list| list.apply(&mut set.incidents));
        Ok(IncidentRows { set, numbers: numbers(&rows)?, unused, report, suppressions })
    }

    /// Roles of columns that were chosen by their names and are given up, since nearly each row has another value: in words,
    /// and whether they are those of actors, and of targets.
    fn unused(&self) -> (Vec<String>, [bool; 2]) {
        let (mut unused, mut without) = (Vec::new(), [false; 2]);
        if self.rows < JUDGED {
            return (unused, without);
        }
        for (side, given_up) in [Side::Actor, Side::Target].into_iter().zip(&mut without) {
            let of_side = |counts: &ValueCounts| match side {
                Side::Actor => counts.actor_rows,
                Side::Target => counts.target_rows,
            };
            let distinct = self.counts.iter().filter(|counts| of_side(counts) > 0).count();
            let column = self.roles.entities.iter().find(|entity| entity.side == side);
            let by_name = column.filter(|entity| entity.origin == RoleOrigin::Name);
            let Some(entity) = by_name.filter(|_| distinct as f64 >= UNIQUE * self.rows as f64)
            else {
                continue;
            };
            unused.push(format!(
                "{}: nearly each row has another value, so that it groups none",
                entity.column
            ));
            *given_up = true;
        }
        (unused, without)
    }
}

fn numbers(rows: &NumberedRows) -> Result<RowNumbers> {
    let mut numbers = Spool::new(MEMORY);
    for row in rows.iter() {
        let row = row?;
        numbers.push((row.row, row.incident))?;
    }
    RowNumbers::new(numbers)
}

/// Of two roles of a kind the first has the nouns.
fn actor_nouns(roles: &ColumnRoles) -> Vec<(EntityKind, [String; 2])> {
    let actors = roles.entities.iter().filter(|entity| entity.side == Side::Actor);
    actors.map(|it| (it.kind, [it.name.one.clone(), it.name.many.clone()])).collect()
}

/// The columns of rows that are read row by row.
struct Columns {
    codes: Vec<Vec<Code>>,
    times: Option<Vec<Option<i64>>>,
    scores: Option<Float64Chunked>,
    suspicious: Option<Vec<bool>>,
    features: Vec<polars::prelude::Column>,
    shares: Vec<Float64Chunked>,
    names: Vec<String>,
}

impl Columns {
    fn new(collector: &Collector, rows: &RowsWithHits<'_>) -> Result<Self> {
        let has = |name: &str| rows.features.column(name).is_ok();
        let mut codes = Vec::new();
        while has(&role_values::name(codes.len())) {
            let column = rows.features.column(&role_values::name(codes.len()))?;
            codes.push(column.u32()?.iter().map(|code| code.unwrap_or(NONE)).collect());
        }
        let times = match rows.features.column(TIME) {
            Ok(column) => Some(column.i64()?.iter().collect()),
            Err(_) => None,
        };
        let is_scored = rows.scores.width() > 0;
        let mut all = Self {
            codes,
            times,
            scores: None,
            suspicious: None,
            features: Vec::new(),
            shares: Vec::new(),
            names: collector.features.clone(),
        };
        if is_scored {
            all.scores = Some(rows.scores.column("score")?.rechunk().f64()?.clone());
            let suspicious = rows.scores.column("suspicious")?.bool()?.iter();
            all.suspicious = Some(suspicious.map(|value| value == Some(true)).collect());
        }
        if is_scored && matches!(rows.reasons, Reasons::Explained(_)) {
            let contribution =
                |name: &String| Ok(rows.scores.column(&format!("contribution.{name}"))?.clone());
            let contributions: Vec<_> =
                collector.features.iter().map(contribution).collect::<Result<_>>()?;
            all.shares = shares(&contributions)?;
            let feature = |name: &String| Ok(rows.features.column(name)?.clone());
            all.features = collector.features.iter().map(feature).collect::<Result<_>>()?;
        }
        Ok(all)
    }

    /// The first value that a row has in any of the columns.
    fn first(&self, columns: &[usize], row: usize) -> Code {
        let code = |column: &usize| self.codes.get(*column).map_or(NONE, |codes| codes[row]);
        columns.iter().map(code).find(|code| *code != NONE).unwrap_or(NONE)
    }

    fn signature(&self, explainer: &Explainer, row: usize) -> Signature {
        let reasons = largest(&self.shares, row);
        explainer.signature(&reasons, &self.features, &self.names, row)
    }
}
