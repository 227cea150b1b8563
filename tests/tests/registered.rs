//! A job of registered parts alone: a connector, a component and a detector that no program has, run by the runner.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anomal_classification::LocalClassificationEngine;
use anomal_components::{Component, ComponentRegistry, Input, Metric, NoParameters, Pack};
use anomal_connectors::{Connector, ConnectorRegistry, OpenOptions, OutputContext};
use anomal_core::{
    Batch, Cancel, Code, Element, Error, Position, Result,
    proto::{self, Column, DataType, FeatureColumn},
};
use anomal_dataflow::{PreparedEpoch, Reader, Sink, Source, Split, WriteOutcome};
use anomal_detectors::{
    Context, Detector, DetectorRegistry, FittedDetector, Scorer, Scores, from_state,
    matrix::{Matrix, Values},
    state_of,
};
use anomal_feature::LocalFeatureEngine;
use anomal_registry::{ParameterError, parameters};
use anomal_runner::{Engines, Options, Outcome, Quiet};
use anomal_spec::{AnomalyJob, InputDriver, OutputDriver, Parameters};
use anomal_storage::Secrets;
use polars::prelude::{DataFrame, df};
use serde_json::value::RawValue;

/// Reads a table in batches of two rows, and stores the results that it is sent.
#[derive(Clone)]
struct Memory {
    table: DataFrame,
    written: Arc<Mutex<Vec<DataFrame>>>,
}

impl Connector for Memory {
    fn name(&self) -> &'static str {
        "ndjson"
    }

    fn open(&self, driver: InputDriver<'_>, _: &OpenOptions) -> Result<Box<dyn Source>> {
        assert_eq!(driver.path(), Some("memory"));
        let schema = self.table.columns().iter().map(|column| Column {
            name: column.name().to_string(),
            data_type: DataType::String.into(),
        });
        let (schema, table) = (schema.collect(), self.table.clone());
        Ok(Box::new(MemorySource { schema, selected: Vec::new(), table }))
    }

    fn create(&self, _: OutputDriver<'_>, context: &OutputContext<'_>) -> Result<Box<dyn Sink>> {
        assert_eq!(context.place, "outputs[0].ndjson");
        Ok(Box::new(MemorySink { pending: Vec::new(), written: Arc::clone(&self.written) }))
    }
}

struct MemorySource {
    schema: Vec<Column>,
    selected: Vec<String>,
    table: DataFrame,
}

impl Source for MemorySource {
    fn schema(&self) -> &[Column] {
        &self.schema
    }

    fn select(&mut self, columns: &[Column]) -> Result<()> {
        self.selected = columns.iter().map(|column| column.name.clone()).collect();
        Ok(())
    }

    fn open(&mut self, _: &Split, _: Option<Position>) -> Result<Box<dyn Reader>> {
        let (table, selected) = (self.table.clone(), self.selected.clone());
        Ok(Box::new(MemoryReader { table, selected, next: 0 }))
    }

    fn empty(&self) -> DataFrame {
        self.table.slice(0, 0)
    }

    fn files(&self) -> &[PathBuf] {
        &[]
    }
}

struct MemoryReader {
    table: DataFrame,
    selected: Vec<String>,
    next: usize,
}

impl Reader for MemoryReader {
    fn next(&mut self) -> Result<Element> {
        let raw = self.table.slice(i64::try_from(self.next).unwrap(), 2);
        if raw.height() == 0 {
            return Ok(Element::End);
        }
        let offsets = (self.next as u64..).take(raw.height()).collect();
        self.next += raw.height();
        let typed = raw.select(self.selected.iter().map(String::as_str))?;
        let batch = Batch::new(offsets, raw, typed)?.with_progress((self.next as u64, None));
        Ok(Element::Batch(Box::new(batch)))
    }
}

struct MemorySink {
    pending: Vec<DataFrame>,
    written: Arc<Mutex<Vec<DataFrame>>>,
}

impl Sink for MemorySink {
    fn write(&mut self, batch: &Batch) -> Result<()> {
        self.pending.push(batch.results.clone());
        Ok(())
    }

    fn prepare(&mut self, epoch: u64) -> Result<PreparedEpoch> {
        Ok(PreparedEpoch { epoch })
    }

    fn commit(&mut self, _: PreparedEpoch) -> Result<WriteOutcome> {
        let rows = self.pending.iter().map(|frame| frame.height() as u64).sum();
        self.written.lock().unwrap().append(&mut self.pending);
        Ok(WriteOutcome::new("memory", rows))
    }
}

/// The score of a row is its first feature.
struct FirstFeature;

struct FirstFeatureScorer;

impl Detector for FirstFeature {
    fn describe(&self) -> proto::Detector {
        proto::Detector {
            name: "FirstFeature".into(),
            parameters_schema: "{}".into(),
            row_wise: true,
            ..proto::Detector::default()
        }
    }

    fn check(&self, given: &Parameters) -> Result<(), ParameterError> {
        parameters::<NoParameters>(given).map(|_| ())
    }

