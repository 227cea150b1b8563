//! What each column is, by its values and its name.

use anomal_core::proto::DataType;
use anomal_core::words::grouped;

use super::{
    column::ColumnProfile,
    copies::Copies,
    names::{self, has},
    profile::Profile,
    schema::Schema,
    values,
};

/// A column with at most this many values is compared as categories.
pub const MAX_CATEGORIES: usize = 50;
/// A column whose values are rarer than this on average describes no group of rows.
const ROWS_PER_ENTITY: usize = 3;

#[derive(Clone, Debug, PartialEq)]
pub enum Role {
    Time,
    /// Says which rows are anomalies.
    Label,
    /// Whose rows they are: an address, a user, a device.
    Entity(EntityKind),
    /// A host name below a known public suffix.
    HostName,
    /// A path or a URL.
    Path,
    /// A command with its arguments.
    Command,
    /// Addresses of others, too many to be categories.
    Address,
    /// Ports, too many to be categories.
    Port,
    /// Categories, and an SQL predicate for those that are failures.
    Status(String),
    Category,
    /// Too many values for categories, most of them frequent: how frequent this one is describes a row.
    Frequent,
    Number,
    /// Sentences.
    Text,
    /// No feature, and why.
    LeftOut(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntityKind {
    Address,
    User,
    Other,
}

/// What the command line says of columns.
#[derive(Clone, Copy, Debug, Default)]
pub struct RoleOptions<'a> {
    pub label: Option<&'a str>,
    pub time: Option<&'a str>,
    pub entity: Option<&'a str>,
    /// Whether a column with the same value in all rows is a feature: another value will be an anomaly for a model.
    pub keep_constants: bool,
}

impl Role {
    /// Its name, for people and programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Time => "time",
            Self::Label => "label",
            Self::Entity(_) => "entity",
            Self::HostName => "host name",
            Self::Path => "path",
            Self::Command => "command line",
            Self::Address => "address",
            Self::Port => "port",
            Self::Status(_) => "status",
            Self::Category => "category",
            Self::Frequent => "frequency",
            Self::Number => "number",
            Self::Text => "text",
            Self::LeftOut(_) => "left out",
        }
    }
}

/// The role of each column, in their order. Roles of a schema take precedence over those by values and names, and what the
/// command line says takes precedence over both.
pub fn roles(profile: &Profile, schema: Option<&Schema>, options: RoleOptions<'_>) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    let mut copies = Copies::default();
    for (place, column) in profile.columns.iter().enumerate() {
        let is_last = place + 1 == profile.columns.len();
        let role = match copies.original(&profile.columns, place) {
            Some(earlier) => Role::LeftOut(format!("equals {}", profile.columns[earlier].name)),
            None => role(column, profile.rows, is_last, schema, options),
        };
        if !matches!(role, Role::LeftOut(_) | Role::Label) {
            copies.insert(&profile.columns, place);
        }
        roles.push(role);
    }
    let by_schema = schema.and_then(|schema| schema.time(profile));
    let time = options.time.map(str::to_owned).or(by_schema).or_else(|| main_time(profile, &roles));
    for (column, role) in profile.columns.iter().zip(&mut roles) {
        if *role == Role::Time && time.as_ref() != Some(&column.name) {
            *role = Role::LeftOut("is another time".to_owned());
        }
    }
    roles
}

/// The time with the fewest missing values; of equal ones, the first.
fn main_time(profile: &Profile, roles: &[Role]) -> Option<String> {
    let times = profile.columns.iter().zip(roles).filter(|(_, role)| **role == Role::Time);
    times.min_by_key(|(column, _)| column.missing()).map(|(column, _)| column.name.clone())
}

fn role(
    column: &ColumnProfile,
    rows: usize,
    is_last: bool,
    schema: Option<&Schema>,
    options: RoleOptions<'_>,
) -> Role {
    let (name, distinct, present) = (column.name.as_str(), column.distinct(), column.present());
    let left_out = |why: &str| Role::LeftOut(why.to_owned());
    if options.label == Some(name) {
        return Role::Label;
    }
    let by_schema = schema.and_then(|schema| schema.role(column));
    if by_schema == Some(Role::Label) {
        return Role::Label;
    }
    if present == 0 {
        return left_out("has no values");
    }
    if options.entity == Some(name) {
        return Role::Entity(entity_kind(column));
    }
    if options.time == Some(name) && column.data_type == DataType::Datetime {
        return Role::Time;
    }
    if distinct == 1 && present == rows && !options.keep_constants {
        return Role::LeftOut(format!(
            "has the same value in all rows: `{}`",
            shorten(&column.values[0].0)
        ));
    }
    if let Some(role) = by_schema {
        return role;
    }
    if (distinct > 1 || present < rows) && is_label(column, rows, is_last) {
        return Role::Label;
    }
    if column.data_type == DataType::Datetime {
        return Role::Time;
    }
    if let Some(role) = entity(column, present) {
        return role;
    }
    match column.data_type {
        DataType::Boolean => Role::Category,
        DataType::Integer | DataType::Float => number(column, present),
        _ => text(column, present),
    }
}

fn is_label(column: &ColumnProfile, rows: usize, is_last: bool) -> bool {
    let few = (1..=20).contains(&column.distinct());
    let most = column.values.first().map_or(0, |(_, rows)| *rows);
    let skewed = most.max(column.missing()) * 10 >= rows * 6;
    let verdicts = column.share(values::is_verdict) >= 1.0;
    let named = has(&column.name, names::LABEL);
    // `class` and `target` are also names of other things.
    let certain = named && !has(&column.name, &["class", "target", "y", "labels", "truth"]);
    let plain = column.share(values::is_bare_verdict) >= 1.0;
    few && (certain && (skewed || verdicts)
        || named && verdicts
        || is_last && verdicts && !plain && skewed)
}

