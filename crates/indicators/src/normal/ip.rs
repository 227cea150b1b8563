//! Addresses and prefixes. An IPv4 address mapped into IPv6 is the IPv4 address.

use std::net::{IpAddr, SocketAddr};

use ipnet::{IpNet, Ipv4Net};

/// The bits of the prefix of mapped addresses, `::ffff:0:0/96`.
const MAPPED: u8 = 96;

/// An address, with or without a port.
pub fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim_ascii();
    let address = match text.parse() {
        Ok(address) => address,
        Err(_) => {
            let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
            match bare {
                Some(bare) => IpAddr::V6(bare.parse().ok()?),
                None => text.parse::<SocketAddr>().ok()?.ip(),
            }
        }
    };
    Some(address.to_canonical())
}

/// A prefix, or an address as the longest prefix. Bits behind the prefix are cleared.
pub(crate) fn prefix(text: &str) -> Option<IpNet> {
    let text = text.trim_ascii();
    let Some((address, length)) = text.split_once('/') else {
        return Some(IpNet::from(text.parse::<IpAddr>().ok()?.to_canonical()));
    };
    let plain = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
    let length = plain.then(|| length.parse().ok()).flatten()?;
    let written = IpNet::new(address.parse().ok()?, length).ok()?;
    let mapped = match written {
        IpNet::V6(written) if length >= MAPPED => written.addr().to_ipv4_mapped(),
        _ => None,
    };
    Some(match mapped {
        Some(address) => IpNet::V4(Ipv4Net::new(address, length - MAPPED).ok()?.trunc()),
        None => written.trunc(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_have_one_form() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1")),
            (" 192.0.2.1:53 ", Some("192.0.2.1")),
            ("::ffff:192.0.2.1", Some("192.0.2.1")),
            ("[2001:db8::1]:53", Some("2001:db8::1")),
            ("[2001:DB8::1]", Some("2001:db8::1")),
            ("192.0.2", None),
            ("192.0.2.256", None),
            ("", None),
        ] {
            let found = address(text).map(|address| address.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn prefixes_have_one_form() {
        for (text, expected) in [
            ("192.0.2.1", Some("192.0.2.1/32")),
            ("192.0.2.1/24", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.1/120", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.1", Some("192.0.2.1/32")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("192.0.2.1/33", None),
            ("192.0.2.1/", None),
            ("192.0.2.1/+8", None),
            ("192.0.2.1:53", None),
        ] {
            let found = prefix(text).map(|prefix| prefix.to_string());
            assert_eq!(found.as_deref(), expected, "{text}");
        }
    }
}
