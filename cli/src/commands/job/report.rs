//! `anomal job report`.

use anomal_connectors::terminal::harmless;
use anomal_operator::api::{AnomalyJob, Phase, Status};
use url::{Host, Url};

use super::{
    client::Cluster,
    words::{self, Called},
};
use crate::{
    args::JobReport,
    commands::{Ended, print},
    exit,
    present::error::{Failure, note},
};

pub async fn report(cluster: &Cluster, arguments: &JobReport) -> Ended {
    let job = cluster.job(&arguments.name).await?;
    let status = job.status.clone().unwrap_or_default();
    let Some(address) = &status.report_url else {
        return Err(Failure::new(why_none(&job, &status, &cluster.called), exit::FAILED));
    };
    let ended = print(&format!("{}\n", harmless(address, 1_024)))?;
    if let Some(forward) = forward(address) {
        note(&forward);
    } else if arguments.open {
        open(address)?;
    }
    Ok(ended)
}

/// Only what is a page: a status is written by others.
fn open(address: &str) -> Result<(), Failure> {
    let url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
    let Some(url) = url else {
        let message = "it is not opened: it is no http:// or https:// address";
        return Err(Failure::new(message, exit::FAILED));
    };
    open::that_detached(url.as_str())
        .map_err(|error| Failure::new(format!("no browser could be opened: {error}"), exit::FAILED))
}

/// How an address is reached that only the cluster knows: `http://SERVICE.NAMESPACE.svc:PORT/…`.
fn forward(address: &str) -> Option<String> {
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
        "This address is one of the cluster's own. While this runs:\n\n  \
         kubectl port-forward --namespace {namespace} service/{service} {here}:{port}\n\n\
         it is at {}://localhost:{here}/{path}{query}",
        url.scheme()
    ))
}

fn why_none(job: &AnomalyJob, status: &Status, called: &Called) -> String {
    let name = job.metadata.name.as_deref().unwrap_or_default();
    if job.spec.value()["report"].is_null() {
        return format!(
            "{name} makes no report: its spec has no `report`; \
             `kubectl patch{} aj/{name} --type merge -p '{{\"spec\":{{\"report\":{{}}}}}}'` runs it again with one",
            called.place
        );
    }
    match words::ended(job) {
        Some(Phase::Complete) => format!(
            "the report of {name} has no address: there is no report engine in the release (Helm: report.enabled), \
             or none of its own in spec.engines.report; `{}` tells more",
            called.command("logs", name)
        ),
        Some(_) => format!(
            "{name} has no report: it is {}; `{}` tells why",
            words::state(status),
            called.command("status", name)
        ),
        None => format!(
            "{name} has no report yet; `{} --watch` tells when its run has ended",
            called.command("status", name)
        ),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_address_of_the_cluster_is_reached_by_a_forward() {
        let told = forward("http://anomal-report.anomal.svc:8080/reports/01?x=1").unwrap();
        assert!(told.contains("--namespace anomal service/anomal-report 8080:8080\n"), "{told}");
        assert!(told.ends_with("http://localhost:8080/reports/01?x=1"), "{told}");
        let told = forward("https://pages.anomal.svc.cluster.local/").unwrap();
        assert!(told.contains("service/pages 8080:443"), "{told}");
        assert!(told.ends_with("https://localhost:8080/"), "{told}");
        for outside in
            ["https://reports.example.org/01", "http://10.0.0.1:80/", "no address", "http://a.svc/"]
        {
            assert_eq!(forward(outside), None, "{outside}");
        }
    }

    #[test]
    fn why_there_is_no_report_is_told() {
        let called = Called { program: "anomal job", place: String::new() };
        let why = |report: Value, phase: &str, reason: &str| {
            let status = json!({"observedGeneration": 1, "phase": phase, "reason": reason});
            let metadata = json!({"name": "dns", "generation": 1});
            let job = json!({"metadata": metadata, "spec": {"report": report}, "status": status});
            let job: AnomalyJob = serde_json::from_value(job).unwrap();
            why_none(&job, job.status.as_ref().unwrap(), &called)
        };
        assert!(why(Value::Null, "Complete", "Completed").contains("'{\"spec\":{\"report\":{}}}'"));
        assert!(why(json!({}), "Complete", "Completed").contains("no report engine"));
        let failed = why(json!({}), "Failed", "InputRefused");
        assert!(failed.contains("Failed (InputRefused); `anomal job status dns`"), "{failed}");
        let running = why(json!({}), "Running", "Running");
        assert!(running.contains("`anomal job status dns --watch`"), "{running}");
    }
}
