//! The values of role columns as codes, which are cheap to hold for every row.

use std::{
    borrow::Cow,
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use anomal_connectors::text;
use anomal_core::{
    Batch, Result, column_of_view, list_items,
    proto::{Plan, plan::KeySide},
    time_view,
};
use anomal_spec::{EntityKind, Side};
use polars::prelude::{
    Column, DataFrame, DataType, Int64Chunked, IntoColumn, NewChunkedArray, UInt32Chunked,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::{
    incidents::{Code, KeyPart, NONE},
    roles::{ColumnRoles, TimeColumn},
};

/// The feature column with the time of each row in microseconds.
pub(crate) const TIME: &str = "anomal.role.time";
/// Bytes of a value that are kept.
const LONGEST: usize = 96;

/// Columns whose values are encoded, and the values that they have had so far.
pub(crate) struct RoleValues {
    time: Option<TimeColumn>,
    /// A typed column that is read for the time alone.
    own_time: Option<String>,
    columns: Vec<TrackedColumn>,
    /// Places in `columns`.
    pub actors: Vec<usize>,
    pub targets: Vec<usize>,
    /// Of each flag of the plan, in order, the parts of its key; none where it has none.
    pub keys: Vec<Option<Vec<(usize, KeyPart)>>>,
    values: Mutex<Values>,
}

#[derive(Clone, Debug, PartialEq)]
struct TrackedColumn {
    column: String,
    kind: EntityKind,
}

#[derive(Default)]
pub(crate) struct Values {
    /// By the hash of the text.
    codes: HashMap<(EntityKind, u128), Code>,
    /// By code; long ones are cut.
    pub all: Vec<(EntityKind, Arc<str>)>,
}

impl RoleValues {
    /// Of the roles and of the keys of flags. `is_raw`: whether a batch has a column as it was read; `own_time`: the typed
    /// column that is read for the time alone.
    pub fn new(
        roles: &ColumnRoles,
        plan: &Plan,
        is_raw: impl Fn(&str) -> bool,
        own_time: Option<String>,
    ) -> Self {
        let mut columns: Vec<TrackedColumn> = Vec::new();
        let mut track = |column: &str, kind: EntityKind| {
            let tracked = TrackedColumn { column: column.to_owned(), kind };
            columns.iter().position(|known| *known == tracked).unwrap_or_else(|| {
                columns.push(tracked);
                columns.len() - 1
            })
        };
        let (mut actors, mut targets) = (Vec::new(), Vec::new());
        for entity in &roles.entities {
            let place = track(&entity.column, entity.kind);
            if entity.side == Side::Actor { &mut actors } else { &mut targets }.push(place);
        }
        let kind_of_role = |column: &str| {
            let role = roles.entities.iter().find(|entity| entity.column == column);
            role.map(|entity| entity.kind)
        };
        let keys = plan.flags.iter().map(|flag| {
            let part = |part: &anomal_core::proto::plan::KeyPart| {
                let column = column_of_view(&part.column);
                let kind = if part.registered_domain {
                    EntityKind::Domain
                } else {
                    kind_of_role(column).unwrap_or_default()
                };
                let side = match part.side() {
                    KeySide::Actor => KeyPart::Actor,
                    KeySide::Target => KeyPart::Target,
                    KeySide::Unspecified => KeyPart::Other,
                };
                is_raw(column).then(|| (track(column, kind), side))
            };
            let parts: Option<Vec<_>> = flag.key.iter().map(part).collect();
            parts.filter(|parts| !parts.is_empty())
        });
        let keys = keys.collect();
        let (time, values) = (roles.time.clone(), Mutex::default());
        Self { time, own_time, columns, actors, targets, keys, values }
    }

    /// Typed columns without the one that is read for the time alone.
    pub fn without_own_time(&self, typed: DataFrame) -> DataFrame {
        match &self.own_time {
            Some(name) => typed.drop(name).unwrap_or(typed),
            None => typed,
        }
    }

    /// The feature columns that [`RoleValues::encode`] adds.
    pub fn features(&self) -> Vec<String> {
        let codes = (0..self.columns.len()).map(name);
        self.time.iter().map(|_| TIME.to_owned()).chain(codes).collect()
    }

    /// The codes of a batch's rows, and their times.
    ///
    /// # Errors
    /// `Internal`.
    pub fn encode(&self, batch: &Batch) -> Result<Vec<Column>> {
        let mut encoded = Vec::with_capacity(self.columns.len() + 1);
        if let Some(time) = &self.time {
            encoded.push(times(batch, time)?);
        }
        for (place, tracked) in self.columns.iter().enumerate() {
            let codes = match batch.raw.column(&tracked.column) {
                Ok(column) => self.codes(column, tracked.kind),
                Err(_) => vec![NONE; batch.height()],
            };
            encoded.push(UInt32Chunked::from_vec(name(place).into(), codes).into_column());
        }
        Ok(encoded)
    }

    /// What rows are about: `anomal.time`, `anomal.actor` and `anomal.target`. `features`: with what
    /// [`RoleValues::encode`] has added.
    ///
    /// # Errors
    /// `Internal`.
    pub fn about(&self, features: &DataFrame) -> Result<Vec<Column>> {
        let mut about = Vec::with_capacity(3);
        if let Ok(times) = features.column(TIME) {
            about.push(times.clone().with_name("anomal.time".into()));
        }
        for (name, columns) in [("anomal.actor", &self.actors), ("anomal.target", &self.targets)] {
            let codes =
                columns.iter().filter_map(|place| features.column(&self::name(*place)).ok());
            let codes: Vec<_> =
                codes.map(|column| Ok(column.u32()?.clone())).collect::<Result<_>>()?;
            let values = self.values();
            let text = |row: usize| {
                let mut known = codes.iter().filter_map(|codes| codes.get(row));
                let code = known.find(|code| *code != NONE)?;
                values.all.get(code as usize).map(|(_, text)| text.as_ref())
            };
            let texts: Vec<Option<&str>> = (0..features.height()).map(text).collect();
            about.push(Column::new(name.into(), texts));
        }
        Ok(about)
    }

    /// The values of the key by which a flag of the plan groups its hits, each with its column. Those that are missing are
    /// left out.
    pub fn key_values(
        &self,
        flag: usize,
        batch: &Batch,
        row: usize,
    ) -> Vec<(KeyPart, &str, String)> {
        let parts = self.keys.get(flag).and_then(Option::as_ref).into_iter().flatten();
        let value = |(place, part): &(usize, KeyPart)| {
            let TrackedColumn { column, kind } = &self.columns[*place];
            let mut cell = String::new();
            text::push(&mut cell, &batch.raw.column(column).ok()?.get(row).ok()?);
            let value = canonical(*kind, &cell)?;
            Some((*part, column.as_str(), cut(&value, xxh3_128(value.as_bytes())).into_owned()))
        };
        parts.filter_map(value).collect()
    }

    pub fn values(&self) -> MutexGuard<'_, Values> {
        self.values.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn codes(&self, column: &Column, kind: EntityKind) -> Vec<Code> {
        // By the hash of a cell, since cells may be long and all different.
        let mut known: HashMap<u128, Code> = HashMap::new();
        let mut cell = String::new();
        let code = |row: usize| {
            cell.clear();
            if let Ok(value) = column.get(row) {
                text::push(&mut cell, &value);
            }
            *known
                .entry(xxh3_128(cell.as_bytes()))
                .or_insert_with(|| self.values().code(kind, &cell))
        };
        (0..column.len()).map(code).collect()
    }
}

impl Values {
    fn code(&mut self, kind: EntityKind, cell: &str) -> Code {
        let Some(text) = canonical(kind, cell) else { return NONE };
        let hash = xxh3_128(text.as_bytes());
        if let Some(code) = self.codes.get(&(kind, hash)) {
            return *code;
        }
        let Ok(code) = Code::try_from(self.all.len()) else { return NONE };
        self.all.push((kind, cut(&text, hash).into()));
        self.codes.insert((kind, hash), code);
        code
    }
}

/// A text of at most about [`LONGEST`] bytes; a longer one ends with its hash, so that different texts stay different.
fn cut(text: &str, hash: u128) -> Cow<'_, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    let end = text.floor_char_boundary(LONGEST);
    Cow::Owned(format!("{}…{hash:032x}", &text[..end]))
}

/// The name of the feature column with the codes of a tracked column.
pub(crate) fn name(place: usize) -> String {
    format!("anomal.role.{place}")
}

/// The form in which values of a kind are compared; none of empty cells. A list counts by its first item.
fn canonical(kind: EntityKind, cell: &str) -> Option<Cow<'_, str>> {
    let first =
        if cell.trim_start().starts_with('[') { list_items(cell).into_iter().next() } else { None };
    let cell = first.unwrap_or(Cow::Borrowed(cell));
    let text = match cell {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    };
    if text.is_empty() {
        return None;
    }
    Some(match kind {
        EntityKind::Domain => {
            let name = text.trim_end_matches('.').to_lowercase();
            let registered = anomal_domains::registered(&name).map(str::to_owned);
            Cow::Owned(registered.unwrap_or(name))
        }
        EntityKind::Host | EntityKind::Address => match text.parse::<IpAddr>() {
            Ok(address) => Cow::Owned(address.to_canonical().to_string()),
            Err(_) => text,
        },
        EntityKind::User => Cow::Owned(text.to_lowercase()),
        _ => text,
    })
}

