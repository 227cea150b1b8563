//! Features that say how often an entity occurs, fails and changes what it asks for.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::{
    column::ColumnProfile,
    profile::Profile,
    roles::{EntityKind, Role, quoted},
};

/// The lengths that windows may have, with their seconds.
const WINDOWS: [(&str, f64); 4] = [("1m", 60.0), ("10m", 600.0), ("1h", 3_600.0), ("1d", 86_400.0)];
/// Entities that get rates.
const MAX_ENTITIES: usize = 2;
/// Rows that half of the windows have at least.
const ROWS_PER_WINDOW: usize = 5;

/// A feature, and why it is proposed.
pub struct Feature {
    pub settings: Value,
    pub comment: String,
}

impl Feature {
    /// Its name in results.
    pub fn name(&self) -> &str {
        let name = self.settings.get("as").or_else(|| self.settings.get("name"));
        name.and_then(Value::as_str).unwrap_or_default()
    }

    /// Counts the different values of the feature `name` instead of those of a column.
    pub fn count_by(&mut self, column: &str, name: &str) {
        if self.settings["of"] == column {
            let own = self.name().replacen(column, name, 1);
            self.settings["name"] = own.into();
            self.settings["of"] = name.into();
            self.comment = self.comment.replacen(column, name, 1);
        }
    }
}

/// The entities that get rates: users and addresses before others, of equal ones the first.
pub fn entities<'a>(profile: &'a Profile, roles: &[Role]) -> Vec<(&'a ColumnProfile, EntityKind)> {
    let columns = profile.columns.iter().zip(roles);
    let mut entities: Vec<_> = columns
        .filter_map(|(column, role)| match role {
            Role::Entity(kind) => Some((column, *kind)),
            _ => None,
        })
        .collect();
    entities.sort_by_key(|(_, kind)| *kind == EntityKind::Other);
    entities.truncate(MAX_ENTITIES);
    entities
}

/// The rates of the entities.
pub fn rates(profile: &Profile, roles: &[Role]) -> Vec<Feature> {
    let entities = entities(profile, roles);
    let with_role = |wanted: fn(&Role) -> bool| {
        profile.columns.iter().zip(roles).find(|(_, role)| wanted(role)).map(|(column, _)| column)
    };
    let time = with_role(|role| *role == Role::Time);
    let failure = roles.iter().find_map(|role| match role {
        Role::Status(predicate) => Some(predicate),
        _ => None,
    });
    let other = with_role(|role| *role == Role::Path)
        .or_else(|| with_role(|role| *role == Role::HostName))
        .or_else(|| with_role(|role| *role == Role::Frequent));
    let mut rates = Vec::new();
    for (entity, _) in &entities {
        let counterpart =
            entities.iter().map(|(column, _)| *column).find(|c| c.name != entity.name);
        let counterpart = counterpart.or(other);
        match time {
            Some(time) => windowed(&mut rates, entity, time, failure, counterpart),
            None => whole(&mut rates, entity, failure, profile.rows),
        }
    }
    for (entity, _) in entities.iter().filter(|(_, kind)| *kind == EntityKind::User) {
        let peers = entities.iter().map(|(column, _)| *column).filter(|c| c.name != entity.name);
        let categories = profile.columns.iter().zip(roles);
        let categories = categories.filter(|(_, role)| **role == Role::Category);
        for column in peers.chain(categories.map(|(column, _)| column)).take(4) {
            let (by, of) = (quoted(&entity.name), quoted(&column.name));
            rates.push(Feature {
                settings: json!({
                    "type": "expression",
                    "name": format!("{}.{}_share", entity.name, column.name),
                    "expression": format!(
                        "COUNT({of}) OVER (PARTITION BY {by}, {of}) * 1.0 / COUNT({by}) OVER (PARTITION BY {by})"
                    ),
                }),
                comment: format!("how usual this {} is for its {}", column.name, entity.name),
            });
        }
    }
    rates
}

