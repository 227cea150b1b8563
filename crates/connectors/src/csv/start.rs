//! What precedes the records of a CSV file: the dialect, lines to skip, and the names of the columns.

use std::{collections::HashMap, io, path::Path};

use anomal_core::{Error, Result, proto::Diagnostic};
use anomal_spec::LogFormat;

use super::split::cells;
use crate::{
    dialect::GivenDialect,
    files::read_error,
    findings::TypeFindings,
    json::JsonKind,
    lines::Shape,
    records::OpenedFile,
    sniff::{
        dialect::{DialectFinding, PREFIX, sniff},
        log::{LogKind, detect},
    },
    text::scalar,
};

/// The start of a file, up to its first record.
pub(super) struct TableStart {
    pub names: Vec<String>,
    sniffed: DialectFinding,
    /// Names that are there twice, and the new names of the second ones.
    renamed: Vec<(String, String)>,
    /// The format of a text log that the lines have.
    log: Option<LogFormat>,
}

impl TableStart {
    /// Reads up to the first record. `names`: the columns' names, if the settings give them.
    ///
    /// # Errors
    /// `InvalidInput` if there is no header or it is bad; `InvalidSettings` for names that are too many or too few.
    pub fn read(file: &mut OpenedFile<'_>, given: &GivenDialect, names: &[String]) -> Result<Self> {
        let (prefix, complete) =
            file.lines.peek(PREFIX).map_err(|error| failed(file.name, &error))?;
        // Lines of JSON may also be cells, which a note says.
        let kind = JsonKind::detect(prefix, complete).filter(|kind| *kind != JsonKind::Lines);
        if let Some(kind) = kind.filter(|_| given.separator.is_none()) {
            let (name, path) = (file.name, scalar(file.name));
            let message = format!("{name} {}; use `json: {{path: {path}}}`", kind.describe());
            return Err(Error::input("OTHER_KIND", message));
        }
        let sniffed = sniff(prefix, complete, given);
        let is_table = sniffed.candidates.is_empty() && sniffed.first.len() > 1;
        let log = if is_table || given.separator.is_some() { None } else { log(prefix, complete) };
        file.lines.set_shape(Shape::for_dialect(sniffed.dialect));
        file.lines.skip_lines(sniffed.skip_lines).map_err(|error| failed(file.name, &error))?;
        let mut start = Self { names: Vec::new(), renamed: Vec::new(), sniffed, log };
        if start.sniffed.header {
            start.names = start.header(file)?;
        } else if start.sniffed.first.is_empty() {
            return Err(empty(file.name));
        } else {
            start.names = vec![String::new(); start.sniffed.first.len()];
        }
        if !names.is_empty() && names.len() != start.names.len() {
            let (given, found) = (names.len(), start.names.len());
            let message =
                format!("the number of names is {given}, and {} has {found} columns", file.name);
            return Err(Error::settings("input.csv.names", "NAMES_DIFFER", message));
        }
        if !names.is_empty() {
            start.names = names.to_vec();
        }
        start.complete_names(file.name, given.duplicates_are_errors)?;
        Ok(start)
    }

    /// The shape of records.
    pub fn shape(&self) -> Shape {
        Shape::for_dialect(self.sniffed.dialect)
    }

    /// The dialect of further files, of which only the lines to skip may be others.
    pub fn for_next_files(&self, given: &GivenDialect) -> GivenDialect {
        let DialectFinding { dialect, header, .. } = &self.sniffed;
        GivenDialect {
            duplicates_are_errors: given.duplicates_are_errors,
            ..GivenDialect::for_next_file(dialect, *header, given.skip_lines)
        }
    }

    /// What the first bytes show.
    pub fn sniffed(&self) -> &DialectFinding {
        &self.sniffed
    }

    /// Whether names were there twice.
    pub fn has_duplicates(&self) -> bool {
        !self.renamed.is_empty()
    }

    /// What reads the file better: the driver and its settings.
    pub fn other_driver(&self, path: &str) -> Option<String> {
        let format = self.log?.name();
        Some(format!("`log: {{path: {}, format: {format}}}`", scalar(path)))
    }