/// The times of a batch's rows in microseconds since the epoch.
fn times(batch: &Batch, time: &TimeColumn) -> Result<Column> {
    let height = batch.height();
    let missing = || Column::full_null(TIME.into(), height, &DataType::Int64);
    if let Some(unit) = time.unit {
        let Ok(column) = batch.raw.column(&time.column) else { return Ok(missing()) };
        let mut cell = String::new();
        let micros = (0..height).map(|row| {
            cell.clear();
            text::push(&mut cell, &column.get(row).ok()?);
            let steps = cell.trim().parse::<f64>().ok().filter(|steps| steps.abs() < 1e9)?;
            #[expect(clippy::cast_possible_truncation, reason = "far below the range")]
            let micros = (steps * unit.micros() as f64) as i64;
            Some(micros)
        });
        return Ok(Int64Chunked::from_iter_options(TIME.into(), micros).into_column());
    }
    let names = [time_view(&time.column), time.column.clone()];
    let is_time = |column: &&Column| matches!(column.dtype(), DataType::Datetime(..));
    let column = names
        .iter()
        .filter_map(|name| batch.typed.column(name).ok())
        .chain(batch.raw.column(&time.column).ok())
        .find(is_time);
    let Some(column) = column else { return Ok(missing()) };
    let micros = DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None);
    let column = column.cast(&micros)?.to_physical_repr().cast(&DataType::Int64)?;
    Ok(column.with_name(TIME.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_a_canonical_form() {
        let cases = [
            (EntityKind::Domain, "WWW.Example.co.uk.", Some("example.co.uk")),
            (EntityKind::Domain, "printer", Some("printer")),
            (EntityKind::Host, "::ffff:10.0.0.1", Some("10.0.0.1")),
            (EntityKind::Address, "2001:DB8:0:0::1", Some("2001:db8::1")),
            (EntityKind::Host, " WS-7 ", Some("WS-7")),
            (EntityKind::User, "Ann", Some("ann")),
            (EntityKind::Other, "[\"a\",\"b\"]", Some("a")),
            (EntityKind::Other, "  ", None),
            (EntityKind::Other, "", None),
        ];
        for (kind, cell, expected) in cases {
            assert_eq!(canonical(kind, cell).as_deref(), expected, "{cell}");
        }
    }

    #[test]
    fn equal_values_of_a_kind_have_one_code() {
        let mut values = Values::default();
        let a = values.code(EntityKind::Account, "C1");
        assert_eq!(values.code(EntityKind::Account, "C1 "), a);
        assert_ne!(values.code(EntityKind::Other, "C1"), a);
        assert_eq!(values.code(EntityKind::Account, ""), NONE);
    }

    #[test]
    fn long_values_are_cut_and_stay_different() {
        let mut values = Values::default();
        let long = "ä".repeat(1_000);
        let codes = [long.clone(), format!("{long}x"), long]
            .map(|text| values.code(EntityKind::Other, &text));
        assert!(codes[0] == codes[2] && codes[0] != codes[1]);
        assert!(values.all.iter().all(|(_, text)| text.len() < 150 && text.starts_with("ää")));
        assert_ne!(values.all[0].1, values.all[1].1);
    }
}
