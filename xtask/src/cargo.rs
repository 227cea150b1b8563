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

/// Builds every program, and the tests: without them cargo would choose other features for what they share, and compile
/// all of it once more.
pub fn build() -> Result<()> {
    let status = cargo(&["build", "--release", "--workspace", "--bins", "--examples", "--tests"])
        .status()?;
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
