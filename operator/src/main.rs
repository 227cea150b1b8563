//! The operator as a program.

use std::io::Write;

use anomal_operator::{api, args::OperatorArgs, operator};
use clap::{CommandFactory, Parser, Subcommand, error::ErrorKind};

/// Runs `AnomalyJobs` in a Kubernetes cluster.
#[derive(Parser)]
#[command(name = "anomal-operator", version, args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    operator: Option<OperatorArgs>,
}

#[derive(Subcommand)]
enum Command {
    /// Print the definition of the custom resource `AnomalyJob`
    Crd,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    match (arguments.command, arguments.operator) {
        (Some(Command::Crd), _) => {
            let text = serde_saphyr::to_string(&api::crd())?;
            Ok(std::io::stdout().write_all(text.as_bytes())?)
        }
        (None, Some(args)) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            let _guard =
                runtime.block_on(async { anomal_telemetry::init("anomal-operator", &args.logs) });
            runtime.block_on(operator::run(args))
        }
        (None, None) => {
            let missing = "--runner-image is missing: the image that runs jobs";
            Arguments::command().error(ErrorKind::MissingRequiredArgument, missing).exit()
        }
    }
}
