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
        // Unoptimised: it runs for a second, and compiles in half of the time.
        let install = ["install", "cargo-deny", "--debug", "--locked", "--version", VERSION];
        let mut install = cargo(&install);
        install.arg("--root").arg(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
        install.env("CARGO_PROFILE_DEV_DEBUG", "false");
        // It lints the crates of this repository.
        install.env_remove("RUSTC_WORKSPACE_WRAPPER");
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
