//! The extra files that the original writes, in its form or where its options ask for them.

use std::path::PathBuf;

use anomal_connectors::{Access, csv::CsvFile};
use anomal_core::{Batch, ROW, Result, proto::Plan};
use anomal_dataflow::{PreparedEpoch, Sink, WriteOutcome};
use anomal_storage::Secrets;
use polars::prelude::{BooleanChunked, Column, DataFrame, NewChunkedArray};

/// Which of them, and the beginning of their names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OriginalFiles {
    /// `<prefix>behavior_analysis.csv`, … : a path, not only a folder.
    pub prefix: String,
    /// The feature table.
    pub features: bool,
    /// Row, score and cluster of all rows.
    pub classification: bool,
    /// The rows that each flag has hit, and the suspicious rows.
    pub suspects: bool,
}

impl OriginalFiles {
    /// A sink for each file.
    ///
    /// # Errors
    /// `Output` if a file can't be made.
    pub(crate) fn sinks(&self, plan: &Plan) -> Result<Vec<Box<dyn Sink>>> {
        let mut views = Vec::new();
        if self.features {
            views.push(("behavior_analysis".to_owned(), Rows::All, Columns::Features));
        }
        if self.classification {
            views.push(("classification".to_owned(), Rows::All, Columns::Classification));
        }
        if self.suspects {
            for flag in &plan.flags {
                views.push((file_name(&flag.name), Rows::Flag(flag.name.clone()), Columns::Source));
            }
            views.push(("suspects_original".to_owned(), Rows::Suspicious, Columns::Source));
            if !plan.features.is_empty() {
                let name = "suspects_features".to_owned();
                views.push((name, Rows::Suspicious, Columns::Features));
            }
        }
        views.into_iter().map(|(name, rows, columns)| self.sink(&name, rows, columns)).collect()
    }

    fn sink(&self, name: &str, rows: Rows, columns: Columns) -> Result<Box<dyn Sink>> {
        let path = PathBuf::from(format!("{}{name}.csv", self.prefix));
        // Its settings name no secret.
        let access = Access { place: "data.out_path", auth: None, secrets: &Secrets::default() };
        let file = CsvFile::create(&path, b',', &access)?;
        Ok(Box::new(View { file, rows, columns, written: 0, target: path.display().to_string() }))
    }
}

/// A flag's name may hold what a file's must not.
fn file_name(flag: &str) -> String {
    flag.chars().map(|c| if c == '/' || c == '\\' || c.is_control() { '_' } else { c }).collect()
}

enum Rows {
    All,
    /// Suspicious or flagged.
    Suspicious,
    Flag(String),
}

enum Columns {
    Source,
    Features,
    Classification,
}

/// A part of the results as a file of its own.
struct View {
    file: CsvFile,
    rows: Rows,
    columns: Columns,
    written: u64,
    target: String,
}

impl View {
    fn select(&self, batch: &Batch) -> Result<DataFrame> {
        let row = Column::new(ROW.into(), batch.offsets());
        let mut columns = match self.columns {
            Columns::Source => batch.raw.columns().to_vec(),
            Columns::Features => Vec::new(),
            Columns::Classification => vec![row.clone().with_name("row".into())],
        };
        if !matches!(self.columns, Columns::Classification) {
            columns.insert(0, row);
        }
        for column in batch.results.columns() {
            let name = column.name().as_str();
            let taken = match self.columns {
                Columns::Source => None,
                Columns::Features => name.strip_prefix("anomal.features."),
                Columns::Classification => {
                    name.strip_prefix("anomal.").filter(|name| ["score", "cluster"].contains(name))
                }
            };
            columns.extend(taken.map(|name| column.clone().with_name(name.into())));
        }
        Ok(DataFrame::new(batch.height(), columns)?)
    }

    fn mask(&self, batch: &Batch) -> Result<Option<BooleanChunked>> {
        let flags = batch.results.column("anomal.flags")?.list()?;
        let hit = |wanted: Option<&str>| -> Result<Vec<bool>> {
            let hit = |row| -> Result<bool> {
                let Some(flags) = flags.get_as_series(row) else { return Ok(false) };
                let flags = flags.str()?;
                Ok(wanted
                    .map_or(!flags.is_empty(), |name| flags.iter().any(|flag| flag == Some(name))))
            };
            (0..batch.height()).map(hit).collect()
        };
        let mask = match &self.rows {
            Rows::All => return Ok(None),
            Rows::Flag(name) => hit(Some(name))?,
            Rows::Suspicious => {
                let suspicious = batch.results.column("anomal.suspicious")?.bool()?;
                let flagged = hit(None)?;
                suspicious
                    .iter()
                    .zip(flagged)
                    .map(|(s, flagged)| s == Some(true) || flagged)
                    .collect()
            }
        };
        Ok(Some(BooleanChunked::from_slice("mask".into(), &mask)))
    }
}

impl Sink for View {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        let frame = self.select(batch)?;
        let frame = match self.mask(batch)? {
            Some(mask) => frame.filter(&mask)?,
            None => frame,
        };
        self.written += frame.height() as u64;
        self.file.write(&frame)
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        self.file.prepare()?;
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        self.file.commit()?;
        Ok(WriteOutcome::new(self.target.clone(), self.written))
    }
}
