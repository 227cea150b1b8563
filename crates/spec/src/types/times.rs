//! How times are written: names of formats, zones and years in the settings.

use std::borrow::Cow;

use jiff::{
    civil::DateTime,
    fmt::strtime,
    tz::{TimeZone, db},
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::ColumnType;
use crate::nearest;

/// How times are read that have no offset from UTC or no year.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Times {
    /// The time zone of times without an offset: a name of the IANA database, such as `Europe/Vienna`. Absent: UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub zone: Option<String>,
    /// The year of the first record, for times without a year.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1970, max = 2100))]
    pub year: Option<i16>,
}

/// The type of a column: its name, or a map with how its values are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum TypeSetting {
    Name(ColumnType),
    Detailed(TypeDetails),
}

/// The type of a column with how its values are written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TypeDetails {
    /// The type.
    #[serde(rename = "type")]
    pub column_type: ColumnType,
    /// datetime: a format, or a list of formats that are tried in order for each value. Absent: detected from the first
    /// 10,000 records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<FormatNames>,
    /// datetime: the time zone of times without an offset. Absent: that of the input's `times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    pub zone: Option<String>,
    /// datetime: the year of the first record, for times without a year. Absent: that of the input's `times`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1970, max = 2100))]
    pub year: Option<i16>,
    /// list: what stands between items. Absent: the forms of lists that are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 10))]
    pub separator: Option<String>,
}

/// One format of times, or a list of up to 8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum FormatNames {
    One(String),
    Several(Vec<String>),
}

impl FormatNames {
    pub fn names(&self) -> &[String] {
        match self {
            Self::One(name) => std::slice::from_ref(name),
            Self::Several(names) => names,
        }
    }
}

impl TypeSetting {
    pub fn column_type(&self) -> ColumnType {
        match self {
            Self::Name(column_type) => *column_type,
            Self::Detailed(details) => details.column_type,
        }
    }

    pub fn details(&self) -> Option<&TypeDetails> {
        match self {
            Self::Name(_) => None,
            Self::Detailed(details) => Some(details),
        }
    }
}

impl From<ColumnType> for TypeSetting {
    fn from(column_type: ColumnType) -> Self {
        Self::Name(column_type)
    }
}

impl JsonSchema for TypeSetting {
    fn schema_name() -> Cow<'static, str> {
        "TypeSetting".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let name = generator.subschema_for::<ColumnType>();
        let details = generator.subschema_for::<TypeDetails>();
        json_schema!({
            "description": "The type of a column: its name, or a map with how its values are written.",
            "oneOf": [name, details],
        })
    }
}

impl JsonSchema for FormatNames {
    fn schema_name() -> Cow<'static, str> {
        "FormatNames".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let format = json_schema!({"type": "string", "minLength": 1, "maxLength": 253});
        json_schema!({
            "oneOf": [format, {"type": "array", "items": format, "minItems": 1, "maxItems": 8}],
        })
    }
}

/// A format of times.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    Iso,
    IsoBasic,
    Epoch,
    EpochMillis,
    EpochMicros,
    EpochNanos,
    Apache,
    Rfc2822,
    Http,
    Ctime,
    Syslog,
    Kibana,
    Slash,
    Us,
    Eu,
    DayMonth,
    Filetime,
    /// Conversions of `strptime`, as jiff has them.
    Strptime(String),
}

impl TimeFormat {
    /// The formats with a name.
    pub const NAMED: [Self; 17] = [
        Self::Iso,
        Self::IsoBasic,
        Self::Epoch,
        Self::EpochMillis,
        Self::EpochMicros,
        Self::EpochNanos,
        Self::Apache,
        Self::Rfc2822,
        Self::Http,
        Self::Ctime,
        Self::Syslog,
        Self::Kibana,
        Self::Slash,
        Self::Us,
        Self::Eu,
        Self::DayMonth,
        Self::Filetime,
    ];

    /// The format of a name, or of a text with `%`.
    ///
    /// # Errors
    /// A message for users.
    pub fn from_name(name: &str) -> Result<Self, String> {
        if let Some(format) = Self::NAMED.into_iter().find(|format| format.name() == name) {
            return Ok(format);
        }
        if name.contains('%') {
            check_strptime(name)?;
            return Ok(Self::Strptime(name.to_owned()));
        }
        let names = Self::NAMED.iter().map(Self::name);
        let hint = match nearest(name, names.clone()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!(
                "a format is a text with conversions, such as %d.%m.%Y %H:%M, or one of {}",
                names.collect::<Vec<_>>().join(", ")
            ),
        };
        Err(format!("there is no format `{name}`; {hint}"))
    }

