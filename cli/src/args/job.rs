//! `anomal job`, which is `kubectl anomal` too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// What `kubectl anomal` is, with a link named `kubectl-anomal` to this program on the path.
#[derive(Debug, Parser)]
#[command(
    name = "kubectl-anomal",
    bin_name = "kubectl anomal",
    about = "Shows AnomalyJobs, their logs and reports",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
pub struct Plugin {
    #[command(flatten)]
    pub job: Job,
}

#[derive(Debug, Args)]
#[command(
    arg_required_else_help = true,
    after_long_help = "A link to this program that is named kubectl-anomal and lies on the path makes \
    `kubectl anomal list` the same as `anomal job list`."
)]
pub struct Job {
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(subcommand)]
    pub command: JobCommand,
}

/// Which cluster, and where in it, as kubectl has it.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "The cluster")]
pub struct ClusterArgs {
    /// The kubeconfig (default: that of the environment variable `KUBECONFIG`, ~/.kube/config, or the pod's own service
    /// account)
    #[arg(long, value_name = "FILE", global = true)]
    pub kubeconfig: Option<PathBuf>,
    /// Its context to use (default: the current one)
    #[arg(long, value_name = "NAME", global = true)]
    pub context: Option<String>,
    /// The namespace (default: that of the context)
    #[arg(long, short, value_name = "NAME", global = true, value_parser = object)]
    pub namespace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List AnomalyJobs and how they fare
    List(ListJobs),
    /// Tell all there is about one: state, progress, what it found
    Status(JobStatus),
    /// Print what its newest pod logged
    Logs(JobLogs),
    /// Print where its report is read
    Report(JobReport),
}

#[derive(Debug, Args)]
pub struct ListJobs {
    /// Those of all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// Only those with these labels, such as `team=blue`
    #[arg(long, short = 'l', value_name = "LABELS", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Go on, with a line for each change, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// How to print them
    #[arg(long, short, value_enum, default_value_t = ListFormat::Table)]
    pub output: ListFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    Table,
    /// As a List; with --watch an object a line
    Json,
}

#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes with --watch: 0 the run ended well; 1 it failed, its settings are wrong, or it \
    was deleted; 4 the cluster could not be reached; 130 interrupted."
)]
pub struct JobStatus {
    /// The AnomalyJob
    #[arg(value_parser = object)]
    pub name: String,
    /// Follow it until its run has ended
    #[arg(long, short)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct JobLogs {
    /// The AnomalyJob
    #[arg(value_parser = object)]
    pub name: String,
    /// Wait for the pod to start, and go on until it has ended
    #[arg(long, short)]
    pub follow: bool,
    /// Of the attempt before the newest
    #[arg(long, short)]
    pub previous: bool,
}

#[derive(Debug, Args)]
pub struct JobReport {
    /// The AnomalyJob
    #[arg(value_parser = object)]
    pub name: String,
    /// Open it in the browser too
    #[arg(long)]
    pub open: bool,
}

/// The name of an object, with or without its kind before it, as kubectl takes it: `aj/dns`.
fn object(text: &str) -> Result<String, String> {
    let kinds = ["aj", "anomalyjob", "anomalyjobs", "anomalyjobs.anomal.dev", "ns", "namespace"];
    let name = match text.split_once('/') {
        Some((kind, name)) if kinds.contains(&kind) => name,
        _ => text,
    };
    let plain = |character: char| matches!(character, 'a'..='z' | '0'..='9' | '-' | '.');
    let ends = |character: char| matches!(character, 'a'..='z' | '0'..='9');
    if name.len() <= 253
        && name.chars().all(plain)
        && name.starts_with(ends)
        && name.ends_with(ends)
    {
        Ok(name.to_owned())
    } else {
        Err("names in Kubernetes have small letters, digits, - and . in them".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_with_their_kind_and_lead_nowhere_else() {
        assert_eq!(object("dns").unwrap(), "dns");
        assert_eq!(object("aj/dns-1").unwrap(), "dns-1");
        for wrong in ["", "aj/", "../pods/x", "pod/x", "a?b", "Dns", "-a", "a.", &"a".repeat(254)] {
            assert!(object(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_of_the_cluster_stand_before_and_behind_the_verb() {
        for line in ["kubectl-anomal -n blue status dns", "kubectl-anomal status dns -n blue"] {
            let plugin = Plugin::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(plugin.job.cluster.namespace.as_deref(), Some("blue"));
        }
    }
}
