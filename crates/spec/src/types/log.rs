use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Auth, BadLines, Strays, TextEncoding, Times, TypeSetting, input::is_default};

/// A text log with a record in each line, plain, gzip or zstd.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct LogInput {
    /// A file, a folder (its *.log, *.log.gz and *.log.zst in name order), a glob, or `-` for standard input; the same in
    /// an object store, or one file by HTTP. All files have the same format.
    #[schemars(length(min = 1, max = 4096))]
    pub path: String,
    /// Of a URL (`s3://`, `gs://`, `az://`, `http://`, `https://`): the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
    /// How characters are encoded. `auto`: UTF-8, or UTF-16 if the first bytes show it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub encoding: TextEncoding,
    /// How a line is divided into cells.
    #[serde(default)]
    pub format: LogFormat,
    /// regex: the regular expression that matches a whole line, in the syntax of Rust's `regex`. Its named groups are the
    /// columns; `__` in a name stands for a dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 16384))]
    pub pattern: Option<String>,
    /// common, combined, vhostCombined: the names of the fields behind those of the format. Absent: `extra.1`, `extra.2`
    /// and so on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 253)))]
    pub extra: Vec<String>,
    /// Whether the column `event.original` has the line as it was read.
    #[serde(default, skip_serializing_if = "is_default")]
    pub raw: bool,
    /// zeek, w3c: what becomes of header lines that name other columns than the first ones.
    #[serde(default, skip_serializing_if = "is_default")]
    pub columns: Columns,
    /// Words that mean that there is no value in columns that are not text. Absent: `-`, `NA`, `NULL`, `\N` and more
    /// like these; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(max = 253)))]
    pub null_words: Option<Vec<String>>,
    /// What becomes of the few values that are not of their column's type.
    #[serde(default, skip_serializing_if = "is_default")]
    pub strays: Strays,
    /// How times are read that have no offset from UTC or no year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<Times>,
    /// Types of columns by name; the others are those of the format, or inferred from the first 10,000 records.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = 2048))]
    pub types: BTreeMap<String, TypeSetting>,
    #[serde(default)]
    pub bad_lines: BadLines,
}

/// How the lines of a log are divided into cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// Found out from the first 1,000 lines.
    #[default]
    Auto,
    /// The common log format of web servers.
    Common,
    /// The common log format with the referrer and the user agent, as Apache and nginx write it.
    Combined,
    /// The combined log format behind the name and port of the virtual host.
    VhostCombined,
    /// Tab-separated logs of Zeek with header lines.
    Zeek,
    /// The W3C extended log format with header lines, as IIS and `CloudFront` write it.
    W3c,
    /// Syslog: RFC 3164, RFC 5424, and files with ISO times.
    Syslog,
    /// Pairs such as `level=info msg="a text"`.
    Logfmt,
    /// Named groups of the regular expression `pattern`.
    Regex,
    /// A line is one text, `message`.
    Lines,
}

impl LogFormat {
    /// The name in the settings.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Common => "common",
            Self::Combined => "combined",
            Self::VhostCombined => "vhostCombined",
            Self::Zeek => "zeek",
            Self::W3c => "w3c",
            Self::Syslog => "syslog",
            Self::Logfmt => "logfmt",
            Self::Regex => "regex",
            Self::Lines => "lines",
        }
    }

    /// Whether it is one of the access logs of web servers.
    pub fn is_web(self) -> bool {
        matches!(self, Self::Common | Self::Combined | Self::VhostCombined)
    }
}

/// The columns of records behind further header lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Columns {
    /// They have the same names, or reading stops.
    #[default]
    Same,
    /// Those of the first 10,000 records and those that `types` names; absent ones have no value.
    Union,
}

impl LogInput {
    /// The format and types found out, bad lines an error.
    pub fn new(path: impl Into<String>) -> Self {
        Self {
            path: path.into(),
            auth: None,
            encoding: TextEncoding::Auto,
            format: LogFormat::Auto,
            pattern: None,
            extra: Vec::new(),
            raw: false,
            columns: Columns::Same,
            null_words: None,
            strays: Strays::Missing,
            times: None,
            types: BTreeMap::new(),
            bad_lines: BadLines::Error,
        }
    }
}
