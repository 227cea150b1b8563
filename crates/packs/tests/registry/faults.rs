//! Registries that break, lie or have changed.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use anomal_core::Code;
use anomal_packs::Digest;

use super::{
    server::{Answer, Server},
    support::{answer, artifact, fetch, fetcher},
};

#[test]
fn a_pack_is_pulled_once_and_then_cached() {
    let pack = artifact(1000);
    let expected = pack.clone();
    let server = Server::start(move |request| answer(&pack, request));
    let cache = tempfile::tempdir().unwrap();
    let fetcher = fetcher(Some(cache.path()));
    let reference = format!("oci://{}/house:1", server.address);
    let fetched = fetch(&fetcher, &reference, None).unwrap();
    assert_eq!((fetched.digest, &fetched.artifact), (expected.digest(), &expected));
    let before = server.requests().len();
    // By its digest it needs no network.
    assert_eq!(fetch(&fetcher, &reference, Some(expected.digest())).unwrap().artifact, expected);
    assert_eq!(server.requests().len(), before);
    // A damaged blob is fetched again, and only that.
    let (damaged, _) = expected.blobs.last_key_value().unwrap();
    let file = cache.path().join("blobs/sha256").join(damaged.hex());
    std::fs::write(&file, "damaged").unwrap();
    assert_eq!(fetch(&fetcher, &reference, Some(expected.digest())).unwrap().artifact, expected);
    let after: Vec<String> =
        server.requests()[before..].iter().map(|request| request.path.clone()).collect();
    assert_eq!(
        after,
        [
            format!("/v2/house/manifests/{}", expected.digest()),
            format!("/v2/house/blobs/{damaged}")
        ]
    );
    assert_eq!(Digest::from_content(&std::fs::read(file).unwrap()), *damaged);
}

#[test]
fn offline_uses_the_cache_alone() {
    let pack = artifact(100);
    let expected = pack.clone();
    let server = Server::start(move |request| answer(&pack, request));
    let cache = tempfile::tempdir().unwrap();
    let mut fetcher = fetcher(Some(cache.path()));
    let reference = format!("oci://{}/house:1", server.address);
    fetch(&fetcher, &reference, None).unwrap();
    fetcher.offline = true;
    let before = server.requests().len();
    assert_eq!(fetch(&fetcher, &reference, Some(expected.digest())).unwrap().artifact, expected);
    let error = fetch(&fetcher, &reference, Some(Digest::from_content(b"other"))).unwrap_err();
    assert_eq!((error.code, error.reason), (Code::InvalidSettings, "PACK_NOT_FOUND"));
    assert!(error.message.contains("--offline allows no network"), "{error}");
    assert_eq!(server.requests().len(), before);
}

#[test]
fn a_registry_that_dies_in_the_middle_of_a_blob_is_asked_for_the_rest() {
    let pack = artifact(300_000);
    let expected = pack.clone();
    let deaths = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        let mut answer = answer(&pack, request);
        if answer.body.len() > 100_000 && deaths.fetch_add(1, Ordering::SeqCst) < 2 {
            answer.cut = Some(80_000);
        }
        answer
    });
    let fetched =
        fetch(&fetcher(None), &format!("oci://{}/house:1", server.address), None).unwrap();
    assert_eq!(fetched.artifact, expected);
    let ranges: Vec<String> = server
        .requests()
        .iter()
        .filter_map(|request| request.headers.get("range").cloned())
        .collect();
    assert_eq!(ranges, ["bytes=80000-", "bytes=160000-"]);
}

#[test]
fn patience_is_as_long_as_the_registry_asks() {
    let pack = artifact(10);
    let expected = pack.clone();
    let asked = AtomicUsize::new(0);
    let server = Server::start(move |request| match asked.fetch_add(1, Ordering::SeqCst) {
        0 => Answer::new(429, "slow down").header("Retry-After", "2"),
        1 => Answer::new(503, ""),
        _ => answer(&pack, request),
    });
    let started = Instant::now();
    let fetched =
        fetch(&fetcher(None), &format!("oci://{}/house:1", server.address), None).unwrap();
    assert_eq!(fetched.artifact, expected);
    assert!(started.elapsed() >= Duration::from_secs(2), "{:?}", started.elapsed());
}

