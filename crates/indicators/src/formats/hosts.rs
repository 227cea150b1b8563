//! Hosts files: an address, then names. The names are the entries.

use std::net::IpAddr;

use anomal_spec::{ListMatch, ListType};

use super::{date_in_comment, line_count, lines};
use crate::{builder::Builder, statistics::Refusal};

/// The names of the machine and of its network, which such files define too.
const LOCAL: [&str; 12] = [
    "localhost",
    "localhost.localdomain",
    "localhost4",
    "localhost6",
    "local",
    "broadcasthost",
    "ip6-localhost",
    "ip6-loopback",
    "ip6-localnet",
    "ip6-mcastprefix",
    "ip6-allnodes",
    "ip6-allrouters",
];

pub(crate) fn read(bytes: &[u8], builder: &mut Builder) {
    builder.reserve(ListType::Domain, ListMatch::Exact, line_count(bytes), bytes.len());
    for (number, line) in lines(bytes) {
        let end = memchr::memchr(b'#', line).unwrap_or(line.len());
        if end == 0 {
            builder.set_date(date_in_comment(number, line));
            continue;
        }
        let Ok(text) = std::str::from_utf8(&line[..end]) else {
            builder.refuse(number, line, Refusal::NotUtf8);
            continue;
        };
        let mut words = text.split_ascii_whitespace();
        let Some(address) = words.next() else { continue };
        // A zone may follow: `fe80::1%lo0`.
        let address = address.split('%').next().unwrap_or_default();
        if address.parse::<IpAddr>().is_err() {
            builder.refuse(number, line, Refusal::NotAddress);
            continue;
        }
        for name in words.filter(|name| !LOCAL.contains(name) && name.parse::<IpAddr>().is_err()) {
            builder.add(number, name, ListType::Domain);
        }
    }
}
