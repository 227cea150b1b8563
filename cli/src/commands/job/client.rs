//! The client of the cluster: its configuration, its requests, and messages for its errors.

use std::{
    env,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use anomal_connectors::terminal::harmless;
use anomal_operator::{api::AnomalyJob, labels};
use k8s_openapi::api::core::v1::{Event, Pod};
use kube::{
    Api, Client, Config, Error,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::invocation::Invocation;
use crate::{args::ClusterArgs, exit, present::error::Failure};

const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest message of an API server.
const MAX_CHARS: usize = 1_000;

/// A cluster, and the namespace of the requests.
pub struct Cluster {
    client: Client,
    /// Of the API server.
    pub url: String,
    pub namespace: String,
    pub invocation: Invocation,
}

impl Cluster {
    /// The cluster that kubectl would use. It is not contacted yet.
    ///
    /// # Errors
    /// `USAGE` if the kubeconfig or its context is wrong; `ENGINE` if there is no cluster.
    pub async fn new(args: &ClusterArgs, program: &'static str) -> Result<Self, Failure> {
        let mut config = load_config(args).await?;
        config.connect_timeout = Some(CONNECT_TIMEOUT);
        let url = config.cluster_url.to_string();
        let url = harmless(url.trim_end_matches('/'), 200);
        let namespace = args.namespace.clone().unwrap_or(config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| {
            Failure::usage(format!("cannot use the kubeconfig for {url}: {}", root_cause(&error)))
        })?;
        Ok(Self { client, url, namespace, invocation: Invocation::new(program, args) })
    }

    pub fn jobs(&self) -> Api<AnomalyJob> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn all_jobs(&self) -> Api<AnomalyJob> {
        Api::all(self.client.clone())
    }

    pub fn events(&self) -> Api<Event> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// The job of this name.
    ///
    /// # Errors
    /// If there is none; the message has a similar name.
    pub async fn job(&self, name: &str) -> Result<AnomalyJob, Failure> {
        if let Some(job) = self.ask(self.jobs().get_opt(name)).await? {
            return Ok(job);
        }
        let others = self.ask(self.jobs().list(&ListParams::default())).await?;
        let others: Vec<String> =
            others.items.into_iter().filter_map(|job| job.metadata.name).collect();
        Err(self.no_such_job(name, &others))
    }

    fn no_such_job(&self, name: &str, others: &[String]) -> Failure {
        let namespace = &self.namespace;
        let similar = anomal_spec::nearest(name, others.iter().map(String::as_str));
        let hint = match similar {
            Some(similar) => format!("did you mean {similar}?"),
            None if others.is_empty() => {
                let list = self.invocation.command("list", "-A");
                format!("it has none; `{list}` lists those of all namespaces")
            }
            None => {
                let Invocation { program, options } = &self.invocation;
                format!("`{program} list{options}` lists those that exist")
            }
        };
        let message = format!("there is no AnomalyJob {name} in the namespace {namespace}: {hint}");
        Failure::new(message, exit::FAILED)
    }

    /// The pods of a job, the newest last: those of its present or last run, or of the stream that it is. All pods of a job
    /// have its label; those of other runs, and of before it became a stream, have other owners.
    ///
    /// # Errors
    /// As [`Cluster::ask`].
    pub async fn pods_of(&self, job: &AnomalyJob) -> Result<Vec<Pod>, Failure> {
        let name = job.metadata.name.as_deref().unwrap_or_default();
        let Some(status) = &job.status else { return Ok(Vec::new()) };
        let (kind, owner) = match &status.job_name {
            Some(run) => ("Job", run.as_str()),
            None => ("StatefulSet", name),
        };
        let selected = ListParams::default().labels(&format!("{}={name}", labels::JOB));
        let mut pods = self.ask(self.pods().list(&selected)).await?.items;
        pods.retain(|pod| {
            let mut owners = pod.metadata.owner_references.iter().flatten();
            owners.any(|it| it.controller == Some(true) && it.kind == kind && it.name == owner)
        });
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        Ok(pods)
    }

    /// Waits for the answer to a request.
    ///
    /// # Errors
    /// Those of [`Cluster::failure`], or that there was no answer in time.
    pub async fn ask<T>(&self, work: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
        match tokio::time::timeout(ANSWER_TIMEOUT, work).await {
            Ok(answer) => answer.map_err(|error| self.failure(&error)),
            Err(_) => {
                Err(self.unreachable(&format!("no answer in {} s", ANSWER_TIMEOUT.as_secs())))
            }
        }
    }

    /// The failure for an error, with what to do.
    pub fn failure(&self, error: &Error) -> Failure {
        match error {
            Error::Api(status) => {
                self.api_failure(status.code, &harmless(&status.message, MAX_CHARS))
            }
            Error::Auth(_) => Failure::new(
                format!(
                    "no credentials for {}: {}; try `kubectl get namespaces`, or another --context",
                    self.url,
                    root_cause(error)
                ),
                exit::ENGINE,
            ),
            Error::SerdeError(_) | Error::FromUtf8(_) => Failure::new(
                format!(
                    "{} is no API server: {}; choose another --context",
                    self.url,
                    root_cause(error)
                ),
                exit::ENGINE,
            ),
            _ => self.unreachable(&root_cause(error)),
        }
    }

    fn api_failure(&self, code: u16, message: &str) -> Failure {
        let url = &self.url;
        let message = match code {
            401 => format!(
                "{url} refuses the credentials ({message}); sign in again, or choose another --context"
            ),
            403 => format!(
                "permission denied: {message}; ask for the ClusterRole view in that namespace (the chart's roles \
                 add AnomalyJobs to it)"
            ),
            404 => format!(
                "the AnomalyJob definition is not installed in {url}: helm install anomal charts/anomal \
                 --namespace anomal --create-namespace, or choose another --context"
            ),
            400 | 422 => return Failure::usage(format!("{url} refuses the request: {message}")),
            _ => format!("{url} failed with status {code}: {message}"),
        };
        Failure::new(message, exit::ENGINE)
    }

    fn unreachable(&self, reason: &str) -> Failure {
        let message = format!(
            "cannot reach the cluster {}: {reason}; check it with `kubectl version`, or choose another with \
             --kubeconfig and --context",
            self.url
        );
        Failure::new(message, exit::ENGINE)
    }
}

/// The innermost error, which has the most specific message.
fn root_cause(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    harmless(&innermost.to_string(), MAX_CHARS)
}

async fn load_config(args: &ClusterArgs) -> Result<Config, Failure> {
    let Some(kubeconfig) = load_kubeconfig(args.kubeconfig.as_deref())? else {
        if let Some(context) = &args.context {
            return Err(Failure::usage(format!(
                "there is no kubeconfig for --context {context}; set --kubeconfig or KUBECONFIG"
            )));
        }
        return in_cluster_config("there is no kubeconfig; set --kubeconfig or KUBECONFIG");
    };
    let contexts: Vec<String> =
        kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let options =
        KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    match Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok(config),
        Err(KubeconfigError::CurrentContextNotSet) => in_cluster_config(
            "the kubeconfig has no current context; set one with `kubectl config use-context NAME`, or --context",
        ),
        Err(KubeconfigError::LoadContext(name)) => Err(no_such_context(&name, &contexts)),
        Err(error) => Err(unusable(&error)),
    }
}

/// The configuration by the service account of the pod that this process runs in. `otherwise` is the message if it runs
/// in none.
fn in_cluster_config(otherwise: &str) -> Result<Config, Failure> {
    Config::incluster().map_err(|_| Failure::new(format!("no cluster: {otherwise}"), exit::ENGINE))
}

/// The kubeconfig as kubectl reads it: the existing files of the environment variable, merged.
fn load_kubeconfig(named: Option<&Path>) -> Result<Option<Kubeconfig>, Failure> {
    if let Some(file) = named {
        return Kubeconfig::read_from(file).map(Some).map_err(|error| unusable(&error));
    }
    let by_environment = env::var_os("KUBECONFIG").filter(|paths| !paths.is_empty());
    let files: Vec<PathBuf> = match &by_environment {
        Some(paths) => env::split_paths(paths).collect(),
        None => env::home_dir().map(|home| home.join(".kube/config")).into_iter().collect(),
    };
    let mut merged: Option<Kubeconfig> = None;
    for file in files.iter().filter(|file| file.is_file()) {
        let read = Kubeconfig::read_from(file).map_err(|error| unusable(&error))?;
        merged = Some(match merged {
            Some(before) => before.merge(read).map_err(|error| unusable(&error))?,
            None => read,
        });
    }
    Ok(merged)
}

fn no_such_context(name: &str, contexts: &[String]) -> Failure {
    let similar = anomal_spec::nearest(name, contexts.iter().map(String::as_str));
    let hint = match similar {
        Some(similar) => format!("did you mean {similar}?"),
        None => format!("it has {}", contexts.join(", ")),
    };
    Failure::usage(harmless(&format!("the kubeconfig has no context {name}: {hint}"), MAX_CHARS))
}

fn unusable(error: &KubeconfigError) -> Failure {
    let message = match error {
        KubeconfigError::ReadConfig(error, file) => {
            format!("cannot read the kubeconfig {}: {error}", file.display())
        }
        error => format!("cannot use the kubeconfig: {error}"),
    };
    Failure::usage(harmless(&message, MAX_CHARS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_context_is_reported_with_a_similar_one() {
        let contexts = ["blue".to_owned(), "production".to_owned()];
        let message = |name| no_such_context(name, &contexts).message;
        assert!(message("prodution").ends_with("did you mean production?"));
        assert!(message("x").ends_with("it has blue, production"));
        assert_eq!(no_such_context("x", &contexts).code, exit::USAGE);
    }
}
