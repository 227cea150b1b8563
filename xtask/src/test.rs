//! `cargo xtask test`: builds everything once and runs every test.

use std::{
    env, fs,
    io::{BufRead, BufReader},
    process::{Command, ExitCode, Stdio},
    thread,
    time::Instant,
};

use anomal_testbed::Cluster;
use anyhow::{Context, Result, bail};
use clap::ValueEnum;

use crate::{
    cargo::{build, cargo},
    images,
    tools::{self, Environment},
};

/// What two compilers at once take.
const ROOMY_KIB: u64 = 6 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Leaves parts out: their tests are told as skipped
    #[arg(long, value_enum)]
    skip: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// What takes a Kubernetes cluster, and so root
    Cluster,
}

/// The last line sums up as `N passed, N failed, N skipped`.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let clustered = !arguments.skip.contains(&Part::Cluster);
    if !clustered && env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("where CI is true, nothing is left out: `--skip` is for a developer's machine");
    }
    let mut environment = prepare(clustered)?;
    // It ends with this value, whatever comes.
    let _cluster = clustered.then(raise).transpose()?;
    environment.push(("ANOMAL_TEST_CLUSTER", if clustered { "1" } else { "0" }.into()));
    let mut counts = Counts::default();
    let whole = part("tests", || {
        let mut command = cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
        command.envs(environment);
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

/// Builds, and gets what tests need from outside: at the same time where memory allows, for one mostly waits for the
/// network.
fn prepare(clustered: bool) -> Result<Environment> {
    let get = || {
        let environment = part("tools", tools::all)?;
        if clustered {
            part("testbed", anomal_testbed::build)?;
        }
        Ok(environment)
    };
    // With whatever the tests start: they drive the programs as people do.
    let build = || part("build", build);
    if !roomy() {
        build()?;
        return get();
    }
    thread::scope(|scope| {
        let got = scope.spawn(get);
        build()?;
        got.join().unwrap_or_else(|_| bail!("getting the tools panicked"))
    })
}

/// The cluster, with the images of what was compiled.
fn raise() -> Result<Raised> {
    let raised = Raised(part("cluster", Cluster::up)?);
    part("images", || images::load(&raised.0))?;
    Ok(raised)
}

/// A cluster that is stopped when the tests are done, unless it is somebody's own.
struct Raised(Cluster);

impl Drop for Raised {
    fn drop(&mut self) {
        if self.0.is_ours()
            && let Err(error) = anomal_testbed::script(&["down"])
        {
            eprintln!("the cluster can't be stopped: {error:#}");
        }
    }
}

fn roomy() -> bool {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let mut lines = memory.lines();
    let available = lines.find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    available.and_then(|kib| kib.trim().parse().ok()).is_some_and(|kib: u64| kib > ROOMY_KIB)
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
    /// Tests that told they lack something. They end as passed, for Rust's tests know no other way.
    lacking: u64,
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

    /// A line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`, or `skipped: ` with a test's reason.
    fn add(&mut self, line: &str) {
        self.lacking += u64::from(line.starts_with("skipped: "));
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
        let passed = self.passed.saturating_sub(self.lacking);
        let skipped = self.skipped + self.lacking;
        format!("{passed} passed, {} failed, {skipped} skipped", self.failed)
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
        counts.add("skipped: there is no S3 server");
        assert_eq!(counts.line(), "12 passed, 2 failed, 2 skipped");
    }
}
