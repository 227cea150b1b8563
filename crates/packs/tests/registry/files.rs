//! Packs and lists as files behind HTTP.

use std::sync::atomic::{AtomicUsize, Ordering};

use anomal_packs::{
    Access, Artifact, Digest, Fetcher, Kind, Layout, PackError, Reference, Wanted, to_tar,
};

use super::{
    server::{Answer, Server},
    support::{MANIFEST, artifact, fetch, fetcher},
};

/// The file of a pack, as `pack build` makes it.
fn built() -> (Artifact, Vec<u8>) {
    let pack = artifact(200_000);
    let mut layout = Layout::default();
    layout.add(&pack, Some("1.2.3"));
    let bytes = to_tar(&layout.to_files()).unwrap();
    (pack, bytes)
}

fn list(fetcher: &Fetcher, url: &str, digest: Digest) -> Result<Artifact, PackError> {
    let reference: Reference = url.parse().unwrap();
    fetcher
        .fetch(&reference, Some(digest), &Access::default(), Wanted::List)
        .map(|fetched| fetched.artifact)
}

#[test]
fn a_file_is_what_its_digest_says() {
    let (pack, bytes) = built();
    let digest = Digest::from_content(&bytes);
    let broken = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let from = request
            .headers
            .get("range")
            .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
        match from {
            Some(from) => Answer::new(206, &bytes[from..]),
            None => Answer {
                cut: (broken.fetch_add(1, Ordering::SeqCst) == 0).then_some(100_000),
                ..Answer::new(200, bytes.clone())
            },
        }
    });
    let url = format!("http://{}/house.tar?signature=secret", server.address);
    let cache = tempfile::tempdir().unwrap();
    let mut fetcher = fetcher(Some(cache.path()));
    let error = fetch(&fetcher, &url, None).unwrap_err();
    assert_eq!(error.reason, "PACK_REFERENCE");
    assert!(
        error.message.contains("needs `digest`") && !error.message.contains("secret"),
        "{error}"
    );
    let other = Digest::from_content(b"other");
    let error = fetch(&fetcher, &url, Some(other)).unwrap_err();
    assert_eq!(error.reason, "PACK_DIGEST");
    assert!(
        error.message.contains(&digest.to_string()) && error.message.contains(&other.to_string()),
        "{error}"
    );
    let fetched = fetch(&fetcher, &url, Some(digest)).unwrap();
    assert_eq!((fetched.artifact, fetched.digest), (pack.clone(), digest));
    fetcher.offline = true;
    assert_eq!(fetch(&fetcher, &url, Some(digest)).unwrap().artifact, pack);
}

#[test]
fn lists_are_bare_files() {
    let bytes = b"evil.example\nworse.example\n";
    let server = Server::start(|request| match request.path.as_str() {
        "/list.txt" => Answer::new(200, bytes.to_vec()),
        "/pack.yaml.tar" => {
            let files = [("pack.yaml".to_owned(), MANIFEST.into())].into_iter().collect();
            Answer::new(200, to_tar(&files).unwrap())
        }
        "/denied" => Answer::new(403, ""),
        _ => Answer::new(404, ""),
    });
    let fetcher = fetcher(None);
    let at = |path: &str| format!("http://{}/{path}", server.address);
    let digest = Digest::from_content(bytes);
    let found = list(&fetcher, &at("list.txt"), digest).unwrap();
    assert_eq!((found.kind(), found.list().unwrap()), (Kind::List, bytes.as_slice().into()));
    assert_eq!(list(&fetcher, &at("other.txt"), digest).unwrap_err().reason, "PACK_NOT_FOUND");
    assert_eq!(list(&fetcher, &at("denied"), digest).unwrap_err().reason, "REGISTRY_DENIED");
    let error = fetch(&fetcher, &at("list.txt"), Some(digest)).unwrap_err();
    assert!(error.message.contains("it is neither a folder"), "{error}");
    let files = [("pack.yaml".to_owned(), MANIFEST.into())].into_iter().collect();
    let error =
        list(&fetcher, &at("pack.yaml.tar"), Digest::from_content(&to_tar(&files).unwrap()))
            .unwrap_err();
    assert!(error.message.contains("is a pack, and no list"), "{error}");
}

#[test]
fn http_without_tls_stays_on_this_machine() {
    let fetcher = fetcher(None);
    let digest = Digest::from_content(b"");
    let error = fetch(&fetcher, "http://packs.example.org/x.tar", Some(digest)).unwrap_err();
    assert!(error.message.contains("has no TLS"), "{error}");
}
