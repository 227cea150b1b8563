//! `cargo xtask soak`: long loops of faults, started by hand. Tests run the same loops, a few rounds of each.

use std::{
    io::{BufRead, BufReader},
    process::{ExitCode, Stdio},
    time::Instant,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{
    cargo::{FEATURES, build, cargo},
    tools::{self, Environment},
};

#[derive(clap::Args)]
pub struct Arguments {
    /// SIGKILLs of each loop
    #[arg(long, default_value_t = 200)]
    kills: u64,
    /// Seconds for which a server is away
    #[arg(long, default_value_t = 300)]
    away: u64,
    /// Rotations of a followed file
    #[arg(long, default_value_t = 1_000)]
    rotations: u64,
    /// Seeds of each simulation
    #[arg(long, default_value_t = 10_000)]
    seeds: u64,
    /// Only loops whose name contains this
    filter: Option<String>,
}

/// A loop: its name, the test program, and the test.
const LOOPS: [(&str, &str, &str); 11] = [
    ("kafka", "kafka", "faults::a_stream_survives_kills"),
    ("files", "stream", "kills::a_stream_survives_kills"),
    ("http", "pushed", "faults::what_is_acknowledged_survives_kills"),
    ("windows", "pushed", "windows::windows_survive_kills_and_a_replay_writes_the_same_bytes"),
    ("rotation", "stream", "rotation::each_record_comes_once_through_rotations"),
    ("brokers away", "kafka", "faults::all_brokers_may_be_away"),
    (
        "object store away",
        "stream",
        "objects::a_stream_continues_from_checkpoints_in_an_object_store",
    ),
    (
        "Elasticsearch away",
        "elastic",
        "elastic::stream::outages::a_server_that_is_away_stops_nothing_else",
    ),
    ("simulation", "simulation", "books_balance_whatever_fails"),
    ("simulation of windows", "simulation", "a_replay_has_the_same_windows_whatever_fails"),
    ("simulation of two owners", "simulation", "a_second_owner_is_fenced_and_doubles_nothing"),
];
/// What a loop prints before its books.
const LEDGER: &str = "ledger: ";

/// Prints the books of all loops as a table of Markdown. It fails if one of them does not balance.
pub fn run(arguments: &Arguments) -> Result<ExitCode> {
    let mut environment = tools::streams()?;
    environment.push(("ANOMAL_TEST_KILLS", arguments.kills.to_string().into()));
    environment.push(("ANOMAL_TEST_AWAY", arguments.away.to_string().into()));
    environment.push(("ANOMAL_TEST_ROTATIONS", arguments.rotations.to_string().into()));
    environment.push(("ANOMAL_SIMULATION_SEEDS", arguments.seeds.to_string().into()));
    build()?;
    let is_wanted = |name: &str| arguments.filter.as_ref().is_none_or(|part| name.contains(part));
    let mut rows = Vec::new();
    let mut failed = false;
    for (name, program, test) in LOOPS.into_iter().filter(|(name, ..)| is_wanted(name)) {
        let since = Instant::now();
        let books = balance(program, test, &environment)?;
        failed |= books.is_none();
        rows.push(row(name, books.as_ref(), since.elapsed().as_secs()));
    }
    println(&table(&rows));
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The books of a loop; none if they do not balance.
fn balance(program: &str, test: &str, environment: &Environment) -> Result<Option<Value>> {
    let mut command = cargo(&["test", "--release", "--workspace", "--test", program]);
    command.args(FEATURES).envs(environment.iter().cloned());
    command.args(["--", "--exact", "--nocapture", test]);
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let output = child.stdout.take().context("no output")?;
    let mut books = None;
    for line in BufReader::new(output).lines() {
        let line = line?;
        eprintln!("{line}");
        books = ledger(&line)?.or(books);
    }
    Ok(books.filter(|_| child.wait().is_ok_and(|status| status.success())))
}

/// The books in a line of a test's output.
fn ledger(line: &str) -> Result<Option<Value>> {
    let books = line.split_once(LEDGER).map(|(_, books)| serde_json::from_str(books));
    books.transpose().with_context(|| format!("in {line}"))
}

/// Faults, records, lost and doubled ones.
fn row(name: &str, books: Option<&Value>, seconds: u64) -> String {
    let Some(books) = books else {
        return format!("| {name} | it has failed, see above | | | | {seconds} |");
    };
    let number = |key: &str| grouped(books[key].as_u64().unwrap_or_default());
    let faults: Vec<String> = books["faults"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(what, count)| format!("{} {what}", grouped(count.as_u64().unwrap_or_default())))
        .collect();
    let [records, lost, doubled] = ["records", "lost", "doubled"].map(number);
    format!("| {name} | {} | {records} | {lost} | {doubled} | {seconds} |", faults.join(", "))
}

fn table(rows: &[String]) -> String {
    let head =
        "| loop | faults | records | lost | doubled | seconds |\n|---|---|---|---|---|---|\n";
    head.to_owned() + &rows.join("\n")
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[expect(clippy::print_stdout, reason = "the result, which goes to the documentation")]
fn println(line: &str) {
    println!("{line}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn books_become_rows() {
        let line = "test a ... ledger: {\"faults\":{\"SIGKILLs\":200,\"restarts\":1234},\"records\":1234567,\"lost\":0,\
                    \"doubled\":0}";
        let books = ledger(line).unwrap();
        assert_eq!(
            row("kafka", books.as_ref(), 61),
            "| kafka | 200 SIGKILLs, 1,234 restarts | 1,234,567 | 0 | 0 | 61 |"
        );
        assert!(ledger("test result: ok").unwrap().is_none());
        assert!(ledger("ledger: no books").is_err());
        assert!(table(&[row("files", None, 3)]).ends_with("see above | | | | 3 |"));
    }
}
