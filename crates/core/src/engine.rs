//! What an engine does, wherever it runs. Implemented by the local engines and by their gRPC clients;
//! one contract suite (tests/) runs against both.

use std::{path::PathBuf, sync::Arc, time::Duration};

use anomal_spec::{Feature, Filter, Flag, ListSettings, PackSetting, ProfileUse};
use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use serde::{Deserialize, Serialize};

use crate::{
    Cancel, Code, Error, FitProgress, Model, Result, Scope, Table,
    proto::{
        Analysis, Column, Component, Detector, Diagnostic, ExportReportRequest, FeatureColumn,
        Incidents, JudgeRequest, JudgeResponse, ListPacksResponse, ListReportsRequest,
        ListReportsResponse, PackHeader, Plan, Report, StepStatistics, TimeReading, Verdict,
    },
};

/// The part of the settings that the feature engine works by.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FeatureSettings {
    /// The column with the times of the rows, over which aggregates have their windows.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_column: Option<String>,
    /// The column that says which rows are anomalies, which no step may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_column: Option<String>,
    pub packs: Vec<PackSetting>,
    /// Profiles of packs that are still to be added; none in a plan.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<ProfileUse>,
    /// Lists that components look values up in. The `digest` of each is that of its artifact, which the engine gets by
    /// [`FeatureEngine::put_pack`].
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub lists: Vec<ListSettings>,
    /// When the run started, in microseconds since the epoch: entries of lists expire by it where rows have no time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<i64>,
    pub filters: Vec<Filter>,
    pub features: Vec<Feature>,
    pub flags: Vec<Flag>,
    /// Whether the caller runs steps of scope Keyed ([`FeatureEngine::keyed_steps`]); without it their scope is Global.
    pub keyed: bool,
}

#[derive(Clone, Debug)]
pub struct PlanRequest {
    pub settings: FeatureSettings,
    /// All columns of the input, in order, typed as its driver would type them.
    pub schema: Vec<Column>,
    /// How columns of other types are read where a step needs them as times.
    pub times: Vec<TimeReading>,
}

/// A pack by its contents.
#[derive(Clone, Debug)]
pub struct PackUpload {
    /// Its OCI manifest, with the signatures of the manifest's digest, which identifies the pack.
    pub header: PackHeader,
    /// The manifest's configuration, then its layers, in order.
    pub blobs: Vec<Bytes>,
}

#[derive(Clone, Debug)]
pub struct ExtractRequest {
    /// `Plan.settings`: patterns expanded, defaults filled in (JSON of [`FeatureSettings`]).
    pub settings: Arc<str>,
    /// `Plan.columns`.
    pub columns: Vec<Column>,
    /// The steps to run.
    pub scope: Scope,
    /// Scope Row: the columns of `Plan.columns`. Scope Global: `Plan.global_features`, then `Plan.global_columns`, of
    /// all rows that the filters of scope Row left.
    pub table: Table,
}

/// What the steps of one scope made of a table.
#[derive(Clone, Debug)]
pub struct Extraction {
    /// The rows that are left, with the features of this scope, in the order of `Plan.features`.
    pub features: Table,
    /// The rows removed, with the string column `filter`: each by the first filter that took it.
    pub removed: Table,
    /// The rows hit, with the string columns `flag` and `value` and the number `group` of their facts (u32), by flag, then
    /// row.
    pub hits: Table,
    /// The facts of groups of hits, a line each: the group as the row number, `flag`, `name`, `number` or `text`.
    pub facts: Table,
    pub steps: Vec<StepStatistics>,
    pub diagnostics: Vec<Diagnostic>,
}

/// Makes a feature table from raw records.
#[async_trait]
pub trait FeatureEngine: Send + Sync {
    /// The packs' metrics, filters and flags.
    async fn list_components(&self) -> Result<Vec<Component>>;

    /// Checks the settings against the columns of an input.
    ///
    /// # Errors
    /// `InvalidSettings` with the path: unknown component, missing column (with the nearest names), wrong
    /// type, wrong parameter, expression refused.
    async fn plan(&self, request: PlanRequest) -> Result<Plan>;

