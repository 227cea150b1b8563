//! Whom and what rows are about: the entities of `roles`.

use std::collections::HashSet;

use anomal_connectors::text::scalar;
use anomal_core::proto::DataType;
use anomal_core::words::{self, grouped};
use anomal_domains::registered;
use anomal_spec::{ENTITY_COLUMNS, EntityKind, Side, known_kind};

use super::{
    column::ColumnProfile,
    names::{self, has},
    profile::Profile,
    rates,
    roles::{EntityKind as Values, Role, shorten},
    values,
};

/// Entities of each side.
const ACTORS: usize = 2;
const TARGETS: usize = 1;
/// Further candidates that are listed.
const OTHERS: usize = 3;
/// Words of names of machines.
const MACHINE: &[&str] = &["host", "hostname", "computer", "device", "machine", "client"];
/// The share of different values from which a column groups no rows.
const UNIQUE: f64 = 0.9;

/// A column of things that rows are about.
#[derive(Clone, Debug, PartialEq)]
pub struct Entity {
    pub column: String,
    pub kind: EntityKind,
    pub side: Side,
    /// Why it is one, and what it holds.
    pub comment: String,
}

/// The entities that are proposed, the actors first, and others that could be.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Entities {
    pub chosen: Vec<Entity>,
    pub others: Vec<Entity>,
}

impl Entities {
    pub fn new(profile: &Profile, roles: &[Role]) -> Self {
        let mut all = Self::default();
        // Columns that have rates are the most certain.
        for (column, kind) in rates::entities(profile, roles) {
            all.add(entity(column, by_values(column, kind)));
        }
        for known in ENTITY_COLUMNS {
            for name in known.columns {
                let Some(place) = profile.columns.iter().position(|column| column.name == *name)
                else {
                    continue;
                };
                let (column, role) = (&profile.columns[place], &roles[place]);
                if is_useful(column, known.kind) && !is_excluded(column, role) {
                    all.add(entity(column, (known.kind, known.side)));
                }
            }
        }
        for (column, role) in profile.columns.iter().zip(roles) {
            let found = match role {
                Role::Entity(kind) => Some(by_values(column, *kind)),
                Role::HostName => Some((EntityKind::Domain, Side::Target)),
                Role::Address => Some((EntityKind::Address, Side::Target)),
                Role::Category | Role::Frequent
                    if names::is_destination(&column.name)
                        && column.share(values::is_address) >= 0.9 =>
                {
                    Some((EntityKind::Address, Side::Target))
                }
                _ => None,
            };
            if let Some(found) = found.filter(|(kind, _)| is_useful(column, *kind)) {
                all.add(entity(column, found));
            }
        }
        // Stable: those of a side stay in order.
        all.chosen.sort_by_key(|entity| entity.side == Side::Target);
        all.others.truncate(OTHERS);
        all
    }

    fn add(&mut self, entity: Entity) {
        let of_side = self.chosen.iter().filter(|known| known.side == entity.side);
        let most = if entity.side == Side::Actor { ACTORS } else { TARGETS };
        let is_taken = of_side.clone().count() == most
            || of_side.clone().any(|known| known.kind == entity.kind);
        if self.chosen.iter().chain(&self.others).any(|known| known.column == entity.column) {
            return;
        }
        if is_taken { &mut self.others } else { &mut self.chosen }.push(entity);
    }

    /// The lines of `entities` in YAML.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let line = |(place, entity): (usize, &Entity)| {
            let side = match (place, entity.side) {
                (0, Side::Actor) => "",
                (_, Side::Actor) => ", side: actor",
                (_, Side::Target) => ", side: target",
            };
            let Entity { column, kind, comment, .. } = entity;
            let kind = if *kind == EntityKind::Other { "other" } else { kind.nouns().0 };
            format!("{{column: {}, kind: {kind}{side}}}  # {comment}", scalar(column))
        };
        let chosen = self.chosen.iter().enumerate().map(line);
        let others = self.others.iter().map(|other| (1, other)).map(line);
        let chosen = chosen.map(|line| format!("- {line}"));
        chosen.chain(others.map(|line| format!("# - {line}"))).collect::<Vec<_>>().into_iter()
    }
}

