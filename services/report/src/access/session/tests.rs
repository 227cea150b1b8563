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

fn jane() -> Who {
    let groups = vec!["team, \"a\"".to_owned(), "Ünï;code".to_owned()];
    Who::User(Arc::new(User { name: "jane".to_owned(), groups, ..User::default() }))
}

/// What a browser sends back.
fn sent(set: &HeaderValue) -> HeaderMap {
    let pair = set.to_str().unwrap().split(';').next().unwrap().to_owned();
    HeaderMap::from_iter([(COOKIE, pair.parse().unwrap())])
}

#[test]
fn who_signed_in_is_known_until_the_session_ends() {
    let sessions = sessions(&secret(1), "token");
    let cookie = sent(&sessions.start(&jane(), None, 1000, true).unwrap());
    assert_eq!(sessions.read(&cookie, 1899, true), Session::Of(jane()));
    assert_eq!(sessions.read(&cookie, 1900, true), Session::Over);
    assert_eq!(sessions.read(&HeaderMap::new(), 1000, true), Session::None);
}

#[test]
fn a_session_does_not_outlive_its_token() {
    let sessions = sessions(&secret(1), "token");
    let set = sessions.start(&jane(), Some(1060), 1000, true).unwrap();
    assert!(set.to_str().unwrap().contains("Max-Age=60"), "{set:?}");
    assert_eq!(sessions.read(&sent(&set), 1059, true), Session::Of(jane()));
    assert_eq!(sessions.read(&sent(&set), 1060, true), Session::Over);
    let set = sessions.start(&jane(), Some(999), 1000, true).unwrap();
    assert_eq!(sessions.read(&sent(&set), 1000, true), Session::Over);
}

#[test]
fn cookies_are_out_of_reach_of_scripts_and_neighbours() {
    let sessions = sessions(&secret(1), "token");
    let secure = sessions.start(&Who::Token, None, 1000, true).unwrap();
    let secure = secure.to_str().unwrap();
    assert!(secure.starts_with("__Host-anomal="), "{secure}");
    for part in ["; HttpOnly", "; SameSite=Lax", "; Secure", "; Path=/", "; Max-Age=900"] {
        assert!(secure.contains(part), "{part}: {secure}");
    }
    assert!(!secure.contains("Domain"));
    let plain = sessions.start(&Who::Token, None, 1000, false).unwrap();
    assert!(!plain.to_str().unwrap().contains("Secure"));
    // Over TLS, one that came without it is not looked at.
    assert_eq!(sessions.read(&sent(&plain), 1000, true), Session::None);
    let ended = Sessions::end(true).unwrap();
    assert!(ended.to_str().unwrap().starts_with("__Host-anomal=; "), "{ended:?}");
    assert!(ended.to_str().unwrap().contains("Max-Age=0"));
}

#[test]
fn every_changed_character_ends_it() {
    let sessions = sessions(&secret(1), "token");
    let set = sessions.start(&Who::Token, None, 1000, false).unwrap();
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
        assert_eq!(read, Session::Over, "{at}");
    }
}

#[test]
fn replicas_share_sessions_by_their_secret_and_context() {
    let cookie = sent(&sessions(&secret(1), "token").start(&jane(), None, 1000, true).unwrap());
    assert_eq!(sessions(&secret(1), "token").read(&cookie, 1000, true), Session::Of(jane()));
    assert_eq!(sessions(&secret(2), "token").read(&cookie, 1000, true), Session::Over);
    assert_eq!(sessions(&secret(1), "another token").read(&cookie, 1000, true), Session::Over);
}

#[test]
fn too_many_groups_are_refused_with_a_remedy() {
    let groups = (0..400).map(|number| format!("group-{number}")).collect();
    let who = Who::User(Arc::new(User { name: "jane".to_owned(), groups, ..User::default() }));
    let error = sessions(&secret(1), "token").start(&who, None, 1000, true).unwrap_err();
    assert!(error.message.contains("bearer"), "{error}");
}

#[test]
fn a_secret_is_long_enough() {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "too short\n").unwrap();
    let error = Secret::read(file.path()).unwrap_err();
    assert!(error.message.contains("holds 9 bytes and needs 32"), "{error}");
    assert_ne!(Secret::random().unwrap().0, Secret::random().unwrap().0);
    assert_eq!(format!("{:?}", secret(1)), "Secret { .. }");
}
