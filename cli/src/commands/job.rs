//! `anomal job`, also `kubectl anomal`: shows the AnomalyJobs of a cluster. It changes nothing there.

pub mod client;
mod follow;
mod hints;
mod invocation;
mod list;
mod logs;
pub mod pod;
pub mod report;
pub mod state;
pub mod status;
mod table;
pub mod watch;

use std::{ffi::OsString, path::Path};

use client::Cluster;

use super::CommandResult;
use crate::{
    args::{Job, JobCommand},
    exit,
    present::error::Failure,
    signals,
};

/// The name of a link to this program for kubectl, which runs it as a plugin.
const PLUGIN: &str = "kubectl-anomal";

/// Whether the process was started as the plugin, by its arguments.
pub fn is_plugin(args: &[OsString]) -> bool {
    args.first().and_then(|arg| Path::new(arg).file_stem()).is_some_and(|stem| stem == PLUGIN)
}

/// Runs a command; `program` is its name in hints.
pub fn run(job: &Job, program: &'static str) -> CommandResult {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let result = runtime.block_on(async {
        let work = async {
            let cluster = Cluster::new(&job.cluster, program).await?;
            match &job.command {
                JobCommand::List(list) => list::list(&cluster, list).await,
                JobCommand::Status(status) => {
                    let job = cluster.job(&status.name).await?;
                    if status.watch {
                        follow::follow(&cluster, job).await
                    } else {
                        status::print_status(&cluster, &job).await
                    }
                }
                JobCommand::Logs(logs) => logs::logs(&cluster, logs).await,
                JobCommand::Report(report) => report::report(&cluster, report).await,
            }
        };
        tokio::select! {
            result = work => result,
            () = signals::stop() => Err(Failure::new("", exit::INTERRUPTED)),
        }
    });
    runtime.shutdown_background();
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_is_recognized_by_its_name() {
        let plugin = |program: &str| is_plugin(&[program.into(), "list".into()]);
        assert!(
            plugin("kubectl-anomal")
                && plugin("/usr/bin/kubectl-anomal")
                && plugin("kubectl-anomal.exe")
        );
        assert!(!plugin("anomal") && !plugin("/opt/kubectl-anomal/anomal") && !is_plugin(&[]));
    }
}
