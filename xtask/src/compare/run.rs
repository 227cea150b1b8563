//! A job run through the programs of one version, in a fresh folder.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    build::Programs,
    copy,
    engines::Engines,
    jobs::{Content, Job, Step},
    process::{self, Measurement},
};

/// Where reports are stored: their names hold random ids, so they are compared as exports.
pub const REPORT_STORE: &str = "reports";
/// Both versions run in a folder of this name, as messages and results may name it.
const WORK: &str = "work";

/// What a job left.
pub struct Outcome {
    pub steps: Vec<StepOutcome>,
    /// The files it wrote, by their names below its folder.
    pub files: BTreeMap<String, PathBuf>,
}

pub struct StepOutcome {
    /// None: ended by a signal.
    pub code: Option<i32>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub measurement: Measurement,
}

impl Outcome {
    pub fn total(&self) -> Measurement {
        let steps = self.steps.iter().map(|step| step.measurement);
        steps.reduce(Measurement::then).unwrap_or_default()
    }
}

/// Runs a job; its files are then in `folder/version`.
///
/// # Errors
/// If a program cannot be run, not if it fails.
pub fn run(job: &Job, programs: &Programs, folder: &Path, version: &str) -> Result<Outcome> {
    let (work, logs) = (folder.join(WORK), folder.join(format!("{version}-logs")));
    fs::create_dir_all(&work)?;
    fs::create_dir_all(&logs)?;
    for (name, content) in &job.files {
        let path = work.join(name);
        match content {
            Content::Text(text) => fs::write(path, text)?,
            Content::Copy(from) => copy(from, &path)?,
        }
    }
    let engines = Engines::start(programs, job.replicas, &logs)?;
    let steps = job.steps.iter().enumerate().map(|(number, step)| {
        let logs = logs.join(number.to_string());
        run_step(step, &programs.path("anomal"), &engines, &work, &logs)
    });
    let steps = steps.collect::<Result<Vec<_>>>()?;
    drop(engines);
    let kept = folder.join(version);
    fs::rename(&work, &kept)?;
    let mut files = BTreeMap::new();
    list(&kept, "", &mut files)?;
    files.retain(|name, _| !job.files.iter().any(|(input, _)| input == name));
    Ok(Outcome { steps, files })
}

fn run_step(
    step: &Step,
    program: &Path,
    engines: &Engines,
    work: &Path,
    logs: &Path,
) -> Result<StepOutcome> {
    let mut command = Command::new(program);
    command.args(&step.arguments).current_dir(work).env("NO_COLOR", "1");
    if step.engines {
        command.args(engines.arguments());
    }
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("ANOMAL_") {
            command.env_remove(name);
        }
    }
    match &step.stdin {
        Some(name) => {
            let input = fs::File::open(work.join(name));
            command.stdin(input.with_context(|| format!("cannot read {name}"))?);
        }
        None => {
            process::without_input(&mut command);
        }
    }
    let (stdout, stderr) = (logs.with_extension("stdout"), logs.with_extension("stderr"));
    let (status, measurement) = process::run(&mut command, &stdout, &stderr)?;
    Ok(StepOutcome {
        code: status.code(),
        stdout: fs::read(stdout)?,
        stderr: fs::read(stderr)?,
        measurement,
    })
}

/// All files below a folder but for stored reports.
fn list(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if !entry.file_type()?.is_dir() {
            files.insert(name, entry.path());
        } else if name != REPORT_STORE {
            list(&entry.path(), &format!("{name}/"), files)?;
        }
    }
    Ok(())
}
