//! The cluster that is looked at: its `AnomalyJobs` as they change, and one of them.

use std::{collections::BTreeMap, pin::pin, sync::mpsc::SyncSender, time::Duration};

use anomal_connectors::terminal::harmless;
use anomal_operator::api::AnomalyJob;
use anomal_tui::{ClusterEvent, ClusterJob, ClusterRequest, JobDetail, Message};
use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Event as KubeEvent, Pod};
use kube::{
    api::{ListParams, LogParams},
    runtime::{
        WatchStreamExt,
        watcher::{self, watcher},
    },
};
use tokio::{runtime::Runtime, task::AbortHandle};

use super::session::Event;
use crate::{
    args::ClusterArgs,
    commands::job::{client::Cluster, pod, state, status, watch},
    present::error::Failure,
};

/// How often a job that is looked at is asked for.
const INTERVAL: Duration = Duration::from_secs(2);
/// How long changes are collected.
const COLLECTED: Duration = Duration::from_millis(100);
/// Lines of a log, and events.
const LOG_LINES: i64 = 500;
const EVENTS: usize = 50;
/// The longest line of either.
const LONGEST: usize = 2_000;

/// Does what is asked for; later requests end earlier ones.
#[derive(Default)]
pub struct ClusterWatch {
    runtime: Option<Runtime>,
    list: Option<AbortHandle>,
    job: Option<AbortHandle>,
}

/// Sends what is seen, of one request.
#[derive(Clone)]
struct Reporter {
    generation: u64,
    send: SyncSender<Event>,
}

impl Reporter {
    fn report(&self, event: ClusterEvent) {
        let message = Message::Cluster { generation: self.generation, event };
        // The interface may be gone.
        let _ = self.send.send(Event::Message(Box::new(message)));
    }
}

impl ClusterWatch {
    pub fn start(&mut self, request: ClusterRequest, send: &SyncSender<Event>) {
        if let Some(job) = self.job.take() {
            job.abort();
        }
        if let (ClusterRequest::Watch { .. } | ClusterRequest::Leave, Some(list)) =
            (&request, &self.list)
        {
            list.abort();
        }
        let reporter = |generation| Reporter { generation, send: send.clone() };
        match request {
            ClusterRequest::Watch { namespace, generation } => {
                let reporter = reporter(generation);
                self.list = self.spawn(&reporter.clone(), watch_jobs(namespace, reporter));
            }
            ClusterRequest::Look { namespace, name, generation } => {
                let reporter = reporter(generation);
                self.job = self.spawn(&reporter.clone(), watch_job(namespace, name, reporter));
            }
            ClusterRequest::LookAway | ClusterRequest::Leave => {}
        }
    }

    fn spawn(
        &mut self,
        reporter: &Reporter,
        work: impl Future<Output = Result<(), Failure>> + Send + 'static,
    ) -> Option<AbortHandle> {
        if self.runtime.is_none() {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
            match runtime {
                Ok(runtime) => self.runtime = Some(runtime),
                Err(error) => reporter.report(ClusterEvent::Failed(error.to_string())),
            }
        }
        let reporter = reporter.clone();
        let task = self.runtime.as_ref()?.spawn(async move {
            if let Err(failure) = work.await {
                reporter.report(ClusterEvent::Failed(failure.message));
            }
        });
        Some(task.abort_handle())
    }
}