    fn fit(&self, _: &Matrix, _: &Parameters, _: &Context<'_>) -> Result<FittedDetector> {
        Ok(FittedDetector::row_wise(FirstFeatureScorer, Vec::new()))
    }

    fn load(&self, state: &RawValue, _: &[FeatureColumn]) -> Result<Box<dyn Scorer>, String> {
        from_state::<()>(state)?;
        Ok(Box::new(FirstFeatureScorer))
    }
}

impl Scorer for FirstFeatureScorer {
    fn score(&self, matrix: &Matrix, shares: bool, cancel: &Cancel) -> Result<Scores> {
        cancel.check()?;
        let Values::Numeric(values) = &matrix.columns[0].values else {
            return Err(Error::internal("the first feature is not numeric"));
        };
        let share = |feature: usize| vec![if feature == 0 { 1.0 } else { 0.0 }; matrix.rows];
        let shares =
            if shares { (0..matrix.columns.len()).map(share).collect() } else { Vec::new() };
        Ok(Scores { scores: values.clone(), shares, ..Scores::default() })
    }

    fn state(&self) -> Result<Box<RawValue>> {
        state_of(&())
    }
}

fn pack() -> Pack {
    Pack::new(
        "letters",
        [Component::metric(
            "capitals",
            "The number of capitals.",
            [Input::text("text")],
            |NoParameters {}| {
                let capitals = |text: &str| text.chars().filter(|c| c.is_uppercase()).count();
                Ok(Metric::text(move |text| i64::try_from(capitals(text)).ok()))
            },
        )],
    )
}

async fn run(memory: Memory, job: &AnomalyJob, packs: Option<Pack>) -> Result<Outcome> {
    let mut components = ComponentRegistry::default();
    if let Some(pack) = packs {
        components.register(pack).unwrap();
    }
    let mut detectors = DetectorRegistry::default();
    detectors.register(FirstFeature).unwrap();
    let mut connectors = ConnectorRegistry::empty();
    connectors.register(memory);
    let engines = Engines {
        feature: Arc::new(LocalFeatureEngine::with_components(components)),
        classification: Arc::new(LocalClassificationEngine::with_detectors(
            anomal_classification::Options::default(),
            detectors,
        )),
    };
    let options = Options {
        observer: Arc::new(Quiet),
        connectors,
        original: None,
        suspects: 1,
        results: true,
        report: None,
        secrets: Secrets::default(),
        packs: Vec::new(),
        run: None,
        suppressions: None,
        namespace: None,
        memory: None,
    };
    Box::pin(anomal_runner::run(job, &engines, &options)).await
}

fn job(engine: &str) -> AnomalyJob {
    let settings = format!(
        "input: {{ndjson: {{path: memory}}}}\n\
         packs: [letters]\n\
         features:\n\
         - {{type: metric, name: capitals, dataNeeded: [text]}}\n\
         classification: {{engine: {engine}, threshold: {{method: score, value: 3}}}}\n\
         outputs:\n\
         - ndjson: {{path: memory-out}}\n"
    );
    let source = anomal_spec::Source { file: "job.yaml", name: "job" };
    let none = |_: &str| Err(std::io::ErrorKind::NotFound.into());
    anomal_spec::load(settings.as_bytes(), source, &none).unwrap().job
}

fn memory() -> Memory {
    let table = df!("text" => ["a", "Ab", "ABC", "d", "E"]).unwrap();
    Memory { table, written: Arc::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_runs_on_registered_parts() {
    let memory = memory();
    let outcome = run(memory.clone(), &job("FirstFeature"), Some(pack())).await.unwrap();
    assert_eq!(outcome.plan.features[0].origin, "metric capitals");
    let written = memory.written.lock().unwrap();
    let column = |name: &str| {
        let columns = written.iter().map(|frame| frame.column(name).unwrap().clone());
        columns.reduce(|mut all, next| all.append_owned(next).unwrap().clone()).unwrap()
    };
    let scores: Vec<f64> = column("anomal.score").f64().unwrap().into_no_null_iter().collect();
    assert_eq!(scores, [0.0, 1.0, 3.0, 0.0, 1.0]);
    let suspicious: Vec<Option<bool>> =
        column("anomal.suspicious").bool().unwrap().iter().collect();
    assert_eq!(suspicious.iter().position(|suspicious| *suspicious == Some(true)), Some(2));
    assert_eq!(suspicious.iter().filter(|suspicious| **suspicious == Some(true)).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_registered_is_refused() {
    let refusal = async |job: AnomalyJob, packs: Option<Pack>| {
        let memory = memory();
        let error = run(memory.clone(), &job, packs).await.unwrap_err();
        assert!(memory.written.lock().unwrap().is_empty());
        assert_eq!(error.code, Code::InvalidSettings, "{error}");
        error.reason
    };
    assert_eq!(refusal(job("FirstFeature"), None).await, "PACK_UNKNOWN");
    assert_eq!(refusal(job("HBOS"), Some(pack())).await, "DETECTOR_UNKNOWN");
}