    /// How many calls it can work on at once, now.
    fn parallelism(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Runs the steps of one scope, Row or Global, over one table. Idempotent.
    async fn extract(&self, request: ExtractRequest) -> Result<Extraction>;

    /// Gives the engine a pack that settings name by its digest. Idempotent.
    ///
    /// # Errors
    /// `InvalidSettings` if the pack is damaged or the engine does not accept packs of its kind; `ResourceExhausted`
    /// beyond the bounds of the caller; `Incompatible` if the engine takes no packs.
    async fn put_pack(&self, _pack: Arc<PackUpload>) -> Result<()> {
        Err(Error::new(Code::Incompatible, "PACK_KIND_DENIED", "this engine takes no packs"))
    }

    /// The packs of the caller, and which packs the engine accepts.
    async fn list_packs(&self) -> Result<ListPacksResponse> {
        Ok(ListPacksResponse { policy: "none".into(), ..ListPacksResponse::default() })
    }

    /// The steps of scope Keyed of `plan`, if it has any. They work in this process wherever the engine is, because the
    /// state of their keys belongs to the run.
    ///
    /// # Errors
    /// `InvalidSettings` if the plan is that of another version.
    fn keyed_steps(&self, plan: &Plan) -> Result<Option<Box<dyn KeyedSteps>>>;
}

/// Steps of scope Keyed, with the states of their keys.
pub trait KeyedSteps: Send {
    /// The features and flags of rows. `table`: the features and columns of `Plan.keyed`; all rows with a time up to
    /// `watermark` that no call before had, and rows without a time, in the order of row ids. No watermark: these are
    /// the last rows.
    ///
    /// # Errors
    /// `Cancelled`; `InvalidInput` if an expression fails for these rows; `InvalidRequest` if the table is not that of
    /// the plan.
    fn process(
        &mut self,
        table: Table,
        watermark: Option<i64>,
        cancel: &Cancel,
    ) -> Result<Extraction>;

    /// The same for rows of a stream, in the order of row ids: each is judged with the rows of its key that came before it,
    /// and a row whose time is behind theirs is put among them. Rows without a time are in no window. No row comes any
    /// more for a window that ends before `expired`.
    ///
    /// # Errors
    /// As [`KeyedSteps::process`].
    fn arrive(&mut self, table: Table, expired: Option<i64>, cancel: &Cancel)
    -> Result<Extraction>;

    /// A feature or flag whose state grows for ever, since its window has no end.
    fn unbounded(&self) -> Option<&str>;

    /// The memory of the states of all keys in bytes, roughly: the same for the same rows, in whatever calls they came. Forgets
    /// those that can be at `expired`, as [`KeyedSteps::arrive`] does.
    ///
    /// # Errors
    /// `Internal`.
    fn memory(&mut self, expired: Option<i64>) -> Result<u64>;

    /// Forgets the half of the keys of each step that were seen longest ago, and returns how many these are.
    fn forget_half(&mut self) -> u64;

    /// The states of all keys, for [`KeyedSteps::restore`] of the same plan.
    fn freeze(&self) -> FrozenStates;

    /// Continues from states that were encoded.
    ///
    /// # Errors
    /// `InvalidRequest` if it is damaged.
    fn restore(&mut self, states: &[u8]) -> Result<()>;
}

/// States as they were at one moment, which share what has not changed since with those that go on.
pub struct FrozenStates(Box<dyn FnOnce() -> Result<Vec<u8>> + Send>);

impl FrozenStates {
    pub fn new(encode: impl FnOnce() -> Result<Vec<u8>> + Send + 'static) -> Self {
        Self(Box::new(encode))
    }

    /// As bytes. This is what is slow, and may be done beside other work.
    ///
    /// # Errors
    /// `Internal`.
    pub fn encode(self) -> Result<Vec<u8>> {
        (self.0)()
    }
}

#[derive(Clone, Debug)]
pub struct ClassifyRequest {
    pub settings: anomal_spec::Classification,
    /// The table's columns, in order. Numeric features are Float64 or Int64 columns, booleans Boolean,
    /// categorical ones String (or any of the others).
    pub features: Vec<FeatureColumn>,
    pub table: Table,
    /// Receives the steps of the fit, where the engine reports them.
    pub progress: FitProgress,
}

/// A table fitted and scored.
#[derive(Clone, Debug)]
pub struct Classification {
    /// For each row, in the table's order: `score` f64, `rank` f64, `cluster` u32, `suspicious` bool,
    /// `contribution.<feature>` f64 for each feature.
    pub rows: Table,
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
}

/// A model and what was seen in fitting it.
#[derive(Clone, Debug)]
pub struct FittedModel {
    pub model: Model,
    pub analysis: Analysis,
    pub steps: Vec<StepStatistics>,
}

/// Rows scored by a model.
#[derive(Clone, Debug)]
pub struct ScoredTable {
    /// As [`Classification::rows`].
    pub rows: Table,
    pub steps: Vec<StepStatistics>,
}

/// Scores, clusters and explains a feature table.
#[async_trait]
pub trait ClassificationEngine: Send + Sync {
    async fn list_detectors(&self) -> Result<Vec<Detector>>;

