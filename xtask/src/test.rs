//! `cargo xtask test`: builds everything once and runs all tests.

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
    cargo::{FEATURES, build, cargo},
    images,
    tools::{self, Environment},
};

/// The memory that two compilers need at once.
const PARALLEL_KIB: u64 = 6 << 20;

#[derive(clap::Args)]
pub struct Arguments {
    /// Only tests whose name contains this
    filter: Option<String>,
    /// Leave out tests that need this; they count as skipped
    #[arg(long, value_enum)]
    skip: Vec<Requirement>,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Requirement {
    /// A Kubernetes cluster, which needs root
    Cluster,
}

/// The last line sums up as `N passed, N failed, N skipped`.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let started = Instant::now();
    let with_cluster = !arguments.skip.contains(&Requirement::Cluster);
    if !with_cluster && env::var("CI").is_ok_and(|ci| ci == "true") {
        bail!("--skip is not allowed where CI is true; it is for a developer's machine");
    }
    let mut environment = prepare(with_cluster)?;
    // Stopped when this value is dropped.
    let _cluster = with_cluster.then(start_cluster).transpose()?;
    environment.push(("ANOMAL_TEST_CLUSTER", if with_cluster { "1" } else { "0" }.into()));
    let mut counts = Counts::default();
    let complete = timed("tests", || {
        let mut command = cargo(&["test", "--release", "--workspace", "--no-fail-fast"]);
        command.args(FEATURES);
        command.envs(environment);
        command.arg("--").args(&arguments.filter);
        if with_cluster {
            // Those that need the cluster.
            command.arg("--include-ignored");
        }
        counts.follow(command)
    })?;
    eprintln!("all: {:.0} s", started.elapsed().as_secs_f64());
    println(&counts.line());
    let passed = complete && counts.failed == 0 && counts.passed > 0;
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Builds, and installs the tools of the tests: at the same time where memory allows, as the tools mostly wait for the
/// network.
fn prepare(with_cluster: bool) -> Result<Environment> {
    let install = || {
        let environment = timed("tools", tools::all)?;
        if with_cluster {
            timed("testbed", anomal_testbed::build)?;
        }
        Ok(environment)
    };
    // With the programs, which the tests start.
    let build = || timed("build", build);
    if !has_memory_for_both() {
        build()?;
        return install();
    }
    thread::scope(|scope| {
        let installing = scope.spawn(install);
        build()?;
        installing.join().unwrap_or_else(|_| bail!("the installation of the tools panicked"))
    })
}

/// Starts the cluster and loads the images of the compiled programs.
fn start_cluster() -> Result<RunningCluster> {
    let cluster = RunningCluster(timed("cluster", Cluster::up)?);
    timed("images", || images::load(&cluster.0))?;
    Ok(cluster)
}

/// A cluster that is stopped when dropped, unless it is external.
struct RunningCluster(Cluster);

impl Drop for RunningCluster {
    fn drop(&mut self) {
        if self.0.is_ours()
            && let Err(error) = anomal_testbed::script(&["down"])
        {
            eprintln!("cannot stop the cluster: {error:#}");
        }
    }
}

fn has_memory_for_both() -> bool {
    let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let mut lines = memory.lines();
    let available = lines.find_map(|line| line.strip_prefix("MemAvailable:")?.strip_suffix("kB"));
    available.and_then(|kib| kib.trim().parse().ok()).is_some_and(|kib: u64| kib > PARALLEL_KIB)
}

fn timed<T>(name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    let started = Instant::now();
    let result = work().with_context(|| format!("{name} failed"))?;
    eprintln!("{name}: {:.0} s", started.elapsed().as_secs_f64());
    Ok(result)
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
    /// Tests that printed a `skipped: ` line. The test harness counts them as passed.
    skipped_by_themselves: u64,
}

impl Counts {
    /// Runs tests, prints their output and adds up their results. False if a test program failed.
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

    /// A line such as `test result: ok. 3 passed; 0 failed; 1 ignored; …`, or `skipped: ` with a reason.
    fn add(&mut self, line: &str) {
        self.skipped_by_themselves += u64::from(line.starts_with("skipped: "));
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
        let passed = self.passed.saturating_sub(self.skipped_by_themselves);
        let skipped = self.skipped + self.skipped_by_themselves;
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
