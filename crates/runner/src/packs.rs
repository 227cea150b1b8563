//! Packs and lists on their way to the feature engine.

use std::{sync::Arc, time::SystemTime};

use anomal_core::{FeatureEngine, PackUpload, Result};
use anomal_spec::AnomalyJobSpec;

/// Gives the engine what the settings name by digest.
///
/// # Errors
/// Those of the engine.
pub(crate) async fn send(packs: &[Arc<PackUpload>], engine: &dyn FeatureEngine) -> Result<()> {
    for pack in packs {
        engine.put_pack(Arc::clone(pack)).await?;
    }
    Ok(())
}

/// When the run started, in microseconds since the epoch: for settings with lists, whose entries expire.
pub(crate) fn started(spec: &AnomalyJobSpec) -> Option<i64> {
    if spec.lists.is_empty() {
        return None;
    }
    let started = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(started.as_micros()).ok()
}
