//! The fields that the Elastic Common Schema knows, as far as records have them: those that say what happened to
//! whom. What it has for the event itself, rules and observers is ours to fill.

use std::{collections::HashMap, sync::LazyLock};

/// A line for each parent: its name (several, with `|` between them, of one shape), then its fields, each with its
/// type unless that is keyword. Names and types are those of the schema (NOTICE).
const FIELDS: &str = include_str!("ecs.txt");
/// The version of the schema whose fields these are.
pub(super) const VERSION: &str = "8.17.0";

/// What a field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Keyword,
    Long,
    Float,
    Boolean,
    Date,
    Ip,
}

impl Kind {
    fn of(name: &str) -> Self {
        match name {
            "long" => Self::Long,
            "float" => Self::Float,
            "boolean" => Self::Boolean,
            "date" => Self::Date,
            "ip" => Self::Ip,
            _ => Self::Keyword,
        }
    }

    /// As a mapping has it.
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

static KNOWN: LazyLock<HashMap<String, Kind>> = LazyLock::new(|| fields().collect());

/// What a field of that name holds, if there is one.
pub(super) fn kind(name: &str) -> Option<Kind> {
    KNOWN.get(name).copied()
}

/// All fields, in the schema's order.
pub(super) fn fields() -> impl Iterator<Item = (String, Kind)> {
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
                (format!("{parent}{name}"), Kind::of(kind))
            });
            named.collect::<Vec<_>>()
        })
    })
}

/// Of an address, a user or a host: what it is told as in `related`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Related {
    Ip,
    User,
    Hosts,
}

pub(super) fn related(name: &str, kind: Kind) -> Option<Related> {
    let last = name.rsplit('.').next().unwrap_or(name);
    match (name, last) {
        _ if kind == Kind::Ip => Some(Related::Ip),
        (
            "host.name" | "host.hostname" | "dns.question.name" | "url.domain" | "client.domain"
            | "destination.domain" | "server.domain" | "source.domain",
            _,
        ) => Some(Related::Hosts),
        (name, "name" | "id" | "email")
            if (name.starts_with("user.") && name.matches('.').count() == 1)
                || (name.contains(".user.") && !name.contains(".group.")) =>
        {
            Some(Related::User)
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
            ("source.ip", Kind::Ip),
            ("destination.nat.port", Kind::Long),
            ("dns.question.name", Kind::Keyword),
            ("message", Kind::Keyword),
            ("file.created", Kind::Date),
            ("container.cpu.usage", Kind::Float),
            ("tls.established", Kind::Boolean),
        ];
        assert!(known.iter().all(|(name, of)| kind(name) == Some(*of)));
        // Ours to fill, no leaf, none at all.
        let others = ["event.kind", "@timestamp", "rule.name", "source", "source.colour", "label"];
        assert!(others.iter().all(|name| kind(name).is_none()));
        assert!(fields().count() > 400 && fields().count() == KNOWN.len());
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
    fn who_and_what_is_related() {
        let of = |name: &str| related(name, kind(name).unwrap());
        assert_eq!(of("source.ip"), Some(Related::Ip));
        assert_eq!(of("dns.resolved_ip"), Some(Related::Ip));
        assert_eq!(of("user.name"), Some(Related::User));
        assert_eq!(of("source.user.email"), Some(Related::User));
        assert_eq!(of("dns.question.name"), Some(Related::Hosts));
        assert_eq!(of("user.group.name"), None);
        assert_eq!(of("process.name"), None);
    }
}
