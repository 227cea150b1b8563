//! Bulk requests: documents on their way, and what is answered for each.

use std::{borrow::Cow, io::Write};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use serde::Deserialize;

/// Documents with their actions, line by line, and where each of them stands.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    pub bytes: Bytes,
    pub items: Vec<Item>,
}

/// An action and its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub start: usize,
    pub end: usize,
    /// The row in the input.
    pub row: u64,
}

/// `{"create":{"_id":"…"}}` and a line's end. An id that is there is never written over: what was written by an
/// earlier try is the same, and a role that may only add can do it.
pub(super) fn action(out: &mut Vec<u8>, id: &str) {
    out.extend_from_slice(b"{\"create\":{\"_id\":\"");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b"\"}}\n");
}

impl Body {
    pub fn item(&self, item: &Item) -> &[u8] {
        self.bytes.get(item.start..item.end).unwrap_or_default()
    }

    /// The document alone, without its action.
    pub fn document(&self, item: &Item) -> &[u8] {
        let lines = self.item(item);
        let action = memchr::memchr(b'\n', lines).map_or(0, |end| end + 1);
        lines[action..].trim_ascii_end()
    }

    /// Those of the documents, in a body of their own.
    pub fn only(&self, places: &[usize]) -> Self {
        if places.len() == self.items.len() {
            return self.clone();
        }
        let chosen: Vec<&Item> = places.iter().filter_map(|place| self.items.get(*place)).collect();
        let mut bytes = Vec::with_capacity(chosen.iter().map(|item| item.end - item.start).sum());
        let mut items = Vec::with_capacity(chosen.len());
        for item in chosen {
            let start = bytes.len();
            bytes.extend_from_slice(self.item(item));
            items.push(Item { start, end: bytes.len(), row: item.row });
        }
        Self { bytes: bytes.into(), items }
    }

    /// Two halves by their bytes; both have a document at least.
    pub fn halves(&self) -> [Self; 2] {
        let half = self.bytes.len() / 2;
        let middle = self.items.partition_point(|item| item.end <= half);
        let middle = middle.clamp(1, self.items.len().saturating_sub(1).max(1));
        let places: Vec<usize> = (0..self.items.len()).collect();
        let (first, second) = places.split_at(middle.min(places.len()));
        [self.only(first), self.only(second)]
    }
}

/// The fastest: what goes over a wire once is not worth more.
pub(super) fn compressed(bytes: &[u8]) -> std::io::Result<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 6), Compression::fast());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?.into())
}

/// What the server answers; nothing but this is asked of it.
pub(super) const FILTER: &str = "filter_path=items.*.status,items.*.error";

#[derive(Deserialize)]
pub(super) struct Answer<'a> {
    #[serde(borrow, default)]
    items: Vec<Action<'a>>,
}

#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    create: Outcome<'a>,
}

/// What became of one document.
#[derive(Deserialize)]
pub(super) struct Outcome<'a> {
    pub status: u16,
    #[serde(borrow)]
    pub error: Option<Cause<'a>>,
}

#[derive(Deserialize)]
pub(super) struct Cause<'a> {
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    #[serde(borrow)]
    reason: Option<Cow<'a, str>>,
    #[serde(borrow)]
    caused_by: Option<Box<Cause<'a>>>,
}

impl Outcome<'_> {
    pub fn kind(&self) -> &str {
        self.error.as_ref().map_or("", |error| &error.kind)
    }

    /// The reason and what caused it, which says what is wrong with which value.
    pub fn reason(&self) -> String {
        let mut told = String::new();
        let mut cause = self.error.as_ref();
        while let Some(one) = cause {
            let reason = one.reason.as_deref().unwrap_or(&one.kind);
            if !told.contains(reason) {
                told.push_str(if told.is_empty() { "" } else { ": " });
                told.push_str(reason);
            }
            cause = one.caused_by.as_deref();
        }
        told
    }
}

/// An outcome for each of so many documents, in their order; nothing if the answer is not one for them.
pub(super) fn outcomes(body: &[u8], documents: usize) -> Option<Vec<Outcome<'_>>> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let outcomes: Vec<Outcome<'_>> = answer.items.into_iter().map(|item| item.create).collect();
    (outcomes.len() == documents).then_some(outcomes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(documents: &[&str]) -> Body {
        let (mut bytes, mut items) = (Vec::new(), Vec::new());
        for (row, document) in documents.iter().enumerate() {
            let start = bytes.len();
            action(&mut bytes, "id");
            bytes.extend_from_slice(document.as_bytes());
            bytes.push(b'\n');
            items.push(Item { start, end: bytes.len(), row: row as u64 });
        }
        Body { bytes: bytes.into(), items }
    }

    fn documents(body: &Body) -> Vec<&[u8]> {
        body.items.iter().map(|item| body.document(item)).collect()
    }

    #[test]
    fn documents_are_taken_out_whole() {
        let body = body(&["{\"a\":1}", "{\"b\":2}", "{\"c\":3}"]);
        let only = body.only(&[0, 2]);
        assert_eq!(documents(&only), [b"{\"a\":1}", b"{\"c\":3}"]);
        assert_eq!(only.items.iter().map(|item| item.row).collect::<Vec<_>>(), [0, 2]);
        assert!(only.bytes.starts_with(b"{\"create\":{\"_id\":\"id\"}}\n{\"a\":1}\n{\"create\""));
    }

    #[test]
    fn halves_have_a_document_each() {
        let long = "x".repeat(100);
        for documents in [vec!["a", "b", "c", "d"], vec![&*long, "b"], vec!["a", "b", &*long]] {
            let [first, second] = body(&documents).halves();
            assert!(!first.items.is_empty() && !second.items.is_empty());
            assert_eq!(first.items.len() + second.items.len(), documents.len());
        }
    }

    #[test]
    fn every_document_has_an_outcome_or_there_is_no_answer() {
        let text = br#"{"items":[{"create":{"status":201}},{"create":{"status":400,"error":{
            "type":"document_parsing_exception","reason":"failed to parse field [source.ip]",
            "caused_by":{"type":"illegal_argument_exception","reason":"'\"x' is not an IP string literal."}}}}]}"#;
        let found = outcomes(text, 2).unwrap();
        assert_eq!((found[0].status, found[0].kind()), (201, ""));
        assert_eq!(found[1].kind(), "document_parsing_exception");
        let reason = "failed to parse field [source.ip]: '\"x' is not an IP string literal.";
        assert_eq!(found[1].reason(), reason);
        assert!(outcomes(text, 3).is_none() && outcomes(&text[..40], 1).is_none());
        assert!(outcomes(b"{}", 0).is_some_and(|none| none.is_empty()));
    }

    #[test]
    fn what_is_compressed_is_what_was_given() {
        use std::io::Read;
        let bytes = b"{\"create\":{}}\n".repeat(1000);
        let packed = compressed(&bytes).unwrap();
        let mut read = Vec::new();
        flate2::read::GzDecoder::new(&*packed).read_to_end(&mut read).unwrap();
        assert!(packed.len() < bytes.len() / 10 && read == bytes);
    }
}
