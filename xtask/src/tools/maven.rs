//! Jars and archives from Maven's repository.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result, bail};

use super::{debian, output, run};

/// Why there is no Maven, after Debian's was tried.
pub fn lacking() -> Option<String> {
    if debian::program("mvn").is_none() && debian::install(&["maven"]).is_err() {
        return Some("Maven is not here".into());
    }
    None
}

/// A goal of its plug-in for dependencies, with what it downloads kept in `folder` only while it runs.
pub fn dependency(goal: &str, arguments: &[String], folder: &Path) -> Result<()> {
    let repository = folder.join("repository");
    let mut command = Command::new("mvn");
    // A checksum that is wrong is a failure.
    command.args(["--batch-mode", "--quiet", "--strict-checksums", &format!("dependency:{goal}")]);
    command.arg(format!("-Dmaven.repo.local={}", repository.display())).args(arguments);
    run(command.current_dir(folder))?;
    Ok(fs::remove_dir_all(repository)?)
}

/// Whether `what` of `folder` is what it was when it was chosen: the sum over the names and sums of its files.
pub fn check(folder: &Path, what: &str, sha512: &str) -> Result<()> {
    let told = sum(folder, what)?;
    if told == sha512 { Ok(()) } else { bail!("{what} is not what it was: {told}") }
}

fn sum(folder: &Path, what: &str) -> Result<String> {
    let files = format!("LC_ALL=C; export LC_ALL; sha512sum -- {what} | sha512sum");
    let told = output(Command::new("sh").args(["-c", &files]).current_dir(folder));
    let told = told.context("sha512sum")?;
    Ok(told.split(' ').next().unwrap_or_default().to_owned())
}
