//! The cluster: how it is found, what is asked of it, and what its refusals mean.

use std::{
    env,
    future::Future,
    path::{Path, PathBuf},
    time::Duration,
};

use anomal_connectors::terminal::harmless;
use anomal_operator::api::{AnomalyJob, Status};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api, Client, Config, Error,
    api::ListParams,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};

use super::words::Called;
use crate::{args::ClusterArgs, exit, present::error::Failure};

/// An API server that takes longer is as good as none.
const ANSWER: Duration = Duration::from_secs(30);
const CONNECT: Duration = Duration::from_secs(10);
/// Characters of what an API server says.
const SAID: usize = 1_000;

/// A cluster, and the namespace that is asked about.
pub struct Cluster {
    client: Client,
    url: String,
    pub namespace: String,
    pub called: Called,
}

impl Cluster {
    /// As kubectl finds it. Nothing is asked of it yet.
    ///
    /// # Errors
    /// Of usage if the kubeconfig or its context is wrong; `ENGINE` if there is no cluster at all.
    pub async fn new(args: &ClusterArgs, program: &'static str) -> Result<Self, Failure> {
        let mut config = config(args).await?;
        config.connect_timeout = Some(CONNECT);
        let url = config.cluster_url.to_string();
        let url = harmless(url.trim_end_matches('/'), 200);
        let namespace = args.namespace.clone().unwrap_or(config.default_namespace.clone());
        let client = Client::try_from(config).map_err(|error| {
            Failure::usage(format!("the kubeconfig can't be used for {url}: {}", cause(&error)))
        })?;
        Ok(Self { client, url, namespace, called: Called::new(program, args) })
    }

    pub fn jobs(&self) -> Api<AnomalyJob> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub fn all_jobs(&self) -> Api<AnomalyJob> {
        Api::all(self.client.clone())
    }

    pub fn pods(&self) -> Api<Pod> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// # Errors
    /// If there is none of the name, which tells one that is near.
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
        let near = anomal_spec::nearest(name, others.iter().map(String::as_str));
        let hint = match near {
            Some(near) => format!("did you mean {near}?"),
            None if others.is_empty() => {
                format!(
                    "none is there; `{}` shows those of all namespaces",
                    self.called.command("list", "-A")
                )
            }
            None => {
                format!("`{} list{}` shows what is there", self.called.program, self.called.place)
            }
        };
        let message = format!("there is no AnomalyJob {name} in the namespace {namespace}: {hint}");
        Failure::new(message, exit::FAILED)
    }

    /// The pods of the run that a status tells of, the newest last.
    ///
    /// # Errors
    /// If they can't be asked for.
    pub async fn pods_of(&self, status: &Status) -> Result<Vec<Pod>, Failure> {
        let Some(job) = &status.job_name else { return Ok(Vec::new()) };
        let selected = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={job}"));
        let mut pods = self.ask(self.pods().list(&selected)).await?.items;
        pods.sort_by_key(|pod| pod.metadata.creation_timestamp.as_ref().map(|time| time.0));
        Ok(pods)
    }

    /// An answer, or why there is none.
    ///
    /// # Errors
    /// Those of [`Cluster::failure`], and that it took too long.
    pub async fn ask<T>(&self, work: impl Future<Output = kube::Result<T>>) -> Result<T, Failure> {
        match tokio::time::timeout(ANSWER, work).await {
            Ok(answer) => answer.map_err(|error| self.failure(&error)),
            Err(_) => Err(self.unreachable(&format!("no answer in {} s", ANSWER.as_secs()))),
        }
    }

    /// What an error means, and what to do.
    pub fn failure(&self, error: &Error) -> Failure {
        match error {
            Error::Api(status) => self.refusal(status.code, &harmless(&status.message, SAID)),
            Error::Auth(_) => Failure::new(
                format!(
                    "no credentials for {}: {}; try `kubectl get namespaces`, or another --context",
                    self.url,
                    cause(error)
                ),
                exit::ENGINE,
            ),
            Error::SerdeError(_) | Error::FromUtf8(_) => Failure::new(
                format!("{} answers what no API server does: {}", self.url, cause(error)),
                exit::ENGINE,
            ),
            _ => self.unreachable(&cause(error)),
        }
    }

    fn refusal(&self, code: u16, said: &str) -> Failure {
        let url = &self.url;
        let message = match code {
            401 => {
                format!(
                    "{url} refuses the credentials ({said}): sign in anew, or choose another --context"
                )
            }
            403 => format!(
                "no right to it: {said}; ask for the ClusterRole view in that namespace (with the chart's own \
                 roles it holds AnomalyJobs too)"
            ),
            404 => format!(
                "the AnomalyJob definition is not installed in {url}: helm install anomal charts/anomal \
                 --namespace anomal --create-namespace, or choose another --context"
            ),
            400 | 422 => return Failure::usage(format!("{url} refuses the question: {said}")),
            _ => format!("{url} can't answer now ({code}): {said}"),
        };
        Failure::new(message, exit::ENGINE)
    }

    fn unreachable(&self, why: &str) -> Failure {
        let message = format!(
            "the cluster {} can't be reached: {why}; does `kubectl version` reach it? --kubeconfig and --context \
             choose another",
            self.url
        );
        Failure::new(message, exit::ENGINE)
    }
}

