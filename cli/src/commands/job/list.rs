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
    follow::broken,
    table::{Table, age, age_of},
    words,
};
use crate::{
    args::{ListFormat, ListJobs},
    commands::{Ended, put},
    exit,
    present::error::note,
};

const COLUMNS: [&str; 9] =
    ["NAMESPACE", "NAME", "STATUS", "REASON", "ROWS", "SUSPICIOUS", "FLAGS", "STARTED", "AGE"];
/// Columns that change by themselves; what is before them tells whether a job has changed.
const AGES: usize = 2;

type Key = (String, String);

pub async fn list(cluster: &Cluster, arguments: &ListJobs) -> Ended {
    let api = if arguments.all_namespaces { cluster.all_jobs() } else { cluster.jobs() };
    let jobs = cluster.ask(api.list(&ListParams::default().labels(&arguments.selector))).await?;
    let now = Timestamp::now();
    if jobs.items.is_empty() && arguments.output == ListFormat::Table {
        note(&nothing(cluster, arguments));
    }
    let mut lines = Lines::over(&jobs.items, arguments, now);
    let first = match arguments.output {
        ListFormat::Table => jobs.items.iter().map(|job| lines.changed(job, now)).collect(),
        // Each comes by itself.
        ListFormat::Json if arguments.watch => String::new(),
        ListFormat::Json => format!("{:#}\n", whole(&jobs.items)),
    };
    if !put(&first)? || !arguments.watch {
        return Ok(exit::DONE);
    }
    let config = watcher::Config::default().labels(&arguments.selector);
    let mut events = pin!(watcher(api, config).default_backoff());
    let (mut there, mut told) = (BTreeSet::new(), String::new());
    while let Some(event) = events.next().await {
        let now = Timestamp::now();
        let text = match event {
            Ok(Event::Init) => {
                there.clear();
                String::new()
            }
            Ok(Event::InitApply(job)) => {
                there.insert(key(&job));
                lines.changed(&job, now)
            }
            Ok(Event::InitDone) => {
                told.clear();
                lines.gone(&there)
            }
            Ok(Event::Apply(job)) => lines.changed(&job, now),
            Ok(Event::Delete(job)) => lines.deleted(&key(&job)),
            Err(error) => {
                if let Some(why) = broken(cluster, &error)?.filter(|why| *why != told) {
                    note(&why);
                    told = why;
                }
                String::new()
            }
        };
        if !put(&text)? {
            break;
        }
    }
    Ok(exit::DONE)
}

fn nothing(cluster: &Cluster, arguments: &ListJobs) -> String {
    let with = match arguments.selector.as_str() {
        "" => String::new(),
        selector => format!(" with the labels {selector}"),
    };
    if arguments.all_namespaces {
        return format!("no AnomalyJob{with} in any namespace");
    }
    let all = cluster.called.command("list", "-A");
    format!("no AnomalyJob{with} in the namespace {} (all of them: {all})", cluster.namespace)
}

/// What was printed, and how the next line is.
struct Lines {
    namespaces: bool,
    json: bool,
    table: Table,
    headed: bool,
    shown: BTreeMap<Key, Shown>,
}

/// What tells whether there is something new, and the whole line.
struct Shown {
    lasting: Vec<String>,
    row: Vec<String>,
}

impl Lines {
    /// As wide as these jobs need.
    fn over(jobs: &[AnomalyJob], arguments: &ListJobs, now: Timestamp) -> Self {
        let namespaces = arguments.all_namespaces;
        let mut all = vec![header(namespaces)];
        all.extend(jobs.iter().map(|job| row(job, namespaces, now)));
        let json = arguments.output == ListFormat::Json;
        Self { namespaces, json, table: Table::over(&all), headed: false, shown: BTreeMap::new() }
    }

    /// A line, if there is something new; before the first, the header.
    fn changed(&mut self, job: &AnomalyJob, now: Timestamp) -> String {
        let row = row(job, self.namespaces, now);
        let lasting = if self.json {
            vec![job.metadata.resource_version.clone().unwrap_or_default()]
        } else {
            row[..row.len() - AGES].to_vec()
        };
        let key = key(job);
        if self.shown.get(&key).is_some_and(|shown| shown.lasting == lasting) {
            return String::new();
        }
        let mut text = String::new();
        if self.json {
            text = format!("{}\n", object(job));
        } else {
            self.table.widen(&row);
            if !self.headed {
                self.headed = true;
                text = self.table.line(&header(self.namespaces));
            }
            text.push_str(&self.table.line(&row));
        }
        self.shown.insert(key, Shown { lasting, row });
        text
    }