    /// Notes what was found out.
    pub fn note(&self, file: &str, findings: &TypeFindings) {
        let note = |reason: &str, message: String| {
            findings.note(Diagnostic {
                path: "input.csv".to_owned(),
                reason: reason.to_owned(),
                message,
                count: 0,
            });
        };
        for (reason, message) in &self.sniffed.notes {
            note(reason, format!("{file}: {message}"));
        }
        if let Some(driver) = self.other_driver(file) {
            let message = format!("{file}: the lines are those of a log, which {driver} reads");
            note("OTHER_KIND", message);
        }
        for (name, new) in &self.renamed {
            let message = format!(
                "{file}: `{name}` is there twice, and the second is `{new}`; `duplicateNames: error` refuses such files"
            );
            note("DUPLICATE_NAME", message);
        }
    }

    /// The cells of the header.
    fn header(&self, file: &mut OpenedFile<'_>) -> Result<Vec<String>> {
        let dialect = self.sniffed.dialect;
        let (name, encoding) = (file.name, file.encoding);
        loop {
            let record = file.lines.next().map_err(|error| failed(name, &error))?;
            let Some(record) = record else { return Err(empty(name)) };
            if dialect.is_comment(record.bytes) {
                continue;
            }
            let bad =
                |why: &str| Error::input("BAD_HEADER", format!("{name}:{}: {why}", record.line));
            if let Some(why) = record.bad {
                return Err(bad(why));
            }
            let text = simdutf8::basic::from_utf8(record.bytes)
                .map_err(|_| bad(&encoding.describe_invalid(record.bytes)))?;
            if dialect.line_end == b'\n' && !text.contains('"') && text.contains('\r') {
                return Err(bad("lines end in a carriage return alone; set lineEnd: cr"));
            }
            let mut names = cells(text, self.shape());
            if dialect.trailing && names.last().is_some_and(|last| last.trim().is_empty()) {
                names.pop();
            }
            return Ok(names);
        }
    }

    /// Names columns without a name, and numbers equal names or refuses them.
    fn complete_names(&mut self, file: &str, duplicates_are_errors: bool) -> Result<()> {
        for (place, name) in self.names.iter_mut().enumerate() {
            if name.trim().is_empty() {
                *name = format!("column_{}", place + 1);
            }
        }
        let mut places = HashMap::new();
        let mut renamed = Vec::new();
        for (place, name) in self.names.iter().enumerate() {
            let Some(before) = places.get(name.as_str()) else {
                places.insert(name.clone(), place + 1);
                continue;
            };
            if duplicates_are_errors {
                let line = self.sniffed.skip_lines + 1;
                let message = format!(
                    "{file}:{line}: duplicate column name `{name}`: columns {before} and {}; rename one of them, or set \
                     duplicateNames: number",
                    place + 1
                );
                return Err(Error::input("BAD_HEADER", message));
            }
            let numbered = (2..).map(|number| format!("{name}_{number}"));
            let mut free =
                numbered.filter(|new| !places.contains_key(new) && !self.names.contains(new));
            if let Some(new) = free.next() {
                places.insert(new.clone(), place + 1);
                renamed.push((place, new));
            }
        }
        for (place, new) in renamed {
            let name = std::mem::replace(&mut self.names[place], new.clone());
            self.renamed.push((name, new));
        }
        Ok(())
    }
}

/// The format of a text log that begins with these bytes.
fn log(prefix: &[u8], complete: bool) -> Option<LogFormat> {
    match detect(prefix, complete).kind {
        LogKind::Format(format) => Some(format).filter(|format| *format != LogFormat::Lines),
        LogKind::Json | LogKind::Csv => None,
    }
}

fn failed(file: &str, error: &io::Error) -> Error {
    read_error(Path::new(file), error)
}

fn empty(file: &str) -> Error {
    let message = format!("{file} is empty; a CSV file begins with a line of column names");
    Error::input("EMPTY_FILE", message)
}
