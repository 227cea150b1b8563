//! Example data with labelled anomalies. What is written depends on the seed and the number of rows
//! alone: nothing here reads a clock, the machine's mathematics library or the order of a hash map.

mod dice;
mod dns;
mod finance;

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Write, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Arguments {
    /// What the data is about
    data: Data,
    #[arg(long, default_value_t = 5_000)]
    rows: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A file; `-` is standard output
    #[arg(long, default_value = "-")]
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Data {
    /// A DNS log as Packetbeat's CSV export has it, with five families of intrusions
    Dns,
    /// Mobile payments in the columns of `PaySim`, with fraud
    Finance,
}

/// Writes the header and the rows.
///
/// # Errors
/// If the output can't be written; a reader that has read enough (`| head`) is none.
pub fn run(arguments: &Arguments) -> Result<()> {
    let written = if arguments.output == Path::new("-") {
        write(arguments, &mut BufWriter::with_capacity(1 << 20, stdout().lock()))
    } else {
        let file = File::create(&arguments.output)
            .with_context(|| format!("{} can't be written", arguments.output.display()))?;
        write(arguments, &mut BufWriter::with_capacity(1 << 20, file))
    };
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("the rows can't be written"),
    }
}

/// A DNS log of so many rows.
pub fn dns(rows: u64, seed: u64, output: &mut impl Write) -> std::io::Result<()> {
    dns::write(rows, seed, output)
}

fn write(arguments: &Arguments, output: &mut impl Write) -> std::io::Result<()> {
    match arguments.data {
        Data::Dns => dns::write(arguments.rows, arguments.seed, output),
        Data::Finance => finance::write(arguments.rows, arguments.seed, output),
    }?;
    output.flush()
}
