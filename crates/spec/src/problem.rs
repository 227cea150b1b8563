//! Problems of settings, with their places.

use std::fmt::{self, Write};

/// A place in a file, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

impl Place {
    /// The place of values that are not in the file.
    pub(crate) const NONE: Self = Self { line: 0, column: 0 };
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Absent where it is about the whole file.
    pub place: Option<Place>,
    /// Such as `spec.features[3].name`; empty where there is none.
    pub path: String,
    /// The problem, and what to do.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        let place = (place != Place::NONE).then_some(place);
        Self { place, path: path.into(), message: message.into() }
    }

    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { place: None, path: String::new(), message: message.into() }
    }
}

/// The problems of a file, in the order of its lines.
///
/// Printed a problem a line, such as ``job.yaml:12:5: spec.features[2].nmae: unknown key; did you
/// mean `name`?``.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    pub file: String,
    /// At most [`SettingsError::MAX_PROBLEMS`].
    pub problems: Vec<Problem>,
    /// The number of further problems.
    pub more: usize,
}

impl SettingsError {
    /// One mistake can cause thousands of problems; only the first ones help a reader.
    pub const MAX_PROBLEMS: usize = 20;

    pub(crate) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place);
        let more = problems.len().saturating_sub(Self::MAX_PROBLEMS);
        problems.truncate(Self::MAX_PROBLEMS);
        Self { file: file.to_owned(), problems, more }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_char('\n')?;
            }
            f.write_str(&self.file)?;
            if let Some(place) = problem.place {
                write!(f, ":{}:{}", place.line, place.column)?;
            }
            f.write_str(": ")?;
            if !problem.path.is_empty() {
                write_escaped(f, &problem.path)?;
                f.write_str(": ")?;
            }
            write_escaped(f, &problem.message)?;
        }
        if self.more > 0 {
            write!(f, "\n{}: and {} more", self.file, self.more)?;
        }
        Ok(())
    }
}

/// Writes text from a file with its control characters escaped, so that none acts on a terminal.
fn write_escaped(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| {
        if character.is_control() && character != '\n' {
            write!(f, "{}", character.escape_default())
        } else {
            f.write_char(character)
        }
    })
}

/// The nearest of `known` to a misspelt name, if one is near: within one edit, and one more for every
/// three characters of the shorter name (Damerau-Levenshtein, case ignored).
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower = name.to_lowercase();
    let length = name.chars().count();
    let near = |known: &'a str| {
        let distance = strsim::damerau_levenshtein(&lower, &known.to_lowercase());
        (distance <= 1 + length.min(known.chars().count()) / 3).then_some((distance, known))
    };
    known.into_iter().filter_map(near).min_by_key(|(distance, _)| *distance).map(|(_, known)| known)
}

/// The hint for an unknown name: the nearest known name, or all of them.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match nearest(name, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if known.is_empty() => "there are none".to_owned(),
        None => format!("there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_near() {
        assert_eq!(nearest("nmae", ["type", "name", "match"]), Some("name"));
        assert_eq!(nearest("GOWER", ["HBOS", "Gower"]), Some("Gower"));
        assert_eq!(nearest("zzz", ["type", "name", "match"]), None);
        assert_eq!(nearest("", ["type"]), None);
    }

    #[test]
    fn a_suggestion_is_the_nearest_name_or_all() {
        assert_eq!(suggestion("nmae", ["type", "name"]), "did you mean `name`?");
        assert_eq!(suggestion("zzz", ["type", "name"]), "there are type, name");
        assert_eq!(suggestion("zzz", []), "there are none");
    }

    #[test]
    fn what_is_cut_off_is_counted() {
        let problem = |line| Problem::at(Place { line, column: 1 }, "", "wrong");
        let error = SettingsError::new("f", (1..=25).rev().map(problem).collect());
        assert_eq!(error.problems[0].place, Some(Place { line: 1, column: 1 }));
        assert!(error.to_string().ends_with("f:20:1: wrong\nf: and 5 more"), "{error}");
    }

    #[test]
    fn escape_sequences_do_not_reach_a_terminal() {
        let error = SettingsError::new("f", vec![Problem::whole("\u{1b}[31mred\u{9b}1m\tx\ny")]);
        assert_eq!(error.to_string(), "f: \\u{1b}[31mred\\u{9b}1m\\tx\ny");
    }
}
