//! Cargo, with what it makes kept outside the checkout, so that a fresh clone finds what was compiled
//! before.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).env("CARGO_TARGET_DIR", target());
    // What `cargo run` tells xtask about itself. Some crates (ring) are built anew when it changes, and so is all that
    // stands on them: as often as a developer's own cargo and this one take turns.
    for (name, _) in env::vars_os() {
        let told = name.to_string_lossy();
        if told.starts_with("CARGO_PKG_") || told.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Builds every program; `more`: what else there is to build, such as `--tests`.
///
/// There are no examples to build: naming them makes cargo choose the features that it chooses for tests, so that
/// nothing is compiled twice.
pub fn build(more: &[&str]) -> Result<()> {
    let all = ["build", "--release", "--workspace", "--bins", "--examples"];
    let status = cargo(&all).args(more).status()?;
    if status.success() { Ok(()) } else { bail!("the build failed") }
}

/// Where compiled things are.
pub fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| cache().join("target"), PathBuf::from)
}

/// What is kept from one checkout to the next.
pub fn cache() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(env::temp_dir).join("anomal")
}
