//! The interface of outputs of streams.

use crate::error::Cause;

/// What a sink has made durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flushed {
    /// The first so many writes since the last restore; all of them if there is no number.
    pub writes: Option<u64>,
    /// Where the sink is behind them.
    pub mark: Vec<u8>,
}

impl Flushed {
    /// Everything that was written.
    pub fn all(mark: Vec<u8>) -> Self {
        Self { writes: None, mark }
    }
}

/// An output that can continue from a mark.
///
/// No call waits for a server: what is on its way goes on in [`ready`](Self::ready) and [`flush`](Self::flush), which are
/// called again and again. A sink that has failed is not used again before [`restore`](Self::restore): what it had written
/// behind its last mark is then written again.
pub trait StreamSink: Send {
    type Results;

    /// Whether results may be written now. It is also called where there are none.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn ready(&mut self) -> Result<bool, Cause> {
        Ok(true)
    }

    /// Takes results in order.
    ///
    /// # Errors
    /// The output does not take results at the moment.
    fn write(&mut self, results: &Self::Results) -> Result<(), Cause>;

    /// Makes what was written durable, as far as that needs no waiting. `all`: no more results come, so that nothing may be
    /// kept back until there are more.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn flush(&mut self, all: bool) -> Result<Flushed, Cause>;

    /// Continues behind a mark, and removes what was written behind it. No mark: the stream begins, and what is there is not
    /// its own.
    ///
    /// # Errors
    /// As [`write`](Self::write); the output is not the one that the mark is of.
    fn restore(&mut self, mark: Option<&[u8]>) -> Result<(), Cause>;

    /// The last mark is about to be saved.
    fn saving(&mut self) {}

    /// The mark that was the last one when [`saving`](Self::saving) was called is in a checkpoint, of which the newest two may be continued from.
    fn saved(&mut self) {}

    /// Results that the output has refused for good and that are kept elsewhere, since the stream began.
    fn refused(&self) -> u64 {
        0
    }
}

/// A sink by the name under which its cursor is saved.
pub struct NamedSink<R> {
    pub name: String,
    pub sink: Box<dyn StreamSink<Results = R>>,
}
