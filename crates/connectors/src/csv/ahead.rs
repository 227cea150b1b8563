//! Batches made ahead of whoever takes them: records are read on a thread of their own, so that a batch is there as
//! soon as its records are, however slowly the next ones come.

use std::{
    sync::mpsc::{Receiver, sync_channel},
    thread::{self, JoinHandle},
};

use anomal_core::{Error, Result};

use crate::{begun::Begun, source::Batch};

pub(super) struct Ahead {
    begun: Receiver<Begun<Batch>>,
    /// Until it has ended.
    reading: Option<JoinHandle<()>>,
}

impl Ahead {
    /// `next` reads on and begins the next batch; nothing at the end.
    ///
    /// # Errors
    /// `Internal` if there can be no more threads.
    pub fn start(mut next: impl FnMut() -> Option<Begun<Batch>> + Send + 'static) -> Result<Self> {
        // As many at once as there are threads, with the one that waits to be sent.
        let (sender, begun) = sync_channel(rayon::current_num_threads().saturating_sub(1).max(1));
        let read = move || {
            while let Some(batch) = next() {
                if sender.send(batch).is_err() {
                    // Whoever took them has gone.
                    return;
                }
            }
        };
        let reading = thread::Builder::new().name("csv".into()).spawn(read);
        let reading = reading.map_err(|error| Error::internal(format!("no thread: {error}")))?;
        Ok(Self { begun, reading: Some(reading) })
    }

    /// The next batch in order; nothing at the end.
    ///
    /// # Errors
    /// Its own.
    pub fn next(&mut self) -> Result<Option<Batch>> {
        if let Ok(batch) = self.begun.recv() {
            return batch.take().map(Some);
        }
        match self.reading.take().map(JoinHandle::join) {
            Some(Err(_)) => Err(Error::internal("reading failed")),
            _ => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use anomal_core::Table;
    use polars::prelude::DataFrame;

    use super::*;

    fn begun(row: u64) -> Begun<Batch> {
        Begun::new(move || {
            let source = Table::new(vec![row], DataFrame::new(1, Vec::new())?)?;
            let typed = DataFrame::default();
            Ok(Batch { source, typed, rejected: Vec::new(), diagnostics: Vec::new() })
        })
    }

    #[test]
    fn a_batch_is_there_before_the_next_one_has_come() {
        let (come, coming) = channel();
        let mut ahead = Ahead::start(move || coming.recv().ok().map(begun)).unwrap();
        for row in 0..20 {
            come.send(row).unwrap();
            assert_eq!(ahead.next().unwrap().unwrap().source.rows(), [row]);
        }
        drop(come);
        assert!(ahead.next().unwrap().is_none());
    }

    #[test]
    fn reading_that_breaks_is_not_the_end() {
        let mut ahead = Ahead::start(|| panic!("on purpose")).unwrap();
        assert_eq!(ahead.next().unwrap_err().message, "reading failed");
    }
}
