//! `cargo xtask bench`: measurements beside other tools. None of them is a test.

mod nab;
mod operator;

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::Result;

use crate::{
    cargo::{build, cargo, target},
    tools::{self, python},
};

const FOLDER: &str = "xtask/bench";

#[derive(clap::Subcommand)]
pub enum Bench {
    /// All detectors beside those of `PyOD`: AUROC, average precision, seconds, memory
    Detectors {
        /// A folder of Parquet files with numeric columns and a column `label` (1: an anomaly)
        #[arg(long)]
        datasets: PathBuf,
        /// More arguments for the script, such as `--seeds 1 --only HBOS KNN`
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Streams that learn beside a run over all rows: AUROC, false alarms, seconds
    Stream {
        /// A folder as for `detectors`
        #[arg(long)]
        datasets: PathBuf,
        /// More arguments for the script, such as `--only http --seed 2`
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Online detectors of River and `PySAD` on the rows of `stream`: AUROC
    Peers {
        /// A folder as for `detectors`
        #[arg(long)]
        datasets: PathBuf,
        /// More arguments for the script, such as `--rows 6000 --detectors HST`
        #[arg(last = true)]
        more: Vec<String>,
    },
    /// Our random cut forests beside those of rcf3 and krcf: points a second, and whether they rank alike
    Forest,
    /// Time series of the Numenta Anomaly Benchmark as streams: its score
    Nab(nab::Arguments),
    /// Writing to and reading from Elasticsearch and OpenSearch, beside bare loops
    Elastic,
    /// The operator with many suspended jobs, in the test cluster
    Operator {
        /// Numbers of jobs
        #[arg(default_values_t = [500, 1_000, 5_000])]
        jobs: Vec<usize>,
    },
}

pub fn run(bench: &Bench) -> Result<ExitCode> {
    match bench {
        Bench::Detectors { datasets, more } => detectors(datasets, more),
        Bench::Stream { datasets, more } => stream(datasets, more),
        Bench::Peers { datasets, more } => peers(datasets, more),
        Bench::Forest => forest(),
        Bench::Nab(arguments) => nab::run(arguments),
        Bench::Elastic => elastic(),
        Bench::Operator { jobs } => operator::run(jobs).map(|()| ExitCode::SUCCESS),
    }
}

fn detectors(datasets: &Path, more: &[String]) -> Result<ExitCode> {
    build()?;
    let folder = Path::new(FOLDER);
    let python = python::with("bench", &folder.join("requirements.txt"))?;
    let status = Command::new(python)
        .arg(folder.join("detectors.py"))
        .arg(target().join("release/anomal"))
        .arg("--datasets")
        .arg(datasets)
        .args(more)
        // OpenBLAS kernels for this processor: PyOD at its fastest.
        .env_remove("OPENBLAS_CORETYPE")
        .env_remove("OPENBLAS_L2_SIZE")
        .status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn stream(datasets: &Path, more: &[String]) -> Result<ExitCode> {
    build()?;
    // It needs nothing but Python itself.
    let mut script = Command::new("python3");
    script.arg(Path::new(FOLDER).join("stream.py")).arg(target().join("release/anomal"));
    let status = script.arg("--datasets").arg(datasets).args(more).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn peers(datasets: &Path, more: &[String]) -> Result<ExitCode> {
    let folder = Path::new(FOLDER);
    let python = python::with("peers", &folder.join("peers.txt"))?;
    let mut script = Command::new(python);
    script.arg(folder.join("stream_peers.py")).arg("--datasets").arg(datasets).args(more);
    let status = script.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A workspace of its own: nothing else needs the peers.
fn forest() -> Result<ExitCode> {
    let manifest = Path::new(FOLDER).join("forest-peers/Cargo.toml");
    let mut bench = cargo(&["run", "--release", "--locked", "--manifest-path"]);
    bench.arg(manifest).arg("--target-dir").arg(target().join("forest-peers"));
    let status = bench.status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn elastic() -> Result<ExitCode> {
    build()?;
    let mut bench = cargo(&["bench", "--workspace", "--bench", "elastic"]);
    let status = bench.envs(tools::elastic()?).status()?;
    Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
