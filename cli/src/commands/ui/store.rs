//! The report store of the interface: the one that is named, else the person's. Where that can't be written to, as in a
//! container, one that ends with the interface.

use std::sync::{Arc, Mutex, PoisonError};

use tempfile::TempDir;

use crate::args::ReportStore;

#[derive(Clone)]
pub struct SessionStore(Arc<Mutex<Inner>>);

struct Inner {
    store: ReportStore,
    /// Removed with the last clone.
    temporary: Option<TempDir>,
}

impl SessionStore {
    pub fn new(store: ReportStore) -> Self {
        Self(Arc::new(Mutex::new(Inner { store, temporary: None })))
    }

    /// The store as it is now.
    pub fn get(&self) -> ReportStore {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).store.clone()
    }

    /// Sees to it that reports can be stored. Returns what is to be said about it.
    pub fn make_writable(&self) -> Option<String> {
        let mut inner = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let obstacle = inner.store.obstacle()?;
        // Without one, the run says why.
        let folder = tempfile::Builder::new().prefix("anomal-reports-").tempdir().ok()?;
        let path = folder.path().to_string_lossy().into_owned();
        (inner.store.report_store, inner.temporary) = (Some(path), Some(folder));
        Some(format!("Reports are gone when this ends, for they can't be kept: {obstacle}"))
    }
}
