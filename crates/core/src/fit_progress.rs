//! The progress of a fit.

use std::{fmt, sync::Arc};

/// A step of a fit that has begun.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FitStep {
    /// For people, such as `member 2 of 5 (KNN)`.
    pub words: String,
    /// Steps before it.
    pub done: u64,
    /// All steps, of roughly the same size; 0: not known.
    pub steps: u64,
}

type Listener = dyn Fn(&FitStep) + Send + Sync;

/// Receives each step of a fit. The default one ignores them.
#[derive(Clone, Default)]
pub struct FitProgress(Option<Arc<Listener>>);

impl FitProgress {
    /// Ignores steps.
    pub const NONE: Self = Self(None);

    /// Steps may come from any thread, and must not wait.
    pub fn new(listener: impl Fn(&FitStep) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Tells that a step has begun.
    pub fn begin(&self, words: impl Into<String>, done: usize, steps: usize) {
        if let Some(listener) = &self.0 {
            listener(&FitStep { words: words.into(), done: done as u64, steps: steps as u64 });
        }
    }

    /// The same for a step that another engine has begun.
    pub fn step(&self, step: &FitStep) {
        if let Some(listener) = &self.0 {
            listener(step);
        }
    }
}

impl fmt::Debug for FitProgress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FitProgress").field(&self.0.is_some()).finish()
    }
}
