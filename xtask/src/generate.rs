//! Example data with labelled anomalies. The output depends on the seed and the number of rows only: nothing here reads
//! a clock, the order of a hash map, or uses the machine's mathematics library.

mod dns;
mod finance;
mod logins;
mod random;
mod web;
mod zeek;

use std::{
    fs::File,
    io::{BufWriter, ErrorKind, Write, stdout},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

#[derive(Args)]
pub struct Arguments {
    /// The kind of data
    data: Data,
    #[arg(long, default_value_t = 5_000)]
    rows: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Of web and zeek: other families of attacks, for which no rule of `anomal init` was written
    #[arg(long)]
    held_out: bool,
    /// Of logins (csv, windows, cloudtrail) and web (csv, combined, iis, ndjson): how the records are written
    #[arg(long, default_value = "csv")]
    format: String,
    /// Of zeek: which log
    #[arg(long, default_value = "conn")]
    log: zeek::ZeekLog,
    /// A file (`-`: standard output)
    #[arg(long, default_value = "-")]
    output: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
enum Data {
    /// A DNS log like Packetbeat's CSV export, with five families of intrusions
    Dns,
    /// Mobile payments with the columns of `PaySim`, with fraud
    Finance,
    /// Logins to a small office's services, with two attacks on passwords
    Logins,
    /// Requests to a web server, with three families of attacks
    Web,
    /// A log of Zeek about an office's network, with a scan, a beacon and a tunnel
    Zeek,
}

/// Writes the header and the rows.
///
/// # Errors
/// If the output cannot be written. A closed pipe (`| head`) is not an error.
pub fn run(arguments: &Arguments) -> Result<()> {
    let written = if arguments.output == Path::new("-") {
        write(arguments, &mut BufWriter::with_capacity(1 << 20, stdout().lock()))
    } else {
        let file = File::create(&arguments.output)
            .with_context(|| format!("cannot write {}", arguments.output.display()))?;
        write(arguments, &mut BufWriter::with_capacity(1 << 20, file))
    };
    match written {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write the rows"),
    }
}

/// Writes a DNS log of this many rows.
pub fn dns(rows: u64, seed: u64, output: &mut impl Write) -> std::io::Result<()> {
    dns::write(rows, seed, output)
}

fn write(arguments: &Arguments, output: &mut impl Write) -> std::io::Result<()> {
    match arguments.data {
        Data::Dns => dns::write(arguments.rows, arguments.seed, output),
        Data::Finance => finance::write(arguments.rows, arguments.seed, output),
        Data::Logins => {
            let Arguments { rows, seed, format, .. } = arguments;
            logins::write(*rows, *seed, named(format)?, output)
        }
        Data::Web => {
            let Arguments { rows, seed, held_out, format, .. } = arguments;
            web::write(*rows, *seed, *held_out, named(format)?, output)
        }
        Data::Zeek => {
            let Arguments { rows, seed, held_out, log, .. } = arguments;
            zeek::write(*rows, *seed, *held_out, *log, output)
        }
    }?;
    output.flush()
}

/// The format of a name.
fn named<F: ValueEnum>(name: &str) -> std::io::Result<F> {
    F::from_str(name, false).map_err(|_| {
        let known = F::value_variants().iter().filter_map(F::to_possible_value);
        let known: Vec<String> = known.map(|value| value.get_name().to_owned()).collect();
        let message =
            format!("there is no format {name} of this data; there are {}", known.join(", "));
        std::io::Error::new(ErrorKind::InvalidInput, message)
    })
}
