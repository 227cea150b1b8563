//! Development tasks of this repository, such as `cargo xtask test`.
//!
//! It is compiled before anything else, so it stays small: no tables, no async runtime.
#![expect(clippy::print_stderr, reason = "a command line tool talks to its terminal")]

mod bench;
mod cargo;
mod compare;
mod crd;
mod deny;
mod generate;
mod images;
mod soak;
mod test;
mod testbed;
mod tools;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Development tasks of this repository")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Build everything and run all tests
    Test(test::Arguments),
    /// Compare the output of a commit's programs with that of this tree's, to the byte
    Compare(compare::Arguments),
    /// Check the dependencies' licences and sources
    Deny,
    /// Measure beside other tools
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Kill streams for a long time, and print their books
    Soak(soak::Arguments),
    /// Control the Kubernetes cluster of the tests
    #[command(subcommand)]
    Testbed(testbed::Testbed),
    /// Build the images of the programs
    Images(images::Arguments),
    /// Write the definition of AnomalyJob that the chart installs
    Crd,
    /// Write example data: the same bytes for the same seed, on every machine
    Generate(generate::Arguments),
}

fn main() -> ExitCode {
    let result = match Arguments::parse().task {
        Task::Test(arguments) => test::run(&arguments),
        Task::Compare(arguments) => compare::run(&arguments),
        Task::Bench(bench) => bench::run(&bench),
        Task::Soak(arguments) => soak::run(&arguments),
        Task::Testbed(testbed) => testbed::run(&testbed),
        Task::Images(arguments) => images::run(&arguments),
        Task::Crd => crd::run(),
        Task::Deny => deny::run(),
        Task::Generate(arguments) => generate::run(&arguments).map(|()| ExitCode::SUCCESS),
    };
    result.unwrap_or_else(|error| {
        eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
