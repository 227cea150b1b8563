//! One component of each kind, for the tests and benchmarks of Anomal.

use std::collections::HashSet;

use anomal_pack::{Datetime, Parameters, filter, flag, group_flag, metric, pack};

/// Characters of a name.
#[metric]
fn name_length(name: &str) -> i64 {
    name.chars().count() as i64
}

/// Shannon entropy of the bytes of a name, in bits.
#[metric]
fn name_entropy(name: &str) -> Option<f64> {
    let mut counts = [0_u32; 256];
    name.bytes().for_each(|byte| counts[usize::from(byte)] += 1);
    let length = name.len() as f64;
    let share = |count: &u32| f64::from(*count) / length;
    let shares = counts.iter().filter(|count| **count > 0).map(share);
    (!name.is_empty()).then(|| -shares.map(|share| share * share.log2()).sum::<f64>())
}

/// A ratio of two numbers.
#[metric]
fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole != 0.0).then(|| part / whole)
}

/// Parameters of `internal`.
#[derive(Parameters)]
struct Suffixes {
    /// How internal names end.
    #[parameter(default = vec![".internal".to_owned(), ".local".to_owned()])]
    suffixes: Vec<String>,
}

/// Removes internal names.
#[filter]
fn internal(name: &str, parameters: &Suffixes) -> bool {
    parameters.suffixes.iter().any(|suffix| name.ends_with(suffix))
}

/// Parameters of `long_answer`.
#[derive(Parameters)]
struct Length {
    /// The most characters of an answer.
    #[parameter(default = 180, minimum = 1, maximum = 65_535)]
    max_length: i64,
}

/// A TXT answer with more than `maxLength` characters.
#[flag]
fn long_answer(kind: Option<&str>, answer: &str, parameters: &Length) -> Option<String> {
    let length = answer.chars().count() as i64;
    (kind.is_none_or(|kind| kind == "TXT") && length > parameters.max_length)
        .then(|| format!("{length} characters"))
}

/// Parameters of `fan_out`.
#[derive(Parameters)]
struct FanOut {
    /// How many destinations a client may have.
    #[parameter(default = 3, minimum = 1)]
    most: i64,
    /// Only destinations within so many seconds of the first.
    seconds: Option<i64>,
}

/// A client with many destinations.
#[group_flag]
fn fan_out(
    #[group] client: &str,
    destinations: &[Option<&str>],
    #[time] times: &[Option<Datetime>],
    parameters: &FanOut,
) -> Vec<(usize, String)> {
    let mut seen = HashSet::new();
    let first = times.iter().flatten().next().copied();
    let late = |time: Option<Datetime>| match (time, first, parameters.seconds) {
        (Some(time), Some(first), Some(seconds)) => time.0 - first.0 > seconds * 1_000_000,
        _ => false,
    };
    let rows = destinations.iter().zip(times).enumerate();
    let hit = rows.filter_map(|(row, (destination, time))| {
        if late(*time) {
            return None;
        }
        seen.insert((*destination)?);
        (seen.len() as i64 > parameters.most).then(|| (row, format!("{client}: {}", seen.len())))
    });
    hit.collect()
}

pack![name_length, name_entropy, ratio, internal, long_answer, fan_out];
