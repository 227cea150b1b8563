//! A record as bytes of a segment.
//!
//! ```text
//! length of the rest behind the checksum   4 bytes, little-endian as all numbers
//! XXH3 of that rest, by the segment's seed  8
//! number of the record                      8
//! arrival, microseconds since the epoch     8
//! lengths of key, sender and reason         1, 1, 2
//! key (16 or none), sender, reason, text
//! ```
//!
//! The seed is random, so that no sender can write a text that is taken for a frame.

use bytes::Bytes;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::{
    MAX_RECORD,
    record::{NewRecord, Record},
};

const HEAD: usize = 12;
const FIXED: usize = 20;
const KEY: usize = 16;
const LONGEST_SENDER: usize = u8::MAX as usize;
const LONGEST_REASON: usize = 1024;
/// The longest frame.
pub(super) const LONGEST: usize = HEAD + FIXED + KEY + LONGEST_SENDER + LONGEST_REASON + MAX_RECORD;

/// What is at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A record, and where the next frame begins.
    Record(Record, usize),
    /// More bytes are needed: so many from the place on, if that is known.
    Short(usize),
    Damaged,
}

fn truncated(text: &str, most: usize) -> &str {
    let mut end = text.len().min(most);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The bytes of a frame.
pub(super) fn size(sender: &str, record: &NewRecord) -> usize {
    let sender = truncated(sender, LONGEST_SENDER).len();
    let key = if record.key.is_some() { KEY } else { 0 };
    let reason = truncated(&record.refused, LONGEST_REASON).len();
    HEAD + FIXED + key + sender + reason + record.text.len()
}

/// Appends a frame.
pub(super) fn encode(
    buffer: &mut Vec<u8>,
    seed: u64,
    number: u64,
    (arrival, sender): (i64, &str),
    record: &NewRecord,
) {
    let (sender, reason) =
        (truncated(sender, LONGEST_SENDER), truncated(&record.refused, LONGEST_REASON));
    let start = buffer.len();
    buffer.extend_from_slice(&[0; HEAD]);
    buffer.extend_from_slice(&number.to_le_bytes());
    buffer.extend_from_slice(&arrival.to_le_bytes());
    let key = record.key.map(u128::to_le_bytes);
    let key = key.as_ref().map_or(&[][..], |key| key);
    buffer.push(u8::try_from(key.len()).unwrap_or(u8::MAX));
    buffer.push(u8::try_from(sender.len()).unwrap_or(u8::MAX));
    buffer.extend_from_slice(&u16::try_from(reason.len()).unwrap_or(u16::MAX).to_le_bytes());
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(sender.as_bytes());
    buffer.extend_from_slice(reason.as_bytes());
    buffer.extend_from_slice(&record.text);
    let body = &buffer[start + HEAD..];
    let length = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let checksum = xxh3_64_with_seed(body, seed);
    buffer[start..start + 4].copy_from_slice(&length.to_le_bytes());
    buffer[start + 4..start + HEAD].copy_from_slice(&checksum.to_le_bytes());
}

/// The frame at a place.
pub(super) fn decode(seed: u64, bytes: &Bytes, at: usize) -> Found {
    let Some(rest) = bytes.get(at..).filter(|rest| rest.len() >= HEAD + FIXED) else {
        return Found::Short(HEAD + FIXED);
    };
    let length = usize::try_from(u32::from_le_bytes(array(rest, 0))).unwrap_or(usize::MAX);
    if !(FIXED..=LONGEST - HEAD).contains(&length) {
        return Found::Damaged;
    }
    let Some(body) = rest.get(HEAD..HEAD + length) else { return Found::Short(HEAD + length) };
    if xxh3_64_with_seed(body, seed) != u64::from_le_bytes(array(rest, 4)) {
        return Found::Damaged;
    }
    let key_end = FIXED + usize::from(body[16]);
    let sender_end = key_end + usize::from(body[17]);
    let reason_end = sender_end + usize::from(u16::from_le_bytes(array(body, 18)));
    if reason_end > length || ![FIXED, FIXED + KEY].contains(&key_end) {
        return Found::Damaged;
    }
    let text = |range: std::ops::Range<usize>| String::from_utf8_lossy(&body[range]).into_owned();
    let start = at + HEAD;
    let record = Record {
        number: u64::from_le_bytes(array(body, 0)),
        arrival: i64::from_le_bytes(array(body, 8)),
        sender: text(key_end..sender_end),
        refused: text(sender_end..reason_end),
        key: (key_end > FIXED).then(|| u128::from_le_bytes(array(body, FIXED))),
        text: bytes.slice(start + reason_end..start + length),
    };
    Found::Record(record, start + length)
}

/// The place of the first whole frame behind a place, of a record whose number is not less than `least`.
pub(super) fn search(seed: u64, bytes: &Bytes, at: usize, least: u64) -> Option<usize> {
    // More records than bytes do not fit.
    let most = least.saturating_add(bytes.len() as u64);
    let last = bytes.len().checked_sub(HEAD + FIXED)?;
    (at + 1..=last).find(|place| {
        let number = u64::from_le_bytes(array(bytes, place + HEAD));
        (least..=most).contains(&number) && matches!(decode(seed, bytes, *place), Found::Record(..))
    })
}

/// The bytes at a place, which are there.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    array.copy_from_slice(&bytes[at..at + N]);
    array
}
