//! A file of a journal: a header, then frames.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    time::SystemTime,
};

use xxhash_rust::xxh3::xxh3_64;

use crate::record::micros;

const MAGIC: [u8; 8] = *b"ANOMALJ2";
const ENDING: &str = ".journal";
/// The bytes before the first frame: magic, seed, number of the first record, checksum of these.
pub(super) const HEADER: usize = 32;

/// What is known of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// The number of its first record, by which the file is named.
    pub first: u64,
    /// Of the checksums of its frames.
    pub seed: u64,
    /// Its durable bytes.
    pub bytes: u64,
    /// When its last record arrived at the latest, in microseconds since the epoch.
    pub last_arrival: i64,
}

impl Segment {
    /// Creates the file with its header, durably. A file that has none but a header is replaced.
    ///
    /// # Errors
    /// It can't be written.
    pub fn create(folder: &Path, first: u64) -> io::Result<Self> {
        let seed = xxh3_64(uuid::Uuid::now_v7().as_bytes());
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(true)
            .write(true)
            .open(folder.join(name(first)))?;
        file.write_all(&header(seed, first))?;
        file.sync_all()?;
        File::open(folder)?.sync_all()?;
        Ok(Self { first, seed, bytes: HEADER as u64, last_arrival: micros(SystemTime::now()) })
    }

    /// The segment in a file, with all its bytes; none if the header is not whole.
    ///
    /// # Errors
    /// It can't be read.
    pub fn open(file: &mut File, first: u64) -> io::Result<Option<Self>> {
        let metadata = file.metadata()?;
        let (bytes, last_arrival) = (metadata.len(), micros(metadata.modified()?));
        let mut head = [0; HEADER];
        match file.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        Ok(seed(&head).filter(|(_, number)| *number == first).map(|(seed, _)| Self {
            first,
            seed,
            bytes,
            last_arrival,
        }))
    }
}

fn header(seed: u64, first: u64) -> [u8; HEADER] {
    let mut header = [0; HEADER];
    header[..8].copy_from_slice(&MAGIC);
    header[8..16].copy_from_slice(&seed.to_le_bytes());
    header[16..24].copy_from_slice(&first.to_le_bytes());
    let checksum = xxh3_64(&header[..24]);
    header[24..].copy_from_slice(&checksum.to_le_bytes());
    header
}

/// Seed and first number of a whole header.
pub(super) fn seed(bytes: &[u8]) -> Option<(u64, u64)> {
    let number = |at: usize| bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes);
    let (seed, first) = (number(8)?, number(16)?);
    (bytes.get(..HEADER)? == header(seed, first)).then_some((seed, first))
}

pub(super) fn name(first: u64) -> String {
    format!("{first:020}{ENDING}")
}

/// The number in the name of a segment.
pub(super) fn number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(ENDING).filter(|digits| digits.len() == 20)?;
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}