/// Counts in windows that end with each row.
fn windowed(
    rates: &mut Vec<Feature>,
    entity: &ColumnProfile,
    time: &ColumnProfile,
    failure: Option<&String>,
    counterpart: Option<&ColumnProfile>,
) {
    for window in windows(entity, time) {
        let mut rate = |name: String, function: &str, more: (&str, Value), comment: String| {
            let mut settings = json!({
                "type": "aggregate", "name": format!("{}.{name}_{window}", entity.name), "function": function,
                "by": [entity.name], "window": window,
            });
            if let (Some(settings), (key, value)) = (settings.as_object_mut(), more)
                && !key.is_empty()
            {
                settings.insert(key.to_owned(), value);
            }
            rates.push(Feature { settings, comment });
        };
        let of_entity = format!("of the same {}", entity.name);
        rate(
            "rows".into(),
            "count",
            ("", Value::Null),
            format!("rows {of_entity} within {window}"),
        );
        if let Some(failure) = failure {
            let condition = ("where", json!(failure));
            rate("failures".into(), "count", condition, format!("failures {of_entity}"));
        }
        if let Some(counterpart) = counterpart {
            let of = ("of", json!(counterpart.name));
            let comment = format!("different values of {} {of_entity}", counterpart.name);
            rate(counterpart.name.clone(), "distinct", of, comment);
        }
    }
}

/// Counts over all rows, for records without a time.
fn whole(rates: &mut Vec<Feature>, entity: &ColumnProfile, failure: Option<&String>, rows: usize) {
    let by = quoted(&entity.name);
    let mut rate = |name: &str, expression: String, comment: String| {
        let name = format!("{}.{name}", entity.name);
        let settings = json!({"type": "expression", "name": name, "expression": expression});
        rates.push(Feature { settings, comment });
    };
    let all = format!("COUNT({by}) OVER (PARTITION BY {by})");
    rate("rows", all.clone(), format!("rows of the same {}, of {rows}", entity.name));
    if let Some(failure) = failure {
        let failed =
            format!("SUM(CASE WHEN {failure} THEN 1.0 ELSE 0.0 END) OVER (PARTITION BY {by})");
        let comment = format!("the share of failures of the same {}", entity.name);
        rate("failed_share", format!("{failed} / {all}"), comment);
    }
}

/// Two windows: the shortest one in which half of the rows come with some more of the same entity, up to an hour, and the
/// longest one that is no more than twice as long as the rows, up to a day.
fn windows(entity: &ColumnProfile, time: &ColumnProfile) -> Vec<&'static str> {
    let mut times: HashMap<u32, Vec<f64>> = HashMap::new();
    for (key, micros) in entity.keys().zip(time.times()) {
        if let (Some(key), Some(micros)) = (key, micros) {
            times.entry(key).or_default().push(micros / 1e6);
        }
    }
    for times in times.values_mut() {
        times.sort_by(f64::total_cmp);
    }
    let (first, last) = time.range.unwrap_or_default();
    let longest =
        WINDOWS.iter().rposition(|(_, seconds)| (last - first) / 1e6 >= seconds / 2.0).unwrap_or(0);
    let shorter = &WINDOWS[..longest];
    let dense = shorter.iter().find(|(_, seconds)| is_dense(times.values(), *seconds));
    let short = dense.or(shorter.last());
    short.into_iter().chain([&WINDOWS[longest]]).map(|(name, _)| *name).collect()
}

/// Whether half of the rows come with some more of their entity in the window that ends with them.
fn is_dense<'a>(entities: impl Iterator<Item = &'a Vec<f64>>, seconds: f64) -> bool {
    let (mut dense, mut all) = (0, 0);
    for times in entities {
        let mut start = 0;
        for (end, time) in times.iter().enumerate() {
            while times[start] <= time - seconds {
                start += 1;
            }
            dense += usize::from(end + 1 - start >= ROWS_PER_WINDOW);
        }
        all += times.len();
    }
    dense * 2 >= all
}
