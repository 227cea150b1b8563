//! Columns as compressed pages, made apart from the file that they go to.

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
};

use anomal_core::Result;
use polars::prelude::{Column, CompatLevel, DataFrame, PolarsResult, SchemaExt};
use polars_parquet::{
    parquet::{CowBuffer, compression, page::CompressedDictPage},
    write::{
        CompressedDataPage, CompressedPage, CompressionOptions, Page, StatisticsOptions, Version,
        WriteOptions, ZstdLevel, array_to_columns, compress, get_dtype_encoding, to_parquet_schema,
    },
};
use rayon::prelude::*;

use super::refused;
use crate::begun::Begun;

/// zstd's own default, a good trade of size for time.
const LEVEL: i32 = 3;

/// How pages and files are made.
pub(super) fn options() -> PolarsResult<WriteOptions> {
    Ok(WriteOptions {
        statistics: StatisticsOptions::default(),
        version: Version::V1,
        compression: CompressionOptions::Zstd(Some(ZstdLevel::try_new(LEVEL)?)),
        data_page_size: None,
    })
}

/// A compressed page, its bytes apart from what is told of them: they may be elsewhere for a while.
pub(super) struct CutPage {
    pub bytes: Vec<u8>,
    /// Of the bytes, wherever they are.
    pub length: usize,
    kind: Kind,
}

enum Kind {
    Data(Box<CompressedDataPage>),
    Dictionary { compression: CompressionOptions, size: usize, values: usize, sorted: bool },
}

impl CutPage {
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
                ComputeError: "a page of data became a dictionary"
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

/// A row group's part of a column: pages for each leaf of its type.
pub(super) struct ColumnPages {
    pub name: String,
    /// Whether no row has a value: such pages tell of their number alone.
    pub empty: bool,
    pub leaves: Vec<Vec<CutPage>>,
}

/// Whether no row has a value.
pub(super) fn is_empty(column: &Column) -> bool {
    column.null_count() == column.len()
}

impl ColumnPages {
    /// The pages of each leaf, whole.
    pub fn whole(self) -> Vec<Vec<CompressedPage>> {
        let whole = |leaf: Vec<CutPage>| leaf.into_iter().map(CutPage::whole).collect();
        self.leaves.into_iter().map(whole).collect()
    }

    /// All its pages, in the order of the file.
    pub fn pages_mut(&mut self) -> impl Iterator<Item = &mut CutPage> {
        self.leaves.iter_mut().flatten()
    }
}

/// A row group as pages.
pub(super) struct GroupPages {
    pub height: usize,
    pub columns: Vec<ColumnPages>,
}

/// Makes the pages of row groups, of two at once: while the last columns of one are made there is work left.
pub(super) struct Encoder {
    target: PathBuf,
    begun: VecDeque<Begun<GroupPages>>,
}

/// Row groups at once.
const AT_ONCE: usize = 2;

impl Encoder {
    pub fn new(target: &Path) -> Self {
        Self { target: target.to_owned(), begun: VecDeque::new() }
    }

    /// Whether another group can begin; the next that is made is to be taken first where it can't.
    pub fn has_room(&self) -> bool {
        self.begun.len() < AT_ONCE
    }

    pub fn begin(&mut self, group: DataFrame) {
        let target = self.target.clone();
        let encode = move || encode(&group).map_err(|error| refused(&target, error));
        self.begun.push_back(Begun::new(encode));
    }

    /// The next group in order; nothing where none has begun.
    pub fn next(&mut self) -> Result<Option<GroupPages>> {
        self.begun.pop_front().map(Begun::take).transpose()
    }
}

fn encode(group: &DataFrame) -> PolarsResult<GroupPages> {
    // A task for each: how long they take differs much.
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
    let schema = column.schema().to_arrow(CompatLevel::newest());
    let types = to_parquet_schema(&schema)?;
    for batch in column.iter_chunks(CompatLevel::newest(), false) {
        for ((array, field), of) in
            batch.columns().iter().zip(schema.iter_values()).zip(types.fields())
        {
            let encodings = get_dtype_encoding(&field.dtype);
            for leaf in array_to_columns(array, of.clone(), options, &encodings)? {
                let leaf = leaf.map(|page| CutPage::compress(page?, options.compression));
                pages.leaves.push(leaf.collect::<PolarsResult<_>>()?);
            }
        }
    }
    Ok(pages)
}
