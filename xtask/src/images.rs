//! `cargo xtask images`: the images of the programs, built from compiled programs. Unchanged images are not rebuilt.

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

/// Names of the images in tests.
const REPOSITORY: &str = "localhost/anomal";
const TAG: &str = "test";

#[derive(clap::Args)]
pub struct Arguments {
    /// The images to build (default: all)
    targets: Vec<Target>,
    /// The tag of the images
    #[arg(long, default_value = TAG)]
    tag: String,
    /// The prefix of the images' names
    #[arg(long, default_value = REPOSITORY)]
    repository: String,
    /// The base image (default: one built from Debian packages)
    #[arg(long)]
    base: Option<String>,
    /// Load them into the test cluster, which must be running
    #[arg(long)]
    load: bool,
    /// Use the programs in the target folder without building them
    #[arg(long)]
    no_build: bool,
}

/// Prints the path of each image's archive.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    // Fails before the long work.
    let cluster = arguments.load.then(Cluster::running).transpose()?;
    let archives = make(arguments)?;
    if let Some(cluster) = cluster {
        cluster.load(&archives)?;
    }
    archives.iter().for_each(|archive| show(archive));
    Ok(ExitCode::SUCCESS)
}

/// Loads the images of the compiled programs into the cluster.
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

/// The archives of the requested images, built where they are not up to date.
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
    // The lock is released when the process ends, also after a crash.
    let lock = File::create(folder.join("lock"))?;
    lock.lock().context("the lock of the images")?;
    let base = arguments.base.clone().map_or_else(base, Ok)?;
    let builder = Builder::new(&folder, &arguments.repository, &arguments.tag, base)?;
    let targets = if arguments.targets.is_empty() { Target::ALL } else { &arguments.targets };
    targets.iter().map(|target| builder.archive(*target)).collect()
}

/// A base image built from Debian packages, in place of a public one where no registry can be reached.
fn base() -> Result<String> {
    let folder = cache().join("tools/base-image");
    fs::create_dir_all(&folder)?;
    let mut script = Command::new("tests/testbed/base-image.sh");
    let path =
        output(script.arg(&folder)).context("cannot build the base image from Debian packages")?;
    Ok(format!("oci-archive:{path}"))
}

#[expect(clippy::print_stdout, reason = "the result, which scripts read")]
fn show(archive: &Path) {
    println!("{}", archive.display());
}
