//! Components of NAME.

use std::collections::HashSet;

use anomal_pack::{Datetime, Parameters, flag, group_flag, metric, pack};

/// Share of digits in a name.
#[metric]
fn digit_share(name: &str) -> Option<f64> {
    let digits = name.bytes().filter(u8::is_ascii_digit).count();
    (!name.is_empty()).then(|| digits as f64 / name.len() as f64)
}

/// Parameters of `long_name`.
#[derive(Parameters)]
struct Length {
    /// Characters of the longest name that is not hit.
    #[parameter(default = 40, minimum = 1)]
    most: i64,
}

/// A name that is longer than `most` characters.
#[flag]
fn long_name(name: &str, parameters: &Length) -> Option<String> {
    let length = name.chars().count() as i64;
    (length > parameters.most).then(|| format!("{length} characters"))
}

/// Parameters of `many_names`.
#[derive(Parameters)]
struct Names {
    /// The most names of a client that are not hit.
    #[parameter(default = 20, minimum = 1)]
    most: i64,
}

/// A client with more than `most` different names.
#[group_flag]
fn many_names(
    #[group] client: &str,
    names: &[Option<&str>],
    #[time] _times: &[Option<Datetime>],
    parameters: &Names,
) -> Vec<(usize, String)> {
    let mut seen = HashSet::new();
    let mut hits = Vec::new();
    for (row, name) in names.iter().enumerate() {
        seen.extend(*name);
        if seen.len() as i64 > parameters.most {
            hits.push((row, format!("{client}: {} names", seen.len())));
        }
    }
    hits
}

pack![digit_share, long_name, many_names];
