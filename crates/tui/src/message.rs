//! What changes the model: input, time, and the outcomes of effects. Plain data.

mod cluster;
mod results;

use std::time::Duration;

use serde::Deserialize;

pub use self::{cluster::*, results::*};

use crate::{input::Input, view::Size};

/// A change from outside.
#[derive(Clone, Debug, PartialEq)]
pub enum Message {
    Input(Input),
    Resize(Size),
    /// The time since the start. Sent while [`crate::Model::wants_time`].
    Tick(Duration),
    Listed {
        folder: String,
        result: Result<Listing, String>,
    },
    Peeked {
        path: String,
        lines: Vec<String>,
    },
    Opened {
        path: String,
        result: Result<OpenedFile, String>,
    },
    Proposed {
        generation: u64,
        result: Result<Proposal, String>,
    },
    Inspected {
        generation: u64,
        result: Result<Inspection, String>,
    },
    Previewed {
        generation: u64,
        result: Result<Preview, String>,
    },
    Written {
        path: String,
        text: String,
        result: Result<(), WriteProblem>,
    },
    Run(RunEvent),
    Report(Result<Report, String>),
    Rows {
        generation: u64,
        result: Result<Rows, String>,
    },
    Record(Result<Record, String>),
    /// The data file that was to be inspected is a result file of a run.
    IsResults {
        generation: u64,
        path: String,
    },
    /// What became of a verdict.
    Judged(Result<Judged, String>),
    /// What is seen of a cluster.
    Cluster {
        generation: u64,
        event: ClusterEvent,
    },
    /// The settings as they were left in another program.
    Edited(Result<String, String>),
    /// Something to show in the line of messages.
    Note(String),
    /// A task outside has failed in a way that it should not.
    Failed(String),
}

/// A folder for the first screen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    pub entries: Vec<FileEntry>,
    /// Entries beyond those that are listed.
    pub more: usize,
    pub recent: Vec<Recent>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileEntry {
    pub name: String,
    pub path: String,
    pub kind: FileKind,
    /// Such as `840 KB`.
    pub size: String,
    /// Such as `2026-03-02 10:42`.
    pub changed: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    Data,
    Job,
    Folder,
    Other,
}

/// Something that was worked on before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Recent {
    Draft { path: String, text: String, changed: String },
    Job { path: String, changed: String },
    Report { id: String, title: String, suspicious: u64, flagged: u64, created: String },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenedFile {
    pub text: String,
    /// Whether the text is what the file has. Else it was converted, and is not written yet.
    pub as_written: bool,
}

/// Settings proposed for a data file.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// Where a new settings file would be.
    pub target: String,
    pub text: String,
    pub input: Inspection,
    /// What the settings find in the first rows.
    pub preview: Option<Preview>,
}

/// What the first rows of an input show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    pub path: String,
    /// Such as `CSV, 840 KB`.
    pub format: String,
    /// Rows that were read, and whether they are all.
    pub rows: u64,
    pub complete: bool,
    /// The rows of the input; an estimate where not all were read.
    pub total: u64,
    pub columns: Vec<ColumnInfo>,
    /// The first rows, a cell for each column.
    pub first: Vec<Vec<String>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnInfo {
    pub name: String,
    /// Such as `integer`.
    pub data_type: String,
    /// What it was taken for, such as `host name`.
    pub role: String,
    pub missing: u64,
    /// Different values; an estimate where there are many.
    pub distinct: u64,
    pub example: String,
}

/// What settings find in the first rows.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Preview {
    pub rows: u64,
    pub suspicious: u64,
    pub flagged: u64,
    pub seconds: f64,
    /// The name of each flag and the rows that it hits.
    pub flags: Vec<(String, u64)>,
    pub features: Vec<FeaturePreview>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeaturePreview {
    pub name: String,
    pub distinct: u64,
    pub missing: u64,
    /// The median of a number, or the most frequent category.
    pub typical: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteProblem {
    /// The file has changed since it was read.
    Changed,
    /// A message for people.
    Failed(String),
}

/// What a run reports.
#[derive(Clone, Debug, PartialEq)]
pub enum RunEvent {
    Started {
        pid: u32,
    },
    /// A stage by its name has begun.
    Stage(String),
    Progress {
        rows: u64,
        done: u64,
        total: Option<u64>,
    },
    /// A step of the stage has begun, such as `member 2 of 5 (KNN), about 12 s left`.
    Step {
        rows: u64,
        done: u64,
        total: Option<u64>,
        words: String,
    },
    /// A line of its log, or of its error.
    Log(String),
    Summary(Box<Summary>),
    /// It has ended; without a code by a signal.
    Ended {
        code: Option<i32>,
    },
}

/// What a run found, as `anomal run` prints it for programs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Summary {
    pub rows: u64,
    pub rejected: u64,
    pub filtered: u64,
    pub suspicious: u64,
    pub flagged: u64,
    pub duration_seconds: f64,
    pub report: Option<ReportId>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct ReportId {
    pub id: String,
}
