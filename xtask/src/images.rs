//! `cargo xtask images`: the images of the programs, built from what cargo compiled. Only what changed is built again.

mod archive;
mod sbom;
mod target;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anomal_testbed::Cluster;
use anyhow::{Context, Result};

use crate::{
    cargo::{build, cache, target},
    tools::{debian, output},
};
use archive::Builder;
use target::Target;

/// What tests name the images.
const REPOSITORY: &str = "localhost/anomal";
const TAG: &str = "test";

#[derive(clap::Args)]
pub struct Arguments {
    /// Which images; none: all of them
    targets: Vec<Target>,
    /// The images' tag
    #[arg(long, default_value = TAG)]
    tag: String,
    /// What stands before the images' names
    #[arg(long, default_value = REPOSITORY)]
    repository: String,
    /// The base image; none: one is made of Debian packages
    #[arg(long)]
    base: Option<String>,
    /// Loads them into the cluster of the tests, which must be up
    #[arg(long)]
    load: bool,
    /// Takes the programs as they are in the target folder
    #[arg(long)]
    no_build: bool,
}

/// Prints the path of each image's archive.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Before the long work.
    let cluster = arguments.load.then(Cluster::running).transpose()?;
    let archives = make(arguments)?;
    if let Some(cluster) = cluster {
        cluster.load(&archives)?;
    }
    archives.iter().for_each(|archive| show(archive));
    Ok(ExitCode::SUCCESS)
}

/// The images of what is compiled, in the cluster.
pub fn load(cluster: &Cluster) -> Result<()> {
    let arguments = Arguments {
        targets: Vec::new(),
        tag: TAG.into(),
        repository: REPOSITORY.into(),
        base: None,
        load: true,
        no_build: true,
    };
    cluster.load(&make(&arguments)?)
}

/// Builds the images that are not up to date; the archives of all that are asked for.
fn make(arguments: &Arguments) -> Result<Vec<PathBuf>> {
    if !arguments.no_build {
        build()?;
    }
    for (program, package) in [("buildah", "buildah"), ("strip", "binutils")] {
        if debian::program(program).is_none() {
            debian::install(&[package])?;
        }
    }
    let folder = target().join("images");
    fs::create_dir_all(&folder)?;
    // The lock ends with the process, however that ends.
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("the lock of the images")?;
    let base = arguments.base.clone().map_or_else(base, Ok)?;
    let builder = Builder::new(&folder, &arguments.repository, &arguments.tag, base)?;
    let targets = if arguments.targets.is_empty() { Target::ALL } else { &arguments.targets };
    targets.iter().map(|target| builder.archive(*target)).collect()
}

/// A base made of Debian packages, which stands for a public one where no registry can be reached.
fn base() -> Result<String> {
    let folder = cache().join("tools/base-image");
    fs::create_dir_all(&folder)?;
    let mut script = Command::new("tests/testbed/base-image.sh");
    let path =
        output(script.arg(&folder)).context("the base image can't be made of Debian's packages")?;
    Ok(format!("oci-archive:{path}"))
}

#[expect(clippy::print_stdout, reason = "the result, which scripts read")]
fn show(archive: &Path) {
    println!("{}", archive.display());
}