impl Drop for ClusterWatch {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn connect(namespace: Option<String>) -> Result<Cluster, Failure> {
    let arguments = ClusterArgs { namespace, ..ClusterArgs::default() };
    Cluster::new(&arguments, "anomal job").await
}

/// Reports the jobs of a namespace, and again whenever one of them has changed.
async fn watch_jobs(namespace: Option<String>, reporter: Reporter) -> Result<(), Failure> {
    let is_all = namespace.as_ref().is_some_and(String::is_empty);
    let cluster = connect(namespace.filter(|name| !name.is_empty())).await?;
    let api = if is_all { cluster.all_jobs() } else { cluster.jobs() };
    let listed = cluster.ask(api.list(&ListParams::default())).await?;
    let mut jobs: BTreeMap<(String, String), ClusterJob> =
        listed.items.iter().map(|job| (key(job), shown(job))).collect();
    let all = |jobs: &BTreeMap<_, ClusterJob>| jobs.values().cloned().collect::<Vec<_>>();
    reporter.report(ClusterEvent::Opened {
        server: cluster.url.clone(),
        namespace: (!is_all).then(|| cluster.namespace.clone()),
        jobs: all(&jobs),
    });
    let mut events = pin!(watcher(api.clone(), watcher::Config::default()).default_backoff());
    let mut reported = jobs.clone();
    let (mut listed, mut is_complete, mut is_lost) = (BTreeMap::new(), true, false);
    loop {
        let is_due = is_complete && !is_lost && jobs != reported;
        let event = tokio::select! {
            event = events.next() => event,
            () = tokio::time::sleep(COLLECTED), if is_due => {
                reported = jobs.clone();
                reporter.report(ClusterEvent::Jobs(all(&jobs)));
                continue;
            }
            // A watch that is taken up again reports nothing until something changes.
            () = tokio::time::sleep(INTERVAL), if is_lost => {
                if api.list(&ListParams::default().limit(1)).await.is_ok() {
                    (reported, is_lost) = (jobs.clone(), false);
                    reporter.report(ClusterEvent::Jobs(all(&jobs)));
                }
                continue;
            }
        };
        match event {
            None => return Ok(()),
            Some(Ok(watcher::Event::Init)) => (listed, is_complete) = (BTreeMap::new(), false),
            Some(Ok(watcher::Event::InitApply(job))) => {
                listed.insert(key(&job), shown(&job));
            }
            Some(Ok(watcher::Event::InitDone)) => {
                (jobs, is_complete) = (std::mem::take(&mut listed), true);
            }
            Some(Ok(watcher::Event::Apply(job))) => {
                jobs.insert(key(&job), shown(&job));
            }
            Some(Ok(watcher::Event::Delete(job))) => {
                jobs.remove(&key(&job));
            }
            Some(Err(error)) => {
                if let Some(message) = watch::describe_error(&cluster, &error)? {
                    is_lost = true;
                    reporter.report(ClusterEvent::Interrupted(message));
                }
            }
        }
    }
}

fn key(job: &AnomalyJob) -> (String, String) {
    let metadata = &job.metadata;
    (metadata.namespace.clone().unwrap_or_default(), metadata.name.clone().unwrap_or_default())
}

/// A job as lists show it.
fn shown(job: &AnomalyJob) -> ClusterJob {
    let (namespace, name) = key(job);
    let status = job.status.clone().unwrap_or_default();
    let counts = state::counts(&status);
    let started = status.start_time.as_ref().and_then(|time| time.parse::<Timestamp>().ok());
    ClusterJob {
        namespace,
        name,
        status: if job.status.is_some() { state::describe(&status) } else { "none yet".to_owned() },
        rows: counts.map(|counts| counts.rows),
        suspicious: counts.map(|counts| counts.suspicious),
        flags: counts.map(|counts| counts.flags),
        started: started
            .map(|time| time.strftime("%Y-%m-%d %H:%MZ").to_string())
            .unwrap_or_default(),
        message: state::message(&status).join("\n"),
        report: status.report_url.as_ref().map(|url| harmless(url, 1_024)).unwrap_or_default(),
    }
}

/// Reports a job, and again whenever something of it has changed.
async fn watch_job(namespace: String, name: String, reporter: Reporter) -> Result<(), Failure> {
    let cluster = connect(Some(namespace)).await?;
    let mut last = None;
    loop {
        match read_job(&cluster, &name).await {
            Ok(detail) if last.as_ref() == Some(&detail) => {}
            Ok(detail) => {
                let shown = Box::new(detail.clone());
                reporter.report(match last.replace(detail) {
                    None => ClusterEvent::Detail(shown),
                    Some(_) => ClusterEvent::Refreshed(shown),
                });
            }
            Err(failure) if last.is_none() => return Err(failure),
            Err(failure) => {
                reporter
                    .report(ClusterEvent::Interrupted(format!("{} (retrying)", failure.message)));
            }
        }
        tokio::time::sleep(INTERVAL).await;
    }
}

async fn read_job(cluster: &Cluster, name: &str) -> Result<JobDetail, Failure> {
    let job = cluster.job(name).await?;
    let status = status::text(cluster, &job).await;
    let pods = cluster.pods_of(&job).await;
    // What may not be seen does not hide the rest.
    let (events, log) = match &pods {
        Ok(pods) => (events(cluster, name, pods).await, log(cluster, pods).await),
        Err(failure) => (events(cluster, name, &[]).await, Err(failure.message.clone())),
    };
    let lines = |lines: Result<Vec<String>, String>| lines.unwrap_or_else(|message| vec![message]);
    Ok(JobDetail {
        status: status.lines().map(str::to_owned).collect(),
        events: lines(events),
        log: lines(log),
    })
}

/// The events about a job and its pods, the newest last.
async fn events(cluster: &Cluster, name: &str, pods: &[Pod]) -> Result<Vec<String>, String> {
    let mut all: Vec<KubeEvent> = Vec::new();
    let pods = pods.iter().map(|one| ("Pod", pod::name(one)));
    for (kind, name) in [("AnomalyJob", name)].into_iter().chain(pods) {
        let about = format!("involvedObject.kind={kind},involvedObject.name={name}");
        let listed =
            cluster.ask(cluster.events().list(&ListParams::default().fields(&about))).await;
        all.extend(listed.map_err(|failure| failure.message)?.items);
    }
    let time = |event: &KubeEvent| {
        let last = event.last_timestamp.as_ref().map(|time| time.0);
        last.or(event.event_time.as_ref().map(|time| time.0))
    };
    all.sort_by_key(time);
    let line = |event: &KubeEvent| {
        let at = time(event).map(|time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string());
        let text = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default(), LONGEST);
        let (at, reason) = (at.unwrap_or_default(), text(&event.reason));
        format!("{at}  {reason}: {}", text(&event.message))
    };
    let skipped = all.len().saturating_sub(EVENTS);
    let lines: Vec<String> = all.iter().skip(skipped).map(line).collect();
    Ok(if lines.is_empty() { vec!["none, or they have expired".to_owned()] } else { lines })
}

/// The end of the log of the newest pod.
async fn log(cluster: &Cluster, pods: &[Pod]) -> Result<Vec<String>, String> {
    let Some(newest) = pods.last() else { return Err("there is no pod".to_owned()) };
    if !pod::has_started(newest) {
        return Err("its pod has not started".to_owned());
    }
    let parameters = LogParams {
        container: Some(pod::RUNNER.to_owned()),
        tail_lines: Some(LOG_LINES),
        ..LogParams::default()
    };
    let log = cluster.ask(cluster.pods().logs(pod::name(newest), &parameters)).await;
    let log = log.map_err(|failure| failure.message)?;
    let lines: Vec<String> = log.lines().map(|line| harmless(line, LONGEST)).collect();
    Ok(if lines.is_empty() { vec!["nothing is written to it yet".to_owned()] } else { lines })
}
