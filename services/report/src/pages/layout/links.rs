//! Links to other pages of the server, or to other parts of the HTML file.

use std::collections::HashSet;

use crate::pages::format::text::encode;

/// The form in which a report is read.
#[derive(Clone, Debug)]
pub enum Links {
    /// Pages of a server, below the report's path.
    Pages { base: String },
    /// One HTML file, with these rows.
    File { rows: HashSet<u64> },
}

impl Links {
    /// Links to the pages of the report with this id.
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

    /// A row, if it has a page or is in the file.
    pub fn row(&self, row: u64) -> Option<String> {
        match self {
            Self::Pages { base } => Some(format!("{base}/rows/{row}")),
            Self::File { rows } => rows.contains(&row).then(|| format!("#row-{row}")),
        }
    }

    /// The prefix of the rows' paths, if all rows have pages.
    pub fn rows(&self) -> Option<String> {
        match self {
            Self::Pages { base } => Some(format!("{base}/rows/")),
            Self::File { .. } => None,
        }
    }

    /// A download, on a server.
    pub fn download(&self, name: &str) -> Option<String> {
        match self {
            Self::Pages { base } => Some(format!("{base}/download/{name}")),
            Self::File { .. } => None,
        }
    }

    /// The explanation of a figure.
    pub fn help(&self, anchor: &str) -> String {
        match self {
            Self::Pages { .. } => format!("/help#{anchor}"),
            Self::File { .. } => format!("#help-{anchor}"),
        }
    }
}
