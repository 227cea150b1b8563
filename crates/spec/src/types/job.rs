use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::load::MAX_NAME;

use super::{
    Classification, DeadLetter, Engines, Feature, Filter, Flag, Input, KafkaAssignment,
    ListSettings, Output, PackSetting, ProfileUse, Report, Roles, Runner, Schedule, Stream,
    Suppressions,
};

pub const API_VERSION: &str = "anomal.dev/v1alpha1";
pub const KIND: &str = "AnomalyJob";

/// A manifest as `kubectl apply` takes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnomalyJob {
    /// Always `anomal.dev/v1alpha1`.
    pub api_version: String,
    /// Always `AnomalyJob`.
    pub kind: String,
    /// Its name, and whatever else Kubernetes keeps of an object.
    pub metadata: Metadata,
    /// What the job does.
    pub spec: AnomalyJobSpec,
}

/// The part of an object's metadata that a local run looks at; the rest is kept as it is.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-kubernetes-preserve-unknown-fields" = true))]
pub struct Metadata {
    /// The job's name: lower-case letters, digits and `-`, at most 52 characters, so that the names of
    /// the objects made from it fit.
    #[schemars(length(min = 1, max = MAX_NAME))]
    pub name: String,
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

impl AnomalyJob {
    /// The consumer group of its topics: the one that is named, or that of the job where a group assigns partitions.
    pub fn consumer_group(&self) -> Option<String> {
        let named = self.spec.input.kafka.as_ref()?.group.clone();
        let own = || {
            let namespace = self.metadata.rest.get("namespace").and_then(|it| it.as_str());
            let place = namespace.map(|namespace| format!("{namespace}-")).unwrap_or_default();
            format!("anomal-{place}{}", self.metadata.name)
        };
        named.or_else(|| self.spec.is_assigned_by_group().then(own))
    }
}

/// What to read, which columns and metrics describe a record, how rows are judged, where results go.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AnomalyJobSpec {
    /// Where the records come from: exactly one driver.
    pub input: Input,
    /// The column with the time of a record: outputs report it as the time of the row, and features of type
    /// aggregate have their windows over it. The short form of `roles.time`. Absent: the time of the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub time_column: Option<String>,
    /// The column that says which rows are anomalies, which `anomal evaluate` compares the scores with. No feature, filter
    /// or flag may read it, and `match` leaves it out; outputs have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub label_column: Option<String>,
    /// The column that identifies a record, such as the number of an event: summaries and reports show it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub id_column: Option<String>,
    /// The columns, at most two, that say whose record it is, such as the address of a client: summaries and reports show
    /// them first, and features of type aggregate without `by` have the values of the first as keys. The short form of
    /// `roles.entities`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2), inner(length(min = 1, max = 253)))]
    pub entity: Vec<String>,
    /// What columns are to people: the time, the things that rows are about, and what tables show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub roles: Option<Roles>,
    /// Sets of domain knowledge whose metrics, filters and flags may be used: `dns`, `finance`, `geo`, and packs of others
    /// by a map with `name` and `ref` or `inline`. The components of the packs `text` and `lists` need no entry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub packs: Vec<PackSetting>,
    /// The text of `anomal.lock`: the digests of references without one. Absent: the file beside the settings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 262_144))]
    pub lock: Option<String>,
    /// Profiles of packs, as `PACK/PROFILE`: their filters, features and flags are added to the job's.
    #[serde(rename = "use", default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub profiles: Vec<ProfileUse>,
    /// Lists of indicators, such as domains of malware, in which components of the pack `lists` look values up.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub lists: Vec<ListSettings>,
    /// Rows to leave out, in this order, before anything else is computed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub filters: Vec<Filter>,
    /// The columns of the feature table. None: no classification, flags only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256))]
    pub features: Vec<Feature>,
    /// Direct indicators: rows that are worth a look whatever their score.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 128))]
    pub flags: Vec<Flag>,
    /// How rows are scored. Absent: flags only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classification: Option<Classification>,
    /// Where the results go. None: the terminal.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    pub outputs: Vec<Output>,
    /// Makes the job continuous. Absent: it reads its input to the end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// What runs are quiet about. Absent: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suppressions: Option<Suppressions>,
    /// A page that lets a person judge the result. Absent: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
    /// Where rejected records are kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dead_letter: Option<DeadLetter>,
    /// Engines that run elsewhere. Absent: in this process; in a cluster: those of the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub engines: Option<Engines>,
    /// Only in a cluster: whether the job is held. Its pods are stopped, and run again when it is false.
    #[serde(default)]
    pub suspend: bool,
    /// Only in a cluster: when it runs, again and again. Absent: once, at once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Schedule>,
    /// Only in a cluster: seconds that a run may take, all of its attempts together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 2_592_000))]
    pub active_deadline_seconds: Option<i64>,
    /// Only in a cluster: seconds after the end of the run at which the job is deleted, with all that was
    /// made for it. Absent: it stays. Not for jobs with a schedule, which never end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 315_360_000))]
    pub ttl_seconds_after_finished: Option<i64>,
    /// Only in a cluster: how often a run that failed is tried again. Settings or records that are wrong
    /// (exit codes 2 and 3) are not tried again.
    #[serde(default = "twice")]
    #[schemars(range(min = 0, max = 100))]
    pub backoff_limit: i32,
    /// Only in a cluster: the pod that runs the job.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runner: Option<Runner>,
}

