//! The profile of a file, the roles of its columns with their evidence, and the proposal, as JSON.

use anomal_core::proto::DataType;
use anomal_spec::AnomalyJob;
use serde_json::{Value, json};

use super::{
    evidence::{evidence, runner_up},
    profile::Profile,
    proposal::Proposal,
    roles::Role,
    schema::Schema,
    trial::Trial,
};

/// Values of a column that are listed.
const VALUES: usize = 10;

/// `job`: the proposed settings.
pub fn describe(
    profile: &Profile,
    schema: Option<&Schema>,
    roles: &[Role],
    proposal: &Proposal,
    trial: Option<&Trial>,
    job: &AnomalyJob,
) -> Value {
    let columns = profile.columns.iter().zip(roles).map(|(column, role)| {
        let evidence = evidence(column);
        let values = column.values.iter().take(VALUES);
        json!({
            "name": column.name,
            "type": type_name(column.data_type),
            "present": column.present(),
            "missing": column.missing(),
            "distinct": column.distinct(),
            "range": column.range,
            "values": values.map(|(value, rows)| json!({"value": value, "rows": rows})).collect::<Vec<_>>(),
            "role": role.name(),
            "reason": match role {
                Role::LeftOut(why) => Some(why),
                _ => None,
            },
            "runnerUp": runner_up(&evidence, role.name()).map(|other| other.role),
            "evidence": evidence,
        })
    });
    json!({
        "rows": profile.rows,
        "totalRows": profile.total,
        "complete": profile.complete,
        "schema": schema.map(|schema| &schema.title),
        "columns": columns.collect::<Vec<_>>(),
        "leftOut": proposal.left_out.iter().map(|(column, why)| json!({"column": column, "reason": why})).collect::<Vec<_>>(),
        "trial": trial.map(|trial| json!({
            "rows": trial.outcome.summary.rows, "suspicious": trial.outcome.summary.suspicious,
            "seconds": trial.seconds, "constant": trial.constant,
        })),
        "proposal": job.spec,
    })
}

fn type_name(data_type: DataType) -> &'static str {
    match data_type {
        DataType::Integer => "integer",
        DataType::Float => "float",
        DataType::Boolean => "boolean",
        DataType::Datetime => "datetime",
        DataType::String | DataType::Unspecified => "string",
    }
}

/// What speaks for the role of each column, a line each.
pub fn explain(profile: &Profile, roles: &[Role]) -> Vec<String> {
    let lines = profile.columns.iter().zip(roles).map(|(column, role)| {
        let evidence = evidence(column);
        let next = runner_up(&evidence, role.name()).map(|other| other.role);
        let listed = evidence.iter().map(|evidence| {
            let name = if evidence.name { " and the name" } else { "" };
            format!("{} {:.2} (values {:.2}{name})", evidence.role, evidence.score, evidence.values)
        });
        let listed: Vec<String> = listed.collect();
        let listed = if listed.is_empty() { "nothing".to_owned() } else { listed.join(", ") };
        let next = next.map(|next| format!("; runner-up: {next}")).unwrap_or_default();
        format!("{}: {}; evidence: {listed}{next}", printable(&column.name), role.name())
    });
    lines.collect()
}

/// A name on one line.
fn printable(name: &str) -> String {
    name.chars().filter(|c| !c.is_control()).collect()
}
