//! `cargo xtask test`: builds everything once and runs every test.

use std::{
    io::{BufRead, BufReader},
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context, Result, bail};

use crate::{cargo::cargo, python};

/// What the example of an engine in Python needs.
const EXTERNAL_ENGINE: &str = "examples/external-engine/requirements.txt";

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose name contains this
    filter: Option<String>,
}

/// The last line sums up as `N passed, N failed, N skipped`.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    part("build", || {
        // Whatever the tests start: they drive the programs as people do.
        let built = cargo(&["build", "--release", "--workspace", "--bins"]).status()?;
        if built.success() { Ok(()) } else { bail!("the build failed") }
    })?;
    let python = part("python", || python::with("external-engine", Path::new(EXTERNAL_ENGINE)))?;
    let mut counts = Counts::default();
    let whole = part("tests", || {
        let mut command = cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
        command.env("ANOMAL_TEST_PYTHON", &python);
        if let Some(filter) = &arguments.filter {
            command.arg("--").arg(filter);
        }
        counts.follow(command)
    })?;
    eprintln!("all: {:.0} s", started.elapsed().as_secs_f64());
    println(&counts.line());
    let good = whole && counts.failed == 0 && counts.passed > 0;
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn part<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let done = work().with_context(|| format!("{name} failed"))?;
    eprintln!("{name}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(done)
}

#[expect(clippy::print_stdout, reason = "the result, which scripts read")]
fn println(line: &str) {
    println!("{line}");
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Counts {
    passed: u64,
    failed: u64,
    skipped: u64,
}

impl Counts {
    /// Runs tests, shows what they print and adds up their results; whether all of them could be run.
    fn follow(&mut self, mut command: Command) -> Result<bool> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let output = child.stdout.take().context("no output")?;
        for line in BufReader::new(output).lines() {
            let line = line?;
            println(&line);
            self.add(&line);
        }
        Ok(child.wait()?.success())
    }

    /// A line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some(rest) = line.strip_prefix("test result: ") else { return };
        let rest = rest.split_once(". ").map_or("", |(_, rest)| rest);
        for part in rest.split("; ") {
            let (count, what) = part.split_once(' ').unwrap_or_default();
            let count: u64 = count.parse().unwrap_or(0);
            match what {
                "passed" => self.passed += count,
                "failed" => self.failed += count,
                "ignored" => self.skipped += count,
                _ => {}
            }
        }
    }

    fn line(&self) -> String {
        format!("{} passed, {} failed, {} skipped", self.passed, self.failed, self.skipped)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let mut counts = Counts::default();
        for line in [
            "running 2 tests",
            "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s",
            "test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 5 filtered out; finished in 1s",
        ] {
            counts.add(line);
        }
        assert_eq!(counts.line(), "13 passed, 2 failed, 1 skipped");
    }
}
