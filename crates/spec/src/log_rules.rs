//! Rules of the settings of text logs: what a pattern may be, and names of columns. Not in CEL, which knows no regular
//! expressions of Rust.

use std::collections::HashSet;

use regex::{Regex, RegexBuilder};
use serde_json::Value as Json;

use crate::{Place, check::Check};

/// Bytes of a compiled pattern at most.
const MAX_COMPILED: usize = 10 << 20;
/// Named groups at most.
const MAX_GROUPS: usize = 256;

/// Checks the settings of the driver `log` of an input, which is at a place.
pub(crate) fn check(check: &mut Check, input: &Json, at: &str) {
    let (input, path) = (&input["log"], format!("{at}.log"));
    let mut problems = Vec::new();
    if let Some(Err(message)) = input["pattern"].as_str().map(compile_pattern) {
        problems.push((format!("{path}.pattern"), message));
    }
    let mut seen = HashSet::new();
    for (index, name) in input["extra"].as_array().into_iter().flatten().enumerate() {
        if !seen.insert(name) {
            let message = format!("{name} is there twice; names of columns differ");
            problems.push((format!("{path}.extra[{index}]"), message));
        }
    }
    for (at, message) in problems {
        let place = check.places.nearest(&at).unwrap_or(Place::NONE);
        check.wrong(place, &at, message);
    }
}

/// The compiled form of a pattern that matches whole lines.
///
/// # Errors
/// A message for users: the syntax is wrong, no group has a name, two groups name one column, or the pattern is too large.
pub fn compile_pattern(pattern: &str) -> Result<Regex, String> {
    let compile = |text: &str| RegexBuilder::new(text).size_limit(MAX_COMPILED).build();
    // By itself first, so that a bracket in it does not close the one around it.
    compile(pattern).map_err(|error| describe(pattern, &error))?;
    let compiled = compile(&format!("^(?:{pattern})$"));
    // A comment at its end would take the bracket.
    let compiled = compiled.or_else(|_| compile(&format!("^(?:{pattern}\n)$")));
    let compiled = compiled.map_err(|error| describe(pattern, &error))?;
    let names: Vec<String> = compiled.capture_names().flatten().map(column_name).collect();
    if names.is_empty() {
        return Err(
            "the pattern has no named group, and these are the columns; write (?<name>...)"
                .to_owned(),
        );
    }
    if names.len() > MAX_GROUPS {
        let count = names.len();
        return Err(format!(
            "the pattern has {count} named groups; at most {MAX_GROUPS} are allowed"
        ));
    }
    let mut seen = HashSet::new();
    match names.iter().find(|name| !seen.insert(name.as_str())) {
        Some(name) => Err(format!("two groups of the pattern name the column `{name}`")),
        None => Ok(compiled),
    }
}

/// The column of a named group: `__` stands for a dot.
pub fn column_name(group: &str) -> String {
    group.replace("__", ".")
}

fn describe(pattern: &str, error: &regex::Error) -> String {
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("the pattern takes more than {} MiB when compiled; make it shorter", limit >> 20)
        }
        _ if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look)) => {
            "the pattern has look-around, which takes more than linear time and is not supported; match the text itself, \
             outside of a named group"
                .to_owned()
        }
        error => {
            let text = error.to_string();
            let why = text.lines().last().unwrap_or_default();
            let why = why.strip_prefix("error: ").unwrap_or(why);
            format!("the pattern can't be used: {why}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_whole_lines() {
        let pattern = compile_pattern(r"(?<a>\d+)|(?<b__c>x+)").unwrap();
        assert!(pattern.is_match("12") && pattern.is_match("xx"));
        assert!(!pattern.is_match("12x") && !pattern.is_match("12\n"));
        let names: Vec<String> = pattern.capture_names().flatten().map(column_name).collect();
        assert_eq!(names, ["a", "b.c"]);
        let commented = compile_pattern("(?x) (?<a> [a-z]+ ) # a name").unwrap();
        assert!(commented.is_match("abc") && !commented.is_match("abc1"));
    }

    #[test]
    fn patterns_that_can_t_be_used_say_why() {
        for (pattern, part) in [
            ("(?<a>x", "unclosed group"),
            ("x)|(?<a>y", "unopened group"),
            ("(?<a>(?=x)x)", "look-around"),
            ("(?<a>x)(?<!y)", "look-around"),
            ("x+", "no named group"),
            ("(?<a__b>x)(?<a.b>y)", "name the column `a.b`"),
            (r"(?<a>\w{1000}{1000})", "10 MiB"),
            (r"(?<a>x)\1", "backreferences"),
        ] {
            let message = compile_pattern(pattern).unwrap_err();
            assert!(message.contains(part), "{pattern}: {message}");
        }
        let many: Vec<String> = (0..257).map(|group| format!("(?<g{group}>x)")).collect();
        assert!(compile_pattern(&many.concat()).unwrap_err().contains("257 named groups"));
    }
}
