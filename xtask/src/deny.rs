//! `cargo xtask deny`: checks the dependencies' licences, bans and sources with cargo-deny.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Result, bail};

use crate::cargo::{cache, cargo};

const VERSION: &str = "0.20.2";

/// Installs cargo-deny into the cache at the first run.
pub fn run() -> Result<ExitCode> {
    let folder = tools();
    let program = folder.join("bin/cargo-deny");
    if !program.exists() {
        // Unoptimised: it runs for a second, and compiles in half the time.
        let install = ["install", "cargo-deny", "--debug", "--locked", "--version", VERSION];
        let mut install = cargo(&install);
        install.arg("--root").arg(&folder).env("CARGO_TARGET_DIR", folder.join("target"));
        install.env("CARGO_PROFILE_DEV_DEBUG", "false");
        // It lints the crates of this repository.
        install.env_remove("RUSTC_WORKSPACE_WRAPPER");
        if !install.status()?.success() {
            bail!("cannot install cargo-deny {VERSION}");
        }
        // Its dependencies are not needed again.
        std::fs::remove_dir_all(folder.join("target"))?;
    }
    let check = ["--locked", "check", "--hide-inclusion-graph", "licenses", "bans", "sources"];
    let passed = std::process::Command::new(program).args(check).status()?.success();
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tools() -> PathBuf {
    cache().join(format!("tools/cargo-deny-{VERSION}"))
}
