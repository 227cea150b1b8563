//! Classes of ports and addresses, which say more of a record than the many ports and addresses themselves.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anomal_components::Component;

use crate::text_metric;

pub fn port_class() -> Component {
    text_metric(
        "port_class",
        "port",
        "The range of a port (RFC 6335): `well-known` (0 to 1023), `registered` (1024 to 49151) or `dynamic` (49152 \
         to 65535); missing for what is no port.",
        |text| {
            let class = match text.trim().parse::<u16>().ok()? {
                0..=1023 => "well-known",
                1024..=49_151 => "registered",
                _ => "dynamic",
            };
            Some(class.to_owned())
        },
    )
}

pub fn address_class() -> Component {
    text_metric(
        "address_class",
        "address",
        "What an IPv4 or IPv6 address, also with a port or a prefix length, is for: `private` (RFC 1918, RFC 6598, \
         RFC 4193), `loopback`, `link-local`, `multicast`, `reserved` (unspecified, broadcast, documentation, tests \
         and future use) or `public`; missing for what is no address.",
        |text| Some(class(address(text.trim())?).to_owned()),
    )
}

/// The address of a text such as `192.0.2.1`, `192.0.2.1:443`, `[2001:db8::1]`, `fe80::1%eth0` or `2001:db8::/32`.
fn address(text: &str) -> Option<IpAddr> {
    if let Ok(socket) = text.parse::<SocketAddr>() {
        return Some(socket.ip());
    }
    let (bare, length) =
        text.split_once('/').map_or((text, None), |(bare, length)| (bare, Some(length)));
    let bare = bare.strip_prefix('[').and_then(|bare| bare.strip_suffix(']')).unwrap_or(bare);
    let bare = bare.split_once('%').map_or(bare, |(bare, _)| bare);
    let address: IpAddr = bare.parse().ok()?;
    let bits = if address.is_ipv4() { 32 } else { 128 };
    let fits = length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= bits));
    fits.then_some(address)
}

fn class(address: IpAddr) -> &'static str {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => class_v4(address),
            None => class_v6(address),
        },
    }
}

fn class_v4(address: Ipv4Addr) -> &'static str {
    let [a, b, c, _] = address.octets();
    match (a, b, c) {
        _ if address.is_loopback() => "loopback",
        _ if address.is_private() => "private",
        (100, 64..=127, _) => "private",
        _ if address.is_link_local() => "link-local",
        _ if address.is_multicast() => "multicast",
        _ if address.is_documentation() => "reserved",
        (0 | 240..=255, ..) | (192, 0, 0) | (198, 18..=19, _) => "reserved",
        _ => "public",
    }
}

fn class_v6(address: Ipv6Addr) -> &'static str {
    match address.segments() {
        _ if address.is_loopback() => "loopback",
        _ if address.is_unique_local() => "private",
        _ if address.is_unicast_link_local() => "link-local",
        _ if address.is_multicast() => "multicast",
        _ if address.is_unspecified() => "reserved",
        [0x2001, 0xdb8, ..] | [0x100, 0, 0, 0, ..] | [0x3fff, 0..=0xfff, ..] => "reserved",
        _ => "public",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::assert_values;

    #[test]
    fn ports_have_ranges() {
        assert_values(&[
            (port_class, "0", Some("well-known")),
            (port_class, " 1023 ", Some("well-known")),
            (port_class, "1024", Some("registered")),
            (port_class, "49151", Some("registered")),
            (port_class, "65535", Some("dynamic")),
            (port_class, "65536", None),
            (port_class, "-1", None),
            (port_class, "https", None),
            (port_class, "", None),
        ]);
    }

    #[test]
    fn addresses_have_classes() {
        let cases = [
            ("10.1.2.3", "private"),
            ("172.31.0.1", "private"),
            ("100.64.0.1", "private"),
            ("fd00::1", "private"),
            ("127.0.0.2", "loopback"),
            ("::1", "loopback"),
            ("169.254.0.1", "link-local"),
            ("fe80::1%eth0", "link-local"),
            ("224.0.0.251", "multicast"),
            ("ff02::1", "multicast"),
            ("0.0.0.0", "reserved"),
            ("255.255.255.255", "reserved"),
            ("203.0.113.9", "reserved"),
            ("2001:db8::1", "reserved"),
            ("::", "reserved"),
            ("172.32.0.1", "public"),
            ("8.8.8.8:53", "public"),
            ("2606:4700::1111", "public"),
            ("[2606:4700::1111]:443", "public"),
            ("[2606:4700::1111]", "public"),
            ("::ffff:10.0.0.1", "private"),
            ("10.0.0.0/8", "private"),
        ];
        for (text, class) in cases {
            assert_values(&[(address_class, text, Some(class))]);
        }
        for text in ["", "10.0.0", "host", "10.0.0.0/33", "10.0.0.1/x", "1.2.3.4.5"] {
            assert_values(&[(address_class, text, None)]);
        }
    }
}
