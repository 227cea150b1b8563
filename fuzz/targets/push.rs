//! Bodies of requests that senders push: what is taken of them is JSON objects.
#![no_main]

use anomal_ingest::{BodyForm, KEPT, read_body};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use serde::de::IgnoredAny;

/// Bytes of the records of a body.
const MOST: usize = 1 << 20;

fuzz_target!(|bytes: &[u8]| {
    let body = Bytes::copy_from_slice(bytes);
    for form in [BodyForm::Lines, BodyForm::LogsJson, BodyForm::LogsProtobuf, BodyForm::Bulk] {
        for record in read_body(form, &body, MOST).unwrap_or_default() {
            if record.is_refused() {
                assert!(record.text.len() <= KEPT, "{form:?}");
                continue;
            }
            assert!(record.text.starts_with(b"{"), "{form:?}: {:?}", record.text);
            let object = serde_json::from_slice::<IgnoredAny>(&record.text);
            object.unwrap_or_else(|error| panic!("{form:?}: {error}: {:?}", record.text));
        }
    }
});
