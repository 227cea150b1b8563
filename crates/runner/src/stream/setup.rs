//! Opens the input of a stream and finds its first records.

use std::{path::PathBuf, time::Duration};

use anomal_connectors::{FollowLog, FollowOptions, Sample, is_output_file};
use anomal_core::{Error, Result};
use anomal_spec::{AnomalyJobSpec, FollowStart, InputDriver, Stream, seconds};

use super::StreamControl;
use crate::files;

/// How often the first records are looked for.
const POLL: Duration = Duration::from_millis(100);
/// How long more records are waited for where there are few.
const SAMPLE_WAIT: Duration = Duration::from_secs(1);

/// The log of the input's files.
///
/// # Errors
/// `InvalidSettings` if an output is one of them.
pub(super) fn follow(spec: &AnomalyJobSpec, stream: &Stream) -> Result<FollowLog> {
    let driver = spec.input.driver();
    let path = driver.and_then(InputDriver::path).unwrap_or_default().to_owned();
    let endings: &'static [&'static str] = match driver {
        Some(InputDriver::Log(_)) => &[".log"],
        _ => &[".ndjson", ".jsonl"],
    };
    let targets = files::targets(spec);
    for (place, target) in &targets {
        if is_output_file(path.as_ref(), target) {
            let message = format!("{path} is the input itself; name another file");
            return Err(Error::settings(place.clone(), "OUTPUT_IS_INPUT", message));
        }
    }
    let targets: Vec<PathBuf> = targets.into_iter().map(|(_, path)| path.to_owned()).collect();
    Ok(FollowLog::new(FollowOptions {
        path,
        endings,
        from_end: stream.follow.start == FollowStart::End,
        idle: Duration::from_secs(seconds(&stream.follow.idle).unwrap_or(1)),
        is_output: Box::new(move |file| targets.iter().any(|target| is_output_file(file, target))),
    }))
}

/// The first records, once there are any; nothing if the stream is stopped before.
///
/// # Errors
/// `InvalidInput` if a file can't be read, or has no record where the stream is to end with the input.
pub(super) async fn sample(log: &mut FollowLog, control: &StreamControl) -> Result<Option<Sample>> {
    let failed = |error: std::io::Error| {
        Error::input("UNREADABLE", format!("the input can't be read: {error}"))
    };
    log.begin().map_err(failed)?;
    let mut stop = control.stop.clone();
    let mut waited = false;
    loop {
        match log.sample().map_err(failed)? {
            Some((sample, grows)) if !grows || waited || control.until_caught_up => {
                return Ok(Some(sample));
            }
            Some(_) => {
                waited = true;
                let _ = tokio::time::timeout(SAMPLE_WAIT, stop.changed()).await;
            }
            None if control.until_caught_up => {
                let message = "the input has no whole line; name a file that has records";
                return Err(Error::input("EMPTY_FILE", message));
            }
            None => {
                let _ = tokio::time::timeout(POLL, stop.changed()).await;
            }
        }
        if *stop.borrow() {
            return Ok(None);
        }
    }
}
