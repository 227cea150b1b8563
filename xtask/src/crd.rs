//! `cargo xtask crd`: writes the definition of AnomalyJob into the chart. A test of the operator fails when it is stale.

use std::{
    fs,
    process::{Command, ExitCode},
};

use anyhow::{Context, Result, bail};

use crate::cargo::{build, target};

const FILE: &str = "charts/anomal/files/crd.yaml";

pub fn run() -> Result<ExitCode> {
    build()?;
    let output = Command::new(target().join("release/anomal-operator")).arg("crd").output()?;
    if !output.status.success() {
        bail!("`anomal-operator crd` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    }
    fs::write(FILE, output.stdout).with_context(|| format!("cannot write {FILE}"))?;
    Ok(ExitCode::SUCCESS)
}
