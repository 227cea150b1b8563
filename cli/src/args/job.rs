//! `anomal job`, which is `kubectl anomal` too.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// The command `kubectl anomal`: a link named `kubectl-anomal` to this program, on the path.
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
    after_long_help = "With a link named kubectl-anomal to this program on the path, `kubectl anomal list` is the \
    same as `anomal job list`."
)]
pub struct Job {
    #[command(flatten)]
    pub cluster: ClusterArgs,
    #[command(subcommand)]
    pub command: JobCommand,
}

/// The cluster and the namespace, as in kubectl.
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
    #[arg(long, short, value_name = "NAME", global = true, value_parser = object_name)]
    pub namespace: Option<String>,
}

#[derive(Debug, Subcommand)]
pub enum JobCommand {
    /// List AnomalyJobs and their states
    List(ListJobs),
    /// Show the state, progress and results of one
    Status(JobStatus),
    /// Print the log of its newest pod
    Logs(JobLogs),
    /// Print the address of its report
    Report(JobReport),
}

#[derive(Debug, Args)]
pub struct ListJobs {
    /// List those of all namespaces
    #[arg(long, short = 'A')]
    pub all_namespaces: bool,
    /// List only those with these labels, such as `team=blue`
    #[arg(long, short = 'l', value_name = "LABELS", default_value = "", hide_default_value = true)]
    pub selector: String,
    /// Continue, with a line for each change, until Ctrl-C
    #[arg(long, short)]
    pub watch: bool,
    /// The output format
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
    after_help = "Exit codes with --watch: 0 the run succeeded; 1 it failed, its settings are wrong, or it was \
    deleted; 4 the cluster could not be reached; 130 interrupted."
)]
pub struct JobStatus {
    /// The AnomalyJob
    #[arg(value_parser = object_name)]
    pub name: String,
    /// Follow it until its run has ended
    #[arg(long, short)]
    pub watch: bool,
}

#[derive(Debug, Args)]
pub struct JobLogs {
    /// The AnomalyJob
    #[arg(value_parser = object_name)]
    pub name: String,
    /// Wait for the pod to start, and continue until it has ended
    #[arg(long, short)]
    pub follow: bool,
    /// Print the log of the attempt before the newest
    #[arg(long, short)]
    pub previous: bool,
}

#[derive(Debug, Args)]
pub struct JobReport {
    /// The AnomalyJob
    #[arg(value_parser = object_name)]
    pub name: String,
    /// Open it in the browser too
    #[arg(long)]
    pub open: bool,
}

/// Parses the name of an object, with or without its kind before it, as kubectl does: `aj/dns`.
fn object_name(text: &str) -> Result<String, String> {
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
        Err("not a name in Kubernetes; use lower-case letters, digits, - and .".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_their_kind_and_no_path() {
        assert_eq!(object_name("dns").unwrap(), "dns");
        assert_eq!(object_name("aj/dns-1").unwrap(), "dns-1");
        for wrong in ["", "aj/", "../pods/x", "pod/x", "a?b", "Dns", "-a", "a.", &"a".repeat(254)] {
            assert!(object_name(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn options_of_the_cluster_are_accepted_before_and_after_the_verb() {
        for line in ["kubectl-anomal -n blue status dns", "kubectl-anomal status dns -n blue"] {
            let plugin = Plugin::try_parse_from(line.split(' ')).unwrap();
            assert_eq!(plugin.job.cluster.namespace.as_deref(), Some("blue"));
        }
    }
}