impl AnomalyJobSpec {
    /// The column with the times of the records: `timeColumn`, or `roles.time` where its values are times.
    pub fn time_column(&self) -> Option<&str> {
        let roles = self.roles.as_ref().filter(|roles| roles.time_unit.is_none());
        self.time_column.as_deref().or_else(|| roles?.time.as_deref())
    }

    /// The columns that say whose record it is, at most two: `entity`, or the first of `roles.entities`.
    pub fn entity_columns(&self) -> impl Iterator<Item = &String> {
        let roles = self.roles.as_ref().filter(|_| self.entity.is_empty());
        let entities = roles.into_iter().flat_map(|roles| &roles.entities).take(2);
        self.entity.iter().chain(entities.map(|entity| &entity.column))
    }

    /// Whether each partition of its topics is a stream of its own, which processes share.
    pub fn has_shared_partitions(&self) -> bool {
        let replicas = self.stream.as_ref().and_then(|stream| stream.replicas);
        replicas.is_some() && self.input.kafka.is_some()
    }

    /// Whether a consumer group says which of these partitions a process runs.
    pub fn is_assigned_by_group(&self) -> bool {
        let kafka = self.input.kafka.as_ref();
        self.has_shared_partitions()
            && kafka.is_some_and(|kafka| kafka.assignment == KafkaAssignment::Group)
    }

    /// The columns that say which record it is and whose: `idColumn`, then those of the entities.
    pub fn row_keys(&self) -> impl Iterator<Item = &String> {
        self.id_column.iter().chain(self.entity_columns())
    }
}

fn twice() -> i32 {
    2
}

impl Default for AnomalyJobSpec {
    fn default() -> Self {
        Self {
            input: Input::default(),
            time_column: None,
            label_column: None,
            id_column: None,
            entity: Vec::new(),
            roles: None,
            packs: Vec::new(),
            lock: None,
            profiles: Vec::new(),
            lists: Vec::new(),
            filters: Vec::new(),
            features: Vec::new(),
            flags: Vec::new(),
            classification: None,
            outputs: Vec::new(),
            stream: None,
            suppressions: None,
            report: None,
            dead_letter: None,
            engines: None,
            suspend: false,
            schedule: None,
            active_deadline_seconds: None,
            ttl_seconds_after_finished: None,
            backoff_limit: twice(),
            runner: None,
        }
    }
}
