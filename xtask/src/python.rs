//! Python with what an example needs, for the tests that run it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use crate::cargo::cache;

/// The interpreter of the virtual environment `name` in the cache, which has `requirements`; made at the first call,
/// and anew when they change.
pub fn with(name: &str, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read(requirements)
        .with_context(|| format!("{} can't be read", requirements.display()))?;
    let folder = cache().join(format!("tools/python-{name}"));
    let (python, installed) = (folder.join("bin/python"), folder.join("requirements.txt"));
    if fs::read(&installed).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    if folder.exists() {
        fs::remove_dir_all(&folder)?;
    }
    if !venv(&folder) {
        // Debian has the module in a package of its own.
        run(Command::new("apt-get").args(["update", "--quiet"]))?;
        run(Command::new("apt-get").args([
            "install",
            "--yes",
            "--quiet",
            "python3",
            "python3-venv",
        ]))?;
        if !venv(&folder) {
            bail!("python3 can't make a virtual environment; install python3-venv");
        }
    }
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"];
    run(Command::new(&python).args(install).arg(requirements))?;
    // Last, so that an environment that is not whole is made again.
    fs::write(&installed, wanted)?;
    Ok(python)
}

fn venv(folder: &Path) -> bool {
    let made = Command::new("python3").args(["-m", "venv"]).arg(folder).status();
    made.is_ok_and(|status| status.success())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("{command:?}"))?;
    if status.success() { Ok(()) } else { bail!("{command:?} ended with {status}") }
}
