//! Who gets credentials: the registry and its token server, and no host that they redirect to.

use anomal_core::Code;
use anomal_packs::{
    Artifact,
    oci::{Connection, Credentials, Repository, wait},
};

use super::{
    server::{Answer, Server},
    support::{answer, artifact, fetch, fetcher},
};

fn connection() -> Connection {
    let credentials = Credentials::Basic { user: "me".into(), password: "secret".into() };
    Connection { credentials, ..Connection::default() }
}

fn pull(server: &Server, connection: &Connection) -> Result<Artifact, anomal_packs::PackError> {
    let reference = format!("oci://{}/house:1", server.address).parse().unwrap();
    let repository = Repository::new(&reference, connection, false)?;
    wait(|| async {
        let manifest = repository.manifest("1").await?;
        let mut pack =
            Artifact { manifest, blobs: std::collections::BTreeMap::new(), signatures: Vec::new() };
        for descriptor in pack.image()?.descriptors() {
            pack.blobs.insert(descriptor.digest, repository.blob(descriptor).await?);
        }
        Ok(pack)
    })
}

/// A registry that wants a token of another server.
fn with_tokens(pack: Artifact, realm: String) -> Server {
    Server::start(move |request| {
        match request.headers.get("authorization").map(String::as_str) {
        Some("Bearer good") => answer(&pack, request),
        _ => Answer::new(401, "").header(
            "WWW-Authenticate",
            format!("Bearer realm=\"{realm}\",service=\"registry, \\\"x\\\"\",scope=\"repository:house:pull\""),
        ),
    }
    })
}

#[test]
fn a_token_is_asked_for_with_the_credentials() {
    let pack = artifact(10);
    let tokens = Server::start(|request| {
        let authorized =
            request.headers.get("authorization").is_some_and(|value| value == "Basic bWU6c2VjcmV0");
        let complete = request.path.contains("scope=repository%3Ahouse%3Apull")
            && request.path.contains("service=registry%2C+%22x%22");
        if authorized && complete {
            Answer::new(200, r#"{"access_token": "good"}"#)
        } else {
            Answer::new(403, "")
        }
    });
    let server = with_tokens(pack.clone(), format!("http://{}/token", tokens.address));
    assert_eq!(pull(&server, &connection()).unwrap(), pack);
    // One token for all requests.
    assert_eq!(tokens.requests().len(), 1);
    let basic = |request: &super::server::Request| {
        request.headers.get("authorization").is_some_and(|value| value.starts_with("Basic"))
    };
    assert!(!server.requests().iter().any(basic));

    let error = pull(&server, &Connection::default()).unwrap_err();
    assert_eq!((error.code, error.reason), (Code::PermissionDenied, "REGISTRY_DENIED"));
    assert!(error.message.contains("docker login"), "{error}");
    let wrong = Credentials::Basic { user: "me".into(), password: "wrong".into() };
    let error =
        pull(&server, &Connection { credentials: wrong, ..Connection::default() }).unwrap_err();
    assert!(
        error.message.contains("with these credentials") && !error.message.contains("wrong"),
        "{error}"
    );
}

#[test]
fn an_identity_token_is_exchanged() {
    let pack = artifact(10);
    let tokens = Server::start(|request| {
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let complete = request.method == "POST"
            && form.contains("refresh_token=refresh")
            && form.contains("scope=repository%3Ahouse%3Apull");
        if complete { Answer::new(200, r#"{"token": "good"}"#) } else { Answer::new(403, "") }
    });
    let server = with_tokens(pack.clone(), format!("http://{}/token", tokens.address));
    let credentials = Credentials::Refresh("refresh".into());
    assert_eq!(pull(&server, &Connection { credentials, ..Connection::default() }).unwrap(), pack);
}

#[test]
fn token_servers_that_are_none() {
    for (header, reason) in [
        ("Bearer realm=\"\"", "REGISTRY_UNAVAILABLE"),
        ("Bearer", "REGISTRY_UNAVAILABLE"),
        ("Negotiate", "REGISTRY_DENIED"),
        ("", "REGISTRY_DENIED"),
    ] {
        let server =
            Server::start(move |_| Answer::new(401, "").header("WWW-Authenticate", header));
        assert_eq!(pull(&server, &connection()).unwrap_err().reason, reason, "{header}");
    }
    for token in ["{}", "no JSON", r#"{"token": "a\nb"}"#] {
        let tokens = Server::start(move |_| Answer::new(200, token));
        let server = with_tokens(artifact(10), format!("http://{}/", tokens.address));
        let error = pull(&server, &connection()).unwrap_err();
        assert!(error.message.contains("gives no token"), "{error}");
    }
}

#[test]
fn a_redirect_to_another_host_has_no_credentials() {
    let pack = artifact(10);
    let blobs = {
        let pack = pack.clone();
        Server::start_at("127.0.0.2", move |request| answer(&pack, request))
    };
    let (elsewhere, all) = (blobs.address, pack.clone());
    let server = Server::start(move |request| match request.headers.get("authorization") {
        None => Answer::new(401, "").header("WWW-Authenticate", "Basic realm=\"x\""),
        Some(_) if request.path.contains("/blobs/") => {
            Answer::new(307, "").header("Location", format!("http://{elsewhere}{}", request.path))
        }
        Some(_) => answer(&all, request),
    });
    assert_eq!(pull(&server, &connection()).unwrap(), pack);
    assert!(!blobs.requests().is_empty());
    assert!(blobs.requests().iter().all(|request| !request.headers.contains_key("authorization")));
    assert!(server.requests().iter().any(|request| request.headers.contains_key("authorization")));
}

#[test]
fn redirects_in_a_circle_end() {
    let server =
        Server::start(|request| Answer::new(302, "").header("Location", request.path.clone()));
    let error =
        fetch(&fetcher(None), &format!("oci://{}/house:1", server.address), None).unwrap_err();
    assert!(error.message.contains("more than 5 redirects"), "{error}");
}