#[test]
fn a_registry_that_stays_away_is_unavailable() {
    let server = Server::start(|_| Answer::new(502, ""));
    let error =
        fetch(&fetcher(None), &format!("oci://{}/house:1", server.address), None).unwrap_err();
    assert_eq!((error.code, error.reason), (Code::Unavailable, "REGISTRY_UNAVAILABLE"));
    assert!(error.message.contains("502") && error.message.contains("5 more attempts"), "{error}");
    assert_eq!(server.requests().len(), 6);
}

#[test]
fn lies_are_found_out() {
    type Lie = fn(&mut Answer);
    let lies: [(Lie, &str, &str); 5] = [
        (|answer| answer.body[0] ^= 1, "PACK_DIGEST", "sends bytes with the digest"),
        (|answer| answer.body.push(0), "PACK_INVALID", "has more than"),
        (|answer| answer.endless = true, "PACK_INVALID", "has more than"),
        (
            |answer| {
                answer.body.truncate(500);
                answer.length = Some(500);
            },
            "REGISTRY_UNAVAILABLE",
            "ends after",
        ),
        (|answer| answer.status = 404, "PACK_NOT_FOUND", "does not have it"),
    ];
    for (lie, reason, part) in lies {
        let pack = artifact(1000);
        let server = Server::start(move |request| {
            let mut answer = answer(&pack, request);
            if request.path.contains("/blobs/") && answer.body.len() >= 500 {
                // From the start each time, so that no range completes it.
                answer.status = 200;
                lie(&mut answer);
            }
            answer
        });
        let error =
            fetch(&fetcher(None), &format!("oci://{}/house:1", server.address), None).unwrap_err();
        assert_eq!(error.reason, reason, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
}

#[test]
fn manifests_that_lie_or_are_none() {
    let pack = artifact(10);
    let digest = pack.digest();
    let large = vec![b' '; 3 << 20];
    let image = String::from_utf8(pack.manifest.to_vec()).unwrap();
    let huge = image.replace("\"size\":", "\"size\":99999");
    for (body, endless, reason, part) in [
        (b"{}".to_vec(), false, "PACK_DIGEST", "sends bytes with the digest"),
        (large.clone(), false, "PACK_INVALID", "sends more than"),
        (large, true, "PACK_INVALID", "sends more than"),
    ] {
        let server = Server::start(move |_| Answer { endless, ..Answer::new(200, body.clone()) });
        let error = fetch(&fetcher(None), &format!("oci://{}/house", server.address), Some(digest))
            .unwrap_err();
        assert_eq!(error.reason, reason, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
    for (body, part) in [
        ("<html>".to_owned(), "is not JSON"),
        (r#"{"manifests": []}"#.to_owned(), "an index of 0 images"),
        (r#"{"schemaVersion": 2}"#.to_owned(), "is not the manifest of an image"),
        // Refused before a blob is fetched.
        (huge, "are allowed"),
    ] {
        let server = Server::start(move |_| Answer::new(200, body.clone()));
        let error =
            fetch(&fetcher(None), &format!("oci://{}/house:1", server.address), None).unwrap_err();
        assert!(error.message.contains(part), "{part}: {error}");
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_tag_that_moved_does_not_matter_to_a_digest() {
    let (old, new) = (artifact(10), artifact(20));
    let (first, second) = (old.clone(), new.clone());
    let moved = Arc::new(Mutex::new(false));
    let is_moved = Arc::clone(&moved);
    let server = Server::start(move |request| {
        let by_tag = request.path.ends_with("manifests/1");
        let now = if *is_moved.lock().unwrap() { &new } else { &old };
        let now = answer(now, request);
        if by_tag || now.status == 200 { now } else { answer(&old, request) }
    });
    let reference = format!("oci://{}/house:1", server.address);
    assert_eq!(fetch(&fetcher(None), &reference, None).unwrap().artifact, first);
    *moved.lock().unwrap() = true;
    assert_eq!(fetch(&fetcher(None), &reference, None).unwrap().artifact, second);
    assert_eq!(fetch(&fetcher(None), &reference, Some(first.digest())).unwrap().artifact, first);
}
