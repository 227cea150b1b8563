//! `cargo xtask bench`: measurements beside what people use today. None of them is a test.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Result, bail};

use crate::{
    cargo::{cargo, target},
    tools::python,
};

const FOLDER: &str = "xtask/bench";

#[derive(clap::Subcommand)]
pub enum Bench {
    /// Every detector beside `PyOD`'s: AUROC, average precision, seconds, memory
    Detectors {
        /// A folder of Parquet files with number columns and a column `label` (1: an anomaly)
        #[arg(long)]
        datasets: PathBuf,
        /// More for the script, such as `--seeds 1 --only HBOS KNN`
        #[arg(last = true)]
        more: Vec<String>,
    },
}

pub fn run(bench: &Bench) -> Result<ExitCode> {
    if !cargo(&["build", "--release", "--workspace", "--bins"]).status()?.success() {
        bail!("the build failed");
    }
    let Bench::Detectors { datasets, more } = bench;
    let folder = Path::new(FOLDER);
    let python = python::with("bench", &folder.join("requirements.txt"))?;
    let status = Command::new(python)
        .arg(folder.join("detectors.py"))
        .arg(target().join("release/anomal"))
        .arg("--datasets")
        .arg(datasets)
        .args(more)
        // As fast as the peer can be: kernels for this processor.
        .env_remove("OPENBLAS_CORETYPE")
        .env_remove("OPENBLAS_L2_SIZE")
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
