//! Errors of a watch that is resumed.

use anomal_connectors::terminal::harmless;
use kube::runtime::watcher;

use super::client::Cluster;
use crate::present::error::Failure;

/// The message for an interrupted watch, if it is worth one.
///
/// # Errors
/// If permission is denied, or there is nothing to watch: then the watch is not resumed.
pub fn describe_error(
    cluster: &Cluster,
    error: &watcher::Error,
) -> Result<Option<String>, Failure> {
    use watcher::Error::{InitialListFailed, WatchError, WatchFailed, WatchStartFailed};
    let message = match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
            let failure = cluster.failure(error);
            if matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404)) {
                return Err(failure);
            }
            failure.message
        }
        // An expired resource version: the watch starts again from the present state.
        WatchError(status) if status.code == 410 => return Ok(None),
        error => harmless(&error.to_string(), 1_000),
    };
    Ok(Some(format!("{message} (retrying)")))
}
