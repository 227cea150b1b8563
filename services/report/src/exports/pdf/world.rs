//! All that typst may see: its template, the data, the charts, our fonts, the report's date. It has no files, no
//! network, no packages and no clock.

use std::{collections::BTreeMap, sync::LazyLock};

use typst::{
    Library, LibraryExt as _, World,
    diag::{FileError, FileResult},
    foundations::{Bytes, Datetime},
    syntax::{FileId, Source, VirtualPath},
    text::{Font, FontBook},
    utils::LazyHash,
};

use super::fonts::FONTS;

macro_rules! template {
    ($name:literal) => {
        ($name, include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/pdf/", $name)))
    };
}

/// The main one first.
const TEMPLATES: [(&str, &str); 4] = [
    template!("report.typ"),
    template!("parts.typ"),
    template!("suspects.typ"),
    template!("analysis.typ"),
];

static LIBRARY: LazyLock<LazyHash<Library>> = LazyLock::new(|| LazyHash::new(Library::default()));

/// Parsed once: they are the same for all reports.
static SOURCES: LazyLock<BTreeMap<FileId, Source>> = LazyLock::new(|| {
    TEMPLATES
        .iter()
        .map(|(name, text)| (id(name), Source::new(id(name), (*text).to_owned())))
        .collect()
});

/// What the template reads, by name. Names are few and the same in all reports: typst never forgets one.
#[derive(Default)]
pub struct Files(BTreeMap<FileId, Bytes>);

impl Files {
    pub fn add(&mut self, name: &str, contents: String) {
        self.0.insert(id(name), Bytes::from_string(contents));
    }
}

/// The world of one report.
pub struct Desk {
    files: Files,
    date: Option<Datetime>,
}

impl Desk {
    pub fn new(files: Files, date: Option<Datetime>) -> Self {
        Self { files, date }
    }
}

impl World for Desk {
    fn library(&self) -> &LazyHash<Library> {
        &LIBRARY
    }

    fn book(&self) -> &LazyHash<FontBook> {
        &FONTS.book
    }

    fn main(&self) -> FileId {
        id(TEMPLATES[0].0)
    }

    fn source(&self, id: FileId) -> FileResult<Source> {
        SOURCES.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn file(&self, id: FileId) -> FileResult<Bytes> {
        self.files.0.get(&id).cloned().ok_or_else(|| missing(id))
    }

    fn font(&self, index: usize) -> Option<Font> {
        FONTS.fonts.get(index).cloned()
    }

    fn today(&self, _offset: Option<i64>) -> Option<Datetime> {
        self.date
    }
}

fn id(name: &str) -> FileId {
    FileId::new(None, VirtualPath::new(name))
}

fn missing(id: FileId) -> FileError {
    FileError::NotFound(id.vpath().as_rootless_path().to_owned())
}
