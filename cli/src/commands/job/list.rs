//! `anomal job list`.

use std::{
    collections::{BTreeMap, BTreeSet},
    pin::pin,
};

use anomal_connectors::terminal::harmless;
use anomal_operator::api::AnomalyJob;
use futures::StreamExt;
use k8s_openapi::jiff::Timestamp;
use kube::{
    Resource,
    api::ListParams,
    runtime::{
        WatchStreamExt,
        watcher::{self, Event, watcher},
    },
};
use serde_json::{Map, Value, json};

use super::{
    client::Cluster,
    state,
    table::{Table, age, age_since},
    watch,
};
use crate::{
    args::{ListFormat, ListJobs},
    commands::{CommandResult, write},
    exit,
    present::error::note,
};

const COLUMNS: [&str; 9] =
    ["NAMESPACE", "NAME", "STATUS", "REASON", "ROWS", "SUSPICIOUS", "FLAGS", "STARTED", "AGE"];
/// The last columns, which change with time alone.
const AGE_COLUMNS: usize = 2;

type Key = (String, String);

pub async fn list(cluster: &Cluster, arguments: &ListJobs) -> CommandResult {
    let api = if arguments.all_namespaces { cluster.all_jobs() } else { cluster.jobs() };
    let jobs = cluster.ask(api.list(&ListParams::default().labels(&arguments.selector))).await?;
    let now = Timestamp::now();
    if jobs.items.is_empty() && arguments.output == ListFormat::Table {
        note(&describe_empty(cluster, arguments));
    }
    let mut output = ListOutput::new(&jobs.items, arguments, now);
    let first = match arguments.output {
        ListFormat::Table => jobs.items.iter().map(|job| output.changed(job, now)).collect(),
        // The watch prints each object.
        ListFormat::Json if arguments.watch => String::new(),
        ListFormat::Json => format!("{:#}\n", list_object(&jobs.items)),
    };
    if !write(&first)? || !arguments.watch {
        return Ok(exit::DONE);
    }
    let config = watcher::Config::default().labels(&arguments.selector);
    let mut events = pin!(watcher(api, config).default_backoff());
    let (mut listed, mut last_error) = (BTreeSet::new(), String::new());
    while let Some(event) = events.next().await {
        let now = Timestamp::now();
        let text = match event {
            Ok(Event::Init) => {
                listed.clear();
                String::new()
            }
            Ok(Event::InitApply(job)) => {
                listed.insert(key(&job));
                output.changed(&job, now)
            }
            Ok(Event::InitDone) => {
                last_error.clear();
                output.missing(&listed)
            }
            Ok(Event::Apply(job)) => output.changed(&job, now),
            Ok(Event::Delete(job)) => output.deleted(&key(&job)),
            Err(error) => {
                let message = watch::describe_error(cluster, &error)?;
                if let Some(message) = message.filter(|message| *message != last_error) {
                    note(&message);
                    last_error = message;
                }
                String::new()
            }
        };
        if !write(&text)? {
            break;
        }
    }
    Ok(exit::DONE)
}

/// The note for an empty list.
fn describe_empty(cluster: &Cluster, arguments: &ListJobs) -> String {
    let with = match arguments.selector.as_str() {
        "" => String::new(),
        selector => format!(" with the labels {selector}"),
    };
    if arguments.all_namespaces {
        return format!("no AnomalyJob{with} in any namespace");
    }
    let all = cluster.invocation.command("list", "-A");
    format!("no AnomalyJob{with} in the namespace {} (all namespaces: {all})", cluster.namespace)
}

/// Prints jobs, each again when it has changed.
struct ListOutput {
    namespaces: bool,
    json: bool,
    table: Table,
    has_header: bool,
    printed: BTreeMap<Key, PrintedJob>,
}

/// The last line of a job.
struct PrintedJob {
    /// Differs when the job has changed.
    content: Vec<String>,
    row: Vec<String>,
}

impl ListOutput {
    /// Columns are as wide as these jobs need.
    fn new(jobs: &[AnomalyJob], arguments: &ListJobs, now: Timestamp) -> Self {
        let namespaces = arguments.all_namespaces;
        let mut all = vec![header(namespaces)];
        all.extend(jobs.iter().map(|job| row(job, namespaces, now)));
        let json = arguments.output == ListFormat::Json;
        let (table, printed) = (Table::for_rows(&all), BTreeMap::new());
        Self { namespaces, json, table, has_header: false, printed }
    }

    /// The line of a job, empty if it has not changed. The first comes with the header.
    fn changed(&mut self, job: &AnomalyJob, now: Timestamp) -> String {
        let row = row(job, self.namespaces, now);
        let content = if self.json {
            vec![job.metadata.resource_version.clone().unwrap_or_default()]
        } else {
            row[..row.len() - AGE_COLUMNS].to_vec()
        };
        let key = key(job);
        if self.printed.get(&key).is_some_and(|printed| printed.content == content) {
            return String::new();
        }
        let mut text = String::new();
        if self.json {
            text = format!("{}\n", manifest(job));
        } else {
            self.table.widen(&row);
            if !self.has_header {
                self.has_header = true;
                text = self.table.line(&header(self.namespaces));
            }
            text.push_str(&self.table.line(&row));
        }
        self.printed.insert(key, PrintedJob { content, row });
        text
    }

    fn deleted(&mut self, key: &Key) -> String {
        let printed = self.printed.remove(key).filter(|_| !self.json);
        let Some(PrintedJob { mut row, .. }) = printed else {
            return String::new();
        };
        row[usize::from(self.namespaces) + 1] = "Deleted".into();
        self.table.line(&row)
    }

