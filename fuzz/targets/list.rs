//! Lists of indicators: whatever the bytes, a message or a list whose entries find themselves.

#![no_main]

use anomal_indicators::{FieldPath, List};
use anomal_spec::{ListFormat, ListMatch, ListSettings, ListType};
use bytes::Bytes;
use libfuzzer_sys::fuzz_target;

const FORMATS: [ListFormat; 6] = [
    ListFormat::Plain,
    ListFormat::Csv,
    ListFormat::Hosts,
    ListFormat::MispWarninglist,
    ListFormat::Stix,
    ListFormat::Mmdb,
];
const TYPES: [ListType; 6] = [
    ListType::Domain,
    ListType::Ip,
    ListType::Url,
    ListType::Hash,
    ListType::Email,
    ListType::Text,
];

// The first byte selects format and type, so that seeds can be lists with one byte before them.
fuzz_target!(|bytes: &[u8]| {
    let Some((first, content)) = bytes.split_first() else { return };
    let first = usize::from(*first);
    let settings = ListSettings {
        format: FORMATS[first % 6],
        entry_type: TYPES.get(first / 6 % 7).copied(),
        matching: (first >= 128).then_some(ListMatch::Subdomains),
        expires: Some("2".into()),
        ..ListSettings::default()
    };
    let Ok((list, statistics)) = List::parse(&Bytes::copy_from_slice(content), &settings) else {
        return;
    };
    assert!(statistics.entries > 0 || list.database().is_some());
    for entry in list.entries().take(100) {
        assert!(!list.matches(&entry).is_empty(), "{entry}");
    }
    if let (Some(database), Ok(path)) = (list.database(), FieldPath::parse("country.iso_code")) {
        let _ = database.field("1.1.1.1", &path);
        let _ = database.field("2001:218::1", &path);
    }
});
