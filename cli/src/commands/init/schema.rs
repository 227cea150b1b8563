//! Records that are known by the names of their columns: data files in `schemas`, each with the roles of columns and with
//! features and flags beyond those that roles give.

use anomal_core::proto::DataType;
use anomal_spec::TimeStep;
use serde::Deserialize;
use serde_json::Value;

use super::{
    column::ColumnProfile,
    profile::Profile,
    roles::{EntityKind, MAX_CATEGORIES, Role},
};

/// The share of the usual columns that are there where a schema fits.
const USUAL: f64 = 0.6;

const FILES: [&str; 19] = [
    include_str!("schemas/cloudtrail.yaml"),
    include_str!("schemas/ecs-authentication.yaml"),
    include_str!("schemas/ecs-dns.yaml"),
    include_str!("schemas/ecs-http.yaml"),
    include_str!("schemas/ecs-process.yaml"),
    include_str!("schemas/kubernetes-audit.yaml"),
    include_str!("schemas/ocsf.yaml"),
    include_str!("schemas/otel-logs.yaml"),
    include_str!("schemas/paysim.yaml"),
    include_str!("schemas/suricata.yaml"),
    include_str!("schemas/sysmon.yaml"),
    include_str!("schemas/vpc-flow.yaml"),
    include_str!("schemas/w3c.yaml"),
    include_str!("schemas/windows-logons.yaml"),
    include_str!("schemas/zeek-conn.yaml"),
    include_str!("schemas/zeek-dns.yaml"),
    include_str!("schemas/zeek-files.yaml"),
    include_str!("schemas/zeek-http.yaml"),
    include_str!("schemas/zeek-ssl.yaml"),
];

/// A schema, as its file has it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Schema {
    /// What the records are, for people.
    pub title: String,
    /// Columns that are always there.
    must: Vec<String>,
    /// Columns that are there as a rule.
    #[serde(default)]
    may: Vec<String>,
    /// The time of a record.
    #[serde(default)]
    time: Option<String>,
    /// A column of whole numbers that count units of time, where there is no other time.
    #[serde(default)]
    steps: Option<(String, TimeStep)>,
    /// Roles by column; a name that ends in `*` stands for all columns that begin so.
    #[serde(default)]
    roles: Vec<(String, String)>,
    #[serde(default)]
    pub packs: Vec<String>,
    #[serde(default)]
    features: Vec<Addition>,
    #[serde(default)]
    flags: Vec<Addition>,
    /// What a user may want to change, one line each.
    #[serde(default)]
    pub notes: Vec<String>,
}

/// A feature or a flag.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Addition {
    /// The columns without which it is left out.
    needs: Vec<String>,
    /// What these columns hold, where it matters: `number` or `text`.
    #[serde(default)]
    holds: Option<ColumnContent>,
    /// Columns that it stands for, which are no features themselves.
    #[serde(default)]
    pub replaces: Vec<String>,
    /// The column whose different values rates count by this feature.
    #[serde(default)]
    pub stands_for: Option<String>,
    #[serde(default)]
    pub comment: String,
    pub settings: Value,
}

/// What the columns of an addition hold.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ColumnContent {
    Number,
    Text,
}

impl Schema {
    /// The schema that fits the columns: the one with the most of them.
    pub fn of_columns(profile: &Profile) -> Option<Self> {
        let schemas = FILES.iter().filter_map(|file| Self::parse(file).ok());
        let has = |name: &&String| profile.column(name).is_some();
        let fitting = schemas.filter_map(|schema| {
            let must = schema.must.iter().filter(has).count();
            let may = schema.may.iter().filter(has).count();
            let fits = must == schema.must.len() && may as f64 >= USUAL * schema.may.len() as f64;
            fits.then_some((must + may, schema))
        });
        fitting.max_by_key(|(columns, _)| *columns).map(|(_, schema)| schema)
    }

    /// A test shows that the files are valid.
    fn parse(file: &str) -> Result<Self, String> {
        let tree: Value = serde_saphyr::from_str(file).map_err(|error| error.to_string())?;
        serde_json::from_value(tree).map_err(|error| error.to_string())
    }

    /// The column with the time of a record, if it has times.
    pub fn time(&self, profile: &Profile) -> Option<String> {
        let column = profile.column(self.time.as_ref()?)?;
        (column.data_type == DataType::Datetime).then(|| column.name.clone())
    }

