//! `anomal job report`.

use anomal_connectors::terminal::harmless;
use anomal_operator::api::{AnomalyJob, Phase, Status};
use url::{Host, Url};

use super::{client::Cluster, invocation::Invocation, state};
use crate::{
    args::JobReport,
    commands::{CommandResult, print},
    exit,
    present::error::{Failure, note},
};

pub async fn report(cluster: &Cluster, arguments: &JobReport) -> CommandResult {
    let job = cluster.job(&arguments.name).await?;
    let status = job.status.clone().unwrap_or_default();
    let Some(address) = &status.report_url else {
        let reason = missing_report_reason(&job, &status, &cluster.invocation);
        return Err(Failure::new(reason, exit::FAILED));
    };
    let code = print(&format!("{}\n", harmless(address, 1_024)))?;
    if let Some(instructions) = port_forward(address) {
        note(&instructions);
    } else if arguments.open {
        open(address)?;
    }
    Ok(code)
}

/// Opens an address if it is that of a web page: other programs can write to a status.
fn open(address: &str) -> Result<(), Failure> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        let message = "cannot open the address: it is not an http:// or https:// address";
        return Err(Failure::new(message, exit::FAILED));
    };
    open::that_detached(url.as_str())
        .map_err(|error| Failure::new(format!("cannot open a browser: {error}"), exit::FAILED))
}

/// How to reach an address inside the cluster, `http://SERVICE.NAMESPACE.svc:PORT/…`.
pub fn port_forward(address: &str) -> Option<String> {
    let url = Url::parse(address).ok()?;
    let Some(Host::Domain(host)) = url.host() else { return None };
    let mut labels = host.split('.');
    let (service, namespace, svc) = (labels.next()?, labels.next()?, labels.next()?);
    if svc != "svc" || !matches!(url.scheme(), "http" | "https") {
        return None;
    }
    let port = url.port_or_known_default()?;
    let here = if port < 1024 { 8080 } else { port };
    let path = url.path().trim_start_matches('/');
    let query = url.query().map(|query| format!("?{query}")).unwrap_or_default();
    Some(format!(
        "This address is inside the cluster. While this runs:\n\n  \
         kubectl port-forward --namespace {namespace} service/{service} {here}:{port}\n\n\
         the report is at {}://localhost:{here}/{path}{query}",
        url.scheme()
    ))
}

fn missing_report_reason(job: &AnomalyJob, status: &Status, invocation: &Invocation) -> String {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    if state::is_stream(job) {
        if !job.spec.value()["report"].is_null() {
            return format!(
                "{name} is a stream, which makes a report again and again: the pages of the report engine list them"
            );
        }
        return format!(
            "{name} is a stream that makes no report: its results are in its outputs, and `{}` shows how it is",
            invocation.command("status", name)
        );
    }
    if job.spec.value()["report"].is_null() {
        return format!(
            "{name} makes no report: its spec has no `report`; \
             `kubectl patch{} aj/{name} --type merge -p '{{\"spec\":{{\"report\":{{}}}}}}'` runs it again with one",
            invocation.options
        );
    }
    match state::final_phase(job) {
        Some(Phase::Complete) => format!(
            "the report of {name} has no address: there is no report engine in the release (Helm: report.enabled) \
             or in spec.engines.report; see `{}`",
            invocation.command("logs", name)
        ),
        Some(_) => format!(
            "{name} has no report: it is {}; `{}` shows why",
            state::describe(status),
            invocation.command("status", name)
        ),
        None => format!(
            "{name} has no report yet; wait for the end of its run with `{} --watch`",
            invocation.command("status", name)
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_address_inside_the_cluster_needs_a_port_forward() {
        let text = port_forward("http://anomal-report.anomal.svc:8080/reports/01?x=1").unwrap();
        assert!(text.contains("--namespace anomal service/anomal-report 8080:8080\n"), "{text}");
        assert!(text.ends_with("http://localhost:8080/reports/01?x=1"), "{text}");
        let text = port_forward("https://pages.anomal.svc.cluster.local/").unwrap();
        assert!(text.contains("service/pages 8080:443"), "{text}");
        assert!(text.ends_with("https://localhost:8080/"), "{text}");
        for outside in
            ["https://reports.example.org/01", "http://10.0.0.1:80/", "no address", "http://a.svc/"]
        {
            assert_eq!(port_forward(outside), None, "{outside}");
        }
    }

    #[test]
    fn a_missing_report_has_a_reason() {
        let invocation = Invocation { program: "anomal job", options: String::new() };
        let missing = |report: Value, phase: &str, reason: &str| {
            let status = json!({"observedGeneration": 1, "phase": phase, "reason": reason});
            let metadata = json!({"name": "dns", "generation": 1});
            let job = json!({"metadata": metadata, "spec": {"report": report}, "status": status});
            let job: AnomalyJob = serde_json::from_value(job).unwrap();
            missing_report_reason(&job, job.status.as_ref().unwrap(), &invocation)
        };
        let unset = missing(Value::Null, "Complete", "Completed");
        assert!(unset.contains("'{\"spec\":{\"report\":{}}}'"), "{unset}");
        assert!(missing(json!({}), "Complete", "Completed").contains("no report engine"));
        let failed = missing(json!({}), "Failed", "InputRefused");
        assert!(failed.contains("Failed (InputRefused); `anomal job status dns`"), "{failed}");
        let running = missing(json!({}), "Running", "Running");
        assert!(running.contains("`anomal job status dns --watch`"), "{running}");
        let reporting = json!({"metadata": {"name": "live"}, "spec": {"stream": {}, "report": {"every": "1h"}}});
        let reporting: AnomalyJob = serde_json::from_value(reporting).unwrap();
        let reason = missing_report_reason(&reporting, &Status::default(), &invocation);
        assert!(reason.contains("the pages of the report engine list them"), "{reason}");
        let stream = json!({"metadata": {"name": "live"}, "spec": {"stream": {}}});
        let stream: AnomalyJob = serde_json::from_value(stream).unwrap();
        let reason = missing_report_reason(&stream, &Status::default(), &invocation);
        assert!(reason.starts_with("live is a stream"), "{reason}");
    }
}
