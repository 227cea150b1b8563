//! The field `related`: addresses, users and hosts of a document.

use super::{ecs::RelatedKind, tree::RowNotes};

/// Appends addresses, users and hosts again, without duplicates, copied from their fields.
pub(super) fn related(notes: &RowNotes, out: &mut Vec<u8>) {
    if notes.related.is_empty() {
        return;
    }
    let kinds =
        [(RelatedKind::Ip, "ip"), (RelatedKind::User, "user"), (RelatedKind::Hosts, "hosts")];
    out.extend_from_slice(b",\"related\":{");
    for (kind, name) in kinds {
        let of_kind = notes.related.iter().filter(|(of, ..)| *of == kind);
        let places: Vec<(usize, usize)> = of_kind.map(|(_, start, end)| (*start, *end)).collect();
        if places.is_empty() {
            continue;
        }
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.push(b'"');
        out.extend_from_slice(name.as_bytes());
        out.extend_from_slice(b"\":[");
        for (index, (start, end)) in places.iter().enumerate() {
            let duplicate = places[..index].iter().any(|(a, b)| out[*a..*b] == out[*start..*end]);
            if duplicate {
                continue;
            }
            // Several values are a list.
            let several = out[*start] == b'[';
            let (start, end) = if several { (start + 1, end - 1) } else { (*start, *end) };
            out.extend_from_within(start..end);
            out.push(b',');
        }
        let last = out.len() - 1;
        out[last] = b']';
    }
    out.push(b'}');
}