    /// The lines of jobs that were deleted while the watch was interrupted.
    fn missing(&mut self, listed: &BTreeSet<Key>) -> String {
        let missing: Vec<Key> =
            self.printed.keys().filter(|key| !listed.contains(*key)).cloned().collect();
        missing.iter().map(|key| self.deleted(key)).collect()
    }
}

fn key(job: &AnomalyJob) -> Key {
    let metadata = &job.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

fn header(namespaces: bool) -> Vec<String> {
    COLUMNS.iter().skip(usize::from(!namespaces)).map(|&name| name.to_owned()).collect()
}

fn row(job: &AnomalyJob, namespaces: bool, now: Timestamp) -> Vec<String> {
    let status = job.status.as_ref();
    let counts = status.and_then(state::counts);
    let none = || "-".to_owned();
    let (namespace, name) = key(job);
    let started = status.and_then(|status| age_since(status.start_time.as_ref()?, now));
    let reason = status.map_or("", |status| status.reason.as_str());
    let count = |count: Option<u64>| count.map_or_else(none, |count| count.to_string());
    let mut row = if namespaces { vec![namespace] } else { Vec::new() };
    row.extend([
        name,
        status.map_or_else(none, |status| state::phase_name(status.phase).to_owned()),
        if reason.is_empty() { none() } else { harmless(reason, 128) },
        count(counts.map(|counts| counts.rows)),
        count(counts.map(|counts| counts.suspicious)),
        count(counts.map(|counts| counts.flags)),
        started.unwrap_or_else(none),
        job.metadata.creation_timestamp.as_ref().map_or_else(none, |created| age(created.0, now)),
    ]);
    row
}

/// A list as kubectl prints it.
fn list_object(jobs: &[AnomalyJob]) -> Value {
    let items: Vec<Value> = jobs.iter().map(manifest).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The object in a form that can be applied: with its type, and without the managers of its fields.
fn manifest(job: &AnomalyJob) -> Value {
    let mut object = Map::new();
    object.insert("apiVersion".into(), AnomalyJob::api_version(&()).into());
    object.insert("kind".into(), AnomalyJob::kind(&()).into());
    let mut rest = json!(job);
    if let Some(metadata) = rest["metadata"].as_object_mut() {
        metadata.remove("managedFields");
    }
    object.extend(rest.as_object().cloned().unwrap_or_default());
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;
    use crate::args::{JobCommand, Plugin};

    fn arguments(line: &str) -> ListJobs {
        let plugin = Plugin::try_parse_from(line.split(' ')).unwrap();
        let JobCommand::List(list) = plugin.job.command else { panic!("{line}") };
        list
    }

    fn now() -> Timestamp {
        "2026-01-01T00:10:00Z".parse().unwrap()
    }

    fn job(name: &str, status: &Value) -> AnomalyJob {
        let metadata = json!({
            "name": name, "namespace": "blue", "creationTimestamp": "2026-01-01T00:00:00Z",
            "resourceVersion": "7", "managedFields": [{"manager": "kubectl"}],
        });
        serde_json::from_value(
            json!({"metadata": metadata, "spec": {"input": {}}, "status": status}),
        )
        .unwrap()
    }

    fn complete() -> Value {
        json!({
            "phase": "Complete", "reason": "Completed", "startTime": "2026-01-01T00:09:30Z",
            "summary": {"rows": 5000, "suspicious": 100, "flagHits": 503},
        })
    }

    #[test]
    fn the_table_is_formatted_like_kubectl_s() {
        let stream = json!({
            "phase": "Streaming", "reason": "Streaming",
            "stream": {"observedAt": "", "rows": 4000, "suspicious": 7, "flagged": 2},
        });
        let jobs = [job("dns", &complete()), job("live", &stream), job("new", &Value::Null)];
        let mut output = ListOutput::new(&jobs, &arguments("kubectl-anomal list"), now());
        let text: String = jobs.iter().map(|job| output.changed(job, now())).collect();
        assert_eq!(
            text,
            "NAME   STATUS      REASON      ROWS   SUSPICIOUS   FLAGS   STARTED   AGE\n\
             dns    Complete    Completed   5000   100          503     30s       10m\n\
             live   Streaming   Streaming   4000   7            2       -         10m\n\
             new    -           -           -      -            -       -         10m\n"
        );
    }

    #[test]
    fn a_watch_prints_changes_once_and_deletions() {
        let mut output = ListOutput::new(&[], &arguments("kubectl-anomal list -A -w"), now());
        let first = output.changed(&job("dns", &Value::Null), now());
        assert_eq!(first.lines().count(), 2, "{first}");
        assert!(first.starts_with("NAMESPACE   NAME"), "{first}");
        let later: Timestamp = "2026-01-01T01:10:00Z".parse().unwrap();
        assert_eq!(output.changed(&job("dns", &Value::Null), later), "", "only its age differs");
        let changed = output.changed(&job("dns", &complete()), later);
        assert!(changed.starts_with("blue        dns    Complete"), "{changed}");
        let missing = output.missing(&BTreeSet::new());
        assert!(missing.starts_with("blue        dns    Deleted"), "{missing}");
        assert_eq!(output.missing(&BTreeSet::new()), "");
    }

    #[test]
    fn a_manifest_can_be_applied() {
        let object = manifest(&job("dns", &complete()));
        assert_eq!(object["apiVersion"], "anomal.dev/v1alpha1");
        assert_eq!(object["kind"], "AnomalyJob");
        assert_eq!(object["spec"], json!({"input": {}}));
        assert_eq!(object["status"]["summary"]["rows"], 5000);
        assert!(object["metadata"].get("managedFields").is_none());
        assert_eq!(list_object(&[])["kind"], "List");
    }
}
