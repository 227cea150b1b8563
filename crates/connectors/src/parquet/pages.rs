//! Columns as compressed pages, made apart from the file that they go to.

use polars::prelude::{CompatLevel, DataFrame, PolarsResult, SchemaExt};
use polars_parquet::{
    parquet::{CowBuffer, compression, page::CompressedDictPage},
    write::{
        CompressedDataPage, CompressedPage, CompressionOptions, Page, StatisticsOptions, Version,
        WriteOptions, ZstdLevel, array_to_columns, compress, get_dtype_encoding, to_parquet_schema,
    },
};
use rayon::prelude::*;

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

    pub fn whole(self) -> CompressedPage {
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
    pub leaves: Vec<Vec<CutPage>>,
}

impl ColumnPages {
    /// All its pages, in the order of the file.
    pub fn pages_mut(&mut self) -> impl Iterator<Item = &mut CutPage> {
        self.leaves.iter_mut().flatten()
    }
}

/// Makes the pages of row groups, columns on all threads.
pub(super) fn encode(groups: &[DataFrame]) -> PolarsResult<Vec<Vec<ColumnPages>>> {
    groups
        .par_iter()
        .map(|group| {
            let columns = (0..group.width()).into_par_iter();
            columns.map(|place| encode_column(group, place)).collect()
        })
        .collect()
}

fn encode_column(group: &DataFrame, place: usize) -> PolarsResult<ColumnPages> {
    let options = options()?;
    let column = group.columns()[place].clone();
    let mut pages = ColumnPages { name: column.name().to_string(), leaves: Vec::new() };
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
