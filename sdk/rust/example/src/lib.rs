//! One component of each kind, for the tests and benchmarks of Anomal.

use std::{collections::HashSet, sync::LazyLock};

use anomal_pack::{Datetime, Parameters, filter, flag, group_flag, metric, pack};

/// Characters of a name.
#[metric]
fn name_length(name: &str) -> i64 {
    name.chars().count() as i64
}

/// Shannon entropy of the bytes of a name, in bits.
#[metric]
fn name_entropy(name: &str) -> Option<f64> {
    let (mut counts, mut present) = ([0_u32; 256], [0_u64; 4]);
    for byte in name.bytes() {
        counts[usize::from(byte)] += 1;
        present[usize::from(byte >> 6)] |= 1 << (byte & 63);
    }
    let length = name.len();
    let mut entropy = 0.0;
    for (word, bits) in present.iter().enumerate() {
        let mut bits = *bits;
        while bits != 0 {
            let count = counts[word * 64 + bits.trailing_zeros() as usize] as usize;
            entropy += match TERMS.get(length) {
                Some(terms) => terms[count],
                None => term(count, length),
            };
            bits &= bits - 1;
        }
    }
    (length > 0).then_some(entropy)
}

/// The part in the entropy of a byte that is there so often, of so many.
fn term(count: usize, length: usize) -> f64 {
    let share = count as f64 / length as f64;
    if count == 0 { 0.0 } else { -share * share.log2() }
}

/// The parts in short names, by length and count: a logarithm takes longer than all else.
static TERMS: LazyLock<Vec<Vec<f64>>> = LazyLock::new(|| {
    let terms = |length| (0..=length).map(|count| term(count, length)).collect();
    (0..=64).map(terms).collect()
});

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
