//! Entities that say nothing.

use anomal_spec::{StreamEntity, seconds};
use serde::Serialize;

use super::{Members, TELLING};

/// Silent entities that are named.
const MOST_NAMED: usize = 20;

/// Entities that pause for longer than they ever did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SilentEntities {
    pub count: u64,
    /// Those that were heard of last, at most 20, with the seconds since then.
    pub last: Vec<(String, u64)>,
}

/// Microseconds.
pub(super) fn silence(entity: &StreamEntity) -> Option<i64> {
    let seconds = seconds(entity.silence.as_ref()?)?;
    i64::try_from(seconds.saturating_mul(1_000_000)).ok()
}

impl Members {
    /// Those that are silent at this time; none where that is not asked for.
    pub fn silent(&self, now: i64) -> Option<SilentEntities> {
        let silent = self.profiles.silent(now, self.silence?, TELLING);
        let mut silent: Vec<(i64, &str)> = silent.map(|(name, seen)| (seen, name)).collect();
        silent.sort_unstable_by(|a, b| b.0.cmp(&a.0).then_with(|| a.1.cmp(b.1)));
        let since = |seen: i64| u64::try_from(now.saturating_sub(seen) / 1_000_000).unwrap_or(0);
        let count = silent.len() as u64;
        let last = silent.into_iter().take(MOST_NAMED);
        let last = last.map(|(seen, name)| (name.to_owned(), since(seen))).collect();
        Some(SilentEntities { count, last })
    }
}
