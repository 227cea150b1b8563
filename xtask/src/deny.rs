//! `cargo xtask deny`: the dependencies' licences, bans and sources, by cargo-deny.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};

use crate::cargo::{cache, cargo};

const VERSION: &str = "0.20.2";

/// Installs cargo-deny beside the compile cache at its first run.
pub fn run() -> Result<ExitCode> {
    let folder = tools();
    let program = folder.join("bin/cargo-deny");
    if !program.exists() {
        let mut install = cargo(&["install", "cargo-deny", "--locked", "--version", VERSION]);
        install.arg("--root").arg(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
        if !install.status()?.success() {
            bail!("cargo-deny {VERSION} could not be installed");
        }
        // What it was compiled from is not needed again.
        std::fs::remove_dir_all(folder.join("target"))?;
    }
    let check = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    let good = std::process::Command::new(program).args(check).status()?.success();
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tools() -> PathBuf {
    cache().join(format!("tools/cargo-deny-{VERSION}"))
}
