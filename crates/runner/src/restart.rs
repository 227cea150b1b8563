//! Runs a job again from the start where its input turns out to need wider types than its first records have shown.
//!
//! The types of columns are part of the schema of everything behind the source, so they can't change in the middle of a
//! run. Outputs become visible only at the end, so beginning again costs time and nothing else.

use std::sync::Arc;

use anomal_connectors::{InputSummary, TypeFindings};
use anomal_core::{
    Result,
    proto::{Diagnostic, Plan, Severity, plan::Flag},
};
use anomal_spec::{AnomalyJobSpec, InputDriver, Strays};

use crate::tally::Tally;

/// The flag that rows with strays hit.
const STRAY_VALUE: &str = "stray_value";

/// Makes attempts until one does not ask for another.
///
/// # Errors
/// Those of the last attempt.
pub(crate) async fn with_wider_types<T>(
    attempt: impl AsyncFn(TypeFindings) -> Result<T>,
) -> Result<T> {
    let mut findings = TypeFindings::for_run();
    loop {
        let error = match attempt(findings.clone()).await {
            Ok(done) => return Ok(done),
            Err(error) => error,
        };
        let Some(next) = findings.after(&error) else { return Err(error) };
        tracing::info!("reading begins again with wider types: {}", error.message);
        findings = next;
    }
}

/// Adds the flag for values that are not of their column's type, which the source finds.
pub(crate) fn plan_flag(plan: &mut Plan, spec: &AnomalyJobSpec, findings: &TypeFindings) {
    let strays = match spec.input.driver() {
        Some(InputDriver::Csv(csv)) => csv.strays,
        Some(InputDriver::Log(log)) => log.strays,
        Some(InputDriver::Ndjson(ndjson)) => ndjson.strays,
        Some(InputDriver::Json(json)) => json.strays,
        Some(InputDriver::Kafka(kafka)) => kafka.strays,
        Some(InputDriver::Http(http)) => http.strays,
        Some(InputDriver::Tcp(tcp)) => tcp.strays,
        Some(InputDriver::Syslog(syslog)) => syslog.strays,
        _ => return,
    };
    if strays != Strays::Missing || plan.flags.iter().any(|flag| flag.name == STRAY_VALUE) {
        return;
    }
    findings.set_flag(plan.flags.len());
    plan.flags.push(Flag {
        name: STRAY_VALUE.to_owned(),
        severity: Severity::Low.into(),
        description: "A value that is not of its column's type".to_owned(),
        message: "{count} rows have a value that is not of its column's type".to_owned(),
        ..Flag::default()
    });
}

/// Removes that flag again where no row hit it.
pub(crate) fn drop_flag(plan: &mut Arc<Plan>, tally: &mut Tally, findings: &TypeFindings) {
    let unused = tally.flags.last().is_some_and(|flag| flag.name == STRAY_VALUE && flag.rows == 0);
    if findings.flag().is_some() && unused {
        tally.flags.pop();
        Arc::make_mut(plan).flags.pop();
    }
}

/// What a summary says of the types of the input.
pub(crate) fn report(
    spec: &AnomalyJobSpec,
    findings: &TypeFindings,
) -> (Vec<Diagnostic>, Option<InputSummary>) {
    let driver = spec.input.driver().map_or("", InputDriver::name);
    (findings.notes(&format!("input.{driver}")), findings.summary())
}
