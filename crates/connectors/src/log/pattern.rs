//! Lines that a regular expression matches; its named groups are the columns.

use anomal_core::{Error, Result};
use anomal_spec::{column_name, compile_pattern};
use regex::{CaptureLocations, Regex};

use super::{
    line::{Bad, LineCutter, LineFormat, LogLine},
    mismatch::Prefixes,
};
use crate::{dialect::CellBuffer, typing::NullValues};

const NO_MATCH: &str = "the line does not match the pattern";
/// Lines of a batch for which the place of the mismatch is looked for.
const EXPLAINED: usize = 10;

pub(super) struct Pattern {
    regex: Regex,
    text: String,
    columns: Vec<String>,
    /// The groups of the columns.
    groups: Vec<usize>,
}

impl Pattern {
    /// # Errors
    /// `InvalidSettings` if the pattern can't be used.
    pub fn new(pattern: &str) -> Result<Self> {
        let regex = compile_pattern(pattern)
            .map_err(|message| Error::settings("input.log.pattern", "BAD_PATTERN", message))?;
        let groups =
            regex.capture_names().enumerate().filter_map(|(group, name)| Some((group, name?)));
        let (groups, columns) = groups.map(|(group, name)| (group, column_name(name))).unzip();
        Ok(Self { text: pattern.to_owned(), columns, groups, regex })
    }
}

impl LineFormat for Pattern {
    fn columns(&self) -> &[String] {
        &self.columns
    }

    fn nulls(&self) -> NullValues {
        NullValues::new(&[String::new()])
    }

    fn cutter(&self) -> Box<dyn LineCutter + '_> {
        // Clones do not wait for each other's memory.
        let regex = self.regex.clone();
        let found = regex.capture_locations();
        Box::new(PatternCutter { pattern: self, regex, found, explained: 0, prefixes: None })
    }
}

struct PatternCutter<'a> {
    pattern: &'a Pattern,
    regex: Regex,
    found: CaptureLocations,
    explained: usize,
    prefixes: Option<Prefixes>,
}

impl LineCutter for PatternCutter<'_> {
    fn cut(&mut self, line: LogLine<'_>, cells: &mut CellBuffer) -> std::result::Result<(), Bad> {
        if self.regex.captures_read(&mut self.found, line.as_str()).is_none() {
            return Err(NO_MATCH.into());
        }
        for group in &self.pattern.groups {
            line.push_some(cells, self.found.get(*group));
        }
        Ok(())
    }

    fn describe(&mut self, line: &str, reason: Bad) -> String {
        if self.explained == EXPLAINED {
            return reason.into_owned();
        }
        self.explained += 1;
        let prefixes = self.prefixes.get_or_insert_with(|| Prefixes::new(&self.pattern.text));
        prefixes.explain(line).map_or(reason.into_owned(), |place| format!("{NO_MATCH}: {place}"))
    }
}
