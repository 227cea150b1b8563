//! `cargo xtask testbed`: the Kubernetes cluster of the tests, by hand.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anomal_testbed::Cluster;
use anyhow::{Result, bail};

#[derive(clap::Subcommand)]
pub enum Testbed {
    /// Compiles and installs what is missing (the first time takes some 15 minutes)
    Build,
    /// Starts this checkout's cluster, or mends it; prints the path of its kubeconfig
    Up,
    /// Stops it and removes every trace of it
    Down,
    /// What of it runs
    Status,
    /// The path of its kubeconfig
    Kubeconfig,
    /// Imports image archives (docker or OCI)
    Load {
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Kills components and starts them again
    Restart {
        #[arg(required = true)]
        components: Vec<String>,
    },
    /// Runs a command inside the node, such as `ip address` or `ctr -n k8s.io images list`
    #[command(disable_help_flag = true)]
    Inside {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// kubectl, of the cluster's version and with its kubeconfig
    #[command(disable_help_flag = true)]
    Kubectl(Words),
    /// Helm, with its kubeconfig
    #[command(disable_help_flag = true)]
    Helm(Words),
}

#[derive(clap::Args)]
pub struct Words {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    words: Vec<String>,
}

pub fn run(testbed: &Testbed) -> Result<ExitCode> {
    match testbed {
        Testbed::Build => anomal_testbed::build()?,
        Testbed::Up => {
            unnamed("start")?;
            anomal_testbed::build()?;
            anomal_testbed::script(&["up"])?;
        }
        Testbed::Down => {
            unnamed("stop")?;
            anomal_testbed::script(&["down"])?;
        }
        Testbed::Status => anomal_testbed::script(&["status"])?,
        Testbed::Kubeconfig => anomal_testbed::script(&["kubeconfig"])?,
        Testbed::Load { archives } => Cluster::running()?.load(archives)?,
        Testbed::Restart { components } => {
            let cluster = Cluster::running()?;
            components.iter().try_for_each(|component| cluster.restart(component))?;
        }
        Testbed::Inside { command } => {
            let words = ["inside"].into_iter().chain(command.iter().map(String::as_str));
            anomal_testbed::script(&words.collect::<Vec<_>>())?;
        }
        Testbed::Kubectl(words) => return program(Cluster::running()?.kubectl_command(), words),
        Testbed::Helm(words) => return program(Cluster::running()?.helm_command(), words),
    }
    Ok(ExitCode::SUCCESS)
}

/// Somebody's cluster is neither started nor stopped.
fn unnamed(what: &str) -> Result<()> {
    match std::env::var_os(anomal_testbed::KUBECONFIG) {
        Some(path) if !path.is_empty() => {
            bail!(
                "{} names a cluster that is not the testbed's to {what}",
                anomal_testbed::KUBECONFIG
            )
        }
        _ => Ok(()),
    }
}

fn program(mut command: Command, words: &Words) -> Result<ExitCode> {
    let status = command.args(&words.words).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
