//! Records at which a component or a detector fails: each is left out with the reason, and the stream goes on.

use std::{any::Any, future::Future, panic::AssertUnwindSafe};

use anomal_core::{Batch, Code, Error, RejectedRecord, Result};
use anomal_dataflow::TextChunk;
use futures::FutureExt;

/// Of more records in a chunk, something else is at fault.
const MOST: usize = 100;

/// A record at which work failed.
#[derive(Debug)]
pub(super) struct FailedRecord {
    pub row: u64,
    pub error: Error,
}

/// Does work on a batch; where it fails by records, on parts of it, without those. Batches without rows stay as they are.
///
/// # Errors
/// Those of the work that no record is at fault for, or that more records are than can be at fault.
pub(super) async fn each<F: Future<Output = Result<Batch>>>(
    batch: Batch,
    work: impl Fn(Batch) -> F,
) -> Result<(Vec<Batch>, Vec<FailedRecord>)> {
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    // The next one last.
    let mut waiting = vec![batch];
    while let Some(batch) = waiting.pop() {
        if batch.height() == 0 {
            done.push(batch);
            continue;
        }
        let worked = AssertUnwindSafe(work(batch.clone())).catch_unwind().await;
        let error = match worked {
            Ok(Ok(batch)) => {
                done.push(batch);
                continue;
            }
            Ok(Err(error)) => error,
            Err(panic) => Error::internal(format!("it panicked: {}", text(panic.as_ref()))),
        };
        let rows = batch.offsets();
        if !may_be_of_a_record(&error) || failed.len() >= MOST {
            return Err(error);
        }
        if let [row] = rows[..] {
            done.push(batch.without_offsets(&[row])?);
            failed.push(FailedRecord { row, error });
        } else {
            let (first, second) = batch.split_at_offset(rows[rows.len() / 2])?;
            waiting.extend([second, first]);
        }
    }
    Ok((done, failed))
}

/// A defect, or code of a pack that fails.
fn may_be_of_a_record(error: &Error) -> bool {
    error.code == Code::Internal || error.reason.starts_with("PACK_")
}

fn text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("without a text")
}

/// Tells of records that are left out.
pub(super) fn warn_of(failed: &[FailedRecord]) {
    if let Some(first) = failed.first() {
        let (count, why) = (failed.len(), &first.error.message);
        tracing::warn!("{count} records are left out, the first because: {why}");
    }
}

/// A record of a chunk as one that is rejected.
pub(super) fn rejected(chunk: &TextChunk, failed: &FailedRecord) -> RejectedRecord {
    let lines = chunk.text.split(|byte| *byte == b'\n').zip(chunk.line..);
    let mut records = lines.filter(|(line, _)| !line.trim_ascii().is_empty());
    let place = match &chunk.attributes {
        Some(attributes) => attributes.offsets.iter().position(|offset| *offset == failed.row),
        None => usize::try_from(failed.row - chunk.first).ok(),
    };
    let (raw, line) = place.and_then(|place| records.nth(place)).unwrap_or((&[], chunk.line));
    RejectedRecord {
        file: chunk.file.display().to_string(),
        line,
        row: failed.row,
        column: None,
        reason: format!("{}: {}", failed.error.reason, failed.error.message),
        raw: String::from_utf8_lossy(&raw[..raw.len().min(4096)]).trim_end().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use polars::prelude::{DataFrame, df};

    use super::*;

    fn batch(rows: u64) -> Batch {
        let values: Vec<u64> = (0..rows).collect();
        let raw = df!("a" => values).unwrap();
        let offsets = (100..100 + rows).collect();
        let mut batch = Batch::new(offsets, raw, DataFrame::default()).unwrap();
        batch.statistics.read = rows;
        batch
    }

    fn work(batch: Batch, bad: &[u64]) -> Result<Batch> {
        let found = batch.offsets().into_iter().find(|row| bad.contains(row));
        match found {
            Some(row) if row % 2 == 0 => panic!("at {row}"),
            Some(row) => Err(Error::new(Code::InvalidInput, "PACK_TRAPPED", format!("at {row}"))),
            None => Ok(batch),
        }
    }

    #[test]
    fn records_at_which_work_fails_are_left_out() {
        let bad: &[u64] = &[100, 107, 108, 163];
        let (done, failed) =
            block_on(each(batch(64), |batch| async move { work(batch, bad) })).unwrap();
        let rows: Vec<u64> = done.iter().flat_map(Batch::offsets).collect();
        assert_eq!(rows, (100..164).filter(|row| !bad.contains(row)).collect::<Vec<_>>());
        assert_eq!(failed.iter().map(|failed| failed.row).collect::<Vec<_>>(), bad);
        assert!(failed[0].error.message.ends_with("it panicked: at 100"), "{:?}", failed[0]);
        let alone = block_on(each(batch(1), |batch| async move { work(batch, bad) })).unwrap();
        assert_eq!((alone.0.len(), alone.0[0].height(), alone.1.len()), (1, 0, 1));
    }

    #[test]
    fn what_no_record_is_at_fault_for_ends_the_stream() {
        let away = |_| async { Err(Error::new(Code::Unavailable, "AWAY", "the engine is away")) };
        assert!(block_on(each(batch(64), away)).is_err());
        let all: Vec<u64> = (100..500).collect();
        let all = all.as_slice();
        assert!(block_on(each(batch(300), |batch| async move { work(batch, all) })).is_err());
    }

    #[test]
    fn a_record_has_its_line() {
        let text = b"{\"a\":1}\n\n  \n{\"a\":2}\r\n{\"a\":3}\n".to_vec();
        let file = "app.ndjson".into();
        let chunk = TextChunk {
            partition: 0,
            first: 7,
            text,
            heading: None,
            file,
            line: 40,
            attributes: None,
        };
        let error = Error::new(Code::InvalidInput, "PACK_TRAPPED", "it traps");
        let record = rejected(&chunk, &FailedRecord { row: 8, error });
        assert_eq!((record.line, record.row, record.raw.as_str()), (43, 8, "{\"a\":2}"));
        assert_eq!(record.reason, "PACK_TRAPPED: it traps");
    }
}
