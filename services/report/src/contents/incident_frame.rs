//! Incidents, entities and groups as tables, and back.

use anomal_core::{
    Result,
    proto::{Incident, RiskParts, Severity, TimeSpan},
};
use polars::prelude::{Column, DataFrame, NamedFrom, Series};

use super::severity_rank;
use crate::view::incidents::{EntitySummary, FlagGroup};

/// A column with a value of each row.
fn column<'a, T, V, P: ?Sized>(rows: &'a [T], name: &str, value: impl Fn(&'a T) -> V) -> Column
where
    Series: NamedFrom<Vec<V>, P>,
{
    Column::new(name.into(), rows.iter().map(value).collect::<Vec<V>>())
}

/// A column of lists of texts.
fn lists<'a, T>(rows: &'a [T], name: &str, value: impl Fn(&'a T) -> &'a Vec<String>) -> Column {
    column(rows, name, |row| Series::new("".into(), value(row).clone()))
}

pub(super) fn incidents(all: &[Incident]) -> Result<DataFrame> {
    let parts = |it: &Incident| it.parts.unwrap_or_default();
    let span = |it: &Incident, time: fn(TimeSpan) -> i64| it.span.map(time);
    let columns = vec![
        column(all, "number", |it| it.number),
        column(all, "key", |it| it.key.clone()),
        column(all, "title", |it| it.title.clone()),
        column(all, "severity", |it| severity_name(it.severity())),
        column(all, "risk", |it| it.risk),
        column(all, "risk.flag", |it| parts(it).flag),
        column(all, "risk.score", |it| parts(it).score),
        column(all, "risk.more", |it| parts(it).more),
        column(all, "risk.rarity", |it| parts(it).rarity),
        lists(all, "flags", |it| &it.flags),
        column(all, "rows", |it| it.rows),
        column(all, "suspicious", |it| it.suspicious),
        column(all, "findings", |it| it.findings),
        lists(all, "together", |it| &it.together),
        column(all, "actors", |it| it.actors),
        column(all, "targets", |it| it.targets),
        column(all, "top_row", |it| it.top_row),
        column(all, "first", |it| span(it, |span| span.first)),
        column(all, "last", |it| span(it, |span| span.last)),
        column(all, "core_start", |it| span(it, |span| span.core_start)),
        column(all, "core_end", |it| span(it, |span| span.core_end)),
        lists(all, "keys", |it| &it.keys),
        column(all, "suppression", |it| it.suppression.clone()),
    ];
    Ok(DataFrame::new(all.len(), columns)?)
}

pub(crate) fn read_incidents(frame: &DataFrame) -> Result<Vec<Incident>> {
    let cells = Cells(frame);
    let incident = |row: usize| {
        let span = match (cells.time("first", row)?, cells.time("last", row)?) {
            (Some(first), Some(last)) => Some(TimeSpan {
                first,
                last,
                core_start: cells.time("core_start", row)?.unwrap_or(first),
                core_end: cells.time("core_end", row)?.unwrap_or(last),
            }),
            _ => None,
        };
        Ok(Incident {
            number: cells.count("number", row)?,
            key: cells.text("key", row)?.unwrap_or_default(),
            title: cells.text("title", row)?.unwrap_or_default(),
            severity: severity(cells.text("severity", row)?.as_deref()).into(),
            risk: cells.small("risk", row)?,
            parts: Some(RiskParts {
                flag: cells.small("risk.flag", row)?,
                score: cells.small("risk.score", row)?,
                more: cells.small("risk.more", row)?,
                rarity: frame.column("risk.rarity")?.i32()?.get(row).unwrap_or_default(),
            }),
            flags: cells.list("flags", row)?,
            rows: cells.count("rows", row)?,
            suspicious: cells.count("suspicious", row)?,
            findings: cells.count("findings", row)?,
            together: cells.list("together", row)?,
            actors: cells.count("actors", row)?,
            targets: cells.count("targets", row)?,
            top_row: cells.count("top_row", row)?,
            span,
            // Reports of older versions have neither.
            keys: if cells.has("keys") { cells.list("keys", row)? } else { Vec::new() },
            suppression: if cells.has("suppression") {
                cells.text("suppression", row)?.unwrap_or_default()
            } else {
                String::new()
            },
        })
    };
    (0..frame.height()).map(incident).collect()
}

pub(super) fn entities(all: &[EntitySummary]) -> Result<DataFrame> {
    let columns = vec![
        column(all, "kind", |it| it.kind.clone()),
        column(all, "value", |it| it.value.clone()),
        column(all, "actor_rows", |it| it.actor_rows),
        column(all, "target_rows", |it| it.target_rows),
        column(all, "actors", |it| it.actors),
        column(all, "evidence", |it| it.evidence),
        column(all, "incidents", |it| it.incidents),
        column(all, "first_incident", |it| it.first_incident),
        column(all, "risk", |it| it.risk),
        column(all, "first", |it| it.span.map(|span| span.0)),
        column(all, "last", |it| it.span.map(|span| span.1)),
    ];
    Ok(DataFrame::new(all.len(), columns)?)
}

pub(crate) fn read_entities(frame: &DataFrame) -> Result<Vec<EntitySummary>> {
    let cells = Cells(frame);
    let entity = |row: usize| {
        Ok(EntitySummary {
            kind: cells.text("kind", row)?.unwrap_or_default(),
            value: cells.text("value", row)?.unwrap_or_default(),
            actor_rows: cells.count("actor_rows", row)?,
            target_rows: cells.count("target_rows", row)?,
            actors: cells.count("actors", row)?,
            evidence: cells.count("evidence", row)?,
            incidents: cells.count("incidents", row)?,
            first_incident: cells.count("first_incident", row)?,
            risk: cells.small("risk", row)?,
            span: cells.span(row)?,
        })
    };
    (0..frame.height()).map(entity).collect()
}

pub(super) fn groups(all: &[FlagGroup]) -> Result<DataFrame> {
    let columns = vec![
        column(all, "flag", |it| it.flag as u64),
        column(all, "incident", |it| it.incident),
        column(all, "actor", |it| it.actor.clone()),
        column(all, "target", |it| it.target.clone()),
        column(all, "value", |it| it.value.clone()),
        column(all, "values", |it| it.values),
        column(all, "rows", |it| it.rows),
        column(all, "first_row", |it| it.first_row),
        column(all, "first", |it| it.span.map(|span| span.0)),
        column(all, "last", |it| it.span.map(|span| span.1)),
        column(all, "rare", |it| it.is_rare),
    ];
    Ok(DataFrame::new(all.len(), columns)?)
}

pub(crate) fn read_groups(frame: &DataFrame) -> Result<Vec<FlagGroup>> {
    let cells = Cells(frame);
    let group = |row: usize| {
        Ok(FlagGroup {
            flag: usize::try_from(cells.count("flag", row)?).unwrap_or(usize::MAX),
            incident: cells.count("incident", row)?,
            actor: cells.text("actor", row)?,
            target: cells.text("target", row)?,
            value: cells.text("value", row)?.unwrap_or_default(),
            values: cells.count("values", row)?,
            rows: cells.count("rows", row)?,
            first_row: cells.count("first_row", row)?,
            span: cells.span(row)?,
            is_rare: frame.column("rare")?.bool()?.get(row) == Some(true),
        })
    };
    (0..frame.height()).map(group).collect()
}

/// The cells of a table that this module wrote.
struct Cells<'a>(&'a DataFrame);

