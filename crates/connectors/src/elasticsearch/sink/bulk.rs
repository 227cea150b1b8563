//! Bulk requests: their bodies, and the responses to their documents.

use std::{borrow::Cow, io::Write};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;

/// Actions and documents, line by line, and the position of each.
#[derive(Clone, Debug, Default)]
pub(super) struct BulkBody {
    pub bytes: Bytes,
    pub items: Vec<BulkItem>,
}

/// The position of an action and its document.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct BulkItem {
    pub start: usize,
    pub end: usize,
    /// The row in the input.
    pub row: u64,
    /// Of a stream, whose partitions number their own rows.
    pub partition: Option<u32>,
    /// The documents before it, of all requests.
    pub number: u64,
}

const BEFORE_ID: &[u8] = b"{\"create\":{\"_id\":\"";
const BEHIND_ID: &[u8] = b"\"}}\n";

/// Appends `{"create":{"_id":"…"}}` and a line end. `create` never overwrites a document: an earlier attempt has
/// written the same one, and the privilege to add documents suffices.
pub(super) fn action(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(BEFORE_ID);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(BEHIND_ID);
}

impl BulkBody {
    pub fn item(&self, item: &BulkItem) -> &[u8] {
        self.bytes.get(item.start..item.end).unwrap_or_default()
    }

    /// The id of a document.
    pub fn id(&self, item: &BulkItem) -> &str {
        let lines = self.item(item);
        let end = memchr::memchr(b'\n', lines).map_or(0, |end| end + 1);
        let id = lines.get(BEFORE_ID.len()..end.saturating_sub(BEHIND_ID.len()));
        std::str::from_utf8(id.unwrap_or_default()).unwrap_or_default()
    }

    /// The document without its action.
    pub fn document(&self, item: &BulkItem) -> &[u8] {
        let lines = self.item(item);
        let action = memchr::memchr(b'\n', lines).map_or(0, |end| end + 1);
        lines[action..].trim_ascii_end()
    }

    /// A body of these documents only.
    pub fn select(&self, places: &[usize]) -> Self {
        if places.len() == self.items.len() {
            return self.clone();
        }
        let selected: Vec<&BulkItem> =
            places.iter().filter_map(|place| self.items.get(*place)).collect();
        let mut bytes = Vec::with_capacity(selected.iter().map(|item| item.end - item.start).sum());
        let mut items = Vec::with_capacity(selected.len());
        for item in selected {
            let start = bytes.len();
            bytes.extend_from_slice(self.item(item));
            items.push(BulkItem { start, end: bytes.len(), ..*item });
        }
        Self { bytes: bytes.into(), items }
    }

    /// Splits into halves by bytes; each has at least one document.
    pub fn halves(&self) -> [Self; 2] {
        let half = self.bytes.len() / 2;
        let middle = self.items.partition_point(|item| item.end <= half);
        let middle = middle.clamp(1, self.items.len().saturating_sub(1).max(1));
        let places: Vec<usize> = (0..self.items.len()).collect();
        let (first, second) = places.split_at(middle.min(places.len()));
        [self.select(first), self.select(second)]
    }
}

/// Compresses at the fastest level, since the bytes are sent only once.
pub(super) fn compress(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 6), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
}

/// Restricts the response to the fields that are used.
pub(super) const FILTER: &str = "filter_path=items.*.status,items.*.error";

#[derive(Deserialize)]
pub(super) struct BulkResponse<'a> {
    #[serde(borrow, default)]
    items: Vec<Action<'a>>,
}

#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    create: ItemResponse<'a>,
}

/// The response to one document.
#[derive(Deserialize)]
pub(super) struct ItemResponse<'a> {
    pub status: u16,
    #[serde(borrow)]
    pub error: Option<ErrorCause<'a>>,
}

#[derive(Deserialize)]
pub(super) struct ErrorCause<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    caused_by: Option<Box<ErrorCause<'a>>>,
}

