//! What a text log shows of its format, and the settings that give the same.

use std::fmt::Write;

use anomal_core::{Error, Result};
use anomal_spec::{BadLines, LogFormat, LogInput, TextEncoding};

use super::source::{self, ENDINGS, find_format};
use crate::{
    files::{Files, read_error},
    inspect::{FormatInspection, FormatShare},
    lines::Shape,
    records::Records,
    remote::Access,
    sniff::{dialect::PREFIX, log::detect},
    source::OpenOptions,
};

/// The encoding and format of the first file of an input.
pub(crate) struct LogInspection {
    pub encoding: String,
    pub format: FormatInspection,
    /// The columns whose types are those of the format.
    pub declared: Vec<String>,
    /// The settings that give the same without a guess.
    pub input: LogInput,
}

/// # Errors
/// Those of reading the start of the file.
pub(crate) fn inspect(input: &LogInput, options: &OpenOptions) -> Result<LogInspection> {
    let access =
        Access { place: "input.log", auth: input.auth.as_ref(), secrets: &options.secrets };
    let files = Files::find(&input.path, &ENDINGS, &access)?;
    let mut records = Records::new(files, "log", Shape::Lines, input.encoding, false, options);
    let mut opened = None;
    records.open(&mut |file| {
        let encoding = file.encoding.encoding.name().to_ascii_lowercase();
        let (format, _) = find_format(file, input)?;
        let peeked = file.lines.peek(PREFIX);
        let (prefix, complete) = peeked.map_err(|error| read_error(file.name.as_ref(), &error))?;
        opened = Some((encoding, format, detect(prefix, complete)));
        Ok(())
    })?;
    let (encoding, format, finding) =
        opened.ok_or_else(|| Error::internal("no file was opened"))?;
    let by_label = |known: &&TextEncoding| known.label() == Some(encoding.as_str());
    let found = LogInput {
        encoding: TextEncoding::ALL.iter().find(by_label).copied().unwrap_or(input.encoding),
        format,
        ..input.clone()
    };
    let source = source::open(&found, options)?;
    let declared = source.declared().map(str::to_owned).collect();
    let share = |(format, lines): (LogFormat, usize)| FormatShare { format: format.name(), lines };
    let format = FormatInspection {
        name: format.name(),
        lines: finding.lines,
        shares: finding.fits.into_iter().map(share).collect(),
    };
    Ok(LogInspection { encoding, format, declared, input: found })
}

/// The settings of an input whose format was found by content, in a flow mapping.
pub(crate) fn found(input: &LogInput) -> String {
    let mut settings = format!("format: {}", input.format.name());
    // Writing to a string cannot fail.
    if let Some(year) = input.times.as_ref().and_then(|times| times.year) {
        let _ = write!(settings, ", times: {{year: {year}}}");
    }
    if input.bad_lines == BadLines::Skip {
        settings.push_str(", badLines: skip");
    }
    if let Some(encoding) = input.encoding.label() {
        let _ = write!(settings, ", encoding: {encoding}");
    }
    settings
}
