//! MaxMind databases: records of networks.

use std::{collections::HashSet, fmt};

use bytes::Bytes;
use maxminddb::{MaxMindDbError, PathElement, Reader, WithinOptions};
use serde::de::IgnoredAny;
use serde_json::Value as Json;

use crate::{list::ListError, normal::address};

/// A MaxMind database. Its bytes are not copied.
pub struct Database {
    reader: Reader<Bytes>,
    size: usize,
    networks: u64,
}

/// A path to a field of a record, such as `country.iso_code` or `subdivisions.0.iso_code`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldPath(Vec<Step>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Key(String),
    Item(usize),
}

impl FieldPath {
    /// # Errors
    /// A part is empty.
    pub fn parse(text: &str) -> Result<Self, String> {
        let step = |part: &str| match part.parse() {
            _ if part.is_empty() => {
                Err(format!("`{text}` has an empty part; an example is country.iso_code"))
            }
            Ok(number) => Ok(Step::Item(number)),
            Err(_) => Ok(Step::Key(part.to_owned())),
        };
        text.split('.').map(step).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Database").field("size", &self.size).finish_non_exhaustive()
    }
}

impl Database {
    /// Checks a database as a whole, so that look-ups can't fail later.
    pub(crate) fn new(bytes: Bytes) -> Result<Self, ListError> {
        let size = bytes.len();
        let damaged = |error: MaxMindDbError| {
            ListError(format!(
                "this is no MaxMind database, or a damaged one: {error}; download it again"
            ))
        };
        let reader = Reader::from_source(bytes).map_err(damaged)?;
        let networks = check(&reader).map_err(damaged)?;
        if networks == 0 {
            return Err(ListError("the MaxMind database has no records; download it again".into()));
        }
        Ok(Self { reader, size, networks })
    }

    /// Such as `GeoLite2-City`.
    pub fn name(&self) -> &str {
        &self.reader.metadata().database_type
    }

    /// When it was built, in microseconds since the epoch.
    pub fn date(&self) -> Option<i64> {
        i64::try_from(self.reader.metadata().build_epoch).ok()?.checked_mul(1_000_000)
    }

    /// The number of networks with a record.
    pub(crate) fn networks(&self) -> u64 {
        self.networks
    }

    pub(crate) fn memory(&self) -> usize {
        self.size
    }

    /// A field of the record of an address, as text; nothing if the text is no address, there is no record, or the record
    /// has no such field with a single value.
    pub fn field(&self, text: &str, path: &FieldPath) -> Option<String> {
        let record = self.reader.lookup(address(text)?).ok()?;
        let path: Vec<PathElement<'_>> = path.0.iter().map(Step::element).collect();
        match record.decode_path::<Json>(&path).ok().flatten()? {
            Json::String(text) => Some(text),
            Json::Bool(value) => Some(value.to_string()),
            Json::Number(number) => Some(number.to_string()),
            Json::Null | Json::Array(_) | Json::Object(_) => None,
        }
    }
}

/// Reads the whole tree, and each record once. Returns the number of networks with a record. Unlike
/// [`Reader::verify`], it accepts databases whose metadata lack a description.
fn check(reader: &Reader<Bytes>) -> Result<u64, MaxMindDbError> {
    let (mut networks, mut checked) = (0, HashSet::new());
    for network in reader.networks(WithinOptions::default())? {
        let network = network?;
        if let Some(offset) = network.offset() {
            networks += 1;
            if checked.insert(offset) {
                network.decode::<IgnoredAny>()?;
            }
        }
    }
    Ok(networks)
}

impl Step {
    fn element(&self) -> PathElement<'_> {
        match self {
            Self::Key(key) => PathElement::Key(key),
            Self::Item(item) => PathElement::Index(*item),
        }
    }
}
