//! What each column is, by its values and its name.

use anomal_connectors::text::grouped;
use anomal_core::proto::DataType;

use super::{
    names::{self, has},
    profile::{ColumnProfile, Profile},
    values,
};

/// A column with at most this many values is compared as categories.
const MAX_CATEGORIES: usize = 50;
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

/// Columns that the command line names.
#[derive(Clone, Copy, Debug, Default)]
pub struct NamedColumns<'a> {
    pub label: Option<&'a str>,
    pub time: Option<&'a str>,
    pub entity: Option<&'a str>,
}

/// The role of each column, in their order.
pub fn roles(profile: &Profile, given: NamedColumns<'_>) -> Vec<Role> {
    let mut roles: Vec<Role> = Vec::new();
    for (place, column) in profile.columns.iter().enumerate() {
        let copied = profile.columns[..place].iter().zip(&roles).find(|(earlier, role)| {
            !matches!(role, Role::LeftOut(_) | Role::Label)
                && earlier.data_type == column.data_type
                && column.distinct() > 2
                && column.equals(earlier)
        });
        let is_last = place + 1 == profile.columns.len();
        roles.push(match copied {
            Some((earlier, _)) => Role::LeftOut(format!("equals {}", earlier.name)),
            None => role(column, profile.rows, is_last, given),
        });
    }
    let time = given.time.map(str::to_owned).or_else(|| main_time(profile, &roles));
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

fn role(column: &ColumnProfile, rows: usize, is_last: bool, given: NamedColumns<'_>) -> Role {
    let (name, distinct, present) = (column.name.as_str(), column.distinct(), column.present());
    let left_out = |why: &str| Role::LeftOut(why.to_owned());
    if given.label == Some(name) {
        return Role::Label;
    }
    if present == 0 {
        return left_out("has no values");
    }
    if given.entity == Some(name) {
        return Role::Entity(entity_kind(column));
    }
    if distinct == 1 && present == rows {
        return Role::LeftOut(format!(
            "has the same value in all rows: `{}`",
            shorten(&column.values[0].0)
        ));
    }
    if is_label(column, rows, is_last) {
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

fn entity_kind(column: &ColumnProfile) -> EntityKind {
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
    let name = &column.name;
    let kind = entity_kind(column);
    if has(name, &["agent", "country", "os", "version"]) || column.distinct() < 2 {
        return None;
    }
    let repeats = present >= column.distinct() * ROWS_PER_ENTITY;
    match kind {
        EntityKind::Address if names::is_destination(name) => Some(by_values(column, present)),
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
    let numbers: Vec<f64> = column.numbers.iter().flatten().copied().collect();
    let least = numbers.iter().copied().fold(f64::INFINITY, f64::min);
    let most = numbers.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let within = |low: f64, high: f64| least >= low && most <= high;
    if whole && has(name, names::STATUS) && within(100.0, 599.0) && distinct <= MAX_CATEGORIES {
        return Role::Status(format!("{} >= 400", quoted(name)));
    }
    if whole && names::is_port(name) && within(0.0, 65_535.0) && distinct > MAX_CATEGORIES {
        return Role::LeftOut("is a port that changes from row to row".to_owned());
    }
    if whole && present > 20 {
        if has(name, names::IDENTIFIER) && distinct * 2 > present {
            return Role::LeftOut("looks like an identifier: a value for each row".to_owned());
        }
        let ascends = numbers.windows(2).all(|pair| pair[0] <= pair[1]);
        if ascends && distinct > 20 {
            return Role::LeftOut("never falls from row to row, as a counter or a time".to_owned());
        }
    }
    let is_code = has(name, names::CODE) || names::is_port(name);
    if whole && is_code && distinct <= 30 { Role::Category } else { Role::Number }
}

fn text(column: &ColumnProfile, present: usize) -> Role {
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
