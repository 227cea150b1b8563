//! Documents that are collected for bulk requests.

use anomal_spec::Bulk;

use super::bulk::{self, BulkBody, BulkItem};

/// Bytes that are reserved for a new request.
const RESERVED: usize = 9 << 20;

/// The documents of the next request.
pub(super) struct BulkBuffer {
    bytes: Vec<u8>,
    items: Vec<BulkItem>,
    max_bytes: usize,
    max_documents: usize,
    documents: u64,
}

impl BulkBuffer {
    pub fn new(bulk: Bulk) -> Self {
        Self {
            bytes: Vec::new(),
            items: Vec::new(),
            max_bytes: usize::try_from(bulk.max_bytes).unwrap_or(usize::MAX),
            max_documents: usize::try_from(bulk.max_documents).unwrap_or(usize::MAX),
            documents: 0,
        }
    }

    /// The documents that were added so far.
    pub fn documents(&self) -> u64 {
        self.documents
    }

    /// Adds a document of a row, and returns the requests that are complete: those before it, and its own if that is full.
    pub fn push(
        &mut self,
        partition: Option<u32>,
        row: u64,
        id: &str,
        put: impl FnOnce(&mut Vec<u8>),
    ) -> Vec<BulkBody> {
        if self.bytes.capacity() == 0 {
            self.bytes.reserve(self.max_bytes.min(RESERVED));
        }
        let start = self.bytes.len();
        bulk::action(&mut self.bytes, id);
        put(&mut self.bytes);
        self.bytes.push(b'\n');
        let item =
            BulkItem { start, end: self.bytes.len(), row, partition, number: self.documents };
        self.items.push(item);
        self.documents += 1;
        let mut full = Vec::new();
        if self.bytes.len() > self.max_bytes && self.items.len() > 1 {
            full.push(self.take_before(item));
        }
        if self.bytes.len() >= self.max_bytes || self.items.len() >= self.max_documents {
            full.extend(self.take());
        }
        full
    }

    /// A request of all documents, if there are any.
    pub fn take(&mut self) -> Option<BulkBody> {
        let items = std::mem::take(&mut self.items);
        let bytes = std::mem::take(&mut self.bytes);
        (!items.is_empty()).then(|| BulkBody { bytes: bytes.into(), items })
    }

    /// A request of all documents but the last.
    fn take_before(&mut self, last: BulkItem) -> BulkBody {
        let mut items = std::mem::take(&mut self.items);
        let mut bytes = std::mem::take(&mut self.bytes);
        items.pop();
        self.bytes.extend_from_slice(&bytes[last.start..]);
        self.items.push(BulkItem { start: 0, end: self.bytes.len(), ..last });
        bytes.truncate(last.start);
        BulkBody { bytes: bytes.into(), items }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_stay_within_their_bounds_and_keep_the_order() {
        let bulk = Bulk { max_bytes: 200, max_documents: 3, ..Bulk::default() };
        let mut buffer = BulkBuffer::new(bulk);
        let mut bodies = Vec::new();
        for row in 0..20_u64 {
            let size = if row == 7 { 500 } else { 10 + usize::try_from(row).unwrap() };
            let put = |out: &mut Vec<u8>| out.extend(std::iter::repeat_n(b'x', size));
            bodies.extend(buffer.push(Some(1), row, "id", put));
        }
        bodies.extend(buffer.take());
        assert!(buffer.take().is_none());
        let items: Vec<&BulkItem> = bodies.iter().flat_map(|body| &body.items).collect();
        let numbers: Vec<(u64, u64)> = items.iter().map(|item| (item.row, item.number)).collect();
        assert_eq!(numbers, (0..20).map(|row| (row, row)).collect::<Vec<_>>());
        for body in &bodies {
            assert!(body.items.len() <= 3, "{body:?}");
            assert!(body.bytes.len() <= 200 || body.items.len() == 1, "{body:?}");
            assert_eq!(body.items.last().unwrap().end, body.bytes.len());
        }
    }
}
