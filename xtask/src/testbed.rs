//! `cargo xtask testbed`: commands for the Kubernetes cluster of the tests.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use anomal_testbed::Cluster;
use anyhow::{Result, bail};

#[derive(clap::Subcommand)]
pub enum Testbed {
    /// Compile and install what is missing (about 15 minutes at the first time)
    Build,
    /// Start or repair this checkout's cluster; prints the path of its kubeconfig
    Up,
    /// Stop it and remove every trace of it
    Down,
    /// Show which components run
    Status,
    /// Print the path of its kubeconfig
    Kubeconfig,
    /// Import image archives (docker or OCI)
    Load {
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Kill components and start them again
    Restart {
        #[arg(required = true)]
        components: Vec<String>,
    },
    /// Run a command inside the node, such as `ip address` or `ctr -n k8s.io images list`
    #[command(disable_help_flag = true)]
    Inside {
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Run kubectl of the cluster's version with its kubeconfig
    #[command(disable_help_flag = true)]
    Kubectl(ProgramArguments),
    /// Run Helm with its kubeconfig
    #[command(disable_help_flag = true)]
    Helm(ProgramArguments),
}

#[derive(clap::Args)]
pub struct ProgramArguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(testbed: &Testbed) -> Result<ExitCode> {
    match testbed {
        Testbed::Build => anomal_testbed::build()?,
        Testbed::Up => {
            refuse_external("start")?;
            anomal_testbed::build()?;
            anomal_testbed::script(&["up"])?;
        }
        Testbed::Down => {
            refuse_external("stop")?;
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
        Testbed::Kubectl(program) => {
            return run_program(Cluster::running()?.kubectl_command(), program);
        }
        Testbed::Helm(program) => return run_program(Cluster::running()?.helm_command(), program),
    }
    Ok(ExitCode::SUCCESS)
}

/// An external cluster is neither started nor stopped.
fn refuse_external(verb: &str) -> Result<()> {
    match std::env::var_os(anomal_testbed::KUBECONFIG) {
        Some(path) if !path.is_empty() => {
            bail!(
                "{} names an external cluster, which the testbed does not {verb}",
                anomal_testbed::KUBECONFIG
            )
        }
        _ => Ok(()),
    }
}

fn run_program(mut command: Command, program: &ProgramArguments) -> Result<ExitCode> {
    let status = command.args(&program.arguments).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
