//! `anomal`: the command line tool, and the runner in a cluster. It wires the crates together.

mod args;
mod commands;
mod elastic;
mod engines;
mod exit;
mod original;
mod overrides;
mod packs;
mod present;
mod reports;
mod results;
mod settings;
mod signals;
mod suppressions;
mod termination;

use std::process::ExitCode;

use args::{Arguments, Command, Plugin};
use clap::Parser as _;
use commands::CommandResult;
use present::error::{Failure, print_error};

fn main() -> ExitCode {
    let args: Vec<_> = std::env::args_os().collect();
    if commands::job::is_plugin(&args) {
        let plugin = Plugin::try_parse_from(args).unwrap_or_else(|error| error.exit());
        return exit_code(commands::job::run(&plugin.job, "kubectl anomal"));
    }
    let interactive = commands::ui::refusal().is_none();
    let args = match original::rewrite(args, interactive) {
        Ok(args) => args,
        Err(message) => {
            print_error(&message);
            return exit::USAGE.into();
        }
    };
    let arguments = Arguments::try_parse_from(&args).unwrap_or_else(|error| error.exit());
    exit_code(match arguments.command {
        Command::Run(run) => commands::run::run(&run),
        Command::Fit(fit) => commands::model::fit(*fit),
        Command::Score(score) => commands::model::score(*score),
        Command::Evaluate(evaluate) => commands::evaluate::evaluate(&evaluate),
        Command::Explain(explain) => commands::explain::explain(&explain),
        Command::Incidents(incidents) => commands::incidents::incidents(&incidents),
        Command::Verdicts(command) => commands::verdicts::run(&command),
        Command::Compare(compare) => commands::compare::run(&compare),
        Command::Report(report) => commands::report::run(report),
        Command::Job(job) => commands::job::run(&job, "anomal job"),
        Command::Elastic(command) => commands::elastic::run(command),
        Command::Validate(file) => commands::settings::validate(&file),
        Command::Manifest(file) => commands::settings::manifest(&file),
        Command::Schema => commands::settings::schema(),
        Command::Components(components) => commands::components::list(&components),
        Command::Detectors(detectors) => commands::detectors::list(&detectors),
        Command::Init(init) => commands::init::init(&init),
        Command::Lists(command) => commands::lists::run(&command),
        Command::Pack(command) => commands::pack::run(&command),
        Command::Inspect(inspect) => commands::inspect::run(&inspect),
        Command::Ui(ui) => commands::ui::run(&ui, &args),
        Command::Version => commands::version::version(),
        Command::Completions { shell } => commands::version::completions(shell),
    })
}

fn exit_code(result: CommandResult) -> ExitCode {
    result.unwrap_or_else(Failure::report).into()
}
