//! What a report is compared by.

use anomal_core::proto::{FeatureSummary, Group, Incident, Report};

use crate::{
    OpenReport,
    compare::{EntityDigest, FeatureDigest, FlagDigest, IncidentDigest, RunDigest},
    pages::{format::numbers, verdicts::ShownVerdicts},
    verdicts::keys,
    view::incidents::EntitySummary,
};

pub(crate) fn digest(open: &OpenReport, verdicts: &ShownVerdicts) -> RunDigest {
    let report = &open.report;
    let all = open.incidents.as_ref().map_or(&[][..], |all| &all.incidents);
    let incident = |incident: &Incident| {
        let standing = verdicts.book.standing(incident);
        let quiet = standing.as_ref().is_some_and(|it| it.is_quiet(verdicts.day));
        IncidentDigest {
            number: incident.number,
            keys: keys(incident).to_vec(),
            title: incident.title.clone(),
            severity: numbers::severity(incident.severity()).to_owned(),
            risk: incident.risk,
            rows: incident.rows,
            settled: !incident.suppression.is_empty()
                || quiet
                || standing.is_some_and(|it| it.is_settled()),
        }
    };
    let flags = report.flags.iter();
    let analysis = open.analysis.as_ref();
    RunDigest {
        name: report.id.clone(),
        job: report.job.clone(),
        time: report.create_time.clone(),
        rows: report.results,
        engine: report.engine.clone(),
        threshold: report.threshold.clone(),
        version: report.version.clone(),
        roles: roles(report),
        flags: flags.map(|flag| FlagDigest { name: flag.name.clone(), rows: flag.rows }).collect(),
        features: analysis.map_or_else(Vec::new, |analysis| {
            analysis.features.iter().filter_map(feature).collect()
        }),
        incidents: all.iter().map(incident).collect(),
        entities: open.incidents.as_ref().map(|all| all.entities.iter().map(entity).collect()),
    }
}

fn entity(entity: &EntitySummary) -> EntityDigest {
    let EntitySummary { kind, value, risk, .. } = entity;
    EntityDigest { kind: kind.clone(), value: value.clone(), risk: *risk }
}

fn roles(report: &Report) -> Vec<String> {
    let Some(roles) = &report.roles else { return Vec::new() };
    let time = (!roles.time_column.is_empty()).then(|| format!("time {}", roles.time_column));
    let entities = roles.entities.iter().map(|it| format!("{} {}", it.kind, it.column));
    time.into_iter().chain(entities).collect()
}

fn feature(summary: &FeatureSummary) -> Option<FeatureDigest> {
    let feature = summary.feature.as_ref()?;
    let all = summary.groups.iter().find(|group| group.group() == Group::All)?;
    Some(FeatureDigest {
        name: feature.name.clone(),
        weight: feature.weight,
        edges: summary.edges.clone(),
        categories: summary.categories.clone(),
        counts: all.counts.clone(),
        missing: summary.missing,
    })
}
