//! The state of the interface.

use std::{ops::Range, time::Duration};

use serde_json::Value as Json;

use crate::{
    document::Document,
    effect::{Judgement, Query},
    message::{ClusterJob, Inspection, JobDetail, Listing, Preview, Record, Report, Rows, Summary},
    overlays::{Form, Overlay},
    view::Size,
};

/// A screen. The steps are in the order of the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Screen {
    Home,
    Data,
    Features,
    Flags,
    Detector,
    Outputs,
    Run,
    Results,
    /// A row of the results.
    Row,
    /// The `AnomalyJobs` of a cluster, and one of them.
    Jobs,
    Job,
}

impl Screen {
    pub const ALL: [Self; 11] = [
        Self::Home,
        Self::Data,
        Self::Features,
        Self::Flags,
        Self::Detector,
        Self::Outputs,
        Self::Run,
        Self::Results,
        Self::Row,
        Self::Jobs,
        Self::Job,
    ];
    pub const STEPS: [Self; 7] = [
        Self::Data,
        Self::Features,
        Self::Flags,
        Self::Detector,
        Self::Outputs,
        Self::Run,
        Self::Results,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Self::Home => "Home",
            Self::Data => "Data",
            Self::Features => "Features",
            Self::Flags => "Flags",
            Self::Detector => "Detector",
            Self::Outputs => "Outputs",
            Self::Run => "Run",
            Self::Results | Self::Row => "Results",
            Self::Jobs | Self::Job => "Cluster",
        }
    }

    /// Its place in the rail, from 0.
    pub fn step(self) -> Option<usize> {
        let screen = if self == Self::Row { Self::Results } else { self };
        Self::STEPS.iter().position(|step| *step == screen)
    }
}

/// What does not change while the interface is open.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Lines are drawn with ASCII.
    pub ascii: bool,
    pub color: bool,
    /// The version that the first line shows.
    pub version: String,
    /// The detectors to choose from.
    pub detectors: Vec<Detector>,
    /// The folder that the interface was started in, from the root.
    pub folder: String,
    /// Whether it is shown as lines: settings are then edited as text only in another program.
    pub plain: bool,
    /// What can be added to the lists of features and flags.
    pub components: Vec<Addition>,
}

/// A detector that can be chosen.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Detector {
    pub name: String,
    /// What it does.
    pub about: String,
    /// The JSON schema of its parameters.
    pub parameters: Json,
}

/// A component that can be added to the settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Addition {
    pub is_flag: bool,
    /// Its name and what it does.
    pub text: String,
    /// The pack that has to be named in the settings.
    pub pack: String,
    /// The item, without its columns.
    pub item: Json,
    /// The JSON schema of its parameters.
    pub parameters: Json,
    /// For each input, the types of columns that it takes, such as `text`; none: any.
    pub inputs: Vec<Vec<String>>,
}

/// All that is shown.
#[derive(Debug)]
pub struct Model {
    pub(crate) options: Options,
    pub(crate) size: Size,
    pub(crate) now: Duration,
    pub(crate) screen: Screen,
    pub(crate) overlay: Option<Overlay>,
    /// The form that has asked for the value of its field.
    pub(crate) form: Option<Form>,
    pub(crate) note: Note,
    /// Whether the mouse is taken.
    pub(crate) mouse: bool,
    pub(crate) generation: u64,
    pub(crate) home: Home,
    pub(crate) job: Option<Job>,
    pub(crate) run: Option<Run>,
    pub(crate) results: Option<Results>,
    pub(crate) cluster: Option<Cluster>,
    /// Whether the settings are run once they are written.
    pub(crate) run_after_write: bool,
    /// The problem that was gone to last.
    pub(crate) issue_at: Option<usize>,
}

/// The line of messages.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Note {
    pub text: String,
    pub is_error: bool,
}

/// The place in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Cursor {
    pub at: usize,
}

impl Cursor {
    /// The first line to show so that the cursor is among `height`.
    pub fn top(self, height: usize) -> usize {
        (self.at + 1).saturating_sub(height.max(1))
    }
}

#[derive(Debug, Default)]
pub(crate) struct Home {
    pub folder: String,
    pub listing: Listing,
    pub failure: Option<String>,
    pub filter: String,
    pub cursor: Cursor,
    pub peeked: (String, Vec<String>),
    /// The data file that is being inspected: its path, the generation, and since when.
    pub opening: Option<(String, u64, Duration)>,
}

/// The settings that are worked on.
#[derive(Debug)]
pub(crate) struct Job {
    /// Where they are, or are to be.
    pub path: String,
    /// What the file has, if it was read or written.
    pub written: Option<String>,
    pub document: Document,
    /// What was found out about the input.
    pub input: Option<Inspection>,
    pub cursors: [Cursor; 7],
    /// The cursor of the second list of the detector's step, and whether it has the keys.
    pub detector: Cursor,
    pub on_detectors: bool,
    pub shows_rows: bool,
    pub filter: String,
    pub preview: PreviewState,
    /// The generation of an inspection that is under way.
    pub inspecting: Option<u64>,
    /// Since when there is something to keep as a draft, and to preview.
    pub changed_at: Option<Duration>,
}

