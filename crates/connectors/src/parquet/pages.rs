//! Encodes columns as compressed pages, independently of the file that they are written to.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use anomal_core::Result;
use polars::prelude::{Column, CompatLevel, DataFrame, PolarsResult, Schema, SchemaExt};
use polars_arrow::datatypes::{ArrowDataType, ArrowSchema};
use polars_parquet::{
    parquet::{
        CowBuffer, compression, page::CompressedDictPage, schema::types::PrimitiveLogicalType,
    },
    write::{
        CompressedDataPage, CompressedPage, CompressionOptions, Page, ParquetType,
        SchemaDescriptor, StatisticsOptions, Version, WriteOptions, ZstdLevel, array_to_columns,
        compress, get_dtype_encoding, to_parquet_schema,
    },
};
use rayon::prelude::*;

use super::polars_error;
use crate::{
    arrow_types::{export_array, export_field},
    task::PendingTask,
};

/// zstd's own default, a good trade of size for time.
const LEVEL: i32 = 3;

/// The options for pages and files.
pub(super) fn options() -> PolarsResult<WriteOptions> {
    Ok(WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(LEVEL)?)),
        data_page_size: None,
    })
}

/// The Arrow schema of a file with columns of these types.
pub(super) fn file_schema(schema: &Schema) -> ArrowSchema {
    let fields = schema.to_arrow(CompatLevel::newest());
    fields.iter_values().map(export_field).map(|field| (field.name.clone(), field)).collect()
}

/// The Parquet schema of such a file.
pub(super) fn parquet_schema(schema: &ArrowSchema) -> PolarsResult<SchemaDescriptor> {
    let types = to_parquet_schema(schema)?;
    let fields = types.fields().iter().zip(schema.iter_values()).map(|(field, arrow)| {
        let mut field = field.clone();
        if let (ParquetType::PrimitiveType(leaf), ArrowDataType::Extension(_)) =
            (&mut field, &arrow.dtype)
        {
            // The only one that is written.
            leaf.logical_type = Some(PrimitiveLogicalType::Uuid);
        }
        field
    });
    Ok(SchemaDescriptor::new(types.name().into(), fields.collect()))
}

/// A compressed page. Its bytes are separate from its header, since they may be in a temporary file for a while.
pub(super) struct EncodedPage {
    pub bytes: Vec<u8>,
    /// The number of bytes, even while they are elsewhere.
    pub length: usize,
    kind: Kind,
}

enum Kind {
    Data(Box<CompressedDataPage>),
    Dictionary { compression: CompressionOptions, size: usize, values: usize, sorted: bool },
}

impl EncodedPage {
    fn new(bytes: Vec<u8>, kind: Kind) -> Self {
        Self { length: bytes.len(), bytes, kind }
    }

    fn compress(page: Page, compression: CompressionOptions) -> PolarsResult<Self> {
        if let Page::Dict(page) = page {
            let mut bytes = Vec::new();
            compression::compress(compression, &page.buffer, &mut bytes)?;
            let (size, values, sorted) = (page.buffer.len(), page.num_values, page.is_sorted);
            let kind = Kind::Dictionary { compression, size, values, sorted };
            return Ok(Self::new(bytes, kind));
        }
        match compress(page, Vec::new(), compression)? {
            CompressedPage::Data(mut page) => {
                let bytes = std::mem::replace(page.slice_mut(), CowBuffer::Owned(Vec::new()));
                Ok(Self::new(bytes.into_vec(), Kind::Data(Box::new(page))))
            }
            CompressedPage::Dict(_) => Err(polars::prelude::polars_err!(
                ComputeError: "a data page was compressed as a dictionary page"
            )),
        }
    }

    fn whole(self) -> CompressedPage {
        let bytes = CowBuffer::Owned(self.bytes);
        match self.kind {
            Kind::Data(mut page) => {
                *page.slice_mut() = bytes;
                CompressedPage::Data(*page)
            }
            Kind::Dictionary { compression, size, values, sorted } => CompressedPage::Dict(
                CompressedDictPage::new(bytes, compression.into(), size, values, sorted),
            ),
        }
    }
}

/// The pages of a column in a row group, for each leaf of its type.
pub(super) struct ColumnPages {
    pub name: String,
    /// Whether no row has a value: such pages depend on the number of rows alone.
    pub empty: bool,
    pub leaves: Vec<Vec<EncodedPage>>,
}

/// Whether no row has a value.
pub(super) fn is_empty(column: &Column) -> bool {
    column.null_count() == column.len()
}

impl ColumnPages {
    /// The pages of each leaf with their bytes.
    pub fn whole(self) -> Vec<Vec<CompressedPage>> {
        let whole = |leaf: Vec<EncodedPage>| leaf.into_iter().map(EncodedPage::whole).collect();
        self.leaves.into_iter().map(whole).collect()
    }

    /// All pages, in the order of the file.
    pub fn pages_mut(&mut self) -> impl Iterator<Item = &mut EncodedPage> {
        self.leaves.iter_mut().flatten()
    }
}

/// A row group as pages.
pub(super) struct GroupPages {
    pub height: usize,
    pub columns: Vec<ColumnPages>,
}

/// Encodes row groups, two at a time: while the last columns of one are encoded, the other keeps the threads busy.
pub(super) struct GroupEncoder {
    target: PathBuf,
    pending: VecDeque<PendingTask<GroupPages>>,
}

/// Row groups that are encoded at a time.
const MAX_PENDING: usize = 2;

impl GroupEncoder {
    pub fn new(target: &Path) -> Self {
        Self { target: target.to_owned(), pending: VecDeque::new() }
    }

    /// Whether another group can be submitted. If not, the next result has to be taken first.
    pub fn has_room(&self) -> bool {
        self.pending.len() < MAX_PENDING
    }

    pub fn submit(&mut self, group: DataFrame) {
        let target = self.target.clone();
        let encode = move || encode(&group).map_err(|error| polars_error(&target, error));
        self.pending.push_back(PendingTask::spawn(encode));
    }

    /// The next group in order; `None` if none was submitted.
    pub fn next(&mut self) -> Result<Option<GroupPages>> {
        self.pending.pop_front().map(PendingTask::wait).transpose()
    }
}

fn encode(group: &DataFrame) -> PolarsResult<GroupPages> {
    // A task per column: their durations differ much.
    let columns = (0..group.width()).into_par_iter().with_max_len(1);
    let columns = columns.map(|place| encode_column(group, place)).collect::<PolarsResult<_>>()?;
    Ok(GroupPages { height: group.height(), columns })
}

fn encode_column(group: &DataFrame, place: usize) -> PolarsResult<ColumnPages> {
    let options = options()?;
    let column = group.columns()[place].clone();
    let (name, empty) = (column.name().to_string(), is_empty(&column));
    let mut pages = ColumnPages { name, empty, leaves: Vec::new() };
    let mut column = DataFrame::new(group.height(), vec![column])?;
    column.rechunk_mut();
    let schema = file_schema(column.schema());
    let types = parquet_schema(&schema)?;
    for batch in column.iter_chunks(CompatLevel::newest(), false) {
        for ((array, field), parquet_type) in
            batch.columns().iter().zip(schema.iter_values()).zip(types.fields())
        {
            let encodings = get_dtype_encoding(&field.dtype);
            let array = export_array(array.as_ref())?;
            for leaf in array_to_columns(array, parquet_type.clone(), options, &encodings)? {
                let leaf = leaf.map(|page| EncodedPage::compress(page?, options.compression));
                pages.leaves.push(leaf.collect::<PolarsResult<_>>()?);
            }
        }
    }
    Ok(pages)
}
