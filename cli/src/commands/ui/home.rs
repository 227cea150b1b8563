//! What the first screen lists.

use std::{
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
};

use anomal_connectors::text::grouped;
use anomal_core::{ReportEngine, proto::ListReportsRequest};
use anomal_report::{LocalReportEngine, view::display_name};
use anomal_tui::{FileEntry, FileKind, Listing, Recent};

use super::state::{State, changed, moment, shown};
use crate::args::ReportStore;

/// Names of a folder that are read, and those that are listed.
const READ: usize = 200_000;
const LISTED: usize = 2_000;
/// Bytes of a file that are shown, and its lines.
const PEEKED: u64 = 4_096;
const LINES: usize = 60;
/// Reports that are listed.
const REPORTS: u32 = 5;

/// The files of a folder and what was worked on before.
///
/// # Errors
/// A message for people.
pub fn list(folder: &str, state: &State, store: &ReportStore) -> Result<Listing, String> {
    let failed = |error: std::io::Error| format!("{folder}: {error}");
    let mut names: Vec<(bool, PathBuf)> = Vec::new();
    let mut count = 0;
    for entry in fs::read_dir(folder).map_err(failed)?.take(READ) {
        let Ok(entry) = entry else { continue };
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        count += 1;
        // A link to a folder is one.
        let is_folder = match entry.file_type() {
            Ok(kind) if kind.is_symlink() => entry.path().is_dir(),
            kind => kind.is_ok_and(|kind| kind.is_dir()),
        };
        names.push((is_folder, entry.path()));
    }
    names.sort();
    names.truncate(LISTED);
    let more = count - names.len();
    let mut entries: Vec<FileEntry> =
        names.iter().map(|(is_folder, path)| entry(path, *is_folder)).collect();
    // Data first: it is what most people come with.
    entries.sort_by_key(|entry| match entry.kind {
        FileKind::Data => 0,
        FileKind::Job => 1,
        FileKind::Other => 2,
        FileKind::Folder => 3,
    });
    if let Some(above) = Path::new(folder).parent() {
        let path = above.to_string_lossy().into_owned();
        let (kind, size, changed) = (FileKind::Folder, String::new(), String::new());
        entries.push(FileEntry { name: "..".to_owned(), path, kind, size, changed });
    }
    let mut recent = state.recent();
    recent.extend(reports(store));
    Ok(Listing { entries, more, recent })
}

fn entry(path: &Path, is_folder: bool) -> FileEntry {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let size = fs::metadata(path).map_or(0, |metadata| metadata.len());
    FileEntry {
        kind: if is_folder { FileKind::Folder } else { kind(&name) },
        name,
        // A folder is named from the root, a file as people would type it.
        path: if is_folder { path.to_string_lossy().into_owned() } else { shown(path) },
        size: if is_folder { String::new() } else { bytes(size) },
        changed: moment(changed(path)),
    }
}

/// What a file is by its name.
fn kind(name: &str) -> FileKind {
    let name = name.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").or_else(|| name.strip_suffix(".zst")).unwrap_or(&name);
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("csv" | "tsv" | "parquet" | "ndjson" | "jsonl" | "json" | "log") => FileKind::Data,
        Some("yaml" | "yml") => FileKind::Job,
        _ => FileKind::Other,
    }
}

/// Bytes as people read them.
pub fn bytes(bytes: u64) -> String {
    let units = ["B", "KB", "MB", "GB", "TB"];
    let mut unit = 0;
    let mut amount = bytes as f64;
    while amount >= 1000.0 && unit + 1 < units.len() {
        amount /= 1000.0;
        unit += 1;
    }
    if unit == 0 || amount >= 10.0 {
        format!("{} {}", grouped(format!("{amount:.0}").parse::<u64>().unwrap_or(0)), units[unit])
    } else {
        format!("{amount:.1} {}", units[unit])
    }
}

/// The newest reports of the store; none if it can't be read.
fn reports(store: &ReportStore) -> Vec<Recent> {
    // Opening a store makes its folder.
    if !store.may_have_reports() {
        return Vec::new();
    }
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Vec::new();
    };
    let listed = runtime.block_on(async {
        let engine = LocalReportEngine::new(store.open()?, "");
        engine
            .list(ListReportsRequest { page_size: REPORTS, ..ListReportsRequest::default() })
            .await
    });
    let reports = listed.map(|listed| listed.reports).unwrap_or_default();
    let recent = |report: anomal_core::proto::Report| Recent::Report {
        title: display_name(&report).to_owned(),
        suspicious: report.suspicious,
        flagged: report.flagged,
        created: report.create_time.replace('T', " "),
        id: report.id,
    };
    reports.into_iter().map(recent).collect()
}

/// The first lines of a file.
pub fn peek(path: &str) -> Vec<String> {
    let mut head = Vec::new();
    let read = File::open(path).and_then(|file| file.take(PEEKED).read_to_end(&mut head));
    if let Err(error) = read {
        return vec![error.to_string()];
    }
    if head.contains(&0)
        || head.starts_with(&[0x1f, 0x8b])
        || head.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
    {
        return vec!["binary or compressed".to_owned()];
    }
    String::from_utf8_lossy(&head).lines().take(LINES).map(str::to_owned).collect()
}
