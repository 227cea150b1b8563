//! What is shown of a Kubernetes cluster.

/// A change of what is watched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterEvent {
    /// The cluster has answered.
    Opened {
        /// The address of its API server.
        server: String,
        /// None: all of them.
        namespace: Option<String>,
        jobs: Vec<ClusterJob>,
    },
    /// The jobs as they are now.
    Jobs(Vec<ClusterJob>),
    /// The job that is looked at, for the first time, and as it is now.
    Detail(Box<JobDetail>),
    Refreshed(Box<JobDetail>),
    /// The connection is lost, and tried again.
    Interrupted(String),
    /// It can't be watched, such as without the right.
    Failed(String),
}

/// An `AnomalyJob` in a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterJob {
    pub namespace: String,
    pub name: String,
    /// The phase with its reason, such as `Pending (SecretNotFound)`.
    pub status: String,
    /// Of the last run that has ended, or of a stream so far.
    pub rows: Option<u64>,
    pub suspicious: Option<u64>,
    pub flags: Option<u64>,
    /// When the run was started, such as `2026-03-02 10:42Z`.
    pub started: String,
    /// The message of the operator.
    pub message: String,
    /// The address of its report.
    pub report: String,
}

/// All that is known of an `AnomalyJob`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JobDetail {
    /// As `anomal job status` prints it.
    pub status: Vec<String>,
    /// The newest last.
    pub events: Vec<String>,
    /// The last lines of the log of its newest pod, or why there are none.
    pub log: Vec<String>,
}
