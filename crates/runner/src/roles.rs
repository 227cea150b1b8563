//! The roles of an input's columns: as set, else by the names of columns, else by what flags are about.

use anomal_core::{
    column_of_view,
    proto::{Column, DataType, Plan, plan::KeySide},
};
use anomal_spec::{
    AnomalyJobSpec, ENTITY_COLUMNS, EntityKind, EntityName, Grouping, Side, TIME_COLUMNS, TimeStep,
    known_kind,
};
use serde::Serialize;

/// Entities that the settings may name.
const ENTITIES: usize = 4;

/// Who chose a role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum RoleOrigin {
    /// The settings.
    Set,
    /// The name of the column.
    Name,
    /// A flag, whose hits are about its values.
    Flag,
}

/// The column of the times.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeColumn {
    pub column: String,
    /// Of whole numbers that count it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<TimeStep>,
    pub origin: RoleOrigin,
}

/// A column of entities.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityColumn {
    pub column: String,
    pub kind: EntityKind,
    pub side: Side,
    pub name: EntityName,
    pub origin: RoleOrigin,
}

/// The roles of a run.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ColumnRoles {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time: Option<TimeColumn>,
    pub entities: Vec<EntityColumn>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub show: Vec<String>,
}

impl RoleOrigin {
    /// `as set`, `by its name`, `as flags read it`.
    pub fn describe(self) -> &'static str {
        match self {
            Self::Set => "as set",
            Self::Name => "by its name",
            Self::Flag => "as flags read it",
        }
    }
}

impl ColumnRoles {
    /// Columns that the settings name are there: that was checked before.
    pub fn resolve(spec: &AnomalyJobSpec, schema: &[Column], plan: &Plan) -> Self {
        let roles = spec.roles.clone().unwrap_or_default();
        Self { time: time(spec, schema), entities: entities(spec, schema, plan), show: roles.show }
    }

    /// `time @timestamp (by its name), host source.ip (as set)`; nothing where no column has a role.
    pub fn describe(&self) -> Option<String> {
        let time = self.time.iter().map(|time| ("time", &time.column, time.origin));
        let entities = self.entities.iter();
        let entities = entities.map(|it| (it.name.one.as_str(), &it.column, it.origin));
        let all: Vec<String> = time
            .chain(entities)
            .map(|(role, column, origin)| format!("{role} {column} ({})", origin.describe()))
            .collect();
        (!all.is_empty()).then(|| all.join(", "))
    }
}

/// Whether the rows of a job are grouped into incidents.
pub(crate) fn is_grouped(spec: &AnomalyJobSpec) -> bool {
    let grouping = spec.roles.as_ref().map(|roles| roles.grouping).unwrap_or_default();
    grouping == Grouping::Auto
}

fn time(spec: &AnomalyJobSpec, schema: &[Column]) -> Option<TimeColumn> {
    let roles = spec.roles.as_ref();
    if let Some(roles) = roles
        && let (Some(column), Some(unit)) = (&roles.time, roles.time_unit)
    {
        return Some(TimeColumn {
            column: column.clone(),
            unit: Some(unit),
            origin: RoleOrigin::Set,
        });
    }
    if let Some(column) = spec.time_column() {
        return Some(TimeColumn { column: column.to_owned(), unit: None, origin: RoleOrigin::Set });
    }
    let is_time = |name: &&&str| {
        let column = schema.iter().find(|column| column.name == ***name);
        column.is_some_and(|column| column.data_type() == DataType::Datetime)
    };
    let column = TIME_COLUMNS.iter().find(is_time)?;
    Some(TimeColumn { column: (*column).to_owned(), unit: None, origin: RoleOrigin::Name })
}

fn entities(spec: &AnomalyJobSpec, schema: &[Column], plan: &Plan) -> Vec<EntityColumn> {
    let set = spec.roles.as_ref().map_or(&[][..], |roles| &roles.entities);
    if !set.is_empty() {
        let entity = |(place, entity): (usize, &anomal_spec::EntityRole)| {
            let kind = entity.kind.or_else(|| known_kind(&entity.column)).unwrap_or_default();
            let side = entity.side.unwrap_or(side(place));
            let name = entity.name.clone().unwrap_or_else(|| name(kind));
            EntityColumn {
                column: entity.column.clone(),
                kind,
                side,
                name,
                origin: RoleOrigin::Set,
            }
        };
        return set.iter().enumerate().map(entity).collect();
    }
    let mut found = Entities { spec, schema, all: Vec::new() };
    for (place, column) in spec.entity.iter().enumerate() {
        let kind = known_kind(column).unwrap_or_default();
        found.add(column, kind, side(place), RoleOrigin::Set);
    }
    for known in ENTITY_COLUMNS {
        let is_there = |name: &&&str| schema.iter().any(|column| column.name == ***name);
        if let Some(column) = known.columns.iter().find(is_there) {
            found.add(column, known.kind, known.side, RoleOrigin::Name);
        }
    }
    for part in plan.flags.iter().flat_map(|flag| &flag.key) {
        let column = column_of_view(&part.column);
        let by_name = known_kind(column);
        match part.side() {
            KeySide::Actor => {
                let kind = by_name.unwrap_or(EntityKind::Host);
                found.add(column, kind, Side::Actor, RoleOrigin::Flag);
            }
            KeySide::Target => {
                let kind = if part.registered_domain {
                    EntityKind::Domain
                } else {
                    by_name.unwrap_or_default()
                };
                found.add(column, kind, Side::Target, RoleOrigin::Flag);
            }
            KeySide::Unspecified => {}
        }
    }
    found.all
}

