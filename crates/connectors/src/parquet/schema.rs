//! How the columns of a file are decoded, and what their values are.
//!
//! Each leaf is decoded in a type that its physical type has a decoder for, whatever the file says that it is, and then
//! converted. So a type that is not known is readable as what it is stored as, and concerns its column alone.

use std::collections::HashSet;

use anomal_core::{Error, Result};
use base64::{Engine, engine::general_purpose::STANDARD};
use polars::prelude::PlSmallStr;
use polars_arrow::{
    datatypes::{ArrowDataType, ArrowSchema, Field},
    io::ipc::read::deserialize_schema,
};
use polars_parquet::{
    parquet::{
        compression::Compression,
        schema::types::{GroupConvertedType, GroupLogicalType, PhysicalType, PrimitiveType},
    },
    read::{FileMetadata, ParquetType, schema::parquet_to_arrow_schema},
};

use super::leaf::leaf;
use crate::arrow_types::{self, ArrowType};

/// The key under which writers keep the Arrow schema, in base64.
const ARROW_SCHEMA: &str = "ARROW:schema";
/// The name of the extension type for UUIDs.
pub(super) const UUID: &str = "arrow.uuid";

/// What the values of a column are, beside the type in which they are decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// What they are decoded as.
    Plain,
    /// What they are decoded as, under the name of another type.
    Stored(ArrowType),
    /// Counts of another width, under the name of another type.
    Counts(ArrowType),
    Decimal {
        precision: usize,
        scale: usize,
    },
    Float16,
    /// Nanoseconds of the day and the Julian day, of 96 bits.
    Int96,
    Interval,
    Uuid,
    Bytes,
    List(Box<Content>),
    Map(Box<Content>),
    Struct(Vec<Content>),
}

impl Content {
    fn depends_on_values(&self) -> bool {
        match self {
            Self::Int96 | Self::Bytes => true,
            Self::List(item) | Self::Map(item) => item.depends_on_values(),
            Self::Struct(fields) => fields.iter().any(Self::depends_on_values),
            _ => false,
        }
    }

    fn list(item: Self) -> Self {
        if item == Self::Plain { Self::Plain } else { Self::List(Box::new(item)) }
    }

    fn fields(fields: Vec<Self>) -> Self {
        if fields.iter().all(|field| *field == Self::Plain) {
            Self::Plain
        } else {
            Self::Struct(fields)
        }
    }
}

/// A column of a file.
#[derive(Clone, Debug)]
pub(super) struct FileColumn {
    pub name: PlSmallStr,
    /// How it is decoded.
    pub field: Field,
    pub content: Content,
    /// The physical types of the leaves for the decoder.
    pub leaves: Vec<PrimitiveType>,
    /// Why it can't be read.
    pub unsupported: Option<String>,
}

impl FileColumn {
    /// Whether the way of reading depends on the values.
    pub fn depends_on_values(&self) -> bool {
        self.field.dtype == ArrowDataType::UInt64 || self.content.depends_on_values()
    }
}

/// The columns of a file.
///
/// # Errors
/// `InvalidInput` if two have the same name. `file`: its name for messages.
pub(super) fn columns(file: &str, metadata: &FileMetadata) -> Result<Vec<FileColumn>> {
    let types = metadata.schema().fields();
    let mut names = HashSet::new();
    if let Some(twice) = types.iter().map(ParquetType::name).find(|name| !names.insert(*name)) {
        let message = format!(
            "{file} has two columns with the name `{twice}`; rename one of them when the file is written"
        );
        return Err(Error::input("DUPLICATE_COLUMN", message));
    }
    let hints = arrow_schema(metadata);
    let hint = |name: &str| Some(&hints.as_ref()?.get(name)?.dtype);
    let mut columns = Vec::with_capacity(types.len());
    // In the order of the columns.
    let mut descriptors = metadata.schema().columns().iter().peekable();
    for root in types {
        let name = PlSmallStr::from(root.name());
        let mut leaves = Vec::new();
        while let Some(leaf) =
            descriptors.next_if(|leaf| leaf.path_in_schema.first() == Some(&name))
        {
            leaves.push(leaf.descriptor.primitive_type.clone());
        }
        let whole = is_whole(root)
            .then(|| parquet_to_arrow_schema(std::slice::from_ref(root)).get(&name).cloned());
        let Some(field) = whole.flatten() else {
            // No values belong to it.
            continue;
        };
        let mut rest = leaves.iter();
        let decoded = decode(&field, root, hint(&name), &mut rest);
        let unsupported = match &decoded {
            Some(_) if rest.next().is_none() => unsupported_codec(metadata, &name),
            _ => Some("its type".to_owned()),
        };
        let (field, content) = decoded.unwrap_or((field, Content::Plain));
        let physical = |mut leaf: PrimitiveType| {
            // The decoder of 96 bits makes nanoseconds of them, in which far times have no place.
            if leaf.physical_type == PhysicalType::Int96 {
                leaf.physical_type = PhysicalType::FixedLenByteArray(12);
            }
            leaf
        };
        let leaves = leaves.into_iter().map(physical).collect();
        columns.push(FileColumn { name, field, content, leaves, unsupported });
    }
    Ok(columns)
}