impl ItemResponse<'_> {
    pub fn kind(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.kind)
    }

    /// The reason and its causes, which name the value that is wrong.
    pub fn reason(&self) -> String {
        let mut reasons = String::new();
        let mut cause = self.error.as_ref();
        while let Some(current) = cause {
            let reason = current.reason.as_deref().unwrap_or(&current.kind);
            if !reasons.contains(reason) {
                reasons.push_str(if reasons.is_empty() { "" } else { ": " });
                reasons.push_str(reason);
            }
            cause = current.caused_by.as_deref();
        }
        reasons
    }
}

/// The responses to this many documents, in order; `None` if the body does not have one for each.
pub(super) fn item_responses(body: &[u8], documents: usize) -> Option<Vec<ItemResponse<'_>>> {
    let answer: BulkResponse<'_> = serde_json::from_slice(body).ok()?;
    let outcomes: Vec<ItemResponse<'_>> =
        answer.items.into_iter().map(|item| item.create).collect();
    (outcomes.len() == documents).then_some(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(documents: &[&str]) -> BulkBody {
        let (mut bytes, mut items) = (Vec::new(), Vec::new());
        for (row, document) in documents.iter().enumerate() {
            let start = bytes.len();
            action(&mut bytes, "id");
            bytes.extend_from_slice(document.as_bytes());
            bytes.push(b'\n');
            let (end, row) = (bytes.len(), row as u64);
            items.push(BulkItem { start, end, row, ..BulkItem::default() });
        }
        BulkBody { bytes: bytes.into(), items }
    }

    fn documents(body: &BulkBody) -> Vec<&[u8]> {
        body.items.iter().map(|item| body.document(item)).collect()
    }

    #[test]
    fn selected_documents_are_complete() {
        let body = body(&["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        let only = body.select(&[0, 2]);
        assert!(only.items.iter().all(|item| only.id(item) == "id"));
        assert_eq!(documents(&only), [b"{\"a\":1}", b"{\"c\":3}"]);
        assert_eq!(only.items.iter().map(|item| item.row).collect::<Vec<_>>(), [0, 2]);
        assert!(only.bytes.starts_with(b"{\"create\":{\"_id\":\"id\"}}\n{\"a\":1}\n{\"create\""));
    }

    #[test]
    fn each_half_has_a_document() {
        let long = "x".repeat(100);
        for documents in [vec!["a", "b", "c", "d"], vec![&*long, "b"], vec!["a", "b", &*long]] {
            let [first, second] = body(&documents).halves();
            assert!(!first.items.is_empty() && !second.items.is_empty());
            assert_eq!(first.items.len() + second.items.len(), documents.len());
        }
    }

    #[test]
    fn every_document_has_a_response_or_there_is_none() {
        let text = br#"{"items":[{"create":{"status":201}},{"create":{"status":400,"error":{
            "type":"document_parsing_exception","reason":"failed to parse field [source.ip]",
            "caused_by":{"type":"illegal_argument_exception","reason":"'\"x' is not an IP string literal."}}}}]}"#;
        let found = item_responses(text, 2).unwrap();
        assert_eq!((found[0].status, found[0].kind()), (201, ""));
        assert_eq!(found[1].kind(), "document_parsing_exception");
        let reason = "failed to parse field [source.ip]: '\"x' is not an IP string literal.";
        assert_eq!(found[1].reason(), reason);
        assert!(item_responses(text, 3).is_none() && item_responses(&text[..40], 1).is_none());
        assert!(item_responses(b"{}", 0).is_some_and(|none| none.is_empty()));
    }

    #[test]
    fn compression_is_lossless() {
        use std::io::Read;
        let bytes = b"{\"create\":{}}\n".repeat(1000);
        let packed = compress(&bytes).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut read).unwrap();
        assert!(packed.len() < bytes.len() / 10 && read == bytes);
    }
}