/// Entities as they are found.
struct Entities<'a> {
    spec: &'a AnomalyJobSpec,
    schema: &'a [Column],
    all: Vec<EntityColumn>,
}

impl Entities<'_> {
    /// Adds a column that is there, unless there is one of this side: actors by name may be of several kinds.
    fn add(&mut self, column: &str, kind: EntityKind, side: Side, origin: RoleOrigin) {
        let is_label = self.spec.label_column.as_deref() == Some(column);
        let is_there = self.schema.iter().any(|known| known.name == column);
        let is_taken = |known: &EntityColumn| {
            let rival = known.side == side && (known.kind == kind || side == Side::Target);
            known.column == column
                || (rival && origin != RoleOrigin::Set)
                || (known.side == side && origin == RoleOrigin::Flag)
        };
        if is_label || !is_there || self.all.len() == ENTITIES || self.all.iter().any(is_taken) {
            return;
        }
        let column = column.to_owned();
        self.all.push(EntityColumn { column, kind, side, name: name(kind), origin });
    }
}

/// The first entity acts, the others are acted on.
fn side(place: usize) -> Side {
    if place == 0 { Side::Actor } else { Side::Target }
}

fn name(kind: EntityKind) -> EntityName {
    let (one, many) = kind.nouns();
    EntityName { one: one.to_owned(), many: many.to_owned() }
}

#[cfg(test)]
mod tests {
    use anomal_core::proto::plan::{Flag, KeyPart};
    use anomal_spec::{EntityRole, Roles};

    use super::*;

    fn schema(names: &[&str]) -> Vec<Column> {
        let column = |name: &&str| {
            let data_type =
                if name.contains("time") { DataType::Datetime } else { DataType::String };
            Column { name: (*name).to_owned(), data_type: data_type.into() }
        };
        names.iter().map(column).collect()
    }

    fn described(spec: &AnomalyJobSpec, names: &[&str], plan: &Plan) -> Option<String> {
        ColumnRoles::resolve(spec, &schema(names), plan).describe()
    }

    #[test]
    fn known_names_have_roles() {
        let (spec, plan) = (AnomalyJobSpec::default(), Plan::default());
        let names =
            ["id", "dns.question.name", "source.ip", "@timestamp", "destination.ip", "user"];
        assert_eq!(
            described(&spec, &names, &plan).unwrap(),
            "time @timestamp (by its name), host source.ip (by its name), user user (by its name), \
             domain dns.question.name (by its name)"
        );
        assert_eq!(described(&spec, &["a", "b", "ts"], &plan), None);
        let label = AnomalyJobSpec { label_column: Some("user".into()), ..spec };
        assert_eq!(described(&label, &["user"], &plan), None);
    }

    #[test]
    fn what_is_set_comes_first() {
        let entity =
            |column: &str| EntityRole { column: column.into(), kind: None, side: None, name: None };
        let roles = Roles {
            time: Some("step".into()),
            time_unit: Some(TimeStep::Hour),
            entities: vec![entity("nameOrig"), entity("x")],
            ..Roles::default()
        };
        let spec = AnomalyJobSpec { roles: Some(roles), ..AnomalyJobSpec::default() };
        let names = ["step", "nameOrig", "x", "source.ip", "timestamp"];
        assert_eq!(
            described(&spec, &names, &Plan::default()).unwrap(),
            "time step (as set), account nameOrig (as set), value x (as set)"
        );
        let short = AnomalyJobSpec { entity: vec!["client".into()], ..AnomalyJobSpec::default() };
        assert_eq!(
            described(&short, &["client", "dns.question.name"], &Plan::default()).unwrap(),
            "value client (as set), domain dns.question.name (by its name)"
        );
    }

    #[test]
    fn flags_name_what_no_name_does() {
        let part = |column: &str, side: KeySide, registered_domain| KeyPart {
            column: column.into(),
            side: side.into(),
            registered_domain,
        };
        let key = vec![part("client", KeySide::Actor, false), part("host", KeySide::Target, true)];
        let flag = Flag { name: "tunnel".into(), key, ..Flag::default() };
        let plan = Plan { flags: vec![flag], ..Plan::default() };
        assert_eq!(
            described(&AnomalyJobSpec::default(), &["client", "host"], &plan).unwrap(),
            "host client (as flags read it), domain host (as flags read it)"
        );
    }
}
