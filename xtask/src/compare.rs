//! `cargo xtask compare BASE`: runs a fixed list of jobs through the programs of the commit BASE and of this tree, and
//! compares what they write to the byte. Peak memory and seconds are printed beside each other and not asserted.

mod build;
mod data;
mod diff;
mod engines;
mod jobs;
mod mask;
mod process;
mod run;

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, Result, bail};

use crate::cargo::cache;
use build::Programs;
use data::Data;
use diff::Difference;
use jobs::Job;
use process::Measurement;

#[derive(clap::Args)]
pub struct Arguments {
    /// The commit to compare with, such as `main` or a hash
    base: String,
    /// Only jobs whose name contains this
    filter: Option<String>,
}

/// The last line sums up as `N equal, N different`. Folders of jobs that differ are left for inspection.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let base = build::base(&arguments.base)?;
    // A folder for each process, so that two checkouts can compare at once.
    let folder = cache().join(format!("compare/{}", std::process::id()));
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    fs::create_dir_all(&folder)?;
    let present = build::present(&folder.join("programs"))?;
    let data = Data::generate(&folder.join("data"), &base)?;
    let mut jobs = jobs::all(&base.examples, &data)?;
    if let Some(filter) = &arguments.filter {
        jobs.retain(|job| job.name.contains(filter));
    }
    if jobs.is_empty() {
        bail!("no job's name contains {:?}", arguments.filter.as_deref().unwrap_or_default());
    }
    println(&header());
    let mut totals = Totals::default();
    for job in &jobs {
        compare(job, &base, &present, &folder, &mut totals)
            .with_context(|| format!("job {}", job.name))?;
    }
    if totals.different == 0 {
        fs::remove_dir_all(&folder)?;
    } else {
        fs::remove_dir_all(folder.join("data"))?;
        fs::remove_dir_all(folder.join("programs"))?;
        println(&format!("files of the jobs that differ: {}", folder.display()));
    }
    println(&totals.line());
    Ok(if totals.different == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Runs one job through both and prints its line, with the differences below it.
fn compare(
    job: &Job,
    base: &Programs,
    present: &Programs,
    folder: &Path,
    totals: &mut Totals,
) -> Result<()> {
    let folder = folder.join(&job.name);
    let before = run::run(job, base, &folder, "base")?;
    let after = run::run(job, present, &folder, "present")?;
    let differences = diff::outcomes(&before, &after)?;
    println(&line(&job.name, &differences, before.total(), after.total()));
    for difference in &differences {
        println(&format!("    {difference}"));
    }
    totals.add(&differences);
    if differences.is_empty() {
        fs::remove_dir_all(folder)?;
    }
    Ok(())
}

/// How many jobs gave the same.
#[derive(Debug, Default)]
struct Totals {
    equal: usize,
    different: usize,
    /// Jobs among `different` whose files are equal and whose messages alone differ.
    messages: usize,
}

impl Totals {
    fn add(&mut self, differences: &[Difference]) {
        if differences.is_empty() {
            self.equal += 1;
            return;
        }
        self.different += 1;
        self.messages += usize::from(differences.iter().all(Difference::is_message));
    }

    fn line(&self) -> String {
        let messages = match self.messages {
            0 => String::new(),
            count => format!(" ({count} in messages only)"),
        };
        format!("{} equal, {} different{messages}", self.equal, self.different)
    }
}

fn header() -> String {
    format!("{:24} {:9}  {:>26}   {:>26}", "job", "", "base", "present")
}

fn line(name: &str, differences: &[Difference], base: Measurement, present: Measurement) -> String {
    let state = match differences {
        [] => "equal",
        all if all.iter().all(Difference::is_message) => "messages",
        _ => "different",
    };
    format!("{name:24} {state:9}  {:>26}   {:>26}", base.to_string(), present.to_string())
}

#[expect(clippy::print_stdout, reason = "the result, which people and scripts read")]
fn println(line: &str) {
    println!("{line}");
}

/// Copies a file or a folder with what is in it.
fn copy(from: &Path, to: &Path) -> Result<()> {
    if !from.is_dir() {
        fs::copy(from, to).with_context(|| format!("cannot copy {}", from.display()))?;
        return Ok(());
    }
    fs::create_dir_all(to)?;
    let entries = fs::read_dir(from).with_context(|| format!("cannot list {}", from.display()))?;
    for entry in entries {
        let path: PathBuf = entry?.path();
        copy(&path, &to.join(path.file_name().unwrap_or_default()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_are_counted_by_what_differs() {
        let mut totals = Totals::default();
        totals.add(&[]);
        totals.add(&[Difference::message("stderr", "line 1".into())]);
        assert_eq!(totals.line(), "1 equal, 1 different (1 in messages only)");
        totals.add(&[
            Difference::message("stderr", "line 1".into()),
            Difference::file("a.csv", "line 2".into()),
        ]);
        assert_eq!(totals.line(), "1 equal, 2 different (1 in messages only)");
    }
}
