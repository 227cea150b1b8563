//! Segments of journals, and objects and frames in what senders push: divided, or left out.
#![no_main]

use anomal_ingest::{ObjectSplitter, Piece, Splitter, SyslogFrames, read_segment};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

const SEED: u64 = 7;

fuzz_target!(|bytes: &[u8]| {
    let _ = read_segment(&bytes.to_vec().into());
    // Behind a whole header, and behind a whole frame.
    let head = [b"ANOMALJ2".as_slice(), &SEED.to_le_bytes(), &3_u64.to_le_bytes()].concat();
    let header = [head.as_slice(), &xxh3_64(&head).to_le_bytes()].concat();
    let body = [3_u64.to_le_bytes().as_slice(), &[0; 12], b"text"].concat();
    let length = u32::try_from(body.len()).expect("a short frame").to_le_bytes();
    let checksum = xxh3_64_with_seed(&body, SEED).to_le_bytes();
    let frame = [length.as_slice(), &checksum, &body].concat();
    for (before, behind) in [(bytes, frame.as_slice()), (&frame, bytes)] {
        let segment = [header.as_slice(), before, behind].concat();
        let (records, _) = read_segment(&segment.into()).expect("a whole header");
        assert!(records.is_sorted_by(|one, two| one.number < two.number));
        let found = records.iter().any(|record| record.number == 3 && record.text == "text");
        // A frame that the bytes have by chance may have a later number.
        assert!(found || records.iter().any(|record| record.number > 3));
    }
    let (objects, frames) = (ObjectSplitter::default, || SyslogFrames::new(64));
    assert_eq!(pieces(bytes, usize::MAX, objects()), pieces(bytes, 3, objects()));
    assert_eq!(pieces(bytes, usize::MAX, frames()), pieces(bytes, 3, frames()));
});

/// Which do not depend on how bytes arrive.
fn pieces(bytes: &[u8], step: usize, mut splitter: impl Splitter) -> Vec<Piece> {
    let mut pieces = Vec::new();
    for part in bytes.chunks(step) {
        splitter.push(part);
        pieces.extend(splitter.by_ref());
    }
    pieces.extend(splitter.finish());
    pieces
}
