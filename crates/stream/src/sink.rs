//! The interface of outputs of streams.

use crate::error::Cause;

/// An output that can continue from a mark.
///
/// A sink that has failed is not used again before [`restore`](Self::restore): what it had written behind its last mark is
/// then written again.
pub trait StreamSink: Send {
    type Results;

    /// Takes results in order.
    ///
    /// # Errors
    /// The output does not take them at the moment.
    fn write(&mut self, results: &Self::Results) -> Result<(), Cause>;

    /// Makes everything written durable, and returns a mark behind it.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self) -> Result<Vec<u8>, Cause>;

    /// Continues behind a mark, and removes what was written behind it. No mark: the stream begins, and what is there is not
    /// its own.
    ///
    /// # Errors
    /// As [`write`](Self::write); the output is not the one that the mark is of.
    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause>;
}

/// A sink by the name under which its cursor is saved.
pub struct NamedSink<R> {
    pub name: String,
    pub sink: Box<dyn StreamSink<Results = R>>,
}
