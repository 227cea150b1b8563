//! `anomal compare`: two runs by the keys of their incidents and the distributions of their features.

mod write;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use anomal_core::{
    Error,
    proto::{ExportFormat, ExportReportRequest},
};
use anomal_report::compare::{Comparison, EntityDigest, IncidentDigest, RunDigest};
use anomal_runner::{Incident, ResultIncidents};
use anomal_spec::{EntityKind, Severity};
use tokio::runtime::Runtime;

use super::{CommandResult, incidents, print, report::exported};
use crate::{
    args::{Compare, FailOnNew},
    exit,
    present::{
        error::{Failure, note},
        incidents::severity_name,
    },
    settings::{self, Settings},
};

/// Added to the risk of an entity for each further incident of medium or high severity.
const FURTHER: u32 = 5;
/// Endings of result files and of settings.
const FILES: [&str; 8] = ["csv", "tsv", "parquet", "ndjson", "jsonl", "gz", "zst", "json"];

pub fn run(arguments: &Compare) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let settings = arguments.job.as_deref().map(settings::with_paths).transpose()?;
    let before = digest(&runtime, &arguments.before, settings.as_ref(), arguments)?;
    let after = digest(&runtime, &arguments.after, settings.as_ref(), arguments)?;
    let compared = Comparison::new(&before, &after);
    let text = if arguments.json {
        let text = serde_json::to_string_pretty(&compared)
            .map_err(|error| Failure::from(Error::internal(error.to_string())))?;
        format!("{text}\n")
    } else if arguments.markdown {
        write::markdown(&compared)
    } else {
        write::text(&compared)
    };
    print(&text)?;
    let least = match arguments.fail_on {
        None => return Ok(exit::DONE),
        Some(FailOnNew::New) => 0,
        Some(FailOnNew::Medium) => 1,
        Some(FailOnNew::High) => 2,
    };
    let rank = |incident: &IncidentDigest| match incident.severity.as_str() {
        "high" => 2,
        "medium" => 1,
        _ => 0,
    };
    let is_found = compared.open_new().any(|incident| rank(incident) >= least);
    Ok(if is_found { exit::FOUND } else { exit::DONE })
}

/// A run by its result file, its settings, or its report.
fn digest(
    runtime: &Runtime,
    name: &str,
    settings: Option<&Settings>,
    arguments: &Compare,
) -> Result<RunDigest, Failure> {
    let path = Path::new(name);
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    if matches!(ending, "yaml" | "yml") {
        let settings = settings::with_paths(path)?;
        let file = settings::result_file(&settings.job.spec, path)?;
        return of_file(&file, Some(&settings), arguments);
    }
    if FILES.contains(&ending) || path.is_file() || anomal_spec::is_url(name) {
        return of_file(name, settings, arguments);
    }
    let request = ExportReportRequest {
        id: name.to_owned(),
        format: ExportFormat::Run.into(),
        ..ExportReportRequest::default()
    };
    let bytes = runtime.block_on(exported(&arguments.reports, request))?;
    serde_json::from_slice(&bytes)
        .map_err(|error| Failure::from(Error::internal(format!("a run as JSON: {error}"))))
}

fn of_file(
    file: &str,
    settings: Option<&Settings>,
    arguments: &Compare,
) -> Result<RunDigest, Failure> {
    let found = incidents::read(file, settings)?;
    if !arguments.output.quiet {
        found.notes.iter().for_each(|text| note(&format!("note: {file}: {text}")));
    }
    let job = settings.map_or_else(String::new, |settings| settings.job.metadata.name.clone());
    Ok(RunDigest {
        name: file.to_owned(),
        job,
        rows: found.rows,
        roles: roles(&found),
        incidents: found.incidents.iter().map(incident).collect(),
        entities: Some(entities(&found.incidents)),
        ..RunDigest::default()
    })
}

/// As a report has them.
fn roles(found: &ResultIncidents) -> Vec<String> {
    let time = found.roles.time.as_ref().map(|time| format!("time {}", time.column));
    let entities = found.roles.entities.iter();
    let entities = entities.map(|entity| format!("{} {}", kind_name(entity.kind), entity.column));
    time.into_iter().chain(entities).collect()
}

fn kind_name(kind: EntityKind) -> &'static str {
    match kind {
        EntityKind::Other => "other",
        kind => kind.nouns().0,
    }
}

/// What incidents are about, with the risks that reports give: a value that acts and is acted on is one.
fn entities(incidents: &[Incident]) -> Vec<EntityDigest> {
    let mut risks: BTreeMap<(&str, &str), u32> = BTreeMap::new();
    for incident in incidents {
        let risk = u32::try_from(incident.risk).unwrap_or(0);
        let further = if incident.severity >= Severity::Medium { FURTHER } else { 0 };
        let about = incident.actors.iter().chain(&incident.targets);
        let about: BTreeSet<(&str, &str)> =
            about.map(|entity| (kind_name(entity.kind), entity.value.as_str())).collect();
        for entity in about {
            let known = risks.get(&entity);
            let risk = known.map_or(risk, |known| (known + further).min(100));
            risks.insert(entity, risk);
        }
    }
    let digest = |((kind, value), risk): ((&str, &str), u32)| EntityDigest {
        kind: kind.to_owned(),
        value: value.to_owned(),
        risk,
    };
    risks.into_iter().map(digest).collect()
}

fn incident(incident: &Incident) -> IncidentDigest {
    IncidentDigest {
        number: incident.number,
        keys: incident.keys.clone(),
        title: incident.title.clone(),
        severity: severity_name(incident.severity).to_owned(),
        risk: u32::try_from(incident.risk).unwrap_or(0),
        rows: incident.rows,
        settled: incident.suppressed.is_some(),
    }
}
