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
    /// `severity`, `row`, or empty: by score.
    pub sort: String,
    pub descending: bool,
}

impl Query {
    /// What rows are left out by, in words.
    pub fn filter(&self) -> Option<String> {
        let incident = self.incident.map(|number| format!("incident {number}"));
        let search = Some(self.search.clone()).filter(|text| !text.is_empty());
        incident.or_else(|| self.flag.clone()).or(search)
    }
}