/// The innermost reason, which is the one that tells something.
fn cause(error: &Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    harmless(&innermost.to_string(), SAID)
}

async fn config(args: &ClusterArgs) -> Result<Config, Failure> {
    let Some(kubeconfig) = kubeconfig(args.kubeconfig.as_deref())? else {
        if let Some(context) = &args.context {
            return Err(Failure::usage(format!(
                "there is no kubeconfig for --context {context}: name one by --kubeconfig or KUBECONFIG"
            )));
        }
        return in_cluster("there is no kubeconfig: name one by --kubeconfig or KUBECONFIG");
    };
    let contexts: Vec<String> =
        kubeconfig.contexts.iter().map(|context| context.name.clone()).collect();
    let options =
        KubeConfigOptions { context: args.context.clone(), ..KubeConfigOptions::default() };
    match Config::from_custom_kubeconfig(kubeconfig, &options).await {
        Ok(config) => Ok(config),
        Err(KubeconfigError::CurrentContextNotSet) => in_cluster(
            "the kubeconfig has no current context: `kubectl config use-context NAME`, or --context",
        ),
        Err(KubeconfigError::LoadContext(name)) => Err(no_such_context(&name, &contexts)),
        Err(error) => Err(unusable(&error)),
    }
}

/// By the service account of the pod that this runs in, if it does.
fn in_cluster(otherwise: &str) -> Result<Config, Failure> {
    Config::incluster().map_err(|_| Failure::new(format!("no cluster: {otherwise}"), exit::ENGINE))
}

/// As kubectl reads it: of the files that the environment names those that are there, merged.
fn kubeconfig(named: Option<&Path>) -> Result<Option<Kubeconfig>, Failure> {
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
    let near = anomal_spec::nearest(name, contexts.iter().map(String::as_str));
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("it has {}", contexts.join(", ")),
    };
    Failure::usage(harmless(&format!("the kubeconfig has no context {name}: {hint}"), SAID))
}

fn unusable(error: &KubeconfigError) -> Failure {
    let message = match error {
        KubeconfigError::ReadConfig(error, file) => {
            format!("the kubeconfig {} can't be read: {error}", file.display())
        }
        error => format!("the kubeconfig can't be used: {error}"),
    };
    Failure::usage(harmless(&message, SAID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_context_that_is_not_there_is_told_with_one_that_is() {
        let contexts = ["blue".to_owned(), "production".to_owned()];
        let message = |name| no_such_context(name, &contexts).message;
        assert!(message("prodution").ends_with("did you mean production?"));
        assert!(message("x").ends_with("it has blue, production"));
        assert_eq!(no_such_context("x", &contexts).code, exit::USAGE);
    }
}
