//! A day on the network of an office as Zeek logs it: people and their machines, and attacks of a few hosts. The last field
//! is the label, as data sets of labelled Zeek logs have it.

mod conn;
mod dns;

use std::io::{Result, Write};

use clap::ValueEnum;

use super::random::Random;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ZeekLog {
    /// Connections
    Conn,
    /// Requests for names
    Dns,
}

/// 2 March 2026, in seconds since 1970.
const DAY: u64 = 1_772_409_600;
/// Milliseconds of an hour.
const HOUR: u64 = 3_600_000;
const HOSTS: u64 = 60;
/// Rows of attacks among 1,000 rows.
const ATTACK_ROWS: u64 = 12;
/// The label of rows that are part of no attack.
const BENIGN: &str = "benign";

/// A row: milliseconds of the day, which order rows, the fields behind the time and the identifier, and the label.
struct Row {
    time: u64,
    fields: String,
    label: &'static str,
}

/// Writes the header and the rows in the order of time. `held_out`: attacks of families that no rule was written for.
pub fn write(
    rows: u64,
    seed: u64,
    held_out: bool,
    log: ZeekLog,
    output: &mut impl Write,
) -> Result<()> {
    let mut random = Random::new(seed);
    let mut all: Vec<Row> = Vec::new();
    let (families, ordinary) = match log {
        ZeekLog::Conn => (conn::families(held_out), conn::visit as fn(&mut Random, &mut Vec<Row>)),
        ZeekLog::Dns => (dns::families(held_out), dns::visit as fn(&mut Random, &mut Vec<Row>)),
    };
    let each = (rows * ATTACK_ROWS / 1_000 / families.len() as u64).max(1);
    for family in families {
        family(&mut random, each, &mut all);
    }
    while (all.len() as u64) < rows {
        ordinary(&mut random, &mut all);
    }
    all.truncate(usize::try_from(rows).unwrap_or(usize::MAX));
    all.sort_by(|a, b| (a.time, &a.fields).cmp(&(b.time, &b.fields)));
    let (path, fields, types) = match log {
        ZeekLog::Conn => ("conn", conn::FIELDS, conn::TYPES),
        ZeekLog::Dns => ("dns", dns::FIELDS, dns::TYPES),
    };
    write!(
        output,
        "#separator \\x09\n#set_separator\t,\n#empty_field\t(empty)\n#unset_field\t-\n#path\t{path}\n\
         #open\t2026-03-02-00-00-00\n#fields\tts\tuid\t{}\tlabel\n#types\ttime\tstring\t{}\tstring\n",
        fields.replace(' ', "\t"),
        types.replace(' ', "\t")
    )?;
    for Row { time, fields, label } in all {
        let uid = random.text(b"ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789", 17);
        let (second, millis, micros) = (DAY + time / 1_000, time % 1_000, random.below(1_000));
        writeln!(output, "{second}.{millis:03}{micros:03}\tC{uid}\t{fields}\t{label}")?;
    }
    writeln!(output, "#close\t2026-03-03-00-00-00")
}

/// The address of a host of the office.
fn host(number: u64) -> String {
    format!("10.20.1.{}", 10 + number % HOSTS)
}

/// A time at which people work.
fn office_time(random: &mut Random) -> u64 {
    8 * HOUR + random.below(10 * HOUR)
}

fn port(random: &mut Random) -> u64 {
    random.between(32_768, 60_999)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logs_have_their_families_and_the_number_of_rows() {
        for (log, held_out, families) in [
            (ZeekLog::Conn, false, &["scan", "beacon", "tunnel"][..]),
            (ZeekLog::Dns, false, &["scan", "beacon", "tunnel"]),
            (ZeekLog::Conn, true, &["exfiltration", "brute_force"]),
            (ZeekLog::Dns, true, &["generated_names", "transfer"]),
        ] {
            let mut output = Vec::new();
            write(1_500, 1, held_out, log, &mut output).unwrap();
            let text = String::from_utf8(output).unwrap();
            let rows: Vec<Vec<&str>> = text
                .lines()
                .filter(|line| !line.starts_with('#'))
                .map(|line| line.split('\t').collect())
                .collect();
            assert_eq!(rows.len(), 1_500);
            let names = text.lines().find_map(|line| line.strip_prefix("#fields\t")).unwrap();
            let types = text.lines().find_map(|line| line.strip_prefix("#types\t")).unwrap();
            let width = names.split('\t').count();
            assert!(
                types.split('\t').count() == width && rows.iter().all(|row| row.len() == width)
            );
            for family in families {
                let count = rows.iter().filter(|row| row.last() == Some(family)).count();
                assert_eq!(count as u64, 18 / families.len() as u64, "{family}");
            }
            assert!(rows.iter().map(|row| row[0]).is_sorted());
        }
    }
}
