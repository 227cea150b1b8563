//! The inputs of the jobs. Both versions read the same files.

use std::{
    fs::{self, File},
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use flate2::{Compression, write::GzEncoder};

use super::{
    build::Programs,
    process::{self, without_input},
};
use crate::generate;

/// Rows of the large and the middle table.
const LARGE: u64 = 200_000;
const MIDDLE: u64 = 20_000;

/// Paths of generated files.
pub struct Data {
    pub dns_200k: PathBuf,
    pub dns_20k: PathBuf,
    /// examples/dns/dns.csv, compressed.
    pub dns_gzip: PathBuf,
    /// examples/dns/dns.csv with records that cannot be read.
    pub dns_bad_lines: PathBuf,
    /// examples/finance/finance.csv, an object a line.
    pub finance_ndjson: PathBuf,
    /// examples/finance/finance.csv with the results of a run.
    pub finance_parquet: PathBuf,
}

impl Data {
    /// # Errors
    /// If a file cannot be written, or the base version cannot write Parquet.
    pub fn generate(folder: &Path, base: &Programs) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let path = |name| folder.join(name);
        let data = Self {
            dns_200k: path("dns-200k.csv"),
            dns_20k: path("dns-20k.csv"),
            dns_gzip: path("dns.csv.gz"),
            dns_bad_lines: path("bad-lines.csv"),
            finance_ndjson: path("finance.ndjson"),
            finance_parquet: path("finance.parquet"),
        };
        for (rows, path) in [(LARGE, &data.dns_200k), (MIDDLE, &data.dns_20k)] {
            let mut file = BufWriter::new(File::create(path)?);
            generate::dns(rows, 1, &mut file)?;
            file.flush()?;
        }
        let dns = fs::read(base.examples.join("dns/dns.csv")).context("cannot read dns.csv")?;
        let mut gzip = GzEncoder::new(File::create(&data.dns_gzip)?, Compression::default());
        gzip.write_all(&dns)?;
        gzip.finish()?;
        fs::write(&data.dns_bad_lines, with_bad_lines(&dns))?;
        let finance = fs::read_to_string(base.examples.join("finance/finance.csv"));
        fs::write(&data.finance_ndjson, ndjson(&finance.context("cannot read finance.csv")?))?;
        parquet(base, &path("parquet"), &data.finance_parquet)?;
        Ok(data)
    }
}

/// A record with too few cells, one with too many, and one that is not UTF-8, each some times.
fn with_bad_lines(csv: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(csv.len());
    for (number, line) in csv.split_inclusive(|byte| *byte == b'\n').enumerate() {
        bytes.extend_from_slice(line);
        match number % 500 {
            100 => bytes.extend_from_slice(b"too,few\n"),
            200 => {
                bytes.extend_from_slice(line.trim_ascii_end());
                bytes.extend_from_slice(b",too,many\n");
            }
            300 => bytes.extend(line.iter().map(|byte| if *byte == b'a' { 0xff } else { *byte })),
            _ => {}
        }
    }
    bytes
}

/// CSV without quotes, an object a line; cells that are numbers become numbers.
fn ndjson(csv: &str) -> String {
    let mut lines = csv.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
    let objects = lines.map(|line| {
        let cells = header.iter().zip(line.split(',')).map(|(name, cell)| {
            let quote = if cell.parse::<f64>().is_ok() { "" } else { "\"" };
            format!("\"{name}\":{quote}{cell}{quote}")
        });
        format!("{{{}}}\n", cells.collect::<Vec<_>>().join(","))
    });
    objects.collect()
}

/// The example's results as the base version writes them, with the columns of results renamed: an input must not have
/// names that are reserved for results. The Arrow schema has them too, encoded: without its name it is not read.
fn parquet(base: &Programs, folder: &Path, path: &Path) -> Result<()> {
    super::copy(&base.examples.join("finance"), folder)?;
    let mut command = Command::new(base.path("anomal"));
    command.args(["run", "job.yaml", "--output", "results.parquet"]).current_dir(folder);
    let logs = (folder.join("stdout"), folder.join("stderr"));
    let (status, _) = process::run(without_input(&mut command), &logs.0, &logs.1)?;
    if !status.success() {
        bail!("cannot write Parquet: {}", fs::read_to_string(logs.1)?.trim());
    }
    let mut bytes = fs::read(folder.join("results.parquet"))?;
    rename(&mut bytes, b"anomal.", b"former.");
    rename(&mut bytes, b"ARROW:schema", b"former:types");
    fs::write(path, bytes)?;
    Ok(fs::remove_dir_all(folder)?)
}

/// Replaces each occurrence by text of the same length. Names are plain text in a Parquet file's footer.
fn rename<const N: usize>(bytes: &mut [u8], from: &[u8; N], to: &[u8; N]) {
    let mut start = 0;
    while let Some(place) = bytes[start..].windows(N).position(|window| window == from) {
        start += place;
        bytes[start..start + N].copy_from_slice(to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_become_numbers_and_strings() {
        assert_eq!(ndjson("a,b\n1.50,x\n,2\n"), "{\"a\":1.50,\"b\":\"x\"}\n{\"a\":\"\",\"b\":2}\n");
    }

    #[test]
    fn names_are_replaced_in_place() {
        let mut bytes = *b"\0anomal.row\0anomal.score";
        rename(&mut bytes, b"anomal.", b"former.");
        assert_eq!(&bytes, b"\0former.row\0former.score");
    }

    #[test]
    fn there_are_bad_lines_of_three_kinds() {
        let csv = "a,b\n".repeat(600);
        let bytes = with_bad_lines(csv.as_bytes());
        let count =
            |line: &[u8]| bytes.split(|byte| *byte == b'\n').filter(|one| *one == line).count();
        assert_eq!((count(b"too,few"), count(b"a,b,too,many"), count(b"\xff,b")), (1, 1, 1));
    }
}
