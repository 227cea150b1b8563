//! Cargo, with the target folder and the features that every command of this repository shares.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Result, bail};

/// Cargo with these arguments. It builds into the folder that `cargo run` uses too.
pub fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // `cargo run` sets these for xtask. Some crates (ring) are rebuilt when they change, and everything that depends on
    // them, whenever a developer's own cargo and this one alternate.
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// What the images and the tests have, and `cargo run` leaves out.
pub const FEATURES: [&str; 2] = ["--features", "anomal/kafka"];

/// Builds all targets, so that one selection of packages decides the features of shared dependencies. Benchmarks too: a
/// change that breaks one fails before the tests begin.
pub fn build() -> Result<()> {
    let mut build = cargo(&["build", "--release", "--workspace", "--all-targets"]);
    let status = build.args(FEATURES).status()?;
    if status.success() { Ok(()) } else { bail!("the build failed") }
}

/// The target folder: the one that holds this program, however it was chosen (`CARGO_TARGET_DIR`, cargo's
/// configuration, or `target` of the workspace).
pub fn target() -> PathBuf {
    let program = env::current_exe().ok();
    program.as_deref().and_then(target_of).unwrap_or_else(|| PathBuf::from("target"))
}

/// The target folder of a program such as `target/release/xtask`, or of a test in `target/release/deps`.
fn target_of(program: &Path) -> Option<PathBuf> {
    let folder = program.parent()?;
    let profile = if folder.ends_with("deps") { folder.parent()? } else { folder };
    profile.parent().map(Path::to_owned)
}

/// Downloaded and generated files that all checkouts share.
pub fn cache() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || env::var_os("HOME").map(|home| PathBuf::from(home).join(".cache"));
    cache.or_else(home).unwrap_or_else(env::temp_dir).join("anomal")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Of the packages that the programs need, with the features that a selection of packages gives them.
    fn features(selection: &[&str]) -> BTreeSet<String> {
        let mut tree = cargo(&["tree", "--locked", "--prefix", "none", "--format", "{p}|{f}"]);
        let output = tree.args(selection).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect()
    }

    /// Otherwise `cargo xtask test` compiles again what `cargo run` compiled, and all that depends on it.
    #[test]
    fn the_program_and_the_workspace_enable_the_same_features() {
        let program = features(&["--package", "anomal", "--edges", "normal,build"]);
        let workspace = features(&["--workspace", "--edges", "normal,build,dev"]);
        let others: Vec<&String> = program.difference(&workspace).collect();
        assert!(others.is_empty(), "give these the features of the whole workspace: {others:#?}");
    }

    /// A crate that is not listed is compiled like a dependency.
    #[test]
    fn each_crate_of_the_workspace_has_a_profile() {
        let mut tree = cargo(&["tree", "--locked", "--workspace", "--depth", "0"]);
        let output = tree.args(["--prefix", "none", "--format", "{p}"]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let manifest = std::fs::read_to_string("../Cargo.toml").unwrap();
        let mut crates = text.lines().filter_map(|line| line.split(' ').next()).peekable();
        assert!(crates.peek().is_some(), "{}", String::from_utf8_lossy(&output.stderr));
        for name in crates.filter(|name| !name.is_empty()) {
            let section = format!("\n[profile.release.package.{name}]\n");
            assert!(manifest.contains(&section), "{name} has no profile in Cargo.toml");
        }
    }

    #[test]
    fn the_target_folder_holds_programs_and_tests() {
        for program in ["/a/target/release/xtask", "/a/target/release/deps/xtask-1f"] {
            assert_eq!(target_of(Path::new(program)), Some(PathBuf::from("/a/target")));
        }
    }
}
