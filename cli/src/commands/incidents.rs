//! `anomal incidents`: the incidents of a result file.

mod rows;
mod times;
mod write;

use std::{fmt::Write, io::IsTerminal, path::Path, sync::Arc};

use anomal_core::FeatureEngine;
use anomal_feature::LocalFeatureEngine;
use anomal_runner::{Incident, IncidentCount, ResultIncidents, entity_risks, result_incidents};
use anomal_spec::{Input, Severity};

use self::{rows::IncidentRows, times::TimeRange};
use super::{CommandResult, print};
use crate::{
    args::{FailOn, IncidentFormat, Incidents},
    exit, overrides,
    present::{
        error::{Failure, note},
        incident::IncidentText,
        incidents::IncidentTable,
    },
    settings::{self, Settings},
};

/// Rows that are printed of a single incident where nothing else is said.
const ROWS: usize = 10;

pub fn incidents(arguments: &Incidents) -> CommandResult {
    let (file, settings) = results(arguments)?;
    let fail_on = severity(arguments.fail_on)?;
    let mut found = read(&file, settings.as_ref())?;
    if !arguments.output.quiet {
        found.notes.iter().for_each(|text| note(&format!("note: {text}")));
    }
    let all = found.incident_count;
    let range = TimeRange::new(arguments, &found.incidents)?;
    found.incidents.retain(|incident| is_wanted(incident, arguments, &range));
    if let Some(number) = arguments.number {
        found.incidents.retain(|incident| incident.number == number);
        if found.incidents.is_empty() {
            let message = format!("{file}: there is no incident {number} among {}", all.total());
            return Err(Failure::new(message, exit::INPUT));
        }
    }
    found.incident_count = count(&found.incidents);
    let text = match arguments.format {
        IncidentFormat { json: true, .. } => write::json(&found)?,
        IncidentFormat { csv: true, .. } => write::csv(&found.incidents),
        IncidentFormat { markdown: true, .. } => write::markdown(&found.incidents),
        _ => text(arguments, &file, &found, settings.as_ref())?,
    };
    print(&text)?;
    let is_found = fail_on.is_some_and(|least| match least {
        Severity::High => all.high > 0,
        Severity::Medium => all.high + all.medium > 0,
        Severity::Low => all.total() > 0,
    });
    Ok(if is_found { exit::FOUND } else { exit::DONE })
}

/// The result file, and the settings of its job where they are known.
fn results(arguments: &Incidents) -> Result<(String, Option<Settings>), Failure> {
    let path = Path::new(&arguments.results);
    let is_job = path.extension().is_some_and(|end| end == "yaml" || end == "yml");
    if !is_job {
        let settings = arguments.job.as_deref().map(settings::with_paths);
        return Ok((arguments.results.clone(), settings.transpose()?));
    }
    let settings = settings::with_paths(path)?;
    let file = settings::result_file(&settings.job.spec, path)?;
    Ok((file, Some(settings)))
}

pub fn read(file: &str, settings: Option<&Settings>) -> Result<ResultIncidents, Failure> {
    let input = overrides::input(&Input::default(), file)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let engine = LocalFeatureEngine::default();
    let found = runtime.block_on(async {
        for pack in settings.iter().flat_map(|settings| &settings.contents) {
            engine.put_pack(Arc::clone(pack)).await?;
        }
        let spec = settings.map(|settings| &settings.job.spec);
        result_incidents(spec, &input, &engine).await
    });
    found.map_err(|error| match settings {
        Some(settings) if !error.violations.is_empty() => settings.failure(&error),
        _ => Failure::from(error),
    })
}

/// # Errors
/// If it is about rows and flags.
fn severity(fail_on: Option<FailOn>) -> Result<Option<Severity>, Failure> {
    Ok(Some(match fail_on {
        None => return Ok(None),
        Some(FailOn::HighIncident) => Severity::High,
        Some(FailOn::MediumIncident) => Severity::Medium,
        Some(FailOn::LowIncident) => Severity::Low,
        Some(_) => {
            let message = "--fail-on of this command is about incidents: incident:high, incident:medium or incident:low";
            return Err(Failure::usage(message));
        }
    }))
}

fn is_wanted(incident: &Incident, arguments: &Incidents, range: &TimeRange) -> bool {
    let is_about = |wanted: &String| {
        let mut entities = incident.actors.iter().chain(&incident.targets);
        entities.any(|entity| entity.value.eq_ignore_ascii_case(wanted.trim()))
    };
    incident.risk >= arguments.min_risk
        && arguments.entity.as_ref().is_none_or(is_about)
        && range.overlaps(incident)
}

fn count(incidents: &[Incident]) -> IncidentCount {
    let of = |severity| incidents.iter().filter(|it| it.severity == severity).count() as u64;
    IncidentCount {
        high: of(Severity::High),
        medium: of(Severity::Medium),
        low: of(Severity::Low),
        suppressed: 0,
    }
}

fn text(
    arguments: &Incidents,
    file: &str,
    found: &ResultIncidents,
    settings: Option<&Settings>,
) -> Result<String, Failure> {
    if found.incidents.is_empty() {
        return Ok("no incidents\n".to_owned());
    }
    let color = std::io::stdout().is_terminal()
        && !arguments.output.no_color
        && std::env::var_os("NO_COLOR").is_none();
    let wanted = arguments.rows.unwrap_or(if arguments.number.is_some() { ROWS } else { 0 });
    let spec = settings.map(|settings| &settings.job.spec);
    let rows = match wanted {
        0 => IncidentRows::default(),
        rows => IncidentRows::read(file, found, spec, rows)?,
    };
    if arguments.number.is_some() {
        let incident = &found.incidents[0];
        let text = IncidentText { incident, roles: &found.roles, color };
        return Ok(format!("{text}{}", rows.table(incident.number)));
    }
    let entities = entity_risks(&found.incidents);
    let table = IncidentTable {
        incidents: &found.incidents,
        entities: &entities,
        count: found.incident_count,
        evidence: found.incidents.iter().map(|incident| incident.rows).sum(),
        listed: usize::MAX,
        fold: false,
        color,
    };
    let mut text = table.to_string().trim_start().to_owned();
    for incident in &found.incidents {
        let table = rows.table(incident.number);
        if !table.is_empty() {
            // Writing to a string cannot fail.
            let _ = write!(text, "\nIncident {}{table}", incident.number);
        }
    }
    Ok(text)
}
