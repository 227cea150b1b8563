//! What is wrong with settings, and where.

use std::fmt;

/// A place in a file, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub line: usize,
    pub column: usize,
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Absent where it is about the whole file.
    pub place: Option<Place>,
    /// Such as `spec.features[3].name`; empty where there is none.
    pub path: String,
    /// What is wrong, and what to do.
    pub message: String,
}

impl Problem {
    pub(crate) fn at(place: Place, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: Some(place), path: path.into(), message: message.into() }
    }

    pub(crate) fn whole(message: impl Into<String>) -> Self {
        Self { place: None, path: String::new(), message: message.into() }
    }
}

/// All that is wrong with a file, at most [`SettingsError::MOST`] problems.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct SettingsError {
    pub file: String,
    pub problems: Vec<Problem>,
}

impl SettingsError {
    pub const MOST: usize = 20;

    pub(crate) fn new(file: &str, mut problems: Vec<Problem>) -> Self {
        problems.sort_by_key(|problem| problem.place.map(|place| (place.line, place.column)));
        problems.truncate(Self::MOST);
        Self { file: file.to_owned(), problems }
    }
}

impl fmt::Display for SettingsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.problems.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            f.write_str(&self.file)?;
            if let Some(place) = problem.place {
                write!(f, ":{}:{}", place.line, place.column)?;
            }
            f.write_str(": ")?;
            if !problem.path.is_empty() {
                write!(f, "{}: ", problem.path)?;
            }
            f.write_str(&problem.message)?;
        }
        Ok(())
    }
}

/// The nearest of `known` to a misspelt name, if one is near.
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |known: &&str| strsim::damerau_levenshtein(&name.to_lowercase(), &known.to_lowercase());
    let near = |known: &&str| distance(known) <= 1 + name.chars().count().min(known.chars().count()) / 3;
    known.into_iter().filter(near).min_by_key(distance)
}