pub fn entity_kind(column: &ColumnProfile) -> EntityKind {
    if column.share(values::is_address) >= 0.9 {
        EntityKind::Address
    } else if has(&column.name, names::USER) || column.share(values::is_user) >= 0.9 {
        EntityKind::User
    } else {
        EntityKind::Other
    }
}

/// The role of a column whose values have many rows each, and that names an address, a user or a device.
fn entity(column: &ColumnProfile, present: usize) -> Option<Role> {
    let name = column.name.as_str();
    let kind = entity_kind(column);
    if has(name, &["agent", "country", "os", "version"]) || column.distinct() < 2 {
        return None;
    }
    let repeats = present >= column.distinct() * ROWS_PER_ENTITY;
    match kind {
        EntityKind::Address if names::is_destination(name) => {
            Some(match by_values(column, present) {
                Role::LeftOut(_) => Role::Address,
                role => role,
            })
        }
        EntityKind::Address | EntityKind::User
            if column.data_type == DataType::String || has(name, names::USER) =>
        {
            if !repeats {
                return Some(Role::LeftOut(format!(
                    "has too few rows for each of its {} values",
                    grouped(column.distinct())
                )));
            }
            (!column.is_number() || column.distinct() > MAX_CATEGORIES)
                .then_some(Role::Entity(kind))
        }
        EntityKind::Other
            if repeats
                && column.data_type == DataType::String
                && column.distinct() > 2
                && has(name, names::SOURCE)
                && column.share(values::is_path) < 0.5 =>
        {
            Some(Role::Entity(kind))
        }
        _ => None,
    }
}

fn number(column: &ColumnProfile, present: usize) -> Role {
    let name = column.name.as_str();
    let distinct = column.distinct();
    let whole = column.data_type == DataType::Integer;
    let (least, most) = column.range.unwrap_or((f64::INFINITY, f64::NEG_INFINITY));
    let within = |low: f64, high: f64| least >= low && most <= high;
    if whole && has(name, names::STATUS) && within(100.0, 599.0) && distinct <= MAX_CATEGORIES {
        return Role::Status(format!("{} >= 400", quoted(name)));
    }
    if whole && names::is_port(name) && within(0.0, 65_535.0) && distinct > MAX_CATEGORIES {
        // Those of clients are any number; those of servers say what for.
        return if is_server_port(column) {
            Role::Port
        } else {
            Role::LeftOut("is a port that changes from row to row".to_owned())
        };
    }
    if whole && present > 20 {
        if has(name, names::IDENTIFIER) && distinct * 2 > present {
            return Role::LeftOut("looks like an identifier: a value for each row".to_owned());
        }
        if column.ascends && distinct > 20 {
            return Role::LeftOut("never falls from row to row, as a counter or a time".to_owned());
        }
    }
    let is_code = has(name, names::CODE) || names::is_port(name);
    if whole && is_code && distinct <= 30 { Role::Category } else { Role::Number }
}

fn is_server_port(column: &ColumnProfile) -> bool {
    has(&column.name, names::DESTINATION)
        || has(&column.name, &["dport", "dpt"])
        || column.share(|text| text.parse::<u16>().is_ok_and(|port| port < 1024)) >= 0.1
}

fn text(column: &ColumnProfile, present: usize) -> Role {
    let is_command = has(&column.name, names::COMMAND) && column.distinct() > MAX_CATEGORIES;
    if is_command && column.share(|text| text.trim().contains(' ')) >= 0.3 {
        return Role::Command;
    }
    if column.share(values::is_path) >= 0.9 {
        return Role::Path;
    }
    let hosts = column.share(values::is_host_name) >= 0.9;
    if hosts && column.share(values::has_public_suffix) >= 0.5 {
        return Role::HostName;
    }
    if column.distinct() <= MAX_CATEGORIES && has(&column.name, names::STATUS) {
        let failures: Vec<String> = column
            .values
            .iter()
            .filter(|(text, _)| values::is_failure(text))
            .map(|(text, _)| format!("'{}'", text.replace('\'', "''")))
            .collect();
        if !failures.is_empty() {
            return Role::Status(format!("{} IN ({})", quoted(&column.name), failures.join(", ")));
        }
    }
    by_values(column, present)
}

/// The role of a text by how often its values occur.
fn by_values(column: &ColumnProfile, present: usize) -> Role {
    let distinct = column.distinct();
    if distinct * 10 >= present * 9 && present > 20 {
        return if column.share(values::is_sentence) >= 0.5 {
            Role::Text
        } else if column.share(values::is_token) >= 0.9 {
            Role::LeftOut("looks like an identifier: a value for each row".to_owned())
        } else {
            Role::LeftOut(
                "looks like an identifier or free text: nearly a value for each row".to_owned(),
            )
        };
    }
    if distinct <= MAX_CATEGORIES {
        return Role::Category;
    }
    if column.share(values::is_sentence) >= 0.5 {
        return Role::Text;
    }
    let frequent: usize =
        column.values.iter().map(|(_, rows)| *rows).filter(|rows| *rows >= 5).sum();
    if distinct <= 1_000 && frequent * 10 >= present * 9 {
        Role::Frequent
    } else {
        Role::LeftOut("has too many values to compare as labels".to_owned())
    }
}

/// A name in SQL.
pub fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// The beginning of a value, for a comment.
pub fn shorten(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(40).collect()
}
