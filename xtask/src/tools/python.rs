//! Virtual environments of Python, for tests and benches.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{cached, debian, run};

/// The interpreter of the virtual environment `name` in the cache, with `requirements` installed. It is made at the first
/// call, and again when they change.
pub fn with(name: &str, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read(requirements)
        .with_context(|| format!("cannot read {}", requirements.display()))?;
    let folder = cached(&format!("python-{name}"), &wanted, |folder| {
        if !venv(folder) {
            // Debian has the module in a separate package.
            debian::install(&["python3", "python3-venv"])?;
            if !venv(folder) {
                bail!("python3 cannot make a virtual environment; install python3-venv");
            }
        }
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
        run(Command::new(folder.join("bin/python")).args(install).arg(requirements))
    })?;
    Ok(folder.join("bin/python"))
}

fn venv(folder: &Path) -> bool {
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).status();
    made.is_ok_and(|status| status.success())
}
