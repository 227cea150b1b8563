//! The operator as a program.

use std::io::Write;

use anomal_operator::{api, args::OperatorArgs, operator};
use clap::{Parser, Subcommand};

/// Runs `AnomalyJobs` in a Kubernetes cluster.
#[derive(Parser)]
#[command(name = "anomal-operator", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    operator: OperatorArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Print the definition of the custom resource `AnomalyJob`
    Crd,
}

fn main() -> anyhow::Result<()> {
    let Arguments { command, operator: args } = Arguments::parse();
    if let Some(Command::Crd) = command {
        let text = serde_saphyr::to_string(&api::crd())?;
        return Ok(std::io::stdout().write_all(text.as_bytes())?);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        // Sends the remaining spans when it is dropped.
        let _guard = anomal_telemetry::init("anomal-operator", &args.logs);
        operator::run(args).await
    })
}