    fn deleted(&mut self, key: &Key) -> String {
        let Some(Shown { mut row, .. }) = self.shown.remove(key).filter(|_| !self.json) else {
            return String::new();
        };
        row[usize::from(self.namespaces) + 1] = "Deleted".into();
        self.table.line(&row)
    }

    /// Those that went while nobody watched.
    fn gone(&mut self, there: &BTreeSet<Key>) -> String {
        let gone: Vec<Key> =
            self.shown.keys().filter(|key| !there.contains(*key)).cloned().collect();
        gone.iter().map(|key| self.deleted(key)).collect()
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
    let summary = status.and_then(|status| status.summary.as_ref());
    let none = || "-".to_owned();
    let (namespace, name) = key(job);
    let started = status.and_then(|status| age_of(status.start_time.as_ref()?, now));
    let reason = status.map_or("", |status| status.reason.as_str());
    let count = |count: Option<u64>| count.map_or_else(none, |count| count.to_string());
    let mut row = if namespaces { vec![namespace] } else { Vec::new() };
    row.extend([
        name,
        status.map_or_else(none, |status| words::phase(status.phase).to_owned()),
        if reason.is_empty() { none() } else { harmless(reason, 128) },
        count(summary.map(|summary| summary.rows)),
        count(summary.map(|summary| summary.suspicious)),
        count(summary.map(|summary| summary.flag_hits)),
        started.unwrap_or_else(none),
        job.metadata.creation_timestamp.as_ref().map_or_else(none, |made| age(made.0, now)),
    ]);
    row
}

/// As kubectl prints a list.
fn whole(jobs: &[AnomalyJob]) -> Value {
    let items: Vec<Value> = jobs.iter().map(object).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items})
}

/// The object as it can be applied: with its type, and without who owns which field.
fn object(job: &AnomalyJob) -> Value {
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
    fn a_table_as_kubectl_s() {
        let jobs = [job("dns", &complete()), job("new", &Value::Null)];
        let mut lines = Lines::over(&jobs, &arguments("kubectl-anomal list"), now());
        let text: String = jobs.iter().map(|job| lines.changed(job, now())).collect();
        assert_eq!(
            text,
            "NAME   STATUS     REASON      ROWS   SUSPICIOUS   FLAGS   STARTED   AGE\n\
             dns    Complete   Completed   5000   100          503     30s       10m\n\
             new    -          -           -      -            -       -         10m\n"
        );
    }

    #[test]
    fn a_watch_tells_changes_once_and_what_went() {
        let mut lines = Lines::over(&[], &arguments("kubectl-anomal list -A -w"), now());
        let first = lines.changed(&job("dns", &Value::Null), now());
        assert_eq!(first.lines().count(), 2, "{first}");
        assert!(first.starts_with("NAMESPACE   NAME"), "{first}");
        let later: Timestamp = "2026-01-01T01:10:00Z".parse().unwrap();
        assert_eq!(lines.changed(&job("dns", &Value::Null), later), "", "only its age is another");
        let changed = lines.changed(&job("dns", &complete()), later);
        assert!(changed.starts_with("blue        dns    Complete"), "{changed}");
        let gone = lines.gone(&BTreeSet::new());
        assert!(gone.starts_with("blue        dns    Deleted"), "{gone}");
        assert_eq!(lines.gone(&BTreeSet::new()), "");
    }

    #[test]
    fn an_object_is_one_that_can_be_applied() {
        let object = object(&job("dns", &complete()));
        assert_eq!(object["apiVersion"], "anomal.dev/v1alpha1");
        assert_eq!(object["kind"], "AnomalyJob");
        assert_eq!(object["spec"], json!({"input": {}}));
        assert_eq!(object["status"]["summary"]["rows"], 5000);
        assert!(object["metadata"].get("managedFields").is_none());
        assert_eq!(whole(&[])["kind"], "List");
    }
}