/// The kind and side of a column whose values have many rows each.
fn by_values(column: &ColumnProfile, kind: Values) -> (EntityKind, Side) {
    let name = column.name.as_str();
    let is_target = |known: &&anomal_spec::KnownEntities| known.columns.contains(&name);
    let known = ENTITY_COLUMNS.iter().find(is_target);
    let side = match known {
        Some(known) => known.side,
        None if names::is_destination(name) && !has(name, names::USER) => Side::Target,
        None => Side::Actor,
    };
    let by_values = match (kind, side) {
        (Values::Address, Side::Actor) => EntityKind::Host,
        (Values::Address, Side::Target) => EntityKind::Address,
        (Values::User, _) => EntityKind::User,
        (Values::Other, _) if has(name, MACHINE) => EntityKind::Host,
        (Values::Other, _) => EntityKind::Other,
    };
    (known.map_or(by_values, |known| known.kind), side)
}

/// Whether rows are left to be grouped: not all have one value, and not nearly each has its own. Accounts pass things on,
/// so that few rows of each are enough; domains are compared by their registered ones.
fn is_useful(column: &ColumnProfile, kind: EntityKind) -> bool {
    let several = match kind {
        EntityKind::Account => return column.distinct() > 1,
        EntityKind::Domain => {
            let domain = |text: &str| {
                let name = text.trim_end_matches('.').to_lowercase();
                registered(&name).map_or(name.clone(), str::to_owned)
            };
            let all: HashSet<String> = column.values.iter().map(|(text, _)| domain(text)).collect();
            all.len()
        }
        _ => column.distinct(),
    };
    several > 1 && (several as f64) < UNIQUE * column.present() as f64
}

/// Whether a column of a known name holds something else.
fn is_excluded(column: &ColumnProfile, role: &Role) -> bool {
    matches!(role, Role::Time | Role::Label | Role::Number)
        || column.data_type == DataType::Datetime
        || matches!(role, Role::LeftOut(why) if why.starts_with("equals "))
}

fn entity(column: &ColumnProfile, (kind, side): (EntityKind, Side)) -> Entity {
    let basis = if known_kind(&column.name).is_some() { "by its name" } else { "by its values" };
    let distinct = column.distinct().max(1);
    let rows = words::rows(((column.present() + distinct / 2) / distinct) as u64);
    let such = column.values.first().map_or("", |(text, _)| text);
    let (distinct, such) = (grouped(column.distinct()), shorten(such));
    let comment = format!("{basis}; {distinct} values with {rows} each, such as {such}");
    Entity { column: column.name.clone(), kind, side, comment }
}

#[cfg(test)]
mod tests {
    use super::{super::column::testing::profile, *};

    fn found(columns: &[(&str, &[&str], Role)]) -> Vec<String> {
        let roles: Vec<Role> = columns.iter().map(|column| column.2.clone()).collect();
        let columns: Vec<ColumnProfile> =
            columns.iter().map(|(name, texts, _)| profile(name, &texts.repeat(30))).collect();
        let rows = columns.first().map_or(0, ColumnProfile::present);
        let profile = Profile { rows, total: rows, complete: true, columns };
        Entities::new(&profile, &roles)
            .lines()
            .map(|line| line.split("  # ").next().unwrap_or_default().to_owned())
            .collect()
    }

    #[test]
    fn actors_come_before_the_target_and_others_are_comments() {
        let address = Role::Entity(Values::Address);
        let columns = [
            ("zone", &["a.example.com", "b.example.org"][..], Role::HostName),
            ("peer_ip", &["10.0.0.1", "10.0.0.2"], address.clone()),
            ("nat_ip", &["10.0.0.3", "10.0.0.4"], address),
            ("who", &["ann", "ben"], Role::Entity(Values::User)),
            ("dest_ip", &["192.0.2.1", "192.0.2.2"], Role::Category),
        ];
        assert_eq!(
            found(&columns),
            [
                "- {column: peer_ip, kind: host}",
                "- {column: who, kind: user, side: actor}",
                "- {column: dest_ip, kind: address, side: target}",
                "# - {column: nat_ip, kind: host, side: actor}",
                "# - {column: zone, kind: domain, side: target}",
            ]
        );
    }

    #[test]
    fn a_column_with_one_value_or_of_times_is_none() {
        let columns = [
            ("source.ip", &["10.0.0.1"][..], Role::LeftOut("has the same value".to_owned())),
            ("query", &["1", "2"], Role::Number),
            ("name", &["www.example.com", "example.com"], Role::HostName),
        ];
        assert!(found(&columns).is_empty());
    }
}
