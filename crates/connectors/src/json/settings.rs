//! The settings of both drivers of JSON.

use anomal_core::{Error, Result, proto::Diagnostic};
use anomal_spec::{JsonInput, NdjsonInput};

use super::frame::{FoundFrame, Frame, JsonKind, find_frame};
use crate::{
    files::{Files, read_error},
    findings::TypeFindings,
    records::{Framing, OpenedFile},
    remote::Access,
    sniff::dialect::PREFIX,
    source::OpenOptions,
    text::scalar,
    typing::TimeSettings,
};

/// The settings of an input of JSON.
#[derive(Clone, Debug)]
pub(crate) struct JsonSettings {
    /// The path of the input in the settings.
    pub place: &'static str,
    /// The name of the format.
    pub driver: &'static str,
    endings: &'static [&'static str],
    /// Whether each line is a record.
    pub lines: bool,
    pub input: JsonInput,
}

impl JsonSettings {
    pub fn for_json(input: &JsonInput) -> Self {
        let endings = &[".json", ".ndjson", ".jsonl"];
        Self { place: "input.json", driver: "JSON", endings, lines: false, input: input.clone() }
    }

    pub fn for_ndjson(input: &NdjsonInput) -> Self {
        let endings = &[".ndjson", ".jsonl"];
        let input = JsonInput::from(input);
        Self { place: "input.ndjson", driver: "NDJSON", endings, lines: true, input }
    }

    /// The files of the input.
    ///
    /// # Errors
    /// Those of [`Files::find`].
    pub fn files(&self, options: &OpenOptions) -> Result<Files> {
        if let Some(sample) = &options.sample {
            return Ok(Files::for_sample(sample));
        }
        let (auth, secrets) = (self.input.auth.as_ref(), &options.secrets);
        Files::find(&self.input.path, self.endings, &Access { place: self.place, auth, secrets })
    }

    pub fn times(&self) -> TimeSettings<'_> {
        TimeSettings {
            driver: self.place,
            types: &self.input.types,
            times: self.input.times.as_ref(),
        }
    }

    /// How files are divided into records.
    pub fn framing(&self) -> Framing {
        match self.input.records.as_str() {
            _ if self.lines => Framing::Lines,
            "auto" => Framing::Unknown,
            records => Framing::Json(self.frame_at(records)),
        }
    }

    /// The frame of records at this path.
    pub fn frame_at(&self, records: &str) -> Frame {
        let names = records.split('.').filter(|name| !name.is_empty()).map(str::to_owned);
        let JsonInput { unwrap, attach, .. } = &self.input;
        Frame { path: names.collect(), unwrap: unwrap.clone(), attach: attach.clone() }
    }
}

impl JsonSettings {
    /// Finds out how a file is divided into records, if the settings leave that open, and refuses files that this driver
    /// does not read.
    ///
    /// # Errors
    /// `InvalidInput`.
    pub fn begin(&self, file: &mut OpenedFile<'_>) -> Result<()> {
        if !self.lines && !matches!(file.framing, Framing::Unknown) {
            return Ok(());
        }
        let prefix = file.lines.peek(PREFIX);
        let (prefix, complete) =
            prefix.map_err(|error| read_error(std::path::Path::new(file.name), &error))?;
        if self.lines {
            return self.check_lines(file.name, prefix, complete, file.findings);
        }
        let found = find_frame(prefix);
        file.findings.set_records(found.records.clone());
        if found.values == 0 {
            return Ok(());
        }
        self.note(file.name, &found, file.findings)?;
        file.findings.set_found(format!("records: {}", scalar(&found.records)));
        *file.framing = Framing::Json(self.frame_at(&found.records));
        Ok(())
    }

    /// Notes where the records have been found.
    ///
    /// # Errors
    /// `InvalidInput` if that is ambiguous.
    fn note(&self, name: &str, found: &FoundFrame, findings: &TypeFindings) -> Result<()> {
        let others = found.describe_others();
        let first = found.others.first().map_or("", String::as_str);
        if found.ambiguous {
            return Err(Error::input(
                "NO_RECORDS",
                format!(
                    "{name}: the records may be in {others}; name the array, such as `records: {}`, or set `records: \"\"` \
                     if the object is a record itself",
                    scalar(first)
                ),
            ));
        }
        let message = if !found.records.is_empty() {
            let records = scalar(&found.records);
            format!(
                "{name}: the records are the elements of `{}`; `records: {records}` sets that, and `records: \"\"` reads \
                 objects at the top",
                found.records
            )
        } else if !found.others.is_empty() {
            format!(
                "{name}: the whole object is read as one record, and it has arrays of objects: {others}; `records: {}` reads \
                 the elements of that",
                scalar(first)
            )
        } else {
            return Ok(());
        };
        let (path, reason) = (self.place.to_owned(), "RECORDS".to_owned());
        findings.note(Diagnostic { path, reason, message, count: 0 });
        Ok(())
    }

    /// # Errors
    /// `InvalidInput` if a file has JSON that is not one object a line.
    fn check_lines(
        &self,
        name: &str,
        prefix: &[u8],
        complete: bool,
        findings: &TypeFindings,
    ) -> Result<()> {
        let path = scalar(&self.input.path);
        let found = find_frame(prefix);
        match JsonKind::detect(prefix, complete) {
            Some(JsonKind::Array) => {}
            Some(JsonKind::Objects)
                if found.records.is_empty() || found.values == 1 && found.several => {}
            Some(JsonKind::Objects) if found.values == 1 => return Ok(()),
            Some(JsonKind::Objects) => {
                let message = format!(
                    "{name}: each line has records in `{}`; `json: {{path: {path}, records: {}}}` reads them",
                    found.records,
                    scalar(&found.records)
                );
                let (path, reason) = (self.place.to_owned(), "RECORDS".to_owned());
                findings.note(Diagnostic { path, reason, message, count: 0 });
                return Ok(());
            }
            Some(JsonKind::Lines) | None => return Ok(()),
        }
        let kind = JsonKind::detect(prefix, complete).map_or("", JsonKind::describe);
        let message = format!("{name} {kind}; use `json: {{path: {path}}}` in place of `ndjson`");
        Err(Error::input("OTHER_KIND", message))
    }

    /// The error for an input without records.
    pub fn no_records(&self, name: &str) -> Error {
        let message = if self.lines {
            format!("{name} has no records; NDJSON has one JSON object a line")
        } else if self.input.records == "auto" || self.input.records.is_empty() {
            format!(
                "{name} has no records; they are JSON objects, one behind the other or in an array"
            )
        } else {
            format!(
                "{name} has no records: the array `{}`, which `records` names, is empty or null",
                self.input.records
            )
        };
        Error::input("EMPTY_FILE", message)
    }
}