    /// Fits and scores one table.
    ///
    /// # Errors
    /// `InvalidSettings` for an unknown detector, parameter or threshold; `ResourceExhausted` with the
    /// estimate if the table is more than the engine may take.
    async fn classify(&self, request: ClassifyRequest) -> Result<Classification>;

    /// Fits a model on one table. Errors as [`ClassificationEngine::classify`].
    async fn fit(&self, request: ClassifyRequest) -> Result<FittedModel>;

    /// Whether it works in this process: a call then has all of the machine, and shares no rows with others.
    fn in_process(&self) -> bool {
        true
    }

    /// How many calls of [`ClassificationEngine::score`] it can work on at once, now.
    fn parallelism(&self) -> usize {
        std::thread::available_parallelism().map_or(1, usize::from)
    }

    /// Scores each row for itself: the answer for a row does not depend on the others. An engine may hold the
    /// decoded model, and a remote one is sent it once.
    ///
    /// # Errors
    /// `InvalidRequest` if the model is damaged, of another version, or not of this table's columns.
    async fn score(&self, model: &Model, table: Table) -> Result<ScoredTable>;
}

/// What a run found, on its way to be kept.
#[derive(Clone, Debug)]
pub struct PublishRequest {
    /// Without what the engine gives.
    pub report: Report,
    pub analysis: Option<Analysis>,
    /// A Parquet file of the result table: all rows, with features and contributions.
    pub rows: PathBuf,
    /// The rows hit, with the string columns `flag` and `value`, by flag, then row.
    pub hits: Table,
    /// None where rows are not grouped into incidents.
    pub incidents: Option<Incidents>,
    /// How long it is kept; none: until someone deletes it.
    pub time_to_live: Option<Duration>,
}

/// A file on its way, in pieces of at most 1 MiB.
pub type Download = BoxStream<'static, Result<Bytes>>;

/// Keeps reports, and shows them.
#[async_trait]
pub trait ReportEngine: Send + Sync {
    /// Stores a report. One that breaks off leaves nothing visible.
    ///
    /// # Errors
    /// `InvalidRequest` if the rows are no result table; `Output` if the store refuses it.
    async fn publish(&self, request: PublishRequest) -> Result<Report>;

    /// The newest first, a page at a time.
    async fn list(&self, request: ListReportsRequest) -> Result<ListReportsResponse>;

    /// # Errors
    /// `NotFound`.
    async fn get(&self, id: &str) -> Result<Report>;

    /// The report, or its table, as a file.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` for no format.
    async fn export(&self, request: ExportReportRequest) -> Result<Download>;

    /// # Errors
    /// `NotFound`.
    async fn delete(&self, id: &str) -> Result<()>;

    /// Stores verdicts about incidents, unless there are newer ones than the caller has seen.
    ///
    /// # Errors
    /// `NotFound`; `InvalidRequest` for an unknown incident, verdict or day; `Output` if the store refuses it;
    /// `Incompatible` if the engine stores none.
    async fn judge(&self, _request: JudgeRequest) -> Result<JudgeResponse> {
        Err(no_verdicts())
    }

    /// The verdicts of a job, by number.
    ///
    /// # Errors
    /// `Unavailable` if the store can't be read; `Incompatible` if the engine stores none.
    async fn list_verdicts(&self, _namespace: &str, _job: &str) -> Result<Vec<Verdict>> {
        Err(no_verdicts())
    }

    /// Deletes the verdicts of a job; returns how many there were.
    ///
    /// # Errors
    /// `Output` if the store refuses it; `Incompatible` if the engine stores none.
    async fn delete_verdicts(&self, _namespace: &str, _job: &str) -> Result<u64> {
        Err(no_verdicts())
    }
}

fn no_verdicts() -> Error {
    let message = "this report engine stores no verdicts; use one of this version";
    Error::new(Code::Incompatible, "NO_VERDICTS", message)
}
