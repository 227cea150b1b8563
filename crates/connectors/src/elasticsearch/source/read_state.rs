//! The state of reading: requests in flight, and documents that are not returned yet.

use std::sync::Arc;

use anomal_core::Result;

use super::{
    fetch::{SliceFetcher, SliceRequest},
    row_buffer::RowBuffer,
    slices::{Pace, Queue, is_sparse},
};

/// The state of reading, from the first batch on.
pub(super) struct ReadState {
    pub fetch: Arc<SliceFetcher>,
    pub queue: Queue<SliceRequest>,
    pub pace: Pace,
    pub buffer: RowBuffer,
    pub ended: bool,
}

impl ReadState {
    /// Reads the next page; false after the last one. `read`: documents per index so far.
    pub fn read_page(&mut self, read: &mut [u64]) -> Result<bool> {
        let (fetch, pace) = (&self.fetch, self.pace);
        self.queue.fill(pace, |slice| fetch.ask(slice, pace));
        let Some(asked) = self.queue.pop() else { return Ok(false) };
        let fetched = asked.wait()?;
        let page = fetched.page;
        self.pace.update(page.hits, page.bytes, fetched.filtered);
        if is_sparse(page.hits, fetched.size) {
            self.queue.widen(fetched.part);
        }
        if let Some(rest) = fetched.rest {
            self.queue.first(rest);
        }
        let pace = self.pace;
        self.queue.fill(pace, |slice| fetch.ask(slice, pace));
        read[fetched.part] += page.rows.len() as u64;
        self.buffer.put(fetched.part, page);
        Ok(true)
    }
}
