//! `cargo xtask crd`: the definition of AnomalyJob, as the chart has it. A test of the operator tells when it is stale.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::cargo::{build, target};

const FILE: &str = "charts/anomal/files/crd.yaml";

pub fn run() -> Result<ExitCode> {
    build()?;
    let made = Command::new(target().join("release/anomal-operator")).arg("crd").output()?;
    if !made.status.success() {
        bail!("`anomal-operator crd` failed: {}", String::from_utf8_lossy(&made.stderr).trim());
    }
    fs::write(FILE, made.stdout).with_context(|| format!("{FILE} can't be written"))?;
    Ok(ExitCode::SUCCESS)
}
