use std::sync::Arc;

use anomal_access::User;

use super::*;

const LIFE: Duration = Duration::from_mins(15);

fn sessions(secret: &Secret, context: &str) -> Sessions {
    Sessions::new(secret, &[context.as_bytes()], LIFE).unwrap()
}

fn secret(byte: u8) -> Secret {
    Secret(vec![byte; 64])
}

fn jane() -> Principal {
    let groups = vec!["team, \"a\"".to_owned(), "Ünï;code".to_owned()];
    Principal::User(Arc::new(User { name: "jane".to_owned(), groups, ..User::default() }))
}

/// The headers in which a browser sends a cookie back.
fn cookie_headers(set: &HeaderValue) -> HeaderMap {
    let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    HeaderMap::from_iter([(COOKIE, pair.parse().unwrap())])
}

#[test]
fn a_session_is_active_until_it_ends() {
    let sessions = sessions(&secret(1), "token");
    let cookie = cookie_headers(&sessions.start(&jane(), None, 1000, true).unwrap());
    assert_eq!(sessions.read(&cookie, 1899, true), Session::Active(jane()));
    assert_eq!(sessions.read(&cookie, 1900, true), Session::Ended);
    assert_eq!(sessions.read(&HeaderMap::new(), 1000, true), Session::Missing);
}

#[test]
fn a_session_does_not_outlive_its_token() {
    let sessions = sessions(&secret(1), "token");
    let set = sessions.start(&jane(), Some(1060), 1000, true).unwrap();
    assert!(set.to_str().unwrap().contains("Max-Age=60"), "{set:?}");
    assert_eq!(sessions.read(&cookie_headers(&set), 1059, true), Session::Active(jane()));
    assert_eq!(sessions.read(&cookie_headers(&set), 1060, true), Session::Ended);
    let set = sessions.start(&jane(), Some(999), 1000, true).unwrap();
    assert_eq!(sessions.read(&cookie_headers(&set), 1000, true), Session::Ended);
}

#[test]
fn cookies_are_out_of_reach_of_scripts_and_neighbours() {
    let sessions = sessions(&secret(1), "token");
    let secure = sessions.start(&Principal::Token, None, 1000, true).unwrap();
    let secure = secure.to_str().unwrap();
    assert!(secure.starts_with("__Host-anomal="), "{secure}");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", "; Max-Age=900"] {
        assert!(secure.contains(part), "{part}: {secure}");
    }
    assert!(!secure.contains("Domain"));
    let plain = sessions.start(&Principal::Token, None, 1000, false).unwrap();
    assert!(!plain.to_str().unwrap().contains("Secure"));
    // Over TLS, a cookie set without it is ignored.
    assert_eq!(sessions.read(&cookie_headers(&plain), 1000, true), Session::Missing);
    let ended = Sessions::end(true).unwrap();
    assert!(ended.to_str().unwrap().starts_with("__Host-anomal=; "), "{ended:?}");
    assert!(ended.to_str().unwrap().contains("Max-Age=0"));
}

#[test]
fn every_changed_character_invalidates_it() {
    let sessions = sessions(&secret(1), "token");
    let set = sessions.start(&Principal::Token, None, 1000, false).unwrap();
    let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    for at in "anomal=".len()..pair.len() {
        let mut changed = pair.clone().into_bytes();
        // Another letter of base64, also in the bits that padding leaves unused.
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        let header = HeaderValue::from_bytes(&changed).unwrap();
        if header.as_bytes() == pair.as_bytes() {
            continue;
        }
        let read = sessions.read(&HeaderMap::from_iter([(COOKIE, header)]), 1000, false);
        assert_eq!(read, Session::Ended, "{at}");
    }
}

#[test]
fn replicas_with_the_same_secret_and_context_share_sessions() {
    let cookie =
        cookie_headers(&sessions(&secret(1), "token").start(&jane(), None, 1000, true).unwrap());
    assert_eq!(sessions(&secret(1), "token").read(&cookie, 1000, true), Session::Active(jane()));
    assert_eq!(sessions(&secret(2), "token").read(&cookie, 1000, true), Session::Ended);
    assert_eq!(sessions(&secret(1), "another token").read(&cookie, 1000, true), Session::Ended);
}

#[test]
fn too_many_groups_are_refused_with_a_remedy() {
    let groups = (0..400).map(|number| format!("group-{number}")).collect();
    let user =
        Principal::User(Arc::new(User { name: "jane".to_owned(), groups, ..User::default() }));
    let error = sessions(&secret(1), "token").start(&user, None, 1000, true).unwrap_err();
    assert!(error.message.contains("bearer"), "{error}");
}

#[test]
fn a_short_secret_is_refused() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "too short\n").unwrap();
    let error = Secret::read(file.path()).unwrap_err();
    assert!(error.message.contains("has 9 bytes and needs 32"), "{error}");
    assert_ne!(Secret::random().unwrap().0, Secret::random().unwrap().0);
    assert_eq!(format!("{:?}", secret(1)), "Secret { .. }");
}
