//! Python with what an example needs, for the tests that run it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{debian, kept, run};

/// The interpreter of the virtual environment `name` in the cache, which has `requirements`; made at the first call,
/// and anew when they change.
pub fn with(name: &str, requirements: &Path) -> Result<PathBuf> {
    let wanted = fs::read(requirements)
        .with_context(|| format!("{} can't be read", requirements.display()))?;
    let folder = kept(&format!("python-{name}"), &wanted, |folder| {
        if !venv(folder) {
            // Debian has the module in a package of its own.
            debian::install(&["python3", "python3-venv"])?;
            if !venv(folder) {
                bail!("python3 can't make a virtual environment; install python3-venv");
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
