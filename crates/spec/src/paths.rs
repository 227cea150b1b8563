//! The paths in settings, so that callers can resolve them in one place.

use crate::{AnomalyJobSpec, PackSetting, Tls};

/// Whether a path is a URL, not a file: a scheme of two letters or more, then `://`.
pub fn is_url(path: &str) -> bool {
    path.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'))
    })
}

/// Whether it is an HTTP URL.
pub fn is_web(path: &str) -> bool {
    path.starts_with("http://") || path.starts_with("https://")
}

/// A path without the query of an HTTP URL, which may be a signature and is not part of the name.
pub fn without_query(path: &str) -> &str {
    let end = if is_web(path) { path.find(['?', '#']) } else { None };
    &path[..end.unwrap_or(path.len())]
}

/// Calls `visit` with each path to a file or folder and its place, except `-` and URLs.
pub fn visit_paths(spec: &mut AnomalyJobSpec, visit: &mut dyn FnMut(&str, &mut String)) {
    let mut visit = |place: &str, path: &mut String| {
        if path != "-" && !is_url(path) {
            visit(place, path);
        }
    };
    if let Some(file) = spec.input.file_mut() {
        visit(&format!("input.{}.path", file.driver), file.path);
    }
    let warm_up = spec.stream.as_mut().and_then(|stream| stream.warm_up.as_mut());
    let history = warm_up.and_then(|warm_up| warm_up.preload.as_mut());
    if let Some(file) = history.and_then(|history| history.file_mut()) {
        visit(&format!("stream.warmUp.preload.{}.path", file.driver), file.path);
    }
    let http = spec.input.http.as_mut().and_then(|http| http.tls.as_mut());
    let tcp = spec.input.tcp.as_mut().and_then(|tcp| tcp.tls.as_mut());
    let syslog =
        spec.input.syslog.iter_mut().flat_map(|syslog| syslog.listen.iter_mut().enumerate());
    let syslog = syslog.map(|(index, it)| (format!("syslog.listen[{index}]"), it.tls.as_mut()));
    let others = [("http".to_owned(), http), ("tcp".to_owned(), tcp)];
    for (driver, tls) in others.into_iter().chain(syslog) {
        let Some(tls) = tls else { continue };
        let files = [("cert", Some(&mut tls.cert)), ("key", Some(&mut tls.key))];
        for (key, file) in files.into_iter().chain([("clientCa", tls.client_ca.as_mut())]) {
            if let Some(file) = file {
                visit(&format!("input.{driver}.tls.{key}"), file);
            }
        }
    }
    for (index, pack) in spec.packs.iter_mut().enumerate() {
        let PackSetting::Detailed(details) = pack else { continue };
        if let Some(path) = &mut details.reference {
            visit(&format!("packs[{index}].ref"), path);
        }
        if let Some(tls) = &mut details.tls {
            visit(&format!("packs[{index}].tls.ca"), &mut tls.ca);
        }
    }
    for (index, list) in spec.lists.iter_mut().enumerate() {
        visit(&format!("lists[{index}].ref"), &mut list.reference);
    }
    for (index, output) in spec.outputs.iter_mut().enumerate() {
        if let Some(file) = output.file_mut() {
            visit(&format!("outputs[{index}].{}.path", file.driver), file.path);
        }
        if let Some(rejected) = output.dead_letter_mut() {
            visit(&format!("outputs[{index}].elasticsearch.deadLetter.path"), &mut rejected.path);
        }
    }
    if let Some(path) = spec.suppressions.as_mut().and_then(|it| it.path.as_mut()) {
        visit("suppressions.path", path);
    }
    if let Some(dead_letter) = &mut spec.dead_letter {
        visit("deadLetter.path", &mut dead_letter.path);
    }
    if let Some(state) = spec.stream.as_mut().and_then(|stream| stream.state.checkpoint.to.as_mut())
    {
        visit("stream.state.checkpoint.to", state);
    }
    let journal = spec.stream.as_mut().and_then(|stream| stream.journal.as_mut());
    if let Some(journal) = journal.and_then(|journal| journal.path.as_mut()) {
        visit("stream.journal.path", journal);
    }
    if let Some(classification) = &mut spec.classification {
        let model = classification.model.as_mut();
        if let Some(file) = model.and_then(|model| model.save.as_mut().or(model.load.as_mut())) {
            visit("classification.model", file);
        }
        visit_tls("classification.tls", classification.tls.as_mut(), &mut visit);
    }
    let engines = spec.engines.iter_mut();
    for (name, engine) in engines.flat_map(|engines| {
        [
            ("feature", &mut engines.feature),
            ("classification", &mut engines.classification),
            ("report", &mut engines.report),
        ]
    }) {
        let Some(engine) = engine else { continue };
        visit_tls(&format!("engines.{name}.tls"), engine.tls.as_mut(), &mut visit);
        if let Some(token) = &mut engine.token_file {
            visit(&format!("engines.{name}.tokenFile"), token);
        }
    }
}

fn visit_tls(place: &str, tls: Option<&mut Tls>, visit: &mut impl FnMut(&str, &mut String)) {
    let Some(tls) = tls else { return };
    for (name, file) in [("ca", &mut tls.ca), ("cert", &mut tls.cert), ("key", &mut tls.key)] {
        if let Some(file) = file {
            visit(&format!("{place}.{name}"), file);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_url;

    #[test]
    fn urls_differ_from_files() {
        assert!(["s3://b/k", "ftp://h", "http://h/x", "x+y://"].into_iter().all(is_url));
        let files = ["a/b", "-", "c://x", "://x", "1a://x", "a b://x", "/x://y", "./s3://b"];
        assert!(!files.into_iter().any(is_url));
    }
}
