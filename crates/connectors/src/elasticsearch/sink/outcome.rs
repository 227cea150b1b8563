//! The outcomes of the documents in a bulk request.

use super::bulk::{BulkBody, BulkItem};

/// The outcome of one document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DocumentOutcome {
    Created,
    /// An earlier attempt or run has written it.
    Exists,
    Retry,
    /// The document itself is at fault.
    Rejected,
    /// The index accepts no document.
    Fatal,
}

impl DocumentOutcome {
    /// `kind`: the type of the error, such as `document_parsing_exception`; `reason`: its text.
    pub fn from_response(status: u16, kind: &str, reason: &str) -> Self {
        match (status, kind) {
            (200..=299, _) => Self::Created,
            (409, kind) if kind != "cluster_block_exception" => Self::Exists,
            // A full disk, or an index that is closed for writing: both are temporary.
            (_, "cluster_block_exception") | (408 | 429 | 500.., _) => Self::Retry,
            (401 | 403, _)
            | (
                _,
                "index_not_found_exception"
                | "index_closed_exception"
                | "invalid_index_name_exception"
                | "validation_exception",
            ) => Self::Fatal,
            // No document is at fault if its pipeline or its alias is.
            (400, "illegal_argument_exception")
                if reason.starts_with("pipeline with id [")
                    || reason.starts_with("no write index is defined for alias [") =>
            {
                Self::Fatal
            }
            _ => Self::Rejected,
        }
    }
}

/// Whether a request is larger than the server would accept if it were idle. The server reports this like a busy
/// state, with the bytes that the request needs and the limit.
pub(super) fn exceeds_limit(reason: &str) -> bool {
    let number = |name: &str| {
        let (_, rest) = reason.split_once(name)?;
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse::<u64>().ok()
    };
    let needed = ["coordinating_operation_bytes=", "primary_operation_bytes="];
    let limit =
        ["max_coordinating_bytes=", "max_primary_bytes=", "max_coordinating_and_primary_bytes="];
    let (needed, limit) = (needed.into_iter().find_map(number), limit.into_iter().find_map(number));
    needed.zip(limit).is_some_and(|(needed, limit)| needed > limit)
}

/// The outcome of a bulk request.
#[derive(Default)]
pub(super) struct DeliveryOutcome {
    pub written: u64,
    /// Documents that existed before.
    pub existing: u64,
    pub rejected: Vec<RejectedDocument>,
}

/// A document that the server rejects.
#[derive(Debug, PartialEq, Eq, serde::Serialize)]
pub(super) struct RejectedDocument {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<u32>,
    pub row: u64,
    pub status: u16,
    #[serde(rename = "type")]
    pub kind: String,
    pub reason: String,
    #[serde(skip)]
    pub document: Vec<u8>,
    /// As of its [`BulkItem`].
    #[serde(skip)]
    pub number: u64,
}

impl DeliveryOutcome {
    pub fn count(&self) -> u64 {
        self.written + self.existing + self.rejected.len() as u64
    }

    /// Adds the document at `place` of the body as a rejected one.
    pub fn reject(
        &mut self,
        body: &BulkBody,
        place: usize,
        status: u16,
        kind: &str,
        reason: String,
    ) {
        let Some(item): Option<&BulkItem> = body.items.get(place) else { return };
        self.rejected.push(RejectedDocument {
            partition: item.partition,
            row: item.row,
            status,
            kind: kind.to_owned(),
            reason,
            document: body.document(item).to_vec(),
            number: item.number,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_have_outcomes() {
        let cases = [
            (200, "", DocumentOutcome::Created),
            (201, "", DocumentOutcome::Created),
            (409, "version_conflict_engine_exception", DocumentOutcome::Exists),
            (429, "es_rejected_execution_exception", DocumentOutcome::Retry),
            (429, "cluster_block_exception", DocumentOutcome::Retry),
            (403, "cluster_block_exception", DocumentOutcome::Retry),
            (503, "unavailable_shards_exception", DocumentOutcome::Retry),
            (500, "", DocumentOutcome::Retry),
            (400, "document_parsing_exception", DocumentOutcome::Rejected),
            (400, "mapper_parsing_exception", DocumentOutcome::Rejected),
            (400, "illegal_argument_exception", DocumentOutcome::Rejected),
            (413, "", DocumentOutcome::Rejected),
            (401, "security_exception", DocumentOutcome::Fatal),
            (403, "security_exception", DocumentOutcome::Fatal),
            (404, "index_not_found_exception", DocumentOutcome::Fatal),
            (400, "validation_exception", DocumentOutcome::Fatal),
        ];
        for (status, kind, outcome) in cases {
            let found = DocumentOutcome::from_response(status, kind, "failed");
            assert_eq!(found, outcome, "{status} {kind}");
        }
    }

    #[test]
    fn a_document_is_not_at_fault_for_a_pipeline_or_alias_that_is_gone() {
        for reason in
            ["pipeline with id [p] does not exist", "no write index is defined for alias [a]"]
        {
            let outcome = DocumentOutcome::from_response(400, "illegal_argument_exception", reason);
            assert_eq!(outcome, DocumentOutcome::Fatal, "{reason}");
        }
    }

    #[test]
    fn requests_beyond_the_limit_are_recognised() {
        let exceeds = |needed: u64, limit: &str| {
            exceeds_limit(&format!(
                "rejected execution of coordinating operation [coordinating_and_primary_bytes=0, replica_bytes=0, \
                 all_bytes=0, coordinating_operation_bytes={needed}, {limit}=53687091]"
            ))
        };
        assert!(exceeds(102_760_764, "max_coordinating_bytes"));
        assert!(exceeds(102_760_716, "max_coordinating_and_primary_bytes"));
        assert!(!exceeds(1000, "max_coordinating_bytes"));
        let primary = "[all_bytes=5, primary_operation_bytes=60, max_primary_bytes=53]";
        assert!(exceeds_limit(primary));
        assert!(!exceeds_limit("es_rejected_execution_exception: queue capacity = 1000"));
    }
}
