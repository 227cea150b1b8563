//! Rows that wait for their results: their columns as pages, in a file without a name.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anomal_core::{Error, Result};
use polars::prelude::{Column, DataFrame, PolarsResult, Schema};

use super::{
    groups::Groups,
    pages::{ColumnPages, CutPage, encode},
    refused,
};
use crate::{
    atomic_file::{failed, folder},
    sink::{Choice, Known, typed_columns},
};

/// Prefix of the features among the results.
const FEATURES: &str = "anomal.features.";

/// Takes rows until the first results come, then gives the row groups back in order.
pub(super) struct Early {
    target: PathBuf,
    /// The columns of the source, then the features.
    pub schema: Schema,
    rows: Groups,
    stored: VecDeque<(usize, Vec<StoredColumn>)>,
    file: Store,
}

/// A column of a row group; its pages' bytes are in the file, one behind the other.
struct StoredColumn {
    name: String,
    leaves: Vec<Vec<StoredPage>>,
}

struct StoredPage {
    page: CutPage,
    length: usize,
}

enum Store {
    Filling(BufWriter<File>),
    Emptying(BufReader<File>),
    Broken,
}

impl Early {
    /// Its file is in the target's folder, where there must be room for the output anyway.
    pub fn new(target: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(folder(target)).map_err(|error| failed(target, &error))?;
        Ok(Self {
            target: target.to_owned(),
            schema: Schema::default(),
            rows: Groups::default(),
            stored: VecDeque::new(),
            file: Store::Filling(BufWriter::with_capacity(1 << 20, file)),
        })
    }

    pub fn push(&mut self, known: Known, choice: Choice) -> Result<()> {
        let height = known.source.height();
        let mut columns = typed_columns(&known.source, &known.typed);
        if choice.features() {
            let named = |feature: Column| {
                let name = format!("{FEATURES}{}", feature.name());
                feature.with_name(name.into())
            };
            columns.extend(known.features.into_columns().into_iter().map(named));
        }
        let frame = DataFrame::new(height, columns)?;
        if self.schema.is_empty() {
            self.schema = frame.schema().as_ref().clone();
        }
        let ready = self.rows.push(frame)?;
        self.store(&ready)
    }

    fn store(&mut self, groups: &[DataFrame]) -> Result<()> {
        let made = encode(groups).map_err(|error| refused(&self.target, error))?;
        for (group, columns) in groups.iter().zip(made) {
            let mut stored = Vec::with_capacity(columns.len());
            for ColumnPages { name, leaves } in columns {
                let mut store = |mut page: CutPage| {
                    let bytes = std::mem::take(&mut page.bytes);
                    self.file.write(&bytes)?;
                    Ok(StoredPage { page, length: bytes.len() })
                };
                let leaves: io::Result<_> = leaves
                    .into_iter()
                    .map(|leaf| leaf.into_iter().map(&mut store).collect())
                    .collect();
                let leaves = leaves.map_err(|error| failed(&self.target, &error))?;
                stored.push(StoredColumn { name, leaves });
            }
            self.stored.push_back((group.height(), stored));
        }
        Ok(())
    }

    /// Leaves the known columns out of results, where they are by name alone.
    pub fn leave_out(&self, results: &mut DataFrame) -> PolarsResult<()> {
        let names = results.get_column_names_owned();
        let late: Vec<_> = names.into_iter().filter(|name| !self.schema.contains(name)).collect();
        *results = results.select(late)?;
        Ok(())
    }

    /// The next row group, which has `height` rows.
    pub fn next(&mut self, height: usize) -> Result<Vec<ColumnPages>> {
        if let Some(rest) = self.rows.rest() {
            self.store(&rest)?;
        }
        self.file.turn().map_err(|error| failed(&self.target, &error))?;
        let next = self.stored.pop_front().filter(|(rows, _)| *rows == height);
        let Some((_, columns)) = next else {
            return Err(Error::internal("results came for other rows than were known"));
        };
        let mut whole = |StoredPage { mut page, length }: StoredPage| {
            page.bytes = self.file.read(length)?;
            Ok(page)
        };
        let columns: io::Result<_> = columns
            .into_iter()
            .map(|StoredColumn { name, leaves }| {
                let leaves = leaves.into_iter();
                let leaves = leaves.map(|leaf| leaf.into_iter().map(&mut whole).collect());
                Ok(ColumnPages { name, leaves: leaves.collect::<io::Result<_>>()? })
            })
            .collect();
        columns.map_err(|error| failed(&self.target, &error))
    }
}

impl Store {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Filling(file) => file.write_all(bytes),
            Self::Emptying(_) | Self::Broken => Err(io::Error::other("rows came after results")),
        }
    }

    /// From filling to emptying.
    fn turn(&mut self) -> io::Result<()> {
        *self = match std::mem::replace(self, Self::Broken) {
            Self::Filling(file) => {
                let mut file = file.into_inner().map_err(IntoInnerError::into_error)?;
                file.seek(SeekFrom::Start(0))?;
                Self::Emptying(BufReader::with_capacity(1 << 20, file))
            }
            turned => turned,
        };
        Ok(())
    }

    fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let Self::Emptying(file) = self else {
            return Err(io::Error::other("the rows that wait can't be read"));
        };
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
