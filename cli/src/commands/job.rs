//! `anomal job`, which is `kubectl anomal` too: AnomalyJobs of a cluster, to look at. It changes nothing there.

mod client;
mod follow;
mod list;
mod logs;
mod pod;
mod report;
mod status;
mod table;
mod words;

use std::{ffi::OsString, path::Path};

use client::Cluster;

use super::Ended;
use crate::{
    args::{Job, JobCommand},
    exit,
    present::error::Failure,
    signals,
};

/// The name of a link to this program that makes it a plugin of kubectl.
const PLUGIN: &str = "kubectl-anomal";

/// Whether these words call the plugin.
pub fn is_plugin(words: &[OsString]) -> bool {
    words.first().and_then(|word| Path::new(word).file_stem()).is_some_and(|stem| stem == PLUGIN)
}

/// `program`: what hints call it.
pub fn run(job: &Job, program: &'static str) -> Ended {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let ended = runtime.block_on(async {
        let work = async {
            let cluster = Cluster::new(&job.cluster, program).await?;
            match &job.command {
                JobCommand::List(list) => list::list(&cluster, list).await,
                JobCommand::Status(status) => status::status(&cluster, status).await,
                JobCommand::Logs(logs) => logs::logs(&cluster, logs).await,
                JobCommand::Report(report) => report::report(&cluster, report).await,
            }
        };
        tokio::select! {
            ended = work => ended,
            () = signals::stop() => Err(Failure::new("", exit::INTERRUPTED)),
        }
    });
    runtime.shutdown_background();
    ended
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plugin_is_known_by_its_name() {
        let plugin = |word: &str| is_plugin(&[word.into(), "list".into()]);
        assert!(
            plugin("kubectl-anomal")
                && plugin("/usr/bin/kubectl-anomal")
                && plugin("kubectl-anomal.exe")
        );
        assert!(!plugin("anomal") && !plugin("/opt/kubectl-anomal/anomal") && !is_plugin(&[]));
    }
}
