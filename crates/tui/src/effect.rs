//! What is to be done outside: plain data, with generations where a later one makes an earlier one void.

/// Something to do. Its outcome comes back as a [`crate::Message`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// List a folder for the first screen.
    List {
        folder: String,
    },
    /// Read the beginning of a file.
    Peek {
        path: String,
    },
    /// Read a settings file.
    Open {
        path: String,
    },
    /// Inspect a data file and propose settings.
    Propose {
        path: String,
        generation: u64,
    },
    /// Inspect the input of settings.
    Inspect {
        text: String,
        folder: String,
        generation: u64,
    },
    /// Run the settings on the first rows of their input.
    Preview {
        text: String,
        folder: String,
        generation: u64,
    },
    /// Write the settings. `known` is what the file had when it was read or written last; if it has something else now, it is
    /// not written, unless `force` is set.
    Write {
        path: String,
        text: String,
        known: Option<String>,
        force: bool,
    },
    /// Keep settings that are not written yet, or forget them where there is no text.
    Draft {
        path: String,
        text: Option<String>,
    },
    /// Start `anomal run` for a settings file.
    Run {
        path: String,
    },
    /// Stop the run; `kill` does not wait for it to clean up.
    Stop {
        kill: bool,
    },
    /// Open a report of the store.
    OpenReport {
        id: String,
    },
    /// Open a result file.
    OpenResults {
        path: String,
    },
    /// Store a verdict on an incident of the open report.
    Judge(Judgement),
    /// Read rows of the open report.
    Rows(Query),
    /// Read a row of the open report.
    Record {
        row: u64,
    },
    /// Serve the open report's pages and show them in a browser.
    Browse {
        id: String,
    },
    /// Write the open report as a PDF.
    Pdf {
        id: String,
        path: String,
    },
    /// Look at a cluster, or no longer.
    Cluster(ClusterRequest),
    /// Show a page in the browser.
    OpenAddress {
        address: String,
    },
    /// Put a text into the clipboard of the terminal.
    Copy {
        text: String,
    },
    /// Edit a text in another program, which has the terminal meanwhile. The line of the cursor counts from 1.
    Editor {
        text: String,
        line: usize,
    },
    /// Take the mouse, or leave it to the terminal.
    Mouse(bool),
    /// Draw everything anew.
    Repaint,
    /// Give the terminal back to the shell until it continues this program.
    Suspend,
    Quit,
}

/// What is looked at of a cluster. Later requests end earlier ones.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClusterRequest {
    /// The `AnomalyJobs` of a namespace; none: that of the context, empty: all of them.
    Watch { namespace: Option<String>, generation: u64 },
    /// One of them, with its events and its log.
    Look { namespace: String, name: String, generation: u64 },
    /// That one no longer.
    LookAway,
    /// The cluster no longer.
    Leave,
}

/// A verdict that a person gives.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The number of the incident.
    pub incident: u64,
    /// The name of the verdict, such as `false-positive`.
    pub verdict: String,
    /// A comment; empty for none.
    pub note: String,
    /// The number of the newest verdict that was seen.
    pub after: u64,
}

/// A part of the time that a timeline covers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeSpan {
    /// Microseconds since the epoch; `to` is not included.
    pub from: i64,
    pub to: i64,
    /// In words, such as `2026-03-02 16:30 to 2026-03-02 17:00`.
    pub label: String,
}

/// Rows of a report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    pub generation: u64,
    pub offset: usize,
    pub limit: usize,
    /// Only rows in which a value, a flag or the explanation contains this.
    pub search: String,
    /// Only rows of this incident.
    pub incident: Option<u64>,
    /// Only rows that this flag has hit.
    pub flag: Option<String>,
    /// Only rows of this time.
    pub times: Option<TimeSpan>,
    /// `severity`, `row`, or empty: by score.
    pub sort: String,
    pub descending: bool,
}

impl Query {
    /// What rows are left out by beside their times, in words.
    pub fn filter(&self) -> Option<String> {
        let incident = self.incident.map(|number| format!("incident {number}"));
        let search = Some(self.search.clone()).filter(|text| !text.is_empty());
        incident.or_else(|| self.flag.clone()).or(search)
    }
}