/// Whether every group has a member, which the conversion to Arrow types requires.
fn is_whole(root: &ParquetType) -> bool {
    match root {
        ParquetType::PrimitiveType(_) => true,
        ParquetType::GroupType { fields, .. } => !fields.is_empty() && fields.iter().all(is_whole),
    }
}

fn unsupported_codec(metadata: &FileMetadata, name: &str) -> Option<String> {
    let groups = metadata.row_groups.iter();
    let mut chunks = groups.filter_map(|group| group.columns_under_root_iter(name)).flatten();
    chunks
        .any(|chunk| chunk.compression() == Compression::Lzo)
        .then(|| "its compression LZO".to_owned())
}

/// The schema that the writer had, if it has kept a readable one.
fn arrow_schema(metadata: &FileMetadata) -> Option<ArrowSchema> {
    let entries = metadata.key_value_metadata().as_ref()?;
    let entry = entries.iter().find(|entry| entry.key == ARROW_SCHEMA)?;
    let bytes = STANDARD.decode(entry.value.as_ref()?).ok()?;
    let message = match bytes.strip_prefix(&[0xff; 4]) {
        Some(rest) => rest.get(4..)?,
        None => &bytes,
    };
    Some(deserialize_schema(message).ok()?.0)
}

/// How a field is decoded, and what its values are. `hint`: the writer's type; `leaves`: the physical types in order.
fn decode<'a>(
    field: &Field,
    root: &ParquetType,
    hint: Option<&ArrowDataType>,
    leaves: &mut impl Iterator<Item = &'a PrimitiveType>,
) -> Option<(Field, Content)> {
    let hint = hint.map(values_of);
    let (dtype, content) = match &field.dtype {
        ArrowDataType::List(item)
        | ArrowDataType::LargeList(item)
        | ArrowDataType::Map(item, _) => {
            let hint = match hint {
                Some(
                    ArrowDataType::List(item)
                    | ArrowDataType::LargeList(item)
                    | ArrowDataType::FixedSizeList(item, _)
                    | ArrowDataType::Map(item, _),
                ) => Some(&item.dtype),
                _ => None,
            };
            let (item, content) = decode(item, item_of(root), hint, leaves)?;
            let content =
                if is_map(root) { Content::Map(Box::new(content)) } else { Content::list(content) };
            (ArrowDataType::LargeList(Box::new(item)), content)
        }
        ArrowDataType::Struct(members) => {
            let mut fields = Vec::with_capacity(members.len());
            let mut contents = Vec::with_capacity(members.len());
            for member in members {
                if arrow_types::is_reserved(&member.name) {
                    return None;
                }
                let hint = match hint {
                    Some(ArrowDataType::Struct(hints)) => {
                        hints.iter().find(|hint| hint.name == member.name)
                    }
                    _ => None,
                };
                let root = member_of(root, &member.name);
                let (field, content) = decode(member, root, hint.map(|hint| &hint.dtype), leaves)?;
                fields.push(field);
                contents.push(content);
            }
            (ArrowDataType::Struct(fields), Content::fields(contents))
        }
        dtype => leaf(leaves.next()?, dtype, hint),
    };
    Some((Field { dtype, ..field.clone() }, content))
}

/// The type of the values of a dictionary or an extension type.
fn values_of(dtype: &ArrowDataType) -> &ArrowDataType {
    match dtype {
        ArrowDataType::Dictionary(_, values, _) => values_of(values),
        ArrowDataType::Extension(extension) if extension.name != UUID => {
            values_of(&extension.inner)
        }
        dtype => dtype,
    }
}

fn is_map(root: &ParquetType) -> bool {
    let ParquetType::GroupType { logical_type, converted_type, .. } = root else { return false };
    *logical_type == Some(GroupLogicalType::Map)
        || matches!(converted_type, Some(GroupConvertedType::Map | GroupConvertedType::MapKeyValue))
}

/// The type of a list's items or a map's entries.
fn item_of(root: &ParquetType) -> &ParquetType {
    let ParquetType::GroupType { fields, .. } = root else { return root };
    let repeated = fields.first().unwrap_or(root);
    match repeated {
        ParquetType::GroupType { fields, .. } if fields.len() == 1 => &fields[0],
        repeated => repeated,
    }
}

fn member_of<'a>(root: &'a ParquetType, name: &str) -> &'a ParquetType {
    let ParquetType::GroupType { fields, .. } = root else { return root };
    fields.iter().find(|field| field.name() == name).unwrap_or(root)
}
