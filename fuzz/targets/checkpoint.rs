//! Checkpoints of streams: decoded, or refused.
#![no_main]

use anomal_stream::Checkpoint;
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

fuzz_target!(|bytes: &[u8]| {
    let _ = Checkpoint::decode(bytes);
    // Behind the checksum.
    let number = 1_u64.to_le_bytes();
    let checksum = xxh3_64(bytes) ^ xxh3_64(&number);
    let length = (bytes.len() as u64).to_le_bytes();
    let framed =
        [b"ANOMALC1".as_slice(), &number, &length, &checksum.to_le_bytes(), bytes].concat();
    if let Ok(checkpoint) = Checkpoint::decode(&framed) {
        let again = checkpoint.encode().expect("what was read can be written");
        assert_eq!(Checkpoint::decode(&again), Ok(checkpoint));
    }
});