    pub fn name(&self) -> &str {
        match self {
            Self::Iso => "iso",
            Self::IsoBasic => "isoBasic",
            Self::Epoch => "epoch",
            Self::EpochMillis => "epochMillis",
            Self::EpochMicros => "epochMicros",
            Self::EpochNanos => "epochNanos",
            Self::Apache => "apache",
            Self::Rfc2822 => "rfc2822",
            Self::Http => "http",
            Self::Ctime => "ctime",
            Self::Syslog => "syslog",
            Self::Kibana => "kibana",
            Self::Slash => "slash",
            Self::Us => "us",
            Self::Eu => "eu",
            Self::DayMonth => "dayMonth",
            Self::Filetime => "filetime",
            Self::Strptime(text) => text,
        }
    }

    /// Whether its times are numbers of a unit.
    pub fn is_number(&self) -> bool {
        matches!(
            self,
            Self::Epoch | Self::EpochMillis | Self::EpochMicros | Self::EpochNanos | Self::Filetime
        )
    }

    /// Whether its times have a year.
    pub fn has_year(&self) -> bool {
        match self {
            Self::Syslog => false,
            Self::Strptime(text) => strptime_has_year(text),
            _ => true,
        }
    }
}

/// A time whose parts all differ, so that none passes for another.
const EXAMPLE: DateTime = jiff::civil::datetime(2022, 11, 3, 13, 4, 5, 678_000_000);

fn example() -> Result<jiff::ZonedDateTime, jiff::Error> {
    TimeZone::UTC.to_zoned_datetime(EXAMPLE)
}

/// # Errors
/// A message for users, if texts in this format can't be read as times.
fn check_strptime(format: &str) -> Result<(), String> {
    let wrong = |why: String| format!("the format `{format}` can't be used: {why}");
    let example = example().map_err(|error| wrong(error.to_string()))?;
    let text = strtime::format(format, &example).map_err(|error| wrong(error.to_string()))?;
    let parsed = strtime::parse(format, &text).map_err(|error| wrong(error.to_string()))?;
    let date = parsed.month().is_some() && parsed.day().is_some();
    if parsed.timestamp().is_some() || parsed.to_date().is_ok() || date && parsed.year().is_none() {
        return Ok(());
    }
    Err(wrong("it has no day; add %d and %m, %j or %s".to_owned()))
}

fn strptime_has_year(format: &str) -> bool {
    let text = example().and_then(|example| strtime::format(format, &example));
    let parsed = text.and_then(|text| strtime::parse(format, text));
    parsed.is_ok_and(|parsed| parsed.timestamp().is_some() || parsed.to_date().is_ok())
}

/// The time zone of an IANA name, from the database that is part of the program.
///
/// # Errors
/// A message for users.
pub fn time_zone(name: &str) -> Result<TimeZone, String> {
    db().get(name).map_err(|_| {
        let names: Vec<String> = db().available().map(|name| name.to_string()).collect();
        match nearest(name, names.iter().map(String::as_str)) {
            Some(near) => format!("there is no time zone `{name}`; did you mean `{near}`?"),
            None => format!("there is no time zone `{name}`; names look like Europe/Vienna"),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_have_names_or_conversions() {
        for format in TimeFormat::NAMED {
            assert_eq!(TimeFormat::from_name(format.name()), Ok(format.clone()));
            assert_eq!(format.has_year(), format != TimeFormat::Syslog);
        }
        for (name, has_year) in [
            ("%d.%m.%Y %H:%M", true),
            ("%s", true),
            ("%Y-%j", true),
            ("%b %e %H:%M:%S%.f", false),
            ("day %d of %B %y, %I:%M %p", true),
            ("%F %T %Q", true),
        ] {
            let format = TimeFormat::from_name(name).unwrap();
            assert_eq!((format.name(), format.has_year()), (name, has_year));
        }
        for (name, part) in [
            ("isoo", "did you mean `iso`?"),
            ("yyyy-MM-dd", "there is no format `yyyy-MM-dd`"),
            ("%H:%M", "it has no day"),
            ("%Y-%m-%d %!", "can't be used"),
            ("%d.%m.%Y %Z", "can't be used"),
            ("%", "can't be used"),
        ] {
            let message = TimeFormat::from_name(name).unwrap_err();
            assert!(message.contains(part), "{name}: {message}");
        }
    }

    #[test]
    fn zones_have_names() {
        assert_eq!(time_zone("Europe/Vienna").unwrap().iana_name(), Some("Europe/Vienna"));
        assert!(time_zone("UTC").is_ok());
        assert!(time_zone("Europe/Wien").unwrap_err().contains("no time zone `Europe/Wien`"));
        assert!(time_zone("Europe/Viena").unwrap_err().contains("did you mean `Europe/Vienna`?"));
        for name in ["", "../etc/passwd", "+01:00", "\u{0}"] {
            assert!(time_zone(name).is_err(), "{name}");
        }
    }
}
