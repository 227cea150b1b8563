//! Opens the input of a stream and finds its first records.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use anomal_connectors::{
    FirstRecords, FollowLog, FollowOptions, Heading, PushedLog, Sample, TopicLog, is_output_file,
};
use anomal_core::{Error, Result};
use anomal_ingest::{JournalOptions, WindowOptions};
use anomal_spec::{
    AnomalyJob, AnomalyJobSpec, CsvInput, FollowStart, InputDriver, LogFormat, Stream, bytes,
    milliseconds, seconds,
};
use anomal_stream::RecordsLost;

use super::{StreamControl, log::StreamLog, windows};
use crate::{files, options::Options};

/// How often the first records are looked for.
const POLL: Duration = Duration::from_millis(100);
/// How long more records are waited for where there are few.
const SAMPLE_WAIT: Duration = Duration::from_secs(1);

/// The log of the input. `listen`: whether what is pushed is taken.
///
/// # Errors
/// `InvalidSettings` if an output is one of its files, a secret is unusable, or the program has no client of topics;
/// `Unavailable` if an address is taken; `Output` if the journal can't be opened.
pub(super) fn open_log(
    job: &AnomalyJob,
    stream: &Stream,
    options: &Options,
    listen: bool,
) -> Result<StreamLog> {
    let spec = &job.spec;
    let driver = spec.input.driver();
    if let Some(driver) = driver.filter(|driver| driver.is_pushed()) {
        let journal = journal(job, stream);
        let windows = collection_time(spec).map(|length| WindowOptions {
            length,
            most_bytes: windows::most_text(options).min(journal.max_bytes / 2),
            closed: !listen,
        });
        let log = PushedLog::open(driver, journal, &options.secrets, windows, listen)?;
        return Ok(StreamLog::Pushed(Box::new(log)));
    }
    if let Some(InputDriver::Kafka(kafka)) = driver {
        let client = options.connectors.message_client();
        return Ok(StreamLog::Topics(TopicLog::open(kafka, &options.secrets, client, None)?));
    }
    let path = driver.and_then(InputDriver::path).unwrap_or_default().to_owned();
    let (endings, heading): (&'static [&'static str], _) = match driver {
        Some(InputDriver::Log(log)) => (&[".log"], log_heading(log.format)),
        Some(InputDriver::Csv(csv)) => (&[".csv"], csv_heading(csv)),
        _ => (&[".ndjson", ".jsonl"], Heading::None),
    };
    let targets = files::targets(spec);
    for (place, target) in &targets {
        if is_output_file(path.as_ref(), target) {
            let message = format!("{path} is the input itself; name another file");
            return Err(Error::settings(place.clone(), "OUTPUT_IS_INPUT", message));
        }
    }
    let targets: Vec<PathBuf> = targets.into_iter().map(|(_, path)| path.to_owned()).collect();
    Ok(StreamLog::Files(FollowLog::new(FollowOptions {
        path,
        endings,
        heading,
        from_end: stream.follow.start == FollowStart::End,
        idle: Duration::from_secs(seconds(&stream.follow.idle).unwrap_or(1)),
        is_output: Box::new(move |file| targets.iter().any(|target| is_output_file(file, target))),
    })))
}

/// What logs of a format have before their records.
fn log_heading(format: LogFormat) -> Heading {
    match format {
        LogFormat::Zeek | LogFormat::W3c => Heading::Comments,
        LogFormat::Auto => Heading::Found,
        _ => Heading::None,
    }
}

fn csv_heading(csv: &CsvInput) -> Heading {
    match csv.header {
        Some(false) => Heading::None,
        _ => Heading::Line { skip: u64::from(csv.skip_lines.unwrap_or(0)) },
    }
}

/// How long records are collected to be judged together.
fn collection_time(spec: &AnomalyJobSpec) -> Option<Duration> {
    let time = spec.input.driver().and_then(InputDriver::collection_time)?;
    seconds(time).map(Duration::from_secs)
}

/// How long more records are waited for where there are few: those of a window are the first ones.
pub(super) fn sample_wait(spec: &AnomalyJobSpec) -> Duration {
    collection_time(spec).unwrap_or(SAMPLE_WAIT)
}

/// Where records that are pushed are kept.
fn journal(job: &AnomalyJob, stream: &Stream) -> JournalOptions {
    let settings = stream.journal.clone().unwrap_or_default();
    let dedupe = job.spec.input.http.as_ref().and_then(|http| http.dedupe.as_ref());
    let window = dedupe.and_then(|dedupe| seconds(&dedupe.window));
    let beside = || files::beside(&job.spec, &format!("{}.journal", job.metadata.name)).0;
    JournalOptions {
        folder: settings.path.map_or_else(beside, PathBuf::from),
        max_bytes: bytes(&settings.max_bytes).unwrap_or(1 << 30),
        sync: Duration::from_millis(milliseconds(&settings.sync).unwrap_or(5)),
        remember: window.map(Duration::from_secs),
    }
}

/// The first records, once there are any, and so much later that there are more; nothing if the stream is stopped before.
///
/// # Errors
/// `InvalidInput` if a file can't be read, or there is no record where the stream is to end with the input.
pub(super) async fn sample(
    log: &mut StreamLog,
    control: &StreamControl,
    wait: Duration,
) -> Result<Option<Sample>> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::input("UNREADABLE", format!("the input can't be read: {error}"))
    };
    log.begin().map_err(|error| failed(&error))?;
    let mut stop = control.stop.clone();
    let mut waiting_until = None;
    let mut is_down = false;
    loop {
        match log.first() {
            Ok(FirstRecords { sample: Some(sample), full, caught_up }) => {
                let until = *waiting_until.get_or_insert_with(|| Instant::now() + wait);
                if full || (control.until_caught_up && caught_up) || Instant::now() >= until {
                    return Ok(Some(sample));
                }
            }
            Ok(FirstRecords { sample: None, caught_up: true, .. }) if control.until_caught_up => {
                return Err(log.no_records());
            }
            Ok(FirstRecords { sample: None, .. }) => {}
            Err(error) if log.fails_at_once() || error.is::<RecordsLost>() => {
                return Err(failed(&error));
            }
            Err(error) => {
                if !std::mem::replace(&mut is_down, true) {
                    tracing::warn!("input: {error}; reading is tried again");
                }
            }
        }
        if *stop.borrow() {
            return Ok(None);
        }
        let _ = tokio::time::timeout(POLL, stop.changed()).await;
    }
}
