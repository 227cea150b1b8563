//! The fields of the Elastic Common Schema that records can have. The schema's fields for the event itself, rules and
//! observers are set by Anomal.

use std::{collections::HashMap, sync::LazyLock};

/// A line per parent: its name (or several of the same shape, separated by `|`), then its fields, each with its type
/// unless that is keyword. Names and types are those of the schema (NOTICE).
const FIELDS: &str = include_str!("ecs.txt");
/// The version of the schema.
pub(in crate::elasticsearch) const VERSION: &str = "8.17.0";

/// The type of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::elasticsearch) enum FieldType {
    Keyword,
    Long,
    Float,
    Boolean,
    Date,
    Ip,
}

impl FieldType {
    fn from_name(name: &str) -> Self {
        match name {
            "long" => Self::Long,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "ip" => Self::Ip,
            _ => Self::Keyword,
        }
    }

    /// The name in a mapping.
    pub fn name(self) -> &'static str {
        match self {
            Self::Keyword => "keyword",
            Self::Long => "long",
            Self::Float => "float",
            Self::Boolean => "boolean",
            Self::Date => "date",
            Self::Ip => "ip",
        }
    }
}

static FIELD_TYPES: LazyLock<HashMap<String, FieldType>> = LazyLock::new(|| fields().collect());

/// The type of the field with this name, if the schema has it.
pub(in crate::elasticsearch) fn field_type(name: &str) -> Option<FieldType> {
    FIELD_TYPES.get(name).copied()
}

/// All fields, in the schema's order.
pub(in crate::elasticsearch) fn fields() -> impl Iterator<Item = (String, FieldType)> {
    FIELDS.lines().flat_map(|line| {
        let mut words = line.split(' ');
        let parent = words.next().unwrap_or_default();
        let (tops, below) = match parent.rfind('|') {
            None => (parent, ""),
            Some(last) => {
                let end = parent[last..].find('.').map_or(parent.len(), |dot| last + dot);
                parent.split_at(end)
            }
        };
        let fields: Vec<&str> = words.collect();
        tops.split('|').flat_map(move |top| {
            let parent = if top == "." { String::new() } else { format!("{top}{below}.") };
            let named = fields.clone().into_iter().map(move |field| {
                let (name, kind) = field.split_once(':').unwrap_or((field, ""));
                (format!("{parent}{name}"), FieldType::from_name(kind))
            });
            named.collect::<Vec<_>>()
        })
    })
}

/// The list in `related` that repeats an address, a user or a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::elasticsearch) enum RelatedKind {
    Ip,
    User,
    Hosts,
}

pub(in crate::elasticsearch) fn related_kind(name: &str, kind: FieldType) -> Option<RelatedKind> {
    let last = name.rsplit('.').next().unwrap_or(name);
    match (name, last) {
        _ if kind == FieldType::Ip => Some(RelatedKind::Ip),
        (
            "host.name" | "host.hostname" | "dns.question.name" | "url.domain" | "client.domain"
            | "destination.domain" | "server.domain" | "source.domain",
            _,
        ) => Some(RelatedKind::Hosts),
        (name, "name" | "id" | "email")
            if (name.starts_with("user.") && name.matches('.').count() == 1)
                || (name.contains(".user.") && !name.contains(".group.")) =>
        {
            Some(RelatedKind::User)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_have_the_types_of_the_schema() {
        let known = [
            ("source.ip", FieldType::Ip),
            ("destination.nat.port", FieldType::Long),
            ("dns.question.name", FieldType::Keyword),
            ("message", FieldType::Keyword),
            ("file.created", FieldType::Date),
            ("container.cpu.usage", FieldType::Float),
            ("tls.established", FieldType::Boolean),
        ];
        assert!(known.iter().all(|(name, expected)| field_type(name) == Some(*expected)));
        // Set by Anomal, not a leaf, unknown.
        let others = ["event.kind", "@timestamp", "rule.name", "source", "source.colour", "label"];
        assert!(others.iter().all(|name| field_type(name).is_none()));
        assert!(fields().count() > 400 && fields().count() == FIELD_TYPES.len());
    }

    #[test]
    fn no_field_is_also_a_parent() {
        let names: Vec<String> = fields().map(|(name, _)| name).collect();
        for name in &names {
            let below = format!("{name}.");
            assert!(!names.iter().any(|other| other.starts_with(&below)), "{name}");
        }
    }

    #[test]
    fn addresses_users_and_hosts_are_related() {
        let kind = |name: &str| related_kind(name, field_type(name).unwrap());
        assert_eq!(kind("source.ip"), Some(RelatedKind::Ip));
        assert_eq!(kind("dns.resolved_ip"), Some(RelatedKind::Ip));
        assert_eq!(kind("user.name"), Some(RelatedKind::User));
        assert_eq!(kind("source.user.email"), Some(RelatedKind::User));
        assert_eq!(kind("dns.question.name"), Some(RelatedKind::Hosts));
        assert_eq!(kind("user.group.name"), None);
        assert_eq!(kind("process.name"), None);
    }
}
