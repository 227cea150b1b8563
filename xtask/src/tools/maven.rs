//! Jars and archives from Maven's repository.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{debian, output, run};

/// Why there is no Maven, after trying to install Debian's.
pub fn unavailable() -> Option<String> {
    if debian::program("mvn").is_none() && debian::install(&["maven"]).is_err() {
        return Some("Maven is not installed".into());
    }
    None
}

/// Runs a goal of the dependency plug-in. Its downloads are in `folder` while it runs, and removed then.
pub fn dependency(goal: &str, arguments: &[String], folder: &Path) -> Result<()> {
    let repository = folder.join("repository");
    let mut command = Command::new("mvn");
    // Fails on a wrong checksum.
    command.args(["--batch-mode", "--quiet", "--strict-checksums", &format!("dependency:{goal}")]);
    command.arg(format!("-Dmaven.repo.local={}", repository.display())).args(arguments);
    run(command.current_dir(folder))?;
    Ok(fs::remove_dir_all(repository)?)
}

/// Checks files of `folder`, a glob pattern, against the checksum over their names and checksums.
pub fn check(folder: &Path, pattern: &str, sha512: &str) -> Result<()> {
    let found = checksum(folder, pattern)?;
    if found == sha512 { Ok(()) } else { bail!("{pattern} has another checksum: {found}") }
}

fn checksum(folder: &Path, pattern: &str) -> Result<String> {
    let files = format!("LC_ALL=C; export LC_ALL; sha512sum -- {pattern} | sha512sum");
    let sum = output(Command::new("sh").args(["-c", &files]).current_dir(folder));
    let sum = sum.context("sha512sum")?;
    Ok(sum.split(' ').next().unwrap_or_default().to_owned())
}
