//! Where links lead: to other pages of the server, or to another place in the file.

use std::collections::HashSet;

use super::text::encode;

/// One of the two places that a report is read in.
#[derive(Clone, Debug)]
pub enum Links {
    /// The pages of a report, below its own address.
    Pages { base: String },
    /// One file; it holds these rows.
    File { rows: HashSet<u64> },
}

impl Links {
    /// Of the report of that id.
    pub fn pages(id: &str) -> Self {
        Self::Pages { base: format!("/reports/{}", encode(id)) }
    }

    pub fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// A section, such as `clustering`; empty: the summary.
    pub fn section(&self, section: &str) -> String {
        match (self, section) {
            (Self::Pages { base }, "") => base.clone(),
            (Self::Pages { base }, section) => format!("{base}/{section}"),
            (Self::File { .. }, "") => "#summary".to_owned(),
            (Self::File { .. }, section) => format!("#{section}"),
        }
    }

    /// A row, where it is to be seen.
    pub fn row(&self, row: u64) -> Option<String> {
        match self {
            Self::Pages { base } => Some(format!("{base}/rows/{row}")),
            Self::File { rows } => rows.contains(&row).then(|| format!("#row-{row}")),
        }
    }

    /// What the rows' addresses begin with, where all of them have one.
    pub fn rows(&self) -> Option<String> {
        match self {
            Self::Pages { base } => Some(format!("{base}/rows/")),
            Self::File { .. } => None,
        }
    }

    /// A download.
    pub fn download(&self, name: &str) -> Option<String> {
        match self {
            Self::Pages { base } => Some(format!("{base}/download/{name}")),
            Self::File { .. } => None,
        }
    }

    /// How to read a picture.
    pub fn help(&self, anchor: &str) -> String {
        match self {
            Self::Pages { .. } => format!("/help#{anchor}"),
            Self::File { .. } => format!("#help-{anchor}"),
        }
    }
}
