//! The origin of a browser's request. Pages of other sites may link to the pages, and do nothing else.

use std::net::IpAddr;

use anomal_core::{Code, Error, Result};
use axum::http::{HeaderMap, HeaderValue, Method, Uri, header, uri::Authority};

/// Refuses unsafe requests from pages of other sites.
///
/// Browsers send the origin (`Sec-Fetch-Site`, or `Origin` over plain HTTP); a client that sends neither is not a
/// browser, and sends cookies only on purpose.
///
/// # Errors
/// `PermissionDenied`.
pub(super) fn check(method: &Method, uri: &Uri, headers: &HeaderMap) -> Result<()> {
    if method.is_safe() {
        return Ok(());
    }
    let same = match headers.get("sec-fetch-site").map(HeaderValue::as_bytes) {
        Some(site) => matches!(site, b"same-origin" | b"none"),
        None => headers.get(header::ORIGIN).is_none_or(|origin| {
            let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://"));
            let origin = origin.and_then(|(_, host)| host.parse::<Authority>().ok());
            origin.is_some() && origin == host(uri, headers)
        }),
    };
    if same {
        return Ok(());
    }
    Err(Error::new(
        Code::PermissionDenied,
        "OTHER_ORIGIN",
        "a page of another site sent this request; open the page on this server and repeat it there",
    ))
}

/// Refuses clients and host names other than this machine's. An open server is for this machine only: a page whose
/// own name resolves to 127.0.0.1 would otherwise share its origin, and a proxy would expose it.
///
/// # Errors
/// `PermissionDenied`.
pub(super) fn check_local(client: Option<IpAddr>, uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let own = host(uri, headers).is_some_and(|host| is_local(host.host()));
    let local = client.is_some_and(|address| address.is_loopback());
    if own
        && local
        && !headers.contains_key("x-forwarded-for")
        && !headers.contains_key("forwarded")
    {
        return Ok(());
    }
    Err(Error::new(
        Code::PermissionDenied,
        "THIS_MACHINE_ONLY",
        "this server is open to its own machine only, as localhost; start it with `--auth token` to serve others",
    ))
}

fn host(uri: &Uri, headers: &HeaderMap) -> Option<Authority> {
    // HTTP/2 has it in the URI.
    let header = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok());
    uri.authority().cloned().or(header)
}

fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let address = bare.parse::<IpAddr>();
    address.map_or_else(
        |_| host.eq_ignore_ascii_case("localhost"),
        |address| address.to_canonical().is_loopback(),
    )
}

/// The path to open after signing in, if it is one of this server. Browsers read `//host` and `/\host` as the address
/// of another server, and ignore line ends and tabs.
pub(super) fn local_path(next: &str) -> Option<&str> {
    let rest = next.strip_prefix('/')?;
    let plain = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    (plain && !rest.starts_with('/') && next.len() <= 2000).then_some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    fn allowed(method: &Method, pairs: &[(&'static str, &str)]) -> bool {
        check(method, &Uri::from_static("/delete"), &headers(pairs)).is_ok()
    }

    #[test]
    fn pages_of_other_sites_are_refused() {
        let host = ("host", "reports.example:8443");
        for origin in
            ["https://evil.example", "null", "https://reports.example", "", "reports.example:8443"]
        {
            assert!(!allowed(&Method::POST, &[host, ("origin", origin)]), "{origin}");
        }
        for site in ["cross-site", "same-site", ""] {
            let same = ("origin", "https://reports.example:8443");
            assert!(!allowed(&Method::POST, &[host, same, ("sec-fetch-site", site)]), "{site}");
        }
        assert!(!allowed(&Method::DELETE, &[("origin", "https://evil.example")]));
    }

    #[test]
    fn own_pages_and_programs_are_allowed() {
        let host = ("host", "Reports.example:8443");
        assert!(allowed(&Method::POST, &[host, ("origin", "https://reports.example:8443")]));
        assert!(allowed(&Method::POST, &[host, ("sec-fetch-site", "same-origin")]));
        assert!(allowed(&Method::POST, &[host]));
        assert!(allowed(&Method::GET, &[host, ("sec-fetch-site", "cross-site")]));
    }

    #[test]
    fn only_local_clients_and_names_are_local() {
        let local = |client: &str, pairs: &[(&'static str, &str)]| {
            check_local(Some(client.parse().unwrap()), &Uri::from_static("/"), &headers(pairs))
                .is_ok()
        };
        for host in ["localhost", "LOCALHOST:8080", "127.0.0.1:80", "127.1.2.3", "[::1]:8080"] {
            assert!(local("127.0.0.1", &[("host", host)]), "{host}");
        }
        for host in ["evil.example", "localhost.evil.example", "10.0.0.1:80", "0.0.0.0", ""] {
            assert!(!local("127.0.0.1", &[("host", host)]), "{host}");
        }
        assert!(!local("127.0.0.1", &[]));
        assert!(!local("192.0.2.1", &[("host", "localhost")]));
        assert!(!local("::1", &[("host", "localhost"), ("x-forwarded-for", "192.0.2.1")]));
    }

    #[test]
    fn only_paths_of_this_server_are_local() {
        for next in ["/", "/reports/a?page=2&sort=-score", "/a//b", "/%0a"] {
            assert_eq!(local_path(next), Some(next));
        }
        let others = [
            "",
            "//evil",
            "/\\evil",
            "/\t/evil",
            "/\n/evil",
            "https://evil",
            "evil",
            "javascript:alert(1)",
            "/a\\b",
            "/ü",
            "/a b",
        ];
        for next in others {
            assert_eq!(local_path(next), None, "{next:?}");
        }
        assert_eq!(local_path(&format!("/{}", "a".repeat(2000))), None);
    }
}
