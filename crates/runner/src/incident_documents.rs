//! Incidents as documents of the outputs that have them.

use anomal_connectors::{
    Access, RunInfo,
    elasticsearch::incidents::{IncidentDocument, IncidentEntity, write_incidents},
};
use anomal_core::{Result, blocking};
use anomal_dataflow::WriteOutcome;
use anomal_spec::{AnomalyJobSpec, Side};
use anomal_storage::Secrets;

use crate::{
    files,
    incidents::{Entity, Incident},
    roles::ColumnRoles,
};

/// Writes the incidents of a run to each index that has its rows. Documents that are there already are counted.
///
/// # Errors
/// Those of the outputs.
pub(crate) async fn write(
    spec: &AnomalyJobSpec,
    secrets: &Secrets,
    run: &RunInfo,
    roles: &ColumnRoles,
    incidents: &[Incident],
) -> Result<Vec<WriteOutcome>> {
    if incidents.is_empty() {
        return Ok(Vec::new());
    }
    let outputs: Vec<_> = spec
        .outputs
        .iter()
        .enumerate()
        .filter_map(|(place, output)| Some((place, output.elasticsearch.clone()?)))
        .filter(|(_, output)| output.incidents)
        .collect();
    if outputs.is_empty() {
        return Ok(Vec::new());
    }
    let documents: Vec<IncidentDocument> =
        incidents.iter().map(|incident| document(incident, roles)).collect();
    let (secrets, run) = (secrets.clone(), run.clone());
    let refused = |place| files::refused(spec, &run.job, place);
    let outputs: Vec<_> =
        outputs.into_iter().map(|(place, output)| (place, output, refused(place))).collect();
    blocking(move |cancel| {
        let mut outcomes = Vec::new();
        for (place, output, (refused, refused_auth)) in outputs {
            cancel.check()?;
            let run = RunInfo { refused, refused_auth, ..run.clone() };
            let place = format!("outputs[{place}].elasticsearch");
            let access = Access { place: &place, auth: output.auth.as_ref(), secrets: &secrets };
            outcomes.push(write_incidents(&output, &access, &run, &documents)?);
        }
        Ok(outcomes)
    })
    .await
}

fn document(incident: &Incident, roles: &ColumnRoles) -> IncidentDocument {
    let entity = |entity: &Entity| {
        let Entity { kind, value, rows } = entity.clone();
        IncidentEntity { kind, value, rows }
    };
    let parts = incident.parts;
    let parts = [
        ("flag", parts.flag),
        ("score", parts.score),
        ("more", parts.more),
        ("rarity", parts.rarity),
    ];
    let span = incident.span.filter(|_| incident.time_step.is_none());
    let sides = [(Side::Actor, &incident.actors), (Side::Target, &incident.targets)];
    let field = |(side, entities): (Side, &Vec<Entity>)| {
        let [only] = entities.as_slice() else { return None };
        let mut columns = roles.entities.iter();
        let column = columns.find(|column| column.side == side && column.kind == only.kind)?;
        Some((column.column.clone(), only.value.clone()))
    };
    IncidentDocument {
        number: incident.number,
        key: incident.key.clone(),
        keys: incident.keys.clone(),
        title: incident.title.clone(),
        severity: incident.severity,
        risk: incident.risk,
        parts: parts.to_vec(),
        times: span.map(|span| [span.first, span.last, span.core_start, span.core_end]),
        flags: incident.flags.clone(),
        actors: incident.actors.iter().map(entity).collect(),
        targets: incident.targets.iter().map(entity).collect(),
        fields: sides.into_iter().filter_map(field).collect(),
        rows: incident.rows,
        suspicious: incident.suspicious,
        findings: incident.findings,
        together: incident.together.clone(),
    }
}
