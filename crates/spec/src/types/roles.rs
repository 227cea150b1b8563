use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What columns are to people: the time, the things that rows are about, and what tables show. Incidents, terminal and
/// report are made by them. Absent parts are chosen by the names of columns (`anomal components --roles` lists those).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Roles {
    /// The column with the time of a record. Without `timeUnit` the same as `timeColumn`, which is its short form.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub time: Option<String>,
    /// Set where the values of `time` are whole numbers that count units of time, such as `step` in hours. Windows of
    /// aggregates and outputs need times, and do not use such a column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_unit: Option<TimeStep>,
    /// The columns that say whom or what a row is about. `entity` is the short form. The columns of the first two come
    /// first in summaries and reports.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 4))]
    pub entities: Vec<EntityRole>,
    /// The columns that the terminal shows of a row, in this order. Absent: the entities, then those that features and
    /// flags read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 12), inner(length(min = 1, max = 253)))]
    pub show: Vec<String>,
    /// The pause after which suspicious or flagged rows about the same things are another finding, such as `1h` (s, m, h,
    /// d or w).
    #[serde(default = "hour")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub gap: String,
    /// Whether rows are grouped into incidents.
    #[serde(default)]
    pub grouping: Grouping,
}

/// A column whose values are things: hosts, users, domains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntityRole {
    /// The column.
    #[schemars(length(min = 1, max = 253))]
    pub column: String,
    /// What its values are. Absent: by the name of the column, else `other`. Values of one kind are the same things,
    /// whatever their column.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<EntityKind>,
    /// Whether its values act or are acted on. Absent: the first entity acts, the others are acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub side: Option<Side>,
    /// What its values are called. Absent: by their kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<EntityName>,
}

/// A noun for one thing and for several.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct EntityName {
    /// Such as `customer`.
    #[schemars(length(min = 1, max = 40))]
    pub one: String,
    /// Such as `customers`.
    #[schemars(length(min = 1, max = 40))]
    pub many: String,
}

/// What things are.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum EntityKind {
    Host,
    User,
    Account,
    /// Names are compared by their registered domains.
    Domain,
    Address,
    Service,
    Process,
    File,
    #[default]
    Other,
}

/// Which part a thing has in what a row records.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Side {
    /// It acts.
    Actor,
    /// It is acted on.
    Target,
}

/// A unit of time that whole numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum TimeStep {
    /// Seconds.
    #[serde(rename = "s")]
    Second,
    /// Minutes.
    #[serde(rename = "m")]
    Minute,
    /// Hours.
    #[serde(rename = "h")]
    Hour,
    /// Days.
    #[serde(rename = "d")]
    Day,
}

/// Whether rows are grouped into incidents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Grouping {
    /// They are.
    #[default]
    Auto,
    /// They are not.
    Off,
}

impl Default for Roles {
    fn default() -> Self {
        Self {
            time: None,
            time_unit: None,
            entities: Vec::new(),
            show: Vec::new(),
            gap: hour(),
            grouping: Grouping::default(),
        }
    }
}

fn hour() -> String {
    "1h".into()
}

impl EntityKind {
    /// The nouns for one and for several.
    pub fn nouns(self) -> (&'static str, &'static str) {
        match self {
            Self::Host => ("host", "hosts"),
            Self::User => ("user", "users"),
            Self::Account => ("account", "accounts"),
            Self::Domain => ("domain", "domains"),
            Self::Address => ("address", "addresses"),
            Self::Service => ("service", "services"),
            Self::Process => ("process", "processes"),
            Self::File => ("file", "files"),
            Self::Other => ("value", "values"),
        }
    }
}

impl TimeStep {
    /// As settings name it.
    pub fn symbol(self) -> &'static str {
        match self {
            Self::Second => "s",
            Self::Minute => "m",
            Self::Hour => "h",
            Self::Day => "d",
        }
    }

    /// Its length in microseconds.
    pub fn micros(self) -> i64 {
        let seconds = match self {
            Self::Second => 1,
            Self::Minute => 60,
            Self::Hour => 3_600,
            Self::Day => 86_400,
        };
        seconds * 1_000_000
    }
}
