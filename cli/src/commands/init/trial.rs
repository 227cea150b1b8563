//! Runs proposed settings on the first rows.

use std::{path::PathBuf, sync::Arc, time::Instant};

use anomal_connectors::{Connector, ConnectorRegistry, OpenOptions};
use anomal_core::{
    Batch, Element, PackUpload, Position, Result,
    proto::{Column, TimeReading},
};
use anomal_dataflow::{Reader, Source, Split};
use anomal_runner::{Options, Outcome, Quiet, run};
use anomal_spec::{AnomalyJob, Input, InputDriver};
use anomal_storage::Secrets;
use polars::prelude::DataFrame;

use super::{BATCH_ROWS, profile::SAMPLE_BYTES};
use crate::{engines, present::error::Failure};

/// Rows of a trial.
pub const ROWS: usize = 20_000;

/// What a trial showed.
pub struct Trial {
    pub outcome: Outcome,
    pub seconds: f64,
    /// Features with one value in all rows.
    pub constant: Vec<String>,
}

/// Tries a proposal on the first rows.
///
/// # Errors
/// Those of a run.
pub fn try_proposal(job: AnomalyJob, input: &Input) -> std::result::Result<Trial, Failure> {
    let started = Instant::now();
    let outcome = run_first_rows(job, input, Vec::new(), Secrets::default())?;
    let features = outcome.analysis.iter().flat_map(|analysis| &analysis.features);
    let constant = features.filter(|feature| feature.distinct <= 1 && feature.missing == 0);
    let constant = constant.filter_map(|f| f.feature.as_ref()).map(|f| f.name.clone()).collect();
    Ok(Trial { seconds: started.elapsed().as_secs_f64(), constant, outcome })
}

/// Runs a job with these packs on the first rows of its input, and writes nothing.
///
/// # Errors
/// Those of a run.
pub fn run_first_rows(
    mut job: AnomalyJob,
    input: &Input,
    packs: Vec<Arc<PackUpload>>,
    secrets: Secrets,
) -> std::result::Result<Outcome, Failure> {
    job.spec.outputs.clear();
    let mut connectors = ConnectorRegistry::default();
    if let Some(driver) = input.driver() {
        let (name, input) = (driver.name(), input.clone());
        connectors.register(FirstRows { name, input });
    }
    let options = Options {
        observer: Arc::new(Quiet),
        connectors,
        original: None,
        suspects: 0,
        results: false,
        report: None,
        secrets,
        packs,
        run: None,
        suppressions: None,
        namespace: None,
        memory: None,
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let engines = engines::connect(None, job.spec.classification.as_ref()).await?;
        Ok(run(&job, &engines, &options).await?)
    })
}

/// Opens an input that ends after the first rows.
struct FirstRows {
    name: &'static str,
    input: Input,
}

impl Connector for FirstRows {
    fn name(&self) -> &'static str {
        self.name
    }

    fn open(&self, _: InputDriver<'_>, options: &OpenOptions) -> Result<Box<dyn Source>> {
        let options = OpenOptions { batch_rows: BATCH_ROWS, ..options.clone() };
        let source = ConnectorRegistry::default().open(&self.input, &options)?;
        Ok(Box::new(FirstRowsSource { source }))
    }
}

struct FirstRowsSource {
    source: Box<dyn Source>,
}

impl Source for FirstRowsSource {
    fn schema(&self) -> &[Column] {
        self.source.schema()
    }

    fn times(&self) -> Vec<TimeReading> {
        self.source.times()
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.source.select(columns)
    }

    fn keep_only(&mut self, columns: &[String]) {
        self.source.keep_only(columns);
    }

    fn splits(&self) -> Vec<Split> {
        self.source.splits()
    }

    fn open(&mut self, split: &Split, from: Option<Position>) -> Result<Box<dyn Reader>> {
        let reader = self.source.open(split, from)?;
        Ok(Box::new(FirstRowsReader { reader, rows: ROWS, bytes: SAMPLE_BYTES }))
    }

    fn empty(&self) -> DataFrame {
        self.source.empty()
    }

    fn files(&self) -> &[PathBuf] {
        self.source.files()
    }
}

struct FirstRowsReader {
    reader: Box<dyn Reader>,
    /// What is left to read.
    rows: usize,
    bytes: usize,
}

impl Reader for FirstRowsReader {
    fn next(&mut self) -> Result<Element> {
        if self.rows == 0 || self.bytes == 0 {
            return Ok(Element::End);
        }
        let element = self.reader.next()?;
        if let Element::Batch(batch) = &element {
            let batch: &Batch = batch;
            self.rows = self.rows.saturating_sub(batch.height());
            self.bytes = self.bytes.saturating_sub(batch.raw.estimated_size());
        }
        Ok(element)
    }
}