#[derive(Debug, Default)]
pub(crate) enum PreviewState {
    #[default]
    Absent,
    Loading(u64, Duration),
    /// With the text that it is of.
    Ready(Preview, String),
    Failed(String),
}

impl Job {
    pub fn new(path: String, text: String, written: Option<String>) -> Self {
        Self {
            path,
            written,
            document: Document::new(text),
            input: None,
            cursors: [Cursor::default(); 7],
            detector: Cursor::default(),
            on_detectors: false,
            shows_rows: false,
            filter: String::new(),
            preview: PreviewState::Absent,
            inspecting: None,
            changed_at: None,
        }
    }

    pub fn is_written(&self) -> bool {
        self.written.as_deref() == Some(self.document.text())
    }
}

/// A run, or the last one.
#[derive(Debug)]
pub(crate) struct Run {
    pub path: String,
    pub pid: Option<u32>,
    pub since: Duration,
    pub ended: Option<Ended>,
    /// Names of stages with their beginnings and, for all but the last, ends.
    pub stages: Vec<StageTime>,
    pub progress: (u64, u64, Option<u64>),
    /// What the stage is doing; empty where that is not known.
    pub step: String,
    pub log: Vec<String>,
    pub shows_log: bool,
    pub stopping: bool,
    pub summary: Option<Summary>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub code: Option<i32>,
    pub at: Duration,
}

#[derive(Debug)]
pub(crate) struct StageTime {
    pub name: String,
    pub from: Duration,
    pub to: Option<Duration>,
    pub rows: u64,
}

impl Run {
    pub fn is_running(&self) -> bool {
        self.ended.is_none()
    }
}

/// The lists of the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tab {
    Incidents,
    Rows,
    Flags,
    Features,
    Timeline,
}

impl Tab {
    pub const ALL: [Self; 5] =
        [Self::Incidents, Self::Rows, Self::Flags, Self::Features, Self::Timeline];
}

/// A report that is looked at.
#[derive(Debug)]
pub(crate) struct Results {
    pub report: Report,
    pub tab: Tab,
    pub cursors: [Cursor; 5],
    /// The interval that a span begins with, among those that are shown.
    pub mark: Option<usize>,
    /// The verdict that is being stored, and a comment that is not stored yet.
    pub judging: Option<Judgement>,
    pub comment: String,
    pub rows: Rows,
    pub query: Query,
    /// Whether the rows of the query are not here.
    pub loading: bool,
    /// The rows that were asked for and are not here yet.
    pub asked: Range<usize>,
    pub failure: Option<String>,
    pub record: Option<Record>,
    /// The first line of the record that is shown.
    pub scroll: usize,
}

/// A cluster that is looked at.
#[derive(Debug, Default)]
pub(crate) struct Cluster {
    pub generation: u64,
    /// When it was asked, and whether it has answered.
    pub asked: Duration,
    pub is_open: bool,
    pub server: String,
    /// None: all of them.
    pub namespace: Option<String>,
    pub jobs: Vec<ClusterJob>,
    pub cursor: Cursor,
    /// Since when what is shown is old.
    pub lost: Option<Duration>,
    /// Why it can't be watched.
    pub failure: Option<String>,
    /// The namespace and the name of the job that is looked at.
    pub looked_at: (String, String),
    pub detail: Option<JobDetail>,
    pub shows_log: bool,
    /// Lines that are scrolled by.
    pub scroll: usize,
}

impl Model {
    /// The state before anything is known.
    pub fn new(options: Options, size: Size) -> Self {
        let home = Home { folder: options.folder.clone(), ..Home::default() };
        Self {
            options,
            size,
            now: Duration::ZERO,
            screen: Screen::Home,
            overlay: None,
            form: None,
            note: Note::default(),
            mouse: true,
            generation: 0,
            home,
            job: None,
            run: None,
            results: None,
            cluster: None,
            run_after_write: false,
            issue_at: None,
        }
    }

    /// With the mouse left to the terminal.
    #[must_use]
    pub fn without_mouse(self) -> Self {
        Self { mouse: false, ..self }
    }

    /// Whether something that is shown changes with time.
    pub fn wants_time(&self) -> bool {
        let waits = |cluster: &Cluster| {
            cluster.lost.is_some() || !cluster.is_open && cluster.failure.is_none()
        };
        self.home.opening.is_some()
            || self.cluster.as_ref().is_some_and(waits)
            || self.run.as_ref().is_some_and(Run::is_running)
            || self.job.as_ref().is_some_and(|job| {
                job.changed_at.is_some() || matches!(job.preview, PreviewState::Loading(..))
            })
    }

    pub fn screen(&self) -> Screen {
        self.screen
    }

    /// The text of the settings that are worked on.
    pub fn settings(&self) -> Option<&str> {
        self.job.as_ref().map(|job| job.document.text())
    }

    /// The settings that are not written, with the path of their file.
    pub fn draft(&self) -> Option<(&str, &str)> {
        let job = self.job.as_ref().filter(|job| !job.is_written())?;
        Some((&job.path, job.document.text()))
    }

    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.note = Note { text: text.into(), is_error: false };
    }

    pub(crate) fn complain(&mut self, text: impl Into<String>) {
        self.note = Note { text: text.into(), is_error: true };
    }

    pub(crate) fn next_generation(&mut self) -> u64 {
        self.generation += 1;
        self.generation
    }
}
