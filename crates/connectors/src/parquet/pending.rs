//! Stores the columns of rows whose results are not available yet, encoded as pages, in an unnamed temporary file.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, BufReader, BufWriter, IntoInnerError, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use anomal_core::{Batch, Error, Result};
use polars::prelude::{Column, DataFrame, PolarsResult, Schema};

use super::{
    groups::RowGroups,
    pages::{ColumnPages, GroupEncoder, GroupPages},
};
use crate::{atomic_file::write_error, sink::Projection};

/// Prefix of the features among the results.
const FEATURES: &str = "anomal.features.";

/// Accepts rows until the first results arrive, then returns the row groups in order.
pub(super) struct PendingRows {
    target: PathBuf,
    /// The columns of the source, then the features.
    pub schema: Schema,
    rows: RowGroups,
    encoder: GroupEncoder,
    /// Row groups whose page bytes are in the file, one after the other.
    stored: VecDeque<GroupPages>,
    file: Store,
}

enum Store {
    Filling(BufWriter<File>),
    Emptying(BufReader<File>),
    Broken,
}

impl PendingRows {
    /// Creates the temporary file in the folder `scratch`.
    pub fn new(target: &Path, scratch: &Path) -> Result<Self> {
        let file = tempfile::tempfile_in(scratch).map_err(|error| write_error(target, &error))?;
        Ok(Self {
            target: target.to_owned(),
            schema: Schema::default(),
            rows: RowGroups::default(),
            encoder: GroupEncoder::new(target),
            stored: VecDeque::new(),
            file: Store::Filling(BufWriter::with_capacity(1 << 20, file)),
        })
    }

    /// Stores rows. `columns`: those of the source.
    pub fn push(
        &mut self,
        batch: &Batch,
        mut columns: Vec<Column>,
        projection: Projection,
    ) -> Result<()> {
        if projection.features() {
            let named = |feature: Column| {
                let name = format!("{FEATURES}{}", feature.name());
                feature.with_name(name.into())
            };
            columns.extend(batch.features.columns().iter().cloned().map(named));
        }
        let frame = DataFrame::new(batch.height(), columns)?;
        if self.schema.is_empty() {
            self.schema = frame.schema().as_ref().clone();
        }
        self.rows.push(frame)?.into_iter().try_for_each(|group| self.begin(group))
    }

    fn begin(&mut self, group: DataFrame) -> Result<()> {
        if !self.encoder.has_room() {
            self.store()?;
        }
        self.encoder.submit(group);
        Ok(())
    }

    /// Writes the next encoded group to the file; false if there is none.
    fn store(&mut self) -> Result<bool> {
        let Some(mut group) = self.encoder.next()? else { return Ok(false) };
        for page in group.columns.iter_mut().flat_map(ColumnPages::pages_mut) {
            let written = self.file.write(&std::mem::take(&mut page.bytes));
            written.map_err(|error| write_error(&self.target, &error))?;
        }
        self.stored.push_back(group);
        Ok(true)
    }

    /// Removes the columns that are stored already, of which the results have the names only.
    pub fn leave_out(&self, results: &mut DataFrame) -> PolarsResult<()> {
        let names = results.get_column_names_owned();
        let late: Vec<_> = names.into_iter().filter(|name| !self.schema.contains(name)).collect();
        *results = results.select(late)?;
        Ok(())
    }

    /// The next row group, which has `height` rows.
    pub fn next(&mut self, height: usize) -> Result<Vec<ColumnPages>> {
        if let Some(rest) = self.rows.rest() {
            self.begin(rest)?;
        }
        while self.store()? {}
        self.file.turn().map_err(|error| write_error(&self.target, &error))?;
        let next = self.stored.pop_front().filter(|group| group.height == height);
        let Some(GroupPages { mut columns, .. }) = next else {
            return Err(Error::internal("the results are not those of the rows stored before"));
        };
        for page in columns.iter_mut().flat_map(ColumnPages::pages_mut) {
            let read = self.file.read(page.length);
            page.bytes = read.map_err(|error| write_error(&self.target, &error))?;
        }
        Ok(columns)
    }
}

impl Store {
    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Filling(file) => file.write_all(bytes),
            Self::Emptying(_) | Self::Broken => Err(io::Error::other("rows came after results")),
        }
    }

    /// Switches from writing to reading.
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
            return Err(io::Error::other("the stored rows can't be read"));
        };
        let mut bytes = vec![0; length];
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
