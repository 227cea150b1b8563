//! Members of structs as columns of their own, under the names of all structs around them and their own with dots
//! between.

use std::collections::BTreeMap;

use anomal_core::Result;
use polars::prelude::{Column, DataType, IntoColumn, Schema};

use crate::arrow_types::ArrowType;

/// Where a member is.
#[derive(Clone, Debug)]
pub(super) struct MemberPath {
    /// The column that it is in.
    pub column: String,
    members: Vec<String>,
    pub dtype: DataType,
}

/// The members of all structs, by name. Columns take precedence over members of their name.
pub(super) fn find(schema: &Schema) -> BTreeMap<String, MemberPath> {
    let mut found = BTreeMap::new();
    for (name, dtype) in schema.iter() {
        let path =
            MemberPath { column: name.to_string(), members: Vec::new(), dtype: dtype.clone() };
        add(name, &path, &mut found);
    }
    found.retain(|name, _| !schema.contains(name));
    found
}

fn add(name: &str, path: &MemberPath, found: &mut BTreeMap<String, MemberPath>) {
    let DataType::Struct(fields) = &path.dtype else { return };
    if ArrowType::from_dtype(&path.dtype).is_some() {
        return;
    }
    for field in fields {
        let name = format!("{name}.{}", field.name());
        let mut path = MemberPath { dtype: field.dtype().clone(), ..path.clone() };
        path.members.push(field.name().to_string());
        add(&name, &path, found);
        found.entry(name).or_insert(path);
    }
}

impl MemberPath {
    /// The member of each row; missing where a struct around it is.
    ///
    /// # Errors
    /// `Internal`.
    pub fn get(&self, column: &Column, name: &str) -> Result<Column> {
        let mut value = column.clone();
        for member in &self.members {
            let present = value.is_not_null();
            let inner = value.struct_()?.field_by_name(member)?;
            value = if present.all() {
                inner.into_column()
            } else {
                let missing =
                    inner.clear().extend_constant(polars::prelude::AnyValue::Null, inner.len())?;
                inner.zip_with(&present, &missing)?.into_column()
            };
        }
        Ok(value.with_name(name.into()))
    }
}