    /// The role of a column, where the schema has one that its values allow.
    pub fn role(&self, column: &ColumnProfile) -> Option<Role> {
        if self.time.as_ref() == Some(&column.name) {
            return (column.data_type == DataType::Datetime).then_some(Role::Time);
        }
        let matches = |name: &str| match name.strip_suffix('*') {
            Some(prefix) => column.name.starts_with(prefix),
            None => column.name == name,
        };
        let (_, role) = self.roles.iter().find(|(name, _)| matches(name))?;
        let role = parse_role(role)?;
        let is_text = column.data_type == DataType::String;
        let few = column.distinct() <= MAX_CATEGORIES;
        match role {
            Role::Category if !few => None,
            Role::Port | Role::Frequent | Role::Command if few => Some(Role::Category),
            Role::Number if !column.is_number() => None,
            // A condition of numbers ends in one, and one of texts has quotes.
            Role::Status(condition) => {
                let of_numbers = condition.ends_with(|last: char| last.is_ascii_digit());
                let of_texts = condition.contains('\'') && !condition.starts_with("CAST");
                let fits = !of_numbers && !of_texts
                    || of_numbers && column.is_number()
                    || of_texts && is_text;
                (fits && few).then_some(Role::Status(condition))
            }
            Role::HostName | Role::Path | Role::Command | Role::Text if !is_text => None,
            role => Some(role),
        }
    }

    /// The column of numbers that count units of time, if it is there.
    pub fn steps<'a>(&self, profile: &'a Profile) -> Option<(&'a ColumnProfile, TimeStep)> {
        let (name, unit) = self.steps.as_ref()?;
        let column = profile.column(name)?;
        (column.data_type == DataType::Integer).then_some((column, *unit))
    }

    /// The features whose columns are there.
    pub fn features<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = &'a Addition> {
        with_columns(&self.features, profile)
    }

    /// The flags whose columns are there.
    pub fn flags<'a>(&'a self, profile: &'a Profile) -> impl Iterator<Item = &'a Addition> {
        with_columns(&self.flags, profile)
    }
}

fn with_columns<'a>(
    additions: &'a [Addition],
    profile: &'a Profile,
) -> impl Iterator<Item = &'a Addition> {
    let fits = |addition: &Addition, column: &ColumnProfile| {
        column.present() > 0
            && match addition.holds {
                Some(ColumnContent::Number) => column.is_number(),
                Some(ColumnContent::Text) => column.data_type == DataType::String,
                None => true,
            }
    };
    additions.iter().filter(move |addition| {
        let mut columns = addition.needs.iter().map(|name| profile.column(name));
        columns.all(|column| column.is_some_and(|column| fits(addition, column)))
    })
}

/// A role as a schema writes it, such as `address entity`, `status: SQL` and `left out: why`.
fn parse_role(text: &str) -> Option<Role> {
    if let Some((role, more)) = text.split_once(": ") {
        return match role {
            "status" => Some(Role::Status(more.to_owned())),
            "left out" => Some(Role::LeftOut(more.to_owned())),
            _ => None,
        };
    }
    Some(match text {
        "label" => Role::Label,
        "address entity" => Role::Entity(EntityKind::Address),
        "user entity" => Role::Entity(EntityKind::User),
        "entity" => Role::Entity(EntityKind::Other),
        "host name" => Role::HostName,
        "path" => Role::Path,
        "command line" => Role::Command,
        "address" => Role::Address,
        "port" => Role::Port,
        "category" => Role::Category,
        "frequency" => Role::Frequent,
        "number" => Role::Number,
        "text" => Role::Text,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemas_are_valid() {
        for file in FILES {
            let schema = Schema::parse(file).unwrap_or_else(|error| panic!("{error} in {file}"));
            let title = &schema.title;
            assert!(!schema.must.is_empty(), "{title}");
            for (column, role) in &schema.roles {
                assert!(parse_role(role).is_some(), "{role} of {column} in {title}");
            }
            for addition in schema.features.iter().chain(&schema.flags) {
                assert!(addition.settings["type"].is_string(), "{addition:?} in {title}");
                assert!(addition.replaces.iter().all(|column| addition.needs.contains(column)));
            }
        }
    }
}
