//! Tasks of this repository that are no part of the product: `cargo xtask test`, `cargo xtask generate`.
//!
//! It is the first thing that a newcomer's machine compiles, so it stays small: no tables, no runtime.
#![expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod bench;
mod cargo;
mod compare;
mod crd;
mod deny;
mod generate;
mod images;
mod test;
mod testbed;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Tasks of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds everything and runs every test
    Test(test::Arguments),
    /// Compares what the programs of a commit and of this tree write, to the byte
    Compare(compare::Arguments),
    /// Checks the dependencies' licences and sources
    Deny,
    /// Measures beside what people use today
    #[command(subcommand)]
    Bench(bench::Bench),
    /// The Kubernetes cluster of the tests
    #[command(subcommand)]
    Testbed(testbed::Testbed),
    /// The programs' images
    Images(images::Arguments),
    /// Writes the definition of AnomalyJob that the chart installs
    Crd,
    /// Writes example data: the same bytes for the same seed, on every machine
    Generate(generate::Arguments),
}

fn main() -> ExitCode {
    let ended = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Compare(arguments) => compare::run(&arguments),
        Task::Bench(bench) => bench::run(&bench),
        Task::Testbed(testbed) => testbed::run(&testbed),
        Task::Images(arguments) => images::run(&arguments),
        Task::Crd => crd::run(),
        Task::Deny => deny::run(),
        Task::Generate(arguments) => generate::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    ended.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
