//! What is pushed during a time, as a file: for jobs that end.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::PathBuf,
    time::Duration,
};

use anomal_core::{Error, Result};
use anomal_ingest::JournalOptions;
use anomal_spec::{InputDriver, TcpInput, seconds};
use anomal_storage::Secrets;
use anomal_stream::Cause;
use tempfile::TempDir;

use super::log::PushedLog;

/// How often the journal is looked at until a record comes.
const POLL: Duration = Duration::from_millis(50);
const SYNC: Duration = Duration::from_millis(5);

/// Records that were collected, one a line, in a file that is removed with this.
pub struct Collection {
    folder: TempDir,
}

impl Collection {
    /// The file.
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("tcp.ndjson")
    }
}

/// Waits for a record, and collects what comes from then on during the time that the settings say. Dropping the future ends it.
///
/// # Errors
/// Those of [`PushedLog::open`]; `Internal` if the temporary folder can't be written.
pub async fn collect(input: &TcpInput, secrets: &Secrets) -> Result<Collection> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::internal(format!("what is collected can't be kept in the temporary folder: {error}"))
    };
    let folder = TempDir::new().map_err(|error| failed(&error))?;
    let journal = JournalOptions {
        folder: folder.path().join("journal"),
        max_bytes: u64::MAX,
        sync: SYNC,
        remember: None,
    };
    let mut log = PushedLog::open(InputDriver::Tcp(input), journal, secrets, None, true)?;
    log.listen().await?;
    while log.taken() == 0 {
        tokio::time::sleep(POLL).await;
    }
    let time = input.collection_time.as_deref().and_then(seconds).unwrap_or(60);
    tracing::info!("the first record is there; {time} s are collected");
    tokio::time::sleep(Duration::from_secs(time)).await;
    log.doors().close().await;
    let collection = Collection { folder };
    let path = collection.path();
    let written = tokio::task::spawn_blocking(move || -> Result<(), Cause> {
        let mut file = BufWriter::new(File::create(path)?);
        log.write_lines(&mut file)?;
        Ok(file.flush()?)
    });
    written.await.map_err(|error| failed(&error))?.map_err(|error| failed(&error))?;
    Ok(collection)
}
