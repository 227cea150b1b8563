//! Document ids: the same row of the same run always has the same id.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use xxhash_rust::xxh3::xxh3_128;

use crate::run_info::RunInfo;

/// Computes the ids of a run's documents.
pub(in crate::elasticsearch) struct DocumentIds {
    /// The length of the hashed bytes before the row.
    prefix: usize,
    hashed: Vec<u8>,
    id: String,
}

impl DocumentIds {
    pub fn new(run: &RunInfo) -> Self {
        let mut hashed = Vec::new();
        for part in [run.namespace.as_deref().unwrap_or_default(), &run.job, &run.run] {
            hashed.extend(part.as_bytes());
            // No name contains it, so that `a`, `bc` differs from `ab`, `c`.
            hashed.push(0);
        }
        Self { prefix: hashed.len(), hashed, id: String::new() }
    }

    /// The id of a row: 22 characters.
    pub fn id(&mut self, row: u64) -> &str {
        self.hashed.truncate(self.prefix);
        self.hashed.extend(row.to_le_bytes());
        self.encoded()
    }

    /// The id of a record of a stream: 22 characters.
    pub fn record(&mut self, partition: u32, row: u64) -> &str {
        self.hashed.truncate(self.prefix);
        self.hashed.extend(partition.to_le_bytes());
        self.hashed.extend(row.to_le_bytes());
        self.encoded()
    }

    /// The id of an incident: 22 characters.
    pub fn incident(&mut self, number: u64) -> &str {
        self.hashed.truncate(self.prefix);
        self.hashed.extend(b"incident");
        self.hashed.extend(number.to_le_bytes());
        self.encoded()
    }

    fn encoded(&mut self) -> &str {
        self.id.clear();
        let hash = xxh3_128(&self.hashed).to_be_bytes();
        BASE64_URL_SAFE_NO_PAD.encode_string(hash, &mut self.id);
        &self.id
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn run(namespace: &str, job: &str, run: &str) -> DocumentIds {
        DocumentIds::new(&RunInfo {
            namespace: Some(namespace.into()),
            job: job.into(),
            run: run.into(),
            ..RunInfo::default()
        })
    }

    #[test]
    fn are_a_promise() {
        // If this changed, existing documents would be written again. Computed with Python's xxhash.
        assert_eq!(run("soc", "dns-hourly", "29443220").id(3983), "EHqQue5NkSdddZ7scuci9Q");
        assert_eq!(run("soc", "dns-hourly", "29443220").id(3983).len(), 22);
    }

    #[test]
    fn differ_by_partition() {
        let mut ids = run("a", "b", "r");
        let mut seen: HashSet<String> = (0..100).map(|row| ids.id(row).to_owned()).collect();
        for partition in 0..100 {
            assert!((0..100).all(|row| seen.insert(ids.record(partition, row).to_owned())));
        }
    }

    #[test]
    fn differ_by_row_run_job_and_namespace() {
        let mut seen = HashSet::new();
        for (namespace, job, name) in [("a", "bc", "r"), ("ab", "c", "r"), ("a", "b", "cr")] {
            let mut ids = run(namespace, job, name);
            assert!((0..1000).all(|row| seen.insert(ids.id(row).to_owned())));
        }
    }
}
