//! Links to other pages of the server, or to other parts of the HTML file.

use std::collections::HashSet;

use crate::{pages::format::text::encode, view::filter::FilterPart};

/// Bytes of the parameters of a link.
const LONGEST: usize = 2_000;

/// The form in which a report is read.
#[derive(Clone, Debug)]
pub enum Links {
    /// Pages of a server, below the report's path.
    Pages {
        base: String,
        /// The filters that links keep, encoded.
        query: String,
    },
    /// One HTML file, with these rows and incidents.
    File { rows: HashSet<u64>, incidents: u64 },
}

impl Links {
    /// Links to the pages of the report with this id.
    pub fn pages(id: &str) -> Self {
        Self::Pages { base: format!("/reports/{}", encode(id)), query: String::new() }
    }

    /// The same with filters, which links keep.
    pub fn with_filters(self, parts: &[FilterPart]) -> Self {
        match self {
            Self::Pages { base, .. } => Self::Pages { base, query: query(parts.iter()) },
            file @ Self::File { .. } => file,
        }
    }

    pub fn is_file(&self) -> bool {
        matches!(self, Self::File { .. })
    }

    /// The encoded filters; empty if there are none.
    pub fn query(&self) -> &str {
        match self {
            Self::Pages { query, .. } => query,
            Self::File { .. } => "",
        }
    }

    /// A section, such as `explain/clusters`; empty: the overview.
    pub fn section(&self, section: &str) -> String {
        match self {
            Self::Pages { base, query } => {
                let path = if section.is_empty() { String::new() } else { format!("/{section}") };
                let mark = if query.is_empty() { "" } else { "?" };
                format!("{base}{path}{mark}{query}")
            }
            Self::File { .. } => match section.rsplit('/').next().unwrap_or_default() {
                "" => "#overview".to_owned(),
                // The slider has the name of the page.
                "clusters" => "#clustering".to_owned(),
                last => format!("#{last}"),
            },
        }
    }

    /// A section with further parameters, on a server; none if these are very long.
    pub fn section_with(&self, section: &str, parameters: &[(&str, &str)]) -> Option<String> {
        let Self::Pages { base, query } = self else { return None };
        if parameters.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LONGEST
        {
            return None;
        }
        let new =
            parameters.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value)));
        let all: Vec<String> =
            Some(query.clone()).into_iter().filter(|query| !query.is_empty()).chain(new).collect();
        let path = if section.is_empty() { String::new() } else { format!("/{section}") };
        Some(format!("{base}{path}?{}", all.join("&")))
    }

    /// An incident, if it has a page or is in the file.
    pub fn incident(&self, number: u64) -> Option<String> {
        match self {
            Self::Pages { .. } => Some(self.section(&format!("incidents/{number}"))),
            Self::File { incidents, .. } => {
                (number <= *incidents).then(|| format!("#incident-{number}"))
            }
        }
    }

    /// The page of an entity, on a server.
    pub fn entity(&self, kind: &str, value: &str) -> Option<String> {
        self.section_with("entity", &[("kind", kind), ("value", value)])
    }

    /// A row, if it has a page or is in the file.
    pub fn row(&self, row: u64) -> Option<String> {
        match self {
            Self::Pages { .. } => Some(self.section(&format!("rows/{row}"))),
            Self::File { rows, .. } => rows.contains(&row).then(|| format!("#row-{row}")),
        }
    }

    /// The prefix of the rows' paths, if all rows have pages.
    pub fn rows(&self) -> Option<String> {
        match self {
            Self::Pages { base, .. } => Some(format!("{base}/rows/")),
            Self::File { .. } => None,
        }
    }

    /// A download, on a server.
    pub fn download(&self, name: &str) -> Option<String> {
        match self {
            Self::Pages { base, .. } => Some(format!("{base}/download/{name}")),
            Self::File { .. } => None,
        }
    }

    /// A download of the rows that fit the filters, on a server.
    pub fn filtered_download(&self, name: &str) -> Option<String> {
        match self.query() {
            "" => self.download(name),
            query => Some(format!("{}?{query}", self.download(name)?)),
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

/// Filters as the query of an address.
pub fn query<'a>(parts: impl Iterator<Item = &'a FilterPart>) -> String {
    let part = |part: &FilterPart| format!("{}={}", encode(&part.name), encode(&part.value));
    parts.map(part).collect::<Vec<_>>().join("&")
}
