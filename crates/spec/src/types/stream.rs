use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Auth, Input, JournalSettings, input::is_default};

/// Makes a job continuous: it reads what is appended to its files until it is stopped, and after a restart it continues
/// behind the last checkpoint, so that each record has its result once.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Stream {
    /// How many processes share the partitions of topics (`input.kafka`). Each partition then is a separate stream, also with 1:
    /// with its own checkpoints, model, windows and profiles, so that it can move between processes. Which of them a process
    /// is, `anomal run --replica` says, or a consumer group (`input.kafka.assignment`); in a cluster the operator starts so many pods. Absent: one process reads all
    /// partitions as one stream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000))]
    pub replicas: Option<u32>,
    /// How files are followed.
    #[serde(default)]
    pub follow: Follow,
    /// How the times of records in `timeColumn` are taken. Absent: as its defaults say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<StreamTime>,
    /// How many records are judged together. Absent: as its defaults say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<StreamBatch>,
    /// Where records that are pushed (`input.http`, `input.tcp`, `input.syslog`) wait until their results are written. Absent: as its defaults
    /// say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub journal: Option<JournalSettings>,
    /// What the first model is fitted on, where `classification.model.load` names none. Absent: the first 5,000 rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warm_up: Option<WarmUp>,
    /// How the model follows the records. Absent: as its defaults say after a warm-up, and not at all with
    /// `classification.model.load`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<StreamModel>,
    /// A profile of each entity, beside the model of all rows. Absent: rows are judged by what is usual of all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub entity: Option<StreamEntity>,
    /// Where positions and state are saved.
    #[serde(default)]
    pub state: StreamState,
}

/// How files are followed: through renaming, truncation, and copying before truncation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Follow {
    /// Where reading begins the first time. Files that appear later are read from their beginning.
    #[serde(default)]
    pub start: FollowStart,
    /// How long a file that was renamed or removed has to be unchanged before the next one is read, such as `1s` (s, m, h, d
    /// or w).
    #[serde(default = "one_second")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub idle: String,
}

/// Event time: which records are late, and which times are not believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamTime {
    /// How far records are out of order: the watermark is so far behind the newest time. A time such as `10s` (s, m, h, d or
    /// w), or `auto`: as far as 99.9 % of the last 10,000 records of a partition, between 1 s and 10 min.
    #[serde(default = "auto")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^(auto|[1-9][0-9]*[smhdw])$"))]
    pub disorder: String,
    /// A record so far behind the watermark is late: it is written, with `anomal.late`, and takes no part in windows.
    #[serde(default = "five_minutes")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub lateness: String,
    /// A record so far in the future has `anomal.skewed`: it does not move the watermark, and takes part in windows at the
    /// newest time before it.
    #[serde(default = "two_minutes")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub ahead: String,
    /// A partition of which nothing has come for so long, such as `60s` (s, m, h, d or w), and of which there is nothing left to
    /// read, has a watermark that follows the clock of this machine: `disorder` and this time behind it. Absent: it waits for
    /// the next record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub idle: Option<String>,
    /// What becomes of records that are late.
    #[serde(default, skip_serializing_if = "is_default")]
    pub late: LateRecords,
}

/// What becomes of records that are late.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LateRecords {
    /// They are judged and written with `anomal.late`, without windows.
    #[default]
    Keep,
    /// They go to the dead-letter file, and are not judged.
    DeadLetter,
}

/// Records that are judged together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamBatch {
    /// At most so many.
    #[serde(default = "four_thousand")]
    #[schemars(range(min = 1, max = 65_536))]
    pub rows: usize,
    /// How long a record waits for others where nothing is left to read, such as `50ms` (ms or s): the input is looked at again
    /// so much later. At most `10s`.
    #[serde(default = "fifty_milliseconds")]
    #[schemars(length(min = 2, max = 8), regex(pattern = "^[1-9][0-9]*m?s$"))]
    pub wait: String,
}

impl StreamBatch {
    /// Milliseconds.
    pub const LONGEST_WAIT: u64 = 10_000;
}

/// Where reading begins the first time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum FollowStart {
    /// With the first record of each file.
    #[default]
    Beginning,
    /// Behind what the files have when the stream starts.
    End,
}

/// What is learned before rows are scored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WarmUp {
    /// So many rows are written without a score, with their flags; then a model is fitted on them, which scores the rows
    /// behind them.
    #[serde(default = "five_thousand")]
    #[schemars(range(min = 10, max = 1_000_000))]
    pub rows: usize,
    /// Records from before the stream, with the columns of its input: they are learned before its first record, in the order
    /// of `timeColumn`, and not written. The model is fitted on a sample of them, so that all records of the stream are
    /// scored. Read once, when the stream begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "input_that_ends")]
    pub preload: Option<Box<Input>>,
}