impl Cells<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.column(name).is_ok()
    }

    fn count(&self, name: &str, row: usize) -> Result<u64> {
        Ok(self.0.column(name)?.u64()?.get(row).unwrap_or_default())
    }

    fn small(&self, name: &str, row: usize) -> Result<u32> {
        Ok(self.0.column(name)?.u32()?.get(row).unwrap_or_default())
    }

    fn time(&self, name: &str, row: usize) -> Result<Option<i64>> {
        Ok(self.0.column(name)?.i64()?.get(row))
    }

    fn text(&self, name: &str, row: usize) -> Result<Option<String>> {
        Ok(self.0.column(name)?.str()?.get(row).map(str::to_owned))
    }

    fn list(&self, name: &str, row: usize) -> Result<Vec<String>> {
        let Some(items) = self.0.column(name)?.list()?.get_as_series(row) else {
            return Ok(Vec::new());
        };
        Ok(items.str()?.iter().flatten().map(str::to_owned).collect())
    }

    fn span(&self, row: usize) -> Result<Option<(i64, i64)>> {
        Ok(self.time("first", row)?.zip(self.time("last", row)?))
    }
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::High => "high",
        Severity::Medium => "medium",
        Severity::Low | Severity::Unspecified => "low",
    }
}

fn severity(name: Option<&str>) -> Severity {
    match severity_rank(name) {
        3 => Severity::High,
        2 => Severity::Medium,
        _ => Severity::Low,
    }
}
