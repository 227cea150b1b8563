//! The programs of both versions. Dependencies are compiled once: both builds use one target folder.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::copy;
use crate::{
    cargo::{cargo, target},
    tools,
};

/// The programs that the jobs run.
const PROGRAMS: [&str; 3] = ["anomal", "anomal-feature-engine", "anomal-classification-engine"];
/// The examples whose jobs are compared.
const EXAMPLES: [&str; 2] = ["dns", "finance"];

/// The compiled programs of one version.
pub struct Programs {
    folder: PathBuf,
    /// The examples of the base version: both versions read the same settings.
    pub examples: PathBuf,
}

impl Programs {
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The programs of a commit, built once and cached by its hash.
///
/// # Errors
/// If there is no such commit, or it cannot be built.
pub fn base(commit: &str) -> Result<Programs> {
    let revision = format!("{commit}^{{commit}}");
    let mut parse = Command::new("git");
    let hash = tools::output(parse.args(["rev-parse", "--verify", "--quiet", &revision]))
        .with_context(|| format!("no commit {commit} in this repository"))?;
    let folder = tools::cached(&format!("compare-{hash}"), hash.as_bytes(), |folder| {
        let tree = folder.join("tree");
        git(&["worktree", "prune"], None)?;
        git(&["worktree", "add", "--force", "--detach"], Some((&tree, &hash)))?;
        build(Some(&tree), &folder.join("programs"))?;
        for example in EXAMPLES {
            let from = tree.join("examples").join(example);
            fs::create_dir_all(folder.join("examples"))?;
            copy(&from, &folder.join("examples").join(example))?;
        }
        git(&["worktree", "remove", "--force"], Some((&tree, "")))
    })?;
    Ok(Programs { folder: folder.join("programs"), examples: folder.join("examples") })
}

/// The programs of this tree, copied to a folder where no later build replaces them.
pub fn present(folder: &Path) -> Result<Programs> {
    build(None, folder)?;
    Ok(Programs { folder: folder.to_owned(), examples: PathBuf::from("examples") })
}

/// Builds the work tree, or this tree, and copies the programs.
fn build(tree: Option<&Path>, folder: &Path) -> Result<()> {
    // Of the whole workspace: it decides the features of dependencies, which are then those of `cargo xtask test`.
    let mut command = cargo(&["build", "--release", "--locked", "--workspace", "--bins"]);
    let target = target();
    if let Some(tree) = tree {
        command.current_dir(tree).env("CARGO_TARGET_DIR", &target);
    }
    if !command.status()?.success() {
        bail!("the build of {} failed", tree.unwrap_or(Path::new("this tree")).display());
    }
    fs::create_dir_all(folder)?;
    PROGRAMS
        .iter()
        .try_for_each(|program| copy(&target.join("release").join(program), &folder.join(program)))
}

/// Runs git on a work tree's path, with a revision if one is given.
fn git(arguments: &[&str], tree: Option<(&Path, &str)>) -> Result<()> {
    let mut command = Command::new("git");
    command.args(arguments);
    if let Some((path, revision)) = tree {
        command.arg(path).args([revision].iter().filter(|revision| !revision.is_empty()));
    }
    // Standard output carries the comparison alone.
    tools::run(command.stdout(std::io::stderr()))
}