impl Default for WarmUp {
    fn default() -> Self {
        Self { rows: five_thousand(), preload: None }
    }
}

impl Stream {
    /// Records from before the stream.
    pub fn preload(&self) -> Option<&Input> {
        self.warm_up.as_ref()?.preload.as_deref()
    }
}

/// An input without the drivers that wait for records.
fn input_that_ends(generator: &mut SchemaGenerator) -> Schema {
    let mut schema = Input::json_schema(generator);
    if let Some(drivers) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        for endless in ["kafka", "http", "tcp", "syslog"] {
            drivers.remove(endless);
        }
    }
    schema
}

/// How the model follows the records: it is fitted again on a sample of them, and takes the place of the one before if it
/// judges the next records no worse.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamModel {
    #[serde(default)]
    pub learn: Learn,
    #[serde(default)]
    pub online: Online,
    /// Which rows are learned.
    #[serde(default, skip_serializing_if = "is_default")]
    pub learn_suspects: LearnSuspects,
    /// The rows on which a model is fitted again.
    #[serde(default)]
    pub sample: ModelSample,
    /// When it is fitted again.
    #[serde(default)]
    pub refit: Refit,
}

/// Whether rows are learned that are unusual or suspicious: by p-values, profiles of entities, what is learned row by row, and
/// the sample on which a model is fitted again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum LearnSuspects {
    /// Few of those with p-values below 0.001, unless they are more than 5 % of the last 2,000 rows: then it is the world that
    /// has changed.
    #[default]
    Trimmed,
    /// Every row.
    All,
    /// No suspicious row, also where they become many.
    None,
}

/// What is learned row by row beside the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Online {
    /// Nothing.
    #[default]
    None,
    /// `RandomCutForest` where numbers have at least half of the weight of all features, else `HBOS`.
    Auto,
    /// How frequent the values of each feature were lately, as HBOS takes them.
    #[serde(rename = "HBOS")]
    Hbos,
    /// An isolation forest of the last 2,048 rows (Leveni et al. 2024).
    #[serde(rename = "OnlineIsolationForest")]
    OnlineIsolationForest,
    /// A random cut forest of the last 2,048 rows (Guha et al. 2016): which values go together.
    #[serde(rename = "RandomCutForest")]
    RandomCutForest,
    /// Which numbers go together: the Mahalanobis distance by means and covariances that decay, of 2 to 128 numeric features.
    #[serde(rename = "OnlineCovariance")]
    OnlineCovariance,
}

impl Online {
    /// What `auto` is for features: the weight of each, and whether it is a number. Any other is itself.
    #[must_use]
    pub fn chosen(self, features: &[(f64, bool)]) -> Self {
        let sum = |is_number: bool| -> f64 {
            let of_kind = features.iter().filter(|(_, number)| *number == is_number);
            of_kind.map(|(weight, _)| *weight).sum()
        };
        match self {
            Self::Auto if sum(true) >= sum(false) => Self::RandomCutForest,
            Self::Auto => Self::Hbos,
            other => other,
        }
    }
}

/// Entities, such as hosts or users, that are judged by what is usual of each: how often its features had which values. So far
/// as an entity has few rows, it is judged by all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamEntity {
    /// The columns whose values together are an entity, such as `source.ip`.
    #[schemars(length(min = 1, max = 4), inner(length(min = 1, max = 256)))]
    pub by: Vec<String>,
    /// What is known of each.
    #[serde(default)]
    pub model: EntityModel,
    /// The rows of an entity at which its own and those of all count the same, and at which it gets a forest.
    #[serde(default = "two_hundred")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub min_rows: u32,
    /// The most entities that have a profile; of more, the half that was seen last stays.
    #[serde(default = "five_hundred_thousand")]
    #[schemars(range(min = 2, max = 10_000_000))]
    pub max: usize,
    /// An entity that was not seen for so long, by the times of records, is forgotten, such as `14d` (s, m, h, d or w). Without
    /// `timeColumn` none is, below `max`.
    #[serde(default = "fourteen_days")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub forget_after: String,
    /// An entity that pauses for longer than this, and for longer than it ever did, is reported as silent, such as `15m` (s, m, h,
    /// d or w). Absent: none is. Needs `timeColumn`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub silence: Option<String>,
}

/// What is known of each entity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum EntityModel {
    /// How often each of its features had which values, in some 0.3 KiB and 50 to 100 bytes a feature.
    #[default]
    Profile,
    /// Also which values go together: a random cut forest (Guha et al. 2016) for each entity that has `minRows` rows, of at most
    /// 64 KiB.
    Forest,
    /// Nothing: entities are named, counted and watched for silence, and rows are not judged by them.
    None,
}

/// Whether the model follows the records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Learn {
    /// It is fitted again as `refit` says.
    #[default]
    Continuous,
    /// It stays as it is.
    Once,
}

