//! `anomal`: everything on a laptop with one command, and the runner in a cluster. This page wires; the
//! work is in the crates below.

mod args;
mod commands;
mod elastic;
mod engines;
mod exit;
mod original;
mod overrides;
mod present;
mod reports;
mod results;
mod settings;
mod signals;
mod termination;

use std::process::ExitCode;

use args::{Arguments, Command, Plugin};
use clap::Parser as _;

fn main() -> ExitCode {
    let words: Vec<_> = std::env::args_os().collect();
    if commands::job::is_plugin(&words) {
        let plugin = Plugin::try_parse_from(words).unwrap_or_else(|error| error.exit());
        return ended(commands::job::run(&plugin.job, "kubectl anomal"));
    }
    let words = match original::rewrite(words) {
        Ok(words) => words,
        Err(message) => {
            present::error::line(&message);
            return exit::USAGE.into();
        }
    };
    let arguments = Arguments::try_parse_from(words).unwrap_or_else(|error| error.exit());
    ended(match arguments.command {
        Command::Run(run) => commands::run::run(&run),
        Command::Fit(fit) => commands::model::fit(*fit),
        Command::Score(score) => commands::model::score(*score),
        Command::Evaluate(evaluate) => commands::evaluate::evaluate(&evaluate),
        Command::Explain(explain) => commands::explain::explain(&explain),
        Command::Report(report) => commands::report::run(report),
        Command::Job(job) => commands::job::run(&job, "anomal job"),
        Command::Elastic(command) => commands::elastic::run(command),
        Command::Validate(file) => commands::settings::validate(&file),
        Command::Manifest(file) => commands::settings::manifest(&file),
        Command::Schema => commands::settings::schema(),
        Command::Components(components) => commands::components::list(&components),
        Command::Detectors(detectors) => commands::detectors::list(&detectors),
        Command::Init(init) => commands::init::init(&init),
        Command::Version => commands::version::version(),
        Command::Completions { shell } => commands::version::completions(shell),
    })
}

fn ended(ended: commands::Ended) -> ExitCode {
    ended.unwrap_or_else(present::error::Failure::report).into()
}
