//! Rules of lists: which settings go with which format, and names that stand for lists.

use std::path::{Component, Path};

use serde_json::Value as Json;

use crate::{
    Place,
    check::Check,
    is_url, is_web,
    problem::suggestion,
    types::{ListFormat, ListSettings, ListType, PACK_API_VERSION},
};

/// Checks the lists of a `spec`, or of a manifest of a pack.
pub(crate) fn check(check: &mut Check, value: &Json, prefix: &str) {
    let in_pack = value["apiVersion"] == PACK_API_VERSION;
    let lists = value["lists"].as_array().into_iter().flatten();
    let lists: Vec<Option<ListSettings>> =
        lists.map(|list| serde_json::from_value(list.clone()).ok()).collect();
    let names: Vec<&str> = lists.iter().flatten().map(|list| list.name.as_str()).collect();
    for (index, list) in lists.iter().enumerate() {
        let Some(list) = list else { continue };
        let mut problems = problems(list);
        problems.extend(if in_pack { pack_problem(list) } else { reference_problem(list) });
        if names.iter().position(|name| *name == list.name) != Some(index) {
            let message = format!("`{}` is there twice; give one another name", list.name);
            problems.push(("name", message));
        }
        for name in &list.except {
            if *name == list.name {
                problems.push(("except", "a list can't take precedence over itself".into()));
            // Lists of packs are not in the settings.
            } else if !name.contains('/') && !names.contains(&name.as_str()) {
                let hint = suggestion(name, names.iter().copied());
                problems.push(("except", format!("there is no list `{name}`; {hint}")));
            }
        }
        for (key, message) in problems {
            let at = format!("{prefix}lists[{index}].{key}");
            let place = check.places.nearest(&at).unwrap_or(Place::NONE);
            check.wrong(place, &at, message);
        }
    }
}

/// The problems of a list by itself, each with its key.
fn problems(list: &ListSettings) -> Vec<(&'static str, String)> {
    use ListFormat::{Csv, Hosts, MispWarninglist, Mmdb, Plain, Stix};
    let mut problems = Vec::new();
    let given: [(&str, bool, &[ListFormat], &str); 6] = [
        ("column", list.column.is_some(), &[Csv], "format csv"),
        ("expires", list.expires.is_some(), &[Csv], "format csv"),
        ("comment", list.comment.is_some(), &[Plain, Csv], "the formats plain and csv"),
        ("confidence", list.confidence.is_some(), &[Stix], "format stix"),
        (
            "type",
            list.entry_type.is_some_and(|entry_type| {
                list.format == Mmdb || (list.format == Hosts && entry_type != ListType::Domain)
            }),
            &[],
            "other formats: the entries of hosts files are domains, and a MaxMind database has no entries",
        ),
        (
            "match",
            list.matching.is_some()
                && !matches!(
                    (list.format, list.entry_type),
                    (_, Some(ListType::Domain)) | (Hosts | Stix | MispWarninglist, None)
                ),
            &[],
            "lists of type domain",
        ),
    ];
    for (key, given, formats, with) in given {
        if given && !formats.contains(&list.format) {
            problems.push((key, format!("`{key}` goes with {with}")));
        }
    }
    if matches!(list.format, Plain | Csv) && list.entry_type.is_none() {
        let message = "`type` is missing: which type have its entries? It is one of domain, ip, url, hash, email, text";
        problems.push(("type", message.into()));
    }
    problems
}

/// The problem of a list in a pack.
fn pack_problem(list: &ListSettings) -> Option<(&'static str, String)> {
    if list.auth.is_some() {
        return Some(("auth", "a list in a pack needs no credentials".into()));
    }
    let inside = Path::new(&list.reference)
        .components()
        .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    (is_url(&list.reference) || !inside).then(|| {
        let message =
            format!("{} is not in the folder of the pack; name a path in it", list.reference);
        ("ref", message)
    })
}

/// The problem of where a list of a job is.
fn reference_problem(list: &ListSettings) -> Option<(&'static str, String)> {
    if list.reference == "-" {
        return Some(("ref", "a list is a file; standard input has the records".into()));
    }
    if list.auth.is_some() && !is_url(&list.reference) {
        return Some(("auth", "`auth` goes with a URL".into()));
    }
    (is_web(&list.reference) && list.digest.is_none()).then(|| {
        let message = "a list by HTTP needs `digest`, the SHA-256 of its bytes, so that every run has the same";
        ("digest", message.into())
    })
}
