//! Opens text logs.

use anomal_core::{Error, Result, proto::Diagnostic};
use anomal_spec::{BadLines, Columns, LogFormat, LogInput};

use super::{
    line::LineFormat, lines::PlainLines, logfmt::Logfmt, pattern::Pattern, records::LogRecords,
    syslog::Syslog, w3c::W3c, web::Web, zeek::Zeek,
};
use crate::{
    dialect::{GivenDialect, Mark, Separator},
    files::{Files, read_error},
    lines::Shape,
    records::{OpenedFile, Records},
    remote::Access,
    sniff::{
        dialect::PREFIX,
        log::{LogFinding, LogKind, detect, header_format},
    },
    source::OpenOptions,
    tabular::{TextFormat, TextSettings, TextSource},
    typing::NullValues,
};

/// The files of a folder.
pub(super) const ENDINGS: [&str; 1] = [".log"];

/// Opens a text log.
///
/// # Errors
/// As those of [`Connector::open`](crate::Connector::open).
pub(crate) fn open(input: &LogInput, options: &OpenOptions) -> Result<TextSource> {
    let access =
        Access { place: "input.log", auth: input.auth.as_ref(), secrets: &options.secrets };
    // Before the file is opened.
    let pattern = input.pattern.as_deref().map(Pattern::new).transpose()?;
    let files = match &options.sample {
        Some(sample) => Files::for_sample(sample),
        None => Files::find(&input.path, &ENDINGS, &access)?,
    };
    let skip = input.bad_lines == BadLines::Skip;
    let mut records = Records::new(files, "log", Shape::Lines, input.encoding, skip, options);
    // A stream does not end where the columns change.
    let columns = if options.sample.is_some() { Columns::Union } else { input.columns };
    let mut found = None;
    records.open(&mut |file| {
        found = Some(find_format(file, input)?);
        Ok(())
    })?;
    let (format, finding) = found.ok_or_else(|| Error::internal("no file was opened"))?;
    if let Some(finding) = &finding {
        note(finding, format, &records.files.name(0), options);
    }
    let format: Box<dyn LineFormat> = match (format, pattern) {
        (LogFormat::Common | LogFormat::Combined | LogFormat::VhostCombined, _) => {
            Box::new(Web::new(format, input.extra.clone()))
        }
        (LogFormat::Zeek, _) => Box::new(Zeek::new(columns)),
        (LogFormat::W3c, _) => Box::new(W3c::new(columns)),
        (LogFormat::Syslog, _) => Box::new(Syslog::default()),
        (LogFormat::Logfmt, _) => Box::new(Logfmt::default()),
        (LogFormat::Regex, Some(pattern)) => Box::new(pattern),
        (LogFormat::Regex, None) => {
            let message = "`format: regex` has a `pattern`";
            return Err(Error::settings("input.log.pattern", "BAD_PATTERN", message));
        }
        (LogFormat::Auto | LogFormat::Lines, _) => Box::new(PlainLines),
    };
    let settings = TextSettings::for_log(input, format.nulls());
    let records_of_lines = Box::new(LogRecords::new(format, input.raw));
    let input = input.clone();
    TextSource::new(records, records_of_lines, settings, options, move |options| {
        open(&input, options)
    })
}

/// The format of the first file, and what was found out if the settings do not give it.
///
/// # Errors
/// `InvalidInput` if the file is empty or another driver reads it.
pub(super) fn find_format(
    file: &mut OpenedFile<'_>,
    input: &LogInput,
) -> Result<(LogFormat, Option<LogFinding>)> {
    let name = file.name.to_owned();
    let peeked = file.lines.peek(PREFIX);
    let (prefix, complete) = peeked.map_err(|error| read_error(name.as_ref(), &error))?;
    if prefix.trim_ascii().is_empty() && complete {
        let message = format!("{name} is empty; a log has a record in each line");
        return Err(Error::input("EMPTY_FILE", message));
    }
    if input.format != LogFormat::Auto {
        return Ok((input.format, None));
    }
    let finding = detect(prefix, complete);
    let other = |driver: &str, what: &str| {
        let message = format!(
            "{name} {what}; use `{driver}: {{path: {}}}`, or `format: lines` for lines as texts",
            crate::text::scalar(&input.path)
        );
        Error::input("OTHER_KIND", message)
    };
    match finding.kind {
        LogKind::Json => Err(other("ndjson", "has JSON objects")),
        LogKind::Csv => Err(other("csv", "is CSV")),
        LogKind::Format(format) => Ok((format, Some(finding))),
    }
}

fn note(finding: &LogFinding, format: LogFormat, file: &str, options: &OpenOptions) {
    let (fitting, lines) = (finding.fitting(), finding.lines);
    let evidence = match format {
        LogFormat::Zeek | LogFormat::W3c => "its header lines show".to_owned(),
        LogFormat::Lines => format!("no format fits its first {lines} lines"),
        _ => format!("{fitting} of its first {lines} lines show"),
    };
    options.findings.note(Diagnostic {
        path: "input.log".to_owned(),
        reason: "LOG_FORMAT".to_owned(),
        message: format!(
            "{file} is read as {}, as {evidence}; `format: {}` sets that",
            format.name(),
            format.name()
        ),
        count: 0,
    });
}

/// A file with the header lines of a log.
pub(crate) struct HeaderLog {
    pub format: LogFormat,
    /// The texts that mean that there is no value.
    pub nulls: NullValues,
    pub records: Box<dyn TextFormat>,
}

/// The log in a CSV input whose first file has the header lines of Zeek or W3C; nothing if the settings say how its cells
/// are divided or named.
///
/// # Errors
/// `InvalidInput` if the file can't be read.
pub(crate) fn with_header_lines(
    file: &mut OpenedFile<'_>,
    given: &GivenDialect,
    names: &[String],
) -> Result<Option<HeaderLog>> {
    let peeked = file.lines.peek(PREFIX);
    let (prefix, _) = peeked.map_err(|error| read_error(file.name.as_ref(), &error))?;
    let Some(format) = header_format(prefix) else { return Ok(None) };
    let blank = matches!(given.separator, Some(Separator::Byte(b' ') | Separator::Whitespace));
    let separator = given.separator.is_none()
        || given.separator == Some(Separator::Byte(b'\t'))
        || format == LogFormat::W3c && blank;
    let open = given.header.is_none()
        && given.skip_lines.is_none()
        && matches!(given.comment, None | Some(Mark::Byte(b'#')))
        && given.line_end != Some(b'\r')
        && names.is_empty();
    if !separator || !open {
        return Ok(None);
    }
    file.lines.set_shape(Shape::Lines);
    let lines: Box<dyn LineFormat> = match format {
        LogFormat::Zeek => Box::new(Zeek::new(Columns::Same)),
        _ => Box::new(W3c::new(Columns::Same)),
    };
    let nulls = lines.nulls();
    let records = Box::new(LogRecords::new(lines, false));
    Ok(Some(HeaderLog { format, nulls, records }))
}
