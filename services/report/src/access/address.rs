//! The client's address: that of the peer, or the one that a trusted proxy forwards. `X-Forwarded-For` from any other
//! peer is ignored.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

/// The client of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Client {
    /// None if the server lacks it (a defect in its wiring): all such clients share their limits.
    pub address: Option<IpAddr>,
    /// Whether the browser uses TLS, to this server or to the proxy.
    pub https: bool,
}

/// The trusted proxies.
#[derive(Clone, Debug, Default)]
pub(super) struct Proxies {
    pub trusted: Vec<IpNet>,
    /// Whether this server itself uses TLS.
    pub https: bool,
}

impl Proxies {
    /// The client by the last address that a trusted proxy added. Proxies append, so the header is read from the
    /// end.
    pub fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Client {
        let mut address = peer.map(|peer| peer.to_canonical());
        let proxied = address.is_some_and(|peer| self.is_trusted(peer));
        if proxied {
            for hop in forwarded_addresses(headers).rev() {
                let Some(hop) = hop else { break };
                address = Some(hop);
                if !self.is_trusted(hop) {
                    break;
                }
            }
        }
        let scheme = headers.get("x-forwarded-proto").filter(|_| proxied);
        let https = scheme.map_or(self.https, |scheme| scheme.as_bytes() == b"https");
        Client { address, https }
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|net| net.contains(&address))
    }
}

/// The addresses in all lines of `X-Forwarded-For`; none for what is not an address.
fn forwarded_addresses(headers: &HeaderMap) -> impl DoubleEndedIterator<Item = Option<IpAddr>> {
    let lines: Vec<_> = headers.get_all("x-forwarded-for").into_iter().collect();
    lines.into_iter().flat_map(|line| {
        let texts: Vec<_> = line.to_str().unwrap_or("?").split(',').map(parse_address).collect();
        texts
    })
}

/// An address with or without a port.
fn parse_address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    let address = bare.parse::<IpAddr>().ok();
    let address = address.or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str], scheme: Option<&'static str>) -> (String, bool) {
        let trusted = vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        if let Some(scheme) = scheme {
            headers.insert("x-forwarded-proto", scheme.parse().unwrap());
        }
        let proxies = Proxies { trusted, https: false };
        let client = proxies.client(Some(peer.parse().unwrap()), &headers);
        (client.address.unwrap().to_string(), client.https)
    }

    #[test]
    fn headers_of_untrusted_peers_are_ignored() {
        let (address, https) = client("198.51.100.7", &["203.0.113.1"], Some("https"));
        assert_eq!((address.as_str(), https), ("198.51.100.7", false));
    }

    #[test]
    fn a_trusted_proxy_forwards_the_client_address() {
        let cases: [(&str, &[&str], &str); 8] = [
            ("10.0.0.1", &["203.0.113.1"], "203.0.113.1"),
            ("::ffff:10.0.0.1", &["203.0.113.1:4711"], "203.0.113.1"),
            ("fd00::1", &["[2001:db8::5]:80"], "2001:db8::5"),
            // The client's own value comes before the one that the proxy added.
            ("10.0.0.1", &["127.0.0.1, 203.0.113.1"], "203.0.113.1"),
            ("10.0.0.1", &["127.0.0.1", "203.0.113.1, 10.9.9.9"], "203.0.113.1"),
            ("10.0.0.1", &["203.0.113.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["10.1.1.1"], "10.1.1.1"),
        ];
        for (peer, forwarded, expected) in cases {
            assert_eq!(client(peer, forwarded, None).0, expected, "{peer} {forwarded:?}");
        }
        assert!(client("10.0.0.1", &[], Some("https")).1);
        assert!(!client("10.0.0.1", &[], Some("http")).1);
    }
}