/// A random sample of the rows, in which later ones are more likely. Bursts of unusual rows are not in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelSample {
    /// The most rows of it.
    #[serde(default = "ten_thousand")]
    #[schemars(range(min = 100, max = 200_000))]
    pub rows: usize,
    /// A row that is so much older by its time is half as likely in the sample, such as `7d` (s, m, h, d or w). Without
    /// `timeColumn`, a row that is ten times `rows` older is.
    #[serde(default = "seven_days")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub half_life: String,
}

/// When a model is fitted again, and on trial.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Refit {
    /// The time between fits, by the times of records, such as `6h` (s, m, h, d or w). Without `timeColumn`, `rows` alone
    /// counts.
    #[serde(default = "six_hours")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub every: String,
    /// The rows between fits. Absent: by `every` alone, and without `timeColumn` 100,000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1_000, max = 1_000_000_000))]
    pub rows: Option<u64>,
    /// How long a new model is on trial.
    #[serde(default)]
    pub shadow: Shadow,
    /// Also as soon as the scores show that the records have changed, at most six times as often.
    #[serde(default = "yes")]
    pub on_drift: bool,
}

/// How long a new model scores rows beside the one in use before it is compared with that: until both have passed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Shadow {
    /// So many rows; it has as many to be fitted.
    #[serde(default = "five_thousand_rows")]
    #[schemars(range(min = 400, max = 1_000_000))]
    pub rows: u64,
    /// So much time, by the times of records, such as `10m` (s, m, h, d or w). Absent: `rows` alone counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub at_least: Option<String>,
}

impl Default for Shadow {
    fn default() -> Self {
        Self { rows: five_thousand_rows(), at_least: None }
    }
}

impl Default for ModelSample {
    fn default() -> Self {
        Self { rows: ten_thousand(), half_life: seven_days() }
    }
}

impl Default for Refit {
    fn default() -> Self {
        Self { every: six_hours(), rows: None, shadow: Shadow::default(), on_drift: true }
    }
}

/// Where positions and state are saved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StreamState {
    #[serde(default)]
    pub checkpoint: CheckpointSettings,
    /// The memory that the state of a process may have, such as `3Gi` (Mi or Gi): entities, windows, models and samples of all
    /// its partitions. Above six tenths of it, what was not seen for longest is forgotten. Absent: as much as `entity.max` and
    /// windows need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 8), regex(pattern = "^[1-9][0-9]*(Mi|Gi)$"))]
    pub max_memory: Option<String>,
}

/// Checkpoints of position and state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckpointSettings {
    /// The time between checkpoints, such as `10s` (s, m, h, d or w): after a crash, at most so much is read again.
    #[serde(default = "ten_seconds")]
    #[schemars(length(min = 2, max = 12), regex(pattern = "^[1-9][0-9]*[smhdw]$"))]
    pub every: String,
    /// A folder of this job alone, on this machine or in an object store (`s3://bucket/folder/`, `gs://`, `az://`). Absent:
    /// `<job>.state` beside the first file output.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 4096))]
    pub to: Option<String>,
    /// Of a folder in an object store: the credentials. Absent: the environment's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<Auth>,
}

fn five_thousand() -> usize {
    5_000
}

fn four_thousand() -> usize {
    4_096
}

fn fifty_milliseconds() -> String {
    "50ms".to_owned()
}

fn five_thousand_rows() -> u64 {
    5_000
}

fn ten_thousand() -> usize {
    10_000
}

fn fourteen_days() -> String {
    "14d".to_owned()
}

fn two_hundred() -> u32 {
    200
}

fn five_hundred_thousand() -> usize {
    500_000
}

fn seven_days() -> String {
    "7d".to_owned()
}

fn six_hours() -> String {
    "6h".to_owned()
}

fn yes() -> bool {
    true
}

fn auto() -> String {
    "auto".to_owned()
}

fn five_minutes() -> String {
    "5m".to_owned()
}

fn two_minutes() -> String {
    "2m".to_owned()
}

fn one_second() -> String {
    "1s".to_owned()
}

fn ten_seconds() -> String {
    "10s".to_owned()
}

impl Default for Follow {
    fn default() -> Self {
        Self { start: FollowStart::default(), idle: one_second() }
    }
}

impl Default for StreamTime {
    fn default() -> Self {
        Self {
            disorder: auto(),
            lateness: five_minutes(),
            ahead: two_minutes(),
            idle: None,
            late: LateRecords::default(),
        }
    }
}

impl Default for StreamBatch {
    fn default() -> Self {
        Self { rows: four_thousand(), wait: fifty_milliseconds() }
    }
}

impl Default for CheckpointSettings {
    fn default() -> Self {
        Self { every: ten_seconds(), to: None, auth: None }
    }
}
