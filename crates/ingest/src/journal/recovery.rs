//! What is left of a journal whose process has died.

use std::{
    collections::VecDeque,
    fs::{self, File, OpenOptions},
    io,
    path::Path,
};

use bytes::Bytes;

use super::{
    JournalError, State,
    frame::{self, Found},
    segment::{self, HEADER, Segment},
};
use crate::record::Record;

/// The whole frames of a segment.
struct Scan {
    /// Behind the last of them.
    end: usize,
    /// The number behind the last record.
    next: u64,
    /// Frames between whole ones that are damaged.
    damaged: u64,
}

fn scan(seed: u64, first: u64, bytes: &Bytes, mut see: impl FnMut(Record)) -> Scan {
    let mut scan = Scan { end: HEADER, next: first, damaged: 0 };
    let mut at = HEADER;
    loop {
        match frame::decode(seed, bytes, at) {
            Found::Record(record, end) if record.number >= scan.next => {
                scan.damaged += record.number - scan.next;
                scan.next = record.number + 1;
                scan.end = end;
                at = end;
                see(record);
            }
            _ => match frame::search(seed, bytes, at, scan.next) {
                Some(place) => at = place,
                None => return scan,
            },
        }
    }
}

/// The whole records in the bytes of a segment, and the number of those between them that are damaged.
pub fn read_segment(bytes: &Bytes) -> Option<(Vec<Record>, u64)> {
    let (seed, first) = segment::seed(bytes)?;
    let mut records = Vec::new();
    let scan = scan(seed, first, bytes, |record| records.push(record));
    Some((records, scan.damaged))
}

/// Calls `see` with the keys and arrivals of the whole records in the bytes of a segment.
pub(super) fn keys(bytes: &Bytes, mut see: impl FnMut(u128, i64)) {
    let Some((seed, first)) = segment::seed(bytes) else { return };
    scan(seed, first, bytes, |record| {
        if let Some(key) = record.key {
            see(key, record.arrival);
        }
    });
}

/// Finds the segments of a folder, and cuts the last one behind its last whole frame.
///
/// # Errors
/// The folder can't be read or written.
pub(super) fn recover(folder: &Path) -> Result<State, JournalError> {
    let failed = |name: &str| {
        let path = folder.join(name);
        move |error: io::Error| JournalError { path, why: error.to_string() }
    };
    let entries = fs::read_dir(folder).map_err(failed(""))?;
    let names = entries.map(|entry| Ok(entry?.file_name())).collect::<io::Result<Vec<_>>>();
    let names = names.map_err(failed(""))?;
    let numbers = names.iter().filter_map(|name| segment::number(name.to_str()?));
    let mut numbers: Vec<u64> = numbers.collect();
    numbers.sort_unstable();
    let mut state = State { segments: VecDeque::new(), next: 0, released: 0 };
    for (place, first) in numbers.iter().enumerate() {
        let name = segment::name(*first);
        let path = folder.join(&name);
        let mut file = File::open(&path).map_err(failed(&name))?;
        let is_last = place + 1 == numbers.len();
        let segment = Segment::open(&mut file, *first).map_err(failed(&name))?;
        match segment {
            Some(segment) if is_last => {
                let (segment, next) = cut(&path, segment).map_err(failed(&name))?;
                state.segments.push_back(segment);
                state.next = next;
            }
            Some(segment) => state.segments.push_back(segment),
            // Its header was being written.
            None if is_last && file.metadata().is_ok_and(|known| known.len() <= HEADER as u64) => {
                fs::remove_file(&path).map_err(failed(&name))?;
            }
            None => {
                let aside = format!("{name}.damaged");
                fs::rename(&path, folder.join(&aside)).map_err(failed(&name))?;
                tracing::warn!(
                    "{}: the header is damaged; its records are left out, and the file is {aside} now",
                    path.display()
                );
            }
        }
        state.next = state.next.max(*first);
    }
    Ok(state)
}

/// Cuts a segment behind its last whole frame. Returns it, and the number of the next record.
fn cut(path: &Path, segment: Segment) -> io::Result<(Segment, u64)> {
    let bytes = Bytes::from(fs::read(path)?);
    let found = scan(segment.seed, segment.first, &bytes, |_| {});
    let end = found.end as u64;
    if end < segment.bytes {
        let file = OpenOptions::new().write(true).open(path)?;
        file.set_len(end)?;
        file.sync_all()?;
        tracing::info!(
            "{}: the last {} bytes were not written whole, so they were not acknowledged; they are cut off",
            path.display(),
            segment.bytes - end
        );
    }
    Ok((Segment { bytes: end, ..segment }, found.next))
}
